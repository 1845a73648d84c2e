package terraform

import (
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

// A guard is a setting that protects a resource, and without which the resource is not protected: the
// provider's default is the unsafe value.
type guard struct {
	rule  infra.Rule
	kinds []string // types of resources

	// paths lead to the setting, and to others that serve as well. The first identifies it. A path with a
	// point at its end leads to a block, which protects by being there.
	paths []string
	good  []any  // the values that protect; empty if every value does
	what  string // what the resource does with it, after "no longer"
	each  bool   // each block of the path is an object of its own

	choice bool // another value is safe too
}

// inherited are the attributes that name what a disk or a database is made from. It is as encrypted as that.
var inherited = []string{
	"snapshot_id", "snapshot_identifier", "replicate_source_db", "replication_source_identifier", "global_cluster_identifier",
	"source_db_snapshot_identifier", "global_replication_group_id",
}

// needless reports whether the guard protects nothing here.
func (g guard) needless(at block, b body) bool {
	if excused(at, b) {
		return true
	}
	if g.rule.ID != encryption.ID {
		return false
	}
	engine, _ := b.get("engine").(string)
	return engine == "valkey" || slices.ContainsFunc(inherited, b.has)
}

// guards reports the settings that protect a resource, and those of them that it lacks.
func (c *checker) guards(at block) {
	for _, g := range guards {
		if !slices.Contains(g.kinds, at.kind) || g.needless(at, at.body) {
			continue
		}
		if !g.each {
			c.guard(g, at, at.head, g.states(at.kind, at.body))
			continue
		}
		bodies, name := at.body.along(g.paths[0])
		for _, b := range bodies {
			if !g.needless(at, b) {
				where := b.SrcRange
				where.End = where.Start
				one := guard{rule: g.rule, paths: []string{g.paths[0]}, good: g.good}
				c.guard(g, at, where, []state{one.state(at.kind, b, name)})
			}
		}
	}
}

// A state is what is known of a setting: whether it protects, and where it is set if it is.
type state struct {
	protection scanners.Protection // or [scanners.Problem] if it is not known, or reported already
	where      hcl.Range           // zero if it is not set
}

// states returns the state of each of the paths.
func (g guard) states(kind string, b body) (list []state) {
	for _, path := range g.paths {
		bodies, name := b.along(path)
		for _, inner := range bodies {
			if name == "" {
				list = append(list, state{scanners.Kept, inner.SrcRange})
				continue
			}
			list = append(list, g.state(kind, inner, name))
		}
	}
	return list
}

// state returns the state of an attribute.
func (g guard) state(kind string, b body, name string) state {
	a := b.Attributes[name]
	value := b.get(name)
	if a == nil || value == nil {
		return state{protection: scanners.Missing}
	}
	s := state{scanners.Missing, a.SrcRange}
	switch {
	case len(g.good) == 0 && b.has(name), setting{bad: g.good}.wrong(value):
		s.protection = scanners.Kept
	case value == unknown{} || g.choice || slices.ContainsFunc(settings, func(have setting) bool {
		return slices.Contains(have.kinds, kind) && slices.Contains(g.paths, have.path) && have.wrong(value)
	}):
		s.protection = scanners.Problem
	}
	return s
}

// guard adds what the states of the paths say together: one that protects is enough, and one that is not
// known may.
func (c *checker) guard(g guard, at block, where hcl.Range, states []state) {
	out, reason := scanners.Missing, "nothing sets "+strings.TrimSuffix(g.paths[0], ".")+" any more."
	for _, s := range states {
		switch {
		case s.protection == scanners.Kept:
			out, where = scanners.Kept, s.where
		case s.protection == scanners.Problem && out != scanners.Kept:
			out = scanners.Problem
		case s.where != hcl.Range{} && out == scanners.Missing:
			where, reason = s.where, "it is switched off."
		}
	}
	if out != scanners.Problem {
		c.protection(g.rule, at, where, out, noLonger(g.what)+": "+reason, g.paths[0])
	}
}

// protection adds what is known of a protection.
func (c *checker) protection(r infra.Rule, at block, where hcl.Range, p scanners.Protection, message, setting string) {
	where.End = where.Start
	problems := c.problems
	c.add(r, at, where, message, setting).Protection = p
	c.problems = problems
}

// A companion is a resource that protects another one, its owner.
type companion struct {
	rule    infra.Rule
	kind    string   // of the companion
	owners  []string // types of the resources that it protects
	refers  string   // the attribute that refers to the owner
	setting string   // identifies the protection
	guards  []guard  // what in the companion, and then in the owner, protects; none if it protects by being there
	what    string   // what the owner does with it, after "no longer"
}

// companions reports the resources that have a companion, and those that have none.
func (c *checker) companions(resources []block) {
	owners := map[string]block{}
	for _, at := range resources {
		owners[at.address] = at
	}
	for _, kind := range companions {
		protected := map[string]scanners.Protection{} // the address of the owner
		for _, at := range resources {
			owner := kind.owner(at)
			if owner == "" {
				continue
			}
			p := scanners.Kept
			if len(kind.guards) > 0 {
				p = together(kind.guards[0].states(at.kind, at.body))
			}
			if have, ok := protected[owner]; !ok || have == scanners.Missing || p == scanners.Kept {
				protected[owner] = p
			}
			if _, here := owners[owner]; !here && p == scanners.Kept {
				there := block{address: owner, former: cmp.Or(c.former[owner], owner)}
				c.protection(kind.rule, there, at.head, p, kind.message(), kind.setting)
			}
		}
		for _, at := range resources {
			if !slices.Contains(kind.owners, at.kind) {
				continue
			}
			p, ok := protected[at.address]
			if !ok {
				p = scanners.Missing
			}
			if len(kind.guards) > 1 && p != scanners.Kept { // perhaps the owner protects itself
				if own := together(kind.guards[1].states(at.kind, at.body)); own != scanners.Missing {
					p = own
				}
			}
			if p != scanners.Problem {
				c.protection(kind.rule, at, at.head, p, kind.message(), kind.setting)
			}
		}
	}
}

func (k companion) message() string { return noLonger(k.what) + "." }

// noLonger says that a resource has lost what it did or was.
func noLonger(what string) string {
	if state, ok := strings.CutPrefix(what, "is "); ok {
		return "is no longer " + state
	}
	return "no longer " + what
}

// owner returns the address of the resource that a companion protects, or "" if the resource is none or its
// owner is not known.
func (k companion) owner(at block) string {
	e := at.body.attribute(k.refers)
	if at.kind != k.kind || e == nil {
		return ""
	}
	for _, path := range e.Variables() {
		if slices.Contains(k.owners, path.RootName()) {
			return rootAndType(path)
		}
	}
	return ""
}

// together returns what states say together.
func together(states []state) scanners.Protection {
	out := scanners.Missing
	for _, s := range states {
		switch s.protection {
		case scanners.Kept:
			return scanners.Kept
		case scanners.Problem:
			out = scanners.Problem
		}
	}
	return out
}
