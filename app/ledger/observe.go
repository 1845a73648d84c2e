package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// The outcomes of a write transaction, see [Ledger.Observe].
const (
	Committed  = "committed"
	RolledBack = "rolled_back" // because of what it found, such as a delivery that is known
	Cancelled  = "cancelled"   // because its caller waits no longer
	Failed     = "failed"      // because of the database
)

// outcomeOf returns the outcome of a write transaction that ended with err.
func outcomeOf(ctx context.Context, err error) string {
	var (
		lite    *sqlite.Error
		pg      *pgconn.PgError
		connect *pgconn.ConnectError
		network net.Error
	)
	switch {
	case err == nil:
		return Committed
	case ctx.Err() != nil:
		return Cancelled
	case errors.Is(err, ErrUnavailable), errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.As(err, &lite), errors.As(err, &pg), errors.As(err, &connect), errors.As(err, &network):
		return Failed
	}
	return RolledBack
}

// OldestReview returns for how long the oldest review that is not done has been asked for; 0 if there is no such review.
func (l *Ledger) OldestReview(ctx context.Context) (time.Duration, error) {
	var asked time.Time
	err := l.read.QueryRowContext(ctx, `
		SELECT created_at FROM river_job WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND kind = 'review'
		ORDER BY created_at LIMIT 1`).Scan(&asked)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("find the oldest review: %w", err)
	}
	return max(time.Since(asked), 0), nil
}
