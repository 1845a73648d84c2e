package threatmodel

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// A form is what a name may look like.
type form struct {
	key     string // for messages
	example string
	pattern *regexp.Regexp
	rule    string // what the pattern says, in words
	most    int    // characters; zero if the pattern limits them itself, which is slow to compile for large classes
}

func (f form) fits(s string) bool {
	return (f.most == 0 || utf8.RuneCountInString(s) <= f.most) && f.pattern.MatchString(s)
}

var (
	lower = form{"id", "billing", regexp.MustCompile(`^[a-z0-9-]{1,64}$`), "at most 64 small letters, digits and hyphens", 0}
	mixed = form{"id", "D-0001", regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`), "at most 64 letters, digits and hyphens", 0}
	named = form{"name", "Permission.EXPORT", regexp.MustCompile(`^[^\s\p{C}]+( [^\s\p{C}]+){0,5}$`), "text of one line, of at most six words", 500}
	owner = form{"owner", "team:payments", regexp.MustCompile(`^[^\s\p{C}]+$`), "one word of at most 200 characters", 200}

	variable = form{"name", "STRIPE_API_KEY", regexp.MustCompile(`^[A-Za-z0-9_./:-]{1,200}$`), "letters, digits and _ . / : -, without its value", 0}
)

var (
	dateLike     = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	fields       = regexp.MustCompile(`^[^\s.\p{C}]+(\.[^\s.\p{C}]+)+$`)
	hosts        = regexp.MustCompile(`^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)
	requirements = regexp.MustCompile(`^v5\.0\.0-[1-9][0-9]?\.[1-9][0-9]?\.[1-9][0-9]?$`)
	numbers      = regexp.MustCompile(`^[vV]?[0-9.-]+$`)
)

// name reads a name of a form.
func (r *reader) name(v strictyaml.Value, f form) (string, bool) {
	s, ok := r.Text(v, f.key, f.example)
	if !ok {
		return "", false
	}
	if !f.fits(s) {
		r.Problem(v.Place, "%s must be %s, such as %s, not %s", f.key, f.rule, f.example, strictyaml.Quote(s))
		return "", false
	}
	return s, true
}

// invisible reports a character that has no place in a text of one sentence.
func invisible(c rune) bool {
	return c != '\n' && (unicode.Is(unicode.C, c) || c == '\u2028' || c == '\u2029')
}

func field(r *reader, at strictyaml.Place, s string) bool {
	if !fields.MatchString(s) {
		r.Problem(at, "write a field as table.column, not %s", strictyaml.Quote(s))
		return false
	}
	return true
}

func host(r *reader, at strictyaml.Place, s string) bool {
	switch {
	case strings.Contains(s, "/"):
		r.Problem(at, "write the host alone, such as api.example.com, not %s", strictyaml.Quote(s))
	case !hosts.MatchString(s):
		r.Problem(at, "%s is not a host; write one such as api.example.com or *.example.com", strictyaml.Quote(s))
	default:
		return true
	}
	return false
}

func requirement(r *reader, at strictyaml.Place, s string) bool {
	switch {
	case requirements.MatchString(s):
		return true
	case numbers.MatchString(s):
		r.Problem(at, "write the number with the version of the ASVS, such as v5.0.0-8.1.1, not %s", strictyaml.Quote(s))
	default:
		r.Problem(at, "%s is not a requirement of the ASVS; write one such as v5.0.0-8.1.1", strictyaml.Quote(s))
	}
	return false
}

func cover(r *reader, at strictyaml.Place, s string) bool {
	switch {
	case len(s) > strictyaml.MaxGlob:
		r.Problem(at, "the pattern is longer than %d characters; make it shorter", strictyaml.MaxGlob)
	case strings.Count(s, "{") > 3 && strings.Contains(s, ","):
		r.Problem(at, "the pattern has too many alternatives in braces; write several patterns instead")
	case !doublestar.ValidatePattern(literalBraces(s)):
		r.Problem(at, "the pattern %s is not complete; close its brackets or put \\ before them", strictyaml.Quote(s))
	default:
		return true
	}
	return false
}

func evidence(r *reader, at strictyaml.Place, s string) bool {
	name, _, _ := strings.Cut(s, "#")
	switch {
	case name == "":
		r.Problem(at, "write the path of a file before #, such as orders_test.go#TestRefusesAnonymous")
	case strings.HasPrefix(name, "/") || strings.HasPrefix(name, "./"):
		r.Problem(at, "write the path %s without the leading %s", strictyaml.Quote(name), name[:strings.Index(name, "/")+1])
	case slices.Contains(strings.Split(name, "/"), "..") || strings.HasSuffix(name, "/"):
		r.Problem(at, "%s is not the path of a file in the repository; write it from the root", strictyaml.Quote(name))
	default:
		return true
	}
	return false
}
