package record

import (
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
)

// States of a [RuleState] and of a [RuleChange].
const (
	NoiseShown    = ""         // the policy alone decides
	NoiseObserved = "observed" // counted and named in the check, without comments
	NoiseSilent   = "silent"   // only counted
)

// Reasons why a new finding is quieter than the policy says, see [Finding.Quiet].
const (
	QuietNoise   = "noise"   // its rule is noisy in this repository
	QuietUpgrade = "upgrade" // an earlier version of the scanner did not report it in the same file
)

// A RuleState is the noise meter's state of a rule in one repository. The zero value, apart from the rule, is that of a
// rule that was never demoted.
type RuleState struct {
	Rule        string // "scanner/rule"
	RepoID      int64  // 0 if only the name is known
	Owner, Repo string // its current name, in lower case

	State string    // [NoiseShown], [NoiseObserved] or [NoiseSilent]
	Since time.Time // when it was demoted or restored last; zero for never
	From  time.Time // verdicts before it do not count any more; zero for none

	Times   int    // how often the scanner's version was demoted; a new version begins at 0
	Version string // of the scanner at the last change; empty if it is not known
	Why     string // one plain sentence

	// Verdicts are those that led to the last change. Lists of the states of all rules have the current ones.
	Verdicts Verdicts
}

// Verdicts count what people and merges said about the shown findings of a rule. Each finding counts once.
type Verdicts struct {
	All       int
	NotUseful int
	People    int // who said that it is not useful
	Pulls     int // pull requests in which they said so
}

// After returns the state after an event of the kind [RuleDemoted] or [RuleRestored].
func (s RuleState) After(kind string, c RuleChange, at time.Time) RuleState {
	if c.Version != "" && c.Version != s.Version {
		s.Version, s.Times = c.Version, 0
	}
	switch {
	case kind == RuleRestored:
		s.State, s.Since, s.From = NoiseShown, at, at.Add(time.Millisecond) // a verdict of the same moment is an old one
	case s.State == NoiseShown:
		s.State, s.Since = c.State, at
		s.Times++
	default:
		s.State = c.State
	}
	s.Why = c.Why
	s.Verdicts = Verdicts{All: c.Verdicts, NotUseful: c.NotUseful, People: c.People, Pulls: c.Pulls}
	return s
}

// A Verdict is what one event says about a finding.
type Verdict struct {
	Rule, Fingerprint string
	NotUseful         bool
	Who               string // in lower case; empty for a merge
}

// Verdict returns the opinion as a verdict; ok is false if it has no weight. Unlike [Opinion.Counts], the author of the
// pull request has a voice: the meter asks the people who have to read the findings, and no verdict changes what their
// own pull request shows.
func (o Opinion) Verdict() (v Verdict, ok bool) {
	return Verdict{Rule: o.Rule, Fingerprint: o.Fingerprint, NotUseful: true, Who: strings.ToLower(o.Who)}, o.Write && o.Who != ""
}

// DecisionVerdict returns what a decision in force says: a false positive is not useful; who accepts or defers a
// finding, or states that it does not affect the product, has used it.
func DecisionVerdict(d decision.Decision) Verdict {
	return Verdict{Rule: d.Rule, Fingerprint: d.Fingerprint, NotUseful: d.Verb == "fp", Who: strings.ToLower(d.Asked)}
}

// A RuleNoise is how noisy a rule was in the repositories of an organisation.
type RuleNoise struct {
	Rule     string // "scanner/rule"
	Repos    int    // with a verdict
	Verdicts Verdicts
}
