package clock_test

import (
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
)

func TestOffset(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	at := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	var none *clock.Clock
	for name, tt := range map[string]struct {
		clock *clock.Clock
		want  time.Duration
	}{
		"nil":            {none, 0},
		"the zero value": {&clock.Clock{}, 0},
		"ahead":          {clock.At(3 * day), 3 * day},
		"back":           {clock.At(-day), -day},
	} {
		if got := tt.clock.Of(at); !got.Equal(at.Add(tt.want)) {
			t.Errorf("%s: %s", name, got)
		}
		if got := tt.clock.Machine(tt.clock.Of(at)); !got.Equal(at) {
			t.Errorf("%s: there and back is %s", name, got)
		}
		if !tt.clock.Of(time.Time{}).IsZero() || !tt.clock.Machine(time.Time{}).IsZero() {
			t.Errorf("%s: no time became one", name)
		}
	}
}

func TestMove(t *testing.T) {
	t.Parallel()
	c := clock.At(time.Hour)
	before := c.Now()
	c.Move(365 * 24 * time.Hour)
	if passed := c.Now().Sub(before); passed < 365*24*time.Hour || c.Offset() != 366*24*time.Hour-23*time.Hour {
		t.Errorf("%s passed, the offset is %s", passed, c.Offset())
	}
}
