package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite" // has the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// pragmas apply to every connection.
var pragmas = url.Values{
	"_pragma": {
		"busy_timeout(10000)", // other processes write too
		"journal_mode(WAL)",
		// In WAL mode NORMAL may lose the last commits in a power failure, and with them deliveries that this
		// program has already acknowledged to GitHub. https://www.sqlite.org/pragma.html#pragma_synchronous
		"synchronous(FULL)",
		"foreign_keys(1)",
	},
	// A transaction that reads first and writes later could otherwise fail with
	// SQLITE_BUSY without any waiting. https://www.sqlite.org/isolation.html
	"_txlock": {"immediate"},
	// A new connection must not create a file that has disappeared.
	"mode": {"rw"},
}

func openSQLite(ctx context.Context, path string, anyway bool) (_ *Ledger, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, path)
	if err != nil {
		return nil, err
	}
	defer unlock()
	was, before, err := readRecord(path)
	if anyway {
		before, err = false, nil
	}
	if err == nil && before {
		err = was.isThere(path)
	}
	if err != nil {
		return nil, err
	}
	logged := hasLog(path)
	f, err := makeFiles(path)
	if err != nil {
		return nil, err
	}

	e := &sqliteEngine{files: f, installation: &installation{path: path}}
	l := &Ledger{engine: e}
	defer func() {
		if err != nil {
			err = errors.Join(explain(path, err), l.Close())
		}
	}()
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String() + "?" + pragmas.Encode()
	if l.write, err = openPrepared(name); err != nil {
		return nil, err
	}
	if l.read, err = openPrepared(name + "&_pragma=query_only(1)"); err != nil {
		return nil, err
	}
	// SQLite has one writer at a time. Waiting for a connection ends when it is free, but waiting for SQLite's
	// lock means polling. The package comment of riversqlite gives the same advice.
	l.write.SetMaxOpenConns(1)
	l.read.SetMaxOpenConns(5) // Changes holds one of them
	l.read.SetMaxIdleConns(5)
	l.snapshot = &sql.TxOptions{ReadOnly: true}
	e.write, e.read = l.write, l.read

	if before {
		if err := was.isOf(ctx, l.write, path, logged); err != nil {
			return nil, err
		}
	}
	if l.schema, err = migrate(ctx, l.write, goose.DialectSQLite3, sqliteMigrations, newDriver(l.write)); err != nil {
		return nil, err
	}
	if err := e.installation.begin(ctx, l, was); err != nil {
		return nil, err
	}
	if err := l.bringUp(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// A sqliteEngine is an open SQLite file.
type sqliteEngine struct {
	*installation
	files       *files
	write, read *sql.DB
}

func (e *sqliteEngine) begin(ctx context.Context) (*sql.Tx, error) { return e.write.BeginTx(ctx, nil) }

// beginUnordered returns nil: SQLite has one writer at a time.
func (e *sqliteEngine) beginUnordered(context.Context) (*sql.Tx, error) { return nil, nil }

func (e *sqliteEngine) driver() riverdriver.Driver[*sql.Tx]     { return newDriver(e.write) }
func (e *sqliteEngine) readDriver() riverdriver.Driver[*sql.Tx] { return newDriver(e.read) }
func (e *sqliteEngine) alone() (time.Time, bool)                { return e.files.alone, !e.files.alone.IsZero() }
func (e *sqliteEngine) close() error                            { return e.files.Close() }

// announce does nothing: [Changes] sees every commit.
func (e *sqliteEngine) announce(context.Context, *sql.Tx) error { return nil }

// probe temporarily allocates unused pages, and rewrites some that are in use.
func (e *sqliteEngine) probe(ctx context.Context, tx *sql.Tx) error {
	for _, statement := range []string{
		`SAVEPOINT probe`,
		`INSERT INTO installation (id, sequence, probe) VALUES ('', 0, zeroblob(65536))`,
		`ROLLBACK TO probe`,
		`RELEASE probe`,
		`UPDATE installation SET probe = zeroblob(32768)`,
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("try to write: %w", err)
		}
	}
	return nil
}

// readSQLite opens a database for reading. With mode ro, SQLite may still create the index of its log beside the
// database if no process has it open; without the index, the last commits would not be visible.
func readSQLite(ctx context.Context, path string) (_ *Reader, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	name := (&url.URL{Scheme: "file", OmitHost: true, Path: path}).String() + "?mode=ro&_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	r := &Reader{snapshot: &sql.TxOptions{ReadOnly: true}}
	if r.read, err = openPrepared(name); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	var have int64
	if err := r.read.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&have); err != nil {
		if context.Cause(ctx) != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("%w: %w", ErrNoLedger, err)
	}
	r.schema = have
	know, err := newestMigration(sqliteMigrations)
	if err != nil {
		return nil, err
	}
	if have > know {
		return nil, fmt.Errorf("%w: its schema has version %d, this program knows %d", ErrNewerSchema, have, know)
	}
	return r, nil
}

func kindOf(err error) kind {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return kindOfPostgres(err)
	}
	switch e.Code() & 0xff { // the higher bits are details: https://www.sqlite.org/rescode.html
	case sqlite3.SQLITE_BUSY:
		return busy
	case sqlite3.SQLITE_FULL:
		return full
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return failing
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged
	}
	return other
}

// files are the lock files beside a database. The kernel releases the lock of a process that dies, for whatever
// reason.
type files struct {
	used  *os.File  // PATH.used, with a shared lock as long as the ledger is open
	alone time.Time // when this process had the exclusive lock on PATH.used; zero if it never had
}

// lock locks PATH.lock. unlock releases it.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	lock, err := open(path + ".lock")
	if err != nil {
		return nil, err
	}
	// Closing the file also unlocks it.
	unlock = func() { _ = lock.Close() }
	for flock(lock, unix.LOCK_EX|unix.LOCK_NB) != nil {
		select {
		case <-ctx.Done():
			unlock()
			return nil, fmt.Errorf("wait for %s: %w", lock.Name(), context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
	return unlock, nil
}

// makeFiles creates the database file, readable only by its owner. SQLite creates its other files with the same
// mode. The caller holds the lock.
func makeFiles(path string) (*files, error) {
	db, err := open(path)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(db.Chmod(0o600), db.Close()); err != nil {
		return nil, err
	}
	used, err := open(path + ".used")
	if err != nil {
		return nil, err
	}
	f := &files{used: used}
	if flock(used, unix.LOCK_EX|unix.LOCK_NB) == nil {
		f.alone = time.Now()
	}
	// The change to a shared lock is not atomic (man 2 flock), but other processes that want this lock need
	// PATH.lock first, and this process holds it.
	if err := flock(used, unix.LOCK_SH); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", used.Name(), err)
	}
	return f, nil
}

// Close releases PATH.used. It keeps the file: removing it could invalidate the lock of a process that has just
// opened it.
func (f *files) Close() error { return f.used.Close() }

func open(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); err != unix.EINTR {
			return err
		}
	}
}
