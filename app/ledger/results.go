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
	"sync"
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

	// These bound one write transaction. Everything that writes waits for it: deliveries, which
	// GitHub gives up after ten seconds, and heartbeats. A row costs some 20 µs.
	rowsAtOnce  = 200
	bytesAtOnce = 256 << 10

	// maxSaved bounds one packed value. It fills a transaction of its own.
	maxSaved = 8 << 20
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
// also removes some that are older. It takes several short transactions, between which others
// write; after an error some of the values are kept. A value that is very large is not.
func (l *Ledger) SaveResults(ctx context.Context, results map[string][]byte) error {
	now := time.Now()
	var batch []packed
	size := 0
	save := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := l.saveResults(ctx, batch, now)
		batch, size = batch[:0], 0
		return err
	}
	// In the order of the keys, so that a transaction touches fewer pages.
	for _, key := range slices.Sorted(maps.Keys(results)) {
		value, err := pack(results[key])
		if err != nil {
			return fmt.Errorf("save results: %w", err)
		}
		if len(value) > maxSaved {
			continue
		}
		if len(batch) == rowsAtOnce || len(batch) > 0 && size+len(value) > bytesAtOnce {
			if err := save(); err != nil {
				return fmt.Errorf("save results: %w", err)
			}
		}
		batch, size = append(batch, packed{key, value}), size+len(value)
	}
	err := save()
	if err == nil {
		err = l.forget(ctx, "results", "saved_at", "key", now.Add(-resultsLive))
	}
	if err != nil {
		return fmt.Errorf("save results: %w", err)
	}
	return nil
}

// packed is a row to be written.
type packed struct {
	key   string
	value []byte
}

func (l *Ledger) saveResults(ctx context.Context, batch []packed, now time.Time) error {
	query := &strings.Builder{}
	query.WriteString(`INSERT INTO results (key, found, saved_at) VALUES `)
	args := make([]any, 0, 3*len(batch))
	for i, row := range batch {
		if i > 0 {
			query.WriteString(", ")
		}
		fmt.Fprintf(query, "(%s)", numbered(len(args)+1, 3))
		args = append(args, row.key, row.value, millis(now))
	}
	query.WriteString(` ON CONFLICT (key) DO UPDATE SET found = excluded.found, saved_at = excluded.saved_at`)
	return l.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query.String(), args...)
		return err
	})
}

// forget removes some of the rows of a table that are older, by one of its columns: those of a number of
// values of the column by. Most of the time there are none, and then it does not write.
func (l *Ledger) forget(ctx context.Context, table, column, by string, before time.Time) error {
	var old bool
	err := l.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+table+` WHERE `+column+` < $1)`, millis(before)).Scan(&old)
	if err != nil || !old {
		return err
	}
	return l.Tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE `+column+` < $1 AND `+by+` IN (SELECT `+by+` FROM `+table+` WHERE `+column+` < $1 LIMIT $2)`,
			millis(before), rowsAtOnce)
		return err
	})
}

// packers are the writers of [pack]: each holds more than a megabyte.
var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// pack compresses a value. It is not called within a transaction.
func pack(value []byte) ([]byte, error) {
	var b bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&b)
	if _, err := w.Write(value); err != nil {
		return nil, err
	}
	err := w.Close()
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
