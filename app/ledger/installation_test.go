package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// copyOf copies the database and its log as they are, or removes them.
func copyOf(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(from + suffix)
		if errors.Is(err, os.ErrNotExist) {
			_ = os.Remove(to + suffix)
			continue
		}
		if err == nil {
			err = os.WriteFile(to+suffix, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// killed creates a database as left by a process that was killed after n deliveries.
func killed(t *testing.T, path string, n int) {
	t.Helper()
	there := filepath.Join(t.TempDir(), "db")
	copyOf(t, path, there)
	_ = os.Rename(recordPath(path), recordPath(there))
	l, err := Open(t.Context(), "sqlite:"+there)
	must(t, err)
	for i := range n {
		must(t, l.take(t.Context(), fmt.Sprint(n, "-", i)))
	}
	copyOf(t, there, path)
	must(t, os.Rename(recordPath(there), recordPath(path)))
	must(t, l.Close())
}

// TestDatabaseThatIsNotTheSame damages the files of a database in common ways while no program has it open. The
// database must not be treated as new or complete, unless the operator asks for that.
func TestDatabaseThatIsNotTheSame(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about files")
	empty := func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) }
	remove := func(t *testing.T, path string) { must(t, os.Remove(path)) }
	for name, tt := range map[string]struct {
		damage  func(t *testing.T, path string)
		running bool   // the process was killed, so there is a log
		says    string // part of the error; empty if it opens
		stored  int    // deliveries stored after that, or after --init
	}{
		"untouched":             {func(*testing.T, string) {}, false, "", 3},
		"untouched, killed":     {func(*testing.T, string) {}, true, "", 3},
		"missing":               {remove, false, "is missing, but there was a database before. Restore its backup", 0},
		"missing, with its log": {remove, true, "is missing, but there was a database before", 0},
		"empty":                 {empty, false, "is empty, but there was a database before", 0},
		"empty, with its log":   {empty, true, "is empty, but there was a database before", -1},
		"its log is missing":    {func(t *testing.T, p string) { must(t, os.Remove(p+"-wal")) }, true, "its log", -1},
		"its log is empty":      {func(t *testing.T, p string) { must(t, os.Truncate(p+"-wal", 0)) }, true, "lacks the latest data", -1},
		"its index is missing":  {func(t *testing.T, p string) { _ = os.Remove(p + "-shm") }, true, "", 3},
		"its record is missing": {func(t *testing.T, p string) { must(t, os.Remove(recordPath(p))) }, false, "", 3},
		"both are missing":      {func(t *testing.T, p string) { remove(t, p); remove(t, recordPath(p)) }, false, "", 0},
		"its record is cut":     {func(t *testing.T, p string) { must(t, os.Truncate(recordPath(p), 3)) }, false, "cannot be read", 3},
		"its record is empty":   {func(t *testing.T, p string) { must(t, os.Truncate(recordPath(p), 0)) }, false, "cannot be read", 3},
		"no database": {func(t *testing.T, p string) {
			must(t, os.WriteFile(p, []byte(strings.Repeat("no database ", 1000)), 0o600))
		}, false, "is damaged or is no database. Stop the program, restore the backup", -2},
		"the log was checked out":    {func(t *testing.T, p string) { checkpointed(t, p) }, true, "", 3},
		"another installation's":     {func(t *testing.T, p string) { foreign(t, p, true) }, false, "the database of another installation", 0},
		"of SQLite, without a table": {func(t *testing.T, p string) { foreign(t, p, false) }, false, "lacks the latest data", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "db")
			killed(t, path, 3)
			if !tt.running {
				l, err := Open(t.Context(), "sqlite:"+path)
				must(t, err)
				must(t, l.Close())
			}
			tt.damage(t, path)
			for range 2 { // a second start must have the same result
				l, err := Open(t.Context(), "sqlite:"+path)
				if err == nil {
					must(t, l.Close())
				}
				if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("got %v, want %q", err, tt.says)
				}
				if err != nil && !errors.Is(err, ErrNotTheSame) && tt.stored != -2 {
					t.Errorf("got %v, want %v", err, ErrNotTheSame)
				}
			}
			l, err := Init(t.Context(), "sqlite:"+path)
			if tt.stored == -2 {
				if err == nil {
					t.Error("a file that is no database was opened")
				}
				return
			}
			must(t, err)
			if got := stored(t, l); tt.stored >= 0 && got != tt.stored {
				t.Errorf("%d deliveries are there, want %d", got, tt.stored)
			}
			must(t, l.take(t.Context(), "new"))
			must(t, l.Close())
			l, err = Open(t.Context(), "sqlite:"+path)
			if err != nil {
				t.Fatalf("after --init: %v", err)
			}
			must(t, l.Close())
		})
	}
}

// checkpointed opens and closes a database as SQLite's own program does.
func checkpointed(t *testing.T, path string) {
	db, err := sql.Open("sqlite", "file:"+path)
	must(t, err)
	var n int
	must(t, db.QueryRow(`SELECT count(*) FROM deliveries`).Scan(&n))
	must(t, db.Close())
	if hasLog(path) {
		t.Fatal("the log is still there")
	}
}

// foreign replaces the database by another one.
func foreign(t *testing.T, path string, ours bool) {
	other := filepath.Join(t.TempDir(), "other")
	if ours {
		l, err := Open(t.Context(), "sqlite:"+other)
		must(t, err)
		must(t, l.Close())
	} else {
		db, err := sql.Open("sqlite", "file:"+other)
		must(t, err)
		_, err = db.Exec(`PRAGMA user_version = 1`)
		must(t, err)
		must(t, db.Close())
	}
	copyOf(t, other, path)
}

// TestOlderCopy restores a copy made before the last start.
func TestOlderCopy(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about files")
	path := filepath.Join(t.TempDir(), "db")
	killed(t, path, 1)
	l, err := Open(t.Context(), "sqlite:"+path)
	must(t, err)
	must(t, l.Close())
	backup := filepath.Join(t.TempDir(), "backup")
	copyOf(t, path, backup)
	copyOf(t, backup, path)
	l, err = Open(t.Context(), "sqlite:"+path) // now as good as any other
	must(t, err)
	must(t, l.take(t.Context(), "after the backup"))
	must(t, l.Close())
	copyOf(t, backup, path)
	if _, err := Open(t.Context(), "sqlite:"+path); !errors.Is(err, ErrNotTheSame) || !strings.Contains(err.Error(), "--init") {
		t.Errorf("got %v, want that it is older, and what to do", err)
	}
	l, err = Init(t.Context(), "sqlite:"+path)
	must(t, err)
	if got := stored(t, l); got != 1 {
		t.Errorf("%d deliveries are there, want 1", got)
	}
	must(t, l.Close())
}

// TestKilledBetween copies the files after each write of several starts and of work, in every combination that a
// crash can leave: the file may have an older sequence than the database. Such a database must open.
func TestKilledBetween(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about files")
	path := filepath.Join(t.TempDir(), "db")
	var before []byte // the file at the last step
	check := func(at string) {
		now, err := os.ReadFile(recordPath(path))
		if err != nil {
			now = nil
		}
		for _, text := range [][]byte{before, now} {
			there := filepath.Join(t.TempDir(), "db")
			copyOf(t, path, there)
			if text != nil {
				must(t, os.WriteFile(recordPath(there), text, 0o600))
			}
			l, err := Open(t.Context(), "sqlite:"+there)
			if err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			must(t, l.Close())
		}
		before = now
	}
	for start := range 3 {
		l, err := Open(t.Context(), "sqlite:"+path)
		must(t, err)
		check(fmt.Sprint("start ", start))
		for i := range 5 {
			must(t, l.take(t.Context(), fmt.Sprint(start, " ", i)))
			check(fmt.Sprint("start ", start, ", delivery ", i))
			if i == 2 {
				_, err := l.write.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
				must(t, err)
				check(fmt.Sprint("start ", start, ", checkpoint"))
			}
		}
		must(t, l.Close())
		check(fmt.Sprint("stop ", start))
	}
}

// TestLogIsLostAfterCheckpoint removes the log at each moment after SQLite has moved an earlier one into the
// database. Either nothing was lost with it, or Open must notice.
func TestLogIsLostAfterCheckpoint(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about files")
	path := filepath.Join(t.TempDir(), "db")
	l, err := Open(t.Context(), "sqlite:"+path)
	must(t, err)
	defer l.Close()
	noticed := 0
	for i := range 12 {
		must(t, l.take(t.Context(), fmt.Sprint(i)))
		if i%4 == 3 {
			_, err := l.write.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
			must(t, err)
		}
		there := filepath.Join(t.TempDir(), "db")
		copyOf(t, path, there)
		must(t, os.Remove(there+"-wal"))
		text, err := os.ReadFile(recordPath(path))
		must(t, err)
		must(t, os.WriteFile(recordPath(there), text, 0o600))
		again, err := Open(t.Context(), "sqlite:"+there)
		if err != nil {
			noticed++
			continue
		}
		if got := stored(t, again); got != i+1 {
			t.Errorf("after delivery %d only %d are there, without a word", i, got)
		}
		must(t, again.Close())
	}
	if noticed != 9 {
		t.Errorf("it was noticed %d times, want 9", noticed)
	}
}

// TestUpgrade opens a database of a version without installations. It must open without an error.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about files")
	path := filepath.Join(t.TempDir(), "db")
	killed(t, path, 2)
	l, err := Open(t.Context(), "sqlite:"+path)
	must(t, err)
	statements := []string{
		`DROP TABLE installation`, `DROP TABLE views`, `DROP TABLE once`, `DROP TABLE chain`, `DROP TABLE chain_heads`, `DELETE FROM goose_db_version WHERE version_id >= 6`,
		`ALTER TABLE pulls DROP COLUMN pushed_at`, `ALTER TABLE pulls DROP COLUMN pushed_head`,
	}
	for _, table := range viewTables {
		statements = append(statements, `DROP TABLE `+table)
	}
	for _, table := range []string{"digests", "recovery", "recovery_run", "workers", "uses", "limits", "paces", "contents"} {
		statements = append(statements, `DROP TABLE `+table)
	}
	for _, statement := range statements {
		_, err := l.write.Exec(statement)
		must(t, err)
	}
	must(t, l.Close())
	must(t, os.Remove(recordPath(path)))
	l, err = Open(t.Context(), "sqlite:"+path)
	must(t, err)
	defer l.Close()
	var r identity
	text, err := os.ReadFile(recordPath(path))
	must(t, err)
	must(t, json.Unmarshal(text, &r))
	if stored(t, l) != 2 || r.ID == "" || r.Sequence < 1 {
		t.Errorf("%d deliveries, record %s", stored(t, l), text)
	}
}

// TestDatabaseGoesAway damages the files of a database in common ways while the program has it open.
func TestDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about files")
	for name, tt := range map[string]struct {
		damage, repair func(t *testing.T, l *Ledger, path string)
		says           string
	}{
		"removed": {
			damage: func(t *testing.T, _ *Ledger, p string) { must(t, os.Rename(p, p+".away")) },
			repair: func(t *testing.T, _ *Ledger, p string) { must(t, os.Rename(p+".away", p)) },
			says:   "was removed while the program runs. Stop the program, restore the backup",
		},
		"replaced": {
			damage: func(t *testing.T, _ *Ledger, p string) {
				text, err := os.ReadFile(p)
				must(t, err)
				must(t, os.Remove(p))
				must(t, os.WriteFile(p, text, 0o600))
			},
			says: "was replaced while the program runs",
		},
		"emptied": {
			damage: func(t *testing.T, _ *Ledger, p string) { must(t, os.Truncate(p, 0)) },
			says:   "was emptied while the program runs",
		},
		"its log is removed": {
			damage: func(t *testing.T, _ *Ledger, p string) { must(t, os.Remove(p+"-wal")) },
			says:   "-wal was removed while the program runs",
		},
		"its folder is removed": {
			damage: func(t *testing.T, _ *Ledger, p string) { must(t, os.RemoveAll(filepath.Dir(p))) },
			says:   "was removed while the program runs",
		},
		"another is written over it": {
			damage: func(t *testing.T, l *Ledger, p string) {
				_, err := l.write.Exec(`UPDATE installation SET id = 'another'`)
				must(t, err)
				sqliteOf(l).moved = time.Time{} // as if the file had been written to
			},
			says: "was replaced by another database",
		},
		"the disk is full": {
			damage: func(t *testing.T, l *Ledger, p string) {
				var pages int
				must(t, l.write.QueryRow(`PRAGMA page_count`).Scan(&pages))
				_, err := l.write.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
				must(t, err)
				for i := 0; ; i++ { // free space inside the file
					if err := l.take(t.Context(), fmt.Sprint("fills ", i, strings.Repeat("x", 80))); err != nil {
						break
					}
				}
			},
			repair: func(t *testing.T, l *Ledger, p string) {
				_, err := l.write.Exec(`PRAGMA max_page_count = 1073741823`)
				must(t, err)
			},
			says: "is full, make room on it",
		},
		"damaged": {
			damage: func(t *testing.T, l *Ledger, p string) {
				var root, size int64
				must(t, l.write.QueryRow(`SELECT rootpage FROM sqlite_master WHERE name = 'deliveries'`).Scan(&root))
				must(t, l.write.QueryRow(`PRAGMA page_size`).Scan(&size))
				_, err := l.write.Exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
				must(t, err)
				f, err := os.OpenFile(p, os.O_RDWR, 0)
				must(t, err)
				_, err = f.WriteAt([]byte(strings.Repeat("garbage ", int(size/8))), (root-1)*size)
				must(t, errors.Join(err, f.Close()))
				_, err = l.write.Exec(`PRAGMA shrink_memory`)
				must(t, err)
			},
			says: "is damaged or is no database. Stop the program, restore the backup",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, url, _ := opened(t)
			path := strings.TrimPrefix(url, "sqlite:")
			must(t, l.take(t.Context(), "first"))
			must(t, l.Ready(t.Context()))
			tt.damage(t, l, path)
			for i := range 2 {
				err := l.take(context.Background(), fmt.Sprint("second", i, strings.Repeat("x", 80)))
				if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("delivery: %v, want %q", err, tt.says)
				}
			}
			l.ready.at = l.ready.at.Add(-readyAge)
			if err := l.Ready(context.Background()); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("ready: %v, want %q", err, tt.says)
			}
			if tt.repair == nil {
				return
			}
			tt.repair(t, l, path)
			l.ready.at = l.ready.at.Add(-readyAge)
			if err := l.Ready(t.Context()); err != nil {
				t.Errorf("ready after it came back: %v", err)
			}
			must(t, l.take(t.Context(), "third"))
		})
	}
}
