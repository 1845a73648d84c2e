package publish

import (
	"context"

	"github.com/secbydesign/secbydesign/checks"
)

// Card makes the pull request show the card of its design: first the sticky comment, then the check run, which refers
// to it. If the pull request shows it already, Card writes nothing. A card without text leaves a comment that exists,
// and one that is switched off leaves everything but a check of this head, which it completes as skipped.
func (r *Run) Card(ctx context.Context, card checks.Card) error {
	if r.unsure {
		var err error
		if r.runs, r.others, err = ours(ctx, r.clients, r.head); err != nil {
			return err
		}
		r.unsure = false
	}
	if card.Off {
		if r.runs[checks.RequirementsCheck] == nil {
			return nil
		}
		c := checks.Check{Name: checks.RequirementsCheck, Conclusion: checks.Skipped, Title: "Not run", Summary: "The policy switches the questions on the design off.\n"}
		return r.publish(ctx, c, c.Digest())
	}
	if body := card.Body(); body != "" {
		have, err := r.stickies(ctx)
		if err != nil {
			return err
		}
		if err := r.keep(ctx, checks.CardName, body, have); err != nil {
			return err
		}
	}
	c := card.Check()
	return r.publish(ctx, c, c.Digest())
}

// CardUnread shows that the facts about the design could not be read. It leaves the card as it is.
func (r *Run) CardUnread(ctx context.Context) error {
	c := checks.Check{
		Name: checks.RequirementsCheck, Conclusion: checks.Neutral, Title: "The design of the change could not be read",
		Summary: "The scanner of design facts did not finish, so nothing is known about new questions. The card in the conversation, if there is one, is of an earlier commit.\n",
	}
	return r.publish(ctx, c, c.Digest())
}

// HasCard reports whether the head has a check of the card.
func (r *Run) HasCard() bool { return r.runs[checks.RequirementsCheck] != nil }

// Sticky returns the sticky comment of ours with a name, see [checks.StickyName]; ok is false if there is none.
func Sticky(ctx context.Context, c Clients, head Head, name string) (found checks.Sticky, ok bool, err error) {
	list, err := (&Run{clients: c, head: head}).stickies(ctx)
	for _, s := range list {
		if s.Name == name && (!ok || s.ID < found.ID) {
			found, ok = s, true
		}
	}
	return found, ok, err
}
