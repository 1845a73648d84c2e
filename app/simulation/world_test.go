package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/clock"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners/programtest"
)

const (
	pullsAtMost = 3 // the last one is in the second repository
	dataSize    = "64m"

	idle = 200 * time.Millisecond // without a request to GitHub and anything to do, a step that waits for a request happens all the same
)

// A world is what one history happens in: GitHub, its repositories, and the App.
type world struct {
	shared *shared
	dir    string
	setup  int

	github        *fakegithub.Server
	clock         clock.Clock
	log           tail
	relay         *relay
	repos         []*repo
	pulls         [pullsAtMost]*pull
	installed     map[string]int64 // by account
	suspended     bool
	scannerBroken bool // since the heads below were pushed
	unscanned     []headOf
	mounted       bool

	pools   pools
	app     *running // guarded by relay.mu
	before  []*running
	db      database
	ctx     context.Context
	waiting sync.WaitGroup // for what ends by itself: locks, fillers, late deliveries

	requests atomic.Int64
	last     atomic.Int64 // when, in nanoseconds
	armed    atomic.Pointer[armed]

	timely int // steps that happened at the request they waited for

	wrong []string // what was found to be wrong on the way
}

// A repo is a repository and what the model knows of it.
type repo struct {
	*fakegithub.Repo
	base string // commit
	gone bool
}

// A pull is a pull request and the model of its branch.
type pull struct {
	branch
	repo    *repo
	n       int
	name    string
	head    string
	open    bool
	draft   bool
	heads   map[string]truth  // of every head
	replies map[string]string // by thread
	notes   map[string]bool
	missed  bool // its events may be older than the installation, which must not bring back all pull requests
	again   map[string]bool
}

type headOf struct {
	pull *pull
	sha  string
}

// A running App.
type running struct {
	stop context.CancelFunc
	done chan struct{}
	err  error // after done
	died chan struct{}
	url  string

	spoke atomic.Bool // it has sent a request to GitHub
}

// unstarted reports whether an App that ended could not start, because it could not write to its database then. Who runs it
// starts it again.
func (r *running) unstarted() bool { return !r.spoke.Load() && errors.Is(r.err, ledger.ErrUnavailable) }

func (r *running) dead() bool {
	select {
	case <-r.died:
		return true
	default:
		return false
	}
}

// requestTime is less than how long GitHub carries out a request whose sender is gone.
const requestTime = 700 * time.Millisecond

func newWorld(ctx context.Context, t testing.TB, sh *shared, setup int) (w *world, err error) {
	w = &world{shared: sh, setup: setup, ctx: ctx, installed: map[string]int64{}}
	if w.dir, err = os.MkdirTemp(sh.dir, "world"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	data := filepath.Join(w.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return w, err
	}
	w.mounted = unix.Mount("tmpfs", data, "tmpfs", 0, "size="+dataSize) == nil
	w.relay = newRelay(w)
	w.github, err = fakegithub.New(fakegithub.Options{
		Dir: filepath.Join(w.dir, "github"), AppID: 1, PublicKey: &sh.key.PublicKey, WebhookSecret: []byte(secret),
		WebhookURL: w.relay.url(), NoEcho: setup&echoes == 0,
	})
	if err == nil {
		err = w.github.Start("")
	}
	if err != nil {
		return w, err
	}
	w.github.Before(w.hook)
	if setup&subscribed != 0 {
		w.github.Subscribe("repository")
	}
	if err := w.writeScanner(); err != nil {
		return w, err
	}
	if *engine == "postgres" {
		w.db, err = newPostgres(t, w)
	} else {
		w.db, err = newFiles(w)
	}
	if err != nil {
		return w, err
	}
	if err := w.start(); err != nil {
		return w, err
	}
	base := tree{"a.py": {"begin = 1", problem{true, 1}.line(), "end = 1"}, "a.txt": {"begin", problem{false, 1}.line(), "end"}, ".secbydesign.yml": {"version: 1", "comments: {limit: 50}"}}
	if setup&blocking != 0 {
		base[".secbydesign.yml"] = append(base[".secbydesign.yml"], "gates: {secrets: {mode: block}}")
	}
	for _, org := range []string{"acme", "globex", "initech"} {
		w.github.CreateOrg(org)
	}
	for i, name := range []string{"shop", "vault"} {
		r := &repo{Repo: w.github.CreateRepo("acme", name, i == 0)}
		r.base = r.Commit("main", "", "base", base.Changes(nil))
		w.repos = append(w.repos, r)
	}
	for i := range w.pulls {
		r := w.repos[i/2]
		w.pulls[i] = &pull{
			branch: branch{base: base}, repo: r, name: fmt.Sprint("change", i),
			heads: map[string]truth{}, replies: map[string]string{}, notes: map[string]bool{}, again: map[string]bool{},
		}
	}
	w.installed["acme"], w.installed["globex"] = w.github.Install("acme"), w.github.Install("globex")
	return w, nil
}

// start starts the App on the newest database.
func (w *world) start() error {
	at, err := w.db.open()
	if err != nil {
		return err
	}
	r := &running{done: make(chan struct{}), died: make(chan struct{})}
	settings := app.Settings{
		Listen: "127.0.0.1:0", DataDir: filepath.Join(w.dir, "data"), Database: at, Role: "all", Workers: "2", GitHubURL: w.github.URL(),
		AppID: "1", WebhookSecret: secret, LogLevel: "debug", LogFormat: "json", PrivateKey: w.shared.pem,
		ScannerSettings: app.ScannerSettings{Sandbox: "off", OSVURL: "off", SettingsFile: filepath.Join(w.dir, "settings.yml")},
	}
	config, err := settings.Config()
	if err != nil {
		return err
	}
	if w.pools == (pools{}) {
		if w.pools, err = w.shared.borrow(w.ctx, config); err != nil {
			return err
		}
	}
	config.Content, config.Comments = w.pools.content, w.pools.comments
	config.Clock = &w.clock
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = 4 * time.Second
	config.Simulated = app.Simulated{
		Transport:  &wire{transport, r},
		FirstPause: 20 * time.Millisecond, Heartbeat: 300 * time.Millisecond, LeaseTTL: 1500 * time.Millisecond, LimitWait: time.Second,
		RequestTime: requestTime + 200*time.Millisecond,
	}
	listener, err := w.shared.listen()
	if err != nil {
		return err
	}
	r.url = "http://" + listener.Addr().String() + "/webhook"
	var ctx context.Context
	ctx, r.stop = context.WithCancel(w.ctx)
	go func() {
		defer close(r.done)
		defer transport.CloseIdleConnections()
		r.err = app.Serve(ctx, config, app.Logger(config, &w.log), listener)
	}()
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	w.app = r
	return nil
}

// kill cuts the App off from everything, as if its process had died: what it sends to GitHub from now on does not arrive,
// what it answers does not count, and the next App goes on with the database as it is now. An App that was killed so runs
// into errors and ends.
func (w *world) kill() error {
	old := w.app
	close(old.died)
	w.before = append(w.before, old)
	err := w.db.cut()
	old.stop()
	return err
}

// restart stops the App as an upgrade does, and starts it again.
func (w *world) restart() error {
	w.app.stop()
	<-w.app.done
	if err := w.app.err; err != nil && !w.app.unstarted() {
		w.wrong = append(w.wrong, fmt.Sprintf("asked to stop, the App ends with %v", err))
	}
	return w.start()
}

// close ends everything of the world.
func (w *world) close() error {
	for _, r := range append(w.before, w.app) {
		if r != nil {
			r.stop()
			<-r.done
		}
	}
	w.waiting.Wait()
	if w.pools != (pools{}) {
		w.shared.giveBack(w.pools)
	}
	if w.db != nil {
		w.db.close()
	}
	if w.github != nil {
		w.github.Close()
	}
	if w.relay != nil {
		w.relay.close()
	}
	var err error
	if w.mounted {
		err = unix.Unmount(filepath.Join(w.dir, "data"), unix.MNT_DETACH)
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// A wire connects an App to GitHub until it is dead.
type wire struct {
	next http.RoundTripper
	app  *running
}

var errDead = errors.New("the process is dead")

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if w.app.dead() {
		return nil, errDead
	}
	w.app.spoke.Store(true)
	// The connections of a process that dies are closed.
	ctx, cancel := context.WithCancel(r.Context())
	go func() {
		select {
		case <-w.app.died:
			cancel()
		case <-ctx.Done():
		}
	}()
	resp, err := w.next.RoundTrip(r.WithContext(ctx))
	if err == nil && w.app.dead() {
		resp.Body.Close()
		err = errDead
	}
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &untilClosed{resp.Body, cancel}
	return resp, nil
}

// untilClosed ends the context of a request with its answer.
type untilClosed struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (u *untilClosed) Close() error {
	defer u.cancel()
	return u.ReadCloser.Close()
}

// armed is a step that waits for a request.
type armed struct {
	at     int64 // the number of the request
	do     func() outcome
	result outcome
	done   chan struct{}
}

// hook is called at the beginning of each request to GitHub.
func (w *world) hook(*http.Request) {
	n := w.requests.Add(1)
	w.last.Store(time.Now().UnixNano())
	if a := w.armed.Load(); a != nil && n >= a.at && w.armed.CompareAndSwap(a, nil) {
		a.result = a.do()
		w.timely++
		close(a.done)
		if a.result.abort {
			panic(http.ErrAbortHandler) // the request is not carried out
		}
	}
}

// perform lets one step happen.
func (w *world) perform(s step) error {
	k := kindOf(s.kind)
	do := func() outcome { return k.do(w, s) }
	a := &armed{do: do, done: make(chan struct{})}
	switch s.after {
	case whenQuiet:
		_ = w.quiet(4 * time.Second) // with a fault in the way it may not get quiet
		a.result = do()
	case 0:
		a.result = do()
	default:
		a.at = w.requests.Load() + int64(s.after)
		w.last.Store(time.Now().UnixNano())
		w.armed.Store(a)
		w.await(a)
	}
	if a.result.then != nil {
		return a.result.then()
	}
	return nil
}

// await waits for the request of a step, or until no request has been made for a while.
func (w *world) await(a *armed) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-a.done:
			return
		case <-tick.C:
			silent := time.Since(time.Unix(0, w.last.Load()))
			if silent < idle {
				continue
			}
			// A review may need long for a scanner, or wait after a failure.
			if left, err := w.left(); (err != nil || left != "") && silent < 10*idle {
				continue
			}
			if w.armed.CompareAndSwap(a, nil) {
				a.result = a.do()
				return
			}
		}
	}
}

// tail keeps the end of a log.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(`"level":"debug","component":"river"`)) {
		return len(p), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.b.Len() > 1<<20 {
		t.b.Next(t.b.Len() / 2)
	}
	return t.b.Write(p)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// writeScanner writes the scanner that is a program, and the settings that name it. What the scanner does is in the file
// mode.
func (w *world) writeScanner() error {
	script := strings.ReplaceAll(`#!/bin/sh
[ "$1" = --version ] && { echo 1; exit 0; }
read -r mode < DIR/mode
case $mode in
hang) exec /bin/sleep 600 ;;
fork) /bin/sleep 600 & ;;
garbage) echo '{"message": "bad 1", "location": oops'; exit 0 ;;
cut) printf '{"message":"Mark 1","location":{"path":"'; exit 0 ;;
crash) kill -s SEGV $$ ;;
fail) exit 3 ;;
esac
for f in "$@"; do
	n=0
	while IFS= read -r line; do
		n=$((n + 1))
		case $line in
		"bad "*) printf '{"message":"Mark %s.","location":{"path":"%s","range":{"start":{"line":%d}}},"code":{"value":"mark"},"severity":"WARNING"}\n' "${line#bad }" "$f" $n ;;
		esac
	done < "$f"
done
`, "DIR", w.dir)
	settings := fmt.Sprintf("scanners:\n  marks: {command: [%q, \"{files}\"], format: rdjsonl, scope: file, gate: code, files: [\"**/*.txt\"], timeout: 3s}\n",
		filepath.Join(w.dir, "marks"))
	return errors.Join(
		programtest.WriteFile(filepath.Join(w.dir, "marks"), script),
		os.WriteFile(filepath.Join(w.dir, "settings.yml"), []byte(settings), 0o600),
		w.mode("ok"),
	)
}

// mode sets what the scanner does. The file is replaced, so that no run reads a part of it.
func (w *world) mode(m string) error {
	name := filepath.Join(w.dir, "mode")
	return errors.Join(os.WriteFile(name+".new", []byte(m+"\n"), 0o600), os.Rename(name+".new", name))
}

func seeded(x int) *rand.Rand { return rand.New(rand.NewPCG(uint64(x), 7)) }
