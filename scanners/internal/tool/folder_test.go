package tool_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// program returns a scanner that needs this folder.
func program(folder string) *tool.Scanner {
	return tool.NewRunner(tool.Off, "").Scanner(tool.Adapter{
		Info: scanners.Info{Name: "some"}, Program: "sh", Folder: folder, MissingHint: "Put rules", Args: func(tool.Run) []string { return nil },
	})
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := program(dir)
	seen := map[string]string{}
	look := func(what string) {
		t.Helper()
		got, err := s.Rules(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if again, _ := s.Rules(context.Background()); again != got {
			t.Errorf("%s: the state changes by itself", what)
		}
		if before := seen[got]; before != "" {
			t.Errorf("%s: the state is that of %s", what, before)
		}
		seen[got] = what
	}
	write := func(name string, content []byte) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	look("an empty folder")
	write("a.yml", []byte("one"))
	look("a file")
	write("a.yml", []byte("two"))
	look("the same file with another content")
	write("deep/a.yml", []byte("two"))
	look("one more in a deeper folder")
	write("all.zip", make([]byte, 2<<20))
	look("a database")
	write("all.zip", make([]byte, 3<<20))
	look("another database")
}

// Kubernetes mounts a ConfigMap as links that lead through another link to a folder, whose name differs
// from pod to pod.
func TestFolderOfAConfigMap(t *testing.T) {
	t.Parallel()
	mount := func(version, rules string) string {
		t.Helper()
		dir := t.TempDir()
		if err := errors.Join(
			os.MkdirAll(filepath.Join(dir, version, "deep"), 0o755),
			os.WriteFile(filepath.Join(dir, version, "rules.yml"), []byte(rules), 0o644),
			os.WriteFile(filepath.Join(dir, version, "deep", "more.yml"), []byte("more "+rules), 0o644),
			os.Symlink(version, filepath.Join(dir, "..data")),
			os.Symlink("..data/rules.yml", filepath.Join(dir, "rules.yml")),
			os.Symlink("..data/deep", filepath.Join(dir, "deep")),
		); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	state := func(dir string) string {
		t.Helper()
		got, err := program(dir).Rules(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := state(mount("..2026_01_01", "one"))
	if again := state(mount("..2026_02_02", "one")); again != first {
		t.Error("the same rules in another pod are others")
	}
	if other := state(mount("..2026_01_01", "two")); other == first {
		t.Error("other rules are the same")
	}
	plain := t.TempDir()
	if err := errors.Join(os.MkdirAll(filepath.Join(plain, "deep"), 0o755),
		os.WriteFile(filepath.Join(plain, "rules.yml"), []byte("one"), 0o644),
		os.WriteFile(filepath.Join(plain, "deep", "more.yml"), []byte("more one"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if state(plain) != first {
		t.Error("the same rules without links are others")
	}
}

// A link counts as the file that it leads to. One that leads nowhere, or in a circle, does no harm.
func TestFolderWithLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(content string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "deep"), 0o755), os.WriteFile(filepath.Join(dir, "deep", "a.yml"), []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	s := program(dir)
	seen := map[string]string{}
	look := func(what string) {
		t.Helper()
		got, err := s.Rules(context.Background())
		if err != nil || seen[got] != "" {
			t.Fatalf("%s: %q, as %s, %v", what, got, seen[got], err)
		}
		seen[got] = what
	}
	look("an empty folder")
	write("one")
	look("a file")
	for name, to := range map[string]string{"nowhere": "none", "self": "self", "circle": ".", "circle too": ".", "folder": "deep", "file": filepath.Join(dir, "deep", "a.yml")} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		look("a link " + name)
	}
	write("two")
	look("another content behind links")
}

// A file that a link out of the folder leads to does not exist in the sandbox.
func TestFolderWithLinksOut(t *testing.T) {
	t.Parallel()
	outside := t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "a.yml"), []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"folder": outside, "file": filepath.Join(outside, "a.yml"), "up": "..", "beside": ""} {
		dir := t.TempDir()
		if name == "beside" { // its name begins with the folder's name
			to = dir + "er"
			if err := os.Mkdir(to, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		_, err := program(dir).Rules(context.Background())
		if want := `"` + name + `" leads out of the folder`; err == nil || !strings.Contains(scanners.Reason(err), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	// The folder itself may be a link.
	link := filepath.Join(t.TempDir(), "rules")
	if err := os.Symlink(outside, link); err != nil {
		t.Fatal(err)
	}
	if _, err := program(link).Rules(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestNoFolder(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "none"), file} {
		_, err := program(dir).Rules(context.Background())
		_, err2 := program(dir).Version(context.Background())
		for _, err := range []error{err, err2} {
			var missing *scanners.MissingError
			if !errors.As(err, &missing) || !strings.HasPrefix(missing.Hint, "Put rules into the folder some of the rules folder") {
				t.Errorf("folder %q: %v", dir, err)
			}
		}
	}
}
