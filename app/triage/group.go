package triage

import (
	"cmp"
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
)

// A group is all findings of one content key.
type group struct {
	key                 string
	head, base, history []scanners.Finding
	known               []known
}

type known struct {
	Known
	ordinal int
}

// results pairs head and base and names everything.
func (g *group) results(renames map[string]string) []scanners.Result {
	slices.SortFunc(g.head, compare)
	slices.SortFunc(g.base, compare)

	heads, bases := make([]place, len(g.head)), make([]place, len(g.base))
	for i, f := range g.head {
		heads[i] = place{path(f, renames), f.Line, f.Column}
	}
	for i, f := range g.base {
		bases[i] = place{f.Path, f.Line, f.Column}
	}
	partner := pair(heads, bases)

	var fresh, same, gone []scanners.Result
	taken := make([]bool, len(g.base))
	for i, f := range g.head {
		if partner[i] < 0 {
			fresh = append(fresh, scanners.Result{Finding: f, State: scanners.New})
			continue
		}
		taken[partner[i]] = true
		same = append(same, scanners.Result{Finding: f, State: scanners.Unchanged})
	}
	for i, f := range g.base {
		if !taken[i] {
			gone = append(gone, scanners.Result{Finding: f, State: scanners.Absent})
		}
	}
	for _, f := range g.history {
		fresh = append(fresh, scanners.Result{Finding: f, State: scanners.New})
	}

	// The order decides who is asked first for a known fingerprint.
	names := newNames(g)
	names.give(fresh, renames)
	names.give(same, renames)
	names.give(gone, nil)
	return slices.Concat(fresh, same, gone)
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
// the file's old name, then by the other known ones, then by the smallest free ordinals.
func (n *names) give(results []scanners.Result, renames map[string]string) {
	n.match(results, func(f scanners.Finding) string { return f.Path })
	n.match(results, func(f scanners.Finding) string { return path(f, renames) })
	for i := range results {
		r := &results[i]
		switch {
		case r.Fingerprint != "":
		case len(n.left) > 0:
			r.Fingerprint = fingerprint(n.key, n.left[0].ordinal)
			n.left = n.left[1:]
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
	var here, there []place
	for i := range results {
		if r := &results[i]; r.Fingerprint == "" {
			open = append(open, r)
			here = append(here, place{where(r.Finding), r.Line, 0})
		}
	}
	for _, k := range n.left {
		there = append(there, place{k.Path, k.Line, 0})
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
