package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger"
)

// driver is River's driver for the ledger, with two differences. Package fair chooses the next jobs, where River
// would take the oldest. And waiting workers are woken up, where River's listener polls the database twenty times
// a second.
type driver struct {
	riverDriver
	q *Queue
}

func (d *driver) GetExecutor() riverdriver.Executor {
	return &executor{d.riverDriver.GetExecutor(), d.q}
}

func (d *driver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return &listener{q: d.q}
}

// SupportsListenNotify returns false, so that River stores no notifications.
func (d *driver) SupportsListenNotify() bool { return false }

type executor struct {
	riverdriver.Executor
	q *Queue
}

// Priorities of River's jobs. The chosen jobs get the first one, so that River fetches them.
const (
	chosen  = 1
	waiting = 2
)

// JobGetAvailable begins the chosen jobs. If there are none it does not write.
func (e *executor) JobGetAvailable(ctx context.Context, params *riverdriver.JobGetAvailableParams) (result *riverdriver.JobGetAvailableResult, err error) {
	ids, err := e.q.choose(ctx, params.Queue, params.MaxToLock)
	if err != nil || len(ids) == 0 {
		return &riverdriver.JobGetAvailableResult{}, err
	}
	list := strings.Trim(strings.ReplaceAll(fmt.Sprint(ids), " ", ","), "[]")
	err = e.q.ledger.Tx(ctx, func(tx *sql.Tx) error {
		for _, change := range []string{
			fmt.Sprintf(`UPDATE river_job SET priority = %d WHERE queue = $1 AND state = 'available' AND priority = %d AND id NOT IN (%s)`, waiting, chosen, list),
			fmt.Sprintf(`UPDATE river_job SET priority = %d WHERE queue = $1 AND state = 'available' AND id IN (%s)`, chosen, list),
		} {
			if _, err := tx.ExecContext(ctx, change, params.Queue); err != nil {
				return fmt.Errorf("choose jobs: %w", err)
			}
		}
		few := *params
		few.MaxToLock = len(ids)
		result, err = e.q.ledger.Driver().UnwrapExecutor(tx).JobGetAvailable(ctx, &few)
		return err
	})
	if err != nil {
		return nil, err
	}
	return result, nil
}

// JobSetStateIfRunningMany records how jobs ended. The text of an error may quote the content of a pull request, and
// Postgres refuses NUL in it; the job would stay running.
func (e *executor) JobSetStateIfRunningMany(ctx context.Context, params *riverdriver.JobSetStateIfRunningManyParams) ([]*rivertype.JobRow, error) {
	for i, data := range params.ErrData {
		var attempt rivertype.AttemptError
		if !strangeEscape.Match(data) || json.Unmarshal(data, &attempt) != nil {
			continue
		}
		attempt.Error, attempt.Trace = ledger.Storable(attempt.Error), ledger.Storable(attempt.Trace)
		if clean, err := json.Marshal(attempt); err == nil {
			params.ErrData[i] = clean
		}
	}
	return e.Executor.JobSetStateIfRunningMany(ctx, params)
}

// choose returns the next jobs of a queue, at most n.
func (q *Queue) choose(ctx context.Context, queue string, n int) ([]int64, error) {
	if n <= 0 {
		return nil, nil
	}
	claims, running, err := q.ledger.Waiting(ctx, queue, n)
	if err != nil || len(claims) == 0 {
		return nil, err
	}
	has := map[string]int{}
	for _, claim := range q.mine.unfinished(running) {
		has[claim.Share]++
	}
	// One repository may occupy all but a quarter of the workers, so that others find a free one.
	return q.chooser[queue].Choose(claims, has, n, q.opts.Workers-q.opts.Workers/4), nil
}

// A listener notifies River that there may be jobs: at once when this process has submitted something, and soon
// after any other change of the database. While changes is nil it is not connected.
type listener struct {
	q *Queue

	mu      sync.Mutex
	changes *ledger.Changes
	news    <-chan struct{}
	pending []*riverdriver.Notification
}

// insertTopic is River's name for the notification about new jobs.
const insertTopic = "river_insert"

func (l *listener) Connect(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changes != nil {
		return errors.New("it is connected")
	}
	changes, err := l.q.ledger.Changes(ctx)
	if err == nil {
		l.changes, l.news = changes, l.q.news.next()
	}
	return err
}

func (l *listener) Close(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changes == nil {
		return nil
	}
	err := l.changes.Close()
	l.changes = nil
	return err
}

func (l *listener) Listen(context.Context, string) error   { return nil }
func (l *listener) Unlisten(context.Context, string) error { return nil }
func (l *listener) Schema() string                         { return "" }
func (l *listener) SetAfterConnectExec(string)             {}

func (l *listener) Ping(ctx context.Context) error {
	_, err := l.changed(ctx)
	return err
}

func (l *listener) changed(ctx context.Context) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changes == nil {
		return false, errors.New("it is not connected")
	}
	return l.changes.Any(ctx)
}

func (l *listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	if len(l.pending) == 0 {
		if err := l.wait(ctx); err != nil {
			return nil, err
		}
		for name := range l.q.chooser {
			l.pending = append(l.pending, &riverdriver.Notification{Topic: insertTopic, Payload: fmt.Sprintf(`{"queue":%q}`, name)})
		}
	}
	first := l.pending[0]
	l.pending = l.pending[1:]
	return first, nil
}

// wait waits until something was submitted here, or the database has changed.
func (l *listener) wait(ctx context.Context) error {
	tick := time.NewTicker(l.q.opts.Poll)
	defer tick.Stop()
	l.mu.Lock()
	var early <-chan struct{}
	if l.changes != nil {
		early = l.changes.Early()
	}
	l.mu.Unlock()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.news:
			l.news = l.q.news.next()
			return nil
		case <-early:
			l.q.news.ring() // running reviews may be out of date
			l.news = l.q.news.next()
			return nil
		case <-tick.C:
			if changed, err := l.changed(ctx); err != nil || changed {
				return err
			}
		}
	}
}
