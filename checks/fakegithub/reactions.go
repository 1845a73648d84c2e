package fakegithub

import (
	"net/http"
	"slices"

	"github.com/go-chi/chi/v5"
)

// A Reaction is an emoji under a comment.
type Reaction struct {
	ID      int64
	Author  string
	Content string // one of [reactionContents]
}

// https://docs.github.com/en/rest/reactions/reactions#about-reactions
var reactionContents = []string{"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}

// reactionRoutes registers the routes of reactions. A reaction to a comment of the conversation needs issues:
// write; pull_requests: write, which is enough for the comment itself, is not enough for it.
// https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
func (s *Server) reactionRoutes(mux chi.Router) {
	for _, kind := range []struct {
		path, permission string
		find             func(*call) (*[]Reaction, bool)
	}{
		{"/repos/{owner}/{repo}/issues/comments/{id:[0-9]+}/reactions", "issues", func(c *call) (*[]Reaction, bool) {
			k := s.issueNotes[c.int64("id")]
			if k == nil || k.on.repo != c.repo {
				return nil, false
			}
			return &k.Reactions, true
		}},
		{"/repos/{owner}/{repo}/pulls/comments/{id:[0-9]+}/reactions", "pull_requests", func(c *call) (*[]Reaction, bool) {
			k := s.comments[c.int64("id")]
			if k == nil || k.pull.repo != c.repo {
				return nil, false
			}
			return &k.Reactions, true
		}},
	} {
		on := func(h func(*call, *[]Reaction) (answer, error)) func(*call) (answer, error) {
			return func(c *call) (answer, error) {
				list, ok := kind.find(c)
				if !ok {
					return answer{}, notFound()
				}
				return h(c, list)
			}
		}
		s.rest(mux, "GET "+kind.path, withToken, kind.permission+"=read", on(func(c *call, list *[]Reaction) (answer, error) {
			wanted := *list
			if content := c.r.URL.Query().Get("content"); content != "" {
				wanted = slices.DeleteFunc(slices.Clone(wanted), func(r Reaction) bool { return r.Content != content })
			}
			return paged(wanted, s.reactionJSON)
		}))
		s.rest(mux, "POST "+kind.path, withToken, kind.permission+"=write", on(s.createReaction))
		s.rest(mux, "DELETE "+kind.path+"/{reaction:[0-9]+}", withToken, kind.permission+"=write", on(func(c *call, list *[]Reaction) (answer, error) {
			i := slices.IndexFunc(*list, func(r Reaction) bool { return r.ID == c.int64("reaction") })
			switch {
			case i < 0:
				return answer{}, notFound()
			case (*list)[i].Author != s.botLogin():
				return answer{}, forbidden(kind.permission + "=write")
			}
			*list = slices.Delete(*list, i, i+1)
			return answer{status: http.StatusNoContent}, nil
		}))
	}
}

// createReaction adds a reaction. If the reaction exists already, it answers with that and 200, as GitHub does.
func (s *Server) createReaction(c *call, list *[]Reaction) (answer, error) {
	var req struct {
		Content *string `json:"content"`
	}
	if _, err := c.decode(&req); err != nil {
		return answer{}, err
	}
	switch {
	case req.Content == nil:
		return answer{}, invalid("\"content\" wasn't supplied.")
	case !slices.Contains(reactionContents, *req.Content):
		return answer{}, invalid("%s is not a member of %q.", *req.Content, reactionContents)
	}
	for _, r := range *list {
		if r.Author == s.botLogin() && r.Content == *req.Content {
			return one(s.reactionJSON(r))
		}
	}
	r := Reaction{ID: s.id(), Author: s.botLogin(), Content: *req.Content}
	*list = append(slices.Clip(*list), r) // copies of the comment keep theirs
	return created(s.reactionJSON(r))
}

func (s *Server) reactionJSON(r Reaction) object {
	return object{"id": r.ID, "node_id": "REA_" + r.Content, "user": s.userJSON(s.user(r.Author)), "content": r.Content, "created_at": stamp(s.now())}
}

// reactions returns the summary of reactions that every comment carries.
func reactions(u string, list []Reaction) object {
	o := object{"url": u + "/reactions", "total_count": len(list)}
	for _, content := range reactionContents {
		o[content] = 0
	}
	for _, r := range list {
		o[r.Content] = o[r.Content].(int) + 1
	}
	return o
}
