package ledger

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestTurns lets urgent and other writers wait for one that holds the turn.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := &turns{}
		if err := turns.take(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		wait := func(ctx context.Context, name string, urgent bool) {
			go func() {
				if err := turns.take(ctx, urgent); err != nil {
					note(name + " left")
					return
				}
				note(name)
				turns.give()
			}()
			synctest.Wait() // so that the order of arrival is known
		}
		ctx, cancel := context.WithCancel(t.Context())
		wait(t.Context(), "a", false)
		wait(ctx, "b", false)
		wait(t.Context(), "c", false)
		wait(ctx, "d", true)
		wait(t.Context(), "e", true)
		cancel()
		synctest.Wait()
		slices.Sort(order)
		turns.give()
		synctest.Wait()
		if want := []string{"b left", "d left", "e", "a", "c"}; !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
		if turns.taken || len(turns.urgent)+len(turns.waiting) > 0 {
			t.Errorf("somebody still waits: %+v", turns)
		}
	})
}

// TestUrgentOnesDoNotTakeEveryTurn lets more urgent writers arrive than there are turns.
func TestUrgentOnesDoNotTakeEveryTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		turns := &turns{}
		if err := turns.take(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		var before atomic.Int32
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := turns.take(t.Context(), false); err == nil {
				if n := before.Load(); n != mostInRow {
					t.Errorf("%d urgent ones went before, want %d", n, mostInRow)
				}
				turns.give()
			}
		}()
		synctest.Wait()
		for range 100 {
			go func() {
				if err := turns.take(t.Context(), true); err == nil {
					before.Add(1)
					turns.give()
				}
			}()
		}
		synctest.Wait()
		turns.give()
		<-done
		synctest.Wait()
	})
}
