package installation

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"
)

// A Client works on one repository. It may be used by several goroutines at once, and for any length of time: it
// renews its token.
type Client struct {
	Installation int64
	RepoID       int64 // GitHub's; 0 if not known
	Owner, Repo  string

	REST    *github.Client
	GraphQL *githubv4.Client
	HTTP    *http.Client // the client that both of the above use, for calls that they lack

	app    *App
	shared *installation
	token  *source
}

// Client returns a client for one repository. It asks GitHub for a token, unless it has one, so an inaccessible
// repository already fails here. If the repository's id is not 0, the token is for the repository with that id,
// under any name; a request under a name that is no longer its own fails with [*Moved].
func (a *App) Client(ctx context.Context, installation, id int64, owner, repo string) (*Client, error) {
	if !validName(owner) || !validName(repo) {
		return nil, fmt.Errorf("open installation %d: %q/%q is no repository name", installation, owner, repo)
	}
	c := &Client{Installation: installation, RepoID: id, Owner: owner, Repo: repo, app: a, shared: a.installation(installation)}
	c.token = c.source(forReview)
	if _, err := c.token.get(ctx); err != nil {
		return nil, fmt.Errorf("open %s/%s: %w", owner, repo, err)
	}
	c.HTTP = c.client(c.token)
	c.REST = a.newREST(c.HTTP)
	c.GraphQL = githubv4.NewEnterpriseClient(a.graphql, c.HTTP)
	return c, nil
}

// source returns the one source of tokens for this repository and purpose.
func (c *Client) source(p purpose) *source {
	s := c.scope(p)
	fresh := &source{app: c.app, installation: c.Installation, id: c.RepoID, repo: c.Repo, purpose: p, minting: make(chan struct{}, 1)}
	if known, ok, _ := c.shared.scopes.PeekOrAdd(s, fresh); ok {
		c.shared.scopes.Get(s) // marks it as recently used
		return known
	}
	return fresh
}

func (c *Client) scope(p purpose) scope {
	if c.RepoID != 0 {
		return scope{fmt.Sprintf("#%d", c.RepoID), p}
	}
	return scope{strings.ToLower(c.Owner + "/" + c.Repo), p}
}

func (c *Client) client(s *source) *http.Client {
	var t http.RoundTripper = &retry{c.app.exchange(c.Installation)}
	t = &authorize{source: s, next: t}
	t = &confined{api: c.app.api, next: t}
	t = &conditional{answers: c.app.cache, installation: c.Installation, scope: c.scope(s.purpose), next: t}
	t = &limited{limits: c.shared.limits, repo: strings.ToLower(c.Repo), next: t}
	if c.RepoID != 0 {
		t = &named{api: c.app.api.Path, id: c.RepoID, next: t}
	}
	return &http.Client{Transport: &settled{within: c.app.settle, next: t}}
}

// String returns the name of the repository. It contains no secret.
func (c *Client) String() string {
	return fmt.Sprintf("%s/%s in installation %d", c.Owner, c.Repo, c.Installation)
}

// Permissions returns the permissions of the token: names as in GitHub's API, such as "checks", with "read" or
// "write". GitHub may add permissions that were not requested, such as metadata.
func (c *Client) Permissions() map[string]string { return c.token.permissions() }

// Mirror returns the permanent key of the repository's mirror. It contains the repository's id, because another
// repository may have its name one day.
func (c *Client) Mirror() string {
	if c.RepoID != 0 {
		return fmt.Sprintf("%s#%d", c.app.web, c.RepoID)
	}
	return c.app.GitURL(c.Owner, c.Repo)
}

// GitToken returns a token that can only read this repository's content. It is valid for at least five minutes.
func (c *Client) GitToken(ctx context.Context) (string, error) {
	t, err := c.source(forGit).get(ctx)
	if err != nil {
		return "", fmt.Errorf("get a token for git on %s/%s: %w", c.Owner, c.Repo, err)
	}
	return t.reveal(), nil
}

// Reader returns a client that can only read one repository's content. Like [App.Client] it asks for a token, so
// an inaccessible repository already fails here, with [ErrGone].
func (a *App) Reader(ctx context.Context, installation int64, owner, repo string) (*github.Client, error) {
	if !validName(owner) || !validName(repo) {
		return nil, fmt.Errorf("open installation %d: %q/%q is no repository name", installation, owner, repo)
	}
	c := &Client{Installation: installation, Owner: owner, Repo: repo, app: a, shared: a.installation(installation)}
	s := c.source(forGit)
	if _, err := s.get(ctx); err != nil {
		return nil, fmt.Errorf("open %s/%s: %w", owner, repo, err)
	}
	return a.newREST(c.client(s)), nil
}

// Resolver returns a client that may resolve review threads, for which GitHub requires permission to write
// contents. If the installation does not grant it, the error is a [*Forbidden], like the error of the mutation
// itself.
func (c *Client) Resolver(ctx context.Context) (*githubv4.Client, error) {
	granted, err := c.shared.grants(ctx, c.app, c.Installation)
	if err != nil {
		return nil, fmt.Errorf("read what installation %d grants: %w", c.Installation, err)
	}
	if granted["contents"] != "write" {
		return nil, &Forbidden{Accepted: "contents=write", Message: "the installation does not grant it"}
	}
	return githubv4.NewEnterpriseClient(c.app.graphql, c.client(c.source(forResolving))), nil
}

// Reactor returns a client that may react to comments of the conversation, for which GitHub requires permission
// to write issues. If the installation does not grant it, the error is a [*Forbidden].
func (c *Client) Reactor(ctx context.Context) (*github.Client, error) {
	return c.granted(ctx, forReacting, "issues", "write")
}

// Issues returns clients that may read and write comments on issues, and read which issues a pull request closes. If the
// installation does not grant that, the error is a [*Forbidden].
func (c *Client) Issues(ctx context.Context) (*github.Client, *githubv4.Client, error) {
	rest, err := c.granted(ctx, forIssues, "issues", "write")
	if err != nil {
		return nil, nil, err
	}
	return rest, githubv4.NewEnterpriseClient(c.app.graphql, c.client(c.source(forIssues))), nil
}

// Teams returns a client that may read the members of teams. If the installation does not grant that, the error
// is a [*Forbidden].
func (c *Client) Teams(ctx context.Context) (*github.Client, error) {
	return c.granted(ctx, forTeams, "members", "read")
}

func (c *Client) granted(ctx context.Context, p purpose, permission, level string) (*github.Client, error) {
	granted, err := c.shared.grants(ctx, c.app, c.Installation)
	if err != nil {
		return nil, fmt.Errorf("read what installation %d grants: %w", c.Installation, err)
	}
	if have := granted[permission]; have != level && have != "write" && have != "admin" {
		return nil, &Forbidden{Accepted: permission + "=" + level, Message: "the installation does not grant it"}
	}
	return c.app.newREST(c.client(c.source(p))), nil
}

// grantsAge is how long it takes at most until a newly granted permission is noticed, unless [App.Forget] is
// called.
const grantsAge = 10 * time.Minute

func (i *installation) grants(ctx context.Context, a *App, id int64) (map[string]string, error) {
	i.mu.Lock()
	granted, asked := i.granted, i.asked
	i.mu.Unlock()
	if granted != nil && time.Since(asked) < grantsAge {
		return granted, nil
	}
	got, _, err := a.rest.Apps.GetInstallation(ctx, id)
	if err != nil {
		return nil, err
	}
	granted = permissionMap(got.GetPermissions())
	i.mu.Lock()
	defer i.mu.Unlock()
	i.granted, i.asked = granted, time.Now()
	return granted, nil
}
