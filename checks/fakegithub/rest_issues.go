package fakegithub

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
)

// maxIssueTitle is GitHub's limit, in characters.
const maxIssueTitle = 256

// issueRoutes lists the endpoints of issues. https://docs.github.com/en/rest/issues/issues
func (s *Server) issueRoutes(mux chi.Router) {
	s.rest(mux, "GET /repos/{owner}/{repo}/issues/{n:[0-9]+}", withToken, "issues=read; pull_requests=read", onTalk("read", func(_ *call, k *talk) (answer, error) {
		return one(s.talkJSON(k))
	}))
	s.rest(mux, "GET /repos/{owner}/{repo}/issues", withToken, "issues=read", s.listIssues)
	s.rest(mux, "POST /repos/{owner}/{repo}/issues", withToken, "issues=write", s.createIssue)
	s.rest(mux, "PATCH /repos/{owner}/{repo}/issues/{n:[0-9]+}", withToken, "issues=write", s.editIssue)
}

// listIssues lists issues, the newest first. On GitHub pull requests are among them; here they are not.
func (s *Server) listIssues(c *call) (answer, error) {
	q := c.r.URL.Query()
	state := q.Get("state")
	list := slices.DeleteFunc(slices.Clone(c.repo.issues), func(i *Issue) bool {
		return i.deleted || state != "all" && i.State != orOpen(state) || q.Get("creator") != "" && !strings.EqualFold(i.Author, q.Get("creator"))
	})
	slices.SortFunc(list, func(a, b *Issue) int { return b.Number - a.Number })
	return paged(list, s.plainIssueJSON)
}

func orOpen(state string) string {
	if state == "" {
		return "open"
	}
	return state
}

// An issueRequest is the body of a request that creates or edits an issue.
type issueRequest struct {
	Title *string `json:"title"`
	Body  *string `json:"body"`
	State *string `json:"state"`
}

func (r issueRequest) check() error {
	switch {
	case r.Title != nil && strings.TrimSpace(*r.Title) == "":
		return wrongField("Issue", "title", "missing_field", "")
	case r.Title != nil && utf8.RuneCountInString(*r.Title) > maxIssueTitle:
		return wrongField("Issue", "title", "custom", fmt.Sprintf("title is too long (maximum is %d characters)", maxIssueTitle))
	case r.Body != nil && utf8.RuneCountInString(*r.Body) > maxBody:
		return wrongField("Issue", "body", "custom", fmt.Sprintf("body is too long (maximum is %d characters)", maxBody))
	case r.State != nil && *r.State != "open" && *r.State != "closed":
		return wrongField("Issue", "state", "invalid", "")
	}
	return nil
}

func (s *Server) createIssue(c *call) (answer, error) {
	var r issueRequest
	if _, err := c.decode(&r); err != nil {
		return answer{}, err
	}
	if r.Title == nil {
		return answer{}, invalid("\"title\" wasn't supplied.")
	}
	if err := r.check(); err != nil {
		return answer{}, err
	}
	s.user(s.botLogin())
	i := c.repo.newIssue(*r.Title, valueOf(r.Body), s.botLogin())
	s.echo(s.issueEvent(i, "opened", s.botLogin(), nil))
	return created(s.plainIssueJSON(i))
}

// editIssue changes an issue. Closing it delivers issues.closed, and everything else issues.edited.
func (s *Server) editIssue(c *call) (answer, error) {
	i := c.repo.issue(int(c.int64("n")))
	if i == nil {
		return answer{}, c.repo.noIssue(int(c.int64("n")))
	}
	var r issueRequest
	if _, err := c.decode(&r); err != nil {
		return answer{}, err
	}
	if err := r.check(); err != nil {
		return answer{}, err
	}
	changes, action := object{}, "edited"
	if r.Title != nil && *r.Title != i.Title {
		changes["title"], i.Title = object{"from": i.Title}, *r.Title
	}
	if r.Body != nil && *r.Body != i.Body {
		changes["body"], i.Body = object{"from": i.Body}, *r.Body
	}
	if r.State != nil && *r.State != i.State {
		action = map[string]string{"open": "reopened", "closed": "closed"}[*r.State]
		i.State = *r.State
		if i.ClosedAt = s.now(); i.State == "open" {
			i.ClosedAt = time.Time{}
		}
	}
	if len(changes) > 0 || action != "edited" {
		i.UpdatedAt = s.now()
		i.Edits++
		s.echo(s.issueEvent(i, action, s.botLogin(), object{"changes": changes}))
	}
	return one(s.plainIssueJSON(i))
}

// noIssue is the answer about an issue that does not exist, or not any more.
func (r *Repo) noIssue(n int) *apiError {
	if slices.ContainsFunc(r.issues, func(i *Issue) bool { return i.Number == n }) {
		return fail(http.StatusGone, "This issue was deleted")
	}
	return notFound()
}

func valueOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
