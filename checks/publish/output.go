package publish

import (
	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/checks"
)

// actions returns the buttons of a check.
func actions(c checks.Check) (list []*github.CheckRunAction) {
	for _, a := range c.Actions {
		list = append(list, &github.CheckRunAction{Label: a.Label, Description: a.Description, Identifier: a.Identifier})
	}
	return list
}

// output returns what a check shows, within GitHub's limits.
func output(c checks.Check) *github.CheckRunOutput {
	out := &github.CheckRunOutput{Title: github.String(checks.Cut(c.Title, maxTitle)), Summary: &c.Summary}
	for _, a := range c.Annotations {
		g := &github.CheckRunAnnotation{
			Path: github.String(a.Path), AnnotationLevel: github.String(a.Level),
			StartLine: github.Int(a.StartLine), EndLine: github.Int(a.EndLine),
			Title: github.String(checks.Cut(a.Title, maxTitle)), Message: github.String(checks.Cut(a.Message, maxMessage)),
		}
		if a.StartColumn > 0 {
			g.StartColumn, g.EndColumn = github.Int(a.StartColumn), github.Int(a.EndColumn)
		}
		out.Annotations = append(out.Annotations, g)
	}
	return out
}
