package baseline

import (
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
)

// removed returns the protections that the head lacks and the base had, as ordinary findings. An ordinary finding that
// the head has and the base did not stands for a protection that the head lacks: there, a line turns it off.
//
// A file can hold several objects of one identity. A protection is removed only if fewer of them have it. Then those
// that lack it at both ends are paired, and what remains at the head are the objects that lost it.
func (g *group) removed(in Input) (found []scanners.Finding) {
	lost := map[string]int{} // how many protections, by the path at the base
	for _, f := range g.guardedBase {
		if f.Protection == scanners.Kept {
			lost[f.Path]++
		}
	}
	if len(lost) == 0 {
		return nil
	}
	for _, f := range g.guardedHead {
		if f.Protection == scanners.Kept {
			lost[path(f, in.Renames)]--
		}
	}
	off := map[string]int{}
	for _, f := range g.head {
		off[path(f, in.Renames)]++
	}
	for _, f := range g.base {
		off[f.Path]--
	}
	for p, n := range off {
		lost[p] -= max(n, 0)
	}

	now, heads := missing(g.guardedHead, func(f scanners.Finding) string { return in.spot(f, false) })
	_, bases := missing(g.guardedBase, func(f scanners.Finding) string { return in.spot(f, true) })
	for i, j := range nearest(heads, bases) {
		p := path(now[i], in.Renames)
		if j >= 0 || lost[p] <= 0 {
			continue
		}
		lost[p]--
		now[i].Protection = scanners.Problem
		found = append(found, now[i])
	}
	return found
}

// missing returns the objects of a list that lack the protection, in the order of their places, and their positions.
func missing(list []scanners.Finding, spot func(scanners.Finding) string) (lack []scanners.Finding, at []position) {
	for _, f := range list {
		if f.Protection == scanners.Missing {
			lack = append(lack, f)
		}
	}
	slices.SortFunc(lack, compare)
	for _, f := range lack {
		at = append(at, position{spot(f), f.Line, f.Column})
	}
	return lack, at
}

// choose returns the list that a finding belongs to.
func choose(f scanners.Finding, problems, guarded *[]scanners.Finding) *[]scanners.Finding {
	if f.Protection != scanners.Problem {
		return guarded
	}
	return problems
}
