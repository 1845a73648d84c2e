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

// The helper is a second process of this program, in two steps. The first (watch) sets up the inside of
// the namespaces, starts the second, watches it and all its descendants, and reports how it ended. The
// second (enter) gives up its rights and becomes the scanner's program.

// system lists the files and folders of the machine that every program may read.
var system = []string{
	"/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32",
	"/etc/alternatives", "/etc/group", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
	"/etc/magic", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/os-release", "/etc/passwd", "/etc/pki/tls/certs",
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/timezone",
}

// devices lists the devices that every program may read and write.
var devices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}

// The file descriptors through which watch and enter communicate with the process that started them.
const (
	statusFile = 3 // in watch
	reportFile = 4 // in watch
	inputFile  = 5 // in watch, of a session
	specFile   = 3 // in enter
	failFile   = 4 // in enter
)

// startQuickly is the environment of both steps, and not of the program. Most of their work is what each package of this
// program prepares when it starts; without collecting garbage meanwhile, they start in two thirds of the time. They
// collect it as soon as they use more, which only happens in a long session.
var startQuickly = []string{"GOGC=off", "GOMEMLIMIT=48MiB"}

// helper returns the command of the first step.
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
	cmd.Args, cmd.Env, cmd.SysProcAttr = args, startQuickly, attr
	cmd.Dir = "/"
	return cmd, nil
}

// bwrapArgs returns the arguments with which bubblewrap makes new namespaces, and a file system that holds
// only the files that may be read.
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

// Helper must be the first call of a program that starts scanners. If the program was started as the
// helper of a sandbox, Helper does the helper's work and does not return.
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
			exit(1)
		}
		exit(0)
	case lingerFlag:
		time.Sleep(time.Minute)
	}
	exit(2)
}

// calls tries system calls that reach other processes. Each kind of sandbox relies on them being refused.
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

// startAlone starts this program again, as a process that sleeps in a new session.
func startAlone(dir string) error {
	cmd := exec.Command(os.Args[0], helperFlag, lingerFlag)
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.SysProcAttr = dir, []string{}, os.Stderr, &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// exit ends a helper. os.Exit waits a second for reports in a program that was built for the race detector, and
// a scan starts several helpers.
func exit(code int) { syscall.Exit(code) }

// watch is the first step. It never returns.
func watch() {
	runtime.LockOSThread() // for enclose
	syscall.CloseOnExec(statusFile)
	syscall.CloseOnExec(reportFile)
	syscall.CloseOnExec(inputFile)
	reportStatus := func(st status) {
		_ = json.NewEncoder(os.NewFile(statusFile, "status")).Encode(st)
		exit(0)
	}
	var s spec
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		reportStatus(status{Failed: "it received no program to start"})
	}
	run, err := begin(s)
	if err != nil {
		reportStatus(status{Failed: err.Error()})
	}
	gone := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the run is cancelled or the program that started it dies
		close(gone)
	}()
	over := make(chan string, 2)
	gauge := newGauge(s)
	gauge.main = run.pid
	go gauge.watch(over)
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
	// No process of the run is running when its report is copied and its end is reported.
	if st.Left = run.end(); st.Left == 0 {
		why, _ := io.ReadAll(run.failed)
		st.Failed = string(why)
		handOver(s)
	}
	reportStatus(st)
}

// begin sets up the program's surroundings, and starts it.
func begin(s spec) (*family, error) {
	// Orphans become children of this process, so that it can still find them.
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
	f := &family{pid: pid, closed: closed, failed: failed, ended: make(chan syscall.WaitStatus, 1), none: make(chan struct{})}
	go f.reap(pid)
	return f, nil
}

// handOver copies the report, which must be a regular file, to the process that started the helper.
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

// second starts the second step. If that cannot become the program, it writes the reason to failed.
func second(s spec) (pid int, failed *os.File, err error) {
	cmd := exec.Command(s.Self, helperFlag, enterFlag)
	cmd.Dir, cmd.Env = s.Dir, startQuickly
	cmd.Stdin = strings.NewReader(s.Stdin)
	if s.Session {
		input := os.NewFile(inputFile, "input")
		defer func() { _ = input.Close() }() // or it would not notice that the other end is closed
		cmd.Stdin = input
	}
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
	// Rights are given up per thread, and this thread has to be the one that becomes the program.
	runtime.LockOSThread()
	fail := func(err error) {
		fmt.Fprint(os.NewFile(failFile, "fail"), err)
		exit(1)
	}
	syscall.CloseOnExec(specFile)
	syscall.CloseOnExec(failFile)
	var s spec
	if err := json.NewDecoder(os.NewFile(specFile, "spec")).Decode(&s); err != nil {
		fail(err)
	}
	if s.Session { // it may be in an endless loop when the helper is killed
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
			fail(fmt.Errorf("end with the helper: %w", err))
		}
	}
	// If memory runs out, the kernel should end this program, and not the process that started it.
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

// limit sets limits for each process. They do not bound address space, because many runtimes reserve a
// thousand times more of it than they use.
func (s spec) limit() error {
	set := map[int]uint64{
		unix.RLIMIT_CORE:   0,
		unix.RLIMIT_FSIZE:  uint64(s.Limits.File),
		unix.RLIMIT_DATA:   4 * uint64(s.Limits.Memory), // the gauge watches what is used; this counts what may be used
		unix.RLIMIT_NOFILE: 4096,
		unix.RLIMIT_CPU:    uint64(s.Limits.Time.Seconds())*uint64(runtime.NumCPU()) + 1,
	}
	if s.Kind == namespaced || s.Kind == wrapped {
		set[unix.RLIMIT_NPROC] = 4 * uint64(s.Limits.Processes) // here it counts the namespace's processes, and their threads
	} else {
		// Otherwise it counts all processes of the user, even those in other containers, which cannot be seen
		// from here. So the limit is far above their number: it only keeps a fork bomb from filling the
		// machine before it is ended.
		set[unix.RLIMIT_NPROC] = uint64(tasksOf(os.Getuid()) + 16*s.Limits.Processes)
	}
	for what, most := range set {
		// Use package syscall, not unix, because syscall then knows not to undo it.
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

// giveUpFiles gives up access to all files but those that the program may read, and its home folder.
func (s spec) giveUpFiles() error {
	abi, err := ll.LandlockGetABIVersion()
	if s.Kind == landlocked && (err != nil || abi < landlockSignals) {
		return errOldLandlock
	}
	if err != nil || abi < 2 { // the other kinds do not need it, since they have namespaces
		return nil
	}
	home := landlock.RWDirs(s.Home).WithRefer()
	rules := []landlock.Rule{home, landlock.RWFiles(devices...).IgnoreIfMissing()}
	if s.Kind != landlocked {
		rules = append(rules, landlock.RODirs("/proc").IgnoreIfMissing(), landlock.RWDirs("/dev/shm").IgnoreIfMissing())
	}
	for _, path := range append(append([]string{}, system...), s.Read...) {
		switch stat, err := os.Stat(path); {
		case err != nil: // a missing file needs no rule
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

// giveUpCapabilities makes root an ordinary user, in this process and its descendants.
func giveUpCapabilities() error {
	for c := range uintptr(64) {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break // there are no more capabilities
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
