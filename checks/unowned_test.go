package checks_test

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestTheSummaryNamesFilesWithoutOwner once, and only files of open findings.
func TestTheSummaryNamesFilesWithoutOwner(t *testing.T) {
	t.Parallel()
	finding := func(path string, decided bool) checks.Finding {
		f := checks.Finding{Comment: true, Result: scanners.Result{
			Scanner: "words", Gate: scanners.Code, State: scanners.New, Fingerprint: strings.Repeat("a", 20) + path,
			Finding: scanners.Finding{Rule: "bad", Severity: scanners.High, Path: path, Line: 1, Title: "Bad"},
		}}
		if decided {
			f.Decided = &checks.Decided{ID: "A-AAAAAAAA", How: "accepted"}
		}
		return f
	}
	findings := []checks.Finding{
		finding("owned.go", false), finding("b.go", false), finding("b.go", false), finding("x`\n@acme/y.go", false), finding("decided.go", true),
	}
	text := func(unowned func(string) bool, more ...checks.Finding) string {
		rep := checks.Compose(checks.Input{Limit: 10, Unowned: unowned, Gates: []checks.Gate{{Name: scanners.Code, Findings: append(findings, more...)}}})
		if strings.Contains(rep.Check.Summary, "No owner") {
			t.Error("each check repeats it")
		}
		return rep.SummaryText(nil, nil, false)
	}
	nobody := func(path string) bool { return path != "owned.go" }
	const want = "No owner: `b.go`, `` x` @acme/y.go ``. Add them to CODEOWNERS, or set `ownership.default`."
	if got := text(nobody); strings.Count(got, "No owner") != 1 || !strings.Contains(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
	if got := text(func(path string) bool { return path == "b.go" }); !strings.Contains(got, "No owner: `b.go`. Add it to CODEOWNERS") {
		t.Errorf("one file:\n%s", got)
	}
	if got := text(nobody, finding("c.go", false), finding("d.go", false), finding("e.go", false)); !strings.Contains(got, "No owner: `b.go`, `c.go`, `d.go` and 2 more. Add them") {
		t.Errorf("many files:\n%s", got)
	}
	for name, unowned := range map[string]func(string) bool{"not known": nil, "all owned": func(string) bool { return false }} {
		if got := text(unowned); got == "" || strings.Contains(got, "owner") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}
