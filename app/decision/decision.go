// Package decision holds people's decisions about findings, and decides whether a decision still covers a finding. It
// is pure.
//
// A decision is the sum of its steps: it is made, confirmed by others if it needs them, and ended. It covers a finding
// for as long as its facts hold: until its last day, and until the finding becomes worse or a fix appears.
package decision

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Decision is a decision of people about one finding. It is the sum of its [Step]s.
type Decision struct {
	ID          string            `json:"id"`   // "A-" and eight base-32 characters
	Verb        string            `json:"verb"` // accept, fp, not-affected or defer
	Fingerprint string            `json:"fingerprint"`
	Rule        string            `json:"rule"` // "scanner/rule"
	Path        string            `json:"path"`
	Number      int               `json:"number"`            // of the pull request in which it was decided
	Severity    scanners.Severity `json:"severity"`          // at that time
	Fixable     bool              `json:"fixable,omitempty"` // a fix was known at that time
	Extents     []scanners.Extent `json:"extents,omitempty"` // extents of the finding at that time; older decisions do not have them

	Reason string    `json:"reason,omitempty"`
	Ticket string    `json:"ticket,omitempty"`
	Code   string    `json:"code,omitempty"`
	Class  string    `json:"class,omitempty"` // the reason class of accept and defer; empty if none was given
	Until  time.Time `json:"until,omitzero"`  // the last day; zero for no end

	Asked   string   `json:"asked"`             // who asked for it
	By      []string `json:"by,omitempty"`      // the people who count towards the number needed
	Needs   int      `json:"needs,omitempty"`   // how many more must confirm before it counts
	From    string   `json:"from,omitempty"`    // who they must be, see package ownership
	Twice   bool     `json:"twice,omitempty"`   // one person may count more than once
	Author  bool     `json:"author,omitempty"`  // the author of the pull request may be one of them
	Ceiling string   `json:"ceiling,omitempty"` // the severity up to which Asked decides alone
	Policy  string   `json:"policy,omitempty"`  // the commit whose rules allowed it

	At      time.Time `json:"-"`
	Ended   string    `json:"-"` // why it no longer counts; empty while it does
	EndedAt time.Time `json:"-"`
}

// A Step is one event in the life of a decision, as the ledger keeps it.
type Step struct {
	Kind     StepKind
	At       time.Time
	Decision Decision // of Made alone
	ID       string   // of the others: of which decision
	Who      string   // who did it
	Why      string   // of Ended
}

// A StepKind is the kind of a [Step]; the words are those of the ledger.
type StepKind string

// The steps.
const (
	Made      StepKind = "decision.made"
	Confirmed StepKind = "decision.confirmed"
	Ended     StepKind = "decision.ended"
)

// ID derives the id of a decision from the comment that made it, so that a comment which is read twice makes no second
// decision.
func ID(repo string, comment int64, line int, fingerprint string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d\x00%s", strings.ToLower(repo), comment, line, fingerprint))
	return "A-" + base32.StdEncoding.EncodeToString(sum[:5])
}

// Fold returns the decisions that the steps make, the oldest first. It ignores steps that make no sense: of a decision
// that was never made, a second time, or by the same person again.
func Fold(steps []Step) []Decision {
	var list []Decision
	at := map[string]int{}
	for _, s := range steps {
		i, known := at[s.Of()]
		var before *Decision
		if known {
			before = &list[i]
		}
		switch after, ok := Take(before, s); {
		case ok && known:
			list[i] = after
		case ok:
			at[after.ID] = len(list)
			list = append(list, after)
		}
	}
	return list
}

// Of returns the id of the decision that a step is about.
func (s Step) Of() string {
	if s.Kind == Made {
		return s.Decision.ID
	}
	return s.ID
}

// Take returns a decision after a step; before is nil for a decision that was not made yet. ok is false for a step that
// is ignored, see [Fold].
func Take(before *Decision, s Step) (after Decision, ok bool) {
	if before == nil {
		after = s.Decision
		after.At, after.By = s.At, slices.Clone(after.By)
		return after, s.Kind == Made
	}
	after = *before
	if s.Kind == Made || after.Ended != "" {
		return after, false
	}
	switch s.Kind {
	case Confirmed:
		if after.Needs == 0 || !after.Twice && slices.ContainsFunc(after.By, func(by string) bool { return strings.EqualFold(by, s.Who) }) {
			return after, false
		}
		after.By = append(slices.Clone(after.By), s.Who)
		after.Needs--
	case Ended:
		after.Ended, after.EndedAt = cmp.Or(s.Why, "it was revoked"), s.At
	}
	return after, true
}

// Before counts how often the finding of a decision was accepted or deferred earlier, in this pull request or in the
// same file in another. A decision that was revoked or replaced within a day does not count: somebody corrected it.
func (d Decision) Before(list []Decision) (n int) {
	for _, old := range list {
		same := old.Rule == d.Rule && old.Fingerprint == d.Fingerprint && (old.Number == d.Number || old.Path == d.Path)
		corrected := old.Ended != "" && old.EndedAt.Sub(old.At) < 24*time.Hour
		if same && !corrected && old.Needs == 0 && (old.Verb == "accept" || old.Verb == "defer") {
			n++
		}
	}
	return n
}

// Pending reports whether others have to confirm the decision before it counts.
func (d Decision) Pending() bool { return d.Needs > 0 && d.Ended == "" }

// expired reports whether the last day is over.
func (d Decision) expired(now time.Time) bool {
	return !d.Until.IsZero() && !now.Before(d.Until.AddDate(0, 0, 1))
}

// Lapse says why a decision does not, or no longer, cover a finding that it was made for; it returns "" if the decision
// covers it. A decision lasts as long as its facts.
func (d Decision) Lapse(r scanners.Result, now time.Time) string {
	switch {
	case d.Ended != "":
		return d.Ended
	case d.Needs > 0:
		return fmt.Sprintf("%d more must confirm it", d.Needs)
	case d.expired(now):
		return "it ended on " + d.Until.Format(time.DateOnly)
	case d.Verb != "fp" && r.Severity > d.Severity:
		return fmt.Sprintf("the severity rose from %s to %s", d.Severity, r.Severity)
	case len(d.Extents) > 0 && !scanners.Covers(d.Extents, r.Extents):
		return "the finding is worse now than it was then"
	case (d.Verb == "accept" || d.Verb == "defer") && !d.Fixable && Fixable(r.Finding):
		return "a fix has appeared"
	}
	return ""
}

// Outcome describes, for users, the effect of a verb on a finding.
func Outcome(verb string) string {
	switch verb {
	case "fp":
		return "marked as a false positive"
	case "not-affected":
		return "not affected"
	case "defer":
		return "deferred"
	}
	return "accepted"
}

// Fixable reports whether a scanner has a fix for the finding.
func Fixable(f scanners.Finding) bool { return len(f.Fixes) > 0 }

// A Ruling is the decision about one finding.
type Ruling struct {
	Decision Decision
	Lapse    string // why the decision does not count; empty when it does
}

// Scope defines whose decisions count in full.
type Scope struct {
	Pulls map[int]bool // the pull requests in which they were made: this one, or all that are open

	// Group is set for a merge group, which holds several pull requests whose equal findings are counted again: each
	// decision then covers one copy, in its own file first.
	Group bool
}

// Rule returns the decision about each of the new findings, by fingerprint. results are all results of a change, in any
// state.
//
// A decision that was made in another pull request counts for the same finding in the same file, as when a branch is
// proposed again. It does not count if the base holds a copy already: then the decision was about that copy, and this
// is another.
//
// Of several decisions Rule returns the newest that counts, else the newest.
func Rule(results []scanners.Result, decisions []Decision, scope Scope, now time.Time) map[string]Ruling {
	inBase := map[string]bool{}
	var fresh []scanners.Result
	for _, r := range results {
		if r.State != scanners.New || r.Worse {
			inBase[Content(r.Fingerprint)] = true
		}
		if r.State == scanners.New {
			fresh = append(fresh, r)
		}
	}
	newest := slices.Clone(decisions)
	slices.SortStableFunc(newest, func(a, b Decision) int { return b.At.Compare(a.At) })
	m := matcher{scope: scope, now: now, about: map[string][]Decision{}, spent: map[string]bool{}, rulings: map[string]Ruling{}}
	for _, d := range newest {
		m.about[Content(d.Fingerprint)] = append(m.about[Content(d.Fingerprint)], d)
	}
	here := func(d Decision) bool { return scope.Pulls[d.Number] }
	m.match(fresh, func(r scanners.Result, d Decision) bool { return here(d) && (!scope.Group || r.Path == d.Path) })
	m.match(fresh, func(r scanners.Result, d Decision) bool { return here(d) })
	m.match(fresh, func(r scanners.Result, d Decision) bool { return r.Path == d.Path && !inBase[Content(r.Fingerprint)] })
	return m.rulings
}

// matcher pairs findings with decisions.
type matcher struct {
	scope   Scope
	now     time.Time
	about   map[string][]Decision // by the text of their finding, the newest first: no other can match
	spent   map[string]bool       // decisions that count for a finding, in a merge group for one only
	rulings map[string]Ruling
}

// match gives each finding the first decision about it that may be taken, unless it has one that counts.
func (m *matcher) match(results []scanners.Result, may func(scanners.Result, Decision) bool) {
	for _, r := range results {
		for _, d := range m.about[Content(r.Fingerprint)] {
			if d.Rule != r.RuleID() || m.scope.Group && m.spent[d.ID] || !m.same(r, d) || !may(r, d) {
				continue
			}
			lapse := d.Lapse(r, m.now)
			if have, ok := m.rulings[r.Fingerprint]; ok && (have.Lapse == "" || lapse != "") {
				continue
			}
			m.spent[d.ID] = lapse == ""
			m.rulings[r.Fingerprint] = Ruling{d, lapse}
		}
	}
}

// same reports whether a decision is about a finding. In a merge group the occurrences of one text are not
// counted as in the pull request.
func (m *matcher) same(r scanners.Result, d Decision) bool {
	return m.scope.Group || r.Fingerprint == d.Fingerprint
}

// Content returns a fingerprint without its ordinal. All findings of the same text share it.
func Content(fingerprint string) string {
	key, _, _ := strings.Cut(fingerprint, ":")
	return key
}
