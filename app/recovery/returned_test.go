package recovery

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// back does the task of a return, with a search for lost deliveries long after everything that was missed.
func (r *rig) back(guid string) error {
	r.t.Helper()
	if err := r.Ledger.SetRecovered(r.t.Context(), fmt.Sprint("pulls ", r.in), time.Now().Add(time.Minute)); err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.reviews = nil
	r.mu.Unlock()
	return r.Return(r.t.Context(), ReturnTask(guid, r.in))
}

// ended records that the newest head of a pull request was reviewed, or that its review ended without one.
func (r *rig) ended(number int, kind, head string) {
	r.t.Helper()
	p, err := r.Ledger.Pull(r.t.Context(), ledger.Repo{ID: r.id}, number)
	if err != nil {
		r.t.Fatal(err)
	}
	if kind != queue.GaveUp {
		err = r.Ledger.Tx(r.t.Context(), func(tx *sql.Tx) error {
			_, err := r.Ledger.SetReviewed(r.t.Context(), tx, p)
			return err
		})
	}
	e := ledger.Event{Kind: kind, Installation: r.in, RepoID: r.id, Owner: "acme", Repo: "shop", Number: number, Head: head, Data: []byte(`{"v":1}`)}
	if err := errors.Join(err, r.Ledger.Record(r.t.Context(), e)); err != nil {
		r.t.Fatal(err)
	}
}

// TestReturn brings an installation back long after the newest search: what has no verdict is reviewed, the newest first,
// and nothing twice.
func TestReturn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	head := func(n int) string { return r.gh.Pull("acme", "shop", n).HeadSHA }
	done, given, failed, waits := r.open(), r.open(), r.open(), r.open()
	r.must()
	r.ended(done, record.Finished, head(done))
	r.ended(given, record.Finished, head(given))
	r.ended(given, record.Superseded, "")
	r.ended(failed, queue.GaveUp, head(failed))
	r.gh.Advance(2 * time.Second)
	missed, newest := r.open(), 0
	r.gh.Advance(2 * time.Second)
	newest = r.open()
	if err := r.back("1"); err != nil {
		t.Fatal(err)
	}
	if want := []int{newest, missed}; len(r.reviews) != 4 || !slices.Equal(r.reviews[:2], want) || !slices.Contains(r.reviews, given) || !slices.Contains(r.reviews, failed) {
		t.Errorf("reviews of %v, want %v first, and then those of %d and %d, which were given up, without %d, which waits", r.reviews, want, given, failed, waits)
	}
	for _, n := range []int{given, failed, missed, newest} {
		r.ended(n, record.Finished, head(n))
	}
	for range 2 { // delivered twice; and the next one finds nothing
		if err := r.back("2"); err != nil || len(r.reviews) != 0 {
			t.Errorf("the second return asks for reviews of %v, %v", r.reviews, err)
		}
	}
	r.calls("")
	if err := r.Return(t.Context(), ReturnTask("old", r.in-1)); err != nil || r.calls("GET /app/installations/") != 1 {
		t.Errorf("an installation that is gone: %v", err)
	}
}

// TestReturnIsSearchedOnce has the same delivery come again after its search: it costs no request.
func TestReturnIsSearchedOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	task := ReturnTask("1", r.in)
	for i, want := range []int{1, 0} {
		if err := r.Return(t.Context(), task); err != nil {
			t.Fatal(err)
		}
		if n := r.calls("GET /app/installations/"); n != want {
			t.Errorf("time %d: read the installation %d times, want %d", i+1, n, want)
		}
	}
}

// TestReturnOfWhatNobodyChanged has pull requests that were not changed for longer than the search goes back. Those whose
// review was given up are found by the ledger, the others are left alone.
func TestReturnOfWhatNobodyChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	done, given := r.open(), r.open()
	r.must()
	r.ended(done, record.Finished, r.gh.Pull("acme", "shop", done).HeadSHA)
	r.ended(given, record.Superseded, "")
	later := time.Now().Add(firstLook + time.Hour)
	in, _, err := r.App.REST().Apps.GetInstallation(t.Context(), r.in)
	if err != nil {
		t.Fatal(err)
	}
	for _, scope := range []string{returnedScope(r.in), fmt.Sprint("pulls ", r.in)} {
		if err := r.Ledger.SetRecovered(t.Context(), scope, later); err != nil {
			t.Fatal(err)
		}
	}
	r.reviews = nil
	if err := r.search(t.Context(), in, later); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.reviews, []int{given}) {
		t.Errorf("reviews of %v, want of %d", r.reviews, given)
	}
}

// TestReturnWithinTheRateLimit brings back an organisation with more to review than the rate limit allows: the newest are
// reviewed, and the next run does the rest.
func TestReturnWithinTheRateLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first := r.open()
	r.must()
	r.ended(first, record.Finished, r.gh.Pull("acme", "shop", first).HeadSHA)
	var want []int
	for range 6 {
		r.gh.Advance(time.Second)
		want = append([]int{r.open()}, want...)
	}
	r.gh.SetLimits(100, 5000) // 80 of them for reviews of 25 requests
	if err := r.back("1"); err != nil {
		t.Fatal(err)
	}
	some := len(r.reviews)
	if some == 0 || some >= len(want) || !slices.Equal(r.reviews, want[:some]) {
		t.Errorf("reviews of %v, want the first few of %v", r.reviews, want)
	}
	r.gh.SetLimits(5000, 5000)
	r.reviews = nil
	r.must()
	for _, n := range want[some:] {
		if !slices.Contains(r.reviews, n) {
			t.Errorf("the next run asks for the reviews of %v, want those of %v", r.reviews, want[some:])
		}
	}
}

// TestReturnFails lets GitHub refuse: the task is tried again, unless the App may not list.
func TestReturnFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault fakegithub.Fault
		fails bool
	}{
		"installation 500":   {fakegithub.Fault{Path: "/app/installations/*", Method: "GET", Count: 9, Status: http.StatusInternalServerError, Body: "{}"}, true},
		"repositories 500":   {fakegithub.Fault{Path: "/installation/repositories", Count: 9, Status: http.StatusInternalServerError, Body: "{}"}, true},
		"must not be listed": {fakegithub.Fault{Path: "/installation/repositories", Count: 9, Status: http.StatusForbidden, Body: `{"message":"Resource not accessible by integration"}`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.must()
			r.gh.Fail(tc.fault)
			if err := r.back("1"); (err != nil) != tc.fails {
				t.Errorf("error %v, want one: %v", err, tc.fails)
			}
			at, err := r.returnedAt(t.Context(), r.in)
			if err != nil || at.IsZero() {
				t.Errorf("it counts as searched, %v", err)
			}
		})
	}
}
