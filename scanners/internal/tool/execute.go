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

// The arguments by which this program knows that it is the helper, and as what. A program of which
// [Helper] is not the first call does not know them, and refuses them like any unknown flag.
const (
	helperFlag = "-secbydesign-sandbox"
	watchFlag  = "watch"
	enterFlag  = "enter"
	tryFlag    = "try"
)

// A spec is one program to be started. It goes through a pipe to the helper.
type spec struct {
	Kind            kind
	Self            string   // this program
	Path            string   // the program
	Args            []string // from argv[0] on
	Dir             string   // working folder, below one of Read
	Env             []string
	Stdin           string
	Read            []string // files and folders that it may read, beside those of the system
	Mask            []string // files below Read that are shown empty, where the kind can do that
	Empty           string   // an empty file, for Mask
	Home            string   // the folder that it may write to
	Prepared, Links string   // a folder, one of Read, and where below Home links to its files are; may be empty
	Report          string   // a file below Home that is handed out in the end; may be empty
	Limits          limits
}

// A status is how a program ended, as the helper tells it.
type status struct {
	Exit   int
	Signal string // it was killed by this
	Over   string // it was killed by the helper, for taking more than this limit
	Failed string // it was not started
}

// A result is all of it.
type result struct {
	status
	stdout, report, stderr []byte
}

// Reasons for which a program is stopped.
var (
	errOutput = errors.New("it printed too much")
	errTime   = errors.New("it took too long")
)

const (
	maxStderr = 16 << 10
	// endlessStderr is how much may be said there before the program counts as running wild.
	endlessStderr = 64 << 20
	// grace is how long the helper may take to end what it watches.
	grace = 5 * time.Second
)

// execute starts a program and waits for it and all its children, of which none is left behind. An
// error means that the program did not come to its own end; how it ended is in the result.
func execute(ctx context.Context, l limits, s spec) (result, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ctx, cancel := context.WithTimeoutCause(ctx, l.Time, errTime)
	defer cancel()

	self, err := os.Executable()
	if err != nil {
		return result{}, err
	}
	s.Self, s.Limits = self, l
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
	told := &meter{max: 64 << 10, keep: 64 << 10, over: func() { stop(errOutput) }}
	report := &meter{max: l.Output, keep: l.Output, over: func() { stop(errOutput) }}
	var pipes sync.WaitGroup
	closePipes, err := receive(cmd, &pipes, told, report)
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
	_ = json.NewEncoder(stdin).Encode(s) // a helper that died already tells more than a broken pipe
	err = cmd.Wait()
	pipes.Wait()

	out := result{stdout: stdout.b, report: report.b, stderr: stderr.b}
	if ctx.Err() != nil {
		return out, context.Cause(ctx)
	}
	if len(told.b) == 0 {
		return out, fmt.Errorf("the sandbox ended without a word: %w", errors.Join(err, errors.New(firstLine(out.stderr))))
	}
	if err := json.Unmarshal(told.b, &out.status); err != nil {
		return out, fmt.Errorf("the sandbox: %w", err)
	}
	if out.Failed != "" {
		return out, fmt.Errorf("the sandbox: %s", out.Failed)
	}
	return out, nil
}

// receive gives the helper a pipe for each writer, as file 3 and following. The function that it
// returns closes our copies of the helper's ends.
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

// A meter keeps the beginning of what is written to it, and calls over once when it is too much.
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
