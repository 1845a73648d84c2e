package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
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
	item  any
	batch Batch       // nil for none
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
	return l.share(ctx, &part{ctx: context.WithoutCancel(ctx), do: do, done: make(chan error, 1)})
}

// A Batch does the work of several callers of [Ledger.SharedBatch] as part of tx, in the order of their items. It returns
// one error for each of them: [ErrAlone] for an item that it leaves, with nothing of it done, to the caller's own do. If
// err is not nil, everything is undone, and left to each caller's do.
type Batch func(ctx context.Context, tx *sql.Tx, items []any) (results []error, err error)

// ErrAlone is returned by a [Batch] for an item that it does not do.
var ErrAlone = errors.New("it is done alone")

// SharedBatch is like [Ledger.Shared] for work that takes fewer statements if it is done for many callers at once: batch
// gets the items of all that wait, and do is called for those that it leaves. All callers must give the same batch.
func (l *Ledger) SharedBatch(ctx context.Context, item any, batch Batch, do func(ctx context.Context, tx *sql.Tx) error) error {
	return l.share(ctx, &part{ctx: context.WithoutCancel(ctx), do: do, item: item, batch: batch, done: make(chan error, 1)})
}

func (l *Ledger) share(ctx context.Context, p *part) error {
	s := &l.shared
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
	for {
		began := false
		done := map[*part]error{}
		err := l.UrgentTx(context.Background(), func(tx *sql.Tx) (err error) {
			began = true
			done, err = l.takeWaiting(tx)
			return err
		})
		var first *batchError
		if errors.As(err, &first) { // nothing else was in the transaction
			done = map[*part]error{}
			err = l.UrgentTx(context.Background(), func(tx *sql.Tx) error {
				return l.finish(tx, first.parts, alone, done)
			})
			for _, p := range first.parts {
				done[p] = cmp.Or(done[p], err)
			}
		}
		for p, result := range done {
			if err != nil {
				result = err
			}
			p.done <- result
		}
		if !l.shared.more(began, err) {
			return
		}
	}
}

// takeWaiting runs the parts that wait as part of tx, up to maxParts. The error is a batchError if the first batch failed.
func (l *Ledger) takeWaiting(tx *sql.Tx) (done map[*part]error, err error) {
	done = map[*part]error{}
	for how := inFirstBatch; len(done) < maxParts; how = inBatch {
		parts := l.shared.next(maxParts - len(done))
		if len(parts) == 0 {
			break
		}
		if err := l.finish(tx, parts, how, done); err != nil {
			return done, err
		}
	}
	return done, nil
}

// finish runs parts as part of tx, and adds their results to done.
func (l *Ledger) finish(tx *sql.Tx, parts []*part, how manner, done map[*part]error) error {
	results, err := together(tx, parts, how)
	for i, p := range parts {
		done[p] = l.engine.explain(results[i])
	}
	return err
}

// next returns the next waiting part, and if it has a batch, also those right after it that have one: at most limit, and
// nil if none waits.
func (s *shared) next(limit int) (parts []*part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.parts) > 0 && len(parts) < limit {
		p := s.parts[0]
		if len(parts) > 0 && (p.batch == nil || parts[0].batch == nil) {
			break
		}
		s.parts = s.parts[1:]
		if p.taken.CompareAndSwap(false, true) {
			parts = append(parts, p)
		}
	}
	return parts
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

// A manner is how [together] runs parts that have a batch.
type manner int

const (
	alone        manner = iota // without the batch
	inBatch                    // by the batch
	inFirstBatch               // by the batch, and nothing else was done in the transaction
)

// A batchError is returned for parts whose batch failed in a transaction that did nothing else. The transaction is lost, and
// they are to be done in another one, without the batch.
type batchError struct {
	parts []*part
	cause error
}

func (e *batchError) Error() string { return "do a batch: " + e.cause.Error() }
func (e *batchError) Unwrap() error { return e.cause }

// together runs parts in a transaction and returns the error of each. err means that the whole transaction is lost.
//
// The first batch needs no savepoint, since a transaction with nothing else in it can be given up. Most transactions are
// one batch, and on Postgres a savepoint and its end take as long as two statements of the batch.
func together(tx *sql.Tx, parts []*part, how manner) (results []error, err error) {
	results = slices.Repeat([]error{ErrAlone}, len(parts))
	if parts[0].batch != nil && how != alone {
		list, failed, err := batched(tx, parts, how)
		if err != nil {
			return results, err
		}
		if failed == nil {
			results = list
		}
	}
	for i, p := range parts {
		if !errors.Is(results[i], ErrAlone) {
			continue
		}
		results[i], err = separate(p.ctx, tx, func() error { return p.do(p.ctx, tx) })
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

// batched runs the batch of parts. If failed is not nil, it did nothing.
func batched(tx *sql.Tx, parts []*part, how manner) (results []error, failed, err error) {
	ctx := parts[0].ctx
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = p.item
	}
	do := func() (err error) {
		results, err = parts[0].batch(ctx, tx, items)
		if err == nil && len(results) != len(parts) {
			err = fmt.Errorf("a batch of %d returned %d results", len(parts), len(results))
		}
		return err
	}
	if how == inFirstBatch {
		if err := recovered(do); err != nil {
			return nil, nil, &batchError{parts, err}
		}
		return results, nil, nil
	}
	failed, err = separate(ctx, tx, do)
	return results, failed, err
}

// separate calls do within a transaction, and undoes what it did if it returns an error, which is result. err means that
// the whole transaction is lost.
func separate(ctx context.Context, tx *sql.Tx, do func() error) (result, err error) {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT part`); err != nil {
		return nil, fmt.Errorf("begin a part: %w", err)
	}
	result = recovered(do)
	if result != nil {
		_, err = tx.ExecContext(ctx, `ROLLBACK TO part`)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `RELEASE part`)
	}
	if err != nil {
		err = errors.Join(result, fmt.Errorf("end a part: %w", err))
	}
	return result, err
}

// recovered calls do, and returns a panic in it as an error.
func recovered(do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return do()
}
