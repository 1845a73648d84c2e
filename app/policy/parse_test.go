package policy

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/strictyaml"
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

func TestLargeFilesAreRefused(t *testing.T) {
	t.Parallel()
	line := "# " + strings.Repeat("x", 997) + "\n"
	for name, test := range map[string]struct {
		text, want string
	}{
		"large":           {"version: 1\n" + strings.Repeat(line, 263), ".secbydesign.yml:1:1: the file is larger than 256 KiB; make it smaller"},
		"nearly so":       {"version: 1\n" + strings.Repeat(line, 262), ""},
		"many keys":       {"version: 1\n" + strings.Repeat("a: 1\n", 7000), ".secbydesign.yml:6667:4: the file has too many entries; make it smaller"},
		"many open lists": {"version: 1\ngates: " + strings.Repeat("[", 200_000), ".secbydesign.yml:2:28: this is nested too deeply; nothing here needs more than a few levels"},
		"many dashes":     {strings.Repeat("- ", 100_000), ".secbydesign.yml:1:41: this is nested too deeply; nothing here needs more than a few levels"},
		"many comments":   {"version: 1\n" + strings.Repeat("#\n", 100_000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if _, err := Parse(".secbydesign.yml", []byte(test.text)); err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
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

func TestDidYouMean(t *testing.T) {
	t.Parallel()
	known := []string{"secrets", "code", "off", "comment"}
	for word, want := range map[string]string{
		"secret": "secrets", "SECRETS": "secrets", "scerets": "secrets", "cod": "code", "on": "", "of": "off",
		"commemt": "comment", "": "", "x": "", "requirements": "", strings.Repeat("c", 100_000): "",
	} {
		if want != "" {
			want = fmt.Sprintf(", did you mean %q?", want)
		}
		if got := strictyaml.DidYouMean(word, known); got != want {
			t.Errorf("%.20q: %q, want %q", word, got, want)
		}
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
