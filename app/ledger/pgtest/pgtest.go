// Package pgtest gives tests a real Postgres: the one at SECBYDESIGN_TEST_POSTGRES_URL, or else a server of their own,
// started from the programs that are installed on this machine. Without either, a test is skipped and says why; with
// SECBYDESIGN_REQUIRE_POSTGRES set it fails.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	urlVariable     = "SECBYDESIGN_TEST_POSTGRES_URL"
	requireVariable = "SECBYDESIGN_REQUIRE_POSTGRES"
	engineVariable  = "SECBYDESIGN_TEST_DATABASE"

	// patience is how long a server may take to start or stop; it measures nothing.
	patience = 60 * time.Second

	user = "secbydesign"
)

// errNone says that there is no Postgres to test with.
var errNone = fmt.Errorf("no Postgres: neither is %s set, nor are the programs initdb and postgres installed (Debian: apt-get install postgresql)", urlVariable)

// ours is what the tests of this process share; [Run] ends it.
var ours process

// A process is what the tests of one process share: a server, and databases to copy. The zero value is ready.
type process struct {
	once   sync.Once
	server *Server // nil before the first test needs it, and if SECBYDESIGN_TEST_POSTGRES_URL has another
	err    error

	mu   sync.Mutex
	made map[string]string // databases that [Copy] copies, by name; guarded by mu
	drop []string          // URLs and statements, for a server that outlives this process; guarded by mu
}

// Chosen reports whether the tests that run on both engines use Postgres in this process, because
// SECBYDESIGN_TEST_DATABASE is "postgres".
func Chosen() bool { return os.Getenv(engineVariable) == "postgres" }

// SQLiteOnly skips a test that is about SQLite while the tests run on Postgres.
func SQLiteOnly(t testing.TB, why string) {
	t.Helper()
	if Chosen() {
		t.Skip("on SQLite only: " + why)
	}
}

// Run runs the tests of a package, and stops the server that they shared. Call it in TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }
func Run(m *testing.M) int {
	code := m.Run()
	ours.end()
	return code
}

// Database returns the URL of an empty database, which is dropped at the end of the test. All tests of a process share
// one server, which [Run] stops.
func Database(t testing.TB) string {
	t.Helper()
	return createDatabase(t, ours.base(t), "")
}

// Copy is like [Database], but the database is a copy of one that prepare has filled, once for this process and name.
// prepare must leave no connection open.
func Copy(t testing.TB, name string, prepare func(url string) error) string {
	t.Helper()
	on := ours.base(t)
	return createDatabase(t, on, " TEMPLATE "+ours.prepared(t, on, name, prepare))
}

// prepared returns the name of the database on the server at on that prepare has filled.
func (p *process) prepared(t testing.TB, on, name string, prepare func(url string) error) string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if of := p.made[name]; of != "" {
		return of
	}
	of := newName()
	command(t, on, "CREATE DATABASE "+of)
	p.drop = append(p.drop, on, "DROP DATABASE IF EXISTS "+of+" WITH (FORCE)")
	if err := prepare(urlOf(t, on, of)); err != nil {
		t.Fatal(err)
	}
	if p.made == nil {
		p.made = map[string]string{}
	}
	p.made[name] = of
	return of
}

// base returns the URL of the server.
func (p *process) base(t testing.TB) string {
	t.Helper()
	if given := os.Getenv(urlVariable); given != "" {
		return given
	}
	p.once.Do(func() { p.server, p.err = newServer() })
	if p.err != nil {
		missing(t, p.err)
	}
	return p.server.url
}

// end stops the server, or drops what was made on the one of another.
func (p *process) end() {
	if p.server != nil {
		p.server.close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for pair := range slices.Chunk(p.drop, 2) {
		conn, err := pgx.Connect(ctx, pair[0])
		if err == nil {
			_, err = conn.Exec(ctx, pair[1])
			err = errors.Join(err, conn.Close(ctx))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

// A Server is a server of one test, which the test may stop, kill and start again.
type Server struct {
	dir   string
	url   string
	port  string
	bin   string
	owner *syscall.Credential // nil for this process's
	end   func()              // stops the running server; nil while none runs
	log   lockedBuffer
}

// Own starts a server for one test; it ends with the test. A Postgres at a URL cannot be stopped, so Own needs the
// programs, even where that is set.
func Own(t testing.TB) *Server {
	t.Helper()
	s, err := newServer()
	if err != nil {
		missing(t, err)
	}
	t.Cleanup(s.close)
	return s
}

// Database returns the URL of an empty database of the server.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	return createDatabase(t, s.url, "")
}

// Log returns what the server has logged so far.
func (s *Server) Log() string { return s.log.String() }

// Stop stops the server as a restart of the machine would: connections end at once, and what was committed stays.
func (s *Server) Stop() {
	if s.end != nil {
		s.end()
		s.end = nil
	}
}

// Start starts a stopped server again, at the same address.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

func missing(t testing.TB, err error) {
	t.Helper()
	if !errors.Is(err, errNone) || os.Getenv(requireVariable) != "" {
		t.Fatal(err)
	}
	t.Skip(err)
}

func newName() string { return "t" + strings.ToLower(rand.Text()) }

// urlOf returns the URL of a database on the server at base.
func urlOf(t testing.TB, base, name string) string {
	t.Helper()
	at, err := url.Parse(base)
	if err != nil {
		t.Fatalf("%s is no URL", urlVariable) // it may hold a password
	}
	at.Path = "/" + name
	return at.String()
}

// createDatabase creates a database on the server at base.
func createDatabase(t testing.TB, base, options string) string {
	t.Helper()
	name := newName()
	command(t, base, "CREATE DATABASE "+name+options)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		// A test may have left its server stopped.
		if conn, err := pgx.Connect(ctx, base); err == nil {
			_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
			if err = errors.Join(err, conn.Close(ctx)); err != nil {
				t.Error(err)
			}
		}
	})
	return urlOf(t, base, name)
}

func command(t testing.TB, at, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Exec(ctx, sql)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		t.Fatal(err)
	}
}

// newServer makes and starts a server with a folder of its own.
func newServer() (_ *Server, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.owner, err = give(dir); err != nil {
		return nil, err
	}
	password := rand.Text()
	pwfile := filepath.Join(dir, "password")
	if err := os.WriteFile(pwfile, []byte(password), 0o644); err != nil {
		return nil, err
	}
	init := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", user, "--pwfile", pwfile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync")
	init.Dir = dir
	init.SysProcAttr = &syscall.SysProcAttr{Credential: s.owner}
	if out, err := init.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	s.url = (&url.URL{Scheme: "postgres", User: url.UserPassword(user, password), Host: net.JoinHostPort("127.0.0.1", s.port), Path: "/postgres"}).String()
	return s, s.start()
}

// give gives a folder to the user nobody if this process is root's, as which neither Postgres nor the pooler runs.
func give(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	return &syscall.Credential{Uid: 65534, Gid: 65534}, os.Chown(dir, 65534, 65534)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port, l.Close()
}

// programs returns the folder of the newest installed server.
func programs() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb"} {
		found, err := filepath.Glob(pattern)
		if err == nil && len(found) > 0 {
			return filepath.Dir(slices.Max(found)), nil
		}
	}
	return "", errNone
}

// supervisor runs a program until its standard input ends, and then stops it at once. Unless a line "stop" came before, the
// process that started it was killed, and the folder $0 goes too.
const supervisor = `PATH=/usr/bin:/bin; signal=$1; shift; "$@" <&- & end() { kill -"$signal" $!; wait; [ "$1" = stop ] || rm -rf "$0"; exit; }
trap end INT TERM HUP; read -r word; end "$word"`

// supervise runs a program in a folder, which is removed if this process is killed. end stops the program with a signal and
// keeps the folder.
func supervise(dir string, owner *syscall.Credential, log io.Writer, signal string, program ...string) (end func(), err error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", supervisor, dir, signal}, program...)...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	cmd.Stdout, cmd.Stderr = log, log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() {
		_, _ = io.WriteString(stdin, "stop\n")
		_ = stdin.Close()
		_ = cmd.Wait() // a program that was stopped at once ends with an error
	}, nil
}

func (s *Server) start() (err error) {
	s.end, err = supervise(s.dir, s.owner, &s.log, "QUIT",
		filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-p", s.port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=300",
		// A test kills processes and no machine, so nothing has to reach the disk.
		"-c", "fsync=off", "-c", "shared_buffers=64MB")
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		conn, err := pgx.Connect(ctx, s.url)
		if err == nil {
			err = conn.Close(ctx)
		}
		cancel()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			s.Stop()
			return fmt.Errorf("start Postgres: %w\n%s", err, s.log.String())
		}
	}
}

func (s *Server) close() {
	s.Stop()
	os.RemoveAll(s.dir)
}

// A lockedBuffer keeps what the server says.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
