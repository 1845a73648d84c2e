//go:build amd64 || arm64

package tool

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Each process and each thread of a family asks before it makes another one: so a family is never larger
// than it may be, whoever runs it and however fast it grows. RLIMIT_NPROC does not count those of root,
// and counts those of an ordinary user that belong to others.

// askToFork makes this thread and all that comes of it ask. Who answers gets the questions by way of a
// socket. Kernels before 5.19, and containers of which all calls are watched already, cannot do it: there
// the family is counted only.
func askToFork(socket int) error {
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: dataCall, Size: 4}}
	for _, call := range forks {
		program = append(program, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: call, SkipTrue: 1}, bpf.RetConstant{Val: unix.SECCOMP_RET_USER_NOTIF})
	}
	fd, err := install(append(program, bpf.RetConstant{Val: unix.SECCOMP_RET_ALLOW}),
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EBUSY) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(socket, []byte{0}, unix.UnixRights(fd), nil, 0); err != nil {
		return fmt.Errorf("hand on who asks: %w", err)
	}
	return nil
}

// What the kernel asks and is answered: https://man7.org/linux/man-pages/man2/seccomp_unotify.2.html
type question struct {
	id         uint64
	pid, flags uint32
	data       [64]byte
}

type answer struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

// answerForks answers for as long as somebody asks. A family that wants to be larger than most sends over
// that it has too many processes.
func answerForks(socket *os.File, most int, over chan<- string) {
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(int(socket.Fd()), make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return // nobody asks
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return
	}
	left, told := 0, false // so many more need not be counted
	for {
		poll := []unix.PollFd{{Fd: int32(fds[0]), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); errors.Is(err, unix.EINTR) {
			continue
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			return // they are all gone
		}
		var q question
		if errno := notify(fds[0], unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&q)); errno != 0 {
			continue // it was killed before it could ask
		}
		if left <= 0 {
			left = most
			for _, p := range descendants() {
				left -= max(p.threads, 1)
			}
		}
		a := answer{id: q.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		if left--; left < 0 {
			a = answer{id: q.id, errno: -int32(unix.EAGAIN)}
			if !told {
				told = true
				over <- "processes"
			}
		}
		_ = notify(fds[0], unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&a))
	}
}

func notify(fd int, request uintptr, what unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(what))
	return errno
}
