package ledger

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/fair"
)

// TestWorkersOfProcesses has processes that offer to work, fall silent, and withdraw.
func TestWorkersOfProcesses(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	one, other := openAt(t, url), openAt(t, url)
	const alive = time.Minute
	offer := func(l *Ledger, worker string, slots map[string]int) {
		t.Helper()
		err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.Offer(t.Context(), tx, worker, slots, alive) })
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(queue string, n int) {
		t.Helper()
		for _, l := range []*Ledger{one, other} {
			if got, err := l.slots(t.Context(), l.read, queue, alive); got != n || err != nil {
				t.Errorf("%s has %d workers, want %d: %v", queue, got, n, err)
			}
		}
	}
	want("a", 0)
	offer(one, "1", map[string]int{"a": 4, "b": 1})
	offer(other, "2", map[string]int{"a": 2})
	offer(other, "2", map[string]int{"a": 3})
	want("a", 7)
	want("b", 1)
	move := func(by time.Duration) {
		t.Helper()
		if _, err := one.write.ExecContext(t.Context(), fmt.Sprintf(`UPDATE workers SET beat_at = beat_at + %d`, by.Milliseconds())); err != nil {
			t.Fatal(err)
		}
	}
	move(-2 * alive) // all are silent
	want("a", 0)
	offer(one, "1", map[string]int{"a": 4})
	want("a", 4)
	move(2 * alive) // the clock was set back: the first seems to offer in the future, and the second just now
	want("a", 3)
	err := one.Tx(t.Context(), func(tx *sql.Tx) error { return one.Withdraw(t.Context(), tx, "2") })
	if err != nil {
		t.Fatal(err)
	}
	want("a", 0)
	move(-1000 * alive)
	offer(other, "3", map[string]int{"a": 1})
	var rows int
	if err := one.read.QueryRowContext(t.Context(), `SELECT count(*) FROM workers`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d rows are left, %v", rows, err)
	}
}

// TestTurnsAreRemembered records what two processes begin.
func TestTurnsAreRemembered(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	one, other := openAt(t, url), openAt(t, url)
	began := func(l *Ledger, queue string, claims ...fair.Claim) {
		t.Helper()
		if err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.Began(t.Context(), tx, queue, claims) }); err != nil {
			t.Fatal(err)
		}
	}
	var view fair.View
	for i := range 2 * maxNames { // more names than one statement takes
		view.Claims = append(view.Claims, fair.Claim{Share: fmt.Sprint(i)})
	}
	began(one, "a", fair.Claim{Share: "1", Installation: "x"}, fair.Claim{Share: "2", Installation: "x"})
	began(other, "a", fair.Claim{Share: "1", Installation: "x"}, fair.Claim{Share: "999", Installation: "y"})
	began(other, "b", fair.Claim{Share: "1", Installation: "x"})
	if err := one.used(t.Context(), one.read, "a", &view); err != nil {
		t.Fatal(err)
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if got > want || got < want*0.5 { // a test takes minutes at most
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("share 1", view.Shares["1"], 2)
	near("share 2", view.Shares["2"], 1)
	near("share 999", view.Shares["999"], 1)
	near("share 3", view.Shares["3"], 0)
	near("installation x", view.Installations["x"], 3)
	near("installation y", view.Installations["y"], 1)
	if _, err := one.write.ExecContext(t.Context(), fmt.Sprintf(`UPDATE uses SET at = at - %d`, fair.Forgotten.Milliseconds()+1000)); err != nil {
		t.Fatal(err)
	}
	began(one, "b", fair.Claim{Share: "4", Installation: "z"})
	var rows int
	if err := one.read.QueryRowContext(t.Context(), `SELECT count(*) FROM uses`).Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d rows are left, %v", rows, err)
	}
}
