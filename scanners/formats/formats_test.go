package formats

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
)

// updating reports whether to write the golden files; package scannertest has the flag.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// TestRead reads one report for each folder: in.FORMAT, the files that it is about, and the
// expected output.
func TestRead(t *testing.T) {
	t.Parallel()
	reports, err := filepath.Glob("testdata/*/in.*")
	if err != nil || len(reports) < 7 {
		t.Fatalf("%d reports, %v", len(reports), err)
	}
	for _, name := range reports {
		dir := filepath.Dir(name)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			text, planted := scannertest.Expand(string(raw))
			format := Format(strings.TrimPrefix(filepath.Ext(name), "."))
			found, err := Read(format, strings.NewReader(text), Options{Tool: "tool", Root: "/tree", Content: content(t, filepath.Join(dir, "files"))})
			got := dump(found, err)
			for _, secret := range planted {
				if strings.Contains(got, secret[:8]) {
					t.Error("a secret is taken over")
				}
			}
			golden := filepath.Join(dir, "want")
			if updating() {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s (-update writes it):\n%s", golden, got)
			}
		})
	}
}

func content(t *testing.T, dir string) func(string) ([]byte, bool) {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		text, _ := scannertest.Expand(string(b))
		all[name] = []byte(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(name string) ([]byte, bool) {
		b, ok := all[name]
		return b, ok
	}
}

func dump(found []scanners.Finding, err error) string {
	var b strings.Builder
	for _, f := range found {
		fmt.Fprintf(&b, "%s %s %s:%d:%d-%d:%d\n", f.Severity, f.Rule, f.Path, f.Line, f.Column, f.EndLine, f.EndColumn)
		for _, line := range [][2]string{
			{"title", f.Title}, {"message", f.Message}, {"why", f.Why}, {"help", f.Help}, {"url", f.HelpURL}, {"cwe", f.CWE},
			{"aliases", strings.Join(f.Aliases, " ")}, {"identity", fmt.Sprintf("%q", f.Identity)},
		} {
			if line[1] != "" {
				fmt.Fprintf(&b, "  %s: %s\n", line[0], line[1])
			}
		}
		for _, s := range f.Flow {
			fmt.Fprintf(&b, "  step: %s:%d %s\n", s.Path, s.Line, s.Message)
		}
		for _, x := range f.Fixes {
			fmt.Fprintf(&b, "  fix: %s\n", x.Title)
			for _, e := range x.Edits {
				fmt.Fprintf(&b, "    %s:%d:%d-%d:%d %q\n", e.Path, e.Line, e.Column, e.EndLine, e.EndColumn, e.Text)
			}
		}
	}
	if err != nil {
		fmt.Fprintf(&b, "incomplete: %s\n", scanners.Reason(err))
	}
	return b.String()
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const bomb = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><checkstyle><file name="a"><error message="&b;"/></file></checkstyle>`
	const outside = `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><checkstyle><file name="&a;"/></checkstyle>`
	for name, test := range map[string]struct {
		format     Format
		text, want string
	}{
		"rdjson: empty":          {RDJSON, "", "the document is empty"},
		"rdjson: other":          {RDJSON, "{}", `it has no "diagnostics"`},
		"rdjson: type":           {RDJSON, `{"diagnostics":[{"message":1}]}`, "diagnostics[0].message is not of the type"},
		"rdjson: truncated":      {RDJSON, `{"diagnostics":[{"message":"a"}`, "ends in the middle of diagnostics"},
		"rdjsonl: text":          {RDJSONL, "{}\noops\n", "line 2 is not a diagnostic: invalid character 'o'"},
		"rdjsonl: type":          {RDJSONL, `{"location":{"range":{"start":{"line":"1"}}}}`, "line 1 is not a diagnostic: location.range.start.line is not of the type"},
		"rdjsonl: a long line":   {RDJSONL, strings.Repeat("x", 17<<20), "line 1: "},
		"checkstyle: empty":      {Checkstyle, "", "it is empty"},
		"checkstyle: other":      {Checkstyle, "<testsuite/>", "begins with <testsuite>"},
		"checkstyle: truncated":  {Checkstyle, "<checkstyle>\n<file name='a'>", "line 2, column 16: "},
		"checkstyle: mismatch":   {Checkstyle, "<checkstyle></file>", "element <checkstyle> closed by </file>"},
		"checkstyle: bomb":       {Checkstyle, bomb, "invalid character entity &b;"},
		"checkstyle: outside":    {Checkstyle, outside, "invalid character entity &a;"},
		"checkstyle: deep":       {Checkstyle, "<checkstyle>" + strings.Repeat("<a>", 100_000), "nested too deeply"},
		"checkstyle: characters": {Checkstyle, `<?xml version="1.0" encoding="ISO-8859-1"?><checkstyle/>`, "not UTF-8"},
		"gitlab: other":          {GitLab, `{"version":"15"}`, `it has no "vulnerabilities"`},
		"gitlab: type":           {GitLab, `{"vulnerabilities":[{"location":{"start_line":"x"}}]}`, "vulnerabilities[0].location.start_line is not of the type"},
		"sarif: no runs":         {SARIF, `{"version":"2.1.0","runs":[]}`, "has no run"},
		"sarif: no results":      {SARIF, `{"version":"2.1.0","runs":[{"results":[]},{}]}`, "no list of results"},
		"sarif: other":           {SARIF, `{}`, `it has no "version"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read(test.format, strings.NewReader(test.text), Options{})
			if reason := scanners.Reason(err); !strings.Contains(reason, test.want) || !strings.HasSuffix(reason, ".") || len(reason) > 400 {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	if _, err := Read("junit", strings.NewReader(""), Options{}); err == nil {
		t.Error("an unknown format is read")
	}
}

func TestReadStopsAtTheLimit(t *testing.T) {
	t.Parallel()
	const one = `{"message":"a","location":{"path":"a"}}`
	for format, text := range map[Format]string{
		RDJSON:     `{"diagnostics":[` + one + "," + one + "," + one + `]}`,
		RDJSONL:    one + "\n" + one + "\n" + one,
		Checkstyle: `<checkstyle><file name="a"><error/><error/><error/></file></checkstyle>`,
		GitLab:     `{"vulnerabilities":[{"location":{"file":"a"}},{"location":{"file":"a"}},{"location":{"file":"a"}}]}`,
		SARIF:      `{"version":"2.1.0","runs":[{"results":[{"message":{"text":"a"}},{"message":{"text":"a"}},{"message":{"text":"a"}}]}]}`,
	} {
		found, err := Read(format, strings.NewReader(text), Options{Limit: 2})
		if len(found) != 2 || !strings.Contains(scanners.Reason(err), "only the first 2") {
			t.Errorf("%s: %d findings, %v", format, len(found), err)
		}
		if all, err := Read(format, strings.NewReader(text), Options{Default: scanners.Critical}); len(all) != 3 || err != nil || all[0].Severity != scanners.Critical {
			t.Errorf("%s: %d findings, %v, %+v", format, len(all), err, all)
		}
	}
}

// FuzzRead checks that no input crashes the program or breaks the promises of a finding.
func FuzzRead(f *testing.F) {
	reports, err := filepath.Glob("testdata/*/in.*")
	if err != nil || len(reports) == 0 {
		f.Fatal(err)
	}
	for _, name := range reports {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Ext(name)[1:], b)
	}
	text := []byte("é1 😀\n\nb2\r\nc3")
	f.Fuzz(func(t *testing.T, format string, report []byte) {
		for _, content := range []func(string) ([]byte, bool){nil, func(name string) ([]byte, bool) { return text, len(name) < 12 }} {
			found, err := Read(Format(format), bytes.NewReader(report), Options{Root: "/tree", Content: content})
			if err != nil && scanners.Reason(err) == "" {
				t.Error("an error without a reason")
			}
			for _, f := range found {
				switch {
				case f.Path != "" && (strings.HasPrefix(f.Path, "/") || f.Path == ".." || strings.HasPrefix(f.Path, "../")):
					t.Errorf("path %q", f.Path)
				case f.Line < 0 || f.EndLine < f.Line || (f.Column == 0) != (f.EndColumn == 0) || f.Line == f.EndLine && f.EndColumn < f.Column:
					t.Errorf("place %+v", f)
				case f.Rule == "" || f.Title == "" || f.Message == "" || f.Help == "":
					t.Errorf("something is missing: %+v", f)
				case !utf8.ValidString(f.Message) || strings.ContainsAny(f.Message+f.Title+f.Help+f.Rule, "\n\x00\x1b"):
					t.Errorf("text %+v", f)
				}
			}
		}
	})
}
