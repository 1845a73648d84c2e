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

// A Client works on one repository. It may be used by several goroutines at once, and
// for as long as wanted: its token is renewed.
type Client struct {
	Installation int64
	RepoID       int64 // GitHub's; 0 where it is not known
	Owner, Repo  string

	REST    *github.Client
	GraphQL *githubv4.Client
	HTTP    *http.Client // what the two above use, for what they lack

	app    *App
	shared *installation
	token  *source
}

// Client gives a client for one repository. It asks GitHub for a token, unless it has
// one, so a repository out of reach is an error here already. Where the repository's id is
// not 0, the token is for it, whatever it is called now and whoever has its name; requests
// under a name that is not its own any more end in [*Moved].
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

// source gives the one source of tokens for this repository and purpose.
func (c *Client) source(p purpose) *source {
	s := c.scope(p)
	fresh := &source{app: c.app, installation: c.Installation, id: c.RepoID, repo: c.Repo, purpose: p, minting: make(chan struct{}, 1)}
	if known, ok, _ := c.shared.scopes.PeekOrAdd(s, fresh); ok {
		c.shared.scopes.Get(s) // as used just now
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
	return &http.Client{Transport: t}
}

// String names the repository, and nothing that is secret.
func (c *Client) String() string {
	return fmt.Sprintf("%s/%s in installation %d", c.Owner, c.Repo, c.Installation)
}

// Permissions tells what the token may do: names as in GitHub's API, such as "checks",
// and "read" or "write". GitHub may add some that were not asked for, such as metadata.
func (c *Client) Permissions() map[string]string { return c.token.permissions() }

// Mirror names the mirror of this repository for all time: by its id, since another repository may have its name
// one day.
func (c *Client) Mirror() string {
	if c.RepoID != 0 {
		return fmt.Sprintf("%s#%d", c.app.web, c.RepoID)
	}
	return c.app.GitURL(c.Owner, c.Repo)
}

// GitToken gives a token that can read this repository's content and nothing else. It is
// good for five minutes at least.
func (c *Client) GitToken(ctx context.Context) (string, error) {
	t, err := c.source(forGit).get(ctx)
	if err != nil {
		return "", fmt.Errorf("get a token for git on %s/%s: %w", c.Owner, c.Repo, err)
	}
	return t.reveal(), nil
}

// Reader gives a client that reads one repository's content and can do nothing else. Like
// [App.Client] it asks for a token, so a repository out of reach is [ErrGone] here already.
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

// Resolver gives a client that may resolve review threads, for which GitHub wants the
// right to write contents. Where the installation does not grant that, the error is a
// [*Forbidden], as it would be from the mutation itself.
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

// Reactor gives a client that may react to comments of the conversation, for which GitHub wants
// the right to write issues. Where the installation does not grant that, the error is a
// [*Forbidden].
func (c *Client) Reactor(ctx context.Context) (*github.Client, error) {
	return c.granted(ctx, forReacting, "issues", "write")
}

// Teams gives a client that may see who is in a team. Where the installation does not grant
// that, the error is a [*Forbidden].
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

// grantsAge is how long an owner who grants more waits for it to be noticed, unless
// [App.Forget] is called.
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
