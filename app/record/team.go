package record

import (
	"cmp"
	"strings"
)

// An Observation counts what happened to the findings and questions of a team. Observations that are equal but for N
// add up, so a team's figures are computed from sums by day and not from its history.
type Observation struct {
	Day   int64  // counted from 1970, UTC; 0 for what is true now
	Key   string // see the constants
	About string // a severity, a rule or a reason class; empty for none
	Value int64
	N     int64 // how often; never 0
}

// Keys of observations. Unless the comment says otherwise, the day is that of the event.
const (
	ObsFeedback = "feedback" // a head got its first result; Value is the seconds since its webhook, see [Coarse]
	ObsMerged   = "merged"   // a shown finding's pull request was merged; Value is 1 if the finding was fixed before
	ObsEscaped  = "escaped"  // a reviewed merge brought a finding that was neither shown nor decided
	ObsOwned    = "owned"    // a finding was shown first; Value is 1 if it has owners. Only for the organisation
	ObsFixed    = "fixed"    // a finding is gone; About is its severity
	ObsAccepted = "accepted" // a finding was accepted; About is its severity then
	ObsRenewals = "renewals" // a finding was accepted; Value is how often it was accepted or deferred before
	ObsReason   = "reason"   // a finding was accepted or deferred; About is the reason class or "none"
	ObsVerdict  = "verdict"  // a shown item got a reaction; About is the rule, and Value is 1 if it was not useful
	ObsFixTime  = "fix_time" // a finding of the default branch is gone; Value is the days that it was there
	ObsAsked    = "asked"    // a question was shown first; Value is 1 if on a plan, a document or a draft
	ObsTopic    = "topic"    // a topic of a component was seen last; Value is 1 if a decision or evidence covers it
	ObsAdvice   = "advice"   // security answered; Value is the seconds since it was asked, see [Coarse]

	ObsOpen    = "open"    // day 0: a finding is on the default branch; Value is the day since when
	ObsCarried = "carried" // day 0: a finding was accepted; About is its severity, Value the last day of the decision
	ObsWaiting = "waiting" // day 0: security has not answered; Value is the Unix time in seconds of the question
)

// Everyone stands for all teams of an organisation together: an item with several owners counts once.
const Everyone = "*"

// NoEnd is the last day of a decision without an end.
const NoEnd = 1 << 40

// Coarse rounds seconds down to what a person would say: whole seconds up to ten minutes, then minutes up to ten hours,
// then hours. So the number of different values stays small.
func Coarse(seconds int64) int64 {
	switch {
	case seconds >= 36_000:
		return seconds / 3600 * 3600
	case seconds >= 600:
		return seconds / 60 * 60
	}
	return max(0, seconds)
}

// Compare orders observations by day, key, subject and value.
func (o Observation) Compare(p Observation) int {
	return cmp.Or(cmp.Compare(o.Day, p.Day), strings.Compare(o.Key, p.Key), strings.Compare(o.About, p.About), cmp.Compare(o.Value, p.Value))
}
