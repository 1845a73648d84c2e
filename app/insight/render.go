package insight

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// A unit formats a value.
type unit func(exact float64) string

func share(v float64) string { return fmt.Sprintf("%.0f %%", math.Round(100*v)) }

func plain(v float64) string {
	if v == math.Trunc(v) {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.1f", v)
}

// days formats hours as whole or half days.
func days(h float64) string { return counted(h/24, "day") }

// hours formats hours in the largest unit of which there are two.
func hours(h float64) string {
	switch {
	case h < 2.0/60:
		return counted(h*3600, "second")
	case h < 2:
		return counted(h*60, "minute")
	case h < 48:
		return counted(h, "hour")
	}
	return days(h)
}

func counted(v float64, unit string) string {
	v = math.Round(v*10) / 10
	if v != 1 {
		unit += "s"
	}
	return plain(v) + " " + unit
}

// few stands for a figure with too few observations.
const few = "fewer than 5"

// Title names the team and the period.
func (o Outcomes) Title() string {
	name := o.Team
	switch name {
	case "":
		name = "Without an owner"
	case record.Everyone:
		name = "All teams together"
	}
	const day = "2 January 2006"
	return fmt.Sprintf("%s, %s to %s", name, o.From.Format(day), o.To.Format(day))
}

// Text returns the figures as lines for a terminal. Control characters in a name of a rule are left out.
func (o Outcomes) Text() string {
	var rows [][]string
	for _, f := range o.Figures {
		rows = append(rows, []string{oneLine(f.Name), f.shownValue(), f.of()})
	}
	return oneLine(o.Title()) + "\n\n" + columns(rows)
}

// Markdown returns the figures as a table, and the definitions in a section that opens on demand.
func (o Outcomes) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n| Outcome | Value | Observations |\n|---|---|---|\n", cell(o.Title()))
	for _, f := range o.Figures {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", cell(f.Name), f.shownValue(), f.of())
	}
	b.WriteString("\n<details><summary>What the figures mean</summary>\n\n")
	about := map[string]bool{}
	for _, f := range o.Figures {
		if !about[f.About] {
			about[f.About] = true
			fmt.Fprintf(&b, "- %s: %s\n", cell(o.nameOf(f)), f.About)
		}
	}
	b.WriteString("\n</details>\n")
	return b.String()
}

// nameOf returns the name of a figure without what differs from the others with the same definition.
func (o Outcomes) nameOf(f Figure) string {
	name := f.Name
	for _, other := range o.Figures {
		if other.About != f.About {
			continue
		}
		n := 0
		for n < min(len(name), len(other.Name)) && name[n] == other.Name[n] {
			n++
		}
		name = name[:n]
	}
	return strings.TrimRight(name, ",: ")
}

func (f Figure) shownValue() string {
	if f.Value == "" {
		return few
	}
	return f.Value
}

// of returns the number of observations; nothing where it is too small to be shown.
func (f Figure) of() string {
	if f.Value == "" {
		return ""
	}
	return fmt.Sprint(f.N)
}

// cell escapes a text for a cell of a table.
func cell(text string) string {
	return strings.ReplaceAll(checks.Escape(oneLine(text)), "|", "&#124;")
}

// oneLine replaces control characters, which could end a line or change a terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return -1
		}
		return r
	}, text)
}

// columns aligns rows; the last cell may be empty.
func columns(rows [][]string) string {
	var width []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			line.WriteString(c + strings.Repeat(" ", width[i]-utf8.RuneCountInString(c)+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
