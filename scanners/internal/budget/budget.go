// Package budget bounds the time that a scanner takes for one file.
//
// Time is that of the processor, since a machine that is busy with other things makes no file large. It
// is asked for between the pieces of a file: the libraries that read them cannot be interrupted, and to
// leave one running behind would bound nothing. So pieces are small, or a scanner bounds by the form of a
// file what it gives to a library as one.
package budget

import (
	"errors"
	"runtime"
	"time"
)

// Most is what one scanner takes for reading one file; the last piece may go beyond it by a little.
const Most = 7 * time.Second

// ErrSpent says that a file takes more time than there is for it.
var ErrSpent = errors.New("takes too much time to be read")

// A Meter measures one file. It is for one goroutine.
type Meter struct {
	clock func() time.Duration
	began time.Duration
	most  time.Duration
}

// Start begins to measure. Stop must be called on the same goroutine.
func Start() *Meter {
	runtime.LockOSThread() // the clock is that of the thread
	return New(Most, func() time.Duration { return threadTime() / slower })
}

// New makes a meter with a limit and a clock of one's own.
func New(most time.Duration, clock func() time.Duration) *Meter {
	return &Meter{clock: clock, began: clock(), most: most}
}

// Stop ends what Start began.
func (m *Meter) Stop() { runtime.UnlockOSThread() }

// More gives the time that begins now for what is left to be done, should what was done before have
// taken all.
func (m *Meter) More(most time.Duration) {
	if m != nil {
		m.most = max(m.most, m.clock()-m.began+most)
	}
}

// Err is [ErrSpent] when the time is over. Of a nil meter it never is.
func (m *Meter) Err() error {
	if m != nil && m.clock()-m.began > m.most {
		return ErrSpent
	}
	return nil
}
