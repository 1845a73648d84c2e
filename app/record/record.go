// Package record defines what reviews, decisions and opinions store in the ledger: the kinds of its events and
// the types of their data. It is pure, so that code that shows, counts or rehearses recorded data needs neither a
// database nor GitHub.
//
// The JSON of these types is stored for years: fields are added but never changed, and data from older versions
// stays readable.
package record

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/scanners"
)

// Kinds of events, as stored in the database.
const (
	Started    = "review.started"
	Finished   = "review.finished" // with a [Review]
	Superseded = "review.superseded"
	Failed     = "review.failed"    // the review is tried again
	TooLarge   = "review.too_large" // with [Limits]
	Retried    = "review.retried"   // asked for again because of other [Limits]

	DecisionMade      = string(decision.Made) // with a [DecisionStep], like the next three
	DecisionConfirmed = string(decision.Confirmed)
	DecisionEnded     = string(decision.Ended)
	DecisionTightened = string(decision.Tightened)

	CommandExecuted = "command.carried"    // with an [Executed]
	NotUseful       = "finding.not_useful" // with an [Opinion]
	Assigned        = "finding.assigned"   // with an [Assignment]
	RerunAsked      = "rerun.asked"        // a person pressed "Re-run" on one check; with a [Rerun]

	// Reach means that the set of repositories that an installation can access may have changed.
	Reach = "installation.reach"
)

// Kinds of tasks in the queue that concern a decision. The id of the task is that of the decision.
const (
	Expiry = "expiry" // its last day has passed

	// Warn tasks, with a [Warning], come before the last day. Their id has the number of days at its end.
	Warn = "warning"

	// Acceptance and Revocation concern other pull requests than the one in which a person decided.
	Acceptance = "acceptance"
	Revocation = "revocation"
)

// TheApp stands for this program where an event names who did something. It is no login of a person.
const TheApp = "secbydesign[bot]"

// Rerequested is the reason of a review requested by a person, who expects to see an effect. Every other
// review of a head that already has its verdict stays silent, unless the verdict changes, or the review is of a
// draft or for another base.
const Rerequested = "rerequested"

// Limits are the limits that a change exceeded; under other limits it is reviewed again.
type Limits struct {
	Limits string `json:"limits"`
}

// A DecisionStep is a [decision.Step] without its kind and time.
type DecisionStep struct {
	Decision *decision.Decision `json:"decision,omitempty"`
	ID       string             `json:"id,omitempty"`
	Who      string             `json:"who"` // [TheApp] for this program itself
	Why      string             `json:"why,omitempty"`
	Source   string             `json:"source"` // the comment, button, file or merge that caused it

	Until    time.Time          `json:"until,omitzero"` // see [decision.Step], like the next one
	Severity *scanners.Severity `json:"severity,omitempty"`
}

// ReadStep parses the data of an event of one of the kinds of steps of decisions.
func ReadStep(id int64, kind string, at time.Time, data []byte) (decision.Step, error) {
	var s DecisionStep
	if err := json.Unmarshal(data, &s); err != nil {
		return decision.Step{}, fmt.Errorf("read the decision of event %d: %w", id, err)
	}
	step := decision.Step{Kind: decision.StepKind(kind), At: at, ID: s.ID, Who: s.Who, Why: s.Why, Until: s.Until, Severity: s.Severity}
	if s.Decision != nil {
		step.Decision = *s.Decision
	}
	return step, nil
}

// Executed is the result of executing the commands of a comment. It includes the answer, because another process
// may have to send it.
type Executed struct {
	Key      string   `json:"key"`
	Sender   string   `json:"sender"`
	Lines    []string `json:"lines,omitempty"`
	Reply    string   `json:"reply,omitempty"`    // Markdown; empty if there is nothing to answer
	Quiet    string   `json:"quiet,omitempty"`    // the answer if no reaction is permitted
	Reaction string   `json:"reaction,omitempty"` // see package publish
	Agent    bool     `json:"agent,omitempty"`    // the sender is an agent, whose commands do not count

	// Where the comment is in the order of GitHub, and the findings about which it decided. Older records do not have them.
	Written  time.Time `json:"written,omitzero"`
	Comment  int64     `json:"comment,omitempty"`
	InReview bool      `json:"in_review,omitempty"` // a comment of a review and not of the conversation
	Decided  []string  `json:"decided,omitempty"`   // ids of findings
}

// An Opinion records that a person marked a finding as not useful.
type Opinion struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"` // "scanner/rule"
	Reason      string `json:"reason"`
	Text        string `json:"text"`
	Who         string `json:"who"`
	Write       bool   `json:"write"`  // Who may write to the repository
	Author      bool   `json:"author"` // Who is the author of the pull request
	Source      string `json:"source"`
}

// Counts reports whether an opinion counts against its rule. Opinions of the pull request's author do not,
// because no pull request decides its own gate, nor do those of people without write access. Older versions of
// this program did not record who spoke, so their opinions do not count: in doubt a gate holds.
func (o Opinion) Counts() bool { return o.Write && !o.Author }

// ReadOpinion parses the data of an event of the kind [NotUseful].
func ReadOpinion(id int64, data []byte) (o Opinion, err error) {
	if err := json.Unmarshal(data, &o); err != nil {
		return Opinion{}, fmt.Errorf("read the opinion of event %d: %w", id, err)
	}
	return o, nil
}

// An Assignment assigns a finding to a team.
type Assignment struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	Source      string `json:"source"`
	Team        string `json:"team"`
	Who         string `json:"who"`
}

// A Rerun names the check that a person asked to run again.
type Rerun struct {
	Check string `json:"check"`
}
