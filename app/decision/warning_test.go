package decision_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
)

func TestWarnings(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC)
	last := func(days int) time.Time { return from.Truncate(24*time.Hour).AddDate(0, 0, days) }
	for days, want := range map[int]string{0: "", 1: "", 3: "", 4: "3", 10: "3", 14: "3", 15: "14 3", 30: "14 3", 3650: "14 3"} {
		d := decision.Decision{Until: last(days)}
		var got []string
		for _, w := range d.Warnings(from) {
			got = append(got, fmt.Sprint(w.Days))
			if !w.At.Equal(last(days - w.Days)) {
				t.Errorf("of %d days, the warning %d days before comes at %s", days, w.Days, w.At)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d days are warned of %q days before, want %q", days, got, want)
		}
	}
	if got := (decision.Decision{}).Warnings(from); got != nil {
		t.Errorf("without an end: %v", got)
	}
}

// TestDue walks through each day of a decision, and of days after it.
func TestDue(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 11, 30, 15, 0, 0, 0, time.UTC)
	d := decision.Decision{Until: from.Truncate(24*time.Hour).AddDate(0, 0, 30)}
	warnings := d.Warnings(from)
	for day := range 40 {
		now := from.AddDate(0, 0, day)
		want := map[int]bool{14: day >= 16 && day < 27, 3: day >= 27 && day <= 30}
		for _, w := range warnings {
			if got := d.Due(w, now); got != want[w.Days] {
				t.Errorf("on day %d, the warning %d days before is due: %t", day, w.Days, got)
			}
			for name, other := range map[string]decision.Decision{
				"ended": {Until: d.Until, Ended: "it was revoked"}, "waiting": {Until: d.Until, Needs: 1},
			} {
				if other.Due(w, now) {
					t.Errorf("on day %d, one that is %s is warned of", day, name)
				}
			}
		}
	}
}
