package insight_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/app/insight"
)

// TestSurvivalMedian: the first two are the classical example, weeks of remission with 6-mercaptopurine and with a
// placebo (E. J. Freireich and others, Blood 21 (1963), 699-716), whose medians are 23 and 8.
func TestSurvivalMedian(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ended, open []int64
		median      int64
		reached     bool
	}{
		"6-mercaptopurine":               {[]int64{6, 6, 6, 7, 10, 13, 16, 22, 23}, []int64{6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35}, 23, true},
		"placebo":                        {[]int64{1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23}, nil, 8, true},
		"nothing":                        {nil, nil, 0, false},
		"nothing has ended":              {nil, []int64{3, 9}, 9, false},
		"one":                            {[]int64{4}, nil, 4, true},
		"half remain":                    {[]int64{1, 2}, []int64{5, 6}, 2, true},
		"exactly half, by way of thirds": {[]int64{1, 2, 3}, []int64{9, 9, 9}, 3, true},
		"more than half remain":          {[]int64{1}, []int64{5, 7}, 7, false},
		"open at the same time":          {[]int64{5}, []int64{5, 5, 5}, 5, false},
	} {
		median, reached := insight.SurvivalMedian(counts(tt.ended), counts(tt.open))
		if median != tt.median || reached != tt.reached {
			t.Errorf("%s: %d, reached %v; want %d, %v", name, median, reached, tt.median, tt.reached)
		}
	}
}

func counts(list []int64) map[int64]int64 {
	out := map[int64]int64{}
	for _, v := range list {
		out[v]++
	}
	return out
}

// TestSurvivalMedianLaws holds, on random times: with nothing open it is the median; it agrees with exact fractions; and
// what has not ended never makes it smaller.
func TestSurvivalMedianLaws(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 13))
	later := 0
	for range 3000 {
		var ended, open []int64
		for range 1 + r.IntN(30) {
			ended = append(ended, r.Int64N(40))
		}
		for range r.IntN(30) {
			open = append(open, r.Int64N(40))
		}
		plain, reached := insight.SurvivalMedian(counts(ended), nil)
		slices.Sort(ended)
		if middle := ended[(len(ended)-1)/2]; !reached || plain != middle {
			t.Fatalf("%v: %d, want %d", ended, plain, middle)
		}
		median, reached := insight.SurvivalMedian(counts(ended), counts(open))
		if want, ok := exactly(ended, open); median != want || reached != ok {
			t.Fatalf("%v, open %v: %d, %v; want %d, %v", ended, open, median, reached, want, ok)
		}
		// What has not ended yet, as early as it may be, counts as lasting.
		longer, _ := insight.SurvivalMedian(counts(ended), counts(append(open, 40, 40, 40)))
		if longer < median {
			t.Fatalf("%v, open %v: three more that last make %d of %d", ended, open, longer, median)
		}
		if longer > median {
			later++
		}
	}
	if later == 0 {
		t.Error("the open ones never mattered")
	}
}

// exactly computes the estimate in fractions.
func exactly(ended, open []int64) (int64, bool) {
	remain := big.NewRat(1, 1)
	all := append(slices.Clone(ended), open...)
	slices.Sort(all)
	for _, at := range slices.Compact(slices.Clone(all)) {
		risk, now := int64(0), int64(0)
		for _, v := range all {
			if v >= at {
				risk++
			}
		}
		for _, v := range ended {
			if v == at {
				now++
			}
		}
		if remain.Mul(remain, big.NewRat(risk-now, risk)); remain.Cmp(big.NewRat(1, 2)) <= 0 {
			return at, true
		}
	}
	return all[len(all)-1], false
}

func ExampleSurvivalMedian() {
	fixed := map[int64]int64{2: 3, 5: 1} // days, and how often
	open := map[int64]int64{30: 4}
	fmt.Println(insight.SurvivalMedian(fixed, nil))
	fmt.Println(insight.SurvivalMedian(fixed, open))
	// Output:
	// 2 true
	// 5 true
}
