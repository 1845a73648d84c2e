package ledger

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// TestSchemasAgree: both engines have the same tables and columns, which may be NULL in both or in none, and the same
// version.
func TestSchemasAgree(t *testing.T) {
	t.Parallel()
	sqlite, err := newestMigration(sqliteMigrations)
	must(t, err)
	postgres, err := newestMigration(postgresMigrations)
	must(t, err)
	if sqlite != postgres {
		t.Errorf("SQLite's schema has version %d and that of Postgres %d", sqlite, postgres)
	}
	columns := map[string][]string{}
	for url, query := range map[string]string{
		"sqlite:" + t.TempDir() + "/db": `
			SELECT m.name || '.' || c.name || CASE WHEN c."notnull" OR c.pk > 0 THEN ' NOT NULL' ELSE '' END FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'`,
		newPostgres(t): `
			SELECT table_name || '.' || column_name || CASE WHEN is_nullable = 'NO' THEN ' NOT NULL' ELSE '' END FROM information_schema.columns WHERE table_schema = current_schema()`,
	} {
		l := openAt(t, url)
		rows, err := l.read.QueryContext(t.Context(), query)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var column string
			must(t, rows.Scan(&column))
			if !strings.HasPrefix(column, "river_") && !strings.HasPrefix(column, "goose_") {
				columns[url[:6]] = append(columns[url[:6]], column)
			}
		}
		must(t, rows.Err())
		slices.Sort(columns[url[:6]])
	}
	for _, pair := range [][2]string{{"sqlite", "postgr"}, {"postgr", "sqlite"}} {
		for _, column := range columns[pair[0]] {
			if !slices.Contains(columns[pair[1]], column) {
				t.Errorf("%s is only in %s", column, pair[0])
			}
		}
	}
	if n := len(columns["sqlite"]); n < 150 {
		t.Errorf("only %d columns were compared", n)
	}
}

// TestTextsCompareByBytes: ranges of texts are the same on both engines, whatever the collation of the database is.
func TestTextsCompareByBytes(t *testing.T) {
	t.Parallel()
	l := openAt(t, pgtest.Database(t))
	rows, err := l.read.QueryContext(t.Context(), `
		SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name NOT LIKE 'river%' AND table_name NOT LIKE 'goose%'`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var column string
		must(t, rows.Scan(&column))
		t.Errorf("%s has the collation of the database", column)
	}
	must(t, rows.Err())
}

// BenchmarkWriters measures write transactions of the size of a delivery, one after the other by the lock, from so many
// processes, each with a pool of its own. SECBYDESIGN_TEST_DATABASE=postgres chooses the engine.
func BenchmarkWriters(b *testing.B) {
	for _, processes := range []int{1, 3} {
		b.Run(fmt.Sprint("processes=", processes), func(b *testing.B) {
			url := newURL(b)
			var ledgers []*Ledger
			for range processes {
				ledgers = append(ledgers, openAt(b, url))
			}
			b.ResetTimer()
			ended := make(chan error)
			for p, l := range ledgers {
				go func() {
					var err error
					for i := p; i < b.N && err == nil; i += processes {
						err = l.Record(context.Background(), Event{Kind: "k", Owner: "acme", Repo: "shop", RepoID: 9, Number: i + 1})
					}
					ended <- err
				}()
			}
			for range ledgers {
				if err := <-ended; err != nil {
					b.Error(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
		})
	}
}
