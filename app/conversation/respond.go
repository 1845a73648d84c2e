package conversation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// help lists the commands. Those that this person can use now are lines that work when they are copied; of the others
// it lists the verbs.
func (t *execution) help(ctx context.Context) error {
	lines := []string{"A command begins a line. These work here as they are; write your own text in place of the brackets and of example.com. In the thread of a finding, its id may be left out.", ""}
	said, err := t.discussion(ctx)
	if err != nil {
		return err
	}
	var others []string
	for _, one := range []struct {
		verb command.Verb
		does string
	}{
		{command.Status, "what is open and what was decided"},
		{command.Why, "where a finding comes from"},
		{command.Rescan, "scan again"},
		{command.Accept, "accept the risk until that day"},
		{command.Defer, "it will be fixed, with this ticket"},
		{command.FP, "the tool is wrong"},
		{command.NotAffected, "the dependency's problem does not affect us"},
		{command.Confirm, "support what another person decided"},
		{command.Revoke, "revoke a decision"},
		{command.Reopen, "revoke the decision about a finding"},
		{command.Assign, "assign the finding to a team or person"},
		{command.NotUseful, "report it to the rule's owners; it stays open"},
		{command.Campaign, "old findings that their owners want to fix until a day"},
		{command.Answer, "answer a question about the design"},
		{command.Ask, "ask a champion or the security team for advice"},
		{command.Voice, "give advice, as one of them"},
	} {
		if len(said.Asked) == 0 && slices.Contains([]command.Verb{command.Answer, command.Ask, command.Voice}, one.verb) {
			continue
		}
		c := command.Command{Verb: one.verb}
		try, err := t.offer(ctx, c, "")
		if err != nil {
			return err
		}
		if strings.HasPrefix(try+" ", c.Line()+" ") {
			lines = append(lines, "- "+checks.Code(try)+": "+one.does)
		} else {
			others = append(others, "**"+string(one.verb)+"** ("+one.does+")")
		}
	}
	if len(others) > 0 {
		lines = append(lines, "", "Here and now these are not possible for you: "+strings.Join(others, ", ")+".")
	}
	t.replies = append(t.replies, strings.Join(lines, "\n"))
	return nil
}

// why describes where a finding comes from and the decisions about it.
func (t *execution) why(ctx context.Context, f record.Finding) error {
	owners, _, err := t.ownersOf(ctx, f.Path)
	if err != nil {
		return err
	}
	s := fmt.Sprintf("`%s` %s: %s found it at %s. It is not at the merge base, so this pull request brings it in. Severity %s",
		f.ID(), checks.Escape(f.Title), checks.Code(f.Rule), checks.Code(f.Spot()), f.Severity)
	switch {
	case f.Block:
		s += "; the policy lets it fail the check."
	case f.Shown:
		s += "; the policy only comments on it."
	case f.Quiet == record.QuietNoise:
		s += "; its rule is quiet here, because people found it noisy."
	case f.Quiet == record.QuietUpgrade:
		s += "; an earlier version of the scanner let it pass, so it has no comment until its file changes."
	default:
		s += "; the policy only observes it."
	}
	if f.Why != "" {
		s += " " + checks.Escape(f.Why)
	}
	s += " " + ownersText(owners, t.owners.Explain(f.Path))
	if f.HelpURL != "" {
		s += fmt.Sprintf(" [Learn more](%s).", f.HelpURL)
	}
	for _, d := range t.decisions {
		if d.Fingerprint != f.Fingerprint || d.Number != t.e.Number && d.ID != f.Decided {
			continue
		}
		s += fmt.Sprintf("\n- `%s`: %s, asked for by %s", d.ID, decision.Outcome(d.Verb), checks.Escape("@"+d.Asked))
		switch {
		case d.Ended != "":
			s += "; " + checks.Escape(d.Ended)
		case d.Pending():
			s += fmt.Sprintf("; waits for %d more", d.Needs)
		}
	}
	if f.AcceptedInCode() {
		s += "\n- Accepted by the comment at " + checks.Code(f.Decided) + "."
	}
	t.replies = append(t.replies, s)
	return nil
}
