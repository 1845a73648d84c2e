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

// An IssueComment is a comment in the conversation of a pull request or an issue.
type IssueComment struct {
	ID                   int64
	NodeID               string
	Author, Body         string
	CreatedAt, UpdatedAt time.Time
	Minimized            string // reason in lower case, empty when shown
	Reactions            []Reaction

	on *talk
}

func (s *Server) commentRoutes(mux chi.Router) {
	const either = "issues=write; pull_requests=write"
	const read = "issues=read; pull_requests=read"
	s.rest(mux, "GET /repos/{owner}/{repo}/issues/{n:[0-9]+}/comments", withToken, read, onTalk("read", func(_ *call, k *talk) (answer, error) {
		return paged(k.notes, s.noteJSON)
	}))
	s.rest(mux, "POST /repos/{owner}/{repo}/issues/{n:[0-9]+}/comments", withToken, either, onTalk("write", func(c *call, on *talk) (answer, error) {
		body, err := c.noteBody()
		if err != nil {
			return answer{}, err
		}
		k := s.addNote(on, s.botLogin(), body)
		s.echo(s.noteEvent(k, "created", s.botLogin(), nil))
		return created(s.noteJSON(k))
	}))
	onNote := func(h func(*call, *IssueComment) (answer, error)) func(*call) (answer, error) {
		return func(c *call) (answer, error) {
			k := s.issueNotes[c.int64("id")]
			if k == nil || k.on.repo != c.repo {
				return answer{}, notFound()
			}
			level := "write"
			if c.r.Method == http.MethodGet {
				level = "read"
			}
			if err := k.on.permits(c, level); err != nil {
				return answer{}, err
			}
			return h(c, k)
		}
	}
	const note = "/repos/{owner}/{repo}/issues/comments/{id:[0-9]+}"
	s.rest(mux, "GET "+note, withToken, read, onNote(func(_ *call, k *IssueComment) (answer, error) { return one(s.noteJSON(k)) }))
	s.rest(mux, "PATCH "+note, withToken, either, onNote(func(c *call, k *IssueComment) (answer, error) {
		body, err := c.noteBody()
		if err != nil {
			return answer{}, err
		}
		if k.Author != s.botLogin() {
			return answer{}, forbidden(either)
		}
		old := k.Body
		k.Body, k.UpdatedAt = body, s.now()
		s.echo(s.noteEvent(k, "edited", s.botLogin(), object{"body": object{"from": old}}))
		return one(s.noteJSON(k))
	}))
	s.rest(mux, "DELETE "+note, withToken, either, onNote(func(_ *call, k *IssueComment) (answer, error) {
		s.echo(s.dropNote(k, s.botLogin()))
		return answer{status: http.StatusNoContent}, nil
	}))
}

// dropNote removes a comment of the conversation, and returns the event about that.
func (s *Server) dropNote(k *IssueComment, login string) []outgoing {
	out := s.noteEvent(k, "deleted", login, nil)
	delete(s.issueNotes, k.ID)
	delete(s.nodes, k.NodeID)
	k.on.notes = slices.DeleteFunc(k.on.notes, func(o *IssueComment) bool { return o == k })
	return out
}

func (c *call) noteBody() (string, error) {
	var req struct {
		Body *string `json:"body"`
	}
	if _, err := c.decode(&req); err != nil {
		return "", err
	}
	switch {
	case req.Body == nil:
		return "", invalid("\"body\" wasn't supplied.")
	case strings.TrimSpace(*req.Body) == "":
		return "", wrongField("IssueComment", "data", "unprocessable", "Body cannot be blank")
	case utf8.RuneCountInString(*req.Body) > maxBody:
		return "", wrongField("IssueComment", "data", "unprocessable", "Body is too long (maximum is 65536 characters)")
	}
	return *req.Body, nil
}

func (s *Server) addNote(on *talk, author, body string) *IssueComment {
	id := s.id()
	k := &IssueComment{ID: id, NodeID: fmt.Sprintf("IC_%d", id), Author: author, Body: body, CreatedAt: s.now(), UpdatedAt: s.now(), on: on}
	s.user(author)
	s.issueNotes[id], s.nodes[k.NodeID] = k, k
	on.notes = append(on.notes, k)
	return k
}

// createComment is the endpoint for single comments. Its errors have another form than those of
// reviews.
func (s *Server) createComment(c *call, p *Pull) (answer, error) {
	var req commentRequest
	keys, err := c.decode(&req)
	if err != nil {
		return answer{}, err
	}
	if err := permitted(keys, commentKeys); err != nil {
		return answer{}, err
	}
	if _, ok := keys["body"]; !ok {
		return answer{}, invalid("\"body\" wasn't supplied.")
	}
	if req.InReplyTo != 0 {
		return s.reply(c, p, req.InReplyTo, req.Body)
	}
	for _, need := range []string{"commit_id", "path"} {
		if _, ok := keys[need]; !ok {
			return answer{}, invalid("No subschema in \"oneOf\" matched.\n%q wasn't supplied.", need)
		}
	}
	switch {
	case req.SubjectType != "" && req.SubjectType != "line" && req.SubjectType != "file":
		return answer{}, invalid("For 'properties/subject_type', %q is not a member of [\"line\", \"file\"].", req.SubjectType)
	case req.SubjectType != "file" && req.Line == nil && req.Position == nil:
		return answer{}, invalid("No subschema in \"oneOf\" matched.\n\"position\" wasn't supplied.\n\"line\" wasn't supplied.")
	}
	const resource = "PullRequestReviewComment"
	if !p.contains(req.CommitID) {
		return answer{}, wrongField(resource, "commit_id", "custom", "commit_id is not part of the pull request")
	}
	k, bad := p.locate(req, req.CommitID)
	if len(bad) > 0 {
		var list []any
		for _, b := range bad {
			field := "pull_request_review_thread." + b.field
			o := object{"resource": resource, "code": b.code, "field": field}
			if b.code == "custom" {
				o["message"] = field + strings.TrimPrefix(b.text, strings.ReplaceAll(b.field, "_", " "))
			}
			list = append(list, o)
		}
		return answer{}, fail(http.StatusUnprocessableEntity, "Validation Failed", list...)
	}
	s.addReview(p, s.botLogin(), "COMMENTED", "", req.CommitID, []*ReviewComment{k})
	return created(s.commentJSON(k))
}

func (s *Server) createReply(c *call, p *Pull) (answer, error) {
	body, err := c.noteBody()
	if err != nil {
		return answer{}, err
	}
	return s.reply(c, p, c.int64("id"), body)
}

func (s *Server) reply(_ *call, p *Pull, to int64, body string) (answer, error) {
	top := s.comments[to]
	switch {
	case top == nil || top.pull != p:
		return answer{}, notFound()
	case top.InReplyTo != 0:
		return answer{}, wrongField("PullRequestReviewComment", "in_reply_to", "invalid", "Replies to replies are not supported")
	case strings.TrimSpace(body) == "":
		return answer{}, wrongField("PullRequestReviewComment", "body", "missing_field", "")
	case utf8.RuneCountInString(body) > maxBody:
		return answer{}, wrongField("PullRequestReviewComment", "body", "custom", "body is too long (maximum is 65536 characters)")
	}
	return created(s.commentJSON(s.addReply(top, s.botLogin(), body)))
}

// addReply adds a reply. Like every single comment, it makes a review of its own.
func (s *Server) addReply(top *ReviewComment, author, body string) *ReviewComment {
	k := &ReviewComment{
		InReplyTo: top.ID, Body: body, Path: top.Path, SubjectType: top.SubjectType, Side: top.Side, StartSide: top.StartSide,
		Line: top.Line, StartLine: top.StartLine, Position: top.Position, CommitID: top.CommitID, Outdated: top.Outdated,
		OriginalLine: top.OriginalLine, OriginalStartLine: top.OriginalStartLine, OriginalPosition: top.OriginalPosition,
		OriginalCommitID: top.OriginalCommitID, DiffHunk: top.DiffHunk, pull: top.pull,
	}
	s.user(author)
	s.addReview(top.pull, author, "COMMENTED", "", top.pull.HeadSHA, []*ReviewComment{k})
	return k
}

func (s *Server) editComment(c *call, k *ReviewComment) (answer, error) {
	body, err := c.noteBody()
	if err != nil {
		return answer{}, err
	}
	if k.Author != s.botLogin() {
		return answer{}, forbidden("pull_requests=write")
	}
	old := k.Body
	k.Body, k.UpdatedAt = body, s.now()
	s.echo(s.commentEvent(k, "edited", s.botLogin(), object{"body": object{"from": old}}))
	return one(s.commentJSON(k))
}

func (s *Server) deleteComment(_ *call, k *ReviewComment) (answer, error) {
	s.dropComment(k)
	return answer{status: http.StatusNoContent}, nil
}

// dropComment removes a comment. If it is the first of a thread, the next comment takes its
// place, as on GitHub.
func (s *Server) dropComment(k *ReviewComment) {
	p := k.pull
	delete(s.comments, k.ID)
	delete(s.nodes, k.NodeID)
	p.comments = slices.DeleteFunc(p.comments, func(o *ReviewComment) bool { return o == k })
	if k.InReplyTo != 0 {
		return
	}
	var heir *ReviewComment
	for _, o := range p.comments {
		if o.InReplyTo != k.ID {
			continue
		}
		if heir == nil {
			heir = o
			o.InReplyTo, o.ThreadID, o.Resolved, o.ResolvedBy = 0, k.ThreadID, k.Resolved, k.ResolvedBy
			s.nodes[k.ThreadID] = o
		} else {
			o.InReplyTo = heir.ID
		}
	}
	if heir == nil {
		delete(s.nodes, k.ThreadID)
	}
}

func (c *call) ownPending(p *Pull) (*Review, error) {
	for _, rv := range p.reviews {
		if rv.ID == c.int64("id") {
			if rv.State != "PENDING" {
				return nil, fail(http.StatusUnprocessableEntity, "Can not delete a non-pending pull request review")
			}
			return rv, nil
		}
	}
	return nil, notFound()
}

func (s *Server) deletePendingReview(c *call, p *Pull) (answer, error) {
	rv, err := c.ownPending(p)
	if err != nil {
		return answer{}, err
	}
	body := s.reviewJSON(rv)
	for _, k := range slices.Clone(p.comments) {
		if k.review == rv {
			s.dropComment(k)
		}
	}
	p.reviews = slices.DeleteFunc(p.reviews, func(o *Review) bool { return o == rv })
	return one(body)
}

func (s *Server) submitReview(c *call, p *Pull) (answer, error) {
	rv, err := c.ownPending(p)
	if err != nil {
		return answer{}, err
	}
	var req struct{ Body, Event string }
	if _, err := c.decode(&req); err != nil {
		return answer{}, err
	}
	state := map[string]string{"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}[req.Event]
	if state == "" {
		return answer{}, invalid("\"event\" wasn't supplied.")
	}
	rv.State = state
	if req.Body != "" {
		rv.Body = req.Body
	}
	return one(s.reviewJSON(rv))
}
