package command_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/command"
)

func TestCampaign(t *testing.T) {
	t.Parallel()
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for line, want := range map[string]command.Command{
		"":                              {},
		" rule=gosec/G20* until=90d":    {Rule: "gosec/G20*", Until: day("2027-02-23")},
		" rule gosec/G20* until 90d":    {Rule: "gosec/G20*", Until: day("2027-02-23")},
		" path=src/** until=2027-11-25": {Path: "src/**", Until: day("2027-11-25")},
		" @acme/payments rule=`gosec/*` path=\"pay/{a,b}/**\" severity=HIGH until=4w because  we rewrite  it": {
			Team: "@acme/payments", Rule: "gosec/*", Path: "pay/{a,b}/**", Code: "high", Until: day("2026-12-23"), Reason: "we rewrite it",
		},
		" severity=low until=1d because until=90d":               {Code: "low", Until: day("2026-11-26"), Reason: "until=90d"},
		" path=because until=1d":                                 {Path: "because", Until: day("2026-11-26")},
		" stop c-abcdefgh":                                       {Stop: true, Campaign: "C-ABCDEFGH"},
		" STOP `C-ABCDEFGH` because we are done with most of it": {Stop: true, Campaign: "C-ABCDEFGH", Reason: "we are done with most of it"},
	} {
		want.Verb = command.Campaign
		got, err := command.Parse(command.Prefix+" campaign"+line, today)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v\ngot  %+v\nwant %+v", line, err, got, want)
		}
	}
	for line, want := range map[string]struct{ problem, right string }{
		" until=90d":                                      {"Say which old findings", " campaign until=2027-02-23"},
		" rule=gosec/*":                                   {"needs a last day", " campaign rule=gosec/*"},
		" until=9d rule=":                                 {"The pattern after “rule” is missing.", " campaign until=2026-12-04"},
		" rule=gosec/* until=2026-11-24":                  {"2026-11-24 is not in the future.", " campaign rule=gosec/*"},
		" rule=gosec/* until=52w because x":               {"", ""},
		" rule=gosec/* until=53w":                         {"lasts at most 365 days, until 2027-11-25", " campaign rule=gosec/* until=2027-11-25"},
		" severity=urgent until=9d":                       {"“urgent” is no severity; write one of low, medium, high or critical.", " campaign until=2026-12-04"},
		" severity=note until=9d":                         {"“note” is no severity", ""},
		" path=" + strings.Repeat("*", 201) + " until=9d": {"longer than 200 characters", " campaign until=2026-12-04"},
		" path=<!-- until=9d":                             {"stands in Markdown for something else", " campaign until=2026-12-04"},
		" path=a until=9d for everybody":                  {"“for” is not understood", " campaign path=a until=2026-12-04"},
		" @acme/a @acme/b path=a until=9d":                {"“@acme/b” is not understood", " campaign @acme/a path=a until=2026-12-04"},
		" stop":                                           {"campaign stop needs the id", " campaign stop"},
		" stop A-ABCDEFGH":                                {"“A-ABCDEFGH” is no campaign", " campaign stop"},
		" stop C-ABCDEFGH C-ABCDEFGI":                     {"One command stops one campaign", " campaign stop C-ABCDEFGH"},
	} {
		_, err := command.Parse(command.Prefix+" campaign"+line, today)
		var m *command.Mistake
		switch {
		case want.problem == "" && err != nil:
			t.Errorf("%q: %v", line, err)
		case want.problem == "":
		case !errors.As(err, &m) || !strings.Contains(m.Problem, want.problem):
			t.Errorf("%q: %v, want %q", line, err, want.problem)
		case want.right != "" && m.Right.Line() != command.Prefix+want.right:
			t.Errorf("%q: right is %q, want %q", line, m.Right.Line(), want.right)
		}
	}
}

// FuzzCampaign holds that a campaign that is understood is bounded, and reads the same from its own line.
func FuzzCampaign(f *testing.F) {
	for _, s := range []string{
		"rule=gosec/* path=src/** severity=high until=90d because x", "stop C-ABCDEFGH because x", "@acme/a path=a=b:c until:9d", "path until until=9d",
		"rule=`a` until=9d because `", "path=\"\" until=9d", "path=[ rule=\\ until=1d", "path=a\u202eb until=9d", "stop stop C-ABCDEFGH", "until=9d path=@a because",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, words string) {
		for _, line := range command.Find(command.Prefix + " campaign " + words) {
			c, err := command.Parse(line, today)
			if err != nil || c.Verb != command.Campaign {
				continue
			}
			if !again(t, line, c) {
				t.Fatalf("%q is read as %+v, whose line is %q", line, c, c.Line())
			}
			if utf8.RuneCountInString(c.Reason) > command.MaxText || len(c.Rule) > 200 || len(c.Path) > 200 || c.Until.After(today.AddDate(0, 0, command.MaxCampaign)) {
				t.Fatalf("%q: %+v", line, c)
			}
			if starts := c.Rule+c.Path+c.Code != ""; starts != !c.Until.IsZero() || c.Stop != (c.Campaign != "") || c.Stop && starts {
				t.Fatalf("%q is neither a list, a start nor a stop: %+v", line, c)
			}
		}
	})
}
