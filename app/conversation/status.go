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

// A Standing is what is known beyond one pull request.
type Standing struct {
	Outcomes  []insight.Outcomes  // of the owners, in their order
	Demoted   []record.RuleChange // rules that the noise meter hides in the repository
	Campaigns []record.Campaign   // of the owners, that run
}

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
	standing  Standing
	missing   []string // what the App may not do, each a plain sentence
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
	if t.h.Standing != nil {
		if s.standing, err = t.h.Standing(ctx, t.e.Repository(), s.owners()); err != nil {
			return err
		}
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
		if n := d.Before(s.earlier(d)); n > 0 {
			line += fmt.Sprintf(", renewal %d", n)
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
	for _, o := range s.standing.Outcomes[:min(len(s.standing.Outcomes), 3)] {
		if text := figures(o); text != "" {
			parts = append(parts, text)
		}
	}
	if text := s.demoted(); text != "" {
		parts = append(parts, text)
	}
	if text := s.campaigns(); text != "" {
		parts = append(parts, text)
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

func (s status) demoted() string {
	if len(s.standing.Demoted) == 0 {
		return ""
	}
	lines := []string{"**Rules that are hidden here as noise**", ""}
	for _, r := range s.standing.Demoted[:min(len(s.standing.Demoted), maxStanding)] {
		lines = append(lines, fmt.Sprintf("- %s: %d of %d verdicts say that it is of no use", checks.Code(r.Rule), r.NotUseful, r.Verdicts))
	}
	if n := len(s.standing.Demoted) - maxStanding; n > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", n))
	}
	return strings.Join(lines, "\n")
}

func (s status) campaigns() string {
	if len(s.standing.Campaigns) == 0 {
		return ""
	}
	lines := []string{"**Campaigns**", ""}
	for _, c := range s.standing.Campaigns[:min(len(s.standing.Campaigns), maxStanding)] {
		line := fmt.Sprintf("- `%s` of %s until %s", c.ID, checks.Code(c.Team), c.Until.Format(time.DateOnly))
		for _, of := range []string{c.Rule, c.Path} {
			if of != "" {
				line += ", " + checks.Code(of)
			}
		}
		if c.Text != "" {
			line += ": " + checks.Escape(c.Text)
		}
		lines = append(lines, line)
	}
	if n := len(s.standing.Campaigns) - maxStanding; n > 0 {
		lines = append(lines, fmt.Sprintf("- and %d more", n))
	}
	return strings.Join(lines, "\n")
}
