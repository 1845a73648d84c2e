package recovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
)

// Returned is the kind of the tasks for [Recoverer.Return].
const Returned = "returned"

// A return is the data of such a task.
type returned struct {
	At time.Time `json:"at"` // when it was heard, by the clock of the process that heard it
}

// ReturnTask returns the task for a delivery after which the App can reach more of an installation than before: it was
// installed again, a suspension ended, permissions were accepted, or repositories were added.
func ReturnTask(guid string, installed int64) queue.Task {
	data, err := json.Marshal(returned{time.Now().UTC()})
	if err != nil {
		panic(err) // a time of this century can always be encoded
	}
	return queue.Task{Installation: installed, Kind: Returned, ID: strconv.FormatInt(installed, 10) + "-" + guid, Data: data}
}

// Return reviews what was missed in an installation while the App was out of its reach: the open pull requests whose head
// has no verdict, in repositories of which it knows any pull request. The newest come first, as many as the rate limit
// allows; the next runs do the rest. What nobody has worked on since the App first came is left alone, as on its first day.
func (r *Recoverer) Return(ctx context.Context, t queue.Task) error {
	var back returned
	if err := json.Unmarshal(t.Data, &back); err != nil {
		return fmt.Errorf("read when installation %d came back: %w", t.Installation, err)
	}
	r.App.Forget(t.Installation) // what its tokens may do has changed
	if err := r.Ledger.SetRecovered(ctx, returnedScope(t.Installation), back.At); err != nil {
		return err
	}
	if at, err := r.returnedAt(ctx, t.Installation); err != nil || at.IsZero() {
		return err
	}
	in, resp, err := r.App.REST().Apps.GetInstallation(ctx, t.Installation)
	switch {
	case installation.OutOfReach(err):
		return nil // it is gone again
	case err != nil:
		return fmt.Errorf("read installation %d: %w", t.Installation, err)
	case in.SuspendedAt != nil:
		return nil
	}
	now := dateOf(resp)
	if now.IsZero() {
		now = time.Now()
	}
	err = r.search(ctx, in, now)
	if forbidden := (*installation.Forbidden)(nil); errors.As(err, &forbidden) {
		zerolog.Ctx(ctx).Info().Err(err).Msg("open pull requests cannot be listed")
		return nil
	}
	return err
}

// Names of scopes, see [ledger.Ledger.Recovered]: when an installation came back the last time, and the return for which
// it was searched completely.
func returnedScope(installed int64) string { return "returned " + strconv.FormatInt(installed, 10) }
func searchedScope(installed int64) string { return "searched " + strconv.FormatInt(installed, 10) }

// returnedAt returns when an installation came back, if it has not been searched completely since; else zero.
func (r *Recoverer) returnedAt(ctx context.Context, installed int64) (time.Time, error) {
	back, err := r.Ledger.Recovered(ctx, returnedScope(installed))
	if err != nil || back.IsZero() {
		return time.Time{}, err
	}
	done, err := r.Ledger.Recovered(ctx, searchedScope(installed))
	if err != nil || !done.Before(back) {
		return time.Time{}, err
	}
	return back, nil
}

// missed parts repositories in those of which the ledger knows any pull request, by their ids with the time since when,
// and the others.
func (r *Recoverer) missed(ctx context.Context, repos []*github.Repository) (known, others []*github.Repository, first map[int64]time.Time, err error) {
	first = map[int64]time.Time{}
	for _, repo := range repos {
		at, err := r.Ledger.FirstHeard(ctx, repoOf(repo))
		if err != nil {
			return nil, nil, nil, err
		}
		if at.IsZero() {
			others = append(others, repo)
			continue
		}
		known = append(known, repo)
		first[repo.GetID()] = at
	}
	return known, others, first, nil
}

// givenUp returns requests for the reviews that were given up, of pull requests that nobody has changed for so long that
// they are not in the list.
func (r *Recoverer) givenUp(ctx context.Context, installed int64, repos []*github.Repository, list []listedPull) (out []queue.Request, err error) {
	for _, repo := range repos {
		is := repoOf(repo)
		numbers, err := r.Ledger.OpenPulls(ctx, is)
		if err != nil {
			return nil, err
		}
		for _, n := range slices.Backward(numbers) {
			if slices.ContainsFunc(list, func(p listedPull) bool { return p.repo.ID == is.ID && p.number == n }) {
				continue
			}
			known, err := r.Ledger.Pull(ctx, is, n)
			if err != nil {
				return nil, err
			}
			given, err := r.gaveUp(ctx, known)
			if err != nil {
				return nil, err
			}
			if given {
				out = append(out, queue.Request{
					Key: queue.Key{Installation: installed, Owner: is.Owner, Repo: is.Name, Number: n}, RepoID: is.ID, Reason: noVerdict, Force: true,
				})
			}
		}
	}
	return out, nil
}

// gaveUp reports whether the newest review of a pull request was given up, and none has finished since: because it was out
// of reach, or because it failed for a day.
func (r *Recoverer) gaveUp(ctx context.Context, p ledger.Pull) (bool, error) {
	newest := func(kind string) (e ledger.Event, err error) {
		list, err := r.Ledger.Events(ctx, ledger.Filter{RepoID: p.RepoID, Owner: p.Owner, Repo: p.Repo, Number: p.Number, Kind: kind, Last: true})
		if err == nil && len(list) > 0 {
			e = list[0]
		}
		return e, err
	}
	kind := record.Superseded
	if p.Reviewed != p.Generation { // it failed, or it waits for its review
		kind = queue.GaveUp
	}
	given, err := newest(kind)
	if err != nil || given.ID == 0 || kind == record.Superseded && given.Head != "" { // with a head, a newer one has replaced it
		return false, err
	}
	finished, err := newest(record.Finished)
	return err == nil && finished.ID < given.ID, err
}

func repoOf(repo *github.Repository) ledger.Repo {
	return ledger.Repo{ID: repo.GetID(), Owner: repo.GetOwner().GetLogin(), Name: repo.GetName()}
}
