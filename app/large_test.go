package app_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks"
)

// TestLargePullRequest opens a pull request that changes more files than the usual ones do. It is reviewed apart from the
// others: at once by its delivery, and after a detour when a delivery does not contain its size, as that of "Re-run".
func TestLargePullRequest(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	change := map[string]string{"a.py": "a = 1\n" + leak(1)}
	for i := range pull.MaxFiles {
		change[fmt.Sprintf("doc/%03d.txt", i)] = "text\n"
	}
	moved := func() int { return strings.Count(s.logs.String(), "the review moves to the slow lane") }
	large := s.open("large", change)
	small := s.open("small", map[string]string{"a.py": "a = 1\n" + leak(2)})
	s.want(large, "neutral", "a.py:2 open")
	s.want(small, "neutral", "a.py:2 open")
	s.reviewed(large)
	s.reviewed(small)
	if n := moved(); n != 0 {
		t.Errorf("%d reviews were begun in the wrong lane", n)
	}
	head := s.GitHub.Pull("acme", "shop", large).HeadSHA
	verdicts := func() (n int) {
		for _, run := range s.GitHub.CheckRuns("acme", "shop", head) {
			if run.Name == checks.Name && run.Status == "completed" {
				n++
			}
		}
		return n
	}
	before := verdicts()
	s.GitHub.RerequestSuite("acme", "shop", head, "mona")
	s.until("the verdict has another run", func() bool { return verdicts() == before+1 })
	s.reviewed(large)
	if n := moved(); n != 1 {
		t.Errorf("%d reviews moved, want 1", n)
	}
	s.want(large, "neutral", "a.py:2 open")
}
