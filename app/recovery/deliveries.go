package recovery

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/webhook"
)

const (
	// scopeDeliveries names the log in [ledger.Ledger.Recovered].
	scopeDeliveries = "deliveries"

	// overlap is how much of the log is read again: an attempt is listed when it has ended, which takes 10 seconds at
	// most on GitHub.com and 30 on an Enterprise Server, and not in the order of its start.
	overlap = 15 * time.Minute

	perPage  = 100
	maxPages = 5000 // half a million deliveries
	restarts = 3    // of the log from its first page, if a cursor is not valid any more

	// batchSize bounds what is read before it is recorded.
	batchSize = 100
)

// errNoLog means that GitHub has no log of deliveries, as older Enterprise Servers.
var errNoLog = errors.New("GitHub has no log of deliveries")

// deliveries reads the log back to the last reading, and does what matters in it. After an error it is read again from
// the same place; what was recorded until then is known. listed is when open pull requests were listed.
func (r *Recoverer) deliveries(ctx context.Context, listed time.Time) error {
	log := zerolog.Ctx(ctx)
	last, err := r.Ledger.Recovered(ctx, scopeDeliveries)
	if err != nil {
		return err
	}
	entries, err := r.readLog(ctx, last)
	if errors.Is(err, errNoLog) {
		log.Warn().Msg("this GitHub has no log of deliveries: only open pull requests are searched for what was lost, not comments and buttons")
		return nil
	}
	if err != nil || len(entries) == 0 {
		return err
	}
	known, err := r.Ledger.KnownDeliveries(ctx, guids(entries))
	if err != nil {
		return err
	}
	b := Sort(entries, known, last.IsZero())
	line := log.Debug()
	if b.Lost > 0 {
		line = log.Info()
	}
	line.Int("deliveries", b.Deliveries).Int("known", b.Known).Int("ignored", b.Ignored).Int("answered", b.Answered).Int("lost", b.Lost).
		Int("pulls", b.Pulls).Int("closed_in", len(b.Merges)).Int("queues", len(b.Groups)).Int("to_read", b.Lost-len(b.Together)).Msg("read the log of deliveries")
	if b.pullSince(listed) {
		// The list does not have it, and once its delivery is recorded, another attempt of that does nothing.
		if _, err := r.pulls(ctx); err != nil {
			return err
		}
	}
	if err := r.collapsed(ctx, b); err != nil {
		return err
	}
	for _, batch := range b.Batches {
		for part := range slices.Chunk(batch.Entries, batchSize) {
			if err := r.batch(ctx, part); err != nil {
				return err
			}
		}
	}
	newest := slices.MaxFunc(entries, func(a, b Entry) int { return a.At.Compare(b.At) })
	return r.Ledger.SetRecovered(ctx, scopeDeliveries, newest.At)
}

func guids(entries []Entry) []string {
	seen := map[string]bool{}
	var list []string
	for _, e := range entries {
		if !seen[e.GUID] && webhook.Used(e.Event, e.Action) {
			list = append(list, e.GUID)
		}
		seen[e.GUID] = true
	}
	return list
}

// readLog reads the log from its newest entry to those that are older than the last reading, less [overlap], or to the
// end: GitHub keeps 3 days, and an Enterprise Server 7. Times are GitHub's own, and ids are not compared.
// https://docs.github.com/en/rest/apps/webhooks#list-deliveries-for-an-app-webhook
func (r *Recoverer) readLog(ctx context.Context, last time.Time) (entries []Entry, err error) {
	opt := github.ListCursorOptions{PerPage: perPage}
	tries := 0
	for range maxPages {
		page, resp, err := r.App.REST().Apps.ListHookDeliveries(ctx, &opt)
		switch code := status(resp); {
		case err != nil && opt.Cursor == "" && code == http.StatusNotFound:
			return nil, errNoLog
		case err != nil && opt.Cursor != "" && code >= 400 && code < 500 && limited(err) == nil && tries < restarts:
			// The entry that the cursor names has left the log. What was read stays valid.
			tries++
			opt.Cursor = ""
			continue
		case err != nil:
			return nil, fmt.Errorf("list deliveries: %w", err)
		}
		older := 0
		for _, d := range page {
			e := entryOf(d)
			if e.GUID == "" || e.At.IsZero() {
				continue
			}
			entries = append(entries, e)
			if e.At.Before(last.Add(-overlap)) {
				older++
			}
		}
		if older > 0 && older == len(page) || len(page) == 0 || resp.Cursor == "" || resp.Cursor == opt.Cursor {
			return entries, nil
		}
		opt.Cursor = resp.Cursor
		if _, _, err := spare(resp); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("list deliveries: the log is longer than %d pages", maxPages)
}

func entryOf(d *github.HookDelivery) Entry {
	code := d.GetStatusCode()
	return Entry{
		ID: d.GetID(), GUID: d.GetGUID(), Event: d.GetEvent(), Action: d.GetAction(), Installation: d.GetInstallationID(), Repo: d.GetRepositoryID(),
		At: d.GetDeliveredAt().UTC(), OK: d.GetStatus() == "OK" || code >= 200 && code < 300,
	}
}

// collapsed asks for what many deliveries need together.
func (r *Recoverer) collapsed(ctx context.Context, b Backlog) error {
	var tasks []queue.Task
	for _, p := range b.Merges {
		// A repository without a name had no pull request that could have been closed.
		repo, err := r.Ledger.Now(ctx, ledger.Repo{ID: p.Repo})
		if err != nil {
			return err
		}
		if repo.Name != "" && p.Repo != 0 {
			tasks = append(tasks, queue.Task{
				Installation: p.Installation, RepoID: p.Repo, Owner: repo.Owner, Repo: repo.Name, Kind: r.Missed, ID: "lost-" + p.Newest.GUID,
			})
		}
	}
	for part := range slices.Chunk(tasks, batchSize) {
		if err := r.Submit(ctx, nil, nil, part, nil); err != nil {
			return fmt.Errorf("ask for merges that were lost: %w", err)
		}
	}
	var events []ledger.Event
	for _, p := range b.Pushes {
		r.App.Forget(p.Installation)
		events = append(events, ledger.Event{Kind: record.Reach, Installation: p.Installation})
	}
	for part := range slices.Chunk(events, batchSize) {
		if err := r.Submit(ctx, nil, nil, nil, part); err != nil {
			return fmt.Errorf("record that policies may have changed: %w", err)
		}
	}
	if err := r.groups(ctx, b.Groups); err != nil {
		return err
	}
	for part := range slices.Chunk(b.Together, batchSize) {
		if err := r.recordTogether(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// recordTogether records deliveries after what they need together was asked for, so that the next run knows them.
func (r *Recoverer) recordTogether(ctx context.Context, entries []Entry) error {
	var all []readDelivery
	for _, e := range entries {
		all = append(all, readDelivery{record: ledger.Delivery{GUID: e.GUID, Event: e.Event, Action: e.Action, Outcome: Collapsed}})
	}
	return r.submitAll(ctx, entries, all)
}

// A readDelivery is a lost delivery whose payload was read.
type readDelivery struct {
	record ledger.Delivery
	want   Wanted
}

// batch reads the payloads of deliveries of one place and submits what they ask for, in one transaction. What was read
// before an error is submitted.
func (r *Recoverer) batch(ctx context.Context, entries []Entry) error {
	var all []readDelivery
	var stop error
	for _, e := range entries {
		one, err := r.read(ctx, e)
		if one.record.GUID != "" {
			all = append(all, one)
		}
		if err != nil {
			stop = err
			break
		}
	}
	return errors.Join(r.submitAll(ctx, entries, all), stop)
}

// submitAll submits deliveries, except those that were delivered again in the meantime.
func (r *Recoverer) submitAll(ctx context.Context, entries []Entry, all []readDelivery) error {
	for range 3 {
		err := r.submit(ctx, all)
		if !errors.Is(err, ledger.ErrDuplicate) {
			return err
		}
		known, err := r.Ledger.KnownDeliveries(ctx, guids(entries))
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(one readDelivery) bool { return known[one.record.GUID] })
	}
	return fmt.Errorf("submit what was lost: %w", ledger.ErrDuplicate)
}

// read reads one delivery, and what it asks for. Without a GUID it is not to be recorded.
func (r *Recoverer) read(ctx context.Context, e Entry) (one readDelivery, err error) {
	d, outcome, err := r.payload(ctx, e)
	if errors.Is(err, errRequested) {
		r.recovered(Redelivered, 1)
		return readDelivery{}, nil
	}
	if outcome == "" {
		return readDelivery{}, err
	}
	one.record = ledger.Delivery{GUID: e.GUID, Event: e.Event, Action: e.Action, Outcome: string(outcome)}
	if outcome != webhook.Accepted {
		return one, err
	}
	one.record.Outcome, one.record.RepoID, one.record.Owner, one.record.Repo = recoveredOutcome, d.RepoID, d.Owner, d.Repo
	var failed error
	if one.want, failed = r.Want(ctx, d); failed != nil {
		return readDelivery{}, failed
	}
	return one, err
}

func (r *Recoverer) submit(ctx context.Context, all []readDelivery) error {
	if len(all) == 0 {
		return nil
	}
	var list []ledger.Delivery
	var w Wanted
	counts := map[string]int{}
	for _, one := range all {
		list = append(list, one.record)
		w.Reviews, w.Tasks, w.Events = append(w.Reviews, one.want.Reviews...), append(w.Tasks, one.want.Tasks...), append(w.Events, one.want.Events...)
		switch one.record.Outcome {
		case recoveredOutcome:
			counts[Read]++
		case Gone, Collapsed:
			counts[one.record.Outcome]++
		default:
			counts[Unneeded]++
		}
	}
	if err := r.Submit(ctx, list, w.Reviews, inOrder(w.Tasks), w.Events); err != nil {
		return fmt.Errorf("submit what was lost: %w", err)
	}
	for outcome, n := range counts {
		r.recovered(outcome, n)
	}
	return nil
}

// recoveredOutcome is recorded with a delivery that was read and accepted.
const recoveredOutcome = "recovered"

// errRequested means that GitHub was asked to deliver again.
var errRequested = errors.New("GitHub delivers it again")

// payload reads a delivery from the log. If GitHub lists it without a payload, it asks GitHub to deliver it again, which
// the next run checks; the error is [errRequested] then. With an outcome and an error the delivery was read, and no more
// may be.
func (r *Recoverer) payload(ctx context.Context, e Entry) (webhook.Delivery, webhook.Outcome, error) {
	apps := r.App.REST().Apps
	full, resp, err := apps.GetHookDelivery(ctx, e.ID)
	if err != nil && status(resp) != http.StatusNotFound {
		return webhook.Delivery{}, "", fmt.Errorf("read delivery %d: %w", e.ID, err)
	}
	_, _, used := spare(resp)
	if err == nil && full.Request != nil && full.Request.RawPayload != nil && len(*full.Request.RawPayload) > len("{}") {
		d, outcome, err := webhook.Read(e.GUID, e.Event, *full.Request.RawPayload)
		if err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Str("delivery", e.GUID).Str("event", e.Event).Msg("a lost delivery lacks a field that its event needs")
		}
		return d, outcome, used
	}
	_, resp, err = apps.RedeliverHookDelivery(ctx, e.ID)
	var accepted *github.AcceptedError // which go-github makes of the status 202
	switch {
	case err == nil, errors.As(err, &accepted):
		return webhook.Delivery{}, "", errRequested
	case status(resp) == http.StatusNotFound, status(resp) == http.StatusUnprocessableEntity:
		zerolog.Ctx(ctx).Warn().Str("delivery", e.GUID).Str("event", e.Event).Time("at", e.At).Msg("GitHub does not have a lost delivery any more")
		return webhook.Delivery{}, Gone, used
	}
	return webhook.Delivery{}, "", fmt.Errorf("ask for delivery %d again: %w", e.ID, err)
}
