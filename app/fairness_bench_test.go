package app_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

var (
	noisyPulls = flag.Int("noisy", 200, "pull requests of the noisy organisation in BenchmarkQuietOrganisations")
	apartBy    = flag.Duration("apart", 0, "pause between two pull requests of quiet organisations in BenchmarkQuietOrganisations; 0 for all at once")
)

// BenchmarkQuietOrganisations measures how long the pull requests of 20 organisations wait for their verdicts on three
// processes with two workers each: alone, and after another organisation has opened hundreds in ten repositories. It
// reports the medians, their ratio, and how many of the noisy one's had no verdict yet when all quiet ones had theirs.
// What is alone is measured before and after, because the first run may be slower.
func BenchmarkQuietOrganisations(b *testing.B) {
	for b.Loop() {
		first, _ := quietOrganisations(b, 0)
		beside, left := quietOrganisations(b, *noisyPulls)
		last, _ := quietOrganisations(b, 0)
		alone := (first + last) / 2
		b.ReportMetric(float64(left), "noisy-left")
		b.ReportMetric(alone.Seconds(), "s-alone")
		b.ReportMetric(beside.Seconds(), "s-beside")
		b.ReportMetric(beside.Seconds()/alone.Seconds(), "beside/alone")
	}
}

// quietOrganisations returns the median time to verdict of the quiet ones beside so many pull requests of a noisy one, and
// how many of those had no verdict then.
func quietOrganisations(b *testing.B, noisy int) (median time.Duration, left int) {
	b.Helper()
	w, err := demo.NewWorld(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer w.GitHub.Close()
	w.Settings.Workers = "2"
	for i := range 3 {
		addr, end := startProcess(b, w.Settings)
		defer end()
		if i == 0 {
			w.GitHub.SetWebhookURL("http://" + addr + "/webhook")
		}
	}
	content := map[string]string{"a.py": "a = 1\n"}
	warmUp(b, w)
	w.GitHub.CreateOrg("noisy")
	var opens []func()
	var open []func() bool // whether a pull request of the noisy one has no verdict
	for i := range min(noisy, 10) {
		name := fmt.Sprint("repo", i)
		repo := w.GitHub.CreateRepo("noisy", name, true)
		base := repo.Commit("main", "", "base", content)
		for n := i; n < noisy; n += 10 {
			branch := fmt.Sprint("change", n)
			repo.Commit(branch, base, branch, map[string]string{"a.py": "a = 1\n" + leak(n+1)})
			head := repo.Tip(branch)
			opens = append(opens, func() { repo.OpenPull("Change", "", "main", branch, "mona", false) })
			open = append(open, func() bool {
				return !slices.ContainsFunc(w.GitHub.CheckRuns("noisy", name, head), func(run fakegithub.CheckRun) bool {
					return run.Name == checks.Name && run.Status == "completed"
				})
			})
		}
	}
	const quiet = 20
	took := make(chan time.Duration)
	for i := range quiet {
		org := fmt.Sprint("quiet", i)
		w.GitHub.CreateOrg(org)
		repo := w.GitHub.CreateRepo(org, "shop", true)
		base := repo.Commit("main", "", "base", content)
		repo.Commit("change", base, "change", map[string]string{"a.py": "a = 1\n" + leak(1000+i)})
		w.GitHub.Install(org)
		opens = append(opens, func() {
			time.Sleep(*apartBy)
			began := time.Now()
			n := repo.OpenPull("Change", "", "main", "change", "mona", false)
			go func() {
				wait, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
				defer cancel()
				if _, err := w.Verdict(wait, org, "shop", n); err != nil {
					b.Error(err)
				}
				took <- time.Since(began)
			}()
		})
	}
	w.GitHub.Install("noisy")
	for _, do := range opens {
		do()
	}
	var all []time.Duration
	for range quiet {
		all = append(all, <-took)
	}
	for _, isOpen := range open {
		if isOpen() {
			left++
		}
	}
	slices.Sort(all)
	return all[quiet/2], left
}

// warmUp has more pull requests reviewed than there are workers, so that the processes have prepared their scanners.
func warmUp(b *testing.B, w *demo.World) {
	b.Helper()
	w.GitHub.CreateOrg("warm")
	repo := w.GitHub.CreateRepo("warm", "shop", true)
	base := repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
	w.GitHub.Install("warm")
	var numbers []int
	for i := range 12 {
		branch := fmt.Sprint("change", i)
		repo.Commit(branch, base, branch, map[string]string{"a.py": "a = 1\n" + leak(2000+i)})
		numbers = append(numbers, repo.OpenPull("Change", "", "main", branch, "mona", false))
	}
	wait, cancel := context.WithTimeout(b.Context(), 5*time.Minute)
	defer cancel()
	for _, n := range numbers {
		if _, err := w.Verdict(wait, "warm", "shop", n); err != nil {
			b.Fatal(err)
		}
	}
}

// startProcess starts the program in a process of its own, and returns its address when it is ready.
func startProcess(b *testing.B, settings app.Settings) (addr string, end func()) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr = listener.Addr().String()
	if err := listener.Close(); err != nil {
		b.Fatal(err)
	}
	settings.Listen = addr
	raw, err := json.Marshal(settings)
	if err != nil {
		b.Fatal(err)
	}
	log := &safeBuffer{}
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "SECBYDESIGN_TEST_SETTINGS="+string(raw))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	end = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return addr, end
		}
	}
	end()
	b.Fatalf("the program does not get ready:\n%s", log)
	return "", nil
}
