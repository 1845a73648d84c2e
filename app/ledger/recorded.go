package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/secbydesign/secbydesign/app/decision"
	"github.com/secbydesign/secbydesign/app/record"
)

// LastReview returns the record of the newest finished review of a pull request, or the zero value, which has no
// head, if none has finished.
func (l Reader) LastReview(ctx context.Context, repo Repo, number int) (record.Review, error) {
	events, err := l.Events(ctx, Filter{RepoID: repo.ID, Owner: repo.Owner, Repo: repo.Name, Number: number, Kind: record.Finished, Last: true})
	if err != nil || len(events) == 0 {
		return record.Review{}, err
	}
	return review(events[0])
}

func review(e Event) (record.Review, error) { return record.ReadReview(e.ID, e.At, e.Head, e.Data) }

// A Which selects decisions of a repository: those that meet at least one of its conditions.
type Which struct {
	Contents []string // of findings, see [decision.Content]
	Number   int      // of the pull request in which they were made
	IDs      []string
}

// maxContents is the most contents for which [Ledger.Decisions] runs one query each.
const maxContents = 500

// Decisions lists the selected decisions of a repository, in the order in which they were made.
func (l *Ledger) Decisions(ctx context.Context, repo Repo, which Which) ([]decision.Decision, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	found := map[string]decision.Decision{}
	made := map[string]int64{}
	read := func(condition string, arg any) error {
		rows, err := l.read.QueryContext(ctx, `
			SELECT made, `+decisionColumns+` FROM view_decisions WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND `+condition, key.ID, key.Owner, key.Name, arg)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var event int64
			d, err := scanDecision(scanner(func(dest ...any) error { return rows.Scan(append([]any{&event}, dest...)...) }))
			if err != nil {
				return err
			}
			found[d.ID], made[d.ID] = d, event
		}
		return rows.Err()
	}
	if len(which.Contents) > maxContents { // more than a repository usually has decisions, so read them all
		err = read(`$4 = $4`, 0)
		wanted := map[string]bool{}
		for _, content := range which.Contents {
			wanted[content] = true
		}
		maps.DeleteFunc(found, func(_ string, d decision.Decision) bool { return !wanted[decision.Content(d.Fingerprint)] })
		which.Contents = nil
	}
	for _, content := range which.Contents {
		err = errors.Join(err, read(`content = $4`, content))
	}
	for _, id := range which.IDs {
		err = errors.Join(err, read(`id = $4`, id))
	}
	if which.Number != 0 {
		err = errors.Join(err, read(`number = $4`, which.Number))
	}
	if err != nil {
		return nil, fmt.Errorf("read decisions: %w", err)
	}
	list := slices.Collect(maps.Values(found))
	slices.SortFunc(list, func(a, b decision.Decision) int { return cmp.Compare(made[a.ID], made[b.ID]) })
	return list, nil
}

// Counted lists the pull requests in whose newest review the decision counts.
func (l *Ledger) Counted(ctx context.Context, repo Repo, decision string) ([]int, error) {
	key, err := repo.key(ctx, l.read)
	if err != nil {
		return nil, err
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT number FROM view_counted WHERE repo_id = $1 AND owner = $2 AND repo = $3 AND decision = $4 ORDER BY number`, key.ID, key.Owner, key.Name, decision)
	if err != nil {
		return nil, fmt.Errorf("read where %s counts: %w", decision, err)
	}
	return numbers(rows)
}

// Pasts reads all reviews of the pull requests that were reviewed last, at most last of them, the newest first.
// Empty owner and repo select all repositories.
func (l Reader) Pasts(ctx context.Context, owner, repo string, last int) ([]record.Past, error) {
	subjects, err := l.Newest(ctx, Filter{Owner: owner, Repo: repo, Kind: record.Finished, Limit: last})
	if err != nil {
		return nil, err
	}
	var list []record.Past
	for _, s := range subjects {
		past := record.Past{RepoID: s.RepoID, Owner: s.Owner, Repo: s.Repo, Number: s.Number}
		events, err := l.Events(ctx, Filter{RepoID: s.RepoID, Owner: s.Owner, Repo: s.Repo, Number: s.Number, Kind: record.Finished})
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			r, err := review(e)
			if err != nil {
				return nil, err
			}
			past.RepoID, past.Owner, past.Repo = e.RepoID, e.Owner, e.Repo
			past.Reviews = append(past.Reviews, r)
		}
		if past.RepoID != 0 { // its policy is found under its current name
			is, err := l.Now(ctx, Repo{ID: past.RepoID, Owner: past.Owner, Name: past.Repo})
			if err != nil {
				return nil, err
			}
			if !strings.EqualFold(is.Owner, past.Owner) || !strings.EqualFold(is.Name, past.Repo) {
				past.Owner, past.Repo = is.Owner, is.Name
			}
		}
		list = append(list, past)
	}
	return list, nil
}

// RuleUse returns how a rule ("scanner/rule") was shown in the repositories of an owner: pull requests since the
// day of since, and findings and opinions since the day of the later time recent.
func (l Reader) RuleUse(ctx context.Context, owner, rule string, since, recent time.Time) (record.RuleUse, error) {
	if l.schema < viewsSchema {
		return l.foldRuleUse(ctx, owner, rule, since, recent)
	}
	use := record.RuleUse{Repos: map[string]record.RepoUse{}}
	rows, err := l.read.QueryContext(ctx, `
		SELECT v.repo_id, v.repo, coalesce(min(nullif(v.first_at, 0)), 0), sum(v.pulls),
			sum(CASE WHEN v.day >= $2 THEN v.findings ELSE 0 END), sum(CASE WHEN v.day >= $2 THEN v.useless ELSE 0 END)
		FROM view_rule_days v LEFT JOIN names n ON n.repo_id = v.repo_id AND n.until IS NULL
		WHERE v.rule = $1 AND v.day >= $3 AND coalesce(n.owner, v.owner) = $4
		GROUP BY v.repo_id, v.owner, v.repo`, rule, dayOf(recent), dayOf(since), strings.ToLower(owner))
	if err != nil {
		return use, fmt.Errorf("read how %s was shown: %w", rule, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, first int64
		var repo string
		var pulls int
		var r record.RepoUse
		if err := rows.Scan(&id, &repo, &first, &pulls, &r.Shown, &r.NotUseful); err != nil {
			return use, fmt.Errorf("read how %s was shown: %w", rule, err)
		}
		if first != 0 {
			r.First = time.UnixMilli(first).UTC()
		}
		use.Pulls += pulls
		if r != (record.RepoUse{}) {
			use.Repos[record.RepoKey(id, repo)] = r
		}
	}
	return use, rows.Err()
}

// RulesShown lists the rules of a scanner, without its name, that were shown in the repositories of an owner
// since the day of a time.
func (l Reader) RulesShown(ctx context.Context, owner, scanner string, since time.Time) (rules []string, err error) {
	if l.schema < viewsSchema {
		return l.foldRulesShown(ctx, owner, scanner, since)
	}
	rows, err := l.read.QueryContext(ctx, `
		SELECT DISTINCT v.rule FROM view_rule_days v LEFT JOIN names n ON n.repo_id = v.repo_id AND n.until IS NULL
		WHERE v.rule > $1 AND v.rule < $2 AND v.day >= $3 AND v.first_at <> 0 AND coalesce(n.owner, v.owner) = $4`,
		scanner+"/", scanner+"0", dayOf(since), strings.ToLower(owner)) // "0" comes after "/"
	if err != nil {
		return nil, fmt.Errorf("read which rules were shown: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var rule string
		if err := rows.Scan(&rule); err != nil {
			return nil, fmt.Errorf("read which rules were shown: %w", err)
		}
		rules = append(rules, strings.TrimPrefix(rule, scanner+"/"))
	}
	return rules, rows.Err()
}
