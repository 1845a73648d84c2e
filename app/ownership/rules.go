package ownership

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners"
)

// Rules define who may decide what. They are the organisation's guardrails; see [Default] for the rules without any.
type Rules struct {
	Default Ceiling
	ByTeam  map[string]Ceiling           // "@org/team" in lower case: for its members, on paths that it owns, in place of the default
	Above   map[scanners.Severity]Quorum // above the ceiling
	Never   []string                     // rules ("scanner/rule", or the second part alone; globs) whose findings must be fixed, or shown to be wrong

	// MaxRenewals is how often the people who may accept a finding can accept it again. After that only those one level
	// above can.
	MaxRenewals int
}

// A Ceiling limits the decisions that somebody with write permission can make alone.
type Ceiling struct {
	MaxSeverity scanners.Severity
	MaxDays     int
	ReasonMin   int // characters
}

// A Quorum defines the people who are needed above the ceiling.
type Quorum struct {
	People       int
	From         string // Lead or Owner
	MaxDays      int
	Distinct     bool // nobody counts twice
	AuthorCounts bool // the author of the pull request may be one of them
}

// The people of a quorum. An owner owns the path by CODEOWNERS; if the path has no owner, everybody with write
// permission is one. A lead also maintains or administers the repository.
const (
	Lead  = "lead"
	Owner = "owner"
)

// Default are the rules without a file of the organisation.
func Default() Rules {
	return Rules{
		Default: Ceiling{MaxSeverity: scanners.Medium, MaxDays: 90, ReasonMin: 30},
		Above: map[scanners.Severity]Quorum{
			scanners.High:     {People: 1, From: Lead, MaxDays: 30, Distinct: true},
			scanners.Critical: {People: 2, From: Owner, MaxDays: 14, Distinct: true},
		},
		Never:       []string{"malicious-package"},
		MaxRenewals: 2,
	}
}

// A Person is the author of a command.
type Person struct {
	Login  string
	Write  bool // may write to the repository
	Lead   bool // maintains or administers it
	Author bool // of the pull request

	// Owns is set if the person, or a team of theirs, owns the path, or if nobody does.
	Owns  bool
	Teams []string // "@org/team" in lower case: those of the owners that they are a member of
}

// A Request is a decision about a finding that somebody wants to make.
type Request struct {
	Rule     string // "scanner/rule"
	Severity scanners.Severity
	Until    time.Time // the last day; zero where the decision has no end
	Reason   string

	// Wrong says that the decision calls the finding wrong, rather than accepting a real problem: any rule allows that.
	Wrong bool
	// Coded says that the reason is one of a list.
	Coded bool

	Before int // how often the same finding was accepted before
}

// A Grant is the answer if the decision is allowed.
type Grant struct {
	Needs   int    // number of further people who have to confirm
	From    string // who they must be
	Twice   bool   // one of them may count more than once
	Author  bool   // the author of the pull request may be one of them
	Counts  bool   // the person who asks counts as one of the people needed
	Ceiling scanners.Severity
}

// A Refusal is the answer if it is not: one plain sentence that says what would be allowed.
type Refusal struct{ Problem string }

func (r *Refusal) Error() string { return r.Problem }

// Weigh decides about a request of a person. The error is a [*Refusal].
func (r Rules) Weigh(w Request, p Person, today time.Time) (Grant, error) {
	g, days, err := r.terms(w, p)
	if err != nil {
		return Grant{}, err
	}
	if n, least := utf8.RuneCountInString(w.Reason), r.ceiling(p).ReasonMin; n < least && !w.Coded {
		what := "why the risk is acceptable here"
		if w.Wrong {
			what = "why this is no problem here"
		}
		return Grant{}, &Refusal{Problem: fmt.Sprintf("The reason has %s, and at least %d are required: explain %s.", plural(n, "character"), least, what)}
	}
	if latest := last(today, days); w.Until.After(latest) {
		return Grant{}, &Refusal{Problem: fmt.Sprintf("A %s finding is accepted for at most %s, until %s.", w.Severity, plural(days, "day"), latest.Format(time.DateOnly))}
	}
	return g, nil
}

// terms returns what a person may ask for, and for how many days. The error is a [*Refusal].
func (r Rules) terms(w Request, p Person) (g Grant, days int, err error) {
	if !p.Write {
		return Grant{}, 0, &Refusal{Problem: "Only people who may write to this repository decide that."}
	}
	if !w.Wrong && r.never(w.Rule) {
		return Grant{}, 0, &Refusal{Problem: "Findings of this rule cannot be accepted: fix the finding, or report a false positive with fp."}
	}
	c := r.ceiling(p)
	g.Ceiling = c.MaxSeverity
	days, level := c.MaxDays, w.Severity
	raised := !w.Wrong && w.Before > r.MaxRenewals
	if raised {
		level = max(w.Severity, c.MaxSeverity) + 1
	}
	if level > c.MaxSeverity {
		q, ok := r.Above[level]
		if !ok {
			q = Quorum{People: 1, From: Lead, MaxDays: c.MaxDays, Distinct: true}
		}
		days = min(days, q.MaxDays)
		g.Needs, g.From, g.Twice, g.Author = q.People, q.From, !q.Distinct, q.AuthorCounts
		if g.Counts = r.May(p, q.From, q.AuthorCounts); g.Counts {
			g.Needs--
		}
	}
	if raised && (level > scanners.Critical || !g.Counts) {
		return Grant{}, 0, r.renewalRefused(w, level, g.From)
	}
	return g, days, nil
}

// WeighComment says why a comment in the code does not accept a finding; nil if it does. Nobody confirms a comment, so
// it can accept as much as one person can alone. Later it is not known who merged it: it counts as a decision of the
// owners of the file, who let it in.
func (r Rules) WeighComment(w Request, owners []string, today time.Time) error {
	g, err := r.Weigh(w, Person{Write: true, Teams: owners}, today)
	if err == nil && g.Needs > 0 {
		err = &Refusal{Problem: fmt.Sprintf("A comment in the code accepts findings of at most %s severity, and this one is %s: other people have to confirm it, so accept it by a command in the pull request that brings it.", g.Ceiling, w.Severity)}
	}
	return err
}

// renewalRefused refuses a finding that was accepted too often.
func (r Rules) renewalRefused(w Request, level scanners.Severity, from string) error {
	how := "Fix it or narrow it"
	if level <= scanners.Critical {
		who := "owns the file"
		if from == Lead {
			who += " or maintains the repository"
		}
		how += fmt.Sprintf(", or ask somebody who %s to accept it, as for a %s finding", who, level)
	}
	return &Refusal{Problem: fmt.Sprintf("This finding was accepted before (%d), and at most %s allowed. %s.", w.Before, map[bool]string{true: "1 renewal is", false: fmt.Sprintf("%d renewals are", r.MaxRenewals)}[r.MaxRenewals == 1], how)}
}

// May reports whether a person is one of those who are needed above the ceiling. author says whether the author of the
// pull request may be one.
func (r Rules) May(p Person, from string, author bool) bool {
	return p.Write && (author || !p.Author) && (p.Owns || from == Lead && p.Lead)
}

// ceiling returns the ceiling of the person's teams, even if it is lower than the default, which is for people whose
// teams have none. Of several it returns the one with the highest severity, then the longest.
func (r Rules) ceiling(p Person) Ceiling {
	if team := r.CeilingTeam(p); team != "" {
		return r.ByTeam[team]
	}
	return r.Default
}

// CeilingTeam returns the team whose ceiling counts for the person, as a key of ByTeam; empty for the default.
func (r Rules) CeilingTeam(p Person) string {
	var theirs []string
	for _, team := range p.Teams {
		if _, ok := r.ByTeam[strings.ToLower(team)]; ok {
			theirs = append(theirs, strings.ToLower(team))
		}
	}
	if len(theirs) == 0 {
		return ""
	}
	return slices.MaxFunc(theirs, func(x, y string) int {
		a, b := r.ByTeam[x], r.ByTeam[y]
		return cmp.Or(cmp.Compare(a.MaxSeverity, b.MaxSeverity), cmp.Compare(a.MaxDays, b.MaxDays), cmp.Compare(b.ReasonMin, a.ReasonMin))
	})
}

func (r Rules) never(rule string) bool {
	_, name, _ := strings.Cut(rule, "/")
	return slices.ContainsFunc(r.Never, func(pattern string) bool {
		return doublestar.MatchUnvalidated(pattern, rule) || doublestar.MatchUnvalidated(pattern, name)
	})
}

// plural returns a number with its noun: "1 day", "2 days".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
