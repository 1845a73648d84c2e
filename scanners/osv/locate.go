package osv

import (
	"bytes"
	"regexp"
	"strings"
	"unicode/utf8"
)

// A place is where a file names a package. Lines and columns count from 1; line 0 means the whole
// file, column 0 means that the line has no version.
type place struct {
	line      int
	column    int // of the version, in characters
	endColumn int // after the version
}

// near is the largest distance in bytes from a name to its version: a Pipfile.lock has all hashes
// of a package in between.
const near = 32 << 10

// maxMentions is the most occurrences of a name that locate considers.
const maxMentions = 1000

// asked matches the text between a name and a version where one package requires another. Lockfiles
// contain such requirements beside the installed versions. askedNPM matches npm's requirements
// without an operator, which only the punctuation distinguishes.
var (
	asked    = regexp.MustCompile(`([~^<>]|[!~<>]=)[ v]*$`)
	askedNPM = regexp.MustCompile(`^["']?:? +["']?$`)
)

// locate finds the line that names the package, since the extractors do not report lines. It
// prefers a line that also has the version, then the line with the version nearest below it, then a
// line where another package requires it. For a package without a version it returns the first line
// that names it.
func locate(text []byte, p pkg) place {
	name := p.shown
	if p.ecosystem == "Maven" && bytes.Contains(text, []byte("<artifactId>")) {
		_, name, _ = strings.Cut(name, ":")
	}
	if p.ecosystem == "SwiftURL" { // the file has the whole address, and the last part of it as a name
		name = name[strings.LastIndexByte(name, '/')+1:]
	}
	if name == "" {
		return place{}
	}
	first, best, nearest := -1, -1, near
	var asker place
	at := next(text, name, 0, namedAt)
	for seen := 0; at >= 0 && seen < maxMentions; seen, at = seen+1, next(text, name, at+1, namedAt) {
		if first < 0 {
			first = at
		}
		if p.version == "" {
			break
		}
		from := at + len(name)
		window := text[:min(len(text), from+nearest)]
		v := next(window, p.version, from, versionAt)
		if v >= 0 && !bytes.ContainsRune(text[at:v], '\n') {
			between := text[from:v]
			if !asked.Match(between) && (p.ecosystem != "npm" || !askedNPM.Match(between)) {
				return placeOf(text, at, v, len(p.version))
			}
			if between[0] != '@' { // yarn writes "@" after the name of an installed package
				if asker.line == 0 {
					asker = placeOf(text, at, v, len(p.version))
				}
				continue
			}
			v = next(window, p.version, v+1, versionAt)
		}
		if v >= 0 {
			best, nearest = at, v-from
		}
	}
	if best < 0 && asker.line > 0 {
		return asker
	}
	if best < 0 {
		best = first
	}
	if best < 0 {
		return place{}
	}
	return placeOf(text, best, -1, 0)
}

func placeOf(text []byte, at, version, length int) place {
	p := place{line: 1 + bytes.Count(text[:at], []byte("\n"))}
	if version >= 0 {
		begin := 1 + bytes.LastIndexByte(text[:version], '\n')
		p.column = 1 + utf8.RuneCount(text[begin:version])
		p.endColumn = p.column + utf8.RuneCount(text[version:version+length])
	}
	return p
}

// next returns the index of the first occurrence of word at or after from whose surroundings fit
// accepts, or -1.
func next(text []byte, word string, from int, fits func(before, after []byte) bool) int {
	for from <= len(text) {
		i := bytes.Index(text[from:], []byte(word))
		if i < 0 {
			return -1
		}
		at := from + i
		if fits(text[:at], text[at+len(word):]) {
			return at
		}
		from = at + 1
	}
	return -1
}

func letter(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

// namedAt reports whether the match is a whole name and not part of another: "lodash" is in
// "node_modules/lodash" and in "/lodash/4.17.20", but not in "lodash.merge", "@types/lodash" or
// "lodash-es".
func namedAt(before, after []byte) bool {
	if n := len(before); n > 0 {
		switch c := before[n-1]; {
		case letter(c) || c == '-' || c == '.' || c == '@':
			return false
		case c == '/':
			if n > 1 && !bytes.ContainsRune([]byte(" \t\n'\""), rune(before[n-2])) && !bytes.HasSuffix(before, []byte("node_modules/")) {
				return false
			}
		}
	}
	if len(after) == 0 {
		return true
	}
	switch c := after[0]; {
	case letter(c) || c == '-':
		return false
	case c == '.':
		return len(after) < 2 || !letter(after[1])
	case c == '/':
		return len(after) > 1 && after[1] >= '0' && after[1] <= '9' // pnpm's /lodash/4.17.20
	}
	return true
}

// versionAt reports whether the match is a whole version and not part of another: "1.2.0" is in
// "v1.2.0", but not in "11.2.0", "1.2.0.1" or "1.2.0-beta".
func versionAt(before, after []byte) bool {
	if n := len(before); n > 0 {
		c := before[n-1]
		if c == 'v' && (n == 1 || !letter(before[n-2])) {
			c = ' '
		}
		if letter(c) || c == '.' || c == '-' || c == '+' {
			return false
		}
	}
	if len(after) == 0 {
		return true
	}
	switch c := after[0]; {
	case c == '_': // pnpm's 1.2.0_react@17.0.0
		return true
	case letter(c) || c == '-' || c == '+':
		return false
	case c == '.':
		return len(after) < 2 || !letter(after[1])
	}
	return true
}
