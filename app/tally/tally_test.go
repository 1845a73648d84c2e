package tally_test

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
)

// everybody is whose figures and lists are compared.
var everybody = []string{"@acme/pay", "@acme/web", "@acme/ops", "@mona", "", "*"}

// TestAgainstRawEvents computes lists and figures of 10,000 random histories twice: from the kept sums, and from the raw
// events by an independent slow implementation.
func TestAgainstRawEvents(t *testing.T) {
	t.Parallel()
	const histories, shards = manyHistories, 4
	var counts [shards]map[string]int
	t.Run("shards", func(t *testing.T) {
		for shard := range counts {
			counts[shard] = map[string]int{}
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for seed := shard; seed < histories && !t.Failed(); seed += shards {
					both(t, uint64(seed), counts[shard])
				}
			})
		}
	})
	total := map[string]int{}
	for _, count := range counts {
		for key, n := range count {
			total[key] += n
		}
	}
	keys := []string{"entries"}
	for _, f := range insight.Measure("*", time.Time{}, time.Now(), nil).Figures {
		keys = append(keys, f.Key)
	}
	for _, key := range keys {
		t.Logf("%6d  %s", total[key], key)
		if total[key] < leastCompared {
			t.Errorf("%s was compared %d times", key, total[key])
		}
	}
}

// both compares the two ways for one history, and counts how often a figure had a value.
func both(t *testing.T, seed uint64, count map[string]int) {
	t.Helper()
	long := seed%41 == 0
	h := newHistory(t, seed, 8+int(seed%9)*2)
	for range 150 * truth(long) {
		h.step()
	}
	now := h.at.Add(time.Duration(h.r.IntN(20*24)) * time.Hour)
	from := now.AddDate(0, 0, -90)
	repos, raw := h.take(), h.raw()
	for i, team := range everybody {
		if !long && i != int(seed)%len(everybody) && team != "*" {
			continue
		}
		s := slowTeam{repos: raw, team: team, from: day(from), since: from, now: now}
		is := insight.Measure(team, from, now, observations(repos, team, day(from)))
		compare(t, seed, team, is, s.figures(), count)
		if team == "*" {
			continue
		}
		got, want := list(t, repos, team, now), s.list()
		if count["entries"] += len(want); !slices.Equal(got, want) {
			t.Errorf("history %d: the list of %q is\n%q\nthe events say\n%q", seed, team, got, want)
		}
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compare compares the figures of a team.
func compare(t *testing.T, seed uint64, team string, is insight.Outcomes, want map[string]slowFigure, shown map[string]int) {
	t.Helper()
	for _, f := range is.Figures {
		w := want[f.Key]
		delete(want, f.Key)
		if f.N != w.n {
			t.Errorf("history %d, %q: %s is made from %d, the events say %d", seed, team, f.Key, f.N, w.n)
		}
		if w.n < 5 {
			if f.Value != "" || f.Exact != 0 {
				t.Errorf("history %d, %q: %s has a value of %d observations: %q", seed, team, f.Key, w.n, f.Value)
			}
			continue
		}
		shown[f.Key]++
		if math.Abs(f.Exact-w.value) > 1e-9 || f.Value == "" || w.over != (len(f.Value) > 9 && f.Value[:9] == "more than") {
			t.Errorf("history %d, %q: %s is %v (%s), the events say %v, %v", seed, team, f.Key, f.Exact, f.Value, w.value, w.over)
		}
	}
	for key, w := range want {
		if w.n >= 5 {
			t.Errorf("history %d, %q: %s is missing, the events say %v", seed, team, key, w)
		}
	}
}

// raw returns the events of each repository.
func (h *history) raw() (list []slowRepo) {
	for _, id := range h.repos {
		var s slow
		for _, e := range h.events {
			if e.repo == id {
				s = append(s, e)
			}
		}
		list = append(list, newSlowRepo(s))
	}
	return list
}
