package confined

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/catalog"
	"github.com/secbydesign/secbydesign/scanners/custom"
	"github.com/secbydesign/secbydesign/scanners/formats"
	"github.com/secbydesign/secbydesign/scanners/programtest"
)

// TestPrograms: the output of a program is read in the pool, with the files and the folder that it was about, and the
// findings are those of a run whose output is read here.
func TestPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "shout")
	script := "#!/bin/sh\n" +
		`for f in $(find . -name '*.txt' | sort); do printf '{"message":"Loud.","location":{"path":"%s","range":{"start":{"line":2}}},"severity":"ERROR","code":{"value":"loud"}}\n' "$f"; done` + "\n"
	programtest.Write(t, program, script)
	o := catalog.Options{Custom: []custom.Definition{
		{Name: "each", Gate: scanners.Code, Command: []string{program}, Format: formats.RDJSONL, Scope: scanners.ScopeFile, Files: []string{"**/*.txt"}},
		{Name: "whole", Gate: scanners.Code, Command: []string{program}, Format: formats.RDJSONL, Scope: scanners.ScopeTree, Files: []string{"**/*.txt"}},
	}}
	ends := &watched{}
	w := New(Options{Tools: catalog.NewTools("auto"), Max: 2, Build: testBuild, Observe: func(why string) { ends.why = append(ends.why, why) }})
	t.Cleanup(w.Close)
	there, err := w.Scanners(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx := For(t.Context(), "1")
	here := catalog.All(o)
	for i, s := range here {
		name := s.Info().Name
		if name != "each" && name != "whole" {
			continue
		}
		target := scanners.Target{Scope: scanners.ScopeFile, Files: []scanners.File{{Path: "a/b.txt", Content: []byte("one\ntwo\n")}}}
		if name == "whole" {
			target.Scope, target.Dir = scanners.ScopeTree, t.TempDir()
			target.Files[0].Content = nil
			for path, content := range map[string]string{"a/b.txt": "one\ntwo\n", "other.txt": "one\nlast\n"} {
				file := filepath.Join(target.Dir, path)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}
		want, err := s.Scan(ctx, target)
		if err != nil || len(want) == 0 || want[0].Identity != "two" {
			t.Fatalf("%s here: %+v %v", name, want, err)
		}
		got, err := there[i].Scan(ctx, target)
		if err != nil || encoded(got) != encoded(want) {
			t.Errorf("%s: got %+v %v\nwant %+v", name, got, err, want)
		}
		if name == "whole" {
			if _, err := os.Stat(filepath.Join(target.Dir, "other.txt")); err != nil {
				t.Errorf("the tree is not where it was: %v", err)
			}
		}
	}
}

// TestGosec: what gosec needs to know about the tree before it starts is read in the pool, too. One run, since gosec
// compiles what the tree imports.
func TestGosec(t *testing.T) {
	t.Parallel()
	required := slices.Contains(strings.Split(os.Getenv("SECBYDESIGN_REQUIRE_PROGRAMS"), ","), "gosec")
	for _, name := range []string{"gosec", "go"} {
		switch _, err := exec.LookPath(name); {
		case err != nil && required:
			t.Fatalf("SECBYDESIGN_REQUIRE_PROGRAMS names gosec, and %s is not installed", name)
		case err != nil:
			t.Skip(name + " is not installed")
		}
	}
	w := New(Options{Tools: catalog.NewTools("auto"), Max: 1, Build: testBuild})
	t.Cleanup(w.Close)
	there, err := w.Scanners(catalog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(there, func(s scanners.Scanner) bool { return s.Info().Name == "gosec" })
	if i < 0 {
		t.Fatal("there is no scanner gosec")
	}
	target := scanners.Target{Scope: scanners.ScopeTree, Dir: t.TempDir(), Files: []scanners.File{{Path: "main.go"}}}
	for name, content := range map[string]string{
		"go.mod": "module m\n\ngo 1.24\n", "main.go": "package main\n\nimport \"crypto/md5\"\n\nfunc main() { println(md5.New()) }\n",
	} {
		if err := os.WriteFile(filepath.Join(target.Dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := there[i].Scan(For(t.Context(), "1"), target)
	weak := func(f scanners.Finding) bool { return f.Rule == "G401" && f.Path == "main.go" && f.Line == 5 }
	if err != nil || !slices.ContainsFunc(found, weak) {
		t.Errorf("%+v %v", found, err)
	}
}

// TestNamed: names that a process says are no options of a program, and stay in the tree.
func TestNamed(t *testing.T) {
	t.Parallel()
	got := named([]string{"./a", "--config=/etc/passwd", "/etc", "./a/../../etc", "./b/...", "..", "./x\x00"})
	if want := "./a ./b/..."; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
