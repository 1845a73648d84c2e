package fakegithub

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
)

// maxBody is the longest comment, in characters. GitHub's documentation does not mention it, but
// its error text does.
const maxBody = 65_536

// A Review groups review comments that were made together.
type Review struct {
	ID        int64
	NodeID    string
	Author    string
	State     string // COMMENTED, APPROVED, CHANGES_REQUESTED, DISMISSED, PENDING
	Body      string
	CommitID  string
	CreatedAt time.Time

	pull *Pull
}

// A ReviewComment is a comment on a file or on lines of it. Zero numbers are null.
type ReviewComment struct {
	ID          int64
	NodeID      string
	ReviewID    int64
	InReplyTo   int64
	Author      string
	Body        string
	Path        string
	SubjectType string // line or file
	Side        string // LEFT or RIGHT, empty for a file
	StartSide   string
	Line        int
	StartLine   int
	Position    int
	CommitID    string
	Outdated    bool

	OriginalLine, OriginalStartLine, OriginalPosition int
	OriginalCommitID                                  string
	DiffHunk                                          string
	CreatedAt, UpdatedAt                              time.Time
	Minimized                                         string // reason in lower case, empty when shown
	Reactions                                         []Reaction

	// Only of the first comment of a thread.
	ThreadID   string
	Resolved   bool
	ResolvedBy string

	pull   *Pull
	review *Review
}

func (s *Server) reviewRoutes(mux chi.Router) {
	const read, write = "pull_requests=read", "pull_requests=write"
	const pull, comment = "/repos/{owner}/{repo}/pulls/{n:[0-9]+}", "/repos/{owner}/{repo}/pulls/comments/{id:[0-9]+}"
	s.rest(mux, "POST "+pull+"/reviews", withToken, write, onPull(s.createReview))
	s.rest(mux, "GET "+pull+"/reviews", withToken, read, onPull(func(_ *call, p *Pull) (answer, error) {
		return paged(p.reviews, s.reviewJSON)
	}))
	s.rest(mux, "DELETE "+pull+"/reviews/{id:[0-9]+}", withToken, write, onPull(s.deletePendingReview))
	s.rest(mux, "POST "+pull+"/reviews/{id:[0-9]+}/events", withToken, write, onPull(s.submitReview))
	s.rest(mux, "GET "+pull+"/comments", withToken, read, onPull(func(_ *call, p *Pull) (answer, error) {
		return paged(p.visible(), s.commentJSON)
	}))
	s.rest(mux, "POST "+pull+"/comments", withToken, write, onPull(s.createComment))
	s.rest(mux, "POST "+pull+"/comments/{id:[0-9]+}/replies", withToken, write, onPull(s.createReply))
	s.rest(mux, "GET "+comment, withToken, read, onComment(func(_ *call, k *ReviewComment) (answer, error) {
		return one(s.commentJSON(k))
	}))
	s.rest(mux, "PATCH "+comment, withToken, write, onComment(s.editComment))
	s.rest(mux, "DELETE "+comment, withToken, write, onComment(s.deleteComment))
}

func onComment(h func(*call, *ReviewComment) (answer, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		k := c.s.comments[c.int64("id")]
		if k == nil || k.pull.repo != c.repo {
			return answer{}, notFound()
		}
		return h(c, k)
	}
}

// visible returns the comments of submitted reviews.
func (p *Pull) visible() []*ReviewComment {
	var list []*ReviewComment
	for _, k := range p.comments {
		if k.review.State != "PENDING" {
			list = append(list, k)
		}
	}
	return list
}

// A commentRequest holds the fields that both endpoints for review comments read.
type commentRequest struct {
	Path        string `json:"path"`
	Body        string `json:"body"`
	Position    *int   `json:"position"`
	Line        *int   `json:"line"`
	Side        string `json:"side"`
	StartLine   *int   `json:"start_line"`
	StartSide   string `json:"start_side"`
	SubjectType string `json:"subject_type"`
	CommitID    string `json:"commit_id"`
	InReplyTo   int64  `json:"in_reply_to"`
}

// https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request
var (
	reviewKeys        = []string{"commit_id", "body", "event", "comments"}
	reviewCommentKeys = []string{"path", "position", "body", "line", "side", "start_line", "start_side"}
	commentKeys       = []string{"body", "commit_id", "path", "position", "side", "line", "start_line", "start_side", "in_reply_to", "subject_type"}
)

func permitted(keys map[string]json.RawMessage, allowed []string) error {
	var bad []string
	for k := range keys {
		if !slices.Contains(allowed, k) {
			bad = append(bad, fmt.Sprintf("%q is not a permitted key.", k))
		}
	}
	if len(bad) > 0 {
		slices.Sort(bad)
		return invalid("%s", strings.Join(bad, "\n"))
	}
	return nil
}

func (s *Server) createReview(c *call, p *Pull) (answer, error) {
	var req struct {
		CommitID string            `json:"commit_id"`
		Body     string            `json:"body"`
		Event    string            `json:"event"`
		Comments []json.RawMessage `json:"comments"`
	}
	keys, err := c.decode(&req)
	if err != nil {
		return answer{}, err
	}
	if err := permitted(keys, reviewKeys); err != nil {
		return answer{}, err
	}
	var wanted []commentRequest
	for i, raw := range req.Comments {
		sub := *c
		sub.body = raw
		var one commentRequest
		keys, err := sub.decode(&one)
		if err != nil {
			return answer{}, err
		}
		if err := permitted(keys, reviewCommentKeys); err != nil {
			return answer{}, err
		}
		for _, need := range []string{"path", "body"} {
			if _, ok := keys[need]; !ok {
				return answer{}, invalid("No subschema in \"anyOf\" matched.\nFor 'properties/comments/items/%d', %q wasn't supplied.", i, need)
			}
		}
		wanted = append(wanted, one)
	}
	state := map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED", "": "PENDING", "PENDING": "PENDING"}[req.Event]
	commitID := req.CommitID
	if commitID == "" {
		commitID = p.HeadSHA
	}
	var problems []any
	switch {
	case state == "":
		return answer{}, invalid("For 'properties/event', %q is not a member of [\"APPROVE\", \"REQUEST_CHANGES\", \"COMMENT\"].", req.Event)
	case state == "PENDING" && p.pendingOf(s.botLogin()) != nil:
		problems = append(problems, "User can only have one pending review per pull request")
	case state != "PENDING" && state != "APPROVED" && req.Body == "" && len(wanted) == 0:
		problems = append(problems, "Review body can't be blank")
	case utf8.RuneCountInString(req.Body) > maxBody:
		problems = append(problems, "Body is too long (maximum is 65536 characters)")
	case !p.contains(commitID):
		problems = append(problems, "Commit is not part of the pull request")
	case state != "COMMENTED" && state != "PENDING" && p.Author == s.botLogin():
		problems = append(problems, "Can not approve your own pull request")
	}
	var comments []*ReviewComment
	if len(problems) == 0 {
		for _, one := range wanted {
			k, bad := p.locate(one, commitID)
			if len(bad) > 0 {
				problems = append(problems, bad.sentence())
			}
			comments = append(comments, k)
		}
	}
	if len(problems) > 0 {
		// GitHub creates all comments or none, and does not say which one is wrong.
		return answer{}, fail(http.StatusUnprocessableEntity, "Unprocessable Entity", problems[0])
	}
	rv := s.addReview(p, s.botLogin(), state, req.Body, commitID, comments)
	return one(s.reviewJSON(rv))
}

func (p *Pull) pendingOf(login string) *Review {
	for _, rv := range p.reviews {
		if rv.State == "PENDING" && rv.Author == login {
			return rv
		}
	}
	return nil
}

func (p *Pull) contains(sha string) bool {
	return sha == p.HeadSHA || slices.Contains(p.commitIDs(), sha)
}

// problems holds the problems of one requested comment, as fields and texts.
type problems []struct{ field, text, code string }

func (b *problems) add(field, text, code string) {
	*b = append(*b, struct{ field, text, code string }{field, text, code})
}

// sentence returns the problems in the words of the endpoint for reviews.
func (b problems) sentence() string {
	var parts []string
	for _, p := range b {
		parts = append(parts, "Pull request review thread "+p.text)
	}
	if len(parts) <= 2 {
		return strings.Join(parts, " and ")
	}
	return strings.Join(parts[:len(parts)-1], ", ") + ", and " + parts[len(parts)-1]
}

// locate makes a comment from a request, without adding it, or returns the problems for which GitHub
// would refuse it.
func (p *Pull) locate(req commentRequest, commitID string) (*ReviewComment, problems) {
	var bad problems
	k := &ReviewComment{
		Path: req.Path, Body: req.Body, SubjectType: "line", Side: req.Side, StartSide: req.StartSide,
		CommitID: commitID, OriginalCommitID: commitID, pull: p,
	}
	if k.Side == "" {
		k.Side = "RIGHT"
	}
	if strings.TrimSpace(req.Body) == "" {
		bad.add("body", "comments body can't be blank", "missing_field")
		return nil, bad
	}
	if utf8.RuneCountInString(req.Body) > maxBody {
		bad.add("body", "comments body is too long (maximum is 65536 characters)", "custom")
		return nil, bad
	}
	d, err := p.repo.diff(p.mergeBaseWith(commitID), commitID)
	if err != nil {
		bad.add("base", "could not be created", "custom")
		return nil, bad
	}
	f := d.byPath[req.Path]
	if f == nil {
		bad.add("path", "path is invalid", "invalid")
		bad.add("diff_hunk", "diff hunk can't be blank", "missing_field")
		return nil, bad
	}
	if req.SubjectType == "file" {
		k.SubjectType, k.Side, k.OriginalPosition = "file", "", 1
		return k, nil
	}
	if req.Line == nil && req.Position != nil {
		line, side, ok := f.atPosition(*req.Position)
		if !ok {
			bad.add("position", "position is invalid", "invalid")
			bad.add("diff_hunk", "diff hunk can't be blank", "missing_field")
			return nil, bad
		}
		req.Line, k.Side = &line, side
	}
	if req.Line == nil {
		bad.add("line", "line can't be blank", "missing_field")
		return nil, bad
	}
	at, ok := f.place(*req.Line, k.Side)
	if !ok {
		bad.add("line", "line must be part of the diff", "custom")
	}
	if req.StartLine != nil {
		if k.StartSide == "" {
			k.StartSide = k.Side
		}
		if *req.StartLine >= *req.Line && k.StartSide == k.Side {
			bad = nil
			bad.add("start_line", "start line must precede the end line.", "custom")
			return nil, bad
		}
		if start, found := f.place(*req.StartLine, k.StartSide); !found || start.hunk != at.hunk || !ok {
			bad.add("start_line", "start line must be part of the same hunk as the line.", "custom")
		}
		k.StartLine, k.OriginalStartLine = *req.StartLine, *req.StartLine
	}
	if len(bad) > 0 {
		bad.add("diff_hunk", "diff hunk can't be blank", "missing_field")
		return nil, bad
	}
	k.Line, k.OriginalLine = *req.Line, *req.Line
	k.Position, k.OriginalPosition, k.DiffHunk = at.position, at.position, at.excerpt
	return k, nil
}

func (f *diffFile) atPosition(position int) (line int, side string, ok bool) {
	for _, h := range f.hunks {
		for _, l := range h.lines {
			for _, side := range []string{"RIGHT", "LEFT"} {
				n := l.new
				if side == "LEFT" {
					n = l.old
				}
				if n == 0 {
					continue
				}
				if at, found := f.place(n, side); found && at.position == position {
					return n, side, true
				}
			}
		}
	}
	return 0, "", false
}

// addReview adds a review with located comments, and sends the App the event about it.
func (s *Server) addReview(p *Pull, author, state, body, commitID string, comments []*ReviewComment) *Review {
	id := s.id()
	rv := &Review{ID: id, NodeID: fmt.Sprintf("PRR_%d", id), Author: author, State: state, Body: body, CommitID: commitID, CreatedAt: s.now(), pull: p}
	s.nodes[rv.NodeID] = rv
	p.reviews = append(p.reviews, rv)
	p.UpdatedAt = s.now()
	for _, k := range comments {
		k.ID = s.id()
		k.NodeID = fmt.Sprintf("PRRC_%d", k.ID)
		k.ReviewID, k.review, k.Author = rv.ID, rv, author
		k.CreatedAt, k.UpdatedAt = s.now(), s.now()
		if k.InReplyTo == 0 {
			k.ThreadID = fmt.Sprintf("PRRT_%d", k.ID)
			s.nodes[k.ThreadID] = k
		}
		s.nodes[k.NodeID], s.comments[k.ID] = k, k
		p.comments = append(p.comments, k)
		if commitID != p.HeadSHA && k.InReplyTo == 0 {
			d, err := p.repo.diff(p.mergeBase(), p.HeadSHA)
			if err != nil {
				d = &diff{}
			}
			p.moveComment(k, d, commitID, p.mergeBaseWith(commitID), p.mergeBase())
		}
	}
	if state != "PENDING" {
		s.echoReview(rv, comments)
	}
	return rv
}
