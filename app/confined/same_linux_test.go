package confined

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/blocks"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/osv"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
	"github.com/secbydesign/secbydesign/scanners/sarif"
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
		for _, f := range files {
			if got, want := w.Divide(ctx, f.Path, f.Content), blocks.Divide(f.Path, f.Content); encoded(got) != encoded(want) {
				t.Errorf("%s is divided into\n%+v, want\n%+v", f.Path, got, want)
			}
		}
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

// TestSameDocuments: a document of SARIF is read in the pool as it is here, with the same questions for files.
func TestSameDocuments(t *testing.T) {
	t.Parallel()
	w := New(Options{Tools: catalog.NewTools("auto"), Max: 1, Build: testBuild})
	t.Cleanup(w.Close)
	documents := map[string]string{"nothing": "", "no SARIF": "{}", "deep": strings.Repeat("[", 100_000)}
	for _, f := range samples(t, "../../scanners/sarif/testdata") {
		if filepath.Ext(f.Path) == ".sarif" || filepath.Ext(f.Path) == ".json" {
			documents[f.Path] = string(f.Content)
		}
	}
	if len(documents) < 5 {
		t.Fatalf("only %d documents", len(documents))
	}
	long := `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"long"}},"results":[` +
		strings.Repeat(`{"message":{"text":"x"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":2}}}]},`, 20_000) +
		`{"message":{"text":"x"}}]}]}`
	documents["long"] = long
	for name, text := range documents {
		read := func(read func(io.ReaderAt, sarif.ReadOptions) ([]sarif.Run, error)) (string, []string) {
			var asked []string
			runs, err := read(strings.NewReader(text), sarif.ReadOptions{Root: "/src", Limit: 100, Content: func(path string) ([]byte, bool) {
				if !slices.Contains(asked, path) {
					asked = append(asked, path)
				}
				return []byte("one\ntwo\nthree\n"), !strings.Contains(path, "gone")
			}})
			return encoded(runs) + scanners.Reason(err), asked
		}
		want, wantAsked := read(func(d io.ReaderAt, o sarif.ReadOptions) ([]sarif.Run, error) {
			return sarif.Read(io.NewSectionReader(d, 0, int64(len(text))), o)
		})
		got, gotAsked := read(func(d io.ReaderAt, o sarif.ReadOptions) ([]sarif.Run, error) { return w.SARIF(t.Context(), d, o) })
		if got != want && strings.ReplaceAll(got, "null", "[]") != strings.ReplaceAll(want, "null", "[]") {
			t.Errorf("%s:\n got %.2000s\nwant %.2000s", name, got, want)
		}
		if !slices.Equal(gotAsked, wantAsked) {
			t.Errorf("%s: asked for %q, want %q", name, gotAsked, wantAsked)
		}
	}
}
