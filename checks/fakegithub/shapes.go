package fakegithub

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// This file makes the JSON of all objects. The required fields are those of GitHub's own
// description (npm package @octokit/openapi); TestOpenAPI checks that.

func (s *Server) userJSON(a *account) object {
	u := s.api("/users/%s", url.PathEscape(a.login))
	return object{
		"login": a.login, "id": a.id, "node_id": fmt.Sprintf("U_%d", a.id), "gravatar_id": "", "type": a.kind,
		"site_admin": false, "user_view_type": "public", "url": u, "html_url": s.page("/%s", url.PathEscape(a.login)),
		"avatar_url": s.page("/avatars/%d", a.id), "followers_url": u + "/followers", "following_url": u + "/following{/other_user}",
		"gists_url": u + "/gists{/gist_id}", "starred_url": u + "/starred{/owner}{/repo}", "subscriptions_url": u + "/subscriptions",
		"organizations_url": u + "/orgs", "repos_url": u + "/repos", "events_url": u + "/events{/privacy}",
		"received_events_url": u + "/received_events",
	}
}

func (s *Server) appJSON() object {
	return object{
		"id": s.opts.AppID, "slug": s.opts.AppSlug, "node_id": fmt.Sprintf("A_%d", s.opts.AppID), "client_id": fmt.Sprintf("Iv23fake%012d", s.opts.AppID),
		"owner": s.userJSON(s.account("app-owner", "User")), "name": s.opts.AppSlug, "description": "", "external_url": "https://example.com",
		"html_url": s.page("/apps/%s", s.opts.AppSlug), "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
		"permissions": s.opts.Permissions, "events": s.opts.Events,
	}
}

func (s *Server) installationJSON(in *installation) object {
	o := object{
		"id": in.id, "account": s.userJSON(in.account), "app_id": s.opts.AppID, "app_slug": s.opts.AppSlug, "client_id": fmt.Sprintf("Iv23fake%012d", s.opts.AppID),
		"target_id": in.account.id, "target_type": in.account.kind, "repository_selection": "all",
		"access_tokens_url": s.api("/app/installations/%d/access_tokens", in.id), "repositories_url": s.api("/installation/repositories"),
		"html_url":    s.page("/organizations/%s/settings/installations/%d", in.account.login, in.id),
		"permissions": s.opts.Permissions, "events": s.opts.Events, "created_at": stamp(in.created), "updated_at": stamp(in.created),
		"single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{}, "suspended_by": nil, "suspended_at": nil,
	}
	if !in.all {
		o["repository_selection"] = "selected"
	}
	if in.suspended {
		o["suspended_by"], o["suspended_at"] = s.userJSON(in.account), stamp(in.created)
	}
	return o
}

func (s *Server) repoJSON(r *Repo) object {
	u, web := s.api("/repos/%s", r.FullName()), s.page("/%s", r.FullName())
	visibility := "private"
	if r.public {
		visibility = "public"
	}
	o := object{
		"id": r.id, "node_id": fmt.Sprintf("R_%d", r.id), "name": r.name, "full_name": r.FullName(), "owner": s.userJSON(r.owner),
		"private": !r.public, "visibility": visibility, "html_url": web, "description": nil, "fork": r.parent != nil, "url": u,
		"git_url": "git:" + strings.TrimPrefix(web, "http:") + ".git", "ssh_url": "git@example.com:" + r.FullName() + ".git", "clone_url": web + ".git",
		"svn_url": web, "mirror_url": nil, "homepage": nil, "language": nil, "license": nil, "topics": []string{},
		"forks": 0, "forks_count": 0, "stargazers_count": 0, "watchers": 0, "watchers_count": 0, "size": 1, "default_branch": "main",
		"open_issues": r.openIssues(), "open_issues_count": r.openIssues(), "is_template": false, "archived": false, "disabled": false,
		"has_issues": true, "has_projects": true, "has_wiki": true, "has_pages": false, "has_downloads": true, "has_discussions": false,
		"allow_forking": true, "web_commit_signoff_required": false,
		"created_at": stamp(r.created), "updated_at": stamp(r.created), "pushed_at": stamp(r.created),
	}
	for name, path := range map[string]string{
		"archive": "/{archive_format}{/ref}", "assignees": "/assignees{/user}", "blobs": "/git/blobs{/sha}", "branches": "/branches{/branch}",
		"collaborators": "/collaborators{/collaborator}", "comments": "/comments{/number}", "commits": "/commits{/sha}", "compare": "/compare/{base}...{head}",
		"contents": "/contents/{+path}", "contributors": "/contributors", "deployments": "/deployments", "downloads": "/downloads", "events": "/events",
		"forks": "/forks", "git_commits": "/git/commits{/sha}", "git_refs": "/git/refs{/sha}", "git_tags": "/git/tags{/sha}", "hooks": "/hooks",
		"issue_comment": "/issues/comments{/number}", "issue_events": "/issues/events{/number}", "issues": "/issues{/number}", "keys": "/keys{/key_id}",
		"labels": "/labels{/name}", "languages": "/languages", "merges": "/merges", "milestones": "/milestones{/number}", "notifications": "/notifications{?since,all,participating}",
		"pulls": "/pulls{/number}", "releases": "/releases{/id}", "stargazers": "/stargazers", "statuses": "/statuses/{sha}", "subscribers": "/subscribers",
		"subscription": "/subscription", "tags": "/tags", "teams": "/teams", "trees": "/git/trees{/sha}",
	} {
		o[name+"_url"] = u + path
	}
	return o
}

func (s *Server) fullRepoJSON(r *Repo) object {
	o := s.repoJSON(r)
	o["subscribers_count"], o["network_count"] = 0, 0
	return o
}

func (s *Server) pullJSON(p *Pull, full bool) object {
	u := s.api("/repos/%s/pulls/%d", p.repo.FullName(), p.Number)
	issue := s.api("/repos/%s/issues/%d", p.repo.FullName(), p.Number)
	web := s.page("/%s/pull/%d", p.repo.FullName(), p.Number)
	statuses := s.api("/repos/%s/statuses/%s", p.repo.FullName(), p.HeadSHA)
	end := func(r *Repo, ref, sha string) object {
		o := object{"ref": ref, "sha": sha, "label": "unknown:" + ref, "user": nil, "repo": nil}
		if r != nil {
			o["label"], o["user"], o["repo"] = r.owner.login+":"+ref, s.userJSON(r.owner), s.fullRepoJSON(r)
		}
		return o
	}
	links := object{}
	for name, href := range map[string]string{
		"self": u, "html": web, "issue": issue, "comments": issue + "/comments", "review_comments": u + "/comments",
		"review_comment": s.api("/repos/%s/pulls/comments{/number}", p.repo.FullName()), "commits": u + "/commits", "statuses": statuses,
	} {
		links[name] = object{"href": href}
	}
	o := object{
		"url": u, "id": p.ID, "node_id": p.NodeID, "html_url": web, "diff_url": web + ".diff", "patch_url": web + ".patch", "issue_url": issue,
		"commits_url": u + "/commits", "review_comments_url": u + "/comments", "review_comment_url": s.api("/repos/%s/pulls/comments{/number}", p.repo.FullName()),
		"comments_url": issue + "/comments", "statuses_url": statuses, "number": p.Number, "state": p.State, "locked": false, "title": p.Title,
		"user": s.userJSON(s.user(p.Author)), "body": maybe(p.Body), "labels": []any{}, "milestone": nil, "active_lock_reason": nil,
		"created_at": stamp(p.CreatedAt), "updated_at": stamp(p.UpdatedAt), "closed_at": maybeTime(p.ClosedAt), "merged_at": nil, "merge_commit_sha": nil,
		"assignee": nil, "assignees": each(p.Assignees, func(l string) object { return s.userJSON(s.user(l)) }), "requested_reviewers": []any{}, "requested_teams": []any{}, "draft": p.Draft,
		"head": end(p.head, p.HeadRef, p.HeadSHA), "base": end(p.repo, p.BaseRef, p.BaseSHA), "_links": links,
		"author_association": "MEMBER", "auto_merge": nil,
	}
	if len(p.Assignees) > 0 {
		o["assignee"] = s.userJSON(s.user(p.Assignees[0]))
	}
	if p.Merged {
		o["merged_at"], o["merge_commit_sha"] = stamp(p.ClosedAt), maybe(p.MergeSHA)
	}
	if !full {
		return o
	}
	added, deleted, files := 0, 0, 0
	if d, err := p.repo.diff(p.mergeBase(), p.HeadSHA); err == nil {
		files = len(d.files)
		for _, f := range d.files {
			added, deleted = added+f.added, deleted+f.deleted
		}
	}
	for k, v := range (object{
		"merged": p.Merged, "mergeable": nil, "rebaseable": nil, "mergeable_state": "unknown", "merged_by": nil, "comments": len(p.notes),
		"review_comments": len(p.visible()), "maintainer_can_modify": false, "commits": len(p.commitIDs()), "additions": added, "deletions": deleted, "changed_files": files,
	}) {
		o[k] = v
	}
	return o
}

func (s *Server) fileJSON(r *Repo, f *diffFile, head string) object {
	path := (&url.URL{Path: f.path}).EscapedPath()
	o := object{
		"sha": f.sha, "filename": f.path, "status": f.status, "additions": f.added, "deletions": f.deleted, "changes": f.added + f.deleted,
		"blob_url": s.page("/%s/blob/%s/%s", r.FullName(), head, path), "raw_url": s.page("/%s/raw/%s/%s", r.FullName(), head, path),
		"contents_url": s.api("/repos/%s/contents/%s?ref=%s", r.FullName(), path, head),
	}
	if f.sha == "" {
		o["sha"] = nil
	}
	if f.previous != "" {
		o["previous_filename"] = f.previous
	}
	if f.patch != "" {
		o["patch"] = f.patch
	}
	return o
}

func (s *Server) commitJSON(r *Repo, k commit) object {
	u, web := s.api("/repos/%s/commits/%s", r.FullName(), k.sha), s.page("/%s/commit/%s", r.FullName(), k.sha)
	who := object{"name": k.author, "email": k.email, "date": k.date}
	parents := []any{}
	for _, p := range strings.Fields(k.parents) {
		parents = append(parents, object{"sha": p, "url": s.api("/repos/%s/commits/%s", r.FullName(), p), "html_url": s.page("/%s/commit/%s", r.FullName(), p)})
	}
	by := object{"name": k.committer, "email": k.committer + "@users.noreply.example", "date": k.date}
	user := func(name string) any { // nil where the address belongs to no account
		if a := s.accounts[strings.ToLower(name)]; a != nil {
			return s.userJSON(a)
		}
		return nil
	}
	return object{
		"url": u, "sha": k.sha, "node_id": "C_" + k.sha, "html_url": web, "comments_url": u + "/comments", "author": user(k.author), "committer": user(k.committer), "parents": parents,
		"commit": object{
			"url": s.api("/repos/%s/git/commits/%s", r.FullName(), k.sha), "author": who, "committer": by, "message": k.message, "comment_count": 0,
			"tree":         object{"sha": k.tree, "url": s.api("/repos/%s/git/trees/%s", r.FullName(), k.tree)},
			"verification": object{"verified": false, "reason": "unsigned", "payload": nil, "signature": nil, "verified_at": nil},
		},
	}
}

func (s *Server) reviewJSON(rv *Review) object {
	p := rv.pull
	u := s.api("/repos/%s/pulls/%d", p.repo.FullName(), p.Number)
	web := s.page("/%s/pull/%d#pullrequestreview-%d", p.repo.FullName(), p.Number, rv.ID)
	o := object{
		"id": rv.ID, "node_id": rv.NodeID, "user": s.userJSON(s.user(rv.Author)), "body": rv.Body, "state": rv.State, "html_url": web, "pull_request_url": u,
		"_links":    object{"html": object{"href": web}, "pull_request": object{"href": u}},
		"commit_id": rv.CommitID, "author_association": association(rv.Author),
	}
	if rv.State != "PENDING" {
		o["submitted_at"] = stamp(rv.CreatedAt)
	}
	return o
}

// association returns GitHub's word for the author's relation to the repository. It is a hint, not a
// permission.
func association(login string) string {
	if strings.HasSuffix(login, "[bot]") {
		return "NONE"
	}
	return "MEMBER"
}

func (s *Server) commentJSON(k *ReviewComment) object {
	p := k.pull
	u := s.api("/repos/%s/pulls/comments/%d", p.repo.FullName(), k.ID)
	pull := s.api("/repos/%s/pulls/%d", p.repo.FullName(), p.Number)
	web := s.page("/%s/pull/%d#discussion_r%d", p.repo.FullName(), p.Number, k.ID)
	o := object{
		"url": u, "id": k.ID, "node_id": k.NodeID, "pull_request_review_id": k.ReviewID, "diff_hunk": k.DiffHunk, "path": k.Path, "subject_type": k.SubjectType,
		"commit_id": k.CommitID, "original_commit_id": k.OriginalCommitID, "user": s.userJSON(s.user(k.Author)), "body": k.Body,
		"created_at": stamp(k.CreatedAt), "updated_at": stamp(k.UpdatedAt), "html_url": web, "pull_request_url": pull, "author_association": association(k.Author),
		"_links":     object{"self": object{"href": u}, "html": object{"href": web}, "pull_request": object{"href": pull}},
		"start_line": maybe(k.StartLine), "original_start_line": maybe(k.OriginalStartLine), "start_side": maybe(k.StartSide),
		"line": maybe(k.Line), "original_line": maybe(k.OriginalLine), "side": maybe(k.Side), "position": maybe(k.Position), "original_position": maybe(k.OriginalPosition),
		"reactions": reactions(u, k.Reactions),
	}
	if k.SubjectType == "file" {
		o["side"] = "RIGHT" // the webhook's description allows no null
	}
	if k.InReplyTo != 0 {
		o["in_reply_to_id"] = k.InReplyTo
	}
	return o
}

func (s *Server) noteJSON(k *IssueComment) object {
	name := k.on.repo.FullName()
	u := s.api("/repos/%s/issues/comments/%d", name, k.ID)
	o := object{
		"id": k.ID, "node_id": k.NodeID, "url": u, "html_url": s.page("/%s/%s#issuecomment-%d", name, k.on.path(), k.ID),
		"issue_url": s.api("/repos/%s/issues/%d", name, k.on.number()), "body": k.Body, "user": s.userJSON(s.user(k.Author)),
		"created_at": stamp(k.CreatedAt), "updated_at": stamp(k.UpdatedAt), "author_association": association(k.Author), "performed_via_github_app": nil, "reactions": reactions(u, k.Reactions),
	}
	if k.Author == s.botLogin() {
		o["performed_via_github_app"] = s.appJSON()
	}
	return o
}

// pullRefs returns the short pull requests in checks. It leaves out those of forks, as GitHub does.
func (s *Server) pullRefs(r *Repo, sha string) []any {
	list := []any{}
	for _, p := range r.pulls {
		if p.HeadSHA == sha && p.head == r && p.State == "open" {
			short := object{"id": r.id, "url": s.api("/repos/%s", r.FullName()), "name": r.name}
			list = append(list, object{
				"id": p.ID, "number": p.Number, "url": s.api("/repos/%s/pulls/%d", r.FullName(), p.Number),
				"head": object{"ref": p.HeadRef, "sha": p.HeadSHA, "repo": short}, "base": object{"ref": p.BaseRef, "sha": p.BaseSHA, "repo": short},
			})
		}
	}
	return list
}

func (s *Server) checkJSON(k *CheckRun) object {
	u := s.api("/repos/%s/check-runs/%d", k.repo.FullName(), k.ID)
	return object{
		"id": k.ID, "head_sha": k.HeadSHA, "node_id": k.NodeID, "external_id": k.ExternalID, "url": u, "html_url": s.page("/%s/runs/%d", k.repo.FullName(), k.ID),
		"details_url": k.DetailsURL, "status": k.Status, "conclusion": maybe(k.Conclusion), "started_at": maybeTime(k.StartedAt), "completed_at": maybeTime(k.CompletedAt),
		"output": object{"title": maybe(k.Title), "summary": maybe(k.Summary), "text": maybe(k.Text), "annotations_count": len(k.Annotations), "annotations_url": u + "/annotations"},
		"name":   k.Name, "check_suite": object{"id": k.suite.id}, "app": s.appJSON(), "pull_requests": s.pullRefs(k.repo, k.HeadSHA),
	}
}

func (s *Server) annotationJSON(k *CheckRun, a Annotation) object {
	return object{
		"path": a.Path, "start_line": a.StartLine, "end_line": a.EndLine, "start_column": maybe(a.StartColumn), "end_column": maybe(a.EndColumn),
		"annotation_level": a.Level, "title": maybe(a.Title), "message": a.Message, "raw_details": maybe(a.RawDetails),
		"blob_href": s.api("/repos/%s/contents/%s?ref=%s", k.repo.FullName(), (&url.URL{Path: a.Path}).EscapedPath(), k.HeadSHA),
	}
}

func (s *Server) suiteJSON(k *checkSuite) object {
	status, conclusion := k.outcome()
	var branch any
	for _, p := range k.repo.pulls {
		if p.HeadSHA == k.head && p.head == k.repo {
			branch = p.HeadRef
		}
	}
	if _, err := os.Stat(filepath.Join(k.repo.dir, "refs/heads/gh-readonly-queue")); err == nil {
		if out, err := k.repo.git("for-each-ref", "--format=%(refname:lstrip=2)", "--points-at="+k.head, "refs/heads/gh-readonly-queue"); err == nil && out != "" {
			branch, _, _ = strings.Cut(out, "\n")
		}
	}
	runs := latest(k.repo.runs(k.head))
	o := object{
		"id": k.id, "node_id": fmt.Sprintf("CS_%d", k.id), "head_branch": branch, "head_sha": k.head, "status": status, "conclusion": maybe(conclusion),
		"url": s.api("/repos/%s/check-suites/%d", k.repo.FullName(), k.id), "before": nil, "after": k.head, "pull_requests": s.pullRefs(k.repo, k.head),
		"app": s.appJSON(), "created_at": stamp(k.created), "updated_at": stamp(k.created), "latest_check_runs_count": len(runs),
		"check_runs_url": s.api("/repos/%s/check-suites/%d/check-runs", k.repo.FullName(), k.id), "rerequestable": true, "runs_rerequestable": true,
	}
	if list := k.repo.commits([]string{k.head}); len(list) == 1 {
		c := list[0]
		who := object{"name": c.author, "email": c.email}
		o["head_commit"] = object{"id": c.sha, "tree_id": c.tree, "message": c.message, "timestamp": c.date, "author": who, "committer": who}
	}
	return o
}

// outcome returns the status and conclusion of a suite. The conclusion is that of its worst run.
func (k *checkSuite) outcome() (status, conclusion string) {
	order := []string{"skipped", "neutral", "success", "cancelled", "timed_out", "action_required", "failure"}
	worst := -1
	for _, run := range latest(k.repo.runs(k.head)) {
		if run.Status != "completed" {
			return "in_progress", ""
		}
		for i, c := range order {
			if c == run.Conclusion {
				worst = max(worst, i)
			}
		}
	}
	if worst < 0 {
		return "queued", ""
	}
	return "completed", order[worst]
}
