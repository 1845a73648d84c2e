// Package actionlint checks GitHub Actions workflows with the rules of actionlint
// (https://github.com/rhysd/actionlint), in process.
//
// It applies only the rules that matter for security: untrusted input in scripts, passwords
// of containers, conditions that are always true, and commands that GitHub withdrew for security
// reasons. It leaves types, globs, shell names, unknown permissions and outdated actions to
// actionlint itself: a workflow with such an error does not run, or not as its author
// wished, and that harms nobody else.
//
// A workflow that is not valid YAML is one finding of low severity: GitHub does not run it either, but
// nothing in it was checked, and no finding would look as if all was well. An unknown key or permission is
// not a finding: GitHub invents them faster than the library.
//
// The package reads only the target's files, not .github/actionlint.yaml, nor actions and workflows
// of the tree, and it starts neither shellcheck nor pyflakes. It uses the library's parser and its list of
// untrusted inputs, but not its walk over expressions, because that stops at the first bad expression of a
// script and does not report the expression's line.
package actionlint

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

var info = scanners.Info{
	Name:   "actionlint",
	Gate:   scanners.Pipeline,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "Untrusted input in scripts of GitHub Actions workflows, passwords in them, conditions that are always true",
	URL:    "https://github.com/rhysd/actionlint",
	Files:  []string{".github/workflows/*.{yml,yaml}"},
	Config: []string{".github/actionlint.yaml", ".github/actionlint.yml"},

	Suppressions: scanners.Suppressions{Files: []string{".github/actionlint.{yaml,yml}"}},
}

// Scanner checks workflows. The zero value is ready.
type Scanner struct{}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails.
func (Scanner) Version(context.Context) (string, error) { return workflow.Actionlint, nil }

// Scan implements [scanners.Scanner], see [workflow.Scan].
func (Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	return workflow.Scan(ctx, t, info, judge)
}

const checks = "https://github.com/rhysd/actionlint/blob/v" + workflow.Actionlint + "/docs/checks.md"

var (
	untrusted = workflow.Rule{
		ID:    "untrusted-input",
		Title: "Untrusted input in a script",
		Why:   "GitHub inserts the text into the script before the shell reads it. An attacker who controls the text can run commands in this job.",
		Help:  "Put the expression into an environment variable of the step (`env:`), and use the variable in the script, in double quotes.",
		URL:   "https://docs.github.com/en/actions/reference/security/secure-use#good-practices-for-mitigating-script-injection-attacks",
		CWE:   "CWE-94",
	}
	syntax = workflow.Rule{
		ID:    "syntax",
		Title: "Workflow that cannot be read",
		Why:   "The scanner checked nothing in this file.",
		Help:  "Fix the YAML. GitHub shows the same error on the page of the file.",
		URL:   "https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax",
	}
	credentials = workflow.Rule{
		ID:    "credentials",
		Title: "Password of a container registry in the workflow",
		Why:   "Anybody who can read the repository can use the password, and git keeps it in its history.",
		Help:  "Change the password, store the new one as a secret, and write `password: ${{ secrets.NAME }}`.",
		URL:   checks + "#check-hardcoded-credentials",
		CWE:   "CWE-798",
	}
	condition = workflow.Rule{
		ID:    "if-cond",
		Title: "Condition that is always true",
		Why:   "The job or step runs every time, even when the condition should stop it.",
		Help:  "Write the whole condition without `${{ }}`, or put all of it into one `${{ }}` with nothing around it, not even a line end (`if: >-` instead of `if: |`).",
		URL:   checks + "#if-cond-always-true",
		CWE:   "CWE-571",
	}
	deprecated = workflow.Rule{
		ID:    "deprecated-commands",
		Title: "Deprecated workflow command",
		Why:   "The runner takes such commands from everything that a step prints. An attacker who controls a printed text can run them.",
		Help:  "Append to the file that `$GITHUB_OUTPUT`, `$GITHUB_STATE`, `$GITHUB_ENV` or `$GITHUB_PATH` names instead.",
		URL:   checks + "#check-deprecated-workflow-commands",
		CWE:   "CWE-477",
	}
)

func judge(f *workflow.File) []scanners.Finding {
	if f.Broken != nil {
		at := f.Line(&actionlint.Pos{Line: max(f.Broken.Line, 1), Col: 1})
		return []scanners.Finding{f.Finding(syntax, scanners.Low, at, "This file is not valid YAML, so the scanner could not check it.")}
	}
	j := judgement{File: f}
	for _, job := range f.Jobs() {
		j.credentials(job)
		j.condition(job.If, "job", job.ID.Value)
		for _, step := range job.Steps {
			j.condition(step.If, "step", job.ID.Value)
			j.scripts(step, job)
			j.deprecated(step, job.ID.Value)
		}
	}
	return j.found
}

type judgement struct {
	*workflow.File
	found []scanners.Finding
}

func (j *judgement) add(r workflow.Rule, s scanners.Severity, at workflow.Place, message string, identity ...string) {
	j.found = append(j.found, j.Finding(r, s, at, message, identity...))
}

func (j *judgement) scripts(step *actionlint.Step, job *actionlint.Job) {
	script := workflow.Script(step)
	for e := range workflow.Expressions(script) {
		names := workflow.Untrusted(e.Node, actionlint.BuiltinUntrustedInputs)
		if len(names) == 0 || workflow.Run(step) == nil && workflow.Literal(script, e) {
			continue
		}
		severity := scanners.Medium
		if j.Outsiders(names) {
			severity = scanners.High
		}
		j.add(untrusted, severity, j.Part(script, e.From, e.To),
			fmt.Sprintf("The script contains %s, which anybody can write.", strings.Join(names, ", ")), job.ID.Value, e.Text)
		j.found[len(j.found)-1].Extents = j.Token(job, e.Text)
	}
}

func (j *judgement) credentials(job *actionlint.Job) {
	rule := actionlint.NewRuleCredentials()
	_ = rule.VisitJobPre(job) // always returns nil
	for i, err := range rule.Errs() {
		at := j.Line(&actionlint.Pos{Line: err.Line, Col: 1})
		j.add(credentials, scanners.High, at, "The workflow has the password of a container registry in plain text.", job.ID.Value, fmt.Sprint(i))
	}
}

// condition checks conditions without the library's rule, because that parses a condition of any length.
// The rule also reports constants, but an `if: false` is intended.
func (j *judgement) condition(cond *actionlint.String, of, job string) {
	if cond == nil || !cond.ContainsExpression() || cond.IsExpressionAssigned() && strings.TrimSpace(cond.Value) == cond.Value {
		return
	}
	j.add(condition, scanners.Medium, j.Place(cond),
		fmt.Sprintf("The condition of this %s has text around ${{ }}. GitHub takes the whole for a text that is not empty, so it is always true.", of), job, cond.Value)
}

func (j *judgement) deprecated(step *actionlint.Step, job string) {
	rule := actionlint.NewRuleDeprecatedCommands()
	_ = rule.VisitStep(step) // always returns nil
	var reported []string
	for _, err := range rule.Errs() {
		command, _, _ := strings.Cut(strings.TrimPrefix(err.Message, `workflow command "`), `"`)
		if slices.Contains(reported, command) {
			continue
		}
		reported = append(reported, command)
		severity := scanners.Low
		if command == "set-env" || command == "add-path" {
			severity = scanners.Medium // CVE-2020-15228
		}
		script := step.Exec.(*actionlint.ExecRun).Run
		from := strings.Index(script.Value, "::"+command)
		j.add(deprecated, severity, j.Part(script, from, from+len("::"+command)),
			fmt.Sprintf("The script prints the workflow command %q, which GitHub deprecated.", command), job, command)
	}
}
