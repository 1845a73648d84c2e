package publish

import (
	"context"
	"fmt"
	"regexp"
	"strconv"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"

	"github.com/secbydesign/secbydesign/checks"
)

// ours lists our check runs on a head: the newest of each name, and, by number, the newest verdict of every
// other pull request that has or had the same head.
func ours(ctx context.Context, c Clients, p Head) (runs map[string]*github.CheckRun, others map[int]*github.CheckRun, err error) {
	opt := &github.ListCheckRunsOptions{AppID: &p.AppID, Filter: github.String("all"), ListOptions: github.ListOptions{PerPage: 100}}
	runs, others = map[string]*github.CheckRun{}, map[int]*github.CheckRun{}
	for {
		list, resp, err := c.REST.Checks.ListCheckRunsForRef(ctx, p.Owner, p.Repo, p.SHA, opt)
		if err != nil {
			return nil, nil, fmt.Errorf("list check runs of %.10s: %w", p.SHA, err)
		}
		for _, run := range list.CheckRuns {
			switch n := PullOf(run.GetExternalID()); {
			case n == p.Number && run.GetID() > runs[run.GetName()].GetID():
				runs[run.GetName()] = run
			case n != p.Number && run.GetName() == checks.Name && run.GetID() > others[n].GetID():
				others[n] = run
			}
		}
		if resp.NextPage == 0 {
			return runs, others, nil
		}
		opt.Page = resp.NextPage
	}
}

// An external id says which pull request a run of ours belongs to, since several may have the same head,
// and, by a digest, what the run shows, so that we do not write the same again. Webhooks contain it, and for
// a fork it is the only way from a check run to its pull request.
var externalID = regexp.MustCompile(`^pr=([0-9]+)(?: (part|done)=([0-9a-f]+)(?: own=([a-z]+))?)?$`)

func (p Head) externalID(kind, digest string, own checks.Conclusion) string {
	id := "pr=" + strconv.Itoa(p.Number)
	if digest != "" {
		id += " " + kind + "=" + digest
	}
	if own != "" {
		id += " own=" + string(own)
	}
	return id
}

// PullOf returns the pull request's number from a check run's external id, or 0 if the id is not ours.
func PullOf(id string) int {
	m := externalID.FindStringSubmatch(id)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

// done returns the digest of a completed run, and part the digest of a run in progress: we were stopped
// while we wrote its annotations.
func done(run *github.CheckRun, p Head) string { return stage(run, p, "done", "completed") }
func part(run *github.CheckRun, p Head) string { return stage(run, p, "part", "in_progress") }

func stage(run *github.CheckRun, p Head, kind, status string) string {
	m := externalID.FindStringSubmatch(run.GetExternalID())
	if m == nil || run.GetStatus() != status || m[2] != kind || PullOf(run.GetExternalID()) != p.Number {
		return ""
	}
	return m[3]
}

// firstPage returns the variables of a query for the first page of a list of the pull request.
func (p Head) firstPage() map[string]any {
	return map[string]any{
		"owner":  githubv4.String(p.Owner),
		"name":   githubv4.String(p.Repo),
		"number": githubv4.Int(p.Number), //nolint:gosec // a pull request's number is small
		"cursor": (*githubv4.String)(nil),
	}
}

// Threads lists our threads on the pull request of a head, open and closed. It shows nothing.
func Threads(ctx context.Context, c Clients, p Head) ([]checks.Thread, error) {
	return (&Run{clients: c, head: p}).list(ctx)
}

// list reads our threads. It uses GraphQL because REST does not say which are resolved or minimised.
func (r *Run) list(ctx context.Context) ([]checks.Thread, error) {
	vars := r.head.firstPage()
	var out []checks.Thread
	for {
		var q struct {
			Repository struct {
				PullRequest struct {
					ReviewThreads struct {
						Nodes []struct {
							ID         string
							IsResolved bool
							Path       string
							StartLine  *int
							Line       *int
							Comments   struct {
								Nodes []struct {
									ID              string
									FullDatabaseID  string `graphql:"fullDatabaseId"` // databaseId has 32 bits, and ids are larger by now
									Body            string
									IsMinimized     bool
									ViewerDidAuthor bool
								}
							} `graphql:"comments(first: 1)"`
						}
						PageInfo struct {
							HasNextPage bool
							EndCursor   githubv4.String
						}
					} `graphql:"reviewThreads(first: 100, after: $cursor)"`
				} `graphql:"pullRequest(number: $number)"`
			} `graphql:"repository(owner: $owner, name: $name)"`
		}
		if err := r.clients.GraphQL.Query(ctx, &q, vars); err != nil {
			return nil, fmt.Errorf("list review threads: %w", err)
		}
		page := q.Repository.PullRequest.ReviewThreads
		for _, n := range page.Nodes {
			if len(n.Comments.Nodes) == 0 {
				continue
			}
			c := n.Comments.Nodes[0]
			fingerprint, scanner, ok := checks.Mark(c.Body)
			if !ok || !c.ViewerDidAuthor { // anybody can write a marker
				continue
			}
			id, err := strconv.ParseInt(c.FullDatabaseID, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("list review threads: id of comment %s: %w", c.ID, err)
			}
			t := checks.Thread{
				ID: n.ID, CommentID: id, CommentNode: c.ID, Fingerprint: fingerprint, Scanner: scanner,
				Path: n.Path, Body: c.Body, Resolved: n.IsResolved, Minimized: c.IsMinimized,
			}
			if n.Line != nil {
				t.Line = *n.Line
			}
			if n.StartLine != nil {
				t.StartLine = *n.StartLine
			}
			out = append(out, t)
		}
		if !page.PageInfo.HasNextPage {
			return out, nil
		}
		vars["cursor"] = githubv4.NewString(page.PageInfo.EndCursor)
	}
}

// stickies reads our sticky comments: one of each name, or more if two processes wrote one at once.
func (r *Run) stickies(ctx context.Context) ([]checks.Sticky, error) {
	vars := r.head.firstPage()
	var out []checks.Sticky
	for {
		page, err := r.comments(ctx, vars)
		if err != nil {
			return nil, fmt.Errorf("list comments: %w", err)
		}
		for _, n := range page.Nodes {
			name := checks.StickyName(n.Body)
			if !n.ViewerDidAuthor || name == "" { // anybody can write a marker
				continue
			}
			id, err := strconv.ParseInt(n.FullDatabaseID, 10, 64)
			if err != nil {
				return nil, fmt.Errorf("list comments: id of comment %s: %w", n.ID, err)
			}
			out = append(out, checks.Sticky{ID: id, Node: n.ID, Name: name, Body: n.Body, Minimized: n.IsMinimized})
		}
		if !page.PageInfo.HasNextPage {
			return out, nil
		}
		vars["cursor"] = githubv4.NewString(page.PageInfo.EndCursor)
	}
}

// comments is a page of a conversation.
type comments struct {
	Nodes []struct {
		ID              string
		FullDatabaseID  string `graphql:"fullDatabaseId"`
		Body            string
		IsMinimized     bool
		ViewerDidAuthor bool
	}
	PageInfo struct {
		HasNextPage bool
		EndCursor   githubv4.String
	}
}

// comments reads a page of the conversation of the pull request or issue.
func (r *Run) comments(ctx context.Context, vars map[string]any) (comments, error) {
	if r.issue {
		var q struct {
			Repository struct {
				Issue struct {
					Comments comments `graphql:"comments(first: 100, after: $cursor)"`
				} `graphql:"issue(number: $number)"`
			} `graphql:"repository(owner: $owner, name: $name)"`
		}
		err := r.clients.GraphQL.Query(ctx, &q, vars)
		return q.Repository.Issue.Comments, err
	}
	var q struct {
		Repository struct {
			PullRequest struct {
				Comments comments `graphql:"comments(first: 100, after: $cursor)"`
			} `graphql:"pullRequest(number: $number)"`
		} `graphql:"repository(owner: $owner, name: $name)"`
	}
	err := r.clients.GraphQL.Query(ctx, &q, vars)
	return q.Repository.PullRequest.Comments, err
}
