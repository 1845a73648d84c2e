package review

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

func (r *Reviewer) record(ctx context.Context, req queue.Request, head, kind string, data any) error {
	e := ledger.Event{Kind: kind, Installation: req.Installation, RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Head: head}
	if data != nil {
		b, err := json.Marshal(data)
		if err != nil {
			return fmt.Errorf("record review: %w", err)
		}
		e.Data = b
	}
	if err := r.Ledger.Record(ctx, e); err != nil {
		return fmt.Errorf("record review: %w", err)
	}
	return nil
}

// A recordInput holds the inputs of a report that its record needs.
type recordInput struct {
	pull    pull.Pull
	infos   []scanners.Info
	adds    func(scanners.Result) bool // nil when the change could not be read
	owners  *ownership.Map             // nil when they could not be read
	before  map[string]bool            // fingerprints of the new findings of earlier reviews of the pull request
	context record.Context

	campaigns map[string][]string // ids of campaigns, by the fingerprint of an old finding

	design  designed
	limited bool // some of the change is over the limits
}

// recordInput keeps the owners, which decide nothing in a review: if they could not be read, the record says so.
func (r *Reviewer) recordInput(p pull.Pull, pol policy.Policy, ex examine.Examination, owners *ownership.Map) recordInput {
	b := recordInput{pull: p, owners: owners, infos: r.infos(), adds: judge.AddedBy(ex.Patch), context: record.Context{NotRun: ex.NotRun == examine.Nothing}, limited: ex.Limited}
	if ex.Diff != nil {
		for _, ch := range ex.Diff.Changes {
			path := ch.NewPath
			if path == "" {
				path = ch.OldPath
			}
			if !pol.SkipsAll(path) {
				continue
			}
			if b.context.IgnoredFiles++; b.context.IgnoredFiles <= record.MaxIgnored {
				b.context.Ignored = append(b.context.Ignored, path)
			}
		}
	}
	b.context.Owners = b.ownersOfChange(ex)
	return b
}

// ownersOfChange returns the owners of the changed files.
func (b recordInput) ownersOfChange(ex examine.Examination) []string {
	if ex.Diff == nil {
		return nil
	}
	var list []string
	for _, ch := range ex.Diff.Changes {
		for _, owner := range b.ownersOf(cmp.Or(ch.NewPath, ch.OldPath)) {
			if !slices.Contains(list, owner) && len(list) < record.MaxIgnored {
				list = append(list, owner)
			}
		}
	}
	slices.Sort(list)
	return list
}

// infos returns the descriptions of the scanners of problems.
func (r *Reviewer) infos() (list []scanners.Info) {
	for _, sc := range r.Examiner.Scanners {
		if info := sc.Info(); !info.Facts {
			list = append(list, info)
		}
	}
	return list
}

// summary returns the record that the ledger keeps of a report.
func summary(rep checks.Report, b recordInput) record.Review {
	b.context.Base, b.context.Into, b.context.Draft, b.context.NoOwners = b.pull.MergeBase, b.pull.BaseRef, b.pull.Draft, b.owners == nil
	out := record.Review{Version: record.Version, Verdict: rep.Verdict, Conclusion: rep.Check.Conclusion, Context: &b.context, Requirements: b.design.recorded()}
	threads := map[string]string{}
	for _, c := range rep.Comments {
		for _, f := range c.With {
			threads[f] = c.Fingerprint
		}
	}
	listed := map[string]bool{}
	for _, f := range rep.Findings() {
		listed[f.Fingerprint] = true
		one := b.finding(rep, f)
		one.Thread = threads[f.Fingerprint]
		out.Findings = append(out.Findings, one)
	}
	runs := map[string]scanners.Run{}
	for _, run := range rep.Runs() {
		runs[run.Scanner] = run
		for _, found := range run.Results {
			if found.State == scanners.New && !listed[found.Fingerprint] {
				b.context.Hidden = append(b.context.Hidden, b.finding(rep, checks.Finding{Result: found}))
			}
		}
	}
	for _, info := range b.infos {
		run, asked := runs[info.Name]
		b.context.Scanners = append(b.context.Scanners, record.Scanner{Name: info.Name, Gate: info.Gate, State: stateOf(run, asked), Version: run.Version})
		delete(runs, info.Name)
	}
	for _, run := range rep.Runs() {
		if _, left := runs[run.Scanner]; left { // it ran elsewhere, see [upload.Externals]
			b.context.Scanners = append(b.context.Scanners, record.Scanner{Name: run.Scanner, Gate: run.Gate, State: stateOf(run, true), Version: run.Version})
		}
	}
	return out
}

func stateOf(run scanners.Run, asked bool) record.ScannerState {
	var gone *scanners.MissingError
	switch {
	case !asked:
		return record.Off
	case run.Skipped != "" || errors.As(run.Err, &gone):
		return record.Missing
	case run.Err != nil:
		return record.Unfinished
	case run.Idle:
		return record.Idle
	}
	return record.Ran
}

func (b recordInput) finding(rep checks.Report, f checks.Finding) record.Finding {
	one := record.Finding{
		Fingerprint: f.Fingerprint, Rule: f.RuleID(), Gate: f.Gate, Title: f.Title, Severity: f.Severity, State: f.State,
		Path: f.Path, Line: f.Line, Shown: f.Comment, Block: f.Block, Fixable: decision.Fixable(f.Finding), HelpURL: f.HelpURL, Why: f.Why, Quiet: f.Quiet,
	}
	if f.Decided != nil {
		one.Decided = cmp.Or(f.Decided.ID, f.Decided.Place())
	}
	one.Campaigns = b.campaigns[f.Fingerprint]
	if f.State == scanners.Unchanged {
		return one
	}
	one.CWE, one.Owners = f.CWE, b.ownersOf(f.Path)
	if f.State == scanners.Absent { // a merge ends what was decided about it
		one.Package = f.Package
		return one
	}
	one.EndLine, one.Package, one.Aliases, one.Commit = f.EndLine, f.Package, f.Aliases, f.Commit
	one.Extents, one.Purl = f.Extents, f.Purl
	one.Adds, one.Place = b.adds != nil && b.adds(f.Result), rep.Carries(f.Result)
	if b.owners != nil {
		a := b.owners.Explain(f.Path)
		one.Owners, one.OwnedBy, one.Unowned = a.Owners, a.Where, len(a.Owners) == 0
	}
	return one
}

// ownersOf returns the owners of a path; nil if they could not be read.
func (b recordInput) ownersOf(path string) []string {
	if b.owners == nil {
		return nil
	}
	return b.owners.Of(path)
}
