package examine

import (
	"slices"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// An External is a tool that runs elsewhere, with what its workflow sent about both sides of a change.
type External struct {
	Info       scanners.Info
	Version    string
	Head, Base []scanners.Finding
	Updated    bool   // another version of it looked at the base
	Missing    string // why there is nothing of it, although nobody requires it; empty otherwise
	Err        error  // why this is not all
}

// run compares both sides, as of any scanner.
func (t External) run(s *source, p policy.Policy, known []baseline.Known) scanners.Run {
	left := func(found []scanners.Finding) []scanners.Finding {
		return slices.DeleteFunc(slices.Clone(found), func(f scanners.Finding) bool { return p.Ignored(f.Path) })
	}
	return scanners.Run{
		Scanner: t.Info.Name, Gate: t.Info.Gate, Version: t.Version, Skipped: t.Missing, Err: t.Err,
		Results: baseline.Compare(t.Info, baseline.Input{Head: left(t.Head), Base: left(t.Base), Renames: s.renames, Change: s.texts, Known: known, Regraded: t.Updated}),
	}
}
