// Package workflows finds dangerous patterns in GitHub Actions workflows and composite actions that
// actionlint does not report. The rules are ours. The patterns are described by GitHub's secure use
// reference, GitHub Security Lab's series on pwn requests, OpenSSF Scorecard and the audits of
// zizmor; the comment above each rule names its source.
//
// The rules prefer missing a problem to reporting good code:
//   - A job's condition is trusted to exclude forks and outsiders: it may require pull requests of
//     the same repository, merged ones, or events that outsiders cannot trigger. A condition on
//     labels or persons only lowers the severity, since labels stay when new commits arrive.
//   - GitHub's own actions (actions/*, github/*) may be named by tag, as in Scorecard and in
//     zizmor's older policy: GitHub controls the runner as well. Others must be named by commit.
//     For actions that are likely of the same organisation, the severity is low.
//   - A container image must not be named by "latest" or without tag. Other tags are accepted: most
//     are services of tests. Such images are notes.
//   - Inputs of reusable workflows and composite actions count as trusted, since their callers are
//     unknown. A caller that hands over the commit of a fork as what to check out is reported.
//   - Untrusted input is followed through environment variables, GITHUB_ENV, outputs of steps and
//     jobs, the matrix, and shell scripts (package shell). A value that a script checks against a
//     pattern or reduces to harmless characters is trusted from then on.
//
// Nothing in the tree configures this scanner, not even .github/zizmor.yml.
package workflows

import (
	"context"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/markers"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// version changes whenever the same content may lead to other findings.
const version = "3"

var info = scanners.Info{
	Name:   "workflows",
	Gate:   scanners.Pipeline,
	Scopes: []scanners.Scope{scanners.ScopeFile},
	About:  "GitHub Actions that outsiders can abuse: pull_request_target, unpinned actions, wide permissions, exposed secrets",
	URL:    "https://docs.github.com/en/actions/reference/security/secure-use",
	Files:  workflow.Files(),

	Suppressions: scanners.Suppressions{None: markers.BuiltIn},
}

// Scanner judges workflows and actions. The zero value is ready.
type Scanner struct{}

// Info implements [scanners.Scanner].
func (Scanner) Info() scanners.Info { return info }

// Version implements [scanners.Scanner]. It never fails. The version includes that of the parser.
func (Scanner) Version(context.Context) (string, error) {
	return version + "+actionlint." + workflow.Actionlint, nil
}

// Scan implements [scanners.Scanner], see [workflow.Scan].
func (Scanner) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	return workflow.Scan(ctx, t, info, judge)
}

// A judgement holds the findings of one file. It caches what the rules compute repeatedly, so that
// the time for an untrusted file is proportional to its size.
type judgement struct {
	*workflow.File
	found   []scanners.Finding
	own     []string                                            // see owners
	commits map[string]string                                   // see knownCommits
	traits  map[*actionlint.Step]traits                         // see traitsOf
	conds   map[conditionOn]guard                               // see condGuard
	guards  map[jobOn][]guard                                   // see guard
	flows   flows                                               // see taintOf
	brings  map[*actionlint.Job]map[*actionlint.Step][]bringing // see bringings
}

func judge(f *workflow.File) []scanners.Finding {
	j := &judgement{
		File: f, traits: map[*actionlint.Step]traits{}, conds: map[conditionOn]guard{},
		guards: map[jobOn][]guard{}, flows: newFlows(),
		brings: map[*actionlint.Job]map[*actionlint.Step][]bringing{},
	}
	j.own, j.commits = j.owners(), j.knownCommits()
	j.workflowPermissions()
	j.unsecureCommands(f.Workflow.Env, "")
	for _, job := range f.Jobs() {
		j.jobPermissions(job)
		j.untrustedCode(job)
		j.untrustedArtifact(job)
		j.selfHosted(job)
		j.reusable(job)
		j.images(job)
		j.condition(job.If, job)
		j.unsecureCommands(job.Env, job.ID.Value)
		for _, s := range job.Steps {
			j.pinned(workflow.Action(s), job)
			j.injection(s, job)
			j.environmentFile(s, job)
			j.plainDownload(s, job)
			j.condition(s.If, job)
			j.unsecureCommands(s.Env, job.ID.Value)
		}
		j.secretContexts(job)
		j.uploadedCredentials(job)
	}
	return j.found
}

func (j *judgement) add(r workflow.Rule, s scanners.Severity, at workflow.Place, message string, identity ...string) *scanners.Finding {
	j.found = append(j.found, j.Finding(r, s, at, message, identity...))
	return &j.found[len(j.found)-1]
}

// fix adds a one-line replacement to the finding, if the place is exact.
func fix(f *scanners.Finding, title string, at workflow.Place, text string) {
	if at.Column == 0 || at.Line != at.EndLine {
		return
	}
	f.Fixes = []scanners.Fix{{Title: title, Edits: []scanners.Edit{{
		Path: f.Path, Line: at.Line, EndLine: at.EndLine, Column: at.Column, EndColumn: at.EndColumn, Text: text,
	}}}}
}

// values returns every value of the job that may contain an expression, in the order of the file's
// lines.
func values(job *actionlint.Job) []*actionlint.String {
	var all []*actionlint.String
	add := func(s ...*actionlint.String) { all = append(all, s...) }
	env := func(e *actionlint.Env) {
		if e != nil {
			add(e.Expression)
			for _, v := range e.Vars {
				add(v.Value)
			}
		}
	}
	env(job.Env)
	if call := job.WorkflowCall; call != nil {
		for _, in := range call.Inputs {
			add(in.Value)
		}
		for _, s := range call.Secrets {
			add(s.Value)
		}
	}
	for _, s := range job.Steps {
		add(workflow.Run(s))
		env(s.Env)
		if exec, ok := s.Exec.(*actionlint.ExecAction); ok {
			for _, in := range exec.Inputs {
				add(in.Value)
			}
		}
	}
	all = slices.DeleteFunc(all, func(s *actionlint.String) bool { return s == nil })
	slices.SortFunc(all, func(a, b *actionlint.String) int {
		if a.Pos.Line == b.Pos.Line {
			return a.Pos.Col - b.Pos.Col
		}
		return a.Pos.Line - b.Pos.Line
	})
	return all
}

// env returns the value of an environment variable for a step, as set by the step, the job or the
// workflow, or nil if none of them sets it. Without a step, it is that of the job.
func (j *judgement) env(name string, s *actionlint.Step, job *actionlint.Job) *actionlint.String {
	sets := []*actionlint.Env{job.Env, j.Workflow.Env}
	if s != nil {
		sets = append([]*actionlint.Env{s.Env}, sets...)
	}
	for _, e := range sets {
		if e == nil {
			continue
		}
		if v := e.Vars[strings.ToLower(name)]; v != nil && v.Value != nil {
			return v.Value
		}
	}
	return nil
}
