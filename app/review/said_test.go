package review

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/queue"
)

// TestWhoIsLookedAtWhenADecisionEnds has pull requests in which a decision of the first counts, and others.
func TestWhoIsLookedAtWhenADecisionEnds(t *testing.T) {
	t.Parallel()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	const mine, other = "A-AAAAAAAA", "A-BBBBBBBB"
	for i, p := range []struct {
		closed, busy bool
		decided      []string // in each of its reviews
	}{
		{decided: []string{mine}},
		{decided: []string{"", mine}},
		{decided: []string{mine, ""}}, // not any more
		{decided: []string{other}},
		{decided: []string{mine}, closed: true},
		{busy: true}, // the review that runs may have read the decision
		{},
	} {
		heard := ledger.Pull{Owner: "acme", Repo: "shop", Number: i + 1, Installation: 8, Head: "h", Base: "b", Closed: p.closed}
		err := l.Tx(t.Context(), func(tx *sql.Tx) error {
			if err := l.Hear(t.Context(), tx, heard); err != nil || p.busy {
				return err
			}
			known, err := l.Pull(t.Context(), tx, "acme", "shop", i+1)
			if err == nil {
				_, err = l.SetReviewed(t.Context(), tx, known)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range p.decided {
			data, err := json.Marshal(facts{Findings: []fact{{Fingerprint: "f", Decided: id}}})
			if err == nil {
				err = l.Record(t.Context(), ledger.Event{Kind: Finished, Owner: "acme", Repo: "shop", Number: i + 1, Head: "h", Data: data})
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
	for _, tc := range []struct {
		kind   string
		number int
		want   []int
	}{
		{Expiry, 1, []int{1, 2, 6}},
		{Expiry, 5, []int{1, 2, 6}},
		{Expiry, 7, []int{1, 2, 6, 7}}, // it was made there, and does not count there any more
		{Revocation, 1, []int{2, 6}},   // who revoked it has the first looked at
		{Revocation, 2, []int{1, 6}},
	} {
		var asked []int
		r := &Reviewer{Ledger: l, Submit: func(_ context.Context, _ ledger.Delivery, list []queue.Request, _ []queue.Errand, _ []ledger.Event) error {
			for _, req := range list {
				asked = append(asked, req.Number)
				// The errand is from before the App was installed anew and the repository was renamed.
				if req.Installation != 8 || req.Repo != "shop" || !req.Force {
					t.Errorf("%s: %+v", tc.kind, req)
				}
			}
			return nil
		}}
		err := r.Errand(t.Context(), queue.Errand{Installation: 1, Owner: "acme", Repo: "old", Number: tc.number, Kind: tc.kind, ID: mine})
		if err != nil || !slices.Equal(asked, tc.want) {
			t.Errorf("%s in #%d: %v, %v, want %v", tc.kind, tc.number, asked, err, tc.want)
		}
	}
}
