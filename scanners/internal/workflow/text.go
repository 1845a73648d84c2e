package workflow

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rhysd/actionlint"
)

// A Place is the place of a finding, in the terms of [scanners.Finding].
type Place struct{ Line, EndLine, Column, EndColumn int }

// A region is a part of a file, in bytes.
type region struct{ from, to int }

// A text finds places in a file. In YAML more characters end a line than in git, and the YAML library
// reports only where a value begins.
type text struct {
	raw  string
	yaml []int // where each line begins, as YAML counts
	git  []int // where each line begins, as git and GitHub count
}

func newText(raw string) text {
	t := text{raw: raw, yaml: []int{0}, git: []int{0}}
	for i, r := range raw {
		next := i + utf8.RuneLen(r)
		switch r {
		case '\n':
			t.git = append(t.git, next)
			t.yaml = append(t.yaml, next)
		case '\r':
			if !strings.HasPrefix(raw[next:], "\n") {
				t.yaml = append(t.yaml, next)
			}
		case '\u0085', '\u2028', '\u2029': // YAML 1.1, 5.4
			t.yaml = append(t.yaml, next)
		}
	}
	return t
}

// offset returns the byte at which a value begins.
func (t text) offset(p *actionlint.Pos) int {
	if p == nil || p.Line < 1 {
		return 0
	}
	at := t.yaml[min(p.Line, len(t.yaml))-1]
	for range p.Col - 1 {
		_, size := utf8.DecodeRuneInString(t.raw[at:])
		at += size
	}
	return at
}

// place returns the place of a region, which must not be empty.
func (t text) place(r region) Place {
	line, column := t.lineColumn(r.from)
	endLine, endColumn := t.lineColumn(r.to)
	return Place{Line: line, EndLine: endLine, Column: column, EndColumn: endColumn}
}

func (t text) lineColumn(at int) (line, column int) {
	line, exact := slices.BinarySearch(t.git, at)
	if exact {
		line++
	}
	return line, utf8.RuneCountInString(t.raw[t.git[line-1]:at]) + 1
}

// Place returns the place of a value. For a value on several lines it is the first line.
func (f *File) Place(s *actionlint.String) Place {
	if r, ok := f.region(s); ok {
		return f.text.place(r)
	}
	return f.Line(s.Pos)
}

// Line returns the whole line of a position.
func (f *File) Line(p *actionlint.Pos) Place {
	line, _ := f.text.lineColumn(f.text.offset(p))
	if last := len(f.text.git); line == last && line > 1 && f.text.git[last-1] == len(f.text.raw) {
		line-- // the position is after the last line end
	}
	return Place{Line: line, EndLine: line}
}

func (f *File) region(s *actionlint.String) (region, bool) {
	from := f.text.offset(s.Pos)
	raw := f.text.raw[from:]
	switch {
	case s.Value == "" || strings.Contains(s.Value, "\n"):
	case strings.HasPrefix(raw, s.Value):
		return region{from, from + len(s.Value)}, true
	case len(raw) > 1 && s.Quoted && strings.HasPrefix(raw[1:], s.Value):
		return region{from, from + len(s.Value) + 2}, true
	}
	return region{}, false
}

// Part returns the place of the part of a value between the bytes from and to. After maxFindings calls it
// returns only the line of the value.
func (f *File) Part(s *actionlint.String, from, to int) Place {
	if f.parts++; f.parts > maxFindings {
		return f.Line(s.Pos)
	}
	if r, ok := f.part(s, from, to); ok {
		return f.text.place(r)
	}
	return f.Line(s.Pos)
}

// A partOf is a text in a value, and a seen is how far the search for it got, as a byte of the value
// and a byte of the file.
type (
	partOf struct {
		value *actionlint.String
		text  string
	}
	seen struct{ value, file int }
)

// part searches for the part's text from the beginning of the value. The n-th occurrence in the value is
// the n-th in the source, whatever the quotes and the indentation are.
func (f *File) part(s *actionlint.String, from, to int) (region, bool) {
	want := strings.TrimRight(s.Value[from:to], "\n")
	if want == "" || strings.Contains(want, "\n") {
		return region{}, false
	}
	at, ok := f.seen[partOf{s, want}]
	if !ok || at.value > from {
		at = seen{file: f.text.offset(s.Pos)}
	}
	for range strings.Count(s.Value[at.value:from], want) + 1 {
		i := strings.Index(f.text.raw[at.file:], want)
		if i < 0 {
			return region{}, false
		}
		at.file += i + len(want)
	}
	at.value = from + len(want)
	f.seen[partOf{s, want}] = at
	return region{at.file - len(want), at.file}, true
}

// Rest returns the rest of the line after a value, without surrounding white space.
func (f *File) Rest(s *actionlint.String) (rest string, ok bool) {
	r, ok := f.region(s)
	if !ok {
		return "", false
	}
	line, _, _ := strings.Cut(f.text.raw[r.to:], "\n")
	return strings.TrimSpace(line), true
}
