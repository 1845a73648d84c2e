package review

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// merged returns the merge of a pull request as it is recorded, and what was open; nil where there is none. It fails the
// test if there is more than one of a kind.
func (w *world) merged(n int) (m *record.Merge, open *record.OpenMerge) {
	w.t.Helper()
	list, err := w.Ledger.Events(w.t.Context(), ledger.Filter{RepoID: w.repo.ID(), Number: n})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		switch e.Kind {
		case record.Merged:
			if m != nil {
				w.t.Errorf("#%d was merged twice", n)
			}
			one, err := record.ReadOwnership[record.Merge](e.ID, e.Data)
			if m = &one; err != nil || e.Head != w.head(n) {
				w.t.Fatalf("%v, head %s", err, e.Head)
			}
		case record.MergedOpen:
			if open != nil {
				w.t.Errorf("#%d was merged open twice", n)
			}
			one, err := record.ReadOwnership[record.OpenMerge](e.ID, e.Data)
			if open = &one; err != nil {
				w.t.Fatal(err)
			}
		}
	}
	return m, open
}

// paths lists where findings are.
func paths(list []record.Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, f.Spot())
	}
	return strings.Join(out, " ")
}

func openPaths(open *record.OpenMerge) string {
	if open == nil {
		return "none"
	}
	var out []string
	for _, f := range open.Findings {
		out = append(out, fmt.Sprintf("%s:%d", f.Path, f.Line))
	}
	return strings.Join(out, " ")
}

// digests lists the tasks for the lists of the teams, and forgets them.
func (w *world) digests() (list []string) {
	for _, e := range w.tasks {
		if e.Kind == record.Digest {
			list = append(list, e.ID)
		}
	}
	w.tasks = nil
	return list
}

// decide has a person accept the finding of a pull request's newest review in a file.
func (w *world) decide(n int, id, verb, path string, until time.Time) {
	w.t.Helper()
	last, err := w.Ledger.LastReview(w.t.Context(), ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}, n)
	if err != nil {
		w.t.Fatal(err)
	}
	i := slices.IndexFunc(last.Findings, func(f record.Finding) bool { return f.Path == path })
	if i < 0 {
		w.t.Fatalf("nothing is found in %s: %+v", path, last.Findings)
	}
	f := last.Findings[i]
	d := decision.Decision{ID: id, Verb: verb, Fingerprint: f.Fingerprint, Rule: f.Rule, Path: f.Path, Number: n, Severity: f.Severity, Until: until, Asked: "hubot"}
	w.event(record.DecisionMade, n, w.head(n), record.DecisionStep{Decision: &d, Who: "hubot", Source: "note-1"})
}

// decided returns a decision as it is now.
func (w *world) decided(id string) decision.Decision {
	w.t.Helper()
	list, err := w.Ledger.Decisions(w.t.Context(), ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}, ledger.Which{IDs: []string{id}})
	if err != nil || len(list) != 1 {
		w.t.Fatalf("%d decisions, %v", len(list), err)
	}
	return list[0]
}

// TestAMergeIsRecordedOnce merges a pull request with one finding that is open, one that was accepted after the last
// review, one that was fixed, and one of the base that it removes.
func TestAMergeIsRecordedOnce(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"old": "bad\n", "a": "x\n", ".github/CODEOWNERS": "* @acme/core\n/b @acme/pay\n"})
			w.github.CreateTeam("acme", "core", "olga")
			w.github.CreateTeam("acme", "pay", "olga")
			n := w.open("change", map[string]string{"old": "x\n", "a": "bad\n", "b": "bad\n", "c": "bad\n"})
			w.review(n)
			w.repo.Commit("change", "", "fix one", map[string]string{"c": "x\n"})
			w.repo.SyncPull(n)
			w.hear(n, w.head(n))
			w.review(n)
			w.decide(n, "A-AAAAAAAA", "accept", "a", w.Clock.Now().AddDate(0, 0, 30))
			comments := len(w.github.Threads("acme", "shop", n))
			w.repo.MergePullBy(n, "mona", method)
			for range 3 {
				w.review(n)
			}
			m, open := w.merged(n)
			if m == nil || open == nil {
				t.Fatalf("recorded: %+v, %+v", m, open)
			}
			if m.Into != "main" || !m.Default || m.Commit != w.repo.Tip("main") || !m.Reviewed || m.At.IsZero() {
				t.Errorf("%+v", m)
			}
			if got := [3]string{paths(m.Gone), paths(m.Left), paths(m.Fixed)}; got != [3]string{"old:1", "a:1 b:1", "c:1"} {
				t.Errorf("gone, left, fixed: %q", got)
			}
			if got := openPaths(open); got != "b:1" || !slices.Equal(open.Owners, []string{"@acme/pay"}) || !slices.Equal(open.Findings[0].Owners, open.Owners) || !strings.HasPrefix(open.Findings[0].ID, "F-") {
				t.Errorf("open: %+v", open)
			}
			if got := w.digests(); !slices.Equal(got, []string{fmt.Sprint("merged-", n)}) {
				t.Errorf("digests: %q", got)
			}
			if d := w.decided("A-AAAAAAAA"); d.Ended != "" {
				t.Errorf("what was accepted and merged is ended: %s", d.Ended)
			}
			if got := len(w.github.Threads("acme", "shop", n)); got != comments {
				t.Errorf("%d threads, %d before", got, comments)
			}
		})
	}
}

// TestNoMergeNoDebt: one without a finding, and one that is closed without a merge.
func TestNoMergeNoDebt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	clean, closed := w.open("clean", map[string]string{"a": "y\n"}), w.open("closed", map[string]string{"a": "bad\n"})
	w.review(clean)
	w.review(closed)
	w.repo.MergePull(clean, "mona")
	w.github.ClosePull("acme", "shop", closed, "mona", false)
	w.review(clean)
	w.review(closed)
	if m, open := w.merged(clean); m == nil || open != nil || !m.Reviewed {
		t.Errorf("a clean one: %+v, %+v", m, open)
	}
	if m, open := w.merged(closed); m != nil || open != nil {
		t.Errorf("one that was closed: %+v, %+v", m, open)
	}
}

// TestMergedFasterThanTheScanners: the merged head had no review, or only a review of an older head. It gets one, of
// which nothing is shown.
func TestMergedFasterThanTheScanners(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase", "by a push"} {
		for _, earlier := range []bool{false, true} {
			t.Run(fmt.Sprint(method, ", reviewed before: ", earlier), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, map[string]string{"a": "x\n", ".github/CODEOWNERS": "* @acme/core\n"})
				w.github.CreateTeam("acme", "core", "olga")
				n := w.open("change", map[string]string{"a": "bad\n"})
				if earlier {
					w.review(n)
				}
				shown := len(w.github.Threads("acme", "shop", n)) + len(w.github.IssueComments("acme", "shop", n))
				w.repo.Commit("change", "", "one more", map[string]string{"b": "bad\n"})
				w.repo.SyncPull(n)
				head := w.head(n)
				w.hear(n, head)
				w.repo.Commit("main", "", "meanwhile", map[string]string{"d": "bad\n"})
				if method == "by a push" {
					w.github.ClosePull("acme", "shop", n, "mona", true)
				} else {
					w.repo.MergePullBy(n, "mona", method)
				}
				w.review(n)
				w.review(n)
				m, open := w.merged(n)
				if m == nil || !m.Reviewed || openPaths(open) != "a:1 b:1" || !slices.Equal(open.Owners, []string{"@acme/core"}) {
					t.Errorf("%+v\n%+v", m, open)
				}
				if got := len(w.github.Threads("acme", "shop", n)) + len(w.github.IssueComments("acme", "shop", n)); got != shown {
					t.Errorf("%d comments, %d before", got, shown)
				}
				if got := w.verdict(head); got != "" {
					t.Errorf("a check is shown: %s", got)
				}
				last, err := w.Ledger.LastReview(t.Context(), ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}, n)
				if err != nil || !last.Silent || last.Head != head {
					t.Errorf("the last review: %+v, %v", last, err)
				}
				// What nobody saw does not count as shown.
				use, err := w.Ledger.RuleUse(t.Context(), "acme", "words/word", w.Clock.Now().AddDate(0, 0, -1), w.Clock.Now().AddDate(0, 0, -1))
				if shown := use.Repos[record.RepoKey(w.repo.ID(), "shop")].Shown; err != nil || shown > 1 || earlier != (use.Pulls == 1) {
					t.Errorf("the rule was shown %d times, in %d pull requests, %v", shown, use.Pulls, err)
				}
			})
		}
	}
}

// TestAMergedHeadThatCannotBeReviewed is tried as often as in the pull request; then what the last review found counts.
func TestAMergedHeadThatCannotBeReviewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	n := w.open("change", map[string]string{"a": "bad\n"})
	w.review(n)
	w.repo.Commit("change", "", "one more", map[string]string{"b": "bad\n"})
	w.repo.SyncPull(n)
	w.hear(n, w.head(n))
	w.repo.MergePull(n, "mona")
	w.github.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/*/*/compare/**", Count: -1, Status: 500, Body: "{}"})
	for i := range patience {
		err := w.Review(t.Context(), w.request(n))
		m, _ := w.merged(n)
		if last := i == patience-1; (err == nil) != last || (m != nil) != last {
			t.Fatalf("try %d: %v, %+v", i+1, err, m)
		}
	}
	m, open := w.merged(n)
	if m.Reviewed || openPaths(open) != "a:1" || len(m.Gone)+len(m.Fixed) > 0 {
		t.Errorf("%+v\n%+v", m, open)
	}
}

// TestEachMergeOnce delivers the closing of pull requests in any order, again and again, to several workers, with failures
// in between. Each merge ends in exactly one event, and in one or none about what was open.
func TestEachMergeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	rng := rand.New(rand.NewPCG(13, 4))
	submit := w.Submit
	died := errors.New("on purpose")
	fail := 0
	w.Submit = func(ctx context.Context, d ledger.Delivery, reviews []queue.Request, tasks []queue.Task, events []ledger.Event) error {
		switch fail {
		case 1: // before the transaction
			return died
		case 2: // after it: the worker does not know
			return errors.Join(submit(ctx, d, reviews, tasks, events), died)
		}
		return submit(ctx, d, reviews, tasks, events)
	}
	type one struct {
		number       int
		merged, open bool
	}
	var all []one
	for i := range 12 {
		p := one{merged: i%4 != 0, open: i%3 == 0}
		text := map[bool]string{true: "bad\n", false: "good\n"}[p.open]
		p.number = w.open(fmt.Sprint("change", i), map[string]string{fmt.Sprint("f", i): text})
		if i%2 == 0 {
			w.review(p.number)
		}
		w.github.ClosePull("acme", "shop", p.number, "mona", p.merged)
		all = append(all, p)
	}
	for range 60 {
		p := all[rng.IntN(len(all))]
		fail = rng.IntN(3)
		if err := w.Review(t.Context(), w.request(p.number)); err != nil && !errors.Is(err, died) {
			t.Fatal(err)
		}
	}
	fail = 0
	for _, p := range all {
		w.review(p.number)
		m, open := w.merged(p.number)
		if (m != nil) != p.merged || (open != nil) != (p.merged && p.open) {
			t.Errorf("#%d, merged %t, with a finding %t: %+v, %+v", p.number, p.merged, p.open, m, open)
		}
	}
	// Two workers that read the history before either recorded the merge.
	n := w.open("two", map[string]string{"two": "bad\n"})
	w.review(n)
	w.github.ClosePull("acme", "shop", n, "mona", true)
	events, err := w.history(t.Context(), w.request(n))
	if err != nil {
		t.Fatal(err)
	}
	p, err := w.read(t.Context(), w.client(), w.request(n))
	if err != nil {
		t.Fatal(err)
	}
	w.digests()
	for range 2 {
		if err := w.recordMerge(t.Context(), w.client(), w.request(n), p, events); err != nil {
			t.Error(err)
		}
	}
	if m, open := w.merged(n); m == nil || openPaths(open) != "two:1" {
		t.Errorf("%+v, %+v", m, open)
	}
	if got := w.digests(); len(got) != 1 {
		t.Errorf("%d tasks for the list: %q", len(got), got)
	}
}

// TestDefectDojo10769: there an accepted finding stays accepted after it was fixed. Here a decision ends with its code: in
// the pull request that brought the finding, and in a later one that removes it.
func TestDefectDojo10769(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	until := w.Clock.Now().AddDate(0, 0, 60)
	first := w.open("first", map[string]string{"a": "bad\n", "b": "bad\n", "c": "bad\n", "d": "bad\n"})
	w.review(first)
	for id, path := range map[string]string{"A-AAAAAAAA": "a", "A-BBBBBBBB": "b", "A-CCCCCCCC": "c"} {
		w.decide(first, id, "accept", path, until)
	}
	w.decide(first, "A-DDDDDDDD", "fp", "d", time.Time{})
	w.review(first)
	w.repo.Commit("first", "", "fix one", map[string]string{"b": "x\n"})
	w.repo.SyncPull(first)
	w.hear(first, w.head(first))
	w.review(first)
	w.repo.MergePull(first, "mona")
	w.review(first)
	gone := func(n int) string { return fmt.Sprintf("the code is gone since #%d", n) }
	want := map[string]string{"A-AAAAAAAA": "", "A-BBBBBBBB": gone(first), "A-CCCCCCCC": "", "A-DDDDDDDD": ""}
	check := func(after string) {
		t.Helper()
		for id, why := range want {
			if d := w.decided(id); d.Ended != why {
				t.Errorf("%s, %s is ended because %q, want %q", after, id, d.Ended, why)
			}
		}
	}
	check("after the first merge")
	// A branch that is merged elsewhere, and one that is only closed, end nothing.
	tip := w.repo.Tip("main")
	w.repo.Commit("release", tip, "release", map[string]string{"r": "x\n"})
	w.repo.Commit("elsewhere", w.repo.Tip("release"), "fix", map[string]string{"a": "x\n", "c": "x\n"})
	elsewhere := w.repo.OpenPull("Fix", "", "release", "elsewhere", "mona", false)
	w.repo.Commit("closed", tip, "fix it all", map[string]string{"a": "x\n", "c": "x\n", "d": "x\n"})
	closed := w.openBranch("closed", false)
	w.hear(elsewhere, w.head(elsewhere))
	w.review(elsewhere)
	w.review(closed)
	w.repo.MergePull(elsewhere, "mona")
	w.github.ClosePull("acme", "shop", closed, "mona", false)
	w.review(elsewhere)
	w.review(closed)
	check("after a merge into another branch")
	// The fix.
	w.repo.Commit("fix", tip, "fix", map[string]string{"a": "x\n", "d": "x\n"})
	fix := w.openBranch("fix", false)
	w.review(fix)
	check("while the fix is reviewed")
	w.repo.MergePull(fix, "mona")
	for range 2 {
		w.review(fix)
	}
	want["A-AAAAAAAA"] = gone(fix)
	check("after the fix")
	// It was this program, once, and it is in the record.
	events, err := w.Ledger.Events(t.Context(), ledger.Filter{RepoID: w.repo.ID(), Number: fix, Kind: record.DecisionEnded})
	if err != nil || len(events) != 1 {
		t.Fatalf("%d endings, %v", len(events), err)
	}
	var step record.DecisionStep
	if err := json.Unmarshal(events[0].Data, &step); err != nil || step.Who != record.TheApp || step.Source != fmt.Sprint("merged-", fix) {
		t.Errorf("%+v, %v", step, err)
	}
	// The code comes back: it is open.
	w.repo.Commit("again", w.repo.Tip("main"), "again", map[string]string{"a": "bad\n"})
	again := w.openBranch("again", false)
	w.review(again)
	if got := w.summary(w.head(again)); !strings.Contains(got, "1 new finding") || !strings.Contains(got, "A-AAAAAAAA does not count: the code is gone since #") {
		t.Errorf("the pull request says\n%s", got)
	}
}

// TestReopened: a pull request that is closed and opened again has its decisions again.
func TestReopened(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	n := w.open("change", map[string]string{"a": "bad\n"})
	w.review(n)
	w.decide(n, "A-AAAAAAAA", "accept", "a", w.Clock.Now().AddDate(0, 0, 60))
	w.github.ClosePull("acme", "shop", n, "mona", false)
	w.review(n)
	w.github.ReopenPull("acme", "shop", n, "mona")
	w.review(n)
	if got := w.verdict(w.head(n)); !strings.Contains(got, "1 accepted") {
		t.Errorf("the verdict is %s", got)
	}
}

// TestMissed finds merges whose delivery was lost, also those of pull requests whose review was given up.
func TestMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	lost, still := w.open("lost", map[string]string{"a": "bad\n"}), w.open("still", map[string]string{"b": "bad\n"})
	w.review(lost)
	w.github.ClosePull("acme", "shop", lost, "mona", true)
	if err := w.LookForMissed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(w.tasks) != 2 || w.tasks[0].Kind != Missed || !w.tasks[0].At.IsZero() || !w.tasks[1].At.After(w.Clock.Now()) {
		t.Fatalf("asked for %+v", w.tasks)
	}
	now := w.tasks[0]
	w.tasks = nil
	if err := w.FindMissed(t.Context(), now); err != nil {
		t.Fatal(err)
	}
	if len(w.asked) != 1 || w.asked[0].Number != lost || !w.asked[0].Closed || len(w.tasks) != 1 || !w.tasks[0].At.After(w.Clock.Now()) {
		t.Errorf("asked for %+v and %+v", w.asked, w.tasks)
	}
	w.review(lost)
	if m, open := w.merged(lost); m == nil || openPaths(open) != "a:1" {
		t.Errorf("%+v, %+v", m, open)
	}
	if m, _ := w.merged(still); m != nil {
		t.Errorf("one that is open: %+v", m)
	}
}

// TestMissedOfSeveralProcesses has a process start beside others, twice: the search waits a little, and is one.
func TestMissedOfSeveralProcesses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	w.open("change", map[string]string{"a": "bad\n"})
	url := "sqlite:" + filepath.Join(t.TempDir(), "db")
	first, err := ledger.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	err = first.Tx(t.Context(), func(tx *sql.Tx) error {
		return first.RecordWebhook(t.Context(), tx, ledger.Pull{Installation: 1, RepoID: w.repo.ID(), Owner: "acme", Repo: "shop", Number: 1, Head: "h"})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock = clock.At(0)
	ids := map[string]bool{}
	for range 3 {
		l, err := ledger.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		w.Ledger, w.tasks = l, nil
		began := w.Clock.Now()
		if err := w.LookForMissed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(w.tasks) != 2 || !w.tasks[0].At.After(began) || w.tasks[0].At.Sub(began) > startsTogether {
			t.Fatalf("asked for %+v", w.tasks)
		}
		ids[w.tasks[0].ID] = true
	}
	if len(ids) > 2 { // two if five minutes end during the test
		t.Errorf("%d searches", len(ids))
	}
}
