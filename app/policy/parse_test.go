package policy

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/strictyaml/strictyamltest"
)

var update = flag.Bool("update", false, "write the wanted outcomes of testdata again")

var knownScanners = []string{"gitleaks", "gosec", "osv", "semgrep"}

func TestMistakesAreReportedAtTheirPlace(t *testing.T) {
	t.Parallel()
	strictyamltest.Golden(t, "testdata/bad", *update, func(t *testing.T, b []byte) string {
		_, err := Parse(".secbydesign.yml", b, knownScanners...)
		if err == nil {
			t.Fatal("no mistake was found")
		}
		strictyamltest.CheckProblems(t, b, err)
		return err.Error() + "\n"
	})
}

func TestGoodPolicies(t *testing.T) {
	t.Parallel()
	strictyamltest.Golden(t, "testdata/good", *update, func(t *testing.T, b []byte) string {
		layer, err := Parse(".secbydesign.yml", b, knownScanners...)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(Merge(layer, Layer{}), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return string(got) + "\n"
	})
}

func TestScannersAreCheckedOnlyWhenKnown(t *testing.T) {
	t.Parallel()
	b := []byte("version: 1\nscanners: {nessus: {enabled: false}}\nrules: {nessus/x: {mode: off}}\n")
	if _, err := Parse("p.yml", b); err != nil {
		t.Errorf("without names: %v", err)
	}
	if _, err := Parse("p.yml", b, "gitleaks"); err == nil || strings.Count(err.Error(), "unknown scanner") != 2 {
		t.Errorf("with names: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, dir := range []string{"good", "bad"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*.yml"))
		if err != nil || len(files) == 0 {
			f.Fatalf("no policies in testdata/%s: %v", dir, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		layer, err := Parse("p.yml", b, knownScanners...)
		if err != nil {
			strictyamltest.CheckProblems(t, b, err)
			return
		}
		p := Merge(layer, layer)
		if p.CommentLimit < 0 || p.CommentLimit > maxCommentLimit {
			t.Errorf("comment limit %d", p.CommentLimit)
		}
		// Deciding must not fail, whatever the file says.
		for gate := range p.Gates {
			if m := p.Mode(gate, "gosec", "G404", 2, "vendor/a/b.go"); m < Off || m > Block {
				t.Errorf("mode %v", m)
			}
		}
		p.Ignored("vendor/a/b.go")
	})
}
