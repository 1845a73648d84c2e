package fakegithub

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

func (s *Server) pullRoutes(mux chi.Router) {
	const read = "pull_requests=read"
	s.rest(mux, "GET /repos/{owner}/{repo}", withToken, "metadata=read", func(c *call) (answer, error) {
		return one(s.fullRepoJSON(c.repo))
	})
	s.rest(mux, "GET /repos/{owner}/{repo}/collaborators/{user}/permission", withToken, "metadata=read", s.getPermission)
	s.rest(mux, "GET /repos/{owner}/{repo}/compare/*", withToken, "contents=read", s.compare)
	s.rest(mux, "GET /repos/{owner}/{repo}/pulls", withToken, read, s.listPulls)
	s.rest(mux, "GET /repos/{owner}/{repo}/pulls/{n:[0-9]+}", withToken, read, onPull(func(_ *call, p *Pull) (answer, error) {
		return one(s.pullJSON(p, true))
	}))
	s.rest(mux, "GET /repos/{owner}/{repo}/pulls/{n:[0-9]+}/files", withToken, read, onPull(s.listFiles))
	s.rest(mux, "GET /repos/{owner}/{repo}/pulls/{n:[0-9]+}/commits", withToken, read, onPull(s.listPullCommits))
	s.rest(mux, "GET /repos/{owner}/{repo}/commits/{ref}/pulls", withToken, read, s.listPullsOfCommit)
	s.rest(mux, "GET /repos/{owner}/{repo}/commits", withToken, "contents=read", s.listCommits)
	s.rest(mux, "GET /repos/{owner}/{repo}/commits/{ref}", withToken, "contents=read", s.getCommit)
}

// onPull calls h with the pull request of a path with {n:[0-9]+}.
func onPull(h func(*call, *Pull) (answer, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		p := c.repo.pull(int(c.int64("n")))
		if p == nil {
			return answer{}, notFound()
		}
		return h(c, p)
	}
}

func (s *Server) listPulls(c *call) (answer, error) {
	q := c.r.URL.Query()
	state := q.Get("state")
	if state == "" {
		state = "open"
	}
	var list []*Pull
	for _, p := range slices.Backward(c.repo.pulls) {
		switch {
		case state != "all" && p.State != state,
			q.Get("base") != "" && q.Get("base") != p.BaseRef,
			q.Get("head") != "" && q.Get("head") != p.headOwner()+":"+p.HeadRef:
			continue
		}
		list = append(list, p)
	}
	if q.Get("direction") == "asc" {
		slices.Reverse(list)
	}
	return paged(list, func(p *Pull) object { return s.pullJSON(p, false) })
}

func (p *Pull) headOwner() string {
	if p.head == nil {
		return "unknown"
	}
	return p.head.owner.login
}

func (s *Server) listFiles(c *call, p *Pull) (answer, error) {
	d, err := c.repo.diff(p.mergeBase(), p.HeadSHA)
	if err != nil {
		return answer{}, err
	}
	return paged(d.files[:min(len(d.files), maxPatchFiles)], func(f *diffFile) object { return s.fileJSON(c.repo, f, p.HeadSHA) })
}

// maxCommits is the largest number of commits that a pull request or a comparison lists.
// https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request
const maxCommits = 250

func (s *Server) listPullCommits(c *call, p *Pull) (answer, error) {
	ids := p.commitIDs()
	return paged(c.repo.commits(ids[:min(len(ids), maxCommits)]), func(k commit) object { return s.commitJSON(c.repo, k) })
}

func (s *Server) listPullsOfCommit(c *call) (answer, error) {
	sha := c.repo.resolve(c.path("ref"))
	if sha == "" {
		return answer{}, noCommit(c.path("ref"))
	}
	var list []*Pull
	for _, p := range c.repo.pulls {
		if p.HeadSHA == sha || slices.Contains(p.commitIDs(), sha) {
			list = append(list, p)
		}
	}
	return paged(list, func(p *Pull) object { return s.pullJSON(p, false) })
}

func noCommit(ref string) *apiError {
	return fail(http.StatusUnprocessableEntity, "No commit found for SHA: "+ref)
}

// listCommits lists the commits from sha, or from the default branch, the newest first; with path those that change it
// (https://docs.github.com/rest/commits/commits#list-commits).
func (s *Server) listCommits(c *call) (answer, error) {
	q := c.r.URL.Query()
	from := q.Get("sha")
	if from == "" {
		from = "main"
	}
	sha := c.repo.resolve(from)
	if sha == "" {
		return answer{}, notFound()
	}
	args := []string{sha}
	if q.Get("path") != "" {
		args = append(args, "--", ":(literal)"+q.Get("path"))
	}
	list := c.repo.commits(c.repo.revList(args...))
	slices.Reverse(list)
	return paged(list, func(k commit) object { return s.commitJSON(c.repo, k) })
}

func (s *Server) getCommit(c *call) (answer, error) {
	sha := c.repo.resolve(c.path("ref"))
	if sha == "" {
		return answer{}, noCommit(c.path("ref"))
	}
	list := c.repo.commits([]string{sha})
	if len(list) == 0 {
		return answer{}, noCommit(sha)
	}
	return one(s.commitJSON(c.repo, list[0]))
}

// compare compares two commits of this repository. It does not support "fork:branch".
func (s *Server) compare(c *call) (answer, error) {
	from, to, ok := strings.Cut(c.path("*"), "...")
	base, head := c.repo.resolve(from), c.repo.resolve(to)
	if !ok || base == "" || head == "" {
		return answer{}, notFound()
	}
	mb := c.repo.mergeBase(base, head)
	if mb == "" {
		return answer{}, fail(http.StatusNotFound, "No common ancestor between "+from+" and "+to+".")
	}
	ahead, behind := c.repo.revList(head, "^"+base), c.repo.revList(base, "^"+head)
	d, err := c.repo.diff(mb, head)
	if err != nil {
		return answer{}, err
	}
	status := "identical"
	switch {
	case len(ahead) > 0 && len(behind) > 0:
		status = "diverged"
	case len(ahead) > 0:
		status = "ahead"
	case len(behind) > 0:
		status = "behind"
	}
	ends := c.repo.commits([]string{base, mb})
	if len(ends) < 2 {
		ends = append(ends, ends...)
	}
	const maxFiles = 300
	shown := ahead[:min(len(ahead), maxCommits)]
	if page := atoi(c.r.URL.Query().Get("page")); page > 1 {
		shown = nil
	}
	self := s.api("/repos/%s/compare/%s...%s", c.repo.FullName(), from, to)
	web := s.page("/%s/compare/%s...%s", c.repo.FullName(), from, to)
	return one(object{
		"url": self, "html_url": web, "permalink_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch",
		"base_commit": s.commitJSON(c.repo, ends[0]), "merge_base_commit": s.commitJSON(c.repo, ends[1]),
		"status": status, "ahead_by": len(ahead), "behind_by": len(behind), "total_commits": len(ahead),
		"commits": each(c.repo.commits(shown), func(k commit) object { return s.commitJSON(c.repo, k) }),
		"files":   each(d.files[:min(len(d.files), maxFiles)], func(f *diffFile) object { return s.fileJSON(c.repo, f, head) }),
	})
}

func (s *Server) getPermission(c *call) (answer, error) {
	login := c.path("user")
	a := s.accounts[strings.ToLower(login)]
	if a == nil {
		return answer{}, fail(http.StatusNotFound, login+" is not a user")
	}
	role := c.repo.role(login)
	// The old field has only four values.
	// https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
	permission := map[string]string{"maintain": "write", "triage": "read"}[role]
	if permission == "" {
		permission = role
	}
	u := s.userJSON(a)
	u["role_name"] = role
	u["permissions"] = object{
		"admin": role == "admin", "maintain": role == "admin" || role == "maintain",
		"push": permission == "write" || role == "admin", "triage": role != "read" && role != "none", "pull": role != "none",
	}
	return one(object{"permission": permission, "role_name": role, "user": u})
}

func (r *Repo) role(login string) string {
	if role := r.permissions[strings.ToLower(login)]; role != "" {
		return role
	}
	if r.public {
		return "read"
	}
	return "none"
}
