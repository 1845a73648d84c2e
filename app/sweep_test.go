package app

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	now := time.Now()
	for name, age := range map[string]time.Duration{
		"secbydesign-tree-1/deep": 48 * time.Hour, "secbydesign-123/home": 48 * time.Hour, "secbydesign-demo-1/data": 48 * time.Hour,
		"secbydesign-tree-2/deep": time.Hour, "other-1/x": 48 * time.Hour,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(filepath.Dir(path), now, now.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweep(dir, now.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if want := []string{"other-1", "secbydesign-demo-1", "secbydesign-tree-2"}; !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}
