package review

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/tracing"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// progress shows the results so far. While the policy's first budget lasts, the verdict waits for the scanners that
// still run. After it the verdict names them as not finished, and their findings are added when they come.
//
// An error stops progress and is only logged: the final report of the review meets it again.
func (c *composer) progress(ctx context.Context, run *publish.Run) func(examine.Examination) {
	began, ended := time.Now(), false
	return func(ex examine.Examination) {
		if ended {
			return
		}
		show := run.Finish
		var pending []scanners.Run
		if time.Since(began) < c.policy.Budget.First {
			show = run.Publish
			ex.Runs, pending = split(ex.Runs)
		}
		rep, err := c.compose(ctx, ex, pending)
		if err == nil {
			err = tracing.Step(ctx, "write", func(ctx context.Context) error { return show(ctx, rep) })
		}
		if err != nil {
			ended = true
			zerolog.Ctx(ctx).Info().Err(err).Msg("what is known so far could not be shown")
		}
	}
}

// split separates the runs that have ended from those that have not.
func split(runs []scanners.Run) (ended, pending []scanners.Run) {
	for _, run := range runs {
		if errors.Is(run.Err, examine.ErrRunning) {
			pending = append(pending, run)
		} else {
			ended = append(ended, run)
		}
	}
	return ended, pending
}
