// Package visible shows what a reader could not see: characters that have no shape, that turn text
// around, or that a terminal obeys. Paths, and what programs print, may hold any of them.
package visible

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Hidden reports whether a character shows nothing of its own, or changes how others are shown.
func Hidden(r rune) bool {
	if ' ' <= r && r <= '~' {
		return false
	}
	switch r {
	case '\u2028', '\u2029', '\u115F', '\u1160', '\u3164', '\uFFA0':
		return true
	case '\uFE0E', '\uFE0F': // they choose the text or the picture form of a character
		return false
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Spell writes out hidden characters, but for those in keep. Bytes that are not UTF-8 become U+FFFD.
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

// Text is for a terminal: lines and tabs stay.
func Text(s string) string { return Spell(s, "\n\t") }

// JSON writes hidden characters of a JSON document as escapes, so that it means the same and does
// nothing to a terminal or a reader. Lines and tabs stay, as in JSON they stand between values.
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
