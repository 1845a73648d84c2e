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
	"sync"
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
	}
	os.Exit(2)
}

// watch is the first step. It never returns.
func watch() {
	syscall.CloseOnExec(statusFile)
	syscall.CloseOnExec(reportFile)
	var s spec
	var once sync.Once // the first to tell knows why the others have something to tell
	tell := func(st status) {
		once.Do(func() { _ = json.NewEncoder(os.NewFile(statusFile, "status")).Encode(st) })
	}
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		os.Exit(1)
	}
	// Orphans become children of this process, so that none is lost sight of.
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		tell(status{Failed: err.Error()})
		os.Exit(1)
	}
	if s.Kind == namespaced {
		if err := furnish(s); err != nil {
			tell(status{Failed: err.Error()})
			os.Exit(1)
		}
	}
	if s.Prepared != "" {
		if err := link(s.Prepared, s.Links); err != nil {
			tell(status{Failed: err.Error()})
			os.Exit(1)
		}
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when nobody is interested any more
		end(s.Kind)
		os.Exit(1)
	}()
	cmd, failed, err := second(s)
	if err != nil {
		tell(status{Failed: err.Error()})
		os.Exit(1)
	}
	go func() {
		for range time.Tick(50 * time.Millisecond) {
			if over := s.Limits.over(); over != "" {
				tell(status{Over: over})
				end(s.Kind)
				os.Exit(0)
			}
		}
	}()
	why, _ := io.ReadAll(failed)
	err = cmd.Wait()
	st := status{Exit: cmd.ProcessState.ExitCode(), Failed: string(why)}
	if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		st.Signal = ws.Signal().String()
	}
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		st.Failed = err.Error()
	}
	handOver(s)
	tell(st)
	end(s.Kind)
	os.Exit(0)
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

// furnish makes the file system of new namespaces: everything as it was, but not to be written,
// with own processes and private places to write.
func furnish(s spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	for _, path := range s.Mask {
		if err := unix.Mount(s.Empty, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("withhold a file: %w", err)
		}
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &attr); err != nil {
		return fmt.Errorf("mounts that cannot be written: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	// A wall against fork bombs where the kernel has it (6.14): 301 is the least it takes.
	_ = os.WriteFile("/proc/sys/kernel/pid_max", []byte(strconv.Itoa(max(s.Limits.Processes*4, 301))), 0)
	for dir, size := range map[string]int64{s.Home: s.Limits.Disk, "/dev/shm": 64 << 20} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700,size="+strconv.FormatInt(size, 10)); err != nil {
			return fmt.Errorf("mount a private folder: %w", err)
		}
	}
	return nil
}

// second starts the second step. What it writes to failed is why it could not become the program.
func second(s spec) (cmd *exec.Cmd, failed *os.File, err error) {
	cmd = exec.Command(s.Self, helperFlag, enterFlag)
	cmd.Dir, cmd.Env = s.Dir, []string{}
	cmd.Stdin = strings.NewReader(s.Stdin)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	specs, specEnd, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	failed, failEnd, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.ExtraFiles = []*os.File{specs, failEnd}
	if err := cmd.Start(); err != nil {
		return nil, nil, err
	}
	_ = specs.Close()
	_ = failEnd.Close()
	s.Stdin = ""
	err = json.NewEncoder(specEnd).Encode(s)
	return cmd, failed, errors.Join(err, specEnd.Close())
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
	const truncate = 3 // since then it bounds all writing, https://docs.kernel.org/userspace-api/landlock.html
	if s.Kind == landlocked && (err != nil || abi < truncate) {
		return errors.New("the kernel has no Landlock that is new enough (Linux 6.2)")
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

// over names the limit that this process's descendants exceed together, if any.
func (l limits) over() string {
	all := descendants()
	if len(all) > l.Processes {
		return "processes"
	}
	var memory int64
	for _, pid := range all {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
		if fields := strings.Fields(string(b)); err == nil && len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			memory += pages * int64(os.Getpagesize())
		}
	}
	if memory > l.Memory {
		return "memory"
	}
	return ""
}

// descendants gives the processes that came of this one and still live.
func descendants() (all []int) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = dir.Close() }()
	names, _ := dir.Readdirnames(-1)
	children := map[int][]int{}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		b, err := os.ReadFile("/proc/" + name + "/stat")
		// The name, in parentheses, may hold anything; state and parent follow it.
		_, rest, ok := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
		fields := strings.Fields(rest)
		if err != nil || !ok || len(fields) < 2 || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], pid)
	}
	todo := []int{os.Getpid()}
	for len(todo) > 0 {
		found := children[todo[0]]
		all, todo = append(all, found...), append(todo[1:], found...)
	}
	return all
}

// end kills all descendants. In a PID namespace the kernel does so when its first process ends.
func end(k kind) {
	if k == namespaced || k == wrapped {
		return
	}
	for range 1000 {
		left := descendants()
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(time.Millisecond)
	}
}
