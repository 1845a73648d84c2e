package checks

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/checks/patch"
	"github.com/secbydesign/secbydesign/scanners"
)

// A page holds a pull request's threads as GitHub would store them.
type page struct {
	threads []Thread
	next    int64
}

// apply carries out the first n writes of a plan, in the order of Run, and returns how many
// there were.
func (p *page) apply(plan Plan, n int) (writes int) {
	step := func(do func()) {
		if writes++; writes <= n {
			do()
		}
	}
	for _, c := range plan.Create {
		step(func() {
			p.next++
			p.threads = append(p.threads, Thread{CommentID: p.next, Fingerprint: c.Fingerprint, Scanner: c.Scanner, Path: c.Path, Line: c.Line, Body: c.Body})
		})
	}
	for _, ch := range plan.Changes {
		i := slices.IndexFunc(p.threads, func(t Thread) bool { return t.CommentID == ch.Thread.CommentID })
		if ch.Reopen {
			step(func() { p.threads[i].Minimized, p.threads[i].Resolved = false, false })
		}
		if ch.Body != "" {
			step(func() { p.threads[i].Body = ch.Body })
		}
		if ch.Close {
			step(func() { p.threads[i].Minimized = true })
		}
	}
	return writes
}

const everything = 1 << 30

// TestReconcileConverges plays random reports, with crashes in the middle of the writes and
// people who resolve, hide and delete, and checks the properties that a reader relies on.
func TestReconcileConverges(t *testing.T) {
	t.Parallel()
	files := []string{"a.py", "b.py"}
	set := mustPatch(t, files...)
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 7))
		var p page
		var in Input
		for range 12 {
			in = Input{Base: base40, Head: head40, Patch: set, Limit: 1 + rng.IntN(6), Threads: map[string]bool{}}
			var findings []Finding
			for i := range 8 {
				if rng.IntN(2) == 0 {
					f := finding(files[i%2], 1+i/2, scanners.Severity(i%5), scanners.New)
					f.Comment = rng.IntN(6) > 0
					if i > 3 { // two files have a package with two findings each
						f.Line, f.EndLine, f.Package = 9, 9, "parser"
					}
					findings = append(findings, f)
				}
			}
			in.Gates = gate(findings...)
			if rng.IntN(5) == 0 {
				in.Gates[0].Runs[0].Err = errors.New("died")
			}
			for _, th := range p.threads {
				in.Threads[th.Fingerprint] = th.Open()
			}
			rep := Compose(in)
			before := slices.Clone(p.threads)
			if rng.IntN(3) == 0 { // a crash, and the same again
				p.apply(Reconcile(rep, p.threads, head40), rng.IntN(4))
			}
			p.apply(Reconcile(rep, p.threads, head40), everything)
			if again := Reconcile(rep, p.threads, head40); !again.Empty() {
				t.Fatalf("seed %d: a second run writes again: %+v", seed, again)
			}
			check(t, seed, rep, before, p.threads)
			if n := len(p.threads); n > 0 && rng.IntN(3) == 0 {
				p.threads[rng.IntN(n)].Resolved = true
			}
		}
	}
}

func check(t *testing.T, seed uint64, rep Report, before, after []Thread) {
	t.Helper()
	seen := map[string]bool{}
	for _, th := range after {
		if seen[th.Fingerprint] {
			t.Fatalf("seed %d: two threads for %s", seed, th.Fingerprint)
		}
		seen[th.Fingerprint] = true
		wanted := slices.ContainsFunc(rep.Comments, func(c Comment) bool { return c.Fingerprint == th.Fingerprint })
		was := slices.IndexFunc(before, func(b Thread) bool { return b.CommentID == th.CommentID })
		switch {
		case wanted && !th.Open():
			t.Fatalf("seed %d: %s stands and its thread is closed", seed, th.Fingerprint)
		case wanted && th.Minimized:
			t.Fatalf("seed %d: %s stands and its comment is hidden", seed, th.Fingerprint)
		case !wanted && !rep.Standing[th.Fingerprint] && !rep.Finished[th.Scanner] && was >= 0 && before[was].Body != th.Body:
			t.Fatalf("seed %d: %s was closed though its scanner did not finish", seed, th.Fingerprint)
		case !wanted && rep.Finished[th.Scanner] && th.Open():
			t.Fatalf("seed %d: %s is fixed and its thread is open", seed, th.Fingerprint)
		case !th.Open() && !th.Minimized && !th.Resolved:
			t.Fatalf("seed %d: %s is closed and not hidden", seed, th.Fingerprint)
		}
	}
	shown := map[string]bool{}
	for _, c := range rep.Comments {
		if !seen[c.Fingerprint] {
			t.Fatalf("seed %d: no thread for %s", seed, c.Fingerprint)
		}
		for _, f := range append([]string{c.Fingerprint}, c.With...) {
			if shown[f] || !rep.Standing[f] {
				t.Fatalf("seed %d: %s is shown twice, or does not stand", seed, f)
			}
			shown[f] = true
		}
		for _, f := range c.With {
			if seen[f] {
				t.Fatalf("seed %d: %s has a thread, and is shown in another", seed, f)
			}
		}
	}
	for _, b := range before {
		if !seen[b.Fingerprint] {
			t.Fatalf("seed %d: the thread of %s is gone", seed, b.Fingerprint)
		}
	}
}

func TestReconcileKeepsTheOlderOfTwo(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	rep := Compose(Input{Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10})
	body := rep.Comments[0].Body
	have := []Thread{
		{CommentID: 9, Fingerprint: f.Fingerprint, Scanner: "gitleaks", Path: "a.py", Line: 2, Body: body},
		{CommentID: 4, Fingerprint: f.Fingerprint, Scanner: "gitleaks", Path: "a.py", Line: 2, Body: body},
	}
	plan := Reconcile(rep, have, head40)
	if len(plan.Create) != 0 || len(plan.Changes) != 1 || plan.Changes[0].Thread.CommentID != 9 || !plan.Changes[0].Close {
		t.Errorf("got %+v", plan)
	}
}

func TestReconcileLeavesWhatAPersonResolved(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	rep := Compose(Input{Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10})
	have := []Thread{{CommentID: 4, Fingerprint: f.Fingerprint, Scanner: "gitleaks", Path: "a.py", Line: 2, Body: rep.Comments[0].Body, Resolved: true}}
	if plan := Reconcile(rep, have, head40); !plan.Empty() {
		t.Errorf("got %+v", plan)
	}
}

// TestReconcileLeavesWhatItCannotKnow checks that a thread which does not name its scanner stays open while any scanner
// did not finish.
func TestReconcileLeavesWhatItCannotKnow(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	body := Compose(Input{Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10}).Comments[0].Body
	for name, failed := range map[string]error{"one failed": errors.New("x"), "none failed": nil} {
		in := Input{Head: head40, Gates: []Gate{{Name: scanners.Code, Runs: []scanners.Run{{Scanner: "semgrep", Err: failed}, {Scanner: "gosec"}}}}}
		have := []Thread{{CommentID: 4, Fingerprint: f.Fingerprint, Path: "a.py", Line: 2, Body: body}}
		if plan := Reconcile(Compose(in), have, head40); plan.Empty() != (failed != nil) {
			t.Errorf("%s: %+v", name, plan)
		}
	}
}

// TestReconcileClosesNoClosedThread checks that a thread which a person resolved or hid gets its last text, and is not
// hidden again.
func TestReconcileClosesNoClosedThread(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	body := Compose(Input{Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10}).Comments[0].Body
	for name, thread := range map[string]Thread{"resolved": {Resolved: true}, "hidden": {Minimized: true}, "open": {}} {
		thread.CommentID, thread.Fingerprint, thread.Scanner, thread.Path, thread.Line, thread.Body = 4, f.Fingerprint, "gitleaks", "a.py", 2, body
		plan := Reconcile(Compose(Input{Head: head40, Gates: gate(), Limit: 10}), []Thread{thread}, head40)
		if len(plan.Changes) != 1 || plan.Changes[0].Body == "" || plan.Changes[0].Close != (name == "open") {
			t.Errorf("%s: %+v", name, plan.Changes)
		}
	}
}

// TestOnlyWorseOpensWhatAPersonClosed checks that a text whose severity cannot be read does not count as a milder one.
func TestOnlyWorseOpensWhatAPersonClosed(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	rep := Compose(Input{Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10})
	body := rep.Comments[0].Body
	for before, opens := range map[string]bool{
		body: false,
		strings.Replace(body, "**High:", "**Medium:", 1):      true,
		strings.Replace(body, "**High:", "**Critical:", 1):    false,
		strings.Replace(body, "**High:", "**Dangerous:", 1):   false,
		strings.Replace(body, "**High:", "Somebody wrote", 1): false,
	} {
		have := []Thread{{CommentID: 4, Fingerprint: f.Fingerprint, Scanner: "gitleaks", Path: "a.py", Line: 2, Body: before, Resolved: true}}
		plan := Reconcile(rep, have, head40)
		if got := len(plan.Changes) == 1 && plan.Changes[0].Reopen; got != opens {
			t.Errorf("%.30q: opened %v, want %v", before, got, opens)
		}
	}
}

func TestReconcileNamesWhereARenamedFileIs(t *testing.T) {
	t.Parallel()
	f := finding("b.py", 2, scanners.High, scanners.New)
	rep := Compose(Input{Head: head40, Patch: mustPatch(t, "b.py"), Gates: gate(f), Limit: 10})
	p := page{threads: []Thread{{CommentID: 4, Fingerprint: f.Fingerprint, Scanner: "gitleaks", Path: "a.py", Body: rep.Comments[0].Body}}}
	if n := p.apply(Reconcile(rep, p.threads, head40), everything); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	if _, _, ok := Mark(p.threads[0].Body); !ok {
		t.Errorf("the marker is lost: %s", p.threads[0].Body)
	}
	if again := Reconcile(rep, p.threads, head40); !again.Empty() {
		t.Errorf("a second run writes again: %+v", again)
	}
}

func TestReconcileClosesWhatIsNotScanned(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	body := Compose(Input{Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10}).Comments[0].Body
	have := []Thread{{CommentID: 4, Fingerprint: f.Fingerprint, Scanner: "gitleaks", Path: "a.py", Line: 2, Body: body}}
	for _, in := range []Input{
		{NotRun: "The change is empty."},
		{Gates: []Gate{{Name: scanners.Code, Runs: []scanners.Run{{Scanner: "other"}}}}},
	} {
		if plan := Reconcile(Compose(in), have, head40); len(plan.Changes) != 1 || !plan.Changes[0].Close {
			t.Errorf("%+v gives %+v", in, plan)
		}
	}
}

// TestOnlyWhatIsGoneIsCalledFixed checks that a thread says why it is closed although the head has its
// finding, and that no thread is closed in this way before every scanner is done.
func TestOnlyWhatIsGoneIsCalledFixed(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	f.Gate, f.CWE = scanners.Code, "CWE-79"
	body := Compose(Input{Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10}).Comments[0].Body
	have := []Thread{{CommentID: 4, Fingerprint: f.Fingerprint, Scanner: "gitleaks", Path: "a.py", Line: 2, Body: body}}
	other := finding("a.py", 2, scanners.High, scanners.New)
	other.Fingerprint, other.Scanner, other.Also = "other", "semgrep", []string{f.RuleID()}
	inBase := f.Result
	inBase.State = scanners.Unchanged
	for name, c := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"gone":        {func(*Input) {}, "**Fixed in `"},
		"in the base": {func(in *Input) { in.Gates[0].Runs[0].Results = []scanners.Result{inBase} }, "**The base branch has this by now"},
		"off":         {func(in *Input) { in.Gates[0].Runs[0].Results = []scanners.Result{f.Result} }, "**No longer shown: the policy switches this off."},
		"observed":    {func(in *Input) { f := f; f.Comment = false; in.Gates[0].Findings = []Finding{f} }, "**No longer shown: the policy only observes this now."},
		"part of another": {func(in *Input) {
			in.Gates = append(in.Gates, Gate{Name: scanners.Code, Findings: []Finding{other}})
			in.Gates[0].Runs[0].Results = []scanners.Result{f.Result}
		}, "**Shown together with"},
		"ignored":         {func(in *Input) { in.Ignored = func(p string) bool { return p == "a.py" } }, "**No longer scanned: the policy ignores the file."},
		"another ignored": {func(in *Input) { in.Ignored = func(p string) bool { return p == "b.py" } }, "**Fixed in `"},
		"moved out of sight": {func(in *Input) {
			in.Ignored = func(p string) bool { return strings.HasPrefix(p, "testdata/") }
			in.Patch, _ = patch.Parse([]byte("diff --git a/testdata/a.py b/testdata/a.py\nnew file mode 100644\n--- /dev/null\n+++ b/testdata/a.py\n@@ -0,0 +1 @@\n+x\n"))
		}, "**No longer scanned"},
		"there, with one of its name out of sight": {func(in *Input) {
			in.Ignored = func(p string) bool { return strings.HasPrefix(p, "testdata/") }
			in.Patch = mustPatch(t, "a.py", "testdata/a.py")
		}, "**Fixed in `"},
		"gone, with one of another name out of sight": {func(in *Input) {
			in.Ignored = func(p string) bool { return strings.HasPrefix(p, "testdata/") }
			in.Patch = mustPatch(t, "testdata/b.py")
		}, "**Fixed in `"},
		"gone, with one of its name in sight": {func(in *Input) {
			in.Ignored = func(p string) bool { return strings.HasPrefix(p, "testdata/") }
			in.Patch = mustPatch(t, "lib/a.py")
		}, "**Fixed in `"},
	} {
		in := Input{Head: head40, Patch: mustPatch(t, "a.py", "b.py"), Gates: inCode(gate()), Limit: 10}
		c.change(&in)
		plan := Reconcile(Compose(in), have, head40)
		if len(plan.Changes) != 1 || !plan.Changes[0].Close || !strings.HasPrefix(plan.Changes[0].Body, c.want) {
			t.Errorf("%s: %+v", name, plan.Changes)
		}
		in.Gates[0].Pending = []string{"slow"}
		if plan := Reconcile(Compose(in), have, head40); name != "gone" && strings.Contains(fmt.Sprint(plan.Changes), "Fixed in") != strings.HasPrefix(c.want, "**Fixed") {
			t.Errorf("%s, while one still looks: %+v", name, plan.Changes)
		}
	}
}

// TestDecisionsCloseThreads checks that a thread names the decision in force, and is opened again
// when no decision is in force.
func TestDecisionsCloseThreads(t *testing.T) {
	t.Parallel()
	f := finding("a.py", 2, scanners.High, scanners.New)
	compose := func(d *Decided) Report {
		f := f
		f.Decided = d
		return Compose(Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(f), Limit: 10})
	}
	open := compose(nil)
	c := open.Comments[0]
	th := Thread{ID: "T", CommentID: 1, Fingerprint: c.Fingerprint, Scanner: c.Scanner, Path: c.Path, StartLine: c.StartLine, Line: c.Line, Body: c.Body}
	step := func(name string, rep Report, wantBody string, closes, reopens bool) {
		t.Helper()
		plan := Reconcile(rep, []Thread{th}, head40)
		if len(plan.Create) != 0 || len(plan.Changes) != 1 || !strings.HasPrefix(plan.Changes[0].Body, wantBody) || plan.Changes[0].Close != closes || plan.Changes[0].Reopen != reopens {
			t.Fatalf("%s: %+v", name, plan)
		}
		th = plan.Changes[0].After()
		if again := Reconcile(rep, []Thread{th}, head40); !again.Empty() {
			t.Errorf("%s: then %+v", name, again)
		}
	}
	accepted := compose(&Decided{ID: "A-ABCDEFGH", How: "accepted", By: []string{"mona"}})
	if accepted.Verdict != Clean || len(accepted.Comments) != 0 || !accepted.Standing[f.Fingerprint] {
		t.Errorf("accepted: %s, %d comments", accepted.Verdict, len(accepted.Comments))
	}
	step("accepted", accepted, "**Accepted by @", true, false)
	step("another decision", compose(&Decided{ID: "A-22222222", How: "deferred", By: []string{"lea"}}), "**Deferred by @", false, false)
	step("revoked", open, c.Body, false, true)
	if none := Reconcile(accepted, nil, head40); !none.Empty() {
		t.Errorf("a finding that was accepted before it was shown gets %+v", none)
	}
}

// TestMoreInAResolvedThreadOpensIt checks that a person who resolved a thread has seen its findings, but
// not those that join it later.
func TestMoreInAResolvedThreadOpensIt(t *testing.T) {
	t.Parallel()
	advisory := func(n int) Finding {
		f := finding("a.py", 3, scanners.High, scanners.New)
		f.Rule, f.Package, f.Fingerprint = fmt.Sprint("GO-", n), "parser", fingerprint("parser", n)
		return f
	}
	compose := func(numbers ...int) Report {
		var list []Finding
		for _, n := range numbers {
			list = append(list, advisory(n))
		}
		return Compose(Input{Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(list...), Limit: 10, Threads: map[string]bool{advisory(1).Fingerprint: true}})
	}
	for name, c := range map[string]struct {
		seen, now Report
		reopens   bool
	}{
		"one more":        {compose(1), compose(1, 2), true},
		"another instead": {compose(1, 2), compose(1, 3), true},
		"one less":        {compose(1, 2), compose(1), false},
		"the same":        {compose(1, 2), compose(2, 1), false},
	} {
		was := c.seen.Comments[0]
		have := Thread{CommentID: 1, Fingerprint: was.Fingerprint, Scanner: was.Scanner, Path: was.Path, StartLine: was.StartLine, Line: was.Line, Body: was.Body, Resolved: true}
		plan := Reconcile(c.now, []Thread{have}, head40)
		if reopens := len(plan.Changes) == 1 && plan.Changes[0].Reopen; reopens != c.reopens || len(plan.Create) > 0 {
			t.Errorf("%s: opened %v, want %v, and %d new threads", name, reopens, c.reopens, len(plan.Create))
		}
	}
}

func TestButtonsFitGitHub(t *testing.T) {
	t.Parallel()
	for _, v := range []Verdict{Clean, Findings, Incomplete, NotRun, Superseded} {
		list := Input{}.buttons(v)
		if len(list) > 3 || len(list) > 0 && (v == Clean || v == NotRun || v == Superseded) {
			t.Errorf("%s: %d buttons", v, len(list))
		}
		for _, a := range list {
			if len(a.Label) > 20 || len(a.Description) > 40 || len(a.Identifier) > 20 || a.Label == "" || a.Description == "" || a.Identifier == "" {
				t.Errorf("%s: %+v", v, a)
			}
		}
	}
}

// TestWhichLinesAThreadCovers is about threads of one line, of several, and of none.
func TestWhichLinesAThreadCovers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		start, line int
		covers      string
	}{{0, 4, "4"}, {4, 4, "4"}, {3, 5, "3 4 5"}, {0, 0, ""}} {
		var got []string
		for line := 1; line < 8; line++ {
			if (Thread{StartLine: c.start, Line: c.line}).covers(line) {
				got = append(got, fmt.Sprint(line))
			}
		}
		if strings.Join(got, " ") != c.covers {
			t.Errorf("%d to %d covers %q, want %q", c.start, c.line, got, c.covers)
		}
	}
}
