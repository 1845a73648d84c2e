package threatmodel

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// matches reports whether a glob matches a path, or, without wildcards, a folder above it.
func matches(pattern, name string) bool {
	if !strings.ContainsAny(pattern, `*?[{\`) {
		return name == pattern || strings.HasPrefix(name, pattern+"/")
	}
	ok, err := doublestar.Match(pattern, name)
	return ok && err == nil
}

// literalBraces escapes braces without a comma: "/users/{id}" is a route with a parameter, and "*.{js,ts}" has
// alternatives.
func literalBraces(pattern string) string {
	if !strings.Contains(pattern, "{") {
		return pattern
	}
	var out strings.Builder
	for {
		before, after, ok := strings.Cut(pattern, "{")
		inside, rest, closed := strings.Cut(after, "}")
		switch {
		case !ok:
			out.WriteString(pattern)
			return out.String()
		case !closed || strings.Contains(inside, ","):
			out.WriteString(before + "{")
			pattern = after
		default:
			out.WriteString(before + `\{` + inside + `\}`)
			pattern = rest
		}
	}
}
