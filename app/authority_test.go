package app_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Here are decisions at the front door, beside those of commands_test.go: who may decide, who only seems to, and people
// who decide at once. app/ownership has the table of all cases.

// payments makes the team that owns everything.
func (s *stage) payments(logins ...string) {
	s.people()
	s.GitHub.CreateTeam("acme", "payments", logins...)
}

const paymentsOwn = "* @acme/payments\n"

// TestWhoPushesIsNoSecondWord has an owner push a commit to the pull request, and then confirm what its author asked
// for. A commit that GitHub made on its page, and one of an unknown address, are nobody's.
func TestWhoPushesIsNoSecondWord(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking, ".github/CODEOWNERS": paymentsOwn})
	s.payments("mona", "olga", "hubot", "lea")
	s.repo.SetPermission("web-flow", "read") // it has an account
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.becomes(n, "failure", "1 high")
	s.repo.CommitAs("olga", "change", "", "Better", map[string]string{"b.py": "b = 1\n"})
	s.repo.CommitFrom("hubot@home", "web-flow", "change", "", "Merge main", map[string]string{"c.py": "c = 1\n"})
	s.repo.CommitFrom("octocat", "lea", "change", "", "Applied by Lea", map[string]string{"d.py": "d = 1\n"})
	s.repo.SyncPull(n)
	s.becomes(n, "failure", "1 high")
	accept := "/secbydesign accept " + s.id(n) + " until=30d" + because
	s.said(n, "olga", accept, "waits as")
	first := decisionIn(s.said(n, "mona", accept, "waits as"))
	for _, pusher := range []string{"olga", "lea"} {
		s.said(n, pusher, "/secbydesign confirm "+first, "You pushed to this pull request, so you count as its author: this must be confirmed by one more of those who own the file (`@acme/payments`)")
	}
	s.becomes(n, "failure", "1 high")
	s.said(n, "hubot", "/secbydesign confirm "+first, "is accepted")
	s.becomes(n, "success", "1 accepted")
}

// TestSecurityIsToldNotAsked has a member of the security team who administers the repository: nothing waits for them,
// and their word does not count.
func TestSecurityIsToldNotAsked(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking + "ownership: {security: []}\n", ".github/CODEOWNERS": paymentsOwn})
	s.payments("mona", "olga")
	s.organisation("version: 1\nownership: {security: [\"@acme/security\"], champions: [\"@cleo\"]}\n")
	s.GitHub.CreateTeam("acme", "security", "sam")
	s.repo.SetPermission("sam", "admin")
	s.repo.SetPermission("cleo", "read")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.becomes(n, "failure", "1 high")
	accept := "/secbydesign accept " + s.id(n) + " until=30d" + because
	own := decisionIn(s.said(n, "sam", accept, "waits as"))
	s.said(n, "mona", "/secbydesign confirm "+own, "this must be confirmed by one more of those who own the file (`@acme/payments`)")
	first := decisionIn(s.said(n, "mona", accept, "waits as"))
	s.said(n, "sam", "/secbydesign confirm "+first, "The security team is in no approval path: this must be confirmed by one more")
	s.said(n, "cleo", "/secbydesign confirm "+first, "Only people who may write to this repository decide that; a champion gives advice with /secbydesign voice.")
	s.becomes(n, "failure", "1 high")
	s.said(n, "olga", "/secbydesign confirm "+first, "is accepted")
	run := s.becomes(n, "success", "1 accepted")
	for _, text := range append(s.bot(n), run.Summary) {
		if strings.Contains(text, "@acme/security") || strings.Contains(text, "@sam") {
			t.Errorf("security is asked:\n%s", text)
		}
	}
}

// agentRules wants two people for what an agent brings, and lists an agent of the organisation's own.
const agentRules = "version: 1\nguardrails: {agents: {self_accept: false, people: 2, list: [own-agent]}}\n"

// TestAnAgentsPullRequest is decided by people: two of them, and the person who started the agent does not count.
func TestAnAgentsPullRequest(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	s.organisation(agentRules)
	for i, author := range []string{"own-agent[bot]", "copilot-swe-agent[bot]", "own-agent"} {
		branch := fmt.Sprint("agent", i)
		s.repo.CommitAs(author, branch, s.base, "By "+author, map[string]string{fmt.Sprint(branch, ".py"): "a = 1\n" + mild(10+i)})
		n := s.repo.OpenPull("Change", "", "main", branch, author, false)
		s.GitHub.Assign("acme", "shop", n, "mona")
		s.becomes(n, "failure", "1 new finding (1 medium)")
		id := s.id(n)
		accept := "/secbydesign accept " + id + " until=30d" + because
		if strings.HasSuffix(author, "[bot]") {
			s.GitHub.Note("acme", "shop", n, author, accept) // of no effect
		}
		first := decisionIn(s.said(n, "mona", accept, "a medium finding of a pull request that no person opened must be confirmed by 2 more people who may write to this repository, and the person who started the agent does not count"))
		s.said(n, "mona", "/secbydesign confirm "+first, "Somebody else has to confirm")
		s.said(n, "hubot", "/secbydesign confirm "+first, "waits for one more person who may write")
		s.said(n, "hubot", "/secbydesign confirm "+first, "Somebody else has to confirm")
		s.becomes(n, "failure", "1 medium")
		second := decisionIn(s.said(n, "olga", accept, "must be confirmed by one more person"))
		s.said(n, "mona", "/secbydesign confirm "+second, "You started the agent or pushed to its pull request, so you count as its author")
		s.said(n, "lea", "/secbydesign confirm "+second, "is accepted")
		s.becomes(n, "success", "1 accepted")
		s.said(n, "mona", "/secbydesign revoke "+second, "is revoked")
		s.becomes(n, "failure", "1 medium")
	}
}

// TestAnAgentDecidesNothing has an agent with the account of a person write commands. It is answered once.
func TestAnAgentDecidesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.people()
	s.repo.SetPermission("own-agent", "admin")
	s.organisation(agentRules)
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "neutral", "1 new finding")
	accept := "/secbydesign accept " + s.id(n) + " until=30d" + because
	s.said(n, "own-agent", accept, "An agent decides nothing; a person with write permission does.")
	s.GitHub.Note("acme", "shop", n, "own-agent", accept)
	s.GitHub.Note("acme", "shop", n, "own-agent", "/secbydesign status")
	s.quiet(n)
	if list := s.bot(n); len(list) != 2 { // and the status that quiet asked for
		t.Errorf("answered %q", list)
	}
	s.becomes(n, "neutral", "1 new finding")
	// In the pull request of a person nothing else changes.
	s.said(n, "mona", accept, "is accepted until")
}

// TestAMemberWhoLeft confirms what they could have confirmed a minute ago.
func TestAMemberWhoLeft(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking, ".github/CODEOWNERS": paymentsOwn})
	s.payments("mona", "olga")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.becomes(n, "failure", "1 high")
	accept := "/secbydesign accept " + s.id(n) + " until=30d" + because
	first := decisionIn(s.said(n, "olga", accept, "is accepted until"))
	s.becomes(n, "success", "1 accepted")
	s.said(n, "olga", "/secbydesign revoke "+first, "is revoked")
	second := decisionIn(s.said(n, "mona", accept, "waits as"))
	s.GitHub.CreateTeam("acme", "payments", "mona")
	s.said(n, "olga", "/secbydesign confirm "+second, "this must be confirmed by one more of those who own the file")
	s.said(n, "olga", accept, "waits as") // she still may write
	s.repo.SetPermission("olga", "read")
	s.said(n, "olga", accept, "Only people who may write to this repository decide that.")
	s.becomes(n, "failure", "1 high")
}

// both sends two comments at once, and returns the two replies.
func (s *stage) both(n int, one, two [2]string) []string {
	s.t.Helper()
	before := len(s.bot(n))
	for _, c := range [][2]string{one, two} {
		s.GitHub.Note("acme", "shop", n, c[0], c[1])
	}
	s.until("two replies", func() bool { return len(s.bot(n)) >= before+2 })
	replies := s.bot(n)[before:]
	if len(replies) != 2 {
		s.t.Errorf("%d replies: %q", len(replies), replies)
	}
	return replies
}

// TestTwoConfirmAtOnce wants both confirmations to count, each once, and both people to read how it stands after theirs.
func TestTwoConfirmAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking, ".github/CODEOWNERS": paymentsOwn})
	s.payments("mona", "olga", "hubot", "ida", "otto")
	for _, login := range []string{"ida", "otto"} {
		s.repo.SetPermission(login, "write")
	}
	s.organisation("version: 1\nguardrails: {accept: {above: {high: {people: 2, from: owner, max_days: 30}}}}\n")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.becomes(n, "failure", "1 high")
	for round, pair := range [][2]string{{"olga", "hubot"}, {"ida", "otto"}, {"otto", "olga"}} {
		accept := fmt.Sprintf("/secbydesign accept %s until=%dd%s", s.id(n), 10+round, because)
		d := decisionIn(s.said(n, "mona", accept, "must be confirmed by 2 more of those who own the file"))
		replies := s.both(n, [2]string{pair[0], "/secbydesign confirm " + d}, [2]string{pair[1], "/secbydesign confirm " + d})
		slices.Sort(replies)
		all := strings.Join(replies, "\n")
		if strings.Count(all, "waits for one more") != 1 || strings.Count(all, "is accepted") != 1 {
			t.Errorf("round %d: %q", round, replies)
		}
		run := s.becomes(n, "success", "1 accepted")
		for _, login := range append(pair[:], "mona") {
			if !strings.Contains(run.Summary, "@&#8203;"+login) {
				t.Errorf("round %d: %s is not named:\n%s", round, login, run.Summary)
			}
		}
		s.said(n, "lea", "/secbydesign revoke "+d, "is revoked")
		s.becomes(n, "failure", "1 high")
	}
}

// TestConfirmedAndRevokedAtOnce is resolved by the order in which the two are executed: the end is the same.
func TestConfirmedAndRevokedAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking, ".github/CODEOWNERS": paymentsOwn})
	s.payments("mona", "olga")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.becomes(n, "failure", "1 high")
	for round := range 3 {
		d := decisionIn(s.said(n, "mona", fmt.Sprintf("/secbydesign accept %s until=%dd%s", s.id(n), 10+round, because), "waits as"))
		replies := s.both(n, [2]string{"olga", "/secbydesign confirm " + d}, [2]string{"hubot", "/secbydesign revoke " + d})
		all := strings.Join(replies, "\n")
		confirmed, late := strings.Contains(all, "is accepted"), strings.Contains(all, "does not count any more: it was revoked by @&#8203;hubot")
		if confirmed == late || !strings.Contains(all, "is revoked") {
			t.Errorf("round %d: %q", round, replies)
		}
	}
	s.quiet(n)
	s.becomes(n, "failure", "1 high")
}

// TestAcceptedAndReopenedAtOnce: nothing is lost, and what was written last counts.
func TestAcceptedAndReopenedAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
	s.people()
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1)})
	s.becomes(n, "failure", "1 new finding")
	id := s.id(n)
	replies := s.both(n, [2]string{"olga", "/secbydesign accept " + id + " until=30d" + because}, [2]string{"hubot", "/secbydesign reopen " + id})
	all := strings.Join(replies, "\n")
	accepted, overtaken := strings.Contains(all, "is accepted until"), strings.Contains(all, "reached the App after a later one")
	if !accepted && !overtaken {
		t.Errorf("%q", replies)
	}
	s.quiet(n)
	if !accepted || strings.Contains(all, "is revoked") {
		s.becomes(n, "failure", "1 new finding")
	} else {
		s.becomes(n, "success", "1 accepted")
	}
}

// TestAssigningMovesNoCeiling gives a finding to a team that may accept more than the team that owns the file.
func TestAssigningMovesNoCeiling(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"core/a.py": "a = 1\n", ".secbydesign.yml": blocking, ".github/CODEOWNERS": "/core/ @acme/core\n/pay/ @acme/payments\n"})
	s.payments("hubot")
	s.GitHub.CreateTeam("acme", "core", "olga")
	s.organisation("version: 1\nguardrails: {accept: {by_team: {\"@acme/payments\": {max_severity: high, max_days: 60}}}}\n")
	n := s.open("change", map[string]string{"core/a.py": "a = 1\n" + leak(1), "pay/b.py": "b = 1\n" + leak(2)})
	s.becomes(n, "failure", "2 high")
	ids := s.ids(n)
	s.said(n, "mona", "/secbydesign assign "+ids[0]+","+ids[1]+" @acme/payments", "is assigned to `@acme/payments`")
	reply := s.say(n, "hubot", "/secbydesign accept "+ids[0]+","+ids[1]+" until=30d"+because)
	if strings.Count(reply, "waits as") != 1 || strings.Count(reply, "is accepted until") != 1 || !strings.Contains(reply, "(`@acme/core`)") {
		t.Errorf("assigned to a team with a higher ceiling:\n%s", reply)
	}
	s.becomes(n, "failure", "1 high")
}

// TestClassesOfReasons has an organisation ask for them.
func TestClassesOfReasons(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", "b.py": "b = 1\n"})
	s.people()
	s.organisation("version: 1\nguardrails: {accept: {reason_class: required}}\n")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1), "b.py": "b = 1\n" + mild(2)})
	s.becomes(n, "neutral", "2 new findings")
	ids := s.ids(n)
	for _, thread := range s.GitHub.Threads("acme", "shop", n) {
		if body := thread.Comments[0].Body; !strings.Contains(body, " until=30d reason=technical because ") {
			t.Errorf("the comment offers\n%s", body)
		}
	}
	s.said(n, "hubot", "/secbydesign accept "+ids[0]+" until=30d"+because, "The organisation asks for the class of the reason: write reason=emergency, or deadline, technical, business, before “because”. This would work: `/secbydesign accept "+ids[0]+" until=")
	s.said(n, "hubot", "/secbydesign accept "+ids[0]+" until=30d reason=lazy"+because, "“lazy” is no class of reasons; it is emergency, deadline, technical or business")
	s.said(n, "hubot", "/secbydesign accept "+ids[0]+" until=30d reason=deadline"+because, "is accepted until")
	s.said(n, "hubot", "/secbydesign defer "+ids[1]+" until=30d ticket=https://t.example/1", "The organisation asks for the class of the reason")
	reply := s.said(n, "hubot", "/secbydesign defer until=30d ticket=https://t.example/1 "+ids[1]+" reason=business", "is deferred until")
	run := s.becomes(n, "success", "1 accepted, 1 deferred")
	if !strings.Contains(run.Summary, "`), deadline: only our own staff") || !strings.Contains(run.Summary, "`), business") {
		t.Errorf("the summary does not name the classes:\n%s", run.Summary)
	}
	s.said(n, "mona", "/secbydesign status", decisionIn(reply)+"` `"+ids[1]+"`: deferred until")
	s.said(n, "mona", "/secbydesign status", ", reason business, asked for by")
	// A false positive is no acceptance.
	s.said(n, "hubot", "/secbydesign fp "+ids[1]+because, "is marked as a false positive")
}

// TestRenewalsAreCounted in the reply and in the status.
func TestRenewalsAreCounted(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", ".github/CODEOWNERS": "* @olga\n"})
	s.people()
	for round, want := range []string{"revokes that.", "It is renewed for the 1st time; 2 allowed.", "It is renewed for the 2nd time; 2 allowed."} {
		branch := fmt.Sprint("round", round)
		n := s.open(branch, map[string]string{"a.py": "a = 1\n" + mild(1), branch: "x\n"})
		s.verdict(n)
		reply := s.said(n, "hubot", "/secbydesign accept "+s.id(n)+" until=30d"+because, want)
		if round == 0 && strings.Contains(reply, "renewed") {
			t.Errorf("the first time is a renewal:\n%s", reply)
		}
		if round == 2 {
			s.said(n, "mona", "/secbydesign status", "renewed for the 2nd time")
		}
	}
}
