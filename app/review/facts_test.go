package review

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
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
	list := gates([]scanners.Run{run}, policy.Default(), nil, nil)
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

// TestAskedAgain: nothing that somebody asked for is lost, whenever they ask. The lines are events; what
// stands alone is the name of a check whose "Re-run" was pressed.
func TestAskedAgain(t *testing.T) {
	t.Parallel()
	for events, want := range map[string]string{
		"":                                        "",
		"started finished":                        "",
		"secrets started":                         "secrets",
		"started finished secrets":                "secrets",
		"started secrets finished":                "secrets", // after the verdict and before the end
		"secrets started finished":                "",
		"secrets started failed started":          "secrets",
		"secrets started failed started finished": "",
		"started finished secrets started code started": "secrets code",
		"started secrets finished started finished":     "",
		"started finished secrets code secrets started": "secrets code",
	} {
		var list []ledger.Event
		for _, name := range strings.Fields(events) {
			switch name {
			case "started":
				list = append(list, ledger.Event{Kind: Started})
			case "finished":
				list = append(list, ledger.Event{Kind: Finished})
			case "failed":
				list = append(list, ledger.Event{Kind: Failed})
			default:
				list = append(list, ledger.Event{Kind: RerunOf, Data: json.RawMessage(`{"check":"` + name + `"}`)})
			}
		}
		got, err := askedAgain(list)
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("after %q: %q, %v, want %q", events, got, err, want)
		}
	}
	if _, err := askedAgain([]ledger.Event{{Kind: RerunOf, Data: json.RawMessage("no")}}); err == nil {
		t.Error("an event that cannot be read is passed over")
	}
}
