// Package insight computes statistics about rules from the record. It is pure.
package insight

import (
	"time"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
)

// answersAge is how far back people's opinions about a rule count.
const answersAge = 90 * 24 * time.Hour

// A Window is how far back to read the record of rules.
type Window struct {
	Since  time.Time // for pull requests, and for the first time a rule was shown
	Recent time.Time // for findings and opinions
}

// WindowOf returns the longest window that one of the policies needs.
func WindowOf(now time.Time, policies ...policy.Policy) Window {
	days := int(answersAge / (24 * time.Hour))
	for _, p := range policies {
		days = max(days, p.Guardrails.NoSurprise.MinDays+1)
	}
	return Window{Since: now.AddDate(0, 0, -days), Recent: now.Add(-answersAge)}
}

// Shown converts the use of a rule to the statistics for one repository, given by its [record.RepoKey].
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

// Evidence provides the statistics of rules in one repository, and reads each rule once. It implements the
// evidence of package judge. It must not be used by several goroutines at once.
type Evidence struct {
	Repo   string // its [record.RepoKey]
	Window Window

	// Use reads the use of a rule, "scanner/rule". Names lists the rules of a scanner that were shown, without
	// the scanner's name. Both are required.
	Use   func(rule string, w Window) (record.RuleUse, error)
	Names func(scanner string, w Window) ([]string, error)

	known map[string]policy.Shown
}

// Of returns the statistics of a rule.
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
