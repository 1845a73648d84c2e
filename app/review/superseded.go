package review

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// share passes to a run the numbers of the other pull requests with the same head.
func (r *Reviewer) share(ctx context.Context, p pull.Pull, run *publish.Run) error {
	numbers, err := r.Ledger.PullsAt(ctx, p.Repository(), p.Head)
	if err != nil {
		return err
	}
	run.ShareWith(slices.DeleteFunc(numbers, func(n int) bool { return n == p.Number }))
	return nil
}

// release asks for reviews of the other pull requests with a head that this one has left, since their verdicts counted
// this one's, or wait for it.
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

// abandon closes what earlier reviews of this pull request, according to its events, left in progress: on other heads
// than keep, or, if keep is empty, on every head.
func (r *Reviewer) abandon(ctx context.Context, req queue.Request, events []ledger.Event, c publish.Clients, place publish.Head, keep, why string) error {
	// Only heads on which one of our reviews began are checked: asking GitHub for the checks of every earlier head
	// would cost a request for each push.
	unfinished, last := map[string]ledger.Event{}, keep
	for _, e := range events {
		switch e.Kind {
		case record.Started:
			unfinished[e.Head] = e
		case record.Finished, record.Superseded:
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
		ended := ledger.Event{Kind: record.Superseded, Installation: e.Installation, RepoID: req.RepoID, Owner: place.Owner, Repo: place.Repo, Number: e.Number, Head: head}
		if err := r.Ledger.Record(ctx, ended); err != nil {
			return err
		}
		if err := r.release(ctx, req, head); err != nil {
			return err
		}
	}
	return nil
}

// askedAgain returns the checks that somebody asked to run again and no review has run since, from all events of a pull
// request. A review that has finished knew the requests from before it started. It may have missed those from while it
// ran, at the latest between its verdict and its end.
func askedAgain(events []ledger.Event) (names []string, err error) {
	var started int // number of events when the newest review started
	var after int   // number of events when the newest finished review started
	for i, e := range events {
		switch e.Kind {
		case record.Started:
			started = i
		case record.Finished:
			after = started
		}
	}
	for _, e := range events[after:] {
		if e.Kind != record.RerunAsked {
			continue
		}
		var data record.Rerun
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return nil, fmt.Errorf("read event %d: %w", e.ID, err)
		}
		if !slices.Contains(names, data.Check) {
			names = append(names, data.Check)
		}
	}
	return names, nil
}

// outdated reports whether the head's verdict was made for a draft that is now ready, or for another base: it may be
// milder than the verdict that is due, and must not be merged with meanwhile.
func outdated(events []ledger.Event, p pull.Pull) bool {
	for _, e := range slices.Backward(events) {
		if e.Kind != record.Finished || e.Head != p.Head {
			continue
		}
		was, err := record.ReadReview(e.ID, e.At, e.Head, e.Data)
		if err != nil || was.Context == nil {
			return false // older versions of this program did not record it
		}
		return was.Context.Draft && !p.Draft || was.Context.Into != "" && was.Context.Into != p.BaseRef
	}
	return false
}
