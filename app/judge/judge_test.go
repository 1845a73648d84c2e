package judge

import (
	"slices"
	"testing"

	"github.com/secbydesign/secbydesign/app/baseline"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/scanners"
)

// found returns a run with one problem.
func found(scanner, fingerprint string, severity scanners.Severity) scanners.Run {
	return scanners.Run{Scanner: scanner, Gate: scanners.Code, Results: []scanners.Result{{
		Finding: scanners.Finding{Rule: "r", Severity: severity, Path: "a.go", Line: 3, EndLine: 3, CWE: "CWE-89", Title: "T", Message: "M."},
		Scanner: scanner, Gate: scanners.Code, State: scanners.New, Fingerprint: fingerprint,
	}}}
}

// TestWhichOfTwoStays: of two findings of one problem the loudest stays, then the one that has a thread, then that of
// the first scanner.
func TestWhichOfTwoStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		known []baseline.Known
		loud  string // a scanner whose findings are shown, while those of the other are observed
		want  string
	}{
		"the first scanner":  {nil, "", "one"},
		"has a thread":       {[]baseline.Known{{Fingerprint: "two:1", Path: "a.go", Line: 3}}, "", "two"},
		"both have":          {[]baseline.Known{{Fingerprint: "two:1"}, {Fingerprint: "one:1"}}, "", "one"},
		"the louder":         {nil, "two", "two"},
		"louder than thread": {[]baseline.Known{{Fingerprint: "one:1"}}, "two", "two"},
	} {
		runs := []scanners.Run{found("one", "one:1", scanners.High), found("two", "two:1", scanners.High)}
		pol := policy.Default()
		if c.loud != "" {
			layer, err := policy.Parse("p.yml", []byte("version: 1\nrules: {\"one/r\": {mode: observe}}\n"))
			if err != nil {
				t.Fatal(err)
			}
			pol = policy.Merge(layer, policy.Layer{})
		}
		j, err := Apply(Case{Runs: runs, Policy: pol, Known: c.known})
		if err != nil {
			t.Fatal(err)
		}
		list := j.Gates[0].Findings
		if len(list) != 1 || list[0].Scanner != c.want || !slices.Equal(list[0].Also, []string{map[string]string{"one": "two/r", "two": "one/r"}[c.want]}) {
			t.Errorf("%s: %+v", name, list)
		}
	}
}
