package webhook

import (
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// This file reads comments, pressed buttons and the label of an issue. Of a comment only its creation counts: people
// with write access may edit the comments of others, and the event of an edit does not say what the author meant. The
// exception is a comment of an App with boxes to tick.

func readIssueComment(p payload) (Intent, Outcome, error) {
	if p.Action == "edited" {
		return readEdit(p)
	}
	in, o, err := readComment(p, p.Issue.Number, p.Issue.State, 0)
	if c, ok := in.(Comment); ok {
		c.Issue = p.plainIssue()
		return c, o, err
	}
	return in, o, err
}

// plainIssue reports whether the issue of the event is no pull request.
func (p payload) plainIssue() bool {
	return len(p.Issue.PullRequest) == 0 || string(p.Issue.PullRequest) == "null"
}

// cardMarker is in the last line of a card of this App, see package checks.
const cardMarker = "<!-- secbydesign:v1 card="

// readEdit reads the edit of a comment. Only those of cards count.
func readEdit(p payload) (Intent, Outcome, error) {
	var body struct{ From string }
	if json.Unmarshal(p.Changes.Body, &body) != nil || !strings.Contains(body.From, cardMarker) || !p.Comment.User.automated() {
		return nil, ActionNotUsed, nil
	}
	switch {
	case !p.Sender.person():
		return nil, NotPerson, nil
	case body.From == p.Comment.Body:
		return nil, TextUnchanged, nil
	case p.Installation.ID == 0:
		return nil, NoInstallation, nil
	}
	owner, err := p.repository()
	err = errors.Join(err, positive("issue.number", int64(p.Issue.Number)), positive("comment.id", p.Comment.ID), ownerName("sender.login", p.Sender.Login))
	if err != nil {
		return nil, BadPayload, err
	}
	return Edited{
		Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
		Number: p.Issue.Number, Issue: p.plainIssue(), Closed: p.Issue.State == "closed", ID: p.Comment.ID,
		OldBody: body.From, NewBody: p.Comment.Body, Sender: p.Sender.Login,
	}, Accepted, nil
}

// readIssue reads that an issue got or lost the label [DesignLabel]. Anybody may have done that whom GitHub lets set
// labels, an automation as well.
func readIssue(p payload) (Intent, Outcome, error) {
	if p.Action != "labeled" && p.Action != "unlabeled" {
		return nil, ActionNotUsed, nil
	}
	var label struct{ Name string }
	if err := json.Unmarshal(p.Label, &label); err != nil {
		return nil, BadPayload, errors.New("label is missing")
	}
	switch {
	case !strings.EqualFold(label.Name, DesignLabel):
		return nil, OtherLabel, nil
	case !p.plainIssue():
		return nil, NotIssue, nil
	case p.Installation.ID == 0:
		return nil, NoInstallation, nil
	}
	owner, err := p.repository()
	// The login is only for the record: that of an App ends in "[bot]".
	login := strings.TrimSuffix(p.Sender.Login, "[bot]")
	if err := errors.Join(err, positive("issue.number", int64(p.Issue.Number)), ownerName("sender.login", login)); err != nil {
		return nil, BadPayload, err
	}
	return Labeled{
		Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
		Number: p.Issue.Number, Closed: p.Issue.State == "closed", Removed: p.Action == "unlabeled", Sender: p.Sender.Login,
	}, Accepted, nil
}

func readReviewComment(p payload) (Intent, Outcome, error) {
	thread := p.Comment.InReplyToID
	if thread == 0 {
		thread = p.Comment.ID
	}
	return readComment(p, p.PullRequest.Number, p.PullRequest.State, thread)
}

func readComment(p payload, number int, state string, thread int64) (Intent, Outcome, error) {
	switch {
	case p.Action != "created":
		return nil, ActionNotUsed, nil
	case !p.Sender.person(), !p.Comment.User.person():
		return nil, NotPerson, nil
	case !commands(p.Comment.Body):
		return nil, NoCommand, nil
	case p.Installation.ID == 0:
		return nil, NoInstallation, nil
	}
	owner, err := p.repository()
	err = errors.Join(err, positive("number", int64(number)), positive("comment.id", p.Comment.ID), ownerName("sender.login", p.Sender.Login))
	if thread < 0 {
		err = errors.Join(err, errors.New("comment.in_reply_to_id is negative"))
	}
	if p.Sender.Login != p.Comment.User.Login {
		err = errors.Join(err, errors.New("the sender did not write the comment"))
	}
	if err != nil {
		return nil, BadPayload, err
	}
	return Comment{
		Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
		Number: number, Closed: state == "closed", ID: p.Comment.ID, Thread: thread, Sender: p.Sender.Login, Body: p.Comment.Body,
		Written: instant(p.Comment.CreatedAt),
	}, Accepted, nil
}

// instant reads a time. It returns zero for anything else. No command is lost because of it.
func instant(raw json.RawMessage) (at time.Time) {
	if json.Unmarshal(raw, &at) != nil {
		return time.Time{}
	}
	return at.UTC()
}

// person reports whether the account is neither an App nor any other automated account. GitHub also delivers this
// App's own comments, and everything that other Apps do.
func (a account) person() bool {
	return a.Type == "User" && !strings.HasSuffix(a.Login, "[bot]")
}

// automated reports whether the account is an App's.
func (a account) automated() bool { return a.Type == "Bot" }

// commands reports whether a line may be a command. It is fast, and also accepts some lines that are none.
func commands(body string) bool {
	for line := range strings.FieldsFuncSeq(body, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if len(line) >= len(CommandPrefix) && strings.EqualFold(line[:len(CommandPrefix)], CommandPrefix) {
			return true
		}
	}
	return false
}

func readButton(p payload) (Intent, Outcome, error) {
	if !p.Sender.person() {
		return nil, NotPerson, nil
	}
	in, o, err := rerun(p, p.CheckRun.check, p.CheckRun.Name, p.CheckRun.ExternalID)
	if o != Accepted {
		return nil, o, err
	}
	id := p.RequestedAction.Identifier // optional in GitHub's schema
	if id == "" || token(id) != id {
		return nil, NoButton, nil
	}
	err = errors.Join(positive("check_run.id", p.CheckRun.ID), ownerName("sender.login", p.Sender.Login))
	if err != nil {
		return nil, BadPayload, err
	}
	return Button{
		Installation: in.Installation, Owner: in.Owner, Repo: in.Repo, RepoID: in.RepoID, HeadSHA: in.HeadSHA,
		Number: in.Number, ExternalID: in.ExternalID, CheckName: in.CheckName,
		CheckRun: p.CheckRun.ID, Identifier: id, Sender: p.Sender.Login,
	}, Accepted, nil
}

// queueBranches is the prefix of the branches on which a merge queue builds its groups. The rest of the name
// consists of the base branch, the last pull request in the group and the commit that the group is built on.
const queueBranches = "gh-readonly-queue/"

func readMergeGroup(p payload) (Intent, Outcome, error) {
	if p.Action != "checks_requested" {
		return nil, ActionNotUsed, nil
	}
	if p.Installation.ID == 0 {
		return nil, NoInstallation, nil
	}
	owner, err := p.repository()
	g := p.MergeGroup
	branch, ok := strings.CutPrefix(g.HeadRef, "refs/heads/")
	if !ok || !strings.HasPrefix(branch, queueBranches) || !plainRef(branch) {
		err = errors.Join(err, errors.New("merge_group.head_ref is no branch of a queue"))
	}
	base, ok := strings.CutPrefix(g.BaseRef, "refs/heads/")
	if !ok || !plainRef(base) {
		err = errors.Join(err, errors.New("merge_group.base_ref is no branch"))
	}
	if err = errors.Join(err, sha("merge_group.head_sha", g.HeadSHA), sha("merge_group.base_sha", g.BaseSHA)); err != nil {
		return nil, BadPayload, err
	}
	return MergeGroup{
		Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
		HeadSHA: g.HeadSHA, Branch: branch, BaseRef: base,
	}, Accepted, nil
}

// readQueueBranch reads the event of a check suite or run on a queue's branch. An App without the permission
// merge_queues: read receives no merge_group events, but it does receive this event.
func readQueueBranch(p payload, branch, head string) (Intent, Outcome, error) {
	if p.Installation.ID == 0 {
		return nil, NoInstallation, nil
	}
	owner, err := p.repository()
	base, ok := QueueBranch(branch)
	if !ok {
		return nil, ActionNotUsed, nil // a person's branch with such a name
	}
	if err = errors.Join(err, sha("head_sha", head)); err != nil {
		return nil, BadPayload, err
	}
	return MergeGroup{
		Installation: p.Installation.ID, Owner: owner, Repo: p.Repository.Name, RepoID: p.Repository.ID,
		HeadSHA: head, Branch: branch, BaseRef: base, Again: p.Action == "rerequested",
	}, Accepted, nil
}

// QueueBranch returns the branch into which a merge queue would merge one of its branches; ok is false for the branches
// of people.
func QueueBranch(branch string) (base string, ok bool) {
	rest, ok := strings.CutPrefix(branch, queueBranches)
	i := strings.LastIndex(rest, "/pr-")
	if !ok || i < 1 || !plainRef(branch) {
		return "", false
	}
	_, built, _ := strings.Cut(rest[i+len("/pr-"):], "-")
	return rest[:i], sha("head_branch", built) == nil
}

// plainRef reports whether name is a valid branch name (git help check-ref-format) and cannot be mistaken for
// anything else.
func plainRef(name string) bool {
	if name == "" || len(name) > 500 || strings.ContainsAny(name, " ~^:?*[\\\x7f") || strings.Contains(name, "..") || strings.Contains(name, "@{") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part[0] == '.' || part[0] == '-' || strings.HasSuffix(part, ".lock") || strings.HasSuffix(part, ".") {
			return false
		}
	}
	for _, c := range []byte(name) {
		if c < ' ' {
			return false
		}
	}
	return true
}
