package queue

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
)

var laneKills = flag.Int("lanekills", 6, "how often to kill a worker that moves reviews to the slow lane")

// ofSize returns a request for a pull request of a size.
func ofSize(number int, head string, size Size) Request {
	r := request(number, head)
	r.Size = size
	return r
}

// TestSlowLane holds up a large pull request in every process. Small ones of the same repository are reviewed meanwhile,
// and the next large one waits.
func TestSlowLane(t *testing.T) {
	t.Parallel()
	finish, large, small := make(chan struct{}), make(chan int, 10), make(chan int, 10)
	q := startWith(t, Options{Workers: 1, Work: func(_ context.Context, r Request) error {
		if r.Size == LargeSize {
			large <- r.Number
			<-finish
			return nil
		}
		small <- r.Number
		return nil
	}})
	submit(t, q, ofSize(1, "h", LargeSize), ofSize(2, "h", LargeSize))
	receive(t, large)
	for n := range 10 {
		submit(t, q, ofSize(10+n, "h", Size(n%2))) // small, or not known
		if got := receive(t, small); got != 10+n {
			t.Errorf("%d was reviewed", got)
		}
	}
	if len(large) != 0 {
		t.Error("two large ones at one time, with one worker")
	}
	close(finish)
	receive(t, large)
	idle(t, q)
}

// TestLargeIsFoundDuringTheReview has a review that finds out that the pull request is large, while a newer head may
// arrive.
func TestLargeIsFoundDuringTheReview(t *testing.T) {
	t.Parallel()
	for _, newer := range []bool{false, true} {
		runs, reached, goOn := make(chan Request, 10), make(chan struct{}, 10), make(chan struct{})
		q := startWith(t, Options{Work: func(ctx context.Context, r Request) error {
			if r.Size != LargeSize {
				reached <- struct{}{}
				<-goOn
				return fmt.Errorf("of 5000 files: %w", ErrLarge)
			}
			runs <- r
			return nil
		}})
		submit(t, q, request(1, "h"))
		receive(t, reached)
		want := "h"
		if newer {
			want = "newer"
			submit(t, q, request(1, want))
		}
		close(goOn)
		if r := receive(t, runs); r.HeadSHA != want {
			t.Errorf("newer %v: reviewed %s", newer, r.HeadSHA)
		}
		idle(t, q)
		done := jobs(t, q, rivertype.JobStateCompleted)
		if len(runs) != 0 || len(done) != 1 || done[0].Queue != slowLane || len(done[0].Errors) != 0 {
			t.Errorf("newer %v: %d more reviews, jobs %+v", newer, len(runs), done)
		}
	}
}

// TestWaitingJobChangesLanes has a pull request that grows and shrinks before its review.
func TestWaitingJobChangesLanes(t *testing.T) {
	t.Parallel()
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: noReviews})
	for i, step := range []struct {
		size Size
		lane string
	}{
		{UnknownSize, "default"}, {LargeSize, slowLane}, {UnknownSize, slowLane}, {LargeSize, slowLane}, {SmallSize, "default"},
		{UnknownSize, "default"}, {SmallSize, "default"}, {LargeSize, slowLane},
	} {
		submit(t, q, ofSize(1, fmt.Sprint(i), step.size))
		if list := jobs(t, q); len(list) != 1 || list[0].Queue != step.lane {
			t.Fatalf("step %d: jobs %+v", i, list)
		}
	}
	began := make(chan Request, 1)
	q.opts.Work = func(_ context.Context, r Request) error { began <- r; return nil }
	begin(t, q)
	if r := receive(t, began); r.HeadSHA != "7" || r.Size != LargeSize {
		t.Errorf("reviewed %+v", r)
	}
	idle(t, q)
}

// TestLargeInTheSlowLaneFails has work that does not know what it is for: it does not turn in circles.
func TestLargeInTheSlowLaneFails(t *testing.T) {
	t.Parallel()
	var runs atomic.Int32
	failed := make(chan bool, 10)
	q := startWith(t, Options{Failed: func(last bool) { failed <- last }, Work: func(context.Context, Request) error {
		if runs.Add(1) > 2 {
			return nil
		}
		return ErrLarge
	}})
	submit(t, q, ofSize(1, "h", LargeSize))
	receive(t, failed)
	if row := jobs(t, q); len(row) != 1 || row[0].Queue != slowLane {
		t.Errorf("%+v", row)
	}
	until(t, "it is done", func() bool { return len(jobs(t, q)) == 0 })
}

// TestLeftHalfwayIntoTheSlowLane ends a worker after the job has moved and before River has put it back.
func TestLeftHalfwayIntoTheSlowLane(t *testing.T) {
	t.Parallel()
	path := newDB(t)
	submitFrom(t, path, ledger.Delivery{}, request(1, "h"))
	victim := startHelper(t, path, "hangs")
	l := openLedger(t, path)
	opts, runs := shortLease, make(chan Request, 10)
	opts.Work = func(_ context.Context, r Request) error { runs <- r; return nil }
	q := newQueue(t, l, opts)
	kill(victim) // after the next statement the database looks as if it had died then
	id := jobs(t, q)[0].ID
	err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.Move(t.Context(), tx, id, slowLane) })
	if err != nil {
		t.Fatal(err)
	}
	begin(t, q)
	if r := receive(t, runs); r.Size != LargeSize || r.HeadSHA != "h" {
		t.Errorf("reviewed %+v", r)
	}
	idle(t, q)
	if len(runs) != 0 {
		t.Error("it was reviewed twice")
	}
}

// TestKilledBetweenLanes kills processes while they move pull requests to the slow lane, and new heads arrive. Each pull
// request is reviewed at its newest head, in the slow lane, and never has two jobs.
func TestKilledBetweenLanes(t *testing.T) {
	t.Parallel()
	const pulls = 12
	path := newDB(t)
	rng := rand.New(rand.NewPCG(uint64(*laneKills), 14))
	web := newQueue(t, openLedger(t, path), Options{Work: noReviews})
	submitAll := func(head string) {
		for n := range pulls {
			submit(t, web, ofSize(n+1, head, Size(rng.IntN(2)))) // small by the webhook, or not known
		}
	}
	submitAll("h0")
	helper := startHelper(t, path, "moves")
	for i := range *laneKills {
		submitAll(fmt.Sprint("h", i+1))
		time.Sleep(time.Duration(rng.IntN(150)) * time.Millisecond)
		kill(helper)
		submit(t, web, request(100+i, "any")) // so that the next process reports that it works
		helper = startHelper(t, path, "moves")
		for n, count := range jobsOfPulls(t, web) {
			if count > 1 {
				t.Fatalf("%s has %d jobs", n, count)
			}
		}
	}
	last := fmt.Sprint("h", *laneKills)
	idle(t, web)
	for n := range pulls {
		p := pull(t, web, n+1)
		if p.Head != last || p.Reviewed != p.Generation {
			t.Errorf("pull request %d: head %s, reviewed %d of %d", n+1, p.Head, p.Reviewed, p.Generation)
		}
		events, err := web.ledger.Events(t.Context(), ledger.Filter{Kind: "reviewed", Number: n + 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 || events[len(events)-1].Head != last {
			t.Errorf("pull request %d: reviews %+v", n+1, events)
		}
	}
}

// jobsOfPulls counts the unfinished jobs of each pull request, by their arguments.
func jobsOfPulls(t *testing.T, q *Queue) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, row := range jobs(t, q) {
		count[string(row.EncodedArgs)]++
	}
	return count
}
