package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/policy"
)

// TestExplainOwner asks about files of a work tree in which each source owns something.
func TestExplainOwner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := func(args ...string) {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	run("init", "--quiet", "--initial-branch=main")
	run("config", "remote.origin.url", "git@github.com:acme/shop.git")
	for name, text := range map[string]string{
		".github/CODEOWNERS":            "/services/ @acme/services @olga\n/free/\n/mail/ a@b.cd\n",
		"services/pay/catalog-info.yml": "kind: Component\nmetadata: {name: pay}\nspec:\n  owner: group:default/payments\n",
		"loop/catalog-info.yaml":        "kind: Component\nmetadata: {name: a}\nspec: {owner: component:b}\n---\nkind: Component\nmetadata: {name: b}\nspec: {owner: component:a}\n",
		".secbydesign/threat-model.yml": "version: 1\nsystem: {id: shop}\ncomponents:\n  - id: ledger\n    kind: service\n    paths: [\"services/pay/ledger/**\"]\n    owner: team:ledger\n",
		"services/pay/ledger/a.go":      "x", "services/pay/b.go": "x", "services/c.go": "x", "free/d.go": "x", "mail/e.go": "x", "loop/f.go": "x", "main.go": "x",
		".secbydesign.yml": "version: 1\nownership:\n  default: \"@acme/platform\"\n",
		".gitignore":       "ignored.go\n", "ignored.go": "x",
	} {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	explain := func(folder, file string, f app.PolicyFiles) string {
		var b strings.Builder
		if err := app.ExplainOwner(t.Context(), &b, filepath.Join(dir, folder), file, f); err != nil {
			return "error: " + err.Error()
		}
		return b.String()
	}
	none := app.PolicyFiles{File: policy.File} // of the folder of this test, which has none
	own := app.PolicyFiles{File: filepath.Join(dir, policy.File)}
	for _, tt := range []struct {
		folder, file string
		files        app.PolicyFiles
		want         string
	}{
		{"", "services/pay/ledger/a.go", none, "services/pay/ledger/a.go belongs to @acme/ledger, by component \"ledger\" in .secbydesign/threat-model.yml:4.\n"},
		{"", "services/pay/b.go", none, "services/pay/b.go belongs to @acme/payments, by services/pay/catalog-info.yml:4.\n"},
		{"services/pay", "b.go", none, "services/pay/b.go belongs to @acme/payments, by services/pay/catalog-info.yml:4.\n"},
		{"services/pay", "services/c.go", none, "services/c.go belongs to @acme/services and @olga, by .github/CODEOWNERS:1.\n"},
		{"", filepath.Join(dir, "services/c.go"), none, "services/c.go belongs to @acme/services and @olga, by .github/CODEOWNERS:1.\n"},
		{"", "./free/d.go", own, "Nobody owns free/d.go: .github/CODEOWNERS:2 clears it: the line has no owners.\n"},
		{"", "mail/e.go", own, "mail/e.go belongs to @acme/platform, by ownership.default (" + own.File + ":3).\n  Passed: .github/CODEOWNERS:3 names e-mail addresses only, of which nobody knows here whose they are.\n"},
		{"", "loop/f.go", none, "Nobody owns loop/f.go: loop/catalog-info.yaml:3: the references run in a circle: component:default/b is owned by itself.\n"},
		{"", "main.go", none, "Nobody owns main.go: no component of the threat model, no catalog file and no line of CODEOWNERS names an owner, and ownership.default is not set.\n"},
		{"", "main.go", app.PolicyFiles{File: policy.File, Organisation: own.File}, "main.go belongs to @acme/platform, by ownership.default (" + own.File + ":3).\n"},
		{"", "nothing.go", none, "error: --path: there is no file nothing.go in this repository: check its path, and whether git ignores it"},
		{"", "ignored.go", none, "error: --path: there is no file ignored.go in this repository: check its path, and whether git ignores it"},
		{"", "services", none, "error: --path: services is a folder: name a file in it"},
		{"", "../out.go", none, "error: --path: there is no file ../out.go in this repository: check its path, and whether git ignores it"},
	} {
		if got := explain(tt.folder, tt.file, tt.files); got != tt.want {
			t.Errorf("%s in %q:\n%swant\n%s", tt.file, tt.folder, got, tt.want)
		}
	}
	run("config", "--unset", "remote.origin.url")
	want := "services/pay/b.go belongs to group:default/payments, by services/pay/catalog-info.yml:4.\n  The organisation is not known without a remote \"origin\", so the group is shown as it is written.\n"
	if got := explain("", "services/pay/b.go", none); got != want {
		t.Errorf("without a remote:\n%s", got)
	}
	if got := explain("..", "main.go", none); !strings.HasPrefix(got, "error: ") {
		t.Errorf("outside of a repository: %s", got)
	}
}
