package catalog

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
	"github.com/secbydesign/secbydesign/scanners/terraform"
)

// TestProgramsNameInfrastructureAsWeDo checks that a program and our scanner share a name for the same
// problem on the same lines, so that it becomes one finding.
func TestProgramsNameInfrastructureAsWeDo(t *testing.T) {
	t.Parallel()
	for name, cases := range map[string]string{"checkov": "bucket", "tfsec": "bucket", "trivy": "infrastructure"} {
		program := All(Options{})[slices.Index(Names(), name)].(*tool.Scanner)
		dir := filepath.Join("..", name, "testdata", cases)
		tree, err := filepath.Abs(filepath.Join(dir, "head"))
		if err != nil {
			t.Fatal(err)
		}
		var files []scanners.File
		err = fs.WalkDir(os.DirFS(tree), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(filepath.Join(tree, path))
			files = append(files, scanners.File{Path: path, Content: content})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "output"))
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := program.Read(tool.Output{Text: text, Tree: scannertest.Root}, scanners.Target{Scope: program.Info().Scopes[0], Dir: tree, Files: files})
		if err != nil {
			t.Fatal(err)
		}
		ours, err := terraform.Scanner{}.Scan(t.Context(), scanners.Target{
			Scope: scanners.ScopeFile, Files: slices.DeleteFunc(files, func(f scanners.File) bool { return filepath.Ext(f.Path) != ".tf" }),
		})
		if err != nil {
			t.Fatal(err)
		}
		ours = slices.DeleteFunc(ours, func(f scanners.Finding) bool { return f.Protection != scanners.Problem })
		for _, our := range ours {
			if !slices.ContainsFunc(theirs, func(f scanners.Finding) bool {
				shared := slices.ContainsFunc(f.Aliases, func(id string) bool { return slices.Contains(our.Aliases, id) })
				return shared && f.Path == our.Path && f.Line <= our.EndLine && our.Line <= f.EndLine
			}) {
				t.Errorf("%s has another name for %s on line %d", name, our.Rule, our.Line)
			}
		}
		if len(ours) == 0 {
			t.Errorf("%s: nothing to compare with", name)
		}
	}
}
