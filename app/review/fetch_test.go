package review

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/pull"
)

// log reads "c:b b:a a" as commits with their parents; an exclamation mark is where the history is cut off.
func log(text string) (list []mirror.Commit) {
	for _, one := range strings.Fields(text) {
		sha, parents, _ := strings.Cut(one, ":")
		c := mirror.Commit{SHA: strings.TrimSuffix(sha, "!"), End: strings.HasSuffix(sha, "!")}
		if parents != "" {
			c.Parents = strings.Split(parents, ",")
		}
		list = append(list, c)
	}
	return list
}

// TestCommitsInBetween separates the commits of a pull request from those of its base.
func TestCommitsInBetween(t *testing.T) {
	for name, c := range map[string]struct {
		log, listed string
		straight    string
		all         bool
		after       string
	}{
		"one behind the other":          {"c:b b:a a:base", "", "a b c", true, "a b c"},
		"no history in common":          {"c:b b:a a", "", "a b c", true, "a b c"},
		"it ends too early":             {"c:b b!", "", "b c", false, "b c"},
		"a merge of the base":           {"d:c c:b,m b:a a:base m:n n:o", "a b c d", "c d", false, "a b c d"},
		"more than is listed":           {"e:d d:c,m c:b b:a a:base m:n n:o", "a b", "d e", false, "a b c d e"},
		"the head merges":               {"c:b,m b:base m:n n:o", "b c", "c", false, "b c"},
		"listed is not here":            {"e:d d:c,m c! m:n n:o", "a b", "d e", false, "a b d e"},
		"what the base has, among them": {"d:c,m m:n n:base c:b b:base", "b c d", "d", false, "b c d"},
	} {
		t.Run(name, func(t *testing.T) {
			got, all := straight(log(c.log), "base")
			if strings.Join(got, " ") != c.straight || all != c.all {
				t.Errorf("straight: %q %v, want %q %v", got, all, c.straight, c.all)
			}
			if got := after(log(c.log), strings.Fields(c.listed), got); !slices.Equal(got, strings.Fields(c.after)) {
				t.Errorf("after: %q, want %q", got, c.after)
			}
		})
	}
}

// TestWhichCommitsAreScanned fetches changes of several forms by real git.
func TestWhichCommitsAreScanned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	git := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("git", append([]string{"--git-dir=" + w.repo.GitDir(), "-c", "user.name=m", "-c", "user.email=m@example.com"}, args...)...).Output()
		if err != nil {
			t.Fatalf("git %s: %v", args[0], err)
		}
		return strings.TrimSpace(string(out))
	}
	names := map[string]string{}
	commit := func(branch, parent, name string) string {
		sha := w.repo.Commit(branch, parent, name, map[string]string{name: "x\n"})
		names[sha] = name
		return sha
	}
	// Somebody merges the base into the branch "merged" in between.
	first := commit("merged", w.base, "m1")
	main := w.repo.Commit("main", "", "main", map[string]string{"main": "x\n"})
	merge := git("commit-tree", first+"^{tree}", "-p", first, "-p", main, "-m", "merge")
	names[merge] = "m2"
	git("update-ref", "refs/heads/merged", merge)
	commit("merged", "", "m3")
	commit("one", w.base, "o1")
	commit("three", w.base, "t1")
	commit("three", "", "t2")
	commit("three", "", "t3")
	root := git("commit-tree", w.base+"^{tree}", "-m", "root")
	names[root] = "r1"
	git("update-ref", "refs/heads/root", root)
	commit("root", "", "r2")

	for _, c := range []struct {
		name, branch string
		commits      int // as GitHub says; 0 for as many as there are
		fault        string
		scanned      string
		partial      string
		err          bool
	}{
		{"git is away", "one", 0, "/acme/shop.git/**", "", "", true},
		{"one needs no history", "one", 0, "", "", "", false},
		{"one behind the other", "three", 0, "", "t1 t2 t3", "", false},
		{"one behind the other needs no list", "three", 0, "/repos/*/*/pulls/*/commits", "t1 t2 t3", "", false},
		{"a merge of the base", "merged", 0, "", "m1 m2 m3", "", false},
		{"a merge of the base, and more than GitHub lists", "merged", 300, "", "m1 m2 m3", "The pull request has 300 commits, of which 3 were scanned; the history of the others was not.", false},
		{"a merge of the base, and no list", "merged", 0, "/repos/*/*/pulls/*/commits", "", "", true},
		{"no history in common", "root", 0, "", "r1 r2", "", false},
	} {
		n := w.openBranch(c.branch, false)
		gh := w.client()
		p, err := pull.Read(t.Context(), gh.REST, w.repo.ID(), "acme", "shop", n)
		if err != nil {
			t.Fatal(err)
		}
		if c.commits > 0 {
			p.Commits = c.commits
		}
		if c.fault != "" {
			w.github.Fail(refused("", c.fault, 409))
		}
		change, err := w.fetch(t.Context(), gh, p)
		w.github.ClearFaults()
		w.github.ClosePull("acme", "shop", n, "mona", false)
		if (err != nil) != c.err {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			continue
		}
		var scanned []string
		for _, sha := range change.Commits {
			scanned = append(scanned, names[sha])
		}
		if got := strings.Join(scanned, " "); got != c.scanned || change.Partial != c.partial {
			t.Errorf("%s: %q, %q, want %q, %q", c.name, got, change.Partial, c.scanned, c.partial)
		}
		base := p.MergeBase
		if c.branch == "root" {
			base = change.Repo.EmptyTree()
		}
		if change.Base != base || base == "" || change.Head != p.Head {
			t.Errorf("%s: compares %s with %s", c.name, change.Base, change.Head)
		}
	}
}
