package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// The helper is this program once more, in two steps. The first (watch) makes the namespaces'
// insides, starts the second, watches over it and all that comes of it, and tells how it ended. The
// second (enter) gives up its rights and becomes the scanner's program.

// system is what every program may read of the machine.
var system = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32",
	"/etc/alternatives", "/etc/group", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
	"/etc/magic", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd", "/etc/pki/tls/certs",
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/timezone",
}

// devices may be written to as well.
var devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}

// The files by which watch and enter speak with who started them.
const (
	statusFile = 3 // of watch
	reportFile = 4 // of watch
	specFile   = 3 // of enter
	failFile   = 4 // of enter
)

// helper gives the command of the first step.
func helper(ctx context.Context, s spec) (*exec.Cmd, error) {
	path, args := s.Self, []string{s.Self, helperFlag, watchFlag}
	attr := &syscall.SysProcAttr{Setsid: true}
	switch s.Kind {
	case namespaced:
		attr.Cloneflags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	case wrapped:
		bwrap, err := bwrapProgram()
		if err != nil {
			return nil, err
		}
		path, args = bwrap, append(bwrapArgs(bwrap, s), args...)
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Args, cmd.Env, cmd.SysProcAttr = args, []string{}, attr
	cmd.Dir = "/"
	return cmd, nil
}

// bwrapArgs make a file system of only what may be read, and namespaces.
func bwrapArgs(bwrap string, s spec) []string {
	args := []string{
		bwrap, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev",
		"--size", "67108864", "--tmpfs", "/dev/shm",
	}
	for _, path := range append(append([]string{}, system...), append(s.Read, s.Self)...) {
		args = append(args, "--ro-bind-try", path, path)
	}
	for _, path := range s.Mask {
		args = append(args, "--ro-bind", s.Empty, path)
	}
	return append(args, "--size", strconv.FormatInt(s.Limits.Disk, 10), "--tmpfs", s.Home, "--remount-ro", "/", "--")
}

// Helper must be the first call of a program that starts scanners. When the program was started
// as the helper of a sandbox, it does that and does not return.
func Helper() {
	if len(os.Args) < 3 || os.Args[1] != helperFlag {
		return
	}
	switch os.Args[2] {
	case watchFlag:
		watch()
	case enterFlag:
		enter()
	case tryFlag:
		var a attempts
		if err := errors.Join(json.Unmarshal([]byte(os.Args[3]), &a), a.make()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	case lingerFlag:
		time.Sleep(time.Minute)
	}
	os.Exit(2)
}

// calls tries system calls that reach others, of which each kind relies on that they are refused.
func (a attempts) calls() error {
	var none unix.Rlimit
	if unix.Prlimit(a.Host, unix.RLIMIT_CORE, nil, &none) == nil || unix.Prlimit(os.Getppid(), unix.RLIMIT_CORE, nil, &none) == nil {
		return errors.New("the limits of other processes can be reached")
	}
	if a.Kind == landlocked && (unix.Kill(a.Host, 0) == nil || unix.Kill(os.Getppid(), 0) == nil) {
		return errors.New("other processes can be signalled")
	}
	if id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 1, unix.IPC_CREAT|0o600); err == nil {
		_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		return errors.New("memory can be left behind")
	}
	if fd, err := unix.MemfdCreate("secbydesign", 0); err == nil {
		_ = unix.Close(fd)
		return errors.New("memory can be hidden")
	}
	if fd, err := unix.InotifyInit1(0); err == nil {
		_ = unix.Close(fd)
		return errors.New("folders can be watched")
	}
	return nil
}

// startAlone starts this program once more, as one that sleeps in a session of its own.
func startAlone(dir string) error {
	cmd := exec.Command(os.Args[0], helperFlag, lingerFlag)
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.SysProcAttr = dir, []string{}, os.Stderr, &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// watch is the first step. It never returns.
func watch() {
	runtime.LockOSThread() // for enclose
	syscall.CloseOnExec(statusFile)
	syscall.CloseOnExec(reportFile)
	tell := func(st status) {
		_ = json.NewEncoder(os.NewFile(statusFile, "status")).Encode(st)
		os.Exit(0)
	}
	var s spec
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		tell(status{Failed: "it was not told what to start"})
	}
	run, err := begin(s)
	if err != nil {
		tell(status{Failed: err.Error()})
	}
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when nobody is interested any more
		close(gone)
	}()
	over := make(chan string, 2)
	go newGauge(s).watch(over)
	var st status
	select {
	case ws := <-run.ended:
		st.Exit = ws.ExitStatus()
		if ws.Signaled() {
			st.Signal = ws.Signal().String()
		}
	case st.Over = <-over:
	case <-gone:
	}
	// Nothing of the run is running when its report is copied and its end is reported.
	if st.Left = run.end(); st.Left == 0 {
		why, _ := io.ReadAll(run.failed)
		st.Failed = string(why)
		handOver(s)
	}
	tell(st)
}

// begin makes what the program runs in, and starts it.
func begin(s spec) (*family, error) {
	// Orphans become children of this process, so that none is lost sight of.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, err
	}
	if s.Kind == namespaced {
		if err := newRoot(s); err != nil {
			return nil, err
		}
	}
	closed, err := enclose(s)
	if err != nil {
		return nil, err
	}
	if s.Prepared != "" {
		if err := link(s.Prepared, s.Links); err != nil {
			return nil, err
		}
	}
	pid, failed, err := second(s)
	if err != nil {
		return nil, err
	}
	f := &family{closed: closed, failed: failed, ended: make(chan syscall.WaitStatus, 1), none: make(chan struct{})}
	go f.reap(pid)
	return f, nil
}

// handOver copies the report, which must be a plain file, to who wants it.
func handOver(s spec) {
	out := os.NewFile(reportFile, "report")
	defer func() { _ = out.Close() }()
	if s.Report == "" {
		return
	}
	in, err := os.OpenFile(s.Report, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return
	}
	defer func() { _ = in.Close() }()
	if stat, err := in.Stat(); err == nil && stat.Mode().IsRegular() {
		_, _ = io.Copy(out, io.LimitReader(in, s.Limits.Output+1))
	}
}

// second starts the second step. What it writes to failed is why it could not become the program.
func second(s spec) (pid int, failed *os.File, err error) {
	cmd := exec.Command(s.Self, helperFlag, enterFlag)
	cmd.Dir, cmd.Env = s.Dir, []string{}
	cmd.Stdin = strings.NewReader(s.Stdin)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	specs, specEnd, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	failed, failEnd, err := os.Pipe()
	if err != nil {
		return 0, nil, err
	}
	cmd.ExtraFiles = []*os.File{specs, failEnd}
	if err := cmd.Start(); err != nil {
		return 0, nil, err
	}
	_ = specs.Close()
	_ = failEnd.Close()
	s.Stdin = ""
	err = json.NewEncoder(specEnd).Encode(s)
	return cmd.Process.Pid, failed, errors.Join(err, specEnd.Close())
}

// enter is the second step. It never returns.
func enter() {
	// What is given up is given up by this thread, and it is this thread that becomes the program.
	runtime.LockOSThread()
	fail := func(err error) {
		fmt.Fprint(os.NewFile(failFile, "fail"), err)
		os.Exit(1)
	}
	syscall.CloseOnExec(specFile)
	syscall.CloseOnExec(failFile)
	var s spec
	if err := json.NewDecoder(os.NewFile(specFile, "spec")).Decode(&s); err != nil {
		fail(err)
	}
	// Where memory runs out the kernel is to end this program, and not who started it.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	if err := s.limit(); err != nil {
		fail(fmt.Errorf("set limits: %w", err))
	}
	if s.Kind != bare {
		if err := s.giveUpFiles(); err != nil {
			fail(err)
		}
		if err := giveUpCapabilities(); err != nil {
			fail(err)
		}
		if err := giveUpCalls(s.Kind); err != nil {
			fail(err)
		}
	}
	syscall.Umask(0o077)
	fail(fmt.Errorf("start the program: %w", syscall.Exec(s.Path, s.Args, s.Env)))
}

// limit sets limits for each process. They do not bound address space, of which many runtimes
// reserve a thousand times what they use.
func (s spec) limit() error {
	set := map[int]uint64{
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  uint64(s.Limits.File),
		unix.RLIMIT_DATA:   4 * uint64(s.Limits.Memory), // what is used is watched; this counts what may be
		unix.RLIMIT_NOFILE: 4096,
		unix.RLIMIT_CPU:    uint64(s.Limits.Time.Seconds())*uint64(runtime.NumCPU()) + 1,
	}
	if s.Kind == namespaced || s.Kind == wrapped {
		set[unix.RLIMIT_NPROC] = 4 * uint64(s.Limits.Processes) // here it counts in the namespace, and threads
	} else {
		// Elsewhere it counts all that the user has, also in other containers, where they cannot be seen from
		// here: a wall far behind that, so that a fork bomb does not fill the machine before it is ended.
		set[unix.RLIMIT_NPROC] = uint64(tasksOf(os.Getuid()) + 16*s.Limits.Processes)
	}
	for what, most := range set {
		// syscall's and not unix's, because the former remembers not to undo it.
		var have syscall.Rlimit
		if err := syscall.Getrlimit(what, &have); err != nil {
			return err
		}
		most = min(most, have.Max)
		if err := syscall.Setrlimit(what, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
			return err
		}
	}
	return nil
}

// giveUpFiles leaves what the program may read, and its home.
func (s spec) giveUpFiles() error {
	abi, err := ll.LandlockGetABIVersion()
	if s.Kind == landlocked && (err != nil || abi < landlockSignals) {
		return errOldLandlock
	}
	if err != nil || abi < 2 { // elsewhere it only adds to the namespaces
		return nil
	}
	home := landlock.RWDirs(s.Home).WithRefer()
	rules := []landlock.Rule{home, landlock.RWFiles(devices...).IgnoreIfMissing()}
	if s.Kind != landlocked {
		rules = append(rules, landlock.RODirs("/proc").IgnoreIfMissing(), landlock.RWDirs("/dev/shm").IgnoreIfMissing())
	}
	for _, path := range append(append([]string{}, system...), s.Read...) {
		switch stat, err := os.Stat(path); {
		case err != nil: // what is not there needs no rule
		case stat.IsDir():
			rules = append(rules, landlock.RODirs(path))
		default:
			rules = append(rules, landlock.ROFiles(path))
		}
	}
	if err := landlock.V11.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	return nil
}

// giveUpCapabilities makes root an ordinary user, here and in what comes of it.
func giveUpCapabilities() error {
	for c := range uintptr(64) {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break // there are no more
		}
	}
	_ = unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	return nil
}
