package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// A payload has the fields that this package reads from events. All other fields are not decoded, so they cannot
// cause errors: head.repo, for instance, is null if a fork was deleted.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads
type payload struct {
	Action       string
	Installation struct {
		ID      int64
		Account struct{ Login, Slug string } // enterprises have a slug instead of a login
	}
	Repository struct {
		ID            int64
		Name          string
		Owner         struct{ Login, Name string } // older servers send only the name with a push
		DefaultBranch string                       `json:"default_branch"`
	}

	// pull_request
	PullRequest struct {
		Number     int
		State      string
		Merged     bool
		Base, Head struct{ SHA string }
		Files      int `json:"changed_files"`
		Additions  int `json:"additions"`
		Deletions  int `json:"deletions"`
	} `json:"pull_request"`
	Changes struct{ Base, Body json.RawMessage }

	// issues
	Label json.RawMessage

	// issues, issue_comment, pull_request_review_comment
	Issue struct {
		Number      int
		State       string
		PullRequest json.RawMessage `json:"pull_request"`
	}
	Comment struct {
		ID          int64
		InReplyToID int64 `json:"in_reply_to_id"`
		Body        string
		CreatedAt   json.RawMessage `json:"created_at"`
		User        account
	}
	Sender account

	// merge_group
	MergeGroup struct {
		HeadSHA string `json:"head_sha"`
		HeadRef string `json:"head_ref"`
		BaseSHA string `json:"base_sha"`
		BaseRef string `json:"base_ref"`
	} `json:"merge_group"`

	// check_run, check_suite
	CheckRun struct {
		check
		ID         int64
		Name       string
		ExternalID string `json:"external_id"`
		CheckSuite struct {
			HeadBranch string `json:"head_branch"` // null for a fork
		} `json:"check_suite"`
	} `json:"check_run"`
	RequestedAction struct{ Identifier string } `json:"requested_action"`
	CheckSuite      check                       `json:"check_suite"`

	// push
	Ref, After string
	Deleted    bool

	// installation, installation_repositories
	Repositories        []listed
	RepositoriesAdded   []listed `json:"repositories_added"`
	RepositoriesRemoved []listed `json:"repositories_removed"`
}

type check struct {
	HeadSHA      string `json:"head_sha"`
	HeadBranch   string `json:"head_branch"` // only for a suite
	PullRequests []struct {
		Number int
		Base   struct{ Repo struct{ ID int64 } }
	} `json:"pull_requests"`
}

// An account is the author or sender of something. Type is User, Bot, Organization or Mannequin.
type account struct{ Login, Type string }

type listed struct {
	ID       int64
	FullName string `json:"full_name"`
}

// A reader converts a payload to an intent. The outcome is Accepted, a reason to ignore it, or BadPayload with an
// error.
type reader func(payload) (Intent, Outcome, error)

// readers returns the reader for an event, or nil for events that are not used.
func readers(event string) reader {
	switch event {
	case "pull_request":
		return readPullRequest
	case "check_run":
		return readCheckRun
	case "check_suite":
		return readCheckSuite
	case "issues":
		return readIssue
	case "issue_comment":
		return readIssueComment
	case "pull_request_review_comment":
		return readReviewComment
	case "merge_group":
		return readMergeGroup
	case "push":
		return readPush
	case "repository":
		return readRepository
	case "installation":
		return readInstallation
	case "installation_repositories":
		return readInstallationRepositories
	case "ping":
		return func(payload) (Intent, Outcome, error) { return Ping{}, Accepted, nil }
	}
	return nil
}

// read fills in the delivery from a body. Its Action is empty if the action is not a plain word.
func (d *Delivery) read(body []byte) (Outcome, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) {
		return NotJSON, nil
	}
	var syntax *json.SyntaxError
	makeIntent := readers(d.Event)
	if makeIntent == nil {
		var p struct{ Action any } // only for the log
		if err := json.Unmarshal(body, &p); errors.As(err, &syntax) {
			return NotJSON, nil
		}
		action, _ := p.Action.(string)
		d.Action = token(action)
		return EventNotUsed, nil
	}
	var p payload
	err := unmarshal(body, payloadMembers, &p) // checks the syntax of the whole body first
	d.Action = token(p.Action)
	switch {
	case errors.As(err, &syntax):
		return NotJSON, nil
	case err != nil:
		return BadPayload, fmt.Errorf("decode %s: %w", d.Event, err)
	case d.Action != p.Action:
		return BadPayload, errors.New("action is no plain word")
	}
	if owner, err := p.repository(); err == nil {
		d.RepoID, d.Owner, d.Repo = p.Repository.ID, owner, p.Repository.Name
	}
	var outcome Outcome
	d.Intent, outcome, err = makeIntent(p)
	return outcome, err
}

func readPullRequest(p payload) (Intent, Outcome, error) {
	switch p.Action {
	case "opened", "synchronize", "reopened", "ready_for_review", "converted_to_draft", "closed":
	case "edited":
		if p.Changes.Base == nil {
			return nil, BaseUnchanged, nil
		}
	default:
		return nil, ActionNotUsed, nil
	}
	if p.Installation.ID == 0 {
		return nil, NoInstallation, nil
	}
	owner, err := p.repository()
	pr := p.PullRequest
	err = errors.Join(err, positive("pull_request.number", int64(pr.Number)),
		sha("pull_request.base.sha", pr.Base.SHA), sha("pull_request.head.sha", pr.Head.SHA))
	if err != nil {
		return nil, BadPayload, err
	}
	if p.Action == "closed" {
		return Closed{
			Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
			Number: pr.Number, BaseSHA: pr.Base.SHA, HeadSHA: pr.Head.SHA, Merged: pr.Merged,
		}, Accepted, nil
	}
	return Review{
		Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
		Number: pr.Number, BaseSHA: pr.Base.SHA, HeadSHA: pr.Head.SHA,
		Reason: p.Action, Force: p.Action != "opened" && p.Action != "synchronize",
		Files: max(pr.Files, 0), Lines: lines(pr.Additions, pr.Deletions),
	}, Accepted, nil
}

func readCheckRun(p payload) (Intent, Outcome, error) {
	if p.Action == "requested_action" {
		return readButton(p)
	}
	if p.Action == "rerequested" && strings.HasPrefix(p.CheckRun.CheckSuite.HeadBranch, queueBranches) {
		return readQueueBranch(p, p.CheckRun.CheckSuite.HeadBranch, p.CheckRun.HeadSHA)
	}
	return readRerun(p, p.CheckRun.check, p.CheckRun.Name, p.CheckRun.ExternalID)
}

func readCheckSuite(p payload) (Intent, Outcome, error) {
	if (p.Action == "rerequested" || p.Action == "requested") && strings.HasPrefix(p.CheckSuite.HeadBranch, queueBranches) {
		return readQueueBranch(p, p.CheckSuite.HeadBranch, p.CheckSuite.HeadSHA)
	}
	return readRerun(p, p.CheckSuite, "", "")
}

func readRerun(p payload, c check, name, externalID string) (Intent, Outcome, error) {
	if p.Action != "rerequested" {
		return nil, ActionNotUsed, nil
	}
	in, o, err := rerun(p, c, name, externalID)
	if o != Accepted {
		return nil, o, err
	}
	return in, Accepted, nil
}

func rerun(p payload, c check, name, externalID string) (Rerun, Outcome, error) {
	if p.Installation.ID == 0 {
		return Rerun{}, NoInstallation, nil
	}
	owner, err := p.repository()
	if err := errors.Join(err, sha("head_sha", c.HeadSHA)); err != nil {
		return Rerun{}, BadPayload, err
	}
	in := Rerun{
		Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
		HeadSHA: c.HeadSHA, ExternalID: externalID, CheckName: name,
	}
	// The list also contains pull requests of other repositories with this head, and several of this repository
	// if a branch is proposed to two bases.
	for _, pr := range c.PullRequests {
		switch {
		case pr.Base.Repo.ID != p.Repository.ID:
		case pr.Number < 1:
			return Rerun{}, BadPayload, errors.New("pull_requests: a number is missing")
		case in.Number != 0:
			in.Number = 0
			return in, Accepted, nil
		default:
			in.Number = pr.Number
		}
	}
	return in, Accepted, nil
}

func readPush(p payload) (Intent, Outcome, error) {
	if p.Installation.ID == 0 {
		return nil, NoInstallation, nil
	}
	if p.Ref == "" || p.Repository.DefaultBranch == "" {
		return nil, BadPayload, errors.New("ref or repository.default_branch is missing")
	}
	if p.Ref != "refs/heads/"+p.Repository.DefaultBranch {
		return nil, NotDefaultBranch, nil
	}
	if p.Deleted {
		return nil, BranchDeleted, nil
	}
	owner, err := p.repository()
	if err := errors.Join(err, sha("after", p.After)); err != nil {
		return nil, BadPayload, err
	}
	return PolicyChanged{
		Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
		HeadSHA: p.After,
	}, Accepted, nil
}

// readRepository reads an event that an App receives only if it subscribed to it. Every other event contains the
// name as well.
func readRepository(p payload) (Intent, Outcome, error) {
	if p.Action != "renamed" && p.Action != "transferred" {
		return nil, ActionNotUsed, nil
	}
	if p.Installation.ID == 0 {
		return nil, NoInstallation, nil
	}
	owner, err := p.repository()
	if err != nil {
		return nil, BadPayload, err
	}
	if p.Action == "renamed" {
		return Renamed{p.Installation.ID, owner, p.Repository.Name, p.Repository.ID}, Accepted, nil
	}
	return Transferred{p.Installation.ID, owner, p.Repository.Name, p.Repository.ID}, Accepted, nil
}

func readInstallation(p payload) (Intent, Outcome, error) {
	account, err := p.account()
	covered, listErr := repositories("repositories", p.Repositories)
	if err := errors.Join(err, listErr); err != nil {
		return nil, BadPayload, err
	}
	switch p.Action {
	case "created":
		return Installed{p.Installation.ID, account, covered}, Accepted, nil
	case "deleted":
		return Uninstalled{p.Installation.ID, account}, Accepted, nil
	case "suspend":
		return Suspended{p.Installation.ID, account}, Accepted, nil
	case "unsuspend":
		return Unsuspended{p.Installation.ID, account}, Accepted, nil
	case "new_permissions_accepted":
		return PermissionsAccepted{p.Installation.ID, account}, Accepted, nil
	}
	return nil, ActionNotUsed, nil
}

func readInstallationRepositories(p payload) (Intent, Outcome, error) {
	account, err := p.account()
	added, addErr := repositories("repositories_added", p.RepositoriesAdded)
	removed, removeErr := repositories("repositories_removed", p.RepositoriesRemoved)
	if err := errors.Join(err, addErr, removeErr); err != nil {
		return nil, BadPayload, err
	}
	switch p.Action {
	case "added":
		return RepositoriesAdded{p.Installation.ID, account, added}, Accepted, nil
	case "removed":
		return RepositoriesRemoved{p.Installation.ID, account, removed}, Accepted, nil
	}
	return nil, ActionNotUsed, nil
}

// repository checks the repository's identity, which every event of a repository contains, and returns the
// owner's name.
func (p payload) repository() (owner string, err error) {
	owner = p.Repository.Owner.Login
	if owner == "" {
		owner = p.Repository.Owner.Name
	}
	return owner, errors.Join(positive("installation.id", p.Installation.ID),
		positive("repository.id", p.Repository.ID), ownerName("repository.owner", owner), repoName("repository.name", p.Repository.Name))
}

// account checks the installation's identity, which every event of an installation contains, and returns the name
// of its account. The name may be empty, because only the id matters.
func (p payload) account() (string, error) {
	account := p.Installation.Account.Login
	if account == "" {
		account = p.Installation.Account.Slug
	}
	err := positive("installation.id", p.Installation.ID)
	if account != "" {
		err = errors.Join(err, ownerName("installation.account", account))
	}
	return account, err
}

func repositories(field string, list []listed) ([]Repository, error) {
	out := make([]Repository, 0, len(list))
	for _, l := range list {
		owner, name, _ := strings.Cut(l.FullName, "/")
		if err := errors.Join(positive(field+".id", l.ID), ownerName(field+".full_name", owner), repoName(field+".full_name", name)); err != nil {
			return nil, err
		}
		out = append(out, Repository{ID: l.ID, Owner: owner, Name: name})
	}
	return out, nil
}

func positive(field string, n int64) error {
	if n < 1 {
		return fmt.Errorf("%s is missing or not positive", field)
	}
	return nil
}

// sha accepts the lower-case hex digits of a SHA-1 or SHA-256 object id, except the all-zero id, which means
// none.
func sha(field, s string) error {
	if (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == "" && strings.Trim(s, "0") != "" {
		return nil
	}
	return fmt.Errorf("%s is not a commit id", field)
}

// ownerName accepts letters, digits and inner hyphens, and underscores, which managed users have. It rejects a
// leading hyphen because a command line could take it for an option.
// https://docs.github.com/en/enterprise-cloud@latest/admin/managing-iam/iam-configuration-reference/username-considerations-for-external-authentication
func ownerName(field, s string) error {
	if s == "" || s[0] == '-' || token(s) != s || strings.Contains(s, ".") {
		return fmt.Errorf("%s is not the name of an account", field)
	}
	return nil
}

// repoName accepts at most 100 of GitHub's characters. It rejects names with a special meaning in a file system,
// and the suffix ".git", which GitHub does not allow and which would give one repository two names.
func repoName(field, s string) error {
	if s == "" || s == "." || s == ".." || token(s) != s || strings.HasSuffix(strings.ToLower(s), ".git") {
		return fmt.Errorf("%s is not the name of a repository", field)
	}
	return nil
}

// lines returns how many lines a pull request adds and removes. GitHub's numbers are far below the limit.
func lines(additions, deletions int) int {
	const most = 1 << 30
	return min(max(additions, 0), most) + min(max(deletions, 0), most)
}
