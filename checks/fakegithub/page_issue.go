package fakegithub

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

// An issueView is an issue on its page.
type issueView struct {
	Title, State string
	Number       int
	Body         commentView
	Notes        []commentView
}

func (s *Server) showIssue(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	repo, _ := s.find(chi.URLParam(r, "owner"), chi.URLParam(r, "repo"))
	var i *Issue
	if repo != nil {
		i = repo.issue(atoi(chi.URLParam(r, "n")))
	}
	if i == nil {
		s.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	view := pageView{Title: fmt.Sprintf("%s · #%d", i.Title, i.Number), Repo: repo.FullName(), Issue: i.view()}
	s.mu.Unlock()
	s.showPage(w, view)
}

func (i *Issue) view() *issueView {
	v := &issueView{
		Title: i.Title, State: strings.ToUpper(i.State[:1]) + i.State[1:], Number: i.Number,
		Body: commentView{Who: person(i.Author), When: clock(i.CreatedAt), HTML: render(i.Body, nil)},
	}
	for _, k := range i.notes {
		if k.Minimized == "" {
			v.Notes = append(v.Notes, commentView{ID: k.ID, Who: person(k.Author), When: clock(k.CreatedAt), HTML: render(k.Body, nil)})
		}
	}
	return v
}
