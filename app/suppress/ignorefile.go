package suppress

import (
	"errors"
	"fmt"
	slash "path"
	"regexp"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/pelletier/go-toml/v2"
	"go.yaml.in/yaml/v3"
)

// An Entry is one entry of an ignore file: it ignores findings by their fingerprints, by a rule or an advisory, or by
// files.
type Entry struct {
	Line int      // from 1
	Text string   // as written, or its name
	Tool string   // the name here of the scanner that finds it; empty if none does
	Also []string // scanners that would find the same

	ID   string // of a rule or an advisory
	Path string // a file, or a pattern of files in the way of .gitignore
	At   int    // the line of Path; 0 for any

	Reason bool   // it has words that say why
	Write  string // how to write a reason, if there is none
	End    string // how to write a last day, if there is none and the format has one
}

// ignoreFiles are files that silence a tool for more than a line, by name: those with a reader, and those of tools that
// are not among the scanners. The scanners name the others, see [scanners.Suppressions].
var ignoreFiles = map[string]func(text string) ([]Entry, error){
	".trivyignore": trivyIgnore, ".trivyignore.yaml": trivyIgnoreYAML, ".gitleaksignore": gitleaksIgnore, ".semgrepignore": gitIgnore,
	".eslintignore": gitIgnore, ".snyk": snyk, "osv-scanner.toml": osvScanner, ".checkov.yaml": checkov, ".checkov.yml": checkov,
}

// Silences reports whether a file is one that silences a tool.
func Silences(file string) bool {
	_, ok := ignoreFiles[slash.Base(file)]
	return ok
}

// maxIgnoreFile is more than people write. It also limits the nesting of TOML and YAML.
const maxIgnoreFile = 64 << 10

// Entries reads an ignore file. It returns no entries for a file whose format it does not know; the error is one
// sentence.
func Entries(file, text string) (list []Entry, err error) {
	read := ignoreFiles[slash.Base(file)]
	if read == nil || strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxIgnoreFile {
		return nil, fmt.Errorf("it has more than %d KiB, so what it names was not checked", maxIgnoreFile>>10)
	}
	defer func() {
		if recover() != nil { // a panic of a parser: the file is untrusted input
			list, err = nil, ErrNotRead
		}
	}()
	return read(text)
}

// why is an example of a comment with a reason, on its own line.
const why = "# why it is safe here"

const snykEnd = "expires: YYYY-MM-DDT00:00:00.000Z"

func unless(there bool, how string) string {
	if there {
		return ""
	}
	return how
}

// ErrNotRead means that an ignore file is not valid. It is one clause for users.
var ErrNotRead = errors.New("it cannot be read, so what it names was not checked")

// entryLines calls f for each line that is an entry. A reason is a comment on the line, or a comment above it, which
// may be for several lines up to an empty one.
func entryLines(text string, f func(n int, entry string, reason bool)) {
	n, above := 0, false
	for line := range strings.Lines(text) {
		n++
		entry, comment, _ := strings.Cut(line, "#")
		entry = strings.TrimSpace(entry)
		said := len(strings.Fields(comment)) > 1
		switch {
		case entry != "":
			f(n, entry, said || above)
		case strings.TrimSpace(line) == "":
			above = false
		default:
			above = above || said
		}
	}
}

// https://trivy.dev/docs/latest/guide/configuration/filtering/#trivyignore
func trivyIgnore(text string) (list []Entry, _ error) {
	entryLines(text, func(n int, entry string, reason bool) {
		words := strings.Fields(entry)
		e := byID("", words[0])
		e.Line, e.Reason, e.Write = n, reason, why
		e.End = unless(strings.Contains(entry, "exp:"), words[0]+" exp:YYYY-MM-DD")
		list = append(list, e)
	})
	return list, nil
}

var (
	advisory = regexp.MustCompile(`(?i)^(CVE-\d|GHSA-|GO-\d|PYSEC-|RUSTSEC-|OSV-|MAL-)`)
	misuse   = regexp.MustCompile(`(?i)^(AVD-|DS-?\d|KSV-?\d|[A-Z]+-\d{4}$)`)
)

// byID returns an entry for the findings that trivy reports under an id.
func byID(tool, id string) Entry {
	e := Entry{Text: id, ID: id, Tool: tool}
	switch {
	case tool != "":
	case advisory.MatchString(id):
		e.Tool = "trivy-fs"
	case misuse.MatchString(id):
		e.Tool = "trivy"
	}
	return e
}

// https://trivy.dev/docs/latest/guide/configuration/filtering/#trivyignoreyaml
func trivyIgnoreYAML(text string) (list []Entry, _ error) {
	root, err := readYAML(text)
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{"vulnerabilities", "misconfigurations", "secrets"} {
		for _, item := range items(field(root, kind)) {
			id := field(item, "id")
			if id == nil {
				continue
			}
			e := byID(map[string]string{"vulnerabilities": "trivy-fs", "misconfigurations": "trivy"}[kind], id.Value)
			e.Line, e.End = id.Line, unless(field(item, "expired_at") != nil, "expired_at: YYYY-MM-DD")
			e.Reason = words(field(item, "statement"))
			e.Write = "statement: why it is safe here"
			list = append(list, e)
			for _, p := range items(field(item, "paths")) {
				list = append(list, Entry{Line: p.Line, Text: p.Value, Path: "/" + strings.TrimPrefix(p.Value, "/"), Reason: true})
			}
		}
	}
	return list, nil
}

// https://github.com/gitleaks/gitleaks#gitleaksignore
func gitleaksIgnore(text string) (list []Entry, _ error) {
	entryLines(text, func(n int, entry string, reason bool) {
		parts := strings.Split(entry, ":")
		e := Entry{Line: n, Text: entry, Tool: "gitleaks", Reason: reason, Write: why}
		// [COMMIT:]FILE:RULE:LINE; a file may hold colons. The scan does not check entries with an old commit.
		if k := len(parts); k >= 3 {
			if _, err := fmt.Sscan(parts[k-1], &e.At); err == nil {
				e.ID, e.Path = parts[k-2], strings.Join(parts[:k-2], ":")
				if first, rest, more := strings.Cut(e.Path, ":"); more && commit.MatchString(first) {
					e.Path, e.Tool = rest, ""
				}
			}
		}
		list = append(list, e)
	})
	return list, nil
}

var commit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// gitIgnore reads patterns of files.
func gitIgnore(text string) (list []Entry, _ error) {
	entryLines(text, func(n int, entry string, reason bool) {
		if strings.HasPrefix(entry, "!") || strings.HasPrefix(entry, ":include") {
			return
		}
		list = append(list, Entry{Line: n, Text: entry, Path: entry, Reason: reason, Write: why})
	})
	return list, nil
}

// https://docs.snyk.io/manage-risk/policies/the-.snyk-file
func snyk(text string) (list []Entry, _ error) {
	root, err := readYAML(text)
	if err != nil {
		return nil, err
	}
	for id, places := range fieldsOf(field(root, "ignore")) {
		e := Entry{Line: id.Line, Text: id.Value, Reason: true, Write: "reason: why it is safe here"}
		for _, place := range items(places) {
			for _, says := range fieldsOf(place) {
				if field(says, "expires") == nil {
					e.End = snykEnd
				}
				e.Reason = e.Reason && words(field(says, "reason"))
			}
		}
		list = append(list, e)
	}
	for _, part := range []string{"global", "code"} {
		for _, p := range items(field(field(root, "exclude"), part)) {
			e := Entry{Line: p.Line, Text: p.Value, Path: p.Value, Reason: true}
			for name, says := range fieldsOf(p) { // a pattern may be a key, with an end
				e = Entry{Line: name.Line, Text: name.Value, Path: name.Value, Reason: true, End: unless(field(says, "expires") != nil, snykEnd)}
			}
			list = append(list, e)
		}
	}
	return list, nil
}

// https://google.github.io/osv-scanner/configuration/
func osvScanner(text string) (list []Entry, _ error) {
	var file struct {
		IgnoredVulns []struct {
			ID          string `toml:"id"`
			IgnoreUntil any    `toml:"ignoreUntil"`
			Reason      string `toml:"reason"`
		} `toml:"IgnoredVulns"`
		PackageOverrides []struct {
			Name           string `toml:"name"`
			Ignore         bool   `toml:"ignore"`
			EffectiveUntil any    `toml:"effectiveUntil"`
			Reason         string `toml:"reason"`
		} `toml:"PackageOverrides"`
	}
	if toml.Unmarshal([]byte(text), &file) != nil {
		return nil, ErrNotRead
	}
	const write = `reason = "why it is safe here"`
	for _, v := range file.IgnoredVulns {
		e := byID("osv", v.ID)
		e.Also, e.Line, e.Reason, e.Write = []string{"osv-scanner"}, lineOf(text, v.ID), v.Reason != "", write
		e.End = unless(v.IgnoreUntil != nil, "ignoreUntil = YYYY-MM-DD")
		list = append(list, e)
	}
	for _, p := range file.PackageOverrides {
		if name := p.Name; p.Ignore {
			if name == "" {
				name = "*"
			}
			list = append(list, Entry{Line: lineOf(text, p.Name), Text: name, End: unless(p.EffectiveUntil != nil, "effectiveUntil = YYYY-MM-DD"), Reason: p.Reason != "", Write: write})
		}
	}
	return list, nil
}

// lineOf returns the first line that holds a text in quotes. TOML's reader does not report lines.
func lineOf(text, value string) int {
	at := max(strings.Index(text, `"`+value+`"`), strings.Index(text, `'`+value+`'`), 0)
	return strings.Count(text[:at], "\n") + 1
}

// https://www.checkov.io/2.Basics/CLI%20Command%20Reference.html
func checkov(text string) (list []Entry, _ error) {
	root, err := readYAML(text)
	if err != nil {
		return nil, err
	}
	for _, id := range items(field(root, "skip-check")) {
		list = append(list, Entry{Line: id.Line, Text: id.Value, Tool: "checkov", ID: id.Value, Reason: words(&yaml.Node{Value: strings.ReplaceAll(id.LineComment+" "+id.HeadComment, "#", " ")}), Write: "- " + id.Value + "  # why it is safe here"})
	}
	for _, p := range items(field(root, "skip-path")) { // regular expressions, of which only plain paths are understood
		list = append(list, Entry{Line: p.Line, Text: p.Value, Reason: true})
	}
	return list, nil
}

// words reports whether a node has enough words to be a reason.
func words(n *yaml.Node) bool { return n != nil && len(strings.Fields(n.Value)) > 1 }

func readYAML(text string) (*yaml.Node, error) {
	var doc yaml.Node
	if yaml.Unmarshal([]byte(text), &doc) != nil {
		return nil, ErrNotRead
	}
	if len(doc.Content) == 0 {
		return nil, nil
	}
	return doc.Content[0], nil
}

// fieldsOf iterates over a mapping; for any other node it yields nothing.
func fieldsOf(n *yaml.Node) func(yield func(key, value *yaml.Node) bool) {
	return func(yield func(key, value *yaml.Node) bool) {
		if n == nil || n.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], n.Content[i+1]) {
				return
			}
		}
	}
}

func field(n *yaml.Node, name string) *yaml.Node {
	for key, value := range fieldsOf(n) {
		if key.Value == name {
			return value
		}
	}
	return nil
}

func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}

// Broad says why an entry ignores more than anyone can know, given all files of the tree. It returns "" if the entry
// does not.
func (e Entry) Broad(tree []string) string {
	if e.Text == "" {
		return ""
	}
	if strings.Trim(e.Text, "*/.") == "" || e.ID != "" && strings.Trim(e.ID, "*") == "" {
		return fmt.Sprintf("%q is for everything", e.Text)
	}
	if e.Path == "" || e.ID != "" {
		return ""
	}
	match, ok := e.Files()
	if !ok {
		return ""
	}
	if len(tree) > 0 && !slices.ContainsFunc(tree, func(file string) bool { return !match(file) }) {
		return fmt.Sprintf("%q is for everything", e.Text)
	}
	whole := wholeFolders(tree, match)
	if len(whole) == 0 {
		return ""
	}
	return fmt.Sprintf("%q is for all of %s", e.Text, strings.Join(whole[:min(len(whole), 3)], ", "))
}

// wholeFolders returns the folders with code, at the top of the tree, of which every file matches, in order and each
// with its slash.
func wholeFolders(tree []string, match func(string) bool) (whole []string) {
	all := map[string]bool{} // whether all files of the folder match so far
	for _, file := range tree {
		folder, _, deep := strings.Cut(file, "/")
		if !deep || slices.Contains(noCode, strings.ToLower(folder)) {
			continue
		}
		before, seen := all[folder]
		all[folder] = (before || !seen) && match(file)
	}
	for folder, matches := range all {
		if matches {
			whole = append(whole, folder+"/")
		}
	}
	slices.Sort(whole)
	return whole
}

// noCode are folders that may be ignored as a whole.
var noCode = []string{
	"vendor", "node_modules", "third_party", "thirdparty", "external", "test", "tests", "testdata", "spec", "__tests__", "fixtures",
	"docs", "doc", "examples", "example", "samples", "dist", "build", "target", "out", "coverage", ".github", ".git", ".venv", "venv",
}

// Files returns a function that matches files as .gitignore does. ok is false if Path is not a valid pattern.
func (e Entry) Files() (match func(file string) bool, ok bool) {
	pattern := strings.TrimSuffix(strings.TrimPrefix(e.Path, "./"), "/**")
	folder := strings.HasSuffix(pattern, "/")
	pattern = strings.TrimSuffix(pattern, "/")
	anchored := strings.Contains(pattern, "/")
	pattern = strings.TrimPrefix(pattern, "/")
	if !anchored {
		pattern = "**/" + pattern
	}
	if pattern == "" || len(pattern) > maxPattern || strings.Count(pattern, "*") > maxStars || strings.ContainsAny(pattern, "{}") || !doublestar.ValidatePattern(pattern) {
		return nil, false
	}
	return func(file string) bool {
		return !folder && doublestar.MatchUnvalidated(pattern, file) || doublestar.MatchUnvalidated(pattern+"/**/*", file)
	}, true
}

// A pattern is compared with every file of the tree.
const (
	maxPattern = 256 // bytes
	maxStars   = 8
)
