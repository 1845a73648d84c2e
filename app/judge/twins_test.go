package judge

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestTwinsAgreeWithComparingAll compares the twins with the result of comparing each finding with each.
func TestTwinsAgreeWithComparingAll(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	merged := 0
	for range 2000 {
		var all []*checks.Finding
		for i := range r.IntN(14) {
			f := scanners.Result{Scanner: pick("a", "b", "c"), State: scanners.State(pick("new", "new", "absent"))}
			f.Rule, f.CWE, f.Commit = fmt.Sprint(i), pick("", "CWE-1", "CWE-1", "CWE-2"), pick("", "", "", "c")
			f.Line = r.IntN(6)
			f.EndLine = f.Line + r.IntN(3)
			for _, id := range []string{"CVE-1", "CVE-2"} {
				if r.IntN(4) == 0 {
					f.Aliases = append(f.Aliases, id)
				}
			}
			all = append(all, &checks.Finding{Result: f})
		}
		twins, gone := newTwins(all), map[int]bool{}
		for i := range all {
			if twins.gone[i] != gone[i] {
				t.Fatalf("%d of %+v is gone: %v", i, all, twins.gone[i])
			}
			if gone[i] {
				continue
			}
			var want []int
			for j := i + 1; j < len(all); j++ {
				if !gone[j] && baseline.Same(all[i].Result, all[j].Result) {
					gone[j] = true
					want = append(want, j)
				}
			}
			if got := twins.take(i); !slices.Equal(got, want) {
				t.Fatalf("of %+v the same as %d are %v, want %v", all, i, got, want)
			}
			merged += len(want)
		}
	}
	if merged < 1000 {
		t.Fatalf("only %d were the same", merged)
	}
}

// many returns runs of two scanners with n findings in one file; with same, those of the second are the same problems
// as those of the first.
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

func TestMergeNamesWhatItPutsTogether(t *testing.T) {
	t.Parallel()
	list := []checks.Gate{{Name: scanners.Code}}
	for _, run := range many(4, true) {
		for _, r := range run.Results {
			list[0].Findings = append(list[0].Findings, checks.Finding{Result: r})
		}
	}
	merge(list, map[string]int{"gosec": 0, "semgrep": 1}, nil)
	var got [][]string
	for _, f := range list[0].Findings {
		got = append(got, append([]string{f.RuleID()}, f.Also...))
	}
	if want := [][]string{{"gosec/r", "semgrep/r"}, {"gosec/r"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
