package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/checks"
)

// This file writes what is said to one person: an answer to a comment or to a button, and a word in
// a thread that they closed.

// A Question is what an answer is to.
type Question struct {
	Owner, Repo string
	Number      int
	Key         string    // names it: there is one answer for each; letters, digits and hyphens
	Comment     int64     // 0 for a button
	Thread      int64     // the first comment of the thread it stands in; 0 for the conversation
	Asked       time.Time // an answer is not older, but for the clocks; zero when that is not known
}

// The reactions that we use.
const (
	Done    = "+1"     // it is done
	Seen    = "eyes"   // it is taken down, and waits for something
	Started = "rocket" // it has begun
)

// The format is frozen: it is what keeps a question from being answered twice.
func replyMarker(key string) string { return "<!-- secbydesign:v1 reply=" + key + " -->" }

var plainKey = regexp.MustCompile(`^[a-z0-9-]{1,80}$`)

// Answer replies once, in the thread or conversation of the question; called again, it finds
// its reply and writes nothing. Where there is no place for a reply any more (the comment was
// deleted, the conversation locked) it does nothing.
func Answer(ctx context.Context, c Clients, q Question, body string) error {
	if !plainKey.MatchString(q.Key) {
		return fmt.Errorf("reply: %q is no key", q.Key)
	}
	there, err := answered(ctx, c, q)
	if err != nil || there {
		return err
	}
	body = checks.Cut(body, checks.MaxNote) + "\n\n" + replyMarker(q.Key)
	var resp *github.Response
	if q.Thread > 0 {
		_, resp, err = c.REST.PullRequests.CreateCommentInReplyTo(ctx, q.Owner, q.Repo, q.Number, body, q.Thread)
	} else {
		_, resp, err = c.REST.Issues.CreateComment(ctx, q.Owner, q.Repo, q.Number, &github.IssueComment{Body: &body})
	}
	if err != nil && !noPlace(err, resp) {
		return fmt.Errorf("reply: %w", err)
	}
	return nil
}

// React puts a reaction on the question's comment. client is one that may do so where it stands.
func React(ctx context.Context, client *github.Client, q Question, content string) error {
	var resp *github.Response
	var err error
	if q.Thread > 0 {
		_, resp, err = client.Reactions.CreatePullRequestCommentReaction(ctx, q.Owner, q.Repo, q.Comment, content)
	} else {
		_, resp, err = client.Reactions.CreateIssueCommentReaction(ctx, q.Owner, q.Repo, q.Comment, content)
	}
	if err != nil && !noPlace(err, resp) {
		return fmt.Errorf("react: %w", err)
	}
	return nil
}

// noPlace reports whether GitHub says that the comment, or the right to write there, is gone.
func noPlace(err error, resp *github.Response) bool {
	var e *github.ErrorResponse
	if !errors.As(err, &e) || resp == nil {
		return false
	}
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return true
	case http.StatusForbidden:
		return strings.Contains(strings.ToLower(e.Message), "locked")
	}
	return false
}

// answered looks for our reply. Only Apps count, so that nobody can keep us silent.
func answered(ctx context.Context, c Clients, q Question) (bool, error) {
	ours := func(user *github.User, body string) bool {
		body = strings.TrimRight(strings.ReplaceAll(body, "\r\n", "\n"), " \n")
		return user.GetType() == "Bot" && strings.HasSuffix(body, "\n"+replyMarker(q.Key))
	}
	var since time.Time
	if !q.Asked.IsZero() {
		since = q.Asked.Add(-time.Hour)
	}
	page := github.ListOptions{PerPage: 100}
	for {
		var resp *github.Response
		if q.Thread > 0 {
			list, r, err := c.REST.PullRequests.ListComments(ctx, q.Owner, q.Repo, q.Number, &github.PullRequestListCommentsOptions{Since: since, ListOptions: page})
			if err != nil {
				return false, fmt.Errorf("list replies: %w", err)
			}
			for _, k := range list {
				if k.GetInReplyTo() == q.Thread && ours(k.GetUser(), k.GetBody()) {
					return true, nil
				}
			}
			resp = r
		} else {
			list, r, err := c.REST.Issues.ListComments(ctx, q.Owner, q.Repo, q.Number, &github.IssueListCommentsOptions{Since: &since, ListOptions: page})
			if err != nil {
				return false, fmt.Errorf("list comments: %w", err)
			}
			for _, k := range list {
				if ours(k.GetUser(), k.GetBody()) {
					return true, nil
				}
			}
			resp = r
		}
		if resp.NextPage == 0 {
			return false, nil
		}
		page.Page = resp.NextPage
	}
}

// Restart shows that gates are looked at again, as somebody asked for.
func (r *Run) Restart(ctx context.Context, names []string) error {
	for _, name := range names {
		if have := r.runs[name]; have == nil || have.GetStatus() != "completed" || name == checks.Name {
			continue // a gate that is not there has nothing to be made again, and Start sees to the verdict
		}
		run, err := r.create(ctx, checks.Check{Name: name, Title: "Scanning again", Summary: "Somebody asked for it.\n"}, "", false)
		if err != nil {
			return err
		}
		r.runs[name] = run
	}
	return nil
}
