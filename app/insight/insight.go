// Package insight holds formulas over the record: what it says of a rule, a team, an organisation. It is pure.
package insight

import (
	"time"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
)

// answersAge is how far back the people's opinions of a rule count.
const answersAge = 90 * 24 * time.Hour

// A Window is how far back the record is asked about rules.
type Window struct {
	Since  time.Time // for pull requests, and for when a rule was shown first
	Recent time.Time // for findings and opinions
}

// WindowOf is as far back as one of the policies asks.
func WindowOf(now time.Time, policies ...policy.Policy) Window {
	days := int(answersAge / (24 * time.Hour))
	for _, p := range policies {
		days = max(days, p.Guardrails.NoSurprise.MinDays+1)
	}
	return Window{Since: now.AddDate(0, 0, -days), Recent: now.Add(-answersAge)}
}

// Shown is what the use of a rule says of it in one repository, named by [record.RepoKey].
func Shown(use record.RuleUse, repo string) policy.Shown {
	out := policy.Shown{Pulls: use.Pulls, First: use.Repos[repo].First}
	for name, r := range use.Repos {
		a := policy.Answers{Shown: r.Shown, NotUseful: r.NotUseful}
		out.Everywhere.Shown += a.Shown
		out.Everywhere.NotUseful += a.NotUseful
		if name == repo {
			out.Here = a
		}
	}
	return out
}

// Evidence is what is known of the rules in one repository, read once for each rule. Its form is that of the
// evidence of package judge. It is for one goroutine.
type Evidence struct {
	Repo   string // by [record.RepoKey]
	Window Window

	// Use reads the use of a rule, "scanner/rule", and Names lists, without their scanner, the rules of a
	// scanner that were shown. Both required.
	Use   func(rule string, w Window) (record.RuleUse, error)
	Names func(scanner string, w Window) ([]string, error)

	known map[string]policy.Shown
}

// Of gives what is known of a rule.
func (e *Evidence) Of(scanner, rule string) (policy.Shown, error) {
	id := scanner + "/" + rule
	if shown, ok := e.known[id]; ok {
		return shown, nil
	}
	use, err := e.Use(id, e.Window)
	if err != nil {
		return policy.Shown{}, err
	}
	if e.known == nil {
		e.known = map[string]policy.Shown{}
	}
	e.known[id] = Shown(use, e.Repo)
	return e.known[id], nil
}

// Rules lists the rules of a scanner that were shown.
func (e *Evidence) Rules(scanner string) ([]string, error) { return e.Names(scanner, e.Window) }
