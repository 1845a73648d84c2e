// Package lockfile reads which packages a lockfile or a manifest names. Each reader is a pure function of
// the text of one file.
//
// A name and a version are not enough to look a package up: a workspace's own member, a fork at a commit
// and an archive at somebody's address have names and versions, too, but no advisory about the registry's
// package of that name is about them. So a reader also returns each package's [Origin]. That is why these
// readers exist beside those of osv-scalibr, which leave it out. The grammars are parsed by libraries where
// there is one; the tests compare the result with osv-scalibr's.
package lockfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// A Package is one version of one package, as one file names it.
type Package struct {
	Name    string
	Version string   // empty if the file does not say which one gets installed
	Groups  []string // such as "dev"; empty for a package of the main program
	Origin  Origin

	// Pin means that the version stands on a line of its own that people edit: replacing it there is the
	// whole upgrade.
	Pin bool
}

// An Origin says where the code of a package comes from.
type Origin int

// The origins.
const (
	Registry  Origin = iota // the ecosystem's registry or a mirror of it; the default if the file does not say
	Elsewhere               // a repository or an archive at an address of its own
	Local                   // a folder or an archive next to the project
)

// A Reader returns the packages that the text of a file names, in any order, equal ones perhaps repeated.
type Reader func(text []byte) ([]Package, error)

var errEmpty = errors.New("it holds no object")

// readJSON parses one JSON value. A null is an error.
func readJSON[T any](text []byte) (T, error) {
	var value *T
	if err := json.Unmarshal(text, &value); err != nil {
		return *new(T), err
	}
	if value == nil {
		return *new(T), errEmpty
	}
	return *value, nil
}

// A word is a JSON string. It is empty for a value of another type: some programs write false for
// "unknown".
type word string

// UnmarshalJSON implements [json.Unmarshaler].
func (w *word) UnmarshalJSON(text []byte) error {
	if !bytes.HasPrefix(text, []byte(`"`)) {
		return nil
	}
	return json.Unmarshal(text, (*string)(w))
}

// hosts serve the packages of a registry.
var hosts = []string{
	"registry.npmjs.org", "registry.yarnpkg.com", "npm.pkg.github.com", "files.pythonhosted.org", "pypi.org", "rubygems.org",
	"static.crates.io", "crates.io", "repo.packagist.org", "pub.dev", "repo.hex.pm", "hex.pm",
}

var (
	scheme     = regexp.MustCompile(`^[a-z][a-z0-9+.-]*:`)
	repository = regexp.MustCompile(`^[\w.-]+/[\w.-]+(#.*)?$`) // GitHub's, in short
	// inRegistry matches the paths under which registries and their mirrors serve archives.
	inRegistry = regexp.MustCompile(`/-/|/download/|/_packaging/|^/packages/|^/npm/`)
)

// originOf returns the origin that an address or a path says. A text that is neither, such as a range of
// versions, means the registry.
func originOf(address string) Origin {
	address = strings.TrimSpace(address)
	switch {
	case address == "":
		return Registry
	case address[0] == '.' || address[0] == '/' || address[0] == '~' && strings.HasPrefix(address, "~/"):
		return Local
	case !scheme.MatchString(address):
		if repository.MatchString(address) || strings.HasPrefix(address, "git@") {
			return Elsewhere
		}
		return Registry
	}
	kind, _, _ := strings.Cut(address, ":")
	switch kind {
	case "file", "link", "portal", "workspace", "exec", "directory":
		return Local
	case "npm", "registry":
		return Registry
	case "http", "https":
		u, err := url.Parse(address)
		if err == nil && (slices.Contains(hosts, u.Host) || inRegistry.MatchString(u.Path)) && !strings.HasSuffix(u.Path, ".git") {
			return Registry
		}
	}
	return Elsewhere
}
