// Package checks turns findings into the check runs and comments of a pull request. It is pure: package
// checks/publish writes them to GitHub.
//
// It has two steps. [Compose] makes the whole wanted state from findings. [Reconcile] compares it with
// the state on the pull request and returns the fewest writes. Both can be repeated at any moment with
// the same result.
//
//   - report.go decides what is shown, anchor.go where: package patch knows which lines of the diff
//     can carry a comment, and which change caused a finding elsewhere.
//   - suggest.go makes a suggestion from a fix, only where pressing its button applies exactly the fix.
//   - render.go and summary.go make Markdown, lesson.go explains weaknesses, and campaign.go shows old findings; markdown.go keeps text from a tree or a tool from
//     formatting it.
//   - reconcile.go is the second step.
package checks

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// Name is the name of the check run with the verdict, the one to require. A gate's own check
// run is called Name/GATE.
const Name = "secbydesign"

// A Finding is a scanner's result with the policy's and people's decisions about it.
type Finding struct {
	scanners.Result
	Comment bool // it may be shown; otherwise it is only counted
	Block   bool // it makes the verdict fail while it is new; implies Comment

	// Quiet says why it is quieter than the policy says: "noise" if its rule is noisy here, "upgrade" if an earlier
	// version of the scanner did not report it. It is empty for all others.
	Quiet string

	Decided *Decided // the decision in force, which takes it out of the open findings; nil while it is open
	Lapsed  string   // an earlier decision and why it no longer counts; plain text, may be empty
}

// A Gate holds the runs and findings of one gate in one review.
type Gate struct {
	Name     scanners.Gate
	Block    bool // an unfinished scanner of this gate makes the verdict fail
	Runs     []scanners.Run
	Findings []Finding // of all runs, in any state

	// Blocking maps each unfinished scanner that makes the verdict fail although Block is false to
	// the reason: plain text without a full stop.
	Blocking map[string]string

	// Pending names the scanners that are still running. A report with such a gate is partial: it
	// shows what is known so far, closes no thread of those scanners, and has no verdict.
	Pending []string
}

// applies reports whether the gate has a scanner that was neither idle nor skipped: the change
// concerns the gate, and the scanner can scan it.
func (g Gate) applies() bool {
	return slices.ContainsFunc(g.Runs, func(r scanners.Run) bool { return !r.Idle && r.Skipped == "" })
}

// fails reports whether a run that did not finish makes the verdict fail.
func (g Gate) fails(r scanners.Run) bool {
	return r.Err != nil && (g.Block || g.Blocking[r.Scanner] != "")
}

// An Input holds everything that a report is made from.
type Input struct {
	Base, Head string // the two sides compared, for people to read: commits (40 hex digits), or "worktree"
	Patch      patch.Set
	Gates      []Gate
	Draft      bool // the pull request is a draft, whose verdict never blocks

	// Limit is the largest number of comments at one time; findings that have a thread are never
	// dropped. Zero is for a report that has no pull request to comment on.
	Limit int

	// Threads holds the fingerprints that have a thread already: true if it is open, false if it is
	// closed.
	Threads map[string]bool

	// Posted holds our threads as they are, for what is left to do about those that are closed.
	Posted []Thread

	// History names the scanners that also scan what the commits between base and head held.
	History map[string]bool

	// NotRun is one sentence that says why nothing was scanned. It is empty if something was.
	NotRun string

	// Notices are sentences (our own Markdown) for the top of the summary, for example that the
	// policy file is invalid.
	Notices []string

	// Unchanged makes the summary list the findings that the base has already.
	Unchanged bool

	// Annotations are shown on the verdict's check run. The annotations of findings are on those of the
	// gates.
	Annotations []Annotation

	// Link returns the address of a line at the head, or of the file if line is 0. There is no link if
	// Link is nil or returns "".
	Link func(path string, line int) string

	// Files holds the content of files at the head, see [Needs]. If the content of a file is missing, no
	// fix in it is shown, and the change nearest to a finding counts as its cause.
	Files map[string][]byte

	// Allowed returns what people may decide about a finding. If it is nil, nothing is known about that.
	Allowed func(Finding) Allowed

	// Ignored reports whether the policy ignores a file, so that nothing is known about it. If it is
	// nil, no file is ignored.
	Ignored func(path string) bool

	// Unowned reports whether nobody owns a file. If it is nil, that is not known.
	Unowned func(path string) bool
	// Lessons explain the weaknesses of new findings, by fingerprint.
	Lessons map[string]Lesson

	// Campaigns are those that run. One that has nothing to do with the change shows nothing.
	Campaigns []Campaign

	decided []Finding    // see [Input.withoutDecided]
	gone    []goneSecret // see [Report.gone]
}

// Needs lists the files at the head whose content a report of the gates needs: the files that fixes edit,
// and the files of the patch that contain a new finding or a step of its data flow.
func Needs(gates []Gate, set patch.Set) []string {
	paths := map[string]bool{}
	changed := func(path string) {
		if _, ok := set.File(path); ok {
			paths[path] = true
		}
	}
	for _, g := range gates {
		for _, f := range g.Findings {
			if f.State == scanners.New && f.Comment {
				changed(f.Path)
				for _, s := range f.Flow {
					changed(s.Path)
				}
			}
			if len(f.Fixes) == 0 || f.State == scanners.Absent {
				continue
			}
			paths[f.Path] = true
			for _, e := range f.Fixes[0].Edits {
				paths[e.Path] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// A Verdict is the outcome of a review in one word.
type Verdict string

// The verdicts.
const (
	Clean      Verdict = "clean"
	Findings   Verdict = "findings"
	Incomplete Verdict = "incomplete"
	NotRun     Verdict = "not run"
	Superseded Verdict = "superseded"
)

// A Conclusion is GitHub's word for how a check run ended. A required check passes with
// success, neutral and skipped
// (https://docs.github.com/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks).
type Conclusion string

// The conclusions that we use.
const (
	Success   Conclusion = "success"
	Neutral   Conclusion = "neutral"
	Failure   Conclusion = "failure"
	Skipped   Conclusion = "skipped"
	Cancelled Conclusion = "cancelled"
)

// A Report is everything that the pull request will show.
type Report struct {
	Verdict  Verdict
	Check    Check     // the verdict's
	Gates    []Check   // one for each gate that applies to the change
	Comments []Comment // the threads that should be open, worst first

	// Standing holds the fingerprints of all new findings, shown or not.
	Standing map[string]bool

	// Aside maps the fingerprint of each other finding at the head to the reason why it is not shown:
	// one sentence of ours. If a thread's finding is in neither map and its scanner finished, the
	// finding is fixed.
	Aside map[string]string

	// Decided maps the fingerprint of each new finding that a decision takes out of the open ones to
	// that decision: one sentence of Markdown.
	Decided map[string]string

	// Finished holds the scanners that ran to their end or would have found nothing, Unfinished
	// those that did not, for whatever reason. A scanner in neither was not asked to run.
	Finished, Unfinished map[string]bool

	// Partial reports that some scanners are still running, see [Gate.Pending].
	Partial bool

	input Input
}

// A Check is the wanted state of one check run.
type Check struct {
	Name        string
	Conclusion  Conclusion
	Title       string // plain text
	Summary     string // Markdown
	Annotations []Annotation
	Actions     []Action // buttons, shown once the check is completed

	// Own is the conclusion without the other pull requests that share the head; empty if it is the same.
	Own Conclusion `json:"-"`
}

// An Annotation is one line of a check run's list, shown at its place in the diff.
type Annotation struct {
	Path                   string
	StartLine, EndLine     int // from 1
	StartColumn, EndColumn int // from 1; 0 for the whole line
	Level                  string
	Title, Message         string // plain text
}

// A Comment is the wanted state of one thread.
type Comment struct {
	Fingerprint string
	With        []string // fingerprints of the other findings that it describes
	Scanner     string
	Path        string
	StartLine   int // from 1; 0 makes it a comment on the file
	Line        int // the last line, from 1; 0 makes it a comment on the file
	Body        string

	// A thread stays where it was opened, and its finding may have moved since. Found is where the
	// finding is now. Plain is the text without a suggestion, because the suggestion's button would
	// change other lines. Where is the sentence that leads to the finding.
	Found Spot
	Plain string
	Where string
}

// A Spot is a line of a file; 0 for the whole file.
type Spot struct {
	Path string
	Line int
}

// Compose makes the report. It is pure: the same input makes the same report, whatever the order
// of its findings and gates. Gates are shown in the order of [scanners.Gates].
func Compose(in Input) Report {
	in.Gates = sortedGates(in.Gates)
	in = in.withoutDecided()
	rep := Report{Standing: map[string]bool{}, Aside: map[string]string{}, Decided: map[string]string{}, Finished: map[string]bool{}, Unfinished: map[string]bool{}, input: in}
	for _, g := range in.Gates {
		rep.Partial = rep.Partial || len(g.Pending) > 0
		for _, run := range g.Runs {
			switch {
			case run.Complete():
				rep.Finished[run.Scanner] = true
			default:
				rep.Unfinished[run.Scanner] = true
			}
		}
		for _, f := range g.Findings {
			if f.State == scanners.New {
				rep.Standing[f.Fingerprint] = true
			}
		}
	}
	for _, f := range in.decided {
		rep.Standing[f.Fingerprint] = true
		rep.Decided[f.Fingerprint] = f.Decided.sentence() + "."
	}
	together := in.together()
	for _, run := range rep.Runs() { // runs hold all results, also those that the policy left out of the findings
		for _, f := range run.Results {
			if !rep.Standing[f.Fingerprint] && f.State != scanners.Absent {
				rep.Aside[f.Fingerprint] = aside(f, together)
			}
		}
	}
	var fingerprints []string
	taken := map[string][]suggestion{}
	for _, b := range chosen(in, rep.Partial) {
		if c, ok := in.comment(b, taken); ok {
			rep.Comments = append(rep.Comments, c)
			fingerprints = append(append(fingerprints, c.Fingerprint), c.With...)
		}
	}
	in.gone = rep.gone(in.Posted, in.Head)
	rep.input.gone = in.gone
	rep.Verdict = in.verdict()
	rep.Check = in.verdictCheck(rep.Verdict, fingerprints)
	if in.NotRun == "" {
		for _, g := range in.Gates {
			// The check of this name shows the questions about the design, see [Card].
			if g.Name != scanners.Requirements && g.applies() && len(g.Pending) == 0 {
				rep.Gates = append(rep.Gates, in.gateCheck(g))
			}
		}
	}
	return rep
}

// aside says why a result that the head has is not shown.
func aside(f scanners.Result, together map[ruleIn]bool) string {
	switch {
	case f.State == scanners.Unchanged:
		return "The base branch has this by now, so it is not new here."
	case together[ruleIn{f.Path, f.RuleID()}]:
		return "Shown together with another finding of the same problem."
	}
	return "No longer shown: the policy switches this off."
}

// A ruleIn is a rule ("scanner/rule") in a file.
type ruleIn struct{ path, rule string }

// together returns the rules, by file, whose results are shown as part of another rule's finding.
func (in Input) together() map[ruleIn]bool {
	also := map[ruleIn]bool{}
	for _, g := range in.Gates {
		for _, f := range g.Findings {
			for _, rule := range f.Also {
				also[ruleIn{f.Path, rule}] = true
			}
		}
	}
	return also
}

// An Outline is the outcome of a report, without its text.
type Outline struct {
	Verdict    Verdict
	Conclusion Conclusion
	Comments   []Finding // those with a thread, worst first
}

// Outlined makes the outline of the report that [Compose] would make. carries takes the place of the
// patch: it reports whether the diff has a place for a comment on a finding, see [Report.Carries].
func Outlined(in Input, carries func(Finding) bool) Outline {
	in.Gates = sortedGates(in.Gates)
	in = in.withoutDecided()
	out := Outline{Verdict: in.verdict()}
	out.Conclusion = in.conclusion(out.Verdict)
	for _, b := range chosen(in, false) {
		if carries(b.Finding) || in.hasThread(b.Finding) {
			out.Comments = append(out.Comments, b.Finding)
		}
	}
	return out
}

// Carries reports whether the diff has a place for a comment on f.
func (r Report) Carries(f scanners.Result) bool {
	if _, inDiff := r.input.file(f.Path); inDiff || f.Line == 0 || f.Commit != "" {
		return inDiff
	}
	// The exact place does not matter here, and costs time to find.
	_, ok := r.input.step(Finding{Result: f}, func(file *patch.File, line int) (int, bool) {
		return line, file.Changes() || file.Shows(patch.Right, line)
	})
	return ok
}

// Findings lists all findings of all gates, in any state, the worst first.
func (r Report) Findings() []Finding {
	out := slices.Clone(r.input.decided)
	for _, g := range r.input.Gates {
		out = append(out, g.Findings...)
	}
	slices.SortStableFunc(out, WorstFirst)
	return out
}

// Runs lists the runs of all scanners.
func (r Report) Runs() []scanners.Run {
	var out []scanners.Run
	for _, g := range r.input.Gates {
		out = append(out, g.Runs...)
	}
	return out
}

// At makes the report again for the threads that exist now, together with opened: the fingerprints whose
// threads were just opened.
func (r Report) At(threads []Thread, opened map[string]bool) Report {
	in := r.input
	in.Threads, in.Posted = maps.Clone(opened), threads
	for _, t := range threads {
		in.Threads[t.Fingerprint] = in.Threads[t.Fingerprint] || t.Open()
	}
	return Compose(in)
}

// Without returns the verdict's check when some comments, named by their fingerprints, found no place.
func (r Report) Without(unplaced map[string]bool) Check {
	var commented []string
	for _, c := range r.Comments {
		if !unplaced[c.Fingerprint] {
			commented = append(append(commented, c.Fingerprint), c.With...)
		}
	}
	return r.input.verdictCheck(r.Verdict, commented)
}

// Digest identifies the report's content: two reports with the same digest show the same.
func (r Report) Digest() string {
	return digest(struct{ A, B any }{append([]Check{r.Check}, r.Gates...), r.Comments})
}

// Digest identifies the content of a check run.
func (c Check) Digest() string { return digest(c) }

// digest is short because it shares GitHub's external_id with other facts.
func digest(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // only values of ours come here: strings, numbers and lists of them
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// sortedGates returns a copy of gates with everything in the order in which it is shown.
func sortedGates(gates []Gate) []Gate {
	order := scanners.Gates()
	gates = slices.Clone(gates)
	slices.SortStableFunc(gates, func(a, b Gate) int {
		return cmp.Compare(slices.Index(order, a.Name), slices.Index(order, b.Name))
	})
	for i, g := range gates {
		gates[i].Findings = slices.Clone(g.Findings)
		slices.SortStableFunc(gates[i].Findings, WorstFirst)
		gates[i].Runs = slices.Clone(g.Runs)
		slices.SortStableFunc(gates[i].Runs, func(a, b scanners.Run) int { return cmp.Compare(a.Scanner, b.Scanner) })
	}
	return gates
}

// WorstFirst orders findings as they are shown: those that block, then by severity, then by place.
func WorstFirst(a, b Finding) int {
	blocks := func(f Finding) int {
		if f.Block {
			return 0
		}
		return 1
	}
	if c := cmp.Or(
		cmp.Compare(blocks(a), blocks(b)),
		cmp.Compare(b.Severity, a.Severity),
		cmp.Compare(a.Path, b.Path),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Column, b.Column),
	); c != 0 {
		return c // nearly always; computing the rest costs time
	}
	return cmp.Or(cmp.Compare(a.RuleID(), b.RuleID()), cmp.Compare(a.Fingerprint, b.Fingerprint))
}

// chosen picks the bundles that get a thread: all that have one, and the worst of the others up to the
// limit. A worse finding does not take the thread of another, since the reader would believe that the
// other was fixed. A closed thread whose finding is back is opened again even over the limit, since its text
// would say that the finding is fixed. While some scanners are still running, findings below high that do
// not block leave half of the room to those that may yet come.
func chosen(in Input, partial bool) []bundle {
	shown := in.bundles(in.findings(scanners.New))
	var out []bundle
	room := in.Limit
	for _, b := range shown {
		if in.hasThread(b.Finding) {
			room--
		}
	}
	for _, b := range shown {
		switch worst := b.worst(); {
		case in.hasThread(b.Finding):
			out = append(out, b)
		case partial && worst.Severity < scanners.High && !worst.Block && room <= in.Limit/2:
		case room > 0:
			out = append(out, b)
			room--
		}
	}
	return out
}

func (in Input) hasThread(f Finding) bool {
	_, ok := in.Threads[f.Fingerprint]
	return ok
}
