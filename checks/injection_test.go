package checks

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	htmlrender "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"

	"github.com/secbydesign/secbydesign/scanners"
)

// payloads are texts that an attacker might write into code, names and rules, to make a comment of ours
// say, mention, fetch or hide something that we did not.
var payloads = []string{
	"@octocat @acme/security @acme/security-team",
	"cc:@octocat,(@octocat)[@octocat]",
	"\\@octocat &#64;octocat &commat;octocat",
	"#1 acme/shop#9 GH-7 gh-7 acme/shop@0123456789012345678901234567890123456789",
	"<b>bold</b> <img src=https://evil.example/beacon.png> <script>alert(1)</script>",
	"<img src='https://evil.example/x' width=1 height=1>",
	"![x](https://evil.example/beacon.png) ![x][y]\n\n[y]: https://evil.example/b.png",
	"[click](https://evil.example) [click][y] <https://evil.example> https://evil.example www.evil.example",
	"http://evil.example/a?b=c&d=e mailto:a@evil.example a@evil.example xmpp:a@evil.example",
	"<!-- secbydesign:v1 finding=aaaaaaaaaaaaaaaaaaaaaaaaaa:1 -->",
	"\n\n<!-- secbydesign:by gitleaks -->\n<!-- secbydesign:v1 finding=aaaaaaaaaaaaaaaaaaaaaaaaaa:1 -->",
	"\n<!-- secbydesign:v1 summary -->",
	"<!-- the rest is hidden",
	"--> <!--",
	"</details></details><details open><summary>x</summary>",
	"</sub></summary></code></pre></p>",
	"<details><summary>What it was</summary>\n\n",
	"```\n# heading\n```", "````suggestion\nrm -rf /\n````", "~~~\nx\n~~~", "```suggestion\nevil\n```",
	"`code` ``code`` ```code``` `", "``````````````````````",
	"# heading\n## heading\n===\n---\n***",
	"- item\n* item\n+ item\n1. item\n- [x] done\n- [ ] open",
	"> quote\n> /secbydesign accept F-AAAAAAAA until=30d because x",
	"\n/secbydesign accept F-AAAAAAAA until=30d because x",
	"| a | b |\n| - | - |\n| c | d |",
	"**bold** __bold__ *i* _i_ ~~gone~~ ~gone~ $math$ $$math$$ \\(x\\)",
	"    indented code\n\tindented code",
	"[^1]\n\n[^1]: a note", "> [!WARNING]\n> Merge at once", ":rocket: :+1: :octocat:",
	"\u202Eright to left\u202C \u2066isolated\u2069 \u200Bzero\u200C width\u200D \uFEFF \u00AD \u2060 \U000E0041 \u034F \u180E \uFE01",
	"line\u2028separator\u2029 \u0085 \v \f \x00 \x1b[31mred \a \b",
	"\xff\xfe\xc3\x28 not UTF-8 \xed\xa0\x80",
	"\r\n\r\n# heading\r\n", "\r# heading",
	"&lt;script&gt; &amp;#64;octocat &nbsp; &#x3C;b&#x3E; &Tab;&NewLine;",
	"*[*[*[*[*[*[*[*[*[*[*[*[*[*[", strings.Repeat("[", 500), strings.Repeat("*a_ ", 300), strings.Repeat("<", 300) + "b>",
	strings.Repeat("@octocat ", 12_000), strings.Repeat("x", 100_000), strings.Repeat("`", 100_000), strings.Repeat("\u202E", 50_000), strings.Repeat("a/", 50_000),
	"g src='http@://evil.example", "javascript:alert(1)", "https://evil.example/)[x](https://evil.example", "https://evil.example/\"><img src=x>",
}

// everywhere is a finding with the payload in every field that may come from a tree or a tool.
func everywhere(p string) Finding {
	f := finding(p, 2, scanners.High, scanners.New)
	f.Fingerprint = fingerprint("victim", 1)
	f.Gate = scanners.Code
	f.Title, f.Message, f.Why, f.Rule, f.CWE, f.HelpURL = p, p, p, p, p, p
	f.Aliases, f.Also = []string{p, p, p, p}, []string{p, p}
	f.Flow = []scanners.Step{{Path: p, Line: 3, Message: p}, {Path: "a.go", Line: 1, Message: p}}
	f.Fixes = []scanners.Fix{{Title: p, Edits: []scanners.Edit{{Path: "a.go", Line: 2, EndLine: 2, Text: p + "\n"}}}}
	return f
}

// bodies are all texts of ours that go to GitHub for the payload.
func bodies(t testing.TB, p string) map[string]string {
	t.Helper()
	text := "a\n" + p + "\nb\nc\n"
	in := suggestInput(t, text)
	in.Link = func(path string, line int) string {
		return "https://github.example/acme/shop/blob/" + head40 + "/" + url.PathEscape(path) + fmt.Sprintf("#L%d", line)
	}
	here, away, history, fixed := everywhere(p), everywhere(p), everywhere(p), everywhere(p)
	here.Path, away.Path = "a.go", p
	away.Fingerprint, history.Fingerprint, fixed.Fingerprint = fingerprint("away", 1), fingerprint("history", 1), fingerprint("fixed", 1)
	history.Path, history.Commit = "a.go", base40
	fixed.State = scanners.Absent
	in.Gates = []Gate{{Name: scanners.Code, Findings: []Finding{here, away, history, fixed}, Runs: []scanners.Run{
		{Scanner: "gitleaks", Gate: scanners.Code, Version: p},
		{Scanner: "other", Gate: scanners.Code, Err: &scanners.IncompleteError{Reason: p, Err: errors.New("x")}},
	}}}
	in.Threads = map[string]bool{away.Fingerprint: true}
	const web = "https://github.example/acme/shop/blob/main/x"
	lesson := Lesson{CWE: "CWE-89", Name: p, What: p, Fix: p, Sheet: p, URL: web, Road: p, Teams: []string{p, p}, Fixed: 7, FixedURL: web}
	in.Lessons = map[string]Lesson{away.Fingerprint: lesson}
	lesson.First, lesson.Road = []string{p, p, p, p}, ""
	in.Lessons[here.Fingerprint] = lesson
	old := everywhere(p)
	old.State = scanners.Unchanged
	in.Campaigns = []Campaign{{ID: "C-ABCDEFGH", Name: p, Old: []Finding{old}, Fixed: 1, Known: 3, Done: 2}, {ID: p, Fixed: 1}}
	rep := Compose(in)
	out := map[string]string{}
	var threads []Thread
	for i, c := range rep.Comments {
		out[fmt.Sprint("comment ", i)] = c.Body
		out[fmt.Sprint("comment elsewhere ", i)] = awayBody(c.Plain, c.Where)
		closed := closedBody(c.Body, "Fixed in "+ShortCode(head40)+".")
		out[fmt.Sprint("closed ", i)] = closed
		threads = append(threads, Thread{CommentID: int64(i), Fingerprint: c.Fingerprint, Scanner: c.Scanner, Body: closed})
	}
	out["note"] = rep.SummaryText(threads, nil, true)
	for _, c := range append([]Check{rep.Check}, rep.Gates...) {
		out["check "+c.Name] = c.Summary
	}
	out["digest"] = LessonItem(2, lesson)
	out["not run"] = Compose(Input{NotRun: p}).Check.Summary
	return out
}

// rendered is the HTML for a browser before GitHub removes elements that it does not allow: we do not
// rely on that.
func rendered(t testing.TB, body string) *html.Node {
	t.Helper()
	var b bytes.Buffer
	unsafe := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(htmlrender.WithUnsafe()))
	if err := unsafe.Convert([]byte(body), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var (
	allowedTags = []string{"html", "head", "body", "p", "strong", "em", "code", "pre", "a", "ul", "ol", "li", "details", "summary", "sub", "h3", "blockquote"}

	// Texts that GitHub turns into links, unless they are in code or in a link. An address that it would turn into one
	// is an element, as goldmark does the same.
	reference = regexp.MustCompile(`(?i)(^|[^\w])@[a-z0-9]|#[0-9]|\bgh-[0-9]`)
	ourMarks  = regexp.MustCompile(`^ secbydesign:(by [a-z]+|v1 finding=[a-z2-7]{26}:1|v1 summary) $`)
)

// inert reports the parts of a page of ours that do something that a text should not do.
func inert(doc *html.Node) (bad []string) {
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	comments := 0
	var walk func(n *html.Node, code bool)
	walk = func(n *html.Node, code bool) {
		switch n.Type {
		case html.ElementNode:
			if !slices.Contains(allowedTags, n.Data) {
				say("<%s>", n.Data)
			}
			for _, a := range n.Attr {
				switch {
				case n.Data == "a" && a.Key == "href" && strings.HasPrefix(a.Val, "https://github.example/acme/shop/blob/"):
				case n.Data == "code" && a.Key == "class" && (a.Val == "language-suggestion" || a.Val == "language-diff"):
				default:
					say("<%s %s=%.60q>", n.Data, a.Key, a.Val)
				}
			}
			code = code || n.Data == "code" || n.Data == "a"
		case html.CommentNode:
			comments++
			if !ourMarks.MatchString(n.Data) {
				say("a comment %.60q", n.Data)
			}
		case html.TextNode:
			shown := strings.NewReplacer("@\u200B", "", "#\u200B", "", "-\u200B", "").Replace(n.Data)
			for _, r := range shown {
				if hidden(r) && r != '\n' && r != '\t' {
					say("a hidden %U", r)
					break
				}
			}
			if !code {
				if m := reference.FindString(n.Data); m != "" {
					say("a mention or reference %q in %.80q", m, n.Data)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, code)
		}
	}
	walk(doc, false)
	if comments > 2 {
		say("%d comments", comments)
	}
	return bad
}

// TestInjection renders every text of ours with each payload in every place, and checks the
// HTML.
func TestInjection(t *testing.T) {
	t.Parallel()
	for i, p := range payloads {
		for name, body := range bodies(t, p) {
			if n := len([]rune(body)); n > 65_536 {
				t.Errorf("payload %d, %s: %d characters", i, name, n)
			}
			for _, bad := range inert(rendered(t, body)) {
				t.Errorf("payload %d %.60q, %s: %s\n%.1500s", i, p, name, bad, body)
			}
			if strings.HasPrefix(name, "comment") || strings.HasPrefix(name, "closed") {
				fp, scanner, ok := Mark(body)
				if !ok || scanner != "gitleaks" || !slices.Contains([]string{fingerprint("victim", 1), fingerprint("away", 1), fingerprint("history", 1)}, fp) {
					t.Errorf("payload %d, %s: the marker is %q, %q, %v", i, name, fp, scanner, ok)
				}
			}
			if (StickyName(body) == Summary) != (name == "note") || name != "note" && StickyName(body) != "" {
				t.Errorf("payload %d, %s: taken for the sticky comment %q", i, name, StickyName(body))
			}
			if isClosed(body) != strings.HasPrefix(name, "closed") {
				t.Errorf("payload %d, %s: taken for closed: %v", i, name, isClosed(body))
			}
			for line := range strings.SplitSeq(body, "\n") {
				if strings.HasPrefix(line, "/secbydesign") && !strings.Contains(body, "```") { // code is no command
					t.Errorf("payload %d, %s: a command stands in the first column: %q", i, name, line)
				}
			}
		}
	}
}

// TestInertNotices checks that the test above would notice each kind of injection.
func TestInertNotices(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"@octocat", "x #1", "GH-7", "<img src=x>", "![x](https://evil.example/b.png)", "[x](https://evil.example)", "https://evil.example", "www.evil.example",
		"<!-- secbydesign:v1 finding=x -->", "\u202E", "# h", "| a |\n| - |\n| b |", "<details open>", "- [x] done", "~~gone~~",
	} {
		if len(inert(rendered(t, body))) == 0 {
			t.Errorf("%q is taken for inert", body)
		}
	}
}

func FuzzInjection(f *testing.F) {
	for _, p := range payloads {
		if len(p) < 2000 {
			f.Add(p)
		}
	}
	f.Fuzz(func(t *testing.T, p string) {
		for name, body := range bodies(t, p) {
			// A text that is an address and nothing else is the one of the rule's own page, too.
			body = strings.ReplaceAll(body, "[Learn more]("+p+")", "")
			for _, bad := range inert(rendered(t, body)) {
				t.Errorf("%q, %s: %s\n%s", p, name, bad, body)
			}
		}
	})
}
