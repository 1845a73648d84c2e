package insight

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/record"
)

// A Spread is how one figure differs across teams. It names no team.
type Spread struct {
	Key   string `json:"key"`
	Name  string `json:"name"`
	Teams int    `json:"teams"` // that have the figure

	// The value below which a quarter, half and three quarters of the teams are: that of the team of this rank. They are
	// empty if there are fewer than five teams.
	Lower  string `json:"lower"`
	Median string `json:"median"`
	Upper  string `json:"upper"`
}

// Spreads returns the distribution of each figure across teams. Owners that are people, and what is unowned, do not
// count, and neither do figures of single rules.
func Spreads(teams []Outcomes) (list []Spread) {
	for _, d := range definitions() {
		if d.everyone {
			continue
		}
		var have []Figure
		for _, o := range teams {
			if f, ok := o.Find(d.key); ok && f.Value != "" && IsTeam(o.Team) {
				have = append(have, f)
			}
		}
		s := Spread{Key: d.key, Name: d.name, Teams: len(have)}
		if len(have) >= Least {
			slices.SortFunc(have, func(a, b Figure) int { return cmp.Or(cmp.Compare(a.Exact, b.Exact), strings.Compare(a.Value, b.Value)) })
			rank := func(quarters int) string { return have[(quarters*len(have)+3)/4-1].Value }
			s.Lower, s.Median, s.Upper = rank(1), rank(2), rank(3)
		}
		list = append(list, s)
	}
	return list
}

// IsTeam reports whether an owner is a team, and not a person or nobody.
func IsTeam(owner string) bool {
	return owner != "" && owner != record.Everyone && (owner[0] != '@' || strings.Contains(owner, "/"))
}

// SpreadText returns the distributions as lines for a terminal.
func SpreadText(list []Spread) string {
	rows := [][]string{{"Across teams", "a quarter below", "half below", "three quarters below", "teams"}}
	for _, s := range list {
		if s.Lower == "" {
			rows = append(rows, []string{s.Name, few + " teams", "", "", ""})
			continue
		}
		rows = append(rows, []string{s.Name, s.Lower, s.Median, s.Upper, fmt.Sprint(s.Teams)})
	}
	return columns(rows)
}

// SpreadMarkdown returns the distributions as a table.
func SpreadMarkdown(list []Spread) string {
	var b strings.Builder
	b.WriteString("| Across teams | A quarter below | Half below | Three quarters below | Teams |\n|---|---|---|---|---|\n")
	for _, s := range list {
		if s.Lower == "" {
			fmt.Fprintf(&b, "| %s | %s teams | | | |\n", s.Name, few)
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d |\n", s.Name, s.Lower, s.Median, s.Upper, s.Teams)
	}
	return b.String()
}
