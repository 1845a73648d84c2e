package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
)

// A DecisionIn is a decision, and the repository that it is about.
type DecisionIn struct {
	Repo     Repo
	Decision decision.Decision
}

const inForceQuery = `SELECT repo_id, owner, repo, ` + decisionColumns + ` FROM view_decisions WHERE ended = ''`

// InForce lists the decisions of all repositories that count at a time and have a last day.
func (l *Ledger) InForce(ctx context.Context, now time.Time) (list []DecisionIn, err error) {
	rows, err := l.read.QueryContext(ctx, inForceQuery)
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var one DecisionIn
		one.Decision, err = scanDecision(func(dest ...any) error {
			return rows.Scan(append([]any{&one.Repo.ID, &one.Repo.Owner, &one.Repo.Name}, dest...)...)
		})
		if err != nil {
			return nil, fmt.Errorf("read decisions: %w", err)
		}
		if d := one.Decision; d.Needs == 0 && !d.Until.IsZero() && now.Before(d.Until.AddDate(0, 0, 1)) {
			list = append(list, one)
		}
	}
	return list, rows.Err()
}

// Unsure lists the pull requests that are open as far as is known, and those that were closed and whose review has not
// ended since.
func (l *Ledger) Unsure(ctx context.Context) (list []Pull, err error) {
	rows, err := l.read.QueryContext(ctx, `
		SELECT installation, repo_id, owner, repo, number, closed FROM pulls WHERE NOT closed OR reviewed <> generation
		ORDER BY repo_id, lower(owner), lower(repo), number`)
	if err != nil {
		return nil, fmt.Errorf("list pull requests: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var p Pull
		if err := rows.Scan(&p.Installation, &p.RepoID, &p.Owner, &p.Repo, &p.Number, &p.Closed); err != nil {
			return nil, fmt.Errorf("list pull requests: %w", err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}
