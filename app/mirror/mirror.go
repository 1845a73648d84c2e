// Package mirror reads git repositories: the changes between two commits, the contents of the changed files, and
// the versions that existed only in between. It is the only package that runs git (2.39 or newer).
//
// A [Store] keeps one bare mirror per remote repository in a data directory. A mirror is only a cache: shallow,
// without blobs until they are requested, and without refs that anything depends on. It may be deleted at any
// moment and is then fetched again. [OpenLocal] returns the same [Repo] for a repository on this machine, which
// is only read.
//
// Everything in a repository is untrusted input. No hook, filter, text conversion, submodule, LFS or
// configuration of the repository has any effect: git runs with an environment built from nothing and with a
// configuration that this package controls completely. For a local repository this holds by construction, because
// its objects are read through an empty repository that this package creates. Nothing is ever checked out;
// [Repo.Export] writes plain files for scanners that need them.
//
// Reads never use the network. Missing objects are fetched first, all in one request. Names of files are the
// exact bytes of git: they may contain quotes, newlines and invalid UTF-8, and begin with a dash.
package mirror

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/plainfile"
)

// Errors that callers handle differently.
var (
	// ErrGone means that a commit or blob is not available: it was force-pushed away, or is not in a local
	// repository.
	ErrGone = errors.New("not in the repository any more")

	// ErrNotFound means that the server does not know the repository. GitHub gives the same answer if a token has
	// no access to it.
	ErrNotFound = errors.New("repository not found")

	// ErrForbidden means that the server refused the token.
	ErrForbidden = errors.New("access to the repository refused")

	// ErrTooLarge means that one of the [Limits] was reached.
	ErrTooLarge = errors.New("over the size limit")

	// ErrNoMergeBase means that two commits have no common ancestor.
	ErrNoMergeBase = errors.New("no common ancestor")

	// ErrNotFile means that a path holds something other than a regular file.
	ErrNotFile = errors.New("not a regular file")

	// ErrNoWorkTree means that a repository has no work tree for a snapshot.
	ErrNoWorkTree = errors.New("repository has no work tree")
)

// Limits bound what one call may cost. Zero fields mean the default.
type Limits struct {
	FetchTime   time.Duration // of one fetch; 5 minutes
	ReadTime    time.Duration // of one git process that reads the repository; 2 minutes
	FetchBytes  int64         // size of the pack received by one fetch; 1 GiB. Linux only, elsewhere unlimited
	BlobBytes   int64         // content of one file; 10 MiB. Larger ones are neither diffed nor returned
	PatchBytes  int64         // of one patch; 32 MiB
	OutputBytes int64         // names and ids printed by one git process; 256 MiB, many times what large repositories need
	ExportBytes int64         // files of one exported tree; 1 GiB
	Files       int           // changed files in one diff with a patch; 10,000
	MirrorBytes int64         // size of one mirror on disk, above which it is deleted and fetched again; 2 GiB
	MirrorPacks int           // packs in one mirror, above which it is deleted and fetched again; 200
}

func (l Limits) withDefaults() Limits {
	set(&l.FetchTime, 5*time.Minute)
	set(&l.ReadTime, 2*time.Minute)
	set(&l.FetchBytes, 1<<30)
	set(&l.BlobBytes, 10<<20)
	set(&l.PatchBytes, 32<<20)
	set(&l.OutputBytes, 256<<20)
	set(&l.ExportBytes, 1<<30)
	set(&l.Files, 10_000)
	set(&l.MirrorBytes, 2<<30)
	// Every push adds two packs. A shallow fetch is cheaper than a repack, see files.trim.
	set(&l.MirrorPacks, 200)
	return l
}

// String lists all limits, including defaults.
func (l Limits) String() string {
	type plain Limits
	return fmt.Sprintf("%+v", plain(l.withDefaults()))
}

func set[T ~int | ~int64](field *T, standard T) {
	if *field <= 0 {
		*field = standard
	}
}

// A Store keeps mirrors. Any number of goroutines and processes may share a Dir. They wait for each other by file
// locks, so Dir must be on a file system that supports flock.
type Store struct {
	Dir    string // required; created if missing
	Git    string // the git program; "git" if empty
	Limits Limits

	// Observe, if not nil, is called after every fetch from a server, from several goroutines at once.
	Observe func(ctx context.Context, took time.Duration, err error)
}

// A Remote is the location of a repository and the credentials for reading it.
type Remote struct {
	// URL is https, or http for a loopback address, without user or password.
	URL string

	// Token returns the token for one fetch. It is called only if something has to be fetched. A nil Token, and
	// an empty token, mean anonymous access. The token is passed to git in its environment, and never appears in
	// an argument, on disk or in an error.
	Token func(context.Context) (string, error)
}

// Open returns the mirror of the remote, and creates it if it is missing. The key identifies the mirror
// permanently ("github.com/owner/repo", or the repository's id). It may be any text and cannot lead outside Dir.
// Open fetches nothing.
func (s *Store) Open(ctx context.Context, key string, remote Remote) (*Repo, error) {
	u, err := checkURL(remote.URL)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	if key == "" {
		return nil, errors.New("open mirror: empty key")
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	dir, err := filepath.Abs(s.Dir)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	r := &Repo{
		git:    program{path: s.Git, limits: s.Limits.withDefaults()},
		hash:   "sha1", // the only one GitHub has
		remote: &upstream{Remote: remote, url: u, files: files(filepath.Join(dir, mirrorName(key))), observe: s.Observe},
	}
	_, leave, err := r.remote.files.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	leave()
	return r, nil
}

// Prune deletes the mirrors that were not opened or fetched for the given time, except those in use at this
// moment. It returns the number of deleted mirrors.
func (s *Store) Prune(ctx context.Context, idle time.Duration) (int, error) {
	locks, err := filepath.Glob(filepath.Join(escapeGlob(s.Dir), "*.lock"))
	if err != nil {
		return 0, fmt.Errorf("prune mirrors: %w", err)
	}
	pruned := 0
	for _, lock := range locks {
		if ctx.Err() != nil {
			return pruned, context.Cause(ctx)
		}
		f := files(strings.TrimSuffix(lock, ".lock"))
		used, err := os.Stat(lock)
		if err != nil || time.Since(used.ModTime()) < idle {
			continue
		}
		if _, err := os.Stat(f.dir()); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		ok, err := f.tryDelete()
		if err != nil {
			return pruned, fmt.Errorf("prune mirrors: %w", err)
		}
		if ok {
			pruned++
		}
	}
	return pruned, nil
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// mirrorName returns a file name for any key: a part of the key for the operator to recognize, and a digest that
// makes it unique.
func mirrorName(key string) string {
	sum := sha256.Sum256([]byte(key))
	eye := strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= 'A' && c <= 'Z':
			return c
		default:
			return '-'
		}
	}, key)
	if len(eye) > 60 {
		eye = eye[len(eye)-60:]
	}
	if eye = strings.Trim(eye, "-"); eye == "" {
		eye = "mirror"
	}
	return eye + "-" + hex.EncodeToString(sum[:16])
}

func checkURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		// The parser's error quotes the URL, in which a careless caller may have put a token.
		return nil, errors.New("remote URL does not parse")
	case u.User != nil, u.RawQuery != "", u.Fragment != "", u.Host == "":
		return nil, errors.New("remote URL must be scheme, host and path only")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u):
		return u, nil
	default:
		return nil, fmt.Errorf("remote URL with scheme %q: want https, or http for a loopback address", u.Scheme)
	}
}

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// files is the common path prefix of the files of one mirror:
//
//	.git    the bare repository
//	.lock   held shared by every user of the mirror, exclusively to delete it. Its
//	        modification time is when the mirror was last used
//	.fetch  held during a fetch
//
// Lock files are never deleted, because then two processes could hold locks on different files with the same
// name.
type files string

func (f files) dir() string { return string(f) + ".git" }

// generationFile holds a random word, created with the mirror. It distinguishes a mirror from an earlier one at
// the same path.
const generationFile = "generation"

// enter creates the mirror if there is none, or if the files there cannot be a mirror. It prevents its deletion
// until leave is called, and returns its generation.
func (f files) enter(ctx context.Context) (generation string, leave func(), err error) {
	for try := 0; ; try++ {
		leave, err := lock(ctx, string(f)+".lock", shared)
		if err != nil {
			return "", nil, err
		}
		gen, err := f.generation()
		if err == nil {
			// Only Prune reads this time, and keeping a mirror for too long does no harm.
			_ = os.Chtimes(string(f)+".lock", time.Time{}, time.Now())
			return gen, leave, nil
		}
		leave()
		if try == 5 { // something keeps damaging it
			return "", nil, err
		}
		if err := f.create(ctx); err != nil {
			return "", nil, err
		}
	}
}

// generation returns the generation of the mirror. It fails if the files there cannot be a mirror: files must be
// regular files, folders must be folders, and none may be a link. Their content is left for git to check.
func (f files) generation() (string, error) {
	for _, sub := range []string{"", "objects", "objects/pack", "refs", "info"} {
		if info, err := os.Lstat(filepath.Join(f.dir(), sub)); err != nil {
			return "", err
		} else if !info.IsDir() {
			return "", fmt.Errorf("%s/%s is not a folder", f.dir(), sub)
		}
	}
	for _, name := range []string{"config", "HEAD", generationFile, "shallow", "packed-refs"} {
		info, err := os.Lstat(filepath.Join(f.dir(), name))
		switch {
		case errors.Is(err, fs.ErrNotExist) && (name == "shallow" || name == "packed-refs"):
		case err != nil:
			return "", err
		case !info.Mode().IsRegular():
			return "", fmt.Errorf("%s/%s: %w", f.dir(), name, plainfile.ErrNotPlain)
		case info.Mode().Perm()&0o600 != 0o600:
			return "", fmt.Errorf("%s/%s cannot be read and written", f.dir(), name)
		}
	}
	gen, err := plainfile.Read(filepath.Join(f.dir(), generationFile), 1<<10)
	if err == nil && len(gen) == 0 { // its writer was interrupted
		err = errors.New("the generation of the mirror is empty")
	}
	return string(gen), err
}

// whole reports whether the mirror contains only files and folders. Git would block on anything else.
func (f files) whole() bool {
	return filepath.WalkDir(f.dir(), func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !d.Type().IsRegular() {
			err = plainfile.ErrNotPlain
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a fetch has moved it meanwhile
		}
		return err
	}) == nil
}

// sound reports whether the files there can be a mirror, as far as can be checked without git.
func (f files) sound() bool {
	_, err := f.generation()
	return err == nil && f.whole()
}

func (f files) create(ctx context.Context) error {
	unlock, err := lock(ctx, string(f)+".lock", alone)
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := f.generation(); err == nil {
		return nil // another process was faster
	}
	if err := f.remove(); err != nil {
		return err
	}
	if err := writeBare(f.dir(), "sha1"); err != nil {
		return err
	}
	// Written last, because its presence means that the rest is complete.
	return os.WriteFile(filepath.Join(f.dir(), generationFile), []byte(rand.Text()), 0o600)
}

// remove deletes the mirror, but not the targets of links in it.
func (f files) remove() error {
	err := os.RemoveAll(f.dir())
	if err == nil {
		return nil
	}
	// Files in a folder without write permission cannot be deleted.
	_ = filepath.WalkDir(f.dir(), func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(f.dir())
}

// discard deletes the mirror, unless it has been replaced by another generation.
func (f files) discard(ctx context.Context, generation string) error {
	unlock, err := lock(ctx, string(f)+".lock", alone)
	if err != nil {
		return err
	}
	defer unlock()
	if gen, err := f.generation(); err == nil && gen != generation {
		return nil
	}
	return f.remove()
}

// tryDelete deletes the mirror if nobody uses it.
func (f files) tryDelete() (bool, error) {
	unlock, ok, err := tryLock(string(f)+".lock", alone)
	if err != nil || !ok {
		return false, err
	}
	defer unlock()
	return true, f.remove()
}

// trim deletes a mirror that has grown too large, if nobody uses it: fetching it again costs less than repacking
// it. It also deletes a mirror that contains anything other than files and folders, after waiting for its users.
func (f files) trim(ctx context.Context, l Limits) error {
	if gen, err := f.generation(); err == nil && !f.whole() {
		return f.discard(ctx, gen)
	}
	entries, err := os.ReadDir(filepath.Join(f.dir(), "objects", "pack"))
	if err != nil {
		return nil // no mirror, nothing to trim
	}
	var size int64
	packs := 0
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		if strings.HasSuffix(e.Name(), ".pack") {
			packs++
		}
	}
	if size <= l.MirrorBytes && packs <= l.MirrorPacks {
		return nil
	}
	_, err = f.tryDelete()
	return err
}

// unfinished returns the size of the largest pack that an interrupted fetch left.
func (f files) unfinished() (size int64) {
	left, _ := filepath.Glob(filepath.Join(escapeGlob(f.dir()), "objects/pack/tmp_*"))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil {
			size = max(size, info.Size())
		}
	}
	return size
}

// sweep removes what a killed fetch left and unfinished would count. The caller must hold the fetch lock.
func (f files) sweep() {
	left, _ := filepath.Glob(filepath.Join(escapeGlob(f.dir()), "objects/pack/tmp_*"))
	for _, path := range left {
		_ = os.Remove(path) // a file that stays only uses space
	}
}

// writeBare creates an empty bare repository, the same as `git init --bare --template=` creates, at the cost of
// writing a few small files.
func writeBare(dir, hash string) error {
	for _, sub := range []string{"objects/pack", "refs", "info"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			return err
		}
	}
	config := "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
	if hash != "sha1" {
		config = "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = " + hash + "\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/none\n"), 0o600)
}

var oidPattern = regexp.MustCompile(`^(?:[0-9a-f]{40}|[0-9a-f]{64})$`)

// checkOIDs returns an error unless all oids are full object ids. Nothing else may reach git's command line.
func checkOIDs(oids ...string) error {
	for _, oid := range oids {
		if !oidPattern.MatchString(oid) {
			return fmt.Errorf("%q is not a full object id", oid)
		}
	}
	return nil
}
