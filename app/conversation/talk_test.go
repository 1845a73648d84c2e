package conversation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/conversation"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// many makes findings that differ.
func many(n int) (list []record.Finding) {
	for i := range n {
		f := medium
		f.Fingerprint, f.Line = strings.Repeat(string(rune('g'+i)), 26)+":1", i+1
		list = append(list, f)
	}
	return list
}

// TestStatus says where the pull request stands, by its last review and what was decided.
func TestStatus(t *testing.T) {
	t.Parallel()
	s := newStage(t, "* @olga\n")
	head := checks.Code(s.head()[:10])
	findings := many(12)
	for _, c := range []struct {
		name string
		r    record.Review
		want string
		not  string
	}{
		{"nothing is open", record.Review{Verdict: checks.Clean, Conclusion: "success"}, "**Nothing is open** at " + head + "; the check ended as success.", "Not every scanner"},
		{"nothing was scanned", record.Review{Verdict: checks.NotRun, Conclusion: "skipped"}, "**Not scanned** at " + head, "**Nothing"},
		{"a scanner did not finish", record.Review{Verdict: checks.Incomplete, Conclusion: "neutral"}, "the check ended as neutral. Not every scanner finished.", "newer review"},
		{"one is open", record.Review{Findings: findings[:1]}, "**1 finding is open** at " + head + "; the check ended as .\n\n- `" + findings[0].ID() + "` A key, medium, `a.py:1`", "more"},
		{"ten are open", record.Review{Findings: findings[:10]}, "- `" + findings[9].ID() + "`", "more"},
		{"twelve are open", record.Review{Findings: findings}, "**12 findings are open**", findings[10].ID()},
		{"twelve are open, of which not all are shown", record.Review{Findings: findings}, "`a.py:10`\n- and 2 more", findings[11].ID()},
	} {
		s.review(c.r)
		got := s.says("ted", "status")
		if !strings.Contains(got, c.want) || strings.Contains(got, c.not) || strings.Contains(got, "Decided") {
			t.Errorf("%s: it is answered\n%s\nwant %q in it, and not %q", c.name, got, c.want, c.not)
		}
	}
	s.says("hubot", "accept "+findings[0].ID()+" until=30d"+because)
	s.says("hubot", "fp "+findings[1].ID()+because)
	s.says("hubot", "fp "+findings[2].ID()+because, "reopen "+findings[2].ID())
	hard := high
	s.review(record.Review{Findings: []record.Finding{hard}})
	s.says("mona", "fp "+hard.ID()+because)
	got := s.says("ted", "status")
	for _, want := range []string{
		"\n\nDecided:\n\n- `A-", "` `" + findings[0].ID() + "`: accepted until " + day(30) + ", asked for by @&#8203;hubot\n", "` `" + findings[1].ID() + "`: marked as a false positive, asked for by",
		"` `" + hard.ID() + "`: marked as a false positive, waits for 1 more, asked for by @&#8203;mona",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if strings.Contains(got, findings[2].ID()) {
		t.Errorf("what was taken back is named:\n%s", got)
	}
	// A newer review is announced while it is on its way, and the pull request is open.
	s.heard(false)
	s.said("ted", "status", "A newer review is on its way.")
	s.gh.ClosePull("acme", "shop", s.number, "mona", false)
	if got := s.says("ted", "status"); strings.Contains(got, "newer") {
		t.Errorf("of a closed pull request a review is announced:\n%s", got)
	}
}

// TestWhy says where a finding comes from, how loud the policy is, and what was decided.
func TestWhy(t *testing.T) {
	t.Parallel()
	with := func(change func(f *record.Finding)) record.Finding {
		f := medium
		change(&f)
		return f
	}
	s := newStage(t, "*.py @hubot @olga\n")
	for name, c := range map[string]struct {
		f    record.Finding
		want []string
	}{
		"shown":        {medium, []string{"`" + medium.ID() + "` A key: `gitleaks/key` found it at `a.py:2`. It is not at the merge base, so this pull request brings it in. Severity medium; the policy only comments on it. The file is owned by `@hubot`, `@olga`."}},
		"blocking":     {with(func(f *record.Finding) { f.Block = true }), []string{"Severity medium; the policy lets it fail the check."}},
		"not shown":    {with(func(f *record.Finding) { f.Shown = false }), []string{"Severity medium; the policy only observes it."}},
		"unowned":      {with(func(f *record.Finding) { f.Path = "b.go" }), []string{"comments on it."}},
		"explained":    {with(func(f *record.Finding) { f.Why, f.HelpURL = "It is *new*.", "https://h.example/1" }), []string{"comments on it. It is \\*new\\*. The", "[Learn more](https://h.example/1)."}},
		"in a comment": {with(func(f *record.Finding) { f.Decided = "a.py:1" }), []string{"\n- Accepted by the comment at `a.py:1`."}},
		"hostile":      {with(func(f *record.Finding) { f.Title = "<img> @mona" }), []string{"&lt;img> @&#8203;mona"}},
	} {
		s.review(record.Review{Findings: []record.Finding{c.f}})
		got := s.says("ted", "why "+c.f.ID())
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %q is not in\n%s", name, want, got)
			}
		}
		for text, there := range map[string]bool{"owned by": name != "unowned", "Learn more": name == "explained", "\n- ": name == "in a comment"} {
			if strings.Contains(got, text) != there {
				t.Errorf("%s: %q is there: %v\n%s", name, text, !there, got)
			}
		}
		s.wantCame("")
	}
}

// TestHelp names all that can be said now, and nothing else.
func TestHelp(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	help := s.says("ted", "help")
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
	if strings.Contains(help, "`/secbydesign accept") {
		t.Errorf("help offers what does not work:\n%s", help)
	}
	s.review(record.Review{Findings: []record.Finding{medium}})
	if help = s.says("hubot", "help"); !strings.Contains(help, "- `/secbydesign accept "+medium.ID()+" until="+day(30)+" because [") || !strings.Contains(help, "not possible for you: **not-affected** (") {
		t.Errorf("help has no line for the finding:\n%s", help)
	}
}

// TestWhichFindingIsMeant: a command names findings, and of what is wrong with it the answer helps on.
func TestWhichFindingIsMeant(t *testing.T) {
	t.Parallel()
	findings := many(11)
	old := medium
	old.Fingerprint, old.State = strings.Repeat("d", 26)+":1", scanners.Unchanged
	s := newStage(t, "", append(findings, old)...)
	ten := findings[0].ID()
	for _, f := range findings[1:10] {
		ten += ", " + f.ID()
	}
	s.said("hubot", "why", "Which finding is meant? Write its id, which begins with F-, or answer in its thread. Open here: "+ten+" and 1 more.")
	s.said("hubot", "why F-22222222", "F-22222222 is no finding of this pull request. Open are: "+ten+" and 1 more.")
	s.said("hubot", "why "+old.ID(), old.ID()+" is no finding of this pull request.")
	s.said("hubot", "acept "+ten, "“acept” is not known. Did you mean accept? This would work: `/secbydesign accept "+strings.ReplaceAll(ten, ", ", ",")+" until="+day(30)+" because [explain in at least 30 characters why the risk is acceptable here]`")
	s.said("hubot", "not-affected "+findings[0].ID()+" vulnerable_code_not_present", "not-affected is for findings about dependencies. If the tool is wrong, say so with fp. This would work: `/secbydesign fp "+findings[0].ID()+" because [explain in at least 30 characters why this is no problem here]`")
	s.said("hubot", "why "+strings.Repeat("x", 200), "`/secbydesign why "+strings.Repeat("x", 79-len("/secbydesign why "))+"…`: ")
	s.wantCame("")
	// Of several, those that are there are taken.
	if got := s.says("hubot", "assign F-22222222,"+findings[0].ID()+","+findings[1].ID()+" @acme/payments"); strings.Count(got, "is assigned to `@acme/payments`") != 2 || !strings.Contains(got, "F-22222222 is no finding") {
		t.Errorf("it is answered\n%s", got)
	}
	s.wantCame(record.Assigned + ", " + record.Assigned)
	s.review(record.Review{Findings: findings[:10]})
	if got := s.says("hubot", "why"); !strings.HasSuffix(got, "Open here: "+ten+". This would work: `/secbydesign why "+findings[0].ID()+"`") {
		t.Errorf("it is answered\n%s", got)
	}
	s.review(record.Review{})
	s.said("hubot", "why F-22222222", "F-22222222 is no finding of this pull request. Nothing is open here.")
	if got := s.says("hubot", "why"); !strings.HasSuffix(got, "answer in its thread.") {
		t.Errorf("it is answered\n%s", got)
	}
}

// TestACommandWaitsForTheReviewThatKnowsItsFinding, but not for long.
func TestACommandWaitsForTheReviewThatKnowsItsFinding(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	ask := func(id string, ago time.Duration) error {
		s.asked++
		return s.answer(conversation.Comment, fmt.Sprint(s.asked), conversation.Request{Comment: s.asked, Sender: "hubot", Lines: []string{"/secbydesign why " + id}, At: time.Now().Add(-ago)})
	}
	s.heard(false)
	var snooze queue.Snooze
	if err := ask("F-22222222", time.Minute); !errors.As(err, &snooze) || len(s.events) != 0 || !snooze.Until.After(time.Now()) {
		t.Errorf("%v, and %d events", err, len(s.events))
	}
	if err := ask(medium.ID(), time.Minute); err != nil || !strings.Contains(s.executed(), "found it at") {
		t.Errorf("what the last review knows is not answered: %v", err)
	}
	if err := ask("F-22222222", 10*time.Minute); err != nil || !strings.Contains(s.executed(), "is no finding of this pull request") {
		t.Errorf("after ten minutes: %v", err)
	}
	s.heard(true)
	if err := ask("F-22222222", time.Minute); err != nil {
		t.Errorf("without a review on its way: %v", err)
	}
}

// TestAPullRequestThatIsNotKnown has a store that is lost: it is reviewed first, unless it is closed.
func TestAPullRequestThatIsNotKnown(t *testing.T) {
	t.Parallel()
	s := newStage(t, "")
	s.repo.Commit("other", s.repo.Tip("main"), "other", map[string]string{"o": "o\n"})
	s.number = s.repo.OpenPull("Other", "", "main", "other", "mona", false)
	s.said("mona", "status", "It was not reviewed yet; that has begun.")
	s.wantCame("review asked about")
	if !s.reviews[0].Force || s.reviews[0].Number != s.number {
		t.Errorf("%+v", s.reviews)
	}
	var snooze queue.Snooze
	lines := []string{"/secbydesign why F-22222222"}
	if err := s.answer(conversation.Comment, "9", conversation.Request{Comment: 9, Sender: "mona", Lines: lines, At: time.Now()}); !errors.As(err, &snooze) {
		t.Errorf("a finding that the review may know: %v", err)
	}
	s.gh.ClosePull("acme", "shop", s.number, "mona", false)
	s.said("mona", "why F-22222222", "is no finding of this pull request")
	s.wantCame("")
}

// TestLooksAgain is about rescan, and about pull requests that are closed.
func TestLooksAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	s.said("mona", "rescan", "Scanning again.")
	s.wantCame("review " + record.Rerequested)
	// Who asks to look again sees that it begins, whatever else the comment decides.
	s.says("hubot", "rescan", "accept "+medium.ID()+" until=30d"+because)
	if len(s.reviews) != 1 || s.reviews[0].Reason != record.Rerequested {
		t.Errorf("%+v", s.reviews)
	}
	s.gh.ClosePull("acme", "shop", s.number, "mona", false)
	s.said("mona", "rescan", "This pull request is closed, so it is not scanned again.")
	s.said("hubot", "accept "+medium.ID()+" until=30d"+because, "is accepted until")
	if len(s.reviews) != 0 {
		t.Errorf("a closed pull request is reviewed: %+v", s.reviews)
	}
}

// TestOneCommentTakesTenCommands, and says what it left out.
func TestOneCommentTakesTenCommands(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	for n, left := range map[int]int{10: 0, 11: 1, 13: 1} {
		var lines []string
		for range n {
			lines = append(lines, "assign "+medium.ID()+" @acme/payments")
		}
		got := s.says("hubot", lines...)
		if strings.Count(got, "is assigned") != 10 || strings.Count(got, "One comment takes at most 10 commands; the others were not carried out.") != left {
			t.Errorf("%d commands are answered\n%s", n, got)
		}
	}
}

// TestOpinions keeps who said it, of what, and why.
func TestOpinions(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	s.said("ted", "not-useful "+medium.ID()+" noise", "Only the author and people who may write to this repository are asked for their opinion.")
	s.wantCame("")
	for login, want := range map[string]record.Opinion{
		"mona":  {Who: "mona", Write: true, Author: true},
		"hubot": {Who: "hubot", Write: true},
	} {
		s.said(login, "not-useful "+medium.ID()+" wrong because it is an example", "Recorded for the owners of `gitleaks/key` as wrong. The finding stays open.")
		s.wantCame(record.NotUseful)
		want.Fingerprint, want.Rule, want.Reason, want.Text, want.Source = medium.Fingerprint, medium.Rule, "wrong", "it is an example", fmt.Sprint("comment-", s.asked)
		var got record.Opinion
		if err := json.Unmarshal(s.events[0].Data, &got); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
	}
	s.says("hubot", "assign "+medium.ID()+" @acme/payments")
	var a record.Assignment
	if err := json.Unmarshal(s.events[0].Data, &a); err != nil || a != (record.Assignment{Fingerprint: medium.Fingerprint, Rule: medium.Rule, Team: "@acme/payments", Who: "hubot", Source: fmt.Sprint("comment-", s.asked)}) {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestButtons(t *testing.T) {
	t.Parallel()
	second := medium
	second.Fingerprint, second.Path = strings.Repeat("c", 26)+":1", "b.py"
	s := newStage(t, "", medium, second)
	press := func(login, button, want, came string) {
		t.Helper()
		if got := s.presses(login, button); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%s presses %s and is answered\n%s\nwant %q in it", login, button, got, want)
		}
		s.wantCame(came)
	}
	two := "\n\n- `" + medium.ID() + "` A key, medium, `a.py:2`\n- `" + second.ID() + "` A key, medium, `b.py:2`"
	press("hubot", checks.Accept, "with your reason in place of the brackets: `/secbydesign accept "+medium.ID()+" until="+day(30)+" because [explain in at least 30 characters why the risk is acceptable here]`"+two, "")
	press("ted", checks.Accept, "Only people who may write to this repository decide that.", "")
	press("hubot", checks.NotUseful, "Which of the findings is of no use? Write for example `/secbydesign not-useful "+medium.ID()+" noise`; other words are wrong, unclear, too-late."+two, "")
	press("hubot", checks.Rescan, "", "review "+record.Rerequested)
	press("ted", checks.Rescan, "Only the author and people who may write", "")
	press("mallory", checks.Rescan, "", "")
	press("hubot", "another", "", "")
	s.review(record.Review{Findings: []record.Finding{medium}})
	press("hubot", checks.NotUseful, "Recorded for the owners of `gitleaks/key` as noise.", record.NotUseful)
	press("ted", checks.NotUseful, "Only the author", "")
	s.review(record.Review{})
	press("hubot", checks.Accept, "Nothing is open here any more.", "")
	press("hubot", checks.NotUseful, "Nothing is open here any more.", "")

	// Who presses one button of one check twice is answered once.
	before := len(s.replies())
	for i, check := range []int64{500, 500, 501} {
		if err := s.answer(conversation.Button, fmt.Sprint("press", i), conversation.Request{Button: checks.Accept, Check: check, Sender: "hubot"}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(s.replies()) - before; got != 2 {
		t.Errorf("%d answers, want 2", got)
	}
}

// TestATaskIsExecutedOnce: the answer of the first time is given again, should it have been lost.
func TestATaskIsExecutedOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	q := conversation.Request{Sender: "hubot", Lines: []string{"/secbydesign not-useful " + medium.ID() + " noise"}, At: time.Now()}
	q.Comment = s.gh.Note("acme", "shop", s.number, "hubot", q.Lines[0])
	s.gh.Fail(fakegithub.Fault{Method: "POST", Path: "/repos/*/*/issues/*/comments", Status: 500, Body: "{}"})
	if err := s.answer(conversation.Comment, "AbC", q); err == nil {
		t.Error("the answer was lost without an error")
	}
	s.wantCame(record.NotUseful)
	for range 2 {
		if err := s.answer(conversation.Comment, "AbC", q); err != nil || len(s.events) != 0 {
			t.Errorf("%v, %d events", err, len(s.events))
		}
		if list := s.replies(); len(list) != 1 || !strings.HasPrefix(list[0], "Recorded for the owners") {
			t.Errorf("it is answered %q", list)
		}
	}
	// The same words of another comment are another task.
	s.asked = q.Comment
	s.says("hubot", strings.TrimPrefix(q.Lines[0], "/secbydesign "))
	s.wantCame(record.NotUseful)
	if err := s.handler.Answer(t.Context(), queue.Task{Kind: conversation.Comment, ID: "x", Data: json.RawMessage("7")}); err == nil {
		t.Error("what nobody can read is answered")
	}
}

// TestReactions stand for an answer where the App may react, and what has to be read is a reply everywhere.
func TestReactions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		login string
		lines []string
		want  string // a reaction; empty for a reply
	}{
		"done":             {"hubot", []string{"accept " + medium.ID() + " until=30d" + because}, publish.Done},
		"begun":            {"hubot", []string{"rescan"}, publish.Started},
		"done, then begun": {"hubot", []string{"assign " + medium.ID() + " @acme/payments", "rescan"}, publish.Done},
		"asked":            {"hubot", []string{"status"}, ""},
		"done, and asked":  {"hubot", []string{"assign " + medium.ID() + " @acme/payments", "status"}, ""},
		"refused":          {"ted", []string{"rescan"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "", medium)
			s.gh.SetPermissions(map[string]string{"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write", "issues": "write"})
			said := s.says(c.login, c.lines...)
			reaction := ""
			for _, k := range s.gh.IssueComments("acme", "shop", s.number) {
				for _, r := range k.Reactions {
					reaction += r.Content
				}
			}
			replies := s.replies()
			if reaction != c.want || (len(replies) == 0) != (c.want != "") {
				t.Errorf("the reaction is %q, and replies are %q", reaction, replies)
			}
			if len(replies) > 0 && !strings.HasPrefix(replies[0], said) {
				t.Errorf("the reply is %q, want %q", replies[0], said)
			}
		})
	}
	t.Run("where it may not", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, "", medium)
		said := s.says("hubot", "rescan")
		if list := s.replies(); len(list) != 1 || !strings.HasPrefix(list[0], said) {
			t.Errorf("replies are %q", list)
		}
	})
	t.Run("where GitHub fails", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, "", medium)
		s.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/app/installations/*", Count: -1, Status: 500, Body: "{}"})
		if err := s.answer(conversation.Comment, "1", conversation.Request{Comment: 1, Sender: "hubot", Lines: []string{"/secbydesign rescan"}, At: time.Now()}); err == nil || len(s.replies()) != 0 {
			t.Errorf("%v, %q", err, s.replies())
		}
	})
	t.Run("seen goes before done", func(t *testing.T) {
		t.Parallel()
		critical := high
		critical.Severity = scanners.Critical
		s := newStage(t, "", medium, critical)
		s.says("mona", "accept "+critical.ID()+" until=14d"+because)
		id := s.decided()[0].ID
		s.says("hubot", "assign "+medium.ID()+" @acme/payments", "confirm "+id, "assign "+medium.ID()+" @acme/docs")
		var e record.Executed
		if err := json.Unmarshal(s.events[len(s.events)-1].Data, &e); err != nil || e.Reaction != publish.Seen {
			t.Errorf("%+v, %v", e, err)
		}
	})
}

// TestInAThread leaves the id out. In a thread of people no finding is meant.
func TestInAThread(t *testing.T) {
	t.Parallel()
	second, unread := medium, medium
	second.Fingerprint, second.Thread = strings.Repeat("c", 26)+":1", medium.Fingerprint
	unread.Fingerprint = strings.Repeat("d", 26) + ":1"
	s := newStage(t, "", medium, second, unread)
	ours := s.gh.CommentOnLine("acme", "shop", s.number, "secbydesign[bot]", "a.py", 2, "A key.\n\n<!-- secbydesign:v1 finding="+medium.Fingerprint+" -->")
	theirs := s.gh.CommentOnLine("acme", "shop", s.number, "hubot", "a.py", 2, "A key.\n\n<!-- secbydesign:v1 finding="+medium.Fingerprint+" -->")
	top := map[string]int64{}
	for _, th := range s.gh.Threads("acme", "shop", s.number) {
		top[th.ID] = th.Comments[0].ID
	}
	in := func(thread, line string) string {
		t.Helper()
		id := s.gh.Reply("acme", "shop", s.number, thread, "hubot", line)
		if err := s.answer(conversation.Comment, fmt.Sprint(id), conversation.Request{Comment: id, Thread: top[thread], Sender: "hubot", Lines: []string{line}, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		return s.executed()
	}
	if got := in(theirs, "/secbydesign why"); !strings.Contains(got, "Which finding is meant?") {
		t.Errorf("in a thread of people: %s", got)
	}
	if got := in(ours, "/secbydesign why"); !strings.Contains(got, medium.ID()) || strings.Contains(got, second.ID()) {
		t.Errorf("why of the thread: %s", got)
	}
	if got := in(ours, "/secbydesign fp "+unread.ID()+because); !strings.Contains(got, unread.ID()) || len(s.decided()) != 1 {
		t.Errorf("another finding that is named: %s", got)
	}
	if got := in(ours, "/secbydesign accept until=30d"+because); !strings.Contains(got, medium.ID()) || !strings.Contains(got, second.ID()) || len(s.decided()) != 3 {
		t.Errorf("all of the thread: %s", got)
	}
	if list := s.replies(); len(list) != 0 {
		t.Errorf("the conversation has %q", list)
	}
	top["gone"] = 12345
	s.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/*/*/pulls/comments/*", Count: 1, Status: 500, Body: "{}"})
	lines := []string{"/secbydesign why"}
	for _, fails := range []bool{true, false} { // it fails, and then there is no such comment any more
		err := s.answer(conversation.Comment, "7", conversation.Request{Comment: 7, Thread: 12345, Sender: "hubot", Lines: lines, At: time.Now()})
		if (err != nil) != fails {
			t.Errorf("%v", err)
		}
	}
	if got := s.executed(); !strings.Contains(got, "Which finding is meant?") {
		t.Errorf("in a thread that is gone: %s", got)
	}
}

// TestTheOrganisationSaysWhoAccepts has a ceiling of its own for decisions.
func TestTheOrganisationSaysWhoAccepts(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	s.gh.CreateRepo("acme", ".github", false).Commit("main", "", "policy", map[string]string{".secbydesign.yml": "version: 1\nguardrails: {accept: {default: {max_days: 7}}}\n"})
	s.said("hubot", "accept "+medium.ID()+" until=30d"+because, "at most 7 days")
	s.said("hubot", "accept "+medium.ID()+" until=7d"+because, "is accepted until "+day(7))
}

// TestTheOrganisationLetsTheAuthorCount, who then is one of two, and may be both.
func TestTheOrganisationLetsTheAuthorCount(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", high)
	s.repo.SetPermission("mona", "maintain")
	s.gh.CreateRepo("acme", ".github", false).Commit("main", "", "policy", map[string]string{
		".secbydesign.yml": "version: 1\nguardrails: {accept: {above: {high: {people: 2, from: lead, max_days: 30, author_counts: true, distinct: false}}}}\n",
	})
	s.said("mona", "accept "+high.ID()+" until=30d"+because, "one more person who may write to this repository; its author may be one of them. They write")
	s.said("mona", "confirm "+s.decided()[0].ID, "Confirmed: `"+high.ID()+"` is accepted")
}

// TestWhatIsNotReadIsNotAnswered: each thing that GitHub or the ledger does not say is an error, and comes again.
func TestWhatIsNotReadIsNotAnswered(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(s *stage){
		"the pull request": func(s *stage) {
			s.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/*/*/pulls/*", Count: -1, Status: 500, Body: "{}"})
		},
		"who asks": func(s *stage) {
			s.gh.Fail(fakegithub.Fault{Method: "GET", Path: "/repos/*/*/collaborators/**", Count: -1, Status: 500, Body: "{}"})
		},
		"the guardrails": func(s *stage) { s.gh.Suspend(s.installed) },
		"who owns it":    func(s *stage) { s.gh.Fail(fakegithub.Fault{Path: "/acme/shop.git/**", Count: -1, Status: 403}) },
		"the ledger":     func(s *stage) { s.ledger.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "", medium)
			fail(s)
			err := s.answer(conversation.Comment, "1", conversation.Request{Comment: 1, Sender: "hubot", Lines: []string{"/secbydesign accept " + medium.ID() + " until=30d" + because}, At: time.Now()})
			if err == nil || len(s.events) != 0 || len(s.replies()) != 0 {
				t.Errorf("%v, %d events, %q", err, len(s.events), s.replies())
			}
		})
	}
}
