package app_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/demo"
)

var (
	quota = flag.Int("quota", 0, "percent of a core that the program gets in TestFewCPU; 0 skips the test")
	files = flag.Int("files", 5001, "changed files in TestFewCPU")
	large = flag.Int("large", 0, "large pull requests at once in TestLargeAtOnce; 0 skips the test")
	idle  = flag.Duration("idle", 0, "how long TestIdle measures the program; 0 skips the test")
)

// TestFewCPU reviews a large pull request with a fraction of a core, as in a small container. The review completes, at
// its first attempt.
func TestFewCPU(t *testing.T) {
	if *quota == 0 {
		t.Skip("takes minutes: -quota=15")
	}
	w, repo, addr, log := world(t)
	p := start(t, w, addr, log)
	defer func() { p.kill() }()
	limitCPU(t, p.cmd.Process.Pid, *quota)
	w.GitHub.Install("acme")
	was, is := map[string]string{}, map[string]string{}
	for i := range *files {
		name, text := sourceFile(i)
		was[name], is[name] = text, strings.ReplaceAll(text, "one", "two")
	}
	base := repo.Commit("main", "", "base", was)
	s := &stage{World: w, t: t, repo: repo, base: base, logs: log}
	began := time.Now()
	n := s.open("large", is)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	run, err := w.Verdict(ctx, "acme", "shop", n)
	t.Logf("%d files with %d %% of a core: %s %q after %v; attempts %d, leases lost %d", *files, *quota, run.Conclusion, run.Title,
		time.Since(began).Round(time.Second), 1+strings.Count(log.String(), "review left to another worker"), strings.Count(log.String(), "another worker has taken the job"))
	if err != nil {
		t.Fatalf("%v\n%.6000s", err, log)
	}
	if lost := strings.Count(log.String(), "left to others"); lost > 0 {
		t.Errorf("the review was thrown away %d times", lost)
	}
}

// TestLargeAtOnce reviews several pull requests of many files at once. Deliveries are answered meanwhile,
// and no review is thrown away.
func TestLargeAtOnce(t *testing.T) {
	if *large == 0 {
		t.Skip("takes minutes: -large=4 -files=9900")
	}
	w, err := demo.NewWorld(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.GitHub.Close)
	w.Settings.Workers = "4"
	addr, log := freeAddress(t), &safeBuffer{}
	w.GitHub.SetWebhookURL("http://" + addr + "/webhook")
	w.GitHub.CreateOrg("acme")
	repo := w.GitHub.CreateRepo("acme", "shop", true)
	other := w.GitHub.CreateRepo("acme", "other", true)
	p := start(t, w, addr, log)
	defer func() { p.kill() }()
	w.GitHub.Install("acme")
	was := map[string]string{}
	for i := range *files {
		name, text := sourceFile(i)
		was[name] = text
	}
	base := repo.Commit("main", "", "base", was)
	otherBase := other.Commit("main", "", "base", map[string]string{"a": "a\n"})
	for i := range *large {
		is := map[string]string{}
		for name, text := range was {
			is[name] = strings.ReplaceAll(text, "one", fmt.Sprint("two", i))
		}
		repo.Commit(fmt.Sprint("large", i), base, "large", is)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	began := time.Now()
	done := make(chan error)
	for i := range *large {
		n := repo.OpenPull("Change", "", "main", fmt.Sprint("large", i), "mona", false)
		go func() {
			_, err := w.Verdict(ctx, "acme", "shop", n)
			done <- err
		}()
	}
	var longest time.Duration
	deliveries := 0
	other.Commit("change", otherBase, "change", map[string]string{"a": "b\n"})
	n := other.OpenPull("Change", "", "main", "change", "mona", false)
	for left := *large; left > 0; {
		select {
		case err := <-done:
			left--
			if err != nil {
				t.Error(err)
			}
		case <-time.After(200 * time.Millisecond):
			other.Commit("change", "", fmt.Sprint(deliveries), map[string]string{"a": fmt.Sprint(deliveries)})
			asked := time.Now()
			other.SyncPull(n) // returns when the delivery was answered
			longest = max(longest, time.Since(asked))
			deliveries++
		}
	}
	lost := strings.Count(log.String(), "review left to another worker")
	t.Logf("%d pull requests of %d files took %v; the longest of %d deliveries took %v; thrown away: %d",
		*large, *files, time.Since(began).Round(time.Second), deliveries, longest.Round(time.Millisecond), lost)
	if lost > 0 {
		t.Errorf("reviews were thrown away %d times", lost)
	}
}

// TestIdle measures how much of a core the program uses while it has nothing to do.
func TestIdle(t *testing.T) {
	if *idle == 0 {
		t.Skip("takes a minute: -idle=60s")
	}
	w, err := demo.NewWorld(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.GitHub.Close)
	p := start(t, w, freeAddress(t), &safeBuffer{})
	defer p.kill()
	time.Sleep(5 * time.Second) // work at the start
	before := p.cpuTime()
	time.Sleep(*idle)
	t.Logf("idle takes %.2f %% of a core", 100*(p.cpuTime()-before).Seconds()/idle.Seconds())
}

// cpuTime returns the CPU time of the program so far. Who asks for it needs a machine with /proc.
func (p *process) cpuTime() time.Duration {
	p.t.Helper()
	used := cpuTime(p.t, strconv.Itoa(p.cmd.Process.Pid))
	if used == 0 {
		p.t.Fatal("/proc does not say how much CPU time the program has used")
	}
	return used
}

// cpuTime returns the CPU time that a process and all that it started have used so far, whether these still run or have
// ended. A child that ends while it is read may be missed.
func cpuTime(t testing.TB, pid string) (sum time.Duration) {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")       // a name may hold spaces
	for _, field := range strings.Fields(rest)[11:15] { // man 5 proc_pid_stat: utime, stime, cutime and cstime
		n, err := strconv.Atoi(field)
		if err != nil {
			t.Fatal(err)
		}
		const perSecond = 100
		sum += time.Duration(n) * time.Second / perSecond
	}
	threads, err := filepath.Glob("/proc/" + pid + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range threads {
		children, _ := os.ReadFile(name) // the thread may have ended
		for _, child := range strings.Fields(string(children)) {
			sum += cpuTime(t, child)
		}
	}
	return sum
}

// sourceFile makes a file of one of several languages, which several scanners read.
func sourceFile(i int) (name, text string) {
	kinds := []struct{ name, text string }{
		{"m.py", "import os\n\n\ndef f(x):\n    return \"one%d\" + x\n"},
		{"m.go", "package m\n\n// F is one.\nfunc F() int { return %d }\n"},
		{"main.tf", "resource \"null_resource\" \"one%d\" {}\n"},
		{"Dockerfile", "FROM scratch\nUSER 1000\nLABEL one=%d\n"},
		{"deploy.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one%d}\n"},
		{"m.js", "export const one = %d\n"},
	}
	kind := kinds[i%len(kinds)]
	return fmt.Sprintf("pkg%04d/%s", i, kind.name), fmt.Sprintf(kind.text, i)
}

// limitCPU limits the CPU of a process and its children, in percent of a core.
func limitCPU(t *testing.T, pid, percent int) {
	t.Helper()
	const period = 100_000
	var dir string
	var set map[string]string
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		dir, set = "/sys/fs/cgroup", map[string]string{"cpu.max": fmt.Sprintf("%d %d", percent*period/100, period)}
	} else {
		dir, set = "/sys/fs/cgroup/cpu", map[string]string{"cpu.cfs_period_us": strconv.Itoa(period), "cpu.cfs_quota_us": strconv.Itoa(percent * period / 100)}
	}
	dir = filepath.Join(dir, fmt.Sprintf("secbydesign-test-%d", pid))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("no cgroup can be made here: %v", err)
	}
	t.Cleanup(func() {
		for range 50 { // until its processes are gone
			if os.Remove(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	set["cgroup.procs"] = strconv.Itoa(pid)
	for _, name := range []string{"cpu.max", "cpu.cfs_period_us", "cpu.cfs_quota_us", "cgroup.procs"} {
		if value, ok := set[name]; ok {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(value), 0); err != nil {
				t.Skipf("%s cannot be set here: %v", name, err)
			}
		}
	}
}
