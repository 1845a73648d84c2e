package review

import (
	"context"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

// A Measurement is what was measured of a finished review.
type Measurement struct {
	Verdict checks.Verdict
	Took    time.Duration // since the review began

	// Waited is the time since this program received the first delivery about the head, by the ledger, until the verdict
	// was shown. It is 0 if the head is not the newest, had a verdict before, or was in no delivery.
	Waited time.Duration
}

// delivered returns when the first delivery about the head was received; zero if that is not known, or if the head had a
// verdict before: then nobody waits for the first one.
func (r *Reviewer) delivered(ctx context.Context, p pull.Pull, events []ledger.Event) (time.Time, error) {
	if slices.ContainsFunc(events, func(e ledger.Event) bool { return e.Kind == record.Finished && e.Head == p.Head }) {
		return time.Time{}, nil
	}
	return r.Ledger.Pushed(ctx, p.Repository(), p.Number, p.Head)
}

// commented returns a function for the first comment of a review. It returns nil where nobody waits for it. An attempt
// that is cut off after its first comment and continued later counts again only if there is more to comment on.
func (r *Reviewer) commented(ctx context.Context, delivered time.Time) func() {
	if delivered.IsZero() || r.ObserveComment == nil {
		return nil
	}
	return func() { r.ObserveComment(ctx, time.Since(delivered)) }
}
