package policyfiles_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/installation/installationtest"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// A world is an organisation at the stand-in, with the App installed on all of it.
type world struct {
	t         *testing.T
	gh        *fakegithub.Server
	owner     string
	installed int64
	files     *policyfiles.Files
	tokens    *tokens
}

// tokens counts how often GitHub was asked for a token, by the path.
type tokens struct {
	mu    sync.Mutex
	asked map[string]int
}

func (k *tokens) count(e installation.Exchange) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked[e.Path]++
}

// newWorld makes the organisation acme.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{tokens: &tokens{asked: map[string]int{}}}
	gh, app := installationtest.New(t, installation.Options{Observe: w.tokens.count})
	w.gh = gh
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	w.files = &policyfiles.Files{App: app, Ledger: l, Mirrors: &mirror.Store{Dir: t.TempDir()}}
	return w.organisation(t, "acme")
}

// organisation makes another organisation at the same stand-in.
func (w *world) organisation(t *testing.T, owner string) *world {
	w.gh.CreateOrg(owner)
	return &world{
		t: t, gh: w.gh, owner: owner, installed: w.gh.Install(owner), tokens: w.tokens,
		files: &policyfiles.Files{App: w.files.App, Ledger: w.files.Ledger, Mirrors: w.files.Mirrors},
	}
}

// number names organisations.
var number atomic.Int64

// another makes an organisation of which nothing is known yet.
func (w *world) another(t *testing.T) *world {
	return w.organisation(t, fmt.Sprint("acme", number.Add(1)))
}

// asked says how often GitHub was asked for a token since it was last called.
func (w *world) asked() int {
	w.tokens.mu.Lock()
	defer w.tokens.mu.Unlock()
	path := fmt.Sprintf("/api/v3/app/installations/%d/access_tokens", w.installed)
	n := w.tokens.asked[path]
	w.tokens.asked[path] = 0
	return n
}

// put makes the text the policy of a repository of the organisation, which is private.
func (w *world) put(repo, text string) {
	r := w.gh.Repo(w.owner, repo)
	if r == nil {
		r = w.gh.CreateRepo(w.owner, repo, false)
		w.reach(w.installed)
	}
	r.Commit("main", "", "policy", map[string]string{policy.File: text, "README.md": "# " + repo + "\n"})
}

// reach records that GitHub says that an installation reaches other repositories.
func (w *world) reach(installed int64) {
	w.t.Helper()
	w.happens(installed, record.Reach)
}

// happens records something of an installation.
func (w *world) happens(installed int64, kind string) {
	w.t.Helper()
	if err := w.files.Ledger.Record(w.t.Context(), ledger.Event{Kind: kind, Installation: installed}); err != nil {
		w.t.Fatal(err)
	}
}

// keep records a text as the last valid policy of a repository of the organisation.
func (w *world) keep(repo, sha, text string) {
	w.t.Helper()
	w.keepOf(ledger.Repo{Owner: w.owner, Name: repo}, sha, text)
}

func (w *world) keepOf(repo ledger.Repo, sha, text string) {
	w.t.Helper()
	if err := w.files.Ledger.SaveValidPolicy(w.t.Context(), repo, sha, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// kept is the last valid policy of a repository of the organisation.
func (w *world) kept(repo string) (sha, text string, ok bool) {
	w.t.Helper()
	sha, b, ok, err := w.files.Ledger.ValidPolicy(w.t.Context(), ledger.Repo{Owner: w.owner, Name: repo})
	if err != nil {
		w.t.Fatal(err)
	}
	return sha, string(b), ok
}

// said is a source that has a text, and has is one without a file.
func said(text string) policyfiles.Source {
	return func(context.Context) ([]byte, bool, error) { return []byte(text), true, nil }
}

func none(context.Context) ([]byte, bool, error) { return nil, false, nil }

func failing(err error) policyfiles.Source {
	return func(context.Context) ([]byte, bool, error) { return nil, false, err }
}

const base = "0123456789abcdef0123456789abcdef01234567"

func (w *world) pull(repo string) pull.Pull {
	return pull.Pull{Owner: w.owner, Repo: repo, Number: 1, Base: base, BaseRef: "main"}
}

// read gives the policy of a repository of the organisation, and its notices without what makes Markdown of them.
func (w *world) read(repo string, from policyfiles.Source) (policy.Policy, policyfiles.Layers, []string) {
	w.t.Helper()
	pol, layers, notices, err := w.files.Policy(w.t.Context(), w.installed, w.pull(repo), from)
	if err != nil {
		w.t.Fatal(err)
	}
	return pol, layers, w.plain(notices)
}

// plain takes out what makes Markdown of notices. The organisation is called acme in them.
func (w *world) plain(notices []string) (list []string) {
	for _, n := range notices {
		list = append(list, strings.ReplaceAll(strings.ReplaceAll(n, `\`, ""), w.owner+"/", "acme/"))
	}
	return list
}

// limit is a policy by which a pull request has at most so many comments; that makes it known again. Without
// any file there may be 10.
func limit(n string) string { return "version: 1\ncomments: {limit: " + n + "}\n" }

// answer has GitHub answer each read of a file with a body.
func (w *world) answer(repo string, status int, body string) {
	w.gh.Fail(fakegithub.Fault{Method: http.MethodGet, Path: "/repos/" + w.owner + "/" + repo + "/contents/*", Count: -1, Status: status, Body: body,
		Header: map[string]string{"Content-Type": "application/json"}})
}

func match(notices, want []string) bool {
	if len(notices) != len(want) {
		return false
	}
	for i, n := range notices {
		if !strings.Contains(n, want[i]) {
			return false
		}
	}
	return true
}
