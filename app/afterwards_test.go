package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestDecideAfterTheMerge holds that the commands of a digest work: it sends people to pull requests that are merged.
func TestDecideAfterTheMerge(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	id := s.id(n)
	s.repo.MergePull(n, "mona")
	reply := s.said(n, "hubot", "/secbydesign accept "+id+" until=30d"+because, "is accepted until")
	s.said(n, "hubot", "/secbydesign revoke "+decisionIn(reply), "is revoked")
	s.said(n, "hubot", "/secbydesign fp "+id+" because [explain in at least 30 characters why this is no problem here]", "is marked as a false positive")
}

// TestDigestOfATeam follows one finding through the whole App: merged while it is open, it is on the list of its owners;
// then it is accepted, its end is announced once to who decided, it is over, and at last its code is gone.
func TestDigestOfATeam(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".github/CODEOWNERS": "* @acme/payments\n"})
	s.people()
	s.GitHub.CreateTeam("acme", "payments", "hubot", "olga")
	s.GitHub.SetPermissions(withIssues)
	desk := s.GitHub.CreateRepo("acme", "payments-security", false)
	desk.SetPermission("hubot", "write")
	desk.Commit("main", "", "begin", map[string]string{"README.md": "# The team\n"})
	s.organisation("version: 1\ndigest: {\"@acme/payments\": acme/payments-security}\n")
	s.restart(func() { s.Clock = clock.At(0) })

	var issue fakegithub.Issue
	says := func(what string) {
		t.Helper()
		s.until("the digest says "+what, func() bool {
			s.Clock.Move(30 * time.Second) // changes are collected for some seconds
			list := desk.Issues()
			if len(list) > 1 {
				t.Fatalf("%d issues", len(list))
			}
			if len(list) == 1 {
				issue = list[0]
			}
			return strings.Contains(issue.Body, what)
		})
	}
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	s.reviewed(n)
	id := s.id(n)
	s.repo.MergePull(n, "mona")
	says("**1 finding to decide**")
	if issue.Title != "Security digest of @acme/payments" || !strings.Contains(issue.Body, id) {
		t.Errorf("the issue %q does not name %s:\n%s", issue.Title, id, issue.Body)
	}
	s.GitHub.Note("acme", "shop", n, "hubot", "/secbydesign accept "+id+" until=30d reason=deadline"+because)
	says("**1 accepted**")
	if !strings.Contains(issue.Body, "1 deadline") {
		t.Errorf("it has no class of the reason:\n%s", issue.Body)
	}
	if len(desk.IssueComments(issue.Number)) > 0 {
		t.Error("an edit is announced")
	}
	day := 24 * time.Hour
	comments := func(many int, last string) {
		t.Helper()
		s.until("there is a comment with "+last, func() bool {
			list := desk.IssueComments(issue.Number)
			return len(list) == many && strings.Contains(list[many-1].Body, last) && strings.Contains(list[many-1].Body, "@hubot")
		})
	}
	s.Clock.Move(17 * day)
	comments(1, "in 1")
	s.Clock.Move(11 * day)
	comments(2, "ends")
	s.Clock.Move(5 * day)
	comments(3, "ended")
	says("**1 finding to decide**")
	if got := s.warned(); len(got) != 2 {
		t.Errorf("warned of %q", got)
	}

	s.base = s.repo.Tip("main")
	fix := s.open("fix", map[string]string{"a.py": "a = 1\n"})
	s.becomes(fix, "success", "")
	s.reviewed(fix)
	s.repo.MergePull(fix, "mona")
	says("Nothing is open")
	if len(s.recorded(record.MergedOpen)) != 1 || len(s.recorded(record.Merged)) != 2 {
		t.Errorf("%d merges, %d of them open", len(s.recorded(record.Merged)), len(s.recorded(record.MergedOpen)))
	}
	for _, number := range []int{n, fix} {
		for _, k := range s.GitHub.IssueComments("acme", "shop", number) {
			if strings.Contains(k.Body, "ends") || strings.Contains(k.Body, "@hubot") && k.Author != "hubot" {
				t.Errorf("the pull request is reminded: %s", k.Body)
			}
		}
	}
}
