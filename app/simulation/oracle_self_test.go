package simulation

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestOracle plays one history without faults, in which nothing is wrong, and then makes one thing wrong after the other.
func TestOracle(t *testing.T) {
	t.Parallel()
	sh := newShared(t)
	w, err := newWorld(t.Context(), t, sh, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	s, err := parse("setup 0\n0 open 0 1\n0 reply 0 0\n0 note 0 3\n0 open 1 2\n0 scanner-crash 0 0\n0 push 1 4")
	if err != nil {
		t.Fatal(err)
	}
	p := w.pulls[0]
	first := p.base.Clone()
	first["new.py"], first["new.txt"] = []string{problem{true, 500}.line()}, []string{problem{false, 501}.line()}
	p.commits = append(p.commits, first)
	p.shas = []string{p.repo.Commit(p.name, p.repo.base, "two problems", p.tip().Changes(p.base))}
	for _, one := range s.steps {
		if err := w.perform(one); err != nil {
			t.Fatal(err)
		}
		if err := w.quiet(*patience); err != nil {
			t.Fatal(err)
		}
	}
	if run := verdict(w.pulls[1]); run.Conclusion != "neutral" || !strings.Contains(run.Title, "ncomplete") {
		t.Errorf("with a scanner that crashes, the verdict is %s %q", run.Conclusion, run.Title)
	}
	if err := w.heal(5); err != nil {
		t.Fatal(err)
	}
	if wrong := w.check(); len(wrong) > 0 {
		t.Fatalf("without a fault, wrong is\n%s", strings.Join(wrong, "\n"))
	}
	if len(p.replies) != 1 || len(p.notes) != 1 || len(p.heads[p.head]) < 2 {
		t.Fatalf("there is too little to be wrong: %v, %v, %v", p.replies, p.notes, p.heads[p.head])
	}
	owner, name := w.github.NameOf(p.repo.Repo)
	about := p.heads[p.head].sorted()[0]
	for _, c := range []struct {
		what string
		do   func()
		want string
	}{
		{"a finding that is not shown", func() { p.heads[p.head][problem{false, 999}] = atHead }, "has no thread"},
		{"a finding that is shown and is none", func() {
			delete(p.heads[p.head], problem{false, 999})
			delete(p.heads[p.head], about)
		}, "is about nothing that was pushed"},
		{"the number of findings", func() {}, "findings"},
		{"a head that was clean", func() { p.heads[p.head] = truth{} }, "want success"},
		{"a reply", func() {
			for _, th := range p.repo.Threads(p.n) {
				if p.replies[th.ID] != "" {
					w.github.DeleteReviewComment(th.Comments[len(th.Comments)-1].ID, "mona")
				}
			}
		}, "the reply"},
		{"a comment", func() {
			for _, c := range p.repo.IssueComments(p.n) {
				if p.notes[c.Body] {
					w.github.DeleteNote(c.ID, "mona")
				}
			}
		}, "the comment"},
		{"a second verdict that goes on", func() {
			body := `{"name": "secbydesign", "status": "in_progress", "head_sha": "` + p.head + `"}`
			req, err := http.NewRequest(http.MethodPost, w.github.URL()+"/api/v3/repos/"+owner+"/"+name+"/check-runs", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+w.github.Token(owner, nil))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}, "is in_progress"},
		{"two verdicts", func() {}, "2 verdicts"},
	} {
		c.do()
		w.wrong = nil
		if wrong := w.check(); !slices.ContainsFunc(wrong, func(s string) bool { return strings.Contains(s, c.want) }) {
			t.Errorf("%s: wrong is\n%s\nwant %q in it", c.what, strings.Join(wrong, "\n"), c.want)
		}
	}
}
