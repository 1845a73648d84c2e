package conversation_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/conversation"
	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/installation"
	"github.com/secbydesign/secbydesign/app/installation/installationtest"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policyfiles"
	"github.com/secbydesign/secbydesign/app/queue"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/scanners"
)

// A stage is acme/shop with one pull request of mona, of which a review is recorded.
type stage struct {
	t         *testing.T
	gh        *fakegithub.Server
	repo      *fakegithub.Repo
	installed int64
	number    int
	ledger    *ledger.Ledger
	handler   *conversation.Handler
	asked     int64 // the last comment

	// What was submitted since the last comment.
	reviews []queue.Request
	tasks   []queue.Task
	events  []ledger.Event
}

// The findings of the review, by what matters of them.
var (
	medium = record.Finding{Fingerprint: strings.Repeat("a", 26) + ":1", Rule: "gitleaks/key", Gate: scanners.Secrets, Title: "A key", Severity: scanners.Medium, State: scanners.New, Path: "a.py", Line: 2, Shown: true}
	high   = record.Finding{Fingerprint: strings.Repeat("b", 26) + ":1", Rule: "osv/CVE-1", Gate: scanners.Dependencies, Title: "A hole", Severity: scanners.High, State: scanners.New, Path: "pay/go.mod", Shown: true, Block: true, Fixable: true}
)

func newStage(t *testing.T, codeowners string, found ...record.Finding) *stage {
	t.Helper()
	gh, app := installationtest.New(t, installation.Options{})
	gh.CreateOrg("acme")
	s := &stage{t: t, gh: gh, repo: gh.CreateRepo("acme", "shop", false), installed: gh.Install("acme")}
	for login, role := range map[string]string{"mona": "write", "hubot": "write", "olga": "write", "lea": "maintain", "ted": "triage", "mallory": "none"} {
		s.repo.SetPermission(login, role)
	}
	gh.CreateTeam("acme", "payments", "olga", "mona")
	base := s.repo.Commit("main", "", "base", map[string]string{"a.py": "a\n", ".github/CODEOWNERS": codeowners})
	s.repo.Commit("change", base, "change", map[string]string{"a.py": "a\nb\n"})
	s.number = s.repo.OpenPull("Change", "", "main", "change", "mona", false)
	var err error
	if s.ledger, err = ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "l.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.ledger.Close() })
	mirrors := &mirror.Store{Dir: t.TempDir()}
	s.handler = &conversation.Handler{
		App: app, Mirrors: mirrors, Ledger: s.ledger, Submit: s.submit,
		Files: &policyfiles.Files{App: app, Mirrors: mirrors, Ledger: s.ledger},
	}
	s.heard(true)
	s.review(record.Review{Verdict: checks.Findings, Conclusion: "neutral", Findings: found})
	return s
}

func (s *stage) head() string { return s.gh.Pull("acme", "shop", s.number).HeadSHA }

// heard records that there is something new to review, and whether that was reviewed.
func (s *stage) heard(reviewed bool) {
	s.t.Helper()
	err := s.ledger.Tx(s.t.Context(), func(tx *sql.Tx) error {
		p := ledger.Pull{Installation: s.installed, RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: s.number, Head: s.head(), Force: true}
		if err := s.ledger.RecordWebhook(s.t.Context(), tx, p); err != nil || !reviewed {
			return err
		}
		p, err := s.ledger.PullTx(s.t.Context(), tx, ledger.Repo{ID: s.repo.ID()}, s.number)
		if err == nil {
			_, err = s.ledger.SetReviewed(s.t.Context(), tx, p)
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) review(r record.Review) {
	s.t.Helper()
	data, err := json.Marshal(r)
	if err == nil {
		err = s.ledger.Record(s.t.Context(), ledger.Event{Kind: record.Finished, RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: s.number, Head: s.head(), Data: data})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// submit records the events as the queue does, and keeps the rest.
func (s *stage) submit(ctx context.Context, _ ledger.Delivery, reviews []queue.Request, tasks []queue.Task, events []ledger.Event) error {
	s.reviews, s.tasks, s.events = append(s.reviews, reviews...), append(s.tasks, tasks...), append(s.events, events...)
	return s.ledger.Tx(ctx, func(tx *sql.Tx) error {
		for _, e := range events {
			if err := s.ledger.RecordTx(ctx, tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// answer has the handler answer, without failing.
func (s *stage) answer(kind, id string, q conversation.Request) error {
	s.t.Helper()
	s.reviews, s.tasks, s.events = nil, nil, nil
	data, err := json.Marshal(q)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.handler.Answer(s.t.Context(), queue.Task{
		Installation: s.installed, RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: s.number, Kind: kind, ID: id, Data: data,
	})
}

// says has somebody write commands, and gives what they are answered.
func (s *stage) says(login string, lines ...string) string {
	s.t.Helper()
	for i := range lines {
		lines[i] = "/secbydesign " + lines[i]
	}
	s.asked = s.gh.Note("acme", "shop", s.number, login, strings.Join(lines, "\n"))
	if err := s.answer(conversation.Comment, fmt.Sprint(s.asked), conversation.Request{Comment: s.asked, Sender: login, Lines: lines, At: time.Now()}); err != nil {
		s.t.Fatal(err)
	}
	return s.executed()
}

func (s *stage) presses(login, button string) string {
	s.t.Helper()
	s.asked++
	if err := s.answer(conversation.Button, fmt.Sprint(s.asked), conversation.Request{Button: button, Check: s.asked, Sender: login, At: time.Now()}); err != nil {
		s.t.Fatal(err)
	}
	return s.executed()
}

// executed gives what is said of what was just done: it is the last event.
func (s *stage) executed() string {
	s.t.Helper()
	if len(s.events) == 0 {
		s.t.Fatal("nothing is recorded")
	}
	last := s.events[len(s.events)-1]
	var e record.Executed
	if err := json.Unmarshal(last.Data, &e); err != nil || last.Kind != record.CommandExecuted {
		s.t.Fatalf("%s: %v", last.Kind, err)
	}
	if e.Reply != "" && (e.Quiet != "" || e.Reaction != "") {
		s.t.Errorf("it is said twice: %+v", e)
	}
	return e.Reply + e.Quiet
}

// said wants an answer to hold something.
func (s *stage) said(login, line, want string) string {
	s.t.Helper()
	got := s.says(login, line)
	if !strings.Contains(got, want) {
		s.t.Errorf("%s says %q and is answered\n%s\nwant %q in it", login, line, got, want)
	}
	return got
}

// replies gives what the App wrote in the conversation.
func (s *stage) replies() (list []string) {
	for _, k := range s.gh.IssueComments("acme", "shop", s.number) {
		if k.Author == "secbydesign[bot]" {
			list = append(list, k.Body)
		}
	}
	return list
}

// decided gives the decisions of the pull request.
func (s *stage) decided() []decision.Decision {
	s.t.Helper()
	list, err := s.ledger.Decisions(s.t.Context(), ledger.Repo{ID: s.repo.ID()}, ledger.Which{Number: s.number})
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// came lists what came of a comment, such as "review decided" and "task expiry".
func (s *stage) came() string {
	var list []string
	for _, r := range s.reviews {
		list = append(list, "review "+r.Reason)
	}
	for _, task := range s.tasks {
		list = append(list, "task "+task.Kind)
	}
	for _, e := range s.events {
		if e.Kind != record.CommandExecuted {
			list = append(list, e.Kind)
		}
	}
	return strings.Join(list, ", ")
}

func (s *stage) wantCame(want string) {
	s.t.Helper()
	if got := s.came(); got != want {
		s.t.Errorf("there came of it %q, want %q", got, want)
	}
}

const because = " because only our own staff can reach this page"

func day(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }

// TestWhoMaySayWhat is the table of roles and verbs.
func TestWhoMaySayWhat(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	s.made(decision.Decision{ID: "A-STANDING", Verb: "accept", Fingerprint: medium.Fingerprint, Rule: medium.Rule, Path: medium.Path, Number: s.number, Needs: 1, From: "lead", Asked: "eve"})
	verbs := []struct{ line, refused string }{
		{"why " + medium.ID(), ""},
		{"help", ""},
		{"rescan", "Only the author"},
		{"not-useful " + medium.ID() + " noise", "Only the author"},
		{"assign " + medium.ID() + " @acme/payments", "Only people who may write"},
		{"reopen " + medium.ID(), "Only people who may write"},
		{"confirm A-STANDING", "Only people who may write"},
		{"revoke A-STANDING", "Only people who may write"},
		{"fp " + medium.ID() + because, "Only people who may write"},
		{"accept " + medium.ID() + " until=30d" + because, "Only people who may write"},
	}
	for _, who := range []struct {
		login, role    string
		author, decide bool
	}{
		{"ted", "triage", false, false},
		{"rhea", "read", false, false},
		{"mona", "read", true, false},
		{"hubot", "write", false, true},
		{"lea", "maintain", false, true},
		{"ada", "admin", false, true},
	} {
		s.repo.SetPermission(who.login, who.role)
		var lines []string
		want := map[string]int{}
		for _, v := range verbs {
			lines = append(lines, v.line)
			if v.refused != "" && !who.decide && (!who.author || v.refused != "Only the author") {
				want[v.refused]++
			}
		}
		reply := s.says(who.login, lines...)
		for _, text := range []string{"Only the author", "Only people who may write"} {
			if got := strings.Count(reply, text); got != want[text] {
				t.Errorf("%s (%s) is answered %q %d times, want %d:\n%s", who.login, who.role, text, got, want[text], reply)
			}
		}
		switch {
		case who.decide && len(s.decided()) == 1:
			t.Errorf("%s (%s) decides nothing", who.login, who.role)
		case who.author && !who.decide:
			s.wantCame("review " + record.Rerequested + ", " + record.NotUseful)
		case !who.decide:
			s.wantCame("")
		}
	}
	// Who may not read the repository is not answered at all.
	before := len(s.replies())
	if got := s.says("mallory", "status", "rescan"); got != "" || len(s.replies()) != before || s.came() != "" {
		t.Errorf("mallory is answered %q", got)
	}
}

// TestADecisionThatCountsAtOnce is kept with all that a later review needs, has the pull requests reviewed again,
// and ends by itself the day after its last one.
func TestADecisionThatCountsAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	id := medium.ID()
	got := s.said("hubot", "accept "+id+" until=30d ticket=https://t.example/7"+because, "`"+id+"` is accepted until "+day(30)+" (`A-")
	s.wantCame("review decided, task expiry, task acceptance, task warning, task warning, " + record.DecisionMade)
	list := s.decided()
	if len(list) != 1 {
		t.Fatalf("%d decisions", len(list))
	}
	d := list[0]
	want := decision.Decision{
		ID: d.ID, Verb: "accept", Fingerprint: medium.Fingerprint, Rule: medium.Rule, Path: medium.Path, Number: s.number, Severity: scanners.Medium,
		Reason: strings.TrimPrefix(because, " because "), Ticket: "https://t.example/7", Until: d.Until, Asked: "hubot", Ceiling: "medium", Policy: s.repo.Tip("main"), PolicyLine: "defaults:guardrails.accept.default.max_severity",
	}
	if !d.Since.Equal(d.At) {
		t.Errorf("made at %s, it counts since %s", d.At, d.Since)
	}
	d.At, d.Since = time.Time{}, time.Time{}
	if a, b := fmt.Sprintf("%+v", d), fmt.Sprintf("%+v", want); a != b || d.Until.Format(time.DateOnly) != day(30) {
		t.Errorf("kept is\n%s\nwant\n%s", a, b)
	}
	if at := s.tasks[0].At; !at.Equal(d.Until.AddDate(0, 0, 1)) || s.tasks[0].ID != d.ID || s.tasks[1].ID != d.ID {
		t.Errorf("the tasks are %+v", s.tasks)
	}
	if !strings.HasSuffix(got, "`/secbydesign revoke "+d.ID+"` revokes that.") {
		t.Errorf("it is not said how it is revoked: %s", got)
	}
	for _, e := range s.events {
		if e.RepoID != s.repo.ID() || e.Owner != "acme" || e.Repo != "shop" || e.Number != s.number || e.Head != s.head() || e.Installation != s.installed {
			t.Errorf("the event is not of the pull request: %+v", e)
		}
	}

	// A second one takes the place of the first, and one without a date has no end.
	s.said("mona", "fp "+id+because, "is marked as a false positive (`A-")
	s.wantCame("review decided, task revocation, task acceptance, " + record.DecisionMade + ", " + record.DecisionEnded)
	list = s.decided()
	if len(list) != 2 || list[0].Ended != "it was replaced by "+list[1].ID || list[1].Ended != "" || !list[1].Until.IsZero() {
		t.Errorf("%+v", list)
	}
	// It is revoked, with a reason, and only once.
	s.said("hubot", "revoke "+list[1].ID+" because it opens a door", "`"+list[1].ID+"` is revoked; `"+id+"` counts as open again.")
	s.wantCame("review taken back, task revocation, " + record.DecisionEnded)
	s.said("hubot", "revoke "+list[1].ID, list[1].ID+" does not count any more: it was revoked by @&#8203;hubot: it opens a door.")
	s.said("hubot", "confirm "+list[1].ID, " does not count any more: it was revoked by")
	s.said("hubot", "revoke A-22222222", "A-22222222 is no decision of this repository. Nothing is decided here.")
	s.wantCame("")
}

// TestADecisionThatNeedsOthers is of a file that a team owns.
func TestADecisionThatNeedsOthers(t *testing.T) {
	t.Parallel()
	s := newStage(t, "/pay/ @acme/payments\n", high)
	id := high.ID()
	accept := "accept " + id + " until=30d" + because
	s.said("mona", "accept "+id+" until=31d"+because, "This would work: `/secbydesign accept "+id+" until="+day(30)+because+"`")
	s.said("mona", "accept "+id+" until=30d because no", "has 2 characters")
	s.wantCame(record.DecisionRefused)
	s.said("mona", accept, "`"+id+"` waits as `A-")
	s.wantCame("review decided, task expiry, " + record.DecisionMade)
	first := s.decided()[0]
	if first.Needs != 1 || first.By != nil || first.From != "lead" || !first.Fixable {
		t.Errorf("%+v", first)
	}
	const who = "one more of those who own the file (`@acme/payments`), or of those who maintain the repository, and the author of the pull request does not count"
	if got := s.says("mona", accept); !strings.Contains(got, "a high finding must be confirmed by "+who+". They write `/secbydesign confirm A-") {
		t.Errorf("it is answered %s", got)
	}
	s.wantCame("review decided, task revocation, task expiry, " + record.DecisionMade + ", " + record.DecisionEnded)
	second := s.decided()[1].ID
	s.said("mona", "confirm "+second, "Somebody else has to confirm what you asked for or confirmed yourself.")
	s.said("hubot", "confirm "+second, "this must be confirmed by "+who+".")
	s.said("hubot", "confirm A-22222222", "A-22222222 is no decision of this repository. Here there are "+second+".")
	s.said("ted", "confirm "+second, "Only people who may write")
	s.wantCame("")
	s.said("olga", "confirm "+second, "Confirmed: `"+id+"` is accepted (`"+second+"`).")
	s.wantCame("review confirmed, task acceptance, task warning, task warning, " + record.DecisionConfirmed)
	if d := s.decided()[1]; d.Needs != 0 || !slices.Equal(d.By, []string{"olga"}) {
		t.Errorf("%+v", d)
	}
	s.said("lea", "confirm "+second, second+" needs no confirmation.")
	s.said("lea", "reopen "+id, "is revoked; `"+id+"` counts as open again.")
	s.wantCame("review taken back, task revocation, " + record.DecisionEnded)
	if d := s.decided()[1]; d.Ended != "it was re-opened by @lea" {
		t.Errorf("it ended because %s", d.Ended)
	}
	s.said("lea", "reopen "+id, "Nothing is decided about "+id+", so it is open already.")
	// A lead who is not the author counts by themselves.
	s.said("lea", accept, "is accepted until")
	if d := s.decided()[2]; !slices.Equal(d.By, []string{"lea"}) || d.Needs != 0 {
		t.Errorf("%+v", d)
	}
	// What one comment does is known to its next line.
	got := s.says("lea", "not-affected "+id+" vulnerable_code_not_present", "reopen "+id, "reopen "+id)
	if !strings.Contains(got, "is not affected") || !strings.Contains(got, "is revoked") || strings.Count(got, "it is open already") != 1 {
		t.Errorf("it is answered\n%s", got)
	}
}

// TestACriticalFindingTakesTwo of those who own the file, and a rule that is no owner's anybody who writes.
func TestACriticalFindingTakesTwo(t *testing.T) {
	t.Parallel()
	critical := high
	critical.Severity, critical.Fixable = scanners.Critical, false
	other := critical
	other.Fingerprint, other.Path = strings.Repeat("c", 26)+":1", "free.py"
	s := newStage(t, "/pay/ @acme/payments @hubot\n", critical, other)
	s.said("mona", "accept "+critical.ID()+" until=14d"+because, "a critical finding must be confirmed by 2 more of those who own the file (`@acme/payments`, `@hubot`), and the author")
	id := s.decided()[0].ID
	s.said("lea", "confirm "+id, "this must be confirmed by 2 more of those who own the file")
	s.said("olga", "confirm "+id, "Confirmed. `"+id+"` waits for one more of those who own the file")
	s.wantCame("review confirmed, " + record.DecisionConfirmed)
	s.said("olga", "confirm "+id, "Somebody else has to confirm")
	s.said("hubot", "confirm "+id, "Confirmed: `"+critical.ID()+"` is accepted")
	s.said("mona", "accept "+other.ID()+" until=14d"+because, "2 more people who may write to this repository, and the author")
	s.said("olga", "accept "+other.ID()+" until=14d"+because, "one more person who may write to this repository, and the author")
}

// TestElsewhere has a decision of another pull request.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	elsewhere := medium
	elsewhere.Decided = "A-ELSEWHER"
	s := newStage(t, "", elsewhere)
	for _, d := range []decision.Decision{
		{ID: "A-ELSEWHER", Verb: "accept", Fingerprint: medium.Fingerprint, Rule: medium.Rule, Path: medium.Path, Number: 77, Needs: 1, From: "lead", Asked: "ada"},
		{ID: "A-ANOTHERS", Verb: "defer", Fingerprint: medium.Fingerprint, Rule: medium.Rule, Path: medium.Path, Number: 78, Asked: "eve"},
		{ID: "A-UNRELATE", Verb: "accept", Fingerprint: high.Fingerprint, Rule: high.Rule, Path: high.Path, Number: 79, Asked: "eve"},
	} {
		s.made(d)
	}
	if got := s.said("hubot", "why "+medium.ID(), "- `A-ELSEWHER`: accepted, asked for by @&#8203;ada; waits for 1 more"); strings.Contains(got, "A-ANOTHERS") {
		t.Errorf("a decision that does not count here is named: %s", got)
	}
	s.said("lea", "confirm A-ELSEWHER", "A-ELSEWHER was decided in #&#8203;77; confirm it there, where its author is known.")
	s.said("hubot", "reopen "+medium.ID(), "`A-ELSEWHER` is revoked")
	s.wantCame("review taken back, task revocation, " + record.DecisionEnded)
	s.said("hubot", "why "+medium.ID(), "asked for by @&#8203;ada; it was re-opened by @&#8203;hubot")
	// What is decided here ends nothing elsewhere, and what is named is found wherever it was decided.
	s.said("hubot", "fp "+medium.ID()+because, "is marked as a false positive")
	s.wantCame("review decided, task acceptance, " + record.DecisionMade)
	s.said("hubot", "revoke A-UNRELATE", "`A-UNRELATE` is revoked; `"+high.ID()+"` counts as open again.")
}

// made records a decision as another version of this program may have made it.
func (s *stage) made(d decision.Decision) {
	s.t.Helper()
	data, err := json.Marshal(record.DecisionStep{Decision: &d, Who: d.Asked, Source: "comment-1"})
	if err == nil {
		err = s.ledger.Record(s.t.Context(), ledger.Event{Kind: record.DecisionMade, RepoID: s.repo.ID(), Owner: "acme", Repo: "shop", Number: d.Number, Data: data})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestOneDecisionInForceAndOneThatWaits are of one finding: neither takes the place of the other.
func TestOneDecisionInForceAndOneThatWaits(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", high)
	accept := "accept " + high.ID() + " until=30d" + because
	s.says("mona", accept)
	s.says("lea", accept)
	s.wantCame("review decided, task expiry, task acceptance, task warning, task warning, " + record.DecisionMade)
	list := s.decided()
	if len(list) != 2 || list[0].Ended != "" || list[1].Ended != "" {
		t.Fatalf("%+v", list)
	}
	// Once it is confirmed, what one line of a comment does is known to the next.
	waits := list[0].ID
	if got := s.says("olga", "confirm "+waits, "confirm "+waits, "revoke "+waits, "revoke "+waits); !strings.Contains(got, waits+" needs no confirmation.") || !strings.Contains(got, waits+" does not count any more: it was revoked by") {
		t.Errorf("it is answered\n%s", got)
	}
}

// TestWhatACommentInTheCodeAccepts is revoked there.
func TestWhatACommentInTheCodeAccepts(t *testing.T) {
	t.Parallel()
	inCode := medium
	inCode.Decided = "a.py:1"
	s := newStage(t, "", inCode)
	s.said("hubot", "reopen "+medium.ID(), medium.ID()+" is accepted by the comment at a.py:1; remove that comment to open it again.")
	s.wantCame("")
}

// TestLongListsAreCut: of the decisions of a pull request 20 are listed, and 10 named.
func TestLongListsAreCut(t *testing.T) {
	t.Parallel()
	s := newStage(t, "", medium)
	for i := range 21 {
		s.made(decision.Decision{ID: "A-AAAAAAA" + string(rune('A'+i)), Verb: "accept", Fingerprint: medium.Fingerprint, Rule: medium.Rule, Path: medium.Path, Number: s.number, Asked: "eve"})
	}
	if got := s.says("ted", "status"); strings.Count(got, "- `A-") != 20 {
		t.Errorf("it is answered\n%s", got)
	}
	if got := s.says("hubot", "revoke A-22222222"); strings.Count(got, "A-AAAAAAA") != 10 {
		t.Errorf("it is answered\n%s", got)
	}
}
