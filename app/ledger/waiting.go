package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/secbydesign/secbydesign/app/fair"
)

// Share is what the metadata of a job say of whose it is.
func Share(installation int64, repo Repo) json.RawMessage {
	share := strconv.FormatInt(repo.ID, 10)
	if repo.ID == 0 {
		share = strings.ToLower(repo.Owner + "/" + repo.Name)
	}
	b, err := json.Marshal(map[string]any{"share": share, "installation": installation})
	if err != nil {
		panic(err) // a string and a number always have a form in JSON
	}
	return b
}

// Waiting gives the jobs of a queue that could begin, at most n of each share, in the order in which they
// came, and those that run.
func (l *Ledger) Waiting(ctx context.Context, queue string, n int) (claims, running []fair.Claim, err error) {
	const (
		share        = `coalesce(metadata ->> '$.share', '')`
		installation = `coalesce(metadata ->> '$.installation', '')`
	)
	// Most of the time there are none, and this is asked once a second.
	var any bool
	err = l.read.QueryRowContext(ctx, `
		SELECT EXISTS (SELECT 1 FROM river_job WHERE state = 'available' AND queue = $1 AND scheduled_at <= datetime('now', 'subsec'))`, queue).Scan(&any)
	if err != nil || !any {
		return nil, nil, err
	}
	claims, err = query(ctx, l.read, func(rows *sql.Rows, c *fair.Claim) error { return rows.Scan(&c.ID, &c.Share, &c.Installation) }, `
		SELECT id, share, installation FROM (
			SELECT id, scheduled_at, `+share+` AS share, `+installation+` AS installation,
				row_number() OVER (PARTITION BY `+share+` ORDER BY scheduled_at, id) AS place
			FROM river_job WHERE queue = $1 AND state = 'available' AND scheduled_at <= datetime('now', 'subsec'))
		WHERE place <= $2 ORDER BY scheduled_at, id`, queue, n)
	if err != nil || len(claims) == 0 {
		return nil, nil, err
	}
	running, err = query(ctx, l.read, func(rows *sql.Rows, c *fair.Claim) error { return rows.Scan(&c.ID, &c.Share) },
		`SELECT id, `+share+` FROM river_job WHERE queue = $1 AND state = 'running'`, queue)
	return claims, running, err
}

// Running reports whether there is a job that runs.
func (l *Ledger) Running(ctx context.Context) (any bool, err error) {
	err = l.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM river_job WHERE state = 'running')`).Scan(&any)
	return any, err
}

func query[T any](ctx context.Context, db *sql.DB, scan func(*sql.Rows, *T) error, text string, args ...any) (list []T, err error) {
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

// Changes tells whether the database was changed, by anybody. It is made for asking often.
type Changes struct {
	conn    *sql.Conn
	version *sql.Stmt
	last    int64
}

// Changes begins to watch.
func (l *Ledger) Changes(ctx context.Context) (*Changes, error) {
	conn, err := l.read.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("watch the database: %w", err)
	}
	c := &Changes{conn: conn}
	// https://www.sqlite.org/pragma.html#pragma_data_version
	if c.version, err = conn.PrepareContext(ctx, `PRAGMA data_version`); err == nil {
		_, err = c.Any(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("watch the database: %w", err)
	}
	return c, nil
}

// Any reports whether there was a change since the last call.
func (c *Changes) Any(ctx context.Context) (bool, error) {
	var version int64
	if err := c.version.QueryRowContext(ctx).Scan(&version); err != nil {
		return false, fmt.Errorf("watch the database: %w", err)
	}
	changed := version != c.last
	c.last = version
	return changed, nil
}

// Close ends the watch.
func (c *Changes) Close() error {
	_ = c.version.Close()
	return c.conn.Close()
}
