// Package requirements decides what a change has to answer about its design: it compares the facts of both sides, asks
// few questions, and closes them by evidence and decisions. It is pure.
package requirements

import (
	"time"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners"
)

// An Input is everything that the questions of a pull request depend on.
type Input struct {
	// Head and Base are the facts of the changed files on each side, see package scanners/design. Origins has the path
	// at the base of each file with another path at the head. Unread are files whose facts are not known.
	Head, Base []scanners.Finding
	Origins    map[string]string
	Unread     []string

	// Number is the pull request's; 0 for none. An answer with this number was given in this pull request.
	Number int

	// Changes are the changed files. Added returns whether the change adds a line of a file at the head; nil for unknown.
	// Removed returns the first line at the head where lines of a file went, 0 for none; nil for none.
	Changes []Change
	Added   func(path string, line int) bool
	Removed func(path string) int

	Policy   policy.Policy      // of the base
	Model    *threatmodel.Model // at the base; nil for none
	Proposed *threatmodel.Model // at the head, if the change edits it and somebody with write access made it; nil otherwise

	// Answers are the recorded answers of the repository, the oldest first. Asked are the questions that this pull
	// request has shown, by earlier reviews: they keep their ids. Advice is what was said about them.
	Answers []record.Answer
	Asked   []record.Question
	Advice  []record.Advice

	// Ticked holds the boxes of the card that people ticked, by question: the numbers of the boxes from 0.
	Ticked map[string][]int

	Planned []string // topics that the pull request inherits from the checklist of an issue that it closes

	// Tired are topics, "component topic", that two merges of this author left open: they are not asked again here.
	// Today is how many questions other pull requests of this author were asked today.
	Tired map[string]bool
	Today int

	// KnownAtBase reports which of the texts the files of the base contain. complete is false if that could not be
	// found out; then a fact that depends on it is recorded and not asked about. nil means the latter.
	KnownAtBase func(texts []string) (known map[string]bool, complete bool)

	Owners func(path string) []string // nil for unknown

	// Named returns whom the owner of a component means, "@person" or "@org/team"; empty for nobody. If it is nil, that
	// is not known, and the owner counts as it is written.
	Named func(owner string) string

	Bot   bool // the author is a bot, which is asked nothing
	Draft bool
	Now   time.Time
}

// A Change is a changed file.
type Change struct{ OldPath, NewPath string }

// An Outcome is what a pull request should show about its design.
type Outcome struct {
	Questions []Question // those that were ever shown in this pull request, and new ones, in the order of their ids
	Facts     []Fact     // new ones, also covered ones
	Drift     []threatmodel.Drift

	// Others are topics of components that nobody is asked about, without ids: those that evidence or a decision
	// answered before they were shown, and those over the limits. The most severe come first.
	Others []Question

	Unread []string // changed files whose facts are not known

	// Reopened are the ids of decisions whose evidence the change removes.
	Reopened []string

	// Answered are answers that this outcome makes, by evidence or by the model. They are to be recorded.
	Answered []record.Answer

	Off bool // the policy switches the gate off
}

// A Question is a [record.Question] with what only its text needs.
type Question struct {
	record.Question
	ASVS      []string // "v5.0.0-8.1.1"
	Link      string
	LinkName  string
	Ticked    []int
	PavedRoad string // what the organisation offers, plain text; may be empty
	Snippet   string // YAML for the model that would answer it
	Evidence  []record.Evidence
	Advice    []record.Advice
	Severity  int // 0 is the most severe topic
}

// A Fact is a [record.Fact] with what only its annotation needs.
type Fact struct {
	record.Fact
	Title   string
	Name    string
	EndLine int
}
