package queue

import (
	"context"
	"database/sql"
	"errors"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// A Size says which workers review a pull request.
type Size int

// The sizes of pull requests. What is large is for the callers of this package to say.
const (
	UnknownSize Size = iota
	SmallSize
	LargeSize // reviewed in the slow lane, whose few workers do nothing else
)

// ErrLarge is returned by [Work] for a pull request whose [Request.Size] is not [LargeSize] and should be. The review
// begins again in the slow lane. It does not count as a failure.
var ErrLarge = errors.New("the pull request is too large for the usual workers")

// slowLane is the queue of the reviews of large pull requests. A job has the same unique key in both queues, so there is
// one for each pull request. The name is part of the database format.
const slowLane = "large"

// SlowSlots returns how many workers a process with so many usual workers has for large pull requests: one for each four,
// and at least one. They come on top, so that no small pull request ever waits for a large one.
func SlowSlots(workers int) int { return max(1, workers/4) }

func (s Size) lane() string {
	if s == LargeSize {
		return slowLane
	}
	return river.QueueDefault
}

func sizeIn(queue string) Size {
	if queue == slowLane {
		return LargeSize
	}
	return UnknownSize
}

// tooLarge reports whether the job of a queue has to move to the slow lane after a run that ended with err.
func tooLarge(queue string, err error) bool {
	return queue != slowLane && errors.Is(err, ErrLarge)
}

// changeLane moves a waiting job to the lane of a size, as part of tx. A running job stays: its next run finds out.
func (q *Queue) changeLane(ctx context.Context, tx *sql.Tx, row *rivertype.JobRow, size Size) error {
	if size == UnknownSize || row.State == rivertype.JobStateRunning || row.Queue == size.lane() {
		return nil
	}
	return q.ledger.Move(ctx, tx, row.ID, size.lane())
}
