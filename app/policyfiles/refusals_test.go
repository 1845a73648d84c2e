package policyfiles_test

import (
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
)

// TestRefusalsAreRemembered counts the tokens that GitHub is asked for. Acme has none of the two repositories, so
// each of them is asked for once.
func TestRefusalsAreRemembered(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	for name, c := range map[string]struct {
		happens func(w *world)
		spelled func(string) string
		want    int
	}{
		"nothing happens":                          {func(*world) {}, strings.ToLower, 0},
		"the name is written in other letters":     {func(*world) {}, strings.ToUpper, 0},
		"less than an hour passes":                 {func(w *world) { w.files.Age(59 * time.Minute) }, strings.ToLower, 0},
		"an hour passes":                           {func(w *world) { w.files.Age(time.Hour) }, strings.ToLower, 2},
		"the installation reaches others":          {func(w *world) { w.reach(w.installed) }, strings.ToLower, 2},
		"another installation reaches others":      {func(w *world) { w.reach(1) }, strings.ToLower, 0},
		"something else happens":                   {func(w *world) { w.happens(w.installed, record.Started) }, strings.ToLower, 0},
		"the installation reaches others, unheard": {func(w *world) { w.gh.CreateRepo(w.owner, ".github", true) }, strings.ToLower, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := all.another(t)
			w.read("shop", none)
			if n := w.asked(); n != 2 {
				t.Fatalf("asked %d times at first, want 2", n)
			}
			c.happens(w)
			for range 2 { // it is remembered again
				p := w.pull("shop")
				p.Owner = c.spelled(w.owner)
				if _, _, _, err := w.files.Policy(t.Context(), w.installed, p, none); err != nil {
					t.Fatal(err)
				}
			}
			if n := w.asked(); n != c.want {
				t.Errorf("asked %d times, want %d", n, c.want)
			}
		})
	}
}

// TestOnlyRefusalsAreRemembered: what fails otherwise may not fail the next time.
func TestOnlyRefusalsAreRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(".github", limit("3"))
	w.gh.SetPermissions(map[string]string{"metadata": "read"})
	if pol, _, notices := w.read("shop", none); pol.CommentLimit != 10 || len(notices) == 0 || !strings.Contains(notices[0], "could not be read") {
		t.Errorf("%d comments, %q", pol.CommentLimit, notices)
	}
	w.gh.SetPermissions(map[string]string{"metadata": "read", "contents": "read"})
	if pol, _, notices := w.read("shop", none); pol.CommentLimit != 3 || len(notices) != 0 {
		t.Errorf("%d comments, %q", pol.CommentLimit, notices)
	}
}

// TestEachInstallationIsRefusedByItself has a second installation, of another organisation.
func TestEachInstallationIsRefusedByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.organisation(t, "makers")
	other.files = w.files
	for _, c := range []struct {
		w    *world
		want int
	}{{w, 2}, {other, 2}, {other, 0}, {w, 0}} {
		if _, err := c.w.files.Guardrails(t.Context(), c.w.installed, c.w.owner); err != nil {
			t.Fatal(err)
		}
		if n := c.w.asked(); n != c.want {
			t.Errorf("%s: asked %d times, want %d", c.w.owner, n, c.want)
		}
	}
}
