package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// A Limit says that an installation has reached one of GitHub's limits.
type Limit struct {
	Resource  string // that GitHub counts; empty for a secondary limit
	Secondary bool
	Until     time.Time
}

// KeepLimit records a limit of an installation for all processes, unless a later end of it is known.
func (l *Ledger) KeepLimit(ctx context.Context, installation int64, limit Limit) error {
	return l.UnorderedTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO limits (installation, resource, secondary, ends_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (installation, resource) DO UPDATE SET secondary = excluded.secondary, ends_at = excluded.ends_at
			WHERE excluded.ends_at > limits.ends_at`, installation, limit.Resource, limit.Secondary, millis(limit.Until))
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM limits WHERE installation = $1 AND ends_at < $2`, installation, millis(time.Now()))
		}
		if err != nil {
			return fmt.Errorf("keep a limit of installation %d: %w", installation, err)
		}
		return nil
	})
}

// Limits returns the limits of an installation that have not ended.
func (l *Ledger) Limits(ctx context.Context, installation int64) (list []Limit, err error) {
	return query(ctx, l.read, func(rows *sql.Rows, limit *Limit) error {
		var ends int64
		err := rows.Scan(&limit.Resource, &limit.Secondary, &ends)
		limit.Until = time.UnixMilli(ends)
		return err
	}, `SELECT resource, secondary, ends_at FROM limits WHERE installation = $1 AND ends_at > $2`, installation, millis(time.Now()))
}

// contentWindow is for how many minutes the writes that make content are counted: an hour, and the minute that has begun.
const contentWindow = 61

// longestPace is more than any turn to write is in the future. A later one was recorded before the clock was set back.
const longestPace = 10 * time.Minute

// ReserveWrite reserves the next turn of an installation to write to GitHub, and returns how long to wait for it. Turns of
// all processes are pace apart. If the write makes content and perHour such writes were made within an hour, ok is false:
// nothing is reserved, and it is worth to ask again after wait. All times are by the clock of the database.
func (l *Ledger) ReserveWrite(ctx context.Context, installation int64, pace time.Duration, content bool, perHour int) (wait time.Duration, ok bool, err error) {
	err = l.UnorderedTx(ctx, func(tx *sql.Tx) error {
		now := l.clockMillis()
		var turn int64
		// This locks the row, so that other processes wait for the counts below.
		err := tx.QueryRowContext(ctx, `
			INSERT INTO paces (installation, next_at) VALUES ($1, `+now+` + $2)
			ON CONFLICT (installation) DO UPDATE SET
				next_at = CASE WHEN paces.next_at BETWEEN `+now+` AND `+now+` + $3 THEN paces.next_at ELSE `+now+` END + $2
			RETURNING next_at - `+now, installation, pace.Milliseconds(), longestPace.Milliseconds()).Scan(&turn)
		if err != nil {
			return err
		}
		wait, ok = max(time.Duration(turn)*time.Millisecond-pace, 0), true
		if !content {
			return nil
		}
		full, err := l.countContent(ctx, tx, installation, perHour)
		if full > 0 {
			wait, ok = full, false
			_, err = tx.ExecContext(ctx, `UPDATE paces SET next_at = next_at - $2 WHERE installation = $1`, installation, pace.Milliseconds())
		}
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("reserve a write of installation %d: %w", installation, err)
	}
	return wait, ok, nil
}

// countContent counts one write that makes content, as part of tx. If there are perHour already it counts nothing, and
// returns when the oldest ones will have left the hour.
func (l *Ledger) countContent(ctx context.Context, tx *sql.Tx, installation int64, perHour int) (full time.Duration, err error) {
	var now, made, oldest int64
	if err := tx.QueryRowContext(ctx, `SELECT `+l.clockMillis()).Scan(&now); err != nil {
		return 0, err
	}
	minute := now / time.Minute.Milliseconds()
	_, err = tx.ExecContext(ctx, `DELETE FROM contents WHERE installation = $1 AND minute NOT BETWEEN $2 AND $3`, installation, minute-contentWindow+1, minute)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(made), 0), coalesce(min(minute), 0) FROM contents WHERE installation = $1`, installation).Scan(&made, &oldest)
	if err != nil {
		return 0, err
	}
	if made >= int64(perHour) {
		return time.Duration((oldest+contentWindow)*time.Minute.Milliseconds()-now) * time.Millisecond, nil
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO contents (installation, minute, made) VALUES ($1, $2, 1)
		ON CONFLICT (installation, minute) DO UPDATE SET made = contents.made + 1`, installation, minute)
	return 0, err
}
