package ledger

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
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

	// A later value counts; a damaged one is as none.
	if err := l.SaveResults(t.Context(), map[string][]byte{"some": []byte("others")}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.write.ExecContext(t.Context(), `UPDATE results SET found = x'ff00ff' WHERE key = 'long'`); err != nil {
		t.Fatal(err)
	}
	got, err = l.Results(t.Context(), []string{"some", "long"})
	if err != nil || len(got) != 1 || string(got["some"]) != "others" {
		t.Errorf("got %q, %v", got, err)
	}

	// What is old goes with the next writing.
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
