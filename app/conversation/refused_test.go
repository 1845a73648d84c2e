package conversation_test

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
)

// TestRefusalsAreCounted holds that a refused decision is recorded, without the person.
func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t, "*.py @hubot\n")
	s.review(record.Review{Findings: []record.Finding{medium}})
	s.says("hubot", "accept "+medium.ID()+" until=400d"+because)
	events, err := s.ledger.Events(t.Context(), ledger.Filter{Kind: record.DecisionRefused})
	if err != nil || len(events) != 1 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	got, err := record.ReadOwnership[record.Refused](events[0].ID, events[0].Data)
	if want := (record.Refused{Verb: "accept", Rule: medium.Rule, Severity: medium.Severity}); err != nil || got != want {
		t.Errorf("recorded %+v %v, want %+v", got, err, want)
	}
	if strings.Contains(string(events[0].Data), "hubot") {
		t.Errorf("it names a person: %s", events[0].Data)
	}
}
