package judge_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

var now = time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)

// enforcing is the file of an organisation that enforces the rules of gosec.
const enforcing = "guardrails:\n  enforce: [{rule: \"gosec/*\", since: 2026-09-01}]\n"

// parsed is the policy of an organisation's and a repository's file, of which both may be empty.
func parsed(t *testing.T, org, repo string) policy.Policy {
	t.Helper()
	layer := func(name, text string) policy.Layer {
		if text == "" {
			return policy.Layer{}
		}
		l, err := policy.Parse(name, []byte("version: 1\n"+text))
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	return policy.Merge(layer("org.yml", org), layer("p.yml", repo))
}

// result is a new, medium finding of gosec, but for changes.
func result(rule string, changes ...func(*scanners.Result)) scanners.Result {
	r := scanners.Result{Scanner: "gosec", Gate: scanners.Code, State: scanners.New, Fingerprint: rule + ":1",
		Finding: scanners.Finding{Rule: rule, Severity: scanners.Medium, Path: "a.go", Line: 3, EndLine: 4}}
	for _, change := range changes {
		change(&r)
	}
	return r
}

func old(r *scanners.Result)      { r.State = scanners.Unchanged }
func inCommit(r *scanners.Result) { r.Commit = "c" }

// ran is a run of gosec with these results.
func ran(results ...scanners.Result) scanners.Run {
	return scanners.Run{Scanner: "gosec", Gate: scanners.Code, Results: results}
}

// stopped is a run that did not finish.
func stopped(scanner string, gate scanners.Gate, results ...scanners.Result) scanners.Run {
	return scanners.Run{Scanner: scanner, Gate: gate, Results: results, Err: errors.New("it died")}
}

// A shown is what the record knows, by "scanner/rule".
type shown map[string]policy.Shown

func (s shown) Of(scanner, rule string) (policy.Shown, error) {
	if scanner == "away" || rule == "away" {
		return policy.Shown{}, errors.New("the record is away")
	}
	return s[scanner+"/"+rule], nil
}

func (s shown) Rules(scanner string) (list []string, err error) {
	if _, ok := s["away"]; ok {
		return nil, errors.New("the record is away")
	}
	for name := range s {
		if rule, ok := strings.CutPrefix(name, scanner+"/"); ok {
			list = append(list, rule)
		}
	}
	return list, nil
}

// What is known of a rule that was shown for long enough, and of one that was not.
var (
	ripe  = policy.Shown{Pulls: 30, First: now.AddDate(0, 0, -60), Here: policy.Answers{Shown: 40}}
	young = policy.Shown{Pulls: 1, First: now.AddDate(0, 0, -2), Here: policy.Answers{Shown: 40}}
)

func always(scanners.Result) bool { return true }

// reasons are failures as lines.
func reasons(list []judge.Failure) (lines []string) {
	for _, f := range list {
		lines = append(lines, f.Rule+" "+f.Fingerprint+": "+f.Why)
	}
	return lines
}

// TestThePolicyDecidesWhatCommentsAndWhatFails has one finding of each mode.
func TestThePolicyDecidesWhatCommentsAndWhatFails(t *testing.T) {
	t.Parallel()
	j, err := judge.Apply(judge.Case{
		Runs: []scanners.Run{ran(result("off"), result("observe"), result("comment"), result("block"), result("block-old", old))},
		Policy: parsed(t, "", "rules:\n  gosec/off: {mode: \"off\"}\n  gosec/observe: {mode: observe}\n"+
			"  gosec/comment: {mode: comment}\n  gosec/block*: {mode: block}\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range j.Gates[0].Findings {
		got = append(got, fmt.Sprint(f.Rule, " ", f.Comment, " ", f.Block))
	}
	if want := []string{"observe false false", "comment true false", "block true true", "block-old true true"}; !slices.Equal(got, want) {
		t.Errorf("findings %q, want %q", got, want)
	}
	if want := []string{`gosec/block block:1: fails the check: rules."gosec/block*".mode is block (repository, p.yml:6)`}; !slices.Equal(reasons(j.Fails), want) {
		t.Errorf("fails by %q, want %q", reasons(j.Fails), want)
	}
	if len(j.Held)+len(j.Coming) != 0 {
		t.Errorf("held %+v, coming %+v", j.Held, j.Coming)
	}
	if news := j.News(); !slices.Equal(news, []baseline.Known{{Fingerprint: "comment:1", Path: "a.go", Line: 3}, {Fingerprint: "block:1", Path: "a.go", Line: 3}}) {
		t.Errorf("news are %+v", news)
	}
}

// TestSubjectsAreWhatIsNewWhateverThePolicySays: also what is off or observed.
func TestSubjectsAreWhatIsNewWhateverThePolicySays(t *testing.T) {
	t.Parallel()
	j, err := judge.Apply(judge.Case{Runs: []scanners.Run{ran(result("off"), result("old", old))}, Policy: parsed(t, "", "rules: {gosec/off: {mode: \"off\"}}\n")})
	want := []policy.Subject{{ID: scanners.ID("off:1"), Gate: scanners.Code, Scanner: "gosec", Rule: "off", Severity: scanners.Medium, Path: "a.go"}}
	if got := judge.Subjects(j.Gates); err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
}

// TestGatesComeInTheirOrder: those that have a scanner, with the ones that still run.
func TestGatesComeInTheirOrder(t *testing.T) {
	t.Parallel()
	j, err := judge.Apply(judge.Case{
		Runs:    []scanners.Run{{Scanner: "osv", Gate: scanners.Dependencies}, ran(), {Scanner: "semgrep", Gate: scanners.Code}},
		Pending: []scanners.Run{{Scanner: "gitleaks", Gate: scanners.Secrets}, {Scanner: "bandit", Gate: scanners.Code}},
		Policy:  parsed(t, "", "gates: {dependencies: {mode: block}}\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range j.Gates {
		names := []string{}
		for _, run := range g.Runs {
			names = append(names, run.Scanner)
		}
		got = append(got, fmt.Sprint(g.Name, " ", names, " ", g.Pending, " ", g.Block))
	}
	if want := []string{"secrets [] [gitleaks] false", "code [gosec semgrep] [bandit] false", "dependencies [osv] [] true"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAScannerThatDidNotFinishFailsWhereAFindingCould: otherwise who keeps it from finishing would pass.
func TestAScannerThatDidNotFinishFailsWhereAFindingCould(t *testing.T) {
	t.Parallel()
	const section = "paths: {\"pay/**\": {gates: {code: {mode: block}}}}\n"
	const why = "gosec : did not finish, and that fails the check: "
	for name, tt := range map[string]struct {
		org, repo string
		run       scanners.Run
		within    func(scanner, pattern string) bool
		evidence  judge.Evidence
		want      string
	}{
		"a policy that only comments":     {"", "", stopped("gosec", scanners.Code), nil, nil, ""},
		"a gate that blocks":              {"", "gates: {code: {mode: block}}\n", stopped("gosec", scanners.Code), nil, nil, why + "gates.code.mode is block (repository, p.yml:2)"},
		"and a scanner that finished":     {"", "gates: {code: {mode: block}}\n", ran(), nil, nil, ""},
		"another gate blocks":             {"", "gates: {secrets: {mode: block}}\n", stopped("gosec", scanners.Code), nil, nil, ""},
		"paths that block, not known":     {"", section, stopped("gosec", scanners.Code), nil, nil, why + `paths."pay/**".gates.code.mode is block (repository, p.yml:2)`},
		"paths that block, within":        {"", section, stopped("gosec", scanners.Code), func(s, p string) bool { return s == "gosec" && p == "pay/**" }, nil, why + `paths."pay/**".gates.code.mode is block (repository, p.yml:2)`},
		"paths that block, beside":        {"", section, stopped("gosec", scanners.Code), func(string, string) bool { return false }, nil, ""},
		"an enforced rule that is ripe":   {enforcing, "", stopped("gosec", scanners.Code), nil, shown{"gosec/G1": young, "gosec/G2": ripe}, why + `the organisation enforces "gosec/*" since 2026-09-01 (organisation, org.yml:3)`},
		"an enforced rule that is young":  {enforcing, "", stopped("gosec", scanners.Code), nil, shown{"gosec/G1": young}, ""},
		"an enforced rule without record": {enforcing, "", stopped("gosec", scanners.Code), nil, nil, ""},
		"a scanner that is not enforced":  {enforcing, "", stopped("semgrep", scanners.Code), nil, shown{"semgrep/G1": ripe}, ""},
		"a ripe rule that is not enforced": {"guardrails:\n  enforce: [{rule: \"gosec/G1\", since: 2026-09-01}]\n", "", stopped("gosec", scanners.Code), nil,
			shown{"gosec/G1": young, "gosec/G2": ripe}, ""},
		"both the gate and the organisation": {enforcing, "gates: {code: {mode: block}}\n", stopped("gosec", scanners.Code), nil, shown{"gosec/G1": ripe}, why + "gates.code.mode is block (repository, p.yml:2)"},
	} {
		j, err := judge.Apply(judge.Case{Runs: []scanners.Run{tt.run}, Policy: parsed(t, tt.org, tt.repo), Within: tt.within, Evidence: tt.evidence, Now: now})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := strings.Join(reasons(j.Fails), "\n"); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if got := j.Gates[0].Blocking[tt.run.Scanner]; got != strings.TrimPrefix(tt.want, why) {
			t.Errorf("%s: the gate says %q", name, got)
		}
	}
}

// TestAnEnforcedRuleFailsByTheNoSurpriseRule: only what is new, of a scanner that finished, and once the rule was shown
// for long enough. What does not fail is named, with what is missing.
func TestAnEnforcedRuleFailsByTheNoSurpriseRule(t *testing.T) {
	t.Parallel()
	const by = " (organisation, org.yml:3)"
	const enforces = `the organisation enforces "gosec/*" since 2026-09-01` + by
	const early = "it was shown for 2 days here and in 1 pull request of the organisation, and 30 days or 20 pull requests are required first" + by
	const notNew = "the finding is not new in lines that the pull request changes" + by
	type want struct{ fails, held, coming string }
	for name, tt := range map[string]struct {
		change func(*judge.Case)
		want   want
	}{
		"a ripe rule":                     {nil, want{fails: "gosec/G1 G1:1: fails the check: " + enforces}},
		"a rule that was shown for days":  {func(c *judge.Case) { c.Evidence = shown{"gosec/G1": young} }, want{held: "gosec/G1 G1:1: " + early, coming: "gosec/G1 G1:1: does not fail the check yet: " + early}},
		"a young rule, not in the change": {func(c *judge.Case) { c.Evidence, c.Adds = shown{"gosec/G1": young}, nil }, want{held: "gosec/G1 G1:1: " + early}},
		"what the change adds, not known": {func(c *judge.Case) { c.Adds = nil }, want{held: "gosec/G1 G1:1: " + notNew}},
		"not in lines of the change":      {func(c *judge.Case) { c.Adds = func(scanners.Result) bool { return false } }, want{held: "gosec/G1 G1:1: " + notNew}},
		"in a commit, and gone":           {func(c *judge.Case) { c.Runs[0] = ran(result("G1", inCommit)) }, want{held: "gosec/G1 G1:1: " + notNew}},
		"there before":                    {func(c *judge.Case) { c.Runs[0] = ran(result("G1", old)) }, want{}},
		"another scanner's rule":          {func(c *judge.Case) { c.Runs[0].Results[0].Scanner = "semgrep" }, want{}},
		"no record":                       {func(c *judge.Case) { c.Evidence = nil }, want{}},
		"a scanner that did not finish": {func(c *judge.Case) {
			c.Runs[0] = stopped("gosec", scanners.Code, result("G1"))
		}, want{
			fails: "gosec : did not finish, and that fails the check: " + enforces,
			held:  "gosec/G1 G1:1: the scanner did not finish" + by,
		}},
		"another scanner did not finish": {func(c *judge.Case) { c.Runs = append(c.Runs, stopped("bandit", scanners.Code)) }, want{fails: "gosec/G1 G1:1: fails the check: " + enforces}},
		"another did not finish before":  {func(c *judge.Case) { c.Runs = []scanners.Run{stopped("bandit", scanners.Code), c.Runs[0]} }, want{fails: "gosec/G1 G1:1: fails the check: " + enforces}},
		"two halves, the first did not finish": {func(c *judge.Case) {
			c.Runs = []scanners.Run{stopped("gosec", scanners.Code), c.Runs[0]}
		}, want{fails: "gosec : did not finish, and that fails the check: " + enforces, held: "gosec/G1 G1:1: the scanner did not finish" + by}},
		"the repository blocks it itself": {func(c *judge.Case) { c.Policy = parsed(t, enforcing, "gates: {code: {mode: block}}\n") }, want{fails: "gosec/G1 G1:1: fails the check: gates.code.mode is block (repository, p.yml:2)"}},
		"people decided": {func(c *judge.Case) {
			c.Decisions = []decision.Decision{{ID: "A-1", Verb: "fp", Rule: "gosec/G1", Fingerprint: "G1:1", Path: "a.go", Number: 1}}
			c.Scope.Pulls = map[int]bool{1: true}
		}, want{}},
	} {
		c := judge.Case{Runs: []scanners.Run{ran(result("G1"))}, Policy: parsed(t, enforcing, ""), Evidence: shown{"gosec/G1": ripe}, Adds: always, Now: now}
		if tt.change != nil {
			tt.change(&c)
		}
		j, err := judge.Apply(c)
		got := want{strings.Join(reasons(j.Fails), "\n"), strings.Join(reasons(j.Held), "\n"), strings.Join(reasons(j.Coming), "\n")}
		if err != nil || got != tt.want {
			t.Errorf("%s: %v\ngot  %+v\nwant %+v", name, err, got, tt.want)
		}
		for _, g := range j.Gates {
			for _, f := range g.Findings {
				if fails := strings.Contains(tt.want.fails, f.Fingerprint); f.Block != fails {
					t.Errorf("%s: %s blocks: %v", name, f.Fingerprint, f.Block)
				}
			}
		}
	}
}

// TestNothingIsJudgedWithoutTheRecord: an error of the record is no pass.
func TestNothingIsJudgedWithoutTheRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]judge.Case{
		"of a finding":                {Runs: []scanners.Run{ran(result("away"))}, Evidence: shown{}},
		"of the rules of a scanner":   {Runs: []scanners.Run{stopped("gosec", scanners.Code)}, Evidence: shown{"away": ripe}},
		"of a rule of a scanner":      {Runs: []scanners.Run{stopped("gosec", scanners.Code)}, Evidence: shown{"gosec/away": ripe}},
		"of the comments in the code": {Runs: []scanners.Run{ran(result("G1"))}, Suppress: func([]checks.Gate) error { return errors.New("the code is away") }},
	} {
		c.Policy, c.Now, c.Adds = parsed(t, enforcing, ""), now, always
		if j, err := judge.Apply(c); err == nil || !reflect.DeepEqual(j, judge.Judgement{}) {
			t.Errorf("%s: %+v, %v", name, j, err)
		}
	}
}

// TestTheRecordIsAskedOnlyForWhatIsEnforced: where it is away, the others are judged all the same.
func TestTheRecordIsAskedOnlyForWhatIsEnforced(t *testing.T) {
	t.Parallel()
	c := judge.Case{
		Runs:   []scanners.Run{stopped("semgrep", scanners.Code, result("away", func(r *scanners.Result) { r.Scanner = "semgrep" }))},
		Policy: parsed(t, enforcing, ""), Evidence: shown{"away": ripe}, Adds: always, Now: now,
	}
	if j, err := judge.Apply(c); err != nil || len(j.Fails)+len(j.Held) != 0 {
		t.Errorf("%+v, %v", j, err)
	}
}

// TestDecisionsOfPeopleComeBeforeWhatFails: what was decided fails nothing, and a decision that lapsed is named.
func TestDecisionsOfPeopleComeBeforeWhatFails(t *testing.T) {
	t.Parallel()
	until := now.Truncate(24*time.Hour).AddDate(0, 0, 30)
	about := func(rule string, d decision.Decision) decision.Decision {
		d.Rule, d.Fingerprint, d.Path, d.Number, d.Severity = "gosec/"+rule, rule+":1", "a.go", 1, scanners.Medium
		return d
	}
	j, err := judge.Apply(judge.Case{
		Runs:   []scanners.Run{ran(result("accepted"), result("coded"), result("listed"), result("lapsed"), result("open"))},
		Policy: parsed(t, "", "gates: {code: {mode: block}}\n"),
		Decisions: []decision.Decision{
			about("accepted", decision.Decision{ID: "A-1", Verb: "accept", Asked: "mona", By: []string{"lea", "mona"}, Until: until, Reason: "because", Ticket: "T-1"}),
			about("coded", decision.Decision{ID: "A-2", Verb: "not-affected", Asked: "mona", Code: "not_reachable", Reason: "see it"}),
			about("listed", decision.Decision{ID: "A-3", Verb: "fp", Asked: "mona", Code: "test_data"}),
			about("lapsed", decision.Decision{ID: "A-4", Verb: "accept", Asked: "mona", Until: now.AddDate(0, 0, -30).Truncate(24 * time.Hour)}),
		},
		Scope: decision.Scope{Pulls: map[int]bool{1: true}}, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		decided *checks.Decided
		lapsed  string
	}{
		{&checks.Decided{ID: "A-1", How: "accepted", By: []string{"mona", "lea"}, Until: until, Reason: "because", Ticket: "T-1"}, ""},
		{&checks.Decided{ID: "A-2", How: "not affected", By: []string{"mona"}, Reason: "not_reachable, see it"}, ""},
		{&checks.Decided{ID: "A-3", How: "marked as a false positive", By: []string{"mona"}, Reason: "test_data"}, ""},
		{nil, "A-4 does not count: it ended on 2026-10-26"},
		{nil, ""},
	} {
		if f := j.Gates[0].Findings[i]; !reflect.DeepEqual(f.Decided, want.decided) || f.Lapsed != want.lapsed {
			t.Errorf("%s: %+v, %q, want %+v, %q", f.Rule, f.Decided, f.Lapsed, want.decided, want.lapsed)
		}
	}
	var fails []string
	for _, f := range j.Fails {
		fails = append(fails, f.Rule)
	}
	if want := []string{"gosec/lapsed", "gosec/open"}; !slices.Equal(fails, want) {
		t.Errorf("fails by %q, want %q", fails, want)
	}
}

// TestACommentInTheCodeComesBeforeWhatFails: what it accepts fails nothing.
func TestACommentInTheCodeComesBeforeWhatFails(t *testing.T) {
	t.Parallel()
	j, err := judge.Apply(judge.Case{
		Runs: []scanners.Run{ran(result("G1"), result("G2"))}, Policy: parsed(t, "", "gates: {code: {mode: block}}\n"),
		Suppress: func(gates []checks.Gate) error {
			gates[0].Findings[0].Decided = &checks.Decided{Path: "a.go", Line: 2, How: "accepted"}
			return nil
		},
	})
	if err != nil || len(j.Fails) != 1 || j.Fails[0].Rule != "gosec/G2" {
		t.Errorf("%+v, %v", j.Fails, err)
	}
}

// TestTheOneThatFailsStays: of two findings of one problem the one that fails the check is kept.
func TestTheOneThatFailsStays(t *testing.T) {
	t.Parallel()
	weak := func(scanner string) scanners.Run {
		return scanners.Run{Scanner: scanner, Gate: scanners.Code, Results: []scanners.Result{result("r", func(r *scanners.Result) {
			r.Scanner, r.Fingerprint, r.CWE = scanner, scanner+":1", "CWE-89"
		})}}
	}
	for name, tt := range map[string]struct{ repo, want string }{
		"both comment":         {"", "one"},
		"the second fails":     {"rules: {two/r: {mode: block}}\n", "two"},
		"the first is quieter": {"rules: {one/r: {mode: observe}}\n", "two"},
	} {
		j, err := judge.Apply(judge.Case{Runs: []scanners.Run{weak("one"), weak("two")}, Policy: parsed(t, "", tt.repo)})
		if err != nil || len(j.Gates[0].Findings) != 1 || j.Gates[0].Findings[0].Scanner != tt.want {
			t.Errorf("%s: %+v, %v", name, j.Gates, err)
		}
	}
}

func TestLinesSayEachThingOnceAndEnd(t *testing.T) {
	t.Parallel()
	failures := func(n int) (list []judge.Failure) {
		for i := range n {
			list = append(list, judge.Failure{Rule: "s/r", Fingerprint: fmt.Sprint(i), Why: fmt.Sprint("why ", i)}, judge.Failure{Rule: "s/r", Fingerprint: "x", Why: fmt.Sprint("why ", i)})
		}
		return list
	}
	if got := judge.Lines(failures(2)); !slices.Equal(got, []string{"s/r why 0.", "s/r why 1."}) {
		t.Errorf("two: %q", got)
	}
	if got := judge.Lines(failures(10)); len(got) != 10 || got[9] != "s/r why 9." {
		t.Errorf("ten: %q", got)
	}
	if got := judge.Lines(failures(12)); len(got) != 11 || got[9] != "s/r why 9." || got[10] != "2 more lines are like these." {
		t.Errorf("twelve: %q", got)
	}
	if got := judge.Lines([]judge.Failure{{Rule: "s/r", Why: "is <b>"}}); !slices.Equal(got, []string{"s/r is &lt;b>."}) {
		t.Errorf("markup: %q", got)
	}
}

// TestAChangeAddsAFindingWithOneOfItsLines, also where only its last line is new.
func TestAChangeAddsAFindingWithOneOfItsLines(t *testing.T) {
	t.Parallel()
	set, err := patch.Parse([]byte("diff --git a/a.go b/a.go\n--- a/a.go\n+++ b/a.go\n@@ -2,0 +3,1 @@\n+new\n"))
	if err != nil {
		t.Fatal(err)
	}
	adds := judge.AddedBy(set)
	for name, tt := range map[string]struct {
		path      string
		line, end int
		want      bool
	}{
		"its line":         {"a.go", 3, 3, true},
		"without an end":   {"a.go", 3, 0, true},
		"its last line":    {"a.go", 1, 3, true},
		"the line before":  {"a.go", 2, 2, false},
		"the line behind":  {"a.go", 4, 4, false},
		"in another file":  {"b.go", 3, 3, false},
		"before, no end":   {"a.go", 2, 0, false},
		"around the lines": {"a.go", 1, 9, true},
	} {
		if got := adds(result("G1", func(r *scanners.Result) { r.Path, r.Line, r.EndLine = tt.path, tt.line, tt.end })); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
