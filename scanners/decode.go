package scanners

import (
	"bytes"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// Decode returns the content of a file as UTF-8 without a byte order mark, as editors, compilers and package
// managers read it. Content is UTF-16 or UTF-32 if it begins with a mark of these, or UTF-16 if it has a zero
// in every second byte of its beginning, as Latin letters have. All other content is returned as it is.
//
// Lines stay the same. Characters that are not valid become U+FFFD.
func Decode(content []byte) []byte {
	if text, ok := bytes.CutPrefix(content, []byte("\xef\xbb\xbf")); ok {
		return text
	}
	wide := wideEncoding(content)
	if wide == nil {
		return content
	}
	text, err := wide.NewDecoder().Bytes(content)
	if err != nil {
		return content
	}
	return text
}

// wideEncoding returns the encoding of text whose characters take two or four bytes, or nil.
func wideEncoding(content []byte) encoding.Encoding {
	has := func(mark string) bool { return bytes.HasPrefix(content, []byte(mark)) }
	switch {
	case has("\xff\xfe\x00\x00"): // before UTF-16, whose mark is its beginning
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	case has("\x00\x00\xfe\xff"):
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case has("\xff\xfe"), has("\xfe\xff"):
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	case zeros(content, 1):
		return unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	case zeros(content, 0):
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	}
	return nil
}

// zeros reports whether, of each pair of bytes at the beginning of content, the byte at this index is zero and
// the other is ASCII text.
func zeros(content []byte, index int) bool {
	const enough, most = 16, 512
	if len(content) < enough || len(content)%2 != 0 {
		return false
	}
	for i := 0; i+1 < min(len(content), most); i += 2 {
		zero, letter := content[i+index], content[i+1-index]
		if zero != 0 || letter > '~' || letter < ' ' && letter != '\t' && letter != '\n' && letter != '\r' {
			return false
		}
	}
	return true
}
