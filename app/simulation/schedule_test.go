package simulation

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A schedule is a whole history, decided before it begins.
type schedule struct {
	setup int // see the constants below
	steps []step
}

// Bits of the set-up of a world.
const (
	blocking   = 1 << iota // the policy of the base blocks secrets
	echoes                 // GitHub delivers events about what the App writes
	subscribed             // the App gets the event repository
)

// A step is one thing that happens in a history: something that a person does, or a fault.
type step struct {
	after int // how many requests to GitHub after the step before it; whenQuiet: when the App has nothing left to do
	kind  string
	a, b  int // what they mean depends on the kind
}

const whenQuiet = -1

func (s step) String() string { return fmt.Sprintf("%d %s %d %d", s.after, s.kind, s.a, s.b) }

// String writes a schedule as [parse] reads it.
func (s schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "setup %d\n", s.setup)
	for _, one := range s.steps {
		fmt.Fprintln(&b, one)
	}
	return b.String()
}

func parse(text string) (s schedule, err error) {
	for i, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if i == 0 {
			_, err = fmt.Sscanf(line, "setup %d", &s.setup)
		} else {
			var one step
			_, err = fmt.Sscanf(line, "%d %s %d %d", &one.after, &one.kind, &one.a, &one.b)
			s.steps = append(s.steps, one)
			if err == nil && kindOf(one.kind) == nil {
				err = fmt.Errorf("no kind %s", one.kind)
			}
		}
		if err != nil {
			return s, fmt.Errorf("line %d of the schedule: %q: %w", i+1, line, err)
		}
	}
	return s, nil
}

// plan makes the schedule of a seed: a few rounds, each of a person who does something, and of faults around it.
func plan(seed uint64) schedule {
	rng := rand.New(rand.NewPCG(seed, 14))
	s := schedule{setup: rng.IntN(blocking | echoes | subscribed + 1)}
	add := func(of role, after int) {
		one := step{kind: choose(rng, of), a: rng.IntN(1 << 20), b: rng.IntN(1 << 20), after: after}
		if of == person {
			one.a %= pullsAtMost
		}
		s.steps = append(s.steps, one)
	}
	for range 2 + rng.IntN(3) {
		for range rng.IntN(3) {
			add(ordered, 0)
		}
		add(person, []int{whenQuiet, whenQuiet, 0, rng.IntN(requestsOfReview)}[rng.IntN(4)])
		for range 1 + rng.IntN(2) {
			add([]role{ordered, sudden, sudden, sudden}[rng.IntN(4)], rng.IntN(requestsOfReview))
		}
	}
	return s
}

// requestsOfReview is about how many requests to GitHub a review makes.
const requestsOfReview = 20

func choose(rng *rand.Rand, of role) string {
	var list []string
	for _, k := range kinds {
		for range k.weight {
			if k.role == of {
				list = append(list, k.name)
			}
		}
	}
	return list[rng.IntN(len(list))]
}

// shorten leaves out what a failure does not need, by delta debugging, in at most so many tries.
func shorten(s schedule, tries int, fails func(schedule) bool) schedule {
	for size := max(1, len(s.steps)/2); size > 0; {
		shorter := false
		for at := 0; at < len(s.steps); {
			if tries--; tries < 0 {
				return s
			}
			less := schedule{setup: s.setup}
			less.steps = append(append(less.steps, s.steps[:at]...), s.steps[min(at+size, len(s.steps)):]...)
			if fails(less) {
				s, shorter = less, true
			} else {
				at += size
			}
		}
		if !shorter {
			size /= 2
		}
	}
	return s
}
