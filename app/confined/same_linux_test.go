package confined

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/osv"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
)

// TestSameFindings: over the samples of all built-in scanners, and odd files, a scan in the pool and a scan in this
// process find the same, byte for byte, and fail with the same sentences and the same files.
func TestSameFindings(t *testing.T) {
	t.Parallel()
	dir := osvtest.Folder(t, "../../scanners/osv/testdata/advisories")
	o := catalog.Options{BuiltIn: true, OSV: osv.Options{Dir: dir, Cache: t.TempDir()}}
	w := New(Options{Tools: catalog.NewTools("auto"), Max: 2, Build: testBuild, Reads: []string{dir, o.OSV.Cache}})
	t.Cleanup(w.Close)
	there, err := w.Scanners(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx := For(t.Context(), "1")
	for i, here := range catalog.All(o) {
		name := here.Info().Name
		files := samples(t, filepath.Join("../../scanners", name, "testdata"))
		files = append(files, scanners.File{Path: "caf\xe9.py", Content: []byte("key = \"" + strings.TrimSpace(key) + "\xff\xe9\"\n")}, scanners.File{Path: "empty.py"})
		total := 0
		for part := range slices.Chunk(files, 40) {
			target := scanners.Target{Scope: scanners.ScopeFile, Files: part}
			want, wantErr := here.Scan(ctx, target)
			got, gotErr := there[i].Scan(ctx, target)
			total += len(want)
			if scanners.Reason(gotErr) != scanners.Reason(wantErr) || !slices.Equal(scanners.Unread(gotErr), scanners.Unread(wantErr)) {
				t.Errorf("%s: the error is %v, want %v", name, gotErr, wantErr)
			}
			if len(got) != len(want) {
				t.Errorf("%s: %d findings, want %d", name, len(got), len(want))
				continue
			}
			for k := range want {
				if !reflect.DeepEqual(got[k], want[k]) && !sameText(got[k], want[k]) {
					t.Errorf("%s:\n got %+v\nwant %+v", name, got[k], want[k])
				}
			}
		}
		if total == 0 {
			t.Errorf("%s finds nothing in its samples", name)
		}
		rules, _ := there[i].(scanners.Ruled).Rules(ctx)
		if ruled, ok := here.(scanners.Ruled); ok {
			if want, _ := ruled.Rules(ctx); rules != want {
				t.Errorf("%s: rules %q, want %q", name, rules, want)
			}
		}
		if n, ok := here.(scanners.Noticer); ok {
			if got, want := there[i].(scanners.Noticer).Notices(ctx, files), n.Notices(ctx, files); !slices.Equal(got, want) {
				t.Errorf("%s: notices %q, want %q", name, got, want)
			}
		}
	}
}

// sameText compares two findings, of which one was through JSON: nil and empty are the same.
func sameText(a, b scanners.Finding) bool {
	ra, rb := rawFindings([]scanners.Finding{a}), rawFindings([]scanners.Finding{b})
	return reflect.DeepEqual(encoded(ra), encoded(rb))
}

func encoded(v any) string {
	var b strings.Builder
	if err := writeFrame(&b, v); err != nil {
		return err.Error()
	}
	return b.String()
}

func samples(t *testing.T, dir string) (files []scanners.File) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(name)
		rel, err2 := filepath.Rel(dir, name)
		if parts := strings.SplitN(filepath.ToSlash(rel), "/", 3); len(parts) == 3 { // CASE/head/PATH
			rel = parts[2]
		}
		if !slices.ContainsFunc(files, func(f scanners.File) bool { return f.Path == rel }) {
			files = append(files, scanners.File{Path: rel, Content: scanners.Decode(content)})
		}
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
