// Package simulation drives the real server, queue, ledger and scanners against the stand-in for GitHub through random
// histories of people and faults. After each history, what GitHub shows must be what a review without any fault shows.
//
// A seed decides a history beforehand: a schedule of steps (schedule_test.go), each of a kind (kinds_test.go) with its
// numbers. A step happens at a request of the App to GitHub, counted from the step before. A model (model_test.go) knows
// what the scanners have to find in each commit, and the oracle (oracle_test.go) compares. Each history has a world of its
// own (world_test.go).
//
// The same seed makes the same steps, but not the same interleaving: goroutines, the scheduler of the machine and git
// decide which request is the n-th when two reviews run at once, and how far a review is when a step waits for time
// (locks, full disks and late deliveries end after a time). So a failure may need several tries to be seen again:
//
//	go test ./app/simulation -seed 17 -histories 1
//	go test ./app/simulation -schedule FILE -again 20
package simulation

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/apptest"
	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

var (
	histories = flag.Int("histories", 6, "how many histories to simulate")
	seed      = flag.Uint64("seed", 1, "the seed of the first history; the others have the next ones")
	engine    = flag.String("database", "sqlite", "sqlite or postgres")
	file      = flag.String("schedule", "", "a file with a schedule to play instead of the ones of seeds")
	again     = flag.Int("again", 1, "how often to play each history")
	atOnce    = flag.Int("at-once", 8, "how many histories to simulate at one time")
	patience  = flag.Duration("patience", 90*time.Second, "for what takes a second or two on a quiet machine; a history in which nothing happens for so long has failed")
	tries     = flag.Int("tries", 20, "how many tries to make a failing schedule shorter may take")
	logs      = flag.Int("log", 6000, "how many bytes of the App's log to print of a history that fails")
)

// secret signs the deliveries of a world, which never leave the machine.
const secret = "a secret of the simulation"

// shared is what all worlds use.
type shared struct {
	dir      string
	key      *rsa.PrivateKey
	pem      string
	template []byte // an empty database

	mu     sync.Mutex
	totals totals  // guarded by mu
	idle   []pools // guarded by mu
}

// pools are the processes without credentials of a history. They outlive the Apps, whose deaths are another matter, and
// serve the next history, since their start takes more time than a review.
type pools struct{ content, comments *confined.Pool }

// totals count what happened.
type totals struct{ requests, timely, heads int }

func (*shared) listen() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }

func newShared(t *testing.T) *shared {
	t.Helper()
	s := &shared{dir: t.TempDir()}
	// In memory it is faster. Where that is not possible, disks do not get full either.
	if unix.Mount("tmpfs", s.dir, "tmpfs", 0, "") == nil {
		t.Cleanup(func() { _ = unix.Unmount(s.dir, unix.MNT_DETACH) })
	} else {
		t.Log("a file system cannot be mounted here: no disk gets full")
	}
	var err error
	if s.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	s.pem = string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(s.key)}))
	path := filepath.Join(s.dir, "template.db")
	l, err := ledger.Open(t.Context(), "sqlite:"+path)
	if err == nil {
		err = l.Close()
	}
	if err == nil {
		s.template, err = os.ReadFile(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, p := range s.idle {
			p.content.Close()
			p.comments.Close()
		}
	})
	return s
}

// borrow returns pools that no other history uses.
func (sh *shared) borrow(ctx context.Context, c app.Config) (p pools, err error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if n := len(sh.idle); n > 0 {
		p, sh.idle = sh.idle[n-1], sh.idle[:n-1]
		return p, nil
	}
	if p.content, err = app.NewContent(ctx, c, nil); err != nil {
		return p, err
	}
	p.comments = app.NewComments(c, nil)
	return p, nil
}

func (sh *shared) giveBack(p pools) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.idle = append(sh.idle, p)
}

// play plays one history. The error says all that is wrong at its end.
func (sh *shared) play(t testing.TB, s schedule) (err error) {
	ctx, cancel := context.WithTimeout(t.Context(), 10**patience) // an App that never gets quiet
	defer cancel()
	w, err := newWorld(ctx, t, sh, s.setup)
	if err != nil {
		return err
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		if err != nil {
			log := w.log.String()
			err = &failure{err, log[max(0, len(log)-*logs):]}
		}
		sh.count(w)
		err = errors.Join(err, w.close())
	}()
	for _, one := range s.steps {
		if err := w.perform(one); err != nil {
			return fmt.Errorf("step %q: %w", one, err)
		}
	}
	if err := w.heal(s.steps[0].b); err != nil {
		return err
	}
	if wrong := w.check(); len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "\n"))
	}
	return nil
}

func (sh *shared) count(w *world) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.totals.requests += int(w.requests.Load())
	sh.totals.timely += w.timely
	for _, p := range w.pulls {
		sh.totals.heads += len(p.heads)
	}
}

// A failure is an error with the end of the App's log.
type failure struct {
	error
	log string
}

func TestSimulation(t *testing.T) {
	t.Parallel()
	sh := newShared(t)
	var mu sync.Mutex
	counts, steps, done := map[string]int{}, 0, 0
	var wg sync.WaitGroup
	slots := make(chan struct{}, *atOnce)
	for i := range *histories * *again {
		of := *seed + uint64(i / *again)
		s := plan(of)
		name := fmt.Sprintf("seed %d", of)
		if *file != "" {
			text, err := os.ReadFile(*file)
			if err == nil {
				s, err = parse(string(text))
			}
			if err != nil {
				t.Fatal(err)
			}
			name = *file
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			err := sh.play(t, s)
			mu.Lock()
			defer mu.Unlock()
			if done++; done%50 == 0 {
				t.Logf("%d histories so far", done)
			}
			for _, one := range s.steps {
				counts[one.kind]++
				steps++
			}
			if err == nil {
				return
			}
			// One failure at a time, so that the others do not disturb it.
			short := shorten(s, *tries, func(less schedule) bool { return len(less.steps) > 0 && sh.play(t, less) != nil })
			log := ""
			if f := (*failure)(nil); errors.As(err, &f) {
				log = f.log
			}
			t.Errorf("%s: %v\nits schedule:\n%s\nshortened:\n%s\nthe end of the log:\n%s", name, err, s, short, log)
		})
	}
	wg.Wait()
	t.Logf("%d histories, %d steps, of which %d happened in the middle of a review; %d heads, %d requests to GitHub",
		done, steps, sh.totals.timely, sh.totals.heads, sh.totals.requests)
	for _, k := range kinds {
		t.Logf("%6d %-22s %s", counts[k.name], k.name, k.where)
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if kindOf(name) == nil {
			t.Errorf("a step of no kind: %s", name)
		}
	}
}

func TestScheduleIsWrittenAsItIsRead(t *testing.T) {
	t.Parallel()
	for of := range uint64(200) {
		want := plan(of)
		got, err := parse(want.String())
		if err != nil || got.String() != want.String() {
			t.Fatalf("seed %d: %v\n%s\nwant\n%s", of, err, got, want)
		}
		if again := plan(of); again.String() != want.String() {
			t.Fatalf("seed %d is planned differently the second time", of)
		}
	}
}

func TestShorten(t *testing.T) {
	t.Parallel()
	s := schedule{}
	for i := range 12 {
		s.steps = append(s.steps, step{kind: "push", a: i})
	}
	needs := func(less schedule) bool {
		return slices.ContainsFunc(less.steps, func(one step) bool { return one.a == 3 }) &&
			slices.ContainsFunc(less.steps, func(one step) bool { return one.a == 10 })
	}
	if got := shorten(s, 100, needs); len(got.steps) != 2 || !needs(got) {
		t.Errorf("shortened to\n%s", got)
	}
	calls := 0
	shorten(s, 5, func(less schedule) bool { calls++; return needs(less) })
	if calls > 5 {
		t.Errorf("%d tries, want 5 at most", calls)
	}
}

func TestMain(m *testing.M) {
	app.SandboxHelper()
	os.Exit(apptest.WithFewPrograms(func() int { return pgtest.Run(m) }))
}
