package tool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// The arguments that make this program the sandbox's helper, and say in which role. A program that does not
// call [Helper] first does not know them, and refuses them like any unknown flag.
const (
	helperFlag = "-secbydesign-sandbox"
	watchFlag  = "watch"
	enterFlag  = "enter"
	tryFlag    = "try"
	lingerFlag = "linger"
)

// A spec describes one program to start. It is sent to the helper through a pipe.
type spec struct {
	Kind            kind
	Self            string   // this program
	Path            string   // the program
	Args            []string // from argv[0] on
	Dir             string   // working folder, below one of Read
	Env             []string
	Stdin           string
	Read            []string // files and folders that it may read, in addition to those of the system
	Mask            []string // files below Read that appear empty, if the kind can do that
	Empty           string   // an empty file, for Mask
	Home            string   // the folder that it may write to
	Prepared, Links string   // a folder in Read, and the folder below Home for links to its files; may be empty
	Report          string   // a file below Home that is copied out at the end; may be empty
	Limits          limits
	Session         bool   // its standard input is a pipe that the helper passes on, see [Session]
	Namespace       string // the PID namespace of the process that starts it, as named in /proc
}

// A status is how a program ended, as the helper reports it.
type status struct {
	Exit   int
	Signal string // it was killed by this
	Over   string // it was killed by the helper, because it exceeded this limit
	Failed string // why it was not started
	Left   int    // how many of its processes could not be ended
}

// A result is a program's status and output.
type result struct {
	status
	stdout, report, stderr []byte
}

// The reasons for stopping a program.
var (
	errOutput = errors.New("it printed too much")
	errTime   = errors.New("it took too long")
)

// leftError is the error of a program of which some processes may still run. The operator has to know.
type leftError struct {
	why       error // why it was stopped; nil if it ended by itself
	processes int   // 0 if the helper did not answer
}

func (e *leftError) Error() string {
	text := "nothing confirms that its processes were ended"
	if e.processes > 0 {
		text = fmt.Sprintf("%d of its processes could not be ended", e.processes)
	}
	return text + ": look for them on this machine, and end them by hand"
}

func (e *leftError) Unwrap() error { return e.why }

const (
	maxStderr = 16 << 10
	// endlessStderr is how much a program may print to standard error before it is stopped.
	endlessStderr = 64 << 20
	// grace is how long the helper may take to end the processes that it watches, and to answer.
	grace = endWithin + 5*time.Second
	// endWithin is how long the kernel may take to end them. Only a process that hangs in a device takes longer.
	endWithin = 20 * time.Second
)

// execute starts a program and waits until it and all its descendants have ended. An error means that the
// program did not end by itself; the result says how it ended.
func execute(ctx context.Context, l limits, s spec) (result, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, l.Time, errTime)
	defer cancel()

	self, err := executable()
	if err != nil {
		return result{}, err
	}
	s.Self, s.Limits = self, l
	s.Namespace, _ = os.Readlink("/proc/self/ns/pid") // without it, the helper reports what is wrong
	cmd, err := helper(ctx, s)
	if err != nil {
		return result{}, err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return result{}, err
	}
	stdout := &meter{max: l.Output, keep: l.Output, over: func() { stop(errOutput) }}
	stderr := &meter{max: endlessStderr, keep: maxStderr, over: func() { stop(errOutput) }}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	statusPipe := &meter{max: 64 << 10, keep: 64 << 10, over: func() { stop(errOutput) }}
	report := &meter{max: l.Output, keep: l.Output, over: func() { stop(errOutput) }}
	var pipes sync.WaitGroup
	closePipes, err := receive(cmd, &pipes, statusPipe, report)
	if err != nil {
		return result{}, err
	}
	// The helper ends everything when its standard input does, which also happens when this
	// process dies.
	cmd.Cancel = stdin.Close
	cmd.WaitDelay = grace
	if err := cmd.Start(); err != nil {
		closePipes()
		pipes.Wait()
		return result{}, fmt.Errorf("start the sandbox: %w", err)
	}
	closePipes()
	_ = json.NewEncoder(stdin).Encode(s) // if the helper has died, its status says more than a broken pipe
	err = cmd.Wait()
	pipes.Wait()

	out := result{stdout: stdout.b, report: report.b, stderr: stderr.b}
	answered := json.Unmarshal(statusPipe.b, &out.status) == nil
	var why error
	if ctx.Err() != nil {
		why = context.Cause(ctx)
	}
	return out, out.verdict(s.Kind, why, err, answered)
}

// verdict returns the error of a run, given why the run was stopped, how its helper ended, and whether the
// helper answered. In namespaces the kernel ends everything when the helper ends.
func (r result) verdict(k kind, why, ended error, answered bool) error {
	namespace := k == namespaced || k == wrapped
	switch {
	case answered && r.Left > 0:
		return &leftError{why, r.Left}
	case !answered && why != nil && !namespace, errors.Is(ended, exec.ErrWaitDelay):
		return &leftError{why: why}
	case why != nil:
		return why
	case !answered:
		return fmt.Errorf("the sandbox ended without a result: %w", errors.Join(ended, errors.New(firstLine(r.stderr))))
	case r.Failed != "":
		return fmt.Errorf("the sandbox: %s", r.Failed)
	}
	return nil
}

// receive passes the helper a pipe for each writer, as file descriptors 3 and following. closeEnds closes
// our copies of the helper's ends.
func receive(cmd *exec.Cmd, done *sync.WaitGroup, to ...io.Writer) (closeEnds func(), err error) {
	closeEnds = func() {
		for _, f := range cmd.ExtraFiles {
			_ = f.Close()
		}
	}
	for _, w := range to {
		r, end, err := os.Pipe()
		if err != nil {
			closeEnds()
			return nil, err
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, end)
		done.Go(func() {
			defer func() { _ = r.Close() }()
			_, _ = io.Copy(w, r)
		})
	}
	return closeEnds, nil
}

// A meter keeps the first keep bytes written to it, and calls over once when more than max were written.
type meter struct {
	max, keep, n int64
	b            []byte
	over         func()
}

func (m *meter) Write(p []byte) (int, error) {
	was := m.n
	m.n += int64(len(p))
	m.b = append(m.b, p[:max(min(int64(len(p)), m.keep-int64(len(m.b))), 0)]...)
	if was <= m.max && m.n > m.max {
		m.over()
	}
	return len(p), nil
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	const most = 300
	return strings.ToValidUTF8(string(line[:min(len(line), most)]), "\uFFFD")
}
