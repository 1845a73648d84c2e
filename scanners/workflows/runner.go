package workflows

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/shell"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// GitHub: hardening for self-hosted runners. zizmor: self-hosted-runner.
var selfHostedRunner = workflow.Rule{
	ID:    "self-hosted-runner",
	Title: "Pull requests on a self-hosted runner",
	Why:   "Code of a pull request runs on your own machine, and can leave files there for later jobs. In a public repository anybody can open a pull request.",
	Help: "Run pull requests on GitHub's runners, or add `if: github.event.pull_request.head.repo.full_name == github.repository` to the job. In a private repository without forks, the risk is small: " +
		"accept the finding.",
	URL: "https://docs.github.com/en/actions/reference/security/secure-use#hardening-for-self-hosted-runners",
	CWE: "CWE-668",
}

func (j *judgement) selfHosted(job *actionlint.Job) {
	if job.RunsOn == nil {
		return
	}
	var f *scanners.Finding
	for _, event := range []string{"pull_request", "pull_request_target"} {
		if !j.On(event) {
			continue
		}
		label, g := j.selfHostedLabel(job, event)
		if label == nil {
			continue
		}
		if g = max(g, j.guard(job, len(job.Steps), event)); g == closed {
			continue
		}
		if f == nil {
			f = j.add(selfHostedRunner, scanners.Medium, j.Place(label),
				fmt.Sprintf("On %s, this job runs on a self-hosted runner. The scanner cannot see whether the repository is public.", event), job.ID.Value)
		}
		f.Extents = append(f.Extents, reach(event, g))
	}
}

// selfHostedLabel returns the label by which a job asks for a self-hosted runner, and what guards that.
func (j *judgement) selfHostedLabel(job *actionlint.Job, event string) (*actionlint.String, guard) {
	for _, label := range append(slices.Clone(job.RunsOn.Labels), job.RunsOn.LabelsExpr) {
		if label == nil {
			continue
		}
		if g, ok := j.selfHostedValue(label, job, event, 0); ok {
			return label, g
		}
	}
	return nil, closed
}

// maxLabels is how deep the values of labels may be nested in other values.
const maxLabels = 3

// selfHostedValue reports whether a value can name a self-hosted runner, and what guards that.
func (j *judgement) selfHostedValue(v *actionlint.String, job *actionlint.Job, event string, depth int) (guard, bool) {
	if !strings.Contains(v.Value, "${{") {
		return open, namesSelfHosted(v.Value)
	}
	if depth > maxLabels {
		return closed, false
	}
	best, found := closed, false
	for e := range workflow.Expressions(v) {
		if g, ok := j.selfHostedResult(e.Node, job, event, depth); ok {
			best, found = min(best, g), true
		}
	}
	return best, found
}

// selfHostedResult is selfHostedValue for an expression.
func (j *judgement) selfHostedResult(n actionlint.ExprNode, job *actionlint.Job, event string, depth int) (best guard, found bool) {
	best = closed
	see := func(g, before guard, ok bool) {
		if ok {
			best, found = min(best, max(g, before)), true
		}
	}
	switch n := n.(type) {
	case *actionlint.StringNode:
		see(open, open, namesSelfHosted(n.Value))
	case *actionlint.LogicalOpNode:
		// The right side is the result if the left one is true, or, after ||, if it is false.
		right, ok := j.selfHostedResult(n.Right, job, event, depth)
		see(right, j.judgeCondition(n.Left, event, n.Kind == actionlint.LogicalOpNodeKindAnd), ok)
		if n.Kind == actionlint.LogicalOpNodeKindOr {
			left, ok := j.selfHostedResult(n.Left, job, event, depth)
			see(left, open, ok)
		}
	case *actionlint.FuncCallNode:
		switch strings.ToLower(n.Callee) {
		case "fromjson", "tojson":
			for _, arg := range n.Args {
				g, ok := j.selfHostedResult(arg, job, event, depth)
				see(g, open, ok)
			}
		}
	default:
		if constant, ok := j.neededOutput(workflow.Name(n)); ok {
			see(open, open, namesSelfHosted(constant))
		}
		if name, ok := strings.CutPrefix(workflow.Name(n), "matrix."); ok {
			for _, v := range matrixValues(job, name) {
				g, ok := j.selfHostedValue(v, job, event, depth+1)
				see(g, open, ok)
			}
		}
	}
	return best, found
}

// neededOutput returns the value of an output of a needed job, if a script sets it once and to a constant.
func (j *judgement) neededOutput(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, "needs.")
	id, output, isOutput := strings.Cut(rest, ".outputs.")
	job := j.Workflow.Jobs[id]
	if !ok || !isOutput || job == nil || job.Outputs[output] == nil {
		return "", false
	}
	m := stepUse.FindStringSubmatch(text(job.Outputs[output].Value))
	if m == nil {
		return "", false
	}
	var values []string
	for _, s := range job.Steps {
		if !strings.EqualFold(text(s.ID), m[1]) {
			continue
		}
		for _, w := range j.script(s, job).Writes {
			if w.File == "GITHUB_OUTPUT" && strings.EqualFold(w.Name, m[2]) {
				values = append(values, shell.String(w.Value))
			}
		}
	}
	if len(values) != 1 || strings.Contains(values[0], "$") {
		return "", false
	}
	return values[0], true
}

// namesSelfHosted reports whether a label, or labels in JSON, name a self-hosted runner.
func namesSelfHosted(label string) bool {
	if strings.EqualFold(strings.TrimSpace(label), "self-hosted") {
		return true
	}
	var value any
	return strings.ContainsAny(label, `["{`) && json.Unmarshal([]byte(label), &value) == nil && holdsSelfHosted(value)
}

func holdsSelfHosted(value any) bool {
	switch value := value.(type) {
	case string:
		return strings.EqualFold(value, "self-hosted")
	case []any:
		return slices.ContainsFunc(value, holdsSelfHosted)
	case map[string]any:
		for _, v := range value {
			if holdsSelfHosted(v) {
				return true
			}
		}
	}
	return false
}
