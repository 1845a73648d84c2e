package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// nasty is text that is easily changed on the way.
const nasty = "a\\b\\N\tc\r\nd\"e',{}|\u2028 %s $1 \U0001f512 é \\."

// moveable makes a database with rows in every table, and returns its path. Its ledger is closed.
func moveable(t *testing.T, events int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db")
	l, err := Open(t.Context(), "sqlite:"+path)
	must(t, err)
	defer l.Close()
	chainHistory(t, l, rand.New(rand.NewPCG(1, 14)), events)
	must(t, l.Record(t.Context(), Event{Kind: "odd", Owner: "o", Repo: nasty, Data: json.RawMessage(`{"a":"\u0000\\u0000","b" : 1e3 , "c":"` + "\u2028" + `"}`)}))
	must(t, l.Tx(t.Context(), func(tx *sql.Tx) error {
		return l.RecordWebhook(t.Context(), tx, Pull{Installation: 1, RepoID: 5, Owner: "Acme", Repo: "shop", Number: 7, Head: "h"})
	}))
	must(t, l.Tx(t.Context(), func(tx *sql.Tx) error { return fillAll(t.Context(), tx) }))
	for _, job := range jobsToMove() {
		_, err := l.Driver().GetExecutor().JobInsertFull(t.Context(), &job)
		must(t, err)
	}
	return path
}

// fillAll inserts rows into every table that has none, without knowing any.
func fillAll(ctx context.Context, tx *sql.Tx) error {
	s := &moveSource{tx: tx}
	tables, err := s.tables(ctx)
	if err != nil {
		return err
	}
	for table, columns := range tables {
		if n, err := countRows(ctx, tx, table); err != nil || n > 0 || table == "river_job" || slices.Contains(notMoved, table) {
			if err != nil {
				return err
			}
			continue
		}
		for i := range int64(3) {
			args, marks := []any{}, []string{}
			for _, c := range columns {
				var kind string
				if err := tx.QueryRowContext(ctx, `SELECT type FROM pragma_table_info($1) WHERE name = $2`, table, c).Scan(&kind); err != nil {
					return err
				}
				mark := fmt.Sprintf("$%d", len(args)+1)
				switch {
				case table == "river_queue" && c == "metadata":
					args, mark = append(args, `{"a":1}`), "jsonb("+mark+")"
				case strings.EqualFold(kind, "INTEGER"):
					args = append(args, 9_007_199_254_740_993+i)
				case strings.EqualFold(kind, "BOOLEAN"):
					args = append(args, i%2 == 0)
				case strings.EqualFold(kind, "BLOB"):
					args = append(args, []byte{0, '\\', 'x', 0xff, '\n', byte(i)})
				case strings.EqualFold(kind, "TIMESTAMP"):
					args = append(args, "2026-01-02 03:04:05.678")
				default:
					args = append(args, nasty+strconv.FormatInt(i, 10))
				}
				marks = append(marks, mark)
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO `+quoted(table)+` (`+strings.Join(columns, ", ")+`) VALUES (`+strings.Join(marks, ", ")+`)`, args...); err != nil {
				return fmt.Errorf("%s: %w", table, err)
			}
		}
	}
	return nil
}

// jobsToMove has a job in every state.
func jobsToMove() (list []riverdriver.JobInsertFullParams) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	for i, state := range rivertype.JobStates() {
		p := riverdriver.JobInsertFullParams{
			Attempt: i % 3, CreatedAt: &at, EncodedArgs: []byte(`{"owner":"acme","data":{"text":"a\\\"b\u0000\\u0000"}}`), Kind: "errand", MaxAttempts: 25,
			Metadata: Share(3, Repo{ID: 5}, at, time.Hour), Priority: 2, Queue: "errands", ScheduledAt: &at, State: state,
			Tags: []string{}, UniqueKey: []byte{0, 1, byte(i)}, UniqueStates: 0b10110101,
		}
		if i%2 == 0 {
			p.AttemptedAt, p.AttemptedBy = &at, []string{"host_1, \"x\"", `back\slash`, ""}
			p.Errors = [][]byte{[]byte(`{"at":"2026-01-02T03:04:05Z","attempt":1,"error":"it, \"failed\" {here}","trace":"a\nb"}`), []byte(`{"attempt":2}`)}
			p.Tags = []string{"a", "b_2"}
		}
		if slices.Contains([]rivertype.JobState{rivertype.JobStateCancelled, rivertype.JobStateCompleted, rivertype.JobStateDiscarded}, state) {
			p.FinalizedAt = &at
		}
		list = append(list, p)
	}
	list[0].UniqueKey, list[0].UniqueStates = nil, 0
	return list
}

// contentOf reads what is moved from a database, without River's jobs, as sorted lines by table.
func contentOf(t *testing.T, db *sql.DB, tables map[string][]string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for table, columns := range tables {
		if slices.Contains(notMoved, table) || strings.HasPrefix(table, "river_") {
			continue
		}
		rows, err := db.QueryContext(t.Context(), `SELECT `+strings.Join(slices.Sorted(slices.Values(columns)), ", ")+` FROM `+table)
		must(t, err)
		for rows.Next() {
			values := make([]any, len(columns))
			for i := range values {
				values[i] = new(any)
			}
			must(t, rows.Scan(values...))
			line := ""
			for _, v := range values {
				v := *v.(*any)
				if is, ok := v.(bool); ok { // an integer in SQLite
					v = int64(0)
					if is {
						v = int64(1)
					}
				}
				line += fmt.Sprintf("%T %[1]q|", v)
			}
			all[table] = append(all[table], line)
		}
		must(t, rows.Err())
		rows.Close()
		slices.Sort(all[table])
	}
	return all
}

func tablesOf(t *testing.T, path string) map[string][]string {
	t.Helper()
	r, err := OpenReader(t.Context(), "sqlite:"+path)
	must(t, err)
	defer r.Close()
	tx, err := r.read.BeginTx(t.Context(), r.snapshot)
	must(t, err)
	defer tx.Rollback()
	tables, err := (&moveSource{tx: tx}).tables(t.Context())
	must(t, err)
	return tables
}

// sourceOf is the content of the file at path, without marking that it is in use.
func sourceOf(t *testing.T, path string) map[string][]string {
	t.Helper()
	r, err := OpenReader(t.Context(), "sqlite:"+path)
	must(t, err)
	defer r.Close()
	return contentOf(t, r.read, tablesOf(t, path))
}

// jobsOf reads River's jobs in a form that does not depend on the database.
func jobsOf(t *testing.T, exec riverdriver.Executor) (list []string) {
	t.Helper()
	rows, err := exec.JobGetByIDMany(t.Context(), &riverdriver.JobGetByIDManyParams{ID: []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}})
	must(t, err)
	slices.SortFunc(rows, func(a, b *rivertype.JobRow) int { return int(a.ID - b.ID) })
	for _, r := range rows {
		args, metadata := tidy(t, r.EncodedArgs), tidy(t, r.Metadata)
		r.EncodedArgs, r.Metadata = nil, nil
		b, err := json.Marshal(r) // times in UTC, since the databases read them in different zones
		must(t, err)
		var v map[string]any
		must(t, json.Unmarshal(b, &v))
		for name, value := range v {
			if at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(value)); err == nil {
				v[name] = at.UTC().String()
			}
		}
		list = append(list, fmt.Sprint(v, args, metadata))
	}
	return list
}

// tidy writes a document with the NUL as Postgres holds it.
func tidy(t *testing.T, text []byte) string {
	t.Helper()
	var v any
	must(t, json.Unmarshal(text, &v))
	b, err := json.Marshal(v)
	must(t, err)
	return strings.ReplaceAll(string(b), `b\u0000`, "b\uFFFD")
}

// TestMove moves a database with rows in each table, and finds everything at the target.
func TestMove(t *testing.T) {
	t.Parallel()
	to := pgtest.Database(t)
	path := moveable(t, 300)
	before := sourceOf(t, path)
	report, err := Move(t.Context(), "sqlite:"+path, to)
	must(t, err)
	if report.Before || len(report.Chains) != 2 || len(report.Problems) != 0 {
		t.Errorf("the report is %+v", report)
	}
	reader, err := OpenReader(t.Context(), to)
	must(t, err)
	defer reader.Close()
	got := contentOf(t, reader.read, tablesOf(t, path))
	for table, want := range before {
		if len(want) == 0 {
			t.Errorf("the table %s is empty, so this shows nothing about it", table)
		}
		if !slices.Equal(got[table], want) {
			t.Errorf("the table %s has\n%s\nwant\n%s", table, strings.Join(got[table], "\n"), strings.Join(want, "\n"))
		}
	}

	source, err := OpenReader(t.Context(), "sqlite:"+path)
	must(t, err)
	defer source.Close()
	l := openAt(t, to)
	want := jobsOf(t, newDriver(source.read).GetExecutor())
	for i, job := range jobsOf(t, l.Driver().GetExecutor()) {
		if job != want[i] {
			t.Errorf("the job is\n%s\nwant\n%s", job, want[i])
		}
	}
	if len(want) != len(rivertype.JobStates()) {
		t.Errorf("%d jobs", len(want))
	}

	// Whatever is new gets an id after all others.
	var highest int64
	must(t, l.read.QueryRow(`SELECT max(id) FROM events`).Scan(&highest))
	must(t, l.Record(t.Context(), Event{Kind: "new"}))
	events, err := l.Events(t.Context(), Filter{Kind: "new"})
	if err != nil || len(events) != 1 || events[0].ID != highest+1 {
		t.Errorf("the next event is %v, %v; want %d", events, err, highest+1)
	}
	job, err := l.Driver().GetExecutor().JobInsertFull(t.Context(), &riverdriver.JobInsertFullParams{
		EncodedArgs: []byte(`{}`), Kind: "k", MaxAttempts: 1, Metadata: []byte(`{}`), Priority: 1, Queue: "q", State: rivertype.JobStateAvailable,
	})
	if err != nil || job.ID != int64(len(want)+1) {
		t.Errorf("the next job is %v, %v", job, err)
	}
	if c := verified(t, *reader, ""); len(c.Problems) != 0 {
		t.Errorf("the chain has the problems %v", c.Problems)
	}

	// The source is as it was, and no server starts on it by mistake.
	if after := sourceOf(t, path); !reflect.DeepEqual(before, after) {
		t.Error("the source has changed")
	}
	for range 2 {
		_, err = Open(t.Context(), "sqlite:"+path)
		if !errors.Is(err, ErrMoved) || !strings.Contains(err.Error(), "--init") || strings.Contains(err.Error(), passwordOf(t, to)) {
			t.Errorf("Open: %v", err)
		}
		if _, err = Move(t.Context(), "sqlite:"+path, to); !errors.Is(err, ErrMoved) {
			t.Errorf("Move: %v", err)
		}
	}
	back, err := Init(t.Context(), "sqlite:"+path)
	must(t, err)
	must(t, back.Close())
	openAt(t, "sqlite:"+path)
}

func passwordOf(t *testing.T, url string) string {
	t.Helper()
	config, err := pgx.ParseConfig(url)
	must(t, err)
	return config.Password
}

// TestMoveRefuses moves what cannot be moved. Each time the error is one sentence without the password, the source is as
// before, and the move succeeds once the reason is gone.
func TestMoveRefuses(t *testing.T) {
	t.Parallel()
	pgtest.Database(t) // skips all of it without a server
	exec := func(t *testing.T, url, statement string) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), url)
		must(t, err)
		defer conn.Close(t.Context())
		_, err = conn.Exec(t.Context(), statement)
		must(t, err)
	}
	prepared := func(t *testing.T, url string) {
		t.Helper()
		l, err := Open(t.Context(), url)
		must(t, err)
		must(t, l.Close())
	}
	sqlite := func(t *testing.T, path, statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", path)
		must(t, err)
		_, err = db.Exec(statement)
		must(t, errors.Join(err, db.Close()))
	}
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, from, to *string) (fix func())
		is    error
		says  string
	}{
		"in use": {func(t *testing.T, from, _ *string) func() {
			l, err := Open(t.Context(), *from)
			must(t, err)
			return func() { l.Close() }
		}, ErrInUse, "is open in another process, probably `secbydesign serve`: stop it"},
		"in use by a process": {func(t *testing.T, from, _ *string) func() {
			cmd := begin(t, helperHold, *from)
			return func() { must(t, cmd.Process.Kill()); _ = cmd.Wait() }
		}, ErrInUse, "is open in process "},
		"no source": {func(_ *testing.T, from, _ *string) func() {
			was := *from
			*from += "x"
			return func() { *from = was }
		}, ErrNoLedger, "there is no database at "},
		"source is a folder": {func(t *testing.T, from, _ *string) func() {
			was := *from
			*from = "sqlite:" + t.TempDir()
			return func() { *from = was }
		}, nil, "read the source: "},
		"source is something else": {func(t *testing.T, from, _ *string) func() {
			was := *from
			file := filepath.Join(t.TempDir(), "x")
			must(t, os.WriteFile(file, bytes.Repeat([]byte("no database "), 99), 0o600))
			*from = "sqlite:" + file
			return func() { *from = was }
		}, ErrNoLedger, "is not a database of this program"},
		"source of an older version": {func(t *testing.T, from, _ *string) func() {
			sqlite(t, strings.TrimPrefix(*from, "sqlite:"), `DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`)
			return func() {
				know, err := newestMigration(sqliteMigrations)
				must(t, err)
				sqlite(t, strings.TrimPrefix(*from, "sqlite:"), fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, 1)`, know))
			}
		}, nil, "start `secbydesign serve` of this version on it once"},
		"source of a newer version": {func(t *testing.T, from, _ *string) func() {
			sqlite(t, strings.TrimPrefix(*from, "sqlite:"), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)`)
			return func() {
				sqlite(t, strings.TrimPrefix(*from, "sqlite:"), `DELETE FROM goose_db_version WHERE version_id = 999`)
			}
		}, ErrNewerSchema, "version 999"},
		"source is an older copy": {func(t *testing.T, from, _ *string) func() {
			path := strings.TrimPrefix(*from, "sqlite:")
			was, _, err := readRecord(path)
			must(t, err)
			more := was
			more.Sequence += 9
			must(t, more.write(path))
			return func() { must(t, was.write(path)) }
		}, ErrNotTheSame, "lacks the latest data"},
		"source has another table": {func(t *testing.T, from, _ *string) func() {
			sqlite(t, strings.TrimPrefix(*from, "sqlite:"), `CREATE TABLE notes (text TEXT)`)
			return func() { sqlite(t, strings.TrimPrefix(*from, "sqlite:"), `DROP TABLE notes`) }
		}, nil, "the table notes"},
		"source is Postgres": {func(_ *testing.T, from, to *string) func() {
			was := *from
			*from = *to
			return func() { *from = was }
		}, nil, "sqlite:PATH"},
		"target is SQLite": {func(t *testing.T, _, to *string) func() {
			was := *to
			*to = "sqlite:" + filepath.Join(t.TempDir(), "db")
			return func() { *to = was }
		}, nil, "to Postgres only"},
		"target is nothing": {func(_ *testing.T, _, to *string) func() {
			was := *to
			*to = "mysql://user:hunter2@host/x"
			return func() { *to = was }
		}, nil, "begins with \"mysql\""},
		"target without an escaped password": {func(_ *testing.T, _, to *string) func() {
			was := *to
			*to = "postgres://user:hunter2/%zz@host/x"
			return func() { *to = was }
		}, nil, "cannot be read"},
		"target does not answer": {func(_ *testing.T, _, to *string) func() {
			was := *to
			*to = "postgres://user:hunter2@127.0.0.1:1/x"
			return func() { *to = was }
		}, ErrUnavailable, "does not answer"},
		"wrong password": {func(t *testing.T, _, to *string) func() {
			was := *to
			*to = strings.Replace(*to, passwordOf(t, *to), "hunter2", 1)
			return func() { *to = was }
		}, ErrUnavailable, "check user, password and name"},
		"no such database": {func(_ *testing.T, _, to *string) func() {
			was := *to
			*to += "x"
			return func() { *to = was }
		}, ErrUnavailable, "or that database or permission does not exist"},
		"target of a newer version": {func(t *testing.T, _, to *string) func() {
			prepared(t, *to)
			exec(t, *to, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`)
			return func() {
				exec(t, *to, `DELETE FROM goose_db_version WHERE version_id = 999; DELETE FROM installation`)
			}
		}, ErrNewerSchema, "version 999"},
		"target was started": {func(t *testing.T, _, to *string) func() {
			prepared(t, *to)
			return func() { exec(t, *to, `DELETE FROM installation`) }
		}, ErrNotEmpty, "holds data of an installation (in the table installation)"},
		"target has jobs": {func(t *testing.T, _, to *string) func() {
			prepared(t, *to)
			exec(t, *to, `DELETE FROM installation; INSERT INTO river_job (args, kind, max_attempts) VALUES ('{}', 'k', 1)`)
			return func() { exec(t, *to, `DELETE FROM river_job`) }
		}, ErrNotEmpty, "(in the table river_job)"},
		"target of another program": {func(t *testing.T, _, to *string) func() {
			exec(t, *to, `CREATE TABLE notes (text TEXT)`)
			return func() { exec(t, *to, `DROP TABLE notes`) }
		}, ErrNotEmpty, "has a table notes of another program"},
		"target has another table": {func(t *testing.T, _, to *string) func() {
			prepared(t, *to)
			exec(t, *to, `DELETE FROM installation; CREATE TABLE notes (text TEXT)`)
			return func() { exec(t, *to, `DROP TABLE notes`) }
		}, nil, "has a table notes"},
		"disk full": {func(t *testing.T, _, to *string) func() {
			prepared(t, *to)
			exec(t, *to, `DELETE FROM installation;
				CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
				CREATE TRIGGER fill AFTER INSERT ON names FOR EACH ROW EXECUTE FUNCTION fill()`)
			return func() { exec(t, *to, `DROP TRIGGER fill ON names`) }
		}, ErrUnavailable, "is full, make room on it"},
		"rows are lost": {func(t *testing.T, _, to *string) func() {
			prepared(t, *to)
			exec(t, *to, `DELETE FROM installation;
				CREATE FUNCTION skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
				CREATE TRIGGER skip BEFORE INSERT ON policies FOR EACH ROW EXECUTE FUNCTION skip()`)
			return func() { exec(t, *to, `DROP TRIGGER skip ON policies`) }
		}, nil, "the table policies has 3 rows in the source and 0 in the target"},
		"an event is changed": {func(t *testing.T, _, to *string) func() {
			prepared(t, *to)
			exec(t, *to, `DELETE FROM installation;
				CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.at = NEW.at + 1; RETURN NEW; END $$;
				CREATE TRIGGER change BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION change()`)
			return func() { exec(t, *to, `DROP TRIGGER change ON events`) }
		}, nil, "the chains of decisions differ"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := moveable(t, 20)
			from, to := "sqlite:"+path, pgtest.Database(t)
			password := passwordOf(t, to)
			before := sourceOf(t, path)
			fix := tt.spoil(t, &from, &to)
			_, err := Move(t.Context(), from, to)
			if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
			for _, secret := range []string{password, "hunter2"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a password: %v", err)
				}
			}
			fix()
			if errors.Is(tt.is, ErrInUse) {
				before["installation"] = sourceOf(t, path)["installation"] // each start counts
			}
			if after := sourceOf(t, path); !reflect.DeepEqual(before, after) {
				t.Error("the source has changed")
			}
			if _, err := Move(t.Context(), from, to); err != nil {
				t.Errorf("with the reason gone: %v", err)
			}
		})
	}
}

// Roles of the test binary as a process of its own.
const (
	helperRole = "SECBYDESIGN_TEST_LEDGER_ROLE"
	helperHold = "hold" // opens the database, and keeps it open
	helperMove = "move" // moves it to the database at helperTo
	helperTo   = "SECBYDESIGN_TEST_LEDGER_TO"
)

func begin(t *testing.T, role, url string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(append(os.Environ(), helperRole+"="+role, helperDB+"="+url), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("%s: %v", role, err)
	}
	return cmd
}

// helpMove runs a role. A byte on standard output says that it begins.
func helpMove(role, url string) error {
	ctx := context.Background()
	if role == helperMove {
		fmt.Print("b")
		_, err := Move(ctx, url, os.Getenv(helperTo))
		if errors.Is(err, ErrMoved) { // by the one before
			return nil
		}
		return err
	}
	if _, err := Open(ctx, url); err != nil {
		return err
	}
	fmt.Print("b")
	select {}
}

// TestMoveKilled kills a move at random moments, and starts it again.
func TestMoveKilled(t *testing.T) {
	t.Parallel()
	to := pgtest.Database(t)
	path := moveable(t, 400)
	before := sourceOf(t, path)
	began := time.Now()
	_, err := Move(t.Context(), "sqlite:"+path, pgtest.Database(t))
	must(t, err)
	usual := time.Since(began)
	l, err := Init(t.Context(), "sqlite:"+path)
	must(t, err)
	must(t, l.Close())
	before["installation"] = sourceOf(t, path)["installation"]
	rng := rand.New(rand.NewPCG(2, 14))
	for range 8 {
		cmd := begin(t, helperMove, "sqlite:"+path, helperTo+"="+to)
		time.Sleep(time.Duration(rng.Int64N(int64(usual) + 1)))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if after := sourceOf(t, path); !reflect.DeepEqual(before, after) {
			t.Fatal("the source has changed")
		}
	}
	if _, err = Move(t.Context(), "sqlite:"+path, to); err != nil && !errors.Is(err, ErrMoved) {
		t.Fatal(err)
	}
	reader, err := OpenReader(t.Context(), to)
	must(t, err)
	defer reader.Close()
	if got := contentOf(t, reader.read, tablesOf(t, path)); !reflect.DeepEqual(got, before) {
		t.Error("the target has not what the source has")
	}
}

// TestMoveDiesBeforeTheMark ends a move after its commit. The next one checks the copy and sets the mark, but not if the
// target was used meanwhile.
func TestMoveDiesBeforeTheMark(t *testing.T) {
	t.Parallel()
	for name, used := range map[string]bool{"unused": false, "used": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, path := pgtest.Database(t), moveable(t, 20)
			source, err := openMoveSource(t.Context(), path)
			must(t, err)
			target, err := openMoveTarget(t.Context(), to)
			must(t, err)
			_, err = moving{source, target}.run(t.Context())
			must(t, errors.Join(err, target.close(), source.close()))
			if used {
				openAt(t, to)
			}
			report, err := Move(t.Context(), "sqlite:"+path, to)
			if used && !errors.Is(err, ErrNotEmpty) || !used && (err != nil || !report.Before) {
				t.Errorf("got %+v, %v", report, err)
			}
			if _, err := Open(t.Context(), "sqlite:"+path); !used && !errors.Is(err, ErrMoved) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestAServerWaitsForTheMove starts a server on the source during a move: it does not start on data that are elsewhere.
func TestAServerWaitsForTheMove(t *testing.T) {
	t.Parallel()
	path := moveable(t, 20)
	source, err := openMoveSource(t.Context(), path)
	must(t, err)
	started := make(chan error, 1)
	go func() {
		l, err := Open(context.Background(), "sqlite:"+path)
		if err == nil {
			l.Close()
		}
		started <- err
	}()
	must(t, source.mark("elsewhere"))
	select {
	case err := <-started:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	must(t, source.close())
	if err := <-started; !errors.Is(err, ErrMoved) {
		t.Errorf("got %v", err)
	}
}
