package lockfile

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
)

// NuGetLock reads packages.lock.json.
func NuGetLock(text []byte) ([]Package, error) {
	lock, err := readJSON[struct {
		Frameworks map[string]map[string]struct {
			Type     word   `json:"type"`
			Resolved string `json:"resolved"`
		} `json:"dependencies"`
	}](text)
	if err != nil {
		return nil, err
	}
	var out []Package
	for _, list := range lock.Frameworks {
		for name, e := range list {
			p := Package{Name: name, Version: e.Resolved}
			if strings.EqualFold(string(e.Type), "Project") {
				p.Origin = Local
			}
			out = append(out, p)
		}
	}
	return out, nil
}

// NuGetConfig reads packages.config.
func NuGetConfig(text []byte) ([]Package, error) {
	var config struct {
		XMLName  xml.Name `xml:"packages"`
		Packages []struct {
			ID      string `xml:"id,attr"`
			Version string `xml:"version,attr"`
			Dev     bool   `xml:"developmentDependency,attr"`
		} `xml:"package"`
	}
	if err := DecodeXML(text).Decode(&config); err != nil {
		return nil, err
	}
	var out []Package
	for _, p := range config.Packages {
		one := Package{Name: p.ID, Version: p.Version}
		if p.Dev {
			one.Groups = []string{"dev"}
		}
		out = append(out, one)
	}
	return out, nil
}

var (
	msbuildProperty = regexp.MustCompile(`\$\(([\w.-]+)\)`)
	nugetVersion    = regexp.MustCompile(`^\[?\s*(\d[\w.+-]*)\s*\]?$`)
)

// NuGetProject reads the packages that an MSBuild file asks for: a project, or the list of versions of
// several projects (Directory.Packages.props). NuGet installs the lowest version that suffices, so a
// plain version is the one that gets installed.
func NuGetProject(text []byte) ([]Package, error) {
	var out []Package
	properties := map[string]string{}
	in := DecodeXML(text)
	var path []string
	item := -1 // of out, whose element is open
	for {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			path = append(path, t.Name.Local)
			switch t.Name.Local {
			case "PackageReference", "PackageVersion", "GlobalPackageReference":
				if p := msbuildItem(t); p.Name != "" {
					item = len(out)
					out = append(out, p)
				}
			}
		case xml.EndElement:
			path = path[:len(path)-1]
			if t.Name.Local != "Version" {
				item = -1
			}
		case xml.CharData:
			n := len(path)
			switch {
			case n >= 2 && path[n-2] == "PropertyGroup":
				properties[path[n-1]] = strings.TrimSpace(string(t))
			case item >= 0 && path[n-1] == "Version":
				out[item].Version = strings.TrimSpace(string(t))
			}
		}
	}
	for i := range out {
		version := msbuildProperty.ReplaceAllStringFunc(out[i].Version, func(use string) string {
			if value, ok := properties[msbuildProperty.FindStringSubmatch(use)[1]]; ok && len(value) < 100 {
				return value
			}
			return use
		})
		out[i].Version = ""
		if m := nugetVersion.FindStringSubmatch(version); m != nil {
			out[i].Version = m[1]
		}
	}
	return out, nil
}

func msbuildItem(element xml.StartElement) (p Package) {
	for _, a := range element.Attr {
		switch value := strings.TrimSpace(a.Value); a.Name.Local {
		case "Include", "Update":
			p.Name = value
		case "Version", "VersionOverride":
			p.Version = value
		}
	}
	if strings.ContainsAny(p.Name, "$@%;") {
		p.Name = "" // computed
	}
	return p
}
