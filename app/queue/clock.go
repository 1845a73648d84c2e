package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
)

const (
	// slack is how far ahead River itself puts what it means to begin at once, and more.
	slack = 10 * time.Second

	// leaderTerm is longer than any of River's leaders is elected for.
	leaderTerm = time.Minute

	// delayedAtOnce bounds one transaction.
	delayedAtOnce = 200
)

// A reading is what two clocks say: that of the wall, which is set, and one that only goes on.
type reading struct {
	wall time.Time
	up   time.Duration
}

// readClocks gives readings whose up counts from start.
func readClocks(start time.Time) func() reading {
	return func() reading {
		now := time.Now()
		return reading{now.Round(0), now.Sub(start)}
	}
}

// setBack says by how much the clock of the wall was set back between two readings; 0 for not.
func setBack(before, after reading) time.Duration {
	lost := (after.up - before.up) - after.wall.Sub(before.wall)
	if lost < 2*time.Second { // clocks are adjusted all the time
		return 0
	}
	return lost
}

// due says when a delayed job should begin, at the earliest: not later than at its time, and earlier where
// nobody has said that time. A clock that is set back leaves jobs in the future that were to begin at once,
// or after a short pause.
func due(d ledger.Delayed, now time.Time) time.Time {
	at := now
	said := d.At.Sub(d.Until).Abs() < slack
	switch {
	case said && d.Since.After(now):
		// It was postponed later than now: the same pause counts from now on.
		at = now.Add(d.Until.Sub(d.Since))
	case said:
		at = d.Until
	case !d.Scheduled && d.At.Sub(now) <= longestPause(d.Attempt)+slack:
		at = d.At // the pause after a failure
	case d.Scheduled && (d.Task || !d.Attempted.After(now)):
		at = d.At // by an older version, which has not said why
	}
	if at.After(d.At) {
		return d.At
	}
	return at
}

// longestPause is how long backoff waits at most.
func longestPause(attempt int) time.Duration {
	return pauseAfter(attempt) * 5 / 4
}

// bringBack gives waiting jobs whose time lies further ahead than anybody said the time when they are
// due.
func (q *Queue) bringBack(ctx context.Context) error {
	var brought int
	for after, more := int64(0), true; more; {
		err := q.ledger.Tx(ctx, func(tx *sql.Tx) error {
			now := q.clocks().wall
			list, err := q.ledger.Delayed(ctx, tx, now.Add(slack), after, delayedAtOnce)
			if err != nil {
				return err
			}
			if more = len(list) == delayedAtOnce; more {
				after = list[len(list)-1].ID
			}
			for _, d := range list {
				changed, err := q.bringBackOne(ctx, tx, d, now)
				if err != nil {
					return err
				}
				if changed {
					brought++
				}
			}
			return q.ledger.DropLeader(ctx, tx, now.Add(leaderTerm))
		})
		if err != nil {
			return fmt.Errorf("bring back jobs from the future: %w", err)
		}
	}
	if brought > 0 {
		q.log.Warn().Int("jobs", brought).Msg("the clock was set back: jobs that waited for a time in the future begin when they are due")
		q.news.ring()
	}
	return nil
}

func (q *Queue) bringBackOne(ctx context.Context, tx *sql.Tx, d ledger.Delayed, now time.Time) (changed bool, err error) {
	at := due(d, now)
	if d.At.Sub(at) <= time.Second {
		return false, nil
	}
	if at.After(now) {
		if err := q.ledger.Postponed(ctx, tx, d.ID, now, at); err != nil {
			return false, err
		}
	}
	return true, q.ledger.Reschedule(ctx, tx, d.ID, at, !at.After(now))
}
