package review

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/rehearsal"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestWhatRanElsewhereIsKept: a tool whose results a workflow sent is not one of the program's own, and a rehearsal has
// it all the same.
func TestWhatRanElsewhereIsKept(t *testing.T) {
	t.Parallel()
	found := scanners.Result{
		Finding: scanners.Finding{Rule: "go/sql-injection", Severity: scanners.High, Path: "a.go", Line: 3},
		Scanner: "codeql", Gate: scanners.Code, Fingerprint: "one:1", State: scanners.New,
	}
	run := scanners.Run{Scanner: "codeql", Gate: scanners.Code, Results: []scanners.Result{found}}
	j, err := judge.Apply(judge.Case{Runs: []scanners.Run{run}, Policy: policy.Default()})
	if err != nil {
		t.Fatal(err)
	}
	rep := checks.Compose(checks.Input{Gates: j.Gates, Limit: 10})
	kept := summary(rep, recordInput{infos: []scanners.Info{{Name: "gosec", Gate: scanners.Code}}})
	want := []record.Scanner{{Name: "gosec", Gate: scanners.Code, State: record.Off}, {Name: "codeql", Gate: scanners.Code, State: record.Ran}}
	if !slices.Equal(kept.Context.Scanners, want) {
		t.Errorf("kept %+v, want %+v", kept.Context.Scanners, want)
	}
	blocks := policy.Default()
	blocks.Gates[scanners.Code] = policy.GatePolicy{Mode: policy.Block}
	again, err := rehearsal.Rehearse(rehearsal.Input{
		Pulls:  []record.Past{{Owner: "acme", Repo: "shop", Number: 1, Reviews: []record.Review{kept}}},
		Before: map[string]policy.Policy{"acme/shop": policy.Default()}, After: map[string]policy.Policy{"acme/shop": blocks},
	})
	if err != nil || again.Blocked.Added != 1 {
		t.Errorf("judged again it is %+v, %v", again, err)
	}
}

// TestAskedAgain checks that no request to run a check again is lost, whenever it comes. The lines are events; a word
// that is no event is the name of a check whose "Re-run" was pressed.
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
				list = append(list, ledger.Event{Kind: record.Started})
			case "finished":
				list = append(list, ledger.Event{Kind: record.Finished})
			case "failed":
				list = append(list, ledger.Event{Kind: record.Failed})
			default:
				list = append(list, ledger.Event{Kind: record.RerunAsked, Data: json.RawMessage(`{"check":"` + name + `"}`)})
			}
		}
		got, err := askedAgain(list)
		if strings.Join(got, " ") != want || err != nil {
			t.Errorf("after %q: %q, %v, want %q", events, got, err, want)
		}
	}
	if _, err := askedAgain([]ledger.Event{{Kind: record.RerunAsked, Data: json.RawMessage("no")}}); err == nil {
		t.Error("an event that cannot be read is passed over")
	}
}
