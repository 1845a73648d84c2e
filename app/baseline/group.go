package baseline

import (
	"cmp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
)

// A group holds all findings of one content key.
type group struct {
	key                 string
	everywhere          bool // a problem is the same wherever it is
	head, base, history []scanners.Finding
	known               []known

	// The findings about protections, see [scanners.Protection]. All others are above.
	guardedHead, guardedBase []scanners.Finding
}

type known struct {
	Known
	ordinal int
}

// A comparison holds the findings of a group after head and base were compared.
type comparison struct {
	*group
	fresh, same, gone []scanners.Result
	freshAt, goneAt   []string // the spots of those with extents, see [Input.spot]
}

// compare pairs head and base: first findings at the same spot, then findings that moved with the code around them. A
// finding at the head that is worse than all that the base had there is new, and its partner at the base is not fixed.
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
	here := slices.Clone(partner)
	open := g.follow(in, partner, work)

	m, before := &comparison{group: g}, g.before(bases)
	for i, f := range g.head {
		j := partner[i]
		switch {
		case j < 0:
			m.fresh, m.freshAt = append(m.fresh, scanners.Result{Finding: f, State: scanners.New}), append(m.freshAt, in.extentSpot(f, false))
		case in.worse(f, g.base[j]) && in.worse(f, before[bases[j].path]):
			m.fresh, m.freshAt = append(m.fresh, worsened(f)), append(m.freshAt, "")
		default:
			moved := here[i] < 0 && !in.Change.replaced(g.base[j], f)
			m.same = append(m.same, scanners.Result{Finding: f, State: scanners.Unchanged, Moved: moved})
		}
	}
	for _, j := range open {
		m.gone, m.goneAt = append(m.gone, scanners.Result{Finding: g.base[j], State: scanners.Absent}), append(m.goneAt, in.extentSpot(g.base[j], true))
	}
	for _, f := range slices.Concat(g.removed(in), g.history) {
		m.fresh, m.freshAt = append(m.fresh, scanners.Result{Finding: f, State: scanners.New}), append(m.freshAt, "")
	}
	return m
}

// worsened returns the result for a finding that goes further than its partner at the base.
func worsened(f scanners.Finding) scanners.Result {
	f.Message = strings.TrimRight(f.Message+" It was there before, and is worse now.", " ")
	return scanners.Result{Finding: f, State: scanners.New, Worse: true}
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
			if j := open[k]; g.follows(in, i, j, work) {
				partner[i] = j
				open = slices.Delete(open, k, k+1)
			}
		}
	}
	return open
}

// follows reports whether a finding of the head may be one of the base that moved to it.
func (g *group) follows(in Input, head, base int, work *effort) bool {
	if in.Apart {
		return g.anywhere(head, base) && path(g.head[head], in.Renames) == g.base[base].Path
	}
	return g.anywhere(head, base) || in.Change.moved(g.base[base], g.head[head], work)
}

// extentSpot is the place of a finding that has extents, and empty for others.
func (in Input) extentSpot(f scanners.Finding, base bool) string {
	if len(f.Extents) == 0 {
		return ""
	}
	return in.spot(f, base)
}

// spot is [Change.spot] for a finding. The spot of a package is the whole file, whatever the name of its entry in it.
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

// anywhere reports whether two findings are the same wherever they are. Secrets are, since the leaked value is the
// problem, not its line. So are findings that a scanner reports once for a tree.
func (g *group) anywhere(head, base int) bool {
	return g.everywhere && g.head[head].Line > 0 && g.base[base].Line > 0
}

// worse is [scanners.Worse], without the severity if it cannot be compared.
func (in Input) worse(now, before scanners.Finding) bool {
	if in.Regraded {
		now.Severity = before.Severity
	}
	return scanners.Worse(now, before)
}

// before returns the sum of the findings that the base has at each spot.
func (g *group) before(bases []position) map[string]scanners.Finding {
	const longest = 200 // a group of more ranges is not compared, but is new
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

// results returns all results, with their fingerprints.
func (m *comparison) results(in Input) []scanners.Result {
	// The order decides which results get the known fingerprints first.
	names := newNames(m.group)
	follows := func(k Known) bool { return m.everywhere || !in.Change.has(k.Path) }
	names.give(m.fresh, in.Renames, follows)
	names.give(m.same, in.Renames, follows)
	names.give(m.gone, nil, follows)
	return slices.Concat(m.fresh, m.same, m.gone)
}

// narrow finds findings that are a part of what the base had: a rule that opened all ports and now opens one is another
// text, and yet brings nothing. Such a finding at the head becomes unchanged, and the finding at the base that covers
// it is not reported as fixed.
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

// path returns the path at the base of the file of f.
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

// give names all of results: first with the known fingerprints in the same file, then with those in the file's old
// name, then with the other known ones that may follow a finding to another file, then with the smallest free ordinals.
// A fingerprint carries a thread, and the decisions about it: if the known finding's file still exists, the problem was
// fixed there, and a similar finding in another file is a different one.
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

// match gives known fingerprints to results that have none yet, if the known finding is in the file that where returns,
// the nearest lines first.
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
