package osv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
)

// pinnedFile is the file that the tests below scan.
var pinnedFile = file("requirements.txt", "pp==1.0")

func python(id string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"affected":[{"package":{"ecosystem":"PyPI","name":"PP"},"versions":["1.0"]}],"details":%q}`, id, strings.Repeat(id, 100))
}

func scanFolder(t *testing.T, s Scanner) ([]string, error) {
	t.Helper()
	found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{pinnedFile}})
	return places(found), err
}

func TestReplacedExportIsReadAgain(t *testing.T) {
	t.Parallel()
	dir, cache := t.TempDir(), t.TempDir()
	s := New(Options{Dir: dir, Cache: cache})
	ctx := context.Background()
	rules := map[string]bool{}
	for i, id := range []string{"X-1", "X-22", "X-333"} {
		osvtest.Export(t, filepath.Join(dir, "PyPI"), map[string][]byte{"a.json": python(id), "readme.txt": []byte("no advisory")})
		state, err := s.Rules(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := s.Rules(ctx); again != state {
			t.Error("the rules change by themselves")
		}
		rules[state] = true
		for range 2 {
			if got, err := scanFolder(t, s); err != nil || !slices.Equal(got, []string{"requirements.txt:1 " + id}) {
				t.Errorf("%d: got %q, %v", i, got, err)
			}
		}
	}
	if len(rules) != 3 {
		t.Errorf("%d different rules", len(rules))
	}
}

// The next process reads the index from the cache. The test proves it with an export that can no
// longer be indexed.
func TestIndexIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir, cache := t.TempDir(), filepath.Join(t.TempDir(), "not", "there")
	osvtest.Export(t, filepath.Join(dir, "PyPI"), map[string][]byte{"a.json": python("X-1"), "b.json": python("X-2")})
	if _, err := scanFolder(t, New(Options{Dir: dir, Cache: cache})); err != nil {
		t.Fatal(err)
	}
	export := filepath.Join(dir, "PyPI", "all.zip")
	whole, err := os.ReadFile(export)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(export)
	if err != nil {
		t.Fatal(err)
	}
	// Without its end, a zip file has no directory.
	damaged := bytes.Clone(whole)
	copy(damaged[len(damaged)-22:], make([]byte, 22))
	write := func(path string, text []byte) {
		if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, info.ModTime(), info.ModTime())); err != nil {
			t.Fatal(err)
		}
	}
	write(export, damaged)
	if got, err := scanFolder(t, New(Options{Dir: dir, Cache: cache})); err != nil || len(got) != 2 {
		t.Errorf("with an index: got %q, %v", got, err)
	}
	if _, err := scanFolder(t, New(Options{Dir: dir})); err == nil {
		t.Error("without an index: no error, so this test shows nothing")
	}

	// An index that is not as it was written is made again.
	write(export, whole)
	indexes, err := filepath.Glob(filepath.Join(cache, "*.index"))
	if err != nil || len(indexes) != 1 {
		t.Fatalf("indexes %q", indexes)
	}
	good, err := os.ReadFile(indexes[0])
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0xff
		write(indexes[0], bad)
		if _, err := readIndex(indexes[0], exportAt(t, export)); err == nil {
			t.Fatalf("byte %d: read all the same", i)
		}
	}
	for _, text := range [][]byte{nil, good[:len(good)-1], append(bytes.Clone(good), 0), good[:10]} {
		write(indexes[0], text)
		if got, err := scanFolder(t, New(Options{Dir: dir, Cache: cache})); err != nil || len(got) != 2 {
			t.Errorf("%d bytes: got %q, %v", len(text), got, err)
		}
	}
	if again, _ := os.ReadFile(indexes[0]); !bytes.Equal(again, good) {
		t.Error("the index was not written again")
	}
}

func exportAt(t *testing.T, path string) export {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return export{path, info.Size(), info.ModTime()}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	osvtest.Export(t, filepath.Join(dir, "PyPI"), map[string][]byte{"a.json": python("X-1")})
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := scanFolder(t, New(Options{Dir: dir, Cache: filepath.Join(inTheWay, "cache")})); err != nil || len(got) != 1 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOldIndexesAreSweptOut(t *testing.T) {
	t.Parallel()
	dir, cache := t.TempDir(), t.TempDir()
	osvtest.Export(t, filepath.Join(dir, "PyPI"), map[string][]byte{"a.json": python("X-1")})
	for name, age := range map[string]time.Duration{"old.index": 30 * 24 * time.Hour, "young.index": time.Hour, "old.other": 30 * 24 * time.Hour} {
		path, then := filepath.Join(cache, name), time.Now().Add(-age)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chtimes(path, then, then)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := scanFolder(t, New(Options{Dir: dir, Cache: cache})); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(cache, "[oy]*"))
	if len(left) != 2 || len(left) > 0 && filepath.Base(left[0]) != "old.other" {
		t.Errorf("left %q", left)
	}
}

// Unavailable advisories make the scan incomplete, never clean.
func TestTroubleWithTheFolder(t *testing.T) {
	t.Parallel()
	const nothing, missing, unreadable = "The folder of advisories has no ECOSYSTEM/all.zip", "The advisories for PyPI are missing", "The advisories for PyPI cannot be read"
	export := func(files map[string][]byte) func(*testing.T, string) {
		return func(t *testing.T, dir string) { osvtest.Export(t, filepath.Join(dir, "PyPI"), files) }
	}
	tests := map[string]struct {
		make func(t *testing.T, dir string)
		want string
	}{
		"empty": {func(*testing.T, string) {}, nothing},
		"a subfolder without its export": {func(t *testing.T, dir string) {
			osvtest.Export(t, filepath.Join(dir, "Go"), nil)
			if err := os.Mkdir(filepath.Join(dir, "PyPI"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, missing},
		"malformed advisory": {export(map[string][]byte{"a.json": python("X-1"), "b.json": []byte("{")}), unreadable},
		"no advisory":        {export(map[string][]byte{"a.json": []byte("{}")}), unreadable},
		"a large one":        {export(map[string][]byte{"a.json": append(python("X-1"), bytes.Repeat([]byte(" "), maxAdvisory)...)}), unreadable},
		"not a zip file": {func(t *testing.T, dir string) {
			osvtest.Export(t, filepath.Join(dir, "PyPI"), nil)
			if err := os.WriteFile(filepath.Join(dir, "PyPI", "all.zip"), []byte("PK"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, unreadable},
		"a folder": {func(t *testing.T, dir string) {
			if err := os.MkdirAll(filepath.Join(dir, "PyPI", "all.zip"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, unreadable},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			test.make(t, dir)
			found, err := scanFolder(t, New(Options{Dir: dir}))
			if got := reason(t, err); !strings.HasPrefix(got, test.want) || strings.Contains(got, dir) || len(found) > 0 {
				t.Errorf("found %q, got %q", found, got)
			}
		})
	}
	for name, dir := range map[string]string{"no folder": filepath.Join(t.TempDir(), "x"), "empty folder": t.TempDir()} {
		_, err := New(Options{Dir: dir}).Rules(context.Background())
		if err == nil || strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "SECBYDESIGN_OSV_DIR") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// An ecosystem that nobody provided is no failure, and one that cannot be read concerns its own files only.
func TestEcosystemsAreIndependent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	osvtest.Export(t, filepath.Join(dir, "PyPI"), map[string][]byte{"a.json": python("X-1")})
	osvtest.Export(t, filepath.Join(dir, "npm"), nil)
	if err := os.WriteFile(filepath.Join(dir, "npm", "all.zip"), []byte("half of one"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(Options{Dir: dir})
	files := []scanners.File{
		pinnedFile, file("web/package-lock.json", `{"packages": {"node_modules/a": {"version": "1.0.0"}}}`), file("go.mod", "module x", "require example.com/x v1.0.0"),
		file("tool/go.mod", "module y", "require example.com/x v1.0.0"), file("Cargo.lock", "[[package"),
	}
	found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files})
	if got := places(found); !slices.Equal(got, []string{"requirements.txt:1 X-1"}) {
		t.Errorf("found %q", got)
	}
	const want = `The packages could not be read from "Cargo.lock" (malformed). The advisories for npm cannot be read, so its packages were not looked up. The operator should fetch npm/all.zip again.`
	if got := reason(t, err); got != want {
		t.Errorf("got %q", got)
	}
	if got := scanners.Unread(err); !slices.Equal(got, []string{"Cargo.lock", "web/package-lock.json"}) {
		t.Errorf("unread: %q", got)
	}
	notices := []string{
		`There are no advisories for Go here, so the packages in "go.mod", "tool/go.mod" were not looked up. The operator can put "Go/all.zip" into the folder of advisories.`,
		`There are no advisories for crates.io here, so the packages in "Cargo.lock" were not looked up. The operator can put "crates.io/all.zip" into the folder of advisories.`,
	}
	if got := s.Notices(context.Background(), files); !slices.Equal(got, notices) {
		t.Errorf("notices: %q", got)
	}
	if got := s.Notices(context.Background(), files[:2]); len(got) > 0 {
		t.Errorf("notices about files that were looked up: %q", got)
	}
}

// Files that name packages and are not read are named.
func TestUnreadFilesAreNamed(t *testing.T) {
	t.Parallel()
	s := offline(t)
	for name, test := range map[string]struct {
		files []scanners.File
		want  []string
	}{
		"unknown formats": {[]scanners.File{file("ios/Podfile.lock", "PODS:"), file("bun.lockb", "x"), file("Gemfile.lock", "GEM")},
			[]string{`Lockfiles of this format are not read, so their packages were not looked up: "ios/Podfile.lock", "bun.lockb".`}},
		"included": {[]scanners.File{file("requirements.txt", "-r deps/common.txt", "-c limits.txt", "-r requirements/base.txt", "-r absent.txt"), file("deps/common.txt", "x==1"), file("limits.txt", "x==1"), file("requirements/base.txt", "x==1")},
			[]string{
				`"deps/common.txt" was not scanned although a requirements file includes it. Rename it so that its name has "requirements" in it.`,
				`"limits.txt" was not scanned although a requirements file includes it. Rename it so that its name has "requirements" in it.`,
			}},
		"others": {[]scanners.File{file("notes.txt", "-r x.txt"), file("flake.lock", "{}"), file("x.lock", ""), file("node_modules/a/bun.lockb", "x"), file("requirements/x.txt", "-r ../requirements.txt")}, nil},
	} {
		if got := s.Notices(context.Background(), test.files); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
	for _, name := range []string{"Podfile.lock", "a/bun.lockb"} {
		if !s.Info().Matches(name) {
			t.Errorf("%s does not concern the scanner", name)
		}
	}
}

// The checksum reveals an advisory that changed after it was indexed.
func TestExportThatIsOverwritten(t *testing.T) {
	t.Parallel()
	dir, cache := t.TempDir(), t.TempDir()
	osvtest.Export(t, filepath.Join(dir, "PyPI"), map[string][]byte{"a.json": python("X-1")})
	if _, err := scanFolder(t, New(Options{Dir: dir, Cache: cache})); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "PyPI", "all.zip")
	was := exportAt(t, path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 40; i < 60; i++ {
		text[i] ^= 0x55
	}
	if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, was.time, was.time)); err != nil {
		t.Fatal(err)
	}
	found, err := scanFolder(t, New(Options{Dir: dir, Cache: cache}))
	if got := reason(t, err); len(found) > 0 || !strings.Contains(got, "cannot be read") {
		t.Errorf("found %q, got %q", found, got)
	}
}

// FuzzIndex checks that no export, however malformed, causes a panic.
func FuzzIndex(f *testing.F) {
	dir := f.TempDir()
	osvtest.Export(f, filepath.Join(dir, "PyPI"), map[string][]byte{"a.json": python("X-1")})
	text, err := os.ReadFile(filepath.Join(dir, "PyPI", "all.zip"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("PK"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "PyPI", "all.zip")
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := scanFolder(t, New(Options{Dir: dir, Cache: dir})); err != nil {
			reason(t, err)
		}
	})
}

// large makes an export of n advisories of some 2 KB each, about n/2 packages.
func large(b *testing.B, n int) string {
	b.Helper()
	dir := b.TempDir()
	files := map[string][]byte{}
	for i := range n {
		files[fmt.Sprintf("X-%d.json", i)] = fmt.Appendf(nil, `{"id":"X-%d","modified":"2026-01-01T00:00:00Z","aliases":["CVE-2026-%d"],"details":%q,`+
			`"affected":[{"package":{"ecosystem":"PyPI","name":"package-%d"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.%d"}]}]}]}`,
			i, i, strings.Repeat(fmt.Sprint(i, " words of an advisory. "), 60), i/2, i%10)
	}
	osvtest.Export(b, filepath.Join(dir, "PyPI"), files)
	return dir
}

func BenchmarkIndex(b *testing.B) {
	dir := large(b, 20_000)
	b.ReportAllocs()
	for b.Loop() {
		f := newFolder(dir, "")
		if _, err := f.index(context.Background(), "PyPI"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLookup looks up 1000 packages, of which half have two advisories each.
func BenchmarkLookup(b *testing.B) {
	s := New(Options{Dir: large(b, 20_000)})
	var list []pkg
	for i := range 1000 {
		list = append(list, pkg{ecosystem: "PyPI", name: fmt.Sprintf("package-%d", i*20), version: "1.5"})
	}
	ctx := context.Background()
	if _, err := s.source.about(ctx, list[:1]); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.source.about(ctx, list); err != nil {
			b.Fatal(err)
		}
	}
}
