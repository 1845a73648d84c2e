package review

import (
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestAPathEndsNoLink: a path is text of the change, and the link is Markdown.
func TestAPathEndsNoLink(t *testing.T) {
	t.Parallel()
	p := pull.Pull{Owner: "acme", Repo: "shop", Head: "abc"}
	for path, want := range map[string]string{
		"a/b.go":         "a/b.go#L7",
		"a (b) <c>.go":   "a%20%28b%29%20%3Cc%3E.go#L7",
		"what?#here%.go": "what%3F%23here%25.go#L7",
	} {
		if got := link("https://github.com", p, path, 7); got != "https://github.com/acme/shop/blob/abc/"+want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	if got := link("https://github.com", p, "a", 0); strings.Contains(got, "#") {
		t.Errorf("of the file: %s", got)
	}
}

// TestThreadsOfOneFinding: one that is open counts.
func TestThreadsOfOneFinding(t *testing.T) {
	t.Parallel()
	open := checks.Thread{Fingerprint: "a:1", Path: "a", Line: 1, Body: "It is here."}
	closed := open
	closed.Body = "**Fixed**\n\n<details><summary>What it was</summary>\n\nIt is here.\n\n</details>\n\n"
	other := closed
	other.Fingerprint, other.Path, other.Line = "b:1", "b", 2
	for _, list := range [][]checks.Thread{{open, closed, other}, {other, closed, open}} {
		known, threads := shown(list)
		i := slices.IndexFunc(known, func(k baseline.Known) bool { return k.Fingerprint == "b:1" })
		if len(known) != 3 || i < 0 || known[i].Path != "b" || known[i].Line != 2 {
			t.Errorf("%+v", known)
		}
		if now, there := threads["b:1"]; !threads["a:1"] || now || !there {
			t.Errorf("%v", threads)
		}
	}
}

// TestWhoStillRuns separates it from what has ended, whatever its end.
func TestWhoStillRuns(t *testing.T) {
	t.Parallel()
	ended, pending := split([]scanners.Run{{Scanner: "a"}, {Scanner: "b", Err: examine.ErrRunning}, {Scanner: "c", Err: errAny}})
	names := func(runs []scanners.Run) (names string) {
		for _, r := range runs {
			names += r.Scanner
		}
		return names
	}
	if names(ended) != "ac" || names(pending) != "b" {
		t.Errorf("%+v, %+v", ended, pending)
	}
}

// TestAProposedPolicyIsPreviewed counts what is open in this pull request and in others, each once.
func TestAProposedPolicyIsPreviewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"a": "x\n"})
	w.review(w.open("other", map[string]string{"b": "bad\n", "c": "bad\n"})) // of which one is the same again
	n := w.open("change", map[string]string{"a": "bad\n", policyFile: blocking + "scanners: {wrods: {enabled: true}}\n"})
	for range 2 {
		w.review(n)
		text := w.summary(w.head(n))
		if !strings.Contains(text, "This pull request changes .secbydesign.yml. The change takes effect when it is merged") || !strings.Contains(text, "Of 2 findings that are open in pull requests here, 2 would ") {
			t.Errorf("the summary says\n%s", text)
		}
	}
	for _, k := range w.github.CheckRuns("acme", "shop", w.head(n)) {
		if k.Name == checks.Name && !slices.ContainsFunc(k.Annotations, func(a fakegithub.Annotation) bool { return strings.Contains(a.Message, "wrods") }) {
			t.Errorf("the annotations are %+v", k.Annotations)
		}
	}
}

// TestWhatIsOpenInOtherPulls has neighbours in every state.
func TestWhatIsOpenInOtherPulls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	review := func(n int, findings ...record.Finding) {
		w.hear(n, "head")
		if findings != nil {
			w.event(record.Finished, n, "head", record.Review{Findings: findings})
		}
	}
	found := record.Finding{Fingerprint: "a:1", Rule: "words/word", Gate: scanners.Code, Severity: scanners.High, State: scanners.New, Path: "a"}
	old, decided := found, found
	old.State, decided.Decided = scanners.Unchanged, "A-AAAAAAAA"
	review(1, found) // the one that is reviewed
	review(2, found, old, decided)
	review(3)
	w.Externals.Known = []string{"gosec"}
	got, err := w.neighbours(t.Context(), pull.Pull{RepoID: w.repo.ID(), Owner: "acme", Repo: "shop", Number: 1, BaseRef: "main"}, []examine.External{
		{Info: scanners.Info{Name: "required"}}, {Info: scanners.Info{Name: "sent"}, Version: "1"}, {Info: scanners.Info{Name: "found"}, Head: make([]scanners.Finding, 1)},
	})
	if err != nil || len(got.open) != 1 || got.open[0].ID != found.ID() || got.open[0].Scanner != "words" || got.open[0].Rule != "word" || got.open[0].Gate != scanners.Code || got.open[0].Path != "a" {
		t.Errorf("%+v, %v", got, err)
	}
	if err == nil && !slices.Equal(got.scanners, []string{"codeql", "found", "gosec", "sent", "words"}) {
		t.Errorf("the scanners are %q", got.scanners)
	}
}
