// Package judge decides which findings of a change comment, which fail the check, and by which line of the
// policy. It is pure, and the only place where this is decided: for a pull request, a merge group, a
// rehearsal of another policy, and a review on a local folder.
package judge

import (
	"fmt"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Case holds the results of the scanners for a change, and everything by which they are judged. Only Runs and Policy
// are required.
type Case struct {
	Runs    []scanners.Run // in the order in which scanners are preferred, see [Apply]
	Pending []scanners.Run // runs that have not ended and are not judged
	Policy  policy.Policy
	Known   []baseline.Known // findings that have a thread already

	// Within reports whether a scanner may find something in the paths of a pattern of the policy; nil means always. It
	// is used for scanners that did not finish.
	Within func(scanner, pattern string) bool

	// Decisions are the repository's decisions that may be about the findings, in the order in which they were made.
	Decisions []decision.Decision
	Scope     decision.Scope

	// Suppress marks the findings that the code of the base accepts; nil for none. It may change the findings
	// of the gates, and nothing else.
	Suppress func([]checks.Gate) error

	// Adds reports whether the change adds a line of a finding; nil means never.
	Adds func(scanners.Result) bool

	// Quiet says which new findings should be quieter than the policy says, given the version of their scanner; nil for
	// none. It is asked for those that would have a comment. Guardrails and pins come first. A result without a path
	// stands for its rule.
	Quiet func(version string, r scanners.Result) (Quiet, error)

	// Evidence is for the rules that the organisation enforces; if it is nil, none of them fails the check.
	Evidence Evidence

	Now time.Time
}

// A Judgement is the result of a case.
type Judgement struct {
	Gates  []checks.Gate
	Fails  []Failure // why the check fails
	Held   []Failure // findings of an enforced rule, and why they do not fail the check
	Coming []Failure // the held ones that will fail it, once the rule has been shown for long enough
	Quiet  []string  // what is quieter than the policy says, and why: Markdown
}

// A Failure says why a check fails: one plain sentence about a finding, or about a scanner that did not finish.
type Failure struct {
	Rule        string // "scanner/rule", or the scanner
	Fingerprint string // empty for a scanner
	Why         string // with the line of the policy, without a full stop
}

// Apply judges a case. Of several findings of one problem it keeps one, see [baseline.Same]: the one that fails the
// check, then the one that comments, then one that has a thread, then that of the first scanner. Then it applies the
// decisions, then the suppressions in the code, then the rules that the organisation enforces.
func Apply(c Case) (Judgement, error) {
	gates, quiet, err := c.gates()
	if err != nil {
		return Judgement{}, err
	}
	c.decide(gates)
	if c.Suppress != nil {
		if err := c.Suppress(gates); err != nil {
			return Judgement{}, err
		}
	}
	return c.fail(gates, quiet)
}

// decide marks the findings that people decided about.
func (c Case) decide(gates []checks.Gate) {
	if len(c.Decisions) == 0 {
		return
	}
	var results []scanners.Result
	for _, g := range gates {
		for _, f := range g.Findings {
			results = append(results, f.Result)
		}
	}
	rulings := decision.Rule(results, c.Decisions, c.Scope, c.Now)
	for _, g := range gates {
		for i := range g.Findings {
			f := &g.Findings[i]
			ruling, ok := rulings[f.Fingerprint]
			switch {
			case !ok:
			case ruling.Lapse == "":
				f.Decided = decided(ruling.Decision)
			default:
				f.Lapsed = ruling.Decision.ID + " does not count: " + ruling.Lapse
			}
		}
	}
}

func decided(d decision.Decision) *checks.Decided {
	by := []string{d.Asked}
	for _, login := range d.By {
		if !slices.Contains(by, login) {
			by = append(by, login)
		}
	}
	reason := d.Reason
	if d.Code != "" {
		reason = d.Code
		if d.Reason != "" {
			reason += ", " + d.Reason
		}
	}
	return &checks.Decided{ID: d.ID, How: decision.Outcome(d.Verb), By: by, Until: d.Until, Class: d.Class, Reason: reason, Ticket: d.Ticket}
}

// maxLines is how many sentences [Lines] returns.
const maxLines = 10

// Lines returns the sentences of failures as Markdown, each once.
func Lines(list []Failure) (lines []string) {
	said := map[string]bool{}
	scannersOf := map[string][]string{}
	for _, f := range list {
		if f.Fingerprint == "" {
			scannersOf[f.Why] = append(scannersOf[f.Why], f.Rule)
		}
	}
	for _, f := range list {
		if names := scannersOf[f.Why]; f.Fingerprint == "" && len(names) > 1 { // one line of the policy for all of them
			f.Rule = scanners.Some(names, maxLines)
		}
		if s := checks.Escape(f.Rule + " " + f.Why + "."); !said[s] {
			said[s] = true
			lines = append(lines, s)
		}
	}
	if more := len(lines) - maxLines; more > 0 {
		lines = append(lines[:maxLines], fmt.Sprintf("%d more lines are like these.", more))
	}
	return lines
}

// News lists the new findings that may have a thread.
func (j Judgement) News() (known []baseline.Known) {
	for _, g := range j.Gates {
		for _, f := range g.Findings {
			if f.State == scanners.New && f.Comment {
				known = append(known, baseline.Known{Fingerprint: f.Fingerprint, Path: f.Path, Line: f.Line})
			}
		}
	}
	return known
}

// Subjects lists the new findings in gates, whatever a policy decides about them.
func Subjects(gates []checks.Gate) (list []policy.Subject) {
	for _, g := range gates {
		for _, run := range g.Runs {
			for _, f := range run.Results {
				if f.State == scanners.New {
					list = append(list, policy.Subject{ID: scanners.ID(f.Fingerprint), Gate: g.Name, Scanner: f.Scanner, Rule: f.Rule, Severity: f.Severity, Path: f.Path})
				}
			}
		}
	}
	return list
}
