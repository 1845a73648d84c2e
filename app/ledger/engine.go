package ledger

import (
	"context"
	"database/sql"
	"time"

	"github.com/riverqueue/river/riverdriver"
)

// An engine is what differs between the databases, apart from their schemas.
type engine interface {
	// begin begins a write transaction that sees all earlier ones. The caller has the turn. A transaction of ctx ends
	// with ctx where that is safe.
	begin(ctx context.Context) (*sql.Tx, error)

	// beginUnordered begins a write transaction that may run beside others.
	beginUnordered(ctx context.Context) (*sql.Tx, error)

	// usable returns an error if nothing may be written to the database any more.
	usable() error

	// advance is called at the begin of each write transaction, and committed with its result after the commit.
	advance(ctx context.Context, tx *sql.Tx) (*step, error)
	committed(*step)

	// explain adds advice to an error of the database, and does what is necessary after it.
	explain(err error) error

	// probe writes, as part of tx, to find out whether that is possible.
	probe(ctx context.Context, tx *sql.Tx) error

	// announce lets [Changes] of all processes see the changes of tx early, where the database can do that.
	announce(ctx context.Context, tx *sql.Tx) error

	// changes begins to watch the database.
	changes(ctx context.Context) (watch, error)

	driver() riverdriver.Driver[*sql.Tx]
	readDriver() riverdriver.Driver[*sql.Tx]
	alone() (since time.Time, ok bool)
	sql() *dialect

	// shadow creates empty copies of the views, and shadowed makes the statements of tx use them. replace is the
	// name of a table's stored and shadowed version. drop removes the copies.
	shadow(ctx context.Context, tx *sql.Tx) error
	shadowed(ctx context.Context, tx *sql.Tx) error
	names(table string) (stored, shadow string)
	drop(ctx context.Context, tx *sql.Tx) error

	close() error
}

// A dialect has the SQL that differs: about JSON, and about River's tables, whose columns have other types in each
// database. Times are in milliseconds.
type dialect struct {
	now      string                      // the current time
	time     func(millis string) string  // a time, given an expression
	millis   func(column string) string  // the milliseconds of a time
	text     func(key string) string     // a value of a job's metadata as text, or NULL
	number   func(key string) string     // a value of a job's metadata as integer, or NULL
	metadata func(keys ...string) string // a job's metadata with keys set to the parameters from $2 on
	rows     func(...column) string      // a row with these columns for each object of the JSON array $1
	waited   string                      // the seconds since min(scheduled_at)
}

// A column is one of [dialect].rows: the member with this name, case included, as a value of this type.
type column struct{ name, kind string }

// A kind is a kind of database error for which [explain] has advice.
type kind int

const (
	other    kind = iota
	busy          // another program has locked the database
	full          // the disk is full
	failing       // the disk does not read or write
	damaged       // the database is damaged
	away          // the database server does not answer
	readOnly      // the database server does not accept writes, as after a failover
	crowded       // the database server has no free connection
	refused       // the database server refuses the user, or does not have the database
)
