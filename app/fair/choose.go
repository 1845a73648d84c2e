package fair

import (
	"cmp"
	"slices"
)

// A Claim is a piece of work that waits to be done, or is being done.
type Claim struct {
	ID           int64
	Share        string // the party to which it belongs
	Installation string // the installation to which the share belongs
}

// A View is what the processes that share the work know when one of them chooses. It holds for all of them together, so
// that it does not matter which one chooses.
type View struct {
	Claims  []Claim // waiting, in order of arrival
	Running []Claim
	Slots   int // how many claims can run at one time

	// What was begun recently, by the name of the party; see [Use.Left]. A party that is not there has begun nothing.
	Shares, Installations map[string]float64
}

// part is the weight of an installation's recent use relative to that of the share itself. With weight 1, one busy repository would
// get as much as twenty quiet ones of another installation; with weight 0, an installation of a hundred busy repositories
// would get a hundred times as much as an installation with one.
const part = 1.0 / 8

// Most returns how many of the slots one share may occupy: all but a quarter, so that others find a free one. Of fewer
// than four slots it may occupy all.
func Most(slots int) int { return slots - slots/4 }

// MostBeside returns how many of the slots one installation may occupy beside another one: as many as [Most], but two of
// three. With all three, a quiet installation would wait for half a review each time. Of two slots it may occupy both.
func MostBeside(slots int) int {
	if slots == 3 {
		return 2
	}
	return Most(slots)
}

// Choose returns the claims that come next, at most n, and does not change v. The result is empty if nothing waits or no
// party may have more. Choose is a pure function.
//
// A share gets no more than [Most] of the slots at one time, and an installation no more than [MostBeside], unless the
// view contains no other installation. The share with the fewest running claims comes first, then the one with the least
// recent use, then the one whose installation asks for the fewest claims, and then the one that asked first.
//
// So of shares that always ask, none runs two claims more than another, if the view is not older than the last choice of
// any process; and a share without running claims and recent use waits for at most one claim of each other, see the tests.
func Choose(v View, n int) (chosen []Claim) {
	c := chooser{
		next: map[string][]Claim{}, asks: map[string]int{},
		has: map[string]int{}, had: map[string]float64{}, most: Most(v.Slots), mostBeside: MostBeside(v.Slots),
	}
	c.read(v)
	for len(chosen) < n {
		share, found := c.first()
		if !found {
			break
		}
		chosen = append(chosen, c.take(share))
	}
	return chosen
}

// A chooser is the state of one choice.
type chooser struct {
	shares []string // in the order of their first claims
	next   map[string][]Claim
	asks   map[string]int     // waiting claims, by installation
	has    map[string]int     // running claims, by share and by installation
	had    map[string]float64 // recent use, by share and by installation
	alone  bool               // there is one installation only

	most, mostBeside int // slots
}

// of is the key of an installation beside the names of shares.
func of(installation string) string { return "installation " + installation }

func (c *chooser) read(v View) {
	installations := map[string]bool{}
	for _, claim := range v.Claims {
		installations[claim.Installation] = true
		c.asks[claim.Installation]++
		if c.next[claim.Share] == nil {
			c.shares = append(c.shares, claim.Share)
		}
		c.next[claim.Share] = append(c.next[claim.Share], claim)
	}
	for _, claim := range v.Running {
		installations[claim.Installation] = true
		c.has[claim.Share]++
		c.has[of(claim.Installation)]++
	}
	for share, use := range v.Shares {
		c.had[share] = use
	}
	for installation, use := range v.Installations {
		installations[installation] = true
		c.had[of(installation)] = use
	}
	c.alone = len(installations) < 2
}

// first returns the share that comes first. found is false if no share may have another claim.
func (c *chooser) first() (share string, found bool) {
	best := [3]float64{}
	for _, s := range c.shares {
		if len(c.next[s]) == 0 {
			continue
		}
		from := of(c.next[s][0].Installation)
		if c.has[s] >= c.most || !c.alone && c.has[from] >= c.mostBeside {
			continue
		}
		order := [3]float64{
			float64(c.has[s]),
			c.had[s] + part*c.had[from],
			float64(c.asks[c.next[s][0].Installation]),
		}
		if !found || slices.CompareFunc(order[:], best[:], cmp.Compare[float64]) < 0 {
			share, found, best = s, true, order
		}
	}
	return share, found
}

func (c *chooser) take(share string) Claim {
	claim := c.next[share][0]
	c.next[share] = c.next[share][1:]
	for _, name := range []string{share, of(claim.Installation)} {
		c.has[name]++
		c.had[name]++
	}
	return claim
}
