package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// riverDriver is River's view of the database.
type riverDriver = riverdriver.Driver[*sql.Tx]

// lookPause is the shortest time between two readings of a generation by one worker. News may come hundreds of times a
// second, and nearly all of it is about other pull requests.
const lookPause = 50 * time.Millisecond

// watch prolongs a lease until done is closed, and calls cancel when the work must stop: because of a newer
// generation, a lost lease, or the end of riverCtx. The first cause stays. A task has no pull, and so no
// generation.
//
// The lease is lost only when another worker has it. If the database does not answer, the work continues: other
// workers do not take a job while the database explains the silence.
func (q *Queue) watch(riverCtx context.Context, done <-chan struct{}, cancel context.CancelCauseFunc, pull ledger.Pull, lease ledger.Lease) {
	poll, beat := time.NewTicker(q.opts.Poll), time.NewTicker(q.opts.Heartbeat)
	defer poll.Stop()
	defer beat.Stop()
	news := q.news.next()
	if pull.ID == 0 {
		poll.Stop()
		news = nil
	}
	// A heartbeat may wait for the database, and must not block the loop.
	beating, stop := context.WithCancel(context.WithoutCancel(riverCtx))
	beats, beaten := make(chan bool, 1), true
	defer func() {
		stop()
		if !beaten {
			<-beats
		}
	}()
	var looked time.Time
	var later <-chan time.Time // when to look, if not at once
	look := func() {
		looked = time.Now()
		ctx, stop := q.patient(riverCtx)
		generation, err := q.ledger.Generation(ctx, pull.ID)
		stop()
		if err != nil {
			zerolog.Ctx(riverCtx).Warn().Err(err).Msg("cannot find out whether the pull request has changed")
		} else if generation != pull.Generation {
			cancel(ErrSuperseded)
			poll.Stop()
			news = nil
		}
	}
	ended := riverCtx.Done()
	for {
		select {
		case <-done:
			return
		case <-ended:
			cancel(ending(riverCtx))
			ended = nil
		case <-news:
			news = nil
			later = time.After(max(0, lookPause-time.Since(looked)))
		case <-later:
			later, news = nil, q.news.next()
			look()
		case <-poll.C:
			look()
		case <-beat.C:
			if !beaten {
				continue
			}
			beaten = false
			go func() { beats <- q.beat(beating, lease, pull.Generation) }()
		case held := <-beats:
			beaten = true
			if !held {
				cancel(ErrLost)
				<-done
				return
			}
		}
	}
}

// beat prolongs a lease. It returns false if another worker has it.
func (q *Queue) beat(ctx context.Context, lease ledger.Lease, generation int64) (held bool) {
	beat, cancel := context.WithTimeout(ctx, q.opts.LeaseTTL)
	defer cancel()
	err := q.ledger.UnorderedTx(beat, func(tx *sql.Tx) (err error) {
		held, err = q.ledger.Beat(beat, tx, lease, generation)
		return err
	})
	if err != nil && ctx.Err() == nil {
		q.log.Warn().Err(err).Int64("job", lease.Job).Msg("a heartbeat was not recorded, the work goes on")
	}
	return held || err != nil
}

// ending returns the reason why River ended a context.
func ending(riverCtx context.Context) error {
	cause := context.Cause(riverCtx)
	if errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, rivertype.ErrJobCancelledRemotely) {
		return cause
	}
	return ErrStopping
}

// rescueLoop puts back the jobs of dead workers until ctx ends. If the clock was set back since the last reading,
// it also reschedules the jobs that this left in the future.
func (q *Queue) rescueLoop(ctx context.Context, last reading) {
	tick := time.NewTicker(q.opts.Heartbeat)
	defer tick.Stop()
	silent := silence{heartbeat: q.opts.Heartbeat, ttl: q.opts.LeaseTTL}
	offered := last.up
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			now := q.clocks()
			if lost := setBack(last, now); lost > 0 {
				q.log.Warn().Stringer("by", lost).Msg("the clock was set back")
				if err := q.bringBack(ctx); err != nil {
					q.log.Warn().Err(err).Msg("jobs may begin late, because the clock was set back")
					continue // try again at the next tick
				}
			}
			last = now
			if now.up-offered >= presenceBeats*q.opts.Heartbeat {
				offered = now.up
				if err := q.offer(ctx); err != nil && ctx.Err() == nil {
					q.log.Warn().Err(err).Msg("other processes may not count the workers of this one")
				}
			}
			if q.opts.Clock.Offset() != q.offset {
				if err := q.redate(ctx); err != nil {
					q.log.Warn().Err(err).Msg("tasks with a date may begin at a wrong time, because the clock was moved")
				}
			}
			if err := q.rescueSilent(ctx, &silent); err != nil && ctx.Err() == nil {
				q.log.Warn().Err(err).Msg("put back the jobs of dead workers")
			}
		}
	}
}

// ever is later than any attempt.
var ever = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// rescueSilent puts back the jobs whose workers, in other processes, have been silent for too long.
func (q *Queue) rescueSilent(ctx context.Context, silent *silence) error {
	if any, err := q.ledger.Running(ctx); err != nil || !any {
		silent.forget()
		return err
	}
	running, err := q.ledger.ReadDriver().GetExecutor().JobGetStuck(ctx, &riverdriver.JobGetStuckParams{StuckHorizon: ever, Max: 10_000})
	if err != nil {
		return fmt.Errorf("list running jobs: %w", err)
	}
	signs := map[int64]string{}
	for _, row := range running {
		if q.mine.has(row.ID) {
			continue
		}
		sign, err := q.ledger.Sign(ctx, nil, row.ID)
		if err != nil {
			return err
		}
		signs[row.ID] = signOf(row, sign)
	}
	// A process that holds the database for long silences all others.
	if silent.suspects() {
		asked := time.Now()
		if err := q.ledger.Ping(ctx); err != nil || silent.late(asked) {
			silent.forget()
			return err
		}
	}
	dead := silent.observe(time.Now(), signs)
	if len(dead) == 0 {
		return nil
	}
	asked := time.Now()
	return q.rescue(ctx, ever, max(0, q.opts.Settle-q.opts.LeaseTTL), func(tx *sql.Tx, row *rivertype.JobRow) (bool, error) {
		if silent.late(asked) {
			silent.forget()
			return true, nil
		}
		sign, err := q.ledger.Sign(ctx, tx, row.ID)
		return dead[row.ID] != signOf(row, sign), err
	})
}

func signOf(row *rivertype.JobRow, lease string) string {
	return fmt.Sprintf("%d %v %s", row.Attempt, row.AttemptedAt, lease)
}

// silence detects dead workers by watching their signs over time. It does not compare recorded times with a
// clock: clocks jump, and then all or none would seem dead.
type silence struct {
	heartbeat, ttl time.Duration
	last           time.Time // time of the last observation
	seen           map[int64]sight
}

// A sight is the sign of a job and the time since when it has not changed.
type sight struct {
	sign  string
	since time.Time
}

// observe takes the signs of all running jobs, and returns those of dead workers: signs that have not changed for
// the duration of a lease during which this process was able to observe them.
func (s *silence) observe(now time.Time, signs map[int64]string) map[int64]string {
	// If this process was stopped, or waited for the database, it has missed heartbeats of other workers, and
	// they may have waited as well.
	asleep := now.Sub(s.last) > s.ttl/2+s.heartbeat
	seen, dead := map[int64]sight{}, map[int64]string{}
	for job, sign := range signs {
		before, ok := s.seen[job]
		if asleep || !ok || before.sign != sign {
			before = sight{sign, now}
		}
		seen[job] = before
		if now.Sub(before.since) > s.ttl {
			dead[job] = sign
		}
	}
	s.last, s.seen = now, seen
	return dead
}

// suspects reports whether some worker has been silent for a while.
func (s *silence) suspects() bool {
	for _, sight := range s.seen {
		if time.Since(sight.since) > s.ttl/2 {
			return true
		}
	}
	return false
}

// late reports whether the database has taken so long that the heartbeats of other workers may have waited for it
// too.
func (s *silence) late(asked time.Time) bool { return time.Since(asked) > s.heartbeat }

// forget discards all observations.
func (s *silence) forget() { s.seen = nil }

// rescueOrphans puts back the jobs that the last process on this machine left running, without waiting for their
// leases to expire.
//
// They begin again after a pause: what the dead process asked others to do, such as a write at GitHub, may still be
// carried out, and a worker that did not see it would do it twice. The leases of other processes expire no sooner.
func (q *Queue) rescueOrphans(ctx context.Context) error {
	alone, ok := q.ledger.AloneSince()
	if !ok {
		return nil
	}
	return q.rescue(ctx, ever, q.opts.Settle, func(_ *sql.Tx, row *rivertype.JobRow) (bool, error) {
		// If it began in the future, it began before the clock was set back.
		begun := *row.AttemptedAt
		return !begun.Before(alone) && !begun.After(q.clocks().wall.Add(slack)), nil
	})
}

// rescue puts back, to begin after a pause, the running jobs that began before horizon and for which leased returns
// false.
func (q *Queue) rescue(ctx context.Context, horizon time.Time, pause time.Duration, leased func(tx *sql.Tx, row *rivertype.JobRow) (bool, error)) error {
	driver := q.ledger.Driver()
	params := riverdriver.JobGetStuckParams{StuckHorizon: horizon, Max: 100}
	for {
		// Most of the time there are no such jobs, and then no transaction is needed.
		stuck, err := q.ledger.ReadDriver().GetExecutor().JobGetStuck(ctx, &params)
		if err != nil {
			return fmt.Errorf("list running jobs: %w", err)
		}
		if len(stuck) == 0 {
			return nil
		}
		err = q.ledger.Tx(ctx, func(tx *sql.Tx) error {
			exec := driver.UnwrapExecutor(tx)
			stuck, err := exec.JobGetStuck(ctx, &params)
			if err != nil {
				return fmt.Errorf("list running jobs: %w", err)
			}
			for _, row := range stuck {
				if row.Kind != (job{}).Kind() && row.Kind != (task{}).Kind() {
					continue
				}
				held, err := leased(tx, row)
				if err != nil {
					return err
				}
				if held {
					continue
				}
				if err := q.putBack(ctx, tx, exec, row, horizon, pause); err != nil {
					return fmt.Errorf("put back job %d: %w", row.ID, err)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		params.AfterID = stuck[len(stuck)-1].ID
	}
}

// workerDied is the error of an attempt whose worker died. It is part of the database format.
const workerDied = "its worker died"

// deaths returns how many workers of a job have died one after the other, without another outcome in between.
func deaths(row *rivertype.JobRow) (n int) {
	for _, attempt := range slices.Backward(row.Errors) {
		if attempt.Error != workerDied {
			break
		}
		n++
	}
	return n
}

// putBack makes a job available again after a pause, as part of tx. The worker that had it loses its lease.
func (q *Queue) putBack(ctx context.Context, tx *sql.Tx, exec riverdriver.ExecutorTx, row *rivertype.JobRow, horizon time.Time, pause time.Duration) error {
	now := time.Now()
	// A worker that cannot reach the database leaves its job but is still alive.
	reason, message := workerDied, "a worker died, its job was put back"
	if q.mine.wasLeft(row.ID) {
		reason, message = "its worker left it", "a job was put back, because its worker lost the database"
	}
	attempt, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: max(row.Attempt, 0), Error: reason})
	if err != nil {
		return err
	}
	state, at, finalized := rivertype.JobStateAvailable, now.Add(pause), (*time.Time)(nil)
	switch {
	case row.Attempt >= row.MaxAttempts:
		state, at, finalized = rivertype.JobStateDiscarded, row.ScheduledAt, &now
	case reason == workerDied:
		at = now.Add(max(pause, backoff{q.opts.FirstPause}.afterDeaths(deaths(row)+1)))
	}
	_, err = exec.JobRescueMany(ctx, &riverdriver.JobRescueManyParams{
		ID: []int64{row.ID}, Error: [][]byte{attempt}, FinalizedAt: []*time.Time{finalized},
		ScheduledAt: []time.Time{at}, State: []string{string(state)}, StuckHorizon: horizon,
	})
	if err != nil {
		return err
	}
	if err := q.ledger.EndLease(ctx, tx, row.ID); err != nil {
		return err
	}
	q.log.Warn().Int64("job", row.ID).Int("attempt", row.Attempt).Str("state", string(state)).Msg(message)
	if state != rivertype.JobStateDiscarded || row.Kind != (job{}).Kind() {
		return nil
	}
	var args job
	if err := json.Unmarshal(row.EncodedArgs, &args); err != nil {
		return err
	}
	pull, err := q.ledger.PullTx(ctx, tx, args.repo(), args.Number)
	if err != nil {
		return err
	}
	return q.recordGaveUp(ctx, tx, row, pull)
}
