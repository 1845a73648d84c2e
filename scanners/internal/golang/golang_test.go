package golang

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPackages(t *testing.T) {
	t.Parallel()
	tree := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module m\n", "main.go": "package main\n", "tools/go.mod": "module tools\n", "tools/a/a.go": "package a\n",
		"b/b.go": "package b\n", "b/b_test.go": "package b\n", "tests/x_test.go": "package tests\n", "vendor/v/v.go": "package v\n",
		"empty/go.mod": "module empty\n", "empty/doc/go.mod": "module doc\n", "empty/doc/a.go": "package doc\n", "empty/x_test.go": "package empty\n",
		"other/x_plan9.go": "package other\n", "broken/x.go": "packag\n", "c/c.go": "package c\n\nimport \"C\"\n",
	} {
		file := filepath.Join(tree, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct{ files, want []string }{
		{[]string{"./main.go", "./b/b.go", "./b/gone.go"}, []string{"./", "./b/"}},
		{[]string{"./b/b_test.go"}, []string{"./b/"}},
		{[]string{"./tools/go.mod", "./tools/a/a.go"}, []string{"./tools/...", "./tools/a/"}},
		{[]string{"./empty/go.mod"}, nil}, // its only code is a test, and another module's
		{[]string{"./tests/x_test.go", "./vendor/v/v.go", "./other/x_plan9.go", "./c/c.go", "./gone/go.mod", "./gone/x.go"}, nil},
	} {
		if got := Packages(tree, test.files); !slices.Equal(got, test.want) {
			t.Errorf("%q: got %q, want %q", test.files, got, test.want)
		}
	}
	if n := Count(tree, []string{"./", "./b/", "./tools/..."}); n != 3 {
		t.Errorf("%d files", n)
	}
	// The scanner reports that the package cannot be read.
	if got := Packages(tree, []string{"./broken/x.go"}); !slices.Equal(got, []string{"./broken/"}) {
		t.Errorf("a broken package: %q", got)
	}
}
