package app_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// withIssues are the permissions of an App that may work on issues.
var withIssues = map[string]string{
	"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write", "issues": "write",
}

// card returns the comments with questions of a pull request, without hidden ones.
func (s *stage) cards(n int) (list []fakegithub.IssueComment) {
	for _, k := range s.repo.IssueComments(n) {
		if k.Author == "secbydesign[bot]" && checks.StickyName(k.Body) == checks.CardName && k.Minimized == "" {
			list = append(list, k)
		}
	}
	return list
}

// A shownQuestion is a question as a card shows it.
type shownQuestion struct {
	id, topic, component string
	boxes                int // 0 for a closed one
	text                 string
}

var questionLine = regexp.MustCompile(`^\*\*(Q\d+)\*\* · ([a-z]+) · (.*)`)

// questions reads a card.
func questions(body string) (list []shownQuestion) {
	for line := range strings.Lines(body) {
		if m := questionLine.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			list = append(list, shownQuestion{id: m[1], topic: m[2], component: m[3]})
		}
		if len(list) == 0 {
			continue
		}
		q := &list[len(list)-1]
		q.text += line
		if strings.HasPrefix(line, "- [") {
			q.boxes++
		}
	}
	return list
}

// asked waits until the card of a pull request has these open questions, by topic, and so many closed ones.
func (s *stage) asked(n, closed int, open ...string) (fakegithub.IssueComment, map[string]shownQuestion) {
	s.t.Helper()
	var card fakegithub.IssueComment
	var by map[string]shownQuestion
	s.until(fmt.Sprintf("pull request %d asks about %q, and %d questions are closed", n, open, closed), func() bool {
		list := s.cards(n)
		if len(list) != 1 {
			return false
		}
		card, by = list[0], map[string]shownQuestion{}
		var now []string
		all := questions(card.Body)
		for _, q := range all {
			by[q.topic] = q
			if q.boxes > 0 {
				now = append(now, q.topic)
			}
		}
		slices.Sort(now)
		return slices.Equal(now, open) && len(all)-len(now) == closed
	})
	s.reviewed(n)
	return card, by
}

// designCheck returns the check of the design on a pull request's head.
func (s *stage) designCheck(n int) (run fakegithub.CheckRun, ok bool) {
	s.t.Helper()
	for _, run := range s.repo.CheckRuns(s.GitHub.Pull("acme", "shop", n).HeadSHA) {
		if run.Name == checks.RequirementsCheck {
			return run, true
		}
	}
	return fakegithub.CheckRun{}, false
}

// onStory is the repository of the story. Its policy asks about stores.
var onStory = map[string]string{
	".secbydesign.yml":       "version: 1\nrules:\n  design/datastore: {mode: comment}\n",
	"shop/app.py":            "from flask import Flask\n\napp = Flask(__name__)\n",
	"tests/test_pages.py":    "def test_imprint(client):\n    assert client.get(\"/imprint\").status_code == 404\n\n\ndef test_terms(client):\n    assert client.get(\"/terms\").status_code == 404\n",
	"requirements.txt":       "flask==3.0.3\n",
	"deploy/compose.yaml":    "services:\n  shop:\n    image: registry.example.com/shop:1.4.2\n    user: \"1000\"\n",
	"docs/how-we-work.md":    "# How we work\n",
	"tests/test_invoices.py": "\"\"\"Tests of the invoices.\"\"\"\n",
}

const (
	route = `from flask import Blueprint, jsonify

from shop.store import find_invoice

invoices = Blueprint("invoices", __name__)


@invoices.get("/invoices/<int:number>")
def show_invoice(number):
    return jsonify(find_invoice(number))
`
	store = `services:
  shop:
    image: registry.example.com/shop:1.4.2
    user: "1000"
  invoices-db:
    image: postgres:17.2
    environment:
      POSTGRES_PASSWORD_FILE: /run/secrets/invoices-db
`
	refused = `"""Tests of the invoices."""


def test_invoice_needs_login(client):
    response = client.get("/invoices/7")
    assert response.status_code == 401


def test_invoice_of_nobody(client, login):
    assert client.get("/invoices/0", headers=login).status_code == 404
`
	notRefused = `"""Tests of the invoices."""


def test_invoice_of_nobody(client, login):
    assert client.get("/invoices/0", headers=login).status_code == 404
`
)

// TestTheStoryOfThreePullRequests asks in a draft, is answered by a test and by a sentence, and asks again in the pull
// request that removes the test.
func TestTheStoryOfThreePullRequests(t *testing.T) {
	t.Parallel()
	s := newStage(t, onStory)
	s.people()

	// The first one is a draft that adds a route without login and a store.
	s.repo.CommitAs("mona", "invoices", s.base, "Show invoices", map[string]string{"shop/invoices.py": route, "deploy/compose.yaml": store})
	first := s.repo.OpenPull("Show invoices", "", "main", "invoices", "mona", true)
	card, asked := s.asked(first, 0, "access", "data")
	for topic, want := range map[string][]string{
		"access": {"shop/invoices.py", "GET /invoices/", "v5.0.0-8.1.1"},
		"data":   {"deploy/compose.yaml", "invoices-db", "v5.0.0-14.1.2"},
	} {
		for _, w := range want {
			if q := asked[topic]; !strings.Contains(q.text, w) || q.boxes < 2 || q.boxes > 4 {
				t.Errorf("%s: %d boxes; want %q in\n%s", topic, q.boxes, w, q.text)
			}
		}
	}
	run, ok := s.designCheck(first)
	if !ok || run.Conclusion != "neutral" || len(run.Annotations) != 2 || run.Annotations[1].Path == run.Annotations[0].Path {
		t.Errorf("the check: %+v", run)
	}
	if verdict := s.verdict(first); verdict.Conclusion != "success" {
		t.Errorf("open questions make the verdict %s: %s", verdict.Conclusion, verdict.Title)
	}
	if threads := s.GitHub.Threads("acme", "shop", first); len(threads) != 0 {
		t.Errorf("threads: %+v", threads)
	}

	// A sentence answers one question, a test the other.
	s.GitHub.Note("acme", "shop", first, "mona", "/secbydesign answer "+asked["data"].id+" invoices only, kept for ten years on encrypted disks")
	s.repo.CommitAs("mona", "invoices", "", "Test that invoices need login", map[string]string{"tests/test_invoices.py": refused})
	s.repo.SyncPull(first)
	answered, closed := s.asked(first, 2)
	if answered.ID != card.ID {
		t.Errorf("there is another card: %d, %d", card.ID, answered.ID)
	}
	if q := closed["access"]; q.id != asked["access"].id || !strings.Contains(q.text, "/invoices/7") {
		t.Errorf("the test is not named:\n%s", q.text)
	}
	if q := closed["data"]; q.id != asked["data"].id || !strings.Contains(q.text, "mona") {
		t.Errorf("the person is not named:\n%s", q.text)
	}
	if run, ok := s.designCheck(first); !ok || run.Conclusion != "success" {
		t.Errorf("the check: %+v", run)
	}
	s.GitHub.SetDraft("acme", "shop", first, "mona", false)
	s.reviewed(first)
	s.repo.MergePull(first, "mona")
	s.reviewed(first)
	main := s.repo.Tip("main")

	// The twin changes another test: nobody is asked.
	s.repo.CommitAs("hubot", "twin", main, "Drop a test", map[string]string{"tests/test_pages.py": "def test_imprint(client):\n    assert client.get(\"/imprint\").status_code == 404\n"})
	twin := s.repo.OpenPull("Drop a test", "", "main", "twin", "hubot", false)
	s.verdict(twin)
	s.reviewed(twin)
	if list := s.cards(twin); len(list) != 0 {
		t.Errorf("another test is asked about:\n%s", list[0].Body)
	}

	// A route that the decision covers is listed, and not asked about.
	s.repo.CommitAs("hubot", "store", main, "Use the store", map[string]string{"docs/how-we-work.md": "# How we work\n\nWe keep invoices.\n"})
	docs := s.repo.OpenPull("Use the store", "", "main", "store", "hubot", false)
	s.verdict(docs)
	s.reviewed(docs)
	if list := s.cards(docs); len(list) != 0 {
		t.Errorf("documentation is asked about:\n%s", list[0].Body)
	}

	// The last one removes the test: the question is back, on that line, and names the decision.
	s.repo.CommitAs("olga", "cleanup", main, "Clean up the tests", map[string]string{"tests/test_invoices.py": notRefused})
	last := s.repo.OpenPull("Clean up the tests", "", "main", "cleanup", "olga", false)
	_, again := s.asked(last, 0, "access")
	if q := again["access"]; !strings.Contains(q.text, "tests/test_invoices.py") || !regexp.MustCompile(`\bD-[A-Z2-7]{8}\b`).MatchString(q.text) {
		t.Errorf("the question is\n%s", q.text)
	}
	run, ok = s.designCheck(last)
	if !ok || run.Conclusion != "neutral" || len(run.Annotations) != 1 || run.Annotations[0].Path != "tests/test_invoices.py" || run.Annotations[0].StartLine != 4 {
		t.Errorf("the check: %+v", run)
	}

	// With the test again, it is closed.
	s.push(last, "cleanup", map[string]string{"tests/test_invoices.py": refused + "\n\ndef test_more(client):\n    pass\n"})
	s.asked(last, 1)
}

// TestPlanOnAnIssue labels an issue, ticks two topics, and opens a draft that closes the issue: it is asked before it
// adds anything.
func TestPlanOnAnIssue(t *testing.T) {
	t.Parallel()
	s := newStage(t, onStory)
	s.people()
	s.GitHub.SetPermissions(withIssues)
	issue := s.repo.OpenIssue("Show invoices", "Customers ask for them.", "ted", "design")
	var list fakegithub.IssueComment
	s.until("the checklist is there", func() bool {
		for _, k := range s.repo.IssueComments(issue) {
			if checks.StickyName(k.Body) == checks.PlanName {
				list = k
			}
		}
		return list.ID != 0
	})
	s.GitHub.Tick(list.ID, "mona", "**data**", true)
	s.GitHub.Tick(list.ID, "ted", "**tls**", true) // may only triage
	s.until("the ticks are recorded, and the other is taken back", func() bool {
		body := s.repo.IssueComments(issue)[0].Body
		return strings.Contains(body, "- [x] **data**") && !strings.Contains(body, "- [x] **tls**") && len(s.planned(issue)) == 2
	})
	if last := s.planned(issue)[1]; !slices.Equal(last.Topics, []string{"data"}) || last.By != "mona" {
		t.Errorf("recorded: %+v", last)
	}
	s.GitHub.Note("acme", "shop", issue, "ted", "/secbydesign plan")
	s.until("ted is answered", func() bool { return len(s.repo.IssueComments(issue)) == 3 })

	s.repo.CommitAs("mona", "invoices", s.base, "Begin", map[string]string{"shop/invoices.py": "NUMBER = 1\n"})
	n := s.repo.OpenPull("Show invoices", fmt.Sprintf("Closes #%d.", issue), "main", "invoices", "mona", true)
	_, asked := s.asked(n, 0, "data")
	if !strings.Contains(asked["data"].text, "v5.0.0-14.1.1") {
		t.Errorf("the question is\n%s", asked["data"].text)
	}
}

// planned reads what is recorded of the checklist on an issue.
func (s *stage) planned(issue int) (list []record.Plan) {
	s.t.Helper()
	l, err := ledger.OpenReader(s.t.Context(), "sqlite:"+filepath.Join(s.Settings.DataDir, "secbydesign.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	events, err := l.Events(s.t.Context(), ledger.Filter{RepoID: s.repo.ID(), Number: issue, Kind: record.PlanPosted})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range events {
		p, err := record.ReadRequirement[record.Plan](e.ID, e.Data)
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}
