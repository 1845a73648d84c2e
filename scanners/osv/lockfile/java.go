package lockfile

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"deps.dev/util/maven"
	"golang.org/x/text/encoding/charmap"
)

var declaration = regexp.MustCompile(`^\s*<\?xml[^>]*encoding\s*=\s*["']([\w.-]+)`)

// DecodeXML returns a reader of XML texts. It knows the charsets that build files declare. A text in
// UTF-16 was decoded before it came here, so it is UTF-8 whatever it declares. Where a text is not what it
// declares to be, build tools replace the odd bytes, and so does the reader.
func DecodeXML(text []byte) *xml.Decoder {
	if m := declaration.FindSubmatch(text); m == nil || strings.EqualFold(string(m[1]), "utf-8") {
		text = bytes.ToValidUTF8(text, []byte("\uFFFD"))
	}
	in := xml.NewDecoder(bytes.NewReader(text))
	in.CharsetReader = func(charset string, from io.Reader) (io.Reader, error) {
		switch strings.ToLower(charset) {
		case "iso-8859-1", "latin1", "iso8859-1", "l1":
			return charmap.ISO8859_1.NewDecoder().Reader(from), nil
		case "iso-8859-15", "latin9":
			return charmap.ISO8859_15.NewDecoder().Reader(from), nil
		case "iso-8859-2":
			return charmap.ISO8859_2.NewDecoder().Reader(from), nil
		case "windows-1252", "cp1252", "cp-1252":
			return charmap.Windows1252.NewDecoder().Reader(from), nil
		case "windows-1251", "cp1251":
			return charmap.Windows1251.NewDecoder().Reader(from), nil
		case "us-ascii", "ascii", "utf8", "utf-16", "utf-16le", "utf-16be":
			if utf8.Valid(text) {
				return from, nil
			}
		}
		return nil, fmt.Errorf("the charset %q is not known", charset)
	}
	return in
}

// POM reads Maven's pom.xml. It does not see the project's parent, nor the lists of versions that the
// project imports. It reads the dependencies of all profiles, since each is used by somebody.
func POM(text []byte) ([]Package, error) {
	var project maven.Project
	if err := DecodeXML(text).Decode(&project); err != nil {
		return nil, err
	}
	var build struct {
		Modules []string `xml:"modules>module"`
		Parent  struct {
			RelativePath *string `xml:"relativePath"`
		} `xml:"parent"`
	}
	if err := DecodeXML(text).Decode(&build); err != nil {
		return nil, err
	}
	addProfiles(&project)
	inherits := project.GroupID == "" && project.Version == ""
	project.GroupID = cmp.Or(project.GroupID, project.Parent.GroupID)
	project.Version = cmp.Or(project.Version, project.Parent.Version)
	sameVersion := map[string]bool{} // artifacts whose version is that of the project, by its property
	for _, d := range project.Dependencies {
		sameVersion[string(d.ArtifactID)] = sameVersion[string(d.ArtifactID)] || ownVersion.MatchString(string(d.Version))
	}
	if err := project.Interpolate(); err != nil {
		return nil, err
	}
	managed := map[maven.DependencyKey]maven.Dependency{}
	for _, d := range project.DependencyManagement.Dependencies {
		if _, ok := managed[d.Key()]; !ok {
			managed[d.Key()] = d
		}
	}
	own := reactor(project, build.Modules, func(d maven.Dependency) bool {
		switch at := build.Parent.RelativePath; {
		case !inherits || at != nil && strings.TrimSpace(*at) != "":
			return true
		case at != nil:
			return false // the parent comes from a registry
		}
		return sameVersion[string(d.ArtifactID)]
	})
	var out []Package
	for _, d := range project.Dependencies {
		if rule, ok := managed[d.Key()]; ok {
			if d.Version == "" {
				d.Version = rule.Version
			}
			if d.Scope == "" {
				d.Scope = rule.Scope
			}
		}
		p := Package{Name: d.Name(), Version: mavenVersion(string(d.Version))}
		if scope := strings.TrimSpace(string(d.Scope)); scope != "" && scope != "compile" {
			p.Groups = []string{scope}
		}
		if own(d) || d.Scope == "system" { // a jar next to the project
			p.Origin = Local
		}
		out = append(out, p)
	}
	return out, nil
}

// addProfiles adds what the profiles of a project add to it. The project's own properties and versions
// come first.
func addProfiles(project *maven.Project) {
	set := map[string]bool{}
	for _, p := range project.Properties.Properties {
		set[p.Name] = true
	}
	for _, profile := range project.Profiles {
		for _, p := range profile.Properties.Properties {
			if !set[p.Name] {
				set[p.Name] = true
				project.Properties.Properties = append(project.Properties.Properties, p)
			}
		}
		project.Dependencies = append(project.Dependencies, profile.Dependencies...)
		managed := &project.DependencyManagement
		managed.Dependencies = append(managed.Dependencies, profile.DependencyManagement.Dependencies...)
	}
}

var ownVersion = regexp.MustCompile(`^\s*\$\{((project|pom)\.)?(parent\.)?version\}\s*$|^\s*\$\{revision\}`)

// reactor reports whether a dependency is a module of the same build: a module that the project lists, or
// one of the project's own group and version. A project that inherits both does not say so of its own: its
// parent may come from a registry, together with the dependency. Then the parent has to be in a folder, or
// the dependency has to name the project's version by its property: sibling says so.
func reactor(project maven.Project, modules []string, sibling func(maven.Dependency) bool) func(maven.Dependency) bool {
	names := map[string]bool{}
	for _, m := range modules {
		m = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(m), "/pom.xml"), "/")
		names[m[strings.LastIndexByte(m, '/')+1:]] = true
	}
	return func(d maven.Dependency) bool {
		if project.GroupID == "" || d.GroupID != project.GroupID {
			return false
		}
		return names[string(d.ArtifactID)] || project.Version != "" && d.Version == project.Version && sibling(d)
	}
}

var mavenExact = regexp.MustCompile(`^\[([^,\[\]()]+)\]$`)

// mavenVersion returns the version that a requirement names, or "" if it names several: from a range,
// Maven takes the highest version there is.
func mavenVersion(requirement string) string {
	requirement = strings.TrimSpace(requirement)
	if m := mavenExact.FindStringSubmatch(requirement); m != nil {
		return strings.TrimSpace(m[1])
	}
	if strings.ContainsAny(requirement, "[](),$ ") || requirement == "LATEST" || requirement == "RELEASE" {
		return ""
	}
	return requirement
}

// Gradle reads Gradle's gradle.lockfile, which does not list projects of the same build.
func Gradle(text []byte) ([]Package, error) {
	var out []Package
	for line := range bytes.Lines(text) {
		one := strings.TrimSpace(string(line))
		coordinates, _, ok := strings.Cut(one, "=")
		parts := strings.SplitN(coordinates, ":", 3)
		if !ok || strings.HasPrefix(one, "#") || len(parts) < 3 {
			continue
		}
		out = append(out, Package{Name: parts[0] + ":" + parts[1], Version: parts[2]})
	}
	return out, nil
}
