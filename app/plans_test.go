package app_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

const (
	// others is how many rows each table has of other repositories.
	others = 4000

	// mostRead is how many rows one statement may read of a table that grows with the installation. A statement that
	// reads all rows of an organisation, a kind or a state reads more.
	mostRead = 400
)

// readsMore lists statements, by a part of their text, that may read more than that, and why.
var readsMore = map[string]string{
	"SELECT queue, CASE WHEN state = 'running'":       "/metrics counts the jobs that are not done, and reads only those",
	"SELECT created_at FROM river_job WHERE state IN": "/metrics asks for the oldest of them",
}

// A planNode is a step of a plan: https://www.postgresql.org/docs/15/using-explain.html
type planNode struct {
	Type     string     `json:"Node Type"`
	Table    string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Rows     float64    `json:"Actual Rows"` // of each loop
	Loops    float64    `json:"Actual Loops"`
	Filtered float64    `json:"Rows Removed by Filter"`
	Checked  float64    `json:"Rows Removed by Index Recheck"`
	Plans    []planNode `json:"Plans"`
}

// A ran is a statement that was run.
type ran struct {
	Text string   `json:"Query Text"`
	Plan planNode `json:"Plan"`
}

// scans calls each with the steps that read a table.
func (n planNode) scans(each func(planNode)) {
	if strings.Contains(n.Type, "Scan") {
		each(n)
	}
	for _, p := range n.Plans {
		p.scans(each)
	}
}

// TestHotQueriesReadByIndex runs the App on a Postgres whose tables are full of other organisations' rows, and has the
// server explain each statement it runs: of River's, too, and of code that is still to be written. None reads a
// large table from end to end, or more rows of it than a pull request has.
func TestHotQueriesReadByIndex(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	at := server.Database(t)
	l, err := ledger.Open(t.Context(), at)
	must(t, err)
	must(t, l.Close())
	conn, err := pgx.Connect(t.Context(), at)
	must(t, err)
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), `LOAD 'auto_explain'`); err != nil {
		if os.Getenv("SECBYDESIGN_REQUIRE_POSTGRES") != "" {
			t.Fatal(err)
		}
		t.Skip("Postgres has no module auto_explain here: ", err)
	}
	large := fillTables(t, conn)

	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	s.restart(func() { s.Settings.Database = at })
	warm := s.open("warm", map[string]string{"w.py": "w = 1\n" + leak(9)})
	s.becomes(warm, "failure", "1 new finding")
	for _, setting := range []string{"session_preload_libraries = 'auto_explain'", "auto_explain.log_min_duration = 0", "auto_explain.log_analyze = on",
		"auto_explain.log_timing = off", "auto_explain.log_format = 'json'"} {
		_, err := conn.Exec(t.Context(), `ALTER DATABASE `+conn.Config().Database+` SET `+setting)
		must(t, err)
	}
	// The settings are those of new connections.
	s.restart(func() {})
	resp, err := http.Get(s.Address() + "/healthz") // what is asked once, at the start, is before it
	must(t, err)
	resp.Body.Close()
	began := logged(t, server, at, "the begin")
	workload(s)
	ended := logged(t, server, at, "the end")
	check(t, explained(t, server.Log()[began:ended]), large)
}

// workload does what the App does all day.
func workload(s *stage) {
	s.t.Helper()
	first := s.open("first", map[string]string{"a.py": "a = 1\n" + leak(1) + leak(2)})
	s.becomes(first, "failure", "2 new findings")
	s.said(first, "hubot", "/secbydesign accept "+s.id(first)+" until=30d"+because, "is accepted until")
	s.said(first, "mona", "/secbydesign not-useful "+s.ids(first)[0]+" noise", "")
	s.push(first, "first", map[string]string{"b.py": "b = 1\n"})
	s.becomes(first, "failure", "1 new finding")
	second := s.open("second", map[string]string{"c.py": "c = 1\n"})
	s.becomes(second, "success", "")
	s.GitHub.ClosePull("acme", "shop", second, "mona", true)
	s.said(first, "mona", "/secbydesign status", "the check ended as")
	s.GitHub.Settle()
	resp, err := http.Get(s.Address() + "/metrics")
	must(s.t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	must(s.t, err)
	resp.Body.Close()
}

// fillTables gives each table rows of other organisations, and returns the tables. It knows few of them, so that a new one
// is filled as well.
func fillTables(t *testing.T, conn *pgx.Conn) map[string]bool {
	t.Helper()
	rows, err := conn.Query(t.Context(), `
		SELECT c.table_name, c.column_name, c.udt_name FROM information_schema.columns c
		WHERE c.table_schema = current_schema() AND c.is_identity = 'NO' AND NOT (c.table_name = 'river_job' AND c.column_name = 'id')
			AND c.table_name NOT IN ('installation', 'views', 'goose_db_version', 'river_migration', 'river_leader', 'river_notification', 'river_queue',
				'workers') -- these have a row for each process or less
		ORDER BY 1`)
	must(t, err)
	columns, values, tables := map[string][]string{}, map[string][]string{}, map[string]bool{}
	for rows.Next() {
		var table, column, kind string
		must(t, rows.Scan(&table, &column, &kind))
		if value := filling(table, column, kind); value != "" {
			tables[table] = true
			columns[table] = append(columns[table], column)
			values[table] = append(values[table], value)
		}
	}
	must(t, rows.Err())
	for table := range tables {
		n := others
		if table == "river_job" {
			n *= 5 // with fewer, Postgres reads all of them rather than those that are due
		}
		_, err := conn.Exec(t.Context(), fmt.Sprintf(`INSERT INTO %s (%s) SELECT %s FROM generate_series(1, %d) i`,
			table, strings.Join(columns[table], ", "), strings.Join(values[table], ", "), n))
		if err != nil {
			t.Fatalf("fill %s: %v", table, err)
		}
	}
	_, err = conn.Exec(t.Context(), `
		INSERT INTO river_job (args, kind, max_attempts, queue, state, scheduled_at, priority)
			SELECT '{}', 'errand', 25, 'errands', 'scheduled', now() + interval '30 days', 2 FROM generate_series(1, 500);
		UPDATE views SET upto = (SELECT max(id) FROM events); ANALYZE`)
	must(t, err)
	return tables
}

// filling is the value of a column in the row i of another organisation; empty for the default.
func filling(table, column, kind string) string {
	const now = `(extract(epoch FROM now()) * 1000)::bigint`
	switch table + "." + column {
	case "events.kind":
		return `(ARRAY['review.finished', 'review.started'])[1 + i % 2]`
	case "events.data":
		return `'{}'`
	case "names.since":
		return `0`
	case "names.until", "pulls.reviewed", "pulls.generation":
		return `1`
	case "river_job.state":
		return `'completed'`
	case "river_job.args", "river_job.metadata":
		return `'{"share":"1000001"}'`
	case "river_job.kind":
		return `'review'`
	case "river_job.queue":
		return `'default'`
	case "pulls.closed":
		return `true`
	}
	switch {
	case table == "river_job" && slices.Contains([]string{"max_attempts", "attempt", "priority"}, column):
		return `2`
	case column == "job_id":
		return `1000000 + i`
	case column == "repo_id":
		return `1000000 + i % 100`
	case column == "org":
		return `'org' || i`
	case column == "owner":
		return `'org' || i % 10`
	case kind == "int8" && (column == "at" || strings.HasSuffix(column, "_at")):
		return now
	case strings.HasPrefix(kind, "int"), kind == "float8":
		return `i`
	case kind == "bool":
		return `false`
	case kind == "bytea" && table != "river_job":
		return `'\x00'`
	case kind == "timestamptz":
		return `now()`
	case kind == "text":
		return `'` + column + `-' || i`
	}
	return ""
}

// logged runs a statement that is found in the server's log, and returns where the log is then.
func logged(t *testing.T, server *pgtest.Server, at, what string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), at)
	must(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `SELECT '`+what+`'`)
	must(t, err)
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if log := server.Log(); strings.Contains(log, what) {
			return len(log)
		}
	}
	t.Fatalf("the server does not log %q", what)
	return 0
}

// explained reads what auto_explain has logged: https://www.postgresql.org/docs/15/auto-explain.html
func explained(t *testing.T, log string) (list []ran) {
	t.Helper()
	broken := 0
	for _, entry := range strings.Split(log, " LOG:  duration: ")[1:] {
		_, text, found := strings.Cut(entry, " plan:\n")
		if !found {
			continue
		}
		var r ran
		if err := json.NewDecoder(strings.NewReader(text)).Decode(&r); err != nil {
			broken++ // two processes wrote at the same moment
			continue
		}
		list = append(list, r)
	}
	if len(list) < 300 || broken*50 > len(list) {
		t.Fatalf("%d statements were explained, and %d cannot be read", len(list), broken)
	}
	return list
}

// check reports each statement that reads too much of a table, once.
func check(t *testing.T, list []ran, large map[string]bool) {
	t.Helper()
	texts, read, bad := map[string]bool{}, map[string]bool{}, map[string]string{}
	for _, r := range list {
		text := strings.Join(strings.Fields(r.Text), " ")
		texts[text] = true
		r.Plan.scans(func(n planNode) {
			if !large[n.Table] || n.Loops == 0 {
				return
			}
			read[n.Table] = true
			rows := (n.Rows + n.Filtered + n.Checked) * n.Loops
			if n.Type == "Seq Scan" || rows > mostRead {
				bad[text] = fmt.Sprintf("%s of %s by %q: %.0f rows", n.Type, n.Table, cmp.Or(n.Index, "no index"), rows)
			}
		})
	}
	for text, what := range bad {
		if !slices.ContainsFunc(slices.Collect(maps.Keys(readsMore)), func(part string) bool { return strings.Contains(text, part) }) {
			t.Errorf("%s in\n%.400s", what, text)
		}
	}
	// What shows that the statements of the hot paths are among these.
	for _, table := range []string{"pulls", "events", "names", "heartbeats", "river_job", "view_decisions", "view_counted", "chain_heads", "policies"} {
		if !read[table] {
			t.Errorf("no statement reads %s, so this shows nothing about it", table)
		}
	}
	t.Logf("%d statements, %d different ones, of %d tables", len(list), len(texts), len(read))
}
