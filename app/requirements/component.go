package requirements

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/threatmodel"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// Modes of a fact.
const (
	ask    = "ask"
	shadow = "shadow" // computed, and shown only when somebody asks why
	noted  = "record"
)

// scanner is the name of the scanner of facts in a policy.
const scanner = "design"

// Component returns the component of a file without a model: the first two folders of its path, or "." for the
// repository's root.
func Component(file string) string {
	parts := strings.SplitN(path.Dir(file), "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}

// places answers questions about single paths, each of them once.
type places struct {
	given  Input
	names  map[string]string
	inside map[string]bool
	modes  map[[2]string]string
}

func newPlaces(in Input) *places {
	return &places{given: in, names: map[string]string{}, inside: map[string]bool{}, modes: map[[2]string]string{}}
}

// component returns the name of a file's component, by the model at the base if it has one.
func (p *places) component(file string) string {
	if name, ok := p.names[file]; ok {
		return name
	}
	name := Component(file)
	if p.given.Model != nil {
		if c, ok := p.given.Model.ComponentOf(file); ok {
			name = c.ID
		}
	}
	p.names[file] = name
	return name
}

// exposed reports whether a signal of tier B is asked about in a file: its component is external, holds confidential
// data, or is not in the model.
func (p *places) exposed(file string) bool {
	inside, known := p.inside[file]
	if !known {
		if m := p.given.Model; m != nil {
			c, ok := m.ComponentOf(file)
			inside = ok && internal(m, c)
		}
		p.inside[file] = inside
	}
	return !inside
}

// internal reports whether a component is neither external nor holds confidential data.
func internal(m *threatmodel.Model, c threatmodel.Component) bool {
	return cmp.Or(c.Exposure, m.System.Exposure) == "internal" && !slices.ContainsFunc(m.Data, func(d threatmodel.Data) bool {
		return slices.Contains(c.Holds, d.ID) && (d.Class == "confidential" || d.Class == "restricted")
	})
}

// mode returns the mode of a signal in a file; empty if the policy switches it off there.
func (p *places) mode(s design.Signal, file string) string {
	k := [2]string{s.Slug, file}
	mode, known := p.modes[k]
	if !known {
		mode = p.chosen(s, file)
		p.modes[k] = mode
	}
	return mode
}

func (p *places) chosen(s design.Signal, file string) string {
	// A fact has no severity, so that of the gate does not matter.
	d := p.given.Policy.Decide(scanners.Requirements, scanner, s.Slug, scanners.Critical, file)
	named := slices.Contains(d.Key, "rules") || slices.Contains(d.Key, "enforce")
	mode := s.Launch
	switch {
	case d.Mode == policy.Off:
		return ""
	case d.Mode == policy.Observe && (named || mode == ask):
		mode = shadow
	case d.Mode >= policy.Comment && named:
		mode = ask
	}
	if mode == ask && s.Tier == "B" && !p.exposed(file) {
		mode = noted
	}
	return mode
}
