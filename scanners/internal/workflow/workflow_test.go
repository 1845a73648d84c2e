package workflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"

	"github.com/secbydesign/secbydesign/scanners"
)

const path = ".github/workflows/x.yml"

func parse(t *testing.T, text string) *File {
	t.Helper()
	f, err := Parse(path, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if f.Broken != nil {
		t.Fatal(f.Broken)
	}
	return f
}

// script returns the text of a workflow whose only step has this value, written as in the source.
func script(value string) string {
	return "on: push\njobs:\n  job:\n    runs-on: x\n    steps:\n      - run: " + value + "\n"
}

func TestPartsArePlacedExactly(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       []Place
	}{
		{"plain", script("echo ${{ a.b }}"), []Place{{6, 6, 19, 29}}},
		{"double quotes", script(`"echo ${{ a.b }}"`), []Place{{6, 6, 20, 30}}},
		{"single quotes", script(`'it''s ${{ a.b }}'`), []Place{{6, 6, 21, 31}}},
		{"characters of several bytes", script("echo äß✓😀 ${{ a.b }}"), []Place{{6, 6, 24, 34}}},
		{"block", script("|\n          echo\n          echo x ${{ a.b }} ${{ a.b }}"), []Place{{8, 8, 18, 28}, {8, 8, 29, 39}}},
		{"folded", script(">-\n          echo\n          ${{ a.b }}"), []Place{{8, 8, 11, 21}}},
		{"plain on two lines", script("echo\n          ${{ a.b }}"), []Place{{7, 7, 11, 21}}},
		{"expression on two lines", script("|\n          echo ${{ a.b ||\n          a.c }}"), []Place{{6, 6, 0, 0}}},
		{"behind others of its kind", "name: ${{ a.b }}\n" + script("echo ${{ a.b }}"), []Place{{7, 7, 19, 29}}},
		{"CRLF", strings.ReplaceAll(script("|\n          echo ${{ a.b }}"), "\n", "\r\n"), []Place{{7, 7, 16, 26}}},
		{"line ends that git does not know", "# a\u2028# b\u0085# c\n" + script("echo ${{ a.b }}"), []Place{{7, 7, 19, 29}}},
	} {
		f := parse(t, c.text)
		run := Run(f.Jobs()[0].Steps[0])
		var got []Place
		for e := range Expressions(run) {
			got = append(got, f.Part(run, e.From, e.To))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestValuesArePlacedExactly(t *testing.T) {
	t.Parallel()
	const text = "on: push\njobs:\n  jöb:\n    runs-on: x\n    steps:\n      - uses: ö/b@v1 # note\n      - {uses: 'a/b@v1'}\n      - uses: \"a\\x2fb@v1\"\n      - uses: >-\n          a/b@v1\n"
	f := parse(t, text)
	want := []Place{{6, 6, 15, 21}, {7, 7, 16, 24}, {8, 8, 0, 0}, {9, 9, 0, 0}}
	for i, s := range f.Jobs()[0].Steps {
		if got := f.Place(Action(s)); got != want[i] {
			t.Errorf("step %d: %v, want %v", i, got, want[i])
		}
	}
	if rest, ok := f.Rest(Action(f.Jobs()[0].Steps[0])); !ok || rest != "# note" {
		t.Errorf("rest %q, %v", rest, ok)
	}
	if got, want := f.Line(&actionlint.Pos{Line: 99, Col: 99}), (Place{Line: 10, EndLine: 10}); got != want {
		t.Errorf("a line behind the end: %v, want %v", got, want)
	}
}

func TestUntrusted(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		"github.head_ref":                                      "github.head_ref",
		"github['head_ref']":                                   "github.head_ref",
		"GITHUB.Event.Issue.TITLE":                             "github.event.issue.title",
		"github.event.commits[0].message":                      "github.event.commits.*.message",
		"format('{0}{1}', github.head_ref, 1)":                 "github.head_ref",
		"github.head_ref || github.event.issue.title":          "github.event.issue.title,github.head_ref",
		"inputs.x && github.head_ref || 'x'":                   "github.head_ref",
		"github.head_ref && 'x'":                               "",
		"github.head_ref == 'x'":                               "",
		"!github.head_ref":                                     "",
		"contains(github.head_ref, 'x')":                       "",
		"format('{0}', contains(github.head_ref, 'x'))":        "",
		"github.event.pull_request.head.sha":                   "",
		"hashFiles(github.head_ref)":                           "",
		"fromJSON(toJSON(github.event.pull_request.body)).why": "github.event.pull_request.body",
	} {
		for e := range Expressions(&actionlint.String{Value: "${{ " + expr + " }}"}) {
			if got := strings.Join(Untrusted(e.Node, actionlint.BuiltinUntrustedInputs), ","); got != want {
				t.Errorf("%s: %q, want %q", expr, got, want)
			}
		}
	}
}

func TestExpressions(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{
		"":                                0,
		"${{":                             0,
		"${{ a }}":                        1,
		"${{ a }}${{ b }}":                2,
		"${{ '}}' }} ${{ b }}":            2,
		"${{ mistake( }} ${{ b }}":        1,
		"${{ " + strings.Repeat("(", 100): 0,
		"${{ " + strings.Repeat("(", 100_000) + "a" + strings.Repeat(")", 100_000) + " }} ${{ b }}": 1,
	} {
		n := 0
		for e := range Expressions(&actionlint.String{Value: value}) {
			if n++; e.Text != value[e.From:e.To] || !strings.HasSuffix(e.Text, "}}") {
				t.Errorf("%.40q: text %.40q at %d-%d", value, e.Text, e.From, e.To)
			}
		}
		if n != want {
			t.Errorf("%.40q: %d expressions, want %d", value, n, want)
		}
	}
	if Condition(&actionlint.String{Value: strings.Repeat("!", 1_000_000) + "a"}) != nil {
		t.Error("a condition that GitHub does not evaluate is parsed")
	}
}

// bomb unfolds to 10^n values.
func bomb(n int) string {
	var text strings.Builder
	text.WriteString("on: push\nx0: &x0 [a,a,a,a,a,a,a,a,a,a]\n")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&text, "x%d: &x%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*x%d,", i-1), 10), ","))
	}
	fmt.Fprintf(&text, "jobs:\n  a:\n    runs-on: x\n    strategy: {matrix: {m: *x%d}}\n    steps: [{run: make}]\n", n-1)
	return text.String()
}

func TestHostileFilesAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"a large file", "# " + strings.Repeat("x", maxText), errTooLarge},
		{"aliases of aliases", bomb(12), errUnfolded},
		{"a few aliases of aliases", bomb(4), nil},
		{"an alias in its own anchor", "on: push\njobs: &j\n  a: *j\n", nil},
		{"a long text many times", "a: &a " + strings.Repeat("x", 100_000) + "\nb: [" + strings.Repeat("*a,", 100) + "]\n", errUnfolded},
		{"many steps", script("make") + strings.Repeat("      - run: make\n", maxSteps), errSteps},
		{"no UTF-8", "on: \xff", errEncoding},
		{"UTF-16", "\xff\xfeo\x00n\x00", errEncoding},
		{"deep nesting", "on: " + strings.Repeat("[", 100_000), nil},
		{"deep nesting that is well", "on: " + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000), nil},
		{"nothing", "", nil},
		{"a NUL", "on: \x00", nil},
	} {
		for _, path := range []string{path, "action.yml"} {
			if path == "action.yml" && errors.Is(c.want, errSteps) {
				continue // it has none
			}
			if f, err := Parse(path, []byte(c.text)); !errors.Is(err, c.want) || c.want == nil && f.Workflow == nil {
				t.Errorf("%s in %s: %v, want %v", c.name, path, err, c.want)
			}
		}
	}
}

var info = scanners.Info{Name: "test", Scopes: []scanners.Scope{scanners.ScopeFile}, Files: Files()}

func TestScanReportsGaps(t *testing.T) {
	t.Parallel()
	good := script("make")
	files := []scanners.File{
		{Path: ".github/workflows/a.yml", Content: []byte(good)},
		{Path: ".github/workflows/b.yml", Content: []byte("on: \xff")},
		{Path: ".github/workflows/panic.yml", Content: []byte(good)},
		{Path: ".github/workflows/z.yaml", Content: []byte(good)},
		{Path: ".github/workflows/sub/no.yml", Content: []byte("\xff")},
		{Path: "README.md", Content: []byte("\xff")},
	}
	found, err := Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files}, info, func(f *File) []scanners.Finding {
		if strings.Contains(f.Path, "panic") {
			panic("secret text")
		}
		return []scanners.Finding{f.Finding(Rule{ID: "r"}, scanners.Low, Place{Line: 1, EndLine: 1}, "m")}
	})
	if len(found) != 2 || found[0].Path != files[0].Path || found[1].Path != files[3].Path {
		t.Errorf("found %+v", found)
	}
	const want = `Not checked completely: ".github/workflows/b.yml" (not UTF-8 text), ".github/workflows/panic.yml" (the scanner failed on it); split such a file, or make it simpler.`
	if got := scanners.Reason(err); got != want {
		t.Errorf("reason %q, want %q", got, want)
	}

	many, err := Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files[:1]}, info, func(f *File) []scanners.Finding {
		var all []scanners.Finding
		for i := range 2 * maxFindings {
			all = append(all, f.Finding(Rule{ID: "r"}, scanners.Low, Place{Line: 1, EndLine: 1}, fmt.Sprint(i)))
		}
		return all
	})
	if len(many) != maxFindings || !errors.Is(err, errTooMany) {
		t.Errorf("%d findings, %v", len(many), err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scan(ctx, scanners.Target{Scope: scanners.ScopeFile, Files: files}, info, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Scan(context.Background(), scanners.Target{Scope: scanners.ScopeTree}, info, nil); err == nil {
		t.Error("a scope that is not its own is accepted")
	}
}

// Parse panics on no untrusted file, and every place that it returns exists.
func FuzzParse(f *testing.F) {
	f.Add(path, script("|\n          echo ${{ github.head_ref }}"))
	f.Add(path, script(`"\x41 ${{ format('{0}', a) }}"`))
	f.Add(path, bomb(3))
	f.Add(path, "on: push\njobs: &j\n  a: {steps: [*j, {uses: a/b@c}], if: ${{ a }} }\n")
	f.Add("action.yml", "runs:\n  using: composite\n  steps:\n    - uses: a/b@v1\n      with: {x: 1}\n    - run: x\n")
	f.Fuzz(func(t *testing.T, path, text string) {
		file, err := Parse(path, []byte(text))
		if err != nil {
			return
		}
		lines := strings.Count(text, "\n") + 1
		check := func(p Place) {
			if p.Line < 1 || p.EndLine < p.Line || p.EndLine > lines || p.Column < 0 || p.Line == p.EndLine && p.EndColumn < p.Column {
				t.Fatalf("place %+v of %d lines", p, lines)
			}
		}
		for _, job := range file.Jobs() {
			for _, s := range job.Steps {
				if u := Action(s); u != nil {
					check(file.Place(u))
					check(file.Line(u.Pos))
				}
				for e := range Expressions(Script(s)) {
					check(file.Part(Script(s), e.From, e.To))
					Untrusted(e.Node, actionlint.BuiltinUntrustedInputs)
				}
				Condition(s.If)
			}
		}
	})
}
