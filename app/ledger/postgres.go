package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"golang.org/x/sys/unix"
)

// Advisory locks of a database (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS).
const (
	writerLock    = 0x5ec0001 // held by the one write transaction
	migrationLock = 0x5ec0002 // held while a process migrates
)

const (
	// pgConns is how many connections a ledger has at most, besides the one that waits for notifications. The
	// parameter pool_max_conns of the URL changes it.
	pgConns    = 10
	pgConnsMin = 4

	// writerPatience is how long a write transaction waits for the others, like SQLite's busy_timeout. idlePatience is
	// how long the server waits for a process that holds the lock and has stopped; then it ends its transaction.
	writerPatience = 10 * time.Second
	idlePatience   = 30 * time.Second

	// silencePatience is how long a connection lasts whose other end answers nothing.
	silencePatience = 20 * time.Second
)

// beginWriter begins a transaction that is the only writer. The locks go before any read, so that the transaction
// sees what all earlier ones have committed. A pooler passes all of it on, since it belongs to the transaction.
var beginWriter = fmt.Sprintf("begin; set local lock_timeout = %d; set local idle_in_transaction_session_timeout = %d; select pg_advisory_xact_lock(%d)",
	writerPatience.Milliseconds(), idlePatience.Milliseconds(), writerLock)

var beginUnordered = fmt.Sprintf("begin; set local lock_timeout = %d; set local idle_in_transaction_session_timeout = %d",
	writerPatience.Milliseconds(), idlePatience.Milliseconds())

// postgresName describes the database of a URL, without user and password. It returns an error if the URL is invalid.
func postgresName(text string) (string, error) {
	config, err := postgresConfig(text)
	if err != nil {
		return "", err
	}
	c := config.ConnConfig
	hosts := []string{hostOf(c.Host, c.Port)}
	for _, f := range c.Fallbacks { // one host has several for its TLS modes and addresses
		if h := hostOf(f.Host, f.Port); h != hosts[len(hosts)-1] {
			hosts = append(hosts, h)
		}
	}
	return fmt.Sprintf("the Postgres database %s at %s", c.Database, strings.Join(hosts, ",")), nil
}

func hostOf(host string, port uint16) string {
	if strings.HasPrefix(host, "/") {
		return host
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// postgresConfig parses a URL. Its errors contain no password.
func postgresConfig(text string) (*pgxpool.Config, error) {
	u, err := url.Parse(text)
	if err != nil { // it may quote parts of a password that is not escaped
		return nil, errors.New("the database URL cannot be read; it looks like postgres://USER:PASSWORD@HOST:PORT/NAME, and " +
			"characters like / # ? @ % in the password are written as %2F %23 %3F %40 %25")
	}
	config, err := pgxpool.ParseConfig(text)
	if err != nil {
		said := err.Error()
		if inner := errors.Unwrap(err); inner != nil {
			said = inner.Error()
		}
		secret, _ := u.User.Password()
		for _, s := range []string{secret, u.Query().Get("password"), u.Query().Get("sslpassword")} {
			if s != "" {
				said = strings.ReplaceAll(said, s, "xxxxx")
			}
		}
		return nil, fmt.Errorf("the database URL cannot be used: %s", said)
	}
	c := config.ConnConfig
	if !u.Query().Has("pool_max_conns") {
		config.MaxConns = pgConns
	}
	if config.MaxConns < pgConnsMin {
		return nil, fmt.Errorf("pool_max_conns=%d in the database URL is too low, a replica needs %d connections", config.MaxConns, pgConnsMin)
	}
	config.MaxConnIdleTime = 5 * time.Minute
	config.HealthCheckPeriod = 30 * time.Second
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	// A pooler in transaction mode may give each transaction another connection, so no statement is prepared by name.
	c.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	c.StatementCacheCapacity = 0
	c.DescriptionCacheCapacity = 512
	// Without this, a machine that has vanished is noticed after a quarter of an hour (man 7 tcp).
	c.DialFunc = (&net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silencePatience / 4, Interval: silencePatience / 4, Count: 3},
		Control:         giveUpSilent,
	}).DialContext
	// Of several hosts one accepts writes, and after a failover another one does.
	if strings.Contains(u.Host, ",") && !u.Query().Has("target_session_attrs") {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "secbydesign"
	}
	return config, nil
}

// A postgresEngine is an open Postgres database.
type postgresEngine struct {
	where string // for people
	pool  *pgxpool.Pool
	river *riverpgxv5.Driver
	id    atomic.Value // of the installation, a string; unset before it is known
	views string       // the schema of the stored views, during a rebuild

	write, free, read *sql.DB
}

// dialPostgres makes the pool, and checks that the database answers.
func dialPostgres(ctx context.Context, text, where string) (e *postgresEngine, err error) {
	config, err := postgresConfig(text)
	if err != nil {
		return nil, err
	}
	e = &postgresEngine{where: where}
	config.AfterConnect = e.check
	if e.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	e.river = riverpgxv5.New(e.pool)
	conns := int(config.MaxConns)
	e.write = pgDB(e.pool, beginWriter, 1)
	e.free = pgDB(e.pool, beginUnordered, 0)
	e.read = pgDB(e.pool, "", conns/2)
	if err := e.pool.Ping(ctx); err != nil {
		return nil, errors.Join(e.explain(err), e.close())
	}
	return e, nil
}

func openPostgres(ctx context.Context, text, where string) (_ *Ledger, err error) {
	e, err := dialPostgres(ctx, text, where)
	if err != nil {
		return nil, err
	}
	l := &Ledger{engine: e, write: e.write}
	l.read, l.snapshot = e.read, snapshotOfPostgres
	defer func() {
		if err != nil {
			err = errors.Join(e.explain(err), l.Close())
		}
	}()
	if l.schema, err = e.migrate(ctx); err != nil {
		return nil, err
	}
	if err := e.identify(ctx, l); err != nil {
		return nil, err
	}
	if err := l.bringUp(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// Each statement of a read committed transaction would see another state.
var snapshotOfPostgres = &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}

func readPostgres(ctx context.Context, text, where string) (_ *Reader, err error) {
	e, err := dialPostgres(ctx, text, where)
	if err != nil {
		return nil, err
	}
	r := &Reader{read: e.read, snapshot: snapshotOfPostgres, closing: e.close}
	defer func() {
		if err != nil {
			err = errors.Join(e.explain(err), r.Close())
		}
	}()
	err = r.read.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&r.schema)
	var said *pgconn.PgError
	switch {
	case errors.As(err, &said) && said.Code == "42P01": // undefined_table
		return nil, fmt.Errorf("%w: %w", ErrNoLedger, err)
	case err != nil:
		return nil, err
	}
	know, err := newestMigration(postgresMigrations)
	if err != nil {
		return nil, err
	}
	if r.schema > know {
		return nil, fmt.Errorf("%w: its schema has version %d, this program knows %d", ErrNewerSchema, r.schema, know)
	}
	return r, nil
}

// migrate brings the schemas up to date, one process at a time. The lock belongs to a transaction, since behind a pooler
// no session is one's own.
func (e *postgresEngine) migrate(ctx context.Context) (version int64, err error) {
	tx, err := e.pool.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // it holds nothing but the lock
	if _, err := tx.Exec(ctx, fmt.Sprintf("select pg_advisory_xact_lock(%d)", migrationLock)); err != nil {
		return 0, err
	}
	return migrate(ctx, e.free, goose.DialectPostgres, postgresMigrations, e.driver())
}

// identify gives the installation an id if it has none.
func (e *postgresEngine) identify(ctx context.Context, l *Ledger) error {
	var id string
	err := l.Tx(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO installation (id, sequence) SELECT $1, 0 WHERE NOT EXISTS (SELECT 1 FROM installation)`, rand.Text()); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `UPDATE installation SET sequence = sequence + 1 RETURNING id`).Scan(&id)
	})
	if err != nil {
		return fmt.Errorf("note which installation this is: %w", err)
	}
	e.id.Store(id)
	return nil
}

// check is called for each new connection. It refuses the database of another installation.
func (e *postgresEngine) check(ctx context.Context, conn *pgx.Conn) error {
	want, known := e.id.Load().(string)
	if !known {
		return nil
	}
	var id string
	err := conn.QueryRow(ctx, `SELECT id FROM installation`).Scan(&id)
	var said *pgconn.PgError
	switch {
	case errors.Is(err, pgx.ErrNoRows), errors.As(err, &said) && said.Code == "42P01":
		return fmt.Errorf("%w: %w: %s was emptied while the program runs. Stop the program, restore the backup, and start it again", ErrUnavailable, ErrNotTheSame, e.where)
	case err != nil:
		return err
	case id != want:
		return fmt.Errorf("%w: %w: %s was replaced by the database of another installation while the program runs. Stop the program, restore the backup, and start it again",
			ErrUnavailable, ErrNotTheSame, e.where)
	}
	return nil
}

// begin begins a transaction that does not end with ctx: database/sql would roll it back while River uses its
// connection. A statement of ctx still ends with it.
func (e *postgresEngine) begin(ctx context.Context) (*sql.Tx, error) {
	return beginPostgres(ctx, e.write)
}

func (e *postgresEngine) beginUnordered(ctx context.Context) (*sql.Tx, error) {
	return beginPostgres(ctx, e.free)
}

func beginPostgres(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	return db.BeginTx(context.WithValue(context.WithoutCancel(ctx), waitKey{}, ctx), nil)
}

func (e *postgresEngine) usable() error                                   { return nil }
func (e *postgresEngine) advance(context.Context, *sql.Tx) (*step, error) { return nil, nil }
func (e *postgresEngine) committed(*step)                                 {}
func (e *postgresEngine) alone() (time.Time, bool)                        { return time.Time{}, false }
func (e *postgresEngine) driver() riverdriver.Driver[*sql.Tx] {
	return pgDriver{e.river}
}
func (e *postgresEngine) readDriver() riverdriver.Driver[*sql.Tx] { return e.driver() }

func (e *postgresEngine) close() error {
	err := errors.Join(e.write.Close(), e.free.Close(), e.read.Close())
	e.pool.Close()
	return err
}

func (e *postgresEngine) probe(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `UPDATE installation SET sequence = sequence + 1`); err != nil {
		return fmt.Errorf("try to write: %w", err)
	}
	return nil
}

func (e *postgresEngine) announce(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, announceQuery)
	return err
}

// giveUpSilent makes the kernel end a connection on which nothing was acknowledged for a while
// (https://man7.org/linux/man-pages/man7/tcp.7.html, TCP_USER_TIMEOUT).
func giveUpSilent(network, _ string, c syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return nil
	}
	var inner error
	err := c.Control(func(fd uintptr) {
		inner = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(silencePatience.Milliseconds()))
	})
	return errors.Join(err, inner)
}
