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
	// maxSuggestion bounds a suggestion in lines: a longer change should be read as a diff.
	maxSuggestion = 30

	// maxButton bounds a suggestion in bytes, since a line may be as long as a file.
	maxButton = 10_000

	// maxFix bounds the diff of a fix in a comment, in lines.
	maxFix = 60

	// maxFixed is the size of the largest file to which fixes are applied, in bytes.
	maxFixed = 4 << 20
)

// A suggestion is a replacement that GitHub commits at the press of a button. It replaces the lines from
// start to end (from 1) of the new file by text, which is empty or ends with a line end.
type suggestion struct {
	start, end int
	text       string
}

// suggest makes a suggestion from a fix, if it is sure to apply: all edits are in one file, on lines
// that one hunk of the diff shows, and committing the suggestion results, byte for byte, in the file
// with the fix applied.
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
	// The lines before and after the edited ones are the same in both files, so the text between them
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
	// GitHub does not say whether a block of nothing but empty lines adds a line or deletes the old
	// ones.
	if s.text != "" && strings.Trim(s.text, "\n") == "" {
		return s, false
	}
	return s, bytes.Equal(commit(text, s), fixed)
}

// plainLines reports whether text consists of whole lines that come out of a comment unchanged. A
// carriage return may not, and invisible characters should not be committed with a button. An empty
// text is a deletion.
func plainLines(text string) bool {
	if text != "" && !strings.HasSuffix(text, "\n") || !utf8.ValidString(text) {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return r != '\t' && r != '\n' && hidden(r) })
}

// commit applies a suggestion by GitHub's rule: it replaces the commented lines by the suggestion's.
func commit(text []byte, s suggestion) []byte {
	lines := splitLines(text)
	out := bytes.Join(lines[:s.start-1], nil)
	out = append(out, s.text...)
	return append(out, bytes.Join(lines[s.end:], nil)...)
}

// splitLines cuts a text after each line end. Joined, the lines are the text again.
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

// column returns the offset of a column (from 1, in characters) in a line. The last valid column is the
// one after the last character.
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

// Diff returns the first fix of a finding as removed and added lines, file by file. It is empty if
// there is no fix or if the fix may not be shown.
func (r Report) Diff(f Finding) string {
	if len(f.Fixes) == 0 || f.State == scanners.Absent || len(r.input.Files) == 0 || !r.input.mayQuote(f) {
		return ""
	}
	return diffOf(f.Fixes[0], r.input.text)
}

// diffOf returns a fix as removed and added lines, file by file. It is empty if the content of a file
// is missing, if an edit does not fit or changes nothing, or if the diff would be too long to read.
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

// changes returns the edits from a to b as hunks, one for each group of adjacent edits.
func changes(a, b [][]byte, edits []scanners.Edit) (hunks [][]string) {
	edits = slices.Clone(edits)
	slices.SortFunc(edits, func(a, b scanners.Edit) int { return cmp.Or(a.Line-b.Line, a.EndLine-b.EndLine) })
	shift := 0 // how many lines later the text of a is in b
	for i := 0; i < len(edits); {
		from, to := edits[i].Line, max(edits[i].Line, edits[i].EndLine)
		group := i
		for i++; i < len(edits) && edits[i].Line <= to+1; i++ {
			to = max(to, edits[i].Line, edits[i].EndLine)
		}
		// Apply the group alone to find out by how many lines it makes the file longer.
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

// showLine returns one line of code with its invisible characters spelled out.
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

// foldFix shows a fix in a fold. The fix's title is inside, since GitHub does not format the title of a
// fold as Markdown.
func foldFix(fix scanners.Fix, diff string) string {
	text := fence("diff", diff+"\n")
	if fix.Title != "" {
		text = Escape(Cut(fix.Title, maxWhy)) + "\n\n" + text
	}
	return fold("A fix, as a diff", text)
}
