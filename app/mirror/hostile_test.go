package mirror

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/secbydesign/secbydesign/app/plainfile"
)

// notFiles create, at a path, something that is not a regular file or should not be read.
var notFiles = map[string]func(t *testing.T, path string){
	"pipe": func(t *testing.T, path string) { check(t, syscall.Mkfifo(path, 0o600)) },
	"link to a pipe": func(t *testing.T, path string) {
		pipe := filepath.Join(t.TempDir(), "pipe")
		check(t, errors.Join(syscall.Mkfifo(pipe, 0o600), os.Symlink(pipe, path)))
	},
	"link to a device": func(t *testing.T, path string) { check(t, os.Symlink("/dev/zero", path)) },
	"socket":           socket,
	"folder":           func(t *testing.T, path string) { check(t, os.MkdirAll(filepath.Join(path, "x"), 0o700)) },
	"sparse file": func(t *testing.T, path string) {
		check(t, errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40)))
	},
}

// socket creates a socket under a short name, because long ones are not allowed.
func socket(t *testing.T, path string) {
	dir, err := os.MkdirTemp("", "s")
	check(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unix"})
	check(t, err)
	listener.SetUnlinkOnClose(false)
	check(t, errors.Join(listener.Close(), os.Rename(filepath.Join(dir, "s"), path)))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hostileClone has two commits, and a loose object, a pack and an index.
func hostileClone(t *testing.T) (b *builder, head string) {
	t.Helper()
	b = workTree(t)
	b.git(t, "", "gc", "--quiet")
	b.write(t, "f", "2\n")
	b.git(t, "", "commit", "--quiet", "--all", "--message=2")
	return b, b.git(t, "", "rev-parse", "HEAD")
}

// copyOf returns a copy of a clone.
func (b *builder) copyOf(t *testing.T) *builder {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	check(t, os.CopyFS(dir, os.DirFS(b.dir)))
	return &builder{dir: dir}
}

// reviewAll does everything that a review of a work tree does.
func reviewAll(ctx context.Context, dir string) (changes []string, err error) {
	r, err := OpenLocal(ctx, dir)
	if err != nil {
		return nil, err
	}
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	tree, done, err := r.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if _, err := r.Commits(ctx, head, head); err != nil {
		return nil, err
	}
	d, err := r.Diff(ctx, head, tree)
	if err != nil {
		return nil, err
	}
	for _, c := range d.Changes {
		changes = append(changes, string(c.Kind)+" "+c.OldPath+" "+c.NewPath)
	}
	return changes, nil
}

// TestHostileGitDirectory replaces each file that git opens by something that is not a file. Nothing may block
// until a time limit, and nothing may be copied without end.
func TestHostileGitDirectory(t *testing.T) {
	t.Parallel()
	clone, head := hostileClone(t)
	for _, name := range []string{
		"HEAD", "config", "config.worktree", "packed-refs", "shallow", "index", "sharedindex.1", "commondir", "ORIG_HEAD",
		"info/exclude", "info/attributes", "info/grafts", "info/sparse-checkout", "refs/heads/main", "refs/replace/x", "logs/HEAD",
		"objects/info/alternates", "objects/info/commit-graph", "objects/info/packs", "objects/pack/multi-pack-index",
		"PACK", "INDEX OF PACK", "LOOSE",
	} {
		for kind, replace := range notFiles {
			t.Run(name+" is a "+kind, func(t *testing.T) {
				t.Parallel()
				b := clone.copyOf(t)
				path := filepath.Join(b.dir, ".git", name)
				for word, pattern := range map[string]string{"PACK": "objects/pack/*.pack", "INDEX OF PACK": "objects/pack/*.idx", "LOOSE": "objects/" + head[:2] + "/*"} {
					if name == word {
						found, err := filepath.Glob(filepath.Join(b.dir, ".git", pattern))
						if err != nil || len(found) == 0 {
							t.Fatal(err, found)
						}
						path = found[0]
					}
				}
				check(t, errors.Join(os.RemoveAll(path), os.MkdirAll(filepath.Dir(path), 0o700)))
				replace(t, path)
				_, err := reviewAll(t.Context(), b.dir)
				object := slices.Contains([]string{"PACK", "INDEX OF PACK", "LOOSE"}, name) || filepath.Dir(name) == "objects/pack" || filepath.Dir(name) == "objects/info"
				switch {
				case errors.Is(err, context.DeadlineExceeded):
					t.Error("it waited until a limit of time")
				case kind == "folder", kind == "sparse file" && object: // git reports it
				case !errors.Is(err, plainfile.ErrNotPlain) && !errors.Is(err, plainfile.ErrTooLarge):
					t.Errorf("got %v", err)
				}
			})
		}
	}
}

// TestHostilePlaces covers other ways in which git reaches a file.
func TestHostilePlaces(t *testing.T) {
	t.Parallel()
	clone, _ := hostileClone(t)
	for name, make := range map[string]func(t *testing.T, b *builder, pipe string){
		".git is a pipe": func(t *testing.T, b *builder, pipe string) {
			check(t, errors.Join(os.RemoveAll(b.dir+"/.git"), os.Rename(pipe, b.dir+"/.git")))
		},
		".git leads to a device": func(t *testing.T, b *builder, _ string) {
			check(t, errors.Join(os.RemoveAll(b.dir+"/.git"), os.Symlink("/dev/zero", b.dir+"/.git")))
		},
		".git names a folder with a pipe": func(t *testing.T, b *builder, pipe string) {
			other := t.TempDir() + "/git"
			check(t, errors.Join(os.Rename(b.dir+"/.git", other), os.Remove(other+"/HEAD"), os.Rename(pipe, other+"/HEAD")))
			b.write(t, ".git", "gitdir: "+other+"\n")
		},
		"the common folder has a pipe": func(t *testing.T, b *builder, pipe string) {
			other := t.TempDir()
			check(t, os.Rename(pipe, other+"/packed-refs"))
			b.write(t, ".git/commondir", other+"\n")
		},
		"included": func(t *testing.T, b *builder, pipe string) { b.git(t, "", "config", "include.path", pipe) },
		"included on a condition": func(t *testing.T, b *builder, pipe string) {
			b.write(t, ".git/config", "[core]\n\tbare = false\n[includeIf \"gitdir:/\"] path = \""+pipe+"\"\n")
		},
		"included by what is included": func(t *testing.T, b *builder, pipe string) {
			b.write(t, ".git/more", "[include]\n\tPATH="+pipe+"\n")
			b.git(t, "", "config", "include.path", "more")
		},
		"included is a device": func(t *testing.T, b *builder, _ string) { b.git(t, "", "config", "include.path", "/dev/zero") },
		"borrowed objects": func(t *testing.T, b *builder, pipe string) {
			other := t.TempDir()
			check(t, errors.Join(os.MkdirAll(other+"/pack", 0o700), os.Rename(pipe, other+"/pack/pack-1.idx")))
			b.write(t, ".git/objects/info/alternates", "\n# of\n"+other+"\n")
		},
		"borrowed by what is borrowed": func(t *testing.T, b *builder, pipe string) {
			other := t.TempDir()
			check(t, errors.Join(os.MkdirAll(other+"/info", 0o700), os.Rename(pipe, other+"/info/alternates")))
			b.write(t, ".git/objects/info/alternates", other+"\n")
		},
		"references are elsewhere": func(t *testing.T, b *builder, pipe string) {
			other := t.TempDir()
			check(t, errors.Join(os.RemoveAll(b.dir+"/.git/refs"), os.MkdirAll(other+"/heads", 0o700), os.Rename(pipe, other+"/heads/main"), os.Symlink(other, b.dir+"/.git/refs")))
		},
		".gitignore": func(t *testing.T, b *builder, pipe string) {
			check(t, errors.Join(os.Remove(b.dir+"/.gitignore"), os.Rename(pipe, b.dir+"/.gitignore")))
		},
		".gitattributes deep below": func(t *testing.T, b *builder, pipe string) {
			check(t, errors.Join(os.MkdirAll(b.dir+"/a/b", 0o700), os.Rename(pipe, b.dir+"/a/b/.gitattributes")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := clone.copyOf(t)
			pipe := filepath.Join(t.TempDir(), "pipe")
			check(t, syscall.Mkfifo(pipe, 0o600))
			make(t, b, pipe)
			if _, err := reviewAll(t.Context(), b.dir); !errors.Is(err, plainfile.ErrNotPlain) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestHostileWorkTree reviews the files that a commit can contain, and skips the rest.
func TestHostileWorkTree(t *testing.T) {
	t.Parallel()
	clone, _ := hostileClone(t)
	for name, c := range map[string]struct {
		make func(t *testing.T, dir string)
		want []string
		err  error
	}{
		"a pipe that nobody tracks": {func(t *testing.T, dir string) { notFiles["pipe"](t, dir+"/x") }, nil, nil},
		"a pipe for a file": {func(t *testing.T, dir string) {
			check(t, os.Remove(dir+"/f"))
			notFiles["pipe"](t, dir+"/f")
		}, []string{"deleted f "}, nil},
		"a socket for a file": {func(t *testing.T, dir string) {
			check(t, os.Remove(dir+"/f"))
			socket(t, dir+"/f")
		}, []string{"deleted f "}, nil},
		"a link to a device":      {func(t *testing.T, dir string) { notFiles["link to a device"](t, dir+"/x") }, []string{"added  x"}, nil},
		"a link to a pipe":        {func(t *testing.T, dir string) { notFiles["link to a pipe"](t, dir+"/x") }, []string{"added  x"}, nil},
		"a policy that is a pipe": {func(t *testing.T, dir string) { notFiles["pipe"](t, dir+"/.secbydesign.yml") }, nil, nil},
		"a folder for .gitignore": {func(t *testing.T, dir string) {
			check(t, errors.Join(os.Remove(dir+"/.gitignore"), os.Mkdir(dir+"/.gitignore", 0o700)))
		}, []string{"deleted .gitignore "}, nil},
		"a device for .gitignore": {func(t *testing.T, dir string) {
			check(t, errors.Join(os.Remove(dir+"/.gitignore"), os.Symlink("/dev/zero", dir+"/.gitignore")))
		}, []string{"type changed .gitignore .gitignore"}, nil},
		"a file without an end":    {func(t *testing.T, dir string) { notFiles["sparse file"](t, dir+"/x") }, nil, ErrTooLarge},
		"a folder that leads back": {func(t *testing.T, dir string) { check(t, os.Symlink(".", dir+"/x")) }, []string{"added  x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := clone.copyOf(t)
			c.make(t, b.dir)
			got, err := reviewAll(t.Context(), b.dir)
			if !errors.Is(err, c.err) || c.err == nil && err != nil {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestInspectionTakesUsualRepositories is the counterpart: usual repositories must pass.
func TestInspectionTakesUsualRepositories(t *testing.T) {
	t.Parallel()
	b, _ := hostileClone(t)
	b.git(t, "", "config", "include.path", "more") // there is no such file
	b.git(t, "", "config", "submodule.x.path", "/tmp")
	shared := t.TempDir() + "/shared"
	b.git(t, "", "clone", "--quiet", "--shared", b.dir, shared)
	linked := t.TempDir() + "/linked"
	b.git(t, "", "worktree", "add", "--quiet", "--detach", linked)
	moved := t.TempDir() + "/moved"
	check(t, os.Symlink(b.dir, moved))
	check(t, errors.Join(os.MkdirAll(b.dir+"/.git/hooks", 0o700), os.Symlink("/dev/null", b.dir+"/.git/hooks/pre-commit")))
	check(t, os.Symlink("nowhere", b.dir+"/.git/dangling"))
	for _, dir := range []string{b.dir, shared, linked, moved, b.dir + "/.git"} {
		want := error(nil)
		if filepath.Base(dir) == ".git" {
			want = ErrNoWorkTree
		}
		if got, err := reviewAll(t.Context(), dir); !errors.Is(err, want) || len(got) > 0 {
			t.Errorf("%s: %v, %v", dir, got, err)
		}
	}
	if _, err := reviewAll(t.Context(), t.TempDir()); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no repository: %v", err)
	}
}
