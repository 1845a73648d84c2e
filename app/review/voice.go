package review

import (
	"context"
	"slices"

	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
)

// delicate are the topics about which a champion is asked without being called.
func delicate() []string {
	return []string{"public", "roles", "tenancy", "crypto", "exposure", "control"}
}

// voice chooses the champion to mention, if a pull request that is ready has a question, open or newly decided, of a
// delicate topic. Nobody is mentioned a second time in a pull request.
func (r *Reviewer) voice(ctx context.Context, p pull.Pull, pol policy.Policy, d designed) (*record.Voice, error) {
	concerns := func(q record.Question) bool {
		return slices.Contains(delicate(), q.Topic) && (q.State == record.Open || q.State == record.Answered)
	}
	due := false
	for _, q := range d.outcome.Questions {
		due = due || concerns(q.Question)
	}
	if p.Draft || !due || asksNobody(pol.Guardrails.Accept.Agents, p) || slices.ContainsFunc(d.said.Voices, func(v record.Voice) bool { return v.Role == record.Champion }) {
		return nil, nil
	}
	who, err := r.Ledger.NextVoice(ctx, pol.Champions, d.author, r.Clock.Now())
	if who == "" || err != nil {
		return nil, err
	}
	return &record.Voice{Role: record.Champion, Who: []string{who}, Place: "card"}, nil
}
