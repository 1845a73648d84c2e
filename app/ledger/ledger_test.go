package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// helperDB makes the test binary a process that opens a database and closes it.
const helperDB = "SECBYDESIGN_TEST_LEDGER_DB"

func TestMain(m *testing.M) {
	path := os.Getenv(helperDB)
	if path == "" {
		run(m)
	}
	if role := os.Getenv(helperRole); role != "" {
		if err := helpMove(role, path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	l, err := Open(context.Background(), path)
	if err == nil {
		err = errors.Join(l.Record(context.Background(), Event{Kind: "opened"}), l.Close())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ url, want string }{
		{"", "sqlite:PATH"},
		{"sqlite:", "sqlite:PATH"},
		{"ledger.db", "sqlite:PATH"},
		{"mysql://user:hunter2@host/db", "sqlite:PATH"},
		{"sqlite:" + filepath.Join(t.TempDir(), "no", "folder"), "no such file"},
		{"sqlite:" + t.TempDir(), "is a directory"},
	} {
		l, err := Open(t.Context(), tc.url)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Open(%q): %v, want an error with %q", tc.url, err, tc.want)
		}
	}

	garbage := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), "sqlite:"+garbage); err == nil {
		t.Error("garbage was opened")
	}
}

func TestFilesArePrivate(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about files")
	path := filepath.Join(t.TempDir(), "a folder % with?odd#characters&x=1", "db")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	l := openAt(t, "sqlite:"+path)
	if err := l.Record(t.Context(), Event{Kind: "k"}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
	}
	if want := []string{"db", "db-shm", "db-wal", "db.installation", "db.lock", "db.used"}; !reflect.DeepEqual(names, want) {
		t.Errorf("files %q, want %q", names, want)
	}
}

func TestSettingsHoldForBothPools(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about pragmas")
	l := openNew(t)
	for name, db := range map[string]*sql.DB{"write": l.write, "read": l.read} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "10000"} {
			var got string
			if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %s, %v; want %s", name, pragma, got, err, want)
			}
		}
	}
	if _, err := l.read.Exec("DELETE FROM policies"); err == nil {
		t.Error("the readers can write")
	}
}

// schema describes all tables.
func schema(t *testing.T, l *Ledger) (lines []string) {
	t.Helper()
	tables := "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL"
	if pgtest.Chosen() {
		tables = "SELECT table_name || ' ' || column_name || ' ' || data_type FROM information_schema.columns WHERE table_schema = 'public'"
	}
	rows, err := l.read.Query(tables + " UNION ALL SELECT 'goose ' || version_id FROM goose_db_version UNION ALL SELECT 'river ' || version FROM river_migration")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, s)
	}
	return lines
}

func TestOpenAgain(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	l := openAt(t, url)
	if err := l.Record(t.Context(), Event{Kind: "k"}); err != nil {
		t.Fatal(err)
	}
	before := schema(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = openAt(t, url)
	if after := schema(t, l); !reflect.DeepEqual(before, after) {
		t.Errorf("schema changed from %q to %q", before, after)
	}
	if events, err := l.Events(t.Context(), Filter{}); err != nil || len(events) != 1 {
		t.Errorf("%d events, %v; want 1", len(events), err)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	t.Parallel()
	for name, newer := range map[string]string{
		"ours":  "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)",
		"River": "INSERT INTO river_migration (line, version) VALUES ('main', 999)",
	} {
		url := newURL(t)
		l := openAt(t, url)
		if _, err := l.write.Exec(newer); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := Open(t.Context(), url); !errors.Is(err, ErrNewerSchema) {
			t.Errorf("%s: got %v, want ErrNewerSchema", name, err)
		}
	}
}

func TestProcessesOpenAnEmptyDatabaseAtOnce(t *testing.T) {
	t.Parallel()
	processesOpen(t, emptyURL(t))
}

// processesOpen opens a database in several processes that start together.
func processesOpen(t *testing.T, url string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	const processes = 4
	for range processes {
		wg.Go(func() {
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), helperDB+"="+url)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wg.Wait()
	events, err := openAt(t, url).Events(t.Context(), Filter{Kind: "opened"})
	if err != nil || len(events) != processes {
		t.Errorf("%d processes wrote, %v; want %d", len(events), err, processes)
	}
}

func TestOpenDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about the lock of a file")
	path := filepath.Join(t.TempDir(), "db")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, "sqlite:"+path); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestAlone(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "the locks of files say who is alone")
	path := filepath.Join(t.TempDir(), "db")
	before := time.Now()
	first := openAt(t, "sqlite:"+path)
	if at, ok := first.AloneSince(); !ok || at.Before(before) || at.After(time.Now()) {
		t.Errorf("first: %v, %v", at, ok)
	}
	second := openAt(t, "sqlite:"+path)
	if _, ok := second.AloneSince(); ok {
		t.Error("second is alone beside the first")
	}
	first.Close()
	if _, ok := openAt(t, "sqlite:"+path).AloneSince(); ok {
		t.Error("third is alone beside the second")
	}
}

func TestClosedLedgerSaysSo(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	if err := l.Ping(t.Context()); err != nil {
		t.Errorf("open: %v", err)
	}
	l.Close()
	ctx := t.Context()
	if err := l.Ping(ctx); err == nil {
		t.Error("Ping succeeded")
	}
	if err := l.Record(ctx, Event{Kind: "k"}); err == nil {
		t.Error("Record succeeded")
	}
	if _, err := l.Events(ctx, Filter{}); err == nil {
		t.Error("Events succeeded")
	}
	if err := l.SaveValidPolicy(ctx, Repo{Owner: "o", Name: "r"}, "s", nil); err == nil {
		t.Error("SaveValidPolicy succeeded")
	}
	if _, _, _, err := l.ValidPolicy(ctx, Repo{Owner: "o", Name: "r"}); err == nil {
		t.Error("ValidPolicy succeeded")
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	accept := func(d Delivery, then error) error {
		return l.Tx(t.Context(), func(tx *sql.Tx) error {
			if err := l.Accept(t.Context(), tx, d); err != nil {
				return err
			}
			return then
		})
	}
	rolledBack := errors.New("rolled back")
	for i, tc := range []struct {
		d          Delivery
		then, want error
	}{
		{Delivery{GUID: "a", Event: "push"}, rolledBack, rolledBack},
		{Delivery{GUID: "a", Event: "push"}, nil, nil},
		{Delivery{GUID: "a", Event: "push"}, nil, ErrDuplicate},
		{Delivery{GUID: "a", Event: "pull_request", Action: "opened"}, nil, ErrDuplicate},
		{Delivery{GUID: "b", Outcome: "action_not_used"}, nil, nil},
	} {
		if err := accept(tc.d, tc.then); !errors.Is(err, tc.want) {
			t.Errorf("%d: got %v, want %v", i, err, tc.want)
		}
	}
	if err := accept(Delivery{Event: "push"}, nil); err == nil {
		t.Error("a delivery without GUID was taken")
	}
	var n int
	var outcomes string
	if err := l.read.QueryRow("SELECT count(*), min(outcome) || ',' || max(outcome) FROM deliveries").Scan(&n, &outcomes); err != nil || n != 2 || outcomes != "accepted,action_not_used" {
		t.Errorf("%d deliveries %q, %v", n, outcomes, err)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	at := time.UnixMilli(1_700_000_000_123).UTC()
	all := []Event{
		{At: at, Kind: "seen", Installation: 1, Owner: "Acme", Repo: "Shop", Number: 1, Head: "h1", Data: json.RawMessage(`{"n":1}`)},
		{At: at.Add(time.Second), Kind: "seen", Owner: "acme", Repo: "shop", Number: 2, Head: "h2", Data: json.RawMessage(`[]`)},
		{At: at.Add(2 * time.Second), Kind: "fixed", Owner: "ACME", Repo: "other", Number: 1, Head: "h1"},
		{At: at.Add(3 * time.Second), Kind: "started"},
	}
	for _, e := range all {
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for i := range all {
		all[i].ID = int64(i + 1)
		if all[i].Data == nil {
			all[i].Data = json.RawMessage("{}")
		}
	}
	for _, tc := range []struct {
		name   string
		filter Filter
		want   []Event
	}{
		{"all", Filter{}, all},
		{"owner without case", Filter{Owner: "aCME"}, all[:3]},
		{"repository", Filter{Owner: "acme", Repo: "SHOP"}, all[:2]},
		{"pull request", Filter{Owner: "acme", Repo: "shop", Number: 2}, all[1:2]},
		{"kind", Filter{Kind: "fixed"}, all[2:3]},
		{"head", Filter{Head: "h1", Kind: "seen"}, all[:1]},
		{"since", Filter{Since: at.Add(2 * time.Second)}, all[2:]},
		{"after, limited", Filter{After: 1, Limit: 2}, all[1:3]},
		{"the last", Filter{Owner: "acme", Repo: "shop", Last: true}, all[1:2]},
		{"none", Filter{Owner: "acme' OR 1=1 --"}, nil},
	} {
		got, err := l.Events(t.Context(), tc.filter)
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v, %v\nwant %+v", tc.name, got, err, tc.want)
		}
	}

	for name, e := range map[string]Event{"no kind": {}, "bad data": {Kind: "k", Data: json.RawMessage("{")}} {
		if err := l.Record(t.Context(), e); err == nil {
			t.Errorf("%s: recorded", name)
		}
	}
	for _, change := range []string{"UPDATE events SET kind = 'x'", "DELETE FROM events"} {
		if _, err := l.write.Exec(change); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: got %v", change, err)
		}
	}
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	if _, _, ok, err := l.ValidPolicy(t.Context(), Repo{Owner: "acme", Name: "shop"}); ok || err != nil {
		t.Errorf("before the first: %v, %v", ok, err)
	}
	for _, want := range []string{"version: 1\n", "", "\xff\x00"} {
		if err := l.SaveValidPolicy(t.Context(), Repo{Owner: "Acme", Name: "Shop"}, fmt.Sprintf("sha-%x", want), []byte(want)); err != nil {
			t.Fatal(err)
		}
		sha, text, ok, err := l.ValidPolicy(t.Context(), Repo{Owner: "acme", Name: "SHOP"})
		if sha != fmt.Sprintf("sha-%x", want) || string(text) != want || !ok || err != nil {
			t.Errorf("got %q, %q, %v, %v; want %q", sha, text, ok, err, want)
		}
	}
	if err := l.SaveValidPolicy(t.Context(), Repo{Owner: "acme", Name: "nil"}, "s", nil); err != nil {
		t.Errorf("nil text: %v", err)
	}
}

func TestHear(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	said := func(change func(p *Pull)) Pull {
		p := Pull{Installation: 1, RepoID: 2, Owner: "Acme", Repo: "Shop", Number: 3, Head: "a", Base: "b", Reason: "opened"}
		change(&p)
		return p
	}
	var got Pull
	for _, tc := range []struct {
		name   string
		said   Pull
		review bool
		want   string // generation, reviewed, head, base, force, closed
	}{
		{"first", said(func(p *Pull) {}), false, "1 0 a b false false"},
		{"the same", said(func(p *Pull) {}), false, "1 0 a b false false"},
		{"the same, spelt otherwise", said(func(p *Pull) { p.Owner, p.Repo = "ACME", "shop" }), false, "1 0 a b false false"},
		{"nothing known", said(func(p *Pull) { p.Head, p.Base, p.RepoID = "", "", 0 }), false, "1 0 a b false false"},
		{"another head", said(func(p *Pull) { p.Head = "c" }), true, "2 2 c b false false"},
		{"another base", said(func(p *Pull) { p.Head, p.Base = "c", "d" }), false, "3 2 c d false false"},
		{"force", said(func(p *Pull) { p.Head, p.Base, p.Force = "", "", true }), false, "4 2 c d true false"},
		{"force stays", said(func(p *Pull) { p.Head, p.Base = "c", "d" }), true, "4 4 c d false false"},
		{"closed", said(func(p *Pull) { p.Head, p.Base, p.Closed = "c", "d", true }), false, "5 4 c d false true"},
		{"closed again", said(func(p *Pull) { p.Head, p.Base, p.Closed = "c", "d", true }), false, "5 4 c d false true"},
		{"re-opened, installed again", said(func(p *Pull) { p.Head, p.Base, p.Installation = "c", "d", 8 }), false, "6 4 c d false false"},
	} {
		err := l.Tx(t.Context(), func(tx *sql.Tx) (err error) {
			if err := l.RecordWebhook(t.Context(), tx, tc.said); err != nil {
				return err
			}
			if got, err = l.PullTx(t.Context(), tx, Repo{Owner: "aCME", Name: "sHOP"}, 3); err != nil || !tc.review {
				return err
			}
			if ok, err := l.SetReviewed(t.Context(), tx, got); err != nil || !ok {
				return fmt.Errorf("SetReviewed: %v, %w", ok, err)
			}
			old := got
			old.Generation--
			if ok, err := l.SetReviewed(t.Context(), tx, old); err != nil || ok {
				return fmt.Errorf("SetReviewed of an old generation: %v, %w", ok, err)
			}
			got, err = l.PullTx(t.Context(), tx, Repo{Owner: "acme", Name: "shop"}, 3)
			return err
		})
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if s := fmt.Sprintf("%d %d %s %s %t %t", got.Generation, got.Reviewed, got.Head, got.Base, got.Force, got.Closed); s != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, s, tc.want)
		}
	}
	if got.Installation != 8 || got.RepoID != 2 || got.ID != 1 {
		t.Errorf("in the end: %+v", got)
	}
	if n, err := l.Generation(t.Context(), got.ID); n != 6 || err != nil {
		t.Errorf("Generation: %d, %v", n, err)
	}
	err := l.Tx(t.Context(), func(tx *sql.Tx) error {
		_, err := l.PullTx(t.Context(), tx, Repo{Owner: "acme", Name: "shop"}, 4)
		return err
	})
	if !errors.Is(err, ErrUnknownPull) {
		t.Errorf("a pull request never heard of: %v", err)
	}
}

func TestOpenPulls(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	hear := func(p Pull) {
		t.Helper()
		if err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.RecordWebhook(t.Context(), tx, p) }); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; n <= 3; n++ {
		hear(Pull{Owner: "Acme", Repo: "Shop", Number: n, Head: "h", Closed: n == 2})
	}
	hear(Pull{Owner: "acme", Repo: "other", Number: 4})
	if got, err := l.OpenPulls(t.Context(), Repo{Owner: "ACME", Name: "shop"}); err != nil || !slices.Equal(got, []int{1, 3}) {
		t.Errorf("open are %v, %v", got, err)
	}
	if p, err := l.Pull(t.Context(), Repo{Owner: "acme", Name: "SHOP"}, 2); err != nil || !p.Closed || p.Head != "h" {
		t.Errorf("heard of %+v, %v", p, err)
	}
	if _, err := l.Pull(t.Context(), Repo{Owner: "acme", Name: "shop"}, 9); !errors.Is(err, ErrUnknownPull) {
		t.Errorf("never heard of: %v", err)
	}
}

// TestFirstHeard pushes to one pull request again, and to another one for the first time.
func TestFirstHeard(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	hear := func(p Pull) (before, after time.Time) {
		t.Helper()
		before = time.Now().Truncate(time.Millisecond) // as the database keeps times
		if err := l.Tx(t.Context(), func(tx *sql.Tx) error { return l.RecordWebhook(t.Context(), tx, p) }); err != nil {
			t.Fatal(err)
		}
		after = time.Now()
		time.Sleep(5 * time.Millisecond) // so that the next one is later
		return before, after
	}
	shop := Repo{Owner: "ACME", Name: "Shop"}
	if at, err := l.FirstHeard(t.Context(), shop); err != nil || !at.IsZero() {
		t.Errorf("heard of an unknown repository at %v, %v", at, err)
	}
	hear(Pull{Owner: "acme", Repo: "other", Number: 1, Head: "h"})
	hear(Pull{Owner: "acme", Repo: "shop", Number: 1, Head: "h"})
	before, after := hear(Pull{Owner: "acme", Repo: "shop", Number: 2, Head: "h"})
	hear(Pull{Owner: "acme", Repo: "shop", Number: 1, Head: "newer"})
	if at, err := l.FirstHeard(t.Context(), shop); err != nil || at.Before(before) || at.After(after) {
		t.Errorf("the oldest last push was heard at %v, %v; want between %v and %v", at, err, before, after)
	}
}

// TestSee checks that GitHub's answer does not replace what arrived after the question was sent.
func TestSee(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	heard := func(head string) (p Pull) {
		t.Helper()
		err := l.Tx(t.Context(), func(tx *sql.Tx) error {
			return l.RecordWebhook(t.Context(), tx, Pull{Owner: "acme", Repo: "shop", Number: 1, Head: head, Base: "b", Closed: true})
		})
		if err == nil {
			p, err = l.Pull(t.Context(), Repo{Owner: "acme", Name: "shop"}, 1)
		}
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	old := heard("a")
	now := heard("c")
	for _, tc := range []struct {
		read Pull
		head string
		want string
	}{{old, "d", "2 c true"}, {now, "e", "2 e false"}} {
		tc.read.Head, tc.read.Closed = tc.head, false
		if err := l.Refresh(t.Context(), tc.read); err != nil {
			t.Fatal(err)
		}
		got, err := l.Pull(t.Context(), Repo{Owner: "acme", Name: "shop"}, 1)
		if s := fmt.Sprintf("%d %s %t", got.Generation, got.Head, got.Closed); err != nil || s != tc.want {
			t.Errorf("%s: %s, %v, want %s", tc.head, s, err, tc.want)
		}
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	a, b := Lease{Job: 1, Holder: "a"}, Lease{Job: 1, Holder: "b"}
	err := l.Tx(t.Context(), func(tx *sql.Tx) error {
		ctx := t.Context()
		held := func(lease Lease) bool {
			ok, err := l.Beat(ctx, tx, lease, 1)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		sign := func() string {
			sign, err := l.Sign(ctx, tx, 1)
			if err != nil {
				t.Fatal(err)
			}
			return sign
		}
		if held(a) || sign() != "" {
			t.Error("held before it was taken")
		}
		for _, lease := range []Lease{a, b} {
			if err := l.TakeLease(ctx, tx, lease, 1); err != nil {
				return err
			}
		}
		taken := sign()
		if held(a) || sign() != taken {
			t.Error("the first taker holds it")
		}
		time.Sleep(2 * time.Millisecond) // another moment
		if !held(b) || sign() == taken {
			t.Error("the last taker does not hold it, or its beat cannot be seen")
		}
		if err := l.EndLease(ctx, tx, 1); err != nil {
			return err
		}
		if held(b) || sign() != "" {
			t.Error("held after its end")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestReadersDoNotWait reads while a writer holds a long transaction.
func TestReadersDoNotWait(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	err := l.Tx(t.Context(), func(tx *sql.Tx) error {
		if err := l.RecordTx(t.Context(), tx, Event{Kind: "k"}); err != nil {
			return err
		}
		events, err := l.Events(t.Context(), Filter{})
		if len(events) != 0 {
			t.Error("saw what was not committed")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it is about files")
	path := filepath.Join(t.TempDir(), "db")
	if _, err := OpenReader(t.Context(), "sqlite:"+path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a reader made the file")
	}
	if err := os.WriteFile(path+".txt", []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReader(t.Context(), "sqlite:"+path+".txt"); !errors.Is(err, ErrNoLedger) {
		t.Errorf("another file: %v", err)
	}
	if _, err := OpenReader(t.Context(), "mysql:x"); err == nil {
		t.Error("another engine was taken")
	}

	l := openAt(t, "sqlite:"+path)
	for i, e := range []Event{
		{Kind: "k", Owner: "acme", Repo: "shop", Number: 1}, {Kind: "k", Owner: "Acme", Repo: "Shop", Number: 2},
		{Kind: "k", Owner: "acme", Repo: "other", Number: 1}, {Kind: "k", Owner: "acme", Repo: "shop", Number: 1},
		{Kind: "other", Owner: "acme", Repo: "shop", Number: 3}, {Kind: "k", Owner: "else", Repo: "shop", Number: 4}, {Kind: "k"},
	} {
		if err := l.Record(t.Context(), e); err != nil {
			t.Fatal(i, err)
		}
	}
	reading := func(when string) {
		t.Helper()
		r, err := OpenReader(t.Context(), "sqlite:"+path)
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		defer r.Close()
		for _, test := range []struct {
			f    Filter
			want string
		}{
			{Filter{Kind: "k", Limit: 9}, "[{0 else shop 4} {0 acme shop 1} {0 acme other 1} {0 Acme Shop 2}]"},
			{Filter{Kind: "k", Limit: 2}, "[{0 else shop 4} {0 acme shop 1}]"},
			{Filter{Kind: "k", Limit: 9, Owner: "ACME"}, "[{0 acme shop 1} {0 acme other 1} {0 Acme Shop 2}]"},
			{Filter{Kind: "k", Limit: 9, Owner: "acme", Repo: "SHOP"}, "[{0 acme shop 1} {0 Acme Shop 2}]"},
			{Filter{Kind: "nothing", Limit: 9}, "[]"},
		} {
			if got, err := r.Newest(t.Context(), test.f); err != nil || fmt.Sprint(got) != test.want {
				t.Errorf("%s: %+v: %v, %v", when, test.f, got, err)
			}
		}
		if _, err := r.read.Exec("DELETE FROM policies"); err == nil {
			t.Errorf("%s: a reader can write", when)
		}
		if when != "open" {
			return
		}
		// The database goes on meanwhile, and the reader sees it.
		if err := l.Record(t.Context(), Event{Kind: "meanwhile", Owner: "acme", Repo: "shop", Number: 7}); err != nil {
			t.Error(err)
		}
		if got, err := r.Newest(t.Context(), Filter{Kind: "meanwhile", Limit: 1}); err != nil || len(got) != 1 {
			t.Errorf("what was recorded meanwhile: %v, %v", got, err)
		}
	}
	reading("open")
	l.Close()
	reading("closed")

	// A reader does no work, so a process that opens the database next to one is alone.
	r, err := OpenReader(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	l = openAt(t, "sqlite:"+path)
	if _, alone := l.AloneSince(); !alone {
		t.Error("a reader was taken for a worker")
	}
	if _, err := l.write.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)"); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenReader(t.Context(), "sqlite:"+path); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer schema: %v", err)
	}
}
