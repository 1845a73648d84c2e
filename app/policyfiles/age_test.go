package policyfiles

import (
	"fmt"
	"testing"
	"time"
)

// Age lets so much time pass for the refusals that are remembered.
func (f *Files) Age(d time.Duration) {
	f.unreachable.mu.Lock()
	defer f.unreachable.mu.Unlock()
	for key, is := range f.unreachable.kept {
		is.at = is.at.Add(-d)
		f.unreachable.kept[key] = is
	}
}

// TestRefusalsAreBounded adds one more than are kept, and the last is among what is left.
func TestRefusalsAreBounded(t *testing.T) {
	t.Parallel()
	var r unreachable
	for i := range maxRefusals + 1 {
		r.add(repository{1, "acme", fmt.Sprint(i)}, refusal{after: int64(i)})
		if i == maxRefusals-1 && len(r.kept) != maxRefusals {
			t.Errorf("%d are kept, want %d", len(r.kept), maxRefusals)
		}
	}
	if _, ok := r.get(repository{1, "acme", "0"}); ok || len(r.kept) != 1 {
		t.Errorf("%d are kept, the first among them: %v", len(r.kept), ok)
	}
	if was, ok := r.get(repository{1, "acme", fmt.Sprint(maxRefusals)}); !ok || was.after != maxRefusals {
		t.Errorf("the last is not kept: %+v", was)
	}
}
