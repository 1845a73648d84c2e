package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/fair"
)

// A lister is a database or a transaction.
type lister interface {
	querier
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// View returns what all processes know when one of them chooses the next n jobs of a queue. It reads as part of tx, or the
// committed state if tx is nil. Of each share it has at most n claims. Without any claim it reads nothing more, and the
// rest of the view is empty. alive is how long a worker counts after its last [Ledger.Offer].
func (l *Ledger) View(ctx context.Context, tx *sql.Tx, queue string, n int, alive time.Duration) (v fair.View, err error) {
	from := lister(l.read)
	if tx != nil {
		from = tx
	}
	if v.Claims, v.Running, err = l.waiting(ctx, from, queue, n); err != nil || len(v.Claims) == 0 {
		return fair.View{}, err
	}
	if v.Slots, err = l.slots(ctx, from, queue, alive); err != nil {
		return fair.View{}, err
	}
	if err := l.used(ctx, from, queue, &v); err != nil {
		return fair.View{}, fmt.Errorf("read who had a turn: %w", err)
	}
	return v, nil
}

// Kinds of the rows in the table uses.
const (
	shareUse        = "share"
	installationUse = "installation"
)

// used reads the recent use of all installations, and of the shares that wait.
func (l *Ledger) used(ctx context.Context, from lister, queue string, v *fair.View) (err error) {
	now := time.Now()
	if v.Installations, err = readUses(ctx, from, now, `queue = $1 AND kind = $2`, queue, installationUse); err != nil {
		return err
	}
	v.Shares = map[string]float64{}
	var names []any
	for _, claim := range v.Claims {
		if _, ok := v.Shares[claim.Share]; !ok {
			v.Shares[claim.Share] = 0
			names = append(names, claim.Share)
		}
	}
	for len(names) > 0 {
		some := names[:min(len(names), maxNames)]
		names = names[len(some):]
		var marks []string
		for i := range some {
			marks = append(marks, fmt.Sprintf("$%d", i+3))
		}
		found, err := readUses(ctx, from, now, `queue = $1 AND kind = $2 AND party IN (`+strings.Join(marks, ", ")+`)`,
			append([]any{queue, shareUse}, some...)...)
		if err != nil {
			return err
		}
		for share, use := range found {
			v.Shares[share] = use
		}
	}
	return nil
}

// maxNames bounds the parameters of one statement.
const maxNames = 500

func readUses(ctx context.Context, from lister, now time.Time, where string, args ...any) (map[string]float64, error) {
	rows, err := from.QueryContext(ctx, `SELECT party, amount, at FROM uses WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := map[string]float64{}
	for rows.Next() {
		var party string
		var use fair.Use
		var at int64
		if err := rows.Scan(&party, &use.Amount, &at); err != nil {
			return nil, err
		}
		use.At = time.UnixMilli(at)
		found[party] = use.Left(now)
	}
	return found, rows.Err()
}

// Began records, as part of tx, that claims of a queue were begun, and forgets what is too old to matter.
func (l *Ledger) Began(ctx context.Context, tx *sql.Tx, queue string, claims []fair.Claim) error {
	now := time.Now()
	for _, claim := range claims {
		for kind, party := range map[string]string{shareUse: claim.Share, installationUse: claim.Installation} {
			if err := charge(ctx, tx, now, queue, kind, party); err != nil {
				return fmt.Errorf("record whose turn it was: %w", err)
			}
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM uses WHERE at < $1`, millis(now.Add(-fair.Forgotten))); err != nil {
		return fmt.Errorf("forget old turns: %w", err)
	}
	return nil
}

func charge(ctx context.Context, tx *sql.Tx, now time.Time, queue, kind, party string) error {
	var use fair.Use
	var at int64
	err := tx.QueryRowContext(ctx, `SELECT amount, at FROM uses WHERE queue = $1 AND kind = $2 AND party = $3`, queue, kind, party).Scan(&use.Amount, &at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	use.At = time.UnixMilli(at)
	use = use.Again(now)
	_, err = tx.ExecContext(ctx, `
		INSERT INTO uses (queue, kind, party, amount, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (queue, kind, party) DO UPDATE SET amount = excluded.amount, at = excluded.at`,
		queue, kind, party, use.Amount, millis(use.At))
	return err
}

// Offer records, as part of tx, that a worker is alive and how many jobs it does at one time, by queue. A worker is one
// process. It repeats the offer while it lives, and forgets workers that have been silent for many times alive.
func (l *Ledger) Offer(ctx context.Context, tx *sql.Tx, worker string, slots map[string]int, alive time.Duration) error {
	for queue, n := range slots {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO workers (worker, queue, slots, beat_at) VALUES ($1, $2, $3, `+l.clockMillis()+`)
			ON CONFLICT (worker, queue) DO UPDATE SET slots = excluded.slots, beat_at = excluded.beat_at`, worker, queue, n)
		if err != nil {
			return fmt.Errorf("offer to work: %w", err)
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM workers WHERE beat_at NOT BETWEEN `+l.clockMillis()+` - $1 AND `+l.clockMillis()+` + $1`, 100*alive.Milliseconds())
	if err != nil {
		return fmt.Errorf("forget workers: %w", err)
	}
	return nil
}

// Withdraw ends the offer of a worker, as part of tx.
func (l *Ledger) Withdraw(ctx context.Context, tx *sql.Tx, worker string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM workers WHERE worker = $1`, worker); err != nil {
		return fmt.Errorf("withdraw the offer to work: %w", err)
	}
	return nil
}

// slots returns how many jobs of a queue the living workers do at one time. All times are by the clock of the database. If
// that is moved, the others count again after their next offer.
func (l *Ledger) slots(ctx context.Context, from lister, queue string, alive time.Duration) (n int, err error) {
	err = from.QueryRowContext(ctx, `
		SELECT coalesce(sum(slots), 0) FROM workers
		WHERE queue = $1 AND beat_at BETWEEN `+l.clockMillis()+` - $2 AND `+l.clockMillis()+` + $2`, queue, alive.Milliseconds()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count workers: %w", err)
	}
	return n, nil
}

// clockMillis is the SQL of the time by the clock of the database, in milliseconds.
func (l *Ledger) clockMillis() string {
	d := l.engine.sql()
	return d.millis(d.now)
}

// Move gives a job of any state to another queue, as part of tx. Only the worker that has the lease may move a running job.
func (l *Ledger) Move(ctx context.Context, tx *sql.Tx, job int64, queue string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE river_job SET queue = $2 WHERE id = $1`, job, queue); err != nil {
		return fmt.Errorf("move job to the queue %s: %w", queue, err)
	}
	return nil
}
