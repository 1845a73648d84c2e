package patch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// edited makes the patch of a file in which every nth line is, in turn, replaced, removed or followed by a
// new one.
func edited(lines, nth int) string {
	var b strings.Builder
	b.WriteString("diff --git a/f b/f\n--- a/f\n+++ b/f\n")
	shift := 0
	for line, turn := nth, 0; line < lines; line, turn = line+nth, turn+1 {
		change, more := []string{"-x\n+y\n", "-x\n", " x\n+y\n"}[turn%3], []int{0, -1, 1}[turn%3]
		fmt.Fprintf(&b, "@@ -%d,3 +%d,%d @@\n x\n%s x\n", line, line+shift, 3+more, change)
		shift += more
	}
	return b.String()
}

// random makes a patch of hunks as git writes them, with or without context.
func random(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("diff --git a/f b/f\n--- a/f\n+++ b/f\n")
	old, now := 1, 1
	for range r.IntN(5) {
		gap := r.IntN(4)
		if r.IntN(2) == 0 {
			gap++
		}
		old, now = old+gap, now+gap
		var body strings.Builder
		oldLines, newLines := 0, 0
		for run := range 1 + r.IntN(4) {
			removed, added := r.IntN(4), r.IntN(4)
			if run == 0 && removed+added == 0 {
				added = 1
			}
			if run > 0 {
				body.WriteString(" z\n")
				oldLines, newLines = oldLines+1, newLines+1
			}
			body.WriteString(strings.Repeat("-x\n", removed) + strings.Repeat("+y\n", added))
			oldLines, newLines = oldLines+removed, newLines+added
		}
		from, to := old, now
		if oldLines == 0 {
			from--
		}
		if newLines == 0 {
			to--
		}
		fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@\n%s", from, oldLines, to, newLines, body.String())
		old, now = old+oldLines, now+newLines
	}
	return b.String()
}

// TestSearchesAgreeWithAWalk compares the answer to each question with that of a walk over every line.
func TestSearchesAgreeWithAWalk(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	seen := 0
	for range 3000 {
		raw := random(r)
		set, err := Parse([]byte(raw))
		if err != nil {
			t.Fatalf("%v\n%s", err, raw)
		}
		f, ok := set.File("f")
		if !ok {
			continue
		}
		var changed []int
		for _, h := range f.Hunks {
			changed = append(changed, h.Changed...)
			seen += len(h.Added)
		}
		for line := range 70 {
			old, was := f.Before(line + 1)
			wantOld, wantWas := beforeByWalk(f, line+1)
			if old != wantOld || was != wantWas {
				t.Fatalf("line %d was %d, %v, want %d, %v\n%s", line+1, old, was, wantOld, wantWas, raw)
			}
			end := line + r.IntN(20)
			if f.Adds(line) != addsByWalk(f, line) {
				t.Fatalf("adds %d: %v\n%s", line, f.Adds(line), raw)
			}
			adds := slices.ContainsFunc(f.Hunks, func(h Hunk) bool {
				return slices.ContainsFunc(h.Added, func(n int) bool { return n >= line && n <= end })
			})
			if f.AddsAny(line, end) != adds {
				t.Fatalf("adds one of %d to %d: %v\n%s", line, end, !adds, raw)
			}
			for _, side := range []Side{Left, Right} {
				from, to, ok := f.Clamp(side, line, end)
				wantFrom, wantTo, wantOK := clampByWalk(f, side, line, end)
				if ok != wantOK || ok && (from != wantFrom || to != wantTo) {
					t.Fatalf("%s %d to %d is %d to %d, %v, want %d to %d, %v\n%s", side, line, end, from, to, ok, wantFrom, wantTo, wantOK, raw)
				}
			}
			low := r.IntN(40)
			at, ok := f.nearest(line, low, low+end)
			if wantAt, wantOK := nearestByWalk(changed, line, low, low+end); ok != wantOK || ok && at != wantAt {
				t.Fatalf("nearest to %d in %d to %d is %d, %v, want %d, %v\n%s", line, low, low+end, at, ok, wantAt, wantOK, raw)
			}
		}
	}
	if seen < 1000 {
		t.Fatalf("only %d added lines", seen)
	}
}

func addsByWalk(f *File, line int) bool {
	return slices.ContainsFunc(f.Hunks, func(h Hunk) bool { return slices.Contains(h.Added, line) })
}

func clampByWalk(f *File, side Side, start, end int) (from, to int, ok bool) {
	for _, h := range f.Hunks {
		first, count := h.NewStart, h.NewLines
		if side == Left {
			first, count = h.OldStart, h.OldLines
		}
		from, to = max(start, first), min(end, first+count-1)
		if count > 0 && from <= to {
			return from, to, true
		}
	}
	return 0, 0, false
}

func nearestByWalk(sorted []int, line, from, to int) (at int, ok bool) {
	for _, n := range sorted {
		if n >= from && n <= to && (!ok || abs(n-line) < abs(at-line)) {
			at, ok = n, true
		}
	}
	return at, ok
}

func beforeByWalk(f *File, line int) (old int, ok bool) {
	at, old := 1, 1
	for _, h := range f.Hunks {
		start := h.NewStart
		if h.NewLines == 0 { // then it names the line before
			start++
		}
		if line < start {
			break
		}
		old += start - at
		at = start
		// Runs of removed and added lines between unchanged lines.
		added, removed := h.Added, h.Removed
		for end := start + h.NewLines; at < end || len(removed) > 0; {
			var gone, come int
			for gone < len(removed) && removed[gone] == old+gone {
				gone++
			}
			for come < len(added) && added[come] == at+come {
				come++
			}
			if line < at+come {
				return old + line - at, line-at < gone
			}
			added, removed = added[come:], removed[gone:]
			at, old = at+come, old+gone
			switch {
			case at < end:
				if line == at {
					return old, true
				}
				at, old = at+1, old+1
			case gone+come == 0: // no patch of git's
				return 0, false
			}
		}
	}
	return old + line - at, true
}

// BenchmarkLines asks the questions of a review about each line of a file with a change on every eighth. The
// time for a line stays the same however long the file is; with a walk over the hunks it would not.
func BenchmarkLines(b *testing.B) {
	for _, lines := range []int{25_000, 50_000, 100_000, 200_000} {
		set, err := Parse([]byte(edited(lines, 8)))
		if err != nil {
			b.Fatal(err)
		}
		f, _ := set.File("f")
		for _, c := range []struct {
			name string
			step int // only each so many lines are asked about
			ask  func(int)
		}{
			{"Adds", 1, func(line int) { f.Adds(line) }},
			{"Adds-walk", 50, func(line int) { addsByWalk(f, line) }},
			{"Shows", 1, func(line int) { f.Shows(Right, line) }},
			{"Shows-walk", 50, func(line int) { clampByWalk(f, Right, line, line) }},
			{"Before", 1, func(line int) { f.Before(line) }},
			{"Before-walk", 50, func(line int) { beforeByWalk(f, line) }},
			{"Cause", 1, func(line int) { f.Cause(line, nil) }},
		} {
			b.Run(fmt.Sprintf("%s/lines=%d", c.name, lines), func(b *testing.B) {
				for b.Loop() {
					for line := 1; line <= lines; line += c.step {
						c.ask(line)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lines/c.step), "ns/line")
			})
		}
	}
}

// TestTooManyLines leaves out a file with more lines than are read, and says which; the others stay.
func TestTooManyLines(t *testing.T) {
	t.Parallel()
	of := func(name string, lines int) string {
		return fmt.Sprintf("diff --git a/%[1]s b/%[1]s\nnew file mode 100644\n--- /dev/null\n+++ b/%[1]s\n@@ -0,0 +1,%[2]d @@\n", name, lines) + strings.Repeat("+\n", lines)
	}
	set, err := Parse([]byte(of("before", 2) + of("long", maxLines) + of("behind", 3)))
	var long *TooLongError
	if !errors.As(err, &long) || !slices.Equal(long.Headers, []string{"diff --git a/long b/long"}) {
		t.Errorf("%v", err)
	}
	for path, want := range map[string]bool{"before": true, "long": false, "behind": true} {
		if file, ok := set.File(path); ok != want || ok && !file.Adds(2) {
			t.Errorf("%s: %v", path, ok)
		}
	}
}

// BenchmarkParse reads a new file. The time for a line stays the same however long the file is.
func BenchmarkParse(b *testing.B) {
	for _, lines := range []int{25_000, 50_000, 100_000, 200_000, 400_000} {
		raw := []byte(edited(lines*4, 4))
		b.Run(fmt.Sprintf("lines=%d", lines), func(b *testing.B) {
			for b.Loop() {
				_, _ = Parse(raw)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(lines), "ns/line")
		})
	}
}
