package digest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/digest"
	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/installation/installationtest"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
)

const payments = "@acme/payments"

// granted are the permissions with the optional one.
var granted = map[string]string{
	"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write", "issues": "write",
}

// A stage is an organisation whose team has its digest in acme/security, and finds in acme/shop.
type stage struct {
	t              *testing.T
	gh             *fakegithub.Server
	org            *fakegithub.Repo // .github
	shop, security *fakegithub.Repo
	installed      int64
	ledger         *ledger.Ledger
	handler        *digest.Handler
	clock          *clock.Clock

	mu    sync.Mutex
	lists map[string][]record.Entry // by team
	tasks []queue.Task              // submitted
	done  map[string]bool           // by id, as the queue remembers them
	now   int                       // tasks that ran
}

func newStage(t *testing.T, permissions map[string]string, public bool) *stage {
	t.Helper()
	gh, app := installationtest.New(t, installation.Options{})
	gh.SetPermissions(permissions)
	gh.CreateOrg("acme")
	s := &stage{
		t: t, gh: gh, org: gh.CreateRepo("acme", ".github", false), shop: gh.CreateRepo("acme", "shop", false), security: gh.CreateRepo("acme", "security", public),
		installed: gh.Install("acme"), lists: map[string][]record.Entry{}, done: map[string]bool{}, clock: &clock.Clock{},
	}
	s.policy("digest: {\"@acme/payments\": acme/security}")
	s.shop.Commit("main", "", "base", map[string]string{"a.py": "a\n"})
	s.security.Commit("main", "", "base", map[string]string{"README.md": "a\n"})
	s.security.SetPermission("mona", "read")
	var err error
	if s.ledger, err = ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ledger.Close() })
	files := &policyfiles.Files{App: app, Mirrors: &mirror.Store{Dir: t.TempDir()}, Ledger: s.ledger}
	s.handler = &digest.Handler{
		App: app, Ledger: s.ledger, Files: files, Clock: s.clock, Submit: s.submit,
		Teams: func(context.Context, string) (list []string, err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			for team := range s.lists {
				list = append(list, team)
			}
			return list, nil
		},
		List: func(_ context.Context, org, team string, _ time.Time) ([]record.Entry, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if org != "acme" {
				return nil, fmt.Errorf("the list of %s", org)
			}
			return slices.Clone(s.lists[strings.ToLower(team)]), nil
		},
	}
	return s
}

func (s *stage) policy(text string) {
	s.org.Commit("main", s.org.Tip("main"), "policy", map[string]string{".secbydesign.yml": "version: 1\n" + text + "\n"})
}

// submit keeps tasks, each once, as the queue does.
func (s *stage) submit(_ context.Context, _ ledger.Delivery, _ []queue.Request, tasks []queue.Task, _ []ledger.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range tasks {
		if id := t.Owner + "/" + t.Repo + " " + t.ID; !s.done[id] {
			s.done[id] = true
			s.tasks = append(s.tasks, t)
		}
	}
	return nil
}

func (s *stage) entries(team string, list ...record.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists[team] = list
}

// event does the task of an event in acme/shop, and all tasks of the next minute that come from it.
func (s *stage) event(r digest.Request) {
	s.t.Helper()
	if err := s.try(r); err != nil {
		s.t.Fatal(err)
	}
	s.run(s.clock.Now().Add(time.Minute))
}

func (s *stage) try(r digest.Request) error {
	s.t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	s.now++
	id := fmt.Sprint("event-", s.now)
	s.mu.Unlock()
	return s.handler.Do(s.t.Context(), queue.Task{Installation: s.installed, RepoID: s.shop.ID(), Owner: "acme", Repo: "shop", Kind: record.Digest, ID: id, Data: data})
}

// run does the tasks that are due until a time.
func (s *stage) run(until time.Time) {
	s.t.Helper()
	for {
		s.mu.Lock()
		i := slices.IndexFunc(s.tasks, func(t queue.Task) bool { return t.At.Before(until) })
		if i < 0 {
			s.mu.Unlock()
			return
		}
		task := s.tasks[i]
		s.tasks = slices.Delete(s.tasks, i, i+1)
		s.mu.Unlock()
		if err := s.handler.Do(s.t.Context(), task); err != nil {
			s.t.Fatalf("%s: %v", task.ID, err)
		}
	}
}

func about(teams ...string) digest.Request {
	return digest.Request{DigestEvent: record.DigestEvent{Teams: teams}}
}

// finding is an open entry of acme/shop.
func (s *stage) finding(id string) record.Entry {
	return record.Entry{
		State: record.EntryOpen, RepoID: s.shop.ID(), Owner: "acme", Repo: "shop", Number: 3, ID: id, Fingerprint: "fp-" + id, Rule: "gosec/G201",
		Title: "SQL query built from input", Severity: scanners.Medium, Path: "a.go", Line: 3, Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	}
}

// issue returns the one issue of a repository.
func (s *stage) issue(repo *fakegithub.Repo) fakegithub.Issue {
	s.t.Helper()
	list := repo.Issues()
	if len(list) != 1 {
		s.t.Fatalf("%d issues: %+v", len(list), list)
	}
	return list[0]
}

func TestDigestOfATeam(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	s.handler.Outcomes = func(context.Context, string, string, time.Time) (insight.Outcomes, error) {
		return insight.Outcomes{Figures: []insight.Figure{{Key: "x", Name: "Fixed before the merge", N: 9, Value: "65 %"}}}, nil
	}
	s.event(digest.Request{})
	if n := len(s.security.Issues()); n != 0 {
		t.Fatalf("%d issues for a team with nothing", n)
	}
	s.entries(payments, s.finding("F-AAAAAAAA"))
	s.event(digest.Request{})
	issue := s.issue(s.security)
	if issue.Author != "secbydesign[bot]" || issue.Title != "Security digest of @acme/payments" || len(issue.Labels) != 0 || checks.DigestTeam(issue.Body) != payments ||
		!strings.Contains(issue.Body, "**1 finding to decide**") || !strings.Contains(issue.Body, "65 %") {
		t.Fatalf("the issue is %+v", issue)
	}
	for range 3 { // nothing has changed
		s.event(digest.Request{})
		s.event(about(payments))
	}
	if n := s.issue(s.security).Edits; n != 0 {
		t.Errorf("%d edits for nothing", n)
	}
	s.entries(payments) // the last entry is gone, which the digest learns from an event without the team's name
	s.clock.Move(time.Hour)
	s.mu.Lock()
	clear(s.done)
	s.mu.Unlock()
	s.event(digest.Request{})
	if issue := s.issue(s.security); issue.Edits != 1 || !strings.Contains(issue.Body, "**Nothing is open**") || !strings.Contains(issue.Body, "1 entry is gone") {
		t.Errorf("after the end: %+v", issue)
	}
	if len(s.shop.Issues())+len(s.org.Issues()) != 0 {
		t.Error("another repository has an issue")
	}
}

// TestOtherTeams holds that an event concerns only the teams that own something in its repository.
func TestOtherTeams(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	s.policy(`digest: {"@acme/payments": acme/security, "@acme/core": acme/security, "@acme/none": none, "@bob": bob/shop}`)
	other := s.finding("F-BBBBBBBB")
	other.RepoID, other.Repo = 99, "other"
	s.entries("@acme/core", other)
	s.entries("@acme/none", s.finding("F-CCCCCCCC"))
	s.entries("@acme/unnamed", s.finding("F-CCCCCCCC"))
	s.entries("@bob", s.finding("F-CCCCCCCC"))
	s.event(digest.Request{})
	if n := len(s.security.Issues()); n != 0 {
		t.Errorf("%d issues", n)
	}
	s.event(about("@ACME/Core", "@acme/none", "@acme/unnamed", "@bob"))
	if issue := s.issue(s.security); !strings.Contains(issue.Title, "@acme/core") {
		t.Errorf("the issue is %+v", issue)
	}
}

// TestWithoutPermission holds that a digest without the permission is no failure.
func TestWithoutPermission(t *testing.T) {
	t.Parallel()
	permissions := map[string]string{"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write"}
	s := newStage(t, permissions, false)
	s.entries(payments, s.finding("F-AAAAAAAA"))
	s.event(digest.Request{})
	if n := len(s.security.Issues()); n != 0 {
		t.Errorf("%d issues", n)
	}
}

// TestPublicDigest holds that nobody reads in a public repository what is open in another one.
func TestPublicDigest(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, true)
	own := s.finding("F-BBBBBBBB")
	own.RepoID, own.Repo = s.security.ID(), "security"
	s.entries(payments, s.finding("F-AAAAAAAA"), own)
	s.event(digest.Request{})
	body := s.issue(s.security).Body
	if strings.Contains(body, "F-AAAAAAAA") || !strings.Contains(body, "F-BBBBBBBB") || !strings.Contains(body, "1 more is not listed") {
		t.Errorf("it shows\n%s", body)
	}
}

// TestOwnDigest has a repository that names an issue in its own file: in itself, and in another repository.
func TestOwnDigest(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	s.policy("")
	elsewhere := s.finding("F-BBBBBBBB")
	elsewhere.RepoID, elsewhere.Repo = 99, "other"
	s.entries(payments, s.finding("F-AAAAAAAA"), elsewhere)
	s.entries("@acme/core", s.finding("F-AAAAAAAA"))
	s.shop.Commit("main", s.shop.Tip("main"), "policy", map[string]string{
		".secbydesign.yml": "version: 1\ndigest: {\"@acme/payments\": acme/shop, \"@acme/core\": acme/security}\n",
	})
	s.event(digest.Request{})
	body := s.issue(s.shop).Body
	if !strings.Contains(body, "F-AAAAAAAA") || strings.Contains(body, "F-BBBBBBBB") || strings.Contains(body, "not listed") {
		t.Errorf("it shows\n%s", body)
	}
	if len(s.security.Issues()) != 0 {
		t.Error("the file of one repository wrote to another")
	}
}

// TestOneIssue has many tasks at once, some of which fail and are tried again: there is one issue, and its last text is
// that of the list.
func TestOneIssue(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	s.entries(payments, s.finding("F-AAAAAAAA"))
	for range 12 {
		if err := s.try(digest.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.tasks) != 12 {
		t.Fatalf("%d tasks", len(s.tasks))
	}
	var wait sync.WaitGroup
	for i, task := range s.tasks {
		wait.Go(func() {
			if i == 5 {
				s.entries(payments, s.finding("F-AAAAAAAA"), s.finding("F-BBBBBBBB"))
			}
			for {
				err := s.handler.Do(t.Context(), task)
				if snooze := (queue.Snooze{}); errors.As(err, &snooze) {
					time.Sleep(time.Millisecond)
					continue
				}
				if err != nil {
					t.Error(err)
				}
				return
			}
		})
	}
	wait.Wait()
	if issue := s.issue(s.security); issue.State != "open" || !strings.Contains(issue.Body, "F-BBBBBBBB") {
		t.Errorf("the issue is %+v", issue)
	}
}

// TestCoalesced holds that many changes in a row are one edit.
func TestCoalesced(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	s.entries(payments, s.finding("F-AAAAAAAA"))
	s.event(digest.Request{})
	var list []record.Entry
	before := time.Now().Truncate(20 * time.Second)
	for i := range 30 {
		list = append(list, s.finding(fmt.Sprintf("F-%08d", i)))
		s.entries(payments, list...)
		if err := s.try(digest.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	bursts := 1 + int(time.Now().Truncate(20*time.Second).Sub(before)/(20*time.Second))
	s.run(s.clock.Now().Add(time.Minute))
	if issue := s.issue(s.security); issue.Edits < 1 || issue.Edits > bursts || !strings.Contains(issue.Body, "30 findings to decide") {
		t.Errorf("%d edits in %d bursts: %s", issue.Edits, bursts, issue.Body)
	}
}

// TestWeekly moves the clock by weeks: each week the digest is written once more, because it is compared with another day.
func TestWeekly(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	s.entries(payments, s.finding("F-AAAAAAAA"), s.finding("F-BBBBBBBB"))
	s.event(digest.Request{})
	for n := range 5 {
		if len(s.tasks) != 1 {
			t.Fatalf("week %d: %d tasks wait", n, len(s.tasks))
		}
		wait := s.tasks[0].At.Sub(s.clock.Now())
		if wait <= 0 || wait > 7*24*time.Hour+6*time.Hour {
			t.Errorf("week %d: the next one comes in %s", n, wait)
		}
		due := s.tasks[0]
		s.tasks = nil
		s.clock.Move(wait)
		for range 2 {
			if err := s.handler.Do(t.Context(), due); err != nil {
				t.Fatal(err)
			}
		}
		if issue := s.issue(s.security); issue.Edits != n+1 || !strings.Contains(issue.Body, "### Since ") {
			t.Errorf("week %d: %d edits of\n%s", n, issue.Edits, issue.Body)
		}
	}
}

func (s *stage) decide(id, asked string, until time.Time) {
	s.t.Helper()
	d := decision.Decision{ID: id, Verb: "accept", Fingerprint: "fp-F-AAAAAAAA", Rule: "gosec/G201", Path: "a.go", Number: 3, Until: until, Asked: asked, By: []string{asked}}
	s.record(record.DecisionMade, record.DecisionStep{Decision: &d, Who: asked, Source: "x"})
}

func (s *stage) record(kind string, data any) {
	s.t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.ledger.Record(s.t.Context(), ledger.Event{Kind: kind, RepoID: s.shop.ID(), Owner: "acme", Repo: "shop", Number: 3, Data: b}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) comments() (list []string) {
	for _, c := range s.gh.IssueComments("acme", "security", s.issue(s.security).Number) {
		list = append(list, c.Body)
	}
	return list
}

// TestWarnings has a decision that is warned of twice and ends: three comments, each once.
func TestWarnings(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	until := time.Date(2026, 12, 14, 0, 0, 0, 0, time.UTC)
	s.decide("A-DDDDDDDD", "mona", until)
	e := s.finding("F-AAAAAAAA")
	e.State, e.Decision, e.Until, e.By = record.EntryAccepted, "A-DDDDDDDD", until, []string{"mona"}
	s.entries(payments, e)
	s.event(digest.Request{})
	if got := s.comments(); len(got) != 0 {
		t.Fatalf("comments %q", got)
	}
	for i, days := range []int{14, 3} {
		s.record(record.DecisionWarned, record.Warning{ID: "A-DDDDDDDD", Days: days, Until: until})
		for range 3 {
			s.event(digest.Request{})
		}
		s.mu.Lock()
		clear(s.done) // the queue has forgotten them
		s.mu.Unlock()
		s.event(digest.Request{})
		got := s.comments()
		if len(got) != i+1 || !strings.HasPrefix(got[i], "@mona, the decision `A-DDDDDDDD`") || !strings.Contains(got[i], fmt.Sprintf("in %d days, on 2026-12-14", days)) {
			t.Fatalf("%d days: %q", days, got)
		}
	}
	e.State = record.EntryExpired
	s.entries(payments, e)
	for range 2 {
		s.event(digest.Request{DigestEvent: record.DigestEvent{Over: "A-DDDDDDDD"}})
	}
	if got := s.comments(); len(got) != 3 || !strings.Contains(got[2], "has ended") {
		t.Errorf("comments %q", got)
	}
}

// TestWarningOfOneWhoLeft mentions the team.
func TestWarningOfOneWhoLeft(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	until := time.Date(2026, 12, 14, 0, 0, 0, 0, time.UTC)
	s.decide("A-DDDDDDDD", "gone", until)
	e := s.finding("F-AAAAAAAA")
	e.State, e.Decision, e.Until = record.EntryAccepted, "A-DDDDDDDD", until
	s.entries(payments, e)
	s.entries("@acme/core", s.finding("F-BBBBBBBB"))
	s.policy(`digest: {"@acme/payments": acme/security, "@acme/core": acme/shop}`)
	s.record(record.DecisionWarned, record.Warning{ID: "A-DDDDDDDD", Days: 3, Until: until})
	s.event(digest.Request{})
	if got := s.comments(); len(got) != 1 || !strings.HasPrefix(got[0], "@acme/payments, the decision") {
		t.Errorf("comments %q", got)
	}
	if got := s.gh.IssueComments("acme", "shop", s.issue(s.shop).Number); len(got) != 0 {
		t.Errorf("another team reads %+v", got)
	}
}

// TestSecurity holds that the security team has its own digest, once a week.
func TestSecurity(t *testing.T) {
	t.Parallel()
	s := newStage(t, granted, false)
	s.policy("ownership: {security: [\"@acme/appsec\"]}\ndigest: {\"@acme/appsec\": acme/security}")
	unowned := s.finding("F-BBBBBBBB")
	s.entries(payments, s.finding("F-AAAAAAAA"))
	s.entries("", unowned)
	s.record(record.RuleDemoted, record.RuleChange{Rule: "gosec/G404", Verdicts: 40, NotUseful: 9, People: 3})
	for range 3 {
		s.event(digest.Request{})
	}
	issue := s.issue(s.security)
	if issue.Edits != 0 || issue.Title != "Guardrail health for @acme/appsec" || !strings.Contains(issue.Body, "gosec/G404") || !strings.Contains(issue.Body, "1 of 2 entries") {
		t.Errorf("the issue is %+v", issue)
	}
	s.record(record.DecisionRefused, record.Refused{Verb: "accept", Severity: scanners.Critical})
	s.event(digest.Request{})
	if s.issue(s.security).Edits != 0 {
		t.Error("it is written for an event")
	}
	due := s.tasks[0]
	s.clock.Move(time.Until(due.At))
	if err := s.handler.Do(t.Context(), due); err != nil {
		t.Fatal(err)
	}
	if issue := s.issue(s.security); issue.Edits != 1 || !strings.Contains(issue.Body, "accept of critical findings: once") {
		t.Errorf("a week later it is %+v", issue)
	}
}
