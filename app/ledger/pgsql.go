package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

func (e *postgresEngine) sql() *dialect { return &postgresDialect }

var postgresDialect = dialect{
	now:    `now()`,
	time:   func(millis string) string { return `to_timestamp(CAST(` + millis + ` AS BIGINT) / 1000.0)` },
	millis: func(column string) string { return `CAST(floor(extract(epoch FROM ` + column + `) * 1000) AS BIGINT)` },
	text:   func(key string) string { return `(metadata ->> '` + key + `')` },
	number: func(key string) string { return `CAST(metadata ->> '` + key + `' AS BIGINT)` },
	metadata: func(keys ...string) string {
		var set []string
		for i, key := range keys {
			set = append(set, fmt.Sprintf(`'%s', CAST($%d AS BIGINT)`, key, i+2))
		}
		return `metadata || jsonb_build_object(` + strings.Join(set, ", ") + `)`
	},
	// The functions that take one member of an object parse the object for each of them; this one parses it once.
	rows: func(columns ...column) string {
		var list []string
		for _, c := range columns {
			list = append(list, fmt.Sprintf(`"%s" %s`, c.name, c.kind))
		}
		return `json_to_recordset(CAST($1 AS JSON)) AS each (` + strings.Join(list, ", ") + `)`
	},
	waited: `CAST(extract(epoch FROM now() - min(scheduled_at)) AS DOUBLE PRECISION)`,
}

// shadowSchema has the copies of the views while they are rebuilt.
const shadowSchema = "secbydesign_rebuild"

// shadow creates the copies in a schema of their own. Temporary tables would belong to a session, and behind a pooler
// no session is one's own.
func (e *postgresEngine) shadow(ctx context.Context, tx *sql.Tx) error {
	if err := e.drop(ctx, tx); err != nil { // of a process that died
		return err
	}
	if err := tx.QueryRowContext(ctx, `SELECT quote_ident(current_schema())`).Scan(&e.views); err != nil {
		return err
	}
	statements := []string{`CREATE SCHEMA ` + shadowSchema}
	for _, table := range append([]string{"views"}, viewTables...) {
		statements = append(statements, `CREATE TABLE `+shadowSchema+`.`+table+` (LIKE `+table+` INCLUDING ALL)`)
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (e *postgresEngine) shadowed(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `SELECT set_config('search_path', '`+shadowSchema+`, ' || current_setting('search_path'), true)`)
	return err
}

func (e *postgresEngine) names(table string) (stored, shadow string) {
	return e.views + "." + table, shadowSchema + "." + table
}

func (e *postgresEngine) drop(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `DROP SCHEMA IF EXISTS `+shadowSchema+` CASCADE`)
	return err
}
