package ledger

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

func TestDigestClaim(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	k := DigestKey{Owner: "acme", Repo: "security", Team: "@acme/payments"}
	if d, err := l.Digest(t.Context(), k); err != nil || d.Issue != 0 || d.Data != nil {
		t.Fatalf("before any: %+v %v", d, err)
	}
	c, err := l.ClaimDigest(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	upper := DigestKey{Owner: "ACME", Repo: "Security", Team: "@Acme/Payments"}
	if _, err := l.ClaimDigest(t.Context(), upper); !errors.Is(err, ErrBusy) {
		t.Fatalf("claimed twice: %v", err)
	}
	if _, err := l.ClaimDigest(t.Context(), DigestKey{Owner: "acme", Repo: "security", Team: "@acme/core"}); err != nil {
		t.Fatalf("another team: %v", err)
	}
	if err := c.Save(t.Context(), Digest{Issue: 7, Data: json.RawMessage(`{"a":1}`)}); err != nil {
		t.Fatal(err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Save(t.Context(), Digest{Issue: 8}); !errors.Is(err, ErrBusy) {
		t.Errorf("saved after the release: %v", err)
	}
	again, err := l.ClaimDigest(t.Context(), upper)
	if err != nil || again.Issue != 7 || string(again.Data) != `{"a":1}` {
		t.Fatalf("again: %+v %v", again, err)
	}
	if d, err := l.Digest(t.Context(), upper); err != nil || d.Issue != 7 {
		t.Errorf("read as %+v %v", d, err)
	}
}

// TestDigestClaimOfTheDead holds that the claim of a holder that died ends by age, and that a holder that was only slow
// cannot write over the next one.
func TestDigestClaimOfTheDead(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	k := DigestKey{Owner: "acme", Repo: "security", Team: "@acme/payments"}
	dead, err := l.ClaimDigest(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	dead.since -= millis(time.Unix(0, 0).Add(digestAge)) + 1
	if _, err := l.write.ExecContext(t.Context(), `UPDATE digests SET claimed = $1`, dead.since); err != nil {
		t.Fatal(err)
	}
	next, err := l.ClaimDigest(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Save(t.Context(), Digest{Issue: 1}); !errors.Is(err, ErrBusy) {
		t.Errorf("the slow holder saved: %v", err)
	}
	if err := dead.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := next.Save(t.Context(), Digest{Issue: 2}); err != nil {
		t.Errorf("the slow holder released the next claim: %v", err)
	}
}

func TestDigestClaimAtOnce(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	k := DigestKey{Owner: "acme", Repo: "security", Team: "@acme/payments"}
	var wait sync.WaitGroup
	got := make(chan error, 20)
	for range cap(got) {
		wait.Go(func() {
			_, err := l.ClaimDigest(t.Context(), k)
			got <- err
		})
	}
	wait.Wait()
	claims := 0
	for range cap(got) {
		switch err := <-got; {
		case err == nil:
			claims++
		case !errors.Is(err, ErrBusy):
			t.Error(err)
		}
	}
	if claims != 1 {
		t.Errorf("%d tasks have it", claims)
	}
}

func TestDigestsAreReadByIndex(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about its plans")
	l := openNew(t)
	for _, query := range []string{readDigest, releaseDigest, saveDigest} {
		var id, parent, unused int
		var plan string
		args := []any{"a", "b", "c", 1, 1, "x"}[:strings.Count(query, "$")]
		if err := l.read.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...).Scan(&id, &parent, &unused, &plan); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plan, "PRIMARY KEY (owner=? AND repo=? AND team=?)") {
			t.Errorf("%s\nis planned as %s", query, plan)
		}
	}
}
