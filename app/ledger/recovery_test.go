package ledger

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"
)

// TestRecoveryRuns holds that one process at a time runs the recovery, and that a newer run takes the lease of a dead one.
func TestRecoveryRuns(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	ctx := t.Context()
	var wg sync.WaitGroup
	runs := make([]int64, 8)
	for i := range runs {
		wg.Go(func() {
			run, err := l.BeginRecovery(ctx, fmt.Sprint("process ", i), RecoveryRun{})
			if err != nil {
				t.Error(err)
			}
			runs[i] = run
		})
	}
	wg.Wait()
	first := ""
	for i, run := range runs {
		if run != 0 {
			if first != "" || run != 1 {
				t.Fatalf("runs %v, want one with the number 1", runs)
			}
			first = fmt.Sprint("process ", i)
		}
	}
	if held, err := l.BeatRecovery(ctx, first, 1); err != nil || !held {
		t.Errorf("the holder's beat: %v, %v", held, err)
	}
	seen, err := l.RecoveryRun(ctx)
	if want := (RecoveryRun{Begun: 1, Holder: first, Beats: 1}); err != nil || seen != want {
		t.Errorf("the state is %+v, %v, want %+v", seen, err, want)
	}
	if run, err := l.BeginRecovery(ctx, "heir", seen); err != nil || run != 2 {
		t.Errorf("the second run has the number %d, %v", run, err)
	}
	if held, err := l.BeatRecovery(ctx, first, 1); err != nil || held {
		t.Errorf("the first holder still beats: %v, %v", held, err)
	}
	if err := l.EndRecovery(ctx, first, 1, true); err != nil {
		t.Error(err)
	}
	if seen, err := l.RecoveryRun(ctx); err != nil || seen.Done != 0 || seen.Holder != "heir" {
		t.Errorf("a run that lost its lease ended another: %+v, %v", seen, err)
	}
	if err := l.EndRecovery(ctx, "heir", 2, true); err != nil {
		t.Error(err)
	}
	if seen, err := l.RecoveryRun(ctx); err != nil || seen.Done != 2 || seen.Holder != "" {
		t.Errorf("after the end: %+v, %v", seen, err)
	}
}

// TestRecovered holds that what was read never goes back.
func TestRecovered(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	ctx := t.Context()
	if at, err := l.Recovered(ctx, "deliveries"); err != nil || !at.IsZero() {
		t.Errorf("before the first: %v, %v", at, err)
	}
	later := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{later.Add(-time.Hour), later, later.Add(-time.Minute)} {
		if err := l.SetRecovered(ctx, "deliveries", at); err != nil {
			t.Fatal(err)
		}
	}
	if at, err := l.Recovered(ctx, "deliveries"); err != nil || !at.Equal(later) {
		t.Errorf("read up to %v, %v, want %v", at, err, later)
	}
}

func TestKnownDeliveries(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	ctx := t.Context()
	var all []string
	for i := range 450 {
		guid := fmt.Sprint("guid-", i)
		all = append(all, guid)
		if i%3 != 0 {
			continue
		}
		if err := l.Tx(ctx, func(tx *sql.Tx) error { return l.Accept(ctx, tx, Delivery{GUID: guid, Event: "ping"}) }); err != nil {
			t.Fatal(err)
		}
	}
	known, err := l.KnownDeliveries(ctx, all)
	if err != nil || len(known) != 150 || !known["guid-447"] || known["guid-448"] {
		t.Errorf("%d of 150 are known, %v", len(known), err)
	}
	if known, err := l.KnownDeliveries(ctx, nil); err != nil || len(known) != 0 {
		t.Errorf("of none %v are known, %v", known, err)
	}
}
