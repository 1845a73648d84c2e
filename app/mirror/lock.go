package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	shared = syscall.LOCK_SH
	alone  = syscall.LOCK_EX
)

// lock waits for the lock on a file. A lock belongs to the open file and not to the process, so it works between
// goroutines as well as between processes.
func lock(ctx context.Context, path string, how int) (unlock func(), err error) {
	// Polling, because a goroutine blocked in flock cannot be canceled.
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		unlock, ok, err := tryLock(path, how)
		if ok || err != nil {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for another fetch: %w", context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

func tryLock(path string, how int) (unlock func(), ok bool, err error) {
	f, err := openLock(path)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	switch {
	case err == nil:
		return func() {
			// Closing alone is not enough: a process starting at this moment may hold a copy of the file
			// descriptor for a little longer.
			_ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
			_ = f.Close()
		}, true, nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		_ = f.Close()
		return nil, false, nil
	default:
		_ = f.Close()
		return nil, false, fmt.Errorf("lock %s: %w", path, err)
	}
}

// openLock opens a lock file. It replaces a link or anything else that is not a regular file.
func openLock(path string) (*os.File, error) {
	const how = os.O_CREATE | os.O_RDWR | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	f, err := os.OpenFile(path, how, 0o600)
	if err == nil {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			return f, nil
		}
		_ = f.Close()
	}
	if err := replaceable(path); err != nil {
		return nil, err
	}
	return os.OpenFile(path, how, 0o600)
}

// replaceable ensures that there is a lock file, or nothing, at path. It locks the folder meanwhile, so that two
// callers cannot remove each other's new lock files.
func replaceable(path string) error {
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }() // releases the lock
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().IsRegular():
		return os.Chmod(path, 0o600)
	}
	return os.RemoveAll(path)
}
