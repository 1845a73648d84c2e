package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// server is a program of Go with routes.
func server(routes ...string) string {
	s := "package api\n\nimport (\n\t\"net/http\"\n\n\t\"github.com/go-chi/chi/v5\"\n)\n\nfunc routes(r chi.Router) http.Handler {\n"
	for _, route := range routes {
		s += fmt.Sprintf("\tr.Post(%q, handle)\n", route)
	}
	return s + "\treturn r\n}\n"
}

// card returns the text of the card, without its marker; "" if there is none. There is never a second one.
func (s *stage) card(n int) string {
	s.t.Helper()
	var found []fakegithub.IssueComment
	for _, k := range s.GitHub.IssueComments("acme", "shop", n) {
		if checks.StickyName(k.Body) == checks.CardName && k.Author == "secbydesign[bot]" && k.Minimized == "" {
			found = append(found, k)
		}
	}
	if len(found) > 1 {
		s.t.Errorf("there are %d cards", len(found))
	}
	if len(found) == 0 {
		return ""
	}
	return found[0].Body
}

func (s *stage) cardID(n int) int64 {
	for _, k := range s.GitHub.IssueComments("acme", "shop", n) {
		if checks.StickyName(k.Body) == checks.CardName && k.Author == "secbydesign[bot]" {
			return k.ID
		}
	}
	return 0
}

// design returns the check of the card as "conclusion: title"; "" if there is none.
func (s *stage) design(n int) string {
	for _, run := range s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", n).HeadSHA) {
		if run.Name == checks.RequirementsCheck {
			return run.Conclusion + ": " + run.Title
		}
	}
	return ""
}

// asks waits until the card has something.
func (s *stage) asks(n int, want string) string {
	s.t.Helper()
	s.until("the card has "+want, func() bool { return strings.Contains(s.card(n), want) })
	return s.card(n)
}

// stands wants the card to have something once everything is reviewed.
func (s *stage) stands(n int, want string) {
	s.t.Helper()
	s.reviewed(n)
	if card := s.card(n); !strings.Contains(card, want) {
		s.t.Errorf("the card is\n%s\nwant %q in it", card, want)
	}
}

const (
	openQuestion = "**Q1** · access · api\n"
	isOpen       = "1 decision"
)

// TestTheCard asks on a draft, is answered, and is quiet otherwise.
func TestTheCard(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"api/server.go": server("/orders")})
	s.people()
	s.repo.Commit("change", s.base, "change", map[string]string{"api/server.go": server("/orders", "/invoices")})
	n := s.repo.OpenPull("Change", "", "main", "change", "mona", true)
	card := s.asks(n, openQuestion)
	s.reviewed(n)
	if !strings.Contains(card, "POST /invoices") || strings.Contains(card, "/orders") || !strings.Contains(card, "v5.0.0-8.1.1") {
		t.Errorf("the card is\n%s", card)
	}
	if got := s.design(n); !strings.HasPrefix(got, "neutral: ") {
		t.Errorf("the check of the card is %q", got)
	}
	if v := s.verdict(n); v.Conclusion != "success" {
		t.Errorf("an open question makes the verdict %s", v.Conclusion)
	}

	// Nothing new is nothing to write.
	s.GitHub.ResetWrites()
	s.repo.Commit("main", "", "elsewhere", map[string]string{"other.txt": "x\n"})
	s.GitHub.ChangeBase("acme", "shop", n, "mona", "main")
	s.reviewed(n)
	if w := s.GitHub.Writes(); len(w) != 0 {
		t.Errorf("a second review writes %+v", w)
	}
	// A push writes the card once at most, and the new head's check.
	s.push(n, "change", map[string]string{"api/server.go": server("/orders", "/invoices", "/receipts")})
	s.asks(n, "POST /receipts")
	s.reviewed(n)
	edits := 0
	for _, w := range s.GitHub.Writes() {
		if strings.Contains(w.Path, "/issues/comments/") {
			edits++
		}
	}
	if edits != 1 {
		t.Errorf("a push edits the card %d times", edits)
	}

	s.said(n, "ted", "/secbydesign status", "**Q1** · access · `api`")
	s.said(n, "ted", "/secbydesign why Q1", "`DS-01` `POST /invoices` at `api/server.go:")
	s.said(n, "mona", "/secbydesign answer Q1 yes", "at least 15 are required")
	s.said(n, "mona", "/secbydesign answer Q2 the gateway refuses everyone else", "Q2 is no question of this pull request. Open are: Q1.")
	s.said(n, "mona", "/secbydesign not-useful Q1 noise we know", "Q1 stays as it is")
	s.stands(n, isOpen)
	s.said(n, "mona", "/secbydesign answer Q1 requireUser in front of all routes refuses everyone else", "Q1 is answered (`D-")
	card = s.asks(n, "requireUser in front of all routes")
	s.reviewed(n)
	if strings.Contains(card, "- [ ]") || !strings.Contains(card, "mona") {
		t.Errorf("the answered card is\n%s", card)
	}
	if got := s.design(n); !strings.HasPrefix(got, "success: ") {
		t.Errorf("the check of the card is %q", got)
	}

	// The decision of the component covers the next route, in another pull request.
	again := s.open("again", map[string]string{"api/server.go": server("/orders", "/refunds")})
	s.reviewed(again)
	if card, check := s.card(again), s.design(again); card != "" || !strings.HasPrefix(check, "success: ") {
		t.Errorf("a covered route has the check %q and the card\n%s", check, card)
	}
}

// TestNothingAboutTheDesign holds that other changes get neither card nor check.
func TestNothingAboutTheDesign(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"api/server.go": server("/orders"), "README.md": "Hello\n"})
	for branch, files := range map[string]map[string]string{
		"docs":   {"README.md": "Hello, world\n"},
		"format": {"api/server.go": strings.ReplaceAll(server("/orders"), "\tr.Post", "\t\tr.Post")},
		"rename": {"api/server.go": fakegithub.Delete, "api/routes.go": server("/orders")},
		"test":   {"api/server_test.go": "package api\n"},
	} {
		n := s.open(branch, files)
		s.reviewed(n)
		if card, check := s.card(n), s.design(n); card+check != "" {
			t.Errorf("%s has the check %q and the card\n%s", branch, check, card)
		}
	}
	off := s.repo.Commit("main", "", "off", map[string]string{".secbydesign.yml": "version: 1\ngates: {requirements: {mode: \"off\"}}\n"})
	s.repo.Commit("off", off, "change", map[string]string{"api/server.go": server("/orders", "/invoices")})
	n := s.repo.OpenPull("Change", "", "main", "off", "mona", false)
	s.reviewed(n)
	if card, check := s.card(n), s.design(n); card+check != "" {
		t.Errorf("switched off, there are the check %q and the card\n%s", check, card)
	}
	block := s.repo.Commit("main", "", "block", map[string]string{".secbydesign.yml": "version: 1\ngates: {requirements: {mode: block}}\n"})
	s.repo.Commit("block", block, "change", map[string]string{"api/server.go": server("/orders", "/invoices")})
	n = s.repo.OpenPull("Change", "", "main", "block", "mona", false)
	s.asks(n, openQuestion)
	s.reviewed(n)
	if v := s.verdict(n); v.Conclusion != "success" || !strings.HasPrefix(s.design(n), "neutral") {
		t.Errorf("with mode block the verdict is %s, and the card %s", v.Conclusion, s.design(n))
	}
}

// TestWhoAnswers is the table of B.2: who decides, who has spoken, who is refused.
func TestWhoAnswers(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"api/server.go": server("/orders"), ".github/CODEOWNERS": "/api/ @acme/payments\n"})
	s.people()
	s.repo.SetPermission("olga", "read")
	s.GitHub.CreateTeam("acme", "payments", "olga")
	fork := s.repo.Fork("casey")
	fork.Commit("patch", s.base, "from outside", map[string]string{"api/server.go": server("/orders", "/invoices")})
	n := s.repo.ForkPull(fork, "From outside", "", "main", "patch", "casey", false)
	s.asks(n, openQuestion)
	s.reviewed(n)
	const answer = "/secbydesign answer Q1 the gateway refuses everyone else"
	s.said(n, "ted", answer, "Only people who may write to this repository or own the code answer that.")
	s.said(n, "nobody", answer, "Only people who may write to this repository or own the code answer that.")
	s.said(n, "casey", answer, "Your words stand beside Q1, which stays open")
	s.asks(n, "casey (author): the gateway refuses everyone else")
	s.stands(n, isOpen)

	// An edited comment is no answer, and neither is that of an App.
	note := s.GitHub.Note("acme", "shop", n, "hubot", "Looks fine")
	s.GitHub.EditNote(note, "hubot", answer)
	s.GitHub.Note("acme", "shop", n, "helper[bot]", answer)
	s.quiet(n)
	s.stands(n, isOpen)

	s.said(n, "olga", answer, "Q1 is answered") // of the owning team, without write access
	s.asks(n, "Every question")
}

// TestBoxes ticks boxes, and forges some.
func TestBoxes(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"api/server.go": server("/orders")})
	s.people()
	n := s.open("change", map[string]string{"api/server.go": server("/orders", "/invoices")})
	s.asks(n, openQuestion)
	s.reviewed(n)
	card := s.cardID(n)
	s.GitHub.Tick(card, "hubot", "a new rule", true)
	s.asks(n, "Chosen: a new rule")
	s.stands(n, isOpen) // a tick alone closes nothing
	if !strings.Contains(s.card(n), "- [x] a new rule") {
		t.Errorf("the tick is gone:\n%s", s.card(n))
	}

	// Somebody without the right ticks another: the card is as it was.
	before := s.card(n)
	s.GitHub.Tick(card, "ted", "no change", true)
	s.until("the App says so", func() bool { return strings.Contains(strings.Join(s.bot(n), "\n"), "a box is ticked by people who may write") })
	s.until("the card is as it was", func() bool { return s.card(n) == before })
	// So it is when somebody with the right edits its text.
	s.GitHub.EditNote(card, "hubot", strings.ReplaceAll(before, "- [ ] no change", "- [x] every change"))
	s.until("the card is as it was", func() bool { return s.card(n) == before })
	s.reviewed(n)
	s.GitHub.Tick(card, "hubot", "a new rule", false)
	s.until("the tick is gone", func() bool { return !strings.Contains(s.card(n), "- [x]") })
	s.GitHub.Tick(card, "mona", "a new rule", true)
	s.asks(n, "Chosen: a new rule")
	s.said(n, "mona", "/secbydesign answer Q1 only the owner of an invoice may post it", "Q1 is answered")
	s.asks(n, "a new rule: only the owner of an invoice may post it")
	s.GitHub.DeleteNote(card, "mona")
	s.push(n, "change", map[string]string{"other.txt": "x\n"})
	s.asks(n, "only the owner of an invoice")
}

// TestMergedOpen leaves a topic open in two merges; the third time nobody is asked.
func TestMergedOpen(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"api/server.go": server("/orders")})
	s.people()
	routes := []string{"/orders"}
	for i := range 3 {
		routes = append(routes, fmt.Sprintf("/new%d", i))
		branch := fmt.Sprintf("change%d", i)
		s.repo.Commit(branch, s.repo.Tip("main"), "change on "+branch, map[string]string{"api/server.go": server(routes...)})
		n := s.repo.OpenPull("Change", "", "main", branch, "mona", false)
		s.verdict(n)
		s.reviewed(n)
		if asked := strings.Contains(s.card(n), isOpen); asked != (i < 2) {
			t.Errorf("in the pull request %d of three, asked: %t\n%s", i+1, asked, s.card(n))
		}
		s.repo.MergePull(n, "mona")
		s.reviewed(n)
	}
	// Another author is asked.
	s.repo.Commit("other", s.repo.Tip("main"), "change", map[string]string{"api/server.go": server(append(routes, "/other")...)})
	s.asks(s.repo.OpenPull("Change", "", "main", "other", "hubot", false), isOpen)
}

// TestVoices asks a champion, who gives advice.
func TestVoices(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{
		"api/server.go":    server("/orders"),
		".secbydesign.yml": "version: 1\nownership: {champions: [\"@mona\", \"@anna\"], security: [\"@acme/security\"]}\n",
	})
	s.people()
	s.repo.SetPermission("anna", "read")
	s.GitHub.CreateTeam("acme", "security", "sec")
	s.repo.Commit("change", s.base, "change", map[string]string{"api/server.go": server("/orders", "/webhooks/stripe")})
	n := s.repo.OpenPull("Change", "", "main", "change", "mona", true)
	s.asks(n, "**Q1** · public · api")
	s.reviewed(n)
	if strings.Contains(s.card(n), "@anna") {
		t.Errorf("a champion is mentioned on a draft:\n%s", s.card(n))
	}
	s.said(n, "mona", "/secbydesign ask champion", "This pull request is a draft")
	s.GitHub.SetDraft("acme", "shop", n, "mona", false)
	s.asks(n, "@anna, as champion")
	s.reviewed(n)
	s.said(n, "mona", "/secbydesign ask champion", "was asked in this pull request already")
	s.said(n, "ted", "/secbydesign ask security", "Only the author and people who may write")
	s.said(n, "mona", "/secbydesign ask security", "@acme/security: @&#8203;mona asks for your advice on Q1")
	s.said(n, "hubot", "/secbydesign voice use the rate limiter of the gateway", "Only champions and the security team give advice")
	s.said(n, "anna", "/secbydesign voice Q1 check the signature before anything else", "Recorded beside Q1")
	s.asks(n, "anna (champion): check the signature before anything else")
	s.said(n, "sec", "/secbydesign voice keep the secret in the vault", "Recorded beside the questions")
	s.asks(n, "sec (security): keep the secret in the vault")
	s.stands(n, isOpen)
	if got := strings.Count(s.card(n), "@anna, as champion"); got != 1 {
		t.Errorf("a champion is mentioned %d times", got)
	}
}

// TestBotsAndAgents has an update tool and a coding agent open pull requests.
func TestBotsAndAgents(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"api/server.go": server("/orders")})
	s.people()
	change := map[string]string{"api/server.go": server("/orders", "/invoices")}
	s.repo.Commit("bot", s.base, "bot", change)
	n := s.repo.OpenPull("Update", "", "main", "bot", "renovate[bot]", false)
	s.verdict(n)
	s.reviewed(n)
	if card := s.card(n); card != "" {
		t.Errorf("a bot is asked\n%s", card)
	}
	s.repo.Commit("agent", s.base, "agent", change)
	n = s.repo.OpenPull("Add invoices", "", "main", "agent", "copilot-swe-agent[bot]", false)
	s.verdict(n)
	s.GitHub.Assign("acme", "shop", n, "hubot")
	s.push(n, "agent", map[string]string{"other.txt": "x\n"})
	s.asks(n, "the questions go to @hubot")
	s.reviewed(n)
	s.GitHub.Note("acme", "shop", n, "copilot-swe-agent[bot]", "/secbydesign answer Q1 the gateway refuses everyone else")
	s.quiet(n)
	s.stands(n, isOpen)
	s.said(n, "hubot", "/secbydesign answer Q1 the gateway refuses everyone else", "Q1 is answered")
	s.asks(n, "Every question")
}

// TestTheReviewThatFailsLeavesTheCard has a review fail after the card is written.
func TestTheReviewThatFailsLeavesTheCard(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"api/server.go": server("/orders")})
	n := s.open("change", map[string]string{"api/server.go": server("/orders", "/invoices")})
	s.asks(n, openQuestion)
	s.reviewed(n)
	before := s.card(n)
	s.GitHub.Fail(fakegithub.BadGateway("PATCH", "/repos/*/*/issues/comments/*", 2, false))
	s.push(n, "change", map[string]string{"api/server.go": server("/orders", "/invoices", "/receipts")})
	s.asks(n, "POST /receipts")
	s.reviewed(n)
	if card := s.card(n); !strings.Contains(before, openQuestion) || !strings.Contains(card, openQuestion) {
		t.Errorf("the card is\n%s", card)
	}
	if got := s.verdict(n); got.Conclusion != "success" {
		t.Errorf("the verdict is %s", got.Conclusion)
	}
	runs := s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", n).HeadSHA)
	if i := slices.IndexFunc(runs, func(r fakegithub.CheckRun) bool { return r.Status != "completed" }); i >= 0 {
		t.Errorf("%s is %s", runs[i].Name, runs[i].Status)
	}
}
