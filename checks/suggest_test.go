package checks

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/yuin/goldmark/ast"
	gmtext "github.com/yuin/goldmark/text"

	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// added is a patch that adds a whole file.
func added(t testing.TB, path, text string) patch.Set {
	t.Helper()
	lines := splitLines([]byte(text))
	var b strings.Builder
	fmt.Fprintf(&b, "diff --git a/%[1]s b/%[1]s\nnew file mode 100644\n--- /dev/null\n+++ b/%[1]s\n@@ -0,0 +1,%[2]d @@\n", path, len(lines))
	for _, l := range lines {
		b.WriteString("+" + string(l))
	}
	if !strings.HasSuffix(text, "\n") {
		b.WriteString("\n\\ No newline at end of file\n")
	}
	set, err := patch.Parse([]byte(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// pressed returns the file that GitHub commits when somebody presses the button of a comment: GitHub reads
// the block from the Markdown, and replaces the lines that the comment marks.
func pressed(t testing.TB, body string, start, end int, text string) (string, bool) {
	t.Helper()
	src := []byte(body)
	content, found := "", false
	err := ast.Walk(gfm.Parser().Parse(gmtext.NewReader(src)), func(n ast.Node, in bool) (ast.WalkStatus, error) {
		block, ok := n.(*ast.FencedCodeBlock)
		if !in || !ok || string(block.Language(src)) != "suggestion" {
			return ast.WalkContinue, nil
		}
		if found {
			t.Errorf("two suggestions in one comment:\n%s", body)
		}
		found = true
		for i := range block.Lines().Len() {
			line := block.Lines().At(i)
			content += string(line.Value(src))
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(text, "\n")
	if !found || end > len(lines) {
		return "", found
	}
	return strings.Join(lines[:start-1], "") + content + strings.Join(lines[end:], ""), true
}

func edit(line, end, col, endCol int, text string) scanners.Edit {
	return scanners.Edit{Path: "a.go", Line: line, EndLine: end, Column: col, EndColumn: endCol, Text: text}
}

func fixable(line int, edits ...scanners.Edit) Finding {
	f := finding("a.go", line, scanners.High, scanners.New)
	f.Gate, f.CWE, f.Scanner, f.Rule = scanners.Code, "CWE-89", "gosec", "G201"
	f.Title, f.Message, f.Why, f.Help = "SQL injection", "The query is put together from text.", "It can be any query then.", "Use placeholders."
	f.Fixes = []scanners.Fix{{Title: "Use a placeholder", Edits: edits}}
	return f
}

// suggestInput is a review of one new file.
func suggestInput(t testing.TB, text string, findings ...Finding) Input {
	t.Helper()
	return Input{
		Base: base40, Head: head40, Patch: added(t, "a.go", text), Gates: gate(findings...), Limit: 50,
		Files: map[string][]byte{"a.go": []byte(text)},
	}
}

// TestEverySuggestionApplies presses the button of each suggestion, and compares what GitHub
// commits with the fix itself. A fix that must not have a button is shown as a diff or not at all.
func TestEverySuggestionApplies(t *testing.T) {
	t.Parallel()
	const code = "package a\n\nfunc f() {\n\tquery(\"a\" + b)\n\tdone()\n}\n"
	for name, c := range map[string]struct {
		text   string
		line   int
		edits  []scanners.Edit
		want   string // what is committed; empty for no button
		marks  string // the lines of the comment
		noDiff bool
	}{
		"columns":                         {code, 4, []scanners.Edit{edit(4, 4, 8, 15, `"?", b`)}, "package a\n\nfunc f() {\n\tquery(\"?\", b)\n\tdone()\n}\n", "4-4", false},
		"a whole line":                    {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "\tsafe(b)\n")}, "package a\n\nfunc f() {\n\tsafe(b)\n\tdone()\n}\n", "4-4", false},
		"two lines into one":              {code, 4, []scanners.Edit{edit(4, 5, 0, 0, "\tsafe(b)\n")}, "package a\n\nfunc f() {\n\tsafe(b)\n}\n", "4-5", false},
		"one line into two":               {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "\tcheck(b)\n\tsafe(b)\n")}, "package a\n\nfunc f() {\n\tcheck(b)\n\tsafe(b)\n\tdone()\n}\n", "4-4", false},
		"two edits on one line":           {code, 4, []scanners.Edit{edit(4, 4, 14, 15, "c"), edit(4, 4, 2, 7, "ask")}, "package a\n\nfunc f() {\n\task(\"a\" + c)\n\tdone()\n}\n", "4-4", false},
		"two edits on two lines":          {code, 4, []scanners.Edit{edit(5, 5, 2, 6, "end"), edit(4, 4, 2, 7, "ask")}, "package a\n\nfunc f() {\n\task(\"a\" + b)\n\tend()\n}\n", "4-5", false},
		"an insertion":                    {code, 4, []scanners.Edit{edit(4, 4, 2, 2, "safe_")}, "package a\n\nfunc f() {\n\tsafe_query(\"a\" + b)\n\tdone()\n}\n", "4-4", false},
		"a deletion":                      {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "")}, "package a\n\nfunc f() {\n\tdone()\n}\n", "4-4", false},
		"backticks and fences":            {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "```suggestion\n`````\n```\n")}, "package a\n\nfunc f() {\n```suggestion\n`````\n```\n\tdone()\n}\n", "4-4", false},
		"a marker of ours":                {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "\n\n<!-- secbydesign:by x -->\n<!-- secbydesign:v1 finding="+fingerprint("z", 1)+" -->\n")}, "package a\n\nfunc f() {\n\n\n<!-- secbydesign:by x -->\n<!-- secbydesign:v1 finding=" + fingerprint("z", 1) + " -->\n\tdone()\n}\n", "4-4", false},
		"trailing space and tabs":         {code, 4, []scanners.Edit{edit(4, 4, 0, 0, " \t x \t \n")}, "package a\n\nfunc f() {\n \t x \t \n\tdone()\n}\n", "4-4", false},
		"other letters":                   {"a\nñ日𝕏 = \"x\"\n", 2, []scanners.Edit{edit(2, 2, 7, 10, "y")}, "a\nñ日𝕏 = y\n", "2-2", false},
		"the last line":                   {"a\nb\n", 2, []scanners.Edit{edit(2, 2, 0, 0, "c\n")}, "a\nc\n", "2-2", false},
		"carriage returns":                {strings.ReplaceAll(code, "\n", "\r\n"), 4, []scanners.Edit{edit(4, 4, 2, 7, "ask")}, "", "4-4", false},
		"carriage returns in the fix":     {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "x\r\n")}, "", "4-4", false},
		"no line end at the end":          {"a\nb", 2, []scanners.Edit{edit(2, 2, 1, 2, "c")}, "", "2-2", false},
		"no line end, not on it":          {"a\nb", 1, []scanners.Edit{edit(1, 1, 1, 2, "c")}, "c\nb", "1-1", false},
		"joins with the next line":        {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "x")}, "", "4-4", false},
		"only an empty line":              {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "\n")}, "", "4-4", false},
		"what cannot be seen":             {code, 4, []scanners.Edit{edit(4, 4, 0, 0, "x\u202E\n")}, "", "4-4", false},
		"outside of the comment":          {code, 2, []scanners.Edit{edit(4, 4, 2, 7, "ask")}, "", "2-2", false},
		"nothing changes":                 {code, 4, []scanners.Edit{edit(4, 4, 2, 7, "query")}, "", "4-4", true},
		"behind the end of the line":      {code, 4, []scanners.Edit{edit(4, 4, 90, 95, "x")}, "", "4-4", true},
		"behind the end of the file":      {code, 4, []scanners.Edit{edit(40, 40, 0, 0, "x\n")}, "", "4-4", true},
		"edits that overlap":              {code, 4, []scanners.Edit{edit(4, 4, 2, 7, "x"), edit(4, 4, 3, 9, "y")}, "", "4-4", true},
		"also in a file that is not here": {code, 4, []scanners.Edit{edit(4, 4, 2, 7, "x"), {Path: "b.go", Line: 1, EndLine: 1, Text: "x\n"}}, "", "4-4", true},
		"too long":                        {code, 4, []scanners.Edit{edit(4, 4, 0, 0, strings.Repeat("x\n", 40))}, "", "4-4", false},
		"far too long":                    {code, 4, []scanners.Edit{edit(4, 4, 0, 0, strings.Repeat("x\n", 400))}, "", "4-4", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			com := Compose(suggestInput(t, c.text, fixable(c.line, c.edits...))).Comments[0]
			got, ok := pressed(t, com.Body, com.StartLine, com.Line, c.text)
			if ok != (c.want != "") || got != c.want {
				t.Errorf("commits %q, %v, want %q:\n%s", got, ok, c.want, com.Body)
			}
			if marks := fmt.Sprintf("%d-%d", com.StartLine, com.Line); marks != c.marks {
				t.Errorf("the comment marks %s, want %s", marks, c.marks)
			}
			if diff := strings.Contains(com.Body, "A fix, as a diff"); diff != (c.want == "" && !c.noDiff) {
				t.Errorf("a diff is shown: %v:\n%s", diff, com.Body)
			}
			if _, ok := pressed(t, com.Plain, 1, 1, c.text); ok {
				t.Errorf("the text for other places has a button:\n%s", com.Plain)
			}
			if _, ok := pressed(t, closedBody(com.Body, "Fixed."), 1, 1, c.text); ok {
				t.Errorf("the closed text has a button:\n%s", closedBody(com.Body, "Fixed."))
			}
			if fp, _, ok := Mark(com.Body); !ok || fp != com.Fingerprint {
				t.Errorf("the marker is lost:\n%s", com.Body)
			}
			if fp, _, ok := Mark(closedBody(awayBody(com.Body, "There."), "Fixed.")); !ok || fp != com.Fingerprint {
				t.Errorf("the marker is lost when it is closed:\n%s", com.Body)
			}
		})
	}
}

// TestSuggestionsOfRandomEdits checks for random edits that the button commits the fix, byte for byte.
func TestSuggestionsOfRandomEdits(t *testing.T) {
	t.Parallel()
	pieces := []string{"a", "bb", "\t", " ", "ñ", "日", "`", "```", "\n", "\n", "<!-- x -->", "~~~", "    ", "- ", "\r\n", "\u200b", "</details>"}
	buttons := 0
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 11))
		random := func(n int) string {
			var b strings.Builder
			for range rng.IntN(n) {
				b.WriteString(pieces[rng.IntN(len(pieces)-rng.IntN(3))])
			}
			return b.String()
		}
		text := random(60) + "x"
		if rng.IntN(4) > 0 {
			text += "\n"
		}
		lines := splitLines([]byte(text))
		var edits []scanners.Edit
		for range 1 + rng.IntN(2) {
			line := 1 + rng.IntN(len(lines))
			end := min(line+rng.IntN(2), len(lines))
			e := edit(line, end, 0, 0, random(6))
			switch {
			case rng.IntN(2) == 0:
				e.Column, e.EndColumn = 1+rng.IntN(4), 1+rng.IntN(6)
			case e.Text != "" && !strings.HasSuffix(e.Text, "\n"):
				e.Text += "\n"
			}
			edits = append(edits, e)
		}
		com := Compose(suggestInput(t, text, fixable(edits[0].Line, edits...))).Comments[0]
		got, ok := pressed(t, com.Body, com.StartLine, com.Line, text)
		if !ok {
			continue
		}
		buttons++
		want, err := apply([]byte(text), edits)
		if err != nil || !bytes.Equal([]byte(got), want) {
			t.Fatalf("seed %d: %q with %+v: the button commits %q, the fix is %q, %v\n%s", seed, text, edits, got, want, err, com.Body)
		}
	}
	if buttons < 500 {
		t.Errorf("only %d of 4000 have a button", buttons)
	}
}

// TestDiffsSayWhatTheFixDoes reads the diffs of random fixes back, and checks that they turn the old file
// into the fixed one.
func TestDiffsSayWhatTheFixDoes(t *testing.T) {
	t.Parallel()
	read := 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 13))
		var old []string
		for i := range 1 + rng.IntN(12) {
			old = append(old, fmt.Sprint("line ", i+1))
		}
		text := strings.Join(old, "\n") + "\n"
		var edits []scanners.Edit
		for range 1 + rng.IntN(3) {
			line := 1 + rng.IntN(len(old))
			end := min(line+rng.IntN(3), len(old))
			e := edit(line, end, 0, 0, strings.Repeat("new\n", rng.IntN(4)))
			if rng.IntN(3) == 0 {
				e.Column, e.EndColumn, e.Text = 2, 4, "x\ny"
			}
			edits = append(edits, e)
		}
		fixed, err := apply([]byte(text), edits)
		diff := diffOf(scanners.Fix{Edits: edits}, func(string) ([]byte, bool) { return []byte(text), true })
		if err != nil || string(fixed) == text {
			if diff != "" {
				t.Fatalf("seed %d: a diff for nothing:\n%s", seed, diff)
			}
			continue
		}
		read++
		var got []string
		at := 0 // lines of old that are used
		for line := range strings.SplitSeq(diff, "\n") {
			var n int
			switch {
			case strings.HasPrefix(line, "--- ") || strings.HasPrefix(line, "+++ "):
			case strings.HasPrefix(line, "@@"):
				if _, err := fmt.Sscanf(line, "@@ line %d @@", &n); err != nil {
					t.Fatal(err)
				}
				got = append(got, old[at:n-1]...)
				at = n - 1
			case line[0] == '-':
				if old[at] != line[1:] {
					t.Fatalf("seed %d: takes %q away where %q is:\n%s", seed, line[1:], old[at], diff)
				}
				at++
			default:
				got = append(got, line[1:])
			}
		}
		got = append(got, old[at:]...)
		if want := strings.TrimSuffix(string(fixed), "\n"); strings.Join(got, "\n") != want {
			t.Fatalf("seed %d: %+v: the diff makes\n%s\nthe fix\n%s\n%s", seed, edits, strings.Join(got, "\n"), want, diff)
		}
	}
	if read < 500 {
		t.Errorf("only %d diffs", read)
	}
}

// TestSuggestionsOnOneLineDoNotCollide gives the worst finding the button, and the others a diff.
func TestSuggestionsOnOneLineDoNotCollide(t *testing.T) {
	t.Parallel()
	const text = "a\nquery(b)\nc\n"
	mild, worse, other := fixable(2, edit(2, 2, 1, 6, "ask")), fixable(2, edit(1, 2, 0, 0, "safe(b)\n")), fixable(3, edit(3, 3, 0, 0, "d\n"))
	mild.Severity, mild.Fingerprint = scanners.Low, fingerprint("mild", 1)
	worse.Severity, worse.Fingerprint = scanners.Critical, fingerprint("worse", 1)
	got := map[string]bool{}
	for _, c := range Compose(suggestInput(t, text, mild, worse, other)).Comments {
		_, button := pressed(t, c.Body, c.StartLine, c.Line, text)
		got[c.Fingerprint] = button
		if !button && !strings.Contains(c.Body, "+ask(b)") {
			t.Errorf("the fix is lost:\n%s", c.Body)
		}
	}
	if !got[worse.Fingerprint] || got[mild.Fingerprint] || !got[other.Fingerprint] {
		t.Errorf("buttons: %v", got)
	}
}

// TestNoSuggestionForAThreadElsewhere checks that a thread whose finding is elsewhere never offers to change
// the lines to which it is attached.
func TestNoSuggestionForAThreadElsewhere(t *testing.T) {
	t.Parallel()
	const text = "a\nquery(b)\nc\n"
	f := fixable(2, edit(2, 2, 1, 6, "ask"))
	rep := Compose(suggestInput(t, text, f))
	for name, th := range map[string]Thread{
		"outdated":       {Path: "a.go"},
		"another line":   {Path: "a.go", Line: 1},
		"more lines":     {Path: "a.go", StartLine: 1, Line: 2},
		"the old name":   {Path: "old.go", Line: 2},
		"on these lines": {Path: "a.go", Line: 2},
	} {
		th.Fingerprint, th.Scanner, th.Body = f.Fingerprint, f.Scanner, "**High: x**\n\nold\n\n"+marker(f.Scanner, f.Fingerprint)
		plan := Reconcile(rep, []Thread{th}, head40)
		if len(plan.Changes) != 1 || len(plan.Create) != 0 {
			t.Fatalf("%s: %+v", name, plan)
		}
		_, button := pressed(t, plan.Changes[0].Body, 1, 1, text)
		if button != (name == "on these lines") {
			t.Errorf("%s: a button: %v\n%s", name, button, plan.Changes[0].Body)
		}
	}
}

// TestFixesRepeatNoSecret checks that a line with a secret is not copied into a comment.
func TestFixesRepeatNoSecret(t *testing.T) {
	t.Parallel()
	const text = "a\nkey = \"hunter2\"; query(b)\nc\n"
	f := fixable(2, edit(2, 2, 18, 23, "ask"))
	leak := finding("a.go", 2, scanners.High, scanners.Unchanged)
	accepted := leak
	accepted.State, accepted.Decided = scanners.New, &Decided{ID: "A-ABCDEFGH", How: "accepted", By: []string{"mona"}}
	for name, findings := range map[string][]Finding{
		"a secret of another scanner": {f, leak},
		"a secret that was accepted":  {f, accepted},
		"a hard-coded password":       {func() Finding { g := f; g.CWE = "CWE-259"; return g }()},
	} {
		for _, c := range Compose(suggestInput(t, text, findings...)).Comments {
			if strings.Contains(c.Body+c.Plain, "hunter2") {
				t.Errorf("%s is in the comment:\n%s", name, c.Body)
			}
		}
	}
}

// FuzzApply checks that edits of an untrusted tool never make the result longer than the file and their texts.
func FuzzApply(f *testing.F) {
	f.Add("a\nb\n", 1, 2, 0, 0, "c\n", 1)
	f.Add("a\r\nñ", 2, 2, 1, 2, "`", 2)
	f.Fuzz(func(t *testing.T, text string, line, end, col, endCol int, new string, at int) {
		if strings.ContainsRune(text, 0) || len(text) > 2000 || text == "" {
			return
		}
		e := edit(line, end, col, endCol, new)
		fixed, err := apply([]byte(text), []scanners.Edit{e})
		if err == nil && len(fixed) > len(text)+len(new) {
			t.Fatalf("%q with %+v gives %q", text, e, fixed)
		}
		if at < 1 || at > strings.Count(text, "\n")+1 || strings.HasSuffix(text, "\n") && at > strings.Count(text, "\n") {
			return
		}
		com := Compose(suggestInput(t, text, fixable(at, e))).Comments[0]
		if got, ok := pressed(t, com.Body, com.StartLine, com.Line, text); ok && (err != nil || got != string(fixed)) {
			t.Fatalf("%q with %+v: the button commits %q, the fix is %q", text, e, got, fixed)
		}
	})
}
