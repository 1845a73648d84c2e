// Package audit proves what people decided: each decision of an organisation is one line of a chain, in which every
// line holds the hash of the line before it. A person who kept one hash can later prove that nothing before it was
// changed or removed. It is pure.
//
// line.go makes the line of an event, chain.go hashes lines and checks that a chain is whole, file.go does that for an
// exported file.
package audit

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Line says who decided what, when, why, on which facts, and which line of the policy allowed it. Its JSON is public:
// the order of the fields is part of the format, because the hash covers the bytes. Fields are added at the end only.
type Line struct {
	ID       int64  `json:"id"`             // of the event
	PrevHash string `json:"prev_hash"`      // of the line before it in the organisation; [Genesis] in the first one
	Hash     string `json:"hash,omitempty"` // of this line without this field; see [Seal]

	Org    string    `json:"org"` // the owner of the repository at that time, in lower case
	Seq    int64     `json:"seq"` // counts the lines of the organisation from 1
	TS     time.Time `json:"ts"`  // UTC, to the millisecond
	Actor  string    `json:"actor"`
	Source string    `json:"actor_source_event"` // the comment, button or file by which the actor decided
	Repo   string    `json:"repo"`               // "owner/name", as it was called
	Number int       `json:"number"`             // of the pull request; 0 for none
	Kind   string    `json:"kind"`               // of the event
	Verb   string    `json:"verb"`               // what the actor did, in the words of the commands where there is one

	Fingerprint string `json:"finding_fingerprint"` // empty for a question on the design
	Component   string `json:"component"`           // of a question
	Topic       string `json:"topic"`               // of a question
	Severity    string `json:"severity_at_time"`    // of the finding
	Reason      string `json:"reason"`
	Until       string `json:"until"` // the last day, YYYY-MM-DD; empty for no end
	Ticket      string `json:"ticket"`
	PolicySHA   string `json:"policy_sha"`      // the commit whose policy allowed it
	Ceiling     string `json:"ceiling_applied"` // the severity up to which the actor decides alone
	State       string `json:"state"`           // of the decision after the event; for an adopted line, when it was adopted

	Decision    string   `json:"decision,omitempty"` // "A-…" or "D-…"
	Class       string   `json:"reason_class,omitempty"`
	Code        string   `json:"code,omitempty"` // of not-affected and not-useful
	ConfirmedBy []string `json:"confirmed_by,omitempty"`
	Needs       int      `json:"needs,omitempty"`           // how many more must confirm
	PolicyLine  string   `json:"policy_line,omitempty"`     // the guardrail that allowed it, "file:line"
	PolicyFile  string   `json:"policy_line_sha,omitempty"` // GitHub's SHA of the content of that file
	Facts       *Facts   `json:"facts,omitempty"`

	RepoID       int64  `json:"repo_id,omitempty"`
	Installation int64  `json:"installation,omitempty"`
	Head         string `json:"head,omitempty"`
	Adopted      bool   `json:"adopted,omitempty"` // the event is older than the chain, or another version wrote it
	Data         string `json:"data_sha256"`       // of the stored data of the event
}

// Facts are what a decision was about, as it was known.
type Facts struct {
	Rule      string            `json:"rule,omitempty"` // "scanner/rule"
	Path      string            `json:"path,omitempty"`
	Fixable   bool              `json:"fixable,omitempty"` // a fix was known
	Extents   []scanners.Extent `json:"extents,omitempty"`
	Findings  []string          `json:"findings,omitempty"` // "F-…": those that were merged while they were open
	Questions []string          `json:"questions,omitempty"`
	Owners    []string          `json:"owners,omitempty"`
	Text      string            `json:"text,omitempty"` // an answer, or advice
}

// The states of a decision.
const (
	Pending = "pending" // others have to confirm it
	Active  = "active"
	Ended   = "ended"
	Open    = "open" // nothing is decided
)

// An Event is an event of the ledger. At has milliseconds.
type Event struct {
	ID           int64
	At           time.Time
	Kind         string
	Installation int64
	RepoID       int64
	Owner, Repo  string
	Number       int
	Head         string
	Data         []byte
}

// Kinds lists the kinds of events that are chained: what people decide, and what becomes a debt. Kinds that begin with
// one of [Prefixes] are chained, too.
func Kinds() []string {
	return []string{
		record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded, record.DecisionTightened, record.DecisionWarned,
		record.Assigned, record.NotUseful, record.MergedOpen,
		record.RequirementAnswered, record.RequirementReopened, record.RequirementMerged, record.RequirementOpinion, record.RequirementAdvice,
	}
}

// Prefixes are beginnings of kinds, see [Kinds].
func Prefixes() []string { return []string{"campaign.", "rule."} }

// Chained reports whether events of a kind are chained.
func Chained(kind string) bool {
	return slices.Contains(Kinds(), kind) || slices.ContainsFunc(Prefixes(), func(p string) bool { return strings.HasPrefix(kind, p) })
}

// DecisionOf returns the id of the decision about a finding that an event is about; empty for none.
func DecisionOf(e Event) string {
	switch e.Kind {
	case record.DecisionMade, record.DecisionConfirmed, record.DecisionEnded, record.DecisionTightened:
		if s, err := record.ReadStep(e.ID, e.Kind, e.At, e.Data); err == nil {
			return s.Of()
		}
	case record.DecisionWarned:
		if w, err := record.ReadOwnership[record.Warning](e.ID, e.Data); err == nil {
			return w.ID
		}
	}
	return ""
}

// Of returns the line of an event without its place in a chain. about is the decision that the event is about as it is
// after the event, see [DecisionOf]; nil if no decision is meant or it is not known. Data that cannot be read leaves the
// fields empty: its digest is in the chain all the same.
func Of(e Event, about *decision.Decision) Line {
	l := Line{
		ID: e.ID, Org: strings.ToLower(e.Owner), TS: e.At.UTC().Truncate(time.Millisecond), Repo: e.Owner + "/" + e.Repo, Number: e.Number,
		Kind: e.Kind, Verb: verbs[e.Kind], RepoID: e.RepoID, Installation: e.Installation, Head: e.Head, Data: Digest(e.Data),
	}
	if l.Verb == "" {
		_, l.Verb, _ = strings.Cut(e.Kind, ".")
	}
	if about != nil {
		l.about(*about)
	}
	read, ok := readers[e.Kind]
	if !ok {
		read = other
	}
	read(&l, e)
	return l
}

// verbs are the verbs of kinds; a decision that is made has its own.
var verbs = map[string]string{
	record.DecisionConfirmed: "confirm", record.DecisionEnded: "end", record.DecisionTightened: "tighten", record.DecisionWarned: "warn",
	record.Assigned: "assign", record.NotUseful: "not-useful", record.MergedOpen: "merged_open",
	record.RequirementAnswered: "answer", record.RequirementReopened: "reopen", record.RequirementMerged: "left-open",
	record.RequirementOpinion: "not-useful", record.RequirementAdvice: "voice",
	record.CampaignStarted: "campaign", record.CampaignEnded: "end-campaign",
	record.RuleDemoted: "demote", record.RuleRestored: "restore",
}

// about fills in what is known of a decision.
func (l *Line) about(d decision.Decision) {
	l.Decision, l.Fingerprint, l.Severity, l.State = d.ID, d.Fingerprint, d.Severity.String(), stateOf(d)
	l.Reason, l.Class, l.Code, l.Ticket, l.Until = d.Reason, d.Class, d.Code, d.Ticket, date(d.Until)
	l.PolicySHA, l.PolicyLine, l.PolicyFile, l.Ceiling = d.Policy, d.PolicyLine, d.PolicyLineSHA, d.Ceiling
	l.ConfirmedBy, l.Needs = d.By, d.Needs
	l.Facts = &Facts{Rule: d.Rule, Path: d.Path, Fixable: d.Fixable, Extents: d.Extents}
}

func stateOf(d decision.Decision) string {
	switch {
	case d.Ended != "":
		return Ended
	case d.Needs > 0:
		return Pending
	}
	return Active
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

// readers fill in a line from the data of an event.
var readers = map[string]func(*Line, Event){
	record.DecisionMade: step, record.DecisionConfirmed: step, record.DecisionEnded: step, record.DecisionTightened: step,
	record.DecisionWarned: func(l *Line, e Event) {
		var w record.Warning
		parse(e, &w)
		l.Decision, l.Until = w.ID, date(w.Until)
	},
	record.Assigned: func(l *Line, e Event) {
		var a record.Assignment
		parse(e, &a)
		l.Actor, l.Source, l.Fingerprint, l.Reason = a.Who, a.Source, a.Fingerprint, "assigned to "+a.Team
		l.Facts = &Facts{Rule: a.Rule, Owners: []string{a.Team}}
	},
	record.NotUseful: func(l *Line, e Event) {
		var o record.Opinion
		parse(e, &o)
		l.Actor, l.Source, l.Fingerprint, l.Reason, l.Code = o.Who, o.Source, o.Fingerprint, o.Text, o.Reason
		l.Facts = &Facts{Rule: o.Rule}
	},
	record.MergedOpen: func(l *Line, e Event) {
		var m record.OpenMerge
		parse(e, &m)
		l.State, l.Facts = Open, &Facts{Owners: m.Owners}
		for _, f := range m.Findings {
			l.Facts.Findings = append(l.Facts.Findings, f.ID)
		}
		for _, q := range m.Questions {
			l.Facts.Questions = append(l.Facts.Questions, q.ID)
		}
		if len(m.Findings) == 1 {
			l.Fingerprint, l.Severity = m.Findings[0].Fingerprint, m.Findings[0].Severity.String()
		}
		if len(m.Findings) == 0 && len(m.Questions) == 1 {
			l.Component, l.Topic = m.Questions[0].Component, m.Questions[0].Topic
		}
	},
	record.RequirementAnswered: func(l *Line, e Event) {
		var a record.Answer
		parse(e, &a)
		l.Actor, l.Source, l.Decision, l.Component, l.Topic, l.State = a.Who, a.Source, a.ID, a.Component, a.Topic, Active
		l.Facts = &Facts{Text: a.Text, Questions: some(a.Question)}
	},
	record.RequirementReopened: question, record.RequirementMerged: question,
	record.RequirementOpinion: func(l *Line, e Event) {
		var o record.QuestionOpinion
		parse(e, &o)
		l.Actor, l.Source, l.Component, l.Topic, l.Reason, l.Code = o.Who, o.Source, o.Component, o.Topic, o.Text, o.Reason
		l.Facts = &Facts{Questions: some(o.Question)}
	},
	record.RequirementAdvice: func(l *Line, e Event) {
		var a record.Advice
		parse(e, &a)
		l.Actor, l.Source, l.Facts = a.Who, a.Source, &Facts{Text: a.Text, Questions: some(a.Question)}
	},
}

// step reads a step of a decision about a finding.
func step(l *Line, e Event) {
	var s record.DecisionStep
	parse(e, &s)
	l.Actor, l.Source = s.Who, s.Source
	switch e.Kind {
	case record.DecisionMade:
		if s.Decision == nil {
			return
		}
		made, state := *s.Decision, l.State
		l.about(made)
		l.Verb = made.Verb
		if state == Ended { // it was adopted
			l.State = state
		}
	case record.DecisionEnded:
		l.Decision, l.State, l.Reason = s.ID, Ended, s.Why
	default:
		l.Decision = s.ID
	}
}

func question(l *Line, e Event) {
	var q record.Question
	parse(e, &q)
	l.Component, l.Topic, l.Decision, l.Reason, l.State = q.Component, q.Topic, q.Reopens, q.Because, Open
	l.Facts = &Facts{Questions: some(q.ID), Owners: q.Owners}
}

// other reads what kinds without a reader of their own have in common.
func other(l *Line, e Event) {
	var o struct {
		ID, Who, Source, Why, Text, Rule, Path, Team string
		Until                                        time.Time
	}
	parse(e, &o)
	l.Actor, l.Source, l.Reason = o.Who, o.Source, o.Why
	if l.Reason == "" {
		l.Reason = o.Text
	}
	l.Until, l.Decision = date(o.Until), o.ID
	l.Facts = &Facts{Rule: o.Rule, Path: o.Path, Owners: some(o.Team)}
}

// parse reads the data of an event. Data that cannot be read leaves v as it is: the digest of the data is in the line.
func parse(e Event, v any) { _ = json.Unmarshal(e.Data, v) }

func some(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}
