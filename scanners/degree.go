package scanners

import (
	"cmp"
	"slices"
	"strings"
)

// An Extent says how far a problem goes in one respect: a range of ports, a level of access, one of
// several permissions. A finding has as many extents as it needs, and the extents of findings of one
// identity are compared: one more port is a worse problem, and one less a milder one.
//
// A property without an order is a range of zeros, such as the permission {"permission/packages", 0, 0}.
// Levels begin at 0, so that a level contains those below it.
type Extent struct {
	Of       string // a path of our own words; "permission" contains "permission/packages"
	From, To int    // both inclusive
}

// Worse reports whether now is a worse problem than before, where both are findings of one rule: its
// severity is higher, or it goes further in some respect.
func Worse(now, before Finding) bool {
	return now.Severity > before.Severity || !Covers(before.Extents, now.Extents)
}

// Covers reports whether wide contains all of narrow.
func Covers(wide, narrow []Extent) bool {
	return !slices.ContainsFunc(narrow, func(n Extent) bool { return !covered(wide, n) })
}

// covered reports whether the ranges in wide whose Of is that of n, or an ancestor of it, contain all of n.
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
	next := n.From // the first number that is not covered yet
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
