package workflow

import (
	"strings"

	"github.com/rhysd/actionlint"
)

// Script gives the step's script: what it runs, or the JavaScript of actions/github-script. It
// is nil if there is none.
func Script(s *actionlint.Step) *actionlint.String {
	if run := Run(s); run != nil {
		return run
	}
	if name, _ := Uses(s); name == "actions/github-script" {
		return Input(s, "script")
	}
	return nil
}

// Run gives what the step runs, or nil.
func Run(s *actionlint.Step) *actionlint.String {
	if run, ok := s.Exec.(*actionlint.ExecRun); ok {
		return run.Run
	}
	return nil
}

// Uses gives the action of the step, in lower case and without its version, and the version.
func Uses(s *actionlint.Step) (name, version string) {
	if u := Action(s); u != nil {
		name, version, _ = strings.Cut(u.Value, "@")
	}
	return strings.ToLower(name), version
}

// Action gives the action of the step with its version, or nil.
func Action(s *actionlint.Step) *actionlint.String {
	if exec, ok := s.Exec.(*actionlint.ExecAction); ok {
		return exec.Uses
	}
	return nil
}

// Input gives the input of this name, in lower case, of the step's action, or nil.
func Input(s *actionlint.Step, name string) *actionlint.String {
	if exec, ok := s.Exec.(*actionlint.ExecAction); ok && exec.Inputs[name] != nil {
		return exec.Inputs[name].Value
	}
	return nil
}

// Is reports whether the input of this name has this value, without regard to case.
func Is(s *actionlint.Step, name, value string) bool {
	in := Input(s, name)
	return in != nil && strings.EqualFold(strings.TrimSpace(in.Value), value)
}
