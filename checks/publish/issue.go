package publish

import (
	"context"

	"github.com/secbydesign/secbydesign/checks"
)

// An Issue names an issue that is no pull request.
type Issue struct {
	Owner, Repo string
	Number      int
}

func (i Issue) run(c Clients) *Run {
	return &Run{clients: c, head: Head{Owner: i.Owner, Repo: i.Repo, Number: i.Number}, issue: true}
}

// Checklists reads the App's sticky comments on an issue. The clients must have the permission for issues.
func Checklists(ctx context.Context, c Clients, i Issue) ([]checks.Sticky, error) {
	return i.run(c).stickies(ctx)
}

// KeepChecklist creates or edits the checklist on an issue so that its text is want, and hides duplicates of it. have
// are the sticky comments that exist.
func KeepChecklist(ctx context.Context, c Clients, i Issue, want string, have []checks.Sticky) error {
	return i.run(c).keep(ctx, checks.PlanName, want, have)
}
