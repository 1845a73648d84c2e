package ledger

import (
	"context"
	"slices"
	"sync"
)

// turns lets one writer after the other begin a transaction: most of the urgent ones first, and of the
// same kind who came first. The pool of database/sql serves waiters in no order, so some of them could
// wait for long. The zero value is ready.
type turns struct {
	mu      sync.Mutex
	taken   bool
	inRow   int // urgent ones since one of the others had its turn
	urgent  []chan struct{}
	waiting []chan struct{}
}

// mostInRow is how many urgent ones go before one of the others: deliveries may come without an end.
const mostInRow = 4

// take waits for the turn, or for the end of ctx, which is an error. Who has it gives it back.
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
	if i < 0 { // it came in the same moment
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
