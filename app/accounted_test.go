package app_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// A sender asks GitHub to deliver again what was not answered with success, as the recovery of lost deliveries or an
// operator would.
type sender struct {
	github *fakegithub.Server
	stop   chan struct{}
	wait   sync.WaitGroup
	again  int
}

func startSender(github *fakegithub.Server) *sender {
	s := &sender{github: github, stop: make(chan struct{})}
	s.wait.Go(func() {
		for {
			select {
			case <-s.stop:
				return
			case <-time.After(200 * time.Millisecond):
			}
			for guid := range unanswered(github.Deliveries()) {
				s.github.Redeliver(guid)
				s.again++
			}
		}
	})
	return s
}

// close ends the sender once everything is delivered, and returns how many redeliveries it took.
func (s *sender) close(t testing.TB) (again int) {
	t.Helper()
	s.github.Settle()
	for deadline := time.Now().Add(patience); len(unanswered(s.github.Deliveries())) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d deliveries are never accepted", len(unanswered(s.github.Deliveries())))
		}
	}
	close(s.stop)
	s.wait.Wait()
	return s.again
}

// unanswered returns the deliveries without a successful attempt, and without one that is under way.
func unanswered(list []fakegithub.Delivery) map[string]bool {
	open := map[string]bool{}
	for _, d := range list {
		switch {
		case d.StatusCode/100 == 2, d.StatusCode == 0 && d.Err == "":
			open[d.GUID] = false
		case d.StatusCode != 0 || d.Err != "":
			if _, known := open[d.GUID]; !known {
				open[d.GUID] = true
			}
		}
	}
	maps.DeleteFunc(open, func(_ string, lost bool) bool { return !lost })
	return open
}

// answers counts the attempts by the status of the answer, as text.
func answers(list []fakegithub.Delivery) string {
	count := map[int]int{}
	for _, d := range list {
		count[d.StatusCode]++
	}
	var words []string
	for _, status := range slices.Sorted(maps.Keys(count)) {
		words = append(words, fmt.Sprintf("%d of %d", count[status], status))
	}
	return strings.Join(words, ", ")
}

// shows describes what a pull request shows: each check of its head, each thread, and each comment.
func (f *fleet) shows(c change) string {
	owner, name := f.GitHub.NameOf(c.repo)
	head := f.GitHub.Pull(owner, name, c.number).HeadSHA
	var lines []string
	for _, run := range c.repo.CheckRuns(head) {
		lines = append(lines, fmt.Sprintf("%s %s %s annotations=%d", run.Name, run.Conclusion, run.Title, len(run.Annotations)))
	}
	for _, thread := range c.repo.Threads(c.number) {
		state := "open"
		if thread.Resolved || thread.Comments[0].Minimized != "" {
			state = "settled"
		}
		lines = append(lines, fmt.Sprintf("%s:%d %s comments=%d", thread.Path, thread.Line, state, len(thread.Comments)))
	}
	for _, comment := range c.repo.IssueComments(c.number) {
		first, _, _ := strings.Cut(comment.Body, "\n")
		lines = append(lines, "summary "+first+comment.Minimized)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// reference contributes one pull request of each shape while nothing fails, and returns what they show.
func (c *crowd) reference() (want [shapes]string) {
	t := c.fleet.t
	t.Helper()
	for i := range shapes {
		if err := c.contribute(1_000_000*shapes + i); err != nil {
			t.Fatal(err)
		}
	}
	c.settled()
	for _, made := range c.changes {
		want[made.shape] = c.fleet.shows(made)
		if n := strings.Count(want[made.shape], checks.Name+" "); n != 1 {
			t.Fatalf("a pull request of shape %d shows %d verdicts without any fault:\n%s", made.shape, n, want[made.shape])
		}
	}
	return want
}

// settled waits until all that the database knows is reviewed.
func (c *crowd) settled() {
	c.fleet.t.Helper()
	allReviewed(c.fleet.t, c.fleet.World)
}

// allReviewed waits until all that the database of a world knows is reviewed.
func allReviewed(t testing.TB, w *demo.World) {
	t.Helper()
	w.GitHub.Settle()
	db := openSQL(t, w.Settings.Database)
	var open int
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		err = db.QueryRowContext(t.Context(), `
			SELECT (SELECT count(*) FROM pulls WHERE reviewed <> generation)
				+ (SELECT count(*) FROM river_job WHERE kind = 'review' AND state NOT IN ('completed', 'cancelled', 'discarded'))`).Scan(&open)
		if err == nil && open == 0 {
			return
		}
	}
	t.Fatalf("%d reviews are never done, %v", open, err)
}

// account checks that nothing was lost and nothing was done twice.
func (c *crowd) account(want [shapes]string) {
	t := c.fleet.t
	t.Helper()
	for _, err := range c.failed {
		t.Error(err)
	}
	c.settled()
	for _, made := range c.changes {
		if got := c.fleet.shows(made); got != want[made.shape] {
			owner, name := c.fleet.GitHub.NameOf(made.repo)
			t.Errorf("%s/%s#%d of shape %d shows\n%s\nwant\n%s", owner, name, made.number, made.shape, got, want[made.shape])
		}
	}
	c.accountDeliveries()
	c.accountLedger()
}

// accountDeliveries checks that each delivery about a pull request that was answered with success is recorded, once.
func (c *crowd) accountDeliveries() {
	t := c.fleet.t
	t.Helper()
	recorded := map[string]bool{}
	rows, err := openSQL(t, c.fleet.Settings.Database).QueryContext(t.Context(), `SELECT guid FROM deliveries`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var guid string
		if err := rows.Scan(&guid); err != nil {
			t.Fatal(err)
		}
		recorded[guid] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	accepted := map[string]bool{}
	for _, d := range c.fleet.GitHub.Deliveries() {
		if d.Event == "pull_request" && d.StatusCode/100 == 2 {
			accepted[d.GUID] = true
			if !recorded[d.GUID] {
				t.Errorf("delivery %s of %s was answered %d, and is not recorded", d.GUID, d.Event, d.StatusCode)
			}
		}
	}
	t.Logf("%d deliveries about pull requests were accepted, and each is recorded; all attempts: %s", len(accepted), answers(c.fleet.GitHub.Deliveries()))
}

// accountLedger checks the record itself: no review was given up, and the chain of decisions is whole.
func (c *crowd) accountLedger() {
	t := c.fleet.t
	t.Helper()
	l, err := ledger.OpenReader(t.Context(), c.fleet.Settings.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	gaveUp, err := l.Events(context.Background(), ledger.Filter{Kind: "review.gave_up"})
	if err != nil || len(gaveUp) > 0 {
		t.Errorf("%d reviews were given up, %v", len(gaveUp), err)
	}
	chain, err := l.VerifyChain(t.Context(), "", "")
	if err != nil || len(chain.Problems) > 0 {
		t.Errorf("the chain of decisions: %v, %v", chain, err)
	}
}
