package design

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// sampleFacts returns the lines of a sample, see TestSamples. A sample with the folders "base" and "head" has the
// facts that are new at the head. For control-removed they are the controls that are gone: "PATH KIND TEXT".
func sampleFacts(t *testing.T, dir, rule string) (lines []string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "head")); err != nil {
		for _, f := range factsOf(t, dir, rule) {
			lines = append(lines, factLine(f))
		}
		return lines
	}
	base, head := filepath.Join(dir, "base"), filepath.Join(dir, "head")
	if rule == "control-removed" {
		return goneControls(factsOf(t, base, Control), factsOf(t, head, Control), sample(t, head))
	}
	have := map[string]int{}
	for _, f := range factsOf(t, base, rule) {
		have[f.Path+f.Fact.Key]++
	}
	for _, f := range factsOf(t, head, rule) {
		if have[f.Path+f.Fact.Key]--; have[f.Path+f.Fact.Key] < 0 {
			lines = append(lines, factLine(f))
		}
	}
	return lines
}

func factLine(f scanners.Finding) string {
	line := fmt.Sprintf("%s:%d %s", f.Path, f.Line, f.Fact.Key)
	if f.Fact.Closed != "" {
		line += " (closed)"
	}
	return line
}

func factsOf(t *testing.T, dir, rule string) (found []scanners.Finding) {
	t.Helper()
	all, err := Scanner{}.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: sample(t, dir)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.Rule == rule {
			found = append(found, f)
		}
	}
	return found
}

// goneControls counts controls by kind over the files that still exist.
func goneControls(base, head []scanners.Finding, files []scanners.File) (lines []string) {
	exists := map[string]bool{}
	for _, f := range files {
		exists[f.Path] = true
	}
	kinds, keys := map[string]int{}, map[string]int{}
	for _, f := range head {
		kinds[f.Fact.Data["kind"]]++
		keys[f.Path+" "+f.Fact.Key]++
	}
	for _, f := range base {
		if exists[f.Path] {
			kinds[f.Fact.Data["kind"]]--
		}
	}
	for _, f := range base {
		at := f.Path + " " + f.Fact.Key
		if keys[at]--; exists[f.Path] && kinds[f.Fact.Data["kind"]] < 0 && keys[at] < 0 {
			lines = append(lines, at)
		}
	}
	return lines
}
