package examine

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/osv"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
)

// An ecosystem without advisories, and lockfiles and exports that cannot be read, hide nothing of the others.
func TestEcosystemsAreExaminedOneByOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	record := func(ecosystem, name string) map[string][]byte {
		return map[string][]byte{"a.json": fmt.Appendf(nil, `{"id":"X-1","affected":[{"package":{"ecosystem":%q,"name":%q},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}]}]}`, ecosystem, name)}
	}
	osvtest.Export(t, filepath.Join(dir, "Go"), record("Go", "test/weak"))
	osvtest.Export(t, filepath.Join(dir, "PyPI"), record("PyPI", "weak"))
	osvtest.Export(t, filepath.Join(dir, "npm"), nil)
	if err := os.WriteFile(filepath.Join(dir, "npm", "all.zip"), []byte("half of one"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := openLedger(t)
	e := Examiner{Scanners: []scanners.Scanner{osv.New(osv.Options{Dir: dir})}, Known: db.Results, Keep: db.SaveResults}
	p := policy.Default()
	workflow := func(name string) string { return "on: push\njobs: {a: {steps: [{uses: " + name + "}]}}\n" }
	base := map[string]string{
		"go.mod": "module x\nrequire test/fine v1.0.0\n", ".github/workflows/a.yml": workflow("acme/a@v1"), "old/Cargo.lock": "[[package", "poetry.lock": "[[package",
	}
	head := map[string]string{
		"go.mod": "module x\nrequire test/weak v1.0.0\n", ".github/workflows/a.yml": workflow("acme/a@v2"), "old/Cargo.lock": "version = 4\n", "poetry.lock": "[[package",
		"requirements.txt": "weak==1.0\n", "package-lock.json": `{"packages": {"node_modules/a": {"version": "1.0.0"}}}`,
	}
	c := change(t, base, head)
	for range 2 { // the second time from what was kept
		ex := examined(t, e, c, p)
		want(t, "shown", shownBy(t, ex, p), "osv go.mod:2 new", "osv requirements.txt:1 new")
		want(t, "notices", ex.Runs[0].Notices,
			`There are no advisories for GitHub Actions here, so the actions in ".github/workflows/a.yml" were not looked up. The operator can put "GitHub Actions/all.zip" into the folder of advisories.`,
			`There are no advisories for crates.io here, so the packages in "old/Cargo.lock" were not looked up. The operator can put "crates.io/all.zip" into the folder of advisories.`)
		if got := scanners.Reason(ex.Runs[0].Err); got == "" {
			t.Error("the run is complete although an export and lockfiles cannot be read")
		}
	}
}
