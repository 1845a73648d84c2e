package app_test

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// noise is text that compresses to about half its size, and in which scanners find nothing.
func noise(seed, bytes int) string {
	const letters = "!#$%&*+;<>?@^|~\n"
	rng := rand.New(rand.NewPCG(uint64(seed), 7))
	b := make([]byte, bytes)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return string(b)
}

// tooLarge is the text of a file that is too large to be scanned, of few lines, since each would be parsed.
func tooLarge() string { return strings.Repeat(strings.Repeat("a", 1023)+"\n", 12<<10) }

// git runs git in the stand-in's repository.
func (s *stage) git(stdin string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command("git", append([]string{"--git-dir=" + s.repo.GitDir()}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("git %s: %v", args[0], err)
	}
	return strings.TrimSpace(string(out))
}

// unreadable are branches that make a pull request unreadable, in whole or in part, for a server that fetches a
// megabyte at a time, each with the title that the check then has.
var unreadable = map[string]struct {
	branch func(s *stage, name string)
	title  string
}{
	"pack": {func(s *stage, name string) {
		s.repo.Commit(name, s.base, noise(1, 3<<20), map[string]string{"a.py": "a = 2\n"})
	}, "too large to be read"},
	"files": {func(s *stage, name string) {
		s.repo.Commit(name, s.base, "files", map[string]string{"a.txt": noise(2, 3<<20)})
	}, "too large to be read"},
	"file": {func(s *stage, name string) {
		s.repo.Commit(name, s.base, "file", map[string]string{"a.txt": tooLarge()})
	}, "Too large to be scanned: a.txt"},
	"message": {func(s *stage, name string) {
		s.repo.Commit(name, s.base, "one", map[string]string{"a.py": "a = 2\n"})
		s.repo.Commit(name, "", strings.Repeat("x", 17<<20), map[string]string{"a.py": "a = 3\n"})
		s.repo.Commit(name, "", "three", map[string]string{"a.py": "a = 4\n"})
	}, "history"},
	"files that went": {func(s *stage, name string) {
		s.repo.Commit(name, s.base, "one", map[string]string{"b.txt": noise(4, 3<<20)})
		s.repo.Commit(name, "", "two", map[string]string{"b.txt": fakegithub.Delete, "a.py": "a = 2\n"})
	}, "history"},
	"all went": {func(s *stage, name string) {
		s.repo.Commit(name, s.base, "one", map[string]string{"b.txt": noise(5, 3<<20)})
		s.repo.Commit(name, "", "two", map[string]string{"b.txt": fakegithub.Delete})
	}, "history"},
	"tree": {func(s *stage, name string) {
		blob := s.git("a = 2\n", "hash-object", "-w", "--stdin")
		tree := s.git("100644 blob "+blob+"\t.git\n", "mktree")
		commit := s.git("", "-c", "user.name=m", "-c", "user.email=m@example.com", "commit-tree", tree, "-p", s.base, "-m", "tree")
		s.git("", "update-ref", "refs/heads/"+name, commit)
	}, "could not be read"},
}

// small has a server that fetches a megabyte at a time.
func (s *stage) small() { s.restart(func() { s.Settings.FetchMB = "1" }) }

// TestWhatCannotBeReadIsJudgedByTheBase has a base that blocks, and pull requests that make themselves
// unreadable.
func TestWhatCannotBeReadIsJudgedByTheBase(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: blocking})
	s.small()
	numbers := map[string]int{}
	for name, way := range unreadable {
		branch := strings.ReplaceAll(name, " ", "-")
		way.branch(s, branch)
		numbers[name] = s.repo.OpenPull("Change", "", "main", branch, "mona", false)
	}
	for name, way := range unreadable {
		run := s.verdict(numbers[name])
		if run.Conclusion != "failure" || !strings.Contains(run.Title, way.title) || !strings.Contains(run.Title, "ncomplete: ") {
			t.Errorf("%s: %s %q", name, run.Conclusion, run.Title)
		}
		if !strings.Contains(strings.ReplaceAll(run.Summary, "\\", ""), "did not finish, and that fails the check: gates.secrets.mode is block (repository, .secbydesign.yml:") {
			t.Errorf("%s: the summary does not name the line that makes it fail:\n%s", name, run.Summary)
		}
	}
	// Nothing of a draft fails.
	s.repo.Commit("draft", s.base, noise(6, 3<<20), map[string]string{"a.py": "a = 2\n"})
	draft := s.repo.OpenPull("Draft", "", "main", "draft", "mona", true)
	if run := s.verdict(draft); run.Conclusion != "neutral" || !strings.Contains(run.Title, "too large") {
		t.Errorf("a draft: %s %q", run.Conclusion, run.Title)
	}
	s.GitHub.SetDraft("acme", "shop", draft, "mona", false)
	s.until("ready for review, it fails", func() bool { return s.verdict(draft).Conclusion == "failure" })

	// With other limits, the pull requests that were too large are reviewed again, without any other event.
	s.reviewed(draft)
	s.restart(func() { s.Settings.FetchMB = "64" })
	want := map[string]bool{"success": true, "skipped": true} // of what went again, nothing is left
	for _, name := range []string{"pack", "files", "files that went", "all went"} {
		s.until(name+" heals", func() bool { return want[s.verdict(numbers[name]).Conclusion] })
	}
}

// TestWhatCannotBeReadByEachPolicy fails only where a finding could.
func TestWhatCannotBeReadByEachPolicy(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.small()
	for i, c := range []struct{ policy, want string }{
		{fakegithub.Delete, "neutral"},
		{"version: 1\n", "neutral"},
		{allOff(), "skipped"},
		{"version: 1\npaths: {\"pay/**\": {gates: {secrets: {mode: block}}}}\n", "failure"}, // what it touches is not known
		{"version: 1\nrules: {gitleaks/github-pat: {mode: block}}\n", "failure"},
		{"version: 1\nrules: {somebody/else: {mode: block}}\n", "neutral"},
	} {
		s.base = s.repo.Commit("main", "", fmt.Sprint("policy ", i), map[string]string{policyFile: c.policy})
		branch := fmt.Sprint("pack", i)
		unreadable["pack"].branch(s, branch)
		run := s.verdict(s.repo.OpenPull("Change", "", "main", branch, "mona", false))
		if run.Conclusion != c.want || c.want != "skipped" && !strings.Contains(run.Title, "too large") {
			t.Errorf("%s: %s %q", c.policy, run.Conclusion, run.Title)
		}
	}
}

func allOff() string {
	off := "version: 1\ngates:\n"
	for _, gate := range []string{"secrets", "code", "dependencies", "infrastructure", "pipeline", "requirements"} {
		off += "  " + gate + ": {mode: off}\n"
	}
	return off
}

// TestAScannerThatDidNotFinishWhereItBlocks has files too large for a scanner in and beside the paths that
// block.
func TestAScannerThatDidNotFinishWhereItBlocks(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\npaths: {\"pay/**\": {gates: {secrets: {mode: block}}}}\n"})
	in, beside := s.open("in", map[string]string{"pay/a.txt": tooLarge()}), s.open("beside", map[string]string{"dev/a.txt": tooLarge()})
	if run := s.verdict(in); run.Conclusion != "failure" || !strings.Contains(run.Title, "gitleaks did not finish: Too large to be scanned: pay/a.txt") {
		t.Errorf("in the paths: %s %q", run.Conclusion, run.Title)
	}
	if run := s.verdict(beside); run.Conclusion != "neutral" || !strings.Contains(run.Title, "ncomplete: ") {
		t.Errorf("beside the paths: %s %q", run.Conclusion, run.Title)
	}
}

// TestWhatCannotBeReadUnderAGuardrail has an organisation that enforces a rule, of which the repository
// says nothing: it fails where a finding would fail, and only there.
func TestWhatCannotBeReadUnderAGuardrail(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\nscanners: {gitleaks: {enabled: false}}\n"})
	s.organisation(enforcing)
	s.small()
	open := func(name string) fakegithub.CheckRun {
		s.repo.Commit(name, s.base, noise(len(name), 3<<20), map[string]string{"a.py": "a = 2\n"})
		return s.verdict(s.repo.OpenPull("Change", "", "main", name, "mona", false))
	}
	if run := open("early"); run.Conclusion != "neutral" || !strings.Contains(run.Title, "too large") {
		t.Errorf("before the rule was shown: %s %q", run.Conclusion, run.Title)
	}
	for i := range 2 {
		n := s.open(fmt.Sprint("shown", i), map[string]string{fmt.Sprint(i, ".py"): leak(i)})
		s.want(n, "neutral", fmt.Sprint(i, ".py:1 open"))
		s.reviewed(n)
	}
	run := open("unreadable")
	if run.Conclusion != "failure" || !strings.Contains(run.Title, "too large") {
		t.Errorf("unreadable: %s %q", run.Conclusion, run.Title)
	}
	if text := strings.ReplaceAll(run.Summary, "\\", ""); !strings.Contains(text, `gitleaks did not finish, and that fails the check: the organisation enforces "gitleaks/*" since 2026-01-01 (organisation, acme/.github/.secbydesign.yml:3).`) {
		t.Errorf("the line that makes it fail is not named:\n%s", text)
	}
	// A finding of the rule fails no check from a scan that is not complete; the scan itself does.
	n := s.open("half", map[string]string{"b.py": leak(7), "a.txt": tooLarge()})
	s.want(n, "failure", "b.py:1 open")
}

// away makes git fail, and if api is true also the API that reads files.
func (s *stage) away(api bool) {
	s.GitHub.Fail(fakegithub.Fault{Path: "/acme/shop.git/**", Status: 502, Count: -1})
	if api {
		s.GitHub.Fail(fakegithub.BadGateway("GET", "/repos/acme/shop/contents/*", -1, false))
	}
}

// TestThePolicyIsReadWithoutGit has git away, and base branches with policies that no review has read.
func TestThePolicyIsReadWithoutGit(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.away(false)
	numbers := map[string]int{}
	for branch, text := range map[string]string{"block": blocking, "comment": "version: 1\n", "none": fakegithub.Delete} {
		base := s.repo.Commit(branch, s.base, "policy", map[string]string{policyFile: text})
		s.repo.Commit("to-"+branch, base, "change for "+branch, map[string]string{"a.py": "a = 2\n"})
		numbers[branch] = s.repo.OpenPull("Change", "", branch, "to-"+branch, "mona", false)
	}
	for branch, want := range map[string]string{"block": "failure", "comment": "neutral", "none": "neutral"} {
		if run := s.verdict(numbers[branch]); run.Conclusion != want || !strings.Contains(run.Title, "could not be read") {
			t.Errorf("%s: %s %q", branch, run.Conclusion, run.Title)
		}
	}
	s.GitHub.ClearFaults()
	for _, n := range numbers {
		s.until("it heals", func() bool { return s.verdict(n).Conclusion == "success" })
	}
}

// TestTheEndsCannotBeCompared has GitHub fail at the comparison, so that the merge base is not known. The base blocks
// since the pull request was opened.
func TestTheEndsCannotBeCompared(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.Fail(fakegithub.BadGateway("GET", "/repos/*/*/compare/**", -1, false))
	n := s.open("change", map[string]string{"a.py": "a = 2\n"})
	s.repo.Commit("main", "", "block", map[string]string{policyFile: blocking})
	if run := s.verdict(n); run.Conclusion != "failure" || !strings.Contains(run.Title, "could not be read") {
		t.Errorf("%s %q", run.Conclusion, run.Title)
	}
	s.GitHub.ClearFaults()
	s.until("it heals", func() bool { return s.verdict(n).Conclusion == "success" })
}

// TestABranchOfItsOwn has no history in common with the base, which blocks since the pull request was opened.
func TestABranchOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.Fail(fakegithub.BadGateway("GET", "/repos/*/*/pulls/*", 1, false)) // until the base has moved
	s.git("commit refs/heads/orphan\ncommitter m <m@example.com> 1700000000 +0000\ndata 1\nx\nM 100644 inline b.py\ndata "+fmt.Sprint(len(leak(1)))+"\n"+leak(1)+"\n", "fast-import", "--quiet")
	n := s.repo.OpenPull("Change", "", "main", "orphan", "mona", false)
	s.repo.Commit("main", "", "block", map[string]string{policyFile: blocking})
	if run := s.verdict(n); run.Conclusion != "failure" || !strings.Contains(run.Title, "1 new finding") {
		t.Errorf("%s %q", run.Conclusion, run.Title)
	}
}

// TestThePolicyCannotBeReadEither uses the policy that an earlier review read, and fails if there is none.
func TestThePolicyCannotBeReadEither(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy string
		before bool // there is an earlier review
		want   string
	}{
		"it blocked":     {blocking, true, "failure"},
		"it commented":   {"version: 1\n", true, "neutral"},
		"there was none": {fakegithub.Delete, true, "neutral"},
		"nobody knows":   {fakegithub.Delete, false, "failure"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\n"})
			s.base = s.repo.Commit("main", "", "policy", map[string]string{policyFile: c.policy})
			if c.before {
				n := s.open("before", map[string]string{"a.py": "a = 2\n"})
				s.want(n, "success")
				s.reviewed(n)
			}
			s.away(true)
			n := s.open("change", map[string]string{"a.py": "a = 3\n"})
			run := s.verdict(n)
			if run.Conclusion != c.want || !strings.Contains(run.Title, "could not be read") {
				t.Errorf("%s %q", run.Conclusion, run.Title)
			}
			s.GitHub.ClearFaults()
			s.until("it heals", func() bool { return s.verdict(n).Conclusion == "success" })
		})
	}
}

// TestAMergeGroupThatCannotBeRead is judged by the policy of the base, too.
func TestAMergeGroupThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\n"})
	s.queues()
	n := s.open("change", map[string]string{"a.py": "a = 2\n"})
	s.becomes(n, "success", "No new findings")
	// The base has another policy since, which no review has read.
	s.repo.Commit("main", "", "block", map[string]string{policyFile: blocking})
	s.small()
	s.repo.Commit("change", "", "files", map[string]string{"a.txt": noise(1, 3<<20), "b.txt": noise(2, 3<<20)})
	s.repo.MovePull(n)
	if run := s.group(s.repo.Enqueue("mona", n)); run.Conclusion != "failure" || !strings.Contains(run.Title, "too large") {
		t.Errorf("%s: %s", run.Conclusion, run.Title)
	}
}
