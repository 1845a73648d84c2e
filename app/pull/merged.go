package pull

import (
	"context"
	"fmt"

	"github.com/google/go-github/v60/github"
)

// Parted returns a merged pull request with Base and MergeBase as they were when it was merged. Its branch is part of the
// base since, so GitHub's usual comparison would find no change.
//
// Before a merge, a squash or a rebase, the base branch ended at the parent of what it added, or at one of its parents
// that the pull request's branch does not have either.
func (p Pull) Parted(ctx context.Context, gh *github.Client) (Pull, error) {
	base := p.Base
	if p.MergeCommit != "" && p.MergeCommit != p.Head { // equal if somebody pushed the branch itself
		if c, _, err := gh.Repositories.GetCommit(ctx, p.Owner, p.Repo, p.MergeCommit, &github.ListOptions{PerPage: 1}); err == nil && len(c.Parents) > 0 {
			base = c.Parents[0].GetSHA()
		}
	}
	cmp, _, err := gh.Repositories.CompareCommits(ctx, p.Owner, p.Repo, base, p.Head, &github.ListOptions{PerPage: 1})
	if err != nil && base != p.Base {
		base = p.Base
		cmp, _, err = gh.Repositories.CompareCommits(ctx, p.Owner, p.Repo, base, p.Head, &github.ListOptions{PerPage: 1})
	}
	if err != nil {
		return p, fmt.Errorf("compare %s with the base before the merge: %w", p.Head, err)
	}
	p.Base, p.MergeBase = base, cmp.GetMergeBaseCommit().GetSHA()
	return p, nil
}
