package actionlint

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

const path = ".github/workflows/ci.yml"

func TestColumns(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/untrusted-input/files/.github/workflows/bad.yml")
	if err != nil {
		t.Fatal(err)
	}
	found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: text}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"${{ github.event.issue.title }}", "${{ github.event.issue.body }}", "${{ github.head_ref }}", "${{github.event.pull_request.title}}",
		"${{ github.event.comment.body || 'nothing' }}", "${{ toJSON(github.event.issue.title) }}", "${{ format('{0}', github.event.issue.title) }}",
		"${{ github.event.commits.*.author.name }}", "${{ github.event.*.body }}"}
	if len(found) != len(want) {
		t.Fatalf("%d findings, want %d", len(found), len(want))
	}
	lines := strings.Split(string(text), "\n")
	for i, f := range found {
		if got := string([]rune(lines[f.Line-1])[f.Column-1 : f.EndColumn-1]); got != want[i] {
			t.Errorf("line %d, columns %d to %d: %q, want %q", f.Line, f.Column, f.EndColumn, got, want[i])
		}
	}
}

// No text of a workflow, however hostile, may make a scan fail.
func FuzzScan(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*/.github/workflows/*")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: path, Content: text}}})
		if err != nil && strings.Contains(err.Error(), "panic") {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for _, x := range found {
			if x.Line < 1 || x.EndLine > len(lines) || x.Column > 0 && x.EndColumn <= x.Column || strings.ContainsAny(x.Message, "\r\n") {
				t.Fatalf("%+v, in %d lines", x, len(lines))
			}
		}
	})
}
