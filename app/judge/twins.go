package judge

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// Twins are the findings of one file, in which findings of different scanners may be the same problem, see
// [baseline.Same]. Comparing each with each would take the square of their number, and the author of a file decides how
// many it has. So only findings with a name in common and overlapping lines are compared.
type twins struct {
	all  []*checks.Finding
	gone []bool
	by   map[name]map[string]*spans // by name and scanner
}

// A name is something that two findings of one problem have in common: an advisory, or a weakness.
type name struct {
	id      string
	cwe     bool // a weakness
	aliases bool // the finding has aliases, which then count alone
	whole   bool // the finding is about the whole file, and its lines do not count
	state   scanners.State
	commit  string
}

func newTwins(all []*checks.Finding) *twins {
	t := &twins{all: all, gone: make([]bool, len(all)), by: map[name]map[string]*spans{}}
	if !slices.ContainsFunc(all, func(f *checks.Finding) bool { return f.Scanner != all[0].Scanner }) {
		return t // nearly always
	}
	for i, f := range all {
		for _, n := range knownBy(f) {
			if t.by[n] == nil {
				t.by[n] = map[string]*spans{}
			}
			if t.by[n][f.Scanner] == nil {
				t.by[n][f.Scanner] = &spans{}
			}
			t.by[n][f.Scanner].add(span{f.Line, max(f.Line, f.EndLine), i})
		}
	}
	for _, scanners := range t.by {
		for _, s := range scanners {
			s.build()
		}
	}
	return t
}

// knownBy returns the names of a finding.
func knownBy(f *checks.Finding) (list []name) {
	for _, id := range f.Aliases {
		list = append(list, name{id: id, aliases: true, whole: f.Line == 0, state: f.State, commit: f.Commit})
	}
	if f.CWE != "" && f.Line > 0 {
		list = append(list, name{id: f.CWE, cwe: true, aliases: len(f.Aliases) > 0, state: f.State, commit: f.Commit})
	}
	return list
}

// take removes the ith finding, and those after it that are the same problem. It returns the latter in their order.
func (t *twins) take(i int) (taken []int) {
	f := t.all[i]
	t.remove(i)
	search := func(n name, from, to int) {
		for scanner, s := range t.by[n] {
			if scanner == f.Scanner {
				continue
			}
			for _, j := range s.overlapping(from, to, math.MaxInt) {
				if !t.gone[j] && baseline.Same(f.Result, t.all[j].Result) {
					taken = append(taken, j)
					t.remove(j)
				}
			}
		}
	}
	for _, n := range knownBy(f) {
		n.others(f, search)
	}
	slices.SortFunc(taken, cmp.Compare[int])
	return taken
}

// others calls search with the names of findings that may be the same problem as f, which has the name n, and with the
// lines that they have to overlap.
func (n name) others(f *checks.Finding, search func(n name, from, to int)) {
	from, to := f.Line, max(f.Line, f.EndLine)
	switch {
	case n.cwe && n.aliases:
		n.aliases = false // if both have aliases, only these count
		search(n, from, to)
	case n.cwe:
		search(n, from, to)
		n.aliases = true
		search(n, from, to)
	default:
		if n.whole {
			from, to = 0, math.MaxInt
		}
		n.whole = false
		search(n, from, to)
		n.whole = true
		search(n, 0, math.MaxInt)
	}
}

func (t *twins) remove(i int) {
	t.gone[i] = true
	for _, n := range knownBy(t.all[i]) {
		if s := t.by[n][t.all[i].Scanner]; s != nil {
			s.remove(i)
		}
	}
}

// A span holds the lines of the finding with an index.
type span struct{ from, to, index int }

// Spans are sorted by their first lines, with a tree of the last lines above them: each node has the larger value of
// its two children. So spans that overlap with another one can be found, and removed, without visiting the others.
type spans struct {
	list []span
	at   map[int]int // where the span of an index is
	last []int       // the root is 1, the children of n are 2n and 2n+1
}

func (s *spans) add(one span) { s.list = append(s.list, one) }

func (s *spans) build() {
	slices.SortFunc(s.list, func(a, b span) int { return cmp.Or(a.from-b.from, a.index-b.index) })
	leaves := 1
	for leaves < len(s.list) {
		leaves *= 2
	}
	s.at, s.last = map[int]int{}, make([]int, 2*leaves)
	for i := range s.last {
		s.last[i] = -1
	}
	for i, one := range s.list {
		s.at[one.index] = i
		s.last[leaves+i] = one.to
	}
	for n := leaves - 1; n > 0; n-- {
		s.last[n] = max(s.last[2*n], s.last[2*n+1])
	}
}

func (s *spans) remove(index int) {
	n := len(s.last)/2 + s.at[index]
	for s.last[n] = -1; n > 1; n /= 2 {
		s.last[n/2] = max(s.last[n], s.last[n^1])
	}
}

// overlapping returns the indexes of spans that have not been removed and contain a line between from and to, at most
// so many.
func (s *spans) overlapping(from, to, most int) (list []int) {
	end := sort.Search(len(s.list), func(i int) bool { return s.list[i].from > to })
	leaves := len(s.last) / 2
	var walk func(n, first, width int)
	walk = func(n, first, width int) {
		if first >= end || s.last[n] < from || len(list) >= most {
			return
		}
		if width == 1 {
			list = append(list, s.list[first].index)
			return
		}
		walk(2*n, first, width/2)
		walk(2*n+1, first+width/2, width/2)
	}
	walk(1, 0, leaves)
	return list
}
