package osv

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/osv-scalibr/enricher/vulnmatch/osvlocal"
	"github.com/google/osv-scalibr/extractor"
	"github.com/google/osv-scalibr/purl"
	"github.com/ossf/osv-schema/bindings/go/osvschema"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/secbydesign/secbydesign/scanners"
)

func parse(t testing.TB, text string) *advisory {
	t.Helper()
	a, err := parseAdvisory([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// about returns an advisory about npm's "p", with the given part of its entry.
func about(t testing.TB, part string) *advisory {
	t.Helper()
	return parse(t, `{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"p"},`+part+`}]}`)
}

var ranges = map[string]struct {
	part          string
	inside, outer []string
}{
	"from the beginning": {`"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.2.0"}]}]`,
		[]string{"0.0.1", "1.1.9", "1.2.0-rc.1"}, []string{"1.2.0", "1.10.0", "2.0.0"}},
	"without an end": {`"ranges":[{"type":"SEMVER","events":[{"introduced":"1.0.0"}]}]`,
		[]string{"1.0.0", "99.0.0"}, []string{"0.9.9", "1.0.0-alpha"}},
	"last affected": {`"ranges":[{"type":"SEMVER","events":[{"introduced":"1.0.0"},{"last_affected":"1.5.0"}]}]`,
		[]string{"1.0.0", "1.5.0"}, []string{"1.5.1", "0.1.0"}},
	"several": {`"ranges":[{"type":"SEMVER","events":[{"introduced":"1.0.0"},{"fixed":"1.1.0"},{"introduced":"2.0.0"},{"fixed":"2.1.0"}]}]`,
		[]string{"1.0.5", "2.0.5"}, []string{"1.1.0", "1.9.0", "2.1.0"}},
	"in disorder": {`"ranges":[{"type":"SEMVER","events":[{"fixed":"2.1.0"},{"introduced":"2.0.0"},{"fixed":"1.1.0"},{"introduced":"0"}]}]`,
		[]string{"1.0.5", "2.0.5"}, []string{"1.1.0", "1.9.0", "2.1.0"}},
	"behind commits": {`"ranges":[{"type":"GIT","repo":"https://example.com/p","events":[{"introduced":"0"},{"fixed":"abc"}]},{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.0.0"}]}]`,
		[]string{"0.9.0"}, []string{"1.0.0"}},
	"commits only": {`"ranges":[{"type":"GIT","repo":"https://example.com/p","events":[{"introduced":"0"}]}]`,
		nil, []string{"0.9.0"}},
	"limit": {`"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"limit":"2.0.0"}]}]`,
		[]string{"1.9.0"}, []string{"2.0.0"}},
	"versions": {`"versions":["1.0.0","1.2.0"]`,
		[]string{"1.0.0", "1.2.0"}, []string{"1.1.0"}},
	"versions beside a range": {`"versions":["5.0.0"],"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.0.0"}]}]`,
		[]string{"0.5.0", "5.0.0"}, []string{"4.0.0"}},
	"nothing said": {`"versions":[]`, nil, []string{"1.0.0"}},
	"no events":    {`"ranges":[{"type":"SEMVER","events":[]}]`, nil, []string{"1.0.0"}},
}

func TestRanges(t *testing.T) {
	t.Parallel()
	for name, test := range ranges {
		a := about(t, test.part)
		check := func(versions []string, want bool) {
			for _, v := range versions {
				if got := a.affects(pkg{ecosystem: "npm", name: "p", version: v}); got != want {
					t.Errorf("%s: %s is affected: %v", name, v, got)
				}
				if a.affects(pkg{ecosystem: "PyPI", name: "p", version: v}) || a.affects(pkg{ecosystem: "npm", name: "q", version: v}) {
					t.Errorf("%s: another package is affected", name)
				}
			}
		}
		check(test.inside, true)
		check(test.outer, false)
	}
}

// The matcher of osv-scalibr agrees, except for its known faults.
func TestRangesAsTheLibrarySeesThem(t *testing.T) {
	t.Parallel()
	for name, test := range ranges {
		if name == "behind commits" || name == "limit" {
			continue
		}
		a := about(t, test.part)
		theirs := &osvschema.Vulnerability{}
		text := `{"id":"X-1","affected":[{"package":{"ecosystem":"npm","name":"p"},` + test.part + `}]}`
		if err := protojson.Unmarshal([]byte(text), theirs); err != nil {
			t.Fatal(err)
		}
		for major := range 4 {
			for minor := range 13 {
				for _, pre := range []string{"", "-rc.1"} {
					v := fmt.Sprintf("%d.%d.0%s", major, minor, pre)
					hits := osvlocal.VulnerabilitiesAffectingPackage([]*osvschema.Vulnerability{theirs}, &extractor.Package{Name: "p", Version: v, PURLType: purl.TypeNPM})
					if got := a.affects(pkg{ecosystem: "npm", name: "p", version: v}); got != (len(hits) > 0) {
						t.Errorf("%s: %s is affected: %v, the library says %v", name, v, got, len(hits) > 0)
					}
				}
			}
		}
	}
}

func TestOddVersions(t *testing.T) {
	t.Parallel()
	never := about(t, `"ranges":[{"type":"SEMVER","events":[{"introduced":"1.0.0"},{"fixed":"1.1.0"}]}]`)
	python := parse(t, `{"id":"X-1","affected":[{"package":{"ecosystem":"PyPI","name":"p"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"not a version"},{"fixed":"neither"}]}]}]}`)
	for _, v := range []string{"", "x", "../..", "1.0.0\x00", strings.Repeat("9", 250), "1..2", "🦄", "v"} {
		never.affects(pkg{ecosystem: "npm", name: "p", version: v})
		python.affects(pkg{ecosystem: "PyPI", name: "p", version: v})
		fixedVersion(pkg{ecosystem: "PyPI", name: "p", version: v}, problem{advisories: []*advisory{python}})
	}
	if never.affects(pkg{ecosystem: "npm", name: "p"}) {
		t.Error("a package without a version is affected by an ordinary advisory")
	}
}

func TestSomeAdvisoriesDoNotCount(t *testing.T) {
	t.Parallel()
	withdrawn := parse(t, `{"id":"X-1","withdrawn":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"npm","name":"p"},"versions":["1.0.0"]}]}`)
	if withdrawn.affects(pkg{ecosystem: "npm", name: "p", version: "1.0.0"}) {
		t.Error("a withdrawn advisory counts")
	}
	release := parse(t, `{"id":"X-1","affected":[{"package":{"ecosystem":"Maven:https://repo.example.com","name":"g:a"},"versions":["1.0"]}]}`)
	if !release.affects(pkg{ecosystem: "Maven", name: "g:a", version: "1.0"}) {
		t.Error("an ecosystem's suffix counts")
	}
	malice := parse(t, `{"id":"MAL-1","affected":[{"package":{"ecosystem":"npm","name":"p"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"2.0.0"}]}]}]}`)
	if malice.affects(pkg{ecosystem: "npm", name: "p"}) {
		t.Error("a package without a version counts as malicious, though only some versions are")
	}
}

func TestSeverity(t *testing.T) {
	t.Parallel()
	const high3 = `{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}`
	tests := map[string]struct {
		part string
		want scanners.Severity
	}{
		"nothing":           {`"id":"X"`, scanners.Medium},
		"4.0 before 3":      {`"severity":[` + high3 + `,{"type":"CVSS_V4","score":"CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"}]`, scanners.Low},
		"3.1":               {`"severity":[` + high3 + `]`, scanners.High},
		"3.0":               {`"severity":[{"type":"CVSS_V3","score":"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}]`, scanners.Critical},
		"2":                 {`"severity":[{"type":"CVSS_V2","score":"AV:N/AC:M/Au:N/C:P/I:N/A:N"}]`, scanners.Medium},
		"3 before words":    {`"severity":[` + high3 + `],"database_specific":{"severity":"LOW"}`, scanners.High},
		"words":             {`"database_specific":{"severity":"MODERATE"}`, scanners.Medium},
		"critical":          {`"database_specific":{"severity":"critical"}`, scanners.Critical},
		"odd word":          {`"database_specific":{"severity":"terrible"}`, scanners.Medium},
		"odd database":      {`"database_specific":["x"]`, scanners.Medium},
		"severity a number": {`"database_specific":{"severity":7}`, scanners.Medium},
		"malformed vector":  {`"severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:X"},{"type":"CVSS_V3","score":"7.5"},{"type":"CVSS_V3","score":"CVSS:3.1/AV"}],"database_specific":{"severity":"LOW"}`, scanners.Low},
		"no impact":         {`"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"}]`, scanners.Note},
		"of the package":    {`"affected":[{"package":{"ecosystem":"npm","name":"p"},"severity":[` + high3 + `]},{"package":{"ecosystem":"npm","name":"q"},"severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H"}]}]`, scanners.High},
		"malicious":         {`"id":"MAL-2026-1","database_specific":{"severity":"LOW"}`, scanners.Critical},
	}
	for name, test := range tests {
		part := test.part
		if !strings.Contains(part, `"id"`) {
			part = `"id":"X",` + part
		}
		p := problem{advisories: []*advisory{parse(t, "{"+part+"}")}}
		if got := p.severity(pkg{ecosystem: "npm", name: "p"}); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ records, want string }{
		"unrelated":                     {"CVE-2 / GHSA-1", "CVE-2: CVE-2 / GHSA-1: GHSA-1"},
		"one names the other":           {"GO-1 CVE-1 GHSA-1 / GHSA-1", "GHSA-1: CVE-1 GHSA-1 GO-1"},
		"both name a third":             {"PYSEC-1 CVE-1 / GHSA-1 CVE-1", "GHSA-1: CVE-1 GHSA-1 PYSEC-1"},
		"a chain":                       {"A-1 X-1 / B-1 X-2 / C-1 X-1 X-2", "A-1: A-1 B-1 C-1 X-1 X-2"},
		"a chain in another order":      {"C-1 X-1 X-2 / B-1 X-2 / A-1 X-1 / D-1", "A-1: A-1 B-1 C-1 X-1 X-2 / D-1: D-1"},
		"CVE before others":             {"GO-1 CVE-1", "CVE-1: CVE-1 GO-1"},
		"the first of GitHub's":         {"GO-1 GHSA-2 GHSA-1", "GHSA-1: GHSA-1 GHSA-2 GO-1"},
		"neither":                       {"RUSTSEC-1", "RUSTSEC-1: RUSTSEC-1"},
		"malice of one package is one":  {"MAL-1 / MAL-2 GHSA-9 / GHSA-1", "GHSA-1: GHSA-1 / GHSA-9: GHSA-9 MAL-1 MAL-2"},
		"an alias twice, and of itself": {"GHSA-1 GHSA-1 CVE-1 CVE-1", "GHSA-1: CVE-1 GHSA-1"},
	}
	for name, test := range tests {
		var list []*advisory
		for _, r := range strings.Split(test.records, " / ") {
			names := strings.Fields(r)
			list = append(list, &advisory{ID: names[0], Aliases: names[1:]})
		}
		for range 3 {
			var got []string
			for _, p := range group(slices.Clone(list)) {
				got = append(got, p.id()+": "+strings.Join(p.aliases, " "))
			}
			slices.Sort(got)
			if strings.Join(got, " / ") != test.want {
				t.Errorf("%s: got %q, want %q", name, got, test.want)
			}
			slices.Reverse(list)
		}
	}
}

func TestFixedVersion(t *testing.T) {
	t.Parallel()
	problemOf := func(events string) problem {
		return problem{advisories: []*advisory{about(t, `"ranges":[{"type":"SEMVER","events":[`+events+`]}]`)}}
	}
	one := problemOf(`{"introduced":"0"},{"fixed":"1.5.0"},{"introduced":"2.0.0"},{"fixed":"2.3.0"}`)
	two := problemOf(`{"introduced":"0"},{"fixed":"1.6.0"}`)
	three := problemOf(`{"introduced":"0"},{"fixed":"2.2.0"}`)
	endless := problemOf(`{"introduced":"0"}`)
	tests := map[string]struct {
		version string
		list    []problem
		want    string
	}{
		"same major":           {"1.0.0", []problem{one}, "1.5.0"},
		"of the second range":  {"2.0.0", []problem{one}, "2.3.0"},
		"of both":              {"1.0.0", []problem{one, two}, "1.6.0"},
		"next major":           {"1.0.0", []problem{three}, "2.2.0"},
		"next major, unharmed": {"1.0.0", []problem{one, three}, "2.3.0"},
		"none":                 {"1.0.0", []problem{endless}, ""},
		"one has none":         {"1.0.0", []problem{one, endless}, ""},
		"no version":           {"", []problem{one}, ""},
	}
	for name, test := range tests {
		if got := fixedVersion(pkg{ecosystem: "npm", name: "p", version: test.version}, test.list...); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text, ecosystem, name, version string
		line, column                   int
	}{
		"on one line":             {"x\na 1.0\n", "npm", "a", "1.0", 2, 3},
		"not a part of a name":    {"a-b 1.0\nb-a 1.0\na.b 1.0\n@a/b 1.0\nb/a 1.0\nxa 1.0\nax 1.0\na 1.0\n", "npm", "a", "1.0", 8, 3},
		"not a part of a version": {"a 11.0\na 1.0.1\na 1.0-rc\na 0.1.0\na v1.0\n", "npm", "a", "1.0", 5, 4},
		"scoped":                  {"\"node_modules/b\": {\n\"version\": \"1.0\"\n\"node_modules/@a/b\": {\n\"version\": \"1.0\"\n", "npm", "@a/b", "1.0", 3, 0},
		"the nearest":             {"\"a\"\n\n\"2.0\"\n\"a\"\n\"1.0\"\n", "npm", "a", "1.0", 4, 0},
		"old pnpm":                {"packages:\n  /a/1.0:\n", "npm", "a", "1.0", 2, 6},
		"artifact":                {"<groupId>g</groupId>\n<artifactId>a</artifactId>\n<version>1.0</version>", "Maven", "g:a", "1.0", 2, 0},
		"gradle":                  {"g:a-b:1.0=x\ng:a:1.0=x\n", "Maven", "g:a", "1.0", 2, 5},
		"version is not there":    {"b\na ${x}\n", "Maven", "a", "1.0", 2, 0},
		"no version":              {"b\na\n", "npm", "a", "", 2, 0},
		"not there":               {"b\n", "npm", "a", "1.0", 0, 0},
		"characters, not bytes":   {"äöü a 1.0\n", "npm", "a", "1.0", 1, 7},
		"at the end":              {"a 1.0", "npm", "a", "1.0", 1, 3},
		"other major of a module": {"x.y/a/v2 v1.0.0\nx.y/a v1.0.0\n", "Go", "x.y/a", "1.0.0", 2, 8},
		"asked for, npm":          {"\"b\": {\n\"requires\": {\n\"a\": \"^1.0\",\n\"c\": \"1.0\"\n}\n},\n\"a\": {\n\"version\": \"1.0\"\n", "npm", "a", "1.0", 7, 0},
		"asked for exactly":       {"\"b\": {\n\"requires\": {\n\"a\": \"1.0\"\n}\n},\n\"node_modules/a\": {\n\"version\": \"1.0\"\n", "npm", "a", "1.0", 6, 0},
		"asked for, yarn":         {"b@1.0:\n  version \"1.0\"\n  dependencies:\n    a \"^1.0\"\n\na@^1.0:\n  version \"1.0\"\n", "npm", "a", "1.0", 6, 0},
		"asked for, Ruby":         {"    b (2.0)\n      a (>= 1.0)\n    a (1.0)\n", "RubyGems", "a", "1.0", 3, 8},
		"only asked for":          {"\"b\": {\n\"a\": \"^1.0\"\n", "npm", "a", "1.0", 2, 8},
		"a version far from it":   {"a\n" + strings.Repeat("x", near) + "\n1.0", "npm", "a", "1.0", 1, 0},
		"many mentions":           {strings.Repeat("a\n", 3*maxMentions) + "a 1.0\n", "npm", "a", "9.9", 1, 0},
	}
	for name, test := range tests {
		got := locate([]byte(test.text), pkg{ecosystem: test.ecosystem, shown: test.name, version: test.version})
		if got.line != test.line || got.column != test.column {
			t.Errorf("%s: got %+v, want line %d, column %d", name, got, test.line, test.column)
		}
	}
}

// FuzzAdvisory checks that no advisory makes a scan panic.
func FuzzAdvisory(f *testing.F) {
	for _, test := range ranges {
		f.Add([]byte(`{"id":"X-1","aliases":["CVE-1"],"affected":[{"package":{"ecosystem":"npm","name":"p"},`+test.part+`}]}`), "1.0.0")
	}
	f.Add([]byte(`{"id":"MAL-1","severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],"database_specific":{"severity":"x"},"details":"x. y"}`), "x")
	f.Fuzz(func(t *testing.T, text []byte, version string) {
		a, err := parseAdvisory(text)
		if err != nil || len(version) > maxField {
			return
		}
		for _, ecosystem := range []string{"npm", "PyPI", "Maven", "Go", "RubyGems", "NuGet", "Packagist", "crates.io", actions} {
			p := pkg{ecosystem: ecosystem, name: "p", version: version, shown: "p"}
			for _, one := range a.Affected {
				p.name = canonical(ecosystem, one.Package.Name)
			}
			a.affects(p)
			for _, one := range group([]*advisory{a, {ID: "CVE-1"}}) {
				finding := describe(formats[0], scanners.File{Path: "go.mod", Content: text}, p, one, fixedVersion(p, one))
				if finding.Rule == "" || strings.Contains(finding.Message, "\n") || finding.Severity > scanners.Critical {
					t.Errorf("got %+v", finding)
				}
			}
		}
		if _, err := json.Marshal(a.names()); err != nil {
			t.Error(err)
		}
	})
}

func TestFirstSentence(t *testing.T) {
	t.Parallel()
	for details, want := range map[string]string{
		"":                              "",
		"It leaks. Upgrade it.\n\nMore": "It leaks",
		"urllib3 is a user-friendly HTTP client library for Python. It sends cookies to others. Upgrade.": "It sends cookies to others",
		"Synapse is a homeserver. Matrix is an ecosystem. An event of a few bytes stops it.":              "An event of a few bytes stops it.",
		"Foo is a library.": "Foo is a library.",
		"An attacker who is the owner of a file can read all. There is a patch.": "An attacker who is the owner of a file can read all",
	} {
		if got := firstSentence(details); got != want {
			t.Errorf("%q: %q, want %q", details, got, want)
		}
	}
}
