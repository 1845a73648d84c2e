package rehearsal

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

var update = flag.Bool("update", false, "write the golden files again")

// A finding is a finding as the ledger keeps it.
type finding map[string]any

var day = time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)

// found is a new secret that the diff can carry a comment on, with changes.
func found(id, path string, more ...any) finding {
	f := finding{
		"fingerprint": id + ":1", "rule": "gitleaks/token", "gate": "secrets", "title": "A token", "severity": "high", "state": "new",
		"path": path, "line": 3, "shown": true, "adds": true, "place": true, "owners": []string{"@acme/core"},
	}
	for i := 0; i < len(more); i += 2 {
		f[more[i].(string)] = more[i+1]
	}
	return f
}

// looked returns the scanners of a review, with the state of each.
func looked(states ...string) (list []map[string]any) {
	gates := map[string]string{"gitleaks": "secrets", "gosec": "code", "semgrep": "code", "osv": "dependencies"}
	for i := 0; i < len(states); i += 2 {
		list = append(list, map[string]any{"name": states[i], "gate": gates[states[i]], "state": states[i+1]})
	}
	return list
}

// event is a finished review. scanners is nil for a review by an older version.
func event(t testing.TB, number, hour int, scanners []map[string]any, more map[string]any, findings ...finding) reviewed {
	t.Helper()
	data := map[string]any{"verdict": "findings", "conclusion": "neutral", "findings": findings}
	if scanners != nil {
		seen := map[string]any{"base": "b", "scanners": scanners}
		for k, v := range more {
			seen[k] = v
		}
		data["seen"] = seen
	}
	b, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	at := day.Add(time.Duration(number*24+hour) * time.Hour)
	r, err := record.ReadReview(int64(number*100+hour), at, strings.Repeat(fmt.Sprint(number%10), 40), b)
	if err != nil {
		t.Fatal(err)
	}
	return reviewed{number, r}
}

// A reviewed is one review of a pull request.
type reviewed struct {
	number int
	review record.Review
}

func pastOfAll(list ...reviewed) record.Past {
	p := record.Past{Owner: "acme", Repo: "shop"}
	for _, one := range list {
		p.Number = one.number
		p.Reviews = append(p.Reviews, one.review)
	}
	return p
}

func layer(t testing.TB, name, text string) policy.Layer {
	t.Helper()
	if text == "" {
		return policy.Layer{}
	}
	l, err := policy.Parse(name, []byte("version: 1\n"+text))
	if err != nil {
		t.Fatalf("%s:\n%v", text, err)
	}
	return l
}

// nothingShown is the evidence of a record in which no rule was shown.
type nothingShown struct{}

func (nothingShown) Of(string, string) (policy.Shown, error) { return policy.Shown{}, nil }
func (nothingShown) Rules(string) ([]string, error)          { return nil, nil }

// input rehearses a repository's file, where an organisation's is in force.
func input(t testing.TB, org, before, after string, pulls ...record.Past) Input {
	o := layer(t, "acme/.github/.secbydesign.yml", org)
	return Input{
		Pulls: pulls, Now: day.AddDate(0, 1, 0), Proposed: []string{"new.yml"}, Scope: "acme/shop",
		Evidence: map[string]judge.Evidence{"acme/shop": nothingShown{}},
		Before:   map[string]policy.Policy{"acme/shop": policy.Merge(o, layer(t, ".secbydesign.yml", before))},
		After:    map[string]policy.Policy{"acme/shop": policy.Merge(o, layer(t, "new.yml", after))},
	}
}

func rehearse(t testing.TB, in Input) Result {
	t.Helper()
	r, err := Rehearse(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (c Count) short() string { return fmt.Sprintf("%d>%d", c.Now, c.Proposed) }

func TestRehearse(t *testing.T) {
	t.Parallel()
	all := looked("gitleaks", "looked", "gosec", "looked")
	two := func(states ...string) record.Past {
		return pastOfAll(event(t, 1, 0, looked(states...), nil, found("a", "a.go")))
	}
	weakness := []any{"rule", "gosec/G101", "gate", "code", "cwe", "CWE-798", "shown", false, "severity", "medium"}
	for _, test := range []struct {
		name               string
		org, before, after string
		pull               record.Past
		want               string // blocked, at the end, comments
		reason             string // of the proposed policy, or what is not known
	}{
		{
			"blocks", "", "", "gates: {secrets: {mode: block}}", two("gitleaks", "looked"),
			"0>1 0>1 1>1", "gitleaks/token " + scanners.ID("a:1") + " at a.go:3 fails the check: gates.secrets.mode is block (repository, new.yml:2)",
		},
		{"relents", "", "gates: {secrets: {mode: block}}", "", two("gitleaks", "looked"), "1>0 1>0 1>1", ""},
		{"is silent", "", "", "gates: {secrets: {mode: observe}}", two("gitleaks", "looked"), "0>0 0>0 1>0", ""},
		{"is louder for worse ones", "", "gates: {secrets: {severity: critical}}", "", two("gitleaks", "looked"), "0>0 0>0 0>1", ""},
		{"names a rule", "", "", `rules: {"gitleaks/*": {mode: off}}`, two("gitleaks", "looked"), "0>0 0>0 1>0", ""},
		{"names a section", "", "", `paths: {"*.go": {gates: {secrets: {mode: block}}}}`, two("gitleaks", "looked"), "0>1 0>1 1>1", `paths."*.go".gates.secrets.mode is block`},
		{"ignores", "", "", `paths: {ignore: ["*.go"]}`, two("gitleaks", "looked"), "0>0 0>0 1>0", ""},
		{"switches a scanner off", "", "", "scanners: {gitleaks: {enabled: false}}", two("gitleaks", "looked"), "0>0 0>0 1>0", ""},
		{
			"is refused", "guardrails: {gates: {secrets: {at_least: comment}}}", "", "gates: {secrets: {mode: off}}",
			two("gitleaks", "looked"), "0>0 0>0 1>1", "new.yml:2:25: gates.secrets.mode: off is too mild",
		},
		{
			"limits", "", "comments: {limit: 1}", "comments: {limit: 3}",
			pastOfAll(event(t, 1, 0, all, nil, found("a", "a.go"), found("b", "b.go"), found("c", "c.go"), found("d", "d.go"))), "0>0 0>0 1>3", "",
		},
		{
			"counts a thread once, and every thread", "", "", "comments: {limit: 1}",
			pastOfAll(event(t, 1, 0, all, nil, found("a", "a.go"), found("b", "b.go")), event(t, 1, 1, all, nil, found("b", "b.go"), found("c", "c.go"))),
			"0>0 0>0 3>2", "",
		},
		{
			"was fixed", "", "", "gates: {secrets: {mode: block}}",
			pastOfAll(event(t, 1, 0, all, nil, found("a", "a.go")), event(t, 1, 1, all, nil)), "0>1 0>0 1>1", "",
		},
		{"has no place", "", "", "gates: {secrets: {mode: block}}", pastOfAll(event(t, 1, 0, all, nil, found("a", "a.go", "place", false))), "0>1 0>1 0>0", ""},
		{"is a draft", "", "", "gates: {secrets: {mode: block}}", pastOfAll(event(t, 1, 0, all, map[string]any{"draft": true}, found("a", "a.go"))), "0>0 0>0 1>1", ""},
		{"was decided", "", "", "gates: {secrets: {mode: block}}", pastOfAll(event(t, 1, 0, all, nil, found("a", "a.go", "decided", "A-AAAAAAAA"))), "0>0 0>0 0>0", ""},
		{"is old news", "", "", "gates: {secrets: {mode: block}}", pastOfAll(event(t, 1, 0, all, nil, found("a", "a.go", "state", "unchanged"))), "0>0 0>0 0>0", ""},
		{
			"was hidden", "", "rules: {gosec/G101: {mode: off}}", "gates: {code: {mode: block}}",
			pastOfAll(event(t, 1, 0, all, map[string]any{"hidden": []finding{found("b", "b.go", weakness...)}})), "0>1 0>1 0>1", "gosec/G101",
		},
		{
			"was reported by another", "", "", "gates: {code: {mode: block}}",
			pastOfAll(event(t, 1, 0, all, map[string]any{"hidden": []finding{found("b", "a.go", weakness...)}}, found("a", "a.go", "cwe", "CWE-798"))), "0>1 0>1 1>1", "gosec/G101",
		},
		{
			"did not finish", "", "", "gates: {code: {mode: block}}", two("gitleaks", "looked", "gosec", "unfinished"),
			"0>1 0>1 1>1", "gosec did not finish, and that fails the check: gates.code.mode is block (repository, new.yml:2)",
		},
		{"was not there", "", "", "gates: {code: {mode: block}}", two("gitleaks", "looked", "gosec", "missing"), "0>0 0>0 1>1", ""},
		{"was not there and is named", "", "", "gates: {code: {mode: block}}\nscanners: {gosec: {enabled: true}}", two("gitleaks", "looked", "gosec", "missing"), "0>1 0>1 1>1", "gosec did not finish"},
		{
			"never looked", "", "gates: {code: {mode: off}}", "", two("gitleaks", "looked", "gosec", "off", "osv", "idle"),
			"0>0 0>0 1>1", "gosec was off when 1 pull request was reviewed and would run under the proposed policy",
		},
		{
			"was ignored", "", `paths: {ignore: ["vendor/**"]}`, "",
			pastOfAll(event(t, 1, 0, all, map[string]any{"ignored": []string{"vendor/a.go"}, "ignored_files": 3}, found("a", "a.go"))),
			"0>0 0>0 1>1", "3 changed files in 1 pull request would not be ignored any more",
		},
		{"is of an older version", "", "", "gates: {secrets: {mode: block}}", pastOfAll(event(t, 1, 0, nil, nil, found("a", "a.go"))), "0>1 0>1 1>1", "1 pull request was reviewed by a version of this program that kept less"},
		{"had nothing to scan", "", "", "gates: {secrets: {mode: block}}", pastOfAll(event(t, 1, 0, all, map[string]any{"not_run": true})), "0>0 0>0 0>0", ""},
		{
			"is enforced and was never shown", `guardrails: {enforce: [{rule: "gitleaks/*", since: 2026-01-01}]}`, "", "",
			two("gitleaks", "looked"), "0>0 0>0 1>1", "it was shown for 0 days here and in 0 pull requests of the organisation",
		},
	} {
		in := input(t, test.org, test.before, test.after, test.pull)
		r := rehearse(t, in)
		if got := r.Blocked.short() + " " + r.AtEnd.short() + " " + r.Comments.short(); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		var reported []string
		for _, reason := range r.Each[0].Reasons {
			reported = append(reported, reason.String())
		}
		reported = slices.Concat(reported, r.Unknown, r.Refused, r.held())
		if test.reason == "" && len(r.Unknown)+len(r.Refused)+len(r.Held) > 0 || test.reason != "" && !slices.ContainsFunc(reported, func(s string) bool { return strings.Contains(s, test.reason) }) {
			t.Errorf("%s is reported as %q, want %q", test.name, reported, test.reason)
		}
	}
}

// TestTheFirstFile: a first policy file shows the changes that its values make, not that it exists.
func TestTheFirstFile(t *testing.T) {
	t.Parallel()
	r := rehearse(t, input(t, "", "", "gates: {secrets: {mode: block}}", pastOfAll(event(t, 1, 0, looked("gitleaks", "looked"), nil))))
	if got := r.changes(); !slices.Equal(got, []string{"gates.secrets.mode from comment to block"}) {
		t.Errorf("changes %q", got)
	}
}

func TestTeamsAndRules(t *testing.T) {
	t.Parallel()
	all := looked("gitleaks", "looked", "gosec", "unfinished")
	r := rehearse(t, input(t, "", "", "gates: {secrets: {mode: block}, code: {mode: block}}\nrules: {gitleaks/mild: {mode: observe}}",
		pastOfAll(event(t, 1, 0, all, nil, found("a", "a.go", "owners", []string{"@acme/core", "@mona"}), found("b", "b.go", "owners", nil))),
		pastOfAll(event(t, 2, 0, all, map[string]any{"no_owners": true}, found("c", "c.go", "owners", nil, "rule", "gitleaks/mild"))),
	))
	var got []string
	for _, row := range slices.Concat(r.Teams, r.Rules) {
		got = append(got, fmt.Sprintf("%s: %s blocked, %s comments", row.Name, row.Blocked.short(), row.Comments.short()))
	}
	want := []string{
		"@acme/core: 0>1 blocked, 1>1 comments", "@mona: 0>1 blocked, 1>1 comments", "nobody in particular: 0>1 blocked, 1>1 comments",
		"not known: 0>0 blocked, 1>0 comments",
		"gosec (did not finish): 0>2 blocked, 0>0 comments", "gitleaks/token: 0>1 blocked, 2>2 comments", "gitleaks/mild: 0>0 blocked, 1>0 comments",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A chooser makes up histories and policies.
type chooser struct{ *rand.Rand }

func pick[T any](c chooser, list ...T) T { return list[c.IntN(len(list))] }

func (c chooser) pull(t testing.TB, number int) record.Past {
	var events []reviewed
	for hour := range 1 + c.IntN(3) {
		var reported, hidden []finding
		for range c.IntN(6) {
			name := pick(c, "gitleaks", "gosec", "semgrep")
			gate := map[string]string{"gitleaks": "secrets"}[name]
			if gate == "" {
				gate = "code"
			}
			which := c.IntN(8)
			f := found(fmt.Sprint(name, which), pick(c, "a.go", "pay/b.go", "vendor/c.go"),
				"rule", fmt.Sprintf("%s/r%d", name, 1+which%2), "gate", gate, "severity", pick(c, "note", "low", "medium", "high", "critical"),
				"line", c.IntN(4), "cwe", pick(c, "", "CWE-1"), "place", c.IntN(4) > 0, "adds", c.IntN(2) > 0, "state", pick(c, "new", "new", "new", "unchanged", "absent"),
				"owners", pick(c, nil, []string{"@a"}, []string{"@a", "@b"}), "decided", pick(c, "", "", "", "A-AAAAAAAA"))
			known := func(g finding) bool { return g["fingerprint"] == f["fingerprint"] }
			switch {
			case slices.ContainsFunc(reported, known) || slices.ContainsFunc(hidden, known):
			case c.IntN(5) == 0:
				hidden = append(hidden, f)
			default:
				reported = append(reported, f)
			}
		}
		states := []string{"looked", "looked", "idle", "unfinished", "missing", "off"}
		list := looked("gitleaks", pick(c, states...), "gosec", pick(c, states...), "semgrep", pick(c, states...))
		if c.IntN(8) == 0 {
			list = nil
		}
		events = append(events, event(t, number, hour, list, map[string]any{
			"hidden": hidden, "draft": c.IntN(6) == 0, "not_run": c.IntN(9) == 0, "no_owners": c.IntN(9) == 0,
			"ignored": []string{"vendor/x.go"}, "ignored_files": 1 + c.IntN(3),
		}, reported...))
	}
	return pastOfAll(events...)
}

func (c chooser) policy() string {
	var parts []string
	add := func(format string, args ...any) {
		if c.IntN(2) == 0 {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	mode := func() string { return pick(c, "off", "observe", "comment", "block") }
	severity := func() string { return pick(c, "low", "medium", "high", "critical") }
	add("gates: {secrets: {mode: %s, severity: %s}, code: {mode: %s}}", mode(), severity(), mode())
	add("rules: {gosec/r1: {mode: %s}, \"*/r2\": {mode: %s}}", mode(), mode())
	add("scanners: {gosec: {enabled: %t}}", c.IntN(2) == 0)
	add("paths: {ignore: [%q], \"pay/**\": {gates: {code: {mode: %s}}}}", pick(c, "vendor/**", "a.go", "**"), mode())
	add("comments: {limit: %d}", c.IntN(6))
	return strings.Join(parts, "\n")
}

func (c chooser) organisation() string {
	return pick(c, "", "guardrails: {gates: {code: {at_least: comment, severity: high}}, scanners: {required: [gosec]}}",
		`guardrails: {enforce: [{rule: "gosec/*", since: 2026-01-01}], no_surprise: {min_prs_shown: 2, grace_days: 0}}`)
}

// TestLaws: the policy in force changes nothing, swapping the policies swaps the counts, and the parts add up to the
// whole.
func TestLaws(t *testing.T) {
	t.Parallel()
	moved := 0
	for seed := range uint64(1500) {
		c := chooser{rand.New(rand.NewPCG(seed, 3))}
		var pulls []record.Past
		for n := range c.IntN(4) {
			pulls = append(pulls, c.pull(t, n+1))
		}
		org, one, other := c.organisation(), c.policy(), c.policy()
		same := input(t, org, one, one, pulls...)
		same.After = same.Before
		r := rehearse(t, same)
		counts := []Count{r.Blocked, r.AtEnd, r.Comments}
		for _, row := range slices.Concat(r.Teams, r.Rules) {
			counts = append(counts, row.Blocked, row.Comments)
		}
		for _, p := range r.Each {
			counts = append(counts, p.Blocked, p.AtEnd, p.Comments)
		}
		for _, n := range counts {
			if n.Added != 0 || n.Gone != 0 || n.Now != n.Proposed {
				t.Fatalf("seed %d: the policy in force changes %+v\n%s\n%s", seed, n, org, one)
			}
		}
		if len(r.Changes) > 0 {
			t.Fatalf("seed %d: the policy in force changes %v", seed, r.Changes)
		}
		there, back := rehearse(t, input(t, org, one, other, pulls...)), rehearse(t, input(t, org, other, one, pulls...))
		turned := func(n Count) Count { return Count{n.Proposed, n.Now, n.Gone, n.Added} }
		for i, n := range []Count{there.Blocked, there.AtEnd, there.Comments} {
			if m := []Count{back.Blocked, back.AtEnd, back.Comments}[i]; n != turned(m) {
				t.Fatalf("seed %d: %+v there and %+v back", seed, n, m)
			}
			moved += n.Added + n.Gone
		}
		var sum Count
		for _, row := range there.Rules {
			sum.add(row.Comments)
		}
		if sum != there.Comments || there.AtEnd.Now > there.Blocked.Now || there.Blocked.Proposed > len(pulls) {
			t.Fatalf("seed %d: the rules make %+v, the whole is %+v; blocked %+v, at the end %+v", seed, sum, there.Comments, there.Blocked, there.AtEnd)
		}
	}
	if moved < 1000 {
		t.Errorf("only %d changes in all", moved)
	}
}

// sample is a rehearsal with something of everything.
func sample(t *testing.T) Result {
	all := looked("gitleaks", "looked", "gosec", "looked", "semgrep", "off", "osv", "idle")
	pay, web := []string{"@acme/payments"}, []string{"@acme/web", "@mona"}
	in := input(t,
		"guardrails:\n  gates: {secrets: {at_least: comment}}\n  enforce: [{rule: \"gitleaks/*\", since: 2026-11-01}]\n",
		"gates: {code: {severity: high}}\nscanners: {semgrep: {enabled: false}}\npaths: {ignore: [\"vendor/**\"]}\n",
		"gates:\n  secrets: {mode: observe}\n  code: {severity: medium}\nrules:\n  gosec/G304: {mode: \"off\"}\npaths:\n  \"pay/**\": {gates: {secrets: {mode: block}, code: {mode: block}}}\nbudget: {scanner: 1m}\n",
		pastOfAll(event(t, 9, 0, all, nil, found("a", "pay/card.go", "owners", pay), found("b", "pay/fee.go", "owners", pay, "rule", "gosec/G404", "gate", "code", "severity", "medium", "shown", false))),
		pastOfAll(event(t, 8, 0, all, map[string]any{"ignored": []string{"vendor/x.go"}, "ignored_files": 1}, found("c", "web/list.go", "owners", web, "rule", "gosec/G304", "gate", "code")),
			event(t, 8, 1, all, nil, found("d", "web/list.go", "owners", web, "rule", "gosec/G204", "gate", "code"), found("g", "web/key.go", "owners", web, "rule", "gitleaks/key"))),
		pastOfAll(event(t, 7, 0, all, nil, found("e", "pay/<script>alert(1)</script>\x1b[31m\u202e.go", "owners", pay, "rule", "gitleaks/**bold** [x](javascript:alert(1))")), event(t, 7, 2, all, nil)),
		pastOfAll(event(t, 2, 0, nil, nil, found("f", "tools/gen.go"))),
		pastOfAll(event(t, 1, 0, all, nil)),
	)
	return rehearse(t, in)
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, made := range map[string]struct {
		write func(io.Writer, Result) error
		r     Result
	}{
		"sample.txt": {Text, sample(t)}, "sample.html": {Page, sample(t)}, "sample.json": {JSON, sample(t)},
		"none.txt": {Text, rehearse(t, input(t, "", "", ""))}, "none.html": {Page, rehearse(t, input(t, "", "", ""))}, "none.json": {JSON, rehearse(t, input(t, "", "", ""))},
	} {
		var b bytes.Buffer
		if err := made.write(&b, made.r); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s is now\n%s", name, b.String())
		}
		for line := range strings.Lines(b.String()) {
			if strings.HasSuffix(name, ".txt") && utf8.RuneCountInString(line) > 101 || !strings.HasSuffix(name, ".json") && strings.ContainsAny(line, "\x1b\u202e") {
				t.Errorf("%s: %q", name, line)
			}
		}
		if strings.HasSuffix(name, ".html") && regexp.MustCompile(`(?i)<script|javascript:[^)]*["']|<img|<link|src=|href=`).Match(b.Bytes()) {
			t.Errorf("%s has something from elsewhere", name)
		}
	}
}

func TestJSONIsReadBack(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	r := sample(t)
	if err := JSON(&b, r); err != nil {
		t.Fatal(err)
	}
	var got Result
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || !reflect.DeepEqual(got, r) {
		t.Errorf("%v\n%+v\n%+v", err, got, r)
	}
}
