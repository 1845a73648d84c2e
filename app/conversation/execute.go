package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// An execution carries out one comment or button. It reads everything first, and writes the results in one transaction
// at the end.
type execution struct {
	h       *Handler
	gh      *installation.Client
	e       queue.Task
	request Request
	key     string
	later   []record.Executed // comments that were written later and executed already
	decided []string          // ids of the findings about which the comment decides
	pull    pull.Pull
	who     ownership.Person
	rules   ownership.Rules
	org     policy.Policy // of the organisation alone
	orgSHA  string        // of its file; empty for none

	stood     bool // who is complete, see stand
	roleKnown bool // whether who is a champion or of the security team is known

	last      record.Review
	busy      bool // a review is running or waiting
	decisions []decision.Decision
	owners    *ownership.Map // nil until it is needed
	mine      []string       // the short ids of the findings of the thread; empty outside of one

	said *record.Discussion // about the design; nil until it is needed
	base *policy.Policy     // nil until it is needed

	started []record.Campaign // by earlier lines of the comment
	stopped []string          // ids of campaigns, likewise

	line           int // of the comment, for the names of decisions
	replies, quiet []string
	reaction       string
	events         []ledger.Event
	tasks          []queue.Task
	reason         string // for another review; empty for none
	rated          []string
}

// at is when the person asked, by the App's clock: dates count from then.
func (t *execution) at() time.Time { return t.h.Clock.Of(t.request.At) }

// patienceForReview is how long a command waits for the review that would know the finding it names.
const patienceForReview = 10 * time.Minute

// execute carries out the request and records it, with the answer.
func (h *Handler) execute(ctx context.Context, gh *installation.Client, e queue.Task, said Request, key string, later []record.Executed) (record.Executed, error) {
	what := record.Executed{Key: key, Sender: said.Sender, Lines: said.Lines, Written: said.Written, Comment: said.Comment, InReview: said.Thread != 0}
	p, err := pull.Read(ctx, gh.REST, e.RepoID, e.Owner, e.Repo, e.Number)
	if err != nil {
		return record.Executed{}, err
	}
	org, orgSHA, err := h.Files.Organisation(ctx, e.Installation, e.Owner)
	if err != nil {
		return record.Executed{}, err
	}
	t := &execution{h: h, gh: gh, e: e, request: said, key: key, later: later, pull: p, rules: org.Guardrails.Accept, org: org, orgSHA: orgSHA}
	var mayRead bool
	if t.who, mayRead, err = people.Find(ctx, gh, p, said.Sender); err != nil {
		return record.Executed{}, err
	}
	t.who.Agent = t.rules.Agents.Listed(said.Sender)
	switch {
	case !mayRead: // somebody who may not read a private repository gets no answer at all
	case t.who.Agent:
		what.Agent = true
		t.say("", ownership.May(ownership.Decide, t.who, ownership.Case{}, t.rules).Because, "")
	default:
		if err := t.begin(ctx); err != nil {
			return record.Executed{}, err
		}
		if said.Button != "" {
			err = t.press(ctx)
		} else {
			err = t.speak(ctx)
		}
		if err != nil {
			return record.Executed{}, err
		}
	}
	if len(t.replies) > 0 {
		what.Reply = strings.Join(append(t.replies, t.quiet...), "\n\n")
	} else {
		what.Quiet, what.Reaction = strings.Join(t.quiet, "\n\n"), t.reaction
	}
	what.Decided = t.decided
	if err := t.record(record.CommandExecuted, what); err != nil {
		return record.Executed{}, err
	}
	var reviews []queue.Request
	if t.reason != "" && p.Open {
		reviews = append(reviews, e.Review(t.reason))
	}
	if err := h.Submit(ctx, ledger.Delivery{}, reviews, t.tasks, t.events); err != nil {
		return what, err
	}
	t.measure(ctx)
	return what, nil
}

func (t *execution) begin(ctx context.Context) (err error) {
	known, err := t.h.Ledger.Pull(ctx, t.e.Repository(), t.e.Number)
	switch {
	case errors.Is(err, ledger.ErrUnknownPull) && t.pull.Open:
		// It was opened before the App was installed, or the store is lost. The command may name a finding that only
		// this review will know, so it is asked for now.
		if err := t.h.Submit(ctx, ledger.Delivery{}, []queue.Request{t.e.Review("asked about")}, nil, nil); err != nil {
			return err
		}
		t.busy = true
	case err != nil && !errors.Is(err, ledger.ErrUnknownPull):
		return err
	}
	t.busy = t.busy || known.Generation != known.Reviewed
	if t.last, err = t.h.Ledger.LastReview(ctx, t.e.Repository(), t.e.Number); err != nil {
		return err
	}
	if t.decisions, err = t.h.Ledger.Decisions(ctx, t.e.Repository(), t.concerned()); err != nil {
		return err
	}
	if t.request.Thread == 0 {
		return nil
	}
	// In one of our threads the marker of its first comment identifies the finding.
	first, resp, err := t.gh.REST.PullRequests.GetComment(ctx, t.e.Owner, t.e.Repo, t.request.Thread)
	if err != nil {
		if resp != nil && resp.StatusCode == 404 && people.IsAnswer(err) {
			return nil
		}
		return fmt.Errorf("read the thread: %w", err)
	}
	if fingerprint, _, ok := checks.Mark(first.GetBody()); ok && first.GetUser().GetType() == "Bot" {
		t.mine = t.last.IDsOfThread(fingerprint)
	}
	return nil
}

// concerned selects the decisions that may matter: those of the pull request, those about its findings, and those that
// the commands name.
func (t *execution) concerned() ledger.Which {
	which := ledger.Which{Number: t.e.Number}
	for _, f := range t.last.Findings {
		if f.State == scanners.New {
			which.Contents = append(which.Contents, decision.Content(f.Fingerprint))
		}
	}
	slices.Sort(which.Contents)
	which.Contents = slices.Compact(which.Contents)
	for _, line := range t.request.Lines {
		if c, err := command.Parse(line, t.at()); err == nil && c.Decision != "" {
			which.IDs = append(which.IDs, c.Decision)
		}
	}
	return which
}

func (t *execution) record(kind string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("record %s: %w", kind, err)
	}
	t.events = append(t.events, ledger.Event{
		Kind: kind, Installation: t.e.Installation, RepoID: t.e.RepoID, Owner: t.e.Owner, Repo: t.e.Repo, Number: t.e.Number, Head: t.pull.Head, Data: b,
	})
	return nil
}

// say replies to a line. problem is plain text; try is a line that would have worked.
func (t *execution) say(line, problem, try string) {
	s := checks.Escape(problem)
	if line != "" {
		s = checks.Code(short(line)) + ": " + s
	}
	if try != "" {
		s += " This would work: " + checks.Code(try)
	}
	t.replies = append(t.replies, s)
}

func short(line string) string {
	if r := []rune(line); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return line
}

// done adds a text that is only used if no reaction is permitted.
func (t *execution) done(reaction, format string, args ...any) {
	t.quiet = append(t.quiet, fmt.Sprintf(format, args...))
	if t.reaction == "" || reaction == publish.Seen {
		t.reaction = reaction
	}
}

// speak carries out the commands of a comment, in order.
func (t *execution) speak(ctx context.Context) error {
	for i, line := range t.request.Lines {
		if i == command.MaxCommands {
			t.say("", fmt.Sprintf("One comment takes at most %d commands; the others were not carried out.", command.MaxCommands), "")
			break
		}
		t.line = i
		c, err := command.Parse(line, t.at())
		var m *command.Mistake
		if errors.As(err, &m) {
			if err := t.refuse(ctx, line, m.Problem, m.Right, m.Like); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			err = t.do(ctx, line, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *execution) do(ctx context.Context, line string, c command.Command) error {
	switch c.Verb {
	case command.Help:
		return t.help(ctx)
	case command.Status:
		return t.replyStatus(ctx)
	case command.Rescan:
		return t.rescan(line)
	case command.Confirm:
		return t.confirm(ctx, line, c)
	case command.Revoke:
		return t.revoke(ctx, line, c)
	case command.Answer:
		return t.answerQuestion(ctx, line, c)
	case command.Ask:
		return t.askFor(ctx, line, c)
	case command.Voice:
		return t.advise(ctx, line, c)
	case command.Campaign:
		return t.campaign(ctx, line, c)
	case command.Plan:
		t.say(line, "A plan belongs to an issue: write this in an issue that the pull request closes.", "")
		return nil
	}
	if done, err := t.questions(ctx, line, c); done || err != nil {
		return err
	}
	found, err := t.findings(ctx, line, c)
	if err != nil || len(found) == 0 {
		return err
	}
	for _, f := range found {
		switch c.Verb {
		case command.Why:
			err = t.why(ctx, f)
		case command.Accept, command.FP, command.NotAffected, command.Defer:
			err = t.decide(ctx, line, c, f)
		case command.Reopen:
			err = t.reopen(ctx, line, f)
		case command.Assign:
			err = t.assign(ctx, line, c, f)
		case command.NotUseful:
			err = t.notUseful(line, c.Code, c.Reason, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// findings returns the findings that a command names; without ids, those of the thread.
func (t *execution) findings(ctx context.Context, line string, c command.Command) (found []record.Finding, err error) {
	ids := c.IDs
	if len(ids) == 0 {
		ids = t.mine
	}
	if c.Verb == command.Why && len(c.IDs) == 0 {
		ids = ids[:min(len(ids), 1)] // the thread shows the others
	}
	if len(ids) == 0 {
		hint := ""
		if open := t.last.Open(); len(open) > 0 {
			hint = fmt.Sprintf(" Open here: %s.", names(open))
		}
		return nil, t.refuse(ctx, line, "Which finding is meant? Write its id, which begins with F-, or answer in its thread."+hint, c, "")
	}
	for _, id := range ids {
		f, ok := t.last.Find(id)
		switch {
		case ok:
			found = append(found, f)
		case t.busy && time.Since(t.request.At) < patienceForReview:
			return nil, queue.Snooze{Until: time.Now().Add(2 * time.Second), Reason: "the review that would know the finding is not finished"}
		default:
			hint := " Nothing is open here."
			if open := t.last.Open(); len(open) > 0 {
				hint = fmt.Sprintf(" Open are: %s.", names(open))
			}
			one := c
			one.IDs = []string{id}
			if err := t.refuse(ctx, line, id+" is no finding of this pull request."+hint, one, ""); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func names(list []record.Finding) string {
	var ids []string
	for _, f := range list[:min(len(list), 10)] {
		ids = append(ids, f.ID())
	}
	s := strings.Join(ids, ", ")
	if n := len(list) - 10; n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

// press carries out a button, as much of it as is possible without a reason.
func (t *execution) press(ctx context.Context) error {
	open := t.last.Open()
	button := t.request.Button
	switch {
	case button == checks.Rescan:
		err := t.rescan("")
		t.quiet = nil // the check itself shows that it has begun
		return err
	case button != checks.Accept && button != checks.NotUseful:
		return nil
	case len(open) == 0:
		t.say("", "Nothing is open here any more.", "")
		return nil
	case button == checks.Accept:
		return t.pressAccept(ctx, open)
	case len(open) == 1 || !t.who.Write && !t.who.Author:
		err := t.notUseful("", "noise", "", open[0])
		if len(t.replies) == 0 {
			t.replies, t.quiet = t.quiet, nil
		}
		return err
	}
	t.replies = append(t.replies, "Which of the findings is of no use? Write for example "+
		checks.Code(fmt.Sprintf("%s not-useful %s noise", command.Prefix, open[0].ID()))+"; other words are wrong, unclear, too-late.\n\n"+list(open))
	return nil
}

// pressAccept explains how to accept the worst finding that can be accepted.
func (t *execution) pressAccept(ctx context.Context, open []record.Finding) error {
	if ok, err := t.may(ctx, "", ownership.Withdraw); !ok {
		return err
	}
	for _, f := range open {
		try, err := t.offer(ctx, command.Command{Verb: command.Accept, IDs: []string{f.ID()}}, "")
		if err != nil {
			return err
		}
		if strings.HasPrefix(try, command.Prefix+" "+string(command.Accept)) {
			t.replies = append(t.replies, "To accept a risk, write a comment with a reason and a last day. For example, with your reason in place of the brackets: "+checks.Code(try)+"\n\n"+list(open))
			return nil
		}
	}
	t.replies = append(t.replies, "You cannot accept any of these findings: fix them, or report false positives.\n\n"+list(open))
	return nil
}

func list(open []record.Finding) string {
	var lines []string
	for i, f := range open {
		if i == 10 {
			lines = append(lines, fmt.Sprintf("- and %d more", len(open)-i))
			break
		}
		lines = append(lines, fmt.Sprintf("- `%s` %s, %s, %s", f.ID(), checks.Escape(f.Title), f.Severity, checks.Code(f.Spot())))
	}
	return strings.Join(lines, "\n")
}
