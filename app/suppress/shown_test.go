package suppress

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// adding is a change that adds files, which scanners of these names have scanned.
func adding(t *testing.T, files map[string]string, runs ...scanners.Run) (*Set, examine.Examination) {
	t.Helper()
	var b strings.Builder
	ex := examine.Examination{Diff: &mirror.Diff{}}
	var tree []string
	for path, text := range files {
		lines := strings.SplitAfter(strings.TrimSuffix(text, "\n"), "\n")
		b.WriteString("diff --git a/" + path + " b/" + path + "\nnew file mode 100644\n--- /dev/null\n+++ b/" + path + "\n@@ -0,0 +1," + string(rune('0'+len(lines))) + " @@\n")
		for _, line := range lines {
			b.WriteString("+" + strings.TrimSuffix(line, "\n") + "\n")
		}
		tree = append(tree, path)
		ex.Diff.Changes = append(ex.Diff.Changes, mirror.Change{Kind: mirror.Added, NewPath: path})
	}
	set, err := patch.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	ex.Patch = set
	none := func(string) ([]byte, bool) { return nil, false }
	s := &Set{
		head: func(path string) ([]byte, bool) { text, ok := files[path]; return []byte(text), ok }, base: none, tip: none,
		Owners: func() *ownership.Map { return nil }, rules: ownership.Default(), policy: policy.Default(),
		markers: allMarkers(), infos: map[string]scanners.Info{}, tree: func() ([]string, bool) { return append(tree, "other/unchanged.txt"), true }, now: time.Now(),
	}
	for _, run := range runs {
		s.names, s.infos[run.Scanner] = append(s.names, run.Scanner), infos[run.Scanner]
		ex.Runs = append(ex.Runs, run)
	}
	return s, ex
}

var infos = map[string]scanners.Info{
	"gosec":    {Name: "gosec", Scopes: []scanners.Scope{scanners.ScopeTree}, Files: []string{"**/*.go"}},
	"bandit":   {Name: "bandit", Scopes: []scanners.Scope{scanners.ScopeFile}, Files: []string{"**/*.py"}},
	"semgrep":  {Name: "semgrep", Scopes: []scanners.Scope{scanners.ScopeFile}},
	"tfsec":    {Name: "tfsec", Scopes: []scanners.Scope{scanners.ScopeTree}, Files: []string{"**/*.tf"}},
	"trivy":    {Name: "trivy", Scopes: []scanners.Scope{scanners.ScopeFile}, Files: []string{"**/*.tf"}},
	"trivy-fs": {Name: "trivy-fs", Scopes: []scanners.Scope{scanners.ScopeFile}, Files: []string{"**/go.mod", "other/*"}},
	"osv":      {Name: "osv", Scopes: []scanners.Scope{scanners.ScopeFile}, Files: []string{"**/go.mod"}},
}

func ran(scanner string, results ...scanners.Result) scanners.Run {
	for i := range results {
		results[i].Scanner = scanner
	}
	return scanners.Run{Scanner: scanner, Gate: scanners.Code, Results: results}
}

func failed(scanner string) scanners.Run {
	return scanners.Run{Scanner: scanner, Gate: scanners.Code, Err: errors.New("no")}
}

func at(path string, line int, rule string) scanners.Result {
	return scanners.Result{State: scanners.Unchanged, Finding: scanners.Finding{Path: path, Line: line, EndLine: line, Rule: rule}}
}

// TestInert: a note says that a suppression matches nothing only if the scanner has really scanned the file.
func TestInert(t *testing.T) {
	t.Parallel()
	advisory := at("go.mod", 3, "GO-2022-1")
	advisory.Aliases = []string{"CVE-2022-7"}
	fixed := at("a.py", 1, "B101")
	fixed.State = scanners.Absent
	block := at("a.tf", 1, "aws-x")
	block.EndLine = 9
	for name, tt := range map[string]struct {
		path, text string
		runs       []scanners.Run
		want       string // of the message; empty where nothing is claimed
	}{
		"nosec of Go":              {"a.go", "x() // #nosec G404", []scanners.Run{ran("gosec"), ran("bandit", at("a.go", 1, "B1"))}, "gosec found nothing of G404 from this line on"},
		"nosec of Go, found":       {"a.go", "x() // #nosec G404", []scanners.Run{ran("gosec", at("a.go", 1, "G404"))}, ""},
		"nosec of a block":         {"a.go", "if x { // #nosec G404", []scanners.Run{ran("gosec", at("a.go", 7, "G404"))}, ""},
		"nosec of another rule":    {"a.go", "x() // #nosec G401", []scanners.Run{ran("gosec", at("a.go", 1, "G404"))}, "gosec found nothing of G401"},
		"nosec of Go, elsewhere":   {"a.go", "x() // #nosec G404", []scanners.Run{ran("gosec", at("b.go", 1, "G404"))}, "gosec found nothing of G404"},
		"nosec of Python":          {"a.py", "x() # nosec", []scanners.Run{ran("bandit"), ran("gosec", at("a.py", 1, "G1"))}, "bandit found nothing on this line"},
		"nosec of what is fixed":   {"a.py", "x() # nosec B101", []scanners.Run{ran("bandit", fixed)}, "bandit found nothing of B101"},
		"nosec of Ruby":            {"a.rb", "x() # nosec", []scanners.Run{ran("bandit"), ran("gosec")}, ""},
		"not finished":             {"a.py", "x() # nosec", []scanners.Run{failed("bandit")}, ""},
		"not there":                {"a.py", "x() # nosec", []scanners.Run{{Scanner: "bandit", Skipped: "Install it."}}, ""},
		"idle":                     {"a.py", "x() # nosec", []scanners.Run{{Scanner: "bandit", Idle: true}}, ""},
		"not asked":                {"a.py", "x() # nosec", nil, ""},
		"two tools":                {"a.tf", "#tfsec:ignore:aws-x", []scanners.Run{ran("tfsec"), ran("trivy")}, "tfsec and trivy found nothing from this line on"},
		"two tools, one failed":    {"a.tf", "#tfsec:ignore:aws-x", []scanners.Run{ran("tfsec"), failed("trivy")}, ""},
		"two tools, one is absent": {"a.tf", "#tfsec:ignore:aws-x", []scanners.Run{ran("tfsec")}, ""},
		"two tools, one found":     {"a.tf", "#tfsec:ignore:aws-x", []scanners.Run{ran("tfsec", block), ran("trivy")}, ""},
		"of one of them":           {"a.tf", "#trivy:ignore:AVD-1", []scanners.Run{ran("tfsec", block), ran("trivy")}, "trivy found nothing"},
		"semgrep":                  {"a.c", "x(); // nosemgrep: a.b", []scanners.Run{ran("semgrep", at("a.c", 3, "a.b"))}, "semgrep found nothing on this line"},
		"semgrep, another name":    {"a.c", "x(); // nosemgrep: b", []scanners.Run{ran("semgrep", at("a.c", 2, "a.b"))}, ""},

		"an advisory":                {"osv-scanner.toml", "[[IgnoredVulns]]\nid = \"CVE-2020-1\"\n", []scanners.Run{ran("osv", advisory)}, `osv found no "CVE-2020-1"`},
		"an advisory by an alias":    {"osv-scanner.toml", "[[IgnoredVulns]]\nid = \"cve-2022-7\"\n", []scanners.Run{ran("osv", advisory)}, ""},
		"an advisory, not finished":  {"osv-scanner.toml", "[[IgnoredVulns]]\nid = \"CVE-2020-1\"\n", []scanners.Run{failed("osv")}, ""},
		"an advisory, not all seen":  {".trivyignore", "CVE-2020-1\n", []scanners.Run{ran("trivy-fs", advisory)}, ""},
		"a rule":                     {".trivyignore", "AVD-AWS-0086\n", []scanners.Run{ran("trivy", at("a.tf", 1, "AWS-0087"))}, `trivy found no "AVD-AWS-0086"`},
		"a rule, found":              {".trivyignore", "AVD-AWS-0086\n", []scanners.Run{ran("trivy", at("a.tf", 1, "AWS-0086"))}, ""},
		"a rule of nobody knows who": {".trivyignore", "some-rule\n", []scanners.Run{ran("trivy")}, ""},
		"files":                      {".semgrepignore", "gone/\n", nil, `no file of the tree is "gone/"`},
		"files that are there":       {".semgrepignore", "*.txt\n", nil, ""},
	} {
		s, ex := adding(t, map[string]string{tt.path: tt.text}, tt.runs...)
		list, notices, _ := s.Review(t.Context(), ex)
		got := ""
		for _, a := range list {
			if _, why, ok := strings.Cut(a.Message, "It matches nothing: "); ok {
				got = why
			}
		}
		said := strings.Contains(strings.Join(notices, "\n"), "remove it, since it matches nothing")
		if (got == "") != (tt.want == "") || !strings.HasPrefix(got, tt.want) || said != (tt.want != "") {
			t.Errorf("%s: %q, want %q; %q %v", name, got, tt.want, notices, list)
		}
	}
}

// TestOneSuppressionIsOneParagraph: a notice stands above the result of the check, and names each suppression once.
func TestOneSuppressionIsOneParagraph(t *testing.T) {
	t.Parallel()
	s, ex := adding(t, map[string]string{"a.go": "x() // #nosec"}, ran("gosec"))
	_, notices, _ := s.Review(t.Context(), ex)
	if len(notices) != 1 || strings.Count(notices[0], "`a.go:1`") != 1 || !strings.HasPrefix(notices[0], "This pull request adds a suppression, which silences nothing here and is for its reviewers to judge: ") {
		t.Errorf("%q", notices)
	}
}

// TestAProposedSuppressionIsAccepted: what a note says to write is accepted, by the organisation's rules.
func TestAProposedSuppressionIsAccepted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"x() // secbydesign:ignore", "x() // secbydesign:ignore gosec/G404", "x() // secbydesign:ignore gosec/G404 until 2999-01-01", "x() // secbydesign:ignore gosec/G404 until 2999-01-01 it is so", "x() // secbydesign:ignore gosec/G404 for ever because it is fine"} {
		s, ex := adding(t, map[string]string{"a.go": text}, ran("gosec", at("a.go", 1, "G404")))
		s.rules.Default.MaxDays, s.rules.Default.ReasonMin, s.rules.Default.MaxSeverity = 7, 80, scanners.High
		list, _, _ := s.Review(t.Context(), ex)
		if len(list) != 1 {
			t.Fatalf("%q: %v", text, list)
		}
		_, right, ok := strings.Cut(list[0].Message, "This would be one: ")
		found := Ignores("// "+right, s.now)
		if !ok || len(found) != 1 || found[0].Problem != "" || !s.means(found[0], at("a.go", 1, "G404")) && !strings.HasPrefix(found[0].Rule, "gosec/") {
			t.Errorf("%q: the note says %q", text, list[0].Message)
			continue
		}
		r := at("a.go", 1, "G404")
		r.Scanner = "gosec"
		if why := s.refused(found[0], "G404", r); why != "" {
			t.Errorf("%q: %q is proposed, and %s", text, right, why)
		}
	}
}

// TestBroadEntries checks that notes on broad entries say how to write a last day.
func TestBroadEntries(t *testing.T) {
	t.Parallel()
	s, ex := adding(t, map[string]string{"src/a.go": "package a\n", ".semgrepignore": "# all of it\nsrc/\n", ".trivyignore": "*\nCVE-2020-1\n"})
	list, notices, _ := s.Review(t.Context(), ex)
	var got []string
	for _, a := range list {
		got = append(got, a.Message)
	}
	all := strings.Join(got, "\n")
	for _, want := range []string{
		`It hides what nobody has seen yet: "src/" is for all of src/.`,
		`It hides what nobody has seen yet: "*" is for everything.`,
		"\"CVE-2020-1\" has no last day, and every suppression needs one: write `CVE-2020-1 exp:YYYY-MM-DD`.",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("not reported: %s\n%s", want, all)
		}
	}
	said := strings.Join(notices, "\n")
	for _, place := range []string{".semgrepignore:2", ".trivyignore:1", ".trivyignore:2"} {
		if _, after, ok := strings.Cut(said, "`"+place+"` ("); !ok || !strings.Contains(after[:strings.Index(after+")", ")")], "narrow it, since it hides findings that nobody has seen yet") {
			t.Errorf("%s is not called too broad: %s", place, said)
		}
	}
}

// TestSuppressionsAreBounded has a file with more than can be shown.
func TestSuppressionsAreBounded(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for i := range 60 {
		files["f"+strings.Repeat("x", i)+".py"] = "x() # nosec\n"
	}
	s, ex := adding(t, files)
	list, notices, _ := s.Review(t.Context(), ex)
	if len(list) != maxSuppressions || len(notices) != 1 || !strings.Contains(notices[0], ", 50 more.") {
		t.Errorf("%d annotations, %q", len(list), notices)
	}
}
