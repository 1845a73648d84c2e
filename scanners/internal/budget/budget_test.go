package budget

import (
	"errors"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	t.Parallel()
	now := 3 * time.Second
	m := New(2*time.Second, func() time.Duration { return now })
	for _, tt := range []struct {
		at   time.Duration
		over bool
	}{{3, false}, {5, false}, {6, true}, {9, true}} {
		now = tt.at * time.Second
		if err := m.Err(); errors.Is(err, ErrSpent) != tt.over {
			t.Errorf("at %s: %v", now, err)
		}
	}
	m.More(time.Second)
	if err := m.Err(); err != nil {
		t.Errorf("with more time: %v", err)
	}
	if now += 2 * time.Second; !errors.Is(m.Err(), ErrSpent) {
		t.Error("more time has no end")
	}
	if err := (*Meter)(nil).Err(); err != nil {
		t.Errorf("no meter: %v", err)
	}
}

// TestTimeIsThatOfTheProcessor computes until the processor time grows.
func TestTimeIsThatOfTheProcessor(t *testing.T) {
	m := Start()
	defer m.Stop()
	before := threadTime()
	n := 0
	for threadTime() == before {
		n++
	}
	if n < 0 || m.Err() != nil {
		t.Errorf("%v after %s", m.Err(), threadTime()-before)
	}
}
