package record

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// Kinds of events about the ownership of findings.
const (
	// Merged records that a pull request was merged, once; with a [Merge].
	Merged = "pull.merged"

	// MergedOpen records what was open and not decided when a pull request was merged; with an [OpenMerge]. A merge
	// has one such event, or none if nothing was open.
	MergedOpen = "merged_open"

	DecisionWarned = "decision.warned" // a decision ends soon; with a [Warning]

	RuleDemoted  = "rule.demoted"  // the noise meter hides a rule; with a [RuleChange]
	RuleRestored = "rule.restored" // the noise meter shows it again; with a [RuleChange]

	CampaignStarted = "campaign.started" // with a [Campaign]
	CampaignEnded   = "campaign.ended"   // before its last day; with a [CampaignEnd]
)

// Digest is the kind of the task that updates the digests of the teams that own something in a repository. Its id says
// which event asks for it.
const Digest = "digest"

// A DigestEvent may be the data of such a task. Without data nothing more is known than the repository.
type DigestEvent struct {
	Teams []string `json:"teams,omitempty"` // whom the event concerns; empty if that is not known
	Over  string   `json:"over,omitempty"`  // the decision whose last day has passed; empty for none
}

// A Merge describes a pull request that was merged. The head is that of the event.
type Merge struct {
	Into    string `json:"into"`    // the branch
	Default bool   `json:"default"` // it is the default branch of the repository
	Commit  string `json:"commit"`  // the commit of the merge; empty if GitHub does not say it

	// At is when it was merged; the event may be recorded later. Zero if GitHub does not say it.
	At time.Time `json:"at,omitzero"`

	// Gone are findings of the base that the merged head does not have any more, as its last review found them.
	Gone []Finding `json:"gone,omitempty"`

	// Left are findings that the pull request brought: new ones of its last complete review, decided or not.
	Left []Finding `json:"left,omitempty"`

	// Fixed are findings that were shown in the pull request, and that its merged head does not have.
	Fixed []Finding `json:"fixed,omitempty"`

	Reviewed bool `json:"reviewed"` // the merged head had a complete review
}

// An OpenMerge is what was open when a pull request was merged. It is a debt of the owners.
type OpenMerge struct {
	Owners    []string       `json:"owners"`   // of all of it, each once, sorted
	Findings  []OpenFinding  `json:"findings"` // the worst first
	Questions []OpenQuestion `json:"questions,omitempty"`
}

// An OpenFinding is a finding that was merged while it was open.
type OpenFinding struct {
	ID          string            `json:"id"` // "F-…"
	Fingerprint string            `json:"fingerprint"`
	Rule        string            `json:"rule"`
	Title       string            `json:"title"`
	Severity    scanners.Severity `json:"severity"`
	Path        string            `json:"path"`
	Line        int               `json:"line"`
	CWE         string            `json:"cwe,omitempty"`
	Owners      []string          `json:"owners"` // empty if it is unowned
}

// An OpenQuestion is a question on the design that was merged while it was open.
type OpenQuestion struct {
	ID        string   `json:"id"` // "Q1"
	Component string   `json:"component"`
	Topic     string   `json:"topic"`
	Owners    []string `json:"owners"`
}

// A Warning says that a decision ends in some days. Each decision is warned of once for each number of days.
type Warning struct {
	ID    string    `json:"id"` // of the decision
	Days  int       `json:"days"`
	Until time.Time `json:"until"`
}

// A RuleChange is a change of the noise meter's state of a rule in one repository.
type RuleChange struct {
	Rule      string `json:"rule"` // "scanner/rule"
	State     string `json:"state"`
	Verdicts  int    `json:"verdicts"`
	NotUseful int    `json:"not_useful"`
	People    int    `json:"people"`          // who said that it is not useful
	Pulls     int    `json:"pulls,omitempty"` // pull requests in which they said so
	Version   string `json:"version,omitempty"`
	Why       string `json:"why"` // one plain sentence
}

// A Campaign names old findings that a team wants to get rid of until a day.
type Campaign struct {
	ID       string            `json:"id"`             // "C-" and eight base-32 characters
	Name     string            `json:"name,omitempty"` // of one in the policy; empty for one that a command started
	Team     string            `json:"team"`           // "@org/team" or "@person"; empty for one in the policy
	Rule     string            `json:"rule,omitempty"` // a glob of "scanner/rule"
	Path     string            `json:"path,omitempty"` // a glob
	Severity scanners.Severity `json:"severity,omitempty"`
	Until    time.Time         `json:"until"`
	Text     string            `json:"text,omitempty"`
	Who      string            `json:"who"`
	Source   string            `json:"source"`
}

// A CampaignEnd ends a campaign early.
type CampaignEnd struct {
	ID     string `json:"id"`
	Who    string `json:"who"`
	Why    string `json:"why,omitempty"`
	Source string `json:"source"`
}

// ReadOwnership parses the data of an event of one of the kinds of this file.
func ReadOwnership[T any](id int64, data []byte) (v T, err error) {
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("read event %d: %w", id, err)
	}
	return v, nil
}

// An Entry is one item on a team's list: what the team has to fix or to decide.
type Entry struct {
	State string // see the constants

	RepoID      int64
	Owner, Repo string // the repository
	Number      int    // of the pull request that brought it
	ID          string // "F-…" or "Q1"
	Fingerprint string // empty for a question
	Rule        string
	Title       string
	Severity    scanners.Severity
	CWE         string
	Path        string
	Line        int
	Component   string // of a question
	Topic       string
	Owners      []string // empty if it is unowned

	Since    time.Time // when it was first seen: a decision does not reset the age
	Decision string    // "A-…"; empty if there is none
	By       []string  // who decided
	Until    time.Time // the last day of the decision
	Class    string    // the reason class of the decision
	Renewals int       // how often the finding was accepted or deferred before
}

// States of an [Entry].
const (
	EntryOpen     = "open"     // merged while open
	EntryAccepted = "accepted" // the team carries the risk
	EntryDeferred = "deferred" // it will be fixed
	EntryExpired  = "expired"  // a decision was over, and nothing else was decided
	EntryQuestion = "question" // an open question on the design
)

// DecisionRefused records that a guardrail refused a decision; with a [Refused].
const DecisionRefused = "decision.refused"

// A Refused is a decision that a guardrail refused. It names no person: it is counted, so that a guardrail that is in
// the way is seen.
type Refused struct {
	Verb     string            `json:"verb"` // accept, fp, not-affected or defer
	Rule     string            `json:"rule"`
	Severity scanners.Severity `json:"severity"`
}
