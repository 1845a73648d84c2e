package main_test

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// A webhook arrives, the app runs the scanners, and shows the results as checks. arrows lists which top folders
// of this module a folder may import, besides itself. Tests may not import more.
var arrows = map[string][]string{
	"cmd":      {"app"},
	"app":      {"webhook", "checks", "scanners"},
	"checks":   {"scanners"},
	"webhook":  {},
	"scanners": {},
}

// top lists everything at the top of the repository, except files that begin with a dot.
var top = []string{
	"cmd", "app", "webhook", "checks", "scanners", "deploy",
	"go.mod", "go.sum", "Dockerfile", "README.md", "LICENSE",
}

// Dangerous powers, and the folders or files that have them. Tests may use all of them.
var (
	startsPrograms = []string{"app/mirror", "app/ledger/pgtest", "scanners/internal/tool", "checks/fakegithub"}
	writesToGitHub = []string{"checks/publish/run.go", "checks/publish/reply.go", "checks/fakegithub"}
	actsAsTheApp   = []string{"app"} // calls under /app: tokens, the webhook's settings, deliveries

	parsesDeep = []string{
		"app/confined", "app/reading.go", "scanners", // in the processes without credentials
		"app/strictyaml", "app/policy/parse.go", "app/threatmodel/parse.go", "app/threatmodel/otmimport.go", "app/decisionfile/file.go", "app/ownership/catalog.go", // the parsers
		"app/suppress/ignorefile.go", "app/command/find.go",
		"app/local", "app/configure.go", "app/decisions.go", "app/model.go", "app/modelfacts.go", "app/settings", "app/demo", // commands of a user, without credentials
		"app/examine/parsers.go", "app/policyfiles/parse.go", "app/baseline/change.go", // where there is no pool
		"checks/fakegithub",
	}
)

// pure lists packages that only compute values from values: they use no network, files or database, neither
// directly nor through other packages of this module. Their subfolders are not included.
var pure = []string{
	"app/audit", "app/baseline", "app/command", "app/decision", "app/decisionfile", "app/insight", "app/judge", "app/lesson", "app/ownership", "app/policy", "app/record",
	"app/rehearsal", "app/strictyaml", "app/tally", "app/threatmodel", "app/vex", "checks", "checks/patch",
}

// rooms lists exactly which other packages of the app each one imports. There are no cycles. Tests may import
// more.
var rooms = map[string][]string{
	"": {
		"audit", "clock", "command", "confined", "conversation", "decision", "decisionfile", "digest", "examine", "insight", "installation", "judge",
		"ledger", "local", "mirror", "ownership", "people", "plainfile", "plan", "policy", "policyfiles", "queue", "record", "recovery", "rehearsal",
		"review", "scratch", "settings", "strictyaml", "suppress", "threatmodel", "tracing", "tracing/otlp", "upload", "vex",
	},

	// What happens: a review, a conversation, a checklist on an issue, the digest of a team, an upload; and the two that need no GitHub.
	"review": {
		"baseline", "clock", "decision", "decisionfile", "examine", "insight", "installation", "judge", "ledger", "lesson", "mirror",
		"ownership", "people", "policy", "policyfiles", "pull", "queue", "record", "requirements", "strictyaml", "suppress", "threatmodel",
		"tracing", "upload",
	},
	"conversation": {
		"clock", "command", "decision", "examine", "insight", "installation", "ledger", "mirror", "ownership", "people", "policy",
		"policyfiles", "pull", "queue", "record",
	},
	"digest": {
		"clock", "decision", "insight", "installation", "ledger", "lesson", "ownership", "people", "policy", "policyfiles", "pull", "queue",
		"record",
	},
	"plan":      {"command", "installation", "ledger", "people", "policy", "policyfiles", "pull", "queue", "record"},
	"upload":    {"baseline", "examine", "installation", "ledger", "mirror", "policy", "pull", "queue"},
	"local":     {"examine", "judge", "mirror", "ownership", "plainfile", "policy", "requirements", "strictyaml", "suppress", "threatmodel"},
	"rehearsal": {"baseline", "decision", "judge", "policy", "record"},
	"recovery":  {"installation", "ledger", "queue", "record"},

	// The steps of a review.
	"examine":      {"baseline", "mirror", "ownership", "policy", "strictyaml", "threatmodel", "tracing"},
	"suppress":     {"decision", "examine", "ownership", "policy"},
	"judge":        {"baseline", "decision", "policy"},
	"policyfiles":  {"installation", "ledger", "mirror", "policy", "pull", "record", "strictyaml"},
	"requirements": {"policy", "record", "threatmodel"},
	"people":       {"installation", "ownership", "pull"},
	"insight":      {"policy", "record"},

	// What is known, and what is kept.
	"audit":        {"decision", "record"},
	"decisionfile": {"decision", "strictyaml"},
	"vex":          {"decision", "record"},
	"record":       {"decision"},
	"policy":       {"ownership", "strictyaml"},
	"settings":     {"strictyaml"},
	"baseline":     {},
	"decision":     {},
	"ownership":    {},
	"command":      {},
	"threatmodel":  {"strictyaml"},

	// Machinery.
	"ledger":       {"audit", "clock", "decision", "fair", "record", "tally"},
	"queue":        {"clock", "fair", "ledger", "tracing"},
	"pull":         {"installation", "ledger"},
	"installation": {"fair", "tracing"},
	"mirror":       {"plainfile", "tracing"},
	"clock":        {},
	"confined":     {},
	"fair":         {},
	"plainfile":    {},
	"scratch":      {},
	"strictyaml":   {},
	"tracing":      {},
	"tracing/otlp": {"tracing"},

	"demo": {"", "clock", "confined"},

	"apptest":                       {"baseline"},
	"ledger/pgtest":                 {},
	"installation/installationtest": {"installation"},
	"strictyaml/strictyamltest":     {"strictyaml"},
	"tally":                         {"decision", "record"},
	"lesson":                        {"record"},
}

const module = "github.com/secbydesign/secbydesign"

func TestArchitecture(t *testing.T) {
	t.Parallel()
	for _, v := range violations(t, os.DirFS("../..")) {
		t.Error(v)
	}
}

// TestRooms checks the imports inside the app, and prints them.
func TestRooms(t *testing.T) {
	t.Parallel()
	packages := map[string][]source{}
	lines := map[string]int{}
	total := 0
	tree := os.DirFS("../..")
	for _, s := range sources(t, tree) {
		if strings.HasPrefix(s.path, "app/") && !s.test {
			packages[s.folder] = append(packages[s.folder], s)
			text, err := fs.ReadFile(tree, s.path)
			if err != nil {
				t.Fatal(err)
			}
			n := bytes.Count(text, []byte("\n"))
			lines[s.folder] += n
			total += n
		}
	}
	for _, v := range roomViolations(packages, rooms) {
		t.Error(v)
	}
	for _, room := range slices.Sorted(maps.Keys(rooms)) {
		n := lines[path.Join("app", room)]
		t.Logf("%5d lines (%2d %%)  app/%s: %s", n, (100*n+total/2)/max(total, 1), room, strings.Join(rooms[room], " "))
	}
}

func TestArchitectureIsGuarded(t *testing.T) {
	t.Parallel()
	const header = "// Package p is here.\npackage p\n"
	imports := func(paths ...string) string { return header + `import ("` + strings.Join(paths, `"; "`) + `")` }
	ours := func(folder string) string { return imports(module + "/" + folder) }
	tests := []struct {
		file, text string
		want       string // empty when it is allowed
	}{
		{"cmd/x/x.go", ours("app"), ""},
		{"cmd/x/x.go", ours("checks"), "cmd must not import checks"},
		{"app/x.go", ours("webhook"), ""},
		{"app/x/x.go", ours("app/y"), ""},
		{"app/x.go", ours("cmd/secbydesign"), "app must not import cmd"},
		{"checks/x.go", ours("scanners"), ""},
		{"checks/x.go", ours("scanners/gitleaks"), ""},
		{"checks/fakegithub/x.go", ours("webhook"), "checks must not import webhook"},
		{"checks/x_test.go", ours("app/policy"), "checks must not import app"},
		{"webhook/x.go", ours("scanners"), "webhook must not import scanners"},
		{"webhook/x.go", ours(""), "webhook must not import " + module},
		{"scanners/x/x.go", ours("checks"), "scanners must not import checks"},
		{"deploy/x.go", header, "deploy is no place for Go"},

		{"util/x.txt", "", "util is not one of the folders"},
		{"Makefile", "", "Makefile is not one of the"},
		{".golangci.yml", "", ""},
		{"deploy/x.yaml", "", ""},
		{"secbydesign", "", ""}, // what go build leaves, see .gitignore
		{"data/trees/x.go", "package strange", ""},

		{"app/mirror/x.go", imports("os/exec"), ""},
		{"app/x.go", imports("os/exec"), "app/x.go must not start programs"},
		{"app/mirrors/x.go", imports("os/exec"), "must not start programs"},
		{"app/x_test.go", imports("os/exec"), ""},
		{"scanners/x/x.go", imports("os") + "\nfunc f() { os.StartProcess(``, nil, nil) }", "must not start programs"},
		{"app/x.go", header + "func f() { strictyaml.Parse(s) }", "must not parse content beside the credentials (strictyaml.Parse)"},
		{"app/review/x.go", header + "func f() { policy.Parse(``, nil) }", "must not parse content beside the credentials (policy.Parse)"},
		{"webhook/x.go", header + "func f() { g := goldmark.New; g() }", "must not parse content beside the credentials (goldmark.New)"},
		{"app/reading.go", header + "func f() { strictyaml.Parse(s) }", ""},
		{"scanners/x/x.go", header + "func f() { yaml.Unmarshal(nil, nil) }", ""},
		{"app/review/x_test.go", header + "func f() { policy.Parse(``, nil) }", ""},
		{"app/policy/x.go", imports("strings"), ""},
		{"app/policy/deep/x.go", imports("os"), ""},
		{"app/policy/x.go", imports("os"), "app/policy/x.go is pure and must not import os"},
		{"checks/patch/x.go", imports("net/http"), "pure and must not import net/http"},
		{"app/policy/x_test.go", imports("os"), ""},

		{"checks/publish/run.go", header + "func f() { c.REST.Checks.CreateCheckRun() }", ""},
		{"checks/publish/reply.go", header + "func f() { c.REST.Issues.CreateComment() }", ""},
		{"checks/publish/reply.go", header + "func f() { c.REST.Reactions.CreateIssueCommentReaction() }", ""},
		{"checks/other.go", header + "func f() { c.REST.Reactions.CreateIssueCommentReaction() }", "must not write to GitHub (Reactions.CreateIssueCommentReaction)"},
		{"checks/other.go", header + "func f() { c.REST.Checks.CreateCheckRun() }", "must not write to GitHub (Checks.CreateCheckRun)"},
		{"app/pull/x.go", header + "func f() { c.PullRequests.Edit() }", "must not write to GitHub (PullRequests.Edit)"},
		{"app/pull/x.go", header + "func f() { c.Git.UpdateRef() }", "must not write to GitHub (Git.UpdateRef)"},
		{"app/pull/x.go", header + "func f() { f := c.Issues.CreateComment; f() }", "must not write to GitHub (Issues.CreateComment)"},
		{"app/pull/x.go", header + "func f() { c.GraphQL.Mutate() }", "must not write to GitHub (Mutate)"},
		{"app/pull/x.go", header + "func f() { c.REST.NewRequest(`PUT`, ``, nil) }", "must not write to GitHub (NewRequest PUT)"},
		{"app/pull/x.go", header + "func f() { c.REST.NewRequest(`GET`, ``, nil) }", ""},
		{"app/pull/x.go", header + "func f() { c.PullRequests.Get(); c.Checks.ListCheckRunsForRef(); c.Repositories.CompareCommits() }", ""},
		{"app/pull/x_test.go", header + "func f() { c.PullRequests.Edit() }", ""},
		{"app/x.go", header + "func f() { c.Apps.CreateInstallationToken() }", ""},
		{"checks/x.go", header + "func f() { c.Apps.CreateInstallationToken() }", "must not write to GitHub (Apps.CreateInstallationToken)"},

		{"app/x.go", "package p", "app has 0 package comments"},
		{"app/x.go", header + "func init() {}", "must not have an init function"},
		{"app/x.go", header + "type t struct{}\nfunc (t) init() {}", ""},
		{"app/x.go", header + "var m = map[int]int{}\nfunc f() { m[1] = 2 }", "must not change m, which is global"},
		{"app/x.go", header + "var n int\nfunc f() { n++ }", "must not change n"},
		{"app/x.go", header + "var s struct{ n []int }\nfunc f() { s.n[0] = 1 }", "must not change s"},
		{"app/x.go", header + "var m = map[int]int{}\nfunc f() { delete(m, 1) }", "must not change m"},
		{"app/x.go", header + "var n int\nfunc f() { n := 1; n++; _ = n }", ""},
		{"app/x.go", header + "var n int\nfunc f(n int) { n++ }", ""},
		{"app/x.go", header + "var m = map[int]int{1: 2}\nfunc f() int { return m[1] }", ""},
	}
	for _, tt := range tests {
		tree := fstest.MapFS{".gitignore": {Data: []byte("/secbydesign\n/data/\n*.out\n")}, tt.file: {Data: []byte(tt.text)}}
		got := violations(t, tree)
		switch {
		case tt.want == "" && len(got) > 0:
			t.Errorf("%s is allowed:\n%s\ngot %q", tt.file, tt.text, got)
		case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
			t.Errorf("%s:\n%s\ngot %q, want %q", tt.file, tt.text, got, tt.want)
		}
	}

	through := fstest.MapFS{
		"app/policy/x.go": {Data: []byte(ours("scanners/y"))}, "scanners/y/y.go": {Data: []byte(ours("scanners/z"))}, "scanners/z/z.go": {Data: []byte(imports("net"))},
	}
	if got := violations(t, through); len(got) != 1 || got[0] != "app/policy is pure and must not reach net, by scanners/y and scanners/z" {
		t.Errorf("a power that is reached through others: %q", got)
	}
	for _, c := range []struct {
		imported, want string
	}{
		{"app/ledger", "app/judge must not import app/ledger"},
		{"app/baseline", "app/judge does not import app/decision"},
		{"app/other", "app/judge must not import app/other"},
	} {
		table := map[string][]string{"judge": {"baseline", "decision"}}
		got := roomViolations(map[string][]source{"app/judge": sources(t, fstest.MapFS{"app/judge/x.go": {Data: []byte(ours(c.imported))}})}, table)
		if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, c.want) }) {
			t.Errorf("judge imports %s: %q", c.imported, got)
		}
	}

	twice := fstest.MapFS{"app/x.go": {Data: []byte(header)}, "app/y.go": {Data: []byte(header)}}
	if got := violations(t, twice); len(got) != 1 || !strings.Contains(got[0], "app has 2 package comments") {
		t.Errorf("two package comments: %q", got)
	}
	apart := fstest.MapFS{"app/x.go": {Data: []byte(header + "var n int")}, "app/y.go": {Data: []byte("package p\nfunc f() { n = 1 }")}}
	if got := violations(t, apart); len(got) != 1 || !strings.Contains(got[0], "app/y.go must not change n") {
		t.Errorf("a change in another file: %q", got)
	}
}
