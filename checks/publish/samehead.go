package publish

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/go-github/v60/github"

	"github.com/secbydesign/secbydesign/checks"
)

// GitHub stores check runs by commit, and the newest of a name counts, whichever pull request it belongs
// to. So if several pull requests have the same head, each shows the worst of their verdicts, and its
// run's external id holds its own.

// ShareWith sets the other open pull requests with the same head, whose verdicts count here as well.
func (r *Run) ShareWith(siblings []int) { r.siblings = siblings }

// verdict publishes the verdict's check.
func (r *Run) verdict(ctx context.Context, c checks.Check, digest string) error {
	if len(r.siblings) == 0 {
		return r.publish(ctx, c, digest)
	}
	for range 2 { // the second time for verdicts that siblings published in the meantime
		var err error
		if _, r.others, err = ours(ctx, r.clients, r.head); err != nil {
			return err
		}
		if err := r.publish(ctx, r.worst(c), digest); err != nil {
			return err
		}
	}
	return nil
}

// worst returns c, or c with the conclusion of a sibling if that is worse.
func (r *Run) worst(c checks.Check) checks.Check {
	out := c
	for _, n := range r.siblings {
		theirs := own(r.others[n])
		if weight(theirs) <= weight(out.Conclusion) {
			continue
		}
		out.Own, out.Conclusion = c.Conclusion, theirs
		out.Title = fmt.Sprintf("#%d, which has the same commit, has the result %s. This pull request alone: %s", n, theirs, c.Title)
		out.Summary = fmt.Sprintf("> Pull request #%d has the same commit, and GitHub keeps one result for both. Without it, this would be %s.\n\n", n, c.Conclusion) + c.Summary
	}
	return out
}

// own returns a pull request's own conclusion, without those of its siblings; "" while it has none.
func own(run *github.CheckRun) checks.Conclusion {
	if run.GetStatus() != "completed" {
		return ""
	}
	if m := externalID.FindStringSubmatch(run.GetExternalID()); m != nil && m[4] != "" {
		return checks.Conclusion(m[4])
	}
	return checks.Conclusion(run.GetConclusion())
}

// weight orders conclusions by how bad they are: failure, neutral, all others. Cancelled belongs to a
// review without a verdict.
func weight(c checks.Conclusion) int {
	switch c {
	case checks.Failure:
		return 2
	case checks.Neutral:
		return 1
	}
	return 0
}

// hiding returns the newer run that GitHub shows instead of ours, or nil if it shows ours. A sibling's run
// that is in progress does not count: its verdict will include ours.
func (r *Run) hiding(name string) (newest *github.CheckRun) {
	if name != checks.Name {
		return nil
	}
	for n, run := range r.others {
		waits := run.GetStatus() != "completed" && slices.Contains(r.siblings, n)
		if !waits && run.GetID() > max(r.runs[checks.Name].GetID(), newest.GetID()) {
			newest = run
		}
	}
	return newest
}
