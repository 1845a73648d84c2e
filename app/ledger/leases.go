package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Lease records which attempt works on a job. The last attempt to take it holds it for as long as its
// heartbeats continue.
type Lease struct {
	Job    int64
	Holder string // unique to each attempt
}

// TakeLease stores lease as the lease of its job, as part of tx.
func (l *Ledger) TakeLease(ctx context.Context, tx *sql.Tx, lease Lease, generation int64) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO heartbeats (job_id, holder, generation, beat_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (job_id) DO UPDATE
		SET holder = excluded.holder, generation = excluded.generation, beat_at = excluded.beat_at`,
		lease.Job, lease.Holder, generation, millis(time.Now()))
	if err != nil {
		return fmt.Errorf("take lease: %w", err)
	}
	return nil
}

// Beat prolongs a lease as part of tx, and records the generation that is being reviewed. It returns false if the
// lease was lost.
func (l *Ledger) Beat(ctx context.Context, tx *sql.Tx, lease Lease, generation int64) (held bool, err error) {
	res, err := tx.ExecContext(ctx, `
		UPDATE heartbeats SET beat_at = $4, generation = $3 WHERE job_id = $1 AND holder = $2`,
		lease.Job, lease.Holder, generation, millis(time.Now()))
	held, err = one(res, err)
	if err != nil {
		return false, fmt.Errorf("prolong lease: %w", err)
	}
	return held, nil
}

// Sign returns a value that changes with each heartbeat of a job's lease, or "" if there is no lease. It reads as
// part of tx, or the committed state if tx is nil. Compare it only with another sign and do not read a time from
// it: clocks jump.
func (l *Ledger) Sign(ctx context.Context, tx *sql.Tx, job int64) (sign string, err error) {
	const query = `SELECT holder || ' ' || beat_at FROM heartbeats WHERE job_id = $1`
	row := l.read.QueryRowContext
	if tx != nil {
		row = tx.QueryRowContext
	}
	if err := row(ctx, query, job).Scan(&sign); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read lease: %w", err)
	}
	return sign, nil
}

// EndLease removes the lease of a job, if any, as part of tx.
func (l *Ledger) EndLease(ctx context.Context, tx *sql.Tx, job int64) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM heartbeats WHERE job_id = $1`, job); err != nil {
		return fmt.Errorf("end lease: %w", err)
	}
	return nil
}
