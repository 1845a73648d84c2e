package review

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/pull"
)

// fetch brings both ends of the change, and the commits between them, into the mirror.
func (r *Reviewer) fetch(ctx context.Context, gh *installation.Client, p pull.Pull) (examine.Change, error) {
	repo, err := r.mirror(ctx, gh, p)
	if err != nil {
		return examine.Change{}, fmt.Errorf("open mirror: %w", err)
	}
	c := examine.Change{Repo: repo, Base: p.MergeBase, Head: p.Head, Bases: []string{p.Base}, Parsers: r.Parsers}
	if c.Base == "" { // no common history: everything is new
		c.Base, c.Bases = repo.EmptyTree(), nil
	}
	head := fmt.Sprintf("refs/pull/%d/head", p.Number)
	want := mirror.Want{SHAs: []string{p.Head, p.Base}, Refs: []string{head}, Depth: 1}
	if p.MergeBase != "" {
		want.SHAs = append(want.SHAs, p.MergeBase)
	}
	if err := repo.Fetch(ctx, want); err != nil {
		return examine.Change{}, fmt.Errorf("fetch %s: %w", p.Head, err)
	}
	if c.Commits, c.Partial, err = r.between(ctx, gh, repo, p); err != nil {
		return examine.Change{}, err
	}
	return c, nil
}

// mirror opens the mirror of the repository of a pull request.
func (r *Reviewer) mirror(ctx context.Context, gh *installation.Client, p pull.Pull) (*mirror.Repo, error) {
	return r.Mirrors.Open(ctx, gh.Mirror(), mirror.Remote{URL: r.App.GitURL(p.Owner, p.Repo), Token: gh.GitToken})
}

// maxCommits is how many commits of a pull request are scanned. Each costs the trees that it changes and every version
// of a file that it brings.
const maxCommits = 1000

// maxLog bounds the history that is read to find them: merges bring in commits that others made meanwhile.
const maxLog = 50 * maxCommits

// between brings the commits of a pull request into the mirror and lists them, oldest first. If they are not all of
// them, partial says why. A history that is too large is not an error, since both ends can be compared without it.
//
// If the pull request contains no merge, the history itself shows which commits belong to it. Otherwise it does not,
// since a mirror does not hold all of the history: then GitHub lists the oldest commits, and every commit that comes
// after one of these belongs to the pull request, too.
func (r *Reviewer) between(ctx context.Context, gh *installation.Client, repo *mirror.Repo, p pull.Pull) (commits []string, partial string, err error) {
	if p.Commits <= 1 {
		return nil, "", nil
	}
	refs := []string{fmt.Sprintf("refs/pull/%d/head", p.Number)}
	want := mirror.Want{SHAs: []string{p.Head}, Refs: refs, Depth: min(p.Commits, maxCommits) + 1}
	log, err := history(ctx, repo, p, want)
	if errors.Is(err, mirror.ErrTooLarge) {
		zerolog.Ctx(ctx).Info().Err(err).Msg("the history is over the limits")
		return nil, fmt.Sprintf("The history of the pull request's %d commits is too large to be read, so it was not scanned.", p.Commits), nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("fetch the history of %s: %w", p.Head, err)
	}
	commits, all := straight(log, p.MergeBase)
	if !all && len(commits) < maxCommits { // it contains a merge
		listed, err := p.List(ctx, gh.REST)
		if err != nil {
			return nil, "", err
		}
		// Each commit is compared with its parents.
		err = repo.Fetch(ctx, mirror.Want{SHAs: listed, Refs: refs, Depth: 2})
		if errors.Is(err, mirror.ErrTooLarge) {
			listed, err = nil, nil
		}
		if err != nil {
			return nil, "", fmt.Errorf("fetch the commits of the pull request: %w", err)
		}
		commits = after(log, listed, commits)
		all = len(commits) >= p.Commits
	}
	commits = commits[max(0, len(commits)-maxCommits):]
	if !all {
		partial = fmt.Sprintf("The pull request has %d commits, of which %d were scanned; the history of the others was not.", max(p.Commits, len(commits)+1), len(commits))
	}
	return commits, partial, nil
}

func history(ctx context.Context, repo *mirror.Repo, p pull.Pull, want mirror.Want) ([]mirror.Commit, error) {
	if err := repo.Fetch(ctx, want); err != nil {
		return nil, err
	}
	return repo.Log(ctx, p.MergeBase, p.Head, maxLog)
}

// straight lists the commits of a history, children first, down to where it parts from its base. It returns them oldest
// first: all of them if there is no merge, else those after the last merge.
func straight(log []mirror.Commit, base string) (commits []string, all bool) {
	for i, c := range log {
		if len(commits) == maxCommits || i > 0 && !slices.Equal(log[i-1].Parents, []string{c.SHA}) {
			break
		}
		commits = append(commits, c.SHA)
		all = !c.End && (len(c.Parents) == 0 || slices.Equal(c.Parents, []string{base}))
	}
	slices.Reverse(commits)
	return commits, all
}

// after lists the oldest and newest commits, which are known to belong to a pull request, and those of log (children
// first) that come after one of them, which the base therefore cannot have. The oldest are first.
func after(log []mirror.Commit, oldest, newest []string) []string {
	const known, listed = 1, 2
	in := map[string]int{}
	for _, sha := range newest {
		in[sha] = known
	}
	for _, sha := range oldest {
		in[sha] = listed
	}
	commits := slices.Clone(oldest)
	for _, c := range slices.Backward(log) {
		if in[c.SHA] != listed && (in[c.SHA] == known || slices.ContainsFunc(c.Parents, func(parent string) bool { return in[parent] != 0 })) {
			in[c.SHA] = listed
			commits = append(commits, c.SHA)
		}
	}
	return commits
}
