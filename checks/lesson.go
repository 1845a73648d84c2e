package checks

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
)

// A Lesson explains the weakness of a finding to the owners of its file. All texts are plain.
type Lesson struct {
	CWE  string // "CWE-89"
	Name string
	What string // what it is, two or three sentences
	Fix  string // how it is fixed, one sentence

	Sheet, URL string // the cheat sheet
	Road       string // what the organisation offers, in place of the cheat sheet; empty for nothing

	Teams []string // the owners: "@org/team" or "@person"; empty if there are none

	// First lists those to whom no other pull request showed the weakness before, and Here says that for a file without
	// an owner. They get the explanation, others one line.
	First []string
	Here  bool

	// Fixed and FixedURL are the number and address of a merged pull request that fixed the weakness; 0 for none.
	Fixed    int
	FixedURL string
}

// weakness matches a CWE number, which is shown as it is.
var weakness = regexp.MustCompile(`^CWE-[1-9][0-9]*$`)

// maxTeams is how many teams a lesson names.
const maxTeams = 3

// lesson is the Markdown that explains the weakness of a finding: a fold the first time, and one line after that. It is
// empty if there is no lesson.
func (in Input) lesson(f Finding) string {
	l, ok := in.Lessons[f.Fingerprint]
	if !ok || !weakness.MatchString(l.CWE) {
		return ""
	}
	if len(l.First) == 0 && !l.Here {
		return l.line()
	}
	whom := "in this repository"
	if len(l.First) > 0 {
		whom = "for " + named(l.First, codeTag)
	}
	parts := []string{
		"**" + Escape(l.Name) + ".** " + Escape(l.What),
		"**Why here:** " + Code(f.RuleID()) + " found it in " + Code(f.Path) + l.owned(),
		"**What to do:** " + Escape(l.Fix),
	}
	if fixed := l.fixed(); fixed != "" {
		parts = append(parts, "**Fixed in this repository before:** "+fixed+".")
	}
	if l.Road != "" {
		parts = append(parts, "**Here:** "+Escape(l.Road))
	} else if more := l.more(); more != "" {
		parts = append(parts, "**More:** "+more)
	}
	return fold(fmt.Sprintf("Why this matters (%s, first time %s)", l.CWE, whom), strings.Join(parts, "\n\n"))
}

// line is the short form.
func (l Lesson) line() string {
	s := "**" + l.CWE + "**, " + Escape(l.Name) + ": " + Escape(l.Fix) + " " + l.more()
	if fixed := l.fixed(); fixed != "" {
		s += " · fixed here before in " + fixed
	}
	return s
}

func (l Lesson) owned() string {
	if len(l.Teams) == 0 {
		return ", which has no owner."
	}
	return ", which belongs to " + named(l.Teams, Code) + "."
}

func (l Lesson) fixed() string {
	link, ok := webLink(l.FixedURL)
	if l.Fixed == 0 || !ok {
		return ""
	}
	return "[pull request " + strconv.Itoa(l.Fixed) + "](" + link + ")"
}

// more is the paved road, or the link to the cheat sheet.
func (l Lesson) more() string {
	if l.Road != "" {
		return "Here: " + Escape(l.Road)
	}
	link, ok := webLink(l.URL)
	if !ok {
		return ""
	}
	name := strings.NewReplacer("[", "", "]", "", "!", "").Replace(l.Sheet) // Escape does not know that it stands in a link
	return "[OWASP: " + Escape(name) + "](" + link + ")"
}

// codeTag shows a text as code in a line of HTML, where Markdown does not count. Nobody is mentioned in code.
func codeTag(s string) string { return "<code>" + html.EscapeString(Plain(s)) + "</code>" }

// named lists the first of some names.
func named(list []string, show func(string) string) string {
	var names []string
	for _, name := range list[:min(len(list), maxTeams)] {
		names = append(names, show(name))
	}
	if more := len(list) - maxTeams; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// LessonItem is one line of a list of the weaknesses that a team meets most often: in how many pull requests, and the
// lesson, whose Fixed is the team's own newest fix. It is for a digest.
func LessonItem(pulls int, l Lesson) string {
	s := fmt.Sprintf("- **%s** %s, in %s: %s %s", Escape(l.CWE), Escape(l.Name), count(pulls, "pull request"), Escape(l.Fix), l.more())
	if fixed := l.fixed(); fixed != "" {
		s += " · your own fix: " + fixed
	}
	return s + "\n"
}
