package yamlpos

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) *Node {
	t.Helper()
	n, err := Parse(Document{1, []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	text := "# a comment\nspec:\n  - name: 'x'\n    deep: {on: true, off: no} # here\n\n  - ä€🔑: true\n    n: 0\n"
	for name, text := range map[string]string{"LF": text, "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "indented list": text} {
		items := parse(t, text).Get("spec").List()
		if len(items) != 2 {
			t.Fatalf("%s: %d items", name, len(items))
		}
		for _, tt := range []struct {
			n                 *Node
			line, column, end int
		}{
			{items[0], 3, 0, 0},
			{items[0].Get("name"), 3, 0, 0}, // quoted
			{items[0].Get("deep", "on"), 4, 16, 20},
			{items[0].Get("deep", "off"), 4, 27, 29},
			{items[1].Get("ä€🔑"), 6, 10, 14},
			{items[1].Get("n"), 7, 8, 9},
		} {
			if tt.n == nil || tt.n.Line != tt.line || tt.n.Column != tt.column || tt.n.EndColumn != tt.end {
				t.Errorf("%s: got %+v, want %d:%d-%d", name, tt.n, tt.line, tt.column, tt.end)
			}
		}
		if !items[0].Get("deep", "on").True() || !items[0].Get("deep", "off").False() || items[0].Get("deep", "off").True() {
			t.Errorf("%s: booleans", name)
		}
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	n := parse(t, "base: &base {a: 1, b: two}\nuse: {<<: *base, b: three}\nlist: {<<: [*base, {c: 4}]}\nquoted: \"true\"\nblock: |\n  text\nnull: ~\nself: &self {in: *self}\ntag: !x yes\n\"key\": v\n")
	for path, want := range map[string]string{
		"use a": "1", "use b": "three", "list c": "4", "list b": "two", "block": "text\n", "tag": "yes", "key": "v",
		"self in": "", "self in in": "", "null": "", "nothing at all": "", "base a deeper": "",
	} {
		if got := n.Get(strings.Fields(path)...).String(); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	var keys []string
	for _, e := range n.Get("list").Pairs() {
		keys = append(keys, e.Key)
	}
	if strings.Join(keys, " ") != "a b c" {
		t.Errorf("pairs with merged ones: %q", keys)
	}
	if n.Get("quoted").True() || !n.Get("tag").True() {
		t.Error("a quoted true is a string, and a tag does not change yes")
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	var got []string
	for d := range Documents([]byte("a: 1\n---\nb: 2\n--- c\n----\n---\n---x")) {
		got = append(got, fmt.Sprintf("%d %q", d.Line, d.Text))
	}
	want := `[1 "a: 1\n" 2 "---\nb: 2\n" 4 "--- c\n----\n" 6 "---\n---x"]`
	if fmt.Sprint(got) != want {
		t.Errorf("got %v\nwant %v", got, want)
	}
	d := Document{7, []byte("---\nb: [\n")}
	var bad *SyntaxError
	if _, err := Parse(d); !errors.As(err, &bad) || bad.Line < 7 || bad.Line > 9 {
		t.Errorf("got %v %+v", err, bad)
	}
}

// Line numbers are those of git. Characters that end a line only for the parser do not count.
func TestLinesAreThoseOfTheFile(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\r", "\u0085", "\u2028", "\u2029"} {
		n, err := Parse(Document{1, []byte("a: 1\n# x" + end + "b: 2\nc: 3\n")})
		if err != nil {
			t.Fatalf("%q: %v", end, err)
		}
		if b := n.Get("b"); b == nil || b.Line != 2 || b.Column != 0 {
			t.Errorf("%q: b is %+v", end, b)
		}
		if c := n.Get("c"); c == nil || c.Line != 3 || c.Column != 4 {
			t.Errorf("%q: c is %+v", end, c)
		}
	}
}

// None of these may kill the program, as a stack overflow would.
func TestHostile(t *testing.T) {
	t.Parallel()
	bomb := "a0: &a0 {x: y}\n"
	for i := range 100 {
		bomb += fmt.Sprintf("a%d: &a%d {<<: [*a%d, *a%d], l: [*a%d, *a%d]}\n", i+1, i+1, i, i, i, i)
	}
	n := parse(t, bomb)
	if n.Get("a100", "x").String() != "y" || n.Get("a100", "none") != nil {
		t.Error("merged maps are not looked through")
	}
	for _, piece := range []string{
		"[", "{", "- ", "? ", "!a ", "&a ", "*a ", "a: ", "{a: ", "[[", "- a: ", "- - ", "[{a: ", "!!map {", "? - ", "- ? ", "&a [", "- &a ", "- !a ", "\"", "'", "|", ">", "%", "---\n", "- |\n", "a:\n- ", "<<: ", "- [", "}", "]",
		"? \n", "- \n", "a:\n", "&a\n", "!a\n",
	} {
		for _, front := range []string{"", "a: "} {
			text := front + strings.Repeat(piece, 1<<17/len(piece))
			n, _ := Parse(Document{1, []byte(text)})
			n.Get("a", "a", "a")
		}
	}
	if _, err := Parse(Document{1, []byte("a: " + strings.Repeat("[", 1<<17))}); err == nil {
		t.Error("100,000 levels are read")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("a: &x [1, {b: c}]\n<<: *x\n---\n- |\n  t\n"))
	f.Add([]byte("? a\n: !t b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		lines := bytes.Count(text, []byte("\n")) + 1
		for d := range Documents(text) {
			n, err := Parse(d)
			var bad *SyntaxError
			if errors.As(err, &bad) && (bad.Line < 1 || bad.Line > lines+1) {
				t.Errorf("an error on line %d of %d", bad.Line, lines)
			}
			n.Get("a", "b").List()
		}
	})
}

// TestTooMuch checks that too large a document is refused before it is parsed, and that nodes stop answering
// when aliases show one list again and again. Another document of the file is read.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	for name, piece := range map[string]string{"lines": "\n", "keys": "k:\n", "items": "- x\n", "flow": "[", "carriage returns": "- x\r", "anchors": "- &a\n"} {
		_, err := Parse(Document{7, []byte(strings.Repeat(piece, maxWeight+1))})
		var much *TooMuchError
		if !errors.As(err, &much) || much.Line < 7 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(Document{1, []byte("a: |\n" + strings.Repeat("  some text - with marks, and more: of it\n", maxWeight/8))}); err != nil {
		t.Errorf("a long text: %v", err)
	}
	n := parse(t, "a: &a ["+strings.Repeat("x, ", 5000)+"x]\nb: ["+strings.Repeat("*a, ", 5000)+"*a]\n")
	seen := 0
	for _, list := range n.Get("b").List() {
		seen += len(list.List())
	}
	if seen == 0 || seen > maxWork || !n.Spent() {
		t.Errorf("%d values are seen, spent: %v", seen, n.Spent())
	}
	if n := parse(t, "a: [b]"); n.Get("a").List()[0].String() != "b" || n.Spent() {
		t.Error("another document does not answer")
	}
}
