package workflows

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

const tokenHelp = "https://docs.github.com/en/actions/tutorials/authenticate-with-github_token#modifying-the-permissions-for-the-github_token"

// Scorecard: Token-Permissions. zizmor: excessive-permissions.
var (
	writeAll = workflow.Rule{
		ID:    "write-all",
		Title: "Token with write access to everything",
		Why:   "Each action and script of the workflow can change code, releases, packages and checks with this token.",
		Help:  "Give read access only (`permissions: read-all`, or better `contents: read`), and add write permissions to the jobs that need them.",
		URL:   tokenHelp,
		CWE:   "CWE-250",
	}
	missingPermissions = workflow.Rule{
		ID:    "missing-permissions",
		Title: "No permissions set in a workflow that outsiders can trigger",
		Why:   "The token then gets the default of the repository or organisation, which is often write access to everything.",
		Help:  "Add `permissions:` with what the workflow needs. Begin with `permissions: {contents: read}` or `permissions: {}`.",
		URL:   tokenHelp,
		CWE:   "CWE-276",
	}
	wideScope = workflow.Rule{
		ID:    "wide-permission",
		Title: "Write permission for all jobs that only one job needs",
		Why:   "The other jobs, with all their actions, get a token that can publish in your name too.",
		Help:  "Move the permission from the workflow to the `permissions:` of the job that needs it, with the other permissions of that job.",
		URL:   tokenHelp,
		CWE:   "CWE-250",
	}
)

// needs maps a permission to the text of steps that need it.
var needs = map[string]*lazy.Regexp{
	"packages":        lazy.MustCompile(`(?i)ghcr\.io|npm\.pkg\.github|maven\.pkg\.github|nuget\.pkg\.github|docker\.pkg\.github`),
	"pages":           lazy.MustCompile(`^actions/(deploy|configure)-pages`),
	"attestations":    lazy.MustCompile(`^actions/attest`),
	"security-events": lazy.MustCompile(`^github/codeql-action/`),
}

func (j *judgement) workflowPermissions() {
	p := j.Workflow.Permissions
	if p == nil {
		j.missing()
		return
	}
	j.all(p, "")
	for _, scope := range workflow.Writes(p) {
		j.wide(scope, p.Scopes[scope])
	}
}

func (j *judgement) jobPermissions(job *actionlint.Job) {
	if job.Permissions != nil {
		j.all(job.Permissions, job.ID.Value)
	}
}

func (j *judgement) all(p *actionlint.Permissions, job string) {
	if p.All == nil || p.All.Value != "write-all" {
		return
	}
	at, of := j.Place(p.All), "this workflow"
	severity := scanners.High
	if job != "" {
		of, severity = "this job", scanners.Medium
	}
	f := j.add(writeAll, severity, at, fmt.Sprintf("The token of %s has write access to everything.", of), job)
	fix(f, "Let the token only read; a job that writes then needs its own permissions", at, "read-all")
}

// missing reports a workflow without permissions that outsiders can trigger.
func (j *judgement) missing() {
	trigger := j.Trigger("pull_request_target", "workflow_run")
	if trigger == nil {
		return
	}
	for _, job := range j.Jobs() {
		if job.Permissions == nil && job.WorkflowCall == nil && len(job.Steps) > 0 {
			at := workflow.Place{Line: 1, EndLine: 1}
			if hook, ok := trigger.(*actionlint.WebhookEvent); ok && hook.Hook != nil {
				at = j.Place(hook.Hook)
			}
			f := j.add(missingPermissions, scanners.Medium, at,
				fmt.Sprintf("Outsiders can trigger this workflow by %s, and it does not limit its token.", trigger.EventName()), trigger.EventName())
			for _, event := range []string{"pull_request_target", "workflow_run"} {
				if j.On(event) {
					f.Extents = append(f.Extents, scanners.Extent{Of: event})
				}
			}
			return
		}
	}
}

// wide reports a permission granted to all jobs if exactly one of them evidently needs it.
func (j *judgement) wide(scope string, p *actionlint.PermissionScope) {
	need := needs[scope]
	if need == nil || p == nil {
		return
	}
	var users, others int
	for _, job := range j.Jobs() {
		switch {
		case job.WorkflowCall != nil:
			return // its needs are unknown
		case job.Permissions != nil:
		case slices.ContainsFunc(job.Steps, func(s *actionlint.Step) bool { return shows(s, need) }):
			users++
		default:
			others++
		}
		if strings.Contains(j.allText(job), "./") && scope == "packages" {
			return // a local script or action may publish
		}
	}
	if users == 1 && others > 0 {
		j.add(wideScope, scanners.Low, j.Place(p.Value),
			fmt.Sprintf("All jobs get %s: write, and only one of them uses it.", scope), scope)
	}
}

func shows(s *actionlint.Step, need *lazy.Regexp) bool {
	if need.MatchString(stepText(s)) {
		return true
	}
	exec, ok := s.Exec.(*actionlint.ExecAction)
	if !ok {
		return false
	}
	for _, in := range exec.Inputs {
		if need.MatchString(text(in.Value)) {
			return true
		}
	}
	return false
}

func (j *judgement) allText(job *actionlint.Job) string {
	var all strings.Builder
	for _, s := range job.Steps {
		all.WriteString(stepText(s) + "\n")
	}
	return all.String()
}

// reach returns the extent to which outsiders can trigger a job by an event, given the job's guard.
func reach(event string, g guard) scanners.Extent {
	if g == open {
		return scanners.Extent{Of: event, To: 2}
	}
	return scanners.Extent{Of: event, To: 1}
}
