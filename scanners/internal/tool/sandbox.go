package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A Mode says how programs are confined.
type Mode string

// The modes, by the words of SECBYDESIGN_SANDBOX.
const (
	Auto     Mode = "auto"     // the best kind that works here; no program is started if none does
	Landlock Mode = "landlock" // Landlock and seccomp, in new namespaces if they are allowed
	Bwrap    Mode = "bwrap"    // bubblewrap, and Landlock and seccomp inside it
	Off      Mode = "off"      // limits only; Auto never chooses it
)

// ParseMode returns the Mode that one of the four words names.
func ParseMode(word string) (Mode, error) {
	switch m := Mode(word); m {
	case Auto, Landlock, Bwrap, Off:
		return m, nil
	}
	return "", fmt.Errorf("is %q: write auto, landlock, bwrap or off", word)
}

// A kind is a way to make a sandbox. In all kinds but bare, a helper process, which runs this
// program, gives up every right that the scanner's program does not need, and then becomes
// that program.
type kind string

const (
	bare       kind = "bare"       // nothing but limits
	landlocked kind = "landlock"   // Landlock (files) and seccomp (network and much else), which need no privilege
	namespaced kind = "namespaces" // the same in user, mount, PID, network, IPC and UTS namespaces
	wrapped    kind = "bwrap"      // the same in the namespaces and file system that bubblewrap makes
)

// masks reports whether the kind can hide files of a tree.
func (k kind) masks() bool { return k == namespaced || k == wrapped }

func (m Mode) kinds() []kind {
	switch m {
	case Off:
		return []kind{bare}
	case Landlock:
		return []kind{namespaced, landlocked}
	case Bwrap:
		return []kind{wrapped}
	}
	return []kind{wrapped, namespaced, landlocked}
}

// limits bound the resources of one run of a program.
type limits struct {
	Time      time.Duration
	Memory    int64 // of all its processes together
	Processes int
	File      int64 // the largest file it may write
	Disk      int64 // of all the files that it writes together
	Entries   int   // the number of files and folders
	Output    int64 // on standard output, and the same again in its report
}

// defaults are generous: they are for programs that run wild, not for slow ones.
var defaults = limits{
	Time: 10 * time.Minute, Memory: 2 << 30, Processes: 256, File: 512 << 20, Disk: 1 << 30, Entries: 200_000, Output: 64 << 20,
}

// A sandbox holds the limits, and chooses the kind of sandbox to use on this machine.
type sandbox struct {
	limits limits
	choose func() (kind, error)
}

func newSandbox(m Mode) *sandbox {
	s := &sandbox{limits: defaults}
	s.choose = sync.OnceValues(func() (kind, error) { return s.probe(m) })
	return s
}

// probe returns the first kind that works.
func (s *sandbox) probe(m Mode) (kind, error) {
	var failed []error
	for _, k := range m.kinds() {
		err := s.try(k)
		if err == nil {
			return k, nil
		}
		failed = append(failed, fmt.Errorf("%s: %w", k, err))
	}
	return "", &noSandboxError{errors.Join(failed...)}
}

// noSandboxError reports that no program can be started. Its text, which is for the operator, says why.
type noSandboxError struct{ err error }

func (e *noSandboxError) Error() string {
	return "no sandbox that works on this machine, so no scanner program is started: install bubblewrap, or set SECBYDESIGN_SANDBOX (" +
		strings.ReplaceAll(e.err.Error(), "\n", "; ") + ")"
}

// try starts this program in a sandbox, where it attempts forbidden operations. try fails if any of
// them succeeds.
func (s *sandbox) try(k kind) error {
	if k == bare {
		return nil
	}
	base, err := os.MkdirTemp("", "secbydesign-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(base)
	if base, err = filepath.EvalSymlinks(base); err != nil {
		return err
	}
	for _, dir := range []string{"tree", "home", "other"} {
		if err := errors.Join(os.Mkdir(filepath.Join(base, dir), 0o700), os.WriteFile(filepath.Join(base, dir, "file"), []byte(dir), 0o600)); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	self, err := executable()
	if err != nil {
		return err
	}
	attempts, err := json.Marshal(attempts{
		Tree: filepath.Join(base, "tree"), Home: filepath.Join(base, "home"), Other: filepath.Join(base, "other"),
		Address: listener.Addr().String(), Host: os.Getpid(), Kind: k,
	})
	if err != nil {
		return err
	}
	l := s.limits
	l.Time = 20 * time.Second
	// The processes that it leaves running hold its standard error open, so execute notices if any is not ended.
	out, err := execute(context.Background(), l, spec{
		Kind: k, Path: self, Args: []string{self, helperFlag, tryFlag, string(attempts)},
		Dir: filepath.Join(base, "tree"), Home: filepath.Join(base, "home"), Read: []string{filepath.Join(base, "tree"), self},
	})
	if err != nil {
		return err
	}
	if out.Exit != 0 {
		return fmt.Errorf("it does not hold: %s", strings.TrimSpace(string(out.stderr)))
	}
	return nil
}

// attempts describes the operations that [sandbox.try] attempts inside the sandbox.
type attempts struct {
	Tree, Home, Other, Address string
	Host                       int // the id of the process that called try
	Kind                       kind
}

// make does what a program must be able to do, and attempts what it must not be able to do.
func (a attempts) make() error {
	if b, err := os.ReadFile(filepath.Join(a.Tree, "file")); err != nil || string(b) != "tree" {
		return fmt.Errorf("the tree cannot be read: %w", err)
	}
	if err := os.WriteFile(filepath.Join(a.Home, "new"), nil, 0o600); err != nil {
		return fmt.Errorf("the private folder cannot be written: %w", err)
	}
	if _, err := os.ReadFile(filepath.Join(a.Other, "file")); err == nil {
		return errors.New("a file outside the tree can be read")
	}
	file := filepath.Join(a.Tree, "file")
	if os.WriteFile(filepath.Join(a.Tree, "new"), nil, 0o600) == nil || os.Truncate(file, 0) == nil || os.Chmod(file, 0) == nil || os.Remove(file) == nil {
		return errors.New("the tree can be written")
	}
	if c, err := net.DialTimeout("tcp", a.Address, time.Second); err == nil {
		_ = c.Close()
		return errors.New("there is a network")
	}
	if len(os.Environ()) > 0 {
		return errors.New("the environment is not empty")
	}
	return errors.Join(a.calls(), a.linger())
}

// linger starts processes that keep running until the end of the run ends them.
func (a attempts) linger() error {
	for range 2 {
		if err := startAlone(a.Home); err != nil {
			return fmt.Errorf("no process can be started: %w", err)
		}
	}
	return nil
}

// bwrapProgram returns the absolute path of bubblewrap on the PATH. It refuses a path found through a
// relative folder of PATH.
func bwrapProgram() (string, error) {
	path, err := exec.LookPath("bwrap")
	if err == nil && !filepath.IsAbs(path) {
		err = exec.ErrDot
	}
	return path, err
}
