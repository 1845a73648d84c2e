package app

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/secbydesign/secbydesign/app/scratch"
)

// Temporary makes this process and all its libraries put their temporary files into one folder, and removes the folders
// of processes that were killed. If there is a data folder, the temporary folder is in it: reviewed code is not for
// other users of this machine. Call done at the end.
//
// It sets TMPDIR, so it is for the beginning of main.
func Temporary(dataDir string) (done func(), err error) {
	before, wasSet := os.LookupEnv("TMPDIR")
	// Earlier versions worked in the system's folder. Files that stay there do no harm to this version.
	_ = sweep(os.TempDir(), time.Now().Add(-leftAlone))
	var dir string
	var remove func()
	if dataDir == "" {
		dir, remove, err = scratch.OpenShared()
	} else {
		dir, remove, err = scratch.Open(filepath.Join(dataDir, "tmp"))
	}
	if err == nil {
		dir, err = filepath.Abs(dir)
	}
	if err == nil {
		err = os.Setenv("TMPDIR", dir)
	}
	if err != nil {
		return nil, err
	}
	return func() {
		if wasSet {
			_ = os.Setenv("TMPDIR", before)
		} else {
			_ = os.Unsetenv("TMPDIR")
		}
		remove()
	}, nil
}

// leftAlone is longer than any work in one temporary folder takes.
const leftAlone = 24 * time.Hour

// sweep removes temporary files and folders of earlier versions that have not been used since a time. A demo may run
// for days.
func sweep(dir string, since time.Time) error {
	var errs []error
	for _, kind := range []string{"git-*", "sarif-*", "shallow-*", "tree-*", "[0-9]*"} {
		left, err := filepath.Glob(filepath.Join(dir, "secbydesign-"+kind))
		errs = append(errs, err)
		for _, name := range left {
			if stat, err := os.Lstat(name); err == nil && stat.ModTime().Before(since) {
				errs = append(errs, os.RemoveAll(name))
			}
		}
	}
	return errors.Join(errs...)
}
