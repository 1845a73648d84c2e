package requirements

import (
	"path"
	"regexp"
	"strings"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/design"
)

// maxEvidence bounds the evidence of one kind that is compared with facts.
const maxEvidence = 1000

// evidence is what answers questions at one side of a change, by its kind.
type evidence map[string][]scanners.Finding

func evidenceOf(side []scanners.Finding) evidence {
	e := evidence{}
	for _, f := range side {
		if _, ok := design.Of(f.Rule); !ok && len(e[f.Rule]) < maxEvidence {
			e[f.Rule] = append(e[f.Rule], f)
		}
	}
	return e
}

// A subject is what evidence may answer: a fact, as far as evidence knows it.
type subject struct{ slug, key, name, path, route, method string }

func (f *fact) subject() subject {
	return subject{f.signal.Slug, f.Fact.Key, f.Fact.Name, f.Path, routeOf(f.Finding), methodOf(f.Finding)}
}

// routeOf returns the path of a route.
func routeOf(f scanners.Finding) string {
	if p := f.Fact.Data["path"]; p != "" {
		return p
	}
	return routeIn(f.Fact.Key)
}

// methodOf returns the method of a route in upper case; empty for any.
func methodOf(f scanners.Finding) string {
	if m := f.Fact.Data["method"]; m != "" {
		return strings.ToUpper(m)
	}
	m, _, _ := strings.Cut(f.Fact.Key, " ")
	if !httpMethod.MatchString(m) {
		return ""
	}
	return m
}

var httpMethod = regexp.MustCompile(`^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$`)

func routeIn(key string) string {
	if i := strings.IndexByte(key, '/'); i >= 0 {
		return key[i:]
	}
	return ""
}

// prove returns the evidence that answers a subject, with the sentence that says so.
func (e evidence) prove(s subject, routes routes) (proof scanners.Finding, says string, ok bool) {
	for _, p := range design.Proofs(s.slug) {
		for _, f := range e[p.Kind] {
			if (p.Of == "" || f.Fact.Data["kind"] == p.Of) && reaches(p.Reach, s, f, routes) {
				return f, strings.ReplaceAll(p.Says, "{key}", quoted(f.Fact.Key)), true
			}
		}
	}
	return scanners.Finding{}, "", false
}

func reaches(r design.Reach, s subject, f scanners.Finding, routes routes) bool {
	switch r {
	case design.SameFile:
		return f.Path == s.path
	case design.SameFolder:
		return sameFolder(s.path, f.Path)
	case design.SameKey:
		return sameKey(s, f.Fact.Key)
	case design.SamePath:
		m := strings.ToUpper(f.Fact.Data["method"])
		return (m == "" || s.method == "" || m == s.method) && routes.names(f.Fact.Key, s.route)
	case design.Anywhere:
		return true
	}
	return false
}

// sameKey reports whether a key of evidence names what a fact is about: its key or name, the table of a column, or the
// last part of a qualified name.
func sameKey(s subject, key string) bool {
	last := func(text string) string { return text[strings.LastIndexAny(text, ".:/")+1:] }
	for _, name := range []string{s.key, s.name} {
		if name == "" {
			continue
		}
		table, _, column := strings.Cut(name, ".")
		if strings.EqualFold(key, name) || column && s.slug == "tenant-key" && strings.EqualFold(key, table) ||
			s.slug != "tenant-key" && strings.EqualFold(last(key), last(name)) {
			return true
		}
	}
	return false
}

var (
	testFolder = regexp.MustCompile(`(?i)^(tests?|__tests__|specs?|unit|integration|main)$`)
	testName   = regexp.MustCompile(`(?i)^test_|(_test|_spec|\.test|\.spec|tests?|spec)$`)
)

// sameFolder reports whether evidence is in the folder of a file, or tests that folder or file.
func sameFolder(file, evidence string) bool {
	if path.Dir(file) == path.Dir(evidence) {
		return true
	}
	tests := false
	tested := func(p string) string {
		return strings.Join(filter(strings.Split(path.Dir(p), "/"), func(part string) bool {
			is := testFolder.MatchString(part)
			tests = tests || is && part != "main"
			return !is
		}), "/")
	}
	folder := tested(evidence)
	if !tests {
		return false
	}
	return folder == tested(file) || stem(file) == stem(evidence)
}

// stem returns the name of the code that a file holds or tests.
func stem(file string) string {
	name := path.Base(file)
	name = strings.TrimSuffix(name, path.Ext(name))
	return strings.ToLower(testName.ReplaceAllString(name, ""))
}

// routes compares the paths of requests and routes. Each path is read once.
type routes struct {
	literal map[string]bool // routes at the head without a parameter
	read    map[string]address
}

// An address is a path in segments.
type address struct {
	ok       bool
	literal  bool // no segment is a parameter
	text     string
	segments []segment
}

type segment struct {
	text          string
	parameter     bool   // stands for any value
	before, after string // around the parameter: "/~:user.json"
	rest          bool   // stands for any further segments
}

// segmentOf reads a segment. A parameter may be a part of it.
func segmentOf(text string) segment {
	s := segment{text: text, parameter: parameter.MatchString(text), rest: rest.MatchString(text)}
	if at := within.FindStringIndex(text); at != nil && !s.parameter {
		s.parameter, s.before, s.after = true, text[:at[0]], text[at[1]:]
	}
	return s
}

// takes reports whether a segment of a request is one of a route.
func (s segment) takes(requested string) bool {
	if requested == s.text {
		return true
	}
	middle, ok := strings.CutPrefix(requested, s.before)
	middle, end := strings.CutSuffix(middle, s.after)
	return s.parameter && ok && end && middle != ""
}

// routesOf lists the routes among facts that have no parameter, since a test of such a path is about no other route.
func routesOf(side []scanners.Finding) routes {
	r := routes{map[string]bool{}, map[string]address{}}
	for _, f := range side {
		if _, ok := design.Of(f.Rule); ok && guarded[f.Rule] {
			if a := r.address(routeOf(f)); a.ok && a.literal {
				r.literal[a.text] = true
			}
		}
	}
	return r
}

// names reports whether a path that a test requests is that of a route, segment by segment.
func (r routes) names(requested, route string) bool {
	have, want := r.address(requested), r.address(route)
	return have.ok && want.ok && matches(have.segments, want.segments) && (want.literal || !r.literal[have.text])
}

// maxSegments is more than any route has.
const maxSegments = 30

var (
	template = regexp.MustCompile(`\{[\w.]+=([^{}]*)\}`) // of google.api.http: {name=users/*}
	origin   = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*://[^/]*`)

	// parameter matches a segment that stands for any value, in the notations of the common frameworks and of texts that
	// are put together; within is one in a part of a segment, and rest one that stands for all further segments.
	parameter = regexp.MustCompile(`^(:.+|\*\*?|\*\w+|\{.*\}|<.*>|\[.*\]|\(.*\)\??|%[a-z]|\$\{?[^/]*\}?|#\{.*\})$`)
	within    = regexp.MustCompile(`:[a-zA-Z]\w*|\{\w[^{}]*\}|<\w[^<>]*>`)
	rest      = regexp.MustCompile(`^(\*\*|\*\w*|\{\*.*\}|\{.*:\.[*+]\}|\{[^}]*\.\.\.\}|<path:.*>|\[\[?\.\.\..*\]|:.+[*+]|\(\.[*+]\))$`)
)

// address reads a path, or a whole address.
func (r routes) address(text string) address {
	a, known := r.read[text]
	if known {
		return a
	}
	a = address{ok: strings.TrimSpace(text) != "", literal: true}
	p := origin.ReplaceAllString(strings.TrimSpace(text), "")
	p = template.ReplaceAllString(p, "$1")
	if !strings.Contains(p, "(?") { // a group of a regular expression is no query
		p, _, _ = strings.Cut(p, "?")
	}
	a.text = strings.Trim(strings.TrimRight(strings.TrimLeft(p, "^"), "$"), "/")
	for part := range strings.SplitSeq(a.text, "/") {
		s := segmentOf(part)
		a.literal = a.literal && !s.parameter
		a.segments = append(a.segments, s)
	}
	a.ok = a.ok && len(a.segments) <= maxSegments
	r.read[text] = a
	return a
}

// matches compares the segments of a request with those of a route.
func matches(have, want []segment) bool {
	for i, w := range want {
		switch {
		case w.rest && i == len(want)-1:
			return len(have) >= i
		case i >= len(have):
			return false
		case !w.takes(have[i].text):
			return false
		}
	}
	return len(have) == len(want)
}

// recorded returns what a decision keeps of evidence.
func recorded(f scanners.Finding, says string) record.Evidence {
	return record.Evidence{Kind: f.Rule, Path: f.Path, Key: f.Fact.Key, Test: f.Fact.Data["test"], Says: says}
}

// quoted shows a key as code in a text of ours.
func quoted(s string) string { return "`" + strings.ReplaceAll(short(s), "`", "'") + "`" }

// maxName bounds a name in a text, in characters.
const maxName = 80

func short(s string) string {
	if runes := []rune(s); len(runes) > maxName {
		return string(runes[:maxName-1]) + "…"
	}
	return s
}
