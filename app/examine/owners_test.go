package examine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
)

// TestOwnersOfACodeownersOf5MB has the other sources count, and says why CODEOWNERS does not.
func TestOwnersOfACodeownersOf5MB(t *testing.T) {
	t.Parallel()
	repo, commits := histories(t, []files{{
		".github/CODEOWNERS": strings.Repeat("* @acme/everybody @acme/unknown unknown\n", 5<<20/40),
		"CODEOWNERS":         "* @acme/second\n", // only the first file counts
		"a/catalog-info.yml": "kind: Component\nspec: {owner: payments}\n",
	}})
	layer, err := policy.Parse(policy.File, []byte("version: 1\nownership: {default: \"@olga\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Owners(t.Context(), repo, commits[0], "acme", policy.Merge(policy.Layer{}, layer), nil, Parsers{})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Of("a/x"); !slices.Equal(got, []string{"@acme/payments"}) {
		t.Errorf("a/x: %q", got)
	}
	if got := m.Of("x"); !slices.Equal(got, []string{"@olga"}) {
		t.Errorf("x: %q", got)
	}
	if got := m.Problems(); len(got) != 1 || !strings.HasPrefix(got[0], ".github/CODEOWNERS says nothing about owners: it ") {
		t.Errorf("%q", got)
	}
}

// TestOwnersOfAModelWithMistakes has CODEOWNERS count.
func TestOwnersOfAModelWithMistakes(t *testing.T) {
	t.Parallel()
	repo, commits := histories(t, []files{{
		".secbydesign/threat-model.yml": "version: 1\ncomponents:\n  - {id: a, paths: [\"**\"], owner: team:x, wrong: 1}\n",
		"docs/CODEOWNERS":               "* @acme/all\n",
	}})
	m, err := Owners(t.Context(), repo, commits[0], "acme", policy.Default(), nil, Parsers{})
	if err != nil {
		t.Fatal(err)
	}
	if a := m.Explain("x"); !slices.Equal(a.Owners, []string{"@acme/all"}) || a.Where != "docs/CODEOWNERS:1" {
		t.Errorf("%+v", a)
	}
	if got := m.Problems(); len(got) != 1 || !strings.HasPrefix(got[0], "The threat model says nothing about owners: .secbydesign/threat-model.yml:") {
		t.Errorf("%q", got)
	}
}

// BenchmarkOwners resolves the owners of 50 changed files in 50 folders, in trees of growing size: the cost is that of the
// change.
func BenchmarkOwners(b *testing.B) {
	for _, size := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("%d_files", size), func(b *testing.B) {
			tree := files{"CODEOWNERS": "* @acme/all\n"}
			var paths []string
			for i := range size {
				path := fmt.Sprintf("services/s%d/src/deep/f%d.go", i%(size/2), i)
				tree[path] = "x\n"
				if i%10 == 0 {
					tree[fmt.Sprintf("services/s%d/catalog-info.yaml", i%(size/2))] = "kind: Component\nspec: {owner: payments}\n"
				}
				if len(paths) < 50 {
					paths = append(paths, path)
				}
			}
			repo, commits := histories(b, []files{tree})
			b.ResetTimer()
			for b.Loop() {
				m, err := Owners(b.Context(), repo, commits[0], "acme", policy.Default(), nil, Parsers{})
				if err != nil {
					b.Fatal(err)
				}
				m.Prepare(paths)
				for _, path := range paths {
					if len(m.Of(path)) == 0 {
						b.Fatal(path)
					}
				}
			}
		})
	}
}
