package scratch

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestMain makes the test binary a process that works in a folder until its input ends.
func TestMain(m *testing.M) {
	parent := os.Getenv("SCRATCH_TEST_PARENT")
	if parent == "" {
		os.Exit(m.Run())
	}
	dir, done, err := Open(parent)
	if err == nil {
		err = os.MkdirAll(filepath.Join(dir, "tree", "closed"), 0o700)
	}
	if err == nil {
		err = errors.Join(os.WriteFile(filepath.Join(dir, "tree", "closed", "secret"), []byte("key"), 0o600), os.Chmod(filepath.Join(dir, "tree", "closed"), 0))
	}
	if err != nil {
		panic(err)
	}
	fmt.Println(dir)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	done()
}

// A worker is a process that works in its own folder.
type worker struct {
	dir string
	cmd *exec.Cmd
	end func() // lets it end by itself
}

func work(t *testing.T, parent string) worker {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SCRATCH_TEST_PARENT="+parent)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return worker{strings.TrimSpace(line), cmd, func() { _ = in.Close(); _ = cmd.Wait() }}
}

func (w worker) kill() { _ = w.cmd.Process.Kill(); _ = w.cmd.Wait() }

func exists(dir string) bool {
	_, err := os.Lstat(dir)
	return err == nil
}

// TestKilledProcessLeavesNothing checks that the next process to start removes the folder of a killed one, and
// keeps folders in use.
func TestKilledProcessLeavesNothing(t *testing.T) {
	t.Parallel()
	parent := filepath.Join(t.TempDir(), "data", "tmp")
	killed, living, ended := work(t, parent), work(t, parent), work(t, parent)
	killed.kill()
	if !exists(killed.dir + "/tree") {
		t.Fatal("the kill left nothing, so this shows nothing")
	}
	if ended.end(); exists(ended.dir) {
		t.Error("a process that has ended left its folder")
	}
	// A folder that was never locked, and something that is no folder.
	if err := errors.Join(os.Mkdir(parent+"/work-0", 0o700), os.WriteFile(parent+"/file", nil, 0o600), os.Symlink(t.TempDir(), parent+"/link")); err != nil {
		t.Fatal(err)
	}
	next := work(t, parent)
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 2 || !exists(living.dir+"/tree") || !exists(next.dir+"/tree") {
		t.Errorf("left are %v, %v", entries, err)
	}
	for _, dir := range []string{parent, living.dir} {
		if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, info.Mode(), err)
		}
	}
}

// TestManyStartAtOnce checks that processes that start together do not remove each other's folders.
func TestManyStartAtOnce(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 20 {
				dir, done, err := Open(parent)
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil || !exists(dir+"/lock") {
					t.Error(err)
				}
				done()
			}
		})
	}
	all.Wait()
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Errorf("left are %v, %v", entries, err)
	}
}

// TestAFolderOfOthersIsRefused checks that Open refuses a parent that another user may have created first.
func TestAFolderOfOthersIsRefused(t *testing.T) {
	t.Parallel()
	dir, elsewhere := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Symlink(elsewhere, dir+"/link"), os.WriteFile(dir+"/file", nil, 0o600), os.Mkdir(dir+"/open", 0o777)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link", "file"} {
		if _, _, err := Open(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	_, done, err := Open(filepath.Join(dir, "open"))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if info, err := os.Stat(dir + "/open"); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may enter: %v, %v", info.Mode(), err)
	}
	if os.Geteuid() == 0 {
		if err := errors.Join(os.Mkdir(dir+"/other", 0o700), os.Chown(dir+"/other", 1, 1)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(dir + "/other"); err == nil {
			t.Error("the folder of another user is taken")
		}
	}
}
