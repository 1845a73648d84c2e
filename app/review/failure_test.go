package review

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// refused is a fault that lasts, and that no client tries again by itself.
func refused(method, path string, status int) fakegithub.Fault {
	return fakegithub.Fault{Method: method, Path: path, Status: status, Count: -1, Body: `{"message":"No"}`}
}

var errAny = errors.New("any")

// TestAFailureInTheQueue classifies what keeps a review from its end.
func TestAFailureInTheQueue(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC)
	limited := fmt.Errorf("ask: %w", &installation.RateLimited{Until: until})
	for name, c := range map[string]struct {
		happens func(w *world)
		err     error
		req     func(*queue.Request)
		want    error  // nil for one that is done
		asked   string // owner/repo#number reason
		events  string
	}{
		"none":                     {err: nil, want: nil},
		"any":                      {err: errAny, want: errAny},
		"the limit of requests":    {err: limited, want: queue.Snooze{Until: until, Reason: "GitHub's rate limit"}},
		"not installed any more":   {happens: func(w *world) { w.github.Uninstall(w.installed) }, err: errAny, events: "superseded"},
		"the App was suspended":    {happens: func(w *world) { w.github.Suspend(w.installed) }, err: errAny, events: "superseded"},
		"the error itself says so": {err: fmt.Errorf("open: %w", installation.ErrGone), events: "superseded"},
		"renamed":                  {happens: func(w *world) { w.repo.Rename("store") }, err: errAny, asked: "acme/store#7 renamed or transferred"},
		"renamed, and somebody asked for the review": {
			happens: func(w *world) { w.repo.Rename("store") }, err: errAny, asked: "acme/store#7 rerequested",
			req: func(r *queue.Request) { r.Force, r.Reason = true, record.Rerequested },
		},
		"in other letters": {happens: func(w *world) { w.repo.Rename("Shop") }, err: errAny, want: errAny},
		"transferred": {happens: func(w *world) {
			w.github.CreateOrg("other")
			w.github.Install("other")
			w.repo.Transfer("other")
		}, err: errAny, asked: "other/shop#7 renamed or transferred"},
		"renamed, and too large":               {happens: func(w *world) { w.repo.Rename("store") }, err: mirror.ErrTooLarge, want: mirror.ErrTooLarge},
		"renamed, and the limit":               {happens: func(w *world) { w.repo.Rename("store") }, err: limited, want: queue.Snooze{Until: until, Reason: "GitHub's rate limit"}},
		"renamed, and only the name was known": {happens: func(w *world) { w.repo.Rename("store") }, err: errAny, req: func(r *queue.Request) { r.RepoID = 0 }, want: errAny},
		"GitHub does not say where it is": {happens: func(w *world) {
			w.github.Fail(refused("", "/app/installations/*/access_tokens", 400))
		}, err: errAny, want: errAny},
		"it is closed, and renamed": {
			happens: func(w *world) { w.repo.Rename("store") }, err: errAny, asked: "acme/store#7 renamed or transferred, closed",
			req: func(r *queue.Request) { r.Closed = true },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			req := w.request(7)
			if c.req != nil {
				c.req(&req)
			}
			if c.happens != nil {
				c.happens(w)
			}
			err := w.finish(t.Context(), req, c.err)
			if !errors.Is(err, c.want) {
				t.Errorf("the error is %v, want %v", err, c.want)
			}
			var asked []string
			for _, r := range w.asked {
				line := fmt.Sprintf("%s/%s#%d %s", r.Owner, r.Repo, r.Number, r.Reason)
				if r.Closed {
					line += ", closed"
				}
				if asked = append(asked, line); !r.Force || r.RepoID != w.repo.ID() || r.Installation == 0 {
					t.Errorf("asked for %+v", r)
				}
			}
			if got := strings.Join(asked, "; "); got != c.asked {
				t.Errorf("asked for %q, want %q", got, c.asked)
			}
			if got := w.events(7); got != c.events {
				t.Errorf("recorded %q, want %q", got, c.events)
			}
			if now, err := w.Ledger.Now(t.Context(), ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}); err != nil || c.asked != "" && now.Owner+"/"+now.Name != strings.Split(c.asked, "#")[0] {
				t.Errorf("the ledger knows it as %s, %v", now, err)
			}
		})
	}
}

// TestAReviewThatIsStoppedSaysWhy leaves alone what happened meanwhile.
func TestAReviewThatIsStoppedSaysWhy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.repo.Rename("store")
	ctx, stop := context.WithCancelCause(t.Context())
	stop(queue.ErrSuperseded)
	if err := w.finish(ctx, w.request(7), errAny); !errors.Is(err, queue.ErrSuperseded) {
		t.Error(err)
	}
	if len(w.asked) > 0 || w.events(7) != "" {
		t.Errorf("asked for %+v, recorded %q", w.asked, w.events(7))
	}
}

// TestReasons: the outside reads nothing of the error itself.
func TestReasons(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		fmt.Errorf("fetch: %w", mirror.ErrTooLarge):       "too large",
		fmt.Errorf("fetch: %w", context.DeadlineExceeded): "too long",
		errAny: "could not be read",
	} {
		if got := reasonOf(err); !strings.Contains(got, want) || strings.Contains(got, err.Error()) {
			t.Errorf("%v: %q", err, got)
		}
	}
}

// noise is text that no packing makes small.
func noise(bytes int) string {
	const letters = "!#$%&*+;<>?@^|~\n"
	rng := rand.New(rand.NewPCG(1, 7))
	b := make([]byte, bytes)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
}

// TestAReviewThatFails is quiet at first, and then says so by the policy of the base.
func TestAReviewThatFails(t *testing.T) {
	t.Parallel()
	git := fakegithub.Fault{Path: "/acme/shop.git/**", Status: 502, Count: -1}
	third := func(verdict string) []string { return []string{verdict} } // after two that the ledger has
	const notRead = "The change could not be read. It is tried again; the operator's log says why."
	for name, c := range map[string]struct {
		policy   string
		large    bool
		draft    bool
		faults   []fakegithub.Fault
		verdicts []string // after each try
		says     string   // in the summary
		events   string
		done     bool // the last try ends without an error
	}{
		"git is away": {
			policy: "version: 1\n", faults: []fakegithub.Fault{git},
			verdicts: []string{"in_progress", "in_progress", "neutral: Incomplete: words did not finish"},
			events:   "started failed started failed started failed",
		},
		"git is away, and the base blocks": {
			policy: blocking, faults: []fakegithub.Fault{git},
			verdicts: third("failure: Incomplete: words did not finish: " + strings.TrimSuffix(notRead, ".")),
			says:     "words did not finish, and that fails the check: gates.code.mode is block",
			events:   "failed failed started failed",
		},
		"no gate is on": {
			policy: "version: 1\nscanners: {words: {enabled: false}}\n", faults: []fakegithub.Fault{git},
			verdicts: third("skipped: Not run"),
			events:   "failed failed started failed",
		},
		"the policy requires what a workflow sends": {
			policy: "version: 1\nscanners: {words: {enabled: false}, codeql: {enabled: true}}\n", faults: []fakegithub.Fault{git},
			verdicts: third("neutral: Incomplete: codeql did not finish"),
			events:   "failed failed started failed",
		},
		"nobody knows the policy": {
			policy: "version: 1\n", faults: []fakegithub.Fault{git, refused("GET", "/repos/acme/shop/contents/*", 409)},
			verdicts: third("failure: Incomplete: words did not finish: " + strings.TrimSuffix(notRead, ".")),
			says:     "The policy of the base could not be read either, so the check fails until it can be.",
			events:   "failed failed started failed",
		},
		"the ends cannot be compared": {
			policy: "version: 1\n", faults: []fakegithub.Fault{refused("GET", "/repos/*/*/compare/**", 409)},
			verdicts: third("neutral: Incomplete: words did not finish"),
			events:   "failed failed started failed",
		},
		"it is too large": {
			policy: "version: 1\n", large: true, done: true,
			verdicts: []string{"neutral: Incomplete: words did not finish"},
			events:   "started failed too_large finished",
		},
		"a draft is too large": {
			policy: blocking, large: true, draft: true, done: true,
			verdicts: []string{"neutral: Incomplete: words did not finish"},
			events:   "started failed too_large finished",
		},
		"it is too large, which cannot be shown": {
			policy: "version: 1\n", large: true, faults: []fakegithub.Fault{refused("PATCH", "/repos/*/*/check-runs/*", 409)},
			verdicts: []string{"in_progress"},
			events:   "started failed",
		},
		"the limit of requests": {
			policy: "version: 1\n", faults: []fakegithub.Fault{fakegithub.PrimaryLimit("GET", "/repos/*/*/compare/**", -1, time.Now().Add(time.Hour))},
			verdicts: []string{""},
			events:   "started",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"a": "x\n", policyFile: c.policy})
			content := "bad\n"
			if c.large {
				w.Mirrors.Limits.FetchBytes, content = 1<<16, noise(1<<18)
			}
			w.repo.Commit("change", w.base, "change", map[string]string{"a": content})
			n := w.openBranch("change", c.draft)
			for _, f := range c.faults {
				w.github.Fail(f)
			}
			if strings.HasPrefix(c.events, "failed failed") {
				w.event(record.Failed, n, w.head(n), nil)
				w.event(record.Failed, n, w.head(n), nil)
			}
			for i, want := range c.verdicts {
				err := w.Review(t.Context(), w.request(n))
				if done := c.done && i == len(c.verdicts)-1; (err == nil) != done {
					t.Errorf("try %d: %v", i+1, err)
				}
				if got := w.verdict(w.head(n)); got != want {
					t.Errorf("try %d: the verdict is %q, want %q", i+1, got, want)
				}
			}
			summary := w.summary(w.head(n))
			if !strings.Contains(summary, c.says) || c.says == "" && strings.Contains(summary, "fails the check") {
				t.Errorf("the summary says\n%s\nwant %q", summary, c.says)
			}
			if got := w.events(n); got != c.events {
				t.Errorf("recorded %q, want %q", got, c.events)
			}
			if len(w.observed) > 0 {
				t.Errorf("observed %q", w.observed)
			}
		})
	}
}

// TestAReviewThatFindsNoPull ends before it begins.
func TestAReviewThatFindsNoPull(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	n := w.open("change", map[string]string{"a": "y\n"})
	w.github.Fail(refused("GET", "/repos/*/*/pulls/*", 409))
	if err := w.Review(t.Context(), w.request(n)); err == nil {
		t.Error("no error")
	}
	if got := w.events(n) + w.verdict(w.head(n)); got != "" {
		t.Errorf("there is %q", got)
	}
	w.github.ClearFaults()
	if err := w.Review(t.Context(), w.request(99)); err == nil {
		t.Error("a pull request that was never heard of is reviewed")
	}
	w.github.Uninstall(w.installed)
	if err := w.Review(t.Context(), w.request(n)); err != nil || w.events(n) != "superseded" {
		t.Errorf("without an installation: %v, recorded %q", err, w.events(n))
	}
}

// TestTooLargeForOtherLimits asks for reviews where other limits may do.
func TestTooLargeForOtherLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	was, now := record.Limits{Limits: "1 other"}, record.Limits{Limits: w.limits()}
	if now.Limits == "1 " || !strings.HasPrefix(now.Limits, "1 ") {
		t.Errorf("the limits are %q", now.Limits)
	}
	if err := w.Retry(t.Context()); err != nil || w.asked != nil {
		t.Errorf("of nothing: %v, asked for %+v", err, w.asked)
	}
	repo := ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}
	for n := 1; n <= 6; n++ {
		w.hear(n, "head")
	}
	w.event(record.TooLarge, 1, "head", was)
	w.event(record.TooLarge, 2, "head", was) // and for these as well
	w.event(record.TooLarge, 2, "head", now)
	w.event(record.TooLarge, 3, "other", was) // it has another head
	w.event(record.TooLarge, 4, "head", was)  // it is closed
	closed, err := w.Ledger.Pull(t.Context(), repo, 4)
	if err != nil {
		t.Fatal(err)
	}
	closed.Closed = true
	if err := w.Ledger.Refresh(t.Context(), closed); err != nil {
		t.Fatal(err)
	}
	w.event(record.TooLarge, 5, "head", now) // others first, and these last
	w.event(record.TooLarge, 5, "head", was)
	w.event(record.TooLarge, 99, "head", was) // nobody heard of it
	if err := w.Ledger.Record(t.Context(), ledger.Event{Kind: record.TooLarge, Owner: "acme", Repo: "unknown", Number: 1, Head: "head"}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // as many processes
		if err := w.Retry(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range w.asked {
		if r.Installation != w.installed || r.RepoID != w.repo.ID() || r.Owner+"/"+r.Repo != "acme/shop" {
			t.Errorf("asked for %+v", r)
		}
	}
	slices.SortFunc(w.asked, func(a, b queue.Request) int { return a.Number - b.Number })
	if got := strings.Join(w.reviews(), "; "); got != "#1 it was too large for other limits; #5 it was too large for other limits" {
		t.Errorf("asked for %q", got)
	}
}
