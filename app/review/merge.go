package review

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// maxMerged bounds the findings of each kind in the event of a merge.
const maxMerged = 200

// A merging holds what is known when a pull request was merged. What follows from it is computed without asking
// anybody.
type merging struct {
	pull      pull.Pull
	reviews   []record.Review // all that finished, the oldest first
	decisions []decision.Decision
	questions []record.Question // that are open
	mergedAt  time.Time         // by the App's clock
	now       time.Time
}

// last returns the review that says what was merged: the newest one of the merged head, else the newest one. The zero
// value is for a pull request without a review. complete is false unless the head was scanned completely.
func (m merging) last() (last record.Review, complete bool) {
	for _, r := range slices.Backward(m.reviews) {
		if r.Head == m.pull.Head {
			return r, r.Verdict != checks.Incomplete
		}
	}
	if len(m.reviews) == 0 {
		return record.Review{}, false
	}
	return m.reviews[len(m.reviews)-1], false
}

// events returns the data of the events of the merge. open is nil if nothing was open.
func (m merging) events() (record.Merge, *record.OpenMerge) {
	last, complete := m.last()
	merge := record.Merge{
		Into: m.pull.BaseRef, Default: m.pull.Default, Commit: m.pull.MergeCommit, At: m.mergedAt, Reviewed: complete,
		Left: slim(inState(last, scanners.New)),
	}
	if complete {
		merge.Gone, merge.Fixed = slim(inState(last, scanners.Absent)), slim(m.fixed(last))
	}
	open := record.OpenMerge{Findings: m.open(last)}
	owners := map[string]bool{}
	add := func(list []string) {
		for _, o := range list {
			owners[o] = true
		}
	}
	for _, f := range open.Findings {
		add(f.Owners)
	}
	for _, q := range m.questions {
		open.Questions = append(open.Questions, record.OpenQuestion{ID: q.ID, Component: q.Component, Topic: q.Topic, Owners: q.Owners})
		add(q.Owners)
	}
	if len(open.Findings)+len(open.Questions) == 0 {
		return merge, nil
	}
	open.Owners = slices.AppendSeq([]string{}, slices.Values(slices.Sorted(maps.Keys(owners))))
	return merge, &open
}

func inState(r record.Review, state scanners.State) (list []record.Finding) {
	for _, f := range r.Findings {
		if f.State == state {
			list = append(list, f)
		}
	}
	return list
}

// slim returns at most [maxMerged] findings, the worst first, without texts that only a page shows.
func slim(list []record.Finding) []record.Finding {
	list = slices.Clone(list)
	slices.SortStableFunc(list, worse)
	list = list[:min(len(list), maxMerged)]
	for i := range list {
		list[i].HelpURL, list[i].Why, list[i].Thread = "", "", ""
	}
	return list
}

func worse(a, b record.Finding) int {
	return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Fingerprint, b.Fingerprint))
}

// fixed lists the findings that were shown in the pull request, and that its merged head does not have.
func (m merging) fixed(last record.Review) (list []record.Finding) {
	seen := map[string]bool{}
	for _, r := range slices.Backward(m.reviews) {
		for _, f := range r.Findings {
			if f.State != scanners.New || !f.Shown || seen[f.Rule+" "+f.Fingerprint] {
				continue
			}
			seen[f.Rule+" "+f.Fingerprint] = true
			if gone(last, f.Rule, f.Fingerprint, f.Path) {
				list = append(list, f)
			}
		}
	}
	return list
}

// open lists the findings that were merged without a decision that counts, the worst first.
func (m merging) open(last record.Review) (list []record.OpenFinding) {
	rulings := decision.Rule(resultsOf(last), m.decisions, decision.Scope{Pulls: map[int]bool{m.pull.Number: true}}, m.now)
	found := inState(last, scanners.New)
	slices.SortStableFunc(found, worse)
	for _, f := range found {
		ruling, ruled := rulings[f.Fingerprint]
		if !f.Shown || f.AcceptedInCode() || ruled && ruling.Lapse == "" {
			continue
		}
		owners := f.Owners
		if owners == nil {
			owners = []string{}
		}
		list = append(list, record.OpenFinding{
			ID: f.ID(), Fingerprint: f.Fingerprint, Rule: f.Rule, Title: f.Title, Severity: f.Severity, Path: f.Path, Line: f.Line, CWE: f.CWE, Owners: owners,
		})
	}
	return list
}

// resultsOf returns the recorded findings in the form in which decisions are matched with them.
func resultsOf(r record.Review) (list []scanners.Result) {
	for _, f := range r.Findings {
		scanner, rule, _ := strings.Cut(f.Rule, "/")
		one := scanners.Result{
			Finding: scanners.Finding{Rule: rule, Path: f.Path, Line: f.Line, Severity: f.Severity, Extents: f.Extents},
			Scanner: scanner, Gate: f.Gate, Fingerprint: f.Fingerprint, State: f.State,
		}
		if f.Fixable {
			one.Fixes = make([]scanners.Fix, 1)
		}
		list = append(list, one)
	}
	return list
}

// gone reports whether a complete review shows that the head does not have a finding any more: neither a new one of the
// same fingerprint nor one with the same text in the same file. It is false in doubt: if the scanner did not run, if the
// policy hides such a finding, or if it ignores the file.
func gone(r record.Review, rule, fingerprint, path string) bool {
	content := decision.Content(fingerprint)
	same := func(f record.Finding) bool {
		here := f.Path == path && decision.Content(f.Fingerprint) == content
		return f.Rule == rule && f.State != scanners.Absent && (here || f.State == scanners.New && f.Fingerprint == fingerprint)
	}
	if slices.ContainsFunc(r.Findings, same) {
		return false
	}
	if r.Context == nil {
		return true
	}
	scanner, _, _ := strings.Cut(rule, "/")
	ran := slices.ContainsFunc(r.Context.Scanners, func(s record.Scanner) bool {
		return s.Name == scanner && (s.State == record.Ran || s.State == record.Idle)
	})
	ignored := slices.Contains(r.Context.Ignored, path) || r.Context.IgnoredFiles > len(r.Context.Ignored)
	return ran && !ignored && !slices.ContainsFunc(r.Context.Hidden, same)
}

// ended lists the decisions about a risk that is gone: in this pull request, because its merged head does not have the
// finding, or about a finding of the base that the merge removed. The caller has to find out whether the risk is left
// elsewhere. A mark as false positive stays: it is about the tool, not about the code.
func (m merging) ended() (list []decision.Decision) {
	last, complete := m.last()
	if !complete {
		return nil
	}
	removed := inState(last, scanners.Absent)
	for _, d := range m.decisions {
		if d.Ended != "" || d.Verb != "accept" && d.Verb != "defer" || !gone(last, d.Rule, d.Fingerprint, d.Path) {
			continue
		}
		about := func(f record.Finding) bool {
			return f.Rule == d.Rule && f.Path == d.Path && decision.Content(f.Fingerprint) == decision.Content(d.Fingerprint)
		}
		if d.Number == m.pull.Number || slices.ContainsFunc(removed, about) {
			list = append(list, d)
		}
	}
	return list
}
