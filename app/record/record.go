// Package record holds what reviews, decisions and opinions leave in the ledger: the kinds of its events and
// the types of their data. It is pure, so that whoever shows, counts or rehearses what was recorded needs
// neither a database nor GitHub.
//
// The JSON of these types is stored for years: names are added, never changed, and what older versions
// wrote stays readable.
package record

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
)

// The kinds of events, as the database has them.
const (
	Started    = "review.started"
	Finished   = "review.finished" // with a [Review]
	Superseded = "review.superseded"
	Failed     = "review.failed"    // it is tried again
	TooLarge   = "review.too_large" // with [Limits]

	DecisionMade      = string(decision.Made) // with a [DecisionStep], as the next two
	DecisionConfirmed = string(decision.Confirmed)
	DecisionEnded     = string(decision.Ended)

	CommandExecuted = "command.carried"    // with an [Executed]
	NotUseful       = "finding.not_useful" // with an [Opinion]
	Assigned        = "finding.assigned"   // with an [Assignment]
	RerunAsked      = "rerun.asked"        // a person pressed "Re-run" on one check; with a [Rerun]

	// Reach says that an installation may reach other repositories than before.
	Reach = "installation.reach"
)

// The kinds of tasks in the queue that are about a decision, whose id is the task's.
const (
	Expiry = "expiry" // its last day is over

	// Acceptance and Revocation are for other pull requests than the one in which a person decided.
	Acceptance = "acceptance"
	Revocation = "revocation"
)

// Rerequested is the reason of a review that a person asked for, who wants to see that something happens.
// Every other review of a head that has its verdict already is silent unless the verdict changes, or is of
// a draft or for another base.
const Rerequested = "rerequested"

// Limits are those that a change was too large for, so that others have it reviewed again.
type Limits struct {
	Limits string `json:"limits"`
}

// A DecisionStep is a [decision.Step], but for its kind and time.
type DecisionStep struct {
	Decision *decision.Decision `json:"decision,omitempty"`
	ID       string             `json:"id,omitempty"`
	Who      string             `json:"who"`
	Why      string             `json:"why,omitempty"`
	Source   string             `json:"source"` // the comment or button that brought it
}

// ReadStep reads the data of an event of one of the three kinds of decisions.
func ReadStep(id int64, kind string, at time.Time, data []byte) (decision.Step, error) {
	var s DecisionStep
	if err := json.Unmarshal(data, &s); err != nil {
		return decision.Step{}, fmt.Errorf("read the decision of event %d: %w", id, err)
	}
	step := decision.Step{Kind: decision.StepKind(kind), At: at, ID: s.ID, Who: s.Who, Why: s.Why}
	if s.Decision != nil {
		step.Decision = *s.Decision
	}
	return step, nil
}

// Executed is what is known once the commands of a comment were executed. The answer is kept, because
// another process may have to give it.
type Executed struct {
	Key      string   `json:"key"`
	Sender   string   `json:"sender"`
	Lines    []string `json:"lines,omitempty"`
	Reply    string   `json:"reply,omitempty"`    // Markdown; empty where nothing must be said
	Quiet    string   `json:"quiet,omitempty"`    // to be said where no reaction is permitted
	Reaction string   `json:"reaction,omitempty"` // see package publish
}

// An Opinion is that a finding is of no use.
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

// Counts reports whether an opinion is held against its rule. No pull request decides its own gate, and
// nobody from outside does. Older versions of this program did not keep who spoke: what they kept may be
// from either and does not count, so that in doubt a gate holds.
func (o Opinion) Counts() bool { return o.Write && !o.Author }

// ReadOpinion reads the data of an event of the kind [NotUseful].
func ReadOpinion(id int64, data []byte) (o Opinion, err error) {
	if err := json.Unmarshal(data, &o); err != nil {
		return Opinion{}, fmt.Errorf("read the opinion of event %d: %w", id, err)
	}
	return o, nil
}

// An Assignment says whose a finding is.
type Assignment struct {
	Fingerprint string `json:"fingerprint"`
	Rule        string `json:"rule"`
	Source      string `json:"source"`
	Team        string `json:"team"`
	Who         string `json:"who"`
}

// A Rerun names the check that a person asked to have made again.
type Rerun struct {
	Check string `json:"check"`
}
