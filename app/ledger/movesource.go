package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riverqueue/river/rivermigrate"
	"golang.org/x/sys/unix"
)

// A moveSource is a SQLite database that is moved. No server can open it meanwhile.
type moveSource struct {
	path   string
	read   *Reader
	tx     *sql.Tx // reads one state of it
	used   *os.File
	unlock func()
}

// openMoveSource opens the database at path for reading, and locks servers out. The error says what to do.
func openMoveSource(ctx context.Context, path string) (_ *moveSource, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no database at %s: name the file of the installation, such as sqlite:DATA_DIR/secbydesign.db", ErrNoLedger, path)
	}
	s := &moveSource{path: path}
	defer func() {
		if err != nil {
			err = errors.Join(explain(path, err), s.close())
		}
	}()
	if s.unlock, err = lock(ctx, path); err != nil {
		return nil, err
	}
	if err := s.lockOut(); err != nil {
		return nil, err
	}
	logged := hasLog(path)
	was, before, err := readRecord(path)
	if err == nil && before {
		err = was.isThere(path)
	}
	if err != nil {
		return nil, err
	}
	if s.read, err = readSQLite(ctx, path); err != nil {
		return nil, err
	}
	if before {
		if err := was.isOf(ctx, s.read.read, path, logged); err != nil {
			return nil, err
		}
	}
	if err := s.current(ctx); err != nil {
		return nil, err
	}
	s.tx, err = s.read.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	return s, err
}

// lockOut takes the exclusive lock on PATH.used, which is free while no ledger is open. It waits a moment for it, because
// a process that has just stopped may have started another one that is about to give up what it inherited.
func (s *moveSource) lockOut() (err error) {
	if s.used, err = open(s.path + ".used"); err != nil {
		return err
	}
	for range 100 {
		if err = flock(s.used, unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return fmt.Errorf("%w: %s is open in %s: stop it, and start the move again. Nothing was moved", ErrInUse, s.path, holders(s.used))
	case err != nil:
		return fmt.Errorf("lock %s: %w", s.used.Name(), err)
	}
	return nil
}

// holders names the processes that hold a lock on a file, as far as the kernel shows them to this one. See proc_locks(5).
func holders(f *os.File) string {
	const unknown = "another process, probably `secbydesign serve`"
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return unknown
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return unknown
	}
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(stat.Dev), unix.Minor(stat.Dev), stat.Ino)
	var list []string
	for line := range strings.Lines(string(locks)) {
		// 1: FLOCK ADVISORY READ 4242 fd:01:1234 0 EOF
		fields := strings.Fields(line)
		if len(fields) < 6 || fields[1] != "FLOCK" || fields[5] != file {
			continue
		}
		pid, err := strconv.Atoi(fields[4])
		if err != nil || pid <= 0 || pid == os.Getpid() {
			continue
		}
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil {
			continue
		}
		list = append(list, fmt.Sprintf("process %d (%s)", pid, strings.TrimSpace(string(name))))
	}
	if len(list) == 0 {
		return unknown
	}
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}

// current returns an error unless the schema is that of this program.
func (s *moveSource) current(ctx context.Context) error {
	know, err := newestMigration(sqliteMigrations)
	if err != nil {
		return err
	}
	driver := newDriver(s.read.read)
	rivers, err := rivermigrate.New(driver, nil)
	if err != nil {
		return fmt.Errorf("read River's migrations: %w", err)
	}
	have, err := riverVersion(ctx, driver.GetExecutor())
	if err != nil {
		return fmt.Errorf("read version of River's schema: %w", err)
	}
	known := rivers.AllVersions()
	newest := int64(known[len(known)-1].Version)
	switch {
	case s.read.schema > know || have > newest:
		return fmt.Errorf("%w: move it with the version of this program that last used it", ErrNewerSchema)
	case s.read.schema < know || have < newest:
		return fmt.Errorf("%s was last used by an older version of this program: start `secbydesign serve` of this version on it once, stop it, and start the move again", s.path)
	}
	return nil
}

// tables returns the columns of each table.
func (s *moveSource) tables(ctx context.Context) (map[string][]string, error) {
	rows, err := s.tx.QueryContext(ctx, `
		SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
		WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	if err != nil {
		return nil, err
	}
	return columnsOf(rows)
}

// columnsOf reads rows of a table and a column.
func columnsOf(rows *sql.Rows) (map[string][]string, error) {
	defer rows.Close()
	list := map[string][]string{}
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			return nil, err
		}
		list[table] = append(list[table], column)
	}
	return list, rows.Err()
}

// rows reads a table. Each value is an integer, a bool, a string or bytes, whatever the type of the column is: times are in
// RFC 3339, and lists and documents are JSON.
func (s *moveSource) rows(ctx context.Context, table string, columns []moveColumn) (*sql.Rows, error) {
	var list []string
	for _, c := range columns {
		name := quoted(c.name)
		switch c.kind {
		case "timestamptz":
			name = `strftime('%Y-%m-%dT%H:%M:%fZ', ` + name + `)`
		case "jsonb", "_jsonb", "_text", "_varchar":
			name = `json(` + name + `)`
		}
		list = append(list, name)
	}
	return s.tx.QueryContext(ctx, `SELECT `+strings.Join(list, ", ")+` FROM `+quoted(table))
}

// highest returns the highest id that a table ever had, or 0.
func (s *moveSource) highest(ctx context.Context, table string) (id int64, err error) {
	err = s.tx.QueryRowContext(ctx, `SELECT seq FROM sqlite_sequence WHERE name = $1`, table).Scan(&id)
	return id, ignoreNoRows(err)
}

// mark makes later starts on this database refuse: see [ErrMoved].
func (s *moveSource) mark(to string) error {
	now, err := installationOf(context.Background(), s.tx)
	if err != nil {
		return err
	}
	now.Moved = &moved{To: to, At: time.Now().UTC().Truncate(time.Second)}
	return now.write(s.path)
}

func (s *moveSource) close() (err error) {
	if s.tx != nil {
		err = s.tx.Rollback()
	}
	if s.read != nil {
		err = errors.Join(err, s.read.Close())
	}
	if s.used != nil {
		err = errors.Join(err, s.used.Close())
	}
	if s.unlock != nil {
		s.unlock()
	}
	return err
}

// quoted quotes a name for SQL. Both engines understand it.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
