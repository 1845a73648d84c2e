package judge

import (
	"fmt"
	"slices"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// Evidence is the record of the rules in one repository, for the no-surprise rule. It is read only for rules that the
// organisation enforces.
type Evidence interface {
	// Of returns the record of a rule; zero for a rule that was never shown.
	Of(scanner, rule string) (policy.Shown, error)

	// Rules lists, without their scanner, the rules of a scanner that were shown.
	Rules(scanner string) ([]string, error)
}

// fail marks the findings and scanners that fail the check, by the repository's policy or the organisation's, with the
// reasons.
func (c Case) fail(gates []checks.Gate, quiet quieted) (out Judgement, err error) {
	for i := range gates {
		if err := c.failFindings(&gates[i], quiet, &out); err != nil {
			return Judgement{}, err
		}
		if err := c.failRuns(&gates[i], &out); err != nil {
			return Judgement{}, err
		}
	}
	out.Gates, out.Quiet = gates, quiet.lines(gates)
	return out, nil
}

func (c Case) failFindings(g *checks.Gate, quiet quieted, out *Judgement) error {
	for i := range g.Findings {
		f := &g.Findings[i]
		if f.State != scanners.New || !f.Comment || f.Decided != nil {
			continue
		}
		if f.Block {
			out.Fails = append(out.Fails, Failure{f.RuleID(), f.Fingerprint, "fails the check: " + Because(c.Policy, *f)})
			continue
		}
		v, enforced, err := c.enforced(g, f)
		if err != nil {
			return err
		}
		if one := quiet.of[f.Fingerprint]; one.Kind != "" && (v.Fails || v.Yet) {
			v.Fails, v.Yet, v.Because = false, false, one.Why
		}
		f.Block = v.Fails
		why := fmt.Sprintf("%s (%s)", v.Because, v.Origin)
		switch {
		case v.Fails:
			out.Fails = append(out.Fails, Failure{f.RuleID(), f.Fingerprint, "fails the check: " + why})
		case enforced:
			if v.Yet {
				out.Coming = append(out.Coming, Failure{f.RuleID(), f.Fingerprint, "does not fail the check yet: " + why})
			}
			out.Held = append(out.Held, Failure{f.RuleID(), f.Fingerprint, why})
		}
	}
	return nil
}

// failRuns does the same for scanners that did not finish.
func (c Case) failRuns(g *checks.Gate, out *Judgement) error {
	for _, run := range g.Runs {
		if run.Err == nil {
			continue
		}
		if g.Blocking[run.Scanner] == "" {
			v, ok, err := c.enforces(run.Scanner)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			g.Blocking[run.Scanner] = fmt.Sprintf("%s (%s)", v.Because, v.Origin)
		}
		out.Fails = append(out.Fails, Failure{run.Scanner, "", "did not finish, and that fails the check: " + g.Blocking[run.Scanner]})
	}
	return nil
}

// Because names the line of the policy that decides the mode of a finding.
func Because(p policy.Policy, f checks.Finding) string {
	d := p.Decide(f.Gate, f.Scanner, f.Rule, f.Severity, f.Path)
	return fmt.Sprintf("%s is %s (%s)", d.Key, d.Mode, d.Origin)
}

// enforced applies the no-surprise rule; ok is false for a rule that is not enforced.
func (c Case) enforced(g *checks.Gate, f *checks.Finding) (v policy.Verdict, ok bool, err error) {
	if c.Evidence == nil {
		return v, false, nil
	}
	e := policy.Evidence{Now: c.Now, New: f.Commit == "" && c.Adds != nil && c.Adds(f.Result), Complete: true}
	if v, ok = c.Policy.Fails(f.Scanner, f.Rule, e); !ok {
		return v, false, nil
	}
	for _, run := range g.Runs {
		e.Complete = e.Complete && (run.Scanner != f.Scanner || run.Err == nil)
	}
	if e.Shown, err = c.Evidence.Of(f.Scanner, f.Rule); err != nil {
		return v, true, err
	}
	v, _ = c.Policy.Fails(f.Scanner, f.Rule, e)
	return v, true, nil
}

// enforces reports whether a finding of a scanner, had it finished, could fail the check by the organisation's policy:
// whether one of its rules may already do so. Otherwise an author could pass by keeping a scanner from finishing.
func (c Case) enforces(scanner string) (policy.Verdict, bool, error) {
	if c.Evidence == nil || !c.Policy.Enforces(scanner) {
		return policy.Verdict{}, false, nil
	}
	rules, err := c.Evidence.Rules(scanner)
	if err != nil {
		return policy.Verdict{}, false, err
	}
	for _, rule := range slices.Sorted(slices.Values(rules)) {
		e := policy.Evidence{Now: c.Now, New: true, Complete: true}
		if _, ok := c.Policy.Fails(scanner, rule, e); !ok {
			continue
		}
		if e.Shown, err = c.Evidence.Of(scanner, rule); err != nil {
			return policy.Verdict{}, false, err
		}
		v, _ := c.Policy.Fails(scanner, rule, e)
		if v.Fails && c.Quiet != nil && !c.Policy.Pinned(scanner, rule) {
			quiet, err := c.Quiet("", scanners.Result{Finding: scanners.Finding{Rule: rule}, Scanner: scanner, State: scanners.New})
			if err != nil {
				return policy.Verdict{}, false, err
			}
			v.Fails = quiet.Kind == ""
		}
		if v.Fails {
			return v, true, nil
		}
	}
	return policy.Verdict{}, false, nil
}

// AddedBy returns a function that reports whether a change adds a line of a finding.
func AddedBy(set patch.Set) func(scanners.Result) bool {
	return func(f scanners.Result) bool {
		file, ok := set.File(f.Path)
		return ok && file.AddsAny(f.Line, max(f.Line, f.EndLine))
	}
}
