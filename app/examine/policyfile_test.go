package examine

import (
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
)

// TestPolicyNotices: a file that is taken for the policy and is not, and a folder that is taken for a pattern, are named.
func TestPolicyNotices(t *testing.T) {
	t.Parallel()
	none := files{policy.File: "version: 1\n", "docs/a": "x", "Makefile": "x", "app/.secbydesign.yaml": "x", ".github/settings.yml": "x", "secbydesign.yml.md": "x"}
	repo, commits := histories(t, []files{
		none, {".secbydesign.yaml": "x"}, {".github/secbydesign.yml": "x"}, {".github/.secbydesign.yml": "x", policy.File: "version: 1\n"}, {".SecByDesign.yml": "x"}, {"secbydesign.yaml": "x"},
	})
	for i, want := range []string{"", ".secbydesign.yaml", ".github/secbydesign.yml", ".github/.secbydesign.yml", ".SecByDesign.yml", "secbydesign.yaml"} {
		notices, err := Misplaced(t.Context(), repo, commits[i])
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(notices, " "); len(notices) > 1 || want == "" && said != "" || want != "" && !strings.HasPrefix(said, `"`+want+`" is not read`) {
			t.Errorf("%q: got %q", want, notices)
		}
	}
	for list, want := range map[string]string{
		`["docs"]`: `.secbydesign.yml:2:18: write "docs/**" to match all that is in the folder`,
		`["docs/**", "docs/a", "Makefile", "gone", "doc*"]`: "",
	} {
		layer, err := policy.Parse(policy.File, []byte("version: 1\npaths: {ignore: "+list+"}\n"))
		if err != nil {
			t.Fatal(err)
		}
		for _, organisation := range []bool{false, true} {
			p := policy.Merge(policy.Layer{}, layer)
			if organisation { // its patterns are for many repositories
				p, want = policy.Merge(layer, policy.Layer{}), ""
			}
			folders, err := PlainFolders(t.Context(), repo, commits[0], p)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, problem := range policy.FolderProblems(folders) {
				got += problem.String()
			}
			if got != want {
				t.Errorf("%s: got %q, want %q", list, got, want)
			}
		}
	}
}
