package app_test

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
)

// A sight is what a reader of the pull request can see: each thing by its name.
type sight map[string]string

// look records the conversation and the checks of the head.
func (s *stage) look(n int) sight {
	out := sight{}
	for _, t := range s.GitHub.Threads("acme", "shop", n) {
		first := t.Comments[0]
		out["text of "+t.ID] = first.Body
		out["state of "+t.ID] = fmt.Sprint(t.Resolved, first.Minimized)
	}
	for _, c := range s.GitHub.IssueComments("acme", "shop", n) {
		out[fmt.Sprint("text of note ", c.ID)] = c.Body
	}
	for _, run := range s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", n).HeadSHA) {
		out[fmt.Sprint("check ", run.ID)] = run.Name + run.Conclusion + run.Summary
	}
	return out
}

// changes counts the changes that a reader sees. A new thread is one thing, though it has text and state.
func (before sight) changes(after sight) (count int) {
	for name, now := range after {
		was, known := before[name]
		if was != now && (known || !strings.HasPrefix(name, "state of ")) {
			count++
		}
	}
	return count
}

// conversation prints threads, states and texts as a reader meets them.
func (s *stage) conversation(n int) string {
	var b strings.Builder
	for _, t := range s.GitHub.Threads("acme", "shop", n) {
		first := t.Comments[0]
		state := "open"
		switch {
		case first.Minimized != "":
			state = "hidden as " + first.Minimized
		case t.Resolved:
			state = "resolved by " + t.ResolvedBy
		}
		place := t.Path
		if t.Line > 0 {
			place += fmt.Sprint(":", t.Line)
		}
		lines := strings.Split(first.Body, "\n")
		fmt.Fprintf(&b, "   %-14s %-20s %s\n", place, state, lines[0])
		if len(lines) > 2 && strings.HasPrefix(lines[2], "It is ") {
			fmt.Fprintf(&b, "   %-14s %-20s   %s\n", "", "", lines[2])
		}
		for _, reply := range t.Comments[1:] {
			fmt.Fprintf(&b, "   %-14s %-20s   %s: %s\n", "", "", reply.Author, reply.Body)
		}
	}
	for _, c := range s.GitHub.IssueComments("acme", "shop", n) {
		first, _, _ := strings.Cut(c.Body, "\n")
		fmt.Fprintf(&b, "   summary  %s\n", first)
	}
	return b.String()
}

// noDuplicates holds that each finding has one thread, and the pull request one summary at most.
func (s *stage) noDuplicates(n int) {
	s.t.Helper()
	seen := map[string]bool{}
	for _, t := range s.GitHub.Threads("acme", "shop", n) {
		fp, _, ok := checks.Mark(t.Comments[0].Body)
		if ok && seen[fp] {
			s.t.Errorf("two threads for %s", scanners.ID(fp))
		}
		seen[fp] = true
	}
	notes := 0
	for _, c := range s.GitHub.IssueComments("acme", "shop", n) {
		if strings.HasSuffix(c.Body, "<!-- secbydesign:v1 summary -->") {
			notes++
		}
	}
	if notes > 1 {
		s.t.Errorf("%d summaries", notes)
	}
}

// TestTwelvePushes plays the life of a pull request: found, pushed beside, moved, renamed, fixed,
// regressed, rebased, squashed, indented, answered, reverted, fixed. It holds after each push which
// threads are open, that none is there twice, that nobody's word is lost, and that the writes to
// GitHub are at most two more than the changes that a reader sees (complaints 1, 3 and 4).
func TestTwelvePushes(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"README.md": "# Shop\n", "old.py": "old = 1\n"})
	first, second, third := leak(1), leak(2), leak(3)
	a := "import os\n\nname = \"shop\"\nsize = 20\n"
	n := 0
	replies := map[string]string{}
	type files = map[string]string
	rewrite := func(f files) { s.repo.Commit("change", s.base, "rewritten", f) }
	more := func(f files) { s.repo.Commit("change", "", "more", f) }
	steps := []struct {
		name string
		push func()
		want []string // open threads by the finding's name; the others are resolved
	}{
		{"find two", func() {
			more(files{"a.py": a + first, "b.py": second})
		}, []string{"first", "second"}},
		{"push something else", func() { more(files{"c.py": "c = 1\n"}) }, []string{"first", "second"}},
		{"move the line down", func() { more(files{"a.py": "# Settings\n# of the shop\n" + a + first}) }, []string{"first", "second"}},
		{"rename the file", func() {
			more(files{"a.py": fakegithub.Delete, "settings.py": "# Settings\n# of the shop\n" + a + first})
		}, []string{"first", "second"}},
		{"fix the first, by force", func() { rewrite(files{"settings.py": a, "b.py": second, "c.py": "c = 1\n"}) }, []string{"second"}},
		{"regress", func() { more(files{"settings.py": a + first}) }, []string{"first", "second"}},
		{"rebase on a newer base", func() {
			s.base = s.repo.Commit("main", "", "meanwhile", files{"old.py": "old = 2\n", "new.md": "x\n"})
			rewrite(files{"settings.py": a, "b.py": second, "c.py": "c = 1\n"})
			more(files{"settings.py": a + first})
		}, []string{"first", "second"}},
		{"squash", func() { rewrite(files{"settings.py": a + first, "b.py": second, "c.py": "c = 1\n"}) }, []string{"first", "second"}},
		{"indent the second and add a third", func() {
			more(files{"b.py": "if True:\n    " + second, "d.py": third})
		}, []string{"first", "second", "third"}},
		{"revert the third, by force", func() {
			rewrite(files{"settings.py": a + first, "b.py": "if True:\n    " + second, "c.py": "c = 1\n"})
		}, []string{"first", "second"}},
		{"fix the rest, by force", func() { rewrite(files{"settings.py": a, "b.py": "b = 1\n", "c.py": "c = 1\n"}) }, nil},
		{"regress once more", func() { more(files{"b.py": "b = 1\n" + second}) }, []string{"second"}},
	}
	names := map[string]string{"a.py": "first", "b.py": "second", "d.py": "third"} // by where its thread was opened
	if len(steps) != 12 {
		t.Fatalf("%d pushes", len(steps))
	}
	for i, step := range steps {
		before := sight{}
		if n > 0 {
			before = s.look(n)
		}
		s.GitHub.ResetWrites()
		if i == 0 {
			s.repo.Commit("change", s.base, "begin", files{"c.py": "c = 0\n"})
		}
		step.push()
		if n == 0 {
			n = s.repo.OpenPull("Change", "", "main", "change", "mona", false)
		} else {
			s.repo.SyncPull(n)
		}
		run := s.verdict(n)
		writes := len(s.GitHub.Writes())
		seen := before.changes(s.look(n))
		t.Logf("push %2d: %s: %s, %d writes for %d changes\n%s", i+1, step.name, run.Conclusion, writes, seen, s.conversation(n))
		if writes > seen+2 {
			t.Errorf("push %d: %d writes for %d visible changes:\n%+v", i+1, writes, seen, s.GitHub.Writes())
		}
		s.noDuplicates(n)
		open := map[string]bool{}
		for _, th := range s.GitHub.Threads("acme", "shop", n) {
			if th.Comments[0].Minimized == "" {
				open[names[th.Path]] = true
			}
			if reply := replies[th.ID]; reply != "" && (len(th.Comments) < 2 || th.Comments[1].Body != reply) {
				t.Errorf("push %d: the reply %q is lost", i+1, reply)
			}
			if replies[th.ID] == "" {
				replies[th.ID] = "I look into the " + names[th.Path] + "."
				s.GitHub.Reply("acme", "shop", n, th.ID, "mona", replies[th.ID])
			}
		}
		if got := slices.Sorted(maps.Keys(open)); !slices.Equal(got, step.want) {
			t.Errorf("push %d, %s: open are %v, want %v", i+1, step.name, got, step.want)
		}
		for id := range replies {
			if !slices.ContainsFunc(s.GitHub.Threads("acme", "shop", n), func(th fakegithub.Thread) bool { return th.ID == id }) {
				t.Errorf("push %d: thread %s is gone", i+1, id)
			}
		}
	}
}

// TestSixtyFindings holds the limit of comments: the worst get threads, and the others are in the
// summary with the ids that commands take (complaint 6).
func TestSixtyFindings(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	var b strings.Builder
	for i := range 60 {
		b.WriteString(leak(i + 1))
	}
	n := s.open("change", map[string]string{"a.py": b.String()})
	s.verdict(n)
	threads := s.GitHub.Threads("acme", "shop", n)
	if len(threads) != 10 {
		t.Errorf("%d threads, want 10", len(threads))
	}
	if r := s.GitHub.Reviews("acme", "shop", n); len(r) != 1 {
		t.Errorf("%d reviews, want one with all comments", len(r))
	}
	notes := s.GitHub.IssueComments("acme", "shop", n)
	if len(notes) != 1 || !strings.HasPrefix(notes[0].Body, "**60 findings are open**") {
		t.Fatalf("%d notes: %+v", len(notes), notes)
	}
	ids := map[string]bool{}
	for _, th := range threads {
		fp, _, _ := checks.Mark(th.Comments[0].Body)
		ids[scanners.ID(fp)] = true
	}
	for line := range strings.SplitSeq(notes[0].Body, "\n") {
		if at := strings.LastIndex(line, "`F-"); strings.HasPrefix(line, "- ") && at > 0 {
			ids[strings.Trim(line[at:], "`")] = true
		}
	}
	if len(ids) != 60 {
		t.Errorf("%d findings are reachable, want 60", len(ids))
	}
	s.noDuplicates(n)
}

// TestSecondaryLimitAtTheThirdOfTenWrites lets GitHub ask for a pause in the middle.
func TestSecondaryLimitAtTheThirdOfTenWrites(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"README.md": "x\n"})
	leaked, clean := map[string]string{}, map[string]string{}
	for i := range 10 {
		path := fmt.Sprintf("f%d.py", i)
		leaked[path], clean[path] = leak(i+1), "x = 1\n"
	}
	for _, status := range []int{403, 429} {
		branch := fmt.Sprint("limit", status)
		limit := fakegithub.SecondaryLimit("POST", "/repos/*/*/pulls/*/comments", status, 1, time.Second)
		limit.Skip = 2
		s.GitHub.ClearFaults()
		s.GitHub.Fail(limit)
		// Only the history holds them now, so each is a comment on its file and a separate write.
		s.repo.Commit(branch, s.base, "leak "+branch, leaked)
		s.repo.Commit(branch, "", "take it out", clean)
		n := s.repo.OpenPull("Change", "", "main", branch, "mona", false)
		s.verdict(n)
		if got := len(s.GitHub.Threads("acme", "shop", n)); got != 10 {
			t.Errorf("%d: %d threads, want 10", status, got)
		}
		s.noDuplicates(n)
	}
}

// TestTheStoreIsLost throws everything away that the App keeps. What is on GitHub is enough to go on
// with the threads and the summary.
func TestTheStoreIsLost(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1) + leak(2)})
	s.want(n, "neutral", "a.py:2 open", "a.py:3 open")
	s.restart(func() { s.Settings.DataDir = filepath.Join(t.TempDir(), "empty") })
	s.push(n, "change", map[string]string{"b.py": "b = 1\n"})
	s.want(n, "neutral", "a.py:2 open", "a.py:3 open")
	s.noDuplicates(n)
	s.repo.Commit("change", s.base, "rewritten", map[string]string{"a.py": "a = 1\n" + leak(2)})
	s.repo.SyncPull(n)
	s.verdict(n)
	s.noDuplicates(n)
	if c := s.conversation(n); !strings.Contains(c, "1 finding is open") || !strings.Contains(c, "Gone from the branch since") {
		t.Errorf("the conversation does not go on:\n%s", c)
	}
}

// TestWordsOfPeopleStay holds that whatever people write or do in a thread is still there after the
// finding is fixed and back, and makes no second thread (complaints 2 and 4).
func TestWordsOfPeopleStay(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "neutral", "a.py:2 open")
	id := s.GitHub.Threads("acme", "shop", n)[0].ID
	s.GitHub.Reply("acme", "shop", n, id, "mona", "Is this one real?")
	s.GitHub.Note("acme", "shop", n, "bob", "Please look.")
	own := s.GitHub.CommentOnLine("acme", "shop", n, "bob", "a.py", 1, "What is a?")
	for i, files := range []map[string]string{{"a.py": "a = 1\n"}, {"a.py": "a = 1\n" + leak(1)}, {"a.py": "a = 2\n"}} {
		s.repo.Commit("change", s.base, fmt.Sprint("rewritten ", i), files)
		s.repo.SyncPull(n)
		s.verdict(n)
		words := 0
		for _, th := range s.GitHub.Threads("acme", "shop", n) {
			for _, c := range th.Comments {
				if c.Author == "mona" && c.Body == "Is this one real?" && th.ID == id && c.Minimized == "" || c.Author == "bob" && th.ID == own && c.Minimized == "" {
					words++
				}
			}
		}
		for _, c := range s.GitHub.IssueComments("acme", "shop", n) {
			if c.Author == "bob" && c.Body == "Please look." && c.Minimized == "" {
				words++
			}
		}
		if words != 3 {
			t.Errorf("after push %d there are %d of three things that people wrote", i+2, words)
		}
		s.noDuplicates(n)
	}
}

// TestAForkGetsTheWholeFeedback opens a pull request from a fork that tries to switch the gate off,
// and deletes the fork (complaints 8 and 26).
func TestAForkGetsTheWholeFeedback(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\ngates: {secrets: {mode: block}}\n"})
	fork := s.repo.Fork("mallory")
	fork.Commit("change", fork.Tip("main"), "from a fork", map[string]string{"a.py": "a = 1\n" + leak(1), policyFile: "version: 1\ngates: {secrets: {mode: off}}\n"})
	n := s.repo.ForkPull(fork, "Fork", "", "main", "change", "mallory", false)
	s.want(n, "failure", "a.py:2 open")
	if notes := s.GitHub.IssueComments("acme", "shop", n); len(notes) != 1 {
		t.Errorf("%d summaries, want 1", len(notes))
	}
	fork.Remove()
	s.reviewed(n)
	s.GitHub.Rerequest(s.verdict(n).ID, "mona")
	s.reviewed(n) // without its fork
	s.want(n, "failure", "a.py:2 open")
	s.noDuplicates(n)
}

// TestADraftIsCommentedAndNeverBlocked holds that a draft gets the feedback early, and no red.
func TestADraftIsCommentedAndNeverBlocked(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\ngates: {secrets: {mode: block}}\n"})
	s.repo.Commit("change", s.base, "change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	n := s.repo.OpenPull("Change", "", "main", "change", "mona", true)
	s.want(n, "neutral", "a.py:2 open")
	for _, run := range s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", n).HeadSHA) {
		if run.Conclusion == "failure" {
			t.Errorf("%s fails on a draft", run.Name)
		}
	}
}

// TestAMilderVerdictIsTakenBackAtOnce holds that what passed as a draft, or into another branch, does not
// pass any more from the moment that it is ready, or goes elsewhere, and not only from the next verdict on.
func TestAMilderVerdictIsTakenBackAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\ngates: {secrets: {mode: block}}\n"})
	verdicts := func(n int) (list []int64) { // a new one hides the older from the moment that the review begins
		for _, run := range s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", n).HeadSHA) {
			if run.Name == checks.Name {
				list = append(list, run.ID)
			}
		}
		return list
	}
	s.repo.Commit("draft", s.base, "draft", map[string]string{"a.py": "a = 1\n" + leak(1)})
	draft := s.repo.OpenPull("Draft", "", "main", "draft", "mona", true)
	s.want(draft, "neutral", "a.py:2 open")
	s.reviewed(draft)
	s.GitHub.SetDraft("acme", "shop", draft, "mona", false)
	s.reviewed(draft)
	s.want(draft, "failure", "a.py:2 open")

	s.repo.Commit("old", s.base, "has it", map[string]string{"b.py": "b = 1\n" + leak(2)})
	s.repo.Commit("change", s.repo.Tip("old"), "change", map[string]string{"a.py": "a = 2\n"})
	moved := s.repo.OpenPull("Change", "", "old", "change", "mona", false)
	s.want(moved, "success")
	s.reviewed(moved)
	s.GitHub.ChangeBase("acme", "shop", moved, "mona", "main")
	s.reviewed(moved)
	s.want(moved, "failure", "b.py:2 open")

	for _, n := range []int{draft, moved} {
		if list := verdicts(n); len(list) != 2 {
			t.Errorf("%d: the verdicts are %v, want a second one", n, list)
		}
		s.GitHub.SetDraft("acme", "shop", n, "mona", true) // a harsher one may stand until the next
		s.reviewed(n)
		if list := verdicts(n); len(list) != 2 {
			t.Errorf("%d as a draft: the verdicts are %v, want no third one", n, list)
		}
	}
}

// TestWhatWasThereBeforeIsNotMine holds that a pull request neither shows nor fails for findings that it did
// not bring: old ones, moved ones, and removed ones (complaints 10 and 21).
func TestWhatWasThereBeforeIsNotMine(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n" + leak(1) + "b = 1\n", "gone.py": leak(2), policyFile: "version: 1\ngates: {secrets: {mode: block}}\n"})
	n := s.open("change", map[string]string{"a.py": "# more\na = 2\n" + leak(1) + "b = 2\n", "gone.py": fakegithub.Delete})
	s.want(n, "success")
	if c := s.conversation(n); c != "" {
		t.Errorf("there is talk:\n%s", c)
	}
}

// TestWhatStandsIsNotCalledFixed holds that a thread whose finding is still there says why it is resolved: another base
// has it, the policy disables the rule, the file moves to an ignored path.
func TestWhatStandsIsNotCalledFixed(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", "b.py": "b = 1\n", policyFile: "version: 1\npaths: {ignore: [\"**/testdata/**\"]}\n"})
	says := func(n int, path, want string) {
		t.Helper()
		s.reviewed(n)
		for _, thread := range s.GitHub.Threads("acme", "shop", n) {
			if first, _, _ := strings.Cut(thread.Comments[0].Body, "\n"); thread.Path == path && first != want {
				t.Errorf("%s says %s, want %s", path, first, want)
			}
		}
		if c := s.conversation(n); strings.Contains(c, "fixed on the way") {
			t.Errorf("it takes credit:\n%s", c)
		}
	}
	// The branch that it goes to has the same: for one file the change is empty then.
	base := s.repo.Commit("release", s.base, "there already", map[string]string{"a.py": "a = 1\n" + leak(1), "b.py": "b = 1\n" + leak(2)})
	s.repo.Commit("change", base, "more", map[string]string{"b.py": "b = 1\n" + leak(2) + "b = 2\n"})
	n := s.repo.OpenPull("Change", "", "main", "change", "mona", false)
	s.want(n, "neutral", "a.py:2 open", "b.py:2 open")
	s.reviewed(n)
	s.GitHub.ChangeBase("acme", "shop", n, "mona", "release")
	says(n, "a.py", "**The base branch has this by now, so it is not new here.**")
	says(n, "b.py", "**The base branch has this by now, so it is not new here.**")
	s.GitHub.ChangeBase("acme", "shop", n, "mona", "main")
	s.reviewed(n)
	s.want(n, "neutral", "a.py open", "b.py:2 open")

	// The file moves to an ignored path.
	m := s.open("hides", map[string]string{"c.py": "c = 1\n" + leak(3)})
	s.want(m, "neutral", "c.py:2 open")
	s.push(m, "hides", map[string]string{"c.py": fakegithub.Delete, "testdata/c.py": "c = 1\n" + leak(3), "e.py": "e = 1\n"})
	s.until("the new head has its verdict", func() bool { return strings.HasSuffix(s.threads(m)[0], "settled") })
	says(m, "c.py", "**No longer scanned: the policy ignores the file.**")

	// The policy disables the rule.
	k := s.open("off", map[string]string{"d.py": "d = 1\n" + leak(4)})
	s.want(k, "neutral", "d.py:2 open")
	s.repo.Commit("main", "", "off", map[string]string{policyFile: "version: 1\nrules: {gitleaks/github-pat: {mode: off, reason: \"not ours\"}}\n"})
	s.said(k, "mona", "/secbydesign rescan", "Scanning again.")
	says(k, "d.py", "**No longer shown: the policy switches this off.**")
}

// TestTheVerdictIsOfTheHead sets a branch back to a commit that was reviewed before, and on again. Only the head's own
// check shows the verdict of a head, never comments, which GitHub moves along (complaint 28).
func TestTheVerdictIsOfTheHead(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "neutral", "a.py:2 open")
	leaking := s.repo.Tip("change")
	clean := s.repo.Commit("change", s.base, "rewritten", map[string]string{"a.py": "a = 2\n"})
	s.repo.SyncPull(n)
	s.want(n, "success", "a.py settled")
	for _, to := range []struct{ sha, conclusion, thread string }{{leaking, "neutral", "open"}, {clean, "success", "settled"}, {leaking, "neutral", "open"}} {
		s.setBranch("change", to.sha)
		s.repo.SyncPull(n)
		s.until("the threads are those of the head", func() bool {
			threads := s.threads(n)
			return len(threads) == 1 && strings.HasSuffix(threads[0], to.thread)
		})
		if got := s.verdict(n).Conclusion; got != to.conclusion {
			t.Errorf("%.7s is %s, want %s", to.sha, got, to.conclusion)
		}
		s.noDuplicates(n)
	}
}

// setBranch moves a branch by force.
func (s *stage) setBranch(branch, sha string) {
	s.t.Helper()
	if out, err := exec.Command("git", "-C", s.repo.GitDir(), "update-ref", "refs/heads/"+branch, sha).CombinedOutput(); err != nil {
		s.t.Fatalf("git update-ref: %v\n%s", err, out)
	}
}
