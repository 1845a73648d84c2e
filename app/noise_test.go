package app_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
)

// ruleChanges lists the changes of the noise meter.
func (s *stage) ruleChanges(kind string) (list []record.RuleChange) {
	s.t.Helper()
	l, err := ledger.OpenReader(s.t.Context(), "sqlite:"+filepath.Join(s.Settings.DataDir, "secbydesign.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	events, err := l.Events(s.t.Context(), ledger.Filter{Kind: kind})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events {
		c, err := record.ReadOwnership[record.RuleChange](e.ID, e.Data)
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, c)
	}
	return list
}

// rate opens two pull requests with 12 findings each. The author and an outsider say of all of them that they are noise,
// which demotes nothing, and then a colleague says so of some.
func (s *stage) rate(colleague int) {
	s.t.Helper()
	for i := range 2 {
		n := s.open(fmt.Sprint("noisy", i), map[string]string{fmt.Sprintf("n%d.py", i): milds(100*(i+1), 12)})
		s.becomes(n, "neutral", "12 new findings")
		ids := s.ids(n)
		if len(ids) != 12 {
			s.t.Fatalf("%d ids are listed", len(ids))
		}
		s.said(n, "visitor", "/secbydesign not-useful "+strings.Join(ids, ",")+" noise", "Only the author and people who may write")
		for _, text := range []string{"noise", "wrong"} {
			s.said(n, "mona", "/secbydesign not-useful "+strings.Join(ids, ",")+" "+text, "as "+text+".")
		}
		s.quiet(n)
		if changes := s.ruleChanges(record.RuleDemoted); len(changes) > 0 {
			s.t.Fatalf("one person demoted a rule: %+v", changes)
		}
		if i == 0 {
			continue
		}
		s.said(n, "hubot", "/secbydesign not-useful "+strings.Join(ids[:colleague], ",")+" noise", "as noise.")
	}
}

// TestANoisyRuleBecomesQuiet has two people find a rule noisy in two pull requests. The rule is quiet in the next one, and
// nothing changes where it was shown already. Pinned, it is shown again.
func TestANoisyRuleBecomesQuiet(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": "version: 1\ngates: {secrets: {mode: block}}\nrules: {gitleaks/generic-api-key: {mode: comment}}\n"})
	s.people()
	s.rate(2)
	changes := s.ruleChanges(record.RuleDemoted)
	if len(changes) != 1 || changes[0].Rule != "gitleaks/generic-api-key" || changes[0].Verdicts != 24 || changes[0].NotUseful != 24 || changes[0].People != 2 || changes[0].State != record.NoiseSilent || changes[0].Version == "" {
		t.Fatalf("the changes are %+v", changes)
	}

	quiet := s.open("next", map[string]string{"next.py": milds(300, 3)})
	s.becomes(quiet, "success", "")
	if threads := s.threads(quiet); len(threads) > 0 {
		t.Errorf("a quiet rule comments: %q", threads)
	}
	summary := s.verdict(quiet).Summary
	if !strings.Contains(summary, "gitleaks/generic-api-key is quiet in this repository since ") || !strings.Contains(summary, "24 of 24 verdicts were that it is not useful. Only counted here: 3.") {
		t.Errorf("the check does not say what it does not show:\n%s", summary)
	}
	if strings.Contains(summary, "the policy only observes") {
		t.Errorf("the check blames the policy:\n%s", summary)
	}
	if list := s.bot(quiet); len(list) > 0 || len(s.GitHub.IssueComments("acme", "shop", quiet)) > 0 {
		t.Errorf("a quiet rule has a comment: %q", list)
	}
	s.said(quiet, "mona", "/secbydesign status", "**Quiet here**\n\n- `gitleaks/generic-api-key`, 24 of 24 were not useful, since ")
	// Another rule of the same scanner is as loud as before.
	loud := s.open("loud", map[string]string{"loud.py": leak(9)})
	s.becomes(loud, "failure", "1 new finding")
	// Where it was shown, it stays.
	s.said(2, "mona", "/secbydesign rescan", "")
	s.reviewed(2)
	s.becomes(2, "neutral", "12 new findings")
	s.rehearsed(quiet)
	s.listed()

	s.repo.Commit("main", "", "pin it", map[string]string{".secbydesign.yml": "version: 1\nnoise: {pin: [\"gitleaks/*\"]}\n"})
	s.base = s.repo.Commit("main", "", "more", map[string]string{"b.py": "b = 1\n"})
	pinned := s.open("pinned", map[string]string{"pinned.py": milds(400, 3)})
	s.becomes(pinned, "neutral", "3 new findings")
	if threads := s.threads(pinned); len(threads) != 3 {
		t.Errorf("pinned, it comments %q", threads)
	}
	if n := len(s.ruleChanges(record.RuleDemoted)) + len(s.ruleChanges(record.RuleRestored)); n != 1 {
		t.Errorf("the meter changed %d times", n)
	}
}

// listed has the command for scanners name the quiet rule.
func (s *stage) listed() {
	s.t.Helper()
	l, err := ledger.OpenReader(s.t.Context(), "sqlite:"+filepath.Join(s.Settings.DataDir, "secbydesign.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	states, err := l.RuleStates(s.t.Context(), "acme", "shop")
	if err != nil || len(states) != 1 {
		s.t.Fatalf("%+v, %v", states, err)
	}
	var b bytes.Buffer
	now := time.Now()
	if err := app.ListNoise(s.t.Context(), &b, s.Settings.DataDir, "", now); err != nil {
		s.t.Fatal(err)
	}
	day := func(days int) string { return states[0].Since.AddDate(0, 0, days).Format(time.DateOnly) }
	want := `
RULE                      NOT USEFUL  RATE   90 % INTERVAL  REPOSITORIES
gitleaks/generic-api-key  24 of 24    100 %  90 to 100 %    1

QUIET RULE                REPOSITORY  STATE   NOT USEFUL  SINCE       TRIED AGAIN
gitleaks/generic-api-key  acme/shop   silent  24 of 24    ` + day(0) + `  ` + day(90) + "\n"
	if b.String() != want {
		s.t.Errorf("listed is\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if err := app.ListNoise(s.t.Context(), &b, s.t.TempDir(), "", now); err != nil || !strings.Contains(b.String(), "There is no record of reviews yet") {
		s.t.Errorf("without a database: %s, %v", b.String(), err)
	}
}

// rehearsed has a rehearsal of a pull request in which a rule was quiet.
func (s *stage) rehearsed(n int) {
	s.t.Helper()
	s.reviewed(n)
	for text, want := range map[string]int{"version: 1\n": 0, "version: 1\nnoise: {pin: [gitleaks/generic-api-key]}\n": 3} {
		file := proposal(s.t, text)
		for _, p := range s.rehearse(app.Rehearsal{PolicyFiles: app.PolicyFiles{File: file}}).Each {
			if number(s.t, p) == n && (p.Comments.Now != 0 || p.Comments.Proposed != want) {
				s.t.Errorf("under %q: %+v", text, p.Comments)
			}
		}
	}
}

// TestAGuardrailKeepsANoisyRuleVisible has the organisation want findings of secrets shown, and enforce them: they stay
// visible, and none fails a check.
func TestAGuardrailKeepsANoisyRuleVisible(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	org := s.GitHub.CreateRepo("acme", ".github", true)
	org.Commit("main", "", "policy", map[string]string{".secbydesign.yml": "version: 1\nguardrails:\n  gates: {secrets: {at_least: comment}}\n"})
	s.people()
	s.rate(2)
	if changes := s.ruleChanges(record.RuleDemoted); len(changes) != 1 {
		t.Fatalf("the changes are %+v", changes)
	}
	n := s.open("next", map[string]string{"next.py": milds(300, 3)})
	s.becomes(n, "neutral", "3 new findings")
	if threads := s.threads(n); len(threads) != 3 {
		t.Errorf("it comments %q", threads)
	}
}
