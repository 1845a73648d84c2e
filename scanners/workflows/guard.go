package workflows

import (
	"regexp"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// A guard is what stands between an outsider and a job.
type guard int

const (
	open   guard = iota // anybody can make it run
	gated               // somebody with rights has to do something first, such as set a label
	closed              // it does not run for outsiders
)

var (
	// outsidersNot are conditions that hold only for what insiders wrote: a branch of the same
	// repository, a merged pull request, a run that no pull request caused.
	outsidersNot = regexp.MustCompile(`head\.repo\.(full_name|id|name|url|owner\.login|owner\.id)\s*==` +
		`|==\s*github\.event\.pull_request\.head\.repo\.` +
		`|!\s*github\.event\.(pull_request\.head\.repo|workflow_run\.head_repository)\.fork` +
		`|(head\.repo|head_repository)\.fork\s*(==\s*false|!=\s*true)` +
		`|head_repository\.(full_name|id|name|url|owner\.login|owner\.id)\s*==` +
		`|==\s*github\.event\.workflow_run\.head_repository\.` +
		`|workflow_run\.event\s*==\s*'(push|schedule|workflow_dispatch|release|merge_group|workflow_call|create)'` +
		`|workflow_run\.event\s*!=\s*'pull_request'` +
		`|pull_request\.merged(_at)?\b`)

	pullRequestToo = regexp.MustCompile(`workflow_run\.event\s*==\s*'pull_request`)

	// insiderFirst are conditions that somebody with rights makes true.
	insiderFirst = regexp.MustCompile(`label\.name|labels\.\*\.name|author_association` +
		`|(\.actor|triggering_actor|sender\.login|user\.login|actor\.login)\s*==` +
		`|contains\(.*(\.actor|triggering_actor|sender\.login|user\.login)\b` +
		`|needs\.[\w-]*(auth|perm|allow|trust|member|check|gate|approv)[\w-]*\.`)

	eventIs  = regexp.MustCompile(`event_name\s*==\s*'(\w+)'`)
	eventNot = regexp.MustCompile(`event_name\s*!=\s*'(\w+)'`)

	// checksPerson are steps that ask GitHub what the actor may do.
	checksPerson = regexp.MustCompile(`(?i)getCollaboratorPermission|/collaborators/|checkMembership|/memberships/|orgs/\S+/members` +
		`|check-user-permission|check-actor-permissions|actor-permission|get-user-teams|team-membership|check-membership`)
)

type (
	conditionOn struct {
		cond  *actionlint.String
		event string
	}
	jobOn struct {
		job   *actionlint.Job
		event string
	}
)

// guard tells what stands between an outsider and the i-th step of a job, or its end, if the
// event triggers it.
func (j *judgement) guard(job *actionlint.Job, i int, event string) guard {
	key := jobOn{job, event}
	if j.guards[key] == nil {
		j.guards[key] = j.stepGuards(job, event)
	}
	return j.guards[key][i]
}

func (j *judgement) stepGuards(job *actionlint.Job, event string) []guard {
	before := j.condGuard(job.If, event)
	if job.Environment != nil {
		before = max(before, gated) // an environment may ask for a reviewer
	}
	if !strings.Contains(text(job.If), "always()") {
		// A job is skipped with the one it needs.
		for _, need := range job.Needs {
			if other := j.Workflow.Jobs[strings.ToLower(need.Value)]; other != nil && other != job {
				before = max(before, j.condGuard(other.If, event))
				if other.Environment != nil || j.asks(other) {
					before = max(before, gated)
				}
			}
		}
	}
	var guards []guard
	for _, s := range job.Steps {
		guards = append(guards, max(before, j.condGuard(s.If, event)))
		if j.traitsOf(s).asks {
			before = max(before, gated)
		}
	}
	return append(guards, before)
}

// asks reports whether a step of the job asks what the actor may do.
func (j *judgement) asks(job *actionlint.Job) bool {
	return slices.ContainsFunc(job.Steps, func(s *actionlint.Step) bool { return j.traitsOf(s).asks })
}

func (j *judgement) condGuard(cond *actionlint.String, event string) guard {
	key := conditionOn{cond, event}
	g, ok := j.conds[key]
	if !ok {
		g = judgeCondition(text(cond), event)
		j.conds[key] = g
	}
	return g
}

func judgeCondition(c, event string) guard {
	if strings.TrimSpace(strings.Trim(c, "${} ")) == "false" || outsidersNot.MatchString(c) && !pullRequestToo.MatchString(c) {
		return closed
	}
	is := eventIs.FindAllStringSubmatch(c, -1)
	if len(is) > 0 && !slices.ContainsFunc(is, func(m []string) bool { return m[1] == event }) {
		return closed
	}
	if slices.ContainsFunc(eventNot.FindAllStringSubmatch(c, -1), func(m []string) bool { return m[1] == event }) {
		return closed
	}
	if insiderFirst.MatchString(c) {
		return gated
	}
	return open
}

// traits are what a step does, as far as the rules ask for it again and again.
type traits struct {
	asks     bool // it asks what the actor may do
	runs     bool // it runs files of the working folder
	checkout bool // it empties the working folder for a checkout
	foreign  bool // it downloads an artifact of another run
}

func (j *judgement) traitsOf(s *actionlint.Step) traits {
	t, ok := j.traits[s]
	if !ok {
		name, _ := workflow.Uses(s)
		script := workflow.Script(s)
		t = traits{
			asks: checksPerson.MatchString(stepText(s)), runs: runsCode(s),
			checkout: name == "actions/checkout" && workflow.Input(s, "path") == nil,
			foreign: name == "dawidd6/action-download-artifact" || name == "actions/download-artifact" && workflow.Input(s, "run-id") != nil ||
				script != nil && downloads.MatchString(script.Value),
		}
		j.traits[s] = t
	}
	return t
}

func text(s *actionlint.String) string {
	if s == nil {
		return ""
	}
	return s.Value
}

// stepText gives the text that a step executes, with the names of what it uses.
func stepText(s *actionlint.Step) string {
	switch exec := s.Exec.(type) {
	case *actionlint.ExecRun:
		return text(exec.Run)
	case *actionlint.ExecAction:
		all := text(exec.Uses)
		if script := exec.Inputs["script"]; script != nil {
			all += " " + text(script.Value)
		}
		return all
	}
	return ""
}
