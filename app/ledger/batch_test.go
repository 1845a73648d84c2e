package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// TestSharedBatch lets calls wait at the same time. Those with a batch are done by one call of it, which may leave some to
// their callers, and whose failure leaves all.
func TestSharedBatch(t *testing.T) {
	t.Parallel()
	l, _, _ := opened(t)
	var batches, alone atomic.Int64
	odd := errors.New("odd")
	take := func(guid string, batch Batch) error {
		return l.SharedBatch(t.Context(), Delivery{GUID: guid, Event: "ping"}, batch, func(ctx context.Context, tx *sql.Tx) error {
			alone.Add(1)
			return l.Accept(ctx, tx, Delivery{GUID: guid, Event: "ping"})
		})
	}
	deliveries := func(items []any) (list []Delivery) {
		for _, item := range items {
			list = append(list, item.(Delivery))
		}
		return list
	}
	good := func(ctx context.Context, tx *sql.Tx, items []any) ([]error, error) {
		batches.Add(1)
		results := make([]error, len(items))
		list := deliveries(items)
		for i, d := range list {
			switch d.GUID {
			case "left":
				results[i] = ErrAlone
			case "odd":
				results[i] = odd
			}
		}
		list = slices.DeleteFunc(list, func(d Delivery) bool { return d.GUID == "left" || d.GUID == "odd" })
		_, err := l.AcceptMany(ctx, tx, list)
		return results, err
	}
	fails := func(ctx context.Context, tx *sql.Tx, items []any) ([]error, error) {
		batches.Add(1)
		if _, err := l.AcceptMany(ctx, tx, deliveries(items)); err != nil {
			return nil, err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO nowhere VALUES (1)`)
		return nil, err
	}
	panics := func(context.Context, *sql.Tx, []any) ([]error, error) { batches.Add(1); panic("strange") }
	short := func(context.Context, *sql.Tx, []any) ([]error, error) { batches.Add(1); return []error{nil}, nil }
	for _, tt := range []struct {
		name           string
		batch          Batch
		guids          string
		batches, alone int64
	}{
		{"all together", good, "a b c", 1, 0},
		{"one", good, "d", 1, 0},
		{"one is left, one fails", good, "e left f odd", 1, 1},
		{"the batch fails", fails, "g h", 1, 2},
		{"the batch panics", panics, "i j", 1, 2},
		{"the batch forgets one", short, "k l", 1, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			batches.Store(0)
			alone.Store(0)
			var calls []func() error
			guids := strings.Fields(tt.guids)
			for _, guid := range guids {
				calls = append(calls, func() error { return take(guid, tt.batch) })
			}
			for i, err := range crowd(t, l, calls...) {
				if want := guids[i] == "odd"; errors.Is(err, odd) != want || (err != nil) != want {
					t.Errorf("%s: %v", guids[i], err)
				}
			}
			if batches.Load() != tt.batches || alone.Load() != tt.alone {
				t.Errorf("%d batches and %d alone, want %d and %d", batches.Load(), alone.Load(), tt.batches, tt.alone)
			}
		})
	}
	if got := stored(t, l); got != 13 {
		t.Errorf("%d are stored, want 13", got)
	}
}

// TestSharedBatchKeepsTheOrder puts calls without a batch between those with one.
func TestSharedBatchKeepsTheOrder(t *testing.T) {
	t.Parallel()
	l, _, _ := opened(t)
	var order []string // of one goroutine: the one that writes
	note := func(name string) func(context.Context, *sql.Tx) error {
		return func(context.Context, *sql.Tx) error { order = append(order, name); return nil }
	}
	batch := func(_ context.Context, _ *sql.Tx, items []any) ([]error, error) {
		order = append(order, fmt.Sprint(items))
		return make([]error, len(items)), nil
	}
	var calls []func() error
	for i := range 7 {
		calls = append(calls, func() error {
			if i == 2 || i == 5 {
				return l.Shared(t.Context(), note(fmt.Sprint("alone", i)))
			}
			return l.SharedBatch(t.Context(), i, batch, note(fmt.Sprint("single", i)))
		})
	}
	for i, err := range crowd(t, l, calls...) {
		if err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	}
	if got, want := strings.Join(order, " "), "[0 1] alone2 [3 4] alone5 [6]"; got != want {
		t.Errorf("done in the order %s, want %s", got, want)
	}
}
