package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/plainfile"
)

// local is a repository on this machine. Its objects are read through an empty repository that this package
// creates and that borrows them, so its configuration, hooks, attributes, grafts and index have no effect. Only
// revisions are resolved in the repository itself.
type local struct {
	dir      string // the directory passed to OpenLocal
	gitDir   string
	objects  string
	shallow  string
	index    string
	excludes string

	partial  bool     // it is a partial clone
	promisor *url.URL // from where it gets what it lacks; nil for nowhere

	fetching sync.Mutex
	fetched  string // folder for the objects that were fetched; guarded by fetching

	mu     sync.Mutex
	extras []string // object folders of snapshots in use
}

// OpenLocal opens the repository that contains dir: a work tree, a folder in one, or a bare repository. It never
// writes to the repository. What a partial clone lacks is fetched into a folder of temporary files, if that is
// possible. The repository may belong to any user and have any configuration.
func OpenLocal(ctx context.Context, dir string) (*Repo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	// For a missing folder, git would report that there is no git.
	switch info, err := os.Stat(dir); {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("open repository %s: there is no such folder", dir)
	case err != nil:
		return nil, fmt.Errorf("open repository: %w", err)
	case !info.IsDir():
		return nil, fmt.Errorf("open repository %s: it is not a folder", dir)
	}
	if err := inspect(ctx, dir); err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	r := &Repo{git: program{limits: Limits{}.withDefaults()}, local: &local{dir: dir}}
	out, err := r.inside(ctx, "rev-parse", "--path-format=absolute", "--show-object-format", "--git-dir",
		"--git-path", "objects", "--git-path", "shallow", "--git-path", "index", "--git-path", "info/exclude")
	if err != nil {
		return nil, fmt.Errorf("open repository %s: %w", dir, err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != 6 {
		return nil, fmt.Errorf("open repository %s: its path holds a line break", dir)
	}
	l := r.local
	r.hash, l.gitDir, l.objects, l.shallow, l.index, l.excludes = lines[0], lines[1], lines[2], lines[3], lines[4], lines[5]
	l.partial, l.promisor = r.promise(ctx)
	return r, nil
}

// These bound a git process that reads a local repository's data other than objects. There is little such data,
// and inspect does not find every problem in it.
const (
	localTime   = 30 * time.Second
	localMemory = 2 << 30
)

// inside runs git in the local repository itself. The environment and offline disable everything that the
// repository could make git run.
func (r *Repo) inside(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, localTime, fmt.Errorf("%w: reading took more than %s", context.DeadlineExceeded, localTime))
	defer cancel()
	env := offline
	if r.local.gitDir != "" {
		env = append([]string{"GIT_DIR=" + r.local.gitDir}, offline...)
	}
	return r.git.output(ctx, call{args: args, dir: r.local.dir, env: env, memory: localMemory})
}

// Resolve returns the commit for a revision: a branch, a tag, "HEAD~2", an abbreviated id (see gitrevisions(7)).
// In a mirror, only refs that were fetched by name resolve.
func (r *Repo) Resolve(ctx context.Context, rev string) (string, error) {
	if rev == "" || strings.HasPrefix(rev, "-") || strings.ContainsAny(rev, "\x00\n") {
		return "", fmt.Errorf("resolve %q: not a revision", rev)
	}
	args := []string{"rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}"}
	var out []byte
	err := r.steady(ctx, func(ctx context.Context) (err error) {
		if r.local != nil {
			out, err = r.inside(ctx, args...)
		} else {
			out, err = r.read(ctx, "", args...)
		}
		return err
	})
	oid := strings.TrimSpace(string(out))
	var said *gitError
	switch {
	case errors.As(err, &said) && !said.corrupt():
		return "", fmt.Errorf("resolve %q: %w", rev, ErrGone)
	case err != nil:
		return "", fmt.Errorf("resolve %q: %w", rev, err)
	}
	return oid, checkOIDs(oid)
}

// place creates the empty repository through which a local one is read.
func (l *local) place(hash string) (c call, done func(), err error) {
	scratch, err := os.MkdirTemp("", "secbydesign-git-")
	if err != nil {
		return call{}, nil, err
	}
	// If this fails, an empty folder stays in the temporary directory.
	done = func() { _ = os.RemoveAll(scratch) }
	if err := writeBare(scratch, hash); err != nil {
		done()
		return call{}, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return call{dir: scratch, memory: localMemory, env: append([]string{
		"GIT_DIR=" + scratch,
		"GIT_ALTERNATE_OBJECT_DIRECTORIES=" + alternates(append([]string{l.objects}, l.extras...)),
		"GIT_SHALLOW_FILE=" + l.shallow,
	}, offline...)}, done, nil
}

// alternates formats a list of folders as git expects: separated by colons, quoted as in C.
func alternates(dirs []string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var quoted []string
	for _, dir := range dirs {
		quoted = append(quoted, `"`+quote.Replace(dir)+`"`)
	}
	return strings.Join(quoted, string(os.PathListSeparator))
}

// Snapshot returns a tree of the current state of the work tree: tracked files, and files that are neither
// tracked nor ignored by the repository's own ignore files (a user's global one is not read). Submodules stay at
// the commit in the index, nested repositories are omitted, and no filter runs. Nothing is written to the
// repository. The tree can be used with the other methods until cleanup is called. For a bare repository the
// error is [ErrNoWorkTree].
func (r *Repo) Snapshot(ctx context.Context) (tree string, cleanup func(), err error) {
	if r.local == nil {
		return "", nil, fmt.Errorf("take snapshot: %w", ErrNoWorkTree)
	}
	top, err := r.local.top(ctx, r)
	if err != nil {
		return "", nil, fmt.Errorf("take snapshot: %w", err)
	}
	borrow, done, err := r.local.place(r.hash)
	if err != nil {
		return "", nil, fmt.Errorf("take snapshot: %w", err)
	}
	// The snapshot is stored in the objects folder of that repository.
	extra := filepath.Join(borrow.dir, "objects")
	cleanup = func() {
		r.local.mu.Lock()
		r.local.extras = slices.DeleteFunc(r.local.extras, func(dir string) bool { return dir == extra })
		r.local.mu.Unlock()
		done()
	}
	tree, err = r.snapshot(ctx, top, borrow)
	if err != nil {
		cleanup()
		return "", nil, fmt.Errorf("take snapshot: %w", err)
	}
	r.local.mu.Lock()
	r.local.extras = append(r.local.extras, extra)
	r.local.mu.Unlock()
	return tree, cleanup, nil
}

// top returns the root of the work tree.
func (l *local) top(ctx context.Context, r *Repo) (string, error) {
	// Search from the folder and not from the git directory, which does not record its work tree.
	probe := &Repo{git: r.git, local: &local{dir: l.dir}}
	out, err := probe.inside(ctx, "rev-parse", "--path-format=absolute", "--show-toplevel")
	var said *gitError
	if errors.As(err, &said) {
		return "", fmt.Errorf("%w: %s", ErrNoWorkTree, l.dir)
	}
	if err != nil {
		return "", err
	}
	top := strings.TrimSuffix(string(out), "\n")
	// The repository's configuration can declare any folder of the machine to be its work tree.
	if _, err := os.Lstat(filepath.Join(top, ".git")); err != nil {
		return "", fmt.Errorf("%w: %s has no .git", ErrNoWorkTree, top)
	}
	return top, nil
}

func (r *Repo) snapshot(ctx context.Context, top string, borrow call) (tree string, err error) {
	scratch := borrow.dir
	if err := r.local.copyIndex(scratch); err != nil {
		return "", err
	}
	settings, err := r.treatment(ctx)
	if err != nil {
		return "", err
	}
	special, err := specials(ctx, top)
	if err != nil {
		return "", err
	}
	git := func(in string, args ...string) ([]byte, error) {
		ctx, cancel := r.readTime(ctx)
		defer cancel()
		c := borrow
		c.dir, c.args, c.in = top, args, in
		c.env = append(slices.Clone(borrow.env), "GIT_WORK_TREE="+top, "GIT_INDEX_FILE="+filepath.Join(scratch, "index"))
		c.config = append(settings, [2]string{"core.fsync", "none"})
		c.files = r.git.limits.ExportBytes
		return r.git.output(ctx, c)
	}
	tracked, err := git("", "ls-files", "-z", "--stage")
	if err != nil {
		return "", err
	}
	others, err := git("", "ls-files", "-z", "--others", "--exclude-standard")
	if err != nil {
		return "", err
	}
	var paths, gone strings.Builder
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(tracked), "\x00"), "\x00") {
		meta, path, _ := strings.Cut(entry, "\t")
		switch {
		case path == "", strings.HasPrefix(meta, "160000"):
			// A submodule is another repository; its state does not matter here.
		case special[path]: // git would reject it, and the tracked file no longer exists
			gone.WriteString(path + "\x00")
		default:
			paths.WriteString(path + "\x00")
		}
	}
	for path := range strings.SplitSeq(strings.TrimSuffix(string(others), "\x00"), "\x00") {
		if path == "" || strings.HasSuffix(path, "/") { // a trailing slash marks a nested repository
			continue
		}
		if info, err := os.Lstat(filepath.Join(top, path)); err == nil && info.Size() > r.git.limits.ExportBytes {
			return "", fmt.Errorf("%w: %q has %d bytes: ignore it with .gitignore, or review a commit", ErrTooLarge, path, info.Size())
		}
		paths.WriteString(path + "\x00")
	}
	index, err := os.ReadFile(filepath.Join(scratch, "index"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	// With access to the repository's objects, git would update the time of an object that it need not write.
	// Only a sparse index, recognized by its extension's name, cannot be read without them.
	if !bytes.Contains(index, []byte("sdir")) {
		borrow.env = slices.DeleteFunc(slices.Clone(borrow.env), func(v string) bool {
			return strings.HasPrefix(v, "GIT_ALTERNATE_OBJECT_DIRECTORIES=")
		})
	}
	if gone.Len() > 0 {
		if _, err := git(gone.String(), "update-index", "-z", "--force-remove", "--stdin"); err != nil {
			return "", err
		}
	}
	// git add would run a git in every submodule.
	if _, err := git(paths.String(), "update-index", "-z", "--add", "--remove", "--replace",
		"--ignore-skip-worktree-entries", "--stdin"); err != nil {
		return "", err
	}
	out, err := git("", "write-tree", "--missing-ok")
	if err != nil {
		return "", err
	}
	tree = strings.TrimSpace(string(out))
	return tree, checkOIDs(tree)
}

// copyIndex copies git's index and exclude files of the work tree to dir.
func (l *local) copyIndex(dir string) error {
	left := int64(metaBytes)
	if err := copyFile(l.index, filepath.Join(dir, "index"), &left); err != nil {
		return err
	}
	if err := copyFile(l.excludes, filepath.Join(dir, "info", "exclude"), &left); err != nil {
		return err
	}
	// With core.splitIndex, another file contains most of the index.
	parts, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(l.index)), "sharedindex.*"))
	for _, part := range parts {
		err = errors.Join(err, copyFile(part, filepath.Join(dir, filepath.Base(part)), &left))
	}
	return err
}

// copyFile copies a file that may be missing, with its modification time: git trusts an index only if it is newer
// than the files. It subtracts the number of copied bytes from left.
func copyFile(from, to string, left *int64) error {
	src, info, err := plainfile.Open(from, *left)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = src.Close() }() // only read
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	// A file that grows meanwhile is cut off, and git then reports it as damaged.
	n, err := io.Copy(dst, io.LimitReader(src, *left))
	*left -= n
	if err := errors.Join(err, dst.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, time.Time{}, info.ModTime())
}

// treatment returns those settings of the repository that define how files of a work tree are interpreted, and
// that cannot make git run anything.
func (r *Repo) treatment(ctx context.Context) ([][2]string, error) {
	out, err := r.inside(ctx, "config", "--null", "--get-regexp", `^core\.(filemode|symlinks|ignorecase|autocrlf|eol|precomposeunicode)$`)
	var said *gitError
	if errors.As(err, &said) {
		return nil, nil // none is set
	}
	if err != nil {
		return nil, err
	}
	var settings [][2]string
	for entry := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if key, value, ok := strings.Cut(entry, "\n"); ok {
			settings = append(settings, [2]string{key, value})
		}
	}
	return settings, nil
}
