package ownership

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

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

	// ReasonClass says that accepting and deferring need a class of the reason, see [Classes].
	ReasonClass bool

	Agents   Agents
	Security []string // "@org/team" and "@person": the security team, which is in no approval path
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

// The people of a quorum. An owner owns the path; if the path has no owner, everybody with write permission is one. A
// lead also maintains or administers the repository. A writer may write to it.
const (
	Lead   = "lead"
	Owner  = "owner"
	Writer = "writer" // only in the pull request of an agent
)

// The roles of those whose advice is recorded. None of them decides by it.
const (
	Champion = "champion"
	Security = "security"
)

// Classes are the classes of reasons of those who accept or defer a finding, as GitLab's policy exceptions have them.
func Classes() []string { return []string{"emergency", "deadline", "technical", "business"} }

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
		Agents:      Agents{People: 1},
	}
}

// A Person is the author of a command.
type Person struct {
	Login  string
	Write  bool // may write to the repository
	Lead   bool // maintains or administers it
	Author bool // of the pull request

	// Contributor is set for a person who pushed a commit to the pull request, or who started the agent that opened it.
	// Where others are needed, they count as its author.
	Contributor bool

	// Owns is set if the person, or a team of theirs, owns the path, or if nobody does.
	Owns    bool
	Unowned bool     // nobody owns the path
	Teams   []string // "@org/team" in lower case: those of the owners that they are a member of

	Champion bool // their advice is recorded; it is no decision
	Security bool // of the security team, which reads of decisions and is not asked
	Agent    bool // not a person

	// Unread are those of the owners, "@org/team", whose members the App may not read: whether the person is a member is
	// not known, and counts as no.
	Unread []string
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
	Class string // one of [Classes]; empty for none
	Agent bool   // no person opened the pull request

	Before int // how often the same finding was accepted before
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
