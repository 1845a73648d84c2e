package terraform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/infra"
)

// A port is a range of ports that a rule opens.
type port struct {
	span
	protocol string   // "tcp", "udp", or empty for every protocol
	rule     []string // identifies the rule in its block, if the block has several
}

// An opening holds the ports that one list opens. It is one finding.
type opening struct {
	rule    infra.Rule
	where   hcl.Range
	sources reach
	named   []named // that should not be open
	extents []scanners.Extent
}

// A named is a port that should not be open, or all of them.
type named struct {
	rank int // the worst first
	name string
	rule []string
}

const (
	allPorts = "all ports"
	allUDP   = "all UDP ports"
)

// named returns those of the ports that should not be open. Of UDP, only all ports are: names and media are
// served to everybody.
func (o port) named() (list []named) {
	switch {
	case o.protocol == "udp" && o.from <= 1 && o.to >= all.to:
		return []named{{len(ports), allUDP, o.rule}}
	case o.protocol == "udp":
		return nil
	case o.from <= 0 && o.to >= all.to:
		return []named{{-1, allPorts, o.rule}}
	}
	for i, p := range ports {
		if o.from <= p.port && p.port <= o.to {
			list = append(list, named{i, fmt.Sprintf("%d (%s)", p.port, p.name), o.rule})
		}
	}
	return list
}

// open records that a rule opens ports to the sources. The rules of one list, which have one range, are one
// opening.
func (c *checker) open(r infra.Rule, at block, where hcl.Range, sources reach, o port) {
	list := o.named()
	if !sources.internet() || len(list) == 0 {
		return
	}
	key := spot{rule: r.ID, from: where.Start.Byte, to: where.End.Byte}
	have := c.opened[key]
	if have == nil {
		have = &opening{rule: r, where: where}
		c.opened[key] = have
		c.openings = append(c.openings, have)
	}
	have.sources = reach{max(have.sources.v4, sources.v4), max(have.sources.v6, sources.v6)}
	have.named = append(have.named, list...)
	have.extents = append(have.extents, o.extents(sources)...)
}

// flush adds the findings of the block's openings.
func (c *checker) flush(at block) {
	for _, o := range c.openings {
		slices.SortStableFunc(o.named, func(a, b named) int { return cmp.Compare(a.rank, b.rank) })
		worst := o.named[0]
		f := c.add(o.rule, at, o.where, "opens "+o.what()+" to "+o.sources.String()+".", append(slices.Clone(worst.rule), what(worst.name))...)
		f.Extents = unique(o.extents)
	}
	c.openings = nil
	clear(c.opened)
}

// what describes what is open.
func (o opening) what() string {
	var names []string
	for _, n := range o.named {
		if n.name == allPorts {
			return allPorts
		}
		if !slices.Contains(names, n.name) {
			names = append(names, n.name)
		}
	}
	if len(names) == 1 {
		return what(names[0])
	}
	return "ports " + scanners.Some(names, 3)
}

func what(name string) string {
	if strings.HasPrefix(name, "all ") {
		return name
	}
	return "port " + name
}

// unique removes the extents that occur before.
func unique(list []scanners.Extent) (out []scanners.Extent) {
	for _, e := range list {
		if !slices.Contains(out, e) {
			out = append(out, e)
		}
	}
	return out
}
