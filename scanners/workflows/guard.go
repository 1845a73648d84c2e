package workflows

import (
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners/internal/lazy"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// A guard says how well a job is protected from outsiders.
type guard int

const (
	open   guard = iota // anybody can trigger it
	gated               // somebody with rights has to do something first, such as set a label
	closed              // it does not run for outsiders
)

var (
	// ownBranch matches names whose value equals one of ours only for a branch of this repository. A
	// fork can have the same name as its base, so head.repo.name is not among them.
	ownBranch = lazy.MustCompile(`^github\.event\.(pull_request\.head\.repo|workflow_run\.head_repository)\.(full_name|id|node_id|url|html_url|clone_url|git_url|ssh_url|owner\.login|owner\.id)$`)

	// ofFork maps an event to the name that is true for changes from a fork. With any other event
	// the value is missing, and so false.
	ofFork = map[string]string{
		"pull_request": "github.event.pull_request.head.repo.fork", "pull_request_target": "github.event.pull_request.head.repo.fork",
		"workflow_run": "github.event.workflow_run.head_repository.fork",
	}

	// merged matches names that are true if somebody with rights accepted the pull request.
	merged = lazy.MustCompile(`^github\.event\.pull_request\.merged(_at)?$`)

	// insiderRun matches the events of runs that no pull request triggered.
	insiderRun = lazy.MustCompile(`(?i)^(push|schedule|workflow_dispatch|release|merge_group|workflow_call|create)$`)

	// person matches names of the people by whom a condition decides who may trigger the job.
	person = lazy.MustCompile(`\.actor$|triggering_actor$|(sender|user|actor)\.login$|author_association$`)

	// insiderFirst matches names whose value somebody with rights decides.
	insiderFirst = lazy.MustCompile(`label\.name$|labels\.\*\.name$|^needs\.[\w-]*(auth|perm|allow|trust|member|check|gate|approv)[\w-]*\.`)

	// ours matches names whose value no outsider decides.
	ours = lazy.MustCompile(`^github\.(repository|event\.repository\.|event\.organization\.|event\.pull_request\.base\.|event\.workflow_run\.repository\.)|^(env|vars|secrets|inputs|needs|steps)\.`)

	// resultOf matches the result of a needed job.
	resultOf = lazy.MustCompile(`^needs\.([\w-]+)\.result$`)

	// afterSkipped matches conditions of jobs that run although a job they need was skipped.
	afterSkipped = lazy.MustCompile(`(?i)\b(always|cancelled|failure)\s*\(`)

	// checksPerson matches steps that ask GitHub for the actor's permissions.
	checksPerson = lazy.MustCompile(`(?i)getCollaboratorPermission|/collaborators/|checkMembership|/memberships/|orgs/\S+/members` +
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

// guard returns the guard of the i-th step of a job if the event triggers it. The guard after the
// last step is that of the job's end.
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
		before = max(before, gated) // an environment may require a reviewer
	}
	if !afterSkipped.MatchString(text(job.If)) {
		// A job is skipped if a job that it needs is skipped.
		for _, need := range job.Needs {
			if other := j.Workflow.Jobs[strings.ToLower(need.Value)]; other != nil && other != job {
				before = max(before, j.ranGuard(other, event))
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

// ranGuard returns the guard that an outsider passed if the job has run.
func (j *judgement) ranGuard(job *actionlint.Job, event string) guard {
	g := j.condGuard(job.If, event)
	if job.Environment != nil || j.asks(job) {
		g = max(g, gated)
	}
	return g
}

// asks reports whether a step of the job asks for the actor's permissions.
func (j *judgement) asks(job *actionlint.Job) bool {
	return slices.ContainsFunc(job.Steps, func(s *actionlint.Step) bool { return j.traitsOf(s).asks })
}

func (j *judgement) condGuard(cond *actionlint.String, event string) guard {
	key := conditionOn{cond, event}
	g, ok := j.conds[key]
	if !ok {
		j.conds[key] = open // ends the recursion for jobs that need each other
		if node := workflow.Condition(cond); node != nil && !alwaysTrue(cond.Value) {
			g = j.judgeCondition(node, event, true)
		}
		j.conds[key] = g
	}
	return g
}

// alwaysTrue reports whether a condition has anything outside its braces, even a line end. GitHub
// then treats the whole as a string, and a string is true.
func alwaysTrue(cond string) bool {
	return strings.Contains(cond, "${{") && (!strings.HasPrefix(cond, "${{") || !strings.HasSuffix(cond, "}}") || strings.Count(cond, "${{") > 1)
}

// judgeCondition returns the guard that an outsider passes if the expression has the value is, when
// the event triggers the workflow. An expression that it does not understand is open.
func (j *judgement) judgeCondition(n actionlint.ExprNode, event string, is bool) guard {
	switch n := n.(type) {
	case *actionlint.BoolNode:
		return openIf(n.Value == is)
	case *actionlint.StringNode:
		return openIf((n.Value != "") == is)
	case *actionlint.NotOpNode:
		return j.judgeCondition(n.Operand, event, !is)
	case *actionlint.LogicalOpNode:
		left, right := j.judgeCondition(n.Left, event, is), j.judgeCondition(n.Right, event, is)
		if (n.Kind == actionlint.LogicalOpNodeKindAnd) == is {
			return max(left, right)
		}
		return min(left, right) // an outsider can choose the weaker side
	case *actionlint.CompareOpNode:
		switch n.Kind {
		case actionlint.CompareOpNodeKindEq:
			return j.judgeComparison(n.Left, n.Right, event, is)
		case actionlint.CompareOpNodeKindNotEq:
			return j.judgeComparison(n.Left, n.Right, event, !is)
		}
	case *actionlint.FuncCallNode:
		if is && chosenBy(n) {
			return gated
		}
	default:
		return j.judgeName(workflow.Name(n), event, is)
	}
	return open
}

func openIf(passes bool) guard {
	if passes {
		return open
	}
	return closed
}

// judgeName is judgeCondition for a value that is true or not.
func (j *judgement) judgeName(name, event string, is bool) guard {
	switch {
	case is && j.notSet(name), is && merged.MatchString(name), !is && name != "" && name == ofFork[event]:
		return closed
	case is && insiderFirst.MatchString(name):
		return gated
	}
	return open
}

// judgeComparison is judgeCondition for the comparison of two values, which are equal or not.
func (j *judgement) judgeComparison(a, b actionlint.ExprNode, event string, equal bool) guard {
	switch a.(type) {
	case *actionlint.StringNode, *actionlint.BoolNode, *actionlint.NullNode:
		a, b = b, a
	}
	switch b := b.(type) {
	case *actionlint.BoolNode:
		return j.judgeCondition(a, event, b.Value == equal)
	case *actionlint.NullNode:
		return j.judgeCondition(a, event, !equal)
	case *actionlint.StringNode:
		switch {
		case b.Value == "":
			return j.judgeCondition(a, event, !equal)
		case excludes(workflow.Name(a), b.Value, event, equal), equal && j.notSet(workflow.Name(a)):
			return closed
		}
		if g := j.resultGuard(workflow.Name(a), b.Value, event); equal && g > open {
			return g
		}
	}
	switch {
	case !equal:
		return open
	case ownBranch.MatchString(workflow.Name(a)) && known(b), ownBranch.MatchString(workflow.Name(b)) && known(a):
		return closed
	case chosenBy(a) && known(b), chosenBy(b) && known(a):
		return gated
	}
	return open
}

// resultGuard returns the guard that an outsider passed if the result of a needed job is this one.
func (j *judgement) resultGuard(name, result, event string) guard {
	if m := resultOf.FindStringSubmatch(name); m != nil && strings.EqualFold(result, "success") {
		if other := j.Workflow.Jobs[m[1]]; other != nil {
			return j.ranGuard(other, event)
		}
	}
	return open
}

// notSet reports whether a value is empty whenever an outsider triggers the workflow: the inputs of a manual
// run, and the commits of a push.
func (j *judgement) notSet(name string) bool {
	return strings.HasPrefix(name, "github.event.inputs.") || strings.HasPrefix(name, "github.event.head_commit") ||
		strings.HasPrefix(name, "inputs.") && !j.Action && !j.On("workflow_call")
}

// excludes reports whether no event of this kind that an outsider can cause has the value, or a value other than it
// if equal is false.
func excludes(name, value, event string, equal bool) bool {
	switch name {
	case "github.event_name":
		return strings.EqualFold(value, event) != equal
	case "github.event.workflow_run.event":
		return equal && insiderRun.MatchString(value) ||
			!equal && event == "workflow_run" && strings.EqualFold(value, "pull_request")
	}
	return false
}

// chosenBy reports whether the value depends on who triggered the job, or on what somebody with
// rights did.
func chosenBy(n actionlint.ExprNode) bool {
	call, ok := n.(*actionlint.FuncCallNode)
	if !ok {
		name := workflow.Name(n)
		return person.MatchString(name) || insiderFirst.MatchString(name)
	}
	// contains(list, name), join(names), fromJSON(name)
	found := false
	for _, arg := range call.Args { // visit each only once: calls may be nested by the thousand
		switch {
		case chosenBy(arg):
			found = true
		case !known(arg):
			return false
		}
	}
	return found
}

// known reports whether no outsider decides the value.
func known(n actionlint.ExprNode) bool {
	switch n := n.(type) {
	case *actionlint.StringNode, *actionlint.IntNode, *actionlint.FloatNode:
		return true
	case *actionlint.FuncCallNode:
		return !slices.ContainsFunc(n.Args, func(arg actionlint.ExprNode) bool { return !known(arg) })
	}
	return ours.MatchString(workflow.Name(n))
}

// traits are the properties of a step that the rules use repeatedly.
type traits struct {
	asks     bool // it asks for the actor's permissions
	runs     bool // it runs files of the working folder
	checkout bool // it is a checkout, which empties the working folder
	foreign  bool // it downloads an artifact of another run
}

func (j *judgement) traitsOf(s *actionlint.Step) traits {
	t, ok := j.traits[s]
	if !ok {
		name, _ := workflow.Uses(s)
		script := workflow.Script(s)
		t = traits{
			asks: checksPerson.MatchString(stepText(s)), runs: runsCode(s, 0),
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

// stepText returns the text that a step executes, with the name of the action that it uses.
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
