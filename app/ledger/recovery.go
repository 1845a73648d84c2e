package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A RecoveryRun is the state of the search for lost deliveries, of which there is one at a time over all processes that
// share the database. Runs are numbered, so that no two clocks have to be compared.
type RecoveryRun struct {
	Begun  int64  // number of the newest run; 0 before the first
	Done   int64  // number of the newest run that was completed
	Holder string // of the newest run; empty if it has ended
	Beats  int64  // grows while the holder is alive
}

// RecoveryRun reads the state of the search for lost deliveries.
func (l *Ledger) RecoveryRun(ctx context.Context) (RecoveryRun, error) {
	return readRun(ctx, l.read)
}

func readRun(ctx context.Context, from querier) (r RecoveryRun, err error) {
	err = from.QueryRowContext(ctx, `SELECT begun, done, holder, beats FROM recovery_run WHERE id = 1`).Scan(&r.Begun, &r.Done, &r.Holder, &r.Beats)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return RecoveryRun{}, fmt.Errorf("read the state of the recovery: %w", err)
	}
	return r, nil
}

// BeginRecovery begins the next run for holder, if the state is still the one that the caller saw. It returns the number
// of the run, or 0 if another process was first. The caller decides whether seen.Holder is dead.
func (l *Ledger) BeginRecovery(ctx context.Context, holder string, seen RecoveryRun) (run int64, err error) {
	err = l.Tx(ctx, func(tx *sql.Tx) error {
		run = 0
		now, err := readRun(ctx, tx)
		if err != nil || now != seen {
			return err
		}
		run = now.Begun + 1
		_, err = tx.ExecContext(ctx, `
			INSERT INTO recovery_run (id, begun, done, holder, beats) VALUES (1, $1, 0, $2, 0)
			ON CONFLICT (id) DO UPDATE SET begun = excluded.begun, holder = excluded.holder, beats = recovery_run.beats + 1`, run, holder)
		if err != nil {
			return fmt.Errorf("begin recovery: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return run, nil
}

// BeatRecovery shows that the holder of a run is alive. It returns false if another process has begun a newer one.
func (l *Ledger) BeatRecovery(ctx context.Context, holder string, run int64) (held bool, err error) {
	return l.changeRun(ctx, `UPDATE recovery_run SET beats = beats + 1 WHERE id = 1 AND begun = $1 AND holder = $2`, run, holder)
}

// EndRecovery ends a run; complete says whether it did everything. It does nothing if another process has begun a newer
// one.
func (l *Ledger) EndRecovery(ctx context.Context, holder string, run int64, complete bool) error {
	query := `UPDATE recovery_run SET holder = '' WHERE id = 1 AND begun = $1 AND holder = $2`
	if complete {
		query = `UPDATE recovery_run SET holder = '', done = begun WHERE id = 1 AND begun = $1 AND holder = $2`
	}
	_, err := l.changeRun(ctx, query, run, holder)
	return err
}

func (l *Ledger) changeRun(ctx context.Context, query string, run int64, holder string) (changed bool, err error) {
	err = l.Tx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, run, holder)
		if changed, err = one(res, err); err != nil {
			return fmt.Errorf("write the state of the recovery: %w", err)
		}
		return nil
	})
	return changed, err
}

// Recovered returns up to when a scope was read, by GitHub's clock; zero if it never was.
func (l *Ledger) Recovered(ctx context.Context, scope string) (time.Time, error) {
	var at int64
	err := l.read.QueryRowContext(ctx, `SELECT at FROM recovery WHERE scope = $1`, scope).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("read how far %s were recovered: %w", scope, err)
	}
	return time.UnixMilli(at).UTC(), nil
}

// SetRecovered records up to when a scope was read, by GitHub's clock. An earlier time than the recorded one changes
// nothing.
func (l *Ledger) SetRecovered(ctx context.Context, scope string, at time.Time) error {
	return l.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO recovery (scope, at) VALUES ($1, $2)
			ON CONFLICT (scope) DO UPDATE SET at = excluded.at WHERE excluded.at > recovery.at`, scope, millis(at))
		if err != nil {
			return fmt.Errorf("record how far %s were recovered: %w", scope, err)
		}
		return nil
	})
}

// knownAtOnce is how many deliveries one query asks for.
const knownAtOnce = 200

// KnownDeliveries returns which of the deliveries with these GUIDs were recorded; the others are not in the map.
func (l *Ledger) KnownDeliveries(ctx context.Context, guids []string) (map[string]bool, error) {
	known := map[string]bool{}
	for len(guids) > 0 {
		n := min(len(guids), knownAtOnce)
		if err := l.knownDeliveries(ctx, guids[:n], known); err != nil {
			return nil, fmt.Errorf("read which deliveries are known: %w", err)
		}
		guids = guids[n:]
	}
	return known, nil
}

func (l *Ledger) knownDeliveries(ctx context.Context, guids []string, known map[string]bool) error {
	var in strings.Builder
	args := make([]any, len(guids))
	for i, g := range guids {
		fmt.Fprintf(&in, ", $%d", i+1)
		args[i] = g
	}
	rows, err := l.read.QueryContext(ctx, `SELECT guid FROM deliveries WHERE guid IN (`+in.String()[2:]+`)`, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var guid string
		if err := rows.Scan(&guid); err != nil {
			return err
		}
		known[guid] = true
	}
	return rows.Err()
}
