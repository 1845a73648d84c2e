package policy

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/custom"
	"github.com/secbydesign/secbydesign/scanners/formats"
)

// Settings are what the operator's settings file says. No repository has a say in it: what is
// here decides which programs run.
type Settings struct {
	Scanners []custom.Definition // in the order of the file
	Rules    string              // absolute folder with rules of the operator's, a folder for each scanner, of its name
}

// maxTimeout is longer than a review may take.
const maxTimeout = time.Hour

// ParseSettings reads a settings file; name is used in messages. The error, if any, is of type
// [Problems] and holds every mistake. Builtin are the names that are taken.
func ParseSettings(name string, b []byte, builtin ...string) (Settings, error) {
	var s Settings
	r := &reader{file: name}
	err := r.document(b, func(root ast.Node) {
		r.object(value{root, placeOf(root.GetToken())}, "the file", "`scanners: {…}`", fields{
			"version": r.version,
			"scanners": func(v value) {
				r.each(v, "scanners", "`mytool: {command: [mytool], format: sarif, scope: tree, gate: code}`", func(e entry) {
					s.Scanners = append(s.Scanners, r.customScanner(e, builtin))
				})
			},
			"rules": func(v value) {
				if folder, ok := r.text(v, "rules", "/etc/secbydesign/rules"); ok && r.absolute(v.place, folder) {
					s.Rules = path.Clean(folder)
				}
			},
		})
	})
	if err != nil {
		return Settings{}, err
	}
	return s, nil
}

var scannerNamePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,39}$`)

func (r *reader) customScanner(e entry, builtin []string) custom.Definition {
	d := custom.Definition{Name: e.key}
	switch {
	case !scannerNamePattern.MatchString(e.key):
		r.problem(e.place, "the name %s must be up to 40 lower-case letters, digits and hyphens, beginning with a letter", quote(e.key))
	case slices.Contains(builtin, e.key):
		r.problem(e.place, "the name %s is that of a scanner that is built in; choose another", quote(e.key))
	}
	needed := []string{"command", "format", "scope", "gate"}
	said := map[string]bool{}
	known := fields{
		"command": func(v value) { d.Command = r.command(v) },
		"format":  func(v value) { d.Format = oneOf(r, v, "format", formats.All()) },
		"scope": func(v value) {
			d.Scope = oneOf(r, v, "scope", []scanners.Scope{scanners.ScopeFile, scanners.ScopeTree})
		},
		"gate":     func(v value) { d.Gate = oneOf(r, v, "gate", scanners.Gates()) },
		"files":    func(v value) { d.Files = r.globs(v, "files") },
		"config":   func(v value) { d.Config = r.globs(v, "config") },
		"found":    func(v value) { d.Found = r.exitCodes(v) },
		"needs":    func(v value) { d.Needs = r.words(v, "needs", "[jq]") },
		"reads":    func(v value) { d.Reads = r.folders(v) },
		"version":  func(v value) { d.Version = r.words(v, "version", "[--version]") },
		"severity": func(v value) { r.severity(v, &d.Severity) },
		"timeout":  func(v value) { d.Timeout = r.timeout(v) },
		"about":    func(v value) { d.About = r.line(v, "about") },
		"url":      func(v value) { d.URL = r.address(v) },
	}
	for key, read := range known {
		known[key] = func(v value) { said[key] = true; read(v) }
	}
	if r.object(e.value, "a scanner", "{command: [mytool], format: sarif, scope: tree, gate: code}", known) {
		for _, key := range needed {
			if !said[key] {
				r.problem(e.place, "say the %s of this scanner", key)
			}
		}
	}
	if d.Scope == scanners.ScopeTree && slices.Contains(d.Command, "{files}") {
		r.problem(e.place, "a scanner of scope tree looks at the whole tree; leave {files} out of its command, or write `scope: file`")
	}
	return d
}

func (r *reader) command(v value) []string {
	command := r.words(v, "command", "[mytool, --sarif, .]")
	if len(command) == 0 {
		return nil
	}
	if program := command[0]; strings.Contains(program, "{") || strings.Contains(program, "/") && !path.IsAbs(program) {
		r.problem(v.place, "the program %s must be a name that is found on the PATH, or an absolute path", quote(program))
	}
	for _, a := range command[1:] {
		if a != "{files}" && strings.Contains(a, "{files}") {
			r.problem(v.place, "{files} becomes several arguments, so it must be one by itself, not %s", quote(a))
		}
	}
	return command
}

// words reads a list of texts with at least one.
func (r *reader) words(v value, name, example string) []string {
	var list []string
	if seq, ok := v.node.(*ast.SequenceNode); ok && len(seq.Values) == 0 {
		r.problem(v.place, "%s is empty; write a list such as %s", name, example)
	}
	r.texts(v, name, example, func(at place, s string) {
		if s == "" || strings.ContainsRune(s, 0) {
			r.problem(at, "an element of %s is empty; remove it", name)
		}
		list = append(list, s)
	})
	return list
}

func (r *reader) globs(v value, name string) []string {
	var list []string
	r.texts(v, name, `["**/*.js"]`, func(at place, glob string) {
		if r.glob(at, glob) {
			list = append(list, glob)
		}
	})
	return list
}

func (r *reader) folders(v value) []string {
	var list []string
	r.texts(v, "reads", "[/opt/mytool/rules]", func(at place, folder string) {
		if r.absolute(at, folder) {
			list = append(list, path.Clean(folder))
		}
	})
	return list
}

func (r *reader) absolute(at place, folder string) bool {
	if !path.IsAbs(folder) {
		r.problem(at, "%s must be an absolute path", quote(folder))
		return false
	}
	return true
}

func (r *reader) exitCodes(v value) []int {
	seq, ok := v.node.(*ast.SequenceNode)
	if !ok {
		r.problem(v.place, "found must be a list of exit codes such as [1]%s", instead(v.node))
		return nil
	}
	var codes []int
	for _, n := range seq.Values {
		codes = append(codes, r.integer(valueOf(n, v.place), "an exit code", 1, 255))
	}
	return codes
}

func (r *reader) timeout(v value) time.Duration {
	before := len(r.problems)
	r.duration(v, "timeout")
	if len(r.problems) > before {
		return 0
	}
	text, _ := r.text(v, "timeout", "")
	d, _ := time.ParseDuration(text)
	if d > maxTimeout {
		r.problem(v.place, "timeout must be at most an hour")
	}
	return d
}

func (r *reader) line(v value, name string) string {
	s, ok := r.text(v, name, `"What it looks for"`)
	if ok && (strings.ContainsAny(s, "\r\n") || len(s) > 200) {
		r.problem(v.place, "%s must be one line of at most 200 characters", name)
	}
	return s
}

func (r *reader) address(v value) string {
	s, ok := r.text(v, "url", "https://example.com/mytool")
	if ok && (!strings.HasPrefix(s, "https://") || strings.ContainsAny(s, " ()<>\"`")) {
		r.problem(v.place, "url must be an address that begins with https://")
	}
	return s
}

// oneOf reads one of the words that are known.
func oneOf[T ~string](r *reader, v value, name string, known []T) T {
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	s, ok := v.node.(*ast.StringNode)
	if !ok {
		r.problem(v.place, "%s must be one of %s%s", name, list(words, "and"), instead(v.node))
		return ""
	}
	if !slices.Contains(words, s.Value) {
		r.unknown(v.place, name, s.Value, words)
		return ""
	}
	return T(s.Value)
}
