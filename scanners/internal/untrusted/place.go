package untrusted

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Unit is what a tool counts columns in.
type Unit int

// The units.
const (
	Characters Unit = iota // Unicode code points, as ours
	UTF16                  // UTF-16 code units: JavaScript, Java, .NET, and SARIF unless it says otherwise
	Bytes                  // of UTF-8: Go, C
)

// A Region is a part of a file as a tool tells it: lines and columns from 1, 0 for what it
// does not tell, EndColumn behind the last character.
type Region struct {
	Line, EndLine     int
	Column, EndColumn int
}

// Bounds of what is done for one report. What a stranger writes could else have a large file read
// and counted through for every one of thousands of findings.
const (
	maxWork  = 1 << 30   // bytes looked at; behind them the texts count as not known
	maxTexts = 64 << 20  // bytes held at one time
	maxLines = 1_000_000 // of one file
)

// A text is a file with its lines.
type text struct {
	tree  *Tree
	there bool
	known bool
	lines [][]byte // without line feeds; the last is empty when the file ends with one
}

// text gives a file by its path.
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

// spend reports whether so many more bytes may be looked at.
func (t *Tree) spend(n int) bool {
	t.work += n
	return t.work <= maxWork
}

// Count gives how many lines a file has. It is not ok when its text is not known.
func (t *Tree) Count(path string) (lines int, ok bool) {
	text := t.text(path)
	return text.count(), text.known
}

// count is the number of lines as editors and git count them.
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

// column converts a column of a line to characters. It is not ok when the line has no such
// column, or when it is in the middle of a character.
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

// Place makes a region one of ours: inside the file, whole, in characters. What cannot be
// right is left out: columns first, then the lines.
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
		return Region{} // it speaks of another text
	case r.Line == last+1: // tools name the end of a file so
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

// exact completes a region by the rules of SARIF (§3.30.5 to §3.30.8): no column is the edge of
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

// Exact gives the region with all its columns, to be replaced by a text. It is not ok when the
// text of the file is not known or has no such region. The line behind the last one exists
// here, empty, when the file ends with a line end.
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

// Offset gives the region of so many characters from an offset in the file, both counted in
// the unit. It is not ok when the text is not known or ends before.
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

// at gives the line and column of an offset, or 0.
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

// Slice gives the text of a region of ours, with line feeds between its lines. It is empty when the
// text is not known, and for more than 20 lines.
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

// Lines gives the text of the lines, at most 20 of them and 200 bytes of each: what stays when
// a finding moves. It is empty when the text is not known.
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

// Identity says what stays when a finding moves: the text of its lines, or what is said of a
// whole file. It is empty for lines whose text is not known. Of a secret it holds 16 bits.
//
// Fingerprints of tools are no identity: some hold the line, the commit or a digest of a secret,
// and a new version of the tool may make others.
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
