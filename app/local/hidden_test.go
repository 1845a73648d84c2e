package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/visible"
)

// odd holds characters that control a terminal, or that a reader does not see.
const odd = "\x1b[8m\u0085\u009b8m\u202e\u2066\u200b\ufeff\U000e0041"

// oddScanner finds something in every file, and says it in odd words.
type oddScanner struct{ name string }

func (s oddScanner) Info() scanners.Info {
	return scanners.Info{Name: s.name, Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeFile}}
}

func (oddScanner) Version(context.Context) (string, error) { return "1" + odd, nil }

func (oddScanner) Scan(_ context.Context, t scanners.Target) (list []scanners.Finding, err error) {
	for _, f := range t.Files {
		list = append(list, scanners.Finding{
			Rule: "rule" + odd, Severity: scanners.High, Path: f.Path, Line: 1, EndLine: 1, Identity: "x", CWE: "CWE-1",
			Title: "Title" + odd, Message: "Message" + odd, Why: "Why" + odd, Help: "**Help**" + odd, HelpURL: "https://example.com/" + odd,
			Fixes: []scanners.Fix{{Title: "Fix" + odd, Edits: []scanners.Edit{{Path: f.Path, Line: 1, EndLine: 1, Text: "new" + odd + "\n"}}}},
		})
	}
	return list, &scanners.IncompleteError{Reason: "Reason" + odd, Err: errors.New("x")}
}

// TestNothingHidden holds that no format shows a character that affects a terminal or misleads a reader, wherever a
// path or a program has it from.
func TestNothingHidden(t *testing.T) {
	t.Parallel()
	const path = "a" + odd + ".py"
	f := newFolder(t, map[string]string{"b.py": "x = 1\n"})
	f.write(map[string]string{path: "old" + odd + "\n", ".secbydesign.yml": "version: 1\nrules: {\"odd/\u202e\": {mode: off}}\n"})
	for format := range formats {
		for _, color := range []bool{false, true} {
			code, out, err := f.review(func(o *Options) {
				o.Format, o.Color, o.All, o.Scanners = format, color, true, []scanners.Scanner{oddScanner{"odd"}}
			})
			if err != nil || code != Failed || !strings.Contains(out, "Title") {
				t.Fatalf("%s: code %d, %v\n%s", format, code, err, out)
			}
			for _, own := range []string{"0", "1", "2", "1;97;41", "1;31", "1;32", "1;33", "1;36", "1;37", "31", "32"} {
				if color && format == "text" {
					out = strings.ReplaceAll(out, "\x1b["+own+"m", "")
				}
			}
			for _, r := range out {
				if visible.Hidden(r) && r != '\n' && r != '\t' {
					t.Errorf("%s: %U is in\n%q", format, r, out)
					break
				}
			}
			if format != "json" {
				continue
			}
			var report struct {
				Findings []struct{ Path, Message string }
			}
			if err := json.NewDecoder(bytes.NewReader([]byte(out))).Decode(&report); err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(report.Findings, func(f struct{ Path, Message string }) bool {
				return f.Path == path && strings.Contains(f.Message, odd)
			}) {
				t.Errorf("the path does not come back: %+v", report.Findings)
			}
		}
	}
}
