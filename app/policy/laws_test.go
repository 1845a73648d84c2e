package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
)

// A chooser generates random files from the table.
type chooser struct{ *rand.Rand }

func newChooser(seed uint64) chooser { return chooser{rand.New(rand.NewPCG(seed, 7))} }

func pick[T any](c chooser, list []T) T { return list[c.IntN(len(list))] }

var (
	someGlobs = []string{"vendor/**", "**/testdata/**", "**/*.md", "src/**", "**", "*", "src/auth/*.go", "{a,b}/**", "{src,**}", "*.lock", "services/payments/**", "s*/**", "[a-z]*/**", `[^\]q]*/**`, `**\/**`, "{[}],**}", `src/\[a]/*`}
	someRules = []string{"gitleaks/*", "gosec/G404", "gosec/G4*", "*/*", "**/*", "osv/GHSA-1", "semgrep/**", "gitleaks/aws", "{gosec,osv}/*"}
	somePaths = []string{"src/auth/a.go", "services/payments/x.go", "vendor/a/b.js", "README.md", "a/b", "z", "src/testdata/k"}
	someTexts = []any{"", "x", "off", "note", "a/", "/a", "./a", "!a", "a/../b", "a//b/*", "9m", "0s", "9s", "500s", "1h", "2026-02-30", "2026-02-28", "@a/b", "@", strings.Repeat("y", 600), "a,b", "{{{{", "a\nb"}
)

// document generates a document that the table allows. Without guardrails it is a repository's.
func (c chooser) document(s *spec, key string, guardrails bool) any {
	switch {
	case s.read != nil:
		return c.leaf(s.schema, key)
	case s.list != nil:
		list := []any{}
		for range c.IntN(3) {
			list = append(list, c.document(s.list, key, guardrails))
		}
		return list
	}
	out := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.fields)) {
		needed := slices.ContainsFunc(s.needs, func(n need) bool { return n.key == name })
		if (needed || c.IntN(2) == 0) && (guardrails || name != "guardrails") {
			out[name] = c.document(s.fields[name], name, guardrails)
		}
	}
	if s.names != nil {
		for range c.IntN(4) {
			out[c.leaf(s.names.schema, key).(string)] = c.document(s.each, key, guardrails)
		}
	}
	return out
}

func (c chooser) leaf(s schema, key string) any {
	if list, ok := s["enum"].([]any); ok {
		return pick(c, list)
	}
	if constant, ok := s["const"]; ok {
		return constant
	}
	switch s["type"] {
	case "boolean":
		return c.IntN(2) == 0
	case "number":
		return pick(c, []any{0, 1, 0.05, 0.5})
	case "integer":
		least, most := s["minimum"].(int), s["maximum"].(int)
		return least + c.IntN(min(most-least+1, 60))
	case "array":
		list := []any{}
		for range c.IntN(4) {
			list = append(list, c.leaf(s["items"].(schema), key))
		}
		return list
	}
	switch key {
	case "rules", "rule", "pin":
		return pick(c, someRules)
	case "first", "scanner":
		return pick(c, []string{"10s", "60s", "499s", "8m"})
	case "since", "until":
		return pick(c, []string{"2026-09-01", "2024-02-29"})
	case "default":
		return pick(c, []string{"@acme/platform", "@olga"})
	case "list":
		return pick(c, []string{"my-agent", "@my-agent", "my-agent[bot]"})
	case "name":
		return pick(c, []string{"raw sql", "Old TLS", "a.b-c_1"})
	case "champions", "security", "by_team":
		return pick(c, []string{"@acme/payments", "@acme/core"})
	case "scanners", "required":
		return pick(c, knownScanners)
	case "digest":
		if s["type"] == "string" {
			return pick(c, []string{"acme/security", "acme/shop", "none"})
		}
		return pick(c, []string{"@acme/payments", "@acme/core", "@mona"})
	case "controls":
		return pick(c, []string{"authn-check", "own-kind"})
	case "authn-check", "own-kind":
		return pick(c, []string{"@require_login", "ensureTenant(", "a b c"})
	case "own_hosts":
		return pick(c, []string{"*.example.com", "acme.io", "x.y-z.co"})
	case "reason":
		return pick(c, []string{"why", "because: it is", "# no"})
	case "paths":
		return pick(c, []string{"src/**", "services/payments/**", "**/*.go", "**", "vendor/**"})
	}
	return pick(c, someGlobs)
}

// shuffled writes a document as YAML in braces, its keys in any order.
func (c chooser) shuffled(v any) string {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		c.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		parts := make([]string, len(keys))
		for i, k := range keys {
			parts[i] = quoted(k) + ": " + c.shuffled(v[k])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = c.shuffled(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	}
	return quoted(v)
}

func quoted(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

func (c chooser) layer(t *testing.T, guardrails bool) (Layer, any) {
	t.Helper()
	doc := c.document(table, "", guardrails)
	text := c.shuffled(doc)
	layer, err := Parse("p.yml", []byte(text))
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return layer, doc
}

// TestGuardrailsAreNeverWeakened merges 10,000 random pairs of an organisation and a repository.
func TestGuardrailsAreNeverWeakened(t *testing.T) {
	t.Parallel()
	c := newChooser(1)
	refusals, raised := 0, 0
	unnamed := []string{"wö/wö.wö", "ww", "qq/qq/qq.qq", "q"} // by any glob, but for wildcards
	for n := range 10_000 {
		org, _ := c.layer(t, true)
		repo, repoDoc := c.layer(t, n%3 == 0) // a repository may try to write guardrails
		alone, p := Merge(org, Layer{}), Merge(org, repo)
		if !reflect.DeepEqual(withoutKeys(p.Guardrails), withoutKeys(alone.Guardrails)) {
			t.Fatalf("pair %d: the repository changed the guardrails:\n%+v\n%+v", n, p.Guardrails, alone.Guardrails)
		}
		refusals += len(p.Refused)
		for range 5 {
			gate, sev, path := pick(c, scanners.Gates()), scanners.Severity(c.IntN(5)), pick(c, somePaths)
			scanner, rule := pick(c, knownScanners), pick(c, []string{"aws", "G404", "G401", "GHSA-1"})
			about := func() string {
				return fmt.Sprintf("pair %d: %s %s/%s %v %s:\n%s\nrepository %s", n, gate, scanner, rule, sev, path, p.Explain(), quoted(repoDoc))
			}
			decided := p.Decide(gate, scanner, rule, sev, path)
			orgOff := alone.Scanners[scanner] == false && has(alone.Scanners, scanner)
			guard := p.Guardrails.Gates[gate]
			if sev >= guard.Severity && decided.Mode < guard.Mode && !orgOff {
				t.Fatalf("%s\ngot %v, the guardrail is %v", about(), decided.Mode, guard.Mode)
			}
			if slices.Contains(p.Guardrails.Required, scanner) && (!p.Wants(scanner, gate) || decided.Mode == Off) {
				t.Fatalf("%s\nthe scanner is required and is off", about())
			}
			if _, ok := p.enforced(scanner, rule); ok && sev > scanners.Note && decided.Mode < Comment && !orgOff {
				t.Fatalf("%s\nthe rule is enforced and is not shown", about())
			}
			if p.Ignored(path) && matches(p.Guardrails.Never, path) {
				t.Fatalf("%s\nit is left alone, and must not be", about())
			}
			if guard.Mode > Off && p.values[Key{"paths", "ignore"}.id()].Origin.Layer == Repository && slices.ContainsFunc(unnamed, p.Ignored) {
				t.Fatalf("%s\neverything is left alone", about())
			}
			if decided.Mode == Block && decided.Origin.Layer != Repository {
				t.Fatalf("%s\n%v of %v blocks", about(), decided.Key, decided.Origin)
			}
			if chosen, _ := p.chosen(gate, scanner, rule, sev, path); chosen < decided.Mode {
				raised++
			}
		}
	}
	// The test is meaningful only if it tried enough refusals and raised modes.
	if refusals < 5_000 || raised < 1_000 {
		t.Errorf("only %d refusals and %d raised modes", refusals, raised)
	}
	t.Logf("%d refusals, %d modes raised by a guardrail", refusals, raised)
}

func withoutKeys(g Guardrails) Guardrails {
	g.Enforce = slices.Clone(g.Enforce)
	for i := range g.Enforce {
		g.Enforce[i].key = nil
	}
	return g
}

func has[K comparable, V any](m map[K]V, k K) bool { _, ok := m[k]; return ok }

func TestMergeLaws(t *testing.T) {
	t.Parallel()
	c := newChooser(2)
	for n := range 2_000 {
		org, orgDoc := c.layer(t, true)
		repo, repoDoc := c.layer(t, false)
		p := Merge(org, repo)
		if !p.Equal(Merge(org, repo)) {
			t.Fatalf("pair %d: merged twice, it is another", n)
		}
		// A value that is set twice is the same as once.
		twice := Layer{values: append(slices.Clone(repo.values), repo.values...)}
		if !p.Equal(Merge(org, twice)) {
			t.Fatalf("pair %d: said twice, it is another", n)
		}
		again := func(doc any) Layer {
			layer, err := Parse("p.yml", []byte(c.shuffled(doc)))
			if err != nil {
				t.Fatal(err)
			}
			return layer
		}
		q := Merge(again(orgDoc), again(repoDoc))
		p.Refused, q.Refused = nil, nil // their places are others
		if !p.Equal(q) {
			t.Fatalf("pair %d: in another order, it is another:\n%s\n%s", n, p.Explain(), q.Explain())
		}
		// A repository with an empty file changes nothing but what only a repository may set.
		if !Merge(org, Layer{}).Equal(Merge(org, Layer{values: []Value{}})) {
			t.Fatalf("pair %d: an empty file is not no file", n)
		}
	}
}

// spoil breaks a document somewhere, perhaps.
func (c chooser) spoil(v any) any {
	switch v := v.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if len(keys) == 0 || c.IntN(12) == 0 {
			switch c.IntN(3) {
			case 0:
				return c.wrong()
			case 1:
				v[fmt.Sprint(pick(c, someTexts))] = c.wrong()
			default:
				v[pick(c, []string{"mode", "gates", "ignore", "secrets", "low", "version", "rule"})] = c.wrong()
			}
			return v
		}
		k := pick(c, keys)
		if c.IntN(12) == 0 {
			delete(v, k)
			return v
		}
		v[k] = c.spoil(v[k])
		return v
	case []any:
		if len(v) == 0 || c.IntN(6) == 0 {
			return append(v, c.wrong())
		}
		i := c.IntN(len(v))
		v[i] = c.spoil(v[i])
		return v
	}
	return c.wrong()
}

func (c chooser) wrong() any {
	if c.IntN(2) == 0 {
		return pick(c, someTexts)
	}
	return pick(c, []any{nil, true, 0, 1, -1, 51, 0.5, 1.5, []any{}, map[string]any{}, []any{"a/b"}, map[string]any{"mode": "off"}, 100_001})
}

func compiled(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(Schema())))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(SchemaURL, doc); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile(SchemaURL)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaAndDecoderAgree holds that both accept the same of 8,000 files, valid and spoiled ones.
func TestSchemaAndDecoderAgree(t *testing.T) {
	t.Parallel()
	s := compiled(t)
	c := newChooser(3)
	taken, refused := 0, 0
	for n := range 8_000 {
		doc := c.document(table, "", true)
		for range n % 3 {
			doc = c.spoil(doc)
		}
		text := quoted(doc)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		bySchema := s.Validate(value)
		_, byDecoder := Parse("p.yml", []byte(c.shuffled(doc)))
		if (bySchema == nil) != (byDecoder == nil) {
			t.Fatalf("%s\nschema: %v\ndecoder: %v", text, bySchema, byDecoder)
		}
		if byDecoder == nil {
			taken++
		} else {
			refused++
		}
	}
	if taken < 2_000 || refused < 2_000 {
		t.Errorf("%d taken, %d refused: the test says little", taken, refused)
	}
}

// TestSchemaFile holds that the file for editors is the schema.
func TestSchemaFile(t *testing.T) {
	t.Parallel()
	if *update {
		if err := os.WriteFile("schema.json", Schema(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != string(Schema()) {
		t.Error("schema.json is not what the table says: run go test ./app/policy -update")
	}
	compiled(t)
}

func TestNoSurprise(t *testing.T) {
	t.Parallel()
	p := merged(t, `version: 1
guardrails:
  enforce: [{rule: "gitleaks/*", since: 2026-09-01}]
`, "")
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	good := Evidence{
		Now: day("2026-11-01"), New: true, Complete: true,
		Shown: Shown{Pulls: 3, First: day("2026-09-20"), Here: Answers{40, 2}, Everywhere: Answers{400, 399}},
	}
	for name, test := range map[string]struct {
		rule   string
		change func(*Evidence)
		fails  bool
		want   string
	}{
		"all is given":               {"aws", func(*Evidence) {}, true, `the organisation enforces "gitleaks/*" since 2026-09-01`},
		"last day of grace":          {"aws", func(e *Evidence) { e.Now, e.First = day("2026-09-14"), day("2026-01-01") }, false, "it fails checks from 2026-09-15 on, 14 days after it was announced"},
		"first day behind grace":     {"aws", func(e *Evidence) { e.Now, e.First = day("2026-09-15"), day("2026-01-01") }, true, ""},
		"29 days and 19 requests":    {"aws", func(e *Evidence) { e.Pulls, e.First = 19, e.Now.AddDate(0, 0, -29) }, false, "it was shown for 29 days here and in 19 pull requests of the organisation, and 30 days or 20 pull requests are required first"},
		"29 days and 20 requests":    {"aws", func(e *Evidence) { e.Pulls, e.First = 20, e.Now.AddDate(0, 0, -29) }, true, ""},
		"30 days and no request":     {"aws", func(e *Evidence) { e.Pulls, e.First = 0, e.Now.AddDate(0, 0, -30) }, true, ""},
		"never shown here":           {"aws", func(e *Evidence) { e.First = time.Time{} }, false, "it was shown for 0 days here and in 3 pull requests of the organisation, and 30 days or 20 pull requests are required first"},
		"3 of 40 of no use":          {"aws", func(e *Evidence) { e.Here.NotUseful = 3 }, false, "people found 3 of 40 of no use here, more than 5 %"},
		"few here, bad elsewhere":    {"aws", func(e *Evidence) { e.Here = Answers{19, 0} }, false, "people found 399 of 400 of no use in the organisation, more than 5 %"},
		"few here, good elsewhere":   {"aws", func(e *Evidence) { e.Here, e.Everywhere = Answers{19, 19}, Answers{100, 5} }, true, ""},
		"nothing known":              {"aws", func(e *Evidence) { e.Here, e.Everywhere = Answers{}, Answers{} }, false, "it was not shown to anybody in the last 90 days, so nobody can say how useful it is"},
		"old, or in unchanged lines": {"aws", func(e *Evidence) { e.New = false }, false, "the finding is not new in lines that the pull request changes"},
		"decided":                    {"aws", func(e *Evidence) { e.Decided = true }, false, "people decided of the finding"},
		"incomplete":                 {"aws", func(e *Evidence) { e.Complete = false }, false, "the scanner did not finish"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := good
			test.change(&e)
			v, ok := p.Fails("gitleaks", test.rule, e)
			if !ok || v.Fails != test.fails || test.want != "" && v.Because != test.want {
				t.Errorf("got %+v, %v", v, ok)
			}
			if v.Origin.String() != "organisation, acme/.github/.secbydesign.yml:3" {
				t.Errorf("the line is %v", v.Origin)
			}
		})
	}
	// Of several entries the earliest counts, whatever their order.
	twice := merged(t, "version: 1\nguardrails: {enforce: [{rule: \"gitleaks/*\", since: 2027-06-01}, {rule: gitleaks/aws, since: 2026-09-01}, {rule: \"gitleaks/a*\", since: 2026-10-31}]}\n", "")
	if v, _ := twice.Fails("gitleaks", "aws", good); !v.Fails || !strings.Contains(v.Because, `"gitleaks/aws" since 2026-09-01`) {
		t.Errorf("enforced three times: %+v", v)
	}
	if _, ok := p.Fails("gosec", "G404", good); ok {
		t.Error("a rule that is not enforced is")
	}
	if _, ok := merged(t, "", "version: 1\nguardrails: {enforce: [{rule: \"**/*\", since: 2020-01-01}]}\n").Fails("gosec", "G404", good); ok {
		t.Error("a repository enforced a rule")
	}
}

// TestTeamsSayWhatIsDifferent holds that a team's ceiling has the default's values for fields that it does not set.
func TestTeamsSayWhatIsDifferent(t *testing.T) {
	t.Parallel()
	p := merged(t, `version: 1
guardrails:
  accept:
    by_team: {"@Acme/Temps": {max_severity: low}, "@acme/docs": {reason_min: 0}}
    default: {max_days: 30}
`, "")
	want := map[string]ownership.Ceiling{
		"@acme/temps": {MaxSeverity: scanners.Low, MaxDays: 30, ReasonMin: 30},
		"@acme/docs":  {MaxSeverity: scanners.Medium, MaxDays: 30, ReasonMin: 0},
	}
	if got := p.Guardrails.Accept.ByTeam; !maps.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
}

// TestOrganisationAndRepositoryTogether covers two wishes of policy-bot's users that it could not fulfil:
// https://github.com/palantir/policy-bot/issues/319 (merge both files) and
// https://github.com/palantir/policy-bot/issues/1038 (the organisation's file applies although the repository has one).
func TestOrganisationAndRepositoryTogether(t *testing.T) {
	t.Parallel()
	const org = `version: 1
gates:
  code: {mode: observe, severity: high}
comments: {limit: 20}
rules:
  gosec/G104: {mode: observe}
guardrails:
  gates: {secrets: {at_least: comment}}
`
	t.Run("319 merged key by key", func(t *testing.T) {
		p := merged(t, org, "version: 1\ngates: {code: {mode: block}}\nrules: {gosec/G404: {mode: off}}\n")
		if g := p.Gate(scanners.Code); g.Mode != Block || g.Severity != scanners.High {
			t.Errorf("got %+v, want the repository's mode and the organisation's severity", g)
		}
		if p.CommentLimit != 20 || len(p.Rules) != 2 {
			t.Errorf("limit %d, rules %v", p.CommentLimit, p.Rules)
		}
	})
	t.Run("1038 holds although the repository has its own", func(t *testing.T) {
		p := merged(t, org, "version: 1\ngates: {secrets: {mode: off}}\n")
		d := p.Decide(scanners.Secrets, "gitleaks", "aws", scanners.High, "a.go")
		if d.Mode != Comment || d.Origin.String() != "organisation, acme/.github/.secbydesign.yml:8" || !p.Wants("gitleaks", scanners.Secrets) {
			t.Errorf("got %+v", d)
		}
		want := ".secbydesign.yml:2:25: gates.secrets.mode: off is too mild; the organisation wants at least comment for findings of low severity or worse (organisation, acme/.github/.secbydesign.yml:8)"
		if len(p.Refused) != 1 || p.Refused[0].String() != want {
			t.Errorf("refused: %v", p.Refused)
		}
	})
}

// TestRequiredScannersSee holds that a pattern for everything does not blind the scanners that an organisation
// requires.
func TestRequiredScannersSee(t *testing.T) {
	t.Parallel()
	for guardrails, ignored := range map[string]bool{
		"scanners: {required: [gitleaks]}":                   false,
		"gates: {secrets: {at_least: comment}}":              false,
		"enforce: [{rule: gitleaks/aws, since: 2026-09-01}]": false,
		"comments": true,
	} {
		org := "version: 1\nguardrails:\n  " + guardrails + "\n"
		if ignored {
			org = "version: 1\n"
		}
		if p := merged(t, org, "version: 1\npaths: {ignore: [\"**\"]}\n"); p.Ignored("a.go") != ignored {
			t.Errorf("under %s, ** ignores a file: %v", guardrails, !ignored)
		}
	}
}

// TestEnforcedNotesStayQuiet holds that the repository decides about notes of an enforced rule.
func TestEnforcedNotesStayQuiet(t *testing.T) {
	t.Parallel()
	p := merged(t, "version: 1\nguardrails:\n  enforce: [{rule: gosec/G1, since: 2026-09-01}]\n", "version: 1\ngates: {code: {mode: \"off\"}}\n")
	for severity, want := range map[scanners.Severity]Mode{scanners.Note: Off, scanners.Low: Comment} {
		if got := p.Mode(scanners.Code, "gosec", "G1", severity, "a.go"); got != want {
			t.Errorf("a finding of severity %s is %s, want %s", severity, got, want)
		}
	}
}

func TestSections(t *testing.T) {
	t.Parallel()
	p := merged(t, "", `version: 1
gates: {code: {mode: observe}, pipeline: {mode: off}}
rules: {gosec/G1*: {mode: comment}}
paths:
  ignore: ["vendor/**"]
  "services/**": {gates: {code: {severity: high}}}
  "services/payments/**":
    gates: {code: {mode: block}, pipeline: {mode: comment}}
    rules: {gosec/G104: {mode: off}}
`)
	for _, test := range []struct {
		gate    scanners.Gate
		rule    string
		sev     scanners.Severity
		path    string
		want    Mode
		because string
	}{
		{scanners.Code, "G404", scanners.High, "a.go", Observe, "gates.code.mode"},
		{scanners.Code, "G404", scanners.High, "services/payments/a.go", Block, `paths."services/payments/**".gates.code.mode`},
		{scanners.Code, "G404", scanners.Low, "services/payments/a.go", Observe, `paths."services/**".gates.code.severity`},
		{scanners.Code, "G104", scanners.High, "services/payments/a.go", Off, `paths."services/payments/**".rules."gosec/G104".mode`},
		{scanners.Code, "G104", scanners.High, "services/other/a.go", Comment, `rules."gosec/G1*".mode`},
		{scanners.Pipeline, "x", scanners.High, "a.go", Off, "gates.pipeline.mode"},
		{scanners.Pipeline, "x", scanners.High, "services/payments/a.go", Comment, `paths."services/payments/**".gates.pipeline.mode`},
	} {
		d := p.Decide(test.gate, "gosec", test.rule, test.sev, test.path)
		if d.Mode != test.want || d.Key.String() != test.because {
			t.Errorf("%s %s %v %s: %v because of %v", test.gate, test.rule, test.sev, test.path, d.Mode, d.Key)
		}
	}
	if !p.Wants("zizmor", scanners.Pipeline) {
		t.Error("a scanner that a section wants does not run")
	}
}

func TestBroadPatterns(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]Breadth{
		"**": All, "*": All, "**/*": All, "**/*.*": All, "[a-z]*/**": All, "{a,**}": All, "?*": All, "{*,b/c}": All,
		"**/{*}": All, "{,a}**": All, "*{a,}*/**": All, "**/?*.*": All, "**/*[.]*": All, "**/*-*": All, ".*/**": All,
		`[^\]x]*/**`: All, `[^\]q]*`: All, `**/[^\]q]*`: All, `**\/**`: All, `*\.*`: All, `{[}],**}`: All, `{\},**}`: All, `{[,],**}`: All, "**/*[^/b]": All,
		"**/*.md": Kind, "src*/**": Kind, "{*.md,docs/**}": Kind, `**/*\a*`: Kind, `**/\[^q]*`: Kind, "**/*.[jt]s": Kind, "**/é*": Kind,
		`\*`: Folder, `a\*/**`: Folder, `**/\a/*`: Folder, ".git/**": Folder, "_/**": Folder, `{\},a}/**`: Folder,
		"vendor/**": Folder, "**/testdata/**": Folder, "a/*.go": Folder, "{a,b}/**": Folder, "Makefile": Folder,
	} {
		got := Folder
		for _, most := range []Breadth{Folder, Kind} {
			if tooBroad(pattern, most) {
				got = map[Breadth]Breadth{Folder: Kind, Kind: All}[most]
			}
		}
		if got != want {
			t.Errorf("%s is %s, want %s", pattern, got, want)
		}
	}
}

// TestBreadthIsThatOfMatching tries random patterns that are not too broad on names without any of their letters, and
// on names without a whole name of theirs.
func TestBreadthIsThatOfMatching(t *testing.T) {
	t.Parallel()
	c := newChooser(4)
	others := []string{"x", "x.y", "xy/zx.y", "x/y/z", "x-y/.z", "xx/y-y/zz/x.yz", "]x", "x]", "[^x]", "x,y", "{x}/y}", `\x/y\`, "*x/?y", "!x/^z.x"}
	longer := append([]string{"ax", "ax/bx", "xa.b", "ab-x/ba.y", "x/ax.ab/bz"}, others...)
	taken := 0
	for range 300_000 {
		pattern := ""
		for range 1 + c.IntN(10) {
			pattern += pick(c, []string{"*", "*", "**", "?", "/", "/", "[", "[", "]", "]", "^", "!", "{", "}", ",", "\\", "a", "b", ".", "-"})
		}
		if !(&reader{}).Glob(strictyaml.Place{}, pattern) {
			continue
		}
		for most, names := range map[Breadth][]string{Kind: others, Folder: longer} {
			if tooBroad(pattern, most) {
				continue
			}
			taken++
			for _, name := range names {
				if matches([]string{pattern}, name) {
					t.Fatalf("%s is no more than %s and matches %s", pattern, most, name)
				}
			}
		}
		for _, name := range longer {
			if matches([]string{pattern}, name) && !matches(alternatives(pattern), name) {
				t.Fatalf("%s matches %s, and none of %q does", pattern, name, alternatives(pattern))
			}
		}
	}
	if taken < 20_000 {
		t.Errorf("only %d patterns were taken", taken)
	}
}

func TestOverlaps(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"src/**", "src/a/b.go", true}, {"src/**", "lib/**", false}, {"**/testdata/**", "src/**", true},
		{"*.md", "docs/*.md", false}, {"**/*.md", "docs/x.md", true}, {"**/*.md", "docs/x.go", false},
		{"{a,b}/*", "b/c", true}, {"{a,b}/*", "c/c", false}, {"a/**/c", "a/c", true}, {"a/*/c", "a/c", false},
	} {
		if got := overlaps(test.a, test.b); got != test.want || got != overlaps(test.b, test.a) {
			t.Errorf("%s and %s: %v", test.a, test.b, got)
		}
	}
	deep := strings.Repeat("**/a/", 50) + "b"
	if overlaps(deep, strings.Repeat("**/a/", 50)+"c") { // exponential, if done without thought
		t.Error("b and c are one name")
	}
}

// TestExplainWhatAnOrganisationSaysAgainstItself has rules that the organisation's own guardrails make louder.
func TestExplainWhatAnOrganisationSaysAgainstItself(t *testing.T) {
	t.Parallel()
	p := merged(t, `version: 1
guardrails:
  gates: {secrets: {at_least: comment}, code: {at_least: comment, severity: high}, pipeline: {at_least: observe}}
  enforce: [{rule: "gosec/G4*", since: 2026-09-01}]
rules:
  gitleaks/x: {mode: observe}
  gosec/G404: {mode: observe}
  osv/x: {mode: off}
  semgrep/x: {mode: comment}
`, "")
	for rule, want := range map[string]string{
		"gitleaks/x": "observe; comment in secrets; comment in code from high on",
		"gosec/G404": "observe; comment in secrets; comment in code from high on; comment where enforced",
		"osv/x":      "off; comment in secrets; comment in code from high on; observe in pipeline",
		"semgrep/x":  "comment",
	} {
		if got, _ := p.effective(p.values[Key{"rules", rule, "mode"}.id()]); got != want {
			t.Errorf("%s: %s\nwant %s", rule, got, want)
		}
	}
	if d := p.Decide(scanners.Secrets, "gitleaks", "x", scanners.Low, "a.py"); d.Mode != Comment {
		t.Errorf("decided is %v", d)
	}
}

// TestExplain shows three layers as a reader of the terminal sees them.
func TestExplain(t *testing.T) {
	t.Parallel()
	var text [2]string
	for i, name := range []string{"organisation", "repository"} {
		b, err := os.ReadFile("testdata/explain/" + name + ".yml")
		if err != nil {
			t.Fatal(err)
		}
		text[i] = string(b)
	}
	got := merged(t, text[0], text[1]).Explain()
	if *update {
		if err := os.WriteFile("testdata/explain/want", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/explain/want")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s", got)
	}
	if got := Default().Explain(); !strings.HasSuffix(got, "\nNothing was refused.\n") || strings.Contains(got, ".yml") {
		t.Errorf("without files:\n%s", got)
	}
}
