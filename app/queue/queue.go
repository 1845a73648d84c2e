// Package queue ensures that every pull request mentioned by a webhook is reviewed: once, in its newest state,
// even if processes die in between. It knows nothing about GitHub; a review is a function that it calls. It uses
// River on the database of package ledger.
//
// The ideas, and the files that implement them:
//
//   - queue.go: a request is recorded together with its delivery, in one transaction. There
//     is at most one job for a pull request, and the job contains only the identity of the
//     pull request; changes are counted in the generation of the pull request.
//   - worker.go: a job runs the review until it has reviewed the newest generation. Checking
//     the generation and completing the job are also one transaction, so no request in
//     between is lost.
//   - lease.go: a worker sends a heartbeat every other second for its job. When the
//     heartbeats stop, another worker takes the job.
//   - predecessors.go: a process that starts where another one was killed takes its jobs at once.
//   - driver.go: package fair chooses the next jobs by what all processes have begun.
//   - lane.go: very large pull requests have workers of their own.
//   - presence.go: each process says how many jobs it does at one time.
//   - task.go: work to be done once, such as answering a comment, is a job by itself.
//   - trace.go: a job keeps the trace of the delivery that asked for it.
package queue

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/tracing"
)

// Causes ([context.Cause]) for which the context of a [Work] ends early.
var (
	ErrSuperseded = errors.New("the pull request has changed since")
	ErrLost       = errors.New("another worker has taken the job")
	ErrStopping   = errors.New("the queue is stopping")
)

// A Key identifies a pull request. If the repository's id is known, see [Request], only the id is compared,
// because the repository may be renamed or transferred while a request waits. Otherwise owner and repo are
// compared, without case, as GitHub does. The installation is not compared: it changes when the App is installed
// again, and then the newest is right.
type Key struct {
	Installation int64
	Owner, Repo  string
	Number       int
}

// A Request asks for the review of a pull request.
type Request struct {
	Key
	RepoID           int64  // GitHub's; 0 for the repository that has the name now
	HeadSHA, BaseSHA string // from the webhook; empty means not known
	Reason           string // for the log

	// Closed means that the pull request was closed. A running review is canceled, and Work is called to find
	// that out.
	Closed bool

	// Size says whether the pull request is too large for the usual workers. A change of it moves a waiting job; while
	// it is not known, the job stays where it is.
	Size Size

	// Force requests a review even if head and base are unchanged. It stays set for [Work] until a review is
	// done.
	Force bool
}

// Work reviews one pull request. r holds the state from the last request; the pull request may have changed
// since, so Work reads it from GitHub itself. It must return soon after ctx ends.
//
// A nil error means that the review is done. A [Snooze] means to try again at a given time; any other error and a
// panic mean to try again with growing pauses, for a day. Work must be idempotent: after a crash it is called
// again for the same state of a pull request.
//
// Calls for the same pull request never overlap, except if a worker was wrongly believed dead: then the context
// of the older call ends with [ErrLost]. The context carries a logger with the name of the pull request.
type Work func(ctx context.Context, r Request) error

// A Snooze is returned by [Work] to be called again at the given time and not before, even after new requests:
// for example, when the limit of an API was reached. It does not count as a failure.
type Snooze struct {
	Until  time.Time
	Reason string
}

func (s Snooze) Error() string {
	return fmt.Sprintf("not before %s: %s", s.Until.UTC().Format(time.RFC3339), s.Reason)
}

// Options are the settings of a [Queue]. The zero value of each field but Work means the default in its comment.
type Options struct {
	Work          Work // required
	Task          Run  // required if tasks are submitted
	Workers       int  // maximum number of simultaneous reviews, beside those in the slow lane, see [SlowSlots]; 2
	Logger        zerolog.Logger
	Failed        func(last bool) // if not nil, called for each review that failed; last means that it is not tried again
	ReviewTimeout time.Duration   // maximum duration of one call of Work; 10 min
	Heartbeat     time.Duration   // interval between a worker's heartbeats; 2 s
	LeaseTTL      time.Duration   // silence after which a worker counts as dead; 10 s
	Settle        time.Duration   // pause before a job begins again whose process on this machine died; 10 s, see [Queue.rescueOrphans]
	Poll          time.Duration   // interval at which a worker checks for a newer generation; 250 ms
	FirstPause    time.Duration   // pause after the first failure, of at most a second; the later ones grow from it; 1 s
	Clock         *clock.Clock    // the clock of [Task].At; nil for the machine's
	Tracer        trace.Tracer    // begins the spans of jobs; nil for none
	Folder        string          // in which processes that work leave their names, so that the next one knows at once which are dead; empty for none
	StopGrace     time.Duration   // how long Work may take to return after its context ends at a stop; 5 s
}

// A Queue accepts requests and works on them. Submit may be called from several goroutines, at any time before,
// during and after the work.
type Queue struct {
	ledger   *ledger.Ledger
	opts     Options
	client   *river.Client[*sql.Tx]
	log      zerolog.Logger
	clocks   func() reading
	offset   time.Duration // by which tasks are scheduled; used by Start, and then by its goroutine
	stopping atomic.Bool
	mine     jobSet         // jobs that this process works on
	news     bell           // rings when something was submitted in this process, or a worker becomes free
	slots    map[string]int // how many jobs this process does at one time, by queue
	register register       // used by Start, and then by Stop
	rescuer  struct {
		cancel context.CancelFunc // set by Start
		wait   sync.WaitGroup
	}
}

// A job contains only the identity of a pull request: everything else that its review needs is read when it runs.
// It contains the repository's id, which a rename does not change. Only if no id is known, as in jobs of older
// versions of this program, does it contain the name.
type job struct {
	RepoID int64  `json:"repo_id,omitempty"`
	Owner  string `json:"owner"` // lower case, so that River compares it as GitHub does
	Repo   string `json:"repo"`
	Number int    `json:"number"`
}

func jobOf(repo ledger.Repo, number int) job {
	if repo.ID != 0 {
		return job{RepoID: repo.ID, Number: number}
	}
	return job{Owner: strings.ToLower(repo.Owner), Repo: strings.ToLower(repo.Name), Number: number}
}

func (j job) repo() ledger.Repo { return ledger.Repo{ID: j.RepoID, Owner: j.Owner, Name: j.Repo} }

// Kind is part of the database format.
func (job) Kind() string { return "review" }

// InsertOpts makes River keep one unfinished job per pull request.
func (job) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		MaxAttempts: maxAttempts, Priority: waiting,
		UniqueOpts: river.UniqueOpts{
			ByArgs: true,
			// All but the finished states. River's default includes "completed", and so would refuse a second
			// review for a day.
			ByState: []rivertype.JobState{
				rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
				rivertype.JobStateRetryable, rivertype.JobStateScheduled,
			},
		},
	}
}

// New returns a queue on a ledger. It accepts requests at once and works on them after [Queue.Start].
func New(l *ledger.Ledger, opts Options) (*Queue, error) {
	if opts.Work == nil {
		return nil, errors.New("make queue: Work is not set")
	}
	opts.Workers = cmp.Or(opts.Workers, 2)
	opts.ReviewTimeout = cmp.Or(opts.ReviewTimeout, 10*time.Minute)
	opts.Heartbeat = cmp.Or(opts.Heartbeat, 2*time.Second)
	opts.LeaseTTL = cmp.Or(opts.LeaseTTL, 10*time.Second)
	opts.Poll = cmp.Or(opts.Poll, 250*time.Millisecond)
	opts.StopGrace = cmp.Or(opts.StopGrace, 5*time.Second)
	if opts.Tracer == nil {
		opts.Tracer = noop.Tracer{}
	}
	if opts.LeaseTTL < 2*opts.Heartbeat {
		return nil, fmt.Errorf("make queue: a lease of %s is lost by one late heartbeat of %s", opts.LeaseTTL, opts.Heartbeat)
	}

	q := &Queue{ledger: l, opts: opts, log: opts.Logger, clocks: readClocks(time.Now()), register: register{dir: opts.Folder}, slots: map[string]int{
		river.QueueDefault: opts.Workers, slowLane: SlowSlots(opts.Workers),
	}}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{q: q}); err != nil {
		return nil, fmt.Errorf("make queue: %w", err)
	}
	if opts.Task != nil {
		if err := river.AddWorkerSafely(workers, &runner{q: q}); err != nil {
			return nil, fmt.Errorf("make queue: %w", err)
		}
	}
	// A worker stops after twice the time for a review, see worker.go. River's own timeout is a last resort for
	// workers that do not.
	jobTimeout := 3 * opts.ReviewTimeout
	if opts.Task != nil {
		q.slots[taskQueue] = opts.Workers
	}
	queues := map[string]river.QueueConfig{}
	for name, n := range q.slots {
		queues[name] = river.QueueConfig{MaxWorkers: n}
	}
	var err error
	q.client, err = river.NewClient[*sql.Tx](&driver{l.Driver(), q}, &river.Config{
		Workers:              workers,
		Queues:               queues,
		FetchCooldown:        20 * time.Millisecond,
		FetchPollInterval:    time.Second, // finds jobs whose time has come; new jobs are announced
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: jobTimeout + time.Hour,
		RetryPolicy:          backoff{opts.FirstPause},
		Logger:               slog.New(zerolog.NewSlogHandler(riverLogger(opts.Logger))),
	})
	if err != nil {
		return nil, fmt.Errorf("make queue: %w", err)
	}
	return q, nil
}

// riverLogger passes on only River's warnings, unless the level is debug.
func riverLogger(l zerolog.Logger) zerolog.Logger {
	l = l.With().Str("component", "river").Logger()
	if l.GetLevel() > zerolog.DebugLevel {
		l = l.Level(max(l.GetLevel(), zerolog.WarnLevel))
	}
	return l
}

// Submit records a delivery and its requests and tasks, all or nothing; only after a failed commit is it unknown
// which. The error is [ledger.ErrDuplicate] if the delivery is known and needs nothing more. A delivery without
// GUID is not recorded: then the requests did not come from a webhook.
func (q *Queue) Submit(ctx context.Context, d ledger.Delivery, reqs []Request, tasks ...Task) error {
	return q.SubmitWith(ctx, d, reqs, tasks, nil)
}

// SubmitWith is like [Queue.Submit] but also records events, in the same transaction.
func (q *Queue) SubmitWith(ctx context.Context, d ledger.Delivery, reqs []Request, tasks []Task, events []ledger.Event) error {
	if d.GUID == "" {
		return q.SubmitAll(ctx, nil, reqs, tasks, events)
	}
	return q.SubmitAll(ctx, []ledger.Delivery{d}, reqs, tasks, events)
}

// SubmitAll is like [Queue.SubmitWith] for several deliveries: all or nothing of them. The error is
// [ledger.ErrDuplicate] if any of them is known.
func (q *Queue) SubmitAll(ctx context.Context, list []ledger.Delivery, reqs []Request, tasks []Task, events []ledger.Event) error {
	for _, e := range tasks {
		if err := e.check(); err != nil {
			return err
		}
	}
	reqs, tasks = slices.Clone(reqs), slices.Clone(tasks)
	for i := range reqs {
		reqs[i].Owner, reqs[i].Repo = ledger.Storable(reqs[i].Owner), ledger.Storable(reqs[i].Repo)
	}
	for i := range tasks {
		tasks[i] = tasks[i].storable()
	}
	for _, r := range reqs {
		if r.Owner == "" || r.Repo == "" || r.Number <= 0 {
			return fmt.Errorf("submit: %s/%s#%d is not a pull request", r.Owner, r.Repo, r.Number)
		}
	}
	record := func(ctx context.Context, tx *sql.Tx) error { return q.record(ctx, tx, list, reqs, tasks, events) }
	var err error
	if isPlain(list, reqs, tasks, events) {
		err = q.ledger.SharedBatch(ctx, plain{list[0], reqs[0], tracing.Parent(ctx)}, q.submitPlain, record)
	} else {
		err = q.ledger.Shared(ctx, record)
	}
	if err != nil {
		return fmt.Errorf("submit: %w", err)
	}
	q.news.ring()
	return nil
}

// record records a submission as part of tx.
func (q *Queue) record(ctx context.Context, tx *sql.Tx, list []ledger.Delivery, reqs []Request, tasks []Task, events []ledger.Event) error {
	for _, d := range list {
		if err := q.ledger.Accept(ctx, tx, d); err != nil {
			return err
		}
	}
	for _, r := range reqs {
		if err := q.enqueue(ctx, tx, r); err != nil {
			return err
		}
	}
	for _, e := range tasks {
		if err := q.send(ctx, tx, e); err != nil {
			return err
		}
	}
	for _, e := range events {
		if err := q.ledger.RecordTx(ctx, tx, e); err != nil {
			return err
		}
	}
	if len(reqs)+len(tasks) == 0 {
		return nil
	}
	return q.ledger.Announce(ctx, tx)
}

func (q *Queue) enqueue(ctx context.Context, tx *sql.Tx, r Request) error {
	repo, err := q.ledger.NowTx(ctx, tx, ledger.Repo{ID: r.RepoID, Owner: r.Owner, Name: r.Repo})
	if err != nil {
		return err
	}
	webhook := r.pull()
	webhook.RepoID = repo.ID
	if err := q.ledger.RecordWebhook(ctx, tx, webhook); err != nil {
		return err
	}
	trace := tracing.Parent(ctx)
	res, err := q.client.InsertTx(ctx, tx, jobOf(repo, r.Number), insertion(r, repo, trace))
	if err != nil {
		return fmt.Errorf("insert job: %w", err)
	}
	return q.hasten(ctx, tx, res, r.Size, trace)
}

// Start begins to work. [Work] receives the values of ctx. Canceling ctx does not stop the queue; [Queue.Stop]
// does. Start must be called only once.
func (q *Queue) Start(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	began := q.clocks() // before any work, so that no change of the clock is missed
	for _, step := range []func(context.Context) error{
		q.bringBack, q.redate, q.rescueOrphans, q.rescuePredecessors, q.offer, q.client.Start,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("start queue: %w", errors.Join(err, q.register.leave()))
		}
	}
	ctx, q.rescuer.cancel = context.WithCancel(ctx)
	q.rescuer.wait.Go(func() { q.rescueLoop(ctx, began) })
	return nil
}

// Stop begins no more jobs and lets the running reviews finish until ctx ends. Then it ends their contexts with
// [ErrStopping], and returns their jobs to the queue for the next process. Stop returns when nothing runs any
// more, or with an error if some [Work] does not return within [Options].StopGrace; its lease will expire.
// Requests can still be submitted.
func (q *Queue) Stop(ctx context.Context) error {
	if q.rescuer.cancel == nil {
		return nil // never started
	}
	defer q.withdraw(ctx)
	defer q.rescuer.wait.Wait()
	defer q.rescuer.cancel()

	q.stopping.Store(true)
	if q.client.Stop(ctx) == nil {
		return q.register.leave()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), q.opts.StopGrace)
	defer cancel()
	if err := q.client.StopAndCancel(ctx); err != nil {
		return fmt.Errorf("stop queue: a review has not ended %s after its cancellation: %w", q.opts.StopGrace, err)
	}
	return q.register.leave()
}
