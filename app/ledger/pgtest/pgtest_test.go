package pgtest_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

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

// TestPoolerIsInTransactionMode shows that a session does not outlive its transaction.
func TestPoolerIsInTransactionMode(t *testing.T) {
	t.Parallel()
	at := pgtest.Pooler(t, pgtest.Database(t))
	a := connect(t, at)
	if _, err := a.Exec(t.Context(), `PREPARE mine AS SELECT 1`); err != nil {
		t.Fatal(err)
	}
	b := connect(t, at)
	if _, err := b.Exec(t.Context(), `EXECUTE mine`); err != nil {
		t.Errorf("two clients one after the other have two connections: %v", err)
	}
}

// TestNothingIsLeft kills a test process with a server and a pooler: both end, and their folders go.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	if os.Getenv(helper) != "" {
		pgtest.Pooler(t, pgtest.Own(t).Database(t))
		if err := os.WriteFile(os.Getenv(helper), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		select {} // until it is killed
	}
	pgtest.Pooler(t, pgtest.Database(t)) // skips if there is nothing to test with
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil { // the servers may run as another user
		t.Fatal(err)
	}
	for up := filepath.Dir(dir); up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingIsLeft$")
	ready := filepath.Join(t.TempDir(), "ready")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, helper+"="+ready)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	until(t, "the servers run", func() bool { _, err := os.Stat(ready); return err == nil })
	if before, err := os.ReadDir(dir); err != nil || len(before) == 0 {
		t.Fatalf("the folders are elsewhere: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	until(t, "the folders are gone", func() bool { left, err := os.ReadDir(dir); return err == nil && len(left) == 0 })
}

// helper makes the test binary a process that is killed; it names the file that says when.
const helper = "SECBYDESIGN_TEST_PGTEST_READY"

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so: %s", what)
		}
	}
}
