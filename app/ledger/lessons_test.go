package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// teach has a pull request show lessons to teams.
func teach(t *testing.T, l *Ledger, repo int64, number int, lessons ...record.Lesson) []record.Taught {
	t.Helper()
	list, err := l.Teach(t.Context(), Event{RepoID: repo, Owner: "acme", Repo: fmt.Sprint("shop", repo), Number: number, Head: "h"}, lessons)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestLessonsFade(t *testing.T) {
	t.Parallel()
	l, write := openRequirements(t)
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	pay, core, mona, nobody := "@acme/pay", "@acme/core", "@mona", ""
	injection := func(team string) record.Lesson { return record.Lesson{Team: team, CWE: "CWE-89"} }
	fixed := func(owners ...string) []record.Finding {
		return []record.Finding{{Fingerprint: "a:1", CWE: "CWE-89", Owners: owners}}
	}
	for i, step := range []struct {
		what   string
		repo   int64
		number int
		lesson record.Lesson
		merge  []record.Finding // instead of a lesson
		want   string
	}{
		{"the first", 1, 1, injection(pay), nil, "first"},
		{"its next push", 1, 1, injection(pay), nil, "first"},
		{"the second", 1, 2, injection(pay), nil, "again"},
		{"another team", 1, 2, injection(core), nil, "first"},
		{"another weakness", 1, 2, record.Lesson{Team: pay, CWE: "CWE-79"}, nil, "first"},
		{"a repository that the team has, too", 2, 1, injection(pay), nil, "again"},
		{"a person", 1, 3, injection(mona), nil, "first"},
		{"a person in another repository", 2, 3, injection(mona), nil, "first"},
		{"nobody's file", 1, 4, injection(nobody), nil, "first"},
		{"nobody's file in another repository", 2, 4, injection(nobody), nil, "first"},
		{"the first again, after all of this", 1, 1, injection(pay), nil, "first"},
		{"a merge by another team", 1, 2, injection(core), fixed("@Acme/core"), ""},
		{"the one before the merge does not change", 1, 1, injection(pay), nil, "first"},
		{"the next one has an example of its repository", 1, 5, injection(pay), nil, "again #2"},
		{"a merge of the team", 1, 5, injection(pay), fixed(pay), ""},
		{"which still has its own example", 1, 5, injection(pay), nil, "again #2"},
		{"the next one prefers it", 1, 6, injection(pay), nil, "again #5"},
		{"the other team keeps its own", 1, 7, injection(core), nil, "again #2"},
		{"a new team has one from the start", 1, 8, injection("@acme/new"), nil, "first #5"},
		{"another repository shows nothing of this one", 2, 9, injection(pay), nil, "again"},
	} {
		if step.merge != nil {
			write(at.Add(time.Duration(i)*time.Minute), step.repo, step.number, record.Merged, record.Merge{Fixed: step.merge})
			continue
		}
		got := teach(t, l, step.repo, step.number, step.lesson)[0]
		text := map[bool]string{true: "first", false: "again"}[got.First]
		if got.Fixed > 0 {
			text += fmt.Sprint(" #", got.Fixed)
		}
		if text != step.want || got.Lesson != step.lesson {
			t.Errorf("%s: %s, want %s", step.what, text, step.want)
		}
	}
	events, err := l.Events(t.Context(), Filter{Kind: record.LessonShown})
	if err != nil || len(events) != 14 {
		t.Errorf("%d events, %v, want one for each pull request, team and weakness", len(events), err)
	}
}

// TestOneOfManyIsFirst has many processes review pull requests of a team at once: exactly one pull request shows a
// weakness for the first time, and all of its reviews say so.
func TestOneOfManyIsFirst(t *testing.T) {
	t.Parallel()
	l, _ := openRequirements(t)
	lesson := record.Lesson{Team: "@acme/pay", CWE: "CWE-89"}
	const pulls, reviews = 12, 3
	first := make([][reviews]bool, pulls)
	var wg sync.WaitGroup
	for n := range pulls {
		for i := range reviews {
			wg.Go(func() {
				list, err := l.Teach(context.WithoutCancel(t.Context()), Event{RepoID: int64(n % 3), Owner: "acme", Repo: "x", Number: 1 + n/3}, []record.Lesson{lesson})
				if err != nil || len(list) != 1 {
					t.Errorf("pull request %d: %v, %v", n, list, err)
					return
				}
				first[n][i] = list[0].First
			})
		}
	}
	wg.Wait()
	count := 0
	for n := range pulls {
		switch list := first[n][:]; {
		case !slices.Contains(list, true):
		case slices.Contains(list, false):
			t.Errorf("the reviews of pull request %d disagree: %v", n, list)
		default:
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d pull requests are the first", count)
	}
}

// TestExactlyOneFirst holds, on random histories with old reviews between, that each team and weakness has exactly one
// pull request that is the first, from whenever somebody asks.
func TestExactlyOneFirst(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 13))
		l, write := openRequirements(t)
		type pull struct {
			repo   int64
			number int
		}
		said, asked := map[record.Lesson]map[pull]bool{}, 0
		for range 60 {
			p := pull{1 + int64(r.IntN(2)), 1 + r.IntN(5)}
			owner, cwe := []string{"@acme/a", "@acme/b"}[r.IntN(2)], []string{"CWE-89", "CWE-79"}[r.IntN(2)]
			lesson := record.Lesson{Team: owner, CWE: cwe}
			if r.IntN(4) == 0 { // by a version that did not record lessons
				write(time.Now(), p.repo, p.number, record.Finished, record.Review{Findings: []record.Finding{{CWE: cwe, Owners: []string{owner}, State: scanners.New, Shown: true}}})
				if said[lesson] == nil {
					said[lesson] = map[pull]bool{p: true}
				}
				continue
			}
			asked++
			got := teach(t, l, p.repo, p.number, lesson)[0].First
			if said[lesson] == nil {
				said[lesson] = map[pull]bool{p: true}
			}
			if got != said[lesson][p] {
				t.Fatalf("history %d: %v in %v is first: %v, want %v", seed, lesson, p, got, said[lesson])
			}
		}
		if asked < 20 {
			t.Fatalf("history %d asked only %d times", seed, asked)
		}
	}
}

func TestLessonsOfATeam(t *testing.T) {
	t.Parallel()
	l, write := openRequirements(t)
	old, now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for id := range int64(2) {
		err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.Name(t.Context(), tx, id+1, "acme", fmt.Sprint("shop", id+1)) })
		if err != nil {
			t.Fatal(err)
		}
	}
	show := func(at time.Time, repo int64, number int, cwe string, owner string) {
		write(at, repo, number, record.LessonShown, record.Lessons{List: record.LessonsOf(cwe, "", "acme", []string{owner})})
	}
	for n := range 4 {
		show(now, 1, n, "CWE-89", "@acme/pay")
		show(old, 1, n, "CWE-22", "@acme/pay")
		show(now, 2, n, "CWE-79", "@acme/core")
	}
	show(now, 2, 1, "CWE-79", "@acme/pay")
	show(now, 2, 2, "CWE-79", "@acme/pay")
	show(now, 2, 2, "CWE-1004", "@acme/pay")
	show(now, 2, 2, "CWE-20", "@acme/pay")
	write(now, 2, 3, record.Merged, record.Merge{Gone: []record.Finding{{CWE: "CWE-79", Owners: []string{"@acme/pay"}}}})
	got, err := l.Lessons(t.Context(), "Acme", "@Acme/pay", now.AddDate(0, 0, -90), 3)
	want := []record.TeamLesson{
		{CWE: "CWE-89", Pulls: 4}, {CWE: "CWE-79", Pulls: 2, Owner: "acme", Repo: "shop2", Number: 3}, {CWE: "CWE-1004", Pulls: 1},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v\nwant %+v", got, err, want)
	}
	if got, err := l.Lessons(t.Context(), "globex", "@acme/pay", old, 3); err != nil || len(got) != 0 {
		t.Errorf("in another organisation: %+v, %v", got, err)
	}
}

// TestPlansOfLessons holds that the questions about lessons and campaigns are answered by an index.
func TestPlansOfLessons(t *testing.T) {
	t.Parallel()
	l, _ := openRequirements(t)
	for _, q := range []struct {
		query string
		args  int
		want  string
	}{
		{lessonHereQuery, 6, "view_lessons USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND team=? AND cwe=? AND number=?)"},
		{lessonFirstInTeamQuery, 2, "view_lessons USING COVERING INDEX view_lessons_team (team=? AND cwe=?)"},
		{lessonFirstInRepoQuery, 5, "view_lessons USING COVERING INDEX view_lessons_first (repo_id=? AND owner=? AND repo=? AND team=? AND cwe=?)"},
		{lessonFixOfTeamQuery, 6, "view_lesson_fixes USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND cwe=? AND team=? AND event<?)"},
		{lessonFixOfAnyQuery, 5, "view_lesson_fixes USING INDEX view_lesson_fixes_any (repo_id=? AND owner=? AND repo=? AND cwe=? AND event<?)"},
		{lessonsOfTeamQuery, 4, "l USING INDEX view_lessons_team (team=?)"},
		{lessonFixesOfTeamQuery, 3, "f USING INDEX view_lesson_fixes_team (team=? AND cwe=?)"},
		{campaignsQuery, 4, "view_campaigns USING PRIMARY KEY (repo_id=? AND owner=? AND repo=?)"},
		{progressQuery, 4, "view_campaign_findings USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND id=?)"},
	} {
		plan := planOf(t, l, q.query, q.args)
		if !strings.Contains(plan, q.want) || strings.Contains(plan, "SCAN") {
			t.Errorf("%s\nplan %q, want %q in it", q.query, plan, q.want)
		}
	}
}
