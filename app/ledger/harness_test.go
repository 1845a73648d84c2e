package ledger

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// newURL returns the URL of a database that is not yet made, on the engine of this run of the tests.
func newURL(t testing.TB) string {
	t.Helper()
	if pgtest.Chosen() {
		return newPostgres(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "db")
}

// emptyURL returns the URL of a database without tables, on the engine of this run of the tests.
func emptyURL(t testing.TB) string {
	t.Helper()
	if pgtest.Chosen() {
		return pgtest.Database(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "db")
}

// newPostgres returns the URL of a Postgres database whose schema is up to date and whose tables are empty.
func newPostgres(t testing.TB) string {
	t.Helper()
	return pgtest.Copy(t, "ledger", func(url string) error {
		l, err := Open(context.Background(), url)
		if err != nil {
			return err
		}
		return l.Close()
	})
}

// urls are those of the ledgers that tests have opened.
var urls sync.Map // *Ledger to string

func urlOf(l *Ledger) string {
	url, _ := urls.Load(l)
	return url.(string)
}

func openAt(t testing.TB, url string) *Ledger {
	t.Helper()
	l, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	urls.Store(l, url)
	t.Cleanup(func() {
		urls.Delete(l)
		l.Close()
	})
	return l
}

// openNew opens a new database.
func openNew(t testing.TB) *Ledger {
	t.Helper()
	return openAt(t, newURL(t))
}

// sqliteOf returns the engine of a ledger on SQLite.
func sqliteOf(l *Ledger) *sqliteEngine { return l.engine.(*sqliteEngine) }

// run runs the tests and stops the Postgres that they used.
func run(m *testing.M) { os.Exit(pgtest.Run(m)) }
