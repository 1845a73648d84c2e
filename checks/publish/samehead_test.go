package publish_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// sibling opens another pull request with the same head, into another branch.
func (b *bench) sibling() *bench {
	b.t.Helper()
	b.repo.Commit("release", "", "release", map[string]string{"x.txt": "y\n"})
	other := *b
	other.number = b.repo.OpenPull("Change, too", "", "release", "change", "mona", false)
	other.at()
	if other.head.SHA != b.head.SHA {
		b.t.Fatal("the heads differ")
	}
	return &other
}

// with starts a review that knows its siblings.
func (b *bench) with(siblings ...*bench) *publish.Run {
	b.t.Helper()
	var numbers []int
	for _, s := range siblings {
		numbers = append(numbers, s.number)
	}
	run := b.start()
	run.ShareWith(numbers)
	return run
}

// counts checks the verdict that branch protection reads on the head, the newest one. No other run may be
// left in progress.
func (b *bench) counts(when, conclusion, externalID, title string) {
	b.t.Helper()
	first := true
	for _, run := range b.gh.CheckRuns("acme", "shop", b.head.SHA) {
		if run.Name != checks.Name {
			continue
		}
		if first && (run.Conclusion != conclusion || !strings.HasPrefix(run.ExternalID, externalID) || strings.Contains(run.ExternalID, "own=") != strings.Contains(run.Title, "same commit") || !strings.HasPrefix(run.Title, title)) {
			b.t.Errorf("%s: the verdict that counts is %q by %s: %s", when, run.Conclusion, run.ExternalID, run.Title)
		}
		if !first && run.Status != "completed" {
			b.t.Errorf("%s: an older verdict has not ended: %s", when, run.ExternalID)
		}
		first = false
	}
}

// silent checks that another review writes nothing.
func (b *bench) silent(when string, rep checks.Report, siblings ...*bench) {
	b.t.Helper()
	b.gh.ResetWrites()
	b.finish(b.with(siblings...), rep)
	if w := b.gh.Writes(); len(w) != 0 {
		b.t.Errorf("%s, the same again writes %v", when, w)
	}
}

// TestTheWorstVerdictOfACommitCounts reviews two pull requests with the same head. GitHub shows one
// verdict for both.
func TestTheWorstVerdictOfACommitCounts(t *testing.T) {
	t.Parallel()
	one := newBench(t, nil)
	f := found("a.txt", 3)
	f.Block = true
	fails, clean := one.report(f), one.report()
	one.finish(one.with(), fails)
	one.counts("one is reviewed", "failure", "pr=1 ", "1 new finding")

	two := one.sibling()
	two.finish(two.with(one), clean)
	one.counts("a clean one comes", "failure", "pr=2 ", "#1, which has the same commit, has the result failure. This pull request alone: No new findings")
	two.silent("a clean one came", clean, one)
	one.silent("a clean one came", fails, two)

	one.finish(one.with(two), clean)
	one.counts("the one that failed is fixed", "success", "pr=1 ", "No new findings")
	two.silent("the one that failed is fixed", clean, one)

	two.finish(two.with(one), one.report(found("a.txt", 3)))
	one.counts("one has a finding that does not block", "neutral", "pr=2 ", "1 new finding")
	one.finish(one.with(two), fails)
	one.counts("the other fails again", "failure", "pr=1 ", "1 new finding")
	two.finish(two.with(), clean)
	one.counts("and is closed", "success", "pr=2 ", "No new findings")
	two.silent("and is closed", clean)
}

// TestTwoVerdictsOnACommitAtOnce has two reviews of one head overlap, in every order.
func TestTwoVerdictsOnACommitAtOnce(t *testing.T) {
	t.Parallel()
	for _, order := range []string{"the one that fails ends first", "the clean one ends first", "both at once"} {
		t.Run(order, func(t *testing.T) {
			t.Parallel()
			one := newBench(t, nil)
			two := one.sibling()
			f := found("a.txt", 3)
			f.Block = true
			failing := one.with(two)
			if order == "both at once" {
				// The other review finishes when the clean one has read the runs and is about to write.
				two.through(&meanwhile{next: bearer{one.gh.Token("acme", nil)}, do: func() { one.finish(failing, one.report(f)) }})
			}
			clean := two.with(one)
			switch order {
			case "the one that fails ends first":
				one.finish(failing, one.report(f))
				one.counts("one still looks", "", "pr=2", "Scanning the change")
				two.finish(clean, two.report())
			case "the clean one ends first":
				two.finish(clean, two.report())
				one.finish(failing, one.report(f))
			case "both at once":
				two.finish(clean, two.report())
			}
			one.counts("in the end", "failure", "pr=", "")
		})
	}
}

// meanwhile does something before the first update of a check run.
type meanwhile struct {
	next http.RoundTripper
	once sync.Once
	do   func()
}

func (m *meanwhile) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/check-runs/") {
		m.once.Do(m.do)
	}
	return m.next.RoundTrip(r)
}
