package design

import (
	_ "embed"
	"encoding/json"
	"strings"
	"sync"
)

// packages.json lists packages whose first use is a decision, by category and ecosystem: SDKs of services of other
// companies; libraries for authentication, cryptography and the web; parsers of files that people send. A name that
// ends in * stands for all that begin so. Names of Go are module paths without a major version.
//
//go:embed packages.json
var packagesJSON []byte

// A dependency is a direct one of the product.
type dependency struct {
	ecosystem, name string
	line            int

	// search is the text that the base has where it depends on the package already.
	search string
}

// categories are the signals of the categories of packages.json, in the order in which they are tried.
var categories = []struct{ name, rule string }{
	{"service", "dep-third-party-service"},
	{"auth", "dep-security-critical"},
	{"crypto", "dep-security-critical"},
	{"framework", "dep-security-critical"},
	{"parser", "dep-risky-parser"},
}

// A packageList holds exact names, and beginnings of names.
type packageList struct {
	exact    map[string]bool
	prefixes []string
}

var packageLists = sync.OnceValue(func() map[string]map[string]packageList {
	var all map[string]map[string][]string
	if err := json.Unmarshal(packagesJSON, &all); err != nil {
		panic(err) // the file is part of the program, and a test reads it
	}
	lists := map[string]map[string]packageList{}
	for category, ecosystems := range all {
		lists[category] = map[string]packageList{}
		for ecosystem, names := range ecosystems {
			l := packageList{exact: map[string]bool{}}
			for _, name := range names {
				name = foldName(ecosystem, name)
				if prefix, open := strings.CutSuffix(name, "*"); open {
					l.prefixes = append(l.prefixes, prefix)
				} else {
					l.exact[name] = true
				}
			}
			lists[category][ecosystem] = l
		}
	}
	return lists
})

var (
	goMajor       = rex(`(/v[0-9]+|\.v[0-9]+)$`)
	pythonHyphens = rex(`[-_.]+`)
)

// foldName makes names equal that are the same package.
func foldName(ecosystem, name string) string {
	switch ecosystem {
	case "go":
		return goMajor.ReplaceAllString(name, "")
	case "pypi":
		return strings.ToLower(pythonHyphens.ReplaceAllString(name, "-"))
	case "nuget", "composer":
		return strings.ToLower(name)
	}
	return name
}

// categoryOf returns the category of a package; empty for none.
func categoryOf(ecosystem, name string) string {
	name = foldName(ecosystem, name)
	for _, c := range categories {
		list := packageLists()[c.name][ecosystem]
		if list.exact[name] {
			return c.name
		}
		for _, prefix := range list.prefixes {
			if strings.HasPrefix(name, prefix) {
				return c.name
			}
		}
	}
	return ""
}

// dependencies finds direct dependencies of the product that are decisions.
func dependencies(s *source) {
	for _, read := range manifests {
		for _, d := range read(s) {
			category := categoryOf(d.ecosystem, d.name)
			if category == "" {
				continue
			}
			if category == "service" {
				d.search = vendorOf(d)
			}
			for _, c := range categories {
				if c.name == category {
					name := strings.TrimSuffix(foldName(d.ecosystem, d.name), "/")
					s.add(c.rule, name, d.line, with("package", name), with("ecosystem", d.ecosystem), with("category", category), with("search", d.search))
				}
			}
		}
	}
}

var (
	// houses offer many services under one name, so that another package of theirs is another service.
	houses = rex(`^(@aws-sdk|@google-cloud|@azure|@googleapis|@microsoft|software\.amazon\.awssdk|com\.amazonaws|com\.google\.cloud|com\.google\.apis|com\.azure|com\.aliyun|com\.microsoft\.azure|io\.awspring\.cloud|symfony|laravel|league|spatie)$`)

	// families are vendors of many packages for one service.
	families = rex(`^(sentry|bugsnag|rollbar|honeybadger|datadog|newrelic|logtail|intercom|hubspot|posthog|launchdarkly|statsig|algoliasearch|appsignal|elastic|postmark|sendgrid|stripe|mailgun)([-_.])`)
)

// vendorOf returns the text that the base has where it uses the service already, by this package or another one of it.
func vendorOf(d dependency) string {
	switch d.ecosystem {
	case "npm", "composer":
		if vendor, _, scoped := strings.Cut(d.name, "/"); scoped && !houses.MatchString(vendor) {
			return `"` + vendor + "/"
		}
	case "maven":
		if group, _, _ := strings.Cut(d.name, ":"); !houses.MatchString(group) {
			return group
		}
	}
	if m := families.FindString(strings.ToLower(d.name)); m != "" {
		if i := strings.Index(d.search, d.name); i >= 0 {
			return d.search[:i+len(m)]
		}
	}
	return d.search
}
