package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
)

// recorded lists the events of a kind about the repository.
func (s *stage) recorded(kind string) []ledger.Event {
	s.t.Helper()
	l, err := ledger.OpenReader(s.t.Context(), "sqlite:"+filepath.Join(s.Settings.DataDir, "secbydesign.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	events, err := l.Events(s.t.Context(), ledger.Filter{Owner: "acme", Repo: "shop", Kind: kind})
	if err != nil {
		s.t.Fatal(err)
	}
	return events
}

// warned lists the warnings as "A-… 14".
func (s *stage) warned() (list []string) {
	s.t.Helper()
	for _, e := range s.recorded(record.DecisionWarned) {
		w, err := record.ReadOwnership[record.Warning](e.ID, e.Data)
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, fmt.Sprint(w.ID, " ", w.Days))
	}
	return list
}

// move restarts the App with its clock moved.
func (s *stage) move(offset string) {
	s.t.Helper()
	s.restart(func() { s.Settings.ClockOffset = offset })
	s.ready()
}

// ready waits until the App has started.
func (s *stage) ready() {
	s.t.Helper()
	s.until("it is ready", func() bool {
		resp, err := http.Get(s.Address() + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// TestAnAcceptanceEndsUnderAMovedClock restarts the App with other offsets. The pull request is reviewed when the
// acceptance ends, the owner is warned once before, and nothing is said in the pull request.
func TestAnAcceptanceEndsUnderAMovedClock(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	id := decisionIn(s.said(n, "mona", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until"))
	s.becomes(n, "success", "1 accepted")
	s.reviewed(n)
	replies, notes := len(s.bot(n)), len(s.GitHub.IssueComments("acme", "shop", n))
	for _, offset := range []string{"15d", "360h", "0s"} {
		s.move(offset)
		s.becomes(n, "success", "1 accepted")
	}
	first, second := id+" 14", id+" 3"
	for range 2 {
		s.move("17d")
		s.until("the first warning", func() bool { return len(s.warned()) > 0 })
	}
	s.move("28d")
	s.until("the second warning", func() bool { return len(s.warned()) > 1 })
	s.move("17d") // back, and forth
	s.move("29d")
	s.becomes(n, "success", "1 accepted")
	if got := s.warned(); !slices.Equal(got, []string{first, second}) {
		t.Errorf("warned of %q", got)
	}
	s.move("744h")
	run := s.becomes(n, "failure", "1 new finding")
	if !strings.Contains(run.Summary, id+" does not count: it ended on ") {
		t.Errorf("the summary does not say what ended:\n%s", run.Summary)
	}
	s.reviewed(n)
	if got := s.warned(); len(got) != 2 {
		t.Errorf("after the end it is warned of again: %q", got)
	}
	if got := len(s.bot(n)); got != replies || len(s.GitHub.IssueComments("acme", "shop", n)) != notes {
		t.Errorf("%d replies, %d before", got, replies)
	}
	// It is accepted again, for 30 days from then. That is a renewal.
	day := time.Now().UTC().AddDate(0, 0, 31+30).Format(time.DateOnly)
	s.said(n, "mona", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until "+day)
	s.becomes(n, "success", "1 accepted")
	var renewals []int
	for _, e := range s.recorded(record.DecisionMade) {
		var step record.DecisionStep
		if err := json.Unmarshal(e.Data, &step); err != nil {
			t.Fatal(err)
		}
		renewals = append(renewals, step.Decision.Renewals)
	}
	if !slices.Equal(renewals, []int{0, 1}) {
		t.Errorf("renewals: %v", renewals)
	}
}

// TestYearsPassInAMoment moves the clock of a running App over the lives of several acceptances of one finding.
func TestYearsPassInAMoment(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.restart(func() { s.Clock = clock.At(0) })
	s.people()
	day := 24 * time.Hour
	var want []string
	for i := range 3 {
		n := s.open(fmt.Sprint("change", i), map[string]string{fmt.Sprintf("a%d.py", i): "a = 1\n" + mild(i)})
		s.becomes(n, "failure", "1 new finding")
		id := decisionIn(s.said(n, "mona", "/secbydesign accept "+s.id(n)+" until=90d"+because, "is accepted until "+s.Clock.Now().UTC().AddDate(0, 0, 90).Format(time.DateOnly)))
		s.becomes(n, "success", "1 accepted")
		s.reviewed(n)
		for _, days := range []int{14, 3} {
			s.Clock.Move(s.Clock.Now().UTC().Truncate(day).AddDate(0, 0, 90-days).Sub(s.Clock.Now().UTC().Truncate(day)))
			want = append(want, fmt.Sprint(id, " ", days))
			s.until("the warning", func() bool { return slices.Equal(s.warned(), want) })
			s.Clock.Move(-time.Duration(90-days) * day)
		}
		s.Clock.Move(91 * day)
		s.becomes(n, "failure", "1 new finding")
		s.Clock.Move(365 * day)
	}
	if got := s.warned(); !slices.Equal(got, want) {
		t.Errorf("warned of %q, want %q", got, want)
	}
	events := s.recorded(record.DecisionMade)
	if passed := events[2].At.Sub(events[0].At); passed < 2*456*day {
		t.Errorf("%s passed", passed)
	}
}

// TestMergedWhileNobodyListened merges a pull request with an open finding and one that was accepted, faster than its last review, and
// with the delivery lost. The debt is recorded once.
func TestMergedWhileNobodyListened(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".github/CODEOWNERS": "* @acme/core\n/b.py @acme/pay\n"})
	s.people()
	s.GitHub.CreateTeam("acme", "core", "mona", "olga")
	s.GitHub.CreateTeam("acme", "pay", "olga")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1), "b.py": "b = 1\n" + mild(2)})
	s.becomes(n, "neutral", "2 new findings")
	var ids = s.ids(n)
	s.said(n, "olga", "/secbydesign accept "+ids[0]+" until=30d"+because, "is accepted until")
	s.becomes(n, "neutral", "1 new finding")
	s.reviewed(n)
	s.repo.Commit("change", "", "more", map[string]string{"c.py": "c = 1\n" + mild(3)})
	s.restart(func() {
		s.repo.SyncPull(n) // both deliveries find nobody
		s.repo.MergePullBy(n, "mona", "squash")
	})
	s.until("the merge is recorded", func() bool { return len(s.recorded(record.MergedOpen)) > 0 })
	events := s.recorded(record.MergedOpen)
	open, err := record.ReadOwnership[record.OpenMerge](events[0].ID, events[0].Data)
	var got []string
	for _, f := range open.Findings {
		got = append(got, fmt.Sprintf("%s %s:%d %v", f.ID, f.Path, f.Line, f.Owners))
	}
	if err != nil || len(got) != 2 || got[0] != ids[1]+" b.py:2 [@acme/pay]" || !strings.HasSuffix(got[1], " c.py:2 [@acme/core]") || !slices.Equal(open.Owners, []string{"@acme/core", "@acme/pay"}) {
		t.Errorf("recorded %q of %q, %v", got, open.Owners, err)
	}
	s.restart(func() {})
	s.ready()
	s.reviewed(n)
	if merges := s.recorded(record.Merged); len(merges) != 1 || len(s.recorded(record.MergedOpen)) != 1 {
		t.Errorf("%d merges", len(merges))
	}
}
