package settings

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/secbydesign/secbydesign/app/strictyaml/strictyamltest"
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

// FuzzParse holds that a settings file is either refused with places, or each scanner in it can be made.
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
