package webhook

import "time"

// An Intent is what a delivery asks this program to do. It is one of the types in this file with the method
// intent; use a type switch to find out which.
//
// Every field is checked: ids and numbers are positive, names contain only GitHub's characters and are safe as
// one part of a path, and SHAs are 40 or 64 lower-case hex digits.
type Intent interface{ intent() }

// Review asks for a review of a pull request whose head, base or draft state changed. There may be a newer head
// by the time it is handled: read it again.
type Review struct {
	Installation     int64
	Owner, Repo      string // of the base, where the pull request lives
	RepoID           int64
	Number           int
	BaseSHA, HeadSHA string // BaseSHA is the tip of the base branch, not the merge base

	// Reason is the action: opened, synchronize, reopened, ready_for_review,
	// converted_to_draft, or edited when another base branch was chosen.
	Reason string

	// How many files the pull request changes, and how many lines it adds and removes. Files is 0 if that is not known.
	Files, Lines int

	// Force is set if the head is not new: if it already has a verdict, that verdict was made under other
	// circumstances.
	Force bool
}

// Rerun asks to run a check again: somebody pressed "Re-run" on one check, or "Re-run all checks".
type Rerun struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	HeadSHA      string

	// Number is 0 if GitHub does not name exactly one pull request of this repository. It names none if the head
	// is in a fork.
	// https://docs.github.com/en/rest/checks/runs#create-a-check-run
	Number int

	// ExternalID and CheckName are the values with which this App created the check; empty for all checks.
	ExternalID, CheckName string
}

// Comment is a comment of a person in a pull request or on an issue that may contain a command: one of its lines begins
// with [CommandPrefix]. It does not say whether the person may use the command.
type Comment struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	Number       int
	Issue        bool // it is on an issue that is no pull request
	Closed       bool // the pull request or issue is closed

	ID int64 // of the comment; ids of conversation comments and review comments are independent

	Written time.Time // by GitHub's clock, to the second; zero if GitHub did not say it

	// Thread is the first comment of the thread that contains a review comment, possibly the comment itself; 0
	// for the conversation.
	Thread int64

	Sender string // login of a person, never of an App
	Body   string
}

// CommandPrefix begins a line with a command for this App.
const CommandPrefix = "/secbydesign"

// Edited means that a person edited a comment of an App that carries the marker of a card: ticking a box is such an
// edit. It says neither that the App is this one, nor that the person may tick it.
type Edited struct {
	Installation     int64
	Owner, Repo      string
	RepoID           int64
	Number           int
	Issue, Closed    bool  // as in [Comment]
	ID               int64 // of the comment, in the conversation
	OldBody, NewBody string
	Sender           string // login of a person, never of an App
}

// DesignLabel is the label of an issue that asks for the checklist of the design, in any case.
const DesignLabel = "design"

// Labeled means that an issue, which is no pull request, got or lost the label [DesignLabel].
type Labeled struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	Number       int
	Closed       bool
	Removed      bool
	Sender       string // login of a person or an App
}

// Button means that a person pressed one of this App's buttons on a check run.
type Button struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	HeadSHA      string

	// Number, ExternalID and CheckName are as in [Rerun].
	Number                int
	ExternalID, CheckName string

	CheckRun   int64
	Identifier string // of the button
	Sender     string // login of a person
}

// MergeGroup asks for the verdict on the commit that a merge queue is about to merge. If a required check does
// not report on it, the queue waits.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
type MergeGroup struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	HeadSHA      string
	Branch       string // "gh-readonly-queue/…"
	BaseRef      string // the branch merged into, without refs/heads/

	Again bool // somebody pressed "Re-run"
}

// Closed means that a pull request was closed.
type Closed struct {
	Installation     int64
	Owner, Repo      string
	RepoID           int64
	Number           int
	BaseSHA, HeadSHA string
	Merged           bool
}

// PolicyChanged means that the default branch has a new tip, so the policy may have changed.
type PolicyChanged struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	HeadSHA      string // the new tip
}

// Renamed means that a repository has a new name.
type Renamed struct {
	Installation int64
	Owner, Repo  string // the new name
	RepoID       int64
}

// Transferred means that a repository has a new owner, for whom the App is installed too.
type Transferred struct {
	Installation int64  // of the new owner
	Owner, Repo  string // the new name
	RepoID       int64
}

// A Repository is a repository that an installation covers.
type Repository struct {
	ID          int64
	Owner, Name string
}

// Installed means that an account installed the App.
type Installed struct {
	Installation int64
	Account      string // login of a user or organisation, slug of an enterprise; may be empty
	Repositories []Repository
}

// Uninstalled means that the installation was removed permanently.
type Uninstalled struct {
	Installation int64
	Account      string
}

// Suspended means that GitHub issues no tokens for the installation until it is unsuspended.
type Suspended struct {
	Installation int64
	Account      string
}

// Unsuspended ends [Suspended].
type Unsuspended struct {
	Installation int64
	Account      string
}

// PermissionsAccepted means that the account gave the App the permissions that it asks for now.
type PermissionsAccepted struct {
	Installation int64
	Account      string
}

// RepositoriesAdded lists repositories that the installation now covers in addition to the earlier ones.
type RepositoriesAdded struct {
	Installation int64
	Account      string
	Repositories []Repository
}

// RepositoriesRemoved lists repositories that the installation no longer covers.
type RepositoriesRemoved struct {
	Installation int64
	Account      string
	Repositories []Repository
}

// Ping is GitHub's first delivery to a new webhook. It needs no work.
type Ping struct{}

func (Review) intent()              {}
func (Rerun) intent()               {}
func (Comment) intent()             {}
func (Edited) intent()              {}
func (Labeled) intent()             {}
func (Button) intent()              {}
func (MergeGroup) intent()          {}
func (Closed) intent()              {}
func (PolicyChanged) intent()       {}
func (Renamed) intent()             {}
func (Transferred) intent()         {}
func (Installed) intent()           {}
func (Uninstalled) intent()         {}
func (Suspended) intent()           {}
func (Unsuspended) intent()         {}
func (PermissionsAccepted) intent() {}
func (RepositoriesAdded) intent()   {}
func (RepositoriesRemoved) intent() {}
func (Ping) intent()                {}
