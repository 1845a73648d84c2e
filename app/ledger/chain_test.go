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
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/audit"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// chainHistory writes a random history of two organisations and returns how many of its events are chained in each.
func chainHistory(t *testing.T, l *Ledger, r *rand.Rand, n int) map[string]int {
	t.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	counts := map[string]int{}
	var made []string
	for i := range n {
		at = at.Add(time.Duration(r.IntN(1e6)) * time.Millisecond)
		kind, data := record.Started, any(struct{}{})
		id := fmt.Sprintf("A-%08d", i)
		switch r.IntN(7) {
		case 0, 1:
			kind = record.DecisionMade
			data = record.DecisionStep{Who: "mona", Source: "comment-1", Decision: &decision.Decision{
				ID: id, Verb: pick("accept", "defer"), Fingerprint: "a:1", Rule: "gosec/G1", Path: "a.go", Severity: scanners.High, Needs: r.IntN(2),
				Reason: "a <b> & c", Until: at.AddDate(0, 0, 9).Truncate(24 * time.Hour),
			}}
			made = append(made, id)
		case 2:
			if len(made) > 0 {
				kind, data = record.DecisionConfirmed, record.DecisionStep{ID: pick(made...), Who: "lea"}
			}
		case 3:
			if len(made) > 0 {
				kind, data = record.DecisionEnded, record.DecisionStep{ID: pick(made...), Who: "mona", Why: "it was revoked"}
			}
		case 4:
			kind, data = record.NotUseful, record.Opinion{Fingerprint: "a:1", Rule: "gosec/G1", Reason: "noise", Who: "mona"}
		case 5:
			kind, data = pick(record.CampaignStarted, record.RuleDemoted), map[string]string{"id": "C-1", "who": "mona", "why": "old"}
		}
		b, err := json.Marshal(data)
		must(t, err)
		owner := pick("Acme", "acme", "other")
		must(t, l.Record(t.Context(), Event{At: at, Kind: kind, RepoID: int64(r.IntN(2)), Owner: owner, Repo: "shop", Number: 1, Head: "h", Data: b}))
		if audit.Chained(kind) {
			counts[strings.ToLower(owner)]++
		}
	}
	return counts
}

func verified(t *testing.T, l Reader, kept string) *audit.Checker {
	t.Helper()
	c, err := l.VerifyChain(t.Context(), "", kept)
	must(t, err)
	return c
}

// tampering opens a copy of a database without its triggers.
func tampering(t *testing.T, path string) (*sql.DB, *Reader) {
	t.Helper()
	there := filepath.Join(t.TempDir(), "db")
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(there, b, 0o600))
	db, err := openPrepared("file:" + there)
	must(t, err)
	t.Cleanup(func() { db.Close() })
	for _, trigger := range []string{"events_never_change", "events_never_vanish", "chain_never_changes", "chain_never_vanishes"} {
		_, err := db.Exec(`DROP TRIGGER ` + trigger)
		must(t, err)
	}
	reader, err := OpenReader(t.Context(), "sqlite:"+there)
	must(t, err)
	t.Cleanup(func() { reader.Close() })
	return db, reader
}

// forgeries change a database by SQL; $1 is an event and $2 another one of the same organisation, which comes later.
var forgeries = map[string][]string{
	"an event removed":         {`DELETE FROM events WHERE id = $1`},
	"an entry removed":         {`DELETE FROM chain WHERE event = $1`},
	"both removed":             {`DELETE FROM events WHERE id = $1`, `DELETE FROM chain WHERE event = $1`},
	"data edited":              {`UPDATE events SET data = '{"who":"somebody"}' WHERE id = $1`},
	"time edited":              {`UPDATE events SET at = at + 1 WHERE id = $1`},
	"number edited":            {`UPDATE events SET number = number + 1 WHERE id = $1`},
	"repository edited":        {`UPDATE events SET repo = 'elsewhere' WHERE id = $1`},
	"repository's id edited":   {`UPDATE events SET repo_id = repo_id + 1 WHERE id = $1`},
	"kind edited":              {`UPDATE events SET kind = 'review.started' WHERE id = $1`},
	"line edited":              {`UPDATE chain SET line = replace(line, '"actor":"mona"', '"actor":"ted"') || ' ' WHERE event = $1`},
	"line edited with a hash":  {`UPDATE chain SET line = line || ' ', hash = '` + strings.Repeat("a", 64) + `' WHERE event = $1`},
	"entries exchanged":        {`UPDATE chain SET seq = -seq WHERE event IN ($1, $2)`, `UPDATE chain SET seq = (SELECT -other.seq FROM chain other WHERE other.event = CASE chain.event WHEN $1 THEN $2 ELSE $1 END) WHERE event = $1`, `UPDATE chain SET seq = (SELECT abs(substr(line, instr(line, '"seq":') + 6) + 0) FROM chain other WHERE other.event = $1) WHERE event = $2`},
	"events exchanged":         {`UPDATE events SET id = -1 WHERE id = $1`, `UPDATE events SET id = $1 WHERE id = $2`, `UPDATE events SET id = $2 WHERE id = -1`},
	"a gap":                    {`UPDATE chain SET seq = seq + 1000 WHERE org = (SELECT org FROM chain WHERE event = $1) AND seq >= (SELECT seq FROM chain WHERE event = $1)`},
	"moved to another chain":   {`UPDATE chain SET org = 'third' WHERE event = $1`},
	"the head's hash forged":   {`UPDATE chain_heads SET hash = '` + strings.Repeat("0", 64) + `' WHERE org = (SELECT org FROM chain WHERE event = $1)`},
	"the head's length forged": {`UPDATE chain_heads SET length = length - 1 WHERE org = (SELECT org FROM chain WHERE event = $1)`},
	"the head removed":         {`DELETE FROM chain_heads WHERE org = (SELECT org FROM chain WHERE event = $1)`},
	"a chain removed":          {`DELETE FROM events WHERE id IN (SELECT event FROM chain WHERE org = (SELECT org FROM chain WHERE event = $1))`, `DELETE FROM chain WHERE org = (SELECT org FROM chain WHERE event = $1)`},
	"an event added":           {`INSERT INTO events (at, kind, installation, repo_id, owner, repo, number, head, data) SELECT at, 'decision.ended', installation, repo_id, owner, repo, number, head, data FROM events WHERE id = $1`},
}

// shortened are statements that remove the entries from $1 on, with a head that fits.
var shortened = []string{
	`DELETE FROM events WHERE id IN (SELECT event FROM chain WHERE org = (SELECT org FROM chain WHERE event = $1) AND seq >= (SELECT seq FROM chain WHERE event = $1))`,
	`UPDATE chain_heads SET (length, hash) = (SELECT seq - 1, prev_hash FROM chain WHERE event = $1) WHERE org = (SELECT org FROM chain WHERE event = $1)`,
	`DELETE FROM chain WHERE org = (SELECT org FROM chain WHERE event = $1) AND seq >= (SELECT seq FROM chain WHERE event = $1)`,
}

// TestTheChainShowsTampering: over random histories, each forgery is found at a random event and at the last one, and
// its organisation is named.
func TestTheChainShowsTampering(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it copies the file")
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 13))
		path := filepath.Join(t.TempDir(), "db")
		l, err := Open(t.Context(), "sqlite:"+path)
		must(t, err)
		counts := chainHistory(t, l, r, 50)
		if c := verified(t, l.Reader, ""); len(c.Problems) > 0 {
			t.Fatalf("seed %d: a whole chain has %v", seed, c.Problems)
		}
		for org, n := range counts {
			c, err := l.VerifyChain(t.Context(), strings.ToUpper(org), "")
			must(t, err)
			if s, ok := c.State(org); !ok || s.Length != int64(n) || len(c.Problems) > 0 || s.Adopted > 0 {
				t.Errorf("seed %d: %s has %+v and %v, want %d entries", seed, org, s, c.Problems, n)
			}
		}
		before := verified(t, l.Reader, "")
		events := map[string][]int64{}
		rows, err := l.read.Query(`SELECT org, event FROM chain ORDER BY org, seq`)
		must(t, err)
		for rows.Next() {
			var org string
			var id int64
			must(t, rows.Scan(&org, &id))
			events[org] = append(events[org], id)
		}
		rows.Close()
		must(t, l.Close())

		org := []string{"acme", "other"}[seed%2]
		list := events[org]
		last := len(list) - 1
		some := 1 + r.IntN(last-1)
		for name, statements := range forgeries {
			for _, at := range []int{some, last} {
				other := list[some+1+r.IntN(last-some)]
				if at == last {
					other = list[some]
				}
				db, reader := tampering(t, path)
				for _, s := range statements {
					args := []any{list[at]}
					if strings.Contains(s, "$2") {
						args = append(args, other)
					}
					if _, err := db.Exec(s, args...); err != nil {
						t.Fatalf("%s: %s: %v", name, s, err)
					}
				}
				problems := verified(t, *reader, "").Problems
				if len(problems) == 0 || !slices.ContainsFunc(problems, func(p audit.Problem) bool { return p.Org == org }) {
					t.Errorf("seed %d: %s at %d of %d: found %v", seed, name, at, last, problems)
				}
			}
		}

		// A shortened chain with a head that fits is found by a head that somebody kept.
		db, reader := tampering(t, path)
		for _, s := range shortened {
			_, err := db.Exec(s, list[some])
			must(t, err)
		}
		s, _ := before.State(org)
		if c := verified(t, *reader, ""); len(c.Problems) > 0 {
			t.Errorf("seed %d: a shortened chain has %v", seed, c.Problems)
		}
		if c := verified(t, *reader, s.Hash); len(c.Problems) != 1 || !strings.Contains(c.Problems[0].What, "kept head") {
			t.Errorf("seed %d: the kept head says %v", seed, c.Problems)
		}
	}
}

// TestProblemsNameThePlace: an auditor reads which entry, event and organisation are concerned.
func TestProblemsNameThePlace(t *testing.T) {
	t.Parallel()
	pgtest.SQLiteOnly(t, "it copies the file")
	path := filepath.Join(t.TempDir(), "db")
	l, err := Open(t.Context(), "sqlite:"+path)
	must(t, err)
	for i := range 4 {
		must(t, l.Record(t.Context(), Event{Kind: record.NotUseful, Owner: "Acme", Repo: "shop", Data: json.RawMessage(fmt.Sprintf(`{"who":"mona","text":"%d"}`, i))}))
	}
	must(t, l.Close())
	for statement, want := range map[string]string{
		`DELETE FROM events WHERE id = 4`:                   "acme, entry 4, event 4: the event was removed",
		`UPDATE events SET data = '{}' WHERE id = 2`:        "acme, entry 2, event 2: the event was edited: its data is not what was recorded",
		`UPDATE chain SET line = line || ' ' WHERE seq = 3`: "acme, entry 3, event 3: the line was edited: its hash is not the stored one",
		`DELETE FROM chain WHERE seq = 4`:                   "acme: the chain ends with entry 3, and the head says 4: the last entries were removed, or the head was forged",
		`DELETE FROM chain WHERE seq = 2`:                   "acme, entry 3, event 3: the entry before it, 2, is missing",
	} {
		db, reader := tampering(t, path)
		_, err := db.Exec(statement)
		must(t, err)
		problems := verified(t, *reader, "").Problems
		if len(problems) == 0 || problems[0].String() != want {
			t.Errorf("%s: %v, want %q", statement, problems, want)
		}
	}
}

// TestOlderEventsAreAdopted: events from before the chain, and of an older version that writes beside this one, are
// reported until the next start, and then chained in their order and marked.
func TestOlderEventsAreAdopted(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	l, err := Open(t.Context(), url)
	must(t, err)
	must(t, l.Record(t.Context(), Event{Kind: record.NotUseful, Owner: "acme", Repo: "shop", Data: json.RawMessage(`{"who":"mona"}`)}))
	older := func() {
		for range 3 {
			_, err := l.write.Exec(`INSERT INTO events (at, kind, installation, repo_id, owner, repo, number, head, data) VALUES (5, $1, 0, 0, 'acme', 'shop', 1, '', '{"who":"lea"}')`, record.NotUseful)
			must(t, err)
		}
	}
	older()
	must(t, l.Record(t.Context(), Event{Kind: record.NotUseful, Owner: "acme", Repo: "shop", Data: json.RawMessage(`{"who":"mona"}`)}))
	c := verified(t, l.Reader, "")
	if len(c.Problems) != 3 || !strings.Contains(c.Problems[0].String(), "acme, event 2: the event (finding.not_useful) is not in the chain") {
		t.Errorf("before the next start: %v", c.Problems)
	}
	must(t, l.Close())
	l = openAt(t, url)
	c = verified(t, l.Reader, "")
	if s, _ := c.State("acme"); len(c.Problems) > 0 || s.Length != 5 || s.Adopted != 3 {
		t.Errorf("after it: %+v, %v", s, c.Problems)
	}
	var lines []audit.Line
	must(t, l.ChainLines(t.Context(), ChainFilter{Org: "Acme"}, func(b []byte) error {
		var one audit.Line
		lines = append(lines, one)
		return json.Unmarshal(b, &lines[len(lines)-1])
	}))
	var got []string
	for _, one := range lines {
		got = append(got, fmt.Sprint(one.ID, one.Adopted))
	}
	if want := []string{"1 false", "5 false", "2 true", "3 true", "4 true"}; !slices.Equal(got, want) {
		t.Errorf("lines %v, want %v", got, want)
	}
}

// TestTheChainStaysWhereItWasWritten: a repository that moves to another organisation takes its old entries nowhere.
func TestTheChainStaysWhereItWasWritten(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	write := func(owner string) {
		must(t, l.Tx(t.Context(), func(tx *sql.Tx) error { return l.Name(t.Context(), tx, 7, owner, "shop") }))
		must(t, l.Record(t.Context(), Event{Kind: record.NotUseful, RepoID: 7, Owner: owner, Repo: "shop"}))
	}
	write("acme")
	write("umbrella")
	c := verified(t, l.Reader, "")
	for _, org := range []string{"acme", "umbrella"} {
		if s, _ := c.State(org); s.Length != 1 || len(c.Problems) > 0 {
			t.Errorf("%s has %+v, %v", org, s, c.Problems)
		}
	}
}

// TestAFailedTransactionLeavesNoEntry: an event and its entry are written together.
func TestAFailedTransactionLeavesNoEntry(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	failed := errors.New("failed")
	err := l.Tx(t.Context(), func(tx *sql.Tx) error {
		if err := l.RecordTx(t.Context(), tx, Event{Kind: record.NotUseful, Owner: "acme", Repo: "shop"}); err != nil {
			return err
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	if c := verified(t, l.Reader, ""); len(c.States()) > 0 || len(c.Problems) > 0 {
		t.Errorf("there is %+v, %v", c.States(), c.Problems)
	}
}

// TestChainOfTwoProcesses: two ledgers on one file, as two processes have it, write one chain while a reader verifies.
func TestChainOfTwoProcesses(t *testing.T) {
	t.Parallel()
	url := newURL(t)
	reader := openAt(t, url).Reader
	const writers, each = 2, 40
	ended := make(chan error, writers)
	for range writers {
		l := openAt(t, url)
		go func() {
			var err error
			for range each {
				err = errors.Join(err, l.Record(context.Background(), Event{Kind: record.NotUseful, Owner: "acme", Repo: "shop"}))
			}
			ended <- err
		}()
	}
	for left := writers; left > 0; {
		select {
		case err := <-ended:
			must(t, err)
			left--
		default:
			if c := verified(t, reader, ""); len(c.Problems) > 0 {
				t.Fatalf("meanwhile: %v", c.Problems)
			}
		}
	}
	c := verified(t, reader, "")
	if s, _ := c.State("acme"); s.Length != writers*each || len(c.Problems) > 0 {
		t.Errorf("%+v, %v", s, c.Problems)
	}
}

// TestAnExportIsVerifiedAlone checks an exported file as an auditor has it.
func TestAnExportIsVerifiedAlone(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	chainHistory(t, l, rand.New(rand.NewPCG(1, 2)), 60)
	var lines [][]byte
	must(t, l.ChainLines(t.Context(), ChainFilter{Org: "acme"}, func(b []byte) error {
		lines = append(lines, bytes.Clone(b))
		return nil
	}))
	s, _ := verified(t, l.Reader, "").State("acme")
	check := func(lines [][]byte, part bool, kept string) []audit.Problem {
		c := audit.Checker{Part: part, Kept: kept}
		must(t, c.File(bytes.NewReader(append(bytes.Join(lines, []byte("\n")), '\n'))))
		c.Finish()
		return c.Problems
	}
	if p := check(lines, false, s.Hash); len(p) > 0 {
		t.Errorf("a whole file has %v", p)
	}
	n := len(lines)
	exchanged := slices.Clone(lines)
	exchanged[1], exchanged[2] = lines[2], lines[1]
	edited := slices.Clone(lines)
	edited[3] = bytes.Replace(lines[3], []byte(`"ts":"2026`), []byte(`"ts":"2025`), 1)
	rehashed := slices.Clone(lines)
	rehashed[3] = bytes.Replace(lines[3], []byte(`"hash":"`), []byte(`"hash":"f`), 1)
	for name, tt := range map[string]struct {
		lines [][]byte
		part  bool
		kept  string
		want  string // empty for nothing
	}{
		"the first removed":                {lines[1:], false, "", "entry 2, event "},
		"one removed":                      {slices.Concat(lines[:4], lines[5:]), false, "", "entry 6"},
		"two removed":                      {slices.Concat(lines[:4], lines[6:]), false, "", "the entries before it, 5 to 6, are missing"},
		"the last removed":                 {lines[:n-1], false, "", ""},
		"the last removed, its head kept":  {lines[:n-1], false, s.Hash, "the kept head"},
		"exchanged":                        {exchanged, false, "", "line 2, acme, entry 3"},
		"edited":                           {edited, false, "", "line 4, acme, entry 4"},
		"another hash":                     {rehashed, false, "", "line 4: this is no line of an export"},
		"a part":                           {slices.Concat(lines[2:4], lines[7:9]), true, "", ""},
		"a part out of order":              {slices.Concat(lines[7:9], lines[2:4]), true, "", "out of order"},
		"a part that says it is the whole": {lines[2:4], false, "", "the entries before it, 1 to 2, are missing"},
		"nothing":                          {nil, false, "", "this is no line of an export"},
	} {
		p := check(tt.lines, tt.part, tt.kept)
		if got := fmt.Sprint(p); (tt.want == "") != (len(p) == 0) || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s, want %q", name, got, tt.want)
		}
	}
}

// TestChainQueries: what runs for each event, and at each start, is found by index.
func TestChainQueries(t *testing.T) {
	t.Parallel()
	l := openNew(t)
	for query, want := range map[string]string{
		`SELECT length, hash FROM chain_heads WHERE org = 'a'`:                                                             "USING INDEX sqlite_autoindex_chain_heads_1 (org=?)",
		`SELECT e.id FROM events e WHERE ` + chainedKinds + ` AND NOT EXISTS (SELECT 1 FROM chain c WHERE c.event = e.id)`: "events_kind (kind=?)",
		`SELECT 1 FROM chain c WHERE c.event = 1`:                                                                          "chain_event (event=?)",
		`SELECT hash, line FROM chain WHERE org = 'a' AND seq > 1 ORDER BY seq`:                                            "sqlite_autoindex_chain_1 (org=?",
	} {
		if all := planOf(t, l, query, 0); !strings.Contains(all, want) || strings.Contains(all, "SCAN") {
			t.Errorf("%s: %s, want %s", query, all, want)
		}
	}
}

func BenchmarkChain(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint("entries=", n), func(b *testing.B) {
			l, err := Open(b.Context(), "sqlite:"+b.TempDir()+"/l.db")
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { l.Close() })
			data := json.RawMessage(`{"decision":{"id":"A-1","verb":"accept","fingerprint":"a:1","rule":"gosec/G1","path":"a.go","number":1,"severity":"high","asked":"mona"},"who":"mona"}`)
			write := func(tx *sql.Tx) error {
				return l.RecordTx(b.Context(), tx, Event{Kind: record.DecisionMade, Owner: "acme", Repo: "shop", Data: data})
			}
			for from := 0; from < n; from += 500 {
				err := l.Tx(b.Context(), func(tx *sql.Tx) (err error) {
					for range 500 {
						err = errors.Join(err, write(tx))
					}
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.Run("append", func(b *testing.B) {
				for b.Loop() {
					if err := l.Tx(b.Context(), write); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run("verify", func(b *testing.B) {
				for b.Loop() {
					if c, err := l.VerifyChain(b.Context(), "", ""); err != nil || len(c.Problems) > 0 {
						b.Fatal(err, c.Problems)
					}
				}
			})
		})
	}
}
