package local

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// policies makes a folder with a policy at the base, and an option with one of the organisation; empty for none.
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

// TestNotices lists the problems of policies: of the base, of the organisation, and of the one that the change would
// bring in.
func TestNotices(t *testing.T) {
	t.Parallel()
	const takes = "The change takes effect when it is merged; this review follows the policy of the base. "
	for name, c := range map[string]struct {
		repository, organisation, head string
		code                           int
		want                           []string // parts of the notices, in their order
	}{
		"nothing":         {repository: "gates: {code: {mode: observe}}"},
		"refused":         {repository: "gates: {secrets: {mode: off}}", organisation: "guardrails: {gates: {secrets: {at_least: comment}}}", want: []string{"Refused at the base: .secbydesign.yml:2:25: gates.secrets.mode: off is too mild"}},
		"guards itself":   {repository: "guardrails: {scanners: {required: [gitleaks]}}", want: []string{".secbydesign.yml:2:35: guardrails: guardrails count only in the file of the organisation."}},
		"unknown":         {repository: "scanners: {gitleeks: {enabled: false}}\nrules: {dokcerfile/root-user: {mode: off}}", want: []string{`.secbydesign.yml:2:12: unknown scanner "gitleeks", did you mean "gitleaks"?`, `.secbydesign.yml:3:9: unknown scanner "dokcerfile", did you mean "dockerfile"?`}},
		"unknown to it":   {organisation: "guardrails: {scanners: {required: [gitleeks]}}", code: Unfinished, want: []string{`org.yml:2:36: unknown scanner "gitleeks", did you mean "gitleaks"?`}},
		"CodeQL":          {repository: "rules: {codeql/x: {mode: off}}"},
		"invalid head":    {head: "gates: {secret: {mode: off}}\nrules: {x: {mode: off}}", want: []string{`This pull request makes .secbydesign.yml invalid: .secbydesign.yml:2:9: unknown gate "secret", did you mean "secrets"?`, ".secbydesign.yml:3:9: write the rule with its scanner"}},
		"another head":    {head: "gates: {secrets: {mode: block}}", want: []string{"This pull request changes .secbydesign.yml. " + takes + "It would change gates.secrets.mode from comment to block. No finding is open that it would concern."}},
		"refused head":    {head: "gates: {secrets: {mode: off}}", organisation: "guardrails: {gates: {secrets: {at_least: comment}}}", want: []string{"It would change nothing", "Not taken: .secbydesign.yml:2:25: gates.secrets.mode: off is too mild"}},
		"unknown head":    {head: "scanners: {gitleeks: {enabled: true}}", want: []string{"It would change scanners.gitleeks.enabled from nothing to true.", `.secbydesign.yml:2:12: unknown scanner "gitleeks", did you mean "gitleaks"?`}},
		"unknown at both": {repository: "scanners: {gitleeks: {enabled: false}}", head: "scanners: {gitleeks: {enabled: false}}\ncomments: {limit: 1}", want: []string{".secbydesign.yml:2:12: unknown scanner", "It would change comments.limit from 10 to 1."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, with := policies(t, c.repository, c.organisation)
			if c.head != "" {
				f.write(map[string]string{".secbydesign.yml": "version: 1\n" + c.head + "\n"})
			}
			code, out, err := f.review(with)
			if code != c.code || err != nil {
				t.Fatalf("code %d, %v; want %d\n%s", code, err, c.code, out)
			}
			report := readReport(t, out)
			if len(report.Notices) != len(c.want) {
				t.Fatalf("notices:\n%s", strings.Join(report.Notices, "\n"))
			}
			for i, part := range c.want {
				if !strings.Contains(report.Notices[i], part) {
					t.Errorf("%q does not hold %q", report.Notices[i], part)
				}
			}
			for _, format := range []string{"text", "markdown"} {
				_, out, err := f.review(func(o *Options) { with(o); o.Format, o.Width = format, 10_000 })
				out = strings.ReplaceAll(out, "\\", "")
				for _, notice := range report.Notices {
					if strings.Count(out, notice[:min(len(notice), 60)]) != 1 || err != nil {
						t.Errorf("%s does not say once %q: %v\n%s", format, notice, err, out)
					}
				}
			}
		})
	}
}
