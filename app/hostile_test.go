package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/apptest"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/webhook/webhooktest"
)

// TestDeliveriesThatAreRefused sends forged and malformed deliveries, and holds that they have no effect.
func TestDeliveriesThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	secret := []byte(s.Settings.WebhookSecret)
	good := []byte(`{"action":"opened"}`)
	send := func(change func(*http.Request), event string, key, body []byte) int {
		req := webhooktest.Request(s.Address()+"/webhook", event, fmt.Sprint("guid-", time.Now().UnixNano()), key, body)
		req.RequestURI = ""
		if change != nil {
			change(req)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	for _, c := range []struct {
		name   string
		want   int
		event  string
		key    []byte
		body   []byte
		change func(*http.Request)
	}{
		{"unsigned", 401, "pull_request", secret, good, func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }},
		{"wrongly signed", 401, "pull_request", []byte("guess"), good, nil},
		{"by SHA-1 only", 401, "pull_request", secret, good, func(r *http.Request) {
			r.Header.Del("X-Hub-Signature-256")
			r.Header.Set("X-Hub-Signature", "sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709")
		}},
		{"not JSON", 400, "pull_request", secret, []byte("hello"), nil},
		{"truncated JSON", 400, "pull_request", secret, []byte(`{"action":"opened","number"`), nil},
		{"without its fields", 400, "pull_request", secret, []byte(`{"action":"opened","installation":{"id":1}}`), nil},
		{"oversized", 413, "pull_request", secret, bytes.Repeat([]byte(" "), 26<<20), nil},
		{"unknown event", 202, "rocket_launch", secret, good, nil},
	} {
		if got := send(c.change, c.event, c.key, c.body); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if got := s.metric("secbydesign_reviews_total", ""); got != 0 {
		t.Errorf("%v reviews, want none", got)
	}
}

// TestOddChanges opens a pull request for each odd kind of change on one App. Each ends in a
// clear state, and none harms another.
func TestOddChanges(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n" + leak(1), "run.sh": "#!/bin/sh\n"})
	many := map[string]string{}
	for i := range manyFiles {
		many[fmt.Sprintf("many/%04d.py", i)] = fmt.Sprintf("x = %d\n", i)
	}
	many["many/zz.py"] = leak(5)
	for _, c := range []struct {
		name, conclusion, summary string
		files                     map[string]string
	}{
		{"empty diff", "skipped", "nothing to scan", map[string]string{"a.py": "a = 1\n" + leak(1)}},
		{"binary", "success", "No new findings", map[string]string{"b.bin": "\x00\x01" + leak(2)}},
		{"symlink", "skipped", "nothing to scan", map[string]string{"link": fakegithub.Symlink + "/etc/passwd"}},
		{"mode", "success", "No new findings", map[string]string{"run.sh": fakegithub.Exec + "#!/bin/sh\n"}},
		{"rename only", "success", "No new findings", map[string]string{"a.py": fakegithub.Delete, "z.py": "a = 1\n" + leak(1)}},
		{"delete only", "success", "Taken out of the code, but still in its history", map[string]string{"a.py": fakegithub.Delete}},
		{"quotes", "neutral", "1 new finding", map[string]string{`it"s 'odd'.py`: leak(3)}},
		{"newline", "neutral", "1 new finding", map[string]string{"new\nline.py": leak(3)}},
		{"dash", "neutral", "1 new finding", map[string]string{"--output=x.py": leak(3)}},
		{"markup", "neutral", "1 new finding", map[string]string{"`a` <img src=x> @mona [b](c).py": leak(3)}},
		{"not UTF-8", "neutral", "1 new finding", map[string]string{"caf\xe9.py": leak(3)}},
		{"too large", "neutral", "Too large to be scanned: big.txt", map[string]string{"big.txt": strings.Repeat("just a line of text\n", largeFile/20)}},
		{"long line", "neutral", "1 new finding", map[string]string{"long.js": strings.Repeat("var a = 1; ", 1<<20/11) + "\n" + leak(4)}},
		{"many files", "neutral", "many/zz.py:1", many},
		{"CRLF", "success", "No new findings", map[string]string{"a.py": "a = 1\r\n" + strings.TrimSuffix(leak(1), "\n") + "\r\n"}},
	} {
		n := s.open("odd/"+strings.ReplaceAll(c.name, " ", "-"), c.files)
		run := s.verdict(n)
		if run.Conclusion != c.conclusion || !strings.Contains(run.Summary, c.summary) {
			t.Errorf("%s: %s %q\n%s\nwant %s with %q", c.name, run.Conclusion, run.Title, run.Summary, c.conclusion, c.summary)
		}
		if strings.Contains(run.Summary, apptest.Token(3)) {
			t.Errorf("%s: the summary holds the secret", c.name)
		}
	}
}

func TestOrphanAndSubmodule(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	git := func(stdin string, args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", s.repo.GitDir(), "-c", "user.name=a", "-c", "user.email=a@b"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	blob := git(leak(7), "hash-object", "-w", "--stdin")
	tree := git("160000 commit "+s.base+"\tmodule\n100644 blob "+blob+"\tb.py\n", "mktree", "--missing")
	git("", "update-ref", "refs/heads/orphan", git("", "commit-tree", tree, "-m", "orphan"))
	git("", "update-ref", "refs/heads/module", git("", "commit-tree", tree, "-p", s.base, "-m", "module"))
	for _, branch := range []string{"module", "orphan"} {
		n := s.repo.OpenPull("Odd", "", "main", branch, "mona", false)
		if run := s.verdict(n); run.Conclusion != "neutral" || !strings.Contains(run.Summary, "b.py:1") {
			t.Errorf("%s: %s\n%s", branch, run.Conclusion, run.Summary)
		}
	}
}

// TestOutOfReach takes repository and installation away before the review; others go on.
func TestOutOfReach(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.CreateOrg("gone")
	gone := s.GitHub.CreateRepo("gone", "repo", true)
	id := s.GitHub.Install("gone")
	gone.Commit("main", "", "base", map[string]string{"a.py": "a = 1\n"})
	gone.Commit("change", gone.Tip("main"), "change", map[string]string{"a.py": leak(1)})
	// Otherwise the search at the start may find the delivery first.
	s.until("the log of deliveries was read", func() bool { return strings.Contains(s.logs.String(), "searched for lost deliveries") })
	hook := s.Address() + "/webhook"
	s.GitHub.SetWebhookURL("")
	gone.OpenPull("Change", "", "main", "change", "mona", false)
	s.GitHub.Settle()
	d := s.GitHub.Deliveries()
	opened := slices.IndexFunc(d, func(d fakegithub.Delivery) bool { return d.Event == "pull_request" })
	s.GitHub.SetWebhookURL(hook)
	s.GitHub.Suspend(id)
	if status := s.GitHub.Redeliver(d[opened].GUID); status != http.StatusAccepted {
		t.Fatalf("the delivery is answered %d", status)
	}
	s.until("the review is given up", func() bool { return strings.Contains(s.logs.String(), "out of reach") })
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "neutral", "a.py:2 open")
}

// TestPolicyComesFromTheBase lets a pull request switch the gate off at its own head, and
// break the file.
func TestPolicyComesFromTheBase(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\ngates: {secrets: {mode: block}}\n"})
	n := s.open("off", map[string]string{"a.py": "a = 1\n" + leak(1), policyFile: "version: 1\ngates: {secrets: {mode: off}}\n", ".gitleaks.toml": "[allowlist]\npaths = ['''.*''']\n", ".gitleaksignore": "*\n"})
	s.want(n, "failure", "a.py:2 open")
	if sum := s.verdict(n).Summary; !strings.Contains(sum, "takes effect when it is merged") {
		t.Errorf("the summary does not say that the policy changes:\n%s", sum)
	}
	n = s.open("broken", map[string]string{policyFile: "version: 1\ngates:\n  secrets: {mode: loud}\n"})
	run := s.verdict(n)
	if len(run.Annotations) != 1 || run.Annotations[0].Path != policyFile || run.Annotations[0].StartLine != 3 {
		t.Errorf("annotations: %+v", run.Annotations)
	}
}

// TestBrokenPolicyAtTheBase holds that the last valid policy stays in force.
func TestBrokenPolicyAtTheBase(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\ngates: {secrets: {mode: block}}\n"})
	n := s.open("first", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "failure", "a.py:2 open")
	s.base = s.repo.Commit("main", "", "break it", map[string]string{policyFile: "gates: 7\n"})
	n = s.open("second", map[string]string{"a.py": "a = 1\n" + leak(2)})
	s.want(n, "failure", "a.py:2 open")
	if sum := s.verdict(n).Summary; !strings.Contains(sum, "is not valid") || !strings.Contains(sum, "the last valid one") {
		t.Errorf("the summary does not say so:\n%s", sum)
	}
}

// TestFaultsEndWell plays faults of GitHub at each step; the pull request ends as without.
func TestFaultsEndWell(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]fakegithub.Fault{
		"502 on the review":              fakegithub.BadGateway("POST", "/repos/*/*/pulls/*/reviews", 1, false),
		"502 after the review":           fakegithub.BadGateway("POST", "/repos/*/*/pulls/*/reviews", 1, true),
		"502 after a check":              fakegithub.BadGateway("POST", "/repos/*/*/check-runs", 1, true),
		"reset at the verdict":           fakegithub.ConnectionReset("PATCH", "/repos/*/*/check-runs/*", 1, true),
		"a check that comes late":        fakegithub.Unanswered("POST", "/repos/*/*/check-runs", 1, 1500*time.Millisecond, true),
		"a review that comes late":       fakegithub.Unanswered("POST", "/repos/*/*/pulls/*/reviews", 1, 1500*time.Millisecond, true),
		"secondary limit on the review":  fakegithub.SecondaryLimit("POST", "/repos/*/*/pulls/*/reviews", 403, 1, time.Second),
		"429 on the review":              fakegithub.SecondaryLimit("POST", "/repos/*/*/pulls/*/reviews", 429, 1, time.Second),
		"git away":                       {Path: "/acme/shop.git/**", Status: 502, Count: 2},
		"git does not know it yet":       {Path: "/acme/shop.git/**", Status: 404, Body: "Repository not found."},
		"garbage instead of the request": {Method: "GET", Path: "/repos/*/*/pulls/*", Status: 200, Body: "<html>", Header: map[string]string{"Content-Type": "text/html"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n"})
			s.GitHub.Fail(f)
			n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1) + leak(2)})
			s.want(n, "neutral", "a.py:2 open", "a.py:3 open")
		})
	}
}

// TestTheHeadIsKnownLater has a comparison that does not know the head yet, which is not the answer that
// head and base have nothing in common.
func TestTheHeadIsKnownLater(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", "old.py": leak(9)})
	s.GitHub.Fail(refusal("GET", "/repos/*/*/compare/**", 404, "Not Found"))
	s.want(s.open("change", map[string]string{"a.py": "a = 2\n"}), "success")
}

// refusal is one answer with a message of GitHub's.
func refusal(method, pattern string, status int, message string) fakegithub.Fault {
	return fakegithub.Fault{Method: method, Path: pattern, Status: status, Header: map[string]string{"Content-Type": "application/json"},
		Body: fmt.Sprintf(`{"message":%q,"documentation_url":"https://docs.github.com/rest"}`, message)}
}

// TestIncompleteAtTheThirdFailure keeps git away for a while.
func TestIncompleteAtTheThirdFailure(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.Fail(fakegithub.Fault{Path: "/acme/shop.git/**", Status: 502, Count: -1})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	run := s.verdict(n)
	if run.Conclusion != "neutral" || !strings.Contains(run.Summary, "tried again") || strings.Contains(run.Summary, " 502") {
		t.Errorf("%s\n%s", run.Conclusion, run.Summary)
	}
	s.GitHub.ClearFaults()
	s.reviewed(n)
	s.want(n, "neutral", "a.py:2 open")
}

func TestForkAndDraft(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n", policyFile: "version: 1\ngates: {secrets: {mode: block}}\n"})
	fork := s.repo.Fork("mallory")
	fork.Commit("change", fork.Tip("main"), "from a fork", map[string]string{"a.py": "a = 1\n" + leak(1)})
	n := s.repo.ForkPull(fork, "Fork", "", "main", "change", "mallory", true)
	s.want(n, "neutral", "a.py:2 open") // a draft never blocks
	s.GitHub.SetDraft("acme", "shop", n, "mallory", false)
	s.until("ready for review, it blocks", func() bool { return s.verdict(n).Conclusion == "failure" })
	s.reviewed(n)
	s.GitHub.Rerequest(s.verdict(n).ID, "mona")
	s.reviewed(n)
	s.want(n, "failure", "a.py:2 open")
}
