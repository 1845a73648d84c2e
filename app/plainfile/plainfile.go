// Package plainfile reads files that somebody else may have put there: in a clone from the
// internet, a file can be a pipe on which a reader waits for ever, or a link to a device that has
// no end.
package plainfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// ErrNotPlain means that a name is that of something other than a file: a folder, a pipe, a socket
// or a device. ErrTooLarge means that a file is larger than the reader takes.
var (
	ErrNotPlain = errors.New("not a regular file")
	ErrTooLarge = errors.New("larger than is read")
)

// Open opens a file for reading, or what a link leads to. The file has no more than most bytes.
func Open(name string, most int64) (*os.File, fs.FileInfo, error) {
	// Without O_NONBLOCK, opening a pipe waits for a writer.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errors.Is(err, syscall.ENXIO) { // a socket, or a device that is not there
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: ErrNotPlain}
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNotPlain}
	case info.Size() > most:
		err = &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("%w: %d bytes", ErrTooLarge, info.Size())}
	}
	if err != nil {
		_ = f.Close() // only read
		return nil, nil, err
	}
	return f, info, nil
}

// Read gives the content of a file of no more than most bytes. A pipe that this process was started
// with, such as /dev/stdin or what a shell makes of <(command), is read, too.
func Read(name string, most int64) ([]byte, error) {
	var f *os.File
	var err error
	if inherited(name) {
		f, err = os.Open(name)
	} else {
		f, _, err = Open(name, most)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most { // it grows, or its size is not known
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	return content, err
}

// inherited reports whether a name is that of a file that is open already.
func inherited(name string) bool {
	return name == "/dev/stdin" || strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/")
}
