package queue

import (
	"bufio"
	"context"
	crand "crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// patience is how long a test waits for something that must happen; it measures nothing.
const patience = 60 * time.Second

// template returns a database without rows: copying it is faster than migrating each time.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "db")
	l, err := ledger.Open(context.Background(), "sqlite:"+path)
	if err != nil {
		return nil, err
	}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// newDB returns the URL of a database without rows.
func newDB(t *testing.T) string {
	t.Helper()
	if pgtest.Chosen() {
		return newPostgres(t)
	}
	content, err := template()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

func newPostgres(t *testing.T) string {
	t.Helper()
	return pgtest.Copy(t, "queue", func(url string) error {
		l, err := ledger.Open(t.Context(), url)
		if err != nil {
			return err
		}
		return l.Close()
	})
}

// in returns the SQL for a time from now on, such as "+2 hours", in the form of River's columns.
func in(time string) string {
	if pgtest.Chosen() {
		return "now() + interval '" + time + "'"
	}
	return "strftime('%Y-%m-%d %H:%M:%f', 'now', '" + time + "')"
}

func openLedger(t *testing.T, url string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// newQueue returns a queue that is not started.
func newQueue(t *testing.T, l *ledger.Ledger, opts Options) *Queue {
	t.Helper()
	if opts.Poll == 0 {
		opts.Poll = 5 * time.Millisecond
	}
	opts.Logger = zerolog.New(zerolog.NewTestWriter(t))
	q, err := New(l, opts)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// start returns a queue that works until the end of the test.
func start(t *testing.T, work Work) *Queue {
	t.Helper()
	return startWith(t, Options{Work: work})
}

func startWith(t *testing.T, opts Options) *Queue {
	t.Helper()
	q := newQueue(t, openLedger(t, newDB(t)), opts)
	begin(t, q)
	return q
}

func begin(t *testing.T, q *Queue) {
	t.Helper()
	if err := q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := q.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

func request(number int, head string) Request {
	return Request{Key: Key{Installation: 7, Owner: "Acme", Repo: "Shop", Number: number}, RepoID: 9, HeadSHA: head, BaseSHA: "base"}
}

// submit submits as GitHub's deliveries come: what a busy database refuses is delivered again.
func submit(t *testing.T, q *Queue, reqs ...Request) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := q.Submit(t.Context(), ledger.Delivery{}, reqs)
		if err == nil {
			return
		}
		if !errors.Is(err, ledger.ErrUnavailable) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// receive waits for a value.
func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("waited in vain")
		panic("unreachable")
	}
}

// jobs returns the unfinished jobs, or those in the given states.
func jobs(t *testing.T, q *Queue, states ...rivertype.JobState) []*rivertype.JobRow {
	t.Helper()
	if states == nil {
		states = job{}.InsertOpts().UniqueOpts.ByState
	}
	res, err := q.client.JobList(t.Context(), river.NewJobListParams().States(states...).First(1000))
	if err != nil {
		t.Fatal(err)
	}
	return res.Jobs
}

// until polls until a condition is true.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

func idle(t *testing.T, q *Queue) {
	t.Helper()
	until(t, "every job is finished", func() bool { return len(jobs(t, q)) == 0 })
}

func pull(t *testing.T, q *Queue, number int) (p ledger.Pull) {
	t.Helper()
	err := q.ledger.Tx(t.Context(), func(tx *sql.Tx) (err error) {
		p, err = q.ledger.PullTx(t.Context(), tx, ledger.Repo{Owner: "acme", Name: "shop"}, number)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// alter changes the unfinished jobs in the database directly, without River.
func alter(t *testing.T, q *Queue, set string) {
	t.Helper()
	for _, row := range jobs(t, q) {
		if err := q.ledger.Driver().GetExecutor().Exec(t.Context(), "UPDATE river_job SET "+set+" WHERE id = $1", row.ID); err != nil {
			t.Fatal(err)
		}
	}
}

// These make the test binary a process that reviews until it is killed.
const (
	helperDB   = "SECBYDESIGN_TEST_QUEUE_DB"
	helperRole = "SECBYDESIGN_TEST_QUEUE_ROLE" // the name of one of the roles

	helperFolder = "SECBYDESIGN_TEST_QUEUE_FOLDER" // see [Options]
)

// roles are the helper processes, by name.
var roles = map[string]func(ctx context.Context, l *ledger.Ledger, r Request) error{
	"hangs": func(context.Context, *ledger.Ledger, Request) error {
		fmt.Println("working")
		select {}
	},
	"works": func(ctx context.Context, l *ledger.Ledger, r Request) error {
		fmt.Println("working")
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(30 * time.Millisecond):
		}
		return l.Record(ctx, ledger.Event{Kind: "reviewed", Owner: r.Owner, Repo: r.Repo, Number: r.Number, Head: r.HeadSHA})
	},
	// All pull requests are large.
	"moves": func(ctx context.Context, l *ledger.Ledger, r Request) error {
		fmt.Println("working")
		if r.Size != LargeSize {
			return ErrLarge
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
		return l.Record(ctx, ledger.Event{Kind: "reviewed", Owner: r.Owner, Repo: r.Repo, Number: r.Number, Head: r.HeadSHA})
	},
}

func TestMain(m *testing.M) {
	if path := os.Getenv(helperDB); path != "" {
		fmt.Fprintln(os.Stderr, help(path, roles[os.Getenv(helperRole)]))
		os.Exit(1)
	}
	os.Exit(pgtest.Run(m))
}

// help runs a queue until it is killed.
func help(url string, work func(context.Context, *ledger.Ledger, Request) error) error {
	ctx := context.Background()
	l, err := ledger.Open(ctx, url)
	if err != nil {
		return err
	}
	opts := shortLease
	opts.Logger, opts.Folder = zerolog.New(os.Stderr), os.Getenv(helperFolder)
	opts.Work = func(ctx context.Context, r Request) error { return work(ctx, l, r) }
	q, err := New(l, opts)
	if err != nil {
		return err
	}
	if err := q.Start(ctx); err != nil {
		return err
	}
	select {}
}

var shortLease = Options{Heartbeat: 100 * time.Millisecond, LeaseTTL: time.Second}

// startHelper returns a process that is in the middle of a review.
func startHelper(t *testing.T, path, role string, env ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(append(os.Environ(), helperDB+"="+path, helperRole+"="+role), env...)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(cmd) })
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "working\n" {
		t.Fatalf("helper said %q, %v", line, err)
	}
	go io.Copy(io.Discard, lines) // ends with the process
	return cmd
}

// kill kills the process with SIGKILL.
func kill(cmd *exec.Cmd) {
	cmd.Process.Kill()
	cmd.Wait()
}

// randomText returns a text that cannot be compressed.
func randomText(n int) string {
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(crand.Text())
	}
	return b.String()[:n]
}
