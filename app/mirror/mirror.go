// Package mirror reads git repositories: what changed between two commits, the contents
// of the changed files, and the versions that only existed in between. It is the only
// package that runs git (2.39 or newer).
//
// A [Store] keeps one bare mirror per remote repository in a data folder. A mirror is a
// cache and nothing else: shallow, without blobs until they are asked for, without refs
// that anybody depends on. It may be deleted at any moment and comes back by itself.
// [OpenLocal] gives the same [Repo] for a repository on this machine, which is only read.
//
// Everything in a repository is written by strangers. No hook, filter, text conversion,
// submodule, LFS or configuration of the repository takes part: git runs with an
// environment made from nothing and with a configuration that is wholly ours. For a local
// repository that is so by construction, because its objects are read through an empty
// repository of our own. Nothing is ever checked out; [Repo.Export] writes plain files where a
// scanner needs to see them.
//
// Reads never use the network. What they lack is fetched first, in one request for all
// of it. Names of files are the exact bytes of git: they may hold quotes, newlines and
// invalid UTF-8, and begin with a dash.
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

// The errors whose answer differs.
var (
	// ErrGone means that a commit or blob cannot be had: it was force-pushed away, or is
	// not in a local repository.
	ErrGone = errors.New("not in the repository any more")

	// ErrNotFound means that the server knows no such repository. GitHub answers so too
	// when a token does not reach it.
	ErrNotFound = errors.New("repository not found")

	// ErrForbidden means that the server refused the token.
	ErrForbidden = errors.New("access to the repository refused")

	// ErrTooLarge means that one of the [Limits] was reached.
	ErrTooLarge = errors.New("over the size limit")

	// ErrNoMergeBase means that two commits have no common ancestor.
	ErrNoMergeBase = errors.New("no common ancestor")

	// ErrNotFile means that a path holds something other than a regular file.
	ErrNotFile = errors.New("not a regular file")

	// ErrNoWorkTree means that a repository has no files to take a snapshot of.
	ErrNoWorkTree = errors.New("repository has no work tree")
)

// A Limits bounds what one call may cost. Zero fields take the default.
type Limits struct {
	FetchTime   time.Duration // of one fetch; 5 minutes
	ReadTime    time.Duration // of one git process that reads; 2 minutes
	FetchBytes  int64         // of the pack that one fetch brings; 1 GiB. Linux only, elsewhere unlimited
	BlobBytes   int64         // content of one file; 10 MiB. Larger ones are never diffed and not handed out
	PatchBytes  int64         // of one patch; 32 MiB
	OutputBytes int64         // of names and ids that one git process prints; 256 MiB, in which the largest repositories fit many times
	ExportBytes int64         // of the files of one exported tree; 1 GiB
	Files       int           // changed files in one diff that get a patch; 10,000
	MirrorBytes int64         // of one mirror on disk, above which it starts anew; 2 GiB
	MirrorPacks int           // packs in one mirror, above which it starts anew; 200
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
	// Every push costs two packs. A shallow fetch is cheaper than a repack, see Store.trim.
	set(&l.MirrorPacks, 200)
	return l
}

// String names all that holds.
func (l Limits) String() string {
	type plain Limits
	return fmt.Sprintf("%+v", plain(l.withDefaults()))
}

func set[T ~int | ~int64](field *T, standard T) {
	if *field <= 0 {
		*field = standard
	}
}

// A Store keeps mirrors. Any number of goroutines and processes may share a Dir; they
// wait for each other by file locks, so it must be on a file system with flock.
type Store struct {
	Dir    string // required; made when missing
	Git    string // the program; "git" when empty
	Limits Limits
}

// A Remote says where a repository is and as whom to read it.
type Remote struct {
	// URL is https, or http for a loopback address, without user or password.
	URL string

	// Token gives the token for one fetch. It is not asked when nothing has to be fetched.
	// Nil, and the empty token, mean anonymous. A token gets to git through its environment
	// and is neither in an argument nor on disk nor in an error.
	Token func(context.Context) (string, error)
}

// Open gives the mirror of the remote, which is made when it is missing. The key names
// it for all time ("github.com/owner/repo", or the repository's id); it may be any text
// and cannot lead outside of Dir. Nothing is fetched yet.
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
		remote: &upstream{Remote: remote, url: u, files: files(filepath.Join(dir, mirrorName(key)))},
	}
	_, leave, err := r.remote.files.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	leave()
	return r, nil
}

// Prune deletes the mirrors that nobody opened or fetched for the given time, except
// those in use at this moment. It returns how many.
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

// mirrorName makes a file name from any text: some of it for the operator's eye, and a
// digest that makes it unique.
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

// files is the path that the files of one mirror begin with:
//
//	.git    the bare repository
//	.lock   held shared by all who use it, alone by who deletes it. Its modification
//	        time is when the mirror was last used
//	.fetch  held by who fetches
//
// Lock files are never deleted, or two processes could hold two files of one name.
type files string

func (f files) dir() string { return string(f) + ".git" }

// generationFile holds a random word, made with the mirror. It tells a mirror from the
// one that was there before.
const generationFile = "generation"

// enter makes the mirror when there is none, or none that could be one, keeps it from being deleted
// until leave is called, and returns its generation.
func (f files) enter(ctx context.Context) (generation string, leave func(), err error) {
	for try := 0; ; try++ {
		leave, err := lock(ctx, string(f)+".lock", shared)
		if err != nil {
			return "", nil, err
		}
		gen, err := f.generation()
		if err == nil {
			// Only Prune reads it, and a mirror too many kept is no harm.
			_ = os.Chtimes(string(f)+".lock", time.Time{}, time.Now())
			return gen, leave, nil
		}
		leave()
		if try == 5 { // somebody damages it all the time
			return "", nil, err
		}
		if err := f.create(ctx); err != nil {
			return "", nil, err
		}
	}
}

// generation gives the generation of the mirror. It fails when what is there cannot be a mirror: its
// files are files and its folders are folders, and none is a link. What they hold, git will see.
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
	if err == nil && len(gen) == 0 { // its writer was cut off
		err = errors.New("the generation of the mirror is empty")
	}
	return string(gen), err
}

// whole reports whether the mirror holds files and folders alone. Git waits on anything else.
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

// sound reports whether what is there can be a mirror, as far as that is seen without git.
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
		return nil // somebody else was faster
	}
	if err := f.remove(); err != nil {
		return err
	}
	if err := writeBare(f.dir(), "sha1"); err != nil {
		return err
	}
	// Last, because it says that the rest is there.
	return os.WriteFile(filepath.Join(f.dir(), generationFile), []byte(rand.Text()), 0o600)
}

// remove deletes the mirror, and nothing that a link in it leads to.
func (f files) remove() error {
	err := os.RemoveAll(f.dir())
	if err == nil {
		return nil
	}
	// Folders that may not be written keep what is in them.
	_ = filepath.WalkDir(f.dir(), func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	return os.RemoveAll(f.dir())
}

// discard deletes the mirror, unless it is another one by now.
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

// trim deletes a mirror that has grown too large, if nobody uses it. It is fetched again
// for less than it would cost to repack. One that holds what is no file is deleted in any case.
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

// unfinished is the size of the largest pack that a fetch left behind.
func (f files) unfinished() (size int64) {
	left, _ := filepath.Glob(filepath.Join(escapeGlob(f.dir()), "objects/pack/tmp_*"))
	for _, path := range left {
		if info, err := os.Stat(path); err == nil {
			size = max(size, info.Size())
		}
	}
	return size
}

// sweep removes what a killed fetch left behind and would count as unfinished. Only for who
// holds the fetch lock.
func (f files) sweep() {
	left, _ := filepath.Glob(filepath.Join(escapeGlob(f.dir()), "objects/pack/tmp_*"))
	for _, path := range left {
		_ = os.Remove(path) // what stays only takes room
	}
}

// writeBare makes an empty bare repository. It is what `git init --bare --template=`
// makes, for the cost of a few small files.
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

// checkOIDs keeps everything from git's command line that is not a full object id.
func checkOIDs(oids ...string) error {
	for _, oid := range oids {
		if !oidPattern.MatchString(oid) {
			return fmt.Errorf("%q is not a full object id", oid)
		}
	}
	return nil
}
