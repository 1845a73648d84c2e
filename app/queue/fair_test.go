package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// TestQuietRepositoriesWaitLittle submits 150 pull requests of one repository, and then one of each of 19 others.
// Time is counted in started reviews.
func TestQuietRepositoriesWaitLittle(t *testing.T) {
	t.Parallel()
	median := func(busy int) int {
		t.Helper()
		var mu sync.Mutex
		var order, places []int
		q := newQueue(t, openLedger(t, newDB(t)), Options{Workers: 4, Work: func(_ context.Context, r Request) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, 0)
			if strings.HasPrefix(r.Repo, "quiet") {
				places = append(places, len(order))
			}
			return nil
		}})
		var all []Request
		for n := range busy {
			r := request(n+1, "h")
			r.RepoID, r.Repo = 100, "Busy"
			all = append(all, r)
		}
		for n := range 19 {
			r := request(1, "h")
			r.Installation, r.RepoID, r.Repo = 8, int64(n+1), fmt.Sprint("quiet", n)
			all = append(all, r)
		}
		submit(t, q, all...)
		begin(t, q)
		idle(t, q)
		if len(order) != busy+19 || len(places) != 19 {
			t.Fatalf("%d reviews, %d of them of quiet repositories", len(order), len(places))
		}
		slices.Sort(places)
		return places[len(places)/2]
	}
	alone, beside := median(0), median(150)
	t.Logf("the median of the quiet ones is review %d beside the busy one, and %d alone", beside, alone)
	if 2*beside > 3*alone {
		t.Errorf("the median of the quiet ones is review %d beside the busy one, and %d alone", beside, alone)
	}
}

// TestJobsWithoutShare tests jobs that have neither a share nor the priority of waiting jobs.
func TestJobsWithoutShare(t *testing.T) {
	t.Parallel()
	runs := make(chan int, 10)
	q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(_ context.Context, r Request) error { runs <- r.Number; return nil }})
	submit(t, q, request(1, "h"), request(2, "h"), request(3, "h"))
	alter(t, q, "priority = 1, metadata = jsonb('{}')")
	begin(t, q)
	for range 3 {
		receive(t, runs)
	}
	idle(t, q)
}

// TestOneWorkerStaysFree has a repository with enough long reviews to occupy all workers.
func TestOneWorkerStaysFree(t *testing.T) {
	t.Parallel()
	began, finish := make(chan string, 100), make(chan struct{})
	q := startWith(t, Options{Workers: 4, Work: func(_ context.Context, r Request) error {
		began <- r.Repo
		if r.Repo == "busy" {
			<-finish
		}
		return nil
	}})
	var all []Request
	for n := range 10 {
		r := request(n+1, "h")
		r.RepoID, r.Repo = 100, "busy"
		all = append(all, r)
	}
	submit(t, q, all...)
	for range 3 {
		receive(t, began)
	}
	other := request(1, "h")
	other.RepoID, other.Repo = 101, "quiet"
	submit(t, q, other)
	if got := receive(t, began); got != "quiet" {
		t.Errorf("%s was begun", got)
	}
	close(finish)
	idle(t, q)
}

// TestTasksDoNotWaitForReviews checks that tasks run at once, because people wait for the answer to a command.
func TestTasksDoNotWaitForReviews(t *testing.T) {
	t.Parallel()
	finish := make(chan struct{})
	run, c := collect(0)
	q := startWith(t, Options{Workers: 1, Task: run, Work: func(context.Context, Request) error { <-finish; return nil }})
	submit(t, q, request(1, "h"), request(2, "h"))
	var many []Task
	for n := range 20 {
		many = append(many, aChore(fmt.Sprint(n)))
	}
	quiet := Task{Installation: 8, Owner: "other", Repo: "quiet", Number: 1, Kind: "answer", ID: "quiet", Data: json.RawMessage(`{}`)}
	if err := q.Submit(t.Context(), ledger.Delivery{}, nil, append(many, quiet)...); err != nil {
		t.Fatal(err)
	}
	for place := 1; ; place++ {
		if e := receive(t, c); e.ID == "quiet" {
			if place > 3 {
				t.Errorf("the task of a quiet repository was number %d", place)
			}
			break
		}
	}
	close(finish)
	idle(t, q)
}

// TestSubmittedElsewhere has a process that only accepts deliveries.
func TestSubmittedElsewhere(t *testing.T) {
	t.Parallel()
	path := newDB(t)
	began := make(chan Request, 1)
	opts := Options{Poll: 10 * time.Millisecond, Work: func(_ context.Context, r Request) error { began <- r; return nil }}
	worker := newQueue(t, openLedger(t, path), opts)
	begin(t, worker)
	web := newQueue(t, openLedger(t, path), Options{Work: noReviews})
	for n := range 3 {
		submit(t, web, request(n+1, "h"))
		receive(t, began)
	}
	idle(t, worker)
}
