package policy

import (
	"fmt"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// merged merges two files; an empty text means that there is no file.
func merged(t testing.TB, organisation, repository string) Policy {
	t.Helper()
	var layers [2]Layer
	for i, text := range []string{organisation, repository} {
		if text == "" {
			continue
		}
		var err error
		if layers[i], err = Parse([]string{"acme/.github/.secbydesign.yml", ".secbydesign.yml"}[i], []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return Merge(layers[0], layers[1])
}

func TestMode(t *testing.T) {
	t.Parallel()
	const file = `
version: 1
gates:
  secrets:        {mode: block}
  code:           {mode: comment, severity: medium}
  dependencies:   {mode: block, severity: note}
  infrastructure: {mode: off}
  pipeline:       {mode: observe, severity: high}
scanners:
  semgrep:        {enabled: false}
  gosec:          {enabled: true}
rules:
  gosec/*:        {mode: observe}
  gosec/G4*:      {mode: block}
  gosec/G404:     {mode: off}
  semgrep/x:      {mode: block}
  "*/CKV_1":      {mode: block}
  codeql/**:      {mode: block}
`
	p := merged(t, "", file)
	for _, test := range []struct {
		gate     scanners.Gate
		scanner  string
		rule     string
		severity scanners.Severity
		want     Mode
	}{
		{scanners.Secrets, "gitleaks", "aws", scanners.Critical, Block},
		{scanners.Secrets, "gitleaks", "aws", scanners.Low, Block},     // the gate's severity is low
		{scanners.Secrets, "gitleaks", "aws", scanners.Note, Observe},  // below it
		{scanners.Code, "brakeman", "x", scanners.Medium, Comment},     // at the gate's severity
		{scanners.Code, "brakeman", "x", scanners.Low, Observe},        // below it
		{scanners.Dependencies, "osv", "GHSA-1", scanners.Low, Block},  // above it
		{scanners.Dependencies, "osv", "x", scanners.Note, Comment},    // a note never blocks
		{scanners.Pipeline, "zizmor", "x", scanners.Critical, Observe}, // never louder than the gate
		{scanners.Requirements, "x", "x", scanners.Low, Comment},       // not in the file
		{scanners.Gate("new"), "x", "x", scanners.Low, Comment},        // never silent by accident
		{scanners.Code, "gosec", "G101", scanners.Critical, Observe},   // first rule
		{scanners.Code, "gosec", "G401", scanners.Critical, Block},     // the last that matches
		{scanners.Code, "gosec", "G404", scanners.Critical, Off},       //
		{scanners.Code, "gosec", "G401", scanners.Low, Block},          // a named rule is meant
		{scanners.Code, "gosec", "G401", scanners.Note, Comment},       // a note never blocks
		{scanners.Code, "gosec2", "G401", scanners.High, Comment},      // another scanner
		{scanners.Code, "semgrep", "x", scanners.Critical, Off},        // a scanner that is off stays off
		{scanners.Infrastructure, "checkov", "CKV_1", scanners.Critical, Off},
		{scanners.Pipeline, "checkov", "CKV_1", scanners.Low, Block},
		{scanners.Code, "codeql", "js/xss", scanners.High, Block}, // ** crosses slashes
	} {
		t.Run(fmt.Sprint(test.gate, test.scanner, test.rule, test.severity), func(t *testing.T) {
			if got := p.Mode(test.gate, test.scanner, test.rule, test.severity, "a/b.go"); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestDefault(t *testing.T) {
	t.Parallel()
	p := Default()
	for _, gate := range scanners.Gates() {
		for severity, want := range []Mode{Observe, Comment, Comment, Comment, Comment} {
			if got := p.Mode(gate, "any", "rule", scanners.Severity(severity), "a"); got != want {
				t.Errorf("%s %v: %v, want %v", gate, scanners.Severity(severity), got, want)
			}
		}
	}
	if p.CommentLimit != 10 || p.Ignored("a") {
		t.Errorf("got %+v", p)
	}
	p.Gates[scanners.Code] = GatePolicy{}
	if Default().Gates[scanners.Code].Mode != Comment {
		t.Error("a policy shares its gates with the next one")
	}
}

func TestWants(t *testing.T) {
	t.Parallel()
	p := Default()
	p.Gates[scanners.Code] = GatePolicy{Mode: Off}
	p.Scanners["osv"] = false
	p.Scanners["gitleaks"] = true
	for _, test := range []struct {
		scanner string
		gate    scanners.Gate
		want    bool
	}{
		{"gosec", scanners.Code, false},
		{"gitleaks", scanners.Code, false},
		{"osv", scanners.Dependencies, false},
		{"gitleaks", scanners.Secrets, true},
		{"actionlint", scanners.Pipeline, true},
	} {
		if got := p.Wants(test.scanner, test.gate); got != test.want {
			t.Errorf("%s for %s: %v, want %v", test.scanner, test.gate, got, test.want)
		}
	}
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	p := Policy{Ignore: []string{"vendor/**", "**/testdata/**", "*.lock", "docs/{a,b}.md"}}
	var got []string
	for _, path := range []string{
		"vendor/a.go", "vendor/a/b.go", "src/vendor/a.go", "testdata/x", "a/b/testdata/c/x", "a.lock", "a/b.lock",
		"docs/a.md", "docs/c.md", "vendored.go", "Vendor/a.go", "vendor/\n.go", "vendor/[x", "a/testdata",
	} {
		if p.Ignored(path) {
			got = append(got, path)
		}
	}
	want := []string{"vendor/a.go", "vendor/a/b.go", "testdata/x", "a/b/testdata/c/x", "a.lock", "docs/a.md", "vendor/\n.go", "vendor/[x", "a/testdata"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestModeText(t *testing.T) {
	t.Parallel()
	for m := Off; m <= Block; m++ {
		b, err := m.MarshalText()
		var back Mode
		if err != nil || back.UnmarshalText(b) != nil || back != m {
			t.Errorf("%v becomes %v", m, back)
		}
	}
	m := Comment
	for _, bad := range []string{"", "Block", "mode(7)", "blocked"} {
		if m.UnmarshalText([]byte(bad)) == nil || m != Comment {
			t.Errorf("%q was taken, now %v", bad, m)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]struct {
		problem string
		names   bool
	}{
		"gosec/G404":          {"", true},
		"gosec/G4*":           {"", true},
		"*/G404":              {"", true},
		"{gosec,semgrep}/x*":  {"", true},
		"gosec/{G404,*}":      {"", false},
		"gosec/*":             {"", false},
		"gosec/**":            {"", false},
		"*/*":                 {"", false},
		"**/*":                {"", false},
		"gosec/[A-Z]*":        {"", false},
		"gosec/?":             {"", false},
		`gosec/[^\]q]*`:       {"", false},
		`gosec/\**`:           {"", false},
		`gosec/{[}],*}`:       {"", false},
		`gosec/\G404`:         {"", true},
		"{gosec/G404,osv/**}": {"", false},
		"G404":                {`write the rule with its scanner, for example gosec/G404 instead of "G404"`, true},
		"gosecc/G404":         {`unknown scanner "gosecc", did you mean "gosec"?`, true},
		"gosec/[":             {`the pattern "gosec/[" is not complete; close its brackets or put \ before them`, false},
	} {
		if got := RuleProblem(rule, "gosec", "osv"); got != want.problem {
			t.Errorf("%s: %s, want %s", rule, got, want.problem)
		}
		if got := NamesRule(rule); got != want.names && want.problem == "" {
			t.Errorf("%s names a rule: %v", rule, got)
		}
	}
}
