package insight

import (
	"maps"
	"slices"
)

// tolerance makes up for rounding in the product of the estimator.
const tolerance = 1e-9

// SurvivalMedian estimates the median of times of which some have not ended yet, by the product-limit estimator:
// E. L. Kaplan and P. Meier, Nonparametric Estimation from Incomplete Observations, JASA 53 (1958), 457-481. The maps
// hold how often each time occurs: ended ones, and open ones, which last longer than their time.
//
// The median is the smallest time at which at most half remain. If the estimate stays above one half, reached is false
// and median is the longest time; both are zero without times.
func SurvivalMedian(ended, open map[int64]int64) (median int64, reached bool) {
	var left int64
	times := map[int64]bool{}
	for _, of := range []map[int64]int64{ended, open} {
		for time, n := range of {
			left += n
			times[time] = true
		}
	}
	remain := 1.0
	for _, time := range slices.Sorted(maps.Keys(times)) {
		median = time
		if n := ended[time]; n > 0 {
			remain *= 1 - float64(n)/float64(left)
			if remain <= 0.5+tolerance {
				return time, true
			}
		}
		left -= ended[time] + open[time]
	}
	return median, false
}
