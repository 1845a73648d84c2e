package conversation

import (
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

func TestBefore(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	mine := Request{Comment: 5, Written: at}
	for name, tc := range map[string]struct {
		mine Request
		done record.Executed
		want bool
	}{
		"a later second":                {mine, record.Executed{Comment: 4, Written: at.Add(time.Second)}, true},
		"an earlier second":             {mine, record.Executed{Comment: 6, Written: at.Add(-time.Second)}, false},
		"the same, a later comment":     {mine, record.Executed{Comment: 6, Written: at}, true},
		"the same, an earlier comment":  {mine, record.Executed{Comment: 4, Written: at}, false},
		"the same, of a review":         {mine, record.Executed{Comment: 6, Written: at, InReview: true}, false},
		"a later second, of a review":   {mine, record.Executed{Comment: 1, Written: at.Add(time.Second), InReview: true}, true},
		"an older record":               {mine, record.Executed{Comment: 6}, false},
		"a task of an older version":    {Request{Comment: 5}, record.Executed{Comment: 6, Written: at}, false},
		"a button":                      {Request{Written: at}, record.Executed{Comment: 6, Written: at.Add(time.Second)}, false},
		"both of reviews":               {Request{Comment: 5, Thread: 2, Written: at}, record.Executed{Comment: 6, Written: at, InReview: true}, true},
		"both of reviews, and the same": {Request{Comment: 5, Thread: 2, Written: at}, record.Executed{Comment: 5, Written: at, InReview: true}, false},
	} {
		if got := tc.mine.before(tc.done); got != tc.want {
			t.Errorf("%s: before is %v", name, got)
		}
	}
}
