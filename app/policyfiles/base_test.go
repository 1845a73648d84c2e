package policyfiles_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestFromAnywhere reads the policy of a base, by git or, where git does not answer, by the API.
func TestFromAnywhere(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	away := func(w *world) {
		w.gh.Fail(fakegithub.Fault{Path: "/" + w.owner + "/shop.git/**", Count: -1, Status: 500})
	}
	unanswered := func(w *world) {
		w.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/" + w.owner + "/shop/contents/*", Count: -1, Status: 500, Body: "{}"})
	}
	both := func(w *world) { away(w); unanswered(w) }
	shown := func(body string) func(*world) {
		return func(w *world) { away(w); w.answer("shop", 200, body) }
	}
	file := map[string]string{".secbydesign.yml": limit("5")}
	link := map[string]string{".secbydesign.yml": fakegithub.Symlink + "elsewhere.yml"}
	const defaults, last = "the built-in defaults and the organisation's guardrails are in force.", "the last valid one, of commit c0ffee, is in force."
	for name, c := range map[string]struct {
		files  map[string]string // at the base
		kept   string            // an earlier policy; "-" for that there was none
		change func(w *world)
		alter  func(p *pull.Pull)
		limit  int
		want   string           // of the notice
		err    func(error) bool // instead of a policy
	}{
		"git has it":                                {file, "", unanswered, nil, 5, "", nil},
		"git has none":                              {map[string]string{"a": "a\n"}, limit("6"), unanswered, nil, 10, "", nil},
		"git has something else":                    {link, limit("6"), unanswered, nil, 6, "is not a file. Until it is fixed, " + last, nil},
		"the API has it":                            {file, "", away, nil, 5, "", nil},
		"the API has none":                          {map[string]string{"a": "a\n"}, limit("6"), away, nil, 10, "", nil},
		"the API has something else":                {file, "", shown(`{"type":"symlink","content":"eA=="}`), nil, 10, "is not a file. Until it is fixed, " + defaults, nil},
		"the API has a folder":                      {file, "", shown(`[{"type":"file","name":"a"}]`), nil, 10, "is not a file. Until it is fixed, " + defaults, nil},
		"the API leaves out what it has":            {file, "", shown(`{"type":"file","encoding":"none","content":"","size":2000000}`), nil, 10, "is too large to be read. Until it is fixed, " + defaults, nil},
		"the API leaves out how it wrote it":        {file, "", shown(`{"type":"file","encoding":"","content":"","size":2000000}`), nil, 10, "is too large to be read. Until it is fixed, " + defaults, nil},
		"the API has an empty one":                  {file, "", shown(`{"type":"file","encoding":"base64","content":"","size":0}`), nil, 10, "is not valid", nil},
		"neither answers":                           {file, "", both, nil, 0, "", is(policyfiles.ErrNoPolicy)},
		"neither answers, and one was before":       {file, limit("6"), both, nil, 6, "could not be read. Until it is fixed, " + last, nil},
		"neither answers, and none was before":      {file, "-", both, nil, 10, "could not be read. Until it is fixed, " + defaults, nil},
		"the commit is gone":                        {file, "", func(*world) {}, func(p *pull.Pull) { p.Base = base }, 0, "", is(policyfiles.ErrNoPolicy)},
		"only the branch is known":                  {file, "", func(*world) {}, func(p *pull.Pull) { p.Base = "" }, 5, "", nil},
		"only the branch is known, and it has none": {map[string]string{"a": "a\n"}, limit("6"), func(*world) {}, func(p *pull.Pull) { p.Base = "" }, 10, "", nil},
		"only the branch is known, and it is gone":  {file, "", func(*world) {}, func(p *pull.Pull) { p.Base, p.BaseRef = "", "gone" }, 0, "", is(policyfiles.ErrNoPolicy)},
		"the rate limit is used up": {file, limit("6"), func(w *world) {
			away(w)
			w.gh.Fail(fakegithub.PrimaryLimit("GET", "/repos/"+w.owner+"/shop/contents/*", -1, time.Now().Add(time.Hour)))
		}, nil, 0, "", limited},
		"the installation is suspended": {file, limit("6"), func(w *world) {
			away(w)
			w.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/" + w.owner + "/shop/contents/*", Count: -1, Status: 403, Body: `{"message":"This installation has been suspended"}`})
		}, nil, 0, "", is(installation.ErrSuspended)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := all.another(t)
			repo := w.gh.CreateRepo(w.owner, "shop", false)
			p := w.pull("shop")
			p.RepoID = repo.ID()
			p.Base = repo.Commit("main", "", "base", c.files)
			gh, err := w.files.App.Client(t.Context(), w.installed, repo.ID(), w.owner, "shop")
			if err != nil {
				t.Fatal(err)
			}
			if c.kept != "" {
				w.keepOf(p.Repository(), "c0ffee", strings.TrimPrefix(c.kept, "-"))
			}
			if c.alter != nil {
				c.alter(&p)
			}
			c.change(w)
			pol, _, notices, err := w.files.Policy(t.Context(), w.installed, p, w.files.FromAnywhere(gh, p))
			if c.err != nil {
				if !c.err(err) {
					t.Errorf("the error is %v", err)
				}
				return
			}
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			if err != nil || pol.CommentLimit != c.limit || !match(w.plain(notices), want) {
				t.Errorf("%d comments, %q, %v; want %d and %q", pol.CommentLimit, w.plain(notices), err, c.limit, want)
			}
		})
	}
}

// TestABranchIsNoTag asks the API for the branch in full, since a tag may have its name, and for the commit when there is
// no file.
func TestABranchIsNoTag(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	repo := w.gh.CreateRepo("acme", "shop", false)
	repo.Commit("release/1", "", "base", map[string]string{"a": "a\n"})
	gh, err := w.files.App.Client(t.Context(), w.installed, repo.ID(), "acme", "shop")
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	w.gh.Before(func(r *http.Request) {
		if path, ok := strings.CutPrefix(r.URL.Path, "/api/v3/repos/acme/shop/"); ok {
			asked = append(asked, path+" "+r.URL.Query().Get("ref"))
		}
	})
	p := pull.Pull{RepoID: repo.ID(), Owner: "acme", Repo: "shop", Number: 1, BaseRef: "release/1"}
	if _, ok, err := w.files.FromAnywhere(gh, p)(t.Context()); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
	want := []string{"contents/.secbydesign.yml refs/heads/release/1", "commits/heads/release/1 "}
	if !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
}

// TestBothFailuresAreNamed when neither git nor the API answers.
func TestBothFailuresAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	repo := w.gh.CreateRepo("acme", "shop", false)
	p := w.pull("shop")
	gh, err := w.files.App.Client(t.Context(), w.installed, repo.ID(), "acme", "shop")
	if err != nil {
		t.Fatal(err)
	}
	w.gh.Fail(fakegithub.Fault{Path: "/acme/shop.git/**", Count: -1, Status: 500})
	w.answer("shop", 500, `{"message":"broken"}`)
	_, ok, err := w.files.FromAnywhere(gh, p)(t.Context())
	if ok || err == nil || !strings.Contains(err.Error(), "fetch "+p.Base) || !strings.Contains(err.Error(), "broken") {
		t.Errorf("%v, %v", ok, err)
	}
}

// TestAReviewThatEndedReadsNothing says why it ended, and not that GitHub is away.
func TestAReviewThatEndedReadsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	repo := w.gh.CreateRepo("acme", "shop", false)
	p := w.pull("shop")
	p.Base = repo.Commit("main", "", "base", map[string]string{".secbydesign.yml": limit("5")})
	gh, err := w.files.App.Client(t.Context(), w.installed, repo.ID(), "acme", "shop")
	if err != nil {
		t.Fatal(err)
	}
	ended := errors.New("something newer was heard")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(ended)
	_, ok, err := w.files.FromAnywhere(gh, p)(ctx)
	if ok || !errors.Is(err, ended) || strings.Contains(err.Error(), "could not be read") {
		t.Errorf("%v, %v", ok, err)
	}
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func limited(err error) bool {
	var limit *installation.RateLimited
	return errors.As(err, &limit)
}
