package lockfile

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"
	"github.com/google/osv-scalibr/extractor/filesystem"
	"github.com/google/osv-scalibr/extractor/filesystem/language/dotnet/packageslockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/golang/gomod"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/gradlelockfile"
	"github.com/google/osv-scalibr/extractor/filesystem/language/java/pomxml"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/packagelockjson"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/pnpmlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/javascript/yarnlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/php/composerlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/pipfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/poetrylock"
	pip "github.com/google/osv-scalibr/extractor/filesystem/language/python/requirements"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/uvlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargolock"
)

// TestLibraryAgrees compares the readers with osv-scalibr's over the files of the scanner's cases: they
// find the same packages, except those that are not the registry's.
func TestLibraryAgrees(t *testing.T) {
	t.Parallel()
	readers := map[string]struct {
		ours   Reader
		theirs func(*cpb.PluginConfig) (filesystem.Extractor, error)
	}{
		"go.mod": {GoMod, gomod.New}, "package-lock.json": {PackageLock, packagelockjson.New}, "yarn.lock": {Yarn, yarnlock.New}, "pnpm-lock.yaml": {Pnpm, pnpmlock.New},
		"requirements.txt": {Requirements, pip.New}, "poetry.lock": {Poetry, poetrylock.New}, "uv.lock": {UV, uvlock.New}, "Pipfile.lock": {Pipfile, pipfilelock.New},
		"Gemfile.lock": {Gemfile, gemfilelock.New}, "Cargo.lock": {Cargo, cargolock.New}, "composer.lock": {Composer, composerlock.New}, "pom.xml": {POM, pomxml.New},
		"gradle.lockfile": {Gradle, gradlelockfile.New}, "packages.lock.json": {NuGetLock, packageslockjson.New},
	}
	tried := map[string]int{}
	err := filepath.WalkDir("../testdata", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := filepath.Base(path)
		if strings.HasPrefix(name, "requirements") {
			name = "requirements.txt"
		}
		read, ok := readers[name]
		if !ok {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		tried[name]++
		e, err := read.theirs(&cpb.PluginConfig{})
		if err != nil {
			return err
		}
		found, err := e.Extract(context.Background(), &filesystem.ScanInput{FS: fstest.MapFS{name: {Data: content}}, Path: name, Reader: bytes.NewReader(content)})
		if err != nil {
			return err
		}
		list, err := read.ours(content)
		if err != nil {
			return err
		}
		// Ours leave out versions that are lower bounds or branches, and theirs names with a dot in requirements.
		skip := map[string]bool{"stdlib": true}
		var ours, theirs []string
		for _, p := range list {
			if p.Origin != Registry || p.Version == "" || name == "requirements.txt" && strings.Contains(p.Name, ".") {
				skip[p.Name] = true
			} else {
				ours = append(ours, p.Name+" "+p.Version)
			}
		}
		for _, p := range found.Packages {
			if one := p.Name + " " + p.Version; !skip[p.Name] || slices.Contains(ours, one) {
				theirs = append(theirs, one)
			}
		}
		slices.Sort(ours)
		slices.Sort(theirs)
		if ours, theirs = slices.Compact(ours), slices.Compact(theirs); !slices.Equal(ours, theirs) {
			t.Errorf("%s:\nours   %q\ntheirs %q", path, ours, theirs)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range readers {
		if tried[name] == 0 && name != "yarn.lock" && name != "Gemfile.lock" {
			t.Errorf("no case has a %s", name)
		}
	}
}
