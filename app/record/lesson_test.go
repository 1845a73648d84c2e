package record_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

func TestLessonsOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cwe, pkg string
		owners   []string
		want     string
	}{
		{"CWE-89", "", []string{"@acme/pay"}, "[{@acme/pay CWE-89}]"},
		{"CWE-89", "", []string{"@Acme/Pay", "@acme/pay", "@Mona"}, "[{@acme/pay CWE-89} {@mona CWE-89}]"},
		{"CWE-89", "", nil, "[{ CWE-89}]"},
		{"CWE-89", "", []string{"@globex/pay", "a@b.example", "unknown", "@", "@acme/"}, "[{ CWE-89}]"}, // nobody whom GitHub takes
		{"CWE-89", "", []string{"@globex/pay", "@acme/core"}, "[{@acme/core CWE-89}]"},
		{"CWE-89", "x/y", []string{"@acme/pay"}, "[]"},
		{"", "", []string{"@acme/pay"}, "[]"},
		{"CWE-0", "", nil, "[]"},
		{"CWE-89\n", "", nil, "[]"},
		{"89", "", nil, "[]"},
		{"CWE-12345678", "", nil, "[]"},
	} {
		if got := fmt.Sprint(record.LessonsOf(c.cwe, c.pkg, "Acme", c.owners)); got != c.want {
			t.Errorf("%q of %q, %q: %s, want %s", c.cwe, c.pkg, c.owners, got, c.want)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	pay := []string{"@Acme/Pay", "@mona"}
	for i, c := range []struct {
		campaign   record.Campaign
		rule, path string
		severity   scanners.Severity
		owners     []string
		want       bool
	}{
		{record.Campaign{}, "gosec/G1", "a.go", scanners.Note, nil, true},
		{record.Campaign{Team: "@acme/pay"}, "gosec/G1", "a.go", scanners.Note, pay, true},
		{record.Campaign{Team: "@acme/pay"}, "gosec/G1", "a.go", scanners.Critical, nil, false},
		{record.Campaign{Team: "@acme/core"}, "gosec/G1", "a.go", scanners.Note, pay, false},
		{record.Campaign{Rule: "gosec/*"}, "gosec/G1", "a.go", scanners.Note, nil, true},
		{record.Campaign{Rule: "gosec/*"}, "semgrep/x", "a.go", scanners.Note, nil, false},
		{record.Campaign{Rule: "gosec/*"}, "gosec/a/b", "a.go", scanners.Note, nil, false},
		{record.Campaign{Path: "pay/**"}, "gosec/G1", "pay/x/a.go", scanners.Note, nil, true},
		{record.Campaign{Path: "pay/**"}, "gosec/G1", "a.go", scanners.Note, nil, false},
		{record.Campaign{Severity: scanners.High}, "gosec/G1", "a.go", scanners.Medium, nil, false},
		{record.Campaign{Severity: scanners.High}, "gosec/G1", "a.go", scanners.Critical, nil, true},
	} {
		if got := c.campaign.Covers(c.rule, c.path, c.severity, c.owners); got != c.want {
			t.Errorf("case %d: %v", i, got)
		}
	}
}

// TestATeamsCampaignCoversOnlyWhatItOwns holds that for random campaigns and findings.
func TestATeamsCampaignCoversOnlyWhatItOwns(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(13, 1))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	covered := 0
	for range 10_000 {
		c := record.Campaign{Team: pick("@acme/a", "@acme/b", "@mona"), Rule: pick("", "gosec/*", "**"), Path: pick("", "a/**", "**/*.go"), Severity: scanners.Severity(r.IntN(5))}
		var owners []string
		for range r.IntN(3) {
			owners = append(owners, pick("@acme/a", "@ACME/B", "@Mona", "x@y.example"))
		}
		path, severity := pick("a/b.go", "c.go", "a/x"), scanners.Severity(r.IntN(5))
		if !c.Covers(pick("gosec/G1", "semgrep/x/y"), path, severity, owners) {
			continue
		}
		covered++
		if severity < c.Severity || !slices.ContainsFunc(owners, func(o string) bool { return strings.EqualFold(o, c.Team) }) {
			t.Fatalf("%+v covers %s of %q, %s", c, path, owners, severity)
		}
	}
	if covered < 500 {
		t.Errorf("only %d were covered", covered)
	}
}

func TestCampaignRuns(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	c := record.NamedCampaign("raw sql", "gosec/*", "", scanners.High, day)
	if !c.Runs(day.Add(24*time.Hour-time.Nanosecond)) || c.Runs(day.Add(24*time.Hour)) || !c.Runs(day.AddDate(-3, 0, 0)) {
		t.Error("it does not run until the end of its day")
	}
	later := record.NamedCampaign("raw sql", "gosec/*", "", scanners.High, day.AddDate(0, 1, 0))
	if c.ID != later.ID || c.ID == record.NamedCampaign("raw sql", "gosec/G1", "", scanners.High, day).ID || len(c.ID) != 10 || c.Label() != "raw sql" {
		t.Errorf("ids %s, %s", c.ID, later.ID)
	}
}
