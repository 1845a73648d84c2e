package ownership_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ownership"
)

// files makes a map of the catalog files and of CODEOWNERS in a tree.
func files(tree map[string]string) *ownership.Map {
	m := &ownership.Map{Org: "acme", File: "CODEOWNERS", Catalogs: func(paths []string) (map[string]ownership.Catalog, error) {
		found := map[string]ownership.Catalog{}
		for _, path := range paths {
			if text, ok := tree[path]; ok {
				found[path] = ownership.ParseCatalog([]byte(text))
			}
		}
		return found, nil
	}}
	m.Codeowners, _ = ownership.Parse(tree["CODEOWNERS"])
	return m
}

// component is a catalog file with one component.
func component(name, owner string) string {
	return fmt.Sprintf("apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: %s\nspec:\n  type: service\n  owner: %s\n", name, owner)
}

// TestTheFirstSourceCounts adds the sources from the last to the first.
func TestTheFirstSourceCounts(t *testing.T) {
	t.Parallel()
	m := files(map[string]string{
		"CODEOWNERS":                     "/services/ @acme/services\n/services/free/\n",
		"services/pay/catalog-info.yaml": component("pay", "group:default/payments"),
		"catalog-info.yml":               "kind: Location\nmetadata: {name: all}\n",
	})
	m.Default = ownership.Claim{Owner: "@acme/platform", File: "acme/.github/.secbydesign.yml", Line: 4}
	m.Component = func(path string) (ownership.Claim, bool) {
		if !strings.HasPrefix(path, "services/pay/ledger/") {
			return ownership.Claim{}, false
		}
		return ownership.Claim{Owner: "team:ledger", What: `component "ledger"`, File: ".secbydesign/threat-model.yml", Line: 12}, true
	}
	for path, want := range map[string]string{
		"services/pay/ledger/a.go": `@acme/ledger component component "ledger" in .secbydesign/threat-model.yml:12`,
		"services/pay/a.go":        "@acme/payments catalog services/pay/catalog-info.yaml:7",
		"services/pay/deep/er/a":   "@acme/payments catalog services/pay/catalog-info.yaml:7",
		"services/a.go":            "@acme/services codeowners CODEOWNERS:1",
		"services/free/a.go":       "  CODEOWNERS:2",
		"main.go":                  "@acme/platform default ownership.default (acme/.github/.secbydesign.yml:4)",
	} {
		a := m.Explain(path)
		if got := fmt.Sprintf("%s %s %s", strings.Join(a.Owners, ","), a.Source, a.Where); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
		if unowned := path == "services/free/a.go"; unowned != (a.Unowned() == "CODEOWNERS:2 clears it: the line has no owners") {
			t.Errorf("%s: %q", path, a.Unowned())
		}
	}
	var none *ownership.Map
	if a := none.Explain("a"); a.Owners != nil || !strings.Contains(a.Unowned(), "ownership.default is not set") {
		t.Errorf("without a map: %+v", a)
	}
}

// TestReferences follows what the owner of a component refers to.
func TestReferences(t *testing.T) {
	t.Parallel()
	group := func(name, rest string) string {
		return "---\nkind: Group\nmetadata:\n  name: " + name + "\n" + rest
	}
	for _, tt := range []struct {
		name, text string
		want       string // an owner, or a part of why nobody is one
	}{
		{"a group", component("a", "group:default/payments"), "@acme/payments"},
		{"a name", component("a", "payments"), "@acme/payments"},
		{"another namespace", component("a", "group:other/payments"), "is not in the namespace default"},
		{"the namespace of the organisation", component("a", "group:Acme/payments"), "@acme/payments"},
		{"a user", component("a", "user:olga"), "@olga"},
		{"a user with a namespace", component("a", "user:default/olga"), "@olga"},
		{"a team of GitHub", component("a", `"@acme/payments"`), "@acme/payments"},
		{"a team of another organisation", component("a", `"@evil/payments"`), "is a team of another organisation"},
		{"a team of another organisation by an annotation", component("a", "payments") + group("payments", "  annotations:\n    github.com/team-slug: evil/payments\n"), "is a team of another organisation"},
		{"a group with a name of its own at GitHub", component("a", "payments") + group("payments", "  annotations:\n    github.com/team-slug: acme/pay-team\n"), "@acme/pay-team"},
		{"a user with a name of its own at GitHub", component("a", "user:olga") + "---\nkind: User\nmetadata:\n  name: olga\n  annotations: {github.com/user-login: olga-acme}\n", "@olga-acme"},
		{"a system", component("a", "system:shop") + "---\nkind: System\nmetadata: {name: Shop}\nspec: {owner: payments}\n", "@acme/payments"},
		{"a system that is elsewhere", component("a", "system:shop"), "system:default/shop is in no catalog file"},
		{"a system without an owner", component("a", "system:shop") + "---\nkind: System\nmetadata: {name: shop}\n", "names no owner"},
		{"itself", component("a", "component:a"), "run in a circle"},
		{"a loop of two", component("a", "component:b") + "---\n" + component("b", "component:a"), "run in a circle: component:default/b is owned by itself"},
		{"a loop of groups", component("a", "one") + group("one", "spec: {owner: group:two}\n") + group("two", "spec: {owner: one}\n"), "run in a circle"},
		{"the second component has the owner", "kind: Component\nmetadata: {name: x}\n---\n" + component("a", "payments"), "@acme/payments"},
		{"no owner", "kind: Component\nmetadata: {name: x}\n", "catalog-info.yaml:1 names no owner"},
		{"a mapping for an owner", "kind: Component\nspec:\n  owner: {$text: owner.txt}\n", "names no owner"},
		{"an alias for an owner", "x: &o payments\nkind: Component\nspec:\n  owner: *o\n", "@acme/payments"},
		{"a placeholder", component("a", "${{ values.owner }}"), "is not a reference"},
		{"Markdown for an owner", component("a", "'[x](https://evil.example)'"), "is not a reference"},
		{"no YAML", "kind: [Component", "it is not valid YAML"},
		{"tabs", "kind: Component\n\tspec: x\n", "it is not valid YAML"},
		{"a large file", component("a", "payments") + strings.Repeat("# x\n", 70_000), "it is not read"},
		{"many documents", strings.Repeat("---\nkind: API\n", 600), "more than 500 documents"},
		{"a bomb of aliases", "a: &a [x,x]\n" + bomb('a', 'z') + "kind: Component\nspec: {owner: payments}\n", "@acme/payments"},
	} {
		m := files(map[string]string{"catalog-info.yaml": tt.text})
		a := m.Explain("main.go")
		if strings.HasPrefix(tt.want, "@") {
			if !slices.Equal(a.Owners, []string{tt.want}) {
				t.Errorf("%s: %+v, want %s", tt.name, a, tt.want)
			}
		} else if len(a.Owners) > 0 || !strings.Contains(a.Unowned(), tt.want) {
			t.Errorf("%s: %q: %s", tt.name, a.Owners, a.Unowned())
		}
	}
}

func bomb(from, to byte) string {
	var b strings.Builder
	for c := from; c < to; c++ {
		fmt.Fprintf(&b, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c+1, c+1, c, c, c, c, c, c, c, c)
	}
	return b.String()
}

// TestABadSourceIsPassed has the next one count, and names the bad one.
func TestABadSourceIsPassed(t *testing.T) {
	t.Parallel()
	m := files(map[string]string{
		"CODEOWNERS":         "* @acme/all @acme/gone\n/mail/ a@b.cd\n/gone/ @acme/gone\n",
		"a/catalog-info.yml": "kind: [",
		"catalog-info.yaml":  component("top", "component:top"),
	})
	m.Ignored = func(c ownership.Claim) string {
		if c.Owner == "@acme/gone" {
			return "@acme/gone does not exist"
		}
		return ""
	}
	for path, want := range map[string]string{
		"a/x.go":  "@acme/all: a/catalog-info.yml: it is not valid YAML: line 1: did not find expected node content; CODEOWNERS:1: @acme/gone does not exist",
		"b/x.go":  "@acme/all: catalog-info.yaml:7: the references run in a circle: component:default/top is owned by itself; CODEOWNERS:1: @acme/gone does not exist",
		"mail/x":  ": catalog-info.yaml:7: the references run in a circle: component:default/top is owned by itself; CODEOWNERS:2 names e-mail addresses only, of which nobody knows here whose they are",
		"gone/me": ": catalog-info.yaml:7: the references run in a circle: component:default/top is owned by itself; CODEOWNERS:3: @acme/gone does not exist",
	} {
		a := m.Explain(path)
		if got := strings.Join(a.Owners, " ") + ": " + strings.Join(a.Passed, "; "); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if got := m.Problems(); len(got) != 1 || !strings.HasPrefix(got[0], "a/catalog-info.yml says nothing about owners: it is not valid YAML") {
		t.Errorf("problems: %q", got)
	}
	m.Default = ownership.Claim{Owner: "@olga"}
	fresh := &ownership.Map{Org: m.Org, Codeowners: m.Codeowners, File: m.File, Ignored: m.Ignored, Default: m.Default}
	if got := fresh.Of("gone/me"); !slices.Equal(got, []string{"@olga"}) {
		t.Errorf("if the owners are gone, the default counts: %q", got)
	}
}

// TestEachCatalogFileIsReadOnce counts what is asked for.
func TestEachCatalogFileIsReadOnce(t *testing.T) {
	t.Parallel()
	asked := map[string]int{}
	calls := 0
	m := &ownership.Map{Catalogs: func(paths []string) (map[string]ownership.Catalog, error) {
		calls++
		for _, p := range paths {
			asked[p]++
		}
		return nil, nil
	}}
	m.Prepare([]string{"a/b/c.go", "a/d.go", "x.go"})
	for _, path := range []string{"a/b/c.go", "a/b/other.go", "a/d.go", "x.go", "y.go"} {
		m.Of(path)
	}
	if calls != 1 || len(asked) != 6 {
		t.Errorf("%d calls for %v", calls, asked)
	}
	for path, n := range asked {
		if n != 1 {
			t.Errorf("%s was read %d times", path, n)
		}
	}
}

// TestAnErrorIsKept has a caller that decides see that catalog files are missing.
func TestAnErrorIsKept(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	m := files(map[string]string{"CODEOWNERS": "* @acme/all"})
	m.Catalogs = func([]string) (map[string]ownership.Catalog, error) { return nil, broken }
	if got := m.Of("a"); !slices.Equal(got, []string{"@acme/all"}) || !errors.Is(m.Err(), broken) || len(m.Problems()) != 1 {
		t.Errorf("%q, %v, %q", got, m.Err(), m.Problems())
	}
	m.Of("b/c")
	if len(m.Problems()) != 1 {
		t.Errorf("it is said again: %q", m.Problems())
	}
}

// TestWithoutTheOrganisation shows the reference of a group.
func TestWithoutTheOrganisation(t *testing.T) {
	t.Parallel()
	m := files(map[string]string{"catalog-info.yaml": component("a", "payments")})
	m.Org = ""
	if got := m.Of("a"); !slices.Equal(got, []string{"group:default/payments"}) {
		t.Errorf("%q", got)
	}
}

// TestPossibleCatalog: a catalog of another process is taken only if the text can have it.
func TestPossibleCatalog(t *testing.T) {
	t.Parallel()
	text := []byte("kind: Component\n")
	for name, c := range map[string]ownership.Catalog{
		"a line after the file": {Entities: []ownership.Entity{{Line: 99}}}, "a line before it": {Entities: []ownership.Entity{{Line: -1}}},
		"many entities": {Entities: make([]ownership.Entity, 501)}, "a long text": {Entities: []ownership.Entity{{Owner: strings.Repeat("x", 201)}}},
		"bytes": {Entities: []ownership.Entity{{Title: "\xff"}}}, "a long problem": {Problem: strings.Repeat("x", 1001)},
	} {
		if c.Possible(text) {
			t.Errorf("%s: believed", name)
		}
	}
	if c := ownership.ParseCatalog(text); !c.Possible(text) {
		t.Errorf("not believed: %+v", c)
	}
}

func FuzzCatalog(f *testing.F) {
	f.Add("", "main.go")
	f.Add(component("a", "group:default/payments"), "a/b.go")
	f.Add(component("a", "component:b")+"---\n"+component("b", "component:a"), "a")
	f.Add("a: &a [*a]\nkind: Component\nspec: {owner: &o [*o]}", "x")
	f.Add("kind: !!binary Q29tcG9uZW50\nspec: {owner: !!int 7}", "../x")
	f.Fuzz(func(t *testing.T, text, path string) {
		if c := ownership.ParseCatalog([]byte(text)); !c.Possible([]byte(text)) {
			t.Errorf("what another process reads in %q would not be believed: %+v", text, c)
		}
		m := files(map[string]string{"catalog-info.yaml": text})
		a := m.Explain(path)
		for _, owner := range a.Owners {
			if !ownership.IsOwner(owner) {
				t.Errorf("%q owns %q", owner, path)
			}
		}
		if (len(a.Owners) == 0) != (a.Unowned() != "") {
			t.Errorf("%+v: %q", a, a.Unowned())
		}
	})
}

func FuzzNamed(f *testing.F) {
	for _, name := range []string{"@acme/x", "team:x", "group:default/x", "user:olga", "x", ":", "a:b/c/d", "@", "@a/b/c", "kind:\x00"} {
		f.Add(name, "acme")
	}
	f.Fuzz(func(t *testing.T, name, org string) {
		owner, problem := ownership.Named(name, "acme")
		if (owner == "") == (problem == "") || owner != "" && !ownership.IsOwner(owner) {
			t.Errorf("%q: %q, %q", name, owner, problem)
		}
		if again, _ := ownership.Named(owner, "acme"); again != owner {
			t.Errorf("%q becomes %q and then %q", name, owner, again)
		}
	})
}
