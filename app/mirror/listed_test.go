package mirror

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestFilesFindsRegularFilesOnly asks for what is there, and for what is not.
func TestFilesFindsRegularFilesOnly(t *testing.T) {
	t.Parallel()
	b := workTree(t)
	odd := "-x \xff*/:(top)catalog"
	b.commit(t, "refs/heads/main", nil, put("a/b/c.txt", "x"), put("top", "y"), put(odd, "z"), put("a/folder/f", "x"), putMode("120000", "link", "top"))
	r := openLocal(t, b.dir)
	head, err := r.Resolve(t.Context(), "refs/heads/main")
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{"a/b/c.txt", "top", odd, "a/folder", "link", "none", "../top", "/top", "", "a//b/c.txt", "a/b/c.txt", ":(top)top", "a/b/*", "to\x00p"}
	for i := range 1200 {
		paths = append(paths, fmt.Sprintf("none/%d", i))
	}
	files, err := r.Files(t.Context(), head, paths)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.Path)
	}
	slices.Sort(names)
	if want := []string{odd, "a/b/c.txt", "top"}; !slices.Equal(names, want) {
		t.Errorf("%q, want %q", names, want)
	}
	if _, err := r.Files(t.Context(), strings.Repeat("0", 40), []string{"top"}); err == nil {
		t.Error("files of a commit that is not there")
	}
	if files, err := r.Files(t.Context(), head, nil); err != nil || files != nil {
		t.Errorf("no paths: %v, %v", files, err)
	}
}
