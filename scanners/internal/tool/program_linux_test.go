package tool

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// actFlag makes the test binary one of the programs below.
const actFlag = "-secbydesign-act"

// acts are what the programs do. Their last two arguments are the report file and the private folder.
var acts = map[string]func(args []string){
	"version": func(args []string) { fmt.Println(args[0]) },
	"print":   func(args []string) { printAll(args) },
	"mode":    func([]string) { fmt.Printf("a.txt:1: %s: x\na.txt:2: both: x\n", os.Getenv("MODE")) },
	"exit": func(args []string) {
		printAll(args[1:])
		code, _ := strconv.Atoi(args[0])
		syscall.Exit(code)
	},
	"crash": func([]string) { must(syscall.Exec("/bin/sh", []string{"sh", "-c", "kill -SEGV $$"}, nil)) },
	"fill": func(args []string) {
		must(syscall.Exec("/bin/sh", []string{"sh", "-c", `exec cat /dev/zero >"$1"`, "sh", args[len(args)-2]}, os.Environ()))
	},
	"report": func(args []string) {
		fmt.Println("this is no finding")
		must(os.WriteFile(args[len(args)-2], []byte(args[0]+"\n"), 0o600))
	},
	"link": func(args []string) { must(os.Symlink(args[0], args[len(args)-2])) },
	"paths": func(args []string) {
		dir, err := os.Getwd()
		must(err)
		absolute := filepath.Join(dir, args[0])
		for name, path := range map[string]string{"./": "./" + args[0], "absolute": absolute, "dir/../": "dir/../" + args[0]} {
			fmt.Printf("%s:1: R: %s\n", path, name)
		}
		// The lines have four parts, so that the colon of the address is left out.
		fmt.Printf("%s:1: R: file\n", (&url.URL{Path: absolute}).String())
	},
	"above": func([]string) {
		names, err := os.ReadDir("..")
		must(err)
		for _, name := range names {
			fmt.Printf("a.txt:1: R: %s\n", name.Name())
		}
	},
	"repeat": func(args []string) {
		out := map[string]*os.File{"out": os.Stdout, "err": os.Stderr}[args[0]]
		n, _ := strconv.Atoi(args[2])
		chunk := []byte(strings.Repeat(args[1]+"\n", 10_000))
		for ; n > 0; n -= 10_000 {
			_, err := out.Write(chunk)
			must(err)
		}
	},
	"memory": func(args []string) {
		flags := unix.MAP_ANON | map[string]int{"private": unix.MAP_PRIVATE, "shared": unix.MAP_SHARED}[args[0]]
		for range 1024 { // 4 GB in the end, if nobody minds
			b, err := unix.Mmap(-1, 0, 4<<20, unix.PROT_READ|unix.PROT_WRITE, flags)
			must(err)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			time.Sleep(time.Millisecond)
		}
	},
	"forks": func([]string) {
		for range 300 {
			cmd := exec.Command("/bin/sleep", "30")
			if cmd.Start() != nil {
				break
			}
		}
		time.Sleep(30 * time.Second)
	},
	"hang": func([]string) {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		time.Sleep(time.Hour)
	},
	"orphans": func(args []string) {
		if os.Getenv("ORPHAN") == "" {
			for range 2 {
				cmd := exec.Command(os.Args[0], os.Args[1:]...)
				cmd.Env = []string{"ORPHAN=1"}
				cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
				must(cmd.Start())
			}
			if args[1] == "ends" {
				return
			}
		}
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
		time.Sleep(time.Hour)
	},
	"host": func(args []string) {
		_, err := runner(kind(args[0]), small).Scanner(actor(os.Args[0], "orphans", args[1], "hangs")).Scan(context.Background(), target)
		must(err)
	},
	"escape":  func(args []string) { escape(args[0]) },
	"explode": func(args []string) { explode(args[0], args[1]) },
	"besiege": func(args []string) { besiege(kind(args[0])) },
	"meddle":  func(args []string) { meddle(args[0], args[1], args[2], args[3], args[4], args[len(args)-1]) },
}

func printAll(args []string) {
	for _, line := range args[:len(args)-2] {
		fmt.Println(line)
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		syscall.Exit(9)
	}
}

// meddle attempts what no scanner may do, and reports what worked.
func meddle(secret, tcp, udp, socket, abstract, home string) {
	broke := func(what string, worked bool) {
		if worked {
			fmt.Printf("a.txt:1: broke: %s\n", what)
		}
	}
	ok := func(err error) bool { return err == nil }

	broke("wrote into the tree", ok(os.WriteFile("new.txt", nil, 0o600)))
	broke("overwrote the tree", ok(os.WriteFile("a.txt", []byte("other"), 0o600)))
	broke("truncated the tree", ok(os.Truncate("a.txt", 0)))
	broke("changed who may read the tree", ok(os.Chmod("a.txt", 0)))
	broke("changed the time of the tree", ok(os.Chtimes("a.txt", time.Unix(0, 0), time.Unix(0, 0))))
	broke("removed from the tree", ok(os.Remove("a.txt")))
	broke("renamed in the tree", ok(os.Rename("a.txt", "b.txt")))
	broke("linked into the tree", ok(os.Symlink("/etc", "etc")))
	config, err := os.ReadFile(".acting")
	broke("read its configuration in the tree", err == nil && len(config) > 0)
	_, err = os.ReadFile(secret)
	broke("read a secret outside", ok(err))
	_, err = os.ReadDir(filepath.Dir(secret))
	broke("listed a folder outside", ok(err))
	broke("changed who may read a secret", ok(os.Chmod(secret, 0o777)))
	broke("truncated a secret", ok(os.Truncate(secret, 0)))
	for _, dir := range []string{filepath.Dir(secret), "/tmp", "/var/tmp", "/usr/local", "/etc", "/"} {
		broke("wrote into "+dir, ok(os.WriteFile(filepath.Join(dir, "secbydesign-broke"), nil, 0o600)))
	}
	for _, file := range []string{"/etc/shadow", "/etc/hostname", "/root/.bashrc", "/proc/1/environ"} {
		b, err := os.ReadFile(file)
		broke("read "+file, err == nil && len(b) > 0)
	}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		switch name {
		case "PATH", "LANG", "HOME", "TMPDIR", "TERM":
		default:
			broke("saw the variable "+name, true)
		}
	}
	for network, address := range map[string]string{"tcp": tcp, "udp": udp, "unix": socket, "abstract": abstract} {
		if address == abstract {
			network = "unix"
		}
		c, err := net.DialTimeout(network, address, time.Second)
		if err == nil {
			_, err = c.Write([]byte("x"))
		}
		broke("reached "+network, ok(err))
	}
	_, err = unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)
	broke("opened netlink", ok(err))
	_, err = unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	broke("paired sockets of datagrams", ok(err))
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	broke("could not pair sockets", !ok(err))
	_ = pair
	broke("made a user namespace", ok(unix.Unshare(unix.CLONE_NEWUSER)))
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
	broke("cloned into a user namespace", ok(cmd.Run()))
	broke("mounted", ok(unix.Mount("tmpfs", home, "tmpfs", 0, "")))
	broke("traced its parent", ok(unix.PtraceAttach(os.Getppid())))
	_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0)
	broke("set up io_uring", errno != unix.EPERM)
	broke("lifted a limit", ok(syscall.Setrlimit(unix.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 40, Max: 1 << 40})))
	broke("became another user", ok(syscall.Setuid(1)))
	for fd := 3; fd < 20; fd++ {
		var stat unix.Stat_t
		err := unix.Fstat(fd, &stat)
		broke(fmt.Sprintf("inherited file %d", fd), err == nil && stat.Mode&unix.S_IFMT == unix.S_IFIFO)
	}

	broke("could not write at home", !ok(os.WriteFile(filepath.Join(home, "x"), nil, 0o600)))
	broke("could not rename at home", !ok(os.Rename(filepath.Join(home, "x"), filepath.Join(home, "y"))))
	broke("could not start a program", !ok(exec.Command("/bin/sh", "-c", "echo x >/dev/null && test -r /usr/bin/env").Run()))
	fmt.Println("a.txt:1: end: end")
}
