package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/checks"
)

// ErrNoIssues means that a repository has no issues: its owners switched them off.
var ErrNoIssues = errors.New("issues are switched off")

// A DigestIssue is the wanted content of the issue with the digest of a team.
type DigestIssue struct {
	Owner, Repo string
	Team        string // "@org/team" or "@person"
	Self        string // the login of the App, such as "secbydesign[bot]"
	Title, Body string // the body without the marker
	Known       int    // the number of the issue, as far as it is known; else 0

	// Create creates a missing issue.
	Create bool
}

// KeepDigest creates or edits the issue so that it shows the wanted content, and returns its number; 0 for none. An issue
// that shows it already is not written. Only an issue that the App itself created counts. A closed one stays closed: a
// person closed it. Of several with the marker the oldest is kept, and the others are closed. If the repository has no
// issues, the error is [ErrNoIssues]. The clients must have the permission for issues.
//
// Two calls at once may create two issues: the caller sees to it that there is one at a time.
func KeepDigest(ctx context.Context, c Clients, d DigestIssue) (number int, err error) {
	issue, err := knownDigest(ctx, c, d)
	if err != nil {
		return 0, err
	}
	if issue == nil {
		list, err := digestIssues(ctx, c, d)
		if err != nil {
			return 0, err
		}
		if len(list) > 0 {
			issue = list[0]
			for _, other := range list[1:] {
				if err := closeIssue(ctx, c, d, other); err != nil {
					return 0, err
				}
			}
		}
	}
	body := d.Body + "\n\n" + checks.DigestMarker(d.Team)
	switch {
	case issue == nil && !d.Create:
		return 0, nil
	case issue == nil:
		return createIssue(ctx, c, d, body)
	case issue.GetTitle() == d.Title && plainBody(issue.GetBody()) == plainBody(body):
		return issue.GetNumber(), nil
	}
	return issue.GetNumber(), editIssue(ctx, c, d, issue.GetNumber(), body)
}

// plainBody returns a body as GitHub may give it back.
func plainBody(body string) string {
	return strings.TrimSpace(strings.ReplaceAll(body, "\r\n", "\n"))
}

// knownDigest reads the issue with the known number; it is nil if that was deleted, or moved to another repository.
func knownDigest(ctx context.Context, c Clients, d DigestIssue) (*github.Issue, error) {
	if d.Known == 0 {
		return nil, nil
	}
	issue, resp, err := c.REST.Issues.Get(ctx, d.Owner, d.Repo, d.Known)
	if resp != nil && (resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read issue %d: %w", d.Known, err)
	}
	here := strings.HasSuffix(strings.ToLower(issue.GetRepositoryURL()), "/"+strings.ToLower(d.Owner+"/"+d.Repo))
	if issue.GetNumber() != d.Known || !here || issue.IsPullRequest() || !d.ours(issue) {
		return nil, nil
	}
	return issue, nil
}

// ours reports whether the App created an issue: anybody can write a marker.
func (d DigestIssue) ours(i *github.Issue) bool {
	return i.GetUser().GetType() == "Bot" && strings.EqualFold(i.GetUser().GetLogin(), d.Self)
}

// digestIssues lists the issues of the App that have the marker of the team, the oldest first.
// https://docs.github.com/en/rest/issues/issues#list-repository-issues
func digestIssues(ctx context.Context, c Clients, d DigestIssue) (found []*github.Issue, err error) {
	opts := &github.IssueListByRepoOptions{Creator: d.Self, State: "all", ListOptions: github.ListOptions{PerPage: 100}}
	for {
		page, resp, err := c.REST.Issues.ListByRepo(ctx, d.Owner, d.Repo, opts)
		if off(resp) {
			return nil, ErrNoIssues
		}
		if err != nil {
			return nil, fmt.Errorf("list issues: %w", err)
		}
		for _, i := range page {
			if d.ours(i) && !i.IsPullRequest() && checks.DigestTeam(i.GetBody()) == strings.ToLower(d.Team) {
				found = append(found, i)
			}
		}
		if resp.NextPage == 0 {
			break
		}
		opts.Page = resp.NextPage
	}
	slices.SortFunc(found, func(a, b *github.Issue) int { return a.GetNumber() - b.GetNumber() })
	return found, nil
}

// off reports whether GitHub says that the repository has no issues.
// https://docs.github.com/en/rest/issues/issues#create-an-issue
func off(resp *github.Response) bool { return resp != nil && resp.StatusCode == http.StatusGone }
