package app

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/osv"
)

func TestAdvisories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const byDefault = "https://default.example.com"
	tests := map[string]struct {
		settings ScannerSettings
		want     osv.Options
		mistakes string
	}{
		"nothing":              {ScannerSettings{}, osv.Options{URL: byDefault}, ""},
		"off":                  {ScannerSettings{OSVURL: "off"}, osv.Options{}, ""},
		"a service":            {ScannerSettings{OSVURL: "https://osv.example.com/"}, osv.Options{URL: "https://osv.example.com"}, ""},
		"a service here":       {ScannerSettings{OSVURL: "http://127.0.0.1:8000"}, osv.Options{URL: "http://127.0.0.1:8000"}, ""},
		"a folder":             {ScannerSettings{OSVDir: dir}, osv.Options{Dir: dir, Cache: "cache/osv"}, ""},
		"a folder, not there":  {ScannerSettings{OSVDir: filepath.Join(dir, "x")}, osv.Options{}, "OSV_DIR"},
		"a service, plain":     {ScannerSettings{OSVURL: "http://osv.example.com"}, osv.Options{}, "OSV_URL"},
		"a service with words": {ScannerSettings{OSVURL: "https://u:hunter2@osv.example.com"}, osv.Options{}, "OSV_URL"},
		"both":                 {ScannerSettings{OSVURL: "https://osv.example.com", OSVDir: dir}, osv.Options{}, "OSV_DIR"},
	}
	for name, test := range tests {
		test.settings.Sandbox = string(catalog.SandboxOff)
		got, mistakes := test.settings.options(byDefault, "cache")
		if reported := strings.Join(slices.Sorted(maps.Keys(mistakes)), " "); reported != test.mistakes {
			t.Errorf("%s: mistakes %v, want %q", name, mistakes, test.mistakes)
		}
		for _, err := range mistakes {
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: a secret is repeated: %v", name, err)
			}
		}
		if test.mistakes == "" && got.OSV != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}
