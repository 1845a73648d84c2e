package checks

import (
	"bytes"
	htmltext "html"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
)

// TestCodeIsNeverOpen: whatever is in it, the span ends where it should.
func TestCodeIsNeverOpen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":       "` `", // two backticks alone would begin a span
		"a":      "`a`",
		"`":      "`` ` ``",
		"a``b`c": "``` a``b`c ```",
	} {
		if got := Code(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestOnlyAddressesThatCanBeFollowedAreLinks: a tool may send anything as the address of its help.
func TestOnlyAddressesThatCanBeFollowedAreLinks(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://example.com/a?b=c#d": true,
		"http://example.com":          true,
		"":                            false,
		"javascript:alert(1)":         false,
		"ftp://example.com/a":         false,
		"/a/b":                        false,
		"https:///a":                  false,
		"https://example.com/%zz":     false, // no URL at all
		"https://example.com/a b":     false,
		"https://example.com/ä":       false,
		"https://example.com/(a)":     false,
		"https://example.com/" + strings.Repeat("a", 480): true,
		"https://example.com/" + strings.Repeat("a", 481): false,
	} {
		if got, ok := webLink(address); ok != want || ok && got != address {
			t.Errorf("%.60q: %q, %v", address, got, ok)
		}
	}
}

// TestEscapesOnlyWhatFormats: text that nothing could make of stays as people wrote it.
func TestEscapesOnlyWhatFormats(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"2026-11-29 is not in the future.", "A ticket begins with https://.", "vulnerable_code_not_in_execute_path", "snake__case_1", "a -> b => c", "C# and F#, #fff",
		"a | b", "list[0] and [explain why]", "C:\\dir\\new", "-5 degrees", "--all", "1.2.3", "10.0.0.0/8", "no list in the middle: 2) - a", "AT&T & co; a&b", "std::string", "a = b",
		"path/to/file.go:12", "GH-x", "10%", "it's \"quoted\"", "=x", "std::vector<int"[:11], "1) ok"[3:],
	} {
		if got := Escape(s); got != s {
			t.Errorf("%q becomes %q", s, got)
		}
	}
	for s, want := range map[string]string{
		"- a": `\- a`, "---": `\---`, "===": `\===`, "1. a": `1\. a`, "2)": `2\)`, "# a": `\# a`, "> a": `\> a`, "/secbydesign rescan": `\/secbydesign rescan`, "[x] done": `\[x] done`,
		"__init__": `\_\_init\_\_`, "_a": `\_a`, "a*b": `a\*b`, "[a](b)": `\[a\](b)`, "x [a](b)": `x [a\](b)`, "x [a][b]": `x [a\][b]`, "https://a.example": `https\://a.example`, "www.a.example": `www\.a.example`,
		"#12": `#&#8203;12`, "a#1": `a#&#8203;1`, "GH-7": `GH-&#8203;7`, "@a": `@&#8203;a`, "&lt;": `&amp;lt;`, `\*`: `\\\*`, `a\`: `a\\`, ":+1:": `\:+1:`, ":a_b:": `\:a\_b:`, "<b": `&lt;b`,
	} {
		if got := Escape(s); got != want {
			t.Errorf("%q becomes %q, want %q", s, got, want)
		}
	}
}

// FuzzEscape: rendered, the text is the one that was escaped, wherever in a line it stands.
func FuzzEscape(f *testing.F) {
	for _, p := range payloads {
		if len(p) < 1000 {
			f.Add(p)
		}
	}
	f.Add("a_b __c__ d_ _e 2026-11-29 1. a\\_b [x](y) <z> :a_b:")
	gfm := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	f.Fuzz(func(t *testing.T, s string) {
		for _, around := range []string{"%s", "a %s b", "- %s", "- **High** %s · `x`"} {
			before, after, _ := strings.Cut(around, "%s")
			var b bytes.Buffer
			if err := gfm.Convert([]byte(before+Escape(s)+after), &b); err != nil {
				t.Fatal(err)
			}
			got := b.String()
			for _, tag := range []string{"<p>", "</p>", "<ul>", "</ul>", "<li>", "</li>", "<strong>High</strong>", "<code>x</code>", "\n"} {
				got = strings.Replace(got, tag, map[string]string{"<strong>High</strong>": "**High**", "<code>x</code>": "`x`"}[tag], strings.Count(around, tag)+2)
			}
			if strings.ContainsAny(got, "<>") {
				t.Fatalf("%q becomes %q, which is shown as %q", s, Escape(s), b.String())
			}
			got = strings.ReplaceAll(htmltext.UnescapeString(got), "\u200B", "")
			if want := strings.TrimSpace(strings.TrimPrefix(before, "- ") + Plain(s) + after); strings.TrimSpace(got) != want {
				t.Fatalf("%q becomes %q, which is shown as %q", s, Escape(s), got)
			}
		}
	})
}
