package fakegithub

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/graph-gophers/graphql-go"
)

// A talk is the conversation of a pull request or an issue.
type talk struct {
	repo  *Repo
	notes []*IssueComment
	pull  *Pull  // nil for an issue
	issue *Issue // nil for a pull request
}

func (k *talk) number() int {
	if k.issue != nil {
		return k.issue.Number
	}
	return k.pull.Number
}

// path is the end of the address of the page.
func (k *talk) path() string {
	if k.issue != nil {
		return fmt.Sprintf("issues/%d", k.issue.Number)
	}
	return fmt.Sprintf("pull/%d", k.pull.Number)
}

// permits returns an error if the conversation is that of an issue, and the token has no permission for issues. For a
// pull request either permission is enough.
func (k *talk) permits(c *call, level string) error {
	if spec := "issues=" + level; k.issue != nil && !c.tok.allows(spec) {
		return forbidden(spec)
	}
	return nil
}

// An Issue is an issue that is no pull request.
type Issue struct {
	ID                             int64
	NodeID                         string
	Number                         int // pull requests and issues are numbered together
	Title, Body, Author            string
	State                          string // open or closed
	Labels                         []string
	CreatedAt, UpdatedAt, ClosedAt time.Time
	Edits                          int // by the App

	deleted bool
	talk
}

func (r *Repo) nextNumber() int { return len(r.pulls) + len(r.issues) + 1 }

func (r *Repo) issue(n int) *Issue {
	for _, i := range r.issues {
		if i.Number == n && !i.deleted {
			return i
		}
	}
	return nil
}

// talk returns the conversation with a number, or nil.
func (r *Repo) talk(n int) *talk {
	if p := r.pull(n); p != nil {
		return &p.talk
	}
	if i := r.issue(n); i != nil {
		return &i.talk
	}
	return nil
}

func (s *Server) mustTalk(owner, repo string, n int) *talk {
	if r := s.repos[strings.ToLower(owner+"/"+repo)]; r != nil && r.talk(n) != nil {
		return r.talk(n)
	}
	panic(fmt.Sprintf("fakegithub: no pull request or issue %s/%s#%d", owner, repo, n))
}

func (s *Server) mustIssue(r *Repo, n int) *Issue {
	if i := r.issue(n); i != nil {
		return i
	}
	panic(fmt.Sprintf("fakegithub: no issue %s#%d", r.FullName(), n))
}

// OpenIssue opens an issue with labels, delivers issues.opened, and issues.labeled for each label.
func (r *Repo) OpenIssue(title, body, author string, labels ...string) (number int) {
	s := r.s
	s.act(func() []outgoing {
		s.user(author)
		i := r.newIssue(title, body, author, labels...)
		number = i.Number
		out := s.issueEvent(i, "opened", author, nil)
		for _, l := range labels {
			out = append(out, s.issueEvent(i, "labeled", author, object{"label": s.labelJSON(r, l)})...)
		}
		return out
	})
	return number
}

func (r *Repo) newIssue(title, body, author string, labels ...string) *Issue {
	id := r.s.id()
	i := &Issue{
		ID: id, NodeID: fmt.Sprintf("I_%d", id), Number: r.nextNumber(), Title: title, Body: body, Author: author,
		State: "open", Labels: slices.Clone(labels), CreatedAt: r.s.now(), UpdatedAt: r.s.now(),
	}
	i.talk = talk{repo: r, issue: i}
	r.issues = append(r.issues, i)
	return i
}

// LabelIssue gives an issue a label, and delivers issues.labeled.
func (r *Repo) LabelIssue(n int, login, label string) {
	r.changeIssue(n, login, "labeled", func(i *Issue) object {
		if slices.Contains(i.Labels, label) {
			return nil
		}
		i.Labels = append(slices.Clip(i.Labels), label)
		return object{"label": r.s.labelJSON(r, label)}
	})
}

// UnlabelIssue takes a label from an issue, and delivers issues.unlabeled.
func (r *Repo) UnlabelIssue(n int, login, label string) {
	r.changeIssue(n, login, "unlabeled", func(i *Issue) object {
		if !slices.Contains(i.Labels, label) {
			return nil
		}
		i.Labels = slices.DeleteFunc(slices.Clone(i.Labels), func(l string) bool { return l == label })
		return object{"label": r.s.labelJSON(r, label)}
	})
}

// CloseIssue closes an issue, and delivers issues.closed.
func (r *Repo) CloseIssue(n int, login string) {
	r.changeIssue(n, login, "closed", func(i *Issue) object {
		i.State, i.ClosedAt = "closed", r.s.now()
		return object{}
	})
}

// EditIssue changes the text of an issue, and delivers issues.edited.
func (r *Repo) EditIssue(n int, login, body string) {
	r.changeIssue(n, login, "edited", func(i *Issue) object {
		from := i.Body
		i.Body = body
		return object{"changes": object{"body": object{"from": from}}}
	})
}

// DeleteIssue deletes an issue, as administrators can, and delivers issues.deleted.
func (r *Repo) DeleteIssue(n int, login string) {
	r.changeIssue(n, login, "deleted", func(i *Issue) object {
		i.deleted = true
		return object{}
	})
}

// Issues returns copies of the issues that exist, in the order of their numbers.
func (r *Repo) Issues() (list []Issue) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	for _, i := range r.issues {
		if !i.deleted {
			list = append(list, *i)
		}
	}
	return list
}

// changeIssue applies f to an issue. The event includes the object that f returns; there is none if that is nil.
func (r *Repo) changeIssue(n int, login, action string, f func(*Issue) object) {
	s := r.s
	s.act(func() []outgoing {
		i := s.mustIssue(r, n)
		s.user(login)
		extra := f(i)
		if extra == nil {
			return nil
		}
		i.UpdatedAt = s.now()
		return s.issueEvent(i, action, login, extra)
	})
}

// Issue returns a copy of an issue.
func (r *Repo) Issue(n int) Issue {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	i := *r.s.mustIssue(r, n)
	i.Labels = slices.Clone(i.Labels)
	return i
}

// box matches an item of a task list up to its mark.
var box = regexp.MustCompile(`(?m)^(\s*(?:[-*+]|\d+[.)]) \[)([ xX])(\] )`)

// Tick ticks a box of a comment, or takes the tick away: the first box whose line contains the text. Like on GitHub it
// is an edit of the comment, of whomever it is.
func (s *Server) Tick(comment int64, login, text string, ticked bool) {
	if !s.tick(comment, login, func(_ int, line string, _ bool) (is, set bool) { return strings.Contains(line, text), ticked }) {
		panic(fmt.Sprintf("fakegithub: comment %d has no box %q", comment, text))
	}
}

// tick sets the mark of the first box that is chosen by its number, from 0, its line and its mark.
func (s *Server) tick(comment int64, login string, choose func(n int, line string, ticked bool) (is, set bool)) bool {
	s.mu.Lock()
	k := s.issueNotes[comment]
	body := ""
	if k != nil {
		body = k.Body
	}
	s.mu.Unlock()
	lines := strings.SplitAfter(body, "\n")
	n := 0
	for i, line := range lines {
		m := box.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		is, set := choose(n, line, m[2] != " ")
		n++
		if !is {
			continue
		}
		mark := "$1 $3"
		if set {
			mark = "${1}x$3"
		}
		lines[i] = box.ReplaceAllString(line, mark)
		s.EditNote(comment, login, strings.Join(lines, ""))
		return true
	}
	return false
}

// hearsIssues reports whether GitHub sends the App events about issues that are no pull requests.
func (s *Server) hearsIssues() bool { return levels[s.opts.Permissions["issues"]] >= levels["read"] }

func (s *Server) issueEvent(i *Issue, action, sender string, extra object) []outgoing {
	if !s.hearsIssues() {
		return nil
	}
	return s.event(i.repo, "issues", sender, with(object{"action": action, "issue": s.plainIssueJSON(i)}, extra))
}

func (s *Server) labelJSON(r *Repo, name string) object {
	return object{
		"id": 1 + len(name), "node_id": "LA_" + name, "url": s.api("/repos/%s/labels/%s", r.FullName(), name), "name": name, "color": "ededed",
		"default": false, "description": nil,
	}
}

// talkJSON is the issue in the event of a comment.
func (s *Server) talkJSON(k *talk) object {
	if k.issue != nil {
		return s.plainIssueJSON(k.issue)
	}
	return s.issueJSON(k.pull)
}

func (s *Server) plainIssueJSON(i *Issue) object {
	u := s.api("/repos/%s/issues/%d", i.repo.FullName(), i.Number)
	return object{
		"url": u, "repository_url": s.api("/repos/%s", i.repo.FullName()), "labels_url": u + "/labels{/name}", "comments_url": u + "/comments", "events_url": u + "/events",
		"html_url": s.page("/%s/%s", i.repo.FullName(), i.path()), "id": i.ID, "node_id": i.NodeID, "number": i.Number, "title": i.Title, "user": s.userJSON(s.user(i.Author)),
		"labels": each(i.Labels, func(l string) object { return s.labelJSON(i.repo, l) }), "state": i.State,
		"locked": false, "assignee": nil, "assignees": []any{}, "milestone": nil, "comments": len(i.notes), "created_at": stamp(i.CreatedAt), "updated_at": stamp(i.UpdatedAt),
		"closed_at": maybeTime(i.ClosedAt), "author_association": "MEMBER", "active_lock_reason": nil, "body": maybe(i.Body), "reactions": reactions(u, nil),
		"timeline_url": u + "/timeline", "performed_via_github_app": nil, "state_reason": nil,
	}
}

// onTalk calls h with the conversation of a path with {n:[0-9]+}. level is what it needs for an issue.
func onTalk(level string, h func(*call, *talk) (answer, error)) func(*call) (answer, error) {
	return func(c *call) (answer, error) {
		n := int(c.int64("n"))
		k := c.repo.talk(n)
		if k == nil {
			return answer{}, c.repo.noIssue(n)
		}
		if err := k.permits(c, level); err != nil {
			return answer{}, err
		}
		return h(c, k)
	}
}

// closing finds what a text says that it closes.
// https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
var closing = regexp.MustCompile(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):? +(?:([\w.-]+/[\w.-]+))?#(\d+)\b`)

// closes lists the issues that the pull request closes when it is merged into the default branch.
func (p *Pull) closes() (list []*Issue) {
	if p.BaseRef != "main" {
		return nil
	}
	for _, m := range closing.FindAllStringSubmatch(p.Body, -1) {
		repo := p.repo
		if m[1] != "" {
			repo = p.repo.s.repos[strings.ToLower(m[1])]
		}
		n, err := strconv.Atoi(m[2])
		if repo == nil || err != nil {
			continue
		}
		if i := repo.issue(n); i != nil && !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	return list
}

type gqlIssue struct{ i *Issue }

func (g *gqlIssue) ID() graphql.ID       { return graphql.ID(g.i.NodeID) }
func (g *gqlIssue) Number() int32        { return int32(g.i.Number) }
func (g *gqlIssue) Title() string        { return g.i.Title }
func (g *gqlIssue) Repository() *gqlRepo { return &gqlRepo{g.i.repo} }

// Comments returns the comments of the issue, oldest first.
func (g *gqlIssue) Comments(ctx context.Context, args pageArgs) (*noteConnection, error) {
	return g.i.commentPage(ctx, args)
}

// Issue returns an issue that is no pull request.
func (g *gqlRepo) Issue(ctx context.Context, args struct{ Number int32 }) (*gqlIssue, error) {
	if !gql(ctx).tok.allows("issues=read") {
		return nil, gqlError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	i := g.r.issue(int(args.Number))
	if i == nil {
		return nil, gqlError{"NOT_FOUND", fmt.Sprintf("Could not resolve to an Issue with the number of %d.", args.Number)}
	}
	return &gqlIssue{i}, nil
}

type issueConnection struct {
	TotalCount int32
	Nodes      []*gqlIssue
	PageInfo   pageInfo
}

// ClosingIssuesReferences lists the issues that the pull request closes, as far as the token reaches them.
func (g *gqlPull) ClosingIssuesReferences(ctx context.Context, args pageArgs) (*issueConnection, error) {
	tok := gql(ctx).tok
	if !tok.allows("issues=read") {
		return nil, gqlError{"FORBIDDEN", "Resource not accessible by integration"}
	}
	var all []*gqlIssue
	for _, i := range g.p.closes() {
		if tok.reaches(i.repo) || i.repo.public {
			all = append(all, &gqlIssue{i})
		}
	}
	nodes, info, err := window("closingIssuesReferences", all, args)
	return &issueConnection{int32(len(all)), nodes, info}, err
}
