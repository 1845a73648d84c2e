package local

import (
	"encoding/json"
	"slices"
	"testing"
)

// Names of files are bytes. JSON holds only UTF-8, and names that differ stay different in it.
func TestNamesThatAreNotText(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"a.go": "package a\n"})
	f.commit(map[string]string{"k\xff.txt": leak, "k\xfe.txt": "\n" + leak, "ké.txt": "\n\n" + leak})
	_, out, err := f.review(nil)
	var got struct{ Findings []struct{ Path string } }
	if err != nil || json.Unmarshal([]byte(out), &got) != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var paths []string
	for _, one := range got.Findings {
		paths = append(paths, one.Path)
	}
	slices.Sort(paths)
	if want := []string{`k\xfe.txt`, `k\xff.txt`, "ké.txt"}; !slices.Equal(paths, want) {
		t.Errorf("got %q, want %q", paths, want)
	}
}
