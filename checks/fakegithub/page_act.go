package fakegithub

import (
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"
)

// A page of the stand-in has a comment box and buttons that work if [Options].Viewer says who looks at it. Other sites
// in the same browser cannot press them.

// maxForm is the size of a form in bytes; GitHub takes comments of 65,536 characters.
const maxForm = 1 << 20

// A NextStep is a button on the page of every pull request, for example to play the next push.
type NextStep struct {
	Label string
	Do    func()
}

// SetNext sets the button; nil removes it. Do is called at most once.
func (s *Server) SetNext(next *NextStep) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = next
}

func (s *Server) pageActions(mux chi.Router) {
	post := func(path string, do func(http.ResponseWriter, *http.Request)) {
		mux.Post(path, func(w http.ResponseWriter, r *http.Request) {
			if site := r.Header.Get("Sec-Fetch-Site"); site != "same-origin" || s.opts.Viewer == "" {
				http.Error(w, "Only the page itself may do this.", http.StatusForbidden)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxForm)
			do(w, r)
		})
	}
	post("/{owner}/{repo}/pull/{n:[0-9]+}/comments", s.pageComment)
	post("/{owner}/{repo}/pull/{n:[0-9]+}/comments/{id:[0-9]+}/boxes", s.pageTick)
	post("/{owner}/{repo}/pull/{n:[0-9]+}/next", s.pageNext)
	post("/{owner}/{repo}/pull/{n:[0-9]+}/runs/{id:[0-9]+}", s.pageButton)
}

// back returns to the page, at an anchor.
func back(w http.ResponseWriter, r *http.Request, anchor string) {
	http.Redirect(w, r, fmt.Sprintf("/%s/%s/pull/%s%s", chi.URLParam(r, "owner"), chi.URLParam(r, "repo"), chi.URLParam(r, "n"), anchor), http.StatusSeeOther)
}

// pageComment adds what was written: to the conversation, or to a thread.
func (s *Server) pageComment(w http.ResponseWriter, r *http.Request) {
	owner, repo, n := chi.URLParam(r, "owner"), chi.URLParam(r, "repo"), atoi(chi.URLParam(r, "n"))
	text, to := strings.TrimSpace(strings.ReplaceAll(r.PostFormValue("body"), "\r\n", "\n")), r.PostFormValue("thread")
	_, found := s.findPull(owner, repo, n)
	if !found || text == "" || to != "" && !s.hasThread(owner, repo, n, to) {
		back(w, r, "")
		return
	}
	if to != "" {
		id := s.Reply(owner, repo, n, to, s.opts.Viewer, text)
		back(w, r, fmt.Sprintf("#discussion_r%d", id))
		return
	}
	back(w, r, fmt.Sprintf("#issuecomment-%d", s.Note(owner, repo, n, s.opts.Viewer, text)))
}

// checkbox is an item of a task list as it is rendered.
var checkbox = regexp.MustCompile(`<input (checked="" )?disabled="" type="checkbox"/?>`)

// tickable makes the boxes of a comment buttons of a form with that address. It returns other HTML as it is.
func tickable(text template.HTML, action string) template.HTML {
	n := -1
	boxes := checkbox.ReplaceAllStringFunc(string(text), func(input string) string {
		n++
		mark, ticked := "☐", "false"
		if strings.Contains(input, "checked") {
			mark, ticked = "☑", "true"
		}
		return fmt.Sprintf(`<button class="tick" role="checkbox" aria-checked="%s" name="box" value="%d">%s</button>`, ticked, n, mark)
	})
	if n < 0 {
		return text
	}
	return template.HTML(fmt.Sprintf(`<form method="post" action="%s">%s</form>`, template.HTMLEscapeString(action), boxes))
}

// pageTick ticks a box of a comment, or takes the tick away.
func (s *Server) pageTick(w http.ResponseWriter, r *http.Request) {
	owner, repo, n := chi.URLParam(r, "owner"), chi.URLParam(r, "repo"), atoi(chi.URLParam(r, "n"))
	id, number := int64(atoi(chi.URLParam(r, "id"))), r.PostFormValue("box")
	s.mu.Lock()
	k := s.issueNotes[id]
	known := k != nil && k.on.pull != nil && k.on.number() == n && strings.EqualFold(k.on.repo.FullName(), owner+"/"+repo)
	s.mu.Unlock()
	if known {
		s.tick(id, s.opts.Viewer, func(i int, _ string, ticked bool) (is, set bool) { return strconv.Itoa(i) == number, !ticked })
	}
	back(w, r, fmt.Sprintf("#issuecomment-%d", id))
}

func (s *Server) hasThread(owner, repo string, n int, id string) bool {
	for _, t := range s.Threads(owner, repo, n) {
		if t.ID == id {
			return true
		}
	}
	return false
}

func (s *Server) pageButton(w http.ResponseWriter, r *http.Request) {
	id, identifier := int64(atoi(chi.URLParam(r, "id"))), r.PostFormValue("identifier")
	s.mu.Lock()
	run := s.checks[id]
	known := run != nil && identifier == ""
	if run != nil {
		for _, a := range run.Actions {
			known = known || a.Identifier == identifier
		}
	}
	s.mu.Unlock()
	switch {
	case !known:
	case identifier == "":
		s.Rerequest(id, s.opts.Viewer)
	default:
		s.PressButton(id, identifier, s.opts.Viewer)
	}
	back(w, r, "#checks")
}

func (s *Server) pageNext(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	next := s.next
	s.next = nil
	s.mu.Unlock()
	if next != nil {
		next.Do()
	}
	back(w, r, "")
}
