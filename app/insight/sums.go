package insight

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// sums are the observations of a team in a period.
type sums struct {
	list     []record.Observation
	from, to time.Time
}

// weights of severities in the figures about acceptances; a note weighs nothing.
func weight(severity string) int64 {
	return map[string]int64{"low": 1, "medium": 3, "high": 10, "critical": 30}[severity]
}

const secondsOfDay = 24 * 60 * 60

func (s sums) today() int64 { return s.to.Unix() / secondsOfDay }

// count returns how many observations of a key are about something.
func (s sums) count(key, about string) (n int64) {
	for _, o := range s.list {
		if o.Key == key && o.About == about {
			n += o.N
		}
	}
	return n
}

// total returns how many observations of a key there are.
func (s sums) total(key string) (n int64) {
	for _, o := range s.list {
		if o.Key == key {
			n += o.N
		}
	}
	return n
}

// values returns how often a key has each value.
func (s sums) values(key string) map[int64]int64 {
	out := map[int64]int64{}
	for _, o := range s.list {
		if o.Key == key {
			out[o.Value] += o.N
		}
	}
	return out
}

// share returns the share of observations with a value, among those about something, or all of the key if about is
// empty.
func (s sums) share(key, about string, value int64) measured {
	var with, all int64
	for _, o := range s.list {
		if o.Key != key || about != "" && o.About != about {
			continue
		}
		if all += o.N; o.Value == value {
			with += o.N
		}
	}
	return ratio(with, all)
}

func ratio(part, whole int64) measured {
	if whole == 0 {
		return measured{}
	}
	return measured{n: whole, exact: float64(part) / float64(whole)}
}

// mean returns the mean value of a key.
func (s sums) mean(key string) measured {
	var total, n int64
	for value, times := range s.values(key) {
		total, n = total+value*times, n+times
	}
	return ratioOf(float64(total), n)
}

func ratioOf(total float64, n int64) measured {
	if n == 0 {
		return measured{}
	}
	return measured{n: n, exact: total / float64(n)}
}

// quantile returns the value below which a share of the values of a key lies, divided by the units of an hour: of the
// middle, the mean of the two values next to it; else the nearest rank.
func (s sums) quantile(key string, q float64, perHour int64) measured {
	values := s.values(key)
	var n int64
	for _, times := range values {
		n += times
	}
	if n == 0 {
		return measured{}
	}
	at := func(rank int64) float64 { // from 1
		for _, value := range slices.Sorted(maps.Keys(values)) {
			if rank -= values[value]; rank <= 0 {
				return float64(value)
			}
		}
		return 0
	}
	value := at(int64(math.Ceil(q * float64(n))))
	if q == 0.5 {
		value = (at((n+1)/2) + at(n/2+1)) / 2
	}
	return measured{n: n, exact: value / float64(perHour)}
}

// timeToFix returns the median in hours.
func (s sums) timeToFix() measured {
	open := map[int64]int64{}
	for since, n := range s.values(record.ObsOpen) {
		open[max(0, s.today()-since)] += n
	}
	return survival(s.values(record.ObsFixTime), open, 24)
}

// responseTime returns the median in hours.
func (s sums) responseTime() measured {
	waiting := map[int64]int64{}
	for since, n := range s.values(record.ObsWaiting) {
		if since >= s.from.Unix() {
			waiting[record.Coarse(s.to.Unix()-since)] += n
		}
	}
	return survival(s.values(record.ObsAdvice), waiting, 1.0/3600)
}

// survival returns the median of times of which some have not ended yet, in hours.
func survival(ended, open map[int64]int64, hours float64) measured {
	var n int64
	for _, times := range ended {
		n += times
	}
	for _, times := range open {
		n += times
	}
	median, reached := SurvivalMedian(ended, open)
	return measured{n: n, exact: float64(median) * hours, over: !reached}
}

// expiryDebt sums the days past the last day of acceptances, by weight.
func (s sums) expiryDebt() measured {
	var debt, n int64
	for _, o := range s.list {
		if o.Key == record.ObsCarried {
			n += o.N
			debt += weight(o.About) * max(0, s.today()-o.Value) * o.N
		}
	}
	return measured{n: n, exact: float64(debt)}
}

// backlog sums the weights of acceptances in force.
func (s sums) backlog() measured {
	var sum, n int64
	for _, o := range s.list {
		if o.Key == record.ObsCarried && o.Value >= s.today() {
			n += o.N
			sum += weight(o.About) * o.N
		}
	}
	return measured{n: n, exact: float64(sum)}
}

// rules lists the rules that got a reaction, sorted.
func (s sums) rules() (list []string) {
	for _, o := range s.list {
		if o.Key == record.ObsVerdict {
			list = append(list, o.About)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
