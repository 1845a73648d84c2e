package confined

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// The reasons why a process ended, as of the metric about them.
const (
	Served     = "served"      // it did what a process is kept for, and ended in order
	Grown      = "grown"       // it was idle and held much memory
	Crashed    = "crashed"     // it ended by itself
	Overflowed = "overflowed"  // its stack grew without end
	Exhausted  = "memory"      // it used more than [Options.Memory]
	Killed     = "killed"      // a signal of somebody else ended it
	Stuck      = "stuck"       // it did not stop when its time was over
	Garbled    = "garbled"     // it answered in a form that is not known
	Closed     = "closed"      // the pool was closed
	Unready    = "unready"     // it did not get ready
	Stale      = "stale"       // it saw older data of the operator than this process
	Outdated   = "other_build" // the file of the program was replaced
)

// Reasons lists the reasons, without Closed.
func Reasons() []string {
	return []string{Served, Grown, Crashed, Overflowed, Exhausted, Killed, Stuck, Garbled, Unready, Stale, Outdated}
}

// An EndedError says that the process ended before it answered.
type EndedError struct {
	Why    string // one of the reasons
	Detail string // where the program was, for the operator; it holds nothing of the content
}

func (e *EndedError) Error() string {
	return strings.TrimSuffix("the process without credentials ended ("+e.Why+"): "+e.Detail, ": ")
}

// sentences are for everybody who can see a pull request.
var sentences = map[string]string{
	Overflowed: "It recursed without end on the content of this change, and was stopped.",
	Exhausted:  "It used too much memory on the content of this change, and was stopped.",
	Stuck:      "It ran out of time, and was stopped.",
	Garbled:    "Its answer could not be understood, so nothing of it is used; the operator's log says more.",
	Closed:     "The server is stopping.",
}

// incomplete returns the error for a scan whose process ended.
func (e *EndedError) incomplete() error {
	reason := sentences[e.Why]
	if reason == "" {
		reason = "Its process ended unexpectedly on the content of this change; the operator's log says how."
	}
	return &scanners.IncompleteError{Reason: reason, Err: e}
}

const (
	// ready is how long a process may take to start. That takes a tenth of a second of processor time.
	ready = time.Minute
	// obedience is how long a task may take to stop when its caller no longer waits.
	obedience = 3 * time.Second
	// maxAsks bounds the questions of one call that wait for an answer.
	maxAsks = 64
)

// An Answerer answers the questions of a task. They are untrusted. An error is passed to the task. Questions of one call
// may be answered at the same time.
type Answerer func(ctx context.Context, question json.RawMessage) (answer any, err error)

// A process is one process of a pool.
type process struct {
	session *catalog.Session
	began   time.Time
	gone    chan struct{} // closed when it has ended; then ended is set
	ended   *EndedError
	busy    sync.WaitGroup // goroutines that write to it
	lent    sync.WaitGroup // trees that it can read

	writing sync.Mutex

	mu     sync.Mutex
	calls  map[uint64]*pending
	next   uint64
	why    string // why this process ended it
	memory int64  // what it last said that it holds
	trees  int

	// These belong to the pool, whose lock guards them.
	owner  string
	users  int
	served int
	alone  bool
}

type pending struct {
	ctx    context.Context
	answer Answerer
	asks   int
	done   chan reply
}

// begin starts a process, and waits until it is ready.
func begin(ctx context.Context, o Options) (at *process, err error) {
	session, err := o.Tools.Session(catalog.SessionOptions{Args: []string{mode}, Reads: o.Reads, Memory: o.Memory})
	if err != nil {
		return nil, err
	}
	p := &process{session: session, began: time.Now(), gone: make(chan struct{}), calls: map[uint64]*pending{}}
	defer func() {
		if err != nil {
			session.Remove()
		}
	}()
	started := make(chan struct{})
	go p.listen(o.Build, started)
	late := time.NewTimer(ready)
	defer late.Stop()
	select {
	case <-started:
		return p, nil
	case <-p.gone:
		return nil, p.ended
	case <-late.C:
		p.kill(Unready)
	case <-ctx.Done():
		p.kill(Closed)
		<-p.gone
		return nil, context.Cause(ctx)
	}
	<-p.gone
	return nil, p.ended
}

// listen reads what the process says until it ends.
func (p *process) listen(build string, started chan struct{}) {
	defer close(p.gone)
	in := bufio.NewReaderSize(p.session.Out, 1<<16)
	for first := true; ; first = false {
		var r reply
		_, err := readFrame(in, &r, maxReceivedHead, 0)
		if err == nil && (r.Op == "ready") != first {
			err = fmt.Errorf("%q out of turn", sentence(r.Op))
		}
		if err == nil && first && r.Build != build {
			p.kill(Outdated)
			break
		}
		if err == nil && !first {
			err = p.heed(r)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, os.ErrClosed) {
				p.kill(Garbled)
			}
			break
		}
		if first {
			close(started)
		}
	}
	p.session.Kill()
	ended := p.session.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = &EndedError{Why: p.why, Detail: trace(ended.Stderr)}
	if p.why == "" {
		p.ended.Why = reasonOf(ended)
	}
	if ended.Err != nil && p.ended.Detail == "" {
		p.ended.Detail = ended.Err.Error()
	}
}

// heed does what one message asks for.
func (p *process) heed(r reply) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.calls[r.ID]
	switch {
	case r.Op != "done" && r.Op != "ask":
		return fmt.Errorf("an unknown message %q", sentence(r.Op))
	case c == nil && r.Op == "done":
		return fmt.Errorf("an answer to no call")
	case c == nil: // its caller does not wait any more
		return nil
	case r.Op == "done":
		delete(p.calls, r.ID)
		p.memory = r.Memory
		c.done <- r
		return nil
	}
	if c.asks++; c.asks > maxAsks || c.answer == nil {
		return fmt.Errorf("too many questions")
	}
	p.busy.Go(func() {
		answer, err := c.answer(c.ctx, r.Data)
		p.mu.Lock()
		c.asks--
		p.mu.Unlock()
		o := order{ID: r.ID, Op: "answer", Ask: r.Ask}
		if err == nil {
			o.Data, err = json.Marshal(answer)
		}
		if err != nil {
			o.Err = err.Error()
		}
		_ = p.write(o) // if that fails, the process has ended
	})
	return nil
}

func (p *process) write(o order, body ...[]byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return writeFrame(p.session.In, o, body...)
}

// call has the process do a task. The error is an [*EndedError] if the process ends before it answers, and the cause of
// ctx if ctx ends before.
func (p *process) call(ctx context.Context, o order, body [][]byte, a Answerer) (reply, error) {
	c := &pending{ctx: ctx, answer: a, done: make(chan reply, 1)}
	p.mu.Lock()
	p.next++
	o.ID, o.Op = p.next, "do"
	p.calls[o.ID] = c
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.calls, o.ID)
		p.mu.Unlock()
	}()
	unsendable := make(chan error, 1)
	p.busy.Go(func() {
		if err := p.write(o, body...); err != nil {
			unsendable <- err
		}
	})
	stop, late := ctx.Done(), (<-chan time.Time)(nil)
	for {
		select {
		case r := <-c.done:
			if ctx.Err() != nil {
				return r, context.Cause(ctx)
			}
			return r, nil
		case <-p.gone:
			return reply{}, p.ended
		case err := <-unsendable:
			if errors.Is(err, errFrame) { // nothing was sent
				return reply{}, &scanners.IncompleteError{Reason: "The change is too large to be scanned.", Err: err}
			}
			p.kill("") // it says itself how it ended
		case <-stop:
			stop = nil
			p.busy.Go(func() { _ = p.write(order{ID: o.ID, Op: "cancel"}) })
			timer := time.NewTimer(obedience)
			defer timer.Stop()
			late = timer.C
		case <-late:
			p.kill(Stuck)
			<-p.gone
			return reply{}, context.Cause(ctx)
		}
	}
}

// kill ends the process. The first reason counts.
func (p *process) kill(why string) {
	p.mu.Lock()
	if p.why == "" {
		p.why = why
	}
	p.mu.Unlock()
	p.session.Kill()
}

// ending reports whether the process has ended, or is about to.
func (p *process) ending() bool {
	select {
	case <-p.gone:
		return true
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.why != ""
}

// borrow moves a tree to where the process can read it, and returns its new path. back moves it back. Without a tree it
// does nothing.
func (p *process) borrow(dir string) (there string, back func() error, err error) {
	if dir == "" {
		return "", func() error { return nil }, nil
	}
	p.mu.Lock()
	p.trees++
	there = filepath.Join(p.session.Trees, strconv.Itoa(p.trees))
	p.mu.Unlock()
	p.lent.Add(1)
	if err := os.Rename(dir, there); err != nil {
		p.lent.Done()
		return "", nil, err
	}
	return there, func() error {
		defer p.lent.Done()
		return os.Rename(there, dir)
	}, nil
}

// reasonOf returns why a process ended that nobody ended.
func reasonOf(e catalog.Ended) string {
	said := string(e.Stderr)
	switch {
	case e.Over != "":
		return Exhausted
	case strings.Contains(said, "stack exceeds") || strings.Contains(said, "stack overflow"):
		return Overflowed
	case strings.Contains(said, "out of memory") || strings.Contains(said, "cannot allocate memory"):
		return Exhausted
	case e.Signal != "":
		return Killed
	}
	return Crashed
}

// place matches a line of a stack trace that names a place in the source.
var place = regexp.MustCompile(`^\t\S*?([\w.@-]+/[\w.-]+\.go:\d+)`)

// trace returns the places of a stack trace, the innermost first. What a panic says is left out, since it may quote the
// content, and a log must not.
func trace(stderr []byte) string {
	var places []string
	for line := range strings.Lines(string(stderr)) {
		if m := place.FindStringSubmatch(line); m != nil && !strings.HasPrefix(m[1], "runtime/") {
			places = append(places, m[1])
		}
		if len(places) == 5 {
			break
		}
	}
	return strings.Join(places, " < ")
}
