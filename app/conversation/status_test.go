package conversation

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

var update = flag.Bool("update", false, "write the golden files again")

func statusOf(title string) status {
	day := func(s string) time.Time {
		at, err := time.Parse(time.DateOnly, s)
		if err != nil {
			panic(err)
		}
		return at
	}
	open := func(n byte, sev scanners.Severity, owners ...string) record.Finding {
		return record.Finding{
			Fingerprint: strings.Repeat(string(n), 64), Rule: "gosec/G201", Title: title, Severity: sev, State: scanners.New, Path: "db/orders.go", Line: 12, Shown: true, Owners: owners,
		}
	}
	return status{
		review: record.Review{
			Head: "0123456789abcdef0123456789abcdef01234567", Conclusion: checks.Neutral, Verdict: checks.Findings,
			Findings: []record.Finding{open('a', scanners.High, "@acme/payments", "@mona"), open('b', scanners.Medium)},
		},
		number: 12, now: day("2026-11-30").Add(9 * time.Hour),
		decisions: []decision.Decision{
			{ID: "A-AAAAAAAA", Verb: "accept", Fingerprint: "c", Rule: "r", Path: "a", Number: 12, Until: day("2026-12-04"), Class: "deadline", Asked: "mona", By: []string{"mona"}, At: day("2026-11-20")},
			{ID: "A-BBBBBBBB", Verb: "accept", Fingerprint: "c", Rule: "r", Path: "a", Number: 7, Until: day("2026-11-01"), Asked: "mona", At: day("2026-06-20"), Ended: "its last day has passed", EndedAt: day("2026-11-02")},
			{ID: "A-CCCCCCCC", Verb: "accept", Fingerprint: "d", Rule: "r", Path: "a", Number: 12, Until: day("2027-01-04"), Asked: "mona", Needs: 1, At: day("2026-11-21")},
			{ID: "A-DDDDDDDD", Verb: "fp", Fingerprint: "e", Rule: "r", Path: "a", Number: 12, Asked: "hubot", At: day("2026-11-21")},
		},
		questions: "Open questions about the design, which block nothing:\n\n- **Q1** · access",
		outcomes: []insight.Outcomes{{
			Team: "@acme/payments", From: day("2026-09-01"), To: day("2026-11-30"),
			Figures: []insight.Figure{{Name: "Fixed before the merge", Value: "72 %", N: 40}, {Name: "Useful", N: 3}},
		}},
		quiet:     "**Quiet here**\n\n- `gosec/G104`, 6 of 20 were not useful, since 2026-11-20",
		campaigns: []string{"- `C-AAAAAAAA` of `@acme/payments`"},
		missing:   []string{"The App may not write issues."},
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	quiet := statusOf("SQL query built from input")
	quiet.review.Findings, quiet.decisions, quiet.questions, quiet.missing = nil, nil, "", nil
	quiet.outcomes, quiet.quiet, quiet.campaigns = nil, "", nil
	for name, s := range map[string]status{"whole.md": statusOf("SQL query built from input"), "quiet.md": quiet, "new.md": {}} {
		path := filepath.Join("testdata", "status", name)
		got := s.markdown() + "\n"
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s differs; it is\n%s", path, got)
		}
	}
}

func TestHostileStatus(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"@everyone", "</details><h1>x", "a\n\n# b", "<!-- secbydesign:v1 summary -->"} {
		s := statusOf(text)
		s.missing = []string{text}
		s.outcomes[0].Figures[0].Name = text + "|"
		got := s.markdown()
		if strings.Count(got, "@everyone") != strings.Count(got, "`@everyone`") || strings.Contains(got, "\n# b") || strings.Contains(got, "\n<!--") {
			t.Errorf("%q gives\n%s", text, got)
		}
	}
}
