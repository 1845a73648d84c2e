package policyfiles_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestTheRepositorysFileInEachState has an earlier file, or none, and one that is read now. 5 comments are those of
// the earlier file, and 10 those of none.
func TestTheRepositorysFileInEachState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const last = "Until it is fixed, the last valid one, of commit 0123456789, is in force."
	const defaults = "Until it is fixed, the built-in defaults and the organisation's guardrails are in force."
	earlier := []policyfiles.Source{said(limit("5"))}
	for i, c := range []struct {
		name   string
		before []policyfiles.Source
		now    policyfiles.Source
		limit  int
		want   string // the notice; empty for none
	}{
		{"there is none", nil, none, 10, ""},
		{"it is valid", nil, said(limit("6")), 6, ""},
		{"it is another", earlier, said(limit("6")), 6, ""},
		{"it is empty", earlier, said(""), 5, ".secbydesign.yml at the base is not valid: .secbydesign.yml:1:1: "},
		{"it is deleted", earlier, none, 10, ""},
		{"it is invalid", earlier, said("7\n"), 5, last},
		{"it is invalid from the first", nil, said("7\n"), 10, defaults},
		{"it is deleted, and then invalid", append(earlier[:1:1], none), said("7\n"), 10, defaults},
		{"it is too large", earlier, failing(mirror.ErrTooLarge), 5, ".secbydesign.yml at the base is too large to be read. " + last},
		{"it is too large from the first", nil, failing(mirror.ErrTooLarge), 10, "is too large to be read. " + defaults},
		{"it is no file", earlier, failing(mirror.ErrNotFile), 5, "is not a file. " + last},
		{"it is no file from the first", nil, failing(mirror.ErrNotFile), 10, "is not a file. " + defaults},
	} {
		repo := fmt.Sprint("repo", i)
		for _, from := range c.before {
			w.read(repo, from)
		}
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		pol, _, notices := w.read(repo, c.now)
		if pol.CommentLimit != c.limit || !match(notices, want) {
			t.Errorf("%s: %d comments, notices %q; want %d and %q", c.name, pol.CommentLimit, notices, c.limit, want)
		}
	}
}

// TestTheRepositorysFileThatCannotBeReadAtAll is an error: the review comes again, and nothing is put in its place.
func TestTheRepositorysFileThatCannotBeReadAtAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.read("shop", said(limit("5")))
	broken := errors.New("the disk is full")
	if _, _, _, err := w.files.Policy(t.Context(), w.installed, w.pull("shop"), failing(broken)); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	if _, text, _ := w.kept("shop"); text != limit("5") {
		t.Errorf("the last valid one is %q", text)
	}
	// A ledger that cannot be read is no policy, whatever the file is.
	for name, from := range map[string]policyfiles.Source{"valid": said(limit("6")), "invalid": said("7\n"), "none": none} {
		closed := newWorld(t)
		_, _, _, err := closed.files.Policy(t.Context(), closed.installed, closed.pull("shop"), func(ctx context.Context) ([]byte, bool, error) {
			closed.files.Ledger.Close()
			return from(ctx)
		})
		if err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
}

// TestWhatIsKeptOfTheRepositorysFile is the newest valid one with its commit, and that there is none.
func TestWhatIsKeptOfTheRepositorysFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name      string
		sha       string
		from      policyfiles.Source
		keptSHA   string
		keptText  string
		remembers bool
	}{
		{"there is none", "a1", none, "a1", "", true},
		{"there is none again", "b2", none, "a1", "", true}, // which is not worth a write
		{"it is valid", "c3", said(limit("5")), "c3", limit("5"), true},
		{"it is invalid", "d4", said("7\n"), "c3", limit("5"), true},
		{"it is deleted", "e5", none, "e5", "", true},
	} {
		p := w.pull("shop")
		p.Base = c.sha
		if _, _, _, err := w.files.Policy(t.Context(), w.installed, p, c.from); err != nil {
			t.Fatal(err)
		}
		if sha, text, ok := w.kept("shop"); sha != c.keptSHA || text != c.keptText || ok != c.remembers {
			t.Errorf("%s: kept are %q of %s, %v; want %q of %s", c.name, text, sha, ok, c.keptText, c.keptSHA)
		}
	}
}

// TestWhatAnOlderVersionTookIsNotInForce when this one does not.
func TestWhatAnOlderVersionTookIsNotInForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.keep("shop", "c0ffee", "gates: of old\n")
	pol, _, notices := w.read("shop", said("7\n"))
	if pol.CommentLimit != 10 || !match(notices, []string{"the built-in defaults and the organisation's guardrails are in force."}) {
		t.Errorf("%d comments, %q", pol.CommentLimit, notices)
	}
	// A short name of a commit is shown whole.
	w.keep("shop", "c0ffee", limit("5"))
	if _, _, notices := w.read("shop", said("7\n")); !match(notices, []string{"of commit c0ffee, is in force."}) {
		t.Errorf("%q", notices)
	}
}

// TestAllNoticesAreMarkdown shows a mistake of the organisation, one of the repository, and then what a guardrail refuses.
func TestAllNoticesAreMarkdown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(".github", "version: 1\nguardrails:\n  gates: {secrets: {at_least: comment}}\n")
	w.read("shop", said("version: 1\ngates: {secrets: {mode: off}}\n"))
	w.put(".github", "version: 1\n\"@org\": {}\n")
	_, _, notices, err := w.files.Policy(t.Context(), w.installed, w.pull("shop"), said("version: 1\n\"@repo\": {}\n"))
	want := []string{"@&#8203;org", "@&#8203;repo", "Refused at the base: .secbydesign.yml:2:25: gates.secrets.mode: off is too mild"}
	if err != nil || !match(w.plain(notices), want) {
		t.Errorf("%q, %v; want %q", w.plain(notices), err, want)
	}
	if !strings.Contains(notices[2], `at\_least`) && !strings.Contains(notices[2], `\`) {
		t.Errorf("what is refused is not made Markdown: %s", notices[2])
	}
}

// TestAtBase reads at the base, and not at the head or the tip of the branch.
func TestAtBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	repo := w.gh.CreateRepo("acme", "shop", false)
	p := w.pull("shop")
	p.Base = repo.Commit("main", "", "base", map[string]string{".secbydesign.yml": limit("5")})
	p.Head = repo.Commit("main", "", "later", map[string]string{".secbydesign.yml": fakegithub.Delete, "a": "a\n"})
	local, err := mirror.OpenLocal(t.Context(), repo.GitDir())
	if err != nil {
		t.Fatal(err)
	}
	if text, ok, err := policyfiles.AtBase(local, p)(t.Context()); string(text) != limit("5") || !ok || err != nil {
		t.Errorf("%q, %v, %v", text, ok, err)
	}
}
