package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// sharedPatience is how long [Ledger.Shared] waits for the database. GitHub waits for 10 seconds,
	// and whoever sends deliveries again wants to know sooner that they have to.
	sharedPatience = 1500 * time.Millisecond

	// maxParts bounds one shared transaction: its parts wait for the last one.
	maxParts = 128
)

// ErrUnavailable is returned when the database cannot be written to just now: it is locked by another
// program, its disk is full or slow, or it is not the one that was opened any more.
var ErrUnavailable = errors.New("the database cannot be written to now")

// shared collects what [Ledger.Shared] is asked to do. The zero value is ready.
type shared struct {
	mu     sync.Mutex
	parts  []*part // that wait
	taking bool    // whether takeParts runs
	stuck  bool    // somebody waited in vain, and no transaction has begun since
	closed bool
	wait   sync.WaitGroup // for takeParts
}

// A part is what one caller wants of a shared transaction.
type part struct {
	ctx   context.Context // does not end
	do    func(ctx context.Context, tx *sql.Tx) error
	taken atomic.Bool // by the transaction, or by a caller that waits no longer
	done  chan error
}

// Shared is [Ledger.Tx] for what is short and comes in crowds: those that wait at the same time share a
// transaction, and so one write to the disk. It returns after the commit. When do returns an error, what
// it did is undone, and that of the others is not. It must not be cut by the end of ctx, so it gets a
// context of its own.
//
// It is [ErrUnavailable] when no transaction begins within a moment, and from then on at once, until one
// does. When ctx ends during the transaction, it is not known what comes of it.
func (l *Ledger) Shared(ctx context.Context, do func(ctx context.Context, tx *sql.Tx) error) error {
	s, p := &l.shared, &part{ctx: context.WithoutCancel(ctx), do: do, done: make(chan error, 1)}
	s.mu.Lock()
	if s.stuck || s.closed {
		s.mu.Unlock()
		return fmt.Errorf("begin: %w", ErrUnavailable)
	}
	s.parts = append(s.parts, p)
	if !s.taking {
		s.taking = true
		s.wait.Go(l.takeParts)
	}
	s.mu.Unlock()

	timer := time.NewTimer(sharedPatience)
	defer timer.Stop()
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		if p.taken.CompareAndSwap(false, true) {
			return fmt.Errorf("begin: %w", context.Cause(ctx))
		}
	case <-timer.C:
		if p.taken.CompareAndSwap(false, true) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.stuck = true
			return fmt.Errorf("begin: %w: it is locked", ErrUnavailable)
		}
	}
	select {
	case err := <-p.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("commit: %w: it takes too long: %w", ErrUnavailable, context.Cause(ctx))
	}
}

// takeParts makes transactions of what waits, until nothing does. Where the database is stuck, it goes
// on until it is not.
func (l *Ledger) takeParts() {
	s := &l.shared
	for {
		began := false
		done := map[*part]error{}
		err := l.UrgentTx(context.Background(), func(tx *sql.Tx) error {
			began = true
			for len(done) < maxParts {
				p := s.next()
				if p == nil {
					break
				}
				result, err := p.run(tx)
				done[p] = l.installation.explain(result)
				if err != nil {
					return err
				}
			}
			return nil
		})
		for p, result := range done {
			if err != nil {
				result = err
			}
			p.done <- result
		}
		if !s.more(began, err) {
			return
		}
	}
}

// next gives a part that waits, nil for none.
func (s *shared) next() *part {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.parts) > 0 {
		p := s.parts[0]
		s.parts = s.parts[1:]
		if p.taken.CompareAndSwap(false, true) {
			return p
		}
	}
	return nil
}

// more tells, after a transaction, whether there has to be another.
func (s *shared) more(began bool, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if began {
		s.stuck = false
	} else if kindOf(err) != busy {
		// It will not come by waiting for it.
		for _, p := range s.parts {
			if p.taken.CompareAndSwap(false, true) {
				p.done <- err
			}
		}
		s.parts, s.stuck = nil, false
	}
	s.taking = !s.closed && (s.stuck || len(s.parts) > 0)
	return s.taking
}

// close lets nobody in any more, and waits for those who are.
func (s *shared) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wait.Wait()
}

// run does the part in a transaction. An error beside its result means that the transaction is lost.
func (p *part) run(tx *sql.Tx) (result, err error) {
	if _, err := tx.ExecContext(p.ctx, `SAVEPOINT part`); err != nil {
		return nil, fmt.Errorf("begin a part: %w", err)
	}
	result = p.call(tx)
	if result != nil {
		_, err = tx.ExecContext(p.ctx, `ROLLBACK TO part`)
	}
	if err == nil {
		_, err = tx.ExecContext(p.ctx, `RELEASE part`)
	}
	if err != nil {
		err = errors.Join(result, fmt.Errorf("end a part: %w", err))
	}
	return result, err
}

func (p *part) call(tx *sql.Tx) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return p.do(p.ctx, tx)
}
