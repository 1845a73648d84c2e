package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestRecoveryTakenOver loses deliveries while two processes on one database are away, and starts both. One of them
// searches, and is killed in the middle. The other one ends the search: each pull request has its one verdict, and each
// command is executed and answered once.
func TestRecoveryTakenOver(t *testing.T) {
	engines(t, func(t *testing.T, engine string) {
		t.Parallel() // most of it is waiting until the one that was killed counts as dead
		f := fleetWith(t, databaseOn(t, engine), func(s *app.Settings) { s.LogLevel = "debug" }, "all", "all")
		s := &stage{World: f.World, t: t, logs: &safeBuffer{}}
		c := newCrowd(f, 2)
		for i := range c.repos {
			c.repos[i].SetPermission("mona", "write")
			if err := c.contribute(i * shapes); err != nil {
				t.Fatal(err)
			}
		}
		c.settled()
		const ended = "searched for lost deliveries"
		s.until("the search of the start has ended", func() bool { return f.logged(ended) > 0 })
		for _, r := range f.replicas {
			r.process.kill()
		}
		// Of each repository one pull request is opened, and commands are written.
		opened := map[*fakegithub.Repo]int{}
		const commands = 4
		for i, repo := range c.repos {
			owner, name := f.GitHub.NameOf(repo)
			repo.Commit("lost", c.bases[i], "lost", map[string]string{"a.py": "a = 1\n" + leak(900+i)})
			opened[repo] = repo.OpenPull("Change", "", "main", "lost", "mona", false)
			for range commands {
				f.GitHub.Note(owner, name, c.changes[i].number, "mona", "/secbydesign status")
			}
		}
		f.GitHub.Settle()
		f.GitHub.Fail(fakegithub.Fault{Method: http.MethodGet, Path: "/app/hook/deliveries/*", Count: -1, Delay: 500 * time.Millisecond})
		const began = `"message":"read the log of deliveries"`
		before, earlier := f.logged(ended), map[*replica]int{}
		for _, r := range f.replicas {
			earlier[r] = strings.Count(r.log.String(), began)
			r.launch(t)
		}
		executed := func() (n int) {
			if err := openSQL(t, f.Settings.Database).QueryRowContext(t.Context(), `SELECT count(*) FROM events WHERE kind = '`+record.CommandExecuted+`'`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		s.until("half of the commands are executed", func() bool { return executed() >= commands })
		victims := 0
		for _, r := range f.replicas {
			if strings.Count(r.log.String(), began) > earlier[r] {
				r.process.kill()
				victims++
			}
		}
		if victims != 1 || executed() == len(c.repos)*commands || f.logged(ended) != before {
			t.Fatalf("%d processes searched, and %d commands were executed: want one that is killed in the middle", victims, executed())
		}
		f.GitHub.ClearFaults()
		s.until("the search has ended", func() bool { return f.logged(ended) > before })
		s.until("all commands are executed", func() bool { return executed() == len(c.repos)*commands })
		for _, repo := range c.repos {
			if err := c.await(repo, opened[repo], time.Now()); err != nil {
				t.Error(err)
			}
		}
		c.settled()
		for i, repo := range c.repos {
			owner, name := f.GitHub.NameOf(repo)
			if n := len(f.GitHub.Threads(owner, name, opened[repo])); n != 1 {
				t.Errorf("%s: the pull request has %d threads, want 1", name, n)
			}
			s.until("all commands are answered", func() bool { return answersTo(f.GitHub, owner, name, c.changes[i].number) >= commands })
			if n := answersTo(f.GitHub, owner, name, c.changes[i].number); n != commands {
				t.Errorf("%s: %d answers to %d commands", name, n, commands)
			}
		}
		if n := executed(); n != len(c.repos)*commands {
			t.Errorf("%d commands were executed, want %d", n, len(c.repos)*commands)
		}
	})
}

// answersTo counts the App's answers in the conversation of a pull request.
func answersTo(gh *fakegithub.Server, owner, repo string, number int) (n int) {
	for _, k := range gh.IssueComments(owner, repo, number) {
		if strings.Contains(k.Body, "secbydesign:v1 reply=") {
			n++
		}
	}
	return n
}
