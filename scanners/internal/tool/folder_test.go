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

// program gives a scanner that is nothing without this folder.
func program(folder string) *tool.Scanner {
	return tool.NewRunner(tool.Off, "").Scanner(tool.Adapter{
		Info: scanners.Info{Name: "some"}, Program: "sh", Folder: folder, Lacks: "Put rules", Args: func(tool.Run) []string { return nil },
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
			if !errors.As(err, &missing) || !strings.HasPrefix(missing.Hint, "Put rules into the folder some of your own rules") {
				t.Errorf("folder %q: %v", dir, err)
			}
		}
	}
}
