package fakegithub

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// handler puts all routes together.
func (s *Server) handler() (http.Handler, error) {
	gql, err := s.graphqlHandler()
	if err != nil {
		return nil, err
	}
	mux := chi.NewRouter()
	mux.Post("/api/graphql", gql)
	s.appRoutes(mux)
	s.pullRoutes(mux)
	s.reviewRoutes(mux)
	s.commentRoutes(mux)
	s.issueRoutes(mux)
	s.reactionRoutes(mux)
	s.checkRoutes(mux)
	s.orgRoutes(mux)
	s.rest(mux, "GET /rate_limit", withToken, "", s.rateLimit)
	mux.Handle("/api/*", http.HandlerFunc(noRoute))
	s.pageRoutes(mux)
	s.actionsRoutes(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		before := s.before
		s.mu.Unlock()
		if before != nil {
			before(r)
		}
		r = s.byID(r)
		if strings.Contains(r.URL.Path, ".git/") && !strings.HasPrefix(r.URL.Path, "/api/") {
			s.serveGit(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}), nil
}

func noRoute(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("X-GitHub-Request-Id", requestID())
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprintf(w, `{"message":"Not Found","documentation_url":"https://docs.github.com/rest","fakegithub":%q}`, "no such route: "+r.Method+" "+r.URL.Path)
}

func (s *Server) appRoutes(mux chi.Router) {
	s.rest(mux, "GET /app", withJWT, "", func(*call) (answer, error) {
		return one(with(s.appJSON(), object{"installations_count": len(s.installs)}))
	})
	s.rest(mux, "GET /app/installations", withJWT, "", func(*call) (answer, error) {
		var list []*installation
		for _, in := range s.installs {
			list = append(list, in)
		}
		slices.SortFunc(list, func(a, b *installation) int { return int(a.id - b.id) })
		return paged(list, s.installationJSON)
	})
	s.rest(mux, "GET /app/installations/{id:[0-9]+}", withJWT, "", func(c *call) (answer, error) { return s.installationAnswer(s.installs[c.int64("id")]) })
	s.rest(mux, "POST /app/installations/{id:[0-9]+}/access_tokens", withJWT, "", s.createToken)
	s.rest(mux, "DELETE /installation/token", withToken, "", s.revokeToken)
	s.rest(mux, "GET /repos/{owner}/{repo}/installation", withJWT, "", func(c *call) (answer, error) { return s.installationAnswer(s.installationOf(c.repo)) })
	s.rest(mux, "GET /installation/repositories", withToken, "metadata=read", func(c *call) (answer, error) {
		list := slices.DeleteFunc(s.reposOf(c.tok.install), func(r *Repo) bool { return !c.tok.reaches(r) })
		ans, err := paged(list, s.repoJSON)
		selection := "all"
		if !c.tok.install.all || c.tok.repos != nil {
			selection = "selected"
		}
		ans.wrap = func(page []any) any {
			return object{"total_count": len(list), "repository_selection": selection, "repositories": page}
		}
		return ans, err
	})
	s.deliveryRoutes(mux)
}

func (s *Server) installationAnswer(in *installation) (answer, error) {
	if in == nil {
		return answer{}, notFound()
	}
	return one(s.installationJSON(in))
}

func (s *Server) orgRoutes(mux chi.Router) {
	s.rest(mux, "GET /repos/{owner}/{repo}/contents/*", withToken, "contents=read", s.getContents)
	s.rest(mux, "GET /repos/{owner}/{repo}/git/matching-refs/*", withToken, "contents=read", s.matchingRefs)
	s.rest(mux, "GET /repos/{owner}/{repo}/codeowners/errors", withToken, "contents=read", s.getCodeownersErrors)
	s.rest(mux, "GET /orgs/{org}/teams/{team}/members", withToken, "members=read", func(c *call) (answer, error) {
		team := strings.ToLower(c.path("org") + "/" + c.path("team"))
		if _, ok := s.teams[team]; !ok {
			return answer{}, notFound()
		}
		return paged(s.members(team), func(l string) object { return s.userJSON(s.user(l)) })
	})
	s.rest(mux, "GET /orgs/{org}/teams/{team}/memberships/{user}", withToken, "members=read", func(c *call) (answer, error) {
		for _, l := range s.members(strings.ToLower(c.path("org") + "/" + c.path("team"))) {
			if strings.EqualFold(l, c.path("user")) {
				return one(object{"url": s.api("%s", strings.TrimPrefix(c.r.URL.Path, "/api/v3")), "role": "member", "state": "active"})
			}
		}
		return answer{}, notFound()
	})
}

// getContents answers for files only, up to the size that GitHub sends as JSON.
// https://docs.github.com/en/rest/repos/contents#get-repository-content
func (s *Server) getContents(c *call) (answer, error) {
	const most = 1 << 20
	path := c.path("*")
	ref := c.r.URL.Query().Get("ref")
	if ref == "" {
		ref = "main"
	}
	sha := c.repo.resolve(ref)
	if sha == "" {
		return answer{}, fail(http.StatusNotFound, "No commit found for the ref "+ref)
	}
	blob, err := c.repo.git("rev-parse", "--verify", "--quiet", "--end-of-options", sha+":"+path)
	if err != nil {
		return answer{}, notFound()
	}
	blob = strings.TrimSpace(blob)
	content, err := c.repo.git("cat-file", "blob", blob)
	if err != nil || len(content) > most {
		return answer{}, fail(http.StatusForbidden, "This API returns blobs up to 1 MB in size.")
	}
	escaped := (&url.URL{Path: path}).EscapedPath()
	u := s.api("/repos/%s/contents/%s?ref=%s", c.repo.FullName(), escaped, url.QueryEscape(ref))
	web := s.page("/%s/blob/%s/%s", c.repo.FullName(), ref, escaped)
	gitURL := s.api("/repos/%s/git/blobs/%s", c.repo.FullName(), blob)
	// GitHub sends Base64 in lines, and a client must accept that.
	var b strings.Builder
	for chunk := range slices.Chunk([]byte(base64.StdEncoding.EncodeToString([]byte(content))), 60) {
		b.Write(chunk)
		b.WriteByte('\n')
	}
	return one(object{
		"type": "file", "encoding": "base64", "size": len(content), "name": path[strings.LastIndexByte(path, '/')+1:], "path": path, "content": b.String(), "sha": blob,
		"url": u, "git_url": gitURL, "html_url": web, "download_url": s.page("/%s/raw/%s/%s", c.repo.FullName(), sha, escaped),
		"_links": object{"self": u, "git": gitURL, "html": web},
	})
}

func (s *Server) rateLimit(c *call) (answer, error) {
	in := c.tok.install
	o := object{"limit": s.opts.RateLimit, "used": in.used, "remaining": s.opts.RateLimit - in.used, "reset": in.reset.Unix()}
	return one(object{"resources": object{"core": o, "graphql": o, "search": o}, "rate": o})
}
