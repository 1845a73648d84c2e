package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
)

const (
	// slack is more than how far into the future River schedules a job that may begin at once.
	slack = 10 * time.Second

	// leaderTerm is longer than the term of any of River's leaders.
	leaderTerm = time.Minute

	// delayedAtOnce bounds one transaction.
	delayedAtOnce = 200
)

// A reading holds the time of two clocks: the wall clock, which can be set, and a monotonic clock.
type reading struct {
	wall time.Time
	up   time.Duration
}

// readClocks returns a function that reads the clocks; up counts from start.
func readClocks(start time.Time) func() reading {
	return func() reading {
		now := time.Now()
		return reading{now.Round(0), now.Sub(start)}
	}
}

// setBack returns by how much the wall clock was set back between two readings, or 0 if it was not.
func setBack(before, after reading) time.Duration {
	lost := (after.up - before.up) - after.wall.Sub(before.wall)
	if lost < 2*time.Second { // clocks are adjusted all the time
		return 0
	}
	return lost
}

// due returns when a delayed job should begin at the earliest: never later than its scheduled time, and earlier
// if nobody asked for that time. After the clock is set back, jobs that should begin at once, or after a short
// pause, are scheduled in the future.
func due(d ledger.Delayed, now time.Time) time.Time {
	at := now
	said := d.At.Sub(d.Until).Abs() < slack
	switch {
	case said && d.Since.After(now):
		// It was postponed at a time that is now in the future: the same pause counts from now.
		at = now.Add(d.Until.Sub(d.Since))
	case said:
		at = d.Until
	case !d.Scheduled && d.At.Sub(now) <= longestPause(d.Attempt)+slack:
		at = d.At // the pause after a failure
	case d.Scheduled && (d.Task || !d.Attempted.After(now)):
		at = d.At // scheduled by an older version, which did not record why
	}
	if at.After(d.At) {
		return d.At
	}
	return at
}

// longestPause is the maximum pause of backoff.
func longestPause(attempt int) time.Duration {
	return pauseAfter(attempt) * 5 / 4
}

// bringBack reschedules waiting jobs that are scheduled later than anybody asked for, to the time when they are
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
		q.log.Warn().Int("jobs", brought).Msg("the clock was set back: jobs that would have waited too long begin when they are due")
		q.news.ring()
	}
	return nil
}

// scheduled converts the date of a task to the time for which River schedules it, by the machine's clock. It is zero, as
// for at once, if the date has passed.
func (q *Queue) scheduled(date time.Time) time.Time {
	at := q.opts.Clock.Machine(date)
	if !at.After(q.clocks().wall) {
		return time.Time{}
	}
	return at
}

// redate reschedules the waiting tasks that have a date, if the offset of the clock differs from the one by which they
// were scheduled.
func (q *Queue) redate(ctx context.Context) error {
	offset := q.opts.Clock.Offset()
	var changed int
	for after, more := int64(0), true; more; {
		err := q.ledger.Tx(ctx, func(tx *sql.Tx) error {
			now := q.clocks().wall
			list, err := q.ledger.Misdated(ctx, tx, offset, after, delayedAtOnce)
			if err != nil {
				return err
			}
			if more = len(list) == delayedAtOnce; more {
				after = list[len(list)-1].ID
			}
			for _, d := range list {
				at := d.Until.Add(-offset)
				due := !at.After(now)
				if due {
					at = now
				}
				if err := q.ledger.Redate(ctx, tx, d.ID, at, due, offset); err != nil {
					return err
				}
				changed++
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("reschedule tasks for a moved clock: %w", err)
		}
	}
	q.offset = offset
	if changed > 0 {
		q.log.Info().Int("tasks", changed).Stringer("offset", offset).Msg("the clock was moved: tasks with a date are scheduled for its time")
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
