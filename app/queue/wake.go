package queue

import "sync"

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

// A jobSet holds the ids of jobs. The zero value is empty.
type jobSet struct {
	mu   sync.Mutex
	jobs map[int64]int
}

// add adds a job until remove is called. The same one may be added twice: by the attempt that has
// lost it, and by the next one.
func (s *jobSet) add(job int64) (remove func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.jobs == nil {
		s.jobs = map[int64]int{}
	}
	s.jobs[job]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.jobs[job]--; s.jobs[job] == 0 {
			delete(s.jobs, job)
		}
	}
}

func (s *jobSet) has(job int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.jobs[job] > 0
}
