package suppress

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Suppression is a line that tells a scanner to be silent. Here it silences nothing: it is a
// decision that somebody has to review.
type Suppression struct {
	Line   int
	Marker string   // as written: "nosec", "gitleaks:allow"
	Tools  []string // the scanners that it speaks to, by their names here; none where that is not known
	Rules  []string // those that it names

	Broad  bool   // it names no rule
	Wide   bool   // it is for the whole file
	Block  bool   // it may be for all of what begins behind it, and not for one line alone
	Exact  bool   // its rules are called as the scanner's findings are
	Reason bool   // words that say why stand behind it
	Write  string // the same with a rule and a reason, as the tool takes it
}

// A marker is how a tool is silenced in a line. The groups of its pattern are how the comment
// begins, the marker and what stands behind it.
type marker struct {
	tools   []string
	pattern *regexp.Regexp
	prose   *regexp.Regexp // the pattern for files of prose, where people write about the marker; nil for the same one
	rules   *regexp.Regexp // at the beginning of what stands behind it
	wide    *regexp.Regexp // a marker that is for the whole file
	form    string         // how rules are named behind the marker; empty where none can be
	join    string         // between rules
	why     string         // in front of a reason
	plain   bool           // it is no comment, and nothing in prose
	apart   string         // the same, and what it is called: it may begin in the line above, and its rules and reasons are in lines of their own
	block   bool
	exact   bool
}

// Where a reason may stand is said by each tool:
// https://github.com/securego/gosec#annotating-code
// https://bandit.readthedocs.io/en/latest/config.html#suppressing-individual-lines
// https://semgrep.dev/docs/ignoring-files-folders-code, and where it looks for the word:
// https://github.com/semgrep/semgrep/blob/develop/src/reporting/Nosemgrep.ml
// https://eslint.org/docs/latest/use/configure/rules#comment-descriptions
// https://github.com/koalaman/shellcheck/wiki/Directive
// https://github.com/hadolint/hadolint/pull/1059
// https://www.checkov.io/2.Basics/Suppressing%20and%20Skipping%20Policies.html
var (
	gosecMarker = marker{
		tools: []string{"gosec"}, pattern: regexp.MustCompile(`(?i)(//|/\*)\s*(#?nosec)\b(.*)`),
		rules: regexp.MustCompile(`^[\s:]*G\d+([\s,]+G\d+)*`), form: " %s", join: " ", why: " -- ", block: true, exact: true,
	}
	banditMarker = marker{
		tools: []string{"bandit"}, pattern: regexp.MustCompile(`(?i)(#)\s*#?(nosec)\b(.*)`),
		rules: regexp.MustCompile(`^[\s:]*B\d+([\s,]+B\d+)*`), form: " %s", join: ", ", why: "  # ", exact: true,
	}
	// nosecMarker is for files of neither tool.
	nosecMarker = marker{
		pattern: regexp.MustCompile(`(?i)(#|//|/\*)\s*#?(nosec)\b(.*)`),
		rules:   regexp.MustCompile(`^[\s:]*[GB]\d+([\s,]+[GB]\d+)*`), form: " %s", join: " ", why: " -- ",
	}
	markers = []marker{
		{
			tools: []string{"semgrep"}, pattern: regexp.MustCompile(`(?i)(?:(#|//|/\*|<!--|--)(?:[^#/]*\s)?|\s)(nosem(?:grep)?)(.*)`),
			prose: regexp.MustCompile(`(?i)(#|//|/\*|<!--|--)\s*(nosem(?:grep)?)\b(.*)`),
			rules: regexp.MustCompile(`^[:=]\s*[\w.-]+(\s*,\s*[\w.-]+)*`), form: ": %s", join: ", ", why: "  ",
		},
		{
			tools: []string{"gitleaks"}, pattern: regexp.MustCompile(`(?:(#|//|/\*|<!--|--|;)[^#/]*?)?(gitleaks:allow)\b(.*)`),
			rules: regexp.MustCompile(`^`), why: " ",
		},
		{
			tools: []string{"eslint"}, pattern: regexp.MustCompile(`(//|/\*)\s*(eslint-disable(?:-next-line|-line)?)\b(.*)`),
			rules: regexp.MustCompile(`^\s+[@\w/-]*\w(\s*,\s*[@\w/-]+)*`), wide: regexp.MustCompile(`^eslint-disable$`), form: " %s", join: ", ", why: " -- ", exact: true,
		},
		{
			tools: []string{"shellcheck"}, pattern: regexp.MustCompile(`(#)\s*(shellcheck disable)=(.*)`),
			rules: regexp.MustCompile(`^SC\d+(,SC\d+)*`), form: "=%s", join: ",", why: "  # ", block: true, exact: true,
		},
		{
			tools: []string{"tfsec", "trivy"}, pattern: regexp.MustCompile(`(#|//)\s*#?(tfsec:ignore):?(.*)`),
			rules: regexp.MustCompile(`^[\w-]+`), form: ":%s", why: " ", block: true,
		},
		{
			tools: []string{"trivy"}, pattern: regexp.MustCompile(`(#|//)\s*#?(trivy:ignore):?(.*)`),
			rules: regexp.MustCompile(`^[\w-]+`), form: ":%s", why: " ", block: true,
		},
		{
			tools: []string{"checkov"}, pattern: regexp.MustCompile(`(?i)(?:(#|//|/\*)[^#/]*?)?\b(` + checkovNames + `:skip)\b=?(.*)`),
			prose: regexp.MustCompile(`(?i)(#|//|/\*)\s*(` + checkovNames + `:skip)\b=?(.*)`),
			rules: regexp.MustCompile(`^ *\w+`), form: "=%s", why: ":", block: true,
		},
		{
			tools: []string{"checkov"}, pattern: regexp.MustCompile(`(?i)()(` + checkovNames + `\.io/skip\d*)["']?\s*[:=](.*)`),
			rules: regexp.MustCompile(`^\s*["']?\w+`), form: ": %s", why: "=", block: true, plain: true,
		},
		{
			tools: []string{"checkov"}, pattern: regexp.MustCompile(`(?i)()\b(` + checkovNames + `["']?\s*:\s*\{?\s*["']?skip)["']?\s*:(.*)`),
			rules: regexp.MustCompile(`^`), apart: "checkov: skip", block: true,
		},
		{
			tools: []string{"zizmor"}, pattern: regexp.MustCompile(`(#)\s*(zizmor:\s*ignore)(.*)`),
			rules: regexp.MustCompile(`^\[[\w,\s-]+\]`), form: "[%s]", join: ",", why: " ", exact: true,
		},
		{
			tools: []string{"hadolint"}, pattern: regexp.MustCompile(`(#)\s*(hadolint (?:global )?ignore)=(.*)`),
			rules: regexp.MustCompile(`^\w+(,\w+)*`), wide: regexp.MustCompile(`global`), form: "=%s", join: ",", why: "  # ", exact: true,
		},
	}
)

// checkovNames are what its makers and their successors called it.
const checkovNames = `(?:checkov|bridgecrew|cortex|prisma)`

// prose is what the names of files end with that are written for people.
var prose = regexp.MustCompile(`(?i)\.(md|markdown|mdx|txt|rst|adoc|asciidoc|org)$`)

// maxLine is longer than lines that people write.
const maxLine = 2000

// Suppressions finds them in the lines of a file that added holds for. One line may hold several. When
// the context ends, those of the lines so far are given.
func Suppressions(ctx context.Context, path, text string, added func(line int) bool) (list []Suppression) {
	nosec := nosecMarker
	switch {
	case strings.HasSuffix(path, ".go"):
		nosec = gosecMarker
	case strings.HasSuffix(path, ".py"):
		nosec = banditMarker
	}
	toPeople := prose.MatchString(path)
	all := append([]marker{nosec}, markers...)
	n, above := 0, ""
	for line := range strings.Lines(text) {
		if n++; n%linesAtOnce == 0 && ctx.Err() != nil {
			break
		}
		if len(line) > maxLine {
			line = ""
		}
		before := above
		above = line
		if !added(n) || !marked(before, line) {
			continue
		}
		before, line = plainLine(before), plainLine(line)
		for _, m := range all {
			switch {
			case toPeople && (m.plain || m.apart != ""):
				continue
			case toPeople && m.prose != nil:
				m.pattern = m.prose
			}
			found := m.pattern.FindStringSubmatch(line)
			if found == nil && m.apart != "" && !m.pattern.MatchString(before) {
				found = m.pattern.FindStringSubmatch(before + " " + line)
			}
			if found != nil {
				one := m.read(found[1], found[2], found[3])
				one.Line = n
				list = append(list, one)
			}
		}
	}
	return list
}

// linesAtOnce is how many lines are read between two glances at the context.
const linesAtOnce = 1000

// marked reports whether a line, behind the one before it, may hold a marker: nearly none does, and
// the patterns take a hundred times as long.
func marked(before, line string) bool {
	if !isASCII(before) || !isASCII(line) {
		return true // patterns take a few other characters for letters
	}
	line = strings.ToLower(line)
	return strings.Contains(strings.ToLower(before), apartWord) ||
		slices.ContainsFunc(markerWords, func(word string) bool { return strings.Contains(line, word) })
}

// Each marker has one of these words, in lower case, and the one that may begin in the line above has
// apartWord in one of its two lines.
const apartWord = "skip"

var markerWords = []string{
	apartWord, "nosec", "nosem", "gitleaks:allow", "eslint-disable", "shellcheck disable", "tfsec:ignore", "trivy:ignore", "zizmor", "hadolint",
}

func plainLine(line string) string {
	return strings.TrimRight(strings.ToValidUTF8(line, "\uFFFD"), "\r\n")
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func (m marker) read(opener, mark, rest string) Suppression {
	if m.apart != "" {
		return Suppression{Marker: m.apart, Tools: m.tools, Block: m.block, Reason: true} // in doubt it has one
	}
	mark = strings.Join(strings.Fields(mark), " ") // a carriage return may stand in a line
	named := m.rules.FindString(rest)
	why := strings.Trim(rest[len(named):], " \t:-—=*/>#\"'")
	s := Suppression{
		Marker: mark, Tools: m.tools, Rules: strings.FieldsFunc(named, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",:=[]\"'", r) }),
		Broad: named == "" && m.form != "" || strings.EqualFold(named, "all"),
		Wide:  m.wide != nil && m.wide.MatchString(mark),
		Block: m.block, Exact: m.exact,
		Reason: len(strings.Fields(why)) > 1,
	}
	rules := strings.Join(s.Rules, m.join)
	if s.Broad {
		s.Rules, rules = nil, "RULE"
	}
	if opener == "" {
		opener = "#"
	}
	s.Write = opener + " " + mark
	if m.plain {
		s.Write = mark
	}
	if m.form != "" {
		s.Write += strings.Replace(m.form, "%s", rules, 1)
	}
	s.Write += m.why + "why it is safe here"
	if end := ends[opener]; end != "" {
		s.Write += " " + end
	}
	return s
}
