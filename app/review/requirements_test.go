package review

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/requirements"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// newDesign is a world whose scanner reads facts. ask stands in for the questions; nil for the real ones.
func newDesign(t *testing.T, files map[string]string, ask func(requirements.Input) requirements.Outcome) *world {
	t.Helper()
	w := newWorld(t, files)
	w.Examiner = &examine.Examiner{Scanners: []scanners.Scanner{design.Scanner{}}, Program: "1"}
	w.ask = ask
	return w
}

// oneQuestion is an outcome with one open question.
func oneQuestion(in requirements.Input) requirements.Outcome {
	q := record.Question{ID: "Q1", Topic: "access", Component: "api", State: record.Open, Text: "Who may call it?", Places: []record.Place{{Path: "a", Line: 1}}}
	return requirements.Outcome{
		Questions: []requirements.Question{{Question: q}},
		Facts:     []requirements.Fact{{Fact: record.Fact{Signal: "DS-01", Key: "GET /x", Path: "a", Line: 1, Component: "api", Mode: "ask"}}},
		Answered:  []record.Answer{{ID: "D-AAAAAAAA", Topic: "data", Component: "api", How: "evidence", Evidence: []record.Evidence{{Kind: "k", Path: "a"}}}},
	}
}

func (w *world) card(n int) string {
	for _, k := range w.github.IssueComments("acme", "shop", n) {
		if checks.StickyName(k.Body) == checks.CardName {
			return k.Body
		}
	}
	return ""
}

// TestWhatIsAskedIsRecorded holds that each event is written once, that the review keeps what it asked, and that a merge
// records what is open, once.
func TestWhatIsAskedIsRecorded(t *testing.T) {
	t.Parallel()
	w := newDesign(t, map[string]string{"a": "x\n", ".github/CODEOWNERS": "* @acme/core\n"}, oneQuestion)
	w.github.CreateTeam("acme", "core", "olga")
	n := w.open("change", map[string]string{"a": "y\n"})
	w.review(n)
	w.review(n)
	if got, want := w.events(n), "started requirement.asked requirement.answered finished started finished"; got != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
	repo := ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}
	last, err := w.Ledger.LastReview(t.Context(), repo, n)
	if err != nil || last.Requirements == nil || len(last.Requirements.Facts) != 1 {
		t.Fatalf("recorded %+v, %v", last.Requirements, err)
	}
	q := last.Requirements.Questions[0]
	if q.Author != "mona" || q.Stage != "ready" || !slices.Equal(q.Owners, []string{"@acme/core"}) {
		t.Errorf("the question is recorded as %+v", q)
	}
	if last.Verdict != checks.Clean && last.Conclusion != checks.Success {
		t.Errorf("the verdict is %s %s", last.Verdict, last.Conclusion)
	}
	w.github.ClosePull("acme", "shop", n, "mona", true)
	w.review(n)
	w.review(n)
	if got := strings.Count(w.events(n), "requirement.merged_open"); got != 1 {
		t.Errorf("a merge is recorded %d times", got)
	}
	closed := w.open("closed", map[string]string{"a": "z\n"})
	w.review(closed)
	w.github.ClosePull("acme", "shop", closed, "mona", false)
	w.review(closed)
	if got := w.events(closed); strings.Contains(got, "merged_open") {
		t.Errorf("a pull request that was closed is recorded as merged: %s", got)
	}
}

// TestAFaultInTheQuestionsLeavesTheCard has the questions panic, and the facts be unreadable.
func TestAFaultInTheQuestionsLeavesTheCard(t *testing.T) {
	t.Parallel()
	broken := false
	w := newDesign(t, map[string]string{"a": "x\n"}, func(in requirements.Input) requirements.Outcome {
		if broken {
			panic("a fault")
		}
		return oneQuestion(in)
	})
	n := w.open("change", map[string]string{"a": "y\n"})
	w.review(n)
	before := w.card(n)
	broken = true
	w.repo.Commit("change", "", "more", map[string]string{"a": "z\n"})
	w.repo.SyncPull(n)
	w.review(n)
	if got := w.card(n); got == "" || got != before {
		t.Errorf("the card was\n%s\nand is\n%s", before, got)
	}
	if got := w.check(w.head(n), checks.RequirementsCheck); got != "neutral: The design of the change could not be read" {
		t.Errorf("the check of the card is %q", got)
	}
	if got := w.verdict(w.head(n)); !strings.HasPrefix(got, "success") {
		t.Errorf("the verdict is %q", got)
	}
	broken = false
	w.review(n)
	if got := w.check(w.head(n), checks.RequirementsCheck); !strings.HasPrefix(got, "neutral: 1 open") {
		t.Errorf("later the check of the card is %q", got)
	}
}

// TestTheModelCountsFromTheBase changes the model in a pull request: it answers only if its author may write.
func TestTheModelCountsFromTheBase(t *testing.T) {
	t.Parallel()
	const model = "version: 1\nsystem: {id: shop, title: Shop, exposure: internal}\ncomponents:\n  - {id: api, kind: service, paths: [\"a/**\"]}\n"
	var in requirements.Input
	w := newDesign(t, map[string]string{"a": "x\n"}, func(got requirements.Input) requirements.Outcome {
		in = got
		return oneQuestion(got)
	})
	w.repo.SetPermission("mona", "write")
	n := w.open("change", map[string]string{"a": "y\n", threatmodel.File: model})
	w.review(n)
	if in.Model != nil || in.Proposed == nil || in.Number != n {
		t.Errorf("by its author: the base's is %v, the proposed one %v", in.Model, in.Proposed)
	}
	fork := w.repo.Fork("casey")
	fork.Commit("patch", w.base, "from outside", map[string]string{"a": "y\n", threatmodel.File: model})
	n = w.repo.ForkPull(fork, "From outside", "", "main", "patch", "casey", false)
	w.hear(n, w.head(n))
	w.review(n)
	if in.Proposed != nil {
		t.Error("the model of somebody without write access answers questions")
	}
	if got := w.card(n); !strings.Contains(got, "will count after the merge") {
		t.Errorf("the card does not say so:\n%s", got)
	}
	n = w.open("broken", map[string]string{"a": "z\n", threatmodel.File: "version: 1\ncomponets: []\n"})
	w.review(n)
	if in.Proposed != nil || !strings.Contains(w.card(n), "mistakes, so it answers nothing") {
		t.Errorf("with a mistake:\n%s", w.card(n))
	}
	w.base = w.repo.Commit("main", "", "model", map[string]string{threatmodel.File: model})
	n = w.open("later", map[string]string{"a": "w\n"})
	w.review(n)
	if in.Model == nil || in.Proposed != nil {
		t.Errorf("from the base: %v, proposed %v", in.Model, in.Proposed)
	}
}

// TestWhatTheQuestionsDependOn gathers the budget and what was said before.
func TestWhatTheQuestionsDependOn(t *testing.T) {
	t.Parallel()
	var in requirements.Input
	w := newDesign(t, map[string]string{"a": "x\n", "b.py": "requests.get('https://api.stripe.com')\n"}, func(got requirements.Input) requirements.Outcome {
		in = got
		return oneQuestion(got)
	})
	n := w.open("change", map[string]string{"a": "y\nz\n"})
	w.event(record.RequirementAsked, 91, "h", record.Question{ID: "Q1", Author: "mona"})
	w.event(record.RequirementAsked, 91, "h", record.Question{ID: "Q2", Author: "ted"})
	for number := 92; number < 94; number++ {
		w.event(record.RequirementMerged, number, "h", record.Question{ID: "Q1", Topic: "files", Component: "web", Author: "mona"})
	}
	w.event(record.RequirementMerged, 92, "h", record.Question{ID: "Q2", Topic: "data", Component: "web", Author: "mona"})
	w.event(record.RequirementAnswered, 92, "h", record.Answer{ID: "D-AAAAAAAA", Topic: "data"})
	w.event(record.RequirementTicked, n, "h", record.Tick{Question: "Q1", Boxes: []int{1}})
	w.event(record.RequirementTicked, n, "h", record.Tick{Question: "Q1", Boxes: []int{0}})
	w.event(record.RequirementAdvice, n, "h", record.Advice{Question: "Q1", Text: "t", Who: "anna", Role: "champion"})
	w.review(n)
	switch {
	case in.Today != 1, !in.Tired["web files"], in.Tired["web data"], len(in.Answers) != 1, len(in.Advice) != 1:
		t.Errorf("%d today, tired %v, answers %v, advice %v", in.Today, in.Tired, in.Answers, in.Advice)
	case fmt.Sprint(in.Ticked) != "map[Q1:[0]]", len(in.Changes) != 1, in.Removed("a") != 1, !in.Added("a", 2), in.Added("b.py", 1):
		t.Errorf("ticked %v, changes %v", in.Ticked, in.Changes)
	}
	known, complete := in.KnownAtBase([]string{"api.stripe.com", "api.other.com"})
	if !complete || !known["api.stripe.com"] || known["api.other.com"] {
		t.Errorf("known at the base: %v, complete: %t", known, complete)
	}
	w.review(n)
	if len(in.Asked) != 1 || in.Asked[0].ID != "Q1" {
		t.Errorf("asked before: %+v", in.Asked)
	}
}

// TestWhoIsAsked holds whom the questions of a pull request ask.
func TestWhoIsAsked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		p    pull.Pull
		want string
		bot  bool
	}{
		{pull.Pull{Author: "mona"}, "mona", false},
		{pull.Pull{Author: "mona", Assignee: "ted"}, "mona", false},
		{pull.Pull{Author: "renovate[bot]", Bot: true, Assignee: "ted"}, "renovate[bot]", true},
		{pull.Pull{Author: "Copilot", Bot: true, Assignee: "ted"}, "ted", false},
		{pull.Pull{Author: "copilot-swe-agent[bot]", Bot: true}, "copilot-swe-agent[bot]", false},
		{pull.Pull{Author: "claude", Assignee: "ted"}, "claude", false}, // a person of that name
	} {
		if got, bot := addressee(tt.p), tt.p.Bot && !agent(tt.p.Author); got != tt.want || bot != tt.bot {
			t.Errorf("%+v asks %q, bot: %t", tt.p, got, bot)
		}
	}
}

// TestOfferedCommandsWork holds that each command on a card is understood.
func TestOfferedCommandsWork(t *testing.T) {
	t.Parallel()
	var in requirements.Input
	in.Policy.Champions = []string{"@anna"}
	card := cardOf(designed{author: "mona", outcome: oneQuestion(in)}, in, pull.Pull{Author: "mona"}, nil)
	if len(card.Commands) != 4 {
		t.Errorf("the commands are %q", card.Commands)
	}
	for _, line := range append(card.Commands, prefix+"voice [your advice]") {
		if _, err := command.Parse(line, in.Now); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
	in.Policy.Champions = nil
	if card := cardOf(designed{author: "mona", outcome: oneQuestion(in)}, in, pull.Pull{Author: "mona"}, nil); slices.Contains(card.Commands, prefix+"ask champion") {
		t.Error("a champion is offered where there is none")
	}
}
