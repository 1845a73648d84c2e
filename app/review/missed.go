package review

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
)

// Missed is the kind of the tasks for [Reviewer.FindMissed].
const Missed = "missed"

// LookForMissed asks for a [Reviewer.FindMissed] of each repository with pull requests that are open, as far as is known.
// GitHub does not deliver again what it could not hand over while this program was down.
//
// If other processes may be at work, as when many are replaced one after the other, those that start within a few minutes
// share the search, and it begins when all of them have started.
func (r *Reviewer) LookForMissed(ctx context.Context) error {
	pulls, err := r.Ledger.Unsure(ctx)
	if err != nil {
		return err
	}
	now := r.Clock.Now()
	id, at := fmt.Sprintf("start-%d", now.UnixNano()), time.Time{}
	if _, alone := r.Ledger.AloneSince(); !alone {
		at = now.Truncate(startsTogether).Add(startsTogether)
		id = fmt.Sprintf("starts-%d", at.Unix())
	}
	var tasks []queue.Task
	var reviews []queue.Request
	asked := map[ledger.Repo]bool{}
	for _, p := range pulls {
		of := queue.Task{Installation: p.Installation, RepoID: p.RepoID, Owner: p.Owner, Repo: p.Repo, Number: p.Number}
		if p.Closed { // its review was given up
			one := of.Review("closed")
			one.Closed, one.Force = true, false
			reviews = append(reviews, one)
			continue
		}
		repo := of.Repository()
		if repo.ID != 0 {
			repo = ledger.Repo{ID: repo.ID}
		}
		if !asked[repo] {
			asked[repo] = true
			of.Number = 0
			of.Kind, of.ID, of.At = Missed, id, at
			tasks = append(tasks, of, tomorrow(of, now))
		}
	}
	for len(tasks)+len(reviews) > 0 { // one transaction must not take long
		t, n := min(len(tasks), missedAtOnce), min(len(reviews), missedAtOnce)
		if err := r.Submit(ctx, ledger.Delivery{}, reviews[:n], tasks[:t], nil); err != nil {
			return fmt.Errorf("look for merges that were missed: %w", err)
		}
		tasks, reviews = tasks[t:], reviews[n:]
	}
	return nil
}

// startsTogether is the time within which the starts of several processes count as one.
const startsTogether = 5 * time.Minute

// missedAtOnce bounds one transaction of [Reviewer.LookForMissed].
const missedAtOnce = 100

// tomorrow returns the task of a repository for the next day. Equal ones are done once.
func tomorrow(e queue.Task, now time.Time) queue.Task {
	day := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1)
	e.ID, e.Attempt = "day-"+day.Format(time.DateOnly), 0
	e.At = day
	return e
}

// FindMissed finds the pull requests of a repository that were closed without this program knowing it, and asks for their
// reviews, which record merges. It costs one request for 100 open pull requests.
func (r *Reviewer) FindMissed(ctx context.Context, e queue.Task) error {
	numbers, err := r.Ledger.OpenPulls(ctx, e.Repository())
	if err != nil || len(numbers) == 0 {
		return err // the next start, or the next pull request, begins this again
	}
	gh, err := r.App.Client(ctx, e.Installation, e.RepoID, e.Owner, e.Repo)
	if err != nil {
		return err
	}
	pulls, err := installation.All(ctx, func(opt *github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		return gh.REST.PullRequests.List(ctx, e.Owner, e.Repo, &github.PullRequestListOptions{State: "open", ListOptions: *opt})
	})
	if err != nil {
		return fmt.Errorf("list open pull requests: %w", err)
	}
	open := map[int]bool{}
	for _, p := range pulls {
		open[p.GetNumber()] = true
	}
	var reviews []queue.Request
	for _, n := range numbers {
		if !open[n] {
			of := e
			of.Number = n
			one := of.Review("closed")
			one.Closed, one.Force = true, false
			reviews = append(reviews, one)
		}
	}
	if len(reviews) > 0 {
		zerolog.Ctx(ctx).Info().Int("pulls", len(reviews)).Msg("pull requests were closed without a delivery")
	}
	return r.Submit(ctx, ledger.Delivery{}, reviews, []queue.Task{tomorrow(e, r.Clock.Now())}, nil)
}
