package fakegithub

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/shurcooL/githubv4"
)

// withIssues are the permissions of an App that may work on issues.
var withIssues = map[string]string{
	"metadata": "read", "contents": "read", "members": "read", "checks": "write", "pull_requests": "write", "issues": "write",
}

// heard lists events and actions of what was delivered since the last n deliveries.
func (w *world) heard(n int) (list []string) {
	w.Settle()
	for _, d := range w.Deliveries()[n:] {
		list = append(list, d.Event+" "+d.Action)
	}
	return list
}

// TestIssues has an issue with a label, a comment with boxes, and an App with and without the permission.
func TestIssues(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := w.repo.OpenIssue("Pay by card", "We need it.", "alice", "design")
	if n != 2 || slices.ContainsFunc(w.heard(0), func(s string) bool { return strings.HasPrefix(s, "issues") }) {
		t.Errorf("issue %d without the permission: %q", n, w.heard(0))
	}
	path := fmt.Sprintf("/repos/acme/shop/issues/%d/comments", n)
	poor := w.Token("acme", nil)
	if status, _ := w.do(poor, "POST", path, `{"body":"x"}`); status != 403 {
		t.Errorf("comment without the permission: %d", status)
	}
	if status, _ := w.do(poor, "GET", path, ""); status != 403 {
		t.Errorf("read without the permission: %d", status)
	}
	w.SetPermissions(withIssues)
	rich := w.Token("acme", nil)
	before := len(w.Deliveries())
	w.repo.LabelIssue(n, "alice", "design") // it has it already
	w.repo.UnlabelIssue(n, "alice", "design")
	w.repo.LabelIssue(n, "alice", "design")
	status, body := w.do(rich, "POST", path, `{"body":"- [ ] one\n- [ ] two\n"}`)
	var comment struct {
		ID      int64
		HTMLURL string `json:"html_url"`
	}
	if err := json.Unmarshal([]byte(body), &comment); status != 201 || err != nil || !strings.Contains(comment.HTMLURL, "/acme/shop/issues/2#") {
		t.Fatalf("comment: %d %s", status, body)
	}
	w.Settle()
	w.Tick(comment.ID, "alice", "two", true)
	w.Tick(comment.ID, "alice", "one", true)
	w.Tick(comment.ID, "alice", "two", false)
	if got := w.IssueComments("acme", "shop", n)[0].Body; got != "- [x] one\n- [ ] two\n" {
		t.Errorf("the comment is %q", got)
	}
	want := []string{"issues unlabeled", "issues labeled", "issue_comment created", "issue_comment edited", "issue_comment edited", "issue_comment edited"}
	if got := w.heard(before); !slices.Equal(got, want) {
		t.Errorf("delivered %q, want %q", got, want)
	}
	last := w.Deliveries()[len(w.Deliveries())-3].Payload
	var edit struct {
		Changes struct{ Body struct{ From string } }
		Comment struct {
			Body string
			User struct{ Type string }
		}
		Issue struct {
			PullRequest *struct{} `json:"pull_request"`
			Labels      []struct{ Name string }
		}
		Sender struct{ Login string }
	}
	if err := json.Unmarshal(last, &edit); err != nil {
		t.Fatal(err)
	}
	if edit.Changes.Body.From != "- [ ] one\n- [ ] two\n" || edit.Comment.Body != "- [ ] one\n- [x] two\n" || edit.Comment.User.Type != "Bot" ||
		edit.Issue.PullRequest != nil || len(edit.Issue.Labels) != 1 || edit.Sender.Login != "alice" {
		t.Errorf("the event of a tick: %+v", edit)
	}
	if next := w.repo.OpenPull("Another", "", "main", "feature", "alice", true); next != 3 || w.Pull("acme", "shop", 3).Title != "Another" {
		t.Errorf("pull request %d", next)
	}
	if status, _ := w.do(rich, "GET", "/repos/acme/shop/pulls/2", ""); status != 404 {
		t.Errorf("an issue as a pull request: %d", status)
	}
}

// TestClosingReferences merges a pull request that closes issues.
func TestClosingReferences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.SetPermissions(withIssues)
	one, two := w.repo.OpenIssue("One", "", "alice"), w.repo.OpenIssue("Two", "", "alice")
	w.EditPull("acme", "shop", 1, "alice", "Sell", fmt.Sprintf("Closes #%d, fixes acme/shop#%d, resolves #1, closes #99, mentions #%d, fixes nobody/gone#2", one, two, one))
	var q struct {
		Repository struct {
			PullRequest struct {
				ClosingIssuesReferences struct {
					Nodes []struct {
						Number     int
						Repository struct{ NameWithOwner string }
					}
				} `graphql:"closingIssuesReferences(first: 10)"`
			} `graphql:"pullRequest(number: 1)"`
		} `graphql:"repository(owner: $owner, name: $name)"`
	}
	vars := map[string]any{"owner": githubv4.String("acme"), "name": githubv4.String("shop")}
	if err := w.graphql(w.Token("acme", map[string]string{"pull_requests": "read"})).Query(t.Context(), &q, vars); err == nil {
		t.Error("without issues: read the references are read")
	}
	if err := w.graphql(w.Token("acme", nil)).Query(t.Context(), &q, vars); err != nil {
		t.Fatal(err)
	}
	nodes := q.Repository.PullRequest.ClosingIssuesReferences.Nodes
	if len(nodes) != 2 || nodes[0].Number != one || nodes[1].Number != two || nodes[1].Repository.NameWithOwner != "acme/shop" {
		t.Errorf("it closes %+v", nodes)
	}
	before, seen := w.repo.Tip("main"), len(w.Deliveries())
	commits := len(w.repo.pull(1).commitIDs())
	w.repo.MergePull(1, "bob")
	p := w.Pull("acme", "shop", 1)
	if after := w.repo.Tip("main"); after == before || !p.Merged || p.State != "closed" || w.repo.Issue(one).State != "closed" {
		t.Errorf("main is at %s, the pull request is %+v", after, p)
	}
	if got := len(w.repo.pull(1).commitIDs()); got != commits {
		t.Errorf("it has %d commits, had %d", got, commits)
	}
	if got := w.heard(seen); !slices.Equal(got, []string{"pull_request closed", "issues closed", "issues closed", "push "}) {
		t.Errorf("delivered %q", got)
	}
}

// TestAuthors has commits of several authors, and assignees.
func TestAuthors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.repo.CommitAs("helper[bot]", "feature", "", "More\n\n"+CoAuthor("carol"), map[string]string{"more.txt": "x\n"})
	w.repo.SyncPull(1)
	w.Assign("acme", "shop", 1, "alice", "carol")
	status, body := w.do(w.Token("acme", nil), "GET", "/repos/acme/shop/pulls/1/commits", "")
	if status != 200 || !strings.Contains(body, `"login":"helper[bot]"`) || !strings.Contains(body, "Co-authored-by: carol") {
		t.Errorf("%d %s", status, body)
	}
	if p := w.Pull("acme", "shop", 1); !slices.Equal(p.Assignees, []string{"alice", "carol"}) {
		t.Errorf("assigned: %q", p.Assignees)
	}
}

// TestIssuesOfTheApp has the App open and edit an issue, and a person delete it.
func TestIssuesOfTheApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	const issues = "/repos/acme/shop/issues"
	if status, _ := w.do(w.Token("acme", nil), "POST", issues, `{"title":"x"}`); status != 403 {
		t.Errorf("without the permission: %d", status)
	}
	w.SetPermissions(withIssues)
	rich := w.Token("acme", nil)
	for body, want := range map[string]int{`{"body":"x"}`: 422, `{"title":" "}`: 422, `{"title":"` + strings.Repeat("x", 257) + `"}`: 422} {
		if status, _ := w.do(rich, "POST", issues, body); status != want {
			t.Errorf("%.40s: %d, want %d", body, status, want)
		}
	}
	before := len(w.Deliveries())
	status, body := w.do(rich, "POST", issues, `{"title":"Digest","body":"one"}`)
	var issue struct {
		Number int
		State  string
		User   struct{ Login, Type string }
	}
	if err := json.Unmarshal([]byte(body), &issue); err != nil || status != 201 || issue.User.Type != "Bot" || issue.State != "open" {
		t.Fatalf("created: %d %s %v", status, body, err)
	}
	w.repo.OpenIssue("Of a person", "", "alice")
	path := fmt.Sprint(issues, "/", issue.Number)
	for _, body := range []string{`{"body":"two"}`, `{"body":"two"}`, `{"state":"closed"}`} {
		if status, answer := w.do(rich, "PATCH", path, body); status != 200 {
			t.Fatalf("%s: %d %s", body, status, answer)
		}
	}
	if got := w.repo.Issue(issue.Number); got.Body != "two" || got.State != "closed" || got.Edits != 2 {
		t.Errorf("it is %+v", got)
	}
	if got := w.heard(before); !slices.Equal(got, []string{"issues opened", "issues opened", "issues edited", "issues closed"}) {
		t.Errorf("delivered %q", got)
	}
	for query, want := range map[string]int{"": 1, "?state=all": 2, "?state=all&creator=" + issue.User.Login: 1, "?creator=alice": 1, "?state=closed": 1} {
		var list []any
		if status, body := w.do(rich, "GET", issues+query, ""); status != 200 || json.Unmarshal([]byte(body), &list) != nil || len(list) != want {
			t.Errorf("%q: %d, %d issues, want %d", query, status, len(list), want)
		}
	}
	w.repo.DeleteIssue(issue.Number, "alice")
	for _, method := range []string{"GET", "PATCH"} {
		if status, _ := w.do(rich, method, path, `{"body":"three"}`); status != 410 {
			t.Errorf("%s of a deleted issue: %d", method, status)
		}
	}
	if n := w.repo.OpenIssue("Next", "", "alice"); n != issue.Number+2 {
		t.Errorf("the next number is %d", n)
	}
}

// TestIssuePage shows an issue and its comments in a browser.
func TestIssuePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := w.repo.OpenIssue("Pay by <b>card</b>", "We **need** it.", "alice")
	w.Note("acme", "shop", n, "bob", "Soon.")
	resp, err := http.Get(fmt.Sprintf("%s/acme/shop/issues/%d", w.URL(), n))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Pay by &lt;b&gt;card", "<strong>need</strong>", "Soon.", "Open"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("%q is not on the page", want)
		}
	}
	w.repo.DeleteIssue(n, "alice")
	if resp, err := http.Get(fmt.Sprintf("%s/acme/shop/issues/%d", w.URL(), n)); err != nil || resp.StatusCode != 404 {
		t.Errorf("deleted: %v %v", resp, err)
	}
}
