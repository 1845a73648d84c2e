package command

import (
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

// Find returns the lines of a comment that are commands, in order: those that begin with [Prefix] in the first column
// and are neither code, quotation, table nor HTML. It reads the comment as GitHub renders it, since people expect that
// text which looks like a quotation is one.
//
// The library takes up to two seconds for 64 KiB of nested text, so a server calls it in another process.
func Find(body string) (lines []string) {
	if len(Candidates(body)) == 0 {
		return nil
	}
	body = normal(body)
	defer func() {
		if recover() != nil { // a panic of the library: a comment that it cannot read is no command
			lines = nil
		}
	}()
	p := prose{source: []byte(body), starts: map[int]bool{}}
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader(p.source))
	_ = ast.Walk(doc, p.visit)
	for start := range p.starts {
		for _, c := range p.covered {
			if c.Start <= start && start < c.Stop {
				delete(p.starts, start)
			}
		}
	}
	start := 0
	for _, line := range strings.Split(body, "\n") {
		if p.starts[start] && begins(line) {
			lines = append(lines, shown(line))
		}
		start += len(line) + 1
	}
	return lines
}

// Candidates returns the lines of a comment that begin like commands, in order, as [Find] returns them. It is linear in
// the size of the comment, and empty for nearly every one.
func Candidates(body string) (lines []string) {
	for line := range strings.SplitSeq(normal(body), "\n") {
		if begins(line) {
			lines = append(lines, shown(line))
		}
	}
	return lines
}

// Possible reports whether lines that an untrusted process found can be those of a comment with these candidates.
func Possible(lines, candidates []string) bool {
	for _, line := range lines {
		i := slices.Index(candidates, line)
		if i < 0 {
			return false
		}
		candidates = candidates[i+1:]
	}
	return true
}

// normal returns a comment with the line ends of Unix.
func normal(body string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\x00", "\uFFFD").Replace(body)
}

// shown returns a line as the one who reads it sees it.
func shown(line string) string {
	return strings.TrimSpace(strings.ToValidUTF8(line, "\uFFFD"))
}

// prose collects where a comment has lines of prose.
type prose struct {
	source  []byte
	starts  map[int]bool   // offsets of the lines
	covered []text.Segment // inline code and HTML, which may go over several lines
	hidden  int            // how many quotations and the like are open in HTML
}

func (p *prose) visit(n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	switch n := n.(type) {
	case *ast.Blockquote, *ast.FencedCodeBlock, *ast.CodeBlock:
		return ast.WalkSkipChildren, nil
	case *ast.HTMLBlock:
		for i := range n.Lines().Len() {
			p.html(n.Lines().At(i))
		}
		if n.HasClosure() {
			p.html(n.ClosureLine)
		}
		return ast.WalkSkipChildren, nil
	case *ast.RawHTML:
		for i := range n.Segments.Len() {
			p.covered = append(p.covered, n.Segments.At(i))
			p.html(n.Segments.At(i))
		}
	case *ast.CodeSpan:
		for c := n.FirstChild(); c != nil; c = c.NextSibling() {
			if t, ok := c.(*ast.Text); ok {
				p.covered = append(p.covered, t.Segment)
			}
		}
	case *ast.Paragraph, *ast.TextBlock, *ast.Heading: // a heading is text above a line of "---"
		for i := range n.Lines().Len() {
			line := n.Lines().At(i)
			// The library takes leading spaces off.
			if p.hidden == 0 && (line.Start == 0 || p.source[line.Start-1] == '\n') {
				p.starts[line.Start] = true
			}
		}
	}
	return ast.WalkContinue, nil
}

// html counts the quotations and the like that a piece of HTML opens or closes.
func (p *prose) html(part text.Segment) {
	p.hidden = max(0, p.hidden+openings(part.Value(p.source)))
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

// openings counts the elements that a piece of HTML opens and does not close, and in which text is shown as somebody
// else's.
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
