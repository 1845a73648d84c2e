package workflow

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rhysd/actionlint"
)

// A Place is where a finding is, in the terms of [scanners.Finding].
type Place struct{ Line, EndLine, Column, EndColumn int }

// A Region is a part of a file, in bytes.
type region struct{ from, to int }

// A text finds places. YAML counts lines by more characters than git does, and its library gives
// only where a value begins.
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

// offset gives the byte at which a value begins.
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

// place gives the place of a region that is not empty.
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

// Place gives the place of a value. That of a value on several lines is its first line.
func (f *File) Place(s *actionlint.String) Place {
	if r, ok := f.region(s); ok {
		return f.text.place(r)
	}
	return f.Line(s.Pos)
}

// Line gives the line of a position, as a whole.
func (f *File) Line(p *actionlint.Pos) Place {
	line, _ := f.text.lineColumn(f.text.offset(p))
	if last := len(f.text.git); line == last && line > 1 && f.text.git[last-1] == len(f.text.raw) {
		line-- // behind the last line end
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

// Part gives the place of a part of a value, from byte from to byte to of it. It is exact only as
// often as there may be findings.
func (f *File) Part(s *actionlint.String, from, to int) Place {
	if f.parts++; f.parts > maxFindings {
		return f.Line(s.Pos)
	}
	if r, ok := f.part(s, from, to); ok {
		return f.text.place(r)
	}
	return f.Line(s.Pos)
}

// A partOf is a text in a value, and a seen is how far it was looked for: to the byte of the
// value, and to the byte of the file.
type (
	partOf struct {
		value *actionlint.String
		text  string
	}
	seen struct{ value, file int }
)

// part looks for the part's text behind the value's begin. The n-th of its kind in the value is
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

// Rest gives what stands on the line behind a value, without white space.
func (f *File) Rest(s *actionlint.String) (rest string, ok bool) {
	r, ok := f.region(s)
	if !ok {
		return "", false
	}
	line, _, _ := strings.Cut(f.text.raw[r.to:], "\n")
	return strings.TrimSpace(line), true
}
