package publish_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// cardWith returns a card with one question, and n facts.
func cardWith(text string, n int) checks.Card {
	c := checks.Card{Questions: []checks.CardQuestion{{ID: "Q1", Topic: "access", Component: "api", Text: text, Open: true, Boxes: []checks.CardBox{{Text: "a new rule: …"}}}}}
	for i := range n {
		c.Facts = append(c.Facts, checks.Annotation{Path: "a.txt", StartLine: i%60 + 1, EndLine: i%60 + 1, Level: "notice", Title: "DS-01", Message: "GET /x"})
	}
	return c
}

// cards lists the cards: their bodies, and those that are hidden as "hidden".
func (b *bench) cards() (list []string) {
	for _, k := range b.gh.IssueComments("acme", "shop", b.number) {
		switch {
		case checks.StickyName(k.Body) != checks.CardName:
		case k.Minimized != "":
			list = append(list, "hidden")
		default:
			list = append(list, k.Body)
		}
	}
	return list
}

func (b *bench) check(name string) fakegithub.CheckRun {
	b.t.Helper()
	runs := b.gh.CheckRuns("acme", "shop", b.head.SHA)
	i := slices.IndexFunc(runs, func(r fakegithub.CheckRun) bool { return r.Name == name })
	if i < 0 {
		b.t.Fatalf("there is no check %s", name)
	}
	return runs[i]
}

// show makes the pull request show a card in a review of its own, and counts its writes.
func (b *bench) show(card checks.Card) (writes int) {
	b.t.Helper()
	run := b.start()
	b.finish(run, b.report())
	b.gh.ResetWrites()
	if err := run.Card(b.t.Context(), card); err != nil {
		b.t.Fatal(err)
	}
	return len(b.gh.Writes())
}

// TestOneCard writes a card and its check once, edits it in place, and leaves it where nothing is new.
func TestOneCard(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	if got := b.show(checks.Card{}); got != 1 || len(b.cards()) != 0 {
		t.Errorf("an empty card makes %d writes and %q", got, b.cards())
	}
	card := cardWith("Who may call it?", 60)
	if got := b.show(card); got != 3 { // the comment, and two parts of annotations
		t.Errorf("a card makes %d writes", got)
	}
	if got := b.show(card); got != 0 {
		t.Errorf("the same card makes %d writes", got)
	}
	if k := b.check(checks.RequirementsCheck); k.Conclusion != "neutral" || k.Status != "completed" || len(k.Annotations) != 60 {
		t.Errorf("the check is %s %s with %d annotations", k.Status, k.Conclusion, len(k.Annotations))
	}
	if k := b.check(checks.Name); k.Conclusion != "success" {
		t.Errorf("the verdict is %s", k.Conclusion)
	}
	// Somebody else edits it: the next review writes it again.
	before := b.cards()
	for _, k := range b.gh.IssueComments("acme", "shop", b.number) {
		if checks.StickyName(k.Body) == checks.CardName {
			b.gh.EditNote(k.ID, "hubot", strings.ReplaceAll(k.Body, "- [ ]", "- [x]"))
		}
	}
	if got := b.show(card); got != 1 || !slices.Equal(b.cards(), before) {
		t.Errorf("after an edit by another: %d writes, %q", got, b.cards())
	}
	// On the next head the comment is edited in place, and the check is new.
	b.push()
	if got := b.show(cardWith("Who may call them?", 0)); got != 2 || len(b.cards()) != 1 {
		t.Errorf("a push makes %d writes, and %d cards", got, len(b.cards()))
	}
	// Switched off, the comment stays, and the check of this head is no more than skipped.
	if b.show(checks.Card{Off: true}); b.check(checks.RequirementsCheck).Conclusion != "skipped" || len(b.cards()) != 1 {
		t.Errorf("switched off, the check is %s", b.check(checks.RequirementsCheck).Conclusion)
	}
	b.push()
	if got := b.show(checks.Card{Off: true}); got != 0 {
		t.Errorf("switched off, there are %d writes", got)
	}
}

// TestTwoCardsAtOnce has two processes write the first card at the same time: one is hidden.
func TestTwoCardsAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var both sync.WaitGroup
	for range 2 {
		run := b.start()
		both.Go(func() {
			if err := run.Card(t.Context(), cardWith("Who may call it?", 0)); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if got := b.cards(); len(slices.DeleteFunc(got, func(s string) bool { return s == "hidden" })) != 1 {
		t.Errorf("the cards are %q", b.cards())
	}
}

// TestASupersededCardIsAbandoned leaves the check of a card in progress on an older head.
func TestASupersededCardIsAbandoned(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	run := b.start()
	b.gh.Fail(fakegithub.BadGateway("PATCH", "/repos/*/*/check-runs/*", 1, false))
	if err := run.Card(t.Context(), cardWith("Who may call it?", 120)); err == nil {
		t.Fatal("the second part of the annotations was written")
	}
	if k := b.check(checks.RequirementsCheck); k.Status != "in_progress" {
		t.Fatalf("the check is %s", k.Status)
	}
	if err := publish.Abandon(t.Context(), b.clients, b.head, "The pull request has a newer head."); err != nil {
		t.Fatal(err)
	}
	if k := b.check(checks.RequirementsCheck); k.Conclusion != "cancelled" {
		t.Errorf("the check is %s %s", k.Status, k.Conclusion)
	}
}
