// Package scratch provides one private folder per process for all its temporary files: trees, scanned files,
// bodies of requests. A killed process leaves its folder, which may contain other people's code. The next process
// that starts removes it.
package scratch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// lockFile is a file in each folder. The process that uses the folder holds a lock on it, which ends with the
// process.
const lockFile = "lock"

// Open creates a folder in parent, which is created if missing, and removes the folders of processes that have
// ended. Other users cannot read the content of either. Call done when the work is done.
//
// Any number of processes may share a parent. Open holds the lock of parent, so that no process removes a folder
// that another has just created and not yet locked.
func Open(parent string) (dir string, done func(), err error) {
	if err := private(parent); err != nil {
		return "", nil, fmt.Errorf("open folder for temporary files: %w", err)
	}
	gate, err := os.Open(parent)
	if err != nil {
		return "", nil, fmt.Errorf("open folder for temporary files: %w", err)
	}
	defer func() { _ = gate.Close() }() // releases the lock
	if err := syscall.Flock(int(gate.Fd()), syscall.LOCK_EX); err != nil {
		return "", nil, fmt.Errorf("lock folder for temporary files: %w", err)
	}
	left := sweep(parent)
	dir, err = os.MkdirTemp(parent, "work-")
	if err != nil {
		return "", nil, fmt.Errorf("open folder for temporary files: %w", errors.Join(err, left))
	}
	lock, ok, err := hold(dir, os.O_CREATE)
	if err != nil || !ok {
		return "", nil, fmt.Errorf("lock folder for temporary files: %w", err)
	}
	return dir, func() {
		_ = remove(dir) // the next process to start removes what stays
		_ = lock.Close()
	}, nil
}

// OpenShared is like Open with a private folder of this user as parent, in the system's shared folder for
// temporary files.
func OpenShared() (dir string, done func(), err error) {
	return Open(filepath.Join(os.TempDir(), "secbydesign-user-"+strconv.Itoa(os.Geteuid())))
}

// private creates a folder that only this user can enter. In a shared folder, another user may have created it
// before, or a link with its name.
func private(parent string) error {
	if err := os.MkdirAll(filepath.Dir(parent), 0o700); err != nil {
		return err
	}
	if err := os.Mkdir(parent, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(parent)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || ok && int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a folder of this user: remove it, or set TMPDIR", parent)
	}
	return os.Chmod(parent, 0o700)
}

// sweep removes the folders that no process uses. The caller must hold the parent's lock.
func sweep(parent string) error {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())
		lock, free, err := hold(dir, 0)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ELOOP): // its owner died before creating the lock file
			errs = append(errs, remove(dir))
		case err != nil:
			errs = append(errs, err)
		case free:
			errs = append(errs, remove(dir), lock.Close())
		}
	}
	return errors.Join(errs...)
}

// hold tries to take the lock of a folder. free is false if another process has it.
func hold(dir string, how int) (lock *os.File, free bool, err error) {
	lock, err = os.OpenFile(filepath.Join(dir, lockFile), how|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return lock, true, nil
	}
	_ = lock.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = nil
	}
	return nil, false, err
}

// remove deletes a folder, even if folders in it are not writable.
func remove(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}
