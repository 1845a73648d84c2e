package conversation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// policy returns the policy at the base.
func (t *execution) policy(ctx context.Context) (policy.Policy, error) {
	if t.base == nil {
		pol, _, _, err := t.h.Files.Policy(ctx, t.e.Installation, t.pull, t.h.Files.FromAnywhere(t.gh, t.pull))
		if err != nil {
			return pol, fmt.Errorf("read the policy: %w", err)
		}
		t.base = &pol
	}
	return *t.base, nil
}

// role returns the role in which the person gives advice; empty for none.
func (t *execution) role(ctx context.Context) (string, error) {
	pol, err := t.policy(ctx)
	if err != nil {
		return "", err
	}
	for _, r := range []struct {
		name string
		list []string
	}{{record.Champion, pol.Champions}, {record.Security, pol.Security}} {
		if is, err := t.among(ctx, r.list); err != nil || is {
			return r.name, err
		}
	}
	return "", nil
}

// advise records advice. It changes no state.
func (t *execution) advise(ctx context.Context, line string, c command.Command) error {
	role, err := t.role(ctx)
	if err != nil {
		return err
	}
	if role == "" {
		t.say(line, "Only champions and the security team give advice here; ownership in "+policy.File+" names them.", "")
		return nil
	}
	a := record.Advice{Text: c.Reason, Who: t.who.Login, Role: role, Source: t.key}
	beside := "the questions"
	if len(c.Questions) > 0 {
		q, ok, err := t.question(ctx, line, c, c.Questions[0])
		if !ok || err != nil {
			return err
		}
		a.Question, beside = q.ID, q.ID
	}
	if err := t.record(record.RequirementAdvice, a); err != nil {
		return err
	}
	t.reason = orRescan(t.reason, "advice")
	t.done(publish.Done, "Recorded beside %s. The author decides, and nothing waits for it.", beside)
	return nil
}

// askFor mentions a champion or the security team, once in a pull request.
func (t *execution) askFor(ctx context.Context, line string, c command.Command) error {
	if !t.who.Write && !t.who.Author {
		t.say(line, "Only the author and people who may write to this repository ask for advice here.", "")
		return nil
	}
	names, problem, err := t.advisers(ctx, c.Code)
	if err != nil {
		return err
	}
	if problem != "" {
		t.say(line, problem, "")
		return nil
	}
	v := record.Voice{Role: c.Code, Who: names, By: t.who.Login, Place: t.key}
	if err := t.record(record.VoiceAsked, v); err != nil {
		return err
	}
	t.said.Voices = append(t.said.Voices, v)
	about := "the design of this change"
	if open := (&record.Requirements{Questions: t.said.Asked}).Open(); len(open) > 0 {
		about = questionNames(open)
	}
	// The names come from the policy, which accepts only those of people and teams.
	t.replies = append(t.replies, fmt.Sprintf("%s: %s asks for your advice on %s. Write %s in a comment. Nothing waits for it.",
		strings.Join(names, " "), checks.Escape("@"+t.who.Login), about, checks.Code(command.Prefix+" voice [your advice]")))
	return nil
}

// advisers returns who is to be asked, or why nobody is: one plain sentence.
func (t *execution) advisers(ctx context.Context, role string) (names []string, problem string, err error) {
	pol, err := t.policy(ctx)
	if err != nil {
		return nil, "", err
	}
	said, err := t.discussion(ctx)
	if err != nil {
		return nil, "", err
	}
	list, key := pol.Champions, "champions"
	if role == record.Security {
		list, key = pol.Security, "security"
	}
	switch i := slices.IndexFunc(said.Voices, func(v record.Voice) bool { return v.Role == role }); {
	case len(list) == 0:
		return nil, fmt.Sprintf("Nobody is named: add ownership: {%s: [\"@%s/your-team\"]} to %s.", key, t.e.Owner, policy.File), nil
	case i >= 0:
		return nil, strings.Join(said.Voices[i].Who, " ") + " was asked in this pull request already.", nil
	case role == record.Security:
		return list, "", nil
	case t.pull.Draft:
		return nil, "This pull request is a draft, in which champions are not mentioned. Mark it as ready, and ask again.", nil
	}
	who, err := t.h.Ledger.NextVoice(ctx, list, t.pull.Author, t.h.Clock.Now())
	if err == nil && who == "" {
		problem = "Every champion was asked five times in the last seven days, or is the author."
	}
	return []string{who}, problem, err
}

// offerAsk returns a command that asks somebody, if one would.
func (t *execution) offerAsk(ctx context.Context, c command.Command) (string, error) {
	if !t.who.Write && !t.who.Author {
		return "", nil
	}
	roles := command.Roles()
	if c.Code != "" {
		roles = []string{c.Code}
	}
	for _, role := range roles {
		if _, problem, err := t.advisers(ctx, role); err != nil || problem == "" {
			return command.Command{Verb: command.Ask, Code: role}.Line(), err
		}
	}
	return "", nil
}
