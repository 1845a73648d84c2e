package mirror

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// damages are ways to damage a file or a folder. Outside is a folder that must not be touched.
var damages = map[string]func(path, outside string) error{
	"garbage": func(path, _ string) error {
		return errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte("\x00\xffgarbage [\n= \"\n"), 0o600))
	},
	"empty":   func(path, _ string) error { return errors.Join(os.RemoveAll(path), os.WriteFile(path, nil, 0o600)) },
	"missing": func(path, _ string) error { return os.RemoveAll(path) },
	"a folder": func(path, _ string) error {
		return errors.Join(os.RemoveAll(path), os.MkdirAll(filepath.Join(path, "x"), 0o700), os.WriteFile(filepath.Join(path, "x", "y"), nil, 0o600))
	},
	"a closed folder": func(path, _ string) error {
		return errors.Join(os.RemoveAll(path), os.MkdirAll(filepath.Join(path, "x"), 0o700), os.Chmod(filepath.Join(path, "x"), 0), os.Chmod(path, 0))
	},
	"a link to a file": func(path, outside string) error {
		return errors.Join(os.RemoveAll(path), os.Symlink(outside+"/file", path))
	},
	"a link to a folder": func(path, outside string) error { return errors.Join(os.RemoveAll(path), os.Symlink(outside, path)) },
	"a link to nowhere": func(path, outside string) error {
		return errors.Join(os.RemoveAll(path), os.Symlink(outside+"/nowhere", path))
	},
	"a pipe": func(path, _ string) error { return errors.Join(os.RemoveAll(path), syscall.Mkfifo(path, 0o600)) },
	"closed": func(path, _ string) error { return os.Chmod(path, 0) },
}

// TestDamageHeals damages each file of a mirror in each way, and then fetches and reads a pull request. The
// results must be as without the damage, and nothing outside the mirror may be touched.
func TestDamageHeals(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	base := b.commit(t, "refs/heads/main", nil, put("f", "a\n"))
	head := b.commit(t, "refs/pull/1/head", []string{base}, put("f", "b\n"))
	next := b.commit(t, "refs/pull/2/head", []string{head}, put("f", "c\n"))
	template := filepath.Join(t.TempDir(), "mirrors")
	remote := s.remote("r")
	open := func(t *testing.T, dir string) (*Repo, error) {
		return (&Store{Dir: dir}).Open(t.Context(), "r", remote)
	}
	r, err := open(t, template)
	check(t, err)
	check(t, r.Fetch(t.Context(), Want{SHAs: []string{base, head}, Refs: []string{"refs/pull/1/head"}}))
	name := filepath.Base(string(r.remote.files))

	type damaged struct {
		file  string // in the folder of mirrors, as a pattern; MIRROR is the mirror's name
		kinds []string
	}
	all := []string{"garbage", "empty", "missing", "a folder", "a closed folder", "a link to a file", "a link to a folder", "a link to nowhere", "a pipe", "closed"}
	some := []string{"garbage", "a folder", "a pipe"}
	list := []damaged{
		{"MIRROR.git", all}, {"MIRROR.lock", all}, {"MIRROR.fetch", all},
		{"MIRROR.git/config", all}, {"MIRROR.git/generation", all}, {"MIRROR.git/HEAD", some},
		{"MIRROR.git/objects", []string{"garbage", "missing", "a link to a folder", "a pipe"}}, {"MIRROR.git/objects/pack", []string{"garbage", "missing", "a link to a folder", "a pipe"}},
		{"MIRROR.git/refs", []string{"garbage", "missing", "a link to a folder"}}, {"MIRROR.git/info", []string{"garbage"}},
		{"MIRROR.git/shallow", some}, {"MIRROR.git/objects/pack/*.pack", some}, {"MIRROR.git/objects/pack/*.idx", append(some, "empty", "missing")},
		{"MIRROR.git/objects/pack/*.promisor", []string{"a folder", "a pipe"}},
	}
	for _, made := range []string{"packed-refs", "objects/info/alternates", "objects/info/commit-graph", "objects/pack/multi-pack-index", "refs/heads/none", "refs/pull/2/head"} {
		list = append(list, damaged{"MIRROR.git/" + made, some})
	}
	for _, lock := range []string{"config.lock", "shallow.lock", "HEAD.lock", "packed-refs.lock", "refs/pull/2/head.lock", "objects/pack/tmp_pack_x"} {
		list = append(list, damaged{"MIRROR.git/" + lock, []string{"empty", "a folder"}})
	}
	for _, d := range list {
		for _, kind := range d.kinds {
			t.Run(d.file+" is "+kind, func(t *testing.T) {
				t.Parallel()
				dir, outside := filepath.Join(t.TempDir(), "mirrors"), t.TempDir()
				check(t, errors.Join(os.CopyFS(dir, os.DirFS(template)), os.WriteFile(outside+"/file", []byte("stays"), 0o600)))
				pattern := filepath.Join(dir, strings.ReplaceAll(d.file, "MIRROR", name))
				files := []string{pattern}
				if strings.Contains(pattern, "*") {
					found, err := filepath.Glob(pattern)
					if err != nil || len(found) == 0 {
						t.Fatalf("no %s: %v", pattern, err)
					}
					files = found
				}
				for _, file := range files {
					check(t, errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), damages[kind](file, outside)))
				}
				r, err := open(t, dir)
				check(t, err)
				if err := r.Fetch(t.Context(), Want{SHAs: []string{base, next}, Refs: []string{"refs/pull/2/head"}, Depth: 1}); err != nil {
					t.Fatal(err)
				}
				change, err := r.Diff(t.Context(), base, next)
				if err != nil || !strings.Contains(string(change.Patch), "\n-a\n+c\n") {
					t.Errorf("the change is %+v, %v", change, err)
				}
				if text, err := os.ReadFile(outside + "/file"); string(text) != "stays" {
					t.Errorf("outside is %q, %v", text, err)
				}
				if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
					t.Errorf("outside there is %v, %v", entries, err)
				}
			})
		}
	}
}

// TestAFullDiskIsNoDamage checks that a full disk does not make the mirror be deleted.
func TestAFullDiskIsNoDamage(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]bool{
		"fatal: unable to write loose object file: No space left on device": false,
		"error: unable to create temporary file: Disk quota exceeded":       false,
		"fatal: bad config line 1 in file config":                           true,
		"error: bad packed object":                                          true,
	} {
		if got := (&gitError{stderr: said}).corrupt(); got != want {
			t.Errorf("%q is damage: %v", said, got)
		}
	}
}
