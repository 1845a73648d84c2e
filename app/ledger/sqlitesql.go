package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

func (e *sqliteEngine) sql() *dialect { return &sqliteDialect }

var sqliteDialect = dialect{
	now:    `datetime('now', 'subsec')`,
	time:   func(millis string) string { return `datetime(` + millis + ` / 1000.0, 'unixepoch', 'subsec')` },
	millis: func(column string) string { return `cast(unixepoch(` + column + `, 'subsec') * 1000 AS INTEGER)` },
	text:   func(key string) string { return `metadata ->> '$.` + key + `'` },
	number: func(key string) string { return `metadata ->> '$.` + key + `'` },
	metadata: func(keys ...string) string {
		set := `jsonb_set(metadata`
		for i, key := range keys {
			set += fmt.Sprintf(`, '$.%s', $%d`, key, i+2)
		}
		return set + `)`
	},
	rows: func(columns ...column) string {
		var list []string
		for _, c := range columns {
			list = append(list, fmt.Sprintf(`CAST(value ->> '$.%s' AS %s) AS "%[1]s"`, c.name, c.kind))
		}
		return `(SELECT ` + strings.Join(list, ", ") + ` FROM json_each($1)) AS each`
	},
	waited: `(julianday('now', 'subsec') - julianday(min(scheduled_at))) * 86400.0`,
}

// shadow creates temporary tables, with their indexes, of the names of the views. Until the connection is closed, its
// statements use them in place of the stored views (https://www.sqlite.org/lang_naming.html). No other connection
// sees them.
func (e *sqliteEngine) shadow(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `
		SELECT sql FROM main.sqlite_schema WHERE (tbl_name = 'views' OR tbl_name GLOB 'view_*') AND sql IS NOT NULL
		ORDER BY type = 'table' DESC`)
	if err != nil {
		return err
	}
	defer rows.Close()
	var statements []string
	for rows.Next() {
		var statement string
		if err := rows.Scan(&statement); err != nil {
			return err
		}
		statements = append(statements, statement)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	temporary := strings.NewReplacer("CREATE TABLE ", "CREATE TEMP TABLE ", "CREATE INDEX ", "CREATE INDEX temp.")
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, temporary.Replace(statement)); err != nil {
			return err
		}
	}
	return nil
}

func (e *sqliteEngine) shadowed(context.Context, *sql.Tx) error { return nil }

func (e *sqliteEngine) names(table string) (stored, shadow string) {
	return "main." + table, "temp." + table
}

// drop does nothing: the temporary tables end with the connection.
func (e *sqliteEngine) drop(context.Context, *sql.Tx) error { return nil }

// changes watches the database by its data version, which each commit changes.
func (e *sqliteEngine) changes(ctx context.Context) (watch, error) {
	conn, err := e.read.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &dataVersion{conn: conn}
	// https://www.sqlite.org/pragma.html#pragma_data_version
	if c.version, err = conn.PrepareContext(ctx, `PRAGMA data_version`); err == nil {
		_, err = c.any(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

type dataVersion struct {
	conn    *sql.Conn
	version *sql.Stmt
	last    int64
}

func (c *dataVersion) any(ctx context.Context) (bool, error) {
	var version int64
	if err := c.version.QueryRowContext(ctx).Scan(&version); err != nil {
		return false, err
	}
	changed := version != c.last
	c.last = version
	return changed, nil
}

func (c *dataVersion) early() <-chan struct{} { return nil }

func (c *dataVersion) close() error {
	_ = c.version.Close()
	return c.conn.Close()
}
