package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// recordMerge records that a pull request was merged, what was open, and which decisions ended with it: all in one
// transaction, once. If no review of the merged head has finished, there is one first, of which nothing is shown: a merge
// that is faster than the scanners leaves no fewer debts.
func (r *Reviewer) recordMerge(ctx context.Context, gh *installation.Client, req queue.Request, p pull.Pull, events []ledger.Event) error {
	if !p.Merged || slices.ContainsFunc(events, func(e ledger.Event) bool { return e.Kind == record.Merged }) {
		return nil
	}
	m := merging{pull: p, mergedAt: r.Clock.Of(p.MergedAt), now: r.Clock.Now(), reviews: finished(events)}
	if !slices.ContainsFunc(m.reviews, func(r record.Review) bool { return r.Head == p.Head }) {
		late, err := r.reviewLate(ctx, gh, req, p, events)
		if err != nil {
			return err
		}
		if late != nil {
			m.reviews = append(m.reviews, *late)
		}
	}
	said, err := discussion(events)
	if err != nil {
		return err
	}
	m.questions = openQuestions(said)
	last, _ := m.last()
	which := ledger.Which{Number: p.Number}
	for _, f := range last.Findings {
		if f.State != scanners.Unchanged {
			which.Contents = append(which.Contents, decision.Content(f.Fingerprint))
		}
	}
	slices.Sort(which.Contents)
	which.Contents = slices.Compact(which.Contents)
	if m.decisions, err = r.Ledger.Decisions(ctx, p.Repository(), which); err != nil {
		return err
	}
	var over []decision.Decision
	for _, d := range m.ended() {
		left, err := r.left(ctx, gh, p, d)
		if err != nil {
			return err
		}
		if !left {
			over = append(over, d)
		}
	}
	return r.submitMerge(ctx, req, m, over)
}

// submitMerge records the merge in one transaction, and has the lists of the teams show it.
func (r *Reviewer) submitMerge(ctx context.Context, req queue.Request, m merging, over []decision.Decision) error {
	p := m.pull
	event := func(kind string, data any) (ledger.Event, error) {
		b, err := json.Marshal(data)
		if err != nil {
			return ledger.Event{}, fmt.Errorf("record merge: %w", err)
		}
		return ledger.Event{Kind: kind, Installation: req.Installation, RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Head: p.Head, Data: b}, nil
	}
	merge, open := m.events()
	first, err := event(record.Merged, merge)
	if err != nil {
		return err
	}
	first.Once = onceFor(req, "merged")
	list := []ledger.Event{first}
	if open != nil {
		e, err := event(record.MergedOpen, open)
		if err != nil {
			return err
		}
		list = append(list, e)
	}
	source := fmt.Sprintf("merged-%d", p.Number)
	for _, d := range over {
		e, err := event(record.DecisionEnded, record.DecisionStep{ID: d.ID, Who: record.TheApp, Why: fmt.Sprintf("the code is gone since #%d", p.Number), Source: source})
		if err != nil {
			return err
		}
		list = append(list, e)
	}
	digest := queue.Task{Installation: req.Installation, RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Kind: record.Digest, ID: source}
	err = r.Submit(ctx, ledger.Delivery{}, nil, []queue.Task{digest}, list)
	if errors.Is(err, ledger.ErrDuplicate) {
		return nil // another worker, which was believed dead, was faster
	}
	if err == nil {
		zerolog.Ctx(ctx).Info().Bool("open", open != nil).Bool("reviewed", merge.Reviewed).Int("ended", len(over)).Msg("merged")
	}
	return err
}

// onceFor names something that happens once to a pull request.
func onceFor(req queue.Request, what string) string {
	return fmt.Sprintf("%s %s#%d", what, record.RepoKey(req.RepoID, req.Owner+"/"+req.Repo), req.Number)
}

// finished returns the reviews in events that finished. It leaves out those that this version cannot read.
func finished(events []ledger.Event) (list []record.Review) {
	for _, e := range events {
		if e.Kind != record.Finished {
			continue
		}
		if r, err := record.ReadReview(e.ID, e.At, e.Head, e.Data); err == nil {
			list = append(list, r)
		}
	}
	return list
}

// reviewLate reviews a head that was merged before a review of it finished, and records the review. It shows nothing. It
// returns nil if the head cannot be reviewed, after as many tries as the pull request itself would get.
func (r *Reviewer) reviewLate(ctx context.Context, gh *installation.Client, req queue.Request, p pull.Pull, events []ledger.Event) (*record.Review, error) {
	late, err := r.reportLate(ctx, gh, p, events)
	if err == nil {
		if err := r.record(ctx, req, p.Head, record.Finished, late); err != nil {
			return nil, err
		}
		late.Head = p.Head
		return &late, nil
	}
	var limited *installation.RateLimited
	failed := err
	_, moved, err := r.Elsewhere(ctx, p.Repository(), req.Installation, err)
	switch {
	case context.Cause(ctx) != nil:
		return nil, context.Cause(ctx)
	case moved, errors.As(err, &limited):
		return nil, failed // the caller finds out the same, and goes on there, or later
	case !installation.OutOfReach(err) && !errors.Is(err, mirror.ErrTooLarge):
		if err := r.record(ctx, req, p.Head, record.Failed, nil); err != nil {
			return nil, err
		}
		before, listErr := r.Ledger.Events(ctx, ledger.Filter{RepoID: req.RepoID, Owner: req.Owner, Repo: req.Repo, Number: req.Number, Kind: record.Failed, Head: p.Head})
		if listErr != nil || len(before) < patience {
			return nil, errors.Join(err, listErr)
		}
	}
	zerolog.Ctx(ctx).Warn().Err(err).Str("head", p.Head).Msg("the merged head could not be reviewed: what the last review found counts")
	return nil, nil
}

// reportLate makes the record of a review of a merged head.
func (r *Reviewer) reportLate(ctx context.Context, gh *installation.Client, p pull.Pull, events []ledger.Event) (record.Review, error) {
	p, err := p.Parted(ctx, gh.REST)
	if err != nil {
		return record.Review{}, err
	}
	threads, err := publish.Threads(ctx, publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}, r.headOf(p))
	if err != nil {
		return record.Review{}, err
	}
	rep, input, err := r.report(ctx, gh, p, threads, nil, events)
	if err != nil {
		return record.Review{}, err
	}
	late := summary(rep, input)
	late.Silent = true
	return late, nil
}

// left reports whether the risk of a decision may be left although a merge removed its finding: in another pull request
// that is open, or in another branch. A decision that was made in another pull request is about this branch only if one
// in which it counts was merged into it.
func (r *Reviewer) left(ctx context.Context, gh *installation.Client, p pull.Pull, d decision.Decision) (bool, error) {
	numbers, err := r.Ledger.Counted(ctx, p.Repository(), d.ID)
	if err != nil {
		return false, err
	}
	here := d.Number == p.Number
	for _, n := range append(numbers, d.Number) {
		if n == p.Number {
			continue
		}
		known, err := r.Ledger.Pull(ctx, p.Repository(), n)
		if err != nil && !errors.Is(err, ledger.ErrUnknownPull) {
			return false, err
		}
		if err == nil && !known.Closed {
			return true, nil
		}
		if !here {
			if here, err = r.mergedInto(ctx, gh, p, n); err != nil {
				return false, err
			}
		}
	}
	return !here, nil
}

// mergedInto reports whether another pull request was merged into the branch of p. Older versions of this program did not
// record merges, so that GitHub has to be asked.
func (r *Reviewer) mergedInto(ctx context.Context, gh *installation.Client, p pull.Pull, number int) (bool, error) {
	events, err := r.Ledger.Events(ctx, ledger.Filter{RepoID: p.RepoID, Owner: p.Owner, Repo: p.Repo, Number: number, Kind: record.Merged, Last: true})
	if err != nil {
		return false, err
	}
	if len(events) > 0 {
		m, err := record.ReadOwnership[record.Merge](events[0].ID, events[0].Data)
		return m.Into == p.BaseRef, err
	}
	other, err := pull.Read(ctx, gh.REST, p.RepoID, p.Owner, p.Repo, number)
	if installation.NotFound(err) {
		return false, nil
	}
	return err == nil && other.Merged && other.BaseRef == p.BaseRef, err
}
