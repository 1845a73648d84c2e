// Package strictyamltest tests readers of files with package strictyaml.
package strictyamltest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/secbydesign/secbydesign/app/strictyaml"
)

// Golden runs f on each YAML file of a folder and compares the result with the file .want beside it, or writes that
// file.
func Golden(t *testing.T, dir string, update bool, f func(t *testing.T, b []byte) string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	for _, file := range files {
		base := strings.TrimSuffix(file, ".yml")
		t.Run(filepath.Base(base), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := f(t, b)
			if update {
				if err := os.WriteFile(base+".want", []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(base + ".want")
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// CheckProblems checks the properties that every list of problems must have.
func CheckProblems(t *testing.T, b []byte, err error) {
	t.Helper()
	var ps strictyaml.Problems
	if !errors.As(err, &ps) || len(ps) == 0 || len(ps) > 100 {
		t.Fatalf("the error is %T %v", err, err)
	}
	lines := strings.Split(strings.ReplaceAll(strings.TrimPrefix(string(b), "\ufeff"), "\r\n", "\n"), "\n")
	for i, p := range ps {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > utf8.RuneCountInString(lines[p.Line-1])+1 {
			t.Errorf("%s: not a place in the file", p)
		}
		if p.Message == "" || len(p.Message) > 500 || !utf8.ValidString(p.Message) {
			t.Errorf("%s: not a message", p)
		}
		for _, c := range p.Message {
			if !unicode.IsPrint(c) {
				t.Errorf("%s: the message has U+%04X", p, c)
			}
		}
		if i > 0 && (p.Line < ps[i-1].Line || p.Line == ps[i-1].Line && p.Column < ps[i-1].Column) {
			t.Errorf("%s comes after %s", p, ps[i-1])
		}
	}
}
