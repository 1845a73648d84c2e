// Package review carries out one review, from a pull request to what it shows: it reads the pull request, fetches the
// change, examines it, composes the report, brings what GitHub shows in line with it, and records it.
//
// Every step can be repeated: a review that is cut off anywhere and started again ends in the same state of the pull
// request.
package review

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/requirements"
	"github.com/secbydesign/secbydesign/app/suppress"
	"github.com/secbydesign/secbydesign/app/tracing"
	"github.com/secbydesign/secbydesign/app/upload"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// A Reviewer reviews pull requests. Its fields must not change after its first use; several goroutines may use it at
// once.
type Reviewer struct {
	App      *installation.App // required
	AppID    int64             // required
	Mirrors  *mirror.Store     // required
	Ledger   *ledger.Ledger    // required
	Examiner *examine.Examiner // required

	// Parsers and Ignores read files of a repository that need a library; see [examine.Parsers] and [suppress.Set].
	Parsers examine.Parsers
	Ignores suppress.Parser

	Files     *policyfiles.Files // required
	Clock     *clock.Clock       // nil for the machine's
	Externals upload.Externals

	// Observe is called with each finished review, and ObserveComment with the time from the delivery about a head to the
	// first comment on it. The context is the review's. Both may be nil.
	Observe        func(context.Context, Measurement)
	ObserveComment func(context.Context, time.Duration)

	// Directory keeps what GitHub says about owners; nil for one that forgets it after each review.
	Directory *people.Directory

	// ObserveOwners is called with the number of findings that a review was the first of its pull request to find, and
	// how many of them nobody owns. Nil for nobody who counts them.
	ObserveOwners func(found, unowned int)

	// Planned lists the topics that a pull request inherits from the checklist of an issue that it closes; nil for none.
	Planned func(context.Context, *installation.Client, pull.Pull) ([]string, error)

	// Submit is [queue.Queue.SubmitWith] of the queue that calls Review and Task. Required, and
	// set before the queue starts.
	Submit func(context.Context, ledger.Delivery, []queue.Request, []queue.Task, []ledger.Event) error

	ask func(requirements.Input) requirements.Outcome // for tests; nil for [requirements.Ask]
}

// Review reviews the newest head of a pull request. It has the form of [queue.Work].
func (r *Reviewer) Review(ctx context.Context, req queue.Request) error {
	began := time.Now()
	gh, err := r.App.Client(ctx, req.Installation, req.RepoID, req.Owner, req.Repo)
	if err != nil {
		return r.finish(ctx, req, err)
	}
	reading, span := tracing.Start(ctx, "read")
	p, unread := r.read(reading, gh, req)
	tracing.End(reading, span, unread)
	if unread != nil && p.Head == "" {
		return r.finish(ctx, req, unread)
	}
	if !p.Open {
		return r.closed(ctx, gh, req, p)
	}
	if Size(p.Files, p.Lines) == queue.LargeSize && req.Size != queue.LargeSize {
		return queue.ErrLarge // before anything is shown
	}
	log := zerolog.Ctx(ctx)
	log.UpdateContext(func(c zerolog.Context) zerolog.Context { return c.Str("head", p.Head) })

	// Record this before anything is shown: if the review ends between the two, the next one knows of it and closes
	// what it left in progress.
	if err := r.record(ctx, req, p.Head, record.Started, nil); err != nil {
		return err
	}
	events, err := r.history(ctx, req) // after the start: this review answers what was asked before
	if err != nil {
		return err
	}
	names, err := askedAgain(events)
	if err != nil {
		return err
	}
	delivered, err := r.delivered(ctx, p, events)
	if err != nil {
		return err
	}
	run, err := r.start(ctx, gh, req, p, events, names)
	if err != nil {
		return r.finish(ctx, req, err)
	}
	run.Commented = r.commented(ctx, delivered)
	if err := r.share(ctx, p, run); err != nil {
		return err
	}
	if unread != nil {
		return r.fail(ctx, gh, req, p, run, unread)
	}
	rep, input, err := r.report(ctx, gh, p, run.Threads(), run, events)
	if err != nil {
		return r.fail(ctx, gh, req, p, run, err)
	}
	if err := r.share(ctx, p, run); err != nil { // another pull request with this head may have been opened in the meantime
		return err
	}
	err = tracing.Step(ctx, "write", func(ctx context.Context) error {
		if err := run.Finish(ctx, rep); err != nil {
			return err
		}
		return r.showDesign(ctx, req, p, run, input.design)
	})
	if err != nil {
		return r.finish(ctx, req, err)
	}
	measured := Measurement{Verdict: rep.Verdict, Took: time.Since(began)}
	if !delivered.IsZero() {
		measured.Waited = max(1, time.Since(delivered))
	}
	if err := tracing.Step(ctx, "record", func(ctx context.Context) error { return r.keep(ctx, req, p, rep, input) }); err != nil {
		return err
	}
	if r.Observe != nil {
		r.Observe(ctx, measured)
	}
	log.Info().Str("verdict", string(rep.Verdict)).Int("new", len(rep.Standing)).Stringer("took", time.Since(began).Round(time.Millisecond)).Msg("reviewed")
	return nil
}

// Size says whether a pull request that changes so many files and lines is for the slow lane; with no file, that is not
// known.
func Size(files, lines int) queue.Size {
	switch {
	case files == 0:
		return queue.UnknownSize
	case pull.Large(files, lines):
		return queue.LargeSize
	}
	return queue.SmallSize
}

// headOf returns the head of a pull request in the form that package publish needs.
func (r *Reviewer) headOf(p pull.Pull) publish.Head {
	return publish.Head{Owner: p.Owner, Repo: p.Repo, Number: p.Number, SHA: p.Head, AppID: r.AppID}
}

// closed closes the checks that reviews left in progress on a pull request that was closed, and records what was open
// when it was merged.
func (r *Reviewer) closed(ctx context.Context, gh *installation.Client, req queue.Request, p pull.Pull) error {
	events, err := r.history(ctx, req)
	if err != nil {
		return err
	}
	if err := r.merged(ctx, req, p, events); err != nil {
		return err
	}
	clients := publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}
	unclosed := r.abandon(ctx, req, events, clients, r.headOf(p), "", "The pull request was closed before the review ended.")
	// The merge is recorded even if GitHub does not let the check be closed.
	if err := r.recordMerge(ctx, gh, req, p, events); err != nil {
		return r.finish(ctx, req, err)
	}
	return r.finish(ctx, req, unclosed)
}

// start shows that the review has begun, and closes what earlier reviews left in progress on other heads. names are the
// checks that somebody asked to run again.
func (r *Reviewer) start(ctx context.Context, gh *installation.Client, req queue.Request, p pull.Pull, events []ledger.Event, names []string) (*publish.Run, error) {
	clients, head := publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}, r.headOf(p)
	again := req.Force && req.Reason == record.Rerequested || len(names) > 0 || outdated(events, p)
	run, err := publish.Start(ctx, clients, head, again)
	if err != nil {
		return nil, err
	}
	if err := run.Restart(ctx, names); err != nil {
		return nil, err
	}
	if resolver, err := gh.Resolver(ctx); err == nil {
		run.ResolveWith(resolver)
	}
	return run, r.abandon(ctx, req, events, clients, head, p.Head, "The pull request has a newer head.")
}

// keep records the report that is shown, and schedules the reviews that have to follow when suppressions expire.
func (r *Reviewer) keep(ctx context.Context, req queue.Request, p pull.Pull, rep checks.Report, input recordInput) error {
	if input.limited {
		if err := r.record(ctx, req, p.Head, record.TooLarge, record.Limits{Limits: r.limits()}); err != nil {
			return err
		}
	}
	pushed, err := r.Ledger.Pushed(ctx, p.Repository(), p.Number, p.Head)
	if err != nil {
		return err
	}
	if !pushed.IsZero() {
		input.context.Waited = max(1, time.Since(pushed).Milliseconds())
	}
	kept := summary(rep, input)
	if err := r.record(ctx, req, p.Head, record.Finished, kept); err != nil {
		return err
	}
	if r.ObserveOwners != nil {
		r.ObserveOwners(countOwners(kept, input.before))
	}
	if list := endings(req, rep); len(list) > 0 {
		if err := r.Submit(ctx, ledger.Delivery{}, nil, list, nil); err != nil {
			return fmt.Errorf("schedule reviews: %w", err)
		}
	}
	return nil
}

// read asks GitHub for the pull request, and records what commands and webhooks rely on. With an error the returned
// pull request may have a head; then the check on it can report the error.
func (r *Reviewer) read(ctx context.Context, gh *installation.Client, req queue.Request) (pull.Pull, error) {
	known, err := r.Ledger.Pull(ctx, ledger.Repo{ID: req.RepoID, Owner: req.Owner, Name: req.Repo}, req.Number)
	if err != nil {
		return pull.Pull{}, err
	}
	p, err := pull.Read(ctx, gh.REST, req.RepoID, req.Owner, req.Repo, req.Number)
	if err != nil || known.Head == p.Head && known.Closed == !p.Open {
		return p, err
	}
	known.Head, known.Closed = p.Head, !p.Open
	if err := r.Ledger.Refresh(ctx, known); err != nil {
		return pull.Pull{}, err
	}
	return p, nil
}

// endings schedules a review for the day after each suppression in the code that this report uses expires.
func endings(req queue.Request, rep checks.Report) (list []queue.Task) {
	for _, f := range rep.Findings() {
		if f.Decided == nil || f.Decided.Path == "" {
			continue
		}
		e := queue.Task{
			Installation: req.Installation, RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Kind: record.Expiry,
			ID: fmt.Sprintf("comment-%d-%s", req.Number, f.Decided.Until.Format(time.DateOnly)), At: f.Decided.Until.AddDate(0, 0, 1),
		}
		if !slices.ContainsFunc(list, func(other queue.Task) bool { return other.ID == e.ID }) {
			list = append(list, e)
		}
	}
	return list
}
