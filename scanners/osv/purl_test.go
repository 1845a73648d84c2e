package osv

import (
	"testing"

	"github.com/package-url/packageurl-go"
)

func TestPurl(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]pkg{
		"pkg:golang/golang.org/x/net@v0.1.0":                   {ecosystem: "Go", name: "golang.org/x/net", version: "0.1.0"},
		"pkg:npm/lodash@4.17.20":                               {ecosystem: "npm", name: "lodash", version: "4.17.20"},
		"pkg:npm/%40babel/traverse@7.0.0":                      {ecosystem: "npm", name: "@babel/traverse", version: "7.0.0"},
		"pkg:pypi/jinja2":                                      {ecosystem: "PyPI", name: "jinja2"},
		"pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1": {ecosystem: "Maven", name: "org.apache.logging.log4j:log4j-core", version: "2.14.1"},
		"pkg:composer/guzzlehttp/psr7@1.8.0":                   {ecosystem: "Packagist", name: "guzzlehttp/psr7", version: "1.8.0"},
		"pkg:github/tj-actions/changed-files@v35":              {ecosystem: actions, name: "tj-actions/changed-files", version: "v35"},
		"pkg:swift/github.com/vapor/vapor@4.0.0":               {ecosystem: "SwiftURL", name: "github.com/vapor/vapor", version: "4.0.0"},
		"pkg:gem/rack@2.0.0":                                   {ecosystem: "RubyGems", name: "rack", version: "2.0.0"},
		"":                                                     {ecosystem: "Debian", name: "openssl", version: "1"},
	} {
		got := packageURL(p)
		if got != want {
			t.Errorf("%+v: %q, want %q", p, got, want)
		}
		if want == "" {
			continue
		}
		if _, err := packageurl.FromString(got); err != nil {
			t.Errorf("%q cannot be read back: %v", got, err)
		}
	}
	for f := range formats {
		if _, ok := purlTypes[formats[f].ecosystem]; !ok {
			t.Errorf("packages of %s have no type of package URL", formats[f].ecosystem)
		}
	}
}
