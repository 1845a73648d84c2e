package suppress

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// hunks makes the patch of a file in which every eighth of so many lines is replaced.
func hunks(name string, lines int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "diff --git a/%[1]s b/%[1]s\n--- a/%[1]s\n+++ b/%[1]s\n", name)
	for line := 8; line < lines; line += 8 {
		fmt.Fprintf(&b, "@@ -%[1]d,3 +%[1]d,3 @@\n x\n-x\n+y\n x\n", line)
	}
	return b.String()
}

// BenchmarkAfterTheScan runs each step that follows the scan of a change: one file with a hunk on every eighth line, a
// suppression on every second and as many findings as lines. The time for a line stays the same however many there are.
func BenchmarkAfterTheScan(b *testing.B) {
	for _, n := range []int{12_500, 25_000, 50_000, 100_000} {
		set, err := patch.Parse([]byte(hunks("a.go", n)))
		if err != nil {
			b.Fatal(err)
		}
		text := strings.Repeat("x()\ny() // #nosec G401\n", n/2)
		file := func(string) ([]byte, bool) { return []byte(text), true }
		none := func(string) ([]byte, bool) { return nil, false }
		comments := func() *Set {
			return &Set{
				head: file, base: none, tip: none, policy: policy.Default(), markers: allMarkers(), infos: map[string]scanners.Info{}, now: time.Now(),
				tree: func() ([]string, bool) { return []string{"a.go"}, true },
			}
		}
		runs := many(n, false)
		ex := examine.Examination{Patch: set, Runs: runs}
		gates := judged(b, runs)
		input := checks.Input{Patch: set, Gates: gates, Limit: 25, Files: map[string][]byte{"a.go": []byte(text)}, Threads: map[string]bool{}}
		var decisions []decision.Decision
		var results []scanners.Result
		for _, run := range runs {
			for _, r := range run.Results {
				results = append(results, r)
				decisions = append(decisions, decision.Decision{Fingerprint: r.Fingerprint, Rule: r.RuleID(), Path: r.Path, Verb: "accept"})
			}
		}
		in := baseline.Input{}
		for i := range n {
			f := scanners.Finding{Rule: "r", Path: "a.go", Line: i, Identity: "equal"}
			in.Head = append(in.Head, f)
			f.Line += 7
			in.Base = append(in.Base, f)
			in.Known = append(in.Known, baseline.Known{Fingerprint: fmt.Sprint("x:", i), Path: "a.go", Line: i})
		}
		for _, c := range []struct {
			name string
			do   func()
		}{
			{"gates", func() { judged(b, runs) }},
			{"gates-same", func() { judged(b, many(n, true)) }},
			{"compare", func() { baseline.Compare(scanners.Info{Name: "x"}, in) }},
			{"rule", func() { decision.Rule(results, decisions, decision.Scope{}, time.Now()) }},
			{"decide", func() { _ = comments().Decide(b.Context(), ex, gates) }},
			{"suppressions", func() { _, _, _ = comments().Review(b.Context(), ex) }},
			{"compose", func() { checks.Compose(input) }},
		} {
			b.Run(fmt.Sprintf("%s/lines=%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					c.do()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/line")
			})
		}
	}
}

// many returns the findings of two scanners in a file of n lines; with same, each finding of one scanner is the same
// problem as one of the other.
func many(n int, same bool) []scanners.Run {
	runs := []scanners.Run{{Scanner: "gosec", Gate: scanners.Code}, {Scanner: "semgrep", Gate: scanners.Code}}
	for i := range n {
		f := scanners.Result{Finding: scanners.Finding{
			Rule: "r", Path: "a.go", Line: 1 + i/2, EndLine: n, CWE: "CWE-1", Title: "T", Message: "M.", Identity: fmt.Sprint(i), Severity: scanners.High,
		}, Gate: scanners.Code, State: scanners.New}
		f.Scanner = runs[i%2].Scanner
		f.Fingerprint = fmt.Sprintf("%026d:1", i)
		if !same {
			f.Aliases = []string{fmt.Sprint("CVE-", i)}
		}
		runs[i%2].Results = append(runs[i%2].Results, f)
	}
	return runs
}

func judged(t testing.TB, runs []scanners.Run) []checks.Gate {
	t.Helper()
	j, err := judge.Apply(judge.Case{Runs: runs, Policy: policy.Default()})
	if err != nil {
		t.Fatal(err)
	}
	return j.Gates
}
