package confined

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// A watched pool counts why its processes ended.
type watched struct {
	*Pool
	mu  sync.Mutex
	why []string
}

func (w *watched) ends() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string{}, w.why...)
}

// pool returns a pool in a kind of sandbox, and its scanners by name.
func pool(t *testing.T, sandbox catalog.Sandbox, most int) (*watched, map[string]scanners.Scanner) {
	t.Helper()
	w := &watched{}
	w.Pool = New(Options{Tools: catalog.NewTools(sandbox), Max: most, Build: testBuild, Memory: 512 << 20, Observe: func(why string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.why = append(w.why, why)
	}})
	t.Cleanup(w.Close)
	o := catalog.Options{BuiltIn: true}
	all, err := w.Scanners(o)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]scanners.Scanner{}
	for _, s := range all {
		by[s.Info().Name] = s
	}
	from := by["gitleaks"].(*scanner).from
	for _, s := range from.Wrap(rogues()) {
		by[s.Info().Name] = s
	}
	return w, by
}

func text(path, content string) scanners.Target {
	return scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: []byte(content)}}}
}

// key is a secret of the form that gitleaks finds.
const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA2mKqH0rZ0m5Vn4l6yYh0mF1S9cJ3f8m2Qq7w3b4a5c6d7e8f\n-----END RSA PRIVATE KEY-----\n"

// TestMisbehaviour: whatever a scanner does in its process, its scan is incomplete with one sentence, nothing of the
// content is in the error, a scanner beside it finishes, and the next review is served.
func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scanner string
		limit   time.Duration // of the scan; 0 for none
		reason  string
		why     string // why its processes end; empty if they go on
	}{
		{"recurses", 0, "It recursed without end on the content of this change, and was stopped.", Overflowed},
		{"allocates", 0, "It used too much memory on the content of this change, and was stopped.", Exhausted},
		{"loops", 100 * time.Millisecond, "It ran out of time.", Stuck},
		{"panics", 0, "It stopped unexpectedly; the operator's log says why.", ""},
		{"panics elsewhere", 0, "Its process ended unexpectedly on the content of this change; the operator's log says how.", Crashed},
		{"exits", 0, "Its process ended unexpectedly on the content of this change; the operator's log says how.", Crashed},
		{"garbles", 0, "Its answer could not be understood, so nothing of it is used; the operator's log says more.", Garbled},
		{"kills itself", 0, "Its process ended unexpectedly on the content of this change; the operator's log says how.", Killed},
	}
	for _, tt := range tests {
		t.Run(tt.scanner, func(t *testing.T) {
			t.Parallel()
			w, by := pool(t, catalog.Sandbox("auto"), 2)
			ctx := For(t.Context(), "1/acme/shop#1")
			var group sync.WaitGroup
			group.Go(func() {
				var found []scanners.Finding
				var err error
				for limit := tt.limit; ; limit *= 2 { // until it is long enough to reach the process
					bad, cancel := context.WithCancel(ctx)
					if limit > 0 {
						bad, cancel = context.WithTimeout(ctx, limit)
					}
					found, err = by[tt.scanner].Scan(bad, text("a.txt", tt.scanner+" A-SECRET"))
					if cancel(); limit == 0 || limit > time.Minute || len(w.ends()) > 0 {
						break
					}
				}
				if len(found) > 0 || scanners.Reason(err) != tt.reason {
					t.Errorf("got %v and %q, want the reason %q (%v)", found, scanners.Reason(err), tt.reason, err)
				}
				if tt.scanner != "panics" && err != nil && strings.Contains(err.Error(), "A-SECRET") {
					t.Errorf("the content is in the error: %v", err)
				}
			})
			group.Go(func() {
				found, err := by["gitleaks"].Scan(ctx, text("key.pem", key))
				if err != nil || len(found) != 1 {
					t.Errorf("a scanner of the same review: %v %v", found, err)
				}
			})
			group.Wait()
			found, err := by[tt.scanner].Scan(For(t.Context(), "2/other/shop#1"), text("a.txt", "harmless"))
			if err != nil || len(found) != 1 || found[0].Message != "well behaved" {
				t.Errorf("the next review: %v %v", found, err)
			}
			ends := w.ends()
			for _, why := range ends {
				if why != tt.why {
					t.Errorf("a process ended because %s, want %q", why, tt.why)
				}
			}
			if tt.why != "" && len(ends) == 0 {
				t.Error("no end was counted")
			}
		})
	}
}

// TestTextsMisbehave: whatever a text does to the process that reads it, the caller gets an error without anything of the
// text, which says whether the text may have caused it, and the next text is read.
func TestTextsMisbehave(t *testing.T) {
	t.Parallel()
	for name, why := range map[string]string{
		"recurses": Overflowed, "allocates": Exhausted, "panics": "", "panics elsewhere": Crashed, "exits": Crashed, "garbles": Garbled, "kills itself": Killed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := pool(t, catalog.Sandbox("auto"), 1)
			ctx := For(t.Context(), "1/acme/shop#1")
			var got []string
			err := w.Texts(ctx, "rogue", []string{"a.yml", "b.yml"}, [][]byte{[]byte("a: 1"), []byte(name + " A-SECRET")}, &got)
			var ended *EndedError
			switch {
			case err == nil:
				t.Fatalf("it was read: %q", got)
			case why == "" && errors.As(err, &ended):
				t.Errorf("a panic of the task ended the process: %v", err)
			case why != "" && (!errors.As(err, &ended) || ended.Why != why || !ended.ByContent() || strings.Contains(err.Error(), "A-SECRET")):
				t.Errorf("got %v, want that it %s", err, why)
			}
			got = nil
			if err := w.Texts(ctx, "rogue", []string{"caf\xe9.yml", ""}, [][]byte{[]byte("a: 1"), nil}, &got); err != nil || strings.Join(got, ", ") != "636166e92e796d6c 4,  0" {
				t.Errorf("the next texts: %q %v", got, err)
			}
		})
	}
}

// TestEndedByTheMachine: what a text cannot have caused is an error of the machine, and no fault of the text.
func TestEndedByTheMachine(t *testing.T) {
	t.Parallel()
	w, _ := pool(t, catalog.Sandbox("auto"), 1)
	w.Close()
	var ended *EndedError
	if err := w.Texts(t.Context(), "rogue", []string{"a"}, [][]byte{[]byte("x")}, &[]string{}); !errors.As(err, &ended) || ended.ByContent() {
		t.Errorf("got %v", err)
	}
}

// TestNothingToSteal: in each kind of sandbox, a scanner in its process can read neither the environment nor the files
// of the process that holds the credentials, cannot reach it otherwise, and has no network.
func TestNothingToSteal(t *testing.T) {
	t.Parallel()
	for _, sandbox := range []catalog.Sandbox{"bwrap", "landlock"} {
		t.Run(string(sandbox), func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath("bwrap"); err != nil && sandbox == "bwrap" {
				t.Skip("bubblewrap is not installed")
			}
			data := t.TempDir()
			files := map[string]string{"key.pem": "key", "secbydesign.db": "rows"}
			for name, content := range files {
				if err := os.WriteFile(filepath.Join(data, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			_, by := pool(t, sandbox, 1)
			pid := strconv.Itoa(os.Getpid())
			home, err := os.UserHomeDir()
			if err != nil {
				t.Fatal(err)
			}
			attempts := []string{
				"read /proc/" + pid + "/environ", "read /proc/" + pid + "/mem", "read /proc/" + pid + "/maps", "list /proc/" + pid + "/fd",
				"read " + filepath.Join(data, "key.pem"), "read " + filepath.Join(data, "secbydesign.db"), "list " + data, "write " + filepath.Join(data, "new"),
				"list " + home, "list " + os.TempDir(), "list /", "read /etc/shadow", "write /tmp/secbydesign-stolen",
				"dial " + listener.Addr().String(), "dial 1.1.1.1:443", "udp 1.1.1.1:53", "trace " + pid, "environment", "files",
			}
			if sandbox == "landlock" || sandbox == "bwrap" { // it is another process there, or none
				attempts = append(attempts, "signal "+pid)
			}
			found, err := by["spies"].Scan(For(t.Context(), "1"), text("a.txt", "spies\n"+strings.Join(attempts, "\n")))
			if err != nil || len(found) != 1 {
				t.Fatalf("%v %v", found, err)
			}
			if found[0].Message != "succeeded: " {
				t.Errorf("a scanner %s", found[0].Message)
			}
		})
	}
}

// TestSpyNotices: outside of the pool the same attempts succeed, so the test above can fail.
func TestSpyNotices(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(os.Getpid())
	attempts := []string{"read /proc/" + pid + "/environ", "read " + filepath.Join(dir, "key.pem"), "list " + dir, "write " + filepath.Join(dir, "new"), "signal " + pid, "environment"}
	if got, want := spy("spies\n"+strings.Join(attempts, "\n")), "succeeded: "+strings.Join(attempts, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestLies: what cannot be true is left out, and the scan is incomplete.
func TestLies(t *testing.T) {
	t.Parallel()
	_, by := pool(t, "auto", 1)
	found, err := by["liar"].Scan(For(t.Context(), "1"), text("a.txt", "x"))
	if len(found) != 1 || found[0].Rule != "good" {
		t.Errorf("believed: %v", found)
	}
	if want := "It reported 12 findings that cannot be true of the files that it scanned; they are left out."; scanners.Reason(err) != want {
		t.Errorf("got %q, want %q", scanners.Reason(err), want)
	}
}

// TestOwners: a process serves one owner at a time, and is kept.
func TestOwners(t *testing.T) {
	t.Parallel()
	w, _ := pool(t, "auto", 2)
	take := func(owner string) *process {
		t.Helper()
		at, err := w.take(t.Context(), owner, false)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	first, again, other := take("1/a"), take("1/a"), take("2/b")
	if first != again || first == other {
		t.Error("owners share a process, or one has two")
	}
	waited := make(chan *process)
	go func() {
		at, _ := w.take(context.Background(), "3/c", false)
		waited <- at
	}()
	w.leave(first)
	select {
	case <-waited:
		t.Error("an owner got a process that another one uses")
	case <-time.After(50 * time.Millisecond): // too short a wait only makes the test weaker
	}
	w.leave(again)
	if got := <-waited; got != first {
		t.Error("a free process was not used again")
	} else {
		w.leave(got)
	}
	other.served = maxServed
	w.leave(other)
	if <-other.gone; other.why != Served {
		t.Errorf("a process that served %d owners ended because %q", maxServed, other.why)
	}
	// Another one is started in its place, before anybody asks for it.
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		w.Pool.mu.Lock()
		n := len(w.all)
		w.Pool.mu.Unlock()
		if n == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d processes", n)
		}
	}
	if ends := w.ends(); len(ends) > 1 {
		t.Errorf("ends: %q", ends)
	}
}

// TestDiesWithItsServer: when the process that has a pool is killed, no process of it is left, even one in an endless
// loop.
func TestDiesWithItsServer(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerToKill$")
	cmd.Env = append(os.Environ(), "SECBYDESIGN_TEST_SERVER=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var id string
	if _, err := fmt.Fscanln(out, &id); err != nil {
		t.Fatal(err)
	}
	if len(marked(t, id)) == 0 {
		t.Fatal("no process of the pool was found")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for deadline := time.Now().Add(time.Minute); len(marked(t, id)) > 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("still there: %q", marked(t, id))
		}
	}
}

// TestServerToKill is the server of the test above, and does nothing by itself.
func TestServerToKill(t *testing.T) {
	if os.Getenv("SECBYDESIGN_TEST_SERVER") == "" {
		return
	}
	w, by := pool(t, "auto", 1)
	at, err := w.take(t.Context(), "1", false)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = by["loops"].Scan(For(context.Background(), "1"), text("a.txt", "loops")) }()
	fmt.Println(filepath.Base(filepath.Dir(at.session.Trees)))
	time.Sleep(time.Hour)
}

// marked returns the processes that were started with a session's folder among their arguments, or have it mounted.
func marked(t *testing.T, id string) (found []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), id) {
			found = append(found, name)
		}
	}
	return found
}

// TestNoSandbox: where no sandbox works, the check says so in one sentence.
func TestNoSandbox(t *testing.T) {
	p := New(Options{Tools: catalog.NewTools("bwrap"), Max: 1, Build: testBuild})
	defer p.Close()
	t.Setenv("PATH", t.TempDir())
	err := p.Check(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "no process without credentials can be started, so nothing of a pull request would be read: no sandbox that works") {
		t.Errorf("got %v", err)
	}
}

// TestOtherBuild: a process of another program is refused.
func TestOtherBuild(t *testing.T) {
	t.Parallel()
	p := New(Options{Tools: catalog.NewTools("auto"), Max: 1, Build: "another"})
	defer p.Close()
	var ended *EndedError
	if err := p.Check(t.Context()); !errors.As(err, &ended) || ended.Why != Outdated {
		t.Errorf("got %v", err)
	}
}

// TestClosed: a closed pool does nothing, and ends what runs.
func TestClosed(t *testing.T) {
	t.Parallel()
	w, by := pool(t, "auto", 1)
	ctx := For(t.Context(), "1")
	if _, err := by["gitleaks"].Scan(ctx, text("a.txt", "x")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	_, err := by["gitleaks"].Scan(ctx, text("a.txt", "x"))
	var ended *EndedError
	if !errors.As(err, &ended) || ended.Why != Closed {
		t.Errorf("got %v", err)
	}
}
