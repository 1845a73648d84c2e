package untrusted

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Unit is the unit in which a tool counts columns.
type Unit int

// The units.
const (
	Characters Unit = iota // Unicode code points, as in our findings
	UTF16                  // UTF-16 code units: JavaScript, Java, .NET, and SARIF unless it says otherwise
	Bytes                  // of UTF-8: Go, C
)

// A Region is a part of a file as a tool reports it: lines and columns count from 1, 0 means that
// the tool does not report it, and EndColumn is one after the last character.
type Region struct {
	Line, EndLine     int
	Column, EndColumn int
}

// Bounds on the work for one report. Without them, untrusted input could make us read and count through
// a large file for each of thousands of findings.
const (
	maxWork  = 1 << 30   // bytes processed; after that, texts count as not known
	maxTexts = 64 << 20  // bytes held at one time
	maxLines = 1_000_000 // lines of one file
)

// A text is a file with its lines.
type text struct {
	tree  *Tree
	there bool
	known bool
	lines [][]byte // without line feeds; the last is empty when the file ends with one
}

// text returns the text of the file at a path.
func (t *Tree) text(path string) *text {
	if have, ok := t.texts[path]; ok {
		return have
	}
	file := &text{tree: t}
	if t.Content == nil {
		return file
	}
	var b []byte
	if t.spend(100) {
		b, file.there = t.Content(path)
	}
	if file.there && b != nil && len(b) <= maxContent && t.spend(len(b)) && bytes.Count(b, []byte("\n")) < maxLines {
		file.known, file.lines = true, bytes.Split(b, []byte("\n"))
	}
	if t.held += len(b); t.texts == nil || t.held > maxTexts {
		t.texts, t.held = map[string]*text{}, len(b)
	}
	t.texts[path] = file
	return file
}

// spend counts n more bytes of work, and reports whether they may be processed.
func (t *Tree) spend(n int) bool {
	t.work += n
	return t.work <= maxWork
}

// Count returns how many lines a file has. ok is false if its text is not known.
func (t *Tree) Count(path string) (lines int, ok bool) {
	text := t.text(path)
	return text.count(), text.known
}

// count returns the number of lines as editors and git count them.
func (t *text) count() int {
	n := len(t.lines)
	if n > 0 && len(t.lines[n-1]) == 0 {
		n--
	}
	return n
}

func (t *text) line(n int) []byte {
	if n < 1 || n > len(t.lines) {
		return nil
	}
	return bytes.TrimSuffix(t.lines[n-1], []byte("\r"))
}

// column converts a column of a line to characters. It returns false if the line has no such
// column, or if the column is in the middle of a character.
func (t *text) column(line, column int, unit Unit) (int, bool) {
	if column < 1 || !t.tree.spend(min(column, len(t.line(line)))) {
		return 0, false
	}
	at := 1
	characters := 1
	b := t.line(line)
	for at < column && len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		b = b[size:]
		characters++
		switch {
		case unit == Bytes:
			at += size
		case unit == UTF16 && r > 0xFFFF:
			at += 2
		default:
			at++
		}
	}
	return characters, at == column
}

func (t *text) end(line int) (int, bool) {
	b := t.line(line)
	if !t.tree.spend(len(b)) {
		return 0, false
	}
	return utf8.RuneCount(b) + 1, true
}

// Place converts a tool's region to one of ours: inside the file, complete, and in characters. It leaves
// out what cannot be right: first the columns, then the lines.
func (t *Tree) Place(path string, r Region, unit Unit) Region {
	if r.Line < 1 {
		return Region{}
	}
	whole := r.Column < 1 && r.EndColumn < 1
	if r.EndLine < r.Line {
		r.EndLine = r.Line
	}
	text := t.text(path)
	if !text.known {
		if whole || unit != Characters || r.Column < 1 || r.EndColumn < 1 || r.Line == r.EndLine && r.EndColumn < r.Column {
			r.Column, r.EndColumn = 0, 0
		}
		return r
	}
	last := text.count()
	switch {
	case last == 0 || r.Line > last+1:
		return Region{} // the tool reports about another text
	case r.Line == last+1: // tools write this for the end of a file
		return Region{Line: last, EndLine: last}
	case r.EndLine > last:
		r.EndLine, r.EndColumn = last, 0
	}
	if whole {
		return Region{Line: r.Line, EndLine: r.EndLine}
	}
	exact, ok := text.exact(r, unit)
	if !ok {
		return Region{Line: r.Line, EndLine: r.EndLine}
	}
	return exact
}

// exact completes a region by the rules of SARIF (§3.30.5 to §3.30.8): a missing column is the edge of
// the line.
func (t *text) exact(r Region, unit Unit) (Region, bool) {
	from, ok, to, okTo := 1, true, 0, false
	if r.Column > 0 {
		from, ok = t.column(r.Line, r.Column, unit)
	}
	if r.EndColumn > 0 {
		to, okTo = t.column(r.EndLine, r.EndColumn, unit)
	} else {
		to, okTo = t.end(r.EndLine)
	}
	if !ok || !okTo || r.Line == r.EndLine && to < from {
		return Region{}, false
	}
	return Region{r.Line, r.EndLine, from, to}, true
}

// Exact returns the region with all its columns, for an edit that replaces it. It returns false if the
// text of the file is not known or has no such region. If the file ends with a line end, Exact also
// accepts the empty line after the last one.
func (t *Tree) Exact(path string, r Region, unit Unit) (Region, bool) {
	text := t.text(path)
	if r.EndLine < r.Line {
		r.EndLine = r.Line
	}
	if !text.known || r.Line < 1 || r.EndLine > len(text.lines) {
		return Region{}, false
	}
	return text.exact(r, unit)
}

// Offset returns the region of the given length at an offset in the file, both counted in the unit. It
// returns false if the text is not known or ends before the region does.
func (t *Tree) Offset(path string, offset, length int, unit Unit) (Region, bool) {
	text := t.text(path)
	if !text.known || offset < 0 || length < 0 {
		return Region{}, false
	}
	var r Region
	r.Line, r.Column = text.at(offset, unit)
	r.EndLine, r.EndColumn = text.at(offset+length, unit)
	return r, r.Line > 0 && r.EndLine > 0
}

// at returns the line and column of an offset, or 0, 0 if the text has no such offset.
func (t *text) at(offset int, unit Unit) (line, column int) {
	for i, b := range t.lines {
		if !t.tree.spend(len(b) + 1) {
			break
		}
		size := len(b) // in the unit, without the line end
		switch unit {
		case Characters:
			size = utf8.RuneCount(b)
		case UTF16:
			size = 0
			for _, r := range string(b) {
				size++
				if r > 0xFFFF {
					size++
				}
			}
		}
		if offset <= size {
			column, ok := t.column(i+1, offset+1, unit)
			if !ok {
				return 0, 0
			}
			return i + 1, column
		}
		offset -= size + 1
	}
	return 0, 0
}

// Slice returns the text of one of our regions, with line feeds between its lines. It returns "" if the
// text is not known, or if the region has more than 20 lines.
func (t *Tree) Slice(path string, r Region) string {
	text := t.text(path)
	if !text.known || r.Line < 1 || r.Column < 1 || r.EndColumn < 1 || r.EndLine-r.Line >= 20 {
		return ""
	}
	var lines []string
	for n := r.Line; n <= r.EndLine; n++ {
		line := text.line(n)
		if !t.spend(len(line)) {
			return ""
		}
		characters := []rune(string(line))
		if n == r.EndLine {
			characters = characters[:min(r.EndColumn-1, len(characters))]
		}
		if n == r.Line {
			characters = characters[min(r.Column-1, len(characters)):]
		}
		lines = append(lines, string(characters))
	}
	return strings.Join(lines, "\n")
}

// ASCII reports whether columns of a line are the same in every unit.
func (t *Tree) ASCII(path string, line int) bool {
	b := t.text(path).line(line)
	if !t.spend(len(b)) {
		return false
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Lines returns the text of the lines, at most 20 of them and 200 bytes of each. This text stays the
// same when a finding moves. Lines returns "" if the text is not known.
func (t *Tree) Lines(path string, from, to int) string {
	text := t.text(path)
	if !text.known || from < 1 {
		return ""
	}
	var b bytes.Buffer
	for n := from; n <= min(to, text.count(), from+19); n++ {
		line := bytes.TrimSpace(text.line(n))
		b.Write(line[:min(len(line), 200)])
		b.WriteByte('\n')
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// Identity returns what stays the same when a finding moves: the text of its lines, or the message of a
// finding about a whole file. It is empty for lines whose text is not known. Of a secret it holds 16 bits
// of a digest.
//
// The fingerprints of tools do not serve as identity: some contain the line, the commit or a digest of a
// secret, and a new version of the tool may make different ones.
func (t *Tree) Identity(f scanners.Finding, secret bool) string {
	text := t.Lines(f.Path, f.Line, f.EndLine)
	switch {
	case secret && text != "":
		return "secret " + Digest(text)
	case secret:
		return "secret"
	case f.Line > 0:
		return text
	case f.Path != "":
		return strings.ReplaceAll(f.Message, f.Path, "")
	}
	return f.Message
}
