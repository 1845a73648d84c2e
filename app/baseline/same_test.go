package baseline

import (
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

func TestSame(t *testing.T) {
	t.Parallel()
	at := func(scanner string, line, end int, cwe string, aliases ...string) scanners.Result {
		return scanners.Result{Scanner: scanner, State: scanners.New, Finding: scanners.Finding{Path: "a", Line: line, EndLine: end, CWE: cwe, Aliases: aliases}}
	}
	elsewhere, fixed, past := at("b", 3, 3, "CWE-89"), at("b", 3, 3, "CWE-89"), at("b", 3, 3, "CWE-89")
	elsewhere.Path, fixed.State, past.Commit = "b", scanners.Absent, "0123456789abcdef0123456789abcdef01234567"
	for name, tt := range map[string]struct {
		a, b scanners.Result
		want bool
	}{
		"same line and weakness":       {at("a", 3, 3, "CWE-89"), at("b", 3, 3, "CWE-89"), true},
		"lines that overlap":           {at("a", 1, 3, "CWE-89"), at("b", 3, 9, "CWE-89"), true},
		"lines side by side":           {at("a", 1, 2, "CWE-89"), at("b", 3, 3, "CWE-89"), false},
		"one scanner twice":            {at("a", 3, 3, "CWE-89"), at("a", 3, 3, "CWE-89"), false},
		"another weakness":             {at("a", 3, 3, "CWE-89"), at("b", 3, 3, "CWE-79"), false},
		"no weakness":                  {at("a", 3, 3, ""), at("b", 3, 3, ""), false},
		"another file":                 {at("a", 3, 3, "CWE-89"), elsewhere, false},
		"another state":                {at("a", 3, 3, "CWE-89"), fixed, false},
		"in the history":               {at("a", 3, 3, "CWE-89"), past, false},
		"one advisory, one line known": {at("a", 0, 0, "", "CVE-2026-1", "GO-2026-1"), at("b", 7, 7, "", "CVE-2026-1"), true},
		"one advisory, two packages":   {at("a", 3, 3, "", "CVE-2026-1"), at("b", 7, 7, "", "CVE-2026-1"), false},
		"two advisories, one weakness": {at("a", 7, 7, "CWE-89", "CVE-2026-1"), at("b", 7, 7, "CWE-89", "CVE-2026-2"), false},
		"whole files":                  {at("a", 0, 0, "CWE-89"), at("b", 0, 0, "CWE-89"), false},
	} {
		if got, back := Same(tt.a, tt.b), Same(tt.b, tt.a); got != tt.want || back != tt.want {
			t.Errorf("%s: %v and %v, want %v", name, got, back, tt.want)
		}
	}
}
