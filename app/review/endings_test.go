package review

import (
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestEndings checks that each day on which a comment expires is scheduled once.
func TestEndings(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	found := func(fingerprint string, d *checks.Decided) checks.Finding {
		return checks.Finding{Comment: true, Decided: d, Result: scanners.Result{
			Finding: scanners.Finding{Rule: "r", Path: "a", Line: 1}, Scanner: "s", Gate: scanners.Code, State: scanners.New, Fingerprint: fingerprint,
		}}
	}
	rep := checks.Compose(checks.Input{Gates: []checks.Gate{{Name: scanners.Code, Findings: []checks.Finding{
		found("a:1", &checks.Decided{Path: "a", Line: 1, How: "accepted", Until: day}),
		found("a:2", &checks.Decided{Path: "a", Line: 2, How: "accepted", Until: day}),
		found("a:3", &checks.Decided{Path: "a", Line: 3, How: "accepted", Until: day.AddDate(0, 0, 3)}),
		found("a:4", &checks.Decided{ID: "A-AAAAAAAA", How: "accepted", Until: day}),
		found("a:5", nil),
	}}}})
	got := endings(queue.Request{Key: queue.Key{Owner: "acme", Repo: "shop", Number: 7}}, rep)
	if len(got) != 2 || got[0].ID != "comment-7-2026-12-31" || !got[0].At.Equal(day.AddDate(0, 0, 1)) || got[1].ID != "comment-7-2027-01-03" || got[0].Kind != record.Expiry || got[0].Number != 7 {
		t.Errorf("%+v", got)
	}
}
