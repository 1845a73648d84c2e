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
	"app/clock":         "it is made from the machine's clock",
	"app/confined":      "how old a process is, and when it must answer",
	"app/fair":          "the work that each repository got lately",
	"app/installation":  "tokens, and the limits of GitHub's API",
	"app/ledger/pgtest": "how long a server may take to start",
	"app/local":         "a review on this machine",
	"app/mirror":        "locks, and the age of files",
	"app/policyfiles":   "how long a refusal of GitHub is remembered",
	"app/queue":         "leases, pauses, and River's schedule",
	"app/recovery":      "GitHub's times, and how often a search may run",
	"app/tracing/otlp":  "how often a failed export is logged",

	"app/conversation/conversation.go": "a pause",
	"app/conversation/execute.go":      "how long a command waits for a review",
	"app/conversation/questions.go":    "how long a command waits for a review",
	"app/decisions.go":                 "a command on this machine",
	"app/digest/comment.go":            "pauses, and replies that are searched for by GitHub's time",
	"app/digest/update.go":             "a pause",
	"app/examine/scan.go":              "how long a scanner ran",
	"app/intents.go":                   "when a request arrived, as GitHub's times are; the conversation converts it",
	"app/ledger/batch.go":              "when a delivery arrived",
	"app/ledger/digests.go":            "claims, which are leases",
	"app/ledger/events.go":             "when a delivery arrived, and when a policy was read",
	"app/ledger/fairness.go":           "the work that each repository got lately",
	"app/ledger/installation.go":       "how long an answer to /readyz holds",
	"app/ledger/leases.go":             "leases",
	"app/ledger/ledger.go":             "how long a transaction took",
	"app/ledger/limits.go":             "the limits of GitHub's API",
	"app/ledger/movesource.go":         "a command on this machine",
	"app/ledger/observe.go":            "how long a transaction took",
	"app/ledger/pulls.go":              "when a delivery arrived",
	"app/ledger/results.go":            "the age of what can be computed again",
	"app/ledger/sqlite.go":             "which processes are dead",
	"app/ledger/sqlitedriver.go":       "River's schedule",
	"app/measure.go":                   "until when the limits of GitHub that were read hold",
	"app/model.go":                     "a command on this machine",
	"app/outcomes.go":                  "a command on this machine",
	"app/people/directory.go":          "how long an answer of GitHub is remembered",
	"app/rehearse.go":                  "a command on this machine",
	"app/review/measure.go":            "how long a review took",
	"app/review/progress.go":           "the budget of a review",
	"app/review/review.go":             "how long a review took",
	"app/tasks.go":                     "a pause",
	"app/temporary.go":                 "the age of files",
	"app/upload/token.go":              "tokens of workflows",
	"app/upload/upload.go":             "deadlines of connections",
}

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
		if machineClock[s.path]+machineClock[s.folder] == "" {
			found = append(found, fmt.Sprintf("%s must decide by package clock, and not by %s", s.path, used[0]))
		}
	}
	return found
}

func TestDatesAreOfTheAppsClock(t *testing.T) {
	t.Parallel()
	all := sources(t, os.DirFS("../.."))
	for _, v := range clockViolations(all) {
		t.Error(v)
	}
	for path := range machineClock {
		if !slices.ContainsFunc(all, func(s source) bool { return (s.path == path || s.folder == path) && !s.test && len(machineTime(s)) > 0 }) {
			t.Errorf("%s is listed, and does not read the machine's clock", path)
		}
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
