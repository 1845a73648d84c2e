package review

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
)

// group has the Reviewer review a merge group.
func (w *world) group(g fakegithub.MergeGroup, attempt int, again bool) error {
	w.t.Helper()
	data, err := json.Marshal(Merge{Head: g.HeadSHA, Branch: strings.TrimPrefix(g.Ref, "refs/heads/"), BaseRef: "main", Again: again})
	if err != nil {
		w.t.Fatal(err)
	}
	return w.MergeGroup(w.t.Context(), queue.Task{
		Installation: w.installed, RepoID: w.repo.ID(), Owner: "acme", Repo: "shop", Kind: Group, ID: g.HeadSHA, Data: data, Attempt: attempt,
	})
}

// TestAMergeGroup judges what a queue is about to merge by what is new in it, and what was decided in the open pull
// requests holds.
func TestAMergeGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n", "old": "bad\n", policyFile: blocking})
	clean, bad := w.open("clean", map[string]string{"c": "x\n"}), w.open("bad", map[string]string{"b": "bad\n"})
	w.review(bad)
	last, err := w.Ledger.LastReview(t.Context(), ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}, bad)
	if err != nil || len(last.Findings) != 1 {
		t.Fatalf("%+v, %v", last, err)
	}
	accept := func(id, path string, n int) {
		w.event(record.DecisionMade, n, last.Head, record.DecisionStep{Who: "hubot", Decision: &decision.Decision{
			ID: id, Verb: "accept", Fingerprint: last.Findings[0].Fingerprint, Rule: "words/word", Path: path, Number: n, Severity: scanners.High,
			Reason: "It is known.", Asked: "hubot", By: []string{"hubot"}, Until: time.Now().AddDate(0, 1, 0),
		}})
	}
	for _, step := range []struct {
		name    string
		do      func()
		numbers []int
		want    string
	}{
		{"nothing is new", func() {}, []int{clean}, "success: No new findings"},
		{"a finding blocks", func() {}, []int{clean, bad}, "failure: 1 new finding (1 high), 1 blocking"},
		{"a copy of it is accepted in a pull request that is not open", func() { accept("A-AAAAAAAA", "c", 99) }, []int{bad}, "failure: 1 new finding (1 high), 1 blocking"},
		{"a copy of it is accepted in an open one", func() { accept("A-BBBBBBBB", "c", bad) }, []int{bad}, "success: No open findings; 1 accepted"},
	} {
		step.do()
		g := w.repo.Enqueue("mona", step.numbers...)
		if err := w.group(g, 1, false); err != nil {
			t.Fatal(err)
		}
		if got := w.verdict(g.HeadSHA); got != step.want {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
		// A second time it is the same, unless somebody asks for it.
		before := len(w.repo.CheckRuns(g.HeadSHA))
		w.github.ResetWrites()
		if err := w.group(g, 1, false); err != nil || len(w.github.Writes()) > 0 {
			t.Errorf("%s: a second time it writes %+v, %v", step.name, w.github.Writes(), err)
		}
		if err := w.group(g, 1, true); err != nil || len(w.repo.CheckRuns(g.HeadSHA)) != before+1 {
			t.Errorf("%s: asked for, there are %d checks, want %d, %v", step.name, len(w.repo.CheckRuns(g.HeadSHA)), before+1, err)
		}
	}
	if len(w.reviews())+len(w.tasks)+len(w.observed) != 1 {
		t.Errorf("asked for %+v %+v, observed %q", w.asked, w.tasks, w.observed)
	}
	// What a pull request proposes is judged there, whatever a branch is called.
	before := len(w.repo.CheckRuns(w.head(clean)))
	if err := w.group(fakegithub.MergeGroup{HeadSHA: w.head(clean), Ref: "refs/heads/gh-readonly-queue/main/pr-1"}, 1, false); err != nil {
		t.Fatal(err)
	}
	if got := len(w.repo.CheckRuns(w.head(clean))); got != before {
		t.Errorf("the head of a pull request got %d checks", got-before)
	}
}

// TestAMergeGroupThatCannotBeRead is tried again, and then ends.
func TestAMergeGroupThatCannotBeRead(t *testing.T) {
	t.Parallel()
	const incomplete, working = ": Incomplete: words did not finish", "in_progress"
	unknown := refused("GET", "/repos/*/*/compare/**", 404)
	broken := refused("GET", "/repos/*/*/compare/**", 409)
	verdict := refused("PATCH", "/repos/*/*/check-runs/*", 404)
	for name, c := range map[string]struct {
		policy  string
		fault   fakegithub.Fault
		large   bool
		attempt int
		failed  bool
		want    string // the verdict begins so
		says    string // in the summary
	}{
		"GitHub does not know it yet":          {"version: 1\n", unknown, false, 2, true, working, ""},
		"GitHub does not know it at last":      {"version: 1\n", unknown, false, 3, false, "neutral" + incomplete, "The merge group is not there any more."},
		"that blocks":                          {blocking, unknown, false, 3, false, "failure" + incomplete, "The merge group is not there any more."},
		"something fails":                      {"version: 1\n", broken, false, 2, true, working, ""},
		"something fails at last":              {"version: 1\n", broken, false, 3, false, "neutral" + incomplete, "The merge group could not be read; the operator's log says why."},
		"it is too large":                      {"version: 1\n", fakegithub.Fault{Path: "/nothing"}, true, 1, false, "neutral" + incomplete, "The change is too large to be read within this server's limits."},
		"the limit of requests":                {"version: 1\n", fakegithub.PrimaryLimit("GET", "/repos/*/*/compare/**", -1, time.Now().Add(time.Hour)), false, 3, true, working, ""},
		"its head is not known yet":            {"version: 1\n", refused("GET", "/repos/*/*/commits/*/check-runs", 422), false, 2, true, "", ""},
		"its head is gone":                     {"version: 1\n", refused("GET", "/repos/*/*/commits/*/check-runs", 422), false, 3, false, "", ""},
		"the verdict has no place at last":     {"version: 1\n", verdict, false, 3, false, working, ""},
		"the verdict fails for another reason": {"version: 1\n", refused("PATCH", "/repos/*/*/check-runs/*", 409), false, 3, true, working, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"a": "x\n", policyFile: c.policy})
			content := "y\n"
			if c.large {
				w.Mirrors.Limits.FetchBytes, content = 1<<16, noise(1<<18)
			}
			g := w.repo.Enqueue("mona", w.open("change", map[string]string{"a": content}))
			w.github.Fail(c.fault)
			if err := w.group(g, c.attempt, false); (err != nil) != c.failed {
				t.Errorf("the error is %v", err)
			}
			w.github.ClearFaults()
			if got := w.verdict(g.HeadSHA); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("the verdict is %q, want %q", got, c.want)
			}
			if got := w.summary(g.HeadSHA); !strings.Contains(got, c.says) {
				t.Errorf("the summary says\n%s\nwant %q", got, c.says)
			}
		})
	}
}

// TestAMergeGroupWithoutAnInstallation has the queue deal with it.
func TestAMergeGroupWithoutAnInstallation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	g := w.repo.Enqueue("mona", w.open("change", map[string]string{"a": "y\n"}))
	w.github.Uninstall(w.installed)
	if err := w.group(g, 3, false); !errors.Is(err, installation.ErrGone) {
		t.Error(err)
	}
	if err := w.MergeGroup(t.Context(), queue.Task{Data: json.RawMessage("no")}); err == nil {
		t.Error("what cannot be read is passed over")
	}
}
