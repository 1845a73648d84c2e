package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
)

// Queries that a [pgConn] answers itself, without asking the server.
const (
	connectionQuery = "secbydesign: which connection is this"
	announceQuery   = "secbydesign: announce the commit"
)

// commitPatience is how long a commit may take. Nothing else would end it when the server's machine is gone.
const commitPatience = 30 * time.Second

// pgDB is database/sql on a pool of pgx. begin is the statement that begins a transaction without options; if it is
// empty, the result is for reading only.
func pgDB(pool *pgxpool.Pool, begin string, conns int) *sql.DB {
	db := sql.OpenDB(pgConnector{stdlib.GetPoolConnector(pool), begin})
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(0) // the pool keeps them
	return db
}

type pgConnector struct {
	driver.Connector
	begin string
}

// waitKey is the key of the context that ends the wait for a connection and for the begin of a transaction. The
// context of the transaction itself does not end.
type waitKey struct{}

func waiting(ctx context.Context) context.Context {
	if wait, ok := ctx.Value(waitKey{}).(context.Context); ok {
		return wait
	}
	return ctx
}

func (c pgConnector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.Connector.Connect(waiting(ctx))
	if err != nil {
		return nil, err
	}
	plain, ok := opened.(*stdlib.Conn)
	if !ok {
		return nil, fmt.Errorf("a connection of %T is not as expected", opened)
	}
	return &pgConn{Conn: plain, begin: c.begin}, nil
}

// A pgConn is a connection with texts that Postgres accepts. Like every connection of database/sql it is used by one
// goroutine at a time.
type pgConn struct {
	*stdlib.Conn
	begin    string
	announce bool // at the next commit
}

// ExecContext implements [driver.ExecerContext].
func (c *pgConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	switch query {
	case connectionQuery:
		*args[0].Value.(**pgx.Conn) = c.Conn.Conn()
		return driver.RowsAffected(0), nil
	case announceQuery:
		c.announce = true
		return driver.RowsAffected(0), nil
	}
	if c.begin == "" {
		// A session of one's own would be set to read-only, but behind a pooler no session is one's own.
		return nil, errors.New("this is a connection for reading")
	}
	return c.Conn.ExecContext(ctx, query, storable(args))
}

// QueryContext implements [driver.QueryerContext].
func (c *pgConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.QueryContext(ctx, query, storable(args))
}

// BeginTx implements [driver.ConnBeginTx]. The driver's own commit takes as long as it takes.
func (c *pgConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	c.announce = false
	if opts != (driver.TxOptions{}) || c.begin == "" {
		return c.Conn.BeginTx(ctx, opts)
	}
	if c.Conn.Conn().IsClosed() {
		return nil, driver.ErrBadConn
	}
	// Several statements in one message, and so one round trip. The server ends at the first that fails.
	_, err := c.Conn.Conn().Exec(waiting(ctx), c.begin)
	tx := &pgTx{c}
	if err != nil {
		if c.Conn.Conn().PgConn().TxStatus() != 'I' {
			_ = tx.Rollback()
		}
		if pgconn.SafeToRetry(err) {
			return nil, driver.ErrBadConn
		}
		return nil, err
	}
	return tx, nil
}

// A pgTx is a transaction begun by [pgConn.BeginTx].
type pgTx struct{ on *pgConn }

// Commit implements [driver.Tx].
func (t *pgTx) Commit() error {
	ctx, cancel := context.WithTimeout(context.Background(), commitPatience)
	defer cancel()
	conn, end := t.on.Conn.Conn(), "commit"
	switch {
	case conn.IsClosed():
		return driver.ErrBadConn
	case conn.PgConn().TxStatus() != 'T': // a statement failed or has ended it; the server would not mind
		return errors.Join(pgx.ErrTxCommitRollback, t.Rollback())
	}
	if t.on.announce {
		end = "notify " + workChannel + "; commit"
	}
	tag, err := conn.Exec(ctx, end)
	switch {
	case err != nil:
		return errors.Join(err, t.Rollback())
	case tag.String() == "ROLLBACK":
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// Rollback implements [driver.Tx].
func (t *pgTx) Rollback() error {
	conn := t.on.Conn.Conn()
	if conn.IsClosed() || conn.PgConn().TxStatus() == 'I' {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitPatience)
	defer cancel()
	_, err := conn.Exec(ctx, "rollback")
	if err != nil {
		_ = conn.Close(ctx) // the server rolls back
	}
	return err
}

// storable replaces the characters that a text in Postgres cannot hold: NUL, and bytes that are not UTF-8
// (https://www.postgresql.org/docs/current/datatype-character.html).
func storable(args []driver.NamedValue) []driver.NamedValue {
	for i, arg := range args {
		if text, ok := arg.Value.(string); ok {
			args[i].Value = Storable(text)
		}
	}
	return args
}

// Storable returns a text as every database can hold it: NUL and bytes that are not UTF-8 become U+FFFD. Events and
// names are stored like this.
func Storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// pgDriver is River's driver for pgx, for transactions of database/sql.
type pgDriver struct {
	*riverpgxv5.Driver
}

// UnwrapExecutor returns an executor on the connection of tx.
func (d pgDriver) UnwrapExecutor(tx *sql.Tx) riverdriver.ExecutorTx {
	return pgExecutor{d.Driver.UnwrapExecutor(borrow(tx)), tx}
}

// UnwrapTx returns the transaction of an executor of [pgDriver.UnwrapExecutor].
func (d pgDriver) UnwrapTx(exec riverdriver.ExecutorTx) *sql.Tx { return exec.(pgExecutor).tx }

type pgExecutor struct {
	riverdriver.ExecutorTx
	tx *sql.Tx
}

// borrow returns the transaction of database/sql in the form of pgx. It must not be used at the same time as tx, nor
// while rows of tx are open, nor after its end.
func borrow(tx *sql.Tx) pgx.Tx {
	b := &borrowed{}
	_, b.err = tx.Exec(connectionQuery, &b.conn)
	return b
}

// borrowed is a transaction whose begin and end are somebody else's.
type borrowed struct {
	conn *pgx.Conn
	err  error // instead of conn
	deep int   // nested transactions so far
	name string
}

// Begin begins a nested transaction.
func (b *borrowed) Begin(ctx context.Context) (pgx.Tx, error) {
	if b.err != nil {
		return nil, b.err
	}
	name := fmt.Sprintf("river%d", b.deep)
	if _, err := b.conn.Exec(ctx, "SAVEPOINT "+name); err != nil {
		return nil, err
	}
	return &borrowed{conn: b.conn, deep: b.deep + 1, name: name}, nil
}

func (b *borrowed) Commit(ctx context.Context) error { return b.end(ctx, "RELEASE SAVEPOINT ") }

func (b *borrowed) Rollback(ctx context.Context) error { return b.end(ctx, "ROLLBACK TO SAVEPOINT ") }

func (b *borrowed) end(ctx context.Context, how string) error {
	if b.name == "" || b.err != nil {
		return b.err
	}
	name := b.name
	b.name, b.err = "", pgx.ErrTxClosed
	_, err := b.conn.Exec(ctx, how+name)
	return err
}

func (b *borrowed) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if b.err != nil {
		return 0, b.err
	}
	return b.conn.CopyFrom(ctx, table, columns, rows)
}

func (b *borrowed) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if b.err != nil {
		return failed{b.err}
	}
	return b.conn.SendBatch(ctx, batch)
}

func (b *borrowed) Prepare(ctx context.Context, name, query string) (*pgconn.StatementDescription, error) {
	if b.err != nil {
		return nil, b.err
	}
	return b.conn.Prepare(ctx, name, query)
}

func (b *borrowed) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	if b.err != nil {
		return pgconn.CommandTag{}, b.err
	}
	return b.conn.Exec(ctx, query, args...)
}

func (b *borrowed) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	if b.err != nil {
		return nil, b.err
	}
	return b.conn.Query(ctx, query, args...)
}

func (b *borrowed) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	if b.err != nil {
		return failed{b.err}
	}
	return b.conn.QueryRow(ctx, query, args...)
}

func (b *borrowed) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }

// Conn returns nil after an error.
func (b *borrowed) Conn() *pgx.Conn { return b.conn }

// failed is the result of a query that could not be sent.
type failed struct{ err error }

func (f failed) Scan(...any) error                { return f.err }
func (f failed) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, f.err }
func (f failed) Query() (pgx.Rows, error)         { return nil, f.err }
func (f failed) QueryRow() pgx.Row                { return f }
func (f failed) Close() error                     { return f.err }
