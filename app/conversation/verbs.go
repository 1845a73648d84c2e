package conversation

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

func (t *execution) rescan(line string) error {
	switch {
	case !t.pull.Open:
		t.say(line, "This pull request is closed, so it is not scanned again.", "")
	case !t.who.Write && !t.who.Author:
		t.say(line, "Only the author and people who may write to this repository can ask for another scan.", "")
	default:
		t.reason = record.Rerequested
		t.done(publish.Started, "Scanning again.")
	}
	return nil
}

// decide records one decision about one finding, or answers why not.
func (t *execution) decide(ctx context.Context, line string, c command.Command, f record.Finding) error {
	if ok, err := t.may(ctx, line, ownership.Withdraw); !ok {
		return err
	}
	c.IDs = []string{f.ID()}
	if c.Verb == command.NotAffected && f.Gate != scanners.Dependencies {
		return t.refuse(ctx, line, "not-affected is for findings about dependencies. If the tool is wrong, say so with fp.", c, "")
	}
	owners, who, err := t.deciding(ctx, f.Path)
	if err != nil {
		return err
	}
	w := t.requestOf(c, f)
	a := ownership.May(ownership.Decide, who, ownership.Case{Request: w, Owners: owners, Today: t.at()}, t.rules)
	if !a.Yes {
		if err := t.record(record.DecisionRefused, record.Refused{Verb: string(c.Verb), Rule: f.Rule, Severity: f.Severity}); err != nil {
			return err
		}
		return t.refuse(ctx, line, a.Because+unread(who), c, "")
	}
	if t.overtaken(line, f.ID()) {
		return nil
	}
	grant := a.Grant
	d := decision.Decision{
		ID:   decision.ID(t.e.Owner+"/"+t.e.Repo, t.request.Comment, t.line, f.Fingerprint),
		Verb: string(c.Verb), Fingerprint: f.Fingerprint, Rule: f.Rule, Path: f.Path, Number: t.e.Number,
		Severity: f.Severity, Fixable: f.Fixable, Extents: f.Extents, Reason: c.Reason, Ticket: c.Ticket, Code: c.Code, Class: c.Class, Until: c.Until,
		Asked: who.Login, Needs: grant.Needs, From: grant.From, Twice: grant.Twice, Author: grant.Author, Ceiling: grant.Ceiling.String(), Policy: t.pull.Base, Agent: w.Agent,
	}
	if !w.Wrong {
		d.Renewals = w.Before
	}
	d.PolicyLine, d.PolicyLineSHA = t.org.Place(t.org.AllowedBy(t.requestOf(c, f), who, grant)), t.orgSHA
	if grant.Counts {
		d.By = []string{who.Login}
	}
	if err := t.step(decision.Made, record.DecisionStep{Decision: &d}); err != nil {
		return err
	}
	t.rate(d.Rule)
	// A finding has at most one decision in force, and one that waits.
	for i, old := range t.decisions {
		if old.Fingerprint == f.Fingerprint && old.Number == t.e.Number && old.Ended == "" && old.Pending() == (d.Needs > 0) {
			why := "it was replaced by " + d.ID
			if err := t.over(old, why); err != nil {
				return err
			}
			// The next line of the comment knows of it.
			t.decisions[i].Ended, t.decisions[i].EndedAt = why, t.h.Clock.Now()
		}
	}
	d.At = t.h.Clock.Now()
	t.decisions = append(t.decisions, d)
	t.reason = orRescan(t.reason, "decided")
	if !d.Until.IsZero() {
		t.tasks = append(t.tasks, queue.Task{
			Installation: t.e.Installation, RepoID: t.e.RepoID, Owner: t.e.Owner, Repo: t.e.Repo, Number: t.e.Number,
			Kind: record.Expiry, ID: d.ID, At: d.Until.AddDate(0, 0, 1),
		})
	}
	if d.Needs > 0 {
		of := ""
		if d.Agent {
			of = " of a pull request that no person opened"
		}
		t.replies = append(t.replies, fmt.Sprintf("%s waits as `%s`: a %s finding%s must be confirmed by %s.%s They write %s",
			checks.Code(f.ID()), d.ID, f.Severity, of, t.others(d, owners), t.renewed(d), checks.Code(command.Prefix+" confirm "+d.ID))+checks.Escape(unread(who)))
		return nil
	}
	t.counts(d)
	until := ""
	if !d.Until.IsZero() {
		until = " until " + d.Until.Format(time.DateOnly)
	}
	t.done(publish.Done, "%s is %s%s (`%s`). %s revokes that.%s", checks.Code(f.ID()), decision.Outcome(d.Verb), until, d.ID, checks.Code(command.Prefix+" revoke "+d.ID), t.renewed(d))
	return nil
}

// renewed says how often a finding is accepted again, and how often it may be; empty for the first time.
func (t *execution) renewed(d decision.Decision) string {
	if d.Renewals == 0 {
		return ""
	}
	return fmt.Sprintf(" It is renewed for the %s time; %d allowed.", ordinal(d.Renewals), t.rules.MaxRenewals)
}

// ordinal returns "1st", "2nd".
func ordinal(n int) string {
	suffix := "th"
	if tens := n / 10 % 10; tens != 1 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

func orRescan(have, reason string) string {
	if have == record.Rerequested {
		return have
	}
	return reason
}

// step records one step of a decision.
func (t *execution) step(kind decision.StepKind, s record.DecisionStep) error {
	s.Who, s.Source = t.who.Login, t.key
	return t.record(string(kind), s)
}

// over ends a decision.
func (t *execution) over(d decision.Decision, why string) error {
	t.rate(d.Rule)
	t.spread(record.Revocation, d)
	return t.step(decision.Ended, record.DecisionStep{ID: d.ID, Why: why})
}

// counts makes a decision take effect in the other pull requests, and schedules the warnings of its end.
func (t *execution) counts(d decision.Decision) {
	t.spread(record.Acceptance, d)
	d.Since = t.h.Clock.Now()
	t.tasks = append(t.tasks, warnings(t.e, d)...)
}

// spread makes a decision take effect in the other pull requests. The task selects them after the decision is stored: a
// review that begins before that does not know of it.
func (t *execution) spread(kind string, d decision.Decision) {
	t.tasks = append(t.tasks, queue.Task{
		Installation: t.e.Installation, RepoID: t.e.RepoID, Owner: t.e.Owner, Repo: t.e.Repo, Number: t.e.Number, Kind: kind, ID: d.ID,
	})
}

// decision returns the decision that a command names. If there is none, it answers that and returns false.
func (t *execution) decision(ctx context.Context, line string, c command.Command) (decision.Decision, bool, error) {
	for _, d := range t.decisions {
		if d.ID == c.Decision {
			return d, true, nil
		}
	}
	var known []string
	for _, d := range t.decisions {
		if d.Number == t.e.Number && d.Ended == "" {
			known = append(known, d.ID)
		}
	}
	hint := " Nothing is decided here."
	if len(known) > 0 {
		hint = " Here there are " + strings.Join(known[:min(len(known), 10)], ", ") + "."
	}
	return decision.Decision{}, false, t.refuse(ctx, line, c.Decision+" is no decision of this repository."+hint, c, "")
}

func (t *execution) confirm(ctx context.Context, line string, c command.Command) error {
	if ok, err := t.may(ctx, line, ownership.Withdraw); !ok {
		return err
	}
	d, ok, err := t.decision(ctx, line, c)
	if !ok {
		return err
	}
	owners, who, err := t.deciding(ctx, d.Path)
	if err != nil {
		return err
	}
	switch a := t.mayConfirm(d, who, owners); {
	case !a.Yes:
		t.replies = append(t.replies, checks.Code(short(line))+": "+checks.WithCode(a.Because)+checks.Escape(unread(who)))
	default:
		if err := t.step(decision.Confirmed, record.DecisionStep{ID: d.ID}); err != nil {
			return err
		}
		t.rate(d.Rule)
		t.reason = orRescan(t.reason, "confirmed")
		for i := range t.decisions {
			if old := &t.decisions[i]; old.ID == d.ID {
				old.By, old.Needs = append(old.By, who.Login), old.Needs-1
				d = *old
			}
		}
		if d.Needs > 0 {
			t.done(publish.Seen, "Confirmed. `%s` waits for %s.", d.ID, t.others(d, owners))
			return nil
		}
		t.counts(d)
		t.done(publish.Done, "Confirmed: %s is %s (`%s`).", checks.Code(scanners.ID(d.Fingerprint)), decision.Outcome(d.Verb), d.ID)
	}
	return nil
}

func (t *execution) revoke(ctx context.Context, line string, c command.Command) error {
	if ok, err := t.may(ctx, line, ownership.Withdraw); !ok {
		return err
	}
	d, ok, err := t.decision(ctx, line, c)
	if !ok {
		return err
	}
	if d.Ended != "" {
		t.say(line, d.ID+" does not count any more: "+d.Ended+".", "")
		return nil
	}
	if t.overtaken(line, scanners.ID(d.Fingerprint)) {
		return nil
	}
	return t.end(d, "revoked", c.Reason)
}

// end revokes a decision.
func (t *execution) end(d decision.Decision, verb, reason string) error {
	why := "it was " + verb + " by @" + t.who.Login
	if reason != "" {
		why += ": " + reason
	}
	if err := t.over(d, why); err != nil {
		return err
	}
	for i := range t.decisions {
		if t.decisions[i].ID == d.ID {
			t.decisions[i].Ended, t.decisions[i].EndedAt = why, t.h.Clock.Now()
		}
	}
	t.reason = orRescan(t.reason, "taken back")
	t.done(publish.Done, "`%s` is revoked; %s counts as open again.", d.ID, checks.Code(scanners.ID(d.Fingerprint)))
	return nil
}

func (t *execution) reopen(ctx context.Context, line string, f record.Finding) error {
	if ok, err := t.may(ctx, line, ownership.Withdraw); !ok {
		return err
	}
	if t.overtaken(line, f.ID()) {
		return nil
	}
	ended := false
	for _, d := range slices.Clone(t.decisions) {
		if t.decides(d, f) {
			if err := t.end(d, "re-opened", ""); err != nil {
				return err
			}
			ended = true
		}
	}
	switch {
	case ended:
	case f.AcceptedInCode():
		t.say(line, f.ID()+" is accepted by the comment at "+f.Decided+"; remove that comment to open it again.", "")
	default:
		t.say(line, "Nothing is decided about "+f.ID()+", so it is open already.", "")
	}
	return nil
}

func (t *execution) assign(ctx context.Context, line string, c command.Command, f record.Finding) error {
	if ok, err := t.may(ctx, line, ownership.Assign); !ok {
		return err
	}
	err := t.record(record.Assigned, record.Assignment{Fingerprint: f.Fingerprint, Rule: f.Rule, Team: c.Team, Who: t.who.Login, Source: t.key})
	t.done(publish.Done, "%s is assigned to %s.", checks.Code(f.ID()), checks.Code(c.Team))
	return err
}

func (t *execution) notUseful(line, code, text string, f record.Finding) error {
	if !t.who.Write && !t.who.Author {
		t.say(line, "Only the author and people who may write to this repository are asked for their opinion.", "")
		return nil
	}
	t.rate(f.Rule)
	err := t.record(record.NotUseful, record.Opinion{
		Fingerprint: f.Fingerprint, Rule: f.Rule, Reason: code, Text: text,
		Who: t.who.Login, Write: t.who.Write, Author: t.who.Author, Source: t.key,
	})
	said := fmt.Sprintf("Recorded for the owners of %s as %s. The finding stays open.", checks.Code(f.Rule), code)
	if !slices.Contains(t.quiet, said) { // one line for all findings of a rule
		t.done(publish.Done, "%s", said)
	}
	return err
}
