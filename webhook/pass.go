package webhook

import (
	"encoding/binary"
	"math/bits"
	"strings"
)

// Nearly all of a delivery is passed over. The functions of this file do that: each reads one element of JSON at in[at:],
// and returns where it ends, or -1 if none is there.

// pass passes over a value. An array or object at the greatest depth counts as none.
func pass(in []byte, at, depth int) int {
	switch c := byteAt(in, at); c {
	case '"':
		return passText(in, at+1)
	case '{', '[':
		if depth > maxDepth {
			return -1
		}
		return passList(in, at+1, depth+1, c+2) // in ASCII the closing bracket is the second next
	case 't':
		return passWord(in, at, "true")
	case 'f':
		return passWord(in, at, "false")
	case 'n':
		return passWord(in, at, "null")
	}
	return passNumber(in, at)
}

// passList passes over the rest of an array or object, which ends with the given bracket.
func passList(in []byte, at, depth int, closing byte) int {
	at = passSpace(in, at)
	if byteAt(in, at) == closing {
		return at + 1
	}
	for {
		if closing == '}' {
			if at = passName(in, at); at < 0 {
				return -1
			}
		}
		if at = pass(in, at, depth); at < 0 {
			return -1
		}
		at = passSpace(in, at)
		switch byteAt(in, at) {
		case closing:
			return at + 1
		case ',':
			at = passSpace(in, at+1)
		default:
			return -1
		}
	}
}

// passName passes over the name of a member, up to its value.
func passName(in []byte, at int) int {
	if byteAt(in, at) != '"' {
		return -1
	}
	if at = passText(in, at+1); at < 0 {
		return -1
	}
	at = passSpace(in, at)
	if byteAt(in, at) != ':' {
		return -1
	}
	return passSpace(in, at+1)
}

// byteAt returns the byte at a place, or 0 at the end.
func byteAt(in []byte, at int) byte {
	if at < len(in) {
		return in[at]
	}
	return 0
}

func passSpace(in []byte, at int) int {
	for at < len(in) && in[at] <= ' ' && (in[at] == ' ' || in[at] == '\n' || in[at] == '\t' || in[at] == '\r') {
		at++
	}
	return at
}

func passWord(in []byte, at int, word string) int {
	if !strings.HasPrefix(string(in[at:min(len(in), at+len(word))]), word) {
		return -1
	}
	return at + len(word)
}

const eachByte = 0x0101010101010101

// passText passes over the rest of a string. It tests eight bytes at a time for quotation marks, backslashes and control
// characters: https://graphics.stanford.edu/~seander/bithacks.html#HasLessInWord
func passText(in []byte, at int) int {
	for at < len(in) {
		if at+8 <= len(in) {
			eight := binary.LittleEndian.Uint64(in[at:])
			quotes, backslashes := eight^('"'*eachByte), eight^('\\'*eachByte)
			found := (eight-' '*eachByte)&^eight | (quotes-eachByte)&^quotes | (backslashes-eachByte)&^backslashes
			if found &= 0x80 * eachByte; found == 0 {
				at += 8
				continue
			}
			at += bits.TrailingZeros64(found) / 8 // the lowest is exact
		}
		switch c := in[at]; {
		case c == '"':
			return at + 1
		case c < ' ':
			return -1
		case c == '\\':
			if at = passEscape(in, at+1); at < 0 {
				return -1
			}
		default:
			at++
		}
	}
	return -1
}

// passEscape passes over what follows a backslash.
func passEscape(in []byte, at int) int {
	switch byteAt(in, at) {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return at + 1
	case 'u':
		for i := range 4 {
			if c := byteAt(in, at+1+i) | 0x20; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return -1
			}
		}
		return at + 5
	}
	return -1
}

// passNumber passes over a number. https://www.rfc-editor.org/rfc/rfc8259#section-6
func passNumber(in []byte, at int) int {
	if byteAt(in, at) == '-' {
		at++
	}
	if byteAt(in, at) == '0' {
		at++
	} else if at = passDigits(in, at); at < 0 {
		return -1
	}
	if byteAt(in, at) == '.' {
		if at = passDigits(in, at+1); at < 0 {
			return -1
		}
	}
	if byteAt(in, at)|0x20 == 'e' {
		at++
		if c := byteAt(in, at); c == '+' || c == '-' {
			at++
		}
		return passDigits(in, at)
	}
	return at
}

func passDigits(in []byte, at int) int {
	from := at
	for at < len(in) && in[at]-'0' <= 9 {
		at++
	}
	if at == from {
		return -1
	}
	return at
}
