package design

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

var workflowFiles = rex(`^\.github/workflows/[^/]+\.ya?ml$`)

// workflowFile adds the facts of a workflow of GitHub Actions.
func workflowFile(s *source) {
	if !workflowFiles.MatchString(s.path) || s.class != production {
		return
	}
	f, err := workflow.Parse(s.path, s.text)
	if err != nil || f.Broken != nil {
		return
	}
	w := flow{source: s, File: f}
	w.triggers()
	w.tokens()
	w.secrets()
	for _, job := range f.Jobs() {
		w.runner(job)
		for _, step := range job.Steps {
			w.action(step)
		}
	}
}

// A flow is a workflow.
type flow struct {
	*source
	*workflow.File
}

// untrusted are the events by which people without rights start a workflow that has a token and secrets.
var untrusted = []string{
	"pull_request_target", "workflow_run", "issue_comment", "issues", "discussion", "discussion_comment", "repository_dispatch", "pull_request_review_comment", "fork", "watch",
}

func (w flow) triggers() {
	var options []option
	if because := w.contained(); because != "" {
		options = append(options, closed(because))
	}
	for _, name := range untrusted[:7] {
		if e := w.Trigger(name); e != nil {
			w.add("ci-untrusted-trigger", name, eventLine(e), options...)
		}
	}
}

func eventLine(e actionlint.Event) int {
	switch e := e.(type) {
	case *actionlint.WebhookEvent:
		if e.Pos != nil {
			return e.Pos.Line
		}
	case *actionlint.RepositoryDispatchEvent:
		if e.Pos != nil {
			return e.Pos.Line
		}
	}
	return 1
}

var (
	// headRef matches what names the code of a pull request, or an artifact that its code made.
	headRef = rex(`(?i)head[._](sha|ref|commit|branch|repo)|head\.(sha|ref|repo)|refs/pull|pull/\$|gh pr checkout|merge_commit_sha|download-artifact|pull_request\.number|/merge\b|gh run download`)

	// foreignText matches an expression with text that people without rights write.
	foreignText = rex(`\$\{\{[^}]*github\.(head_ref|event\.(issue|pull_request|comment|discussion|review|workflow_run|client_payload)[^}]*\.?(title|body|head_branch|head|display_title|label|client_payload|name)?)`)
)

// contained returns why untrusted content reaches no token or secret, or "".
func (w flow) contained() string {
	jobs := w.Jobs()
	if len(jobs) == 0 {
		return ""
	}
	if !slices.ContainsFunc(jobs, func(j *actionlint.Job) bool { return j.Environment == nil }) {
		return "each job waits for an environment"
	}
	if w.usesSecret() || headRef.Match(w.code()) {
		return ""
	}
	for _, j := range jobs {
		p := j.Permissions
		if p == nil {
			p = w.Workflow.Permissions
		}
		if p == nil || len(workflow.Writes(p)) > 0 || j.WorkflowCall != nil {
			return ""
		}
		for _, step := range j.Steps {
			if script := workflow.Script(step); script != nil && foreignText.MatchString(script.Value) {
				return ""
			}
		}
	}
	return "it checks out nothing of the head, and its token cannot write"
}

// usesSecret reports whether the workflow uses a secret other than its token.
func (w flow) usesSecret() bool {
	for number := 1; number <= w.count(); number++ {
		if slices.ContainsFunc(w.secretsOn(number), func(name string) bool { return name != "GITHUB_TOKEN" }) {
			return true
		}
	}
	return false
}

// tokens adds the write rights of the workflow's tokens, once each, and says which jobs have the default ones.
func (w flow) tokens() {
	type grant struct {
		line int
		jobs []string
	}
	grants := map[string]*grant{}
	see := func(p *actionlint.Permissions, job string) {
		for _, scope := range workflow.Writes(p) {
			line := p.Pos.Line
			if p.All != nil {
				line = p.All.Pos.Line
			} else if at := p.Scopes[scope]; at != nil && at.Name != nil {
				line = at.Name.Pos.Line
			}
			if grants[scope] == nil {
				grants[scope] = &grant{line: line}
			}
			grants[scope].jobs = append(grants[scope].jobs, job)
		}
	}
	top := w.Workflow.Permissions
	see(top, "*")
	byDefault := 0
	for _, j := range w.Jobs() {
		see(j.Permissions, j.ID.Value)
		if top == nil && j.Permissions == nil {
			byDefault++
			w.add(DefaultToken, j.ID.Value, j.Pos.Line)
		}
	}
	if byDefault > 0 {
		w.add(DefaultToken, "*", 1)
	}
	for _, scope := range sortedKeys(grants) {
		g := grants[scope]
		jobs := with("jobs", strings.Join(g.jobs, ","))
		if scope != "id-token" {
			key := scope + ": write"
			if scope == "all" {
				key = "write-all"
			}
			options := []option{jobs}
			if w.needed(scope, g.jobs) {
				options = append(options, closed("only the job whose steps use it has the scope"))
			}
			w.add("ci-token-write", key, g.line, options...)
			continue
		}
		var options []option
		if because := w.ownIdentity(g.jobs); because != "" {
			options = append(options, closed(because))
		}
		w.add("ci-oidc", "id-token: write", g.line, append(options, jobs)...)
	}
}

// needs match the steps that need a scope which only publishes something. A scope that changes code, issues or pull
// requests is a question in any case.
var needs = map[string]*lazyRegexp{
	"packages":        rex(`(?i)ghcr\.io|npm\.pkg\.github|maven\.pkg\.github|nuget\.pkg\.github|docker\.pkg\.github`),
	"pages":           rex(`(?m)^actions/(deploy|configure)-pages`),
	"attestations":    rex(`(?m)^actions/attest`),
	"security-events": rex(`(?m)^(github/codeql-action/|ossf/scorecard-action|zizmorcore/|semgrep/|aquasecurity/)`),
}

// needed reports whether each of the jobs that have a scope evidently uses it.
func (w flow) needed(scope string, granted []string) bool {
	need := needs[scope]
	if need == nil {
		return false
	}
	for _, j := range w.Jobs() {
		if slices.Contains(granted, j.ID.Value) || slices.Contains(granted, "*") && j.Permissions == nil {
			if !need.MatchString(stepsText(j)) {
				return false
			}
		}
	}
	return true
}

// stepsText returns the names and inputs of a job's actions, and its scripts, a line each.
func stepsText(j *actionlint.Job) string {
	var b strings.Builder
	for _, step := range j.Steps {
		switch e := step.Exec.(type) {
		case *actionlint.ExecRun:
			if e.Run != nil {
				b.WriteString(e.Run.Value + "\n")
			}
		case *actionlint.ExecAction:
			if e.Uses != nil {
				b.WriteString(e.Uses.Value + "\n")
			}
			for _, name := range sortedKeys(e.Inputs) {
				if in := e.Inputs[name]; in != nil && in.Value != nil {
					b.WriteString(in.Value.Value + "\n")
				}
			}
		}
	}
	return b.String()
}

var (
	cloudLogins = rex(`(?i)^(aws-actions/configure-aws-credentials|google-github-actions/auth|azure/login|hashicorp/vault-action|tailscale/|alibaba-cloud|docker/login|jfrog/|pulumi/|octo-sts/|.*aws.*|.*gcp.*|.*azure.*)`)
	signers     = rex(`(?i)^(actions/(deploy-pages|attest)|pypa/gh-action-pypi-publish|rubygems/|rust-lang/crates-io-auth-action|sigstore/|slsa-framework/|codecov/codecov-action|ossf/scorecard-action|github/gh-aw)`)
	signing     = rex(`--provenance|cosign sign|gh attestation|npm publish|pnpm publish|changeset|provenance: true`)
)

// ownIdentity returns what the identity is for if no step asks a cloud for rights, or "".
func (w flow) ownIdentity(jobs []string) string {
	signs := false
	for _, j := range w.Jobs() {
		if !slices.Contains(jobs, "*") && !slices.Contains(jobs, j.ID.Value) {
			continue
		}
		if j.WorkflowCall != nil {
			if !strings.HasPrefix(j.WorkflowCall.Uses.Value, "slsa-framework/") {
				return ""
			}
			signs = true
		}
		for _, step := range j.Steps {
			name, _ := workflow.Uses(step)
			if cloudLogins.MatchString(name) {
				return ""
			}
			script := workflow.Script(step)
			signs = signs || signers.MatchString(name) || script != nil && signing.MatchString(script.Value)
		}
	}
	if signs {
		return "its steps only sign or publish with the identity, and no step signs in to a cloud"
	}
	return ""
}

var secretUses = rex(`\bsecrets(?:\.([A-Za-z_][\w-]*)|\[\s*'([A-Za-z_]\w*)'\s*\])`)

// secrets adds the secrets that the workflow uses. One for whose jobs an environment waits is closed.
func (w flow) secrets() {
	call, isCalled := w.Workflow.FindWorkflowCallEvent()
	type use struct {
		line    int
		guarded bool
	}
	uses, guards := map[string]*use{}, w.guarded()
	for number := 1; number <= w.count(); number++ {
		for _, m := range w.secretsOn(number) {
			guarded := guards[number]
			if uses[m] == nil {
				uses[m] = &use{number, guarded}
			}
			uses[m].guarded = uses[m].guarded && guarded
		}
	}
	for _, name := range sortedKeys(uses) {
		if name == "GITHUB_TOKEN" || strings.HasPrefix(name, "ACTIONS_") || isCalled && len(w.Workflow.On) == 1 && declaredPermissions(call, name) {
			continue
		}
		options := []option{with("search", "secrets."+name), with("name", name)}
		if uses[name].guarded {
			options = append(options, closed("the job that uses it waits for an environment"))
		}
		w.add("ci-secret", name, uses[name].line, options...)
	}
}

func declaredPermissions(call *actionlint.WorkflowCallEvent, name string) bool {
	return call.Secrets[strings.ToLower(name)] != nil
}

// count returns the number of lines.
func (w flow) count() int {
	w.line(1)
	return len(w.lines)
}

// secretsOn returns the names of the secrets in the expressions on a line.
func (w flow) secretsOn(number int) (names []string) {
	text := w.line(number)
	if !strings.Contains(text, "secrets") || strings.HasPrefix(strings.TrimSpace(text), "#") {
		return nil
	}
	for _, at := range secretUses.FindAllStringSubmatchIndex(text, -1) {
		if before := text[:at[0]]; strings.HasSuffix(before, ".") || strings.HasSuffix(before, "-") || !strings.Contains(before, "${{") && !strings.Contains(before, "if:") {
			continue // the output of a step called secrets, or prose
		}
		for group := 2; group <= 4; group += 2 {
			if at[group] >= 0 {
				names = append(names, text[at[group]:at[group+1]])
			}
		}
	}
	return names
}

// guarded returns whether each line, from 1, is in a job with an environment.
func (w flow) guarded() []bool {
	jobs := w.Jobs()
	slices.SortStableFunc(jobs, func(a, b *actionlint.Job) int { return cmp.Compare(a.Pos.Line, b.Pos.Line) })
	list := make([]bool, w.count()+1)
	for i, j := range jobs {
		end := len(list)
		if i+1 < len(jobs) {
			end = min(end, jobs[i+1].Pos.Line)
		}
		for n := max(j.Pos.Line, 0); n < end; n++ {
			list[n] = j.Environment != nil
		}
	}
	return list
}

// fromOutside are the events by which people without rights choose the code or the text of a run.
var fromOutside = append([]string{"pull_request", "pull_request_review", "merge_group", "workflow_call"}, untrusted...)

// runner adds a job on a machine of the team's own.
func (w flow) runner(job *actionlint.Job) {
	if job.RunsOn == nil {
		return
	}
	for _, label := range append(slices.Clone(job.RunsOn.Labels), job.RunsOn.LabelsExpr) {
		if label == nil || !selfHosted.MatchString(label.Value) {
			continue
		}
		var options []option
		if !w.On(fromOutside...) {
			options = append(options, closed("no pull request starts the workflow"))
		}
		w.add("ci-self-hosted", job.ID.Value, label.Pos.Line, options...)
		return
	}
}

var selfHosted = rex(`(?i)(^|["'\[\s,])self-hosted($|["'\]\s,])`)

// action adds an action of somebody else.
func (w flow) action(step *actionlint.Step) {
	uses := workflow.Action(step)
	if uses == nil {
		return
	}
	name, _, _ := strings.Cut(uses.Value, "@")
	parts := strings.Split(name, "/")
	if len(parts) < 2 || strings.HasPrefix(name, ".") || strings.Contains(name, ":") || parts[0] == "actions" || parts[0] == "github" {
		return
	}
	name = parts[0] + "/" + parts[1]
	w.add("ci-third-party-action", name, uses.Pos.Line, with("search", name))
}
