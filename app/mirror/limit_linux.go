package mirror

import "golang.org/x/sys/unix"

// limitFiles bounds the size of the files that a process and its later children write.
func limitFiles(pid int, size int64) error {
	n := uint64(size)
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: n, Max: n}, nil); err != nil {
		return err
	}
	// A process that exceeds the limit would otherwise dump core.
	return unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
}

// limitMemory bounds the memory of a process and of each of its later children, not counting mapped files.
func limitMemory(pid int, size int64) error {
	n := uint64(size)
	return unix.Prlimit(pid, unix.RLIMIT_DATA, &unix.Rlimit{Cur: n, Max: n}, nil)
}
