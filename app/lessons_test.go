package app_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/record"
)

// merges merges a pull request whose head is reviewed.
func (s *stage) merges(n int) {
	s.t.Helper()
	s.reviewed(n)
	before := len(s.recorded(record.Merged))
	s.repo.MergePull(n, "mona")
	s.until("the merge is recorded", func() bool { return len(s.recorded(record.Merged)) > before })
}

// comment returns the first thread's comment of a pull request, once it is reviewed.
func (s *stage) comment(n int) string {
	s.t.Helper()
	s.reviewed(n)
	threads := s.GitHub.Threads("acme", "shop", n)
	if len(threads) == 0 {
		s.t.Fatalf("pull request %d has no thread", n)
	}
	return threads[0].Comments[0].Body
}

// links matches the commit in a link.
var links = regexp.MustCompile("/blob/[0-9a-f]{40}/")

// TestLearningFades has one weakness in several pull requests: the first of each team explains it, the others have one
// line, and an example once somebody has fixed it.
func TestLearningFades(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{
		"pay/a.py": "a = 1\n", "core/c.py": "c = 1\n", "free.py": "f = 1\n", ".github/CODEOWNERS": "/pay/ @acme/payments\n/core/ @acme/core\n",
		".secbydesign.yml": "version: 1\npaved_roads: {files: use package acme/files}\n",
	})
	s.people()
	s.GitHub.CreateTeam("acme", "payments", "olga")
	s.GitHub.CreateTeam("acme", "core", "hubot")
	const (
		long  = "<details><summary>Why this matters (CWE-798, first time "
		short = "**CWE-798**, Hard-coded credential: Revoke it now"
	)
	is := func(n int, want ...string) {
		t.Helper()
		body := s.comment(n)
		for _, w := range want {
			if not, ok := strings.CutPrefix(w, "!"); ok == strings.Contains(body, strings.TrimPrefix(w, "!")) {
				t.Errorf("pull request %d: %q in it: %v\n%s", n, not, !ok, body)
			}
		}
	}
	first := s.open("first", map[string]string{"pay/a.py": "a = 1\n" + mild(1)})
	is(first, long+"for <code>@acme/payments</code>)", "found it in `pay/a.py`, which belongs to `@acme/payments`.", "[OWASP: Secrets Management](https://cheatsheetseries.owasp.org/cheatsheets/Secrets_Management_Cheat_Sheet.html)", "!Fixed in this repository", "!"+short)
	second := s.open("second", map[string]string{"pay/b.py": "b = 1\n" + mild(2)})
	is(second, short, "!"+long, "!fixed here before")
	other := s.open("other", map[string]string{"core/c.py": "c = 1\n" + mild(3)})
	is(other, long+"for <code>@acme/core</code>)")
	free := s.open("free", map[string]string{"free.py": "f = 1\n" + mild(4)})
	is(free, long+"in this repository)", "which has no owner.")

	// The first stays the first: over a push, a restart, and a fix elsewhere.
	before := s.comment(first)
	s.repo.Commit("second", s.base, "another way", map[string]string{"pay/b.py": "b = 1\n"}) // the history forgets it
	s.repo.SyncPull(second)
	s.becomes(second, "success", "No new findings")
	s.merges(second)
	s.push(first, "first", map[string]string{"pay/x.py": "x = 1\n"})
	is(first, long+"for <code>@acme/payments</code>)", "!Fixed in this repository")
	if after := s.comment(first); links.ReplaceAllString(after, "") != links.ReplaceAllString(before, "") {
		t.Errorf("the comment of the first was\n%s\nand is\n%s", before, after)
	}
	third := s.open("third", map[string]string{"pay/d.py": "d = 1\n" + mild(5)})
	is(third, short, "fixed here before in [pull request 2](", "/acme/shop/pull/2)", "!"+long)

	clean := s.open("clean", map[string]string{"pay/e.py": "e = 1\n"})
	s.becomes(clean, "success", "No new findings")
	s.reviewed(clean)
	if list := s.repo.IssueComments(clean); len(list) != 0 {
		t.Errorf("a clean pull request has comments: %+v", list)
	}
}
