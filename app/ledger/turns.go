package ledger

import (
	"context"
	"slices"
	"sync"
)

// turns lets writers begin transactions one after the other: urgent ones usually first, and otherwise in order of
// arrival. The pool of database/sql serves waiters in no order, so some of them could wait for long. The zero
// value is ready.
type turns struct {
	mu      sync.Mutex
	taken   bool
	inRow   int // urgent turns since the last other one
	urgent  []chan struct{}
	waiting []chan struct{}
}

// mostInRow is how many urgent turns may come before one of the others, because deliveries may never stop coming.
const mostInRow = 4

// take waits for a turn and returns nil once the caller has it; the caller must then call give. It returns an
// error if ctx is done first.
func (t *turns) take(ctx context.Context, urgent bool) error {
	t.mu.Lock()
	if !t.taken {
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	mine, queue := make(chan struct{}), &t.waiting
	if urgent {
		queue = &t.urgent
	}
	*queue = append(*queue, mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(*queue, mine)
	if i >= 0 {
		*queue = slices.Delete(*queue, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // the turn came at the same moment
		t.give()
	}
	return context.Cause(ctx)
}

// give ends the turn.
func (t *turns) give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	queue := &t.urgent
	if len(t.urgent) == 0 || t.inRow >= mostInRow && len(t.waiting) > 0 {
		queue = &t.waiting
		t.inRow = 0
	} else {
		t.inRow++
	}
	if len(*queue) == 0 {
		t.taken = false
		return
	}
	close((*queue)[0])
	*queue = slices.Delete(*queue, 0, 1)
}
