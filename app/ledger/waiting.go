package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/fair"
)

// Share returns the metadata of a job: the repository and the installation it belongs to, and its date if it has
// one. The date is by a clock that is ahead of the machine's by offset.
func Share(installation int64, repo Repo, date time.Time, offset time.Duration) json.RawMessage {
	share := strconv.FormatInt(repo.ID, 10)
	if repo.ID == 0 {
		share = strings.ToLower(repo.Owner + "/" + repo.Name)
	}
	about := map[string]any{"share": share, "installation": installation}
	if !date.IsZero() {
		about["until"] = millis(date)
		if offset != 0 {
			about["offset"] = offset.Milliseconds()
		}
	}
	b, err := json.Marshal(about)
	if err != nil {
		panic(err) // strings and numbers can always be encoded as JSON
	}
	return b
}

// Waiting returns the jobs of a queue that could begin, in order of arrival and at most n of each share, and the
// running jobs.
func (l *Ledger) Waiting(ctx context.Context, queue string, n int) (claims, running []fair.Claim, err error) {
	d := l.engine.sql()
	share, installation := `coalesce(`+d.text("share")+`, '')`, `coalesce(`+d.text("installation")+`, '')`
	available := `queue = $1 AND state = 'available' AND scheduled_at <= ` + d.now
	// This is asked once a second, and most of the time there are no such jobs.
	var any bool
	err = l.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM river_job WHERE `+available+`)`, queue).Scan(&any)
	if err != nil || !any {
		return nil, nil, err
	}
	claims, err = query(ctx, l.read, func(rows *sql.Rows, c *fair.Claim) error { return rows.Scan(&c.ID, &c.Share, &c.Installation) }, `
		SELECT id, share, installation FROM (
			SELECT id, scheduled_at, `+share+` AS share, `+installation+` AS installation,
				row_number() OVER (PARTITION BY `+share+` ORDER BY scheduled_at, id) AS place
			FROM river_job WHERE `+available+`) AS job
		WHERE place <= $2 ORDER BY scheduled_at, id`, queue, n)
	if err != nil || len(claims) == 0 {
		return nil, nil, err
	}
	running, err = query(ctx, l.read, func(rows *sql.Rows, c *fair.Claim) error { return rows.Scan(&c.ID, &c.Share) },
		`SELECT id, `+share+` FROM river_job WHERE queue = $1 AND state = 'running'`, queue)
	return claims, running, err
}

// A Backlog is what the queue has to do.
type Backlog struct {
	Jobs   []JobCount
	Oldest time.Duration // for how long the job that waits longest could have begun; 0 if none waits
}

// A JobCount is the number of jobs of one queue in one state: waiting, running, delayed.
type JobCount struct {
	Queue, State string
	Count        int
}

// Backlog counts the jobs that are not done.
func (l *Ledger) Backlog(ctx context.Context) (Backlog, error) {
	var b Backlog
	d := l.engine.sql()
	jobs, err := query(ctx, l.read, func(rows *sql.Rows, c *JobCount) error { return rows.Scan(&c.Queue, &c.State, &c.Count) }, `
		SELECT queue, CASE WHEN state = 'running' THEN 'running' WHEN state = 'available' AND scheduled_at <= `+d.now+` THEN 'waiting' ELSE 'delayed' END AS what, count(*)
		FROM river_job WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled') GROUP BY queue, what ORDER BY queue, what`)
	if err != nil {
		return b, err
	}
	b.Jobs = jobs
	var oldest sql.NullFloat64
	err = l.read.QueryRowContext(ctx, `
		SELECT `+d.waited+` FROM river_job WHERE state = 'available' AND scheduled_at <= `+d.now).Scan(&oldest)
	if err != nil {
		return b, fmt.Errorf("find the oldest job: %w", err)
	}
	b.Oldest = time.Duration(max(oldest.Float64, 0) * float64(time.Second))
	return b, nil
}

// A Delayed job is one whose time lies in the future.
type Delayed struct {
	ID        int64
	Task      bool // true for a task, false for a review
	Attempt   int
	Scheduled bool // it waits for its scheduled time, and not after a failure
	At        time.Time
	Attempted time.Time // start of the last attempt

	// Since and Until record a postponement: when it was decided, and to which time. A task with a date, which is
	// by the clock of the program and not the machine's, has no Since.
	Since, Until time.Time
}

// Delayed lists, as part of tx, the jobs scheduled after the time later, at most n of them, with an id above
// after.
func (l *Ledger) Delayed(ctx context.Context, tx *sql.Tx, later time.Time, after int64, n int) ([]Delayed, error) {
	is := l.engine.sql()
	return query(ctx, tx, func(rows *sql.Rows, d *Delayed) error {
		var at, attempted, since, until int64
		err := rows.Scan(&d.ID, &d.Task, &d.Attempt, &d.Scheduled, &at, &attempted, &since, &until)
		for to, ms := range map[*time.Time]int64{&d.At: at, &d.Attempted: attempted, &d.Since: since, &d.Until: until} {
			if ms != 0 {
				*to = time.UnixMilli(ms)
			}
		}
		return err
	}, `
		SELECT id, kind <> 'review', attempt, state = 'scheduled', `+is.millis("scheduled_at")+`,
			coalesce(`+is.millis("attempted_at")+`, 0), coalesce(`+is.number("since")+`, 0), coalesce(`+is.number("until")+`, 0)
		FROM river_job WHERE state IN ('available', 'retryable', 'scheduled') AND id > $1
			AND scheduled_at > `+is.time("$2")+` ORDER BY id LIMIT $3`, after, millis(later), n)
}

// Misdated lists, as part of tx, the tasks that wait for their date and were scheduled by a clock with another offset than
// this one: at most n of them, with an id above after. Their date is Until.
func (l *Ledger) Misdated(ctx context.Context, tx *sql.Tx, offset time.Duration, after int64, n int) ([]Delayed, error) {
	is := l.engine.sql()
	return query(ctx, tx, func(rows *sql.Rows, d *Delayed) error {
		var until int64
		err := rows.Scan(&d.ID, &until)
		d.Task, d.Scheduled, d.Until = true, true, time.UnixMilli(until)
		return err
	}, `
		SELECT id, `+is.number("until")+` FROM river_job
		WHERE state = 'scheduled' AND id > $1 AND kind <> 'review' AND `+is.text("until")+` IS NOT NULL AND `+is.text("since")+` IS NULL
			AND coalesce(`+is.number("offset")+`, 0) <> $2 ORDER BY id LIMIT $3`, after, offset.Milliseconds(), n)
}

// Redate changes the time of a waiting job as [Ledger.Reschedule] does, and records the offset of the clock by which it
// has its date.
func (l *Ledger) Redate(ctx context.Context, tx *sql.Tx, job int64, at time.Time, now bool, offset time.Duration) error {
	_, err := tx.ExecContext(ctx, `UPDATE river_job SET metadata = `+l.engine.sql().metadata("offset")+` WHERE id = $1`, job, offset.Milliseconds())
	if err != nil {
		return fmt.Errorf("reschedule job: %w", err)
	}
	return l.Reschedule(ctx, tx, job, at, now)
}

// Postponed records, as part of tx, that at the time since a job was postponed until the time until.
func (l *Ledger) Postponed(ctx context.Context, tx *sql.Tx, job int64, since, until time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE river_job SET metadata = `+l.engine.sql().metadata("since", "until")+` WHERE id = $1`,
		job, millis(since), millis(until))
	if err != nil {
		return fmt.Errorf("postpone job: %w", err)
	}
	return nil
}

// Reschedule changes the time of a waiting job, as part of tx. With now, the job may begin at once.
func (l *Ledger) Reschedule(ctx context.Context, tx *sql.Tx, job int64, at time.Time, now bool) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE river_job SET scheduled_at = `+l.engine.sql().time("$2")+`, state = CASE WHEN $3 THEN 'available' ELSE state END
		WHERE id = $1 AND state IN ('available', 'retryable', 'scheduled')`, job, millis(at), now)
	if err != nil {
		return fmt.Errorf("reschedule job: %w", err)
	}
	return nil
}

// DropLeader ends, as part of tx, the term of the leader of River's processes if it would last longer than soon.
// Without a leader no scheduled job would begin.
func (l *Ledger) DropLeader(ctx context.Context, tx *sql.Tx, soon time.Time) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM river_leader WHERE expires_at > `+l.engine.sql().time("$1"), millis(soon))
	if err != nil {
		return fmt.Errorf("end the term of the leader: %w", err)
	}
	return nil
}

// Running reports whether any job is running.
func (l *Ledger) Running(ctx context.Context) (any bool, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM river_job WHERE state = 'running')`).Scan(&any)
	return any, err
}

func query[T any](ctx context.Context, db interface {
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}, scan func(*sql.Rows, *T) error, text string, args ...any) (list []T, err error) {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("list waiting jobs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := scan(rows, &v); err != nil {
			return nil, fmt.Errorf("list waiting jobs: %w", err)
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// A watch is the part of [Changes] that depends on the database.
type watch interface {
	any(ctx context.Context) (bool, error)
	early() <-chan struct{} // nil if changes are not announced
	close() error
}

// Changes detects changes to the database by any process.
type Changes struct{ watch watch }

// Changes begins to watch. The caller closes the result before the ledger.
func (l *Ledger) Changes(ctx context.Context) (*Changes, error) {
	w, err := l.engine.changes(ctx)
	if err != nil {
		return nil, fmt.Errorf("watch the database: %w", err)
	}
	return &Changes{w}, nil
}

// Any reports whether there was a change since the last call, or one that is worth to search for work. It is cheap
// enough to call often.
func (c *Changes) Any(ctx context.Context) (bool, error) {
	changed, err := c.watch.any(ctx)
	if err != nil {
		return false, fmt.Errorf("watch the database: %w", err)
	}
	return changed, nil
}

// Early returns a channel that receives soon after a commit of [Ledger.Announce], in any process. It is nil, and so
// never receives, on a database that announces nothing.
func (c *Changes) Early() <-chan struct{} { return c.watch.early() }

// Close ends the watch.
func (c *Changes) Close() error { return c.watch.close() }
