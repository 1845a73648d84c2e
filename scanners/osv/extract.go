package osv

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/osv/lockfile"
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
	read      func([]byte) ([]pkg, error)
	includes  func([]byte) []string // the other files that a file includes, relative to its folder; may be nil
	upgrade   string                // the command that changes a version, with %s for name and version
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

// formats lists the files that are read, and how. The readers see only the one file; the contents of
// others, such as a parent's pom.xml, are scanned with those. A file has the first format that matches it.
var formats = []format{
	lockfileOf("Go", maxManifest, lockfile.GoMod, nil, "go get %s@v%s", "go.mod"),
	lockfileOf("npm", maxLock, lockfile.PackageLock, lightJSON, "npm install %s@%s", "package-lock.json", "npm-shrinkwrap.json"),
	lockfileOf("npm", maxLock, lockfile.Yarn, lightYarn, "yarn upgrade %s@%s", "yarn.lock"),
	lockfileOf("npm", maxLock, lockfile.Pnpm, lightYAML, "pnpm update %s@%s", "pnpm-lock.yaml"),
	lockfileOf("npm", maxLock, lockfile.Bun, lightJSON, "bun add %s@%s", "bun.lock"),
	including(lockfileOf("PyPI", maxLock, lockfile.Requirements, fewLines, "", "*requirements*.{txt,in}", "*constraints*.txt")),
	including(lockfileOf("PyPI", maxLock, lockfile.OnlyRequirements, fewLines, "", "{*requirements*,reqs}/**/*.{txt,in}")),
	lockfileOf("PyPI", maxLock, lockfile.Poetry, all(lightTOML, flatTOML), "poetry add %s@%s", "poetry.lock"),
	lockfileOf("PyPI", maxLock, lockfile.UV, all(lightTOML, flatTOML), "uv lock --upgrade-package %s==%s", "uv.lock"),
	lockfileOf("PyPI", maxLock, lockfile.PDM, all(lightTOML, flatTOML), "pdm update %s", "pdm.lock"),
	lockfileOf("PyPI", maxLock, lockfile.Pylock, all(lightTOML, flatTOML), "", "pylock.toml", "pylock.*.toml"),
	lockfileOf("PyPI", maxLock, lockfile.Pipfile, lightJSON, "pipenv upgrade %s==%s", "Pipfile.lock"),
	lockfileOf("RubyGems", maxLock, lockfile.Gemfile, fewLines, "bundle update %s", "Gemfile.lock", "gems.locked"),
	lockfileOf("crates.io", maxLock, lockfile.Cargo, all(lightTOML, flatTOML), "cargo update -p %s --precise %s", "Cargo.lock"),
	lockfileOf("Packagist", maxLock, lockfile.Composer, lightJSON, "composer update %s", "composer.lock"),
	lockfileOf("Maven", maxManifest, lockfile.POM, smallProperties, "", "pom.xml"),
	lockfileOf("Maven", maxLock, lockfile.Gradle, fewLines, "gradle dependencies --update-locks %s", "gradle.lockfile", "buildscript-gradle.lockfile"),
	lockfileOf("NuGet", maxLock, lockfile.NuGetLock, lightJSON, "dotnet add package %s --version %s", "packages.lock.json"),
	lockfileOf("NuGet", maxManifest, lockfile.NuGetProject, nil, "dotnet add package %s --version %s", "Directory.Packages.props", "*.{csproj,fsproj,vbproj}"),
	lockfileOf("NuGet", maxManifest, lockfile.NuGetConfig, nil, "", "packages.config"),
	lockfileOf("Pub", maxLock, lockfile.Pub, lightYAML, "dart pub upgrade %s", "pubspec.lock"),
	lockfileOf("Hex", maxLock, lockfile.Mix, fewLines, "mix deps.update %s", "mix.lock"),
	lockfileOf("SwiftURL", maxLock, lockfile.Swift, lightJSON, "", "Package.resolved"),
	{files: []string{".github/workflows/*.{yml,yaml}", "**/action.{yml,yaml}"}, ecosystem: actions, max: maxManifest, read: readUses},
}

// lockfileOf returns a format for files of these names in any folder.
func lockfileOf(ecosystem string, size int, read lockfile.Reader, guard func([]byte) error, upgrade string, names ...string) format {
	f := format{ecosystem: ecosystem, max: size, guard: guard, upgrade: upgrade}
	for _, name := range names {
		f.files = append(f.files, "**/"+name)
	}
	f.read = func(text []byte) ([]pkg, error) {
		found, err := read(text)
		if err != nil {
			return nil, err
		}
		return packages(ecosystem, found), nil
	}
	return f
}

// including adds how a requirements file names others.
func including(f format) format {
	f.includes = lockfile.Included
	return f
}

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
func extract(f *format, file scanners.File) (found []pkg, err error) {
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
	if found, err = f.read(file.Content); err != nil {
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

// packages converts packages, leaving out those that no advisory can be about: the code of a folder, a fork
// or an archive at an address of its own is not what the registry has under that name and version.
func packages(ecosystem string, list []lockfile.Package) []pkg {
	var out []pkg
	for _, p := range list {
		if p.Origin != lockfile.Registry || p.Name == "" || len(p.Name) > maxField {
			continue
		}
		one := pkg{
			ecosystem: ecosystem, name: canonical(ecosystem, p.Name), version: p.Version, shown: p.Name,
			groups: slices.Sorted(slices.Values(p.Groups)), fixable: p.Pin,
		}
		if len(p.Version) > maxField {
			one.version = "" // no registry has it
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
