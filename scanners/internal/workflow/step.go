package workflow

import (
	"strings"

	"github.com/rhysd/actionlint"
)

// Script returns the step's script: the text of its run, or the JavaScript of actions/github-script. It
// returns nil if the step has no script.
func Script(s *actionlint.Step) *actionlint.String {
	if run := Run(s); run != nil {
		return run
	}
	if name, _ := Uses(s); name == "actions/github-script" {
		return Input(s, "script")
	}
	return nil
}

// Run returns the step's run text, or nil.
func Run(s *actionlint.Step) *actionlint.String {
	if run, ok := s.Exec.(*actionlint.ExecRun); ok {
		return run.Run
	}
	return nil
}

// Uses returns the action of the step, in lower case and without its version, and the version.
func Uses(s *actionlint.Step) (name, version string) {
	if u := Action(s); u != nil {
		name, version, _ = strings.Cut(u.Value, "@")
	}
	return strings.ToLower(name), version
}

// Action returns the action of the step with its version, or nil.
func Action(s *actionlint.Step) *actionlint.String {
	if exec, ok := s.Exec.(*actionlint.ExecAction); ok {
		return exec.Uses
	}
	return nil
}

// Input returns the input with this name, which must be in lower case, of the step's action, or nil.
func Input(s *actionlint.Step, name string) *actionlint.String {
	if exec, ok := s.Exec.(*actionlint.ExecAction); ok && exec.Inputs[name] != nil {
		return exec.Inputs[name].Value
	}
	return nil
}

// Is reports whether the input with this name has this value, ignoring case.
func Is(s *actionlint.Step, name, value string) bool {
	in := Input(s, name)
	return in != nil && strings.EqualFold(strings.TrimSpace(in.Value), value)
}
