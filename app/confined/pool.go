// Package confined reads the content of pull requests in processes without credentials.
//
// The process that can sign for the App, or holds the webhook secret, the database or tokens, runs no scanner and no
// deep parser of what somebody proposes: a mistake there could cost every installation its secrets, and a crash would
// be the end of the server. So it hands content to a process of a [Pool]: this program once more, in the sandbox of
// scanners' programs (package scanners/internal/tool), with an empty environment, without a network, with no open files
// but its pipes, and with nothing of the data folder to read.
//
// From the bottom up: frame.go has the messages on the pipes, serve.go the process's side of them, process.go this
// side, and this file the pool, which gives each process to one owner at a time. scan.go makes scanners that scan in
// a process of a pool, so that their users do not know about processes; program.go has the output of scanners that are
// programs read there; texts.go has texts read that are not scanned, such as YAML; check.go says what is believed of the
// answers.
//
// A process that crashes takes the calls with it that run in it. Each of them is tried once more, alone in a new
// process. So the one that ends its process twice is the one that fails, and the others finish.
package confined

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// Options describe a pool.
type Options struct {
	Tools *catalog.Tools // required: they make the sandbox
	Max   int            // how many processes there may be; less than 1 means 1
	Reads []string       // absolute paths of folders that the processes can read: an operator's databases
	Build string         // which program this is; a process of another one is refused

	// Memory is how many bytes a process may use before it is ended; 0 for [Memory].
	Memory int64

	// Observe is called with the reason each time that a process has ended; nil for nobody.
	Observe func(reason string)
}

// A process is replaced after it has served that many owners, and when it is that old, or holds that many bytes while
// it is idle.
const (
	maxServed = 100
	maxAge    = time.Hour
	maxHeld   = 512 << 20
)

// A Pool keeps processes. Several goroutines may use it at once.
type Pool struct {
	options Options

	mu       sync.Mutex
	all      []*process
	starting int
	closed   bool
	changed  chan struct{}  // closed, and replaced, when a waiting caller should try again
	watching sync.WaitGroup // goroutines that start a process, or wait for the end of one

	running context.Context // ends when the pool is closed
	stop    context.CancelFunc
}

// New returns a pool without processes. They are started when they are needed.
func New(o Options) *Pool {
	o.Max, o.Memory = max(o.Max, 1), cmp.Or(o.Memory, Memory)
	p := &Pool{options: o, changed: make(chan struct{})}
	p.running, p.stop = context.WithCancel(context.Background())
	return p
}

type ownerKey struct{}

// For returns a context whose calls belong to an owner, such as one pull request. A process does calls of one owner at
// a time.
func For(ctx context.Context, owner string) context.Context {
	return context.WithValue(ctx, ownerKey{}, owner)
}

func ownerOf(ctx context.Context) string {
	owner, _ := ctx.Value(ownerKey{}).(string)
	return owner
}

// Check returns nil if processes can be started on this machine. Otherwise the error is one sentence for the operator.
func (p *Pool) Check(ctx context.Context) error {
	at, err := p.take(ctx, "", false)
	if err != nil {
		return fmt.Errorf("no process without credentials can be started, so nothing of a pull request would be read: %w", err)
	}
	p.leave(at)
	return nil
}

// Close ends all processes, and waits for that. Calls that run, and later ones, fail with an [*EndedError].
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.stop()
	all := slices.Clone(p.all)
	p.wake()
	p.mu.Unlock()
	for _, at := range all {
		at.kill(Closed)
	}
	p.watching.Wait()
}

var errClosed = &EndedError{Why: Closed}

// A request is what a task is given.
type request struct {
	task   string
	data   any
	body   [][]byte
	tree   string   // a folder that the process is to read; empty for none
	answer Answerer // nil for a task that asks nothing
}

// do has a task done in a process, and decodes what it answers, if it answers something, into answer. The error that the
// task returned, if any, is the first; the second is not nil if the task was not done.
func (p *Pool) do(ctx context.Context, r request, answer any) (task, err error) {
	for _, alone := range []bool{ownerOf(ctx) == "", true} {
		task, err = p.try(ctx, r, answer, alone)
		var ended *EndedError
		if !errors.As(err, &ended) || ctx.Err() != nil || ended.Why == Closed {
			break
		}
	}
	return task, err
}

func (p *Pool) try(ctx context.Context, r request, answer any, alone bool) (task, err error) {
	at, err := p.take(ctx, ownerOf(ctx), alone)
	if err != nil {
		return nil, err
	}
	defer p.leave(at)
	there, back, err := at.borrow(r.tree)
	if err != nil {
		return nil, fmt.Errorf("move a tree: %w", err)
	}
	defer func() { err = errors.Join(err, back()) }()
	text, err := json.Marshal(parcel{r.data, there})
	if err != nil {
		return nil, fmt.Errorf("write a request: %w", err)
	}
	got, err := at.call(ctx, order{Task: r.task, Data: text}, r.body, r.answer)
	if got.Err != nil && got.Err.Kind == stale {
		at.kill(Stale)
		return nil, &EndedError{Why: Stale, Detail: got.Err.err().Error()}
	}
	if len(got.Data) > 0 {
		if bad := json.Unmarshal(got.Data, answer); bad != nil {
			at.kill(Garbled)
			return nil, &EndedError{Why: Garbled}
		}
	}
	return got.Err.err(), err
}

// A parcel is a request, and the folder that it is about, if any.
type parcel struct {
	Request any
	Tree    string
}

// take returns a process for the owner, which it starts if there is none. alone asks for one that does nothing else.
// Each process has to be left.
func (p *Pool) take(ctx context.Context, owner string, alone bool) (*process, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, errClosed
		}
		if at := p.free(owner, alone); at != nil {
			at.users++
			at.alone = alone
			p.mu.Unlock()
			return at, nil
		}
		if len(p.all)+p.starting < p.options.Max {
			p.starting++
			p.mu.Unlock()
			return p.start(ctx, owner, alone)
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// free returns a running process that may do a call of the owner.
func (p *Pool) free(owner string, alone bool) *process {
	for _, at := range p.all {
		if at.users > 0 && at.owner == owner && !at.alone && !alone && !at.ending() {
			return at
		}
	}
	for _, at := range p.all {
		if at.users == 0 && !at.ending() {
			if at.owner != owner {
				at.owner = owner
				at.served++
			}
			return at
		}
	}
	return nil
}

func (p *Pool) start(ctx context.Context, owner string, alone bool) (*process, error) {
	at, err := begin(ctx, p.options)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	if err != nil {
		p.wake()
		return nil, err
	}
	at.owner, at.alone, at.users, at.served = owner, alone, 1, 1
	p.add(at)
	return at, nil
}

// watch waits for the end of a process.
func (p *Pool) watch(at *process) {
	<-at.gone
	p.mu.Lock()
	p.all = slices.DeleteFunc(p.all, func(one *process) bool { return one == at })
	p.wake()
	p.mu.Unlock()
	at.lent.Wait() // trees are moved back
	at.busy.Wait()
	at.session.Remove()
	if p.options.Observe != nil {
		p.options.Observe(at.ended.Why)
	}
}

// leave gives a process back. One that was kept for long enough ends.
func (p *Pool) leave(at *process) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.wake()
	if at.users--; at.users > 0 {
		return
	}
	at.alone = false
	at.mu.Lock()
	held := at.memory
	at.mu.Unlock()
	why := ""
	switch {
	case held > maxHeld:
		why = Grown
	case at.served >= maxServed, time.Since(at.began) > maxAge:
		why = Served
	}
	if why != "" {
		p.all = slices.DeleteFunc(p.all, func(one *process) bool { return one == at })
		at.kill(why)
		p.replace()
	}
}

// replace starts a process in place of one that was kept for long enough, so that the next review need not wait for the
// start. The lock must be held.
func (p *Pool) replace() {
	if p.closed || len(p.all)+p.starting >= p.options.Max {
		return
	}
	p.starting++
	p.watching.Go(func() {
		at, err := begin(p.running, p.options)
		p.mu.Lock()
		defer p.mu.Unlock()
		defer p.wake()
		if p.starting--; err == nil { // otherwise the next review tries, and says why
			p.add(at)
		}
	})
}

// add takes a process that was started into the pool. The lock must be held.
func (p *Pool) add(at *process) {
	p.all = append(p.all, at)
	p.watching.Go(func() { p.watch(at) })
	if p.closed {
		at.kill(Closed)
	}
}

// wake has waiting callers try again. The lock must be held.
func (p *Pool) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}
