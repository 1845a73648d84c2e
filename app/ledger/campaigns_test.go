package ledger

import (
	"slices"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestCampaignsRunUntilTheirDay has two campaigns at once, of which one is stopped and the other ends by itself.
func TestCampaignsRunUntilTheirDay(t *testing.T) {
	t.Parallel()
	l, write := openRequirements(t)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	day := now.Truncate(24 * time.Hour)
	write(now, 1, 7, record.CampaignStarted, record.Campaign{ID: "C-AAAAAAAA", Team: "@acme/pay", Rule: "gosec/*", Until: day.AddDate(0, 0, 10)})
	write(now, 1, 7, record.CampaignStarted, record.Campaign{ID: "C-BBBBBBBB", Team: "@acme/core", Path: "core/**", Until: day.AddDate(0, 0, 20)})
	write(now, 2, 7, record.CampaignStarted, record.Campaign{ID: "C-CCCCCCCC", Team: "@acme/pay", Until: day.AddDate(0, 0, 20)})
	running := func(at time.Time) (ids []string) {
		t.Helper()
		list, err := l.Campaigns(t.Context(), Repo{ID: 1}, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			ids = append(ids, c.ID)
		}
		return ids
	}
	both, second := []string{"C-AAAAAAAA", "C-BBBBBBBB"}, []string{"C-BBBBBBBB"}
	for _, c := range []struct {
		at   time.Time
		want []string
	}{
		{now, both},
		{day.AddDate(0, 0, 11).Add(-time.Second), both}, // the whole last day
		{day.AddDate(0, 0, 11), second},
		{day.AddDate(0, 0, 21), nil},
		{day.AddDate(3, 0, 0), nil},
	} {
		if got := running(c.at); !slices.Equal(got, c.want) {
			t.Errorf("at %s: %q, want %q", c.at, got, c.want)
		}
	}
	write(now, 1, 9, record.CampaignEnded, record.CampaignEnd{ID: "C-AAAAAAAA", Who: "mona"})
	write(now, 2, 9, record.CampaignEnded, record.CampaignEnd{ID: "C-BBBBBBBB", Who: "mona"}) // of another repository
	if got := running(now); !slices.Equal(got, second) {
		t.Errorf("after the stop: %q", got)
	}
}

func TestCampaignProgress(t *testing.T) {
	t.Parallel()
	l, write := openRequirements(t)
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	old := func(state scanners.State, fingerprint string, campaigns ...string) record.Finding {
		return record.Finding{Fingerprint: fingerprint, State: state, Campaigns: campaigns}
	}
	review := func(repo int64, number int, list ...record.Finding) {
		write(now, repo, number, record.Finished, record.Review{Findings: list})
	}
	review(1, 1, old(scanners.Unchanged, "a:1", "C-A", "C-B"), old(scanners.Unchanged, "b:1", "C-A"), old(scanners.Unchanged, "c:1"))
	review(1, 1, old(scanners.Unchanged, "a:1", "C-A", "C-B"))                              // the next push
	review(1, 2, old(scanners.Absent, "b:1", "C-A"), old(scanners.Unchanged, "d:1", "C-A")) // it would fix b
	review(2, 2, old(scanners.Unchanged, "b:1", "C-A"))                                     // another repository
	want := func(repo int64, id string, known, fixed int) {
		t.Helper()
		got, err := l.CampaignProgress(t.Context(), Repo{ID: repo}, id)
		if err != nil || got != (record.Progress{Known: known, Fixed: fixed}) {
			t.Errorf("%s in %d: %+v, %v, want %d of %d", id, repo, got, err, fixed, known)
		}
	}
	want(1, "C-A", 3, 0)
	want(1, "C-B", 1, 0)
	write(now, 1, 2, record.Merged, record.Merge{Gone: []record.Finding{old(scanners.Absent, "b:1", "C-A"), old(scanners.Absent, "x:1")}})
	review(1, 3, old(scanners.Unchanged, "b:1", "C-A")) // from before the merge
	want(1, "C-A", 3, 1)
	want(1, "C-B", 1, 0)
	want(2, "C-A", 1, 0)
}
