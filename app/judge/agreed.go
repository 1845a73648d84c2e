package judge

import (
	"cmp"
	"maps"
	"slices"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// agreed returns the runs, in which scanners agree on what is new: a problem that one of them knows from the base is
// old for all. Scanners name a problem differently, and so one of them may find it again under another name.
//
// Findings that several scanners report alike are put together first, as [merge] does. What is then unchanged for some
// scanners stands for one problem that is new for others. So where two problems are on one line, an old one does not
// hide the new one from all who see both.
func (c Case) agreed() []scanners.Run {
	byPath := map[string][]*checks.Finding{}
	states := map[string]map[scanners.State]bool{}
	where := map[*checks.Finding][2]int{}
	for i, run := range c.Runs {
		for j, r := range run.Results {
			if r.Commit == "" && (r.State == scanners.New || r.State == scanners.Unchanged) {
				f := &checks.Finding{Result: r}
				byPath[r.Path], where[f] = append(byPath[r.Path], f), [2]int{i, j}
				if states[r.Path] == nil {
					states[r.Path] = map[scanners.State]bool{}
				}
				states[r.Path][r.State] = true
			}
		}
	}
	runs, owned := slices.Clone(c.Runs), map[int]bool{}
	for path, list := range byPath {
		if len(states[path]) < 2 {
			continue
		}
		for _, f := range c.old(list, order(c.Runs)) {
			i, j := where[f][0], where[f][1]
			if !owned[i] {
				runs[i].Results, owned[i] = slices.Clone(runs[i].Results), true
			}
			runs[i].Results[j].State = scanners.Unchanged
		}
	}
	return runs
}

// A cluster holds findings of one state, of one problem.
type cluster struct {
	state    scanners.State
	members  []int
	scanners map[string]bool
}

// old returns those of the new findings of one file that other scanners know from the base.
func (c Case) old(all []*checks.Finding, order map[string]int) (list []*checks.Finding) {
	slices.SortStableFunc(all, func(a, b *checks.Finding) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(order[a.Scanner], order[b.Scanner]), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	t := newTwins(all)
	var clusters []*cluster
	of := map[int]*cluster{}
	for i, f := range all {
		if t.gone[i] {
			continue
		}
		one := &cluster{state: f.State, members: append([]int{i}, t.take(i)...), scanners: map[string]bool{}}
		for _, j := range one.members {
			one.scanners[all[j].Scanner], of[j] = true, one
		}
		clusters = append(clusters, one)
	}
	unchanged := newTwins(all)
	for _, one := range clusters {
		if one.state != scanners.New || slices.ContainsFunc(one.members, func(i int) bool { return all[i].Worse }) {
			continue
		}
		was := c.known(one, unchanged, of)
		if was == nil {
			continue
		}
		for _, i := range was.members { // it stands for no other
			unchanged.remove(i)
		}
		for _, i := range one.members {
			list = append(list, all[i])
		}
	}
	return list
}

// known returns the unchanged cluster of other scanners that is the same problem as a new one, or nil.
func (c Case) known(fresh *cluster, t *twins, of map[int]*cluster) (was *cluster) {
	const most = 100 // findings to compare with, of one name and scanner
	for _, i := range fresh.members {
		f := t.all[i]
		search := func(n name, from, to int) {
			n.state = scanners.Unchanged
			for _, scanner := range slices.Sorted(maps.Keys(t.by[n])) {
				for _, j := range t.by[n][scanner].overlapping(from, to, most) {
					if was != nil {
						return
					}
					u := of[j]
					shared := slices.ContainsFunc(fresh.members, func(i int) bool { return u.scanners[t.all[i].Scanner] })
					if !shared && c.same(f.Result, t.all[j].Result) {
						was = u
					}
				}
			}
		}
		for _, n := range knownBy(f) {
			n.others(f, search)
		}
	}
	return was
}

// same reports whether a new finding is a problem that another scanner knows from the base, at that place. A weakness
// that covers many lines says nothing about a line that the change adds within.
func (c Case) same(fresh, old scanners.Result) bool {
	fresh.State = old.State
	if old.Moved || !baseline.Same(fresh, old) || fresh.Package != "" && old.Package != "" && fresh.Package != old.Package {
		return false
	}
	wider := old.Line < fresh.Line || max(old.Line, old.EndLine) > max(fresh.Line, fresh.EndLine)
	return fresh.Package != "" || !wider || c.Adds == nil || !c.Adds(fresh)
}
