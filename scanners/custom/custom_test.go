package custom

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/formats"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
	"github.com/secbydesign/secbydesign/scanners/programtest"
)

func TestMain(m *testing.M) {
	tool.Helper()
	os.Exit(m.Run())
}

// program writes an executable script, and returns its path.
func program(t *testing.T, script string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mytool")
	programtest.Write(t, name, "#!/bin/sh\n"+script)
	return name
}

// grep prints a diagnostic for each line with the word.
const grep = `for f in "$@"; do
	grep -n FIXME "$f" | while IFS=: read -r line rest; do
		printf '{"message":"Unfinished work.","location":{"path":"%s","range":{"start":{"line":%s}}},"code":{"value":"fixme"}}\n' "$f" "$line"
		touch "$TMPDIR/found"
	done
done
if [ -e "$TMPDIR/found" ]; then exit 1; fi
`

func definition(command ...string) Definition {
	return Definition{
		Name: "mytool", Gate: scanners.Code, Command: command, Format: formats.RDJSONL, Scope: scanners.ScopeFile,
		Found: []int{1}, Needs: []string{"grep", "touch"},
	}
}

func scan(t *testing.T, d Definition, files ...scanners.File) ([]scanners.Finding, error) {
	t.Helper()
	s := New(d, tool.NewRunner(tool.Auto, ""))
	target := scanners.Target{Scope: d.Scope, Files: files}
	if d.Scope == scanners.ScopeTree {
		target.Dir = t.TempDir()
		for _, f := range files {
			if err := os.WriteFile(filepath.Join(target.Dir, f.Path), f.Content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s.Scan(context.Background(), target)
}

func file(name, text string) scanners.File { return scanners.File{Path: name, Content: []byte(text)} }

func TestFiles(t *testing.T) {
	t.Parallel()
	d := definition(program(t, grep), "{files}")
	d.Files, d.Config = []string{"*.txt"}, []string{"config.txt"}
	found, err := scan(t, d, file("b.txt", "one\n  FIXME two\n"), file("a.txt", "FIXME"), file("config.txt", "FIXME"), file("c.go", "FIXME"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		got = append(got, fmt.Sprintf("%s:%d %s %s %q", f.Path, f.Line, f.Severity, f.Rule, f.Identity))
	}
	if want := []string{`a.txt:1 medium fixme "FIXME"`, `b.txt:2 medium fixme "FIXME two"`}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if found, err := scan(t, d, file("a.txt", "fine\n")); len(found) != 0 || err != nil {
		t.Errorf("nothing to find: %v, %v", found, err)
	}
}

func TestTreeAndReport(t *testing.T) {
	t.Parallel()
	d := definition(program(t, `[ "$1" = "--out=$PWD" ] || exit 7
cat >"$2" <<END
{"version":"2.1.0","runs":[{"columnKind":"utf16CodeUnits","tool":{"driver":{"name":"x"}},"results":[
{"ruleId":"R1","level":"error","message":{"text":"Bad."},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"file://$PWD/a.txt"},"region":{"startLine":1,"startColumn":4,"endColumn":5}}}]}]}]}
END
echo "not the report"`), "--out={tree}", "{report}")
	d.Format, d.Scope, d.Needs = formats.SARIF, scanners.ScopeTree, []string{"cat"}
	found, err := scan(t, d, file("a.txt", "😀 x\n"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if f := found[0]; f.Path != "a.txt" || f.Severity != scanners.High || f.Column != 3 || f.EndColumn != 4 {
		t.Errorf("got %+v", f)
	}
}

func TestWhatDidNotFinishIsNotClean(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		change func(*Definition)
		want   string
	}{
		"an exit code that is not known": {"exit 3", nil, "mytool failed (exit code 3)."},
		"one that has to be named":       {"exit 1", func(d *Definition) { d.Found = nil }, "mytool failed (exit code 1)."},
		"nothing":                        {"", func(d *Definition) { d.Format = formats.SARIF }, "The SARIF document cannot be used: the document is empty."},
		"found, and silent":              {"exit 1", nil, "It ended with exit code 1, which says that it found something, and printed nothing."},
		"garbage":                        {"echo oops", nil, "The rdjsonl report cannot be used: line 1 is not a diagnostic"},
		"too long":                       {"sleep 60", func(d *Definition) { d.Timeout, d.Needs = time.Second/10, []string{"sleep"} }, "ran out of time, and was stopped."},
		"places elsewhere":               {`echo '{"message":"x","location":{"path":"/etc/passwd"}}'`, nil, "outside the repository's files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := definition(program(t, test.script), "{files}")
			if test.change != nil {
				test.change(&d)
			}
			found, err := scan(t, d, file("a.txt", "x\n"))
			if len(found) != 0 || !strings.Contains(scanners.Reason(err), test.want) {
				t.Errorf("%v, %v; want %q", found, err, test.want)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	version := func(d Definition) (string, error) {
		return New(d, tool.NewRunner(tool.Auto, "")).Version(context.Background())
	}
	one, err := version(definition(program(t, "true")))
	if err != nil || !strings.HasPrefix(one, "sha256:") {
		t.Errorf("a digest: %q, %v", one, err)
	}
	if two, err := version(definition(program(t, "false"))); err != nil || two == one {
		t.Errorf("another program has the same version: %q, %v", two, err)
	}
	asked := definition(program(t, `[ "$1" = --version ] && echo "mytool 3.14.1"`))
	asked.Version = []string{"--version"}
	if v, err := version(asked); v != "3.14.1" || err != nil {
		t.Errorf("asked: %q, %v", v, err)
	}
	_, err = version(definition("/nowhere/mytool"))
	if want := "Install /nowhere/mytool, or fix the command of the scanner mytool in the settings file."; err == nil || err.Error() != want {
		t.Errorf("missing: %v", err)
	}
	if _, skip := err.(*scanners.MissingError); skip {
		t.Error("what an operator defined is skipped when it is missing")
	}
}

func TestEveryPartOfTheDefinitionIsPartOfTheRules(t *testing.T) {
	t.Parallel()
	rules := func(d Definition) string {
		state, err := New(d, tool.NewRunner(tool.Auto, "")).(scanners.Ruled).Rules(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	base := rules(definition("x"))
	for name, change := range map[string]func(*Definition){
		"command":  func(d *Definition) { d.Command = append(d.Command, "-v") },
		"format":   func(d *Definition) { d.Format = formats.SARIF },
		"severity": func(d *Definition) { d.Severity = scanners.High },
		"gate":     func(d *Definition) { d.Gate = scanners.Secrets },
		"config":   func(d *Definition) { d.Config = []string{"x"} },
	} {
		d := definition("x")
		if change(&d); rules(d) == base {
			t.Errorf("results for another %s would be taken", name)
		}
	}
}
