package policyfiles_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/ownership"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// TestTheOrganisationsFileInEachState reads the policy after something happened to the organisation's file, and says
// which one is in force: 3 comments are those of the file that was valid, 4 those of the other place, and 10 those of
// no file.
func TestTheOrganisationsFileInEachState(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	const force, nothing = "Until it is fixed, the last valid one, of content ", "Until it is fixed, none of it is in force."
	for name, c := range map[string]struct {
		before string // the file of acme/.github, which is read once; empty for no repository
		change func(w *world)
		limit  int
		want   []string // in the notices, one each
	}{
		"it was never there":               {"", nil, 10, nil},
		"it is valid":                      {limit("3"), nil, 3, nil},
		"it is valid, and then another":    {limit("3"), func(w *world) { w.put(".github", limit("5")) }, 5, nil},
		"it is there later":                {"", func(w *world) { w.put(".github", limit("3")) }, 3, nil},
		"the repository is without a file": {fakegithub.Delete, nil, 10, nil},
		"it is deleted":                    {limit("3"), func(w *world) { w.put(".github", fakegithub.Delete) }, 10, nil},
		"it is invalid":                    {limit("3"), func(w *world) { w.put(".github", "version: 1\ncoments: {}\n") }, 3, []string{force}},
		"it is invalid from the first":     {"version: 1\ncoments: {}\n", nil, 10, []string{nothing}},
		"it is deleted, and then invalid":  {limit("3"), func(w *world) { w.put(".github", fakegithub.Delete); w.read("shop", none); w.put(".github", "7\n") }, 10, []string{nothing}},
		"its repository is removed":        {limit("3"), func(w *world) { w.gh.Repo(w.owner, ".github").Remove() }, 3, []string{"cannot be reached any more: the App has to be installed on acme/.github. " + force}},
		"its repository is deleted afterwards": {limit("3"), func(w *world) {
			w.put(".github", fakegithub.Delete)
			w.read("shop", none)
			w.gh.Repo(w.owner, ".github").Remove()
		}, 10, nil},
		"GitHub fails":                         {limit("3"), func(w *world) { w.answer(".github", 500, "{}") }, 3, []string{"could not be read. " + force}},
		"GitHub fails from the first":          {"", func(w *world) { w.put(".github", limit("3")); w.answer(".github", 500, "{}") }, 10, []string{"could not be read. " + nothing}},
		"it is no file":                        {limit("3"), func(w *world) { w.answer(".github", 200, `{"type":"symlink","content":""}`) }, 3, []string{"could not be read. " + force}},
		"it cannot be decoded":                 {limit("3"), func(w *world) { w.answer(".github", 200, `{"type":"file","encoding":"base64","content":"!"}`) }, 3, []string{"could not be read. " + force}},
		"it is too large":                      {limit("3"), func(w *world) { w.put(".github", limit("5")+strings.Repeat("# long\n", 200_000)) }, 3, []string{"could not be read. " + force}},
		"it moves to the other place":          {limit("3"), func(w *world) { w.put(".github", fakegithub.Delete); w.put("secbydesign", limit("4")) }, 4, nil},
		"there is one in the other place, too": {limit("3"), func(w *world) { w.put("secbydesign", limit("4")) }, 3, []string{"acme/secbydesign/.secbydesign.yml is not the organisation's policy, because there is one in acme/.github."}},
		"it is out of reach, and there is another": {limit("3"), func(w *world) { w.gh.Repo(w.owner, ".github").Remove(); w.put("secbydesign", limit("4")) }, 3,
			[]string{"cannot be reached any more", "acme/secbydesign/.secbydesign.yml is not the organisation's policy"}},
		"the other place cannot be read":    {limit("3"), func(w *world) { w.put("secbydesign", limit("4")); w.answer("secbydesign", 500, "{}") }, 3, nil},
		"the other place is without a file": {limit("3"), func(w *world) { w.put("secbydesign", fakegithub.Delete) }, 3, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := all.another(t)
			if c.before != "" {
				w.put(".github", c.before)
			}
			if c.change != nil {
				w.read("shop", none)
				c.change(w)
			}
			pol, _, notices := w.read("shop", none)
			if pol.CommentLimit != c.limit || !match(notices, c.want) {
				t.Errorf("%d comments, notices %q; want %d and %q", pol.CommentLimit, notices, c.limit, c.want)
			}
		})
	}
}

// TestANoticeNamesTheFileAndItsFirstMistake has two mistakes in a file, of which the first mentions somebody.
func TestANoticeNamesTheFileAndItsFirstMistake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(".github", limit("3"))
	w.read("shop", none)
	sha, _, _ := w.kept(".github")
	w.put(".github", "version: 1\n\"@mona\": {}\ncoments: {}\n")
	_, _, notices, err := w.files.Policy(t.Context(), w.installed, w.pull("shop"), none)
	if err != nil || len(notices) != 1 {
		t.Fatalf("%q, %v", notices, err)
	}
	if strings.Contains(notices[0], "@mona") {
		t.Errorf("it mentions somebody: %s", notices[0])
	}
	const start = `The organisation's policy acme/.github/.secbydesign.yml is not valid: acme/.github/.secbydesign.yml:2:1: unknown key "@&8203;mona"`
	end := ". Until it is fixed, the last valid one, of content " + sha[:10] + ", is in force."
	if got := strings.ReplaceAll(w.plain(notices)[0], "&#", "&"); !strings.HasPrefix(got, start) || !strings.HasSuffix(got, end) || strings.Contains(got, "?.") || strings.Contains(got, "coments") {
		t.Errorf("got  %s\nwant %s…%s", got, start, end)
	}
}

// TestTheOrganisationsPolicyIsWrittenDownWhenItIsAnother, and not for each review.
func TestTheOrganisationsPolicyIsWrittenDownWhenItIsAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(".github", limit("3"))
	w.read("shop", none)
	sha, text, ok := w.kept(".github")
	if text != limit("3") || len(sha) != 40 || !ok {
		t.Fatalf("kept %q, %q, %v", sha, text, ok)
	}
	w.keep(".github", sha, "a mark") // it stays where nothing is written
	if pol, _, _ := w.read("shop", none); pol.CommentLimit != 3 {
		t.Errorf("%d comments, want those of the file", pol.CommentLimit)
	}
	if _, text, _ := w.kept(".github"); text != "a mark" {
		t.Errorf("the same file is written down again: %q", text)
	}
	w.put(".github", limit("5"))
	w.read("shop", none)
	if _, text, _ := w.kept(".github"); text != limit("5") {
		t.Errorf("another file is not written down: %q", text)
	}
}

// TestTheOrganisationsPolicyIsNotGuessed: where GitHub will answer later, the review waits.
func TestTheOrganisationsPolicyIsNotGuessed(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	stopped := errors.New("something newer was heard")
	for name, c := range map[string]struct {
		repo   string
		change func(w *world)
		is     func(error) bool
	}{
		"the rate limit is used up": {".github", func(w *world) {
			w.gh.Fail(fakegithub.PrimaryLimit("GET", "/repos/"+w.owner+"/.github/contents/*", -1, time.Now().Add(time.Hour)))
		}, limited},
		"the rate limit is used up at the second place": {"secbydesign", func(w *world) {
			w.gh.Fail(fakegithub.PrimaryLimit("GET", "/repos/"+w.owner+"/secbydesign/contents/*", -1, time.Now().Add(time.Hour)))
		}, limited},
		"the installation is suspended": {".github", func(w *world) { w.gh.Suspend(w.installed) }, func(err error) bool { return errors.Is(err, installation.ErrSuspended) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := all.another(t)
			w.put(c.repo, limit("3"))
			w.read("shop", none)
			c.change(w)
			if _, _, _, err := w.files.Policy(t.Context(), w.installed, w.pull("shop"), none); !c.is(err) {
				t.Errorf("the error of Policy is %v", err)
			}
			if _, err := w.files.Guardrails(t.Context(), w.installed, w.owner); !c.is(err) {
				t.Errorf("the error of Guardrails is %v", err)
			}
		})
	}
	t.Run("the review has ended", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.put(".github", limit("3"))
		w.read("shop", none)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stopped)
		if _, _, _, err := w.files.Policy(ctx, w.installed, w.pull("shop"), none); !errors.Is(err, stopped) {
			t.Errorf("the error is %v", err)
		}
	})
	t.Run("the ledger cannot be read", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.put(".github", limit("3"))
		w.files.Ledger.Close()
		if _, _, _, err := w.files.Policy(t.Context(), w.installed, w.pull("shop"), none); err == nil {
			t.Error("there is no error")
		}
	})
}

// TestGuardrails are those of the organisation's file, else those without one.
func TestGuardrails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		text string
		want int
	}{{"", ownership.Default().MaxRenewals}, {"version: 1\nguardrails: {accept: {max_renewals: 7}}\n", 7}} {
		if c.text != "" {
			w.put(".github", c.text)
		}
		g, err := w.files.Guardrails(t.Context(), w.installed, w.owner)
		if err != nil || g.Accept.MaxRenewals != c.want {
			t.Errorf("%d renewals, %v; want %d", g.Accept.MaxRenewals, err, c.want)
		}
	}
}

// TestWhoseFileItIs is about the pull requests of repositories that hold the organisation's policy, or could: their
// file is not also their own.
func TestWhoseFileItIs(t *testing.T) {
	t.Parallel()
	all := newWorld(t)
	changed, err := policy.Parse(policy.File, []byte(limit("8")))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		home string // which has the organisation's policy, of 3 comments; empty for none
		repo string
		fork bool
		own  bool
	}{
		"another repository":                           {".github", "shop", false, true},
		"another repository, without a policy":         {"", "shop", false, true},
		"the first place":                              {".github", ".github", false, false},
		"the first place, in other letters":            {".github", ".GitHub", false, false},
		"the first place, without a policy":            {"", ".github", false, false},
		"the first place, whose policy is elsewhere":   {"secbydesign", ".github", false, false},
		"a fork of the first place":                    {"", ".github", true, false},
		"the second place":                             {"secbydesign", "secbydesign", false, false},
		"the second place, in other letters":           {"secbydesign", "SecByDesign", false, false},
		"the second place, without a policy":           {"", "secbydesign", false, false},
		"the second place, whose policy is elsewhere":  {".github", "secbydesign", false, true},
		"a fork in the second place":                   {"", "secbydesign", true, true},
		"a fork in the second place, and a policy too": {".github", "secbydesign", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := all.another(t)
			const guard = "version: 1\ncomments: {limit: 3}\nguardrails: {accept: {max_renewals: 7}}\n"
			if c.home != "" {
				w.put(c.home, guard)
			}
			read := false
			p := w.pull(c.repo)
			p.Fork = c.fork
			pol, layers, notices, err := w.files.Policy(t.Context(), w.installed, p, func(context.Context) ([]byte, bool, error) {
				read = true
				return []byte(limit("5")), true, nil
			})
			if err != nil || len(notices) != 0 {
				t.Fatalf("%q, %v", notices, err)
			}
			org := 10
			if c.home != "" {
				org = 3
			}
			want := map[bool]int{true: 5, false: org}[c.own]
			if read != c.own || pol.CommentLimit != want {
				t.Errorf("its own file is read: %v, and there are %d comments; want %v and %d", read, pol.CommentLimit, c.own, want)
			}
			if again := layers.Merge(); again.CommentLimit != want {
				t.Errorf("merged again there are %d comments, want %d", again.CommentLimit, want)
			}
			// With another file in its place the guardrails stay, unless it is theirs.
			with := layers.With(c.repo, c.fork, changed)
			guarded := with.Guardrails.Accept.MaxRenewals == 7
			if with.CommentLimit != 8 || guarded != (c.home != "" && c.own) {
				t.Errorf("with another file: %d comments, guarded: %v", with.CommentLimit, guarded)
			}
		})
	}
}

// TestAForkIsNoPolicy has an organisation with a fork of this program's repository and its policy. What it was before
// it was replaced by a fork does not count either.
func TestAForkIsNoPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	upstream := w.gh.CreateRepo("makers", "secbydesign", true)
	upstream.Commit("main", "", "its own policy", map[string]string{policy.File: limit("9")})
	upstream.Fork("acme")
	w.keep("secbydesign", "c0ffee", limit("9"))
	if pol, _, notices := w.read("shop", none); pol.CommentLimit != 10 || len(notices) != 0 {
		t.Errorf("%d comments, %q", pol.CommentLimit, notices)
	}
	// Next to a policy it is no reason to say something.
	w.put(".github", limit("3"))
	if pol, _, notices := w.read("shop", none); pol.CommentLimit != 3 || len(notices) != 0 {
		t.Errorf("%d comments, %q", pol.CommentLimit, notices)
	}
	// Where it is not known whether it is one, the policy is not known.
	w.gh.Repo(w.owner, ".github").Remove()
	w.keep(".github", "", "")
	w.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/acme/secbydesign", Count: -1, Status: 500, Body: "{}"})
	if pol, _, notices := w.read("shop", none); pol.CommentLimit != 9 || !match(notices, []string{"acme/secbydesign/.secbydesign.yml could not be read"}) {
		t.Errorf("%d comments, %q", pol.CommentLimit, notices)
	}
}

// TestARepositoryThatIsOnlyPrivateIsNotGone: a failure when GitHub is asked for the repository is no absence.
func TestARepositoryThatIsOnlyPrivateIsNotGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(".github", limit("3"))
	w.read("shop", none)
	w.put(".github", fakegithub.Delete)
	w.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/acme/.github", Count: -1, Status: 500, Body: "{}"})
	if pol, _, notices := w.read("shop", none); pol.CommentLimit != 3 || !match(notices, []string{"could not be read"}) {
		t.Errorf("%d comments, %q", pol.CommentLimit, notices)
	}
}

func TestHasPolicy(t *testing.T) {
	t.Parallel()
	for repo, want := range map[string]bool{".github": true, ".GitHub": true, "secbydesign": true, "SecByDesign": true, "github": false, "shop": false, "": false} {
		if got := policyfiles.HasPolicy(repo); got != want {
			t.Errorf("%q may hold one: %v", repo, got)
		}
	}
}
