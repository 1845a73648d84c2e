package design

// A syntax says how a language writes comments and strings.
type syntax struct {
	line    []string // begins a comment to the end of the line
	block   bool     // /* */
	quotes  string   // begin and end a string; a backslash escapes
	raw     byte     // begins and ends a string of several lines without escapes; 0 for none
	triples bool     // """ and ''' begin and end a string of several lines
	spaced  bool     // a # begins a comment only at the start of a line or after a blank
	marked  bool     // #[ begins an attribute, and no comment
}

var syntaxes = map[language]syntax{
	golang:     {line: []string{"//"}, block: true, quotes: `"'`, raw: '`'},
	javascript: {line: []string{"//"}, block: true, quotes: "\"'`"},
	java:       {line: []string{"//"}, block: true, quotes: `"'`, triples: true},
	csharp:     {line: []string{"//"}, block: true, quotes: `"'`},
	php:        {line: []string{"//", "#"}, block: true, quotes: `"'`, spaced: true, marked: true},
	rust:       {line: []string{"//"}, block: true, quotes: `"`},
	protobuf:   {line: []string{"//"}, block: true, quotes: `"'`},
	hcl:        {line: []string{"#", "//"}, block: true, quotes: `"`},
	python:     {line: []string{"#"}, quotes: `"'`, triples: true},
	ruby:       {line: []string{"#"}, quotes: `"'`, spaced: true},
	yaml:       {line: []string{"#"}, quotes: `"'`, spaced: true},
	toml:       {line: []string{"#"}, quotes: `"'`, triples: true},
	graphql:    {line: []string{"#"}, quotes: `"`, triples: true},
	docker:     {line: []string{"#"}, spaced: true},
	sql:        {line: []string{"--"}, block: true, quotes: `'"`},
}

// withoutComments returns the text with blanks in place of its comments. Lines keep their numbers and offsets. In doubt
// it keeps text: a quote that is not closed on its line ends with the line, except for strings of several lines.
func withoutComments(text []byte, l language) []byte {
	rule, ok := syntaxes[l]
	if !ok {
		return text
	}
	out := append([]byte(nil), text...)
	for i := 0; i < len(out); {
		switch end, comment := rule.token(out, i); {
		case comment:
			for ; i < end; i++ {
				if out[i] != '\n' && out[i] != '\r' {
					out[i] = ' '
				}
			}
		default:
			i = end
		}
	}
	return out
}

// token returns the end of the comment, string or single byte that begins at i.
func (r syntax) token(text []byte, i int) (end int, comment bool) {
	if r.block && has(text, i, "/*") {
		return after(text, i+2, "*/"), true
	}
	for _, mark := range r.line {
		if r.marked && has(text, i, "#[") {
			continue
		}
		if has(text, i, mark) && (!r.spaced || mark != "#" || i == 0 || text[i-1] == ' ' || text[i-1] == '\t' || text[i-1] == '\n') {
			return until(text, i, '\n'), true
		}
	}
	if r.triples {
		for _, mark := range []string{`"""`, `'''`} {
			if has(text, i, mark) {
				return after(text, i+3, mark), false
			}
		}
	}
	if r.raw != 0 && text[i] == r.raw {
		return after(text, i+1, string(r.raw)), false
	}
	for q := range len(r.quotes) {
		if text[i] == r.quotes[q] {
			return quoted(text, i), false
		}
	}
	return i + 1, false
}

func has(text []byte, i int, mark string) bool {
	return i+len(mark) <= len(text) && string(text[i:i+len(mark)]) == mark
}

// after returns the offset after the next mark, or the end of the text.
func after(text []byte, i int, mark string) int {
	for ; i < len(text); i++ {
		if has(text, i, mark) {
			return i + len(mark)
		}
	}
	return len(text)
}

func until(text []byte, i int, stop byte) int {
	for i < len(text) && text[i] != stop {
		i++
	}
	return i
}

// maxString bounds a string on one line, in bytes, so that a line of quotes costs no square of its length.
const maxString = 2000

// quoted returns the end of a string that begins at i. Only a string in backquotes goes over several lines.
func quoted(text []byte, i int) int {
	quote := text[i]
	for j := i + 1; j < len(text); j++ {
		switch {
		case quote != '`' && j-i > maxString:
			return i + 1
		case text[j] == '\\':
			j++
		case text[j] == quote:
			return j + 1
		case text[j] == '\n' && quote != '`':
			return i + 1 // it was no string
		}
	}
	if quote == '`' {
		return len(text)
	}
	return i + 1
}
