package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
	"github.com/secbydesign/secbydesign/app/record"
)

// TestOnce has several processes record what happens once, many times and at the same time. It is recorded once, and of
// the other transactions nothing is.
func TestOnce(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	ledgers := []*Ledger{openAt(t, url), openAt(t, url)}
	var recorded, refused atomic.Int64
	var wait sync.WaitGroup
	const names, times = 5, 8
	for i := range names * times {
		wait.Go(func() {
			l, name := ledgers[i%2], fmt.Sprint("merged ", i%names)
			do := func(ctx context.Context, tx *sql.Tx) error {
				if err := l.RecordTx(ctx, tx, Event{Kind: "with it", Owner: "o", Repo: "r"}); err != nil {
					return err
				}
				return l.RecordTx(ctx, tx, Event{Kind: "once", Owner: "o", Repo: "r", Once: name})
			}
			err := l.Shared(t.Context(), do)
			if errors.Is(err, ErrUnavailable) {
				err = l.Tx(t.Context(), func(tx *sql.Tx) error { return do(t.Context(), tx) })
			}
			switch {
			case err == nil:
				recorded.Add(1)
			case errors.Is(err, ErrDuplicate):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, kind := range []string{"once", "with it"} {
		events, err := ledgers[0].Events(t.Context(), Filter{Kind: kind})
		if err != nil || len(events) != names {
			t.Errorf("%d events of the kind %q, %v; want %d", len(events), kind, err, names)
		}
	}
	if recorded.Load() != names || refused.Load() != names*(times-1) {
		t.Errorf("%d recorded, %d refused", recorded.Load(), refused.Load())
	}
}

// TestInForce lists the decisions that count and have an end, by an index and not by reading them all.
func TestInForce(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	made := func(id string, until time.Time, needs int) {
		d := decision.Decision{ID: id, Verb: "accept", Fingerprint: "f:1", Rule: "s/r", Path: "a", Number: 3, Until: until, Needs: needs}
		data, err := json.Marshal(record.DecisionStep{Decision: &d})
		if err == nil {
			err = l.Record(t.Context(), Event{Kind: record.DecisionMade, RepoID: 7, Owner: "acme", Repo: "shop", Number: 3, Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	made("A-COUNTS", now.AddDate(0, 0, 10), 0)
	made("A-LASTDAY", now.Truncate(24*time.Hour), 0)
	made("A-OVER", now.Truncate(24*time.Hour).AddDate(0, 0, -1), 0)
	made("A-FOREVER", time.Time{}, 0)
	made("A-WAITS", now.AddDate(0, 0, 10), 1)
	made("A-REVOKED", now.AddDate(0, 0, 10), 0)
	if err := l.Record(t.Context(), Event{Kind: record.DecisionEnded, RepoID: 7, Owner: "acme", Repo: "shop", Number: 3, Data: json.RawMessage(`{"id":"A-REVOKED"}`)}); err != nil {
		t.Fatal(err)
	}
	list, err := l.InForce(t.Context(), now)
	var got []string
	for _, one := range list {
		got = append(got, one.Decision.ID)
		if one.Repo.ID != 7 || one.Decision.Since.IsZero() {
			t.Errorf("%+v", one)
		}
	}
	slices.Sort(got)
	if err != nil || !slices.Equal(got, []string{"A-COUNTS", "A-LASTDAY"}) {
		t.Errorf("%q, %v", got, err)
	}
	if pgtest.Chosen() {
		return // its plans are tested apart
	}
	var plan string
	var unused int
	if err := l.read.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+inForceQuery).Scan(&unused, &unused, &unused, &plan); err != nil || !strings.Contains(plan, "view_decisions_open") {
		t.Errorf("%s, %v", plan, err)
	}
}

// TestEventsAreOfTheClock: an event has the time of the ledger's clock, unless it names its own.
func TestEventsAreOfTheClock(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	l.Clock = clock.At(0)
	before := time.Now()
	at := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, e := range []Event{{Kind: "now"}, {Kind: "then", At: at}} {
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	l.Clock.Move(10 * 365 * 24 * time.Hour)
	if err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.RecordTx(t.Context(), tx, Event{Kind: "in ten years"}) }); err != nil {
		t.Fatal(err)
	}
	events, err := l.Events(t.Context(), Filter{})
	if err != nil || len(events) != 3 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	if off := events[0].At.Sub(before); off < -time.Second || off > time.Hour {
		t.Errorf("now is %s", events[0].At)
	}
	if !events[1].At.Equal(at) {
		t.Errorf("then is %s", events[1].At)
	}
	if years := events[2].At.Sub(events[0].At).Hours() / 24 / 365; years < 10 || years > 10.1 {
		t.Errorf("%.2f years passed", years)
	}
}
