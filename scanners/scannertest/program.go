package scannertest

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
	"github.com/secbydesign/secbydesign/scanners/internal/tool"
)

// Root replaces the path of the tree's folder in recorded output.
const Root = "/tree"

// runProgram checks every case with its recorded output and, if the program is installed, by
// running it.
func runProgram(t *testing.T, s *tool.Scanner, testdata string, cases []string) {
	t.Helper()
	real := installed(t, s, testdata)
	for _, name := range cases {
		dir := filepath.Join(testdata, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if real == "" {
				runReal(t, s, dir)
			}
			runRecorded(t, s, dir)
		})
	}
	t.Run("program", func(t *testing.T) {
		if real != "" {
			t.Skip("only recorded output was read: " + real)
		}
	})
}

// installed returns the reason why the program itself is not run, or "".
func installed(t *testing.T, s *tool.Scanner, testdata string) (why string) {
	t.Helper()
	program := s.Info().Program
	required := slices.Contains(strings.Split(os.Getenv("SECBYDESIGN_REQUIRE_PROGRAMS"), ","), program)
	version, err := s.Version(context.Background())
	var missing *scanners.MissingError
	switch {
	case err != nil && (required || !errors.As(err, &missing)):
		t.Fatalf("%s is not ready: %v", program, err)
	case err != nil && recording(s):
		t.Fatalf("%s cannot be recorded: %v", program, err)
	case err != nil:
		return err.Error()
	}
	file := filepath.Join(testdata, "version")
	if recording(s) {
		if err := os.WriteFile(file, []byte(version+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	recorded, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(recorded)); want != version && !required {
		return program + " " + version + " is installed, and the output is that of " + want
	}
	return ""
}

// recording reports whether the program of s is to be recorded.
func recording(s *tool.Scanner) bool { return *record == s.Info().Name }

// runRecorded checks a case with its recorded output.
func runRecorded(t *testing.T, s *tool.Scanner, dir string) {
	t.Helper()
	head, planted := tree(t, dir, "files", "head")
	base, _ := tree(t, dir, "base")
	if len(head) == 0 {
		t.Fatal("no files")
	}
	read := func(files []scanners.File, name string) ([]scanners.Finding, error) {
		if len(files) == 0 {
			return nil, nil
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatalf("%v; -record %s writes it", err, s.Info().Name)
		}
		stderr, err := os.ReadFile(filepath.Join(dir, name+".stderr"))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		expanded, _ := Expand(string(text))
		out := tool.Output{Text: []byte(expanded), Stderr: stderr, Tree: Root}
		if second, err := os.ReadFile(filepath.Join(dir, name+".again")); err == nil {
			expanded, _ := Expand(string(second))
			out.Again = &tool.Output{Text: []byte(expanded), Tree: Root}
		}
		found, err := s.Read(out, target(t, s, files))
		again, _ := s.Read(out, target(t, s, files))
		if !reflect.DeepEqual(found, again) {
			t.Errorf("the same output is read in two ways:\n%+v\n%+v", found, again)
		}
		return found, err
	}
	found, err := read(head, "output")
	before, baseErr := read(base, "output.base")
	if baseErr != nil {
		t.Fatalf("the base: %v", baseErr)
	}
	compareWant(t, filepath.Join(dir, "want"), report(without(found, before), err))
	checkFindings(t, head, planted, found)
	checkDamaged(t, s, dir, head, len(found))
}

// checkDamaged checks that the parser notices damage in the recorded output.
func checkDamaged(t *testing.T, s *tool.Scanner, dir string, files []scanners.File, findings int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	expanded, _ := Expand(string(text))
	line := silentAt(expanded, findings, func(damaged string) (int, error) {
		found, err := s.Read(tool.Output{Text: []byte(damaged), Tree: Root}, target(t, s, files))
		return len(found), err
	})
	if line > 0 {
		t.Errorf("if line %d of the output is damaged, the parser skips it in silence: there is no error, and fewer findings", line)
	}
}

// silentAt damages an output, one line after another, and returns the number of the first line whose loss read, which
// returns the number of findings, does not report; 0 if there is none. A parser that skips what it cannot read has a
// review call the change clean.
func silentAt(output string, findings int, read func(string) (int, error)) int {
	lines := strings.SplitAfter(output, "\n")
	for i := range lines {
		if i >= damages && i < len(lines)-damages || strings.TrimSpace(lines[i]) == "" {
			continue // outputs are long, and their parts alike
		}
		damaged := slices.Clone(lines)
		damaged[i] = "\"<{ \x00 not what it prints\n"
		if n, err := read(strings.Join(damaged, "")); err == nil && n < findings {
			return i + 1
		}
	}
	return 0
}

// damages is how many lines are damaged at the beginning and at the end of an output.
const damages = 25

// runReal checks a case by running the program. With -record it writes the output.
func runReal(t *testing.T, s *tool.Scanner, dir string) {
	t.Helper()
	head, planted := tree(t, dir, "files", "head")
	base, _ := tree(t, dir, "base")
	record := func(files []scanners.File, name string) ([]scanners.Finding, error) {
		if len(files) == 0 {
			return nil, nil
		}
		found, out, err := s.Record(context.Background(), target(t, s, files))
		if recording(s) && out.Tree != "" { // it succeeded
			// Some programs leave out the first slash of a path.
			names := strings.NewReplacer(out.Tree, Root, out.Tree[1:], Root[1:], here(t), "/here")
			if err := os.WriteFile(filepath.Join(dir, name), []byte(names.Replace(string(out.Text))), 0o644); err != nil {
				t.Fatal(err)
			}
			if out.Again != nil {
				if err := os.WriteFile(filepath.Join(dir, name+".again"), []byte(names.Replace(string(out.Again.Text))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, name+".stderr")); err == nil {
				if err := os.WriteFile(filepath.Join(dir, name+".stderr"), []byte(names.Replace(string(out.Stderr))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		return found, err
	}
	found, err := record(head, "output")
	before, baseErr := record(base, "output.base")
	if baseErr != nil {
		t.Fatalf("the base: %v", baseErr)
	}
	compareWant(t, filepath.Join(dir, "want"), report(without(found, before), err))
	checkFindings(t, head, planted, found)
}

// here returns the folder of the test. Some programs print the path of their rules, which is in it.
func here(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// target returns the files as the scanner needs them: in memory, or as a folder that is removed
// after the test.
func target(t *testing.T, s scanners.Scanner, files []scanners.File) scanners.Target {
	t.Helper()
	if s.Info().Has(scanners.ScopeFile) {
		return scanners.Target{Scope: scanners.ScopeFile, Files: files}
	}
	dir := t.TempDir()
	for _, f := range files {
		name := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return scanners.Target{Scope: scanners.ScopeTree, Dir: dir, Files: files}
}
