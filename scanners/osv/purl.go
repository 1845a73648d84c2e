package osv

import (
	"strings"

	"github.com/package-url/packageurl-go"
)

// purlTypes are the types of package URLs by the ecosystem in which advisories name packages.
var purlTypes = map[string]string{
	"Go": "golang", "npm": "npm", "PyPI": "pypi", "RubyGems": "gem", "crates.io": "cargo", "Packagist": "composer",
	"Maven": "maven", "NuGet": "nuget", "Pub": "pub", "Hex": "hex", "SwiftURL": "swift", actions: "github",
}

// packageURL returns the package URL of a package; empty if its ecosystem has no type
// (https://github.com/package-url/purl-spec/blob/main/PURL-TYPES.rst).
func packageURL(p pkg) string {
	kind, ok := purlTypes[p.ecosystem]
	if !ok {
		return ""
	}
	namespace, name, version := "", p.name, p.version
	split := "/"
	switch p.ecosystem {
	case "Maven":
		split = ":"
	case "Go":
		if version != "" && !strings.HasPrefix(version, "v") {
			version = "v" + version
		}
	}
	if at := strings.LastIndex(name, split); at >= 0 {
		namespace, name = name[:at], name[at+1:]
	}
	return packageurl.NewPackageURL(kind, namespace, name, version, nil, "").ToString()
}
