// Package ledger keeps what must not be forgotten: which deliveries were taken, what was
// heard of each pull request, the append-only events, the last valid policies. It is
// database/sql on one SQLite file.
//
// ledger.go opens the database; sqlite.go is all that is special to that engine; events.go,
// pulls.go and leases.go are the tables. The SQL outside of sqlite.go and the migrations is
// meant to be read by Postgres too: numbered parameters, times as integers, row counts
// instead of locks.
//
// Several processes of one host may share the file, but never over a network file system:
// https://www.sqlite.org/wal.html says why.
package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river/riverdriver"
)

var (
	// ErrDuplicate is returned for a delivery that was recorded before.
	ErrDuplicate = errors.New("delivery was recorded before")

	// ErrNewerSchema is returned by [Open] for a database that a newer version of this
	// program has written to.
	ErrNewerSchema = errors.New("the database was made by a newer version of this program")

	// ErrNoLedger is returned by [OpenReader] for a file that this program did not make.
	ErrNoLedger = errors.New("the file is not a database of this program")
)

// A Ledger is an open database. Its methods may be called from several goroutines.
// Those that take a transaction do their work in it; the others make their own and so
// must not be called between the begin and the end of one: there is only one writer.
type Ledger struct {
	Reader
	write  *sql.DB // one connection
	turns  turns   // to write: who waits for the connection
	shared shared
	files  *files
	ready  readiness

	installation installation

	// observe is called at the end of each transaction, before it is committed; nil for nobody.
	observe func(tx *sql.Tx, held time.Duration)
}

// A Reader is an open database that is only read.
type Reader struct {
	read   *sql.DB // sees what is committed, and does not wait for writers
	schema int64   // the version of it
}

// The versions of the schema from which on names are kept, and rows are stored under ids. Who only reads may meet
// an older one.
const (
	namesSchema = 4
	idsSchema   = 5
)

// Open opens the database at url, "sqlite:PATH", and brings its schema up to date. The
// file is made when it does not exist and never did, its folder is not. Several processes may
// call it at the same time. The end of ctx ends the waiting for them. [ErrNotTheSame] says that
// the database is missing, empty, an older one or another one than the last that was opened there.
func Open(ctx context.Context, url string) (*Ledger, error) { return openURL(ctx, url, false) }

// Init is [Open] that begins with what is there, whatever there was before.
func Init(ctx context.Context, url string) (*Ledger, error) { return openURL(ctx, url, true) }

func openURL(ctx context.Context, url string, anyway bool) (*Ledger, error) {
	path, err := pathOf(url)
	if err != nil {
		return nil, err
	}
	l, err := openSQLite(ctx, path, anyway)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	return l, nil
}

// OpenReader opens a database that is there, and may be in use, for reading alone: it is not
// brought up to date, no lock is taken, and a process that opens it meanwhile does not take this
// one for a worker. [fs.ErrNotExist] says that there is none, [ErrNoLedger] that it is another file.
func OpenReader(ctx context.Context, url string) (*Reader, error) {
	path, err := pathOf(url)
	if err != nil {
		return nil, err
	}
	r, err := readSQLite(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open ledger %s: %w", path, err)
	}
	return r, nil
}

func pathOf(url string) (string, error) {
	scheme, path, _ := strings.Cut(url, ":")
	if scheme != "sqlite" || path == "" {
		// The rest of the URL may hold a password.
		return "", fmt.Errorf("open ledger: a database URL looks like sqlite:PATH, and this one begins with %q", scheme)
	}
	return path, nil
}

// Close closes the database.
func (r Reader) Close() error { return r.read.Close() }

// Close closes the database. Whatever uses it must have stopped.
func (l *Ledger) Close() error {
	l.shared.close()
	return errors.Join(l.Reader.Close(), l.write.Close(), l.files.Close())
}

// Ping tells whether the ledger could record something now.
func (l *Ledger) Ping(ctx context.Context) error {
	if err := l.Tx(ctx, func(*sql.Tx) error { return nil }); err != nil {
		return fmt.Errorf("ping ledger: %w", err)
	}
	return nil
}

// Tx calls do with a transaction that may write, and commits it when do returns nil. After
// an error nothing of it is in the database, unless it was the commit that failed: then
// that is not known.
//
// There is one writer at a time, and deliveries and heartbeats wait for it. So do only reads and
// writes a bounded number of rows: it computes nothing, and waits for nobody.
func (l *Ledger) Tx(ctx context.Context, do func(tx *sql.Tx) error) error {
	return l.tx(ctx, false, do)
}

// UrgentTx is [Ledger.Tx] before all others that wait.
func (l *Ledger) UrgentTx(ctx context.Context, do func(tx *sql.Tx) error) error {
	return l.tx(ctx, true, do)
}

func (l *Ledger) tx(ctx context.Context, urgent bool, do func(tx *sql.Tx) error) error {
	if err := l.turns.take(ctx, urgent); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer l.turns.give()
	if err := l.installation.usable(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx, err := l.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", l.installation.explain(err))
	}
	defer tx.Rollback() // does nothing after a commit
	began := time.Now()
	step, err := l.installation.advance(ctx, tx)
	if err == nil {
		err = do(tx)
	}
	if err != nil {
		return l.installation.explain(err)
	}
	if l.observe != nil {
		l.observe(tx, time.Since(began))
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", l.installation.explain(err))
	}
	l.installation.committed(step)
	if err := l.installation.usable(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Driver lets River keep its jobs in the same database and the same transactions.
func (l *Ledger) Driver() riverdriver.Driver[*sql.Tx] { return newDriver(l.write) }

// ReadDriver is [Ledger.Driver] for reading alone, which does not wait for writers.
func (l *Ledger) ReadDriver() riverdriver.Driver[*sql.Tx] { return newDriver(l.read) }

// AloneSince tells the moment at which no other process had the database open; ok is false
// when one had when this ledger was opened. Whatever was running before that moment is dead.
func (l *Ledger) AloneSince() (moment time.Time, ok bool) {
	return l.files.alone, !l.files.alone.IsZero()
}

// millis is how times are stored.
func millis(t time.Time) int64 { return t.UnixMilli() }
