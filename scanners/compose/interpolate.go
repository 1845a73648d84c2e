package compose

import "strings"

// unknown stands for the value of a variable that the file does not say.
const unknown = "\x00"

// maxNested is how many variables may be in the default of another.
const maxNested = 8

// interpolate replaces the variables in a text as Compose does when none of them is set: ${NAME:-default} becomes
// default. A variable without a default becomes unknown, and is among the names.
//
// https://docs.docker.com/reference/compose-file/interpolation/
func interpolate(text string) (value string, names []string) {
	if !strings.Contains(text, "$") {
		return text, nil
	}
	return expand(text, 0)
}

func expand(text string, depth int) (value string, names []string) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		b.WriteString(before)
		if !found {
			return b.String(), names
		}
		switch {
		case strings.HasPrefix(rest, "$"):
			b.WriteByte('$')
			text = rest[1:]
		case strings.HasPrefix(rest, "{"):
			end := closing(rest)
			if end < 0 {
				b.WriteString("$")
				text = rest
				continue
			}
			value, more := inBraces(rest[1:end], depth)
			b.WriteString(value)
			names = append(names, more...)
			text = rest[end+1:]
		default:
			name := rest[:nameLength(rest)]
			text = rest[len(name):]
			if name == "" {
				b.WriteByte('$')
			} else {
				b.WriteString(unknown)
				names = append(names, name)
			}
		}
	}
}

// inBraces returns the value of what is between ${ and }.
func inBraces(inner string, depth int) (value string, names []string) {
	name := inner[:nameLength(inner)]
	fallback, ok := strings.CutPrefix(strings.TrimPrefix(inner[len(name):], ":"), "-")
	if !ok || depth >= maxNested {
		return unknown, []string{name}
	}
	return expand(fallback, depth+1)
}

// closing returns the index of the } that ends the variable whose { is first in the text, or -1.
func closing(text string) int {
	depth := 0
	for i := range len(text) {
		switch {
		case text[i] == '{' && (i == 0 || text[i-1] == '$'):
			depth++
		case text[i] == '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// nameLength returns the length of the name of a variable at the beginning of a text.
func nameLength(text string) int {
	for i := range len(text) {
		c := text[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return i
		}
	}
	return len(text)
}
