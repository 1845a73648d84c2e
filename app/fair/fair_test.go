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

// A load describes the claims that wait at the beginning: how many each share of an installation has, in order of
// arrival.
type load []struct {
	installation, share string
	claims              int
	length              int // units of time that each of its claims takes
}

// play lets workers do all claims of a load, and returns when each share's claims were done.
func play(t *testing.T, workers int, l load) map[string][]int {
	t.Helper()
	done := map[string][]int{}
	synctest.Test(t, func(t *testing.T) {
		var c Chooser
		var claims []Claim
		length := map[string]int{}
		for _, part := range l {
			length[part.share] = part.length
			for range part.claims {
				claims = append(claims, Claim{ID: int64(len(claims)), Share: part.share, Installation: part.installation})
			}
		}
		all := slices.Clone(claims)
		type job struct {
			share string
			end   int
		}
		var busy []job
		for now := 0; len(claims)+len(busy) > 0; now++ {
			busy = slices.DeleteFunc(busy, func(j job) bool {
				if j.end == now {
					done[j.share] = append(done[j.share], now)
				}
				return j.end == now
			})
			running := map[string]int{}
			for _, j := range busy {
				running[j.share]++
			}
			for _, id := range c.Choose(claims, running, workers-len(busy), workers-workers/4) {
				busy = append(busy, job{all[id].Share, now + length[all[id].Share]})
				claims = slices.DeleteFunc(claims, func(c Claim) bool { return c.ID == id })
			}
			time.Sleep(time.Second)
		}
	})
	return done
}

// TestQuietOnesWaitLittle lets busy repositories ask before quiet ones. The quiet ones must get their turn nearly
// as soon as without the busy ones.
func TestQuietOnesWaitLittle(t *testing.T) {
	t.Parallel()
	quiet := func(installation string, n, claims int) (l load) {
		for i := range n {
			l = append(l, load{{installation, fmt.Sprint("quiet ", i), claims, 4}}...)
		}
		return l
	}
	busy := func(installation string, n, claims, length int) (l load) {
		for i := range n {
			l = append(l, load{{installation, fmt.Sprint("busy ", i), claims, length}}...)
		}
		return l
	}
	for _, tc := range []struct {
		name  string
		busy  load
		quiet load
		most  float64 // relative to the wait of the quiet ones alone
	}{
		{"one busy repository", busy("a", 1, 150, 4), quiet("b", 19, 1), 1.5},
		{"of the same installation", busy("a", 1, 150, 4), quiet("a", 19, 1), 1.5},
		{"which takes longer", busy("a", 1, 150, 10), quiet("b", 19, 1), 1.5},
		{"several pull requests of the quiet ones", busy("a", 1, 150, 4), quiet("b", 19, 5), 1.5},
		{"three busy repositories", busy("a", 3, 150, 4), quiet("b", 19, 1), 1.5},
		{"an installation of a hundred repositories", busy("a", 100, 2, 4), quiet("b", 3, 1), 1.5},
	} {
		for _, workers := range []int{1, 2, 4, 8} {
			if workers == 2 && tc.busy[0].length > 4 {
				continue // one of two workers is busy for long, which fairness cannot change
			}
			median := func(l load) float64 {
				var all []int
				for share, done := range play(t, workers, l) {
					if share[0] == 'q' {
						all = append(all, done...)
					}
				}
				slices.Sort(all)
				return float64(all[len(all)/2])
			}
			alone, beside := median(tc.quiet), median(append(slices.Clone(tc.busy), tc.quiet...))
			t.Logf("%s, %d workers: the median is %.0f beside them and %.0f alone", tc.name, workers, beside, alone)
			// Running claims are not stopped: the first turn of each worker is lost.
			if beside > tc.most*alone+float64(tc.busy[0].length) || len(tc.quiet) > 10 && workers < 8 && beside > tc.most*alone {
				t.Errorf("%s, %d workers: the median is %.0f, and %.0f alone", tc.name, workers, beside, alone)
			}
		}
	}
}

// TestBusyOnesGoOn lets quiet ones ask all the time. The busy one must be served as often as each of them.
func TestBusyOnesGoOn(t *testing.T) {
	t.Parallel()
	l := load{{"a", "busy", 40, 4}}
	for i := range 5 {
		l = append(l, load{{"b", fmt.Sprint("quiet ", i), 40, 4}}...)
	}
	done := play(t, 2, l)
	for share, times := range done {
		if len(times) != 40 {
			t.Errorf("%s: %d are done", share, len(times))
		}
	}
	last := func(share string) int { return slices.Max(done[share]) }
	if last("busy") > last("quiet 0")*5/4 {
		t.Errorf("the busy one ends at %d, a quiet one at %d", last("busy"), last("quiet 0"))
	}
}

func TestChooseKeepsOneFree(t *testing.T) {
	t.Parallel()
	var c Chooser
	claims := []Claim{{1, "", "i"}, {2, "", "i"}, {3, "", "i"}, {4, "b", "i"}, {5, "", "i"}}
	if got := c.Choose(claims, map[string]int{"": 1}, 4, 3); !slices.Equal(got, []int64{4, 1, 2}) {
		t.Errorf("chosen %v", got)
	}
	if got := c.Choose(nil, nil, 4, 3); len(got) != 0 {
		t.Errorf("chosen %v of nothing", got)
	}
}

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
