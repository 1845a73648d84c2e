package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const (
	shared = syscall.LOCK_SH
	alone  = syscall.LOCK_EX
)

// lock waits for the lock on a file. A lock belongs to the open file and not to the
// process, so it holds between goroutines and between processes alike.
func lock(ctx context.Context, path string, how int) (unlock func(), err error) {
	// Asking again and again, because a goroutine that sleeps in flock cannot be cancelled.
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
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	switch {
	case err == nil:
		return func() {
			// Closing alone is not enough: a process that is being started at this moment may
			// hold a copy of the file for a little longer.
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
