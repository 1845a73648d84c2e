// Package strictyaml reads the small part of YAML that files about security need: one document, without anchors,
// aliases, tags and directives. It reports every mistake with the file, the line, the column and what to write instead.
// Such a file decides about security, so everybody should read it the same way.
package strictyaml

import (
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

// Limits that no hand-written file reaches. The YAML library descends once per level and is quadratic in the number of
// keys, so without them a small file could end the process.
const (
	maxSize   = 256 << 10 // bytes
	maxTokens = 20_000
	maxDepth  = 20
)

// A Reader reads one file and collects its problems.
type Reader struct {
	File     string // for messages
	Problems Problems
}

// Document calls read with the root of a file, if there is one, and returns all [Problems] or nil.
func (r *Reader) Document(b []byte, read func(root Value)) error {
	return r.Read(Parse(Source{r.File, b}), read)
}

// Read is Document for a file that was parsed elsewhere. Its name is that of the reader.
func (r *Reader) Read(d Document, read func(root Value)) error {
	if r.Problems = append(r.Problems, d.Problems...); len(d.Problems) == 0 {
		read(ValueOf(d.Root, Start))
	}
	if len(r.Problems) > 0 {
		return r.Problems.inOrder(d.normal())
	}
	return nil
}

// A Place is a line and a column, both from 1.
type Place struct{ Line, Column int }

// Start is the place at which something missing in a file is reported.
var Start = Place{1, 1}

func (r *Reader) Problem(at Place, format string, args ...any) {
	r.Problems = append(r.Problems, Problem{r.File, at.Line, at.Column, fmt.Sprintf(format, args...)})
}

// plainText refuses characters that an editor would not show as they are.
func (r *Reader) plainText(text string) {
	for i, line := range strings.Split(text, "\n") {
		column := 0
		indent := true
		for j, c := range line {
			column++
			at := Place{i + 1, column}
			switch {
			case c == utf8.RuneError && !strings.HasPrefix(line[j:], string(utf8.RuneError)):
				r.Problem(at, "this is not UTF-8 text; save the file as UTF-8")
				return
			case c == '\t' && indent:
				if strings.TrimSpace(line) != "" {
					r.Problem(at, "a tab cannot indent YAML; use spaces")
				}
				indent = false
			case unicode.IsControl(c) && c != '\t':
				r.Problem(at, "there is a control character (U+%04X) here; remove it", c)
			case c != ' ':
				indent = false
			}
		}
	}
}

// parse returns the root of the document, or nil and at least one problem.
func (r *Reader) parse(text string) (root *Node) {
	defer func() {
		if recover() != nil {
			root = nil
			r.Problem(Start, "the file cannot be read as YAML; write it in a simpler way")
		}
	}()
	// The library miscounts columns after a tab. Here tabs are only where a space can stand for them: after text, and
	// in quotes, where no name has one.
	tokens := lexer.Tokenize(strings.ReplaceAll(text, "\t", " "))
	if r.simple(tokens); len(r.Problems) > 0 {
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
		r.Problem(Start, "the file is empty; delete it or write `version: 1`")
		return nil
	case 1:
		return nodeOf(bodies[0])
	}
	r.Problem(nodeOf(bodies[1]).Place, "remove this and what follows; the file must be one YAML document")
	return nil
}

// simple refuses the parts of YAML that we do not accept. It reads tokens because the parser already follows anchors,
// and descends as deep as the file says.
func (r *Reader) simple(tokens token.Tokens) {
	depth, entries, entriesLine, content, count := 0, 0, 0, false, 0
	var at Place
	for _, t := range tokens {
		before := at
		at = PlaceOf(t)
		if t.Type != token.CommentType {
			count++
		}
		if count > maxTokens {
			r.Problem(at, "the file has too many entries; make it smaller")
			return
		}
		switch t.Type {
		case token.AliasType:
			if at == (Place{before.Line, before.Column + 1}) && t.PreviousType() == token.AliasType {
				continue // the second star of **
			}
			r.Problem(at, "put quotes around text that begins with *; YAML aliases are not taken here")
		case token.AnchorType, token.TagType, token.MergeKeyType, token.MappingKeyType:
			r.Problem(at, "%s", notTaken(t.Type))
		case token.DirectiveType:
			r.Problem(at, "remove this line; YAML directives (%%) are not taken here")
			return // the rest of the line would be read as text
		case token.DocumentHeaderType, token.DocumentEndType:
			if content || t.Type == token.DocumentEndType {
				r.Problem(at, "remove this line and what follows; the file must be one YAML document")
				return
			}
		case token.MappingValueType:
			// The library accepts {mode:block} for {mode: block}; other readers do not.
			if next := PlaceOf(t.Next); next == (Place{at.Line, at.Column + 1}) && !isQuoted(t.Prev) {
				r.Problem(at, "put a space after the colon")
			}
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			if at.Line != entriesLine {
				entries, entriesLine = 0, at.Line
			}
			entries++
		}
		if depth > maxDepth || entries > maxDepth {
			r.Problem(at, "this is nested too deeply; nothing here needs more than a few levels")
			return
		}
		content = content || t.Type != token.CommentType
	}
}

// notTaken says what to write instead of a part of YAML that is not taken.
func notTaken(t token.Type) string {
	switch t {
	case token.AnchorType:
		return "put quotes around text that begins with &; YAML anchors are not taken here"
	case token.TagType:
		return "put quotes around text that begins with !; YAML tags are not taken here"
	case token.MergeKeyType:
		return "write the keys out; YAML merge keys (<<) are not taken here"
	}
	return "write the key without ?; keys are plain text here"
}

// syntax reports an error of the library, in our own words if we have some for it.
func (r *Reader) syntax(err error) {
	var yamlErr yaml.Error
	if !errors.As(err, &yamlErr) {
		r.Problem(Start, "the file cannot be read as YAML")
		return
	}
	message := "this is not valid YAML (" + Printable(yamlErr.GetMessage(), 120) + ")"
	for _, known := range []struct{ theirs, ours string }{
		{"reserved character", "put quotes around text that begins with @ or `"},
		{"could not find end character", "this quote is never closed; add the closing quote"},
		{"must be specified", "a bracket is not closed above, or a comma is missing; add it"},
		{"could not find flow", "this bracket is never closed; add the closing one"},
		{"sequence end token", "this bracket is never closed; add the closing one"},
		{"mapping value is not allowed", "there is a second colon in this line; put quotes around the text or begin a new line"},
		{"value is not allowed in this context", "this does not fit what is before it; check the indentation, the colons, and quotes around text that begins with { or ["},
		{"unexpected key name", "a key needs a colon and a space after it; check this line and the next"},
		{"non-map value", "a key needs a colon and a space after it; check this line and the next"},
		{"found an invalid key", "a key must be plain text"},
		{"character corresponding to", "this bracket was never opened; remove it or put quotes around the text"},
		{"block sequence entries are not allowed", "begin the list on its own line, or write it in brackets"},
	} {
		if strings.Contains(yamlErr.GetMessage(), known.theirs) {
			message = known.ours
			break
		}
	}
	r.Problem(PlaceOf(yamlErr.GetToken()), "%s", message)
}

func isQuoted(t *token.Token) bool {
	return t != nil && (t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType)
}

func PlaceOf(t *token.Token) Place {
	if t == nil || t.Position == nil {
		return Start
	}
	return Place{t.Position.Line, t.Position.Column}
}
