// Package settings reads the operator's settings file: scanners of the operator's own, and their rules.
package settings

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/strictyaml"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/custom"
	"github.com/secbydesign/secbydesign/scanners/formats"
)

// Settings are the contents of the operator's settings file. No repository can change them: they decide which programs
// run.
type Settings struct {
	Scanners []custom.Definition // in the order of the file
	Rules    string              // absolute folder with the operator's rules: a subfolder for each scanner, with the scanner's name
}

// A reader reads one settings file.
type reader struct{ strictyaml.Reader }

// maxTimeout is longer than a review may take.
const maxTimeout = time.Hour

// Parse reads a settings file; name is used in messages. The error, if any, is of type [strictyaml.Problems] and holds
// every mistake. builtin are the names that are taken.
func Parse(name string, b []byte, builtin ...string) (Settings, error) {
	var s Settings
	r := &reader{strictyaml.Reader{File: name}}
	err := r.Document(b, func(root strictyaml.Value) {
		r.Object(root, "the file", "`scanners: {…}`", strictyaml.Fields{
			"version": r.Version,
			"scanners": func(v strictyaml.Value) {
				r.Each(v, "scanners", "`mytool: {command: [mytool], format: sarif, scope: tree, gate: code}`", func(e strictyaml.Entry) {
					s.Scanners = append(s.Scanners, r.customScanner(e, builtin))
				})
			},
			"rules": func(v strictyaml.Value) {
				if folder, ok := r.Text(v, "rules", "/etc/secbydesign/rules"); ok && r.absolute(v.Place, folder) {
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

func (r *reader) customScanner(e strictyaml.Entry, builtin []string) custom.Definition {
	d := custom.Definition{Name: e.Key}
	switch {
	case !scannerNamePattern.MatchString(e.Key):
		r.Problem(e.Place, "the name %s must be up to 40 lower-case letters, digits and hyphens, beginning with a letter", strictyaml.Quote(e.Key))
	case slices.Contains(builtin, e.Key):
		r.Problem(e.Place, "the name %s is that of a scanner that is built in; choose another", strictyaml.Quote(e.Key))
	}
	needed := []string{"command", "format", "scope", "gate"}
	said := map[string]bool{}
	known := strictyaml.Fields{
		"command": func(v strictyaml.Value) { d.Command = r.command(v) },
		"format":  func(v strictyaml.Value) { d.Format = strictyaml.OneOf(&r.Reader, v, "format", formats.All()) },
		"scope": func(v strictyaml.Value) {
			d.Scope = strictyaml.OneOf(&r.Reader, v, "scope", []scanners.Scope{scanners.ScopeFile, scanners.ScopeTree})
		},
		"gate":     func(v strictyaml.Value) { d.Gate = strictyaml.OneOf(&r.Reader, v, "gate", scanners.Gates()) },
		"files":    func(v strictyaml.Value) { d.Files = r.globs(v, "files") },
		"config":   func(v strictyaml.Value) { d.Config = r.globs(v, "config") },
		"found":    func(v strictyaml.Value) { d.Found = r.exitCodes(v) },
		"needs":    func(v strictyaml.Value) { d.Needs = r.words(v, "needs", "[jq]") },
		"reads":    func(v strictyaml.Value) { d.Reads = r.folders(v) },
		"version":  func(v strictyaml.Value) { d.Version = r.words(v, "version", "[--version]") },
		"severity": func(v strictyaml.Value) { r.severity(v, &d.Severity) },
		"timeout":  func(v strictyaml.Value) { d.Timeout = r.timeout(v) },
		"about":    func(v strictyaml.Value) { d.About = r.line(v, "about") },
		"url":      func(v strictyaml.Value) { d.URL = r.address(v) },
	}
	for key, read := range known {
		known[key] = func(v strictyaml.Value) { said[key] = true; read(v) }
	}
	if r.Object(e.Value, "a scanner", "{command: [mytool], format: sarif, scope: tree, gate: code}", known) {
		for _, key := range needed {
			if !said[key] {
				r.Problem(e.Place, "say the %s of this scanner", key)
			}
		}
	}
	if d.Scope == scanners.ScopeTree && slices.Contains(d.Command, "{files}") {
		r.Problem(e.Place, "a scanner of scope tree scans the whole tree; leave {files} out of its command, or write `scope: file`")
	}
	return d
}

func (r *reader) command(v strictyaml.Value) []string {
	command := r.words(v, "command", "[mytool, --sarif, .]")
	if len(command) == 0 {
		return nil
	}
	if program := command[0]; strings.Contains(program, "{") || strings.Contains(program, "/") && !path.IsAbs(program) {
		r.Problem(v.Place, "the program %s must be a name that is found on the PATH, or an absolute path", strictyaml.Quote(program))
	}
	for _, a := range command[1:] {
		if a != "{files}" && strings.Contains(a, "{files}") {
			r.Problem(v.Place, "{files} becomes several arguments, so it must be one by itself, not %s", strictyaml.Quote(a))
		}
	}
	return command
}

// words reads a list of texts with at least one.
func (r *reader) words(v strictyaml.Value, name, example string) []string {
	var list []string
	if v.Is(strictyaml.Sequence) && len(v.Node.Items) == 0 {
		r.Problem(v.Place, "%s is empty; write a list such as %s", name, example)
	}
	r.Texts(v, name, example, func(at strictyaml.Place, s string) {
		switch {
		case s == "":
			r.Problem(at, "an element of %s is empty; remove it", name)
		case strings.ContainsRune(s, 0):
			r.Problem(at, "an element of %s has a zero byte in it, which no argument can have; remove it", name)
		}
		list = append(list, s)
	})
	return list
}

func (r *reader) globs(v strictyaml.Value, name string) []string {
	var list []string
	r.Texts(v, name, `["**/*.js"]`, func(at strictyaml.Place, glob string) {
		if r.Glob(at, glob) {
			list = append(list, glob)
		}
	})
	return list
}

func (r *reader) folders(v strictyaml.Value) []string {
	var list []string
	r.Texts(v, "reads", "[/opt/mytool/rules]", func(at strictyaml.Place, folder string) {
		if r.absolute(at, folder) {
			list = append(list, path.Clean(folder))
		}
	})
	return list
}

func (r *reader) absolute(at strictyaml.Place, folder string) bool {
	if !path.IsAbs(folder) {
		r.Problem(at, "%s must be an absolute path", strictyaml.Quote(folder))
		return false
	}
	return true
}

func (r *reader) exitCodes(v strictyaml.Value) []int {
	if !v.Is(strictyaml.Sequence) {
		r.Problem(v.Place, "found must be a list of exit codes such as [1]%s", v.Instead())
		return nil
	}
	var codes []int
	for _, element := range v.Elements() {
		codes = append(codes, r.Integer(element, "an exit code", 1, 255))
	}
	return codes
}

func (r *reader) timeout(v strictyaml.Value) time.Duration {
	before := len(r.Problems)
	r.Duration(v, "timeout")
	if len(r.Problems) > before {
		return 0
	}
	text, _ := r.Text(v, "timeout", "")
	d, _ := time.ParseDuration(text)
	if d > maxTimeout {
		r.Problem(v.Place, "timeout must be at most an hour")
	}
	return d
}

func (r *reader) line(v strictyaml.Value, name string) string {
	s, ok := r.Text(v, name, `"What it looks for"`)
	if ok && (strings.ContainsAny(s, "\r\n") || len(s) > 200) {
		r.Problem(v.Place, "%s must be one line of at most 200 characters", name)
	}
	return s
}

func (r *reader) address(v strictyaml.Value) string {
	s, ok := r.Text(v, "url", "https://example.com/mytool")
	if ok && (!strings.HasPrefix(s, "https://") || strings.ContainsAny(s, " ()<>\"`")) {
		r.Problem(v.Place, "url must be an address that begins with https://")
	}
	return s
}

func (r *reader) severity(v strictyaml.Value, into *scanners.Severity) {
	var names []string
	for s := scanners.Note; s <= scanners.Critical; s++ {
		names = append(names, s.String())
	}
	if s := strictyaml.OneOf(&r.Reader, v, "severity", names); s != "" {
		_ = into.UnmarshalText([]byte(s)) // it is one of them
	}
}
