// Package patch answers two questions: which lines of a pull request can carry a comment, and
// which change caused a finding on a line that cannot?
//
// GitHub accepts a review comment only on a line that its diff shows: the added and the
// context lines of a hunk on the right side, the removed and the context lines on the left
// (https://docs.github.com/rest/pulls/comments). It shows three lines of context, and so
// does the patch that this package reads.
package patch

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// A Side is one side of a diff, in GitHub's words.
type Side string

// The sides.
const (
	Right Side = "RIGHT" // the new file
	Left  Side = "LEFT"  // the old file
)

// A Set is the patch of one pull request. The zero value is an empty patch. It does not
// change after Parse and may be shared between goroutines.
type Set struct {
	files  []*File
	byPath map[string]*File // by new name, or by old name if the file was deleted
}

// A File is the change of one file.
type File struct {
	OldPath string // empty for a new file
	NewPath string // empty for a deleted file
	Binary  bool
	Hunks   []Hunk // in order; none for binary files, pure renames and changes of mode
}

// A Hunk is one "@@" block. Lines count from 1, and a side without lines has a count of 0.
type Hunk struct {
	OldStart, OldLines int
	NewStart, NewLines int
	Added              []int // new line numbers that were added, in order
	Removed            []int // old line numbers that were removed, in order

	// Changed holds the new line numbers at which the hunk changes something, in order: the added
	// lines, and the line after a place where lines were only removed (the line before it at the end
	// of the hunk).
	Changed []int
}

// Limits of the lines that Parse reads: while a line is parsed it needs a hundred times its own memory,
// and some of that stays in use.
const (
	maxLines    = 1_000_000 // of one file
	maxAllLines = 2_000_000
)

// A TooLongError reports that the patch of some files has too many lines to be read.
type TooLongError struct {
	Headers []string // the header lines of these files, as git writes them
}

func (e *TooLongError) Error() string {
	return fmt.Sprintf("the patch of %d files has too many lines", len(e.Headers))
}

// Parse reads the output of git diff. A file that cannot be read does not hide the others: they are all
// in the set, and the error names the first file that is not. If files are left out because they are
// too long, the error wraps a [*TooLongError].
func Parse(raw []byte) (Set, error) {
	set := Set{byPath: map[string]*File{}}
	var first error
	var long TooLongError
	lines := 0
	for _, section := range sections(raw) {
		header, _, _ := bytes.Cut(section, []byte("\n"))
		n := bytes.Count(section, []byte("\n"))
		if n > maxLines || lines+n > maxAllLines {
			long.Headers = append(long.Headers, string(header))
			continue
		}
		lines += n
		parsed, _, err := gitdiff.Parse(bytes.NewReader(section))
		for _, p := range parsed {
			if !inOrder(p.TextFragments) {
				err = errors.Join(err, errors.New("its hunks are not in order"))
				continue
			}
			set.add(p)
		}
		if err != nil && first == nil {
			first = fmt.Errorf("parse patch of %.200q: %w", header, err)
		}
	}
	if len(long.Headers) > 0 {
		first = errors.Join(first, &long)
	}
	return set, first
}

// sections cuts a patch at its file headers. Lines of content begin with a space, a plus, a
// minus or a backslash, so no content can look like a header.
func sections(raw []byte) [][]byte {
	header := []byte("diff --git ")
	var out [][]byte
	start := -1
	for at := 0; at < len(raw); {
		if bytes.HasPrefix(raw[at:], header) {
			if start >= 0 {
				out = append(out, raw[start:at])
			}
			start = at
		}
		next := bytes.IndexByte(raw[at:], '\n')
		if next < 0 {
			break
		}
		at += next + 1
	}
	if start >= 0 {
		out = append(out, raw[start:])
	}
	return out
}

// inOrder reports whether hunks are at lines that a file can have, each after the one before.
func inOrder(hunks []*gitdiff.TextFragment) bool {
	var old, now int64 // the last lines so far
	behind := func(last *int64, start, lines int64) bool {
		if lines > 0 {
			start-- // a hunk without lines names the line before it
		}
		ok := start >= *last && start <= math.MaxInt32-lines
		*last = start + lines
		return ok
	}
	return !slices.ContainsFunc(hunks, func(h *gitdiff.TextFragment) bool {
		return !behind(&old, h.OldPosition, h.OldLines) || !behind(&now, h.NewPosition, h.NewLines)
	})
}

func (s *Set) add(p *gitdiff.File) {
	f := &File{OldPath: p.OldName, NewPath: p.NewName, Binary: p.IsBinary}
	if p.IsNew {
		f.OldPath = ""
	}
	if p.IsDelete {
		f.NewPath = ""
	}
	for _, frag := range p.TextFragments {
		h := Hunk{
			OldStart: int(frag.OldPosition), OldLines: int(frag.OldLines),
			NewStart: int(frag.NewPosition), NewLines: int(frag.NewLines),
		}
		line, old, removed := h.NewStart, h.OldStart, false
		for _, l := range frag.Lines {
			switch l.Op {
			case gitdiff.OpAdd:
				h.Added = append(h.Added, line)
				h.Changed = append(h.Changed, line)
				line++
				removed = false
			case gitdiff.OpDelete:
				h.Removed = append(h.Removed, old)
				old++
				removed = true
			case gitdiff.OpContext:
				if removed {
					h.Changed = append(h.Changed, line)
				}
				line++
				old++
				removed = false
			}
		}
		if removed && line > h.NewStart && h.NewLines > 0 {
			h.Changed = append(h.Changed, line-1)
		}
		f.Hunks = append(f.Hunks, h)
	}
	path := f.Path()
	if path == "" {
		return
	}
	s.files = append(s.files, f)
	s.byPath[path] = f
}

// Path is the name by which GitHub knows the file: the new one, or the old one of a deleted file.
func (f *File) Path() string {
	if f.NewPath != "" {
		return f.NewPath
	}
	return f.OldPath
}

// Files lists the changed files, in the order of the patch. The slice must not be changed.
func (s Set) Files() []*File { return s.files }

// File returns the file whose [File.Path] is path.
func (s Set) File(path string) (*File, bool) {
	f, ok := s.byPath[path]
	return f, ok
}

// Clamp fits the lines start to end (from 1, end at least start) of a side to the lines that one
// comment can span: GitHub requires them to be in one hunk. It keeps the first line that the diff
// shows, and as many after it as the same hunk shows. ok is false if the diff shows none of them.
func (f *File) Clamp(side Side, start, end int) (from, to int, ok bool) {
	lines := func(h Hunk) (first, count int) {
		if side == Left {
			return h.OldStart, h.OldLines
		}
		return h.NewStart, h.NewLines
	}
	// The hunks are in order, so those that end before start come first. A hunk without lines names
	// the line before it, and shows nothing.
	at := sort.Search(len(f.Hunks), func(i int) bool {
		first, count := lines(f.Hunks[i])
		return behind(first, count) > start
	})
	for _, h := range f.Hunks[at:] {
		first, count := lines(h)
		if from, to = max(start, first), min(end, first+count-1); count > 0 && from <= to {
			return from, to, true
		}
		if first > end {
			break
		}
	}
	return 0, 0, false
}

// Shows reports whether the diff shows a line (from 1) of a side, so that it can carry a
// comment.
func (f *File) Shows(side Side, line int) bool {
	_, _, ok := f.Clamp(side, line, line)
	return ok
}

// Adds reports whether the patch adds a line (from 1) of the new file.
func (f *File) Adds(line int) bool { return f.AddsAny(line, line) }

// AddsAny reports whether the patch adds one of the lines start to end (from 1) of the new file.
func (f *File) AddsAny(start, end int) bool {
	for _, h := range f.Hunks[f.hunkAt(start):] {
		if h.NewStart > end {
			break
		}
		if i, _ := slices.BinarySearch(h.Added, start); i < len(h.Added) {
			return h.Added[i] <= end
		}
	}
	return false
}

// hunkAt returns the index of the first hunk that is not wholly before a line of the new file.
func (f *File) hunkAt(line int) int {
	return sort.Search(len(f.Hunks), func(i int) bool { return behind(f.Hunks[i].NewStart, f.Hunks[i].NewLines) > line })
}

// Before returns the line (from 1) of the old file that corresponds to a line of the new one: the same
// line, or, among lines that were replaced, the old line in its place. ok is false if there was no line
// in its place.
func (f *File) Before(line int) (old int, ok bool) {
	at := f.hunkAt(line)
	if at == len(f.Hunks) || line < f.Hunks[at].NewStart || f.Hunks[at].NewLines == 0 {
		// Outside of the hunks the last hunk before a line says how far the line has moved.
		old = line
		if at > 0 {
			h := f.Hunks[at-1]
			old += behind(h.OldStart, h.OldLines) - behind(h.NewStart, h.NewLines)
		}
		// In a patch that git wrote, the old line is before the next hunk.
		return old, at == len(f.Hunks) || old < begin(f.Hunks[at].OldStart, f.Hunks[at].OldLines)
	}
	h := f.Hunks[at]
	i, added := slices.BinarySearch(h.Added, line)
	stay := line - h.NewStart - i // the number of unchanged lines of the hunk above it
	if !added {
		return nth(h.Removed, h.OldStart, stay), true
	}
	// Find the line's place in its run of added lines, and the run of removed lines between the same two
	// unchanged lines.
	i -= sort.Search(i, func(j int) bool { return h.Added[j]-h.NewStart-j >= stay })
	from := begin(h.OldStart, h.OldLines)
	if stay > 0 {
		from = nth(h.Removed, h.OldStart, stay-1) + 1
	}
	next := nth(h.Removed, h.OldStart, stay)
	return from + i, from+i < next
}

// begin returns the first line of a hunk. A hunk without lines names the line before it.
func begin(start, lines int) int {
	if lines == 0 {
		start++
	}
	return start
}

// behind returns the line after a hunk.
func behind(start, lines int) int { return start + max(lines, 1) }

// nth returns the line from start on that has n lines before it which are not in sorted.
func nth(sorted []int, start, n int) int {
	return start + n + sort.Search(len(sorted), func(i int) bool { return sorted[i]-start-i > n })
}
