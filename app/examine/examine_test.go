package examine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/mirror"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A grep is a scanner that finds a word, and behaves as its fields say.
type grep struct {
	info  scanners.Info
	word  string
	rules string
	ready error
	fail  func(scanners.Target) error
	scans *atomic.Int64 // counts calls of Scan
}

func newGrep(name, word string, scopes ...scanners.Scope) grep {
	return grep{info: scanners.Info{Name: name, Gate: scanners.Code, Scopes: scopes}, word: word, scans: new(atomic.Int64)}
}

func (g grep) Info() scanners.Info                     { return g.info }
func (g grep) Version(context.Context) (string, error) { return "1", g.ready }
func (g grep) Rules(context.Context) (string, error)   { return g.rules, nil }
func (g grep) finding(path string, n int) scanners.Finding {
	return scanners.Finding{Rule: "word", Severity: scanners.High, Path: path, Line: n, EndLine: n, Title: "A word", Message: "It is here.", Help: "Take it out.", CWE: "CWE-1", Identity: g.word}
}

func (g grep) Scan(_ context.Context, t scanners.Target) (found []scanners.Finding, err error) {
	g.scans.Add(1)
	files := t.Files
	if t.Scope == scanners.ScopeTree {
		files = nil
		err := filepath.WalkDir(t.Dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := os.ReadFile(path)
			rel, _ := filepath.Rel(t.Dir, path)
			files = append(files, scanners.File{Path: rel, Content: content})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		n := 0
		for line := range bytes.Lines(f.Content) {
			if n++; bytes.Contains(line, []byte(g.word)) {
				hit := g.finding(f.Path, n)
				hit.Commit = f.Commit
				found = append(found, hit)
			}
		}
	}
	if g.fail != nil {
		err = g.fail(t)
	}
	return found, err
}

// change makes a repository with two commits and opens what lies between them.
func change(t *testing.T, base, head map[string]string) Change {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "core.autocrlf=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	commit := func(files map[string]string) string {
		for path, content := range files {
			if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(path)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, path), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		git("add", "-A")
		git("commit", "-q", "--allow-empty", "-m", "x")
		return git("rev-parse", "HEAD")
	}
	git("init", "-q")
	c := Change{Base: commit(base), Head: commit(head)}
	var err error
	if c.Repo, err = mirror.OpenLocal(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	c.Commits = []string{c.Head}
	return c
}

func openLedger(t *testing.T) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func examined(t *testing.T, e Examiner, c Change, p policy.Policy) Examination {
	t.Helper()
	ex, err := e.Examine(t.Context(), c, p, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ex
}

// gatesOf returns the judged gates of an examination.
func gatesOf(t *testing.T, ex Examination, p policy.Policy) []checks.Gate {
	t.Helper()
	j, err := judge.Apply(judge.Case{Runs: ex.Runs, Policy: p})
	if err != nil {
		t.Fatal(err)
	}
	return j.Gates
}

// shownBy lists findings as "scanner path:line state".
func shownBy(t *testing.T, ex Examination, p policy.Policy) (list []string) {
	for _, g := range gatesOf(t, ex, p) {
		for _, f := range g.Findings {
			list = append(list, fmt.Sprintf("%s %s:%d %s", f.Scanner, f.Path, f.Line, f.State))
		}
	}
	slices.Sort(list)
	return list
}

func want(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

// TestContentIsScannedOnce holds the first thought of the design: a scan is a function of
// content.
func TestContentIsScannedOnce(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "old\n", "b": "bad\n", "untouched": "bad\n"}, map[string]string{"a": "old\nbad\n", "b": "bad\nmore\n"})
	file, tree := newGrep("file", "bad", scanners.ScopeFile, scanners.ScopeRange), newGrep("tree", "old", scanners.ScopeTree)
	stored := openLedger(t)
	e := Examiner{Scanners: []scanners.Scanner{file, tree}, Known: stored.Results, Keep: stored.SaveResults, Program: "1"}
	first := examined(t, e, c, policy.Default())
	want(t, "first", shownBy(t, first, policy.Default()), "file a:2 new", "file b:1 unchanged", "tree a:1 unchanged")
	if file.scans.Load() != 2 || tree.scans.Load() != 2 {
		t.Fatalf("%d and %d scans, want head and base", file.scans.Load(), tree.scans.Load())
	}
	second := examined(t, e, c, policy.Default())
	want(t, "second", shownBy(t, second, policy.Default()), shownBy(t, first, policy.Default())...)
	for i, g := range gatesOf(t, second, policy.Default())[0].Findings {
		if g.Fingerprint != gatesOf(t, first, policy.Default())[0].Findings[i].Fingerprint {
			t.Errorf("the fingerprint of %s changes", g.Path)
		}
	}
	for _, run := range second.Runs {
		if run.Scanned != 0 {
			t.Errorf("%s scanned %d again", run.Scanner, run.Scanned)
		}
	}
	if file.scans.Load() != 2 || tree.scans.Load() != 2 {
		t.Errorf("%d and %d scans after the second time", file.scans.Load(), tree.scans.Load())
	}

	// Only the difference is scanned.
	other := change(t, map[string]string{"a": "old\n", "b": "bad\n", "untouched": "bad\n"}, map[string]string{"a": "old\nbad\n", "b": "bad\nless\n"})
	if runs := examined(t, e, other, policy.Default()).Runs; runs[0].Scanned != 1 || runs[1].Scanned != 1 {
		t.Errorf("scanned %d files and %d trees, want one of each", runs[0].Scanned, runs[1].Scanned)
	}
	// Other rules, another program and another name are other results.
	file.rules = "newer"
	e.Scanners = []scanners.Scanner{file}
	examined(t, e, c, policy.Default())
	e.Program = "2"
	examined(t, e, c, policy.Default())
	if got := file.scans.Load(); got != 3+4 {
		t.Errorf("%d scans, want 7: 3 before, and both sides twice more", got)
	}
}

// TestFilesThatAreJudgedTogether: if one file decides what is found in another, a stored result holds for these files
// together and for no others.
func TestFilesThatAreJudgedTogether(t *testing.T) {
	t.Parallel()
	g := newGrep("together", "bad", scanners.ScopeFile)
	g.info.CrossFile = true
	stored := openLedger(t)
	e := Examiner{Scanners: []scanners.Scanner{g}, Known: stored.Results, Keep: stored.SaveResults}
	base := map[string]string{"a": "old\n", "b": "old\n"}
	for i, test := range []struct {
		head    map[string]string
		scanned int
	}{
		{map[string]string{"a": "bad\n"}, 2},
		{map[string]string{"a": "bad\n", "b": "new\n"}, 4}, // a is the same on both sides, and is not alone
		{map[string]string{"a": "bad\n", "b": "new\n"}, 0},
		{map[string]string{"a": "bad\n", "b": "newer\n"}, 2}, // the base is
	} {
		if run := examined(t, e, change(t, base, test.head), policy.Default()).Runs[0]; run.Scanned != test.scanned {
			t.Errorf("change %d: scanned %d files, want %d", i, run.Scanned, test.scanned)
		}
	}
}

// TestWhatWasFoundBeforeACutIsKept: an attempt that is interrupted in the middle of many files leaves its findings, and
// the next attempt continues there.
func TestWhatWasFoundBeforeACutIsKept(t *testing.T) {
	t.Parallel()
	const parts = 4
	head := map[string]string{}
	for i := range parts * partFiles {
		head[fmt.Sprintf("f%05d", i)] = fmt.Sprintln([]string{"good", "bad"}[i%100/99], i)
	}
	c := change(t, map[string]string{"a": "x\n"}, head)
	for _, together := range []bool{false, true} {
		ctx, cut := context.WithCancel(t.Context())
		g := newGrep("file", "bad", scanners.ScopeFile)
		g.info.CrossFile, g.info.Program = together, "grep" // its parts are scanned one after the other
		g.fail = func(scanners.Target) error {
			if g.scans.Load() == parts-1 || together {
				cut()
			}
			return ctx.Err()
		}
		stored := openLedger(t)
		e := Examiner{Scanners: []scanners.Scanner{g}, Known: stored.Results, Keep: stored.SaveResults}
		if _, err := e.Examine(ctx, c, policy.Default(), nil, nil); !errors.Is(err, context.Canceled) {
			t.Fatalf("the attempt that was cut ends with %v", err)
		}
		g.fail = nil
		e.Scanners[0] = g
		ex := examined(t, e, c, policy.Default())
		run, left := ex.Runs[0], 2*partFiles
		if together {
			left = parts * partFiles
		}
		if run.Err != nil || run.Scanned != left || len(gatesOf(t, ex, policy.Default())[0].Findings) != parts*partFiles/100 {
			t.Errorf("together %v: the second attempt scanned %d files, want %d, and found %d, want %d; %v",
				together, run.Scanned, left, len(gatesOf(t, ex, policy.Default())[0].Findings), parts*partFiles/100, run.Err)
		}
	}
}

// TestAllCoresScan: the parts of a large change are scanned at the same time, as many as there are cores, and give what
// they give one after the other.
func TestAllCoresScan(t *testing.T) {
	t.Parallel()
	head := map[string]string{}
	for i := range 10*builtInFiles + 1 {
		head[fmt.Sprintf("f%05d", i)] = fmt.Sprintln([]string{"good", "bad"}[i%100/99], i)
	}
	c := change(t, map[string]string{"a": "x\n"}, head)
	alone := newGrep("file", "bad", scanners.ScopeFile)
	alone.info.Program = "grep"
	wanted := shownBy(t, examined(t, Examiner{Scanners: []scanners.Scanner{alone}}, c, policy.Default()), policy.Default())

	g := newGrep("file", "bad", scanners.ScopeFile)
	var now, most atomic.Int64
	two := make(chan struct{}) // closed when two scans run
	g.fail = func(scanners.Target) error {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			was := most.Load()
			if n <= was || most.CompareAndSwap(was, n) {
				if was < 2 && n >= 2 {
					close(two)
				}
				break
			}
		}
		<-two
		return nil
	}
	got := shownBy(t, examined(t, Examiner{Scanners: []scanners.Scanner{g}}, c, policy.Default()), policy.Default())
	want(t, "all cores", got, wanted...)
	if limit := int64(max(runtime.NumCPU(), 2)); most.Load() > limit {
		t.Errorf("%d scans at one time, and there are %d cores", most.Load(), limit)
	}
	if n := g.scans.Load(); n < 10 || len(got) != 10 {
		t.Errorf("%d scans, %d findings", n, len(got))
	}
}

// A scan that runs out of time is incomplete, however its parts ended.
func TestTimeRunsOutBetweenParts(t *testing.T) {
	t.Parallel()
	head := map[string]string{}
	for i := range 3 * partFiles {
		head[fmt.Sprintf("f%05d", i)] = fmt.Sprintln("good", i)
	}
	c := change(t, map[string]string{"a": "x\n"}, head)
	g := newGrep("file", "bad", scanners.ScopeFile)
	g.info.Program = "grep"
	p := policy.Default()
	p.Budget.Scanner = time.Nanosecond
	if run := examined(t, Examiner{Scanners: []scanners.Scanner{g}}, c, p).Runs[0]; scanners.Reason(run.Err) == "" {
		t.Error("the run is complete")
	}
}

func TestWhatFailedIsNotKept(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n"}, map[string]string{"a": "bad\n"})
	g := newGrep("file", "bad", scanners.ScopeFile)
	g.fail = func(scanners.Target) error { return &scanners.IncompleteError{Reason: "It stumbled."} }
	stored := openLedger(t)
	e := Examiner{Scanners: []scanners.Scanner{g}, Known: stored.Results, Keep: stored.SaveResults}
	for range 2 {
		run := examined(t, e, c, policy.Default()).Runs[0]
		if scanners.Reason(run.Err) == "" || run.Scanned != 2 {
			t.Errorf("scanned %d, error %v", run.Scanned, run.Err)
		}
	}
}

func TestBaseThatCannotBeReadClaimsNothing(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n"}, map[string]string{"a": "bad\n"})
	for _, scope := range []scanners.Scope{scanners.ScopeFile, scanners.ScopeTree} {
		g := newGrep("broken", "bad", scope)
		g.fail = func(scanners.Target) error {
			if g.scans.Load() == 2 {
				return errors.New("secret text of the operator")
			}
			return nil
		}
		fine := newGrep("fine", "bad", scanners.ScopeFile)
		e := Examiner{Scanners: []scanners.Scanner{g, fine}}
		ex := examined(t, e, c, policy.Default())
		want(t, string(scope), shownBy(t, ex, policy.Default()), "fine a:1 new")
		if r := scanners.Reason(ex.Runs[0].Err); !strings.Contains(r, "base") || strings.Contains(r, "secret") {
			t.Errorf("the reason is %q", r)
		}
	}
}

// What could not be read at the base has findings that may be old, and says so; all else is compared.
func TestBaseThatCannotBeReadInPart(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n", "d/odd": "bad\n", "d/same": "bad\n"},
		map[string]string{"a": "bad\n", "d/odd": "bad\nbad\n", "d/same": "bad\nbad\nx\n", "d/new": "bad\n"})
	odd := &scanners.IncompleteError{Reason: "odd is odd.", Paths: []string{"d/odd"}}
	for name, tt := range map[string]struct {
		scope    scanners.Scope
		together bool
		err      error
		complete bool
		want     []string
	}{
		"a file":   {scope: scanners.ScopeFile, err: odd, complete: true, want: []string{"a", "d/new", "d/odd old", "d/odd old", "d/same"}},
		"together": {scope: scanners.ScopeFile, together: true, err: odd, complete: true, want: []string{"a", "d/new", "d/odd old", "d/odd old", "d/same old", "d/same old"}},
		"a tree":   {scope: scanners.ScopeTree, err: odd, complete: true, want: []string{"a", "d/new", "d/odd old", "d/odd old", "d/same old", "d/same old"}},
		"a folder": {scope: scanners.ScopeTree, err: &scanners.IncompleteError{Reason: "d.", Paths: []string{"d/"}}, complete: true,
			want: []string{"a", "d/new", "d/odd old", "d/odd old", "d/same old", "d/same old"}},
		"a file that is not there": {scope: scanners.ScopeFile, err: &scanners.IncompleteError{Reason: "Gone.", Paths: []string{"gone"}}, complete: true,
			want: []string{"a", "d/new", "d/odd", "d/same"}},
		"nobody knows": {scope: scanners.ScopeFile, err: &scanners.IncompleteError{Reason: "odd is odd."}, want: []string{"d/new"}},
	} {
		g := newGrep("broken", "bad", tt.scope)
		g.info.CrossFile = tt.together
		unread := newUnread(g.info, []error{tt.err})
		base := &silent{grep: g, from: 2, err: tt.err, unread: unread}
		ex := examined(t, Examiner{Scanners: []scanners.Scanner{base}}, c, policy.Default())
		run := ex.Runs[0]
		want(t, name, claimed(run), tt.want...)
		if (run.Err == nil) != tt.complete {
			t.Errorf("%s: the error is %v", name, run.Err)
		}
		if r := scanners.Reason(run.Err); run.Err != nil && (!strings.Contains(r, "base") || !strings.HasSuffix(r, "odd is odd.")) {
			t.Errorf("%s: the reason is %q", name, r)
		}
	}
}

// claimed lists the new findings of a run by their path, and those that may be old.
func claimed(run scanners.Run) (list []string) {
	for _, r := range run.Results {
		switch {
		case r.State == scanners.Absent:
			list = append(list, r.Path+" fixed")
		case r.State == scanners.New && strings.Contains(r.Message, "may have been there before"):
			list = append(list, r.Path+" old")
		case r.State == scanners.New:
			list = append(list, r.Path)
		}
	}
	return list
}

// A silent is a scanner that cannot read some files from one of its scans on.
type silent struct {
	grep
	from   int64 // the scan, from 1
	only   bool  // and no others
	err    error
	unread unread
}

func (s *silent) Scan(ctx context.Context, t scanners.Target) ([]scanners.Finding, error) {
	found, err := s.grep.Scan(ctx, t)
	if n := s.scans.Load(); n < s.from || s.only && n > s.from {
		return found, err
	}
	return without(found, func(f scanners.Finding) bool { return s.unread.covers(f.Path) }), s.err
}

// What could not be read at the head makes the run incomplete, unless the change does not touch it, and is not fixed.
func TestHeadThatCannotBeReadInPart(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "bad\n", "d/odd": "bad\n", "e/far": "bad\n"}, map[string]string{"a": "x\n", "d/odd": "x\n", "d/new": "bad\n"})
	for _, tt := range []struct {
		scope    scanners.Scope
		path     string
		complete bool
		want     []string
	}{
		{scanners.ScopeFile, "d/odd", false, []string{"a fixed", "d/new"}},
		{scanners.ScopeTree, "d/odd", false, []string{"a fixed"}},
		{scanners.ScopeTree, "e/far", true, []string{"a fixed", "d/new", "d/odd fixed"}},
		{scanners.ScopeTree, "e/other", true, []string{"a fixed", "d/new", "d/odd fixed"}},
		{scanners.ScopeTree, "d/", false, []string{"a fixed"}},
		{scanners.ScopeTree, "", false, []string{}},
	} {
		g := newGrep("broken", "bad", tt.scope)
		odd := &scanners.IncompleteError{Reason: "It is odd."}
		if tt.path != "" {
			odd.Paths = []string{tt.path}
		}
		head := &silent{grep: g, from: 1, only: !strings.HasPrefix(tt.path, "e/"), err: odd, unread: newUnread(g.info, []error{odd})}
		run := examined(t, Examiner{Scanners: []scanners.Scanner{head}}, c, policy.Default()).Runs[0]
		want(t, tt.path, append([]string{}, claimed(run)...), tt.want...)
		if (run.Err == nil) != tt.complete || (len(run.Notices) > 0) != tt.complete {
			t.Errorf("%s %s: the error is %v, the notices are %q", tt.scope, tt.path, run.Err, run.Notices)
		}
	}
}

func TestPanicIsOneScannersOwn(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n"}, map[string]string{"a": "bad\n"})
	g := newGrep("broken", "bad", scanners.ScopeFile)
	g.fail = func(scanners.Target) error { panic("oh") }
	ex := examined(t, Examiner{Scanners: []scanners.Scanner{g, newGrep("fine", "bad", scanners.ScopeFile)}}, c, policy.Default())
	want(t, "beside a panic", shownBy(t, ex, policy.Default()), "fine a:1 new")
	if ex.Runs[0].Err == nil {
		t.Error("a panic is taken for a clean run")
	}
}

// TestTreeScope: a tree scanner gets the files that it needs at both commits, and never files that would configure it.
func TestTreeScope(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"go.mod": "bad\n", "x/a.go": "bad\n", "vendor/v.go": "bad\n", "lint.toml": "bad\n", "doc.md": "bad\n"},
		map[string]string{"x/a.go": "bad\nfine\n", "b.go": "bad\n", "x/lint.toml": "bad\n"})
	g := newGrep("tree", "bad", scanners.ScopeTree)
	g.info.Files, g.info.Inputs, g.info.Config = []string{"**/*.go"}, []string{"**/*.go", "go.mod", "**/lint.toml"}, []string{"**/lint.toml"}
	p := policy.Default()
	p.Ignore = []string{"vendor/**"}
	ex := examined(t, Examiner{Scanners: []scanners.Scanner{g}}, c, p)
	want(t, "tree", shownBy(t, ex, policy.Default()), "tree b.go:1 new", "tree go.mod:1 unchanged", "tree x/a.go:1 unchanged")
}

// TestNarrowTreeScope: a tree scanner that scans only where files changed scans there on both sides, and its findings
// in other places are not taken for those of the whole tree.
func TestNarrowTreeScope(t *testing.T) {
	t.Parallel()
	g := newGrep("tree", "bad", scanners.ScopeTree)
	g.info.ChangedOnly = true
	var looked []string
	g.fail = func(t scanners.Target) error {
		var names []string
		for _, f := range t.Files {
			names = append(names, f.Path)
		}
		looked = append(looked, strings.Join(names, " "))
		return nil
	}
	stored := openLedger(t)
	e := Examiner{Scanners: []scanners.Scanner{g}, Known: stored.Results, Keep: stored.SaveResults}
	base := map[string]string{"a/x": "bad\n", "b/y": "bad\n"}
	for _, head := range []map[string]string{{"a/new": "bad\n"}, {"b/new": "bad\n", "b/y": "fine\n"}, {"a/new": "bad\n"}} {
		examined(t, e, change(t, base, head), policy.Default())
	}
	want(t, "looked at", looked, "a/new", "a/new", "b/new b/y", "b/new b/y")
}

func TestIdleAndMissingScanners(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a.py": "x\n"}, map[string]string{"a.py": "bad\n"})
	idle, missing, here := newGrep("idle", "bad", scanners.ScopeFile), newGrep("missing", "bad", scanners.ScopeFile), newGrep("here", "bad", scanners.ScopeFile)
	idle.info.Files, idle.info.Gate = []string{"**/*.tf"}, scanners.Infrastructure
	missing.ready = &scanners.MissingError{Hint: "Install it."}
	e := Examiner{Scanners: []scanners.Scanner{idle, missing, here}}
	ex := examined(t, e, c, policy.Default())
	rep := checks.Compose(checks.Input{Base: c.Base, Head: c.Head, Patch: ex.Patch, Gates: gatesOf(t, ex, policy.Default())})
	var names []string
	for _, check := range append([]checks.Check{rep.Check}, rep.Gates...) {
		names = append(names, check.Name)
	}
	want(t, "checks", names, "secbydesign", "secbydesign/code")
	if rep.Verdict != checks.Findings || !rep.Finished["idle"] || rep.Finished["missing"] || !rep.Unfinished["missing"] {
		t.Errorf("verdict %s, finished %v, unfinished %v", rep.Verdict, rep.Finished, rep.Unfinished)
	}
	if idle.scans.Load()+missing.scans.Load() != 0 {
		t.Error("they were asked to look")
	}
	// A user who enables it by name has to see that it did not run.
	p := policy.Default()
	p.Scanners["missing"] = true
	if runs := examined(t, e, c, p).Runs; scanners.Reason(runs[1].Err) != "Install it." {
		t.Errorf("got %+v", runs[1])
	}
}

// The reason why a scanner is not ready leaves out what only the operator may know.
func TestWhyNotReady(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n"}, map[string]string{"a": "bad\n"})
	const why = "Its rules cannot be read."
	for _, ready := range []error{&scanners.IncompleteError{Reason: why, Err: errors.New("/srv/rules: permission denied")}, errors.New(why)} {
		g := newGrep("file", "bad", scanners.ScopeFile)
		g.ready = ready
		run := examined(t, Examiner{Scanners: []scanners.Scanner{g}}, c, policy.Default()).Runs[0]
		if r := scanners.Reason(run.Err); r != why {
			t.Errorf("the reason is %q", r)
		}
	}
}

func TestOneProblemFoundTwiceIsOneFinding(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n"}, map[string]string{"a": "x\nbad\n"})
	one, two := newGrep("one", "bad", scanners.ScopeFile), newGrep("two", "bad", scanners.ScopeFile)
	two.info.Gate = scanners.Pipeline
	e := Examiner{Scanners: []scanners.Scanner{one, two}}
	ex := examined(t, e, c, policy.Default())
	want(t, "both", shownBy(t, ex, policy.Default()), "one a:2 new")
	if also := gatesOf(t, ex, policy.Default())[0].Findings[0].Also; !slices.Equal(also, []string{"two/word"}) {
		t.Errorf("also found by %q", also)
	}
	// The louder one stays.
	p := policy.Default()
	p.Gates[scanners.Pipeline] = policy.GatePolicy{Mode: policy.Block}
	want(t, "louder", shownBy(t, examined(t, e, c, p), p), "two a:2 new")
}

// TestProgress: the findings of a finished gate are reported while another gate still runs, and that report never
// claims that the other gate is ready.
func TestProgress(t *testing.T) {
	t.Parallel()
	c := change(t, map[string]string{"a": "x\n"}, map[string]string{"a": "bad\n"})
	quick, slow := newGrep("quick", "bad", scanners.ScopeFile), newGrep("slow", "bad", scanners.ScopeFile)
	slow.info.Gate = scanners.Infrastructure
	reported := make(chan struct{})
	slow.fail = func(scanners.Target) error { <-reported; return nil }
	var once sync.Once
	var partial Examination
	e := Examiner{Scanners: []scanners.Scanner{slow, quick}}
	ex, err := e.Examine(t.Context(), c, policy.Default(), nil, func(x Examination) {
		once.Do(func() { partial = x; close(reported) })
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "so far", shownBy(t, partial, policy.Default()), "quick a:1 new")
	rep := checks.Compose(checks.Input{Patch: partial.Patch, Gates: gatesOf(t, partial, policy.Default())})
	if rep.Verdict != checks.Incomplete && rep.Verdict != checks.Findings || rep.Finished["slow"] {
		t.Errorf("verdict %s, finished %v", rep.Verdict, rep.Finished)
	}
	if len(ex.Runs) != 2 || ex.Runs[0].Err != nil || ex.Runs[1].Err != nil {
		t.Errorf("in the end: %+v", ex.Runs)
	}
}
