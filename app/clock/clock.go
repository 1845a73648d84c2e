// Package clock is the time by which the program decides: what has expired, and when something begins. It can be moved,
// so that a test or a rehearsal sees years pass without waiting for them.
//
// Locks, leases, pauses and measured durations go by the machine's clock instead.
package clock

import (
	"sync/atomic"
	"time"
)

// A Clock is the machine's clock, moved by an offset. Its zero value and a nil pointer are the machine's clock itself.
// Several goroutines may use it at once.
type Clock struct{ offset atomic.Int64 }

// At returns a clock that is ahead of the machine's by an offset, or behind it if the offset is negative.
func At(offset time.Duration) *Clock {
	c := &Clock{}
	c.Move(offset)
	return c
}

// Move sets the clock forward by d from where it is now.
func (c *Clock) Move(d time.Duration) { c.offset.Add(int64(d)) }

// Offset returns how far the clock is ahead of the machine's.
func (c *Clock) Offset() time.Duration {
	if c == nil {
		return 0
	}
	return time.Duration(c.offset.Load())
}

// Now returns the time of the clock.
func (c *Clock) Now() time.Time { return c.Of(time.Now()) }

// Of converts a time of the machine's clock, or of GitHub's, to this clock. A zero time stays zero.
func (c *Clock) Of(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(c.Offset())
}

// Machine converts a time of this clock to the machine's, as a scheduler needs it. A zero time stays zero.
func (c *Clock) Machine(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.Add(-c.Offset())
}
