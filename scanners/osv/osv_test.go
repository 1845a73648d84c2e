package osv

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
)

// offline returns a scanner with the invented advisories of testdata.
func offline(t testing.TB) Scanner {
	t.Helper()
	return New(Options{Dir: osvtest.Folder(t, "testdata/advisories"), Cache: t.TempDir()})
}

func scan(t testing.TB, s Scanner, files ...scanners.File) []scanners.Finding {
	t.Helper()
	found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func file(path string, lines ...string) scanners.File {
	return scanners.File{Path: path, Content: []byte(strings.Join(lines, "\n") + "\n")}
}

// places returns "path:line rule" for each finding.
func places(found []scanners.Finding) (out []string) {
	for _, f := range found {
		out = append(out, fmt.Sprintf("%s:%d %s", f.Path, f.Line, f.Rule))
	}
	return out
}

// reason returns the public reason of an incomplete scan.
func reason(t testing.TB, err error) string {
	t.Helper()
	var incomplete *scanners.IncompleteError
	if !errors.As(err, &incomplete) {
		t.Fatalf("got %v, want an IncompleteError", err)
	}
	return scanners.Reason(err)
}

func TestVersionIsTheLibrarys(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	library, _, _ := strings.Cut(version, "-")
	if !bytes.Contains(text, []byte("github.com/google/osv-scalibr v"+library+"\n")) {
		t.Errorf("go.mod has another osv-scalibr than version %q says", version)
	}
}

func TestNothingConfiguredIsMissing(t *testing.T) {
	t.Parallel()
	s := New(Options{Cache: t.TempDir()})
	_, err := s.Version(context.Background())
	_, rulesErr := s.Rules(context.Background())
	_, scanErr := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("go.mod", "module x")}})
	for _, err := range []error{err, rulesErr, scanErr} {
		var missing *scanners.MissingError
		if !errors.As(err, &missing) || !strings.Contains(missing.Hint, "SECBYDESIGN_OSV_DIR") {
			t.Errorf("got %v, want a MissingError that says what to set", err)
		}
	}
}

func TestOtherScopesAreRefused(t *testing.T) {
	t.Parallel()
	if _, err := offline(t).Scan(context.Background(), scanners.Target{Scope: scanners.ScopeTree}); err == nil {
		t.Error("no error")
	}
}

// These cannot be cases of scannertest, since indentation has a meaning in them.
func TestIndentedLockfiles(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file scanners.File
		want []string
	}{
		"yarn 1": {file("yarn.lock", "# yarn lockfile v1", "", `"@acme/parser@^1.0.0", "@acme/parser@^1.2.0":`, `  version "1.2.0"`, `  resolved "https://registry.yarnpkg.com/x"`,
			"", "acme-logger-x@^4.0.0:", `  version "4.4.2"`, "", "acme-logger@^4.0.0:", `  version "4.4.2"`),
			[]string{"yarn.lock:3 GHSA-2222-3333-0003", "yarn.lock:10 malicious-package"}},
		"yarn berry": {file("yarn.lock", "__metadata:", "  version: 8", "", `"@acme/parser@npm:^1.0.0":`, "  version: 1.2.0", `  resolution: "@acme/parser@npm:1.2.0"`, "", `"shop@workspace:.":`, "  version: 0.0.0-use.local"),
			[]string{"yarn.lock:6 GHSA-2222-3333-0003"}},
		"bundler": {file("Gemfile.lock", "GEM", "  remote: https://rubygems.org/", "  specs:", "    acme_rack (2.2.8)", "      acme_rack_other (>= 1)", "    acme_rack_session (1.0)", "", "DEPENDENCIES", "  acme_rack"),
			[]string{"Gemfile.lock:4 GHSA-2222-3333-0051"}},
	}
	s := offline(t)
	for name, test := range tests {
		if got := places(scan(t, s, test.file)); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// A finding has a fix if replacing the version is all that is needed, and the fix does only that.
func TestFixes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		path, line string
		want       string // the line afterwards; empty for no fix
	}{
		"go.mod":               {"go.mod", "require example.com/acme/router v1.2.0", "require example.com/acme/router v1.4.0"},
		"go.mod indirect":      {"go.mod", "require example.com/acme/router v1.2.0 // indirect", "require example.com/acme/router v1.4.0 // indirect"},
		"go.mod twice":         {"go.mod", "require example.com/acme/router v1.2.0 // v1.2.0 is old", ""},
		"go.mod, a commit":     {"go.mod", "require example.com/acme/router v0.0.0-20200101000000-0123456789ab", "require example.com/acme/router v1.4.0"},
		"pin":                  {"requirements.txt", "acme-web-kit==1.2", "acme-web-kit==1.2.3"},
		"pin in other words":   {"requirements.txt", "Acme_Web.Kit[x] == 1.2 ; python_version > '3' # old", "Acme_Web.Kit[x] == 1.2.3 ; python_version > '3' # old"},
		"umlauts before it":    {"requirements.txt", "acme-web-kit==1.2 # für 1", "acme-web-kit==1.2.3 # für 1"},
		"pin with hash":        {"requirements.txt", "acme-web-kit==1.2 --hash=sha256:aaaa", ""},
		"pin with more lines":  {"requirements.txt", "acme-web-kit==1.2 \\", ""},
		"arbitrary equality":   {"requirements.txt", "acme-web-kit===1.2", ""},
		"lockfile":             {"Cargo.lock", `package = [{ name = "acme-time", version = "0.2.22", source = "registry+https://github.com/rust-lang/crates.io-index" }]`, ""},
		"tag":                  {".github/workflows/a.yml", "jobs: {a: {uses: acme/changed/x.yml@v45.0.1}}", "jobs: {a: {uses: acme/changed/x.yml@v46.0.1}}"},
		"tag without v":        {".github/workflows/a.yml", "jobs: {a: {uses: acme/changed/x.yml@45.0.1}}", "jobs: {a: {uses: acme/changed/x.yml@46.0.1}}"},
		"moving tag":           {".github/workflows/a.yml", "jobs: {a: {uses: acme/changed/x.yml@v45}}", ""},
		"commit with a remark": {".github/workflows/a.yml", "uses: acme/changed/x.yml@0123456789abcdef0123456789abcdef01234567 # v45.0.1", ""},
	}
	s := offline(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := scan(t, s, file(test.path, test.line, ""))
			if len(found) != 1 {
				t.Fatalf("found %+v", found)
			}
			if help := found[0].Help; test.path == "Cargo.lock" && !strings.Contains(help, "`cargo update -p acme-time --precise 0.2.23`") {
				t.Errorf("help %q names no command", help)
			}
			got := ""
			for _, fix := range found[0].Fixes {
				if len(fix.Edits) != 1 || fix.Edits[0].Path != test.path || fix.Edits[0].Line != 1 || fix.Edits[0].EndLine != 1 {
					t.Fatalf("edits %+v", fix.Edits)
				}
				e, line := fix.Edits[0], []rune(test.line)
				got = string(line[:e.Column-1]) + e.Text + string(line[e.EndColumn-1:])
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// The fix of a finding fixes all fixable problems of the package, not only that of the finding.
func TestFixFixesAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	record := func(id, events string) []byte {
		return fmt.Appendf(nil, `{"id":%q,"affected":[{"package":{"ecosystem":"PyPI","name":"pp"},"ranges":[{"type":"ECOSYSTEM","events":[%s]}]}]}`, id, events)
	}
	osvtest.Export(t, filepath.Join(dir, "PyPI"), map[string][]byte{
		"1.json": record("X-1", `{"introduced":"0"},{"fixed":"1.1"}`),
		"2.json": record("X-2", `{"introduced":"0"},{"fixed":"1.3"},{"introduced":"2.0"},{"fixed":"2.1"}`),
		"3.json": record("X-3", `{"introduced":"0"},{"last_affected":"1.0"}`),
	})
	found := scan(t, New(Options{Dir: dir}), file("requirements.txt", "pp==1.0"))
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprintf("%s %d %s", f.Rule, len(f.Fixes), f.Message[strings.LastIndexByte(f.Message, ' ')+1:]))
		for _, fix := range f.Fixes {
			if fix.Edits[0].Text != "1.3" {
				t.Errorf("%s: fixed by %q", f.Rule, fix.Edits[0].Text)
			}
		}
	}
	if want := []string{"X-1 1 1.1.", "X-2 1 1.3.", "X-3 0 (X-3)."}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Unreadable files are reported by name and do not affect the others.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	many := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i, i)
		}
		return b.String()
	}
	bomb := "<project><properties><a0>x</a0>"
	for i := 1; i < 40; i++ {
		bomb += fmt.Sprintf("<a%d>${a%d}${a%d}</a%d>", i, i-1, i-1, i)
	}
	bomb += "</properties><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>${a39}</version></dependency></dependencies></project>"
	circle := "<project><properties><a>${b}${c}</a><b>${c}${a}</b><c>${a}${b}</c></properties><name>${a}</name></project>"
	tests := map[string]struct{ path, content, want string }{
		"json":                    {"package-lock.json", `{"packages": {`, "malformed"},
		"json of another kind":    {"package-lock.json", `[1]`, "malformed"},
		"json null":               {"package-lock.json", "null", "malformed"},
		"alias without a version": {"package-lock.json", `{"dependencies":{"a":{"version":"npm:x"}}}`, "malformed"},
		"toml":                    {"Cargo.lock", "[[package", "malformed"},
		"toml, deep":              {"Cargo.lock", "a = " + strings.Repeat("[", 8_000_000), "not that of a file of its name"},
		"toml, deep tables":       {"poetry.lock", "a = " + strings.Repeat("{a=", 1_000_000), "not that of a file of its name"},
		"toml, deep behind text":  {"uv.lock", `a = "[" # "` + "\n" + `b = '"' # "` + "\nc = " + `"""\""" [""""` + "\nd = " + strings.Repeat("[\n", 3_000_000), "not that of a file of its name"},
		"toml, long keys":         {"Cargo.lock", "[" + strings.Repeat("a.", 100_000) + "a]", "not that of a file of its name"},
		"yaml":                    {"pnpm-lock.yaml", "lockfileVersion: '9.0'\npackages: [", "malformed"},
		"yaml, deep":              {"pnpm-lock.yaml", strings.Repeat("[", 1_000_000), "more entries than are read"},
		"yaml, aliases":           {"pnpm-lock.yaml", "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nlockfileVersion: [*c,*c,*c,*c,*c,*c,*c,*c,*c]", "it has aliases"},
		"yaml, equal keys":        {"pnpm-lock.yaml", "packages:\n" + strings.Repeat("  a: {}\n", 100_000), "it has a key twice"},
		"yaml, one map":           {"pnpm-lock.yaml", "packages:\n" + many(100_000, "  a%d: %d\n"), "more entries than are read"},
		"yaml, many lines":        {"pnpm-lock.yaml", strings.Repeat("\n", maxYAML+1), "more entries than are read"},
		"toml, many tables":       {"Cargo.lock", many(500_000, "[t%d]#%d\n"), "more entries than are read"},
		"toml, many keys":         {"uv.lock", many(500_000, "a%d=%d\n"), "more entries than are read"},
		"toml, one list":          {"poetry.lock", "a = [" + strings.Repeat("1,", 2_000_000) + "]", "more entries than are read"},
		"json, many objects":      {"composer.lock", `{"a":[` + strings.Repeat("{},", 400_000) + `{}]}`, "more entries than are read"},
		"json, many keys":         {"Pipfile.lock", `{"a":{` + strings.Repeat(`"":0,`, 1_100_000) + `"":0}}`, "more entries than are read"},
		"yarn, many packages":     {"yarn.lock", strings.Repeat("\"\n", maxYarnHeads+1), "more entries than are read"},
		"yarn, many lines":        {"yarn.lock", "a@1:\n" + strings.Repeat("  \"\n", maxYarnLines+1), "more entries than are read"},
		"many lines":              {"gradle.lockfile", strings.Repeat("a:b:1=c\n", maxLines+1), "more entries than are read"},
		"workflow":                {".github/workflows/a.yml", "uses: [", "malformed"},
		"workflow, deep":          {".github/workflows/a.yml", strings.Repeat("- ", 200_000), "malformed"},
		"xml":                     {"pom.xml", "<project><dependencies>", "malformed"},
		"xml, properties":         {"pom.xml", bomb, "not that of a file of its name"},
		"xml, circle":             {"pom.xml", circle, "not that of a file of its name"},
		"go.mod":                  {"go.mod", "module x\nrequire (", "malformed"},
		"yarn":                    {"yarn.lock", "  version \"1\"", "malformed"},
		"pip, continued":          {"requirements.txt", strings.Repeat("\\\n", 2_000_000), "more entries than are read"},
		"50 MB":                   {"package-lock.json", strings.Repeat(" ", 50<<20), "too large (51200 KB"},
		"many packages":           {"requirements.txt", many(maxPackages+1, "p%d==1.%d\n"), "more than 50000 packages"},
	}
	s := offline(t)
	good := file("web/requirements.txt", "acme-helper==1")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := scanners.File{Path: "dir/" + test.path, Content: []byte(test.content)}
			if strings.HasPrefix(test.path, ".github") {
				bad.Path = test.path
			}
			found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{bad, good}})
			if got := reason(t, err); !strings.Contains(got, fmt.Sprintf("%q", bad.Path)) || !strings.Contains(got, test.want) || len(got) > 300 {
				t.Errorf("got %.300q, want %q", got, test.want)
			}
			if got := places(found); !slices.Equal(got, []string{"web/requirements.txt:1 malicious-package"}) {
				t.Errorf("found %q", got)
			}
		})
	}
}

// A byte order mark changes nothing, except that no fix is offered on its line, where the columns of the file
// are others.
func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	s := offline(t)
	for _, f := range append(seeds(t), file("requirements.txt", "acme-web-kit==1.1\r", "acme-sql==1.5\r"), file("Gemfile.lock", "GEM", "  specs:", "    acme_rack (2.2.8)")) {
		target := scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{f}}
		plain, err := s.Scan(context.Background(), target)
		if err != nil {
			t.Fatal(err)
		}
		target.Files[0].Content = append([]byte("\xef\xbb\xbf"), f.Content...)
		marked, err := s.Scan(context.Background(), target)
		if got := places(marked); err != nil || !slices.Equal(got, places(plain)) {
			t.Errorf("%s: got %q, %v, want %q", f.Path, got, err, places(plain))
		}
		for _, f := range marked {
			if len(f.Fixes) > 0 && f.Line == 1 {
				t.Errorf("%s: a fix on the first line", f.Path)
			}
		}
	}
}

// Maven reads a pom.xml in the charset that it declares.
func TestCharsets(t *testing.T) {
	t.Parallel()
	for _, charset := range []string{"ISO-8859-1", "windows-1252", "UTF-8"} {
		pom := file("pom.xml", `<?xml version="1.0" encoding="`+charset+`"?>`, "<project>", "<name>Stra\xdfe ${x}</name>", "<dependencies><dependency>", "<groupId>org.acme</groupId>", "<artifactId>acme-xml</artifactId>",
			"<version>1.0</version>", "</dependency></dependencies></project>")
		if got := places(scan(t, offline(t), pom)); !slices.Equal(got, []string{"pom.xml:6 GHSA-2222-3333-0032"}) {
			t.Errorf("%s: got %q", charset, got)
		}
	}
}

func TestEmptyFilesAreNoMistake(t *testing.T) {
	t.Parallel()
	for _, f := range formats {
		name := strings.NewReplacer("**/", "", "{*requirements*,reqs}", "reqs", "*", "a", "{yml,yaml}", "yml", "{txt,in}", "txt").Replace(f.files[0])
		for _, content := range []string{"", "\n \n"} {
			if found := scan(t, offline(t), scanners.File{Path: name, Content: []byte(content)}); len(found) > 0 {
				t.Errorf("%s: found %+v", name, found)
			}
		}
	}
}

func TestManyFindingsAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"lockfileVersion":3,"packages":{`)
	for i := range maxFindings + 1 {
		fmt.Fprintf(&b, `%s"node_modules/n%d/node_modules/acme-colour":{"version":"1.0.%d"}`, strings.Repeat(",", min(i, 1)), i, i)
	}
	b.WriteString("}}")
	found, err := offline(t).Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "package-lock.json", Content: []byte(b.String())}}})
	if got := reason(t, err); len(found) != maxFindings || !strings.Contains(got, `"package-lock.json" has more than 1000 known problems`) {
		t.Errorf("found %d: %s", len(found), got)
	}
}

// Hostile names of packages are shown as names, on one line.
func TestHostileWords(t *testing.T) {
	t.Parallel()
	version := "1.0.0\n\n# Fake heading\x1b[31m @everyone " + strings.Repeat("x", 60)
	lock, err := json.Marshal(map[string]any{"lockfileVersion": 3, "packages": map[string]any{
		"node_modules/acme-colour":                  map[string]any{"version": version, "dev": true},
		"node_modules/" + "../../../etc/passwd\x00": map[string]any{"version": "1"},
		"node_modules/\"}]}":                        map[string]any{"version": "1"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	found := scan(t, offline(t), scanners.File{Path: "package-lock.json", Content: lock})
	if len(found) != 1 || found[0].Rule != "malicious-package" {
		t.Fatalf("found %+v", found)
	}
	if strings.ContainsAny(found[0].Message, "\n\x1b") || len(found[0].Message) > 300 || strings.Contains(found[0].Identity, "Fake") {
		t.Errorf("got %+v", found[0])
	}
	for _, word := range []string{"$(x)", "`x`", "a b", "-x", "a;b", "a\nb", "", "ä"} {
		if harmless(word) {
			t.Errorf("%q counts as harmless to a shell", word)
		}
	}
}

func TestConcurrentScansAgree(t *testing.T) {
	t.Parallel()
	s := offline(t)
	files := []scanners.File{file("requirements.txt", "acme-web-kit==1.2", "acme-sql==1.5"), file("go.mod", "module x", "require example.com/acme/router v1.2.0")}
	want := scan(t, offline(t), files...)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files})
			if err != nil || !slices.Equal(places(found), places(want)) {
				t.Errorf("found %q: %v", places(found), err)
			}
		})
	}
	group.Wait()
}

func TestCancelledScanEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := offline(t).Scan(ctx, scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{file("requirements.txt", "acme-helper")}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// seeds returns the files of the test cases, with the paths that scanners see.
func seeds(t testing.TB) []scanners.File {
	t.Helper()
	var out []scanners.File
	err := filepath.WalkDir("testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "advisories") {
			return err
		}
		parts := strings.SplitN(filepath.ToSlash(path), "/", 4)
		if len(parts) < 4 {
			return nil
		}
		text, err := os.ReadFile(path)
		out = append(out, scanners.File{Path: parts[3], Content: text})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// FuzzScan checks that no file makes a scan panic, and that each finding has a place.
func FuzzScan(f *testing.F) {
	names := map[string]bool{}
	for _, seed := range seeds(f) {
		f.Add(filepath.Base(seed.Path), seed.Content)
		names[filepath.Base(seed.Path)] = true
	}
	f.Add("yarn.lock", []byte("a@1:\n  version \"1\"\n"))
	f.Add("Gemfile.lock", []byte("GEM\n  specs:\n    acme_rack (1)\n"))
	s := offline(f)
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		if name == "ci.yml" {
			name = ".github/workflows/ci.yml"
		}
		if formatOf(name) == nil {
			return
		}
		before := bytes.Clone(content)
		target := scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: name, Content: content}}}
		found, err := s.Scan(context.Background(), target)
		var incomplete *scanners.IncompleteError
		if err != nil && !errors.As(err, &incomplete) {
			t.Fatal(err)
		}
		lines := bytes.Count(content, []byte("\n")) + 1
		for _, f := range found {
			if f.Line < 0 || f.Line > lines || f.Message == "" || strings.ContainsAny(f.Message+f.Title, "\n\r") || f.Identity == "" {
				t.Errorf("found %+v", f)
			}
			for _, fix := range f.Fixes {
				for _, e := range fix.Edits {
					if n := len([]rune(string(lineOf(content, e.Line)))); e.Column < 1 || e.EndColumn <= e.Column || e.EndColumn > n+1 {
						t.Errorf("edit %+v on a line of %d characters", e, n)
					}
				}
			}
		}
		again, _ := s.Scan(context.Background(), target)
		if !slices.Equal(places(found), places(again)) || !bytes.Equal(before, content) {
			t.Error("a second scan finds something else, or the content changed")
		}
	})
}

// Every format has a file in the cases, or in a test above.
func TestEveryFormatIsTried(t *testing.T) {
	t.Parallel()
	tried := map[string]bool{"**/yarn.lock": true, "**/Gemfile.lock": true}
	for _, f := range seeds(t) {
		if format := formatOf(f.Path); format != nil {
			tried[format.files[0]] = true
		}
	}
	for _, f := range formats {
		if !tried[f.files[0]] {
			t.Errorf("no case has a file like %s", f.files[0])
		}
	}
	for _, glob := range offline(t).Info().Files {
		if !doublestar.ValidatePattern(glob) || !strings.HasPrefix(glob, "**/") && !strings.HasPrefix(glob, ".github/") {
			t.Errorf("an odd pattern: %q", glob)
		}
	}
}
