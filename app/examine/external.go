package examine

import (
	"slices"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// An External holds the results of a tool that runs elsewhere, which its workflow sent for both sides of a change.
type External struct {
	Info       scanners.Info
	Version    string
	Head, Base []scanners.Finding
	Updated    bool   // a different version of the tool scanned the base
	Missing    string // why it has no results, if nobody requires it; empty otherwise
	Err        error  // why the results are incomplete
}

// run compares both sides, as for any scanner.
func (t External) run(s *source, p policy.Policy, known []baseline.Known) scanners.Run {
	left := func(found []scanners.Finding) []scanners.Finding {
		return slices.DeleteFunc(slices.Clone(found), func(f scanners.Finding) bool { return p.Skips(t.Info.Gate, f.Path) })
	}
	return scanners.Run{
		Scanner: t.Info.Name, Gate: t.Info.Gate, Version: t.Version, Skipped: t.Missing, Err: t.Err,
		Results: baseline.Compare(t.Info, baseline.Input{Head: left(t.Head), Base: left(t.Base), Renames: s.renames, Change: s.texts, Known: known, Regraded: t.Updated}),
	}
}
