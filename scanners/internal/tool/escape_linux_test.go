package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/secbydesign/secbydesign/scanners/programtest"
)

// A scene describes the surroundings of a program that tries to escape from its sandbox.
type scene struct {
	Kind                       kind
	Tree, Home                 string
	Data                       string // a folder of the host, with "secret" and the link "link"
	TCP, UDP, Socket, Abstract string // where the host listens
	Victim                     int    // a process of the host
	Segment                    int    // a shared memory segment of the host
	Program                    string
}

func (s scene) secret() string { return filepath.Join(s.Data, "secret") }

// An attempt is one way to escape. try returns nil if it succeeded.
type attempt struct {
	name string
	try  func(scene) error
	// harmful attempts are not made if nothing would stop them.
	harmful bool
	// named gives the reason for each kind in which the attempt is known to succeed.
	named map[kind]string
}

const noWall = "no sandbox: only limits"

// call makes a system call that must be refused before the kernel reads its arguments.
func call(number uintptr, args ...uintptr) func(scene) error {
	return func(scene) error {
		var a [6]uintptr
		copy(a[:], args)
		_, _, errno := syscall.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
		switch errno {
		case unix.EPERM, unix.ENOSYS, unix.EACCES:
			return errno
		}
		return nil
	}
}

// onVictim makes a call with the victim's id as one argument. If the victim has no id in the sandbox, the
// call reaches nobody.
func onVictim(number uintptr, at int, args ...uintptr) func(scene) error {
	return func(s scene) error {
		var a [6]uintptr
		copy(a[:], args)
		a[at] = uintptr(s.Victim)
		_, _, errno := syscall.Syscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
		if errno == 0 {
			return nil
		}
		return errno
	}
}

func pointer[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

func socket(family, typ, protocol int) func(scene) error {
	return func(scene) error {
		_, err := unix.Socket(family, typ, protocol)
		if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EPROTONOSUPPORT) {
			return nil // the sandbox let the call through, but the kernel does not support it
		}
		return err
	}
}

// opens tries to open any of these files.
func opens(flags int, files ...string) func(scene) error {
	return func(s scene) error {
		var failed error
		for _, file := range files {
			file = strings.NewReplacer("{victim}", strconv.Itoa(s.Victim), "{data}", s.Data, "{home}", s.Home).Replace(file)
			f, err := os.OpenFile(file, flags, 0o600)
			if err == nil {
				_ = f.Close()
				return nil
			}
			failed = err
		}
		return failed
	}
}

var (
	// The program has to know the path: it cannot list folders outside.
	byPath = map[kind]string{landlocked: "Landlock does not keep from asking for a path that is known", bare: noWall}
	// This reveals only that the id is in use, and how its process is scheduled.
	byID = map[kind]string{landlocked: "without namespaces it can be asked whether a process id is in use", bare: noWall}
	none = map[kind]string{bare: noWall}
)

var (
	attribute   = []byte("user.x\x00")
	limitOfFew  = unix.Rlimit{Cur: 8, Max: 8}
	firstCPU    = unix.CPUSet{1}
	lowPriority int32
	idle        = unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: 5}
)

// The attempts, in the order in which they are made. Those that end the victim are last.
var escapes = []attempt{
	// Files.
	{"read a file elsewhere", func(s scene) error { _, err := os.ReadFile(s.secret()); return err }, false, none},
	{"list a folder elsewhere", func(s scene) error { _, err := os.ReadDir(s.Data); return err }, false, none},
	{"make a file elsewhere", opens(os.O_WRONLY|os.O_CREATE, "{data}/new", "/usr/secbydesign-new", "/etc/secbydesign-new", "/tmp/secbydesign-new", "/dev/shm/secbydesign-new/x"), true, nil},
	{"make a nameless file elsewhere", opens(unix.O_TMPFILE|os.O_RDWR, "{data}"), false, none},
	{"write to a file elsewhere", opens(os.O_WRONLY, "{data}/secret"), false, none},
	{"truncate a file elsewhere", func(s scene) error { return os.Truncate(filepath.Join(s.Data, "other"), 1) }, false, none},
	{"change who may read a file elsewhere", func(s scene) error { return os.Chmod(filepath.Join(s.Data, "other"), 0o644) }, false, none},
	{"change the time of a file elsewhere", func(s scene) error {
		return os.Chtimes(filepath.Join(s.Data, "other"), time.Unix(1, 0), time.Unix(1, 0))
	}, false, none},
	{"set an attribute of a file elsewhere", func(s scene) error {
		return unix.Setxattr(filepath.Join(s.Data, "other"), "user.x", []byte("x"), 0)
	}, false, none},
	{"write to the tree", opens(os.O_WRONLY|os.O_CREATE, "new"), false, none},
	{"overwrite the tree", opens(os.O_WRONLY, "file"), false, none},
	{"remove from the tree", func(scene) error { return errors.Join(os.Rename("file", "moved"), os.Rename("moved", "file")) }, false, none},
	{"change who may read the tree", func(scene) error { return os.Chmod("file", 0o644) }, false, none},
	{"change the time of the tree", func(scene) error { return os.Chtimes("file", time.Unix(1, 0), time.Unix(1, 0)) }, false, none},
	{"link a file elsewhere into home", func(s scene) error { return os.Link(s.secret(), filepath.Join(s.Home, "hard")) }, false, none},
	{"read through a symbolic link", func(s scene) error {
		link := filepath.Join(s.Home, "soft")
		_ = os.Symlink(s.secret(), link)
		_, err := os.ReadFile(link)
		return err
	}, false, none},
	{"move a file elsewhere into home", func(s scene) error {
		return os.Rename(filepath.Join(s.Data, "moved"), filepath.Join(s.Home, "moved"))
	}, false, none},
	{"make a device", func(s scene) error {
		return unix.Mknod(filepath.Join(s.Home, "disk"), unix.S_IFBLK|0o600, int(unix.Mkdev(259, 0)))
	}, true, nil},
	{"open a device", opens(os.O_RDWR, "/dev/mem", "/dev/kmsg", "/dev/vda", "/dev/sda", "/dev/fuse", "/dev/kvm", "/dev/loop-control", "/dev/net/tun", "/dev/ptmx", "/dev/tty"), true, nil},
	{"open the kernel's settings", opens(os.O_WRONLY, "/proc/sys/kernel/core_pattern", "/proc/sys/vm/drop_caches", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/sys/power/state"), true, nil},
	{"open a cgroup", opens(os.O_WRONLY, "/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/pids/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs"), true, nil},
	{"set flags of a file that outlive it", func(s scene) error {
		f, err := os.Create(filepath.Join(s.Home, "flagged"))
		if err != nil {
			return nil
		}
		defer f.Close()
		return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, 0x20)
	}, true, nil},
	{"set flags of a file in the newer way", call(unix.SYS_FILE_SETATTR), true, nil},
	{"read /etc/shadow and the like", opens(os.O_RDONLY, "/etc/shadow", "/etc/hostname", "/etc/hosts", "/root/.bashrc", "/var/log/dpkg.log"), false, none},

	// The network.
	{"connect by TCP", dials("tcp", func(s scene) string { return s.TCP }), false, none},
	{"send by UDP", dials("udp", func(s scene) string { return s.UDP }), false, none},
	{"connect to a Unix socket", dials("unix", func(s scene) string { return s.Socket }), false, none},
	{"connect to an abstract Unix socket", dials("unix", func(s scene) string { return s.Abstract }), false, none},
	{"a socket of IPv4", socket(unix.AF_INET, unix.SOCK_STREAM, 0), false, none},
	{"a socket of IPv6", socket(unix.AF_INET6, unix.SOCK_DGRAM, 0), false, none},
	{"a raw socket", socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP), false, none},
	{"a socket of packets", socket(unix.AF_PACKET, unix.SOCK_RAW, 0), false, none},
	{"a netlink socket", socket(unix.AF_NETLINK, unix.SOCK_RAW, 0), false, none},
	{"a socket to the hypervisor", socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0), false, none},
	{"a socket of the kernel's ciphers", socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0), false, none},
	{"a pair of datagram sockets", func(scene) error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0); return err }, false, none},
	{"hand on an open file", func(scene) error {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		return unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(0), nil, 0)
	}, false, none},

	// Other processes.
	{"trace another process", onVictim(unix.SYS_PTRACE, 1, unix.PTRACE_SEIZE), false, none},
	{"read another process's memory", func(s scene) error {
		b := make([]byte, 8)
		_, err := unix.ProcessVMReadv(s.Victim, []unix.Iovec{{Base: &b[0], Len: 8}}, []unix.RemoteIovec{{Base: pointer(&attribute[0]), Len: 7}}, 0)
		return err
	}, false, none},
	{"write another process's memory", call(unix.SYS_PROCESS_VM_WRITEV), true, nil},
	{"advise another process's memory", call(unix.SYS_PROCESS_MADVISE, ^uintptr(0)), true, nil},
	{"reap another process's memory", call(unix.SYS_PROCESS_MRELEASE, ^uintptr(0)), true, nil},
	{"move another process's pages", onVictim(unix.SYS_MOVE_PAGES, 0), false, none},
	{"migrate another process's pages", onVictim(unix.SYS_MIGRATE_PAGES, 0), true, nil},
	{"a handle of another process", onVictim(unix.SYS_PIDFD_OPEN, 0), false, none},
	{"another process's open files", call(unix.SYS_PIDFD_GETFD, ^uintptr(0)), true, nil},
	{"compare with another process", onVictim(unix.SYS_KCMP, 0, 0, uintptr(os.Getpid())), false, none},
	{"another process's list of locks", onVictim(unix.SYS_GET_ROBUST_LIST, 0, 0, pointer(&idle), pointer(&lowPriority)), false, none},
	{"set another process's limits", onVictim(unix.SYS_PRLIMIT64, 0, 0, unix.RLIMIT_NOFILE, pointer(&limitOfFew)), false, none},
	{"read another process's limits", func(s scene) error { return unix.Prlimit(s.Victim, unix.RLIMIT_CORE, nil, &unix.Rlimit{}) }, false, none},
	{"set another process's priority", onVictim(unix.SYS_SETPRIORITY, 1, unix.PRIO_PROCESS, 0, 5), false, none},
	{"set the priority of a group", func(scene) error { return unix.Setpriority(unix.PRIO_PGRP, 0, 0) }, true, nil},
	{"set the priority of a user", func(scene) error { return unix.Setpriority(unix.PRIO_USER, 0, 0) }, true, nil},
	{"set another process's processors", onVictim(unix.SYS_SCHED_SETAFFINITY, 0, 0, 8, pointer(&firstCPU)), false, none},
	{"set another process's scheduler", onVictim(unix.SYS_SCHED_SETSCHEDULER, 0, 0, 3, pointer(&lowPriority)), false, none},
	{"set another process's scheduling", onVictim(unix.SYS_SCHED_SETPARAM, 0, 0, pointer(&lowPriority)), false, none},
	{"set another process's attributes", onVictim(unix.SYS_SCHED_SETATTR, 0, 0, pointer(&idle)), false, none},
	{"share a core with another process", onVictim(unix.SYS_PRCTL, 2, unix.PR_SCHED_CORE, unix.PR_SCHED_CORE_SHARE_TO), true, nil},
	{"set another process's disk priority", onVictim(unix.SYS_IOPRIO_SET, 1, 1, 0, 3<<13), false, none},
	{"read another process's environment", opens(os.O_RDONLY, "/proc/{victim}/environ", "/proc/{victim}/maps", "/proc/{victim}/mem", "/proc/{victim}/cmdline"), false, none},
	{"offer another process to be killed", opens(os.O_WRONLY, "/proc/{victim}/oom_score_adj", "/proc/{victim}/clear_refs"), false, none},
	{"files by another process's root", func(s scene) error {
		_, err := os.ReadFile(fmt.Sprintf("/proc/%d/root%s", s.Victim, s.secret()))
		return err
	}, false, none},
	{"where another process is", func(s scene) error {
		_, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", s.Victim))
		return err
	}, false, none},
	{"write to its parent's memory", func(scene) error {
		f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", os.Getppid()), os.O_RDWR, 0)
		if err == nil {
			_ = f.Close()
		}
		return err
	}, false, none},
	{"signal its parent", func(scene) error { return unix.Kill(os.Getppid(), 0) }, false, none},
	{"signal everybody", func(scene) error { // see "what is outside is as it was"
		return errors.Join(unix.Kill(-1, unix.SIGWINCH), errors.New("what came of it is seen outside"))
	}, true, nil},
	{"signal by way of a pipe", func(s scene) error { // see "what is outside is as it was"
		var p [2]int
		if err := unix.Pipe(p[:]); err != nil {
			return err
		}
		for _, c := range [][2]int{{unix.F_SETOWN, s.Victim}, {unix.F_SETSIG, int(unix.SIGTERM)}, {unix.F_SETFL, unix.O_ASYNC}} {
			if _, err := unix.FcntlInt(uintptr(p[0]), c[0], c[1]); err != nil {
				return err
			}
		}
		_, err := unix.Write(p[1], []byte("x"))
		return errors.Join(err, errors.New("what came of it is seen outside"))
	}, true, nil},

	// Memory and queues that outlive a process.
	{"a segment of shared memory", func(scene) error {
		id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
		if err == nil {
			_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
		}
		return err
	}, false, none},
	{"another's segment of shared memory", func(s scene) error { _, err := unix.SysvShmAttach(s.Segment, 0, unix.SHM_RDONLY); return err }, false, none},
	{"a queue of messages", call(unix.SYS_MSGGET), true, nil},
	{"a set of semaphores", call(unix.SYS_SEMGET), true, nil},
	{"a POSIX queue", call(unix.SYS_MQ_OPEN), true, nil},
	{"a file in memory", func(scene) error { _, err := unix.MemfdCreate("x", 0); return err }, false, none},
	{"a secret file in memory", call(unix.SYS_MEMFD_SECRET), false, none},
	{"huge pages", func(scene) error {
		_, err := unix.Mmap(-1, 0, 2<<20, unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_HUGETLB)
		if errors.Is(err, unix.ENOMEM) {
			return nil // the sandbox let the call through
		}
		return err
	}, false, none},
	{"memory that only a pipe holds", call(unix.SYS_VMSPLICE, ^uintptr(0)), true, nil},
	{"larger buffers of sockets", func(scene) error {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		if err != nil {
			return err
		}
		return unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1<<20)
	}, false, none},
	{"a key", call(unix.SYS_ADD_KEY), true, nil},
	{"a keyring", call(unix.SYS_KEYCTL, 0, ^uintptr(2)), true, nil},
	{"lift a limit", func(scene) error {
		return syscall.Setrlimit(unix.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 40, Max: 1 << 40})
	}, false, none},
	{"hide from who counts", func(scene) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }, false, none},

	// The kernel and the machine.
	{"io_uring", call(unix.SYS_IO_URING_SETUP), true, nil},
	{"bpf", call(unix.SYS_BPF), true, nil},
	{"perf events", call(unix.SYS_PERF_EVENT_OPEN), true, nil},
	{"faults handled by programs", call(unix.SYS_USERFAULTFD), true, nil},
	{"mount", call(unix.SYS_MOUNT), true, nil},
	{"unmount", call(unix.SYS_UMOUNT2), true, nil},
	{"mount in the newer way", call(unix.SYS_FSOPEN), true, nil},
	{"a copy of mounts", call(unix.SYS_OPEN_TREE), true, nil},
	{"the list of mounts", call(unix.SYS_LISTMOUNT), true, nil},
	{"a user namespace", call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER), true, nil},
	{"a user namespace by clone", func(scene) error {
		cmd := exec.Command("/bin/true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
		return cmd.Run()
	}, true, nil},
	{"a user namespace by clone3", call(unix.SYS_CLONE3), true, nil},
	{"another's namespace", call(unix.SYS_SETNS, ^uintptr(0)), true, nil},
	{"change the root", call(unix.SYS_CHROOT), true, nil},
	{"exchange the root", call(unix.SYS_PIVOT_ROOT), true, nil},
	{"reboot", call(unix.SYS_REBOOT), true, nil},
	{"swap", call(unix.SYS_SWAPON), true, nil},
	{"load a module", call(unix.SYS_INIT_MODULE), true, nil},
	{"load a module from a file", call(unix.SYS_FINIT_MODULE, ^uintptr(0)), true, nil},
	{"another kernel", call(unix.SYS_KEXEC_LOAD), true, nil},
	{"another kernel from a file", call(unix.SYS_KEXEC_FILE_LOAD, ^uintptr(0), ^uintptr(0)), true, nil},
	{"set the clock", call(unix.SYS_CLOCK_SETTIME), true, nil},
	{"set the time of day", call(unix.SYS_SETTIMEOFDAY), true, nil},
	{"tune the clock", call(unix.SYS_ADJTIMEX), true, nil},
	{"set the host's name", call(unix.SYS_SETHOSTNAME, 0, 1), true, nil},
	{"another personality", call(unix.SYS_PERSONALITY, 0x40000), true, nil},
	{"the kernel's log", call(unix.SYS_SYSLOG, 10), true, nil},
	{"process accounting", call(unix.SYS_ACCT, 1), true, nil},
	{"quotas", call(unix.SYS_QUOTACTL), true, nil},
	{"a handle of a file", call(unix.SYS_NAME_TO_HANDLE_AT, uintptr(0xffffff9c)), true, nil},
	{"a file by its handle", call(unix.SYS_OPEN_BY_HANDLE_AT, ^uintptr(0)), true, nil},
	{"a system call that is not known", call(900), true, nil},
	{"become another user", func(scene) error { return syscall.Setuid(map[bool]int{true: 1, false: 0}[os.Getuid() == 0]) }, true, nil},
	{"take a capability", func(scene) error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		data := [2]unix.CapUserData{{Effective: 1 << unix.CAP_SYS_ADMIN, Permitted: 1 << unix.CAP_SYS_ADMIN}}
		return unix.Capset(&header, &data[0])
	}, true, nil},
	{"gain by a program of another user", func(scene) error {
		out, err := exec.Command("/bin/sh", "-c", "/usr/bin/su root -c id 2>/dev/null </dev/null || /usr/bin/mount -t tmpfs x \"$HOME\"").CombinedOutput()
		if err == nil && strings.Contains(string(out), "uid=0") && os.Getuid() == 0 {
			return errors.New("it is that user already")
		}
		return err
	}, true, nil},

	// Names of files that cannot be read.
	{"watch a folder elsewhere", func(s scene) error {
		fd, err := unix.InotifyInit1(0)
		if err == nil {
			_, err = unix.InotifyAddWatch(fd, s.Data, unix.IN_ALL_EVENTS)
		}
		return err
	}, false, none},
	{"watch a folder in the older way", func(scene) error {
		f, err := os.Open(".")
		if err == nil {
			_, err = unix.FcntlInt(f.Fd(), unix.F_NOTIFY, 4)
		}
		return err
	}, false, none},
	{"a lease on a file", func(scene) error {
		f, err := os.Open("file")
		if err == nil {
			_, err = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
		}
		return err
	}, false, none},
	{"watch a file system", call(unix.SYS_FANOTIFY_INIT), true, nil},
	{"ask whether a path elsewhere exists", func(s scene) error { _, err := os.Stat(s.secret()); return err }, false, byPath},
	{"where a link elsewhere leads", func(s scene) error { _, err := os.Readlink(filepath.Join(s.Data, "link")); return err }, false, byPath},
	{"go to a folder elsewhere", func(s scene) error {
		err := os.Chdir(s.Data)
		_ = os.Chdir(s.Tree)
		return err
	}, false, byPath},
	{"a handle of a folder elsewhere", opens(unix.O_PATH, "{data}"), false, byPath},
	{"attributes of a file elsewhere", func(s scene) error {
		_, err := unix.Listxattr(s.secret(), make([]byte, 64))
		return err
	}, false, byPath},
	{"list the processes", func(s scene) error {
		names, err := os.ReadDir("/proc")
		if err == nil && !slices.ContainsFunc(names, func(e os.DirEntry) bool { return e.Name() == strconv.Itoa(s.Victim) }) {
			err = errors.New("the host's are not in it")
		}
		return err
	}, false, none},
	{"ask whether a process exists", func(s scene) error { _, err := os.Stat(fmt.Sprintf("/proc/%d", s.Victim)); return err }, false, byID},
	{"ask for a process's group", func(s scene) error { _, err := unix.Getpgid(s.Victim); return err }, false, byID},
	{"ask for a process's processors", func(s scene) error { return unix.SchedGetaffinity(s.Victim, &unix.CPUSet{}) }, false, byID},

	// Attempts that end the victim.
	{"signal a thread of another process", func(s scene) error { return unix.Tgkill(s.Victim, s.Victim, 0) }, false, none},
	{"signal by a handle", func(s scene) error {
		fd, err := unix.Open(fmt.Sprintf("/proc/%d", s.Victim), unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return err
		}
		return unix.PidfdSendSignal(fd, unix.SIGURG, nil, 0)
	}, false, none},
	{"queue a signal", func(s scene) error {
		var info [128]byte
		*(*int32)(unsafe.Pointer(&info[8])) = -1 // SI_QUEUE
		_, _, errno := unix.Syscall(unix.SYS_RT_SIGQUEUEINFO, uintptr(s.Victim), uintptr(unix.SIGURG), pointer(&info))
		if errno == 0 {
			return nil
		}
		return errno
	}, false, none},
	{"kill another process", func(s scene) error { return unix.Kill(s.Victim, unix.SIGKILL) }, false, none},
}

func dials(network string, address func(scene) string) func(scene) error {
	return func(s scene) error {
		c, err := net.DialTimeout(network, address(s), time.Second)
		if err == nil {
			_, err = c.Write([]byte("x"))
		}
		return err
	}
}

// A cell is the result of an attempt.
type cell struct{ Name, Held, Detail string }

const (
	held     = "held"
	led      = "OUT" // it escaped
	notTried = "not tried"
)

// escape makes all attempts, as the program in a sandbox, and prints the results.
func escape(text string) {
	var s scene
	must(json.Unmarshal([]byte(text), &s))
	out := json.NewEncoder(os.Stdout)
	for _, a := range escapes {
		c := cell{Name: a.name, Held: held}
		if s.Kind == bare && a.harmful {
			c.Held = notTried
		} else if err := a.try(s); err == nil {
			c.Held = led
		} else {
			c.Detail = err.Error()
		}
		must(out.Encode(c))
	}
}

// A bomb is a program that takes more than its share. Even if nothing stops it, it ends by itself after a
// while and has no more than 300 processes.
type bomb struct {
	name, act string
	limits    func(*limits)
	alone     bool   // it is detected by numbers of the whole machine, so no other such bomb may run at the same time
	only      []kind // empty for all
}

var bombs = []bomb{
	{name: "processes that fork and end, faster than they can be seen", act: "comets", limits: func(l *limits) { l.Time, l.Processes = time.Second, 250 }},
	{name: "processes that leave their session", act: "daemons"},
	{name: "threads", act: "threads"},
	{name: "memory", act: "private"},
	{name: "shared memory", act: "shared", alone: true},
	{name: "shared memory that is in no page table", act: "hidden", alone: true},
	{name: "shared memory of which one page is mapped", act: "unmapped", alone: true},
	{name: "page tables", act: "tables"},
	{name: "buffers of sockets", act: "sockets"},
	{name: "files at home", act: "files", alone: true},
	{name: "many small files at home", act: "inodes"},
	{name: "files at home that have no name", act: "nameless", alone: true},
	{name: "a folder at home that cannot be listed", act: "unlisted", only: []kind{bare, landlocked}},
}

// bombLimits returns limits that are soon reached.
func bombLimits() limits {
	return limits{Time: 20 * time.Second, Memory: 128 << 20, Processes: 40, File: 32 << 20, Disk: 64 << 20, Entries: 2000, Output: 1 << 20}
}

// explode runs a bomb in a sandbox. It keeps what it took for some seconds, long enough to be noticed.
func explode(act, home string) {
	const much = 256 << 20
	var keep []any
	switch act {
	case "comets":
		for range 3 {
			comet()
		}
	case "daemons":
		for range 60 {
			cmd := exec.Command("/bin/sleep", "20", os.Args[len(os.Args)-1])
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			cmd.Args = []string{"/bin/sh", "-c", "sleep 20 & sleep 20"}
			cmd.Path = "/bin/sh"
			if cmd.Start() != nil {
				break
			}
		}
	case "threads":
		for range 300 {
			go func() { // a thread each
				_, _ = unix.Poll(nil, 5000)
			}()
		}
	case "private", "shared", "hidden", "unmapped":
		flags := unix.MAP_ANON | unix.MAP_SHARED
		if act == "private" {
			flags = unix.MAP_ANON | unix.MAP_PRIVATE
		}
		const step = 8 << 20
		size := much
		whole, err := unix.MmapPtr(-1, 0, nil, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, flags)
		must(err)
		for at := 0; at < size; at += step {
			part := unsafe.Slice((*byte)(unsafe.Add(whole, at)), step)
			for i := 0; i < step; i += 4096 {
				part[i] = 1
			}
			switch act {
			case "hidden":
				must(unix.Madvise(part, unix.MADV_DONTNEED))
			case "unmapped":
				if at > 0 {
					must(unix.MunmapPtr(unsafe.Add(whole, at), step))
				}
			}
		}
	case "tables":
		size := uintptr(3 << 35) // of which 192 MB are page tables
		whole, err := unix.MmapPtr(-1, 0, nil, size, unix.PROT_READ, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
		must(err)
		_ = unix.Madvise(unsafe.Slice((*byte)(whole), size), unix.MADV_NOHUGEPAGE)
		var sum byte
		for at := uintptr(0); at < size; at += 2 << 20 {
			sum += *(*byte)(unsafe.Add(whole, at))
		}
		fmt.Println(sum)
	case "sockets":
		chunk := make([]byte, 64<<10)
		for range 1000 {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
			must(err)
			for _, fd := range pair {
				for {
					if _, err := unix.Write(fd, chunk); err != nil {
						break
					}
				}
			}
		}
	case "files", "nameless":
		chunk := make([]byte, 1<<20)
		for i := range 8 {
			f, err := os.Create(filepath.Join(home, fmt.Sprint("file", i)))
			must(err)
			keep = append(keep, f)
			if act == "nameless" {
				must(os.Remove(f.Name()))
			}
			for range 30 {
				_, err := f.Write(chunk)
				must(err)
			}
		}
	case "inodes":
		for i := range 6000 {
			f, err := os.Create(filepath.Join(home, fmt.Sprint("file", i)))
			must(err)
			_ = f.Close()
		}
	case "unlisted":
		dir := filepath.Join(home, "dir")
		must(os.Mkdir(dir, 0o300))
		must(os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
		if os.Getuid() == 0 {
			must(errors.New("whoever watches is root too, and can list it"))
		}
	}
	time.Sleep(6 * time.Second)
	fmt.Print("it ended by itself ", len(keep))
}

// comet starts a process that forks and ends; its child does the same, and so on, for some seconds. Every
// thousandth process leaves one that sleeps, 40 at most. These processes run no Go code but this function.
//
//go:norace
//go:nosplit
func comet() {
	if r, _, _ := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0); r != 0 {
		return
	}
	var began, now unix.Timespec
	_, _, _ = syscall.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&began)), 0)
	for i := 1; ; i++ {
		if i%1000 == 0 && i <= 40_000 {
			if r, _, _ := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0); r == 0 {
				rest := unix.Timespec{Sec: 10}
				_, _, _ = syscall.RawSyscall6(unix.SYS_PPOLL, 0, 0, uintptr(unsafe.Pointer(&rest)), 0, 0, 0)
				_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
			}
		}
		r, _, errno := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
		if r != 0 && errno == 0 {
			_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
		_, _, _ = syscall.RawSyscall(unix.SYS_SETSID, 0, 0, 0)
		_, _, _ = syscall.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_MONOTONIC, uintptr(unsafe.Pointer(&now)), 0)
		if now.Sec > began.Sec+8 {
			_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
		}
	}
}

// besiege plays the host as one user, with one kind of sandbox: it sets the scene, runs the attempts,
// checks what became of the scene, and sets off the bombs. It prints cells.
func besiege(k kind) {
	out := json.NewEncoder(os.Stdout)
	report := func(name string, err error) {
		c := cell{Name: name, Held: held}
		if err != nil {
			c.Held, c.Detail = led, err.Error()
		}
		must(out.Encode(c))
	}
	if err := newSandbox(Auto).try(k); err != nil {
		must(out.Encode(cell{Name: notHere, Detail: err.Error()}))
		return
	}
	base, err := os.MkdirTemp("", "siege-")
	must(err)
	defer os.RemoveAll(base)
	self, err := os.Executable()
	must(err)
	s := scene{Kind: k, Tree: filepath.Join(base, "tree"), Home: filepath.Join(base, "home"), Data: filepath.Join(base, "data"), Program: self, Socket: filepath.Join(base, "data", "socket")}
	for _, dir := range []string{s.Tree, s.Home, s.Data} {
		must(os.Mkdir(dir, 0o700))
	}
	for _, file := range []string{s.secret(), filepath.Join(s.Data, "other"), filepath.Join(s.Data, "moved"), filepath.Join(s.Tree, "file")} {
		must(os.WriteFile(file, []byte("as it was"), 0o600))
	}
	must(os.Symlink("/somewhere", filepath.Join(s.Data, "link")))
	_ = unix.Setxattr(s.secret(), "user.secret", []byte("x"), 0)
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(err)
	local, err := net.Listen("unix", s.Socket)
	must(err)
	s.Abstract = "@" + filepath.Base(base)
	abstract, err := net.Listen("unix", s.Abstract)
	must(err)
	for _, l := range []io.Closer{tcp, udp, local, abstract} {
		defer l.Close()
	}
	s.TCP, s.UDP = tcp.Addr().String(), udp.LocalAddr().String()
	s.Segment, err = unix.SysvShmGet(unix.IPC_PRIVATE, 4096, unix.IPC_CREAT|0o600)
	must(err)
	defer func() { _, _ = unix.SysvShmCtl(s.Segment, unix.IPC_RMID, nil) }()
	victim := exec.Command("/bin/sleep", "100")
	must(victim.Start())
	defer func() { _ = victim.Process.Kill(); _ = victim.Wait() }()
	s.Victim = victim.Process.Pid
	was := condition(s)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGWINCH)

	text, err := json.Marshal(s)
	must(err)
	res, err := execute(context.Background(), small, spec{
		Kind: k, Path: self, Args: []string{self, actFlag, "escape", string(text)}, Dir: s.Tree, Home: s.Home, Read: []string{s.Tree, self},
		Env: []string{"HOME=" + s.Home},
	})
	os.Stdout.Write(res.stdout)
	if err == nil && res.Exit != 0 {
		err = fmt.Errorf("exit code %d: %s", res.Exit, res.stderr)
	}
	report(toTheEnd, err)
	err = nil
	if is := condition(s); is != was {
		err = fmt.Errorf("it is\n%s\nand was\n%s", is, was)
	}
	select {
	case sig := <-signals:
		err = errors.Join(err, fmt.Errorf("it was sent %s", sig))
	default:
	}
	report(asItWas, err)
	report(canBeRemoved, errors.Join(removeAll(s.Home), os.Mkdir(s.Home, 0o700)))

	lock, err := os.Open(self)
	must(err)
	defer lock.Close()
	for _, b := range bombs {
		if len(b.only) > 0 && !slices.Contains(b.only, k) {
			continue
		}
		l := bombLimits()
		if b.limits != nil {
			b.limits(&l)
		}
		if b.alone {
			must(unix.Flock(int(lock.Fd()), unix.LOCK_EX))
		}
		token := fmt.Sprintf("bomb-%s-%d-%s", k, os.Getpid(), b.act)
		res, err := execute(context.Background(), l, spec{
			Kind: k, Path: self, Args: []string{self, actFlag, "explode", b.act, s.Home, token}, Dir: s.Tree, Home: s.Home, Read: []string{s.Tree, self},
		})
		must(unix.Flock(int(lock.Fd()), unix.LOCK_UN))
		stopped := err != nil || res.Over != "" || res.Signal != "" || res.Exit != 0
		var left *leftError
		switch {
		case errors.As(err, &left):
		case !stopped:
			err = errors.New("nobody stopped it: " + string(res.stdout))
		default:
			err = nil
		}
		if found := linger(token); err == nil && found > 0 {
			err = fmt.Errorf("%d of its processes live on", found)
		}
		report("bomb: "+b.name, errors.Join(err, removeAll(s.Home), os.Mkdir(s.Home, 0o700)))
	}
}

const (
	notHere      = "not here"
	toTheEnd     = "the program came to its end"
	asItWas      = "what is outside is as it was"
	canBeRemoved = "its home can be removed"
)

// linger counts the processes whose arguments hold a token. If it sees none, it counts again, up to 20 times.
func linger(token string) (most int) {
	for range 20 {
		names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		n := 0
		for _, name := range names {
			if b, _ := os.ReadFile(name); strings.Contains(string(b), token) {
				n++
			}
		}
		if most = max(most, n); n > 0 {
			return most
		}
	}
	return most
}

// condition describes everything that an escape could have changed.
func condition(s scene) string {
	var b strings.Builder
	for _, dir := range []string{s.Data, s.Tree} {
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			stat, err := d.Info()
			must(err)
			content := ""
			if stat.Mode().IsRegular() {
				text, _ := os.ReadFile(path)
				content = string(text)
			}
			fmt.Fprintf(&b, "%s %s %s %q\n", path, stat.Mode(), stat.ModTime(), content)
			return nil
		})
	}
	for _, what := range []string{"limits", "stat", "oom_score_adj"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", s.Victim, what))
		if what == "stat" && err == nil {
			f := strings.Fields(string(text))
			fmt.Fprintln(&b, "ended:", f[2] == "Z")
			text = []byte(strings.Join([]string{f[4], f[17], f[18], f[39], f[40]}, " ")) // group, priorities, scheduler
		}
		fmt.Fprintf(&b, "%s %s %v\n", what, text, err)
	}
	var cpus unix.CPUSet
	_ = unix.SchedGetaffinity(s.Victim, &cpus)
	io1, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, 1, uintptr(s.Victim), 0)
	fmt.Fprintln(&b, cpus, io1)
	return b.String()
}

// TestEscapes runs a program that tries to escape, in every kind of sandbox that works here, as root and as an
// ordinary user. -v prints the table.
func TestEscapes(t *testing.T) {
	bin := t.TempDir()
	for dir := bin; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(bin, "siege")
	programtest.Write(t, program, string(binary))
	users := []string{"ordinary"}
	if os.Getuid() == 0 {
		users = []string{"root", "ordinary"}
	} else {
		t.Log("root's half of the table needs root")
	}
	type column struct {
		kind kind
		user string
	}
	var columns []column
	results := map[column]map[string]cell{}
	for _, user := range users {
		for _, k := range append(slices.Clone(sandboxes), bare) {
			columns = append(columns, column{k, user})
		}
	}
	t.Run("try", func(t *testing.T) {
		for _, c := range columns {
			found := map[string]cell{}
			results[c] = found
			t.Run(string(c.kind)+" "+c.user, func(t *testing.T) {
				t.Parallel()
				cmd := exec.Command(program, actFlag, "besiege", string(c.kind))
				dir := filepath.Join(bin, string(c.kind)+c.user)
				if err := os.Mkdir(dir, 0o700); err != nil {
					t.Fatal(err)
				}
				cmd.Dir, cmd.Env = "/", []string{"TMPDIR=" + dir, "PATH=" + os.Getenv("PATH")}
				if c.user == "ordinary" && os.Getuid() == 0 {
					const nobody = 65534
					if err := os.Chown(dir, nobody, nobody); err != nil {
						t.Fatal(err)
					}
					cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
				}
				out, err := cmd.Output()
				if c.user == "ordinary" && errors.Is(err, os.ErrPermission) {
					found[notHere] = cell{Name: notHere}
					t.Skipf("an ordinary user cannot reach %s", os.TempDir())
				}
				if err != nil {
					var ended *exec.ExitError
					errors.As(err, &ended)
					t.Fatalf("%v: %s", err, ended.Stderr)
				}
				for line := range strings.Lines(string(out)) {
					var x cell
					if err := json.Unmarshal([]byte(line), &x); err != nil {
						t.Fatalf("%v: %q", err, line)
					}
					found[x.Name] = x
				}
				if x, ok := found[notHere]; ok {
					t.Skip(x.Detail)
				}
			})
		}
	})

	rows := slices.Clone(escapes)
	for _, name := range []string{toTheEnd, asItWas, canBeRemoved} {
		rows = append(rows, attempt{name: name, named: map[kind]string{bare: noWall}})
	}
	for _, b := range bombs {
		rows = append(rows, attempt{name: "bomb: " + b.name})
	}
	var table strings.Builder
	fmt.Fprintf(&table, "%-60s", "attempt")
	for _, c := range columns {
		fmt.Fprintf(&table, " %-12s", c.kind)
	}
	fmt.Fprintf(&table, "\n%-60s", "")
	for _, c := range columns {
		fmt.Fprintf(&table, " %-12s", c.user)
	}
	table.WriteString("\n")
	for _, row := range rows {
		fmt.Fprintf(&table, "%-60s", row.name)
		for _, c := range columns {
			x, tried := results[c][row.name]
			show := x.Held
			switch why := row.named[c.kind]; {
			case len(results[c]) == 0 || results[c][notHere].Name != "":
				show = notHere
			case !tried:
				show = "-"
			case x.Held == led && why != "":
				show = "named"
			case x.Held == led:
				t.Errorf("%s as %s: %s: it led out (%s)", c.kind, c.user, row.name, x.Detail)
			case x.Held == held && why != "" && c.kind != bare:
				t.Errorf("%s as %s: %s: it is said to lead out, because %s, and does not: %s", c.kind, c.user, row.name, why, x.Detail)
			}
			fmt.Fprintf(&table, " %-12s", show)
		}
		table.WriteString("\n")
	}
	t.Logf("\n%s", table.String())
}

// TestProbeSeesWhatIsOpen checks that the probe of a sandbox fails if nothing stops its system calls.
func TestProbeSeesWhatIsOpen(t *testing.T) {
	t.Parallel()
	if err := (attempts{Host: os.Getpid(), Kind: landlocked}).calls(); err == nil {
		t.Error("the probe sees nothing here, where there is no sandbox")
	}
}

// TestVerdict checks that a run is only reported as stopped if its processes are known to have ended.
func TestVerdict(t *testing.T) {
	t.Parallel()
	killed := errors.New("signal: killed")
	tests := []struct {
		name       string
		kind       kind
		why, ended error
		answered   bool
		status     status
		left       bool // a process may still run
		want       error
	}{
		{name: "it ended", kind: landlocked, answered: true},
		{name: "it was stopped", kind: landlocked, why: errTime, answered: true, want: errTime},
		{name: "some were not", kind: landlocked, why: errTime, answered: true, status: status{Left: 3}, left: true, want: errTime},
		{name: "it ended, and some did not", kind: bare, answered: true, status: status{Left: 1}, left: true},
		{name: "its helper died", kind: landlocked, why: errTime, ended: killed, left: true, want: errTime},
		{name: "its helper died, and all with it", kind: namespaced, why: errTime, ended: killed, want: errTime},
		{name: "somebody holds its output open", kind: wrapped, ended: exec.ErrWaitDelay, answered: true, left: true},
		{name: "its helper ended without a word", kind: landlocked, ended: killed, want: killed},
	}
	for _, tt := range tests {
		err := result{status: tt.status}.verdict(tt.kind, tt.why, tt.ended, tt.answered)
		var left *leftError
		if errors.As(err, &left) != tt.left || tt.want != nil && !errors.Is(err, tt.want) || !tt.left && tt.want == nil && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestNewRoot checks that folders whose names begin with another's are all shown, and that nothing is made
// inside them.
func TestNewRoot(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	for _, dir := range []string{"a", "a/d", "a-b", "home"} {
		if err := errors.Join(os.Mkdir(filepath.Join(base, dir), 0o755), os.WriteFile(filepath.Join(base, dir, "file"), []byte(dir), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := newSandbox(Auto).try(namespaced); err != nil {
		t.Skip(err)
	}
	var read []string
	for _, name := range []string{"a", "a-b", "a/d", "a/d/file", "a/file", "a/missing", "a-b"} {
		read = append(read, filepath.Join(base, name))
	}
	out, err := execute(context.Background(), small, spec{
		Kind: namespaced, Path: "/bin/sh", Args: []string{"sh", "-c", "cat a/file a/d/file a-b/file"}, Dir: base, Read: read, Home: filepath.Join(base, "home"),
	})
	if got := string(out.stdout); err != nil || got != "aa/da-b" {
		t.Errorf("%q, %v, %s", got, err, out.stderr)
	}
	for _, dir := range []string{"a", "a/d", "a-b"} {
		if b, err := os.ReadFile(filepath.Join(base, dir, "file")); err != nil || string(b) != dir {
			t.Errorf("%s: %q, %v", dir, b, err)
		}
	}
}

// TestForkIsNotInterrupted checks that a program is not disturbed when its children end while it starts others:
// a shell does not expect fork to be interrupted.
func TestForkIsNotInterrupted(t *testing.T) {
	t.Parallel()
	const script = `i=0; while [ $i -lt 1500 ]; do : | : | : || exit 3; i=$((i+1)); done`
	eachKind(t, sandboxes, func(t *testing.T, k kind) {
		dir, home := t.TempDir(), t.TempDir()
		res, err := execute(context.Background(), defaults, spec{Kind: k, Path: "/bin/sh", Args: []string{"sh", "-c", script}, Dir: dir, Home: home, Read: []string{dir}})
		if err != nil || res.Exit != 0 || len(res.stderr) > 0 {
			t.Errorf("exit code %d, %v: %s", res.Exit, err, res.stderr)
		}
	})
}
