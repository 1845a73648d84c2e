package policy

import (
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// Evidence holds the facts about a rule and about one of its findings.
type Evidence struct {
	Now      time.Time
	New      bool // in this pull request, in lines that it changes
	Decided  bool // somebody decided about it
	Complete bool // the scanner finished
	Shown
}

// Shown holds the facts about a rule from earlier reviews. The zero value is a rule that was never shown.
type Shown struct {
	// Pulls is the number of pull requests of the organisation in which the rule was shown. First is when it was first
	// shown in this repository; zero for never.
	Pulls int
	First time.Time

	// Here and Everywhere count the last 90 days, in this repository and in the organisation.
	Here, Everywhere Answers
}

// Answers count how often a rule was shown, and how often people said that it was not useful.
type Answers struct{ Shown, NotUseful int }

// fewAnswers is the number of answers below which a share means nothing.
const fewAnswers = 20

// A Verdict says whether a finding may make the check fail because the organisation enforces its rule, and why: one
// plain sentence without a full stop.
type Verdict struct {
	Fails   bool
	Yet     bool // only the rule's history prevents it so far, and it will fail once that suffices
	Because string
	Origin  Origin // of the line that lets it fail
}

// Fails applies the no-surprise rule: an organisation makes a check fail only for a rule that it announced, after the
// days of grace, that was shown as feedback before, and that few people found not useful; and only for a finding that
// is new in the pull request, that nobody decided about, from a complete scan. ok is false for a rule that is not
// enforced at all.
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
		v.Because = fmt.Sprintf("it fails checks from %s on, %s after it was announced", begins.Format(time.DateOnly), count(n.GraceDays, "day"))
	case days < n.MinDays && e.Pulls < n.MinPulls:
		v.Because = fmt.Sprintf("it was shown for %s here and in %s of the organisation, and %s or %s are required first", count(days, "day"), count(e.Pulls, "pull request"), count(n.MinDays, "day"), count(n.MinPulls, "pull request"))
	case answers.Shown == 0:
		v.Because = "it was not shown to anybody in the last 90 days, so nobody can say how useful it is"
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

// count returns a number with its noun: "1 day", "2 days".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
