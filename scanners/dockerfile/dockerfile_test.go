package dockerfile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// places returns rule@line-end of all findings except root-user.
func places(t *testing.T, content string) []string {
	t.Helper()
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "Dockerfile", Content: []byte(content)}}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range found {
		if f.Rule != "root-user" {
			out = append(out, fmt.Sprintf("%s@%d-%d", f.Rule, f.Line, f.EndLine))
		}
	}
	return out
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	const k = "curl -k -o a https://example.com/a"
	tests := map[string]struct {
		content string
		want    []string
	}{
		"one line":            {"FROM a:1\nRUN " + k, []string{"certificate-check-off@2-2"}},
		"lower case":          {"from a:1\nrun " + k, []string{"certificate-check-off@2-2"}},
		"continued":           {"FROM a:1\nRUN true && \\\n  " + k + " && \\\n  true\n", []string{"certificate-check-off@3-3"}},
		"command over lines":  {"FROM a:1\nRUN true && \\\n  curl \\\n  # a comment\n\n  -k https://example.com/a\n", []string{"certificate-check-off@3-6"}},
		"space after the end": {"FROM a:1\nRUN true && \\  \n " + k + "\n", []string{"certificate-check-off@3-3"}},
		"backtick":            {"# escape=`\nFROM a:1\nRUN true && `\n " + k + "\n", []string{"certificate-check-off@4-4"}},
		"flags":               {"FROM a:1\nRUN --mount=type=cache,target=/x \\\n --network=none \\\n " + k + "\n", []string{"certificate-check-off@4-4"}},
		"onbuild":             {"FROM a:1\nONBUILD RUN " + k + "\n", []string{"certificate-check-off@2-2"}},
		"exec form":           {"FROM a:1\nRUN [\"/bin/sh\", \"-ec\", \\\n \"" + k + "\"]\n", []string{"certificate-check-off@2-3"}},
		"exec form of one":    {"FROM a:1\nRUN [\"curl\", \"-k\", \"https://example.com/it's\"]\n", []string{"certificate-check-off@2-2"}},
		"heredoc":             {"FROM a:1\nRUN <<-EOF\n\ttrue\n\t" + k + "\n\tEOF\nRUN sudo x\n", []string{"certificate-check-off@4-4", "sudo@6-6"}},
		"heredoc with flags":  {"FROM a:1\nRUN --network=none <<\"EOF\"\n" + k + "\nEOF\n", []string{"certificate-check-off@3-3"}},
		"heredoc of a shell":  {"FROM a:1\nRUN bash -e <<EOF\n#!/bin/bash\n" + k + "\nEOF\n", []string{"certificate-check-off@4-4"}},
		"heredoc of a file":   {"FROM a:1\nRUN cat <<EOF > /x\n" + k + "\nEOF\n", nil},
		"heredoc of python":   {"FROM a:1\nRUN python3 <<EOF\n" + k + "\nEOF\n", nil},
		"two heredocs":        {"FROM a:1\nCOPY <<A <<B /x/\n" + k + "\nA\n" + k + "\nB\nRUN sudo x\n", []string{"sudo@7-7"}},
		"other shell":         {"FROM a:1\nSHELL [\"/bin/bash\", \"-c\"]\nRUN sudo x\nSHELL [\"pwsh\"]\nRUN sudo x\n", []string{"sudo@3-3"}},
		"shell of a base":     {"FROM a:1 AS x\nSHELL [\"pwsh\"]\nFROM X\nRUN sudo x\n", nil},
		"second stage":        {"FROM a:1\nSHELL [\"pwsh\"]\nFROM b:1\nRUN sudo x\n", []string{"sudo@4-4"}},
		"env over lines":      {"FROM a:1\nENV A=b \\\n  API_KEY=abcdefgh\n", []string{"secret-in-image@2-3"}},
		"CRLF":                {"FROM a:1\r\nRUN true && \\\r\n  " + k + "\r\n", []string{"certificate-check-off@3-3"}},
		"byte order mark":     {"\ufeffFROM a\nUSER x\n", []string{"floating-image@1-1"}},
		"global argument":     {"ARG TOKEN=abcdefgh\nFROM a:1\n", []string{"secret-in-image@1-1"}},
	}
	for name, tt := range tests {
		if got := places(t, tt.content); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q\n%s", name, got, tt.want, tt.content)
		}
	}
}

func TestLooseMode(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"777", "0777", "666", "2777", "002", "a+w", "o+w", "a+rwx", "ugo+w", "o=rwx", "u+x,o+w", "a=rwx"} {
		if !looseMode(mode) {
			t.Errorf("%s is strict", mode)
		}
	}
	for _, mode := range []string{"755", "1777", "3777", "644", "770", "+x", "u+w", "g+w", "o-w", "a+rx", "u=rwx,g=rx,o=rx", "7", "", "$MODE", strings.Repeat("7", 9)} {
		if looseMode(mode) {
			t.Errorf("%s is loose", mode)
		}
	}
}
