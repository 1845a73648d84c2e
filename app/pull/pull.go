// Package pull reads the state of one pull request from GitHub. It writes nothing.
package pull

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
)

// A Pull is the state of a pull request at one moment.
type Pull struct {
	RepoID      int64 // GitHub's
	Owner, Repo string
	Number      int
	URL         string // its page
	Public      bool   // anybody can read the repository
	Fork        bool   // the base repository is itself a fork

	Head    string // commit, 40 hex digits
	BaseRef string // the branch into which it would be merged
	Base    string // that branch's newest commit
	Author  string
	Bot     bool // the author is an App or another automated account
	Draft   bool
	Open    bool
	Merged  bool
	Default bool // BaseRef is the repository's default branch

	// MergeCommit is the merge commit, the squashed commit or the last of the rebased ones, and MergedAt is when that was, by
	// GitHub's clock. Both are zero unless it is merged, and MergeCommit where GitHub does not name it.
	MergeCommit string
	MergedAt    time.Time

	Assignee string // the first one who is a person; empty for none

	// MergeBase is the merge base of head and base: the pull request changes what differs between it and the
	// head. It is empty if the two have no common history.
	MergeBase string

	Commits      int // number of its commits
	Files, Lines int // how many files it changes, and how many lines it adds and removes
}

// Limits of a pull request that is reviewed with the others. Beyond them GitHub itself does not show the whole change, so
// few pull requests exceed them, and people do not wait for their review at the screen.
// https://docs.github.com/en/repositories/creating-and-managing-repositories/repository-limits#diff-limits
const (
	MaxFiles = 300
	MaxLines = 20_000
)

// Large reports whether a pull request that changes so many files and lines is reviewed apart from the others.
func Large(files, lines int) bool { return files > MaxFiles || lines > MaxLines }

// Repository returns the repository in the form used by the ledger.
func (p Pull) Repository() ledger.Repo {
	return ledger.Repo{ID: p.RepoID, Owner: p.Owner, Name: p.Repo}
}

// Read reads a pull request from GitHub, with two requests. If only the comparison of head and base fails, Read
// returns the error together with the other fields, and Base is empty: the branch may have moved since the pull
// request recorded its base.
//
// The error is [*installation.Moved] if the repository with the id is no longer called owner/repo, even if GitHub
// redirects, or if another repository has that name. An id of 0 accepts any repository.
func Read(ctx context.Context, gh *github.Client, id int64, owner, repo string, number int) (Pull, error) {
	pr, _, err := gh.PullRequests.Get(ctx, owner, repo, number)
	if err != nil {
		return Pull{}, fmt.Errorf("read pull request: %w", err)
	}
	base := pr.GetBase().GetRepo()
	if id != 0 && (base.GetID() != id || !strings.EqualFold(base.GetFullName(), owner+"/"+repo)) {
		return Pull{}, fmt.Errorf("read pull request: %w", &installation.Moved{Was: owner + "/" + repo})
	}
	if found, name, ok := strings.Cut(base.GetFullName(), "/"); ok && id != 0 {
		owner, repo = found, name // as GitHub spells it
	}
	p := Pull{
		RepoID: id, Owner: owner, Repo: repo, Number: number,
		URL:    pr.GetHTMLURL(),
		Public: !pr.GetBase().GetRepo().GetPrivate(), Fork: pr.GetBase().GetRepo().GetFork(),
		Head: pr.GetHead().GetSHA(), BaseRef: pr.GetBase().GetRef(), Base: pr.GetBase().GetSHA(),
		Author: pr.GetUser().GetLogin(), Draft: pr.GetDraft(), Open: pr.GetState() == "open",
		Bot: automated(pr.GetUser()), Merged: pr.GetMerged(), Commits: pr.GetCommits(),
		Files: pr.GetChangedFiles(), Lines: pr.GetAdditions() + pr.GetDeletions(),
		Default: pr.GetBase().GetRef() == base.GetDefaultBranch(),
	}
	if p.Merged { // else GitHub names a test merge
		p.MergeCommit, p.MergedAt = pr.GetMergeCommitSHA(), pr.GetMergedAt().UTC()
	}
	for _, u := range pr.Assignees {
		if p.Assignee == "" && !automated(u) {
			p.Assignee = u.GetLogin()
		}
	}
	if !p.Open {
		return p, nil
	}
	// The base in the pull request may be older than the tip of its branch, and is not the merge base. The
	// comparison contains both the tip and the merge base. It asks for one commit per page, because the commits
	// are not used.
	cmp, _, err := gh.Repositories.CompareCommits(ctx, owner, repo, p.BaseRef, p.Head, &github.ListOptions{PerPage: 1})
	// GitHub's answer if there is no common history. Its answer for an unknown commit has the same status:
	// https://github.com/trilom/file-changes-action/issues/138
	var refused *github.ErrorResponse
	if errors.As(err, &refused) && strings.HasPrefix(refused.Message, "No common ancestor between ") {
		tip, _, err := gh.Repositories.GetCommit(ctx, owner, repo, url.PathEscape("heads/"+p.BaseRef), &github.ListOptions{PerPage: 1})
		if p.Base = tip.GetSHA(); err != nil {
			return p, fmt.Errorf("read the base of the pull request: %w", err)
		}
		return p, nil
	}
	if err != nil {
		p.Base = ""
		return p, fmt.Errorf("compare %s with its base: %w", p.Head, err)
	}
	if sha := cmp.GetBaseCommit().GetSHA(); sha != "" {
		p.Base = sha
	}
	p.MergeBase = cmp.GetMergeBaseCommit().GetSHA()
	return p, nil
}

// automated reports whether an account is not a person's.
func automated(u *github.User) bool {
	return u.GetType() != "User" || strings.HasSuffix(u.GetLogin(), "[bot]")
}

// List returns the pull request's commits, oldest first. GitHub lists only the first 250
// (https://docs.github.com/rest/pulls/pulls#list-commits-on-a-pull-request).
func (p Pull) List(ctx context.Context, gh *github.Client) (shas []string, err error) {
	commits, err := p.commits(ctx, gh)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		shas = append(shas, c.GetSHA())
	}
	return shas, nil
}

// Contributors returns the logins of the people who pushed commits to the pull request, as far as GitHub knows them:
// the authors, committers and co-authors of its first 250 commits, each once and in lower case. An address that belongs
// to no account is nobody, and so is GitHub itself, which commits what people do on its pages.
func (p Pull) Contributors(ctx context.Context, gh *github.Client) (logins []string, err error) {
	commits, err := p.commits(ctx, gh)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		logins = append(logins, c.GetAuthor().GetLogin(), c.GetCommitter().GetLogin())
		for _, m := range coAuthor.FindAllStringSubmatch(c.GetCommit().GetMessage(), maxCoAuthors) {
			logins = append(logins, m[1])
		}
	}
	for i := range logins {
		logins[i] = strings.ToLower(logins[i])
	}
	slices.Sort(logins)
	return slices.DeleteFunc(slices.Compact(logins), func(login string) bool { return login == "" || login == "web-flow" }), nil
}

// coAuthor matches a trailer with GitHub's address of an account: agents name the people there who started them.
// https://docs.github.com/en/account-and-profile/reference/email-addresses-reference#your-noreply-email-address
var coAuthor = regexp.MustCompile(`(?im)^co-authored-by:[^<\n]*<(?:[0-9]+\+)?([a-z0-9][a-z0-9-]*)@users\.noreply\.[a-z0-9.-]+>`)

// maxCoAuthors bounds how many of them one commit names.
const maxCoAuthors = 20

func (p Pull) commits(ctx context.Context, gh *github.Client) ([]*github.RepositoryCommit, error) {
	commits, err := installation.All(ctx, func(opt *github.ListOptions) ([]*github.RepositoryCommit, *github.Response, error) {
		return gh.PullRequests.ListCommits(ctx, p.Owner, p.Repo, p.Number, opt)
	})
	if err != nil {
		return nil, fmt.Errorf("list commits of the pull request: %w", err)
	}
	return commits, nil
}
