package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// unreachable stops the App, does what happens meanwhile, and starts it again. GitHub cannot hand over anything meanwhile.
func (s *stage) unreachable(meanwhile func()) {
	s.t.Helper()
	s.recovered(1) // the search of the first start, which a stop would cut off
	s.restart(func() {
		s.GitHub.SetWebhookURL("http://127.0.0.1:1/webhook") // nobody listens
		meanwhile()
		s.GitHub.Settle()
	})
}

// recovered waits until lost deliveries were searched for n times, by the log.
func (s *stage) recovered(n int) {
	s.t.Helper()
	s.until("lost deliveries are searched for", func() bool { return strings.Count(s.logs.String(), "searched for lost deliveries") >= n })
}

// TestLostWhileDown takes the App away while a pull request is opened, another one pushed to, one merged, and a command
// written: afterwards all of it is done, and once.
func TestLostWhileDown(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.repo.SetPermission("mona", "write")
	pushed := s.open("pushed", map[string]string{"a.py": "a = 1\n" + leak(1)})
	merged := s.open("merged", map[string]string{"c.py": "c = 1\n"})
	asked := s.open("asked", map[string]string{"d.py": "d = 1\n" + leak(4)})
	for _, n := range []int{pushed, merged, asked} {
		s.verdict(n)
		s.reviewed(n)
	}
	opened := 0
	s.unreachable(func() {
		opened = s.open("opened", map[string]string{"b.py": "b = 1\n" + leak(2)})
		s.push(pushed, "pushed", map[string]string{"a.py": "a = 1\n" + leak(1) + leak(3)})
		s.GitHub.ClosePull("acme", "shop", merged, "mona", false)
		s.GitHub.Note("acme", "shop", asked, "mona", "/secbydesign status")
		s.GitHub.Note("acme", "shop", asked, "mona", "no command")
	})
	s.want(opened, "neutral", "b.py:2 open")
	s.want(pushed, "neutral", "a.py:2 open", "a.py:3 open")
	s.until("the merge is known", func() bool { return s.heard(merged).Closed })
	answers := func() int { return len(s.recorded(record.CommandExecuted)) }
	s.until("the command is executed", func() bool { return answers() == 1 })
	s.recovered(2)
	if got := s.metric("secbydesign_deliveries_recovered_total", `outcome="read"`); got != 1 {
		t.Errorf("%v deliveries were read and used, want the command", got)
	}
	if got := s.metric("secbydesign_deliveries_recovered_total", `outcome="unneeded"`); got != 1 {
		t.Errorf("%v deliveries were read and not used, want the comment without a command", got)
	}
	if got := s.metric("secbydesign_pulls_recovered_total", ""); got != 2 {
		t.Errorf("%v pull requests without a verdict were found, want 2", got)
	}
	if strings.Contains(s.logs.String(), `"method":"POST","path":"/api/v3/app/hook/deliveries`) {
		t.Error("something was delivered again that the log has in full")
	}

	// Now all is known, and GitHub hands over by itself.
	s.restart(func() {})
	s.recovered(3)
	if got := s.metric("secbydesign_deliveries_recovered_total", ""); got != 0 {
		t.Errorf("%v deliveries were found again, and nothing was lost", got)
	}
	if got := s.metric("secbydesign_reviews_total", ""); got != 0 {
		t.Errorf("%v reviews, and everything has a verdict", got)
	}
	if n := answers(); n != 1 {
		t.Errorf("the command was executed %d times", n)
	}
}

// TestLostAndDeliveredByHand has an operator deliver a command again before the App searches for it, and once more after.
func TestLostAndDeliveredByHand(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.repo.SetPermission("mona", "write")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.verdict(n)
	s.reviewed(n)
	s.recovered(1)
	lost := func() (guid string) {
		for _, d := range s.GitHub.Deliveries() {
			if d.Event == "issue_comment" && strings.Contains(string(d.Payload), "/secbydesign status") {
				guid = d.GUID
			}
		}
		return guid
	}
	s.GitHub.SetWebhookURL("http://127.0.0.1:1/webhook")
	s.GitHub.Note("acme", "shop", n, "mona", "/secbydesign status")
	s.GitHub.Settle()
	s.GitHub.SetWebhookURL(s.Address() + "/webhook")
	if status := s.GitHub.Redeliver(lost()); status != http.StatusAccepted {
		t.Fatalf("delivered by hand: %d", status)
	}
	s.restart(func() {})
	s.recovered(2)
	if status := s.GitHub.Redeliver(lost()); status != http.StatusAccepted {
		t.Fatalf("delivered by hand: %d", status)
	}
	if got := s.metric("secbydesign_deliveries_recovered_total", `outcome="read"`); got != 0 {
		t.Errorf("%v deliveries were read, and it was known", got)
	}
	if got := s.metric("secbydesign_webhook_deliveries_total", `outcome="duplicate"`); got != 1 {
		t.Errorf("%v duplicates, want the second by hand", got)
	}
}

// TestLostOrderOfCommands loses two commands that contradict each other: the later one counts.
func TestLostOrderOfCommands(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.repo.SetPermission("mona", "admin")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.verdict(n)
	s.reviewed(n)
	var want []string
	s.unreachable(func() {
		for i := range 6 {
			text := "/secbydesign status"
			if i%2 == 1 {
				text = "/secbydesign help"
			}
			s.GitHub.Note("acme", "shop", n, "mona", text)
			want = append(want, text)
		}
	})
	events := func() (got []string) {
		for _, e := range s.recorded(record.CommandExecuted) {
			var done record.Executed
			if err := json.Unmarshal(e.Data, &done); err != nil {
				t.Fatal(err)
			}
			got = append(got, done.Lines...)
		}
		return got
	}
	s.until("all commands are executed", func() bool { return len(events()) >= len(want) })
	s.recovered(2)
	if got := events(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the commands were executed in the order\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestLostCommandIsOvertaken loses commands, and has later ones executed before the lost ones are found: those about the
// same finding are not carried out, and their answer says why. Others are.
func TestLostCommandIsOvertaken(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.repo.SetPermission("hubot", "write")
	s.repo.SetPermission("reader", "read")
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + mild(1) + mild(2) + mild(3)})
	s.verdict(n)
	s.reviewed(n)
	ids := s.ids(n)
	if len(ids) != 3 {
		t.Fatalf("findings %v, want 3", ids)
	}
	s.recovered(1)
	s.GitHub.SetWebhookURL("http://127.0.0.1:1/webhook") // nobody listens
	for _, id := range ids {
		s.GitHub.Note("acme", "shop", n, "hubot", "/secbydesign fp "+id+" because it is an example of the documentation")
	}
	s.GitHub.Settle()
	s.GitHub.Advance(2 * time.Second) // GitHub's times are in seconds
	s.GitHub.SetWebhookURL(s.Address() + "/webhook")
	s.said(n, "hubot", "/secbydesign reopen "+ids[0], "is open already")
	s.said(n, "reader", "/secbydesign reopen "+ids[1], "")
	s.said(n, "hubot", "/secbydesign why "+ids[2], "")
	s.restart(func() {})
	s.recovered(2)
	overtaken := func() (list []string) {
		for _, reply := range s.bot(n) {
			if strings.Contains(reply, "the later one counts") {
				list = append(list, reply)
			}
		}
		return list
	}
	s.until("the lost ones are executed", func() bool { return len(s.recorded(record.CommandExecuted)) == 6 })
	s.until("one of them is answered", func() bool { return len(overtaken()) > 0 })
	if got := overtaken(); len(got) != 1 || !strings.Contains(got[0], ids[0]) {
		t.Errorf("not carried out were\n%s\nwant the one about %s", strings.Join(got, "\n"), ids[0])
	}
	s.becomes(n, "neutral", "1 new finding (")
}

// TestNoNaggingOnTheFirstDay installs the App on an organisation with open pull requests: they are left alone until
// somebody works on them.
func TestNoNaggingOnTheFirstDay(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.CreateOrg("umbrella")
	repo := s.GitHub.CreateRepo("umbrella", "old", true)
	base := repo.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
	numbers := map[string]int{}
	for _, branch := range []string{"one", "two", "three"} {
		repo.Commit(branch, base, branch, map[string]string{"a.py": "a = 1\n" + leak(len(numbers))})
		numbers[branch] = repo.OpenPull(branch, "", "main", branch, "mona", false)
	}
	s.GitHub.Advance(2 * time.Second) // GitHub's times are in seconds
	s.GitHub.Install("umbrella")
	s.GitHub.Settle()
	s.unreachable(func() {
		s.GitHub.Advance(2 * time.Second)
		repo.Commit("two", "", "more", map[string]string{"b.py": "b = 1\n"})
		repo.SyncPull(numbers["two"])
	})
	s.recovered(2)
	s.until("the one that changed is reviewed", func() bool {
		return len(s.GitHub.CheckRuns("umbrella", "old", s.GitHub.Pull("umbrella", "old", numbers["two"]).HeadSHA)) > 0
	})
	for _, branch := range []string{"one", "three"} {
		if runs := s.GitHub.CheckRuns("umbrella", "old", s.GitHub.Pull("umbrella", "old", numbers[branch]).HeadSHA); len(runs) > 0 {
			t.Errorf("pull request %s, which nobody touched since the installation, has %d checks", branch, len(runs))
		}
	}
}

// TestLostWhileGitHubFails lets GitHub refuse in the middle of the search: with each kind of error it goes on, from what
// it had.
func TestLostWhileGitHubFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]fakegithub.Fault{
		"log 500":          {Path: "/app/hook/deliveries", Count: 2, Status: 500, Body: "{}"},
		"log secondary":    fakegithub.SecondaryLimit("GET", "/app/hook/deliveries", 403, 1, time.Second),
		"log 429":          fakegithub.SecondaryLimit("GET", "/app/hook/deliveries", 429, 1, time.Second),
		"payload 502":      {Path: "/app/hook/deliveries/*", Count: 5, Status: 502, Body: "{}"},
		"payload cut":      fakegithub.ConnectionReset("GET", "/app/hook/deliveries/*", 5, false),
		"installs 500":     {Path: "/app/installations", Count: 2, Status: 500, Body: "{}"},
		"repositories 403": fakegithub.SecondaryLimit("GET", "/installation/repositories", 403, 1, time.Second),
		"graphql 502":      {Path: "/graphql", Count: 5, Status: 502, Body: "{}"},
		"no log":           {Path: "/app/hook/deliveries", Count: -1, Status: 404, Body: `{"message":"Not Found"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n"})
			s.repo.SetPermission("mona", "write")
			s.RecoverEvery = time.Second
			first := s.open("first", map[string]string{"a.py": "a = 1\n" + leak(1)})
			s.verdict(first)
			s.reviewed(first)
			n := 0
			s.unreachable(func() {
				n = s.open("change", map[string]string{"b.py": "b = 1\n" + leak(2)})
				s.GitHub.Note("acme", "shop", first, "mona", "/secbydesign status")
				s.GitHub.Fail(fault)
			})
			s.want(n, "neutral", "b.py:2 open")
			if name == "no log" {
				s.recovered(2)
				if !strings.Contains(s.logs.String(), "this GitHub has no log of deliveries") {
					t.Error("the log does not say that commands cannot be found")
				}
				return
			}
			s.until("the command is executed", func() bool { return len(s.recorded(record.CommandExecuted)) == 1 })
			s.recovered(2)
		})
	}
}
