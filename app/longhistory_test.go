package app_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A step is one commit of a long history; an empty content deletes the file.
type step struct {
	file, content string
	merge         string // a branch that it merges
}

// grow puts many commits on a branch, in one process of git: from is a commit or branch, and each commit changes a file
// with the commit's number unless a step says otherwise. It returns the tip.
func (s *stage) grow(branch, from string, commits int, steps map[int]step) string {
	s.t.Helper()
	var b strings.Builder
	data := func(text string) { fmt.Fprintf(&b, "data %d\n%s\n", len(text), text) }
	for i := 1; i <= commits; i++ {
		fmt.Fprintf(&b, "commit refs/heads/%s\ncommitter m <m@example.com> %d +0000\n", branch, 1_700_000_000+i)
		data(fmt.Sprintf("%s %d", branch, i))
		if i == 1 {
			fmt.Fprintf(&b, "from %s\n", from)
		}
		now, special := steps[i]
		if now.merge != "" {
			fmt.Fprintf(&b, "merge refs/heads/%s\n", now.merge)
		}
		switch {
		case special && now.file != "" && now.content == "":
			fmt.Fprintf(&b, "D %s\n", now.file)
		case now.file != "":
			fmt.Fprintf(&b, "M 100644 inline %s\n", now.file)
			data(now.content)
		default:
			fmt.Fprintf(&b, "M 100644 inline %s.txt\n", branch)
			data(fmt.Sprint(i))
		}
	}
	s.git(b.String(), "fast-import", "--quiet", "--force")
	return s.repo.Tip(branch)
}

// leaked has a file with a secret come and go again.
func leaked(at, seed int) map[int]step {
	file := fmt.Sprintf("k%d.py", seed)
	return map[int]step{at: {file: file, content: leak(seed)}, at + 1: {file: file}}
}

func together(lists ...map[int]step) map[int]step {
	all := map[int]step{}
	for _, list := range lists {
		for i, one := range list {
			all[i] = one
		}
	}
	return all
}

// named are the files of a summary.
func named(summary string) map[string]bool {
	files := map[string]bool{}
	for _, file := range regexp.MustCompile(`\b\w+\.py\b`).FindAllString(summary, -1) {
		files[file] = true
	}
	return files
}

// TestLongHistories has pull requests of more commits than GitHub lists: secrets in the scanned commits are found, and
// the summary says how many commits were not scanned.
func TestLongHistories(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	// The base brings secrets of its own, which are nobody's news, and the branches merge it.
	s.grow("main", s.base, 300, leaked(20, 90))
	s.grow("early", s.base, 100, nil)
	open := func(branch, from string, commits int, steps map[int]step) int {
		s.grow(branch, from, commits, steps)
		return s.repo.OpenPull("Change", "", "main", branch, "mona", false)
	}
	tip := s.repo.Tip("main")
	type want struct {
		number     int
		conclusion string
		found      []string // files with a finding
		left       string   // what the summary says was not scanned; empty for nothing
	}
	for name, w := range map[string]want{
		"251":                      {open("b251", tip, 251, together(leaked(1, 1), leaked(250, 2))), "neutral", []string{"k1.py", "k2.py"}, ""},
		"260":                      {open("b260", tip, 260, together(leaked(3, 3), leaked(255, 4), map[int]step{260: {file: "now.py", content: leak(5)}})), "neutral", []string{"k3.py", "k4.py", "now.py"}, ""},
		"260 that are clean":       {open("clean", tip, 260, nil), "success", nil, ""},
		"260 that merge the base":  {open("merging", s.base, 260, together(leaked(3, 6), leaked(255, 7), map[int]step{100: {merge: "main"}})), "neutral", []string{"k6.py", "k7.py"}, ""},
		"20 that merge the base":   {open("short", s.base, 20, together(leaked(3, 8), leaked(15, 9), map[int]step{10: {merge: "main"}})), "neutral", []string{"k8.py", "k9.py"}, ""},
		"a merge of long branches": {open("wide", s.base, 251, together(leaked(2, 10), map[int]step{251: {merge: "early"}})), "neutral", []string{"k10.py"}, ""},
		"3000": {open("b3000", tip, 3000, together(leaked(2500, 11), map[int]step{3000: {file: "now.py", content: leak(12)}})), "neutral", []string{"k11.py", "now.py"},
			"The pull request has 3000 commits, of which 1000 were scanned; the history of the others was not."},
		"3000 that merge the base": {open("m3000", s.base, 3000, together(leaked(3, 13), leaked(2990, 14), map[int]step{1500: {merge: "main"}})), "neutral", []string{"k14.py"}, "were scanned; the history of the others was not."},
	} {
		s.reviewed(w.number)
		run := s.verdict(w.number)
		found := slices.Sorted(maps.Keys(named(run.Summary)))
		slices.Sort(w.found)
		if run.Conclusion != w.conclusion || !slices.Equal(found, w.found) {
			t.Errorf("%s: %s, found in %q; want %s, %q", name, run.Conclusion, found, w.conclusion, w.found)
		}
		if said := strings.Contains(run.Summary, "was not scanned") || strings.Contains(run.Summary, "was not."); said != (w.left != "") || !strings.Contains(run.Summary, w.left) {
			t.Errorf("%s: %q\n%s", name, run.Title, run.Summary)
		}
	}
}

// TestALongHistoryWhereItBlocks fails because of the commits that were not scanned, with the reason in the title, and
// only for that reason.
func TestALongHistoryWhereItBlocks(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: blocking})
	s.grow("few", s.base, 260, nil)
	s.grow("many", s.base, 3000, nil)
	few, many := s.repo.OpenPull("Few", "", "main", "few", "mona", false), s.repo.OpenPull("Many", "", "main", "many", "mona", false)
	s.want(few, "success")
	if run := s.verdict(many); run.Conclusion != "failure" || !strings.Contains(run.Title, "gitleaks did not finish: The pull request has 3000 commits") {
		t.Errorf("%s %q", run.Conclusion, run.Title)
	}
}
