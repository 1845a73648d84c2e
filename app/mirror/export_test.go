package mirror

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestExportWritesPlainFiles(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	long := strings.Repeat("n", 300) // file systems allow 255 bytes
	head := b.commit(t, "refs/heads/main", nil,
		put("a.txt", "one\r\n"), put("deep/er/b.txt", "two"), put("same/b.txt", "two"), put("empty", ""),
		putMode("100755", "run.sh", "#!/bin/sh\n"), putMode("120000", "link", "/etc/passwd"), putMode("120000", "deep/dir", ".."),
		put(".gitattributes", "*.txt text eol=lf filter=evil\n"), put("big", strings.Repeat("x", 5000)), put(long, "y"),
		put("bad \xff \"name\"\n-x", "odd"))
	r := openMirror(t, s, "r", Limits{BlobBytes: 4000})
	fetch(t, r, 1, head)
	tree, files, err := r.Tree(t.Context(), head)
	if err != nil || tree != strings.TrimSpace(b.git(t, "", "rev-parse", head+"^{tree}")) {
		t.Fatalf("tree %s, %v", tree, err)
	}
	dir := t.TempDir()
	left, err := r.Export(t.Context(), files, dir)
	slices.Sort(left)
	if err != nil || !slices.Equal(left, []string{"big", long}) {
		t.Fatalf("left out %q, %v", left, err)
	}
	got := map[string]string{}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Mode() != 0o644 {
			t.Errorf("%s has mode %v, %v", path, info.Mode(), err)
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		got[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a.txt": "one\r\n", "deep/er/b.txt": "two", "same/b.txt": "two", "empty": "", "run.sh": "#!/bin/sh\n", "bad \xff \"name\"\n-x": "odd",
		".gitattributes": "*.txt text eol=lf filter=evil\n",
	} {
		if content, ok := got[name]; !ok || content != want {
			t.Errorf("%q holds %q (%v), want %q", name, content, ok, want)
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("more was written: %q", got)
	}
	if _, err := r.Export(t.Context(), []TreeFile{{"../out", files[0].Blob}}, dir); err == nil {
		t.Error("a path out of the folder is written")
	}
}

func TestExportIsBounded(t *testing.T) {
	t.Parallel()
	b := workTree(t)
	head := b.commit(t, "refs/heads/main", nil, put("a", strings.Repeat("x", 600)), put("b", strings.Repeat("y", 600)))
	r := openLocal(t, b.dir)
	r.git.limits.ExportBytes = 1000
	_, files, err := r.Tree(t.Context(), head)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	if _, err := r.Export(t.Context(), files, t.TempDir()); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	if _, files, err := r.Tree(t.Context(), r.EmptyTree()); err != nil || len(files) != 0 {
		t.Errorf("the empty tree has %d files, %v", len(files), err)
	}
}
