package mirror

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestOutputOverTheLimit has more names than may be read into memory.
func TestOutputOverTheLimit(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	var files []edit
	for i := range 200 {
		files = append(files, put(fmt.Sprintf("%0100d", i), "1\n"))
	}
	base := b.commit(t, "refs/heads/main", nil, put("f", "1\n"))
	head := b.commit(t, "refs/pull/1/head", []string{base}, files...)
	r := openMirror(t, s, "r", Limits{OutputBytes: 10_000})
	fetch(t, r, 2, base, head)
	_, diff := r.Diff(t.Context(), base, head)
	_, versions := r.Versions(t.Context(), []string{head})
	for what, err := range map[string]error{"diff": diff, "versions": versions} {
		if !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", what, err)
		}
	}
	if content, ok, err := r.ReadFile(t.Context(), base, "f"); err != nil || !ok || string(content) != "1\n" {
		t.Errorf("the base is read as %q, %v, %v", content, ok, err)
	}
}

// TestLog checks that Log distinguishes the end of local history from the end of history, even if there is a
// commit of another pull request that is too large to read.
func TestLog(t *testing.T) {
	t.Parallel()
	s := serve(t)
	b := s.repo(t, "r")
	root := b.commit(t, "refs/heads/main", nil, put("f", "0\n"))
	base := b.commit(t, "refs/heads/main", []string{root}, put("f", "1\n"))
	one := b.commit(t, "refs/pull/1/head", []string{base}, put("a", "1\n"))
	two := b.commit(t, "refs/pull/1/head", []string{one}, put("a", "2\n"))
	head := b.commit(t, "refs/pull/1/head", []string{two, base}, put("a", "3\n"))
	large := strings.TrimSpace(b.git(t, strings.Repeat("x", maxCommitBytes+1), "-c", "user.name=m", "-c", "user.email=m@example.com", "commit-tree", base+"^{tree}", "-p", base))
	b.git(t, "", "update-ref", "refs/pull/2/head", large)

	said := func(list []Commit) (out []string) {
		names := map[string]string{root: "root", base: "base", one: "one", two: "two", head: "head"}
		for _, c := range list {
			line := names[c.SHA]
			for _, p := range c.Parents {
				line += " " + names[p]
			}
			if c.End {
				line += " …"
			}
			out = append(out, line)
		}
		return out
	}
	r := openMirror(t, s, "r", Limits{})
	fetch(t, r, 1, large)
	fetch(t, r, 2, head)
	for _, c := range []struct {
		depth int
		base  string
		most  int
		want  []string
	}{
		{2, base, 9, []string{"head two base", "two …"}},
		{4, base, 9, []string{"head two base", "two one", "one base"}},
		{4, base, 2, []string{"head two base", "two one"}},
		{4, "", 9, []string{"head two base", "two one", "one base", "base root", "root"}},
	} {
		fetch(t, r, c.depth, head)
		list, err := r.Log(t.Context(), c.base, head, c.most)
		if got := said(list); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("depth %d, base %.7s, most %d: %q, %v, want %q", c.depth, c.base, c.most, got, err, c.want)
		}
	}
}
