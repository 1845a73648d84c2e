package queue

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"
)

// TestOnlyTheDeadAreCalledDead puts back a job whose live worker left it because it could not reach the database,
// and a job of an unknown worker.
func TestOnlyTheDeadAreCalledDead(t *testing.T) {
	t.Parallel()
	for _, left := range []bool{true, false} {
		q := newQueue(t, openLedger(t, newDB(t)), Options{Work: func(context.Context, Request) error { return nil }})
		var log bytes.Buffer
		q.log = zerolog.New(&log)
		submit(t, q, request(1, "h"))
		alter(t, q, "state = 'running', attempted_at = '2020-01-01 00:00:00', attempt = 1")
		row := jobs(t, q)[0]
		if left {
			finished := q.mine.add(row.ID)
			_ = q.leave(&river.Job[job]{JobRow: row}, errors.New("the database does not answer"))
			finished()
		}
		silent := silence{heartbeat: time.Hour, ttl: 2 * time.Hour}
		for range 3 {
			for job, s := range silent.seen {
				silent.seen[job] = sight{s.sign, s.since.Add(-3 * time.Hour)}
			}
			if err := q.rescueSilent(t.Context(), &silent); err != nil {
				t.Fatal(err)
			}
		}
		if got := jobs(t, q)[0]; got.State != rivertype.JobStateAvailable || len(got.Errors) != 1 || strings.Contains(got.Errors[0].Error, "died") == left {
			t.Errorf("left %v: the job is %s after %v", left, got.State, got.Errors)
		}
		if strings.Contains(log.String(), "a worker died") == left || !strings.Contains(log.String(), "put back") {
			t.Errorf("left %v: the log says %s", left, log.String())
		}
	}
}
