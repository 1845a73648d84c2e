package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// The databases that several replicas can share.
const (
	onSQLite   = "sqlite"
	onPostgres = "postgres"
)

// databaseOn returns the URL of an empty database.
func databaseOn(t testing.TB, engine string) string {
	t.Helper()
	if engine == onPostgres {
		return pgtest.Database(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "shared.db")
}

// openSQL opens the database at a URL, to count what the program does not show.
func openSQL(t testing.TB, url string) *sql.DB {
	t.Helper()
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// A fleet is several processes of the program that share a database, and a balancer that passes deliveries to them. Each
// has a data folder of its own, and so its own mirrors, as replicas on several hosts have.
type fleet struct {
	*demo.World
	t        testing.TB
	balancer *balancer
	replicas []*replica
}

// A replica is one process, or the place of one that ended.
type replica struct {
	world   *demo.World // the settings of this replica
	log     *safeBuffer
	process *process
}

// newFleet starts a replica for each role, on the database at url.
func newFleet(t testing.TB, url string, roles ...string) *fleet {
	t.Helper()
	return fleetWith(t, url, nil, roles...)
}

// fleetWith is [newFleet] with other settings, unless change is nil.
func fleetWith(t testing.TB, url string, change func(*app.Settings), roles ...string) *fleet {
	t.Helper()
	w, err := demo.NewWorld(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.GitHub.Close)
	w.Settings.Database = url
	if change != nil {
		change(&w.Settings)
	}
	f := &fleet{World: w, t: t, balancer: &balancer{}}
	server := httptest.NewServer(f.balancer)
	t.Cleanup(server.Close)
	w.GitHub.SetWebhookURL(server.URL + "/webhook")
	f.join(roles...)
	t.Cleanup(func() {
		if t.Failed() {
			for i, r := range f.replicas {
				log := r.log.String()
				t.Logf("the end of the log of replica %d:\n%s", i, log[max(0, len(log)-4000):])
			}
		}
	})
	return f
}

// join starts one more replica for each role, and waits until they are ready.
func (f *fleet) join(roles ...string) {
	t := f.t
	t.Helper()
	var joined []*replica
	for _, role := range roles {
		own := &demo.World{GitHub: f.GitHub, Settings: f.Settings}
		own.Settings.Listen, own.Settings.Role = freeAddress(t), role
		own.Settings.DataDir = filepath.Join(t.TempDir(), "data")
		if role != "worker" {
			f.balancer.addresses = append(f.balancer.addresses, own.Settings.Listen)
		}
		r := &replica{world: own, log: &safeBuffer{}}
		r.launch(t)
		t.Cleanup(func() { r.process.kill() })
		joined = append(joined, r)
	}
	for _, r := range joined {
		r.process.ready()
	}
	f.replicas = append(f.replicas, joined...)
}

func (r *replica) launch(t testing.TB) {
	t.Helper()
	r.process = launch(t, r.world.Settings, r.log)
}

// terminate asks the replica to stop, and waits for it.
func (r *replica) terminate() error {
	if err := r.process.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return r.process.cmd.Wait()
}

// logged counts the lines of all replicas' logs that hold the words.
func (f *fleet) logged(words string) (n int) {
	for _, r := range f.replicas {
		n += strings.Count(r.log.String(), words)
	}
	return n
}

// A balancer passes each request to the next replica. As proxies do, it tries another one when a connection is refused,
// and answers 502 when one breaks, since the request may have been carried out.
type balancer struct {
	addresses []string
	next      atomic.Int64
	transport http.Transport
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "the request broke", http.StatusBadRequest)
		return
	}
	first := int(b.next.Add(1))
	for i := range b.addresses {
		out := r.Clone(r.Context())
		out.URL.Scheme, out.URL.Host, out.RequestURI = "http", b.addresses[(first+i)%len(b.addresses)], ""
		out.Body = io.NopCloser(bytes.NewReader(body))
		resp, err := b.transport.RoundTrip(out)
		if dial := (*net.OpError)(nil); errors.As(err, &dial) && dial.Op == "dial" {
			continue
		}
		if err != nil {
			http.Error(w, "the replica does not answer", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
		return
	}
	http.Error(w, "there is no replica", http.StatusBadGateway)
}

// A crowd are people who open pull requests and push to them, each one after the verdict on their last.
type crowd struct {
	fleet *fleet
	repos []*fakegithub.Repo
	bases []string

	branches map[string]int // numbers of pull requests, in benchmarks

	stop   chan struct{}
	people sync.WaitGroup

	mu      sync.Mutex
	changes []change
	longest time.Duration // wait for a verdict
	waits   int
	failed  []error
}

// A change is a pull request of a crowd.
type change struct {
	repo   *fakegithub.Repo
	number int
	shape  int
}

// shapes is how many kinds of pull requests there are.
const shapes = 4

// newCrowd makes repositories in as many organisations. GitHub limits the requests of each installation, so one would
// not do for long.
func newCrowd(f *fleet, organisations int) *crowd {
	c := &crowd{fleet: f, branches: map[string]int{}, stop: make(chan struct{})}
	for i := range organisations {
		owner := fmt.Sprint("acme", i)
		f.GitHub.CreateOrg(owner)
		repo := f.GitHub.CreateRepo(owner, "shop", true)
		c.repos = append(c.repos, repo)
		c.bases = append(c.bases, repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n", "b.txt": "b\n"}))
		f.GitHub.Install(owner)
	}
	return c
}

// start makes so many people begin.
func (c *crowd) start(people int) {
	for person := range people {
		c.people.Go(func() {
			for i := person; ; i += people {
				select {
				case <-c.stop:
					return
				default:
					if err := c.contribute(i); err != nil {
						c.mu.Lock()
						c.failed = append(c.failed, err)
						c.mu.Unlock()
						return
					}
				}
			}
		})
	}
}

// finish ends the stream, and waits until all have their verdicts.
func (c *crowd) finish() {
	close(c.stop)
	c.people.Wait()
}

// contribute does everything that one pull request of the shape i%shapes needs.
func (c *crowd) contribute(i int) error {
	repo, base := c.repos[i/shapes%len(c.repos)], c.bases[i/shapes%len(c.repos)]
	branch, seed := fmt.Sprint("change", i), 10*i
	push := func(files map[string]string) { repo.Commit(branch, "", "more on "+branch, files) }
	switch i % shapes {
	case 0, 1, 3:
		repo.Commit(branch, base, "change on "+branch, map[string]string{"a.py": "a = 1\n" + leak(seed) + leak(seed+1)})
	case 2:
		repo.Commit(branch, base, "change on "+branch, map[string]string{"a.py": fmt.Sprintf("a = %d\n", seed+2)})
	}
	began := time.Now()
	n := repo.OpenPull("Change", "", "main", branch, "mona", false)
	c.mu.Lock()
	c.changes = append(c.changes, change{repo, n, i % shapes})
	c.mu.Unlock()
	switch i % shapes {
	case 1: // a push that fixes one finding, leaves one and brings one
		if err := c.await(repo, n, began); err != nil {
			return err
		}
		push(map[string]string{"a.py": "a = 1\n" + leak(seed) + "b = 1\n" + leak(seed+2)})
		began = time.Now()
		repo.SyncPull(n)
	case 3: // pushes during the review
		for j := range 3 {
			time.Sleep(rand.N(200 * time.Millisecond))
			push(map[string]string{"b.txt": fmt.Sprintln(branch, j)})
			began = time.Now()
			repo.SyncPull(n)
		}
	}
	return c.await(repo, n, began)
}

// await waits for the verdict on the head of a pull request, since it was pushed.
func (c *crowd) await(repo *fakegithub.Repo, n int, pushed time.Time) error {
	owner, name := c.fleet.GitHub.NameOf(repo)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := c.fleet.Verdict(ctx, owner, name, n)
	if err != nil {
		return fmt.Errorf("%s/%s#%d is lost: %w", owner, name, n, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits++
	c.longest = max(c.longest, time.Since(pushed))
	return nil
}

// untilVerdicts waits until so many heads have got their verdicts since the last forgetWaits.
func (c *crowd) untilVerdicts(n int) {
	t := c.fleet.t
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, waits := c.longestWait(); waits >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the reviews have stopped")
		}
	}
}

// forgetWaits begins a new measurement of the waits.
func (c *crowd) forgetWaits() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest, c.waits = 0, 0
}

func (c *crowd) longestWait() (time.Duration, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.longest, c.waits
}
