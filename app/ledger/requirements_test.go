package ledger

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

func openRequirements(t *testing.T) (*Ledger, func(at time.Time, repo int64, number int, kind string, data any)) {
	t.Helper()
	l, err := Open(t.Context(), newURL(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, func(at time.Time, repo int64, number int, kind string, data any) {
		t.Helper()
		b, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Record(t.Context(), Event{At: at, Kind: kind, RepoID: repo, Owner: "acme", Repo: fmt.Sprint("shop", repo), Number: number, Data: b}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRequirementsAreRemembered reads the answers of a repository, the questions of an author and a day, and the
// topics that merges left open.
func TestRequirementsAreRemembered(t *testing.T) {
	t.Parallel()
	l, write := openRequirements(t)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	day := now.Truncate(24 * time.Hour)
	answer := record.Answer{ID: "D-AAAAAAAA", Topic: "access", Component: "api", Keys: []string{"DS-01 GET /x"}, Text: "the gateway refuses it", How: "command", Who: "mona"}
	write(now.Add(-48*time.Hour), 1, 7, record.RequirementAnswered, answer)
	answer.ID = "D-BBBBBBBB"
	write(now, 1, 8, record.RequirementAnswered, answer)
	write(now, 1, 8, record.RequirementAnswered, answer) // by a second process
	write(now, 2, 8, record.RequirementAnswered, record.Answer{ID: "D-CCCCCCCC"})

	shop := Repo{ID: 1, Owner: "acme", Name: "shop1"}
	list, err := l.Answers(t.Context(), shop)
	if err != nil || len(list) != 2 || list[0].ID != "D-AAAAAAAA" || list[0].Number != 7 || !list[0].At.Equal(now.Add(-48*time.Hour)) || list[1].ID != "D-BBBBBBBB" {
		t.Errorf("answers: %+v, %v", list, err)
	}

	ask := func(at time.Time, repo int64, number int, id, author string) {
		write(at, repo, number, record.RequirementAsked, record.Question{ID: id, Topic: "access", Component: "api", Author: author})
	}
	ask(now, 1, 9, "Q1", "Mona")
	ask(now, 2, 3, "Q1", "mona")
	ask(now, 2, 3, "Q2", "mona")
	ask(now, 2, 4, "Q1", "ted")
	ask(day.Add(-time.Second), 2, 5, "Q1", "mona") // yesterday
	if n, err := l.Asked(t.Context(), "MONA", day, shop, 9); err != nil || n != 2 {
		t.Errorf("%d questions elsewhere today, %v, want 2", n, err)
	}

	for _, number := range []int{10, 10, 11} {
		write(now, 1, number, record.RequirementMerged, record.Question{ID: "Q1", Topic: "access", Component: "api", Author: "mona", Reopens: "D-AAAAAAAA"})
	}
	write(now, 1, 12, record.RequirementMerged, record.Question{ID: "Q1", Topic: "access", Component: "api", Author: "ted"})
	write(now, 2, 13, record.RequirementMerged, record.Question{ID: "Q1", Topic: "access", Component: "api", Author: "mona"})
	left, err := l.LeftOpen(t.Context(), shop, "mona")
	if want := map[string]int{"api access": 2}; err != nil || !reflect.DeepEqual(left, want) {
		t.Errorf("left open: %v, %v, want %v", left, err, want)
	}
	if list, err := l.Answers(t.Context(), shop); err != nil || len(list) != 1 || list[0].ID != "D-BBBBBBBB" {
		t.Errorf("after a merge that removed the evidence of the first: %+v, %v", list, err)
	}

	write(now.Add(-8*24*time.Hour), 1, 1, record.VoiceAsked, record.Voice{Role: "champion", Who: []string{"@anna"}})
	write(now.Add(-time.Hour), 1, 2, record.VoiceAsked, record.Voice{Role: "champion", Who: []string{"@Anna", "@ben"}})
	n, last, err := l.Voices(t.Context(), "@anna", now.Add(-7*24*time.Hour))
	if err != nil || n != 1 || !last.Equal(now.Add(-time.Hour)) {
		t.Errorf("asked %d times this week, last at %s, %v", n, last, err)
	}
}

// TestRequirementsAreReadByIndex holds that no query reads the whole table.
func TestRequirementsAreReadByIndex(t *testing.T) {
	t.Parallel()
	l, _ := openRequirements(t)
	for _, q := range []struct {
		query, index string
		args         int
	}{
		{answersQuery, "USING PRIMARY KEY", 3},
		{askedQuery, "USING COVERING INDEX view_requirements_author (author=? AND kind=? AND at>?)", 6},
		{leftQuery, "view_requirements", 4},
		{voiceQuery, "USING COVERING INDEX view_requirements_author (author=? AND kind=? AND at>?)", 2},
	} {
		plan := planOf(t, l, q.query, q.args)
		if strings.Contains(plan, "SCAN") || !strings.Contains(plan, q.index) {
			t.Errorf("%s\nis planned as\n%s", q.query, plan)
		}
	}
}

// TestChampionsTakeTurns asks three champions in one pull request after the other.
func TestChampionsTakeTurns(t *testing.T) {
	t.Parallel()
	l, write := openRequirements(t)
	champions := []string{"@anna", "@ben", "@acme/champions"}
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	next := func(author string) string {
		t.Helper()
		who, err := l.NextVoice(t.Context(), champions, author, now)
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	if got := next("Anna"); got != "@ben" {
		t.Errorf("about her own change %q is asked", got)
	}
	count := map[string]int{}
	for number := 1; number <= 20; number++ {
		now = now.Add(time.Minute)
		who := next("mona")
		count[who]++
		if want := champions[(number-1)%3]; number <= 15 && who != want {
			t.Errorf("in #%d %q is asked, want %q", number, who, want)
		}
		if who != "" {
			write(now, 1, number, record.VoiceAsked, record.Voice{Role: record.Champion, Who: []string{who}})
		}
	}
	if want := map[string]int{"@anna": 5, "@ben": 5, "@acme/champions": 5, "": 5}; !reflect.DeepEqual(count, want) {
		t.Errorf("in a week: %v, want %v", count, want)
	}
	now = now.Add(7 * 24 * time.Hour)
	if got := next("mona"); got == "" {
		t.Error("nobody is asked a week later")
	}
}
