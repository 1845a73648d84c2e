package strictyaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
)

// A Problem is one mistake in a file. The message, for the author of the file, is one plain sentence without a full
// stop that says what to do. Its quotations of the file are short and have no control characters, but they are not
// escaped for Markdown.
type Problem struct {
	File         string
	Line, Column int // from 1; columns count characters
	Message      string
}

// String returns "file:line:column: message".
func (p Problem) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems are the mistakes of a file in the order of their places. It is never empty.
type Problems []Problem

// Error returns one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// maxProblems keeps the list readable; an author who made more of them starts again anyway.
const maxProblems = 100

// inOrder sorts the problems, keeps their places inside the text and cuts a list that nobody would read to its end.
func (ps Problems) inOrder(text string) Problems {
	lines := strings.Split(text, "\n")
	for i := range ps {
		// YAML libraries are not always exact about places; an annotation outside of the
		// file would be refused.
		ps[i].Line = min(max(ps[i].Line, 1), len(lines))
		ps[i].Column = min(max(ps[i].Column, 1), utf8.RuneCountInString(lines[ps[i].Line-1])+1)
	}
	slices.SortStableFunc(ps, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	if more := len(ps) - maxProblems; more > 0 {
		ps = ps[:maxProblems]
		ps[maxProblems-1].Message = fmt.Sprintf("from here on there are %d more problems; fix the ones above first", more+1)
	}
	return ps
}

// Quote returns text of the file in a form for messages.
func Quote(s string) string { return `"` + Printable(s, 40) + `"` }

// Printable cuts s to that many characters and escapes those that cannot be seen.
func Printable(s string, most int) string {
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most-1]) + "…"
	}
	s = strconv.Quote(s)
	return s[1 : len(s)-1]
}

// DidYouMean returns ", did you mean …?" if the word is nearly one of those known, else "".
func DidYouMean(word string, known []string) string {
	best, distance := "", 3
	for _, k := range known {
		if len(word) > len(k)+2 {
			continue // a long word is near to no known one, and comparing it costs time
		}
		if d := levenshtein.Distance(strings.ToLower(word), k, nil); d < distance && d < len(k)/2+1 {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return `, did you mean "` + best + `"?`
}

// List returns "a, b and c".
func List(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}
