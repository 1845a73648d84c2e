package review

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/people"
	"github.com/secbydesign/secbydesign/app/record"
)

// notes returns the comments of the App in the conversation of a pull request.
func (w *world) notes(n int) string {
	var all []string
	for _, k := range w.github.IssueComments("acme", "shop", n) {
		all = append(all, k.Body)
	}
	return strings.Join(all, "\n---\n")
}

func (w *world) lastReview(n int) record.Review {
	w.t.Helper()
	r, err := w.Ledger.LastReview(w.t.Context(), ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}, n)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// TestUnownedIsSaidOnce has findings that somebody owns and findings that nobody does, over two pushes: it is one line of
// one comment, each finding is counted once, and the record says by which line somebody owns what.
func TestUnownedIsSaidOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{
		"CODEOWNERS":                     "/gone/ @acme/gone\n/free/\n/docs/ @acme/docs\n",
		".secbydesign/threat-model.yml":  "version: 1\nsystem: {id: shop}\ncomponents:\n  - {id: ledger, kind: service, paths: [\"services/pay/ledger/**\"], owner: \"team:ledger\"}\n",
		"services/pay/catalog-info.yaml": "kind: Component\nmetadata: {name: pay}\nspec:\n  owner: payments\n",
		"loop/catalog-info.yaml":         "kind: Component\nmetadata: {name: a}\nspec: {owner: component:a}\n",
		"bad/catalog-info.yaml":          "kind: [",
	})
	for _, team := range []string{"ledger", "payments", "docs"} {
		w.github.CreateTeam("acme", team, "olga")
	}
	found, unowned := 0, 0
	w.ObserveOwners = func(f, u int) { found, unowned = found+f, unowned+u }
	w.Directory = &people.Directory{}
	files := map[string]string{}
	for _, path := range []string{"services/pay/ledger/a", "services/pay/b", "docs/c", "gone/d", "free/e", "loop/f", "bad/g", "h"} {
		files[path] = "bad\n"
	}
	n := w.open("change", files)
	w.review(n)
	const line = "No owner: `bad/g`, `free/e`, `gone/d` and 2 more. Add them to CODEOWNERS, or set `ownership.default`."
	if got := w.notes(n); strings.Count(got, "No owner") != 1 || !strings.Contains(got, line) {
		t.Errorf("the comments are\n%s", got)
	}
	if got := w.summary(w.head(n)); strings.Contains(got, "No owner") || !strings.Contains(got, "bad/catalog-info.yaml says nothing about owners: it is not valid YAML") {
		t.Errorf("the check says\n%s", got)
	}
	want := map[string]string{
		"services/pay/ledger/a": `[@acme/ledger] component "ledger" in .secbydesign/threat-model.yml:4`,
		"services/pay/b":        "[@acme/payments] services/pay/catalog-info.yaml:4",
		"docs/c":                "[@acme/docs] CODEOWNERS:3",
		"gone/d":                "[] ", "free/e": "[] CODEOWNERS:2", "loop/f": "[] ", "bad/g": "[] ", "h": "[] ",
	}
	r := w.lastReview(n)
	for _, f := range r.Findings {
		if got := fmt.Sprintf("%v %s", f.Owners, f.OwnedBy); got != want[f.Path] || f.Unowned != (len(f.Owners) == 0) || r.Unowned(f) != f.Unowned {
			t.Errorf("%s is recorded with %q, %v; want %q", f.Path, got, f.Unowned, want[f.Path])
		}
	}
	if found != 8 || unowned != 5 || len(r.Findings) != 8 {
		t.Errorf("%d of %d are counted as unowned", unowned, found)
	}
	w.repo.Commit("change", "", "more", map[string]string{"more": "bad\n"})
	w.repo.SyncPull(n)
	w.review(n)
	if got := w.notes(n); strings.Count(got, "No owner") != 1 || !strings.Contains(got, "and 3 more. Add them") {
		t.Errorf("after a push the comments are\n%s", got)
	}
	if found != 9 || unowned != 6 {
		t.Errorf("after a push %d of %d are counted as unowned", unowned, found)
	}
}

// TestTheDefaultOwnsTheRest sets ownership.default at the base, and has a pull request try to set another.
func TestTheDefaultOwnsTheRest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{policyFile: "version: 1\nownership:\n  default: \"@acme/platform\"\n", "CODEOWNERS": "/gone/ @acme/gone\n"})
	w.github.CreateTeam("acme", "platform", "olga")
	w.github.CreateTeam("acme", "evil", "mona")
	n := w.open("change", map[string]string{
		"a": "bad\n", "gone/b": "bad\n", "CODEOWNERS": "* @acme/evil\n", "catalog-info.yaml": "kind: Component\nspec: {owner: evil}\n",
		policyFile: "version: 1\nownership:\n  default: \"@acme/evil\"\n",
	})
	w.review(n)
	for _, f := range w.lastReview(n).Findings {
		if !slices.Equal(f.Owners, []string{"@acme/platform"}) || f.OwnedBy != "ownership.default (.secbydesign.yml:3)" || f.Unowned {
			t.Errorf("%s: %q, by %q", f.Path, f.Owners, f.OwnedBy)
		}
	}
	if got := w.notes(n); strings.Contains(got, "No owner") || got == "" {
		t.Errorf("the comments are\n%s", got)
	}
}
