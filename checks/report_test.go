package checks

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"

	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

var update = flag.Bool("update", false, "write the golden files again")

const (
	base40 = "1111111111aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	head40 = "2222222222bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func fingerprint(s string, n int) string {
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%.26s:%d", strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])), n)
}

func finding(path string, line int, sev scanners.Severity, state scanners.State) Finding {
	return Finding{Comment: true, Result: scanners.Result{
		Finding: scanners.Finding{
			Rule: "aws-access-token", Severity: sev, Path: path, Line: line, EndLine: line, Column: 3, EndColumn: 9,
			Title: "AWS access key committed", Message: "This line holds an AWS access key.", Why: "Whoever can read the repository can use it.",
			Help: "Rotate the key, then read it from the environment.", HelpURL: "https://example.com/learn", CWE: "CWE-798",
		},
		Scanner: "gitleaks", Gate: scanners.Secrets, Fingerprint: fingerprint(path, line+1), State: state,
	}}
}

func mustPatch(t testing.TB, files ...string) patch.Set {
	t.Helper()
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "diff --git a/%[1]s b/%[1]s\nindex 1..2 100644\n--- a/%[1]s\n+++ b/%[1]s\n@@ -1,1 +1,5 @@\n one\n+two\n+three\n+four\n+five\n", f)
	}
	set, err := patch.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func gate(findings ...Finding) []Gate {
	return []Gate{{Name: scanners.Secrets, Findings: findings, Runs: []scanners.Run{{Scanner: "gitleaks", Gate: scanners.Secrets, Version: "8.30.1"}}}}
}

// inputs are the cases of the golden files.
func inputs(t testing.TB) map[string]Input {
	link := func(path string, line int) string {
		return fmt.Sprintf("https://github.example/acme/shop/blob/%s/%s#L%d", head40, path, line)
	}
	with := func(gates []Gate, change func(*Input)) Input {
		in := Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py", "b.py"), Gates: gates, Limit: 10, Link: link}
		if change != nil {
			change(&in)
		}
		return in
	}
	history := finding("a.py", 4, scanners.High, scanners.New)
	history.Commit = "3333333333cccccccccccccccccccccccccccccc"
	blocking := finding("b.py", 2, scanners.Medium, scanners.New)
	blocking.Block = true
	observed := finding("b.py", 5, scanners.Low, scanners.New)
	observed.Comment = false
	hostile := finding("a.py", 2, scanners.High, scanners.New)
	hostile.Title = "<b>@octocat</b> #1 | pipe"
	hostile.Message = "See http://evil.example ![x](http://evil.example/b.png) <!-- secbydesign:v1 finding=" + fingerprint("forged", 1) + " -->\n\n\u202Eright to left\u200B www.evil.example a@b.example GH-7 `code` ~~gone~~ acme/shop#9"
	hostile.Path = "dir/`x`\n\n<!-- secbydesign:v1 finding=" + fingerprint("forged", 2) + " -->"
	failed := gate(finding("a.py", 2, scanners.High, scanners.New))
	failed[0].Runs = append(failed[0].Runs, scanners.Run{Scanner: "slow", Gate: scanners.Secrets, Err: &scanners.IncompleteError{Reason: "It ran out of time after 5 minutes.", Err: errors.New("token ghs_secret")}})
	failedOnly := gate()
	failedOnly[0].Runs[0].Err = errors.New("panic: internal detail")
	var many []Finding
	for i := range 12 {
		many = append(many, finding(fmt.Sprintf("dir/%02d.py", i), 2, scanners.Severity(i%5), scanners.New))
	}
	accepted := finding("a.py", 2, scanners.Critical, scanners.New)
	accepted.Block = true
	accepted.Decided = &Decided{ID: "A-ABCDEFGH", How: "accepted", By: []string{"mona", "lea"}, Until: time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC),
		Reason: "only @staff <b>can</b> reach it, see #1", Ticket: "https://t.example/1?a=b_c_d"}
	wrong := finding("b.py", 2, scanners.Low, scanners.New)
	wrong.Decided = &Decided{ID: "A-22222222", How: "marked as a false positive", By: []string{"mona"}, Reason: "a test value"}
	lapsed := finding("b.py", 5, scanners.Low, scanners.New)
	lapsed.Lapsed = "A-33333333 no longer counts: it ended on 2026-11-01"
	const shop = "package shop\n\nfunc orders(id string) (*sql.Rows, error) {\n\treturn db.Query(\"SELECT * FROM orders WHERE id = \" + id)\n}\n"
	injection := sqlInjection("shop.go", 4)
	injection.Fixes = []scanners.Fix{{Title: "Use a placeholder", Edits: []scanners.Edit{{Path: "shop.go", Line: 4, EndLine: 4, Column: 18, EndColumn: 57, Text: "\"SELECT * FROM orders WHERE id = ?\", id"}}}}
	injection.Also = []string{"semgrep/sqli"}
	two := injection
	two.Fixes = []scanners.Fix{{Title: "Take the query from one place", Edits: []scanners.Edit{{Path: "shop.go", Line: 4, EndLine: 4, Text: "\treturn db.Query(byID, id)\n"}, {Path: "queries.go", Line: 1, EndLine: 1, Column: 13, EndColumn: 13, Text: "\n\nconst byID = `SELECT * FROM orders WHERE id = ?`"}}}}
	sink := sqlInjection("lib.go", 40)
	sink.Flow = []scanners.Step{{Path: "handler.go", Line: 12, Message: "reads the request"}, {Path: "a.py", Line: 3, Message: "passes the id on"}, {Path: "lib.go", Line: 40, Message: "puts it into the query"}}
	block := finding("views.py", 9, scanners.High, scanners.New)
	block.Gate, block.Title, block.Message, block.Why, block.Help, block.CWE = scanners.Code, "Cross-site scripting", "The name goes into the page as it is.", "Whoever chooses a name can run code in the reader's browser.", "Escape it.", "CWE-79"
	near := block
	near.Line, near.Fingerprint = 20, fingerprint("near", 1)
	advisory := finding("go.mod", 3, scanners.Critical, scanners.New)
	advisory.Gate, advisory.Scanner, advisory.Rule, advisory.CWE = scanners.Dependencies, "osv", "GO-2026-0001", "CWE-400"
	advisory.Title, advisory.Message, advisory.Why = "Vulnerable dependency", "example.com/parser 1.2.0 reads nested input without a limit.", "A single request can use up all memory."
	advisory.Help = "Update to 1.2.1 or later.\n\nThe same fix is in these releases:\n\n- 1.1.9\n- 1.2.1\n- 2.0.0\n"
	advisory.Aliases = []string{"CVE-2026-1000", "GHSA-aaaa-bbbb-cccc"}
	advisory.Fixes = []scanners.Fix{{Title: "Update to 1.2.1", Edits: []scanners.Edit{{Path: "go.mod", Line: 3, EndLine: 3, Text: "require example.com/parser v1.2.1\n"}}}}
	parser := func(n int, sev scanners.Severity) Finding {
		f := advisory
		f.Rule, f.Severity, f.Package, f.Fingerprint = fmt.Sprintf("GO-2026-%04d", n), sev, "example.com/parser", fingerprint("parser", n)
		f.Message = fmt.Sprintf("example.com/parser 1.2.0 has a known vulnerability (GO-2026-%04d): it reads <b>input</b> number %d.", n, n)
		return f
	}
	elsewhere := parser(5, scanners.High)
	elsewhere.Path = "a.py"
	views := "def page(request):\n    name = request.name\n    show(name)\n\n\ndef other(request):\n    a()\n    b()\n    write(name)\n" + strings.Repeat("\n\ndef x():\n    pass\n", 4)
	files := map[string]string{"shop.go": shop, "queries.go": "package shop\n", "go.mod": "module shop\n\nrequire example.com/parser v1.2.0\n", "views.py": views}
	code := func(change func(*Input), findings ...Finding) Input {
		return with(gate(findings...), func(in *Input) {
			set, err := patch.Parse([]byte(codePatch))
			if err != nil {
				t.Fatal(err)
			}
			in.Patch = set
			in.Files = map[string][]byte{}
			for _, path := range Needs(in.Gates, in.Patch) {
				if text, ok := files[path]; ok {
					in.Files[path] = []byte(text)
				}
			}
			if change != nil {
				change(in)
			}
		})
	}
	return map[string]Input{
		"decided":       with(gate(accepted, wrong), nil),
		"decided-some":  with(gate(accepted, lapsed), nil),
		"suggestion":    code(nil, injection),
		"fix-in-a-fold": code(nil, two),
		"flow":          with(gate(sink), nil),
		"same-block":    code(nil, block, near),
		"advisory":      code(nil, advisory),
		"package":       code(func(in *Input) { in.Limit = 1 }, parser(1, scanners.Low), parser(2, scanners.Critical), parser(3, scanners.Medium), parser(4, scanners.Low)),
		"package-thread": code(func(in *Input) {
			in.Limit, in.Threads = 1, map[string]bool{fingerprint("parser", 3): true, fingerprint("parser", 4): false}
		}, parser(1, scanners.Low), parser(2, scanners.Critical), parser(3, scanners.Medium), parser(4, scanners.Low), elsewhere),
		"clean":         with(gate(), nil),
		"findings":      with(gate(finding("a.py", 2, scanners.High, scanners.New), finding("b.py", 9, scanners.Low, scanners.New), finding("other.py", 1, scanners.Medium, scanners.New), finding("b.py", 1, scanners.High, scanners.Unchanged), finding("gone.py", 7, scanners.High, scanners.Absent), observed), nil),
		"blocking":      with(gate(finding("a.py", 2, scanners.Critical, scanners.New), blocking), nil),
		"draft":         with(gate(blocking), func(in *Input) { in.Draft = true }),
		"history":       with(gate(history), nil),
		"incomplete":    with(failed, nil),
		"incomplete-no": with(failedOnly, nil),
		"not-run":       with(nil, func(in *Input) { in.NotRun = "The change is empty." }),
		"notice":        with(gate(), func(in *Input) { in.Notices = []string{"The policy is invalid."} }),
		"limit":         with(gate(many...), func(in *Input) { in.Limit = 3; in.Threads = map[string]bool{many[0].Fingerprint: true} }),
		"hostile":       with(gate(hostile), func(in *Input) { in.Link = nil }),
	}
}

// codePatch changes a line of shop.go, two functions of views.py, and go.mod.
const codePatch = `diff --git a/shop.go b/shop.go
--- a/shop.go
+++ b/shop.go
@@ -1,5 +1,5 @@
 package shop
 
 func orders(id string) (*sql.Rows, error) {
-	return nil, nil
+	return db.Query("SELECT * FROM orders WHERE id = " + id)
 }
diff --git a/views.py b/views.py
--- a/views.py
+++ b/views.py
@@ -1,4 +1,3 @@
 def page(request):
     name = request.name
-    check(name)
     show(name)
@@ -6,2 +6,2 @@
 def other(request):
-    name = clean()
+    a()
diff --git a/go.mod b/go.mod
--- a/go.mod
+++ b/go.mod
@@ -1,2 +1,3 @@
 module shop
 
+require example.com/parser v1.2.0
`

func sqlInjection(path string, line int) Finding {
	f := finding(path, line, scanners.High, scanners.New)
	f.Gate, f.Scanner, f.Rule, f.CWE = scanners.Code, "gosec", "G202", "CWE-89"
	f.Title, f.Message = "SQL injection", "The query is put together from text that comes from outside."
	f.Why, f.Help = "Whoever calls this can read every order.", "Give the value to the driver, as a parameter of the query."
	return f
}

// TestComposeSaysMuchInTenLines bounds the text above the folds of a comment.
func TestComposeSaysMuchInTenLines(t *testing.T) {
	t.Parallel()
	for name, in := range inputs(t) {
		for _, c := range Compose(in).Comments {
			above := folds.ReplaceAllString(c.Body, "")
			n := 0
			for line := range strings.SplitSeq(above, "\n") {
				if line != "" && !strings.HasPrefix(line, "<!--") {
					n++
				}
			}
			if n > 10 {
				t.Errorf("%s: %d lines above the folds:\n%s", name, n, above)
			}
		}
	}
}

var folds = regexp.MustCompile(`(?s)<details>.*?</details>`)

func TestComposeGolden(t *testing.T) {
	t.Parallel()
	for name, in := range inputs(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rep := Compose(in)
			var b strings.Builder
			fmt.Fprintf(&b, "verdict: %s\n", rep.Verdict)
			for _, c := range append([]Check{rep.Check}, rep.Gates...) {
				fmt.Fprintf(&b, "\n=== check %s: %s: %s\n%s", c.Name, c.Conclusion, c.Title, c.Summary)
				for _, a := range c.Annotations {
					fmt.Fprintf(&b, "--- annotation %+v\n", a)
				}
			}
			for _, c := range rep.Comments {
				fmt.Fprintf(&b, "\n=== comment at %s:%d-%d\n%s\n", c.Path, c.StartLine, c.Line, c.Body)
			}
			golden(t, filepath.Join("testdata", "compose", name+".md"), b.String())
		})
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, got:\n%s", path, got)
	}
}

// TestVerdicts checks the law that no verdict is green by accident.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	failed := scanners.Run{Scanner: "x", Err: errors.New("died")}
	complete := scanners.Run{Scanner: "gitleaks"}
	mild := finding("a.py", 2, scanners.Low, scanners.New)
	block := mild
	block.Block = true
	old := finding("a.py", 2, scanners.Critical, scanners.Unchanged)
	old.Block = true
	quiet := mild
	quiet.Comment = false
	for _, c := range []struct {
		name       string
		gate       Gate
		draft      bool
		verdict    Verdict
		conclusion Conclusion
	}{
		{"nothing found", Gate{Runs: []scanners.Run{complete}}, false, Clean, Success},
		{"only old ones", Gate{Runs: []scanners.Run{complete}, Findings: []Finding{old}}, false, Clean, Success},
		{"only observed", Gate{Runs: []scanners.Run{complete}, Findings: []Finding{quiet}}, false, Clean, Success},
		{"a finding", Gate{Runs: []scanners.Run{complete}, Findings: []Finding{mild}}, false, Findings, Neutral},
		{"a blocking finding", Gate{Runs: []scanners.Run{complete}, Findings: []Finding{mild, block}}, false, Findings, Failure},
		{"a blocking finding on a draft", Gate{Runs: []scanners.Run{complete}, Findings: []Finding{block}}, true, Findings, Neutral},
		{"a scanner died", Gate{Runs: []scanners.Run{complete, failed}}, false, Incomplete, Neutral},
		{"a scanner of a blocking gate died", Gate{Block: true, Runs: []scanners.Run{failed}}, false, Incomplete, Failure},
		{"a scanner died beside a finding", Gate{Runs: []scanners.Run{failed}, Findings: []Finding{mild}}, false, Incomplete, Neutral},
		{"a scanner died beside a blocking finding", Gate{Runs: []scanners.Run{failed}, Findings: []Finding{block}}, false, Findings, Failure},
	} {
		c.gate.Name = scanners.Secrets
		rep := Compose(Input{Gates: []Gate{c.gate}, Draft: c.draft})
		if rep.Verdict != c.verdict || rep.Check.Conclusion != c.conclusion {
			t.Errorf("%s: got %s, %s; want %s, %s", c.name, rep.Verdict, rep.Check.Conclusion, c.verdict, c.conclusion)
		}
	}
}

func TestComposeIgnoresOrder(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for name, in := range inputs(t) {
		want := Compose(in)
		for range 5 {
			for i := range in.Gates {
				f := in.Gates[i].Findings
				rng.Shuffle(len(f), func(a, b int) { f[a], f[b] = f[b], f[a] })
			}
			if got := Compose(in); !reflect.DeepEqual(got.Gates, want.Gates) || !reflect.DeepEqual(got.Comments, want.Comments) {
				t.Errorf("%s: another order gives another report", name)
			}
		}
	}
}

func TestSummaryFits(t *testing.T) {
	t.Parallel()
	var many []Finding
	for i := range 5000 {
		many = append(many, finding(fmt.Sprintf("%s/%d.py", strings.Repeat("long", 20), i), i, scanners.Low, scanners.New))
	}
	rep := Compose(Input{Gates: gate(many...), Limit: 10})
	for _, c := range append([]Check{rep.Check}, rep.Gates...) {
		if len(c.Summary) > MaxSummary {
			t.Errorf("%s: %d bytes", c.Name, len(c.Summary))
		}
		if !strings.Contains(c.Summary, "more, which do not fit here") || !strings.Contains(c.Summary, "<sub>") {
			t.Errorf("%s: does not say what is left out", c.Name)
		}
	}
}

// TestCommentFits checks that a comment keeps GitHub's limit, whatever the length of a tool's texts.
func TestCommentFits(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("@<&`", 20_000)
	for _, change := range []func(*Finding){
		func(f *Finding) { f.Help = "Do this.\n\n" + strings.Repeat("And that.\n\n", 10_000) },
		func(f *Finding) { f.Help = strings.Repeat("And that. ", 10_000) },
		func(f *Finding) {
			for range 40 {
				f.Flow = append(f.Flow, scanners.Step{Path: long, Line: 1, Message: long})
			}
		},
		func(f *Finding) { f.Title, f.Message, f.Why, f.Path, f.Rule = long, long, long, long, long },
		func(f *Finding) {
			f.Aliases, f.Also, f.CWE = []string{long, long}, []string{long, long, long, long}, long
		},
	} {
		f := finding("a.py", 2, scanners.High, scanners.New)
		change(&f)
		body := Input{Link: func(path string, _ int) string { return "https://github.example/" + path }}.commentBody(bundle{Finding: f}, "", "")
		if closed := closedBody(body, "Fixed in `2222222222`."); len(closed) > 65_536 {
			t.Errorf("%d bytes:\n%.300s", len(closed), closed)
		}
		if _, _, ok := Mark(body); !ok || !strings.Contains(body, "/secbydesign accept") {
			t.Errorf("what has to be there is not:\n%.300s", body)
		}
	}
}

func TestMark(t *testing.T) {
	t.Parallel()
	fp := fingerprint("x", 3)
	for _, c := range []struct{ body, fingerprint, scanner string }{
		{Input{}.commentBody(bundle{Finding: finding("x", 2, scanners.Low, scanners.New)}, "", ""), fp, "gitleaks"},
		{strings.ReplaceAll(Input{}.commentBody(bundle{Finding: finding("x", 2, scanners.Low, scanners.New)}, "", ""), "\n", "\r\n"), fp, "gitleaks"},
		{closedBody(Input{}.commentBody(bundle{Finding: finding("x", 2, scanners.Low, scanners.New)}, "", ""), "Fixed."), fp, "gitleaks"},
		{"<!-- secbydesign:v1 finding=" + fp + " -->", fp, ""},
		{"<!-- secbydesign:v1 finding=" + fp + " -->\nmore text", "", ""},
		{"> <!-- secbydesign:v1 finding=" + fp + " -->", "", ""},
		{"text <!-- secbydesign:v1 finding=" + fp + " -->", "", ""},
		{"<!-- secbydesign:v1 finding=short:1 -->", "", ""},
		{"", "", ""},
	} {
		got, scanner, ok := Mark(c.body)
		if got != c.fingerprint || scanner != c.scanner || ok != (c.fingerprint != "") {
			t.Errorf("Mark(%q) = %q, %q, %v", c.body, got, scanner, ok)
		}
	}
}

func TestClosedBody(t *testing.T) {
	t.Parallel()
	body := Input{}.commentBody(bundle{Finding: finding("x", 2, scanners.Low, scanners.New)}, "", "")
	closed := closedBody(body, "Fixed in `abc`.")
	if isClosed(body) || !isClosed(closed) {
		t.Errorf("open and closed look alike:\n%s", closed)
	}
	if strings.Count(closed, "secbydesign:v1") != 1 || strings.Count(closed, "secbydesign:by") != 1 {
		t.Errorf("markers doubled:\n%s", closed)
	}
}

var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM))

// FuzzHostileText checks that no text of a tool or a tree leaves its place.
func FuzzHostileText(f *testing.F) {
	f.Add("plain", "a/b.go")
	f.Add("<!-- x --> @me #1 [a](b) `c` ``` \n\n# h", "`x`\n<!--")
	f.Fuzz(func(t *testing.T, text, path string) {
		x := finding(path, 2, scanners.High, scanners.New)
		x.Title, x.Message, x.Why = text, text, text
		body := Input{}.commentBody(bundle{Finding: x}, "", "")
		if fp, scanner, ok := Mark(body); !ok || fp != x.Fingerprint || scanner != "gitleaks" {
			t.Fatalf("the marker is lost or forged: %q", body)
		}
		if fp, _, ok := Mark(closedBody(body, "Fixed.")); !ok || fp != x.Fingerprint {
			t.Fatalf("the marker is lost on closing: %q", body)
		}
		e := Escape(text)
		if strings.ContainsAny(e, "\n\r<\u202E\u200B") {
			t.Fatalf("Escape(%q) = %q", text, e)
		}
		for i := range len(e) {
			if e[i] == '@' && !strings.HasPrefix(e[i:], "@&#8203;") {
				t.Fatalf("a mention is left in %q", e)
			}
		}
		src := []byte(e)
		err := ast.Walk(gfm.Parser().Parse(gmtext.NewReader(src)), func(n ast.Node, in bool) (ast.WalkStatus, error) {
			switch n.Kind() {
			case ast.KindDocument, ast.KindParagraph, ast.KindText, ast.KindString:
				return ast.WalkContinue, nil
			}
			return ast.WalkStop, fmt.Errorf("%s in %q", n.Kind(), e)
		})
		if err != nil {
			t.Fatal(err)
		}
		c := Code(text)
		if strings.ContainsAny(c, "\n\r") || c[0] != '`' || c[len(c)-1] != '`' {
			t.Fatalf("Code(%q) = %q", text, c)
		}
		if isClosed(body) {
			t.Fatalf("an open text looks closed: %q", body)
		}
	})
}

// TestColumnsOfAnAnnotation: GitHub takes them on a single line only, and its end is the last character.
func TestColumnsOfAnAnnotation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ line, endLine, column, endColumn, start, end int }{
		"one line":       {2, 2, 3, 9, 3, 8},
		"one character":  {2, 2, 3, 4, 3, 3},
		"two lines":      {2, 3, 3, 9, 0, 0},
		"no columns":     {2, 2, 0, 0, 0, 0},
		"no first":       {2, 2, 0, 9, 0, 0},
		"an empty range": {2, 2, 3, 3, 0, 0},
		"the other way":  {2, 2, 9, 3, 0, 0},
		"the whole file": {0, 0, 0, 0, 0, 0},
	} {
		f := finding("a.py", c.line, scanners.High, scanners.New)
		f.EndLine, f.Column, f.EndColumn = c.endLine, c.column, c.endColumn
		a, ok := Input{}.annotation(f)
		if !ok || a.StartColumn != c.start || a.EndColumn != c.end || a.StartLine != max(c.line, 1) || a.EndLine != max(c.endLine, 1) {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
