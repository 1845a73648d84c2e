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

// This file writes replies to one person: an answer to a comment or to a button, and a reply in a
// thread that they closed.

// A Question identifies the comment or the button that an answer is for.
type Question struct {
	Owner, Repo string
	Number      int
	Key         string    // identifies the question, which gets one answer; letters, digits and hyphens
	Comment     int64     // 0 for a button
	Thread      int64     // the first comment of the question's thread; 0 for the conversation
	Asked       time.Time // its answer is not older, apart from differences between clocks; zero if not known
}

// The reactions that we use.
const (
	Done    = "+1"     // it is done
	Seen    = "eyes"   // it is recorded, and waits for something
	Started = "rocket" // it has begun
)

// The format is frozen: the marker keeps a question from being answered twice.
func replyMarker(key string) string { return "<!-- secbydesign:v1 reply=" + key + " -->" }

var plainKey = regexp.MustCompile(`^[a-z0-9-]{1,80}$`)

// Answer replies once, in the thread or conversation of the question. Called again, it finds
// its reply and writes nothing. If a reply is not possible any more (the comment was deleted, the
// conversation locked), it does nothing.
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

// React adds a reaction to the question's comment. client must have the permission for that, in a thread
// or in the conversation.
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

// answered reports whether our reply exists. Only comments of Apps count, so that no person can keep us
// silent with a marker.
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

// Restart shows that the named gates are scanned again, because somebody asked for it.
func (r *Run) Restart(ctx context.Context, names []string) error {
	for _, name := range names {
		if have := r.runs[name]; have == nil || have.GetStatus() != "completed" || name == checks.Name {
			continue // a gate without a completed check has nothing to repeat, and Start handles the verdict
		}
		run, err := r.create(ctx, checks.Check{Name: name, Title: "Scanning again", Summary: "A person asked for another scan.\n"}, "", false)
		if err != nil {
			return err
		}
		r.runs[name] = run
	}
	return nil
}
