package tool

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// A family is a program and all its descendants. The process that made the family is its subreaper: each
// process of the family that loses its parent becomes a child of the subreaper.
type family struct {
	pid    int                     // of the program
	closed closed                  // what keeps a signal to all processes within the family
	failed *os.File                // why the program was not started
	ended  chan syscall.WaitStatus // how the program ended
	none   chan struct{}           // closed when the kernel has no more processes of the family
}

// closed says what makes a signal to all processes reach the family only.
type closed int

const (
	byNothing closed = iota
	byNamespace
	byLandlock
)

// landlockSignals is the first version of Landlock that keeps signals in (Linux 6.12).
// https://docs.kernel.org/userspace-api/landlock.html#signal-scoping-abi-version-6
const landlockSignals = 6

var errOldLandlock = errors.New("the kernel's Landlock does not keep signals in, so a program could kill others and outlive its run: Linux 6.12 or newer is needed, or user namespaces, or bubblewrap")

// enclose makes sure that a signal to all processes reaches the family only. Only such a signal can end
// processes that start others faster than they can be counted. Namespaces ensure it. Otherwise this
// thread enters a Landlock domain, and the program enters another one inside it, from which it cannot signal
// this process. Without a sandbox it is possible that nothing ensures it. The same thread must start the
// program and send the signal, because each thread has its own domain.
func enclose(s spec) (closed, error) {
	if s.Kind == namespaced || s.Kind == wrapped {
		own, err := os.Readlink("/proc/self/ns/pid")
		if err == nil && (own == s.Namespace || s.Namespace == "") {
			err = errors.New("it has no process namespace of its own")
		}
		return byNamespace, err
	}
	err := errOldLandlock
	if abi, errABI := ll.LandlockGetABIVersion(); errABI == nil && abi >= landlockSignals {
		err = scopeSignals()
	}
	if err == nil && !signalsStayIn() {
		err = errors.New("signals leave the sandbox of Landlock")
	}
	if err != nil && s.Kind == bare {
		return byNothing, nil
	}
	return byLandlock, err
}

// scopeSignals keeps the signals of this thread, and of what it starts, within a new Landlock domain.
func scopeSignals() error {
	fd, err := ll.LandlockCreateRuleset(&ll.RulesetAttr{Scoped: ll.ScopeSignal}, 0)
	if err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if err := ll.LandlockRestrictSelf(fd, 0); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return nil
}

// signalsStayIn reports whether Landlock stops this thread from signalling the process that started it.
func signalsStayIn() bool {
	return errors.Is(unix.Kill(os.Getppid(), 0), unix.EPERM)
}

// reap waits for every process of the family that ends, until there are none.
func (f *family) reap(program int) {
	defer close(f.none)
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, unix.WALL, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil: // without children there are no descendants
			return
		case pid == program && (ws.Exited() || ws.Signaled()):
			f.ended <- ws
		}
	}
}

// end kills the family. It returns 0 when the kernel confirms that no process of it is left; otherwise, after
// endWithin, it returns how many are left, at least 1. Only the thread that called [enclose] may call it.
func (f *family) end() (left int) {
	late := time.After(endWithin)
	for {
		f.kill()
		select {
		case <-f.none:
			return 0
		case <-late:
			return max(len(descendants()), 1)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (f *family) kill() {
	if f.closed == byNamespace || f.closed == byLandlock && signalsStayIn() {
		_ = unix.Kill(-1, unix.SIGKILL) // no process can fork while the kernel does this
		return
	}
	// A stopped process does not fork. Each round stops the processes that the last one has not seen.
	stopped := map[int]bool{}
	for range 1000 {
		more := false
		for _, p := range descendants() {
			if !stopped[p.pid] {
				stopped[p.pid], more = true, true
				_ = unix.Kill(p.pid, unix.SIGSTOP)
			}
		}
		if !more {
			break
		}
	}
	for pid := range stopped {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// A process is one process of a family.
type process struct {
	pid, parent, threads int
	ended                bool // it ended, but its parent has not waited for it
}

// descendants returns the descendants of this process.
func descendants() (all []process) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	children := map[int][]process{}
	for _, name := range names {
		if p, ok := readProcess(name); ok {
			children[p.parent] = append(children[p.parent], p)
		}
	}
	todo := []process{{pid: os.Getpid()}}
	for len(todo) > 0 {
		found := children[todo[0].pid]
		all, todo = append(all, found...), append(todo[1:], found...)
	}
	return all
}

// descendantsOf returns the descendants of a process by the kernel's lists of children. It reads the files of the family
// only, and not those of all processes of the machine as [descendants] does. A list may lack a child while another one
// ends, see proc_tid_children(5), so nothing is ended by it. ok is false if the kernel has no such lists.
func descendantsOf(pid int) (all []process, ok bool) {
	todo := []int{pid}
	for len(todo) > 0 {
		tasks := procFile(todo[0], "task")
		todo = todo[1:]
		threads, _ := os.ReadDir(tasks) // the process may have ended
		for _, thread := range threads {
			list, err := os.ReadFile(tasks + "/" + thread.Name() + "/children")
			if err != nil {
				continue
			}
			ok = true
			for _, name := range strings.Fields(string(list)) {
				if p, is := readProcess(name); is {
					all, todo = append(all, p), append(todo, p.pid)
				}
			}
		}
	}
	return all, ok
}

// readProcess reads what the kernel says about one process.
func readProcess(name string) (process, bool) {
	pid, err := strconv.Atoi(name)
	if err != nil {
		return process{}, false
	}
	b, err := os.ReadFile("/proc/" + name + "/stat")
	// The name, in parentheses, may hold anything; the other fields follow it.
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	const state, parent, threads = 0, 1, 17
	if err != nil || len(fields) <= threads {
		return process{}, false
	}
	p := process{pid: pid, ended: fields[state] == "Z" || fields[state] == "X"}
	p.parent, _ = strconv.Atoi(fields[parent])
	p.threads, _ = strconv.Atoi(fields[threads])
	return p, true
}

// tasksOf counts the threads of a user's processes that can be seen from here.
func tasksOf(uid int) (n int) {
	names, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, name := range names {
		stat, err := name.Info()
		if err != nil {
			continue
		}
		if owner, ok := stat.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != uid {
			continue
		}
		if p, ok := readProcess(name.Name()); ok {
			n += max(p.threads, 1)
		}
	}
	return n
}
