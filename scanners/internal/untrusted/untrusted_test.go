package untrusted

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
)

func tree(files map[string]string) *Tree {
	return &Tree{Root: "/work/tree", Content: func(name string) ([]byte, bool) {
		b, ok := files[name]
		return []byte(b), ok
	}}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	known := tree(map[string]string{"a/b.c": "", "a b": "", "100%.c": "", "c:d": "", `e\f`: "", "a%20z": "", "é": "", "tree/x": ""})
	for _, test := range []struct{ ref, base, want string }{
		{"a/b.c", "", "a/b.c"},
		{"./a//b.c", "", "a/b.c"},
		{`a\b.c`, "", "a/b.c"},
		{`.\a\b.c`, "", "a/b.c"},
		{"/work/tree/a/b.c", "", "a/b.c"},
		{"/work/tree/x/../a/b.c", "", "a/b.c"},
		{"file:///work/tree/a/b.c", "", "a/b.c"},
		{"file:/work/tree/a/b.c", "", "a/b.c"},
		{"FILE://localhost/work/tree/a/b.c", "", "a/b.c"},
		{"file://a/b.c", "", "a/b.c"},
		{"a%20b", "", "a b"},
		{"a b", "", "a b"},
		{"100%.c", "", "100%.c"},
		{"100%25.c", "", "100%.c"},
		{"a%20z", "", "a%20z"},
		{"c%3Ad", "", "c:d"},
		{"c:d", "", "c:d"},
		{"e%5Cf", "", `e\f`},
		{"%C3%A9", "", "é"},
		{"../tree/tree/x", "", "tree/x"},
		{"b.c", "file:///work/tree/a/", "a/b.c"},
		{"b.c", "a/", "a/b.c"},
		{"a/b.c", "file:///", "a/b.c"},
		{"../a/b.c", "a", "a/b.c"},
		{"/work/tree/a/b.c", "file:///elsewhere/", "a/b.c"},

		{"", "", ""},
		{".", "", ""},
		{"/work/tree", "", ""},
		{"/work/tree/", "", ""},
		{"/work/treehouse/a/b.c", "", ""},
		{"../a/b.c", "", ""},
		{"..%2Fa/b.c", "", ""},
		{"/etc/passwd", "", ""},
		{"file:///etc/passwd", "", ""},
		{"file://host/a/b.c", "", ""},
		{"https://example.com/a/b.c", "", ""},
		{"b.c", "file:///elsewhere/", ""},
		{"b.c", "https://example.com/", ""},
		{`C:\work\tree\a\b.c`, "", ""},
		{"a/missing", "", ""},
		{"a/b.c%00", "", ""},
		{strings.Repeat("a/", 3000), "", ""},
	} {
		got, err := known.URI(test.ref, test.base)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("URI(%q, %q) = %q, %v; want %q", test.ref, test.base, got, err, test.want)
		}
	}
	if got, err := known.Name("a%20z"); got != "a%20z" || err != nil {
		t.Errorf("a name is no URI: %q, %v", got, err)
	}
	windows := &Tree{Root: `d:\a\repo`}
	if got, err := windows.Name(`D:\a\repo\src\x.cs`); got != "src/x.cs" || err != nil {
		t.Errorf("a drive: %q, %v", got, err)
	}
	if got, err := (&Tree{}).URI("x.c", "file:///home/runner/work/r/r/"); got != "x.c" || err != nil {
		t.Errorf("an unknown root: %q, %v", got, err)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	text := "é😀x\r\nsecond\n\nlast"
	for name, test := range map[string]struct {
		in, want Region
		unit     Unit
	}{
		"characters":       {Region{1, 1, 3, 4}, Region{1, 1, 3, 4}, Characters},
		"UTF-16":           {Region{1, 1, 4, 5}, Region{1, 1, 3, 4}, UTF16},
		"bytes":            {Region{1, 1, 7, 8}, Region{1, 1, 3, 4}, Bytes},
		"in a character":   {Region{1, 1, 3, 4}, Region{1, 1, 0, 0}, UTF16},
		"no end":           {Region{Line: 2, Column: 3}, Region{2, 2, 3, 7}, UTF16},
		"no start":         {Region{Line: 2, EndColumn: 3}, Region{2, 2, 1, 3}, UTF16},
		"end of a CR line": {Region{Line: 1, Column: 1}, Region{1, 1, 1, 4}, UTF16},
		"whole lines":      {Region{Line: 2, EndLine: 3}, Region{Line: 2, EndLine: 3}, UTF16},
		"end before":       {Region{3, 1, 0, 0}, Region{Line: 3, EndLine: 3}, UTF16},
		"behind":           {Region{4, 9, 1, 1}, Region{4, 4, 1, 5}, UTF16},
		"end of the file":  {Region{Line: 5}, Region{Line: 4, EndLine: 4}, UTF16},
		"another file":     {Region{Line: 6}, Region{}, UTF16},
		"whole file":       {Region{EndLine: 5, Column: 2}, Region{}, UTF16},
		"backwards":        {Region{2, 2, 5, 2}, Region{Line: 2, EndLine: 2}, UTF16},
		"negative":         {Region{-1, -1, -1, -1}, Region{}, UTF16},
	} {
		if got := tree(map[string]string{"f": text}).Place("f", test.in, test.unit); got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	f := tree(map[string]string{"f": text})
	if got, ok := f.Offset("f", 6, 6, UTF16); !ok || got != (Region{2, 2, 1, 7}) {
		t.Errorf("an offset: %+v, %v", got, ok)
	}
	if got, ok := f.Offset("f", 9, 6, Bytes); !ok || got != (Region{2, 2, 1, 7}) {
		t.Errorf("an offset in bytes: %+v, %v", got, ok)
	}
	for _, offset := range []int{-1, 1000} {
		if got, ok := f.Offset("f", offset, 1, Characters); ok {
			t.Errorf("offset %d is at %+v", offset, got)
		}
	}
	if got := f.Lines("f", 1, 2); got != "é😀x\nsecond" {
		t.Errorf("lines %q", got)
	}
	// Without the text only regions in characters are kept.
	if got := (&Tree{}).Place("f", Region{1, 1, 2, 3}, UTF16); got != (Region{Line: 1, EndLine: 1}) {
		t.Errorf("unknown text: %+v", got)
	}
}

func TestContentStaysInTheTree(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	for name, text := range map[string]string{filepath.Join(dir, "a"): "text", outside: "no"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	content, done := Content(scanners.Target{Scope: scanners.ScopeTree, Dir: dir})
	defer done()
	if b, ok := content("a"); !ok || string(b) != "text" {
		t.Errorf("a: %q, %v", b, ok)
	}
	for _, name := range []string{"link", "b", ".", "../" + filepath.Base(filepath.Dir(outside)) + "/secret"} {
		if b, ok := content(name); ok || b != nil {
			t.Errorf("%s: %q, %v", name, b, ok)
		}
	}
}

func TestProse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain words, 3 > 2":                 "plain words, 3 › 2",
		"use `x`\n\n* or **y**":              "use 'x' or y",
		"<script>@me #1 ![i](//x) | a\\b":    "‹script›@\u200bme #\u200b1 !(i)(//x) / a/b",
		"~~~~a~~ ___b___ $$x$$ os_exec $ID":  "~a~ _b_ ＄x＄ os_exec ＄ID",
		"\u202eevil\x00 \x1b[31m\xff &lt;b>": "evil (31m\uFFFD andlt;b›",
	} {
		if got := Prose(in); got != want {
			t.Errorf("Prose(%q) = %q, want %q", in, got, want)
		}
	}
	if got := Sentence(strings.Repeat("äöü ", 100), 50); len(got) > 50 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
		t.Errorf("cut to %q", got)
	}
	for in, want := range map[string]string{"A title.": "A title", "and so on...": "and so on...", "": ""} {
		if got := Title(in); got != want {
			t.Errorf("Title(%q) = %q", in, got)
		}
	}
	for in, want := range map[string]string{
		"https://x.example/a_(b)": "https://x.example/a_%28b%29", "javascript:alert(1)": "", "https://u:p@x.example": "", "x.example": "",
		"https://x.example/ b": "https://x.example/%20b", "https://x.example/\"><": "https://x.example/%22%3E%3C",
	} {
		if got := Address(in); got != want {
			t.Errorf("Address(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"external/cwe/cwe-089": "CWE-89", "CWE-79: Cross-site": "CWE-79", "cwe:22": "CWE-22", "CWE-0": "", "acwe-1": "", "CWE-1234567": "", "security": "",
	} {
		if got := CWE(in); got != want {
			t.Errorf("CWE(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]bool{
		"CVE-2021-44228": true, "GHSA-35jh-r3h4-6jhm": true, "GO-2024-2687": true, "RUSTSEC-2020-0071": true, "CVE-1": false, "G404": false,
	} {
		if Advisory(in) != want {
			t.Errorf("Advisory(%q)", in)
		}
	}
	for in, want := range map[string]bool{
		"aws-secret-key": true, "hardcoded-credentials": true, "hardcoded_password_string": true, "private-key": true, "generic-api-key": true,
		"secretary": false, "tokenizer": false, "csrf-token": false, "sql-injection": false,
	} {
		if Secret("", in) != want {
			t.Errorf("Secret(%q)", in)
		}
	}
	if !Secret("CWE-798") || Secret("CWE-89") {
		t.Error("weaknesses")
	}
}

// The work for a report with a place for every character of a long line is bounded.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	long := tree(map[string]string{"f": strings.Repeat("x", 1000) + "\nshort"})
	at := Region{1, 1, 900, 901}
	if got := long.Place("f", at, UTF16); got != at {
		t.Fatalf("within the bound: %+v", got)
	}
	long.work = maxWork - 500
	if got := long.Place("f", at, UTF16); got != (Region{Line: 1, EndLine: 1}) {
		t.Errorf("beyond it: %+v", got)
	}
	if _, ok := long.Offset("f", 10, 1, UTF16); ok {
		t.Error("an offset beyond it")
	}
	if _, err := long.Name("other"); err == nil {
		t.Error("a file beyond it")
	}
	lines := tree(map[string]string{"f": strings.Repeat("\n", maxLines)})
	if got := lines.Place("f", Region{1, 1, 1, 1}, UTF16); got != (Region{Line: 1, EndLine: 1}) {
		t.Errorf("too many lines: %+v", got)
	}
}

func TestTextsAreHeldWithinABound(t *testing.T) {
	t.Parallel()
	big, asked := make([]byte, maxContent), 0
	many := &Tree{Content: func(string) ([]byte, bool) { asked++; return big, true }}
	for _, name := range []string{"a", "a", "b", "c", "d", "e", "f", "g", "h", "h"} {
		many.Place(name, Region{Line: 1}, UTF16)
		if many.held > maxTexts {
			t.Errorf("%d MB are held", many.held>>20)
		}
	}
	if asked != 8 {
		t.Errorf("files are read %d times, want 8", asked)
	}
}
