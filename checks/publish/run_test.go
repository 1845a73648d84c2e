package publish_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"
	"github.com/shurcooL/githubv4"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

// A bench is a pull request on the stand-in, and clients with the App's permissions.
type bench struct {
	t       *testing.T
	gh      *fakegithub.Server
	repo    *fakegithub.Repo
	number  int
	clients publish.Clients
	head    publish.Head
}

type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(r)
}

func newBench(t *testing.T, permissions map[string]string) *bench {
	t.Helper()
	gh, err := fakegithub.New(fakegithub.Options{Dir: t.TempDir(), Permissions: permissions})
	if err != nil {
		t.Fatal(err)
	}
	if err := gh.Start(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(gh.Close)
	gh.CreateOrg("acme")
	b := &bench{t: t, gh: gh, repo: gh.CreateRepo("acme", "shop", true)}
	gh.Install("acme")
	base := b.repo.Commit("main", "", "base", map[string]string{"old.txt": "one\n"})
	b.repo.Commit("change", base, "change", map[string]string{"a.txt": numbered(60), "b.txt": numbered(60)})
	b.number = b.repo.OpenPull("Change", "", "main", "change", "mona", false)
	b.at()
	b.through(bearer{gh.Token("acme", nil)})
	return b
}

// through makes the clients use a transport to reach the stand-in.
func (b *bench) through(transport http.RoundTripper) {
	b.t.Helper()
	client := &http.Client{Transport: transport}
	rest, err := github.NewClient(client).WithEnterpriseURLs(b.gh.URL(), b.gh.URL())
	if err != nil {
		b.t.Fatal(err)
	}
	b.clients = publish.Clients{REST: rest, GraphQL: githubv4.NewEnterpriseClient(b.gh.URL()+"/api/graphql", client)}
}

func numbered(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "line %d\n", i+1)
	}
	return s.String()
}

// at sets the place to the head.
func (b *bench) at() {
	b.head = publish.Head{Owner: "acme", Repo: "shop", Number: b.number, SHA: b.gh.Pull("acme", "shop", b.number).HeadSHA, AppID: 1}
}

// patch is the patch of the bench's pull request: two new files of 60 lines.
func (b *bench) patch() patch.Set {
	var raw strings.Builder
	for _, f := range []string{"a.txt", "b.txt"} {
		fmt.Fprintf(&raw, "diff --git a/%[1]s b/%[1]s\nnew file mode 100644\n--- /dev/null\n+++ b/%[1]s\n@@ -0,0 +1,60 @@\n+%[2]s", f, strings.ReplaceAll(strings.TrimSuffix(numbered(60), "\n"), "\n", "\n+")+"\n")
	}
	set, err := patch.Parse([]byte(raw.String()))
	if err != nil {
		b.t.Fatal(err)
	}
	return set
}

func found(path string, line int) checks.Finding {
	return checks.Finding{Comment: true, Result: scanners.Result{
		Finding: scanners.Finding{Rule: "r", Severity: scanners.High, Path: path, Line: line, EndLine: line, Title: "T", Message: "M."},
		Scanner: "s", Gate: scanners.Secrets, State: scanners.New,
		Fingerprint: strings.Repeat(string(rune('a'+path[0]%3)), 24) + string(rune('a'+line/26)) + string(rune('a'+line%26)) + ":1",
	}}
}

func (b *bench) report(findings ...checks.Finding) checks.Report {
	return checks.Compose(checks.Input{
		Base: "base", Head: b.head.SHA, Patch: b.patch(), Limit: 100,
		Gates: []checks.Gate{{Name: scanners.Secrets, Findings: findings, Runs: []scanners.Run{{Scanner: "s", Gate: scanners.Secrets}}}},
	})
}

func (b *bench) review(rep checks.Report) error {
	run, err := publish.Start(context.Background(), b.clients, b.head, false)
	if err != nil {
		return err
	}
	return run.Finish(context.Background(), rep)
}

func (b *bench) mustReview(findings ...checks.Finding) {
	b.t.Helper()
	if err := b.review(b.report(findings...)); err != nil {
		b.t.Fatal(err)
	}
}

// state describes the state of the pull request, without the parts that differ from run to run.
func (b *bench) state() string {
	var lines []string
	for _, run := range b.gh.CheckRuns("acme", "shop", b.head.SHA) {
		lines = append(lines, fmt.Sprintf("check %s %s %s %q annotations=%d", run.Name, run.Status, run.Conclusion, run.Title, len(run.Annotations)))
	}
	for _, t := range b.gh.Threads("acme", "shop", b.number) {
		lines = append(lines, fmt.Sprintf("thread %s:%d %s minimized=%q resolved=%v comments=%d", t.Path, t.Line, t.Subject, t.Comments[0].Minimized, t.Resolved, len(t.Comments)))
	}
	for _, n := range b.gh.IssueComments("acme", "shop", b.number) {
		first, _, _ := strings.Cut(n.Body, "\n")
		lines = append(lines, fmt.Sprintf("note %s minimized=%q", first, n.Minimized))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (b *bench) want(state string) {
	b.t.Helper()
	if got := b.state(); got != strings.TrimSpace(state) {
		b.t.Errorf("the pull request shows\n%s\nwant\n%s", got, strings.TrimSpace(state))
	}
}

func TestFindThenFixThenRegress(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	one, two := found("a.txt", 3), found("b.txt", 7)
	b.mustReview(one, two)
	b.want(`
check secbydesign completed neutral "2 new findings (2 high)" annotations=0
check secbydesign/secrets completed neutral "2 new findings (2 high)" annotations=2
note **2 findings are open** (2 high). Each has a thread in the diff. minimized=""
thread a.txt:3 line minimized="" resolved=false comments=1
thread b.txt:7 line minimized="" resolved=false comments=1`)
	if n := len(b.gh.Reviews("acme", "shop", b.number)); n != 1 {
		t.Errorf("%d reviews, want all comments in 1", n)
	}

	b.gh.ResetWrites()
	b.mustReview(one, two)
	if w := b.gh.Writes(); len(w) != 0 {
		t.Errorf("the same again writes %v", w)
	}

	b.repo.Commit("change", "", "fix one", map[string]string{"c.txt": "x\n"})
	b.repo.SyncPull(b.number)
	b.at()
	b.mustReview(two)
	b.want(`
check secbydesign completed neutral "1 new finding (1 high)" annotations=0
check secbydesign/secrets completed neutral "1 new finding (1 high)" annotations=1
note **1 finding is open** (1 high). It has a thread in the diff. minimized=""
thread a.txt:3 line minimized="resolved" resolved=false comments=1
thread b.txt:7 line minimized="" resolved=false comments=1`)

	b.repo.Commit("change", "", "regress", map[string]string{"c.txt": "y\n"})
	b.repo.SyncPull(b.number)
	b.at()
	b.mustReview(one, two)
	b.want(`
check secbydesign completed neutral "2 new findings (2 high)" annotations=0
check secbydesign/secrets completed neutral "2 new findings (2 high)" annotations=2
note **2 findings are open** (2 high). Each has a thread in the diff. minimized=""
thread a.txt:3 line minimized="" resolved=false comments=1
thread b.txt:7 line minimized="" resolved=false comments=1`)
}

func TestThreadsAreResolvedWhereTheAppMay(t *testing.T) {
	t.Parallel()
	b := newBench(t, map[string]string{"metadata": "read", "contents": "write", "checks": "write", "pull_requests": "write"})
	b.mustReview(found("a.txt", 3))
	for _, step := range []struct {
		findings []checks.Finding
		want     string
	}{
		{nil, `thread a.txt:3 line minimized="" resolved=true comments=1`},
		{[]checks.Finding{found("a.txt", 3)}, `thread a.txt:3 line minimized="" resolved=false comments=1`},
	} {
		run, err := publish.Start(context.Background(), b.clients, b.head, false)
		if err != nil {
			t.Fatal(err)
		}
		run.ResolveWith(b.clients.GraphQL)
		if err := run.Finish(context.Background(), b.report(step.findings...)); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.state(), step.want) {
			t.Errorf("the pull request shows\n%s\nwant\n%s", b.state(), step.want)
		}
	}
}

// TestOneRefusedCommentLosesNoOther lets GitHub refuse a line that the patch we had shows.
func TestOneRefusedCommentLosesNoOther(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	// The stand-in's file is shorter than the patch says.
	b.repo.Commit("change", "", "shorter", map[string]string{"a.txt": numbered(20)})
	b.repo.SyncPull(b.number)
	b.at()
	var all []checks.Finding
	for line := 11; line <= 21; line++ { // line 21 is not there any more
		all = append(all, found("a.txt", line))
	}
	b.mustReview(all...)
	threads := b.gh.Threads("acme", "shop", b.number)
	onLine, onFile := 0, 0
	for _, th := range threads {
		if th.Subject == "file" {
			onFile++
		} else {
			onLine++
		}
	}
	if onLine != 10 || onFile != 1 {
		t.Errorf("%d comments on lines and %d on files, want 10 and 1", onLine, onFile)
	}
	b.gh.ResetWrites()
	b.mustReview(all...)
	if w := b.gh.Writes(); len(w) != 0 {
		t.Errorf("the same again writes %v", w)
	}
}

// TestWhatFindsNoPlaceIsInTheSummary lets GitHub also refuse the comment on the file.
func TestWhatFindsNoPlaceIsInTheSummary(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.gh.Fail(fakegithub.Unprocessable("POST", "/repos/acme/shop/pulls/*/reviews", 1, "Line could not be resolved"))
	b.gh.Fail(fakegithub.Unprocessable("POST", "/repos/acme/shop/pulls/*/comments", 1, "no"))
	b.mustReview(found("a.txt", 3))
	if n := len(b.gh.Threads("acme", "shop", b.number)); n != 0 {
		t.Fatalf("%d threads, want 0", n)
	}
	for _, run := range b.gh.CheckRuns("acme", "shop", b.head.SHA) {
		if run.Name == checks.Name && !strings.Contains(run.Summary, "listed here only") {
			t.Errorf("the summary does not say so:\n%s", run.Summary)
		}
	}
	b.gh.ResetWrites()
	b.mustReview(found("a.txt", 3))
	if w := b.gh.Writes(); len(w) != 0 {
		t.Errorf("the same again writes %v", w)
	}
}

func TestAnnotationsInBatches(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var all []checks.Finding
	for line := 1; line <= 60; line++ {
		all = append(all, found("a.txt", line), found("b.txt", line))
	}
	b.mustReview(all...)
	if got := b.state(); !strings.Contains(got, "annotations=120") {
		t.Errorf("the pull request shows\n%s", got)
	}
}

// TestStoppedAnywhere cuts a review off at each of its writes, before and after GitHub carried
// the write out, and checks that the next try ends in the same state, with each thread there once.
func TestStoppedAnywhere(t *testing.T) {
	t.Parallel()
	var findings []checks.Finding
	for line := 1; line <= 55; line++ { // more than one batch of annotations
		findings = append(findings, found("a.txt", line))
	}
	reference := newBench(t, nil)
	reference.mustReview(findings...)
	reference.gh.ResetWrites()
	reference.mustReview(findings[:50]...)
	want, writes := reference.state(), len(reference.gh.Writes())
	if writes < 8 {
		t.Fatalf("only %d writes, want enough to be stopped at", writes)
	}
	for at := range writes {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("write %d carried out %v", at+1, after), func(t *testing.T) {
				t.Parallel()
				b := newBench(t, nil)
				b.mustReview(findings...)
				cut := &cutOff{next: bearer{b.gh.Token("acme", nil)}, at: at, after: after}
				b.through(cut)
				if err := b.review(b.report(findings[:50]...)); err == nil {
					t.Fatal("the review was not cut off")
				}
				cut.at = -1
				b.mustReview(findings[:50]...)
				if got := b.newest(); got != newest(want) {
					t.Errorf("the pull request shows\n%s\nwant\n%s", got, newest(want))
				}
			})
		}
	}
}

// newest leaves out the check runs that a newer run of the same name hides.
func (b *bench) newest() string { return newest(b.state()) }

func newest(state string) string {
	var out []string
	for line := range strings.SplitSeq(state, "\n") {
		if !strings.HasPrefix(line, "check secbydesign/secrets") || strings.Contains(line, "annotations=50") && strings.Contains(line, "completed") {
			out = append(out, line)
		}
	}
	return strings.Join(slices.Compact(out), "\n")
}

// cutOff breaks the connection at one write, before or after it reaches GitHub.
type cutOff struct {
	next  http.RoundTripper
	at    int
	after bool
	seen  int
}

func (c *cutOff) RoundTrip(r *http.Request) (*http.Response, error) {
	write := r.Method != http.MethodGet
	if strings.HasSuffix(r.URL.Path, "/graphql") {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		var start [20]byte
		n, _ := body.Read(start[:])
		write = strings.Contains(string(start[:n]), "mutation")
	}
	if write {
		c.seen++
	}
	if write && c.at >= 0 && c.seen > c.at {
		if c.after && c.seen == c.at+1 {
			resp, err := c.next.RoundTrip(r)
			if err == nil {
				resp.Body.Close()
			}
		}
		return nil, errors.New("cut off")
	}
	return c.next.RoundTrip(r)
}

func TestAbandon(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	old := b.head
	if _, err := publish.Start(context.Background(), b.clients, old, false); err != nil {
		t.Fatal(err)
	}
	b.want(`check secbydesign in_progress  "Scanning the change" annotations=0`)
	if err := publish.Abandon(context.Background(), b.clients, old, "Newer."); err != nil {
		t.Fatal(err)
	}
	b.want(`check secbydesign completed cancelled "Superseded" annotations=0`)
	b.mustReview()
	if got := b.state(); !strings.Contains(got, `completed success "No new findings"`) {
		t.Errorf("a head that comes back is not reviewed again:\n%s", got)
	}
}

func TestForgedMarkersCountForNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	f := found("a.txt", 3)
	b.gh.CommentOnLine("acme", "shop", b.number, "mallory", "a.txt", 3, "Hush\n<!-- secbydesign:v1 finding="+f.Fingerprint+" -->")
	b.mustReview(f)
	if n := len(b.gh.Threads("acme", "shop", b.number)); n != 2 {
		t.Errorf("%d threads, want mallory's and ours", n)
	}
	b.mustReview()
	for _, th := range b.gh.Threads("acme", "shop", b.number) {
		if th.Comments[0].Author == "mallory" && (th.Resolved || th.Comments[0].Minimized != "" || !strings.HasPrefix(th.Comments[0].Body, "Hush")) {
			t.Errorf("mallory's comment was touched: %+v", th)
		}
	}
}

func TestAgainShowsProgress(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.mustReview()
	run, err := publish.Start(context.Background(), b.clients, b.head, true)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.state(), "check secbydesign in_progress") {
		t.Errorf("re-run shows nothing:\n%s", b.state())
	}
	if err := run.Finish(context.Background(), b.report()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.state(), "in_progress") {
		t.Errorf("a check is left in progress:\n%s", b.state())
	}
}
