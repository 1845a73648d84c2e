package pull_test

import (
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// A world is Acme/Shop at the stand-in, with two commits at main, of which change parted at the first.
type world struct {
	gh           *fakegithub.Server
	repo         *fakegithub.Repo
	first, later string // of main
	head         string // of change
	number       int
}

func newWorld(t *testing.T, public bool) *world {
	t.Helper()
	gh, err := fakegithub.New(fakegithub.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if err := gh.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	gh.CreateOrg("Acme")
	w := &world{gh: gh, repo: gh.CreateRepo("Acme", "Shop", public)}
	gh.Install("Acme")
	w.first = w.repo.Commit("main", "", "base", map[string]string{"a": "a\n"})
	w.repo.Commit("change", w.first, "change", map[string]string{"b": "b\n"})
	w.head = w.repo.Commit("change", "", "more", map[string]string{"c": "c\n"})
	w.number = w.repo.OpenPull("Change", "", "main", "change", "mona", false)
	w.later = w.repo.Commit("main", "", "meanwhile", map[string]string{"d": "d\n"})
	return w
}

func (w *world) client(t *testing.T) *github.Client {
	t.Helper()
	rest, err := github.NewClient(&http.Client{Transport: bearer(w.gh.Token("Acme", nil))}).WithEnterpriseURLs(w.gh.URL(), w.gh.URL())
	if err != nil {
		t.Fatal(err)
	}
	return rest
}

// want is the pull request as it is after newWorld.
func (w *world) want() pull.Pull {
	return pull.Pull{
		RepoID: w.repo.ID(), Owner: "Acme", Repo: "Shop", Number: w.number, URL: fmt.Sprintf("%s/Acme/Shop/pull/%d", w.gh.URL(), w.number), Public: true,
		Head: w.head, BaseRef: "main", Base: w.later, Author: "mona", Open: true, Default: true, MergeBase: w.first, Commits: 2, Files: 2, Lines: 2,
	}
}

// TestRead has a pull request in each state. Its base is the newest commit of the branch, which GitHub's own answer
// about it does not know yet.
func TestRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		private bool
		change  func(w *world, want *pull.Pull)
	}{
		"open":    {false, func(*world, *pull.Pull) {}},
		"private": {true, func(_ *world, want *pull.Pull) { want.Public = false }},
		"a draft": {false, func(w *world, want *pull.Pull) {
			w.gh.SetDraft("Acme", "Shop", w.number, "mona", true)
			want.Draft = true
		}},
		"closed": {false, func(w *world, want *pull.Pull) {
			w.gh.ClosePull("Acme", "Shop", w.number, "mona", false)
			want.Open, want.Base, want.MergeBase = false, w.first, ""
		}},
		"in a fork": {false, func(w *world, want *pull.Pull) {
			w.repo = w.repo.Fork("casey")
			w.gh.Install("casey")
			w.number = w.repo.OpenPull("Change", "", "main", "change", "casey", false)
			*want = w.want()
			want.Owner, want.Author, want.Fork, want.URL = "casey", "casey", true, w.gh.URL()+"/casey/Shop/pull/1"
		}},
		"from a fork": {false, func(w *world, want *pull.Pull) {
			fork := w.repo.Fork("casey")
			w.number = w.repo.ForkPull(fork, "Change", "", "main", "change", "casey", false)
			*want = w.want()
			want.Author = "casey"
		}},
		"of a branch with a slash": {false, func(w *world, want *pull.Pull) {
			w.repo.Commit("release/1", w.first, "release", map[string]string{"r": "r\n"})
			w.number = w.repo.OpenPull("Change", "", "release/1", "change", "mona", false)
			*want = w.want()
			want.BaseRef, want.Base, want.Default = "release/1", w.repo.Tip("release/1"), false
		}},
		"without a common history": {false, func(w *world, want *pull.Pull) {
			orphan := w.orphan(t, "orphan")
			w.number = w.repo.OpenPull("Change", "", "main", "orphan", "mona", false)
			w.later = w.repo.Commit("main", "", "later still", map[string]string{"e": "e\n"})
			*want = w.want()
			want.Head, want.MergeBase, want.Commits, want.Files, want.Lines = orphan, "", 1, 0, 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, !c.private)
			want := w.want()
			c.change(w, &want)
			p, err := pull.Read(t.Context(), w.clientOf(t, want.Owner), want.RepoID, want.Owner, want.Repo, want.Number)
			if err != nil || p != want {
				t.Errorf("got  %+v, %v\nwant %+v", p, err, want)
			}
		})
	}
}

func (w *world) clientOf(t *testing.T, owner string) *github.Client {
	t.Helper()
	rest, err := github.NewClient(&http.Client{Transport: bearer(w.gh.Token(owner, nil))}).WithEnterpriseURLs(w.gh.URL(), w.gh.URL())
	if err != nil {
		t.Fatal(err)
	}
	return rest
}

// orphan makes a branch that has nothing in common with main.
func (w *world) orphan(t *testing.T, branch string) string {
	t.Helper()
	cmd := exec.Command("git", "--git-dir="+w.repo.GitDir(), "fast-import", "--quiet")
	cmd.Stdin = strings.NewReader("commit refs/heads/" + branch + "\ncommitter m <m@example.com> 1700000000 +0000\ndata 1\nx\nM 100644 inline o\ndata 2\no\n\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return w.repo.Tip(branch)
}

// TestNames: the repository is called as GitHub spells it, and another one is refused.
func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	client, id := w.client(t), w.repo.ID()
	for _, c := range []struct {
		name        string
		id          int64
		owner, repo string
		want        string // who it is of; empty for that it has moved
	}{
		{"its own", id, "Acme", "Shop", "Acme/Shop"},
		{"in other letters", id, "acme", "shop", "Acme/Shop"},
		{"without an id, as it was asked for", 0, "acme", "shop", "acme/shop"},
		{"another id", id + 1, "Acme", "Shop", ""},
	} {
		p, err := pull.Read(t.Context(), client, c.id, c.owner, c.repo, w.number)
		var moved *installation.Moved
		switch {
		case c.want == "" && (!errors.As(err, &moved) || moved.Was != c.owner+"/"+c.repo || p != pull.Pull{}):
			t.Errorf("%s: %+v, %v", c.name, p, err)
		case c.want != "" && (err != nil || p.Owner+"/"+p.Repo != c.want || p.RepoID != c.id || p.Head != w.head):
			t.Errorf("%s: %+v, %v", c.name, p, err)
		}
	}
	// GitHub leads on from the name that it had.
	w.repo.Rename("Store")
	var moved *installation.Moved
	if _, err := pull.Read(t.Context(), client, id, "Acme", "Shop", w.number); !errors.As(err, &moved) || moved.Was != "Acme/Shop" {
		t.Errorf("after a rename: %v", err)
	}
	if p, err := pull.Read(t.Context(), client, id, "Acme", "Store", w.number); err != nil || p.Repo != "Store" {
		t.Errorf("by its new name: %+v, %v", p, err)
	}
}

// TestWhatCannotBeRead says what is known of a pull request whose ends cannot be compared, of which the base is not.
func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path    string
		status  int
		body    string
		orphan  bool
		nothing bool
	}{
		"the pull request": {"/repos/*/*/pulls/*", 500, "{}", false, true},
		"the comparison":   {"/repos/*/*/compare/**", 500, "{}", false, false},
		// A commit that GitHub does not know, yet or any more, has the status of no common history.
		"a commit of the comparison":         {"/repos/*/*/compare/**", 404, `{"message":"Not Found"}`, false, false},
		"the base, without a common history": {"/repos/*/*/commits/**", 500, "{}", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true)
			want := w.want()
			if c.orphan {
				want.Head, want.Commits, want.Files, want.Lines = w.orphan(t, "orphan"), 1, 0, 0
				want.Number = w.repo.OpenPull("Change", "", "main", "orphan", "mona", false)
				want.URL = fmt.Sprintf("%s/Acme/Shop/pull/%d", w.gh.URL(), want.Number)
			}
			want.Base, want.MergeBase = "", ""
			if c.nothing {
				want = pull.Pull{}
			}
			w.gh.Fail(fakegithub.Fault{Method: "GET", Path: c.path, Count: -1, Status: c.status, Body: c.body})
			number := max(want.Number, w.number)
			p, err := pull.Read(t.Context(), w.client(t), w.repo.ID(), "Acme", "Shop", number)
			var refused *github.ErrorResponse
			if !errors.As(err, &refused) || refused.Response.StatusCode != c.status || p != want {
				t.Errorf("got  %+v, %v\nwant %+v", p, err, want)
			}
		})
	}
}

// TestTheBaseStaysWhereTheComparisonNamesNone, as GitHub told it with the pull request.
func TestTheBaseStaysWhereTheComparisonNamesNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	w.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/*/*/compare/**", Status: 200, Body: `{"merge_base_commit":{"sha":"c0ffee"}}`})
	p, err := pull.Read(t.Context(), w.client(t), w.repo.ID(), "Acme", "Shop", w.number)
	if err != nil || p.Base != w.first || p.MergeBase != "c0ffee" {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestList gives all commits of several pages, the oldest first.
func TestList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	var stream strings.Builder
	for i := range 120 {
		fmt.Fprintf(&stream, "commit refs/heads/long\ncommitter m <m@example.com> %d +0000\ndata 1\nx\n", 1700000000+i)
		if i == 0 {
			fmt.Fprintf(&stream, "from %s\n", w.first)
		}
		fmt.Fprintf(&stream, "M 100644 inline long\ndata 3\n%03d\n", i)
	}
	cmd := exec.Command("git", "--git-dir="+w.repo.GitDir(), "fast-import", "--quiet")
	cmd.Stdin = strings.NewReader(stream.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command("git", "--git-dir="+w.repo.GitDir(), "rev-list", "--reverse", "main..long").Output()
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(string(out))
	p := w.want()
	p.Number = w.repo.OpenPull("Long", "", "main", "long", "mona", false)
	shas, err := p.List(t.Context(), w.client(t))
	if err != nil || len(want) != 120 || !slices.Equal(shas, want) {
		t.Errorf("%d commits, %v; want %d", len(shas), err, len(want))
	}
	w.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/*/*/pulls/*/commits", Skip: 1, Status: 500, Body: "{}"})
	if shas, err := p.List(t.Context(), w.client(t)); err == nil || shas != nil {
		t.Errorf("a part of the commits is no answer: %d, %v", len(shas), err)
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	if got, want := (pull.Pull{RepoID: 7, Owner: "acme", Repo: "shop", Number: 3}).Repository(), (ledger.Repo{ID: 7, Owner: "acme", Name: "shop"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestContributors holds that only people whom GitHub knows are named, each once.
func TestContributors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, true)
	for _, known := range []string{"web-flow", "lea", "ida"} {
		w.repo.CommitAs(known, known, w.first, "The commit of an account", map[string]string{"x": known})
	}
	w.repo.CommitAs("Olga", "change", "", "Better", map[string]string{"e": "e\n"})
	w.repo.CommitFrom("lea", "web-flow", "change", "", "Edited on the page", map[string]string{"f": "f\n"})
	w.repo.CommitFrom("somebody@home", "ida", "change", "", "Applied", map[string]string{"f": "g\n"})
	w.repo.CommitFrom("ida", "ida", "change", "", "By an agent\n\nCo-authored-by: Ted <42+Ted@users.noreply.github.com>\nco-authored-by: x <x@example.com>", map[string]string{"f": "h\n"})
	w.repo.MovePull(w.number)
	p := w.want()
	got, err := p.Contributors(t.Context(), w.client(t))
	if want := []string{"ida", "lea", "octocat", "olga", "ted"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	w.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/*/*/pulls/*/commits", Status: 500, Body: "{}"})
	if got, err := p.Contributors(t.Context(), w.client(t)); err == nil || got != nil {
		t.Errorf("nothing is no answer: %q, %v", got, err)
	}
}
