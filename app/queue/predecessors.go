package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/riverqueue/river/rivertype"
)

// A register is a folder in which each process that works leaves its name in a file, and holds the lock of that file. The
// kernel releases the lock when the process ends, however it ends. So the next process on the same folder knows at once
// which of the earlier ones are dead, where the database could only show that they are silent.
//
// Processes on one folder must share the kernel that keeps the locks, or a file system that passes them on. A process that
// is wrongly believed dead loses its leases, as after a long silence.
type register struct {
	dir string
	own *os.File // nil before enter and after leave
}

// maxName bounds what is read of a file in the register.
const maxName = 200

// enter adds a process, and returns the names of those that have ended. forget removes them from the register. The zero
// register has nobody.
func (r *register) enter(name string) (dead []string, forget func() error, err error) {
	if r.dir == "" {
		return nil, func() error { return nil }, nil
	}
	if err := os.MkdirAll(r.dir, 0o700); err != nil {
		return nil, nil, err
	}
	gate, err := r.lock()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = gate.Close() }() // releases the lock
	dead, left, err := r.ended()
	if err != nil {
		return nil, nil, err
	}
	own, err := os.CreateTemp(r.dir, "worker-")
	if err != nil {
		return nil, nil, err
	}
	err = syscall.Flock(int(own.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		_, err = own.WriteString(name)
	}
	if err != nil {
		return nil, nil, errors.Join(err, own.Close())
	}
	r.own = own
	return dead, func() error {
		var errs []error
		for _, path := range left {
			errs = append(errs, os.Remove(path))
		}
		return errors.Join(errs...)
	}, nil
}

// leave removes this process.
func (r *register) leave() error {
	if r.own == nil {
		return nil
	}
	err := errors.Join(os.Remove(r.own.Name()), r.own.Close())
	r.own = nil
	return err
}

// lock takes the lock of the folder, without which a file that was just created could be taken for that of a dead process.
func (r *register) lock() (*os.File, error) {
	gate, err := os.Open(r.dir)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(gate.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, gate.Close())
	}
	return gate, nil
}

// ended returns the names of the processes that hold no lock any more, and their files.
func (r *register) ended() (names, paths []string, err error) {
	found, err := filepath.Glob(filepath.Join(r.dir, "worker-*"))
	if err != nil {
		return nil, nil, err
	}
	for _, path := range found {
		f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			_ = f.Close()
			continue // it is alive
		}
		name, err := io.ReadAll(io.LimitReader(f, maxName))
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, nil, err
		}
		paths = append(paths, path)
		if len(name) > 0 { // else it was killed before it began to work
			names = append(names, string(name))
		}
	}
	return names, paths, nil
}

// rescuePredecessors puts back the jobs that earlier processes on this process's folder left running, without waiting for
// their leases to expire.
func (q *Queue) rescuePredecessors(ctx context.Context) error {
	dead, forget, err := q.register.enter(q.client.ID())
	if err != nil {
		return fmt.Errorf("read which processes have ended: %w", err)
	}
	if len(dead) > 0 {
		q.log.Info().Str("workers", strings.Join(dead, " ")).Msg("earlier processes have ended without stopping: their jobs are put back")
		err := q.rescue(ctx, ever, q.opts.Settle, func(_ *sql.Tx, row *rivertype.JobRow) (bool, error) {
			by := row.AttemptedBy
			return len(by) == 0 || !slices.Contains(dead, by[len(by)-1]), nil
		})
		if err != nil {
			return err
		}
	}
	if err := forget(); err != nil {
		return fmt.Errorf("forget the processes that have ended: %w", err)
	}
	return nil
}
