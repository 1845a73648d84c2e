package digest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// persons have logins that appear nowhere else.
var persons = []string{"zelda-login", "quentin-login"}

type history struct {
	t    *testing.T
	at   time.Time
	list []ledger.Event
}

func (h *history) add(after time.Duration, kind string, number int, data any) {
	h.t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		h.t.Fatal(err)
	}
	h.at = h.at.Add(after)
	h.list = append(h.list, ledger.Event{ID: int64(len(h.list) + 1), At: h.at, Kind: kind, Owner: "acme", Repo: "shop", Number: number, Data: b})
}

func healthOf(t *testing.T) Health {
	t.Helper()
	h := &history{t: t, at: at("2026-11-01")}
	for i := range 6 {
		id := "A-000" + string(rune('0'+i))
		h.add(time.Hour, record.DecisionMade, i, record.DecisionStep{Who: persons[0], Decision: &decision.Decision{ID: id, Verb: "accept", Needs: 2, Asked: persons[0], Ceiling: "medium"}})
		h.add(time.Hour, record.DecisionConfirmed, i, record.DecisionStep{Who: persons[1], ID: id})
		if i < 5 {
			h.add(2*time.Hour, record.DecisionConfirmed, i, record.DecisionStep{Who: persons[0], ID: id})
		}
		h.add(0, record.VoiceAsked, i, record.Voice{Role: record.Security, Who: []string{persons[1]}, By: persons[0]})
		h.add(0, record.VoiceAsked, i, record.Voice{Role: record.Champion, Who: []string{persons[1]}, By: persons[0]})
		h.add(0, record.RequirementAdvice, i, record.Advice{Role: record.Champion, Who: persons[1], Text: persons[1]})
		h.add(50*time.Hour, record.RequirementAdvice, i, record.Advice{Role: record.Security, Who: persons[1], Text: persons[1]})
	}
	for i := range 3 {
		h.add(time.Hour, record.DecisionMade, i, record.DecisionStep{Who: persons[0], Decision: &decision.Decision{ID: "A-1", Verb: "accept", Asked: persons[0], Ceiling: "medium", By: persons}})
		h.add(0, record.DecisionRefused, i, record.Refused{Verb: "accept", Rule: "osv/GHSA-1", Severity: scanners.Critical})
	}
	h.add(0, record.DecisionMade, 1, record.DecisionStep{Who: persons[0], Decision: &decision.Decision{ID: "A-2", Verb: "fp", Asked: persons[0], Ceiling: "medium"}})
	h.add(0, record.DecisionMade, 1, record.DecisionStep{Who: persons[0], Decision: &decision.Decision{ID: "A-3", Verb: "defer", Asked: persons[0], Ceiling: "high"}})
	h.add(0, record.DecisionRefused, 1, record.Refused{Verb: "defer", Rule: "osv/GHSA-1", Severity: scanners.High})
	h.add(0, record.RuleDemoted, 0, record.RuleChange{Rule: "gosec/G404", Verdicts: 40, NotUseful: 9, People: 3, Why: "by " + persons[0]})
	h.add(time.Hour, record.RuleDemoted, 0, record.RuleChange{Rule: "gosec/G104", Verdicts: 20, NotUseful: 6, People: 3})
	h.add(time.Hour, record.RuleRestored, 0, record.RuleChange{Rule: "gosec/G404", Verdicts: 0, NotUseful: 0})
	h.add(0, "something.else", 0, persons)
	got, err := HealthOf(h.list)
	if err != nil {
		t.Fatal(err)
	}
	got.Unowned, got.Entries = 3, 40
	return got
}

func TestSecurityDigest(t *testing.T) {
	t.Parallel()
	h := healthOf(t)
	golden(t, "security.md", h.Body("@acme/appsec"))
	golden(t, "security-nothing.md", Health{}.Body("@acme/appsec"))
	for _, login := range persons {
		if strings.Contains(h.Body("@acme/appsec"), login) {
			t.Errorf("%s appears in\n%s", login, h.Body("@acme/appsec"))
		}
	}
	if h.Above != 6 || len(h.Confirmed) != 5 || h.Ceilings["medium"] != 3 || h.Ceilings["high"] != 1 || h.Asked != 6 || len(h.Answered) != 6 {
		t.Errorf("counted %+v", h)
	}
	if len(h.Rules) != 2 || h.Rules[0].Rule != "gosec/G404" || h.Rules[0].Demoted || !h.Rules[1].Demoted {
		t.Errorf("rules %+v", h.Rules)
	}
}

func TestHostileHealth(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		h := Health{
			Ceilings: map[string]int{text: 1}, Refused: map[string]int{text: 1}, Entries: 1,
			Rules: []RuleState{{RuleChange: record.RuleChange{Rule: text, Why: text}, Repo: text}},
		}
		inert(t, text, h.Body("@acme/appsec"))
	}
}

func TestBrokenEvent(t *testing.T) {
	t.Parallel()
	for _, kind := range healthKinds {
		if _, err := HealthOf([]ledger.Event{{ID: 9, Kind: kind, Data: []byte(`[]`)}}); err == nil || !strings.Contains(err.Error(), "event 9") {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "1 minute", 61 * time.Second: "1 minute", 89 * time.Minute: "89 minutes", 2 * time.Hour: "2 hours", 35 * time.Hour: "35 hours", 49 * time.Hour: "2 days",
	} {
		if got := words(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
