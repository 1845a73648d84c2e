package policy

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits that no policy of a person meets. The YAML library descends once per level and is
// quadratic in the number of keys, so without them a small file could end the process.
const (
	maxSize   = 256 << 10 // bytes
	maxTokens = 20_000
	maxDepth  = 20
)

// Parse reads what one file says; name is used in messages. The error, if any, is of type
// [Problems] and holds every mistake; the layer is then of no use. When known names of
// scanners are given, writing another one is a mistake too.
//
// Only a small part of YAML is taken: one document, without anchors, aliases, tags and
// directives. The file decides about security, so it should be read the same way by
// everybody.
func Parse(name string, b []byte, known ...string) (Layer, error) {
	r := &reader{file: name, scanners: known}
	err := r.document(b, func(root ast.Node) {
		r.walk(table, place{1, 1}, nil, value{root, placeOf(root.GetToken())})
		if isMapping(root) && !r.saidVersion {
			r.problem(place{1, 1}, "the version is missing; begin the file with `version: 1`")
		}
	})
	if err != nil {
		return Layer{}, err
	}
	return Layer{values: r.values}, nil
}

// document has the root of a file read, if there is one, and gives all [Problems] or nil.
func (r *reader) document(b []byte, read func(root ast.Node)) error {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	text := strings.ReplaceAll(string(b), "\r\n", "\n")
	if len(b) > maxSize {
		r.problem(place{1, 1}, "the file is larger than %d KiB; make it smaller", maxSize>>10)
	} else if r.plainText(text); len(r.problems) == 0 {
		if root := r.parse(text); root != nil {
			read(root)
		}
	}
	if len(r.problems) > 0 {
		return r.problems.inOrder(text)
	}
	return nil
}

// A reader collects the problems of one file.
type reader struct {
	file     string
	scanners []string // may be empty: not known
	problems Problems
	values   []Value

	saidVersion bool
}

// A place is a line and a column, both from 1.
type place struct{ line, column int }

func (r *reader) problem(at place, format string, args ...any) {
	r.problems = append(r.problems, Problem{r.file, at.line, at.column, fmt.Sprintf(format, args...)})
}

// plainText refuses what an editor would not show as it is.
func (r *reader) plainText(text string) {
	for i, line := range strings.Split(text, "\n") {
		column := 0
		indent := true
		for j, c := range line {
			column++
			at := place{i + 1, column}
			switch {
			case c == utf8.RuneError && !strings.HasPrefix(line[j:], string(utf8.RuneError)):
				r.problem(at, "this is not UTF-8 text; save the file as UTF-8")
				return
			case c == '\t' && indent:
				if strings.TrimSpace(line) != "" {
					r.problem(at, "a tab cannot indent YAML; use spaces")
				}
				indent = false
			case unicode.IsControl(c) && c != '\t':
				r.problem(at, "there is a control character (U+%04X) here; remove it", c)
			case c != ' ':
				indent = false
			}
		}
	}
}

// parse gives the root of the document, or nil and at least one problem.
func (r *reader) parse(text string) (root ast.Node) {
	defer func() {
		if recover() != nil {
			root = nil
			r.problem(place{1, 1}, "the file cannot be read as YAML; write it in a simpler way")
		}
	}()
	// The library loses count of columns at a tab. Here there are only those that a space
	// can stand for: behind text, and in quotes, where no name has one.
	tokens := lexer.Tokenize(strings.ReplaceAll(text, "\t", " "))
	if r.simple(tokens); len(r.problems) > 0 {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.syntax(err)
		return nil
	}
	var bodies []ast.Node
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.CommentType && doc.Body.Type() != ast.CommentGroupType {
			bodies = append(bodies, doc.Body)
		}
	}
	switch len(bodies) {
	case 0:
		r.problem(place{1, 1}, "the file is empty; delete it or write `version: 1`")
		return nil
	case 1:
		return bodies[0]
	}
	r.problem(valueOf(bodies[1], place{1, 1}).place, "remove this and what follows; the file must be one YAML document")
	return nil
}

// simple refuses the parts of YAML that we do not take. It looks at tokens because the
// parser already follows anchors, and descends as deep as it is told to.
func (r *reader) simple(tokens token.Tokens) {
	depth, entries, entriesLine, content, count := 0, 0, 0, false, 0
	var at place
	for _, t := range tokens {
		before := at
		at = placeOf(t)
		if t.Type != token.CommentType {
			count++
		}
		if count > maxTokens {
			r.problem(at, "the file has too many entries; make it smaller")
			return
		}
		switch t.Type {
		case token.AliasType:
			if at == (place{before.line, before.column + 1}) && t.PreviousType() == token.AliasType {
				continue // the second star of **
			}
			r.problem(at, "put quotes around text that begins with *; YAML aliases are not taken here")
		case token.AnchorType:
			r.problem(at, "put quotes around text that begins with &; YAML anchors are not taken here")
		case token.TagType:
			r.problem(at, "put quotes around text that begins with !; YAML tags are not taken here")
		case token.MergeKeyType:
			r.problem(at, "write the keys out; YAML merge keys (<<) are not taken here")
		case token.MappingKeyType:
			r.problem(at, "write the key without ?; keys are plain text here")
		case token.DirectiveType:
			r.problem(at, "remove this line; YAML directives (%%) are not taken here")
			return // the rest of the line would look like text
		case token.DocumentHeaderType, token.DocumentEndType:
			if content || t.Type == token.DocumentEndType {
				r.problem(at, "remove this line and what follows; the file must be one YAML document")
				return
			}
		case token.MappingValueType:
			// The library takes {mode:block} for {mode: block}; other readers do not.
			if next := placeOf(t.Next); next == (place{at.line, at.column + 1}) && !isQuoted(t.Prev) {
				r.problem(at, "put a space behind the colon")
			}
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			if at.line != entriesLine {
				entries, entriesLine = 0, at.line
			}
			entries++
		}
		if depth > maxDepth || entries > maxDepth {
			r.problem(at, "this is nested too deeply; nothing here needs more than a few levels")
			return
		}
		content = content || t.Type != token.CommentType && t.Type != token.DocumentHeaderType
	}
}

// syntax tells an error of the library, in our words where we have some.
func (r *reader) syntax(err error) {
	var told yaml.Error
	if !errors.As(err, &told) {
		r.problem(place{1, 1}, "the file cannot be read as YAML")
		return
	}
	message := "this is not valid YAML (" + printable(told.GetMessage(), 120) + ")"
	for _, known := range []struct{ theirs, ours string }{
		{"reserved character", "put quotes around text that begins with @ or `"},
		{"could not find end character", "this quote is never closed; add the closing quote"},
		{"must be specified", "a bracket is not closed above, or a comma is missing; add it"},
		{"could not find flow", "this bracket is never closed; add the closing one"},
		{"mapping value is not allowed", "there is a second colon in this line; put quotes around the text or begin a new line"},
		{"value is not allowed in this context", "this does not fit what is before it; check the indentation, the colons, and quotes around text that begins with { or ["},
		{"unexpected key name", "a key needs a colon and a space behind it; check this line and the next"},
		{"found an invalid key", "a key must be plain text"},
		{"character corresponding to", "this bracket was never opened; remove it or put quotes around the text"},
		{"block sequence entries are not allowed", "begin the list on its own line, or write it in brackets"},
	} {
		if strings.Contains(told.GetMessage(), known.theirs) {
			message = known.ours
			break
		}
	}
	r.problem(placeOf(told.GetToken()), "%s", message)
}

func isQuoted(t *token.Token) bool {
	return t != nil && (t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType)
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{t.Position.Line, t.Position.Column}
}
