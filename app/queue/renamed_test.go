package queue

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// TestRenamedWhileItWaits renames and transfers a repository while a review and a task for it wait. There must be
// one job for a pull request, under whatever name it is submitted, and it must run under the newest.
func TestRenamedWhileItWaits(t *testing.T) {
	t.Parallel()
	reviewed, done := make(chan Request, 9), make(chan Task, 9)
	q := newQueue(t, openLedger(t, newDB(t)), Options{
		Work: func(_ context.Context, r Request) error { reviewed <- r; return nil },
		Task: func(_ context.Context, e Task) error { done <- e; return nil },
	})
	task := Task{Installation: 7, RepoID: 9, Owner: "Acme", Repo: "Shop", Number: 1, Kind: "k", ID: "1"}
	if err := q.Submit(t.Context(), ledger.Delivery{}, []Request{request(1, "a")}, task); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"Store", "Market"} {
		d := ledger.Delivery{GUID: fmt.Sprint(i), Event: "repository", RepoID: 9, Owner: "Globex", Repo: name}
		req := request(1, "b")
		req.Installation, req.Owner, req.Repo = 8, "Globex", name
		task.Owner, task.Repo = "Globex", name
		if err := q.Submit(t.Context(), d, []Request{req}, task); err != nil {
			t.Fatal(err)
		}
	}
	other := request(1, "another repository")
	other.RepoID = 10
	submit(t, q, other, request(1, "")) // the first has the name now, the second is late

	begin(t, q)
	got := []Request{receive(t, reviewed), receive(t, reviewed)}
	slices.SortFunc(got, func(a, b Request) int { return int(a.RepoID - b.RepoID) })
	if r := got[0]; r.RepoID != 9 || r.Owner+"/"+r.Repo != "Globex/Market" || r.HeadSHA != "b" {
		t.Errorf("reviewed %+v", r)
	}
	if r := got[1]; r.RepoID != 10 || r.Owner+"/"+r.Repo != "Acme/Shop" || r.HeadSHA != "another repository" {
		t.Errorf("reviewed %+v", r)
	}
	if e := receive(t, done); e.RepoID != 9 || e.Owner+"/"+e.Repo != "globex/market" {
		t.Errorf("did %+v", e)
	}
	idle(t, q)
	if len(reviewed)+len(done) > 0 {
		t.Errorf("%d reviews and %d tasks more than there were", len(reviewed), len(done))
	}
}

// TestJobsOfAnOlderVersion has jobs with only the repository's name, beside one with its id.
func TestJobsOfAnOlderVersion(t *testing.T) {
	t.Parallel()
	reviewed := make(chan Request, 9)
	q := newQueue(t, openLedger(t, newDB(t)), Options{
		Work:    func(_ context.Context, r Request) error { reviewed <- r; return nil },
		Workers: 1,
	})
	err := q.ledger.Tx(t.Context(), func(tx *sql.Tx) error {
		for _, old := range []job{{Owner: "acme", Repo: "shop", Number: 1}, {Owner: "acme", Repo: "shop", Number: 2}, {Owner: "acme", Repo: "shop", Number: 3}} {
			if _, err := q.client.InsertTx(t.Context(), tx, old, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	submit(t, q, request(1, "a"))
	submit(t, q, request(2, "b"))
	// Pull request 3 is unknown.
	if n := len(jobs(t, q)); n != 5 {
		t.Fatalf("%d jobs", n)
	}
	begin(t, q)
	for range 2 {
		if r := receive(t, reviewed); r.RepoID != 9 {
			t.Errorf("reviewed %+v", r)
		}
	}
	idle(t, q)
	if len(reviewed) > 0 {
		t.Errorf("reviewed again: %+v", <-reviewed)
	}
}
