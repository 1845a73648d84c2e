package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// TestBackWithinReach takes an installation out of the App's reach while pull requests are opened and pushed to, and the
// search for lost deliveries runs. When it returns, what has no verdict is reviewed without a push, and what has one is not
// reviewed again. A pull request from before the first installation is left alone.
func TestBackWithinReach(t *testing.T) {
	t.Parallel()
	all := map[string]string{"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write"}
	for name, way := range map[string]struct {
		leave, back func(s *stage)
	}{
		"suspended": {
			leave: func(s *stage) { s.GitHub.Suspend(s.installed()) },
			back:  func(s *stage) { s.GitHub.Unsuspend(s.installed()) },
		},
		"removed and installed again": {
			leave: func(s *stage) { s.GitHub.Uninstall(s.installed()) },
			back:  func(s *stage) { s.GitHub.Install("acme") },
		},
		"a repository removed and added again": {
			leave: func(s *stage) { s.GitHub.RemoveRepositories(s.installed(), "shop") },
			back:  func(s *stage) { s.GitHub.AddRepositories(s.installed(), "shop") },
		},
		"a permission removed and accepted again": {
			leave: func(s *stage) {
				s.GitHub.SetPermissions(map[string]string{"metadata": "read", "contents": "read", "members": "read", "pull_requests": "write"})
			},
			back: func(s *stage) { s.GitHub.AcceptPermissions(s.installed(), all) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n"})
			s.GitHub.Uninstall(s.installed())
			early := s.open("early", map[string]string{"z.py": "z = 1\n" + leak(9)})
			s.GitHub.Advance(2 * time.Second) // GitHub's times are in seconds
			s.GitHub.Install("acme", "shop")
			has := s.open("has", map[string]string{"a.py": "a = 1\n" + leak(1)})
			pushed := s.open("pushed", map[string]string{"b.py": "b = 1\n" + leak(2)})
			for _, n := range []int{has, pushed} {
				s.verdict(n)
				s.reviewed(n)
			}
			s.recovered(1)
			way.leave(s)
			s.push(pushed, "pushed", map[string]string{"b.py": "b = 1\n" + leak(2) + leak(3)})
			opened := s.open("opened", map[string]string{"c.py": "c = 1\n" + leak(4)})
			s.GitHub.Settle()
			s.restart(func() {}) // the search that begins now cannot review them
			s.recovered(2)
			way.back(s)
			s.want(opened, "neutral", "c.py:2 open")
			s.want(pushed, "neutral", "b.py:2 open", "b.py:3 open")
			s.until("both reviews are recorded", func() bool {
				return s.finished(opened) > 0 && s.finished(pushed) > 1
			})
			if n := s.finished(has); n != 1 {
				t.Errorf("the pull request that had a verdict was reviewed %d times", n)
			}
			if runs := s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", early).HeadSHA); len(runs) > 0 {
				t.Errorf("the pull request from before the first installation has %d checks", len(runs))
			}
		})
	}
}

// finished counts the finished reviews of a pull request.
func (s *stage) finished(number int) (n int) {
	for _, e := range s.recorded(record.Finished) {
		if e.Number == number {
			n++
		}
	}
	return n
}

// TestNewRepositoriesSearchNothing adds repositories that the App has never seen: no search of the organisation follows.
func TestNewRepositoriesSearchNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.recovered(1)
	searches := func() int { return strings.Count(s.logs.String(), `"path":"/api/v3/installation/repositories"`) }
	before := searches()
	for i := range 3 {
		s.GitHub.CreateRepo("acme", fmt.Sprint("new", i), true)
	}
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.verdict(n)
	s.reviewed(n)
	if n := searches() - before; n != 0 {
		t.Errorf("the installation was searched %d times, and nothing new had been within reach before", n)
	}
}

// installed returns the newest installation of the App.
func (s *stage) installed() (id int64) {
	s.t.Helper()
	for _, d := range s.GitHub.Deliveries() {
		var payload struct{ Installation struct{ ID int64 } }
		if err := json.Unmarshal(d.Payload, &payload); err != nil {
			s.t.Fatal(err)
		}
		if d.Event == "installation" {
			id = max(id, payload.Installation.ID)
		}
	}
	return id
}
