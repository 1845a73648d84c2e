package suppress

import (
	"fmt"
	slash "path"
	"slices"
	"strings"
	"testing"
)

func TestEntries(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ file, text, want string }{
		"trivy": {"a/.trivyignore", "# nobody reaches it\nCVE-2020-1 exp:2027-01-01\n\nAVD-AWS-0086\nDS002 # only in tests\ngeneric-rule\n",
			"2 trivy-fs CVE-2020-1 reason; 4 trivy AVD-AWS-0086 endless; 5 trivy DS002 endless reason; 6  generic-rule endless"},
		"trivy, YAML": {".trivyignore.yaml", "vulnerabilities:\n  - id: CVE-2020-1\n    expired_at: 2027-01-01\n    statement: nobody reaches it\n  - id: CVE-2020-2\n    paths: [a/go.mod]\nmisconfigurations:\n  - id: AWS-0086\n",
			"2 trivy-fs CVE-2020-1 reason; 5 trivy-fs CVE-2020-2 endless; 6  a/go.mod in /a/go.mod reason; 8 trivy AWS-0086 endless"},
		"gitleaks": {".gitleaksignore", "# a test vector\na.py:github-pat:2\n" + strings.Repeat("ab", 20) + ":b:c.py:jwt:3\nnonsense\n",
			"2 gitleaks a.py:github-pat:2 github-pat in a.py:2 reason; 3  " + strings.Repeat("ab", 20) + ":b:c.py:jwt:3 jwt in b:c.py:3 reason; 4 gitleaks nonsense reason"},
		"semgrep": {".semgrepignore", ":include .gitignore\nvendor/\n!vendor/ours\n*.min.js # made by a tool\n",
			"2  vendor/ in vendor/; 4  *.min.js in *.min.js reason"},
		"snyk": {".snyk", "version: v1.5.0\nignore:\n  SNYK-JS-A-1:\n    - '*':\n        reason: nobody reaches it\n        expires: 2027-01-01T00:00:00.000Z\n  SNYK-JS-B-1:\n    - 'a > b': {}\nexclude:\n  global:\n    - src\n    - tests/**:\n        expires: 2027-01-01\n",
			"3  SNYK-JS-A-1 reason; 7  SNYK-JS-B-1 endless; 11  src in src reason; 12  tests/** in tests/** reason"},
		"osv-scanner": {"osv-scanner.toml", "[[IgnoredVulns]]\nid = \"GO-2022-1\"\nignoreUntil = 2027-01-01\nreason = \"nobody reaches it\"\n\n[[IgnoredVulns]]\nid = 'GHSA-x'\n\n[[PackageOverrides]]\nname = \"left-pad\"\nignore = true\n\n[[PackageOverrides]]\nignore = true\n[[PackageOverrides]]\nname = \"x\"\nlicense.ignore = true\n",
			"2 osv+osv-scanner GO-2022-1 reason; 7 osv+osv-scanner GHSA-x endless; 10  left-pad endless; 1  * endless"},
		"checkov":   {".checkov.yaml", "skip-check:\n  - CKV_AWS_20  # the bucket is public\n  - CKV_AWS_1\nskip-path: [gen]\n", "2 checkov CKV_AWS_20 reason; 3 checkov CKV_AWS_1; 4  gen reason"},
		"not read":  {".hadolint.yaml", "ignored: [DL3008]\n", ""},
		"empty":     {".snyk", "\n", ""},
		"broken":    {".snyk", "a: [\n", "it cannot be read, so what it names was not checked"},
		"broken, 2": {"osv-scanner.toml", "[[[\n", "it cannot be read, so what it names was not checked"},
		"large":     {".trivyignore", strings.Repeat("CVE-2020-1\n", 7000), "it has more than 64 KiB, so what it names was not checked"},
		"a list":    {".snyk", "- a\n", ""},
	} {
		list, err := Entries(tt.file, tt.text)
		var got []string
		if err != nil {
			got = []string{err.Error()}
		}
		for _, e := range list {
			s := fmt.Sprintf("%d %s %s", e.Line, strings.Join(append([]string{e.Tool}, e.Also...), "+"), e.Text)
			if e.ID != "" && e.ID != e.Text {
				s += " " + e.ID
			}
			if e.Path != "" {
				s += " in " + e.Path
			}
			if e.At > 0 {
				s += fmt.Sprintf(":%d", e.At)
			}
			if e.End != "" {
				s += " endless"
			}
			if e.Reason {
				s += " reason"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, "; "); s != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", name, s, tt.want)
		}
	}
}

func TestBroad(t *testing.T) {
	t.Parallel()
	tree := []string{"README.md", "src/a.go", "src/b/c.go", "web/x.ts", "web/y.css", "vendor/v.go", "docs/d.md"}
	for pattern, want := range map[string]string{
		"*":          `"*" is for everything`,
		"**":         `"**" is for everything`,
		"/":          `"/" is for everything`,
		"**/*":       `"**/*" is for everything`,
		".":          `"." is for everything`,
		"src":        `"src" is for all of src/`,
		"src/":       `"src/" is for all of src/`,
		"/src/**":    `"/src/**" is for all of src/`,
		"*.go":       `"*.go" is for all of src/`,
		"[sw]*":      `"[sw]*" is for all of src/, web/`,
		"web/*.ts":   "",
		"vendor/":    "",
		"docs":       "",
		"b":          "",
		"*.css":      "",
		"nowhere/**": "",
		"[":          "",
	} {
		if got := (Entry{Text: pattern, Path: pattern}).Broad(tree); got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
	for id, want := range map[string]string{"CVE-2020-1": "", "*": `"*" is for everything`, "": ""} {
		if got := (Entry{Text: id, ID: id}).Broad(tree); got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

// TestFiles checks that patterns match as in .gitignore.
func TestFiles(t *testing.T) {
	t.Parallel()
	tree := []string{"a", "b/a", "a.js", "b/c/a.js", "b/c/d", "c/d"}
	for pattern, want := range map[string]string{
		"a":       "a b/a",
		"/a":      "a",
		"a/":      "",
		"b":       "b/a b/c/a.js b/c/d",
		"b/":      "b/a b/c/a.js b/c/d",
		"c/":      "b/c/a.js b/c/d c/d",
		"/c":      "c/d",
		"b/c":     "b/c/a.js b/c/d",
		"*.js":    "a.js b/c/a.js",
		"b/*.js":  "",
		"b/**":    "b/a b/c/a.js b/c/d",
		"**/d":    "b/c/d c/d",
		"./b/c/d": "b/c/d",
		"b/*/d":   "b/c/d",
	} {
		match, ok := Entry{Path: pattern}.Files()
		if !ok {
			t.Errorf("%s is no pattern", pattern)
			continue
		}
		got := strings.Join(slices.DeleteFunc(slices.Clone(tree), func(f string) bool { return !match(f) }), " ")
		if got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}

// TestPossible: entries of another process are taken only if the file can have them.
func TestPossible(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]Entry{
		"a line before the file": {Line: -1}, "a line after it": {Line: 9}, "a long text": {Text: strings.Repeat("x", maxEntryTexts+1)},
		"bytes": {Text: "\xff"}, "another line": {At: -1}, "many scanners": {Also: []string{"a", "b"}},
	} {
		if Possible([]Entry{{Line: 1, Text: "a"}, e}, "a: 1\n") {
			t.Errorf("%s is believed", name)
		}
	}
	if !Possible([]Entry{{Line: 1, Text: "a"}}, "a: 1\n") || !Possible(nil, "") {
		t.Error("what the file has is not believed")
	}
}

func FuzzEntries(f *testing.F) {
	f.Add(".trivyignore", "CVE-2020-1 exp:2027-01-01\n")
	f.Add(".snyk", "ignore:\n  A: [{'*': {}}]\nexclude: {global: [a]}\n")
	f.Add("osv-scanner.toml", "[[IgnoredVulns]]\nid = \"GO-2022-1\"\n")
	f.Add(".checkov.yaml", "skip-check: [a]\nskip-path: [&a b, *a]\n")
	f.Add(".gitleaksignore", "a:b:1\n")
	f.Fuzz(func(t *testing.T, file, text string) {
		list, _ := Entries(file, text)
		if slices.Contains(library, slash.Base(file)) && !Possible(list, text) {
			t.Errorf("what another process reads in %q would not be believed: %+v", text, list)
		}
		for _, e := range list {
			if e.Line < 1 || e.Line > strings.Count(text, "\n")+1 {
				t.Errorf("%+v", e)
			}
			e.Broad([]string{"a/b", "c", "a/d/e"})
		}
	})
}
