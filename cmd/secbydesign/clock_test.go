package main_test

import (
	"fmt"
	"go/ast"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// machineClock lists the folders and files of the app that read the machine's clock, with the reason. All others decide
// by package clock, so that what depends on a date can be tested and rehearsed. Tests may use the machine's.
var machineClock = map[string]string{
	"app/clock":            "it is made from the machine's clock",
	"app/fair":             "the work that each repository got lately",
	"app/installation":     "tokens, and the limits of GitHub's API",
	"app/mirror":           "locks, and the age of files",
	"app/queue":            "leases, pauses, and River's schedule",
	"app/policyfiles":      "how long a refusal of GitHub is remembered",
	"app/upload":           "tokens of workflows, and deadlines of connections",
	"app/temporary.go":     "the age of files",
	"app/tasks.go":         "a pause",
	"app/intents.go":       "when a request arrived, which is compared with GitHub's times; the conversation converts it",
	"app/ledger":           "locks, leases, and the age of what can be computed again; the time of events is that of its Clock",
	"app/examine/scan.go":  "how long a scanner ran",
	"app/review/review.go": "how long a review took",
	"app/review/report.go": "the budget of a review",
	"app/conversation":     "how long a command waits for a review",
	"app/local":            "a review on this machine",
	"app/rehearse.go":      "a command on this machine",
	"app/model.go":         "a command on this machine",
}

// byTheirClock lists files in folders of machineClock that must not read the machine's clock nevertheless.
var byTheirClock = []string{"app/conversation/verbs.go", "app/conversation/voice.go", "app/ledger/uploads.go", "app/upload/external.go", "app/ledger/views.go"}

// machineTime lists where a file reads the machine's clock.
func machineTime(s source) (found []string) {
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if from, ok := sel.X.(*ast.Ident); ok && from.Name == "time" && slices.Contains([]string{"Now", "Since", "Until"}, sel.Sel.Name) {
				found = append(found, "time."+sel.Sel.Name)
			}
		}
		return true
	})
	return found
}

func clockViolations(all []source) (found []string) {
	for _, s := range all {
		used := machineTime(s)
		if s.test || !strings.HasPrefix(s.path, "app/") || strings.HasPrefix(s.folder, "app/demo") || len(used) == 0 {
			continue
		}
		allowed := machineClock[s.path] != ""
		if !allowed && machineClock[s.folder] != "" {
			allowed = !slices.Contains(byTheirClock, s.path)
		}
		if !allowed {
			found = append(found, fmt.Sprintf("%s must decide by package clock, and not by %s", s.path, used[0]))
		}
	}
	return found
}

func TestDatesAreOfTheAppsClock(t *testing.T) {
	t.Parallel()
	for _, v := range clockViolations(sources(t, os.DirFS("../.."))) {
		t.Error(v)
	}
	const now = "// Package p is here.\npackage p\n\nimport \"time\"\n\nvar _ = time.Now()\n"
	for path, want := range map[string]bool{
		"app/judge/x.go": true, "app/judge/x_test.go": false, "app/queue/x.go": false, "app/conversation/verbs.go": true, "app/review/merged.go": true, "checks/x.go": false,
	} {
		if got := clockViolations(sources(t, fstest.MapFS{path: {Data: []byte(now)}})); len(got) > 0 != want {
			t.Errorf("%s: %q", path, got)
		}
	}
}
