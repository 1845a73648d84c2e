package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A Session is a second process of this program in a sandbox, with pipes to its standard input and from its standard
// output. Its environment is empty, it has no other open files, and it can read only the files that every scanner's
// program can read, and those of [SessionOptions]. It ends when this process does.
type Session struct {
	In    io.WriteCloser // its standard input
	Out   io.Reader      // its standard output
	Trees string         // a folder that it can read; what is put there later, too

	base   string // the folder with all its files
	cancel context.CancelFunc
	done   chan struct{}
	ended  Ended
}

// SessionOptions describe a session.
type SessionOptions struct {
	Args   []string // arguments of the program, which make it do something else than usual
	Reads  []string // absolute paths of more files and folders that it can read
	Memory int64    // in bytes; it is ended when it uses more
}

// An Ended says how a session ended.
type Ended struct {
	Exit   int
	Signal string // it was killed by this; empty if it was not
	Over   string // it was ended because it exceeded this limit: memory, processes or disk
	Stderr []byte // the beginning of what it printed; untrusted
	Err    error  // why it was not started, or could not be ended; nil for none
}

// The limits of a session, beside its memory. It is kept for long, so only its processor time bounds it in time.
const (
	sessionTime      = 12 * time.Hour
	sessionProcesses = 64
	sessionDisk      = 1 << 20
	sessionEntries   = 1000
)

// Session starts a session. The error says why no sandbox works on this machine.
func (r *Runner) Session(o SessionOptions) (s *Session, err error) {
	k, err := r.sandbox.choose()
	if err != nil {
		return nil, err
	}
	self, err := executable()
	if err != nil {
		return nil, err
	}
	base, err := os.MkdirTemp("", "secbydesign-process-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = removeAll(base)
		}
	}()
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return nil, err
	}
	s = &Session{Trees: filepath.Join(base, "trees"), done: make(chan struct{})}
	home := filepath.Join(base, "home")
	if err := errors.Join(os.Mkdir(s.Trees, 0o700), os.Mkdir(home, 0o700)); err != nil {
		return nil, err
	}
	l := limits{
		Time: sessionTime, Memory: o.Memory, Processes: sessionProcesses, File: sessionDisk, Disk: sessionDisk, Entries: sessionEntries,
	}
	run := spec{
		Kind: k, Self: self, Path: self, Args: append([]string{self}, o.Args...), Dir: "/", Env: []string{},
		Read: append([]string{self, s.Trees}, o.Reads...), Home: home, Limits: l, Session: true,
	}
	run.Namespace, _ = os.Readlink("/proc/self/ns/pid")
	s.base = base
	return s, s.start(run)
}

// start starts the helper.
func (s *Session) start(run spec) error {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	cmd, err := helper(ctx, run)
	if err != nil {
		cancel()
		return err
	}
	control, err := cmd.StdinPipe()
	if err != nil {
		cancel()
		return err
	}
	answer := &meter{max: 64 << 10, keep: 64 << 10, over: cancel}
	stderr := &meter{max: endlessStderr, keep: maxStderr, over: cancel}
	cmd.Stderr = stderr
	var pipes sync.WaitGroup
	closeEnds, err := receive(cmd, &pipes, answer, io.Discard)
	if err != nil {
		cancel()
		return err
	}
	fail := func(err error) error {
		cancel()
		closeEnds()
		pipes.Wait()
		return err
	}
	inEnd, in, err := os.Pipe()
	if err != nil {
		return fail(err)
	}
	outEnd, out, err := os.Pipe()
	if err != nil {
		_, _ = in.Close(), inEnd.Close()
		return fail(err)
	}
	cmd.Stdout, cmd.ExtraFiles = out, append(cmd.ExtraFiles, inEnd)
	cmd.Cancel, cmd.WaitDelay = control.Close, grace
	if err := cmd.Start(); err != nil {
		_, _, _ = in.Close(), out.Close(), outEnd.Close()
		return fail(fmt.Errorf("start the sandbox: %w", err))
	}
	closeEnds()
	_ = out.Close()
	s.In, s.Out = in, outEnd
	_ = json.NewEncoder(control).Encode(run) // if the helper has died, its status says more than a broken pipe
	go func() {
		defer close(s.done)
		err := cmd.Wait()
		cancel()
		pipes.Wait()
		_, _ = in.Close(), outEnd.Close()
		r := result{stderr: stderr.b}
		answered := json.Unmarshal(answer.b, &r.status) == nil
		s.ended = Ended{Exit: r.Exit, Signal: r.Signal, Over: r.Over, Stderr: stderr.b, Err: r.verdict(run.Kind, nil, err, answered)}
	}()
	return nil
}

// Kill ends the session, if it has not ended. It does not wait.
func (s *Session) Kill() { s.cancel() }

// Wait waits until the session and all its processes have ended.
func (s *Session) Wait() Ended {
	<-s.done
	return s.ended
}

// Remove removes the session's files, with all in Trees. It is for a session that has ended.
func (s *Session) Remove() { _ = removeAll(s.base) }
