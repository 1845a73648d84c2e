package decision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/scanners"
)

// A history is one finding in one pull request, and what happens to it and its decisions while years pass.
type history struct {
	t      *testing.T
	clock  *clock.Clock
	steps  []decision.Step
	result *scanners.Result // at the head; nil while the code does not have it
	scope  decision.Scope
}

func newHistory(t *testing.T) *history {
	t.Helper()
	r := scanners.Result{
		Finding: scanners.Finding{Rule: "r", Path: "a.py", Line: 1, Severity: scanners.Medium, Extents: []scanners.Extent{}},
		Scanner: "s", State: scanners.New, Fingerprint: "text:1",
	}
	return &history{t: t, clock: clock.At(0), result: &r, scope: decision.Scope{Pulls: map[int]bool{1: true}}}
}

func (h *history) pass(days int) { h.clock.Move(time.Duration(days) * 24 * time.Hour) }

func (h *history) decide(id, verb string, days int) {
	d := decision.Decision{
		ID: id, Verb: verb, Fingerprint: "text:1", Rule: "s/r", Path: "a.py", Number: 1, Severity: h.result.Severity,
		Fixable: decision.Fixable(h.result.Finding), Extents: h.result.Extents, Asked: "mona",
	}
	if days > 0 {
		d.Until = h.clock.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, days)
	}
	h.steps = append(h.steps, decision.Step{Kind: decision.Made, At: h.clock.Now(), Decision: d})
}

func (h *history) end(id, why string) {
	h.steps = append(h.steps, decision.Step{Kind: decision.Ended, At: h.clock.Now(), ID: id, Why: why})
}

// is wants the finding to be decided by a decision, or open for a reason; both empty for that nothing was decided.
func (h *history) is(id, why string) {
	h.t.Helper()
	rulings := decision.Rule([]scanners.Result{*h.result}, decision.Fold(h.steps), h.scope, h.clock.Now())
	ruling := rulings["text:1"]
	got := ruling.Decision.ID
	if ruling.Lapse != "" {
		got = ""
	}
	if got != id || (why == "") != (ruling.Lapse == "") || !strings.Contains(ruling.Lapse, why) {
		h.t.Errorf("on %s it is decided by %q, open because %q; want %q, %q", h.clock.Now().Format(time.DateOnly), got, ruling.Lapse, id, why)
	}
}

// TestEndings holds each way in which an acceptance ends, on a clock that is moved.
func TestEndings(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(h *history){
		"its last day is over": func(h *history) {
			h.pass(30)
			h.is("A-1", "")
			h.pass(1)
			h.is("", "it ended on ")
			h.pass(10 * 365)
			h.is("", "it ended on ") // it stays ended, and the finding stays open
		},
		"the code changed materially": func(h *history) {
			h.result.Fingerprint = "other text:1"
			if got := decision.Rule([]scanners.Result{*h.result}, decision.Fold(h.steps), h.scope, h.clock.Now()); len(got) != 0 {
				h.t.Errorf("it covers another text: %+v", got)
			}
			h.result.Fingerprint = "text:1"
			h.is("A-1", "")
		},
		"the code only moved": func(h *history) {
			h.result.Line = 70
			h.is("A-1", "")
		},
		"the severity rose": func(h *history) {
			h.result.Severity = scanners.High
			h.is("", "the severity rose from medium to high")
			h.result.Severity = scanners.Low
			h.is("A-1", "")
		},
		"a fix appeared": func(h *history) {
			h.result.Fixes = make([]scanners.Fix, 1)
			h.is("", "a fix has appeared")
		},
		"the code is gone": func(h *history) {
			h.end("A-1", "the code is gone since #7")
			h.is("", "the code is gone since #7") // and comes back: nobody decided about that
			h.pass(1000)
			h.is("", "the code is gone since #7")
		},
		"it was revoked": func(h *history) {
			h.end("A-1", "it was revoked by @hubot")
			h.end("A-1", "the code is gone since #7") // the first ending stays
			h.is("", "it was revoked by @hubot")
		},
		"it was replaced": func(h *history) {
			h.pass(10)
			h.decide("A-2", "accept", 60)
			h.end("A-1", "it was replaced by A-2")
			h.is("A-2", "")
			h.pass(60)
			h.is("A-2", "")
			h.pass(1)
			h.is("", "it ended on ")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			h.is("", "")
			h.decide("A-1", "accept", 30)
			h.is("A-1", "")
			happens(h)
		})
	}
}

// TestDefectDojo8797: there a finding was at the same time mitigated and accepted, or open and accepted. Here it is in one
// state at each moment of its life, whatever the order of steps.
func TestDefectDojo8797(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.decide("A-1", "accept", 30)
	h.decide("A-2", "defer", 10)
	h.end("A-1", "it was replaced by A-2")
	h.is("A-2", "")
	h.end("A-2", "the code is gone since #7")
	h.is("", "the code is gone since #7")
	h.pass(5)
	h.decide("A-3", "accept", 30) // the code came back
	h.is("A-3", "")
	h.pass(31)
	h.is("", "it ended on ")
	for _, d := range decision.Fold(h.steps) {
		if d.Ended != "" == d.EndedAt.IsZero() {
			t.Errorf("%s ended %q at %s", d.ID, d.Ended, d.EndedAt)
		}
	}
}

// TestDefectDojo1888: there an acceptance belongs to one engagement, and the same risk is open in the next one. Here it is
// about the code: it holds where the same code is proposed again, with the same end, and not for another copy of it.
func TestDefectDojo1888(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.decide("A-1", "accept", 30)
	h.scope = decision.Scope{Pulls: map[int]bool{2: true}} // seen by the review of another pull request
	h.is("A-1", "")
	h.result.Path = "b.py" // a copy, which nobody decided about
	h.is("", "")
	h.result.Path = "a.py"
	h.pass(31)
	h.is("", "it ended on ")
}
