package app_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners/programtest"
)

var kills = flag.Int("kills", 4, "how often to kill the program during a review")

// serveForTest makes the test binary the program, so that the program can be killed.
func serveForTest() bool {
	var settings app.Settings
	raw := os.Getenv("SECBYDESIGN_TEST_SETTINGS")
	if raw == "" {
		return false
	}
	if err := json.Unmarshal([]byte(raw), &settings); err != nil {
		panic(err)
	}
	config, err := settings.Config()
	if err != nil {
		panic(err)
	}
	config.Simulated.RequestTime = 200 * time.Millisecond // the stand-in carries out what arrived before the kill at once
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	done, err := app.Temporary(config.DataDir)
	if err != nil {
		panic(err)
	}
	defer done()
	if err := app.Run(ctx, config, app.Logger(config, os.Stderr)); err != nil {
		panic(err)
	}
	return true
}

// A process is the program in a separate process.
type process struct {
	t    testing.TB
	cmd  *exec.Cmd
	addr string
	log  *safeBuffer
}

func start(t testing.TB, w *demo.World, addr string, log *safeBuffer) *process {
	t.Helper()
	settings := w.Settings
	settings.Listen = addr
	p := launch(t, settings, log)
	p.ready()
	return p
}

// startWith is start with settings and further variables.
func startWith(t testing.TB, settings app.Settings, log *safeBuffer, env ...string) *process {
	t.Helper()
	p := launch(t, settings, log, env...)
	p.ready()
	return p
}

// launch starts the program with these settings and further variables, and does not wait until it is ready.
func launch(t testing.TB, settings app.Settings, log *safeBuffer, env ...string) *process {
	t.Helper()
	raw, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, addr: settings.Listen, log: log, cmd: exec.Command(os.Args[0], "-test.run=^$")}
	p.cmd.Env = append(append(os.Environ(), "SECBYDESIGN_TEST_SETTINGS="+string(raw)), env...)
	p.cmd.Stderr = log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// ready waits until the program is ready.
func (p *process) ready() {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + p.addr + "/readyz")
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the program does not get ready:\n%s", p.log)
		}
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestKilledDuringReview kills the program at random moments of a review and starts it again.
// Every pull request ends in the same state, with each thread there once.
func TestKilledDuringReview(t *testing.T) {
	t.Parallel()
	const stages = 4
	for i := range min(stages, *kills) {
		t.Run(fmt.Sprint("stage ", i+1), func(t *testing.T) {
			t.Parallel()
			killing(t, uint64(i), (*kills+stages-1-i)/stages)
		})
	}
}

// world is a stand-in with a repository that is ready for a program which listens on addr and writes its log
// to log.
func world(t *testing.T) (w *demo.World, repo *fakegithub.Repo, addr string, log *safeBuffer) {
	t.Helper()
	w, err := demo.NewWorld(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.GitHub.Close)
	addr, log = freeAddress(t), &safeBuffer{}
	t.Cleanup(func() { noSecrets(t, w, log) })
	w.GitHub.SetWebhookURL("http://" + addr + "/webhook")
	w.GitHub.CreateOrg("acme")
	return w, w.GitHub.CreateRepo("acme", "shop", true), addr, log
}

// apart begins with a repository acme/shop of one file, whose App runs in a process of its own. again starts the App once
// more, when that process has ended.
func apart(t *testing.T) (s *stage, p *process, again func() *process) {
	t.Helper()
	w, repo, addr, log := world(t)
	again = func() *process {
		t.Helper()
		return start(t, w, addr, log)
	}
	p = again()
	w.GitHub.Install("acme")
	s = &stage{World: w, t: t, repo: repo, logs: log}
	s.base = repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
	return s, p, again
}

func killing(t *testing.T, seed uint64, times int) {
	rng := rand.New(rand.NewPCG(seed, 5))
	w, repo, addr, log := world(t)
	p := start(t, w, addr, log)
	defer func() { p.kill() }()
	w.GitHub.Install("acme")
	base := repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})

	s := &stage{World: w, t: t, repo: repo, base: base, logs: log}
	state := func(n int) string {
		var lines []string
		latest := map[string]fakegithub.CheckRun{}
		for _, run := range w.GitHub.CheckRuns("acme", "shop", w.GitHub.Pull("acme", "shop", n).HeadSHA) {
			if run.ID > latest[run.Name].ID {
				latest[run.Name] = run
			}
		}
		for _, run := range latest {
			lines = append(lines, fmt.Sprintf("%s %s %s annotations=%d", run.Name, run.Conclusion, run.Title, len(run.Annotations)))
		}
		lines = append(lines, s.threads(n)...)
		for _, c := range w.GitHub.IssueComments("acme", "shop", n) {
			first, _, _ := strings.Cut(c.Body, "\n")
			lines = append(lines, "summary "+first+c.Minimized)
		}
		slices.Sort(lines)
		return strings.Join(lines, "\n")
	}
	// A push that fixes one finding, leaves one and brings one: all kinds of writes.
	open := func(branch string) int {
		n := s.open(branch, map[string]string{"a.py": "a = 1\n" + leak(1) + leak(2)})
		s.verdict(n)
		return n
	}
	push := func(n int, branch string) {
		repo.Commit(branch, base, "again on "+branch, map[string]string{"a.py": "a = 1\n" + leak(1) + "b = 1\n" + leak(3)})
		repo.SyncPull(n)
	}
	n := open("reference")
	began := time.Now()
	push(n, "reference")
	s.verdict(n)
	usual := time.Since(began)
	want := state(n)
	for i := range times {
		branch := fmt.Sprint("change", i)
		n := open(branch)
		push(n, branch) // returns when the delivery was answered
		moment := time.Duration(rng.Int64N(int64(usual) + 1))
		time.Sleep(moment)
		p.kill()
		p = start(t, w, addr, log)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		_, err := w.Verdict(ctx, "acme", "shop", n)
		cancel()
		if err != nil {
			t.Fatalf("killed after %v: %v\n%s", moment, err, log)
		}
		if got := state(n); got != want {
			t.Errorf("killed after %v, the pull request shows\n%s\nwant\n%s", moment, got, want)
		}
	}
}

// TestKilledDuringAScanLeavesNothing kills the program while a scanner reads a private copy of the change. The next
// start removes the copy, and nothing of it is in a folder of others.
func TestKilledDuringAScanLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	started, slow, settings := filepath.Join(dir, "started"), filepath.Join(dir, "slow"), filepath.Join(dir, "settings.yml")
	for file, text := range map[string]string{
		slow:     "#!/bin/sh\n[ \"$1\" = --version ] && { echo 1; exit 0; }\necho \"$PWD $HOME $*\" >> " + started + "\nexec /bin/sleep 20\n",
		settings: fmt.Sprintf("scanners:\n  slow: {command: [%q, \"{files}\"], format: rdjsonl, scope: file, gate: code, files: [\"**/*.txt\"]}\n", slow),
	} {
		programtest.Write(t, file, text)
	}
	w, err := demo.NewWorld(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.GitHub.Close)
	w.Settings.SettingsFile, w.Settings.Sandbox, w.Settings.BuiltIn = settings, "off", false
	addr, log := freeAddress(t), &safeBuffer{}
	w.GitHub.SetWebhookURL("http://" + addr + "/webhook")
	w.GitHub.CreateOrg("acme")
	repo := w.GitHub.CreateRepo("acme", "shop", true)
	p := start(t, w, addr, log)
	defer func() { p.kill() }()
	w.GitHub.Install("acme")
	s := &stage{World: w, t: t, repo: repo, logs: log}
	s.base = repo.Commit("main", "", "base", map[string]string{"a.txt": "a\n"})
	s.open("change", map[string]string{"a.txt": "the content under review\n"})
	s.until("the scanner was started", func() bool { _, err := os.Stat(started); return err == nil })
	holds := func() (files []string) {
		_ = filepath.WalkDir(filepath.Join(w.Settings.DataDir, "tmp"), func(path string, _ os.DirEntry, _ error) error {
			if text, err := os.ReadFile(path); err == nil && strings.Contains(string(text), "the content under review") {
				files = append(files, path)
			}
			return nil
		})
		return files
	}
	before := holds()
	if len(before) == 0 {
		t.Fatal("the content is not where it is looked for, so this shows nothing")
	}
	p.kill()
	p = start(t, w, addr, log)
	for _, file := range before {
		if _, err := os.Stat(file); err == nil {
			t.Errorf("left is %s", file)
		}
	}
	if said, err := os.ReadFile(started); err != nil || !strings.HasPrefix(string(said), filepath.Join(w.Settings.DataDir, "tmp")) {
		t.Errorf("it worked in %s, %v", said, err)
	}
}

// TestDrain asks the program to stop while it reviews: it stops by itself, and the next process finishes what it did
// not.
func TestDrain(t *testing.T) {
	t.Parallel()
	s, p, again := apart(t)
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("the program ends with %v:\n%s", err, s.logs)
	}
	p = again()
	defer func() { p.kill() }()
	s.want(n, "neutral", "a.py:2 open")
}

// TestDrainDuringALargeChange asks the program to stop while it reviews a change of so many lines that the
// review goes on for seconds: before the scan, during it and after it. It ends in order, with the exit
// code 0, and the next one does all of the review again.
func TestDrainDuringALargeChange(t *testing.T) {
	t.Parallel()
	s, p, again := apart(t)
	defer func() { p.kill() }()
	n := s.open("change", map[string]string{"a.py": strings.Repeat("f(x)  # nosec B102, token\n", manyLines) + leak(1)})
	for i := range 3 {
		time.Sleep(time.Duration(i) * time.Second)
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Wait(); err != nil {
			t.Fatalf("asked to stop for the %d. time, the program ends with %v:\n%s", i+1, err, s.logs)
		}
		p = again()
	}
	s.want(n, "neutral", manyShown)
}
