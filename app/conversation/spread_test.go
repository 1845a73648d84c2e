package conversation

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestWhoIsReviewedAgainAfterADecision has pull requests in which a decision of the first counts, and others.
func TestWhoIsReviewedAgainAfterADecision(t *testing.T) {
	t.Parallel()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	const mine, other, ended = "A-AAAAAAAA", "A-BBBBBBBB", "A-CCCCCCCC"
	for i, p := range []struct {
		closed, busy bool
		decided      []string // in each of its reviews
		path         string   // if it is not that of the decision
	}{
		{decided: []string{mine}},
		{decided: []string{"", mine}},
		{decided: []string{mine, ""}}, // not any more
		{decided: []string{other}},
		{decided: []string{mine}, closed: true},
		{busy: true}, // the review that runs may have read the decision
		{},
		{decided: []string{""}},
		{decided: []string{""}, closed: true},
		{decided: []string{""}, path: "b.py"},
	} {
		heard := ledger.Pull{Owner: "acme", Repo: "shop", Number: i + 1, Installation: 8, Head: "h", Base: "b", Closed: p.closed}
		err := l.Tx(t.Context(), func(tx *sql.Tx) error {
			if err := l.RecordWebhook(t.Context(), tx, heard); err != nil || p.busy {
				return err
			}
			known, err := l.PullTx(t.Context(), tx, ledger.Repo{Owner: "acme", Name: "shop"}, i+1)
			if err == nil {
				_, err = l.SetReviewed(t.Context(), tx, known)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range p.decided {
			one := record.Finding{State: scanners.New, Rule: "r", Fingerprint: "f", Path: cmp.Or(p.path, "a.py"), Decided: id}
			data, err := json.Marshal(record.Review{Findings: []record.Finding{one}})
			if err == nil {
				err = l.Record(t.Context(), ledger.Event{Kind: record.Finished, Owner: "acme", Repo: "shop", Number: i + 1, Head: "h", Data: data})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	err = l.Tx(t.Context(), func(tx *sql.Tx) error {
		return errors.Join(l.Name(t.Context(), tx, 7, "acme", "old"), l.Name(t.Context(), tx, 7, "acme", "shop"))
	})
	if err != nil {
		t.Fatal(err)
	}
	made := func(id string) record.DecisionStep {
		return record.DecisionStep{Decision: &decision.Decision{ID: id, Rule: "r", Fingerprint: "f", Path: "a.py", Number: 1}}
	}
	for _, e := range []struct {
		kind decision.StepKind
		step record.DecisionStep
	}{{decision.Made, made(mine)}, {decision.Made, made(ended)}, {decision.Ended, record.DecisionStep{ID: ended}}} {
		data, err := json.Marshal(e.step)
		if err == nil {
			err = l.Record(t.Context(), ledger.Event{Kind: string(e.kind), Owner: "acme", Repo: "shop", Number: 1, Head: "h", Data: data})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		kind   string
		number int
		id     string
		want   []int
	}{
		{record.Expiry, 1, mine, []int{1, 2, 6}},
		{record.Expiry, 5, mine, []int{1, 2, 6}},
		{record.Expiry, 7, mine, []int{1, 2, 6, 7}}, // it was made there, and does not count there any more
		{record.Revocation, 1, mine, []int{2, 6}},   // revoking already asked for a review of the first
		{record.Revocation, 2, mine, []int{1, 6}},
		{record.Acceptance, 1, mine, []int{3, 6, 8}},
		{record.Acceptance, 3, mine, []int{6, 8}},
		{record.Acceptance, 1, ended, nil},
		{record.Acceptance, 1, "A-DDDDDDDD", nil},
	} {
		var asked []int
		r := &Handler{Ledger: l, Submit: func(_ context.Context, _ ledger.Delivery, list []queue.Request, tasks []queue.Task, _ []ledger.Event) error {
			digest := `{}`
			if tc.kind == record.Expiry {
				digest = `{"over":"` + tc.id + `"}`
			}
			if len(tasks) != 1 || tasks[0].Kind != record.Digest || tasks[0].Installation != 8 || string(tasks[0].Data) != digest {
				t.Errorf("%s: tasks %+v", tc.kind, tasks)
			}
			for _, req := range list {
				asked = append(asked, req.Number)
				// The task is from before the App was reinstalled and the repository was renamed.
				if req.Installation != 8 || req.Repo != "shop" || !req.Force {
					t.Errorf("%s: %+v", tc.kind, req)
				}
			}
			return nil
		}}
		err := r.Spread(t.Context(), queue.Task{Installation: 1, Owner: "acme", Repo: "old", Number: tc.number, Kind: tc.kind, ID: tc.id})
		if err != nil || !slices.Equal(asked, tc.want) {
			t.Errorf("%s in #%d: %v, %v, want %v", tc.kind, tc.number, asked, err, tc.want)
		}
	}
}
