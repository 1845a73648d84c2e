package command

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"
)

// Prefix begins every command.
const Prefix = "/secbydesign"

// Find gives the lines of a comment that are commands, in order: those that begin with
// [Prefix] in the first column, where they are neither code, quotation, table nor HTML. It
// reads the comment as GitHub renders it, since people expect that what looks like a quotation
// is one.
func Find(body string) (lines []string) {
	body = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD").Replace(body)
	if !slices.ContainsFunc(strings.Split(body, "\n"), begins) {
		return nil // nearly every comment
	}
	defer func() {
		if recover() != nil { // of the library: what it cannot read is no command
			lines = nil
		}
	}()
	source := []byte(body)
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(source))

	at := map[int]bool{}        // where a line of prose begins
	covered := []text.Segment{} // inline code and HTML, which may go over several lines
	hidden := 0                 // how many quotations and the like are open in HTML
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Blockquote, *ast.FencedCodeBlock, *ast.CodeBlock:
			return ast.WalkSkipChildren, nil
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				hidden = max(0, hidden+openings(line.Value(source)))
			}
			if n.HasClosure() {
				hidden = max(0, hidden+openings(n.ClosureLine.Value(source)))
			}
			return ast.WalkSkipChildren, nil
		case *ast.RawHTML:
			for i := range n.Segments.Len() {
				part := n.Segments.At(i)
				covered = append(covered, part)
				hidden = max(0, hidden+openings(part.Value(source)))
			}
		case *ast.CodeSpan:
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				if t, ok := c.(*ast.Text); ok {
					covered = append(covered, t.Segment)
				}
			}
		case *ast.Paragraph, *ast.TextBlock, *ast.Heading: // a heading is text above a line of "---"
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				// The library takes leading spaces off.
				if hidden == 0 && (line.Start == 0 || source[line.Start-1] == '\n') {
					at[line.Start] = true
				}
			}
		}
		return ast.WalkContinue, nil
	})
	for start := range at {
		for _, c := range covered {
			if c.Start <= start && start < c.Stop {
				delete(at, start)
			}
		}
	}
	for start := 0; start < len(source); {
		end := len(source)
		if i := bytes.IndexByte(source[start:], '\n'); i >= 0 {
			end = start + i
		}
		if line := string(source[start:end]); at[start] && begins(line) {
			lines = append(lines, strings.TrimSpace(strings.ToValidUTF8(line, "\uFFFD")))
		}
		start = end + 1
	}
	return lines
}

// begins reports whether a line is addressed to us.
func begins(line string) bool {
	if len(line) < len(Prefix) || !strings.EqualFold(line[:len(Prefix)], Prefix) {
		return false
	}
	rest := line[len(Prefix):]
	return rest == "" || rest[0] == ' ' || rest[0] == '\t'
}

var quoting = regexp.MustCompile(`(?i)<(/?)(?:blockquote|pre|code|template)\b`)

// openings counts the elements that a piece of HTML opens and does not close, in which text is
// shown as somebody else's.
func openings(html []byte) (n int) {
	for _, m := range quoting.FindAllSubmatch(html, -1) {
		if len(m[1]) > 0 {
			n--
		} else {
			n++
		}
	}
	return n
}
