package upload

import (
	"testing"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestRecipes: of two trees the recipe is one where all that says how the results come about is the same.
func TestRecipes(t *testing.T) {
	t.Parallel()
	gh, err := fakegithub.New(fakegithub.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	gh.CreateOrg("acme")
	from := gh.CreateRepo("acme", "shop", true)
	const scan, other, action, config = ".github/workflows/scan.yml", ".github/workflows/other.yml", ".github/actions/a/action.yml", ".github/codeql/config.yml"
	base := from.Commit("main", "", "base", map[string]string{scan: "1\n", other: "1\n", action: "1\n", config: "1\n", "a.go": "1\n"})
	repo, err := mirror.OpenLocal(t.Context(), from.GitDir())
	if err != nil {
		t.Fatal(err)
	}
	of := func(rev string, workflows ...string) string {
		t.Helper()
		recipe, err := Recipe(t.Context(), repo, rev, workflows)
		if err != nil {
			t.Fatal(err)
		}
		return recipe
	}
	for name, c := range map[string]struct {
		files map[string]string
		same  bool
	}{
		"code":                 {map[string]string{"a.go": "2\n"}, true},
		"another workflow":     {map[string]string{other: "2\n"}, true},
		"the workflow":         {map[string]string{scan: "2\n"}, false},
		"an action":            {map[string]string{action: "2\n"}, false},
		"one more action":      {map[string]string{".github/actions/b/action.yml": "1\n"}, false},
		"an action goes":       {map[string]string{action: fakegithub.Delete}, false},
		"settings of CodeQL":   {map[string]string{config: "2\n"}, false},
		"an action moves":      {map[string]string{action: fakegithub.Delete, ".github/actions/b/action.yml": "1\n"}, false},
		"a folder of one name": {map[string]string{"sub/.github/actions/a/action.yml": "2\n"}, true},
	} {
		rev := from.Commit("change", base, name, c.files)
		if got := of(rev, scan) == of(base, scan); got != c.same {
			t.Errorf("%s: one recipe is %v, want %v", name, got, c.same)
		}
	}
	if of(base, scan) == of(base, other) || of(base, scan, other) == of(base, scan) {
		t.Error("which workflows it is of makes no difference")
	}
	if got := of(base, scan, ".github/workflows/none.yml"); got != "" {
		t.Errorf("with a workflow that is not there it is %q", got)
	}
	if of(base) == "" {
		t.Error("of a workflow from elsewhere there is none")
	}
	if _, err := Recipe(t.Context(), repo, "1111111111111111111111111111111111111111", nil); err == nil {
		t.Error("a commit that is not there has a recipe")
	}
}
