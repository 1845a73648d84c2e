package requirements

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// Signals that a change gives by what it removes.
const (
	controlRemoved   = "control-removed"
	guardrailChanged = "guardrail-changed"
)

// guardrail is the kind of evidence of ownership and guardrails that are there, such as a scanner's job in a workflow.
const guardrail = "evidence-guardrail"

// guarded are the signals of what a control may protect. If it goes together with the control, nothing is less
// protected.
var guarded = map[string]bool{
	"http-route": true, "admin-endpoint": true, "webhook-receiver": true, "graphql-mutation": true, "grpc-rpc": true,
	"websocket-endpoint": true, "new-deployable": true,
}

// removed returns a fact for each file and kind of control, or guardrail, of which the change has fewer than before.
func (c *comparison) removed() []*fact {
	controls := c.losses(design.Control, true)
	for _, f := range controls {
		f.signal, _ = design.Of(controlRemoved)
	}
	guardrails := c.losses(guardrail, false)
	for _, f := range guardrails {
		f.signal, _ = design.Of(guardrailChanged)
	}
	out := append(controls, guardrails...)
	for _, f := range out {
		f.Rule = f.signal.Slug
	}
	slices.SortStableFunc(out, func(a, b *fact) int { return byPlace(a.Finding, b.Finding) })
	return out
}

// A balance counts what the sides have of one kind.
type balance struct {
	head, base int                 // of the kind
	lost       map[string][]string // texts that a file at the base has more often than the head, by the file
}

// losses compares evidence of a kind. Files that the head does not have any more count only if whole is false: a
// deleted file needs no control. Equal texts cancel wherever they are, then others of the same kind.
func (c *comparison) losses(rule string, deletedNeedsNone bool) (out []*fact) {
	headPath := map[string]string{}
	for _, ch := range c.in.Changes {
		if ch.OldPath != "" && ch.NewPath != "" {
			headPath[ch.OldPath] = ch.NewPath
		}
	}
	kinds := c.balances(rule, deletedNeedsNone)
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		b := kinds[kind]
		left := b.base - b.head
		for _, path := range slices.Sorted(maps.Keys(b.lost)) {
			n := len(b.lost[path])
			if rule == design.Control {
				n -= c.unguarded(path)
			}
			if n = min(n, left); n <= 0 {
				continue
			}
			left -= n
			out = append(out, c.loss(rule, kind, cmp.Or(headPath[path], path), b.lost[path]))
		}
	}
	return out
}

func (c *comparison) balances(rule string, deletedNeedsNone bool) map[string]*balance {
	kinds := map[string]*balance{}
	at := func(f scanners.Finding) *balance {
		kind := f.Fact.Data["kind"]
		if kinds[kind] == nil {
			kinds[kind] = &balance{lost: map[string][]string{}}
		}
		return kinds[kind]
	}
	have, inFile := map[string]int{}, map[[2]string]int{} // texts at the head
	for _, f := range c.head {
		if f.Rule == rule {
			at(f).head++
			have[f.Fact.Key]++
			inFile[[2]string{c.origin(f.Path), f.Fact.Key}]++
		}
	}
	counts := func(f scanners.Finding) bool {
		return f.Rule == rule && (!deletedNeedsNone || c.kept[f.Path])
	}
	var elsewhere []scanners.Finding
	for _, f := range c.base {
		if !counts(f) {
			continue
		}
		at(f).base++
		if k := [2]string{f.Path, f.Fact.Key}; inFile[k] > 0 {
			inFile[k]--
			have[f.Fact.Key]--
		} else {
			elsewhere = append(elsewhere, f)
		}
	}
	for _, f := range elsewhere {
		if have[f.Fact.Key] > 0 {
			have[f.Fact.Key]--
			continue
		}
		b := at(f)
		b.lost[f.Path] = append(b.lost[f.Path], f.Fact.Key)
	}
	return kinds
}

// unguarded returns how many things that a control may protect a file at the base has more than at the head.
func (c *comparison) unguarded(path string) (n int) {
	for _, f := range c.base {
		if guarded[f.Rule] && f.Path == path {
			n++
		}
	}
	for _, f := range c.head {
		if guarded[f.Rule] && c.origin(f.Path) == path {
			n--
		}
	}
	return max(0, n)
}

// loss makes the fact about a file that lost controls of a kind, or guardrails.
func (c *comparison) loss(rule, kind, path string, texts []string) *fact {
	line := 0
	if c.in.Removed != nil {
		line = c.in.Removed(path)
	}
	key, name := kind, texts[0]
	if rule == guardrail || kind == "" {
		key = texts[0]
	}
	name = strings.TrimPrefix(name, kind+" ")
	return &fact{nth: 1, Finding: scanners.Finding{
		Path: path, Line: line, EndLine: line,
		Fact: &scanners.Fact{Key: key, Name: name, Data: map[string]string{"kind": kind}},
	}}
}
