package checks

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
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

var (
	// urlTail matches the part of an address that makes GitHub link it; emoji matches a name that it may show as a
	// picture; entity matches a character by its name.
	urlTail = regexp.MustCompile(`^://(?:[^\s.]|\.\S)`)
	emoji   = regexp.MustCompile(`^:[a-zA-Z0-9_+-]+:`)
	www     = regexp.MustCompile(`^(?i:www)\.`)
	entity  = regexp.MustCompile(`^&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[a-zA-Z][a-zA-Z0-9]*);`)
	ref     = regexp.MustCompile(`^(?i:GH)-[0-9]`)

	// block matches what formats at the beginning of a line only: a list, a heading, a rule, a quotation, a check box.
	// Commands begin with a slash, ours and those of others.
	block = regexp.MustCompile(`^(?:([0-9]{1,9})[.)](?: |$)|[-+](?: |$)|[-=][-= ]*$|#{1,6}(?: |$)|[>/\[])`)
)

// Escape makes Markdown that shows s as it is: it cannot format, link, mention anybody, refer
// to an issue or open HTML. It escapes only what could do that where it stands, because people also read
// the text of a comment in mails and in terminals. A zero-width space after "@" and "#" keeps GitHub from seeing a
// mention or a reference there. A backslash would not, because GitHub searches for them
// after it has processed the Markdown. (Dependabot does the same with release notes.)
func Escape(s string) string {
	s = Plain(s)
	const invisible = "&#8203;"
	var b strings.Builder
	begin := 0
	if m := block.FindStringSubmatch(s); m != nil {
		b.WriteString(m[1] + `\` + s[len(m[1]):len(m[1])+1])
		begin = len(m[1]) + 1
		if s[begin-1] == '#' && begin < len(s) && isDigit(s[begin]) {
			b.WriteString(invisible)
		}
	}
	word := false // the character before is a letter or digit
	underscores := false
	for i, r := range s {
		rest := s[i:]
		was := word
		word = unicode.IsLetter(r) || unicode.IsDigit(r)
		if i < begin {
			continue
		}
		switch {
		case r == '<':
			b.WriteString("&lt;")
			continue
		case r == '&' && entity.MatchString(rest):
			b.WriteString("&amp;")
			continue
		case strings.ContainsRune("`*~$", r),
			r == '\\' && (len(rest) == 1 || isPunctuation(rest[1])),
			r == ']' && len(rest) > 1 && strings.IndexByte("([:", rest[1]) >= 0,
			r == ':' && (urlTail.MatchString(rest) || emoji.MatchString(rest)):
			b.WriteByte('\\')
		case r == '_':
			if !strings.HasSuffix(s[:i], "_") { // all of a run format, or none does
				underscores = !was || !beginsWord(strings.TrimLeft(rest, "_")) || emojiAround(s, i)
			}
			if underscores {
				b.WriteByte('\\')
			}
		}
		b.WriteRune(r)
		switch {
		case r == '@', r == '#' && len(rest) > 1 && isDigit(rest[1]), r == '-' && i >= 2 && ref.MatchString(s[i-2:]):
			b.WriteString(invisible)
		case (r == 'w' || r == 'W') && i >= 2 && www.MatchString(s[i-2:]):
			b.WriteByte('\\')
		}
	}
	return b.String()
}

// emojiAround reports whether the underscore at i is in a name between colons.
func emojiAround(s string, i int) bool {
	colon := strings.LastIndexByte(s[:i], ':')
	return colon >= 0 && emoji.MatchString(s[colon:])
}

func beginsWord(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isPunctuation reports whether a backslash before c would hide itself.
func isPunctuation(c byte) bool {
	return c > ' ' && c < 0x7F && !isDigit(c) && (c|0x20 < 'a' || c|0x20 > 'z')
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
