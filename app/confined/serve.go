package confined

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

// mode is the argument that makes the program the process of a pool.
const mode = "-secbydesign-content"

// A Task does one kind of work on content, in the process of a pool.
type Task func(ctx context.Context, c *Call) (answer any, err error)

// A Call is one call of a task.
type Call struct {
	Body []byte // bytes of the request

	data   json.RawMessage
	id     uint64
	server *server
}

// Request decodes the request into what into points to. tree is the folder that it is about; empty for none. The error is
// that of a request in another form.
func (c *Call) Request(into any) (tree string, err error) {
	p := parcel{Request: into}
	if err := json.Unmarshal(c.data, &p); err != nil {
		return "", fmt.Errorf("read the request: %w", err)
	}
	return p.Tree, nil
}

// Ask asks the process that made the call, and decodes the answer into what answer points to. The error is that of the
// [Answerer], or of ctx if it ends first.
func (c *Call) Ask(ctx context.Context, question, answer any) error {
	return c.server.ask(ctx, c.id, question, answer)
}

const (
	// maxStack is far more than any file of reasonable depth needs. Go ends a program whose stack is larger, and cannot be
	// made to do less.
	maxStack = 128 << 20
	// Memory is how many bytes a process may use before it is ended, unless [Options] say otherwise. The garbage collector
	// works harder before.
	Memory = 2 << 30
)

// Serve must be one of the first calls of a program that has a pool. If the program was started as a process of the
// pool, Serve does the tasks that it is given and does not return.
func Serve(build string, tasks func() map[string]Task) {
	if len(os.Args) != 2 || os.Args[1] != mode {
		return
	}
	debug.SetMaxStack(maxStack)
	debug.SetMemoryLimit(Memory / 4 * 3)
	s := &server{out: os.Stdout, tasks: tasks(), running: map[uint64]context.CancelFunc{}, asked: map[uint64]chan order{}}
	s.send(reply{Op: "ready", Build: build})
	if err := s.serve(bufio.NewReaderSize(os.Stdin, 1<<16)); err != nil {
		fmt.Fprintln(os.Stderr, "confined:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A server is the process's side of the pipes.
type server struct {
	tasks map[string]Task

	writing sync.Mutex
	out     io.Writer

	mu      sync.Mutex
	running map[uint64]context.CancelFunc
	asked   map[uint64]chan order
	next    uint64
}

// serve does what it is ordered until there are no more orders.
func (s *server) serve(in io.Reader) error {
	for {
		var o order
		body, err := readFrame(in, &o, maxSentHead, maxSentBody)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch o.Op {
		case "do":
			ctx, cancel := context.WithCancel(context.Background())
			s.mu.Lock()
			s.running[o.ID] = cancel
			s.mu.Unlock()
			go s.do(ctx, o, body)
		case "cancel":
			s.mu.Lock()
			if cancel := s.running[o.ID]; cancel != nil {
				cancel()
			}
			s.mu.Unlock()
		case "answer":
			s.mu.Lock()
			waiting := s.asked[o.Ask]
			delete(s.asked, o.Ask)
			s.mu.Unlock()
			if waiting != nil {
				waiting <- o
			}
		}
	}
}

// do does one task. A panic in its goroutine is an error of the task; one in another goroutine ends the process.
func (s *server) do(ctx context.Context, o order, body []byte) {
	out := reply{ID: o.ID, Op: "done"}
	answer, err := s.run(ctx, o, body)
	s.mu.Lock()
	s.running[o.ID]()
	delete(s.running, o.ID)
	s.mu.Unlock()
	out.Err, out.Memory = failureOf(err), held()
	if answer != nil {
		data, err := json.Marshal(answer)
		if err != nil {
			out.Err = failureOf(err)
		}
		out.Data = data
	}
	s.send(out)
}

func (s *server) run(ctx context.Context, o order, body []byte) (answer any, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	task := s.tasks[o.Task]
	if task == nil {
		return nil, fmt.Errorf("there is no task %q", o.Task)
	}
	return task(ctx, &Call{Body: body, data: o.Data, id: o.ID, server: s})
}

func (s *server) ask(ctx context.Context, id uint64, question, answer any) error {
	data, err := json.Marshal(question)
	if err != nil {
		return err
	}
	waiting := make(chan order, 1)
	s.mu.Lock()
	s.next++
	n := s.next
	s.asked[n] = waiting
	s.mu.Unlock()
	s.send(reply{ID: id, Op: "ask", Ask: n, Data: data})
	select {
	case o := <-waiting:
		if o.Err != "" {
			return errors.New(o.Err)
		}
		return json.Unmarshal(o.Data, answer)
	case <-ctx.Done():
		s.mu.Lock()
		delete(s.asked, n)
		s.mu.Unlock()
		return context.Cause(ctx)
	}
}

// send sends a reply. If nobody reads any more, the process has nothing left to do.
func (s *server) send(r reply) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := writeFrame(s.out, r); err != nil {
		os.Exit(1)
	}
}

// held returns how many bytes of memory the process holds, as Go counts them.
func held() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64() - sample[1].Value.Uint64())
}
