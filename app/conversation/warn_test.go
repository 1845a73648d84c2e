package conversation_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// accepted has hubot accept a finding for so many days, and returns the tasks that warn of the end.
func (s *stage) accepted(days string) (id string, warnings []queue.Task) {
	s.t.Helper()
	s.handler.Clock = clock.At(0)
	s.ledger.Clock = s.handler.Clock
	s.says("hubot", "accept "+medium.ID()+" until="+days+because)
	list := s.decided()
	for _, task := range s.tasks {
		if task.Kind == record.Warn {
			warnings = append(warnings, task)
		}
	}
	return list[len(list)-1].ID, warnings
}

// warn does a task, as the queue does it, and returns how many warnings are recorded.
func (s *stage) warn(task queue.Task) int {
	s.t.Helper()
	s.tasks = nil
	if err := s.handler.Warn(s.t.Context(), task); err != nil {
		s.t.Error(err)
	}
	events, err := s.ledger.Events(s.t.Context(), ledger.Filter{RepoID: s.repo.ID(), Kind: record.DecisionWarned})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(events)
}

// TestWarn: a warning comes once, in its time, for a decision that counts.
func TestWarn(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		happens func(s *stage, id string)
		days    int // that pass
		want    [2]int
	}{
		"in time":        {nil, 17, [2]int{1, 1}},
		"too late":       {nil, 28, [2]int{0, 1}},
		"after its end":  {nil, 31, [2]int{0, 0}},
		"years later":    {nil, 4000, [2]int{0, 0}},
		"after a revoke": {func(s *stage, id string) { s.says("hubot", "revoke "+id) }, 17, [2]int{0, 0}},
		"in a review": {func(s *stage, id string) {
			decided := medium
			decided.Decided = id
			s.review(record.Review{Verdict: checks.Clean, Conclusion: "success", Findings: []record.Finding{decided}})
		}, 17, [2]int{1, 1}},
		"worse since": {func(s *stage, _ string) {
			s.review(record.Review{Verdict: checks.Findings, Conclusion: "neutral", Findings: []record.Finding{medium}})
		}, 17, [2]int{0, 0}},
		"gone since": {func(s *stage, _ string) { s.review(record.Review{Verdict: checks.Clean, Conclusion: "success"}) }, 17, [2]int{0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "", medium)
			id, tasks := s.accepted("30d")
			if len(tasks) != 2 || tasks[0].ID != id+"-14" || tasks[1].ID != id+"-3" || !tasks[0].At.Before(tasks[1].At) {
				t.Fatalf("%+v", tasks)
			}
			if tt.happens != nil {
				time.Sleep(2 * time.Millisecond) // the ledger's times have no more digits
				tt.happens(s, id)
			}
			var early queue.Snooze
			if err := s.handler.Warn(t.Context(), tasks[0]); !errors.As(err, &early) || !early.Until.Equal(tasks[0].At) {
				t.Errorf("before its time: %v", err)
			}
			s.handler.Clock.Move(time.Duration(tt.days) * day)
			for _, task := range tasks {
				if task.At.After(s.handler.Clock.Now()) {
					continue
				}
				for range 3 {
					s.warn(task)
				}
			}
			events, err := s.ledger.Events(t.Context(), ledger.Filter{RepoID: s.repo.ID(), Kind: record.DecisionWarned})
			got := [2]int{}
			for _, e := range events {
				w, err := record.ReadOwnership[record.Warning](e.ID, e.Data)
				if err != nil || w.ID != id || e.Number != s.number {
					t.Errorf("%+v, %v", w, err)
				}
				got[map[int]int{14: 0, 3: 1}[w.Days]]++
			}
			want := tt.want
			if tt.days < 27 {
				want[1] = 0
			}
			if err != nil || got != want {
				t.Errorf("warned %v times, want %v, %v", got, want, err)
			}
		})
	}
}

// TestAWarningReachesTheList and nothing else, once.
func TestAWarningReachesTheList(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	id, tasks := s.accepted("30d")
	replies := len(s.replies())
	s.handler.Clock.Move(20 * 24 * time.Hour)
	if n := s.warn(tasks[0]); n != 1 || len(s.tasks) != 1 || s.tasks[0].Kind != record.Digest || s.tasks[0].ID != "warned-"+id+"-14" {
		t.Errorf("%d warnings, tasks %+v", n, s.tasks)
	}
	if len(s.replies()) != replies || len(s.reviews) != 1 {
		t.Errorf("%d replies, %d before; reviews %+v", len(s.replies()), replies, s.reviews)
	}
}

// TestScheduleWarnsOfOlderDecisions: at the start, those of older versions get their warnings, and those that are over
// or too late do not.
func TestScheduleWarnsOfOlderDecisions(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	s := newStage(t, "", medium)
	id, _ := s.accepted("30d")
	for _, tt := range []struct {
		days int
		want string
	}{{0, "14 3"}, {17, "14 3"}, {27, "3"}, {30, "3"}, {31, ""}, {1000, ""}} {
		s.tasks = nil
		s.handler.Clock.Move(time.Duration(tt.days) * day)
		if err := s.handler.Schedule(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.handler.Clock.Move(-time.Duration(tt.days) * day)
		var got []string
		for _, task := range s.tasks {
			got = append(got, strings.TrimPrefix(task.ID, id+"-"))
			if task.Kind != record.Warn || task.Installation != s.installed || task.Owner != "acme" || task.Number != s.number {
				t.Errorf("%+v", task)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("on day %d: %q, want %q", tt.days, got, tt.want)
		}
	}
	s.says("hubot", "revoke "+id)
	s.tasks = nil
	if err := s.handler.Schedule(t.Context()); err != nil || len(s.tasks) > 0 {
		t.Errorf("one that was revoked: %+v, %v", s.tasks, err)
	}
}

// TestAShortDecisionIsWarnedOfLess, and one that waits only once it counts.
func TestAShortDecisionIsWarnedOfLess(t *testing.T) {
	t.Parallel()
	for days, want := range map[string][]string{"2d": nil, "10d": {"3"}, "20d": {"14", "3"}} {
		s := newStage(t, "", medium)
		id, tasks := s.accepted(days)
		var got []string
		for _, task := range tasks {
			got = append(got, strings.TrimPrefix(task.ID, id+"-"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", days, got, want)
		}
	}
	s := newStage(t, "* @acme/payments\n", high)
	s.handler.Clock = clock.At(0)
	s.said("hubot", "accept "+high.ID()+" until=20d"+because, "waits as")
	if slices.ContainsFunc(s.tasks, func(task queue.Task) bool { return task.Kind == record.Warn }) {
		t.Errorf("one that waits: %+v", s.tasks)
	}
	s.handler.Clock.Move(8 * 24 * time.Hour)
	s.said("olga", "confirm "+s.decided()[0].ID, "Confirmed")
	var got []string
	for _, task := range s.tasks {
		if task.Kind == record.Warn {
			got = append(got, task.ID)
		}
	}
	if len(got) != 1 || !strings.HasSuffix(got[0], "-3") {
		t.Errorf("confirmed twelve days before the end: %q", got)
	}
}
