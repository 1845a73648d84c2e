// Package scannertest runs a scanner over its testdata folder and checks the promises that every
// scanner makes to its callers. The test of package catalog does so for all scanners, so an adapter
// needs no test of these.
//
// A folder of testdata is one case:
//
//	testdata/CASE/files/   the tree that is scanned, or
//	testdata/CASE/head/    the tree that is scanned, with
//	testdata/CASE/base/    optionally, the tree that it was made from
//	testdata/CASE/want     the findings, one a line: path:line[-end]: severity rule: message; a fact has its key as message
//
// With a base, want has the findings of the head that the base does not have; an empty want means
// that the change adds none. For a scan that does not finish, the last line is "incomplete:
// REASON". The flag -update writes want, also where there was none.
//
// A scanner that is a program (package tool) has more files, so that its adapter is also tested
// where the program is not installed:
//
//	testdata/CASE/output       what it printed about the tree, or wrote to its report
//	testdata/CASE/output.base  the same for the base
//	testdata/CASE/output.stderr what it wrote to stderr, if that matters; written only if the file exists
//	testdata/version           the version that wrote this output
//
// The names of temporary folders in the output are replaced by [Root]. If that version of the
// program is installed, the test also runs it and expects the same want. The flag -record NAME runs
// the installed program of that one scanner, whatever its version, and writes all these files. The environment variable SECBYDESIGN_REQUIRE_PROGRAMS lists names of programs,
// separated by commas: the test fails if one of them is not installed, and runs it whatever its
// version.
//
// Instead of secrets, files contain [placeholders] such as {{AWS_KEY}}, so that neither push
// protection nor our own scanner reports them.
//
// [placeholders]: Expand
package scannertest

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

var (
	update = flag.Bool("update", false, "write the want files of scanners")
	record = flag.String("record", "", "run the program of the scanner of this name, and write what it prints into its testdata")
)

// commit is the commit of files in scans of [scanners.ScopeRange].
const commit = "0123456789abcdef0123456789abcdef01234567"

// Cases returns the names of the cases in a testdata folder, sorted: the folders with a folder files or head. It
// returns none if the folder does not exist.
func Cases(testdata string) []string {
	var trees []string
	for _, name := range []string{"files", "head"} {
		some, err := filepath.Glob(filepath.Join(testdata, "*", name))
		if err != nil {
			panic(err) // a bad pattern, which our folders' names are not
		}
		trees = append(trees, some...)
	}
	var names []string
	for _, tree := range trees {
		names = append(names, filepath.Base(filepath.Dir(tree)))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Run runs s over all cases in the testdata folder. It fails if there are none.
func Run(t *testing.T, s scanners.Scanner, testdata string) {
	t.Helper()
	checkInfo(t, s)
	cases := Cases(testdata)
	if len(cases) == 0 {
		t.Fatalf("no case (a folder with a folder files, or head) in %s", testdata)
	}
	if p, ok := s.(*tool.Scanner); ok {
		runProgram(t, p, testdata, cases)
		return
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runCase(t, s, filepath.Join(testdata, name))
		})
	}
}

func checkInfo(t *testing.T, s scanners.Scanner) {
	t.Helper()
	info := s.Info()
	if !regexp.MustCompile(`^[a-z][a-z0-9-]*$`).MatchString(info.Name) {
		t.Errorf("name %q is not a lower-case word", info.Name)
	}
	if !slices.Contains(scanners.Gates(), info.Gate) {
		t.Errorf("gate %q is none", info.Gate)
	}
	if len(info.Scopes) == 0 {
		t.Error("no scope")
	}
	if info.About == "" || strings.Contains(info.About, "\n") {
		t.Errorf("about %q is not one line", info.About)
	}
	if !strings.HasPrefix(info.URL, "https://") {
		t.Errorf("URL %q is none", info.URL)
	}
	if !reflect.DeepEqual(info, s.Info()) {
		t.Error("Info changes")
	}
}

func runCase(t *testing.T, s scanners.Scanner, dir string) {
	head, planted := tree(t, dir, "files", "head")
	base, _ := tree(t, dir, "base")
	if len(head) == 0 {
		t.Fatal("no files")
	}
	found := scan(t, s, head)
	compareWant(t, filepath.Join(dir, "want"), report(added(found, scan(t, s, base)), nil))

	checkFindings(t, head, planted, found)
	checkRepeatable(t, s, head, found)
	checkIdentities(t, s, head, found)
	if s.Info().Has(scanners.ScopeRange) {
		checkRange(t, s, head, found)
	}
}

func compareWant(t *testing.T, file, got string) {
	t.Helper()
	if *update || *record != "" && slices.Contains(strings.Split(filepath.ToSlash(file), "/"), *record) {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; -update writes it", err)
	}
	if got != string(want) {
		t.Errorf("findings differ from %s (-update writes them)\ngot:\n%swant:\n%s", file, got, want)
	}
}

// report formats findings as in want.
func report(found []scanners.Finding, err error) string {
	var b strings.Builder
	for _, f := range found {
		b.WriteString(format(f))
	}
	if err != nil {
		fmt.Fprintf(&b, "incomplete: %s\n", scanners.Reason(err))
	}
	return b.String()
}

func format(f scanners.Finding) string {
	lines := fmt.Sprint(f.Line)
	if f.EndLine > f.Line {
		lines += fmt.Sprintf("-%d", f.EndLine)
	}
	message := f.Message
	if f.Fact != nil {
		message = f.Fact.Key
	}
	return fmt.Sprintf("%s:%s: %s %s: %s\n", f.Path, lines, f.Severity, f.Rule, message)
}

// added returns what a reader would see: the problems of head that base does not have, and the settings that
// protect an object at the base and no longer do at the head.
func added(head, base []scanners.Finding) []scanners.Finding {
	var problems []scanners.Finding
	kept := map[string]bool{}
	for _, f := range base {
		switch f.Protection {
		case scanners.Problem:
			problems = append(problems, f)
		case scanners.Kept:
			kept[key(f)] = true
		}
	}
	return slices.DeleteFunc(without(head, problems), func(f scanners.Finding) bool {
		return f.Protection == scanners.Kept || f.Protection == scanners.Missing && !kept[key(f)]
	})
}

// without returns the findings of head that have no counterpart with the same rule and identity in
// base.
func without(head, base []scanners.Finding) []scanners.Finding {
	left := map[string]int{}
	for _, f := range base {
		left[key(f)]++
	}
	return slices.DeleteFunc(slices.Clone(head), func(f scanners.Finding) bool {
		left[key(f)]--
		return left[key(f)] >= 0
	})
}

func key(f scanners.Finding) string {
	return f.Rule + "\x00" + strings.Join(strings.Fields(f.Identity), " ")
}

// tree reads the first of the named folders that exists, with the placeholders expanded,
// and returns its files and the secrets put into them.
func tree(t *testing.T, dir string, names ...string) (files []scanners.File, planted []string) {
	t.Helper()
	for _, name := range names {
		root := os.DirFS(filepath.Join(dir, name))
		if _, err := fs.Stat(root, "."); err != nil {
			continue
		}
		err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := fs.ReadFile(root, p)
			content, secrets := Expand(string(raw))
			files = append(files, scanners.File{Path: p, Content: []byte(content)})
			planted = append(planted, secrets...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	return files, planted
}

// Problems scans one file and returns its problems, each as rule@line, and beside them all that the scanner
// reports, protections too.
func Problems(t *testing.T, s scanners.Scanner, path, content string) (problems []string, all []scanners.Finding) {
	t.Helper()
	all, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: []byte(content)}}})
	if err != nil {
		t.Fatalf("%v\n%s", err, content)
	}
	for _, f := range all {
		if f.Protection == scanners.Problem {
			problems = append(problems, fmt.Sprintf("%s@%d", f.Rule, f.Line))
		}
	}
	return problems, all
}

func scan(t *testing.T, s scanners.Scanner, files []scanners.File) []scanners.Finding {
	t.Helper()
	before := make([][]byte, len(files))
	for i, f := range files {
		before[i] = bytes.Clone(f.Content)
	}
	found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files})
	if err != nil {
		t.Fatalf("scan: %v", err)
	}
	for i, f := range files {
		if !bytes.Equal(before[i], f.Content) {
			t.Fatalf("%s: the scan changed the content", f.Path)
		}
	}
	return found
}

func checkFindings(t *testing.T, files []scanners.File, planted []string, found []scanners.Finding) {
	t.Helper()
	lines := map[string]int{}
	for _, f := range files {
		n := bytes.Count(f.Content, []byte("\n"))
		if len(f.Content) > 0 && !bytes.HasSuffix(f.Content, []byte("\n")) {
			n++
		}
		lines[f.Path] = n
	}
	for _, f := range found {
		checkPlace(t, f, lines)
		texts := f.Fact != nil && f.Fact.Key != "" || f.Title != "" && f.Message != "" && f.Help != "" // a fact has no texts
		if f.Rule == "" || !texts || f.Identity == "" {
			t.Errorf("something is missing in %+v", f)
		}
		if strings.HasSuffix(f.Title, ".") || strings.Contains(f.Message, "\n") {
			t.Errorf("title %q or message %q is not in house style", f.Title, f.Message)
		}
		for _, secret := range planted {
			if piece := leak(fmt.Sprintf("%+v", f), secret); piece != "" {
				t.Errorf("%s:%d: the finding holds %q of a secret", f.Path, f.Line, piece)
			}
		}
	}
}

// checkPlace checks that a finding is at lines and columns that its file can have. lines has the number of lines of
// each file.
func checkPlace(t *testing.T, f scanners.Finding, lines map[string]int) {
	t.Helper()
	last, ok := lines[f.Path]
	switch {
	case !ok || !fs.ValidPath(f.Path) || path.Clean(f.Path) != f.Path:
		t.Errorf("path %q is not one of the target's", f.Path)
	case f.Line == 0 && (f.EndLine != 0 || f.Column != 0 || f.EndColumn != 0):
		t.Errorf("%s: a place in the whole file: %+v", f.Path, f)
	case f.Line < 0 || f.EndLine < f.Line || f.EndLine > last:
		t.Errorf("%s: lines %d to %d of %d", f.Path, f.Line, f.EndLine, last)
	case f.Column < 0 || f.EndColumn < 0 || f.Line == f.EndLine && f.EndColumn < f.Column:
		t.Errorf("%s:%d: columns %d to %d", f.Path, f.Line, f.Column, f.EndColumn)
	}
}

// leak returns six characters of the secret that occur in text, ignoring case, or "".
func leak(text, secret string) string {
	const size = 6
	text, secret = strings.ToLower(text), strings.ToLower(secret)
	for i := 0; i+size <= len(secret); i++ {
		if strings.Contains(text, secret[i:i+size]) {
			return secret[i : i+size]
		}
	}
	return ""
}

func checkRepeatable(t *testing.T, s scanners.Scanner, files []scanners.File, found []scanners.Finding) {
	t.Helper()
	if again := scan(t, s, files); !reflect.DeepEqual(found, again) {
		t.Errorf("a second scan finds something else:\n%+v\n%+v", found, again)
	}
	shuffled := slices.Clone(files)
	random := rand.New(rand.NewPCG(1, 2))
	for range 3 {
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if again := scan(t, s, shuffled); !reflect.DeepEqual(found, again) {
			t.Errorf("files in another order give other findings:\n%+v\n%+v", found, again)
		}
	}
}

func checkIdentities(t *testing.T, s scanners.Scanner, files []scanners.File, found []scanners.Finding) {
	t.Helper()
	indented := regexp.MustCompile(`(?m)^[ \t]+`)
	// In YAML, the space after a dash is indentation too.
	dash := regexp.MustCompile(`(?m)^( *)- `)
	for name, move := range map[string]func(*scanners.File){
		"three lines in front": func(f *scanners.File) { f.Content = append([]byte("\n\n\n"), f.Content...) },
		"twice the indentation": func(f *scanners.File) {
			if ext := path.Ext(f.Path); ext == ".yml" || ext == ".yaml" {
				f.Content = dash.ReplaceAll(f.Content, []byte("$1-   "))
			}
			f.Content = indented.ReplaceAllFunc(f.Content, func(space []byte) []byte { return bytes.Repeat(space, 2) })
		},
		"CRLF": func(f *scanners.File) { f.Content = bytes.ReplaceAll(f.Content, []byte("\n"), []byte("\r\n")) },
		"other folder": func(f *scanners.File) {
			if moved := "moved/" + f.Path; s.Info().Matches(moved) {
				f.Path = moved
			}
		},
	} {
		moved := slices.Clone(files)
		for i := range moved {
			move(&moved[i])
		}
		after := scan(t, s, moved)
		for _, f := range without(after, found) {
			t.Errorf("%s: a new identity: %s%q", name, format(f), f.Identity)
		}
		for _, f := range without(found, after) {
			t.Errorf("%s: an identity is lost: %s%q", name, format(f), f.Identity)
		}
	}
}

func checkRange(t *testing.T, s scanners.Scanner, files []scanners.File, found []scanners.Finding) {
	t.Helper()
	versions, want := slices.Clone(files), slices.Clone(found)
	for i := range versions {
		versions[i].Commit = commit
	}
	for i := range want {
		want[i].Commit = commit
	}
	got, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeRange, Files: versions})
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("scope range: %v, got:\n%+v\nwant:\n%+v", err, got, want)
	}
}
