package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	renderer "github.com/yuin/goldmark/renderer/html"

	"github.com/secbydesign/secbydesign/app/apptest"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/checks/publish"
)

// mild makes up a finding of medium severity: a word that may be a key.
func mild(seed int) string { return fmt.Sprintf("api_key = %q\n", apptest.Token(seed)[4:]) }

const because = " because only our own staff can reach this page"

// ids reads the short ids that the check's summary lists, in its order.
func (s *stage) ids(n int) (list []string) {
	s.t.Helper()
	for line := range strings.Lines(s.verdict(n).Summary) {
		if i := strings.Index(line, "`F-"); i >= 0 && strings.HasPrefix(line, "- ") {
			list = append(list, line[i+1:i+11])
		}
	}
	return list
}

func (s *stage) id(n int) string {
	s.t.Helper()
	ids := s.ids(n)
	if len(ids) == 0 {
		s.t.Fatalf("no finding is listed:\n%s", s.verdict(n).Summary)
	}
	return ids[0]
}

// bot returns the App's replies in the conversation, without the summary.
func (s *stage) bot(n int) (list []string) {
	for _, k := range s.GitHub.IssueComments("acme", "shop", n) {
		if k.Author == "secbydesign[bot]" && strings.Contains(k.Body, "secbydesign:v1 reply=") {
			list = append(list, k.Body)
		}
	}
	return list
}

// say comments in the conversation and returns the reply.
func (s *stage) say(n int, login, body string) string {
	s.t.Helper()
	before := len(s.bot(n))
	s.GitHub.Note("acme", "shop", n, login, body)
	s.until("a reply to "+body, func() bool { return len(s.bot(n)) > before })
	replies := s.bot(n)
	if len(replies) != before+1 {
		s.t.Errorf("%d replies to one comment: %q", len(replies)-before, replies[before:])
	}
	return replies[before]
}

// said wants the reply to hold something.
func (s *stage) said(n int, login, body, want string) string {
	s.t.Helper()
	reply := s.say(n, login, body)
	if !strings.Contains(reply, want) {
		s.t.Errorf("%s says %q and is answered\n%s\nwant %q in it", login, body, reply, want)
	}
	return reply
}

// becomes waits until the verdict has a conclusion and a title with something in it.
func (s *stage) becomes(n int, conclusion, title string) fakegithub.CheckRun {
	s.t.Helper()
	var run fakegithub.CheckRun
	s.until("the check is "+conclusion+" with "+title, func() bool {
		run = s.verdict(n)
		return run.Conclusion == conclusion && strings.Contains(run.Title, title)
	})
	return run
}

// quiet waits until nothing is left to do, so that a test can check that an event had no effect.
func (s *stage) quiet(n int) {
	s.t.Helper()
	s.GitHub.Settle()
	s.said(n, "mona", "/secbydesign status", "the check ended as")
}

// blocking is a policy under which a secret fails the check.
const blocking = "version: 1\ngates:\n  secrets: {mode: block}\n"

// people sets the role of everybody in these tests.
func (s *stage) people() {
	s.repo.SetPermission("mona", "write")   // the author
	s.repo.SetPermission("hubot", "write")  // a colleague
	s.repo.SetPermission("olga", "write")   // owns the code
	s.repo.SetPermission("lea", "maintain") // leads
	s.repo.SetPermission("ted", "triage")
}

// decisionIn reads the id of a decision in a text.
func decisionIn(text string) string {
	if i := strings.Index(text, "`A-"); i >= 0 && len(text) >= i+11 {
		return text[i+1 : i+11]
	}
	return ""
}

// TestAcceptWithoutAPush is the complaint about tools that let people dismiss a finding but keep the check red until
// somebody pushes an empty commit.
func TestAcceptWithoutAPush(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	id := s.id(n)
	day := time.Now().UTC().AddDate(0, 0, 30).Format(time.DateOnly)
	reply := s.said(n, "mona", "/secbydesign accept "+id+" until=30d"+because, "is accepted until "+day)
	run := s.becomes(n, "success", "No open findings; 1 accepted")
	if !strings.Contains(run.Summary, "Accepted until "+day+" by @&#8203;mona (`"+decisionIn(reply)+"`): only our own staff can reach this page") {
		t.Errorf("the summary does not name the decision:\n%s", run.Summary)
	}
	s.want(n, "success", "a.py:2 settled")
	if body := s.GitHub.Threads("acme", "shop", n)[0].Comments[0].Body; !strings.HasPrefix(body, "**Accepted until "+day) {
		t.Errorf("the thread does not name the decision:\n%s", body)
	}
	if now := s.GitHub.Pull("acme", "shop", n).HeadSHA; now != head {
		t.Error("there was a push")
	}

	// It does not come back with the next push, nor when the line moves.
	s.push(n, "change", map[string]string{"a.py": "a = 1\nb = 2\nif b:\n    " + mild(1)})
	s.becomes(n, "success", "1 accepted")
	// It is back when it is taken back, and when the code is another.
	s.said(n, "hubot", "/secbydesign revoke "+decisionIn(reply), "is revoked")
	s.becomes(n, "failure", "1 new finding")
	s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=10d"+because, "is accepted until")
	s.becomes(n, "success", "1 accepted")
	s.push(n, "change", map[string]string{"a.py": "a = 1\nb = 2\n" + mild(2)})
	s.becomes(n, "failure", "1 new finding")
}

// TestDismissedFindingsDoNotComeBack is the complaint about alerts that somebody dismissed and that
// are there again with the next branch, or after an update of the tool.
func TestDismissedFindingsDoNotComeBack(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	s.said(n, "hubot", "/secbydesign fp "+s.id(n)+" because it is the example key of the manual", "is marked as a false positive")
	s.becomes(n, "success", "1 marked as a false positive")
	// The same branch, proposed again, and after a restart: the dismissed finding does not come back.
	s.GitHub.ClosePull("acme", "shop", n, "mona", false)
	s.restart(func() {})
	again := s.repo.OpenPull("Change, once more", "", "main", "change", "mona", false)
	s.becomes(again, "success", "1 marked as a false positive")
	s.said(again, "hubot", "/secbydesign reopen "+s.id(again), "is revoked")
	s.becomes(again, "neutral", "1 new finding")
}

// TestDecidedEverywhere has a decision that counts in another pull request than the one it was made in, and is revoked
// in either of the two.
func TestDecidedEverywhere(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	first := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(first, "failure", "1 new finding")
	second := 0
	for _, where := range []*int{&first, &second} {
		reply := s.said(first, "mona", "/secbydesign accept "+s.id(first)+" until=30d"+because, "is accepted until")
		s.becomes(first, "success", "1 accepted")
		if second == 0 {
			second = s.open("again", map[string]string{"a.py": "a = 1\n" + mild(1)})
		}
		s.becomes(second, "success", "1 accepted")
		s.said(*where, "hubot", "/secbydesign revoke "+decisionIn(reply), "is revoked")
		s.becomes(first, "failure", "1 new finding")
		s.becomes(second, "failure", "1 new finding")
	}
}

// TestDecisionsFollowARename renames the repository, and gives its name to another.
func TestDecisionsFollowARename(t *testing.T) {
	t.Parallel()
	leaking := map[string]string{"a.py": "a = 1\n" + mild(1)}
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	n := s.open("change", leaking)
	s.becomes(n, "failure", "1 new finding")
	s.said(n, "mona", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until")
	s.becomes(n, "success", "1 accepted")
	s.reviewed(n)
	s.repo.Rename("store")
	s.push(n, "change", map[string]string{"b.py": "b = 1\n"})
	s.repo = s.GitHub.CreateRepo("acme", "shop", true)
	s.base = s.repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, c := range []struct {
		repo, conclusion, title string
		number                  int
	}{{"store", "success", "1 accepted", n}, {"shop", "failure", "1 new finding", s.open("change", leaking)}} {
		run, err := s.Verdict(ctx, "acme", c.repo, c.number)
		if err != nil || run.Conclusion != c.conclusion || !strings.Contains(run.Title, c.title) {
			t.Errorf("%s: %v, %s: %s", c.repo, err, run.Conclusion, run.Title)
		}
	}
}

// TestAboveTheCeiling is about who may decide what.
func TestAboveTheCeiling(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{
		"pay/a.py": "a = 1\n", "b.py": "b = 1\n", ".secbydesign.yml": blocking,
		".github/CODEOWNERS": "* @acme/everybody\n/pay/ @acme/payments not-an-owner\n",
	})
	s.people()
	s.GitHub.CreateTeam("acme", "payments", "olga", "mona")
	n := s.open("change", map[string]string{"pay/a.py": "a = 1\n" + leak(1)})
	s.becomes(n, "failure", "1 new finding (1 high)")
	id := s.id(n)
	accept := "/secbydesign accept " + id + " until=30d" + because

	s.said(n, "stranger", accept, "Only people who may write")
	s.said(n, "ted", accept, "Only people who may write")
	s.said(n, "mona", "/secbydesign accept "+id+" until=31d"+because, "at most 30 days")
	s.said(n, "mona", "/secbydesign accept "+id+" until=30d because no", "has 2 characters, and at least 30")
	// The author owns the file, and does not count.
	reply := s.said(n, "mona", accept, "must be confirmed by one more of those who own the file (`@acme/payments`), or of those who maintain the repository")
	first := decisionIn(reply)
	s.said(n, "mona", "/secbydesign confirm "+first, "Somebody else has to confirm")
	s.said(n, "hubot", "/secbydesign confirm "+first, "this must be confirmed by one more")
	s.said(n, "stranger", "/secbydesign confirm "+first, "Only people who may write")
	s.said(n, "hubot", "/secbydesign confirm A-22222222", "is no decision of this repository")
	s.becomes(n, "failure", "1 new finding")
	s.said(n, "olga", "/secbydesign confirm "+first, "Confirmed: `"+id+"` is accepted")
	run := s.becomes(n, "success", "1 accepted")
	if !strings.Contains(run.Summary, "by @&#8203;mona and @&#8203;olga") {
		t.Errorf("both are not named:\n%s", run.Summary)
	}
	s.said(n, "olga", "/secbydesign confirm "+first, "needs no confirmation")
	s.said(n, "olga", "/secbydesign revoke "+first, "revoked")
	s.becomes(n, "failure", "1 new finding")
	s.said(n, "lea", "/secbydesign confirm "+first, "does not count any more: it was revoked by @")
	// A lead who is not the author decides at once.
	s.said(n, "lea", accept, "is accepted until")
	s.becomes(n, "success", "1 accepted")
}

// TestTheAuthorIsNeverTheOnlyOne has an author who administers the repository.
func TestTheAuthorIsNeverTheOnlyOne(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.repo.SetPermission("mona", "admin")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.becomes(n, "failure", "1 high")
	s.said(n, "mona", "/secbydesign accept "+s.id(n)+" until=30d"+because, "waits as")
	s.said(n, "mona", "/secbydesign fp "+s.id(n)+because, "waits as")
	s.quiet(n)
	s.becomes(n, "failure", "1 high")
}

// TestThePullRequestCannotChooseItsJudges changes CODEOWNERS at the head.
func TestThePullRequestCannotChooseItsJudges(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".github/CODEOWNERS": "* @olga\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1), ".github/CODEOWNERS": "* @hubot\n", ".secbydesign.yml": "version: 1\ngates:\n  secrets: {mode: \"off\"}\n"})
	s.becomes(n, "neutral", "1 new finding")
	s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because, "own the file (`@olga`)")
}

// TestWhoMaySayWhat is the table of roles and verbs.
func TestWhoMaySayWhat(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	fork := s.repo.Fork("casey")
	fork.Commit("patch", s.base, "from outside", map[string]string{"a.py": "a = 1\n" + mild(1)})
	n := s.repo.ForkPull(fork, "From outside", "", "main", "patch", "casey", false)
	s.becomes(n, "neutral", "1 new finding")
	id := s.id(n)
	verbs := []struct{ line, refused string }{
		{"status", ""},
		{"why " + id, ""},
		{"rescan", "Only the author"},
		{"not-useful " + id + " noise", "Only the author"},
		{"assign " + id + " @acme/payments", "Only people who may write"},
		{"reopen " + id, "Only people who may write"},
		{"confirm A-22222222", "Only people who may write"},
		{"revoke A-22222222", "Only people who may write"},
		{"fp " + id + because, "Only people who may write"},
		{"accept " + id + " until=30d" + because, "Only people who may write"},
	}
	var body strings.Builder
	for _, v := range verbs {
		body.WriteString("/secbydesign " + v.line + "\n")
	}
	for _, who := range []struct {
		login, role    string
		author, decide bool
	}{
		{"casey", "", true, false}, // of the fork, who may read what is public
		{"nobody", "", false, false},
		{"ted", "triage", false, false},
		{"hubot", "write", false, true},
		{"lea", "maintain", false, true},
		{"ada", "admin", false, true},
	} {
		if who.role != "" {
			s.repo.SetPermission(who.login, who.role)
		}
		reply := s.say(n, who.login, body.String())
		want := map[string]int{}
		for _, v := range verbs {
			allowed := who.decide || who.author && v.refused == "Only the author"
			if v.refused != "" && !allowed {
				want[v.refused]++
			}
		}
		for _, text := range []string{"Only the author", "Only people who may write"} {
			if got := strings.Count(reply, text); got != want[text] {
				t.Errorf("%s (%s) reads %q %d times, want %d:\n%s", who.login, who.role, text, got, want[text], reply)
			}
		}
		if !who.decide {
			s.becomes(n, "neutral", "1 new finding")
		}
	}
	s.becomes(n, "success", "No open findings; 1")
}

// TestTheHeadIsNotReadFromComments is the complaint about bots that take the commit of a comment for the reviewed
// commit: GitHub moves the comment's commit along after a forced push.
func TestTheHeadIsNotReadFromComments(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	old := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.repo.Commit("change", s.base, "rewritten", map[string]string{"a.py": "a = 1\n" + mild(1), "b.py": "b = 1\n" + mild(2)})
	s.repo.SyncPull(n)
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.becomes(n, "neutral", "2 new findings")
	if k := s.GitHub.Threads("acme", "shop", n)[0].Comments[0]; k.CommitID != head || k.OriginalCommitID != old {
		t.Errorf("the comment was not moved along: %s, from %s", k.CommitID, k.OriginalCommitID)
	}
	s.said(n, "mona", "/secbydesign status", "**2 findings are open** at `"+head[:10]+"`")
	s.want(n, "neutral", "a.py:2 open", "b.py:2 open")
}

func TestEachVerb(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", "b.py": "b = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1), "b.py": "b = 1\n" + mild(2)})
	s.becomes(n, "neutral", "2 new findings")
	ids := s.ids(n)

	help := s.say(n, "ted", "/secbydesign help")
	for _, verb := range []string{"accept", "fp", "defer", "not-affected", "confirm", "revoke", "reopen", "assign", "not-useful", "why", "status", "rescan"} {
		if !strings.Contains(help, verb) {
			t.Errorf("help does not name %s", verb)
		}
	}
	for _, verb := range []string{"answer", "voice", "plan", "ask "} {
		if strings.Contains(help, verb) {
			t.Errorf("help advertises %s", verb)
		}
	}
	s.said(n, "ted", "/secbydesign", "A command begins a line.")
	s.said(n, "ted", "/secbydesign status", "**2 findings are open**")
	s.said(n, "ted", "/secbydesign why "+ids[0], "this pull request brings it in. Severity medium; the policy only comments on it.")
	s.said(n, "mona", "/secbydesign why F-22222222", "F-22222222 is no finding of this pull request. Open are: "+ids[0]+", "+ids[1])
	s.said(n, "mona", "/secbydesign accept until=30d"+because, "Which finding is meant?")
	s.said(n, "mona", "/secbydesign acept "+ids[0], "“acept” is not known. Did you mean accept? This would work: `/secbydesign accept "+ids[0]+" until=")
	s.said(n, "mona", "/secbydesign plan", "A plan belongs to an issue")
	s.said(n, "mona", "/secbydesign not-affected "+ids[0]+" vulnerable_code_not_present", "not-affected is for findings about dependencies")
	s.said(n, "mona", "/secbydesign assign "+ids[0]+" @acme/payments", "is assigned to `@acme/payments`")
	s.said(n, "mona", "/secbydesign not-useful "+ids[0]+" noise", "The finding stays open")
	s.said(n, "ted", "/secbydesign not-useful "+ids[0]+" noise", "Only the author and people who may write")
	s.said(n, "ted", "/secbydesign rescan", "Only the author and people who may write")
	s.said(n, "mona", "/secbydesign reopen "+ids[0], "it is open already")

	// Several commands in one comment are one reply.
	reply := s.said(n, "mona", "Both are known.\n\n/secbydesign accept "+ids[0]+" until 30d"+because+"\n/secbydesign defer "+ids[1]+" until=2w ticket=https://t.example/7\n", "is accepted until")
	if !strings.Contains(reply, "`"+ids[1]+"` is deferred until") {
		t.Errorf("the second command is not answered:\n%s", reply)
	}
	run := s.becomes(n, "success", "No open findings; 1 accepted, 1 deferred")
	if !strings.Contains(run.Summary, "<https://t.example/7>") {
		t.Errorf("the ticket is not named:\n%s", run.Summary)
	}
	s.said(n, "ted", "/secbydesign status", "**Nothing is open**")

	// A rescan makes a new check run on a head that has its verdict.
	before := len(s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", n).HeadSHA))
	s.said(n, "mona", "/secbydesign rescan", "Scanning again.")
	s.until("there is a new check run", func() bool {
		return len(s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", n).HeadSHA)) > before
	})
	s.becomes(n, "success", "1 accepted, 1 deferred")
}

// TestInAThread leaves the id out, and is answered by a reaction.
func TestInAThread(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	thread := s.GitHub.Threads("acme", "shop", n)[0]
	comment := s.GitHub.Reply("acme", "shop", n, thread.ID, "hubot", "Fine with me:\n\n/secbydesign accept until=30d"+because)
	s.becomes(n, "success", "1 accepted")
	var got fakegithub.ReviewComment
	s.until("there is a reaction", func() bool {
		for _, k := range s.GitHub.Threads("acme", "shop", n)[0].Comments {
			if k.ID == comment {
				got = k
			}
		}
		return len(got.Reactions) > 0
	})
	if got.Reactions[0].Content != publish.Done {
		t.Errorf("the reaction is %+v", got.Reactions)
	}
	// A mistake is answered there too, once.
	s.GitHub.Reply("acme", "shop", n, thread.ID, "hubot", "/secbydesign acept")
	s.until("there is a reply", func() bool { return len(s.GitHub.Threads("acme", "shop", n)[0].Comments) == 4 })
	last := s.GitHub.Threads("acme", "shop", n)[0].Comments[3]
	if last.Author != "secbydesign[bot]" || !strings.Contains(last.Body, "Did you mean accept?") {
		t.Errorf("the reply is %+v", last)
	}
	if list := s.bot(n); len(list) != 0 {
		t.Errorf("the conversation has %q", list)
	}
	// In a thread of people no finding is meant.
	other := s.GitHub.CommentOnLine("acme", "shop", n, "hubot", "a.py", 1, "/secbydesign why")
	s.until("there is a reply", func() bool {
		for _, th := range s.GitHub.Threads("acme", "shop", n) {
			if th.ID == other && len(th.Comments) == 2 {
				return strings.Contains(th.Comments[1].Body, "Which finding is meant?")
			}
		}
		return false
	})
}

// TestReactionsWhereTheAppMay has an App that may write issues: then a command that worked needs
// no comment.
func TestReactionsWhereTheAppMay(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	s.GitHub.SetPermissions(map[string]string{"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write", "issues": "write"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	note := s.GitHub.Note("acme", "shop", n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because)
	s.becomes(n, "success", "1 accepted")
	s.until("there is a reaction", func() bool {
		for _, k := range s.GitHub.IssueComments("acme", "shop", n) {
			if k.ID == note {
				return len(k.Reactions) == 1 && k.Reactions[0].Content == publish.Done
			}
		}
		return false
	})
	if list := s.bot(n); len(list) != 0 {
		t.Errorf("and it is answered: %q", list)
	}
}

// TestWhatIsNoCommand lists comments that must have no effect, whatever their author's role.
func TestWhatIsNoCommand(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	accept := "/secbydesign accept " + s.id(n) + " until=30d" + because
	for _, body := range []string{
		"> " + accept, "> please\n" + accept, "```\n" + accept + "\n```", "`" + accept + "`", "    " + accept,
		"I would write " + accept, "<!--\n" + accept + "\n-->", "<blockquote>\n\n" + accept + "\n\n</blockquote>",
	} {
		s.GitHub.Note("acme", "shop", n, "hubot", body)
	}
	s.GitHub.Note("acme", "shop", n, "helper[bot]", accept)
	harmless := s.GitHub.Note("acme", "shop", n, "hubot", "I like it.")
	s.GitHub.EditNote(harmless, "mallory", accept) // by somebody who may edit the comments of others
	s.GitHub.DeleteNote(s.GitHub.Note("acme", "shop", n, "hubot", "> "+accept), "hubot")
	s.quiet(n)
	if list := s.bot(n); len(list) != 1 { // the status that quiet asked for
		t.Errorf("answered: %q", list)
	}
	s.becomes(n, "neutral", "1 new finding")
}

// TestARepeatedCommentIsOneCommand redelivers, twice as the same delivery and twice as another.
func TestARepeatedCommentIsOneCommand(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	s.said(n, "hubot", "/secbydesign not-useful "+s.id(n)+" noise", "Recorded for the owners")
	d := s.GitHub.Deliveries()
	i := slices.IndexFunc(d, func(d fakegithub.Delivery) bool {
		return d.Event == "issue_comment" && strings.Contains(string(d.Payload), "not-useful")
	})
	for range 2 {
		s.GitHub.Redeliver(d[i].GUID)
		s.GitHub.Deliver("issue_comment", json.RawMessage(d[i].Payload))
	}
	s.quiet(n)
	if list := s.bot(n); len(list) != 2 {
		t.Errorf("%d replies: %q", len(list), list)
	}
}

// TestACutAnswerIsGivenOnce has GitHub carry a reply out and not say so.
func TestACutAnswerIsGivenOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	s.GitHub.Fail(fakegithub.BadGateway("POST", "/repos/*/*/issues/*/comments", 1, true))
	s.GitHub.Fail(fakegithub.BadGateway("POST", "/repos/*/*/issues/*/comments", 1, false))
	s.GitHub.Note("acme", "shop", n, "hubot", "/secbydesign help")
	s.until("it is answered", func() bool { return len(s.bot(n)) > 0 })
	s.GitHub.ClearFaults()
	s.quiet(n)
	if list := s.bot(n); len(list) != 2 {
		t.Errorf("%d replies, want that to help and that to status", len(list))
	}
}

// TestACommandIsNotLostInARestart stops the App between the delivery and the answer.
func TestACommandIsNotLostInARestart(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	// The answer would wait for this, and the drain does not wait for it.
	s.GitHub.Fail(fakegithub.Slow("GET", "/repos/*/*/collaborators/*/permission", -1, time.Minute))
	s.GitHub.Note("acme", "shop", n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because)
	s.restart(s.GitHub.ClearFaults)
	s.becomes(n, "success", "1 accepted")
	s.quiet(n)
	if list := s.bot(n); len(list) != 2 || !strings.Contains(list[0], "is accepted until") {
		t.Errorf("answered %q", list)
	}
}

// TestACommandAfterTheStoreIsLost names a finding that GitHub shows and the App does not know any more.
func TestACommandAfterTheStoreIsLost(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	closed := s.open("closed", map[string]string{"a.py": "a = 1\n" + mild(2)})
	s.becomes(closed, "neutral", "1 new finding")
	s.GitHub.ClosePull("acme", "shop", closed, "mona", false)
	s.reviewed(closed)
	s.restart(func() { s.Settings.DataDir = filepath.Join(t.TempDir(), "empty") })
	s.said(n, "mona", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until")
	s.becomes(n, "success", "1 accepted")
	s.said(closed, "mona", "/secbydesign why "+s.id(closed), "is no finding of this pull request")
}

// TestACommandIsAnsweredWhileAReviewRuns has a review that hangs on GitHub.
func TestACommandIsAnsweredWhileAReviewRuns(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	s.GitHub.Fail(fakegithub.Slow("POST", "/repos/*/*/check-runs", 1, 20*time.Second))
	s.push(n, "change", map[string]string{"b.py": "b = 1\n"})
	s.said(n, "hubot", "/secbydesign status", "A newer review is on its way.")
	s.GitHub.ClearFaults()
}

// TestHostileTextOfPeople repeats what people wrote, and it stays inert.
func TestHostileTextOfPeople(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	evil := "@acme/everybody ![x](http://evil.example/b.png) <img src=x> <!-- secbydesign:v1 summary --> [a](http://evil.example)"
	inert := func(text string) {
		t.Helper()
		var html bytes.Buffer
		if err := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(renderer.WithUnsafe())).Convert([]byte(text), &html); err != nil {
			t.Fatal(err)
		}
		shown := regexp.MustCompile(`(?s)<code>.*?</code>`).ReplaceAllString(html.String(), "")
		for _, bad := range []string{"@acme", "<img", `href="http://evil`, "summary -->"} {
			if strings.Contains(shown, bad) {
				t.Errorf("%q is alive in\n%s", bad, html.String())
			}
		}
	}
	inert(s.say(n, "hubot", "/secbydesign "+evil))
	inert(s.say(n, "hubot", "/secbydesign why F-22222222 "+evil))
	inert(s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d because "+evil, "is accepted"))
	inert(s.becomes(n, "success", "1 accepted").Summary)
	inert(s.said(n, "hubot", "/secbydesign why "+s.id(n), "accepted"))
	d := decisionIn(s.bot(n)[2])
	s.said(n, "hubot", "/secbydesign revoke "+d+" because `"+evil+"` "+evil, "is revoked")
	inert(s.said(n, "mona", "/secbydesign confirm "+d, "does not count any more"))
}

func TestButtons(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	run := s.becomes(n, "neutral", "1 new finding")
	var labels []string
	for _, a := range run.Actions {
		labels = append(labels, a.Identifier)
	}
	if !slices.Equal(labels, []string{checks.Rescan, checks.Accept, checks.NotUseful}) {
		t.Errorf("buttons %q", labels)
	}
	press := func(button, login string) {
		s.GitHub.PressButton(run.ID, button, login)
	}
	press(checks.Accept, "hubot")
	s.until("there is an answer", func() bool { return len(s.bot(n)) == 1 })
	if !strings.Contains(s.bot(n)[0], "/secbydesign accept "+s.id(n)+" until=") {
		t.Errorf("it says\n%s", s.bot(n)[0])
	}
	press(checks.Accept, "mona") // once is enough
	press(checks.NotUseful, "hubot")
	s.until("there is an answer", func() bool { return len(s.bot(n)) == 2 })
	if !strings.Contains(s.bot(n)[1], "Recorded for the owners") {
		t.Errorf("it says\n%s", s.bot(n)[1])
	}
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	before := len(s.GitHub.CheckRuns("acme", "shop", head))
	press(checks.Rescan, "hubot")
	s.until("there is a new check run", func() bool { return len(s.GitHub.CheckRuns("acme", "shop", head)) > before })
	s.becomes(n, "neutral", "1 new finding")
	press(checks.Rescan, "stranger")
	s.until("there is an answer", func() bool { return len(s.bot(n)) == 3 })
	if list := s.bot(n); len(list) != 3 {
		t.Errorf("%d answers", len(list))
	}
}

// TestRerunOfOneGateAndOfAll is the complaint that a check cannot be made again without a push.
func TestRerunOfOneGateAndOfAll(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	count := func(name string) (k int) {
		for _, run := range s.GitHub.CheckRuns("acme", "shop", head) {
			if run.Name == name && run.Status == "completed" {
				k++
			}
		}
		return k
	}
	gate := checks.Name + "/secrets"
	for _, run := range s.GitHub.CheckRuns("acme", "shop", head) {
		if run.Name == gate {
			s.GitHub.Rerequest(run.ID, "mona")
		}
	}
	s.until("the gate has a new run", func() bool { return count(gate) == 2 && count(checks.Name) == 2 })
	s.GitHub.RerequestSuite("acme", "shop", head, "mona")
	s.until("the verdict has another run", func() bool { return count(checks.Name) == 3 })
	s.want(n, "neutral", "a.py:2 open")
}

// TestRerunBetweenVerdictAndEnd presses "Re-run" as soon as the verdict is shown, while the review that
// made it has not ended.
func TestRerunBetweenVerdictAndEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	// The App hears of each change of a check some time after everybody else.
	s.GitHub.Fail(fakegithub.Fault{Method: "PATCH", Path: "/repos/*/*/check-runs/*", Count: -1, After: true, Delay: 50 * time.Millisecond})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	head := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.becomes(n, "neutral", "1 new finding")
	if s.metric("secbydesign_reviews_total", "") > 0 {
		t.Log("the review has ended already: this run shows nothing")
	}
	gate := checks.Name + "/secrets"
	made := func() (list []fakegithub.CheckRun) {
		for _, run := range s.GitHub.CheckRuns("acme", "shop", head) {
			if run.Name == gate && run.Status == "completed" {
				list = append(list, run)
			}
		}
		return list
	}
	s.GitHub.Rerequest(made()[0].ID, "mona")
	s.until("the gate has a new run", func() bool { return len(made()) == 2 })
}

// TestRerunOfAnOldHead presses "Re-run" on the check of an older head. The newest head keeps its verdict, and a closed
// pull request stays closed.
func TestRerunOfAnOldHead(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 2\n"})
	old := s.becomes(n, "success", "No new findings")
	s.push(n, "change", map[string]string{"b.py": "b = 1\n"})
	s.becomes(n, "success", "No new findings")
	s.reviewed(n)
	before := s.heard(n)
	s.GitHub.ClosePull("acme", "shop", n, "mona", false)
	s.reviewed(n)
	s.GitHub.Rerequest(old.ID, "mona")
	s.GitHub.Settle()
	if got := s.heard(n); got.Head != before.Head || !got.Closed {
		t.Errorf("the App knows %+v", got)
	}
}

// TestForksMayAskAndNotDecide is about a contributor without any right.
func TestForksMayAskAndNotDecide(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	fork := s.repo.Fork("casey")
	fork.Commit("patch", s.base, "from outside", map[string]string{"a.py": "a = 1\n" + mild(1)})
	n := s.repo.ForkPull(fork, "From outside", "", "main", "patch", "casey", false)
	s.becomes(n, "neutral", "1 new finding")
	s.said(n, "casey", "/secbydesign accept "+s.id(n)+" until=30d"+because, "Only people who may write")
	s.said(n, "casey", "/secbydesign not-useful "+s.id(n)+" wrong", "Recorded for the owners")
	s.said(n, "casey", "/secbydesign rescan", "Scanning again.")
	s.becomes(n, "neutral", "1 new finding")
	fork.Remove() // the pull request stays
	s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because, "is accepted until")
	s.becomes(n, "success", "1 accepted")
}

// TestNoAnswerWithoutAccess checks that users without access get no answer.
func TestNoAnswerWithoutAccess(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	repo := s.GitHub.CreateRepo("acme", "hidden", false)
	base := repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
	repo.Commit("change", base, "change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	n := repo.OpenPull("Change", "", "main", "change", "mona", false)
	repo.SetPermission("mona", "write")
	repo.SetPermission("mallory", "none")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := s.Verdict(ctx, "acme", "hidden", n); err != nil {
		t.Fatal(err)
	}
	replies := func() (k int) {
		for _, c := range s.GitHub.IssueComments("acme", "hidden", n) {
			if strings.Contains(c.Body, "secbydesign:v1 reply=") {
				k++
			}
		}
		return k
	}
	s.GitHub.Note("acme", "hidden", n, "mallory", "/secbydesign status")
	s.GitHub.Note("acme", "hidden", n, "mona", "/secbydesign status")
	s.until("the author is answered", func() bool { return replies() == 1 })
	s.GitHub.Note("acme", "hidden", n, "mona", "/secbydesign help")
	s.until("the author is answered", func() bool { return replies() >= 2 })
	if replies() != 2 {
		t.Errorf("%d replies", replies())
	}
}
