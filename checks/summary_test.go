package checks

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// TestSummaryGolden plays pull requests whose threads Reconcile opens and closes, and compares the
// summary after each push.
func TestSummaryGolden(t *testing.T) {
	t.Parallel()
	all := inputs(t)
	var many []Finding
	for i := range 60 {
		many = append(many, finding("a.py", 1+i%5, scanners.Severity(4-i/12), scanners.New))
		many[i].Fingerprint = fingerprint("many", i+1)
	}
	sixty, five := all["findings"], all["findings"]
	sixty.Gates, five.Gates = gate(many...), gate(many[:5]...)
	quiet, code, quietCode := all["findings"], inputs(t)["findings"], all["findings"]
	quiet.Gates, code.Gates, quietCode.Gates = gate(), inCode(code.Gates), inCode(gate())
	for name, pushes := range map[string][]Input{
		"clean-from-the-start": {all["clean"], all["incomplete-no"], all["not-run"]},
		"opened":               {all["findings"]},
		"fixed-code":           {code, quietCode},
		"fixed":                {all["findings"], quiet},
		"fixed-one":            {all["blocking"], all["draft"]},
		"sixty":                {sixty, five, quiet},
		"incomplete":           {all["incomplete"], all["incomplete-no"]},
		"switched-off":         {all["findings"], all["not-run"]},
		"hostile":              {all["hostile"]},
		"history":              {all["history"]},
	} {
		var b strings.Builder
		var p page
		var notes []Sticky
		for i, in := range pushes {
			in.Threads = map[string]bool{}
			for _, th := range p.threads {
				in.Threads[th.Fingerprint] = in.Threads[th.Fingerprint] || th.Open()
			}
			rep := Compose(in)
			p.apply(Reconcile(rep, p.threads, in.Head), everything)
			plan := ReconcileSticky(Summary, rep.SummaryText(p.threads, nil, len(notes) > 0), notes)
			switch {
			case plan.Create != "":
				notes = append(notes, Sticky{ID: 1, Name: StickyName(plan.Create), Body: plan.Create})
			case plan.Body != "":
				notes[0].Body = plan.Body
			}
			fmt.Fprintf(&b, "=== after push %d\n", i+1)
			for _, n := range notes {
				b.WriteString(n.Body + "\n")
			}
			if again := ReconcileSticky(Summary, rep.SummaryText(p.threads, nil, len(notes) > 0), notes); !again.Empty() {
				t.Errorf("%s, push %d: a second run writes again: %+v", name, i+1, again)
			}
		}
		golden(t, filepath.Join("testdata", "note", name+".md"), b.String())
	}
}

// TestSummaryListsWhatHasNoThread checks that each open finding is either in a thread or in the list.
func TestSummaryListsWhatHasNoThread(t *testing.T) {
	t.Parallel()
	var many []Finding
	for i := range 60 {
		f := finding("a.py", 1+i%5, scanners.Severity(i%5), scanners.New)
		f.Fingerprint = fingerprint("f", i+1)
		many = append(many, f)
	}
	in := Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py"), Gates: gate(many...), Limit: 10}
	rep := Compose(in)
	if len(rep.Comments) != 10 {
		t.Fatalf("%d comments, want 10", len(rep.Comments))
	}
	unplaced := map[string]bool{rep.Comments[3].Fingerprint: true}
	note := rep.SummaryText(nil, unplaced, false)
	var threads []string
	for _, c := range rep.Comments {
		threads = append(threads, c.Fingerprint)
	}
	worst := 0
	for _, f := range many {
		listed, hasThread := strings.Contains(note, "`"+f.ID()+"`\n"), slices.Contains(threads, f.Fingerprint) && !unplaced[f.Fingerprint]
		if listed == hasThread {
			t.Errorf("%s: listed %v, thread %v", f.ID(), listed, hasThread)
		}
		if hasThread && f.Severity == scanners.Critical {
			worst++
		}
	}
	if worst != 9 {
		t.Errorf("%d of the threads are critical, want all 9 that found a place", worst)
	}
	if !strings.Contains(note, "<summary>41 more</summary>") {
		t.Errorf("the rest is not in a fold:\n%s", note)
	}
}
