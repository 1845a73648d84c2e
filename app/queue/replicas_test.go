package queue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// A floor is where the workers of several processes are: it records the order in which reviews begin, and each review
// lasts until the test ends it.
type floor struct {
	mu      sync.Mutex
	order   []string // repositories
	running map[string]int
	most    map[string]int // running at one time, by installation
	ends    []chan struct{}
	begun   chan string
	closed  chan struct{} // closed at the end of the test
}

func newFloor() *floor {
	return &floor{running: map[string]int{}, most: map[string]int{}, begun: make(chan string, 1000), closed: make(chan struct{})}
}

func (f *floor) work(ctx context.Context, r Request) error {
	end := make(chan struct{})
	party := fmt.Sprint(r.Installation)
	f.mu.Lock()
	f.order = append(f.order, r.Repo)
	f.running[party]++
	f.most[party] = max(f.most[party], f.running[party])
	f.ends = append(f.ends, end)
	f.mu.Unlock()
	f.begun <- r.Repo
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.running[party]--
	}()
	select {
	case <-end:
		return nil
	case <-f.closed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// endOne ends the oldest review, if any runs.
func (f *floor) endOne() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ends) == 0 {
		return false
	}
	close(f.ends[0])
	f.ends = f.ends[1:]
	return true
}

// endAll ends reviews until every job is done.
func (f *floor) endAll(t *testing.T, q *Queue) {
	t.Helper()
	until(t, "every job is finished", func() bool {
		for f.endOne() { //nolint:revive // until none runs
		}
		return len(jobs(t, q)) == 0
	})
}

// replicas starts the queues of several processes, with so many workers each, on one database.
func (f *floor) replicas(t *testing.T, path string, n, workers int) (list []*Queue) {
	t.Helper()
	opts := Options{Workers: workers, Work: f.work, Poll: 10 * time.Millisecond}
	defer t.Cleanup(func() { close(f.closed) })
	for range n {
		q := newQueue(t, openLedger(t, path), opts)
		begin(t, q)
		list = append(list, q)
	}
	return list
}

// TestNoisyOneLeavesAQuarterOfAllWorkers has three processes with four workers each, and a party that asks for hundreds
// of reviews: a repository, or an organisation of many repositories. It gets nine of the twelve workers, and a
// pull request of somebody else begins at once.
func TestNoisyOneLeavesAQuarterOfAllWorkers(t *testing.T) {
	t.Parallel()
	for name, repositories := range map[string]int{"a repository": 1, "an organisation": 30} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFloor()
			path := newDB(t)
			all := f.replicas(t, path, 3, 4)
			other := request(1, "h")
			other.Installation, other.RepoID, other.Repo = 8, 1, "quiet"
			submit(t, all[0], other)
			receive(t, f.begun)
			f.endAll(t, all[0])
			var noisy []Request
			for n := range 80 {
				r := request(n+1, "h")
				r.RepoID, r.Repo = int64(100+n%repositories), fmt.Sprint("noisy", n%repositories)
				noisy = append(noisy, r)
			}
			submit(t, all[0], noisy...)
			for range 9 {
				receive(t, f.begun)
			}
			for i := range 3 {
				r := request(i+2, "h")
				r.Installation, r.RepoID, r.Repo = 8, 1, "quiet"
				submit(t, all[i], r)
				if got := receive(t, f.begun); got != "quiet" {
					t.Errorf("%s was begun before the quiet one", got)
				}
			}
			until(t, "some more have begun", func() bool {
				f.endOne()
				f.mu.Lock()
				defer f.mu.Unlock()
				return len(f.order) > 50
			})
			f.mu.Lock()
			most := f.most["7"]
			f.mu.Unlock()
			if most != 9 {
				t.Errorf("the noisy one had %d of 12 workers, want 9", most)
			}
			f.endAll(t, all[0])
		})
	}
}

// TestTurnsRotateOverReplicas has four repositories with many pull requests each and three processes with one worker.
// Whichever process takes the next job, the repositories take turns.
func TestTurnsRotateOverReplicas(t *testing.T) {
	t.Parallel()
	f := newFloor()
	path := newDB(t)
	web := newQueue(t, openLedger(t, path), Options{Work: noReviews})
	for repo := range 4 {
		var list []Request
		for n := range 12 {
			r := request(n+1, "h")
			r.RepoID, r.Repo = int64(100+repo), fmt.Sprint("repo", repo)
			list = append(list, r)
		}
		submit(t, web, list...)
	}
	f.replicas(t, path, 3, 1)
	for range 3 {
		receive(t, f.begun)
	}
	for range 45 { // one at a time, so that the order is known
		f.endOne()
		receive(t, f.begun)
	}
	count := map[string]int{}
	for i, repo := range f.order {
		count[repo]++
		var all []int
		for n := range 4 {
			all = append(all, count[fmt.Sprint("repo", n)])
		}
		if slices.Max(all)-slices.Min(all) > 2 {
			t.Fatalf("after %d reviews the repositories had %v turns", i+1, all)
		}
	}
	f.endAll(t, web)
}

// TestQuietOnesBesideANoisyOrganisation has 20 quiet organisations and one with hundreds of pull requests in ten
// repositories, on three processes with two workers each. It counts the reviews of the noisy one that begin after a
// delivery of a quiet one and before its review.
func TestQuietOnesBesideANoisyOrganisation(t *testing.T) {
	t.Parallel()
	f := newFloor()
	path := newDB(t)
	all := f.replicas(t, path, 3, 2)
	var noisy []Request
	for n := range 100 {
		r := request(n+1, "h")
		r.RepoID, r.Repo = int64(100+n%10), fmt.Sprint("noisy", n%10)
		noisy = append(noisy, r)
	}
	submit(t, all[0], noisy...)
	for range 6 {
		receive(t, f.begun)
	}
	for n := range 20 {
		r := request(1, "h")
		r.Installation, r.RepoID, r.Repo = int64(10+n), int64(1+n), fmt.Sprint("quiet", n)
		submit(t, all[n%3], r)
		before := 0
		for {
			f.endOne()
			got := receive(t, f.begun)
			if got == r.Repo {
				break
			}
			before++
		}
		if before > 1 { // one may have been chosen in the moment of the delivery
			t.Errorf("%d reviews of the noisy one began before that of %s", before, r.Repo)
		}
	}
	f.endAll(t, all[0])
}

// TestWorkersThatLeave has processes that stop, or are killed: their workers do not count any more.
func TestWorkersThatLeave(t *testing.T) {
	t.Parallel()
	path := newDB(t)
	opts := shortLease
	opts.Workers, opts.Work = 3, noReviews
	submitFrom(t, path, ledger.Delivery{}, request(1, "h"))
	helper := startHelper(t, path, "hangs")
	q := newQueue(t, openLedger(t, path), opts)
	begin(t, q)
	slots := func() int {
		submit(t, q, request(2, "")) // a view without claims is empty
		v, err := q.ledger.View(t.Context(), nil, "default", 1, q.present())
		if err != nil {
			t.Fatal(err)
		}
		return v.Slots
	}
	wait := func(want int) {
		t.Helper()
		until(t, fmt.Sprintf("there are %d workers", want), func() bool { n := slots(); return n == want })
	}
	wait(5)
	kill(helper)
	wait(3)
	second := newQueue(t, openLedger(t, path), opts)
	if err := second.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(6)
	if err := second.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(3)
}
