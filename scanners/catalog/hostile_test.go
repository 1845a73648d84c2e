package catalog

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// silencing is how files silence the programs that have no option against it. Each text has one
// word in it that must not reach the program.
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
		if !ok || program.Adapter().Silence == "" {
			continue
		}
		name := s.Info().Name
		if len(silencing[name]) == 0 {
			t.Errorf("%s: nothing shows what its Silence is for", name)
		}
		for text, word := range silencing[name] {
			shown := program.Shown([]byte(text))
			if bytes.Contains(shown, []byte(word)) {
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
			if got := program.Shown([]byte(innocent)); string(got) != innocent {
				t.Errorf("%s: %q became %q", name, innocent, got)
			}
		}
	}
}

// TestEveryProgramIsTestedAgainstItsConfiguration holds that each program which a tree could
// configure has a case with a tree that tries.
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
