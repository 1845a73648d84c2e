package review

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/installation/installationtest"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/upload"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

const (
	policyFile = ".secbydesign.yml"
	blocking   = "version: 1\ngates: {code: {mode: block}}\n"
)

// A world is a Reviewer and a stand-in for GitHub with the repository acme/shop. Its one scanner finds
// files whose content is the line "bad".
type world struct {
	*Reviewer
	t         *testing.T
	github    *fakegithub.Server
	repo      *fakegithub.Repo
	installed int64
	base      string // commit

	asked    []queue.Request  // reviews that the Reviewer asked for
	tasks    []queue.Task     // and tasks
	observed []checks.Verdict // of reviews that ended
}

func newLedger(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// newWorld makes one whose base has files; nil is for what needs no commit.
func newWorld(t *testing.T, files map[string]string) *world {
	t.Helper()
	gh, app := installationtest.New(t, installation.Options{})
	gh.CreateOrg("acme")
	w := &world{t: t, github: gh, repo: gh.CreateRepo("acme", "shop", true), installed: gh.Install("acme")}
	if files != nil {
		w.base = w.repo.Commit("main", "", "base", files)
	}
	l, mirrors := newLedger(t), &mirror.Store{Dir: t.TempDir()}
	words := finder{info: scanners.Info{Name: "words", Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeFile}}, line: "bad"}
	w.Reviewer = &Reviewer{
		App: app, AppID: 1, Ledger: l, Mirrors: mirrors, Files: &policyfiles.Files{App: app, Mirrors: mirrors, Ledger: l},
		Examiner:  &examine.Examiner{Scanners: []scanners.Scanner{words}, Program: "1"},
		Externals: upload.Externals{Ledger: l, Here: []string{"words"}},
		Observe:   func(_ context.Context, m Measurement) { w.observed = append(w.observed, m.Verdict) },
		Submit: func(ctx context.Context, _ ledger.Delivery, reviews []queue.Request, tasks []queue.Task, events []ledger.Event) error {
			err := l.Tx(ctx, func(tx *sql.Tx) error {
				for _, e := range events {
					if err := l.RecordTx(ctx, tx, e); err != nil {
						return err
					}
				}
				return nil
			})
			if err == nil {
				w.asked, w.tasks = append(w.asked, reviews...), append(w.tasks, tasks...)
			}
			return err
		},
	}
	return w
}

// open opens a pull request from a branch whose one commit changes files, and has the ledger hear of it.
func (w *world) open(branch string, files map[string]string) int {
	w.t.Helper()
	w.repo.Commit(branch, w.base, "change on "+branch, files)
	return w.openBranch(branch, false)
}

func (w *world) openBranch(branch string, draft bool) int {
	w.t.Helper()
	n := w.repo.OpenPull("Change", "", "main", branch, "mona", draft)
	w.hear(n, w.head(n))
	return n
}

// hear has the ledger hear of a pull request with a head.
func (w *world) hear(n int, head string) {
	w.t.Helper()
	p := ledger.Pull{Installation: w.installed, RepoID: w.repo.ID(), Owner: "acme", Repo: "shop", Number: n, Head: head}
	if err := w.Ledger.Tx(w.t.Context(), func(tx *sql.Tx) error { return w.Ledger.RecordWebhook(w.t.Context(), tx, p) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) head(n int) string { return w.github.Pull("acme", "shop", n).HeadSHA }

func (w *world) request(n int) queue.Request {
	return queue.Request{Key: queue.Key{Installation: w.installed, Owner: "acme", Repo: "shop", Number: n}, RepoID: w.repo.ID()}
}

// review reviews a pull request to its end.
func (w *world) review(n int) {
	w.t.Helper()
	if err := w.Review(w.t.Context(), w.request(n)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) client() *installation.Client {
	w.t.Helper()
	gh, err := w.App.Client(w.t.Context(), w.installed, w.repo.ID(), "acme", "shop")
	if err != nil {
		w.t.Fatal(err)
	}
	return gh
}

// begin leaves a commit as a review does that was cut off: with a check in progress, and the start in the ledger.
func (w *world) begin(n int, sha string) {
	w.t.Helper()
	gh := w.client()
	head := publish.Head{Owner: "acme", Repo: "shop", Number: n, SHA: sha, AppID: 1}
	if _, err := publish.Start(w.t.Context(), publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}, head, false); err != nil {
		w.t.Fatal(err)
	}
	w.event("review.started", n, sha, nil)
}

func (w *world) event(kind string, n int, head string, data any) {
	w.t.Helper()
	e := ledger.Event{Kind: kind, Installation: w.installed, RepoID: w.repo.ID(), Owner: "acme", Repo: "shop", Number: n, Head: head}
	if data != nil {
		b, err := json.Marshal(data)
		if err != nil {
			w.t.Fatal(err)
		}
		e.Data = b
	}
	if err := w.Ledger.Record(w.t.Context(), e); err != nil {
		w.t.Fatal(err)
	}
}

// events lists the kinds of the events of a pull request, without the beginnings of their names.
func (w *world) events(n int) string {
	w.t.Helper()
	list, err := w.Ledger.Events(w.t.Context(), ledger.Filter{RepoID: w.repo.ID(), Number: n})
	if err != nil {
		w.t.Fatal(err)
	}
	var kinds []string
	for _, e := range list {
		kinds = append(kinds, strings.TrimPrefix(e.Kind, "review."))
	}
	return strings.Join(kinds, " ")
}

// check is the newest check of a name at a commit, as "conclusion: title", or its status while it has none.
func (w *world) check(sha, name string) string {
	list := w.github.CheckRuns("acme", "shop", sha)
	i := slices.IndexFunc(list, func(k fakegithub.CheckRun) bool { return k.Name == name })
	if i < 0 {
		return ""
	}
	if list[i].Status != "completed" {
		return list[i].Status
	}
	return list[i].Conclusion + ": " + list[i].Title
}

func (w *world) verdict(sha string) string { return w.check(sha, checks.Name) }

// summary is the text of the newest verdict at a commit, without the backslashes of Markdown.
func (w *world) summary(sha string) string {
	for _, k := range w.github.CheckRuns("acme", "shop", sha) {
		if k.Name == checks.Name {
			return strings.ReplaceAll(k.Summary, "\\", "")
		}
	}
	return ""
}

// reviews lists the reviews that were asked for as "#number reason", and forgets them.
func (w *world) reviews() (list []string) {
	for _, r := range w.asked {
		line := fmt.Sprintf("#%d %s", r.Number, r.Reason)
		if !r.Force {
			line += ", not forced"
		}
		list = append(list, line)
	}
	w.asked = nil
	slices.Sort(list)
	return list
}
