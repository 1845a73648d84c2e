package workflows

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/workflow"
)

const path = ".github/workflows/ci.yml"

func scan(t *testing.T, path, text string) []scanners.Finding {
	t.Helper()
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, name, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name, "files", ".github", "workflows", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// apply applies the edits of one-line fixes.
func apply(t *testing.T, text string, edits []scanners.Edit) string {
	t.Helper()
	slices.SortFunc(edits, func(a, b scanners.Edit) int { return cmp.Or(b.Line-a.Line, b.Column-a.Column) })
	lines := strings.Split(text, "\n")
	for _, e := range edits {
		if e.Line != e.EndLine || e.Column < 1 {
			t.Fatalf("edit %+v is not of one line", e)
		}
		line := []rune(lines[e.Line-1])
		lines[e.Line-1] = string(line[:e.Column-1]) + e.Text + string(line[e.EndColumn-1:])
	}
	return strings.Join(lines, "\n")
}

func TestFixesWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rule, text string
		before     int
		after      int
		want       string // a line of the fixed text
	}{
		{"write-all", read(t, "permissions", "write-all.yml"), 2, 0, "permissions: read-all"},
		{"unsecure-commands", read(t, "unsecure-commands", "bad.yml"), 3, 0, `    env: {ACTIONS_ALLOW_UNSECURE_COMMANDS: "false"}`},
		{"bot-condition", read(t, "conditions", "bad.yml"), 1, 0, "    if: github.event.pull_request.user.login == 'dependabot[bot]'"},
		{"unpinned-action", read(t, "unpinned-action", "bad.yml"), 9, 8, "      - uses: other/pinned@0123456789abcdef0123456789abcdef01234567 # v2.1.0"},
	} {
		of := func(text string) (found []scanners.Finding) {
			for _, f := range scan(t, path, text) {
				if f.Rule == c.rule {
					found = append(found, f)
				}
			}
			return found
		}
		before := of(c.text)
		var edits []scanners.Edit
		for _, f := range before {
			for _, fix := range f.Fixes {
				edits = append(edits, fix.Edits...)
			}
		}
		fixed := apply(t, c.text, edits)
		if after := of(fixed); len(before) != c.before || len(after) != c.after {
			t.Errorf("%s: %d findings before and %d after, want %d and %d\n%s", c.rule, len(before), len(after), c.before, c.after, fixed)
		}
		if n := strings.Count("\n"+fixed, "\n"+c.want+"\n"); n == 0 {
			t.Errorf("%s: no line %q in\n%s", c.rule, c.want, fixed)
		}
	}
}

// There is no fix if it is uncertain: two commits for the same version, a version that no comment
// names, a comment in the way.
func TestPinsAreNotGuessed(t *testing.T) {
	t.Parallel()
	const begin = "on: push\npermissions: {}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
	for name, steps := range map[string]string{
		"two commits for one version": "      - uses: a/b@0123456789abcdef0123456789abcdef01234567 # v1\n      - uses: a/b@1123456789abcdef0123456789abcdef01234567 # v1\n      - uses: a/b@v1\n",
		"another version":             "      - uses: a/b@0123456789abcdef0123456789abcdef01234567 # v1.0\n      - uses: a/b@v1\n",
		"another action":              "      - uses: a/c@0123456789abcdef0123456789abcdef01234567 # v1\n      - uses: a/b@v1\n",
		"a comment in the way":        "      - uses: a/b@0123456789abcdef0123456789abcdef01234567 # v1\n      - uses: a/b@v1 # keep\n",
	} {
		found := scan(t, path, begin+steps)
		if len(found) != 1 || len(found[0].Fixes) != 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestTheWayIsShown(t *testing.T) {
	t.Parallel()
	f := scan(t, path, read(t, "untrusted-checkout", "critical.yml"))[0]
	want := []scanners.Step{{Path: path, Line: 11, Message: "This checks out the code of the pull request."},
		{Path: path, Line: 12, Message: "This step runs code of the working folder."},
		{Path: path, Line: 14, Message: "The job gets a secret."}}
	if !slices.Equal(f.Flow, want) {
		t.Errorf("flow %+v, want %+v", f.Flow, want)
	}
	if f.Column != 16 || f.EndColumn != 57 {
		t.Errorf("columns %d to %d", f.Column, f.EndColumn)
	}
}

// Checkouts that refuse forks by themselves, by version.
func TestRefusingVersions(t *testing.T) {
	t.Parallel()
	const sha = "11bd71901bbe5b1630ceea73d27597364c9af683"
	for uses, want := range map[string]scanners.Severity{
		"v7": scanners.Low, "v7.0.1": scanners.Low, "v4": scanners.Low, "v6": scanners.Low, "main": scanners.Low, "v4.4.0": scanners.Low, "v6.1.0": scanners.Low,
		"v10":           scanners.Low,
		sha + " # v7":   scanners.Low,
		sha + " # v6.1": scanners.Low,
		"v1":            scanners.Critical, "v4.2.2": scanners.Critical, "v6.0.0": scanners.Critical, "v4.3.1": scanners.Critical,
		sha: scanners.Critical, sha + " # v4": scanners.Critical, sha + " # v4.2.2": scanners.Critical, "some-branch": scanners.Critical,
	} {
		text := "on: pull_request_target\npermissions: {contents: write}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: actions/checkout@" + uses +
			"\n        with: {ref: \"${{ github.event.pull_request.head.sha }}\"}\n      - run: make\n"
		wantCheckout(t, text, want)
	}
}

// An outsider who passes one side of a condition passes.
func TestConditionsOfGuards(t *testing.T) {
	t.Parallel()
	const same, target = "github.event.pull_request.head.repo.full_name == github.repository", "pull_request_target"
	for _, c := range []struct {
		cond, event string
		want        guard
	}{
		{"", target, open},
		{"false", target, closed},
		{"${{ false }}", target, closed},
		{"true", target, open},
		{same, target, closed},
		{"github.repository == github.event.pull_request.head.repo.full_name", target, closed},
		{"github.event.pull_request.head.repo['full_name'] == 'acme/app'", target, closed},
		{"github.event.pull_request.head.repo.owner.login == github.event.pull_request.base.repo.owner.login", target, closed},
		{"github.event.pull_request.head.repo.full_name == format('{0}/app', github.repository_owner)", target, closed},
		{"github.event.pull_request.head.repo.full_name != github.repository", target, open},
		{"!(github.event.pull_request.head.repo.full_name != github.repository)", target, closed},
		{"github.event.pull_request.head.repo.owner.login == github.event.pull_request.user.login", target, open},
		{"github.event.pull_request.head.repo.name == github.event.repository.name", target, open}, // equal for a fork, too
		{same + " && github.event.action == 'opened'", target, closed},
		{same + " || github.event.action == 'opened'", target, open},
		{same + " || contains(github.event.pull_request.labels.*.name, 'safe to test')", target, gated},
		{"!(" + same + " || github.event.action == 'opened')", target, open},
		{"!(github.event.pull_request.head.repo.fork || github.event.action == 'opened')", target, closed},
		{"github.event_name == 'pull_request' && " + same + " || github.event_name == 'pull_request_target' && !(" + same + ")", target, open},
		{"github.event_name == 'push' || " + same, target, closed},
		{"github.event_name == 'push' || github.event_name == 'pull_request_target'", target, open},
		{"github.event_name != 'pull_request_target'", target, closed},
		{"github.event_name != 'pull_request_target' || github.event.label.name == 'safe'", target, gated},
		{"github.event.pull_request.merged", target, closed},
		{"github.event.pull_request.merged == true", target, closed},
		{"github.event.pull_request.merged_at != null", target, closed},
		{"${{ !github.event.pull_request.merged }}", target, open},
		{"github.event.pull_request.merged == false", target, open},
		{"github.event.pull_request.merged != true", target, open},
		{"github.event.pull_request.merged_at == ''", target, open},
		{"github.event.pull_request.head.repo.fork", target, open},
		{"github.event.pull_request.head.repo.fork == false", target, closed},
		{"!github.event.pull_request.head.repo.fork", target, closed},
		{"!github.event.pull_request.head.repo.fork", "issue_comment", open}, // which has no pull_request
		{"false != github.event.pull_request.head.repo.fork", target, open},
		{"!contains(github.event.pull_request.labels.*.name, 'skip')", target, open},
		{"contains(join(github.event.pull_request.labels.*.name, ','), 'safe')", target, gated},
		{"github.actor == 'maintainer'", target, gated},
		{"github.actor != 'dependabot[bot]'", target, open},
		{"github.actor == github.event.pull_request.user.login", target, open},
		{"github.event.pull_request.head.repo.owner.login == github.event.organization.login", target, closed},
		{"contains(fromJSON('[\"OWNER\", \"MEMBER\"]'), github.event.comment.author_association)", "issue_comment", gated},
		{"contains(github.event.comment.body, github.actor)", "issue_comment", open},
		{"needs.authorize.outputs.ok == 'true'", target, gated},
		{"always() && needs.check-member.result == 'success'", target, gated},
		{"needs.authorize.result != 'success'", target, open},
		{"github.event.workflow_run.event == 'push'", "workflow_run", closed},
		{"github.event.workflow_run.event != 'pull_request'", "workflow_run", closed},
		{"github.event.workflow_run.event == 'pull_request'", "workflow_run", open},
		{"github.event.workflow_run.event == 'push' || github.event.workflow_run.conclusion == 'success'", "workflow_run", open},
		{"github.event.workflow_run.event == 'pull_request' && github.event.workflow_run.head_repository.full_name == github.repository", "workflow_run", closed},
		{"${{ " + same + " }} && true", target, open}, // a string, and so true
		{"${{ " + same + " }}\n", target, open},
		{same + " && (", target, open},
	} {
		j := &judgement{File: &workflow.File{Workflow: &actionlint.Workflow{}}, conds: map[conditionOn]guard{}}
		if got := j.condGuard(&actionlint.String{Value: c.cond}, c.event); got != c.want {
			t.Errorf("%q on %s: %d, want %d", c.cond, c.event, got, c.want)
		}
	}
}

// Calls may be nested as deep as an expression is long; if each were visited twice, the test would not
// end.
func TestNestedCalls(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]scanners.Severity{"github.actor": scanners.Medium, "github.head_ref": scanners.Critical} {
		cond := strings.Repeat("join(", 2000) + name + strings.Repeat(")", 2000) + " == 'x'"
		wantCheckout(t, "on: pull_request_target\npermissions: {contents: write}\njobs:\n  a:\n    if: "+cond+"\n    runs-on: x\n    steps:\n"+
			"      - uses: actions/checkout@v4.2.2\n        with: {ref: \"${{ github.event.pull_request.head.sha }}\"}\n      - run: npm ci\n", want)
	}
}

// A label required for each commit is a sufficient gate, however the commit is named.
func TestLabelledByVariable(t *testing.T) {
	t.Parallel()
	const head = "${{ github.event.pull_request.head.sha }}"
	for script, want := range map[string][]scanners.Severity{
		"git fetch origin " + head + "; git checkout " + head:    nil,
		`git fetch origin "$SHA"; git checkout "$SHA"`:           nil,
		"git fetch origin " + head + "; git checkout FETCH_HEAD": nil,
		`git fetch origin "$SHA"; git checkout FETCH_HEAD`:       nil,
		`git fetch origin pull/$NUMBER/head:pr; git checkout pr`: {scanners.Medium}, // the newest commit by then
	} {
		wantCheckout(t, "on: {pull_request_target: {types: [labeled]}}\npermissions: {contents: write}\njobs:\n  a:\n    if: github.event.label.name == 'safe'\n    runs-on: x\n"+
			"    env: {SHA: \"${{ github.event.pull_request.head.sha }}\"}\n    steps:\n      - run: "+script+"\n      - run: make\n", want...)
	}
}

// A job that requires the success of a guarded job is guarded, too.
func TestNeedsResult(t *testing.T) {
	t.Parallel()
	for cond, want := range map[string][]scanners.Severity{
		"needs.build.result == 'success'":                               nil,
		"!cancelled() && needs.build.result == 'success'":               nil,
		"always() && 'Success' == needs['build'].result":                nil,
		"always() && (needs.build.result == 'success' || true)":         {scanners.Critical},
		"!cancelled() && needs.build.result != 'cancelled'":             {scanners.Critical},
		"always() && needs.a.result == 'success'":                       {scanners.Critical}, // itself
		"always() && needs.other.result == 'success'":                   {scanners.Critical}, // no such job
		"!cancelled() && needs.build.result == 'skipped'":               {scanners.Critical},
		"always() && !(needs.build.result == 'success' && true)":        {scanners.Critical},
		"always() && !(needs.build.result != 'success' || cancelled())": nil,
	} {
		wantCheckout(t, "on: pull_request_target\npermissions: {contents: write}\njobs:\n  build:\n    if: github.event.pull_request.head.repo.full_name == github.repository\n    runs-on: x\n    steps: [{run: echo}]\n"+
			"  a:\n    needs: build\n    if: "+"${{ "+cond+" }}"+"\n    runs-on: x\n    steps:\n      - uses: actions/checkout@v4.2.2\n        with: {ref: \"${{ github.event.pull_request.head.sha }}\"}\n      - run: npm ci\n", want...)
	}
}

// A condition that lets forks in does not suppress the finding.
func TestConditionsThatLetForksIn(t *testing.T) {
	t.Parallel()
	for cond, want := range map[string]scanners.Severity{
		"(github.event_name == 'pull_request' && github.event.pull_request.head.repo.full_name == github.repository) || (github.event_name == 'pull_request_target' && github.event.pull_request.head.repo.full_name != github.repository)": scanners.Critical,
		"github.event.pull_request.head.repo.full_name == github.repository || contains(github.event.pull_request.labels.*.name, 'safe to test')":                                                                                           scanners.Medium,
		"${{ !github.event.pull_request.merged }}": scanners.Critical,
	} {
		text := "on: [pull_request, pull_request_target]\npermissions: {contents: write}\njobs:\n  a:\n    if: \"" + cond + "\"\n    runs-on: x\n    steps:\n" +
			"      - uses: actions/checkout@v4.2.2\n        with: {ref: \"${{ github.event.pull_request.head.sha }}\"}\n      - run: npm ci\n"
		wantCheckout(t, text, want)
	}
}

// A job with a condition on the results of others runs even if a job that it needs is skipped.
func TestGuardsOfNeededJobs(t *testing.T) {
	t.Parallel()
	for cond, want := range map[string][]scanners.Severity{
		"": nil, "    if: success()\n": nil,
		"    if: always()\n": {scanners.Critical}, "    if: ${{ !cancelled() }}\n": {scanners.Critical}, "    if: \"!Failure()\"\n": {scanners.Critical},
	} {
		wantCheckout(t, "on: pull_request_target\npermissions: {contents: write}\njobs:\n  first:\n    if: github.event.pull_request.merged\n    runs-on: x\n    steps: [{run: echo}]\n"+
			"  a:\n    needs: first\n"+cond+"    runs-on: x\n    steps:\n      - run: gh pr checkout 1 && make\n", want...)
	}
}

// A script that checks out the head and runs it is as severe as two steps that do.
func TestCheckoutsByScript(t *testing.T) {
	t.Parallel()
	const sha = "${{ github.event.pull_request.head.sha }}"
	for script, want := range map[string][]scanners.Severity{
		"gh pr checkout $N\nnpm ci":                                             {scanners.Critical},
		"gh pr checkout $N && npm test":                                         {scanners.Critical},
		"npm ci\ngh pr checkout $N":                                             {scanners.Medium},
		"gh pr checkout $N\n# npm ci":                                           {scanners.Medium},
		"# gh pr checkout 1\ngh pr checkout 2":                                  {scanners.Medium},
		"git fetch origin " + sha + "\ngit checkout " + sha:                     {scanners.Medium},
		"git fetch origin " + sha + "\ngit checkout -f " + sha + "\nmake":       {scanners.Critical},
		"git fetch origin '" + sha + "'\ngit -C . reset --hard FETCH_HEAD; ./x": {scanners.Critical},
		"git fetch origin " + sha + "\ngit diff " + sha + "\nmake":              nil, // only shown
		"git fetch origin main\ngit checkout FETCH_HEAD\nmake":                  nil,
		"git checkout main && git diff " + sha + "\nmake":                       nil,
		"git checkout ${{ github.event.pull_request.base.sha }}\nmake":          nil,
	} {
		wantCheckout(t, "on: pull_request_target\npermissions: {contents: write}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          "+
			strings.ReplaceAll(script, "\n", "\n          ")+"\n", want...)
	}
	const run = "git fetch origin ${{ github.event.workflow_run.head_sha }}\n          git checkout ${{ github.event.workflow_run.head_sha }}\n          make\n"
	wantCheckout(t, "on:\n  workflow_run: {workflows: [CI]}\npermissions: {contents: write}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: |\n          "+run, scanners.Critical)
}

func TestArtifactsByScript(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]int{
		"gh run download $ID && make": 1, "make; gh run download $ID": 0, "gh run download $ID --dir /tmp/x && make": 0,
	} {
		found := scan(t, path, "on:\n  workflow_run: {workflows: [CI]}\npermissions: {contents: write}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: "+script+"\n")
		if len(found) != want || want > 0 && found[0].Rule != artifactPoisoning.ID {
			t.Errorf("%s: %+v", script, found)
		}
	}
}

// An artifact of whatever run was the last may be that of a fork, up to version 5 of the action.
func TestArtifactsOfAnyRun(t *testing.T) {
	t.Parallel()
	const sha = "0123456789abcdef0123456789abcdef01234567"
	for with, want := range map[string]int{
		"v2|":                      1,
		"v5.0.0|":                  1,
		sha + " # v3|":             1,
		"v6|, allow_forks: true":   1,
		"v2|, event: pull_request": 1,
		"v6|":                      0,
		"v11|":                     0,
		sha + "|":                  0,
		sha + " # v6|":             0,
		"v2|, allow_forks: false":  0,
		"v2|, branch: main":        0,
		"v2|, event: push":         0,
		"v2|, run_id: 12":          0,
		"v2|, path: artifact":      0,
	} {
		version, inputs, _ := strings.Cut(with, "|")
		text := "on: issue_comment\npermissions: {}\njobs:\n  a:\n    runs-on: x\n    steps:\n      - uses: dawidd6/action-download-artifact@" + version +
			"\n        with: {workflow: ci.yml, name: data" + inputs + "}\n      - run: make\n"
		if got := places(t, artifactPoisoning.ID, text); len(got) != want {
			t.Errorf("%d findings:\n%s", len(got), text)
		}
		if got := places(t, artifactPoisoning.ID, strings.Replace(text, "issue_comment", "push", 1)); len(got) > 0 {
			t.Errorf("found on push:\n%s", text)
		}
	}
}

// A job hands the head over to another workflow.
func TestHeadForAnotherWorkflow(t *testing.T) {
	t.Parallel()
	const sha = "${{ github.event.pull_request.head.sha }}"
	for with, want := range map[string][]scanners.Severity{
		"ref: \"" + sha + "\"":     {scanners.Medium},
		"git-ref: \"" + sha + "\"": {scanners.Medium},
		"checkout_ref: \"refs/pull/${{ github.event.number }}/merge\"": {scanners.Medium},
		"sha: \"" + sha + "\"":                               nil, // maybe for a status
		"ref: \"${{ github.event.pull_request.base.sha }}\"": nil,
		"ref: \"${{ github.head_ref }}\"":                    nil, // a branch of this repository
		"number: \"${{ github.event.number }}\"":             nil,
	} {
		text := "on: pull_request_target\npermissions: {contents: write}\njobs:\n  a:\n    uses: ./.github/workflows/b.yml\n    with: {" + with + "}\n    secrets: inherit\n"
		wantCheckout(t, text, want...)
		wantCheckout(t, strings.Replace(text, "  a:\n", "  a:\n    if: github.event.pull_request.head.repo.full_name == github.repository\n", 1))
		wantCheckout(t, strings.Replace(text, "pull_request_target", "pull_request", 1))
	}
}

// wantCheckout checks how often untrusted-checkout reports the workflow, and with which severities.
func wantCheckout(t *testing.T, text string, want ...scanners.Severity) {
	t.Helper()
	var got []scanners.Severity
	for _, f := range scan(t, path, text) {
		if f.Rule == untrustedCheckout.ID {
			got = append(got, f.Severity)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v:\n%s", got, want, text)
	}
}

// No workflow, however hostile, makes a scan fail, and each finding is in the file.
func FuzzScan(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*/.github/workflows/*")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(path, b)
		f.Add("action.yml", b)
	}
	f.Fuzz(func(t *testing.T, path string, text []byte) {
		found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: text}}})
		if err != nil && strings.Contains(err.Error(), "panic") {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, x := range found {
			if x.Line < 1 || x.EndLine < x.Line || x.EndLine > len(lines) || x.Column == 0 != (x.EndColumn == 0) {
				t.Fatalf("place of %+v, in %d lines", x, len(lines))
			}
			if x.Column > 0 && x.Line == x.EndLine && (x.EndColumn <= x.Column || x.EndColumn > len([]rune(lines[x.Line-1]))+1) {
				t.Fatalf("columns of %+v in %q", x, lines[x.Line-1])
			}
			if x.Identity == "" || x.Help == "" || strings.ContainsAny(x.Message, "\r\n") {
				t.Fatalf("finding %+v", x)
			}
		}
	})
}

func BenchmarkScan(b *testing.B) {
	text, err := os.ReadFile("testdata/untrusted-checkout/files/.github/workflows/critical.yml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := (Scanner{}).Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: text}}}); err != nil {
			b.Fatal(err)
		}
	}
}
