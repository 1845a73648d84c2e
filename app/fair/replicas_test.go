package fair

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

var rounds = flag.Int("rounds", 15, "random histories of replicas that choose")

// A history is a random one of several replicas that choose from the same claims. Time is counted in steps; in each
// step one replica views, or begins what it chose in an older view, or a claim is done.
type history struct {
	rng      *rand.Rand
	slots    []int // of each replica
	total    int
	stale    bool // a replica may choose by a view that is older than the last choices of others
	claims   []Claim
	running  []Claim
	of       map[int64]int // the replica that runs a claim
	used     map[string]float64
	usedBy   map[string]float64 // by installation
	begun    map[string]int     // how many of each share were begun
	waitedBy map[string]map[string]int
	views    map[int]View // by replica
	next     int64
	maximum  map[string]int // running at one time, by share and by installation
}

func newHistory(seed uint64, stale bool) *history {
	rng := rand.New(rand.NewPCG(seed, 14))
	h := &history{
		rng: rng, stale: stale, of: map[int64]int{}, used: map[string]float64{}, usedBy: map[string]float64{}, begun: map[string]int{},
		waitedBy: map[string]map[string]int{}, views: map[int]View{}, maximum: map[string]int{},
	}
	for range 1 + rng.IntN(4) {
		h.slots = append(h.slots, 1+rng.IntN(6))
	}
	for _, n := range h.slots {
		h.total += n
	}
	return h
}

// ask adds a claim of a share.
func (h *history) ask(share, installation string) {
	h.next++
	h.claims = append(h.claims, Claim{h.next, share, installation})
}

func (h *history) view() View {
	v := View{
		Claims: slices.Clone(h.claims), Running: slices.Clone(h.running), Slots: h.total,
		Shares: map[string]float64{}, Installations: map[string]float64{},
	}
	for name, use := range h.used {
		v.Shares[name] = use
	}
	for name, use := range h.usedBy {
		v.Installations[name] = use
	}
	return v
}

// free returns how many slots of a replica are free.
func (h *history) free(replica int) int {
	n := h.slots[replica]
	for _, claim := range h.running {
		if h.of[claim.ID] == replica {
			n--
		}
	}
	return n
}

// act lets a replica do the next thing.
func (h *history) act(replica int) {
	view, has := h.views[replica]
	if h.stale && !has {
		h.views[replica] = h.view()
		return
	}
	if !h.stale {
		view = h.view()
	}
	delete(h.views, replica)
	for _, claim := range Choose(view, h.free(replica)) {
		at := slices.IndexFunc(h.claims, func(c Claim) bool { return c.ID == claim.ID })
		if at < 0 {
			continue // another replica was faster
		}
		h.claims = slices.Delete(h.claims, at, at+1)
		h.running = append(h.running, claim)
		h.of[claim.ID] = replica
		h.used[claim.Share]++
		h.usedBy[claim.Installation]++
		h.begun[claim.Share]++
		delete(h.waitedBy, claim.Share)
		for _, other := range h.claims {
			if other.Share != claim.Share && h.waitedBy[other.Share] == nil {
				h.waitedBy[other.Share] = map[string]int{}
			}
		}
		for share, by := range h.waitedBy {
			if share != claim.Share {
				by[claim.Share]++
			}
		}
	}
	for name, n := range h.counts() {
		h.maximum[name] = max(h.maximum[name], n)
	}
}

// counts returns how many claims are running of each share and of each installation.
func (h *history) counts() map[string]int {
	n := map[string]int{}
	for _, claim := range h.running {
		n[claim.Share]++
		n[of(claim.Installation)]++
	}
	return n
}

// end ends a random claim that is running, if any.
func (h *history) end() (ended Claim, ok bool) {
	if len(h.running) == 0 {
		return Claim{}, false
	}
	i := h.rng.IntN(len(h.running))
	ended = h.running[i]
	h.running = slices.Delete(h.running, i, i+1)
	return ended, true
}

// TestSharesOfReplicas has several repositories of one installation that always ask. Each of them gets its share of all
// slots, whatever replica chooses, and none is begun much more often than its share. A replica with an old view may exceed
// that by what others have begun since.
func TestSharesOfReplicas(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*rounds) {
		for _, stale := range []bool{false, true} {
			h := newHistory(seed, stale)
			k := 2 + h.rng.IntN(6)
			shares := make([]string, k)
			for i := range shares {
				shares[i] = fmt.Sprint("repository ", i)
				for range 2 * h.total {
					h.ask(shares[i], "a")
				}
			}
			slack := 1
			if stale {
				slack += h.total // what other replicas began since a view
			}
			for step := range 600 {
				if ended, ok := h.end(); ok && h.rng.IntN(3) == 0 {
					h.ask(ended.Share, "a")
				} else if ok {
					h.running = append(h.running, ended)
				}
				h.act(h.rng.IntN(len(h.slots)))
				if !stale { // all replicas use what is free
					for replica := range h.slots {
						h.act(replica)
					}
				}
				if n := h.counts(); n[of("a")] == h.total {
					least, most := h.total, 0
					for _, s := range shares {
						least, most = min(least, n[s]), max(most, n[s])
					}
					if most-least > slack || most > Most(h.total) && !stale {
						t.Fatalf("seed %d, stale %v, step %d: of %d slots the shares have %v", seed, stale, step, h.total, n)
					}
				}
			}
		}
	}
}

// TestNobodyStarves has busy repositories of one installation, which always ask for more than there are slots, and quiet
// ones of others, which ask now and then for one review at a time. Until a quiet one is served, each other share is begun
// once at most, or once more for each replica with an old view.
func TestNobodyStarves(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*rounds) {
		for _, stale := range []bool{false, true} {
			h := newHistory(seed, stale)
			busy := 1 + h.rng.IntN(5)
			for i := range busy {
				for range 2 * h.total {
					h.ask(fmt.Sprint("busy ", i), "noisy")
				}
			}
			quiet := 0
			most := 1
			if stale {
				most += h.total
			}
			for step := range 800 {
				if ended, ok := h.end(); ok && ended.Installation == "noisy" {
					h.ask(ended.Share, "noisy")
				}
				if h.rng.IntN(8) == 0 {
					name := fmt.Sprint("quiet ", quiet)
					h.ask(name, name)
					h.waitedBy[name] = map[string]int{}
					quiet++
				}
				h.act(h.rng.IntN(len(h.slots)))
				for share, by := range h.waitedBy {
					for other, n := range by {
						if share[0] == 'q' && n > most {
							t.Fatalf("seed %d, stale %v, step %d: while %s waited, %s was begun %d times", seed, stale, step, share, other, n)
						}
					}
				}
			}
			for name, n := range h.maximum {
				if quiet > 0 && !stale && n > Most(h.total) && name != of("noisy") {
					t.Errorf("seed %d: %s had %d of %d slots", seed, name, n, h.total)
				}
			}
			// In the end nobody waits.
			for range 4000 {
				if _, ok := h.end(); !ok && len(h.claims) == 0 {
					break
				}
				h.act(h.rng.IntN(len(h.slots)))
			}
			if len(h.claims) > 0 {
				t.Errorf("seed %d, stale %v: %d still wait", seed, stale, len(h.claims))
			}
		}
	}
}

// TestOneInstallationLeavesAQuarter has an installation of many repositories beside another one that is known.
func TestOneInstallationLeavesAQuarter(t *testing.T) {
	t.Parallel()
	for seed := range uint64(*rounds) {
		h := newHistory(seed, false)
		h.usedBy["other"] = 1
		for i := range 3 * h.total {
			h.ask(fmt.Sprint(i), "noisy")
		}
		for range 200 {
			if ended, ok := h.end(); ok {
				h.ask(ended.Share, "noisy")
			}
			for replica := range h.slots {
				h.act(replica)
			}
			n := h.counts()[of("noisy")]
			if n != MostBeside(h.total) {
				t.Fatalf("seed %d: %d of %d slots are used", seed, n, h.total)
			}
		}
	}
}
