package insight

import (
	"fmt"
	"math"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// The noise meter measures the effective false-positive rate of a rule in a repository. An effective false positive is
// any report that a developer did not want to see, whether or not the tool is right (Sadowski, Aftandilian, Eagle,
// Miller-Cushon, Jaspan: Lessons from Building Static Analysis Tools at Google, CACM 61(4), 2018, after Tricorder, ICSE
// 2015). There, too, an analysis whose rate stays above 10 % is switched off.
//
// The rate is
//
//	not useful ÷ (not useful + fixed + accepted or deferred + answered)
//
// over the findings that were shown, each with one verdict: the latest of people, or else that it was fixed before the
// merge. Not useful are findings that a person with write access called so, and false positives that are in force.
const (
	// Below so many verdicts, and from fewer people, a rate says nothing.
	noiseVerdicts = 20
	noisePeople   = 2

	noiseLine   = 0.10 // a rule is demoted if all of the interval is above it
	noiseStop   = 0.25 // such a rule is silent from this rate on
	noiseBackAt = 0.05 // a demoted rule is shown again below this rate

	// NoiseWindow is for how long verdicts count. While a rule is demoted, those that demoted it do not age.
	NoiseWindow = 90 * 24 * time.Hour

	// noiseRest is for how long a rule is demoted the first time. Nobody sees it meanwhile, so nobody can say that it is
	// better: it is tried again. Each further time lasts twice as long, until the scanner has another version.
	noiseRest = 90 * 24 * time.Hour
	restsMost = 6 // doublings
)

// z is the quantile of the standard normal distribution for an interval of 90 % on two sides.
const z = 1.6448536269514722

// Wilson returns the bounds of the Wilson score interval of 90 % for a share of n (E. B. Wilson, JASA 22, 1927). For no
// observations it is from 0 to 1.
func Wilson(k, n int) (low, high float64) { return wilson(k, n, z) }

func wilson(k, n int, z float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	share, size := float64(k)/float64(n), float64(n)
	middle := (share + z*z/(2*size)) / (1 + z*z/size)
	half := z * math.Sqrt(share*(1-share)/size+z*z/(4*size*size)) / (1 + z*z/size)
	return max(0, middle-half), min(1, middle+half)
}

// NoiseRate returns the effective false-positive rate; 0 without verdicts.
func NoiseRate(v record.Verdicts) float64 {
	if v.All == 0 {
		return 0
	}
	return float64(v.NotUseful) / float64(v.All)
}

// NoiseSince returns the time from which on the verdicts about a rule count.
func NoiseSince(s record.RuleState, now time.Time) time.Time {
	if s.State != record.NoiseShown {
		now = s.Since
	}
	if since := now.Add(-NoiseWindow); since.After(s.From) {
		return since
	}
	return s.From
}

// NoiseRetry returns when a demoted rule is tried again.
func NoiseRetry(s record.RuleState) time.Time {
	return s.Since.Add(noiseRest << min(max(s.Times-1, 0), restsMost))
}

// MeasureRule decides whether the state of a rule changes: kind is [record.RuleDemoted], [record.RuleRestored], or empty
// for no change. version is that of the scanner now, or empty if it is not known. count counts the verdicts on that
// version since a time; it is called at most once, and its error is returned.
//
// A rule is demoted by at least 20 verdicts, the not useful ones by at least two people, if the lower bound of the
// interval is above 10 %. From a rate of 25 % on it is silent, but one pull request alone silences none. It is shown
// again when the scanner has another version, when the rate falls below 5 % because people changed their minds, and
// after its rest. Then its former verdicts do not count any more, so that each further demotion takes 20 new ones.
func MeasureRule(s record.RuleState, version string, now time.Time, count func(since time.Time) (record.Verdicts, error)) (c record.RuleChange, kind string, err error) {
	c = record.RuleChange{Rule: s.Rule, Version: version}
	demoted := s.State != record.NoiseShown
	switch retry := NoiseRetry(s); {
	case !demoted:
	case version != "" && s.Version != "" && version != s.Version:
		c.Why = fmt.Sprintf("The scanner has another version, %s instead of %s, so the rule is tried again.", version, s.Version)
		return c, record.RuleRestored, nil
	case !now.Before(retry):
		c.Why = fmt.Sprintf("It was quiet for %d days, so it is tried again.", int(retry.Sub(s.Since).Hours()/24))
		return c, record.RuleRestored, nil
	}
	v, err := count(NoiseSince(s, now))
	if err != nil {
		return c, "", err
	}
	c.Verdicts, c.NotUseful, c.People, c.Pulls = v.All, v.NotUseful, v.People, v.Pulls
	c.Why = fmt.Sprintf("%d of %d verdicts were that it is not useful.", v.NotUseful, v.All)
	switch c.State = noiseState(v); {
	case demoted && NoiseRate(v) < noiseBackAt:
		c.State = record.NoiseShown
		return c, record.RuleRestored, nil
	case c.State == record.NoiseShown, c.State == s.State, s.State == record.NoiseSilent:
		return c, "", nil
	}
	return c, record.RuleDemoted, nil
}

// noiseState returns the state that verdicts suffice for.
func noiseState(v record.Verdicts) string {
	low, _ := Wilson(v.NotUseful, v.All)
	switch {
	case v.All < noiseVerdicts || v.People < noisePeople || low <= noiseLine:
		return record.NoiseShown
	case NoiseRate(v) >= noiseStop && v.Pulls > 1:
		return record.NoiseSilent
	}
	return record.NoiseObserved
}

// NoiseText says since when a rule is quiet, and why: plain sentences for people.
func NoiseText(s record.RuleState) string {
	return fmt.Sprintf("%s is quiet in this repository since %s: %s", s.Rule, s.Since.Format(time.DateOnly), s.Why)
}
