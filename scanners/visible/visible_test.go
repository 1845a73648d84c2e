package visible

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// hostile contains characters of each kind.
const hostile = "a\x00\x1b[31m\x7f\u0085\u009b31m\u00ad\u061c\u200b\u200d\u200e\u202a\u202e\u2028\u2029\u2060\u2066\u2069\ufeff\u3164\ufff9\U000e0041\U000e0100\U000f0000é日😀\ufe0f\uFFFD\"\\\n\tz"

func TestJSON(t *testing.T) {
	t.Parallel()
	doc, err := json.MarshalIndent(map[string][]string{hostile: {hostile, "plain"}}, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	out := JSON(doc)
	for _, r := range string(out) {
		if Hidden(r) && r != '\n' && r != '\t' {
			t.Errorf("%U is in %q", r, out)
		}
	}
	var back map[string][]string
	if err := json.Unmarshal(out, &back); err != nil || len(back[hostile]) != 2 || back[hostile][0] != hostile {
		t.Errorf("%v: read back %q of %s", err, back, out)
	}
	for _, seen := range []string{"é日😀\ufe0f", `"plain"`} {
		if !strings.Contains(string(out), seen) {
			t.Errorf("%q is escaped in %s", seen, out)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, s string) {
		doc, err := json.Marshal(s)
		if err != nil {
			t.Skip()
		}
		var want, got string
		if json.Unmarshal(doc, &want) != nil {
			t.Fatal("not JSON")
		}
		out := JSON(doc)
		if err := json.Unmarshal(out, &got); err != nil || got != want || !utf8.Valid(out) || strings.ContainsFunc(string(out), Hidden) {
			t.Errorf("%q is written as %q: %v", s, out, err)
		}
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	if got, want := Text("a\x1b[31m\xff\u202e\n\tz"), "a[U+001B][31m\uFFFD[U+202E]\n\tz"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"": "", "a/b.go": "a/b.go", "é\uFFFD.go": "é\uFFFD.go", "a\xff.go": `a\xff.go`, "a\xfe.go": `a\xfe.go`, "é\xc3(": `é\xc3(`, "\xed\xa0\x80": `\xed\xa0\x80`,
	} {
		if got := Name(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
