package osv

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing/fstest"

	"github.com/google/osv-scalibr/extractor"
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
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/requirements"
	"github.com/google/osv-scalibr/extractor/filesystem/language/python/uvlock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/ruby/gemfilelock"
	"github.com/google/osv-scalibr/extractor/filesystem/language/rust/cargolock"
	scalibrlog "github.com/google/osv-scalibr/log"

	cpb "github.com/google/osv-scalibr/binary/proto/config_go_proto"

	"github.com/secbydesign/secbydesign/scanners"
)

// A pkg is one version of one package, as one file names it.
type pkg struct {
	ecosystem string // as advisories write it
	name      string // as [canonical] writes it
	version   string // empty when the file does not say which one gets installed
	shown     string // the name as the file writes it
	groups    []string
	at        place // where it is, if the format's reader reports it
	fixable   bool  // replacing the version on its line is the whole fix
}

// A format is a kind of file that names packages.
type format struct {
	files     []string // globs, relative to the root
	ecosystem string
	max       int // bytes
	guard     func([]byte) error
	prepare   func([]byte) []byte // may replace characters, but not move them; may be nil
	read      func(context.Context, scanners.File) ([]pkg, error)
	upgrade   string // the command that changes a version, with %s for name and version
}

const (
	// maxLock is above the lockfiles of the largest public repositories, some 5 MB, and keeps the
	// memory that the libraries use below 1 GB.
	maxLock = 10 << 20
	// maxManifest is for files that people write and whose readers take more than linear time.
	maxManifest = 512 << 10
	// maxPackages is the most packages of one file that are looked up.
	maxPackages = 50_000
	// maxField is the greatest length of a name or a version.
	maxField = 256

	actions = "GitHub Actions"
)

// formats lists the files that are read, and how. The readers are osv-scalibr's. They see only the
// one file; the contents of others, such as a parent's pom.xml, are scanned with those.
var formats = []format{
	lockfile("Go", maxManifest, gomod.New, nil, "go get %s@v%s", "go.mod"),
	lockfile("npm", maxLock, packagelockjson.New, lightJSON, "npm install %s@%s", "package-lock.json", "npm-shrinkwrap.json"),
	lockfile("npm", maxLock, yarnlock.New, all(shortLines, lightYarn), "yarn upgrade %s@%s", "yarn.lock"),
	lockfile("npm", maxLock, pnpmlock.New, lightYAML, "pnpm update %s@%s", "pnpm-lock.yaml"),
	undotted(lockfile("PyPI", maxLock, requirements.New, all(fewContinuations, fewLines), "", "*requirements*.txt")),
	lockfile("PyPI", maxLock, poetrylock.New, all(lightTOML, flatTOML), "poetry add %s@%s", "poetry.lock"),
	lockfile("PyPI", maxLock, uvlock.New, all(lightTOML, flatTOML), "uv lock --upgrade-package %s==%s", "uv.lock"),
	lockfile("PyPI", maxLock, pipfilelock.New, lightJSON, "pipenv upgrade %s==%s", "Pipfile.lock"),
	lockfile("RubyGems", maxLock, gemfilelock.New, all(shortLines, fewLines), "bundle update %s", "Gemfile.lock", "gems.locked"),
	lockfile("crates.io", maxLock, cargolock.New, all(lightTOML, flatTOML), "cargo update -p %s --precise %s", "Cargo.lock"),
	lockfile("Packagist", maxLock, composerlock.New, lightJSON, "composer update %s", "composer.lock"),
	lockfile("Maven", maxManifest, pomxml.New, smallProperties, "", "pom.xml"),
	lockfile("Maven", maxLock, gradlelockfile.New, fewLines, "gradle dependencies --update-locks %s", "gradle.lockfile", "buildscript-gradle.lockfile"),
	lockfile("NuGet", maxLock, packageslockjson.New, lightJSON, "dotnet add package %s --version %s", "packages.lock.json"),
	{files: []string{".github/workflows/*.{yml,yaml}", "**/action.{yml,yaml}"}, ecosystem: actions, max: maxManifest, read: readUses},
}

// lockfile returns a format read by one of osv-scalibr's extractors, for files of these names in
// any folder.
func lockfile(ecosystem string, size int, open func(*cpb.PluginConfig) (filesystem.Extractor, error), guard func([]byte) error, upgrade string, names ...string) format {
	f := format{ecosystem: ecosystem, max: size, guard: guard, upgrade: upgrade}
	for _, name := range names {
		f.files = append(f.files, "**/"+name)
	}
	f.read = func(ctx context.Context, file scanners.File) ([]pkg, error) {
		quiet()
		e, err := open(&cpb.PluginConfig{})
		if err != nil {
			return nil, err
		}
		// Some extractors read neighbouring files and the names of folders, so they get a file
		// system without any.
		name := path.Base(file.Path)
		only := fstest.MapFS{name: {Data: file.Content}}
		found, err := e.Extract(ctx, &filesystem.ScanInput{FS: only, Path: name, Reader: bytes.NewReader(file.Content)})
		if err != nil {
			return nil, err
		}
		return packages(ecosystem, found.Packages), nil
	}
	return f
}

// undotted replaces dots in names by hyphens, for a reader that leaves out packages with a dot in
// their name. Python's tools treat the two the same.
func undotted(f format) format {
	f.prepare = func(text []byte) []byte {
		return requirement.ReplaceAllFunc(text, func(name []byte) []byte { return bytes.ReplaceAll(name, []byte("."), []byte("-")) })
	}
	return f
}

var requirement = regexp.MustCompile(`(?m)^[ \t]*[A-Za-z0-9][\w.-]*`)

// quiet stops osv-scalibr from writing untrusted input to the log. It runs once per process,
// because the library's logger is global.
var quiet = sync.OnceFunc(func() { scalibrlog.SetLogger(silence{}) })

type silence struct{}

func (silence) Errorf(string, ...any) {}
func (silence) Error(...any)          {}
func (silence) Warnf(string, ...any)  {}
func (silence) Warn(...any)           {}
func (silence) Infof(string, ...any)  {}
func (silence) Info(...any)           {}
func (silence) Debugf(string, ...any) {}
func (silence) Debug(...any)          {}

// formatOf returns the format of a file, or nil.
func formatOf(name string) *format {
	for i := range formats {
		if (scanners.Info{Files: formats[i].files}).Matches(name) && !slices.Contains(strings.Split(name, "/"), "node_modules") {
			return &formats[i]
		}
	}
	return nil
}

var (
	errTooLarge = errors.New("it is too large")
	errTooMany  = fmt.Errorf("it has more than %d packages", maxPackages)
	errOdd      = errors.New("its content is not that of a file of its name")
)

// extract returns the packages of a file, each version once, in a fixed order. It checks the size
// and the guard of the format first, to protect the libraries from hostile input.
func extract(ctx context.Context, f *format, file scanners.File) (found []pkg, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	if len(file.Content) > f.max {
		return nil, fmt.Errorf("%w (%d KB, at most %d KB are read)", errTooLarge, len(file.Content)>>10, f.max>>10)
	}
	if f.guard != nil {
		if err := f.guard(file.Content); err != nil {
			return nil, err
		}
	}
	if len(bytes.TrimSpace(file.Content)) == 0 {
		return nil, nil
	}
	if found, err = f.read(ctx, file); err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b pkg) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.version, b.version), cmp.Compare(a.at.line, b.at.line),
			cmp.Compare(a.shown, b.shown), slices.Compare(a.groups, b.groups))
	})
	found = slices.CompactFunc(found, func(a, b pkg) bool {
		return a.name == b.name && a.version == b.version && a.at.line == b.at.line
	})
	if len(found) > maxPackages {
		return found[:maxPackages], errTooMany
	}
	return found, nil
}

// packages converts osv-scalibr's packages, leaving out those that no advisory can be about.
func packages(ecosystem string, list []*extractor.Package) []pkg {
	var out []pkg
	for _, p := range list {
		if p == nil || p.Name == "" || len(p.Name) > maxField {
			continue
		}
		one := pkg{ecosystem: ecosystem, name: canonical(ecosystem, p.Name), version: p.Version, shown: p.Name}
		if len(p.Version) > maxField {
			one.version = "" // no registry has it
		}
		switch m := p.Metadata.(type) {
		case *requirements.Metadata:
			// A lower bound is not the installed version.
			if m.VersionComparator != "==" && m.VersionComparator != "===" {
				one.version = ""
			}
			one.fixable = m.VersionComparator == "==" && len(m.HashCheckingModeValues) == 0
		case interface{ DepGroups() []string }:
			one.groups = slices.Sorted(slices.Values(m.DepGroups()))
		}
		switch ecosystem {
		case "Go":
			// The go and toolchain lines name the oldest version that suffices; the file does not
			// say which one builds the program. A replacement by a folder has no version.
			if p.Name == "stdlib" || p.Version == "" {
				continue
			}
			one.fixable = true
		case "Maven":
			if strings.Contains(one.version, "${") {
				one.version = "" // names a property defined elsewhere
			}
		}
		out = append(out, one)
	}
	return out
}

var separators = regexp.MustCompile(`[-_.]+`)

// canonical returns the form of a name that is equal for all spellings of one package.
func canonical(ecosystem, name string) string {
	switch ecosystem {
	case "PyPI": // https://packaging.python.org/en/latest/specifications/name-normalization/
		return strings.ToLower(separators.ReplaceAllString(name, "-"))
	case "Packagist", "NuGet", actions:
		return strings.ToLower(name)
	}
	return name
}
