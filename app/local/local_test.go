package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
)

// leak makes up a token that opens nothing; none may stand in the source.
var leak = `key = "ghp_` + strings.Repeat("a1B2c3D4e5", 3) + `f6G7h8"` + "\n"

// A folder is a git repository to review.
type folder struct {
	t   *testing.T
	dir string
}

func newFolder(t *testing.T, files map[string]string) folder {
	t.Helper()
	f := folder{t, t.TempDir()}
	f.git("init", "-q", "-b", "main")
	f.commit(files)
	f.git("checkout", "-q", "-b", "change")
	return f
}

func (f folder) git(args ...string) { f.t.Helper(); f.output(args...) }

// output runs git and returns what it prints, without the last line break.
func (f folder) output(args ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", f.dir, "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func (f folder) write(files map[string]string) {
	f.t.Helper()
	for name, content := range files {
		path := filepath.Join(f.dir, name)
		if content == "" {
			if err := os.Remove(path); err != nil {
				f.t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			f.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			f.t.Fatal(err)
		}
	}
}

func (f folder) commit(files map[string]string) {
	f.t.Helper()
	f.write(files)
	f.git("add", "-A")
	f.git("commit", "-q", "--allow-empty", "-m", "commit")
}

func (f folder) review(change func(*Options)) (code int, out string, err error) {
	o := Options{Repo: f.dir, Head: Worktree, Format: "json", FailOn: "low", Scanners: builtIn()}
	if change != nil {
		change(&o)
	}
	var b bytes.Buffer
	code, err = Review(context.Background(), &b, o)
	return code, b.String(), err
}

// builtIn returns the scanners that are the same on every machine.
func builtIn() []scanners.Scanner {
	return slices.DeleteFunc(catalog.All(catalog.Options{}), func(s scanners.Scanner) bool { return s.Info().Program != "" })
}

func TestReview(t *testing.T) {
	t.Parallel()
	base := map[string]string{"a.py": "one = 1\n" + leak + "two = 2\n", "b.py": "x = 1\n", ".gitignore": "ignored.py\n"}
	for _, c := range []struct {
		name string
		do   func(folder)
		opts func(*Options)
		code int
		want string // the findings as "state path:line"
	}{
		{"nothing", func(folder) {}, nil, Passed, ""},
		{"new", func(f folder) { f.commit(map[string]string{"b.py": "x = 1\n" + leak}) }, nil, Failed, "new b.py:2"},
		{"moved", func(f folder) { f.commit(map[string]string{"a.py": "zero = 0\none = 1\ntwo = 2\n" + leak}) }, nil, Passed, ""},
		{"indented", func(f folder) { f.commit(map[string]string{"a.py": "one = 1\n    " + leak + "two = 2\n"}) }, nil, Passed, ""},
		{"CRLF", func(f folder) { f.commit(map[string]string{"a.py": strings.ReplaceAll(base["a.py"], "\n", "\r\n")}) }, nil, Passed, ""},
		{"renamed", func(f folder) { f.commit(map[string]string{"a.py": "", "c.py": base["a.py"]}) }, nil, Passed, ""},
		{"to another file", func(f folder) { f.commit(map[string]string{"a.py": "one = 1\ntwo = 2\n", "b.py": "x = 1\n" + leak}) }, nil, Passed, ""},
		{"untouched line", func(f folder) { f.commit(map[string]string{"a.py": base["a.py"] + "three = 3\n"}) }, nil, Passed, ""},
		{"untouched line, all", func(f folder) { f.commit(map[string]string{"a.py": base["a.py"] + "three = 3\n"}) }, func(o *Options) { o.All = true }, Passed, "unchanged a.py:2"},
		{"fixed, all", func(f folder) { f.commit(map[string]string{"a.py": "one = 1\n"}) }, func(o *Options) { o.All = true }, Passed, "absent a.py:2"},
		{"only in the work tree", func(f folder) { f.write(map[string]string{"new.py": leak, "ignored.py": leak}) }, nil, Failed, "new new.py:1"},
		{"only in the work tree, head asked", func(f folder) { f.write(map[string]string{"new.py": leak}) }, func(o *Options) { o.Head = "HEAD" }, Passed, ""},
		{"milder than asked", func(f folder) { f.commit(map[string]string{"b.py": leak}) }, func(o *Options) { o.FailOn = "critical" }, Passed, "new b.py:1"},
		{"too large", func(f folder) { f.commit(map[string]string{"big.txt": strings.Repeat("text text\n", 11<<20/10)}) }, nil, Unfinished, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFolder(t, base)
			c.do(f)
			code, out, err := f.review(c.opts)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Findings []struct {
					State, Path, Commit string
					Line                int
				}
			}
			if err := json.Unmarshal([]byte(out), &got); err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, g := range got.Findings {
				found = append(found, g.State+" "+fmt.Sprintf("%s:%d", g.Path, g.Line))
			}
			if code != c.code || strings.Join(found, ", ") != c.want {
				t.Errorf("code %d, findings %v; want %d, %s\n%s", code, found, c.code, c.want, out)
			}
			if strings.Contains(out, "ghp_") {
				t.Error("the report holds the secret")
			}
		})
	}
}

func TestAddedAndRemoved(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"b.py": "x = 1\n"})
	f.commit(map[string]string{"b.py": leak})
	f.commit(map[string]string{"b.py": "x = 2\n"})
	for _, format := range []string{"json", "text", "sarif", "markdown"} {
		code, out, err := f.review(func(o *Options) { o.Format = format })
		if err != nil || code != Failed || !strings.Contains(out, "github-pat") {
			t.Errorf("%s: code %d, %v\n%s", format, code, err, out)
		}
		if strings.Contains(out, "ghp_") || strings.Contains(out, "\x1b") {
			t.Errorf("%s holds the secret or an escape code:\n%s", format, out)
		}
	}
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"b.py": "x = 1\n", ".secbydesign.yml": "version: 1\ngates: {secrets: {mode: loud}}\n"})
	for want, change := range map[string]func(*Options){
		"--format":             func(o *Options) { o.Format = "xml" },
		"--fail-on":            func(o *Options) { o.FailOn = "note" },
		"--base":               func(o *Options) { o.Base = "nowhere" },
		"--head":               func(o *Options) { o.Head = "nowhere" },
		".secbydesign.yml:2:2": nil,
	} {
		code, out, err := f.review(change)
		if code != Misused || err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%s: code %d, %v\n%s", want, code, err, out)
		}
	}
	if code, _, err := (folder{t, t.TempDir()}).review(nil); code != Misused || err == nil {
		t.Errorf("no repository: code %d, %v", code, err)
	}
	fresh := folder{t, t.TempDir()}
	fresh.git("init", "-q")
	if code, _, err := fresh.review(nil); code != Misused || err == nil || !strings.Contains(err.Error(), "no commit yet") || strings.Contains(err.Error(), "--base") {
		t.Errorf("no commit: code %d, %v", code, err)
	}
}

// TestWhoScannedIsSaid also where there is nothing new, and words in capitals are accepted.
func TestWhoScannedIsSaid(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"b.py": "x = 1\n"})
	f.write(map[string]string{"b.py": "x = 2\n", "Dockerfile": "FROM debian:12.1\nUSER 1\n"})
	var said []string
	var mu sync.Mutex
	code, out, err := f.review(func(o *Options) {
		o.Format, o.FailOn = "TEXT", "HIGH"
		o.Progress = func(text string) { mu.Lock(); defer mu.Unlock(); said = append(said, text) }
	})
	if err != nil || code != Passed || !strings.Contains(out, "Scanned by gitleaks, dockerfile, design.\n\nNo new findings\n") {
		t.Errorf("code %d, %v\n%s", code, err, out)
	}
	if len(said) < 3 || said[len(said)-1] != "" || !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "Scanning, ") && strings.Contains(s, "waiting for ") }) {
		t.Errorf("the progress is %q", said)
	}
}

// clone returns a clone of the folder, made with these options.
func (f folder) clone(options ...string) folder {
	f.t.Helper()
	to := f.t.TempDir()
	f.git(append(append([]string{"clone", "-q"}, options...), "file://"+f.dir, to)...)
	return folder{f.t, to}
}

// TestNothingToCompare: if the base that was found is of no use, the error names it.
func TestNothingToCompare(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"b.py": "x = 1\n"})
	f.git("commit", "-q", "--allow-empty", "-m", "commit")
	f.commit(map[string]string{"b.py": "x = 2\n"})
	f.git("checkout", "-q", "main")
	f.commit(map[string]string{"a.py": "x = 1\n"})
	other := f.clone()
	other.git("checkout", "-q", "change") // it is the default branch of clones of this one
	const tip = `"HEAD" is the default branch (origin/HEAD) itself`
	for name, c := range map[string]struct {
		of    folder
		clone []string
		do    func(folder)
		opts  func(*Options)
		code  int
		want  string
	}{
		"a shallow clone": {
			f, []string{"--depth=1", "--no-single-branch", "--branch=change"}, nil, nil,
			Misused, `the default branch (origin/HEAD) and "HEAD" have no common history in this shallow clone: git fetch --unshallow brings the rest`,
		},
		"unrelated": {
			f, nil, func(f folder) { f.git("checkout", "-q", "--orphan", "other"); f.commit(nil) }, nil,
			Misused, `the default branch (origin/HEAD) and "HEAD" have no common history: choose another --base`,
		},
		"a branch alone": {
			f, []string{"--depth=1", "--branch=change"}, nil, nil,
			Misused, "no default branch was found",
		},
		"a shallow clone of the default branch": {
			other, []string{"--depth=1"}, nil, nil,
			Misused, tip + ", and this shallow clone has no other history: fetch what to compare with, and name it with --base",
		},
		"a shallow clone of the default branch, and work": {
			other, []string{"--depth=1"}, func(f folder) { f.write(map[string]string{"c.py": leak}) }, nil,
			Failed, "new finding",
		},
		"a shallow clone of the default branch, on purpose": {
			other, []string{"--depth=1"}, nil, func(o *Options) { o.Base = "origin/change" },
			Passed, `Nothing is changed: "HEAD" is "origin/change" itself. Say with --base what to compare with.`,
		},
		"the default branch": {
			f, nil, nil, nil,
			Passed, "Nothing is changed: " + tip + ". Say with --base what to compare with.",
		},
		"behind it": {
			f, nil, nil, func(o *Options) { o.Head = "HEAD~1" },
			Passed, `Nothing is changed: the default branch (origin/HEAD) has "HEAD~1" already. Say with --base what to compare with.`,
		},
		"changed back": {
			f, nil, func(f folder) { f.git("commit", "-q", "--allow-empty", "-m", "commit") }, nil,
			Passed, "There is nothing to scan",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := folder{t, c.of.dir}.clone(c.clone...)
			if c.do != nil {
				c.do(at)
			}
			code, out, err := at.review(func(o *Options) {
				o.Format, o.Width = "text", 110
				if c.opts != nil {
					c.opts(o)
				}
			})
			if err != nil {
				out = err.Error()
			}
			if code != c.code || (err != nil) != (c.code == Misused) || !strings.Contains(strings.ReplaceAll(out, "\n", " "), c.want) {
				t.Errorf("code %d, want %d and %q:\n%s", code, c.code, c.want, out)
			}
			if err != nil || c.code == Failed {
				return
			}
			_, out, err = at.review(c.opts)
			if got := readReport(t, out); got.Verdict != "not run" || len(got.Notices) != 1 || !strings.Contains(got.Notices[0], c.want) || err != nil {
				t.Errorf("JSON: %v\n%s", err, out)
			}
		})
	}
}

// TestWhatIsStressedIsBold where there are colours, and has no asterisks anywhere.
func TestWhatIsStressedIsBold(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"b.py": "x = 1\n"})
	f.write(map[string]string{"leak.py": "token = \"ghp_" + strings.Repeat("aB3dE6gH9k", 4)[:36] + "\"\n"})
	for color, want := range map[bool]string{
		false: "How to fix it: Revoke it where it was issued, then",
		true:  "\x1b[1mHow to fix it: \x1b[0m\x1b[1mRevoke it where it was issued\x1b[0m, then",
	} {
		_, out, err := f.review(func(o *Options) { o.Format, o.Width, o.Color = "text", 110, color })
		if err != nil || !strings.Contains(out, want) || strings.Contains(out, "**") {
			t.Errorf("colours %v: %v\n%s", color, err, out)
		}
	}
}

// TestTheOrganisationsPolicy comes from a file, and holds beside that of the repository.
func TestTheOrganisationsPolicy(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"b.py": "x = 1\n", ".secbydesign.yml": "version: 1\ngates: {secrets: {mode: off}}\n"})
	f.write(map[string]string{"leak.py": "token = \"ghp_" + strings.Repeat("aB3dE6gH9k", 4)[:36] + "\"\n"})
	if code, out, err := f.review(nil); code != Passed || err != nil {
		t.Fatalf("without it: code %d, %v\n%s", code, err, out)
	}
	org := filepath.Join(t.TempDir(), "org.yml")
	for text, want := range map[string]int{
		"version: 1\nguardrails: {gates: {secrets: {at_least: comment}}}\n": Failed,
		"version: 1\n":           Passed,
		"version: 1\ngate: {}\n": Misused,
	} {
		if err := os.WriteFile(org, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, err := f.review(func(o *Options) { o.OrgPolicy = org })
		if code != want || (err != nil) != (want == Misused) {
			t.Errorf("%q: code %d, %v\n%s", text, code, err, out)
		}
	}
	if code, _, err := f.review(func(o *Options) { o.OrgPolicy = org + "x" }); code != Misused || err == nil {
		t.Errorf("no such file: code %d, %v", code, err)
	}
}

// TestAllInMarkdown lists what was there before, and does not say that it is not listed.
func TestAllInMarkdown(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"a.py": "one = 1\n" + leak, "b.py": "x = 1\n"})
	f.commit(map[string]string{"a.py": "one = 2\n" + leak})
	for all, want := range map[bool][]string{
		true:  {"\n### Already in the base\n\n- **High**", "at `a.py:2` · `gitleaks/github-pat` · `F-"},
		false: {"1 finding already in the base not listed"},
	} {
		code, out, err := f.review(func(o *Options) { o.Format, o.All = "markdown", all })
		for _, s := range want {
			if code != Passed || err != nil || !strings.Contains(out, s) || strings.Contains(out, "not listed") == all {
				t.Errorf("all %t, want %q: code %d, %v\n%s", all, s, code, err, out)
			}
		}
	}
}

// TestFixes: a fix is shown as a diff, and none of a secret or beside one.
func TestFixes(t *testing.T) {
	t.Parallel()
	f := newFolder(t, map[string]string{"compose.yaml": "services:\n  web:\n    image: nginx:1.27\n"})
	f.commit(map[string]string{"compose.yaml": "services:\n  web:\n    image: nginx:1.27\n    privileged: true\n", "a.py": leak})
	const diff = "--- compose.yaml\n+++ compose.yaml\n@@ line 4 @@\n-    privileged: true\n"
	_, out, err := f.review(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Findings []struct {
			Path string
			Fix  *string
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatal(err)
	}
	fixes := map[string]*string{}
	for _, g := range got.Findings {
		fixes[g.Path] = g.Fix
	}
	if fix := fixes["compose.yaml"]; fix == nil || !strings.HasPrefix(*fix+"\n", diff) || fixes["a.py"] != nil || len(fixes) != 2 {
		t.Errorf("the fixes are not those wanted:\n%s", out)
	}
	_, out, err = f.review(func(o *Options) { o.Format = "text" })
	if err != nil {
		t.Fatal(err)
	}
	if want := "    " + strings.ReplaceAll(strings.TrimSpace(diff), "\n", "\n    ") + "\n"; !strings.Contains(out, want) || strings.Contains(out, "ghp_") {
		t.Errorf("the text is not the one wanted:\n%s", out)
	}
}
