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

// Moved means that a repository no longer has the name in the request. A request that writes was not carried out.
// [App.Find] returns the new location.
type Moved struct{ Was string } // "owner/name"

func (e *Moved) Error() string { return "the repository is not called " + e.Was + " any more" }

// A Location is the current place of a repository.
type Location struct {
	Installation int64
	Owner, Name  string // GitHub's spelling
}

// Find asks GitHub for the current location of the repository with this id, which was last known as owner/name in
// an installation. The error is [ErrGone] if the App is not installed on it.
func (a *App) Find(ctx context.Context, installation, id int64, owner, name string) (Location, error) {
	if !validName(owner) || !validName(name) {
		return Location{}, fmt.Errorf("find repository %d: %q/%q is no repository name", id, owner, name)
	}
	at, err := a.locate(ctx, installation, id)
	if !errors.Is(err, ErrGone) {
		return at, err
	}
	// Ask by id first, because the name may belong to another repository by now. GitHub's own redirects from a
	// former name use the id too.
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

// locate requests a new token for a repository from an installation. The answer contains the repository's current
// name.
// https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app
func (a *App) locate(ctx context.Context, installation, id int64) (Location, error) {
	c := &Client{Installation: installation, RepoID: id, app: a, shared: a.installation(installation)}
	s := c.source(forReview)
	s.drop()
	if _, err := s.get(ctx); err != nil {
		return Location{}, fmt.Errorf("find repository %d: %w", id, err)
	}
	repo := s.reached()
	if repo == nil { // an older server, whose answer omits it
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

// redirects reports whether a status code is a redirect.
func redirects(code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// named converts a refusal to [*Moved] if its only reason is that the repository has moved. GitHub redirects
// reads under a former name, but not to a repository without the App, and not if another repository has the name
// by now. Then it answers "not found" or "not accessible", which otherwise means that something in the repository
// is gone, or a permission is missing.
type named struct {
	api  string // the path of the API, with a slash at the end
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
	if failed != nil { // so the meaning of the refusal is unknown
		return nil, fmt.Errorf("find out whether %s/%s is there: %w", owner, name, failed)
	}
	return nil, &Moved{owner + "/" + name}
}

// gone reports whether the repository, according to GitHub, no longer has the name or is out of reach.
func (n *named) gone(req *http.Request, name string) (bool, error) {
	to := *req.URL
	to.Path, to.RawPath, to.RawQuery = n.api+"repos/"+name, "", ""
	ask, err := http.NewRequestWithContext(req.Context(), http.MethodGet, to.String(), nil)
	if err != nil {
		return false, err
	}
	ask.Header.Set("Accept", "application/vnd.github+json")
	resp, err := n.next.RoundTrip(ask)
	if errors.Is(err, ErrGone) { // no token is available for it any more
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

// OutOfReach reports whether err means that the App no longer has access. It ignores git's failure to find a
// repository, because that may be temporary.
func OutOfReach(err error) bool { return errors.Is(err, ErrGone) || errors.Is(err, ErrSuspended) }

// NotFound reports whether GitHub does not know the requested object, either any more or yet.
func NotFound(err error) bool {
	var e *github.ErrorResponse
	if !errors.As(err, &e) || e.Response == nil {
		return false
	}
	return e.Response.StatusCode == http.StatusNotFound || e.Response.StatusCode == http.StatusUnprocessableEntity
}
