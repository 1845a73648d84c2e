package policy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	inFolder(t, "settings", func(t *testing.T, b []byte) string {
		s, err := ParseSettings("settings.yml", b, knownScanners...)
		if err != nil {
			checkProblems(t, b, err)
			return err.Error() + "\n"
		}
		got, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		return string(got) + "\n"
	})
}

// FuzzParseSettings holds that a settings file is either refused with places, or each scanner in
// it can be made.
func FuzzParseSettings(f *testing.F) {
	files, err := filepath.Glob("testdata/settings/*.yml")
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
		s, err := ParseSettings("s.yml", b, knownScanners...)
		if err != nil {
			checkProblems(t, b, err)
			return
		}
		for _, d := range s.Scanners {
			if len(d.Command) == 0 || d.Name == "" || d.Format == "" || d.Scope == "" || d.Gate == "" {
				t.Errorf("%+v", d)
			}
		}
	})
}
