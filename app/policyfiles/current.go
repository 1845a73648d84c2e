package policyfiles

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
)

// Current returns the policy of the default branch of the client's repository, for what concerns no pull request, and
// whether everybody can read the repository.
func (f *Files) Current(ctx context.Context, gh *installation.Client) (p policy.Policy, public bool, err error) {
	repo, _, err := gh.REST.Repositories.Get(ctx, gh.Owner, gh.Repo)
	if err != nil {
		return policy.Policy{}, false, fmt.Errorf("read the repository: %w", err)
	}
	branch := repo.GetDefaultBranch()
	base := pull.Pull{RepoID: gh.RepoID, Owner: gh.Owner, Repo: gh.Repo, Fork: repo.GetFork(), Public: !repo.GetPrivate(), BaseRef: branch}
	tip, _, err := gh.REST.Repositories.GetCommit(ctx, gh.Owner, gh.Repo, url.PathEscape("heads/"+branch), &github.ListOptions{PerPage: 1})
	switch {
	case empty(err):
		p, _, _, err = f.Policy(ctx, gh.Installation, base, func(context.Context) ([]byte, bool, error) { return nil, false, nil })
		return p, base.Public, err
	case err != nil:
		return policy.Policy{}, false, fmt.Errorf("read the default branch: %w", err)
	}
	base.Base = tip.GetSHA()
	p, _, _, err = f.Policy(ctx, gh.Installation, base, f.FromAnywhere(gh, base))
	return p, base.Public, err
}

// empty reports whether GitHub says that a repository has no commit: it may hold nothing but issues.
// https://docs.github.com/en/rest/commits/commits#get-a-commit
func empty(err error) bool {
	var answer *github.ErrorResponse
	return errors.As(err, &answer) && answer.Response != nil && (answer.Response.StatusCode == http.StatusConflict || answer.Response.StatusCode == http.StatusUnprocessableEntity)
}
