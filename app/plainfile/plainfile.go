// Package plainfile reads untrusted files: in a clone from the internet, a file can be a pipe that blocks its
// reader forever, or a link to a device without an end.
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

// ErrNotPlain means that a name belongs to something other than a file: a folder, a pipe, a socket or a device.
// ErrTooLarge means that a file exceeds the reader's limit.
var (
	ErrNotPlain = errors.New("not a regular file")
	ErrTooLarge = errors.New("larger than is read")
)

// Open opens a file, or the target of a link, for reading. It fails if the file has more than most bytes.
func Open(name string, most int64) (*os.File, fs.FileInfo, error) {
	// Without O_NONBLOCK, opening a pipe waits for a writer.
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if errors.Is(err, syscall.ENXIO) { // a socket, or a missing device
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

// Read returns the content of a file of at most most bytes. It also reads a pipe that this process inherited,
// such as /dev/stdin or the one that a shell makes for <(command).
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
	if err == nil && int64(len(content)) > most { // it has grown, or its size was not known
		return nil, &fs.PathError{Op: "read", Path: name, Err: ErrTooLarge}
	}
	return content, err
}

// inherited reports whether name refers to a file that this process already has open.
func inherited(name string) bool {
	return name == "/dev/stdin" || strings.HasPrefix(name, "/dev/fd/") || strings.HasPrefix(name, "/proc/self/fd/")
}
