package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/insight"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
)

// outcomes returns what the command writes.
func (s *stage) outcomes(q app.OutcomesQuery) string {
	s.t.Helper()
	q.Org, q.DataDir = "acme", s.Settings.DataDir
	var b strings.Builder
	if err := app.ShowOutcomes(s.t.Context(), &b, q); err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

// TestOutcomesOfATeam has a team whose findings are fixed in their pull requests, or accepted there, and reads its
// figures beside the running server. They name nobody.
func TestOutcomesOfATeam(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"pay/a.py": "a = 1\n", "web/b.py": "b = 1\n", ".github/CODEOWNERS": "/pay/ @acme/Payments\n"})
	s.people()
	s.GitHub.CreateTeam("acme", "payments", "hubot")
	const pulls = 5
	const open = "services:\n  a:\n    image: x:1\n    privileged: true\n"
	for i := range pulls {
		branch := fmt.Sprint("change", i)
		n := s.open(branch, map[string]string{"pay/a.py": "a = 1\n" + mild(i), "pay/compose.yml": open})
		s.reviewed(n)
		ids := s.ids(n) // the worst first
		if len(ids) != 2 {
			t.Fatalf("findings %v", ids)
		}
		s.said(n, "hubot", "/secbydesign accept "+ids[1]+" until=30d"+because, "is accepted until")
		s.reviewed(n)
		s.push(n, branch, map[string]string{"pay/compose.yml": strings.Replace(open, "true", "false", 1)})
		s.reviewed(n)
	}
	s.reviewed(s.open("unowned", map[string]string{"web/b.py": "b = 1\n" + mild(99)}))

	var o struct {
		insight.Outcomes
		Across []insight.Spread `json:"across_teams"`
	}
	figure := func(q app.OutcomesQuery, key string) insight.Figure {
		t.Helper()
		q.Format, o.Figures, o.Across = "json", nil, nil
		text := s.outcomes(q)
		if err := json.Unmarshal([]byte(text), &o); err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
		for _, login := range []string{"mona", "hubot", "olga"} {
			if strings.Contains(text, login) {
				t.Errorf("the figures name %s:\n%s", login, text)
			}
		}
		f, ok := o.Find(key)
		if !ok {
			t.Fatalf("there is no %s:\n%s", key, text)
		}
		return f
	}
	pay := app.OutcomesQuery{Team: "@acme/payments"}
	if f := figure(pay, "time_to_first_feedback"); f.N != 2*pulls || f.Exact <= 0 && f.Value != "0 seconds" || f.Value == "" {
		t.Errorf("%d heads were pushed, the time to feedback is %+v", 2*pulls, f)
	}
	for severity, rate := range map[string]float64{"medium": 1, "high": 0} {
		if f := figure(pay, "acceptance_rate_"+severity); f.N != pulls || f.Exact != rate || f.Value == "" {
			t.Errorf("of %d %s findings a share of %v was accepted, the figure is %+v", pulls, severity, rate, f)
		}
	}
	if f := figure(pay, "usefulness"); f.N != 2*pulls || f.Exact != 1 {
		t.Errorf("%d were accepted and %d are fixed, which is %+v", pulls, pulls, f)
	}
	if f := figure(pay, "reason_none"); f.N != pulls || f.Exact != 1 {
		t.Errorf("no reason class was given: %+v", f)
	}
	if len(o.Across) != 0 {
		t.Errorf("the figures of one team hold a distribution: %+v", o.Across)
	}
	if f := figure(app.OutcomesQuery{}, "unowned_share"); f.N != 2*pulls+1 || f.Exact != 1.0/float64(2*pulls+1) || len(o.Across) == 0 {
		t.Errorf("one of %d findings is unowned: %+v, across teams %+v", 2*pulls+1, f, o.Across)
	}
	if f := figure(app.OutcomesQuery{Team: "unowned"}, "time_to_first_feedback"); f.N != 1 || f.Value != "" || f.Exact != 0 {
		t.Errorf("one head is unowned: %+v", f)
	}
	if f := figure(app.OutcomesQuery{Team: "@acme/payments", Since: "1d", Now: time.Now().AddDate(0, 0, 3)}, "reason_none"); f.N != 0 {
		t.Errorf("three days later the last day has %+v", f)
	}
	for _, format := range []string{"", "text", "markdown"} {
		text := s.outcomes(app.OutcomesQuery{Team: "@acme/payments", Format: format})
		if !strings.Contains(text, "100 %") || !strings.Contains(text, "fewer than 5") {
			t.Errorf("as %q:\n%s", format, text)
		}
	}
	if text := s.outcomes(app.OutcomesQuery{}); !strings.Contains(text, "Across teams") || strings.Contains(text, "payments") {
		t.Errorf("all teams together:\n%s", text)
	}
}

// TestOutcomesRefusals: a wrong call is one sentence that says what to do.
func TestOutcomesRefusals(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(dir, "secbydesign.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.WriteFile(filepath.Join(dir, "no.db"), []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, q := range map[string]app.OutcomesQuery{
		"--team @mona is a person":                         {Team: "@mona"},
		"--since 90 is no period":                          {Since: "90"},
		"--since 0d is no period":                          {Since: "0d"},
		"--since 99999d is no period":                      {Since: "99999d"},
		"--since -5w is no period":                         {Since: "-5w"},
		"--since d is no period":                           {Since: "d"},
		"--format pdf is unknown":                          {Format: "pdf"},
		"there is no database":                             {DataDir: t.TempDir()},
		"is not a database of this":                        {Database: "sqlite:" + filepath.Join(dir, "no.db")},
		"SECBYDESIGN_DATABASE_URL: a database URL looks l": {Database: "mysql://x"},
	} {
		q.Org = "acme"
		if q.DataDir == "" {
			q.DataDir = dir
		}
		var b strings.Builder
		if err := app.ShowOutcomes(t.Context(), &b, q); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") || b.Len() > 0 {
			t.Errorf("%+v: %v, want %q; written: %q", q, err, want, b.String())
		}
	}
	var b strings.Builder
	if err := app.ShowOutcomes(t.Context(), &b, app.OutcomesQuery{Org: "acme", DataDir: dir, Since: "12w"}); err != nil || !strings.Contains(b.String(), "fewer than 5") {
		t.Errorf("an empty database: %v\n%s", err, b.String())
	}
}

// TestTheRecordSaysWhoOwnsTheChange: a review without findings counts for the owners of the changed files, too.
func TestTheRecordSaysWhoOwnsTheChange(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"pay/a.py": "a = 1\n", "web/b.py": "b = 1\n", "c.py": "", ".github/CODEOWNERS": "/pay/ @acme/pay @acme/all\n/web/ @acme/all @acme/web\n"})
	for _, team := range []string{"pay", "all", "web"} {
		s.GitHub.CreateTeam("acme", team, "olga")
	}
	n := s.open("change", map[string]string{"pay/a.py": "a = 2\n", "web/b.py": "b = 2\n", "c.py": "c = 2\n"})
	s.reviewed(n)
	l, err := ledger.OpenReader(t.Context(), "sqlite:"+filepath.Join(s.Settings.DataDir, "secbydesign.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := l.LastReview(t.Context(), ledger.Repo{Owner: "acme", Name: "shop"}, n)
	if err != nil || r.Context == nil {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := strings.Join(r.Context.Owners, " "); got != "@acme/all @acme/pay @acme/web" || r.Context.Waited <= 0 || len(r.Findings) != 0 {
		t.Errorf("owners %q, waited %d ms, findings %v", got, r.Context.Waited, r.Findings)
	}
	teams, err := l.Teams(t.Context(), "ACME")
	if want := []string{"@acme/all", "@acme/pay", "@acme/web"}; err != nil || strings.Join(teams, " ") != strings.Join(want, " ") {
		t.Errorf("teams %q, %v", teams, err)
	}
	if list, err := l.TeamObservations(t.Context(), "acme", record.Everyone, time.Now().AddDate(0, 0, -1)); err != nil || len(list) != 1 || list[0].N != 1 {
		t.Errorf("%+v, %v; three owners are one head", list, err)
	}
}
