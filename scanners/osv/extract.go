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
	lock      lockfile.Reader
	read      func([]byte) ([]pkg, error) // for a file that is no lockfile
	includes  func([]byte) []string       // the other files that a file includes, relative to its folder; may be nil
	upgrade   string                      // the command that changes a version, with %s for name and version
	why       string                      // the command that says which packages require one, with %s for its name
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
	{
		files: anywhere("go.mod"), ecosystem: "Go", max: maxManifest, lock: lockfile.GoMod,
		upgrade: "go get %s@v%s", why: "go mod why -m %s",
	},
	{
		files: anywhere("package-lock.json", "npm-shrinkwrap.json"), ecosystem: "npm", max: maxLock, guard: lightJSON, lock: lockfile.PackageLock,
		upgrade: "npm install %s@%s", why: "npm explain %s",
	},
	{
		files: anywhere("yarn.lock"), ecosystem: "npm", max: maxLock, guard: lightYarn, lock: lockfile.Yarn,
		upgrade: "yarn upgrade %s@%s", why: "yarn why %s",
	},
	{
		files: anywhere("pnpm-lock.yaml"), ecosystem: "npm", max: maxLock, guard: lightYAML, lock: lockfile.Pnpm,
		upgrade: "pnpm update %s@%s", why: "pnpm why %s",
	},
	{
		files: anywhere("bun.lock"), ecosystem: "npm", max: maxLock, guard: lightJSON, lock: lockfile.Bun,
		upgrade: "bun add %s@%s", why: "bun why %s",
	},
	{files: anywhere("*requirements*.{txt,in}", "*constraints*.txt"), ecosystem: "PyPI", max: maxLock, guard: fewLines, lock: lockfile.Requirements, includes: lockfile.Included},
	{files: anywhere("{*requirements*,reqs}/**/*.{txt,in}"), ecosystem: "PyPI", max: maxLock, guard: fewLines, lock: lockfile.OnlyRequirements, includes: lockfile.Included},
	{
		files: anywhere("poetry.lock"), ecosystem: "PyPI", max: maxLock, guard: all(lightTOML, flatTOML), lock: lockfile.Poetry,
		upgrade: "poetry add %s@%s", why: "poetry show --why %s",
	},
	{
		files: anywhere("uv.lock"), ecosystem: "PyPI", max: maxLock, guard: all(lightTOML, flatTOML), lock: lockfile.UV,
		upgrade: "uv lock --upgrade-package %s==%s", why: "uv tree --invert --package %s",
	},
	{
		files: anywhere("pdm.lock"), ecosystem: "PyPI", max: maxLock, guard: all(lightTOML, flatTOML), lock: lockfile.PDM,
		upgrade: "pdm update %s", why: "pdm list --tree --reverse %s",
	},
	{files: anywhere("pylock.toml", "pylock.*.toml"), ecosystem: "PyPI", max: maxLock, guard: all(lightTOML, flatTOML), lock: lockfile.Pylock},
	{
		files: anywhere("Pipfile.lock"), ecosystem: "PyPI", max: maxLock, guard: lightJSON, lock: lockfile.Pipfile,
		upgrade: "pipenv upgrade %s==%s",
	},
	{
		files: anywhere("Gemfile.lock", "gems.locked"), ecosystem: "RubyGems", max: maxLock, guard: fewLines, lock: lockfile.Gemfile,
		upgrade: "bundle update %s",
	},
	{
		files: anywhere("Cargo.lock"), ecosystem: "crates.io", max: maxLock, guard: all(lightTOML, flatTOML), lock: lockfile.Cargo,
		upgrade: "cargo update -p %s --precise %s", why: "cargo tree --invert %s",
	},
	{
		files: anywhere("composer.lock"), ecosystem: "Packagist", max: maxLock, guard: lightJSON, lock: lockfile.Composer,
		upgrade: "composer update %s", why: "composer why %s",
	},
	{files: anywhere("pom.xml"), ecosystem: "Maven", max: maxManifest, guard: smallProperties, lock: lockfile.POM},
	{
		files: anywhere("gradle.lockfile", "buildscript-gradle.lockfile"), ecosystem: "Maven", max: maxLock, guard: fewLines, lock: lockfile.Gradle,
		upgrade: "gradle dependencies --update-locks %s", why: "gradle dependencyInsight --dependency %s",
	},
	{
		files: anywhere("packages.lock.json"), ecosystem: "NuGet", max: maxLock, guard: lightJSON, lock: lockfile.NuGetLock,
		upgrade: "dotnet add package %s --version %s",
	},
	{
		files: anywhere("Directory.Packages.props", "*.{csproj,fsproj,vbproj}"), ecosystem: "NuGet", max: maxManifest, lock: lockfile.NuGetProject,
		upgrade: "dotnet add package %s --version %s",
	},
	{files: anywhere("packages.config"), ecosystem: "NuGet", max: maxManifest, lock: lockfile.NuGetConfig},
	{
		files: anywhere("pubspec.lock"), ecosystem: "Pub", max: maxLock, guard: lightYAML, lock: lockfile.Pub,
		upgrade: "dart pub upgrade %s",
	},
	{
		files: anywhere("mix.lock"), ecosystem: "Hex", max: maxLock, guard: fewLines, lock: lockfile.Mix,
		upgrade: "mix deps.update %s",
	},
	{files: anywhere("Package.resolved"), ecosystem: "SwiftURL", max: maxLock, guard: lightJSON, lock: lockfile.Swift},
	{files: []string{".github/workflows/*.{yml,yaml}", "**/action.{yml,yaml}"}, ecosystem: actions, max: maxManifest, read: readUses},
}

// anywhere returns globs for files of these names in any folder.
func anywhere(names ...string) (globs []string) {
	for _, name := range names {
		globs = append(globs, "**/"+name)
	}
	return globs
}

// upgradeCommand returns the command that changes a version. Newer versions of Yarn have another one, and
// another lockfile.
func (f format) upgradeCommand(content []byte) string {
	if slices.Contains(f.files, "**/yarn.lock") && bytes.Contains(content, []byte("__metadata:")) {
		return "yarn up %s@%s"
	}
	return f.upgrade
}

// formatOf returns the format of a file, or nil.
func formatOf(name string) *format {
	for i := range formats {
		if (scanners.Info{Files: formats[i].files}).Matches(name) && !installed(name) {
			return &formats[i]
		}
	}
	return nil
}

// installed reports whether a file is part of an installed package, whose own lockfile says nothing about
// the project.
func installed(name string) bool { return slices.Contains(strings.Split(name, "/"), "node_modules") }

var (
	errTooLarge = errors.New("it is too large")
	errTooMany  = fmt.Errorf("it has more than %d packages", maxPackages)
	errOdd      = errors.New("its content is not that of a file of its name")
)

// check refuses a text that is too large for the reader.
func (f *format) check(text []byte) error {
	if len(text) > f.max {
		return fmt.Errorf("%w (%d KB, at most %d KB are read)", errTooLarge, len(text)>>10, f.max>>10)
	}
	if f.guard != nil {
		return f.guard(text)
	}
	return nil
}

// extract returns the packages of a file, each version once, in a fixed order. It checks the size
// and the guard of the format first, to protect the libraries from hostile input.
func extract(f *format, file scanners.File) (found []pkg, err error) {
	defer func() {
		if p := recover(); p != nil {
			found, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	if err := f.check(file.Content); err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(file.Content)) == 0 {
		return nil, nil
	}
	if f.lock == nil {
		found, err = f.read(file.Content)
	} else {
		var list []lockfile.Package
		list, err = f.lock(file.Content)
		found = packages(f.ecosystem, list)
	}
	if err != nil {
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

// Foreign returns a function that reports whether a package that a lockfile names is not the registry's: its
// code is a folder of the project, a fork, or an archive at an address of its own. Programs that look
// packages up by name report the advisories of the registry's package for it. A package of a file that
// cannot be read counts as the registry's.
func Foreign(name string, text []byte) (foreign func(name string) bool) {
	foreign = func(string) bool { return false }
	f := formatOf(name)
	if f == nil || f.lock == nil || f.check(text) != nil {
		return foreign
	}
	defer func() {
		_ = recover() // the program has read the file, or says that it could not
	}()
	list, err := f.lock(text)
	if err != nil {
		return foreign
	}
	ours, theirs := map[string]bool{}, map[string]bool{}
	for _, p := range list {
		if p.Origin == lockfile.Registry {
			theirs[canonical(f.ecosystem, p.Name)] = true
		} else {
			ours[canonical(f.ecosystem, p.Name)] = true
		}
	}
	return func(name string) bool {
		name = canonical(f.ecosystem, name)
		return ours[name] && !theirs[name]
	}
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
