package catalog

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// silencing shows how files silence the programs that have no option against it. Each text holds one
// word that must not reach the program.
var silencing = map[string]map[string]string{
	"ast-grep": {"# ast-grep-ignore: rule\n": "ast-grep-ignore"},
	"checkov": {
		"# checkov:skip=CKV_AWS_20: ü\n":                                            "checkov:",
		"#bridgecrew: skip=CKV_AWS_20\n":                                            "bridgecrew:",
		"# cortex:SKIP=CKV_AWS_20\n":                                                "cortex:",
		"Metadata:\n  checkov:\n    skip:\n      - id: CKV_AWS_20\n":                "checkov:",
		"Metadata:\n  checkov: # ours\n    note: x\n    skip: [{id: CKV_AWS_20}]\n": "checkov:",
		"{\"checkov\": {\"skip\": [{\"id\": \"CKV_AWS_20\"}]}}\n":                   "checkov",
		"{\"bridgecrew\" : {\"note\": 1, \"skip\": [{\"id\": \"CKV_AWS_20\"}]}}\n":  "bridgecrew",
		"? checkov\n: {skip: [{id: CKV_AWS_20}]}\n":                                 "checkov",
		"annotations:\n  checkov.io/skip1: CKV_K8S_16=trust me\n":                   "checkov.io",
		"annotations:\n  \"checkov.io/s\\x6bip1\": CKV_K8S_16=trust me\n":           "checkov.io",
	},
	"kube-linter": {
		"  kube-linter.io/ignore-all: trust me\n":                               "kube-linter",
		"{\"ignore-check.kube-linter.io/host-pid\": \"trust me\"}\n":            "kube-linter",
		"annotations:\n  \"ignore-check.kube-linter.io\\x2fhost-pid\": trust\n": "kube-linter",
		"  \"kube-linter.io/i\\x67nore-all\": trust me\n":                       "kube-linter",
		"  \"\\u006bube-linter.io/ignore-all\": trust me\n":                     "\\u006b",
		"  \"kube\\U0000002Dlinter.io/ignore-all\": trust me\n":                 "kube",
		"  \"kube-\\\r\n  \\\n\tlinter.io/ignore-all\": trust me\n":             "kube-",
	},
	"oxlint": {
		"/* oxlint-disable */\n":                 "oxlint-disable",
		"x() // eslint-disable-line no-eval\r\n": "eslint-disable",
	},
	"trivy": {
		"#trivy:ignore:AWS-0107\n":                "trivy:",
		"// tfsec:ignore:*\n":                     "tfsec:",
		"#trivy:exp:2099-01-01:ignore:AWS-0107\n": "trivy:",
		"#trivy:ignore:x:ignore:AWS-0107\n":       "trivy:",
		"#trivy:a:b\tc\rd:ignore:AWS-0107\n":      "trivy:",
	},
	"shellcheck": {"# shellcheck disable=SC2086\n": "# shellcheck"},
}

func TestNothingInAFileSilencesAProgram(t *testing.T) {
	t.Parallel()
	for _, s := range All(Options{}) {
		program, ok := s.(*tool.Scanner)
		if !ok || program.Adapter().SuppressionPattern == "" {
			continue
		}
		name := s.Info().Name
		if len(silencing[name]) == 0 {
			t.Errorf("%s: nothing shows what its SuppressionPattern is for", name)
		}
		for text, word := range silencing[name] {
			shown, ok := program.Shown([]byte(text))
			if !ok || bytes.Contains(shown, []byte(word)) {
				t.Errorf("%s is shown %q", name, shown)
			}
			for i := range min(len(text), len(shown)) {
				if (text[i] == '\n') != (shown[i] == '\n') || (text[i] < 0x80) != (shown[i] < 0x80) {
					t.Errorf("%s: %q has other lines or columns than %q", name, shown, text)
					break
				}
			}
			if len(shown) != len(text) {
				t.Errorf("%s: %q is not as long as %q", name, shown, text)
			}
			const innocent = "skip = disable(ignore) # checked: nothing to skip\n"
			if got, ok := program.Shown([]byte(innocent)); !ok || string(got) != innocent {
				t.Errorf("%s: %q became %q", name, innocent, got)
			}
		}
	}
}

// program returns an adapter of the catalogue.
func program(name string) *tool.Scanner {
	all := All(Options{})
	return all[slices.IndexFunc(all, func(s scanners.Scanner) bool { return s.Info().Name == name })].(*tool.Scanner)
}

// TestNamesStayApart uses files in which removing the silencing word could make two names the same, of which a
// program would see only the last.
func TestNamesStayApart(t *testing.T) {
	t.Parallel()
	checkov := program("checkov")
	every := "prisma: 1\n"
	for letter := 'a'; letter <= 'z'; letter++ {
		every += string(letter) + "RISMA: 1\n"
	}
	for text, want := range map[string]string{
		"prisma: 1\ncortex: 1\n":              "xrisma: 1\nxortex: 1\n",
		"prisma: 1\nxxxxxx: 1\n":              "xrisma: 1\nxxxxxx: 1\n",
		"prisma: 1\nxrisma: 1\n":              "wrisma: 1\nxrisma: 1\n",
		"prisma: 1\nXrisma: 1\nwrisma.x: 1\n": "vrisma: 1\nXrisma: 1\nwrisma.x: 1\n",
		"prisma: 1\ncortex: 1\nxortex: 1\n":   "wrisma: 1\nwortex: 1\nxortex: 1\n",
		every:                                 "", // none is left
	} {
		shown, ok := checkov.Shown([]byte(text))
		if string(shown) != want || ok != (want != "") {
			t.Errorf("%q is shown as %q, %v, want %q", text, shown, ok, want)
		}
	}
	_, err := checkov.Read(tool.Output{Text: []byte("[]"), Tree: "/tree"}, scanners.Target{
		Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "a.yml", Content: []byte(every)}, {Path: "b.yml", Content: []byte("a: 1\n")}},
	})
	if got := scanners.Unread(err); !slices.Equal(got, []string{"a.yml"}) || !strings.Contains(scanners.Reason(err), "could silence") {
		t.Errorf("%v, unread %q", err, got)
	}
}

// A file's name does not let a silencing word in the file pass.
func TestDisguiseInAnyFile(t *testing.T) {
	t.Parallel()
	kubeLinter := program("kube-linter")
	for _, name := range []string{"pod.yaml", "file:pod.yaml", "C:/pod.yaml"} {
		_, err := kubeLinter.Read(tool.Output{Text: []byte(`{"Reports":[]}`), Tree: "/tree"}, scanners.Target{
			Scope: scanners.ScopeFile, Files: []scanners.File{
				{Path: name, Content: []byte("metadata:\n  annotations:\n    !!binary a3ViZS1saW50ZXIuaW8vaWdub3JlLWFsbA==: x\n")},
			},
		})
		if err == nil {
			t.Errorf("%s: nothing is said of the tag", name)
		}
	}
}

// TestEveryProgramIsTestedAgainstItsConfiguration checks that each program that a tree could
// configure has a case with a tree that tries to.
func TestEveryProgramIsTestedAgainstItsConfiguration(t *testing.T) {
	t.Parallel()
	for _, s := range All(Options{}) {
		info := s.Info()
		if info.Program == "" || len(info.Config) == 0 {
			continue
		}
		tried := false
		root := os.DirFS(filepath.Join("..", info.Name, "testdata"))
		err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
			if parts := strings.SplitN(path, "/", 3); err == nil && !d.IsDir() && len(parts) == 3 {
				for _, pattern := range info.Config {
					tried = tried || doublestar.MatchUnvalidated(pattern, parts[2])
				}
			}
			return err
		})
		if err != nil || !tried {
			t.Errorf("%s: no case has one of %q (%v)", info.Name, info.Config, err)
		}
	}
}
