package fakegithub

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// git runs the git program in dir the way a client would, with a token in a header.
func (w *world) gitRun(dir, token string, args ...string) (string, error) {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	if token != "" {
		auth := basic("x-access-token", token)
		cmd.Env = append(cmd.Env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: "+auth)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestGitServesPartialFetchesOfAnyCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	fork := w.repo.Fork("mallory")
	head := fork.Commit("patch", w.base, "From outside", map[string]string{"x.txt": "x"})
	n := w.repo.ForkPull(fork, "Fork", "", "main", "patch", "mallory", false)
	dir := t.TempDir()
	token := w.Token("acme", map[string]string{"contents": "read"}, "shop")
	remote := w.URL() + "/acme/shop.git"
	for _, args := range [][]string{
		{"init", "--quiet", "--bare"},
		{"fetch", "--quiet", "--filter=blob:none", "--depth=1", remote, w.base, fmt.Sprintf("refs/pull/%d/head", n)},
	} {
		if out, err := w.gitRun(dir, token, args...); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	if out, err := w.gitRun(dir, "", "cat-file", "-e", head); err != nil {
		t.Errorf("the fork's head did not come: %s", out)
	}
}

func TestGitAsksForTheRightToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.CreateRepo("acme", "open", true).Commit("main", "", "Begin", map[string]string{"a": "a"})
	w.CreateRepo("acme", "other", false).Commit("main", "", "Begin", map[string]string{"a": "a"})
	for _, tc := range []struct {
		name, repo, token string
		ok                bool
	}{
		{"contents of the repository", "shop", w.Token("acme", map[string]string{"contents": "read"}, "shop"), true},
		{"without contents", "shop", w.Token("acme", map[string]string{"checks": "write"}, "shop"), false},
		{"for another repository", "other", w.Token("acme", nil, "shop"), false},
		{"none", "shop", "", false},
		{"made up", "shop", "ghs_nonsense", false},
		{"none, public", "open", "", true},
		{"no such repository", "gone", w.Token("acme", nil), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out, err := w.gitRun(t.TempDir(), tc.token, "ls-remote", w.URL()+"/acme/"+tc.repo+".git")
			if (err == nil) != tc.ok {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func TestGitCannotBePushedTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	dir := t.TempDir()
	token := w.Token("acme", nil)
	for _, args := range [][]string{{"init", "--quiet"}, {"commit", "--quiet", "--allow-empty", "-m", "x"}} {
		if out, err := w.gitRun(dir, "", args...); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if out, err := w.gitRun(dir, token, "push", w.URL()+"/acme/shop.git", "HEAD:refs/heads/evil"); err == nil {
		t.Errorf("push worked: %s", out)
	}
	if err := w.repo.Push(dir, "+HEAD:feature"); err != nil {
		t.Fatal(err)
	}
	if w.repo.Tip("feature") == w.head {
		t.Error("Repo.Push did not move the branch")
	}
}

func TestCommitTakesAnyPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	names := []string{"a b.txt", "quo\"te", "new\nline", "-dash", "back\\slash", "\xff\xfe", "täg", "dir/-x/y"}
	files := map[string]string{"tool.sh": Exec + "#!/bin/sh\n", "link": Symlink + "tool.sh"}
	for _, n := range names {
		files[n] = "content of " + n
	}
	sha := w.repo.Commit("odd", "", "Odd", files)
	out, err := w.repo.git("ls-tree", "-r", "-z", sha)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if !strings.Contains(out, "\t"+n+"\x00") {
			t.Errorf("%q is missing in %q", n, out)
		}
	}
	if !strings.Contains(out, "100755") || !strings.Contains(out, "120000") {
		t.Error("modes are missing")
	}
	w.repo.Commit("odd", w.base, "Forced", map[string]string{"x": "y"})
	if got := w.repo.revList("refs/heads/odd"); len(got) != 2 {
		t.Errorf("forced branch has %d commits", len(got))
	}
	if _, err := os.Stat(filepath.Join(w.repo.GitDir(), "HEAD")); err != nil {
		t.Error(err)
	}
}
