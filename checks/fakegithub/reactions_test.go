package fakegithub

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
)

func TestReactionsNeedAPermissionOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if _, err := w.review(at("shop.go", 20, "x")); err != nil {
		t.Fatal(explain(err))
	}
	comment := w.Threads("acme", "shop", 1)[0].Comments[0].ID
	note := w.Note("acme", "shop", 1, "bob", "/secbydesign help")
	react := func(token, kind string, id int64, content string) (int, string) {
		return w.do(token, "POST", "/repos/acme/shop/"+kind+"/comments/"+strconv.FormatInt(id, 10)+"/reactions", `{"content":"`+content+`"}`)
	}
	usual := w.Token("acme", nil)
	if status, body := react(usual, "issues", note, "eyes"); status != 403 || !strings.Contains(body, "Resource not accessible by integration") {
		t.Errorf("reaction in the conversation without issues: write: %d %s", status, body)
	}
	w.SetPermissions(map[string]string{"metadata": "read", "pull_requests": "write", "issues": "write"})
	more := w.Token("acme", nil)
	for i, want := range []int{201, 200} { // the second is the first
		if status, body := react(more, "issues", note, "eyes"); status != want {
			t.Errorf("reaction %d in the conversation: %d %s, want %d", i, status, body, want)
		}
	}
	if status, body := react(usual, "pulls", comment, "rocket"); status != 201 {
		t.Errorf("reaction in a thread: %d %s", status, body)
	}
	if status, body := react(usual, "pulls", comment, "shrug"); status != 422 {
		t.Errorf("unknown reaction: %d %s", status, body)
	}
	if status, _ := react(usual, "pulls", note, "eyes"); status != 404 {
		t.Errorf("reaction on a comment of the other kind: %d, want 404", status)
	}
	if got := w.IssueComments("acme", "shop", 1)[0].Reactions; len(got) != 1 || got[0].Content != "eyes" || got[0].Author != "secbydesign[bot]" {
		t.Errorf("reactions in the conversation: %+v", got)
	}
	first := w.Threads("acme", "shop", 1)[0].Comments[0].Reactions[0]
	path := "/repos/acme/shop/pulls/comments/" + strconv.FormatInt(comment, 10) + "/reactions/" + strconv.FormatInt(first.ID, 10)
	if status, body := w.do(usual, "DELETE", path, ""); status != 204 {
		t.Errorf("take a reaction back: %d %s", status, body)
	}
	if got := w.Threads("acme", "shop", 1)[0].Comments[0].Reactions; len(got) != 0 {
		t.Errorf("it is still there: %+v", got)
	}
}

func TestMergeQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.repo.Commit("other", w.base, "Elsewhere", map[string]string{"elsewhere.txt": "x\n"})
	n := w.repo.OpenPull("Elsewhere", "", "main", "other", "bob", false)
	kinds := func() (out []string) {
		for _, d := range w.Deliveries() {
			if d.Event == "merge_group" || d.Event == "check_suite" {
				out = append(out, d.Event+"."+d.Action)
			}
		}
		return out
	}
	group := w.repo.Enqueue("bob", 1, n)
	if got := kinds(); strings.Join(got, " ") != "check_suite.requested" {
		t.Errorf("without merge_queues: read there are %q", got)
	}
	main := w.repo.Tip("main")
	if group.BaseSHA != main || !strings.HasPrefix(group.Ref, "refs/heads/gh-readonly-queue/main/pr-"+strconv.Itoa(n)+"-") || w.repo.Tip(strings.TrimPrefix(group.Ref, "refs/heads/")) != group.HeadSHA {
		t.Errorf("%+v, main is %s", group, main)
	}
	if got := len(w.repo.revList(group.HeadSHA, "^"+main)); got != 4 { // two changes, two merges
		t.Errorf("the group has %d commits", got)
	}
	if last := w.Deliveries()[len(w.Deliveries())-1]; !strings.Contains(string(last.Payload), `"head_branch":"gh-readonly-queue/main/pr-`) {
		t.Errorf("the suite does not name the queue's branch: %s", last.Payload)
	}
	w.SetPermissions(map[string]string{"metadata": "read", "checks": "write", "merge_queues": "read"})
	again := w.repo.Enqueue("bob", 1)
	w.repo.Dequeue(again, "dequeued", "bob")
	if got := kinds(); strings.Join(got[1:], " ") != "check_suite.requested merge_group.checks_requested merge_group.destroyed" {
		t.Errorf("with merge_queues: read there are %q", got)
	}
}

func TestDeletedComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	c, _, err := w.client().Issues.CreateComment(t.Context(), "acme", "shop", 1, &github.IssueComment{Body: github.String("x")})
	if err != nil {
		t.Fatal(explain(err))
	}
	if _, err := w.client().Issues.DeleteComment(t.Context(), "acme", "shop", c.GetID()); err != nil {
		t.Fatal(explain(err))
	}
	w.DeleteNote(w.Note("acme", "shop", 1, "bob", "y"), "alice")
	w.Settle()
	var got []string
	for _, d := range w.Deliveries() {
		if d.Event == "issue_comment" {
			got = append(got, d.Action)
		}
	}
	if strings.Join(got, " ") != "created deleted created deleted" {
		t.Errorf("deliveries: %q", got)
	}
	if left := w.IssueComments("acme", "shop", 1); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}
