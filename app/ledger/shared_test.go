package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// opened opens a new ledger, and counts its committed transactions.
func opened(t *testing.T) (l *Ledger, url string, commits *atomic.Int64) {
	t.Helper()
	url = newURL(t)
	l, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	commits = &atomic.Int64{}
	l.observe = func(*sql.Tx, time.Duration) { commits.Add(1) }
	return l, url, commits
}

func (l *Ledger) take(ctx context.Context, guid string) error {
	return l.Shared(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return l.Accept(ctx, tx, Delivery{GUID: guid, Event: "ping"})
	})
}

// crowd keeps the writer busy until all calls wait, and returns their errors.
func crowd(t *testing.T, l *Ledger, calls ...func() error) []error {
	t.Helper()
	errs := make([]error, len(calls))
	var all sync.WaitGroup
	err := l.Tx(t.Context(), func(*sql.Tx) error {
		for i, call := range calls {
			all.Go(func() { errs[i] = call() })
			for waiting := 0; waiting <= i; time.Sleep(time.Millisecond) {
				l.shared.mu.Lock()
				waiting = len(l.shared.parts)
				l.shared.mu.Unlock()
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all.Wait()
	return errs
}

func stored(t *testing.T, l *Ledger) int {
	t.Helper()
	n, err := l.Deliveries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSharedTransaction checks that calls that wait at the same time share one transaction, and that the failure
// of one does not affect the others.
func TestSharedTransaction(t *testing.T) {
	t.Parallel()
	l, _, commits := opened(t)
	if err := l.take(t.Context(), "known"); err != nil {
		t.Fatal(err)
	}
	var calls []func() error
	for i := range 20 {
		calls = append(calls, func() error { return l.take(t.Context(), fmt.Sprint("good", i)) })
	}
	odd := errors.New("odd")
	calls = append(calls,
		func() error { return l.take(t.Context(), "known") },
		func() error {
			return l.Shared(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				return errors.Join(l.Accept(ctx, tx, Delivery{GUID: "undone"}), odd)
			})
		},
		func() error {
			return l.Shared(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_ = l.Accept(ctx, tx, Delivery{GUID: "panics"})
				panic("strange")
			})
		},
		func() error {
			return l.Shared(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO nowhere VALUES (1)`)
				return err
			})
		},
		func() error { return l.take(t.Context(), "last") },
	)
	commits.Store(0)
	errs := crowd(t, l, calls...)
	if got := commits.Load(); got != 2 {
		t.Errorf("%d transactions were committed, want one beside that of the test", got)
	}
	for i, err := range errs {
		var ok bool
		switch i {
		case 20:
			ok = errors.Is(err, ErrDuplicate)
		case 21:
			ok = errors.Is(err, odd)
		case 22:
			ok = err != nil && strings.Contains(err.Error(), "strange")
		case 23:
			ok = err != nil && strings.Contains(err.Error(), "nowhere")
		default:
			ok = err == nil
		}
		if !ok {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if got := stored(t, l); got != 22 {
		t.Errorf("%d are stored, want 22", got)
	}
}

// TestSharedTransactionIsLost lets one part end the transaction of all, as SQLite itself does if the disk is
// full. No caller may believe that its part is stored.
func TestSharedTransactionIsLost(t *testing.T) {
	t.Parallel()
	l, _, _ := opened(t)
	full := errors.New("full")
	errs := crowd(t, l,
		func() error { return l.take(t.Context(), "a") },
		func() error {
			return l.Shared(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, _ = tx.ExecContext(ctx, `ROLLBACK`)
				return full
			})
		},
		func() error { return l.take(t.Context(), "b") },
	)
	n := 0
	for _, err := range errs {
		if err == nil {
			n++
		}
	}
	if errs[0] == nil || !errors.Is(errs[1], full) {
		t.Errorf("got %v, want errors of the first two", errs)
	}
	if got := stored(t, l); got != n {
		t.Errorf("%d are stored, and %d were accepted", got, n)
	}
	if err := l.take(t.Context(), "c"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestCallerGoes checks that canceling one caller's context does not undo the work of others.
func TestCallerGoes(t *testing.T) {
	t.Parallel()
	l, _, _ := opened(t)
	gone, leave := context.WithCancel(t.Context())
	errs := crowd(t, l,
		func() error { return l.take(t.Context(), "a") },
		func() error {
			err := make(chan error, 1)
			go func() { err <- l.take(gone, "gone") }()
			time.Sleep(time.Millisecond)
			return <-err
		},
		func() error { leave(); return l.take(t.Context(), "b") },
	)
	if errs[0] != nil || errs[2] != nil {
		t.Errorf("got %v, want only an error of the second, if any", errs)
	}
	want := 2
	if errs[1] == nil {
		want = 3
	}
	if got := stored(t, l); got != want {
		t.Errorf("%d are stored, want %d", got, want)
	}
}

// lockElsewhere keeps all others from writing to a database until unlock.
func lockElsewhere(t *testing.T, url string) (unlock func()) {
	t.Helper()
	driver, name, lock := "pgx", url, fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, writerLock)
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name, lock = "sqlite", "file:"+path+"?_txlock=exclusive", `SELECT 1`
	}
	other, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := other.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(t.Context(), lock)
	}
	if err != nil {
		t.Fatal(err)
	}
	unlock = func() {
		if err := errors.Join(tx.Rollback(), other.Close()); err != nil && !errors.Is(err, sql.ErrTxDone) {
			t.Error(err)
		}
	}
	return unlock
}

// TestDatabaseIsLocked locks the database from another program. The first caller waits for a moment; later ones
// fail at once, until the database is unlocked.
func TestDatabaseIsLocked(t *testing.T) {
	t.Parallel()
	l, url, _ := opened(t)
	unlock := lockElsewhere(t, url)
	if err := l.take(t.Context(), "first"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("got %v, want %v", err, ErrUnavailable)
	}
	// All of these together may take no longer than a single wait.
	ctx, cancel := context.WithTimeout(t.Context(), sharedPatience)
	defer cancel()
	for i := range 100 {
		if err := l.take(ctx, fmt.Sprint(i)); !errors.Is(err, ErrUnavailable) {
			t.Fatalf("call %d: %v, want %v", i, err, ErrUnavailable)
		}
	}
	unlock()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		err := l.take(t.Context(), "after")
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it stays away: %v", err)
		}
	}
	if got := stored(t, l); got != 1 {
		t.Errorf("%d are stored, want 1", got)
	}
}
