package suppress

import (
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestWhichCommentsAcceptAFinding: only one that stood at the base, in the same file, and still stands in the branch.
func TestWhichCommentsAcceptAFinding(t *testing.T) {
	t.Parallel()
	const good = "x() // secbydesign:ignore gosec/G404 until 2026-06-20 because jitter needs no secret, only some spread\n"
	short := strings.Replace(good, ", only some spread", "", 1)
	const bare = "x()\n"
	const renamed = "diff --git a/b.go b/a.go\nsimilarity index 90%\nrename from b.go\nrename to a.go\n--- a/b.go\n+++ b/a.go\n@@ -1,1 +1,2 @@\n x\n+y\n"
	for name, c := range map[string]struct {
		base, head, tip string
		patch           string
		changed         bool // the diff has the file
		change          func(*checks.Finding)
		decided         bool
		lapsed          string
	}{
		"it stands everywhere":            {good, good, good, "", false, nil, true, ""},
		"the base branch has it no more":  {good, good, bare, "", false, nil, false, ""},
		"the change brings it in":         {bare, good, good, "", false, nil, false, ""},
		"the change takes it out":         {good, bare, good, "", false, nil, false, ""},
		"the file was renamed":            {good, good, good, renamed, true, nil, false, ""},
		"its patch could not be had":      {good, good, good, "", true, nil, false, ""},
		"of another rule":                 {good, good, good, "", false, func(f *checks.Finding) { f.Rule = "G101" }, false, ""},
		"of another scanner":              {good, good, good, "", false, func(f *checks.Finding) { f.Scanner = "bandit" }, false, ""},
		"on another line":                 {good, good, good, "", false, func(f *checks.Finding) { f.Line = 2 }, false, ""},
		"in another file":                 {good, good, good, "", false, func(f *checks.Finding) { f.Path = "b.go" }, false, ""},
		"it goes further now":             {good, good, good, "", false, func(f *checks.Finding) { f.Worse = true }, false, "The finding is worse now than when the comment was written."},
		"it is not new":                   {good, good, good, "", false, func(f *checks.Finding) { f.State = scanners.Unchanged }, false, ""},
		"the policy does not show it":     {good, good, good, "", false, func(f *checks.Finding) { f.Comment = false }, false, ""},
		"it is in the history":            {good, good, good, "", false, func(f *checks.Finding) { f.Commit = "c" }, false, ""},
		"another decision lapsed already": {good, good, good, "", false, func(f *checks.Finding) { f.Lapsed = "It ended." }, true, ""},
		"its reason is too short":         {short, short, short, "", false, nil, false, "The reason has 22 characters, and at least 30 are required: explain why the risk is acceptable here."},
		"the last day is over": {
			strings.Replace(good, "2026-06-20", "2026-05-20", 1), strings.Replace(good, "2026-06-20", "2026-05-20", 1), strings.Replace(good, "2026-06-20", "2026-05-20", 1),
			"", false, nil, false, "It ended on 2026-05-20.",
		},
	} {
		set, err := patch.Parse([]byte(c.patch))
		if err != nil {
			t.Fatal(err)
		}
		side := func(text string) func(string) ([]byte, bool) {
			return func(path string) ([]byte, bool) { return []byte(text), path == "a.go" }
		}
		s := &Set{
			base: side(c.base), head: side(c.head), tip: side(c.tip), names: []string{"gosec", "bandit"}, infos: infos, markers: allMarkers(),
			Owners: func() *ownership.Map { return nil }, rules: ownership.Default(), now: time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC),
		}
		ex := examine.Examination{Patch: set, Diff: &mirror.Diff{}}
		if c.changed {
			ex.Diff.Changes = []mirror.Change{{OldPath: "a.go", NewPath: "a.go"}}
		}
		f := checks.Finding{Comment: true, Result: scanners.Result{
			Finding: scanners.Finding{Rule: "G404", Path: "a.go", Line: 1, Severity: scanners.Low}, Scanner: "gosec", State: scanners.New,
		}}
		if c.change != nil {
			c.change(&f)
		}
		gates := []checks.Gate{{Findings: []checks.Finding{f}}}
		if err := s.Decide(t.Context(), ex, gates); err != nil {
			t.Fatal(err)
		}
		got := gates[0].Findings[0]
		if (got.Decided != nil) != c.decided || !strings.HasSuffix(got.Lapsed, c.lapsed) || c.lapsed == "" && got.Lapsed != "" {
			t.Errorf("%s: decided %+v, lapsed %q", name, got.Decided, got.Lapsed)
		}
		if c.lapsed != "" && !strings.HasPrefix(got.Lapsed, "The comment at a.go:1 does not accept it. ") {
			t.Errorf("%s: lapsed %q", name, got.Lapsed)
		}
		if d := got.Decided; d != nil && (d.Place() != "a.go:1" || d.Until.Format(time.DateOnly) != "2026-06-20" || d.Reason != "jitter needs no secret, only some spread") {
			t.Errorf("%s: decided %+v", name, d)
		}
	}
}
