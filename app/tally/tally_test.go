package tally_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/insight"
)

// everybody is whose figures and lists are compared.
var everybody = []string{"@acme/pay", "@acme/web", "@acme/ops", "@mona", "", "*"}

// TestAgainstRawEvents computes lists and figures of random histories twice: from the kept sums, and from the raw events
// by an independent slow implementation.
func TestAgainstRawEvents(t *testing.T) {
	t.Parallel()
	histories := 10_000
	shown := map[string]int{} // how often a figure had a value
	entries := 0
	for seed := range uint64(histories) {
		h := newHistory(t, seed, 24+int(seed%7)*4)
		if seed%100 == 0 {
			for range 100 {
				h.step()
			}
		}
		now := h.at.Add(time.Duration(h.r.IntN(20*24)) * time.Hour)
		from := now.AddDate(0, 0, -90)
		repos := h.take()
		raw := h.raw()
		for i, team := range everybody {
			if seed%100 != 0 && i != int(seed)%len(everybody) && team != "*" {
				continue
			}
			s := slowTeam{repos: raw, team: team, from: day(from), since: from, now: now}
			is := insight.Measure(team, from, now, observations(repos, team, day(from)))
			compare(t, seed, team, is, s.figures(), shown)
			if t.Failed() {
				t.FailNow()
			}
			if team == "*" {
				continue
			}
			got, want := list(t, repos, team, now), s.list()
			if entries += len(want); !slices.Equal(got, want) {
				t.Fatalf("history %d: the list of %q is\n%q\nthe events say\n%q", seed, team, got, want)
			}
		}
	}
	if entries < histories/10 {
		t.Errorf("only %d entries were compared", entries)
	}
	for _, f := range insight.Measure("*", time.Time{}, time.Now(), nil).Figures {
		t.Logf("%6d  %s", shown[f.Key], f.Key)
		if shown[f.Key] < 20 {
			t.Errorf("%s had a value %d times", f.Key, shown[f.Key])
		}
	}
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
func (h *history) raw() (list []slow) {
	for _, id := range h.repos {
		var s slow
		for _, e := range h.events {
			if e.repo == id {
				s = append(s, e)
			}
		}
		list = append(list, s)
	}
	return list
}
