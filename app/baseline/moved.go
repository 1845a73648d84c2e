package baseline

import (
	"maps"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/blocks"
)

// An effort bounds, in lines, the search for moved findings in one comparison. Beyond the bound nothing counts as
// moved.
type effort struct{ lines int }

const maxEffort = 2_000_000

func (e *effort) spend(n int) bool {
	e.lines += n + 1
	return e.lines <= maxEffort
}

// moved reports whether the code around a finding at the base moved to where the head has an equal finding. That takes
// evidence. Without it, one problem was fixed and another made: otherwise a change of a line here and the opposite
// change there would look like a move.
func (c *Change) moved(before, now scanners.Finding, work *effort) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m := move{c: c, before: before, now: now, work: work, later: c.at(before.Path), earlier: c.from(now.Path)}
	_, stays := c.head[m.later]
	_, was := c.base[m.earlier]
	if before.Package != "" && before.Path != m.earlier {
		// A lockfile that replaces another.
		_, there := c.base[before.Path]
		return there && !stays && folder(before.Path) == folder(now.Path)
	}
	m.a, m.b = c.file(side{before.Path, true}), c.file(side{now.Path, false})
	if m.a == nil || m.b == nil || m.a.Kind != m.b.Kind || m.a.Kind == blocks.Whole {
		return false
	}
	m.from, m.to = m.a.At(before.Line), m.b.At(now.Line)
	switch {
	case before.Path == m.earlier:
		return m.within()
	case m.a.Kind == blocks.Terraform && folder(before.Path) != folder(now.Path):
		return false // a folder is a module, so the same name in another folder is a different thing
	case m.from < 0 || m.to < 0:
		return !stays && !was && work.spend(len(m.a.all)+len(m.b.all)) && alike(m.a.all, m.b.all)
	}
	return m.gone() && m.fresh() && m.a.Names[m.from] == m.b.Names[m.to] && m.alike(false) || m.carried()
}

// folder returns the folder of a file, or "" for a file at the root.
func folder(path string) string { return path[:max(strings.LastIndexByte(path, '/'), 0)] }

// A move is a pair of findings of which the first may have moved to the second.
type move struct {
	c              *Change
	before, now    scanners.Finding
	a, b           *file // of before and of now
	from, to       int   // their blocks, or -1
	later, earlier string
	work           *effort
}

// within reports whether the finding moved within one file.
func (m move) within() bool {
	t := m.c.pair(m.now.Path)
	if t == nil || m.to < 0 {
		return false
	}
	_, stays := t.fromBase[m.from]
	_, was := t.toBase[m.to]
	switch m.a.Kind {
	case blocks.Stages:
		// A finding about the image, and not about a line, is the same in another stage, unless the stage it was in now
		// sets a user.
		if !maps.Equal(m.a.own(m.before), m.b.own(m.now)) && m.work.spend(len(m.b.all)) {
			return !was && !m.rootNoMore(t)
		}
	case blocks.Code:
		return !stays && (!was && m.alike(true) || m.missing(m.a, m.from, m.b, t, true, m.before)) || m.carried()
	}
	return m.from >= 0 && !stays && !was && m.alike(true)
}

// replaced reports whether two findings are in one file, in a block that is gone and one that was not there before.
func (c *Change) replaced(before, now scanners.Finding) bool {
	if c == nil || before.Path != c.from(now.Path) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.pair(now.Path)
	if t == nil {
		return false
	}
	_, stays := t.fromBase[t.base.At(before.Line)]
	_, was := t.toBase[t.head.At(now.Line)]
	return !stays && !was
}

// rootNoMore reports whether the stage of before, or a stage that may be the same under another name, now sets a user
// that it did not set.
func (m move) rootNoMore(t *twins) bool {
	users := func(f *file, stage int) (n int) {
		if stage < 0 {
			return 0
		}
		for _, line := range f.parts[stage] {
			if len(line) > 5 && strings.EqualFold(line[:5], "user ") {
				n++
			}
		}
		return n
	}
	for i := range m.b.Names {
		was, twin := t.toBase[i]
		if same := twin && was == m.from || !twin && i != m.to; same && users(m.b, i) > users(m.a, m.from) {
			return true
		}
	}
	return false
}

// gone reports whether the block of before has left its file, and is not there under another name either.
func (m move) gone() bool {
	if _, stays := m.c.head[m.later]; !stays {
		return true
	}
	now := m.c.file(side{m.later, false})
	return now != nil && m.missing(m.a, m.from, now, m.c.pair(m.later), true, m.before)
}

// fresh reports whether the block of now was not in its file before, not even under another name.
func (m move) fresh() bool {
	if _, was := m.c.base[m.earlier]; !was {
		return true
	}
	before := m.c.file(side{m.earlier, true})
	return before != nil && m.missing(m.b, m.to, before, m.c.pair(m.now.Path), false, m.now)
}

// missing reports whether block i of f has no twin in the file's other version, and no block there is the same under
// another name.
func (m move) missing(f *file, i int, other *file, t *twins, atBase bool, found scanners.Finding) bool {
	if t == nil { // one of the two has no blocks
		return len(other.Names) == 0 && f.Kind == other.Kind && (f.Kind != blocks.Mapping || len(other.all) == 0)
	}
	twin, back := t.fromBase, t.toBase
	if !atBase {
		twin, back = back, twin
	}
	if _, ok := twin[i]; ok {
		return false
	}
	own := f.own(found)
	if !m.work.spend(len(f.parts[i])) {
		return false
	}
	mine := rest(f.parts[i], own)
	for j := range other.Names {
		if _, ok := back[j]; ok {
			continue
		}
		if !m.work.spend(len(mine) + len(other.parts[j])) {
			return false
		}
		theirs := rest(other.parts[j], own)
		if len(mine) > 1 && len(theirs) > 1 {
			if alike(mine, theirs) {
				return false
			}
		} else if alike(strings.FieldsFunc(f.Names[i], apart), strings.FieldsFunc(other.Names[j], apart)) {
			return false // there is little beside the name to compare
		}
	}
	return true
}

// apart reports whether r separates the words of a name.
func apart(r rune) bool { return strings.ContainsRune(" \t()[]{}<>,.:;*&=\"'", r) }

// rest returns the lines of a block without the first, which is its name, and without those of a finding.
func rest(part []string, own map[string]bool) []string {
	if len(part) > 0 {
		part = part[1:]
	}
	return slices.DeleteFunc(slices.Clone(part), func(line string) bool { return own[line] })
}

// alike reports whether at least half of the lines are in both, git's criterion for renames.
func alike(a, b []string) bool { return 2*common(a, b) >= max(len(a), len(b)) }

// alike reports whether the two blocks have much the same lines around the finding. If they have no other lines, they
// are alike within a file, and in two files if each has its name.
func (m move) alike(within bool) bool {
	p, q := m.a.parts[m.from], m.b.parts[m.to]
	if !m.work.spend(len(p) + len(q)) {
		return false
	}
	before, now := m.a.own(m.before), m.b.own(m.now)
	bare := len(p) > len(before) && len(q) > len(now) // there is a name beside it
	maps.Copy(before, now)
	mine, theirs := rest(p, before), rest(q, before)
	if len(mine)+len(theirs) == 0 {
		return within || bare
	}
	return alike(mine, theirs)
}

// carried reports whether enough lines of code around the finding moved from one block to the other: they stand around
// it at both ends, the first block has fewer of them than before and the second has more.
func (m move) carried() bool {
	const enough, reach = 3, 10
	if m.a.Kind != blocks.Code || m.from < 0 || m.to < 0 {
		return false
	}
	p, q := m.a.parts[m.from], m.b.parts[m.to]
	left, ok := m.twin(m.later, m.from, true)
	came, ok2 := m.twin(m.now.Path, m.to, false)
	if !ok || !ok2 || !m.work.spend(len(p)+len(q)+len(left)+len(came)) {
		return false
	}
	lost, won := surplus(p, left), surplus(q, came)
	n := 0
	for _, step := range []int{-1, 1} {
		i, j := m.before.Line, m.now.Line
		if step > 0 {
			i, j = max(i, m.before.EndLine), max(j, m.now.EndLine)
		}
		for range reach {
			line := ""
			if i, line = m.a.next(i, step); line == "" || m.a.At(i) != m.from {
				break
			}
			var other string
			if j, other = m.b.next(j, step); other != line || m.b.At(j) != m.to {
				break
			}
			if lost[line] > 0 && won[line] > 0 {
				lost[line]--
				won[line]--
				n++
			}
		}
	}
	return n >= enough
}

// next returns the next line in a direction that is not empty.
func (f *file) next(line, step int) (int, string) {
	for line += step; line >= 1 && line <= len(f.lines); line += step {
		if f.lines[line-1] != "" {
			return line, f.lines[line-1]
		}
	}
	return line, ""
}

// twin returns the lines of a block in the other version of its file, or none if the block is not there. ok is false if
// that version is not known. head is the path at the head.
func (m move) twin(head string, block int, atBase bool) (lines []string, ok bool) {
	there, name := m.c.head, head
	if !atBase {
		there, name = m.c.base, m.c.from(head)
	}
	if _, exists := there[name]; !exists {
		return nil, true
	}
	t := m.c.pair(head)
	if t == nil {
		f := m.c.file(side{name, !atBase})
		return nil, f != nil && len(f.all) == 0
	}
	if atBase {
		if i, found := t.fromBase[block]; found {
			return t.head.parts[i], true
		}
		return nil, true
	}
	if i, found := t.toBase[block]; found {
		return t.base.parts[i], true
	}
	return nil, true
}

// surplus counts the lines that are in a more often than in b.
func surplus(a, b []string) map[string]int {
	n := map[string]int{}
	for _, line := range a {
		n[line]++
	}
	for _, line := range b {
		n[line]--
	}
	return n
}
