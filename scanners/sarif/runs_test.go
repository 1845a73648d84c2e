package sarif

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// written holds what a reader of the file learns about its runs.
type written struct {
	Runs []struct {
		Tool              struct{ Driver struct{ Name string } }
		AutomationDetails struct{ ID string }
		Invocations       []struct {
			ExecutionSuccessful        bool
			ToolExecutionNotifications []struct {
				Level   string
				Message struct{ Text string }
			}
		}
		Results []struct {
			RuleID    string
			RuleIndex int
			Level     string
		}
	}
}

func write(t *testing.T, runs []scanners.Run, opts Options) (w written) {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, runs, opts); err != nil {
		t.Fatal(err)
	}
	if err := validate(b.Bytes()); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(b.Bytes(), &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// names returns the tools of the runs, and said their notifications.
func (w written) names() (names []string) {
	for _, r := range w.Runs {
		names = append(names, r.Tool.Driver.Name)
	}
	return names
}

func (w written) said() (said []string) {
	for _, r := range w.Runs {
		for _, n := range r.Invocations[0].ToolExecutionNotifications {
			said = append(said, n.Level+": "+n.Message.Text)
		}
	}
	return said
}

// TestOnlyScannersThatRanHaveARun: where a file is uploaded, an empty run closes all alerts of its tool.
func TestOnlyScannersThatRanHaveARun(t *testing.T) {
	t.Parallel()
	const idle = "note: osv did not run: The change has no file of its kind."
	var (
		clean   = scanners.Run{Scanner: "gitleaks", Version: "8.30.1"}
		nothing = scanners.Run{Scanner: "osv", Idle: true}
		missing = scanners.Run{Scanner: "semgrep", Skipped: "Install semgrep."}
		failed  = scanners.Run{Scanner: "gosec", Err: &scanners.IncompleteError{Reason: "It ran out of time."}}
	)
	for name, c := range map[string]struct {
		runs        []scanners.Run
		names, said []string
		failed      []string
	}{
		"all ran":           {[]scanners.Run{clean, failed}, []string{"gitleaks", "gosec"}, []string{"error: It ran out of time."}, []string{"gosec"}},
		"some are absent":   {[]scanners.Run{nothing, missing, clean}, []string{"gitleaks"}, []string{idle, "note: semgrep did not run: Install semgrep."}, nil},
		"one did not end":   {[]scanners.Run{nothing, failed}, []string{"gosec"}, []string{"error: It ran out of time.", idle}, []string{"gosec"}},
		"none ran":          {[]scanners.Run{nothing, missing}, []string{"secbydesign"}, []string{idle, "note: semgrep did not run: Install semgrep."}, nil},
		"there are no runs": {nil, []string{"secbydesign"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := write(t, c.runs, Options{})
			if got := w.names(); !slices.Equal(got, c.names) {
				t.Errorf("runs of %q, want %q", got, c.names)
			}
			if got := w.said(); !slices.Equal(got, c.said) {
				t.Errorf("it says %q, want %q", got, c.said)
			}
			for _, r := range w.Runs {
				if name := r.Tool.Driver.Name; r.Invocations[0].ExecutionSuccessful == slices.Contains(c.failed, name) {
					t.Errorf("%s: executionSuccessful is %v", name, r.Invocations[0].ExecutionSuccessful)
				}
			}
		})
	}
}

// TestNoMoreRunsThanAServiceTakes checks that every result is in the file, for any number of
// scanners.
func TestNoMoreRunsThanAServiceTakes(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 19, 20, 21, 27, 60} {
		for _, broken := range []int{-1, 0, n - 1} {
			t.Run(fmt.Sprintf("%d, %d broken", n, broken), func(t *testing.T) {
				t.Parallel()
				var runs []scanners.Run
				want := map[string]bool{}
				for i := range n {
					f := finding(scanners.New, "main.go", i+1)
					f.Scanner, f.Fingerprint = fmt.Sprintf("tool-%02d", n-i), fmt.Sprintf("%d:1", i)
					runs = append(runs, scanners.Run{Scanner: f.Scanner, Version: "1", Results: []scanners.Result{f}})
					if i == broken {
						runs[i].Err = errors.New("broken")
					}
					want[f.RuleID()] = true
				}
				runs = append(runs, scanners.Run{Scanner: "osv", Idle: true})
				w := write(t, runs, Options{})
				if len(w.Runs) != min(n, 20) {
					t.Errorf("%d scanners make %d runs", n, len(w.Runs))
				}
				seen := map[string]bool{}
				unsuccessful := 0
				for _, r := range w.Runs {
					key := r.Tool.Driver.Name + " " + r.AutomationDetails.ID
					if seen[key] {
						t.Errorf("two runs are %s", key)
					}
					seen[key] = true
					for _, result := range r.Results {
						if !want[result.RuleID] {
							t.Errorf("%s twice, or unknown", result.RuleID)
						}
						delete(want, result.RuleID)
					}
					if !r.Invocations[0].ExecutionSuccessful {
						unsuccessful++
					}
				}
				if len(want) > 0 {
					t.Errorf("results are left out: %v", want)
				}
				if (unsuccessful == 1) != (broken >= 0) {
					t.Errorf("%d runs are not successful", unsuccessful)
				}
				if said := strings.Join(w.said(), "\n"); !strings.Contains(said, "osv did not run") {
					t.Errorf("osv is not among what it says: %s", said)
				}
			})
		}
	}
}

// TestASharedRunClosesNothingOfOthers: its category changes as soon as one of its scanners does not
// run.
func TestASharedRunClosesNothingOfOthers(t *testing.T) {
	t.Parallel()
	var runs []scanners.Run
	for i := range 22 {
		runs = append(runs, scanners.Run{Scanner: fmt.Sprintf("tool-%02d", i)})
	}
	all := write(t, runs, Options{}).Runs[19].AutomationDetails.ID
	runs[20].Idle = true
	if less := write(t, runs, Options{}).Runs[19].AutomationDetails.ID; less == all || !strings.Contains(all, "tool-20") {
		t.Errorf("the category of both is %s", all)
	}
}

// TestNoMoreResultsThanAServiceTakes checks that the worst results are kept, in their order.
func TestNoMoreResultsThanAServiceTakes(t *testing.T) {
	t.Parallel()
	run := scanners.Run{Scanner: "gitleaks"}
	for i := range 25_000 + 2 {
		f := scanners.Result{Finding: scanners.Finding{Rule: "r", Severity: scanners.Low, Message: "m"}, Scanner: "gitleaks", State: scanners.New, Fingerprint: fmt.Sprint(i)}
		if i == 25_000+1 {
			f.Severity = scanners.Critical
		}
		run.Results = append(run.Results, f)
	}
	var b bytes.Buffer
	if err := Write(&b, []scanners.Run{run}, Options{}); err != nil {
		t.Fatal(err)
	}
	var w written
	if err := json.Unmarshal(b.Bytes(), &w); err != nil {
		t.Fatal(err)
	}
	results := w.Runs[0].Results
	if len(results) != 25_000 || results[0].Level != "note" || results[len(results)-1].Level != "error" {
		t.Errorf("%d results, from %v to %v", len(results), results[0], results[len(results)-1])
	}
	if said := w.said(); len(said) != 1 || !strings.HasSuffix(said[0], " 2 more are left out.") {
		t.Errorf("it says %q", said)
	}
}
