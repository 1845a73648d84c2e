package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

var day = time.Date(2026, 11, 1, 12, 0, 0, 5e6, time.UTC)

func event(t testing.TB, kind string, data any) Event {
	t.Helper()
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	return Event{ID: 7, At: day, Kind: kind, Owner: "Acme", Repo: "shop", Number: 3, Head: "h", Data: b}
}

// TestLines makes a line of each kind of event.
func TestLines(t *testing.T) {
	t.Parallel()
	d := decision.Decision{
		ID: "A-1", Verb: "accept", Fingerprint: "a:1", Rule: "gosec/G1", Path: "a.go", Severity: scanners.High, Reason: "why", Until: day, Ticket: "t",
		Policy: "sha", PolicyLine: "acme/.github:.secbydesign.yml:3", Ceiling: "medium", Needs: 1, Class: "deadline",
	}
	ended := d
	ended.Ended, ended.Needs = "it was revoked", 0
	confirmed := d
	confirmed.By, confirmed.Needs = []string{"lea"}, 0
	for kind, tt := range map[string]struct {
		data  any
		about *decision.Decision
		want  string // actor, verb, decision, fingerprint, component, topic, severity, reason, until, state
	}{
		record.DecisionMade:        {record.DecisionStep{Decision: &d, Who: "mona", Source: "s"}, &d, "mona accept A-1 a:1   high why 2026-11-01 pending"},
		record.DecisionConfirmed:   {record.DecisionStep{ID: "A-1", Who: "lea"}, &confirmed, "lea confirm A-1 a:1   high why 2026-11-01 active"},
		record.DecisionEnded:       {record.DecisionStep{ID: "A-1", Who: "lea", Why: "gone"}, &ended, "lea end A-1 a:1   high gone 2026-11-01 ended"},
		record.DecisionTightened:   {record.DecisionStep{ID: "A-1"}, &confirmed, " tighten A-1 a:1   high why 2026-11-01 active"},
		record.DecisionWarned:      {record.Warning{ID: "A-1", Days: 3, Until: day}, &confirmed, " warn A-1 a:1   high why 2026-11-01 active"},
		record.Assigned:            {record.Assignment{Fingerprint: "a:1", Team: "@acme/pay", Who: "mona"}, nil, "mona assign  a:1    assigned to @acme/pay  "},
		record.NotUseful:           {record.Opinion{Fingerprint: "a:1", Reason: "noise", Text: "text", Who: "mona"}, nil, "mona not-useful  a:1    text  "},
		record.MergedOpen:          {record.OpenMerge{Findings: []record.OpenFinding{{ID: "F-1", Fingerprint: "a:1", Severity: scanners.Low}}}, nil, " merged_open  a:1   low   open"},
		record.RequirementAnswered: {record.Answer{ID: "D-1", Topic: "access", Component: "api", Who: "mona"}, nil, "mona answer D-1  api access    active"},
		record.RequirementReopened: {record.Question{Topic: "access", Component: "api", Reopens: "D-1", Because: "removed"}, nil, " reopen D-1  api access  removed  open"},
		record.RequirementMerged:   {record.Question{Topic: "access", Component: "api"}, nil, " left-open   api access    open"},
		record.RequirementOpinion:  {record.QuestionOpinion{Topic: "access", Component: "api", Who: "mona", Text: "no"}, nil, "mona not-useful   api access  no  "},
		record.RequirementAdvice:   {record.Advice{Who: "cleo", Text: "do"}, nil, "cleo voice        "},
		record.CampaignStarted:     {record.Campaign{ID: "C-1", Who: "mona", Text: "old ones", Until: day}, nil, "mona campaign C-1     old ones 2026-11-01 "},
		record.CampaignEnded:       {record.CampaignEnd{ID: "C-1", Who: "mona", Why: "done"}, nil, "mona end-campaign C-1     done  "},
		record.RuleDemoted:         {record.RuleChange{Rule: "gosec/G1", Why: "noisy"}, nil, " demote      noisy  "},
		"rule.other":               {struct{}{}, nil, " other        "},
	} {
		if !Chained(kind) {
			t.Errorf("%s is not chained", kind)
		}
		l := Of(event(t, kind, tt.data), tt.about)
		got := strings.Join([]string{l.Actor, l.Verb, l.Decision, l.Fingerprint, l.Component, l.Topic, l.Severity, l.Reason, l.Until, l.State}, " ")
		if got != tt.want {
			t.Errorf("%s:\n%q, want\n%q", kind, got, tt.want)
		}
		if l.Org != "acme" || l.Repo != "Acme/shop" || l.Data == "" || l.Number != 3 || !l.TS.Equal(day) {
			t.Errorf("%s: %+v", kind, l)
		}
	}
	for _, kind := range Kinds() {
		if _, ok := readers[kind]; !ok {
			t.Errorf("%s has no reader", kind)
		}
		if l := Of(Event{Kind: kind, Data: []byte("not JSON")}, nil); l.Data == "" {
			t.Errorf("%s with data that cannot be read: %+v", kind, l)
		}
	}
	if Chained(record.Finished) || Chained("campaign") {
		t.Error("too much is chained")
	}
}

// TestExportedLines: what is exported is what was hashed, with the hash as the third field.
func TestExportedLines(t *testing.T) {
	t.Parallel()
	l := Of(event(t, record.NotUseful, record.Opinion{Who: "mona", Text: `<b>,"hash":"` + Genesis + `","org":` + "\u2028"}), nil)
	text, hash, err := Seal(l, 1, Genesis)
	if err != nil {
		t.Fatal(err)
	}
	exported := Export(text, hash)
	if !bytes.HasPrefix(exported, []byte(fmt.Sprintf(`{"id":7,"prev_hash":%q,"hash":%q,"org":"acme","seq":1,"ts":"2026-11-01T12:00:00.005Z","actor":"mona"`, Genesis, hash))) {
		t.Errorf("%s", exported)
	}
	again, had, ok := without(exported)
	if !ok || had != hash || !bytes.Equal(again, text) || Digest(again) != hash {
		t.Errorf("without its hash it is\n%s\nwant\n%s", again, text)
	}
	var read Line
	if err := json.Unmarshal(exported, &read); err != nil {
		t.Fatal(err)
	}
	l.Seq, l.PrevHash, l.Hash = 1, Genesis, hash
	if !reflect.DeepEqual(read, l) {
		t.Errorf("%+v, want %+v", read, l)
	}
}

// FuzzFile: any file ends in an answer, and only what was sealed is whole.
func FuzzFile(f *testing.F) {
	var lines [][]byte
	prev := Genesis
	for seq := range int64(3) {
		text, hash, err := Seal(Of(event(f, record.NotUseful, record.Opinion{Who: "mona"}), nil), seq+1, prev)
		if err != nil {
			f.Fatal(err)
		}
		lines, prev = append(lines, Export(text, hash)), hash
	}
	valid := append(bytes.Join(lines, []byte("\n")), '\n')
	f.Add(valid, false)
	f.Add(valid[1:], true)
	f.Add([]byte("\n\n{}\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, part bool) {
		c := Checker{Part: part}
		if err := c.File(bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		c.Finish()
		for _, p := range c.Problems {
			if p.String() == "" {
				t.Error("a problem without a word")
			}
		}
		if len(c.Problems) > 0 || part {
			return
		}
		for _, s := range c.States() { // a whole file: each organisation's lines count from 1 and end with the hash
			if s.First != 1 || !bytes.Contains(text, []byte(s.Hash)) {
				t.Errorf("%+v of %q", s, text)
			}
		}
	})
}
