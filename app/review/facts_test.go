package review

import (
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestWhatRanElsewhereIsKept: a tool whose results a workflow sent is none of the program's own, and
// is there in a rehearsal all the same.
func TestWhatRanElsewhereIsKept(t *testing.T) {
	t.Parallel()
	found := scanners.Result{
		Finding: scanners.Finding{Rule: "go/sql-injection", Severity: scanners.High, Path: "a.go", Line: 3},
		Scanner: "codeql", Gate: scanners.Code, Fingerprint: "one:1", State: scanners.New,
	}
	run := scanners.Run{Scanner: "codeql", Gate: scanners.Code, Results: []scanners.Result{found}}
	list := gates([]scanners.Run{run}, policy.Default(), nil)
	rep := checks.Compose(checks.Input{Gates: list, Limit: 10})
	kept := summary(rep, basis{infos: []scanners.Info{{Name: "gosec", Gate: scanners.Code}}})
	want := []seenScanner{{"gosec", scanners.Code, notAsked}, {"codeql", scanners.Code, looked}}
	if !slices.Equal(kept.Seen.Scanners, want) {
		t.Errorf("kept %+v, want %+v", kept.Seen.Scanners, want)
	}
	again := kept.memory().gates(policy.Default(), nil)
	if len(again) != 1 || len(again[0].Findings) != 1 || !again[0].Findings[0].Comment {
		t.Errorf("judged anew it is %+v", again)
	}
}
