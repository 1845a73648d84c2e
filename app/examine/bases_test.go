package examine

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// TestOtherBases compares a head with a merge base and with another commit of the base, for scanners of each scope.
func TestOtherBases(t *testing.T) {
	t.Parallel()
	const lines = "import one\nimport two\nimport three\nimport four\n"
	const f, g = "def f():\n  bad\n", "def g():\n  bad\n"
	for _, test := range []struct {
		name              string
		base, head, other files
		want              []string
		scans             int64 // of files; the other commit is scanned only where it may matter
	}{
		{"the same", files{"a.py": "x\n"}, files{"a.py": f}, files{"a.py": f}, []string{"unchanged a.py:2"}, 3},
		{"moved by lines above", files{"a.py": "x\n"}, files{"a.py": "y\n" + f}, files{"a.py": "x\n" + f}, []string{"unchanged a.py:3"}, 3},
		{"another block", files{"a.py": "x\n"}, files{"a.py": f}, files{"a.py": g}, []string{"new a.py:2"}, 3},
		{"another resource", files{"a.tf": "# x\n"}, files{"a.tf": "resource \"a\" \"b\" {\n  x = 1\n  y = bad\n}\n"}, files{"a.tf": "resource \"a\" \"c\" {\n  x = 1\n  y = bad\n}\n"}, []string{"new a.tf:3"}, 3},
		{"one of two", files{"a.py": "x\n"}, files{"a.py": f + g}, files{"a.py": g}, []string{"new a.py:2", "unchanged a.py:4"}, 3},
		{"a copy here, one more line there", files{"a.py": f}, files{"a.py": f + "  bad\n"}, files{"a.py": f + "  y\n"}, []string{"unchanged a.py:2", "new a.py:3"}, 3},
		{"a copy here and there", files{"a.py": f}, files{"a.py": f + "  bad\n"}, files{"a.py": f + "  z\n  bad\n"}, []string{"unchanged a.py:2", "unchanged a.py:3"}, 3},
		{"another file", files{"a.py": "x\n", "b.py": "x\n"}, files{"a.py": f, "b.py": "x\n"}, files{"a.py": "x\n", "b.py": f}, []string{"new a.py:2"}, 2},
		{"as at the merge base", files{"a.py": "x\n"}, files{"a.py": f}, files{"a.py": "x\n", "b.py": "y\n"}, []string{"new a.py:2"}, 2},
		{"gone there", files{"a.py": "x\n"}, files{"a.py": f}, files{"b.py": f}, []string{"new a.py:2"}, 2},
		{"renamed here", files{"a.py": lines}, files{"b.py": lines + f}, files{"a.py": lines + f}, []string{"unchanged b.py:6"}, 3},
		{"new in both", files{"a.py": "x\n"}, files{"a.py": "x\n", "n.py": f}, files{"a.py": "x\n", "n.py": f + "y\n"}, []string{"unchanged n.py:2"}, 2},
		{"nothing new", files{"a.py": f}, files{"a.py": f + "y\n"}, files{"a.py": "y\n" + f}, []string{"unchanged a.py:2"}, 2},
	} {
		repo, commits := histories(t, []files{test.base, test.head, test.other})
		for _, scope := range []scanners.Scope{scanners.ScopeFile, scanners.ScopeTree, "together"} {
			s := newGrep("grep", "bad", scope)
			if scope == "together" {
				s.info.Scopes, s.info.CrossFile = []scanners.Scope{scanners.ScopeFile}, true
			}
			ex := examined(t, Examiner{Scanners: []scanners.Scanner{s}}, Change{Repo: repo, Base: commits[0], Head: commits[1], Bases: []string{commits[0], commits[2], commits[2]}}, policy.Default())
			var got []string
			for _, r := range ex.Runs[0].Results {
				if r.State != scanners.Absent {
					got = append(got, fmt.Sprintf("%s %s:%d", r.State, r.Path, r.Line))
				}
			}
			if !slices.Equal(got, test.want) || ex.Runs[0].Err != nil {
				t.Errorf("%s, %s: %q, %v; want %q", test.name, scope, got, ex.Runs[0].Err, test.want)
			}
			if n := s.scans.Load(); scope == scanners.ScopeFile && n != test.scans {
				t.Errorf("%s: %d scans, want %d", test.name, n, test.scans)
			}
		}
	}
}

// TestOtherBasesThatCannotBeScanned leave what is new as it is, and the run complete.
func TestOtherBasesThatCannotBeScanned(t *testing.T) {
	t.Parallel()
	repo, commits := histories(t, []files{{"a": "x\n"}, {"a": "bad\n"}, {"a": "bad\nbroken\n"}})
	s := newGrep("grep", "bad", scanners.ScopeFile)
	s.fail = func(target scanners.Target) error {
		if slices.ContainsFunc(target.Files, func(f scanners.File) bool { return len(f.Content) > 4 }) {
			return errors.New("broken")
		}
		return nil
	}
	for _, other := range []string{commits[2], "0123456789abcdef0123456789abcdef01234567"} {
		ex := examined(t, Examiner{Scanners: []scanners.Scanner{s}}, Change{Repo: repo, Base: commits[0], Head: commits[1], Bases: []string{other}}, policy.Default())
		if r := ex.Runs[0]; r.Err != nil || len(r.Results) != 1 || r.Results[0].State != scanners.New {
			t.Errorf("%s: %+v", other, r)
		}
	}
}
