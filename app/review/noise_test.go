package review

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/scanners"
)

// words is a scanner that knows more words in its newer versions.
type words struct {
	finder
	version string
	rules   []string
}

func (w words) Version(context.Context) (string, error) { return w.version, nil }

func (w words) Scan(ctx context.Context, t scanners.Target) (found []scanners.Finding, err error) {
	for _, file := range t.Files {
		for i, line := range strings.Split(string(file.Content), "\n") {
			if slices.Contains(w.rules, line) {
				found = append(found, scanners.Finding{
					Rule: line, Severity: scanners.High, Path: file.Path, Line: i + 1, EndLine: i + 1, Title: "A word", Message: "It is here.", Help: "Take it out.", Identity: line,
				})
			}
		}
	}
	return found, nil
}

// upgrade gives the world a version of the scanner.
func (w *world) upgrade(version string, rules ...string) {
	info := scanners.Info{Name: "words", Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeFile}}
	w.Examiner.Scanners = []scanners.Scanner{words{finder{info: info}, version, rules}}
}

// findings lists the new findings of the last review as "path rule", with a star if they are shown, and why not.
func (w *world) findings(n int) (list []string) {
	w.t.Helper()
	last, err := w.Ledger.LastReview(w.t.Context(), ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}, n)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range last.Findings {
		if f.State != scanners.New {
			continue
		}
		line := f.Path + " " + strings.TrimPrefix(f.Rule, "words/")
		if f.Shown {
			line += " *"
		}
		if f.Quiet != "" {
			line += " " + f.Quiet
		}
		list = append(list, line)
	}
	slices.Sort(list)
	return list
}

// TestAnUpgradeIsObservedFirst reviews an open pull request by newer versions of a scanner. What they find in files that
// did not change since is observed until the file changes; what is found in another pull request is shown.
func TestAnUpgradeIsObservedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"base": "worst\n", policyFile: blocking})
	w.upgrade("1", "bad")
	n := w.open("change", map[string]string{"a": "bad\nworse\nworst\n", "b": "worse\n"})
	for _, step := range []struct {
		name string
		do   func()
		want []string
	}{
		{"the first version", func() {}, []string{"a bad *"}},
		{"a version that knows more", func() { w.upgrade("2", "bad", "worse") }, []string{"a bad *", "a worse upgrade", "b worse upgrade"}},
		{"reviewed again", func() {}, []string{"a bad *", "a worse upgrade", "b worse upgrade"}},
		{"another file changes", func() {
			w.repo.Commit("change", "", "more", map[string]string{"c": "worse\n"})
			w.repo.SyncPull(n)
		}, []string{"a bad *", "a worse upgrade", "b worse upgrade", "c worse *"}},
		{"a third version", func() { w.upgrade("3", "bad", "worse", "worst") }, []string{"a bad *", "a worse upgrade", "a worst upgrade", "b worse upgrade", "c worse *"}},
		{"the file changes", func() {
			w.repo.Commit("change", "", "more", map[string]string{"a": "bad\nworse\nworst\nfine\n"})
			w.repo.SyncPull(n)
		}, []string{"a bad *", "a worse *", "a worst *", "b worse upgrade", "c worse *"}},
		{"the older one again, which finds less", func() { w.upgrade("2", "bad", "worse") }, []string{"a bad *", "a worse *", "b worse upgrade", "c worse *"}},
	} {
		step.do()
		w.hear(n, w.head(n))
		w.review(n)
		if got := w.findings(n); !slices.Equal(got, step.want) {
			t.Errorf("%s: %q, want %q", step.name, got, step.want)
		}
	}
	// The merge queue is as mild as the pull request.
	if g := w.repo.Enqueue("mona", n); w.group(g, 0, false) != nil || !strings.HasPrefix(w.verdict(g.HeadSHA), "failure: 3 new findings (3 high), 3 blocking") {
		t.Errorf("the queue shows %s", w.verdict(g.HeadSHA))
	}
	other := w.open("other", map[string]string{"d": "worse\n"})
	w.review(other)
	if got, want := w.findings(other), []string{"d worse *"}; !slices.Equal(got, want) {
		t.Errorf("in another pull request: %q, want %q", got, want)
	}
}

// TestAnUpgradeUnderAGuardrail holds that what the organisation wants shown is shown, and what is pinned.
func TestAnUpgradeUnderAGuardrail(t *testing.T) {
	t.Parallel()
	for policy, want := range map[string]string{
		"version: 1\n": "a worse upgrade",
		"version: 1\ngates: {code: {mode: block}}\nnoise: {pin: [words/worse]}\n": "a worse *",
		"version: 1\nrules: {words/worse: {mode: observe}}\n":                     "a worse",
	} {
		w := newWorld(t, map[string]string{"base": "x\n", policyFile: policy})
		w.upgrade("1", "bad")
		n := w.open("change", map[string]string{"a": "worse\n"})
		w.review(n)
		w.upgrade("2", "bad", "worse")
		w.hear(n, w.head(n))
		w.review(n)
		if got := w.findings(n); !slices.Equal(got, []string{want}) {
			t.Errorf("under %q: %q, want %q", policy, got, want)
		}
		said := strings.Contains(w.summary(w.head(n)), "words 2 reports findings in files that are unchanged since an earlier version reviewed this pull request")
		if said != strings.HasSuffix(want, "upgrade") {
			t.Errorf("under %q the check says:\n%s", policy, w.summary(w.head(n)))
		}
	}
	w := newWorld(t, map[string]string{"base": "x\n"})
	w.github.CreateRepo("acme", ".github", true).Commit("main", "", "policy", map[string]string{policyFile: "version: 1\nguardrails: {gates: {code: {at_least: comment}}}\n"})
	w.upgrade("1", "bad")
	n := w.open("change", map[string]string{"a": "worse\n"})
	w.review(n)
	w.upgrade("2", "worse")
	w.hear(n, w.head(n))
	w.review(n)
	if got, want := w.findings(n), []string{"a worse * upgrade"}; !slices.Equal(got, want) {
		t.Errorf("under a guardrail: %q, want %q", got, want)
	}
}

// TestANewVersionIsTriedAgain demotes a rule by the record, and reviews it by another version of the scanner.
func TestANewVersionIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"base": "x\n", policyFile: blocking})
	w.upgrade("1", "bad")
	files := map[string]string{}
	for i := range 24 {
		files[fmt.Sprint("f", i)] = "bad\n"
	}
	many := w.open("many", files)
	w.review(many)
	last, err := w.Ledger.LastReview(t.Context(), ledger.Repo{ID: w.repo.ID(), Owner: "acme", Name: "shop"}, many)
	if err != nil || len(last.Findings) != 24 {
		t.Fatalf("%d findings, %v", len(last.Findings), err)
	}
	for i, f := range last.Findings {
		w.event(record.NotUseful, many, last.Head, record.Opinion{Fingerprint: f.Fingerprint, Rule: f.Rule, Who: fmt.Sprint("p", i%2), Write: true})
	}
	quiet := w.open("quiet", map[string]string{"g": "bad\n"})
	for range 2 {
		w.review(quiet)
	}
	if got, want := w.findings(quiet), []string{"g bad noise"}; !slices.Equal(got, want) || !strings.HasPrefix(w.verdict(w.head(quiet)), "success") {
		t.Errorf("%q, want %q; the check is %s", got, want, w.verdict(w.head(quiet)))
	}
	w.upgrade("2", "bad")
	w.hear(quiet, w.head(quiet))
	w.review(quiet)
	if got, want := w.findings(quiet), []string{"g bad *"}; !slices.Equal(got, want) {
		t.Errorf("by a new version: %q, want %q", got, want)
	}
	if got := strings.Count(w.events(quiet), "rule.demoted") + strings.Count(w.events(quiet), "rule.restored"); got != 2 {
		t.Errorf("the events are %s", w.events(quiet))
	}
}
