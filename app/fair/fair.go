// Package fair decides the order in which many parties use a scarce resource: workers, or the right to write to
// GitHub. The party that used least recently comes first. So a party that asks for little does not wait for those
// that ask for much, and nobody waits forever: being served moves a party after those that were not.
package fair

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

// memory is the half-life of past use. It is longer than the time it takes to review a burst of pushes.
const memory = 10 * time.Minute

// A Use is a recent use of the resource: its amount, as of a time. The zero value is no use.
type Use struct {
	Amount float64 // 1 for each use; it halves every ten minutes
	At     time.Time
}

// Forgotten is how long it takes until a single use counts for almost nothing.
const Forgotten = 10 * memory

// Left returns what the use still counts; older use counts less. A time in the future, by the clock of another machine
// or from before the clock was set back, counts as now.
func (u Use) Left(now time.Time) float64 {
	return u.Amount * math.Exp2(-float64(max(now.Sub(u.At), 0))/float64(memory))
}

// Again returns the use after one more.
func (u Use) Again(now time.Time) Use { return Use{u.Left(now) + 1, now} }

// An Account records recent use by name. Its zero value is empty, and it must not be used by several goroutines
// at once.
type Account struct {
	had map[string]Use
}

// Of returns what the recent use by a name still counts; 0 for a name without any. See [Use.Left].
func (a *Account) Of(name string, now time.Time) float64 { return a.had[name].Left(now) }

// Charge adds one use by a name.
func (a *Account) Charge(name string, now time.Time) {
	if a.had == nil {
		a.had = map[string]Use{}
	}
	a.had[name] = a.had[name].Again(now)
	for other := range a.had {
		// Almost nothing: forget it. The loop checks only a few names, in the random order of maps.
		if a.Of(other, now) < 1.0/1024 {
			delete(a.had, other)
			continue
		}
		break
	}
}

// A Turn can be held by one caller at a time. Its zero value is free, and several goroutines may use it at once.
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

// Give ends the turn. Only the caller that has it may call Give.
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
