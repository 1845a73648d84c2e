package plan_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/installation/installationtest"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/plan"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

var update = flag.Bool("update", false, "write the golden files again")

const bot = "secbydesign[bot]"

// granted are the permissions with the optional one.
var granted = map[string]string{
	"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write", "issues": "write",
}

// A stage is acme/shop with an issue of ted, who may only triage.
type stage struct {
	t         *testing.T
	gh        *fakegithub.Server
	app       *installation.App
	repo      *fakegithub.Repo
	installed int64
	issue     int
	ledger    *ledger.Ledger
	handler   *plan.Handler
	tasks     int
}

func newStage(t *testing.T, permissions map[string]string, files map[string]string) *stage {
	t.Helper()
	gh, app := installationtest.New(t, installation.Options{})
	if permissions != nil {
		gh.SetPermissions(permissions)
	}
	gh.CreateOrg("acme")
	s := &stage{t: t, gh: gh, app: app, repo: gh.CreateRepo("acme", "shop", false), installed: gh.Install("acme")}
	for login, role := range map[string]string{"mona": "write", "ted": "triage", "rhea": "read", "mallory": "none"} {
		s.repo.SetPermission(login, role)
	}
	if files == nil {
		files = map[string]string{"a.py": "a\n"}
	}
	s.repo.Commit("main", "", "base", files)
	s.issue = s.repo.OpenIssue("Take payments", "By card.", "ted")
	var err error
	if s.ledger, err = ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ledger.Close() })
	files2 := &policyfiles.Files{App: app, Mirrors: &mirror.Store{Dir: t.TempDir()}, Ledger: s.ledger}
	s.handler = &plan.Handler{App: app, Ledger: s.ledger, Files: files2}
	return s
}

func (s *stage) do(r plan.Request) {
	s.t.Helper()
	if err := s.try(r); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) try(r plan.Request) error {
	s.t.Helper()
	s.tasks++
	if r.At.IsZero() {
		r.At = time.Now().Add(time.Duration(s.tasks) * time.Millisecond)
	}
	data, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.handler.Do(s.t.Context(), queue.Task{
		Installation: s.installed, RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: s.issue, Kind: plan.Kind, ID: fmt.Sprint("task-", s.tasks), Data: data,
	})
}

func (s *stage) label(login string) {
	s.t.Helper()
	s.repo.LabelIssue(s.issue, login, "Design")
	s.do(plan.Request{Labeled: true, Sender: login})
}

func (s *stage) unlabel(login string) {
	s.t.Helper()
	s.repo.UnlabelIssue(s.issue, login, "Design")
	s.do(plan.Request{Labeled: true, Sender: login})
}

// says comments on the issue and returns the App's comments.
func (s *stage) says(login, body string) []fakegithub.IssueComment {
	s.t.Helper()
	id := s.gh.Note("acme", "shop", s.issue, login, body)
	s.do(plan.Request{Lines: strings.Split(body, "\n"), Comment: id, Sender: login})
	return s.ours()
}

func (s *stage) ours() (list []fakegithub.IssueComment) {
	for _, k := range s.gh.IssueComments("acme", "shop", s.issue) {
		if k.Author == bot {
			list = append(list, k)
		}
	}
	return list
}

// list returns the one checklist.
func (s *stage) list() fakegithub.IssueComment {
	s.t.Helper()
	var found []fakegithub.IssueComment
	for _, k := range s.ours() {
		if checks.StickyName(k.Body) == checks.PlanName && k.Minimized == "" {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		s.t.Fatalf("%d checklists: %+v", len(found), s.ours())
	}
	return found[0]
}

// tick ticks boxes like GitHub's page does, and has the App hear of it.
func (s *stage) tick(login string, ticked bool, topics ...string) {
	s.t.Helper()
	for _, topic := range topics {
		before := s.list()
		s.gh.Tick(before.ID, login, "**"+topic+"**", ticked)
		edit := plan.ReadEdit(before.Body, s.list().Body)
		s.do(plan.Request{Edit: &edit, Comment: before.ID, Sender: login})
	}
}

func (s *stage) ticked() (topics []string) {
	s.t.Helper()
	for line := range strings.Lines(s.list().Body) {
		if rest, ok := strings.CutPrefix(line, "- [x] **"); ok {
			topic, _, _ := strings.Cut(rest, "**")
			topics = append(topics, topic)
		}
	}
	return topics
}

// inherited opens a pull request with a text, and returns the topics that it inherits.
func (s *stage) inherited(body string) []string {
	s.t.Helper()
	branch := fmt.Sprintf("change-%d-%d", s.tasks, len(body))
	s.repo.Commit(branch, s.repo.Tip("main"), "change", map[string]string{"b.py": branch})
	n := s.repo.OpenPull("Change", body, "main", branch, "mona", true)
	client, err := s.app.Client(s.t.Context(), s.installed, s.repo.ID(), "acme", "shop")
	if err != nil {
		s.t.Fatal(err)
	}
	topics, err := plan.Inherited(s.t.Context(), client, s.ledger, pull.Pull{RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: n})
	if err != nil {
		s.t.Fatal(err)
	}
	return topics
}

// TestLabel has an issue labeled, the topics ticked, and a pull request that closes it.
func TestLabel(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, nil)
	s.label("ted")
	text := s.list().Body
	golden(t, "list.md", text)
	s.tick("mona", true, "access", "data")
	s.tick("mona", true, "tls")
	s.tick("mona", false, "tls")
	if got := s.ticked(); !slices.Equal(got, []string{"data", "access"}) {
		t.Errorf("ticked: %q", got)
	}
	closes := fmt.Sprintf("Closes #%d.", s.issue)
	for body, want := range map[string][]string{
		closes: {"data", "access"}, fmt.Sprintf("For #%d.", s.issue): nil, "Closes #77.": nil, "": nil,
	} {
		if got := s.inherited(body); !slices.Equal(got, want) {
			t.Errorf("%q inherits %q, want %q", body, got, want)
		}
	}
	s.unlabel("ted")
	golden(t, "unlabeled.md", s.list().Body)
	if got := s.inherited("Resolves #" + fmt.Sprint(s.issue)); !slices.Equal(got, []string{"data", "access"}) {
		t.Errorf("without the label %q is inherited", got)
	}
	s.label("ted")
	if strings.Contains(s.list().Body, "removed") || !slices.Equal(s.ticked(), []string{"data", "access"}) {
		t.Errorf("with the label again:\n%s", s.list().Body)
	}
	// Once more changes nothing.
	s.gh.ResetWrites()
	s.do(plan.Request{Labeled: true, Sender: "ted"})
	if w := s.gh.Writes(); len(w) != 0 {
		t.Errorf("written: %+v", w)
	}
}

// TestLabelsThatAskForNothing have no list.
func TestLabelsThatAskForNothing(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*stage){
		"the label is gone by now": func(s *stage) { s.do(plan.Request{Labeled: true, Sender: "ted"}) },
		"another label": func(s *stage) {
			s.repo.LabelIssue(s.issue, "ted", "designer")
			s.do(plan.Request{Labeled: true, Sender: "ted"})
		},
		"the issue is closed": func(s *stage) { s.repo.CloseIssue(s.issue, "ted"); s.label("ted") },
		"the issue is gone":   func(s *stage) { s.issue = 99; s.do(plan.Request{Labeled: true, Sender: "ted"}); s.issue = 1 },
		"an edit of another App's comment": func(s *stage) {
			s.do(plan.Request{Edit: &plan.Edit{Ticked: []string{"access"}}, Comment: 5, Sender: "mona"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, granted, nil)
			do(s)
			if w := s.gh.Writes(); len(w) != 0 {
				t.Errorf("written: %+v", w)
			}
		})
	}
}

// TestSwitchedOff has a policy without the gate.
func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, map[string]string{".secbydesign.yml": "version: 1\ngates: {requirements: {mode: off}}\n"})
	s.label("ted")
	if w := s.gh.Writes(); len(w) != 0 {
		t.Errorf("written: %+v", w)
	}
	if got := s.says("mona", "/secbydesign plan"); len(got) != 1 || !strings.Contains(got[0].Body, "switches the gate requirements off") {
		t.Errorf("it is answered %+v", got)
	}
}

// TestCommand has everybody ask for the list.
func TestCommand(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, nil)
	if got := s.says("mallory", "/secbydesign plan"); len(got) != 0 {
		t.Errorf("somebody who may not read is answered %+v", got)
	}
	for i, login := range []string{"ted", "rhea"} {
		if got := s.says(login, "/secbydesign plan"); len(got) != i+1 || !strings.Contains(got[i].Body, "needs a person with write access") {
			t.Errorf("%s is answered %+v", login, got)
		}
	}
	if got := s.says("mona", "/secbydesign status"); len(got) != 3 || !strings.Contains(got[2].Body, "`/secbydesign plan` posts a checklist") {
		t.Errorf("another command is answered %+v", got)
	}
	for range 2 {
		if got := s.says("mona", "/secbydesign PLAN"); len(got) != 4 {
			t.Errorf("it is answered %+v", got)
		}
	}
	s.list()
	notes := s.gh.IssueComments("acme", "shop", s.issue)
	if last := notes[len(notes)-1]; len(last.Reactions) != 1 || last.Reactions[0].Content != "+1" {
		t.Errorf("no reaction: %+v", last)
	}
}

// TestEdits restores the list after what is no tick of a person with write access.
func TestEdits(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, nil)
	s.label("ted")
	s.tick("mona", true, "access")
	want := s.list().Body
	for name, c := range map[string]struct {
		login string
		edit  func(string) string
	}{
		"a tick without write access": {"ted", func(b string) string { return strings.Replace(b, "- [ ] **tls**", "- [x] **tls**", 1) }},
		"a tick and a text":           {"mona", func(b string) string { return strings.Replace(b, "- [ ] **tls** · Which", "- [x] **tls** · No", 1) }},
		"a topic that is none":        {"mona", func(b string) string { return b + "\n- [x] **magic** · x" }},
		"a topic twice":               {"mona", func(b string) string { return "- [x] **tls** · again\n" + b }},
		"another marker":              {"mona", func(b string) string { return strings.Replace(b, "card=plan", "card=requirements", 1) }},
	} {
		id := s.list().ID
		edited := c.edit(want)
		s.gh.EditNote(id, c.login, edited)
		edit := plan.ReadEdit(want, edited)
		s.do(plan.Request{Edit: &edit, Comment: id, Sender: c.login})
		if got := s.list().Body; got != want {
			t.Errorf("%s: the list is\n%s", name, got)
		}
		if name == "another marker" { // the comment is not found any more, and there is another one
			s.gh.DeleteNote(id, "mona")
		}
	}
	if got := s.inherited(fmt.Sprintf("closes #%d", s.issue)); !slices.Equal(got, []string{"access"}) {
		t.Errorf("inherited: %q", got)
	}
	// A person's copy of the list is no list.
	id := s.gh.Note("acme", "shop", s.issue, "mallory", want)
	s.do(plan.Request{Edit: &plan.Edit{Ticked: []string{"tls"}}, Comment: id, Sender: "mona"})
	if got := s.ticked(); !slices.Equal(got, []string{"access"}) {
		t.Errorf("ticked by a copy: %q", got)
	}
}

// TestTicksInAnotherOrder does the tasks of two quick ticks in reverse, and one of them twice.
func TestTicksInAnotherOrder(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, nil)
	s.label("ted")
	id, now := s.list().ID, time.Now().Add(time.Minute)
	s.gh.Tick(id, "mona", "**access**", true)
	s.gh.Tick(id, "mona", "**tls**", true)
	s.gh.Tick(id, "mona", "**access**", false)
	s.gh.ResetWrites()
	off, tls, on := plan.Edit{Unticked: []string{"access"}}, plan.Edit{Ticked: []string{"tls"}}, plan.Edit{Ticked: []string{"access"}}
	for i, e := range []struct {
		edit *plan.Edit
		at   int
	}{{&tls, 2}, {&off, 3}, {&on, 1}, {&tls, 2}} {
		if i == 3 {
			s.tasks = 2 // the task is done again, after a crash
		}
		s.do(plan.Request{Edit: e.edit, Comment: id, Sender: "mona", At: now.Add(time.Duration(e.at) * time.Second)})
	}
	if w := s.gh.Writes(); len(w) != 0 {
		t.Errorf("ticks that are shown are written: %+v", w)
	}
	if got := s.inherited(fmt.Sprintf("closes #%d", s.issue)); !slices.Equal(got, []string{"tls"}) {
		t.Errorf("inherited: %q", got)
	}
	events, err := s.ledger.Events(t.Context(), ledger.Filter{RepoID: s.repo.ID(), Kind: record.PlanPosted})
	if err != nil || len(events) != 4 {
		t.Errorf("%d events, %v", len(events), err)
	}
}

// TestATickThatWasTakenBackByMistake: a tick that does not count is taken back before one that does is recorded, and
// both are gone from the text.
func TestATickThatWasTakenBackByMistake(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, nil)
	s.label("ted")
	id := s.list().ID
	s.gh.Tick(id, "mona", "**data**", true)
	s.gh.Tick(id, "ted", "**tls**", true)
	s.do(plan.Request{Edit: &plan.Edit{Ticked: []string{"tls"}}, Comment: id, Sender: "ted"})
	if got := s.ticked(); len(got) != 0 {
		t.Errorf("ticked: %q", got)
	}
	s.do(plan.Request{Edit: &plan.Edit{Ticked: []string{"data"}}, Comment: id, Sender: "mona"})
	if got := s.ticked(); !slices.Equal(got, []string{"data"}) {
		t.Errorf("ticked: %q", got)
	}
}

// TestTwoAtOnce hides one of two lists.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, nil)
	s.repo.LabelIssue(s.issue, "ted", "design")
	done := make(chan error, 2)
	for i := range 2 {
		data, err := json.Marshal(plan.Request{Labeled: true, Sender: "ted", At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			done <- s.handler.Do(t.Context(), queue.Task{
				Installation: s.installed, RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: s.issue, Kind: plan.Kind, ID: fmt.Sprint("twin-", i), Data: data,
			})
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.list()
}

// TestTicksAtOnce does the tasks of ticks that count, and of ticks that do not, at the same time, many times: in the end
// the list shows what is recorded.
func TestTicksAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, nil)
	s.label("ted")
	id, now := s.list().ID, time.Now().Add(time.Minute)
	var want []string
	for i, topic := range []string{"public", "roles", "exposure", "tenancy", "data", "authn", "token", "access", "external", "files", "secrets", "privilege"} {
		s.gh.Tick(id, "mona", "**"+topic+"**", true)
		s.gh.Tick(id, "ted", "**tls**", true)
		want = append(want, topic)
		done := make(chan error, 2)
		for who, edit := range map[string]string{"mona": topic, "ted": "tls"} {
			data, err := json.Marshal(plan.Request{Edit: &plan.Edit{Ticked: []string{edit}}, Comment: id, Sender: who, At: now.Add(time.Duration(i) * time.Second)})
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				done <- s.handler.Do(t.Context(), queue.Task{
					Installation: s.installed, RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: s.issue, Kind: plan.Kind, ID: fmt.Sprint(who, "-", i), Data: data,
				})
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if got := s.ticked(); !slices.Equal(got, want) {
			t.Fatalf("ticked: %q, want %q", got, want)
		}
	}
}

// TestWithoutThePermission does nothing, and fails nothing.
func TestWithoutThePermission(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil, nil)
	s.label("ted")
	s.says("mona", "/secbydesign plan")
	if got := s.inherited(fmt.Sprintf("closes #%d", s.issue)); got != nil {
		t.Errorf("inherited: %q", got)
	}
	if w := s.gh.Writes(); len(w) != 0 {
		t.Errorf("written: %+v", w)
	}
	// It was granted, and is taken back before the App notices.
	s = newStage(t, granted, nil)
	s.label("ted")
	s.gh.Fail(fakegithub.Fault{Method: "POST", Path: "/graphql", Status: http.StatusOK, Body: `{"errors":[{"type":"FORBIDDEN","message":"Resource not accessible by integration"}]}`})
	if got := s.inherited(fmt.Sprintf("closes #%d", s.issue)); got != nil {
		t.Errorf("inherited: %q", got)
	}
}

// TestAFailureIsTriedAgain: what GitHub did not answer is not guessed.
func TestAFailureIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, nil)
	s.repo.LabelIssue(s.issue, "ted", "design")
	s.gh.Fail(fakegithub.Fault{Method: "POST", Path: "/repos/acme/shop/issues/1/comments", Status: http.StatusInternalServerError})
	if err := s.try(plan.Request{Labeled: true, Sender: "ted"}); err == nil {
		t.Fatal("no error")
	}
	s.tasks--
	s.do(plan.Request{Labeled: true, Sender: "ted"})
	s.list()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
