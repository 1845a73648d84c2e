package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// organisation puts a policy into acme/.github.
func (s *stage) organisation(text string) { s.organisationAt(".github", text) }

func (s *stage) organisationAt(name, text string) {
	s.t.Helper()
	repo := s.GitHub.Repo("acme", name)
	if repo == nil {
		repo = s.GitHub.CreateRepo("acme", name, false)
		repo.Commit("main", "", "policy of the organisation", map[string]string{"README.md": "# acme\n", ".secbydesign.yml": text})
		return
	}
	repo.Commit("main", "", "another policy", map[string]string{".secbydesign.yml": text})
}

const guarding = `version: 1
guardrails:
  gates: {secrets: {at_least: comment}}
`

// TestTheOrganisationHolds is a repository that switches off what its organisation guards.
func TestTheOrganisationHolds(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": "version: 1\ngates: {secrets: {mode: off}}\npaths: {ignore: [\"**\"]}\n"})
	one := s.open("one", map[string]string{"b.py": "b = 1\n" + leak(1)})
	if run := s.verdict(one); run.Conclusion != "skipped" {
		t.Errorf("without an organisation's policy: %s %s", run.Conclusion, run.Title)
	}
	s.organisation(guarding)
	two := s.open("two", map[string]string{"c.py": "c = 1\n" + leak(2)})
	s.want(two, "neutral", "c.py:2 open")
}

// TestAForkIsNoPolicy has an organisation with a fork of this program's repository and its policy.
func TestAForkIsNoPolicy(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.CreateOrg("makers")
	upstream := s.GitHub.CreateRepo("makers", "secbydesign", true)
	upstream.Commit("main", "", "its own policy", map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": "version: 1\ngates: {secrets: {mode: off}}\npaths: {ignore: [\"**\"]}\n"})
	fork := upstream.Fork("acme")
	one := s.open("one", map[string]string{"b.py": "b = 1\n" + leak(1)})
	s.want(one, "neutral", "b.py:2 open")

	// In the fork itself it holds, as anywhere.
	fork.Commit("change", fork.Tip("main"), "change", map[string]string{"b.py": "b = 1\n" + leak(2)})
	n := fork.OpenPull("Change", "", "main", "change", "mona", false)
	head := s.GitHub.Pull("acme", "secbydesign", n).HeadSHA
	s.until("the fork's own policy holds", func() bool {
		for _, run := range s.GitHub.CheckRuns("acme", "secbydesign", head) {
			if run.Name == checks.Name && run.Conclusion == "skipped" {
				return true
			}
		}
		return false
	})
	three := s.open("three", map[string]string{"c.py": "c = 1\n" + leak(3)})
	s.want(three, "neutral", "c.py:2 open")
}

// TestAPullRequestSwitchesEverythingOff is judged by the policy of the base, and shows what its own policy would do.
func TestAPullRequestSwitchesEverythingOff(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.organisation(guarding)
	off := "version: 1\ngates:\n"
	for _, gate := range []string{"secrets", "code", "dependencies", "infrastructure", "pipeline", "requirements"} {
		off += "  " + gate + ": {mode: off}\n"
	}
	n := s.open("off", map[string]string{"a.py": "a = 1\n" + leak(1), ".secbydesign.yml": off})
	s.want(n, "failure", "a.py:2 open")
	run := s.verdict(n)
	id := s.id(n)
	for _, want := range []string{
		"this review follows the policy of the base", "gates.code.mode from comment to off", "gates.secrets.mode from block to comment",
		"1 would fail the check no more (" + id + ")", "off is too mild; the organisation wants at least comment",
	} {
		if !strings.Contains(strings.ReplaceAll(run.Summary, "\\", ""), want) {
			t.Errorf("the summary does not say %q:\n%s", want, run.Summary)
		}
	}
	found := false
	for _, a := range run.Annotations {
		found = found || a.Path == ".secbydesign.yml" && a.StartLine == 3 && strings.Contains(a.Message, "too mild")
	}
	if !found {
		t.Errorf("the refused line has no annotation: %+v", run.Annotations)
	}
}

// TestRefusalsAreReported has a base that tries to be milder than it may: each review says so, and only in its check. A
// pull request that keeps the line does not say it twice.
func TestRefusalsAreReported(t *testing.T) {
	t.Parallel()
	mild := "version: 1\ngates: {secrets: {mode: off}}\n"
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": mild})
	s.organisation(guarding)
	one := s.open("one", map[string]string{"b.py": "b = 1\n"})
	s.want(one, "success")
	s.announced(one, "Refused at the base: .secbydesign.yml:2:25: gates.secrets.mode: off is too mild; the organisation wants at least comment for findings of low severity or worse (organisation, acme/.github/.secbydesign.yml:3).")
	if said := s.conversation(one); said != "" {
		t.Errorf("it is commented:\n%s", said)
	}
	two := s.open("two", map[string]string{".secbydesign.yml": "version: 1\n\ngates: {secrets: {mode: off}}\n"})
	s.want(two, "success")
	s.announced(two, "off is too mild")
}

// TestAPolicyNamesNobody annotates the line that names an unknown scanner, and accepts it: a workflow may send results.
func TestAPolicyNamesNobody(t *testing.T) {
	t.Parallel()
	s := uploadStage(t, nil)
	s.pushed(handler(query(1)))
	n := s.open("change", map[string]string{".secbydesign.yml": "version: 1\nscanners: {gitleeks: {enabled: true}, codeql: {enabled: true}}\nrules:\n  dokcerfile/root-user: {mode: off}\n  gitleaks/x: {mode: off}\n"})
	var run fakegithub.CheckRun
	s.until("it has its verdict", func() bool { run = s.verdict(n); return run.Conclusion != "" })
	want := `.secbydesign.yml:2 unknown scanner "gitleeks", did you mean "gitleaks"?
.secbydesign.yml:4 unknown scanner "dokcerfile", did you mean "dockerfile"?
`
	if got := notes(run); got != want || run.Annotations[0].Level != "warning" {
		t.Errorf("annotations:\n%s%+v", got, run.Annotations)
	}
	s.announced(n, "It would change")
}

// TestRenewalsEnd has one finding accepted in two pull requests, of which the organisation takes one.
func TestRenewalsEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".github/CODEOWNERS": "* @olga\n"})
	s.people()
	s.organisation("version: 1\nguardrails: {accept: {max_renewals: 0}}\n")
	one := s.open("one", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.GitHub.Note("acme", "shop", one, "hubot", "/secbydesign accept "+s.id(one)+" until=30d"+because)
	s.becomes(one, "success", "")
	two := s.open("two", map[string]string{"a.py": "a = 1\n" + mild(1), "b.py": "b = 1\n"})
	id := s.id(two)
	s.said(two, "hubot", "/secbydesign accept "+id+" until=30d"+because, "at most 0 renewals are allowed")
	s.GitHub.Note("acme", "shop", two, "lea", "/secbydesign accept "+id+" until=30d"+because)
	s.until("the lead's word counts", func() bool { return strings.Contains(s.verdict(two).Summary, "lea") })
}

// enforcing fails a check for what gitleaks finds once two pull requests were shown it.
const enforcing = `version: 1
guardrails:
  enforce: [{rule: "gitleaks/*", since: 2026-01-01}]
  no_surprise: {min_prs_shown: 2, min_days: 30, grace_days: 0}
`

// TestNoSurprise has an organisation that enforces a rule: it fails a check only when the rule was
// shown before, and ceases to when people find it to be of no use.
func TestNoSurprise(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	s.organisation(enforcing)
	one := s.open("one", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(one, "neutral", "a.py:2 open")
	s.announced(one, "gitleaks/github-pat does not fail the check yet: it was shown for 0 days here and in 0 pull requests of the organisation, and 30 days or 2 pull requests are required first (organisation, acme/.github/.secbydesign.yml:3).")
	two := s.open("two", map[string]string{"b.py": "b = 1\n" + leak(2)})
	s.want(two, "neutral", "b.py:2 open")
	three := s.open("three", map[string]string{"c.py": "c = 1\n" + leak(3)})
	s.want(three, "failure", "c.py:2 open")
	if text := strings.ReplaceAll(s.verdict(three).Summary, "\\", ""); !strings.Contains(text, `gitleaks/github-pat fails the check: the organisation enforces "gitleaks/*" since 2026-01-01 (organisation, acme/.github/.secbydesign.yml:3).`) {
		t.Errorf("the line that lets it fail is not named:\n%s", text)
	}
	s.said(three, "hubot", "/secbydesign not-useful "+s.id(three)+" noise", "Recorded for the owners")
	four := s.open("four", map[string]string{"d.py": "d = 1\n" + leak(4)})
	s.want(four, "neutral", "d.py:2 open")
	s.announced(four, "does not fail the check yet: people found 1 of 3 of no use in the organisation, more than 5 % (")

	// During its days of grace the check shows the day, once, and says nothing of a finding that could not fail.
	today := time.Now().UTC()
	s.organisation("version: 1\nguardrails:\n  enforce: [{rule: \"gitleaks/*\", since: " + today.Format(time.DateOnly) + "}]\n")
	five := s.open("five", map[string]string{"e.py": "e = 1\n" + leak(5) + leak(6)})
	s.want(five, "neutral", "e.py:2 open", "e.py:3 open")
	s.announced(five, "gitleaks/github-pat does not fail the check yet: it fails checks from "+today.AddDate(0, 0, 14).Format(time.DateOnly)+" on, 14 days after it was announced (organisation, acme/.github/.secbydesign.yml:3).")
}

// TestOpinionsThatDoNotCount are those of a contributor without any right, and of the author of a pull
// request about it: an enforced rule goes on failing the check.
func TestOpinionsThatDoNotCount(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	s.organisation(enforcing)
	one := s.open("one", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(one, "neutral", "a.py:2 open")
	two := s.open("two", map[string]string{"b.py": "b = 1\n" + leak(2)})
	s.want(two, "neutral", "b.py:2 open")
	fork := s.repo.Fork("casey")
	fork.Commit("patch", s.base, "from outside", map[string]string{"c.py": "c = 1\n" + leak(3)})
	outside := s.repo.ForkPull(fork, "From outside", "", "main", "patch", "casey", false)
	s.becomes(outside, "failure", "1 new finding")
	s.said(outside, "casey", "/secbydesign not-useful "+s.id(outside)+" wrong", "Recorded for the owners")
	three := s.open("three", map[string]string{"d.py": "d = 1\n" + leak(4)})
	s.want(three, "failure", "d.py:2 open")
	s.said(three, "mona", "/secbydesign not-useful "+s.id(three)+" wrong", "Recorded for the owners")
	four := s.open("four", map[string]string{"e.py": "e = 1\n" + leak(5)})
	s.want(four, "failure", "e.py:2 open")
}

// announced wants the summary to say something exactly once.
func (s *stage) announced(n int, want string) {
	s.t.Helper()
	if text := strings.ReplaceAll(s.verdict(n).Summary, "\\", ""); strings.Count(text, want) != 1 {
		s.t.Errorf("not reported once: %s\n%s", want, text)
	}
}

// TestATeamsOwnBlockHoldsAtOnce needs no announcement, and the check names its line.
func TestATeamsOwnBlockHoldsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": "version: 1\npaths:\n  \"pay/**\":\n    gates: {secrets: {mode: block}}\n"})
	one := s.open("one", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(one, "neutral", "a.py:2 open")
	two := s.open("two", map[string]string{"pay/a.py": "a = 1\n" + leak(2)})
	s.want(two, "failure", "pay/a.py:2 open")
	if text := strings.ReplaceAll(s.verdict(two).Summary, "\\", ""); !strings.Contains(text, `gitleaks/github-pat fails the check: paths."pay/**".gates.secrets.mode is block (repository, .secbydesign.yml:4).`) {
		t.Errorf("the line that makes it fail is not named:\n%s", text)
	}
}

// TestSuppressionsAreShown has a pull request that tries to silence its own finding.
func TestSuppressionsAreShown(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1  # gitleaks:allow\n"})
	n := s.open("change", map[string]string{
		"a.py":            "a = 1  # gitleaks:allow\n" + strings.TrimSpace(leak(1)) + "  # gitleaks:allow\nb = 2  # gitleaks:allow because of old tests\n",
		".gitleaksignore": "a.py:github-pat:2\ngone.py:github-pat:2\n",
	})
	s.want(n, "neutral", "a.py:2 open")
	run := s.verdict(n)
	text := strings.ReplaceAll(run.Summary, "\\", "")
	for _, want := range []string{
		"adds suppressions, which silence nothing here and are for its reviewers to judge: ",
		"`.gitleaksignore:1` (give a reason, as in `# why it is safe here`), `.gitleaksignore:2` (give a reason, as in `# why it is safe here`; remove it, since it matches nothing), ",
		"`a.py:2` (give a reason, as in `# gitleaks:allow why it is safe here`), `a.py:3` (remove it, since it matches nothing), `.gitleaksignore`.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("not reported: %s\n%s", want, text)
		}
	}
	want := `.gitleaksignore:1 This file makes a scanner skip findings. It has no effect in this pull request; its reviewers decide whether it should have one later.
.gitleaksignore:1 "a.py:github-pat:2" gives no reason: write ~# why it is safe here~ with it.
.gitleaksignore:2 "gone.py:github-pat:2" gives no reason: write ~# why it is safe here~ with it. It matches nothing: there is no file "gone.py".
a.py:2 "gitleaks:allow" silences a scanner here, and nothing in this pull request. It gives no reason: write ~# gitleaks:allow why it is safe here~.
a.py:3 "gitleaks:allow" silences a scanner here, and nothing in this pull request. It matches nothing: gitleaks found nothing on this line or the next.
`
	if got := strings.ReplaceAll(notes(run), "`", "~"); got != want {
		t.Errorf("annotations:\n%s", got)
	}
}
