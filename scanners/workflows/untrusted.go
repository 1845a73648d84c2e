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

// Scorecard: Dangerous-Workflow. zizmor: dangerous-triggers.
var untrustedCheckout = workflow.Rule{
	ID:    "untrusted-checkout",
	Title: "Code of a pull request in a privileged workflow",
	Why:   "The workflow holds the repository's token, secrets and caches. Anybody who opens a pull request decides what the checked-out code does with them.",
	Help: "Build and test in a workflow on `pull_request`: there, pull requests from forks get no secrets. If a privileged step must follow, pass its data to a second workflow on `workflow_run`, " +
		"and treat that data as untrusted. If only branches of this repository need the job, add `if: github.event.pull_request.head.repo.full_name == github.repository` to it.",
	URL: "https://securitylab.github.com/resources/github-actions-preventing-pwn-requests/",
	CWE: "CWE-829",
}

// refusing matches versions of actions/checkout that refuse to check out a fork's code on pull_request_target and
// workflow_run unless configured to. Moving tags have done so since 2026-07-20
// (https://github.blog/changelog/2026-06-18-safer-pull_request_target-defaults-for-github-actions-checkout/).
var refusing = lazy.MustCompile(`^(v[2-6]|v?([7-9]|[1-9][0-9])(\.[0-9.]+)?|v?4\.([4-9]|[1-9][0-9])(\.[0-9]+)?|v?6\.([1-9][0-9]*)(\.[0-9]+)?|main)$`)

var newest = lazy.MustCompile(`^v?([7-9]|[1-9][0-9])\b`)

// GitHub Security Lab: "Building blocks", artifacts. CodeQL: actions/artifact-poisoning.
var artifactPoisoning = workflow.Rule{
	ID:    "artifact-poisoning",
	Title: "Artifact of an untrusted run next to code that runs",
	Why:   "A pull request from a fork decides what its workflow uploads. A file of that artifact can replace a file that this job runs with the repository's token and secrets.",
	Help:  "Download to a folder outside of the workspace (`path: ${{ runner.temp }}/artifact`). Treat the files there as data: check what they hold, and never run them.",
	URL:   "https://securitylab.github.com/resources/github-actions-building-blocks/",
	CWE:   "CWE-829",
}

// untrustedEvents trigger workflows with the repository's token and secrets on behalf of anybody.
var untrustedEvents = []string{"pull_request_target", "workflow_run", "issue_comment"}

const (
	// headID matches the name of a commit of a fork.
	headID = `github\.event\.(pull_request\.(head\.sha|merge_commit_sha)|workflow_run\.(head_sha|head_commit\.id|pull_requests\[0\]\.head\.sha)|check_suite\.head_sha)`

	gitCommand = `\bgit\s+(-C\s+\S+\s+|-\S+\s+)*`
	gitMoves   = gitCommand + `(checkout|switch|reset|merge|pull)\s[^\n;&|]*`
)

var (
	// headCommit matches names of a fork's commit or branch that work with any repository: GitHub
	// keeps commits of forks and refs/pull in the base repository, too.
	headCommit = lazy.MustCompile(headID + `|refs/pull/|\bpull/\$\{?\{?`)

	// headBranch matches names that mean a branch of the fork only together with the fork's
	// repository.
	headBranch = lazy.MustCompile(`github\.head_ref|github\.event\.pull_request\.head\.(ref|label)|github\.event\.workflow_run\.head_branch`)
	headRepo   = lazy.MustCompile(`github\.event\.(pull_request\.head\.(repo\.|user\.)|workflow_run\.head_repository)`)

	// headCommand matches a command of a script that checks out the head.
	headCommand = lazy.MustCompile(`\bgh\s+pr\s+checkout\b` +
		`|` + gitCommand + `(fetch|pull)\s[^\n]*\b(refs/)?pull/(\$|[0-9])` +
		`|` + gitMoves + headID + `[^}\n]*\}\}|` + gitMoves + `\bFETCH_HEAD\b`)

	gitMove  = lazy.MustCompile(gitMoves)
	headOnly = lazy.MustCompile(headID)

	// runs matches commands that run files of the working folder: build tools, package managers,
	// interpreters. The name must be at the start of a command.
	runs = lazy.MustCompile(`(?m)(^|[;&|(]|\b(?:then|do|sudo|exec|xvfb-run|env|time)\s)\s*(?:\w+=\S+\s+)*(` +
		`npm\s+(?:(?:--prefix|-C)[ =]\S+\s+)?(ci|i|install|run|test|t|start|pack|publish|exec)\b|npx\s|pnpm\s|yarn\b|bun\s|deno\s+(run|task|test)` +
		`|make\b|cmake\s|ninja\b|bazel\s|(\./)?gradlew?\s|(\./)?mvnw?\s|ant\s|sbt\s` +
		`|go\s+(test|run|build|generate|install|vet)\b|cargo\s+\w|dotnet\s+(build|test|run|restore|publish|pack)|msbuild\b` +
		`|pip3?\s+install\s+(-\S+\s+)*(\.|-r)|python3?\s+(-m\s+(pip\s+install|pytest|build|tox|nox|unittest)|setup\.py|[\w./-]+\.py)|pytest\b|tox\b|nox\b|poetry\s+(install|run|build)|uv\s+(sync|run|pip\s+install)|hatch\s+run|pdm\s|pre-commit\s+run` +
		`|bundle\s+(install|exec)|rake\b|gem\s+build|composer\s+(install|update|run)|php\s+[\w./-]+\.php|mix\s+\w` +
		`|docker(-|\s+)compose\s|docker\s+(buildx\s+)?build\s|skaffold\s+(build|run|dev|deploy|test)|terraform\s+(init|plan|apply)|tofu\s+(init|plan|apply)|ansible-playbook\s|helm\s+(install|upgrade)|pod\s+install|flutter\s|fastlane\s` +
		`|node\s+[\w./-]+|ruby\s+[\w./-]+\.rb|(ba|z)?sh\s+[\w./-]+\.(ba|z)?sh\b|source\s+[\w./-]+|\.\s+[\w./-]+` +
		`|\.{1,2}/[\w./-]+)`)

	// elsewhereFrom matches those of them that run code from elsewhere.
	elsewhereFrom = lazy.MustCompile(`\bnpm\s+\w+\s.*(-g\b|--global\b)|\bgo\s+(install|run)\s+[^\s&|;]+@`)

	// runners matches actions that run or build the files of the workspace.
	runners = lazy.MustCompile(`^(\./|docker/build-push-action|docker/bake-action|pre-commit/action|golangci/golangci-lint-action|` +
		`gradle/gradle-build-action|bazelbuild/|cypress-io/github-action|pypa/cibuildwheel|pypa/gh-action-|goreleaser/goreleaser-action|` +
		`github/codeql-action/autobuild|wagoid/commitlint|super-linter/|github/super-linter|oxsecurity/megalinter|borales/actions-yarn|bahmutov/npm-install|actions-rs/cargo|codecov/|preactjs/compressed-size-action|andresz1/size-limit-action)`)
)

// untrustedCode reports a checkout of the head in a job that outsiders can trigger.
func (j *judgement) untrustedCode(job *actionlint.Job) {
	for _, event := range untrustedEvents {
		trigger := j.Trigger(event)
		if trigger == nil {
			continue
		}
		j.handsOver(job, event)
		for i, s := range job.Steps {
			brought, ok := j.checkout(s, job, event)
			if !ok {
				continue
			}
			at, ref := brought.at, brought.ref
			g := j.guard(job, i, event)
			if g == closed || g == gated && (event == "issue_comment" || labelled(trigger, brought.commit)) {
				continue
			}
			if event != "issue_comment" && j.refuses(s) {
				j.add(untrustedCheckout, scanners.Low, at, fmt.Sprintf("On %s, this job checks out code of the pull request. "+
					"Since July 2026 the action refuses that for forks, except perhaps on an older GitHub Enterprise Server.", event), job.ID.Value, event, ref)
			} else {
				j.reportCheckout(job, i, event, g, brought)
			}
			break // one finding per event is enough
		}
	}
}

// checkoutInput matches the names of inputs by which a called workflow gets what it checks out.
var checkoutInput = lazy.MustCompile(`(?i)^((git|head|pr|checkout|build|source|target)[-_]?)?(ref|checkout)$`)

// handsOver reports a job that hands the head to another workflow as what to check out. What that workflow
// does is not seen here, so the severity is medium.
func (j *judgement) handsOver(job *actionlint.Job, event string) {
	call := job.WorkflowCall
	if call == nil {
		return
	}
	for _, in := range call.Inputs {
		if in.Name == nil || in.Value == nil || !checkoutInput.MatchString(in.Name.Value) {
			continue
		}
		commit := j.unfold(in.Value, nil, job)
		g := j.guard(job, 0, event)
		if !headCommit.MatchString(commit) || g == closed || g == gated {
			continue
		}
		f := j.add(untrustedCheckout, scanners.Medium, j.Place(in.Value),
			fmt.Sprintf("On %s, this job has the token and secrets of this repository, and calls a workflow that checks out code of the pull request.", event), job.ID.Value, event, in.Value.Value)
		f.Extents = append(j.Token(job, ""), reach(event, g))
	}
}

func (j *judgement) reportCheckout(job *actionlint.Job, i int, event string, g guard, brought brought) {
	at, severity, runner := brought.at, scanners.Medium, j.runner(job, i, brought.end)
	message := fmt.Sprintf("On %s, this job has the token and secrets of this repository. It checks out code of the pull request", event)
	steps := []scanners.Step{{Path: j.Path, Line: at.Line, Message: "This checks out the code of the pull request."}}
	if runner != nil {
		severity = scanners.Critical
		message += ", and then runs it"
		steps = append(steps, scanners.Step{Path: j.Path, Line: j.Line(runner.Pos).Line, Message: "This step runs code of the working folder."})
	}
	secret := j.secret(job)
	if secret != nil {
		message += "; it also uses a secret"
		steps = append(steps, scanners.Step{Path: j.Path, Line: j.Line(secret.Pos).Line, Message: "The job gets a secret."})
	}
	switch {
	case runner == nil:
	case g == gated:
		severity = scanners.Medium
		message += "; its condition asks for a label, a person or a reviewer, which does not cover later commits"
	case secret == nil && j.readOnly(job):
		severity = scanners.High
	}
	f := j.add(untrustedCheckout, severity, at, message+".", job.ID.Value, event, brought.ref)
	f.Flow = steps
	f.Extents = append(j.Token(job, ""), reach(event, g))
	if secret != nil {
		f.Extents = append(f.Extents, scanners.Extent{Of: "secret"})
	}
}

// refuses reports whether the step is a checkout that refuses forks' code in such a workflow.
func (j *judgement) refuses(s *actionlint.Step) bool {
	uses := workflow.Action(s)
	if uses == nil || workflow.Is(s, "allow-unsafe-pr-checkout", "true") {
		return false
	}
	rest, _ := j.Rest(uses)
	_, ref := workflow.Uses(s)
	if commit.MatchString(ref) {
		ref = strings.TrimSpace(strings.TrimPrefix(rest, "#"))
		return refusing.MatchString(ref) && strings.Contains(ref, ".") || newest.MatchString(ref)
	}
	return refusing.MatchString(ref)
}

// labelled reports whether a label is a sufficient gate: it must be set again for each commit, and
// the workflow uses the commit that was reviewed.
func labelled(e actionlint.Event, commit string) bool {
	hook, ok := e.(*actionlint.WebhookEvent)
	return ok && len(hook.Types) == 1 && hook.Types[0].Value == "labeled" && strings.Contains(commit, "head.sha")
}

// A brought describes where a step brings in code or files from outsiders.
type brought struct {
	at     workflow.Place
	ref    string // the name used for it
	commit string // the same, with variables replaced by their values
	end    int    // end of the command in the step's script
}

// checkout returns where the step checks out the head of a pull request.
func (j *judgement) checkout(s *actionlint.Step, job *actionlint.Job, event string) (brought, bool) {
	if run := workflow.Run(s); run != nil {
		return j.checkoutByScript(s, job, event)
	}
	if name, _ := workflow.Uses(s); name != "actions/checkout" {
		return brought{}, false
	}
	ref, repo := workflow.Input(s, "ref"), workflow.Input(s, "repository")
	refText, repoText := j.unfold(ref, s, job), j.unfold(repo, s, job)
	switch {
	case headRepo.MatchString(repoText):
		if ref == nil {
			return brought{at: j.Place(repo), ref: repo.Value}, true
		}
		return brought{at: j.Place(ref), ref: ref.Value, commit: refText}, headCommit.MatchString(refText) || headBranch.MatchString(refText)
	case ref != nil && headCommit.MatchString(refText):
		return brought{at: j.Place(ref), ref: ref.Value, commit: refText}, true
	}
	return brought{}, false
}

// checkoutByScript returns the first command of the step's script that brings in code of a fork.
func (j *judgement) checkoutByScript(s *actionlint.Step, job *actionlint.Job, event string) (brought, bool) {
	for _, b := range j.bringings(job)[s] {
		if event != "workflow_run" || !b.gh { // there the pull request is unknown
			return b.brought, true
		}
	}
	return brought{}, false
}

// runner returns the first step that runs files of the working folder, or nil. It starts at byte
// from of the i-th step's script.
func (j *judgement) runner(job *actionlint.Job, i, from int) *actionlint.Step {
	if s := job.Steps[i]; runsCode(s, from) {
		return s
	}
	for _, s := range job.Steps[i+1:] {
		if j.traitsOf(s).runs {
			return s
		}
	}
	return nil
}

// runsCode reports whether the step runs files of the working folder, starting at byte from of its
// script.
func runsCode(s *actionlint.Step, from int) bool {
	if name, _ := workflow.Uses(s); runners.MatchString(name) {
		return true
	}
	run := workflow.Run(s)
	if run == nil {
		return false
	}
	return slices.ContainsFunc(runs.FindAllStringIndex(run.Value, -1), func(m []int) bool {
		line, _, _ := strings.Cut(run.Value[m[0]:], "\n")
		return m[0] >= from && !commented(run.Value, m[0]) && !elsewhereFrom.MatchString(strings.TrimSpace(line))
	})
}

// commented reports whether a place of a script is in a comment.
func commented(script string, at int) bool {
	line := script[strings.LastIndexByte(script[:at], '\n')+1 : at]
	return strings.HasPrefix(strings.TrimSpace(line), "#")
}

// secret returns the first value of the job that contains a secret other than the job's token, or
// nil.
func (j *judgement) secret(job *actionlint.Job) *actionlint.String {
	for _, v := range values(job) {
		for e := range workflow.Expressions(v) {
			held := false
			workflow.Visit(e.Node, func(n actionlint.ExprNode) {
				name := workflow.Name(n)
				held = held || strings.HasPrefix(name, "secrets.") && name != "secrets.github_token"
			})
			if held {
				return v
			}
		}
	}
	return nil
}

// readOnly reports whether the job's token is known to have no write permission.
func (j *judgement) readOnly(job *actionlint.Job) bool {
	p := job.Permissions
	if p == nil {
		p = j.Workflow.Permissions
	}
	return p != nil && len(workflow.Writes(p)) == 0
}

var (
	// downloads matches commands of a script that download an artifact.
	downloads = lazy.MustCompile(`\bgh\s+run\s+download\b|actions/artifacts/\S+/zip|downloadArtifact`)
	elsewhere = lazy.MustCompile(`(?i)runner\.temp|RUNNER_TEMP|/tmp\b|mktemp|--dir[ =]|\s-D\s|unzip\s[^\n]*\s-d\s`)
)

// untrustedArtifact reports an artifact of the triggering run that is unpacked into the working
// folder before code of that folder is run.
func (j *judgement) untrustedArtifact(job *actionlint.Job) {
	for _, event := range []string{"workflow_run", "pull_request_target", "issue_comment", "issues"} {
		if !j.On(event) {
			continue
		}
		for i, s := range job.Steps {
			artifact, ok := j.download(s)
			if !ok || event != "workflow_run" && !j.fromAnyRun(s) || j.guard(job, i, event) != open {
				continue
			}
			at, runner := artifact.at, j.runner(job, i, artifact.end)
			if runner == nil || slices.ContainsFunc(job.Steps[i+1:], func(s *actionlint.Step) bool {
				return j.traitsOf(s).checkout
			}) {
				continue
			}
			f := j.add(artifactPoisoning, scanners.High, at,
				"This job unpacks an artifact of another run, perhaps of a fork's pull request, over the working folder, and then runs code there.", job.ID.Value, artifact.ref)
			f.Extents = j.Token(job, artifact.ref)
			f.Flow = []scanners.Step{
				{Path: j.Path, Line: at.Line, Message: "This unpacks the artifact into the working folder."},
				{Path: j.Path, Line: j.Line(runner.Pos).Line, Message: "This step runs code of the working folder."},
			}
		}
	}
}

// takesForks matches versions of dawidd6/action-download-artifact that take artifacts of forks unless
// configured not to (https://github.com/dawidd6/action-download-artifact/pull/290).
var takesForks = lazy.MustCompile(`^v[1-5](\.|$)`)

// fromAnyRun reports whether a step downloads an artifact of whatever run was the last, that of a fork included.
func (j *judgement) fromAnyRun(s *actionlint.Step) bool {
	name, version := workflow.Uses(s)
	if name != "dawidd6/action-download-artifact" {
		return false
	}
	for _, in := range []string{"run_id", "run_number", "commit", "pr", "branch"} {
		if workflow.Input(s, in) != nil {
			return false
		}
	}
	if event := workflow.Input(s, "event"); event != nil && !strings.HasPrefix(event.Value, "pull_request") {
		return false
	}
	if rest, _ := j.Rest(workflow.Action(s)); commit.MatchString(version) {
		version = strings.TrimSpace(strings.TrimPrefix(rest, "#"))
	}
	return workflow.Is(s, "allow_forks", "true") || workflow.Input(s, "allow_forks") == nil && takesForks.MatchString(version)
}

func (j *judgement) download(s *actionlint.Step) (brought, bool) {
	if script := workflow.Script(s); script != nil {
		m := downloads.FindStringIndex(script.Value)
		if m == nil || commented(script.Value, m[0]) || elsewhere.MatchString(script.Value) || !strings.Contains(script.Value, "unzip") && !strings.Contains(script.Value, "gh run download") {
			return brought{}, false
		}
		return brought{at: j.Part(script, m[0], m[1]), ref: script.Value[m[0]:m[1]], end: m[1]}, true
	}
	name, _ := workflow.Uses(s)
	path := strings.TrimSpace(text(workflow.Input(s, "path")))
	here := path == "" || path == "." || path == "./" || strings.Contains(path, "github.workspace") && strings.HasSuffix(path, "}}")
	if !here || name != "dawidd6/action-download-artifact" && (name != "actions/download-artifact" || workflow.Input(s, "run-id") == nil) {
		return brought{}, false
	}
	// With neither a name nor merge-multiple, each artifact gets a folder of its own.
	if workflow.Input(s, "name") == nil && !workflow.Is(s, "merge-multiple", "true") && !workflow.Is(s, "path", ".") {
		return brought{}, false
	}
	return brought{at: j.Place(workflow.Action(s)), ref: name}, true
}
