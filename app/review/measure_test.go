package review

import (
	"context"
	"errors"
	"testing"
	"time"
)

// TestWaitingIsMeasuredOnce checks for which reviews the time since the delivery counts: for the first verdict on a head,
// and for the first comment on it, even if another process received the delivery.
func TestWaitingIsMeasuredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	var verdicts, comments []time.Duration
	w.Observe = func(_ context.Context, m Measurement) { verdicts = append(verdicts, m.Waited) }
	w.ObserveComment = func(_ context.Context, d time.Duration) { comments = append(comments, d) }
	measured := func(what string, verdict, comment bool) {
		t.Helper()
		if len(verdicts) != 1 || verdict != (verdicts[0] > 0) {
			t.Errorf("%s: the times to a verdict are %v", what, verdicts)
		}
		if comment != (len(comments) == 1) || comment && comments[0] <= 0 {
			t.Errorf("%s: the times to a comment are %v", what, comments)
		}
		verdicts, comments = nil, nil
	}

	n := w.open("change", map[string]string{"a": "bad\n"})
	w.review(n)
	measured("a finding", true, true)
	w.review(n)
	measured("the same head again", false, false)

	w.repo.Commit("change", "", "more", map[string]string{"b": "bad\n"})
	w.repo.SyncPull(n)
	w.review(n) // nothing was heard of the new head
	measured("a head that no delivery named", false, false)

	w.repo.Commit("change", "", "fixed", map[string]string{"a": "x\n", "b": "x\n"})
	w.repo.SyncPull(n)
	w.hear(n, w.head(n))
	w.review(n)
	measured("nothing to comment on", true, false)

	w.repo.Commit("change", "", "bad again", map[string]string{"c": "bad\n"})
	w.repo.SyncPull(n)
	w.hear(n, w.head(n))
	w.begin(n, w.head(n)) // and that worker died
	w.review(n)
	measured("another worker began it", true, true)
}

// TestNothingMeasuredOfFailures checks that a review that fails is measured when it is done.
func TestNothingMeasuredOfFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	count := 0
	w.Observe = func(context.Context, Measurement) { count++ }
	n := w.open("change", map[string]string{"a": "bad\n"})
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("stopped")
	cancel(cause)
	if err := w.Review(ctx, w.request(n)); err == nil || count != 0 {
		t.Errorf("%v, measured %d", err, count)
	}
	w.review(n)
	if count != 1 {
		t.Errorf("measured %d", count)
	}
}
