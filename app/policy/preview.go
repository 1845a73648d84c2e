package policy

import (
	"cmp"
	"maps"
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Subject holds the parts of a finding that a policy uses.
type Subject struct {
	ID            string
	Gate          scanners.Gate
	Scanner, Rule string
	Severity      scanners.Severity
	Path          string
}

// A Preview lists what another policy would change.
type Preview struct {
	Changed []Change

	// The ids of findings that would appear, would no longer be shown, would begin to fail the check, and would cease
	// to.
	Appear, Vanish, Block, Relent []string
}

// A Change is one key whose effective value would change; From or To is empty if there is no value.
type Change struct{ Key, From, To string }

// Compare previews what a policy would change for open findings.
func Compare(before, after Policy, open []Subject) (v Preview) {
	ids := maps.Clone(before.values)
	maps.Copy(ids, after.values)
	for id, any := range ids {
		change := Change{Key: any.Key.String()}
		if old, ok := before.values[id]; ok {
			change.From, _ = before.effective(old)
		}
		if fresh, ok := after.values[id]; ok {
			change.To, _ = after.effective(fresh)
		}
		if change.From != change.To && any.Key[0] != "version" {
			v.Changed = append(v.Changed, change)
		}
	}
	slices.SortFunc(v.Changed, func(a, b Change) int { return cmp.Compare(a.Key, b.Key) })
	for _, s := range open {
		was, is := before.loud(s), after.loud(s)
		switch {
		case was < Comment && is >= Comment:
			v.Appear = append(v.Appear, s.ID)
		case was >= Comment && is < Comment:
			v.Vanish = append(v.Vanish, s.ID)
		}
		switch {
		case was < Block && is == Block:
			v.Block = append(v.Block, s.ID)
		case was == Block && is < Block:
			v.Relent = append(v.Relent, s.ID)
		}
	}
	return v
}

func (p Policy) loud(s Subject) Mode {
	if p.Skips(s.Gate, s.Path) {
		return Off
	}
	return p.Mode(s.Gate, s.Scanner, s.Rule, s.Severity, s.Path)
}
