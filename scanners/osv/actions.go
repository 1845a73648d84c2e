package osv

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// newest stands for the newest minor or patch version: an action's tag "v4" moves to each new
// version 4.x.y, and "v4.1" to each 4.1.y.
const newest = "999999999"

var (
	uses     = regexp.MustCompile(`^([\w.-]+/[\w.-]+)((?:/[^@\s]*)?)@(\S+)$`)
	release  = regexp.MustCompile(`^v?(\d+)(?:\.(\d+)(?:\.(\d+([-+][\w.-]+)?))?)?$`)
	commitID = regexp.MustCompile(`^[0-9a-f]{40}([0-9a-f]{24})?$`)
	pinned   = regexp.MustCompile(`^#\s*(?:tag=)?(v?\d+\.\d+\.\d+\S*)`)
)

// readUses finds the actions and reusable workflows that a workflow or an action uses. osv-scalibr
// has no reader for them. The YAML library is the one that osv-scalibr uses for pnpm's lockfiles;
// it stops at a depth of 10,000, where others take quadratic time.
func readUses(text []byte) ([]pkg, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, err
	}
	var out []pkg
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if key, value := n.Content[i], n.Content[i+1]; key.Value == "uses" && value.Kind == yaml.ScalarNode {
					if p, ok := used(value); ok {
						out = append(out, p)
					}
				}
			}
		}
		// The anchor of an alias is not walked here, but where it is defined.
		for _, child := range n.Content {
			walk(child)
		}
	}
	walk(&doc)
	return out, nil
}

func used(value *yaml.Node) (pkg, bool) {
	m := uses.FindStringSubmatch(value.Value)
	if m == nil || len(value.Value) > maxField {
		return pkg{}, false // an action of this repository, or a container
	}
	p := pkg{ecosystem: actions, name: canonical(actions, m[1]), shown: m[1], at: place{line: value.Line}}
	ref := m[3]
	switch v := release.FindStringSubmatch(ref); {
	case v != nil && v[3] != "":
		p.version = fmt.Sprintf("%s.%s.%s", v[1], v[2], v[3])
		p.fixable = true
	case v != nil && v[2] != "":
		p.version = fmt.Sprintf("%s.%s.%s", v[1], v[2], newest)
	case v != nil:
		p.version = fmt.Sprintf("%s.%s.%s", v[1], newest, newest)
	case commitID.MatchString(ref):
		// By convention a pinned commit has its version in a comment beside it.
		if c := pinned.FindStringSubmatch(value.LineComment); c != nil {
			p.version = strings.TrimPrefix(c[1], "v")
		}
	}
	return p, true
}
