package rehearsal

import (
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Comment is a finding that would have had a thread, or failed the check.
type Comment struct {
	Fingerprint string
	Rule        string // "scanner/rule"
	Path        string
	Line        int
	Severity    scanners.Severity
	Owners      []string // by CODEOWNERS
	OwnersKnown bool
}

// An Outcome is the result of a policy for a pull request.
type Outcome struct {
	Comments []Comment // every thread that it would have had in its life, in the order of the reviews

	// Fails are the failures of the last review whose check would have failed, and Failing are the findings that they
	// are about; both are empty if none would have failed.
	Fails   []judge.Failure
	Failing []Comment
	AtEnd   bool // the last review would have failed

	// Held are findings of rules that the organisation enforces, and why they would not have failed
	// the check: of the last review.
	Held []judge.Failure

	// Unasked are scanners that the policy wants and that never ran, Unseen is the number of changed files that were
	// ignored and would not be. Nobody knows what they hold. Old reports that a review is by a version of this program
	// that recorded too little.
	Unasked []string
	Unseen  int
	Old     bool
}

// replay judges the reviews of a pull request by a policy, in their order: the threads of a review are there in the
// next.
func replay(p record.Past, pol policy.Policy, evidence judge.Evidence, now time.Time) (Outcome, error) {
	var out Outcome
	threads := map[string]bool{}
	var known []baseline.Known
	for i, r := range p.Reviews {
		past := pastOf(r)
		j, err := judge.Apply(judge.Case{
			Runs: past.runs(pol), Policy: pol, Known: known, Suppress: past.decide,
			Adds: func(r scanners.Result) bool { return past.of[r.Fingerprint].Adds }, Quiet: past.quiet, Evidence: evidence, Now: now,
		})
		if err != nil {
			return Outcome{}, err
		}
		in := checks.Input{Gates: j.Gates, Draft: past.context.Draft, Limit: pol.CommentLimit, Threads: threads}
		if past.context.NotRun || len(j.Gates) == 0 {
			in.NotRun = "Nothing was scanned."
		}
		o := checks.Outlined(in, func(f checks.Finding) bool { return past.of[f.Fingerprint].Place })
		for _, f := range o.Comments {
			if !threads[f.Fingerprint] {
				threads[f.Fingerprint] = true
				known = append(known, baseline.Known{Fingerprint: f.Fingerprint, Path: f.Path, Line: f.Line})
				out.Comments = append(out.Comments, past.comment(f.Fingerprint))
			}
		}
		if o.Conclusion == checks.Failure {
			out.Fails, out.Failing = j.Fails, nil
			for _, f := range j.Fails {
				if f.Fingerprint != "" {
					out.Failing = append(out.Failing, past.comment(f.Fingerprint))
				}
			}
		}
		if i == len(p.Reviews)-1 {
			out.AtEnd = o.Conclusion == checks.Failure
			if r.Context != nil { // otherwise the new lines are not known
				out.Held = j.Held
			}
		}
		out.Unseen = max(out.Unseen, past.unseen(pol))
		out.Old = out.Old || r.Context == nil
		for _, name := range past.unasked(pol) {
			if !slices.Contains(out.Unasked, name) {
				out.Unasked = append(out.Unasked, name)
			}
		}
	}
	return out, nil
}

// A past is one review in a form that can be judged again.
type past struct {
	context record.Context
	all     []record.Finding          // that are new
	of      map[string]record.Finding // by fingerprint
}

// pastOf reconstructs a review. From the records of older versions it infers that a scanner ran if it has findings, and
// that a finding which was shown had a place for its comment.
func pastOf(r record.Review) past {
	p := past{of: map[string]record.Finding{}}
	if r.Context != nil {
		p.context = *r.Context
	}
	for _, f := range slices.Concat(r.Findings, p.context.Hidden) {
		if f.State != scanners.New {
			continue
		}
		if r.Context == nil {
			f.Place = f.Shown
			name, _, _ := strings.Cut(f.Rule, "/")
			p.context.NoOwners = true
			if !slices.ContainsFunc(p.context.Scanners, func(s record.Scanner) bool { return s.Name == name }) {
				p.context.Scanners = append(p.context.Scanners, record.Scanner{Name: name, Gate: f.Gate, State: record.Ran})
			}
		}
		p.all = append(p.all, f)
		p.of[f.Fingerprint] = f
	}
	return p
}

// runs returns the runs that a review would have, of the scanners that the policy wants.
func (p past) runs(pol policy.Policy) (runs []scanners.Run) {
	for _, s := range p.context.Scanners {
		if s.State == record.Off || !pol.Wants(s.Name, s.Gate) {
			continue
		}
		run := scanners.Run{Scanner: s.Name, Gate: s.Gate, Idle: s.State == record.Idle}
		switch {
		case s.State == record.Unfinished, s.State == record.Missing && pol.Scanners[s.Name]:
			run.Err = &scanners.IncompleteError{Reason: "It did not finish."}
		case s.State == record.Missing:
			run.Skipped = "It was not there."
		}
		for _, f := range p.all {
			if r := result(f); r.Scanner == s.Name && !pol.Skips(s.Gate, r.Path) {
				run.Results = append(run.Results, r)
			}
		}
		runs = append(runs, run)
	}
	return runs
}

// decide marks the findings that had been decided about at that time.
func (p past) decide(gates []checks.Gate) error {
	for _, g := range gates {
		for i := range g.Findings {
			if id := p.of[g.Findings[i].Fingerprint].Decided; id != "" {
				g.Findings[i].Decided = &checks.Decided{ID: id, How: decision.Outcome("accept")}
			}
		}
	}
	return nil
}

// quiet has the findings that were quiet at that time be quiet again, unless the policy pins their rule.
func (p past) quiet(_ string, r scanners.Result) (judge.Quiet, error) {
	kind := p.of[r.Fingerprint].Quiet
	return judge.Quiet{Kind: kind, Why: map[string]string{
		record.QuietNoise:   r.RuleID() + " was quiet in this repository, because people found it noisy.",
		record.QuietUpgrade: r.Scanner + " had a new version, and let this pass before.",
	}[kind]}, nil
}

func result(f record.Finding) scanners.Result {
	scanner, rule, _ := strings.Cut(f.Rule, "/")
	return scanners.Result{
		Finding: scanners.Finding{
			Rule: rule, Severity: f.Severity, Path: f.Path, Line: f.Line, EndLine: f.EndLine, Title: f.Title,
			CWE: f.CWE, Package: f.Package, Aliases: f.Aliases, Commit: f.Commit,
		},
		Scanner: scanner, Gate: f.Gate, Fingerprint: f.Fingerprint, State: f.State,
	}
}

func (p past) comment(fingerprint string) Comment {
	f := p.of[fingerprint]
	return Comment{
		Fingerprint: fingerprint, Rule: f.Rule, Path: f.Path, Line: f.Line, Severity: f.Severity,
		Owners: f.Owners, OwnersKnown: !p.context.NoOwners,
	}
}

// unasked lists the scanners that the policy would have run.
func (p past) unasked(pol policy.Policy) (names []string) {
	for _, s := range p.context.Scanners {
		if s.State == record.Off && pol.Wants(s.Name, s.Gate) && !p.context.NotRun {
			names = append(names, s.Name)
		}
	}
	return names
}

// unseen counts the changed files that were ignored and that the policy would not have ignored. Of those that are not
// on the list, it counts all.
func (p past) unseen(pol policy.Policy) int {
	n := 0
	for _, path := range p.context.Ignored {
		if !pol.SkipsAll(path) {
			n++
		}
	}
	if n > 0 {
		n += p.context.IgnoredFiles - len(p.context.Ignored)
	}
	return n
}
