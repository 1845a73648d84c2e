package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// A moveTarget is a Postgres database with an open write transaction.
type moveTarget struct {
	*postgresEngine
	tx *sql.Tx
}

// openMoveTarget brings the schema of the database at url up to date, without giving it an installation, and begins the
// transaction. Servers can begin no other one meanwhile.
func openMoveTarget(ctx context.Context, url string) (_ *moveTarget, err error) {
	where, err := Where(url)
	if err != nil {
		return nil, err
	}
	if !isPostgres(url) {
		return nil, errors.New("data are moved to Postgres only: name the target as postgres://USER:PASSWORD@HOST:PORT/NAME")
	}
	e, err := dialPostgres(ctx, url, where)
	if err != nil {
		return nil, err
	}
	t := &moveTarget{postgresEngine: e}
	defer func() {
		if err != nil {
			err = errors.Join(e.explain(err), t.close())
		}
	}()
	if err := t.ours(ctx); err != nil {
		return nil, err
	}
	if _, err := e.migrate(ctx); err != nil {
		return nil, err
	}
	if t.tx, err = e.begin(ctx); err != nil {
		return nil, err
	}
	// It is idle while the source is read.
	_, err = t.tx.ExecContext(ctx, `SELECT set_config('idle_in_transaction_session_timeout', '0', true), set_config('statement_timeout', '0', true)`)
	return t, err
}

// ours returns an error if the database belongs to another program.
func (t *moveTarget) ours(ctx context.Context) error {
	var table string
	err := t.read.QueryRowContext(ctx, `
		SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'
			AND to_regclass('goose_db_version') IS NULL ORDER BY table_name LIMIT 1`).Scan(&table)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("%w: %s has a table %s of another program. Nothing was moved: create an empty database, and name it in its place", ErrNotEmpty, t.where, table)
	}
	return err
}

// tables returns the columns of each table of the schema.
func (t *moveTarget) tables(ctx context.Context) (map[string][]moveColumn, error) {
	rows, err := t.tx.QueryContext(ctx, `
		SELECT c.table_name, c.column_name, c.udt_name FROM information_schema.columns c
		JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
		WHERE c.table_schema = current_schema() ORDER BY c.table_name, c.ordinal_position`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := map[string][]moveColumn{}
	for rows.Next() {
		var table string
		var c moveColumn
		if err := rows.Scan(&table, &c.name, &c.kind); err != nil {
			return nil, err
		}
		list[table] = append(list[table], c)
	}
	return list, rows.Err()
}

func (t *moveTarget) any(ctx context.Context, table string) (some bool, err error) {
	err = t.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+quoted(table)+`)`).Scan(&some)
	return some, err
}

func (t *moveTarget) empty(ctx context.Context, table string) error {
	_, err := t.tx.ExecContext(ctx, `DELETE FROM `+quoted(table))
	return err
}

// take writes rows into a table.
func (t *moveTarget) take(ctx context.Context, table string, columns []moveColumn, rows *sql.Rows) error {
	list := ""
	for i, c := range columns {
		if i > 0 {
			list += ", "
		}
		list += quoted(c.name)
	}
	// The server reads the text of each value as its type.
	_, err := borrow(t.tx).Conn().PgConn().CopyFrom(ctx, &copyText{rows: rows, columns: columns}, `COPY `+quoted(table)+` (`+list+`) FROM STDIN`)
	return errors.Join(err, rows.Err())
}

// continueFrom makes the numbers that a column gives to new rows begin after those in it, and after highest.
func (t *moveTarget) continueFrom(ctx context.Context, table, column string, highest int64) error {
	var sequence sql.NullString
	if err := t.tx.QueryRowContext(ctx, `SELECT pg_get_serial_sequence($1, $2)`, quoted(table), column).Scan(&sequence); err != nil || !sequence.Valid {
		return err
	}
	_, err := t.tx.ExecContext(ctx, fmt.Sprintf(`SELECT setval($1::text::regclass, top) FROM (SELECT greatest(max(%s), $2::bigint) AS top FROM %s) t WHERE top > 0`,
		quoted(column), quoted(table)), sequence.String, highest)
	return err
}

func (t *moveTarget) commit() error { return t.tx.Commit() }

func (t *moveTarget) close() (err error) {
	if t.tx != nil {
		if err = t.tx.Rollback(); errors.Is(err, sql.ErrTxDone) {
			err = nil
		}
	}
	return errors.Join(err, t.postgresEngine.close())
}
