// Package review is the story of one review, from a pull request to what it shows: read it,
// fetch it, examine it, compose the report, reconcile it with what is there, record it.
//
// Everything in it can be done again: a review that is cut off anywhere and started anew ends
// in the same state of the pull request.
package review

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// A Reviewer reviews pull requests. Its fields must not change once it works; several
// goroutines may use it at once.
type Reviewer struct {
	App      *installation.App // required
	AppID    int64             // required
	Mirrors  *mirror.Store     // required
	Ledger   *ledger.Ledger    // required
	Examiner *Examiner         // required
	Observe  func(checks.Verdict, time.Duration)

	// Submit is [queue.Queue.SubmitWith] of the queue that calls Review and Errand. Required, and
	// set before the queue starts.
	Submit func(context.Context, ledger.Delivery, []queue.Request, []queue.Errand, []ledger.Event) error

	refused refusals
}

// The kinds of events that reviews leave in the ledger.
const (
	Started    = "review.started"
	Finished   = "review.finished"
	Superseded = "review.superseded"
	Failed     = "review.failed" // it is tried again
)

// Rerequested is the reason of a request by a person, who wants to see that something happens.
// Every other review of a head that has its verdict already is silent unless the verdict
// changes, or is of a draft or for another base.
const Rerequested = "rerequested"

// Review reviews the newest head of a pull request. It has the form of [queue.Work].
func (r *Reviewer) Review(ctx context.Context, req queue.Request) error {
	began := time.Now()
	log := zerolog.Ctx(ctx)
	gh, err := r.App.Client(ctx, req.Installation, req.RepoID, req.Owner, req.Repo)
	if err != nil {
		return r.settle(ctx, req, err)
	}
	p, unread := r.read(ctx, gh, req)
	if unread != nil && p.Head == "" {
		return r.settle(ctx, req, unread)
	}
	clients := publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}
	place := publish.Head{Owner: p.Owner, Repo: p.Repo, Number: p.Number, SHA: p.Head, AppID: r.AppID}
	if !p.Open {
		events, err := r.history(ctx, req)
		if err != nil {
			return err
		}
		return r.settle(ctx, req, r.abandon(ctx, req, events, clients, place, "", "The pull request was closed before the review ended."))
	}
	log.UpdateContext(func(c zerolog.Context) zerolog.Context { return c.Str("head", p.Head) })

	// Before anything is shown: a review that ends between the two is then known, and what it left in
	// progress is ended by the next one.
	if err := r.record(ctx, req, p.Head, Started, nil); err != nil {
		return err
	}
	events, err := r.history(ctx, req) // after the start: what was asked before is done by this one
	if err != nil {
		return err
	}
	names, err := askedAgain(events)
	if err != nil {
		return err
	}
	run, err := publish.Start(ctx, clients, place, req.Force && req.Reason == Rerequested || len(names) > 0 || outdated(events, p))
	if err != nil {
		return r.settle(ctx, req, err)
	}
	if err := run.Restart(ctx, names); err != nil {
		return r.settle(ctx, req, err)
	}
	if err := r.abandon(ctx, req, events, clients, place, p.Head, "The pull request has a newer head."); err != nil {
		return r.settle(ctx, req, err)
	}
	if err := r.share(ctx, p, run); err != nil {
		return err
	}
	if resolver, err := gh.Resolver(ctx); err == nil {
		run.ResolveWith(resolver)
	}
	if unread != nil {
		return r.fail(ctx, gh, req, p, run, unread)
	}
	rep, basis, err := r.report(ctx, gh, p, run)
	if err != nil {
		return r.fail(ctx, gh, req, p, run, err)
	}
	if err := r.share(ctx, p, run); err != nil { // another may have been opened in the meantime
		return err
	}
	if err := run.Finish(ctx, rep); err != nil {
		return r.settle(ctx, req, err)
	}
	if basis.limited {
		if err := r.record(ctx, req, p.Head, TooLarge, tooLarge{r.limits()}); err != nil {
			return err
		}
	}
	if err := r.record(ctx, req, p.Head, Finished, summary(rep, basis)); err != nil {
		return err
	}
	if list := endings(req, rep); len(list) > 0 {
		if err := r.Submit(ctx, ledger.Delivery{}, nil, list, nil); err != nil {
			return fmt.Errorf("note when comments end: %w", err)
		}
	}
	if r.Observe != nil {
		r.Observe(rep.Verdict, time.Since(began))
	}
	log.Info().Str("verdict", string(rep.Verdict)).Int("new", len(rep.Standing)).Dur("took", time.Since(began)).Msg("reviewed")
	return nil
}

// read asks GitHub for the pull request, and takes down what commands and webhooks rely on. With an error there may
// be a head, of which the check can say so.
func (r *Reviewer) read(ctx context.Context, gh *installation.Client, req queue.Request) (pull.Pull, error) {
	known, err := r.Ledger.Heard(ctx, ledger.Repo{ID: req.RepoID, Owner: req.Owner, Name: req.Repo}, req.Number)
	if err != nil {
		return pull.Pull{}, err
	}
	p, err := pull.Read(ctx, gh.REST, req.RepoID, req.Owner, req.Repo, req.Number)
	if err != nil || known.Head == p.Head && known.Closed == !p.Open {
		return p, err
	}
	known.Head, known.Closed = p.Head, !p.Open
	if err := r.Ledger.See(ctx, known); err != nil {
		return pull.Pull{}, err
	}
	return p, nil
}

// endings have the pull request looked at again when a comment that accepts a finding of it ends.
func endings(req queue.Request, rep checks.Report) (list []queue.Errand) {
	for _, f := range rep.Findings() {
		if f.Decided == nil || f.Decided.Path == "" {
			continue
		}
		e := queue.Errand{
			Installation: req.Installation, RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Kind: Expiry,
			ID: fmt.Sprintf("comment-%d-%s", req.Number, f.Decided.Until.Format(time.DateOnly)), At: f.Decided.Until.AddDate(0, 0, 1),
		}
		if !slices.ContainsFunc(list, func(other queue.Errand) bool { return other.ID == e.ID }) {
			list = append(list, e)
		}
	}
	return list
}

// report looks at the change and says what the pull request should show. What is known before the
// end is shown on the way.
func (r *Reviewer) report(ctx context.Context, gh *installation.Client, p pull.Pull, run *publish.Run) (checks.Report, basis, error) {
	c, err := r.fetch(ctx, gh, p)
	if err != nil {
		return checks.Report{}, basis{}, err
	}
	pol, layers, notices, err := r.policy(ctx, gh.Installation, p, atBase(c.Repo, p))
	if err != nil {
		return checks.Report{}, basis{}, err
	}
	if c.Sent, err = r.sent(ctx, c, p, pol); err != nil {
		return checks.Report{}, basis{}, err
	}
	known, open := shown(run.Threads())
	comments := r.Examiner.Comments(ctx, c, p.Base, pol, time.Now())
	verdict := r.judge(ctx, pol, p)
	compose := func(ex Examination) (checks.Report, error) {
		gates, err := r.decide(ctx, repoOf(p), decision.Scope{Pulls: map[int]bool{p.Number: true}}, ex.Gates)
		if err != nil {
			return checks.Report{}, err
		}
		gates, err = comments.Decide(ctx, ex, gates)
		if err != nil {
			return checks.Report{}, err
		}
		gates, ruled, err := verdict.judge(gates, addedBy(ex.Patch))
		if err != nil {
			return checks.Report{}, err
		}
		fails := slices.Concat(lines(ruled.fails), lines(ruled.coming))
		if p.Draft {
			fails = nil // nothing of a draft fails
		}
		annotations, more, err := r.proposed(ctx, c, ex, p, layers)
		if err != nil {
			return checks.Report{}, err
		}
		silenced, said, err := comments.Suppressions(ctx, ex)
		if err != nil {
			return checks.Report{}, err
		}
		annotations, more = append(annotations, silenced...), append(more, said...)
		if ctx.Err() != nil {
			return checks.Report{}, context.Cause(ctx)
		}
		return checks.Compose(checks.Input{
			Base: c.Base, Head: p.Head, Patch: ex.Patch, Gates: gates, NotRun: ex.NotRun,
			Draft: p.Draft, Limit: pol.CommentLimit, Threads: open,
			Notices: slices.Concat(notices, waits(c.Sent), more, fails), Annotations: annotations,
			Link: func(path string, line int) string { return link(r.App.WebURL(), p, path, line) },
			Text: comments.head, Ignored: pol.Ignored,
		}), nil
	}
	ex, err := r.Examiner.Examine(ctx, c, pol, known, progress(ctx, run, pol.Budget.First, compose))
	if err != nil {
		return checks.Report{}, basis{}, err
	}
	rep, err := compose(ex)
	return rep, r.basis(ctx, c, p, pol, ex), err
}

// progress shows what is known so far. While patience lasts, the verdict waits for who still looks.
// After it they are named in a verdict without them, and what they find is added when it comes.
//
// An error ends it and is not told: what the review shows in the end meets it again.
func progress(ctx context.Context, run *publish.Run, patience time.Duration, compose func(Examination) (checks.Report, error)) func(Examination) {
	began, ended := time.Now(), false
	return func(ex Examination) {
		if ended {
			return
		}
		show := run.Finish
		if time.Since(began) < patience {
			show, ex.Gates = run.Publish, waiting(ex.Gates)
		}
		rep, err := compose(ex)
		if err == nil {
			err = show(ctx, rep)
		}
		if err != nil {
			ended = true
			zerolog.Ctx(ctx).Info().Err(err).Msg("what is known so far could not be shown")
		}
	}
}

// waiting makes scanners that still look pending ones, which have not failed yet.
func waiting(list []checks.Gate) []checks.Gate {
	list = slices.Clone(list)
	for i, g := range list {
		list[i].Runs = nil
		for _, run := range g.Runs {
			if errors.Is(run.Err, errLooking) {
				list[i].Pending = append(list[i].Pending, run.Scanner)
			} else {
				list[i].Runs = append(list[i].Runs, run)
			}
		}
	}
	return list
}

// shown tells which findings the pull request shows or showed, and whether their threads are open.
func shown(threads []checks.Thread) (known []baseline.Known, open map[string]bool) {
	open = map[string]bool{}
	for _, t := range threads {
		known = append(known, baseline.Known{Fingerprint: t.Fingerprint, Path: t.Path, Line: t.Line})
		open[t.Fingerprint] = open[t.Fingerprint] || t.Open()
	}
	return known, open
}

// repoOf and errandRepo name the repository for the ledger.
func repoOf(p pull.Pull) ledger.Repo { return ledger.Repo{ID: p.RepoID, Owner: p.Owner, Name: p.Repo} }

func errandRepo(e queue.Errand) ledger.Repo {
	return ledger.Repo{ID: e.RepoID, Owner: e.Owner, Name: e.Repo}
}

func link(web string, p pull.Pull, path string, line int) string {
	s := web + "/" + p.Owner + "/" + p.Repo + "/blob/" + p.Head + "/" + (&url.URL{Path: path}).EscapedPath()
	// What ends a Markdown link has to go, and a path may hold it.
	s = strings.NewReplacer("(", "%28", ")", "%29", " ", "%20", "<", "%3C", ">", "%3E").Replace(s)
	if line > 0 {
		s += fmt.Sprintf("#L%d", line)
	}
	return s
}

// fetch brings both ends of the change here, and the commits in between.
func (r *Reviewer) fetch(ctx context.Context, gh *installation.Client, p pull.Pull) (Change, error) {
	repo, err := r.mirror(ctx, gh, p)
	if err != nil {
		return Change{}, fmt.Errorf("open mirror: %w", err)
	}
	c := Change{Repo: repo, Base: p.MergeBase, Head: p.Head}
	if c.Base == "" { // no common history: everything is new
		c.Base = repo.EmptyTree()
	}
	head := fmt.Sprintf("refs/pull/%d/head", p.Number)
	want := mirror.Want{SHAs: []string{p.Head, p.Base}, Refs: []string{head}, Depth: 1}
	if p.MergeBase != "" {
		want.SHAs = append(want.SHAs, p.MergeBase)
	}
	if err := repo.Fetch(ctx, want); err != nil {
		return Change{}, fmt.Errorf("fetch %s: %w", p.Head, err)
	}
	if c.Commits, c.Partial, err = r.between(ctx, gh, repo, p); err != nil {
		return Change{}, err
	}
	return c, nil
}

// share tells a run which other pull requests have the same head.
func (r *Reviewer) share(ctx context.Context, p pull.Pull, run *publish.Run) error {
	numbers, err := r.Ledger.PullsAt(ctx, repoOf(p), p.Head)
	if err != nil {
		return err
	}
	run.ShareWith(slices.DeleteFunc(numbers, func(n int) bool { return n == p.Number }))
	return nil
}

// release asks for reviews of the others with a head that a pull request has left, since their
// verdicts counted its own, or wait for it.
func (r *Reviewer) release(ctx context.Context, req queue.Request, head string) error {
	numbers, err := r.Ledger.PullsAt(ctx, ledger.Repo{ID: req.RepoID, Owner: req.Owner, Name: req.Repo}, head)
	if err != nil {
		return err
	}
	var list []queue.Request
	for _, n := range numbers {
		if n != req.Number {
			list = append(list, queue.Request{
				Key:    queue.Key{Installation: req.Installation, Owner: req.Owner, Repo: req.Repo, Number: n},
				RepoID: req.RepoID, Reason: "another pull request left the head", Force: true,
			})
		}
	}
	if len(list) == 0 {
		return nil
	}
	return r.Submit(ctx, ledger.Delivery{}, list, nil, nil)
}

// history reads all events of a pull request.
func (r *Reviewer) history(ctx context.Context, req queue.Request) ([]ledger.Event, error) {
	events, err := r.Ledger.Events(ctx, ledger.Filter{RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number})
	if err != nil {
		return nil, fmt.Errorf("read earlier reviews: %w", err)
	}
	return events, nil
}

// abandon ends what is left of reviews of this pull request, by its events: those of other heads, or,
// where keep is empty, of every head.
func (r *Reviewer) abandon(ctx context.Context, req queue.Request, events []ledger.Event, c publish.Clients, place publish.Head, keep, why string) error {
	// Only heads of ours that began here are looked for: asking GitHub for the checks of every
	// earlier head would cost a request for each push.
	unfinished, last := map[string]ledger.Event{}, keep
	for _, e := range events {
		switch e.Kind {
		case Started:
			unfinished[e.Head] = e
		case Finished, Superseded:
			delete(unfinished, e.Head)
			last = cmp.Or(e.Head, last)
		}
	}
	if last != keep {
		if err := r.release(ctx, req, last); err != nil {
			return err
		}
	}
	delete(unfinished, keep)
	for head, e := range unfinished {
		old := place
		old.SHA = head
		if err := publish.Abandon(ctx, c, old, why); err != nil {
			return err
		}
		ended := ledger.Event{Kind: Superseded, Installation: e.Installation, RepoID: req.RepoID, Owner: place.Owner, Repo: place.Repo, Number: e.Number, Head: head}
		if err := r.Ledger.Record(ctx, ended); err != nil {
			return err
		}
		if err := r.release(ctx, req, head); err != nil {
			return err
		}
	}
	return nil
}

// patience is how many times a review may fail before the pull request is told. Most failures
// are gone at the second try.
const patience = 3

// fail settles an error that kept a review from its end, and where it is not the first of its
// kind lets the pull request say so: a check that is in progress for hours tells nothing.
func (r *Reviewer) fail(ctx context.Context, gh *installation.Client, req queue.Request, p pull.Pull, run *publish.Run, err error) error {
	final := errors.Is(err, mirror.ErrTooLarge) // trying again would not help
	if settled := r.settle(ctx, req, err); settled == nil || !errors.Is(settled, err) || context.Cause(ctx) != nil {
		return settled
	}
	if err := r.record(ctx, req, p.Head, Failed, nil); err != nil {
		return err
	}
	before, listErr := r.Ledger.Events(ctx, ledger.Filter{RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Kind: Failed, Head: p.Head})
	if listErr != nil || len(before) < patience && !final {
		return errors.Join(err, listErr)
	}
	rep, unread := r.unread(ctx, gh, p, reasonOf(err))
	if unread != nil {
		return errors.Join(err, r.settle(ctx, req, unread))
	}
	if finish := run.Finish(ctx, rep); finish != nil || !final {
		return errors.Join(err, finish)
	}
	zerolog.Ctx(ctx).Warn().Err(err).Msg("the change is over the limits")
	if err := r.record(ctx, req, p.Head, TooLarge, tooLarge{r.limits()}); err != nil {
		return err
	}
	return r.record(ctx, req, p.Head, Finished, summary(rep, basis{pull: p, infos: r.infos()}))
}

// settle decides what an error means for the queue: nothing more to do, later, or again.
func (r *Reviewer) settle(ctx context.Context, req queue.Request, err error) error {
	var limited *installation.RateLimited
	at, moved, err := r.elsewhere(ctx, ledger.Repo{ID: req.RepoID, Owner: req.Owner, Name: req.Repo}, req.Installation, err)
	switch {
	case err == nil && !moved:
		return nil
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case moved:
		// Something newer is worked on at once, and ends what was begun here.
		reason := "renamed or transferred"
		if req.Force {
			reason = req.Reason
		}
		return r.Submit(ctx, ledger.Delivery{}, []queue.Request{{
			Key:    queue.Key{Installation: at.Installation, Owner: at.Owner, Repo: at.Name, Number: req.Number},
			RepoID: req.RepoID, Reason: reason, Closed: req.Closed, Force: true,
		}}, nil, nil)
	case outOfReach(err):
		zerolog.Ctx(ctx).Info().Err(err).Msg("not reviewed: out of reach")
		return r.record(ctx, req, "", Superseded, nil)
	case errors.As(err, &limited):
		return queue.Snooze{Until: limited.Until, Reason: "GitHub's rate limit"}
	}
	return err
}

// outOfReach reports whether an error says that the App has no business there any more. That git does
// not find the repository says nothing: a moment later it may.
func outOfReach(err error) bool {
	return errors.Is(err, installation.ErrGone) || errors.Is(err, installation.ErrSuspended)
}

func (r *Reviewer) record(ctx context.Context, req queue.Request, head, kind string, data any) error {
	e := ledger.Event{Kind: kind, Installation: req.Installation, RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Head: head}
	if data != nil {
		b, err := json.Marshal(data)
		if err != nil {
			return fmt.Errorf("record review: %w", err)
		}
		e.Data = b
	}
	if err := r.Ledger.Record(ctx, e); err != nil {
		return fmt.Errorf("record review: %w", err)
	}
	return nil
}
