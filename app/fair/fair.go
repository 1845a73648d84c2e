// Package fair decides the order in which many parties use a scarce resource: workers, or the right to write to
// GitHub. The party that used least recently comes first. So a party that asks for little does not wait for those
// that ask for much, and nobody waits forever: being served moves a party after those that were not.
package fair

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// memory is the half-life of past use. It is longer than the time it takes to review a burst of pushes.
const memory = 10 * time.Minute

// An Account records recent use by name. Its zero value is empty, and it must not be used by several goroutines
// at once.
type Account struct {
	had map[string]had
}

type had struct {
	amount float64
	at     time.Time
}

// Of returns the recent use by a name; older use counts less.
func (a *Account) Of(name string, now time.Time) float64 {
	h := a.had[name]
	return h.amount * math.Exp2(-float64(now.Sub(h.at))/float64(memory))
}

// Charge adds one use by a name.
func (a *Account) Charge(name string, now time.Time) {
	if a.had == nil {
		a.had = map[string]had{}
	}
	a.had[name] = had{a.Of(name, now) + 1, now}
	for other := range a.had {
		// Almost nothing: forget it. The loop checks only a few names, in the random order of maps.
		if a.Of(other, now) < 1.0/1024 {
			delete(a.had, other)
			continue
		}
		break
	}
}

// A Turn can be held by one caller at a time. Its zero value is free.
type Turn struct {
	mu      sync.Mutex
	account Account
	taken   bool
	waiting []waiter // in the order of arrival
}

type waiter struct {
	share string
	ready chan struct{}
}

// Take waits for the turn on behalf of a share and returns nil once the caller has it; the caller must then call
// Give. It returns an error if ctx is done first.
func (t *Turn) Take(ctx context.Context, share string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.account.Charge(share, time.Now())
		t.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	t.waiting = append(t.waiting, waiter{share, ready})
	t.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.IndexFunc(t.waiting, func(w waiter) bool { return w.ready == ready })
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // the turn came at the same moment
		t.Give()
	}
	return ctx.Err()
}

// Give ends the turn.
func (t *Turn) Give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.waiting) == 0 {
		t.taken = false
		return
	}
	now, first := time.Now(), 0
	for i, w := range t.waiting {
		if t.account.Of(w.share, now) < t.account.Of(t.waiting[first].share, now) {
			first = i
		}
	}
	t.account.Charge(t.waiting[first].share, now)
	close(t.waiting[first].ready)
	t.waiting = slices.Delete(t.waiting, first, first+1)
}

// A Claim is a piece of work that waits to be done.
type Claim struct {
	ID           int64
	Share        string // the party to which it belongs
	Installation string // the installation to which the share belongs
}

// A Chooser decides which claims come next. It may be used by several goroutines at once, and its zero value is
// ready.
type Chooser struct {
	mu      sync.Mutex
	account Account
}

// part is the weight of an installation's use relative to that of the share itself. With weight 1, one busy
// repository would get as much as twenty quiet ones of another installation; with weight 0, an installation of a
// hundred busy repositories would get a hundred times as much as an installation with one.
const part = 1.0 / 8

// Choose returns the claims that come next, at most n. The claims must be in order of arrival. running is the
// number of running claims of each share, and a share gets no more than most at one time. The share with the
// fewest running comes first, then the one with the least recent use, then the one whose installation asks for
// the fewest claims.
func (c *Chooser) Choose(claims []Claim, running map[string]int, n, most int) (chosen []int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	// The claims of one share come in order of arrival, so consider only the first of each.
	next := map[string][]Claim{}
	var shares []string // in the order of the first claims
	asks := map[string]int{}
	for _, claim := range claims {
		asks[claim.Installation]++
		if next[claim.Share] == nil {
			shares = append(shares, claim.Share)
		}
		next[claim.Share] = append(next[claim.Share], claim)
	}
	has := map[string]int{}
	for len(chosen) < n {
		best, found := "", false
		var fewest, modest int
		var least float64
		for _, share := range shares {
			list := next[share]
			has[share] = max(has[share], running[share])
			if len(list) == 0 || has[share] >= most {
				continue
			}
			had := c.account.Of(share, now) + part*c.account.Of("installation "+list[0].Installation, now)
			wants := asks[list[0].Installation]
			if !found || cmp.Or(cmp.Compare(has[share], fewest), cmp.Compare(had, least), cmp.Compare(wants, modest)) < 0 {
				best, found, fewest, least, modest = share, true, has[share], had, wants
			}
		}
		if !found {
			break
		}
		claim := next[best][0]
		next[best] = next[best][1:]
		chosen = append(chosen, claim.ID)
		has[best]++
		c.account.Charge(best, now)
		c.account.Charge("installation "+claim.Installation, now)
	}
	return chosen
}
