package app_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

var (
	noisyPulls = flag.Int("noisy", 300, "pull requests of the noisy one in a round of BenchmarkQuiet…")
	apartBy    = flag.Duration("apart", time.Second, "mean time between two pull requests of the quiet ones in BenchmarkQuiet…; 0 for all at once")
	perReplica = flag.Int("quietworkers", 2, "workers of each replica in BenchmarkQuietOrganisations")
	pace       = flag.Duration("pace", 0, "pause between two writes to GitHub in BenchmarkQuietRepositories")
)

// BenchmarkQuietOrganisations measures how long the pull requests of 20 organisations wait for their verdicts on three
// replicas with two workers each (-quietworkers): alone, and beside one organisation with hundreds of pull requests in ten
// repositories. [neighbours.compare] says how. With the scanners that are built in ("computing"), the reviews of all
// replicas share the cores of this machine with each other and with the stand-in for GitHub. With one scanner that waits
// for two seconds ("waiting"), they share the workers and the database only, as on three machines.
func BenchmarkQuietOrganisations(b *testing.B) {
	const replicas = 3
	for _, engine := range benchmarked {
		for _, scanner := range []string{"computing", "waiting"} {
			b.Run(engine+"/"+scanner, func(b *testing.B) {
				f := fleetWith(b, databaseOn(b, engine), func(s *app.Settings) {
					s.Workers = fmt.Sprint(*perReplica)
					if scanner == "waiting" {
						waitingScanner(b, s, 2*time.Second)
					}
				})
				n := &neighbours{World: f.World, slots: replicas * *perReplica}
				for i := range 20 {
					n.quiet = append(n.quiet, n.shop(fmt.Sprint("quiet", i), "shop"))
				}
				for i := range 10 {
					n.noisy = append(n.noisy, n.shop("noisy", fmt.Sprint("shop", i)))
				}
				// Each replica has mirrors of its own. One after another gets all of them, before the replicas share the work.
				for i := range replicas {
					f.join("all")
					n.warm(b)
					if err := f.replicas[i].terminate(); err != nil {
						b.Fatal(err)
					}
				}
				for _, r := range f.replicas {
					r.launch(b)
					r.process.ready()
				}
				for range replicas {
					n.warm(b)
				}
				n.compare(b)
			})
		}
	}
}

// BenchmarkQuietRepositories measures the same for 19 repositories of one organisation beside a busy one, on one process
// with four workers.
func BenchmarkQuietRepositories(b *testing.B) {
	w, err := demo.NewWorld(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.GitHub.Close)
	w.Settings.Workers, w.Settings.Database, w.WritePace = "4", databaseOn(b, onSQLite), *pace
	if err := w.Start(context.Background(), zerolog.New(io.Discard)); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := w.Stop(); err != nil {
			b.Error("stop:", err)
		}
	})
	n := &neighbours{World: w, slots: 4}
	n.noisy = []shop{n.shop("acme", "busy")}
	for i := range 19 {
		n.quiet = append(n.quiet, n.shop("acme", fmt.Sprint("quiet", i)))
	}
	n.warm(b)
	n.compare(b)
}

// neighbours are a noisy party and its quiet neighbours, each with one or more repositories.
type neighbours struct {
	*demo.World
	slots        int // reviews at one time
	quiet, noisy []shop
	made         int // changes so far
}

// A shop is a repository with one commit.
type shop struct {
	owner, name string
	repo        *fakegithub.Repo
	base        string
}

// shop makes a repository, and its organisation with the first one.
func (n *neighbours) shop(owner, name string) shop {
	first := !slices.ContainsFunc(slices.Concat(n.quiet, n.noisy), func(s shop) bool { return s.owner == owner })
	if first {
		n.GitHub.CreateOrg(owner)
	}
	s := shop{owner: owner, name: name, repo: n.GitHub.CreateRepo(owner, name, true)}
	s.base = s.repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n", "b.txt": "b\n"})
	if first {
		n.GitHub.Install(owner)
	}
	return s
}

// An offer is a branch that open makes a pull request of.
type offer struct {
	shop
	head   string
	open   func() (number int)
	number int // of the pull request of the noisy one, once it is open
}

// propose makes a branch with a finding that is in no other one.
func (n *neighbours) propose(s shop, file string) offer {
	n.made++
	branch := fmt.Sprint("change", n.made)
	head := s.repo.Commit(branch, s.base, branch, map[string]string{file: "a = 1\n" + leak(n.made)})
	return offer{shop: s, head: head, open: func() int { return s.repo.OpenPull("Change", "", "main", branch, "mona", false) }}
}

// wait opens the pull request, and returns how long its verdict takes.
func (n *neighbours) wait(b *testing.B, p offer) time.Duration {
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
	defer cancel()
	began := time.Now()
	if _, err := n.Verdict(ctx, p.owner, p.name, p.open()); err != nil {
		b.Error(err)
	}
	return time.Since(began)
}

// warm reviews a pull request in each repository, all at once and without the scanner that waits.
func (n *neighbours) warm(b *testing.B) {
	var all sync.WaitGroup
	for _, s := range slices.Concat(n.quiet, n.noisy) {
		p := n.propose(s, "b.txt")
		all.Go(func() { n.wait(b, p) })
	}
	all.Wait()
	allReviewed(b, n.World)
}

// A round is what one round of a comparison measured.
type round struct {
	waits []time.Duration // of the quiet ones
	took  time.Duration   // from the first pull request of a quiet one to the last verdict
	cores float64         // share of the machine's cores that was busy meanwhile, by whatever
	left  int             // pull requests of the noisy one without a verdict then
}

// compare makes four rounds for each iteration of the benchmark: alone, beside, beside, alone. So whatever changes in the
// course of time changes both. The repositories, the arrivals (random, the same in all four rounds) and the changes of
// the quiet ones are alike in each round, all mirrors exist before, and each round begins when nothing waits. The only
// difference is the noisy one, which has opened half of its pull requests before the first quiet one comes, and opens the
// others meanwhile.
//
// It reports the median and the 95th percentile of both, and their ratios. They say something only as long as the quiet
// ones leave room: alone-cores-% is the share of the machine's cores that is busy while they are alone, and alone-slots-%
// the share of the workers that their times to verdict would fill, waits included. Both should be below 50. The benchmark
// fails if the noisy one has nothing left to review at the end of a round.
func (n *neighbours) compare(b *testing.B) {
	var alone, beside []round
	for i := uint64(0); b.Loop(); i++ {
		for _, noise := range []int{0, *noisyPulls, *noisyPulls, 0} {
			r := n.round(b, rand.New(rand.NewPCG(i, 14)), noise)
			if noise == 0 {
				alone = append(alone, r)
			} else {
				beside = append(beside, r)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, at := range []struct {
		name  string
		share int
	}{{"p50", 50}, {"p95", 95}} {
		a, z := percentile(alone, at.share), percentile(beside, at.share)
		b.ReportMetric(a.Seconds(), "alone-"+at.name+"-s")
		b.ReportMetric(z.Seconds(), "beside-"+at.name+"-s")
		b.ReportMetric(z.Seconds()/a.Seconds(), at.name+"-ratio")
	}
	b.ReportMetric(100*mean(alone, func(r round) float64 { return r.cores }), "alone-cores-%")
	b.ReportMetric(100*mean(beside, func(r round) float64 { return r.cores }), "beside-cores-%")
	b.ReportMetric(100*mean(alone, func(r round) float64 {
		var sum time.Duration
		for _, w := range r.waits {
			sum += w
		}
		return sum.Seconds() / r.took.Seconds() / float64(n.slots)
	}), "alone-slots-%")
	b.ReportMetric(mean(beside, func(r round) float64 { return float64(r.left) }), "noisy-left")
}

// round opens one pull request of each quiet party, beside so many of the noisy one, and waits for the verdicts of the
// quiet ones. Then it closes what is left of the noisy one.
func (n *neighbours) round(b *testing.B, rng *rand.Rand, noise int) (r round) {
	b.Helper()
	var quiet, noisy []offer
	for _, s := range n.quiet {
		quiet = append(quiet, n.propose(s, "a.py"))
	}
	for i := range noise {
		noisy = append(noisy, n.propose(n.noisy[i%len(n.noisy)], "a.py"))
	}
	for i := range noise / 2 {
		noisy[i].number = noisy[i].open()
	}

	began, busy := time.Now(), coresBusy(b)
	stop := make(chan struct{})
	var noises, all sync.WaitGroup
	noises.Go(func() {
		for i := noise / 2; i < noise; i++ {
			noisy[i].number = noisy[i].open()
			select {
			case <-stop:
				return
			case <-time.After(*apartBy * time.Duration(len(quiet)) / time.Duration(noise)):
			}
		}
	})
	r.waits = make([]time.Duration, len(quiet))
	for i, p := range quiet {
		time.Sleep(time.Duration(rng.ExpFloat64() * float64(*apartBy)))
		all.Go(func() { r.waits[i] = n.wait(b, p) })
	}
	all.Wait()
	r.took, r.cores = time.Since(began), busy()
	close(stop)
	noises.Wait()
	for _, p := range noisy {
		if p.number > 0 && !hasVerdict(p) {
			r.left++
			n.GitHub.ClosePull(p.owner, p.name, p.number, "mona", false)
		}
	}
	if noise > 0 && r.left == 0 {
		b.Errorf("the noisy one had all its verdicts before the quiet ones: set -noisy above %d", noise)
	}
	allReviewed(b, n.World)
	return r
}

func hasVerdict(p offer) bool {
	return slices.ContainsFunc(p.repo.CheckRuns(p.head), func(run fakegithub.CheckRun) bool {
		return run.Name == checks.Name && run.Status == "completed"
	})
}

func percentile(rounds []round, share int) time.Duration {
	var all []time.Duration
	for _, r := range rounds {
		all = append(all, r.waits...)
	}
	slices.Sort(all)
	return all[len(all)*share/100]
}

func mean(rounds []round, of func(round) float64) (m float64) {
	for _, r := range rounds {
		m += of(r) / float64(len(rounds))
	}
	return m
}

// coresBusy begins to measure. The function it returns gives the share of the machine's cores that was busy since then.
func coresBusy(b *testing.B) func() float64 {
	b.Helper()
	idle, all := coreTimes(b)
	return func() float64 {
		idleNow, allNow := coreTimes(b)
		return 1 - (idleNow-idle)/(allNow-all)
	}
}

// coreTimes returns how long all cores together had nothing to do, and how long the machine runs, in the same unit.
func coreTimes(b *testing.B) (idle, all float64) {
	b.Helper()
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		b.Skip(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	for i, field := range strings.Fields(first)[1:9] { // man 5 proc_stat: user, nice, system, idle, iowait, irq, softirq, steal
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			b.Fatal(err)
		}
		all += n
		if i == 3 || i == 4 {
			idle += n
		}
	}
	return idle, all
}
