package tool

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A gauge measures the resources that the processes of a family use together, and compares them with the limits.
type gauge struct {
	spec  spec
	tmpfs []string // file systems in memory that only the family uses
	shmem int64    // the lowest amount of shared memory on the whole machine since the run began
	free  int64    // the most bytes that were free on the home folder's disk since the run began
	main  int      // the process of the program

	counted atomic.Int64 // how often the family was counted
}

func newGauge(s spec) *gauge {
	g := &gauge{spec: s, shmem: meminfo("Shmem"), free: free(s.Home)}
	if s.Kind == namespaced || s.Kind == wrapped {
		g.tmpfs = []string{s.Home, "/dev/shm"}
	}
	return g
}

// watch sends the name of the first limit that is exceeded.
func (g *gauge) watch(over chan<- string) {
	if g.tmpfs == nil {
		go func() {
			spent := ""
			for round := 0; ; round++ {
				began := time.Now()
				if (!g.idle(&spent) || round%4 == 0) && g.overDisk() {
					over <- "disk"
					return
				}
				time.Sleep(max(250*time.Millisecond, 10*time.Since(began)))
			}
		}()
	}
	round, spent := 0, ""
	for range time.Tick(50 * time.Millisecond) {
		if round++; round%20 != 0 && g.idle(&spent) {
			continue
		}
		if what := g.over(); what != "" {
			over <- what
			return
		}
	}
}

// idle reports whether the process of a session has done nothing since the last call with the same spent, so that it uses
// no more than then. A session waits most of its life, and should cost nothing in that time. spent holds its processor time
// at that call.
func (g *gauge) idle(spent *string) bool {
	if !g.spec.Session {
		return false
	}
	b, err := os.ReadFile(procFile(g.main, "stat"))
	fields := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
	const user, system = 11, 12
	if err != nil || len(fields) <= system {
		return false
	}
	before := *spent
	*spent = fields[user] + " " + fields[system]
	return *spent == before
}

// family returns the processes to measure. On a machine with many processes, reading all of them would take longer than
// what is measured, so only each fourth call does. The others may lack a process.
func (g *gauge) family() []process {
	if g.counted.Add(1)%4 != 0 {
		if all, ok := descendantsOf(os.Getpid()); ok {
			return all
		}
	}
	return descendants()
}

// over returns the name of the exceeded limit, of processes, memory, or a disk in memory. It returns "" if
// none is exceeded.
func (g *gauge) over() string {
	l := g.spec.Limits
	all := g.family()
	threads := 0
	for _, p := range all {
		threads += p.threads
	}
	if len(all) > l.Processes || threads > 4*l.Processes {
		return "processes"
	}
	var private, shared, files, disk int64
	for _, p := range all {
		m := readMemory(p.pid)
		private += m["VmRSS"] - m["RssShmem"] + m["VmPTE"] + m["VmSwap"] + m["HugetlbPages"]
		shared += m["RssShmem"]
		if stat, err := os.Stat(procFile(p.pid, "fd")); err == nil {
			files += stat.Size() // the number of open files, since Linux 6.2
		}
	}
	for _, dir := range g.tmpfs {
		var fs unix.Statfs_t
		if err := unix.Statfs(dir, &fs); err != nil {
			continue
		}
		disk += int64(fs.Blocks-fs.Bfree) * int64(fs.Bsize)
		if int64(fs.Files-fs.Ffree) > int64(l.Entries) {
			return "disk"
		}
	}
	// Memory that is in no process's page tables is missing from these numbers. So if the machine's shared
	// memory grows while the family has some, or if many files are open, the most that it could be is counted.
	now := meminfo("Shmem")
	g.shmem = min(g.shmem, now) // memory that others free must not hide memory that the family takes
	if grown := now - g.shmem; grown > l.Memory/4 && sharesMemory(all) {
		shared = max(shared, grown)
	}
	if files > 1024 {
		private += files<<10 + buffers(all)
	}
	if private+max(shared, disk) > l.Memory {
		return "memory"
	}
	return ""
}

// overDisk reports whether the home folder holds too much, or cannot be measured.
func (g *gauge) overDisk() bool {
	l := g.spec.Limits
	var bytes int64
	entries := 0
	err := filepath.WalkDir(g.spec.Home, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it was removed in the meantime
		}
		if err != nil {
			return err
		}
		entries++
		if stat, err := d.Info(); err == nil {
			bytes += blocks(stat)
		}
		if entries > l.Entries || bytes > l.Disk {
			return fs.ErrInvalid
		}
		return nil
	})
	if err != nil {
		return true
	}
	all := g.family()
	open, seen := unnamed(all, g.spec.Home)
	if bytes += open; bytes > l.Disk {
		return true
	}
	// A mapping does not say how large its file is, and the deleted file may be a library that was replaced meanwhile.
	// So mappings count only if the disk has become fuller.
	now := free(g.spec.Home)
	g.free = max(g.free, now) // space that others free must not hide space that the family takes
	return g.free-now > l.Disk/2 && bytes+unnamedMapped(all, seen, l.File) > l.Disk
}

func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }

// readMemory returns the sizes in a process's status file, in bytes.
func readMemory(pid int) map[string]int64 { return readSizes(procFile(pid, "status")) }

// meminfo returns one of the sizes in /proc/meminfo, in bytes.
func meminfo(name string) int64 { return readSizes("/proc/meminfo")[name] }

func readSizes(file string) map[string]int64 {
	b, _ := os.ReadFile(file) // the process may have ended
	sizes := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		if size, ok := strings.CutSuffix(strings.TrimSpace(rest), " kB"); ok {
			n, _ := strconv.ParseInt(size, 10, 64)
			sizes[name] = n << 10
		}
	}
	return sizes
}

func free(dir string) int64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0
	}
	return int64(fs.Bfree) * int64(fs.Bsize)
}

func blocks(stat fs.FileInfo) int64 {
	if st, ok := stat.Sys().(*syscall.Stat_t); ok {
		return st.Blocks * 512
	}
	return stat.Size()
}

// noFile is the device number of shared memory that has no file.
const noFile = "00:01"

// sharesMemory reports whether these processes have shared memory without a file.
func sharesMemory(all []process) (shares bool) {
	eachMapped(all, func(device, _ string, _ bool) { shares = shares || device == noFile })
	return shares
}

// eachMapped calls do once for each file that one of the processes has mapped.
func eachMapped(all []process, do func(device, inode string, deleted bool)) {
	seen := map[string]bool{}
	for _, p := range all {
		b, _ := os.ReadFile(procFile(p.pid, "maps")) // it may have ended
		for line := range strings.Lines(string(b)) {
			// 7f00-7f10 rw-s 00000000 00:01 1234 /dev/zero (deleted)
			fields := strings.Fields(line)
			if len(fields) < 5 || fields[4] == "0" || seen[fields[3]+" "+fields[4]] {
				continue
			}
			seen[fields[3]+" "+fields[4]] = true
			do(fields[3], fields[4], strings.HasSuffix(strings.TrimSpace(line), " (deleted)"))
		}
	}
}

// buffers returns how much memory, in bytes, the kernel may hold for the open pipes and socket pairs of
// these processes.
func buffers(all []process) (size int64) {
	const pipe, socket = 64 << 10, 512 << 10
	seen := map[string]bool{}
	for _, p := range all {
		names, err := os.ReadDir(procFile(p.pid, "fd"))
		if errors.Is(err, fs.ErrPermission) { // the process has hidden them
			if stat, err := os.Stat(procFile(p.pid, "fd")); err == nil {
				size += stat.Size() * socket
			}
		}
		for _, name := range names {
			to, err := os.Readlink(procFile(p.pid, "fd/"+name.Name()))
			if err != nil || seen[to] {
				continue
			}
			seen[to] = true
			switch {
			case strings.HasPrefix(to, "pipe:"):
				size += pipe
			case strings.HasPrefix(to, "socket:"):
				size += socket
			}
		}
	}
	return size
}

// unnamed returns the size of the files on the disk of home that these processes have open and that have no name any
// more, and the numbers of their inodes. Files in memory have no name either, and count as memory.
func unnamed(all []process, home string) (size int64, seen map[uint64]bool) {
	seen = map[uint64]bool{}
	var disk unix.Stat_t
	if err := unix.Stat(home, &disk); err != nil {
		return 0, seen
	}
	for _, p := range all {
		names, _ := os.ReadDir(procFile(p.pid, "fd"))
		for _, name := range names {
			var st unix.Stat_t
			if err := unix.Stat(procFile(p.pid, "fd/"+name.Name()), &st); err == nil && st.Nlink == 0 && st.Mode&unix.S_IFMT == unix.S_IFREG && !seen[st.Ino] {
				seen[st.Ino] = true
				if st.Dev == disk.Dev {
					size += st.Blocks * 512
				}
			}
		}
	}
	return size, seen
}

// unnamedMapped returns the most that files without a name can take that are mapped and not among those seen: each
// counts as largest.
func unnamedMapped(all []process, seen map[uint64]bool, largest int64) (size int64) {
	eachMapped(all, func(device, inode string, deleted bool) {
		if ino, _ := strconv.ParseUint(inode, 10, 64); deleted && device != noFile && !seen[ino] {
			size += largest
		}
	})
	return size
}
