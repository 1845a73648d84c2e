package conversation_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// questions records a review that asks Q1 about code of the payments team, and has answered Q2 by evidence.
func (s *stage) questions() {
	s.review(record.Review{Verdict: checks.Clean, Conclusion: "success", Requirements: &record.Requirements{
		Questions: []record.Question{
			{
				ID: "Q1", Topic: "public", Component: "pay", State: record.Open, Text: "Why must `GET /pay` work without login?", Signals: []string{"DS-02"},
				Keys: []string{"DS-02 GET /pay"}, Answers: []string{"public on purpose, limited by: …", "a mistake, I will close it"}, Places: []record.Place{{Path: "pay/a.py", Line: 3}}, Stage: "draft",
			},
			{ID: "Q2", Topic: "data", Component: "db", State: record.Answered, Because: "a migration drops it", Places: []record.Place{{Path: "a.py", Line: 1}}},
		},
		Facts: []record.Fact{
			{Signal: "DS-02", Key: "GET /pay", Path: "pay/a.py", Line: 3, Component: "pay", Mode: "ask"},
			{Signal: "DS-03", Key: "GET /admin", Path: "pay/a.py", Line: 9, Component: "pay", Mode: "shadow"},
			{Signal: "DS-10", Key: "nightly", Path: "jobs.py", Line: 1, Component: "jobs", Mode: "record"},
		},
	}})
}

// kinds lists what was recorded for the last comment, without the record that it was executed.
func (s *stage) kinds() (list []string) {
	for _, e := range s.events[:len(s.events)-1] {
		list = append(list, e.Kind)
	}
	return list
}

// TestAnswerToAQuestion is who may answer, and what is kept of it.
func TestAnswerToAQuestion(t *testing.T) {
	t.Parallel()
	s := newStage(t, "/pay/ @acme/payments\n")
	s.questions()
	s.repo.SetPermission("olga", "read")
	const text = "only who has the link in the mail can open it"
	for _, tt := range []struct{ login, line, want, kind string }{
		{"mallory", "answer Q1 " + text, "", ""},
		{"ted", "answer Q1 " + text, "Only people who may write to this repository or own the code answer that.", ""},
		{"hubot", "answer Q1", "answer needs a text of one sentence. This would work: `/secbydesign answer Q1 [explain in one sentence what is decided]`", ""},
		{"ted", "answer Q1", "answer needs a text of one sentence.", ""},
		{"hubot", "answer Q7 " + text, "Q7 is no question of this pull request. Open are: Q1. This would work: `/secbydesign answer Q1 " + text + "`", ""},
		{"hubot", "answer Q2 " + text, "Q2 needs no answer: a migration drops it.", ""},
		{"olga", "answer Q1 " + text, "Q1 is answered (`D-", record.RequirementAnswered}, // of the owning team
		{"hubot", "answer Q1 " + text + " for an hour", "Q1 is answered (`D-", record.RequirementAnswered},
		{"ted", "not-useful Q1 noise", "Only the author and people who may write", ""},
		{"mona", "not-useful Q1 noise we know", "Q1 stays as it is", record.RequirementOpinion},
		{"ted", "status", "**Q1** · public · `pay`", ""},
		{"ted", "why Q1", "`DS-02` `GET /pay` at `pay/a.py:3`", ""},
		{"ted", "help", "`/secbydesign why", ""},
		{"mona", "help", "`/secbydesign answer Q1 [explain in one sentence what is decided]`: answer a question", ""},
		{"mona", "plan", "A plan belongs to an issue", ""},
		{"mona", "ask champion", "Nobody is named: add ownership:", ""},
		{"mona", "voice be careful here", "Only champions and the security team give advice here", ""},
	} {
		got := s.said(tt.login, tt.line, tt.want)
		if tt.want == "" && got != "" {
			t.Errorf("%s says %q and is answered %q", tt.login, tt.line, got)
		}
		if kinds := strings.Join(s.kinds(), " "); kinds != tt.kind {
			t.Errorf("%s says %q: recorded %q, want %q", tt.login, tt.line, kinds, tt.kind)
		}
		if asks := len(s.reviews) > 0; asks != (tt.kind == record.RequirementAnswered) {
			t.Errorf("%s says %q: a review is asked for: %t", tt.login, tt.line, asks)
		}
	}
	list, err := s.ledger.Answers(t.Context(), ledger.Repo{ID: s.repo.ID()})
	if err != nil || len(list) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	a := list[0]
	if a.Who != "olga" || !a.Owner || a.Author || a.Topic != "public" || a.Component != "pay" || !slices.Equal(a.Keys, []string{"DS-02 GET /pay"}) || a.Text != text || a.How != "command" || a.Stage != "draft" {
		t.Errorf("recorded %+v", a)
	}
	if list[1].Owner || list[1].ID == a.ID {
		t.Errorf("the second one is %+v", list[1])
	}
	why := s.says("ted", "why Q1")
	for _, want := range []string{"v5.0.0-8.1.1", "`DS-03` `GET /admin`", "by @&#8203;olga: " + text} {
		if !strings.Contains(why, want) {
			t.Errorf("why does not say %q:\n%s", want, why)
		}
	}
	if strings.Contains(why, "nightly") {
		t.Errorf("why names a fact of another component:\n%s", why)
	}
}

// TestABoxAndASentence joins the chosen box and the text.
func TestABoxAndASentence(t *testing.T) {
	t.Parallel()
	for box, want := range map[int]string{
		0: "public on purpose, limited by: the link in the mail", 1: "a mistake, I will close it: the link in the mail",
	} {
		s := newStage(t, "")
		s.questions()
		data, err := json.Marshal(record.Tick{Question: "Q1", Boxes: []int{box}})
		if err == nil {
			err = s.ledger.Record(t.Context(), ledger.Event{Kind: record.RequirementTicked, RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: s.number, Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
		s.said("mona", "answer Q1 the link in the mail", "Q1 is answered")
		list, err := s.ledger.Answers(t.Context(), ledger.Repo{ID: s.repo.ID()})
		if err != nil || len(list) != 1 || list[0].How != "box" || list[0].Text != want || !list[0].Author {
			t.Errorf("%+v, %v, want %q", list, err, want)
		}
	}
}
