package settings

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/strictyaml/strictyamltest"
	"github.com/secbydesign/secbydesign/scanners"
)

var update = flag.Bool("update", false, "write the wanted outcomes of testdata again")

var knownScanners = []string{"gitleaks", "gosec", "osv", "semgrep"}

func TestSettings(t *testing.T) {
	t.Parallel()
	strictyamltest.Golden(t, "testdata", *update, func(t *testing.T, b []byte) string {
		s, err := Parse("settings.yml", b, knownScanners...)
		if err != nil {
			strictyamltest.CheckProblems(t, b, err)
			return err.Error() + "\n"
		}
		got, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return string(got) + "\n"
	})
}

// TestEachKeyOfAScannerHasItsLimits writes one key into a scanner that is right without it.
func TestEachKeyOfAScannerHasItsLimits(t *testing.T) {
	t.Parallel()
	const program = "must be a name that is found on the PATH, or an absolute path"
	for name, tt := range map[string]struct{ key, want string }{
		"a program on the PATH":          {"command: [mytool, ./a]", ""},
		"a program at an absolute path":  {"command: [/opt/mytool]", ""},
		"a program in the tree":          {"command: [bin/mytool]", `the program "bin/mytool" ` + program},
		"a program beside the tree":      {"command: [./mytool]", `the program "./mytool" ` + program},
		"a program that is a report":     {`command: ["{report}"]`, `the program "{report}" ` + program},
		"a program with files in it":     {`command: ["my{files}"]`, `the program "my{files}" ` + program},
		"no program":                     {"command: []", "command is empty; write a list such as [mytool, --sarif, .]"},
		"an empty program":               {`command: [""]`, "an element of command is empty; remove it"},
		"an empty argument":              {`command: [mytool, ""]`, "an element of command is empty; remove it"},
		"an argument cut by a zero byte": {`command: [mytool, "a\0b"]`, "an element of command has a zero byte in it, which no argument can have; remove it"},
		"files of a whole tree":          {`command: [mytool, "{files}"]`, "a scanner of scope tree scans the whole tree; leave {files} out of its command, or write `scope: file`"},
		"files within an argument":       {`command: [mytool, "-f={files}"]`, `{files} becomes several arguments, so it must be one by itself, not "-f={files}"`},

		"an hour":                     {"timeout: 1h", ""},
		"more than an hour":           {"timeout: 60m1s", "timeout must be at most an hour"},
		"no time":                     {"timeout: soon", `timeout must be a time such as 60s or 5m, not "soon"`},
		"a number for a time":         {"timeout: 60", "timeout must be text such as 60s, not the number 60"},
		"the longest line":            {"about: " + strings.Repeat("a", 200), ""},
		"a longer line":               {"about: " + strings.Repeat("a", 201), "about must be one line of at most 200 characters"},
		"two lines":                   {`about: "a\nb"`, "about must be one line of at most 200 characters"},
		"a line that returns":         {`about: "a\rb"`, "about must be one line of at most 200 characters"},
		"no text for a line":          {"about: 5", `about must be text such as "What it looks for", not the number 5`},
		"an address":                  {"url: https://example.com/a?b=c#d", ""},
		"an address without TLS":      {"url: http://example.com", "url must be an address that begins with https://"},
		"an address that runs":        {"url: 'javascript:alert(1)'", "url must be an address that begins with https://"},
		"an address with markup":      {"url: https://example.com/<b>", "url must be an address that begins with https://"},
		"an address that ends a link": {"url: https://example.com/)", "url must be an address that begins with https://"},
		"no text for an address":      {"url: 5", "url must be text such as https://example.com/mytool, not the number 5"},
		"the mildest severity":        {"severity: note", ""},
		"the worst severity":          {"severity: critical", ""},
		"an unknown severity":         {"severity: worst", `unknown severity "worst"; known here: note, low, medium, high and critical`},
		"a folder to read":            {"reads: [/opt/rules]", ""},
		"a folder in the tree":        {"reads: [rules]", `"rules" must be an absolute path`},
		"the least exit code":         {"found: [1]", ""},
		"the largest exit code":       {"found: [1, 255]", ""},
		"the exit code of no finding": {"found: [0]", "an exit code must be from 1 to 255, not 0"},
		"no exit code":                {"found: [256]", "an exit code must be from 1 to 255, not 256"},
		"one exit code and no list":   {"found: 1", "found must be a list of exit codes such as [1], not the number 1"},
		"a glob":                      {`files: ["**/*.go"]`, ""},
		"a glob that cannot match":    {"files: [/a]", `write the pattern "/a" without the leading /`},
		"the same for its settings":   {"config: [/a]", `write the pattern "/a" without the leading /`},
		"no program that it needs":    {"needs: []", "needs is empty; write a list such as [jq]"},
		"no words for its version":    {"version: []", "version is empty; write a list such as [--version]"},
		"an unknown key":              {"timout: 5m", `unknown key "timout", did you mean "timeout"?`},
	} {
		text := "version: 1\nscanners:\n  mine:\n    format: sarif\n    scope: tree\n    gate: code\n    " + tt.key + "\n"
		if !strings.HasPrefix(tt.key, "command:") {
			text += "    command: [mytool]\n"
		}
		got := ""
		if _, err := Parse("s.yml", []byte(text), knownScanners...); err != nil {
			strictyamltest.CheckProblems(t, []byte(text), err)
			_, got, _ = strings.Cut(err.Error(), ": ")
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// TestEachSeverityIsTaken: the operator's word is what findings without one of their own have.
func TestEachSeverityIsTaken(t *testing.T) {
	t.Parallel()
	for _, want := range []scanners.Severity{scanners.Note, scanners.Low, scanners.Medium, scanners.High, scanners.Critical} {
		s, err := Parse("s.yml", []byte("scanners: {mine: {command: [x], format: sarif, scope: tree, gate: code, severity: "+want.String()+"}}\n"))
		if err != nil || len(s.Scanners) != 1 || s.Scanners[0].Severity != want {
			t.Errorf("%s: %+v, %v", want, s, err)
		}
	}
}

// TestNamesOfScanners: a name becomes a part of paths and rules, and none is taken twice.
func TestNamesOfScanners(t *testing.T) {
	t.Parallel()
	const shape = "must be up to 40 lower-case letters, digits and hyphens, beginning with a letter"
	for name, want := range map[string]string{
		"a": "", "my-tool2": "", strings.Repeat("a", 40): "",
		strings.Repeat("a", 41): shape, "My": shape, "2a": shape, "-a": shape, "a/b": shape, "a_b": shape, "ä": shape,
		"gosec": "is that of a scanner that is built in; choose another",
	} {
		_, err := Parse("s.yml", []byte("scanners: {\""+name+"\": {command: [x], format: sarif, scope: tree, gate: code}}\n"), knownScanners...)
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

// FuzzParse holds that a settings file is either refused with places, or each scanner in
// it can be made.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(files) == 0 {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse("s.yml", b, knownScanners...)
		if err != nil {
			strictyamltest.CheckProblems(t, b, err)
			return
		}
		for _, d := range s.Scanners {
			if len(d.Command) == 0 || d.Name == "" || d.Format == "" || d.Scope == "" || d.Gate == "" {
				t.Errorf("%+v", d)
			}
		}
	})
}
