package patch

import (
	"bytes"
	"math"
	"slices"
	"strings"
)

// maxText is the size of the largest file in which Cause searches for blocks. Larger ones are hardly
// written by hand, and Cause reads the file again for every finding.
const maxText = 1 << 20

// Cause finds the change that most likely caused a finding on a line (from 1) of the new file that the
// diff does not show. A comment about the finding is noticed there. The result is a line that the diff
// shows on the right side.
//
// Cause prefers a change in the same block, from the innermost block to the function, and otherwise
// takes the nearest change of the file. It finds blocks by indentation, and functions by the rule with
// which git finds the headings of its hunks. So text, the new file, may be of any language. It may
// be nil. ok is false if the diff shows no change on the right side.
func (f *File) Cause(line int, text []byte) (at int, sameBlock, ok bool) {
	if !f.Changes() {
		return 0, false, false
	}
	if len(text) > 0 && len(text) <= maxText {
		lines := bytes.Split(text, []byte("\n"))
		for _, b := range blocks(lines, line) {
			if at, ok := f.nearest(line, b.from, b.to); ok {
				return at, true, true
			}
		}
	}
	at, _ = f.nearest(line, 1, math.MaxInt)
	return at, false, true
}

// Changes reports whether the diff shows a change on the right side.
func (f *File) Changes() bool {
	return slices.ContainsFunc(f.Hunks, func(h Hunk) bool { return len(h.Changed) > 0 })
}

// nearest returns the changed line between from and to that is nearest to line. If two are equally near,
// it returns the smaller.
func (f *File) nearest(line, from, to int) (at int, ok bool) {
	// The first change that is not above the line is in the line's hunk or in a later one. The last change
	// above it is in the line's hunk or in an earlier one.
	here := f.hunkAt(max(line, from))
	for _, h := range f.Hunks[here:] {
		if i, _ := slices.BinarySearch(h.Changed, max(line, from)); i < len(h.Changed) {
			at, ok = h.Changed[i], h.Changed[i] <= to
			break
		}
	}
	for i := min(f.hunkAt(min(line, to)), len(f.Hunks)-1); i >= 0; i-- {
		changed := f.Hunks[i].Changed
		n, exact := slices.BinarySearch(changed, min(line, to))
		if exact {
			n++
		}
		if n > 0 {
			if above := changed[n-1]; above >= from && (!ok || abs(above-line) <= abs(at-line)) {
				return above, true
			}
			break
		}
	}
	return at, ok
}

func abs(n int) int { return max(n, -n) }

// A block is a run of lines, counted from 1, that includes both ends.
type block struct{ from, to int }

// blocks lists the blocks that hold a line, the innermost first: the block that the line itself
// opens, those around it by indentation, and the function by git's rule.
func blocks(lines [][]byte, line int) []block {
	if line < 1 || line > len(lines) {
		return nil
	}
	var out []block
	add := func(b block) {
		if b.from < b.to && !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	at := line - 1
	for at > 0 && blank(lines[at]) {
		at--
	}
	add(block{at + 1, blockEnd(lines, at+1, indent(lines[at]))})
	for depth := indent(lines[at]); depth > 0; depth = indent(lines[at]) {
		for at--; at > 0 && (blank(lines[at]) || indent(lines[at]) >= depth); at-- {
		}
		if at < 0 || blank(lines[at]) || indent(lines[at]) >= depth {
			break
		}
		head := heading(lines, at)
		add(block{head + 1, blockEnd(lines, line, indent(lines[at]))})
		at = head
	}
	add(functionAt(lines, line))
	return out
}

// functionAt returns the function around a line by git's rule; an empty block if there is none. A line at the margin
// that is not a statement, such as "#if" in C, ends a block by indentation but not the function.
func functionAt(lines [][]byte, line int) block {
	from := line
	for from > 0 && !opensFunction(lines[from-1]) {
		from--
	}
	to := line
	for to < len(lines) && !opensFunction(lines[to]) {
		to++
	}
	if from == 0 {
		return block{}
	}
	return block{from, to}
}

// blockEnd returns the last line of a block whose heading has the indentation depth. The line that closes
// the block belongs to it. from is a line in the block.
func blockEnd(lines [][]byte, from, depth int) int {
	end := from
	for i := from; i < len(lines); i++ {
		switch {
		case blank(lines[i]):
			continue
		case indent(lines[i]) > depth:
			end = i + 1
			continue
		case closes(lines[i]):
			return i + 1
		}
		return end
	}
	return end
}

// heading returns the heading of a block. If the line at only opens the block, such as a brace on a line of
// its own, the heading is above it.
func heading(lines [][]byte, at int) int {
	depth := indent(lines[at])
	for at > 0 && strings.ContainsRune("{([)]", rune(bytes.TrimLeft(lines[at], " \t")[0])) {
		up := at - 1
		for up > 0 && (blank(lines[up]) || indent(lines[up]) > depth) {
			up--
		}
		if blank(lines[up]) || indent(lines[up]) > depth {
			break
		}
		at = up
	}
	return at
}

// indent measures the white space before a line's text; a tab counts eight.
func indent(line []byte) (n int) {
	for _, c := range line {
		switch c {
		case ' ':
			n++
		case '\t':
			n += 8
		default:
			return n
		}
	}
	return n
}

func blank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

func closes(line []byte) bool {
	s := bytes.TrimSpace(line)
	if len(s) > 0 && bytes.IndexByte([]byte("})]"), s[0]) >= 0 {
		return true
	}
	word, _, _ := strings.Cut(string(s[:min(len(s), 8)]), " ")
	switch strings.TrimRight(word, ";") {
	case "end", "fi", "done", "esac", "endif", "END":
		return true
	}
	return false
}

// opensFunction reports whether a line opens a function by the rule of git diff for files of unknown
// language: it begins with a letter, an underscore or a dollar sign.
func opensFunction(line []byte) bool {
	if len(line) == 0 {
		return false
	}
	c := line[0]
	return c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
