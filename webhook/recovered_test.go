package webhook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/webhook"
)

// TestUsed compares Used with what the readers accept. If a reader learns an action that Used does not know, a lost
// delivery of it is never read again.
func TestUsed(t *testing.T) {
	t.Parallel()
	const queued = "gh-readonly-queue/main/pr-1-1111111111111111111111111111111111111111"
	sha := strings.Repeat("1", 40)
	events := []string{
		"pull_request", "pull_request_review", "pull_request_review_comment", "pull_request_review_thread", "check_run", "check_suite", "issues", "issue_comment",
		"merge_group", "push", "repository", "installation", "installation_repositories", "installation_target", "ping", "status", "create", "member", "meta",
	}
	actions := []string{
		"", "opened", "synchronize", "reopened", "ready_for_review", "converted_to_draft", "closed", "edited", "labeled", "unlabeled", "created", "deleted", "completed",
		"requested", "rerequested", "requested_action", "checks_requested", "destroyed", "renamed", "transferred", "suspend", "unsuspend", "added", "removed",
		"new_permissions_accepted", "assigned", "review_requested", "submitted", "dismissed", "resolved", "unresolved", "publicized", "locked", "milestoned", "enqueued",
	}
	for _, event := range events {
		for _, action := range actions {
			person := `{"login": "mona", "type": "User"}`
			author := person
			if event == "issue_comment" && action == "edited" {
				author = `{"login": "secbydesign[bot]", "type": "Bot"}`
			}
			body := fmt.Sprintf(`{"action": %q, "installation": {"id": 1, "account": {"login": "acme"}}, "sender": %s, "ref": "refs/heads/main", "after": %q,
				"repository": {"id": 2, "name": "shop", "owner": {"login": "acme"}, "default_branch": "main"},
				"pull_request": {"number": 3, "state": "open", "base": {"sha": %q}, "head": {"sha": %q}},
				"changes": {"base": {"ref": {"from": "old"}}, "body": {"from": "- [ ] a <!-- secbydesign:v1 card=requirements -->"}},
				"issue": {"number": 3, "state": "open"}, "label": {"name": "design"}, "comment": {"id": 4, "body": "/secbydesign help", "user": %s},
				"merge_group": {"head_sha": %q, "head_ref": "refs/heads/%s", "base_sha": %q, "base_ref": "refs/heads/main"},
				"check_run": {"id": 5, "head_sha": %q}, "requested_action": {"identifier": "rerun"}, "check_suite": {"head_sha": %q, "head_branch": %q}}`,
				action, person, sha, sha, sha, author, sha, queued, sha, sha, sha, queued)
			d, outcome, err := webhook.Read(guid, event, []byte(body))
			if err != nil {
				t.Errorf("%s.%s: %v", event, action, err)
			}
			if withoutActions := event == "push" || event == "ping"; withoutActions && action != "" {
				continue
			}
			if got := outcome == webhook.Accepted; got != webhook.Used(event, action) || got != (d.Intent != nil) {
				t.Errorf("%s.%s is read as %q, and Used reports %v", event, action, outcome, webhook.Used(event, action))
			}
		}
	}
}

// TestReadAsReceived compares Read with the handler for each delivery in testdata.
func TestReadAsReceived(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/deliveries/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no deliveries found: %v", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		event, _, _ := strings.Cut(filepath.Base(file), ".")
		received := ask(t, deliver(event, body), nil)
		d, outcome, _ := webhook.Read(guid, event, body)
		if string(outcome) != received.outcome {
			t.Errorf("%s is read as %q, and received as %q", file, outcome, received.outcome)
		}
		if outcome == webhook.Accepted && (len(received.accepted) != 1 || fmt.Sprint(received.accepted[0]) != fmt.Sprint(d)) {
			t.Errorf("%s is read as\n%v\nand received as\n%v", file, d, received.accepted)
		}
		if outcome == webhook.Accepted && !webhook.Used(d.Event, d.Action) {
			t.Errorf("%s is accepted, but its action is not listed as used", file)
		}
	}
	if _, outcome, _ := webhook.Read("no plain word", "ping", []byte("{}")); outcome != webhook.BadHeaders {
		t.Errorf("a GUID with spaces is read as %q", outcome)
	}
}
