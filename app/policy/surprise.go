package policy

import (
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// Evidence is what is known of a rule and of one finding of it.
type Evidence struct {
	Now      time.Time
	New      bool // in this pull request, in lines that it changes
	Decided  bool // people decided of it
	Complete bool // the scanner finished
	Shown
}

// Shown is what is known of a rule from earlier reviews. The zero value is a rule that was never shown.
type Shown struct {
	// Pulls is in how many pull requests of the organisation the rule was shown, First when it
	// was shown first in this repository; zero for never.
	Pulls int
	First time.Time

	// Here and Everywhere are of the last 90 days, in this repository and in the organisation.
	Here, Everywhere Answers
}

// Answers are how often a rule was shown, and how often it was said to be of no use.
type Answers struct{ Shown, NotUseful int }

// fewAnswers is below how many times shown a share means nothing.
const fewAnswers = 20

// A Verdict is whether a finding may make the check fail by the organisation's word, and why:
// one plain sentence without a full stop.
type Verdict struct {
	Fails   bool
	Yet     bool // it does not, because of the rule alone, and will once what is missing is there
	Because string
	Origin  Origin // of the line that lets it fail
}

// Fails applies the no-surprise rule: an organisation makes a check fail only for a rule that it
// announced, after the days of grace, that was shown as feedback before, that few people found to
// be of no use, and for a finding that is new in the pull request, that nobody decided of, from a
// complete scan. ok is false for a rule that is not enforced at all.
func (p Policy) Fails(scanner, rule string, e Evidence) (v Verdict, ok bool) {
	enforced, ok := p.enforced(scanner, rule)
	if !ok {
		return Verdict{}, false
	}
	v.Origin = p.values[enforced.key.with("rule").id()].Origin
	n := p.Guardrails.NoSurprise
	begins := enforced.Since.AddDate(0, 0, n.GraceDays)
	days := 0
	if !e.First.IsZero() {
		days = int(e.Now.Sub(e.First) / (24 * time.Hour))
	}
	answers, where := e.Here, "here"
	if answers.Shown < fewAnswers {
		answers, where = e.Everywhere, "in the organisation"
	}
	v.Yet = e.New && !e.Decided
	switch {
	case e.Now.Before(begins):
		v.Because = fmt.Sprintf("it fails checks from %s on, %d days after it was announced", begins.Format(time.DateOnly), n.GraceDays)
	case days < n.MinDays && e.Pulls < n.MinPulls:
		v.Because = fmt.Sprintf("it was shown for %d days here and in %d pull requests of the organisation, and %d days or %d pull requests are wanted first", days, e.Pulls, n.MinDays, n.MinPulls)
	case answers.Shown == 0:
		v.Because = "nobody was shown it in the last 90 days, so how useful it is, is not known"
	case float64(answers.NotUseful) > n.MaxNotUseful*float64(answers.Shown):
		v.Because = fmt.Sprintf("people found %d of %d of no use %s, more than %g %%", answers.NotUseful, answers.Shown, where, n.MaxNotUseful*100)
	case !e.New:
		v.Because = "the finding is not new in lines that the pull request changes"
	case e.Decided:
		v.Because = "people decided of the finding"
	case !e.Complete:
		v.Yet, v.Because = false, "the scanner did not finish"
	default:
		v.Fails, v.Yet, v.Because = true, false, fmt.Sprintf("the organisation enforces %s since %s", strictyaml.Quote(enforced.Rule), enforced.Since.Format(time.DateOnly))
	}
	return v, true
}
