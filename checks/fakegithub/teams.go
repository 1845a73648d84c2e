package fakegithub

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// CreateTeam makes a team that can write to all repositories of its organisation, or sets its members.
func (s *Server) CreateTeam(org, slug string, logins ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range logins {
		s.user(l)
	}
	s.teams[strings.ToLower(org+"/"+slug)] = slices.Clone(logins)
}

// NestTeam puts a team into another one of its organisation, whose members include those of the first from now on.
// https://docs.github.com/en/organizations/organizing-members-into-teams/about-teams#nested-teams
func (s *Server) NestTeam(org, slug, parent string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parents[strings.ToLower(org+"/"+slug)] = strings.ToLower(org + "/" + parent)
}

// DeleteTeam removes a team and those in it.
func (s *Server) DeleteTeam(org, slug string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, team := range append(s.children(strings.ToLower(org+"/"+slug)), strings.ToLower(org+"/"+slug)) {
		delete(s.teams, team)
		delete(s.parents, team)
	}
}

// KeepOut has a team not write to a repository any more.
func (r *Repo) KeepOut(org, slug string) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.kept[strings.ToLower(org+"/"+slug)+" "+r.key()] = true
}

// children lists the teams in a team, directly or not.
func (s *Server) children(team string) (list []string) {
	for child, parent := range s.parents {
		if parent == team {
			list = append(append(list, child), s.children(child)...)
		}
	}
	slices.Sort(list)
	return list
}

// members lists the members of a team, with those of the teams in it, as both routes of members do.
// https://docs.github.com/en/rest/teams/members
func (s *Server) members(team string) (list []string) {
	for _, t := range append([]string{team}, s.children(team)...) {
		for _, login := range s.teams[t] {
			if !slices.Contains(list, login) {
				list = append(list, login)
			}
		}
	}
	return list
}

// writes reports whether an owner in CODEOWNERS exists and can write to the repository.
func (r *Repo) writes(owner string) bool {
	name := strings.ToLower(strings.TrimPrefix(owner, "@"))
	if strings.Contains(name, "/") {
		_, exists := r.s.teams[name]
		return exists && strings.HasPrefix(name, strings.ToLower(r.owner.login)+"/") && !r.s.kept[name+" "+r.key()]
	}
	return slices.Contains([]string{"admin", "maintain", "write"}, r.role(name))
}

var codeowner = regexp.MustCompile(`\s(@\S+)`)

// getCodeownersErrors lists the owners that GitHub does not know, and no other mistakes of CODEOWNERS.
// https://docs.github.com/en/rest/repos/repos#list-codeowners-errors
func (s *Server) getCodeownersErrors(c *call) (answer, error) {
	ref := c.r.URL.Query().Get("ref")
	if ref == "" {
		ref = "main"
	}
	sha := c.repo.resolve(ref)
	if sha == "" {
		return answer{}, fail(http.StatusNotFound, "Not Found")
	}
	for _, path := range []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"} {
		text, err := c.repo.git("cat-file", "blob", sha+":"+path)
		if err != nil {
			continue
		}
		list := []object{}
		for i, line := range strings.Split(text, "\n") {
			rule, _, _ := strings.Cut(line, "#")
			for _, at := range codeowner.FindAllStringSubmatchIndex(rule, -1) {
				owner := rule[at[2]:at[3]]
				if c.repo.writes(owner) {
					continue
				}
				list = append(list, object{
					"line": i + 1, "column": at[2] + 1, "kind": "Unknown owner", "source": line, "path": path,
					"suggestion": "make sure " + owner + " exists and has write access to the repository",
					"message":    "Unknown owner on line " + strconv.Itoa(i+1) + ": make sure " + owner + " exists and has write access to the repository",
				})
			}
		}
		return one(object{"errors": list})
	}
	return answer{}, notFound()
}
