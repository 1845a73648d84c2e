package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
)

// TestDiskIsFull fills a small file system, and then frees space on it.
func TestDiskIsFull(t *testing.T) {
	pgtest.SQLiteOnly(t, "it fills the disk of a file")
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skip("a file system cannot be mounted here: ", err)
	}
	defer func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }()
	l, err := Open(t.Context(), "sqlite:"+filepath.Join(dir, "db"))
	must(t, err)
	defer l.Close()
	must(t, l.Ready(t.Context()))
	taken := 0
	for taken = range 10 {
		must(t, l.take(t.Context(), fmt.Sprint(taken)))
	}

	filler, err := os.Create(filepath.Join(dir, "filler"))
	must(t, err)
	for piece := 64 << 10; piece > 0; {
		if _, err := filler.Write(make([]byte, piece)); err != nil {
			piece /= 2
		}
	}
	must(t, filler.Close())
	l.ready.at = l.ready.at.Add(-readyAge)
	if err := l.Ready(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("ready with a full disk: %v", err)
	}
	refused := false
	for i := range 2000 { // the log has some free space inside
		err := l.take(t.Context(), fmt.Sprint("more ", i))
		if refused = errors.Is(err, ErrUnavailable); refused {
			break
		}
		must(t, err)
		taken++
	}
	if !refused {
		t.Error("nothing is refused with a full disk")
	}
	must(t, os.Remove(filler.Name()))
	l.ready.at = l.ready.at.Add(-readyAge)
	if err := l.Ready(t.Context()); err != nil {
		t.Errorf("ready with room again: %v", err)
	}
	must(t, l.take(t.Context(), "last"))
	if got := stored(t, l); got != taken+2 {
		t.Errorf("%d deliveries are there, want %d", got, taken+2)
	}
}
