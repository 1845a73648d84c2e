package fair

import (
	"fmt"
	"slices"
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
		var shares, installations Account
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
			id  int64
			end int
		}
		var busy []job
		for now := 0; len(claims)+len(busy) > 0; now++ {
			busy = slices.DeleteFunc(busy, func(j job) bool {
				if j.end == now {
					done[all[j.id].Share] = append(done[all[j.id].Share], now)
				}
				return j.end == now
			})
			view := View{Claims: claims, Slots: workers, Shares: map[string]float64{}, Installations: map[string]float64{}}
			for _, j := range busy {
				view.Running = append(view.Running, all[j.id])
			}
			for _, claim := range all {
				view.Shares[claim.Share] = shares.Of(claim.Share, time.Now())
				view.Installations[claim.Installation] = installations.Of(claim.Installation, time.Now())
			}
			for _, claim := range Choose(view, workers-len(busy)) {
				busy = append(busy, job{claim.ID, now + length[claim.Share]})
				claims = slices.DeleteFunc(claims, func(c Claim) bool { return c.ID == claim.ID })
				shares.Charge(claim.Share, time.Now())
				installations.Charge(claim.Installation, time.Now())
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

func TestChooseKeepsAQuarterFree(t *testing.T) {
	t.Parallel()
	claims := func(n int, installation, share string) (list []Claim) {
		for range n {
			list = append(list, Claim{Share: share, Installation: installation})
		}
		return list
	}
	repositories := func(n int, installation string) (list []Claim) {
		for i := range n {
			list = append(list, Claim{Share: fmt.Sprint(installation, i), Installation: installation})
		}
		return list
	}
	for name, tt := range map[string]struct {
		view View
		n    int
		want int
	}{
		"of one process":                          {View{Claims: claims(9, "a", "x"), Slots: 4}, 4, 3},
		"of three":                                {View{Claims: claims(9, "a", "x"), Slots: 12}, 4, 4},
		"of three, with eight running":            {View{Claims: claims(9, "a", "x"), Running: claims(8, "a", "x"), Slots: 12}, 4, 1},
		"of three, with more running than ever":   {View{Claims: claims(9, "a", "x"), Running: claims(10, "a", "x"), Slots: 12}, 2, 0},
		"too few slots":                           {View{Claims: claims(9, "a", "x"), Slots: 3}, 3, 3},
		"two of three, beside another":            {View{Claims: repositories(9, "a"), Slots: 3, Installations: map[string]float64{"b": 0.1}}, 3, 2},
		"two of two, beside another":              {View{Claims: repositories(9, "a"), Slots: 2, Installations: map[string]float64{"b": 0.1}}, 2, 2},
		"the only installation":                   {View{Claims: repositories(9, "a"), Slots: 8}, 8, 8},
		"an installation, as another waits":       {View{Claims: append(repositories(9, "a"), claims(1, "b", "y")...), Slots: 8}, 8, 7},
		"an installation, as another runs":        {View{Claims: repositories(9, "a"), Running: claims(1, "b", "y"), Slots: 8}, 7, 6},
		"an installation, as another came lately": {View{Claims: repositories(9, "a"), Slots: 8, Installations: map[string]float64{"b": 0.1}}, 8, 6},
		"nothing waits":                           {View{Slots: 8}, 8, 0},
		"no slot":                                 {View{Claims: claims(1, "a", "x")}, 8, 0},
	} {
		if got := len(Choose(tt.view, tt.n)); got != tt.want {
			t.Errorf("%s: %d are chosen, want %d", name, got, tt.want)
		}
	}
}

func TestChooseOrder(t *testing.T) {
	t.Parallel()
	ids := func(v View, n int) (list []int64) {
		for _, claim := range Choose(v, n) {
			list = append(list, claim.ID)
		}
		return list
	}
	claims := []Claim{{1, "", "i"}, {2, "", "i"}, {3, "", "i"}, {4, "b", "i"}, {5, "", "i"}}
	if got := ids(View{Claims: claims, Running: []Claim{{0, "", "i"}}, Slots: 4}, 4); !slices.Equal(got, []int64{4, 1, 2}) {
		t.Errorf("chosen %v", got)
	}
	if got := ids(View{Claims: claims, Slots: 9, Shares: map[string]float64{"": 1.5, "b": 2}}, 2); !slices.Equal(got, []int64{1, 4}) {
		t.Errorf("chosen %v", got)
	}
}
