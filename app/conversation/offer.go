package conversation

import (
	"cmp"
	"context"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/agext/levenshtein"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// usualDays is the period that an offer proposes, unless less is allowed.
const usualDays = 30

// ticketHere takes the place of a ticket that the person has to name.
const ticketHere = "https://example.com/your-ticket"

// offer returns a line that does what c asks for and works when the person copies it: it keeps what is right of c, and
// fills in what is missing or not allowed. like is an id that the person may have meant, see [command.Mistake]. The
// line is empty if none would work.
func (t *execution) offer(ctx context.Context, c command.Command, like string) (string, error) {
	switch c.Verb {
	case "":
		return "", nil
	case command.Help, command.Status:
		return command.Command{Verb: c.Verb}.Line(), nil
	case command.Rescan:
		if !t.pull.Open || !t.who.Write && !t.who.Author {
			return "", nil
		}
		return c.Line(), nil
	case command.Confirm, command.Revoke:
		return t.offerDecision(ctx, c, like)
	case command.Answer, command.Ask, command.Voice, command.Plan:
		return t.offerQuestion(ctx, c)
	case command.Campaign:
		return t.offerCampaign(ctx, c)
	}
	if len(c.Questions) > 0 && len(c.IDs) == 0 {
		return t.offerQuestion(ctx, c)
	}
	c.Questions = nil
	if c.Verb != command.Why && !t.who.Write && (c.Verb != command.NotUseful || !t.who.Author) {
		return "", nil
	}
	found := t.meant(c, like)
	var err error
	switch c.Verb {
	case command.Accept, command.Defer, command.FP, command.NotAffected:
		c, found, err = t.allowed(ctx, c, found)
	case command.Reopen:
		found = slices.DeleteFunc(found, func(f record.Finding) bool { return !t.reopens(f) })
	case command.Assign:
		if c.Team == "" && len(found) > 0 {
			c.Team, err = t.someone(ctx, found[0].Path)
		}
	case command.NotUseful:
		if c.Code == "" {
			c.Code = "noise"
		}
	}
	if err == nil && len(found) == 0 && like == "" && len(c.IDs) == 0 && (c.Verb == command.Why || c.Verb == command.NotUseful) {
		return t.offerQuestion(ctx, c)
	}
	if err != nil || len(found) == 0 {
		return "", err
	}
	c.IDs = nil
	for _, f := range found {
		c.IDs = append(c.IDs, f.ID())
	}
	return c.Line(), nil
}

// meant returns the findings that a command names, or those of its thread. If there are none, it returns the finding
// whose id is nearly the one that is written, or, if none is written, the worst that is open.
func (t *execution) meant(c command.Command, like string) (found []record.Finding) {
	for _, ids := range [][]string{c.IDs, t.mine[:min(len(t.mine), command.MaxIDs)]} {
		for _, id := range ids {
			if f, ok := t.last.Find(id); ok {
				found = append(found, f)
			}
		}
		if len(found) > 0 {
			return found
		}
	}
	candidates := t.last.Open()
	if c.Verb == command.Reopen {
		candidates = slices.DeleteFunc(slices.Clone(t.last.Findings), func(f record.Finding) bool { return f.State != scanners.New || !t.reopens(f) })
	}
	if len(c.IDs) > 0 {
		like = c.IDs[0]
	}
	if i := slices.IndexFunc(candidates, func(f record.Finding) bool { return nearly(f.ID(), like) }); i >= 0 {
		return candidates[i : i+1]
	}
	if len(candidates) == 1 || like == "" {
		return candidates[:min(len(candidates), 1)]
	}
	return nil
}

// nearly reports whether two ids differ by a slip or two.
func nearly(id, like string) bool {
	return len(like) < 2*len(id) && levenshtein.Distance(id, like, nil) <= 2
}

// reopens reports whether a decision about a finding can be revoked.
func (t *execution) reopens(f record.Finding) bool {
	return slices.ContainsFunc(t.decisions, func(d decision.Decision) bool { return t.decides(d, f) })
}

// decides reports whether a decision is in force for a finding, or waits to be.
func (t *execution) decides(d decision.Decision, f record.Finding) bool {
	return d.Ended == "" && (d.ID == f.Decided || d.Fingerprint == f.Fingerprint && d.Number == t.e.Number)
}

// requestOf returns what a command asks for about a finding.
func (t *execution) requestOf(c command.Command, f record.Finding) ownership.Request {
	return ownership.Request{
		Rule: f.Rule, Severity: f.Severity, Until: c.Until, Reason: c.Reason,
		Class: c.Class, Agent: t.agents(),
		Wrong: c.Verb == command.FP || c.Verb == command.NotAffected,
		Coded: c.Verb == command.NotAffected || c.Verb == command.Defer,

		Before: decision.Decision{Rule: f.Rule, Fingerprint: f.Fingerprint, Path: f.Path, Number: t.e.Number}.Before(t.decisions),
	}
}

// allowed returns the command that the rules allow this person, and the findings for which they do. Of a rule that
// takes no acceptance a finding can only be wrong.
func (t *execution) allowed(ctx context.Context, c command.Command, found []record.Finding) (command.Command, []record.Finding, error) {
	if c.Verb == command.NotAffected && !slices.ContainsFunc(found, func(f record.Finding) bool { return f.Gate == scanners.Dependencies }) {
		c = command.Command{Verb: command.FP, Reason: c.Reason}
	}
	days, least, never := usualDays, 0, false
	var may []record.Finding
	for _, f := range found {
		if c.Verb == command.NotAffected && f.Gate != scanners.Dependencies {
			continue
		}
		_, who, err := t.deciding(ctx, f.Path)
		if err != nil {
			return c, nil, err
		}
		o := t.rules.Offer(t.requestOf(c, f), who)
		if o.Refused != "" {
			never = never || o.Never
			continue
		}
		may = append(may, f)
		if c.Class == "" && (c.Verb == command.Accept || c.Verb == command.Defer) {
			c.Class = o.Class
		}
		least = max(least, o.Reason)
		if days = min(days, o.Days); !c.Until.IsZero() && c.Until.After(o.Last(t.at())) {
			c.Until = o.Last(t.at())
		}
	}
	if len(may) == 0 && never && c.Verb == command.Accept {
		return t.allowed(ctx, command.Command{Verb: command.FP, Reason: c.Reason}, found)
	}
	why := checks.WhyAccept
	switch c.Verb {
	case command.FP:
		why = checks.WhyWrong
	case command.NotAffected:
		least = 0
		if c.Code == "" {
			c.Code = "vulnerable_code_not_in_execute_path"
		}
	case command.Defer:
		least = 0
		if c.Ticket == "" {
			c.Ticket = ticketHere
		}
	}
	if (c.Verb == command.Accept || c.Verb == command.Defer) && c.Until.IsZero() {
		c.Until = t.at().UTC().Truncate(24*time.Hour).AddDate(0, 0, days)
	}
	coded := c.Verb == command.NotAffected || c.Verb == command.Defer
	if n := utf8.RuneCountInString(c.Reason); !coded && (n == 0 || n < least) {
		c.Reason = checks.ReasonFor(why, least)
	}
	return c, may, nil
}

// someone returns who a finding in a file may be assigned to: its owner, else the person who asks.
func (t *execution) someone(ctx context.Context, path string) (string, error) {
	owners, _, err := t.ownersOf(ctx, path)
	if err != nil || len(owners) == 0 {
		return "@" + t.who.Login, err
	}
	return owners[0], nil
}

// offerDecision is offer for the commands about a decision.
func (t *execution) offerDecision(ctx context.Context, c command.Command, like string) (string, error) {
	if !t.who.Write {
		return "", nil
	}
	var fit []string
	for _, d := range t.decisions {
		ok := d.Ended == "" && d.Number == t.e.Number
		if ok && c.Verb == command.Confirm {
			owners, who, err := t.deciding(ctx, d.Path)
			if err != nil {
				return "", err
			}
			ok = t.mayConfirm(d, who, owners).Yes
		}
		if ok {
			fit = append(fit, d.ID)
		}
	}
	like = cmp.Or(c.Decision, like)
	i := slices.IndexFunc(fit, func(id string) bool { return nearly(id, like) })
	switch {
	case i >= 0:
		c.Decision = fit[i]
	case len(fit) == 1:
		c.Decision = fit[0]
	default:
		return "", nil
	}
	return c.Line(), nil
}

// refuse replies that a line was not carried out, and with a line that would be.
func (t *execution) refuse(ctx context.Context, line, problem string, c command.Command, like string) error {
	try, err := t.offer(ctx, c, like)
	if err != nil {
		return err
	}
	t.say(line, problem, try)
	return nil
}
