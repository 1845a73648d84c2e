package record

import (
	"encoding/json"
	"fmt"
	"time"
)

// Kinds of events about questions on the design.
const (
	RequirementAsked    = "requirement.asked"       // a question was shown for the first time; with a [Question]
	RequirementAnswered = "requirement.answered"    // with an [Answer]
	RequirementReopened = "requirement.reopened"    // the evidence of an answer went away; with a [Question]
	RequirementMerged   = "requirement.merged_open" // merged while the question was open; with a [Question]
	RequirementTicked   = "requirement.ticked"      // boxes of a question were ticked, or all unticked; with a [Tick]
	RequirementOpinion  = "requirement.not_useful"  // with a [QuestionOpinion]
	RequirementAdvice   = "requirement.advice"      // with an [Advice]
	VoiceAsked          = "requirement.voice_asked" // somebody was mentioned; with a [Voice]
	PlanPosted          = "requirement.plan"        // a checklist was posted on an issue; with a [Plan]
)

// A Requirements is what a review found out about the design; part of a [Review].
type Requirements struct {
	Questions []Question `json:"questions,omitempty"`
	Facts     []Fact     `json:"facts,omitempty"` // new ones
}

// A Question is a question about the design in one pull request.
type Question struct {
	ID        string   `json:"id"` // "Q1"; the same for the pull request's whole life
	Topic     string   `json:"topic"`
	Component string   `json:"component"`
	Signals   []string `json:"signals"` // "DS-01"
	Text      string   `json:"text"`
	Keys      []string `json:"keys"` // of its facts: "DS-01 POST /invoices"
	Answers   []string `json:"answers,omitempty"`
	Places    []Place  `json:"places,omitempty"`
	State     string   `json:"state"` // open, answered, covered, recorded
	Because   string   `json:"because,omitempty"`
	Decision  string   `json:"decision,omitempty"` // "D-…"
	Reopens   string   `json:"reopens,omitempty"`  // the decision whose evidence the change removes
	Owners    []string `json:"owners,omitempty"`   // of the component; set for one that was merged open
	Stage     string   `json:"stage,omitempty"`    // when it was first shown: plan, document, draft or ready
	Author    string   `json:"author,omitempty"`   // whom it asks
}

// A Place is a line of a file; 0 for the whole file.
type Place struct {
	Path string `json:"path"`
	Line int    `json:"line"`
}

// A Fact is a new fact of a change.
type Fact struct {
	Signal    string `json:"signal"` // "DS-01"
	Key       string `json:"key"`
	Path      string `json:"path"`
	Line      int    `json:"line"`
	Component string `json:"component"`
	Mode      string `json:"mode"`              // ask, shadow or record
	Covered   string `json:"covered,omitempty"` // by which decision or evidence
}

// An Answer answers a question. It is a decision about a topic of a component.
type Answer struct {
	ID        string     `json:"id"` // "D-" and eight base-32 characters
	Question  string     `json:"question,omitempty"`
	Topic     string     `json:"topic"`
	Component string     `json:"component"`
	Signals   []string   `json:"signals"`
	Keys      []string   `json:"keys"` // see [Question]
	Text      string     `json:"text"`
	How       string     `json:"how"` // command, box, evidence or model
	Evidence  []Evidence `json:"evidence,omitempty"`
	Who       string     `json:"who,omitempty"` // empty for evidence
	Owner     bool       `json:"owner,omitempty"`
	Author    bool       `json:"author,omitempty"`
	Source    string     `json:"source"` // the comment, or the head
	Stage     string     `json:"stage,omitempty"`

	// At, Number and Repo come from the event.
	At     time.Time `json:"-"`
	Number int       `json:"-"`
}

// A Tick is the choice of boxes of one question. The newest one of a question counts.
type Tick struct {
	Question string `json:"question"`
	Boxes    []int  `json:"boxes"` // that are ticked since, from 0
	Who      string `json:"who"`
	Source   string `json:"source"`

	Changed []int     `json:"changed,omitempty"` // by this edit
	At      time.Time `json:"at"`                // of the edit: a later one may be recorded before
}

// An Evidence is a fact that answers a question, see package scanners/design.
type Evidence struct {
	Kind string `json:"kind"`
	Path string `json:"path"`
	Key  string `json:"key"`
	Test string `json:"test,omitempty"` // the name of the test
	Says string `json:"says"`           // one plain sentence without a full stop
}

// A QuestionOpinion records that a person found a question not useful.
type QuestionOpinion struct {
	Question  string   `json:"question"`
	Topic     string   `json:"topic"`
	Component string   `json:"component"`
	Signals   []string `json:"signals"`
	Reason    string   `json:"reason"` // see package command
	Text      string   `json:"text,omitempty"`
	Who       string   `json:"who"`
	Write     bool     `json:"write"`
	Author    bool     `json:"author"`
	Source    string   `json:"source"`
}

// An Advice is what a champion or the security team said. It changes no state.
type Advice struct {
	Question string `json:"question,omitempty"` // empty for the whole pull request
	Text     string `json:"text"`
	Who      string `json:"who"`
	Role     string `json:"role"` // champion or security
	Source   string `json:"source"`
}

// The roles of those who give advice.
const (
	Champion = "champion"
	Security = "security"
)

// A Voice records that a champion or the security team was asked for advice.
type Voice struct {
	Role  string   `json:"role"` // champion or security
	Who   []string `json:"who"`  // whom the mention names
	By    string   `json:"by"`   // who asked; empty for the program
	Place string   `json:"place,omitempty"`
}

// A Plan is a change of the checklist on an issue.
type Plan struct {
	Issue  int      `json:"issue"`
	Topics []string `json:"topics"` // ticked ones after the change, which pull requests that close the issue inherit
	By     string   `json:"by,omitempty"`
	Why    string   `json:"why,omitempty"` // label, unlabel, command or tick

	// Ticked and Unticked are the topics that the change itself is about: changes may be recorded in another order than
	// people made them. Source is what happened; one thing is recorded once.
	Ticked   []string `json:"ticked,omitempty"`
	Unticked []string `json:"unticked,omitempty"`
	Source   string   `json:"source,omitempty"`
}

// ReadRequirement parses the data of an event of one of the kinds above.
func ReadRequirement[T any](id int64, data []byte) (out T, err error) {
	if err := json.Unmarshal(data, &out); err != nil {
		return out, fmt.Errorf("read the data of event %d: %w", id, err)
	}
	return out, nil
}
