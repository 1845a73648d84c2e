package workflow

import (
	"strings"

	"github.com/rhysd/actionlint"
	"go.yaml.in/yaml/v4"
)

// tree returns the YAML tree of text, or nil if text is not YAML. It refuses a tree whose aliases unfold to
// too much, because actionlint follows each alias. It uses actionlint's own YAML library, so that the two
// cannot disagree about what an alias is; that is also why go.mod names the library's exact version.
func tree(text []byte) (*yaml.Node, error) {
	var root yaml.Node
	if yaml.Unmarshal(text, &root) != nil {
		return nil, nil // Parse reports actionlint's error
	}
	if unfolded(&root, map[*yaml.Node]int{}) > maxUnfolded {
		return nil, errUnfolded
	}
	if len(root.Content) == 0 {
		return nil, nil
	}
	return root.Content[0], nil
}

// unfolded returns the size of the tree with aliases replaced by the values that they stand for, up to a
// bit over the limit. An alias inside its own anchor counts once: actionlint does not follow it.
func unfolded(n *yaml.Node, known map[*yaml.Node]int) int {
	if n.Kind == yaml.AliasNode {
		return known[n.Alias] + 1
	}
	const each = 16 // so that empty values count
	size := each + len(n.Value)
	for _, c := range n.Content {
		size = min(size+unfolded(c, known), maxUnfolded+1)
	}
	if n.Anchor != "" {
		known[n] = size
	}
	return size
}

// action returns a job with the steps of a composite action, or with the image of a Docker action as its
// only step. For other actions the job has no steps.
func action(root *yaml.Node) map[string]*actionlint.Job {
	job := &actionlint.Job{ID: &actionlint.String{Pos: &actionlint.Pos{}}, Pos: &actionlint.Pos{}}
	runs := value(root, "runs")
	if steps := value(runs, "steps"); steps != nil {
		for _, n := range steps.Content {
			if s := step(resolve(n)); s != nil {
				job.Steps = append(job.Steps, s)
			}
		}
	}
	if image := value(runs, "image"); image != nil && strings.HasPrefix(image.Value, "docker://") {
		job.Steps = append(job.Steps, &actionlint.Step{Exec: &actionlint.ExecAction{Uses: str(image)}, Pos: pos(image)})
	}
	return map[string]*actionlint.Job{"": job}
}

func step(n *yaml.Node) *actionlint.Step {
	s := &actionlint.Step{
		ID: str(value(n, "id")), If: str(value(n, "if")), Name: str(value(n, "name")), Pos: pos(n),
		Env: &actionlint.Env{Vars: map[string]*actionlint.EnvVar{}},
	}
	for k, v := range pairs(value(n, "env")) {
		s.Env.Vars[strings.ToLower(k.Value)] = &actionlint.EnvVar{Name: str(k), Value: str(v)}
	}
	if run := str(value(n, "run")); run != nil {
		s.Exec = &actionlint.ExecRun{Run: run, Shell: str(value(n, "shell")), RunPos: run.Pos}
		return s
	}
	uses := str(value(n, "uses"))
	if uses == nil {
		return nil
	}
	exec := &actionlint.ExecAction{Uses: uses, Inputs: map[string]*actionlint.Input{}}
	for k, v := range pairs(value(n, "with")) {
		exec.Inputs[strings.ToLower(k.Value)] = &actionlint.Input{Name: str(k), Value: str(v)}
	}
	s.Exec = exec
	return s
}

// value returns the value of a key of a mapping, or nil.
func value(n *yaml.Node, key string) *yaml.Node {
	for k, v := range pairs(n) {
		if k.Value == key {
			return v
		}
	}
	return nil
}

// pairs iterates over the scalar keys of a mapping and their values. A node that is not a mapping has none.
func pairs(n *yaml.Node) func(yield func(k, v *yaml.Node) bool) {
	return func(yield func(k, v *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := resolve(n.Content[i]); k.Kind == yaml.ScalarNode && !yield(k, resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func str(n *yaml.Node) *actionlint.String {
	if n == nil || n.Kind != yaml.ScalarNode {
		return nil
	}
	quoted := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0
	return &actionlint.String{Value: n.Value, Quoted: quoted, Pos: pos(n)}
}

func pos(n *yaml.Node) *actionlint.Pos { return &actionlint.Pos{Line: n.Line, Col: n.Column} }
