package app_test

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/secbydesign/secbydesign/app"
	"github.com/secbydesign/secbydesign/app/apptest"
	"github.com/secbydesign/secbydesign/app/confined"
	"github.com/secbydesign/secbydesign/app/demo"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/ledger/pgtest"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
)

// patience bounds a wait for something that takes a second or two; a test that reaches it has
// failed.
const patience = 3 * time.Minute

// A stage is the running App, a stand-in for GitHub, and one pull request.
type stage struct {
	*demo.World
	t    *testing.T
	repo *fakegithub.Repo
	base string // commit
	logs *safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newStage begins with a repository acme/shop that has one commit with these files.
func newStage(t *testing.T, files map[string]string) *stage {
	t.Helper()
	return newStageOn(t, "", files)
}

// newStageOn is like newStage with the database at a URL; empty for a file in the data folder.
func newStageOn(t *testing.T, database string, files map[string]string) *stage {
	t.Helper()
	w, err := demo.NewWorld(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	w.Settings.Database = database
	t.Cleanup(w.GitHub.Close)
	w.Content, w.Comments = content(), comments()
	s := &stage{World: w, t: t, logs: &safeBuffer{}}
	if err := w.Start(context.Background(), zerolog.New(s.logs).Level(zerolog.DebugLevel)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Stop(); err != nil {
			t.Error("stop:", err)
		}
		noSecrets(t, w, s.logs)
		if t.Failed() {
			var log strings.Builder
			for line := range strings.Lines(s.logs.String()) {
				if !strings.Contains(line, `"component":"river"`) {
					log.WriteString(line)
				}
			}
			t.Logf("the end of the App's log:\n%s", log.String()[max(0, log.Len()-8000):])
		}
	})
	w.GitHub.CreateOrg("acme")
	s.repo = w.GitHub.CreateRepo("acme", "shop", true)
	w.GitHub.Install("acme")
	s.base = s.repo.Commit("main", "", "base", files)
	return s
}

// restart stops the App, calls change, and starts the App again.
func (s *stage) restart(change func()) {
	s.t.Helper()
	if err := s.Stop(); err != nil {
		s.t.Fatal("stop:", err)
	}
	change()
	if err := s.Start(context.Background(), zerolog.New(s.logs).Level(zerolog.DebugLevel)); err != nil {
		s.t.Fatal(err)
	}
}

// open opens a pull request from a branch whose one commit changes files.
func (s *stage) open(branch string, files map[string]string) int {
	s.repo.Commit(branch, s.base, "change on "+branch, files) // equal commits would share their checks
	return s.repo.OpenPull("Change", "", "main", branch, "mona", false)
}

// push adds a commit to a pull request's branch.
func (s *stage) push(n int, branch string, files map[string]string) {
	s.repo.Commit(branch, "", "more", files)
	s.repo.SyncPull(n)
}

func (s *stage) verdict(n int) fakegithub.CheckRun {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	run, err := s.Verdict(ctx, "acme", "shop", n)
	if err != nil {
		s.t.Fatal(err)
	}
	return run
}

// reviewed waits until the App has reviewed everything that it heard of a pull request. The pull request shows the
// result before the review ends, and a newer event may still cancel the review.
func (s *stage) reviewed(n int) {
	s.t.Helper()
	s.GitHub.Settle()
	s.until("it is reviewed", func() bool {
		p := s.heard(n)
		return p.Reviewed == p.Generation
	})
}

// heard returns what the App knows of a pull request without asking GitHub.
func (s *stage) heard(n int) ledger.Pull {
	s.t.Helper()
	l, err := ledger.OpenReader(s.t.Context(), cmp.Or(s.Settings.Database, "sqlite:"+filepath.Join(s.Settings.DataDir, "secbydesign.db")))
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	p, err := l.Pull(s.t.Context(), ledger.Repo{Owner: "acme", Name: "shop"}, n)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

// until waits for a condition that has no event to wait for.
func (s *stage) until(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

// want compares verdict and threads with lines such as "neutral" and "a.txt:2 open".
func (s *stage) want(n int, lines ...string) {
	s.t.Helper()
	got := append([]string{s.verdict(n).Conclusion}, s.threads(n)...)
	slices.Sort(got[1:])
	slices.Sort(lines[1:])
	if !slices.Equal(got, lines) {
		s.t.Errorf("the pull request shows\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

func (s *stage) threads(n int) []string {
	var out []string
	for _, t := range s.GitHub.Threads("acme", "shop", n) {
		state := "open"
		if t.Resolved || t.Comments[0].Minimized != "" {
			state = "settled"
		}
		place := t.Path
		if t.Line > 0 {
			place = fmt.Sprintf("%s:%d", t.Path, t.Line)
		}
		out = append(out, place+" "+state)
	}
	return out
}

// metric reads one of the App's own counters, summed over its labels that hold with.
func (s *stage) metric(name, with string) (sum float64) {
	s.t.Helper()
	_, text := get(s.t, s.Address()+"/metrics")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, name) && strings.Contains(line, with) {
			var v float64
			_, err := fmt.Sscan(line[strings.LastIndexByte(line, ' ')+1:], &v)
			if err != nil {
				s.t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}

// leak is a line in which a scanner finds a secret, a different one for each seed.
func leak(seed int) string { return apptest.Leak(seed) + "\n" }

func TestFindFixRegress(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"old.py": "x = 1\n" + leak(1) + "y = 2\n"})
	n := s.open("change", map[string]string{
		"old.py": "x = 1\nmore = 1\nif x:\n    " + leak(1) + "y = 2\n", // moved and indented: no news
		"new.py": "a = 1\n" + leak(2),
	})
	s.want(n, "neutral", "new.py:2 open")
	fixed := s.repo.Commit("change", s.base, "rewritten", map[string]string{"new.py": "a = 1\n"})
	s.repo.SyncPull(n)
	s.want(n, "success", "new.py settled")
	if body := s.GitHub.Threads("acme", "shop", n)[0].Comments[0].Body; !strings.HasPrefix(body, "**Gone from the branch since `"+fixed[:10]+"`, but not fixed: ") {
		t.Errorf("the comment does not name the commit since which the secret is gone:\n%s", body)
	}
	for what, text := range map[string]string{"the check": s.verdict(n).Summary, "the summary": s.GitHub.IssueComments("acme", "shop", n)[0].Body} {
		if !strings.Contains(text, "**1 secret is gone from the branch, but not fixed.**") {
			t.Errorf("%s does not say that the secret is to be revoked:\n%s", what, text)
		}
	}
	s.push(n, "change", map[string]string{"new.py": "a = 1\nb = 2\n" + leak(2)})
	s.want(n, "neutral", "new.py open")
}

func TestLeakedInHistory(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.repo.Commit("change", s.base, "leak", map[string]string{"a.py": "a = 1\n" + leak(1), "gone.py": leak(2)})
	s.repo.Commit("change", "", "take it out", map[string]string{"a.py": "a = 2\n", "gone.py": fakegithub.Delete})
	n := s.repo.OpenPull("Change", "", "main", "change", "mona", false)
	s.want(n, "neutral", "a.py open") // gone.py is not in the diff: its place is the summary
	if sum := s.verdict(n).Summary; strings.Count(sum, "in the history only") != 2 {
		t.Errorf("the summary does not name both:\n%s", sum)
	}
}

// TestSameDeliveryTwentyTimes sends one delivery 20 times over 4 connections at once.
func TestSameDeliveryTwentyTimes(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	hook := s.Address() + "/webhook"
	s.GitHub.SetWebhookURL("") // recorded, not sent: the test sends it
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1) + leak(2)})
	s.GitHub.SetWebhookURL(hook)
	d := s.GitHub.Deliveries()
	opened := d[slices.IndexFunc(d, func(d fakegithub.Delivery) bool { return d.Event == "pull_request" })]
	var wg sync.WaitGroup
	var mu sync.Mutex
	statuses := map[int]int{}
	for range 4 {
		wg.Go(func() {
			for range 5 {
				status := s.GitHub.Redeliver(opened.GUID)
				mu.Lock()
				statuses[status]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if statuses[http.StatusAccepted] != 20 {
		t.Errorf("answers by status: %v, want 20 times 202", statuses)
	}
	s.want(n, "neutral", "a.py:2 open", "a.py:3 open")
	s.reviewed(n)
	if got := s.metric("secbydesign_webhook_deliveries_total", `outcome="duplicate"`); got != 19 {
		t.Errorf("%v deliveries were known, want 19", got)
	}
	if got := s.metric("secbydesign_reviews_total", ""); got != 1 {
		t.Errorf("%v reviews, want 1", got)
	}
	if runs := s.GitHub.CheckRuns("acme", "shop", s.GitHub.Pull("acme", "shop", n).HeadSHA); len(runs) != 2 {
		t.Errorf("%d check runs, want the verdict and one gate", len(runs))
	}
}

// TestNothingToWriteTheSecondTime holds that a re-run on an unchanged pull request writes
// nothing to GitHub.
func TestNothingToWriteTheSecondTime(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "neutral", "a.py:2 open")
	s.reviewed(n)
	s.GitHub.ResetWrites()
	// Another base is a reason for a new review; the same merge base gives the same result.
	s.repo.Commit("main", "", "elsewhere", map[string]string{"other.txt": "x\n"})
	s.GitHub.ChangeBase("acme", "shop", n, "mona", "main")
	s.reviewed(n)
	if got := s.metric("secbydesign_reviews_total", ""); got < 2 {
		t.Errorf("it was reviewed %v times", got)
	}
	if w := s.GitHub.Writes(); len(w) != 0 {
		t.Errorf("the second review writes %+v", w)
	}
	if strings.Contains(afterLast(s.logs.String(), `"reviewed"`, 2), `"method":"PATCH"`) {
		t.Error("the log names a write")
	}
	if scans, files := s.metric("secbydesign_scans_total", `scanner="gitleaks"`), s.metric("secbydesign_scanned_total", `scanner="gitleaks"`); scans != 2 || files != 2 {
		t.Errorf("gitleaks was asked %v times and scanned %v files, want twice, and only once at both sides", scans, files)
	}
}

// afterLast returns the log between the n-th last line that holds a word and its end.
func afterLast(log, word string, n int) string {
	lines := strings.Split(log, "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if strings.Contains(lines[i], word) {
			if n--; n == 0 {
				return strings.Join(lines[i+1:], "\n")
			}
		}
	}
	return log
}

// TestBackToAnEarlierHead sets the branch back to a head that has its verdict already: the
// threads follow, whatever the heads in between did.
func TestBackToAnEarlierHead(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	s.want(n, "neutral", "a.py:2 open")
	leaking := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.repo.Commit("change", s.base, "rewritten", map[string]string{"a.py": "a = 2\n" + leak(2)})
	s.repo.SyncPull(n)
	s.want(n, "neutral", "a.py settled", "a.py:2 open")
	if out, err := exec.Command("git", "-C", s.repo.GitDir(), "update-ref", "refs/heads/change", leaking).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.repo.SyncPull(n)
	s.until("the first finding is open again and the second is settled", func() bool {
		return !slices.ContainsFunc(s.GitHub.Threads("acme", "shop", n), func(th fakegithub.Thread) bool {
			open := !th.Resolved && th.Comments[0].Minimized == ""
			return open != (th.Comments[0].OriginalCommitID == leaking)
		})
	})
}

// TestTwoPullsOfOneCommit proposes one commit to two branches. On one of them the finding is there
// already, so only the other pull request fails; GitHub has one check for both. It is green as soon
// as no open pull request of the commit fails any more.
func TestTwoPullsOfOneCommit(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]struct {
		do    func(s *stage, fails int, id string)
		title string
	}{
		"the one that fails is closed": {func(s *stage, fails int, _ string) {
			s.GitHub.ClosePull("acme", "shop", fails, "mona", false)
		}, "No new findings"},
		"its finding is accepted": {func(s *stage, fails int, id string) {
			s.said(fails, "hubot", "/secbydesign accept "+id+" until=30d"+because, "is accepted until")
		}, "No open findings; 1 accepted"},
		"it goes on with another commit": {func(s *stage, fails int, _ string) {
			s.push(fails, "change", map[string]string{"c.py": "c = 2\n"})
		}, "No new findings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, map[string]string{"a.py": "a = 1\n", ".secbydesign.yml": blocking})
			s.people()
			known := s.repo.Commit("release", s.base, "release", map[string]string{"a.py": "a = 1\n" + mild(1)})
			head := s.repo.Commit("change", known, "change", map[string]string{"c.py": "c = 1\n"})
			if out, err := exec.Command("git", "-C", s.repo.GitDir(), "update-ref", "refs/heads/again", head).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			fails := s.repo.OpenPull("Change", "", "main", "change", "mona", false)
			s.becomes(fails, "failure", "1 new finding")
			id := s.id(fails)
			clean := s.repo.OpenPull("Change", "", "release", "again", "mona", false)
			s.becomes(clean, "failure", fmt.Sprintf("#%d, which has the same commit, has the result failure. This pull request alone: No new findings", fails))
			end.do(s, fails, id)
			s.becomes(clean, "success", end.title)
		})
	}
}

// TestNewestWins pushes while a review runs: the older one is cancelled and its check says so.
func TestNewestWins(t *testing.T) {
	t.Parallel()
	s := newStage(t, map[string]string{"a.py": "a = 1\n"})
	s.GitHub.Fail(fakegithub.Slow("POST", "/repos/*/*/pulls/*/reviews", 1, 2*time.Second))
	n := s.open("change", map[string]string{"a.py": "a = 1\n" + leak(1)})
	old := s.GitHub.Pull("acme", "shop", n).HeadSHA
	s.until("the first review has begun", func() bool { return len(s.GitHub.CheckRuns("acme", "shop", old)) > 0 })
	s.repo.Commit("change", s.base, "rewritten", map[string]string{"a.py": "a = 2\n"})
	s.repo.SyncPull(n)
	if got := s.verdict(n).Conclusion; got != "success" {
		t.Errorf("the newer head is %s, want success", got)
	}
	for _, run := range s.GitHub.CheckRuns("acme", "shop", old) {
		if run.Name == checks.Name && run.Conclusion != "cancelled" && run.Conclusion != "neutral" {
			t.Errorf("the older head is %s %s, want cancelled", run.Status, run.Conclusion)
		}
	}
	for _, th := range s.threads(n) {
		if strings.HasSuffix(th, "open") {
			t.Errorf("%s: a thread of the older head is open", th)
		}
	}
}

func TestMain(m *testing.M) {
	serveMisbehaving()
	app.SandboxHelper()
	if serveForTest() {
		return
	}
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked { // much of a test here is waiting for another process
		if err := flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
			panic(err)
		}
	}
	code := apptest.WithFewPrograms(func() int { return pgtest.Run(m) })
	content().Close()
	comments().Close()
	os.Exit(code)
}

// content returns the processes without credentials that the Apps of all tests share: a start of each takes processor
// time.
var content = sync.OnceValue(func() *confined.Pool {
	pool, err := app.NewContent(context.Background(), app.Config{Workers: 4}, nil)
	if err != nil {
		panic(err)
	}
	return pool
})

// comments returns the process that reads the comments for the Apps of all tests.
var comments = sync.OnceValue(func() *confined.Pool { return app.NewComments(app.Config{}, nil) })
