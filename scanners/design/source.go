package design

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/yamlpos"
)

// maxSize is the size of the largest file that is read, in bytes. Larger ones are data, or generated.
const maxSize = 2 << 20

// A language is one that detectors know.
type language string

// The languages. JavaScript includes TypeScript and the languages of templates with script in them, Java includes
// Kotlin, Scala and Groovy.
const (
	golang     language = "go"
	javascript language = "js"
	python     language = "py"
	ruby       language = "rb"
	java       language = "java"
	csharp     language = "cs"
	php        language = "php"
	rust       language = "rs"
	yaml       language = "yaml"
	jsonText   language = "json"
	hcl        language = "hcl"
	docker     language = "dockerfile"
	sql        language = "sql"
	protobuf   language = "proto"
	graphql    language = "graphql"
	markdown   language = "md"
	toml       language = "toml"
	xml        language = "xml"
	html       language = "html"
	other      language = ""
)

var extensions = map[string]language{
	".go": golang,
	".js": javascript, ".jsx": javascript, ".ts": javascript, ".tsx": javascript, ".mjs": javascript, ".cjs": javascript,
	".mts": javascript, ".cts": javascript, ".vue": javascript, ".svelte": javascript,
	".py": python, ".rb": ruby, ".rake": ruby,
	".java": java, ".kt": java, ".kts": java, ".scala": java, ".groovy": java, ".gradle": java,
	".cs": csharp, ".php": php, ".rs": rust,
	".yml": yaml, ".yaml": yaml, ".json": jsonText, ".tf": hcl, ".tofu": hcl, ".sql": sql, ".proto": protobuf,
	".graphql": graphql, ".gql": graphql, ".graphqls": graphql,
	".md": markdown, ".mdx": markdown, ".rst": markdown, ".adoc": markdown,
	".toml": toml, ".xml": xml, ".csproj": xml, ".props": xml, ".html": html, ".htm": html, ".erb": html, ".cshtml": html, ".hbs": html, ".ejs": html,
}

var dockerfiles = regexp.MustCompile(`(?i)^(dockerfile|containerfile)(\..+)?$|\.(dockerfile|containerfile)$`)

func languageOf(name string) language {
	base := path.Base(name)
	if dockerfiles.MatchString(base) {
		return docker
	}
	return extensions[strings.ToLower(path.Ext(base))]
}

// A source is one version of one file, as the detectors see it.
type source struct {
	path     string
	language language
	text     []byte
	class    class
	controls map[string][]string // names of the team's own, by kind
	found    []scanners.Finding

	lines  []string  // see line
	starts []int     // see lineAt
	pairs  []int32   // see brackets
	routes []route   // see addRoutes
	bare   []byte    // see code
	lower  []byte    // see hasFold
	golang *goSource // see goFile
	docs   []*yamlpos.Node
	parsed bool
}

// newSource returns nil for a file that can have no fact.
func newSource(f scanners.File, controls map[string][]string) *source {
	if len(f.Content) > maxSize || bytes.IndexByte(f.Content, 0) >= 0 {
		return nil
	}
	s := &source{path: f.Path, language: languageOf(f.Path), text: f.Content, controls: controls}
	if s.class = classOf(f.Path, f.Content); s.class == outside && !documentation.MatchString(f.Path) {
		return nil
	}
	return s
}

// A class says what a file is for.
type class int

const (
	production class = iota
	test             // has evidence, and no fact
	outside          // is no architecture: an example, documentation, vendored or generated code
)

var (
	// A Java package may have such a name, so only what is above src/main counts there.
	packages = regexp.MustCompile(`(^|/)src/main/(java|kotlin|scala|groovy)/.*`)

	tests = regexp.MustCompile(`(?i)(^|/)(tests?|testfixtures?|test-?data|__tests__|__mocks__|specs?|testdata|fixtures?|mocks?|e2e|cypress|playwright|testutils?|testing|integration[-_]?tests?|features/step_definitions)(/|$)` +
		`|_test\.go$|_tests?\.py$|(^|/)test_[^/]*\.py$|(^|/)conftest\.py$|\.(spec|test|e2e|e2e-spec|cy)\.[cm]?[jt]sx?$|(Tests?|IT|Spec)\.(java|kt|scala|groovy)$|Tests?\.cs$|_spec\.rb$|_test\.rb$|Test\.php$|(^|/)mock_[^/]*\.go$|UnitTests/|FunctionalTests/|IntegrationTests/|\.Tests?/`)

	asides = regexp.MustCompile(`(?i)(^|/)(\.mvn|\.devcontainer|extras?|playgrounds?|seeds?|seeders?|demo|examples?|samples?|demo-data|vendor|node_modules|third_party|thirdparty|bower_components|dist|build|docs?|documentation|\.?clusterfuzzlite|benchmarks?|stories|storybook|locales?|i18n|codefixes)(/|$)` +
		`|\.stories\.[cm]?[jt]sx?$|\.min\.js$|\.pb\.go$|\.pb\.gw\.go$|_pb2(_grpc)?\.pyi?$|_pb\.(js|ts|d\.ts)$|_grpc_pb\.js$|\.gen\.go$|_gen\.go$|\.generated\.\w+$|\.g\.cs$|\.d\.ts$|\.map$|(^|/)packages\.lock\.json$|(^|/)(Gemfile|poetry|uv|pdm|Pipfile|composer|Cargo|bun|mix|pubspec|Podfile|flake|deno)\.lock$|gradle\.lockfile$|\.terraform\.lock\.hcl$|package-lock\.json$|npm-shrinkwrap\.json$|yarn\.lock$|pnpm-lock\.yaml$|go\.sum$|\.snap$|(^|/)zz_generated`)

	// Code generators say so in the first lines (https://go.dev/s/generatedcode).
	generated = regexp.MustCompile(`(?i)code generated .* do not edit|<auto-generated|@generated\b|autogenerated by|auto-generated by|this file (is|was) (automatically |auto-?)generated`)

	// documentation may be a design document, see governance.go.
	documentation = regexp.MustCompile(`(?i)\.(md|mdx|rst|adoc)$`)
)

// head is how many bytes of a file a note of its generator must be in.
const head = 1500

func classOf(name string, text []byte) class {
	where := packages.ReplaceAllString(name, "/")
	if where == name {
		where = name
	} else {
		where += path.Base(name)
	}
	switch {
	case asides.MatchString(where), generated.Match(text[:min(len(text), head)]):
		return outside
	case tests.MatchString(where):
		return test
	}
	return production
}

// inTests are the kinds of evidence that tests have.
var inTests = []string{RefusalTest, SignatureCheck, TenantFilter, PolicyTest, RoleTest}

// documents is the only signal of design documents, which are documentation.
const documents = "design-doc-no-security"

// concerns reports whether facts of a rule count in a file of this class.
func (s *source) concerns(rule string) bool {
	switch s.class {
	case test:
		return slices.Contains(inTests, rule)
	case outside:
		return rule == documents
	}
	return rule != RefusalTest && rule != RoleTest
}

// is reports whether the file is in one of the languages.
func (s *source) is(languages ...language) bool { return slices.Contains(languages, s.language) }

// line returns the text of a line, from 1; empty outside of the file.
func (s *source) line(n int) string {
	if s.lines == nil {
		s.lines = strings.Split(string(s.text), "\n")
	}
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// lineAt returns the number of the line, from 1, that an offset of text or code is on.
func (s *source) lineAt(offset int) int {
	if s.starts == nil {
		s.starts = []int{0}
		for i, b := range s.text {
			if b == '\n' {
				s.starts = append(s.starts, i+1)
			}
		}
	}
	i, found := slices.BinarySearch(s.starts, offset)
	if found {
		i++
	}
	return i
}

// code returns the text with blanks in place of comments, and of imports of types, which are gone when the program
// runs. Its offsets and lines are those of text.
func (s *source) code() []byte {
	if s.bare == nil {
		s.bare = withoutComments(s.text, s.language)
		if s.language == javascript {
			s.bare = typeImport.ReplaceAllFunc(s.bare, func(m []byte) []byte { return blanks.ReplaceAll(m, []byte(" ")) })
		}
	}
	return s.bare
}

var (
	typeImport = regexp.MustCompile(`\bimport\s+type\s[^;'"` + "`" + `]{0,1000}\bfrom\s*['"][^'"\n]*['"]`)
	blanks     = regexp.MustCompile(`[^\r\n]`)
)

// A goSource is a parsed file of Go.
type goSource struct {
	file *ast.File
	set  *token.FileSet
}

// goFile parses the file as Go. It returns nil if it is in another language. A file with mistakes has the syntax tree
// of its valid parts.
func (s *source) goFile() *goSource {
	if s.language != golang {
		return nil
	}
	if s.golang == nil {
		set := token.NewFileSet()
		file, _ := parser.ParseFile(set, s.path, s.text, parser.ParseComments|parser.SkipObjectResolution)
		if file == nil {
			file = &ast.File{Name: ast.NewIdent("_")}
		}
		s.golang = &goSource{file, set}
	}
	return s.golang
}

// line returns the line of a position.
func (g *goSource) line(p token.Pos) int { return g.set.Position(p).Line }

// imports returns the import paths by the name under which the file uses them: the given name, or the last part of the
// path without a version.
func (g *goSource) imports() map[string]string {
	all := map[string]string{}
	for _, i := range g.file.Imports {
		full := strings.Trim(i.Path.Value, `"`+"`")
		name := path.Base(full)
		if majorVersion.MatchString(name) && full != name {
			name = path.Base(path.Dir(full))
		}
		name = strings.TrimPrefix(strings.SplitN(name, ".v", 2)[0], "go-")
		name = strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "-go")
		if i.Name != nil {
			name = i.Name.Name
		}
		all[name] = full
	}
	return all
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// yaml returns the values of the documents that can be parsed, with lines of the file. It also reads JSON, which is
// YAML. Documents that are no valid YAML are left out.
func (s *source) yaml() []*yamlpos.Node {
	if s.parsed || !s.is(yaml, jsonText) {
		return s.docs
	}
	s.parsed = true
	for d := range yamlpos.Documents(s.text) {
		if node, err := yamlpos.Parse(d); err == nil && node != nil {
			s.docs = append(s.docs, node)
		}
	}
	return s.docs
}

// A pattern finds facts by a regular expression (RE2) in the code without its comments.
type pattern struct {
	rule     string
	in       []language
	re       *regexp.Regexp
	requires *regexp.Regexp // of the code; nil for no condition
	path     *regexp.Regexp // of the path; nil for no condition
	words    []string       // the text has one of them, as each match has; nil for no condition
	notPath  *regexp.Regexp // nil for no condition

	// key makes the key from a match: its groups by name, and "file". An empty key is no fact. If it is nil, the match
	// is the key.
	key func(match map[string]string) string
}

// match adds the facts of patterns.
func (s *source) match(patterns []pattern) {
	for _, p := range patterns {
		if !s.is(p.in...) || p.path != nil && !p.path.MatchString(s.path) || p.notPath != nil && p.notPath.MatchString(s.path) {
			continue
		}
		if p.words != nil && !s.has(p.words...) {
			continue
		}
		code := s.code()
		if p.requires != nil && !p.requires.Match(code) {
			continue
		}
		for _, at := range p.re.FindAllSubmatchIndex(code, -1) {
			groups := map[string]string{"": string(code[at[0]:at[1]]), "file": s.path}
			for i, name := range p.re.SubexpNames() {
				if name != "" && at[2*i] >= 0 {
					groups[name] = string(code[at[2*i]:at[2*i+1]])
				}
			}
			key := groups[""]
			if p.key != nil {
				key = p.key(groups)
			}
			s.add(p.rule, key, s.lineAt(at[0]))
		}
	}
}

// has reports whether the text has one of some words. It is much faster than a regular expression.
func (s *source) has(words ...string) bool {
	for _, w := range words {
		if bytes.Contains(s.text, []byte(w)) {
			return true
		}
	}
	return false
}

// hasFold is has without regard to the case of ASCII letters. The words are in lower case.
func (s *source) hasFold(words ...string) bool {
	if s.lower == nil {
		s.lower = make([]byte, len(s.text))
		for i, b := range s.text {
			if 'A' <= b && b <= 'Z' {
				b += 'a' - 'A'
			}
			s.lower[i] = b
		}
	}
	return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(s.lower, []byte(w)) })
}

// each is a key of the form "{group} text", for [pattern].
func each(form string) func(map[string]string) string {
	return func(match map[string]string) string {
		return placeholders.ReplaceAllStringFunc(form, func(p string) string { return match[strings.Trim(p, "{}")] })
	}
}

var placeholders = regexp.MustCompile(`\{\w*\}`)
