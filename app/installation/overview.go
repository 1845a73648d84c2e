package installation

import (
	"context"
	"fmt"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"
)

// Overview returns clients that can list all repositories of an installation and their pull requests, and do nothing
// else: to find what no delivery has named. It asks for a token, so an installation that is gone or suspended already
// fails here.
func (a *App) Overview(ctx context.Context, installation int64) (*github.Client, *githubv4.Client, error) {
	c := &Client{Installation: installation, app: a, shared: a.installation(installation)}
	known := scope{"", forListing}
	s := &source{app: a, installation: installation, purpose: forListing, minting: make(chan struct{}, 1)}
	if earlier, ok, _ := c.shared.scopes.PeekOrAdd(known, s); ok {
		s = earlier
	}
	if _, err := s.get(ctx); err != nil {
		return nil, nil, fmt.Errorf("open installation %d: %w", installation, err)
	}
	http := c.client(s)
	return a.newREST(http), githubv4.NewEnterpriseClient(a.graphql, http), nil
}
