package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
)

func aChore(id string) Task {
	return Task{Installation: 7, Owner: "Acme", Repo: "Shop", Number: 1, Kind: "answer", ID: id, Data: json.RawMessage(`{"x":1}`)}
}

func noReviews(context.Context, Request) error { return nil }

// collect returns a function that runs tasks: it sends each task to the channel, and fails the first calls.
func collect(failures int) (Run, <-chan Task) {
	c := make(chan Task, 100)
	var mu sync.Mutex
	return func(_ context.Context, e Task) error {
		mu.Lock()
		defer mu.Unlock()
		c <- e
		if failures > 0 {
			failures--
			if failures%2 == 1 {
				panic("on purpose")
			}
			return errors.New("on purpose")
		}
		return nil
	}, c
}

func TestTaskIsDoneOnce(t *testing.T) {
	t.Parallel()
	run, c := collect(0)
	q := startWith(t, Options{Work: noReviews, Task: run})
	send := func(guid string, tasks ...Task) error {
		return q.Submit(t.Context(), ledger.Delivery{GUID: guid}, nil, tasks...)
	}
	if err := send("g1", aChore("5")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, c); got.Owner != "Acme" || got.Repo != "Shop" || got.Number != 1 || got.Installation != 7 || got.Kind != "answer" || got.ID != "5" || string(got.Data) != `{"x":1}` || got.Attempt != 1 {
		t.Errorf("got %+v", got)
	}
	idle(t, q)
	if err := send("g1", aChore("6")); !errors.Is(err, ledger.ErrDuplicate) {
		t.Errorf("a delivery that is known: %v", err)
	}
	again := aChore("5") // from another delivery, and with another spelling
	again.Owner, again.Installation, again.Data = "ACME", 8, nil
	if err := send("g2", again, aChore("7")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, c); got.ID != "7" {
		t.Errorf("done again: %+v", got)
	}
	idle(t, q)
	var leases int
	err := q.ledger.Tx(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), `SELECT count(*) FROM heartbeats`).Scan(&leases)
	})
	if err != nil || leases != 0 || len(c) != 0 {
		t.Errorf("%v, %d leases left, %d tasks done again", err, leases, len(c))
	}
}

func TestTaskThatFailsIsTriedAgain(t *testing.T) {
	t.Parallel()
	run, c := collect(3)
	q := startWith(t, Options{Work: noReviews, Task: run})
	if err := q.Submit(t.Context(), ledger.Delivery{}, nil, aChore("5")); err != nil {
		t.Fatal(err)
	}
	var attempts []int
	for range 4 {
		attempts = append(attempts, receive(t, c).Attempt)
		alter(t, q, "scheduled_at = '2020-01-01 00:00:00'")
		until(t, "it waits or is done", func() bool { return len(jobs(t, q, rivertype.JobStateRunning)) == 0 })
		alter(t, q, "scheduled_at = '2020-01-01 00:00:00'")
	}
	if !slices.Equal(attempts, []int{1, 2, 3, 4}) {
		t.Errorf("attempts %v", attempts)
	}
	idle(t, q)
}

func TestTaskWaitsForItsTime(t *testing.T) {
	t.Parallel()
	run, c := collect(0)
	q := startWith(t, Options{Work: noReviews, Task: run})
	later := aChore("later")
	later.At = time.Now().Add(time.Hour)
	if err := q.Submit(t.Context(), ledger.Delivery{}, nil, later, aChore("now")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, c); got.ID != "now" {
		t.Errorf("%s came first", got.ID)
	}
	until(t, "the first is done", func() bool { return len(jobs(t, q)) == 1 })
	if got := jobs(t, q); len(got) != 1 || got[0].State != rivertype.JobStateScheduled {
		t.Errorf("waiting: %+v", got)
	}
	alter(t, q, "scheduled_at = '2020-01-01 00:00:00'")
	if got := receive(t, c); got.ID != "later" {
		t.Errorf("got %+v", got)
	}
	idle(t, q)
}

// TestTaskOfADeadWorkerIsTakenUp removes the lease of a task that hangs.
func TestTaskOfADeadWorkerIsTakenUp(t *testing.T) {
	t.Parallel()
	began, ended := make(chan int, 10), make(chan error, 10)
	q := startWith(t, Options{Work: noReviews, Heartbeat: 20 * time.Millisecond, LeaseTTL: 10 * time.Second, Task: func(ctx context.Context, e Task) error {
		began <- e.Attempt
		if e.Attempt > 1 {
			return nil
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return context.Cause(ctx)
	}})
	if err := q.Submit(t.Context(), ledger.Delivery{}, nil, aChore("5")); err != nil {
		t.Fatal(err)
	}
	receive(t, began)
	err := q.rescue(t.Context(), time.Now().Add(time.Hour), 0, func(*sql.Tx, *rivertype.JobRow) (bool, error) { return false, nil })
	if err != nil {
		t.Fatal(err)
	}
	if cause := receive(t, ended); !errors.Is(cause, ErrLost) {
		t.Errorf("the first worker ended with %v, want %v", cause, ErrLost)
	}
	if attempt := receive(t, began); attempt != 2 {
		t.Errorf("taken up as attempt %d", attempt)
	}
	idle(t, q)
	if rows := jobs(t, q, rivertype.JobStateCompleted); len(rows) != 1 || rows[0].Attempt != 2 {
		t.Errorf("in the end there is %+v", rows)
	}
}

func TestSubmitRefusesWhatIsNoTask(t *testing.T) {
	t.Parallel()
	run, c := collect(0)
	q := startWith(t, Options{Work: noReviews, Task: run})
	event := []ledger.Event{{Kind: "heard"}}
	if err := q.SubmitWith(t.Context(), ledger.Delivery{GUID: "g"}, nil, []Task{aChore("5"), {Owner: "a", Repo: "b"}}, event); err == nil {
		t.Error("a task without a kind was taken")
	}
	if events, err := q.ledger.Events(t.Context(), ledger.Filter{}); err != nil || len(events) != 0 || len(c) != 0 {
		t.Errorf("something of it was done: %v %v", events, err)
	}
	if err := q.SubmitWith(t.Context(), ledger.Delivery{GUID: "g"}, nil, nil, event); err != nil {
		t.Errorf("the delivery was recorded all the same: %v", err)
	}
	if events, err := q.ledger.Events(t.Context(), ledger.Filter{Kind: "heard"}); err != nil || len(events) != 1 {
		t.Errorf("%v %v", events, err)
	}
}
