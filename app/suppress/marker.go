package suppress

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Suppression is a marker in a line that silences a scanner. Here it has no effect: it is a decision that somebody
// has to review.
type Suppression struct {
	Line   int
	Marker string   // as written: "nosec", "gitleaks:allow"
	Tools  []string // the names here of the scanners that obey it; empty if not known
	Rules  []string // the rules that it names

	Broad  bool   // it names no rule
	Wide   bool   // it is for the whole file
	Block  bool   // it may cover a whole block that begins after it, not only one line
	Exact  bool   // its rules have the names that the scanner's findings have
	Reason bool   // it has words that say why
	Write  string // the suppression with a rule and a reason, as the tool takes it
}

// Markers are the ways in which lines can silence scanners. They come from each scanner's own description.
type Markers struct {
	list  []marker
	words []string // one of them, in lower case, is in each line that holds a marker
}

// A marker is a compiled [scanners.Marker].
type marker struct {
	scanners.Marker
	tools                       []string
	pattern, prose, rules, wide *regexp.Regexp // prose and wide may be nil
}

// nosec is the marker for files of neither tool that obeys it.
var nosec = scanners.Marker{
	Words: []string{"nosec"}, Pattern: `(?i)(#|//|/\*)\s*#?(nosec)\b(.*)`,
	Rules: `^[\s:]*[GB]\d+([\s,]+[GB]\d+)*`, Form: " %s", Join: " ", Why: " -- ",
}

// NewMarkers collects the markers of scanners. Markers that several scanners obey are merged.
func NewMarkers(infos []scanners.Info) *Markers {
	m := &Markers{}
	at := map[string]int{}
	for _, info := range infos {
		for _, one := range info.Suppressions.Markers {
			if i, known := at[one.Pattern]; known {
				m.list[i].tools = append(m.list[i].tools, info.Name)
				continue
			}
			at[one.Pattern] = len(m.list)
			m.add(one, info.Name)
		}
	}
	m.add(nosec)
	return m
}

func (m *Markers) add(one scanners.Marker, tools ...string) {
	compiled := func(pattern string) *regexp.Regexp {
		if pattern == "" {
			return nil
		}
		return regexp.MustCompile(pattern)
	}
	m.list = append(m.list, marker{
		Marker: one, tools: tools, pattern: compiled(one.Pattern), prose: compiled(one.Prose), rules: compiled(one.Rules), wide: compiled(one.Wide),
	})
	for _, word := range one.Words {
		if !slices.Contains(m.words, word) {
			m.words = append(m.words, word)
		}
	}
}

// of lists the markers that count in a file.
func (m *Markers) of(path string) (list []marker) {
	toPeople := prose.MatchString(path)
	owned := false // by a tool that obeys nosec
	for _, one := range m.list {
		if len(one.Files) > 0 && !slices.ContainsFunc(one.Files, func(glob string) bool { return doublestar.MatchUnvalidated(glob, path) }) {
			continue
		}
		generic := one.Pattern == nosec.Pattern
		if generic && owned || toPeople && (one.Plain || one.Apart != "") {
			continue
		}
		owned = owned || !generic && slices.Contains(one.Words, nosec.Words[0])
		if toPeople && one.prose != nil {
			one.pattern = one.prose
		}
		list = append(list, one)
	}
	return list
}

// prose matches the names of files that are written for people.
var prose = regexp.MustCompile(`(?i)\.(md|markdown|mdx|txt|rst|adoc|asciidoc|org)$`)

// maxLine is longer than lines that people write.
const maxLine = 2000

// Find finds suppressions in the lines of a file for which added returns true. A line may hold several. If the context
// ends, Find returns those of the lines so far.
func (m *Markers) Find(ctx context.Context, path, text string, added func(line int) bool) (list []Suppression) {
	here := m.of(path)
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
		if !added(n) || !m.marked(before, line) {
			continue
		}
		before, line = plainLine(before), plainLine(line)
		for _, one := range here {
			found := one.pattern.FindStringSubmatch(line)
			if found == nil && one.Apart != "" && !one.pattern.MatchString(before) {
				found = one.pattern.FindStringSubmatch(before + " " + line)
			}
			if found != nil {
				s := one.read(found[1], found[2], found[3])
				s.Line = n
				list = append(list, s)
			}
		}
	}
	return list
}

// linesAtOnce is how many lines are read between two checks of the context.
const linesAtOnce = 1000

// marked reports whether a line, after the line before it, may hold a marker: nearly none does, and the patterns take a
// hundred times as long. A marker that may begin on the line above has its word on one of the two.
func (m *Markers) marked(before, line string) bool {
	if !isASCII(before) || !isASCII(line) {
		return true // patterns take a few other characters for letters
	}
	line = strings.ToLower(line)
	return strings.Contains(strings.ToLower(before), apartWord) ||
		slices.ContainsFunc(m.words, func(word string) bool { return strings.Contains(line, word) })
}

// apartWord is the word of the marker that may begin on the line above.
const apartWord = "skip"

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
	if m.Apart != "" {
		return Suppression{Marker: m.Apart, Tools: m.tools, Block: m.Block, Reason: true} // assume that it has a reason
	}
	mark = strings.Join(strings.Fields(mark), " ") // a carriage return may stand in a line
	named := m.rules.FindString(rest)
	why := strings.Trim(rest[len(named):], " \t:-—=*/>#\"'")
	s := Suppression{
		Marker: mark, Tools: m.tools, Rules: strings.FieldsFunc(named, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",:=[]\"'", r) }),
		Broad: m.All || named == "" && m.Form != "" || strings.EqualFold(named, "all"),
		Wide:  m.wide != nil && m.wide.MatchString(mark),
		Block: m.Block, Exact: m.Exact,
		Reason: len(strings.Fields(why)) > 1,
	}
	rules := strings.Join(s.Rules, m.Join)
	if s.Broad {
		s.Rules, rules = nil, "RULE"
	}
	if opener == "" {
		opener = "#"
	}
	s.Write = opener + " " + mark
	if m.Plain {
		s.Write = mark
	}
	if m.Form != "" {
		s.Write += strings.Replace(m.Form, "%s", rules, 1)
	}
	s.Write += m.Why + "why it is safe here"
	if end := ends[opener]; end != "" {
		s.Write += " " + end
	}
	return s
}
