package conversation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

const (
	maxStatus   = 20 // decisions of a status
	soonEnds    = 14 // days before its end from which a status says that a decision ends
	maxStanding = 10
)

// A status is all that the reply to /secbydesign status is made from.
type status struct {
	review    record.Review
	busy      bool // a newer review is on its way
	decisions []decision.Decision
	number    int // of the pull request
	questions string
	now       time.Time
	outcomes  []insight.Outcomes // of the owners, in their order
	quiet     string             // rules that the noise meter hides here, as Markdown
	campaigns []string           // that run here, as Markdown
	missing   []string           // what the App may not do, each a plain sentence
}

// replyStatus answers with the state of the pull request, and of the teams that own what is open in it.
func (t *execution) replyStatus(ctx context.Context) error {
	s := status{review: t.last, busy: t.busy && t.pull.Open, decisions: t.decisions, number: t.e.Number, now: t.h.Clock.Now()}
	var err error
	if s.questions, err = t.openQuestions(ctx); err != nil {
		return err
	}
	if s.missing, err = t.missing(ctx, s.owners()); err != nil {
		return err
	}
	if s.quiet, err = t.quietRules(ctx); err != nil {
		return err
	}
	if s.campaigns, err = t.campaigns(ctx); err != nil {
		return err
	}
	for _, owner := range s.owners() {
		if t.h.Outcomes == nil || !isTeam(owner) {
			continue // figures are of teams, not of people
		}
		o, err := t.h.Outcomes(ctx, t.e.Owner, owner, s.now)
		if err != nil {
			return err
		}
		s.outcomes = append(s.outcomes, o)
	}
	t.replies = append(t.replies, s.markdown())
	return nil
}

// missing says which optional permissions would make a difference here.
func (t *execution) missing(ctx context.Context, owners []string) (list []string, err error) {
	forbidden := (*installation.Forbidden)(nil)
	if slices.ContainsFunc(owners, isTeam) {
		if _, err := t.gh.Teams(ctx); errors.As(err, &forbidden) {
			list = append(list, "The App may not read the members of teams, so nobody counts as a member: grant it the permission members: read.")
		} else if err != nil {
			return nil, err
		}
	}
	pol, err := t.policy(ctx)
	if err != nil || len(pol.Digests) == 0 {
		return list, err
	}
	if _, _, err := t.gh.Issues(ctx); errors.As(err, &forbidden) {
		list = append(list, "The policy names issues for digests, and the App may not write issues: grant it the permission issues: write.")
	} else if err != nil {
		return nil, err
	}
	return list, nil
}

func isTeam(owner string) bool { return strings.HasPrefix(owner, "@") && strings.Contains(owner, "/") }

// owners lists the owners of what is open, each once and sorted.
func (s status) owners() (list []string) {
	for _, f := range s.review.Open() {
		list = append(list, f.Owners...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// markdown is the reply: first what is open and decided, and the rest in a fold.
func (s status) markdown() string {
	var parts []string
	add := func(text string) {
		if text != "" {
			parts = append(parts, text)
		}
	}
	add(s.head())
	if s.review.Head != "" {
		add(s.open())
		add(s.decided())
	}
	add(s.questions)
	add(s.more())
	return strings.Join(parts, "\n\n")
}

func (s status) head() string {
	if s.review.Head == "" {
		return "It was not reviewed yet; that has begun."
	}
	what := "**Nothing is open**"
	switch n := len(s.review.Open()); {
	case s.review.Verdict == checks.NotRun:
		what = "**Not scanned**"
	case n == 1:
		what = "**1 finding is open**"
	case n > 1:
		what = fmt.Sprintf("**%d findings are open**", n)
	}
	text := fmt.Sprintf("%s at %s; the check ended as %s.", what, checks.Code(s.review.Head[:min(10, len(s.review.Head))]), s.review.Conclusion)
	if s.review.Verdict == checks.Incomplete {
		text += " Not every scanner finished."
	}
	if s.busy {
		text += " A newer review is on its way."
	}
	return text
}

// open lists what is open, each with its owners.
func (s status) open() string {
	open := s.review.Open()
	if len(open) == 0 {
		return ""
	}
	lines := strings.Split(list(open), "\n")
	unowned := 0
	for i, f := range open {
		if len(f.Owners) == 0 {
			unowned++
		} else if i < min(maxStanding, len(lines)) {
			lines[i] += ", owned by " + codes(f.Owners)
		}
	}
	if unowned > 0 { // said once
		verb := "have"
		if unowned == 1 {
			verb = "has"
		}
		lines = append(lines, "", fmt.Sprintf("Of these, %d %s no owner.", unowned, verb))
	}
	return strings.Join(lines, "\n")
}

func codes(list []string) string {
	var out []string
	for i, s := range list {
		if i == 3 {
			out = append(out, fmt.Sprintf("%d more", len(list)-i))
			break
		}
		out = append(out, checks.Code(s))
	}
	return strings.Join(out, ", ")
}

// decided lists the decisions of the pull request that are in force or wait.
func (s status) decided() string {
	var lines []string
	for _, d := range s.decisions {
		if d.Number != s.number || d.Ended != "" || len(lines) == maxStatus {
			continue
		}
		line := fmt.Sprintf("- `%s` %s: %s", d.ID, checks.Code(scanners.ID(d.Fingerprint)), decision.Outcome(d.Verb))
		if !d.Until.IsZero() {
			line += " until " + d.Until.Format(time.DateOnly)
			if left := int(d.Until.Sub(s.now.UTC().Truncate(24*time.Hour)) / (24 * time.Hour)); left >= 0 && left <= soonEnds {
				line += ", **ends " + in(left) + "**"
			}
		}
		if n := max(d.Renewals, d.Before(s.earlier(d))); n > 0 {
			line += ", renewed for the " + ordinal(n) + " time"
		}
		if d.Class != "" {
			line += ", reason " + d.Class
		}
		if d.Pending() {
			line += fmt.Sprintf(", waits for %d more", d.Needs)
		}
		lines = append(lines, line+", asked for by "+checks.Escape("@"+d.Asked))
	}
	if len(lines) == 0 {
		return ""
	}
	return "Decided:\n\n" + strings.Join(lines, "\n")
}

// earlier lists the decisions that were made before another.
func (s status) earlier(than decision.Decision) []decision.Decision {
	return slices.DeleteFunc(slices.Clone(s.decisions), func(d decision.Decision) bool { return d.ID == than.ID || d.At.After(than.At) })
}

func in(days int) string {
	switch days {
	case 0:
		return "today"
	case 1:
		return "tomorrow"
	}
	return fmt.Sprintf("in %d days", days)
}

// more is the fold with what is known of the teams and the repository.
func (s status) more() string {
	var parts []string
	for _, o := range s.outcomes[:min(len(s.outcomes), 3)] {
		if text := figures(o); text != "" {
			parts = append(parts, text)
		}
	}
	if s.quiet != "" {
		parts = append(parts, s.quiet)
	}
	if len(s.campaigns) > 0 {
		parts = append(parts, "**Campaigns**\n\n"+strings.Join(s.campaigns, "\n"))
	}
	if len(s.missing) > 0 {
		lines := []string{"**Missing permissions**", ""}
		for _, m := range s.missing {
			lines = append(lines, "- "+checks.Escape(m))
		}
		parts = append(parts, strings.Join(lines, "\n"))
	}
	if len(parts) == 0 {
		return ""
	}
	return "<details><summary>The teams, and this repository</summary>\n\n" + strings.Join(parts, "\n\n") + "\n\n</details>"
}

func figures(o insight.Outcomes) string {
	if len(o.Figures) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "**Figures of %s**, %s to %s\n\n| Figure | Value | From |\n| --- | --- | ---: |\n", checks.Code(o.Team), o.From.Format(time.DateOnly), o.To.Format(time.DateOnly))
	for _, f := range o.Figures {
		value := f.Value
		if value == "" {
			value = "too few to say"
		}
		fmt.Fprintf(&b, "| %s | %s | %d |\n", cell(f.Name), cell(value), f.N)
	}
	return strings.TrimRight(b.String(), "\n")
}

func cell(s string) string { return strings.ReplaceAll(checks.Escape(s), "|", `\|`) }
