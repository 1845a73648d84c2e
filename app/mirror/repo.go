package mirror

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	slash "path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/secbydesign/secbydesign/app/plainfile"
)

// A Repo reads one repository: a mirror of a [Store], or a local one. Its methods may be called from several
// goroutines at once. It needs no closing.
type Repo struct {
	git  program
	hash string // name of the repository's hash function

	// Exactly one of remote and local is set.
	remote *upstream
	local  *local

	roots roots
}

// upstream is the remote repository of a mirror.
type upstream struct {
	Remote
	url   *url.URL // the parsed URL of Remote
	files files

	observe func(ctx context.Context, took time.Duration, err error) // nil for nobody

	mu         sync.Mutex
	generation string // of the mirror into which wants were fetched
	wants      []Want // fetched through this Repo, to be fetched again into a new mirror

	// here are objects that were seen in this generation, whose objects stay. Most reads are of the same two commits,
	// and would start a process for each of them.
	here map[string]bool
}

// EmptyTree returns the id of the tree without files, which every repository has.
func (r *Repo) EmptyTree() string {
	if r.hash == "sha256" {
		return "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
	}
	return "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
}

// MergeBase returns the best common ancestor of two commits in local history, the first if there are several. If it
// finds none, the error is [ErrNoMergeBase]; in a shallow repository this may only mean that the ancestor was not
// fetched.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	all, err := r.MergeBases(ctx, a, b)
	if err != nil {
		return "", err
	}
	return all[0], nil
}

// MergeBases returns the best common ancestors of two commits in local history, at least one. There are several if
// each of two branches merged the other. Its error is that of [Repo.MergeBase].
func (r *Repo) MergeBases(ctx context.Context, a, b string) ([]string, error) {
	if err := checkOIDs(a, b); err != nil {
		return nil, fmt.Errorf("merge base: %w", err)
	}
	var all []string
	err := r.steady(ctx, func(ctx context.Context) error {
		if err := r.need(ctx, a, b); err != nil {
			return err
		}
		out, _, err := r.history(ctx, "merge-base", "--all", a, b)
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 1 {
			return ErrNoMergeBase
		}
		if all = strings.Fields(string(out)); err == nil && len(all) == 0 {
			return ErrNoMergeBase
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("merge base of %.8s and %.8s: %w", a, b, err)
	}
	return all, nil
}

// Commits lists the commits that are reachable from head and not from base in local history, oldest first. If
// that history is incomplete, the error is a [*ShallowError] and the list contains the commits found.
func (r *Repo) Commits(ctx context.Context, base, head string) ([]string, error) {
	if err := checkOIDs(base, head); err != nil {
		return nil, fmt.Errorf("list commits: %w", err)
	}
	var commits []string
	err := r.steady(ctx, func(ctx context.Context) error {
		if err := r.need(ctx, base, head); err != nil {
			return err
		}
		out, ends, err := r.history(ctx, "rev-list", "--topo-order", "--reverse", "--end-of-options", head, "^"+base)
		if err != nil {
			return err
		}
		commits = strings.Fields(string(out))
		short := &ShallowError{}
		for _, c := range commits {
			if slices.Contains(ends, c) {
				short.Commits = append(short.Commits, c)
			}
		}
		if len(short.Commits) > 0 {
			return short
		}
		return nil
	})
	if err != nil {
		return commits, fmt.Errorf("list commits %.8s..%.8s: %w", base, head, err)
	}
	return commits, nil
}

// A Commit is one commit of local history.
type Commit struct {
	SHA     string
	Parents []string
	End     bool // it has parents, but they are not here; Parents is empty
}

// Log lists the commits that are reachable from head and not from base in local history, children before their
// parents, at most so many. An empty base excludes nothing. Log fails with [ErrTooLarge] if commits exceed the
// limits.
func (r *Repo) Log(ctx context.Context, base, head string, most int) ([]Commit, error) {
	args := []string{"rev-list", "--topo-order", "--parents", "--max-count=" + strconv.Itoa(most), "--end-of-options", head}
	oids := []string{head}
	if base != "" {
		args, oids = append(args, "^"+base), append(oids, base)
	}
	if err := checkOIDs(oids...); err != nil {
		return nil, fmt.Errorf("read history: %w", err)
	}
	var list []Commit
	err := r.steady(ctx, func(ctx context.Context) error {
		if err := r.need(ctx, oids...); err != nil {
			return err
		}
		out, ends, err := r.history(ctx, args...)
		if err != nil {
			return err
		}
		end := map[string]bool{}
		for _, sha := range ends {
			end[sha] = true
		}
		list = nil
		for line := range strings.Lines(string(out)) {
			f := strings.Fields(line)
			list = append(list, Commit{SHA: f[0], Parents: f[1:], End: end[f[0]]})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read history of %.8s: %w", head, err)
	}
	return list, nil
}

// A ShallowError reports that local history is incomplete.
type ShallowError struct {
	Commits []string // commits whose parents are missing
}

func (e *ShallowError) Error() string {
	return fmt.Sprintf("history is shallow: parents of %d commits are missing, first of %s", len(e.Commits), e.Commits[0])
}

// history runs a git command that walks history. ends are the commits at which history ends although they have
// parents.
//
// By itself, git ends history at the boundary of a shallow fetch, even where an earlier fetch of another pull
// request has brought more. history ends it where the commits are really missing.
func (r *Repo) history(ctx context.Context, args ...string) (out []byte, ends []string, err error) {
	text, err := plainfile.Read(r.shallowFile(), metaBytes)
	if errors.Is(err, os.ErrNotExist) {
		out, err = r.read(ctx, "", args...)
		return out, nil, err
	}
	if err != nil {
		return nil, nil, err
	}
	err = r.objects(ctx, func(o *objects) error {
		for _, c := range strings.Fields(string(text)) {
			parents, err := o.parents(c)
			if errors.Is(err, ErrTooLarge) { // it may belong to another pull request
				ends = append(ends, c)
				continue
			}
			if err != nil && !errors.Is(err, ErrGone) {
				return err
			}
			if slices.ContainsFunc(parents, func(p string) bool { return !o.has(p) }) {
				ends = append(ends, c)
			}
		}
		return o.err
	})
	if err != nil {
		return nil, nil, err
	}
	c, done, err := r.place()
	if err != nil {
		return nil, nil, err
	}
	defer done()
	file, err := os.CreateTemp("", "secbydesign-shallow-")
	if err != nil {
		return nil, nil, err
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(strings.Join(append(ends, ""), "\n"))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, nil, err
	}
	ctx, cancel := r.readTime(ctx)
	defer cancel()
	c.args = args
	c.env = append(c.env, "GIT_SHALLOW_FILE="+file.Name())
	out, err = r.git.output(ctx, c)
	return out, ends, err
}

func (r *Repo) shallowFile() string {
	if r.local != nil {
		return r.local.shallow
	}
	return r.remote.files.dir() + "/shallow"
}

// Shallow reports whether a fetch omitted some of the history.
func (r *Repo) Shallow() bool {
	_, err := os.Stat(r.shallowFile())
	return err == nil
}

// ReadFile returns the file at path in a commit, and false if there is none. The path is slash separated and
// relative to the root. ReadFile does not follow symlinks: a symlink, like a directory or a submodule, is
// [ErrNotFile], so that its author learns that it has no effect. A file over Limits.BlobBytes is [ErrTooLarge],
// and a missing commit is [ErrGone]. In a mirror, missing content is fetched.
func (r *Repo) ReadFile(ctx context.Context, commit, path string) (content []byte, ok bool, err error) {
	if err := checkOIDs(commit); err != nil {
		return nil, false, fmt.Errorf("read file: %w", err)
	}
	if path == "" || strings.ContainsRune(path, 0) || slash.Clean(path) != path || strings.HasPrefix(path, "/") || path == "." || path == ".." ||
		strings.HasPrefix(path, "../") {
		return nil, false, nil // no tree can contain it, and git rejects it
	}
	oid, mode := "", ""
	err = r.steady(ctx, func(ctx context.Context) error {
		if err := r.need(ctx, commit); err != nil {
			return err
		}
		root, err := r.root(ctx, commit)
		if err != nil {
			return err
		}
		if !root.mayHave(path) {
			return nil
		}
		list := root
		if strings.Contains(path, "/") {
			out, err := r.read(ctx, "", "ls-tree", "-z", "--full-tree", commit, "--", path)
			if err != nil {
				return err
			}
			if list, err = parseListing(string(out)); err != nil {
				return err
			}
		}
		mode, oid = list[path].mode, list[path].oid
		return nil
	})
	switch {
	case err != nil:
	case oid == "":
		return nil, false, nil
	case !regular(mode):
		err = ErrNotFile
	default:
		err = r.Blobs(ctx, []string{oid}, func(_ string, size int64, b []byte) error {
			switch {
			case size == Absent:
				return fmt.Errorf("object %s: %w", oid, ErrGone)
			case b == nil:
				return fmt.Errorf("%w: %d bytes", ErrTooLarge, size)
			}
			content = b
			return nil
		})
	}
	if err != nil {
		return nil, false, fmt.Errorf("read %q at %.8s: %w", path, commit, err)
	}
	return content, true, nil
}

func regular(mode string) bool { return strings.HasPrefix(mode, "100") }

// read runs a git command that needs no network and returns its output.
func (r *Repo) read(ctx context.Context, in string, args ...string) ([]byte, error) {
	ctx, cancel := r.readTime(ctx)
	defer cancel()
	c, done, err := r.place()
	if err != nil {
		return nil, err
	}
	defer done()
	c.args, c.in = args, in
	return r.git.output(ctx, c)
}

func (r *Repo) readTime(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.git.limits.ReadTime,
		fmt.Errorf("%w: reading took more than %s", context.DeadlineExceeded, r.git.limits.ReadTime))
}

// place returns where git must run to read this repository. Call done afterwards.
func (r *Repo) place() (c call, done func(), err error) {
	if r.local != nil {
		return r.local.place(r.hash)
	}
	dir := r.remote.files.dir()
	return call{dir: dir, env: append([]string{"GIT_DIR=" + dir}, offline...)}, func() {}, nil
}

// need returns ErrGone if one of the objects is not here.
func (r *Repo) need(ctx context.Context, oids ...string) error {
	// Git knows the empty tree without having it.
	oids = slices.DeleteFunc(slices.Clone(oids), func(oid string) bool { return oid == r.EmptyTree() || r.remote != nil && r.remote.seen(oid) })
	if len(oids) == 0 {
		return nil
	}
	return r.objects(ctx, func(o *objects) error {
		for _, oid := range oids {
			_, _, ok, err := o.info(oid)
			if err != nil {
				return err
			}
			if !ok && r.remote != nil && r.remote.fetched(oid) {
				return fmt.Errorf("object %s: %w", oid, errDamaged)
			}
			if !ok {
				return fmt.Errorf("object %s: %w", oid, ErrGone)
			}
			if r.remote != nil {
				r.remote.see(oid)
			}
		}
		return nil
	})
}

func (u *upstream) seen(oid string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.here[oid]
}

func (u *upstream) see(oid string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.here == nil || len(u.here) >= 1000 {
		u.here = map[string]bool{}
	}
	u.here[oid] = true
}

// forget makes the next read check what is here.
func (u *upstream) forget() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.here = nil
}

// steady calls f while the repository cannot be deleted. If the mirror turns out to be damaged, steady deletes
// it, fetches again what this Repo had fetched, and calls f once more.
func (r *Repo) steady(ctx context.Context, f func(context.Context) error) error {
	if r.remote == nil {
		return f(ctx)
	}
	for again := true; ; again = false {
		generation, leave, err := r.remote.files.enter(ctx)
		if err != nil {
			return err
		}
		if err = r.catchUp(ctx, generation); err == nil {
			err = f(ctx)
		}
		leave()
		if err != nil {
			r.remote.forget() // in a damaged mirror, it may be gone
		}
		if err == nil || !again || !isCorrupt(err) && (ctx.Err() != nil || r.remote.files.sound()) {
			return err
		}
		if err := r.remote.files.discard(ctx, generation); err != nil {
			return fmt.Errorf("delete damaged mirror: %w", err)
		}
	}
}

// catchUp repeats the fetches into a mirror that has since been deleted.
func (r *Repo) catchUp(ctx context.Context, generation string) error {
	u := r.remote
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.generation == generation {
		return nil
	}
	u.here = nil
	for _, w := range u.wants {
		if err := r.fetchCommits(ctx, w); err != nil {
			return err
		}
	}
	u.generation = generation
	return nil
}

// remember records w for catchUp.
func (u *upstream) remember(w Want) {
	// Enough for any review. A Repo used for longer forgets the oldest.
	const most = 16
	u.mu.Lock()
	defer u.mu.Unlock()
	u.wants = append(u.wants, w)
	u.wants = u.wants[max(0, len(u.wants)-most):]
}

// fetched reports whether the commit was fetched through this Repo.
func (u *upstream) fetched(commit string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.ContainsFunc(u.wants, func(w Want) bool { return slices.Contains(w.SHAs, commit) })
}

// Check returns the version of the git program at path ("" means the one in PATH). It returns an error if that
// program cannot be used.
func Check(ctx context.Context, path string) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	p := program{path: path, limits: Limits{}.withDefaults()}
	out, err := p.output(ctx, call{args: []string{"version"}, dir: os.TempDir(), env: offline})
	if err != nil {
		return "", err
	}
	version = strings.TrimPrefix(strings.TrimSpace(string(out)), "git version ")
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return version, fmt.Errorf("git version %q is not understood", version)
	}
	if major < 2 || major == 2 && minor < 39 {
		return version, fmt.Errorf("git is %s, want 2.39 or newer", version)
	}
	return version, nil
}
