package simulation

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // has the driver "pgx"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// A database is that of one world. One App after the other uses it.
type database interface {
	open() (url string, err error) // for the App that starts now
	cut() error                    // takes it away from the App that runs, without which everything goes on as it is
	lock(d time.Duration) error    // another process holds it for a while
	away(d time.Duration) error    // it does not answer for a while
	ask(query string, into ...any) error
	soon() string // SQL for a moment from now on, until which a job that waits has to be waited for
	close()
}

// files is a database of SQLite. To cut it off, the next App goes on with a copy of it.
type files struct {
	w    *world
	n    int
	look *sql.DB
}

func newFiles(w *world) (*files, error) {
	f := &files{w: w}
	return f, os.WriteFile(f.path(), w.shared.template, 0o600)
}

func (f *files) path() string {
	return filepath.Join(f.w.dir, "data", "secbydesign"+strconv.Itoa(f.n)+".db")
}

func (f *files) open() (string, error) {
	f.close()
	var err error
	f.look, err = sql.Open("sqlite", "file:"+f.path()+"?mode=ro&_pragma=busy_timeout(5000)")
	return "sqlite:" + f.path(), err
}

func (f *files) cut() error {
	f.w.free() // the copy needs room
	db, err := sql.Open("sqlite", "file:"+f.path()+"?_pragma=busy_timeout(20000)")
	if err != nil {
		return err
	}
	f.n++
	_, err = db.Exec(`VACUUM INTO ?`, f.path())
	return errors.Join(err, db.Close())
}

func (f *files) lock(d time.Duration) error {
	db, err := sql.Open("sqlite", "file:"+f.path()+"?_txlock=exclusive&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return db.Close() // it is locked already
	}
	f.w.later(d, func() {
		_ = tx.Rollback()
		_ = db.Close()
	})
	return nil
}

func (f *files) away(d time.Duration) error { return f.lock(d) }

func (f *files) ask(query string, into ...any) error { return f.look.QueryRow(query).Scan(into...) }

func (f *files) soon() string { return `datetime('now', '+20 seconds')` }

func (f *files) close() {
	if f.look != nil {
		_ = f.look.Close()
	}
}

// postgres is a database of Postgres, to which each App has a way of its own.
type postgres struct {
	w      *world
	direct string
	at     string // host and port
	look   *sql.DB
	way    *way
}

func newPostgres(t testing.TB, w *world) (*postgres, error) {
	p := &postgres{w: w, direct: pgtest.Copy(t, "simulation", func(url string) error {
		l, err := ledger.Open(context.Background(), url)
		if err != nil {
			return err
		}
		return l.Close()
	})}
	u, err := url.Parse(p.direct)
	if err != nil {
		return nil, err
	}
	p.at = u.Host
	if p.look, err = sql.Open("pgx", p.direct); err != nil {
		return nil, err
	}
	p.look.SetMaxOpenConns(1)
	return p, nil
}

func (p *postgres) open() (string, error) {
	var err error
	if p.way, err = newWay(p.at); err != nil {
		return "", err
	}
	u, err := url.Parse(p.direct)
	if err != nil {
		return "", err
	}
	u.Host = p.way.listener.Addr().String()
	return u.String(), nil
}

func (p *postgres) cut() error {
	p.w.free()
	p.way.close()
	return nil
}

// lock takes the lock of the writers, see package ledger.
func (p *postgres) lock(d time.Duration) error {
	ctx, cancel := context.WithTimeout(p.w.ctx, 5*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", p.direct)
	if err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err == nil {
		_, err = conn.ExecContext(ctx, `SELECT pg_advisory_lock(99352577)`)
	}
	if err != nil {
		return db.Close() // it is locked already
	}
	p.w.later(d, func() {
		_ = conn.Close()
		_ = db.Close() // ends the session, and its locks with it
	})
	return nil
}

func (p *postgres) away(d time.Duration) error {
	way := p.way
	way.block(true)
	p.w.later(d, func() { way.block(false) })
	return nil
}

func (p *postgres) ask(query string, into ...any) error { return p.look.QueryRow(query).Scan(into...) }

func (p *postgres) soon() string { return `now() + interval '20 seconds'` }

func (p *postgres) close() {
	if p.way != nil {
		p.way.close()
	}
	_ = p.look.Close()
}

// A way leads TCP connections to an address, until it is closed.
type way struct {
	to       string
	listener net.Listener
	wait     sync.WaitGroup

	mu      sync.Mutex
	blocked bool
	closed  bool
	conns   map[net.Conn]bool
}

func newWay(to string) (*way, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &way{to: to, listener: l, conns: map[net.Conn]bool{}}
	w.wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			w.wait.Go(func() { w.carry(conn) })
		}
	})
	return w, nil
}

func (w *way) carry(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer to.Close()
	w.mu.Lock()
	ok := !w.blocked && !w.closed
	w.conns[from], w.conns[to] = true, true
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.conns, from)
		delete(w.conns, to)
	}()
	if !ok {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		_, _ = io.Copy(from, to)
		_ = from.Close()
	})
	_, _ = io.Copy(to, from)
	_ = to.Close()
	back.Wait()
}

// block cuts all connections and refuses new ones.
func (w *way) block(blocked bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.blocked = blocked
	if blocked {
		w.cut()
	}
}

func (w *way) close() {
	_ = w.listener.Close()
	w.mu.Lock()
	w.closed = true
	w.cut()
	w.mu.Unlock()
	w.wait.Wait()
}

// cut closes all connections. The caller holds mu.
func (w *way) cut() {
	for conn := range w.conns {
		_ = conn.Close()
	}
}
