package app_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// TestKilledDuringAMerge kills the program at random moments after a merge, also before the first review of the merged
// head has finished, and starts it again. Each merge ends in one event, and in one about what was open.
func TestKilledDuringAMerge(t *testing.T) {
	t.Parallel()
	s, p, again := apart(t)
	defer func() { p.kill() }()
	rng := rand.New(rand.NewPCG(13, 3))
	want := map[int]bool{} // whether something is open
	for i := range *kills {
		text := "b = 1\n"
		if i%4 != 3 {
			text += mild(i)
		}
		n := s.open(fmt.Sprint("change", i), map[string]string{fmt.Sprintf("b%d.py", i): text})
		want[n] = i%4 != 3
		if i%2 == 0 {
			s.verdict(n)
		}
		s.repo.MergePull(n, "mona")
		time.Sleep(time.Duration(rng.Int64N(int64(400 * time.Millisecond))))
		p.kill()
		p = again()
	}
	merges := func() (merged, open map[int]int) {
		merged, open = map[int]int{}, map[int]int{}
		for _, e := range s.recorded(record.Merged) {
			merged[e.Number]++
		}
		for _, e := range s.recorded(record.MergedOpen) {
			open[e.Number]++
		}
		return merged, open
	}
	s.until("each merge is recorded", func() bool { merged, _ := merges(); return len(merged) == len(want) })
	merged, open := merges()
	for n, is := range want {
		if merged[n] != 1 || open[n] != map[bool]int{true: 1}[is] {
			t.Errorf("#%d, with a finding: %t, has %d merges and %d of what was open", n, is, merged[n], open[n])
		}
	}
}

// TestWarnedOnceWhateverDies kills the program again and again while a warning is due.
func TestWarnedOnceWhateverDies(t *testing.T) {
	t.Parallel()
	s, p, again := apart(t)
	defer func() { p.kill() }()
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until")
	s.becomes(n, "success", "1 accepted")
	s.reviewed(n)
	s.Settings.ClockOffset = "20d"
	rng := rand.New(rand.NewPCG(13, 4))
	for range *kills {
		p.kill()
		p = again()
		time.Sleep(time.Duration(rng.Int64N(int64(300 * time.Millisecond))))
	}
	s.until("it is warned of", func() bool { return len(s.warned()) > 0 })
	p.kill()
	p = again()
	s.quiet(n)
	if events := s.recorded(record.DecisionWarned); len(events) != 1 {
		t.Errorf("%d warnings", len(events))
	}
}
