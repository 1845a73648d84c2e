package fair

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var turn Turn
		if err := turn.Take(t.Context(), "busy"); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		wait := func(ctx context.Context, share string) {
			go func() {
				if err := turn.Take(ctx, share); err != nil {
					note(share + " left")
					return
				}
				note(share)
				time.Sleep(time.Second)
				turn.Give()
			}()
			synctest.Wait() // so that the order of arrival is known
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 3 {
			wait(t.Context(), "busy")
		}
		wait(ctx, "gone")
		wait(t.Context(), "quiet")
		wait(t.Context(), "calm")
		wait(t.Context(), "quiet")
		cancel()
		synctest.Wait()
		turn.Give()
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{"gone left", "quiet", "calm", "busy", "quiet", "busy", "busy"}; !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
		if turn.taken || len(turn.waiting) > 0 {
			t.Error("somebody still has it")
		}
	})
}

func TestAccountForgets(t *testing.T) {
	t.Parallel()
	var a Account
	now := time.Now()
	for range 8 {
		a.Charge("a", now)
	}
	if got := a.Of("a", now.Add(2*memory)); got < 1.99 || got > 2.01 {
		t.Errorf("a quarter of 8 is %v", got)
	}
	for i := range 1000 {
		a.Charge(fmt.Sprint(i), now.Add(time.Duration(i)*memory))
	}
	if len(a.had) > 100 {
		t.Errorf("%d are remembered", len(a.had))
	}
}
