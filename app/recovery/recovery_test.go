package recovery

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/installation/installationtest"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/webhook"
)

// A rig is a recoverer with a ledger, a queue that never starts, and a stand-in for GitHub with one repository.
type rig struct {
	*Recoverer
	t      *testing.T
	gh     *fakegithub.Server
	repo   *fakegithub.Repo
	base   string
	id     int64 // of the repository
	in     int64 // the installation
	branch int
	log    *strings.Builder
	after  func(request string) // called after each request, if not nil; set it before the first

	mu      sync.Mutex
	asked   []string       // requests to GitHub: "GET /app/hook/deliveries"
	reviews []int          // numbers of the pull requests whose review was asked for, in order
	tasks   []string       // kinds and ids
	counts  map[string]int // by outcome
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, counts: map[string]int{}, log: &strings.Builder{}}
	gh, app := installationtest.New(t, installation.Options{Observe: func(e installation.Exchange) {
		request := e.Method + " " + strings.TrimPrefix(e.Path, "/api/v3")
		if r.after != nil {
			r.after(request)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked = append(r.asked, request)
	}})
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	q, err := queue.New(l, queue.Options{Work: func(context.Context, queue.Request) error { return nil }, Task: func(context.Context, queue.Task) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	r.gh = gh
	gh.CreateOrg("acme")
	r.repo = gh.CreateRepo("acme", "shop", true)
	r.base = r.repo.Commit("main", "", "base", map[string]string{"a.txt": "a\n"})
	r.in = gh.Install("acme")
	r.id = r.repo.ID()
	for _, d := range gh.Deliveries() { // nothing of the beginning is lost
		if err := q.SubmitAll(t.Context(), []ledger.Delivery{{GUID: d.GUID, Event: d.Event}}, nil, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	r.Recoverer = &Recoverer{
		App: app, Ledger: l, Missed: "missed", Want: r.want,
		Submit: func(ctx context.Context, d []ledger.Delivery, reviews []queue.Request, tasks []queue.Task, events []ledger.Event) error {
			if err := q.SubmitAll(ctx, d, reviews, tasks, events); err != nil {
				return err
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, one := range reviews {
				r.reviews = append(r.reviews, one.Number)
			}
			for _, one := range tasks {
				r.tasks = append(r.tasks, one.Kind+" "+one.ID)
			}
			return nil
		},
		Recovered: func(outcome string, n int) { r.mu.Lock(); r.counts[outcome] += n; r.mu.Unlock() },
	}
	return r
}

// want is what the App makes of a comment.
func (r *rig) want(_ context.Context, d webhook.Delivery) (Wanted, error) {
	c, ok := d.Intent.(webhook.Comment)
	if !ok {
		return Wanted{}, nil
	}
	return Wanted{Tasks: []queue.Task{{Installation: c.Installation, RepoID: c.RepoID, Owner: c.Owner, Repo: c.Repo, Number: c.Number, Kind: "comment", ID: fmt.Sprint(c.ID)}}}, nil
}

func (r *rig) once() error { return r.Once(zerolog.New(r.log).WithContext(r.t.Context())) }

func (r *rig) must() {
	r.t.Helper()
	if err := r.once(); err != nil {
		r.t.Fatal(err)
	}
}

// calls counts the requests to GitHub that begin with a text, and forgets them.
func (r *rig) calls(prefix string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.asked {
		if strings.HasPrefix(a, prefix) {
			n++
		}
	}
	r.asked = nil
	return n
}

// lose records comments with a command that were lost so long ago: one a pause, each on a pull request of its own.
func (r *rig) lose(n, first int, ago, pause time.Duration) {
	for i := range n {
		r.gh.RecordLost("issue_comment", r.comment(first+i, int64(1000+first+i)), time.Now().Add(-ago-time.Duration(i)*pause))
	}
}

func (r *rig) comment(number int, id int64) map[string]any {
	person := map[string]any{"login": "mona", "type": "User"}
	return map[string]any{
		"action": "created", "installation": map[string]any{"id": r.in}, "sender": person,
		"repository": map[string]any{"id": r.id, "name": "shop", "owner": map[string]any{"login": "acme"}},
		"issue":      map[string]any{"number": number, "state": "open", "pull_request": map[string]any{}},
		"comment":    map[string]any{"id": id, "body": "/secbydesign status", "user": person},
	}
}

func (r *rig) open() (number int) {
	r.branch++
	branch := fmt.Sprint("change", r.branch)
	r.repo.Commit(branch, r.base, branch, map[string]string{"a.txt": branch})
	return r.repo.OpenPull("Change", "", "main", branch, "mona", false)
}

// TestOpenedDuringTheRun opens a pull request, whose delivery is lost, after the repositories were listed and before the
// log is read: it is reviewed by the same run.
func TestOpenedDuringTheRun(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	opened := 0
	r.after = func(request string) {
		if opened == 0 && request == "GET /installation/repositories" {
			opened = r.open()
		}
	}
	r.must()
	if opened == 0 || !slices.Contains(r.reviews, opened) {
		t.Errorf("pull request %d was opened, and the reviews of %v were asked for", opened, r.reviews)
	}
}

// TestReadsBackToTheLast holds that the log is read once in full, and after that only its new end.
func TestReadsBackToTheLast(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.lose(210, 1, 0, 10*time.Minute)
	r.must()
	if lists, lost := r.calls("GET /app/hook/deliveries")-210, r.counts[Read]; lists != 3 || lost != 210 {
		t.Errorf("%d lost deliveries were read from %d pages, want 210 from 3", lost, lists)
	}
	r.lose(3, 500, 0, time.Second)
	r.must()
	if read := r.calls("GET /app/hook/deliveries/"); read != 3 || r.counts[Read] != 213 {
		t.Errorf("the second time %d payloads were read, want the 3 new ones", read)
	}
	r.must()
	if n := r.calls("GET /app/hook/deliveries"); n > 2 {
		t.Errorf("with nothing lost the log costs %d requests, want those of its new end", n)
	}
}

// TestCursorExpires has GitHub refuse a page in the middle of the log: the log is read again from its top.
func TestCursorExpires(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 404, 422} {
		r := newRig(t)
		r.lose(110, 1, 0, time.Minute)
		r.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/app/hook/deliveries", Skip: 1, Count: 1, Status: status, Body: `{"message":"Invalid cursor"}`})
		r.must()
		if r.counts[Read] != 110 {
			t.Errorf("after a %d %d were read, want 110", status, r.counts[Read])
		}
	}
}

// TestCursorNeverValid has every page but the first refused: an error, and what is on the first page is not lost with it.
func TestCursorNeverValid(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	n := r.open()
	r.lose(110, 1, 0, time.Minute)
	r.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/app/hook/deliveries", Skip: 1, Count: 1, Status: 400, Body: `{}`})
	r.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/app/hook/deliveries", Skip: 1, Count: 1, Status: 400, Body: `{}`})
	r.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/app/hook/deliveries", Skip: 1, Count: 1, Status: 400, Body: `{}`})
	r.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/app/hook/deliveries", Skip: 1, Count: 9, Status: 400, Body: `{}`})
	if err := r.once(); err == nil {
		t.Error("a log that cannot be read is no error")
	}
	if !slices.Contains(r.reviews, n) {
		t.Error("the open pull request was not found meanwhile")
	}
	r.gh.ClearFaults()
	r.must()
	if r.counts[Read] != 110 {
		t.Errorf("afterwards %d were read, want 110", r.counts[Read])
	}
}

// TestStopsAtTheReserve has fewer requests than a backlog needs. It stops before others have none left, keeps what it
// read, and goes on in the next hour; nothing is read twice.
func TestStopsAtTheReserve(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.lose(60, 1, 0, time.Minute)
	r.gh.SetLimits(15000, 50)
	err := r.once()
	var limit *installation.RateLimited
	if !errors.As(err, &limit) || time.Until(limit.Until) > time.Hour+time.Minute {
		t.Fatalf("it ended with %v, want the rate limit", err)
	}
	first := r.counts[Read]
	if first < 30 || first > 40 {
		t.Errorf("%d of 60 were read with 50 requests, of which 10 are the reserve", first)
	}
	r.gh.SetLimits(15000, 50) // the next hour
	r.must()
	if got := r.counts[Read]; got != 60 {
		t.Errorf("%d were read at the end, want 60", got)
	}
	if n := r.calls("GET /app/hook/deliveries/"); n != 60 {
		t.Errorf("%d payloads were read, want each once", n)
	}
}

// TestOneAtATime starts two processes at once: the log is read once.
func TestOneAtATime(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.lose(5, 1, 0, time.Minute)
	r.poll, r.silence = 10*time.Millisecond, time.Minute
	ctx, cancel := context.WithCancel(zerolog.Nop().WithContext(t.Context()))
	defer cancel()
	var wg sync.WaitGroup
	ready := make(chan int64, 3)
	for i := range 3 {
		wg.Go(func() {
			after := int64(0)
			number, err := r.turn(ctx, fmt.Sprint("process ", i), &after)
			if err != nil {
				t.Error(err)
			}
			ready <- number
		})
	}
	wg.Wait()
	for range 3 {
		if n := <-ready; n != 1 {
			t.Errorf("a process counts %d runs, want 1", n)
		}
	}
	if lists := r.calls("GET /app/installations"); lists != 1 {
		t.Errorf("installations were listed %d times, want once", lists)
	}
	if r.counts[Read] != 5 {
		t.Errorf("%d were read, want 5", r.counts[Read])
	}
}

// TestTakesOverFromTheDead has a process that died in its run.
func TestTakesOverFromTheDead(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.lose(1, 1, 0, time.Minute)
	if n, err := r.Ledger.BeginRecovery(t.Context(), "dead", ledger.RecoveryRun{}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	r.poll, r.silence = 10*time.Millisecond, 50*time.Millisecond
	after := int64(-1)
	if n, err := r.turn(zerolog.Nop().WithContext(t.Context()), "heir", &after); n != 2 || err != nil {
		t.Errorf("run %d, %v, want the second", n, err)
	}
	if r.counts[Read] != 1 {
		t.Errorf("%d were read, want 1", r.counts[Read])
	}
}

// TestEveryHour holds that a process goes on, and waits its time.
func TestEveryHour(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Every = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(zerolog.Nop().WithContext(t.Context()))
	done := make(chan struct{})
	go func() { defer close(done); r.Run(ctx) }()
	for {
		seen, err := r.Ledger.RecoveryRun(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if seen.Done >= 3 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-done
}

// TestPayloadIsGone has GitHub list a delivery without its payload: it is asked for again, and if GitHub has nothing of it,
// that is recorded.
func TestPayloadIsGone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.lose(2, 1, 0, time.Minute)
	r.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/app/hook/deliveries/*", Count: 2, Status: http.StatusNotFound, Body: `{"message":"Not Found"}`})
	r.gh.Fail(fakegithub.Fault{Method: "POST", Path: "/app/hook/deliveries/*/attempts", Count: 1, Status: http.StatusNotFound, Body: `{"message":"Not Found"}`})
	r.must()
	if r.counts[Gone] != 1 || r.counts[Redelivered] != 1 {
		t.Errorf("outcomes %v, want one gone and one delivered again", r.counts)
	}
	r.gh.Settle()
	r.must() // nobody received the one that was sent again
	if r.counts[Read] != 1 || r.counts[Gone] != 1 {
		t.Errorf("outcomes %v, want the one that nobody received to be read", r.counts)
	}
}

// TestOlderThanTheLog has an outage that is longer than GitHub's log: the pull request is found, and the command is not.
func TestOlderThanTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.must()
	n := r.open()
	r.lose(1, n, 80*time.Hour, 0)
	r.gh.Settle()
	r.gh.Advance(5 * time.Minute) // further would end the App's signature
	r.must()
	if !slices.Equal(r.reviews, []int{n}) || len(r.tasks) != 0 {
		t.Errorf("reviews of %v and tasks %v, want a review of %d", r.reviews, r.tasks, n)
	}
}

// TestClocksDiffer has GitHub's clock be wrong by as much as it accepts signatures for.
func TestClocksDiffer(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-40 * time.Second, 6 * time.Minute} {
		r := newRig(t)
		r.gh.Uninstall(r.in)
		r.gh.Advance(skew)
		r.in = r.gh.Install("acme") // by that clock, too
		r.must()
		var numbers []int
		for i := range 3 {
			n := r.open()
			numbers = append(numbers, n)
			r.gh.Note("acme", "shop", n, "mona", "/secbydesign status")
			r.gh.Settle()
			r.must()
			if len(r.reviews) != i+1 || len(r.tasks) != i+1 {
				t.Errorf("skew %v: reviews of %v of %v, tasks %v", skew, r.reviews, numbers, r.tasks)
			}
		}
	}
}

// TestReviewThatWasGivenUp has a pull request whose review ended without a verdict, as for an App that was suspended then.
func TestReviewThatWasGivenUp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	n := r.open()
	r.must()
	err := r.Ledger.Tx(t.Context(), func(tx *sql.Tx) error {
		p, err := r.Ledger.PullTx(t.Context(), tx, ledger.Repo{ID: r.id, Owner: "acme", Name: "shop"}, n)
		if err != nil {
			return err
		}
		_, err = r.Ledger.SetReviewed(t.Context(), tx, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	r.must()
	if !slices.Equal(r.reviews, []int{n, n}) {
		t.Errorf("reviews of %v, want %d again", r.reviews, n)
	}
}

// TestOpenedBeforeTheInstallation has a pull request from just before the App was installed. No search asks for its review,
// also not the second one, which searches some minutes of the first one again.
func TestOpenedBeforeTheInstallation(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.gh.Uninstall(r.in)
	r.open()
	r.gh.Advance(2 * time.Second) // GitHub's times are in seconds
	r.in = r.gh.Install("acme")
	r.gh.Advance(2 * time.Second)
	n := r.open()
	for range 3 {
		r.must()
	}
	if want := []int{n}; !slices.Equal(slices.Compact(r.reviews), want) {
		t.Errorf("reviews of %v, want %v only", r.reviews, want)
	}
}

// TestPullsWithinTheRateLimit has more open pull requests than a rate limit has requests for: the newest are reviewed
// first, and the rest in the next hours, each once.
func TestPullsWithinTheRateLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var want []int
	for range 30 {
		want = append(want, r.open())
		r.gh.Advance(2 * time.Second)
	}
	slices.Reverse(want)
	r.gh.SetLimits(400, 0)
	r.must()
	first := len(r.reviews)
	if first == 0 || first > 16 {
		t.Fatalf("%d reviews are asked for with 400 requests", first)
	}
	if !slices.Equal(r.reviews, want[:first]) {
		t.Errorf("reviews of %v, want the newest first: %v", r.reviews, want[:first])
	}
	for range 4 {
		r.gh.SetLimits(400, 0) // the next hour
		r.must()
	}
	if !slices.Equal(r.reviews, want) {
		t.Errorf("reviews of %v, want each once: %v", r.reviews, want)
	}
}

// TestCallsForPulls counts the requests of a search without anything to find.
func TestCallsForPulls(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i := range 120 {
		repo := r.gh.CreateRepo("acme", fmt.Sprint("repo", i), true)
		if i%2 == 0 {
			base := repo.Commit("main", "", "base", map[string]string{"a.txt": "a\n"})
			repo.Commit("change", base, "change", map[string]string{"a.txt": "b\n"})
			repo.OpenPull("Change", "", "main", "change", "mona", false)
		}
	}
	r.must()
	r.calls("")
	r.must()
	// The log, the installations, two pages of repositories, and sixty repositories with open pull requests.
	if n := r.calls(""); n > 1+1+2+2+1 {
		t.Errorf("a search over 121 repositories makes %d requests", n)
	}
	if len(r.reviews) != 60 {
		t.Errorf("%d reviews, want 60", len(r.reviews))
	}
}

// TestGroupsThatWait loses the requests of a merge queue: the groups that still wait are found.
func TestGroupsThatWait(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var heads []string
	r.Want = func(_ context.Context, d webhook.Delivery) (Wanted, error) {
		if g, ok := d.Intent.(webhook.MergeGroup); ok {
			heads = append(heads, g.BaseRef+" "+g.HeadSHA)
		}
		return Wanted{}, nil
	}
	n := r.open()
	r.must()                  // a repository of which nothing is known can require no check
	r.repo.Enqueue("mona", n) // the next one takes its place
	group := r.repo.Enqueue("mona", n)
	r.gh.Settle()
	r.must()
	if !slices.Equal(heads, []string{"main " + group.HeadSHA}) {
		t.Errorf("the groups are %v, want main %s", heads, group.HeadSHA)
	}
}

// TestInOrder puts tasks of one pull request together, and keeps the others apart.
func TestInOrder(t *testing.T) {
	t.Parallel()
	task := func(number int, id string) queue.Task {
		return queue.Task{RepoID: 1, Owner: "acme", Repo: "shop", Number: number, Kind: "comment", ID: id, Data: []byte(`{}`)}
	}
	out := inOrder([]queue.Task{task(3, "a"), task(4, "b"), task(3, "c"), task(0, "d"), task(0, "e"), task(3, "f")})
	var got []string
	for _, o := range out {
		one := o.Kind + " " + o.ID
		if o.Kind == InOrder {
			o.Owner, o.Attempt = "umbrella", 2
			parts, err := Parts(o)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range parts {
				one += fmt.Sprintf(" [%s %s %s %d]", p.Owner, p.Kind, p.ID, p.Attempt)
			}
		}
		got = append(got, one)
	}
	want := []string{"in order comment-a-comment-f [umbrella comment a 2] [umbrella comment c 2] [umbrella comment f 2]", "comment b", "comment d", "comment e"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
