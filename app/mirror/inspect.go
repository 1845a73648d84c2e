package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/secbydesign/secbydesign/app/plainfile"
)

// What is looked at of a local repository before git reads it. Git opens its files without
// asking what they are: it waits for ever on a pipe, and reads a device without an end. Whatever
// passes here and is exchanged afterwards still meets the limits of time and memory.
const (
	metaBytes   = 256 << 20 // of one file of a git directory that is no object
	lookedAt    = 1_000_000 // files in all; what is beyond is left to the other limits
	includeHops = 10        // git's own limit
	borrowHops  = 5         // git's own limit
)

// inspection is one look at a repository.
type inspection struct {
	ctx  context.Context
	left int             // how many files it may still look at
	seen map[string]bool // folders and configurations
	err  error           // the first that is wrong
}

// inspect fails when a file of the repository that dir is in is nothing that git should open. It
// finds the repository as git does. Where there is none, that is for git to say.
func inspect(ctx context.Context, dir string) error {
	i := &inspection{ctx: ctx, left: lookedAt, seen: map[string]bool{}}
	for {
		dotGit := filepath.Join(dir, ".git")
		info, err := os.Stat(dotGit)
		switch {
		case err == nil && info.IsDir():
			i.gitDir(dotGit)
			if exists(filepath.Join(dotGit, "HEAD")) {
				return i.err
			}
		case err == nil:
			if to := i.pointer(dotGit, "gitdir:"); to != "" {
				i.gitDir(to)
			}
			return i.err
		case exists(filepath.Join(dir, "HEAD")) && exists(filepath.Join(dir, "objects")):
			i.gitDir(dir)
			return i.err
		}
		parent := filepath.Dir(dir)
		if parent == dir || i.err != nil {
			return i.err
		}
		dir = parent
	}
}

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// fail keeps the first thing that is wrong. What cannot be looked at, git cannot read either.
func (i *inspection) fail(err error) {
	if i.err == nil && (errors.Is(err, plainfile.ErrNotPlain) || errors.Is(err, plainfile.ErrTooLarge) || errors.Is(err, i.ctx.Err())) {
		i.err = err
	}
}

// pointer gives the path that a file of one line holds.
func (i *inspection) pointer(file, prefix string) string {
	text, err := plainfile.Read(file, metaBytes)
	if i.fail(err); err != nil {
		return ""
	}
	to := strings.TrimSpace(strings.TrimPrefix(string(text), prefix))
	if to == "" {
		return ""
	}
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(file), to)
	}
	return to
}

func (i *inspection) gitDir(dir string) {
	i.folder(dir, metaBytes)
	for _, name := range []string{"config", "config.worktree"} {
		i.config(filepath.Join(dir, name), includeHops)
	}
	i.borrowed(filepath.Join(dir, "objects"), borrowHops)
	if common := filepath.Join(dir, "commondir"); exists(common) {
		if to := i.pointer(common, ""); to != "" && !i.seen[to] {
			i.gitDir(to)
		}
	}
}

// folder looks at all files of a folder: they are regular and not larger than most. Links are
// followed as git does.
func (i *inspection) folder(dir string, most int64) {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if i.seen[dir] {
		return
	}
	i.seen[dir] = true
	i.fail(filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // git cannot read it either
		}
		if i.left--; i.left < 0 {
			return fs.SkipAll
		}
		if i.ctx.Err() != nil {
			return i.ctx.Err()
		}
		switch name := d.Name(); {
		case d.IsDir() && path != dir && (name == "modules" || name == "lfs" || name == "hooks") && filepath.Dir(path) == dir:
			return fs.SkipDir // nothing here reads these
		case d.IsDir() && path != dir && name == "objects" && filepath.Dir(path) == dir:
			i.folder(path, 1<<62) // packs may have any size
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err == nil && d.Type()&fs.ModeSymlink != 0 {
			info, err = os.Stat(path)
		}
		switch {
		case err != nil:
			return nil
		case info.IsDir():
			i.folder(path, most)
			return nil
		case !info.Mode().IsRegular():
			return &fs.PathError{Op: "read", Path: path, Err: plainfile.ErrNotPlain}
		case info.Size() > most:
			return &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w: %d bytes", plainfile.ErrTooLarge, info.Size())}
		}
		return nil
	}))
}

// included is a line of a configuration that can name another file to read.
var included = regexp.MustCompile(`(?im)^[^#;\n]*\bpath\s*=\s*"?([^"\n]*)`)

// config looks at the files that a configuration includes. It takes more lines for includes than
// git does: what they name has to be a file all the same.
func (i *inspection) config(file string, hops int) {
	if i.seen[file] || hops == 0 || i.err != nil {
		return
	}
	i.seen[file] = true
	text, err := plainfile.Read(file, metaBytes)
	if i.fail(err); err != nil {
		return
	}
	for _, m := range included.FindAllSubmatch(text, -1) {
		name := strings.TrimSpace(string(m[1]))
		if strings.Contains(name, "\x00") || name == "" {
			continue
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		if info, err := os.Stat(name); err == nil && !info.IsDir() {
			i.config(name, hops-1)
		}
	}
}

// borrowed looks at the folders whose objects a repository borrows.
func (i *inspection) borrowed(objects string, hops int) {
	text, err := plainfile.Read(filepath.Join(objects, "info", "alternates"), metaBytes)
	if i.fail(err); err != nil || hops == 0 {
		return
	}
	for line := range bytes.Lines(text) {
		name := strings.Trim(string(bytes.TrimSpace(line)), `"`)
		if name == "" || strings.HasPrefix(name, "#") || strings.Contains(name, "\x00") {
			continue
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(objects, name)
		}
		if info, err := os.Stat(name); err != nil || !info.IsDir() || i.seen[name] {
			continue
		}
		i.folder(name, 1<<62)
		i.borrowed(name, hops-1)
	}
}

// specials lists the pipes, sockets and devices of a work tree, which git cannot keep. It fails for
// one that git would open by its name.
func specials(ctx context.Context, top string) (map[string]bool, error) {
	found := map[string]bool{}
	left := lookedAt
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		if left--; left < 0 {
			return fs.SkipAll
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch {
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case d.IsDir(), d.Type().IsRegular(), d.Type()&fs.ModeSymlink != 0:
			return nil
		case d.Name() == ".gitignore", d.Name() == ".gitattributes":
			return &fs.PathError{Op: "read", Path: path, Err: plainfile.ErrNotPlain}
		}
		name, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		found[filepath.ToSlash(name)] = true
		return nil
	})
	return found, err
}
