package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Quiet says that a new finding should be quieter than the policy says. The zero value says nothing.
type Quiet struct {
	Kind string      // see [checks.Finding.Quiet]; empty for the zero value
	Most policy.Mode // its loudest mode: Observe, or Off for a finding that is only counted
	Why  string      // plain sentences, the same for all findings of one cause
}

// quieted are the findings that a [Case.Quiet] is about.
type quieted struct {
	of     map[string]Quiet // by fingerprint
	silent map[string]int   // how many are only counted, by the reason
	why    []string         // the reasons, in their order
}

// mode returns the mode of a finding, and records why it is quieter than the policy says. Where a guardrail keeps it
// from being quieter, it fails nothing, see [Case.enforced].
func (c Case) mode(gate scanners.Gate, version string, r scanners.Result, q *quieted) (policy.Mode, error) {
	mode := c.Policy.Mode(gate, r.Scanner, r.Rule, r.Severity, r.Path)
	if c.Quiet == nil || r.State != scanners.New || mode < policy.Comment || c.Policy.Pinned(r.Scanner, r.Rule) {
		return mode, nil
	}
	one, err := c.Quiet(version, r)
	if err != nil || one.Kind == "" {
		return mode, err
	}
	mode = c.Policy.AtMost(one.Most, gate, r.Scanner, r.Rule, r.Severity, r.Path)
	if !slices.Contains(q.why, one.Why) {
		q.why = append(q.why, one.Why)
	}
	q.of[r.Fingerprint] = one
	if mode == policy.Off {
		q.silent[one.Why]++
	}
	return mode, nil
}

// lines describes the findings that are quieter than the policy says, as Markdown, a line for each reason.
func (q quieted) lines(gates []checks.Gate) (lines []string) {
	const most = 5 // findings of one line
	for _, why := range q.why {
		var places []string
		for _, g := range gates {
			for _, f := range g.Findings {
				if one := q.of[f.Fingerprint]; one.Why == why && f.State == scanners.New && !f.Comment && f.Decided == nil {
					places = append(places, fmt.Sprintf("%s at %s", checks.Code(f.ID()), checks.Code(spot(f.Result))))
				}
			}
		}
		var parts []string
		if len(places) > 0 {
			parts = append(parts, "Without a comment: "+scanners.Some(places, most)+".")
		}
		if n := q.silent[why]; n > 0 {
			parts = append(parts, fmt.Sprintf("Only counted here: %d.", n))
		}
		if len(parts) > 0 {
			lines = append(lines, checks.Escape(why)+" "+strings.Join(parts, " "))
		}
	}
	if more := len(lines) - maxLines; more > 0 {
		lines = append(lines[:maxLines], fmt.Sprintf("%d more rules are quiet like these.", more))
	}
	return lines
}

func spot(r scanners.Result) string {
	if r.Line == 0 {
		return r.Path
	}
	return fmt.Sprintf("%s:%d", r.Path, r.Line)
}
