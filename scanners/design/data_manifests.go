package design

import (
	"bytes"
	stdxml "encoding/xml"
	"path"
	"slices"
	"strings"

	gotoml "github.com/pelletier/go-toml/v2"
	"golang.org/x/mod/modfile"

	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// manifests read the direct dependencies of the product from one kind of file each.
var manifests = []func(*source) []dependency{
	packageJSON, composerJSON, goMod, requirementsTxt, pythonTOML, setupPy, gemfile, pomXML, gradleBuild, gradleCatalog, nugetXML, cargoTOML,
}

// jsonDependencies reads the names under a key of a JSON object.
func (s *source) jsonDependencies(ecosystem, key string) (list []dependency) {
	for _, doc := range s.yaml() {
		for _, e := range doc.Get(key).Pairs() {
			if e.Value == nil || e.Value.Kind != yamlpos.Scalar || strings.HasPrefix(e.Value.Text, "workspace:") {
				continue
			}
			list = append(list, dependency{ecosystem, e.Key, e.Line, `"` + e.Key + `"`})
		}
	}
	return list
}

func packageJSON(s *source) []dependency {
	if path.Base(s.path) != "package.json" {
		return nil
	}
	return s.jsonDependencies("npm", "dependencies")
}

func composerJSON(s *source) []dependency {
	if path.Base(s.path) != "composer.json" {
		return nil
	}
	return s.jsonDependencies("composer", "require")
}

func goMod(s *source) (list []dependency) {
	if path.Base(s.path) != "go.mod" {
		return nil
	}
	file, err := modfile.ParseLax(s.path, s.text, nil)
	if err != nil || len(file.Syntax.Stmt) == 0 {
		return nil
	}
	for _, r := range file.Require {
		if !r.Indirect && r.Syntax != nil {
			list = append(list, dependency{"go", r.Mod.Path, r.Syntax.Start.Line, foldName("go", r.Mod.Path)})
		}
	}
	return list
}

var (
	requirementFiles = rex(`(?i)(^|/)(requirements?([-_.][\w-]+)?\.(txt|in)|requirements/[\w.-]+\.(txt|in))$`)
	development      = rex(`(?i)(^|[-_./])(dev|develop|development|tests?|testing|lint|linting|docs?|doc|ci|build|tools?|typing|mypy|style|format|bench|benchmarks?|examples?|notebooks?|local|debug|qa|coverage|release|pre-?commit|sphinx)([-_.]|$)`)
	requirement      = rex(`^([A-Za-z0-9][\w.-]*)(\[[\w, .-]*\])?\s*([=<>~!;@ ]|$)`)
)

func requirementsTxt(s *source) (list []dependency) {
	if !requirementFiles.MatchString(s.path) || development.MatchString(strings.TrimSuffix(strings.TrimSuffix(path.Base(s.path), ".txt"), ".in")) {
		return nil
	}
	if bytes.Contains(s.text, []byte("--hash=")) || bytes.Contains(s.text, []byte("# via")) {
		return nil // a lock file
	}
	for i, line := range strings.Split(string(s.text), "\n") {
		if m := requirement.FindStringSubmatch(strings.TrimSpace(line)); m != nil {
			list = append(list, dependency{"pypi", m[1], i + 1, searched(strings.TrimSpace(line), m[1])})
		}
	}
	return list
}

// searched returns the name with the mark that comes after it, so that the text is not only a word.
func searched(line, name string) string {
	if rest := line[len(name):]; rest != "" && strings.ContainsAny(rest[:1], "=<>~![") {
		return name + rest[:1]
	}
	return name
}

// pythonTOML reads pyproject.toml and Pipfile.
func pythonTOML(s *source) (list []dependency) {
	base := path.Base(s.path)
	if base != "pyproject.toml" && base != "Pipfile" {
		return nil
	}
	var file struct {
		Project struct {
			Dependencies []string            `toml:"dependencies"`
			Optional     map[string][]string `toml:"optional-dependencies"`
		} `toml:"project"`
		Tool struct {
			Poetry struct {
				Dependencies map[string]any `toml:"dependencies"`
			} `toml:"poetry"`
		} `toml:"tool"`
		Packages map[string]any `toml:"packages"`
	}
	if gotoml.Unmarshal(s.text, &file) != nil {
		return nil
	}
	lines := s.tomlLines()
	texts := file.Project.Dependencies
	for name, more := range file.Project.Optional {
		if !development.MatchString(name) {
			texts = append(texts, more...)
		}
	}
	for _, text := range texts {
		if m := requirement.FindStringSubmatch(text); m != nil {
			list = append(list, dependency{"pypi", m[1], lines[m[1]], searched(text, m[1])})
		}
	}
	for _, table := range []map[string]any{file.Tool.Poetry.Dependencies, file.Packages} {
		for name := range table {
			list = append(list, dependency{"pypi", name, lines[name], name + " ="})
		}
	}
	return byLine(list)
}

// byLine sorts dependencies, since maps have no order, and removes those without a line.
func byLine(list []dependency) []dependency {
	list = slices.DeleteFunc(list, func(d dependency) bool { return d.line == 0 })
	slices.SortStableFunc(list, func(a, b dependency) int {
		if a.line != b.line {
			return a.line - b.line
		}
		return strings.Compare(a.name, b.name)
	})
	return list
}

var tomlName = rex(`^\s*["']?([A-Za-z0-9][\w.-]*)|["']([A-Za-z0-9][\w.-]*)`)

// tomlLines returns the first line on which each name stands at the beginning of a key or a string.
func (s *source) tomlLines() map[string]int {
	lines := map[string]int{}
	for i, line := range strings.Split(string(s.code()), "\n") {
		for _, m := range tomlName.FindAllStringSubmatch(line, -1) {
			for _, name := range m[1:] {
				if name != "" && lines[name] == 0 {
					lines[name] = i + 1
				}
			}
		}
		if table := strings.Trim(strings.TrimSpace(line), "[]"); table != strings.TrimSpace(line) && strings.Contains(table, "dependencies.") {
			lines[table[strings.LastIndexByte(table, '.')+1:]] = i + 1
		}
	}
	return lines
}

var (
	installs = rex(`\binstall_requires\s*=\s*\[([^\]]*)\]`)
	quoted3  = rex(`["']([^"'\n]+)["']`)
)

func setupPy(s *source) (list []dependency) {
	if path.Base(s.path) != "setup.py" {
		return nil
	}
	for _, at := range installs.FindAllSubmatchIndex(s.code(), -1) {
		body := s.code()[at[2]:at[3]]
		for _, q := range quoted3.FindAllSubmatchIndex(body, -1) {
			text := string(body[q[2]:q[3]])
			if m := requirement.FindStringSubmatch(text); m != nil {
				list = append(list, dependency{"pypi", m[1], s.lineAt(at[2] + q[2]), searched(text, m[1])})
			}
		}
	}
	return list
}

var (
	gemLine    = rex(`^\s*gem[ (]+(["'])([\w.-]+)["'](.*)`)
	gemGroup   = rex(`^\s*group\b(.*)\bdo\b`)
	gemAside   = rex(`:?(development|test)\b`)
	gemspecAdd = rex(`\.add(?:_runtime)?_dependency[ (]+(["'])([\w.-]+)["']`)
	blockOpens = rex(`\bdo\b(\s*\|[^|]*\|)?\s*$|^\s*(if|unless)\b`)
)

func gemfile(s *source) (list []dependency) {
	base := path.Base(s.path)
	if base != "Gemfile" && base != "gems.rb" && !strings.HasSuffix(base, ".gemspec") {
		return nil
	}
	var stack []bool // open blocks; true for one of gems that are not for production
	for i, line := range strings.Split(string(s.text), "\n") {
		aside := len(stack) > 0 && stack[len(stack)-1]
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "#"):
		case gemGroup.MatchString(line):
			group := gemGroup.FindStringSubmatch(line)[1]
			stack = append(stack, aside || gemAside.MatchString(group) && !strings.Contains(group, "production"))
		case blockOpens.MatchString(line):
			stack = append(stack, aside)
		case strings.TrimSpace(line) == "end" && len(stack) > 0:
			stack = stack[:len(stack)-1]
		case aside:
		default:
			if m := gemLine.FindStringSubmatch(line); m != nil && (!strings.Contains(m[3], "group") || !gemAside.MatchString(m[3])) {
				list = append(list, dependency{"gem", m[2], i + 1, "gem " + m[1] + m[2] + m[1]})
			} else if m := gemspecAdd.FindStringSubmatch(line); m != nil {
				list = append(list, dependency{"gem", m[2], i + 1, m[1] + m[2] + m[1]})
			}
		}
	}
	return list
}

// pomXML reads the dependencies of Maven, without those that are only managed, tested with or provided.
func pomXML(s *source) (list []dependency) {
	base := path.Base(s.path)
	if base != "pom.xml" && !strings.HasSuffix(base, ".pom") {
		return nil
	}
	var stack []string
	var group, artifact, scope string
	line, textOf := 0, ""
	d := stdxml.NewDecoder(bytes.NewReader(s.text))
	d.Strict = false
	for {
		t, err := d.RawToken()
		if err != nil {
			return list
		}
		switch t := t.(type) {
		case stdxml.StartElement:
			if len(stack) > 500 {
				return list
			}
			stack = append(stack, t.Name.Local)
			textOf = t.Name.Local
			if t.Name.Local == "dependency" {
				group, artifact, scope = "", "", ""
			}
		case stdxml.CharData:
			if n := len(stack); n >= 2 && stack[n-2] == "dependency" {
				switch value := strings.TrimSpace(string(t)); textOf {
				case "groupId":
					group = value
				case "artifactId":
					artifact, line = value, s.lineAt(int(max(0, d.InputOffset()-1)))
				case "scope":
					scope = value
				}
			}
		case stdxml.EndElement:
			if t.Name.Local == "dependency" && inProduct(stack) && !slices.Contains([]string{"test", "provided", "import"}, scope) && artifact != "" {
				list = append(list, dependency{"maven", group + ":" + artifact, line, artifact})
			}
			stack, textOf = stack[:max(0, len(stack)-1)], ""
		}
	}
}

// inProduct reports whether an element of Maven is a dependency of the project or of a profile.
func inProduct(stack []string) bool {
	return !slices.Contains(stack, "dependencyManagement") && !slices.Contains(stack, "plugin") && slices.Contains(stack, "dependencies")
}

var (
	gradleLine    = rex(`(?m)^\s*(?:implementation|api|compile|runtime|runtimeOnly|compileOnlyApi|\w+(?:Main)?Implementation)\b[\s(]*(?:platform\()?["']([\w.-]+):([\w.-]+)(?::[^"']*)?["']`)
	gradleTests   = rex(`(?m)^\s*(?:test|androidTest|integrationTest|debug|jmh|benchmark)\w*Implementation\b`)
	gradleNamed   = rex(`(?m)^\s*(?:implementation|api|compile|runtimeOnly)\b[\s(]*group\s*[:=]\s*["']([\w.-]+)["'],\s*name\s*[:=]\s*["']([\w.-]+)["']`)
	catalogModule = rex(`(?:^\s*[\w.-]+\s*=\s*["']([\w.-]+):([\w.-]+):[^"']*["'])|\bmodule\s*=\s*["']([\w.-]+):([\w.-]+)["']|\bgroup\s*=\s*["']([\w.-]+)["'],\s*name\s*=\s*["']([\w.-]+)["']`)
)

func gradleBuild(s *source) (list []dependency) {
	base := path.Base(s.path)
	if !strings.HasSuffix(base, ".gradle") && !strings.HasSuffix(base, ".gradle.kts") {
		return nil
	}
	for _, re := range []*lazyRegexp{gradleLine, gradleNamed} {
		for _, at := range re.FindAllSubmatchIndex(s.code(), -1) {
			if gradleTests.Match(s.code()[at[0]:at[1]]) {
				continue
			}
			group, artifact := string(s.code()[at[2]:at[3]]), string(s.code()[at[4]:at[5]])
			list = append(list, dependency{"maven", group + ":" + artifact, s.lineAt(at[4]), artifact})
		}
	}
	return list
}

// gradleCatalog reads the libraries of a version catalog.
func gradleCatalog(s *source) (list []dependency) {
	if !strings.HasSuffix(s.path, ".versions.toml") {
		return nil
	}
	in := false
	for i, line := range strings.Split(string(s.code()), "\n") {
		if t := strings.TrimSpace(line); strings.HasPrefix(t, "[") {
			in = t == "[libraries]"
		}
		if m := catalogModule.FindStringSubmatch(line); in && m != nil {
			group, artifact := m[1]+m[3]+m[5], m[2]+m[4]+m[6]
			list = append(list, dependency{"maven", group + ":" + artifact, i + 1, artifact})
		}
	}
	return list
}

// nugetXML reads references to packages in projects and central lists of .NET.
func nugetXML(s *source) (list []dependency) {
	switch base := path.Base(s.path); {
	case strings.HasSuffix(base, ".csproj"), strings.HasSuffix(base, ".fsproj"), strings.HasSuffix(base, ".vbproj"), base == "Directory.Packages.props", base == "Directory.Build.props":
	default:
		return nil
	}
	if testProject.MatchString(path.Base(s.path)) {
		return nil
	}
	s.elements(func(e stdxml.StartElement, line int) {
		if e.Name.Local == "PackageReference" || e.Name.Local == "PackageVersion" {
			if name := attribute(e, "Include"); name != "" {
				list = append(list, dependency{"nuget", name, line, `Include="` + name + `"`})
			}
		}
	}, func(string) {})
	return list
}

var testProject = rex(`(?i)tests?\.\w+proj$`)

func cargoTOML(s *source) (list []dependency) {
	if path.Base(s.path) != "Cargo.toml" {
		return nil
	}
	type deps map[string]any
	var file struct {
		Dependencies deps `toml:"dependencies"`
		Workspace    struct {
			Dependencies deps `toml:"dependencies"`
		} `toml:"workspace"`
		Target map[string]struct {
			Dependencies deps `toml:"dependencies"`
		} `toml:"target"`
	}
	if gotoml.Unmarshal(s.text, &file) != nil {
		return nil
	}
	all := []deps{file.Dependencies, file.Workspace.Dependencies}
	for _, t := range file.Target {
		all = append(all, t.Dependencies)
	}
	lines := s.tomlLines()
	for _, table := range all {
		for name := range table {
			list = append(list, dependency{"cargo", name, lines[name], name + " ="})
		}
	}
	return byLine(list)
}
