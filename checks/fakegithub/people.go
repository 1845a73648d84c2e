package fakegithub

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// This file holds the actions of people: each method changes the memory, and delivers the event
// that GitHub would. Methods panic on names that do not exist, because only a mistake in
// a test can cause that.

// act runs f with the memory locked, also when f panics, and then sends the deliveries that f returns.
func (s *Server) act(f func() []outgoing) {
	s.send(func() []outgoing {
		s.mu.Lock()
		defer s.mu.Unlock()
		return f()
	}())
}

// Install installs the App on an account, for all its repositories or for those named, and
// returns the installation's id.
func (s *Server) Install(owner string, repos ...string) (id int64) {
	s.act(func() []outgoing {
		a := s.account(owner, "Organization")
		s.installed++ // no id is given twice, also after Uninstall
		in := &installation{id: int64(50_000_000 + s.installed), account: a, created: s.now(), all: len(repos) == 0, repos: map[string]bool{}}
		for _, r := range repos {
			in.repos[strings.ToLower(owner+"/"+r)] = true
		}
		s.installs[in.id] = in
		id = in.id
		return s.installEvent(in, "created")
	})
	return id
}

// Uninstall removes the installation. Its tokens stop working.
func (s *Server) Uninstall(id int64) {
	s.act(func() []outgoing {
		in := s.installs[id]
		out := s.installEvent(in, "deleted")
		delete(s.installs, id)
		return out
	})
}

// Suspend stops the installation until [Server.Unsuspend].
func (s *Server) Suspend(id int64) { s.suspend(id, true, "suspend") }

// Unsuspend ends the suspension of the installation.
func (s *Server) Unsuspend(id int64) { s.suspend(id, false, "unsuspend") }

func (s *Server) suspend(id int64, suspended bool, action string) {
	s.act(func() []outgoing {
		in := s.installs[id]
		in.suspended = suspended
		return s.installEvent(in, action)
	})
}

// AcceptPermissions gives the App these permissions, which the owner of the installation accepts.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads?actionType=new_permissions_accepted#installation
func (s *Server) AcceptPermissions(id int64, p map[string]string) {
	s.SetPermissions(p)
	s.act(func() []outgoing { return s.installEvent(s.installs[id], "new_permissions_accepted") })
}

func (s *Server) installationOf(r *Repo) *installation {
	for _, in := range s.installs {
		if in.reaches(r) {
			return in
		}
	}
	return nil
}

func (s *Server) reposOf(in *installation) []*Repo {
	var list []*Repo
	for _, r := range s.repos {
		if in.reaches(r) {
			list = append(list, r)
		}
	}
	slices.SortFunc(list, func(a, b *Repo) int { return int(a.id - b.id) })
	return list
}

func (s *Server) installEvent(in *installation, action string) []outgoing {
	short := each(s.reposOf(in), func(r *Repo) object {
		o := s.repoJSON(r)
		return object{"id": o["id"], "node_id": o["node_id"], "name": o["name"], "full_name": o["full_name"], "private": o["private"]}
	})
	return []outgoing{s.record("installation", object{
		"action": action, "installation": s.installationJSON(in), "repositories": short, "requester": nil, "sender": s.userJSON(s.user("octocat")),
	})}
}

// AddRepositories adds repositories to an installation of chosen repositories.
func (s *Server) AddRepositories(id int64, names ...string) {
	s.act(func() []outgoing {
		in := s.installs[id]
		var added []*Repo
		for _, n := range names {
			r := s.repos[strings.ToLower(in.account.login+"/"+n)]
			in.repos[r.key()] = true
			added = append(added, r)
		}
		return s.addedEvent(in, added...)
	})
}

// RemoveRepositories removes repositories from an installation of chosen repositories.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads?actionType=removed#installation_repositories
func (s *Server) RemoveRepositories(id int64, names ...string) {
	s.act(func() []outgoing {
		in := s.installs[id]
		var removed []*Repo
		for _, n := range names {
			r := s.repos[strings.ToLower(in.account.login+"/"+n)]
			delete(in.repos, r.key())
			removed = append(removed, r)
		}
		return s.coverageEvent(in, nil, removed)
	})
}

// coverEvent returns the event about a new repository for an installation with all repositories of its
// account.
func (s *Server) coverEvent(r *Repo) []outgoing {
	for _, in := range s.installs {
		if in.all && in.account == r.owner {
			return s.addedEvent(in, r)
		}
	}
	return nil
}

func (s *Server) addedEvent(in *installation, added ...*Repo) []outgoing {
	return s.coverageEvent(in, added, nil)
}

func (s *Server) coverageEvent(in *installation, added, removed []*Repo) []outgoing {
	action, selection := "added", "selected"
	if len(removed) > 0 {
		action = "removed"
	}
	if in.all {
		selection = "all"
	}
	short := func(list []*Repo) []any {
		return each(list, func(r *Repo) object {
			o := s.repoJSON(r)
			return object{"id": o["id"], "node_id": o["node_id"], "name": o["name"], "full_name": o["full_name"], "private": o["private"]}
		})
	}
	return []outgoing{s.record("installation_repositories", object{
		"action": action, "installation": s.installationJSON(in), "repository_selection": selection,
		"repositories_added": short(added), "repositories_removed": short(removed),
		"requester": nil, "sender": s.userJSON(s.user("octocat")),
	})}
}

func (s *Server) mustPull(owner, repo string, n int) *Pull {
	r := s.repos[strings.ToLower(owner+"/"+repo)]
	if r == nil || r.pull(n) == nil {
		panic("fakegithub: no pull request " + owner + "/" + repo)
	}
	return r.pull(n)
}

// thread returns a thread by its id, or by the id of a comment in it.
func (p *Pull) thread(id string, comment int64) *ReviewComment {
	for _, k := range p.comments {
		if k.ID == comment && k.InReplyTo != 0 {
			return p.thread("", k.InReplyTo)
		}
		if k.InReplyTo == 0 && (k.ThreadID == id && id != "" || k.ID == comment) {
			return k
		}
	}
	panic("fakegithub: no such thread")
}

// Reply answers in a thread and returns the comment's id.
func (s *Server) Reply(owner, repo string, n int, threadID, login, body string) (id int64) {
	s.act(func() []outgoing {
		p := s.mustPull(owner, repo, n)
		id = s.addReply(p.thread(threadID, 0), login, body).ID
		return nil
	})
	s.Settle()
	return id
}

// Note comments in the conversation of the pull request or issue, and returns the comment's id.
func (s *Server) Note(owner, repo string, n int, login, body string) (id int64) {
	s.act(func() []outgoing {
		k := s.addNote(s.mustTalk(owner, repo, n), login, body)
		id = k.ID
		return s.noteEvent(k, "created", login, nil)
	})
	return id
}

// EditNote changes a comment of the conversation, also one of another person: a ticked box is such
// an edit.
func (s *Server) EditNote(id int64, login, body string) {
	s.act(func() []outgoing {
		k := s.issueNotes[id]
		old := k.Body
		k.Body, k.UpdatedAt = body, s.now()
		return s.noteEvent(k, "edited", login, object{"body": object{"from": old}})
	})
}

// DeleteNote removes a comment of the conversation, also one of another person.
func (s *Server) DeleteNote(id int64, login string) {
	s.act(func() []outgoing { return s.dropNote(s.issueNotes[id], login) })
}

// EditReviewComment changes a review comment, also one of another person.
func (s *Server) EditReviewComment(id int64, login, body string) {
	s.act(func() []outgoing {
		k := s.comments[id]
		old := k.Body
		k.Body, k.UpdatedAt = body, s.now()
		return s.commentEvent(k, "edited", login, object{"body": object{"from": old}})
	})
}

// DeleteReviewComment removes a review comment, also one of another person.
func (s *Server) DeleteReviewComment(id int64, login string) {
	s.act(func() []outgoing {
		k := s.comments[id]
		out := s.commentEvent(k, "deleted", login, nil)
		s.dropComment(k)
		return out
	})
}

// CommentOnLine starts a thread of a person on a line, and returns the thread's id. It
// panics if the line cannot carry a comment.
func (s *Server) CommentOnLine(owner, repo string, n int, login, path string, line int, body string) (threadID string) {
	s.act(func() []outgoing {
		p := s.mustPull(owner, repo, n)
		k, bad := p.locate(commentRequest{Path: path, Body: body, Line: &line}, p.HeadSHA)
		if len(bad) > 0 {
			panic("fakegithub: " + bad.sentence())
		}
		s.user(login)
		s.addReview(p, login, "COMMENTED", "", p.HeadSHA, []*ReviewComment{k})
		threadID = k.ThreadID
		return nil
	})
	s.Settle()
	return threadID
}

// ResolveThread resolves a thread as a person.
func (s *Server) ResolveThread(owner, repo string, n int, threadID, login string) {
	s.setResolved(owner, repo, n, threadID, login, true)
}

// UnresolveThread opens a resolved thread again.
func (s *Server) UnresolveThread(owner, repo string, n int, threadID, login string) {
	s.setResolved(owner, repo, n, threadID, login, false)
}

func (s *Server) setResolved(owner, repo string, n int, threadID, login string, resolved bool) {
	s.act(func() []outgoing {
		k := s.mustPull(owner, repo, n).thread(threadID, 0)
		return s.resolve(k, login, resolved)
	})
}

func (s *Server) resolve(k *ReviewComment, login string, resolved bool) []outgoing {
	if k.Resolved == resolved {
		return nil
	}
	action := "unresolved"
	k.Resolved, k.ResolvedBy = resolved, ""
	if resolved {
		action, k.ResolvedBy = "resolved", login
	}
	return s.threadEvent(k, action, login)
}

// ClosePull closes a pull request, as merged or not. It does not really merge anything, see
// [Repo.MergePull].
func (s *Server) ClosePull(owner, repo string, n int, login string, merged bool) {
	s.change(owner, repo, n, login, "closed", func(p *Pull) object {
		p.State, p.Merged, p.ClosedAt = "closed", merged, s.now()
		return nil
	})
}

// MergePull merges an open pull request by a merge commit, and delivers pull_request.closed and push. It panics if the
// pull request cannot be merged.
func (r *Repo) MergePull(n int, login string) { r.MergePullBy(n, login, "merge") }

// MergePullBy is like MergePull with one of GitHub's methods: merge, squash or rebase
// (https://docs.github.com/rest/pulls/pulls#merge-a-pull-request). merge_commit_sha is the merge commit, the squashed
// commit, or the last of the rebased ones (https://docs.github.com/rest/pulls/pulls#get-a-pull-request).
func (r *Repo) MergePullBy(n int, login, method string) {
	s := r.s
	before, base := "", ""
	s.act(func() []outgoing {
		p := s.mustPull(r.owner.login, r.name, n)
		if p.State != "open" {
			panic(fmt.Sprintf("fakegithub: %s#%d is closed", r.FullName(), n))
		}
		base, before = p.BaseRef, r.tip(p.BaseRef)
		sha, err := r.mergeBy(method, before, p)
		must(err)
		_, err = r.git("update-ref", "refs/heads/"+base, sha)
		must(err)
		p.BaseSHA, p.MergeSHA = before, sha
		p.State, p.Merged, p.ClosedAt, p.UpdatedAt = "closed", true, s.now(), s.now()
		p.timeline = append(p.timeline, timelineEvent{id: s.id(), at: s.now(), kind: "closed", who: login})
		out := s.pullEvent(p, "closed", login, nil)
		for _, i := range p.closes() {
			if i.State == "open" {
				i.State, i.ClosedAt = "closed", s.now()
				out = append(out, s.issueEvent(i, "closed", login, nil)...)
			}
		}
		return out
	})
	r.AnnouncePush(base, before, login)
}

// Assign assigns people to a pull request, and delivers pull_request.assigned for each.
func (s *Server) Assign(owner, repo string, n int, logins ...string) {
	for _, login := range logins {
		s.change(owner, repo, n, login, "assigned", func(p *Pull) object {
			s.user(login)
			p.Assignees = append(slices.Clip(p.Assignees), login)
			return object{"assignee": s.userJSON(s.user(login))}
		})
	}
}

// ReopenPull opens a pull request again.
func (s *Server) ReopenPull(owner, repo string, n int, login string) {
	s.change(owner, repo, n, login, "reopened", func(p *Pull) object {
		p.State, p.Merged, p.ClosedAt = "open", false, time.Time{}
		return nil
	})
}

// SetDraft makes the pull request a draft, or ready for review.
func (s *Server) SetDraft(owner, repo string, n int, login string, draft bool) {
	action := "ready_for_review"
	if draft {
		action = "converted_to_draft"
	}
	s.change(owner, repo, n, login, action, func(p *Pull) object {
		p.Draft = draft
		return nil
	})
}

// ChangeBase points the pull request at another branch.
func (s *Server) ChangeBase(owner, repo string, n int, login, base string) {
	s.change(owner, repo, n, login, "edited", func(p *Pull) object {
		changes := object{"base": object{"ref": object{"from": p.BaseRef}, "sha": object{"from": p.BaseSHA}}}
		oldBase := p.mergeBase()
		p.BaseRef, p.BaseSHA = base, p.repo.tip(base)
		p.moveComments(p.HeadSHA, oldBase)
		return object{"changes": changes}
	})
}

// EditPull changes the title and the body of a pull request.
func (s *Server) EditPull(owner, repo string, n int, login, title, body string) {
	s.change(owner, repo, n, login, "edited", func(p *Pull) object {
		changes := object{"title": object{"from": p.Title}, "body": object{"from": p.Body}}
		p.Title, p.Body = title, body
		return object{"changes": changes}
	})
}

// change applies f to a pull request; the event includes the object that f returns.
func (s *Server) change(owner, repo string, n int, login, action string, f func(*Pull) object) {
	s.act(func() []outgoing {
		p := s.mustPull(owner, repo, n)
		extra := f(p)
		p.UpdatedAt = s.now()
		if action != "edited" && action != "assigned" {
			p.timeline = append(p.timeline, timelineEvent{id: s.id(), at: s.now(), kind: action, who: login})
		}
		return s.pullEvent(p, action, login, extra)
	})
}

// AnnouncePush delivers push for a branch; before is the earlier tip of the branch.
func (r *Repo) AnnouncePush(branch, before, login string) {
	s := r.s
	s.act(func() []outgoing {
		after := r.tip(branch)
		if before == "" {
			before = strings.Repeat("0", 40)
		}
		rng := []string{after}
		if r.has(before) {
			rng = append(rng, "^"+before)
		}
		var commits []any
		for _, c := range r.commits(r.revList(rng...)) {
			who := object{"name": c.author, "email": c.email, "username": c.author}
			commits = append(commits, object{
				"id": c.sha, "tree_id": c.tree, "distinct": true, "message": c.message, "timestamp": c.date, "url": s.page("/%s/commit/%s", r.FullName(), c.sha),
				"author": who, "committer": who, "added": []string{}, "removed": []string{}, "modified": []string{},
			})
		}
		payload := object{
			"ref": "refs/heads/" + branch, "before": before, "after": after, "created": !r.has(before), "deleted": false, "forced": false, "base_ref": nil,
			"compare": s.page("/%s/compare/%s...%s", r.FullName(), shortID(before), shortID(after)), "commits": commits,
			"pusher": object{"name": login, "email": login + "@users.noreply.example"}, "head_commit": nil,
		}
		if len(commits) > 0 {
			payload["head_commit"] = commits[len(commits)-1]
		}
		return s.event(r, "push", login, payload)
	})
}

// Rerequest presses "Re-run" on one check run.
func (s *Server) Rerequest(checkRun int64, login string) {
	s.act(func() []outgoing {
		return s.checkEvent(s.checks[checkRun], "rerequested", login, nil)
	})
}

// RerequestSuite presses "Re-run all checks" on a commit.
func (s *Server) RerequestSuite(owner, repo, sha, login string) {
	s.act(func() []outgoing {
		return s.suiteEvent(s.suite(s.repos[strings.ToLower(owner+"/"+repo)], sha), "rerequested", login)
	})
}

// AnnounceSuite delivers check_suite.requested, as after a push to a branch.
func (s *Server) AnnounceSuite(owner, repo, sha, branch, login string) {
	s.act(func() []outgoing {
		k := s.suite(s.repos[strings.ToLower(owner+"/"+repo)], sha)
		suite := s.suiteJSON(k)
		suite["head_branch"] = branch
		return s.event(k.repo, "check_suite", login, object{"action": "requested", "check_suite": suite})
	})
}

// PressButton presses one of the check run's own buttons.
func (s *Server) PressButton(checkRun int64, identifier, login string) {
	s.act(func() []outgoing {
		return s.checkEvent(s.checks[checkRun], "requested_action", login, object{"requested_action": object{"identifier": identifier}})
	})
}

// A Thread is one conversation on a line or on a file.
type Thread struct {
	ID         string
	Path       string
	Line       int // 0 when outdated, and for a file
	Subject    string
	Resolved   bool
	ResolvedBy string
	Outdated   bool
	Comments   []ReviewComment
}

// Threads returns a copy of the pull request's threads, oldest first.
func (s *Server) Threads(owner, repo string, n int) []Thread {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mustPull(owner, repo, n).threads()
}

// Threads is [Server.Threads] for a repository that may be renamed at the same time.
func (r *Repo) Threads(n int) []Thread {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.mustPull(r.owner.login, r.name, n).threads()
}

func (p *Pull) threads() []Thread {
	var list []Thread
	at := map[int64]int{}
	for _, k := range p.visible() {
		if k.InReplyTo == 0 {
			at[k.ID] = len(list)
			list = append(list, Thread{
				ID: k.ThreadID, Path: k.Path, Line: k.Line, Subject: k.SubjectType, Resolved: k.Resolved, ResolvedBy: k.ResolvedBy, Outdated: k.Outdated,
				Comments: []ReviewComment{*k},
			})
		} else if i, ok := at[k.InReplyTo]; ok {
			list[i].Comments = append(list[i].Comments, *k)
		}
	}
	return list
}

// CheckRuns returns a copy of all check runs on a commit, newest first.
func (s *Server) CheckRuns(owner, repo, sha string) []CheckRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.repos[strings.ToLower(owner+"/"+repo)]
	if r == nil {
		panic("fakegithub: no repository " + owner + "/" + repo)
	}
	return copied(r.runs(sha))
}

// CheckRuns is [Server.CheckRuns] for a repository that may be renamed at the same time.
func (r *Repo) CheckRuns(sha string) []CheckRun {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return copied(r.runs(sha))
}

func copied(runs []*CheckRun) (list []CheckRun) {
	for _, k := range runs {
		c := *k
		c.Annotations = slices.Clone(k.Annotations)
		list = append(list, c)
	}
	return list
}

// IssueComments returns a copy of the conversation, oldest first.
func (s *Server) IssueComments(owner, repo string, n int) []IssueComment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mustTalk(owner, repo, n).conversation()
}

// IssueComments is [Server.IssueComments] for a repository that may be renamed at the same time.
func (r *Repo) IssueComments(n int) []IssueComment {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	return r.s.mustTalk(r.owner.login, r.name, n).conversation()
}

func (k *talk) conversation() (list []IssueComment) {
	for _, k := range k.notes {
		list = append(list, *k)
	}
	return list
}

// Reviews returns a copy of the pull request's reviews, oldest first.
func (s *Server) Reviews(owner, repo string, n int) []Review {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Review
	for _, rv := range s.mustPull(owner, repo, n).reviews {
		list = append(list, *rv)
	}
	return list
}

// Pull returns a copy of a pull request.
func (s *Server) Pull(owner, repo string, n int) Pull {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.mustPull(owner, repo, n)
}
