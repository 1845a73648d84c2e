// Package conversation answers comments with commands, and the buttons of checks: it looks up the person, checks what
// they may decide, records the result, and answers.
package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// A Handler answers people. Its fields must not change after its first use; several goroutines may use it at once.
type Handler struct {
	App     *installation.App  // required
	Mirrors *mirror.Store      // required
	Ledger  *ledger.Ledger     // required
	Files   *policyfiles.Files // required
	Clock   *clock.Clock       // nil for the machine's
	Parsers examine.Parsers    // of files that say who owns what

	// Outcomes returns the figures of a team, "@org/team", up to now. Nil for none.
	Outcomes func(ctx context.Context, org, team string, now time.Time) (insight.Outcomes, error)

	// Submit is [queue.Queue.SubmitWith] of the queue that calls the methods. Required, and set before the queue
	// starts.
	Submit func(context.Context, ledger.Delivery, []queue.Request, []queue.Task, []ledger.Event) error

	turns turns
}

// The kinds of tasks, beside those of package record.
const (
	Comment = "comment" // with a [Request]
	Button  = "button"  // with a [Request]
)

// A Request is a comment that a person wrote, or a button that they pressed.
type Request struct {
	Comment int64     `json:"comment,omitempty"` // 0 for a button
	Thread  int64     `json:"thread,omitempty"`  // the first comment of its thread; 0 for the conversation
	Sender  string    `json:"sender"`
	Lines   []string  `json:"lines,omitempty"`  // the commands, see package command
	Button  string    `json:"button,omitempty"` // its identifier
	Check   int64     `json:"check,omitempty"`  // the check run it stands on
	At      time.Time `json:"at"`               // by the machine's clock, as GitHub's times are

	Written time.Time `json:"written,omitzero"` // of a comment, by GitHub's clock, to the second; zero if it is not known
}

// Spread asks for reviews of the pull requests in which an ended decision counted, or in which a new one may count: not
// only of the one in which it was made, which may be closed by now. It also has the list of the owners show it. It is for
// the tasks [record.Expiry], [record.Acceptance] and [record.Revocation].
//
// The id of a task is that of the decision, or that and "@" with the day on which it ends since it was shortened.
func (h *Handler) Spread(ctx context.Context, e queue.Task) error {
	e.ID, _, _ = strings.Cut(e.ID, "@")
	repo, err := h.Ledger.Now(ctx, e.Repository())
	if err != nil {
		return err
	}
	open, err := h.Ledger.OpenPulls(ctx, repo)
	if err != nil {
		return err
	}
	// First read which reviews run, since they may have read the decision, and then the results of the last ones.
	var pulls []ledger.Pull
	for _, n := range open {
		if n == e.Number && e.Kind != record.Expiry {
			continue // deciding or revoking already asked for that review
		}
		known, err := h.Ledger.Pull(ctx, repo, n)
		if err != nil {
			return err
		}
		pulls = append(pulls, known)
	}
	concerned, reason := h.counting, "a decision ended"
	if e.Kind == record.Acceptance {
		concerned, reason = h.awaiting, "decided elsewhere"
	}
	numbers, over, err := concerned(ctx, repo, e.ID, pulls)
	if err != nil || over {
		return err
	}
	var reviews []queue.Request
	for _, p := range pulls {
		if p.Number == e.Number || p.Generation != p.Reviewed || slices.Contains(numbers, p.Number) {
			// The task may be from before the App was reinstalled.
			one := queue.Task{Installation: p.Installation, RepoID: p.RepoID, Owner: p.Owner, Repo: p.Repo, Number: p.Number}
			reviews = append(reviews, one.Review(reason))
		}
	}
	if len(pulls) > 0 {
		e.Installation = pulls[0].Installation // the task may be from before the App was reinstalled
	}
	return h.Submit(ctx, ledger.Delivery{}, reviews, []queue.Task{digest(e)}, nil)
}

// digest returns the task that brings the digests of the owners up to date after a decision was made or has ended.
func digest(e queue.Task) queue.Task {
	about := record.DigestEvent{}
	if e.Kind == record.Expiry {
		about.Over, _, _ = strings.Cut(e.ID, "@") // its last day may follow
	}
	data, err := json.Marshal(about)
	if err != nil {
		panic(err) // strings can always be encoded
	}
	return queue.Task{
		Installation: e.Installation, RepoID: e.RepoID, Owner: e.Owner, Repo: e.Repo, Number: e.Number, Kind: record.Digest, ID: e.Kind + "-" + strings.ToLower(e.ID), Data: data,
	}
}

// counting lists the pull requests in which a decision counts.
func (h *Handler) counting(ctx context.Context, repo ledger.Repo, id string, _ []ledger.Pull) (numbers []int, over bool, err error) {
	numbers, err = h.Ledger.Counted(ctx, repo, id)
	return numbers, false, err
}

// awaiting lists the pull requests in which a new decision may count; over is true when it was revoked since.
func (h *Handler) awaiting(ctx context.Context, repo ledger.Repo, id string, pulls []ledger.Pull) (numbers []int, over bool, err error) {
	list, err := h.Ledger.Decisions(ctx, repo, ledger.Which{IDs: []string{id}})
	if err != nil || len(list) == 0 || list[0].Ended != "" {
		return nil, true, err
	}
	for _, p := range pulls {
		last, err := h.Ledger.LastReview(ctx, repo, p.Number)
		if err != nil {
			return nil, false, err
		}
		if last.Awaits(list[0]) {
			numbers = append(numbers, p.Number)
		}
	}
	return numbers, false, nil
}

// turnPause is how long a comment waits for another one of the same pull request.
const turnPause = 200 * time.Millisecond

// Answer executes a request, once, and answers it. It is for the tasks [Comment] and [Button].
func (h *Handler) Answer(ctx context.Context, e queue.Task) error {
	var said Request
	if err := json.Unmarshal(e.Data, &said); err != nil {
		return fmt.Errorf("read what was said: %w", err)
	}
	gh, err := h.App.Client(ctx, e.Installation, e.RepoID, e.Owner, e.Repo)
	if err != nil {
		return err
	}
	turn := strings.ToLower(fmt.Sprintf("%s/%s#%d", e.Owner, e.Repo, e.Number))
	if !h.turns.take(turn) {
		return queue.Snooze{Until: time.Now().Add(turnPause), Reason: "another comment of the pull request is executed"}
	}
	defer h.turns.give(turn)
	key := e.Kind + "-" + strings.ToLower(e.ID)
	what, done, later, err := h.executed(ctx, e, said, key)
	if err != nil {
		return err
	}
	if !done {
		if what, err = h.execute(ctx, gh, e, said, key, later); err != nil {
			return err
		}
	}
	q := publish.Question{Owner: e.Owner, Repo: e.Repo, Number: e.Number, Key: key, Comment: said.Comment, Thread: said.Thread, Asked: said.At}
	if what.Agent { // its answers to answers are answered no more
		q.Key = "agent-" + plain(said.Sender)
	}
	if said.Button != "" {
		// Pressing twice gets one answer.
		q.Key = fmt.Sprintf("check-%d-%s", said.Check, said.Button)
	}
	return h.respond(ctx, gh, q, what)
}

// executed returns what was recorded for a request, if it was done before, and otherwise the comments of the pull request
// that were written later and executed already.
func (h *Handler) executed(ctx context.Context, e queue.Task, said Request, key string) (what record.Executed, done bool, later []record.Executed, err error) {
	events, err := h.Ledger.Events(ctx, ledger.Filter{RepoID: e.RepoID, Owner: e.Owner, Repo: e.Repo, Number: e.Number, Kind: record.CommandExecuted})
	if err != nil {
		return record.Executed{}, false, nil, fmt.Errorf("read what was executed: %w", err)
	}
	for _, event := range events {
		var c record.Executed
		if err := json.Unmarshal(event.Data, &c); err != nil {
			return record.Executed{}, false, nil, fmt.Errorf("read event %d: %w", event.ID, err)
		}
		if c.Key == key {
			return c, true, nil, nil
		}
		if said.before(c) {
			later = append(later, c)
		}
	}
	return record.Executed{}, false, later, nil
}

// respond answers with a reaction if that is enough and permitted, else with one reply.
func (h *Handler) respond(ctx context.Context, gh *installation.Client, q publish.Question, what record.Executed) error {
	clients := publish.Clients{REST: gh.REST, GraphQL: gh.GraphQL}
	if what.Reply != "" {
		return publish.Answer(ctx, clients, q, what.Reply)
	}
	if what.Reaction != "" && q.Comment > 0 {
		reactor, err := gh.REST, error(nil)
		if q.Thread == 0 {
			reactor, err = gh.Reactor(ctx)
		}
		if err == nil {
			err = publish.React(ctx, reactor, q, what.Reaction)
		}
		if forbidden := (*installation.Forbidden)(nil); !errors.As(err, &forbidden) {
			return err
		}
	}
	if what.Quiet == "" {
		return nil
	}
	return publish.Answer(ctx, clients, q, what.Quiet)
}
