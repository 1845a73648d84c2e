package review

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
)

// limits describes everything that decides whether a change is too large.
func (r *Reviewer) limits() string {
	return r.Examiner.Program + " " + r.Mirrors.Limits.String()
}

// Retry asks for reviews of open pull requests whose head was, in whole or in part, too large for limits other than
// those that hold now. Several processes may call it when they start; each review is asked for once.
func (r *Reviewer) Retry(ctx context.Context) error {
	events, err := r.Ledger.Events(ctx, ledger.Filter{Kind: record.TooLarge})
	if err != nil {
		return err
	}
	type subject struct {
		repo   ledger.Repo
		number int
	}
	last := map[subject]ledger.Event{}
	for _, e := range events {
		repo := ledger.Repo{ID: e.RepoID}
		if e.RepoID == 0 {
			repo = ledger.Repo{Owner: e.Owner, Name: e.Repo}
		}
		last[subject{repo, e.Number}] = e
	}
	for s, e := range last {
		var was record.Limits
		if json.Unmarshal(e.Data, &was) == nil && was.Limits == r.limits() {
			continue
		}
		known, err := r.Ledger.Pull(ctx, s.repo, s.number)
		if errors.Is(err, ledger.ErrUnknownPull) {
			continue
		}
		if err != nil {
			return err
		}
		if known.Head != e.Head || known.Closed {
			continue
		}
		one := queue.Request{
			Key:    queue.Key{Installation: known.Installation, Owner: known.Owner, Repo: known.Repo, Number: known.Number},
			RepoID: known.RepoID, Reason: "it was too large for other limits", Force: true,
		}
		data, err := json.Marshal(record.Limits{Limits: r.limits()})
		if err != nil {
			return err
		}
		event := ledger.Event{
			Kind: record.Retried, Installation: known.Installation, RepoID: known.RepoID, Owner: known.Owner, Repo: known.Repo, Number: known.Number,
			Head: known.Head, Data: data, Once: fmt.Sprintf("retried %d for %s", e.ID, r.limits()),
		}
		err = r.Submit(ctx, ledger.Delivery{}, []queue.Request{one}, nil, []ledger.Event{event})
		if err != nil && !errors.Is(err, ledger.ErrDuplicate) {
			return err
		}
	}
	return nil
}
