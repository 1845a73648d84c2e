package app_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/threatmodel"
)

// modelRepo makes a git repository with files.
func modelRepo(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"add", "-A"}, {"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "--allow-empty", "-m", "x"}} {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

const shopModel = `version: 1
system: {id: shop, title: Shop}
zones: [{id: internet, trust: 0}, {id: app, trust: 70}]
components: [{id: billing, kind: service, zone: app, paths: ["billing/**"], owner: "@acme/pay"}]
flows: [{id: f1, from: internet, to: billing, protocol: https}]
`

func TestCheckModel(t *testing.T) {
	t.Parallel()
	const decided = "decisions: [{id: D-1, component: billing, topic: access, status: implemented, text: Behind requireUser., evidence: [billing/gone_test.go], at: 2020-01-01, review_after: 2020-06-30}]\n"
	for name, tt := range map[string]struct {
		files              map[string]string
		out, warned, wrong string
		problems           bool
	}{
		"a valid model": {
			files: map[string]string{threatmodel.File: shopModel, "billing/main.go": "package main\n"},
			out:   "The threat model is valid: 1 component, 1 flow and 0 decisions.\n",
		},
		"in several files": {
			files: map[string]string{threatmodel.File: shopModel, "billing/main.go": "", threatmodel.Folder + "/web.yml": "version: 1\ncomponents: [{id: web, kind: ui, zone: app}]\n"},
			out:   "The threat model is valid: 2 components, 1 flow and 0 decisions.\n",
		},
		"stale paths and decisions": {
			files: map[string]string{threatmodel.File: shopModel + decided},
			out:   "The threat model is valid: 1 component, 1 flow and 1 decision.\n",
			warned: threatmodel.File + ":4: warning: No file matches billing/** of billing: correct the path or remove it.\n" +
				threatmodel.File + ":6: warning: The decision D-1 was to be reviewed after 2020-06-30: confirm or change it.\n" +
				threatmodel.File + ":6: warning: The evidence billing/gone_test.go of the decision D-1 is gone: name what proves it now.\n",
		},
		"a name that is not read": {
			files:  map[string]string{threatmodel.File: shopModel, "billing/x": "", threatmodel.Folder + "/web.yaml": "?"},
			out:    "The threat model is valid: 1 component, 1 flow and 0 decisions.\n",
			warned: threatmodel.Folder + "/web.yaml: warning: this file is not read; end its name in .yml\n",
		},
		"mistakes": {
			files: map[string]string{threatmodel.File: shopModel + "rols: []\n", threatmodel.Folder + "/web.yml": "version: 1\ncomponents: [{id: web, kind: ui, zone: dmz}]\n"},
			wrong: threatmodel.File + ":6:1: unknown key \"rols\", did you mean \"roles\"?\n" + threatmodel.Folder + "/web.yml:2:40: there is no zone \"dmz\"; the model has app and internet", problems: true,
		},
		"no model": {wrong: "there is no .secbydesign/threat-model.yml here; make one with `secbydesign model init --write`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := modelRepo(t, tt.files)
			check := func(s app.ModelSource) {
				var out, warned bytes.Buffer
				err := app.CheckModel(t.Context(), &out, &warned, s)
				var problems app.ModelProblems
				if (err == nil) != (tt.wrong == "") || err != nil && err.Error() != tt.wrong || errors.As(err, &problems) != tt.problems {
					t.Errorf("%+v: %v, want %s", s, err, tt.wrong)
				}
				if out.String() != tt.out || warned.String() != tt.warned {
					t.Errorf("%+v: %s\n%s\nwant %s\n%s", s, &out, &warned, tt.out, tt.warned)
				}
			}
			check(app.ModelSource{Repo: dir})
			check(app.ModelSource{Repo: dir, Head: "HEAD"})
			if err := os.RemoveAll(filepath.Join(dir, ".git")); err != nil {
				t.Fatal(err)
			}
			if tt.warned == "" {
				check(app.ModelSource{Repo: dir})
			}
		})
	}
	var b bytes.Buffer
	if err := app.CheckModel(t.Context(), &b, &b, app.ModelSource{Repo: modelRepo(t, nil), Head: "nothing"}); err == nil || !strings.Contains(err.Error(), `no revision "nothing"`) {
		t.Error(err)
	}
}

func TestShowAndExportModel(t *testing.T) {
	t.Parallel()
	dir := modelRepo(t, map[string]string{threatmodel.File: shopModel})
	s := app.ModelSource{Repo: dir}
	for format, want := range map[string]string{"mermaid": "flowchart TB\n", "svg": "<svg ", "text": "Shop\n\nZone internet"} {
		var out bytes.Buffer
		if err := app.ShowModel(t.Context(), &out, s, format); err != nil || !strings.HasPrefix(out.String(), want) {
			t.Errorf("%s: %s, %v", format, &out, err)
		}
	}
	for format, want := range map[string]string{"otm": `"otmVersion": "0.2.0"`, "tmlibrary": "/v1.0.2/threat-model.schema.json", "threagile": "threagile_version: 1.0.0"} {
		var out, losses bytes.Buffer
		if err := app.ExportModel(t.Context(), &out, &losses, s, format); err != nil || !strings.Contains(out.String(), want) || losses.Len() == 0 {
			t.Errorf("%s: %s, %s, %v", format, &out, &losses, err)
		}
	}
	var b bytes.Buffer
	for _, err := range []error{
		app.ShowModel(t.Context(), &b, s, "pdf"), app.ExportModel(t.Context(), &b, &b, s, "svg"), app.ImportModel(&b, &b, "x", "pytm", ""),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "--format is ") {
			t.Error(err)
		}
	}
	if b.Len() > 0 {
		t.Error(b.String())
	}
}

// TestImportOfAnExport exports a model, and imports it into another repository.
func TestImportOfAnExport(t *testing.T) {
	t.Parallel()
	var otm, drawn, again, b bytes.Buffer
	from, to := modelRepo(t, map[string]string{threatmodel.File: shopModel}), modelRepo(t, nil)
	if err := errors.Join(app.ExportModel(t.Context(), &otm, &b, app.ModelSource{Repo: from}, "otm"), app.ShowModel(t.Context(), &drawn, app.ModelSource{Repo: from}, "text")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "otm.json")
	if err := os.WriteFile(file, otm.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	sub := filepath.Join(to, "deep")
	if err := os.Mkdir(sub, 0o755); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := app.ImportModel(&b, &b, file, "otm", sub); err != nil || b.String() != "Wrote .secbydesign/threat-model.yml. Read it, and correct it: `secbydesign model check`.\n" {
		t.Fatal(err, b.String())
	}
	if err := app.ShowModel(t.Context(), &again, app.ModelSource{Repo: to}, "text"); err != nil || again.String() != drawn.String() {
		t.Errorf("%v\n%s\nwant\n%s", err, &again, &drawn)
	}
	if err := app.ImportModel(&b, &b, file, "otm", to); err == nil || !strings.Contains(err.Error(), "there is a threat model already") {
		t.Error(err)
	}
	if err := app.ImportModel(&b, &b, file, "otm", t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not in the work tree") {
		t.Error(err)
	}
	if err := app.ImportModel(&b, &b, file+"x", "otm", ""); err == nil {
		t.Error("a file that is not there was imported")
	}
}

// TestInitModel drafts a model that passes the check, and writes it only where there is none.
func TestInitModel(t *testing.T) {
	t.Parallel()
	dir := modelRepo(t, map[string]string{
		"services/pay/main.go": "package main\n", "web/index.js": "fetch('/')\n", ".github/CODEOWNERS": "* @acme/all\n/services/pay/ @acme/pay\n",
		"services/pay/catalog-info.yaml": "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {name: payments, title: Payments}\nspec: {type: service}\n---\nkind: API\nmetadata: {name: x}\n---\n: [\n",
		"big.json":                       "[" + strings.Repeat("1,", 2<<20) + "1]", "binary": "\x00\xff",
	})
	var text, b bytes.Buffer
	if err := app.InitModel(t.Context(), &text, app.ModelSource{Repo: dir, Head: "HEAD"}, false); err != nil {
		t.Fatal(err)
	}
	m, problems := threatmodel.Parse(map[string][]byte{threatmodel.File: text.Bytes()})
	if len(problems) > 0 || len(m.Components) == 0 || m.Components[0].ID != "payments" || m.Components[0].Owner != "@acme/pay" {
		t.Fatalf("%s\n%v", &text, problems)
	}
	if _, err := os.Stat(filepath.Join(dir, ".secbydesign")); err == nil {
		t.Error("a file was written")
	}
	if err := app.InitModel(t.Context(), &b, app.ModelSource{Repo: dir}, true); err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := app.CheckModel(t.Context(), &b, &b, app.ModelSource{Repo: dir}); err != nil || strings.Contains(b.String(), "warning") {
		t.Errorf("%v\n%s", err, &b)
	}
	if err := app.InitModel(t.Context(), &b, app.ModelSource{Repo: dir}, true); err == nil || !strings.Contains(err.Error(), "there is a threat model already") {
		t.Error(err)
	}
	if err := app.InitModel(t.Context(), &b, app.ModelSource{Repo: t.TempDir()}, false); err == nil {
		t.Error("a model was drafted outside of a repository")
	}

	// A link to another place is not followed.
	trap, outside := modelRepo(t, map[string]string{"a.go": "package a\n"}), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(trap, ".secbydesign")); err != nil {
		t.Fatal(err)
	}
	if err := app.InitModel(t.Context(), &b, app.ModelSource{Repo: trap}, true); err == nil {
		t.Error("the link was followed")
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("%v was written", left)
	}
}
