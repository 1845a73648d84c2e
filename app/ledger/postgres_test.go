package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
	"github.com/secbydesign/secbydesign/app/record"
)

// patience is how long a test waits for something that must happen; it measures nothing.
const patience = 60 * time.Second

// until polls until a condition is true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// session opens a plain connection.
func session(t *testing.T, at string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), at)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, at string, statements ...string) {
	t.Helper()
	conn := session(t, at)
	for _, statement := range statements {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// edited returns a URL with one part changed.
func edited(t *testing.T, text string, edit func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(text)
	must(t, err)
	edit(u)
	return u.String()
}

func databaseOf(t *testing.T, text string) (name string) {
	edited(t, text, func(u *url.URL) { name = strings.TrimPrefix(u.Path, "/") })
	return name
}

// TestPostgresURLsThatFail: the error says what to do, and no password.
func TestPostgresURLsThatFail(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	user, password := "", ""
	edited(t, at, func(u *url.URL) { user = u.User.Username(); password, _ = u.User.Password() })
	for name, test := range map[string]struct{ url, want string }{
		"a password that is not escaped":   {"postgres://user:hunter2/more@host/db", "%2F"},
		"another one":                      {"postgres://user:hunter2#more@host/db", "%2F"},
		"half an escape":                   {"postgres://user:hunter2%zz@host/db", "%2F"},
		"an invalid port":                  {"postgresql://user:hunter2@host:port/db", "%2F"},
		"an unknown mode":                  {"postgres://user:hunter2@host/db?sslmode=maybe", "sslmode"},
		"a password among the parameters":  {"postgres://user@host/db?password=hunter2&sslmode=hunter2", "sslmode"},
		"too few connections":              {"postgres://user:hunter2@host/db?pool_max_conns=2", "pool_max_conns=2"},
		"nobody listens":                   {"postgres://user:hunter2@127.0.0.1:1/db", "does not answer"},
		"the wrong password":               {edited(t, at, func(u *url.URL) { u.User = url.UserPassword(user, "hunter2") }), "check user, password"},
		"a user that does not exist":       {edited(t, at, func(u *url.URL) { u.User = url.UserPassword("nobody", "hunter2") }), "check user, password"},
		"a database that does not exist":   {edited(t, at, func(u *url.URL) { u.Path = "/missing" }), "check user, password and name"},
		"only a standby among the servers": {edited(t, at, func(u *url.URL) { u.RawQuery = "target_session_attrs=standby" }), "does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for how, open := range map[string]func() (io.Closer, error){
				"Open":       func() (io.Closer, error) { return Open(t.Context(), test.url) },
				"OpenReader": func() (io.Closer, error) { return OpenReader(t.Context(), test.url) },
			} {
				l, err := open()
				if err == nil {
					l.Close()
					t.Fatalf("%s succeeded", how)
				}
				if text := err.Error(); !strings.Contains(text, test.want) || strings.Contains(text, "hunter2") || strings.Contains(text, password) {
					t.Errorf("%s: %v, want %q and no password", how, err, test.want)
				}
			}
		})
	}
}

// TestKindOfPostgres: errors that a test cannot cause have their kind by their code.
func TestKindOfPostgres(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]kind{
		"08006": away, "57P01": away, "57P02": away, "57P03": away, "25P03": away, "25006": readOnly, "53300": crowded, "53200": crowded,
		"53100": full, "55P03": busy, "40P01": busy, "40001": busy, "57014": busy, "28P01": refused, "28000": refused, "3D000": refused,
		"42501": refused, "58030": failing, "XX001": damaged, "23505": other, "42P01": other,
	} {
		if got := kindOf(fmt.Errorf("record event: %w", &pgconn.PgError{Code: code})); got != want {
			t.Errorf("%s is of kind %d, want %d", code, got, want)
		}
	}
	for err, want := range map[error]kind{
		io.ErrUnexpectedEOF: away, context.Canceled: other, context.DeadlineExceeded: other, sql.ErrNoRows: other, pgx.ErrTxCommitRollback: busy,
	} {
		if got := kindOf(fmt.Errorf("begin: %w", err)); got != want {
			t.Errorf("%v is of kind %d, want %d", err, got, want)
		}
	}
	e := &postgresEngine{where: "the Postgres database x at y"}
	for code, advice := range map[string]string{"53300": "raise its max_connections", "53100": "make room", "57P03": "does not answer", "XX001": "restore its backup"} {
		err := e.explain(&pgconn.PgError{Code: code, Message: "cause"})
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), advice) || !strings.Contains(err.Error(), e.where) {
			t.Errorf("%s: %v, want %q", code, err, advice)
		}
	}
}

// TestOneWriterOnPostgres: each write transaction of any process sees all earlier ones, and the ids of events are in the
// order of their commits.
func TestOneWriterOnPostgres(t *testing.T) {
	t.Parallel()
	at := newPostgres(t)
	const processes, each = 3, 30
	var all sync.WaitGroup
	for p := range processes {
		l := openAt(t, at)
		all.Go(func() {
			for range each {
				err := l.Tx(context.Background(), func(tx *sql.Tx) error {
					var last, n int64
					if err := tx.QueryRow(`SELECT coalesce(max(id), 0), count(*) FROM events`).Scan(&last, &n); err != nil {
						return err
					}
					return l.RecordTx(context.Background(), tx, Event{Kind: "k", Number: p + 1, Data: json.RawMessage(fmt.Sprintf(`{"after":%d,"count":%d}`, last, n))})
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	events, err := openAt(t, at).Events(t.Context(), Filter{Kind: "k"})
	must(t, err)
	if len(events) != processes*each {
		t.Fatalf("%d events, want %d", len(events), processes*each)
	}
	last := int64(0)
	for i, e := range events {
		var saw struct{ After, Count int64 }
		must(t, json.Unmarshal(e.Data, &saw))
		if saw.After != last || saw.Count != int64(i) {
			t.Errorf("event %d saw %d events up to %d, want %d up to %d", e.ID, saw.Count, saw.After, i, last)
		}
		last = e.ID
	}
}

// TestUnorderedDoesNotWait: a heartbeat is recorded while another transaction writes.
func TestUnorderedDoesNotWait(t *testing.T) {
	t.Parallel()
	l := openAt(t, newPostgres(t))
	lease := Lease{Job: 1, Holder: "a"}
	must(t, l.Tx(t.Context(), func(tx *sql.Tx) error { return l.TakeLease(t.Context(), tx, lease, 1) }))
	must(t, l.Tx(t.Context(), func(*sql.Tx) error {
		return l.UnorderedTx(t.Context(), func(tx *sql.Tx) error {
			held, err := l.Beat(t.Context(), tx, lease, 1)
			if !held {
				t.Error("the lease is lost")
			}
			return err
		})
	}))
}

// TestHolderIsLost: a process that holds the lock of the writer and stops is ended by the server, after a while, and one
// that dies at once.
func TestHolderIsLost(t *testing.T) {
	t.Parallel()
	at := newPostgres(t)
	l := openAt(t, at)
	must(t, l.Tx(t.Context(), func(tx *sql.Tx) error {
		var idle string
		err := tx.QueryRow(`SELECT current_setting('idle_in_transaction_session_timeout')`).Scan(&idle)
		if idle != "30s" {
			t.Errorf("it is ended after %s", idle)
		}
		return err
	}))
	holder := session(t, at)
	_, err := holder.Exec(t.Context(), beginWriter)
	must(t, err)
	written := make(chan error)
	go func() { written <- l.Record(context.Background(), Event{Kind: "k"}) }()
	until(t, "the other waits for it", func() (waits bool) {
		must(t, session(t, at).QueryRow(t.Context(), `SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`).Scan(&waits))
		return waits
	})
	must(t, holder.PgConn().Conn().Close()) // as the kernel does for a process that was killed
	must(t, <-written)
}

// TestCanceledOnPostgres: a transaction whose context ends writes nothing, at whatever moment, and the next one works.
func TestCanceledOnPostgres(t *testing.T) {
	t.Parallel()
	at := newPostgres(t)
	l, ctx := openAt(t, at), t.Context()
	write := func(ctx context.Context, then func(tx *sql.Tx)) error {
		return l.Tx(ctx, func(tx *sql.Tx) error {
			if err := l.RecordTx(ctx, tx, Event{Kind: "k"}); err != nil {
				return err
			}
			then(tx)
			return nil
		})
	}
	for name, run := range map[string]func(ctx context.Context, cancel func()) error{
		"before":     func(ctx context.Context, cancel func()) error { cancel(); return write(ctx, func(*sql.Tx) {}) },
		"at the end": func(ctx context.Context, cancel func()) error { return write(ctx, func(*sql.Tx) { cancel() }) },
		"in a statement": func(ctx context.Context, cancel func()) error {
			return write(ctx, func(tx *sql.Tx) {
				time.AfterFunc(time.Millisecond, cancel)
				_, _ = tx.ExecContext(ctx, `SELECT pg_sleep(60)`)
			})
		},
		"with River's use": func(ctx context.Context, cancel func()) error {
			return write(ctx, func(tx *sql.Tx) { cancel(); _ = l.Driver().UnwrapExecutor(tx).Exec(ctx, `SELECT 1`) })
		},
		"while it waits": func(ctx context.Context, cancel func()) error {
			unlock := lockElsewhere(t, at)
			defer unlock()
			time.AfterFunc(5*time.Millisecond, cancel)
			return write(ctx, func(*sql.Tx) {})
		},
	} {
		canceled, cancel := context.WithCancel(ctx)
		if err := run(canceled, cancel); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
		if events, err := l.Events(ctx, Filter{}); err != nil || len(events) != 0 {
			t.Errorf("%s: %d events, %v", name, len(events), err)
		}
		if err := l.Ping(ctx); err != nil {
			t.Errorf("after %s: %v", name, err)
		}
	}
}

// TestJobsAreOfTheTransaction: what River writes within a transaction is committed or undone with the rest of it, and
// River's own transactions within it are undone alone.
func TestJobsAreOfTheTransaction(t *testing.T) {
	t.Parallel()
	l, ctx := openAt(t, newPostgres(t)), t.Context()
	insert := func(exec riverdriver.Executor, queue string) error {
		_, err := exec.JobInsertFastMany(ctx, &riverdriver.JobInsertFastManyParams{Jobs: []*riverdriver.JobInsertFastParams{{
			EncodedArgs: []byte(`{}`), Kind: "k", MaxAttempts: 3, Metadata: []byte(`{}`), Priority: 1, Queue: queue, State: rivertype.JobStateAvailable,
		}}})
		return err
	}
	odd := errors.New("odd")
	for queue, end := range map[string]error{"kept": nil, "undone": odd} {
		err := l.Tx(ctx, func(tx *sql.Tx) error {
			exec := l.Driver().UnwrapExecutor(tx)
			if got := l.Driver().UnwrapTx(exec); got != tx {
				t.Error("it is the executor of another transaction")
			}
			for _, keep := range []bool{true, false} {
				inner, err := exec.Begin(ctx)
				must(t, err)
				must(t, insert(inner, fmt.Sprint(queue, keep)))
				if !keep {
					must(t, inner.Exec(ctx, `SELECT 1`))
					if inner.Exec(ctx, `SELECT nothing`) == nil {
						t.Error("nothing is something")
					}
					must(t, inner.Rollback(ctx))
				} else {
					must(t, inner.Commit(ctx))
				}
			}
			return errors.Join(insert(exec, queue), end)
		})
		if !errors.Is(err, end) {
			t.Errorf("%s: %v", queue, err)
		}
	}
	rows, err := l.read.Query(`SELECT queue FROM river_job ORDER BY queue`)
	must(t, err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		var queue string
		must(t, rows.Scan(&queue))
		got = append(got, queue)
	}
	if fmt.Sprint(got) != "[kept kepttrue]" {
		t.Errorf("jobs of %q", got)
	}
	err = l.Tx(ctx, func(tx *sql.Tx) error {
		must(t, tx.Commit())
		if err := l.Driver().UnwrapExecutor(tx).Exec(ctx, `SELECT 1`); !errors.Is(err, sql.ErrTxDone) {
			t.Errorf("after the end: %v", err)
		}
		return odd
	})
	if !errors.Is(err, odd) {
		t.Error(err)
	}
}

// TestTextsThatPostgresRefuses: NUL and bytes that are not UTF-8 become U+FFFD, in every column, and the chain of what
// is stored is whole.
func TestTextsThatPostgresRefuses(t *testing.T) {
	t.Parallel()
	for _, at := range []string{newPostgres(t), "sqlite:" + t.TempDir() + "/db"} {
		l, ctx := openAt(t, at), t.Context()
		must(t, l.Record(ctx, Event{
			Kind: record.NotUseful, Owner: "ac\x00me", Repo: "sh\xffop", Head: "\x00", Number: 1,
			Data: json.RawMessage("{\"who\":\"mo\\u0000na\xff\",\"text\":\"\\ud800\"}"),
		}))
		must(t, l.Tx(ctx, func(tx *sql.Tx) error {
			return errors.Join(l.Accept(ctx, tx, Delivery{GUID: "g\x00", Event: "e\xff", RepoID: 9, Owner: "o\x00", Repo: "r"}),
				l.RecordWebhook(ctx, tx, Pull{Owner: "o", Repo: "r", RepoID: 9, Number: 1, Head: "h\x00", Reason: "\xff\x00"}))
		}))
		events, err := l.Events(ctx, Filter{Kind: record.NotUseful})
		if err != nil || len(events) != 1 || events[0].Owner != "ac\uFFFDme" || events[0].Repo != "sh\uFFFDop" ||
			string(events[0].Data) != "{\"who\":\"mo\\u0000na\uFFFD\",\"text\":\"\\ud800\"}" {
			t.Errorf("%s: %+v, %v", at[:8], events, err)
		}
		if c := verified(t, l.Reader, ""); len(c.Problems) > 0 || len(c.States()) != 1 {
			t.Errorf("%s: %v", at[:8], c.Problems)
		}
	}
}

// TestServerRestarts: while the server is away every write fails with advice, and afterwards the same ledger goes on.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	l, ctx := openAt(t, server.Database(t)), t.Context()
	changes, err := l.Changes(ctx)
	must(t, err)
	defer changes.Close()
	must(t, l.Record(ctx, Event{Kind: "before"}))
	server.Stop()
	for what, write := range map[string]func() error{
		"Record":      func() error { return l.Record(ctx, Event{Kind: "away"}) },
		"Shared":      func() error { return l.take(ctx, "away") },
		"Ping":        func() error { return l.Ping(ctx) },
		"UnorderedTx": func() error { return l.UnorderedTx(ctx, func(*sql.Tx) error { return nil }) },
	} {
		if err := write(); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("%s while it is away: %v", what, err)
		}
	}
	server.Start(t)
	err = l.Tx(ctx, func(tx *sql.Tx) error {
		if err := l.RecordTx(ctx, tx, Event{Kind: "away"}); err != nil {
			t.Errorf("after the restart: %v", err)
		}
		server.Stop()
		return nil
	})
	if !errors.Is(err, ErrUnavailable) {
		t.Errorf("stopped within a transaction: %v", err)
	}
	server.Start(t)
	must(t, l.Record(ctx, Event{Kind: "after"}))
	must(t, l.take(ctx, "after"))
	events, err := l.Events(ctx, Filter{})
	if err != nil || len(events) != 2 || events[0].Kind != "before" || events[1].Kind != "after" {
		t.Errorf("%+v, %v", events, err)
	}
	until(t, "notifications arrive again", changes.watch.(*pgWatch).heard.Load)
}

// TestReadOnlyServer: a server that has become a standby is reported, and left as soon as there is another.
func TestReadOnlyServer(t *testing.T) {
	t.Parallel()
	at := newPostgres(t)
	l, name := openAt(t, at), databaseOf(t, at)
	must(t, l.Record(t.Context(), Event{Kind: "before"}))
	execute(t, at, `ALTER DATABASE `+name+` SET default_transaction_read_only = on`)
	l.engine.(*postgresEngine).pool.Reset()
	err := l.Record(t.Context(), Event{Kind: "meanwhile"})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "target_session_attrs=read-write") {
		t.Errorf("as a standby: %v", err)
	}
	execute(t, at, `SET default_transaction_read_only = off`, `ALTER DATABASE `+name+` RESET default_transaction_read_only`)
	// The connection that the error was on would stay read-only.
	if err := l.Record(t.Context(), Event{Kind: "after"}); err != nil {
		t.Errorf("as the primary again: %v", err)
	}
}

// TestOfSeveralHostsThePrimary: a URL with several hosts leads to the one that accepts writes.
func TestOfSeveralHostsThePrimary(t *testing.T) {
	t.Parallel()
	at := pgtest.Database(t)
	several := edited(t, at, func(u *url.URL) { u.Host = "127.0.0.1:1," + u.Host })
	l := openAt(t, several)
	must(t, l.Record(t.Context(), Event{Kind: "k"}))
	config, err := postgresConfig(several)
	must(t, err)
	if config.ConnConfig.ValidateConnect == nil {
		t.Error("a standby would do")
	}
}

// TestAnotherDatabaseInItsPlace: a connection to the database of another installation is refused, without a write.
func TestAnotherDatabaseInItsPlace(t *testing.T) {
	t.Parallel()
	for change, what := range map[string]string{
		`UPDATE installation SET id = 'another'`: "was replaced by the database of another installation",
		`DELETE FROM installation`:               "was emptied",
		`DROP TABLE installation`:                "was emptied",
	} {
		at := newPostgres(t)
		l := openAt(t, at)
		execute(t, at, change)
		l.engine.(*postgresEngine).pool.Reset() // as a restart of the server does
		err := l.Record(t.Context(), Event{Kind: "k"})
		if !errors.Is(err, ErrUnavailable) || !errors.Is(err, ErrNotTheSame) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", change, err)
		}
		n := 0
		must(t, session(t, at).QueryRow(t.Context(), `SELECT count(*) FROM events`).Scan(&n))
		if n != 0 {
			t.Errorf("%s: %d events", change, n)
		}
	}
}

// TestAnnounced: a commit that announces work is noticed by other processes, and another one is not.
func TestAnnounced(t *testing.T) {
	t.Parallel()
	at := newPostgres(t)
	l, other, ctx := openAt(t, at), openAt(t, at), t.Context()
	changes, err := other.Changes(ctx)
	must(t, err)
	defer changes.Close()
	until(t, "notifications arrive", changes.watch.(*pgWatch).heard.Load)
	<-changes.Early() // the test that they do
	if changed, err := changes.Any(ctx); changed || err != nil {
		t.Errorf("nothing has changed: %v, %v", changed, err)
	}
	odd := errors.New("odd")
	for _, end := range []error{nil, odd} {
		err := l.Tx(ctx, func(tx *sql.Tx) error { return errors.Join(l.Announce(ctx, tx), end) })
		if !errors.Is(err, end) {
			t.Error(err)
		}
	}
	must(t, l.Record(ctx, Event{Kind: "k"})) // announces nothing
	select {
	case <-changes.Early():
	case <-time.After(patience):
		t.Fatal("nothing was announced")
	}
	must(t, l.Tx(ctx, func(tx *sql.Tx) error { return l.Announce(ctx, tx) }))
	select {
	case <-changes.Early():
	case <-time.After(patience):
		t.Fatal("nothing was announced the second time")
	}
	select {
	case <-changes.Early():
		t.Error("there was a third announcement")
	default:
	}
}

// TestWithoutNotifications: as behind a pooler, nothing is announced. Then Any finds jobs that can begin.
func TestWithoutNotifications(t *testing.T) {
	t.Parallel()
	l, ctx := openAt(t, newPostgres(t)), t.Context()
	w := &Changes{&pgWatch{e: l.engine.(*postgresEngine)}}
	if changed, err := w.Any(ctx); changed || err != nil {
		t.Errorf("without jobs: %v, %v", changed, err)
	}
	insert := `INSERT INTO river_job (args, kind, max_attempts, queue, state, scheduled_at) VALUES ('{}', 'k', 3, 'q', 'available', now() + $1::interval)`
	for _, job := range []struct {
		at   string
		want bool
	}{{"1 hour", false}, {"-1 second", true}} {
		must(t, l.Driver().GetExecutor().Exec(ctx, insert, job.at))
		if changed, err := w.Any(ctx); changed != job.want || err != nil {
			t.Errorf("with a job in %s: %v, %v", job.at, changed, err)
		}
	}
}

// TestPostgresReader: a reader sees what was committed, writes nothing, and refuses what is no ledger.
func TestPostgresReader(t *testing.T) {
	t.Parallel()
	empty := pgtest.Database(t)
	if _, err := OpenReader(t.Context(), empty); !errors.Is(err, ErrNoLedger) {
		t.Errorf("an empty database: %v", err)
	}
	at := newPostgres(t)
	l := openAt(t, at)
	r, err := OpenReader(t.Context(), at)
	must(t, err)
	defer r.Close()
	must(t, l.Record(t.Context(), Event{Kind: record.NotUseful, Owner: "Acme", Repo: "Shop", Number: 2}))
	if got, err := r.Newest(t.Context(), Filter{Kind: record.NotUseful, Limit: 9}); err != nil || fmt.Sprint(got) != "[{0 Acme Shop 2}]" {
		t.Errorf("%v, %v", got, err)
	}
	if c := verified(t, *r, ""); len(c.Problems) > 0 || len(c.States()) != 1 {
		t.Errorf("%v", c.Problems)
	}
	if _, err := r.read.Exec("DELETE FROM policies"); err == nil {
		t.Error("a reader can write")
	}
	if _, ok := l.AloneSince(); ok {
		t.Error("on Postgres nobody is known to be alone")
	}
	execute(t, at, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`)
	if _, err := OpenReader(t.Context(), at); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("a newer schema: %v", err)
	}
}

// TestOneStateIsVerified: a reader that verifies the chain sees one state of the database, while others write.
func TestOneStateIsVerified(t *testing.T) {
	t.Parallel()
	l := openAt(t, newPostgres(t))
	tx, err := l.read.BeginTx(t.Context(), l.snapshot)
	must(t, err)
	defer tx.Rollback()
	count := func() (n int) {
		t.Helper()
		must(t, tx.QueryRow(`SELECT count(*) FROM events`).Scan(&n))
		return n
	}
	if count() != 0 {
		t.Fatal("it is not empty")
	}
	must(t, l.Record(t.Context(), Event{Kind: "k"}))
	if n := count(); n != 0 {
		t.Errorf("it sees %d later events", n)
	}
}

// TestProcessesOpenAnEmptyPostgresAtOnce migrates in several processes that start together.
func TestProcessesOpenAnEmptyPostgresAtOnce(t *testing.T) {
	t.Parallel()
	processesOpen(t, pgtest.Database(t))
}

// TestConnectionsAreBounded: a replica has no more connections than documented, whatever it does.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	at := newPostgres(t)
	l, ctx := openAt(t, at), t.Context()
	changes, err := l.Changes(ctx)
	must(t, err)
	defer changes.Close()
	until(t, "it listens", changes.watch.(*pgWatch).heard.Load)
	var all sync.WaitGroup
	for i := range 60 {
		all.Go(func() {
			var err error
			switch i % 3 {
			case 0:
				_, err = l.Events(ctx, Filter{})
			case 1:
				err = l.UnorderedTx(ctx, func(tx *sql.Tx) error { _, err := tx.ExecContext(ctx, `SELECT pg_sleep(0.05)`); return err })
			default:
				err = l.Record(ctx, Event{Kind: "k"})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	n := 0
	must(t, session(t, at).QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&n))
	if n > pgConns+1 || n < 3 {
		t.Errorf("%d connections, want at most %d", n, pgConns+1)
	}
}
