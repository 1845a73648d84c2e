package scanners

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"
)

// wide encodes text in UTF-16.
func wide(text string, bigEndian bool) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		if bigEndian {
			b = append(b, byte(unit>>8), byte(unit))
		} else {
			b = append(b, byte(unit), byte(unit>>8))
		}
	}
	return b
}

func TestDecode(t *testing.T) {
	t.Parallel()
	const text = "first = 1\r\nsecond = 'ä€🔑'\r\nthird\n"
	ascii := strings.Repeat("name = value\r\n", 100)
	var full []byte
	for _, r := range "\ufeffa = ä\n" {
		full = append(full, byte(r), byte(r>>8), byte(r>>16), 0)
	}
	tests := map[string]struct {
		content []byte
		want    string
	}{
		"nothing":                 {nil, ""},
		"plain":                   {[]byte(text), text},
		"UTF-8 mark":              {[]byte("\ufeff" + text), text},
		"one mark only":           {[]byte("\ufeff\ufeff" + text), "\ufeff" + text},
		"UTF-8 mark alone":        {[]byte("\ufeff"), ""},
		"UTF-16LE mark":           {wide("\ufeff"+text, false), text},
		"UTF-16BE mark":           {wide("\ufeff"+text, true), text},
		"UTF-16LE mark alone":     {[]byte("\xff\xfe"), ""},
		"UTF-16LE without a mark": {wide(ascii, false), ascii},
		"UTF-16BE without a mark": {wide(ascii, true), ascii},
		"UTF-32LE mark":           {full, "a = ä\n"},
		"UTF-16 cut off":          {[]byte("\xff\xfea\x00\n\x00b"), "a\n\ufffd"},
		"half a character":        {[]byte("\xff\xfea\x00\x00\xd8b\x00"), "a\ufffdb"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := bytes.Clone(test.content)
			if got := Decode(test.content); string(got) != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if !bytes.Equal(before, test.content) {
				t.Error("the content was changed")
			}
		})
	}
}

// Other content must stay as it is: it has a meaning of its own to its scanner.
func TestDecodeLeavesTheRest(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		"caf\xe9 = 'latin'\n", "a\ufeffb\n", "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00", "a\x00b\x00", "\xef\xbb",
		strings.Repeat("\x01\x00", 64), strings.Repeat("\x00\x00", 64), strings.Repeat("a\x00b\x01", 64), "\xff", "\xff\xd8\xff\xe0\x00\x10JFIF\x00",
	} {
		if got := Decode([]byte(content)); string(got) != content {
			t.Errorf("got %q, want %q", got, content)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("a = 1\nb = 2\n")
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "")
		for _, content := range [][]byte{[]byte("\ufeff" + text), wide("\ufeff"+text, false), wide("\ufeff"+text, true)} {
			if got := Decode(content); string(got) != text && !strings.HasPrefix(text, "\x00") {
				t.Errorf("got %q, want %q", got, text)
			}
		}
	})
}
