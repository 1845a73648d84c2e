package queue

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/tracing"
)

// A Task is something to do once, besides the reviews: for example, to answer a comment or to check a merge
// group. Unlike a review it never changes while it waits.
type Task struct {
	Installation int64
	RepoID       int64  // GitHub's; 0 for the repository that has the name now
	Owner, Repo  string // when the task runs, the newest known name of the repository; empty if it is about a whole installation
	Number       int    // of the pull request; 0 if the task concerns none
	Kind         string // required: the kind of work
	ID           string // required: the object of the work; equal tasks are done once
	Data         json.RawMessage
	At           time.Time // earliest time to run, by [Options].Clock; zero for at once

	Attempt int // set by the queue: the number of this attempt, from 1
}

// Repository returns the repository in the form used by the ledger.
func (e Task) Repository() ledger.Repo {
	return ledger.Repo{ID: e.RepoID, Owner: e.Owner, Name: e.Repo}
}

// Review returns a forced review request for the pull request: it runs even if head and base are unchanged.
func (e Task) Review(reason string) Request {
	return Request{
		Key:    Key{Installation: e.Installation, Owner: e.Owner, Repo: e.Repo, Number: e.Number},
		RepoID: e.RepoID, Reason: reason, Force: true,
	}
}

// Run does a task. It must be idempotent: after a crash it may be called again for the same task. A nil error
// means that the task is done, a [Snooze] to try again at the given time; any other error and a panic mean to try
// again with growing pauses, for a day.
type Run func(ctx context.Context, e Task) error

// task is the form of a [Task] in the database. Only the marked fields are compared when River looks for an equal
// task.
type task struct {
	RepoID       int64           `json:"repo_id,omitempty" river:"unique"`
	Owner        string          `json:"owner" river:"unique"` // lower case; empty where there is an id
	Repo         string          `json:"repo" river:"unique"`
	What         string          `json:"what" river:"unique"`
	ID           string          `json:"id" river:"unique"`
	Installation int64           `json:"installation"`
	Name         string          `json:"name"` // OWNER/REPO as GitHub spells it
	Number       int             `json:"number"`
	Data         json.RawMessage `json:"data,omitempty"`
}

// Kind is part of the database format.
func (task) Kind() string { return "errand" }

// taskQueue is separate from the queue of the reviews, because reviews take minutes and people wait for an
// answer.
const taskQueue = "errands"

// InsertOpts makes River refuse a task that was done already, for as long as River remembers it.
func (task) InsertOpts() river.InsertOpts {
	return river.InsertOpts{
		Queue: taskQueue, MaxAttempts: maxAttempts, Priority: waiting,
		UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: []rivertype.JobState{
			rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
			rivertype.JobStateRetryable, rivertype.JobStateScheduled, rivertype.JobStateCompleted,
		}},
	}
}

// storable returns the task as every database can hold it: in texts, also within Data, NUL and what is not Unicode
// become U+FFFD. Postgres stores the task as jsonb, which refuses them
// (https://www.postgresql.org/docs/current/datatype-json.html).
func (e Task) storable() Task {
	for _, text := range []*string{&e.Owner, &e.Repo, &e.Kind, &e.ID} {
		*text = ledger.Storable(*text)
	}
	e.Data = bytes.ToValidUTF8(e.Data, []byte("\uFFFD"))
	if !strangeEscape.Match(e.Data) {
		return e
	}
	d := json.NewDecoder(bytes.NewReader(e.Data))
	d.UseNumber()
	var data any
	if d.Decode(&data) != nil {
		return e // the insert fails
	}
	if b, err := json.Marshal(storableValue(data)); err == nil {
		e.Data = b
	}
	return e
}

// strangeEscape matches what may be an escaped NUL or half of a surrogate pair.
var strangeEscape = regexp.MustCompile(`(?i)\\u(0000|d[89a-f])`)

// storableValue replaces the texts within a decoded JSON value. Decoding has replaced what is not Unicode.
func storableValue(v any) any {
	switch v := v.(type) {
	case string:
		return ledger.Storable(v)
	case []any:
		for i := range v {
			v[i] = storableValue(v[i])
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			value := v[key]
			delete(v, key)
			v[ledger.Storable(key)] = storableValue(value)
		}
	}
	return v
}

func (e Task) check() error {
	whole := e.Installation != 0 && e.RepoID == 0 && e.Owner == "" && e.Repo == ""
	if !whole && (e.Owner == "" || e.Repo == "") || e.Kind == "" || e.ID == "" {
		return fmt.Errorf("submit: %s/%s %q %q is no task", e.Owner, e.Repo, e.Kind, e.ID)
	}
	return nil
}

func (q *Queue) send(ctx context.Context, tx *sql.Tx, e Task) error {
	repo, err := q.ledger.NowTx(ctx, tx, ledger.Repo{ID: e.RepoID, Owner: e.Owner, Name: e.Repo})
	if err != nil {
		return err
	}
	of := jobOf(repo, 0)
	opts := &river.InsertOpts{ScheduledAt: q.scheduled(e.At), Metadata: ledger.Share(e.Installation, repo, e.At, q.opts.Clock.Offset())}
	if e.At.IsZero() { // one with a date begins days later, in a trace of its own
		opts.Metadata = traced(tracing.Parent(ctx), opts.Metadata)
	}
	_, err = q.client.InsertTx(ctx, tx, task{
		RepoID: of.RepoID, Owner: of.Owner, Repo: of.Repo, What: e.Kind, ID: e.ID,
		Installation: e.Installation, Name: e.Owner + "/" + e.Repo, Number: e.Number, Data: e.Data,
	}, opts)
	if err != nil {
		return fmt.Errorf("insert task: %w", err)
	}
	return nil
}

type runner struct {
	river.WorkerDefaults[task]
	q *Queue
}

// Work does one task. It uses the same leases as reviews, so that the task of a dead worker is taken over just as
// soon.
func (r *runner) Work(ctx context.Context, j *river.Job[task]) error {
	q := r.q
	defer q.news.ring()
	defer q.mine.add(j.ID)()
	lease := ledger.Lease{Job: j.ID, Holder: fmt.Sprintf("%s/%d/%016x", q.client.ID(), j.Attempt, rand.Uint64())}
	if err := q.takeTask(ctx, j, lease); err != nil {
		return q.leaveTask(j, err)
	}
	repo, err := q.taskRepo(ctx, j.Args)
	if err != nil {
		return q.leaveTask(j, err)
	}
	log := q.log.With().Int64("installation", j.Args.Installation).Str("repo", repo.String()).Int("number", j.Args.Number).
		Str("task", j.Args.What).Str("id", j.Args.ID).Int64("job", j.ID).Int("attempt", j.Attempt).Logger()

	work, cancel := context.WithCancelCause(context.WithoutCancel(log.WithContext(ctx)))
	defer cancel(nil)
	work, stop := context.WithTimeout(work, q.opts.ReviewTimeout)
	defer stop()
	done, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		q.watch(ctx, done, cancel, ledger.Pull{}, lease)
	}()
	work, span := q.span(work, "task "+j.Args.What, j.JobRow, tracing.Subject(repo.Owner, repo.Name, j.Args.Number, ""))
	err = callTask(work, q.opts.Task, Task{
		Installation: j.Args.Installation, RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, Number: j.Args.Number,
		Kind: j.Args.What, ID: j.Args.ID, Data: compact(j.Args.Data), Attempt: j.Attempt,
	})
	cause := context.Cause(work)
	tracing.End(work, span, failure(err))
	close(done)
	<-watched

	leaseErr := q.endTask(ctx, lease, err)
	var snooze Snooze
	switch {
	case leaseErr != nil:
		return q.leaveTask(j, leaseErr)
	case err == nil:
		return nil
	case errors.As(err, &snooze):
		log.Info().Time("until", snooze.Until).Str("reason", snooze.Reason).Msg("task postponed")
		return river.JobSnooze(max(time.Until(snooze.Until), 0))
	case errors.Is(cause, ErrStopping):
		return fmt.Errorf("%w: %w", ErrStopping, context.Canceled)
	}
	line := log.Warn().Err(err)
	if p := (*panicError)(nil); errors.As(err, &p) {
		line = line.Bytes("stack", p.stack)
	}
	line.Msg("task failed, to be tried again")
	return err
}

// taskRepo returns the repository of a task with its current name, in GitHub's spelling if the name did not
// change.
func (q *Queue) taskRepo(ctx context.Context, e task) (ledger.Repo, error) {
	ctx, cancel := q.patient(ctx)
	defer cancel()
	owner, name, _ := strings.Cut(e.Name, "/")
	repo, err := q.ledger.Now(ctx, ledger.Repo{ID: e.RepoID, Owner: owner, Name: name})
	if err == nil && strings.EqualFold(repo.Owner, owner) && strings.EqualFold(repo.Name, name) {
		repo.Owner, repo.Name = owner, name
	}
	return repo, err
}

// compact removes the spaces that a database has put into JSON.
func compact(data json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if json.Compact(&b, data) != nil {
		return data // there is none
	}
	return b.Bytes()
}

func callTask(ctx context.Context, run Run, e Task) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{v, debug.Stack()}
		}
	}()
	return run(ctx, e)
}

func (q *Queue) takeTask(ctx context.Context, j *river.Job[task], lease ledger.Lease) error {
	ctx, cancel := q.patient(ctx)
	defer cancel()
	return q.ledger.Tx(ctx, func(tx *sql.Tx) error {
		row, err := q.client.JobGetTx(ctx, tx, j.ID)
		if err != nil {
			return fmt.Errorf("read job: %w", err)
		}
		if row.State != rivertype.JobStateRunning || !row.AttemptedAt.Equal(*j.AttemptedAt) {
			return ErrLost
		}
		return q.ledger.TakeLease(ctx, tx, lease, 0)
	})
}

// endTask returns [ErrLost] if the lease was not kept to the end, and ends the lease if the task is done. River
// records the completion a moment later.
func (q *Queue) endTask(ctx context.Context, lease ledger.Lease, workErr error) error {
	ctx, cancel := q.patient(ctx)
	defer cancel()
	return q.ledger.Tx(ctx, func(tx *sql.Tx) error {
		held, err := q.ledger.Beat(ctx, tx, lease, 0)
		if err == nil && !held {
			err = ErrLost
		}
		var snooze Snooze
		switch {
		case err != nil:
			return err
		case errors.As(workErr, &snooze):
			return q.ledger.Postponed(ctx, tx, lease.Job, q.clocks().wall, snooze.Until)
		case workErr != nil:
			return nil
		}
		return q.ledger.EndLease(ctx, tx, lease.Job)
	})
}

func (q *Queue) leaveTask(j *river.Job[task], err error) error {
	q.mine.leave(j.ID)
	q.log.Warn().Err(err).Int64("job", j.ID).Int("attempt", j.Attempt).Str("task", j.Args.What).Msg("task left to another worker")
	return left{}
}
