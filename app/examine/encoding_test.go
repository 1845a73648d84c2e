package examine

import (
	"fmt"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/compose"
	"github.com/secbydesign/secbydesign/scanners/dockerfile"
	"github.com/secbydesign/secbydesign/scanners/gitleaks"
	"github.com/secbydesign/secbydesign/scanners/kubernetes"
	"github.com/secbydesign/secbydesign/scanners/osv"
	"github.com/secbydesign/secbydesign/scanners/osv/osvtest"
	"github.com/secbydesign/secbydesign/scanners/scannertest"
	"github.com/secbydesign/secbydesign/scanners/terraform"
	"github.com/secbydesign/secbydesign/scanners/workflows"
)

// encodings are the ways in which programs for Windows write a text.
var encodings = map[string]func(text string) string{
	"none":       func(text string) string { return text },
	"UTF-8 mark": func(text string) string { return "\ufeff" + text },
	"UTF-16LE": func(text string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			b = append(b, byte(unit), byte(unit>>8))
		}
		return string(b)
	},
	"UTF-16BE": func(text string) string {
		var b []byte
		for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
			b = append(b, byte(unit>>8), byte(unit))
		}
		return string(b)
	},
}

// TestEncodings shows one change in several encodings to scanners of each kind of file. All must find the same.
func TestEncodings(t *testing.T) {
	t.Parallel()
	secret := scannertest.Secret("GITHUB_PAT")
	head := map[string]string{
		"deploy.ps1":               "# ä\r\n$token = '" + secret + "'\r\n",
		"requirements.txt":         "django==4.1.0\r\nrequests==2.32.4\r\n",
		"go.mod":                   "module example.com/a\n\ngo 1.22\n\nrequire github.com/acme/shop v1.0.0\n",
		"package-lock.json":        `{"name": "a", "lockfileVersion": 3, "packages": {"": {"name": "a"}, "node_modules/shop": {"version": "1.0.0", "resolved": "https://registry.npmjs.org/shop/-/shop-1.0.0.tgz"}}}` + "\n",
		"Dockerfile":               "FROM alpine:3.20\nRUN chmod 777 /srv\nUSER app\n",
		".github/workflows/ci.yml": "on: pull_request_target\npermissions: write-all\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo \"${{ github.event.pull_request.title }}\"\n",
		"compose.yaml":             "services:\n  web:\n    image: example/web:1\n    privileged: true\n",
		"web.yaml":                 "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostPID: true\n  containers:\n    - {name: a, image: 'example/web:1'}\n",
		"main.tf":                  "resource \"aws_db_instance\" \"a\" {\n  publicly_accessible = true\n}\n",
	}
	database := osvtest.Folder(t, t.TempDir())
	for ecosystem, name := range map[string]string{"PyPI": "django", "Go": "github.com/acme/shop", "npm": "shop"} {
		osvtest.Export(t, database+"/"+ecosystem, map[string][]byte{"GHSA-1.json": []byte(`{"id": "GHSA-1", "modified": "2026-01-01T00:00:00Z", "summary": "A hole", "affected": [{"package": {"ecosystem": "` +
			ecosystem + `", "name": "` + name + `"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "5.0.0"}]}]}]}`)})
	}
	all := []scanners.Scanner{
		gitleaks.Scanner{}, dockerfile.Scanner{}, workflows.Scanner{}, compose.Scanner{}, kubernetes.Scanner{}, terraform.Scanner{},
		osv.New(osv.Options{Dir: database}),
	}
	var want []string
	for _, name := range []string{"none", "UTF-8 mark", "UTF-16LE", "UTF-16BE"} {
		files := map[string]string{}
		for path, text := range head {
			files[path] = encodings[name](text)
		}
		ex := examined(t, Examiner{Scanners: all}, change(t, nil, files), policy.Default())
		var got []string
		paths := map[string]bool{}
		for _, run := range ex.Runs {
			if run.Err != nil {
				t.Errorf("%s: %s: %v", name, run.Scanner, run.Err)
			}
			for _, r := range run.Results {
				got = append(got, place(r))
				paths[r.Path] = true
			}
		}
		if want == nil {
			want = got
		}
		if len(paths) != len(head) {
			t.Errorf("%s: findings in %d of %d files: %q", name, len(paths), len(head), got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func place(r scanners.Result) string {
	return fmt.Sprintf("%s@%s:%d.%d %s", r.RuleID(), r.Path, r.Line, r.Column, r.Fingerprint)
}

// TestAKnownSecretInOtherWords changes the text around secrets that the base has.
func TestAKnownSecretInOtherWords(t *testing.T) {
	t.Parallel()
	secret := scannertest.Secret("GITHUB_PAT")
	base := map[string]string{"a.py": "TOKEN = '" + secret + "'\n", "b.env": "TOKEN=" + secret + "\n"}
	for name, test := range map[string]struct {
		head map[string]string
		want []string
	}{
		"quotes":        {map[string]string{"a.py": "TOKEN = \"" + secret + "\"\n"}, []string{"gitleaks a.py:1 unchanged"}},
		"a comment":     {map[string]string{"a.py": "TOKEN = '" + secret + "'  # noqa: S105\n"}, []string{"gitleaks a.py:1 unchanged"}},
		"a name":        {map[string]string{"b.env": "# ci\nGITHUB_TOKEN=" + secret + "\n"}, []string{"gitleaks b.env:2 unchanged"}},
		"an encoding":   {map[string]string{"b.env": encodings["UTF-16LE"]("TOKEN=" + secret + "\r\n")}, []string{"gitleaks b.env:1 unchanged"}},
		"another value": {map[string]string{"a.py": "TOKEN = '" + scannertest.Secret("GITHUB_PAT:2") + "'\n"}, []string{"gitleaks a.py:1 absent", "gitleaks a.py:1 new"}},
	} {
		ex := examined(t, Examiner{Scanners: []scanners.Scanner{gitleaks.Scanner{}}}, change(t, base, test.head), policy.Default())
		want(t, name, shownBy(t, ex, policy.Default()), test.want...)
	}
}
