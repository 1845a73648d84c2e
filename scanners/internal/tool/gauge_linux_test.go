package tool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// TestFilesWithoutANameCountWhateverIsFreed has the disk get emptier during the run, as when others delete files.
func TestFilesWithoutANameCountWhateverIsFreed(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	f, err := os.Create(filepath.Join(home, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), "/bin/sleep", "60")
	child.ExtraFiles = []*os.File{f}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	for disk, over := range map[int64]bool{2 << 20: true, 1 << 40: false} {
		g := &gauge{spec: spec{Home: home, Limits: limits{Disk: disk, File: 1 << 20, Entries: 10}}, free: 0}
		if got := g.overDisk(); got != over {
			t.Errorf("with a limit of %d bytes: over is %v", disk, got)
		}
	}
}

// TestDescendantsOf checks that the kernel's lists of children give a whole family, also what a process's other threads
// and its children have started.
func TestDescendantsOf(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", `sh -c 'sleep 60 & sleep 60 & echo; wait' & wait`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	if _, err := out.Read(make([]byte, 1)); err != nil { // both sleep
		t.Fatal(err)
	}
	all, ok := descendantsOf(cmd.Process.Pid)
	if !ok {
		if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid())); errors.Is(err, fs.ErrNotExist) {
			t.Skip("this kernel has no lists of children")
		}
		t.Fatal("no list was read")
	}
	if len(all) != 3 {
		t.Errorf("%v are not the inner shell and what sleeps", all)
	}
	for _, p := range all {
		if p.threads != 1 {
			t.Errorf("%v: %d threads", p, p.threads)
		}
	}
	mine, _ := descendantsOf(os.Getpid())
	if !slices.ContainsFunc(mine, func(p process) bool { return p.pid == cmd.Process.Pid && p.parent == os.Getpid() }) {
		t.Error("what one of several threads started is missing")
	}
}
