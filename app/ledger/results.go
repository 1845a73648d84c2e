package ledger

import (
	"bytes"
	"compress/flate"
	"context"
	"database/sql"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// resultsLive is how long what a scanner found is kept. Content that is still looked at
	// then is scanned anew.
	resultsLive = 30 * 24 * time.Hour

	// resultsAtOnce is how many keys one statement has. SQLite takes 32,766 parameters
	// (https://www.sqlite.org/limits.html#max_variable_number), and a statement of 500 is as
	// fast for each of them.
	resultsAtOnce = 500

	// maxResult bounds one value when it is read, against a damaged or forged row.
	maxResult = 256 << 20
)

// Results gives what [Ledger.SaveResults] kept under the keys, for those that are there.
func (l *Ledger) Results(ctx context.Context, keys []string) (map[string][]byte, error) {
	found := map[string][]byte{}
	for some := range slices.Chunk(keys, resultsAtOnce) {
		args := make([]any, len(some))
		for i, k := range some {
			args[i] = k
		}
		if err := l.results(ctx, found, args); err != nil {
			return nil, fmt.Errorf("read results: %w", err)
		}
	}
	return found, nil
}

func (l *Ledger) results(ctx context.Context, found map[string][]byte, keys []any) error {
	rows, err := l.read.QueryContext(ctx, `SELECT key, found FROM results WHERE key IN (`+numbered(1, len(keys))+`)`, keys...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		var packed []byte
		if err := rows.Scan(&key, &packed); err != nil {
			return err
		}
		value, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxResult+1))
		if err != nil || len(value) > maxResult {
			continue // as if it were not there
		}
		found[key] = value
	}
	return rows.Err()
}

// SaveResults keeps values under keys, in the place of what was there, for about a month. It
// also lets go of some that are older.
func (l *Ledger) SaveResults(ctx context.Context, results map[string][]byte) error {
	now := time.Now()
	err := l.Tx(ctx, func(tx *sql.Tx) error {
		for some := range slices.Chunk(slices.Sorted(maps.Keys(results)), resultsAtOnce) {
			query := &strings.Builder{}
			var args []any
			for _, key := range some {
				packed, err := pack(results[key])
				if err != nil {
					return err
				}
				if len(args) > 0 {
					query.WriteString(", ")
				}
				fmt.Fprintf(query, "(%s)", numbered(len(args)+1, 3))
				args = append(args, key, packed, millis(now))
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO results (key, found, saved_at) VALUES `+query.String()+`
				ON CONFLICT (key) DO UPDATE SET found = excluded.found, saved_at = excluded.saved_at`, args...); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM results WHERE key IN (SELECT key FROM results WHERE saved_at < $1 LIMIT 1000)`,
			millis(now.Add(-resultsLive)))
		return err
	})
	if err != nil {
		return fmt.Errorf("save results: %w", err)
	}
	return nil
}

func pack(value []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(value); err != nil {
		return nil, err
	}
	err = w.Close()
	return b.Bytes(), err
}

// numbered lists n parameters from $first on.
func numbered(first, n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("$%d", first+i)
	}
	return strings.Join(names, ", ")
}
