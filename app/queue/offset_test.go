package queue

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/ledger"
)

const day = 24 * time.Hour

// TestADateIsOfTheClock has tasks with a date under a clock that is moved between two starts, both ways, and while the
// queue runs. A task begins when its date has come by the clock.
func TestADateIsOfTheClock(t *testing.T) {
	t.Parallel()
	path := newDB(t)
	run, done := collect(0)
	opts := shortLease
	opts.Task, opts.Work = run, noReviews
	start := func(c *clock.Clock) (*Queue, func()) {
		opts.Clock = c
		l := openLedger(t, path)
		q := newQueue(t, l, opts)
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		return q, func() {
			t.Helper()
			if err := q.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	now := time.Now()
	send := func(q *Queue, id string, at time.Time) {
		t.Helper()
		e := aChore(id)
		e.At = at
		if err := q.Submit(t.Context(), ledger.Delivery{}, nil, e); err != nil {
			t.Fatal(err)
		}
	}
	// At the machine's time, all wait for their dates.
	q, stop := start(nil)
	for id, days := range map[string]int{"in 30 days": 30, "in 60 days": 60, "in 1,000 days": 1000} {
		send(q, id, now.AddDate(0, 0, days))
	}
	if n := len(jobs(t, q, rivertype.JobStateScheduled)); n != 3 {
		t.Fatalf("%d tasks wait", n)
	}
	stop()
	// 31 days later, one of them is due. A task whose date has passed begins at once.
	q, stop = start(clock.At(31 * day))
	if got := receive(t, done); got.ID != "in 30 days" {
		t.Errorf("%q begins first", got.ID)
	}
	send(q, "yesterday", now.Add(30*day))
	if got := receive(t, done); got.ID != "yesterday" {
		t.Errorf("%q begins, whose date has passed", got.ID)
	}
	send(q, "in 45 days", now.AddDate(0, 0, 45))
	stop()
	// Back at the machine's time, each waits for its own date again.
	q, stop = start(clock.At(0))
	want := map[string]int{"in 45 days": 45, "in 60 days": 60, "in 1,000 days": 1000}
	for _, row := range jobs(t, q, rivertype.JobStateScheduled) {
		id := idOf(t, row)
		if until := row.ScheduledAt.Sub(now.AddDate(0, 0, want[id])).Abs(); until > 10*time.Second {
			t.Errorf("%s is scheduled for %s", id, row.ScheduledAt)
		}
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("not there any more: %v", want)
	}
	stop()
	// While it runs, years pass in a moment.
	c := clock.At(0)
	_, stop = start(c)
	defer stop()
	c.Move(3 * 365 * day)
	began := map[string]bool{}
	for range 3 {
		began[receive(t, done).ID] = true
	}
	if len(began) != 3 {
		t.Errorf("began: %v", began)
	}
}

// idOf returns the id of a waiting task.
func idOf(t *testing.T, row *rivertype.JobRow) string {
	t.Helper()
	var args task
	if err := json.Unmarshal(row.EncodedArgs, &args); err != nil {
		t.Fatal(err)
	}
	return args.ID
}

// TestAPauseIsOfTheMachine postpones a task, for GitHub's limit: the App's clock does not shorten that.
func TestAPauseIsOfTheMachine(t *testing.T) {
	t.Parallel()
	path := newDB(t)
	opts := shortLease
	opts.Work, opts.Clock = func(context.Context, Request) error { return Snooze{Until: time.Now().Add(time.Hour), Reason: "limit"} }, clock.At(0)
	opts.Task = func(context.Context, Task) error { return Snooze{Until: time.Now().Add(time.Hour), Reason: "limit"} }
	q := newQueue(t, openLedger(t, path), opts)
	e := aChore("dated")
	e.At = time.Now().Add(day)
	if err := q.Submit(t.Context(), ledger.Delivery{}, []Request{request(1, "h")}, aChore("at once"), e); err != nil {
		t.Fatal(err)
	}
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Stop(t.Context()) })
	until(t, "all wait", func() bool { return len(jobs(t, q, rivertype.JobStateScheduled)) == 3 })
	opts.Clock.Move(2 * day)
	until(t, "the dated one was begun and postponed", func() bool {
		n := 0
		for _, row := range jobs(t, q, rivertype.JobStateScheduled) {
			if time.Until(row.ScheduledAt) < 2*time.Hour {
				n++
			}
		}
		return n == 3
	})
	if err := q.redate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, row := range jobs(t, q, rivertype.JobStateScheduled) {
		if time.Until(row.ScheduledAt) < 50*time.Minute {
			t.Errorf("the %s begins at %s", row.Kind, row.ScheduledAt)
		}
	}
}
