package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/plainfile"
)

// local is a repository on this machine. Its objects are read through an empty repository
// of our own that borrows them, so its configuration, hooks, attributes, grafts and index
// play no part. Only revisions are resolved in the repository itself.
type local struct {
	dir      string // where it was opened
	gitDir   string
	objects  string
	shallow  string
	index    string
	excludes string

	mu     sync.Mutex
	extras []string // object folders of snapshots that are in use
}

// OpenLocal opens the repository that dir is in: a work tree, a folder of one, or a bare
// repository. It is never written to and nothing is ever fetched for it: a blob that a
// partial clone lacks is [ErrGone]. It may belong to anybody and hold any configuration.
func OpenLocal(ctx context.Context, dir string) (*Repo, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("open repository: %w", err)
	}
	// Git itself would say that there is no git.
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
	return r, nil
}

// Bounds of a git that reads what a local repository holds beside objects: it is little, and what is
// wrong with it was not seen by inspect.
const (
	localTime   = 30 * time.Second
	localMemory = 2 << 30
)

// inside runs git in the local repository itself. What it can be told to run is switched
// off by environment and offline.
func (r *Repo) inside(ctx context.Context, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, localTime, fmt.Errorf("%w: reading took more than %s", context.DeadlineExceeded, localTime))
	defer cancel()
	env := offline
	if r.local.gitDir != "" {
		env = append([]string{"GIT_DIR=" + r.local.gitDir}, offline...)
	}
	return r.git.output(ctx, call{args: args, dir: r.local.dir, env: env, memory: localMemory})
}

// Resolve gives the commit that a revision means: a branch, a tag, "HEAD~2", an
// abbreviated id (see gitrevisions(7)). In a mirror, the refs are those that were fetched
// by name.
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

// place makes the empty repository that reads a local one.
func (l *local) place(hash string) (c call, done func(), err error) {
	scratch, err := os.MkdirTemp("", "secbydesign-git-")
	if err != nil {
		return call{}, nil, err
	}
	// What stays is an empty folder in the temporary ones.
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

// alternates writes a list of folders as git reads it: separated by colons, quoted as in C.
func alternates(dirs []string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	var quoted []string
	for _, dir := range dirs {
		quoted = append(quoted, `"`+quote.Replace(dir)+`"`)
	}
	return strings.Join(quoted, string(os.PathListSeparator))
}

// Snapshot makes a tree of the work tree as it is: what is tracked, and what is neither
// tracked nor ignored by the repository's own ignore files (a user's global one is not
// read). Submodules stay at the commit in the index, nested repositories are left out,
// no filter runs. Nothing is written to the repository. The tree can be used with the
// other methods until cleanup is called. [ErrNoWorkTree] for a bare repository.
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
	// Its objects folder is the snapshot.
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

// top is the root of the work tree.
func (l *local) top(ctx context.Context, r *Repo) (string, error) {
	// Found from the folder and not from the git directory, which does not know it.
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
	// The repository's configuration can name any folder of the machine as its work tree.
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
			// A submodule is another repository, whose state is none of this one's.
		case special[path]: // git takes offence, and what was there is no more
			gone.WriteString(path + "\x00")
		default:
			paths.WriteString(path + "\x00")
		}
	}
	for path := range strings.SplitSeq(strings.TrimSuffix(string(others), "\x00"), "\x00") {
		if path == "" || strings.HasSuffix(path, "/") { // a slash ends a nested repository
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
	// Git would set the time of an object of the repository that it finds it need not write.
	// Only a sparse index, by the name of its extension, cannot be read without them.
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
	// Not git add, which runs a git in every submodule.
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

// copyIndex copies what git keeps of the work tree to dir.
func (l *local) copyIndex(dir string) error {
	left := int64(metaBytes)
	if err := copyFile(l.index, filepath.Join(dir, "index"), &left); err != nil {
		return err
	}
	if err := copyFile(l.excludes, filepath.Join(dir, "info", "exclude"), &left); err != nil {
		return err
	}
	// With core.splitIndex, most of the index is in another file.
	parts, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(l.index)), "sharedindex.*"))
	for _, part := range parts {
		err = errors.Join(err, copyFile(part, filepath.Join(dir, filepath.Base(part)), &left))
	}
	return err
}

// copyFile copies a file that may be missing, with its time: git trusts an index only as
// far as it is newer than the files. The bytes are taken from left.
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
	// A file that grows meanwhile is cut off, and then git finds it damaged.
	n, err := io.Copy(dst, io.LimitReader(src, *left))
	*left -= n
	if err := errors.Join(err, dst.Close()); err != nil {
		return err
	}
	return os.Chtimes(to, time.Time{}, info.ModTime())
}

// treatment gives those settings of the repository that say how files of a work tree are
// to be understood, and that cannot make git run anything.
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
