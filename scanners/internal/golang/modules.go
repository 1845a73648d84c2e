package golang

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// Derived returns the modules that a tree imports, compiled. They are in the operator's module cache, which go.sum
// vouches for. Without them each run would compile them, which takes many times as long as the scan itself.
func Derived() *tool.Derived {
	return &tool.Derived{Command: []string{"go", "list", "-e", "-export", "-deps", "-f", "{{.Name}}", "."}, Sources: dependencies}
}

const (
	maxModFile = 1 << 20
	maxSumFile = 8 << 20
	maxGoFile  = 1 << 20
	maxGoFiles = 10_000
)

// dependencies returns a module that imports what the module at the root of the tree imports of other modules. It
// returns none for a tree that has its dependencies in the folder vendor, or several modules in one workspace.
func dependencies(tree string, _ []string) map[string]string {
	for _, other := range []string{"go.work", "vendor/modules.txt"} {
		if _, err := os.Lstat(filepath.Join(tree, other)); err == nil {
			return nil
		}
	}
	text, err := read(tree, "go.mod", maxModFile)
	if err != nil {
		return nil
	}
	mod, err := modfile.Parse("go.mod", text, nil)
	if err != nil || mod.Module == nil {
		return nil
	}
	sums, err := read(tree, "go.sum", maxSumFile)
	if err != nil {
		return nil
	}
	imports := imported(tree, mod.Module.Mod.Path)
	if len(imports) == 0 {
		return nil
	}
	for _, r := range slices.Clone(mod.Replace) {
		if r.New.Version == "" { // a folder of the tree
			old := r.Old // which DropReplace clears
			_ = mod.DropReplace(old.Path, old.Version)
			_ = mod.DropRequire(old.Path)
		}
	}
	_ = mod.AddModuleStmt("secbydesign.invalid/dependencies")
	mod.Cleanup()
	if text, err = mod.Format(); err != nil {
		return nil
	}
	var main strings.Builder
	main.WriteString("package main\n\nimport (\n")
	for _, path := range imports {
		fmt.Fprintf(&main, "\t_ %s\n", strconv.Quote(path))
	}
	main.WriteString(")\n\nfunc main() {}\n")
	return map[string]string{"go.mod": string(text), "go.sum": string(sums), "main.go": main.String()}
}

// imported returns the packages of other modules that the files of a module import, sorted.
func imported(tree, own string) (paths []string) {
	seen, files := map[string]bool{}, 0
	_ = filepath.WalkDir(tree, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // the scanner reports it
		}
		switch name := d.Name(); {
		case d.IsDir() && file != tree && apart(file, name):
			return fs.SkipDir
		case !d.Type().IsRegular() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		if files++; files > maxGoFiles {
			return fs.SkipAll
		}
		if stat, err := d.Info(); err != nil || stat.Size() > maxGoFile {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return nil
		}
		for _, one := range parsed.Imports {
			path, err := strconv.Unquote(one.Path.Value)
			first, _, _ := strings.Cut(path, "/")
			if err == nil && strings.Contains(first, ".") && path != own && !strings.HasPrefix(path, own+"/") && module.CheckImportPath(path) == nil {
				seen[path] = true
			}
		}
		return nil
	})
	for path := range seen {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	return paths
}

// apart reports whether a folder is not of the module that it lies in.
func apart(dir, name string) bool {
	return name == "vendor" || name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || isModule(dir)
}

// read returns a regular file of the tree.
func read(tree, name string, most int64) ([]byte, error) {
	file := filepath.Join(tree, name)
	stat, err := os.Lstat(file)
	if err != nil {
		return nil, err
	}
	if !stat.Mode().IsRegular() || stat.Size() > most {
		return nil, fs.ErrInvalid
	}
	return os.ReadFile(file)
}
