package app_test

import (
	"flag"
	"net/http"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

var (
	rollingRounds = flag.Int("rollingrounds", 1, "how often each replica is stopped and started in TestRollingUpgrade")
	outage        = flag.Duration("outage", 3*time.Second, "how long Postgres is away in TestPostgresAway")
)

// TestRollingUpgrade stops each replica in turn as an upgrade does, under a stream of pull requests, and starts it again.
// Each one ends in order, no delivery fails, and nothing waits for a lease to expire: no worker counts as dead.
func TestRollingUpgrade(t *testing.T) {
	engines(t, func(t *testing.T, engine string) {
		f := newFleet(t, databaseOn(t, engine), "all", "all", "all")
		c := newCrowd(f, 6)
		want := c.reference()
		sender := startSender(f.GitHub)
		c.forgetWaits()
		c.start(*people)
		c.untilVerdicts(*people)
		usual, before := c.longestWait()
		c.forgetWaits()
		for range *rollingRounds {
			for i, r := range f.replicas {
				if err := r.terminate(); err != nil {
					t.Errorf("replica %d ends with %v", i, err)
				}
				r.launch(t)
				r.process.ready()
				_, verdicts := c.longestWait()
				c.untilVerdicts(verdicts + *people)
			}
		}
		longest, during := c.longestWait()
		c.finish()
		again := sender.close(t)
		c.account(want)
		t.Logf("%s: %d stops: the longest of %d waits is %v, and before the first stop of %d %v; %d redeliveries; attempts: %s",
			engine, *rollingRounds*len(f.replicas), during, longest.Round(time.Millisecond), before, usual.Round(time.Millisecond), again, answers(f.GitHub.Deliveries()))
		if n := f.logged("a worker died, its job was put back"); n > 0 {
			t.Errorf("%d reviews waited until their workers counted as dead", n)
		}
	})
}

// TestPostgresAway stops Postgres under a stream of pull requests. Meanwhile deliveries are answered 503, and afterwards
// everything goes on in the same processes: each pull request gets its one verdict.
func TestPostgresAway(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	f := newFleet(t, server.Database(t), "all", "all", "all")
	c := newCrowd(f, 6)
	want := c.reference()
	sender := startSender(f.GitHub)
	c.forgetWaits()
	c.start(*people)
	c.untilVerdicts(*people)
	server.Stop()
	time.Sleep(*outage)
	server.Start(t)
	back := time.Now()
	c.untilVerdicts(3 * *people)
	c.finish()
	again := sender.close(t)
	c.account(want)
	longest, _ := c.longestWait()
	refused := 0
	for _, d := range f.GitHub.Deliveries() {
		switch {
		case d.StatusCode == http.StatusServiceUnavailable:
			refused++
		case d.StatusCode/100 != 2:
			t.Errorf("delivery %s was answered %d %s", d.GUID, d.StatusCode, d.Err)
		}
	}
	t.Logf("Postgres was away for %v: %d pull requests, %d deliveries answered 503, %d redeliveries, longest wait %v, all done %v after it was back",
		*outage, len(c.changes), refused, again, longest.Round(time.Millisecond), time.Since(back).Round(time.Second))
	if refused == 0 {
		t.Error("no delivery met the outage, so this shows nothing")
	}
}
