package strictyaml

import (
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

const (
	// MaxGlob bounds a glob, in bytes. It is compared with every path of every pull request. The
	// alternatives of its braces multiply: with ten braces one comparison can take seconds.
	MaxGlob      = 256
	maxBraces    = 3
	maxAlternate = 30
)

// OneOf reads one of the words that are known.
func OneOf[T ~string](r *Reader, v Value, name string, known []T) T {
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	if !v.Is(Text) {
		r.Problem(v.Place, "%s must be one of %s%s", name, List(words, "and"), v.Instead())
		return ""
	}
	if !slices.Contains(words, v.Node.Text) {
		r.Unknown(v.Place, name, v.Node.Text, words)
		return ""
	}
	return T(v.Node.Text)
}

// Duration checks that a value is a time.
func (r *Reader) Duration(v Value, name string) {
	s, ok := r.Text(v, name, "60s")
	if !ok {
		return
	}
	if d, err := time.ParseDuration(s); err != nil || d <= 0 {
		r.Problem(v.Place, "%s must be a time such as 60s or 5m, not %s", name, Quote(s))
	}
}

// Version checks that the version is 1.
func (r *Reader) Version(v Value) {
	switch {
	case !v.Is(Integer):
		r.Problem(v.Place, "version must be the number 1%s", v.Instead())
	case v.Node.Int != 1:
		r.Problem(v.Place, "version %s is not known here; write `version: 1`", Printable(v.Node.Text, 40))
	}
}

// Glob reports whether the pattern can match something, and otherwise adds a problem: most authors of patterns have
// .gitignore in mind.
func (r *Reader) Glob(at Place, s string) bool {
	switch {
	case s == "":
		r.Problem(at, "the pattern is empty; remove it")
	case len(s) > MaxGlob:
		r.Problem(at, "the pattern is longer than %d characters; make it shorter", MaxGlob)
	case strings.Count(s, "{") > maxBraces || strings.Count(s, "{") > 0 && strings.Count(s, ",") > maxAlternate:
		r.Problem(at, "the pattern has too many alternatives in braces; write several patterns instead")
	case strings.HasPrefix(s, "!"):
		r.Problem(at, "a pattern cannot begin with !; list only what it should match")
	case strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./"):
		r.Problem(at, "write the pattern %s without the leading %s", Quote(s), s[:strings.Index(s, "/")+1])
	case strings.HasSuffix(s, "/"):
		r.Problem(at, "write %s to match all that is in the folder", Quote(s+"**"))
	case slices.Contains(strings.Split(s, "/"), "..") || slices.Contains(strings.Split(s, "/"), "."):
		r.Problem(at, "the pattern %s cannot match; write it without . and ..", Quote(s))
	case !doublestar.ValidatePattern(s):
		r.Problem(at, "the pattern %s is not complete; close its brackets or put \\ before them", Quote(s))
	default:
		return true
	}
	return false
}
