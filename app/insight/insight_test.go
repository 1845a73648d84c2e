package insight_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
)

var now = time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)

// minDays is the policy of an organisation that wants a rule shown for so many days first.
func minDays(t *testing.T, days int) policy.Policy {
	t.Helper()
	layer, err := policy.Parse("org.yml", fmt.Appendf(nil, "version: 1\nguardrails: {no_surprise: {min_days: %d}}\n", days))
	if err != nil {
		t.Fatal(err)
	}
	return policy.Merge(layer, policy.Layer{})
}

// TestTheWindowIsAsLongAsThePoliciesAsk: a rule that was shown first on the day the policy asks for is still seen, and
// opinions count for 90 days by every policy.
func TestTheWindowIsAsLongAsThePoliciesAsk(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		policies []policy.Policy
		days     int
	}{
		"no policy":                   {nil, 90},
		"the default":                 {[]policy.Policy{policy.Default()}, 90},
		"fewer days":                  {[]policy.Policy{minDays(t, 5)}, 90},
		"one day less":                {[]policy.Policy{minDays(t, 89)}, 90},
		"as many":                     {[]policy.Policy{minDays(t, 90)}, 91},
		"more days":                   {[]policy.Policy{minDays(t, 200)}, 201},
		"the longest of several":      {[]policy.Policy{minDays(t, 100), minDays(t, 200), minDays(t, 150)}, 201},
		"the longest of them is last": {[]policy.Policy{minDays(t, 100), minDays(t, 200)}, 201},
	} {
		w := insight.WindowOf(now, tt.policies...)
		if want := now.Add(-time.Duration(tt.days) * 24 * time.Hour); !w.Since.Equal(want) {
			t.Errorf("%s: since %s, want %s", name, w.Since, want)
		}
		if want := now.Add(-90 * 24 * time.Hour); !w.Recent.Equal(want) {
			t.Errorf("%s: recent since %s, want %s", name, w.Recent, want)
		}
	}
}

// TestWhatIsShownHereIsPartOfEverywhere counts what one repository has, and what all of them have.
func TestWhatIsShownHereIsPartOfEverywhere(t *testing.T) {
	t.Parallel()
	first, earlier := now.AddDate(0, 0, -40), now.AddDate(0, 0, -80)
	use := record.RuleUse{Pulls: 12, Repos: map[string]record.RepoUse{
		"7":         {First: first, Shown: 20, NotUseful: 3},
		"8":         {First: earlier, Shown: 100, NotUseful: 40},
		"acme/shop": {First: earlier, Shown: 5},
	}}
	for name, tt := range map[string]struct {
		repo string
		want policy.Shown
	}{
		"one of the repositories": {"7", policy.Shown{
			Pulls: 12, First: first, Here: policy.Answers{Shown: 20, NotUseful: 3}, Everywhere: policy.Answers{Shown: 125, NotUseful: 43},
		}},
		"one known by its name": {"acme/shop", policy.Shown{
			Pulls: 12, First: earlier, Here: policy.Answers{Shown: 5}, Everywhere: policy.Answers{Shown: 125, NotUseful: 43},
		}},
		"one where the rule was never shown": {"9", policy.Shown{Pulls: 12, Everywhere: policy.Answers{Shown: 125, NotUseful: 43}}},
	} {
		if got := insight.Shown(use, tt.repo); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	if got := insight.Shown(record.RuleUse{}, "7"); got != (policy.Shown{}) {
		t.Errorf("a rule that was never shown: %+v", got)
	}
}

// TestEachRuleIsReadOnce: many findings of one rule ask the record once, with its full name and for the window.
func TestEachRuleIsReadOnce(t *testing.T) {
	t.Parallel()
	var asked []string
	window := insight.WindowOf(now)
	e := insight.Evidence{Repo: "7", Window: window, Use: func(rule string, w insight.Window) (record.RuleUse, error) {
		if w != window {
			t.Errorf("%s is read for %+v", rule, w)
		}
		asked = append(asked, rule)
		pulls := map[string]int{"gosec/G404": 4, "gosec/G101": 1, "semgrep/G404": 2}[rule]
		return record.RuleUse{Pulls: pulls, Repos: map[string]record.RepoUse{"7": {Shown: pulls}}}, nil
	}}
	for _, tt := range []struct {
		scanner, rule string
		want          int
	}{{"gosec", "G404", 4}, {"gosec", "G101", 1}, {"gosec", "G404", 4}, {"semgrep", "G404", 2}, {"gosec", "G101", 1}, {"gosec", "G404", 4}} {
		got, err := e.Of(tt.scanner, tt.rule)
		if err != nil || got.Pulls != tt.want || got.Here.Shown != tt.want {
			t.Errorf("%s/%s: %+v, %v, want %d", tt.scanner, tt.rule, got, err, tt.want)
		}
	}
	if want := []string{"gosec/G404", "gosec/G101", "semgrep/G404"}; !slices.Equal(asked, want) {
		t.Errorf("the record is asked for %q, want %q", asked, want)
	}
}

// TestARecordThatCannotBeReadIsNoEvidence: the error goes to the caller, and is not remembered as a rule without use.
func TestARecordThatCannotBeReadIsNoEvidence(t *testing.T) {
	t.Parallel()
	away := errors.New("the database is away")
	e := insight.Evidence{
		Use:   func(string, insight.Window) (record.RuleUse, error) { return record.RuleUse{Pulls: 3}, away },
		Names: func(string, insight.Window) ([]string, error) { return nil, away },
	}
	for range 2 {
		if got, err := e.Of("gosec", "G404"); !errors.Is(err, away) || got != (policy.Shown{}) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if _, err := e.Rules("gosec"); !errors.Is(err, away) {
		t.Errorf("the rules: %v", err)
	}
	e.Use = func(string, insight.Window) (record.RuleUse, error) { return record.RuleUse{Pulls: 3}, nil }
	if got, err := e.Of("gosec", "G404"); err != nil || got.Pulls != 3 {
		t.Errorf("once it is back: %+v, %v", got, err)
	}
}

func TestTheRulesOfAScannerAreThoseInTheWindow(t *testing.T) {
	t.Parallel()
	window := insight.WindowOf(now)
	e := insight.Evidence{Window: window, Names: func(scanner string, w insight.Window) ([]string, error) {
		if scanner != "gosec" || w != window {
			t.Errorf("asked for %s, %+v", scanner, w)
		}
		return []string{"G101", "G404"}, nil
	}}
	if got, err := e.Rules("gosec"); err != nil || !slices.Equal(got, []string{"G101", "G404"}) {
		t.Errorf("%q, %v", got, err)
	}
}
