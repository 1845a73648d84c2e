package review

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/examine"
	"github.com/secbydesign/secbydesign/app/ledger"
	"github.com/secbydesign/secbydesign/app/policy"
	"github.com/secbydesign/secbydesign/app/pull"
	"github.com/secbydesign/secbydesign/app/record"
	"github.com/secbydesign/secbydesign/checks"
	"github.com/secbydesign/secbydesign/scanners"
)

// campaigns are the campaigns of a repository during one review.
type campaigns struct {
	running  []record.Campaign
	progress func(context.Context, string) (record.Progress, error)
	settled  func(context.Context, []checks.Finding) (map[string]bool, error) // old findings that a decision covers, by fingerprint

	of map[string][]string // ids of campaigns, by the fingerprint of an old finding that the change meets
}

// campaignsOf reads the campaigns that run in the repository of a pull request: those of commands, then those of the
// policy.
func (r *Reviewer) campaignsOf(ctx context.Context, p pull.Pull, pol policy.Policy) (*campaigns, error) {
	now := r.Clock.Now()
	c := &campaigns{
		progress: func(ctx context.Context, id string) (record.Progress, error) {
			return r.Ledger.CampaignProgress(ctx, p.Repository(), id)
		},
		settled: func(ctx context.Context, list []checks.Finding) (map[string]bool, error) {
			return r.settled(ctx, p, list, now)
		},
	}
	var err error
	if c.running, err = r.Ledger.Campaigns(ctx, p.Repository(), now); err != nil {
		return nil, err
	}
	for _, w := range pol.Campaigns {
		if one := record.NamedCampaign(w.Name, w.Rule, w.Path, w.Severity, w.Until); one.Runs(now) {
			c.running = append(c.running, one)
		}
	}
	return c, nil
}

// settled returns the old findings that somebody accepted, or showed to be wrong.
func (r *Reviewer) settled(ctx context.Context, p pull.Pull, list []checks.Finding, now time.Time) (map[string]bool, error) {
	var which ledger.Which
	for _, f := range list {
		which.Contents = append(which.Contents, decision.Content(f.Fingerprint))
	}
	slices.Sort(which.Contents)
	which.Contents = slices.Compact(which.Contents)
	decisions, err := r.Ledger.Decisions(ctx, p.Repository(), which)
	if err != nil {
		return nil, err
	}
	about := map[string][]decision.Decision{}
	for _, d := range decisions {
		about[d.Fingerprint] = append(about[d.Fingerprint], d)
	}
	out := map[string]bool{}
	for _, f := range list {
		out[f.Fingerprint] = slices.ContainsFunc(about[f.Fingerprint], func(d decision.Decision) bool {
			return d.Rule == f.RuleID() && d.Path == f.Path && d.Lapse(f.Result, now) == ""
		})
	}
	return out, nil
}

// shown returns the campaigns as the pull request shows them: with the old findings of files that the change touches. A
// finding of several campaigns is listed in the first. A nil c has none. What the policy does not show at all is no part of a campaign.
func (c *campaigns) shown(ctx context.Context, ex examine.Examination, gates []checks.Gate, owners func(string) []string) ([]checks.Campaign, error) {
	if c == nil || len(c.running) == 0 {
		return nil, nil
	}
	old, err := c.old(ctx, ex, gates)
	if err != nil {
		return nil, err
	}
	c.of = map[string][]string{}
	owned := map[string][]string{}
	for _, f := range old {
		if _, known := owned[f.Path]; !known {
			owned[f.Path] = owners(f.Path)
		}
	}
	list := make([]checks.Campaign, len(c.running))
	for i, one := range c.running {
		list[i] = checks.Campaign{ID: one.ID, Name: one.Name, Until: one.Until}
		for _, f := range old {
			if !one.Covers(f.RuleID(), f.Path, f.Severity, owned[f.Path]) {
				continue
			}
			first := len(c.of[f.Fingerprint]) == 0
			c.of[f.Fingerprint] = append(c.of[f.Fingerprint], one.ID)
			switch {
			case f.State == scanners.Absent:
				list[i].Fixed++
			case first:
				list[i].Old = append(list[i].Old, f)
			}
		}
		if len(list[i].Old)+list[i].Fixed == 0 {
			continue
		}
		p, err := c.progress(ctx, one.ID)
		if err != nil {
			return nil, err
		}
		list[i].Known, list[i].Done = p.Known, p.Fixed
	}
	return list, nil
}

// old returns the findings of the base in files that the change touches, the worst first, whether the change fixes them
// or not. Those that a decision covers are left out.
func (c *campaigns) old(ctx context.Context, ex examine.Examination, gates []checks.Gate) (list []checks.Finding, err error) {
	touched := map[string]bool{}
	for _, f := range ex.Patch.Files() {
		touched[f.NewPath], touched[f.OldPath] = true, true
	}
	var left []checks.Finding
	for _, g := range gates {
		for _, f := range g.Findings {
			if !f.Comment || f.Decided != nil || f.Commit != "" || !touched[f.Path] {
				continue
			}
			switch f.State {
			case scanners.Unchanged:
				left = append(left, f)
			case scanners.Absent:
				list = append(list, f)
			}
		}
	}
	if len(left) > 0 {
		settled, err := c.settled(ctx, left)
		if err != nil {
			return nil, fmt.Errorf("read decisions about old findings: %w", err)
		}
		left = slices.DeleteFunc(left, func(f checks.Finding) bool { return settled[f.Fingerprint] })
	}
	list = append(list, left...)
	slices.SortStableFunc(list, checks.WorstFirst)
	return list, nil
}
