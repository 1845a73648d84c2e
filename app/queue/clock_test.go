package queue

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
)

func TestDue(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) time.Time { return now.Add(d) }
	for name, tc := range map[string]struct {
		d    ledger.Delayed
		want time.Time
	}{
		"was to begin at once":                   {ledger.Delayed{At: in(2 * time.Hour)}, now},
		"was put back":                           {ledger.Delayed{At: in(2 * time.Hour), Attempt: 2, Attempted: in(2 * time.Hour)}, now},
		"waits after its third failure":          {ledger.Delayed{At: in(2 * time.Hour), Attempt: 3}, now},
		"waits after a failure, as it should":    {ledger.Delayed{At: in(5 * time.Minute), Attempt: 12}, in(5 * time.Minute)},
		"waits longer than its second failure":   {ledger.Delayed{At: in(5 * time.Minute), Attempt: 2}, now},
		"was postponed":                          {ledger.Delayed{Scheduled: true, At: in(time.Hour), Until: in(time.Hour), Since: in(-time.Minute)}, in(time.Hour)},
		"was postponed before the clock was":     {ledger.Delayed{Scheduled: true, At: in(3 * time.Hour), Until: in(3 * time.Hour), Since: in(2 * time.Hour)}, in(time.Hour)},
		"was postponed once, and then failed":    {ledger.Delayed{At: in(2 * time.Hour), Attempt: 1, Until: in(time.Hour), Since: in(time.Minute)}, now},
		"is a task with a date":                  {ledger.Delayed{Scheduled: true, Task: true, At: in(720 * time.Hour), Until: in(720 * time.Hour)}, in(720 * time.Hour)},
		"is a task of an older version":          {ledger.Delayed{Scheduled: true, Task: true, At: in(720 * time.Hour)}, in(720 * time.Hour)},
		"was postponed by an older version":      {ledger.Delayed{Scheduled: true, At: in(time.Hour), Attempted: in(-time.Minute)}, in(time.Hour)},
		"was so before the clock was set back":   {ledger.Delayed{Scheduled: true, At: in(3 * time.Hour), Attempted: in(2 * time.Hour)}, now},
		"is a snooze that would come even later": {ledger.Delayed{Scheduled: true, At: in(time.Hour), Until: in(time.Hour), Since: in(-2 * time.Hour)}, in(time.Hour)},
	} {
		if got := due(tc.d, now); !got.Equal(tc.want) {
			t.Errorf("%s: due in %v, want in %v", name, got.Sub(now), tc.want.Sub(now))
		}
	}
}

func TestSetBack(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct{ wall, up, want time.Duration }{
		{2 * time.Second, 2 * time.Second, 0},
		{time.Second, 2 * time.Second, 0},
		{2 * time.Hour, 2 * time.Second, 0}, // set forward, or the machine slept
		{2*time.Second - 2*time.Hour, 2 * time.Second, 2 * time.Hour},
		{-time.Minute, time.Minute, 2 * time.Minute},
	} {
		got := setBack(reading{start, time.Hour}, reading{start.Add(tc.wall), time.Hour + tc.up})
		if got != tc.want {
			t.Errorf("wall %v, up %v: set back by %v, want %v", tc.wall, tc.up, got, tc.want)
		}
	}
}

// TestClockIsSetBack has jobs scheduled two hours ahead, because the clock was set back after they were submitted
// or had failed: during a push, over a restart, and while the process runs.
func TestClockIsSetBack(t *testing.T) {
	t.Parallel()
	later := in("+2 hours")
	for name, set := range map[string]string{
		"before it was begun": "scheduled_at = " + later + ", created_at = " + later,
		"after a failure":     "scheduled_at = " + later + ", attempted_at = " + later + ", attempt = 3, state = 'retryable'",
		"while it ran":        "attempted_at = " + later + ", attempt = 1, state = 'running'",
	} {
		for _, how := range []string{"push", "restart", "watch"} {
			if how == "push" && name == "while it ran" {
				continue // a push does not make a worker seem dead
			}
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				path, runs := newDB(t), make(chan Request, 10)
				opts := shortLease
				opts.Work = func(_ context.Context, r Request) error { runs <- r; return nil }
				before := openLedger(t, path)
				q := newQueue(t, before, opts)
				submit(t, q, request(1, "h"))
				damage := func() {
					t.Helper()
					alter(t, q, set)
					if err := before.Driver().GetExecutor().Exec(t.Context(), "INSERT INTO river_leader (elected_at, expires_at, leader_id) VALUES ("+later+", "+later+", 'dead')"); err != nil {
						t.Fatal(err)
					}
				}
				switch how {
				case "push":
					damage()
					submit(t, q, request(1, "newer"))
					if got := jobs(t, q)[0]; got.State != rivertype.JobStateAvailable || got.ScheduledAt.After(time.Now()) {
						t.Errorf("after a push the job is %s, at %v", got.State, got.ScheduledAt)
					}
				case "restart":
					damage()
					if err := before.Close(); err != nil {
						t.Fatal(err)
					}
					q = newQueue(t, openLedger(t, path), opts)
				case "watch":
					var back atomic.Int64
					real := q.clocks
					q.clocks = func() reading {
						now := real()
						return reading{now.wall.Add(time.Duration(back.Load())), now.up}
					}
					alter(t, q, "scheduled_at = "+later)
					back.Store(int64(2 * time.Hour)) // it was ahead, and nothing begins earlier
					begin(t, q)
					until(t, "River has a leader", func() bool { return count(t, q, "river_leader") == 1 })
					alter(t, q, set)
					if set := "elected_at = " + later + ", expires_at = " + later + ", leader_id = 'dead'"; true {
						if err := before.Driver().GetExecutor().Exec(t.Context(), "UPDATE river_leader SET "+set); err != nil {
							t.Fatal(err)
						}
					}
					back.Store(0)
				}
				if how != "watch" {
					begin(t, q)
				}
				receive(t, runs)
				idle(t, q)
				if n := countWhere(t, q, "river_leader", "leader_id = 'dead'"); n > 0 {
					t.Error("nobody leads River's processes for two hours")
				}
			})
		}
	}
}

func count(t *testing.T, q *Queue, table string) int { return countWhere(t, q, table, "TRUE") }

func countWhere(t *testing.T, q *Queue, table, where string) (n int) {
	t.Helper()
	err := q.ledger.Tx(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", table, where)).Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestPostponedStaysPostponed restarts a queue with a postponed job, and with a task that has a date.
func TestPostponedStaysPostponed(t *testing.T) {
	t.Parallel()
	until1 := time.Now().Add(time.Hour)
	path := newDB(t)
	run, c := collect(0)
	opts := Options{Task: run, Work: func(context.Context, Request) error { return Snooze{Until: until1, Reason: "rate limit"} }}
	l := openLedger(t, path)
	q := newQueue(t, l, opts)
	date := aChore("later")
	date.At = time.Now().Add(30 * 24 * time.Hour)
	if err := q.Submit(t.Context(), ledger.Delivery{}, []Request{request(1, "h")}, date); err != nil {
		t.Fatal(err)
	}
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "both wait", func() bool { return len(jobs(t, q, rivertype.JobStateScheduled)) == 2 })
	check := func(what string, q *Queue, want map[string]time.Time) {
		t.Helper()
		for _, row := range jobs(t, q) {
			if row.State != rivertype.JobStateScheduled || row.ScheduledAt.Sub(want[row.Kind]).Abs() > 2*time.Second {
				t.Errorf("%s: the %s is %s until %v, want %v", what, row.Kind, row.State, row.ScheduledAt, want[row.Kind])
			}
		}
	}
	want := map[string]time.Time{"review": until1, "errand": date.At}
	check("at first", q, want)
	submit(t, q, request(1, "newer"))
	if err := q.bringBack(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("after a push", q, want)
	if err := q.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	q = newQueue(t, openLedger(t, path), opts)
	// Now it is two hours earlier: GitHub's limit ends an hour from now, and the date stays the same.
	real := q.clocks
	q.clocks = func() reading { now := real(); return reading{now.wall.Add(-2 * time.Hour), now.up} }
	for range 2 {
		if err := q.bringBack(t.Context()); err != nil {
			t.Fatal(err)
		}
		check("two hours earlier", q, map[string]time.Time{"review": until1.Add(-2 * time.Hour), "errand": date.At})
	}
	if len(c) > 0 {
		t.Error("the task was done")
	}
}
