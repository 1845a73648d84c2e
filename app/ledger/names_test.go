package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNames renames repositories, and lets others take the names. What is written down is named by its
// order; a repository has all that was written down under any name while that was its own.
func TestNames(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	said := 0
	name := func(id int64, full string) {
		t.Helper()
		owner, repo, _ := strings.Cut(full, "/")
		said++
		d := Delivery{GUID: fmt.Sprint(said), Event: "e", RepoID: id, Owner: owner, Repo: repo}
		if err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.Accept(t.Context(), tx, d) }); err != nil {
			t.Fatalf("%d as %s: %v", id, full, err)
		}
	}
	record := func(full string, n int) {
		t.Helper()
		owner, repo, _ := strings.Cut(full, "/")
		if err := l.Record(t.Context(), Event{Kind: "k", Owner: owner, Repo: repo, Number: 1, Data: json.RawMessage(fmt.Sprint(n))}); err != nil {
			t.Fatal(err)
		}
		if n < 100 { // not late
			if err := l.SaveValidPolicy(t.Context(), owner, repo, fmt.Sprint(n), nil); err != nil {
				t.Fatal(err)
			}
			up := Upload{Owner: owner, Repo: repo, SHA: "s", Scanner: "x", Workflow: fmt.Sprint(n)}
			if err := l.SaveUploads(t.Context(), []Upload{up}); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := func(full, events, policy, uploads string) {
		t.Helper()
		owner, repo, _ := strings.Cut(full, "/")
		list, err := l.Events(t.Context(), Filter{Owner: owner, Repo: repo, Number: 1, Kind: "k"})
		var got []string
		for _, e := range list {
			got = append(got, string(e.Data))
		}
		sha, _, _, policyErr := l.ValidPolicy(t.Context(), owner, repo)
		ups, upErr := l.Uploads(t.Context(), owner, repo, "s")
		var sent []string
		for _, u := range ups {
			sent = append(sent, u.Workflow)
		}
		slices.Sort(sent)
		if err := errors.Join(err, policyErr, upErr); err != nil {
			t.Fatal(err)
		}
		if a, b := strings.Join(got, " "), strings.Join(sent, " "); a != events || sha != policy || b != uploads {
			t.Errorf("%s has the events %q, the policy %q and the uploads %q, want %q, %q, %q", full, a, sha, b, events, policy, uploads)
		}
	}

	record("Acme/Shop", 1) // before its id was known
	name(1, "Acme/Shop")
	record("acme/shop", 2)
	want("ACME/shop", "1 2", "2", "1 2")
	name(1, "acme/SHOP") // the same
	name(1, "acme/store")
	record("acme/store", 3)
	record("acme/shop", 100) // by something that ran meanwhile
	want("acme/store", "1 2 3", "3", "1 2 3")
	name(2, "acme/shop") // taken anew
	want("acme/shop", "", "", "")
	record("acme/shop", 4)
	want("acme/shop", "4", "4", "4")
	want("acme/store", "1 2 3", "3", "1 2 3")
	name(3, "acme/shop") // taken, and nobody knows where the one before has gone
	record("acme/shop", 5)
	want("acme/shop", "5", "5", "5")
	name(2, "new/shop")
	want("new/shop", "4", "", "")
	name(3, "acme/other")
	name(1, "acme/shop") // and back
	record("acme/shop", 6)
	want("acme/shop", "1 2 3 6", "6", "1 2 3 6")
	want("acme/other", "5", "5", "5")
	want("acme/store", "3", "", "") // nobody's
	for was, now := range map[string]string{"acme/store": "acme/shop", "ACME/shop": "acme/shop", "new/shop": "new/shop", "no/body": "no/body"} {
		owner, repo, _ := strings.Cut(was, "/")
		if owner, repo, err := l.NameNow(t.Context(), owner, repo); err != nil || owner+"/"+repo != now {
			t.Errorf("%s is %s/%s now, %v, want %s", was, owner, repo, err, now)
		}
	}
}

// TestNamesOfAnOlderDatabase opens one from before names were known.
func TestNamesOfAnOlderDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "db")
	l := openAt(t, path)
	for i, p := range []Pull{
		{RepoID: 1, Owner: "Acme", Repo: "Shop", Number: 1},
		{RepoID: 1, Owner: "acme", Repo: "store", Number: 1}, // renamed
		{RepoID: 2, Owner: "acme", Repo: "shop", Number: 2},  // taken anew
		{RepoID: 2, Owner: "acme", Repo: "shop", Number: 3},
		{Owner: "acme", Repo: "unknown", Number: 1},
	} {
		err := l.Tx(t.Context(), func(tx *sql.Tx) error {
			if err := l.Hear(t.Context(), tx, p); err != nil {
				return err
			}
			_, err := tx.Exec("UPDATE pulls SET heard_at = $1 WHERE id = last_insert_rowid()", i)
			return errors.Join(err, l.RecordTx(t.Context(), tx, Event{Kind: "k", Owner: p.Owner, Repo: p.Repo}))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.write.Exec("DROP TABLE names; DELETE FROM goose_db_version WHERE version_id = 4"); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if list, err := r.Events(t.Context(), Filter{Owner: "acme", Repo: "shop"}); err != nil || len(list) != 3 {
		t.Errorf("before it is brought up to date: %d events, %v", len(list), err)
	}
	l = openAt(t, path)
	for full, want := range map[string]int{"acme/shop": 3, "acme/store": 1, "acme/unknown": 1} {
		owner, repo, _ := strings.Cut(full, "/")
		if list, err := l.Events(t.Context(), Filter{Owner: owner, Repo: repo}); err != nil || len(list) != want {
			t.Errorf("%s has %d events, %v, want %d", full, len(list), err, want)
		}
	}
}
