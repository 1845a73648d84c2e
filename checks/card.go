package checks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// CardName is the name of the sticky comment with the questions about the design; PlanName that of the checklist on an
// issue.
const (
	CardName = "card=requirements"
	PlanName = "card=plan"
)

// RequirementsCheck is the name of the check run of the card.
const RequirementsCheck = Name + "/requirements"

// A Card is what a pull request shows about its design.
type Card struct {
	Questions []CardQuestion
	Facts     []Annotation
	Covered   []string // Markdown lines: new facts that a decision covers
	Notes     []string // Markdown paragraphs above the commands: a mention, drift
	Snippet   string   // YAML for the model; may be empty
	Why       string   // Markdown; why nothing is asked, for the check's summary
	Mention   string   // Markdown; who is asked for advice; empty for nobody
	Link      func(path string, line int) string
	Unread    []string // files whose facts are not known
	Off       bool     // no check and no card
	Commands  []string // lines to copy, without code marks; the first one answers a question
}

// A CardQuestion is one question.
type CardQuestion struct {
	ID, Topic, Component string
	Text                 string // plain text; what is between backquotes is code
	Places               []Spot
	Boxes                []CardBox
	ASVS                 []string
	LinkName, Link       string
	PavedRoad            string // plain text; may be empty
	Open                 bool
	Closed               string   // Markdown; who answered, or by which evidence; for a closed one
	Notes                []string // Markdown: advice, an earlier decision
}

// A CardBox is one closed answer.
type CardBox struct {
	Text   string
	Ticked bool
}

// How much a card shows; the check lists the rest.
const (
	cardPlaces  = 4
	cardCovered = 5
	cardUnread  = 3
	maxCardText = 400 // bytes of a question
	maxClosed   = 600 // bytes of a line that says who answered
)

// Body returns the text of the sticky comment with its marker. It is empty if no question was ever open.
func (c Card) Body() string {
	if c.Off || len(c.Questions) == 0 {
		return ""
	}
	parts := []string{"### Design questions", c.intro()}
	for _, q := range c.Questions {
		parts = append(parts, c.question(q, true))
	}
	parts = append(parts, list("Already decided, so nobody is asked:", c.Covered, cardCovered))
	parts = append(append(parts, c.Notes...), c.Mention)
	if c.open() > 0 {
		parts = append(parts, c.commands(), c.snippet())
	}
	parts = append(parts, c.unread())
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return within(parts, MaxNote-len(markerOf(CardName))-2) + "\n\n" + markerOf(CardName)
}

// within joins paragraphs. Those that do not fit are left out.
func within(parts []string, limit int) string {
	var kept []string
	for _, p := range parts {
		if limit -= len(p) + 2; limit < 0 {
			break
		}
		kept = append(kept, p)
	}
	return strings.Join(kept, "\n\n")
}

func (c Card) open() (n int) {
	for _, q := range c.Questions {
		if q.Open {
			n++
		}
	}
	return n
}

func (c Card) intro() string {
	switch n := c.open(); n {
	case 0:
		return "Every question about the design of this change has an answer."
	case 1:
		return "This change needs **1 decision** that is not recorded yet. It blocks nothing."
	default:
		return fmt.Sprintf("This change needs **%d decisions** that are not recorded yet. They block nothing.", n)
	}
}

// question returns one question. A closed one is a single line.
func (c Card) question(q CardQuestion, boxes bool) string {
	head := fmt.Sprintf("**%s** · %s · %s", Escape(q.ID), Escape(q.Topic), componentText(q.Component))
	if !q.Open {
		if q.Closed == "" {
			return head + " · closed"
		}
		return head + " · " + oneMarkdownLine(q.Closed)
	}
	lines := []string{head, "", WithCode(cutMarkdown(q.Text, maxCardText))}
	if places := c.places(q.Places); places != "" {
		lines[2] += "<br>" + places
	}
	for _, n := range q.Notes {
		lines = append(lines, "", oneMarkdownLine(n))
	}
	if boxes {
		lines = append(lines, "")
		for _, b := range q.Boxes {
			mark := " "
			if b.Ticked {
				mark = "x"
			}
			lines = append(lines, "- ["+mark+"] "+Escape(b.Text))
		}
	}
	if small := smallLine(q); small != "" {
		lines = append(lines, "", "<sub>"+small+"</sub>")
	}
	return strings.Join(lines, "\n")
}

// componentText names a component in a text.
func componentText(name string) string {
	if name == "." || name == "" {
		return "the repository's root"
	}
	return Escape(Cut(name, maxWhy))
}

// oneMarkdownLine keeps Markdown of ours on one line.
func oneMarkdownLine(s string) string {
	return strings.Join(strings.Fields(cutMarkdown(s, maxClosed)), " ")
}

// cutMarkdown shortens a text that may hold code. What would be cut within code is left out.
func cutMarkdown(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = Cut(s, n)
	if strings.Count(s, "`")%2 == 1 {
		s = s[:strings.LastIndexByte(s, '`')] + "…"
	}
	return s
}

// WithCode makes Markdown of a text: what is between backquotes is code, the rest is as in [Escape].
func WithCode(s string) string {
	var b strings.Builder
	parts := strings.Split(Plain(s), "`")
	for i, part := range parts {
		text := strings.TrimSpace(part)
		switch {
		case part == "":
		case text == "":
			b.WriteByte(' ')
		case i%2 == 1:
			b.WriteString(Code(text))
		default: // [Escape] drops the blanks around a text, which separate it from the code
			if strings.HasPrefix(part, " ") {
				b.WriteByte(' ')
			}
			if i == 0 {
				b.WriteString(Escape(text))
			} else {
				b.WriteString(inline(text))
			}
			if strings.HasSuffix(part, " ") && i < len(parts)-1 {
				b.WriteByte(' ')
			}
		}
	}
	return b.String()
}

// inline escapes a text that is not at the beginning of a line.
func inline(s string) string { return strings.TrimPrefix(Escape("x"+s), "x") }

func (c Card) places(list []Spot) string {
	var out []string
	for _, s := range list[:min(len(list), cardPlaces)] {
		out = append(out, Input{Link: c.Link}.linked(s.Path, s.Line))
	}
	if n := len(list) - len(out); n > 0 {
		out = append(out, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(out, ", ")
}

// smallLine names the requirement, and where to read more.
func smallLine(q CardQuestion) string {
	var parts []string
	if len(q.ASVS) > 0 {
		parts = append(parts, Escape(q.ASVS[0]))
	}
	if link, ok := webLink(q.Link); q.PavedRoad != "" {
		parts = append(parts, "Here: "+Escape(Cut(q.PavedRoad, maxWhy)))
	} else if ok {
		parts = append(parts, "["+Escape(q.LinkName)+"]("+link+")")
	}
	return strings.Join(parts, " · ")
}

// commands shows the command that answers in a block, which GitHub lets people copy, and the others in a line.
func (c Card) commands() string {
	if len(c.Commands) == 0 {
		return ""
	}
	s := "Answer with a comment, in one sentence. A ticked box alone is no answer.\n\n" + fence("", Plain(c.Commands[0])+"\n")
	var others []string
	for _, line := range c.Commands[1:] {
		others = append(others, Code(line))
	}
	if len(others) > 0 {
		s += "\n\n" + strings.Join(others, " · ")
	}
	return s
}

func (c Card) snippet() string {
	if c.Snippet == "" {
		return ""
	}
	return fold("Or answer in the threat model", fence("yaml", c.Snippet))
}

// unread names files of which nothing is known.
func (c Card) unread() string {
	if len(c.Unread) == 0 {
		return ""
	}
	var names []string
	for _, path := range c.Unread[:min(len(c.Unread), cardUnread)] {
		names = append(names, Code(path))
	}
	if n := len(c.Unread) - len(names); n > 0 {
		names = append(names, fmt.Sprintf("%d more", n))
	}
	return "<sub>Not read, so nothing is known about their design: " + strings.Join(names, ", ") + ".</sub>"
}

// list returns lines of Markdown as a list, at most so many.
func list(title string, lines []string, most int) string {
	if len(lines) == 0 {
		return ""
	}
	out := []string{title, ""}
	for i, line := range lines {
		if i == most {
			out = append(out, fmt.Sprintf("- and %d more, which the check lists", len(lines)-i))
			break
		}
		out = append(out, "- "+oneMarkdownLine(line))
	}
	return strings.Join(out, "\n")
}

// Check returns the check run. It never fails. There is none, without a name, if the policy switches the gate off.
func (c Card) Check() Check {
	if c.Off {
		return Check{}
	}
	check := Check{Name: RequirementsCheck, Conclusion: Success}
	closed := len(c.Questions) - c.open()
	switch n := c.open(); {
	case n > 0:
		check.Conclusion = Neutral
		check.Title = count(n, "open design question")
	case closed > 0:
		check.Title = "No open design questions; " + plural(closed, "answered", "answered")
	default:
		check.Title = "No open design questions"
	}
	if n := len(c.Covered); n > 0 {
		check.Title += "; " + plural(n, "fact covered", "facts covered")
	}
	check.Summary = c.summary()
	for _, a := range c.Facts {
		if !utf8.ValidString(a.Path) || a.Path == "" {
			continue
		}
		a.Level = "notice"
		a.StartLine = max(a.StartLine, 1)
		a.EndLine = max(a.StartLine, a.EndLine)
		a.Title, a.Message = Cut(Plain(a.Title), 120), Plain(a.Message)
		check.Annotations = append(check.Annotations, a)
	}
	return check
}

func (c Card) summary() string {
	var items []string
	for i, q := range c.Questions {
		item := c.question(q, false) + "\n"
		if i > 0 {
			item = "\n" + item
		}
		items = append(items, item)
	}
	for _, n := range c.Notes {
		items = append(items, "\n"+oneMarkdownLine(n)+"\n")
	}
	for i, line := range c.Covered {
		item := "- " + oneMarkdownLine(line) + "\n"
		if i == 0 {
			item = "\n### Covered by a decision or evidence\n\n" + item
		}
		items = append(items, item)
	}
	head := ""
	if len(c.Questions) == 0 {
		head = "This change asks no question about its design."
		if c.Why != "" {
			head += " " + c.Why
		}
		head += "\n"
	}
	foot := ""
	if s := c.unread(); s != "" {
		foot = "\n" + s + "\n"
	}
	foot += "\n<sub>These are the changes that secbydesign can see, not all that a design can risk.</sub>\n"
	return fit(head, items, foot, MaxSummary)
}

// These match lines of a card: where a question begins, and a box.
var (
	cardHead = regexp.MustCompile(`^\*\*(Q[1-9][0-9]{0,6})\*\* · `)
	cardBox  = regexp.MustCompile(`^[-*] \[([ xX])\] `)
)

// Ticks returns the boxes of a card's text that are ticked, by question: their numbers from 0.
func Ticks(body string) map[string][]int {
	ticks := map[string][]int{}
	id, n := "", 0
	for line := range strings.Lines(body) {
		if m := cardHead.FindStringSubmatch(line); m != nil {
			id, n = m[1], 0
		} else if m := cardBox.FindStringSubmatch(line); m != nil && id != "" {
			if m[1] != " " {
				ticks[id] = append(ticks[id], n)
			}
			n++
		}
	}
	return ticks
}
