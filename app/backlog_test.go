package app_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
)

var lostDeliveries = flag.Int("lost", 260, "how many deliveries an outage loses")

// TestBacklog loses many deliveries in an outage, of which about one in 26 matters: pull requests that were opened or
// pushed to, and commands. The log says how long it takes until all of them have their verdict, and what it costs. The
// rest is what GitHub sends to an App of this kind: check runs and suites, pushes, labels, comments of bots and people.
func TestBacklog(t *testing.T) {
	w, err := demo.NewWorld(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.GitHub.Close)
	logs := &safeBuffer{}
	s := &stage{World: w, t: t, logs: logs}
	level := zerolog.New(logs).Level(zerolog.DebugLevel)
	w.Settings.Workers = "4"
	if err := w.Start(t.Context(), level); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error("stop:", err)
		}
	})
	s.recovered(1)
	const organisations, repositories = 3, 5
	type open struct {
		owner, repo string
		number      int
	}
	var pulls []open
	matter := *lostDeliveries * 270 / 7000
	commands := matter / 9
	s.unreachable(func() {
		w.GitHub.SetLimits(5000, 5000)
		var noise []func(at time.Time)
		for o := range organisations {
			owner := fmt.Sprint("org", o)
			w.GitHub.CreateOrg(owner)
			installed := w.GitHub.Install(owner)
			for i := range repositories {
				repo := w.GitHub.CreateRepo(owner, fmt.Sprint("repo", i), true)
				repo.SetPermission("mona", "write")
				base := repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
				for k := len(pulls); k < (matter-commands)*(o*repositories+i+1)/(organisations*repositories); k++ {
					branch := fmt.Sprint("change", k)
					repo.Commit(branch, base, branch, map[string]string{"a.py": "a = 1\n" + leak(k+1)})
					pulls = append(pulls, open{owner, fmt.Sprint("repo", i), repo.OpenPull("Change", "", "main", branch, "mona", false)})
				}
				about := map[string]any{"id": repo.ID(), "name": fmt.Sprint("repo", i), "owner": map[string]any{"login": owner}, "default_branch": "main"}
				bot := map[string]any{"login": "ci[bot]", "type": "Bot"}
				for _, kind := range [][2]string{
					{"check_run", "created"}, {"check_run", "completed"}, {"check_run", "completed"}, {"check_suite", "completed"}, {"push", ""}, {"pull_request", "labeled"},
					{"check_run", "created"}, {"pull_request_review_thread", "resolved"}, {"check_run", "completed"}, {"issue_comment", "created"},
				} {
					noise = append(noise, func(at time.Time) {
						w.GitHub.RecordLost(kind[0], map[string]any{
							"action": kind[1], "installation": map[string]any{"id": installed}, "repository": about, "sender": bot,
							"issue": map[string]any{"number": 1, "state": "open"}, "comment": map[string]any{"id": 1, "body": "Coverage is 81 %", "user": bot},
						}, at)
					})
				}
			}
		}
		for i := range commands {
			p := pulls[i*len(pulls)/commands]
			w.GitHub.Note(p.owner, p.repo, p.number, "mona", "/secbydesign status")
		}
		w.GitHub.Settle()
		for i := len(w.GitHub.Deliveries()); i < *lostDeliveries; i++ {
			noise[i%len(noise)](time.Now().Add(-time.Duration(i) * 10 * time.Second))
		}
	})
	began := time.Now()
	for _, p := range pulls {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
		_, err := w.Verdict(ctx, p.owner, p.repo, p.number)
		cancel()
		if err != nil {
			t.Fatalf("%s/%s#%d: %v", p.owner, p.repo, p.number, err)
		}
	}
	reviewed := time.Since(began)
	executed := func() (n int) {
		l, err := ledger.OpenReader(t.Context(), "sqlite:"+filepath.Join(w.Settings.DataDir, "secbydesign.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		events, err := l.Events(t.Context(), ledger.Filter{Kind: record.CommandExecuted})
		if err != nil {
			t.Fatal(err)
		}
		return len(events)
	}
	s.until("all commands are executed", func() bool { return executed() == commands })
	all := time.Since(began)
	s.recovered(2)
	text := logs.String()
	text = text[strings.LastIndex(text, `"serving"`):]
	asked := func(part string) int { return strings.Count(text, part) }
	search := asked(`"path":"/api/v3/app/hook/deliveries"`) + asked(`"path":"/api/v3/app/hook/deliveries/`) + asked(`"path":"/api/v3/app/installations"`) +
		asked(`"path":"/api/v3/installation/repositories"`)
	for _, message := range []string{"read the log of deliveries", "searched for lost deliveries"} {
		before, _, _ := strings.Cut(text, message)
		line, _, _ := strings.Cut(text[strings.LastIndexByte(before, '\n')+1:], "\n")
		t.Log(line)
	}
	t.Logf("%d lost deliveries, of which %d pull requests and %d commands matter: reviewed after %v, commands after %v; %d requests to search (%d pages of the log, %d payloads), %d in all",
		*lostDeliveries, len(pulls), commands, reviewed.Round(time.Millisecond), all.Round(time.Millisecond), search,
		asked(`"path":"/api/v3/app/hook/deliveries"`), asked(`"path":"/api/v3/app/hook/deliveries/`), asked(`"asked GitHub"`))
	if got := s.metric("secbydesign_pulls_recovered_total", ""); int(got) != len(pulls) {
		t.Errorf("%v pull requests without a verdict were found, want %d", got, len(pulls))
	}
	// A verdict is shown before its review ends.
	s.until("all reviews have ended", func() bool { return int(s.metric("secbydesign_reviews_total", "")) >= len(pulls) })
	if got := s.metric("secbydesign_reviews_total", ""); int(got) < len(pulls) || int(got) > len(pulls)+commands {
		t.Errorf("%v reviews of %d pull requests", got, len(pulls))
	}
	for _, p := range pulls {
		if threads := w.GitHub.Threads(p.owner, p.repo, p.number); len(threads) != 1 {
			t.Errorf("%s/%s#%d has %d threads, want 1", p.owner, p.repo, p.number, len(threads))
		}
	}
}
