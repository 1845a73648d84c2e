package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// riverDriver is River's view of the database.
type riverDriver = riverdriver.Driver[*sql.Tx]

// watch keeps a lease until done is closed, and calls cancel when the work should stop:
// because something newer was heard, the lease was lost, or riverCtx has ended. The first
// cause stays. For an errand there is no pull, and nothing newer.
func (q *Queue) watch(riverCtx context.Context, done <-chan struct{}, cancel context.CancelCauseFunc, pull ledger.Pull, lease ledger.Lease) {
	poll, beat := time.NewTicker(q.opts.Poll), time.NewTicker(q.opts.Heartbeat)
	defer poll.Stop()
	defer beat.Stop()
	if pull.ID == 0 {
		poll.Stop()
	}
	ended, alive := riverCtx.Done(), time.Now()
	for {
		select {
		case <-done:
			return
		case <-ended:
			cancel(ending(riverCtx))
			ended = nil
		case <-poll.C:
			ctx, stop := q.patient(riverCtx)
			generation, err := q.ledger.Generation(ctx, pull.ID)
			stop()
			// An error is the heartbeat's to deal with.
			if err == nil && generation != pull.Generation {
				cancel(ErrSuperseded)
				poll.Stop()
			}
		case <-beat.C:
			switch held, err := q.beat(riverCtx, lease, pull.Generation); {
			case err == nil && held:
				alive = time.Now()
			case err == nil, time.Since(alive) > q.opts.LeaseTTL:
				// Somebody else has the job, or must be expected to have.
				cancel(ErrLost)
				<-done
				return
			}
		}
	}
}

func (q *Queue) beat(ctx context.Context, lease ledger.Lease, generation int64) (held bool, err error) {
	ctx, cancel := q.patient(ctx)
	defer cancel()
	err = q.ledger.Tx(ctx, func(tx *sql.Tx) error {
		held, err = q.ledger.Beat(ctx, tx, lease, generation)
		return err
	})
	return held, err
}

// ending tells why River ended a context.
func ending(riverCtx context.Context) error {
	cause := context.Cause(riverCtx)
	if errors.Is(cause, context.DeadlineExceeded) || errors.Is(cause, rivertype.ErrJobCancelledRemotely) {
		return cause
	}
	return ErrStopping
}

// rescueLoop takes up the jobs of dead workers until ctx ends.
func (q *Queue) rescueLoop(ctx context.Context) {
	tick := time.NewTicker(q.opts.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			horizon := time.Now().Add(-q.opts.LeaseTTL)
			err := q.rescue(ctx, horizon, func(tx *sql.Tx, job int64) (bool, error) {
				return q.ledger.Leased(ctx, tx, job, horizon)
			})
			if err != nil && ctx.Err() == nil {
				q.log.Warn().Err(err).Msg("take up jobs of dead workers")
			}
		}
	}
}

// rescueOrphans takes up what the last process on this machine has left behind, without
// waiting for its leases to end.
func (q *Queue) rescueOrphans(ctx context.Context) error {
	alone, ok := q.ledger.AloneSince()
	if !ok {
		return nil
	}
	return q.rescue(ctx, alone, func(*sql.Tx, int64) (bool, error) { return false, nil })
}

// rescue puts back the running jobs that began before horizon and that nobody holds.
func (q *Queue) rescue(ctx context.Context, horizon time.Time, leased func(tx *sql.Tx, job int64) (bool, error)) error {
	driver := q.ledger.Driver()
	params := riverdriver.JobGetStuckParams{StuckHorizon: horizon, Max: 100}
	for {
		// Most of the time there is none, and then there is no need for a transaction.
		stuck, err := driver.GetExecutor().JobGetStuck(ctx, &params)
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
				if row.Kind != (job{}).Kind() && row.Kind != (errand{}).Kind() {
					continue
				}
				held, err := leased(tx, row.ID)
				if err != nil {
					return err
				}
				if held {
					continue
				}
				if err := q.putBack(ctx, tx, exec, row, horizon); err != nil {
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

// putBack makes a job available again, as part of tx. The worker that had it loses its
// lease.
func (q *Queue) putBack(ctx context.Context, tx *sql.Tx, exec riverdriver.ExecutorTx, row *rivertype.JobRow, horizon time.Time) error {
	now := time.Now()
	attempt, err := json.Marshal(rivertype.AttemptError{At: now, Attempt: max(row.Attempt, 0), Error: "its worker died"})
	if err != nil {
		return err
	}
	state, at, finalized := rivertype.JobStateAvailable, now, (*time.Time)(nil)
	switch {
	case row.Attempt >= row.MaxAttempts:
		state, at, finalized = rivertype.JobStateDiscarded, row.ScheduledAt, &now
	case row.Attempt > 3:
		// It may be the review that kills its workers.
		at = backoff{}.NextRetry(row)
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
	q.log.Warn().Int64("job", row.ID).Int("attempt", row.Attempt).Str("state", string(state)).Msg("a worker died, its job was put back")
	if state != rivertype.JobStateDiscarded || row.Kind != (job{}).Kind() {
		return nil
	}
	var args job
	if err := json.Unmarshal(row.EncodedArgs, &args); err != nil {
		return err
	}
	pull, err := q.ledger.Pull(ctx, tx, args.Owner, args.Repo, args.Number)
	if err != nil {
		return err
	}
	return q.recordGaveUp(ctx, tx, row, pull)
}
