package judge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/scanners"
)

// noisy is a meter by which all rules of these names are noisy.
func noisy(silent bool, rules ...string) func(string, scanners.Result) (judge.Quiet, error) {
	return func(_ string, r scanners.Result) (judge.Quiet, error) {
		if !slices.Contains(rules, r.Rule) {
			return judge.Quiet{}, nil
		}
		return judge.Quiet{Kind: "noise", Silent: silent, Why: r.RuleID() + " is quiet here: 7 of 24."}, nil
	}
}

// TestANoisyRuleIsQuiet has each way in which a policy can speak of a noisy rule.
func TestANoisyRuleIsQuiet(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		org, repo string
		silent    bool
		want      string // comment, observe, block or off
		line      string // empty for none
	}{
		"observed":                 {"", "", false, "observe", "gosec/G1 is quiet here: 7 of 24. Without a comment: `F-"},
		"silent":                   {"", "", true, "observe", "gosec/G1 is quiet here: 7 of 24. Only counted here: 1."},
		"blocking in a repository": {"", "rules: {gosec/G1: {mode: block}}\n", false, "observe", "Without a comment"},
		"off before":               {"", "rules: {gosec/G1: {mode: \"off\"}}\n", false, "off", ""},
		"observed before":          {"", "rules: {gosec/G1: {mode: observe}}\n", true, "observe", ""},
		"a guardrail: comment":     {"guardrails: {gates: {code: {at_least: comment}}}\n", "", true, "comment", ""},
		"a guardrail, and blocks":  {"guardrails: {gates: {code: {at_least: comment}}}\n", "gates: {code: {mode: block}}\n", true, "comment", ""},
		"a guardrail: observe":     {"guardrails: {gates: {code: {at_least: observe}}}\n", "", true, "observe", "Only counted"},
		"a guardrail, severe only": {"guardrails: {gates: {code: {at_least: comment, severity: high}}}\n", "", false, "observe", "Without a comment"},
		"required":                 {"guardrails: {scanners: {required: [gosec]}}\n", "", true, "observe", "Only counted"},
		"enforced":                 {enforcing, "", true, "comment", ""},
		"pinned":                   {"guardrails: {noise: {pin: [\"gosec/*\"]}}\n", "", true, "comment", ""},
		"pinned by the repository": {"", "noise: {pin: [gosec/G1]}\nrules: {gosec/G1: {mode: block}}\n", true, "block", ""},
		"another rule is pinned":   {"guardrails: {noise: {pin: [gosec/G2]}}\n", "", false, "observe", "Without a comment"},
	} {
		j, err := judge.Apply(judge.Case{
			Runs: []scanners.Run{ran(result("G1"), result("G9"))}, Policy: parsed(t, tt.org, tt.repo), Quiet: noisy(tt.silent, "G1"), Adds: always,
			Evidence: shown{"gosec/G1": ripe}, Now: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		got := "off"
		for _, f := range j.Gates[0].Findings {
			switch {
			case f.Rule != "G1":
			case f.Block:
				got = "block"
			case f.Comment:
				got = "comment"
			default:
				got = "observe"
			}
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
		if said := strings.Join(j.Quiet, "\n"); (tt.line == "") != (said == "") || !strings.Contains(said, tt.line) {
			t.Errorf("%s: %q, want %q", name, said, tt.line)
		}
	}
}

// TestANoisyRuleFailsNoCheck is about rules that an organisation enforces: they are shown, and are neutral.
func TestANoisyRuleFailsNoCheck(t *testing.T) {
	t.Parallel()
	apply := func(org string, rules ...string) judge.Judgement {
		j, err := judge.Apply(judge.Case{
			Runs: []scanners.Run{ran(result("G1")), stopped("gosec2", scanners.Code)}, Policy: parsed(t, org, ""), Quiet: noisy(true, rules...), Adds: always,
			Evidence: shown{"gosec/G1": ripe, "gosec2/G1": ripe}, Now: now,
		})
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	const both = "guardrails:\n  enforce: [{rule: \"{gosec,gosec2}/*\", since: 2026-09-01}]\n"
	if j := apply(both); len(j.Fails) != 2 {
		t.Fatalf("the test says nothing: %q", reasons(j.Fails))
	}
	j := apply(both, "G1")
	if len(j.Fails)+len(j.Coming) > 0 || len(j.Held) != 1 || !strings.Contains(j.Held[0].Why, "gosec/G1 is quiet here: 7 of 24") {
		t.Errorf("fails %q, held %q", reasons(j.Fails), reasons(j.Held))
	}
	if f := j.Gates[0].Findings[0]; !f.Comment || f.Block {
		t.Errorf("%+v", f)
	}
	if j := apply(both+"  noise: {pin: [\"gosec*/*\"]}\n", "G1"); len(j.Fails) != 2 {
		t.Errorf("pinned, it fails %q", reasons(j.Fails))
	}
}

// TestTheMeterIsAskedOnlyAboutComments holds the cost, and that an error of the record is one of the judgement.
func TestTheMeterIsAskedOnlyAboutComments(t *testing.T) {
	t.Parallel()
	var asked []string
	c := judge.Case{
		Runs:   []scanners.Run{ran(result("G1"), result("G2", old), result("G3"), result("G4", func(r *scanners.Result) { r.Severity = scanners.Note }))},
		Policy: parsed(t, "", "rules: {gosec/G3: {mode: observe}}\n"),
		Quiet: func(version string, r scanners.Result) (judge.Quiet, error) {
			asked = append(asked, r.Rule)
			return judge.Quiet{}, nil
		},
	}
	if _, err := judge.Apply(c); err != nil || !slices.Equal(asked, []string{"G1"}) {
		t.Errorf("asked about %q, %v", asked, err)
	}
	away := errors.New("the record is away")
	c.Quiet = func(string, scanners.Result) (judge.Quiet, error) { return judge.Quiet{}, away }
	if _, err := judge.Apply(c); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

// TestManyQuietFindingsAreFewWords has 40 findings of 12 rules, with text that is not ours.
func TestManyQuietFindingsAreFewWords(t *testing.T) {
	t.Parallel()
	var list []scanners.Result
	for i := range 40 {
		list = append(list, result(fmt.Sprint("G", i%12), func(r *scanners.Result) {
			r.Fingerprint, r.Line, r.EndLine, r.Path = fmt.Sprint("f", i), 10*i+1, 10*i+1, "a`@mona`.go"
		}))
	}
	j, err := judge.Apply(judge.Case{
		Runs: []scanners.Run{ran(list...)}, Policy: parsed(t, "", ""),
		Quiet: func(_ string, r scanners.Result) (judge.Quiet, error) {
			return judge.Quiet{Kind: "noise", Why: r.RuleID() + " is *quiet* for @mona."}, nil
		},
	})
	if err != nil || len(j.Quiet) != 11 || j.Quiet[10] != "2 more rules are quiet like these." {
		t.Fatalf("%v\n%s", err, strings.Join(j.Quiet, "\n"))
	}
	for _, line := range j.Quiet[:10] {
		if strings.Contains(line, "*quiet*") || strings.Contains(line, " @mona") {
			t.Errorf("text breaks out: %s", line)
		}
	}
}
