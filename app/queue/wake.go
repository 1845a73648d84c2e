package queue

import (
	"maps"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/fair"
)

// A bell wakes all goroutines that wait for it. The zero value is ready.
type bell struct {
	mu   sync.Mutex
	rung chan struct{}
}

// next returns a channel that the next ring closes.
func (b *bell) next() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung == nil {
		b.rung = make(chan struct{})
	}
	return b.rung
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung != nil {
		close(b.rung)
		b.rung = nil
	}
}

// A jobSet holds the jobs that this process works on. The zero value is empty.
type jobSet struct {
	mu       sync.Mutex
	jobs     map[int64]int
	finished map[int64]time.Time // jobs that the database may still show as running
	left     map[int64]bool      // jobs that this live process left marked as running in the database
}

// add adds a job until remove is called. The same job may be added twice: by the attempt that has lost it, and by
// the next one.
func (s *jobSet) add(job int64) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs == nil {
		s.jobs, s.finished = map[int64]int{}, map[int64]time.Time{}
	}
	s.jobs[job]++
	delete(s.finished, job)
	delete(s.left, job)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.jobs[job]--; s.jobs[job] == 0 {
			delete(s.jobs, job)
			s.finished[job] = time.Now()
		}
	}
}

// leave records that the worker of a job in the set has left it.
func (s *jobSet) leave(job int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == nil {
		s.left = map[int64]bool{}
	}
	s.left[job] = true
}

// wasLeft reports whether the last worker of the job in this process left it.
func (s *jobSet) wasLeft(job int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left[job]
}

func (s *jobSet) has(job int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[job] > 0
}

// unfinished filters the jobs that are running according to the database: it omits those that this process has
// finished, because River records that a little later.
func (s *jobSet) unfinished(running []fair.Claim) (list []fair.Claim) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.finished, func(_ int64, at time.Time) bool { return time.Since(at) > time.Minute })
	for _, claim := range running {
		if _, ok := s.finished[claim.ID]; !ok {
			list = append(list, claim)
		}
	}
	return list
}
