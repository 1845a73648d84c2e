package app

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/conversation"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/plan"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/recovery"
	"github.com/secbydesign/secbydesign/app/review"
)

// task runs every task that is not a review. It has the form of [queue.Run].
func (a *app) task(ctx context.Context, t queue.Task) error {
	var do func(context.Context, queue.Task) error
	switch t.Kind {
	case conversation.Comment, conversation.Button:
		do = a.conversation.Answer
	case conversation.Tick:
		do = a.conversation.Tick
	case plan.Kind:
		do = a.plans.Do
	case record.Digest:
		do = a.digests.Do
	case review.Group:
		do = a.reviewer.MergeGroup
	case record.Expiry, record.Acceptance, record.Revocation:
		do = a.conversation.Spread
	case record.Warn:
		do = a.conversation.Warn
	case review.Missed:
		do = a.reviewer.FindMissed
	case recovery.Returned:
		do = a.recovery().Return
	case recovery.InOrder:
		do = a.inOrder
	default:
		// Left by a newer version of this program, which will know it.
		return queue.Snooze{Until: time.Now().Add(time.Hour), Reason: "task of an unknown kind"}
	}
	at, moved, err := a.reviewer.Elsewhere(ctx, t.Repository(), t.Installation, do(ctx, t))
	if moved {
		t.Installation, t.Owner, t.Repo = at.Installation, at.Owner, at.Name
		err = do(ctx, t)
	}
	var limited *installation.RateLimited
	switch {
	case err == nil:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case installation.OutOfReach(err):
		zerolog.Ctx(ctx).Info().Err(err).Msg("task given up: out of reach")
		return nil
	case errors.As(err, &limited):
		return queue.Snooze{Until: limited.Until, Reason: "GitHub's rate limit"}
	}
	return err
}
