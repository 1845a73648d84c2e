package review

import (
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// TestAReviewFromItsStartToItsEnd reviews one head again and again.
func TestAReviewFromItsStartToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	n := w.open("change", map[string]string{"a": "bad\n"})
	head := w.head(n)
	w.hear(n, w.base) // what was heard last may be an older head
	w.review(n)
	if got, want := w.verdict(head), "neutral: 1 new finding (1 high)"; got != want {
		t.Errorf("the verdict is %q, want %q", got, want)
	}
	if list := w.github.Threads("acme", "shop", n); len(list) != 1 || list[0].Path != "a" {
		t.Errorf("the threads are %+v", list)
	}
	if got := w.events(n); got != "started finished" {
		t.Errorf("recorded %q", got)
	}
	if len(w.observed) != 1 || w.observed[0] != checks.Findings {
		t.Errorf("observed %q", w.observed)
	}
	repo := ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}
	if p, err := w.Ledger.Pull(t.Context(), repo, n); err != nil || p.Head != head {
		t.Errorf("the ledger knows the head %s, %v", p.Head, err)
	}
	last, err := w.Ledger.LastReview(t.Context(), repo, n)
	if err != nil || last.Head != head || len(last.Findings) != 1 || last.Context.NoOwners || !last.Findings[0].Adds {
		t.Errorf("recorded %+v, %v", last, err)
	}
	if !strings.Contains(w.summary(head), "/acme/shop/blob/"+head+"/a#L1") {
		t.Errorf("the summary has no link to the line:\n%s", w.summary(head))
	}

	runs := func() int { return len(w.github.CheckRuns("acme", "shop", head)) }
	before := runs()
	for _, step := range []struct {
		name   string
		do     func()
		reason string
		force  bool
		more   int // check runs
	}{
		{"nothing is new", func() {}, "", false, 0},
		{"it is forced for another reason", func() {}, "a decision", true, 0},
		{"somebody asked for it, and that was done", func() {}, record.Rerequested, false, 0},
		{"somebody asks for it", func() {}, record.Rerequested, true, 1},
		{"somebody asks for one check", func() { w.event(record.RerunAsked, n, head, record.Rerun{Check: "secbydesign/code"}) }, "", false, 2},
		{"that is done", func() {}, "", false, 0},
		{"the verdict was made for another branch", func() {
			w.event(record.Finished, n, head, record.Review{Context: &record.Context{Into: "release"}})
		}, "", false, 1},
	} {
		step.do()
		w.github.ResetWrites()
		req := w.request(n)
		req.Reason, req.Force = step.reason, step.force
		if err := w.Review(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if got := runs() - before; got != step.more {
			t.Errorf("%s: %d more checks, want %d", step.name, got, step.more)
		}
		if got := len(w.github.Writes()) > 0; got != (step.more > 0) {
			t.Errorf("%s: writes %v", step.name, w.github.Writes())
		}
		before = runs()
	}
	if got := w.reviews(); len(got)+len(w.tasks) > 0 {
		t.Errorf("asked for %q and %+v", got, w.tasks)
	}
}

// TestThreadsAreResolvedWhereThatIsGranted settles a thread with and without the right to.
func TestThreadsAreResolvedWhereThatIsGranted(t *testing.T) {
	t.Parallel()
	for contents, resolved := range map[string]bool{"read": false, "write": true} {
		t.Run(contents, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"a": "x\n"})
			w.github.SetPermissions(map[string]string{"metadata": "read", "contents": contents, "checks": "write", "pull_requests": "write"})
			n := w.open("change", map[string]string{"a": "bad\n"})
			w.review(n)
			w.repo.Commit("change", "", "good", map[string]string{"a": "good\n"})
			w.repo.MovePull(n)
			w.review(n)
			if th := w.github.Threads("acme", "shop", n); len(th) != 1 || th[0].Resolved != resolved {
				t.Errorf("the threads are %+v", th)
			}
		})
	}
}

// TestOneCommitInTwoPulls has the verdict of each count what the other's review found.
func TestOneCommitInTwoPulls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n", policyFile: blocking})
	known := w.repo.Commit("release", w.base, "release", map[string]string{"a": "bad\n"})
	head := w.repo.Commit("change", known, "change", map[string]string{"c": "x\n"})
	fails := w.openBranch("change", false)
	clean := w.repo.OpenPull("Change", "", "release", "change", "mona", false)
	w.hear(clean, head)
	w.review(fails)
	w.review(clean)
	if got := w.verdict(head); !strings.HasPrefix(got, "failure: #1, which has the same commit, has the result failure. This pull request alone: No new findings") {
		t.Errorf("the verdict is %q", got)
	}
	if got := w.reviews(); len(got) > 0 {
		t.Errorf("asked for %q", got)
	}
	// One of them goes on, and what the other shows depends on it no more.
	w.repo.Commit("more", head, "more", map[string]string{"d": "x\n"})
	w.github.ClosePull("acme", "shop", fails, "mona", false)
	w.review(fails)
	if got := strings.Join(w.reviews(), "; "); got != "#2 another pull request left the head" {
		t.Errorf("asked for %q", got)
	}
	w.review(clean)
	if got := w.verdict(head); got != "success: No new findings" {
		t.Errorf("in the end the verdict is %q", got)
	}
}

// TestASuppressionThatExpires has the review in which it counts no more planned.
func TestASuppressionThatExpires(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	day := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	rep := checks.Compose(checks.Input{Gates: []checks.Gate{{Findings: []checks.Finding{{Decided: &checks.Decided{Path: "a", How: "accepted", Until: day}}}}}})
	n := 1
	if err := w.keep(t.Context(), w.request(n), pullOf(w, n), rep, recordInput{limited: true}); err != nil {
		t.Fatal(err)
	}
	if len(w.tasks) != 1 || w.tasks[0].ID != "comment-1-2026-12-31" || w.tasks[0].Installation != w.installed || w.tasks[0].RepoID != w.repo.ID() || w.tasks[0].Owner+"/"+w.tasks[0].Repo != "acme/shop" {
		t.Errorf("planned %+v", w.tasks)
	}
	// Some of it was over the limits, so other limits have it reviewed again.
	if got := w.events(n); got != "too_large finished" {
		t.Errorf("recorded %q", got)
	}
}
