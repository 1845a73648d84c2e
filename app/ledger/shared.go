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
	// sharedPatience is how long [Ledger.Shared] waits for the database. GitHub waits 10 seconds for an answer,
	// and a program that redelivers events needs to know sooner that it must try again.
	sharedPatience = 1500 * time.Millisecond

	// maxParts bounds one shared transaction, because its first part waits for its last.
	maxParts = 128
)

// ErrUnavailable is returned when the database cannot be written to at the moment: another program has locked it,
// its disk is full or slow, or the file is no longer the opened one.
var ErrUnavailable = errors.New("the database cannot be written to now")

// shared collects the calls of [Ledger.Shared]. The zero value is ready.
type shared struct {
	mu     sync.Mutex
	parts  []*part // waiting parts
	taking bool    // whether takeParts runs
	stuck  bool    // a caller's wait timed out, and no transaction has begun since
	closed bool
	wait   sync.WaitGroup // for takeParts
}

// A part is one caller's share of a shared transaction.
type part struct {
	ctx   context.Context // is never canceled
	do    func(ctx context.Context, tx *sql.Tx) error
	taken atomic.Bool // by the transaction, or by a caller that stopped waiting
	done  chan error
}

// Shared is like [Ledger.Tx] but for short work that comes in bursts: callers that wait at the same time share a
// transaction, and so one write to the disk. It returns after the commit. If do returns an error, only its own
// changes are undone. Canceling ctx must not interrupt do, so do receives another context.
//
// The error is [ErrUnavailable] if no transaction begins within a moment. After that, further calls fail at once
// until a transaction begins. If ctx is canceled during the transaction, the outcome is unknown.
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

// takeParts runs transactions with the waiting parts until none is left. While the database is stuck, it keeps
// trying.
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
				done[p] = l.engine.explain(result)
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

// next returns a waiting part, or nil if there is none.
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

// more reports, after a transaction, whether another one is needed.
func (s *shared) more(began bool, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if began {
		s.stuck = false
	} else if kindOf(err) != busy {
		// Waiting longer would not help.
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

// close refuses new calls, and waits for the current ones.
func (s *shared) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.wait.Wait()
}

// run runs the part in a transaction. result is the error of the part itself; err means that the whole
// transaction is lost.
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
