package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/rehearsal"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// rehearse runs the command over the database of the App while it serves.
func (s *stage) rehearse(o app.Rehearsal) (r rehearsal.Result) {
	s.t.Helper()
	o.DataDir, o.Format = s.Settings.DataDir, "json"
	if o.Last == 0 {
		o.Last = 50
	}
	var b bytes.Buffer
	if err := app.RehearsePolicy(s.t.Context(), &b, o); err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// proposal puts a policy into a file.
func proposal(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "proposed.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// milds returns n findings of medium severity.
func milds(from, n int) (text string) {
	for i := range n {
		text += mild(from + i)
	}
	return text
}

// several opens pull requests of all kinds, and returns what each of them shows in the end: whether its check failed at
// some head and at the last one, and how many threads there are.
func (s *stage) several() map[int]string {
	s.t.Helper()
	s.repo.Commit("draft", s.base, "draft", map[string]string{"pay/d.py": leak(8)})
	numbers := []int{
		s.open("pay", map[string]string{"pay/a.py": "a = 1\n" + leak(1)}),
		s.open("web", map[string]string{"web/b.py": leak(2) + "b = 1\n" + milds(20, 2)}),
		s.open("clean", map[string]string{"README.md": "# Nothing\n"}),
		s.open("many", map[string]string{"web/many.py": milds(40, 5) + leak(41)}),
		s.open("fixed", map[string]string{"pay/m.py": leak(6) + leak(7), "web/m.py": milds(60, 1)}),
		s.open("vendored", map[string]string{"vendor/v.py": leak(9), "pay/v.py": leak(10)}),
		s.repo.OpenPull("Draft", "", "main", "draft", "mona", true),
	}
	shows := map[int]string{}
	failed := map[int]bool{}
	for _, n := range numbers {
		failed[n] = s.verdict(n).Conclusion == "failure"
	}
	// One goes on: the former findings are gone, and there are others.
	fixed := numbers[4]
	s.repo.Commit("fixed", s.base, "again", map[string]string{"web/m.py": milds(61, 3)})
	s.repo.SyncPull(fixed)
	s.stored(numbers)
	for _, n := range numbers {
		last := s.verdict(n).Conclusion == "failure"
		shows[n] = fmt.Sprintf("failed %v, at the end %v, %d threads", failed[n] || last, last, len(s.threads(n)))
	}
	return shows
}

// stored waits until the last reviews are in the database, which is just after they are shown.
func (s *stage) stored(numbers []int) {
	s.t.Helper()
	for _, n := range numbers {
		s.verdict(n)
	}
	file := proposal(s.t, "version: 1\n")
	s.until("every review is stored", func() bool {
		known := map[int]bool{}
		for _, p := range s.rehearse(app.Rehearsal{PolicyFiles: app.PolicyFiles{Organisation: file}}).Each {
			n := number(s.t, p)
			known[n] = p.Head == s.GitHub.Pull("acme", "shop", n).HeadSHA
		}
		return !slices.ContainsFunc(numbers, func(n int) bool { return !known[n] })
	})
}

func said(p rehearsal.Pull, of func(rehearsal.Count) int) string {
	return fmt.Sprintf("failed %v, at the end %v, %d threads", of(p.Blocked) > 0, of(p.AtEnd) > 0, of(p.Comments))
}

// TestARehearsalIsWhatWouldHaveBeen rehearses policies over the reviews of the App, and has the App review the same
// pull requests under each policy in another world: both agree on every one of them, and the rehearsal shows the policy
// in force as it was, too.
func TestARehearsalIsWhatWouldHaveBeen(t *testing.T) {
	t.Parallel()
	const owners = "pay/ @acme/payments\nweb/ @acme/web @mona\n"
	world := func(policy string) (*stage, map[int]string) {
		s := newStage(t, map[string]string{"a.py": "a = 1\n", "CODEOWNERS": owners, ".secbydesign.yml": policy})
		return s, s.several()
	}
	here, was := world("version: 1\npaths: {\"web/**\": {gates: {secrets: {severity: high}}}}\n")
	for _, proposed := range []string{
		"version: 1\npaths: {\"pay/**\": {gates: {secrets: {mode: block}}}}\ncomments: {limit: 2}\n",
		"version: 1\ngates: {secrets: {mode: block, severity: medium}}\npaths: {ignore: [\"vendor/**\", \"web/many.py\"]}\ncomments: {limit: 1}\n",
		"version: 1\nrules: {gitleaks/generic-api-key: {mode: off}, \"gitleaks/github-*\": {mode: block}}\n",
	} {
		r := here.rehearse(app.Rehearsal{PolicyFiles: app.PolicyFiles{File: proposal(t, proposed)}})
		_, is := world(proposed)
		if r.Pulls != len(was) || len(r.Each) != len(was) {
			t.Fatalf("%d pull requests, %d in the list, want %d", r.Pulls, len(r.Each), len(was))
		}
		for _, p := range r.Each {
			n := number(t, p)
			if got := said(p, func(c rehearsal.Count) int { return c.Now }); got != was[n] {
				t.Errorf("%s in force: %s; the App: %s", p.Name, got, was[n])
			}
			if got := said(p, func(c rehearsal.Count) int { return c.Proposed }); got != is[n] {
				t.Errorf("%s under %s: %s; the App: %s", p.Name, proposed, got, is[n])
			}
			if p.Blocked.Proposed != min(len(p.Reasons), 1) {
				t.Errorf("%s is blocked %d times for %q", p.Name, p.Blocked.Proposed, p.Reasons)
			}
		}
		if len(r.Unknown) > 0 {
			t.Errorf("not known: %q", r.Unknown)
		}
	}
}

func number(t *testing.T, p rehearsal.Pull) (n int) {
	t.Helper()
	if _, err := fmt.Sscanf(p.Name, "acme/shop#%d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestARehearsalIsWhatComesOfAChange changes the organisation's policy for good after it was
// rehearsed, and has everything reviewed again.
func TestARehearsalIsWhatComesOfAChange(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", "CODEOWNERS": "pay/ @acme/payments\n", ".secbydesign.yml": "version: 1\ngates: {secrets: {severity: critical}}\n"})
	s.GitHub.CreateTeam("acme", "payments", "olga")
	s.people()
	s.organisation("version: 1\n")
	was := s.several()
	enforce := func(pulls int) string {
		return fmt.Sprintf("version: 1\nguardrails:\n  gates: {secrets: {at_least: comment, severity: high}}\n  enforce: [{rule: \"gitleaks/*\", since: 2026-01-01}]\n  no_surprise: {min_prs_shown: %d, min_days: 30, grace_days: 0}\n", pulls)
	}
	if r := s.rehearse(app.Rehearsal{PolicyFiles: app.PolicyFiles{Organisation: proposal(t, enforce(2))}}); r.Blocked.Proposed != 0 || r.Comments.Added == 0 || len(r.Held) == 0 || len(r.Refused) == 0 {
		t.Errorf("a rule that nobody was shown: %+v", r)
	}

	// Once it was shown in as many pull requests as the rule wants, it fails checks.
	s.organisation("version: 1\nguardrails:\n  gates: {secrets: {at_least: comment}}\n")
	s.again(was)
	proposed := enforce(4)
	r := s.rehearse(app.Rehearsal{PolicyFiles: app.PolicyFiles{Organisation: proposal(t, proposed)}})
	s.organisation(proposed)
	s.again(was)
	failing := 0
	for _, p := range r.Each {
		n := number(t, p)
		fails := s.verdict(n).Conclusion == "failure"
		if fails {
			failing++
		}
		if fails != (p.AtEnd.Proposed > 0) {
			t.Errorf("%s was to fail: %v; it fails: %v\n%+v", p.Name, p.AtEnd.Proposed > 0, fails, p)
		}
	}
	if failing == 0 || failing != r.AtEnd.Proposed || r.AtEnd.Now != 0 {
		t.Errorf("%d fail; the rehearsal said %+v", failing, r.AtEnd)
	}
	i := slices.IndexFunc(r.Teams, func(row rehearsal.Row) bool { return row.Name == "@acme/payments" })
	if i < 0 || r.Teams[i].Blocked.Proposed == 0 {
		t.Errorf("teams: %+v", r.Teams)
	}
}

// again has everything reviewed again, and waits for it.
func (s *stage) again(numbers map[int]string) {
	s.t.Helper()
	for n := range numbers {
		before := s.verdict(n).ID
		s.GitHub.Note("acme", "shop", n, "hubot", "/secbydesign rescan")
		s.until("another verdict", func() bool { return s.verdict(n).ID != before })
	}
}

// TestRehearsalsThatCannotBe checks that each failure is one sentence.
func TestRehearsalsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	good, bad := proposal(t, "version: 1\n"), proposal(t, "version: 1\ngate: {}\n")
	data := s.Settings.DataDir
	junk := filepath.Join(t.TempDir(), "junk.db")
	if err := os.WriteFile(junk, []byte(strings.Repeat("junk ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	files := func(repository, organisation string) app.PolicyFiles {
		return app.PolicyFiles{File: repository, Organisation: organisation}
	}
	for _, test := range []struct {
		o    app.Rehearsal
		want string // empty if it is valid
	}{
		{app.Rehearsal{PolicyFiles: files(good, ""), Last: 5, Format: "text", DataDir: data}, ""},
		{app.Rehearsal{PolicyFiles: files("", good), Last: 5, Format: "html", DataDir: data, Repo: "acme"}, ""},
		{app.Rehearsal{PolicyFiles: files(bad, ""), Last: 5, Format: "text", DataDir: data}, bad + `:2:1: unknown key "gate", did you mean "gates"?`},
		{app.Rehearsal{PolicyFiles: files(good, bad), Last: 5, Format: "text", DataDir: data}, bad + ":2:1"},
		{app.Rehearsal{PolicyFiles: files("no.yml", ""), Last: 5, Format: "text", DataDir: data}, "no.yml"},
		{app.Rehearsal{Last: 5, Format: "text", DataDir: data}, "name the file to rehearse"},
		{app.Rehearsal{PolicyFiles: files(good, ""), Last: 5, Format: "pdf", DataDir: data}, `--format is "pdf"`},
		{app.Rehearsal{PolicyFiles: files(good, ""), Format: "text", DataDir: data}, "--last is 0"},
		{app.Rehearsal{PolicyFiles: files(good, ""), Last: 5, Format: "text", DataDir: data, Repo: "a/b/c"}, `--repo is "a/b/c"`},
		{app.Rehearsal{PolicyFiles: files(good, ""), Last: 5, Format: "text", DataDir: data, Repo: "a/"}, `--repo is "a/"`},
		{app.Rehearsal{PolicyFiles: files(good, ""), Last: 5, Format: "text", DataDir: t.TempDir()}, "there is no database"},
		{app.Rehearsal{PolicyFiles: files(good, ""), Last: 5, Format: "text", DataDir: data, Database: "postgres://u:p/w@h/d"}, "SECBYDESIGN_DATABASE_URL: the database URL cannot be read"},
		{app.Rehearsal{PolicyFiles: files(good, ""), Last: 5, Format: "text", Database: "sqlite:" + junk, DataDir: data}, "is not a database of this program"},
	} {
		var b bytes.Buffer
		err := app.RehearsePolicy(t.Context(), &b, test.o)
		switch {
		case test.want == "" && (err != nil || !strings.Contains(b.String(), "nothing to rehearse on")):
			t.Errorf("%+v: %v\n%s", test.o, err, b.String())
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") || b.Len() > 0):
			t.Errorf("%+v: %v\n%s", test.o, err, b.String())
		}
	}
}

// TestADeletedPolicyIsNotInForce has a repository that blocked once.
func TestADeletedPolicyIsNotInForce(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	one := s.open("one", map[string]string{"a.py": leak(1)})
	s.want(one, "failure", "a.py:1 open")
	o := app.Rehearsal{PolicyFiles: app.PolicyFiles{Organisation: proposal(t, "version: 1\n")}}
	s.stored([]int{one})
	if r := s.rehearse(o); r.Blocked.Now != 1 || r.Blocked.Proposed != 1 {
		t.Errorf("before: %+v", r.Blocked)
	}
	s.repo.Commit("main", "", "no policy", map[string]string{".secbydesign.yml": fakegithub.Delete})
	two := s.open("two", map[string]string{"b.py": leak(2)})
	s.want(two, "neutral", "b.py:1 open")
	s.stored([]int{one, two})
	if r := s.rehearse(o); r.Blocked.Now != 0 || r.Pulls != 2 {
		t.Errorf("afterwards: %+v", r)
	}
}

// TestARepositorysFileIsForOneRepository has two of them.
func TestARepositorysFileIsForOneRepository(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	one := s.open("one", map[string]string{"a.py": leak(1)})
	s.verdict(one)
	other := s.GitHub.CreateRepo("acme", "other", true)
	base := other.Commit("main", "", "base", map[string]string{"b.py": "b = 1\n"})
	other.Commit("two", base, "two", map[string]string{"b.py": leak(2)})
	n := other.OpenPull("Two", "", "main", "two", "mona", false)
	if _, err := s.Verdict(t.Context(), "acme", "other", n); err != nil {
		t.Fatal(err)
	}
	file := proposal(t, blocking)
	o := app.Rehearsal{PolicyFiles: app.PolicyFiles{File: file}, Last: 5, Format: "text", DataDir: s.Settings.DataDir}
	s.until("both are stored", func() bool {
		err := app.RehearsePolicy(t.Context(), &bytes.Buffer{}, o)
		return err != nil && strings.Contains(err.Error(), "the last 2 pull requests are of 2: say which with --repo OWNER/REPO")
	})
	if r := s.rehearse(app.Rehearsal{PolicyFiles: app.PolicyFiles{File: file}, Repo: "ACME/other"}); r.Pulls != 1 || r.Blocked.Proposed != 1 || r.Repositories[0] != "acme/other" {
		t.Errorf("%+v", r)
	}
	if r := s.rehearse(app.Rehearsal{PolicyFiles: app.PolicyFiles{Organisation: file}, Last: 1}); r.Pulls != 1 || r.Each[0].Name != "acme/other#1" {
		t.Errorf("the last one is %+v", r)
	}
}
