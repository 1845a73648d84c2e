package checks

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners/visible"
)

// maxText bounds a sentence that comes from a tool or a tree, in bytes.
const maxText = 1000

// Plain makes one line of text in which everything is visible: control, bidirectional and
// invisible characters are spelled out, since a reader cannot see what they do.
func Plain(s string) string {
	s = Cut(strings.ToValidUTF8(s, "\uFFFD"), maxText)
	var b strings.Builder
	space := false
	for _, r := range s {
		if r == '\n' || r == '\r' || r == '\t' || r == ' ' {
			space = b.Len() > 0
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		if hidden(r) {
			fmt.Fprintf(&b, "[U+%04X]", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// spell writes out the invisible characters of s, except those in keep.
func spell(s, keep string) string { return visible.Spell(s, keep) }

// hidden reports whether a character is invisible, or changes how others are shown.
func hidden(r rune) bool { return visible.Hidden(r) }

// Cut shortens s to at most n bytes, between two characters.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// markdown matches the characters that format text anywhere in GitHub's Markdown. start matches those
// that do so only at the beginning of a line, where our own commands begin, too.
var (
	markdown = regexp.MustCompile("[\\\\`*_\\[\\]<>#|~$]|:(?:/|[a-zA-Z0-9_+-]+:)|(?i:www)\\.")
	start    = regexp.MustCompile(`^([0-9]*)([-+=.)/])`)
	mention  = regexp.MustCompile(`(@|\\#|(?i:GH)-)`)
)

// Escape makes Markdown that shows s as it is: it cannot format, link, mention anybody, refer
// to an issue or open HTML. A zero-width space after "@" and "#" keeps GitHub from seeing a
// mention or a reference there. A backslash would not, because GitHub searches for them
// after it has processed the Markdown. (Dependabot does the same with release notes.)
func Escape(s string) string {
	s = strings.ReplaceAll(Plain(s), "&", "&amp;")
	s = markdown.ReplaceAllStringFunc(s, func(m string) string {
		switch {
		case m == "<":
			return "&lt;"
		case len(m) == 4 && m[3] == '.':
			return m[:3] + `\.`
		}
		if m[0] == ':' { // an ":emoji:", whose name may hold an underscore, which formats
			m = strings.ReplaceAll(m, "_", `\_`)
		}
		return `\` + m
	})
	s = start.ReplaceAllString(s, `$1\$2`)
	return mention.ReplaceAllString(s, "$1&#8203;")
}

// Code shows s as inline code, in which nothing is formatted, linked or mentioned
// (https://spec.commonmark.org/0.31.2/#code-spans).
func Code(s string) string {
	s = Plain(s)
	if s == "" {
		return "` `"
	}
	longest := longestRun(s, '`')
	ticks := strings.Repeat("`", longest+1)
	if longest > 0 {
		return ticks + " " + s + " " + ticks
	}
	return ticks + s + ticks
}
