package ledger

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// ErrNotTheSame is returned by [Open] for a database that is not the one that was there before, and by every
// write once the opened file is gone. Its text says what to do.
var ErrNotTheSame = errors.New("the database is not the one that was there before")

// An identity is what both the database and the file beside it record about the installation. The sequence grows
// at each start, and with the first transaction after SQLite has moved its log into the database. It is committed
// before it is written to the file. So a database with a lower sequence than the file lacks something: it is an
// older copy, or its log is gone.
type identity struct {
	ID       string `json:"id"`
	Sequence int64  `json:"sequence"`
}

func recordPath(path string) string { return path + ".installation" }

// readRecord reads the file beside the database; ok is false if there is none.
func readRecord(path string) (r identity, ok bool, err error) {
	text, err := os.ReadFile(recordPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return identity{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil || r.ID == "" {
		return identity{}, false, fmt.Errorf("%w: %s cannot be read, the file that names the installation of the database. "+
			"Start once with --init to go on with %s as it is: %w", ErrNotTheSame, recordPath(path), path, err)
	}
	return r, true, nil
}

// write stores r in the file beside the database, atomically.
func (r identity) write(path string) (err error) {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(recordPath(path))+"-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), recordPath(path))
}

// isThere returns an error if the database file, which should exist, is missing or empty. It is called before the
// database is opened.
func (r identity) isThere(path string) error {
	stat, err := os.Stat(path)
	what := "is missing"
	switch {
	case err == nil && stat.Size() > 0:
		return nil
	case err == nil:
		what = "is empty"
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return fmt.Errorf("%w: %s %s, but there was a database before. Restore its backup and start once with --init; without a backup, --init begins with an empty one",
		ErrNotTheSame, path, what)
}

// isOf returns an error if db, which is open but not yet brought up to date, is not the database that r
// describes. logged reports whether it had a log before it was opened.
func (r identity) isOf(ctx context.Context, db *sql.DB, path string, logged bool) error {
	var tables, sequence int64
	var id string
	err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master WHERE name = 'installation'`).Scan(&tables)
	if err == nil && tables > 0 {
		err = db.QueryRowContext(ctx, `SELECT id, sequence FROM installation`).Scan(&id, &sequence)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	switch {
	case id == r.ID && sequence >= r.Sequence:
		return nil
	case id != "" && id != r.ID:
		return fmt.Errorf("%w: %s is the database of another installation. Restore the backup of the one that was there, or start once with --init to go on with this one",
			ErrNotTheSame, path)
	case !logged:
		return fmt.Errorf("%w: %s lacks the latest data: it is an older copy, or its log %s-wal is missing. "+
			"Put back what is missing or restore the newest backup, and start once with --init to go on with what is there", ErrNotTheSame, path, path)
	}
	return fmt.Errorf("%w: %s lacks the latest data: it is an older copy. Restore the newest backup, and start once with --init to go on with it",
		ErrNotTheSame, path)
}

// hasLog reports whether SQLite's log is beside the database.
func hasLog(path string) bool {
	stat, err := os.Stat(path + "-wal")
	return err == nil && stat.Size() > 0
}

// An installation checks the files of an open database.
type installation struct {
	path string

	mu      sync.Mutex
	opened  map[string]fs.FileInfo // the database and its log, by name; guarded by mu
	damaged error                  // guarded by mu

	// The fields below belong to the goroutine that has the turn to write.
	identity identity
	moved    time.Time // modification time of the database file at which the sequence last grew
}

// begin creates the installation's row if there is none, and stores a new sequence in the database and in the
// file. The caller holds the lock on the files.
func (in *installation) begin(ctx context.Context, l *Ledger, was identity) error {
	var now identity
	err := l.Tx(ctx, func(tx *sql.Tx) error {
		if was.ID == "" {
			was.ID = rand.Text()
		}
		// An existing row wins: it says which installation the database belongs to.
		if _, err := tx.ExecContext(ctx, `INSERT INTO installation (id, sequence) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM installation)`,
			was.ID, was.Sequence); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `UPDATE installation SET sequence = max(sequence, $1) + 1 RETURNING id, sequence`, was.Sequence).
			Scan(&now.ID, &now.Sequence)
	})
	if err == nil {
		err = now.write(in.path)
	}
	if err != nil {
		return fmt.Errorf("note which installation this is: %w", err)
	}
	opened := map[string]fs.FileInfo{}
	for _, name := range []string{in.path, in.path + "-wal"} {
		if opened[name], err = os.Stat(name); err != nil {
			return err
		}
	}
	in.identity = now
	in.mu.Lock()
	defer in.mu.Unlock()
	in.opened = opened
	return nil
}

// usable returns an error if the files of the open database were removed, replaced or emptied, or the database is
// damaged. Writes to files that have lost their name are lost when the program ends.
func (in *installation) usable() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.damaged != nil {
		return in.damaged
	}
	for name, opened := range in.opened {
		now, err := os.Stat(name)
		what := ""
		switch {
		case errors.Is(err, fs.ErrNotExist):
			what = "was removed"
		case err != nil:
			return fmt.Errorf("%w: %w", ErrUnavailable, err)
		case !os.SameFile(now, opened):
			what = "was replaced"
		case now.Size() == 0 && name == in.path:
			what = "was emptied"
		default:
			continue
		}
		return fmt.Errorf("%w: %w: %s %s while the program runs. Stop the program, restore the backup of %s, and start it once with --init",
			ErrUnavailable, ErrNotTheSame, name, what, in.path)
	}
	return nil
}

// explain adds advice to an error of the database. It remembers an error that reports damage: from then on
// nothing is written to the database.
func (in *installation) explain(err error) error {
	err = explain(in.path, err)
	if kindOf(err) == damaged {
		in.mu.Lock()
		defer in.mu.Unlock()
		if in.damaged == nil {
			in.damaged = err
		}
	}
	return err
}

// explain adds advice to an error of the database.
func explain(path string, err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err // already explained
	}
	switch kindOf(err) {
	case damaged:
		return fmt.Errorf("%w: %s is damaged or is no database. Stop the program, restore the backup of %s, and start it once with --init: %w",
			ErrUnavailable, path, path, err)
	case full:
		return fmt.Errorf("%w: the disk of %s is full, make room on it: %w", ErrUnavailable, path, err)
	case failing:
		return fmt.Errorf("%w: the disk of %s fails, or %s may not be read and written: %w", ErrUnavailable, path, path, err)
	case busy:
		return fmt.Errorf("%w: another program has locked %s: stop it: %w", ErrUnavailable, path, err)
	}
	return err
}

// A step is a new sequence that is not yet committed.
type step struct {
	sequence int64
	moved    time.Time
}

// advance stores a new sequence as part of tx if SQLite has moved its log into the database since the last one.
// It returns nil if not.
func (in *installation) advance(ctx context.Context, tx *sql.Tx) (*step, error) {
	if in.identity.ID == "" {
		return nil, nil
	}
	stat, err := os.Stat(in.path)
	if err != nil || stat.ModTime().Equal(in.moved) {
		return nil, err
	}
	s := &step{moved: stat.ModTime()}
	err = tx.QueryRowContext(ctx, `UPDATE installation SET sequence = sequence + 1 WHERE id = $1 RETURNING sequence`, in.identity.ID).Scan(&s.sequence)
	if errors.Is(err, sql.ErrNoRows) {
		err = fmt.Errorf("%w: %w: %s was replaced by another database while the program was running. Stop the program, restore the backup of %s, and start it once with --init",
			ErrUnavailable, ErrNotTheSame, in.path, in.path)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// committed writes a step to the file. If that fails, the file has an older sequence, which does no harm.
func (in *installation) committed(s *step) {
	if s == nil {
		return
	}
	in.identity.Sequence, in.moved = s.sequence, s.moved
	_ = in.identity.write(in.path)
}

// readyAge is how long [Ledger.Ready] reuses its last result.
const readyAge = time.Second

type readiness struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

// Ready returns an error if deliveries cannot be recorded now. It tests this by writing about as much as a
// few deliveries do.
func (l *Ledger) Ready(ctx context.Context) error {
	r := &l.ready
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) > readyAge || r.at.IsZero() {
		r.err = l.Shared(context.WithoutCancel(ctx), l.engine.probe)
		r.at = time.Now()
	}
	return r.err
}
