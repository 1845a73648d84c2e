package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// TestOnPostgres is in the ordinary run of the tests what shows that Postgres works; SECBYDESIGN_TEST_DATABASE=postgres
// runs all others on it. Two processes share a database: a delivery to one is reviewed by either, once, and a newer head
// that one of them receives cancels the review in the other. Nothing here waits for a poll.
func TestOnPostgres(t *testing.T) {
	t.Parallel()
	at := newPostgres(t)
	runs := make(chan Request)
	opts := Options{Poll: time.Hour, Work: func(ctx context.Context, r Request) error {
		runs <- r
		if r.HeadSHA == "old" {
			<-ctx.Done()
			return context.Cause(ctx)
		}
		return nil
	}}
	q := newQueue(t, openLedger(t, at), opts)
	begin(t, q)
	web := newQueue(t, openLedger(t, at), Options{Work: func(context.Context, Request) error { return nil }})
	for _, head := range []string{"old", "new"} {
		d := ledger.Delivery{GUID: head}
		if err := web.Submit(t.Context(), d, []Request{request(1, head)}); err != nil {
			t.Fatal(err)
		}
		if err := q.Submit(t.Context(), d, []Request{request(1, head)}); !errors.Is(err, ledger.ErrDuplicate) {
			t.Errorf("the same delivery to another process: %v", err)
		}
		if r := receive(t, runs); r.HeadSHA != head {
			t.Errorf("reviewed %s, want %s", r.HeadSHA, head)
		}
	}
	idle(t, q)
	if p := pull(t, q, 1); p.Generation != 2 || p.Reviewed != 2 {
		t.Errorf("%+v", p)
	}
}

// TestPostgresIsAway stops the server during a review, for longer than a lease. What was accepted is reviewed, what could
// not be stored was refused, and the review that ran is not repeated.
func TestPostgresIsAway(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	at := server.Database(t)
	opts := shortLease
	started, finish := make(chan struct{}, 100), make(chan struct{})
	var runs atomic.Int32
	opts.Work = func(ctx context.Context, r Request) error {
		started <- struct{}{}
		if r.Number == 1 {
			runs.Add(1)
			<-finish
		}
		return context.Cause(ctx)
	}
	q := newQueue(t, openLedger(t, at), opts)
	begin(t, q)
	submit(t, q, request(1, "h"))
	receive(t, started)
	server.Stop()
	refused := 0
	for deadline := time.Now().Add(2 * opts.LeaseTTL); time.Now().Before(deadline); time.Sleep(opts.Heartbeat) {
		if err := q.Submit(t.Context(), ledger.Delivery{GUID: fmt.Sprint(refused)}, []Request{request(2, "h")}); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("a delivery while it is away: %v", err)
		}
		refused++
	}
	server.Start(t)
	close(finish)
	for n := range 3 { // redelivered
		if err := q.Submit(t.Context(), ledger.Delivery{GUID: fmt.Sprint(n)}, []Request{request(10+n, "h")}); err != nil {
			t.Errorf("a delivery afterwards: %v", err)
		}
	}
	idle(t, q)
	for _, number := range []int{1, 10, 11, 12} {
		if p := pull(t, q, number); p.Reviewed != p.Generation {
			t.Errorf("%+v", p)
		}
	}
	if n := runs.Load(); n != 1 {
		t.Errorf("the review during the outage ran %d times, want once", n)
	}
}

// TestStrangeTexts: a task with texts that Postgres refuses is done, and a job whose error quotes such a text is tried
// again, on both engines.
func TestStrangeTexts(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]string{"chosen": newDB(t), "Postgres": newPostgres(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var attempts atomic.Int32
			done := make(chan Task, 10)
			q := newQueue(t, openLedger(t, at), Options{Work: noReviews, Task: func(_ context.Context, e Task) error {
				if attempts.Add(1) == 1 {
					return fmt.Errorf("cannot read \x00\xff of %s", e.ID)
				}
				done <- e
				return nil
			}})
			begin(t, q)
			e := Task{Installation: 7, RepoID: 9, Owner: "Ac\x00me", Repo: "sh\xffop", Number: 1, Kind: "k\x00", ID: "i\x00", Data: json.RawMessage(`{"a\u0000":["\u0000","\uD800",1.10,{"b":"\\u0000"}]}`)}
			if err := q.Submit(t.Context(), ledger.Delivery{}, nil, e); err != nil {
				t.Fatal(err)
			}
			got := receive(t, done)
			if got.ID != "i\uFFFD" || got.Kind != "k\uFFFD" || got.Owner != "Ac\uFFFDme" || got.Repo != "sh\uFFFDop" || got.Attempt != 2 ||
				string(got.Data) != "{\"a\uFFFD\":[\"\uFFFD\",\"\uFFFD\",1.10,{\"b\":\"\\\\u0000\"}]}" {
				t.Errorf("%+v with %s", got, got.Data)
			}
			idle(t, q)
			row := jobs(t, q, rivertype.JobStateCompleted)[0]
			if len(row.Errors) != 1 || !strings.Contains(row.Errors[0].Error, "cannot read \uFFFD") {
				t.Errorf("%+v", row.Errors)
			}
		})
	}
}
