package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// errNoPooler says that there is no pooler to test with.
var errNoPooler = errors.New("no pooler: the program pgbouncer is not installed (Debian: apt-get install pgbouncer)")

// Pooler starts a pgbouncer in transaction mode before the database at a URL, and returns the URL through it. It ends with
// the test. Its settings are the program's own: https://www.pgbouncer.org/config.html
func Pooler(t testing.TB, at string) string {
	t.Helper()
	program, err := pooler()
	if err != nil {
		if os.Getenv(requireVariable) != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "pgbouncer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	behind, err := url.Parse(at)
	if err != nil {
		t.Fatal("the database has no URL") // it may hold a password
	}
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	owner, err := give(dir)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := behind.User.Password()
	settings := fmt.Sprintf(`[databases]
* = host=%s port=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
pool_mode = transaction
auth_type = any
max_client_conn = 1000
`, behind.Hostname(), behind.Port(), behind.User.Username(), password, port)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(settings), 0o644); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	end, err := supervise(dir, owner, &log, "TERM", program, "-q", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	before := *behind
	before.Host = net.JoinHostPort("127.0.0.1", port)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		conn, err := pgx.Connect(ctx, before.String())
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return before.String()
		}
		if time.Now().After(deadline) {
			t.Fatalf("start pgbouncer: %v\n%s", err, log.String())
		}
	}
}

// pooler finds the program, which Debian keeps where only root's PATH leads.
func pooler() (string, error) {
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoPooler
}
