package baseline

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A group is all findings of one content key.
type group struct {
	key                 string
	everywhere          bool // whether a problem is the same wherever it is
	head, base, history []scanners.Finding
	known               []known
}

type known struct {
	Known
	ordinal int
}

// A comparison is the findings of a group after head and base were compared.
type comparison struct {
	*group
	fresh, same, gone []scanners.Result
	freshAt, goneAt   []string // where those with extents are, see [Input.spot]
}

// compare pairs head and base: first what is in one position, then what moved with the code around it.
// What is worse at the head than anything that was there is new, and its like at the base is not
// mended.
func (g *group) compare(in Input, work *effort) *comparison {
	slices.SortFunc(g.head, compare)
	slices.SortFunc(g.base, compare)

	heads, bases := make([]position, len(g.head)), make([]position, len(g.base))
	if len(g.head) > 0 && len(g.base) > 0 {
		for i, f := range g.head {
			heads[i] = position{in.spot(f, false), f.Line, f.Column}
		}
		for i, f := range g.base {
			bases[i] = position{in.spot(f, true), f.Line, f.Column}
		}
	}
	partner := nearest(heads, bases)
	open := g.follow(in, partner, work)

	m, before := &comparison{group: g}, g.before(bases)
	for i, f := range g.head {
		j := partner[i]
		switch {
		case j < 0:
			m.fresh, m.freshAt = append(m.fresh, scanners.Result{Finding: f, State: scanners.New}), append(m.freshAt, in.extentSpot(f, false))
		case in.worse(f, g.base[j]) && in.worse(f, before[bases[j].path]):
			f.Message = strings.TrimRight(f.Message+" It was there before, and is worse now.", " ")
			m.fresh, m.freshAt = append(m.fresh, scanners.Result{Finding: f, State: scanners.New, Worse: true}), append(m.freshAt, "")
		default:
			m.same = append(m.same, scanners.Result{Finding: f, State: scanners.Unchanged})
		}
	}
	for _, j := range open {
		m.gone, m.goneAt = append(m.gone, scanners.Result{Finding: g.base[j], State: scanners.Absent}), append(m.goneAt, in.extentSpot(g.base[j], true))
	}
	for _, f := range g.history {
		m.fresh, m.freshAt = append(m.fresh, scanners.Result{Finding: f, State: scanners.New}), append(m.freshAt, "")
	}
	return m
}

// follow gives each finding of the head without a partner the first finding of the base that moved to it, and
// returns those of the base that have none.
func (g *group) follow(in Input, partner []int, work *effort) (open []int) {
	taken := make([]bool, len(g.base))
	for _, j := range partner {
		if j >= 0 {
			taken[j] = true
		}
	}
	for j := range g.base {
		if !taken[j] {
			open = append(open, j)
		}
	}
	for i := range partner {
		for k := 0; partner[i] < 0 && k < len(open) && work.spend(0); k++ {
			if j := open[k]; g.anywhere(i, j) || in.Change.moved(g.base[j], g.head[i], work) {
				partner[i] = j
				open = slices.Delete(open, k, k+1)
			}
		}
	}
	return open
}

// extentSpot is the place of a finding that has extents, and empty for others.
func (in Input) extentSpot(f scanners.Finding, base bool) string {
	if len(f.Extents) == 0 {
		return ""
	}
	return in.spot(f, base)
}

// spot is [Change.spot] for a finding. That of a package is about the whole file, however its entries are
// called.
func (in Input) spot(f scanners.Finding, atBase bool) string {
	base := f.Path
	if !atBase {
		base = path(f, in.Renames)
	}
	if f.Package != "" {
		return base
	}
	return in.Change.spot(f, atBase, base)
}

// anywhere reports whether two findings are the same wherever they are. A secret is: what was leaked is
// the problem, and not the line that it is in. So is what a scanner reports once for a tree.
func (g *group) anywhere(head, base int) bool {
	return g.everywhere && g.head[head].Line > 0 && g.base[base].Line > 0
}

// worse is [scanners.Worse] for what can be compared.
func (in Input) worse(now, before scanners.Finding) bool {
	if in.Regraded {
		now.Severity = before.Severity
	}
	return scanners.Worse(now, before)
}

// before sums up what the base has at each spot.
func (g *group) before(bases []position) map[string]scanners.Finding {
	const longest = 200 // a group of more ranges is not compared, but new
	all := map[string]scanners.Finding{}
	for j, f := range g.base {
		sum := all[bases[j].path]
		sum.Severity = max(sum.Severity, f.Severity)
		if len(sum.Extents) < longest && !scanners.Covers(sum.Extents, f.Extents) {
			sum.Extents = append(sum.Extents, f.Extents...)
		}
		all[bases[j].path] = sum
	}
	return all
}

// results names everything.
func (m *comparison) results(in Input) []scanners.Result {
	// The order decides who is asked first for a known fingerprint.
	names := newNames(m.group)
	follows := func(k Known) bool { return m.everywhere || !in.Change.has(k.Path) }
	names.give(m.fresh, in.Renames, follows)
	names.give(m.same, in.Renames, follows)
	names.give(m.gone, nil, follows)
	return slices.Concat(m.fresh, m.same, m.gone)
}

// narrow finds what is less of what was there: a rule that opened all ports and opens one now is another
// text, and yet nothing came. What is found at the head is unchanged then, and what it is a part of is
// not mended.
func narrow(matches []*comparison) {
	type spot struct{ rule, path string }
	was := map[spot][]scanners.Extent{}
	for _, m := range matches {
		for i, r := range m.gone {
			if s := (spot{r.Rule, m.goneAt[i]}); s.path != "" && len(r.Extents) > 0 {
				was[s] = append(was[s], r.Extents...)
			}
		}
	}
	now := map[spot]bool{}
	for _, m := range matches {
		for i := 0; i < len(m.fresh); i++ {
			r := m.fresh[i]
			s := spot{r.Rule, m.freshAt[i]}
			if s.path == "" || len(r.Extents) == 0 || !scanners.Covers(was[s], r.Extents) {
				continue
			}
			now[s] = true
			r.State = scanners.Unchanged
			m.same = append(m.same, r)
			m.fresh, m.freshAt = slices.Delete(m.fresh, i, i+1), slices.Delete(m.freshAt, i, i+1)
			i--
		}
	}
	for _, m := range matches {
		for i := 0; i < len(m.gone); i++ {
			if now[spot{m.gone[i].Rule, m.goneAt[i]}] && len(m.gone[i].Extents) > 0 {
				m.gone, m.goneAt = slices.Delete(m.gone, i, i+1), slices.Delete(m.goneAt, i, i+1)
				i--
			}
		}
	}
}

// path is where the base has the file of f.
func path(f scanners.Finding, renames map[string]string) string {
	if old, ok := renames[f.Path]; ok {
		return old
	}
	return f.Path
}

// names hands out the fingerprints of a group.
type names struct {
	key  string
	left []known // not yet given to a result, in the order of ordinals
	used map[int]bool
	next int // no ordinal below is free
}

func newNames(g *group) *names {
	n := &names{key: g.key, used: map[int]bool{}, next: 1}
	slices.SortFunc(g.known, func(a, b known) int {
		return cmp.Or(cmp.Compare(a.ordinal, b.ordinal), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	for _, k := range g.known {
		if !n.used[k.ordinal] {
			n.used[k.ordinal] = true
			n.left = append(n.left, k)
		}
	}
	return n
}

// give names all of results: first by the known ones in the same file, then by those in
// the file's old name, then by the other known ones that may follow a finding to another file, then
// by the smallest free ordinals. A name carries a thread, and what was decided of it: where the file is
// still there, the problem was fixed in it, and its like in another file is another one.
func (n *names) give(results []scanners.Result, renames map[string]string, follows func(Known) bool) {
	n.match(results, func(f scanners.Finding) string { return f.Path })
	n.match(results, func(f scanners.Finding) string { return path(f, renames) })
	for i := range results {
		r := &results[i]
		if r.Fingerprint != "" {
			continue
		}
		switch k := slices.IndexFunc(n.left, func(k known) bool { return follows(k.Known) }); {
		case k >= 0:
			r.Fingerprint = fingerprint(n.key, n.left[k].ordinal)
			n.left = slices.Delete(n.left, k, k+1)
		default:
			for n.used[n.next] {
				n.next++
			}
			n.used[n.next] = true
			r.Fingerprint = fingerprint(n.key, n.next)
		}
	}
}

// match names the results that have no name yet, but a known finding in the file that
// where says, the nearest lines first.
func (n *names) match(results []scanners.Result, where func(scanners.Finding) string) {
	var open []*scanners.Result
	var here, there []position
	for i := range results {
		if r := &results[i]; r.Fingerprint == "" {
			open = append(open, r)
			here = append(here, position{where(r.Finding), r.Line, 0})
		}
	}
	for _, k := range n.left {
		there = append(there, position{k.Path, k.Line, 0})
	}
	given := map[int]bool{}
	for i, j := range nearest(here, there) {
		if j >= 0 {
			open[i].Fingerprint = fingerprint(n.key, n.left[j].ordinal)
			given[n.left[j].ordinal] = true
		}
	}
	n.left = slices.DeleteFunc(n.left, func(k known) bool { return given[k.ordinal] })
}
