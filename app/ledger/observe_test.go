package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

func TestOutcomeOfTransactions(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	var mu sync.Mutex
	var seen []string
	l.Observe = func(outcome string) { mu.Lock(); defer mu.Unlock(); seen = append(seen, outcome) }

	must(t, l.Tx(t.Context(), func(*sql.Tx) error { return nil }))
	_ = l.Tx(t.Context(), func(*sql.Tx) error { return fmt.Errorf("accept: %w", ErrDuplicate) })
	_ = l.Tx(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(`SELECT * FROM absent`); return fmt.Errorf("read: %w", err) })
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_ = l.Tx(ended, func(*sql.Tx) error { return nil })
	if want := []string{Committed, RolledBack, Failed, Cancelled}; !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
	for _, err := range []error{&pgconn.PgError{Code: "53300"}, driver.ErrBadConn, &net.OpError{Op: "dial", Err: errors.New("refused")}, ErrUnavailable} {
		if got := outcomeOf(t.Context(), fmt.Errorf("begin: %w", err)); got != Failed {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// TestOldestReview reads the age of a job that is older than the others, in every state that is not the last.
func TestOldestReview(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	age := func() time.Duration {
		t.Helper()
		d, err := l.OldestReview(t.Context())
		must(t, err)
		return d
	}
	if got := age(); got != 0 {
		t.Errorf("an empty queue waits for %s", got)
	}
	insert := func(kind, state string, hours int) {
		t.Helper()
		must(t, l.Tx(t.Context(), func(tx *sql.Tx) error {
			stamp := func(at time.Time) any {
				if pgtest.Chosen() {
					return at
				}
				return at.UTC().Format("2006-01-02 15:04:05.000")
			}
			now := time.Now()
			var final any
			if state == "completed" {
				final = stamp(now)
			}
			_, err := tx.Exec(`INSERT INTO river_job (args, kind, max_attempts, state, created_at, finalized_at) VALUES ('{}', $1, 5, $2, $3, $4)`,
				kind, state, stamp(now.Add(-time.Duration(hours)*time.Hour)), final)
			return err
		}))
	}
	insert("review", "completed", 9)
	insert("errand", "running", 8)
	if got := age(); got != 0 {
		t.Errorf("no review waits, for %s", got)
	}
	for i, state := range []string{"available", "retryable", "running", "scheduled"} {
		hours := i + 1
		insert("review", state, hours)
		if got := age(); got.Truncate(time.Hour) != time.Duration(hours)*time.Hour {
			t.Errorf("%s for %d hours: %s", state, hours, got)
		}
	}
}
