package tool

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
)

// A Prepared is a folder that is the same for every run and expensive to make, such as a compiled
// standard library. A program makes it once, outside the sandbox, from installed software alone, and the
// Runner keeps it in its cache folder. Each run gets links to its files in its private folder: the run can
// add files, but cannot change those that other runs use.
type Prepared struct {
	Command []string // one of Needs, and its arguments
	Folder  string   // where the program leaves the folder, relative to the home folder
	Without string   // a file in the folder that is not kept, because each run writes its own; may be empty
}

// Prepare implements [scanners.Preparer].
func (s *Scanner) Prepare(ctx context.Context) {
	if _, err := s.Version(ctx); err == nil {
		s.prepared(ctx)
	}
}

// prepared returns the adapter's prepared folder, and makes it first if it does not exist. It returns ""
// if there is none; then each run does the work itself.
func (s *Scanner) prepared(ctx context.Context) string {
	p := s.adapter.Prepared
	if p == nil || s.runner.cache == "" {
		return ""
	}
	unboxed := &Runner{cache: s.runner.cache, sandbox: &sandbox{limits: s.runner.sandbox.limits, choose: func() (kind, error) { return bare, nil }}}
	maker := &Scanner{runner: unboxed, adapter: Adapter{
		Info: scanners.Info{Name: p.Command[0]}, Program: p.Command[0], Reads: s.adapter.Reads, Env: s.adapter.Env,
		Args: func(Run) []string { return p.Command[1:] },
	}}
	program, err := maker.find()
	if err != nil {
		return ""
	}
	stat, err := os.Stat(program.real)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []any{program.real, stat.Size(), stat.ModTime().UnixNano(), p, s.adapter.Env}))
	folder := filepath.Join(s.runner.cache, filepath.Base(p.Command[0])+"-"+hex.EncodeToString(sum[:8]))

	select {
	case s.runner.preparing <- struct{}{}:
		defer func() { <-s.runner.preparing }()
	case <-ctx.Done():
		return ""
	}
	if stat, err := os.Stat(folder); err == nil && stat.IsDir() {
		return folder
	}
	if s.runner.failed[folder] {
		return ""
	}
	if err := maker.prepare(ctx, program, *p, folder); err != nil {
		s.runner.failed[folder] = ctx.Err() == nil // if ctx ended it, the next call tries again
		return ""
	}
	return folder
}

// prepare makes the folder, and removes those that other versions of the program have left beside it.
func (s *Scanner) prepare(ctx context.Context, p program, what Prepared, folder string) error {
	if err := os.MkdirAll(s.runner.cache, 0o700); err != nil {
		return err
	}
	w, err := s.newWorkplace(ctx, s.runner.cache, scanners.Target{Scope: scanners.ScopeFile})
	if err != nil {
		return err
	}
	defer w.remove()
	if _, _, err := s.start(ctx, p, w); err != nil {
		return err
	}
	made := filepath.Join(w.run.Home, what.Folder)
	if what.Without != "" {
		if err := os.Remove(filepath.Join(made, what.Without)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	old, err := filepath.Glob(filepath.Join(s.runner.cache, filepath.Base(what.Command[0])+"-*"))
	if err != nil {
		return err
	}
	if err := os.Rename(made, folder); err != nil {
		return err // for example because another process was faster
	}
	for _, dir := range old {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// A Derived is a prepared folder for all trees that need the same, such as compiled dependencies. The command runs in
// a sandbox, in a folder that holds the sources and no file of the tree, and starts with what [Prepared] made. So no
// tree decides on what is in a folder that another one uses. The sandbox is Landlock's, since what a program writes in
// namespaces of its own is gone when it ends; where there is none, nothing is made.
type Derived struct {
	Command []string // one of Needs, and its arguments

	// Sources returns the files that the command needs, by name, given the files that the program scans. It returns
	// none if there is nothing to make.
	Sources func(tree string, files []string) map[string]string
}

// maxDerived is how many derived folders are kept, the last used ones.
const maxDerived = 8

// derived returns the derived folder for the tree of a workplace, and makes it first if it does not exist. It returns
// "" if there is none; then each run does the work itself.
func (s *Scanner) derived(ctx context.Context, w *workplace) string {
	d := s.adapter.Derived
	if d == nil || w.prepared == "" {
		return ""
	}
	var sources []scanners.File
	all, err := s.sources(ctx, w)
	if err != nil {
		return ""
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		sources = append(sources, scanners.File{Path: name, Content: []byte(all[name])})
	}
	if len(sources) == 0 {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q", []any{w.prepared, d.Command, s.adapter.Env}, sources))
	folder := filepath.Join(s.runner.cache, "derived-"+hex.EncodeToString(sum[:8]))
	made := func() bool {
		stat, err := os.Stat(folder)
		if err != nil || !stat.IsDir() {
			return false
		}
		now := time.Now()
		_ = os.Chtimes(folder, now, now) // it was used, see keepNewest
		return true
	}
	if made() { // without the lock, since others may be making theirs for minutes
		return folder
	}
	select {
	case s.runner.deriving <- struct{}{}:
		defer func() { <-s.runner.deriving }()
	case <-ctx.Done():
		return ""
	}
	if made() {
		return folder
	}
	if s.runner.underived[folder] {
		return ""
	}
	onDisk := &Runner{cache: s.runner.cache, sandbox: &sandbox{limits: s.runner.sandbox.limits, choose: s.runner.onDisk}}
	maker := &Scanner{runner: onDisk, adapter: Adapter{
		Info: scanners.Info{Name: d.Command[0]}, Program: d.Command[0], Reads: s.adapter.Reads, Env: s.adapter.Env, Prepared: s.adapter.Prepared,
		Args: func(Run) []string { return d.Command[1:] },
	}}
	if err := maker.derive(ctx, sources, w.prepared, folder); err != nil {
		s.runner.underived[folder] = ctx.Err() == nil // if ctx ended it, the next call tries again
		return ""
	}
	return folder
}

func (s *Scanner) derive(ctx context.Context, sources []scanners.File, prepared, folder string) error {
	p, err := s.find()
	if err != nil {
		return err
	}
	w, err := s.newWorkplace(ctx, s.runner.cache, scanners.Target{Scope: scanners.ScopeFile, Files: sources})
	if err != nil {
		return err
	}
	defer w.remove()
	w.prepared = prepared
	if _, _, err := s.start(ctx, p, w); err != nil {
		return err
	}
	made := filepath.Join(w.run.Home, s.adapter.Prepared.Folder)
	if without := s.adapter.Prepared.Without; without != "" {
		if err := os.Remove(filepath.Join(made, without)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := os.Rename(made, folder); err != nil {
		return err // for example because another process was faster
	}
	return keepNewest(s.runner.cache)
}

// keepNewest removes the derived folders that were not used for longest.
func keepNewest(cache string) error {
	folders, err := filepath.Glob(filepath.Join(cache, "derived-*"))
	if err != nil {
		return err
	}
	used := map[string]time.Time{}
	for _, folder := range folders {
		if stat, err := os.Stat(folder); err == nil {
			used[folder] = stat.ModTime()
		}
	}
	slices.SortFunc(folders, func(a, b string) int { return used[b].Compare(used[a]) })
	for _, folder := range folders[min(len(folders), maxDerived):] {
		if err := os.RemoveAll(folder); err != nil {
			return err
		}
	}
	return nil
}

// link fills the folder to with links to all files of the folder from. A link in from leads to the same file.
func link(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		if d.Type() == fs.ModeSymlink {
			if path, err = os.Readlink(path); err != nil {
				return err
			}
		}
		return os.Symlink(path, filepath.Join(to, name))
	})
}
