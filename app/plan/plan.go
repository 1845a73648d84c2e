// Package plan asks about the design before there is any code: it keeps a checklist of topics on an issue, records which
// of them people tick, and returns them for the pull request that closes the issue. It needs the App's optional
// permission to write issues; without it, it does nothing.
package plan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"
	"github.com/shurcooL/githubv4"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/webhook"
)

// Kind is the kind of the tasks.
const Kind = "plan"

// The reasons for a change of a checklist, see [record.Plan].
const (
	whyLabel   = "label"
	whyUnlabel = "unlabel"
	whyCommand = "command"
	whyTick    = "tick"
)

// A Request is what happened on an issue: exactly one of Labeled, Lines and Edit is set.
type Request struct {
	Labeled bool      `json:"labeled,omitempty"` // it got or lost the label
	Lines   []string  `json:"lines,omitempty"`   // the commands of a comment
	Edit    *Edit     `json:"edit,omitempty"`    // of a comment that may be the checklist
	Comment int64     `json:"comment,omitempty"` // the comment with the commands, or the one that was edited
	Sender  string    `json:"sender"`
	At      time.Time `json:"at"`
}

// A Handler keeps checklists. Its fields must not change after its first use; several goroutines may use it at once.
type Handler struct {
	App    *installation.App  // required
	Ledger *ledger.Ledger     // required
	Files  *policyfiles.Files // required
}

// A job is one request on its way.
type job struct {
	*Handler
	gh      *installation.Client
	clients publish.Clients // with the permission for issues
	task    queue.Task
	request Request
	events  []ledger.Event // what is recorded of the checklist
	state   state          // the same
	have    []checks.Sticky
}

// Do does a task of the kind [Kind]. It may be done again.
func (h *Handler) Do(ctx context.Context, t queue.Task) error {
	j := &job{Handler: h, task: t}
	if err := json.Unmarshal(t.Data, &j.request); err != nil {
		return fmt.Errorf("read what happened on an issue: %w", err)
	}
	var err error
	if j.gh, err = h.App.Client(ctx, t.Installation, t.RepoID, t.Owner, t.Repo); err != nil {
		return err
	}
	err = j.do(ctx)
	if forbidden := (*installation.Forbidden)(nil); errors.As(err, &forbidden) {
		zerolog.Ctx(ctx).Debug().Err(err).Msg("no checklist on issues without the permission")
		return nil
	}
	return err
}

func (j *job) do(ctx context.Context) error {
	rest, graphql, err := j.gh.Issues(ctx)
	if err != nil {
		return err
	}
	j.clients = publish.Clients{REST: rest, GraphQL: graphql}
	issue, resp, err := rest.Issues.Get(ctx, j.task.Owner, j.task.Repo, j.task.Number)
	switch {
	case resp != nil && (resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone) && people.IsAnswer(err):
		return nil // it was deleted or transferred
	case err != nil:
		return fmt.Errorf("read the issue: %w", err)
	case issue.IsPullRequest():
		return nil
	}
	if err := j.read(ctx); err != nil {
		return err
	}
	switch {
	case j.request.Labeled:
		return j.label(ctx, issue)
	case j.request.Edit != nil:
		return j.edit(ctx)
	}
	return j.command(ctx)
}

func planned(repo ledger.Repo, issue int) ledger.Filter {
	return ledger.Filter{RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, Number: issue, Kind: record.PlanPosted}
}

// label makes the checklist follow the label, as it is now.
func (j *job) label(ctx context.Context, issue *github.Issue) error {
	labeled := slices.ContainsFunc(issue.Labels, func(l *github.Label) bool { return strings.EqualFold(l.GetName(), webhook.DesignLabel) })
	switch {
	case labeled && issue.GetState() == "open":
		off, err := j.off(ctx)
		if err != nil || off {
			return err
		}
		return j.keep(ctx, record.Plan{Why: whyLabel}, !j.state.posted || j.state.unlabeled)
	case !labeled && j.state.posted:
		return j.keep(ctx, record.Plan{Why: whyUnlabel}, !j.state.unlabeled)
	}
	return nil
}

// off reports whether the policy of the default branch switches the gate off.
func (j *job) off(ctx context.Context) (bool, error) {
	p, _, err := j.Files.Current(ctx, j.gh)
	if err != nil {
		return false, err
	}
	return p.Gate(scanners.Requirements).Mode == policy.Off, nil
}

// keep records a change, if it is one and was not recorded before, and makes the issue show the checklist.
func (j *job) keep(ctx context.Context, p record.Plan, changes bool) error {
	if changes && !j.state.sources[j.task.ID] {
		p.Issue, p.By, p.Source = j.task.Number, j.request.Sender, j.task.ID
		if err := j.record(ctx, p); err != nil {
			return fmt.Errorf("record the checklist: %w", err)
		}
		j.have = nil // what was there before the record says nothing
	}
	if err := j.list(ctx); err != nil {
		return err
	}
	text := j.state.text()
	if shown, ok := oldest(j.have); ok && p.Why == whyTick && j.state.shows(shown.Body, slices.Concat(p.Ticked, p.Unticked)) {
		return publish.KeepChecklist(ctx, j.clients, j.issue(), "", j.have) // the person has ticked it already, and may have ticked more since
	}
	return j.show(ctx, text)
}

// maxWrites is how often a task writes the checklist before it is tried again later.
const maxWrites = 4

// show makes the issue show a text of the checklist. Several tasks of an issue may run at once, and each records before
// it writes. So each task reads the record again after it writes, and writes once more if it has changed: the last text
// is that of the whole record.
func (j *job) show(ctx context.Context, text string) error {
	for range maxWrites {
		if err := publish.KeepChecklist(ctx, j.clients, j.issue(), text, j.have); err != nil {
			return err
		}
		if err := j.read(ctx); err != nil {
			return err
		}
		now := j.state.text()
		if now == text {
			return nil
		}
		j.have = nil
		if err := j.list(ctx); err != nil {
			return err
		}
		text = now
	}
	return errors.New("the record of the checklist changes while it is written")
}

// read reads what is recorded of the checklist.
func (j *job) read(ctx context.Context) (err error) {
	if j.events, err = j.Ledger.Events(ctx, planned(j.task.Repository(), j.task.Number)); err != nil {
		return fmt.Errorf("read what was recorded of the issue: %w", err)
	}
	j.state, err = fold(j.events)
	return err
}

// record records a change. It may have been made before others that are recorded already.
func (j *job) record(ctx context.Context, p record.Plan) (err error) {
	e := ledger.Event{
		At: j.Ledger.Clock.Of(j.request.At), Kind: record.PlanPosted, Installation: j.task.Installation, RepoID: j.task.RepoID, Owner: j.task.Owner, Repo: j.task.Repo,
		Number: j.task.Number,
	}
	if e.Data, err = json.Marshal(p); err != nil {
		return err
	}
	if j.state, err = fold(append(slices.Clip(j.events), e)); err != nil {
		return err
	}
	p.Topics = append([]string{}, j.state.topics...)
	if e.Data, err = json.Marshal(p); err != nil {
		return err
	}
	return j.Ledger.Record(ctx, e)
}

func (j *job) issue() publish.Issue {
	return publish.Issue{Owner: j.task.Owner, Repo: j.task.Repo, Number: j.task.Number}
}

// list reads the sticky comments once.
func (j *job) list(ctx context.Context) (err error) {
	if j.have == nil {
		j.have, err = publish.Checklists(ctx, j.clients, j.issue())
	}
	return err
}

// edit records the ticks of a person who may decide, and otherwise restores the checklist.
func (j *job) edit(ctx context.Context) error {
	if !j.state.posted {
		return nil // another App's comment, or the record is lost
	}
	if err := j.list(ctx); err != nil {
		return err
	}
	ours := slices.ContainsFunc(j.have, func(s checks.Sticky) bool { return s.ID == j.request.Comment && s.Name == checks.PlanName })
	who, _, err := people.Find(ctx, j.gh, pull.Pull{Owner: j.task.Owner, Repo: j.task.Repo}, j.request.Sender)
	if err != nil {
		return err
	}
	e := j.request.Edit
	if ours && who.Write && !e.Text {
		return j.keep(ctx, record.Plan{Why: whyTick, Ticked: e.Ticked, Unticked: e.Unticked}, len(e.Ticked)+len(e.Unticked) > 0)
	}
	return j.show(ctx, j.state.text())
}

// command carries out the commands of a comment.
func (j *job) command(ctx context.Context) error {
	who, mayRead, err := people.Find(ctx, j.gh, pull.Pull{Owner: j.task.Owner, Repo: j.task.Repo}, j.request.Sender)
	if err != nil || !mayRead {
		return err
	}
	asks, reply := asked(j.request.Lines)
	if asks && !who.Write {
		asks, reply = false, "The checklist needs a person with write access to this repository: they comment `/secbydesign plan`, or give the issue the label `design`."
	}
	if asks {
		off, err := j.off(ctx)
		switch {
		case err != nil:
			return err
		case off:
			reply = "The policy of this repository switches the gate requirements off, so there is no checklist."
		default:
			if err := j.keep(ctx, record.Plan{Why: whyCommand}, !j.state.posted || j.state.unlabeled); err != nil {
				return err
			}
		}
	}
	q := publish.Question{
		Owner: j.task.Owner, Repo: j.task.Repo, Number: j.task.Number, Key: fmt.Sprintf("plan-%d", j.request.Comment), Comment: j.request.Comment, Asked: j.request.At,
	}
	if reply != "" {
		return publish.Answer(ctx, j.clients, q, reply)
	}
	return publish.React(ctx, j.clients.REST, q, publish.Done)
}

// asked reports whether a comment asks for the checklist. reply is a sentence about the first line that asks for
// something else.
func asked(lines []string) (asks bool, reply string) {
	for _, line := range lines {
		words := strings.Fields(line[min(len(command.Prefix), len(line)):])
		switch {
		case len(words) == 1 && strings.EqualFold(words[0], string(command.Plan)):
			asks = true
		case reply == "":
			reply = "On an issue there is one command: `/secbydesign plan` posts a checklist of the design. The others work in a pull request."
		}
	}
	return asks, reply
}

// Inherited is [Inherited] by the handler's ledger.
func (h *Handler) Inherited(ctx context.Context, gh *installation.Client, p pull.Pull) ([]string, error) {
	return Inherited(ctx, gh, h.Ledger, p)
}

// Inherited returns the topics that are ticked on the issues that a pull request closes. It is empty without the
// permission for issues.
func Inherited(ctx context.Context, gh *installation.Client, l *ledger.Ledger, p pull.Pull) ([]string, error) {
	_, graphql, err := gh.Issues(ctx)
	if forbidden := (*installation.Forbidden)(nil); errors.As(err, &forbidden) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var q struct {
		Repository struct {
			PullRequest struct {
				ClosingIssuesReferences struct {
					Nodes []struct {
						Number     int
						Repository struct{ NameWithOwner string }
					}
				} `graphql:"closingIssuesReferences(first: 50)"`
			} `graphql:"pullRequest(number: $number)"`
		} `graphql:"repository(owner: $owner, name: $name)"`
	}
	err = graphql.Query(ctx, &q, map[string]any{
		"owner": githubv4.String(p.Owner), "name": githubv4.String(p.Repo), "number": githubv4.Int(p.Number), //nolint:gosec // small
	})
	if forbidden := (*installation.Forbidden)(nil); errors.As(err, &forbidden) {
		zerolog.Ctx(ctx).Debug().Err(err).Msg("the issues that the pull request closes are not known")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read which issues the pull request closes: %w", err)
	}
	var topics []string
	for _, issue := range q.Repository.PullRequest.ClosingIssuesReferences.Nodes {
		if !strings.EqualFold(issue.Repository.NameWithOwner, p.Owner+"/"+p.Repo) {
			continue // another repository has its own people
		}
		events, err := l.Events(ctx, planned(p.Repository(), issue.Number))
		if err != nil {
			return nil, fmt.Errorf("read the checklist of issue %d: %w", issue.Number, err)
		}
		s, err := fold(events)
		if err != nil {
			return nil, err
		}
		topics = append(topics, s.topics...)
	}
	return ordered(topics), nil
}
