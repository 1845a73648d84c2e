package queue

import (
	"maps"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/fair"
)

// A bell wakes all who wait for it. The zero value is ready.
type bell struct {
	mu   sync.Mutex
	rung chan struct{}
}

// next gives a channel that is closed by the next ring.
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
	finished map[int64]time.Time // those that may still be running ones in the database
	left     map[int64]bool      // those that this process has left running in the database, and lives
}

// add adds a job until remove is called. The same one may be added twice: by the attempt that has
// lost it, and by the next one.
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

// leave notes that the worker of a job, which was added, has left it.
func (s *jobSet) leave(job int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == nil {
		s.left = map[int64]bool{}
	}
	s.left[job] = true
}

// wasLeft reports whether a worker of this process was the last that had the job here, and left it.
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

// unfinished leaves out of the running jobs of the database those that this process has finished: River
// writes that down a little later.
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
