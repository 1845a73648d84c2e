package local

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// policies puts a policy at the base, and gives one of the organisation; empty for none.
func policies(t *testing.T, repository, organisation string) (f folder, with func(*Options)) {
	t.Helper()
	files := map[string]string{"b.py": "x = 1\n"}
	if repository != "" {
		files[".secbydesign.yml"] = "version: 1\n" + repository + "\n"
	}
	f = newFolder(t, files)
	f.commit(map[string]string{"b.py": "x = 2\n"})
	if organisation == "" {
		return f, func(*Options) {}
	}
	org := filepath.Join(t.TempDir(), "org.yml")
	if err := os.WriteFile(org, []byte("version: 1\n"+organisation+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return f, func(o *Options) { o.OrgPolicy = org }
}

// TestRequiredAndNotHere is a scanner that the policy requires and that this machine does not have:
// its silence is no verdict.
func TestRequiredAndNotHere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		repository, organisation string
		code                     int
		want                     map[string][]string // scanner to parts of what is said of it
	}{
		"a workflow's":   {"scanners: {codeql: {enabled: true}}", "", Unfinished, map[string][]string{"codeql": {"scanners.codeql.enabled (repository, .secbydesign.yml:2)", "workflow", "--settings-file"}}},
		"by a guardrail": {"", "guardrails: {scanners: {required: [gitleeks, codeql]}}", Unfinished, map[string][]string{"codeql": {"guardrails.scanners.required (organisation, "}, "gitleeks": {"org.yml:2", "correct the name"}}},
		"an operator's":  {"scanners: {house-rules: {enabled: true}}", "", Unfinished, map[string][]string{"house-rules": {"--settings-file"}}},
		"switched off":   {"scanners: {codeql: {enabled: false}}", "", Passed, nil},
		"its gate is":    {"scanners: {codeql: {enabled: true}}\ngates: {code: {mode: off}}", "", Passed, nil},
		"only its rules": {"rules: {codeql/x: {mode: off}}", "", Passed, nil},
		"one of ours":    {"scanners: {gitleaks: {enabled: true}}", "", Passed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, with := policies(t, c.repository, c.organisation)
			code, out, err := f.review(with)
			if code != c.code || err != nil {
				t.Fatalf("code %d, %v; want %d\n%s", code, err, c.code, out)
			}
			report := readReport(t, out)
			if want := map[bool]string{true: "incomplete", false: "clean"}[len(c.want) > 0]; report.Verdict != want {
				t.Errorf("the verdict is %s", report.Verdict)
			}
			said := map[string]string{}
			for _, s := range report.Scanners {
				if s.State == "incomplete" {
					said[s.Name] = *s.Error
				}
			}
			for scanner, parts := range c.want {
				for _, part := range parts {
					if !strings.Contains(said[scanner], part) {
						t.Errorf("%s: %q does not hold %q", scanner, said[scanner], part)
					}
				}
			}
			if len(said) != len(c.want) {
				t.Errorf("incomplete are %v", said)
			}
			if len(c.want) == 0 {
				return
			}
			_, out, err = f.review(func(o *Options) { with(o); o.Format = "sarif" })
			if err != nil {
				t.Fatal(err)
			}
			var log struct {
				Runs []struct {
					Tool        struct{ Driver struct{ Name string } }
					Invocations []struct{ ExecutionSuccessful bool }
				}
			}
			if err := json.Unmarshal([]byte(out), &log); err != nil {
				t.Fatal(err)
			}
			failed := 0
			for _, run := range log.Runs {
				if !run.Invocations[0].ExecutionSuccessful {
					failed++
				}
			}
			if failed != len(c.want) {
				t.Errorf("%d runs of the SARIF log are not successful:\n%s", failed, out)
			}
		})
	}
}
