package infra_test

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/compose"
	"github.com/secbydesign/secbydesign/scanners/dockerfile"
	"github.com/secbydesign/secbydesign/scanners/kubernetes"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
	"github.com/secbydesign/secbydesign/scanners/terraform"
)

// all lists the scanners of infrastructure, each with a path that it scans.
var all = []struct {
	scanners.Scanner
	path string
}{
	{terraform.Scanner{}, "main.tf"},
	{dockerfile.Scanner{}, "Dockerfile"},
	{kubernetes.Scanner{}, "pod.yaml"},
	{compose.Scanner{}, "compose.yaml"},
}

// scan returns the problems in the files, without what is known about protections.
func scan(s scanners.Scanner, files ...scanners.File) ([]scanners.Finding, error) {
	found, err := everything(s, files...)
	return slices.DeleteFunc(found, func(f scanners.Finding) bool { return f.Protection != scanners.Problem }), err
}

// everything returns all that a scanner reports about the files.
func everything(s scanners.Scanner, files ...scanners.File) ([]scanners.Finding, error) {
	return s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: files})
}

func file(path, content string) scanners.File {
	return scanners.File{Path: path, Content: []byte(content)}
}

// testdata returns the files of all cases of a scanner.
func testdata(t testing.TB, name string) []scanners.File {
	t.Helper()
	root := filepath.Join("..", "..", name, "testdata")
	var files []scanners.File
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "want" {
			return err
		}
		content, err := os.ReadFile(p)
		expanded, _ := scannertest.Expand(string(content))
		files = append(files, file(filepath.ToSlash(p), expanded))
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata of %s: %d files, %v", name, len(files), err)
	}
	return files
}

// A reader of go doc sees the table in the package's comment. It names every rule, and each rule
// has a case.
func TestRulesAreDocumentedAndTested(t *testing.T) {
	t.Parallel()
	row := regexp.MustCompile(`(?m)^\t([a-z0-9]+(?:-[a-z0-9]+)*) {2,}\S`)
	wanted := regexp.MustCompile(`(?m): [a-z]+ ([a-z0-9-]+): `)
	for _, s := range all {
		name := s.Info().Name
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "..", name, name+".go"), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		documented := map[string]bool{}
		for _, m := range row.FindAllStringSubmatch(f.Doc.Text(), -1) {
			documented[m[1]] = true
		}
		delete(documented, "rule") // the head of the table
		tested := map[string]bool{}
		wants, _ := filepath.Glob(filepath.Join("..", "..", name, "testdata", "*", "want"))
		for _, w := range wants {
			text, err := os.ReadFile(w)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range wanted.FindAllStringSubmatch(string(text), -1) {
				tested[m[1]] = true
			}
		}
		if !maps.Equal(documented, tested) {
			t.Errorf("%s: documented %q\ntested %q", name, slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(tested)))
		}
	}
}

// Every finding says where its rule comes from, and where to learn more.
func TestFindingsNameTheirSource(t *testing.T) {
	t.Parallel()
	alias := regexp.MustCompile(`^(AVD-(AWS|AZU|GCP|KSV|DS)-[0-9]{4}|CKV2?_[A-Z0-9]+_[0-9]+)$`)
	for _, s := range all {
		found, err := scan(s, testdata(t, s.Info().Name)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if !strings.HasPrefix(f.HelpURL, "https://") || !strings.HasPrefix(f.CWE, "CWE-") || f.Why == "" {
				t.Errorf("%s/%s has no source: %+v", s.Info().Name, f.Rule, f)
			}
			if len(f.Aliases) == 0 && !strings.Contains(f.Help, "(CIS ") && !strings.Contains(f.HelpURL, "docs.docker.com") && !strings.Contains(f.HelpURL, "developer.hashicorp.com") && !strings.Contains(f.HelpURL, "sonarsource") {
				t.Errorf("%s/%s names no benchmark, no guidance and no other tool's rule", s.Info().Name, f.Rule)
			}
			if !slices.IsSorted(f.Aliases) || slices.ContainsFunc(f.Aliases, func(a string) bool { return !alias.MatchString(a) }) {
				t.Errorf("%s/%s: aliases %q", s.Info().Name, f.Rule, f.Aliases)
			}
		}
	}
}

// A fix can be applied; afterwards the finding is gone, and there is no new one.
func TestFixesWork(t *testing.T) {
	t.Parallel()
	fixed := 0
	for _, s := range all {
		for _, f := range testdata(t, s.Info().Name) {
			before, err := scan(s, f)
			if err != nil {
				t.Fatal(err)
			}
			for i, finding := range before {
				for _, fix := range finding.Fixes {
					after, err := scan(s, apply(t, f, fix))
					want := slices.Delete(slices.Clone(before), i, i+1)
					if err != nil || !subset(after, want) {
						t.Errorf("%s:%d: %s: %q does not fix it: %v\n%v", f.Path, finding.Line, finding.Rule, fix.Title, err, after)
					}
					fixed++
				}
			}
		}
	}
	if fixed < 25 {
		t.Errorf("only %d fixes", fixed)
	}
}

// subset reports whether each finding is one of the wanted ones. If containers share a setting, one
// fix resolves several findings.
func subset(found, want []scanners.Finding) bool {
	left := map[string]int{}
	for _, f := range want {
		left[f.Rule+f.Identity]++
	}
	for _, f := range found {
		if left[f.Rule+f.Identity]--; left[f.Rule+f.Identity] < 0 {
			return false
		}
	}
	return true
}

func apply(t *testing.T, f scanners.File, fix scanners.Fix) scanners.File {
	t.Helper()
	lines := strings.Split(string(f.Content), "\n")
	for _, e := range fix.Edits {
		if e.Path != f.Path || e.Line != e.EndLine || e.Column < 1 || e.EndColumn < e.Column {
			t.Fatalf("an edit of something else: %+v", e)
		}
		line := []rune(lines[e.Line-1])
		lines[e.Line-1] = string(line[:e.Column-1]) + e.Text + string(line[e.EndColumn-1:])
	}
	return file(f.Path, strings.Join(lines, "\n"))
}

// A file that cannot be read is reported with its place, and the other files are still checked.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	tests := []struct {
		scanner scanners.Scanner
		file    scanners.File
		want    string // in the reason; empty if the file is skipped
	}{
		{terraform.Scanner{}, file("a.tf", "resource \"x\" \"y\" {\n  a = [\n"), "\"a.tf\" (line 3: not valid Terraform)"},
		{terraform.Scanner{}, file("a.tf", "resource \"x\" \"y\" {\n  a = \"{{HEX}\n}\n"), "\"a.tf\" (line 2: not valid Terraform)"},
		{terraform.Scanner{}, file("a.tf", "a = \"x\xff\"\n"), "\"a.tf\" (line 1: not valid Terraform)"},
		{terraform.Scanner{}, file("a.tf", "a = \""+strings.Repeat("$(", 1<<16)), "\"a.tf\" (line 1: nested too deep, or a text too long"},
		{terraform.Scanner{}, file("a.json", "{"), ""},
		{terraform.Scanner{}, file("a.tf.json", "{\n\"resource\": [\n"), "\"a.tf.json\" (line 3: not valid Terraform)"},
		{terraform.Scanner{}, file("a.tf.json", "{\"resource\": "+strings.Repeat("[", 1<<10)), "\"a.tf.json\" (line 1: nested too deep, or a text too long"},
		{dockerfile.Scanner{}, file("Dockerfile", "FROM a:1\nRUN <<EOF\nx\n"), "\"Dockerfile\" (line 2: not a valid Dockerfile)"},
		{dockerfile.Scanner{}, file("Dockerfile", "FROM a:1\nENV a\n"), "\"Dockerfile\" (line 2: not a valid Dockerfile)"},
		{dockerfile.Scanner{}, file("Dockerfile", "FROM {{ a }}\nENV a\n"), ""},
		{dockerfile.Scanner{}, file("Dockerfile.md", "# How to write one\nENV a\n"), ""},
		{dockerfile.Scanner{}, file("Dockerfile", "FROM a:1\nUSER a\nRUN "+strings.Repeat("echo xxxxxxxxxxxxxxxx; \\\n", 4000)+"\n"), "\"Dockerfile\" (line 3: a RUN instruction too long to be checked)"},
		{kubernetes.Scanner{}, file("a.yaml", "apiVersion: v1\nkind: Pod\nspec: [\n"), "\"a.yaml\" (line 3: not valid YAML)"},
		{kubernetes.Scanner{}, file("a.yaml", "x: 1\n---\napiVersion: v1\nkind: Pod\n  spec: {}\n"), "\"a.yaml\" (line 5: not valid YAML)"},
		{kubernetes.Scanner{}, file("a.yaml", "apiVersion: v1\nkind: Pod\nspec: {{ .Values.spec\n"), ""},
		{kubernetes.Scanner{}, file("a.yaml", "kind: [\n"), ""},
		{kubernetes.Scanner{}, file("a.yaml", "apiVersion: v1\nkind: ConfigMap\ndata: [\n"), ""},
		{kubernetes.Scanner{}, file("mkdocs.yml", "nav: !!python/name:x.y [\n\t- a\n"), ""},
		{compose.Scanner{}, file("compose.yaml", "services:\n  a: [\n"), "\"compose.yaml\" (line 2: not valid YAML)"},
		{compose.Scanner{}, file("compose.yaml", "services:\n  {% if x %}\n"), ""},
		{compose.Scanner{}, file("compose.yaml", "other: [\n"), ""},
	}
	good := map[string]string{
		"terraform": "resource \"aws_kms_key\" \"k\" {\n  enable_key_rotation = false\n}\n", "dockerfile": "FROM a:1\nUSER root\n",
		"kubernetes": "apiVersion: v1\nkind: Pod\nspec: {hostPID: true}\n", "compose": "services: {a: {privileged: true}}\n",
	}
	for _, tt := range tests {
		name := tt.scanner.Info().Name
		other := map[string]string{"terraform": "z.tf", "dockerfile": "z.Dockerfile", "kubernetes": "z.yml", "compose": "z/compose.yml"}[name]
		found, err := scan(tt.scanner, tt.file, file(other, good[name]))
		if len(found) != 1 || found[0].Path != other {
			t.Errorf("%s beside %q: the other file's finding is lost: %+v", name, tt.file.Content[:min(len(tt.file.Content), 60)], found)
		}
		var inc *scanners.IncompleteError
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s %q: %v, want none", name, tt.file.Content, err)
		case tt.want != "" && (!errors.As(err, &inc) || !strings.Contains(inc.Reason, tt.want)):
			t.Errorf("%s %q: %v, want %s", name, tt.file.Content[:min(len(tt.file.Content), 60)], err, tt.want)
		}
	}
}

// The documents of a file that can be read are checked even if another document cannot be read.
func TestBrokenDocumentBesideOthers(t *testing.T) {
	t.Parallel()
	found, err := scan(kubernetes.Scanner{}, file("a.yaml", "apiVersion: v1\nkind: Pod\nspec: [\n---\napiVersion: v1\nkind: Pod\nspec: {hostPID: true}\n"))
	if len(found) != 1 || found[0].Line != 7 || err == nil {
		t.Errorf("got %+v, %v", found, err)
	}
}

// No content of a file may end the program. It reports what it did not check.
func TestHostile(t *testing.T) {
	t.Parallel()
	const size = 1 << 14
	// These nest: a parser that recurses without bound does not survive the larger size.
	nested := []string{"[", "{", "(", "!", "-", "a ? ", "\"${", "%{if a}", "f(", "$(", "- ", "? ", "a {\n", "if "}
	fronts := map[string][]string{
		"terraform":  {"", "resource \"a\" \"b\" {\na = ", "a = \""},
		"dockerfile": {"FROM a\nRUN ", "FROM a\nENV a=", "FROM a\nONBUILD ", "FROM a\nCOPY <<E "},
		"kubernetes": {"apiVersion: v1\nkind: Pod\nspec: ", "apiVersion: v1\nkind: Pod\n"},
		"compose":    {"services:\n  ", "services: "},
	}
	pieces := []string{
		"[", "{", "(", "((", "\"", "'", "`", "${", "$(", "\"${", "\"$(", "%{if a}", "!", "-", "a ? ", "a ? b : ", "a.", "a[", "*.", "<<E\n", "a {\n", "a = {\n", "f(", "[for a in b : ",
		"- ", "? ", "&a ", "*a ", "<<: ", "if ", "{ ", "! ", "a | ", "sh|", "a && ", "case a in ", "f() ", "<(", "$((", "onbuild ", "\\\n", "a=\n", "a b\n", "\x00", "\xff", "\r", "\t",
	}
	for _, s := range all {
		for _, front := range fronts[s.Info().Name] {
			for _, piece := range pieces {
				f := file(s.path, front+strings.Repeat(piece, size/len(piece)))
				if slices.Contains(nested, piece) {
					f.Content = append(f.Content, strings.Repeat(piece, 7*size/len(piece))...)
				}
				if _, err := scan(s, f); err != nil && strings.Contains(err.Error(), "panic") {
					t.Errorf("%s %q %q: %v", s.Info().Name, front, piece, err)
				}
			}
		}
		large := file(s.path, "FROM a\n"+strings.Repeat("a: b\n", 2<<20))
		if _, err := scan(s, large); err == nil || !strings.Contains(scanners.Reason(err), " MB)") {
			t.Errorf("%s: 10 MB: %v", s.Info().Name, err)
		}
		if found, err := scan(s, file(s.path, "\x00"+front(fronts, s)), file("other.txt", "FROM a")); err != nil || found != nil {
			t.Errorf("%s: a binary file: %v, %v", s.Info().Name, found, err)
		}
	}
}

func front(fronts map[string][]string, s scanners.Scanner) string { return fronts[s.Info().Name][0] }

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	for _, s := range all {
		found, err := s.Scan(ctx, scanners.Target{Scope: scanners.ScopeFile, Files: testdata(t, s.Info().Name)})
		if found != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, %v", s.Info().Name, found, err)
		}
		if _, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeTree}); err == nil {
			t.Errorf("%s takes a scope that is not its own", s.Info().Name)
		}
	}
}

func fuzz(f *testing.F, s scanners.Scanner, name string) {
	for _, seed := range testdata(f, s.Info().Name) {
		if len(seed.Content) < 4000 {
			f.Add(seed.Content)
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		in := scanners.File{Path: name, Content: content}
		found, err := everything(s, in)
		if err != nil && strings.Contains(err.Error(), "panic") {
			t.Fatal(err)
		}
		last := strings.Count(string(content), "\n") + 1
		for _, f := range found {
			if f.Line < 1 || f.EndLine < f.Line || f.EndLine > last || strings.Contains(f.Message, "\n") || path.Base(f.Path) != name {
				t.Fatalf("of %d lines: %+v", last, f)
			}
			for _, fix := range f.Fixes {
				for _, e := range fix.Edits {
					if line := []rune(strings.Split(string(content), "\n")[e.Line-1]); e.Column < 1 || e.EndColumn-1 > len(line) {
						t.Fatalf("an edit outside of its line: %+v", e)
					}
				}
			}
		}
		if again, err2 := everything(s, in); !reflect.DeepEqual(found, again) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("a second scan differs:\n%v %v\n%v %v", found, err, again, err2)
		}
	})
}

func FuzzTerraform(f *testing.F)     { fuzz(f, terraform.Scanner{}, "main.tf") }
func FuzzTerraformJSON(f *testing.F) { fuzz(f, terraform.Scanner{}, "main.tf.json") }
func FuzzDockerfile(f *testing.F)    { fuzz(f, dockerfile.Scanner{}, "Dockerfile") }
func FuzzKubernetes(f *testing.F)    { fuzz(f, kubernetes.Scanner{}, "pod.yaml") }
func FuzzCompose(f *testing.F)       { fuzz(f, compose.Scanner{}, "compose.yaml") }
