package app_test

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	replicaKills = flag.Int("replicakills", 1, "how often to kill a replica in TestReplicasKilled, on each database")
	replicaRoles = flag.String("replicaroles", "all,all,all", "roles of the replicas in TestReplicasKilled")
	replicaPause = flag.Duration("replicapause", 5*time.Second, "longest pause between two kills in TestReplicasKilled")
	people       = flag.Int("people", 3, "people who open pull requests at the same time in the tests of several replicas")
)

// engines runs a test on each database that replicas can share.
func engines(t *testing.T, run func(t *testing.T, engine string)) {
	t.Parallel()
	for _, engine := range []string{onSQLite, onPostgres} {
		t.Run(engine, func(t *testing.T) { run(t, engine) })
	}
}

// TestReplicasKilled kills replicas at random moments and starts them again, also while they start, under a stream of
// pull requests. Each pull request ends as it does without a kill, with one verdict and each thread once, and each
// delivery that was accepted is recorded.
func TestReplicasKilled(t *testing.T) {
	engines(t, func(t *testing.T, engine string) {
		began := time.Now()
		f := newFleet(t, databaseOn(t, engine), strings.Split(*replicaRoles, ",")...)
		c := newCrowd(f, 6)
		want := c.reference()
		sender := startSender(f.GitHub)
		c.forgetWaits()
		c.start(*people)
		killed := make([]int, len(f.replicas))
		for range *replicaKills {
			time.Sleep(rand.N(*replicaPause))
			i := rand.IntN(len(f.replicas))
			f.replicas[i].process.kill()
			f.replicas[i].launch(t)
			killed[i]++
		}
		c.finish()
		again := sender.close(t)
		c.account(want)
		longest, waits := c.longestWait()
		t.Logf("%s: %d kills (%v of each replica) in %v: %d pull requests, %d heads waited for, %d reviews taken over from dead workers, %d redeliveries, longest wait %v",
			engine, *replicaKills, killed, time.Since(began).Round(time.Second), len(c.changes), waits,
			f.logged("a worker died, its job was put back"), again, longest.Round(time.Millisecond))
		if *replicaKills >= 30 && f.logged("a worker died, its job was put back") == 0 {
			t.Error("no kill met a review, so this shows nothing")
		}
	})
}
