// Package osvtest makes exports in OSV's format from the advisories of tests.
package osvtest

import (
	"archive/zip"
	"os"
	"path/filepath"
	"testing"
)

// Folder makes a folder of exports (ECOSYSTEM/all.zip) of the advisories in dir
// (ECOSYSTEM/ID.json).
func Folder(t testing.TB, dir string) string {
	t.Helper()
	ecosystems, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	for _, e := range ecosystems {
		files, err := filepath.Glob(filepath.Join(dir, e.Name(), "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no advisories for %s: %v", e.Name(), err)
		}
		records := map[string][]byte{}
		for _, file := range files {
			if records[filepath.Base(file)], err = os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
		Export(t, filepath.Join(out, e.Name()), records)
	}
	return out
}

// Export writes the files, by name, to all.zip in the folder, replacing an existing one.
func Export(t testing.TB, folder string, files map[string][]byte) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	// Rename a complete file into place, so that no reader sees half of one. Programs that fetch
	// exports should do the same.
	temp, err := os.CreateTemp(folder, "new-*")
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(temp)
	for name, text := range files {
		w, err := archive.Create(name)
		if err == nil {
			_, err = w.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := temp.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temp.Name(), filepath.Join(folder, "all.zip")); err != nil {
		t.Fatal(err)
	}
}
