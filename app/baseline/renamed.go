package baseline

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/blocks"
)

// A leftover is a result that has no partner of its own identity.
type leftover struct {
	of    *comparison
	index int // in fresh or gone
	scanners.Finding
}

// retold pairs what has no partner of its own identity: findings of one rule in one file that are the same problem,
// said otherwise. Either the thing around the finding has another name, or the lines of the finding differ in
// comments, quotes or white space alone. In both cases the finding is in the same unit, see [renaming], and its lines
// say the same otherwise. Each finding at the base stands for one at the head.
func (in Input) retold(matches []*comparison) {
	type place struct{ rule, path string }
	fresh, gone := map[place][]leftover{}, map[place][]leftover{}
	for _, m := range matches {
		for i, r := range m.fresh {
			if !r.Worse && r.Commit == "" && r.Line > 0 && r.Package == "" {
				p := place{r.Rule, r.Path}
				fresh[p] = append(fresh[p], leftover{m, i, r.Finding})
			}
		}
		for i, r := range m.gone {
			if r.Line > 0 && r.Package == "" {
				p := place{r.Rule, in.Change.at(r.Path)}
				gone[p] = append(gone[p], leftover{m, i, r.Finding})
			}
		}
	}
	done := map[*comparison]*settled{}
	at := func(m *comparison) *settled {
		if done[m] == nil {
			done[m] = &settled{now: map[int]scanners.State{}, gone: map[int]bool{}}
		}
		return done[m]
	}
	places := slices.SortedFunc(maps.Keys(fresh), func(a, b place) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.rule, b.rule)) })
	for _, p := range places {
		for _, pair := range in.Change.retold(p.path, fresh[p], gone[p]) {
			state := scanners.Unchanged
			now := pair[0].Finding
			if renamedExtents(pair[1].Extents, now.Extents) {
				now.Extents = pair[1].Extents
			}
			if in.worse(now, pair[1].Finding) {
				state = scanners.New
			}
			at(pair[0].of).now[pair[0].index] = state
			at(pair[1].of).gone[pair[1].index] = true
		}
	}
	for m, s := range done {
		m.settle(s)
	}
}

// renamedExtents reports whether the extents differ in names alone, as where they hold the name of a container: none has
// the same name, and the ranges are the same.
func renamedExtents(before, now []scanners.Extent) bool {
	type span struct{ steps, from, to int }
	ranges := map[span]int{}
	names := map[string]bool{}
	for _, e := range before {
		first, _, _ := strings.Cut(e.Of, "/")
		names[first] = true
		ranges[span{strings.Count(e.Of, "/"), e.From, e.To}]++
	}
	return len(before) == len(now) && !slices.ContainsFunc(now, func(e scanners.Extent) bool {
		first, _, _ := strings.Cut(e.Of, "/")
		s := span{strings.Count(e.Of, "/"), e.From, e.To}
		ranges[s]--
		return names[first] || ranges[s] < 0
	})
}

// A settled holds results of a comparison that have got a partner.
type settled struct {
	now  map[int]scanners.State // of those in fresh, by their index
	gone map[int]bool
}

// settle moves results to where they belong.
func (m *comparison) settle(s *settled) {
	fresh := m.fresh
	m.fresh = nil
	for i, r := range fresh {
		switch state, ok := s.now[i]; {
		case ok && state == scanners.Unchanged:
			r.State = state
			m.same = append(m.same, r)
		case ok:
			m.fresh = append(m.fresh, worsened(r.Finding))
		default:
			m.fresh = append(m.fresh, r)
		}
	}
	gone := m.gone
	m.gone = nil
	for i, r := range gone {
		if !s.gone[i] {
			m.gone = append(m.gone, r)
		}
	}
}

// A saying is a place within a unit at the head, and what the lines there say.
type saying struct {
	unit int
	text string
}

// retold pairs findings at the head and at the base of one file.
func (c *Change) retold(head string, fresh, gone []leftover) (pairs [][2]leftover) {
	if len(fresh) == 0 || len(gone) == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.renaming(head)
	if r == nil {
		return nil
	}
	order := func(a, b leftover) int { return compare(a.Finding, b.Finding) }
	slices.SortFunc(fresh, order)
	slices.SortFunc(gone, order)
	own := map[string]bool{} // lines of the findings, which are no evidence of what is around them
	for _, f := range fresh {
		own = merged(own, r.b.own(f.Finding))
	}
	for _, f := range gone {
		own = merged(own, r.a.own(f.Finding))
	}
	open := r.sayings(gone, own)
	for _, f := range fresh {
		lines := r.lines(r.b, f.Finding)
		s := saying{r.head.at(f.Line), r.syntax.plain(lines)}
		if len(open[s]) == 0 {
			continue
		}
		// The same lines in a thing of the same name are another problem of the rule, for another reason.
		was := open[s][0]
		if was.of != f.of && s.text != "" && (was.renamed || was.lines != strings.Join(lines, "\n")) {
			pairs = append(pairs, [2]leftover{f, was.leftover})
			open[s] = open[s][1:]
		}
	}
	return pairs
}

// An oldSaying is a finding at the base whose unit has a partner, with its lines as they would be there.
type oldSaying struct {
	leftover
	lines   string
	renamed bool
}

// sayings sorts findings at the base by what their lines say, and where that would be at the head.
func (r *renaming) sayings(gone []leftover, own map[string]bool) map[saying][]oldSaying {
	open := map[saying][]oldSaying{}
	known := map[int]bool{} // whether a unit is alike its partner beside the findings
	for _, f := range gone {
		unit, to := r.base.at(f.Line), -1
		if unit >= 0 {
			if to = r.to[unit]; to < 0 {
				continue
			}
		}
		units := r.around(unit)
		if _, ok := known[unit]; !ok {
			known[unit] = !slices.ContainsFunc(units, func(u int) bool { return !r.alike(u, own) })
		}
		if !known[unit] {
			continue
		}
		lines := r.lines(r.a, f.Finding)
		for i := range lines {
			lines[i] = r.rename(lines[i], units)
		}
		s := saying{to, r.syntax.plain(lines)}
		open[s] = append(open[s], oldSaying{f, strings.Join(lines, "\n"), len(units) > 0})
	}
	return open
}

func merged(all, more map[string]bool) map[string]bool {
	for k := range more {
		all[k] = true
	}
	return all
}

// lines returns the lines of a finding that say what it is about. A finding about a whole block is about its first
// line.
func (r *renaming) lines(f *file, found scanners.Finding) []string {
	const longest = 200
	from, to := found.Line, min(max(found.EndLine, found.Line), found.Line+longest)
	if f.Kind != blocks.Code && to > from && from <= len(f.lines) {
		if b := f.At(from); b >= 0 && f.At(from-1) != b {
			to = from
		}
	}
	if from > len(f.lines) {
		return nil
	}
	return slices.Clone(f.lines[from-1 : min(to, len(f.lines))])
}

// alike reports whether a unit at the base and its partner have much the same lines beside those of findings.
func (r *renaming) alike(unit int, own map[string]bool) bool {
	beside := func(list []string) []string {
		return slices.DeleteFunc(slices.Clone(list), func(line string) bool { return own[line] })
	}
	u, v := r.base.units[unit].rest, r.head.units[r.to[unit]].rest
	if !r.work.spend(len(u) + len(v)) {
		return false
	}
	return alike(beside(u), beside(v))
}
