package installation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v60/github"
)

// Moved means that a repository is not called any more what a request called it. A request that writes was not
// carried out. Where it is now, [App.Find] says.
type Moved struct{ Was string } // "owner/name"

func (e *Moved) Error() string { return "the repository is not called " + e.Was + " any more" }

// A Location is where a repository is.
type Location struct {
	Installation int64
	Owner, Name  string // GitHub's spelling
}

// Find asks GitHub where the repository with an id is now, that was reached by an installation as owner/name.
// [ErrGone] means that the App is not installed on it.
func (a *App) Find(ctx context.Context, installation, id int64, owner, name string) (Location, error) {
	if !validName(owner) || !validName(name) {
		return Location{}, fmt.Errorf("find repository %d: %q/%q is no repository name", id, owner, name)
	}
	at, err := a.locate(ctx, installation, id)
	if !errors.Is(err, ErrGone) {
		return at, err
	}
	// The name may be that of another repository by now, so the id is asked for first. It is how GitHub itself leads
	// on from a former name.
	installed, resp, err := a.rest.Apps.FindRepositoryInstallationByID(ctx, id)
	if absent(resp, err) {
		installed, resp, err = a.rest.Apps.FindRepositoryInstallation(ctx, owner, name)
	}
	switch {
	case absent(resp, err):
		return Location{}, fmt.Errorf("find repository %d: %w", id, ErrGone)
	case err != nil:
		return Location{}, fmt.Errorf("find the installation of repository %d: %w", id, err)
	}
	return a.locate(ctx, installed.GetID(), id)
}

// locate asks an installation for a new token for a repository. The answer holds what it is called.
// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
func (a *App) locate(ctx context.Context, installation, id int64) (Location, error) {
	c := &Client{Installation: installation, RepoID: id, app: a, shared: a.installation(installation)}
	s := c.source(forReview)
	s.drop()
	if _, err := s.get(ctx); err != nil {
		return Location{}, fmt.Errorf("find repository %d: %w", id, err)
	}
	repo := s.reached()
	if repo == nil { // an older server, which does not say
		var err error
		if repo, _, err = a.newREST(c.client(s)).Repositories.GetByID(ctx, id); err != nil {
			return Location{}, fmt.Errorf("read what repository %d is called: %w", id, err)
		}
	}
	at := Location{installation, repo.GetOwner().GetLogin(), repo.GetName()}
	if repo.GetID() != id || !validName(at.Owner) || !validName(at.Name) {
		return Location{}, fmt.Errorf("read what repository %d is called: GitHub's answer is about %d, %q/%q", id, repo.GetID(), at.Owner, at.Name)
	}
	return at, nil
}

func absent(resp *github.Response, err error) bool {
	return err != nil && resp != nil && resp.StatusCode == http.StatusNotFound
}

// redirects reports whether an answer leads on to another address.
func redirects(code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// named makes [*Moved] of a refusal that means no more than that the repository is not there any more. GitHub leads on
// who reads under a former name, but not to where the App is not, and not when the name is another repository's by now.
// Then it says "not found" or "not accessible", which elsewhere means that a thing in the repository is gone, or a
// permission missing.
type named struct {
	api  string // the path of it, with a slash at the end
	id   int64
	next http.RoundTripper
}

func (n *named) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := n.next.RoundTrip(req)
	var forbidden *Forbidden
	refused := errors.As(err, &forbidden) || err == nil && (resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusForbidden)
	rest, ok := strings.CutPrefix(req.URL.Path, n.api+"repos/")
	if !refused || !ok {
		return resp, err
	}
	owner, rest, _ := strings.Cut(rest, "/")
	name, _, _ := strings.Cut(rest, "/")
	gone, failed := n.gone(req, owner+"/"+name)
	if !gone && failed == nil {
		return resp, err
	}
	if resp != nil {
		resp.Body.Close()
	}
	if failed != nil { // so it is not known what the refusal means
		return nil, fmt.Errorf("find out whether %s/%s is there: %w", owner, name, failed)
	}
	return nil, &Moved{owner + "/" + name}
}

// gone reports whether GitHub says that the repository does not have a name, or is out of reach.
func (n *named) gone(req *http.Request, name string) (bool, error) {
	to := *req.URL
	to.Path, to.RawPath, to.RawQuery = n.api+"repos/"+name, "", ""
	ask, err := http.NewRequestWithContext(req.Context(), http.MethodGet, to.String(), nil)
	if err != nil {
		return false, err
	}
	ask.Header.Set("Accept", "application/vnd.github+json")
	resp, err := n.next.RoundTrip(ask)
	if errors.Is(err, ErrGone) { // there is no token for it any more
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotFound || redirects(resp.StatusCode):
		return true, nil
	case resp.StatusCode >= http.StatusInternalServerError:
		return false, fmt.Errorf("GitHub answers %s", resp.Status)
	}
	var repo struct{ ID int64 }
	return resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&repo) == nil && repo.ID != 0 && repo.ID != n.id, nil
}

// OutOfReach reports whether an error says that the App has no business there any more. That git does not find a
// repository says nothing: a moment later it may.
func OutOfReach(err error) bool { return errors.Is(err, ErrGone) || errors.Is(err, ErrSuspended) }

// NotFound reports whether GitHub does not know what was asked for, any more or yet.
func NotFound(err error) bool {
	var e *github.ErrorResponse
	if !errors.As(err, &e) || e.Response == nil {
		return false
	}
	return e.Response.StatusCode == http.StatusNotFound || e.Response.StatusCode == http.StatusUnprocessableEntity
}
