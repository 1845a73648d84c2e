package pull

import (
	"context"
	"fmt"

	"github.com/google/go-github/v60/github"
)

// Parted returns a merged pull request with Base and MergeBase as they were when it was merged. Its branch is part of the
// base since, so GitHub's usual comparison would find no change.
//
// Before a merge or a squash, the base branch ended at the first parent of the commit that it added. A rebase adds several
// commits, which look like a squash of several; then the merge base is the newest commit that is known to be of
// the base.
func (p Pull) Parted(ctx context.Context, gh *github.Client) (Pull, error) {
	base, several := p.Base, false
	if p.MergeCommit != "" && p.MergeCommit != p.Head { // equal if somebody pushed the branch itself
		if c, _, err := gh.Repositories.GetCommit(ctx, p.Owner, p.Repo, p.MergeCommit, &github.ListOptions{PerPage: 1}); err == nil && len(c.Parents) > 0 {
			base, several = c.Parents[0].GetSHA(), len(c.Parents) == 1 && p.Commits > 1
		}
	}
	cmp, _, err := gh.Repositories.CompareCommits(ctx, p.Owner, p.Repo, base, p.Head, &github.ListOptions{PerPage: 1})
	if err != nil && base != p.Base {
		base, several = p.Base, false
		cmp, _, err = gh.Repositories.CompareCommits(ctx, p.Owner, p.Repo, base, p.Head, &github.ListOptions{PerPage: 1})
	}
	if err != nil {
		return p, fmt.Errorf("compare %s with the base before the merge: %w", p.Head, err)
	}
	p.Base, p.MergeBase = base, cmp.GetMergeBaseCommit().GetSHA()
	if several && p.MergeBase != "" {
		p.Base = p.MergeBase
	}
	return p, nil
}
