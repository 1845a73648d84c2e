package policy

import (
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/scanners"
)

// TestTheNoiseMeterStaysWithinTheGuardrails has random policies and findings, and every state of the meter: the mode is
// never louder than without the meter, never milder than a guardrail, and the same for a pinned rule.
func TestTheNoiseMeterStaysWithinTheGuardrails(t *testing.T) {
	t.Parallel()
	c := newChooser(5)
	quieter, held, pinned := 0, 0, 0
	for n := range 5_000 {
		org, _ := c.layer(t, true)
		repo, doc := c.layer(t, n%3 == 0)
		p := Merge(org, repo)
		for _, glob := range Merge(org, Layer{}).Pin {
			if !slices.Contains(p.Pin, glob) {
				t.Fatalf("pair %d: the repository removed the organisation's pin %s", n, glob)
			}
		}
		for range 5 {
			gate, sev, path := pick(c, scanners.Gates()), scanners.Severity(c.IntN(5)), pick(c, somePaths)
			scanner, rule := pick(c, knownScanners), pick(c, []string{"aws", "G404", "G401", "GHSA-1"})
			before := p.Mode(gate, scanner, rule, sev, path)
			floor, _ := p.floor(gate, scanner, rule, sev)
			for most := Off; most <= Block; most++ {
				got := p.AtMost(most, gate, scanner, rule, sev, path)
				wrong := ""
				switch {
				case got > before:
					wrong = "it is louder than the policy"
				case got < min(before, floor):
					wrong = "it is milder than the guardrail"
				case p.Pinned(scanner, rule) && got != before:
					wrong = "it is pinned, and not what the policy says"
				case !p.Pinned(scanner, rule) && got > max(most, floor):
					wrong = "the meter has no effect"
				}
				if wrong != "" {
					t.Fatalf("pair %d: %s/%s is %v, at most %v, floor %v, and becomes %v: %s\n%s\n%s", n, scanner, rule, before, most, floor, got, wrong, p.Explain(), quoted(doc))
				}
				switch {
				case got < before:
					quieter++
				case before > most && p.Pinned(scanner, rule):
					pinned++
				case before > most:
					held++
				}
			}
		}
	}
	if quieter < 1000 || held < 1000 || pinned < 1000 {
		t.Errorf("only %d are quieter, %d held by a guardrail, %d pinned", quieter, held, pinned)
	}
	t.Logf("%d quieter, %d held by a guardrail, %d pinned", quieter, held, pinned)
}

func TestPins(t *testing.T) {
	t.Parallel()
	const org, repo = "version: 1\nnoise: {pin: [gosec/G404]}\nguardrails: {noise: {pin: [\"gitleaks/*\"]}}\n", "version: 1\nnoise: {pin: [\"semgrep/**\"]}\nguardrails: {noise: {pin: [osv/x]}}\n"
	p := merged(t, org, repo)
	for rule, want := range map[[2]string]bool{
		{"gitleaks", "aws"}: true, {"gosec", "G404"}: true, {"gosec", "G401"}: false, {"semgrep", "python.lang.x"}: true,
		{"osv", "x"}: false, // guardrails count only in the organisation's file
	} {
		if got := p.Pinned(rule[0], rule[1]); got != want {
			t.Errorf("%s/%s is pinned: %v, want %v", rule[0], rule[1], got, want)
		}
	}
	if got := p.AtMost(Observe, scanners.Code, "gosec", "G401", scanners.High, "a.go"); got != Observe {
		t.Errorf("a rule that is not pinned is %v", got)
	}
}
