package scanners

import (
	"cmp"
	"slices"
	"strings"
)

// An Extent is how far a problem goes in one respect: a range of ports, a level of access, one of
// several permissions. A finding has as many as it needs, and those of one identity are compared:
// a port more is a worse problem, and a port less a milder one.
//
// What has no order is a range of zeros, such as the permission {"permission/packages", 0, 0}.
// Levels begin at 0, so that a level holds those below it.
type Extent struct {
	Of       string // a path of words of ours; "permission" holds "permission/packages"
	From, To int    // both ends are in it
}

// Worse reports whether now is a worse problem than before, where both are findings of one rule. It
// is when its severity is higher, or when it goes further in any respect.
func Worse(now, before Finding) bool {
	return now.Severity > before.Severity || !Covers(before.Extents, now.Extents)
}

// Covers reports whether all of the second is in the first.
func Covers(wide, narrow []Extent) bool {
	return !slices.ContainsFunc(narrow, func(n Extent) bool { return !covered(wide, n) })
}

// covered reports whether the ranges of wide that are of the same, or of more, hold all of n.
func covered(wide []Extent, n Extent) bool {
	var ranges []Extent
	for _, w := range wide {
		if w.Of == n.Of {
			ranges = append(ranges, w)
		} else if strings.HasPrefix(n.Of, w.Of+"/") {
			return true
		}
	}
	slices.SortFunc(ranges, func(a, b Extent) int { return cmp.Compare(a.From, b.From) })
	next := n.From // the first that is not covered yet
	for _, r := range ranges {
		if r.From <= next && r.To >= next {
			if r.To >= n.To {
				return true
			}
			next = r.To + 1
		}
	}
	return false
}
