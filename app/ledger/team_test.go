package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestTeamsAreReadByIndex holds that no query reads a whole table.
func TestTeamsAreReadByIndex(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	for _, q := range []struct {
		query string
		args  int
		want  []string
	}{
		{teamLoadQuery, 6, []string{"view_team_subjects USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND kind=? AND number=? AND name=?)"}},
		{teamOfQuery, 5, []string{"view_team_subjects USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND kind=? AND number=?)"}},
		{teamAboutQuery, 5, []string{"a USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND kind=? AND about=?)", "s USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND kind=? AND number=? AND name=?)"}},
		{teamListQuery, 2, []string{"l USING PRIMARY KEY (team=?)", "s USING PRIMARY KEY (repo_id=? AND owner=? AND repo=? AND kind=? AND number=? AND name=?)"}},
		{teamsQuery, 1, []string{"SEARCH n USING", "SEARCH v USING COVERING INDEX view_teams_repo (repo_id=?)", "view_teams_repo (repo_id=? AND owner=?)"}},
		{teamDaysQuery, 3, []string{"t USING PRIMARY KEY (team=?)", "d USING PRIMARY KEY (team=? AND repo_id=? AND owner=? AND repo=? AND day>?)", "d USING PRIMARY KEY (team=? AND repo_id=? AND owner=? AND repo=? AND day=?)"}},
	} {
		plan := planOf(t, l, q.query, q.args)
		if strings.Contains(plan, "SCAN ") {
			t.Errorf("%s\nreads a whole table:\n%s", q.query, plan)
		}
		for _, want := range q.want {
			if !strings.Contains(plan, want) {
				t.Errorf("%s\nis planned as\n%s\nwithout %s", q.query, plan, want)
			}
		}
	}
}

// TestPushed: the time of the first webhook about a head counts, until there is another head.
func TestPushed(t *testing.T) {
	t.Parallel()
	l, ctx := openNew(t), t.Context()
	webhook := func(head string) {
		t.Helper()
		if err := l.Tx(ctx, func(tx *sql.Tx) error {
			return l.RecordWebhook(ctx, tx, Pull{RepoID: 1, Owner: "acme", Repo: "shop", Number: 7, Head: head})
		}); err != nil {
			t.Fatal(err)
		}
	}
	pushed := func(head string) time.Time {
		t.Helper()
		at, err := l.Pushed(ctx, Repo{ID: 1}, 7, head)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	if at := pushed("a"); !at.IsZero() {
		t.Errorf("before any webhook: %s", at)
	}
	webhook("a")
	first := pushed("a")
	if first.IsZero() || time.Since(first) < 0 {
		t.Errorf("a was pushed at %s", first)
	}
	if _, err := l.write.ExecContext(ctx, `UPDATE pulls SET pushed_at = pushed_at - 60000, heard_at = heard_at - 60000`); err != nil {
		t.Fatal(err)
	}
	first = pushed("a")
	webhook("a") // again
	webhook("")  // about something else
	if again := pushed("a"); !again.Equal(first) {
		t.Errorf("a was pushed at %s, after other webhooks at %s", first, again)
	}
	known, err := l.Pull(ctx, Repo{ID: 1}, 7)
	if err != nil {
		t.Fatal(err)
	}
	known.Head = "b" // GitHub says so before the webhook comes
	if err := l.Refresh(ctx, known); err != nil {
		t.Fatal(err)
	}
	if at := pushed("b"); !at.IsZero() {
		t.Errorf("b, whose webhook has not come, was pushed at %s", at)
	}
	webhook("b")
	if at := pushed("b"); !at.After(first) {
		t.Errorf("b was pushed at %s, a at %s", at, first)
	}
	if at := pushed("a"); !at.IsZero() {
		t.Errorf("a, which is not the newest head any more, was pushed at %s", at)
	}
}

// teamHistory fills a database with reviews of 89 days: 50 repositories, 20 teams, five reviews and a merge for each
// pull request, a decision for every second one.
func teamHistory(b *testing.B, n int) (*Ledger, time.Time) {
	b.Helper()
	l, err := Open(b.Context(), "sqlite:"+b.TempDir()+"/l.db")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	for from := 0; from < n; from += 500 {
		if err := l.Tx(b.Context(), func(tx *sql.Tx) error {
			for i := from; i < min(n, from+500); i++ {
				if err := teamReview(b.Context(), l, tx, i, now.AddDate(0, 0, -89).Add(time.Duration(i)*(89*24*time.Hour)/time.Duration(n))); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
	return l, now
}

func teamReview(ctx context.Context, l *Ledger, tx *sql.Tx, i int, at time.Time) error {
	pull := i / 5
	id := int64(1 + pull%50)
	owners := []string{fmt.Sprint("@acme/team", pull%20)}
	e := Event{At: at, RepoID: id, Owner: "acme", Repo: fmt.Sprint("shop", id), Number: 1 + pull/50, Head: fmt.Sprint("h", i)}
	add := func(kind string, v any) (err error) {
		e.Kind = kind
		if e.Data, err = json.Marshal(v); err != nil {
			return err
		}
		return l.RecordTx(ctx, tx, e)
	}
	if pull < 50 && i%5 == 0 {
		if err := l.Name(ctx, tx, id, e.Owner, e.Repo); err != nil {
			return err
		}
	}
	finding := func(j int) record.Finding {
		return record.Finding{
			Fingerprint: fmt.Sprintf("%026d:1", pull*4+j), Rule: fmt.Sprint("gosec/G", (pull+j)%20), Path: "a.go", Title: "A title", Severity: scanners.Severity(1 + (pull+j)%4),
			State: scanners.New, Shown: true, Owners: owners,
		}
	}
	r := record.Review{Verdict: "findings", Context: &record.Context{Owners: owners, Waited: int64(5_000 + i*7919%1_200_000)}}
	switch i % 5 {
	case 0:
		r.Findings = []record.Finding{finding(0), finding(1), finding(2)}
	case 1, 2:
		r.Findings = []record.Finding{finding(1), finding(2)}
	default:
		r.Findings = []record.Finding{finding(2)}
	}
	if err := add(record.Finished, r); err != nil || i%5 < 4 {
		return err
	}
	if left := finding(2); pull%2 == 0 {
		d := decision.Decision{
			ID: fmt.Sprint("A-", pull), Verb: "accept", Fingerprint: left.Fingerprint, Rule: left.Rule, Path: left.Path, Number: e.Number, Severity: left.Severity,
			Until: at.AddDate(0, 0, 30).Truncate(24 * time.Hour),
		}
		if err := add(record.DecisionMade, record.DecisionStep{Decision: &d, Who: "mona"}); err != nil {
			return err
		}
	}
	m := record.Merge{Into: "main", Default: true, Reviewed: true, Left: r.Findings}
	if pull >= 1000 { // an earlier one of the repository is gone
		m.Gone = []record.Finding{{Fingerprint: fmt.Sprintf("%026d:1", (pull-1000)*4+2)}}
	}
	if err := add(record.Merged, m); err != nil || pull%2 == 0 {
		return err
	}
	f := finding(2)
	return add(record.MergedOpen, record.OpenMerge{Owners: owners, Findings: []record.OpenFinding{{
		ID: f.ID(), Fingerprint: f.Fingerprint, Rule: f.Rule, Title: f.Title, Severity: f.Severity, Path: f.Path, Owners: owners,
	}}})
}

// BenchmarkTeam measures how long it takes to read what a team's figures are made from, and its list, from databases
// with few and with many recorded reviews.
func BenchmarkTeam(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint("reviews=", n), func(b *testing.B) {
			l, now := teamHistory(b, n)
			for name, read := range map[string]func() (int, error){
				"outcomes": func() (int, error) {
					list, err := l.TeamObservations(b.Context(), "acme", "@acme/team7", now.AddDate(0, 0, -90))
					return len(list), err
				},
				"everyone": func() (int, error) {
					list, err := l.TeamObservations(b.Context(), "acme", record.Everyone, now.AddDate(0, 0, -90))
					return len(list), err
				},
				"list": func() (int, error) {
					list, err := l.TeamList(b.Context(), "acme", "@acme/team7", now)
					return len(list), err
				},
				"teams": func() (int, error) {
					list, err := l.Teams(b.Context(), "acme")
					return len(list), err
				},
			} {
				b.Run(name, func(b *testing.B) {
					rows := 0
					for b.Loop() {
						var err error
						if rows, err = read(); err != nil || rows == 0 {
							b.Fatal(rows, err)
						}
					}
					b.ReportMetric(float64(rows), "rows")
				})
			}
		})
	}
}
