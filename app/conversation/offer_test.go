package conversation_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/command"
	"github.com/secbydesign/secbydesign/app/conversation"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// offered matches a command that a reply offers. The line that a reply is about stands at its beginning.
var offered = regexp.MustCompile("(?:work: |for example |brackets: |\n- )`(/secbydesign [^`]+)`")

// refused reports whether a reply refuses a line: then it begins with it.
func refused(reply, line string) bool {
	if r := []rune(line); len(r) > 80 {
		line = string(r[:79]) + "…"
	}
	return strings.Contains(reply, checks.Code(line)+": ") && !strings.Contains(reply, "- "+checks.Code(line)+": ")
}

// TestOffersWork has people of all roles make typical mistakes, ask for help and press buttons, under several
// guardrails, and then write each line that the replies offer them: every one is carried out.
func TestOffersWork(t *testing.T) {
	t.Parallel()
	critical, malicious, observed := medium, high, medium
	critical.Fingerprint, critical.Severity, critical.Gate, critical.Rule, critical.Path = strings.Repeat("c", 26)+":1", scanners.Critical, scanners.Code, "gosec/G101", "pay/a.go"
	malicious.Fingerprint, malicious.Rule, malicious.Severity = strings.Repeat("d", 26)+":1", "osv/malicious-package", scanners.Critical
	observed.Fingerprint, observed.Severity, observed.Shown = strings.Repeat("e", 26)+":1", scanners.Low, false
	all := []record.Finding{medium, high, critical, malicious, observed}
	const accept = "version: 1\nguardrails:\n  accept:\n"
	for name, c := range map[string]struct {
		guardrails string
		findings   []record.Finding
	}{
		"the defaults":            {"", all},
		"one finding":             {"", []record.Finding{critical}},
		"only a malicious one":    {"", []record.Finding{malicious}},
		"short and wordy":         {accept + "    default: {max_severity: low, max_days: 3, reason_min: 90}\n    above: {critical: {people: 1, from: lead, max_days: 1}}\n", all},
		"of a team":               {accept + "    default: {max_days: 9}\n    by_team: {\"@acme/payments\": {max_severity: critical, max_days: 5, reason_min: 200}}\n", all},
		"nothing may be accepted": {accept + "    never: [\"*\"]\n", all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "/pay/ @acme/payments\n", c.findings...)
			if c.guardrails != "" {
				s.gh.CreateRepo("acme", ".github", false).Commit("main", "", "guardrails", map[string]string{".secbydesign.yml": c.guardrails})
			}
			tried := map[command.Verb]int{}
			for _, login := range []string{"mona", "olga", "ted"} {
				lines := []string{"accept until=5d", "fp because no", "ignore", "frobnicate", "rescn", "why", "why F-22222222", "help", "confirm " + medium.ID()}
				for _, f := range c.findings[:1] {
					lines = append(lines, mistakes(f.ID())...)
				}
				for _, f := range c.findings[1:] {
					lines = append(lines, mistakes(f.ID())[:5]...)
				}
				var replies []string
				for batch := range slices.Chunk(lines, command.MaxCommands) {
					replies = append(replies, s.says(login, batch...))
				}
				for _, button := range []string{checks.Accept, checks.NotUseful} {
					replies = append(replies, s.presses(login, button))
				}
				s.follow(login, strings.Join(replies, "\n"), tried)
			}
			verbs := []command.Verb{command.FP, command.NotUseful, command.Assign, command.Why, command.Rescan, command.Status, command.Help}
			if !strings.Contains(name, "may be") && !strings.Contains(name, "malicious") {
				verbs = append(verbs, command.Accept, command.Defer)
			}
			for _, verb := range verbs {
				if tried[verb] == 0 {
					t.Errorf("no line with %s was offered", verb)
				}
			}
			if len(verbs) < 8 && tried[command.Accept]+tried[command.Defer] > 0 {
				t.Errorf("an acceptance was offered: %v", tried)
			}
		})
	}
}

// mistakes are lines as people write them, about one finding.
func mistakes(id string) []string {
	lines := []string{
		"acept ID", "accept ID", "accept ID until=tomorrow because REASON", "accept ID until=400d because REASON", "accept ID until=5d because no",
		"accept ID 5d because REASON", "accept ID until=5d REASON", "accept ID because REASON", "fp ID", "fp ID wrong", "ignore ID because REASON",
		"defer ID until=900d", "snooze ID", "not-affected ID", "not-affected ID vulnerable_code_not_presant", "not-affected ID vulnerable_code_not_present because " + strings.Repeat("x", 1200),
		"assign ID payments", "assign ID", "not-useful ID boring", "noise ID", "accept IDX until=30d because REASON", "false-positive ID because it is `code` in backquotes, and long enough",
	}
	for i, line := range lines {
		line = strings.ReplaceAll(line, "REASON", "only our own staff can reach this page, and only from the office, with a second factor")
		lines[i] = strings.Replace(line, "IDX", id[:9]+"1", 1)
		lines[i] = strings.Replace(lines[i], "ID", id, 1)
	}
	return lines
}

// follow writes the lines that replies offer a person, and wants none of them to be refused.
func (s *stage) follow(login, replies string, tried map[command.Verb]int) {
	s.t.Helper()
	var lines []string
	for _, m := range offered.FindAllStringSubmatch("\n"+replies, -1) {
		line := m[1]
		c, err := command.Parse(line, time.Now())
		if err != nil || !slices.Equal(command.Find(line), []string{line}) {
			s.t.Errorf("%s is offered %q: %v", login, line, err)
			continue
		}
		if slices.Contains([]command.Verb{command.Confirm, command.Revoke, command.Reopen}, c.Verb) {
			continue // the lines before replace the decision, see TestDecisionsAreOffered
		}
		tried[c.Verb]++
		if line = strings.TrimPrefix(line, command.Prefix+" "); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	for batch := range slices.Chunk(lines, command.MaxCommands) {
		got := s.says(login, slices.Clone(batch)...)
		for _, line := range batch {
			if line = command.Prefix + " " + line; refused(got, line) {
				s.t.Errorf("%s is offered %q, writes it, and is answered\n%s", login, line, got)
			}
		}
	}
}

// TestDecisionsAreOffered: the commands about a decision name one that this person can confirm or revoke.
func TestDecisionsAreOffered(t *testing.T) {
	t.Parallel()
	s := newStage(t, "/pay/ @acme/payments\n", medium, high)
	s.says("mona", "accept "+high.ID()+" until=3d"+because)
	id := s.decided()[0].ID
	for line, want := range map[string]string{"confirm": "confirm " + id, "confirm " + id[:9] + "1": "confirm " + id, "lgtm": "confirm " + id, "revoke": "revoke " + id} {
		s.said("olga", line, "This would work: `/secbydesign "+want+"`")
	}
	if got := s.says("mona", "confirm"); strings.Contains(got, "would work") {
		t.Errorf("mona is offered to confirm what she asked for:\n%s", got)
	}
	s.said("olga", "help", "- `/secbydesign confirm "+id+"`: ")
	s.said("olga", "confirm "+id, "Confirmed: ")
	s.said("mona", "undo", "This would work: `/secbydesign revoke "+id+"`")
	s.said("mona", "help", "- `/secbydesign reopen "+high.ID()+"`: ")
}

// TestMistakesKeepWhatIsRight: the line that a reply offers repeats the ids, the day, the reason and the ticket.
func TestMistakesKeepWhatIsRight(t *testing.T) {
	t.Parallel()
	second := medium
	second.Fingerprint, second.Path = strings.Repeat("c", 26)+":1", "b.py"
	s := newStage(t, "/pay/ @acme/payments\n", medium, second, high)
	a, b, dep := medium.ID(), second.ID(), high.ID()
	accept := func(ids, until, reason string) string {
		return "accept " + ids + " until=" + until + " because " + reason
	}
	reason := strings.TrimPrefix(because, " because ")
	placeholder := "[explain in at least 30 characters why the risk is acceptable here]"
	for line, want := range map[string]string{
		"acept " + a + "," + b + " until=" + day(9) + because:          accept(a+","+b, day(9), reason),
		"accept " + a + " until=tomorrow" + because:                    accept(a, day(30), reason),
		"accept " + a + because:                                        accept(a, day(30), reason),
		"accept " + a + " until=" + day(9):                             accept(a, day(9), placeholder),
		"accept " + a + " until=" + day(9) + " because no":             accept(a, day(9), placeholder),
		"accept " + a + " until=" + day(200) + because:                 accept(a, day(90), reason),
		"accept " + a + " until=" + day(200) + " because no":           accept(a, day(90), placeholder),
		"accept " + dep + " until=" + day(200) + because:               accept(dep, day(30), reason),
		"accept " + a + "," + dep + " until=x" + because:               accept(a+","+dep, day(30), reason),
		"accept " + a[:9] + "1 until=" + day(9) + because:              accept(a, day(9), reason),
		"accept until=" + day(9) + because:                             accept(dep, day(9), reason), // the worst
		"accept " + a + " " + day(9) + " " + reason:                    accept(a, day(9), reason),
		"fp " + a + " " + reason:                                       "fp " + a + because,
		"defer " + a + " until=" + day(9):                              "defer " + a + " until=" + day(9) + " ticket=https://example.com/your-ticket",
		"snooze " + a + " ticket=https://t.example/1":                  "defer " + a + " until=" + day(30) + " ticket=https://t.example/1",
		"assign " + dep + " payments":                                  "assign " + dep + " @acme/payments",
		"assign " + a + " payments":                                    "assign " + a + " @hubot",
		"not-affected " + dep + " because " + reason:                   "not-affected " + dep + " vulnerable_code_not_in_execute_path because " + reason,
		"not-affected " + a + " vulnerable_code_not_present" + because: "fp " + a + because,
		"not-useful " + b + " boring":                                  "not-useful " + b + " noise",
	} {
		s.said("hubot", line, "This would work: `/secbydesign "+want+"`")
	}
	// Nothing is offered that would not work, or for a finding that may not be meant.
	for line, login := range map[string]string{
		"accept F-22222222 until=5d" + because: "hubot", "acept " + a: "ted", "confirm": "hubot", "revoke A-22222222": "hubot", "reopen": "hubot", "why F-22222222": "hubot", "plan": "hubot",
	} {
		if got := s.says(login, line); strings.Contains(got, "This would work") {
			t.Errorf("%s says %q and is answered\n%s", login, line, got)
		}
	}
}

// TestOffersInAThread: there the id may be left out, and the line that is offered names the thread's findings.
func TestOffersInAThread(t *testing.T) {
	t.Parallel()
	second := high
	second.Fingerprint, second.Thread = strings.Repeat("c", 26)+":1", high.Fingerprint
	s := newStage(t, "", medium, high, second)
	ours := s.gh.CommentOnLine("acme", "shop", s.number, "secbydesign[bot]", "a.py", 2, "A hole.\n\n<!-- secbydesign:v1 finding="+high.Fingerprint+" -->")
	in := func(line string) string {
		t.Helper()
		id := s.gh.Reply("acme", "shop", s.number, ours, "hubot", line)
		first := s.gh.Threads("acme", "shop", s.number)[0].Comments[0].ID
		if err := s.answer(conversation.Comment, fmt.Sprint(id), conversation.Request{Comment: id, Thread: first, Sender: "hubot", Lines: []string{line}, At: time.Now()}); err != nil {
			t.Fatal(err)
		}
		return s.executed()
	}
	got := in("/secbydesign accept until=90d" + because)
	for _, f := range []record.Finding{high, second} {
		if want := fmt.Sprintf("This would work: `/secbydesign accept %s until=%s%s`", f.ID(), day(30), because); !strings.Contains(got, want) {
			t.Errorf("it is answered\n%s\nwant %s", got, want)
		}
	}
	if got := in("/secbydesign accept"); !strings.Contains(got, "This would work: `/secbydesign accept "+high.ID()+","+second.ID()+" until="+day(30)) {
		t.Errorf("it is answered\n%s", got)
	}
}
