package review

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A fact is what the last review said of one finding.
type fact struct {
	Fingerprint string            `json:"fingerprint"`
	Rule        string            `json:"rule"`
	Gate        scanners.Gate     `json:"gate"`
	Title       string            `json:"title"`
	Severity    scanners.Severity `json:"severity"`
	State       scanners.State    `json:"state"`
	Path        string            `json:"path"`
	Line        int               `json:"line"`
	Shown       bool              `json:"shown"`
	Block       bool              `json:"block"`
	Fixable     bool              `json:"fixable,omitempty"`
	HelpURL     string            `json:"help_url,omitempty"`
	Decided     string            `json:"decided,omitempty"` // "A-…", or the place of a comment in the code
	Why         string            `json:"why,omitempty"`
	Thread      string            `json:"thread,omitempty"` // fingerprint of another finding, in whose thread it is told

	// These are for a rehearsal, and only of new findings.
	EndLine int               `json:"end_line,omitempty"`
	CWE     string            `json:"cwe,omitempty"`
	Package string            `json:"package,omitempty"`
	Aliases []string          `json:"aliases,omitempty"`
	Commit  string            `json:"commit,omitempty"`
	Extents []scanners.Extent `json:"extents,omitempty"`
	Adds    bool              `json:"adds,omitempty"`   // the change adds a line of it
	Place   bool              `json:"place,omitempty"`  // the diff has a place for a comment on it
	Owners  []string          `json:"owners,omitempty"` // by CODEOWNERS at the base
}

// byComment reports whether a comment in the code decided of it, and no person here.
func (f fact) byComment() bool { return strings.Contains(f.Decided, ":") }

func (f fact) id() string { return scanners.ID(f.Fingerprint) }

// facts are those of one review of a pull request.
type facts struct {
	Verdict    checks.Verdict    `json:"verdict"`
	Conclusion checks.Conclusion `json:"conclusion"`
	Findings   []fact            `json:"findings"`

	// Seen is nil in what older versions of this program kept.
	Seen *seen `json:"seen,omitempty"`

	head string
}

// A seen is what it takes beside the findings to judge the change by another policy, without
// looking at it again.
type seen struct {
	Base     string        `json:"base"` // the merge base
	Into     string        `json:"into"` // the branch that it would be merged into; empty in what older versions kept
	Draft    bool          `json:"draft,omitempty"`
	NotRun   bool          `json:"not_run,omitempty"` // there was nothing to look at
	Scanners []seenScanner `json:"scanners"`          // all that the program had, in their order

	// Hidden are new findings that the policy hid altogether, or that another finding tells too.
	Hidden []fact `json:"hidden,omitempty"`

	// Ignored are changed files that the policy left alone, the first of so many.
	Ignored      []string `json:"ignored,omitempty"`
	IgnoredFiles int      `json:"ignored_files,omitempty"`

	NoOwners bool `json:"no_owners,omitempty"` // CODEOWNERS could not be read
}

type seenScanner struct {
	Name  string        `json:"name"`
	Gate  scanners.Gate `json:"gate"`
	State scannerState  `json:"state"`
}

type scannerState string

const (
	looked     scannerState = "looked"
	idle       scannerState = "idle"
	unfinished scannerState = "unfinished"
	missing    scannerState = "missing" // its program is not there
	notAsked   scannerState = "off"
)

// maxIgnored bounds what is kept of a change that the policy leaves alone.
const maxIgnored = 50

// A basis is what a report was made from, as far as the report does not tell.
type basis struct {
	pull   pull.Pull
	infos  []scanners.Info
	adds   func(scanners.Result) bool // nil when the change could not be read
	owners *ownership.Owners          // nil when they could not be read
	owned  map[string][]string        // what they say of a path
	seen   seen

	limited bool // some of the change is over the limits
}

// basis reads who owns what, which decides nothing in a review: where it cannot be read, that is
// kept.
func (r *Reviewer) basis(ctx context.Context, c Change, p pull.Pull, pol policy.Policy, ex Examination) basis {
	b := basis{pull: p, infos: r.infos(), adds: addedBy(ex.Patch), seen: seen{NotRun: ex.NotRun == nothing}, limited: ex.Limited}
	if ex.Diff != nil {
		for _, ch := range ex.Diff.Changes {
			path := ch.NewPath
			if path == "" {
				path = ch.OldPath
			}
			if !pol.Ignored(path) {
				continue
			}
			if b.seen.IgnoredFiles++; b.seen.IgnoredFiles <= maxIgnored {
				b.seen.Ignored = append(b.seen.Ignored, path)
			}
		}
	}
	owners, err := Owners(ctx, c.Repo, p.Base)
	if err != nil {
		zerolog.Ctx(ctx).Warn().Err(err).Msg("who owns what could not be read")
		return b
	}
	b.owners, b.owned = &owners, map[string][]string{}
	return b
}

func (r *Reviewer) infos() (list []scanners.Info) {
	for _, sc := range r.Examiner.Scanners {
		list = append(list, sc.Info())
	}
	return list
}

// summary is what the ledger keeps of a report.
func summary(rep checks.Report, b basis) facts {
	b.seen.Base, b.seen.Into, b.seen.Draft, b.seen.NoOwners = b.pull.MergeBase, b.pull.BaseRef, b.pull.Draft, b.owners == nil
	out := facts{Verdict: rep.Verdict, Conclusion: rep.Check.Conclusion, Seen: &b.seen}
	threads := map[string]string{}
	for _, c := range rep.Comments {
		for _, f := range c.With {
			threads[f] = c.Fingerprint
		}
	}
	told := map[string]bool{}
	for _, f := range rep.Findings() {
		told[f.Fingerprint] = true
		one := b.fact(rep, f)
		one.Thread = threads[f.Fingerprint]
		out.Findings = append(out.Findings, one)
	}
	runs := map[string]scanners.Run{}
	for _, run := range rep.Runs() {
		runs[run.Scanner] = run
		for _, found := range run.Results {
			if found.State == scanners.New && !told[found.Fingerprint] {
				b.seen.Hidden = append(b.seen.Hidden, b.fact(rep, checks.Finding{Result: found}))
			}
		}
	}
	for _, info := range b.infos {
		run, asked := runs[info.Name]
		b.seen.Scanners = append(b.seen.Scanners, seenScanner{Name: info.Name, Gate: info.Gate, State: stateOf(run, asked)})
		delete(runs, info.Name)
	}
	for _, run := range rep.Runs() {
		if _, left := runs[run.Scanner]; left { // it ran elsewhere, see [Reviewer.sent]
			b.seen.Scanners = append(b.seen.Scanners, seenScanner{Name: run.Scanner, Gate: run.Gate, State: stateOf(run, true)})
		}
	}
	return out
}

func stateOf(run scanners.Run, asked bool) scannerState {
	var gone *scanners.MissingError
	switch {
	case !asked:
		return notAsked
	case run.Skipped != "" || errors.As(run.Err, &gone):
		return missing
	case run.Err != nil:
		return unfinished
	case run.Idle:
		return idle
	}
	return looked
}

func (b basis) fact(rep checks.Report, f checks.Finding) fact {
	one := fact{
		Fingerprint: f.Fingerprint, Rule: f.RuleID(), Gate: f.Gate, Title: f.Title, Severity: f.Severity, State: f.State,
		Path: f.Path, Line: f.Line, Shown: f.Comment, Block: f.Block, Fixable: decision.Fixable(f.Finding), HelpURL: f.HelpURL, Why: f.Why,
	}
	if f.Decided != nil {
		one.Decided = cmp.Or(f.Decided.ID, f.Decided.Place())
	}
	if f.State != scanners.New {
		return one
	}
	one.EndLine, one.CWE, one.Package, one.Aliases, one.Commit = f.EndLine, f.CWE, f.Package, f.Aliases, f.Commit
	one.Extents = f.Extents
	one.Adds, one.Place = b.adds != nil && b.adds(f.Result), rep.Carries(f.Result)
	if b.owners != nil {
		owners, known := b.owned[f.Path]
		if !known {
			owners = b.owners.Of(f.Path)
			b.owned[f.Path] = owners
		}
		one.Owners = owners
	}
	return one
}

func (r *Reviewer) facts(ctx context.Context, e queue.Errand) (facts, error) {
	events, err := r.Ledger.Events(ctx, ledger.Filter{RepoID: e.RepoID, Owner: e.Owner, Repo: e.Repo, Number: e.Number, Kind: Finished, Last: true})
	if err != nil || len(events) == 0 {
		return facts{}, err
	}
	return factsOf(events[0])
}

func factsOf(e ledger.Event) (facts, error) {
	var f facts
	if err := json.Unmarshal(e.Data, &f); err != nil {
		return facts{}, fmt.Errorf("read the review of event %d: %w", e.ID, err)
	}
	f.head = e.Head
	return f, nil
}

// told gives the short ids of the findings that a thread tells of, that of its own finding first.
func (f facts) told(thread string) []string {
	ids := []string{scanners.ID(thread)}
	for _, one := range f.Findings {
		if one.Thread == thread && one.State == scanners.New {
			ids = append(ids, one.id())
		}
	}
	return ids
}

// find gives the finding with a short id, where it is new in this pull request.
func (f facts) find(id string) (fact, bool) {
	for _, one := range f.Findings {
		if one.State == scanners.New && one.id() == id {
			return one, true
		}
	}
	return fact{}, false
}

// rely reports whether a decision counts for one of the findings.
func (f facts) rely(decision string) bool {
	return slices.ContainsFunc(f.Findings, func(one fact) bool { return one.Decided == decision })
}

// await reports whether a decision from another pull request may count for one of the findings, of which
// nothing is decided yet. Whether it does is said by [decision.Rule] in the next review.
func (f facts) await(d decision.Decision) bool {
	return slices.ContainsFunc(f.Findings, func(one fact) bool {
		return one.State == scanners.New && one.Decided == "" && one.Rule == d.Rule && one.Fingerprint == d.Fingerprint && one.Path == d.Path
	})
}

func (f facts) open() []fact {
	return slices.DeleteFunc(slices.Clone(f.Findings), func(one fact) bool {
		return one.State != scanners.New || !one.Shown || one.Decided != ""
	})
}
