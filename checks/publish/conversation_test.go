package publish_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/checks/fakegithub"
	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/checks/publish"
	"github.com/secbydesign/secbydesign/scanners"
)

func (b *bench) start() *publish.Run {
	b.t.Helper()
	run, err := publish.Start(context.Background(), b.clients, b.head, false)
	if err != nil {
		b.t.Fatal(err)
	}
	return run
}

func (b *bench) finish(run *publish.Run, rep checks.Report) {
	b.t.Helper()
	if err := run.Finish(context.Background(), rep); err != nil {
		b.t.Fatal(err)
	}
}

// push moves the head without a change of the files in the patch.
func (b *bench) push() {
	b.repo.Commit("change", "", "another push", map[string]string{fmt.Sprint("c", len(b.gh.CheckRuns("acme", "shop", b.head.SHA)), ".txt"): b.head.SHA})
	b.repo.SyncPull(b.number)
	b.at()
}

// gates makes an input of two gates with one scanner each.
func (b *bench) gates(secrets, code []checks.Finding, change func(*checks.Input)) checks.Input {
	code = slices.Clone(code) // which tests that run at the same time share
	for i := range code {
		code[i].Scanner, code[i].Gate = "slow", scanners.Code
	}
	in := checks.Input{
		Base: "base", Head: b.head.SHA, Patch: b.patch(), Limit: 10,
		Gates: []checks.Gate{
			{Name: scanners.Secrets, Findings: secrets, Runs: []scanners.Run{{Scanner: "s", Gate: scanners.Secrets}}},
			{Name: scanners.Code, Findings: code, Runs: []scanners.Run{{Scanner: "slow", Gate: scanners.Code}}},
		},
	}
	if change != nil {
		change(&in)
	}
	return in
}

func pending(in *checks.Input) {
	in.Gates[1].Pending, in.Gates[1].Runs, in.Gates[1].Findings = []string{"slow"}, nil, nil
}

// TestAFinishedGateIsShownAtOnce publishes one gate while the other is still running: its check and its
// threads are there, no thread of the other is closed, and there is no verdict.
func TestAFinishedGateIsShownAtOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	fast, slow, later := found("a.txt", 3), found("b.txt", 7), found("b.txt", 9)
	b.finish(b.start(), checks.Compose(b.gates(nil, []checks.Finding{slow}, nil)))
	b.push()

	run := b.start()
	part := checks.Compose(b.gates([]checks.Finding{fast}, nil, pending))
	for range 2 { // again is no matter
		if err := run.Publish(context.Background(), part); err != nil {
			t.Fatal(err)
		}
	}
	b.want(`
check secbydesign in_progress  "Scanning the change" annotations=0
check secbydesign/secrets completed neutral "1 new finding (1 high)" annotations=1
note **1 finding is open** (1 high). It has a thread in the diff. minimized=""
thread a.txt:3 line minimized="" resolved=false comments=1
thread b.txt:7 line minimized="" resolved=false comments=1`)

	b.finish(run, checks.Compose(b.gates([]checks.Finding{fast}, []checks.Finding{later}, nil)))
	b.want(`
check secbydesign completed neutral "2 new findings (2 high)" annotations=0
check secbydesign/code completed neutral "1 new finding (1 high)" annotations=1
check secbydesign/secrets completed neutral "1 new finding (1 high)" annotations=1
note **2 findings are open** (2 high). Each has a thread in the diff. minimized=""
thread a.txt:3 line minimized="" resolved=false comments=1
thread b.txt:7 line minimized="resolved" resolved=false comments=1
thread b.txt:9 line minimized="" resolved=false comments=1`)
}

// TestAGateThatComesEarlyTakesNotAllRoom lets a fast gate find many mild problems: the worst findings of
// the slow gate still get their threads, and no thread is removed.
func TestAGateThatComesEarlyTakesNotAllRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var mild, bad []checks.Finding
	for line := range 20 {
		f := found("a.txt", line+1)
		f.Severity = scanners.Low
		mild = append(mild, f)
		f = found("b.txt", line+1)
		f.Severity = scanners.Critical
		bad = append(bad, f)
	}
	run := b.start()
	if err := run.Publish(context.Background(), checks.Compose(b.gates(mild, nil, pending))); err != nil {
		t.Fatal(err)
	}
	if n := len(b.gh.Threads("acme", "shop", b.number)); n != 5 {
		t.Errorf("%d threads of the early gate, want half of 10", n)
	}
	b.finish(run, checks.Compose(b.gates(mild, bad, nil)))
	open := map[string]int{}
	for _, th := range b.gh.Threads("acme", "shop", b.number) {
		if th.Comments[0].Minimized == "" {
			open[th.Path]++
		}
	}
	if open["a.txt"] != 5 || open["b.txt"] != 5 {
		t.Errorf("open threads: %v, want 5 of each", open)
	}
}

// TestALateResultIsPosted lets a scanner be over its budget: the scanner is named, the check does not
// wait, and its later findings are shown when they come.
func TestALateResultIsPosted(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	run := b.start()
	b.finish(run, checks.Compose(b.gates(nil, nil, func(in *checks.Input) {
		in.Gates[1].Runs[0].Err = &scanners.IncompleteError{Reason: "It ran out of time after 60 seconds; what it finds later is shown when it comes.", Err: errors.New("x")}
	})))
	b.want(`
check secbydesign completed neutral "Incomplete: slow did not finish" annotations=0
check secbydesign/code completed neutral "Incomplete: slow did not finish" annotations=0
check secbydesign/secrets completed success "No new findings" annotations=0`)
	b.finish(run, checks.Compose(b.gates(nil, []checks.Finding{found("b.txt", 7)}, nil)))
	b.want(`
check secbydesign completed neutral "1 new finding (1 high)" annotations=0
check secbydesign/code completed neutral "1 new finding (1 high)" annotations=1
check secbydesign/secrets completed success "No new findings" annotations=0
note **1 finding is open** (1 high). It has a thread in the diff. minimized=""
thread b.txt:7 line minimized="" resolved=false comments=1`)
}

// TestTwoAtOnceEndAsOne lets two processes review one head at the same time: first one after the other
// with the state that both read before, then really at once (complaint 5).
func TestTwoAtOnceEndAsOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	findings := []checks.Finding{found("a.txt", 3), found("b.txt", 7)}
	one, two := b.start(), b.start()
	b.finish(one, b.report(findings...))
	b.finish(two, b.report(findings...))
	b.once(findings)
	for range 5 {
		b.push()
		findings = append(findings, found("a.txt", 10+len(findings)))
		var wg sync.WaitGroup
		for range 3 {
			run := b.start()
			wg.Go(func() {
				if err := run.Finish(context.Background(), b.report(findings...)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		b.once(findings)
	}
}

// once checks that each finding has one thread that is shown, and that there is one summary.
func (b *bench) once(findings []checks.Finding) {
	b.t.Helper()
	shown := map[string]int{}
	for _, th := range b.gh.Threads("acme", "shop", b.number) {
		if fp, _, _ := checks.Mark(th.Comments[0].Body); th.Comments[0].Minimized == "" {
			shown[fp]++
		}
	}
	for _, f := range findings {
		if shown[f.Fingerprint] != 1 {
			b.t.Errorf("%s:%d has %d threads", f.Path, f.Line, shown[f.Fingerprint])
		}
	}
	if len(shown) != len(findings) {
		b.t.Errorf("%d findings have threads, want %d", len(shown), len(findings))
	}
	notes := 0
	for _, n := range b.gh.IssueComments("acme", "shop", b.number) {
		if n.Minimized == "" {
			notes++
		}
	}
	if notes != 1 {
		b.t.Errorf("%d summaries are shown, want 1", notes)
	}
}

// TestQuietWhenCleanFromTheStart checks that a pull request without findings gets a check and no comment
// (complaint 7).
func TestQuietWhenCleanFromTheStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	fixed := found("a.txt", 3)
	fixed.State = scanners.Absent
	b.mustReview(fixed)
	b.push()
	b.mustReview()
	b.want(`
check secbydesign completed success "No new findings" annotations=0
check secbydesign/secrets completed success "No new findings" annotations=0`)
	if n := len(b.gh.Reviews("acme", "shop", b.number)); n != 0 {
		t.Errorf("%d reviews, want none", n)
	}
}

// TestOneSummaryThatIsEditedInPlace follows the summary over pushes, and over the actions of people on it.
func TestOneSummaryThatIsEditedInPlace(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	b.gh.Note("acme", "shop", b.number, "mallory", "Nothing to see here.\n\n<!-- secbydesign:v1 summary -->")
	notes := func(want ...string) {
		t.Helper()
		var got []string
		for _, n := range b.gh.IssueComments("acme", "shop", b.number) {
			first, _, _ := strings.Cut(n.Body, "\n")
			got = append(got, n.Author+": "+first)
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("the conversation is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	const forged, bot = "mallory: Nothing to see here.", "secbydesign[bot]: "
	one, two := found("a.txt", 3), found("b.txt", 7)
	b.mustReview(one, two)
	notes(forged, bot+"**2 findings are open** (2 high). Each has a thread in the diff.")
	b.gh.Note("acme", "shop", b.number, "mona", "I take care of it.")
	b.push()
	b.mustReview(one)
	notes(forged, bot+"**1 finding is open** (1 high). It has a thread in the diff.", "mona: I take care of it.")
	b.push()
	b.gh.ResetWrites()
	b.mustReview(one)
	for _, w := range b.gh.Writes() {
		if !strings.Contains(w.Path, "check-runs") {
			t.Errorf("a push that changes nothing writes %s %s", w.Method, w.Path)
		}
	}
	b.push()
	b.mustReview()
	notes(forged, bot+"**Nothing is open any more.**", "mona: I take care of it.")
	for _, n := range b.gh.IssueComments("acme", "shop", b.number) {
		if n.Author == "secbydesign[bot]" && (!strings.Contains(n.Body, "**2 secrets are gone from the branch, but not fixed.**") || strings.Contains(n.Body, "/secbydesign ")) {
			t.Errorf("the closed summary is\n%s", n.Body)
		}
	}
}

// TestWhatAPersonResolvedStaysResolved checks that resolving a thread counts as "seen", until the finding
// gets worse (complaint 11).
func TestWhatAPersonResolvedStaysResolved(t *testing.T) {
	t.Parallel()
	b := newBench(t, map[string]string{"metadata": "read", "contents": "write", "checks": "write", "pull_requests": "write"})
	f := found("a.txt", 3)
	review := func() {
		t.Helper()
		run := b.start()
		run.ResolveWith(b.clients.GraphQL)
		b.finish(run, b.report(f))
	}
	resolved := func(want bool) {
		t.Helper()
		th := b.gh.Threads("acme", "shop", b.number)
		if len(th) != 1 || th[0].Resolved != want {
			t.Errorf("%d threads, the first is resolved: %v, want %v", len(th), th[0].Resolved, want)
		}
	}
	review()
	b.gh.ResolveThread("acme", "shop", b.number, b.gh.Threads("acme", "shop", b.number)[0].ID, "mona")
	b.push()
	review()
	resolved(true)
	f.Message = "Said in other words."
	b.push()
	review()
	resolved(true)
	f.Severity = scanners.Critical
	b.push()
	review()
	resolved(false)
}

// TestARegressionInAResolvedThreadIsReported has a person resolve the thread of a finding that they fixed, and
// brings the finding back: the default App may not unresolve the thread.
func TestARegressionInAResolvedThreadIsReported(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	f := found("a.txt", 3)
	b.mustReview(f)
	b.gh.ResolveThread("acme", "shop", b.number, b.gh.Threads("acme", "shop", b.number)[0].ID, "mona")
	b.push()
	b.mustReview()
	b.push()
	back := b.head.SHA
	// Stop between the reply and the edit of the text, which is the reason for the reply.
	b.gh.Fail(fakegithub.BadGateway("PATCH", "/repos/acme/shop/pulls/comments/*", 1, false))
	if err := b.review(b.report(f)); err == nil {
		t.Fatal("the error was not shown")
	}
	shown := func() {
		t.Helper()
		b.want(`
check secbydesign completed neutral "1 new finding (1 high)" annotations=0
check secbydesign/secrets completed neutral "1 new finding (1 high)" annotations=1
note **1 finding is open** (1 high). minimized=""
thread a.txt:3 line minimized="" resolved=true comments=2`)
		reply := b.gh.Threads("acme", "shop", b.number)[0].Comments[1].Body
		if !strings.HasPrefix(reply, "This finding is back, and its thread is open again, in `"+back[:10]+"`.\n") {
			t.Errorf("the reply is\n%s", reply)
		}
		if note := b.gh.IssueComments("acme", "shop", b.number)[0].Body; !strings.Contains(note, "`"+f.ID()+"` · *in a thread that somebody resolved*") {
			t.Errorf("the summary does not list it:\n%s", note)
		}
	}
	b.mustReview(f)
	shown()
	b.gh.ResetWrites()
	b.mustReview(f)
	if w := b.gh.Writes(); len(w) != 0 {
		t.Errorf("the same again writes %v", w)
	}
	b.push()
	b.mustReview(f)
	shown()

	b.push()
	b.mustReview()
	b.push()
	b.mustReview(f)
	if n := len(b.gh.Threads("acme", "shop", b.number)[0].Comments); n != 3 {
		t.Errorf("%d comments when it is back once more, want another reply", n)
	}
}

// TestANewFindingOutsideTheDiffIsShown lets a change remove a check: the problem that it prevented is on a
// line that the diff does not have, and the comment is at the change (complaint 9).
func TestANewFindingOutsideTheDiffIsShown(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	workflow := "on: push\njobs:\n" + strings.Repeat("  step: x\n", 20) + "  last: pull_request_target\n"
	base := b.repo.Commit("main", "", "a workflow", map[string]string{"ci.yml": "on: push\njobs:\n  check: y\n" + strings.TrimPrefix(workflow, "on: push\njobs:\n")})
	b.repo.Commit("outside", base, "take the check away", map[string]string{"ci.yml": workflow})
	b.number = b.repo.OpenPull("Outside", "", "main", "outside", "mona", false)
	b.at()
	f := found("ci.yml", 23)
	set, err := patch.Parse([]byte("diff --git a/ci.yml b/ci.yml\n--- a/ci.yml\n+++ b/ci.yml\n@@ -1,6 +1,5 @@\n on: push\n jobs:\n-  check: y\n   step: x\n   step: x\n   step: x\n"))
	if err != nil {
		t.Fatal(err)
	}
	in := b.gates([]checks.Finding{f}, nil, nil)
	in.Patch, in.Files = set, map[string][]byte{}
	for _, path := range checks.Needs(in.Gates, in.Patch) {
		in.Files[path] = []byte(workflow)
	}
	b.finish(b.start(), checks.Compose(in))
	b.want(`
check secbydesign completed neutral "1 new finding (1 high)" annotations=0
check secbydesign/code completed success "No new findings" annotations=0
check secbydesign/secrets completed neutral "1 new finding (1 high)" annotations=1
note **1 finding is open** (1 high). It has a thread in the diff. minimized=""
thread ci.yml:3 line minimized="" resolved=false comments=1`)
	if body := b.gh.Threads("acme", "shop", b.number)[0].Comments[0].Body; !strings.Contains(body, "It is at `ci.yml:23`, outside the diff. The change here is in the same block of code.") {
		t.Errorf("the comment does not lead to the place:\n%s", body)
	}
}

// TestMovingAnchorsMakeNoSecondThread moves the change to which a comment is attached.
func TestMovingAnchorsMakeNoSecondThread(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	f := found("a.txt", 40)
	in := b.gates([]checks.Finding{f}, nil, nil)
	for i, hunk := range []string{"@@ -1,0 +2,1 @@\n+x\n", "@@ -1,0 +2,1 @@\n+x\n@@ -20,0 +31,2 @@\n+x\n+y\n", "@@ -50,0 +51,1 @@\n+x\n", ""} {
		set, err := patch.Parse([]byte("diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n" + hunk))
		if err != nil {
			t.Fatal(err)
		}
		in.Patch, in.Head = set, b.head.SHA
		b.finish(b.start(), checks.Compose(in))
		threads := b.gh.Threads("acme", "shop", b.number)
		if len(threads) != 1 || threads[0].Line != 2 {
			t.Fatalf("push %d: %d threads, the first on line %d; want the one on line 2", i+1, len(threads), threads[0].Line)
		}
		if body := threads[0].Comments[0].Body; !strings.Contains(body, "It is at `a.txt:40`") {
			t.Errorf("push %d: the comment does not lead to the place:\n%s", i+1, body)
		}
		b.push()
	}
}

// TestARegressionIsShownOverTheLimit reopens the thread of a finding that is back although the limit is
// reached, because the thread's text says that the finding is fixed.
func TestARegressionIsShownOverTheLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	back := found("a.txt", 3)
	back.Severity = scanners.Low
	var worse []checks.Finding
	for line := range 12 {
		worse = append(worse, found("b.txt", line+1))
	}
	b.finish(b.start(), checks.Compose(b.gates([]checks.Finding{back}, nil, nil)))
	b.push()
	b.finish(b.start(), checks.Compose(b.gates(worse, nil, nil)))
	b.push()
	// The App passes the threads that Start read to Compose.
	run := b.start()
	in := b.gates(append(worse, back), nil, nil)
	in.Threads = map[string]bool{}
	for _, th := range run.Threads() {
		in.Threads[th.Fingerprint] = th.Open()
	}
	b.finish(run, checks.Compose(in))
	for _, th := range b.gh.Threads("acme", "shop", b.number) {
		if th.Path == "a.txt" && (th.Comments[0].Minimized != "" || strings.Contains(th.Comments[0].Body, "Fixed")) {
			t.Errorf("the thread of what is back is closed:\n%s", th.Comments[0].Body)
		}
	}
}

// TestTheLimitOfWritesLosesNothing plays GitHub's secondary limit at the third of ten writes.
func TestTheLimitOfWritesLosesNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var findings []checks.Finding
	for line := range 10 {
		f := found("a.txt", line+1)
		f.Commit = strings.Repeat("c", 40) // only in the history: on the file, each by itself
		findings = append(findings, f)
	}
	limit := fakegithub.SecondaryLimit("POST", "/repos/acme/shop/pulls/*/comments", 403, 1, 0)
	limit.Skip = 2
	b.gh.Fail(limit)
	if err := b.review(b.report(findings...)); err == nil {
		t.Fatal("the limit was not shown")
	}
	if n := len(b.gh.Threads("acme", "shop", b.number)); n != 2 {
		t.Errorf("%d threads before the limit, want 2", n)
	}
	b.mustReview(findings...)
	b.once(findings)
}

// TestALockedConversationHasItsVerdict checks that the checks show the findings that no comment may show.
func TestALockedConversationHasItsVerdict(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	for _, path := range []string{"/repos/acme/shop/pulls/*/reviews", "/repos/acme/shop/pulls/*/comments", "/repos/acme/shop/issues/*/comments"} {
		b.gh.Fail(fakegithub.Fault{Method: "POST", Path: path, Status: 403, Count: -1, Header: map[string]string{"Content-Type": "application/json"}, Body: `{"message":"Unable to create comment because issue is locked."}`})
	}
	b.mustReview(found("a.txt", 3))
	b.want(`
check secbydesign completed neutral "1 new finding (1 high)" annotations=0
check secbydesign/secrets completed neutral "1 new finding (1 high)" annotations=1`)
}

// annotations counts the annotations of the newest check run of a name, and the runs of that name that are
// still in progress.
func (b *bench) annotations(name string) (newest, unfinished int) {
	b.t.Helper()
	newest = -1
	for _, run := range b.gh.CheckRuns("acme", "shop", b.head.SHA) { // newest first
		if run.Name != name {
			continue
		}
		if newest < 0 {
			newest = len(run.Annotations)
		}
		if run.Status != "completed" {
			unfinished++
		}
	}
	return newest, unfinished
}

// TestAnnotationsAreThereOnce shows a check several times in one review. GitHub appends annotations and
// never removes any.
func TestAnnotationsAreThereOnce(t *testing.T) {
	t.Parallel()
	var many []checks.Finding
	for line := range 60 { // more than one request
		many = append(many, found("a.txt", line+1))
	}
	few := many[:2]
	const secrets, code = checks.Name + "/secrets", checks.Name + "/code"
	for name, c := range map[string]struct {
		check string
		want  int
		play  func(b *bench)
	}{
		"a gate that was ready first": {secrets, 60, func(b *bench) {
			run := b.start()
			b.publish(run, checks.Compose(b.gates(many, nil, pending)))
			b.finish(run, checks.Compose(b.gates(many, []checks.Finding{found("b.txt", 3)}, nil)))
		}},
		"a gate that found less in the end": {secrets, 2, func(b *bench) {
			run := b.start()
			b.publish(run, checks.Compose(b.gates(many, nil, pending)))
			b.finish(run, checks.Compose(b.gates(few, nil, nil)))
		}},
		"a gate that a person had made again": {secrets, 2, func(b *bench) {
			b.finish(b.start(), checks.Compose(b.gates(few, nil, nil)))
			run, err := publish.Start(context.Background(), b.clients, b.head, true)
			if err != nil {
				b.t.Fatal(err)
			}
			if err := run.Restart(context.Background(), []string{secrets}); err != nil {
				b.t.Fatal(err)
			}
			b.publish(run, checks.Compose(b.gates(few, nil, pending)))
			b.finish(run, checks.Compose(b.gates(few, nil, nil)))
		}},
		"a verdict that is given three times": {checks.Name, 1, func(b *bench) {
			run := b.start()
			for i, late := range [][]checks.Finding{nil, {found("b.txt", 7)}, {found("b.txt", 7), found("b.txt", 9)}} {
				b.finish(run, checks.Compose(b.gates(nil, late, func(in *checks.Input) {
					in.Annotations = []checks.Annotation{{Path: "a.txt", StartLine: 1, EndLine: 1, Level: "warning", Title: "A suppression to review", Message: "x"}}
					if i == 0 {
						in.Gates[1].Runs[0].Err = &scanners.IncompleteError{Reason: "Late.", Err: errors.New("x")}
					}
				})))
			}
		}},
		"an error between two requests, and the same again": {code, 60, func(b *bench) {
			b.broken(false, checks.Compose(b.gates(nil, many, nil)), checks.Compose(b.gates(nil, many, nil)))
		}},
		"the same, but GitHub had carried it out": {code, 60, func(b *bench) {
			b.broken(true, checks.Compose(b.gates(nil, many, nil)), checks.Compose(b.gates(nil, many, nil)))
		}},
		"an error between two requests, and something else": {code, 2, func(b *bench) {
			b.broken(false, checks.Compose(b.gates(nil, many, nil)), checks.Compose(b.gates(nil, few, nil)))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, nil)
			c.play(b)
			if newest, unfinished := b.annotations(c.check); newest != c.want || unfinished > 0 {
				t.Errorf("%s has %d annotations, want %d, and %d of its runs have not ended", c.check, newest, c.want, unfinished)
			}
		})
	}
}

// broken lets the first update of a check run fail, and finishes with the same Run.
func (b *bench) broken(carriedOut bool, first, then checks.Report) {
	b.t.Helper()
	run := b.start()
	b.gh.Fail(fakegithub.BadGateway("PATCH", "/repos/acme/shop/check-runs/*", 1, carriedOut))
	if err := run.Publish(context.Background(), first); err == nil {
		b.t.Fatal("the error was not shown")
	}
	b.finish(run, then)
}

func (b *bench) publish(run *publish.Run, rep checks.Report) {
	b.t.Helper()
	if err := run.Publish(context.Background(), rep); err != nil {
		b.t.Fatal(err)
	}
}

// TestAGateThatIsSwitchedOffIsNotRun reviews one head under two policies.
func TestAGateThatIsSwitchedOffIsNotRun(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	code := found("b.txt", 7)
	code.Block = true
	b.finish(b.start(), checks.Compose(b.gates(nil, []checks.Finding{code}, nil)))
	off := checks.Compose(b.gates(nil, nil, func(in *checks.Input) { in.Gates = in.Gates[:1] }))
	b.finish(b.start(), off)
	for _, run := range b.gh.CheckRuns("acme", "shop", b.head.SHA) {
		if run.Name == checks.Name+"/code" { // the newest
			if run.Conclusion != "skipped" || run.Title != "Not run" || len(run.Annotations) > 0 {
				t.Errorf("it is %s, %q, with %d annotations", run.Conclusion, run.Title, len(run.Annotations))
			}
			break
		}
	}
	b.gh.ResetWrites()
	b.finish(b.start(), off)
	if w := b.gh.Writes(); len(w) != 0 {
		t.Errorf("the same again writes %v", w)
	}
	b.finish(b.start(), checks.Compose(b.gates(nil, []checks.Finding{code}, nil)))
	if newest, _ := b.annotations(checks.Name + "/code"); newest != 1 {
		t.Errorf("switched on again, it has %d annotations, want 1", newest)
	}
}

// lag answers the next requests for threads with the list from before the last review was written.
type lag struct {
	next  http.RoundTripper
	times int

	old  []byte
	left int
}

func (l *lag) RoundTrip(r *http.Request) (*http.Response, error) {
	asks := false
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		asks = bytes.Contains(b, []byte("reviewThreads"))
	}
	resp, err := l.next.RoundTrip(r)
	switch {
	case err != nil:
		return nil, err
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/reviews"):
		l.left = l.times
	case asks && l.left > 0:
		l.left--
		resp.Body.Close()
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(l.old)), int64(len(l.old))
	case asks:
		if l.old, err = io.ReadAll(resp.Body); err != nil {
			return nil, err
		}
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(l.old))
	}
	return resp, nil
}

// TestAThreadThatIsListedLateIsOpenedOnce has GitHub list a thread only some time after it was opened.
func TestAThreadThatIsListedLateIsOpenedOnce(t *testing.T) {
	t.Parallel()
	for times := range 4 {
		b := newBench(t, nil)
		b.through(&lag{next: bearer{b.gh.Token("acme", nil)}, times: times})
		first, second := found("a.txt", 3), found("a.txt", 5)
		run := b.start()
		b.publish(run, checks.Compose(b.gates([]checks.Finding{first, second}, nil, pending)))
		for range 2 {
			b.finish(run, checks.Compose(b.gates([]checks.Finding{first, second}, nil, nil)))
		}
		if n := len(b.gh.Threads("acme", "shop", b.number)); n != 2 {
			t.Errorf("late %d times: %d threads, want 2", times, n)
		}
		b.finish(run, checks.Compose(b.gates([]checks.Finding{first}, nil, nil)))
		if got := b.state(); !strings.Contains(got, `thread a.txt:5 line minimized="resolved"`) {
			t.Errorf("late %d times: what is fixed in the end is not closed:\n%s", times, got)
		}
	}
}
