package publish

import (
	"context"

	"github.com/secbydesign/secbydesign/checks"
)

// A Group is the verdict on the head of a merge queue's group. It has no threads: those are on the pull
// requests.
type Group struct{ run *Run }

// StartGroup shows that the group is being scanned. Head.Number is 0.
func StartGroup(ctx context.Context, c Clients, p Head, again bool) (*Group, error) {
	r := &Run{clients: c, head: p}
	var err error
	if r.runs, r.others, err = ours(ctx, c, p); err != nil {
		return nil, err
	}
	if have := r.runs[checks.Name]; have == nil || again && have.GetStatus() == "completed" {
		r.runs[checks.Name], err = r.create(ctx, checks.Check{Name: checks.Name, Title: "Scanning the merge group", Summary: "The merge group is compared with its base branch.\n"}, "", false)
		if err != nil {
			return nil, err
		}
	}
	return &Group{r}, nil
}

// Finish publishes the checks of the gates and then the verdict.
func (g *Group) Finish(ctx context.Context, rep checks.Report) error {
	for _, c := range rep.Gates {
		if err := g.run.publish(ctx, c, c.Digest()); err != nil {
			return err
		}
	}
	if err := g.run.retire(ctx, rep); err != nil {
		return err
	}
	verdict := rep.Check
	verdict.Actions = nil // there is nothing to decide here
	return g.run.publish(ctx, verdict, rep.Digest())
}
