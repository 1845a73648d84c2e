package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// A Quiet says that a new finding should only be observed. The zero value says nothing.
type Quiet struct {
	Kind   string // see [checks.Finding.Quiet]; empty for the zero value
	Silent bool   // the check counts it, and does not say where it is
	Why    string // plain sentences, the same for all findings of one cause
}

// quieted are the findings that a [Case.Quiet] is about.
type quieted struct {
	of  map[string]Quiet // by fingerprint
	why []string         // the reasons, in their order
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
	if !slices.Contains(q.why, one.Why) {
		q.why = append(q.why, one.Why)
	}
	q.of[r.Fingerprint] = one
	return c.Policy.AtMost(policy.Observe, gate, r.Scanner, r.Rule, r.Severity, r.Path), nil
}

// lines describes the findings that are quieter than the policy says, as Markdown, a line for each reason.
func (q quieted) lines(gates []checks.Gate) (lines []string) {
	const most = 5 // findings of one line
	for _, why := range q.why {
		var places []string
		silent := 0
		for _, g := range gates {
			for _, f := range g.Findings {
				switch one := q.of[f.Fingerprint]; {
				case one.Why != why || f.State != scanners.New || f.Comment || f.Decided != nil:
				case one.Silent:
					silent++
				default:
					places = append(places, fmt.Sprintf("%s at %s", checks.Code(f.ID()), checks.Code(spot(f.Result))))
				}
			}
		}
		var parts []string
		if len(places) > 0 {
			parts = append(parts, "Without a comment: "+scanners.Some(places, most)+".")
		}
		if silent > 0 {
			parts = append(parts, fmt.Sprintf("Only counted here: %d.", silent))
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
