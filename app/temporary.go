package app

import (
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/secbydesign/secbydesign/app/scratch"
)

// Temporary has everything that this process puts down for a while, and every library of it, in a
// folder of its own, and removes those of processes that were killed. In the data folder, where there
// is one: what is reviewed is not for others on this machine. Call done at the end.
//
// It sets TMPDIR, so it is for the beginning of main.
func Temporary(dataDir string) (done func(), err error) {
	before, wasSet := os.LookupEnv("TMPDIR")
	// Earlier versions worked in the system's folder. What stays there is of no harm to this one.
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

// leftAlone is longer than anything worked in one temporary folder.
const leftAlone = 24 * time.Hour

// sweep removes temporary files and folders of earlier versions that nothing has touched since. A demo
// may run for days.
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
