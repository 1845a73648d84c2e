package review

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
)

func pullOf(w *world, n int) pull.Pull {
	return pull.Pull{RepoID: w.repo.ID(), Owner: "acme", Repo: "shop", Number: n, Head: strings.Repeat("a", 40), BaseRef: "main", Open: true}
}

// TestWhatEarlierReviewsLeftIsEnded has reviews of several heads cut off.
func TestWhatEarlierReviewsLeftIsEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		closed bool
		why    string
		newest string // the verdict on the head that is reviewed
		events string
	}{
		"a newer head": {
			false, "The pull request has a newer head.", "success: No new findings",
			"started finished started superseded started started superseded finished",
		},
		"it is closed": {
			true, "The pull request was closed before the review ended.", "cancelled: Superseded",
			"started finished started superseded started started superseded superseded",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, map[string]string{"a": "x\n"})
			n := w.open("change", map[string]string{"a": "y\n"})
			other, another := w.open("other", map[string]string{"b": "y\n"}), w.open("another", map[string]string{"c": "y\n"})
			push := func(content string) string {
				sha := w.repo.Commit("change", "", content, map[string]string{"a": content + "\n"})
				w.repo.MovePull(n)
				return sha
			}
			w.review(n)
			finished := w.head(n)
			ended := push("ended") // an earlier one ended it
			w.event(record.Started, n, ended, nil)
			w.event(record.Superseded, n, ended, nil)
			left := push("left")
			w.begin(n, left)
			head := push("head")
			if c.closed {
				w.begin(n, head)
				w.github.ClosePull("acme", "shop", n, "mona", false)
			}
			w.hear(other, left)
			w.hear(another, ended)
			w.review(n)
			if got := w.verdict(left); !strings.HasPrefix(got, "cancelled") {
				t.Errorf("the head that was left: %q", got)
			}
			if got := w.summary(left); !strings.Contains(got, c.why) {
				t.Errorf("it is said why: %q, want %q", got, c.why)
			}
			if got := w.verdict(head); !strings.HasPrefix(got, strings.Split(c.newest, ":")[0]) {
				t.Errorf("the newest head: %q, want %q", got, c.newest)
			}
			if got := w.verdict(finished); got != "success: No new findings" {
				t.Errorf("a head that has its verdict: %q", got)
			}
			if got := w.github.CheckRuns("acme", "shop", ended); len(got) != 0 {
				t.Errorf("what has ended is ended again: %+v", got)
			}
			if got := w.events(n); got != c.events {
				t.Errorf("recorded %q, want %q", got, c.events)
			}
			if got := strings.Join(w.reviews(), "; "); got != "#2 another pull request left the head; #3 another pull request left the head" {
				t.Errorf("asked for %q", got)
			}
		})
	}
}

// TestWhoWaitsForAHeadIsReleased asks for reviews of the others that have the head, and of no one else.
func TestWhoWaitsForAHeadIsReleased(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for n, head := range []string{"", "one", "one", "two", "one"} {
		if n > 0 {
			w.hear(n, head)
		}
	}
	for head, want := range map[string]string{
		"one":  "#2 another pull request left the head; #4 another pull request left the head",
		"two":  "#3 another pull request left the head",
		"none": "",
	} {
		if err := w.release(t.Context(), w.request(1), head); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(w.reviews(), "; "); got != want {
			t.Errorf("%s: asked for %q, want %q", head, got, want)
		}
	}
}

// TestAMilderVerdictIsOutdated: nobody merges with the verdict of a draft or of another branch.
func TestAMilderVerdictIsOutdated(t *testing.T) {
	t.Parallel()
	finished := func(head string, c *record.Context) ledger.Event {
		b, err := json.Marshal(record.Review{Verdict: checks.Clean, Context: c})
		if err != nil {
			t.Fatal(err)
		}
		return ledger.Event{Kind: record.Finished, Head: head, Data: b}
	}
	draft, main, release := &record.Context{Into: "main", Draft: true}, &record.Context{Into: "main"}, &record.Context{Into: "release"}
	for name, c := range map[string]struct {
		draft  bool
		events []ledger.Event
		want   bool
	}{
		"nothing before":                   {false, nil, false},
		"the same":                         {false, []ledger.Event{finished("head", main)}, false},
		"of a draft":                       {false, []ledger.Event{finished("head", draft)}, true},
		"of a draft, which it still is":    {true, []ledger.Event{finished("head", draft)}, false},
		"a draft now, which it was not":    {true, []ledger.Event{finished("head", main)}, false},
		"for another branch":               {false, []ledger.Event{finished("head", release)}, true},
		"for another branch, and a draft":  {true, []ledger.Event{finished("head", release)}, true},
		"the newest counts":                {false, []ledger.Event{finished("head", draft), finished("head", main)}, false},
		"of another head":                  {false, []ledger.Event{finished("other", draft)}, false},
		"another head came in between":     {false, []ledger.Event{finished("head", draft), finished("other", main)}, true},
		"it did not finish":                {false, []ledger.Event{finished("head", main), {Kind: record.Superseded, Head: "head"}}, false},
		"an older version kept no context": {false, []ledger.Event{finished("head", nil)}, false},
		"an older version kept no branch":  {false, []ledger.Event{finished("head", &record.Context{})}, false},
		"it cannot be read":                {false, []ledger.Event{{Kind: record.Finished, Head: "head", Data: json.RawMessage("no")}}, false},
	} {
		if got := outdated(c.events, pull.Pull{Head: "head", BaseRef: "main", Draft: c.draft}); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
