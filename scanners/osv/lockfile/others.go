package lockfile

import (
	"bytes"
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/BurntSushi/toml"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
)

// GoMod reads go.mod. It leaves out Go itself: the file names the oldest version that suffices, not the
// one that builds the program.
func GoMod(text []byte) ([]Package, error) {
	file, err := modfile.Parse("go.mod", text, nil)
	if err != nil {
		return nil, err
	}
	type module = struct{ path, version string }
	replaced := map[module]*modfile.Replace{}
	for _, r := range file.Replace {
		replaced[module{r.Old.Path, r.Old.Version}] = r
	}
	var out []Package
	for _, require := range file.Require {
		mod, p := require.Mod, Package{Pin: true}
		r := replaced[module{mod.Path, mod.Version}]
		if r == nil {
			r = replaced[module{mod.Path, ""}]
		}
		if r != nil {
			mod = r.New
			if mod.Version == "" {
				p.Origin = Local
			}
		}
		p.Name, p.Version = mod.Path, strings.TrimPrefix(mod.Version, "v")
		out = append(out, p)
	}
	return out, nil
}

// Cargo reads Cargo.lock. A package without a source is a folder of the workspace
// (https://doc.rust-lang.org/cargo/reference/resolver.html).
func Cargo(text []byte) ([]Package, error) {
	var lock struct {
		Packages []struct {
			Name    string `toml:"name"`
			Version string `toml:"version"`
			Source  string `toml:"source"`
		} `toml:"package"`
	}
	if err := toml.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var out []Package
	for _, p := range lock.Packages {
		one := Package{Name: p.Name, Version: p.Version, Origin: Elsewhere}
		switch kind, _, _ := strings.Cut(p.Source, "+"); kind {
		case "":
			one.Origin = Local
		case "registry", "sparse", "local-registry", "directory":
			one.Origin = Registry // the last two hold copies of its packages
		}
		out = append(out, one)
	}
	return out, nil
}

var gem = regexp.MustCompile(`^ {4}(\S+) \(([^-()]+)(?:-[^()]*)?\)!?$`)

// Gemfile reads Bundler's Gemfile.lock.
func Gemfile(text []byte) ([]Package, error) {
	origins := map[string]Origin{"GEM": Registry, "PLUGIN SOURCE": Registry, "GIT": Elsewhere, "PATH": Local}
	var out []Package
	section := ""
	for line := range bytes.Lines(text) {
		one := strings.TrimRight(string(line), "\r\n")
		if one != "" && one[0] != ' ' {
			section = one
		}
		origin, ok := origins[section]
		m := gem.FindStringSubmatch(one)
		if m == nil {
			continue
		}
		if section == "" {
			return nil, errors.New("a gem without a source")
		}
		if ok {
			out = append(out, Package{Name: m[1], Version: m[2], Origin: origin})
		}
	}
	return out, nil
}

type composerPackage struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Notify  word   `json:"notification-url"` // of the registry that a package came from
	Source  struct {
		Type word `json:"type"`
	} `json:"source"`
	Dist struct {
		Type word `json:"type"`
	} `json:"dist"`
}

// Composer reads composer.lock.
func Composer(text []byte) ([]Package, error) {
	lock, err := readJSON[struct {
		Packages []composerPackage `json:"packages"`
		Dev      []composerPackage `json:"packages-dev"`
	}](text)
	if err != nil {
		return nil, err
	}
	var out []Package
	add := func(list []composerPackage, groups ...string) {
		for _, p := range list {
			one := Package{Name: p.Name, Version: composerVersion(p.Version), Groups: groups}
			switch {
			case p.Dist.Type == "path" || p.Source.Type == "path":
				one.Origin = Local
			case p.Notify == "" && p.Source.Type != "" && p.Dist.Type == "":
				one.Origin = Elsewhere // a clone of a repository that composer.json names
			}
			out = append(out, one)
		}
	}
	add(lock.Packages)
	add(lock.Dev, "dev")
	return out, nil
}

var composerBranch = regexp.MustCompile(`(?i)^v?(\d+(?:\.\d+)*)\.x-dev$`)

// composerVersion returns the version of a package, or "" for a branch, which Composer never compares with
// a range. The branch 1.0.x-dev counts as newer than all versions 1.0
// (https://getcomposer.org/doc/articles/versions.md#branches).
func composerVersion(version string) string {
	if m := composerBranch.FindStringSubmatch(version); m != nil {
		return m[1] + ".9999999"
	}
	lower := strings.ToLower(version)
	if strings.HasPrefix(lower, "dev-") || strings.HasSuffix(lower, "-dev") {
		return ""
	}
	return version
}

// Pub reads Dart's pubspec.lock.
func Pub(text []byte) ([]Package, error) {
	var lock struct {
		Packages map[string]struct {
			Version    string `yaml:"version"`
			Source     string `yaml:"source"`
			Dependency string `yaml:"dependency"`
		} `yaml:"packages"`
	}
	if err := yaml.Unmarshal(text, &lock); err != nil {
		return nil, err
	}
	var out []Package
	for name, p := range lock.Packages {
		one := Package{Name: name, Version: p.Version}
		switch p.Source {
		case "path", "sdk":
			one.Origin = Local
		case "git":
			one.Origin = Elsewhere
		}
		if strings.HasSuffix(p.Dependency, " dev") {
			one.Groups = []string{"dev"}
		}
		out = append(out, one)
	}
	return out, nil
}

var (
	hexEntry = regexp.MustCompile(`^\s*"([^"]+)":\s*\{:(hex|git),\s*(?::"?([\w.-]+)"?|"[^"]*"),\s*"([^"]*)"`)
	// hexRepository matches the repository of an organisation's own packages.
	hexRepository = regexp.MustCompile(`"hexpm:[^"]+"`)
)

// Mix reads Elixir's mix.lock, which does not list packages from folders.
func Mix(text []byte) ([]Package, error) {
	var out []Package
	for line := range bytes.Lines(text) {
		m := hexEntry.FindSubmatch(line)
		if m == nil {
			continue
		}
		p := Package{Name: string(m[1]), Version: string(m[4])}
		if len(m[3]) > 0 {
			p.Name = string(m[3])
		}
		if string(m[2]) == "git" || hexRepository.Match(line) {
			p.Origin = Elsewhere
		}
		out = append(out, p)
	}
	return out, nil
}

type swiftPin struct {
	Kind     word `json:"kind"`
	Location word `json:"location"`      // version 2 and later
	URL      word `json:"repositoryURL"` // version 1
	State    struct {
		Version word `json:"version"`
	} `json:"state"`
}

// Swift reads Package.resolved. Advisories name a package of Swift by the address of its repository.
func Swift(text []byte) ([]Package, error) {
	lock, err := readJSON[struct {
		Pins   []swiftPin `json:"pins"`
		Object struct {
			Pins []swiftPin `json:"pins"`
		} `json:"object"`
	}](text)
	if err != nil {
		return nil, err
	}
	var out []Package
	for _, pin := range append(lock.Pins, lock.Object.Pins...) {
		address := string(pin.Location + pin.URL)
		p := Package{Name: swiftName(address), Version: string(pin.State.Version)}
		if pin.Kind == "localSourceControl" || pin.Kind == "fileSystem" || originOf(address) == Local {
			p.Origin = Local
		}
		if p.Name != "" {
			out = append(out, p)
		}
	}
	return out, nil
}

func swiftName(address string) string {
	if user, rest, ok := strings.Cut(address, "@"); ok && !strings.Contains(user, "/") {
		address = "https://" + strings.Replace(rest, ":", "/", 1) // git@host:path
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Host + strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), ".git")
}
