package fakegithub

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"
)

var appKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// A world is a stand-in with one repository and one open pull request that changes
// shop.go in the middle and at the end, adds new.go and removes old.go.
type world struct {
	*Server
	t     *testing.T
	repo  *Repo
	hooks chan hook
	base  string
	head  string
}

type hook struct {
	header http.Header
	body   []byte
}

func numbered(n int, change map[int]string) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		if s, ok := change[i]; ok {
			if s != "" {
				b.WriteString(s + "\n")
			}
			continue
		}
		b.WriteString("line " + string(rune('A'+i/26)) + string(rune('a'+i%26)) + "\n")
	}
	return b.String()
}

func newWorld(t *testing.T, change func(*Options)) *world {
	t.Helper()
	w := &world{t: t, hooks: make(chan hook, 1000)}
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.hooks <- hook{r.Header, body}
		rw.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(receiver.Close)
	opts := Options{Dir: t.TempDir(), AppID: 77, PublicKey: &appKey().PublicKey, WebhookURL: receiver.URL, WebhookSecret: []byte("secret")}
	if change != nil {
		change(&opts)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	w.Server = s
	w.repo = s.CreateRepo("acme", "shop", false)
	s.Install("acme")
	w.base = w.repo.Commit("main", "", "Begin", map[string]string{"shop.go": numbered(60, nil), "old.go": "package old\n", "far/away.go": "package far\n"})
	w.head = w.repo.Commit("feature", w.base, "Sell", map[string]string{
		"shop.go": numbered(60, map[int]string{20: "changed 20", 21: "", 55: "changed 55"}), "new.go": "package a\n\nvar X = 1\n", "old.go": Delete,
	})
	if n := w.repo.OpenPull("Sell things", "All of **them**.", "main", "feature", "alice", false); n != 1 {
		t.Fatalf("number = %d", n)
	}
	return w
}

func client(t *testing.T, s *Server, token string) *github.Client {
	t.Helper()
	c, err := github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(s.URL(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) client() *github.Client { return client(w.t, w.Server, w.Token("acme", nil)) }

type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

func (w *world) graphql(token string) *githubv4.Client {
	return githubv4.NewEnterpriseClient(w.URL()+"/api/graphql", &http.Client{Transport: bearer(token)})
}

func (w *world) review(comments ...*github.DraftReviewComment) (*github.PullRequestReview, error) {
	rv, _, err := w.client().PullRequests.CreateReview(context.Background(), "acme", "shop", 1, &github.PullRequestReviewRequest{
		CommitID: &w.head, Event: github.String("COMMENT"), Body: github.String("found"), Comments: comments,
	})
	return rv, err
}

func at(path string, line int, body string) *github.DraftReviewComment {
	return &github.DraftReviewComment{Path: &path, Line: &line, Side: github.String("RIGHT"), Body: &body}
}

// explain returns a GitHub error's status and texts.
func explain(err error) string {
	if err == nil {
		return "no error"
	}
	if e, ok := err.(*github.ErrorResponse); ok {
		out := e.Response.Status + " " + e.Message
		for _, one := range e.Errors {
			out += "|" + one.Resource + " " + one.Field + " " + one.Code + " " + one.Message
		}
		return out
	}
	return err.Error()
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if got := explain(err); !strings.Contains(got, p) {
			t.Errorf("error is %q, want it to hold %q", got, p)
		}
	}
}

func TestReviewIsAllOrNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	right, left := "RIGHT", "LEFT"
	line := func(n int) *int { return &n }
	str := github.String
	for _, tc := range []struct {
		name string
		c    *github.DraftReviewComment
		want string // empty: accepted
	}{
		{"added line", at("shop.go", 20, "x"), ""},
		{"context line", at("shop.go", 17, "x"), ""},
		{"removed line on the left", &github.DraftReviewComment{Path: str("shop.go"), Line: line(21), Side: &left, Body: str("x")}, ""},
		{"removed file on the left", &github.DraftReviewComment{Path: str("old.go"), Line: line(1), Side: &left, Body: str("x")}, ""},
		{"range", &github.DraftReviewComment{Path: str("shop.go"), StartLine: line(19), Line: line(20), Side: &right, Body: str("x")}, ""},
		{"outside of the hunk", at("shop.go", 40, "x"), "Pull request review thread line must be part of the diff and Pull request review thread diff hunk can't be blank"},
		{"line zero", at("shop.go", 0, "x"), "line must be part of the diff"},
		{"removed file on the right", at("old.go", 1, "x"), "line must be part of the diff"},
		{"file that did not change", at("far/away.go", 1, "x"), "Pull request review thread path is invalid and Pull request review thread diff hunk can't be blank"},
		{"range backwards", &github.DraftReviewComment{Path: str("shop.go"), StartLine: line(20), Line: line(20), Side: &right, Body: str("x")}, "Pull request review thread start line must precede the end line."},
		{"range over two hunks", &github.DraftReviewComment{Path: str("shop.go"), StartLine: line(20), Line: line(54), Side: &right, Body: str("x")}, "start line must be part of the same hunk as the line."},
		{"too long", at("shop.go", 20, strings.Repeat("é", maxBody+1)), "too long"},
		{"longest", at("shop.go", 20, strings.Repeat("é", maxBody)), ""},
		{"empty", at("shop.go", 20, ""), "can't be blank"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(w.Threads("acme", "shop", 1))
			_, err := w.review(at("shop.go", 20, "good"), tc.c)
			after := len(w.Threads("acme", "shop", 1))
			if tc.want == "" {
				if err != nil || after != before+2 {
					t.Errorf("%s; %d threads, want %d", explain(err), after, before+2)
				}
				return
			}
			wantError(t, err, "422 Unprocessable Entity", tc.want)
			if after != before {
				t.Errorf("%d threads, want %d: nothing may be posted", after, before)
			}
		})
	}
}

func TestReviewRefusesUnknownKeysAndStrayCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for _, tc := range []struct{ name, body, want string }{
		{"unknown key", `{"event":"COMMENT","comments":[{"path":"shop.go","line":20,"body":"x","subject_type":"file"}]}`, `\"subject_type\" is not a permitted key.`},
		{"no path", `{"event":"COMMENT","comments":[{"line":20,"body":"x"}]}`, "path"},
		{"wrong type", `{"event":"COMMENT","comments":[{"path":"shop.go","line":"20","body":"x"}]}`, "Invalid request"},
		{"unknown event", `{"event":"SHOUT","body":"x"}`, "SHOUT"},
		{"blank", `{"event":"COMMENT"}`, "Review body can't be blank"},
		{"stray commit", `{"event":"COMMENT","body":"x","commit_id":"` + w.base + `"}`, "not part of the pull request"},
		{"not JSON", `{"event`, "Problems parsing JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, body := w.do(w.Token("acme", nil), "POST", "/repos/acme/shop/pulls/1/reviews", tc.body)
			if status/100 != 4 || !strings.Contains(body, tc.want) {
				t.Errorf("%d %s, want %q", status, body, tc.want)
			}
		})
	}
	if n := len(w.Reviews("acme", "shop", 1)); n != 0 {
		t.Errorf("%d reviews, want none", n)
	}
}

// do sends one plain request.
func (w *world) do(token, method, path, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(method, w.URL()+"/api/v3"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(out)
}

func TestPendingReviewsAreInvisibleAndOnlyOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	token := w.Token("acme", nil)
	if status, body := w.do(token, "POST", "/repos/acme/shop/pulls/1/reviews", `{"comments":[{"path":"shop.go","line":20,"body":"x"}]}`); status != 200 || !strings.Contains(body, `"PENDING"`) {
		t.Fatalf("%d %s", status, body)
	}
	if got := w.Threads("acme", "shop", 1); len(got) != 0 {
		t.Errorf("threads of a pending review are visible: %v", got)
	}
	if status, body := w.do(token, "POST", "/repos/acme/shop/pulls/1/reviews", `{}`); status != 422 || !strings.Contains(body, "User can only have one pending review per pull request") {
		t.Errorf("second pending review: %d %s", status, body)
	}
	id := w.Reviews("acme", "shop", 1)[0].ID
	if _, _, err := w.client().PullRequests.DeletePendingReview(context.Background(), "acme", "shop", 1, id); err != nil {
		t.Error(err)
	}
	if n := len(w.Reviews("acme", "shop", 1)); n != 0 {
		t.Errorf("%d reviews left", n)
	}
}

func TestSingleCommentsHaveErrorsOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	ctx := context.Background()
	pr := w.client().PullRequests
	str := github.String
	n := func(i int) *int { return &i }
	_, _, err := pr.CreateComment(ctx, "acme", "shop", 1, &github.PullRequestComment{CommitID: &w.head, Path: str("shop.go"), Line: n(40), Body: str("x")})
	wantError(t, err, "422", "Validation Failed", "PullRequestReviewComment pull_request_review_thread.line custom pull_request_review_thread.line must be part of the diff", "pull_request_review_thread.diff_hunk missing_field")
	_, _, err = pr.CreateComment(ctx, "acme", "shop", 1, &github.PullRequestComment{CommitID: &w.base, Path: str("shop.go"), Line: n(20), Body: str("x")})
	wantError(t, err, "422", "commit_id is not part of the pull request")
	_, _, err = pr.CreateComment(ctx, "acme", "shop", 1, &github.PullRequestComment{CommitID: &w.head, Path: str("shop.go"), Body: str("x")})
	wantError(t, err, "422", "\"position\" wasn't supplied.")

	top, _, err := pr.CreateComment(ctx, "acme", "shop", 1, &github.PullRequestComment{CommitID: &w.head, Path: str("shop.go"), Body: str("about the file"), SubjectType: str("file")})
	if err != nil {
		t.Fatal(explain(err))
	}
	reply, _, err := pr.CreateCommentInReplyTo(ctx, "acme", "shop", 1, "answer", top.GetID())
	if err != nil || reply.GetInReplyTo() != top.GetID() {
		t.Fatal(explain(err), reply)
	}
	if status, body := w.do(w.Token("acme", nil), "POST", "/repos/acme/shop/pulls/1/comments/"+itoa(reply.GetID())+"/replies", `{"body":"x"}`); status != 422 {
		t.Errorf("reply to a reply: %d %s", status, body)
	}
	th := w.Threads("acme", "shop", 1)
	if len(th) != 1 || th[0].Subject != "file" || th[0].Line != 0 || len(th[0].Comments) != 2 {
		t.Errorf("threads = %+v", th)
	}
	if n := len(w.Reviews("acme", "shop", 1)); n != 2 {
		t.Errorf("%d reviews, want one for each comment", n)
	}
}

func itoa(n int64) string { b, _ := json.Marshal(n); return string(b) }

func TestCommentsMoveWithTheHeadOrBecomeOutdated(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	left := &github.DraftReviewComment{Path: github.String("shop.go"), Line: github.Int(21), Side: github.String("LEFT"), Body: github.String("left")}
	if _, err := w.review(at("shop.go", 20, "changes"), at("shop.go", 54, "moves"), at("new.go", 3, "goes"), left); err != nil {
		t.Fatal(explain(err))
	}
	w.Reply("acme", "shop", 1, w.Threads("acme", "shop", 1)[1].ID, "alice", "why?")
	head := w.repo.Commit("feature", "", "More", map[string]string{
		"shop.go": numbered(60, map[int]string{1: "one\nmore\nlines", 20: "changed again", 21: "", 55: "changed 55"}), "new.go": Delete,
	})
	w.repo.SyncPull(1)
	list, _, err := w.client().PullRequests.ListComments(context.Background(), "acme", "shop", 1, nil)
	if err != nil || len(list) != 5 {
		t.Fatal(explain(err), len(list))
	}
	for _, k := range list {
		moved := k.GetCommitID() == head
		var wantLine int
		switch k.GetBody() {
		case "moves", "why?":
			wantLine = 56
		case "left":
			wantLine = 21
		}
		if k.GetLine() != wantLine || moved != (wantLine != 0) || k.GetOriginalCommitID() != w.head || k.GetOriginalLine() == 0 {
			t.Errorf("%q: line %d of %s, original %d of %s; want line %d", k.GetBody(), k.GetLine(), k.GetCommitID(), k.GetOriginalLine(), k.GetOriginalCommitID(), wantLine)
		}
		if (k.Position == nil) != (wantLine == 0) {
			t.Errorf("%q: position %v", k.GetBody(), k.Position)
		}
	}
}

func TestCommentOnAnOlderCommitOfThePullRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	head := w.repo.Commit("feature", "", "More", map[string]string{"new.go": "package a\n\n// moved down\nvar X = 1\n"})
	w.repo.SyncPull(1)
	if _, err := w.review(at("new.go", 3, "old place")); err != nil {
		t.Fatal(explain(err))
	}
	th := w.Threads("acme", "shop", 1)
	if len(th) != 1 || th[0].Line != 4 || th[0].Comments[0].CommitID != head {
		t.Errorf("threads = %+v", th)
	}
}

func TestForkPullAndItsCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	fork := w.repo.Fork("mallory")
	head := fork.Commit("patch", w.base, "From outside", map[string]string{"shop.go": numbered(60, map[int]string{3: "evil"})})
	n := w.repo.ForkPull(fork, "Fork", "", "main", "patch", "mallory", true)
	if w.repo.Tip("patch") != "" {
		t.Error("the fork's branch is in the base repository")
	}
	pr, _, err := w.client().PullRequests.Get(context.Background(), "acme", "shop", n)
	if err != nil || pr.GetHead().GetSHA() != head || pr.GetHead().GetRepo().GetFullName() != "mallory/shop" || !pr.GetDraft() {
		t.Fatal(explain(err), pr)
	}
	if !w.repo.has(head) {
		t.Error("the fork's head is not in the base repository")
	}
	fork.Remove()
	pr, _, err = w.client().PullRequests.Get(context.Background(), "acme", "shop", n)
	if err != nil || pr.GetHead().Repo != nil {
		t.Error(explain(err), "head.repo must be null when the fork is gone")
	}
}

func TestGraphQL(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	if _, err := w.review(at("shop.go", 20, "one"), at("shop.go", 54, "two"), at("new.go", 3, "three")); err != nil {
		t.Fatal(explain(err))
	}
	ctx := context.Background()
	type threadsQuery struct {
		Repository struct {
			PullRequest struct {
				ReviewThreads struct {
					Nodes []struct {
						ID          githubv4.ID
						IsResolved  bool
						IsOutdated  bool
						Path        string
						Line        *int
						SubjectType string
						ResolvedBy  *struct{ Login string }
						Comments    struct {
							Nodes []struct {
								ID              githubv4.ID
								DatabaseID      int64
								Body            string
								IsMinimized     bool
								MinimizedReason *string
								Author          struct{ Login string }
								ViewerDidAuthor bool
								CreatedAt       time.Time
							}
						} `graphql:"comments(first: 100)"`
					}
					PageInfo struct {
						HasNextPage bool
						EndCursor   githubv4.String
					}
				} `graphql:"reviewThreads(first: 2, after: $cursor)"`
			} `graphql:"pullRequest(number: $number)"`
		} `graphql:"repository(owner: $owner, name: $name)"`
	}
	vars := map[string]any{"owner": githubv4.String("acme"), "name": githubv4.String("shop"), "number": githubv4.Int(1), "cursor": (*githubv4.String)(nil)}
	gql := w.graphql(w.Token("acme", nil))
	var q threadsQuery
	if err := gql.Query(ctx, &q, vars); err != nil {
		t.Fatal(err)
	}
	first := q.Repository.PullRequest.ReviewThreads
	if len(first.Nodes) != 2 || !first.PageInfo.HasNextPage || first.Nodes[0].Comments.Nodes[0].Author.Login != "secbydesign" || !first.Nodes[0].Comments.Nodes[0].ViewerDidAuthor {
		t.Fatalf("first page = %+v", first)
	}
	if id := first.Nodes[0].Comments.Nodes[0].DatabaseID; id != w.Threads("acme", "shop", 1)[0].Comments[0].ID {
		t.Errorf("databaseId = %d", id)
	}
	vars["cursor"] = githubv4.NewString(first.PageInfo.EndCursor)
	var second threadsQuery
	if err := gql.Query(ctx, &second, vars); err != nil {
		t.Fatal(err)
	}
	if next := second.Repository.PullRequest.ReviewThreads; len(next.Nodes) != 1 || next.PageInfo.HasNextPage {
		t.Fatalf("second page = %+v", next)
	}

	var resolve struct {
		ResolveReviewThread struct {
			Thread struct {
				IsResolved bool
				ResolvedBy struct{ Login string }
			}
		} `graphql:"resolveReviewThread(input: $input)"`
	}
	input := githubv4.ResolveReviewThreadInput{ThreadID: first.Nodes[0].ID}
	if err := gql.Mutate(ctx, &resolve, input, nil); err == nil || !strings.Contains(err.Error(), "Resource not accessible by integration") {
		t.Errorf("resolve with contents:read: %v", err)
	}
	w.SetPermissions(map[string]string{"contents": "write", "pull_requests": "write", "checks": "write"})
	if err := w.graphql(w.Token("acme", nil)).Mutate(ctx, &resolve, input, nil); err != nil || !resolve.ResolveReviewThread.Thread.IsResolved {
		t.Errorf("resolve with contents:write: %v %+v", err, resolve)
	}
	var minimize struct {
		MinimizeComment struct {
			MinimizedComment struct {
				IsMinimized     bool
				MinimizedReason string
			}
		} `graphql:"minimizeComment(input: $input)"`
	}
	in := githubv4.MinimizeCommentInput{SubjectID: first.Nodes[1].Comments.Nodes[0].ID, Classifier: githubv4.ReportedContentClassifiersResolved}
	if err := gql.Mutate(ctx, &minimize, in, nil); err != nil || minimize.MinimizeComment.MinimizedComment.MinimizedReason != "resolved" {
		t.Errorf("minimize: %v %+v", err, minimize)
	}
	th := w.Threads("acme", "shop", 1)
	if !th[0].Resolved || th[0].ResolvedBy != "secbydesign[bot]" || th[1].Comments[0].Minimized != "resolved" {
		t.Errorf("threads = %+v", th)
	}
	var names []string
	for _, k := range w.Writes() {
		names = append(names, k.Path)
	}
	if got := strings.Join(names, ","); got != "/repos/acme/shop/pulls/1/reviews,graphql resolveReviewThread,graphql resolveReviewThread,graphql minimizeComment" {
		t.Errorf("writes = %s", got)
	}
}

func TestAMistakeInATestPanicsAndLeavesTheServerUsable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for name, mistake := range map[string]func(){
		"no such pull request": func() { w.repo.SyncPull(9) },
		"no such branch":       func() { w.repo.OpenPull("x", "", "main", "nowhere", "alice", false) },
		"no such thread":       func() { w.Reply("acme", "shop", 1, "PRRT_0", "alice", "x") },
		"line outside":         func() { w.CommentOnLine("acme", "shop", 1, "alice", "shop.go", 40, "x") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			mistake()
		}()
		if pr := w.Pull("acme", "shop", 1); pr.HeadSHA != w.head {
			t.Errorf("%s: head = %s", name, pr.HeadSHA)
		}
	}
}

// TestSettleWhileThereAreWrites waits from many goroutines while others write.
func TestSettleWhileThereAreWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(*Options) {})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 500 {
				w.mu.Lock()
				w.echo([]outgoing{{delivery: &Delivery{}}})
				w.mu.Unlock()
				w.Settle()
			}
		})
	}
	group.Wait()
}

// TestClosedAtOnce ends stand-ins before what they began has had its turn.
func TestClosedAtOnce(t *testing.T) {
	t.Parallel()
	for range 20 {
		gh, err := New(Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		gh.Close()
	}
}
