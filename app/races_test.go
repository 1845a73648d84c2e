package app_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// forget removes everything that no branch and no pull request reaches from the repository, as
// GitHub does some time after a force-push.
func (s *stage) forget(sha string) {
	s.t.Helper()
	for _, args := range [][]string{{"reflog", "expire", "--expire=now", "--all"}, {"gc", "--quiet", "--prune=now"}} {
		if out, err := exec.Command("git", append([]string{"-C", s.repo.GitDir()}, args...)...).CombinedOutput(); err != nil {
			s.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	if exec.Command("git", "-C", s.repo.GitDir(), "cat-file", "-e", sha).Run() == nil {
		s.t.Fatalf("%s is still there", sha)
	}
}

// TestHeadForcedAwayBeforeTheReview delivers the news of a head that is no more.
func TestHeadForcedAwayBeforeTheReview(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	hook := s.Address() + "/webhook"
	s.GitHub.SetWebhookURL("") // recorded, not sent
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	d := s.GitHub.Deliveries()
	old := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.repo.Commit("change", s.base, "rewritten", map[string]string{"a.py": "a = 1\nb = 2\n" + leak(2)})
	s.repo.MovePull(n)
	s.forget(old)
	s.GitHub.SetWebhookURL(hook)
	s.GitHub.Redeliver(d[len(d)-1].GUID)
	s.want(n, "neutral", "a.py:3 open")
}

// TestHeadForcedAwayDuringTheReview takes the head away between reading the pull request and fetching it, and sends no
// event: the review is tried again and finds the new head.
func TestHeadForcedAwayDuringTheReview(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.Fail(fakegithub.Slow("POST", "/repos/*/*/check-runs", 1, 2*time.Second))
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	old := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.until("the pull request has been read", func() bool { return strings.Contains(s.logs.String(), "/pulls/") })
	s.repo.Commit("change", s.base, "rewritten", map[string]string{"a.py": "a = 1\nb = 2\n" + leak(2)})
	s.repo.MovePull(n)
	s.forget(old)
	s.until("the new head has its verdict", func() bool { return s.metric("secbydesign_reviews_total", "") >= 1 })
	s.want(n, "neutral", "a.py:3 open")
}

// TestClosedDuringTheReview leaves no check in progress.
func TestClosedDuringTheReview(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.Fail(fakegithub.Slow("POST", "/repos/*/*/pulls/*/reviews", 1, 2*time.Second))
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.until("the review has begun", func() bool { return len(s.GitHub.CheckRuns("acme", "shop", head)) > 0 })
	s.GitHub.ClosePull("acme", "shop", n, "mona", false)
	s.until("every check has ended", func() bool {
		runs := s.GitHub.CheckRuns("acme", "shop", head)
		for _, run := range runs {
			if run.Status != "completed" {
				return false
			}
		}
		return len(runs) > 0
	})
	// Opened again, it gets what it would have got.
	s.GitHub.ReopenPull("acme", "shop", n, "mona")
	s.until("it has its thread", func() bool { return len(s.threads(n)) == 1 })
	s.until("the verdict counts", func() bool {
		run := s.verdict(n)
		return run.Name == checks.Name && run.Conclusion == "neutral"
	})
}

// swapped makes two changes that the App hears of with one delivery each, the second delivery first.
func (s *stage) swapped(first, second func()) {
	s.t.Helper()
	s.GitHub.Settle()
	hook := s.Address() + "/webhook"
	s.GitHub.SetWebhookURL("") // recorded, not sent
	var guids []string
	for _, change := range []func(){first, second} {
		change()
		d := s.GitHub.Deliveries()
		guids = append(guids, d[len(d)-1].GUID)
	}
	s.GitHub.SetWebhookURL(hook)
	for _, guid := range slices.Backward(guids) {
		s.GitHub.Redeliver(guid)
		s.GitHub.Settle()
	}
}

// TestReopenedIsHeardBeforeClosed holds that the last delivery is not believed for ever.
func TestReopenedIsHeardBeforeClosed(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	s.swapped(func() { s.GitHub.ClosePull("acme", "shop", n, "mona", false) }, func() { s.GitHub.ReopenPull("acme", "shop", n, "mona") })
	s.reviewed(n)
	s.said(n, "mona", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until")
	s.becomes(n, "success", "1 accepted")
	s.reviewed(n)
	if s.heard(n).Closed {
		t.Error("it counts as closed")
	}
}

// TestPushesAreHeardInTheWrongOrder holds that the newest head of a fork, of which GitHub names no pull
// request, is known all the same.
func TestPushesAreHeardInTheWrongOrder(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	fork := s.repo.Fork("casey")
	fork.Commit("patch", s.base, "from outside", map[string]string{"a.py": "a = 2\n"})
	n := s.repo.ForkPull(fork, "From outside", "", "main", "patch", "casey", false)
	s.becomes(n, "success", "No new findings")
	s.reviewed(n)
	push := func(name string) func() {
		return func() {
			fork.Commit("patch", "", "more", map[string]string{name: "b = 1\n"})
			s.repo.SyncPull(n)
		}
	}
	s.swapped(push("b.py"), push("c.py"))
	s.reviewed(n)
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	if got := s.heard(n).Head; got != head {
		t.Errorf("the head is %s, want %s", got, head)
	}
	before := len(s.GitHub.CheckRuns("acme", "shop", head))
	s.GitHub.RerequestSuite("acme", "shop", head, "mona")
	s.until("there is another run", func() bool { return len(s.GitHub.CheckRuns("acme", "shop", head)) > before })
}

// TestUninstalledDuringTheReview harms nobody else.
func TestUninstalledDuringTheReview(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.CreateOrg("gone")
	gone := s.GitHub.CreateRepo("gone", "repo", true)
	id := s.GitHub.Install("gone")
	gone.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
	gone.Commit("change", gone.Tip("main"), "change", map[string]string{"a.py": leak(1)})
	s.GitHub.Fail(fakegithub.Slow("POST", "/repos/gone/*/check-runs", 1, time.Second))
	gone.OpenPull("Change", "", "main", "change", "mona", false)
	s.until("the review has begun", func() bool { return strings.Contains(s.logs.String(), "/repos/gone/repo/pulls/") })
	s.GitHub.Uninstall(id)
	s.until("the review is given up", func() bool { return strings.Contains(s.logs.String(), "out of reach") })
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "neutral", "a.py:2 open")
}
