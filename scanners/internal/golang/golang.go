// Package golang says how scanners may use the go tool on code of strangers.
package golang

import (
	"cmp"
	"errors"
	"go/build"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// Env is the environment for it: nothing is fetched, no C compiler runs, and neither a file of the
// operator's nor the tree chooses another Go. A tree with a folder vendor uses that, and others
// what the operator's module cache holds, see [Reads]. The cache of what was compiled is private to
// a run, so that no review can change what another one sees; it begins with what is [Prepared].
func Env() []string {
	return []string{
		"CGO_ENABLED=0", "GOENV=off", "GOFLAGS=", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOVCS=*:off",
		"GOMODCACHE=" + modules(),
	}
}

// Reads names the folders that it needs: the Go distribution and the operator's module cache.
func Reads() []string { return []string{build.Default.GOROOT, modules()} }

func modules() string {
	paths := filepath.SplitList(build.Default.GOPATH)
	return cmp.Or(os.Getenv("GOMODCACHE"), filepath.Join(append(paths, "/")[0], "pkg", "mod"))
}

// Prepared is Go's own library, compiled. Without it each run would compile what it imports of it, which
// takes ten times as long as to look.
func Prepared() *tool.Prepared {
	return &tool.Prepared{Command: []string{"go", "build", "std"}, Folder: ".cache/go-build", Without: "trim.txt"}
}

// Packages names the packages of files that changed, as folders: all of a module where its go.mod did.
// Those that are not there or have no code for this machine are left out, and so is what was copied
// into the folder vendor.
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
			folders = append(folders, folder+"...")
		case errors.As(err, new(*build.NoGoError)) || err == nil && len(p.GoFiles) == 0:
		default: // also what cannot be read: the scanner says so
			folders = append(folders, folder)
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}
