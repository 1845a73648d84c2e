// Package golang defines how scanners may use the go tool on untrusted code.
package golang

import (
	"cmp"
	"errors"
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// Env returns the environment for the go tool: it fetches nothing and runs no C compiler, and neither
// the operator's files nor the tree can choose another Go. A tree with a folder vendor uses that; others
// use the operator's module cache, see [Reads]. The build cache is private to a run, so that no review can
// change what another one sees; it starts with the contents of [Prepared].
func Env() []string {
	return []string{
		"CGO_ENABLED=0", "GOENV=off", "GOFLAGS=", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOVCS=*:off",
		"GOMODCACHE=" + modules(),
	}
}

// SyntaxEnv returns what to add to [Env] so that the go tool looks at no module: it finds the standard library and no
// other package, and the rules of a scanner that need types of others find nothing.
func SyntaxEnv() []string { return []string{"GO111MODULE=off", "GOPATH=/nonexistent"} }

// Reads returns the folders that the go tool needs: the Go distribution and the operator's module cache.
func Reads() []string { return []string{build.Default.GOROOT, modules()} }

func modules() string {
	paths := filepath.SplitList(build.Default.GOPATH)
	return cmp.Or(os.Getenv("GOMODCACHE"), filepath.Join(append(paths, "/")[0], "pkg", "mod"))
}

// Prepared returns the standard library, compiled. Without it each run would compile the packages that it
// imports, which takes ten times as long as the scan itself.
func Prepared() *tool.Prepared {
	return &tool.Prepared{Command: []string{"go", "build", "std"}, Folder: ".cache/go-build", Without: "trim.txt"}
}

// Packages returns the packages of the changed files, as folders; if a go.mod changed, all packages of its
// module. It leaves out packages that do not exist or have no code for this machine, and those in a folder
// vendor.
func Packages(tree string, files []string) (folders []string) {
	here := build.Default
	here.CgoEnabled = false
	for _, file := range files {
		folder, name := path.Split(file)
		dir := filepath.Join(tree, filepath.FromSlash(folder))
		there := func(name string) bool { _, err := os.Stat(filepath.Join(dir, name)); return err == nil }
		switch p, err := here.ImportDir(dir, 0); {
		case strings.Contains(folder, "/vendor/") || !there("."):
		case name == "go.mod" && there(name):
			if hasCode(dir) {
				folders = append(folders, folder+"...")
			}
		case errors.As(err, new(*build.NoGoError)) || err == nil && len(p.GoFiles) == 0:
		default: // includes packages that cannot be read: the scanner reports that
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// hasCode reports whether a module has a Go file that is no test. It does not count those of modules within it.
func hasCode(module string) bool {
	found := errors.New("found")
	err := filepath.WalkDir(module, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch name := d.Name(); {
		case d.IsDir() && file != module && apart(file, name):
			return fs.SkipDir
		case d.Type().IsRegular() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			return found
		}
		return nil
	})
	return err != nil // what cannot be read, the scanner reports
}

func isModule(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

// Count returns how many files of Go the packages have that [Packages] names, at least; 1 for each module.
func Count(tree string, folders []string) (n int) {
	here := build.Default
	here.CgoEnabled = false
	for _, folder := range folders {
		dir, module := strings.CutSuffix(folder, "...")
		p, err := here.ImportDir(filepath.Join(tree, filepath.FromSlash(dir)), 0)
		switch {
		case module:
			n++
		case err == nil:
			n += len(p.GoFiles)
		}
	}
	return n
}
