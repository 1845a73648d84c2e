package checks

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A Campaign is a set of old findings that their owners want to get rid of until a day. A pull request that changes
// their files shows them apart from what is new. They never count in its verdict, and have no threads.
type Campaign struct {
	ID    string // "C-" and eight base-32 characters
	Name  string // of one in the policy; may be empty
	Until time.Time

	Old   []Finding // of the gates' unchanged findings, in files that the change touches; worst first, each in one campaign
	Fixed int       // findings that the change removes

	Known, Done int // of the findings that pull requests met so far, and those of them that merges fixed
}

// label names the campaign: Markdown.
func (c Campaign) label() string {
	if c.Name != "" {
		return Code(c.Name)
	}
	return Code(c.ID)
}

// empty reports whether a pull request has nothing to do with the campaign.
func (c Campaign) empty() bool { return len(c.Old)+c.Fixed == 0 }

// section is the heading of the campaign's findings in a summary.
func (c Campaign) section() string {
	return fmt.Sprintf("Campaign %s until %s: %s in files that you change\n\n%s", c.label(), c.Until.Format(time.DateOnly), count(len(c.Old), "old finding"), c.optional())
}

func (c Campaign) optional() string {
	s := "Fixing them is optional here: they are not new, and never count in the verdict."
	if fixed := c.fixed(); fixed != "" {
		s += " " + fixed
	}
	return s
}

// fixed says what the change fixes, and how far the campaign is.
func (c Campaign) fixed() string {
	var parts []string
	if c.Fixed > 0 {
		parts = append(parts, fmt.Sprintf("This change fixes %d.", c.Fixed))
	}
	if c.Done > 0 {
		parts = append(parts, fmt.Sprintf("Fixed so far: %d of %d.", c.Done, max(c.Known, c.Done)))
	}
	return strings.Join(parts, " ")
}

// campaignNotes are the lines of the comment about campaigns. No comment is made for them alone.
func (in Input) campaignNotes() (lines []string) {
	for _, c := range in.Campaigns {
		switch {
		case c.empty():
		case len(c.Old) == 0:
			lines = append(lines, "**Campaign "+c.label()+":** "+c.fixed())
		default:
			lines = append(lines, fmt.Sprintf("**Campaign %s:** %s in files that you change, listed in the check. %s", c.label(), count(len(c.Old), "old finding"), c.optional()))
		}
	}
	return lines
}

// campaignFixes are the lines of a summary about campaigns of which only fixes are left to say.
func (in Input) campaignFixes() (lines []string) {
	for _, c := range in.Campaigns {
		if len(c.Old) == 0 && c.Fixed > 0 {
			lines = append(lines, "Campaign "+c.label()+": "+c.fixed())
		}
	}
	return lines
}

// campaignListed counts the old findings of campaigns, which the summary of the verdict lists.
func (in Input) campaignListed() (n int) {
	for _, c := range in.Campaigns {
		n += len(c.Old)
	}
	return n
}

// campaignTitle counts the old findings of campaigns; empty for none.
func (in Input) campaignTitle() string {
	n := in.campaignListed()
	if n == 0 {
		return ""
	}
	return count(n, "old finding") + " of a campaign"
}

// maxCampaignAnnotations is how many findings of campaigns have an annotation, the worst first: GitHub takes 50 at once
// (https://docs.github.com/rest/checks/runs#update-a-check-run). The summary lists all.
const maxCampaignAnnotations = 50

// campaignAnnotations are notices at the places of the old findings.
func (in Input) campaignAnnotations() (list []Annotation) {
	for _, c := range in.Campaigns {
		for _, f := range c.Old {
			if f.Commit != "" || !utf8.ValidString(f.Path) || len(list) == maxCampaignAnnotations {
				continue
			}
			list = append(list, Annotation{
				Path: f.Path, StartLine: max(f.Line, 1), EndLine: max(f.Line, f.EndLine, 1), Level: "notice",
				Title:   Cut("Campaign "+Plain(c.Label())+": "+title(f), 200),
				Message: Plain(f.Message) + "\nIt is old, and fixing it is optional here. " + f.RuleID() + " " + f.ID(),
			})
		}
	}
	return list
}

// Label returns what people call the campaign, as plain text.
func (c Campaign) Label() string {
	if c.Name != "" {
		return c.Name
	}
	return c.ID
}
