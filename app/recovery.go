package app

import (
	"context"

	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/recovery"
	"github.com/secbydesign/secbydesign/app/review"
	"github.com/secbydesign/secbydesign/webhook"
)

// recovery returns the search for lost deliveries.
func (a *app) recovery() *recovery.Recoverer {
	return &recovery.Recoverer{
		App: a.github, Ledger: a.ledger, Submit: a.queue.SubmitAll, Missed: review.Missed,
		Recovered: a.metrics.recovered, Pulls: a.metrics.pullsFound, Every: a.config.RecoverEvery,
		Want: func(ctx context.Context, d webhook.Delivery) (recovery.Wanted, error) {
			want, err := a.want(ctx, d)
			return recovery.Wanted{Reviews: want.reviews, Tasks: want.tasks, Events: want.events}, err
		},
	}
}

// recover searches for lost deliveries until ctx ends. It closes the channel when it is done.
func (a *app) recover(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	search := a.recovery()
	go func() {
		defer close(done)
		search.Run(a.log.WithContext(ctx))
	}()
	return done
}

// inOrder does the parts of a task one after the other. All parts can be repeated, as every task can.
func (a *app) inOrder(ctx context.Context, t queue.Task) error {
	parts, err := recovery.Parts(t)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := a.task(ctx, part); err != nil {
			return err
		}
	}
	return nil
}
