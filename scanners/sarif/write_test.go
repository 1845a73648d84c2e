package sarif

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	gosarif "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/secbydesign/secbydesign/scanners"
)

// updating reports whether to write the golden files; package scannertest has the flag.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

func finding(state scanners.State, path string, line int) scanners.Result {
	return scanners.Result{
		Finding: scanners.Finding{
			Rule: "aws-access-token", Severity: scanners.High, Path: path,
			Line: line, EndLine: line, Column: 3, EndColumn: 23,
			Title: "Committed secret: aws access token", Message: "This is a key.", Why: "Others can use it.",
			Help: "**Revoke** it.", HelpURL: "https://example.com/help", CWE: "CWE-798", Identity: "never written",
		},
		Scanner: "gitleaks", Gate: scanners.Secrets, Fingerprint: "abcdefghijklmnopqrstuvwxyz:1", State: state,
	}
}

func samples() []scanners.Run {
	wholeFile := finding(scanners.New, "certs/site.p12", 0)
	wholeFile.Column, wholeFile.EndColumn, wholeFile.Rule, wholeFile.Severity = 0, 0, "pkcs12-file", scanners.Critical
	history := finding(scanners.New, "removed.txt", 7)
	history.Commit, history.EndLine, history.Severity = strings.Repeat("0123", 10), 9, scanners.Medium
	odd := finding(scanners.New, "a dir/50%#?\"é\xff\n:x.go", 2)
	odd.Message = "Not \xff UTF-8, <b>&\u2028\x00."
	colon := finding(scanners.New, "c:d/e.go", 1)
	bare := scanners.Result{Finding: scanners.Finding{Rule: "bare", Message: "Nothing else."}, Scanner: "gitleaks", State: scanners.New}
	rich := finding(scanners.New, "app/a b.go", 4)
	rich.Scanner, rich.Gate, rich.Rule, rich.CWE, rich.Aliases, rich.Also = "osv", scanners.Dependencies, "flow", "CWE-89", []string{"CVE-2026-1000", "GO-2026-1"}, []string{"gosec/G201"}
	rich.Flow = []scanners.Step{{Path: "web/in.go", Line: 2, Message: "comes in"}, {Path: "app/a b.go"}}
	rich.Fixes = []scanners.Fix{
		{Title: "Use a parameter", Edits: []scanners.Edit{
			{Path: "app/a b.go", Line: 4, EndLine: 4, Column: 3, EndColumn: 23, Text: "?"},
			{Path: "go.mod", Line: 1, EndLine: 2, Text: "module x\n"},
			{Path: "app/a b.go", Line: 9, EndLine: 9, Column: 1, EndColumn: 1, Text: "// inserted\n"},
		}},
		{Edits: []scanners.Edit{{Path: "go.mod", Line: 1, EndLine: 1}}},
	}
	low := finding(scanners.New, "go.mod", 3)
	low.Scanner, low.Gate, low.Rule, low.Severity, low.Column, low.EndColumn = "osv", scanners.Dependencies, "GO-2026-1", scanners.Low, 0, 0
	return []scanners.Run{
		{Scanner: "gitleaks", Gate: scanners.Secrets, Version: "8.30.1", Results: []scanners.Result{
			finding(scanners.New, "main.go", 12), history, wholeFile, odd, colon, bare,
			finding(scanners.Unchanged, "old.go", 1), finding(scanners.Absent, "gone.go", 1),
		}},
		{Scanner: "osv", Gate: scanners.Dependencies, Version: "1", Results: []scanners.Result{low, rich}, Err: fmt.Errorf("scan: %w", &scanners.IncompleteError{
			Reason: "The lockfile web/yarn.lock is truncated.", Err: errors.New("for the operator only"),
		})},
		{Scanner: "gosec", Gate: scanners.Code, Err: context.DeadlineExceeded},
		{Scanner: "actionlint", Gate: scanners.Pipeline, Skipped: "No workflow was changed."},
	}
}

var infos = []scanners.Info{{Name: "gitleaks", About: "Secrets in files", URL: "https://github.com/gitleaks/gitleaks"}}

// suppressed returns two runs, one of which has suppressed results.
func suppressed() []scanners.Run {
	open, comment, decision := finding(scanners.New, "main.go", 1), finding(scanners.New, "a dir/main.go", 12), finding(scanners.New, "main.go", 3)
	comment.Fingerprint, decision.Fingerprint = "comment:1", "decision:1"
	return []scanners.Run{
		{Scanner: "gitleaks", Gate: scanners.Secrets, Version: "8.30.1", Results: []scanners.Result{open, comment, decision}},
		{Scanner: "osv", Gate: scanners.Dependencies, Results: []scanners.Result{open}},
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		runs []scanners.Run
		opts Options
	}{
		"new":     {samples(), Options{Infos: infos}},
		"all":     {samples(), Options{All: true, Infos: infos}},
		"nothing": {nil, Options{}},
		"suppressed": {suppressed(), Options{Suppressed: map[string]Suppression{
			"comment:1":  {Reason: "the sandbox <knows> it", Path: "a dir/main.go", Line: 11},
			"decision:1": {Reason: "nobody reaches it"},
		}}},
		"clean": {[]scanners.Run{{Scanner: "gitleaks", Gate: scanners.Secrets, Version: "8.30.1"}}, Options{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := Write(&b, test.runs, test.opts); err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", name+".sarif")
			if updating() {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("differs from %s (-update writes it):\n%s", golden, b.String())
			}
			if !utf8.Valid(b.Bytes()) {
				t.Error("not UTF-8")
			}
			for _, secret := range []string{"never written", "for the operator only"} {
				if strings.Contains(b.String(), secret) {
					t.Errorf("holds %q", secret)
				}
			}
			if err := validate(b.Bytes()); err != nil {
				t.Error(err)
			}
		})
	}
}

// validate checks a document against the schema of SARIF 2.1.0, and that it has no property that
// the standard does not define.
func validate(doc []byte) error {
	known := json.NewDecoder(bytes.NewReader(doc))
	known.DisallowUnknownFields()
	if err := known.Decode(&gosarif.Report{}); err != nil {
		return err
	}
	report, err := gosarif.FromBytes(doc)
	if err != nil {
		return err
	}
	// The library validates its own values, and leaves these empty where the standard has
	// a default.
	for _, r := range report.Runs {
		r.Language, r.Tool.Driver.Language, r.NewlineSequences = "en-US", "en-US", []string{"\n"}
		for _, result := range r.Results {
			for _, flow := range result.CodeFlows {
				for _, thread := range flow.ThreadFlows {
					for _, l := range thread.Locations {
						l.Importance = "important"
					}
				}
			}
		}
	}
	return report.Validate()
}

func TestValidateCanFail(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Write(&b, samples(), Options{}); err != nil {
		t.Fatal(err)
	}
	for _, change := range [][2]string{
		{`"level": "error"`, `"level": "terrible"`},
		{`"startLine": 12`, `"startLine": 0`},
		{`"baselineState": "new"`, `"baselineState": "fresh"`},
		{`"uri": "main.go"`, `"uri": "a b%"`},
		{`"baselineState"`, `"baselineStatus"`},
	} {
		broken := strings.Replace(b.String(), change[0], change[1], 1)
		if broken == b.String() {
			t.Fatalf("no %s", change[0])
		}
		if validate([]byte(broken)) == nil {
			t.Errorf("%s is taken for valid", change[1])
		}
	}
}

func TestPathsCanBeReadBack(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"a.go", "a/b.go", "a b", "50%", "%41", "c:d", "a/c:d", "#", "?x=1", "é", "\xff\xfe", "a\nb", `back\slash`, `"`, "-x", "~", "[id].ts", "(group)/+page", "a//b", "..a",
	} {
		u, err := url.Parse("https://example.com/root/")
		if err != nil {
			t.Fatal(err)
		}
		ref, err := url.Parse(uri(path))
		if err != nil {
			t.Errorf("%q: %v", path, err)
			continue
		}
		if got := strings.TrimPrefix(u.ResolveReference(ref).Path, "/root/"); got != path || ref.Scheme != "" || ref.Fragment != "" || ref.RawQuery != "" {
			t.Errorf("%q is written as %q and read as %q", path, uri(path), got)
		}
	}
}

// https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
func TestSecuritySeverityIsInGitHubsRanges(t *testing.T) {
	t.Parallel()
	for severity, between := range map[scanners.Severity][2]float64{
		scanners.Critical: {9.1, 10}, scanners.High: {7, 8.9}, scanners.Medium: {4, 6.9}, scanners.Low: {0.1, 3.9},
	} {
		var n float64
		if err := json.Unmarshal([]byte(securitySeverity(severity)), &n); err != nil || n < between[0] || n > between[1] {
			t.Errorf("%s is %q: %v", severity, securitySeverity(severity), err)
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk is full") }

func TestWriteSaysWhatFailed(t *testing.T) {
	t.Parallel()
	if err := Write(fullDisk{}, samples(), Options{}); err == nil || err.Error() != "write SARIF: disk is full" {
		t.Errorf("got %v", err)
	}
}
