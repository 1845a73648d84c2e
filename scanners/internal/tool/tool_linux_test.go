package tool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/untrusted"
	"github.com/secbydesign/secbydesign/scanners/programtest"
)

// The test binary is also the helper of the sandbox, and the programs that are started in it: see
// program_linux_test.go.
func TestMain(m *testing.M) {
	Helper()
	if len(os.Args) > 2 && os.Args[1] == actFlag {
		acts[os.Args[2]](os.Args[3:])
		syscall.Exit(0) // os.Exit would wait a second for reports of the race detector, in each of the many programs
	}
	os.Exit(m.Run())
}

// small holds limits that are soon reached.
var small = limits{
	Time: time.Minute, Memory: 256 << 20, Processes: 40, File: 512 << 10, Disk: 32 << 20, Entries: 5000, Output: 1 << 20,
}

// runner returns a Runner with a sandbox of this kind.
func runner(k kind, l limits) *Runner {
	r := NewRunner(Auto, "")
	r.sandbox = &sandbox{limits: l, choose: func() (kind, error) { return k, nil }}
	return r
}

// sandboxes are the kinds that confine a program; all has bare too.
var (
	sandboxes = []kind{landlocked, namespaced, wrapped}
	all       = append([]kind{bare}, sandboxes...)
)

// eachKind runs a test in every kind of sandbox that works on this machine.
func eachKind(t *testing.T, kinds []kind, test func(t *testing.T, k kind)) {
	for _, k := range kinds {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			if err := newSandbox(Auto).try(k); err != nil {
				t.Skipf("not on this machine: %v", err)
			}
			test(t, k)
		})
	}
}

// acting returns an adapter of a program that performs one of the acts. It prints lines
// "PATH:LINE: RULE: MESSAGE".
func acting(t *testing.T, args ...string) Adapter {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return actor(self, args...)
}

func actor(self string, args ...string) Adapter {
	return Adapter{
		Info:    scanners.Info{Name: "acting", Gate: scanners.Code, Scopes: []scanners.Scope{scanners.ScopeFile, scanners.ScopeTree}, Config: []string{"**/.acting"}},
		Program: self, Version: []string{actFlag, "version", "1.2.3"}, Install: "Install the tests.",
		Args:  func(r Run) []string { return append([]string{actFlag, args[0]}, append(args[1:], r.Report, r.Home)...) },
		Found: []int{3}, Partial: []int{4},
		Parse: func(r *Report) {
			for line := range strings.Lines(string(r.Text)) {
				parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 4)
				if len(parts) != 4 {
					r.Fail(fmt.Errorf("line %q", line))
					return
				}
				n, err := strconv.Atoi(parts[1])
				r.Fail(err)
				r.Add(scanners.Finding{Path: parts[0], Line: n, Rule: strings.TrimSpace(parts[2]), Message: strings.TrimSpace(parts[3])})
			}
		},
	}
}

var target = scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{
	{Path: "a.txt", Content: []byte("one\r\n  two\nthree")},
	{Path: "dir/-b.txt", Content: []byte("four\n")},
	{Path: "dir/.acting", Content: []byte("ignore everything")},
}}

func TestScan(t *testing.T) {
	t.Parallel()
	endless := []string{"B", strconv.Itoa(1 << 30)}
	tests := []struct {
		name       string
		act        []string
		limits     limits
		want       string // findings, as "PATH:LINE RULE MESSAGE"
		incomplete string // a part of the reason
	}{
		{name: "finds", act: []string{"print", "a.txt:2: R: here"}, want: "a.txt:2 R here"},
		{name: "finds nothing", act: []string{"print"}},
		{name: "ends as one that found", act: []string{"exit", "3", "a.txt:1: R: here"}, want: "a.txt:1 R here"},
		{name: "ends as one that did not see all", act: []string{"exit", "4", "a.txt:1: R: here"}, want: "a.txt:1 R here", incomplete: "could not scan everything"},
		{name: "fails", act: []string{"exit", "7", "a.txt:1: R: here"}, incomplete: "failed (exit code 7)"},
		{name: "crashes", act: []string{"crash"}, incomplete: "died (segmentation fault)"},
		{name: "writes a report", act: []string{"report", "a.txt:3: R: here"}, want: "a.txt:3 R here"},
		{name: "makes its report a link", act: []string{"link", "/etc/passwd"}},
		{name: "prints garbage", act: []string{"print", "\x01\xff\x7fELF"}, incomplete: "could not be parsed"},
		{name: "prints half", act: []string{"print", "a.txt:1: R: here", "a.txt:1: R"}, want: "a.txt:1 R here", incomplete: "could not be parsed"},
		{name: "points outside", act: []string{"print", "../x:1: R: no", "/etc/passwd:1: R: no", "a.txt:1: R: here"}, want: "a.txt:1 R here", incomplete: "2 places that are not in the files"},
		{name: "points behind the end", act: []string{"print", "a.txt:4: R: no", "a.txt:3: R: here"}, want: "a.txt:3 R here", incomplete: "1 places"},
		{name: "points at what it was not shown", act: []string{"print", "dir/.acting:1: R: no"}, incomplete: "1 places"},
		{name: "knows other ways to say it", act: []string{"paths", "a.txt"}, want: "a.txt:1 R ./\na.txt:1 R absolute\na.txt:1 R dir/../\na.txt:1 R file"},
		{name: "looks above the tree", act: []string{"above"}, want: "a.txt:1 R tree"},
		{name: "prints invalid UTF-8", act: []string{"print", "a.txt:1: R\xfe: he\xffre\x1b", "a\xff.txt:1: R: no"}, want: "a.txt:1 R\uFFFD he\uFFFDre", incomplete: "1 places"},
		{name: "says something twice", act: []string{"print", "a.txt:1: R: here", "a.txt:1: R: here"}, want: "a.txt:1 R here"},
		{name: "prints endlessly", act: append([]string{"repeat", "out"}, endless...), incomplete: "printed more than 1 MB"},
		{name: "complains endlessly", act: append([]string{"repeat", "err"}, endless...), incomplete: "printed more than"},
		{name: "reports endlessly", act: []string{"fill"}, incomplete: "died (file size limit exceeded)"},
		{name: "finds ten million", act: []string{"repeat", "out", "a.txt:1: R: here", "10000000"}, limits: defaults, incomplete: "printed more than 64 MB"},
		{name: "fills memory", act: []string{"memory", "private"}, incomplete: "too much of memory"},
		{name: "fills shared memory", act: []string{"memory", "shared"}, incomplete: "too much of memory"},
		{name: "forks and forks", act: []string{"forks"}, incomplete: "too much of processes"},
		{name: "hangs", act: []string{"hang"}, limits: limits{Time: time.Second, Memory: 1 << 30, Processes: 40, File: 1 << 20, Disk: 1 << 20, Entries: 100, Output: 1 << 20}, incomplete: "ran out of time"},
	}
	eachKind(t, all, func(t *testing.T, k kind) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				if tt.limits == (limits{}) {
					tt.limits = small
				}
				found, err := runner(k, tt.limits).Scanner(acting(t, tt.act...)).Scan(context.Background(), target)
				checkReason(t, err, tt.incomplete)
				var got []string
				for _, f := range found {
					got = append(got, fmt.Sprintf("%s:%d %s %s", f.Path, f.Line, f.Rule, f.Message))
				}
				if got := strings.Join(got, "\n"); got != tt.want {
					t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
				}
			})
		}
	})
}

func checkReason(t *testing.T, err error, want string) {
	t.Helper()
	var incomplete *scanners.IncompleteError
	switch {
	case want == "" && err == nil:
	case want == "" || !errors.As(err, &incomplete) || !strings.Contains(incomplete.Reason, want):
		t.Errorf("error %v, want an IncompleteError with %q", err, want)
	case strings.Contains(incomplete.Reason, os.TempDir()):
		t.Errorf("the reason %q names a temporary folder", incomplete.Reason)
	}
}

// A program that tries everything that is forbidden succeeds with none of it.
func TestSandboxHolds(t *testing.T) {
	eachKind(t, sandboxes, func(t *testing.T, k kind) {
		outside := t.TempDir()
		secret := filepath.Join(outside, "secret")
		if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer tcp.Close()
		udp, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		socket := filepath.Join(outside, "socket")
		local, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer local.Close()
		abstract := "@secbydesign-" + filepath.Base(outside) + string(k)
		hidden, err := net.Listen("unix", abstract)
		if err != nil {
			t.Fatal(err)
		}
		defer hidden.Close()

		tree := t.TempDir()
		for name, text := range map[string]string{"a.txt": "one\n", ".acting": "ignore everything\n"} {
			if err := os.WriteFile(filepath.Join(tree, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		a := acting(t, "meddle", secret, tcp.Addr().String(), udp.LocalAddr().String(), socket, abstract)
		if !k.masks() {
			_, err := runner(k, small).Scanner(a).Scan(context.Background(), scanners.Target{Scope: scanners.ScopeTree, Dir: tree})
			checkReason(t, err, "cannot hide it")
			if err := os.Remove(filepath.Join(tree, ".acting")); err != nil {
				t.Fatal(err)
			}
		}
		for _, target := range []scanners.Target{target, {Scope: scanners.ScopeTree, Dir: tree}} {
			found, err := runner(k, small).Scanner(a).Scan(context.Background(), target)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				if f.Rule == "broke" {
					t.Errorf("scope %s: %s", target.Scope, f.Message)
				}
			}
			if last := len(found) - 1; last < 0 || found[last].Rule != "end" {
				t.Errorf("scope %s: it did not come to its end: %+v", target.Scope, found)
			}
		}
		if b, err := os.ReadFile(filepath.Join(tree, "a.txt")); err != nil || string(b) != "one\n" {
			t.Errorf("the tree was changed: %q, %v", b, err)
		}
		if stat, err := os.Stat(secret); err != nil || stat.Mode().Perm() != 0o600 {
			t.Errorf("a file outside was changed: %v, %v", stat, err)
		}
	})
}

// No process that a program started is left when the scan is over, however the scan ends.
func TestNoOrphans(t *testing.T) {
	eachKind(t, all, func(t *testing.T, k kind) {
		t.Run("its host is killed", func(t *testing.T) {
			t.Parallel()
			token := fmt.Sprintf("orphan-%s-%d-host", k, os.Getpid())
			host := exec.Command(os.Args[0], actFlag, "host", string(k), token)
			if err := host.Start(); err != nil {
				t.Fatal(err)
			}
			for len(holding(t, token)) < 4 { // the host itself, the program and its two children
				time.Sleep(10 * time.Millisecond)
			}
			if err := host.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = host.Wait()
			checkNoneHolds(t, token)
		})
		for _, ending := range []string{"ends", "hangs", "is cancelled"} {
			t.Run(ending, func(t *testing.T) {
				t.Parallel()
				token := fmt.Sprintf("orphan-%s-%d-%s", k, os.Getpid(), strings.ReplaceAll(ending, " ", "-"))
				l := small
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				switch ending {
				case "hangs":
					l.Time = 2 * time.Second
				case "is cancelled":
					go func() {
						for len(holding(t, token)) < 3 && ctx.Err() == nil { // the program and its two children
							time.Sleep(10 * time.Millisecond)
						}
						cancel()
					}()
				}
				_, err := runner(k, l).Scanner(acting(t, "orphans", token, ending)).Scan(ctx, target)
				if (ending == "ends") != (err == nil) {
					t.Errorf("error %v", err)
				}
				if ending == "is cancelled" && !errors.Is(err, context.Canceled) {
					t.Errorf("error %v, want that it was cancelled", err)
				}
				checkNoneHolds(t, token)
			})
		}
	})
}

func checkNoneHolds(t *testing.T, token string) {
	t.Helper()
	var left []string
	for range 1000 { // the kernel takes a moment to remove what it has killed
		if left = holding(t, token); len(left) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("still running: %q", left)
}

// holding returns the command lines of the processes that have token among their arguments.
func holding(t *testing.T, token string) (found []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, _ := os.ReadFile(name) // it may have ended by now
		if bytes.Contains(b, []byte(token)) {
			found = append(found, string(bytes.ReplaceAll(b, []byte{0}, []byte(" "))))
		}
	}
	return found
}

func TestTheSandboxHoldsSomewhere(t *testing.T) {
	t.Parallel()
	if k, err := newSandbox(Auto).choose(); err != nil {
		t.Errorf("tests of programs need a sandbox: %v", err)
	} else {
		t.Logf("auto is %s here", k)
	}
}

func TestNoSandboxNoProgram(t *testing.T) {
	t.Parallel()
	r := &Runner{sandbox: &sandbox{limits: small, choose: func() (kind, error) { return "", &noSandboxError{errors.New("it leaks")} }}}
	s := r.Scanner(acting(t, "print", "a.txt:1: R: here"))
	found, err := s.Scan(context.Background(), target)
	checkReason(t, err, "no sandbox works on this machine")
	if len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	if _, err := s.Version(context.Background()); err == nil || !strings.Contains(err.Error(), "no sandbox works") || strings.Contains(err.Error(), "it leaks") {
		t.Errorf("version: %v", err)
	}
}

// TestFallback: a program runs a second time, in another way, over what its parser could not use; a notice is no failure.
func TestFallback(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		again []string
		rules string
		asked []string
	}{
		{nil, "full both", []string{"./a.txt", "./dir/-b.txt"}},
		{[]string{"./a.txt"}, "full simple both", []string{"./a.txt"}},
	} {
		a := acting(t, "mode")
		a.Env, a.Fallback = []string{"MODE=full"}, []string{"MODE=simple"}
		parse, asked := a.Parse, []string(nil)
		a.Parse = func(r *Report) {
			parse(r)
			r.Again(tt.again...)
			asked = r.Asked
			r.Fail(&scanners.IncompleteError{Reason: "It did without.", Notice: true, Paths: []string{"a.txt"}})
		}
		found, err := runner(bare, small).Scanner(a).Scan(t.Context(), target)
		var rules []string
		for _, f := range found {
			rules = append(rules, f.Rule)
		}
		if got := strings.Join(rules, " "); got != tt.rules || !slices.Equal(asked, tt.asked) {
			t.Errorf("%q: got %q, asked %q", tt.again, got, asked)
		}
		if !scanners.IsNotice(err) || len(scanners.Unread(err)) == 0 {
			t.Errorf("%q: the error is %v", tt.again, err)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		prints, oldest string
		want, err      string
	}{
		{prints: "tool 1.2.3 (linux)", want: "1.2.3"},
		{prints: "v1.10.0-rc1", oldest: "1.9", want: "1.10.0-rc1"},
		{prints: "version: 0.9.0\nlicense: 3", oldest: "0.9.0", want: "0.9.0"},
		{prints: "1.2.3", oldest: "1.3", err: "1.2.3 is too old"},
		{prints: "hello", err: "cannot be parsed"},
	}
	for _, tt := range tests {
		a := acting(t, "print")
		a.Version, a.Oldest = []string{actFlag, "version", tt.prints}, tt.oldest
		s := NewRunner(Auto, "").Scanner(a)
		got, err := s.Version(context.Background())
		if got != tt.want || (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: %q, %v", tt.prints, got, err)
		}
	}
	a := acting(t, "print")
	a.Program = "no-program-of-this-name"
	var missing *scanners.MissingError
	if _, err := NewRunner(Auto, "").Scanner(a).Version(context.Background()); !errors.As(err, &missing) || missing.Hint != a.Install {
		t.Errorf("missing: %v", err)
	}
}

// The program is asked for its version once, until its file changes.
func TestVersionIsRemembered(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "program")
	write := func(text string) {
		programtest.Write(t, program, text)
	}
	a := acting(t, "print")
	a.Program, a.Version = program, nil
	s := NewRunner(Auto, "").Scanner(a)
	for i, want := range []string{"1.0", "2.0.1"} {
		write("#!/bin/sh\necho " + want + strings.Repeat(" ", i) + "\n")
		for range 2 {
			if got, err := s.Version(context.Background()); got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		}
	}
}

// TestBadNames checks that a file whose name cannot be used is reported, and loses no findings in other files.
func TestBadNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../x", "/etc/x", "a/../../x", "a//b", "", ".", "a\x00b", "./x", "caf\xe9/x", "a.txt/x", "x/" + strings.Repeat("y", 256)} {
		s := NewRunner(Auto, "").Scanner(acting(t, "print", "a.txt:1: R: here"))
		bad := scanners.File{Path: name, Content: []byte("one\n")}
		found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{target.Files[0], bad}})
		checkReason(t, err, "because of their names: "+untrusted.Quote(name)+".")
		if !slices.Equal(scanners.Unread(err), []string{name}) {
			t.Errorf("unread %q, want %q", scanners.Unread(err), name)
		}
		if len(found) != 1 || found[0].Path != "a.txt" {
			t.Errorf("beside %q: %+v", name, found)
		}
		if name == "a.txt/x" {
			continue // this path is valid by itself
		}
		_, err = s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{bad}})
		checkReason(t, err, "because of their names: "+untrusted.Quote(name)+".")
	}
}

// TestUnread checks that the files that could not be read are named only if all of them are known.
func TestUnread(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		report func(*Report)
		want   []string
	}{
		"one":             {func(r *Report) { r.Unread("text", "./a.txt", 3) }, []string{"a.txt"}},
		"two":             {func(r *Report) { r.Unread("text", r.Tree+"/dir/-b.txt", 0); r.Unread("text", "a.txt", 0) }, []string{"dir/-b.txt", "a.txt"}},
		"an unknown file": {func(r *Report) { r.Unread("text", "a.txt", 0); r.Unread("text", "other", 0) }, nil},
		"and more":        {func(r *Report) { r.Unread("text", "a.txt", 0); r.Fail(errors.New("no")) }, nil},
	} {
		a := acting(t, "print")
		a.Parse = tt.report
		_, err := NewRunner(Auto, "").Scanner(a).Scan(context.Background(), target)
		if got := scanners.Unread(err); err == nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: unread %q, want %q (%v)", name, got, tt.want, err)
		}
	}
	a := acting(t, "exit", "4") // it could not scan everything
	a.Parse = func(r *Report) { r.Unread("text", "a.txt", 0) }
	if _, err := NewRunner(Auto, "").Scanner(a).Scan(context.Background(), target); err == nil || scanners.Unread(err) != nil {
		t.Errorf("unread %q, want none known (%v)", scanners.Unread(err), err)
	}
}

func TestTreesWithLinks(t *testing.T) {
	t.Parallel()
	tree := t.TempDir()
	for link, to := range map[string]string{"out": "/etc/passwd", "in": "a.txt"} {
		if err := os.Symlink(to, filepath.Join(tree, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(tree, "a.txt"), []byte("one\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := NewRunner(Auto, "").Scanner(acting(t, "print", "out:1: R: no", "in:1: R: no", "a.txt:1: R: here"))
	found, err := s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeTree, Dir: tree})
	checkReason(t, err, "2 places")
	if len(found) != 1 || found[0].Path != "a.txt" {
		t.Errorf("found %+v", found)
	}
	if err := os.Symlink("a.txt", filepath.Join(tree, ".acting")); err != nil {
		t.Fatal(err)
	}
	_, err = s.Scan(context.Background(), scanners.Target{Scope: scanners.ScopeTree, Dir: tree})
	checkReason(t, err, "is a symbolic link")
}

func TestPanicInAParser(t *testing.T) {
	t.Parallel()
	a := acting(t, "print", "x")
	a.Parse = func(*Report) { panic("no") }
	_, err := NewRunner(Auto, "").Scanner(a).Scan(context.Background(), target)
	checkReason(t, err, "could not be parsed")
}

// The state covers everything that a program's findings depend on, and nothing else.
func TestRules(t *testing.T) {
	t.Parallel()
	ask := func(change func(*Adapter)) string {
		a := acting(t, "print")
		change(&a)
		got, err := NewRunner(Auto, "").Scanner(a).Rules(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	same := ask(func(*Adapter) {})
	if again := ask(func(a *Adapter) { a.Install = "other" }); again != same {
		t.Errorf("%q and %q", same, again)
	}
	for name, change := range map[string]func(*Adapter){
		"arguments": func(a *Adapter) { a.Args = func(Run) []string { return []string{"--other"} } },
		"own files": func(a *Adapter) { a.OwnFiles = map[string]string{"x": "y"} },
		"variables": func(a *Adapter) { a.Env = []string{"A=b"} },
		"database":  func(a *Adapter) { a.Folder, a.MissingHint = t.TempDir(), "Put a database" },
		"state":     func(a *Adapter) { a.State = "today" },
	} {
		if ask(change) == same {
			t.Errorf("other %s: the same", name)
		}
	}
}

// Everybody may read why a folder of the operator cannot be read, but not where it is.
func TestFolderThatCannotBeRead(t *testing.T) {
	t.Parallel()
	a := acting(t, "print")
	a.Folder, a.MissingHint = t.TempDir(), "Put rules"
	if err := os.WriteFile(filepath.Join(a.Folder, "rules.yml"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := NewRunner(Auto, "").Scanner(a).Rules(ctx)
	checkReason(t, err, "cannot be read")
	if err := os.Symlink(t.TempDir(), filepath.Join(a.Folder, "out")); err != nil {
		t.Fatal(err)
	}
	_, err = NewRunner(Auto, "").Scanner(a).Rules(context.Background())
	checkReason(t, err, "leads out")
	if strings.Contains(scanners.Reason(err), a.Folder) {
		t.Errorf("it says where the folder is: %v", err)
	}
}

func TestScriptsAndTheirInterpreters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	module := filepath.Join(dir, "node_modules", "tool", "bin")
	bin := filepath.Join(dir, "node_modules", ".bin")
	if err := errors.Join(os.MkdirAll(module, 0o755), os.MkdirAll(bin, 0o755)); err != nil {
		t.Fatal(err)
	}
	script := "#!/usr/bin/env sh\ncat \"$(dirname \"$0\")/../text\"\n"
	programtest.Write(t, filepath.Join(module, "tool.sh"), script)
	if err := errors.Join(
		os.WriteFile(filepath.Join(module, "..", "text"), []byte("a.txt:1: R: here\n"), 0o644),
		os.Symlink("../tool/bin/tool.sh", filepath.Join(bin, "tool")),
	); err != nil {
		t.Fatal(err)
	}
	eachKind(t, all, func(t *testing.T, k kind) {
		a := acting(t, "print")
		a.Program = filepath.Join(bin, "tool")
		found, err := runner(k, small).Scanner(a).Scan(context.Background(), target)
		if err != nil || len(found) != 1 {
			t.Errorf("found %+v, %v", found, err)
		}
	})
}

// placed checks findings against the tree /tree, which holds the file a.
func placed(text string, found ...scanners.Finding) ([]scanners.Finding, error) {
	r := Report{Output: Output{Tree: "/tree"}, found: found, files: &untrusted.Tree{Root: "/tree", Content: func(path string) ([]byte, bool) {
		return []byte(text), path == "a"
	}}}
	return r.place()
}

// The state also covers the files beside a program: plug-ins, other programs that it runs, files that it reads.
func TestRulesKnowWhatIsInstalled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	modules := filepath.Join(dir, "node_modules")
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o755)); err != nil {
			t.Fatal(err)
		}
		return file
	}
	a := acting(t, "print")
	a.Program = write("node_modules/lint/bin/lint.sh", "#!/bin/sh\n")
	a.Needs = []string{write("go", "#!/bin/sh\n")}
	a.Reads = []string{write("rules", "one"), filepath.Join(dir, "absent")}
	if err := os.Chtimes(modules, time.Unix(1, 0), time.Unix(1, 0)); err != nil { // clocks of file systems are coarse
		t.Fatal(err)
	}
	s := NewRunner(Auto, "").Scanner(a)
	before := ""
	for _, change := range []struct {
		what string
		make func()
	}{
		{"nothing yet", func() {}},
		{"a plug-in", func() { write("node_modules/plugin/package.json", "{}") }},
		{"another program", func() { write("go", "#!/bin/sh\nexit\n") }},
		{"a file", func() { write("rules", "other") }},
	} {
		change.make()
		after, err := s.Rules(context.Background())
		if err != nil || after == before {
			t.Errorf("%s: %q as before, %v", change.what, after, err)
		}
		if again, _ := s.Rules(context.Background()); again != after {
			t.Errorf("%s: %q and %q", change.what, after, again)
		}
		before = after
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	const text = "\tone\nzwölf x\n"
	f := func(line, end, column, endColumn int) scanners.Finding {
		return scanners.Finding{Path: "a", Line: line, EndLine: end, Column: column, EndColumn: endColumn, Message: "m", Rule: "r"}
	}
	tests := []struct {
		in, want scanners.Finding // want without a line: refused
	}{
		{f(1, 0, 0, 0), f(1, 1, 0, 0)},
		{f(2, 2, 1, 8), f(2, 2, 1, 8)},
		{f(2, 2, 1, 9), f(2, 2, 0, 0)}, // a column that is not there
		{f(2, 2, 5, 3), f(2, 2, 0, 0)},
		{f(2, 2, 5, 0), f(2, 2, 5, 8)}, // to the end of the line
		{f(1, 3, 1, 1), f(1, 2, 1, 8)}, // to the end of the last line
		{f(1, 4, 1, 1), f(0, 0, 0, 0)},
		{f(3, 3, 0, 0), f(0, 0, 0, 0)},
		{f(-1, 0, 0, 0), f(0, 0, 0, 0)},
		{f(2, 1, 0, 0), f(2, 2, 0, 0)},
	}
	for _, tt := range tests {
		found, err := placed(text, tt.in)
		if tt.want.Line == 0 {
			if len(found) != 0 || err == nil {
				t.Errorf("%+v: %+v, %v", tt.in, found, err)
			}
			continue
		}
		if len(found) == 1 {
			found[0].Identity = ""
		}
		if err != nil || len(found) != 1 || !reflect.DeepEqual(found[0], tt.want) {
			t.Errorf("%+v: got %+v, %v, want %+v", tt.in, found, err, tt.want)
		}
	}
	whole, err := placed(text, scanners.Finding{Path: "file:///tree/a", Column: 3, Message: "in /tree/a and /tree", Rule: "r",
		Flow:  []scanners.Step{{Path: "/tree/a", Line: 1}, {Path: "/usr/lib/x", Line: 1}},
		Fixes: []scanners.Fix{{Edits: []scanners.Edit{{Path: "./a", Line: 1, EndLine: 1}}}, {Edits: []scanners.Edit{{Path: "/b", Line: 1, EndLine: 1}}}},
	})
	want := scanners.Finding{Path: "a", Message: "in a and .", Identity: "in a and .", Rule: "r",
		Flow:  []scanners.Step{{Path: "a", Line: 1}},
		Fixes: []scanners.Fix{{Edits: []scanners.Edit{{Path: "a", Line: 1, EndLine: 1}}}},
	}
	if err != nil || len(whole) != 1 || !reflect.DeepEqual(whole[0], want) {
		t.Errorf("the whole file: %+v, %v\nwant %+v", whole, err, want)
	}
	many := make([]scanners.Finding, maxFindings+1)
	for i := range many {
		many[i] = f(1, 1, 0, 0)
		many[i].Message = strconv.Itoa(i)
	}
	found, err := placed(text, many...)
	checkReason(t, err, "the first 10000 are kept")
	if len(found) != maxFindings {
		t.Errorf("%d are kept", len(found))
	}
}

func FuzzPlace(f *testing.F) {
	f.Add("a", 1, 2, 3, 4, "message")
	f.Add("file:///tree/%61", 1, 1, 0, 0, "/tree/a")
	f.Add("../a", -1, 1<<40, -3, 4, "\xff")
	f.Fuzz(func(t *testing.T, path string, line, end, column, endColumn int, message string) {
		found, err := placed("one\ntwo", scanners.Finding{Path: path, Line: line, EndLine: end, Column: column, EndColumn: endColumn, Message: message})
		if (err == nil) != (len(found) == 1) {
			t.Fatalf("%+v, %v", found, err)
		}
		for _, f := range found {
			if f.Path != "a" || f.Line < 0 || f.EndLine < f.Line || f.EndLine > 2 || f.Column < 0 || f.EndColumn < 0 || f.EndColumn > 4 ||
				f.Line == f.EndLine && f.EndColumn < f.Column || strings.Contains(f.Message, "/tree/") {
				t.Fatalf("%+v", f)
			}
		}
	})
}

func TestParseMode(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"auto", "landlock", "bwrap", "off"} {
		if m, err := ParseMode(word); err != nil || string(m) != word {
			t.Errorf("%s: %q, %v", word, m, err)
		}
	}
	if _, err := ParseMode("on"); err == nil {
		t.Error("on is no mode")
	}
}

// A program that does not call Helper first refuses the helper's flag, and does not start itself
// again.
func TestTheFlagIsUnknownToOthers(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], helperFlag+"-other")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "flag provided but not defined") {
		t.Errorf("%v: %s", err, out)
	}
}

// A prepared folder is made once, and a run that writes to it changes only its own copy.
func TestPrepared(t *testing.T) {
	t.Parallel()
	eachKind(t, sandboxes, func(t *testing.T, k kind) {
		bin, cache := t.TempDir(), t.TempDir()
		script := "#!/bin/sh\nmkdir $HOME/made && echo one >$HOME/made/text && echo own >$HOME/made/own\n"
		programtest.Write(t, filepath.Join(bin, "maker"), script)
		user := "#!/bin/sh\nread text <$HOME/made/text\necho a.txt:1: $text: here\n" +
			"echo two 2>/dev/null >>$HOME/made/text\nrm $HOME/made/text\necho three >$HOME/made/text\ntest ! -e $HOME/made/own\n"
		programtest.Write(t, filepath.Join(bin, "user"), user)
		r := runner(k, small)
		r.cache = cache
		a := acting(t, "print")
		a.Program, a.Args = filepath.Join(bin, "user"), func(Run) []string { return nil }
		a.Prepared = &Prepared{Command: []string{filepath.Join(bin, "maker")}, Folder: "made", Without: "own"}
		for range 2 {
			found, err := r.Scanner(a).Scan(context.Background(), target)
			if err != nil || len(found) != 1 || found[0].Rule != "one" {
				t.Fatalf("found %+v, %v", found, err)
			}
		}
		made, err := filepath.Glob(filepath.Join(cache, "maker-*", "text"))
		if err != nil || len(made) != 1 {
			t.Fatalf("%q, %v", made, err)
		}
		if text, err := os.ReadFile(made[0]); err != nil || string(text) != "one\n" {
			t.Errorf("the copy of all is %q, %v", text, err)
		}
		if left, err := os.ReadDir(cache); err != nil || len(left) != 1 {
			t.Errorf("%v is left, %v", left, err)
		}

		// If the folder cannot be made, the run goes on without it.
		a.Prepared = &Prepared{Command: []string{filepath.Join(bin, "none")}, Folder: "made"}
		if found, err := r.Scanner(a).Scan(context.Background(), target); err != nil || len(found) != 1 || found[0].Rule != "" {
			t.Errorf("without: found %+v, %v", found, err)
		}
	})
}

// A derived folder is made once for the same sources, from these and what is prepared; the tree takes no part in it.
func TestDerived(t *testing.T) {
	t.Parallel()
	eachKind(t, sandboxes, func(t *testing.T, k kind) {
		bin, cache := t.TempDir(), t.TempDir()
		for name, script := range map[string]string{
			"maker":   "mkdir $HOME/made && echo one >$HOME/made/text && echo own >$HOME/made/own\n",
			"deriver": "test ! -e a.txt && read text <$HOME/made/text && read need <need && echo $text-$need >$HOME/made/more && echo own >$HOME/made/own\n",
			"user":    "read text <$HOME/made/text; read more <$HOME/made/more; echo a.txt:1: $text/$more: here\necho two 2>/dev/null >>$HOME/made/more\ntest ! -e $HOME/made/own\n",
		} {
			programtest.Write(t, filepath.Join(bin, name), "#!/bin/sh\n"+script)
		}
		r := runner(k, small)
		r.cache = cache
		a := acting(t, "print")
		a.Program, a.Args = filepath.Join(bin, "user"), func(Run) []string { return nil }
		a.Prepared = &Prepared{Command: []string{filepath.Join(bin, "maker")}, Folder: "made", Without: "own"}
		need := ""
		a.Derived = &Derived{Command: []string{filepath.Join(bin, "deriver")}, Sources: func(string, []string) map[string]string {
			if need == "" {
				return nil
			}
			return map[string]string{"need": need + "\n"}
		}}
		for _, tt := range []struct{ need, want string }{{"", "one/"}, {"x", "one/one-x"}, {"x", "one/one-x"}, {"y", "one/one-y"}} {
			need = tt.need
			found, err := r.Scanner(a).Scan(context.Background(), target)
			if err != nil || len(found) != 1 || found[0].Rule != tt.want {
				t.Errorf("%q: found %+v, %v", tt.need, found, err)
			}
		}
		for i := range maxDerived {
			need = strconv.Itoa(i)
			if _, err := r.Scanner(a).Scan(context.Background(), target); err != nil {
				t.Fatal(err)
			}
		}
		if made, err := filepath.Glob(filepath.Join(cache, "derived-*", "more")); err != nil || len(made) != maxDerived {
			t.Errorf("%d folders are kept, %v", len(made), err)
		}
		a.Derived.Command = []string{filepath.Join(bin, "none")}
		need = "z"
		if found, err := r.Scanner(a).Scan(context.Background(), target); err != nil || len(found) != 1 || found[0].Rule != "one/" {
			t.Errorf("without: found %+v, %v", found, err)
		}
	})
}
