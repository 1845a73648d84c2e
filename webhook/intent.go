package webhook

// An Intent is what a delivery asks us to do. It is one of the types of this file that
// say so; a type switch finds out which.
//
// Every field was checked: ids and numbers are positive, names have GitHub's characters
// and are fit to be one part of a path, SHAs are 40 or 64 lower-case hex digits.
type Intent interface{ intent() }

// Review asks for a review of a pull request whose head, base or draft state changed.
// By the time it is acted on there may be a newer head: read it again.
type Review struct {
	Installation     int64
	Owner, Repo      string // of the base, where the pull request lives
	RepoID           int64
	Number           int
	BaseSHA, HeadSHA string // BaseSHA is the tip of the base branch, not the merge base

	// Reason is the action: opened, synchronize, reopened, ready_for_review,
	// converted_to_draft, or edited when another base branch was chosen.
	Reason string

	// Force is set when the head is not new: a verdict that it already has was given
	// under other circumstances.
	Force bool
}

// Rerun asks for a check to be made again: somebody pressed "Re-run" on one check, or
// "Re-run all checks".
type Rerun struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	HeadSHA      string

	// Number is 0 when GitHub does not name exactly one pull request of this repository:
	// it names none when the head lies in a fork.
	// https://docs.github.com/en/rest/checks/runs#create-a-check-run
	Number int

	// ExternalID and CheckName are those that we gave the check; empty for all checks.
	ExternalID, CheckName string
}

// Comment says that a person wrote something in a pull request that may be a command: a line
// of it begins with [CommandPrefix]. Whether they may is for others to find out.
type Comment struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	Number       int
	Closed       bool // the pull request is

	ID int64 // of the comment; comments of the conversation and of reviews count apart

	// Thread is the first comment of the thread in which a review comment stands, the comment
	// itself if it is that; 0 for the conversation.
	Thread int64

	Sender string // login of a person, never of an App
	Body   string
}

// CommandPrefix begins a line that is meant for us.
const CommandPrefix = "/secbydesign"

// Button says that a person pressed one of the buttons that we gave a check run.
type Button struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	HeadSHA      string

	// Number, ExternalID and CheckName are as in [Rerun].
	Number                int
	ExternalID, CheckName string

	CheckRun   int64
	Identifier string // the button's
	Sender     string // login of a person
}

// MergeGroup asks for the verdict on what a merge queue is about to merge. A required check
// that does not report on it holds up the queue.
// https://docs.github.com/en/repositories/configuring-branches-and-merges-in-your-repository/configuring-pull-request-merges/managing-a-merge-queue
type MergeGroup struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	HeadSHA      string
	Branch       string // "gh-readonly-queue/…"
	BaseRef      string // the branch that is merged into, without refs/heads/

	Again bool // somebody pressed "Re-run"
}

// Closed says that a pull request was closed.
type Closed struct {
	Installation     int64
	Owner, Repo      string
	RepoID           int64
	Number           int
	BaseSHA, HeadSHA string
	Merged           bool
}

// PolicyChanged says that the default branch has a new tip, so that the policy may be
// another one.
type PolicyChanged struct {
	Installation int64
	Owner, Repo  string
	RepoID       int64
	HeadSHA      string // the new tip
}

// Renamed says that a repository has another name.
type Renamed struct {
	Installation int64
	Owner, Repo  string // the new name
	RepoID       int64
}

// Transferred says that a repository has another owner, where the App is installed too.
type Transferred struct {
	Installation int64  // of the new owner
	Owner, Repo  string // the new name
	RepoID       int64
}

// A Repository is one that an installation covers.
type Repository struct {
	ID          int64
	Owner, Name string
}

// Installed says that an account installed the App.
type Installed struct {
	Installation int64
	Account      string // login of a user or organisation, slug of an enterprise; may be empty
	Repositories []Repository
}

// Uninstalled says that the installation is gone for good.
type Uninstalled struct {
	Installation int64
	Account      string
}

// Suspended says that the installation gives no tokens until it is unsuspended.
type Suspended struct {
	Installation int64
	Account      string
}

// Unsuspended ends [Suspended].
type Unsuspended struct {
	Installation int64
	Account      string
}

// RepositoriesAdded says which repositories the installation covers from now on, besides
// those that it did.
type RepositoriesAdded struct {
	Installation int64
	Account      string
	Repositories []Repository
}

// RepositoriesRemoved says which repositories the installation covers no more.
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
func (RepositoriesAdded) intent()   {}
func (RepositoriesRemoved) intent() {}
func (Ping) intent()                {}
