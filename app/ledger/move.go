package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/audit"
)

var (
	// ErrMoved is returned by [Open] for a database whose data [Move] has copied to another one. Its text says to which.
	ErrMoved = errors.New("the data of this database were moved")

	// ErrInUse is returned by [Move] if another process has the source open.
	ErrInUse = errors.New("the database is in use")

	// ErrNotEmpty is returned by [Move] if the target has data.
	ErrNotEmpty = errors.New("the target is not empty")
)

// notMoved are the tables that each database has for itself: which migrations it has seen, and what running processes say
// to each other.
var notMoved = []string{"goose_db_version", "river_migration", "river_leader", "river_notification", "recovery_run", "workers", "uses"}

// moved says where the data of a database went.
type moved struct {
	To string    `json:"to"` // without a password
	At time.Time `json:"at"`
}

func (m *moved) refusal(path string) error {
	return fmt.Errorf("%w: what %s holds went to %s on %s. Set SECBYDESIGN_DATABASE_URL to that database; to go back to this one, which lacks everything since, start once with --init",
		ErrMoved, path, m.To, m.At.Format(time.DateOnly))
}

// A moving copies the data of one database to another.
type moving struct {
	from *moveSource
	to   *moveTarget
}

// A moveColumn is a column, and its type in Postgres as pg_type.typname calls it.
type moveColumn struct{ name, kind string }

// A MovedTable is a table and the number of its rows.
type MovedTable struct {
	Name string
	Rows int64
}

// A MoveReport says what [Move] has copied and checked.
type MoveReport struct {
	Before   bool // an earlier move, which did not end, had copied everything
	Tables   []MovedTable
	Chains   []audit.State   // as they are in both databases
	Problems []audit.Problem // of the chains, which the source has as well
}

// Move copies everything an installation has stored, with its unfinished jobs, from "sqlite:PATH" to the Postgres
// database at the URL to, which must be empty. Then it marks the source, so that [Open] refuses it with [ErrMoved].
//
// The copy is one transaction: after an error, or if the process dies, the target has no data and the source is
// unchanged; only if it dies between the end of that transaction and the mark is the copy there, and then the next Move
// checks it and sets the mark. Before the transaction ends, the rows of each table are counted on both sides, and the
// chains of decisions are verified on both and compared.
//
// No server may use the source: the error is [ErrInUse] if one does. One that starts meanwhile waits. The other errors for
// which a caller may look are [ErrMoved], [ErrNoLedger], [ErrNewerSchema], [ErrNotTheSame], [ErrNotEmpty] and
// [ErrUnavailable]. No error contains a password.
func Move(ctx context.Context, from, to string) (report MoveReport, err error) {
	path, err := pathOf(from)
	if err != nil {
		return report, fmt.Errorf("read the source: %w", err)
	}
	source, err := openMoveSource(ctx, path)
	if err != nil {
		return report, fmt.Errorf("read the source: %w", err)
	}
	defer func() { err = errors.Join(err, source.close()) }()
	target, err := openMoveTarget(ctx, to)
	if err != nil {
		return report, fmt.Errorf("open the target: %w", err)
	}
	defer func() { err = errors.Join(err, target.close()) }()
	m := moving{source, target}
	if report, err = m.run(ctx); err != nil {
		return report, target.explain(err)
	}
	if err := source.mark(target.where); err != nil {
		return report, fmt.Errorf("everything was copied, but %s cannot be marked as moved; start the move again: %w", path, err)
	}
	return report, nil
}

// run copies and checks everything, and commits it.
func (m moving) run(ctx context.Context) (report MoveReport, err error) {
	tables, err := m.tables(ctx)
	if err != nil {
		return report, err
	}
	if report.Before, err = m.there(ctx, tables); err != nil {
		return report, err
	}
	names := slices.Sorted(maps.Keys(tables))
	if !report.Before {
		for _, table := range names {
			if err := m.copy(ctx, table, tables[table]); err != nil {
				return report, fmt.Errorf("copy the table %s: %w", table, err)
			}
		}
	}
	if report.Tables, err = m.count(ctx, names); err != nil {
		return report, err
	}
	if report.Chains, report.Problems, err = m.verify(ctx); err != nil {
		return report, err
	}
	if err := m.to.commit(); err != nil {
		return report, fmt.Errorf("commit: %w", err)
	}
	return report, nil
}

// tables returns the columns of the tables to copy. It returns an error unless both databases have the same.
func (m moving) tables(ctx context.Context) (map[string][]moveColumn, error) {
	has, err := m.from.tables(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the tables of the source: %w", err)
	}
	takes, err := m.to.tables(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the tables of the target: %w", err)
	}
	for _, table := range notMoved {
		delete(has, table)
		delete(takes, table)
	}
	for _, table := range slices.Sorted(maps.Keys(has)) {
		var names []string
		for _, c := range takes[table] {
			names = append(names, c.name)
		}
		if slices.Sort(names); !slices.Equal(names, slices.Sorted(slices.Values(has[table]))) {
			return nil, fmt.Errorf("the table %s has the columns %v in the source and %v in the target: somebody has changed one of them", table, has[table], names)
		}
	}
	for table := range takes {
		if has[table] == nil {
			return nil, fmt.Errorf("the target has a table %s, which is not of this program or lacks in the source: name an empty database", table)
		}
	}
	return takes, nil
}

// there reports whether the target has the data already, as a move leaves them that dies before its end.
func (m moving) there(ctx context.Context, tables map[string][]moveColumn) (bool, error) {
	ours, err := installationOf(ctx, m.from.tx)
	if err != nil {
		return false, fmt.Errorf("read which installation the source is of: %w", err)
	}
	theirs, err := installationOf(ctx, m.to.tx)
	if err != nil {
		return false, fmt.Errorf("read which installation the target is of: %w", err)
	}
	if theirs.ID != "" && theirs == ours {
		return true, nil
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		if table == "views" {
			continue // a migration writes its row
		}
		some, err := m.to.any(ctx, table)
		if err != nil {
			return false, err
		}
		if some {
			return false, fmt.Errorf("%w: %s holds data of an installation (in the table %s). Nothing was moved: create an empty database, and name it in its place",
				ErrNotEmpty, m.to.where, table)
		}
	}
	return false, m.to.empty(ctx, "views")
}

// installationOf reads which installation a database is of; its zero value if it is of none yet.
func installationOf(ctx context.Context, tx *sql.Tx) (is identity, err error) {
	err = tx.QueryRowContext(ctx, `SELECT id, sequence FROM installation`).Scan(&is.ID, &is.Sequence)
	return is, ignoreNoRows(err)
}

func countRows(ctx context.Context, tx *sql.Tx, table string) (n int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM `+quoted(table)).Scan(&n)
	return n, err
}

// copy copies one table.
func (m moving) copy(ctx context.Context, table string, columns []moveColumn) error {
	rows, err := m.from.rows(ctx, table, columns)
	if err != nil {
		return err
	}
	defer rows.Close()
	if err := m.to.take(ctx, table, columns, rows); err != nil {
		return err
	}
	highest, err := m.from.highest(ctx, table)
	if err != nil {
		return err
	}
	for _, c := range columns {
		if err := m.to.continueFrom(ctx, table, c.name, highest); err != nil {
			return err
		}
	}
	return nil
}

// count compares the numbers of rows.
func (m moving) count(ctx context.Context, names []string) (list []MovedTable, err error) {
	for _, table := range names {
		has, err := countRows(ctx, m.from.tx, table)
		if err != nil {
			return nil, fmt.Errorf("count the rows of %s in the source: %w", table, err)
		}
		got, err := countRows(ctx, m.to.tx, table)
		if err != nil {
			return nil, fmt.Errorf("count the rows of %s in the target: %w", table, err)
		}
		if has != got {
			return nil, fmt.Errorf("the table %s has %d rows in the source and %d in the target: %w", table, has, got, errDiffers)
		}
		list = append(list, MovedTable{table, has})
	}
	return list, nil
}

// errDiffers says that a copy is not what it should be.
var errDiffers = errors.New("the copy is not complete, so it does not count. The source is unchanged; if the target has run since an earlier move, use the target, and start with --init to go back to the source")

// verify compares the chains of decisions.
func (m moving) verify(ctx context.Context) ([]audit.State, []audit.Problem, error) {
	has, err := verifyChain(ctx, m.from.tx, "", "")
	if err != nil {
		return nil, nil, fmt.Errorf("verify the chains of the source: %w", err)
	}
	got, err := verifyChain(ctx, m.to.tx, "", "")
	if err != nil {
		return nil, nil, fmt.Errorf("verify the chains of the target: %w", err)
	}
	if !reflect.DeepEqual(has.States(), got.States()) || !reflect.DeepEqual(has.Problems, got.Problems) {
		return nil, nil, fmt.Errorf("the chains of decisions differ: %w", errDiffers)
	}
	return got.States(), got.Problems, nil
}
