package queue

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/tracing"
)

// GaveUp is the kind of the event recorded for a review that failed for a day.
const GaveUp = "review.gave_up"

// maxAttempts covers a day: nine pauses with a sum of 8.5 minutes, then 290 of five minutes.
const maxAttempts = 300

// backoff is the pause after a failure: 1 s, 2 s, 4 s … 5 min, each varied by up to a quarter. If first is not 0, the
// pauses are as much shorter as first is shorter than a second.
type backoff struct{ first time.Duration }

// NextRetry implements [river.ClientRetryPolicy].
func (b backoff) NextRetry(row *rivertype.JobRow) time.Time {
	return time.Now().Add(b.vary(pauseAfter(row.Attempt)))
}

// afterDeaths returns the pause after so many workers have died on a job, one after the other.
func (b backoff) afterDeaths(n int) time.Duration { return b.vary(pauseAfterDeaths(n)) }

// vary varies a pause by up to a quarter: jobs that failed together should not retry together.
func (b backoff) vary(pause time.Duration) time.Duration {
	jitter := 0.75 + rand.Float64()/2
	return time.Duration(jitter * cmp.Or(b.first, time.Second).Seconds() * float64(pause))
}

const longest = 5 * time.Minute

// pauseAfterDeaths is short at first: when processes are killed from outside, or a machine is restarted again and again, a
// review dies with them although it is not to blame. A job on which ten workers in a row have died is probably to blame,
// and waits for longer and longer, so that the others get on.
func pauseAfterDeaths(n int) time.Duration {
	const few, many, short = 3, 10, 4 * time.Second
	switch {
	case n <= few:
		return 0
	case n <= many:
		return min(short, time.Second<<(n-few-1))
	case n < many+8:
		return min(longest, 2*short<<(n-many-1))
	}
	return longest
}

func pauseAfter(attempt int) time.Duration {
	if attempt < 10 {
		return min(longest, time.Second<<max(attempt-1, 0))
	}
	return longest
}

type worker struct {
	river.WorkerDefaults[job]
	q *Queue
}

// Work runs the review of one pull request until the newest generation is reviewed, then completes the job. River
// acts on the error that it returns.
func (w *worker) Work(ctx context.Context, j *river.Job[job]) error {
	q, began := w.q, time.Now()
	defer q.news.ring()
	defer q.mine.add(j.ID)()
	lease := ledger.Lease{Job: j.ID, Holder: fmt.Sprintf("%s/%d/%016x", q.client.ID(), j.Attempt, rand.Uint64())}
	for taken := false; ; taken = true {
		pull, err := q.begin(ctx, j, lease, taken)
		if errors.Is(err, errHandedOn) {
			return nil
		}
		if err != nil {
			return q.leave(j, err)
		}
		log := q.log.With().Int64("installation", pull.Installation).Str("repo", pull.Owner+"/"+pull.Repo).
			Int("number", pull.Number).Int64("job", j.ID).Int("attempt", j.Attempt).Logger()

		workErr, cause := q.run(log.WithContext(ctx), j.JobRow, pull, lease)
		newer, err := q.finish(ctx, j, lease, pull, workErr)
		var snooze Snooze
		switch {
		case err != nil:
			return q.leave(j, err)
		case errors.As(workErr, &snooze):
			log.Info().Time("until", snooze.Until).Str("reason", snooze.Reason).Msg("review postponed")
			return river.JobSnooze(max(time.Until(snooze.Until), 0))
		case tooLarge(j.Queue, workErr):
			log.Info().Msg("the review moves to the slow lane, because the pull request is large")
			return river.JobSnooze(0)
		case workErr != nil && errors.Is(cause, ErrStopping):
			// If the error wraps context.Canceled, River puts the job back at once and does not count the
			// attempt.
			return fmt.Errorf("%w: %w", ErrStopping, context.Canceled)
		case newer && !q.stopping.Load() && time.Since(began) < q.opts.ReviewTimeout:
			continue
		case newer:
			// The pull request changes all the time and other jobs need their turn too, or this process is about
			// to stop.
			return river.JobSnooze(0)
		case workErr != nil:
			q.logFailure(log, j, workErr)
			return workErr
		}
		return nil
	}
}

func (q *Queue) logFailure(log zerolog.Logger, j *river.Job[job], err error) {
	level, message := zerolog.WarnLevel, "review failed, to be tried again"
	last := j.Attempt >= j.MaxAttempts
	if q.opts.Failed != nil {
		q.opts.Failed(last)
	}
	if last {
		level, message = zerolog.ErrorLevel, "review failed for the last time"
	}
	line := log.WithLevel(level).Err(err)
	if p := (*panicError)(nil); errors.As(err, &p) {
		line = line.Bytes("stack", p.stack)
	}
	line.Msg(message)
}

// errHandedOn is returned for a job that was completed because another job does the same work.
var errHandedOn = errors.New("another job does the same")

// begin takes the lease of a job, or prolongs it if taken is set, and reads the pull request to review. It
// returns [ErrLost] if the job belongs to another worker.
func (q *Queue) begin(ctx context.Context, j *river.Job[job], lease ledger.Lease, taken bool) (pull ledger.Pull, err error) {
	ctx, cancel := q.patient(ctx)
	defer cancel()
	handedOn := false
	err = q.ledger.Tx(ctx, func(tx *sql.Tx) error {
		if !taken && j.Args.RepoID == 0 {
			if handedOn, err = q.handOn(ctx, tx, j); err != nil || handedOn {
				return err
			}
		}
		if pull, err = q.ledger.PullTx(ctx, tx, j.Args.repo(), j.Args.Number); err != nil {
			return err
		}
		if taken {
			held, err := q.ledger.Beat(ctx, tx, lease, pull.Generation)
			if err == nil && !held {
				err = ErrLost
			}
			if err == nil {
				err = q.reread(ctx, tx, j.JobRow)
			}
			return err
		}
		// This process may have been suspended since it fetched the job, and believed dead.
		row, err := q.client.JobGetTx(ctx, tx, j.ID)
		if err != nil {
			return fmt.Errorf("read job: %w", err)
		}
		if row.State != rivertype.JobStateRunning || !row.AttemptedAt.Equal(*j.AttemptedAt) {
			return ErrLost
		}
		j.Metadata = row.Metadata // a newer delivery may have changed it
		return q.ledger.TakeLease(ctx, tx, lease, pull.Generation)
	})
	if err == nil && handedOn {
		err = errHandedOn
	}
	return pull, err
}

// handOn handles a job of an older version of this program, which has only the name of the repository. It passes
// the work to a job that has the repository's id, because two jobs for one pull request must not run at once.
func (q *Queue) handOn(ctx context.Context, tx *sql.Tx, j *river.Job[job]) (done bool, err error) {
	repo, err := q.ledger.NowTx(ctx, tx, j.Args.repo())
	if err != nil || repo.ID == 0 {
		return false, err
	}
	switch _, err := q.ledger.PullTx(ctx, tx, repo, j.Args.Number); {
	case errors.Is(err, ledger.ErrUnknownPull): // the pull request was recorded under the name of another repository
	case err != nil:
		return false, err
	default:
		if _, err := q.client.InsertTx(ctx, tx, jobOf(repo, j.Args.Number), nil); err != nil {
			return false, fmt.Errorf("insert job: %w", err)
		}
	}
	if _, err := river.JobCompleteTx[riverDriver](ctx, tx, j); err != nil {
		return false, fmt.Errorf("complete job: %w", err)
	}
	return true, nil
}

// finish ends one run of a review that returned workErr. In one transaction it checks whether the generation has
// grown since begin and, if it has not and the review is done, completes the job. It returns [ErrLost] if the job
// no longer belongs to this worker.
//
// After an error, River changes the state of the job a moment later. No other worker changes it in between,
// because finish has prolonged the lease.
func (q *Queue) finish(ctx context.Context, j *river.Job[job], lease ledger.Lease, pull ledger.Pull, workErr error) (newer bool, err error) {
	ctx, cancel := q.patient(ctx)
	defer cancel()
	err = q.ledger.Tx(ctx, func(tx *sql.Tx) error {
		held, err := q.ledger.Beat(ctx, tx, lease, pull.Generation)
		if err != nil {
			return err
		}
		if !held {
			return ErrLost
		}
		if workErr != nil {
			generation, err := q.ledger.GenerationTx(ctx, tx, pull.ID)
			if err != nil {
				return err
			}
			newer = generation != pull.Generation
			var snooze Snooze
			switch {
			case errors.As(workErr, &snooze):
				return q.ledger.Postponed(ctx, tx, j.ID, q.clocks().wall, snooze.Until)
			case tooLarge(j.Queue, workErr):
				return q.ledger.Move(ctx, tx, j.ID, slowLane)
			case !newer && j.Attempt >= j.MaxAttempts:
				return q.recordGaveUp(ctx, tx, j.JobRow, pull)
			}
			return nil
		}
		reviewed, err := q.ledger.SetReviewed(ctx, tx, pull)
		if err != nil || !reviewed {
			newer = err == nil
			return err
		}
		completed, err := river.JobCompleteTx[riverDriver](ctx, tx, j)
		if err != nil {
			return fmt.Errorf("complete job: %w", err)
		}
		// For a job that is not running, JobCompleteTx returns it unchanged, without an error.
		if completed.State != rivertype.JobStateCompleted {
			return ErrLost
		}
		return q.ledger.EndLease(ctx, tx, j.ID)
	})
	return newer, err
}

func (q *Queue) recordGaveUp(ctx context.Context, tx *sql.Tx, row *rivertype.JobRow, p ledger.Pull) error {
	data, err := json.Marshal(map[string]int{"attempts": row.Attempt})
	if err != nil {
		return err
	}
	return q.ledger.RecordTx(ctx, tx, ledger.Event{
		Kind: GaveUp, Installation: p.Installation, RepoID: p.RepoID, Owner: p.Owner, Repo: p.Repo, Number: p.Number, Head: p.Head, Data: data,
	})
}

// run calls Work once. It returns Work's error, and the cause if its context ended before Work returned, or else
// nil.
func (q *Queue) run(ctx context.Context, row *rivertype.JobRow, pull ledger.Pull, lease ledger.Lease) (err, cause error) {
	// watch passes on the end of River's context, with a cause of this package.
	workCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	workCtx, cancelTimer := context.WithTimeout(workCtx, q.opts.ReviewTimeout)
	defer cancelTimer()

	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() { q.watch(ctx, done, cancel, pull, lease) })

	workCtx, span := q.span(workCtx, "review", row, tracing.Subject(pull.Owner, pull.Repo, pull.Number, pull.Head))
	err = call(workCtx, q.opts.Work, Request{
		Key:    Key{Installation: pull.Installation, Owner: pull.Owner, Repo: pull.Repo, Number: pull.Number},
		RepoID: pull.RepoID, HeadSHA: pull.Head, BaseSHA: pull.Base,
		Reason: pull.Reason, Closed: pull.Closed, Force: pull.Force, Size: sizeIn(row.Queue),
	})
	cause = context.Cause(workCtx)
	tracing.End(workCtx, span, failure(err))
	close(done)
	watcher.Wait()
	if cause != nil {
		zerolog.Ctx(ctx).Info().AnErr("cause", cause).Msg("review cancelled")
	}
	return err, cause
}

// A panicError is the error for a panic in Work.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

func call(ctx context.Context, work Work, r Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return work(ctx, r)
}

// leave returns an error that makes River leave a job unchanged: because another worker owns it, or because its
// owner is unknown while the database does not answer. In the latter case its lease is no longer prolonged, and
// the job will be taken over.
func (q *Queue) leave(j *river.Job[job], err error) error {
	q.mine.leave(j.ID)
	q.log.Warn().Err(err).Int64("job", j.ID).Int("attempt", j.Attempt).
		Str("repo", j.Args.repo().String()).Int("number", j.Args.Number).Msg("review left to another worker")
	return left{}
}

// left is an error for River's executor. River changes a job by its id alone, so after a plain error or nil it
// would change the job of the attempt that took it over. But an error with these two methods lists the jobs to
// change, and this one lists none. (river v0.51.1, internal/jobexecutor, reportMultiJobResults;
// TestLostJobIsLeftAlone)
type left struct{}

func (left) Error() string               { return "left to others" }
func (left) Jobs() []*rivertype.JobRow   { return nil }
func (left) ErrorsByID() map[int64]error { return nil }

// patient returns the context for a transaction that must complete although the review was canceled or the
// database is slow, because minutes of work depend on it.
func (q *Queue) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	patience := time.Minute
	if q.stopping.Load() {
		patience = q.opts.LeaseTTL
	}
	return context.WithTimeout(context.WithoutCancel(ctx), patience)
}
