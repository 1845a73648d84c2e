package baseline

import (
	slash "path"
	"strings"
	"unicode"
)

// A syntax says how a kind of file writes comments and strings.
type syntax struct {
	comments []string // what begins a comment that ends with its line
	ends     []string // pairs of what begins and ends a comment
	bare     bool     // a string needs no quotes
}

var (
	hash   = syntax{comments: []string{"#"}}
	config = syntax{comments: []string{"#", ";"}, bare: true}
	curly  = syntax{comments: []string{"//"}, ends: []string{"/*", "*/"}}
	dashes = syntax{comments: []string{"--"}, ends: []string{"/*", "*/"}}
	markup = syntax{ends: []string{"<!--", "-->"}}
)

// syntaxes are by the extension of a file's name, or by the name where it has none.
var syntaxes = map[string]syntax{
	"py": hash, "pyi": hash, "rb": hash, "sh": hash, "bash": hash, "zsh": hash, "pl": hash, "pm": hash, "r": hash, "ps1": hash, "ex": hash, "exs": hash,
	"dockerfile": hash, "containerfile": hash, "makefile": hash, "mk": hash, "rakefile": hash, "gemfile": hash, "jenkinsfile": curly,
	"yml": {comments: []string{"#"}, bare: true}, "yaml": {comments: []string{"#"}, bare: true}, "toml": config, "ini": config, "cfg": config, "conf": config,
	"env": {comments: []string{"#"}, bare: true}, "properties": {bare: true},
	"tf": {comments: []string{"#", "//"}}, "tofu": {comments: []string{"#", "//"}}, "hcl": {comments: []string{"#", "//"}}, "tfvars": {comments: []string{"#", "//"}},
	"go": curly, "js": curly, "jsx": curly, "mjs": curly, "cjs": curly, "ts": curly, "tsx": curly, "java": curly, "kt": curly, "kts": curly, "scala": curly,
	"groovy": curly, "gradle": curly, "c": curly, "h": curly, "cc": curly, "cpp": curly, "cxx": curly, "hpp": curly, "cs": curly, "swift": curly, "rs": curly,
	"dart": curly, "proto": curly, "m": curly, "css": curly, "scss": curly, "less": curly, "jsonc": curly, "json5": curly, "sol": curly,
	"php": {comments: []string{"//", "#"}, ends: []string{"/*", "*/"}},
	"sql": dashes, "lua": dashes, "hs": dashes,
	"html": markup, "htm": markup, "xml": markup, "vue": markup, "svg": markup,
}

// syntaxOf returns the syntax of a file. A file of an unknown kind has no comments.
func syntaxOf(name string) syntax {
	base := strings.ToLower(slash.Base(name))
	if s, ok := syntaxes[strings.TrimPrefix(slash.Ext(base), ".")]; ok {
		return s
	}
	stem, _, _ := strings.Cut(strings.TrimPrefix(base, "."), ".")
	return syntaxes[stem]
}

// plain returns what a text says, however it is written: without comments, white space, the kind of its quotes, and a
// separator at the end of a list. Of a text that is all comment it returns the comment.
func (s syntax) plain(lines []string) string {
	code := make([]string, len(lines))
	for i, line := range lines {
		code[i] = s.code(line)
	}
	if strings.Join(code, "") == "" {
		code = lines
	}
	var b strings.Builder
	for _, line := range code {
		for _, r := range line {
			switch {
			case unicode.IsSpace(r):
			case r != '\'' && r != '"' && r != '`':
				b.WriteRune(r)
			case !s.bare:
				b.WriteByte('"')
			}
		}
	}
	text := strings.TrimRight(b.String(), ",;")
	for _, end := range []string{")", "]", "}"} {
		text = strings.ReplaceAll(text, ","+end, end)
	}
	return text
}

// code returns a line without its comments. What begins a comment within a string begins none, and neither does it
// within a word, as in an address.
func (s syntax) code(line string) string {
	const longest = 4096 // a longer line is data
	if len(line) > longest {
		return line
	}
	var b strings.Builder
	var last byte = ' '
	for i := 0; i < len(line); {
		rest := line[i:]
		if s.begins(rest, last) {
			break
		}
		if end := s.closed(rest); end > 0 {
			i += end
			last = ' '
			continue
		}
		n := 1
		if end := quoted(rest); end > 0 && !apostrophe(line[:i], rest[0]) {
			n = end
		}
		b.WriteString(rest[:n])
		i += n
		last = line[i-1]
	}
	return strings.TrimSpace(b.String())
}

// begins reports whether a comment begins here that ends with the line. last is the character before.
func (s syntax) begins(rest string, last byte) bool {
	if !strings.ContainsRune(" \t;{}),", rune(last)) {
		return false
	}
	for _, c := range s.comments {
		if strings.HasPrefix(rest, c) && (c != "#" || last == ' ' || last == '\t') {
			return true
		}
	}
	return false
}

// closed returns the length of the comment that begins here and ends on this line, or 0. A comment that does not end
// on this line counts to its end.
func (s syntax) closed(rest string) int {
	for i := 0; i+1 < len(s.ends); i += 2 {
		inner, ok := strings.CutPrefix(rest, s.ends[i])
		if !ok {
			continue
		}
		if end := strings.Index(inner, s.ends[i+1]); end >= 0 {
			return len(s.ends[i]) + end + len(s.ends[i+1])
		}
		return len(rest)
	}
	return 0
}

// quoted returns the length of the string that begins here and ends on this line, or 0.
func quoted(rest string) int {
	q := rest[0]
	if q != '\'' && q != '"' && q != '`' {
		return 0
	}
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && q != '`':
			i++
		case rest[i] == q:
			return i + 1
		}
	}
	return 0
}

// apostrophe reports whether a quote after this text stands within a word. After the prefix of a string, as of Python,
// it does not.
func apostrophe(before string, quote byte) bool {
	word := before[strings.LastIndexFunc(before, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })+1:]
	return quote == '\'' && word != "" && (len(word) > 2 || strings.Trim(strings.ToLower(word), "rbfu") != "")
}
