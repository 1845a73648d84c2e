package fair

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const (
	length   = 20 // steps that a review takes
	noisyOne = "noisy"
)

// A stream is a random history of quiet organisations that come one after another, and maybe of a noisy one beside them.
type stream struct {
	rng     *rand.Rand
	slots   int
	now     int
	claims  []Claim
	running map[Claim]int  // when each ends
	asked   map[int64]int  // when each claim came
	uses    map[string]Use // by installation
	shares  map[string]Use
	took    []int // how long each review of a quiet one took, from its claim to its end
}

func (s *stream) ask(share, installation string) {
	id := int64(len(s.asked))
	s.asked[id] = s.now
	s.claims = append(s.claims, Claim{id, share, installation})
}

// end ends what is done, and reports whether that is anything.
func (s *stream) end() (ended bool) {
	for c, end := range s.running {
		if end > s.now {
			continue
		}
		ended = true
		delete(s.running, c)
		if c.Installation != noisyOne {
			s.took = append(s.took, s.now-s.asked[c.ID])
		}
	}
	return ended
}

func (s *stream) choose() {
	at := time.Unix(0, 0).Add(time.Duration(s.now) * time.Second / length) // a review takes a second
	v := View{Claims: s.claims, Running: slices.Collect(maps.Keys(s.running)), Slots: s.slots, Shares: map[string]float64{}, Installations: map[string]float64{}}
	for name, use := range s.shares {
		v.Shares[name] = use.Left(at)
	}
	for name, use := range s.uses {
		v.Installations[name] = use.Left(at)
	}
	for _, c := range Choose(v, s.slots-len(s.running)) {
		s.claims = slices.DeleteFunc(s.claims, func(other Claim) bool { return other.ID == c.ID })
		s.running[c] = s.now + length
		s.shares[c.Share] = s.shares[c.Share].Again(at)
		s.uses[c.Installation] = s.uses[c.Installation].Again(at)
	}
}

// arrive lets 20 quiet organisations ask for ten reviews each, at random steps, so that alone they use half of the slots.
// With noisy, another organisation always asks for more than there are slots, in ten repositories.
func arrive(seed uint64, slots int, noisy bool) (took []int) {
	s := &stream{
		rng: rand.New(rand.NewPCG(seed, 15)), slots: slots, running: map[Claim]int{}, asked: map[int64]int{}, uses: map[string]Use{}, shares: map[string]Use{},
	}
	const quiet, each = 20, 10
	next, arrived := 0.0, 0
	for ; len(s.took) < quiet*each; s.now++ {
		news := s.end()
		for ; next <= float64(s.now) && arrived < quiet*each; next += s.rng.ExpFloat64() * 2 * length / float64(slots) {
			name := fmt.Sprint("quiet ", arrived%quiet)
			s.ask(name, name)
			arrived++
			news = true
		}
		for i := 0; noisy && len(s.claims) < 2*slots; i++ {
			s.ask(fmt.Sprint("repository ", (s.now+i)%10), noisyOne)
		}
		if news {
			s.choose()
		}
	}
	return s.took
}

// TestQuietOnesComeLater has quiet organisations that come one after another, while a noisy one always asks. A running
// review is not stopped, so a quiet one may have to wait for the end of one. The median of their times to the end is at
// most 1.5 of what it is alone, and the 95th percentile is at most one review of the noisy one more.
func TestQuietOnesComeLater(t *testing.T) {
	t.Parallel()
	for _, slots := range []int{3, 4, 6, 12} {
		var alone, beside []int
		for seed := range uint64(*rounds) {
			alone = append(alone, arrive(seed, slots, false)...)
			beside = append(beside, arrive(seed, slots, true)...)
		}
		slices.Sort(alone)
		slices.Sort(beside)
		n := len(alone)
		p50, p95 := float64(beside[n/2])/float64(alone[n/2]), float64(beside[n*95/100])/float64(alone[n*95/100])
		t.Logf("%d slots: beside/alone is %.2f at the median and %.2f at the 95th percentile", slots, p50, p95)
		if p50 > 1.5 || beside[n*95/100] > alone[n*95/100]+length {
			t.Errorf("%d slots: a quiet one takes %d, 95th percentile %d; alone %d and %d", slots, beside[n/2], beside[n*95/100], alone[n/2], alone[n*95/100])
		}
	}
}
