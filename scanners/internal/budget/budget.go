// Package budget bounds the time that a scanner spends on one file.
//
// It measures processor time, because a file does not become large when the machine is busy with other
// things. Scanners check the time between the pieces of a file: the libraries that read the pieces cannot be
// interrupted, and leaving one running in the background would bound nothing. So pieces are small, or a
// scanner limits, by the form of the file, what it passes to a library as one piece.
package budget

import (
	"errors"
	"runtime"
	"time"
)

// Most is how long one scanner may take to read one file; the last piece may exceed it by a little.
const Most = 7 * time.Second

// ErrSpent reports that a file takes more time than it may.
var ErrSpent = errors.New("takes too much time to be read")

// A Meter measures the time spent on one file. It is for one goroutine.
type Meter struct {
	clock func() time.Duration
	began time.Duration
	most  time.Duration
}

// Start returns a meter that runs. Stop must be called on the same goroutine.
func Start() *Meter {
	runtime.LockOSThread() // the clock measures this thread
	return New(Most, func() time.Duration { return threadTime() / slower })
}

// New returns a meter with the given limit and clock.
func New(most time.Duration, clock func() time.Duration) *Meter {
	return &Meter{clock: clock, began: clock(), most: most}
}

// Stop ends the measurement that Start began.
func (m *Meter) Stop() { runtime.UnlockOSThread() }

// More makes sure that at least this much time is left for the rest of the work, even if the work so far
// has used up all of it.
func (m *Meter) More(most time.Duration) {
	if m != nil {
		m.most = max(m.most, m.clock()-m.began+most)
	}
}

// Err returns [ErrSpent] if the time is used up. A nil meter never is.
func (m *Meter) Err() error {
	if m != nil && m.clock()-m.began > m.most {
		return ErrSpent
	}
	return nil
}
