package conversation

import "sync"

// A turns lets one comment of each pull request be executed at a time, so that two people who decide at once both read
// what the other one did. The zero value is ready. It orders the answers of one process; what counts in the end is the
// order of the ledger, see package decision.
type turns struct {
	mu    sync.Mutex
	taken map[string]bool // guarded by mu
}

// take reports whether the turn was free, and takes it.
func (t *turns) take(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.taken[key] {
		return false
	}
	if t.taken == nil {
		t.taken = map[string]bool{}
	}
	t.taken[key] = true
	return true
}

// give ends a turn.
func (t *turns) give(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.taken, key)
}
