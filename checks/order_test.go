package checks

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// TestWorstFirstEverywhere has findings whose severity runs against the order of the gates.
func TestWorstFirstEverywhere(t *testing.T) {
	t.Parallel()
	var gates []Gate
	var want []string
	at := func(gate scanners.Gate, scanner string, s scanners.Severity, state scanners.State) Finding {
		f := finding("a.py", 2, s, state)
		f.CWE = "CWE-79"
		if gate == scanners.Secrets {
			gate = scanners.Requirements // a secret of the base is listed apart
		}
		f.Gate, f.Scanner, f.Fingerprint = gate, scanner, fingerprint(scanner+string(state), 1+int(s))
		return f
	}
	order := scanners.Gates()
	for i, g := range order[:5] {
		scanner := "s" + fmt.Sprint(i)
		s := scanners.Severity(i)
		gates = append(gates, Gate{Name: g, Runs: []scanners.Run{{Scanner: scanner, Gate: g}}, Findings: []Finding{
			at(g, scanner, s, scanners.New), at(g, scanner, s, scanners.Absent), at(g, scanner, s, scanners.Unchanged),
		}})
		want = append(want, scanner)
	}
	slices.Reverse(want)
	blocking := at(order[0], "s0", scanners.Low, scanners.New)
	blocking.Block = true
	gates[0].Findings[0] = blocking
	fresh := slices.Concat([]string{"s0"}, want[:4])

	in := Input{Base: base40, Head: head40, Patch: mustPatch(t, "a.py"), Gates: gates, Limit: 3, Unchanged: true}
	rep := Compose(in)
	for section, want := range map[string][]string{"New": fresh, "Fixed by this change": want, "Already in the base": want} {
		_, text, _ := strings.Cut(rep.Check.Summary, "### "+section+"\n")
		text, _, _ = strings.Cut(text, "\n### ")
		if got := scannersIn(text); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", section, got, want)
		}
	}
	if got := scannersIn(rep.SummaryText(nil, nil, false)); !slices.Equal(got, fresh[3:]) {
		t.Errorf("the summary lists %q, want %q", got, fresh[3:])
	}
	var comments []string
	for _, c := range rep.Comments {
		comments = append(comments, c.Scanner)
	}
	if !slices.Equal(comments, fresh[:3]) {
		t.Errorf("comments of %q, want %q", comments, fresh[:3])
	}
	if all := rep.Findings(); !slices.IsSortedFunc(all, WorstFirst) || len(all) != 15 {
		t.Errorf("%d findings, sorted: %v", len(all), slices.IsSortedFunc(all, WorstFirst))
	}
}

// scannersIn returns the scanner that each item of a list names.
func scannersIn(list string) (names []string) {
	for line := range strings.Lines(list) {
		if _, rest, ok := strings.Cut(line, "· `s"); ok && strings.HasPrefix(line, "- ") {
			names = append(names, "s"+rest[:1])
		}
	}
	return names
}

// TestUnfinishedScannersAreNamedOnce: a change that cannot be read stops all scanners for one reason.
func TestUnfinishedScannersAreNamedOnce(t *testing.T) {
	t.Parallel()
	g := Gate{Name: scanners.Code, Findings: []Finding{finding("a.py", 2, scanners.High, scanners.New)}}
	for i := range 25 {
		g.Runs = append(g.Runs, scanners.Run{Scanner: fmt.Sprintf("s%02d", i), Gate: scanners.Code, Err: &scanners.IncompleteError{Reason: "The change could not be read."}})
	}
	g.Runs = append(g.Runs, scanners.Run{Scanner: "slow", Gate: scanners.Code, Err: &scanners.IncompleteError{Reason: "It ran out of time."}})
	rep := Compose(Input{Base: base40, Head: head40, Gates: []Gate{g}})
	for what, text := range map[string]string{"the check": rep.Check.Summary, "the summary": rep.SummaryText(nil, nil, true)} {
		if strings.Count(text, "The change could not be read.") != 1 || !strings.Contains(text, "s09 and 15 more") || !strings.Contains(text, "slow") {
			t.Errorf("%s says\n%s", what, text)
		}
	}
}
