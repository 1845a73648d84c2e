package ledger

import (
	"bytes"
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

func TestResults(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	want := map[string][]byte{"empty": {}, "some": []byte("some findings"), "long": bytes.Repeat([]byte("again and "), 10_000)}
	for i := range 2 * resultsAtOnce {
		want[fmt.Sprint("many", i)] = fmt.Append(nil, i)
	}
	if err := l.SaveResults(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	got, err := l.Results(t.Context(), append(slices.Collect(maps.Keys(want)), "unknown"))
	if err != nil || !maps.EqualFunc(got, want, bytes.Equal) {
		t.Fatalf("got %d results, %v; want %d", len(got), err, len(want))
	}
	var size int
	if err := l.read.QueryRowContext(t.Context(), `SELECT length(found) FROM results WHERE key = 'long'`).Scan(&size); err != nil || size > 1000 {
		t.Errorf("100 kB are kept in %d bytes, %v", size, err)
	}

	// A later value replaces an earlier one; a damaged one counts as missing.
	if err := l.SaveResults(t.Context(), map[string][]byte{"some": []byte("others")}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.write.ExecContext(t.Context(), `UPDATE results SET found = $1 WHERE key = 'long'`, []byte{0xff, 0, 0xff}); err != nil {
		t.Fatal(err)
	}
	got, err = l.Results(t.Context(), []string{"some", "long"})
	if err != nil || len(got) != 1 || string(got["some"]) != "others" {
		t.Errorf("got %q, %v", got, err)
	}

	// The next save removes old values.
	old := millis(time.Now().Add(-resultsLive - time.Hour))
	if _, err := l.write.ExecContext(t.Context(), `UPDATE results SET saved_at = $1 WHERE key = 'some'`, old); err != nil {
		t.Fatal(err)
	}
	if err := l.SaveResults(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, err = l.Results(t.Context(), []string{"some", "empty"}); err != nil || len(got) != 1 {
		t.Errorf("got %q, %v, want only the younger one", got, err)
	}
	if got, err = l.Results(t.Context(), nil); err != nil || len(got) != 0 {
		t.Errorf("without keys: %q, %v", got, err)
	}
}

// TestWritesAreShort saves a large scan while others write: no transaction may contain more than a batch, and
// waiting writers must get their turn in between.
func TestWritesAreShort(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it counts changes by functions of it")
	l := openNew(t)
	var most, before int
	var longest time.Duration
	l.observe = func(tx *sql.Tx, held time.Duration) {
		var changes int
		if err := tx.QueryRowContext(t.Context(), `SELECT total_changes()`).Scan(&changes); err != nil {
			t.Error(err)
		}
		most, before, longest = max(most, changes-before), changes, max(longest, held)
	}
	results := map[string][]byte{}
	for i := range 5001 {
		results[fmt.Sprint("small", i)] = fmt.Append(nil, i)
	}
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range 8 { // does not compress
		value := make([]byte, bytesAtOnce/2)
		for i := range value {
			value[i] = byte(noise.Uint32())
		}
		results[fmt.Sprint("large", i)] = value
	}
	for range 2 {
		if err := l.SaveResults(t.Context(), results); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("at most %d rows in a transaction, held for at most %v", most, longest)
	if most > rowsAtOnce+1 { // one row is the installation's
		t.Errorf("a transaction wrote %d rows, want %d at most", most, rowsAtOnce+1)
	}
	if got, err := l.Results(t.Context(), slices.Collect(maps.Keys(results))); err != nil || !maps.EqualFunc(got, results, bytes.Equal) {
		t.Errorf("got %d results, %v; want %d", len(got), err, len(results))
	}
	if _, err := l.write.ExecContext(t.Context(), `UPDATE results SET saved_at = 0`); err != nil {
		t.Fatal(err)
	}
	most = 0
	l.observe = func(tx *sql.Tx, _ time.Duration) {
		var changes int
		if err := tx.QueryRowContext(t.Context(), `SELECT changes()`).Scan(&changes); err != nil {
			t.Error(err)
		}
		most = max(most, changes)
	}
	if err := l.SaveResults(t.Context(), nil); err != nil || most != rowsAtOnce {
		t.Errorf("%v, %d old results were removed at once, want %d", err, most, rowsAtOnce)
	}
}

// TestResultThatIsTooLarge checks that a value over the limit is not stored.
func TestResultThatIsTooLarge(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	value, noise := make([]byte, maxSaved+1), rand.New(rand.NewPCG(1, 2))
	for i := range value {
		value[i] = byte(noise.Uint32())
	}
	if err := l.SaveResults(t.Context(), map[string][]byte{"a": value, "b": {1}}); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Results(t.Context(), []string{"a", "b"}); err != nil || len(got) != 1 || len(got["b"]) != 1 {
		t.Errorf("%v, %d results, want that of b", err, len(got))
	}
}

func BenchmarkPack(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pack([]byte("[]")); err != nil {
			b.Fatal(err)
		}
	}
}
