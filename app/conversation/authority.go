package conversation

import (
	"context"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/checks"
)

// This file finds out what [ownership.May] has to know about a person and a decision.

// may reports whether the person may do something that needs no more than write permission, and otherwise answers why
// not.
func (t *execution) may(ctx context.Context, line string, act ownership.Act) (bool, error) {
	if !t.who.Write && !t.roleKnown {
		role, err := t.role(ctx)
		if err != nil {
			return false, err
		}
		t.who.Champion, t.who.Security, t.roleKnown = role == ownership.Champion, role == ownership.Security, true
	}
	a := ownership.May(act, t.who, ownership.Case{Today: t.request.At}, t.rules)
	if !a.Yes {
		t.say(line, a.Because, "")
	}
	return a.Yes, nil
}

// deciding returns the owners of a path and the person, with all that matters for a decision about it. Both are read for
// each comment: a person may have left a team since the last one.
func (t *execution) deciding(ctx context.Context, path string) ([]string, ownership.Person, error) {
	if err := t.stand(ctx); err != nil {
		return nil, t.who, err
	}
	return t.ownersOf(ctx, path)
}

// stand finds out, once for a comment, whether the person contributed to the pull request, is a champion, or is of the
// security team.
func (t *execution) stand(ctx context.Context) error {
	if t.stood || !t.who.Write {
		return nil
	}
	contributors, err := t.pull.Contributors(ctx, t.gh.REST)
	if err != nil {
		return err
	}
	starter := t.rules.Agents.Starter(t.pull.Author, t.pull.Bot, t.pull.Assignee)
	t.who.Contributor = slices.Contains(contributors, strings.ToLower(t.who.Login)) || strings.EqualFold(starter, t.who.Login)
	pol, err := t.policy(ctx)
	if err != nil {
		return err
	}
	if t.who.Security, err = t.among(ctx, slices.Concat(t.rules.Security, pol.Security)); err != nil {
		return err
	}
	if t.who.Champion, err = t.among(ctx, pol.Champions); err != nil {
		return err
	}
	t.stood = true
	return nil
}

// among reports whether the person is one of some people and teams.
func (t *execution) among(ctx context.Context, list []string) (bool, error) {
	if len(list) == 0 { // of which everybody would be an owner
		return false, nil
	}
	who, err := people.Owns(ctx, t.gh, t.e.Owner, ownership.Person{Login: t.who.Login}, list)
	return who.Owns, err
}

// agents reports whether the pull request was opened by a bot or a coding agent.
func (t *execution) agents() bool { return t.rules.Agents.Automated(t.pull.Author, t.pull.Bot) }

// pending describes a decision for [ownership.May].
func (t *execution) pending(d decision.Decision) ownership.Pending {
	p := ownership.Pending{
		ID: d.ID, Ended: d.Ended, Needs: d.Needs, From: d.From, Twice: d.Twice, Author: d.Author, Agent: d.Agent,
		People: append(slices.Clone(d.By), d.Asked),
	}
	if d.Number != t.e.Number {
		p.Pull = d.Number
	}
	return p
}

// others describes, as Markdown, who has to confirm a decision.
func (t *execution) others(d decision.Decision, owners []string) string {
	return checks.WithCode(t.pending(d).Others(owners))
}

// mayConfirm answers whether a person may confirm a decision.
func (t *execution) mayConfirm(d decision.Decision, who ownership.Person, owners []string) ownership.Answer {
	return ownership.May(ownership.Confirm, who, ownership.Case{Pending: t.pending(d), Owners: owners, Today: t.request.At}, t.rules)
}
