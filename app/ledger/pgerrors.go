package ledger

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// kindOfPostgres classifies an error by its code (https://www.postgresql.org/docs/current/errcodes-appendix.html), or as
// that of a connection.
func kindOfPostgres(err error) kind {
	var said *pgconn.PgError
	if errors.As(err, &said) {
		return kindOfCode(said.Code)
	}
	var dial *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return other
	case errors.As(err, &dial):
		return away
	case errors.Is(err, context.DeadlineExceeded):
		return other
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, driver.ErrBadConn), pgconn.SafeToRetry(err):
		return away
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return busy
	}
	return other
}

func kindOfCode(code string) kind {
	switch code {
	case "57P01", "57P02", "57P03", "57P04", "25P03", "57P05": // shut down, starting, dropped; ended as idle
		return away
	case "25006": // read_only_sql_transaction
		return readOnly
	case "53300": // too_many_connections
		return crowded
	case "53100": // disk_full
		return full
	case "55P03", "57014", "40P01", "40001": // lock, statement timeout, deadlock, serialization
		return busy
	case "3D000", "42501", "0LP01": // no such database, insufficient_privilege
		return refused
	case "58030", "58P01": // io_error, undefined_file
		return failing
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return damaged
	}
	switch {
	case strings.HasPrefix(code, "08"): // connection exceptions
		return away
	case strings.HasPrefix(code, "28"): // invalid authorization
		return refused
	case strings.HasPrefix(code, "53"): // insufficient resources
		return crowded
	}
	return other
}

// explain adds advice to an error. After a failover the connections to the former primary are closed, so that the next
// ones go to the new one.
func (e *postgresEngine) explain(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err // already explained
	}
	advice := ""
	switch kindOf(err) {
	case away:
		advice = "%s does not answer, start it or check the database URL"
	case readOnly:
		e.pool.Reset()
		advice = "%s does not accept writes, as a standby or after a failover: name the primary in the database URL, or all hosts and target_session_attrs=read-write"
	case crowded:
		advice = "%s has no free connection or memory: raise its max_connections, or lower pool_max_conns in the database URL"
	case refused:
		advice = "%s refuses the user of the database URL, or that database or permission does not exist: check user, password and name"
	case full:
		advice = "the disk of %s is full, make room on it"
	case failing:
		advice = "the disk of %s fails"
	case damaged:
		advice = "%s is damaged, restore its backup"
	case busy:
		advice = "another program has locked %s, or was in the way: if it lasts, stop it"
	default:
		return err
	}
	return fmt.Errorf("%w: "+advice+": %w", ErrUnavailable, e.where, err)
}
