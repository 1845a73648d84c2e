package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/secbydesign/secbydesign/app/conversation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/plan"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/app/recovery"
	"github.com/secbydesign/secbydesign/app/review"
	"github.com/secbydesign/secbydesign/app/tracing"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/webhook"
)

// asked holds the jobs that an intent asks for.
type asked struct {
	reviews []queue.Request
	tasks   []queue.Task
	events  []ledger.Event
}

// acceptTime bounds how long a delivery waits for the database, and commandTime how long a comment with commands waits for
// the process that reads it, which may have to start. GitHub waits ten seconds for the answer to both
// (https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks#respond-within-10-seconds).
const (
	acceptTime  = 2 * time.Second
	commandTime = 4 * time.Second
)

// accept stores a delivery durably, together with all jobs that it asks for. A trace begins here and not with the request:
// before the signature is verified, anybody could fill the collector.
func (a *app) accept(ctx context.Context, d webhook.Delivery) (err error) {
	ctx, span := a.traces.Tracer().Start(ctx, "delivery", trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		semconv.HTTPRequestMethodPost, semconv.HTTPRoute("/webhook"),
		attribute.String("github.event", d.Event), attribute.String("github.action", d.Action), attribute.String("github.delivery", d.GUID),
	), tracing.Subject(d.Owner, d.Repo, 0, ""))
	defer func() {
		if errors.Is(err, webhook.ErrDuplicate) {
			span.SetAttributes(attribute.Bool("github.duplicate", true))
			tracing.End(ctx, span, nil)
			return
		}
		tracing.End(ctx, span, err)
	}()
	return a.store(ctx, d)
}

// store is accept without its trace.
func (a *app) store(ctx context.Context, d webhook.Delivery) error {
	limit := acceptTime
	if _, ok := d.Intent.(webhook.Comment); ok {
		limit += commandTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	want, err := a.want(ctx, d)
	if err != nil {
		return err
	}
	taken := ledger.Delivery{GUID: d.GUID, Event: d.Event, Action: d.Action, RepoID: d.RepoID, Owner: d.Owner, Repo: d.Repo}
	err = a.queue.SubmitWith(ctx, taken, want.reviews, want.tasks, want.events)
	if errors.Is(err, ledger.ErrDuplicate) {
		return webhook.ErrDuplicate
	}
	if errors.Is(err, ledger.ErrUnavailable) {
		return fmt.Errorf("%w: %w", webhook.ErrUnavailable, err)
	}
	return err
}

// want returns the jobs that a delivery asks for. It only reads the ledger, since GitHub waits for the answer.
func (a *app) want(ctx context.Context, d webhook.Delivery) (want asked, err error) {
	if want, err = a.jobs(ctx, d); err != nil {
		return want, err
	}
	if installed := reaching(d); installed != 0 {
		want.events = append(want.events, ledger.Event{Kind: record.Reach, Installation: installed})
	}
	return want, nil
}

// jobs returns the jobs of [app.want], and the events that belong to them.
func (a *app) jobs(ctx context.Context, d webhook.Delivery) (want asked, err error) {
	switch i := d.Intent.(type) {
	case webhook.Review:
		want.reviews = []queue.Request{{
			Key:    queue.Key{Installation: i.Installation, Owner: i.Owner, Repo: i.Repo, Number: i.Number},
			RepoID: i.RepoID, HeadSHA: i.HeadSHA, BaseSHA: i.BaseSHA, Reason: i.Reason, Force: i.Force, Size: review.Size(i.Files, i.Lines),
		}}
	case webhook.Closed:
		want.reviews = []queue.Request{{
			Key:    queue.Key{Installation: i.Installation, Owner: i.Owner, Repo: i.Repo, Number: i.Number},
			RepoID: i.RepoID, HeadSHA: i.HeadSHA, BaseSHA: i.BaseSHA, Reason: "closed", Closed: true,
		}}
	case webhook.Rerun:
		want.reviews, err = a.rerun(ctx, i)
		for _, req := range want.reviews {
			if i.CheckName != "" {
				want.events = append(want.events, ledger.Event{
					Kind: record.RerunAsked, Installation: i.Installation, RepoID: i.RepoID, Owner: i.Owner, Repo: i.Repo, Number: req.Number, Head: i.HeadSHA,
					Data: encode(record.Rerun{Check: i.CheckName}),
				})
			}
		}
	case webhook.Transferred:
		// Another organisation has another policy. A new name alone is recorded with the delivery.
		want.reviews, err = a.reach(ctx, i.Installation, webhook.Repository{ID: i.RepoID, Owner: i.Owner, Name: i.Repo})
	case webhook.Comment:
		// The commands in the text may also be quoted, or in code.
		lines, err := a.comments.commands(ctx, i.Body)
		if err != nil {
			return want, fmt.Errorf("%w: read a comment: %w", webhook.ErrUnavailable, err)
		}
		if len(lines) == 0 {
			return want, nil
		}
		if want.tasks = said(i, lines); i.Issue {
			want.tasks = saidOnIssue(i, lines)
		}
	case webhook.Edited:
		if want.tasks = edited(d.GUID, i); i.Issue {
			want.tasks = editedChecklist(d.GUID, i)
		}
	case webhook.Labeled:
		want.tasks = labeled(d.GUID, i)
	case webhook.Button:
		want.tasks, err = a.pressed(ctx, d.GUID, i)
	case webhook.MergeGroup:
		return a.mergeGroup(ctx, d.GUID, i)
	case webhook.Uninstalled:
		a.github.Forget(i.Installation)
	case webhook.Suspended:
		a.github.Forget(i.Installation)
	case webhook.Unsuspended:
		a.github.Forget(i.Installation)
		want.tasks = []queue.Task{recovery.ReturnTask(d.GUID, i.Installation)}
	case webhook.PermissionsAccepted:
		a.github.Forget(i.Installation)
		want.tasks = []queue.Task{recovery.ReturnTask(d.GUID, i.Installation)}
	case webhook.Installed:
		want.tasks, err = a.returned(ctx, d.GUID, i.Installation, i.Repositories)
	case webhook.RepositoriesAdded:
		a.github.Forget(i.Installation)
		want.tasks, err = a.returned(ctx, d.GUID, i.Installation, i.Repositories)
	case webhook.RepositoriesRemoved:
		a.github.Forget(i.Installation)
	}
	// The other intents need no job; the delivery itself is recorded. A policy is read again for each review, so a new
	// one needs nothing.
	return want, err
}

// reaching returns the installation that may reach other repositories after a delivery; 0 for none. A delivery about a
// policy repository shows that the repository is within reach.
func reaching(d webhook.Delivery) int64 {
	switch i := d.Intent.(type) {
	case webhook.Installed:
		return i.Installation
	case webhook.Uninstalled:
		return i.Installation
	case webhook.Suspended:
		return i.Installation
	case webhook.Unsuspended:
		return i.Installation
	case webhook.PermissionsAccepted:
		return i.Installation
	case webhook.RepositoriesAdded:
		return i.Installation
	case webhook.RepositoriesRemoved:
		return i.Installation
	case webhook.Renamed:
		return i.Installation
	case webhook.Transferred:
		return i.Installation
	case webhook.PolicyChanged:
		if policyfiles.HasPolicy(i.Repo) {
			return i.Installation
		}
	}
	return 0
}

// reach asks for reviews of the known open pull requests of a repository that has come within reach of an installation.
// It may have been out of reach, with a check in progress.
func (a *app) reach(ctx context.Context, installed int64, repo webhook.Repository) (out []queue.Request, err error) {
	numbers, err := a.ledger.OpenPulls(ctx, ledger.Repo{ID: repo.ID})
	if err != nil {
		return nil, err
	}
	for _, n := range numbers {
		out = append(out, queue.Request{
			Key:    queue.Key{Installation: installed, Owner: repo.Owner, Repo: repo.Name, Number: n},
			RepoID: repo.ID, Reason: "within reach", Force: true,
		})
	}
	return out, nil
}

// returned returns the task for repositories that are within reach, if they were so before: others have nothing to review
// until somebody works on them.
func (a *app) returned(ctx context.Context, guid string, installed int64, repos []webhook.Repository) ([]queue.Task, error) {
	for _, repo := range repos {
		first, err := a.ledger.FirstHeard(ctx, ledger.Repo{ID: repo.ID})
		if err != nil {
			return nil, err
		}
		if !first.IsZero() {
			return []queue.Task{recovery.ReturnTask(guid, installed)}, nil
		}
	}
	return nil, nil
}

// said returns a task for a comment that holds commands. The rest of its text is not kept.
func said(i webhook.Comment, lines []string) []queue.Task {
	// Comments of the conversation and comments of reviews are numbered separately.
	id := "note-" + strconv.FormatInt(i.ID, 10)
	if i.Thread > 0 {
		id = "review-" + strconv.FormatInt(i.ID, 10)
	}
	return []queue.Task{{
		Installation: i.Installation, RepoID: i.RepoID, Owner: i.Owner, Repo: i.Repo, Number: i.Number, Kind: conversation.Comment, ID: id,
		Data: encode(conversation.Request{Comment: i.ID, Thread: i.Thread, Sender: i.Sender, Lines: lines, At: time.Now().UTC(), Written: i.Written}),
	}}
}

// saidOnIssue returns a task for a comment with commands on an issue.
func saidOnIssue(i webhook.Comment, lines []string) []queue.Task {
	return []queue.Task{{
		Installation: i.Installation, RepoID: i.RepoID, Owner: i.Owner, Repo: i.Repo, Number: i.Number, Kind: plan.Kind, ID: "note-" + strconv.FormatInt(i.ID, 10),
		Data: encode(plan.Request{Lines: lines, Comment: i.ID, Sender: i.Sender, At: time.Now().UTC()}),
	}}
}

// editedChecklist returns a task for the edit of a checklist. Its texts are not kept.
func editedChecklist(guid string, i webhook.Edited) []queue.Task {
	edit := plan.ReadEdit(i.OldBody, i.NewBody)
	return []queue.Task{{
		Installation: i.Installation, RepoID: i.RepoID, Owner: i.Owner, Repo: i.Repo, Number: i.Number, Kind: plan.Kind, ID: guid,
		Data: encode(plan.Request{Edit: &edit, Comment: i.ID, Sender: i.Sender, At: time.Now().UTC()}),
	}}
}

// labeled returns a task for an issue that got or lost the label of the design.
func labeled(guid string, i webhook.Labeled) []queue.Task {
	return []queue.Task{{
		Installation: i.Installation, RepoID: i.RepoID, Owner: i.Owner, Repo: i.Repo, Number: i.Number, Kind: plan.Kind, ID: guid,
		Data: encode(plan.Request{Labeled: true, Sender: i.Sender, At: time.Now().UTC()}),
	}}
}

// edited returns a task for an edit of a card in a pull request.
func edited(guid string, i webhook.Edited) []queue.Task {
	return []queue.Task{{
		Installation: i.Installation, RepoID: i.RepoID, Owner: i.Owner, Repo: i.Repo, Number: i.Number, Kind: conversation.Tick, ID: guid,
		Data: encode(conversation.Edit{Comment: i.ID, Old: i.OldBody, New: i.NewBody, Sender: i.Sender, At: time.Now().UTC()}),
	}}
}

// pressed returns the tasks of a button: one for each pull request that has the check's head.
func (a *app) pressed(ctx context.Context, guid string, i webhook.Button) ([]queue.Task, error) {
	numbers, err := a.pullsOf(ctx, ledger.Repo{ID: i.RepoID, Owner: i.Owner, Name: i.Repo}, i.Number, i.ExternalID, i.HeadSHA)
	if err != nil {
		return nil, err
	}
	var out []queue.Task
	for _, n := range numbers {
		out = append(out, queue.Task{
			Installation: i.Installation, RepoID: i.RepoID, Owner: i.Owner, Repo: i.Repo, Number: n, Kind: conversation.Button, ID: guid + "-" + strconv.Itoa(n),
			Data: encode(conversation.Request{Sender: i.Sender, Button: i.Identifier, Check: i.CheckRun, At: time.Now().UTC()}),
		})
	}
	return out, nil
}

// mergeGroup asks for the verdict on a group. A commit that is the head of a pull request is reviewed as that: anybody
// with push access can give a branch a name like a merge queue's.
func (a *app) mergeGroup(ctx context.Context, guid string, i webhook.MergeGroup) (want asked, err error) {
	numbers, err := a.ledger.PullsAt(ctx, ledger.Repo{ID: i.RepoID, Owner: i.Owner, Name: i.Repo}, i.HeadSHA)
	if err != nil {
		return want, err
	}
	for _, n := range numbers {
		want.reviews = append(want.reviews, queue.Request{
			Key:    queue.Key{Installation: i.Installation, Owner: i.Owner, Repo: i.Repo, Number: n},
			RepoID: i.RepoID, HeadSHA: i.HeadSHA, Reason: record.Rerequested, Force: i.Again,
		})
	}
	if len(numbers) > 0 {
		return want, nil
	}
	id := i.HeadSHA
	if i.Again {
		id += " " + guid
	}
	want.tasks = []queue.Task{{
		Installation: i.Installation, RepoID: i.RepoID, Owner: i.Owner, Repo: i.Repo, Kind: review.Group, ID: id,
		Data: encode(review.Merge{Head: i.HeadSHA, Branch: i.Branch, BaseRef: i.BaseRef, Again: i.Again}),
	}}
	return want, nil
}

// encode encodes a value of this program, which JSON can always represent.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// rerun asks for reviews of the pull requests of a check that is to run again.
func (a *app) rerun(ctx context.Context, i webhook.Rerun) ([]queue.Request, error) {
	numbers, err := a.pullsOf(ctx, ledger.Repo{ID: i.RepoID, Owner: i.Owner, Name: i.Repo}, i.Number, i.ExternalID, i.HeadSHA)
	if err != nil {
		return nil, err
	}
	var out []queue.Request
	for _, n := range numbers {
		known, err := a.ledger.Pull(ctx, ledger.Repo{ID: i.RepoID, Owner: i.Owner, Name: i.Repo}, n)
		if err != nil && !errors.Is(err, ledger.ErrUnknownPull) {
			return nil, err
		}
		// The check may belong to an older head, or to a pull request that was closed since.
		out = append(out, queue.Request{
			Key:    queue.Key{Installation: i.Installation, Owner: i.Owner, Repo: i.Repo, Number: n},
			RepoID: i.RepoID, Reason: record.Rerequested, Closed: known.Closed, Force: true,
		})
	}
	return out, nil
}

// pullsOf finds the pull requests of a check. For a fork GitHub does not name them; the external id of our own check
// does, and so does the ledger, by the head.
func (a *app) pullsOf(ctx context.Context, repo ledger.Repo, number int, externalID, head string) ([]int, error) {
	if number == 0 {
		number = publish.PullOf(externalID)
	}
	if number != 0 {
		return []int{number}, nil
	}
	numbers, err := a.ledger.PullsAt(ctx, repo, head)
	if err == nil && len(numbers) == 0 {
		zerolog.Ctx(ctx).Info().Str("head", head).Msg("no pull request is known for the check")
	}
	return numbers, err
}
