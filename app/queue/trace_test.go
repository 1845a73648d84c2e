package queue

import (
	"context"
	"database/sql"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/tracing"
)

// share reads the part of the first job's metadata that the choice of jobs relies on.
func share(t *testing.T, l *ledger.Ledger) (share string) {
	t.Helper()
	err := l.Tx(t.Context(), func(tx *sql.Tx) error {
		return tx.QueryRowContext(t.Context(), `SELECT metadata ->> 'share' FROM river_job`).Scan(&share)
	})
	if err != nil {
		t.Fatal(err)
	}
	return share
}

// TestNewestDeliveryHasTheTrace submits two deliveries about a pull request before anybody works. The review, in a
// process that knows neither, and the one after a failure, are in the trace of the newest.
func TestNewestDeliveryHasTheTrace(t *testing.T) {
	t.Parallel()
	path := newDB(t)
	web := newQueue(t, openLedger(t, path), Options{Work: func(context.Context, Request) error { return nil }, Task: func(context.Context, Task) error { return nil }})
	tracer := sdk.NewTracerProvider().Tracer(tracing.Scope)
	deliver := func(head string) trace.TraceID {
		ctx, span := tracer.Start(t.Context(), "delivery")
		defer span.End()
		if err := web.Submit(ctx, ledger.Delivery{}, []Request{request(1, head)}); err != nil {
			t.Fatal(err)
		}
		return span.SpanContext().TraceID()
	}
	first := deliver("a")
	before := share(t, web.ledger)
	second := deliver("b")
	if after := share(t, web.ledger); after != before || before == "" {
		t.Errorf("the share of the job was %q and is %q", before, after)
	}
	submit(t, web, request(1, "b")) // without a trace
	var seen []trace.TraceID
	var third trace.TraceID
	done := make(chan bool)
	worker := newQueue(t, openLedger(t, path), Options{Tracer: sdk.NewTracerProvider().Tracer(tracing.Scope), Work: func(ctx context.Context, r Request) error {
		seen = append(seen, trace.SpanContextFromContext(ctx).TraceID())
		switch len(seen) {
		case 1:
			return context.DeadlineExceeded // and again
		case 2:
			third = deliver("c") // cancels this one, and is reviewed by the same job
			<-ctx.Done()
			return nil
		}
		close(done)
		return nil
	}})
	begin(t, worker)
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("not reviewed")
	}
	if want := []trace.TraceID{second, second, third}; len(seen) != 3 || seen[0] != want[0] || seen[1] != want[1] || seen[2] != want[2] {
		t.Errorf("reviewed in the traces %v, want %v; the first delivery had %v", seen, want, first)
	}
}

// TestNoTraceWithoutTracer checks that nothing is stored and nothing begins if traces are not exported, and that a task
// with a date is not in the trace of what scheduled it.
func TestNoTraceWithoutTracer(t *testing.T) {
	t.Parallel()
	seen := make(chan trace.SpanContext, 2)
	q := newQueue(t, openLedger(t, newDB(t)), Options{
		Work: func(context.Context, Request) error { return nil },
		Task: func(ctx context.Context, _ Task) error { seen <- trace.SpanContextFromContext(ctx); return nil },
	})
	if got := string(traced("", []byte(`{"share":"9"}`))); got != `{"share":"9"}` {
		t.Errorf("metadata without a trace: %s", got)
	}
	for _, metadata := range []string{"", "[]", `{"trace":7}`, `{"trace":"00-zz-11-01"}`} {
		if got := trace.SpanContextFromContext(tracing.Under(t.Context(), parentOf([]byte(metadata)))); got.IsValid() {
			t.Errorf("%q leads to the trace %v", metadata, got)
		}
	}
	ctx, span := sdk.NewTracerProvider().Tracer(tracing.Scope).Start(t.Context(), "review")
	defer span.End()
	for id, at := range map[string]time.Time{"now": {}, "later": time.Now().Add(-time.Hour)} {
		if err := q.Submit(ctx, ledger.Delivery{}, nil, Task{Installation: 7, RepoID: 9, Owner: "Acme", Repo: "Shop", Number: 1, Kind: "k", ID: id, At: at}); err != nil {
			t.Fatal(err)
		}
	}
	begin(t, q)
	valid := 0
	for range 2 {
		select {
		case c := <-seen:
			if c.IsValid() {
				valid++
			}
		case <-time.After(patience):
			t.Fatal("a task is not done")
		}
	}
	if valid != 1 {
		t.Errorf("%d tasks continue the trace, want the one without a date", valid)
	}
}
