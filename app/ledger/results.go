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
	// resultsLive is how long the results of a scanner are kept. Content that is older and still in use is
	// scanned again.
	resultsLive = 30 * 24 * time.Hour

	// resultsAtOnce is how many keys one statement contains. SQLite allows 32,766 parameters
	// (https://www.sqlite.org/limits.html#max_variable_number), and a statement with 500 is as fast per key.
	resultsAtOnce = 500

	// maxResult bounds one unpacked value, as a protection against damaged or forged rows.
	maxResult = 256 << 20

	// These bound one write transaction. All other writers wait for it: deliveries, which GitHub abandons after
	// ten seconds, and heartbeats. A row costs some 20 µs.
	rowsAtOnce  = 200
	bytesAtOnce = 256 << 10

	// maxSaved bounds one packed value. A value of that size fills a transaction by itself.
	maxSaved = 8 << 20
)

// Results returns the values that [Ledger.SaveResults] stored under keys, as far as they exist.
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
			continue // treat it as missing
		}
		found[key] = value
	}
	return rows.Err()
}

// SaveResults stores values under keys for about a month and replaces earlier ones. It also removes some older
// values. It uses several short transactions, between which others write; after an error some of the values are
// stored. It skips values that are very large.
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
	// Sorted keys let a transaction touch fewer pages.
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

// packed is a row to write.
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

// forget removes the rows of a table whose column is older than before, for at most rowsAtOnce values of the
// column by. Most of the time there are no such rows, and then it does not write.
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

// packers pools the writers of [pack], each of which holds more than a megabyte.
var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// pack compresses a value. It must not be called within a transaction.
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
