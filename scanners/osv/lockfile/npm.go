package lockfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// npmEntry is an installed package in a package-lock.json. The fields are those of all its versions
// (https://docs.npmjs.com/cli/configuring-npm/package-lock-json).
type npmEntry struct {
	Name        word   `json:"name"`
	Version     string `json:"version"`
	Resolved    word   `json:"resolved"`
	Link        bool   `json:"link"`
	Dev         bool   `json:"dev"`
	Optional    bool   `json:"optional"`
	DevOptional bool   `json:"devOptional"`
	InBundle    bool   `json:"inBundle"`
}

func (e npmEntry) groups() (groups []string) {
	if e.InBundle {
		groups = append(groups, "bundled")
	}
	if e.Dev || e.DevOptional {
		groups = append(groups, "dev")
	}
	if e.Optional || e.DevOptional {
		groups = append(groups, "optional")
	}
	return groups
}

// PackageLock reads npm's package-lock.json and npm-shrinkwrap.json.
func PackageLock(text []byte) ([]Package, error) {
	lock, err := readJSON[struct {
		Packages     map[string]npmEntry `json:"packages"`
		Dependencies map[string]npmOld   `json:"dependencies"`
	}](text)
	if err != nil {
		return nil, err
	}
	if lock.Packages == nil {
		return oldPackages(lock.Dependencies)
	}
	var out []Package
	for at, e := range lock.Packages {
		if at == "" {
			continue // the project itself
		}
		p := Package{Name: string(e.Name), Version: e.Version, Groups: e.groups(), Origin: originOf(string(e.Resolved))}
		folder, name, installed := cutLast(at, "node_modules/")
		if !installed {
			name = path.Base(folder)
		}
		if p.Name == "" {
			p.Name = name
		}
		// What is not in a node_modules is a folder of the project, and a link leads to one.
		if !installed || e.Link {
			p.Origin = Local
		}
		out = append(out, p)
	}
	return out, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// npmOld is an entry of lockfileVersion 1, where the version of a package that is not the registry's is
// its address.
type npmOld struct {
	Version      string            `json:"version"`
	Dev          bool              `json:"dev"`
	Optional     bool              `json:"optional"`
	Dependencies map[string]npmOld `json:"dependencies"`
}

func oldPackages(list map[string]npmOld) (out []Package, err error) {
	for name, e := range list {
		p := Package{Name: name, Version: e.Version, Groups: npmEntry{Dev: e.Dev, Optional: e.Optional}.groups()}
		if alias, ok := strings.CutPrefix(e.Version, "npm:"); ok {
			if p.Name, p.Version, ok = cutLast(alias, "@"); !ok || p.Name == "" {
				return nil, fmt.Errorf("%q is an alias without a version", name)
			}
		} else if p.Origin = originOf(e.Version); p.Origin != Registry {
			p.Version = ""
		}
		inner, err := oldPackages(e.Dependencies)
		if err != nil {
			return nil, err
		}
		out = append(append(out, p), inner...)
	}
	return out, nil
}

var yarnField = regexp.MustCompile(`^ {2}"?(version|resolution|linkType)"?:? "?([^"]*)"?$`)

// Yarn reads the yarn.lock of all versions of Yarn.
func Yarn(text []byte) ([]Package, error) {
	var out []Package
	head, fields := "", map[string]string{}
	end := func() {
		if head != "" && head != "__metadata" {
			out = append(out, yarnPackage(head, fields))
		}
		fields = map[string]string{}
	}
	for line := range bytes.Lines(text) {
		trimmed := string(bytes.TrimRight(line, "\r\n"))
		switch {
		case strings.TrimSpace(trimmed) == "" || strings.HasPrefix(strings.TrimSpace(trimmed), "#"):
		case trimmed[0] != ' ':
			end()
			head = strings.TrimSuffix(trimmed, ":")
		case head == "":
			return nil, errors.New("a field without a package")
		default:
			if m := yarnField.FindStringSubmatch(trimmed); m != nil {
				fields[m[1]] = m[2]
			}
		}
	}
	end()
	return out, nil
}

// yarnPackage returns the package of one entry. Newer versions of Yarn write where it comes from into its
// resolution, older ones only have what was asked for.
func yarnPackage(head string, fields map[string]string) Package {
	first, _, _ := strings.Cut(head, ",")
	name, from := descriptor(strings.Trim(first, `" `))
	if resolution := fields["resolution"]; resolution != "" {
		name, from = descriptor(resolution)
	} else if alias, ok := strings.CutPrefix(from, "npm:"); ok && strings.Contains(alias, "@") {
		name, from = descriptor(alias)
	}
	p := Package{Name: name, Version: fields["version"], Origin: originOf(from)}
	if patched, ok := strings.CutPrefix(from, "patch:"); ok {
		// The package of the registry, with changes from the project.
		if plain, err := url.PathUnescape(patched); err == nil {
			_, from, _ := strings.Cut(strings.TrimPrefix(plain, "@"), "@")
			p.Origin = originOf(from)
		}
	}
	if fields["linkType"] == "soft" {
		p.Origin = Local
	}
	return p
}

// descriptor cuts "@scope/name@range" in two.
func descriptor(s string) (name, from string) {
	at := strings.IndexByte(s[min(1, len(s)):], '@')
	if at < 0 {
		return s, ""
	}
	return s[:at+1], s[at+2:]
}

type pnpmEntry struct {
	Resolution struct {
		Tarball   string `yaml:"tarball"`
		Directory string `yaml:"directory"`
		Repo      string `yaml:"repo"`
		Type      string `yaml:"type"`
	} `yaml:"resolution"`
	Name    string `yaml:"name"`
	Version string `yaml:"version"`
	Dev     bool   `yaml:"dev"`
}

func (e pnpmEntry) origin() Origin {
	switch {
	case e.Resolution.Directory != "" || e.Resolution.Type == "directory":
		return Local
	case e.Resolution.Repo != "" || e.Resolution.Type == "git":
		return Elsewhere
	}
	return originOf(e.Resolution.Tarball)
}

// Pnpm reads the pnpm-lock.yaml of all versions of pnpm. Newer ones write several documents.
func Pnpm(text []byte) ([]Package, error) {
	var out []Package
	in := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var lock struct {
			Packages map[string]pnpmEntry `yaml:"packages"`
		}
		if err := in.Decode(&lock); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		for key, e := range lock.Packages {
			name, version, origin := pnpmKey(key)
			p := Package{Name: name, Version: version, Origin: max(origin, e.origin())}
			if e.Name != "" {
				p.Name = e.Name
			}
			if e.Version != "" {
				p.Version = e.Version
			}
			if e.Dev {
				p.Groups = []string{"dev"}
			}
			if p.Name != "" && p.Version != "" {
				out = append(out, p)
			}
		}
	}
}

var (
	pnpmPath = regexp.MustCompile(`^(?:[^/@]*\.[^/@]*)?/((?:@[^/@]+/)?[^/@]+)[/@](\d[^/_(]*)`) // up to version 8: /name/1.0.0_peers, /name@1.0.0(peers)
	pnpmName = regexp.MustCompile(`^((?:@[^/@]+/)?[^/@]+)@(.+?)(?:\(.*)?$`)                    // from version 9: name@1.0.0
)

func pnpmKey(key string) (name, version string, origin Origin) {
	if m := pnpmPath.FindStringSubmatch(key); m != nil {
		return m[1], m[2], Registry
	}
	m := pnpmName.FindStringSubmatch(key)
	if m == nil {
		return "", "", originOf(key)
	}
	if origin = originOf(m[2]); origin != Registry {
		return m[1], "", origin
	}
	return m[1], m[2], Registry
}

// firstOf is the first element of a JSON array, if it is a string.
type firstOf string

// UnmarshalJSON implements [json.Unmarshaler]. It does not keep the other elements, however many there are.
func (f *firstOf) UnmarshalJSON(text []byte) error {
	in := json.NewDecoder(bytes.NewReader(text))
	if start, err := in.Token(); err != nil || start != json.Delim('[') {
		return err
	}
	first, err := in.Token()
	if id, ok := first.(string); ok {
		*f = firstOf(id)
	}
	return err
}

// Bun reads the text format of Bun's lockfile, JSON with commas behind last elements
// (https://bun.com/docs/pm/lockfile).
func Bun(text []byte) ([]Package, error) {
	lock, err := readJSON[struct {
		Packages map[string]firstOf `json:"packages"`
	}](plainJSON(text))
	if err != nil {
		return nil, err
	}
	var out []Package
	for key, id := range lock.Packages {
		name, version := descriptor(string(id))
		if name == "" {
			return nil, fmt.Errorf("%q has no name", key)
		}
		p := Package{Name: name, Version: version, Origin: originOf(version)}
		if p.Origin != Registry || strings.HasPrefix(version, "root:") {
			p.Version, p.Origin = "", max(p.Origin, Elsewhere)
		}
		out = append(out, p)
	}
	return out, nil
}

// plainJSON removes comments, and commas before a closing bracket.
func plainJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	comma := -1 // where in out, if only white space follows
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			end := i + 1
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			out, comma = append(out, text[i:end]...), -1
			i = end - 1
			continue
		case bytes.HasPrefix(text[i:], []byte("//")):
			for i+1 < len(text) && text[i+1] != '\n' {
				i++
			}
			continue
		case bytes.HasPrefix(text[i:], []byte("/*")):
			end := bytes.Index(text[i+2:], []byte("*/"))
			if end < 0 {
				return out
			}
			i += 2 + end + 1
			continue
		case c == ',':
			comma = len(out)
		case (c == '}' || c == ']') && comma >= 0:
			out[comma], comma = ' ', -1
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			comma = -1
		}
		out = append(out, text[i])
	}
	return out
}
