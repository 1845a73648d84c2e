package pull_test

import (
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestParted finds the commits between which a pull request was merged, by each of GitHub's methods, also when the base
// went on before and after it, and when GitHub does not know what was merged.
func TestParted(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"merge", "squash", "rebase"} {
		for _, fault := range []string{"", "without the commit", "closed as merged"} {
			t.Run(method+" "+fault, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, true)
				before := w.repo.Tip("main")
				if method != "merge" { // of two commits
					before = w.first
				}
				if fault == "closed as merged" { // somebody pushed it, and GitHub noticed
					w.gh.ClosePull("Acme", "Shop", w.number, "mona", true)
					before = w.first
				} else {
					w.repo.MergePullBy(w.number, "mona", method)
				}
				w.repo.Commit("main", "", "after it", map[string]string{"e": "e\n"})
				p, err := pull.Read(t.Context(), w.client(t), w.repo.ID(), "Acme", "Shop", w.number)
				if err != nil || !p.Merged || !p.Default || p.MergedAt.IsZero() || time.Since(p.MergedAt) > time.Hour || (p.MergeCommit == "") != (fault == "closed as merged") {
					t.Fatalf("%+v, %v", p, err)
				}
				if fault == "without the commit" {
					before = w.later
					w.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/*/*/commits/**", Count: -1, Status: 404, Body: "{}"})
				}
				got, err := p.Parted(t.Context(), w.client(t))
				if err != nil || got.MergeBase != w.first || got.Head != w.head || got.Base != before {
					t.Errorf("parted at %s, base %s, want %s and %s: %v", got.MergeBase, got.Base, w.first, before, err)
				}
			})
		}
	}
}
