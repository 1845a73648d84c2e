package ledger

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"golang.org/x/sys/unix"
	"modernc.org/sqlite" // has the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/sqlite/*.sql
var migrations embed.FS

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

	l := &Ledger{files: f, installation: installation{path: path}}
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

	if before {
		if err := was.isOf(ctx, l.write, path, logged); err != nil {
			return nil, err
		}
	}
	if l.schema, err = migrate(ctx, l.write); err != nil {
		return nil, err
	}
	if err := l.installation.begin(ctx, l, was); err != nil {
		return nil, err
	}
	if err := l.bringUp(ctx); err != nil {
		return nil, err
	}
	return l, nil
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
	r := &Reader{}
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
	steps, err := fs.Glob(migrations, "migrations/sqlite/*.sql")
	if err != nil {
		return nil, err
	}
	know, err := goose.NumericComponent(steps[len(steps)-1]) // they are sorted
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	if have > know {
		return nil, fmt.Errorf("%w: its schema has version %d, this program knows %d", ErrNewerSchema, have, know)
	}
	return r, nil
}

// migrate brings both schemas up to date, this program's and River's, and returns the version of the first. The
// caller holds the lock, because neither goose (on SQLite) nor rivermigrate takes one.
func migrate(ctx context.Context, db *sql.DB) (version int64, err error) {
	sub, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		return 0, err
	}
	ours, err := goose.NewProvider(goose.DialectSQLite3, db, sub)
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	rivers, err := rivermigrate.New(newDriver(db), nil)
	if err != nil {
		return 0, fmt.Errorf("read River's migrations: %w", err)
	}

	have, know, err := ours.GetVersions(ctx)
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	if have > know {
		return 0, fmt.Errorf("%w: its schema has version %d, this program knows %d", ErrNewerSchema, have, know)
	}
	have, err = riverVersion(ctx, newDriver(db).GetExecutor())
	if err != nil {
		return 0, fmt.Errorf("read version of River's schema: %w", err)
	}
	if known := rivers.AllVersions(); have > int64(known[len(known)-1].Version) {
		return 0, fmt.Errorf("%w: River's schema has version %d, this program knows %d", ErrNewerSchema, have, known[len(known)-1].Version)
	}

	if _, err := rivers.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return 0, fmt.Errorf("migrate River's schema: %w", err)
	}
	if _, err := ours.Up(ctx); err != nil {
		return 0, fmt.Errorf("migrate schema: %w", err)
	}
	return know, nil
}

// riverVersion returns the version of River's schema, or 0 if there is none yet. For a newer schema, River's own
// migrator only reports that it does not find the version.
func riverVersion(ctx context.Context, exec riverdriver.Executor) (version int64, err error) {
	exists, err := exec.TableExists(ctx, &riverdriver.TableExistsParams{Table: "river_migration"})
	if err != nil || !exists {
		return 0, err
	}
	applied, err := exec.MigrationGetByLine(ctx, &riverdriver.MigrationGetByLineParams{Line: riverdriver.MigrationLineMain})
	if err != nil {
		return 0, err
	}
	for _, m := range applied {
		version = max(version, int64(m.Version))
	}
	return version, nil
}

func newDriver(db *sql.DB) riverdriver.Driver[*sql.Tx] { return riversqlite.New(db) }

// A kind is a kind of database error for which [explain] has advice.
type kind int

const (
	other   kind = iota
	busy         // another program has locked the database
	full         // the disk is full
	failing      // the disk does not read or write
	damaged      // the database is damaged
)

func kindOf(err error) kind {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return other
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
