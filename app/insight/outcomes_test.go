package insight_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/record"
)

var update = flag.Bool("update", false, "write the golden files of this package")

// observations of a team with something for each figure.
func observations() []record.Observation {
	today := now.Unix() / 86400
	return []record.Observation{
		{Day: today - 3, Key: record.ObsFeedback, Value: 42, N: 30},
		{Day: today - 2, Key: record.ObsFeedback, Value: 660, N: 3},
		{Day: today - 2, Key: record.ObsMerged, Value: 1, N: 13},
		{Day: today - 1, Key: record.ObsMerged, Value: 0, N: 7},
		{Day: today - 1, Key: record.ObsVerdict, About: "gosec/G101", Value: 1, N: 2},
		{Day: today - 1, Key: record.ObsVerdict, About: "gosec/G101", Value: 0, N: 6},
		{Day: today - 1, Key: record.ObsVerdict, About: "rare/rule", Value: 1, N: 4},
		{Day: today - 9, Key: record.ObsVerdict, About: "own/`a|b`\n@mona <b>", Value: 0, N: 5},
		{Day: today - 1, Key: record.ObsFixTime, Value: 3, N: 4},
		{Key: record.ObsOpen, Value: today - 40, N: 6},
		{Day: today - 1, Key: record.ObsEscaped, Value: 1, N: 1},
		{Day: today - 1, Key: record.ObsFixed, About: "high", N: 9},
		{Day: today - 1, Key: record.ObsAccepted, About: "high", N: 3},
		{Day: today - 1, Key: record.ObsAccepted, About: "low", N: 4},
		{Key: record.ObsCarried, About: "high", Value: today - 4, N: 2},
		{Key: record.ObsCarried, About: "medium", Value: record.NoEnd, N: 5},
		{Day: today - 1, Key: record.ObsRenewals, Value: 0, N: 5},
		{Day: today - 1, Key: record.ObsRenewals, Value: 1, N: 2},
		{Day: today - 1, Key: record.ObsReason, About: "deadline", N: 4},
		{Day: today - 1, Key: record.ObsReason, About: "none", N: 4},
		{Day: today - 1, Key: record.ObsTopic, Value: 1, N: 4},
		{Day: today - 1, Key: record.ObsTopic, Value: 0, N: 2},
		{Day: today - 1, Key: record.ObsAsked, Value: 1, N: 3},
		{Day: today - 1, Key: record.ObsAsked, Value: 0, N: 3},
		{Day: today - 1, Key: record.ObsAdvice, Value: 7200, N: 5},
		{Key: record.ObsWaiting, Value: now.Add(-100 * 24 * time.Hour).Unix(), N: 9}, // before the period
		{Day: today - 1, Key: record.ObsOwned, Value: 1, N: 15},
		{Day: today - 1, Key: record.ObsOwned, Value: 0, N: 5},
	}
}

// TestOutcomesAreShown compares text, Markdown and JSON with the files in testdata.
func TestOutcomesAreShown(t *testing.T) {
	t.Parallel()
	from := now.Add(-insight.Period)
	for name, o := range map[string]insight.Outcomes{
		"team":     insight.Measure("@acme/payments", from, now, observations()),
		"everyone": insight.Measure(record.Everyone, from, now, observations()),
		"nothing":  insight.Measure("", from, now, nil),
	} {
		data, err := json.MarshalIndent(o, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", o.Text())
		golden(t, name+".md", o.Markdown())
		golden(t, name+".json", string(data)+"\n")
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s: %v\ngot\n%s\nwant\n%s", name, err, got, want)
	}
}

// TestFewAreSuppressed: four observations show nothing of themselves, five do, in each figure.
func TestFewAreSuppressed(t *testing.T) {
	t.Parallel()
	day := now.Unix() / 86400
	for key, o := range map[string]record.Observation{
		"time_to_first_feedback":     {Day: day, Key: record.ObsFeedback, Value: 90},
		"time_to_first_feedback_p95": {Day: day, Key: record.ObsFeedback, Value: 90},
		"same_change_resolution":     {Day: day, Key: record.ObsMerged, Value: 1},
		"usefulness":                 {Day: day, Key: record.ObsVerdict, About: "a/b", Value: 0},
		"not_useful_rate a/b":        {Day: day, Key: record.ObsVerdict, About: "a/b", Value: 1},
		"median_time_to_fix":         {Day: day, Key: record.ObsFixTime, Value: 2},
		"escape_rate":                {Day: day, Key: record.ObsEscaped, Value: 1},
		"acceptance_rate_critical":   {Day: day, Key: record.ObsAccepted, About: "critical"},
		"acceptance_rate_high":       {Day: day, Key: record.ObsAccepted, About: "high"},
		"acceptance_rate_medium":     {Day: day, Key: record.ObsAccepted, About: "medium"},
		"acceptance_rate_low":        {Day: day, Key: record.ObsAccepted, About: "low"},
		"expiry_debt":                {Key: record.ObsCarried, About: "low", Value: day - 1},
		"acceptance_backlog":         {Key: record.ObsCarried, About: "low", Value: day},
		"renewals_per_acceptance":    {Day: day, Key: record.ObsRenewals, Value: 1},
		"reason_emergency":           {Day: day, Key: record.ObsReason, About: "emergency"},
		"reason_deadline":            {Day: day, Key: record.ObsReason, About: "deadline"},
		"reason_technical":           {Day: day, Key: record.ObsReason, About: "technical"},
		"reason_business":            {Day: day, Key: record.ObsReason, About: "business"},
		"reason_none":                {Day: day, Key: record.ObsReason, About: "none"},
		"decision_coverage":          {Day: day, Key: record.ObsTopic, Value: 1},
		"design_lead":                {Day: day, Key: record.ObsAsked, Value: 1},
		"security_response_time":     {Day: day, Key: record.ObsAdvice, Value: 90},
		"unowned_share":              {Day: day, Key: record.ObsOwned, Value: 0},
	} {
		for n := range int64(6) {
			o.N = n
			var list []record.Observation
			if n > 0 {
				list = append(list, o)
			}
			f, ok := insight.Measure(record.Everyone, now.Add(-insight.Period), now, list).Find(key)
			switch {
			case n < insight.Least && (f.Value != "" || f.Exact != 0):
				t.Errorf("%s shows %q of %d observations", key, f.Value, n)
			case n >= insight.Least && (!ok || f.Value == "" || f.Exact == 0 || f.N != int(n)):
				t.Errorf("%s of %d observations is %+v", key, n, f)
			}
		}
	}
	if n := len(insight.Measure(record.Everyone, now, now, nil).Figures); n != 22 {
		t.Errorf("there are %d figures, and this test knows 22 and that of a rule", n)
	}
}

// TestUnownedIsNoFigureOfATeam: a team owns all that is its own.
func TestUnownedIsNoFigureOfATeam(t *testing.T) {
	t.Parallel()
	if f, ok := insight.Measure("@acme/web", now, now, observations()).Find("unowned_share"); ok {
		t.Errorf("a team has %+v", f)
	}
}

// TestSpreads: quartiles of at least five teams; people and what is unowned do not count, and no team is named.
func TestSpreads(t *testing.T) {
	t.Parallel()
	of := func(team string, fixed int64) insight.Outcomes {
		day := now.Unix() / 86400
		return insight.Measure(team, now.Add(-insight.Period), now, []record.Observation{
			{Day: day, Key: record.ObsMerged, Value: 1, N: fixed}, {Day: day, Key: record.ObsMerged, Value: 0, N: 10 - fixed},
		})
	}
	teams := []insight.Outcomes{of("@acme/d", 9), of("@acme/a", 1), of("@acme/b", 3), of("@acme/c", 5), of("@mona", 10), of("", 10), of(record.Everyone, 10)}
	find := func(list []insight.Spread) insight.Spread {
		for _, s := range list {
			if s.Key == "same_change_resolution" {
				return s
			}
		}
		return insight.Spread{}
	}
	if s := find(insight.Spreads(teams)); s.Teams != 4 || s.Lower+s.Median+s.Upper != "" {
		t.Errorf("of four teams: %+v", s)
	}
	teams = append(teams, of("@acme/e", 7))
	s := find(insight.Spreads(teams))
	if s.Teams != 5 || s.Lower != "30 %" || s.Median != "50 %" || s.Upper != "70 %" {
		t.Errorf("of five teams: %+v", s)
	}
	for _, shown := range []string{insight.SpreadText(insight.Spreads(teams)), insight.SpreadMarkdown(insight.Spreads(teams))} {
		if strings.Contains(shown, "@") || !strings.Contains(shown, "30 %") {
			t.Errorf("the distribution is\n%s", shown)
		}
	}
}
