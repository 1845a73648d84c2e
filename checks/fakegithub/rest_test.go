package fakegithub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

func TestCheckRunLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	token := w.Token("acme", nil)
	annotations := func(n int) string {
		one := `{"path":"shop.go","start_line":1,"end_line":1,"annotation_level":"warning","message":"m"}`
		return strings.TrimSuffix(strings.Repeat(one+",", n), ",")
	}
	output := func(rest string) string { return `"output":{"title":"t","summary":"s"` + rest + `}` }
	for _, tc := range []struct {
		name, fields string
		status       int
		want         string
	}{
		{"bare", ``, 201, `"status":"queued"`},
		{"conclusion completes", `,"conclusion":"success"`, 201, `"status":"completed"`},
		{"completed without conclusion", `,"status":"completed"`, 422, "conclusion"},
		{"stale is GitHub's own", `,"conclusion":"stale"`, 422, "is not a member of"},
		{"fifty annotations", "," + output(`,"annotations":[`+annotations(50)+`]`), 201, `"annotations_count":50`},
		{"one more", "," + output(`,"annotations":[`+annotations(51)+`]`), 422, `Invalid request.\n\nNo more than 50 items are allowed; 51 were supplied.`},
		{"longest summary", `,"output":{"title":"t","summary":"` + strings.Repeat("a", maxText) + `"}`, 201, ""},
		{"too long summary", `,"output":{"title":"t","summary":"` + strings.Repeat("a", maxText+1) + `"}`, 422, "Only 65535 characters are allowed; 65536 were supplied."},
		{"too many bytes", `,"output":{"title":"t","summary":"` + strings.Repeat("é", 40_000) + `"}`, 422, "summary exceeds a maximum bytesize of 65535"},
		{"no title", `,"output":{"summary":"s"}`, 422, "title"},
		{"no summary", `,"output":{"title":"t"}`, 422, "summary"},
		{"annotation without message", "," + output(`,"annotations":[{"path":"a","start_line":1,"end_line":1,"annotation_level":"warning"}]`), 422, "message"},
		{"columns over lines", "," + output(`,"annotations":[{"path":"a","start_line":1,"end_line":2,"start_column":1,"end_column":2,"annotation_level":"warning","message":"m"}]`), 422, "columns"},
		{"long label", `,"actions":[{"label":"` + strings.Repeat("l", 21) + `","description":"d","identifier":"i"}]`, 422, "Only 20 characters are allowed; 21 were supplied."},
		{"four buttons", `,"actions":[` + strings.TrimSuffix(strings.Repeat(`{"label":"l","description":"d","identifier":"i"},`, 4), ",") + `]`, 422, "No more than 3 items"},
		{"odd details", `,"details_url":"ftp://example.com"`, 422, "details_url"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, body := w.do(token, "POST", "/repos/acme/shop/check-runs", `{"name":"n","head_sha":"`+w.head+`"`+tc.fields+`}`)
			if status != tc.status || !strings.Contains(body, tc.want) {
				t.Errorf("%d %s, want %d %q", status, body[:min(len(body), 500)], tc.status, tc.want)
			}
		})
	}
	if status, body := w.do(token, "POST", "/repos/acme/shop/check-runs", `{"name":"n","head_sha":"`+strings.Repeat("1", 40)+`"}`); status != 422 || !strings.Contains(body, "No commit found for SHA") {
		t.Errorf("unknown head: %d %s", status, body)
	}
}

func TestCheckRunsAppendAndTheNewestCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx := context.Background()
	c := w.client().Checks
	str := github.String
	older, _, err := c.CreateCheckRun(ctx, "acme", "shop", github.CreateCheckRunOptions{Name: "secbydesign", HeadSHA: w.head, ExternalID: str("x")})
	if err != nil {
		t.Fatal(explain(err))
	}
	k, _, err := c.CreateCheckRun(ctx, "acme", "shop", github.CreateCheckRunOptions{Name: "secbydesign", HeadSHA: w.head, Status: str("in_progress")})
	if err != nil {
		t.Fatal(explain(err))
	}
	one := []*github.CheckRunAnnotation{{Path: str("shop.go"), StartLine: github.Int(1), EndLine: github.Int(1), AnnotationLevel: str("notice"), Message: str("m")}}
	for range 2 {
		if _, _, err := c.UpdateCheckRun(ctx, "acme", "shop", k.GetID(), github.UpdateCheckRunOptions{Name: "secbydesign", Output: &github.CheckRunOutput{Title: str("t"), Summary: str("s"), Annotations: one}}); err != nil {
			t.Fatal(explain(err))
		}
	}
	_, _, err = c.UpdateCheckRun(ctx, "acme", "shop", k.GetID(), github.UpdateCheckRunOptions{})
	wantError(t, err, "422") // v60 sends an empty name
	list, _, err := c.ListCheckRunsForRef(ctx, "acme", "shop", w.head, &github.ListCheckRunsOptions{Filter: str("latest")})
	if err != nil || list.GetTotal() != 1 || list.CheckRuns[0].GetID() != k.GetID() || list.CheckRuns[0].GetOutput().GetAnnotationsCount() != 2 {
		t.Errorf("%s: latest = %v", explain(err), list)
	}
	if list, _, err = c.ListCheckRunsForRef(ctx, "acme", "shop", "feature", &github.ListCheckRunsOptions{Filter: str("all")}); err != nil || list.GetTotal() != 2 || list.CheckRuns[1].GetID() != older.GetID() {
		t.Errorf("%s: all = %v", explain(err), list)
	}
	if got := w.CheckRuns("acme", "shop", w.head); len(got) != 2 || len(got[0].Annotations) != 2 || got[1].ExternalID != "x" {
		t.Errorf("check runs = %+v", got)
	}
}

func TestPagesConditionsAndRates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.RateLimit = 8; o.NoEcho = true })
	ctx := context.Background()
	for i := range 120 {
		w.Note("acme", "shop", 1, "bob", fmt.Sprint("note ", i))
	}
	token := w.Token("acme", nil)
	c := client(t, w.Server, token)
	seen, pages := 0, 0
	opts := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: 500}}
	for {
		list, res, err := c.Issues.ListComments(ctx, "acme", "shop", 1, opts)
		if err != nil {
			t.Fatal(explain(err))
		}
		seen, pages = seen+len(list), pages+1
		if res.NextPage == 0 {
			break
		}
		opts.Page = res.NextPage
	}
	if seen != 120 || pages != 2 {
		t.Errorf("%d comments on %d pages, want 120 on 2: a page holds at most 100", seen, pages)
	}
	fetch := func(tag string) *http.Response {
		req, _ := http.NewRequest("GET", w.URL()+"/api/v3/repos/acme/shop", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("If-None-Match", tag)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	first := fetch("")
	for range 10 {
		if res := fetch(first.Header.Get("ETag")); res.StatusCode != http.StatusNotModified || res.Header.Get("X-RateLimit-Remaining") != first.Header.Get("X-RateLimit-Remaining") {
			t.Fatalf("%s, remaining %s: an unchanged answer is free", res.Status, res.Header.Get("X-RateLimit-Remaining"))
		}
	}
	var limited *github.RateLimitError
	for range 10 {
		if _, _, err := c.Repositories.Get(ctx, "acme", "shop"); errors.As(err, &limited) {
			break
		}
	}
	if limited == nil || limited.Rate.Remaining != 0 || !limited.Rate.Reset.After(w.now()) {
		t.Fatalf("limit = %+v", limited)
	}
	w.Advance(time.Hour)
	if res := fetch(""); res.StatusCode != http.StatusUnauthorized {
		t.Errorf("%s: the token lives as long as the limit", res.Status)
	}
	if _, _, err := client(t, w.Server, w.Token("acme", nil)).Repositories.Get(ctx, "acme", "shop"); err != nil {
		t.Errorf("after the reset: %s", explain(err))
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.NoEcho = true })
	ctx := context.Background()
	note := func() error {
		_, _, err := w.client().Issues.CreateComment(ctx, "acme", "shop", 1, &github.IssueComment{Body: github.String("x")})
		return err
	}
	const notes = "/repos/*/*/issues/*/comments"
	for _, tc := range []struct {
		name    string
		fault   Fault
		want    func(error) bool
		applied bool
	}{
		{"502 before", BadGateway("POST", notes, 1, false), status(502), false},
		{"502 after", BadGateway("POST", notes, 1, true), status(502), true},
		{"reset before", ConnectionReset("POST", notes, 1, false), func(err error) bool { return err != nil && status(0)(err) }, false},
		{"reset after", ConnectionReset("POST", notes, 1, true), func(err error) bool { return err != nil && status(0)(err) }, true},
		{"cut in the middle of the answer", Broken("POST", notes, 1), func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }, true},
		{"secondary limit", SecondaryLimit("POST", notes, 403, 1, 7*time.Second), func(err error) bool {
			var abuse *github.AbuseRateLimitError
			return errors.As(err, &abuse) && abuse.GetRetryAfter() == 7*time.Second
		}, false},
		{"secondary limit as 429", SecondaryLimit("POST", notes, 429, 1, 0), status(429), false},
		{"primary limit", PrimaryLimit("", "/repos/**", 1, time.Now().Add(time.Minute)), func(err error) bool {
			var limit *github.RateLimitError
			return errors.As(err, &limit)
		}, false},
		{"unprocessable", Unprocessable("POST", notes, 1, "no"), status(422), false},
		{"slow", Slow("POST", notes, 1, time.Millisecond), func(err error) bool { return err == nil }, true},
		{"another path", BadGateway("POST", "/repos/*/*/check-runs", 1, false), func(err error) bool { return err == nil }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.ClearFaults()
			w.ResetWrites()
			w.Fail(tc.fault)
			before := len(w.IssueComments("acme", "shop", 1))
			if err := note(); !tc.want(err) {
				t.Errorf("error is %s", explain(err))
			}
			if after := len(w.IssueComments("acme", "shop", 1)); (after > before) != tc.applied {
				t.Errorf("%d comments, were %d", after, before)
			}
			writes := w.Writes()
			if len(writes) != 1 || writes[0].Applied != tc.applied {
				t.Errorf("writes = %+v", writes)
			}
			if err := note(); tc.name != "another path" && err != nil {
				t.Errorf("the fault is played twice: %s", explain(err))
			}
		})
	}
	w.ClearFaults()
	late := BadGateway("POST", notes, 2, false)
	late.Skip = 1
	w.Fail(late)
	var got []bool
	for range 4 {
		got = append(got, note() == nil)
	}
	if fmt.Sprint(got) != "[true false false true]" {
		t.Errorf("worked = %v", got)
	}
}

func status(want int) func(error) bool {
	return func(err error) bool {
		var e *github.ErrorResponse
		if !errors.As(err, &e) {
			return want == 0
		}
		return e.Response.StatusCode == want
	}
}

func TestFaultPatterns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"", "/x", true}, {"/repos/*/*", "/repos/a/b", true}, {"/repos/*/*", "/repos/a/b/pulls", false},
		{"/repos/**", "/repos/a/b/pulls", true}, {"/repos/*/*/pulls/**", "/repos/a/b/pulls/1/reviews", true},
		{"/repos/*/*/pulls/**", "/repos/a/b/issues/1", false}, {"/acme/shop.git/**", "/acme/shop.git/info/refs", true},
	} {
		if got := matches(tc.pattern, tc.path); got != tc.want {
			t.Errorf("%q matches %q: %v", tc.pattern, tc.path, got)
		}
	}
}

func TestComparisonHasTheMergeBase(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.repo.Commit("main", "", "Later", map[string]string{"later.txt": "x"})
	cmp, _, err := w.client().Repositories.CompareCommits(context.Background(), "acme", "shop", "main", w.head, nil)
	if err != nil || cmp.GetMergeBaseCommit().GetSHA() != w.base || cmp.GetAheadBy() != 1 || cmp.GetBehindBy() != 1 || cmp.GetStatus() != "diverged" || len(cmp.Files) != 3 {
		t.Errorf("%s: %+v", explain(err), cmp)
	}
	pr, _, err := w.client().PullRequests.Get(context.Background(), "acme", "shop", 1)
	if err != nil || pr.GetBase().GetSHA() != w.base {
		t.Errorf("base.sha = %s, and it follows the branch only with the head", pr.GetBase().GetSHA())
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.repo.SetPermission("bob", "maintain")
	w.repo.SetPermission("eve", "triage")
	for login, want := range map[string]string{"bob": "write maintain", "eve": "read triage", "alice": "none none"} {
		p, _, err := w.client().Repositories.GetPermissionLevel(context.Background(), "acme", "shop", login)
		if err != nil || p.GetPermission()+" "+p.GetUser().GetRoleName() != want {
			t.Errorf("%s: %s %v, want %s", login, explain(err), p, want)
		}
	}
	if _, _, err := w.client().Repositories.GetPermissionLevel(context.Background(), "acme", "shop", "nobody-at-all"); !status(404)(err) {
		t.Errorf("unknown person: %s", explain(err))
	}
}

func TestOddFilesInADiff(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	files := map[string]string{
		"bin": "a\x00b", "link": Symlink + "shop.go", "tool": Exec + "x\n", "noeol": "last", "quo\"te\n.go": "x\n", "latin\xe9.go": "x\n",
		"big.txt": strings.Repeat("a line of text\n", maxPatchLines+1), "empty": "", "wide.txt": strings.Repeat("w", 1<<20),
	}
	w.repo.Commit("odd", w.base, "Odd", files)
	n := w.repo.OpenPull("Odd", "", "main", "odd", "alice", false)
	list, _, err := w.client().PullRequests.ListFiles(context.Background(), "acme", "shop", n, nil)
	if err != nil || len(list) != len(files) {
		t.Fatalf("%s: %d files, want %d", explain(err), len(list), len(files))
	}
	for _, f := range list {
		hidden := f.GetFilename() == "bin" || f.GetFilename() == "big.txt" || f.GetFilename() == "wide.txt" || f.GetFilename() == "empty"
		if (f.GetPatch() == "") != hidden {
			t.Errorf("%q: patch %q", f.GetFilename(), f.GetPatch()[:min(40, len(f.GetPatch()))])
		}
		if f.GetFilename() == "noeol" && !strings.HasSuffix(f.GetPatch(), "\\ No newline at end of file") {
			t.Errorf("noeol: %q", f.GetPatch())
		}
	}
	if res, page := w.get(fmt.Sprintf("/acme/shop/pull/%d", n)); res.StatusCode != 200 || !strings.Contains(page, "too large to show") {
		t.Errorf("page: %s", res.Status)
	}
}
