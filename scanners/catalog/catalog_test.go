package catalog

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/scanners/osv"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
)

// others are the folders of package scanners that are not adapters.
var others = []string{"blocks", "catalog", "custom", "formats", "internal", "programtest", "sarif", "scannertest", "visible"}

func TestEveryAdapterIsListed(t *testing.T) {
	t.Parallel()
	sources, err := filepath.Glob("../*/*.go")
	if err != nil || len(sources) == 0 {
		t.Fatalf("no folders beside this one: %v", err)
	}
	var folders []string
	for _, file := range sources {
		if name := filepath.Base(filepath.Dir(file)); !slices.Contains(others, name) {
			folders = append(folders, name)
		}
	}
	folders = slices.Compact(folders)

	for _, name := range folders {
		if !slices.Contains(Names(), name) {
			t.Errorf("scanners/%s is an adapter, but not in All", name)
		}
		if len(scannertest.Cases(filepath.Join("..", name, "testdata"))) == 0 {
			t.Errorf("scanners/%s has no case in testdata, see package scannertest", name)
		}
	}
	for _, name := range Names() {
		if !slices.Contains(folders, name) {
			t.Errorf("%s has no folder of its name", name)
		}
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(Names()))); len(unique) != len(All(Options{})) {
		t.Errorf("names are not unique: %q", Names())
	}
}

func TestScanners(t *testing.T) {
	t.Parallel()
	rules, err := filepath.Abs("testdata/rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range All(Options{Rules: rules, OSV: osv.Options{Dir: osvtest.Folder(t, "../osv/testdata/advisories")}}) {
		name := s.Info().Name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scannertest.Run(t, s, filepath.Join("..", name, "testdata"))
		})
	}
}
