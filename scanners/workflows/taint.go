package workflows

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/shell"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

// A taint says which untrusted inputs can be in a value, and through which outputs, variables and
// matrices they get there.
type taint struct {
	names []string
	via   []scanners.Step
}

// maxVia is how many steps of a way are shown.
const maxVia = 8

func (t taint) with(more taint) taint {
	if len(more.names) == 0 {
		return t
	}
	names := slices.Sorted(slices.Values(slices.Concat(t.names, more.names)))
	via := slices.Clone(t.via)
	for _, step := range more.via {
		if len(via) < maxVia && !slices.Contains(via, step) {
			via = append(via, step)
		}
	}
	return taint{slices.Compact(names), via}
}

// through returns the taint with one more step of the way, if there is a taint.
func (t taint) through(path string, line int, message string) taint {
	if len(t.names) > 0 && len(t.via) < maxVia {
		t.via = append(slices.Clone(t.via), scanners.Step{Path: path, Line: line, Message: message})
	}
	return t
}

type (
	valueIn struct {
		value *actionlint.String
		step  *actionlint.Step
	}
	// An export is a variable that a step sets for the later steps of its job.
	export struct {
		step int
		taint
	}
	// flows caches what the rules compute about values.
	flows struct {
		values  map[valueIn]taint
		scripts map[*actionlint.Step]shell.Script
		outputs map[*actionlint.Step]map[string]taint   // by name in lower case
		exports map[*actionlint.Job]map[string][]export // by name in lower case
		sets    map[*actionlint.Step][]setting
		unfolds int // how many values were unfolded
	}
)

func newFlows() flows {
	return flows{
		values: map[valueIn]taint{}, scripts: map[*actionlint.Step]shell.Script{},
		outputs: map[*actionlint.Step]map[string]taint{}, exports: map[*actionlint.Job]map[string][]export{}, sets: map[*actionlint.Step][]setting{},
	}
}

// taintOf returns the taint of a value of a step or, if s is nil, of a job.
func (j *judgement) taintOf(v *actionlint.String, s *actionlint.Step, job *actionlint.Job) taint {
	if v == nil {
		return taint{}
	}
	key := valueIn{v, s}
	if t, ok := j.flows.values[key]; ok {
		return t
	}
	j.flows.values[key] = taint{} // ends the recursion for values that need each other
	var all taint
	for e := range workflow.Expressions(v) {
		all = all.with(j.expression(e.Node, s, job))
	}
	j.flows.values[key] = all
	return all
}

// expression returns the taint of an expression's result.
func (j *judgement) expression(n actionlint.ExprNode, s *actionlint.Step, job *actionlint.Job) taint {
	all := taint{names: direct(n)}
	for _, v := range workflow.Values(n) {
		all = all.with(j.indirect(v, s, job))
	}
	return all
}

// direct returns the untrusted inputs that an expression names, sorted.
func direct(n actionlint.ExprNode) []string {
	names := slices.Concat(workflow.Untrusted(n, actionlint.BuiltinUntrustedInputs), workflow.Untrusted(n, moreInputs()), objects(n))
	slices.Sort(names)
	return slices.Compact(names)
}

// indirect returns the taint that a value gets from an environment variable, an output or a matrix.
func (j *judgement) indirect(v actionlint.ExprNode, s *actionlint.Step, job *actionlint.Job) taint {
	name := workflow.Name(v)
	context, rest, _ := strings.Cut(name, ".")
	switch context {
	case "env":
		return j.variable(rest, s, job)
	case "matrix":
		return j.matrix(rest, job)
	case "steps":
		id, output, _ := strings.Cut(rest, ".outputs")
		return j.output(id, strings.TrimPrefix(output, "."), s, job)
	case "needs":
		id, output, _ := strings.Cut(rest, ".outputs")
		return j.jobOutput(id, strings.TrimPrefix(output, "."))
	}
	return taint{}
}

// variable returns the taint of an environment variable of a step.
func (j *judgement) variable(name string, s *actionlint.Step, job *actionlint.Job) taint {
	all := j.taintOf(j.env(name, s, job), s, job)
	if strings.EqualFold(name, "GITHUB_HEAD_REF") && (j.Action || j.On("pull_request", "pull_request_target", "workflow_call")) {
		all = all.with(taint{names: []string{"github.head_ref"}})
	}
	at := slices.Index(job.Steps, s)
	for _, e := range j.exported(job)[strings.ToLower(name)] {
		if e.step < at {
			all = all.with(e.taint)
		}
	}
	return all
}

// exported returns the tainted variables that the steps of a job set by GITHUB_ENV.
func (j *judgement) exported(job *actionlint.Job) map[string][]export {
	if all, ok := j.flows.exports[job]; ok {
		return all
	}
	all := map[string][]export{}
	j.flows.exports[job] = all // a step sees the variables of the steps before it
	for i, s := range job.Steps {
		for name, t := range j.writes(s, job, "GITHUB_ENV") {
			all[name] = append(all[name], export{i, t})
		}
	}
	return all
}

// output returns the taint of an output of a step, or of all its outputs.
func (j *judgement) output(id, output string, user *actionlint.Step, job *actionlint.Job) (all taint) {
	for _, s := range job.Steps {
		if !strings.EqualFold(text(s.ID), id) {
			continue
		}
		uses, _ := workflow.Uses(s)
		if output != "" && unescaped(s, output, user == nil || workflow.Run(user) != nil) {
			all = all.with(taint{names: []string{"the names that " + uses + " outputs"}})
		}
		outputs, ok := j.flows.outputs[s]
		if !ok {
			j.flows.outputs[s] = nil
			outputs = j.writes(s, job, "GITHUB_OUTPUT")
			j.flows.outputs[s] = outputs
		}
		for _, name := range slices.Sorted(maps.Keys(outputs)) {
			if output == "" || strings.EqualFold(name, output) {
				all = all.with(outputs[name])
			}
		}
	}
	return all
}

// jobOutput returns the taint of an output of a job, or of all its outputs.
func (j *judgement) jobOutput(id, output string) (all taint) {
	job := j.Workflow.Jobs[strings.ToLower(id)]
	if job == nil {
		return taint{}
	}
	for _, name := range slices.Sorted(maps.Keys(job.Outputs)) {
		if out := job.Outputs[name]; out != nil && out.Value != nil && (output == "" || strings.EqualFold(name, output)) {
			t := j.taintOf(out.Value, nil, job)
			all = all.with(t.through(j.Path, j.Line(out.Value.Pos).Line, fmt.Sprintf("The job %s passes it on as an output.", job.ID.Value)))
		}
	}
	return all
}

// matrix returns the taint of a value of the job's matrix, named by its path.
func (j *judgement) matrix(path string, job *actionlint.Job) (all taint) {
	for _, v := range matrixValues(job, path) {
		t := j.taintOf(v, nil, job)
		all = all.with(t.through(j.Path, j.Line(v.Pos).Line, "The matrix of the job holds it."))
	}
	return all
}

// matrixValues returns the values that a name of the matrix can have. An expression for more than that
// value is among them.
func matrixValues(job *actionlint.Job, path string) (values []*actionlint.String) {
	if job == nil || job.Strategy == nil || job.Strategy.Matrix == nil {
		return nil
	}
	m := job.Strategy.Matrix
	add := func(s *actionlint.String) {
		if s != nil {
			values = append(values, s)
		}
	}
	name, rest, _ := strings.Cut(path, ".")
	add(m.Expression)
	if row := m.Rows[strings.ToLower(name)]; row != nil {
		add(row.Expression)
		for _, v := range row.Values {
			values = append(values, leaves(v, rest)...)
		}
	}
	if m.Include != nil {
		add(m.Include.Expression)
		for _, c := range m.Include.Combinations {
			add(c.Expression)
			if a := c.Assigns[strings.ToLower(name)]; a != nil {
				values = append(values, leaves(a.Value, rest)...)
			}
		}
	}
	return values
}

// leaves returns the texts of a value of a matrix below a path.
func leaves(v actionlint.RawYAMLValue, path string) (all []*actionlint.String) {
	switch v := v.(type) {
	case *actionlint.RawYAMLString:
		return []*actionlint.String{{Value: v.Value, Pos: v.Pos()}}
	case *actionlint.RawYAMLArray:
		_, rest, _ := strings.Cut(path, ".")
		for _, e := range v.Elems {
			all = append(all, leaves(e, rest)...)
		}
	case *actionlint.RawYAMLObject:
		name, rest, _ := strings.Cut(path, ".")
		for key, e := range v.Props {
			if name == "" || name == "*" || strings.EqualFold(key, name) {
				all = append(all, leaves(e, rest)...)
			}
		}
	}
	slices.SortFunc(all, func(a, b *actionlint.String) int { return (a.Pos.Line-b.Pos.Line)*10000 + a.Pos.Col - b.Pos.Col })
	return all
}

// writes returns the tainted names that a step writes to a file of GitHub, in lower case.
func (j *judgement) writes(s *actionlint.Step, job *actionlint.Job, file string) map[string]taint {
	all := map[string]taint{}
	add := func(name string, line int, t taint) {
		if len(t.names) > 0 {
			what := "an output"
			if file == "GITHUB_ENV" {
				what = "a variable of the environment"
			}
			name = strings.ToLower(name)
			all[name] = all[name].with(t.through(j.Path, line, fmt.Sprintf("The script writes it to %s, %s.", name, what)))
		}
	}
	if run := workflow.Run(s); run != nil {
		for _, w := range j.script(s, job).Writes {
			if w.File != file || w.Name == "" {
				continue
			}
			var t taint
			for _, p := range distinct(w.Value) {
				t = t.with(j.part(p, s, job))
			}
			add(w.Name, j.lineAt(run, w.At).Line, t)
		}
	}
	for _, set := range j.settings(s) {
		if set.file == file {
			add(set.name, j.Line(workflow.Script(s).Pos).Line, j.javaScript(set.value, s, job))
		}
	}
	return all
}

// part returns the taint of a part of a script's text.
func (j *judgement) part(p shell.Part, s *actionlint.Step, job *actionlint.Job) taint {
	switch p.Kind {
	case shell.Variable:
		return j.variable(p.Text, s, job)
	case shell.Expression:
		return j.expressionText(p.Text, s, job)
	case shell.Event:
		return j.expressionText("${{ "+p.Text+" }}", s, job)
	case shell.Content:
		if j.ofArtifact(p.Text, s, job) {
			return taint{names: []string{artifactFile}}
		}
	case shell.Answer:
		if name := answers[p.Text]; name != "" {
			return taint{names: []string{name}}
		}
	}
	return taint{}
}

// artifactFile names the content of a file of an artifact that a fork can fill.
const artifactFile = "a file of an artifact"

// ofArtifact reports whether a file at a path may be of such an artifact, which an earlier step has downloaded.
func (j *judgement) ofArtifact(path string, s *actionlint.Step, job *actionlint.Job) bool {
	if _, after := j.afterDownload(s, job); !after {
		return false
	}
	for _, other := range job.Steps {
		if other == s {
			break
		}
		if !j.traitsOf(other).foreign {
			continue
		}
		folder := strings.TrimSuffix(text(workflow.Input(other, "path")), "/")
		folder = folder[strings.LastIndexByte(folder, '/')+1:]
		if folder == "." || strings.Contains(folder, "}") || strings.Contains(path, folder) {
			return true // with no path, the artifact is in the working folder
		}
	}
	return false
}

// answers names the fields of GitHub's answers that an outsider can write.
var answers = map[string]string{
	"title": "the title of the pull request", "body": "the body of the pull request", "head.ref": "the branch of the pull request",
	"issue.title": "the title of the issue", "issue.body": "the body of the issue",
}

func (j *judgement) expressionText(text string, s *actionlint.Step, job *actionlint.Job) (all taint) {
	for e := range workflow.Expressions(&actionlint.String{Value: text}) {
		all = all.with(j.expression(e.Node, s, job))
	}
	return all
}

// script returns what the step's script does.
func (j *judgement) script(s *actionlint.Step, job *actionlint.Job) shell.Script {
	script, ok := j.flows.scripts[s]
	if !ok {
		if run := workflow.Run(s); run != nil {
			name := strings.ToLower(j.shell(s, job))
			powershell := strings.HasPrefix(name, "pwsh") || strings.HasPrefix(name, "powershell") || strings.HasPrefix(name, "cmd") ||
				name == "" && strings.Contains(strings.ToLower(run.Value), "$env:")
			if strings.HasPrefix(name, "python") {
				script = shell.ReadPython(run.Value)
			} else if name == "" || powershell || strings.Contains(name, "sh") {
				script = shell.Read(run.Value, powershell, func(name string) string { return text(j.env(name, s, job)) })
			}
		}
		j.flows.scripts[s] = script
	}
	return script
}

// shell returns the name of the shell that runs a step, or "" for the runner's default.
func (j *judgement) shell(s *actionlint.Step, job *actionlint.Job) string {
	if run, ok := s.Exec.(*actionlint.ExecRun); ok && run.Shell != nil {
		return run.Shell.Value
	}
	for _, d := range []*actionlint.Defaults{job.Defaults, j.Workflow.Defaults} {
		if d != nil && d.Run != nil && d.Run.Shell != nil {
			return d.Run.Shell.Value
		}
	}
	return ""
}

// lineAt returns the place of the line of a script that holds a byte, without its indentation.
func (j *judgement) lineAt(run *actionlint.String, at int) workflow.Place {
	at = min(at, len(run.Value))
	from := strings.LastIndexByte(run.Value[:at], '\n') + 1
	line, _, _ := strings.Cut(run.Value[from:], "\n")
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	return j.Part(run, from+indent, from+len(strings.TrimRight(line, " \t\r")))
}
