package plainfile

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	must(os.WriteFile(in("file"), []byte("1234567890"), 0o600))
	must(os.WriteFile(in("empty"), nil, 0o600))
	must(os.WriteFile(in("sparse"), nil, 0o600))
	must(os.Truncate(in("sparse"), 1<<40))
	must(os.Mkdir(in("folder"), 0o700))
	must(syscall.Mkfifo(in("pipe"), 0o600))
	listener, err := net.Listen("unix", in("socket"))
	must(err)
	t.Cleanup(func() { _ = listener.Close() })
	for name, to := range map[string]string{"link": "file", "to pipe": "pipe", "to zero": "/dev/zero", "to folder": "folder", "dangling": "nowhere", "loop": "loop"} {
		must(os.Symlink(to, in(name)))
	}
	for name, want := range map[string]error{
		"file": nil, "empty": nil, "link": nil,
		"folder": ErrNotPlain, "pipe": ErrNotPlain, "socket": ErrNotPlain, "to pipe": ErrNotPlain, "to zero": ErrNotPlain, "to folder": ErrNotPlain,
		"sparse": ErrTooLarge, "missing": fs.ErrNotExist, "dangling": fs.ErrNotExist, "loop": syscall.ELOOP,
	} {
		content, err := Read(in(name), 10)
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if want := map[string]string{"file": "1234567890", "link": "1234567890"}[name]; string(content) != want {
			t.Errorf("%s holds %q, want %q", name, content, want)
		}
	}
	if _, err := Read(in("file"), 9); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte too much: %v", err)
	}
	// The kernel reports a size of 0 for these.
	if _, err := Read("/proc/self/status", 10); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file whose size is not known: %v", err)
	}
}

// TestReadWhatTheShellHands reads a pipe that another process has opened for this one.
func TestReadWhatTheShellHands(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := w.WriteString("version: 1\n"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if content, err := Read("/dev/fd/"+strconv.Itoa(int(r.Fd())), 100); string(content) != "version: 1\n" || err != nil {
		t.Errorf("%q, %v", content, err)
	}
}
