package review

import (
	"context"
	"errors"
	"strings"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// patience is how many times a review may fail before the pull request says so. Most failures are gone at the second
// try.
const patience = 3

// fail handles an error that stopped a review. It records the failure, and from the third one of this head on (at once
// if trying again would not help) the check of the pull request reports it: a check that is in progress for hours says
// nothing.
func (r *Reviewer) fail(ctx context.Context, gh *installation.Client, req queue.Request, p pull.Pull, run *publish.Run, err error) error {
	final := errors.Is(err, mirror.ErrTooLarge) // trying again would not help
	if finished := r.finish(ctx, req, err); finished == nil || !errors.Is(finished, err) || context.Cause(ctx) != nil {
		return finished
	}
	if err := r.record(ctx, req, p.Head, record.Failed, nil); err != nil {
		return err
	}
	before, listErr := r.Ledger.Events(ctx, ledger.Filter{RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Kind: record.Failed, Head: p.Head})
	if listErr != nil || len(before) < patience && !final {
		return errors.Join(err, listErr)
	}
	rep, unread := r.unread(ctx, gh, p, reasonOf(err))
	if unread != nil {
		return errors.Join(err, r.finish(ctx, req, unread))
	}
	if finish := run.Finish(ctx, rep); finish != nil || !final {
		return errors.Join(err, finish)
	}
	zerolog.Ctx(ctx).Warn().Err(err).Msg("the change is over the limits")
	if err := r.record(ctx, req, p.Head, record.TooLarge, record.Limits{Limits: r.limits()}); err != nil {
		return err
	}
	return r.record(ctx, req, p.Head, record.Finished, summary(rep, recordInput{pull: p, infos: r.infos()}))
}

// finish decides what the queue does after an error: nothing more, try later, or try again.
func (r *Reviewer) finish(ctx context.Context, req queue.Request, err error) error {
	var limited *installation.RateLimited
	at, moved, err := r.Elsewhere(ctx, ledger.Repo{ID: req.RepoID, Owner: req.Owner, Name: req.Repo}, req.Installation, err)
	switch {
	case err == nil && !moved:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case moved:
		// A review under the new name runs at once, and closes what was begun here.
		reason := "renamed or transferred"
		if req.Force {
			reason = req.Reason
		}
		return r.Submit(ctx, ledger.Delivery{}, []queue.Request{{
			Key:    queue.Key{Installation: at.Installation, Owner: at.Owner, Repo: at.Name, Number: req.Number},
			RepoID: req.RepoID, Reason: reason, Closed: req.Closed, Force: true,
		}}, nil, nil)
	case installation.OutOfReach(err):
		zerolog.Ctx(ctx).Info().Err(err).Msg("not reviewed: out of reach")
		return r.record(ctx, req, "", record.Superseded, nil)
	case errors.As(err, &limited):
		return queue.Snooze{Until: limited.Until, Reason: "GitHub's rate limit"}
	}
	return err
}

// reasonOf explains to users why a change could not be read.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, mirror.ErrTooLarge):
		return "The change is too large to be read within this server's limits. Push a smaller one, or ask the operator to raise them."
	case errors.Is(err, context.DeadlineExceeded):
		return "Reading the change took too long. It is tried again; the operator's log says more."
	}
	return "The change could not be read. It is tried again; the operator's log says why."
}

// unread composes the report for a change that no scanner could read. It follows the policy of the base as any other
// report does: the author of the change may have made it unreadable, and a gate that did not run has not passed.
func (r *Reviewer) unread(ctx context.Context, gh *installation.Client, p pull.Pull, reason string) (checks.Report, error) {
	pol, _, notices, err := r.Files.Policy(ctx, gh.Installation, p, r.Files.FromAnywhere(gh, p))
	unknown := errors.Is(err, policyfiles.ErrNoPolicy)
	if err != nil && !unknown {
		return checks.Report{}, err
	}
	if unknown {
		// It is unknown which gates block, so all do. With any other conclusion a required check would pass.
		pol = policy.Default()
		notices = append(notices, "The policy of the base could not be read either, so the check fails until it can be.")
	}
	var runs, absent []scanners.Run
	for _, sc := range r.Examiner.Scanners {
		// A scanner that is not on this machine does not run in any review, unless the policy names it.
		info, missing := sc.Info(), (*scanners.MissingError)(nil)
		if info.Facts || !pol.Wants(info.Name, info.Gate) {
			continue
		}
		run := scanners.Run{Scanner: info.Name, Gate: info.Gate, Err: &scanners.IncompleteError{Reason: reason}}
		if _, err := sc.Version(ctx); errors.As(err, &missing) && !pol.Scanners[info.Name] {
			absent = append(absent, run)
			continue
		}
		runs = append(runs, run)
	}
	for _, name := range r.Externals.Required(pol) {
		if pol.Wants(name, scanners.Code) {
			runs = append(runs, scanners.Run{Scanner: name, Gate: scanners.Code, Err: &scanners.IncompleteError{Reason: reason}})
		}
	}
	if len(runs) == 0 { // never green by accident
		runs = absent
	}
	j, err := judge.Apply(judge.Case{Runs: runs, Policy: pol, Evidence: r.evidence(ctx, pol, p), Now: r.Clock.Now()})
	if err != nil {
		return checks.Report{}, err
	}
	for i := range j.Gates {
		j.Gates[i].Block = j.Gates[i].Block || unknown
	}
	if !p.Draft { // nothing of a draft fails
		notices = append(notices, judge.Lines(j.Fails)...)
	}
	in := checks.Input{Base: p.MergeBase, Head: p.Head, Gates: j.Gates, Draft: p.Draft, Notices: notices}
	if len(runs) == 0 {
		in.NotRun = examine.AllOff
	}
	return checks.Compose(in), nil
}

// Elsewhere reports whether an operation failed because the repository was renamed or transferred, and if so records
// its new location. If moved is false, the repository is where it was or its location is unknown, and the caller has to
// handle err, which is failed or a more specific error.
//
// A repository can move between any two requests. GitHub refuses requests under the former name, or they reach another
// repository that has that name by now, for which our token is not valid. So writes only ever go to the right
// repository, and the review is completed under the new name.
func (r *Reviewer) Elsewhere(ctx context.Context, was ledger.Repo, installed int64, failed error) (at installation.Location, moved bool, err error) {
	var limited *installation.RateLimited
	if failed == nil || context.Cause(ctx) != nil || was.ID == 0 || errors.As(failed, &limited) || errors.Is(failed, mirror.ErrTooLarge) {
		return at, false, failed
	}
	at, err = r.App.Find(ctx, installed, was.ID, was.Owner, was.Name)
	switch {
	case errors.As(err, &limited), installation.OutOfReach(err):
		return at, false, err
	case err != nil:
		zerolog.Ctx(ctx).Info().Err(err).Msg("cannot find out what the repository is called now")
		return at, false, failed
	case at.Installation == installed && strings.EqualFold(at.Owner, was.Owner) && strings.EqualFold(at.Name, was.Name):
		return at, false, failed
	}
	zerolog.Ctx(ctx).Info().Err(failed).Str("was", was.String()).Str("now", at.Owner+"/"+at.Name).Msg("the repository was renamed or transferred")
	err = r.Ledger.Found(ctx, ledger.Repo{ID: was.ID, Owner: at.Owner, Name: at.Name}, at.Installation)
	return at, err == nil, err
}
