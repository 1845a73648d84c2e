package judge

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// runsOf makes runs of "scanner state line-end name", where a name is a weakness, an advisory "id of package", or "-".
func runsOf(list ...string) (runs []scanners.Run) {
	for i, text := range list {
		var r scanners.Result
		var state, name, of string
		if n, err := fmt.Sscanf(text, "%s %s %d-%d %s of %s", &r.Scanner, &state, &r.Line, &r.EndLine, &name, &of); n < 5 {
			panic(err)
		}
		r.Path, r.Gate, r.Fingerprint, r.Rule = "a", scanners.Code, fmt.Sprint(i, ":1"), fmt.Sprint("r", i)
		r.State, r.Worse, r.Moved = scanners.State(strings.TrimRight(state, "!~")), strings.HasSuffix(state, "!"), strings.HasSuffix(state, "~")
		switch {
		case strings.HasPrefix(name, "CWE"):
			r.CWE = name
		case name != "-":
			r.Aliases, r.Package = []string{name}, of
		}
		at := slices.IndexFunc(runs, func(run scanners.Run) bool { return run.Scanner == r.Scanner })
		if at < 0 {
			at = len(runs)
			runs = append(runs, scanners.Run{Scanner: r.Scanner, Gate: scanners.Code})
		}
		runs[at].Results = append(runs[at].Results, r)
	}
	return runs
}

// statesOf lists the states by the number of the finding.
func statesOf(runs []scanners.Run) string {
	states := map[string]string{}
	for _, run := range runs {
		for _, r := range run.Results {
			states[r.Rule] = string(r.State)
		}
	}
	var list []string
	for i := range len(states) {
		list = append(list, states[fmt.Sprint("r", i)])
	}
	return strings.Join(list, " ")
}

func TestUnchangedForOneIsUnchangedForAll(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		runs  []string
		added int // a line that the change adds
		want  string
	}{
		{"one line", []string{"gitleaks unchanged 3-3 CWE-798", "terraform new 3-3 CWE-798"}, 3, "unchanged unchanged"},
		{"the other order", []string{"terraform new 3-3 CWE-798", "gitleaks unchanged 3-3 CWE-798"}, 3, "unchanged unchanged"},
		{"new for two, unchanged for one", []string{"a new 3-3 CWE-1", "b unchanged 3-3 CWE-1", "c new 3-3 CWE-1"}, 3, "unchanged unchanged unchanged"},
		{"a resource and a line in it", []string{"a new 1-9 CWE-1", "b unchanged 3-3 CWE-1"}, 1, "unchanged unchanged"},
		{"a line in a wide finding", []string{"a new 3-3 CWE-1", "b unchanged 1-9 CWE-1"}, 0, "unchanged unchanged"},
		{"one package", []string{"a new 0-0 CVE-1 of x", "b unchanged 3-3 CVE-1 of x"}, 3, "unchanged unchanged"},
		{"one package, no name", []string{"a new 0-0 CVE-1", "b unchanged 3-3 CVE-1 of x"}, 3, "unchanged unchanged"},

		{"an added line in a wide finding", []string{"a new 3-3 CWE-1", "b unchanged 1-9 CWE-1"}, 3, "new unchanged"},
		{"another line", []string{"a new 4-4 CWE-1", "b unchanged 3-3 CWE-1"}, 3, "new unchanged"},
		{"another weakness", []string{"a new 3-3 CWE-1", "b unchanged 3-3 CWE-2"}, 3, "new unchanged"},
		{"no weakness", []string{"a new 3-3 -", "b unchanged 3-3 -"}, 3, "new unchanged"},
		{"one scanner", []string{"a new 3-3 CWE-1", "a unchanged 3-3 CWE-1"}, 3, "new unchanged"},
		{"worse", []string{"a new! 3-3 CWE-1", "b unchanged 3-3 CWE-1"}, 3, "new unchanged"},
		{"from elsewhere", []string{"a new 3-3 CWE-1", "b unchanged~ 3-3 CWE-1"}, 3, "new unchanged"},
		{"fixed for one", []string{"a new 3-3 CWE-1", "b absent 3-3 CWE-1"}, 3, "new absent"},
		{"two problems, both see both", []string{"a unchanged 3-3 CWE-1", "a new 3-3 CWE-1", "b unchanged 3-3 CWE-1", "b new 3-3 CWE-1"}, 3, "unchanged new unchanged new"},
		{"two problems, one sees one", []string{"a unchanged 3-3 CWE-1", "a new 3-3 CWE-1", "b unchanged 3-3 CWE-1"}, 3, "unchanged new unchanged"},
		{"another package", []string{"a new 0-0 CVE-1 of y", "b unchanged 3-3 CVE-1 of x"}, 3, "new unchanged"},
		{"two new for one old", []string{"a new 3-3 CWE-1", "a new 3-3 CWE-1", "b unchanged 3-3 CWE-1"}, 3, "unchanged new unchanged"},
	} {
		runs := runsOf(test.runs...)
		before := statesOf(runs)
		j, err := Apply(Case{Runs: runs, Policy: policy.Default(), Adds: func(r scanners.Result) bool { return r.Line <= test.added && test.added <= r.EndLine }})
		if err != nil {
			t.Fatal(err)
		}
		if got := statesOf(j.Gates[0].Runs); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
		if statesOf(runs) != before {
			t.Errorf("%s: the case was changed", test.name)
		}
	}
}

// No scanner's results make its own new findings old, no other state changes, and no old finding stands for more new
// ones of a scanner than one.
func TestAgreementIsOneForOne(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	changed := 0
	for range 3000 {
		var list []string
		for range r.IntN(9) {
			from := 1 + r.IntN(3)
			list = append(list, fmt.Sprintf("%c %s %d-%d CWE-%d", 'a'+r.IntN(3), []string{"new", "unchanged", "absent"}[r.IntN(3)], from, from+r.IntN(2), r.IntN(2)))
		}
		runs := runsOf(list...)
		agreed := Case{Runs: runs}.agreed()
		flipped, old := map[string]int{}, map[string]int{}
		for i, run := range runs {
			for j, before := range run.Results {
				after := agreed[i].Results[j]
				if before.State == scanners.Unchanged {
					old[run.Scanner]++
				}
				if before.State == after.State {
					continue
				}
				changed++
				if flipped[run.Scanner]++; before.State != scanners.New || after.State != scanners.Unchanged {
					t.Fatalf("%q: %s became %s", list, before.State, after.State)
				}
			}
		}
		for scanner, n := range flipped {
			others := 0
			for other, m := range old {
				if other != scanner {
					others += m
				}
			}
			if n > others {
				t.Fatalf("%q: %d of %s became old, and others know %d", list, n, scanner, others)
			}
		}
	}
	if changed < 500 {
		t.Fatalf("only %d became old", changed)
	}
}

// TestManyThatOthersKnow has thousands of findings on one line, as in a minified file.
func TestManyThatOthersKnow(t *testing.T) {
	t.Parallel()
	const n = 5000
	runs := []scanners.Run{{Scanner: "a"}, {Scanner: "b"}}
	for i := range n {
		r := scanners.Result{Finding: scanners.Finding{Rule: "r", Path: "a.js", Line: 1, EndLine: 1, CWE: "CWE-1"}, Fingerprint: fmt.Sprint(i)}
		r.Scanner, r.State = "a", scanners.New
		runs[0].Results = append(runs[0].Results, r)
		r.Scanner, r.State = "b", scanners.Unchanged
		runs[1].Results = append(runs[1].Results, r)
	}
	for _, r := range (Case{Runs: runs}).agreed()[0].Results {
		if r.State != scanners.Unchanged {
			t.Fatal("one is still new")
		}
	}
}
