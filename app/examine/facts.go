package examine

import (
	"context"
	"slices"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// Facts are the statements about the architecture in the changed files, see [scanners.Fact]. They are no results: no
// gate counts them. They are compared by package app/requirements.
type Facts struct {
	Run        scanners.Run       // how the scanner ended, without results; zero if the policy switches it off
	Head, Base []scanners.Finding // in the changed files of each side
	Origins    map[string]string  // the path at the base of each file that has another path at the head
	Unread     []string           // files that could not be read at one side; a folder ends in a slash
}

// Removed returns the first line at the head where the change removes lines of a file, and 0 if it removes none: the
// line that now follows them, or the last line. A file that is gone has the line 1, under its path at the base.
func (ex Examination) Removed(path string) int {
	f, ok := ex.Patch.File(path)
	if !ok {
		return 0
	}
	if f.NewPath == "" {
		return 1
	}
	for _, h := range f.Hunks {
		if len(h.Removed) == 0 {
			continue
		}
		line, added := h.NewStart, 0
		unchanged := h.Removed[0] - h.OldStart // lines before the first removed one
		for ; unchanged > 0; line++ {
			if added < len(h.Added) && h.Added[added] == line {
				added++
				continue
			}
			unchanged--
		}
		return max(1, min(line, h.NewStart+h.NewLines-1))
	}
	return 0
}

// facts runs the scanner of facts over both sides.
func (e *Examiner) facts(ctx context.Context, sc scanners.Scanner, s *source, p policy.Policy) Facts {
	if c, ok := sc.(scanners.Controlled); ok && len(p.Controls) > 0 {
		sc = c.WithControls(p.Controls)
	}
	out := Facts{Origins: s.renames}
	var failed []error
	out.Run = e.frame(ctx, sc, s, p, func(ctx context.Context, look *scan, _ *scanners.Run) []error {
		var atBase []error
		out.Head, failed = look.side(ctx, s.change.Head, s.head.files)
		out.Base, atBase = look.side(ctx, s.change.Base, s.base.files)
		failed = append(failed, atBase...)
		return slices.Concat(failed, s.gaps(look.info, p))
	})
	for _, err := range failed {
		out.Unread = append(out.Unread, scanners.Unread(err)...)
	}
	for _, f := range s.large {
		out.Unread = append(out.Unread, f.path)
	}
	out.Unread = append(out.Unread, s.largeBase...)
	return out
}
