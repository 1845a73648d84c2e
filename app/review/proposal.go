package review

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/judge"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// propose checks the policy that the change would bring in, and previews its effect. The notices are Markdown.
func (c *composer) propose(ctx context.Context, ex examine.Examination, gates []checks.Gate) (list []checks.Annotation, notices []string, err error) {
	if !ex.ChangesPolicy() {
		return nil, nil, nil
	}
	in, err := c.change.ProposedPolicy(ctx)
	if errors.Is(err, examine.ErrUnreadable) {
		return nil, []string{checks.Escape(policy.UnreadableProposal)}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if c.neighbours == nil {
		if c.neighbours, err = c.nearby(ctx); err != nil {
			return nil, nil, err
		}
	}
	in.Before, in.Known = c.layers.Merge(), c.neighbours.scanners
	in.With = func(layer policy.Layer) policy.Policy { return c.layers.With(c.pull.Repo, c.pull.Fork, layer) }
	seen := map[string]bool{}
	for _, s := range slices.Concat(judge.Subjects(gates), c.neighbours.open) {
		if !seen[s.ID] {
			seen[s.ID] = true
			in.Open = append(in.Open, s)
		}
	}
	remarks, said, err := in.Review()
	for _, one := range remarks {
		list = append(list, checks.Annotation{Path: one.File, StartLine: one.Line, EndLine: one.Line, Level: one.Level, Title: one.Title, Message: checks.Plain(one.Message)})
	}
	for _, notice := range said {
		notices = append(notices, checks.Escape(notice))
	}
	return list, notices, err
}

// neighbours holds what a proposed policy may affect beside the change. It is read once for a review.
type neighbours struct {
	open     []policy.Subject // new findings in other open pull requests, as of their last review
	scanners []string         // names that a policy may use
}

// maxPreviewed is how many open pull requests a preview counts, newest first.
const maxPreviewed = 50

func (r *Reviewer) neighbours(ctx context.Context, p pull.Pull, external []examine.External) (*neighbours, error) {
	out := &neighbours{}
	numbers, err := r.Ledger.OpenPulls(ctx, p.Repository())
	if err != nil {
		return nil, fmt.Errorf("list open pull requests: %w", err)
	}
	for _, n := range numbers[max(0, len(numbers)-maxPreviewed):] {
		if n == p.Number {
			continue
		}
		last, err := r.Ledger.LastReview(ctx, p.Repository(), n)
		if err != nil {
			return nil, err
		}
		for _, f := range last.Findings {
			scanner, rule, _ := strings.Cut(f.Rule, "/")
			if f.State == scanners.New && f.Decided == "" {
				out.open = append(out.open, policy.Subject{ID: f.ID(), Gate: f.Gate, Scanner: scanner, Rule: rule, Severity: f.Severity, Path: f.Path})
			}
		}
	}
	names, err := r.Externals.Recent(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, t := range external {
		if t.Version != "" || len(t.Head) > 0 { // it is not only required
			names = append(names, t.Info.Name)
		}
	}
	out.scanners = policy.KnownScanners(slices.Concat(names, r.Externals.Here, r.Externals.Known)...)
	return out, nil
}
