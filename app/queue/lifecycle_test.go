package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// submitFrom submits from a ledger that it then closes, so that according to the locks its process has ended.
func submitFrom(t *testing.T, path string, d ledger.Delivery, reqs ...Request) {
	t.Helper()
	l := openLedger(t, path)
	q := newQueue(t, l, Options{Work: func(context.Context, Request) error { return nil }})
	if err := q.Submit(t.Context(), d, reqs); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestManyKills kills workers at random while heads arrive. In the end the last review of every pull request must
// be of its newest head.
func TestManyKills(t *testing.T) {
	t.Parallel()
	const pulls, heads, kills = 6, 5, 6
	path := newDB(t)
	q := newQueue(t, openLedger(t, path), Options{Work: func(context.Context, Request) error { return nil }})
	submit(t, q, request(1, "first"))
	helpers := []*exec.Cmd{startHelper(t, path, "works")}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for head := range heads {
			for number := range pulls {
				d := ledger.Delivery{GUID: fmt.Sprint(head, "/", number)}
				if err := q.Submit(t.Context(), d, []Request{request(number+1, fmt.Sprint("head-", head))}); err != nil {
					t.Error(err)
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
	}()
	for n := range kills {
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		kill(helpers[len(helpers)-1])
		// Work for the next process, so that it reports that it works.
		submit(t, q, request(100+n, "any"))
		helpers = append(helpers, startHelper(t, path, "works"))
	}
	<-done
	idle(t, q)
	for number := 1; number <= pulls; number++ {
		if p := pull(t, q, number); p.Reviewed != p.Generation {
			t.Errorf("pull request %d: generation %d of %d is reviewed", number, p.Reviewed, p.Generation)
		}
		events, err := q.ledger.Events(t.Context(), ledger.Filter{Kind: "reviewed", Number: number})
		if err != nil || len(events) == 0 {
			t.Errorf("pull request %d: no review, %v", number, err)
			continue
		}
		if got, want := events[len(events)-1].Head, fmt.Sprint("head-", heads-1); got != want {
			t.Errorf("pull request %d: reviewed %s last, want %s", number, got, want)
		}
	}
}

// What a dead process asked GitHub for may still happen, so its job waits until it is over.
func TestOrphanWaits(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "only the locks of files say that the last process is dead")
	path := newDB(t)
	submitFrom(t, path, ledger.Delivery{GUID: "g"}, request(1, "h"))
	kill(startHelper(t, path, "hangs"))
	work := func(context.Context, Request) error { t.Error("reviewed at once"); return nil }
	const settle = 9 * time.Second // less than slack, which a newer push makes up for
	q := newQueue(t, openLedger(t, path), Options{Work: work, Settle: settle})
	from := time.Now().Truncate(time.Millisecond) // as the database keeps times
	begin(t, q)
	to := time.Now()
	submit(t, q, request(1, "newer")) // begins no sooner
	row := jobs(t, q, rivertype.JobStateAvailable)[0]
	if at := row.ScheduledAt; at.Before(from.Add(settle)) || at.After(to.Add(settle)) {
		t.Errorf("the job begins at %s, want %s after a time between %s and %s", at, settle, from, to)
	}
}

func TestKilledWorkerIsReplaced(t *testing.T) {
	t.Parallel()
	reviewed := func() (Work, <-chan Request) {
		c := make(chan Request, 10)
		return func(_ context.Context, r Request) error { c <- r; return nil }, c
	}
	check := func(t *testing.T, q *Queue, c <-chan Request) {
		t.Helper()
		if r := receive(t, c); r.HeadSHA != "h" {
			t.Errorf("reviewed %+v", r)
		}
		idle(t, q)
		if len(c) != 0 {
			t.Error("reviewed more than once after the kill")
		}
		if row := jobs(t, q, rivertype.JobStateCompleted)[0]; row.Attempt != 2 {
			t.Errorf("attempt %d, want 2", row.Attempt)
		}
		if err := q.Submit(t.Context(), ledger.Delivery{GUID: "g"}, nil); !errors.Is(err, ledger.ErrDuplicate) {
			t.Errorf("the delivery was forgotten: %v", err)
		}
	}
	t.Run("by a process that ran beside it", func(t *testing.T) {
		t.Parallel()
		path := newDB(t)
		submitFrom(t, path, ledger.Delivery{GUID: "g"}, request(1, "h"))
		victim := startHelper(t, path, "hangs")
		opts := shortLease
		work, c := reviewed()
		opts.Work = work
		q := newQueue(t, openLedger(t, path), opts)
		begin(t, q)
		if n := len(jobs(t, q, rivertype.JobStateRunning)); n != 1 {
			t.Errorf("%d running jobs before the kill, want 1", n)
		}
		kill(victim)
		check(t, q, c)
	})
	// From here on the leases are long: a restart must not wait for them.
	t.Run("by the next process on its folder", func(t *testing.T) {
		t.Parallel()
		path, folder := newDB(t), t.TempDir()
		openLedger(t, path) // so that nobody is alone on the database
		submitFrom(t, path, ledger.Delivery{GUID: "g"}, request(1, "h"))
		victim := startHelper(t, path, "hangs", helperFolder+"="+folder)
		work, c := reviewed()
		opts := Options{Work: work, Heartbeat: time.Hour, LeaseTTL: 10 * time.Hour, Folder: folder}
		beside := newQueue(t, openLedger(t, path), opts)
		begin(t, beside)
		if n := len(jobs(t, beside, rivertype.JobStateRunning)); n != 1 {
			t.Errorf("%d running jobs while their worker is alive, want 1", n)
		}
		kill(victim)
		next := newQueue(t, openLedger(t, path), opts)
		begin(t, next)
		check(t, next, c)
	})
	t.Run("by the next process", func(t *testing.T) {
		t.Parallel()
		pgtest.SQLiteOnly(t, "only the locks of files say that the last process is dead")
		path := newDB(t)
		submitFrom(t, path, ledger.Delivery{GUID: "g"}, request(1, "h"))
		kill(startHelper(t, path, "hangs"))
		work, c := reviewed()
		q := newQueue(t, openLedger(t, path), Options{Work: work, Heartbeat: time.Hour, LeaseTTL: 10 * time.Hour})
		begin(t, q)
		check(t, q, c)
	})
}

// TestLeaseProtects has a long job in another process. Its worker sends heartbeats, stops, and sends another at
// the moment at which it seems dead.
func TestLeaseProtects(t *testing.T) {
	t.Parallel()
	path := newDB(t)
	l := openLedger(t, path)
	q := newQueue(t, l, Options{Work: func(context.Context, Request) error { return nil }})
	submit(t, q, request(1, "h"))
	// The clock has jumped since, so this time means nothing.
	alter(t, q, "state = 'running', attempted_at = '2020-01-01 00:00:00', attempt = 1")
	id := jobs(t, q)[0].ID
	sign := func(holder string) {
		t.Helper()
		err := l.Tx(t.Context(), func(tx *sql.Tx) error {
			return l.TakeLease(t.Context(), tx, ledger.Lease{Job: id, Holder: holder}, 1)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	silent := silence{heartbeat: time.Hour, ttl: 2 * time.Hour} // no wall clock decides here
	pass := func(later time.Duration, want rivertype.JobState) {
		t.Helper()
		for job, s := range silent.seen {
			silent.seen[job] = sight{s.sign, s.since.Add(-later)}
		}
		if err := q.rescueSilent(t.Context(), &silent); err != nil {
			t.Fatal(err)
		}
		if got := jobs(t, q)[0].State; got != want {
			t.Errorf("job is %s, want %s", got, want)
		}
	}
	sign("a")
	pass(0, rivertype.JobStateRunning)
	pass(time.Hour, rivertype.JobStateRunning)
	sign("b")
	pass(3*time.Hour, rivertype.JobStateRunning)
	remove := q.mine.add(id)
	pass(3*time.Hour, rivertype.JobStateRunning) // this process knows that it works on the job
	remove()
	pass(0, rivertype.JobStateRunning)
	pass(3*time.Hour, rivertype.JobStateAvailable)
}

func TestSilence(t *testing.T) {
	t.Parallel()
	start := time.Now()
	type step struct {
		at   time.Duration
		sign string // of job 1
		dead bool
	}
	for name, steps := range map[string][]step{
		"beats":                     {{0, "a", false}, {2, "b", false}, {4, "c", false}, {6, "d", false}, {8, "e", false}, {10, "f", false}, {12, "g", false}},
		"is silent":                 {{0, "a", false}, {4, "a", false}, {8, "a", false}, {10, "a", false}, {11, "a", true}},
		"is late once":              {{0, "a", false}, {4, "a", false}, {8, "a", false}, {10, "b", false}, {14, "b", false}},
		"this process was stopped":  {{0, "a", false}, {2, "a", false}, {60, "a", false}, {62, "b", false}, {64, "b", false}},
		"all were, and one is dead": {{0, "a", false}, {60, "a", false}, {65, "a", false}, {70, "a", false}, {71, "a", true}},
		"is taken by another":       {{0, "a", false}, {5, "a", false}, {10, "other", false}, {15, "other", false}},
	} {
		s := silence{heartbeat: 2 * time.Second, ttl: 10 * time.Second}
		for _, step := range steps {
			dead := s.observe(start.Add(step.at*time.Second), map[int64]string{1: step.sign})
			if _, ok := dead[1]; ok != step.dead {
				t.Errorf("%s: after %d s dead is %v", name, step.at, ok)
			}
		}
	}
}

// TestLateWorkerDoesNotBegin has a process that was suspended between fetching a job and beginning it, while
// another worker took the job.
func TestLateWorkerDoesNotBegin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		meanwhile string
		want      error
	}{
		{"attempt = 1", nil},
		{"attempted_at = '2020-01-01 00:00:10'", ErrLost},
		{"state = 'available'", ErrLost},
		{"state = 'completed', finalized_at = '2020-01-01 00:00:10'", ErrLost},
	} {
		q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(context.Context, Request) error { return nil }})
		submit(t, q, request(1, "h"))
		alter(t, q, "state = 'running', attempted_at = '2020-01-01 00:00:00', attempt = 1")
		late := &river.Job[job]{JobRow: jobs(t, q)[0], Args: job{RepoID: 9, Number: 1}}
		alter(t, q, tc.meanwhile)
		if _, err := q.begin(t.Context(), late, ledger.Lease{Job: late.ID, Holder: "late"}, false); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.meanwhile, err, tc.want)
		}
	}
}

// TestRescueGivesUp has a review that kills its worker each time, and others whose workers die of something else.
func TestRescueGivesUp(t *testing.T) {
	t.Parallel()
	died := func(n int) []string { return slices.Repeat([]string{workerDied}, n) }
	for name, tc := range map[string]struct {
		attempt int
		errors  []string // of the attempts before
		want    rivertype.JobState
		waits   time.Duration // at most, and at least half of it
		events  int
	}{
		"the first worker":             {1, nil, rivertype.JobStateAvailable, 0, 0},
		"the third":                    {3, died(2), rivertype.JobStateAvailable, 0, 0},
		"the seventh":                  {7, died(6), rivertype.JobStateAvailable, 5 * time.Second, 0},
		"the tenth":                    {10, died(9), rivertype.JobStateAvailable, 5 * time.Second, 0},
		"the 40th":                     {40, died(39), rivertype.JobStateAvailable, longest * 5 / 4, 0},
		"the first after 30 failures":  {31, slices.Repeat([]string{"GitHub is away"}, 30), rivertype.JobStateAvailable, 0, 0},
		"the second, a failure before": {31, append(append(died(20), "GitHub is away"), died(1)...), rivertype.JobStateAvailable, 0, 0},
		"the last":                     {maxAttempts, died(maxAttempts - 1), rivertype.JobStateDiscarded, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newDB(t)
			work := func(context.Context, Request) error { return nil }
			q := newQueue(t, openLedger(t, path), Options{Work: work})
			submit(t, q, request(1, "h"))
			alter(t, q, fmt.Sprintf("state = 'running', attempted_at = '2020-01-01 00:00:00', attempt = %d, errors = %s", tc.attempt, attemptErrors(t, tc.errors)))
			began := time.Now()
			nobody := func(*sql.Tx, *rivertype.JobRow) (bool, error) { return false, nil }
			if err := q.rescue(t.Context(), ever, 0, nobody); err != nil {
				t.Fatal(err)
			}
			row := jobs(t, q, rivertype.JobStateAvailable, rivertype.JobStateDiscarded, rivertype.JobStateRunning)[0]
			if row.State != tc.want || row.ScheduledAt.After(time.Now().Add(tc.waits)) || tc.waits > 0 && row.ScheduledAt.Before(began.Add(tc.waits/2)) {
				t.Errorf("job is %s, scheduled at %v, %v after its rescue; want %s, after at most %v", row.State, row.ScheduledAt, row.ScheduledAt.Sub(began), tc.want, tc.waits)
			}
			events, err := q.ledger.Events(t.Context(), ledger.Filter{Kind: GaveUp})
			if err != nil || len(events) != tc.events {
				t.Errorf("%d events, %v; want %d", len(events), err, tc.events)
			}
		})
	}
}

// attemptErrors returns the SQL of the errors of earlier attempts, the oldest first.
func attemptErrors(t *testing.T, texts []string) string {
	t.Helper()
	list := []string{}
	for i, text := range texts {
		b, err := json.Marshal(rivertype.AttemptError{Attempt: i + 1, Error: text})
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(b))
	}
	switch {
	case pgtest.Chosen() && len(list) == 0:
		return "'{}'"
	case pgtest.Chosen():
		return "ARRAY['" + strings.Join(list, "','") + "']::jsonb[]"
	}
	return "'[" + strings.Join(list, ",") + "]'"
}

// TestLostJobIsLeftAlone has a worker that was wrongly believed dead. The error that it returns must not change
// the job, which belongs to another attempt now.
func TestLostJobIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, result := range map[string]error{
		"done":    nil,
		"failed":  errors.New("no"),
		"snoozed": Snooze{Until: time.Now().Add(time.Hour)},
	} {
		for how, heartbeat := range map[string]time.Duration{"noticed by its heartbeat": 10 * time.Millisecond, "noticed at its end": time.Hour} {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				started, finish, cause := make(chan struct{}), make(chan struct{}), make(chan error, 1)
				q := newQueue(t, openLedger(t, newDB(t)), Options{Heartbeat: heartbeat, LeaseTTL: 10 * time.Hour, Work: func(ctx context.Context, _ Request) error {
					close(started)
					select {
					case <-ctx.Done():
					case <-finish:
					}
					cause <- context.Cause(ctx)
					return result
				}})
				if err := q.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
				submit(t, q, request(1, "h"))
				receive(t, started)
				before := jobs(t, q)[0]
				err := q.ledger.Tx(t.Context(), func(tx *sql.Tx) error {
					return q.ledger.TakeLease(t.Context(), tx, ledger.Lease{Job: before.ID, Holder: "somebody else"}, 1)
				})
				if err != nil {
					t.Fatal(err)
				}
				if heartbeat == time.Hour {
					close(finish)
				}
				if err := receive(t, cause); heartbeat < time.Hour && !errors.Is(err, ErrLost) {
					t.Errorf("ended because of %v, want ErrLost", err)
				}
				if err := q.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
				after := jobs(t, q)[0]
				if after.State != rivertype.JobStateRunning || after.Attempt != before.Attempt || len(after.Errors) != 0 || !after.ScheduledAt.Equal(before.ScheduledAt) {
					t.Errorf("the job was changed: %+v", after)
				}
				if p := pull(t, q, 1); p.Reviewed != 0 {
					t.Error("noted as reviewed")
				}
			})
		}
	}
}

func TestStopLetsReviewsFinish(t *testing.T) {
	t.Parallel()
	started, finish := make(chan struct{}), make(chan struct{})
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(ctx context.Context, _ Request) error {
		close(started)
		<-finish
		return ctx.Err()
	}})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	submit(t, q, request(1, "h"))
	receive(t, started)
	stopped := make(chan error)
	go func() { stopped <- q.Stop(context.Background()) }()
	until(t, "it is stopping", q.stopping.Load)
	submit(t, q, request(2, "h")) // taken, but not begun
	close(finish)
	if err := receive(t, stopped); err != nil {
		t.Error(err)
	}
	if p := pull(t, q, 1); p.Reviewed != 1 {
		t.Error("the running review was not finished")
	}
	if left := jobs(t, q); len(left) != 1 || !strings.Contains(strings.ReplaceAll(string(left[0].EncodedArgs), " ", ""), `"number":2`) {
		t.Errorf("%d jobs left, want the one of pull request 2", len(left))
	}
}

// TestStopDoesNotBeginAgain submits a newer head while the queue is stopping.
func TestStopDoesNotBeginAgain(t *testing.T) {
	t.Parallel()
	started, finish := make(chan struct{}, 10), make(chan struct{})
	q := newQueue(t, openLedger(t, newDB(t)), Options{Poll: time.Hour, Work: func(context.Context, Request) error {
		started <- struct{}{}
		<-finish
		return nil
	}})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	submit(t, q, request(1, "a"))
	receive(t, started)
	stopped := make(chan error)
	go func() { stopped <- q.Stop(context.Background()) }()
	until(t, "it is stopping", q.stopping.Load)
	submit(t, q, request(1, "b"))
	close(finish)
	if err := receive(t, stopped); err != nil {
		t.Error(err)
	}
	if left := jobs(t, q); len(started) != 0 || len(left) != 1 || left[0].State != rivertype.JobStateAvailable {
		t.Errorf("begun again %d times, jobs left: %d; want 0 and 1 that is available", len(started), len(left))
	}
}

func TestStopCancelsAndPutsBack(t *testing.T) {
	t.Parallel()
	path := newDB(t)
	l := openLedger(t, path)
	started, cause := make(chan struct{}), make(chan error, 1)
	q := newQueue(t, l, Options{Work: func(ctx context.Context, _ Request) error {
		close(started)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return errors.New("git was killed")
	}})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	submit(t, q, request(1, "h"))
	receive(t, started)
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Stop(now); err != nil {
		t.Error(err)
	}
	if err := receive(t, cause); !errors.Is(err, ErrStopping) {
		t.Errorf("ended because of %v, want ErrStopping", err)
	}
	if row := jobs(t, q)[0]; row.State != rivertype.JobStateAvailable || row.Attempt != 0 || len(row.Errors) != 0 {
		t.Errorf("the job is %s after %d attempts with %d errors; want available, 0, 0", row.State, row.Attempt, len(row.Errors))
	}

	var runs atomic.Int32
	next := newQueue(t, l, Options{Work: func(context.Context, Request) error { runs.Add(1); return nil }})
	begin(t, next)
	idle(t, next)
	if runs.Load() != 1 {
		t.Errorf("%d reviews by the next process, want 1", runs.Load())
	}
}

func TestStopReportsWorkThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	started, finish := make(chan struct{}), make(chan struct{})
	q := newQueue(t, openLedger(t, newDB(t)), Options{StopGrace: 10 * time.Millisecond, Work: func(context.Context, Request) error {
		close(started)
		<-finish
		return nil
	}})
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	submit(t, q, request(1, "h"))
	receive(t, started)
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Stop(now); err == nil {
		t.Error("want an error")
	}
	close(finish)
	if err := q.Stop(context.Background()); err != nil {
		t.Errorf("after the work has returned: %v", err)
	}
}

func TestStopWithoutStart(t *testing.T) {
	t.Parallel()
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(context.Context, Request) error { return nil }})
	if err := q.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestDatabaseAwayDuringReview has another process that locks the database for longer than a lease. No worker can
// take the job meanwhile, so the review must continue and its work must not be lost.
func TestDatabaseAwayDuringReview(t *testing.T) {
	t.Parallel()
	opts := shortLease
	opts.LeaseTTL, opts.Heartbeat = 200*time.Millisecond, 20*time.Millisecond
	started, finish := make(chan struct{}), make(chan struct{})
	var runs atomic.Int32
	opts.Work = func(ctx context.Context, _ Request) error {
		runs.Add(1)
		close(started)
		<-finish
		return context.Cause(ctx)
	}
	path := newDB(t)
	q, beside := newQueue(t, openLedger(t, path), opts), newQueue(t, openLedger(t, path), Options{
		Heartbeat: opts.Heartbeat, LeaseTTL: opts.LeaseTTL, Work: func(context.Context, Request) error { runs.Add(1); return nil },
	})
	begin(t, q)
	submit(t, q, request(1, "h"))
	receive(t, started)
	begin(t, beside)

	err := openLedger(t, path).Tx(t.Context(), func(*sql.Tx) error {
		time.Sleep(5 * opts.LeaseTTL)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := q.Submit(ctx, ledger.Delivery{}, []Request{request(2, "h")}); err == nil {
			t.Error("a delivery was taken without being written")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	close(finish)
	idle(t, q)
	if p := pull(t, q, 1); p.Reviewed != 1 || runs.Load() != 1 {
		t.Errorf("reviewed %d times, want once: %+v", runs.Load(), p)
	}
}
