package golang

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDependencies: the module whose dependencies are compiled once has what the tree imports of others, and nothing of
// the tree itself.
func TestDependencies(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		"go.mod": "module example.com/shop\n\ngo 1.24\n\nrequire (\n\texample.org/a v1.0.0\n\texample.org/near v0.0.0\n)\n\nreplace example.org/near => ./near\n",
		"go.sum": "example.org/a v1.0.0 h1:x\n",
		"a.go":   "package shop\n\nimport (\n\t\"fmt\"\n\t\"example.com/shop/b\"\n\t_ \"example.org/a/sub\"\n\t\"C\"\n)\n", "b/b.go": "package b\n\nimport \"example.org/a\"\n",
		"b/b_test.go": "package b\n\nimport \"example.org/test\"\n", "near/go.mod": "module example.org/near\n", "near/n.go": "package near\n\nimport \"example.org/far\"\n",
		"testdata/x.go": "package x\n\nimport \"example.org/x\"\n", "broken.go": "packag\n", "odd.go": "package shop\n\nimport \"example.org/../x\\n\"\n",
	}
	for name, tt := range map[string]struct {
		more map[string]string
		want string // imports
	}{
		"a module":       {nil, "example.org/a example.org/a/sub"},
		"vendored":       {map[string]string{"vendor/modules.txt": "# x\n"}, ""},
		"a workspace":    {map[string]string{"go.work": "go 1.24\n"}, ""},
		"no sums":        {map[string]string{"go.sum": ""}, ""},
		"no module":      {map[string]string{"go.mod": "mod\n"}, ""},
		"only the house": {map[string]string{"a.go": "package shop\n", "b/b.go": "package b\n\nimport \"net/http\"\n"}, ""},
	} {
		tree := t.TempDir()
		for _, files := range []map[string]string{base, tt.more} {
			for name, text := range files {
				file := filepath.Join(tree, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if text == "" {
					if err := os.Remove(file); err != nil {
						t.Fatal(err)
					}
				} else if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		got := dependencies(tree, nil)
		var imports []string
		for line := range strings.Lines(got["main.go"]) {
			if _, path, ok := strings.Cut(line, "_ "); ok {
				imports = append(imports, strings.Trim(path, "\"\n"))
			}
		}
		if strings.Join(imports, " ") != tt.want {
			t.Errorf("%s: got %q, want %q", name, imports, tt.want)
		}
		if tt.want == "" {
			continue
		}
		if mod := got["go.mod"]; strings.Contains(mod, "near") || strings.Contains(mod, "example.com/shop") || !strings.Contains(mod, "example.org/a v1.0.0") {
			t.Errorf("%s: go.mod is\n%s", name, mod)
		}
	}
}
