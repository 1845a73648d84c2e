// Package ledger stores what must not be lost: the accepted deliveries, the last known state of each pull
// request, the append-only events, and the last valid policies. It is database/sql on one SQLite file, or on Postgres.
//
// ledger.go opens the database; engine.go says what differs between the two, the files sqlite….go and pg….go have it;
// events.go, pulls.go and leases.go are the tables. All other SQL runs on both: numbered parameters, times as integers,
// row counts instead of locks. On both there is one write transaction at a time, so that each sees all earlier ones
// and the ids of events are in the order of their commits.
//
// Several processes on one host may share the file, but never over a network file system:
// https://www.sqlite.org/wal.html says why. Processes of any number of hosts may share a Postgres database.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river/riverdriver"

	"github.com/secbydesign/secbydesign/app/clock"
)

var (
	// ErrDuplicate is returned for a delivery, or an event that happens once, that was recorded before.
	ErrDuplicate = errors.New("it was recorded before")

	// ErrNewerSchema is returned by [Open] for a database that a newer version of this program has written to.
	ErrNewerSchema = errors.New("the database was made by a newer version of this program")

	// ErrNoLedger is returned by [OpenReader] for a file that this program did not make.
	ErrNoLedger = errors.New("the file is not a database of this program")
)

// A Ledger is an open database. Its methods may be called from several goroutines. Methods that take a
// transaction work inside it. The others begin their own, and there is only one writer, so they must not be
// called while the caller has a transaction open.
type Ledger struct {
	Reader
	engine engine
	write  *sql.DB // one connection
	turns  turns   // the queue of writers waiting for the connection
	shared shared
	ready  readiness

	// Clock gives the time of events and of what has an age; nil for the machine's. Set it before the first use.
	Clock *clock.Clock

	// Observe, if not nil, is called with the outcome of each write transaction, from several goroutines at once:
	// [Committed], [RolledBack], [Cancelled] or [Failed]. Set it before the first use.
	Observe func(outcome string)

	// observe, if not nil, is called at the end of each transaction, before the commit.
	observe func(tx *sql.Tx, held time.Duration)
}

// A Reader is a database opened for reading only.
type Reader struct {
	read   *sql.DB // sees committed data, and does not wait for writers
	schema int64   // schema version of the database

	snapshot *sql.TxOptions // of a transaction that reads one state of the database
	closing  func() error   // closes what read belongs to; may be nil
}

// Schema versions that introduced the names table and rows keyed by repository id. A [Reader] may open a database
// older than either.
const (
	namesSchema = 4
	idsSchema   = 5
)

// Open opens the database at url and brings its schema up to date. The URL is "sqlite:PATH", or "postgres://…" as
// https://www.postgresql.org/docs/current/libpq-connect.html describes it. Several processes may call Open at the
// same time; canceling ctx ends the wait for them.
//
// Open creates an SQLite file if none ever existed there, but not its directory; a Postgres database must exist. The
// error is [ErrNotTheSame] if the file is missing, empty, older than, or different from the one last opened there.
// Of a Postgres database only its identity is known, and only while it is open: a database of another installation
// in its place is refused, but an older copy, and whatever is there at the next start, is not noticed.
//
// No error contains a password of the URL.
func Open(ctx context.Context, url string) (*Ledger, error) { return openURL(ctx, url, false) }

// Init is like [Open] but accepts whatever database is there, regardless of which one was there before.
func Init(ctx context.Context, url string) (*Ledger, error) { return openURL(ctx, url, true) }

func openURL(ctx context.Context, url string, anyway bool) (l *Ledger, err error) {
	where, err := Where(url)
	switch {
	case err != nil:
	case isPostgres(url):
		l, err = openPostgres(ctx, url, where)
	default:
		l, err = openSQLite(ctx, where, anyway)
	}
	if err != nil {
		return nil, openError(where, err)
	}
	return l, nil
}

// OpenReader opens an existing database, which may be in use, for reading only. It does not update the schema and
// takes no lock, so a process that opens the database meanwhile does not count this one as a worker. The error is
// [fs.ErrNotExist] if there is no file, and [ErrNoLedger] if the database is something else.
func OpenReader(ctx context.Context, url string) (r *Reader, err error) {
	where, err := Where(url)
	switch {
	case err != nil:
	case isPostgres(url):
		r, err = readPostgres(ctx, url, where)
	default:
		r, err = readSQLite(ctx, where)
	}
	if err != nil {
		return nil, openError(where, err)
	}
	return r, nil
}

func openError(where string, err error) error {
	if where == "" {
		return fmt.Errorf("open ledger: %w", err)
	}
	return fmt.Errorf("open ledger %s: %w", where, err)
}

// Where describes the database at a URL for people, without user and password. It returns an error, which also
// contains neither, if the URL names neither SQLite nor Postgres or is invalid.
func Where(url string) (string, error) {
	if isPostgres(url) {
		return postgresName(url)
	}
	return pathOf(url)
}

func pathOf(url string) (string, error) {
	scheme, path, _ := strings.Cut(url, ":")
	if scheme != "sqlite" || path == "" {
		// The rest of the URL may hold a password.
		return "", fmt.Errorf("a database URL looks like sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME, and this one begins with %q", scheme)
	}
	return path, nil
}

// isPostgres reports whether a URL is that of a Postgres database.
func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// Close closes the database.
func (r Reader) Close() error {
	err := r.read.Close()
	if r.closing != nil {
		err = errors.Join(err, r.closing())
	}
	return err
}

// Close closes the database. Everything that uses it must have stopped.
func (l *Ledger) Close() error {
	l.shared.close()
	return errors.Join(l.Reader.Close(), l.write.Close(), l.engine.close())
}

// Ping returns an error if the ledger cannot record anything now.
func (l *Ledger) Ping(ctx context.Context) error {
	if err := l.Tx(ctx, func(*sql.Tx) error { return nil }); err != nil {
		return fmt.Errorf("ping ledger: %w", err)
	}
	return nil
}

// Tx calls do with a write transaction, and commits it when do returns nil. After an error the database contains
// nothing of it, unless the commit itself failed: then the outcome is unknown.
//
// There is one writer at a time, and deliveries and heartbeats wait for it. So do must only read and write a
// bounded number of rows; it must not compute anything or wait.
func (l *Ledger) Tx(ctx context.Context, do func(tx *sql.Tx) error) error {
	return l.tx(ctx, false, do)
}

// UrgentTx is like [Ledger.Tx] but goes before all waiting callers of Tx.
func (l *Ledger) UrgentTx(ctx context.Context, do func(tx *sql.Tx) error) error {
	return l.tx(ctx, true, do)
}

// UnorderedTx is like [Ledger.Tx], but where the database permits it, it does not wait for other writers, and other
// transactions may commit between its statements. It is for changes of single rows whose order does not matter, such
// as heartbeats.
func (l *Ledger) UnorderedTx(ctx context.Context, do func(tx *sql.Tx) error) (err error) {
	tx, err := l.engine.beginUnordered(ctx)
	if err == nil && tx == nil {
		return l.tx(ctx, true, do)
	}
	if l.Observe != nil {
		defer func() { l.Observe(outcomeOf(ctx, err)) }()
	}
	if err != nil {
		return fmt.Errorf("begin: %w", l.engine.explain(err))
	}
	defer tx.Rollback() // does nothing after a commit
	if err := do(tx); err != nil {
		return l.engine.explain(err)
	}
	if err := commit(ctx, tx); err != nil {
		return fmt.Errorf("commit: %w", l.engine.explain(err))
	}
	return nil
}

func (l *Ledger) tx(ctx context.Context, urgent bool, do func(tx *sql.Tx) error) (err error) {
	if l.Observe != nil {
		defer func() { l.Observe(outcomeOf(ctx, err)) }()
	}
	if err := l.turns.take(ctx, urgent); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer l.turns.give()
	if err := l.engine.usable(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx, err := l.engine.begin(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", l.engine.explain(err))
	}
	defer tx.Rollback() // does nothing after a commit
	began := time.Now()
	step, err := l.engine.advance(ctx, tx)
	if err == nil {
		err = do(tx)
	}
	if err != nil {
		return l.engine.explain(err)
	}
	if l.observe != nil {
		l.observe(tx, time.Since(began))
	}
	if err := commit(ctx, tx); err != nil {
		return fmt.Errorf("commit: %w", l.engine.explain(err))
	}
	l.engine.committed(step)
	if err := l.engine.usable(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// commit commits tx unless ctx has ended.
func commit(ctx context.Context, tx *sql.Tx) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return tx.Commit()
}

// Announce makes the commit of tx wake the workers of other processes at once, where the database can do that.
// Otherwise they find new work a moment later by polling.
func (l *Ledger) Announce(ctx context.Context, tx *sql.Tx) error {
	if err := l.engine.announce(ctx, tx); err != nil {
		return fmt.Errorf("announce work: %w", err)
	}
	return nil
}

// Driver returns a driver with which River keeps its jobs in the same database and the same transactions.
func (l *Ledger) Driver() riverdriver.Driver[*sql.Tx] { return l.engine.driver() }

// ReadDriver is like [Ledger.Driver] but for reading only; it does not wait for writers.
func (l *Ledger) ReadDriver() riverdriver.Driver[*sql.Tx] { return l.engine.readDriver() }

// AloneSince returns a moment at which no other process had the database open; ok is false if another had it open
// when this ledger was opened, or if that is not known, as always on Postgres. Everything that was running before
// that moment is dead.
func (l *Ledger) AloneSince() (moment time.Time, ok bool) { return l.engine.alone() }

// millis converts a time to the form in which it is stored.
func millis(t time.Time) int64 { return t.UnixMilli() }
