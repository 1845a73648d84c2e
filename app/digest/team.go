package digest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/lesson"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// Limits of one digest. GitHub takes 65,536 characters, and people read much less.
const (
	maxListed   = 20 // findings to decide
	maxSoon     = 10 // decisions that end soon
	maxAsked    = 10 // open questions
	maxCommands = 5
	maxGone     = 10
	maxTitle    = 120 // characters of a title that comes from outside
	maxText     = 60_000
)

// soon is the number of days before its end from which a decision is listed as one that ends.
const soon = 14

// Team is all that the digest of a team is made from.
type Team struct {
	Team    string    // "@org/team" or "@person"
	Web     string    // the address of GitHub, such as https://github.com
	Now     time.Time // the day of the digest
	Entries []record.Entry
	Hidden  int // entries that are not listed, because the repository of the digest is public and they are elsewhere
	Rules   ownership.Rules

	Figures []insight.Figure
	Lessons []record.TeamLesson // that it met most often
	Roads   map[string]string   // of the policy, by topic
	Before  Snapshot            // what it is compared with; the zero value for nothing
}

// A Snapshot is what a digest showed at a time.
type Snapshot struct {
	At      time.Time         `json:"at"`
	Keys    []string          `json:"keys,omitempty"`    // of entries, see keyOf; sorted
	Figures map[string]string `json:"figures,omitempty"` // values by their keys
}

// keyOf names an entry among those of an organisation.
func keyOf(e record.Entry) string {
	if e.State == record.EntryQuestion {
		return fmt.Sprintf("%s/%s#%d %s", e.Owner, e.Repo, e.Number, e.ID)
	}
	return e.Owner + "/" + e.Repo + " " + e.ID
}

// snapshot returns what is shown now.
func (t Team) snapshot() Snapshot {
	s := Snapshot{At: t.Now, Figures: map[string]string{}}
	for _, e := range t.Entries {
		s.Keys = append(s.Keys, keyOf(e))
	}
	slices.Sort(s.Keys)
	s.Keys = slices.Compact(s.Keys)
	for _, f := range t.Figures {
		if f.Value != "" {
			s.Figures[f.Key] = f.Value
		}
	}
	return s
}

// Title returns the title of the issue.
func (t Team) Title() string { return "Security digest of " + t.Team }

// sorted returns the entries in some states: the worst first, then the oldest.
func (t Team) sorted(states ...string) []record.Entry {
	list := slices.DeleteFunc(slices.Clone(t.Entries), func(e record.Entry) bool { return !slices.Contains(states, e.State) })
	slices.SortFunc(list, func(a, b record.Entry) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.Since.Compare(b.Since), strings.Compare(keyOf(a), keyOf(b)))
	})
	return list
}

// Body returns the text of the issue. It mentions nobody, and text from outside is shown as it is.
func (t Team) Body() string {
	open := t.sorted(record.EntryOpen, record.EntryExpired)
	questions := t.sorted(record.EntryQuestion)
	decided := t.sorted(record.EntryAccepted, record.EntryDeferred)
	ends := t.ending(decided)
	parts := []string{
		"What " + checks.Code(t.Team) + " owns and can decide. This text is kept up to date, and nothing in it blocks a pull request.",
		t.headline(len(open), len(ends), len(questions), len(decided)),
		t.toDecide(open),
		t.endsSoon(ends),
		t.questions(questions),
		t.better(),
		t.carried(decided),
		table(t.Figures, t.Before.Figures),
		t.learning(),
		"<sub>Decide in the pull request that an entry names, also after its merge; <code>/secbydesign help</code> there lists what you can do. " +
			"You may close this issue: it stays closed, and is still kept up to date.</sub>",
	}
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	return checks.Cut(strings.Join(parts, "\n\n"), maxText)
}

func (t Team) headline(open, ends, questions, decided int) string {
	var list []string
	add := func(n int, one, many string) {
		if n > 0 {
			list = append(list, count(n, one, many))
		}
	}
	add(open, "finding to decide", "findings to decide")
	add(ends, fmt.Sprintf("decision ends within %d days", soon), fmt.Sprintf("decisions end within %d days", soon))
	add(questions, "open question", "open questions")
	add(decided, "accepted or deferred", "accepted or deferred")
	if len(list) == 0 {
		list = []string{"Nothing is open"}
	}
	s := "**" + strings.Join(list, " · ") + "**"
	if t.Hidden > 0 {
		s += fmt.Sprintf("\n\n%s not listed: this repository is public, and they are in other repositories.", count(t.Hidden, "more is", "more are"))
	}
	return s
}

func (t Team) toDecide(open []record.Entry) string {
	if len(open) == 0 {
		return ""
	}
	lines := []string{"### To decide", ""}
	for _, e := range open[:min(len(open), maxListed)] {
		lines = append(lines, t.item(e))
		detail := "open since " + day(e.Since)
		if e.State == record.EntryExpired {
			detail += "; a decision has ended"
			if !e.Until.IsZero() {
				detail = "open since " + day(e.Since) + "; a decision ended on " + day(e.Until)
			}
		}
		lines = append(lines, "  "+checks.Code(spot(e))+" · "+detail+renewed(e.Renewals))
	}
	if n := len(open) - maxListed; n > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", n))
	}
	lines = append(lines, "", t.commands(open[:min(len(open), maxCommands)]))
	return strings.Join(lines, "\n")
}

// item is the first line of an entry.
func (t Team) item(e record.Entry) string {
	return fmt.Sprintf("- **%s** %s · `%s` in %s  ", e.Severity, title(e.Title), plainID(e.ID), t.link(e))
}

// commands lists lines that can be copied into the pull requests.
func (t Team) commands(open []record.Entry) string {
	var b strings.Builder
	b.WriteString("<details><summary>Commands to copy</summary>\n\nFix it, or write in the pull request, with your own reason in place of the brackets:\n")
	team := ownership.Person{Write: true, Owns: true, Teams: []string{strings.ToLower(t.Team)}}
	for _, e := range open {
		o := t.Rules.Offer(ownership.Request{Rule: e.Rule, Severity: e.Severity, Before: e.Renewals}, team)
		line := fmt.Sprintf("/secbydesign fp %s because %s", plainID(e.ID), checks.ReasonFor(checks.WhyWrong, o.Reason))
		if o.Refused == "" {
			class := ""
			if o.Class != "" {
				class = " reason=" + o.Class
			}
			line = fmt.Sprintf("/secbydesign accept %s until=%dd%s because %s", plainID(e.ID), min(30, o.Days), class, checks.ReasonFor(checks.WhyAccept, o.Reason))
		}
		fmt.Fprintf(&b, "\n%s:\n```\n%s\n```\n", t.link(e), line)
	}
	b.WriteString("\n</details>")
	return b.String()
}

// ending returns the decisions that end soon, the next one first.
func (t Team) ending(decided []record.Entry) []record.Entry {
	list := slices.DeleteFunc(slices.Clone(decided), func(e record.Entry) bool { return e.Until.IsZero() || daysLeft(t.Now, e.Until) > soon })
	slices.SortStableFunc(list, func(a, b record.Entry) int { return a.Until.Compare(b.Until) })
	return list
}

// daysLeft returns how many days are left until the end of a last day: 0 on that day.
func daysLeft(now, until time.Time) int {
	return int(date(until).Sub(date(now)) / (24 * time.Hour))
}

func (t Team) endsSoon(ends []record.Entry) string {
	if len(ends) == 0 {
		return ""
	}
	lines := []string{"### Ends soon", ""}
	for _, e := range ends[:min(len(ends), maxSoon)] {
		lines = append(lines, t.item(e))
		detail := fmt.Sprintf("  %s until **%s**", e.State, day(e.Until))
		if len(e.By) > 0 {
			detail += " by " + logins(e.By)
		}
		lines = append(lines, detail+renewed(e.Renewals))
	}
	if n := len(ends) - maxSoon; n > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", n))
	}
	return strings.Join(append(lines, "", "After that day each returns to the list above. That alone fails no check."), "\n")
}

func renewed(n int) string {
	switch n {
	case 0:
		return ""
	case 1:
		return " · renewed once"
	}
	return fmt.Sprintf(" · renewed %d times", n)
}

func (t Team) questions(list []record.Entry) string {
	if len(list) == 0 {
		return ""
	}
	lines := []string{"### Questions left open", ""}
	for _, e := range list[:min(len(list), maxAsked)] {
		lines = append(lines, fmt.Sprintf("- **%s** · %s · `%s` in %s, since %s", title(e.Topic), checks.Code(cut(e.Component)), plainID(e.ID), t.link(e), day(e.Since)))
	}
	if n := len(list) - maxAsked; n > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", n))
	}
	return strings.Join(append(lines, "", "To answer one, write in its pull request: `/secbydesign answer "+plainID(list[0].ID)+" [your answer in one sentence]`"), "\n")
}

// gone lists the entries that were there before, and are not now.
func (t Team) gone() (gone []string) {
	now := t.snapshot().Keys
	for _, k := range t.Before.Keys {
		if _, there := slices.BinarySearch(now, k); !there {
			gone = append(gone, k)
		}
	}
	return gone
}

// better says what is gone since the digest before.
func (t Team) better() string {
	if t.Before.At.IsZero() {
		return ""
	}
	gone := t.gone()
	since := "### Since " + day(t.Before.At) + "\n\n"
	if len(gone) == 0 {
		return since + "Nothing has left this list."
	}
	s := since + fmt.Sprintf("**%s**: ", count(len(gone), "entry is gone, fixed or no problem", "entries are gone, fixed or no problem"))
	for i, k := range gone[:min(len(gone), maxGone)] {
		if i > 0 {
			s += ", "
		}
		s += checks.Code(cut(k))
	}
	if n := len(gone) - maxGone; n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

// carried counts the decisions in force by the class of their reason, and by severity. It names nobody.
func (t Team) carried(decided []record.Entry) string {
	if len(decided) == 0 {
		return ""
	}
	var lines []string
	for _, state := range []string{record.EntryAccepted, record.EntryDeferred} {
		classes, severities, n := map[string]int{}, map[scanners.Severity]int{}, 0
		for _, e := range decided {
			if e.State != state {
				continue
			}
			n++
			classes[cmp.Or(e.Class, "without a class of reason")]++
			severities[e.Severity]++
		}
		if n == 0 {
			continue
		}
		var by []string
		for _, s := range slices.Backward(slices.Sorted(maps.Keys(severities))) {
			by = append(by, fmt.Sprintf("%d %s", severities[s], s))
		}
		var why []string
		for _, c := range slices.Sorted(maps.Keys(classes)) {
			why = append(why, fmt.Sprintf("%d %s", classes[c], title(c)))
		}
		lines = append(lines, fmt.Sprintf("- **%d %s**: %s (%s)", n, state, strings.Join(by, ", "), strings.Join(why, ", ")))
	}
	return "### Accepted and deferred\n\n" + strings.Join(lines, "\n")
}

// learning names the weaknesses that were met most.
func (t Team) learning() string {
	text := lesson.Digest(t.Lessons, t.Roads, t.Web)
	if text == "" {
		return ""
	}
	return "### Worth a look together\n\n" + strings.TrimRight(text, "\n")
}
