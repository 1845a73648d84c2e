package fakegithub

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Rename gives the repository another name, and delivers repository.renamed to an App that subscribed to it.
// Requests for the old name are redirected, until somebody makes a repository with that name.
// https://docs.github.com/en/repositories/creating-and-managing-repositories/renaming-a-repository
func (r *Repo) Rename(name string) {
	r.s.act(func() []outgoing {
		was := r.name
		r.moveTo(r.owner, name)
		return r.s.event(r, "repository", "octocat", object{
			"action": "renamed", "changes": object{"repository": object{"name": object{"from": was}}},
		})
	})
}

// Transfer moves the repository to another account. If the account does not exist yet, Transfer makes it an
// organisation. An installation there with all repositories covers the repository from now on; the installation
// of the previous account does not cover it any more.
// https://docs.github.com/en/repositories/creating-and-managing-repositories/transferring-a-repository
func (r *Repo) Transfer(owner string) {
	r.s.act(func() []outgoing {
		was := r.owner
		r.moveTo(r.s.account(owner, "Organization"), r.name)
		kind := "user"
		if was.kind == "Organization" {
			kind = "organization"
		}
		return r.s.event(r, "repository", "octocat", object{
			"action": "transferred", "changes": object{"owner": object{"from": object{kind: r.s.userJSON(was)}}},
		})
	})
}

func (r *Repo) moveTo(owner *account, name string) {
	s, was := r.s, r.key()
	delete(s.repos, was)
	s.moved[was] = r.id
	for _, in := range s.installs {
		if in.repos[was] {
			delete(in.repos, was)
			if in.account == owner {
				in.repos[strings.ToLower(owner.login+"/"+name)] = true
			}
		}
	}
	r.owner, r.name = owner, name
	delete(s.moved, r.key())
	s.repos[r.key()] = r
}

// NameOf returns the current name of a repository that may be renamed at the same time.
func (s *Server) NameOf(r *Repo) (owner, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.owner.login, r.name
}

// find returns the repository that has a name, or the one that had it last. moved reports that the
// repository has another name now.
func (s *Server) find(owner, name string) (r *Repo, moved bool) {
	key := strings.ToLower(owner + "/" + name)
	if r := s.repos[key]; r != nil && !r.deleted {
		return r, false
	}
	if id, ok := s.moved[key]; ok {
		return s.repoByID(id), true
	}
	return nil, false
}

// movedTo returns the redirect for a name that the repository does not have any more: 301 for GET, and for all
// other methods 307, which keeps the method.
// https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
func (s *Server) movedTo(r *Repo, req *http.Request) *apiError {
	_, rest, _ := strings.Cut(strings.TrimPrefix(req.URL.EscapedPath(), "/api/v3/repos/"), "/") // the owner
	_, rest, sub := strings.Cut(rest, "/")
	to := s.api("/repositories/%d", r.id)
	if sub {
		to += "/" + rest
	}
	if req.URL.RawQuery != "" {
		to += "?" + req.URL.RawQuery
	}
	e := fail(http.StatusMovedPermanently, "Moved Permanently")
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		e = fail(http.StatusTemporaryRedirect, "Temporary Redirect")
	}
	e.URL, e.header = to, http.Header{"Location": {to}}
	return e
}

// byID rewrites a path that begins with /repositories/ID to the path with the repository's name.
func (s *Server) byID(r *http.Request) *http.Request {
	rest, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/v3/repositories/")
	if !ok {
		return r
	}
	digits, rest, sub := strings.Cut(rest, "/")
	id, err := strconv.ParseInt(digits, 10, 64)
	s.mu.Lock()
	repo := s.repoByID(id)
	s.mu.Unlock()
	if err != nil || repo == nil {
		return r
	}
	path := fmt.Sprintf("/api/v3/repos/%s", repo.FullName())
	if sub {
		path += "/" + rest
	}
	to := *r.URL
	if to.Path, err = url.PathUnescape(path); err != nil {
		return r
	}
	if to.RawPath = ""; path != to.Path {
		to.RawPath = path
	}
	out := r.WithContext(r.Context())
	out.URL = &to
	return out
}
