package pgtest_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func TestDatabasesAreApart(t *testing.T) {
	t.Parallel()
	for range 2 {
		if _, err := connect(t, pgtest.Database(t)).Exec(t.Context(), `CREATE TABLE once (id int)`); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStopAndStart(t *testing.T) {
	t.Parallel()
	s := pgtest.Own(t)
	at := s.Database(t)
	if _, err := connect(t, at).Exec(t.Context(), `CREATE TABLE kept (id int)`); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if conn, err := pgx.Connect(t.Context(), at); err == nil {
		conn.Close(t.Context())
		t.Fatal("a stopped server answers")
	}
	s.Start(t)
	var n int
	if err := connect(t, at).QueryRow(t.Context(), `SELECT count(*) FROM kept`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
}

func connect(t *testing.T, at string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
