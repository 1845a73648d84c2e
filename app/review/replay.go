package review

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Past is what the ledger keeps of all reviews of one pull request.
type Past struct {
	RepoID      int64  // 0 where only the name is known
	Owner, Repo string // as it was called at the last of them
	Number      int
	Reviews     []PastReview // the oldest first; at least one
}

// A PastReview is one of them.
type PastReview struct {
	At    time.Time
	Head  string
	facts facts
}

// ReadPast reads the last pull requests, the newest first. Owner and repo may be empty for all.
func ReadPast(ctx context.Context, l ledger.Reader, owner, repo string, last int) ([]Past, error) {
	subjects, err := l.Newest(ctx, ledger.Filter{Owner: owner, Repo: repo, Kind: Finished, Limit: last})
	if err != nil {
		return nil, err
	}
	var list []Past
	for _, s := range subjects {
		events, err := l.Events(ctx, ledger.Filter{RepoID: s.RepoID, Owner: s.Owner, Repo: s.Repo, Number: s.Number, Kind: Finished})
		if err != nil {
			return nil, err
		}
		past, err := PastOf(events)
		if err != nil {
			return nil, err
		}
		if err := past.rename(ctx, l); err != nil {
			return nil, err
		}
		list = append(list, past)
	}
	return list, nil
}

// rename gives a past the name that its repository has now, by which its policy is found.
func (p *Past) rename(ctx context.Context, l ledger.Reader) error {
	if p.RepoID == 0 {
		return nil
	}
	is, err := l.Now(ctx, ledger.Repo{ID: p.RepoID, Owner: p.Owner, Name: p.Repo})
	if err == nil && (!strings.EqualFold(is.Owner, p.Owner) || !strings.EqualFold(is.Name, p.Repo)) {
		p.Owner, p.Repo = is.Owner, is.Name
	}
	return err
}

// PastOf makes the past of one pull request from its events of the kind [Finished], the oldest first.
func PastOf(events []ledger.Event) (past Past, err error) {
	for _, e := range events {
		f, err := factsOf(e)
		if err != nil {
			return Past{}, err
		}
		past.RepoID, past.Owner, past.Repo, past.Number = e.RepoID, e.Owner, e.Repo, e.Number
		past.Reviews = append(past.Reviews, PastReview{At: e.At, Head: e.Head, facts: f})
	}
	return past, nil
}

// A Told is a finding that would have had a thread, or made the check fail.
type Told struct {
	Fingerprint string
	Rule        string // "scanner/rule"
	Path        string
	Line        int
	Severity    scanners.Severity
	Owners      []string // by CODEOWNERS
	OwnersKnown bool
}

// An Outcome is what a pull request comes to under a policy.
type Outcome struct {
	Comments []Told // every thread that it would have had in its life, in the order of the reviews

	// Fails are the reasons of the last review whose check would have failed, with the findings that
	// they speak of; empty where none would have.
	Fails   []Failure
	Failing []Told
	AtEnd   bool // the last review would have failed

	// Held are findings of rules that the organisation enforces, and why they would not have failed
	// the check: of the last review.
	Held []Failure

	// Unasked are scanners that the policy wants and that never looked, Unseen the number of changed
	// files that were ignored and would not be. What is there, nobody knows. Old says that a review
	// is of a version of this program that kept too little to tell.
	Unasked []string
	Unseen  int
	Old     bool
}

// Replay judges the reviews of a pull request by a policy, in their order: the threads of an earlier
// one are there in the next. It is pure, and calls what a review calls; shown is what the no-surprise
// rule counts, at the time now.
func (p Past) Replay(pol policy.Policy, shown Shown, now time.Time) (Outcome, error) {
	var out Outcome
	threads := map[string]bool{}
	var known []baseline.Known
	j := &judge{policy: pol, repo: shownIn(p.RepoID, p.Repo), now: now, shown: func() (Shown, error) { return shown, nil }}
	for i, past := range p.Reviews {
		stored := past.facts.memory()
		list := stored.gates(pol, known)
		list, ruled, err := j.judge(list, func(r scanners.Result) bool { return stored.of[r.Fingerprint].Adds })
		if err != nil {
			return Outcome{}, err
		}
		in := checks.Input{Gates: list, Draft: stored.seen.Draft, Limit: pol.CommentLimit, Threads: threads}
		if stored.seen.NotRun || len(list) == 0 {
			in.NotRun = "Nothing was looked at."
		}
		o := checks.Outlined(in, func(f checks.Finding) bool { return stored.of[f.Fingerprint].Place })
		for _, f := range o.Comments {
			if !threads[f.Fingerprint] {
				threads[f.Fingerprint] = true
				known = append(known, baseline.Known{Fingerprint: f.Fingerprint, Path: f.Path, Line: f.Line})
				out.Comments = append(out.Comments, stored.told(f.Fingerprint))
			}
		}
		if o.Conclusion == checks.Failure {
			out.Fails, out.Failing = ruled.fails, nil
			for _, f := range ruled.fails {
				if f.Fingerprint != "" {
					out.Failing = append(out.Failing, stored.told(f.Fingerprint))
				}
			}
		}
		if i == len(p.Reviews)-1 {
			out.AtEnd = o.Conclusion == checks.Failure
			if past.facts.Seen != nil { // otherwise which lines were new is not known
				out.Held = ruled.held
			}
		}
		out.Unseen = max(out.Unseen, stored.unseen(pol))
		out.Old = out.Old || past.facts.Seen == nil
		for _, name := range stored.unasked(pol) {
			if !slices.Contains(out.Unasked, name) {
				out.Unasked = append(out.Unasked, name)
			}
		}
	}
	return out, nil
}

// A memory is one review as it can be judged anew.
type memory struct {
	seen seen
	all  []fact          // that are new
	of   map[string]fact // by fingerprint
}

// memory makes the best of what older versions kept: who looked is known by what was found, and
// where what was shown is there was a place for it.
func (f facts) memory() memory {
	m := memory{of: map[string]fact{}}
	if f.Seen != nil {
		m.seen = *f.Seen
	}
	for _, one := range slices.Concat(f.Findings, m.seen.Hidden) {
		if one.State != scanners.New {
			continue
		}
		if f.Seen == nil {
			one.Place = one.Shown
			name, _, _ := strings.Cut(one.Rule, "/")
			m.seen.NoOwners = true
			if !slices.ContainsFunc(m.seen.Scanners, func(s seenScanner) bool { return s.Name == name }) {
				m.seen.Scanners = append(m.seen.Scanners, seenScanner{Name: name, Gate: one.Gate, State: looked})
			}
		}
		m.all = append(m.all, one)
		m.of[one.Fingerprint] = one
	}
	return m
}

// gates are those that a review would have, from the runs that the policy wants.
func (m memory) gates(pol policy.Policy, known []baseline.Known) []checks.Gate {
	var runs []scanners.Run
	for _, s := range m.seen.Scanners {
		if s.State == notAsked || !pol.Wants(s.Name, s.Gate) {
			continue
		}
		run := scanners.Run{Scanner: s.Name, Gate: s.Gate, Idle: s.State == idle}
		switch {
		case s.State == unfinished, s.State == missing && pol.Scanners[s.Name]:
			run.Err = &scanners.IncompleteError{Reason: "It did not finish."}
		case s.State == missing:
			run.Skipped = "It was not there."
		}
		for _, f := range m.all {
			if r := f.result(); r.Scanner == s.Name && !pol.Ignored(r.Path) {
				run.Results = append(run.Results, r)
			}
		}
		runs = append(runs, run)
	}
	list := gates(runs, pol, known, nil)
	for _, g := range list {
		for i := range g.Findings {
			if id := m.of[g.Findings[i].Fingerprint].Decided; id != "" {
				g.Findings[i].Decided = &checks.Decided{ID: id, How: how("")}
			}
		}
	}
	return list
}

func (f fact) result() scanners.Result {
	scanner, rule, _ := strings.Cut(f.Rule, "/")
	return scanners.Result{
		Finding: scanners.Finding{
			Rule: rule, Severity: f.Severity, Path: f.Path, Line: f.Line, EndLine: f.EndLine, Title: f.Title,
			CWE: f.CWE, Package: f.Package, Aliases: f.Aliases, Commit: f.Commit,
		},
		Scanner: scanner, Gate: f.Gate, Fingerprint: f.Fingerprint, State: f.State,
	}
}

func (m memory) told(fingerprint string) Told {
	f := m.of[fingerprint]
	return Told{
		Fingerprint: fingerprint, Rule: f.Rule, Path: f.Path, Line: f.Line, Severity: f.Severity,
		Owners: f.Owners, OwnersKnown: !m.seen.NoOwners,
	}
}

// unasked lists the scanners that the policy would have asked.
func (m memory) unasked(pol policy.Policy) (names []string) {
	for _, s := range m.seen.Scanners {
		if s.State == notAsked && pol.Wants(s.Name, s.Gate) && !m.seen.NotRun {
			names = append(names, s.Name)
		}
	}
	return names
}

// unseen counts the changed files that the policy would not have left alone; of those that are not
// on the list, all.
func (m memory) unseen(pol policy.Policy) int {
	n := 0
	for _, path := range m.seen.Ignored {
		if !pol.Ignored(path) {
			n++
		}
	}
	if n > 0 {
		n += m.seen.IgnoredFiles - len(m.seen.Ignored)
	}
	return n
}
