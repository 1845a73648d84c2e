package examine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// A guard is a scanner that reports whether a file is locked.
type guard struct{ scans *atomic.Int64 }

func (guard) Info() scanners.Info {
	return scanners.Info{Name: "guard", Gate: scanners.Infrastructure, Scopes: []scanners.Scope{scanners.ScopeFile, scanners.ScopeRange}}
}

func (guard) Version(context.Context) (string, error) { return "1", nil }

func (g guard) Scan(_ context.Context, t scanners.Target) (found []scanners.Finding, err error) {
	g.scans.Add(1)
	for _, f := range t.Files {
		one := scanners.Finding{Rule: "lock", Severity: scanners.High, Path: f.Path, Line: 1, EndLine: 1, Title: "No lock", Message: "It is not locked any more.", Help: "Lock it.", Identity: "door", Commit: f.Commit}
		switch text := string(f.Content); {
		case strings.Contains(text, "locked: false"):
		case strings.Contains(text, "locked"):
			one.Protection = scanners.Kept
		default:
			one.Protection = scanners.Missing
		}
		found = append(found, one)
	}
	return found, nil
}

// TestOnlyARemovedProtectionLeaves examines changes with and without stored results. The history, the policy and the
// report see ordinary findings alone.
func TestOnlyARemovedProtectionLeaves(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	stored := map[string][]byte{}
	scans := new(atomic.Int64)
	e := Examiner{
		Scanners: []scanners.Scanner{guard{scans}},
		Known: func(_ context.Context, keys []string) (map[string][]byte, error) {
			mu.Lock()
			defer mu.Unlock()
			have := map[string][]byte{}
			for _, k := range keys {
				if row, ok := stored[k]; ok {
					have[k] = row
				}
			}
			return have, nil
		},
		Keep: func(_ context.Context, found map[string][]byte) error {
			mu.Lock()
			defer mu.Unlock()
			for k, row := range found {
				stored[k] = row
			}
			return nil
		},
	}
	const on, off, none = "door:\n  locked: true\n  color: red\n", "door:\n  locked: false\n  color: red\n", "door:\n  color: red\n"
	repo, commits := histories(t, []files{{"a.yml": on}, {"a.yml": none}, {"a.yml": off}, {"a.yml": on + "# more\n"}, {"b.yml": none}, {"a.yml": on, "c.yml": none}})
	var before int64
	for round := range 2 {
		before = scans.Load() * int64(round)
		for _, test := range []struct {
			name       string
			base, head string
			between    []string
			want       []string
		}{
			{"removed", commits[0], commits[1], nil, []string{"new a.yml"}},
			{"turned off", commits[0], commits[2], nil, []string{"new a.yml"}},
			{"put back", commits[0], commits[3], commits[1:2], nil},
			{"kept", commits[0], commits[3], nil, nil},
			{"put in", commits[1], commits[0], nil, nil},
			{"turned on", commits[2], commits[0], nil, []string{"absent a.yml"}},
			{"another file without", commits[0], commits[5], nil, nil},
		} {
			ex := examined(t, e, Change{Repo: repo, Base: test.base, Head: test.head, Commits: test.between}, policy.Default())
			var got []string
			for _, r := range ex.Runs[0].Results {
				got = append(got, fmt.Sprint(r.State, " ", r.Path))
				if r.Protection != scanners.Problem {
					t.Errorf("%s: %+v left", test.name, r)
				}
			}
			if !slices.Equal(got, test.want) || ex.Runs[0].Err != nil {
				t.Errorf("%s: %q, %v; want %q", test.name, got, ex.Runs[0].Err, test.want)
			}
		}
	}
	if n := scans.Load(); n != before {
		t.Errorf("%d scans, and %d before: stored results were not used", n, before)
	}
}
