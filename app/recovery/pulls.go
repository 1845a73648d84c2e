package recovery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"
	"github.com/shurcooL/githubv4"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/webhook"
)

const (
	// firstLook is how far the first search for open pull requests goes back, if the App has been installed for longer:
	// after a lost database, or an older version, what is still worked on gets its verdicts.
	firstLook = 30 * 24 * time.Hour

	// pullOverlap is how much of the last search is searched again.
	pullOverlap = 10 * time.Minute

	// GitHub's GraphQL answers about at most 100 nodes, and gives up on queries that take longer than 10 seconds.
	// https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api
	reposAtOnce  = 50
	pullsAtOnce  = 20
	maxInstalled = 1000 // pull requests of one installation that are asked for in one run

	// reviewCost is about how many requests one review makes, of which a rate limit has to have enough.
	reviewCost = 25
)

// A listedPull is an open pull request as GitHub lists it.
type listedPull struct {
	repo    ledger.Repo
	number  int
	head    string
	into    string // the base branch
	draft   bool
	updated time.Time
	known   time.Time // since when the repository is known; if the pull request is not and is older, it is left alone
}

// pulls asks for reviews of the open pull requests whose head has no verdict, in all installations.
//
// Only pull requests that changed since the last complete search are considered, by GitHub's clock; at first, those that
// changed since the App was installed, or within [firstLook]. So the open pull requests of a repository get no comments
// on the day on which the App comes: only when somebody works on them, as with deliveries.
//
// After an installation came back within reach, more is considered, see [Recoverer.Return].
//
// It stops in an installation of which the rate limit is used but for the reserve, and the next run goes on there.
//
// began is the time of the first list by GitHub's clock: what happened later may not be in the lists. It is zero if there
// was no list.
func (r *Recoverer) pulls(ctx context.Context) (began time.Time, err error) {
	var first *github.Response
	installs, err := installation.All(ctx, func(opt *github.ListOptions) ([]*github.Installation, *github.Response, error) {
		list, resp, err := r.App.REST().Apps.ListInstallations(ctx, opt)
		first = cmp.Or(first, resp)
		return list, resp, err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("list installations: %w", err)
	}
	now := dateOf(first)
	if now.IsZero() {
		now = time.Now()
	}
	var failed error
	for _, in := range installs {
		if in.SuspendedAt != nil {
			continue
		}
		log := zerolog.Ctx(ctx).With().Int64("installation", in.GetID()).Logger()
		err := r.search(log.WithContext(ctx), in, now)
		var forbidden *installation.Forbidden
		switch {
		case ctx.Err() != nil:
			return now, ctx.Err()
		case installation.OutOfReach(err), errors.As(err, &forbidden):
			log.Info().Err(err).Msg("open pull requests cannot be listed")
		case err != nil: // one installation must not hold up the others
			failed = errors.Join(failed, fmt.Errorf("search installation %d: %w", in.GetID(), err))
		}
	}
	return now, failed
}

// search searches one installation.
func (r *Recoverer) search(ctx context.Context, in *github.Installation, now time.Time) error {
	scope := "pulls " + strconv.FormatInt(in.GetID(), 10)
	since, err := r.Ledger.Recovered(ctx, scope)
	if err != nil {
		return err
	}
	if since.IsZero() {
		since = now.Add(-firstLook)
	}
	if created := in.GetCreatedAt().Time; since.Before(created) { // the overlap may reach back before it
		since = created
	}
	rest, graph, err := r.App.Overview(ctx, in.GetID())
	if err != nil {
		return err
	}
	repos, resp, err := listRepos(ctx, rest)
	if err != nil {
		return err
	}
	back, err := r.returnedAt(ctx, in.GetID())
	if err != nil {
		return err
	}
	var missed []*github.Repository
	var known map[int64]time.Time
	if !back.IsZero() {
		if missed, repos, known, err = r.missed(ctx, repos); err != nil {
			return err
		}
	}
	open, err := r.listEach(ctx, rest, graph, repos, since)
	if err != nil {
		return err
	}
	if first := now.Add(-firstLook); first.Before(since) {
		since = first
	}
	more, err := r.listEach(ctx, rest, graph, missed, since)
	if err != nil {
		return err
	}
	for i, p := range more {
		more[i].known = known[p.repo.ID]
	}
	owed, err := r.owed(ctx, in.GetID(), append(open, more...), !back.IsZero())
	if err != nil {
		return err
	}
	left, err := r.givenUp(ctx, in.GetID(), missed, more)
	if err != nil {
		return err
	}
	owed = append(owed, left...)
	budget := maxInstalled
	if n, ok, err := spare(resp); err != nil && len(owed) > 0 {
		return err
	} else if ok {
		budget = min(budget, n/reviewCost)
	}
	if err := r.ask(ctx, owed[:min(len(owed), budget)]); err != nil {
		return err
	}
	if left := len(owed) - budget; left > 0 {
		zerolog.Ctx(ctx).Info().Int("pulls", left).Msg("more open pull requests without a verdict wait for the next hour, because of GitHub's rate limit")
		return nil
	}
	if !back.IsZero() {
		if err := r.Ledger.SetRecovered(ctx, searchedScope(in.GetID()), back); err != nil {
			return err
		}
	}
	return r.Ledger.SetRecovered(ctx, scope, now.Add(-pullOverlap))
}

// listEach lists the open pull requests of any number of repositories that changed since a time.
func (r *Recoverer) listEach(ctx context.Context, rest *github.Client, graph *githubv4.Client, repos []*github.Repository, since time.Time) (open []listedPull, err error) {
	for part := range slices.Chunk(repos, reposAtOnce) {
		list, err := r.list(ctx, rest, graph, part, since)
		if err != nil {
			return nil, err
		}
		open = append(open, list...)
	}
	return open, nil
}

// listRepos lists the repositories with anything open. The response is one of the list's, for its rate limit.
func listRepos(ctx context.Context, rest *github.Client) (list []*github.Repository, last *github.Response, err error) {
	list, err = installation.All(ctx, func(opt *github.ListOptions) ([]*github.Repository, *github.Response, error) {
		page, resp, err := rest.Apps.ListRepos(ctx, opt)
		if err != nil {
			return nil, resp, err
		}
		last = resp
		return page.Repositories, resp, nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("list repositories: %w", err)
	}
	list = slices.DeleteFunc(list, func(r *github.Repository) bool { return r.GetOpenIssuesCount() == 0 || r.GetArchived() })
	return list, last, nil
}

// openPulls is the question for the newest open pull requests of several repositories.
type openPulls struct {
	Nodes []struct {
		Repository struct {
			ID           string
			PullRequests struct {
				Nodes []struct {
					Number      int
					HeadRefOid  string
					BaseRefName string
					IsDraft     bool
					UpdatedAt   time.Time
				}
				PageInfo struct{ HasNextPage bool }
			} `graphql:"pullRequests(first: $first, states: OPEN, orderBy: {field: UPDATED_AT, direction: DESC})"`
		} `graphql:"... on Repository"`
	} `graphql:"nodes(ids: $ids)"`
}

// list lists the open pull requests of some repositories that changed since a time.
func (r *Recoverer) list(ctx context.Context, rest *github.Client, graph *githubv4.Client, repos []*github.Repository, since time.Time) (out []listedPull, err error) {
	byID := map[string]*github.Repository{}
	var ids []githubv4.ID
	for _, repo := range repos {
		byID[repo.GetNodeID()] = repo
		ids = append(ids, repo.GetNodeID())
	}
	var q openPulls
	err = graph.Query(ctx, &q, map[string]any{"ids": ids, "first": githubv4.Int(pullsAtOnce)})
	var refused *installation.GraphQLError
	switch {
	case errors.As(err, &refused) && refused.Type == "NOT_FOUND" && len(repos) == 1:
		return nil, nil // it was removed a moment ago
	case errors.As(err, &refused) && len(repos) > 1: // about one of them, or they are too many
		half := len(repos) / 2
		out, err = r.list(ctx, rest, graph, repos[:half], since)
		if err != nil {
			return nil, err
		}
		more, err := r.list(ctx, rest, graph, repos[half:], since)
		return append(out, more...), err
	case err != nil:
		return nil, fmt.Errorf("list open pull requests: %w", err)
	}
	for _, node := range q.Nodes {
		repo := byID[node.Repository.ID]
		if repo == nil {
			continue
		}
		is := repoOf(repo)
		older := !node.Repository.PullRequests.PageInfo.HasNextPage
		var few []listedPull
		for _, p := range node.Repository.PullRequests.Nodes {
			if p.UpdatedAt.Before(since) {
				older = true
				break
			}
			few = append(few, listedPull{repo: is, number: p.Number, head: p.HeadRefOid, into: p.BaseRefName, draft: p.IsDraft, updated: p.UpdatedAt})
		}
		if !older {
			if few, err = listAll(ctx, rest, is, since); err != nil {
				return nil, err
			}
		}
		out = append(out, few...)
	}
	return out, nil
}

// listAll lists all open pull requests of one repository that changed since a time.
func listAll(ctx context.Context, rest *github.Client, repo ledger.Repo, since time.Time) (out []listedPull, err error) {
	_, err = installation.All(ctx, func(opt *github.ListOptions) ([]*github.PullRequest, *github.Response, error) {
		page, resp, err := rest.PullRequests.List(ctx, repo.Owner, repo.Name, &github.PullRequestListOptions{
			State: "open", Sort: "updated", Direction: "desc", ListOptions: *opt,
		})
		if err != nil {
			return nil, resp, err
		}
		for _, p := range page {
			if p.GetUpdatedAt().Before(since) {
				resp.NextPage = 0
				break
			}
			out = append(out, listedPull{
				repo: repo, number: p.GetNumber(), head: p.GetHead().GetSHA(), into: p.GetBase().GetRef(), draft: p.GetDraft(), updated: p.GetUpdatedAt().Time,
			})
		}
		return nil, resp, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list open pull requests of %s: %w", repo, err)
	}
	return out, nil
}

// noVerdict is the reason of the requests of this package.
const noVerdict = "no verdict"

// owed returns requests for the reviews that are due, the newest pull request first. After a return these are also those
// that failed for a day.
func (r *Recoverer) owed(ctx context.Context, installed int64, open []listedPull, back bool) (out []queue.Request, err error) {
	slices.SortFunc(open, func(a, b listedPull) int {
		return cmp.Or(b.updated.Compare(a.updated), cmp.Compare(b.repo.ID, a.repo.ID), cmp.Compare(b.number, a.number))
	})
	for _, p := range open {
		due, force, err := r.due(ctx, p, back)
		if err != nil {
			return nil, err
		}
		if due {
			out = append(out, queue.Request{
				Key:    queue.Key{Installation: installed, Owner: p.repo.Owner, Repo: p.repo.Name, Number: p.number},
				RepoID: p.repo.ID, HeadSHA: p.head, Reason: noVerdict, Force: force,
			})
		}
	}
	return out, nil
}

// due reports whether a pull request needs a review, by what the ledger knows of it. With force its head has a verdict,
// which was made for a draft that is ready now or the reverse, or for another base; or its last review was given up, as for an App
// that was suspended then.
func (r *Recoverer) due(ctx context.Context, p listedPull, back bool) (due, force bool, err error) {
	known, err := r.Ledger.Pull(ctx, p.repo, p.number)
	switch {
	case errors.Is(err, ledger.ErrUnknownPull):
		return !p.updated.Before(p.known), false, nil
	case err != nil:
		return false, false, err
	case known.Head != p.head || known.Closed:
		return true, false, nil
	case known.Reviewed != known.Generation && !back: // it waits for its review
		return false, false, nil
	}
	if given, err := r.gaveUp(ctx, known); given || err != nil || known.Reviewed != known.Generation {
		return given, given, err
	}
	last, err := r.Ledger.LastReview(ctx, p.repo, p.number)
	switch {
	case err != nil:
		return false, false, err
	case last.Head != p.head:
		return true, true, nil
	case last.Context == nil:
		return false, false, nil
	}
	force = last.Context.Draft != p.draft || last.Context.Into != "" && last.Context.Into != p.into
	return force, force, nil
}

// ask submits requests in the given order.
func (r *Recoverer) ask(ctx context.Context, list []queue.Request) error {
	for part := range slices.Chunk(list, batchSize) {
		if err := r.Submit(ctx, nil, part, nil, nil); err != nil {
			return fmt.Errorf("ask for reviews: %w", err)
		}
		if r.Pulls != nil {
			r.Pulls(len(part))
		}
	}
	if len(list) > 0 {
		zerolog.Ctx(ctx).Info().Int("pulls", len(list)).Msg("open pull requests without a verdict are reviewed")
	}
	return nil
}

// groups asks for the verdicts on the merge groups that wait in some repositories.
func (r *Recoverer) groups(ctx context.Context, places []Place) error {
	for _, p := range places {
		repo, err := r.Ledger.Now(ctx, ledger.Repo{ID: p.Repo})
		if err != nil {
			return err
		}
		if repo.Name == "" {
			continue // no pull request of it was ever reviewed, so no rule can require the check
		}
		err = r.groupsOf(ctx, p.Installation, repo)
		var forbidden *installation.Forbidden
		if err != nil && !installation.OutOfReach(err) && !installation.NotFound(err) && !errors.As(err, &forbidden) {
			return err
		}
	}
	return nil
}

func (r *Recoverer) groupsOf(ctx context.Context, installed int64, repo ledger.Repo) error {
	gh, err := r.App.Client(ctx, installed, repo.ID, repo.Owner, repo.Name)
	if err != nil {
		return err
	}
	refs, err := installation.All(ctx, func(opt *github.ListOptions) ([]*github.Reference, *github.Response, error) {
		return gh.REST.Git.ListMatchingRefs(ctx, repo.Owner, repo.Name, &github.ReferenceListOptions{Ref: "heads/gh-readonly-queue/", ListOptions: *opt})
	})
	if err != nil {
		return fmt.Errorf("list the branches of the merge queue of %s: %w", repo, err)
	}
	for _, ref := range refs {
		branch := ref.GetRef()[min(len("refs/heads/"), len(ref.GetRef())):]
		base, ok := webhook.QueueBranch(branch)
		if !ok || ref.GetObject().GetSHA() == "" {
			continue
		}
		w, err := r.Want(ctx, webhook.Delivery{Intent: webhook.MergeGroup{
			Installation: installed, Owner: repo.Owner, Repo: repo.Name, RepoID: repo.ID, HeadSHA: ref.GetObject().GetSHA(), Branch: branch, BaseRef: base,
		}})
		if err != nil {
			return err
		}
		if err := r.Submit(ctx, nil, w.Reviews, w.Tasks, w.Events); err != nil {
			return fmt.Errorf("ask for the verdict on a merge group: %w", err)
		}
	}
	return nil
}
