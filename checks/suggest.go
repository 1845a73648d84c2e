package checks

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

const (
	// maxSuggestion bounds a suggestion in lines: a longer one is a change to read as a diff.
	maxSuggestion = 30

	// maxButton bounds it in bytes: a line may be as long as a file.
	maxButton = 10_000

	// maxFix bounds the diff of a fix in a comment, in lines.
	maxFix = 60

	// maxFixed is the largest file in which fixes are worked out, in bytes.
	maxFixed = 4 << 20
)

// A suggestion is what GitHub commits at the press of a button: the lines from start to end (from
// 1) of the new file are replaced by text, which is empty or ends with a line end.
type suggestion struct {
	start, end int
	text       string
}

// suggest makes a suggestion of a fix, if it is sure to apply: all edits are in one file, on lines
// that one hunk of the diff shows, and what GitHub makes of the suggestion is, byte for byte, the
// file with the fix in it.
func suggest(fix scanners.Fix, path string, file *patch.File, text []byte) (s suggestion, ok bool) {
	if len(fix.Edits) == 0 {
		return s, false
	}
	for _, e := range fix.Edits {
		if e.Path != path {
			return s, false
		}
		if s.start == 0 || e.Line < s.start {
			s.start = e.Line
		}
		s.end = max(s.end, e.Line, e.EndLine)
	}
	fixed, err := apply(text, fix.Edits)
	if err != nil || bytes.Equal(fixed, text) {
		return s, false
	}
	from, to, shown := file.Clamp(patch.Right, s.start, s.end)
	if !shown || from != s.start || to != s.end {
		return s, false
	}
	// What stands before and behind the edited lines is the same in both, so what is between them
	// in the fixed file is the replacement.
	lines := splitLines(text)
	before, after := joinedLen(lines[:s.start-1]), joinedLen(lines[s.end:])
	if before+after > len(fixed) {
		return s, false
	}
	s.text = string(fixed[before : len(fixed)-after])
	old := bytes.Join(lines[s.start-1:s.end], nil)
	if !plainLines(s.text) || !plainLines(string(old)) || len(s.text) > maxButton || strings.Count(s.text, "\n") > maxSuggestion {
		return s, false
	}
	// GitHub does not say whether a block of nothing but empty lines is one line more or a
	// deletion.
	if s.text != "" && strings.Trim(s.text, "\n") == "" {
		return s, false
	}
	return s, bytes.Equal(commit(text, s), fixed)
}

// plainLines reports whether text is whole lines that come out of a comment as they went in. A
// carriage return may not, and what cannot be seen should not be committed with a button. An empty
// text is a deletion.
func plainLines(text string) bool {
	if text != "" && !strings.HasSuffix(text, "\n") || !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && r != '\n' && hidden(r) })
}

// commit is GitHub's rule: the commented lines are replaced by the suggestion's.
func commit(text []byte, s suggestion) []byte {
	lines := splitLines(text)
	out := bytes.Join(lines[:s.start-1], nil)
	out = append(out, s.text...)
	return append(out, bytes.Join(lines[s.end:], nil)...)
}

// splitLines cuts a text behind its line ends. Nothing is lost: joined they are the text.
func splitLines(text []byte) [][]byte {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func joinedLen(lines [][]byte) (n int) {
	for _, l := range lines {
		n += len(l)
	}
	return n
}

var errEdit = errors.New("the edit does not fit the file")

// apply carries out edits on a text.
func apply(text []byte, edits []scanners.Edit) ([]byte, error) {
	if len(text) > maxFixed {
		return nil, errEdit
	}
	type region struct {
		from, to int // bytes
		text     string
	}
	lines := splitLines(text)
	starts := make([]int, len(lines)+1)
	for i, l := range lines {
		starts[i+1] = starts[i] + len(l)
	}
	var regions []region
	for _, e := range edits {
		end := max(e.Line, e.EndLine)
		if e.Line < 1 || end > len(lines) {
			return nil, errEdit
		}
		r := region{starts[e.Line-1], starts[end], e.Text}
		if e.Column > 0 {
			from, ok1 := column(lines[e.Line-1], e.Column)
			to, ok2 := column(lines[end-1], cmp.Or(e.EndColumn, e.Column))
			if !ok1 || !ok2 {
				return nil, errEdit
			}
			r.from, r.to = starts[e.Line-1]+from, starts[end-1]+to
		}
		if r.to < r.from {
			return nil, errEdit
		}
		regions = append(regions, r)
	}
	slices.SortStableFunc(regions, func(a, b region) int { return cmp.Or(a.from-b.from, a.to-b.to) })
	var out []byte
	at := 0
	for _, r := range regions {
		if r.from < at {
			return nil, errEdit
		}
		out = append(out, text[at:r.from]...)
		out = append(out, r.text...)
		at = r.to
	}
	return append(out, text[at:]...), nil
}

// column gives the offset of a column (from 1, in characters) in a line, at most behind its last
// character.
func column(line []byte, col int) (offset int, ok bool) {
	line = bytes.TrimSuffix(line, []byte("\n"))
	for ; col > 1; col-- {
		if offset >= len(line) {
			return 0, false
		}
		_, size := utf8.DecodeRune(line[offset:])
		offset += size
	}
	return offset, true
}

// Diff shows the first fix of a finding as the lines that go and those that come, file by file. It is
// empty where there is none, and where it may not be shown.
func (r Report) Diff(f Finding) string {
	if len(f.Fixes) == 0 || f.State == scanners.Absent || len(r.input.Files) == 0 || !r.input.mayQuote(f) {
		return ""
	}
	return diffOf(f.Fixes[0], r.input.text)
}

// diffOf shows a fix as the lines that go and those that come, file by file. It is empty when
// the files cannot be had, or it would be too long to read.
func diffOf(fix scanners.Fix, text func(string) ([]byte, bool)) string {
	byPath := map[string][]scanners.Edit{}
	var paths []string
	for _, e := range fix.Edits {
		if byPath[e.Path] == nil {
			paths = append(paths, e.Path)
		}
		byPath[e.Path] = append(byPath[e.Path], e)
	}
	slices.Sort(paths)
	var out []string
	for _, path := range paths {
		old, ok := text(path)
		if !ok {
			return ""
		}
		fixed, err := apply(old, byPath[path])
		if err != nil || bytes.Equal(old, fixed) {
			return ""
		}
		a, b := splitLines(old), splitLines(fixed)
		out = append(out, "--- "+showLine([]byte(path)), "+++ "+showLine([]byte(path)))
		for _, h := range changes(a, b, byPath[path]) {
			out = append(out, h...)
		}
		if len(out) > maxFix {
			return ""
		}
	}
	return strings.Join(out, "\n")
}

// changes shows the edits from a to b, each group of neighbours as one hunk.
func changes(a, b [][]byte, edits []scanners.Edit) (hunks [][]string) {
	edits = slices.Clone(edits)
	slices.SortFunc(edits, func(a, b scanners.Edit) int { return cmp.Or(a.Line-b.Line, a.EndLine-b.EndLine) })
	shift := 0 // of lines in b, against those in a
	for i := 0; i < len(edits); {
		from, to := edits[i].Line, max(edits[i].Line, edits[i].EndLine)
		group := i
		for i++; i < len(edits) && edits[i].Line <= to+1; i++ {
			to = max(to, edits[i].Line, edits[i].EndLine)
		}
		// How much longer the group makes the file is what applying it alone does.
		alone, err := apply(bytes.Join(a, nil), edits[group:i])
		if err != nil {
			return nil
		}
		more := len(splitLines(alone)) - len(a)
		removed, added := a[from-1:to], b[max(from-1+shift, 0):min(to+shift+more, len(b))]
		for len(removed) > 0 && len(added) > 0 && bytes.Equal(removed[0], added[0]) {
			removed, added = removed[1:], added[1:]
			from++
		}
		for len(removed) > 0 && len(added) > 0 && bytes.Equal(removed[len(removed)-1], added[len(added)-1]) {
			removed, added = removed[:len(removed)-1], added[:len(added)-1]
		}
		hunk := []string{"@@ line " + strconv.Itoa(from) + " @@"}
		for _, l := range removed {
			hunk = append(hunk, "-"+showLine(l))
		}
		for _, l := range added {
			hunk = append(hunk, "+"+showLine(l))
		}
		hunks = append(hunks, hunk)
		shift += more
	}
	return hunks
}

// showLine shows one line of code as it is, but for what cannot be seen.
func showLine(line []byte) string {
	s := strings.TrimSuffix(strings.TrimSuffix(string(line), "\n"), "\r")
	return Cut(spell(strings.ToValidUTF8(s, "\uFFFD"), "\t "), 300)
}

// fence makes a code block of text, which must be empty or end with a line end, so that nothing in
// it can end the block (https://spec.commonmark.org/0.31.2/#fenced-code-blocks).
func fence(info, text string) string {
	ticks := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	return ticks + info + "\n" + text + ticks
}

// longestRun counts the longest run of a character.
func longestRun(s string, c rune) (longest int) {
	run := 0
	for _, r := range s {
		if r == c {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	return longest
}

// foldFix shows a fix in a fold. Its title stands inside, since a fold's own is no Markdown.
func foldFix(fix scanners.Fix, diff string) string {
	text := fence("diff", diff+"\n")
	if fix.Title != "" {
		text = Escape(Cut(fix.Title, maxWhy)) + "\n\n" + text
	}
	return fold("A fix, as a diff", text)
}
