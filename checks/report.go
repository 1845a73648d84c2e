// Package checks turns findings into what a pull request shows. It is pure: package checks/publish
// writes it to GitHub.
//
// It has two steps. [Compose] makes the whole wanted state from findings. [Reconcile] compares it with
// what is there and yields the fewest writes. Both can be done again at any moment and give the same.
//
//   - report.go decides what is shown, anchor.go where: package patch knows which lines of the diff
//     can carry a comment, and which change brought about what shows elsewhere.
//   - suggest.go makes a fix a suggestion, only where pressing its button does exactly the fix.
//   - render.go and summary.go make Markdown, and with markdown.go the text of a tree or a tool stays
//     text in it.
//   - reconcile.go is the second step.
package checks

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// Name is the name of the check run with the verdict, the one to require. A gate's own check
// run is called Name/GATE.
const Name = "secbydesign"

// A Finding is a result and what the policy says of it.
type Finding struct {
	scanners.Result
	Comment bool // it may be shown; otherwise it is only counted
	Block   bool // it makes the verdict fail while it is new; implies Comment

	Decided *Decided // what people decided of it, so that it is not open; nil while it is
	Lapsed  string   // what they decided once and why it does not count; plain text, may be empty
}

// A Gate is what one gate did in one review.
type Gate struct {
	Name     scanners.Gate
	Block    bool // an unfinished scanner of this gate makes the verdict fail
	Runs     []scanners.Run
	Findings []Finding // of all runs, in any state

	// Blocking holds the unfinished scanners that make the verdict fail where Block does not say so of
	// all of them, and why: plain text without a full stop.
	Blocking map[string]string

	// Pending names the scanners that still look. A report with such a gate is a part of one: it
	// shows what is known so far, settles nothing of those scanners, and has no verdict.
	Pending []string
}

// applies reports whether the change has anything to do with the gate, and the gate has a
// scanner that can look at it.
func (g Gate) applies() bool {
	return slices.ContainsFunc(g.Runs, func(r scanners.Run) bool { return !r.Idle && r.Skipped == "" })
}

// fails reports whether a run that did not finish makes the verdict fail.
func (g Gate) fails(r scanners.Run) bool {
	return r.Err != nil && (g.Block || g.Blocking[r.Scanner] != "")
}

// An Input is all that a report is made from.
type Input struct {
	Base, Head string // what was compared, for people: commits (40 hex digits), or "worktree"
	Patch      patch.Set
	Gates      []Gate
	Draft      bool // of a draft the verdict never blocks

	// Limit is the most comments at one time; those that have a thread are never dropped.
	// Zero is for a report that has no pull request to comment on.
	Limit int

	// Threads holds the fingerprints that have a thread already: true where it is open, false where
	// it is settled.
	Threads map[string]bool

	// NotRun tells why nothing was looked at: one sentence. Empty when something was.
	NotRun string

	// Notices are sentences (Markdown of ours) for the top of the summary, such as that the
	// policy file is invalid.
	Notices []string

	// Unchanged has the summary list what the base has already.
	Unchanged bool

	// Annotations are shown beside those of the findings, on the verdict's check run.
	Annotations []Annotation

	// Link gives the address of a line at the head, 0 for the file; nil, or an empty answer,
	// for no link.
	Link func(path string, line int) string

	// Files holds the content of files at the head, see [Needs]. Without that of a file no fix of it is
	// shown, and the change nearest to a finding is taken for its cause.
	Files map[string][]byte

	// Ignored reports whether the policy leaves a file alone, so that nothing is known of it; nil for
	// none.
	Ignored func(path string) bool

	decided []Finding // see [Input.withoutDecided]
}

// Needs lists the files at the head whose content a report of the gates needs: those that fixes edit, and
// those of the patch in which new findings are, or through which their data comes.
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

	// Standing holds the fingerprints of all findings that are new here, shown or not.
	Standing map[string]bool

	// Aside tells, by fingerprint, of the other findings that the head has, why they are not told of:
	// one sentence of ours. A thread of ours that is in neither is mended, if its scanner finished.
	Aside map[string]string

	// Decided holds, by fingerprint, what people decided of the findings that are new here and not
	// open, as one sentence of Markdown.
	Decided map[string]string

	// Finished holds the scanners that ran to their end or would have found nothing, Unfinished
	// those that did not, for whatever reason. One that is in neither was not asked to look.
	Finished, Unfinished map[string]bool

	// Partial tells that some scanners still look, see [Gate.Pending].
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

	// Own is what it would be without another pull request of the same head; empty where that is the same.
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
	With        []string // fingerprints of other findings that it tells of
	Scanner     string
	Path        string
	StartLine   int // from 1; 0 makes it a comment on the file
	Line        int // the last line, from 1; 0 makes it a comment on the file
	Body        string

	// A thread stays where it was opened, which may be somewhere else by now. Found is where its
	// finding is, Plain is a text without a suggestion, whose button would change other lines, and
	// Where the sentence that leads to the place.
	Found Spot
	Plain string
	Where string
}

// A Spot is a line of a file; 0 for the whole file.
type Spot struct {
	Path string
	Line int
}

// Compose makes the report. It is pure: the same input gives the same report, in whatever
// order findings and gates come. Gates are shown in the order of [scanners.Gates].
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
	for _, run := range rep.Runs() { // their results are more than the findings that the policy left
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
	rep.Verdict = in.verdict()
	rep.Check = in.verdictCheck(rep.Verdict, fingerprints)
	if in.NotRun == "" {
		for _, g := range in.Gates {
			if g.applies() && len(g.Pending) == 0 {
				rep.Gates = append(rep.Gates, in.gateCheck(g))
			}
		}
	}
	return rep
}

// aside tells why a result is not told of, although the head has it.
func aside(f scanners.Result, together map[ruleIn]bool) string {
	switch {
	case f.State == scanners.Unchanged:
		return "In the base by now, so not new here."
	case together[ruleIn{f.Path, f.RuleID()}]:
		return "Shown together with another finding of the same problem."
	}
	return "Not shown any more: the policy switches this off."
}

// A ruleIn is a rule ("scanner/rule") in a file.
type ruleIn struct{ path, rule string }

// together names what is told in a finding of another rule.
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

// An Outline is what a report comes to, without its text.
type Outline struct {
	Verdict    Verdict
	Conclusion Conclusion
	Comments   []Finding // those with a thread, worst first
}

// Outlined makes the outline of the report that [Compose] would make. carries stands for the patch:
// it reports whether the diff has a place for a comment on a finding, see [Report.Carries].
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

// Carries reports whether the diff has a place for a comment on what was found.
func (r Report) Carries(f scanners.Result) bool {
	if _, inDiff := r.input.file(f.Path); inDiff || f.Line == 0 || f.Commit != "" {
		return inDiff
	}
	// Where exactly does not matter here, and is work.
	_, ok := r.input.step(Finding{Result: f}, func(file *patch.File, line int) (int, bool) {
		return line, file.Changes() || file.Shows(patch.Right, line)
	})
	return ok
}

// Findings lists all findings of all gates, in any state, in the order in which they are shown.
func (r Report) Findings() []Finding {
	var out []Finding
	for _, g := range r.input.Gates {
		out = append(out, g.Findings...)
		out = append(out, r.input.only(g.Name)...)
	}
	return out
}

// Runs lists what every scanner did.
func (r Report) Runs() []scanners.Run {
	var out []scanners.Run
	for _, g := range r.input.Gates {
		out = append(out, g.Runs...)
	}
	return out
}

// At makes the report again for the threads that exist now, and for the fingerprints whose threads were
// just opened.
func (r Report) At(threads []Thread, opened map[string]bool) Report {
	in := r.input
	in.Threads = maps.Clone(opened)
	for _, t := range threads {
		in.Threads[t.Fingerprint] = in.Threads[t.Fingerprint] || t.Open()
	}
	return Compose(in)
}

// Without is the verdict's check when some comments, by their fingerprints, found no place.
func (r Report) Without(unplaced map[string]bool) Check {
	var commented []string
	for _, c := range r.Comments {
		if !unplaced[c.Fingerprint] {
			commented = append(append(commented, c.Fingerprint), c.With...)
		}
	}
	return r.input.verdictCheck(r.Verdict, commented)
}

// Digest names the report's content: two reports with the same digest show the same.
func (r Report) Digest() string {
	return digest(struct{ A, B any }{append([]Check{r.Check}, r.Gates...), r.Comments})
}

// Digest names what a check run shows.
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

// sortedGates puts everything in the order in which it is shown, and leaves its argument as
// it is.
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
		return c // nearly always, and the rest is work
	}
	return cmp.Or(cmp.Compare(a.RuleID(), b.RuleID()), cmp.Compare(a.Fingerprint, b.Fingerprint))
}

// chosen picks what gets a thread: all that has one, and the worst of the others up to the limit.
// A thread is not taken away because something worse came, since its reader would take that for a
// fix; and one that was settled says so until it is opened again. While some scanners still look,
// mild findings leave half of the room to what may yet come.
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

// verdict is never clean by accident: a scanner that did not finish weighs more than the
// absence of findings, and less than a finding that blocks.
func (in Input) verdict() Verdict {
	if in.NotRun != "" {
		return NotRun
	}
	open, blocking, unfinished := in.count()
	switch {
	case blocking > 0:
		return Findings
	case unfinished > 0:
		return Incomplete
	case open > 0:
		return Findings
	}
	return Clean
}

// count tells how many findings are new and shown, how many of them block, and how many
// scanners did not finish.
func (in Input) count() (open, blocking, unfinished int) {
	for _, g := range in.Gates {
		for _, f := range g.Findings {
			if f.State == scanners.New && f.Comment {
				open++
				if f.Block {
					blocking++
				}
			}
		}
		for _, run := range g.Runs {
			if run.Err != nil {
				unfinished++
			}
		}
	}
	return open, blocking, unfinished
}

func (in Input) conclusion(v Verdict) Conclusion {
	fails := false
	for _, g := range in.Gates {
		for _, f := range g.Findings {
			fails = fails || f.State == scanners.New && f.Block
		}
		for _, run := range g.Runs {
			fails = fails || g.fails(run)
		}
	}
	switch v {
	case Clean:
		return Success
	case NotRun:
		return Skipped
	case Superseded:
		return Cancelled
	}
	if fails && !in.Draft {
		return Failure
	}
	return Neutral
}

// SupersededCheck is the check of a review that another one took the place of. why is Markdown.
func SupersededCheck(name, why string) Check {
	in := Input{}
	return Check{Name: name, Conclusion: in.conclusion(Superseded), Title: in.title(Superseded), Summary: why + "\n"}
}

func (in Input) gateCheck(g Gate) Check {
	alone := in
	alone.Gates, alone.Notices, alone.Annotations, alone.Limit = []Gate{g}, nil, nil, 0
	alone.decided = in.only(g.Name)
	v := alone.verdict()
	c := Check{
		Name:       Name + "/" + string(g.Name),
		Conclusion: alone.conclusion(v),
		Title:      alone.title(v),
		Summary:    alone.summary(v, nil),
	}
	for _, f := range g.Findings {
		if a, ok := in.annotation(f); ok {
			c.Annotations = append(c.Annotations, a)
		}
	}
	return c
}

func (in Input) verdictCheck(v Verdict, commented []string) Check {
	return Check{
		Name:        Name,
		Conclusion:  in.conclusion(v),
		Title:       in.title(v),
		Summary:     in.summary(v, commented),
		Annotations: in.Annotations,
		Actions:     in.buttons(v),
	}
}

// annotation places a finding on its line at the head. A finding that is only in the history
// has no line there.
func (in Input) annotation(f Finding) (Annotation, bool) {
	if f.State != scanners.New || !f.Comment || f.Commit != "" || !utf8.ValidString(f.Path) {
		return Annotation{}, false
	}
	a := Annotation{
		Path:      f.Path,
		StartLine: max(f.Line, 1), EndLine: max(f.Line, f.EndLine, 1),
		Level:   "warning",
		Title:   title(f),
		Message: Plain(f.Message) + "\n" + f.RuleID() + " " + f.ID(),
	}
	switch {
	case f.Block:
		a.Level = "failure"
	case f.Severity <= scanners.Low:
		a.Level = "notice"
	}
	// GitHub takes columns only on a single line. Ours end behind the last character; GitHub
	// does not say whether its own do, and on the last character is right or nearly so.
	if a.StartLine == a.EndLine && f.Column > 0 && f.EndColumn > f.Column {
		a.StartColumn, a.EndColumn = f.Column, f.EndColumn-1
	}
	return a, true
}
