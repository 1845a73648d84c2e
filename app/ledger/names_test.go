package ledger

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// TestNames renames repositories, and lets others take the names. The events, policies and uploads are
// numbered in order; a repository must have all those recorded under any name while it had that name.
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
			if err := l.SaveValidPolicy(t.Context(), Repo{Owner: owner, Name: repo}, fmt.Sprint(n), nil); err != nil {
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
		sha, _, _, policyErr := l.ValidPolicy(t.Context(), Repo{Owner: owner, Name: repo})
		ups, upErr := l.Uploads(t.Context(), Repo{Owner: owner, Name: repo}, "s")
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
	name(2, "acme/shop") // taken by another repository
	want("acme/shop", "", "", "")
	record("acme/shop", 4)
	want("acme/shop", "4", "4", "4")
	want("acme/store", "1 2 3", "3", "1 2 3")
	name(3, "acme/shop") // taken, and the earlier repository's new name is unknown
	record("acme/shop", 5)
	want("acme/shop", "5", "5", "5")
	name(2, "new/shop")
	want("new/shop", "4", "4", "4")
	name(3, "acme/other")
	name(1, "acme/shop") // and back
	record("acme/shop", 6)
	want("acme/shop", "1 2 3 6", "6", "1 2 3 6")
	want("acme/other", "5", "5", "5")
	want("acme/store", "3", "", "") // of no repository
	for was, now := range map[string]string{"acme/store": "acme/shop", "ACME/shop": "acme/shop", "new/shop": "new/shop", "no/body": "no/body"} {
		owner, repo, _ := strings.Cut(was, "/")
		if is, err := l.Now(t.Context(), Repo{Owner: owner, Name: repo}); err != nil || is.String() != now {
			t.Errorf("%s is %s now, %v, want %s", was, is, err, now)
		}
	}
}

// older creates a database as left by a version of this program with the first steps of the schema.
func older(t *testing.T, path string, steps int64) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	sub, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, sub)
	if err == nil {
		_, err = provider.UpTo(t.Context(), steps)
	}
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestNamesOfAnOlderDatabase opens a database of a version without names.
func TestNamesOfAnOlderDatabase(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "Postgres has no schema of before that")
	path := filepath.Join(t.TempDir(), "db")
	db := older(t, path, namesSchema-1)
	for i, p := range []Pull{
		{RepoID: 1, Owner: "Acme", Repo: "Shop", Number: 1},
		{RepoID: 1, Owner: "acme", Repo: "store", Number: 1}, // renamed
		{RepoID: 2, Owner: "acme", Repo: "shop", Number: 2},  // taken by another repository
		{RepoID: 2, Owner: "acme", Repo: "shop", Number: 3},
		{Owner: "acme", Repo: "unknown", Number: 1},
	} {
		insertOlder(t, db, p, i)
	}
	if err := db.Close(); err != nil {
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
	l := openAt(t, "sqlite:"+path)
	for full, want := range map[string]int{"acme/shop": 3, "acme/store": 1, "acme/unknown": 1} {
		owner, repo, _ := strings.Cut(full, "/")
		if list, err := l.Events(t.Context(), Filter{Owner: owner, Repo: repo}); err != nil || len(list) != want {
			t.Errorf("%s has %d events, %v, want %d", full, len(list), err, want)
		}
	}
}

// insertOlder stores a pull request and an event of it as versions did before rows had the repository's id.
func insertOlder(t *testing.T, db *sql.DB, p Pull, heard int) {
	t.Helper()
	_, err := db.Exec(`INSERT INTO pulls (installation, repo_id, owner, repo, number, head, base, reason, force, closed, generation, reviewed, heard_at)
		VALUES (7, $1, $2, $3, $4, $5, '', '', FALSE, FALSE, 1, 0, $6)`, p.RepoID, p.Owner, p.Repo, p.Number, p.Head, heard)
	if err == nil {
		_, err = db.Exec(`INSERT INTO events (at, kind, installation, owner, repo, number, head, data) VALUES ($1, 'k', 7, $2, $3, $4, '', '{}')`,
			heard, p.Owner, p.Repo, p.Number)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestIDsOfAnOlderDatabase opens a database whose rows are stored under names. Everything that a repository had
// under its old name must belong to it under the next one.
func TestIDsOfAnOlderDatabase(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "Postgres has no schema of before that")
	path := filepath.Join(t.TempDir(), "db")
	db := older(t, path, idsSchema-1)
	for i, p := range []Pull{
		{RepoID: 1, Owner: "Acme", Repo: "Old", Number: 1, Head: "before"}, // of the days before it was renamed
		{RepoID: 1, Owner: "Acme", Repo: "Shop", Number: 1, Head: "after"},
		{Owner: "acme", Repo: "shop", Number: 2},
		{Owner: "acme", Repo: "unknown", Number: 1},
	} {
		insertOlder(t, db, p, i)
	}
	for _, statement := range []string{
		`INSERT INTO names VALUES ('acme', 'old', 1, 0, 1), ('acme', 'shop', 1, 0, NULL)`,
		`INSERT INTO policies VALUES ('acme', 'shop', 'p1', '', 0), ('acme', '.github', 'p2', '', 0)`,
		`INSERT INTO uploads VALUES ('acme', 'shop', 's', 'x', '', 0, 'w', 'r', x'0300', 9999999999999)`,
		`INSERT INTO awaited VALUES ('acme', 'shop', 's', 2, 9999999999999)`,
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := OpenReader(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	list, err := r.Events(t.Context(), Filter{Owner: "acme", Repo: "shop"})
	subjects, subjectErr := r.Newest(t.Context(), Filter{Owner: "acme", Repo: "shop", Kind: "k", Limit: 9})
	sha, _, _, policyErr := r.ValidPolicy(t.Context(), Repo{Owner: "Acme", Name: "shop"})
	if err := errors.Join(err, subjectErr, policyErr); err != nil || len(list) != 3 || len(subjects) != 2 || sha != "p1" {
		t.Errorf("before it is brought up to date: %d events, %d pull requests, the policy %q, %v", len(list), len(subjects), sha, err)
	}

	l := openAt(t, "sqlite:"+path)
	if err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.Name(t.Context(), tx, 1, "New", "Store") }); err != nil {
		t.Fatal(err)
	}
	store := Repo{Owner: "new", Name: "store"}
	open, err := l.OpenPulls(t.Context(), store)
	p, pullErr := l.Pull(t.Context(), store, 1)
	sha, _, _, policyErr = l.ValidPolicy(t.Context(), store)
	uploads, uploadErr := l.Uploads(t.Context(), store, "s")
	waiting, waitErr := l.Awaiting(t.Context(), store, "s")
	list, eventErr := l.Events(t.Context(), Filter{RepoID: 1})
	if err := errors.Join(err, pullErr, policyErr, uploadErr, waitErr, eventErr); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(open, []int{1, 2}) || p.Head != "after" || p.RepoID != 1 || p.Owner+p.Repo != "NewStore" || sha != "p1" || len(uploads) != 1 ||
		!slices.Equal(waiting, []int{2}) || len(list) != 3 {
		t.Errorf("the pull requests %v, %+v, the policy %q, %d uploads, awaited by %v, %d events", open, p, sha, len(uploads), waiting, len(list))
	}
	for _, e := range list {
		if e.RepoID != 1 {
			t.Errorf("%s/%s is %d", e.Owner, e.Repo, e.RepoID)
		}
	}
	if sha, _, _, err := l.ValidPolicy(t.Context(), Repo{Owner: "acme", Name: ".github"}); err != nil || sha != "p2" {
		t.Errorf("the organisation's policy is %q, %v", sha, err)
	}
	if _, err := l.Pull(t.Context(), Repo{Owner: "acme", Name: "unknown"}, 1); err != nil {
		t.Error(err)
	}
}

// TestRenamedRepository records data while and after a repository is renamed and transferred, and its name taken.
// Data with an id must belong to that repository, under whatever name it arrived.
func TestRenamedRepository(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	do := func(what func(tx *sql.Tx) error) {
		t.Helper()
		if err := l.Tx(t.Context(), what); err != nil {
			t.Fatal(err)
		}
	}
	hear := func(id int64, owner, repo, head string) {
		t.Helper()
		do(func(tx *sql.Tx) error {
			return l.RecordWebhook(t.Context(), tx, Pull{Installation: 7, RepoID: id, Owner: owner, Repo: repo, Number: 1, Head: head})
		})
	}
	record := func(id int64, owner, repo, data string) {
		t.Helper()
		e := Event{Kind: "k", RepoID: id, Owner: owner, Repo: repo, Number: 1, Data: json.RawMessage(data)}
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	hear(0, "Acme", "Shop", "a") // its id is not known yet
	hear(1, "Acme", "Shop", "a")
	record(1, "Acme", "Shop", "1")
	do(func(tx *sql.Tx) error { return l.Name(t.Context(), tx, 1, "Acme", "Store") })
	record(1, "Acme", "Shop", "2") // by a review that runs
	hear(1, "Acme", "Shop", "b")   // from before, and late
	hear(2, "Acme", "Shop", "c")   // another one
	record(2, "Acme", "Shop", "3")
	record(1, "Acme", "Shop", "4")
	do(func(tx *sql.Tx) error { return l.Name(t.Context(), tx, 1, "Globex", "Shop") })
	hear(0, "Acme", "Store", "d") // by a sender that knows only a former name

	for _, tc := range []struct {
		repo         Repo
		head, events string
	}{
		{Repo{ID: 1}, "d", "[1 2 4]"},
		{Repo{Owner: "globex", Name: "shop"}, "d", "[1 2 4]"},
		{Repo{ID: 2}, "c", "[3]"},
		{Repo{Owner: "ACME", Name: "SHOP"}, "c", "[3]"},
	} {
		p, err := l.Pull(t.Context(), tc.repo, 1)
		list, listErr := l.Events(t.Context(), Filter{RepoID: tc.repo.ID, Owner: tc.repo.Owner, Repo: tc.repo.Name, Kind: "k", Number: 1})
		var events []string
		for _, e := range list {
			events = append(events, string(e.Data))
		}
		if err := errors.Join(err, listErr); err != nil || p.Head != tc.head || fmt.Sprint(events) != tc.events {
			t.Errorf("%s: at %q with %v, %v; want %q with %s", tc.repo, p.Head, events, err, tc.head, tc.events)
		}
	}
	var rows int
	if err := l.read.QueryRow("SELECT count(*) FROM pulls").Scan(&rows); err != nil || rows != 2 {
		t.Errorf("%d pull requests, %v", rows, err)
	}
	for owner, want := range map[string]string{"acme": "[3]", "GLOBEX": "[1 2 4]"} {
		list, err := l.Events(t.Context(), Filter{Owner: owner, Kind: "k"})
		var events []string
		for _, e := range list {
			events = append(events, string(e.Data))
		}
		if err != nil || fmt.Sprint(events) != want {
			t.Errorf("of %s: %v, %v, want %s", owner, events, err, want)
		}
	}
	if subjects, err := l.Newest(t.Context(), Filter{Kind: "k", Limit: 9}); err != nil || len(subjects) != 2 || subjects[0].RepoID != 1 {
		t.Errorf("%+v, %v", subjects, err)
	}
}
