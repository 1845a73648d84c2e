package tool

import (
	"os"
	"os/exec"
	"path/filepath"
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
