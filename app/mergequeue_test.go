package app_test

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// group waits until the head of a merge group has its verdict.
func (s *stage) group(g fakegithub.MergeGroup) (run fakegithub.CheckRun) {
	s.t.Helper()
	s.until("the merge group has its verdict", func() bool {
		for _, k := range s.GitHub.CheckRuns("acme", "shop", g.HeadSHA) {
			if k.Name == checks.Name && k.Status == "completed" {
				run = k
				return true
			}
		}
		return false
	})
	return run
}

// queues lets the App hear of merge groups.
func (s *stage) queues() {
	s.GitHub.SetPermissions(map[string]string{"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write", "merge_queues": "read"})
}

// TestMergeQueueDoesNotHang is the complaint about required checks that never report on the head
// of a merge queue. Only what is new in the group counts, and what was decided holds.
func TestMergeQueueDoesNotHang(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", "old.py": "x = 1\n" + mild(9), ".secbydesign.yml": blocking})
	s.queues()
	s.people()
	clean := s.open("clean", map[string]string{"c.py": "c = 1\n", "old.py": "x = 1\ny = 2\n" + mild(9)})
	s.becomes(clean, "success", "No new findings")
	accepted := s.open("accepted", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(accepted, "failure", "1 new finding")
	s.said(accepted, "hubot", "/secbydesign accept "+s.id(accepted)+" until=30d"+because, "is accepted until")
	s.becomes(accepted, "success", "1 accepted")
	bad := s.open("bad", map[string]string{"b.py": "b = 1\n" + mild(2)})
	s.becomes(bad, "failure", "1 new finding")

	if run := s.group(s.repo.Enqueue("mona", clean)); run.Conclusion != "success" || run.ExternalID[:4] != "pr=0" {
		t.Errorf("one that is clean: %s %s: %s", run.Conclusion, run.ExternalID, run.Title)
	}
	if run := s.group(s.repo.Enqueue("mona", clean, accepted)); run.Conclusion != "success" || !strings.Contains(run.Title, "1 accepted") {
		t.Errorf("one that was accepted: %s: %s", run.Conclusion, run.Title)
	}
	run := s.group(s.repo.Enqueue("mona", accepted, bad))
	if run.Conclusion != "failure" || !strings.Contains(run.Title, "1 new finding (1 medium), 1 blocking; 1 accepted") {
		t.Errorf("one that blocks: %s: %s", run.Conclusion, run.Title)
	}
	// "Re-run" of a check of the queue.
	s.GitHub.Rerequest(run.ID, "mona")
	s.until("the group has another verdict", func() bool {
		n := 0
		for _, k := range s.GitHub.CheckRuns("acme", "shop", run.HeadSHA) {
			if k.Name == checks.Name && k.Status == "completed" {
				n++
			}
		}
		return n == 2
	})
	if list := s.bot(bad); len(list) != 0 {
		t.Errorf("the queue talks to pull requests: %q", list)
	}
}

// TestMergeQueueWithoutItsPermission has an App that was not granted merge_queues: read. It hears
// of the queue's branch by its check suite.
func TestMergeQueueWithoutItsPermission(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	if run := s.group(s.repo.Enqueue("mona", n)); run.Conclusion != "failure" {
		t.Errorf("%s: %s", run.Conclusion, run.Title)
	}
}

// TestMergeQueueEnds has groups that cannot be read: their checks finish, and are not green. The policy decides whether
// they let the queue go on.
func TestMergeQueueEnds(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{"version: 1\n": "neutral", blocking: "failure"} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			endsAs(t, policy, want)
		})
	}
}

func endsAs(t *testing.T, policy, want string) {
	t.Helper()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": policy})
	s.queues()
	n := s.open("change", map[string]string{"a.py": "a = 2\n"})
	s.becomes(n, "success", "No new findings")
	s.GitHub.Fail(fakegithub.BadGateway("GET", "/repos/*/*/compare/**", -1, false))
	run := s.group(s.repo.Enqueue("mona", n))
	if run.Conclusion != want || !strings.Contains(run.Title, "Incomplete") {
		t.Errorf("%s: %s", run.Conclusion, run.Title)
	}
}

// TestMergeGroupIsKnownLater has parts of GitHub that have not heard yet of a group, which is a moment
// old.
func TestMergeGroupIsKnownLater(t *testing.T) {
	t.Parallel()
	const unknown = "No commit found for SHA: 1234567890"
	for name, f := range map[string]fakegithub.Fault{
		"list":    refusal("GET", "/repos/*/*/commits/*/check-runs", 422, unknown),
		"check":   refusal("POST", "/repos/*/*/check-runs", 422, unknown),
		"compare": refusal("GET", "/repos/*/*/compare/**", 404, "Not Found"),
		"git":     {Path: "/acme/shop.git/**", Status: 404, Body: "Repository not found."},
		"verdict": refusal("PATCH", "/repos/*/*/check-runs/*", 404, "Not Found"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n"})
			s.queues()
			n := s.open("change", map[string]string{"a.py": "a = 2\n"})
			s.becomes(n, "success", "No new findings")
			s.reviewed(n)
			s.GitHub.Fail(f)
			if run := s.group(s.repo.Enqueue("mona", n)); run.Conclusion != "success" {
				t.Errorf("%s: %s", run.Conclusion, run.Title)
			}
		})
	}
}

// TestNobodyForgesAQueue gives a person's branch the name of a queue's, built on a commit that holds
// the finding already.
func TestNobodyForgesAQueue(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.queues()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.GitHub.AnnounceSuite("acme", "shop", head, "gh-readonly-queue/change/pr-1-"+head, "mona")
	s.GitHub.AnnounceSuite("acme", "shop", head, "gh-readonly-queue/main/pr-1-"+head, "mona")
	s.quiet(n)
	if run := s.verdict(n); run.Conclusion != "failure" || !strings.HasPrefix(run.ExternalID, "pr=1") {
		t.Errorf("the head is %s by %s: %s", run.Conclusion, run.ExternalID, run.Title)
	}
}
