package checks

import (
	"slices"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

// verdict returns the outcome, which is never clean by accident: a scanner that did not finish weighs
// more than the absence of findings, and less than a finding that blocks.
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

// count returns how many findings are new and shown, how many of them block, and how many
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

// SupersededCheck returns the check of a review that another review replaced. why is Markdown.
func SupersededCheck(name, why string) Check {
	in := Input{}
	return Check{Name: name, Conclusion: in.conclusion(Superseded), Title: in.title(Superseded), Summary: why + "\n"}
}

func (in Input) gateCheck(g Gate) Check {
	alone := in
	alone.Gates, alone.Notices, alone.Annotations, alone.Limit, alone.Campaigns = []Gate{g}, nil, nil, 0, nil
	alone.decided = in.only(g.Name)
	alone.gone = slices.DeleteFunc(slices.Clone(in.gone), func(s goneSecret) bool {
		return !slices.ContainsFunc(g.Runs, func(r scanners.Run) bool { return r.Scanner == s.scanner })
	})
	v := alone.verdict()
	c := Check{
		Name:       Name + "/" + string(g.Name),
		Conclusion: alone.conclusion(v),
		Title:      alone.title(v),
		Summary:    alone.summary(v, nil),
	}
	c.Annotations = in.annotations(g)
	return c
}

// annotations makes the annotations of a gate's findings.
func (in Input) annotations(g Gate) (list []Annotation) {
	for _, f := range g.Findings {
		if a, ok := in.annotation(f); ok {
			list = append(list, a)
		}
	}
	return list
}

func (in Input) verdictCheck(v Verdict, commented []string) Check {
	c := Check{
		Name:        Name,
		Conclusion:  in.conclusion(v),
		Title:       in.title(v),
		Summary:     in.summary(v, commented),
		Annotations: slices.Concat(in.Annotations, in.campaignAnnotations()),
		Actions:     in.buttons(v),
	}
	for _, g := range in.Gates {
		if g.Name == scanners.Requirements { // this gate has no check of its own
			c.Annotations = append(c.Annotations, in.annotations(g)...)
		}
	}
	return c
}

// annotation makes a finding's annotation on its line at the head. A finding that is only in the history
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
	// GitHub accepts columns only within a single line. Our EndColumn is after the last character.
	// GitHub does not say whether its end column is, too; the last character is right or nearly so.
	if a.StartLine == a.EndLine && f.Column > 0 && f.EndColumn > f.Column {
		a.StartColumn, a.EndColumn = f.Column, f.EndColumn-1
	}
	return a, true
}
