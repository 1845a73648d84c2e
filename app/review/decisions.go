package review

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// step is the form of a [decision.Step] in the ledger, but for its kind and time.
type step struct {
	Decision *decision.Decision `json:"decision,omitempty"`
	ID       string             `json:"id,omitempty"`
	Who      string             `json:"who"`
	Why      string             `json:"why,omitempty"`
	Source   string             `json:"source"` // the comment or button that brought it
}

// decisions reads what was decided in a repository, the oldest first.
func (r *Reviewer) decisions(ctx context.Context, repo ledger.Repo) ([]decision.Decision, error) {
	var events []ledger.Event
	for _, kind := range []decision.StepKind{decision.Made, decision.Confirmed, decision.Ended} {
		list, err := r.Ledger.Events(ctx, ledger.Filter{RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, Kind: string(kind)})
		if err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		events = append(events, list...)
	}
	slices.SortFunc(events, func(a, b ledger.Event) int { return cmp.Compare(a.ID, b.ID) })
	var steps []decision.Step
	for _, e := range events {
		var s step
		if err := json.Unmarshal(e.Data, &s); err != nil {
			return nil, fmt.Errorf("read decision of event %d: %w", e.ID, err)
		}
		one := decision.Step{Kind: decision.StepKind(e.Kind), At: e.At, ID: s.ID, Who: s.Who, Why: s.Why}
		if s.Decision != nil {
			one.Decision = *s.Decision
		}
		steps = append(steps, one)
	}
	return decision.Fold(steps), nil
}

// decide gives the gates with what people decided of each finding.
func (r *Reviewer) decide(ctx context.Context, repo ledger.Repo, scope decision.Scope, gates []checks.Gate) ([]checks.Gate, error) {
	list, err := r.decisions(ctx, repo)
	if err != nil || len(list) == 0 {
		return gates, err
	}
	var results []scanners.Result
	for _, g := range gates {
		for _, f := range g.Findings {
			results = append(results, f.Result)
		}
	}
	rulings := decision.Rule(results, list, scope, time.Now())
	gates = slices.Clone(gates)
	for at := range gates {
		g := &gates[at]
		g.Findings = slices.Clone(g.Findings)
		for i := range g.Findings {
			f := &g.Findings[i]
			ruling, ok := rulings[f.Fingerprint]
			switch {
			case !ok:
			case ruling.Lapse == "":
				f.Decided = decided(ruling.Decision)
			default:
				f.Lapsed = ruling.Decision.ID + " does not count: " + ruling.Lapse
			}
		}
	}
	return gates, nil
}

func decided(d decision.Decision) *checks.Decided {
	by := []string{d.Asked}
	for _, login := range d.By {
		if !slices.Contains(by, login) {
			by = append(by, login)
		}
	}
	reason := d.Reason
	if d.Code != "" {
		reason = d.Code
		if d.Reason != "" {
			reason += ", " + d.Reason
		}
	}
	return &checks.Decided{ID: d.ID, How: how(d.Verb), By: by, Until: d.Until, Reason: reason, Ticket: d.Ticket}
}

// how says what a verb makes of a finding.
func how(verb string) string {
	switch verb {
	case "fp":
		return "marked as a false positive"
	case "not-affected":
		return "not affected"
	case "defer":
		return "deferred"
	}
	return "accepted"
}
