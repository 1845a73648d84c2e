package baseline

import (
	"slices"

	"github.com/secbydesign/secbydesign/scanners"
)

// Same reports whether two scanners found one problem: in the same state, on lines of one file that overlap, and under
// a name that both know: that of an advisory or a weakness. Two results of one scanner are never the same: it has its
// reasons to report both.
func Same(a, b scanners.Result) bool {
	if a.Scanner == b.Scanner || a.State != b.State || a.Path != b.Path || a.Commit != b.Commit {
		return false
	}
	apart := a.Line > max(b.Line, b.EndLine) || b.Line > max(a.Line, a.EndLine)
	// An advisory concerns a package, and scanners differ in the line of a lockfile that they
	// name for it, or name none.
	if len(a.Aliases) > 0 && len(b.Aliases) > 0 {
		shared := slices.ContainsFunc(a.Aliases, func(id string) bool { return slices.Contains(b.Aliases, id) })
		return shared && (!apart || a.Line == 0 || b.Line == 0)
	}
	return a.CWE != "" && a.CWE == b.CWE && a.Line > 0 && b.Line > 0 && !apart
}
