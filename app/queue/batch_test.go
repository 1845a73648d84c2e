package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// TestTogetherAsAlone submits random deliveries one by one on one database, and in batches on another. Both give the
// same answers and the same rows: also for deliveries sent again, pull requests that change twice in a batch,
// repositories that are renamed or not yet known, and pull requests with a job that waits after a failure.
func TestTogetherAsAlone(t *testing.T) {
	t.Parallel()
	seeds := uint64(8)
	if pgtest.Chosen() {
		seeds = 3 // a database takes longer there
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 14))
		alone, together := newQueue(t, openLedger(t, newDB(t)), Options{Work: done}), newQueue(t, openLedger(t, newDB(t)), Options{Work: done})
		var sent []plain
		batched := 0
		for range 6 {
			batch := make([]plain, 1+rng.IntN(12))
			for i := range batch {
				if batch[i] = randomPlain(rng, len(sent)+i); len(sent) > 0 && rng.IntN(6) == 0 {
					batch[i] = sent[rng.IntN(len(sent))]
				}
			}
			sent = append(sent, batch...)
			if rng.IntN(3) == 0 {
				for _, q := range []*Queue{alone, together} {
					alter(t, q, "state = 'retryable'")
				}
			}
			var want []error
			for _, p := range batch {
				want = append(want, alone.Submit(t.Context(), p.delivery, []Request{p.request}))
			}
			got, n := submitTogether(t, together, batch)
			batched += n
			for i := range batch {
				if errors.Is(want[i], ledger.ErrDuplicate) != errors.Is(got[i], ledger.ErrDuplicate) || (want[i] == nil) != (got[i] == nil) {
					t.Fatalf("seed %d: %+v is answered %v alone and %v together", seed, batch[i], want[i], got[i])
				}
			}
		}
		if batched == 0 {
			t.Errorf("seed %d: no batch did anything", seed)
		}
		if want, got := contents(t, alone), contents(t, together); want != got {
			t.Fatalf("seed %d: rows of only one\nalone:\n%s\ntogether:\n%s", seed, without(want, got), without(got, want))
		}
	}
}

func done(context.Context, Request) error { return nil }

// without returns the lines of a that b has not.
func without(a, b string) string {
	return strings.Join(slices.DeleteFunc(strings.Split(a, "\n"), func(line string) bool { return strings.Contains("\n"+b+"\n", "\n"+line+"\n") }), "\n")
}

func randomPlain(rng *rand.Rand, n int) plain {
	id := 1 + rng.IntN(3)
	names := []string{fmt.Sprint("Shop", id), fmt.Sprint("shop", id), "store", "a'\"\\b", "ü"}
	r := Request{
		Key:    Key{Installation: int64(1 + rng.IntN(2)), Owner: "Acme", Repo: names[0], Number: 1 + rng.IntN(6)},
		RepoID: int64(id), HeadSHA: fmt.Sprint("head", rng.IntN(3)), BaseSHA: "base", Reason: "pull_request.synchronize",
		Closed: rng.IntN(8) == 0, Force: rng.IntN(8) == 0,
	}
	if rng.IntN(6) == 0 {
		r.Repo = names[rng.IntN(len(names))]
	}
	if rng.IntN(8) == 0 {
		r.HeadSHA, r.BaseSHA = "", ""
	}
	return plain{ledger.Delivery{GUID: fmt.Sprint("guid", n), Event: "pull_request", Action: "opened", RepoID: r.RepoID, Owner: r.Owner, Repo: r.Repo}, r, ""}
}

// submitTogether does what [ledger.Ledger.SharedBatch] does for submissions that wait at the same time. n is how many
// were done by the batch.
func submitTogether(t *testing.T, q *Queue, list []plain) (results []error, n int) {
	t.Helper()
	items := make([]any, len(list))
	for i, p := range list {
		if !isPlain([]ledger.Delivery{p.delivery}, []Request{p.request}, nil, nil) {
			t.Fatalf("%+v is not plain", p)
		}
		items[i] = p
	}
	err := q.ledger.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		if results, err = q.submitPlain(t.Context(), tx, items); err != nil {
			return err
		}
		for i, p := range list {
			if errors.Is(results[i], ledger.ErrAlone) {
				results[i] = q.record(t.Context(), tx, []ledger.Delivery{p.delivery}, []Request{p.request}, nil, nil)
			} else {
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return results, n
}

// contents returns what submissions have changed, without times and without the order in which rows were made.
func contents(t *testing.T, q *Queue) string {
	t.Helper()
	var lines []string
	err := q.ledger.Tx(t.Context(), func(tx *sql.Tx) error {
		for _, query := range []string{
			`SELECT 'delivery ' || guid || ' ' || event || ' ' || action || ' ' || outcome FROM deliveries`,
			`SELECT 'name ' || repo_id || ' ' || owner || ' ' || repo || ' ' || (until IS NULL) FROM names`,
			`SELECT 'pull ' || installation || ' ' || repo_id || ' ' || owner || ' ' || repo || ' ' || number || ' ' || head || ' ' || base || ' ' || reason
				|| ' ' || force || ' ' || closed || ' ' || generation || ' ' || (pushed_at > 0) || ' ' || pushed_head FROM pulls`,
		} {
			rows, err := tx.QueryContext(t.Context(), query)
			if err != nil {
				return err
			}
			for rows.Next() {
				var line string
				if err := rows.Scan(&line); err != nil {
					return err
				}
				lines = append(lines, line)
			}
			if err := errors.Join(rows.Err(), rows.Close()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range jobs(t, q) {
		lines = append(lines, fmt.Sprintf("job %s %s %d", row.EncodedArgs, row.State, row.Priority))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
