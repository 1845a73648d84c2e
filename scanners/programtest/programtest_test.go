package programtest

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// TestWriteFile runs programs while others are written.
func TestWriteFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			for j := range 30 {
				path := filepath.Join(dir, strconv.Itoa(i)+"."+strconv.Itoa(j))
				if err := WriteFile(path, "#!/bin/sh\n"); err != nil {
					t.Error(err)
					return
				}
				if err := exec.Command(path).Run(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
