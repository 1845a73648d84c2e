//go:build amd64 || arm64

package tool

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// forbidden lists the system calls that no scanner needs, and that could lead out of a sandbox.
var forbidden = append([]uint32{
	// The network, and files passed from process to process, which the gauge could not count. io_uring makes
	// calls that this filter would not see.
	unix.SYS_SOCKET, unix.SYS_SETSOCKOPT, unix.SYS_SENDMSG, unix.SYS_SENDMMSG,
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	// Other processes; see also checks. Landlock and namespaces keep signals in.
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_PROCESS_MRELEASE,
	unix.SYS_PIDFD_OPEN, unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_MOVE_PAGES, unix.SYS_MIGRATE_PAGES,
	unix.SYS_IOPRIO_SET, unix.SYS_GET_ROBUST_LIST, unix.SYS_PERF_EVENT_OPEN,
	// Memory that outlives its process, or that belongs to none.
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMCTL, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL,
	unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP, unix.SYS_SEMCTL, unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK,
	unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_VMSPLICE,
	unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY,
	// The names of files outside, and access to files other than by name.
	unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK,
	unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT, unix.SYS_LISTNS,
	unix.SYS_FILE_SETATTR,
	// Namespaces and mounts.
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_CHROOT, unix.SYS_PIVOT_ROOT, unix.SYS_MOUNT, unix.SYS_UMOUNT2,
	unix.SYS_OPEN_TREE, unix.SYS_OPEN_TREE_ATTR, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN, unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_MOUNT_SETATTR,
	// The kernel and the machine.
	unix.SYS_BPF, unix.SYS_USERFAULTFD, unix.SYS_ACCT, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD, unix.SYS_SYSLOG,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_REBOOT, unix.SYS_KEXEC_LOAD, unix.SYS_VHANGUP,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE,
	unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX, unix.SYS_SETTIMEOFDAY, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
}, oldForbidden...)

// lastCall is the newest system call that this list was checked against. Newer ones may do anything.
const lastCall = unix.SYS_RSEQ_SLICE_YIELD

// A check restricts the arguments of a system call. All of its conditions must hold. A process id of 0 means
// the calling process.
type check struct {
	call uint32
	args []argument
}

// An argument is a condition: the argument's value must be in only, unless that is empty, and not in never.
type argument struct {
	index       uint32
	only, never []uint32
}

var self = []argument{{index: 0, only: []uint32{0}}}

var checks = []check{
	{unix.SYS_PRLIMIT64, self},
	{unix.SYS_SCHED_SETAFFINITY, self}, {unix.SYS_SCHED_SETSCHEDULER, self}, {unix.SYS_SCHED_SETPARAM, self}, {unix.SYS_SCHED_SETATTR, self},
	{unix.SYS_SETPRIORITY, []argument{{index: 0, only: []uint32{unix.PRIO_PROCESS}}, {index: 1, only: []uint32{0}}}},
	// Calls that would hide a process from the gauge, or tie it to other processes.
	{unix.SYS_PRCTL, []argument{{index: 0, never: []uint32{unix.PR_SET_DUMPABLE, unix.PR_SCHED_CORE, unix.PR_SET_MM}}}},
	{unix.SYS_FCNTL, []argument{{index: 1, never: []uint32{unix.F_SETLEASE, unix.F_NOTIFY}}}},
	{unix.SYS_PERSONALITY, []argument{{index: 0, only: []uint32{0, 0xffffffff}}}},
	{unix.SYS_IOCTL, []argument{{index: 1, never: []uint32{
		unix.TIOCSTI, unix.TIOCLINUX, unix.FS_IOC_SETFLAGS, fsIocSetFlags32, fsIocSetXattr, unix.FS_IOC_ENABLE_VERITY, unix.FS_IOC_SET_ENCRYPTION_POLICY,
	}}}},
}

// These set flags of files. Files with such flags could not be removed. https://man7.org/linux/man-pages/man2/ioctl_iflags.2.html
const (
	fsIocSetFlags32 = 0x40046602
	fsIocSetXattr   = 0x401c5820
)

// namespaceFlags are the flags of clone that make new namespaces.
const namespaceFlags = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// metadata are the system calls that change attributes that Landlock does not guard: a file's owner, its
// permissions, and its times.
var metadata = append([]uint32{
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
	unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR,
	unix.SYS_SETXATTRAT, unix.SYS_REMOVEXATTRAT,
}, oldMetadata...)

// The offsets of the fields of struct seccomp_data: https://man7.org/linux/man-pages/man2/seccomp.2.html
const (
	dataCall      = 0
	dataArch      = 4
	dataArguments = 16 // the lower half of each argument on little-endian machines
	dataArgument  = 8  // the length of each
)

func loadArgument(index uint32) bpf.Instruction {
	return bpf.LoadAbsolute{Off: dataArguments + dataArgument*index, Size: 4}
}

// program returns the instructions of a check. They expect the call's number to be loaded. For a call other
// than c.call, they leave it loaded.
func (c check) program(yes, no bpf.Instruction) (program []bpf.Instruction) {
	for _, a := range c.args {
		program = append(program, loadArgument(a.index))
		for i, v := range a.only {
			program = append(program, bpf.JumpIf{Cond: bpf.JumpEqual, Val: v, SkipTrue: uint8(len(a.only) - i)})
		}
		if len(a.only) > 0 {
			program = append(program, no)
		}
		for _, v := range a.never {
			program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: v, SkipTrue: 1}, no)
		}
	}
	program = append(program, yes)
	return append([]bpf.Instruction{bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: c.call, SkipTrue: uint8(len(program))}}, program...)
}

// giveUpCalls forbids system calls to this thread and its descendants.
func giveUpCalls(k kind) error {
	no := bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)}
	absent := bpf.RetConstant{Val: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)}
	yes := bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}
	program := []bpf.Instruction{
		// System calls of another architecture have other numbers.
		bpf.LoadAbsolute{Off: dataArch, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: auditArch, SkipTrue: 1}, bpf.RetConstant{Val: unix.SECCOMP_RET_KILL_PROCESS},
		bpf.LoadAbsolute{Off: dataCall, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 0x40000000, SkipTrue: 1}, no, // x32
		// The filter cannot see the arguments of clone3. A program that learns that there is no such
		// call uses clone.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE3, SkipTrue: 1}, absent,
		bpf.JumpIf{Cond: bpf.JumpLessOrEqual, Val: lastCall, SkipTrue: 1}, absent,
	}
	calls := forbidden
	if k == landlocked {
		calls = append(append([]uint32{}, forbidden...), metadata...)
	}
	for _, call := range calls {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 1}, no)
	}
	for _, c := range checks {
		program = append(program, c.program(yes, no)...)
	}
	program = append(program,
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_CLONE, SkipTrue: 4},
		loadArgument(0),
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: namespaceFlags, SkipFalse: 1}, no, yes,
		// The kernel does not count huge pages as memory of a process.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_MMAP, SkipTrue: 4},
		loadArgument(3),
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: unix.MAP_HUGETLB, SkipFalse: 1}, no, yes,
		// Socket pairs are pipes in both directions, except that datagrams can be sent elsewhere.
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.SYS_SOCKETPAIR, SkipTrue: 4},
		loadArgument(1),
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: unix.SOCK_STREAM, SkipTrue: 1}, no,
		yes,
	)
	raw, err := bpf.Assemble(program)
	if err != nil {
		return fmt.Errorf("system calls: %w", err)
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&fprog)))
	runtime.KeepAlive(filter)
	if errno != 0 {
		return fmt.Errorf("forbid system calls: %w", errno)
	}
	return nil
}
