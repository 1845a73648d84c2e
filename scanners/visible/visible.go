// Package visible makes invisible characters visible: characters that have no shape, that reverse
// text, or that a terminal interprets. Paths and the output of programs may contain any of them. [Wrap] breaks the text into lines.
package visible

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Hidden reports whether a character is invisible or changes how others are shown.
func Hidden(r rune) bool {
	if ' ' <= r && r <= '~' {
		return false
	}
	switch r {
	case '\u2028', '\u2029', '\u115F', '\u1160', '\u3164', '\uFFA0':
		return true
	case '\uFE0E', '\uFE0F': // they select the text or emoji form of a character
		return false
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Spell replaces hidden characters, except those in keep, by their code points, such as [U+200B].
// Bytes that are not UTF-8 become U+FFFD.
func Spell(s, keep string) string {
	var b strings.Builder
	for _, r := range s {
		if Hidden(r) && !strings.ContainsRune(keep, r) {
			fmt.Fprintf(&b, "[U+%04X]", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Text returns s with its hidden characters spelled out, for a terminal. Newlines and tabs are
// kept.
func Text(s string) string { return Spell(s, "\n\t") }

// Name returns the name of a file as valid UTF-8. Git's names are bytes: those that are not UTF-8 are written
// as in Go and Python (\xff), so that different names stay different.
func Name(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		r, size := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[0])
		} else {
			b.WriteString(name[:size])
		}
		name = name[size:]
	}
	return b.String()
}

// JSON escapes the hidden characters of a JSON document, so that it has the same meaning but cannot
// affect a terminal or mislead a reader. Newlines and tabs are kept, since in JSON they occur only
// between values.
func JSON(doc []byte) []byte {
	if !bytes.ContainsFunc(doc, escaped) {
		return doc
	}
	out := make([]byte, 0, len(doc)+len(doc)/8)
	for len(doc) > 0 {
		r, size := utf8.DecodeRune(doc)
		switch {
		case !escaped(r):
			out = append(out, doc[:size]...)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		doc = doc[size:]
	}
	return out
}

func escaped(r rune) bool { return Hidden(r) && r != '\n' && r != '\t' && r != '\r' }
