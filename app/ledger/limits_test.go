package ledger

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestLimitsOfProcesses has two processes on one database.
func TestLimitsOfProcesses(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	one, other := openAt(t, url), openAt(t, url)
	now := time.Now().Truncate(time.Millisecond)
	for _, l := range []Limit{
		{"core", false, now.Add(time.Hour)},
		{"core", false, now.Add(time.Minute)}, // an earlier end changes nothing
		{"", true, now.Add(time.Minute)},
		{"", true, now.Add(2 * time.Minute)},
		{"graphql", false, now.Add(-time.Second)},
	} {
		if err := one.KeepLimit(t.Context(), 7, l); err != nil {
			t.Fatal(err)
		}
	}
	list, err := other.Limits(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Limit{}
	for _, l := range list {
		got[l.Resource] = l
	}
	if len(list) != 2 || !got["core"].Until.Equal(now.Add(time.Hour)) || got["core"].Secondary || !got[""].Until.Equal(now.Add(2*time.Minute)) || !got[""].Secondary {
		t.Errorf("%+v", list)
	}
	if list, err := other.Limits(t.Context(), 8); err != nil || len(list) != 0 {
		t.Errorf("of another installation: %+v, %v", list, err)
	}
}

// TestWritesTakeTurns has three processes that reserve turns at the same time: each gets another one, and the turns are
// pace apart.
func TestWritesTakeTurns(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	const pace, turns = time.Minute / 2, 6 // long, so that the time that the test takes does not matter
	var wg sync.WaitGroup
	var mu sync.Mutex
	slots := map[int]bool{}
	for range 3 {
		l := openAt(t, url)
		wg.Go(func() {
			for range turns {
				wait, ok, err := l.ReserveWrite(t.Context(), 7, pace, false, 0)
				if err != nil || !ok {
					t.Errorf("%v, %v", ok, err)
				}
				mu.Lock()
				slots[int((wait+pace/2)/pace)] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(slots) != 3*turns {
		t.Errorf("turns %v", slots)
	}
	l := openAt(t, url)
	if wait, ok, err := l.ReserveWrite(t.Context(), 8, pace, false, 0); wait != 0 || !ok || err != nil {
		t.Errorf("of another installation: %v, %v, %v", wait, ok, err)
	}
	// The clock was set back by a day since the last turn was reserved.
	if _, err := l.write.ExecContext(t.Context(), `UPDATE paces SET next_at = next_at + 86400000`); err != nil {
		t.Fatal(err)
	}
	if wait, ok, err := l.ReserveWrite(t.Context(), 7, pace, false, 0); wait != 0 || !ok || err != nil {
		t.Errorf("after the clock was set back: %v, %v, %v", wait, ok, err)
	}
}

// TestContentIsCounted has two processes that make content.
func TestContentIsCounted(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	all := []*Ledger{openAt(t, url), openAt(t, url)}
	reserve := func(n int, content bool) (time.Duration, bool) {
		t.Helper()
		wait, ok, err := all[n%2].ReserveWrite(t.Context(), 7, time.Millisecond, content, 10)
		if err != nil {
			t.Fatal(err)
		}
		return wait, ok
	}
	for n := range 10 {
		if _, ok := reserve(n, true); !ok {
			t.Fatalf("number %d is refused", n+1)
		}
	}
	for n := range 2 {
		if wait, ok := reserve(n, true); ok || wait < 59*time.Minute || wait > 61*time.Minute {
			t.Errorf("one more: %v, %v", wait, ok)
		}
		if _, ok := reserve(n, false); !ok {
			t.Error("a write that makes no content is refused")
		}
	}
	// An hour and a minute later.
	if _, err := all[0].write.ExecContext(t.Context(), fmt.Sprintf(`UPDATE contents SET minute = minute - %d`, contentWindow)); err != nil {
		t.Fatal(err)
	}
	if _, ok := reserve(0, true); !ok {
		t.Error("after an hour it is refused")
	}
}
