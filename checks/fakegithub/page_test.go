package fakegithub

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"
)

// scene makes a pull request with everything that the page can show.
func scene(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, nil)
	ctx := context.Background()
	c := w.client()
	str := github.String
	if _, err := w.review(
		at("shop.go", 20, "<!-- secbydesign:v1 finding=abc -->\n**SQL injection** · high · `gosec/G201`\n\nThe query is put together from text that comes from outside.\n\n```suggestion\nrows, err := db.Query(\"SELECT 1 WHERE id = ?\", id)\n```\n\n<details><summary>How to decide otherwise</summary>\n\n`/secbydesign accept F-ABCDEFGH until=2027-01-01 because …`\n\n</details>\n<script>alert(1)</script>"),
		at("shop.go", 54, "Weak random number."), at("new.go", 3, "**Hard-coded credential**\n\n| what | where |\n| --- | --- |\n| rule | `gitleaks/aws` |"),
		&github.DraftReviewComment{Path: str("old.go"), Line: github.Int(1), Side: str("LEFT"), Body: str("A sanitiser went away here.")},
	); err != nil {
		t.Fatal(explain(err))
	}
	if _, _, err := c.PullRequests.CreateComment(ctx, "acme", "shop", 1, &github.PullRequestComment{CommitID: &w.head, Path: str("shop.go"), Body: str("This file has no owner."), SubjectType: str("file")}); err != nil {
		t.Fatal(explain(err))
	}
	th := w.Threads("acme", "shop", 1)
	w.Reply("acme", "shop", 1, th[0].ID, "alice", "Good catch, fixing it.")
	w.ResolveThread("acme", "shop", 1, th[1].ID, "bob")
	in := githubv4.MinimizeCommentInput{SubjectID: th[3].Comments[0].NodeID, Classifier: githubv4.ReportedContentClassifiersResolved}
	var m struct {
		MinimizeComment struct {
			ClientMutationID string `graphql:"clientMutationId"`
		} `graphql:"minimizeComment(input: $input)"`
	}
	if err := w.graphql(w.Token("acme", nil)).Mutate(ctx, &m, in, nil); err != nil {
		t.Fatal(err)
	}
	w.head = w.repo.Commit("feature", "", "Take the key out again", map[string]string{"new.go": "package a\n\n// no key any more\nvar X = 2\n"})
	w.repo.SyncPull(1)
	w.Note("acme", "shop", 1, "bob", "/secbydesign why F-ABCDEFGH")
	if _, _, err := c.Issues.CreateComment(ctx, "acme", "shop", 1, &github.IssueComment{Body: str("It is there because:\n\n- [x] seen\n- [ ] answered")}); err != nil {
		t.Fatal(explain(err))
	}
	start := github.Timestamp{Time: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	end := github.Timestamp{Time: start.Add(14 * time.Second)}
	for _, k := range []struct{ name, conclusion, title string }{
		{"secbydesign", "failure", "2 findings, 1 blocks"}, {"secbydesign/code", "neutral", "1 finding"}, {"secbydesign/secrets", "failure", "1 secret"},
		{"secbydesign/dependencies", "success", "Nothing new"}, {"secbydesign/pipeline", "skipped", "No workflow changed"}, {"secbydesign/infrastructure", "", "Scanning"},
	} {
		opts := github.CreateCheckRunOptions{Name: k.name, HeadSHA: w.head, StartedAt: &start, Output: &github.CheckRunOutput{Title: &k.title, Summary: str("### What was found\n\n1. **SQL injection** in `shop.go`")}}
		if k.conclusion == "" {
			opts.Status = str("in_progress")
		} else {
			opts.Conclusion, opts.CompletedAt = &k.conclusion, &end
		}
		if k.name == "secbydesign" {
			opts.Output.Annotations = []*github.CheckRunAnnotation{{Path: str("shop.go"), StartLine: github.Int(20), EndLine: github.Int(20), AnnotationLevel: str("failure"), Title: str("SQL injection"), Message: str("The query is put together from text.")}}
			opts.Actions = []*github.CheckRunAction{{Label: "Run again", Description: "Look once more", Identifier: "rerun"}}
		}
		if _, _, err := c.Checks.CreateCheckRun(ctx, "acme", "shop", opts); err != nil {
			t.Fatal(explain(err))
		}
	}
	return w
}

func (w *world) get(path string) (*http.Response, string) {
	w.t.Helper()
	res, err := http.Get(w.URL() + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(body)
}

func TestPageShowsTheWholePullRequest(t *testing.T) {
	t.Parallel()
	w := scene(t)
	res, page := w.get("/acme/shop/pull/1")
	for _, want := range []string{
		"Sell things", "<strong>them</strong>", "Take the key out again", "Some checks were not successful", "2 failing, 1 in progress, 1 neutral, 1 skipped, 1 successful",
		"<b>secbydesign</b>", "Suggested change", "changed 20", "Good catch, fixing it.", "bob marked this conversation on line 54 as resolved",
		"This comment was marked as resolved.", "Outdated", "Comment on the file", "<summary>How to decide otherwise</summary>", `<span class="tag">bot</span>`,
		"5 conversations, 3 open", "<td>rule</td>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	for _, never := range []string{"alert(1)", "finding=abc", "<no value>", "ZgotmplZ"} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
	if csp := res.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy = %q", csp)
	}
	again, _ := w.get("/acme/shop/pull/1")
	if again.Header.Get("ETag") != res.Header.Get("ETag") {
		t.Error("the page's tag changes by itself")
	}
	w.Note("acme", "shop", 1, "bob", "More")
	again, _ = w.get("/acme/shop/pull/1")
	if again.Header.Get("ETag") == res.Header.Get("ETag") {
		t.Error("the page's tag does not change with the page")
	}
	if _, index := w.get("/"); !strings.Contains(index, `href="/acme/shop/pull/1"`) {
		t.Errorf("index = %s", index)
	}
	if res, _ := w.get("/acme/shop/pull/2"); res.StatusCode != http.StatusNotFound {
		t.Errorf("no such pull request: %d", res.StatusCode)
	}
}

// TestPageActs writes and presses buttons as the viewer, and refuses what does not come from the page itself.
func TestPageActs(t *testing.T) {
	t.Parallel()
	w := scene(t)
	pressed := 0
	w.SetNext(&NextStep{Label: "Next push: more", Do: func() { pressed++ }})
	if _, page := w.get("/acme/shop/pull/1"); strings.Contains(page, "<form") {
		t.Error("without a viewer the page has a form")
	}
	w.opts.Viewer = "alice"
	thread := w.Threads("acme", "shop", 1)[0]
	run := w.CheckRuns("acme", "shop", w.head)
	at := slices.IndexFunc(run, func(k CheckRun) bool { return len(k.Actions) > 0 })
	_, page := w.get("/acme/shop/pull/1")
	for _, want := range []string{`name="thread" value="` + thread.ID + `"`, "Next push: more", `name="identifier" value="rerun"`, "alice</b> writes"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	post := func(site, path string, form url.Values) int {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, w.URL()+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", site)
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	const pull = "/acme/shop/pull/1"
	notes := len(w.IssueComments("acme", "shop", 1))
	for _, site := range []string{"cross-site", "same-site", "none", ""} {
		if code := post(site, pull+"/comments", url.Values{"body": {"/secbydesign help"}}); code != http.StatusForbidden {
			t.Errorf("from %q: %d", site, code)
		}
	}
	before := len(w.Deliveries())
	for path, form := range map[string]url.Values{
		pull + "/comments": {"body": {"/secbydesign help\r\nmore"}},
		pull + "/next":     {},
		fmt.Sprintf("%s/runs/%d", pull, run[at].ID): {"identifier": {"rerun"}},
	} {
		if code := post("same-origin", path, form); code != http.StatusSeeOther {
			t.Errorf("%s: %d", path, code)
		}
	}
	post("same-origin", pull+"/comments", url.Values{"body": {"In the thread"}, "thread": {thread.ID}})
	for _, form := range []url.Values{{"body": {" "}}, {"body": {"x"}, "thread": {"nowhere"}}} {
		post("same-origin", pull+"/comments", form)
	}
	post("same-origin", fmt.Sprintf("%s/runs/%d", pull, run[at].ID), url.Values{"identifier": {"not one of its buttons"}})
	post("same-origin", pull+"/next", nil)

	list := w.IssueComments("acme", "shop", 1)
	if last := list[len(list)-1]; len(list) != notes+1 || last.Author != "alice" || last.Body != "/secbydesign help\nmore" {
		t.Errorf("%d comments, the last %+v", len(list)-notes, last)
	}
	if c := w.Threads("acme", "shop", 1)[0].Comments; c[len(c)-1].Body != "In the thread" {
		t.Errorf("the thread ends with %+v", c[len(c)-1])
	}
	if pressed != 1 {
		t.Errorf("the next step was played %d times", pressed)
	}
	var events []string
	for _, d := range w.Deliveries()[before:] {
		events = append(events, d.Event)
	}
	slices.Sort(events)
	if got := strings.Join(events, " "); got != "check_run issue_comment pull_request_review_comment" {
		t.Errorf("delivered %s", got)
	}
}

// TestPageTicks ticks boxes of a comment as the viewer.
func TestPageTicks(t *testing.T) {
	t.Parallel()
	w := scene(t)
	id := w.Note("acme", "shop", 1, "bob", "- [ ] one\n- [x] two\n\nnothing more")
	if _, page := w.get("/acme/shop/pull/1"); strings.Contains(page, "<form") || strings.Count(page, `type="checkbox"`) < 2 {
		t.Error("without a viewer there is a form, or no box")
	}
	w.opts.Viewer = "alice"
	path := fmt.Sprintf("/acme/shop/pull/1/comments/%d/boxes", id)
	if _, page := w.get("/acme/shop/pull/1"); !strings.Contains(page, path) || !strings.Contains(page, `aria-checked="true" name="box" value="1"`) {
		t.Error("the boxes are no buttons")
	}
	press := func(path, box string) {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, w.URL()+path, strings.NewReader(url.Values{"box": {box}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d", path, res.StatusCode)
		}
	}
	before := len(w.Deliveries())
	for _, box := range []string{"0", "1", "2", "-1", "x", ""} {
		press(path, box)
	}
	press("/acme/shop/pull/1/comments/1/boxes", "0")
	list := w.IssueComments("acme", "shop", 1)
	if last := list[len(list)-1]; last.Body != "- [x] one\n- [ ] two\n\nnothing more" {
		t.Errorf("the comment is %q", last.Body)
	}
	if n := len(w.Deliveries()) - before; n != 2 {
		t.Errorf("%d deliveries, want 2", n)
	}
}
