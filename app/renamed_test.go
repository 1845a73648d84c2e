package app_test

import (
	"flag"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

var moves = flag.Int("moves", 3, "at how many of a review's requests to rename or transfer the repository; 0 for all of them")

// TestRenamedDuringReview renames or transfers the repository before each request of a review, that of a push which
// fixes one finding, leaves one and adds one. In the end the head has one finished verdict under the new name,
// nothing is in progress, and each finding has one thread.
func TestRenamedDuringReview(t *testing.T) {
	t.Parallel()
	for _, kind := range []struct {
		name        string
		owner, repo string // afterwards; empty as before
		installed   bool   // the App is, there
		taken       bool   // another repository gets the name
	}{
		{"renamed", "", "new", true, false},
		{"renamed, and the name taken", "", "new", true, true},
		{"transferred", "globex", "", true, false},
		{"transferred to where the App is not", "initech", "", false, false},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n"})
			s.GitHub.CreateOrg("globex")
			s.GitHub.Install("globex")
			var requests, at atomic.Int64
			var act func()
			s.GitHub.Before(func(*http.Request) {
				if n := requests.Add(1); n == at.Load() {
					act()
				}
			})
			// begin makes a repository whose pull request is reviewed, and interrupted at the n-th request of the
			// second review.
			begin := func(name string, public bool, n int64, what func(*fakegithub.Repo)) *fakegithub.Repo {
				at.Store(0)
				s.repo = s.GitHub.CreateRepo("acme", name, public)
				s.base = s.repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
				s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1) + leak(2)})
				s.settled(s.repo)
				act = func() { what(s.repo) }
				requests.Store(0)
				at.Store(n)
				s.repo.Commit("change", s.base, "again", map[string]string{"a.py": "a = 1\n" + leak(1) + "b = 1\n" + leak(3)})
				s.repo.SyncPull(1)
				s.settled(s.repo)
				return s.repo
			}
			want := shows(begin("usual", true, 0, nil))
			total := requests.Load()
			if total < 10 || !strings.Contains(want, "secbydesign completed neutral") {
				t.Fatalf("a usual review takes %d requests, and shows\n%s", total, want)
			}
			step := int64(1)
			if *moves > 0 {
				step = max(1, total/int64(*moves))
			}
			for n := 1 + int64(len(kind.name))%step; n <= total; n += step {
				name := fmt.Sprintf("shop%d", n)
				if n > total/2 { // half of them hear of it by its own event
					s.GitHub.Subscribe("repository")
				}
				var other *fakegithub.Repo
				repo := begin(name, n%2 == 0, n, func(r *fakegithub.Repo) {
					if kind.repo != "" {
						r.Rename(kind.repo + name)
					}
					if kind.owner != "" {
						r.Transfer(kind.owner)
					}
					if kind.taken {
						// With the same commits, so that what is written to the wrong one would be there.
						s.GitHub.SetWebhookURL("")
						other = s.GitHub.CreateRepo("acme", name, true)
						out, err := exec.Command("git", "-C", other.GitDir(), "fetch", "--quiet", r.GitDir(), "+refs/heads/*:refs/heads/*").CombinedOutput()
						if err != nil {
							t.Errorf("%v: %s", err, out)
						}
						other.OpenPull("Another", "", "main", "change", "mona", false)
						s.GitHub.SetWebhookURL(s.Address() + "/webhook")
					}
				})
				when := fmt.Sprintf("%s before request %d of %d", kind.name, n, total)
				if !kind.installed {
					// That review ended, and its check in progress is closed once the App is installed there again.
					in := s.GitHub.Install(kind.owner)
					s.until("it shows the verdict, "+when, func() bool { return shows(repo) == want })
					s.settled(repo)
					s.GitHub.Uninstall(in)
				}
				if got := shows(repo); got != want {
					t.Errorf("%s, the pull request shows\n%s\nwant\n%s", when, got, want)
				}
				if other != nil {
					if runs, threads := s.GitHub.CheckRuns("acme", name, repo.Tip("change")), s.GitHub.Threads("acme", name, 1); len(runs)+len(threads)+len(s.GitHub.IssueComments("acme", name, 1)) > 0 {
						t.Errorf("%s, the other repository has the checks %+v and the threads %+v", when, runs, threads)
					}
				}
				if t.Failed() {
					break
				}
			}
		})
	}
}

// answer stands for the request that answers, whichever it is: it runs beside the requests of the next review.
const answer = -1

// TestRenamedDuringCommand renames or transfers the repository before each request by which an acceptance is carried
// out, answered, and counts in the next review.
func TestRenamedDuringCommand(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"renamed", "transferred"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n"})
			s.GitHub.CreateOrg("globex")
			s.GitHub.Install("globex")
			var requests, at atomic.Int64
			s.GitHub.Before(func(r *http.Request) {
				n := requests.Add(1)
				if at.Load() == answer && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/issues/1/comments") {
					at.Store(n)
				}
				if n != at.Load() {
				} else if kind == "renamed" {
					_, name := s.GitHub.NameOf(s.repo)
					s.repo.Rename("new-" + name)
				} else {
					s.repo.Transfer("globex")
				}
			})
			accept := func(name string, n int64) (total int64) {
				at.Store(0)
				s.repo = s.GitHub.CreateRepo("acme", name, n%2 == 0)
				s.people()
				s.base = s.repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
				s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
				s.settled(s.repo)
				_, id, _ := strings.Cut(newest(s.repo).Summary, "`F-")
				id = "F-" + id[:8]
				requests.Store(0)
				at.Store(n)
				s.GitHub.Note("acme", name, 1, "mona", "/secbydesign accept "+id+" until=30d"+because)
				s.until(fmt.Sprintf("%s before request %d: %s is accepted", kind, n, id), func() bool {
					return strings.Contains(newest(s.repo).Title, "1 accepted") && len(replies(s.repo)) > 0
				})
				s.settled(s.repo)
				if run, replies := newest(s.repo), replies(s.repo); run.Conclusion != "success" || len(replies) != 1 || !strings.Contains(replies[0], "is accepted until") {
					t.Errorf("%s before request %d: the check is %s, %q; the replies are %q", kind, n, run.Conclusion, run.Title, replies)
				}
				return requests.Load()
			}
			total := accept("usual", 0)
			accept("answered", answer)
			step := int64(1)
			if *moves > 0 {
				step = max(1, total/int64(*moves))
			}
			for n := 1 + int64(len(kind))%step; n <= total && !t.Failed(); n += step {
				accept(fmt.Sprint("shop", n), n)
			}
		})
	}
}

// newest returns the newest verdict on the first pull request of a repository.
func newest(repo *fakegithub.Repo) fakegithub.CheckRun {
	for _, run := range repo.CheckRuns(repo.Tip("change")) {
		if run.Name == checks.Name {
			return run
		}
	}
	return fakegithub.CheckRun{}
}

// replies lists the App's answers there.
func replies(repo *fakegithub.Repo) (list []string) {
	for _, k := range repo.IssueComments(1) {
		if strings.Contains(k.Body, "secbydesign:v1 reply=") {
			list = append(list, k.Body)
		}
	}
	return list
}

// settled waits until every event of the first pull request of a repository has been reviewed.
func (s *stage) settled(repo *fakegithub.Repo) {
	s.t.Helper()
	s.GitHub.Settle()
	l, err := ledger.OpenReader(s.t.Context(), "sqlite:"+filepath.Join(s.Settings.DataDir, "secbydesign.db"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	s.until(fmt.Sprintf("repository %d is reviewed", repo.ID()), func() bool {
		p, err := l.Pull(s.t.Context(), ledger.Repo{ID: repo.ID()}, 1)
		if err != nil {
			s.t.Fatal(err)
		}
		return p.Reviewed == p.Generation
	})
	s.GitHub.Settle()
}

// shows lists the newest check of each name at the head of the first pull request of a repository, all verdicts and
// checks in progress, its threads and comments.
func shows(repo *fakegithub.Repo) string {
	var lines []string
	newest := map[string]bool{}
	for _, run := range repo.CheckRuns(repo.Tip("change")) {
		if !newest[run.Name] || run.Status != "completed" || run.Name == checks.Name {
			lines = append(lines, fmt.Sprintf("%s %s %s %s annotations=%d", run.Name, run.Status, run.Conclusion, run.Title, len(run.Annotations)))
		}
		newest[run.Name] = true
	}
	for _, th := range repo.Threads(1) {
		lines = append(lines, fmt.Sprintf("%s:%d minimized=%q, %d comments", th.Path, th.Line, th.Comments[0].Minimized, len(th.Comments)))
	}
	for _, c := range repo.IssueComments(1) {
		first, _, _ := strings.Cut(c.Body, "\n")
		lines = append(lines, "summary "+first+c.Minimized)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
