package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// A plain submission is a delivery with one request and nothing else, as nearly all deliveries are. Those that wait
// at the same time are recorded together, by four statements instead of eight for each.
type plain struct {
	delivery ledger.Delivery
	request  Request
	trace    string // the span that asks for it, in the form of [tracing.Parent]; empty for none
}

// job returns the identity of the job that a plain submission asks for.
func (p plain) job() job { return job{RepoID: p.request.RepoID, Number: p.request.Number} }

func isPlain(list []ledger.Delivery, reqs []Request, tasks []Task, events []ledger.Event) bool {
	if len(list) != 1 || len(reqs) != 1 || len(tasks)+len(events) > 0 {
		return false
	}
	d, r := list[0], reqs[0]
	return d.GUID != "" && r.RepoID != 0 && d.RepoID == r.RepoID && d.Owner == r.Owner && d.Repo == r.Repo
}

// submitPlain is a [ledger.Batch] of plain submissions. It does those before the first whose repository is not recorded
// under the same name; of those with the same GUID or pull request, it does the first.
func (q *Queue) submitPlain(ctx context.Context, tx *sql.Tx, items []any) ([]error, error) {
	list := make([]plain, len(items))
	results := make([]error, len(items))
	for i, item := range items {
		list[i] = item.(plain)
	}
	if err := q.leaveOthers(ctx, tx, list, results); err != nil {
		return nil, err
	}
	var deliveries []ledger.Delivery
	for i, p := range list {
		if results[i] == nil {
			deliveries = append(deliveries, p.delivery)
		}
	}
	if len(deliveries) == 0 {
		return results, nil
	}
	fresh, err := q.ledger.AcceptMany(ctx, tx, deliveries)
	if err != nil {
		return nil, err
	}
	var accepted []plain
	for i, p := range list {
		switch {
		case results[i] != nil:
		case !fresh[p.delivery.GUID]:
			results[i] = fmt.Errorf("record delivery %s: %w", p.delivery.GUID, ledger.ErrDuplicate)
		default:
			accepted = append(accepted, p)
		}
	}
	if len(accepted) == 0 {
		return results, nil
	}
	if err := q.enqueueMany(ctx, tx, accepted); err != nil {
		return nil, err
	}
	return results, q.ledger.Announce(ctx, tx)
}

// leaveOthers sets the results of the submissions that submitPlain does not do to [ledger.ErrAlone].
func (q *Queue) leaveOthers(ctx context.Context, tx *sql.Tx, list []plain, results []error) error {
	var repos []ledger.Repo
	seen := map[ledger.Repo]bool{}
	for _, p := range list {
		if repo := p.request.repo(); !seen[repo] {
			seen[repo] = true
			repos = append(repos, repo)
		}
	}
	named, err := q.ledger.NamedTx(ctx, tx, repos)
	if err != nil {
		return err
	}
	renames := false
	guids, jobs := map[string]bool{}, map[job]bool{}
	for i, p := range list {
		// What follows must not overtake: a repository that gets a name may take that of another one.
		renames = renames || !named[p.request.repo()]
		if renames || guids[p.delivery.GUID] || jobs[p.job()] {
			results[i] = ledger.ErrAlone
		}
		guids[p.delivery.GUID], jobs[p.job()] = true, true
	}
	return nil
}

// enqueueMany is enqueue for requests about different pull requests.
func (q *Queue) enqueueMany(ctx context.Context, tx *sql.Tx, list []plain) error {
	pulls := make([]ledger.Pull, len(list))
	params := make([]river.InsertManyParams, len(list))
	for i, p := range list {
		pulls[i] = p.request.pull()
		params[i] = river.InsertManyParams{Args: p.job(), InsertOpts: insertion(p.request, p.request.repo(), p.trace)}
	}
	if err := q.ledger.RecordWebhooks(ctx, tx, pulls); err != nil {
		return err
	}
	inserted, err := q.client.InsertManyTx(ctx, tx, params)
	if err == nil && len(inserted) != len(list) {
		err = errors.New("the queue returned another number of jobs")
	}
	if err != nil {
		return fmt.Errorf("insert jobs: %w", err)
	}
	for i, res := range inserted {
		if err := q.hasten(ctx, tx, res, list[i].request.Size, list[i].trace); err != nil {
			return err
		}
	}
	return nil
}

// insertion returns how the job for a request is inserted, whose repository is repo now.
func insertion(r Request, repo ledger.Repo, trace string) *river.InsertOpts {
	return &river.InsertOpts{Queue: r.Size.lane(), Metadata: traced(trace, ledger.Share(r.Installation, repo, time.Time{}, 0))}
}

func (r Request) repo() ledger.Repo { return ledger.Repo{ID: r.RepoID, Owner: r.Owner, Name: r.Repo} }

// pull is what a request says of its pull request.
func (r Request) pull() ledger.Pull {
	return ledger.Pull{
		Installation: r.Installation, RepoID: r.RepoID, Owner: r.Owner, Repo: r.Repo, Number: r.Number,
		Head: r.HeadSHA, Base: r.BaseSHA, Reason: r.Reason, Closed: r.Closed, Force: r.Force,
	}
}

// hasten lets the job that exists already, if one does, review the new state soon. If it waits after a failure, it is
// tried again now, because the new state may not fail. A "scheduled" job was postponed for a reason, so its time stays,
// unless the clock was set back since.
func (q *Queue) hasten(ctx context.Context, tx *sql.Tx, res *rivertype.JobInsertResult, size Size, trace string) error {
	if !res.UniqueSkippedAsDuplicate {
		return nil
	}
	if err := q.retrace(ctx, tx, res.Job, trace); err != nil {
		return err
	}
	if err := q.changeLane(ctx, tx, res.Job, size); err != nil {
		return err
	}
	if now := q.clocks().wall; res.Job.ScheduledAt.Sub(now) > slack && res.Job.State != rivertype.JobStateRetryable {
		list, err := q.ledger.Delayed(ctx, tx, now.Add(slack), res.Job.ID-1, 1)
		if err == nil && len(list) == 1 && list[0].ID == res.Job.ID {
			_, err = q.bringBackOne(ctx, tx, list[0], now)
		}
		if err != nil {
			return err
		}
	}
	if res.Job.State == rivertype.JobStateRetryable {
		if _, err := q.client.JobRetryTx(ctx, tx, res.Job.ID); err != nil {
			return fmt.Errorf("retry job: %w", err)
		}
	}
	return nil
}
