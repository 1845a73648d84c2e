package suppress

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// allInfos are those of all scanners of the program.
func allInfos() (list []scanners.Info) {
	for _, s := range catalog.All(catalog.Options{}) {
		list = append(list, s.Info())
	}
	return list
}

func allMarkers() *Markers { return NewMarkers(allInfos()) }

func TestSuppressions(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`h := md5.New() // #nosec`:                               "nosec: broad",
		`h := md5.New() // #nosec G401 -- only for an ETag`:      "nosec: reason",
		`h := md5.New() // #nosec G401`:                          "nosec:",
		`exec(x)  # nosec B102, B103`:                            "nosec:",
		`exec(x)  # NOSEC`:                                       "NOSEC: broad",
		`strcpy(a, b); /* Flawfinder: ignore */`:                 "Flawfinder: ignore:",
		`strcpy(a, b); // flawfinder: ignore, a is large enough`: "flawfinder: ignore: reason",
		`eval(x) // oxlint-disable-line`:                         "oxlint-disable-line: broad",
		`/* oxlint-disable no-eval -- a test of eval */`:         "oxlint-disable: wide reason",
		`// oxlint-disable-next-line no-eval`:                    "oxlint-disable-next-line:",
		`# ast-grep-ignore`:                                      "ast-grep-ignore: broad",
		`// ast-grep-ignore: no-eval, no-exec`:                   "ast-grep-ignore:",
		`// ast-grep-ignore: no-eval  only our own text`:         "ast-grep-ignore: reason",
		`x = 1  # nosemgrep`:                                     "nosemgrep: broad",
		`x = 1  // nosemgrep: go.lang.xss, go.lang.sqli`:         "nosemgrep:",
		`x = 1  // nosem`:                                        "nosem: broad",
		`key = "abc" # gitleaks:allow`:                           "gitleaks:allow:",
		`key = "abc" # gitleaks:allow it is a test vector`:       "gitleaks:allow: reason",
		`/* eslint-disable */`:                                   "eslint-disable: broad wide",
		`/* eslint-disable no-eval */`:                           "eslint-disable: wide",
		`eval(x) // eslint-disable-line no-eval -- our own text`: "eslint-disable-line: reason",
		`// eslint-disable-next-line`:                            "eslint-disable-next-line: broad",
		`# shellcheck disable=SC2086`:                            "shellcheck disable:",
		`# shellcheck disable=all`:                               "shellcheck disable: broad",
		`  #tfsec:ignore:aws-s3-enable-versioning`:               "tfsec:ignore:",
		`  # trivy:ignore:AVD-AWS-0086`:                          "trivy:ignore:",
		`  #checkov:skip=CKV_AWS_20:The bucket is public`:        "checkov:skip: reason",
		`  # zizmor: ignore[artipacked]`:                         "zizmor: ignore:",
		`# hadolint global ignore=DL3008`:                        "hadolint global ignore: wide",
		// These are no suppressions.
		`nosec := 1`:                           "",
		`the word nosemgrep in a text`:         "",
		`// nosecret`:                          "",
		`fmt.Println("eslint-disable")`:        "",
		`shellcheck disable`:                   "",
		strings.Repeat("x", 3000) + "// nosec": "",
	} {
		got, path := "", "a.txt"
		for _, s := range allMarkers().Find(t.Context(), path, "first // #nosec\n"+line+"\r\n", func(n int) bool { return n == 2 }) {
			got += s.Marker + ":"
			if s.Broad {
				got += " broad"
			}
			if s.Wide {
				got += " wide"
			}
			if s.Reason {
				got += " reason"
			}
			if s.Line != 2 {
				got += fmt.Sprintf(" in line %d", s.Line)
			}
		}
		if got != want {
			t.Errorf("%s\ngot  %q\nwant %q", line, got, want)
		}
	}
}

// TestMarkersAreAsWideAsTheTools has words that silence a tool wherever they stand, and prose, where a word silences
// nothing.
func TestMarkersAreAsWideAsTheTools(t *testing.T) {
	t.Parallel()
	for in, want := range map[[2]string]string{
		{"a.yaml", "    ignore-check.kube-linter.io/run-as-non-root: \"the image has no other user\""}: "2 ignore-check.kube-linter.io: kube-linter run-as-non-root reason",
		{"a.yaml", "    ignore-check.kube-linter.io/run-as-non-root: \"\""}:                            "2 ignore-check.kube-linter.io: kube-linter run-as-non-root",
		{"a.yaml", "    kube-linter.io/ignore-all: \"x\""}:                                             "2 kube-linter.io/ignore-all: kube-linter RULE",
		{"a.md", "kube-linter.io/ignore-all turns it off"}:                                             "",
		{"a.py", "x = 1  # safe, nosemgrep"}:                                                           "2 nosemgrep: semgrep RULE",
		{"a.py", "x = 1  # NOSEMGREP"}:                                                                 "2 NOSEMGREP: semgrep RULE",
		{"a.py", "x = 1  #nosemgrep"}:                                                                  "2 nosemgrep: semgrep RULE",
		{"a.js", "x(1) // see https://a.example nosem=a.b, c.d"}:                                       "2 nosem: semgrep a.b,c.d",
		{"a.go", "f(` nosemgrep`)"}:                                                                    "2 nosemgrep: semgrep RULE",
		{"a.go", "f() // nosemgrepping"}:                                                               "2 nosemgrep: semgrep RULE",
		{"a.go", "xnosemgrep()"}:                                                                       "",
		{"a.md", "Semgrep knows nosemgrep."}:                                                           "",
		{"a.MD", "```py\nx = 1  # nosemgrep: a.b"}:                                                     "3 nosemgrep: semgrep a.b",
		{"a.md", "Checkov knows `checkov:skip=CKV_AWS_20`."}:                                           "",
		{"a.md", "checkov.io/skip1: CKV_K8S_8\ncheckov:\n  skip:"}:                                     "",
		{"a.md", "    # checkov:skip=CKV_AWS_20:why"}:                                                  "2 checkov:skip: checkov CKV_AWS_20",
		{"a.tf", "  // checkov:skip=CKV_AWS_20:The bucket is public"}:                                  "2 checkov:skip: checkov CKV_AWS_20 reason",
		{"a.tf", "  # public. bridgecrew:skip= CKV_AWS_20"}:                                            "2 bridgecrew:skip: checkov CKV_AWS_20",
		{"a.tf", "  /* cortex:skip=CKV_AWS_20 */"}:                                                     "2 cortex:skip: checkov CKV_AWS_20",
		{"a.yml", "    checkov.io/skip1: CKV_K8S_8=It has no port"}:                                    "2 checkov.io/skip1: checkov CKV_K8S_8 reason",
		{"a.tf", `    "prisma.io/skip2" = "CKV_K8S_8"`}:                                                "2 prisma.io/skip2: checkov CKV_K8S_8",
		{"a.yml", "  Metadata: {checkov: {skip: [{id: CKV_AWS_20}]}}"}:                                 "2 checkov: skip: checkov reason",
		{"a.yml", "  checkov:\n    skip:\n      - id: CKV_AWS_20"}:                                     "3 checkov: skip: checkov reason",
		{"a.json", "{\"checkov\": {\n\"skip\": [{}]}}"}:                                                "3 checkov: skip: checkov reason",
		{"a.yml", "  checkov:\n    version: 1\n  skip: true"}:                                          "",
		{"a.sh", "docker run bridgecrew/checkov --skip-check X"}:                                       "",
	} {
		got := ""
		for _, s := range allMarkers().Find(t.Context(), in[0], "first\n"+in[1]+"\n", func(int) bool { return true }) {
			got += fmt.Sprintf("%d %s: %s", s.Line, s.Marker, strings.Join(s.Tools, ","))
			if s.Broad {
				got += " RULE"
			} else if len(s.Rules) > 0 {
				got += " " + strings.Join(s.Rules, ",")
			}
			if s.Reason {
				got += " reason"
			}
		}
		if got != want {
			t.Errorf("%q\ngot  %s\nwant %s", in, got, want)
		}
	}
}

// TestSuppressionsWithAReason says what to write, as each tool takes it, and a reason is found in it.
func TestSuppressionsWithAReason(t *testing.T) {
	t.Parallel()
	for in, want := range map[[2]string]string{
		{"a.go", "x() // #nosec G404"}:                          "gosec // #nosec G404 -- why it is safe here",
		{"a.go", "x() //nosec G404 G401"}:                       "gosec // nosec G404 G401 -- why it is safe here",
		{"a.go", "x() // #nosec"}:                               "gosec // #nosec RULE -- why it is safe here",
		{"a.go", "x() /* #nosec G101 */"}:                       "gosec /* #nosec G101 -- why it is safe here */",
		{"a.py", "x()  # nosec B602,B607"}:                      "bandit # nosec B602, B607  # why it is safe here",
		{"a.py", "x()  # nosec"}:                                "bandit # nosec RULE  # why it is safe here",
		{"a.rb", "x()  # nosec"}:                                " # nosec RULE -- why it is safe here",
		{"a.py", "x()  # nosemgrep: a.b.c"}:                     "semgrep # nosemgrep: a.b.c  why it is safe here",
		{"a.ts", "x() // nosemgrep"}:                            "semgrep // nosemgrep: RULE  why it is safe here",
		{"a.html", "<!-- nosemgrep: a.b -->"}:                   "semgrep <!-- nosemgrep: a.b  why it is safe here -->",
		{"a.py", "k = 'x' # gitleaks:allow"}:                    "gitleaks # gitleaks:allow why it is safe here",
		{"a.go", "k = `x` // gitleaks:allow"}:                   "gitleaks // gitleaks:allow why it is safe here",
		{"a.ts", "// eslint-disable-next-line no-eval, no-new"}: "eslint,oxlint // eslint-disable-next-line no-eval, no-new -- why it is safe here",
		{"a.ts", "/* eslint-disable */"}:                        "eslint,oxlint /* eslint-disable RULE -- why it is safe here */",
		{"a.sh", "# shellcheck disable=SC2086,SC2046"}:          "shellcheck # shellcheck disable=SC2086,SC2046  # why it is safe here",
		{"a.sh", "# shellcheck disable=all"}:                    "shellcheck # shellcheck disable=RULE  # why it is safe here",
		{"a.tf", "#tfsec:ignore:aws-s3-x"}:                      "tfsec,trivy # tfsec:ignore:aws-s3-x why it is safe here",
		{"a.tf", "# trivy:ignore:AVD-AWS-0086"}:                 "trivy # trivy:ignore:AVD-AWS-0086 why it is safe here",
		{"a.tf", "#checkov:skip=CKV_AWS_20"}:                    "checkov # checkov:skip=CKV_AWS_20:why it is safe here",
		{"a.py", "x()  # safe, nosemgrep: a.b.c"}:               "semgrep # nosemgrep: a.b.c  why it is safe here",
		{"a.tf", "// checkov:skip=CKV_AWS_20"}:                  "checkov // checkov:skip=CKV_AWS_20:why it is safe here",
		{"a.yml", "checkov.io/skip1: CKV_K8S_8"}:                "checkov checkov.io/skip1: CKV_K8S_8=why it is safe here",
		{"a.yml", "uses: x # zizmor: ignore[unpinned-uses]"}:    "zizmor # zizmor: ignore[unpinned-uses] why it is safe here",
		{"Dockerfile", "# hadolint ignore=DL3008"}:              "hadolint # hadolint ignore=DL3008  # why it is safe here",
	} {
		list := allMarkers().Find(t.Context(), in[0], in[1], func(int) bool { return true })
		if len(list) != 1 || list[0].Reason {
			t.Errorf("%q: %+v", in, list)
			continue
		}
		if got := strings.Join(list[0].Tools, ",") + " " + list[0].Write; got != want {
			t.Errorf("%q\ngot  %s\nwant %s", in, got, want)
		}
		again := allMarkers().Find(t.Context(), in[0], list[0].Write, func(int) bool { return true })
		if len(again) != 1 || !again[0].Reason || again[0].Write != list[0].Write || !list[0].Broad && again[0].Broad {
			t.Errorf("%q is no suppression with a reason: %+v", list[0].Write, again)
		}
	}
}

func TestSilences(t *testing.T) {
	t.Parallel()
	s := &Set{infos: map[string]scanners.Info{}}
	for _, info := range allInfos() {
		s.infos[info.Name] = info
	}
	for file, want := range map[string]bool{
		".trivyignore": true, "a/b/.gitleaksignore": true, "osv-scanner.toml": true, ".snyk": true, ".semgrepignore": true,
		"a/.hadolint.yaml": true, "a/.shellcheckrc": true, "a/.bandit": true, "config/brakeman.ignore": true, ".github/actionlint.yml": true,
		"trivyignore": false, ".gitleaksignore/x": false, "osv-scanner.toml.md": false, "brakeman.ignore": false,
	} {
		if s.silences(file) != want {
			t.Errorf("%s: %v", file, !want)
		}
	}
}

func FuzzSuppressions(f *testing.F) {
	f.Add("x // #nosec G401 -- why\n# zizmor: ignore[a]\n")
	f.Add("// #nosec G401\rG402 # zizmor:\rignore")
	f.Add("checkov:\n  \"skip\": \u017fkip no\u017fec\n# ZIZMOR: ignore # Hadolint Global Ignore=x\n")
	all := allMarkers()
	f.Fuzz(func(t *testing.T, text string) {
		before := ""
		for line := range strings.Lines(text) {
			for _, m := range all.list {
				if !all.marked(before, line) && (m.pattern.MatchString(line) || m.Apart != "" && m.pattern.MatchString(before+" "+line)) {
					t.Fatalf("%q after %q has a marker", line, before)
				}
			}
			before = line
		}
		lines := strings.Count(text, "\n") + 1
		for _, s := range all.Find(t.Context(), "a.go", text, func(int) bool { return true }) {
			if s.Line < 1 || s.Line > lines || s.Marker == "" || strings.ContainsAny(s.Marker+strings.Join(s.Rules, "")+s.Write, "\n\r") {
				t.Errorf("%+v", s)
			}
		}
	})
}

// BenchmarkSuppressions reads a file of which every line is new, without a marker, with one on each line
// and with a word in another script. The time of a line stays the same however long the file is.
func BenchmarkSuppressions(b *testing.B) {
	for name, line := range map[string]string{"code": "\tif err := f(x, y); err != nil {\n", "markers": "f(x) // #nosec G401 -- why\n", "other script": "# \u00fcber x\n"} {
		for _, lines := range []int{25_000, 50_000, 100_000, 200_000} {
			text := strings.Repeat(line, lines)
			b.Run(fmt.Sprintf("%s/lines=%d", name, lines), func(b *testing.B) {
				all := allMarkers()
				for b.Loop() {
					all.Find(b.Context(), "a.go", text, func(int) bool { return true })
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lines), "ns/line")
			})
		}
	}
}
