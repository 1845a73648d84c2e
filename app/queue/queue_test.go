package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

func TestDeliveryIsTakenOnce(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	q := start(t, func(context.Context, Request) error { runs.Add(1); return nil })

	var taken, known atomic.Int32
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				err := q.Submit(t.Context(), ledger.Delivery{GUID: "same", Event: "pull_request", Action: "opened"}, []Request{request(1, "head")})
				switch {
				case err == nil:
					taken.Add(1)
				case errors.Is(err, ledger.ErrDuplicate):
					known.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	idle(t, q)
	if taken.Load() != 1 || known.Load() != 19 || runs.Load() != 1 {
		t.Errorf("taken %d times, known %d times, reviewed %d times; want 1, 19, 1", taken.Load(), known.Load(), runs.Load())
	}
}

func TestDuplicateDeliveryChangesNothing(t *testing.T) {
	t.Parallel()
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(context.Context, Request) error { return nil }})
	d := ledger.Delivery{GUID: "same", Event: "pull_request"}
	if err := q.Submit(t.Context(), d, []Request{request(1, "a")}); err != nil {
		t.Fatal(err)
	}
	if err := q.Submit(t.Context(), d, []Request{request(1, "b"), request(2, "b")}); !errors.Is(err, ledger.ErrDuplicate) {
		t.Fatalf("got %v, want ErrDuplicate", err)
	}
	if p := pull(t, q, 1); p.Head != "a" || p.Generation != 1 {
		t.Errorf("a duplicate changed the pull request: %+v", p)
	}
	if n := len(jobs(t, q)); n != 1 {
		t.Errorf("%d jobs, want 1", n)
	}
}

func TestRequestReachesWork(t *testing.T) {
	t.Parallel()
	got := make(chan Request, 1)
	q := start(t, func(_ context.Context, r Request) error { got <- r; return nil })
	want := Request{Key: Key{7, "Acme", "Shop", 3}, RepoID: 9, HeadSHA: "h", BaseSHA: "b", Reason: "reopened", Force: true}
	submit(t, q, want)
	if r := receive(t, got); r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	idle(t, q)
	if p := pull(t, q, 3); p.Force || p.Reviewed != p.Generation {
		t.Errorf("after the review: %+v", p)
	}
}

func TestSubmitRefusesWhatIsNoPullRequest(t *testing.T) {
	t.Parallel()
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(context.Context, Request) error { return nil }})
	for _, key := range []Key{{}, {Owner: "o", Repo: "r"}, {Owner: "o", Number: 1}, {Repo: "r", Number: 1}, {Owner: "o", Repo: "r", Number: -1}} {
		d := ledger.Delivery{GUID: "g"}
		if err := q.Submit(t.Context(), d, []Request{request(1, "h"), {Key: key}}); err == nil {
			t.Errorf("%+v was taken", key)
		}
	}
	if n := len(jobs(t, q)); n != 0 {
		t.Errorf("%d jobs after refused requests", n)
	}
}

// TestBurst pushes 50 heads while reviews run. The last one must be reviewed, with few reviews, and never two at
// once.
func TestBurst(t *testing.T) {
	t.Parallel()
	var runs, atOnce atomic.Int32
	var last atomic.Value
	q := startWith(t, Options{Workers: 4, Work: func(ctx context.Context, r Request) error {
		if atOnce.Add(1) > 1 {
			t.Error("two reviews of one pull request at once")
		}
		defer atOnce.Add(-1)
		runs.Add(1)
		last.Store(r.HeadSHA)
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
			return nil
		}
	}})
	var heads atomic.Int32
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				mu.Lock() // the order of the heads must be that of the submissions
				n := heads.Add(1)
				if n <= 50 {
					r := request(1, fmt.Sprint("head-", n))
					if n%2 == 0 {
						r.Owner, r.Repo = strings.ToUpper(r.Owner), strings.ToLower(r.Repo)
					}
					submit(t, q, r)
				}
				mu.Unlock()
				if n > 50 {
					return
				}
			}
		})
	}
	wg.Wait()
	idle(t, q)
	if last.Load() != "head-50" {
		t.Errorf("reviewed %v last, want head-50", last.Load())
	}
	if n := runs.Load(); n > 50 {
		t.Errorf("%d reviews for 50 heads", n)
	}
	if p := pull(t, q, 1); p.Generation != 50 || p.Reviewed != 50 {
		t.Errorf("%+v, want generation 50, reviewed", p)
	}
	t.Logf("%d reviews for 50 heads", runs.Load())
}

// TestWaitingRequestsAreOneReview submits the burst before anything runs.
func TestWaitingRequestsAreOneReview(t *testing.T) {
	t.Parallel()
	heads := make(chan string, 10)
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(_ context.Context, r Request) error { heads <- r.HeadSHA; return nil }})
	for n := range 50 {
		submit(t, q, request(1, fmt.Sprint("head-", n)))
	}
	begin(t, q)
	idle(t, q)
	close(heads)
	var got []string
	for h := range heads {
		got = append(got, h)
	}
	if len(got) != 1 || got[0] != "head-49" {
		t.Errorf("reviewed %q, want head-49 only", got)
	}
}

func TestNewerCancelsRunning(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		second Request
		newer  bool
		result func(ctx context.Context) error
	}{
		{"head", request(1, "b"), true, context.Cause},
		{"nil after the cancellation", request(1, "b"), true, func(context.Context) error { return nil }},
		{"another error", request(1, "b"), true, func(context.Context) error { return errors.New("git was killed") }},
		{"base", func() Request { r := request(1, "a"); r.BaseSHA = "other"; return r }(), true, context.Cause},
		{"force", func() Request { r := request(1, "a"); r.Force = true; return r }(), true, context.Cause},
		{"closed", func() Request { r := request(1, "a"); r.Closed = true; return r }(), true, context.Cause},
		{"the same", request(1, "a"), false, nil},
		{"sha not known", request(1, ""), false, nil},
		{"another pull request", request(2, "b"), false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			started, ended, finish := make(chan Request), make(chan error, 1), make(chan struct{})
			q := start(t, func(ctx context.Context, r Request) error {
				if r.Number != 1 {
					return nil
				}
				started <- r
				select {
				case <-ctx.Done():
					ended <- context.Cause(ctx)
					return tc.result(ctx)
				case <-finish:
					return nil
				}
			})
			submit(t, q, request(1, "a"))
			receive(t, started)
			submit(t, q, tc.second)
			if tc.newer {
				if err := receive(t, ended); !errors.Is(err, ErrSuperseded) {
					t.Errorf("cancelled because of %v, want ErrSuperseded", err)
				}
				if r := receive(t, started); r != tc.second {
					t.Errorf("the second review is of %+v, want %+v", r, tc.second)
				}
			}
			close(finish)
			idle(t, q)
			select {
			case <-ended:
				t.Error("cancelled without anything new")
			default:
			}
		})
	}
}

// TestNothingHeardAtTheEndIsLost submits a new head at the very moment a review returns.
func TestNothingHeardAtTheEndIsLost(t *testing.T) {
	t.Parallel()
	const rounds = 30
	returning := make(chan struct{}, 10*rounds)
	var last atomic.Value
	q := startWith(t, Options{Poll: time.Hour, Work: func(_ context.Context, r Request) error {
		last.Store(r.HeadSHA)
		returning <- struct{}{}
		return nil
	}})
	submit(t, q, request(1, "head-0"))
	for n := 1; n <= rounds; n++ {
		receive(t, returning)
		// Sweep over the duration of the completion.
		time.Sleep(time.Duration(n%20) * 200 * time.Microsecond)
		submit(t, q, request(1, fmt.Sprint("head-", n)))
	}
	idle(t, q)
	if want := fmt.Sprint("head-", rounds); last.Load() != want {
		t.Errorf("reviewed %v last, want %s", last.Load(), want)
	}
	if p := pull(t, q, 1); p.Reviewed != p.Generation || p.Generation != rounds+1 {
		t.Errorf("%+v, want all %d generations reviewed", p, rounds+1)
	}
}

func TestFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("GitHub is down") },
		"panic": func() error { panic("out of bounds") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var runs, failed atomic.Int32
			q := startWith(t, Options{
				Work: func(context.Context, Request) error {
					if runs.Add(1) == 1 {
						return fail()
					}
					return nil
				},
				Failed: func(last bool) {
					if last {
						t.Error("called the last try")
					}
					failed.Add(1)
				},
			})
			submit(t, q, request(1, "h"))
			idle(t, q)
			if runs.Load() != 2 || failed.Load() != 1 {
				t.Errorf("%d runs, want 2; %d failures, want 1", runs.Load(), failed.Load())
			}
		})
	}
}

func TestReviewTimeout(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	cause := make(chan error, 1)
	q := startWith(t, Options{ReviewTimeout: 50 * time.Millisecond, Work: func(ctx context.Context, _ Request) error {
		if runs.Add(1) > 1 {
			return nil
		}
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return ctx.Err()
	}})
	submit(t, q, request(1, "h"))
	if err := receive(t, cause); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended because of %v", err)
	}
	idle(t, q)
}

// TestBacklog counts jobs by what they wait for.
func TestBacklog(t *testing.T) {
	t.Parallel()
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(context.Context, Request) error { return nil }})
	if b, err := q.ledger.Backlog(t.Context()); err != nil || len(b.Jobs) != 0 || b.Oldest != 0 {
		t.Errorf("an empty queue: %+v, %v", b, err)
	}
	submit(t, q, request(1, "h"), request(2, "h"))
	alter(t, q, "scheduled_at = "+in("-1 hour"))
	submit(t, q, request(3, "h"))
	time.Sleep(2 * time.Millisecond) // SQLite's times are rounded to milliseconds, so the job may be due in one
	b, err := q.ledger.Backlog(t.Context())
	if err != nil || len(b.Jobs) != 1 || b.Jobs[0].State != "waiting" || b.Jobs[0].Count != 3 || b.Oldest < time.Hour || b.Oldest > 2*time.Hour {
		t.Errorf("three that wait: %+v, %v", b, err)
	}
	alter(t, q, "scheduled_at = "+in("+1 hour")+", state = 'retryable'")
	b, err = q.ledger.Backlog(t.Context())
	if err != nil || len(b.Jobs) != 1 || b.Jobs[0].State != "delayed" || b.Jobs[0].Count != 3 || b.Oldest != 0 {
		t.Errorf("three that were delayed: %+v, %v", b, err)
	}
	begin(t, q)
}

// TestNewerEndsBackOff has a job that waits after a failure.
func TestNewerEndsBackOff(t *testing.T) {
	t.Parallel()
	runs := make(chan string, 10)
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(_ context.Context, r Request) error {
		runs <- r.HeadSHA
		if r.HeadSHA == "bad" {
			return errors.New("no")
		}
		return nil
	}})
	submit(t, q, request(1, "bad"))
	alter(t, q, "attempt = 20") // the next pause is one of minutes
	begin(t, q)
	receive(t, runs)
	until(t, "the job waits", func() bool { return len(jobs(t, q, rivertype.JobStateRetryable)) == 1 })
	submit(t, q, request(1, "good"))
	if left := jobs(t, q, rivertype.JobStateRetryable); len(left) != 0 {
		t.Error("the job still waits")
	}
	if head := receive(t, runs); head != "good" {
		t.Errorf("reviewed %s, want good", head)
	}
	idle(t, q)
}

func TestGivingUpIsAnEvent(t *testing.T) {
	t.Parallel()
	last := make(chan bool, 10)
	q := newQueue(t, openLedger(t, newDB(t)), Options{
		Work:   func(context.Context, Request) error { return errors.New("no") },
		Failed: func(l bool) { last <- l },
	})
	submit(t, q, request(1, "h"))
	alter(t, q, "max_attempts = 1")
	begin(t, q)
	idle(t, q)
	events, err := q.ledger.Events(t.Context(), ledger.Filter{Kind: GaveUp, Owner: "acme", Repo: "shop", Number: 1})
	if err != nil || len(events) != 1 || string(events[0].Data) != `{"attempts":1}` {
		t.Errorf("events %+v, %v; want one", events, err)
	}
	if n := len(jobs(t, q, rivertype.JobStateDiscarded)); n != 1 {
		t.Errorf("%d discarded jobs, want 1", n)
	}
	if !receive(t, last) {
		t.Error("the last failure is not called the last")
	}
	// The pull request can still be reviewed later.
	submit(t, q, request(1, "other"))
	if n := len(jobs(t, q)); n != 1 {
		t.Errorf("%d jobs after a new head, want 1", n)
	}
}

func TestSnooze(t *testing.T) {
	t.Parallel()
	runs := make(chan string, 10)
	var wake atomic.Value
	wake.Store(time.Now().Add(time.Hour))
	q := start(t, func(_ context.Context, r Request) error {
		runs <- r.HeadSHA
		if at := wake.Load().(time.Time); time.Now().Before(at) {
			return fmt.Errorf("read pull request: %w", Snooze{Until: at, Reason: "rate limit"})
		}
		return nil
	})
	submit(t, q, request(1, "a"))
	receive(t, runs)
	until(t, "the job sleeps", func() bool { return len(jobs(t, q, rivertype.JobStateScheduled)) == 1 })
	row := jobs(t, q, rivertype.JobStateScheduled)[0]
	if want := wake.Load().(time.Time); row.ScheduledAt.Sub(want).Abs() > time.Second || row.Attempt != 0 || len(row.Errors) != 0 {
		t.Errorf("sleeps until %v after %d attempts with %d errors; want %v, 0, 0", row.ScheduledAt, row.Attempt, len(row.Errors), want)
	}
	// A new head does not shorten the wait, but the next review uses it.
	submit(t, q, request(1, "b"))
	if n := len(jobs(t, q, rivertype.JobStateScheduled)); n != 1 {
		t.Fatal("a new head has woken the job")
	}
	wake.Store(time.Now())
	if _, err := q.client.JobRetry(t.Context(), row.ID); err != nil {
		t.Fatal(err)
	}
	if head := receive(t, runs); head != "b" {
		t.Errorf("reviewed %s after the sleep, want b", head)
	}
	idle(t, q)
}

func TestSubmitFails(t *testing.T) {
	t.Parallel()
	l := openLedger(t, newDB(t))
	q := newQueue(t, l, Options{Work: func(context.Context, Request) error { return nil }})

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Submit(ctx, ledger.Delivery{GUID: "g"}, []Request{request(1, "h")}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: got %v", err)
	}
	pages := func(most int) {
		t.Helper()
		if pgtest.Chosen() {
			return // it has no room in an index for what comes
		}
		// To SQLite, this is a full disk.
		if err := l.Driver().GetExecutor().Exec(t.Context(), fmt.Sprint("PRAGMA max_page_count = ", most)); err != nil {
			t.Fatal(err)
		}
	}
	pages(1)
	big := ledger.Delivery{GUID: randomText(1 << 20)}
	if err := q.Submit(t.Context(), big, []Request{request(1, "h")}); err == nil || errors.Is(err, ledger.ErrDuplicate) {
		t.Errorf("full disk: got %v", err)
	}
	pages(1_000_000)
	if n := len(jobs(t, q)); n != 0 {
		t.Errorf("%d jobs after failures", n)
	}
	if err := q.Submit(t.Context(), ledger.Delivery{GUID: "g"}, []Request{request(1, "h")}); err != nil {
		t.Errorf("after the failures: %v", err)
	}
	l.Close()
	if err := q.Submit(t.Context(), ledger.Delivery{GUID: "g2"}, []Request{request(1, "h")}); err == nil {
		t.Error("a closed database took a delivery")
	}
}

func TestBackOff(t *testing.T) {
	t.Parallel()
	var sum time.Duration
	for attempt, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 9: 256 * time.Second, 10: 5 * time.Minute, 200: 5 * time.Minute} {
		for range 100 {
			pause := time.Until(backoff{}.NextRetry(&rivertype.JobRow{Attempt: attempt}))
			if pause < want*7/10 || pause > want*13/10 {
				t.Errorf("pause after attempt %d: %v, want about %v", attempt, pause, want)
			}
		}
	}
	for attempt := 1; attempt < maxAttempts; attempt++ {
		sum += time.Until(backoff{}.NextRetry(&rivertype.JobRow{Attempt: attempt}))
	}
	if sum < 22*time.Hour || sum > 27*time.Hour {
		t.Errorf("all pauses sum up to %v, want about a day", sum)
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	l := openLedger(t, newDB(t))
	if _, err := New(l, Options{}); err == nil {
		t.Error("no Work: want an error")
	}
	if _, err := New(l, Options{Work: func(context.Context, Request) error { return nil }, Heartbeat: time.Minute}); err == nil {
		t.Error("heartbeat longer than the lease: want an error")
	}
}
