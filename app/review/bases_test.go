package review

import (
	"strings"
	"testing"
)

// TestWhatTheBaseGotSinceIsNotNew has a pull request with what the base got after it parted: picked from there, or
// squashed back.
func TestWhatTheBaseGotSinceIsNotNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	w.repo.Commit("main", "", "theirs", map[string]string{"f": "bad\n"})
	same := w.open("same", map[string]string{"f": "bad\n"})
	w.review(same)
	if got := w.verdict(w.head(same)); got != "success: No new findings" {
		t.Errorf("the same file is %q", got)
	}
	more := w.open("more", map[string]string{"f": "bad\n", "g": "bad\n"})
	w.review(more)
	if got := w.verdict(w.head(more)); !strings.Contains(got, "1 new finding") {
		t.Errorf("a copy is %q", got)
	}
}
