package conversation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
)

// warnings returns the tasks for the warnings of a decision, see [decision.Decision.Warnings]. of is any task about its
// repository.
func warnings(of queue.Task, d decision.Decision) (list []queue.Task) {
	for _, w := range d.Warnings(d.Since) {
		data, err := json.Marshal(record.Warning{ID: d.ID, Days: w.Days, Until: d.Until})
		if err != nil {
			panic(err) // text and numbers can always be encoded
		}
		list = append(list, queue.Task{
			Installation: of.Installation, RepoID: of.RepoID, Owner: of.Owner, Repo: of.Repo, Number: d.Number,
			Kind: record.Warn, ID: fmt.Sprintf("%s-%d", d.ID, w.Days), Data: data, At: w.At,
		})
	}
	return list
}

// Warn records, once, that a decision ends soon, and has the list of its owners show it. Nothing is written in a pull
// request. It is for the tasks [record.Warn], whose ids end with "@" and the last day for a decision that was shortened.
func (h *Handler) Warn(ctx context.Context, e queue.Task) error {
	said, err := record.ReadOwnership[record.Warning](0, e.Data)
	if err != nil {
		return err
	}
	known, err := h.Ledger.Decisions(ctx, e.Repository(), ledger.Which{IDs: []string{said.ID}})
	if err != nil || len(known) == 0 {
		return err
	}
	d, now := known[0], h.Clock.Now()
	w := decision.Warning{Days: said.Days, At: d.Until.AddDate(0, 0, -said.Days)}
	if now.Before(w.At) { // the clock was moved back
		return queue.Snooze{Until: h.Clock.Machine(w.At), Reason: "it is too early for the warning"}
	}
	if !d.Due(w, now) {
		return nil
	}
	if inForce, err := h.inForce(ctx, e.Repository(), d); err != nil || !inForce {
		return err
	}
	list := digest(e)
	list.ID = "warned-" + e.ID
	event := ledger.Event{
		Kind: record.DecisionWarned, Installation: e.Installation, RepoID: e.RepoID, Owner: e.Owner, Repo: e.Repo, Number: d.Number, Data: e.Data,
		Once: fmt.Sprintf("warned %s %s-%d", record.RepoKey(e.RepoID, e.Owner+"/"+e.Repo), said.ID, said.Days),
	}
	err = h.Submit(ctx, ledger.Delivery{}, nil, []queue.Task{list}, []ledger.Event{event})
	if errors.Is(err, ledger.ErrDuplicate) {
		return nil
	}
	return err
}

// inForce reports whether a decision covers a finding, as far as the last reviews know: one whose finding became worse, or
// is not there any more, is not worth a warning. A decision that no review has seen counts.
func (h *Handler) inForce(ctx context.Context, repo ledger.Repo, d decision.Decision) (bool, error) {
	numbers, err := h.Ledger.Counted(ctx, repo, d.ID)
	if err != nil || len(numbers) > 0 {
		return len(numbers) > 0, err
	}
	last, err := h.Ledger.LastReview(ctx, repo, d.Number)
	return !last.At.After(d.Since), err
}

// Schedule submits the warnings of all decisions that count. Those of decisions by older versions of this program are
// missing; the others are known to the queue, and stay as they are.
func (h *Handler) Schedule(ctx context.Context) error {
	list, err := h.Ledger.InForce(ctx, h.Clock.Now())
	if err != nil {
		return err
	}
	var tasks []queue.Task
	submit := func() error {
		if len(tasks) == 0 {
			return nil
		}
		err := h.Submit(ctx, ledger.Delivery{}, nil, tasks, nil)
		tasks = nil
		return err
	}
	for _, one := range list {
		known, err := h.Ledger.Pull(ctx, one.Repo, one.Decision.Number)
		if errors.Is(err, ledger.ErrUnknownPull) {
			continue // nobody knows by which installation to reach it
		}
		if err != nil {
			return err
		}
		of := queue.Task{Installation: known.Installation, RepoID: known.RepoID, Owner: known.Owner, Repo: known.Repo}
		d, now := one.Decision, h.Clock.Now()
		all := d.Warnings(d.Since)
		for i, t := range warnings(of, d) {
			if w := all[i]; w.At.After(now) || d.Due(w, now) {
				tasks = append(tasks, t)
			}
		}
		if len(tasks) >= scheduledAtOnce {
			if err := submit(); err != nil {
				return err
			}
		}
	}
	return submit()
}

// scheduledAtOnce is about how many tasks one transaction of [Handler.Schedule] writes.
const scheduledAtOnce = 100
