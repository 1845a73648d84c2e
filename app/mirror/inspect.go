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

// Bounds for the inspection of a local repository before git reads it. Git opens files without checking their
// type: it blocks forever on a pipe, and reads a device without end. A file that passes the inspection and is
// replaced afterwards is still subject to the limits of time and memory.
const (
	metaBytes   = 256 << 20 // one file of a git directory other than an object
	lookedAt    = 1_000_000 // files in all; any further files only meet the other limits
	includeHops = 10        // git's own limit
	borrowHops  = 5         // git's own limit
)

// inspection is one inspection of a repository.
type inspection struct {
	ctx  context.Context
	left int             // how many more files it may check
	seen map[string]bool // folders and configuration files
	err  error           // the first problem
}

// inspect returns an error if the repository that contains dir has a file that git should not open. It finds the
// repository as git does. If there is no repository, it returns nil and git reports that.
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

// fail keeps the first problem. It ignores other errors: a file that cannot be checked cannot be read by git
// either.
func (i *inspection) fail(err error) {
	if i.err == nil && (errors.Is(err, plainfile.ErrNotPlain) || errors.Is(err, plainfile.ErrTooLarge) || errors.Is(err, i.ctx.Err())) {
		i.err = err
	}
}

// pointer returns the path in a file of one line.
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

// folder checks all files of a folder: they must be regular and not larger than most. It follows links as git
// does.
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

// included matches a line of a configuration that can include another file.
var included = regexp.MustCompile(`(?im)^[^#;\n]*\bpath\s*=\s*"?([^"\n]*)`)

// config checks the files that a configuration includes. It treats more lines as includes than git does, which is
// harmless: the files that they name must be regular too.
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

// borrowed checks the folders from which a repository borrows objects.
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

// specials lists the pipes, sockets and devices of a work tree, which git cannot store. It fails if git would
// open one of them because of its name.
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
