package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners/programtest"
)

// workTree makes a repository with a work tree and one commit.
func workTree(t testing.TB) *builder {
	t.Helper()
	b := &builder{dir: t.TempDir()}
	b.git(t, "", "init", "--quiet", "--initial-branch=main")
	b.write(t, "f", "1\n")
	b.write(t, ".gitignore", "ignored\n*.log\n")
	b.git(t, "", "add", "--all")
	b.git(t, "", "commit", "--quiet", "--message=1")
	return b
}

func (b *builder) write(t testing.TB, name, content string) {
	t.Helper()
	path := filepath.Join(b.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
		t.Fatal(err)
	}
}

func openLocal(t testing.TB, dir string) *Repo {
	t.Helper()
	r, err := OpenLocal(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// paths lists a diff as "kind path".
func paths(t testing.TB, r *Repo, base, head string) []string {
	t.Helper()
	d, err := r.Diff(t.Context(), base, head)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range d.Changes {
		list = append(list, string(c.Kind)+" "+c.OldPath+" "+c.NewPath)
	}
	return list
}

func TestOpenLocal(t *testing.T) {
	t.Parallel()
	b := workTree(t)
	first := b.git(t, "", "rev-parse", "HEAD")
	b.write(t, "d/g", "2\n")
	b.git(t, "", "add", "--all")
	b.git(t, "", "commit", "--quiet", "--message=2")
	b.git(t, "", "tag", "-a", "v1", "--message=v1")
	second := b.git(t, "", "rev-parse", "HEAD")
	bare := filepath.Join(t.TempDir(), `odd "name": b\c`)
	b.git(t, "", "clone", "--quiet", "--bare", b.dir, bare)
	linked := filepath.Join(t.TempDir(), "linked")
	b.git(t, "", "worktree", "add", "--quiet", "--detach", linked)
	for _, dir := range []string{b.dir, b.dir + "/d", b.dir + "/.git", bare, linked} {
		r := openLocal(t, dir)
		for rev, want := range map[string]string{"HEAD": second, "main": second, "HEAD~1": first, "v1": second, second[:8]: second, "refs/heads/main": second} {
			if got, err := r.Resolve(t.Context(), rev); err != nil || got != want {
				t.Errorf("%s: Resolve(%q) = %s, %v; want %s", dir, rev, got, err, want)
			}
		}
		if got, err := r.Commits(t.Context(), first, second); err != nil || !slices.Equal(got, []string{second}) {
			t.Errorf("%s: Commits = %v, %v", dir, got, err)
		}
		if got, err := r.MergeBase(t.Context(), first, second); err != nil || got != first {
			t.Errorf("%s: MergeBase = %v, %v", dir, got, err)
		}
		if got := paths(t, r, first, second); !slices.Equal(got, []string{"added  d/g"}) {
			t.Errorf("%s: Diff = %v", dir, got)
		}
		if text, ok, err := r.ReadFile(t.Context(), second, "d/g"); string(text) != "2\n" || !ok || err != nil {
			t.Errorf("%s: ReadFile = %q, %v, %v", dir, text, ok, err)
		}
		if err := r.Fetch(t.Context(), Want{SHAs: []string{first}}); err != nil {
			t.Errorf("%s: Fetch of what is there: %v", dir, err)
		}
		if err := r.Fetch(t.Context(), Want{SHAs: []string{strings.Repeat("1", 40)}}); !errors.Is(err, ErrGone) {
			t.Errorf("%s: Fetch of what is not there: %v", dir, err)
		}
	}
	if _, _, err := openLocal(t, bare).Snapshot(t.Context()); !errors.Is(err, ErrNoWorkTree) {
		t.Errorf("Snapshot of a bare repository: %v", err)
	}
	if _, err := OpenLocal(t.Context(), t.TempDir()); err == nil {
		t.Error("a folder that is no repository is opened")
	}
	for dir, want := range map[string]string{b.dir + "/nowhere": "there is no such folder", b.dir + "/f": "it is not a folder"} {
		if _, err := OpenLocal(t.Context(), dir); err == nil || err.Error() != "open repository "+dir+": "+want {
			t.Errorf("OpenLocal: %v, want it to say that %s", err, want)
		}
	}
}

// Two branches that merged each other have two best common ancestors.
func TestMergeBasesOfCrossedBranches(t *testing.T) {
	t.Parallel()
	b := workTree(t)
	commit := func(name string) string {
		b.write(t, name, name)
		b.git(t, "", "add", "--all")
		b.git(t, "", "commit", "--quiet", "--message="+name)
		return b.git(t, "", "rev-parse", "HEAD")
	}
	first := b.git(t, "", "rev-parse", "HEAD")
	one := commit("one")
	b.git(t, "", "checkout", "--quiet", "-b", "other", first)
	two := commit("two")
	b.git(t, "", "merge", "--quiet", "--no-edit", one)
	other := b.git(t, "", "rev-parse", "HEAD")
	b.git(t, "", "checkout", "--quiet", "main")
	b.git(t, "", "merge", "--quiet", "--no-edit", two)
	mine := commit("mine")
	r := openLocal(t, b.dir)
	got, err := r.MergeBases(t.Context(), other, mine)
	best, err2 := r.MergeBase(t.Context(), other, mine)
	if err != nil || err2 != nil || len(got) != 2 || got[0] != best || !slices.Contains(got, one) || !slices.Contains(got, two) {
		t.Errorf("%v, %v; the first is %s, %v", got, err, best, err2)
	}
	changes, err := r.Changes(t.Context(), one, mine)
	var names []string
	for _, c := range changes {
		names = append(names, string(c.Kind)+" "+c.NewPath)
	}
	if err != nil || !slices.Equal(names, []string{"added mine", "added two"}) {
		t.Errorf("Changes = %q, %v", names, err)
	}
}

func TestLocalSHA256(t *testing.T) {
	t.Parallel()
	b := &builder{dir: t.TempDir()}
	b.git(t, "", "init", "--quiet", "--object-format=sha256")
	b.write(t, "f", "1\n")
	b.git(t, "", "add", "--all")
	b.git(t, "", "commit", "--quiet", "--message=1")
	r := openLocal(t, b.dir)
	head, err := r.Resolve(t.Context(), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if got := paths(t, r, r.EmptyTree(), head); !slices.Equal(got, []string{"added  f"}) {
		t.Errorf("Diff = %v", got)
	}
}

func TestLocalShallowAndPartial(t *testing.T) {
	t.Parallel()
	b := workTree(t)
	first := b.git(t, "", "rev-parse", "HEAD")
	b.git(t, "", "config", "uploadpack.allowFilter", "true")
	for i := range 3 {
		b.write(t, "f", fmt.Sprintf("%d\n", i+2))
		b.git(t, "", "commit", "--quiet", "--all", "--message=m")
	}
	head := b.git(t, "", "rev-parse", "HEAD")
	clone := filepath.Join(t.TempDir(), "clone")
	b.git(t, "", "clone", "--quiet", "--no-checkout", "--depth=2", "--filter=blob:none", "file://"+b.dir, clone)
	r := openLocal(t, clone)
	var short *ShallowError
	parent := b.git(t, "", "rev-parse", "HEAD~")
	if got, err := r.Versions(t.Context(), []string{parent, head}); !errors.As(err, &short) || !slices.Equal(short.Commits, []string{parent}) || len(got) != 1 {
		t.Errorf("Versions = %v, %v", got, err)
	}
	if _, err := r.MergeBase(t.Context(), first, head); !errors.Is(err, ErrGone) {
		t.Errorf("MergeBase with what is not there: %v", err)
	}
}

// lacking asks for a blob that is not there.
func lacking(t *testing.T, r *Repo) {
	t.Helper()
	size := int64(0)
	err := r.Blobs(t.Context(), []string{strings.Repeat("1", 40)}, func(_ string, n int64, content []byte) error {
		size = n
		if content != nil {
			t.Errorf("a missing blob has the content %q", content)
		}
		return nil
	})
	if err != nil || size != Absent {
		t.Errorf("a missing blob has the size %d, %v", size, err)
	}
}

// TestPartialClone compares commits in clones without blobs, and without trees, while the remote is there and when it
// is gone. Nothing is written to the clone.
func TestPartialClone(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{"blob:none", "tree:0"} {
		for _, away := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, away %v", filter, away), func(t *testing.T) {
				t.Parallel()
				b := workTree(t)
				b.git(t, "", "config", "uploadpack.allowFilter", "true")
				b.git(t, "", "config", "uploadpack.allowAnySHA1InWant", "true")
				b.write(t, "dir/old", "one\ntwo\nthree\nfour\n")
				b.write(t, "f", "1\n")
				b.git(t, "", "add", "--all")
				b.git(t, "", "commit", "--quiet", "--message=base")
				base := b.git(t, "", "rev-parse", "HEAD")
				b.git(t, "", "mv", "dir/old", "dir/new")
				b.write(t, "f", "2\n")
				b.git(t, "", "commit", "--quiet", "--all", "--message=head")
				head := b.git(t, "", "rev-parse", "HEAD")
				clone := filepath.Join(t.TempDir(), "clone")
				b.git(t, "", "clone", "--quiet", "--no-checkout", "--filter="+filter, "file://"+b.dir, clone)
				before := list(t, clone)
				if away {
					check(t, os.Rename(b.dir, b.dir+".away"))
				}
				r := openLocal(t, clone)
				if !r.Partial() {
					t.Error("it is not taken for a partial clone")
				}
				check(t, r.Complete(t.Context(), base, head))
				d, err := r.Diff(t.Context(), base, head)
				switch {
				case away && filter == "tree:0":
					if err == nil {
						t.Errorf("Diff without trees: %+v", d)
					}
				case err != nil:
					t.Errorf("Diff: %v", err)
				case away && (len(d.Changes) != 3 || len(d.Patch) > 0):
					t.Errorf("Diff without blobs: %+v", d)
				case !away && (!strings.Contains(string(d.Patch), "\n-1\n+2\n") || !strings.Contains(string(d.Patch), "rename to dir/new")):
					t.Errorf("Diff: %+v\n%s", d, d.Patch)
				}
				text, _, err := r.ReadFile(t.Context(), head, "f")
				if away != (err != nil) || !away && string(text) != "2\n" {
					t.Errorf("ReadFile: %q, %v", text, err)
				}
				unchanged(t, clone, before)
			})
		}
	}
}

// TestOneAbsentBlob checks that it costs its file only.
func TestOneAbsentBlob(t *testing.T) {
	t.Parallel()
	b := workTree(t)
	b.write(t, "a", "1\n")
	b.write(t, "b [x]*", "1\n")
	b.git(t, "", "add", "--all")
	b.git(t, "", "commit", "--quiet", "--message=base")
	base := b.git(t, "", "rev-parse", "HEAD")
	b.write(t, "a", "2\n")
	b.write(t, "b [x]*", "2, which is lost\n")
	b.git(t, "", "commit", "--quiet", "--all", "--message=head")
	head := b.git(t, "", "rev-parse", "HEAD")
	lost := b.git(t, "", "rev-parse", "HEAD:b [x]*")
	check(t, os.Remove(filepath.Join(b.dir, ".git/objects", lost[:2], lost[2:])))
	r := openLocal(t, b.dir)
	d, err := r.Diff(t.Context(), base, head)
	if err != nil || len(d.Changes) != 2 || !strings.Contains(string(d.Patch), "b/a\n") || strings.Contains(string(d.Patch), "[x]") {
		t.Errorf("Diff: %+v, %v", d, err)
	}
}

// TestFetchable checks that no address of a repository's configuration starts a program of its choice.
func TestFetchable(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://github.com/acme/shop.git":  "https://github.com/acme/shop.git",
		"git@github.com:acme/shop.git":      "ssh://git@github.com/acme/shop.git",
		"github.com:/acme/shop":             "ssh://github.com/acme/shop",
		"ssh://git@host:22/acme/shop.git":   "ssh://git@host:22/acme/shop.git",
		"/srv/git/shop.git":                 "file:///srv/git/shop.git",
		"file:///srv/git/shop.git":          "file:///srv/git/shop.git",
		"http://127.0.0.1:8080/acme/shop":   "http://127.0.0.1:8080/acme/shop",
		"http://example.com/acme/shop":      "",
		"ext::sh -c evil":                   "",
		"ssh://-oProxyCommand=evil/x":       "",
		"-oProxyCommand=evil:x":             "",
		"git@-oProxyCommand=evil:acme/shop": "",
		"ssh://-oProxyCommand=evil@host/x":  "",
		"fd::7":                             "",
		"../up":                             "",
		"file://host/share":                 "",
		"git://example.com/x":               "",
		"https:///x":                        "",
		"":                                  "",
		"https://host/x\n[core]":            "",
	} {
		got := ""
		if u := fetchable(address); u != nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	b := workTree(t)
	b.write(t, "deleted", "deleted\n")
	b.write(t, "mode", "mode\n")
	b.write(t, "file to dir", "file to dir\n")
	b.write(t, "tracked.log", "tracked.log\n")
	b.git(t, "", "add", "--all", "--force")
	b.git(t, "", "commit", "--quiet", "--message=2")
	head := b.git(t, "", "rev-parse", "HEAD")

	b.write(t, "f", "2\n") // same size, same moment: by the index's time alone git would not notice the change
	b.write(t, "new/g", "3\n")
	b.write(t, "ignored", "x\n")
	b.write(t, "x.log", "x\n")
	b.write(t, "tracked.log", "changed\n")
	b.write(t, "excluded", "x\n")
	b.write(t, ".git/info/exclude", "excluded\n")
	b.write(t, "staged", "staged\n")
	b.git(t, "", "add", "staged")
	for _, name := range oddNames {
		if !strings.Contains(name, "/") {
			b.write(t, "odd/"+name, name)
		}
	}
	if err := errors.Join(os.Remove(b.dir+"/deleted"), os.Chmod(b.dir+"/mode", 0o700), os.Remove(b.dir+"/file to dir"),
		os.Symlink("/etc/passwd", b.dir+"/link")); err != nil {
		t.Fatal(err)
	}
	b.write(t, "file to dir/f", "file to dir/f\n")
	nested := &builder{dir: b.dir + "/nested"}
	b.git(t, "", "init", "--quiet", nested.dir)
	nested.write(t, "n", "n\n")

	before := list(t, b.dir)
	r := openLocal(t, b.dir+"/new")
	tree, cleanup, err := r.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unchanged(t, b.dir, before)
	got := paths(t, r, head, tree)
	want := []string{"added  file to dir/f", "added  link", "added  new/g", "added  staged",
		"deleted deleted ", "deleted file to dir ", "mode changed mode mode", "modified f f", "modified tracked.log tracked.log"}
	for _, name := range oddNames {
		if !strings.Contains(name, "/") {
			want = append(want, "added  odd/"+name)
		}
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if text, ok, err := r.ReadFile(t.Context(), tree, "new/g"); string(text) != "3\n" || !ok || err != nil {
		t.Errorf("ReadFile = %q, %v, %v", text, ok, err)
	}
	if _, _, err := r.ReadFile(t.Context(), tree, "link"); !errors.Is(err, ErrNotFile) {
		t.Errorf("a link in the work tree: %v", err)
	}
	cleanup()
	if _, _, err := r.ReadFile(t.Context(), tree, "new/g"); !errors.Is(err, ErrGone) {
		t.Errorf("after cleanup: %v", err)
	}
}

func TestSnapshotOfEmptyAndUnusualRepositories(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make func(t *testing.T) *builder
		want []string // compared with the empty tree
	}{
		{"empty", func(t *testing.T) *builder {
			b := &builder{dir: t.TempDir()}
			b.git(t, "", "init", "--quiet")
			return b
		}, nil},
		{"no commit", func(t *testing.T) *builder {
			b := &builder{dir: t.TempDir()}
			b.git(t, "", "init", "--quiet")
			b.write(t, "f", "x\n")
			return b
		}, []string{"added  f"}},
		{"split index", func(t *testing.T) *builder {
			b := workTree(t)
			b.git(t, "", "update-index", "--split-index")
			b.write(t, "g", "x\n")
			b.git(t, "", "add", "g")
			return b
		}, []string{"added  .gitignore", "added  f", "added  g"}},
		{"sparse checkout", func(t *testing.T) *builder {
			b := workTree(t)
			b.write(t, "d/g", "x\n")
			b.git(t, "", "add", "--all")
			b.git(t, "", "commit", "--quiet", "--message=2")
			b.git(t, "", "sparse-checkout", "set", "--cone", "--sparse-index", "nothing")
			if _, err := os.Lstat(b.dir + "/d/g"); err == nil {
				t.Fatal("not sparse")
			}
			return b
		}, []string{"added  .gitignore", "added  d/g", "added  f"}},
		{"conflict", func(t *testing.T) *builder {
			b := workTree(t)
			b.git(t, "", "checkout", "--quiet", "-b", "side")
			b.write(t, "f", "side\n")
			b.git(t, "", "commit", "--quiet", "--all", "--message=2")
			b.git(t, "", "checkout", "--quiet", "main")
			b.write(t, "f", "main\n")
			b.git(t, "", "commit", "--quiet", "--all", "--message=3")
			b.git(t, "", "checkout", "--quiet", "-B", "x", "main")
			b.git(t, "", "read-tree", "-m", "HEAD~", "HEAD", "side")
			return b
		}, []string{"added  .gitignore", "added  f"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := openLocal(t, test.make(t).dir)
			tree, cleanup, err := r.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer cleanup()
			if got := paths(t, r, r.EmptyTree(), tree); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// list returns every file of a folder with the properties that writing to it would change.
func list(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		all = append(all, fmt.Sprint(path, info.Size(), info.Mode(), info.ModTime().Format(time.RFC3339Nano)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func unchanged(t *testing.T, dir string, before []string) {
	t.Helper()
	for _, now := range list(t, dir) {
		if !slices.Contains(before, now) {
			t.Errorf("written: %s", now)
		}
	}
}

// trap is a program that leaves a mark when it runs.
func trap(t testing.TB) (script, mark string) {
	t.Helper()
	dir := t.TempDir()
	script, mark = filepath.Join(dir, "trap"), filepath.Join(dir, "sprung")
	text := "#!/bin/sh\necho \"$0 $*\" >> " + mark + "\nexit 1\n"
	programtest.Write(t, script, text)
	return script, mark
}

func TestNothingOfAHostileRepositoryRuns(t *testing.T) {
	t.Parallel()
	script, mark := trap(t)
	b := workTree(t)
	first := b.git(t, "", "rev-parse", "HEAD")
	b.write(t, ".gitattributes", "* filter=evil diff=evil merge=evil\n*.lfs filter=lfs diff=lfs\n")
	b.write(t, "x.lfs", "version https://git-lfs.github.com/spec/v1\n")
	b.write(t, "f", "2\n")
	sub := workTree(t)
	subCommit := sub.git(t, "", "rev-parse", "HEAD")
	sub.git(t, "", "commit", "--quiet", "--allow-empty", "--message=not in the index")
	b.git(t, "", "add", "--all")
	b.git(t, "", "update-index", "--add", "--cacheinfo", "160000,"+subCommit+",module")
	b.git(t, "", "commit", "--quiet", "--message=2")
	second := b.git(t, "", "rev-parse", "HEAD")
	if err := os.Rename(sub.dir, b.dir+"/module"); err != nil {
		t.Fatal(err)
	}

	config := fmt.Sprintf(`[core]
	fsmonitor = %[1]q
	hooksPath = %[2]q
	sshCommand = %[1]q
	editor = %[1]q
	pager = %[1]q
	gitProxy = %[1]q
	askPass = %[1]q
	alternateRefsCommand = %[1]q
[diff]
	external = %[1]q
[diff "evil"]
	command = %[1]q
	textconv = %[1]q
[diff "lfs"]
	textconv = %[1]q
[filter "evil"]
	clean = %[1]q
	smudge = %[1]q
	process = %[1]q
	required = true
[filter "lfs"]
	clean = %[1]q
	process = %[1]q
	required = true
[merge "evil"]
	driver = %[1]q
[credential]
	helper = "!%[1]s"
[alias]
	rev-parse = "!%[1]s"
	cat-file = "!%[1]s"
	config = "!%[1]s"
[pager]
	rev-parse = %[1]q
	config = %[1]q
[gpg]
	program = %[1]q
[log]
	showSignature = true
[remote "origin"]
	url = "ext::%[1]s"
	uploadpack = %[1]q
	promisor = true
	partialclonefilter = blob:none
[url "ext::%[1]s #"]
	insteadOf = https://
`, script, filepath.Dir(script))
	for _, name := range []string{"post-index-change", "reference-transaction", "pre-commit", "post-checkout", "fsmonitor-watchman", "query-watchman"} {
		if err := os.Symlink(script, filepath.Join(filepath.Dir(script), name)); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(script, filepath.Join(b.dir, ".git/hooks", name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	for _, path := range []string{".git/config", "module/.git/config"} {
		f, err := os.OpenFile(filepath.Join(b.dir, path), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(config); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	b.write(t, ".git/info/attributes", "* filter=evil diff=evil\n")
	b.write(t, "new.lfs", "large\n")
	b.write(t, "f", "3\n")
	b.write(t, "module/f", "3\n")
	before := list(t, b.dir)

	r := openLocal(t, b.dir)
	ctx := t.Context()
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil || head != second {
		t.Fatalf("Resolve = %s, %v", head, err)
	}
	// A commit that is not there must not make git ask the hostile remote for it.
	if _, err := r.Resolve(ctx, strings.Repeat("1", 40)); err == nil {
		t.Error("a missing commit is resolved")
	}
	if _, err := r.Commits(ctx, first, second); err != nil {
		t.Error(err)
	}
	if _, err := r.MergeBase(ctx, first, second); err != nil {
		t.Error(err)
	}
	if _, err := r.Versions(ctx, []string{second}); err != nil {
		t.Error(err)
	}
	d, err := r.Diff(ctx, first, second)
	if err != nil || !strings.Contains(string(d.Patch), "\n-1\n+2\n") {
		t.Errorf("Diff = %+v, %v", d, err)
	}
	lacking(t, r)
	tree, cleanup, err := r.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer cleanup()
	if got, want := paths(t, r, second, tree), []string{"modified f f", "added  new.lfs"}; !slices.Equal(got, want) {
		t.Errorf("Snapshot: got %q, want %q", got, want)
	}
	if text, _, err := r.ReadFile(ctx, tree, "new.lfs"); string(text) != "large\n" {
		t.Errorf("ReadFile = %q, %v", text, err)
	}
	if sprung, err := os.ReadFile(mark); err == nil {
		t.Errorf("the repository ran a program:\n%s", sprung)
	}
	unchanged(t, b.dir, before)

	// Without the protection the trap does run.
	status := exec.Command("git", "-C", b.dir, "status")
	status.Env = testEnv()
	_ = status.Run()
	if _, err := os.Stat(mark); err != nil {
		t.Error("the trap does not work, the test shows nothing")
	}
}

func TestSnapshotStaysInTheWorkTree(t *testing.T) {
	t.Parallel()
	b := workTree(t)
	elsewhere := t.TempDir()
	if err := os.WriteFile(elsewhere+"/private", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.git(t, "", "config", "core.worktree", elsewhere)
	if tree, cleanup, err := openLocal(t, b.dir).Snapshot(t.Context()); err == nil {
		cleanup()
		t.Errorf("took %s from a folder that the configuration named", tree)
	}
}
